"""``lmlib train``: what it writes, what it says, and what it refuses before it writes."""

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from lmlib.commands import main
from lmlib.commands.arguments import TOKENIZER_NAMES
from lmlib.commands.train import SMOOTHING_NAMES
from lmlib.corpora import load as load_corpus
from lmlib.language_model import perplexity, score
from lmlib.ngram import (
    SMOOTHINGS,
    AddK,
    Interpolated,
    KneserNey,
    ModifiedKneserNey,
    NgramLM,
    train_ngram,
)
from lmlib.storage import load
from lmlib.text import TOKENIZERS, TextFormat

TEXT = "".join(load_corpus("emma").train.splitlines(keepends=True)[:200])
OTHER = "".join(load_corpus("emma").test.splitlines(keepends=True)[:50])

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a text to train on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "other.txt").write_text(OTHER, encoding="utf-8")
    return tmp_path


def train(*flags: str, out: str = "model") -> int:
    return main(["train", "ngram", "--text", "train.txt", "--out", out, *flags])


def trained(path: str = "model") -> NgramLM:
    model = load(path)
    assert isinstance(model, NgramLM)
    return model


# ---------------------------------------------------------------- what is learned


def test_the_names_on_the_command_line_are_those_of_the_library() -> None:
    assert list(SMOOTHING_NAMES) == list(SMOOTHINGS)
    assert list(TOKENIZER_NAMES) == list(TOKENIZERS)


def test_the_defaults_are_a_trigram_of_words_and_sentences_with_modified_kneser_ney() -> None:
    assert train() == 0
    model, expected = trained(), train_ngram(TEXT, 3, ModifiedKneserNey(), TextFormat())
    assert model.text_format == TextFormat("words", "sentence", lower=False)
    assert model.ngrams_by_order == expected.ngrams_by_order
    assert perplexity(model, OTHER) == perplexity(expected, OTHER)


