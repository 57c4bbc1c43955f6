"""The four steps from a text to numbers: nothing lost where that is promised, errors that help."""

import codecs
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlib.errors import InputError
from lmlib.text import (
    TOKENIZERS,
    TextFormat,
    Vocab,
    detokenize,
    encode_text,
    index_text,
    read_text,
    tokenize,
)

lines = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))
chinese_lines = st.text("我喜欢吃披萨和面条。，！Az 0９\u3000\t\r'-_", max_size=30)
texts = st.text("ab \n", max_size=40)  # blank lines, trailing newlines and none are all common
formats = st.builds(
    TextFormat, st.sampled_from(["whitespace", "words", "characters"]),
    st.sampled_from(["sentence", "stream"]), st.booleans(),
)  # fmt: skip
token_lists = st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), max_size=8)


# ---------------------------------------------------------------- tokenisers


@given(lines)
def test_characters_lose_nothing(line: str) -> None:
    assert TOKENIZERS["characters"].lossless
    assert detokenize(tokenize(line, "characters"), "characters") == line


def test_chinese_words_lose_nothing(require_module: Callable[[str, str], ModuleType]) -> None:
    require_module("jieba", "it cuts Chinese into words")

    @given(lines | chinese_lines)
    @settings(deadline=None)
    def lose_nothing(line: str) -> None:
        assert TOKENIZERS["chinese-words"].lossless
        assert detokenize(tokenize(line, "chinese-words"), "chinese-words") == line

    lose_nothing()
    assert tokenize("我喜欢吃苹果", "chinese-words") == ["我", "喜欢", "吃", "苹果"]


def test_without_jieba_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)  # None: the import fails
    with pytest.raises(InputError, match="pip install jieba"):
        tokenize("我喜欢", "chinese-words")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_stream_of_characters_is_the_text_itself(text: str) -> None:
    text_format = TextFormat("characters", "stream")
    (tokens,) = text_format.split(text)
    assert text_format.join(tokens) == text
    assert len(tokens) == len(text)


@given(lines)
def test_words_lose_spaces_alone(line: str) -> None:
    assert "".join(tokenize(line)) == "".join(c for c in line if not c.isspace())


@given(st.lists(st.sampled_from(["a", "bc", "<unk>", ".", "，", "\n"])))
def test_whitespace_tokens_of_single_spaced_text_come_back(tokens: list[str]) -> None:
    text_format = TextFormat("whitespace", "stream")
    assert text_format.split(text_format.join(tokens)) == [tokens]


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("Don't go; it's the dogs' bone.",
         ["Don't", "go", ";", "it's", "the", "dogs", "'", "bone", "."]),
        ("the dog’s ‘well-to-do’ sister-in-law -- no",
         ["the", "dog’s", "‘", "well-to-do", "’", "sister-in-law", "-", "-", "no"]),
        ("a _very_ old_hat", ["a", "_", "very", "_", "old", "_", "hat"]),
        ("今天天气很好，去吃pizza吧。",
         ["今", "天", "天", "气", "很", "好", "，", "去", "吃", "pizza", "吧", "。"]),
        ("the <unk> cat <eats>", ["the", "<unk>", "cat", "<", "eats", ">"]),
        ("naïve café, 3.14 and $5", ["naïve", "café", ",", "3", ".", "14", "and", "$", "5"]),
        ("  \t ", []),
        ("", []),
    ],
)  # fmt: skip
def test_words_stand_apart_from_punctuation(line: str, tokens: list[str]) -> None:
    assert tokenize(line) == tokens


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("the <unk>, of\tN ", ["the", "<unk>,", "of", "N"]),
        ("don't   split-me .", ["don't", "split-me", "."]),
        # as KenLM: only ASCII spaces part words, so these two are inside one
        ("ten\u00a0km\u3000on", ["ten\u00a0km\u3000on"]),
        (" ", []),
    ],
)
def test_whitespace_takes_the_text_as_it_was_tokenised(line: str, tokens: list[str]) -> None:
    assert tokenize(line, "whitespace") == tokens


@pytest.mark.parametrize(
    "line",
    [
        "The cat, which didn't sleep, was full.",
        '"Well," said he, "so be it!"',
        'He said "no" (twice); why?',
        "我喜欢吃披萨，你呢？",
    ],
)
def test_ordinary_sentences_are_written_as_they_stood(line: str) -> None:
    assert detokenize(tokenize(line)) == line


