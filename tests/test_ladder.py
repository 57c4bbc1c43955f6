"""The ladder: all models on the same tokens, judged alike; a new kind of network is taken in."""

import json
from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from lmlib.commands import main
from lmlib.corpora import load
from lmlib.errors import InputError
from lmlib.ladder import COUNTED, Rung, ladder, markdown, measure, parameters_of, rungs, set_aside
from lmlib.language_model import score
from lmlib.ngram import train_ngram
from lmlib.storage import KINDS
from lmlib.text import TextFormat
from lmlib.training import TrainingConfig
from lmlib.window import WindowConfig, WindowLM

LINES = load("emma").train.splitlines(keepends=True)
TEXT, TEST = "".join(LINES[:80]), "".join(LINES[80:100])
SHORT = TrainingConfig(epochs=1)
WORDS, LETTERS = TextFormat(), TextFormat("characters", "stream")

Capture = pytest.CaptureFixture[str]


class SmallWindow(WindowLM):
    """A kind of language model that somebody else wrote, in one file."""

    kind = "small-window"
    rungs: ClassVar = {"small-window": WindowConfig(2, 4, 8)}


def test_the_rungs_stand_in_the_order_of_the_chapters() -> None:
    assert list(rungs()) == ["unigram", "kneser-ney-5", "window", "rnn", "gru", "lstm"]


@pytest.mark.parametrize("text_format", [WORDS, LETTERS], ids=["words", "characters"])
def test_all_rungs_are_judged_on_the_same_tokens(text_format: TextFormat) -> None:
    found = ladder(TEXT, text_format, test=TEST, training=SHORT)
    assert [rung.name for rung in found] == list(rungs())
    assert len({(rung.tokens, rung.oov) for rung in found}) == 1
    by_name = {rung.name: rung for rung in found}
    min_count = 1 if text_format is LETTERS else 2
    alone = train_ngram(TEXT, 5, text_format=text_format, min_count=min_count, max_size=10_000)
    expected = score(alone, TEST)
    assert by_name["kneser-ney-5"].perplexity == pytest.approx(expected.perplexity)
    assert by_name["kneser-ney-5"].tokens == expected.tokens
    assert by_name["kneser-ney-5"].perplexity < by_name["unigram"].perplexity
    characters = len(TEST) if text_format is LETTERS else score(alone, TEST).characters
    bits = expected.bits_per_token * expected.tokens / characters
    assert by_name["kneser-ney-5"].bits_per_character == pytest.approx(bits)


def test_a_new_kind_of_network_is_one_line_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "small-window", f"{__name__}:SmallWindow")
    assert "small-window" in rungs()
    (rung,) = ladder(TEXT, test=TEST, names=["small-window"], training=SHORT)
    assert rung.name == "small-window" and rung.settings["hidden"] == 8


def test_parameters_are_the_numbers_that_are_kept() -> None:
    """a b, twice: unigrams <unk> <bos> <eos> a b; bigrams <bos>a ab b<eos>, without a backoff."""
    model = train_ngram("a b\na b\n", 2)
    assert model.ngrams_by_order == [5, 3]
    assert parameters_of(model) == 2 * 5 + 3
    window = WindowLM(WindowConfig(3, 4, 8), model.vocab, WORDS)
    assert parameters_of(window) == 5 * 4 + 3 * 4 * 8 + 8 + 8 * 5 + 5
    assert measure("w", window, "a b\n", 1.0, {}).parameters == parameters_of(window)


@given(st.lists(st.text(alphabet="ab ", max_size=9), min_size=10, max_size=60), st.integers(0, 99))
def test_a_tenth_is_set_aside_and_no_line_is_lost(lines: list[str], seed: int) -> None:
    text = "x" * 100 + "\n" + "".join(line + "\n" for line in lines)
    rest, test = set_aside(text, WORDS, seed)
    assert Counter((rest + test).splitlines()) == Counter(text.splitlines())
    assert len(test.splitlines()) == (len(lines) + 1) // 10
    assert set_aside(text, WORDS, seed) == (rest, test)
    first, last = set_aside(text, LETTERS, seed)
    assert first + last == text and last


def test_what_cannot_be_climbed_is_refused() -> None:
    with pytest.raises(InputError, match="no rung 'bert', only unigram, kneser-ney-5"):
        ladder(TEXT, test=TEST, names=["bert"])
    with pytest.raises(InputError, match="too short"):
        ladder("a b\n" * 9)
    with pytest.raises(InputError, match="too short"):
        ladder("a\n" * 9, LETTERS)


def test_the_command_prints_a_line_for_each_rung(tmp_path: Path, capsys: Capture) -> None:
    (text := tmp_path / "t.txt").write_text(TEXT, encoding="utf-8")
    flags = ["ladder", "--text", str(text), "--epochs", "1", "--rungs", "unigram", "window"]
    assert main(flags) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["model", "perplexity"]
    assert [line.split()[0] for line in lines] == ["unigram", "window"]
    assert main([*flags, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)["rungs"]
    assert [rung["name"] for rung in printed] == ["unigram", "window"]
    found = [Rung(**rung) for rung in printed]
    assert f"{found[0].perplexity:.2f}" == lines[0].split()[1]
    assert main([*flags, "--markdown"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[:2] == markdown(found).splitlines()[:2]
    assert [row.split("|")[1].strip() for row in table[2:]] == ["unigram", "window"]
    assert main([*flags[:3], "--rungs", "bert"]) == 2
    assert "there is no rung 'bert'" in capsys.readouterr().err
    assert main([*flags, "--max-vocab", "2"]) == 2
    assert set(COUNTED) < set(rungs())
