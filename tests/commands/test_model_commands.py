"""``lmlib score``, ``generate`` and ``rank``: what a stored model is asked on the command line."""

import io
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmlib.commands import main
from lmlib.decoding import beam_search, greedy, sample
from lmlib.language_model import score
from lmlib.ngram import MLE, Estimator, KneserNey, StupidBackoff, train_ngram
from lmlib.ngram.arpa import write_arpa
from lmlib.storage import load, save
from lmlib.text import TextFormat

TEXT = "the cat sat on the mat .\nthe dog sat on the log .\na cat saw the dog .\n" * 4

Capture = pytest.CaptureFixture[str]
AskJson = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and a text."""
    monkeypatch.chdir(tmp_path)
    store("model", KneserNey(), TEXT)
    (tmp_path / "test.txt").write_text("the cat sat on the dog .\na zebra sat .\n")
    return tmp_path


def store(name: str, smoothing: Estimator, text: str, order: int = 2, **form: Any) -> None:
    save(train_ngram(text, order, smoothing, TextFormat(**form)), name)


@pytest.fixture
def ask(capsys: Capture) -> AskJson:
    """Run a command that must work and print one JSON object and nothing else."""

    def run(*arguments: str) -> dict[str, Any]:
        assert main([*arguments, "--json"]) == 0
        output = capsys.readouterr().out
        assert output.count("\n") == 1
        result = json.loads(output, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert isinstance(result, dict)
        return result

    return run


@pytest.fixture
def fails(capsys: Capture) -> Callable[..., str]:
    """Run a command that must be refused in one sentence; give the sentence."""

    def run(*arguments: str) -> str:
        assert main(list(arguments)) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith("lmlib: ")
        assert output.err.count("\n") == 1
        return output.err

    return run


# ---------------------------------------------------------------- score


def test_score_gives_the_figures_of_a_text_scored_by_hand(ask: AskJson, here: Path) -> None:
    store("counts", MLE(), "a b\na\n", order=1)  # a 2, b 1, <eos> 2: of 5
    (here / "test.txt").write_text("a\n")
    result = ask("score", "counts", "--text", "test.txt")
    assert result == {
        "perplexity": pytest.approx(5 / 2),
        "perplexity_without_oov": pytest.approx(5 / 2),
        "tokens": 2,
        "oov": 0,
        "nats_per_token": pytest.approx(math.log(5 / 2)),
        "bits_per_token": pytest.approx(math.log2(5 / 2)),
        "bits_per_character": pytest.approx(2 * math.log2(5 / 2) / 2),  # "a" and the newline
        "normalised": True,
        "impossible": 0,
        "undefined": 0,
    }


def test_an_infinite_figure_is_null_with_a_note(ask: AskJson, here: Path) -> None:
    store("counts", MLE(), "a b\na\n", order=1)
    (here / "test.txt").write_text("a zebra\n")
    result = ask("score", "counts", "--text", "test.txt")
    assert result["perplexity"] is None
    assert result["nats_per_token"] is None
    assert result["perplexity_without_oov"] == pytest.approx(5 / 2)
    assert (result["oov"], result["impossible"]) == (1, 1)
    assert result["note"].startswith("1 token with probability zero make")


def test_an_undefined_figure_is_null_with_a_note(ask: AskJson, here: Path) -> None:
    store("counts", MLE(), "a b\na\n", order=2)
    (here / "test.txt").write_text("zebra a\n")
    result = ask("score", "counts", "--text", "test.txt")
    assert result["perplexity"] is None
    assert result["undefined"] == 1
    assert "1 token after a context that the model never saw" in result["note"]


def test_a_score_that_is_no_perplexity_says_so(ask: AskJson) -> None:
    store("backoff", StupidBackoff(), TEXT)
    result = ask("score", "backoff", "--text", "test.txt")
    assert result["normalised"] is False
    assert "do not sum to one" in result["note"]


def test_a_text_without_a_known_token_has_no_perplexity_without_oov(
    ask: AskJson, here: Path
) -> None:
    store("stream", KneserNey(), TEXT.replace("\n", " "), unit="stream")
    (here / "test.txt").write_text("zebra yak")
    result = ask("score", "stream", "--text", "test.txt")
    assert result["perplexity"] > 1
    assert result["perplexity_without_oov"] is None
    assert "every token is out of vocabulary" in result["note"]


def test_score_for_people_shows_the_same_figures(ask: AskJson, capsys: Capture) -> None:
    result = ask("score", "model", "--text", "test.txt")
    assert main(["score", "model", "--text", "test.txt"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = {line.rsplit(maxsplit=1)[0].strip(): line.rsplit(maxsplit=1)[1] for line in lines}
    assert shown["perplexity"] == f"{result['perplexity']:.4f}"
    assert shown["oov"] == "1"
    assert shown["normalised"] == "yes"


@pytest.mark.parametrize("name", ["model.arpa", "model.arpa.gz"])
def test_an_arpa_file_scores_as_the_folder_does(ask: AskJson, name: str) -> None:
    store("spaced", KneserNey(), TEXT, tokens="whitespace")
    write_arpa(load("spaced"), name)  # type: ignore[arg-type]
    folder = ask("score", "spaced", "--text", "test.txt")
    arpa = ask("score", name, "--text", "test.txt")
    assert arpa["perplexity"] == pytest.approx(folder["perplexity"], rel=1e-5)


@pytest.mark.parametrize("flag", ["--tokens", "--tokenizer"])
def test_an_arpa_file_is_read_as_the_flags_say(ask: AskJson, here: Path, flag: str) -> None:
    (here / "test.txt").write_text("the cat.\nthe dog.\n")
    write_arpa(train_ngram(TEXT, 2, KneserNey(), TextFormat("whitespace")), "m.arpa")
    # "cat." is one unknown token between white space, two known ones as words
    assert ask("score", "m.arpa", "--text", "test.txt")["oov"] == 2
    assert ask("score", "m.arpa", "--text", "test.txt", flag, "words")["oov"] == 0
    stream = ask("score", "m.arpa", "--text", "test.txt", flag, "words", "--unit", "stream")
    assert stream["tokens"] == 8  # two newlines in place of two ends
    assert stream["oov"] == 2
    stream = ask("score", "m.arpa", "--text", "test.txt", "--unit", "stream")
    assert (stream["tokens"], stream["oov"]) == (6, 4)  # the cat. NEWLINE the dog. NEWLINE


def test_a_folder_takes_no_flags_of_reading(fails: Callable[..., str]) -> None:
    for flags in (["--tokens", "words"], ["--unit", "stream"]):
        assert "says itself how" in fails("score", "model", "--text", "test.txt", *flags)


def test_score_reads_standard_input(ask: AskJson, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Path("test.txt").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    expected = score(load("model"), data.decode())
    assert ask("score", "model", "--text", "-")["perplexity"] == expected.perplexity


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"ab\xff", "standard input: not UTF-8 at byte 2 (0xff)"),
        (b"\xef\xbb\xbfab\xff", "standard input: not UTF-8 at byte 5 (0xff)"),
        (b"\n", "standard input: there is no text in it."),
    ],
)
def test_standard_input_that_is_no_text_is_refused(
    data: bytes, message: str, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert message in fails("score", "model", "--text", "-")


# ---------------------------------------------------------------- generate


def test_the_same_seed_gives_the_same_text_and_another_another(ask: AskJson) -> None:
    first, again, other = (
        ask("generate", "model", "--prompt", "the", "--seed", seed)["text"] for seed in "115"
    )
    assert first == again != other


def test_generate_gives_what_the_library_gives(ask: AskJson) -> None:
    model = load("model")
    prompt = model.vocab.encode(["the", "dog"])
    flags = ["--temperature", "1.5", "--top-k", "4", "--top-p", "0.9"]
    result = ask("generate", "model", "--prompt", "the dog", "--tokens", "7", "--seed", "3", *flags)
    rng = np.random.default_rng(3)
    (expected,) = sample(model, prompt, 7, rng=rng, temperature=1.5, top_k=4, top_p=0.9)
    assert result["tokens"] == model.vocab.decode(expected)
    assert result["seed"] == 3
    assert result["text"] == model.text_format.join(["the", "dog", *result["tokens"]])
    result = ask("generate", "model", "--prompt", "the dog", "--tokens", "7", "--greedy")
    assert result["tokens"] == model.vocab.decode(greedy(model, prompt, 7))
    result = ask("generate", "model", "--prompt", "the dog", "--tokens", "7", "--beam", "3")
    found = beam_search(model, prompt, 3, 7)
    assert [h["logprob"] for h in result["hypotheses"]] == [h.logprob for h in found]
    assert result["tokens"] == result["hypotheses"][0]["tokens"]
    assert result["tokens"] == model.vocab.decode(found[0].tokens)


def test_without_a_seed_the_one_that_was_drawn_is_told(ask: AskJson, capsys: Capture) -> None:
    result = ask("generate", "model")
    assert ask("generate", "model", "--seed", str(result["seed"]))["text"] == result["text"]
    assert main(["generate", "model"]) == 0
    assert capsys.readouterr().err.startswith("note: --seed ")


def test_generate_prints_the_prompt_and_what_follows(here: Path, capsys: Capture) -> None:
    store("line", KneserNey(), "我很喜欢吃面条\n" * 3, order=3, tokens="characters")
    assert main(["generate", "line", "--prompt", "我很", "--greedy"]) == 0
    assert capsys.readouterr().out == "我很喜欢吃面条\n"


def test_unknown_words_of_the_prompt_are_named(ask: AskJson, capsys: Capture) -> None:
    assert main(["generate", "model", "--prompt", "the zebra yak", "--greedy"]) == 0
    output = capsys.readouterr()
    assert output.out.startswith("the zebra yak")
    assert output.err == "note: not in the vocabulary, read as <unk>: yak zebra\n"
    result = ask("generate", "model", "--prompt", "the zebra", "--greedy")
    assert result["unknown"] == ["zebra"]
    model = load("model")
    prompt = np.array([model.vocab["the"], model.vocab.unk])
    assert result["tokens"] == model.vocab.decode(greedy(model, prompt, 50))


def test_a_stream_is_written_to_the_last_token_asked_for(ask: AskJson) -> None:
    store("stream", KneserNey(), TEXT, tokens="characters", unit="stream", order=4)
    result = ask("generate", "stream", "--prompt", "the", "--tokens", "60", "--seed", "0")
    assert len(result["tokens"]) == 60
    assert result["text"] == "the" + "".join(result["tokens"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--greedy", "--top-k", "3", "--temperature", "2"], "leave out --temperature and --top-k"),
        (["--beam", "2", "--top-p", "0.5"], "--beam leaves nothing to chance: leave out --top-p."),
        (["--greedy", "--beam", "2"], "not allowed with"),
        (["--tokens", "-1"], "--tokens -1: give 0 or more."),
        (["--seed", "-1"], "--seed -1: give 0 or more."),
        (["--beam", "0"], "width=0"),
        (["--top-k", "0"], "top_k=0"),
        (["--top-p", "1.5"], "top_p=1.5"),
        (["--temperature", "0"], "temperature=0.0: it must be a number above 0"),
        (["--prompt", "a\udcff"], "--prompt: what was given is not UTF-8."),
        (["--prompt", "<bos> a"], "<bos>"),
        (["--unit", "stream"], "says itself how"),
    ],
)
def test_flags_that_cannot_be_used_are_refused(
    flags: list[str], message: str, fails: Callable[..., str]
) -> None:
    store("model", KneserNey(), TEXT, tokens="whitespace")
    assert message in fails("generate", "model", *flags)


def test_a_context_without_estimate_is_refused(fails: Callable[..., str]) -> None:
    store("counts", MLE(), "a b\na\n", order=3)
    message = fails("generate", "counts", "--prompt", "b a")
    assert "no estimate for token 3 (after 'b a')" in message


def test_unknown_is_written_where_allowed(ask: AskJson) -> None:
    save(train_ngram("a a a b\n", 1, MLE(), min_count=2), "model")
    tokens = ask("generate", "model", "--seed", "0", "--tokens", "90", "--top-k", "3")["tokens"]
    assert "<unk>" not in tokens
    drawn: set[str] = set()
    for seed in range(20):
        flags = ["--seed", str(seed), "--allow-unknown"]
        drawn |= set(ask("generate", "model", *flags)["tokens"])
    assert drawn == {"a", "<unk>"}


# ---------------------------------------------------------------- rank


def test_rank_puts_the_most_probable_first(ask: AskJson, here: Path, capsys: Capture) -> None:
    (here / "lines.txt").write_text("cat the on sat .\n\nthe cat sat on the log .\n zebra\n")
    result = ask("rank", "model", "--text", "lines.txt")
    ranked = {candidate["text"]: candidate for candidate in result["candidates"]}
    assert set(ranked) == {"cat the on sat .", "the cat sat on the log .", " zebra"}
    for text, candidate in ranked.items():
        expected = score(load("model"), text)
        assert candidate["logprob"] == pytest.approx(expected.logprob)
        assert candidate["nats_per_token"] == pytest.approx(expected.nats_per_token)
        assert (candidate["tokens"], candidate["oov"]) == (expected.tokens, expected.oov)
    logprobs = [candidate["logprob"] for candidate in result["candidates"]]
    assert logprobs == sorted(logprobs, reverse=True)
    assert "note" not in result
    assert main(["rank", "model", "--text", "lines.txt"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[14:] for line in lines] == [c["text"] for c in result["candidates"]]
    assert [float(line[:12]) for line in lines] == pytest.approx(logprobs, abs=1e-4)


def test_rank_explains_candidates_without_a_number(
    ask: AskJson, here: Path, capsys: Capture
) -> None:
    store("counts", MLE(), "a b\na\n", order=2)
    (here / "lines.txt").write_text("zebra a\nb b\na b\n")
    result = ask("rank", "counts", "--text", "lines.txt")
    assert [c["text"] for c in result["candidates"]] == ["a b", "b b", "zebra a"]
    assert [c["logprob"] is None for c in result["candidates"]] == [False, True, True]
    assert "never saw" in result["note"]
    assert "probability zero" in result["note"]
    assert main(["rank", "counts", "--text", "lines.txt"]) == 0
    assert capsys.readouterr().err.count("note: ") == 2


# ---------------------------------------------------------------- models that are none


@pytest.mark.parametrize("verb", ["score", "generate", "rank"])
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nothing", "nothing: there is no model folder or ARPA file of this name."),
        (".", "this is no model folder; it holds no config.json"),
        ("test.txt", "whose name ends in .arpa or .arpa.gz"),
        ("novel.arpa", "this is no ARPA file"),
        ("damaged", "damaged or incomplete"),
        ("mixed", "they belong to different models"),
    ],
)
def test_a_model_that_is_none_is_refused_by_every_verb(
    verb: str, model: str, message: str, here: Path, fails: Callable[..., str]
) -> None:
    (here / "novel.arpa").write_text("It is a truth\n" * 200)
    for name in ("damaged", "mixed"):
        store(name, KneserNey(), TEXT)
    arrays = here / "damaged" / "arrays.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-100])
    store("other", KneserNey(), "another vocabulary\n")
    (here / "other" / "vocabulary.json").replace(here / "mixed" / "vocabulary.json")
    flags = [] if verb == "generate" else ["--text", "test.txt"]
    assert message in fails(verb, model, *flags)