def test_an_unknown_tokeniser_or_unit_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="whitespace, words, characters, chinese-words"):
        tokenize("a", "bytes")
    with pytest.raises(InputError, match="'bytes'"):
        TextFormat("bytes")
    with pytest.raises(InputError, match="sentence or stream"):
        TextFormat("words", "paragraph")


# ---------------------------------------------------------------- units


def test_a_line_is_a_sentence_and_a_blank_line_an_empty_one() -> None:
    sentences = TextFormat("words", "sentence")
    assert sentences.split("a b\n\nc\n") == [["a", "b"], [], ["c"]]
    assert sentences.split("a b\n\nc") == [["a", "b"], [], ["c"]]
    assert sentences.split("a\n\n") == [["a"], []]
    assert sentences.split("\n") == [[]]
    assert sentences.split("") == []


def test_a_stream_is_one_text_in_which_newlines_are_tokens() -> None:
    stream = TextFormat("words", "stream")
    assert stream.split("a b\n\nc") == [["a", "b", "\n", "\n", "c"]]
    assert stream.split("a\n") == [["a", "\n"]]
    assert stream.split("") == [[]]


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\x0b", "\x0c", "\x1c", "\r"])
def test_a_newline_alone_ends_a_line(separator: str) -> None:
    assert len(TextFormat("characters", "sentence").split(f"a{separator}b\nc\n")) == 2


def test_lower_reads_capitals_as_small_letters() -> None:
    assert TextFormat("words", lower=True).split("The CAT\n") == [["the", "cat"]]
    assert TextFormat("words").split("The CAT\n") == [["The", "CAT"]]


@given(texts, formats)
def test_lines_are_what_split_gives(text: str, text_format: TextFormat) -> None:
    tokens = [token for line in text_format.lines(text) for token in line]
    assert tokens == [token for sequence in text_format.split(text) for token in sequence]


def test_characters_are_counted_with_a_newline_for_each_sentence() -> None:
    assert TextFormat("words", "sentence").count_characters("ab c\nd\n") == 7
    assert TextFormat("words", "sentence").count_characters("ab c\nd") == 7
    assert TextFormat("words", "stream").count_characters("ab c\nd") == 6
    assert TextFormat("words", "sentence").count_characters("披萨") == 3  # characters, not bytes


# ---------------------------------------------------------------- vocabulary


@given(token_lists)
def test_a_vocabulary_goes_by_frequency_and_ties_by_first_appearance(
    sequences: list[list[str]],
) -> None:
    vocab = Vocab.build(sequences)
    flat = [token for tokens in sequences for token in tokens]
    expected = sorted(set(flat), key=lambda token: (-flat.count(token), flat.index(token)))
    assert vocab.tokens == ("<unk>", "<bos>", "<eos>", *expected)
    assert vocab.counts.tolist() == [0, 0, 0, *(flat.count(token) for token in expected)]


@given(texts, formats, st.integers(1, 4), st.none() | st.integers(3, 6))
def test_index_text_is_build_then_encode(
    text: str, text_format: TextFormat, min_count: int, max_size: int | None
) -> None:
    vocab, sequences = index_text(text, text_format, min_count, max_size)
    built = Vocab.build(text_format.split(text), min_count, max_size)
    assert vocab == built
    assert vocab.counts.tolist() == built.counts.tolist()
    encoded = encode_text(text, text_format, built)
    assert [ids.tolist() for ids in sequences] == [ids.tolist() for ids in encoded]
    assert all(ids.dtype == np.int64 for ids in sequences)


@given(token_lists)
def test_encoding_and_decoding_give_the_tokens_back(sequences: list[list[str]]) -> None:
    vocab = Vocab.build(sequences)
    for tokens in sequences:
        assert vocab.decode(vocab.encode(tokens)) == tokens
        assert [vocab[token] for token in tokens] == vocab.encode(tokens).tolist()


def test_rare_tokens_become_unknown_and_are_counted_as_such() -> None:
    vocab = Vocab.build([list("aaabbc")], min_count=2)
    assert vocab.tokens == ("<unk>", "<bos>", "<eos>", "a", "b")
    assert vocab.counts.tolist() == [1, 0, 0, 3, 2]  # one c was cut off
    assert "c" not in vocab
    assert vocab.encode("abc").tolist() == [3, 4, 0]