@pytest.mark.parametrize("name", SMOOTHING_NAMES)
def test_every_smoothing_trains_the_model_of_the_library(name: str, capsys: Capture) -> None:
    assert train("--smoothing", name, "--order", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["smoothing"] == name
    expected = train_ngram(TEXT, 2, SMOOTHINGS[name]())
    line = TEXT.splitlines()[3]  # seen, so that maximum likelihood has an estimate too
    assert trained().summary["smoothing"] == name
    assert score(trained(), line) == score(expected, line)


def test_every_flag_reaches_the_model() -> None:
    flags = ["--order", "4", "--smoothing", "add-k", "--k", "0.25", "--tokens", "characters"]
    flags += ["--unit", "stream", "--lower", "--max-vocab", "20"]
    assert train(*flags) == 0
    form = TextFormat("characters", "stream", lower=True)
    expected = train_ngram(TEXT, 4, AddK(0.25), form, max_size=20)
    assert trained().text_format == form
    assert trained().vocab.tokens == expected.vocab.tokens
    assert len(expected.vocab) == 20
    assert trained().ngrams_by_order == expected.ngrams_by_order
    assert perplexity(trained(), OTHER) == perplexity(expected, OTHER)


def test_rare_tokens_are_left_out(here: Path) -> None:
    (here / "train.txt").write_text("a b a b a\nc\n")
    assert train("--min-count", "2", "--smoothing", "kneser-ney") == 0
    assert trained().vocab.tokens[3:] == ("a", "b")


def test_interpolated_learns_its_weights_from_the_validation_text(capsys: Capture) -> None:
    assert train("--smoothing", "interpolated", "--valid", "other.txt", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    expected = train_ngram(TEXT, 3, Interpolated(), valid=OTHER)
    assert trained().summary["weights"] == expected.summary["weights"]
    assert result["weights_from"] == "other.txt"
    assert result["valid"] is None


def test_interpolated_without_a_validation_text_says_what_it_held_out(capsys: Capture) -> None:
    assert train("--smoothing", "interpolated") == 0
    assert "from the last tenth of the text, held out" in capsys.readouterr().out


def test_the_others_report_the_perplexity_of_the_validation_text(capsys: Capture) -> None:
    assert train("--valid", "other.txt", "--json") == 0
    figures = json.loads(capsys.readouterr().out)["valid"]
    assert figures["perplexity"] == perplexity(train_ngram(TEXT), OTHER)


def test_an_infinite_figure_of_the_validation_text_is_null_and_explained(capsys: Capture) -> None:
    assert train("--smoothing", "mle", "--valid", "other.txt", "--json") == 0
    figures = json.loads(capsys.readouterr().out)["valid"]
    assert figures["perplexity"] is None
    assert "has no estimate" in figures["note"]


def test_standard_input_is_a_text_too(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfa b\r\na c\r\n"))
    monkeypatch.setattr(sys, "stdin", data)
    assert train("--text", "-", "--tokens", "characters") == 0
    assert trained().vocab.tokens[3:] == ("a", " ", "b", "c")


# ---------------------------------------------------------------- what is written and said


def test_the_summary_counts_what_was_read(here: Path, capsys: Capture) -> None:
    (here / "train.txt").write_text("a b a\nb\n")
    assert train("--order", "2", "--smoothing", "kneser-ney", "--json") == 0
    output = capsys.readouterr()
    assert output.err == ""
    result = json.loads(output.out)
    assert result["tokens"] == 4
    assert result["types"] == 2
    # <unk> <bos> <eos> a b; <bos> a, a b, b a, a <eos>, <bos> b, b <eos>
    assert result["ngrams"] == [5, 6]
    assert result["out"] == "model"
    assert result["bytes"] == sum(path.stat().st_size for path in (here / "model").iterdir())


def test_the_summary_for_people_names_the_essentials(capsys: Capture) -> None:
    assert train("--valid", "other.txt") == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["learned"].startswith("modified-kneser-ney, order 3, from ")
    assert " · " in lines["n-grams"]
    assert lines["discounts"].count(";") == 2
    assert lines["valid"].startswith("perplexity ")
    assert lines["written"].startswith("model, ")


def test_discounts_that_fell_back_are_named(here: Path, capsys: Capture) -> None:
    (here / "train.txt").write_text("a b c\n" * 3)
    assert train() == 0
    assert "in order 1, 2, 3 the counts of counts gave no discounts" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["model.arpa", "model.arpa.gz"])
def test_out_with_an_arpa_name_writes_arpa(here: Path, name: str) -> None:
    assert train("--tokens", "whitespace", out=name) == 0
    data = (here / name).read_bytes()
    if name.endswith(".gz"):
        data = gzip.decompress(data)
    assert data.startswith(b"\\data\\\nngram 1=")
    expected = train_ngram(TEXT, text_format=TextFormat("whitespace"))
    assert perplexity(trained(name), OTHER) == pytest.approx(perplexity(expected, OTHER), 1e-5)


def test_an_older_model_is_replaced() -> None:
    assert train("--order", "2") == 0
    assert train("--order", "4") == 0
    assert trained().order == 4


def test_progress_is_shown_where_somebody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert train() == 0
    assert "counting 3-grams" in terminal.getvalue()


# ---------------------------------------------------------------- what is refused


def files(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


REFUSED = {
    "order 0": (["--order", "0"], "--order 0: an n-gram has at least one token; give 1 or more."),
    "order word": (["--order", "two"], "invalid int value: 'two'"),
    "k negative": (["--smoothing", "add-k", "--k", "-1"], "--k -1: add-k adds a number above 0"),
    "k nan": (["--smoothing", "add-k", "--k", "nan"], "--k nan: add-k adds a number above 0"),
    "k alone": (["--k", "1"], "--k belongs to --smoothing add-k, not to modified-kneser-ney"),
    "smoothing": (["--smoothing", "good"], "invalid choice: 'good' (choose from"),
    "min count": (["--min-count", "0"], "--min-count 0: give 1 or more"),
    "max vocab": (["--max-vocab", "3"], "--max-vocab 3: <unk>, <bos> and <eos> take 3"),
    "unknown flag": (["--epochs", "3"], "unrecognized arguments: --epochs 3"),
    "shortened flag": (["--ord", "3"], "unrecognized arguments: --ord 3"),
    "no text": (["--text", "nothing.txt"], "nothing.txt: there is no such file."),
    "a folder": (["--text", "folder"], "folder: this is a folder; name a text file in it."),
    "below a file": (["--text", "other.txt/a"], "other.txt/a: there is no such file."),
    "empty": (["--text", "empty.txt"], "empty.txt: there is no text in it."),
    "encoding": (["--text", "gb.txt"], "gb.txt: not UTF-8 at byte 3 (0xce); convert it first"),
    "no valid": (["--valid", "nothing.txt"], "nothing.txt: there is no such file."),
    "twice stdin": (["--text", "-", "--valid", "-"], "standard input can be read once"),
    "out nowhere": (["--out", "no/model"], "there is no folder"),
    "arpa nowhere": (["--out", "no/model.arpa"], "there is no folder"),
    "out occupied": (["--out", "folder"], "holds something other than a model"),
    "arpa folder": (["--out", "taken.arpa"], "a folder of this name is in the way"),
    "out is a file": (["--out", "other.txt"], "a file of this name is in the way"),
    "out is text": (["--out", "train.txt"], "--out train.txt is the text itself"),
    "out is valid": (["--valid", "text.arpa", "--out", "./text.arpa"], "is the text itself"),
    "no arpa": (["--smoothing", "stupid-backoff", "--out", "m.arpa"], "ARPA file cannot express"),
}  # fmt: skip


@pytest.mark.parametrize(("flags", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_used_is_refused_in_a_sentence_and_nothing_is_written(
    here: Path, flags: list[str], message: str, capsys: Capture
) -> None:
    (here / "folder").mkdir()
    (here / "folder" / "thesis.tex").write_text("ten years")
    (here / "taken.arpa").mkdir()
    (here / "text.arpa").write_text("a text\n")
    (here / "empty.txt").write_text(" \n")
    (here / "gb.txt").write_bytes(b"abc" + "我".encode("gb18030"))
    before = files(here)
    assert train(*flags) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("lmlib: ")
    assert output.err.count("\n") == 1
    assert message in output.err
    assert files(here) == before


def test_what_the_text_itself_is_too_short_for_is_refused(here: Path, capsys: Capture) -> None:
    (here / "train.txt").write_text("one line\n")
    assert train("--smoothing", "interpolated") == 2
    assert "too short to hold a tenth of it out" in capsys.readouterr().err
    assert not (here / "model").exists()


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    assert train("--tokens", "chinese-words") == 2
    assert "pip install jieba" in capsys.readouterr().err


def test_a_full_disk_is_exit_code_1_and_leaves_the_old_model(here: Path, capsys: Capture) -> None:
    resource = pytest.importorskip("resource", reason="no limits to set on this system")
    assert train("--order", "2") == 0
    before = files(here)
    capsys.readouterr()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        codes = [train(), train("--tokens", "whitespace", out="new.arpa")]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert codes == [1, 1]
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all(error.startswith("lmlib: ") and "too large" in error for error in errors)
    assert files(here) == before


def test_memory_that_runs_out_is_exit_code_1(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def greedy_for_memory(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 7 TiB")

    monkeypatch.setattr("lmlib.ngram.train_ngram", greedy_for_memory)
    assert train() == 1
    assert "lmlib: memory ran out (Unable to allocate 7 TiB)" in capsys.readouterr().err
    assert not (here / "model").exists()


def test_kneser_ney_is_not_taken_for_its_modified_form() -> None:
    assert train("--smoothing", "kneser-ney") == 0
    expected = train_ngram(TEXT, 3, KneserNey())
    assert trained().summary["discounts"] == expected.summary["discounts"]
