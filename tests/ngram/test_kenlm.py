"""KenLM's own estimates, from the raw texts; and KenLM reading what we write."""

import gzip
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lmlib.language_model import score, sequence_logprobs
from lmlib.ngram import NgramLM, WittenBell, read_arpa, train_ngram, write_arpa
from lmlib.text import TextFormat, encode_text, read_text

GOLDEN = Path(__file__).parents[1] / "golden" / "kenlm"
TOKENISED = TextFormat("whitespace", "sentence")
TO_ARPA = {"<bos>": "<s>", "<eos>": "</s>"}


@dataclass
class Golden:
    name: str
    order: int
    sizes: list[int]
    discounts: list[list[float]]
    tokens: int
    oov: int
    perplexity: float
    perplexity_without_oov: float

    @property
    def texts(self) -> tuple[str, str]:
        return (
            read_text(GOLDEN / f"{self.name}.train.txt"),
            read_text(GOLDEN / f"{self.name}.test.txt"),
        )


def golden_models() -> list[Golden]:
    """The table of README.md."""
    models = []
    for line in (GOLDEN / "README.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not re.match(r"\w+\.\d", cells[0]):
            continue
        name, order = cells[0].rstrip("*").split(".")
        perplexities = [float(figure) for figure in cells[5].split("/")]
        models.append(
            Golden(
                name,
                int(order),
                [int(size) for size in cells[1].split()],
                [[float(d) for d in re.findall(r"[\d.]+", part)] for part in cells[2].split("·")],
                int(cells[3]),
                int(cells[4]),
                perplexities[0],
                perplexities[-1],
            )
        )
    return models


MODELS = golden_models()
each_model = pytest.mark.parametrize("golden", MODELS, ids=lambda g: f"{g.name}.{g.order}")


@cache
def trained(name: str, order: int) -> NgramLM:
    text = read_text(GOLDEN / f"{name}.train.txt")
    return train_ngram(text, order, text_format=TOKENISED)


def read_golden_arpa(path: Path) -> dict[tuple[str, ...], tuple[float, float]]:
    """Read by another road than lmlib's: n-gram -> log10 p, log10 b."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = [line.split("\t") for line in text.decode().split("\n") if "\t" in line]
    return {
        tuple(row[1].split()): (float(row[0]), float(row[2]) if len(row) > 2 else 0.0)
        for row in rows
    }


def test_all_four_golden_models_are_in_the_table() -> None:
    assert [(g.name, g.order) for g in MODELS] == [
        ("austen", 3),
        ("austen", 5),
        ("names", 6),
        ("tiny", 3),
    ]


@each_model
def test_same_ngrams_counted(golden: Golden) -> None:
    assert trained(golden.name, golden.order).ngrams_by_order == golden.sizes


@each_model
def test_same_discounts(golden: Golden) -> None:
    found = trained(golden.name, golden.order).summary["discounts"]
    for ours, theirs in zip(found, golden.discounts, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)


@each_model
def test_same_perplexity(golden: Golden) -> None:
    _, test = golden.texts
    scored = score(trained(golden.name, golden.order), test)
    assert (scored.tokens, scored.oov) == (golden.tokens, golden.oov)
    assert scored.perplexity == pytest.approx(golden.perplexity, rel=1e-6)
    assert scored.perplexity_without_oov == pytest.approx(golden.perplexity_without_oov, rel=1e-6)


@each_model
def test_same_probability_of_every_sentence(golden: Golden) -> None:
    model = trained(golden.name, golden.order)
    lines = (GOLDEN / f"{golden.name}.{golden.order}.sentences.txt").read_text().splitlines()
    theirs = [float(line.split()[1]) for line in lines if line.startswith("Total:")]
    ours = sequence_logprobs(model, encode_text(golden.texts[1], TOKENISED, model.vocab))
    assert [row.sum() / math.log(10) for row in ours] == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("name, order", [("tiny", 3), ("austen", 3), ("names", 6)])
def test_same_probability_and_backoff_of_every_ngram(name: str, order: int) -> None:
    model = trained(name, order)
    [path] = GOLDEN.glob(f"{name}.{order}.arpa*")
    golden = read_golden_arpa(path)
    words = [TO_ARPA.get(token, token) for token in model.vocab.tokens]
    seen = 0
    for k in range(1, order + 1):
        for number, row in enumerate(model.table.spell(k).tolist()):
            ngram = tuple(words[token] for token in row)
            logprob, backoff = golden[ngram]
            seen += 1
            if ngram != ("<s>",):  # never predicted: we say ln 0, KenLM writes 0
                assert model.logprobs[k][number] / math.log(10) == pytest.approx(logprob, abs=2e-6)
            if k < order:
                assert model.backoffs[k][number] / math.log(10) == pytest.approx(backoff, abs=2e-6)
    assert seen == len(golden)


def test_unk_in_the_text_scores_as_kenlm_does_with_the_word_renamed() -> None:
    """PTB writes <unk> for its rare words; lmplz accepts that text only with the word renamed."""
    train, test = (
        re.sub(r"\b\w*[qvx]\w*\b", "<unk>", text) for text in MODELS[1].texts
    )  # enough rare words to matter
    assert train.count("<unk>") > 1000
    known = set(train.split())
    test = "\n".join(
        " ".join(word if word in known else "<unk>" for word in line.split())
        for line in test.splitlines()
    )
    ours = score(train_ngram(train, 5, text_format=TOKENISED), test)
    renamed = score(
        train_ngram(train.replace("<unk>", "_UNK_"), 5, text_format=TOKENISED),
        test.replace("<unk>", "_UNK_"),
    )
    assert (ours.oov, renamed.oov) == (0, 0)
    # <unk> itself has, beside what KenLM gives _UNK_, the share of the word never seen, which
    # KenLM keeps apart: 1 / 4341 of the unigrams' leftover here, where one word in ten is <unk>
    assert ours.perplexity == pytest.approx(renamed.perplexity, rel=1e-4)
    assert ours.perplexity < renamed.perplexity


@pytest.mark.parametrize("smoothing", ["modified-kneser-ney", "witten-bell"])
def test_kenlm_reads_our_arpa_and_agrees_on_every_sentence(
    tmp_path: Path, require_module: Callable[[str, str], ModuleType], smoothing: str
) -> None:
    kenlm = require_module("kenlm", "pip install kenlm compiles it; a C++ compiler is needed")
    train, test = MODELS[1].texts
    model = (
        trained("austen", 5)
        if smoothing == "modified-kneser-ney"
        else train_ngram(train, 4, WittenBell(), TOKENISED)
    )
    path = tmp_path / "model.arpa"
    write_arpa(model, path)
    theirs = kenlm.Model(str(path))
    ours = sequence_logprobs(model, encode_text(test, TOKENISED, model.vocab))
    for line, row in zip(test.splitlines(), ours, strict=True):
        assert row.sum() / math.log(10) == pytest.approx(theirs.score(line), rel=1e-5)
        for token, (logprob, _, _) in zip(row, theirs.full_scores(line), strict=True):
            assert token / math.log(10) == pytest.approx(logprob, rel=1e-4, abs=1e-5)


def test_kenlms_own_arpa_file_scores_as_kenlm_does() -> None:
    model = read_arpa(GOLDEN / "austen.3.arpa.gz")
    assert model.normalised
    scored = score(model, MODELS[0].texts[1])
    assert scored.perplexity == pytest.approx(MODELS[0].perplexity, rel=1e-5)
    assert scored.oov == MODELS[0].oov
    assert np.isneginf(model.logprobs[1][model.vocab.bos])