def test_max_size_counts_the_special_tokens_and_keeps_the_most_frequent() -> None:
    vocab = Vocab.build([list("cbbaaa")], max_size=5)
    assert vocab.tokens == ("<unk>", "<bos>", "<eos>", "a", "b")
    assert len(Vocab.build([list("abc")], max_size=3)) == 3
    with pytest.raises(InputError, match="need 3"):
        Vocab.build([list("abc")], max_size=2)


def test_unk_in_the_text_is_a_word_of_it_only_where_training_saw_it() -> None:
    text_format = TextFormat("whitespace")
    with_unk, _ = index_text("the <unk> sat\n", text_format)
    without, _ = index_text("the cat sat\n", text_format)
    assert with_unk.tokens == ("<unk>", "<bos>", "<eos>", "the", "sat")
    assert with_unk.counts[with_unk.unk] == 1
    # a word of the text is 0, what is out of vocabulary is -1
    assert with_unk.encode_or_minus_one(["the", "<unk>", "dog"]).tolist() == [3, 0, -1]
    assert without.encode_or_minus_one(["the", "<unk>", "dog"]).tolist() == [3, -1, -1]
    assert with_unk.encode(["<unk>", "dog"]).tolist() == [0, 0]


@pytest.mark.parametrize("mark", ["<bos>", "<eos>"])
def test_a_text_that_holds_our_own_marks_is_refused(mark: str) -> None:
    text_format = TextFormat("whitespace")
    with pytest.raises(InputError, match=f"{mark}.*remove it"):
        Vocab.build([["a", mark]])
    with pytest.raises(InputError, match=f"{mark}.*remove it"):
        index_text(f"a {mark}\n", text_format)
    with pytest.raises(InputError, match=r"<bos> or <eos>.*remove them"):
        encode_text(f"a {mark}\n", text_format, Vocab.build([["a"]]))


@pytest.mark.parametrize("unit", ["sentence", "stream"])
def test_sentences_end_in_eos_and_streams_do_not(unit: str) -> None:
    vocab = Vocab.build([list("abb")])  # b 3, a 4
    encoded = encode_text("ab\n\nb\n", TextFormat("characters", unit), vocab)
    expected = {"sentence": [[4, 3, 2], [2], [3, 2]], "stream": [[4, 3, 0, 0, 3, 0]]}
    assert [ids.tolist() for ids in encoded] == expected[unit]


def test_a_vocabulary_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="begins with"):
        Vocab(["a", "b"])
    with pytest.raises(InputError, match="'a' twice"):
        Vocab(["<unk>", "<bos>", "<eos>", "a", "b", "a"])
    with pytest.raises(InputError, match="one count a token"):
        Vocab(["<unk>", "<bos>", "<eos>", "a"], [1, 2])


def test_vocabularies_with_the_same_tokens_are_equal() -> None:
    one, same = Vocab.build([list("ab")]), Vocab.build([list("aab")])
    other = Vocab.build([list("ba")])
    assert one == same and hash(one) == hash(same)
    assert one != other and one != one.tokens


# ---------------------------------------------------------------- reading files


def test_a_file_is_read_without_mark_and_with_plain_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(codecs.BOM_UTF8 + "披萨\r\n\r\ncafé\n".encode())
    assert read_text(path) == "披萨\n\ncafé\n"
    assert read_text(str(path)) == "披萨\n\ncafé\n"


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_wrong_encoding_is_named_with_its_byte_offset(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "gb.txt"
    path.write_bytes(mark + "é\nab".encode() + "披".encode("gb18030") + b"\n")  # 披: c5 fa
    offset = len(mark) + 5  # é is two bytes, then \n, a, b
    with pytest.raises(InputError) as error:
        read_text(path)
    assert f"gb.txt: not UTF-8 at byte {offset} (0xc5)" in str(error.value)
    assert "iconv" in str(error.value)


def test_a_missing_file_a_folder_and_an_empty_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.txt: there is no such file"):
        read_text(tmp_path / "nowhere.txt")
    with pytest.raises(InputError, match="this is a folder"):
        read_text(tmp_path)
    empty = tmp_path / "empty.txt"
    for content in (b"", b" \n\t\n", codecs.BOM_UTF8):
        empty.write_bytes(content)
        with pytest.raises(InputError, match=r"empty\.txt: there is no text in it"):
            read_text(empty)


def test_a_path_through_a_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\n")
    with pytest.raises(InputError, match=r"b\.txt"):
        read_text(tmp_path / "a.txt" / "b.txt")


def test_a_file_without_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read everything, so it is played
    with pytest.raises(InputError, match=r"secret\.txt: no permission"):
        read_text(tmp_path / "secret.txt")
