"""ARPA files: what is written is read again; what cannot be written, or is damaged, is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlib.errors import InputError
from lmlib.language_model import score
from lmlib.ngram import (
    MLE,
    AddK,
    Katz,
    KneserNey,
    ModifiedKneserNey,
    StupidBackoff,
    WittenBell,
    prune,
    read_arpa,
    train_ngram,
    write_arpa,
)
from lmlib.ngram.estimators import Estimator
from lmlib.text import TextFormat

TOKENISED = TextFormat("whitespace", "sentence")
TEXT = "the cat sat\nthe cats sat down\na cat sat on the mat\n" * 3 + "the dog barked\n"

SMALL = """\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-99\t<s>\t-0.30103
-0.60206\t</s>
-0.60206\t<unk>
-0.30103\tcat\t-0.30103

\\2-grams:
-0.1\t<s> cat
-0.2\tcat </s>

\\end\\
"""


@pytest.mark.parametrize("suffix", [".arpa", ".arpa.gz"])
@pytest.mark.parametrize("smoothing", [ModifiedKneserNey(), KneserNey(), WittenBell(), Katz()])
def test_what_is_written_is_read_again(tmp_path: Path, smoothing: Estimator, suffix: str) -> None:
    model = train_ngram(TEXT, 4, smoothing, TOKENISED)
    path = tmp_path / f"model{suffix}"
    write_arpa(model, path)
    again = read_arpa(path)
    assert again.ngrams_by_order == model.ngrams_by_order
    assert again.normalised
    test = "the cat barked\nzebras sat\n\n"
    assert score(again, test).oov == score(model, test).oov == 1
    assert score(again, test).perplexity == pytest.approx(score(model, test).perplexity, rel=1e-6)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # nothing left beside it


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=5), min_size=1, max_size=10))
def test_round_trip_of_any_small_model(
    tmp_path_factory: pytest.TempPathFactory, lines: list
) -> None:
    text = "".join(" ".join(line) + "\n" for line in lines)
    model = train_ngram(text, 3, text_format=TOKENISED)
    path = tmp_path_factory.mktemp("arpa") / "model.arpa"
    write_arpa(model, path)
    again = read_arpa(path)
    tokens = [again.vocab[token] for token in model.vocab.tokens]
    ours, _ = model.step([model.vocab.bos], model.initial_state(1))
    theirs, _ = again.step([again.vocab.bos], again.initial_state(1))
    np.testing.assert_allclose(ours[0], theirs[0, tokens], rtol=1e-6, atol=1e-6)


def test_a_pruned_model_is_read_again(tmp_path: Path) -> None:
    """Pruning may take an n-gram and leave a longer one that ends in it."""
    model = prune(train_ngram(TEXT, 4, text_format=TOKENISED), 1e-3)
    write_arpa(model, tmp_path / "pruned.arpa")
    again = read_arpa(tmp_path / "pruned.arpa")
    assert score(again, TEXT).perplexity == pytest.approx(score(model, TEXT).perplexity, rel=1e-6)


@pytest.mark.parametrize("smoothing", [MLE(), AddK(1), StupidBackoff()])
def test_what_the_format_cannot_express_is_refused(tmp_path: Path, smoothing: Estimator) -> None:
    model = train_ngram(TEXT, 2, smoothing, TOKENISED)
    with pytest.raises(InputError, match=f"cannot express {smoothing.name}"):
        write_arpa(model, tmp_path / "model.arpa")
    assert not list(tmp_path.iterdir())


def test_add_k_of_order_one_can_be_written(tmp_path: Path) -> None:
    model = train_ngram(TEXT, 1, AddK(1), TOKENISED)
    write_arpa(model, tmp_path / "model.arpa")
    assert score(read_arpa(tmp_path / "model.arpa"), TEXT).perplexity == pytest.approx(
        score(model, TEXT).perplexity, rel=1e-6
    )


def test_tokens_with_white_space_are_refused(tmp_path: Path) -> None:
    model = train_ngram(TEXT, 2, text_format=TextFormat("characters", "stream"))
    with pytest.raises(InputError, match="white space"):
        write_arpa(model, tmp_path / "model.arpa")


def test_a_text_that_holds_kenlms_marks_is_refused(tmp_path: Path) -> None:
    model = train_ngram("<s> a b </s>\n", 2, text_format=TOKENISED)
    with pytest.raises(InputError, match="<s>"):
        write_arpa(model, tmp_path / "model.arpa")


def test_a_file_that_does_not_sum_to_one_says_so(tmp_path: Path) -> None:
    path = tmp_path / "small.arpa"
    path.write_text(SMALL)
    assert not read_arpa(path).normalised


@pytest.mark.parametrize(
    "old, new, line, message",
    [
        ("\\data\\", "It is a truth", None, "no ARPA file"),
        ("ngram 2=2", "ngram 3=2", 3, "order 2"),
        ("ngram 1=4", "ngram 1=5", 10, "no 1-gram"),
        ("ngram 1=4", "ngram 1=3", 9, "expected"),
        ("ngram 2=2", "ngram 2=3", 14, "no 2-gram"),
        ("-0.2\tcat", "minus\tcat", 13, "'minus' is no number"),
        ("-0.2\tcat", "nan\tcat", 13, "nan"),
        ("cat </s>", "dog </s>", 13, "'dog' is not among the 1-grams"),
        ("cat </s>", "</s>", 13, "no 2-gram"),
        ("-0.2\tcat </s>", "-0.2\t<s> cat", None, "twice"),
        ("-0.60206\t<unk>", "-0.60206\tcat", None, "twice"),
        ("\\end\\\n", "", None, "ends too early"),
        ("-0.60206\t</s>\n", "-0.60206\tdog\n", None, "no </s>"),
    ],
)
def test_a_damaged_file_is_refused_with_the_line(
    tmp_path: Path, old: str, new: str, line: int | None, message: str
) -> None:
    path = tmp_path / "damaged.arpa"
    assert old in SMALL
    path.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        read_arpa(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    if line is not None:
        assert f"line {line}:" in str(error.value)


def test_damaged_compression_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.arpa.gz"
    path.write_bytes(gzip.compress(SMALL.encode())[:-20])
    with pytest.raises(InputError, match="damaged"):
        read_arpa(path)


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_arpa(tmp_path / "none.arpa")
    with pytest.raises(InputError, match="folder"):
        read_arpa(tmp_path)
