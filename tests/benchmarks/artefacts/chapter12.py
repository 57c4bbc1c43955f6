"""The ladder of chapter 12: six kinds of model on the same texts, from ten thousand tokens to all.

Each cell (text, budget, rung, setting) is trained once and kept in ``_build/ladder/``, so that the
work of many hours can stop and go on; ``python tests/benchmarks/artefacts/chapter12.py
"english characters"`` does the cells of one text. Delete that folder to begin anew.

A budget is all that is given: a tenth of it is held out, chooses n for Kneser-Ney and the dropout
of each network, and says when a network has learned enough. Counting then learns from all of it.

More text as a rule needs less dropout. So at the smallest budget the search begins at the largest
value, at the others at the value chosen before, and goes down for as long as that helps; the
largest budget takes what the one before it chose.
"""

import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from lmlib.corpora import TEST_CARD, load
from lmlib.decoding import sample
from lmlib.ladder import parameters_of, rungs
from lmlib.language_model import LanguageModel, rank, score, sequence_logprobs
from lmlib.ngram import train_ngram
from lmlib.pytorch import torch
from lmlib.text import TextFormat, TokenIds, Vocab, encode_text, index_text
from lmlib.training import LanguageModelling, TrainingConfig, fit

KEPT = Path(__file__).parents[3] / "_build" / "ladder"
SEED = 0
TEST_LINES = 1000
HIDDEN = 200
DROPOUTS = (0.6, 0.3, 0.0)
FEW = 100_000  # tokens: up to here there are three seeds; here samples and test lines are kept
ORDERS = range(2, 10)  # n of the Kneser-Ney model that is chosen on held-out text


@dataclass(frozen=True)
class Source:
    """Where a text comes from, and how much of it is learned from.

    Attributes
    ----------
    corpora
        Names for `lmlib.corpora.load`; lines of their training and validation texts, shuffled.
    budgets
        Tokens, ``<eos>`` among them.
    """

    corpora: tuple[str, ...]
    tokens: str
    vocabulary: int
    budgets: tuple[int, ...]


SOURCES = {
    "english words": Source(
        ("austen", "moby-dick"), "words", 5000, (10_000, 30_000, 100_000, 300_000, 1_000_000)
    ),
    "english characters": Source(
        ("austen", "moby-dick"), "characters", 200, (10_000, 30_000, 100_000, 300_000, 1_000_000)
    ),
    "chinese characters": Source(
        ("tatoeba-zh",), "characters", 4000, (10_000, 30_000, 100_000, 450_000)
    ),
}


@dataclass(frozen=True)
class Text:
    """One text, ready: the same vocabulary for all budgets, so that perplexities compare."""

    format: TextFormat
    vocab: Vocab
    lines: list[str]
    ids: list[TokenIds]
    test: str


@cache
def text_of(name: str) -> Text:
    source = SOURCES[name]
    corpora = [load(corpus) for corpus in source.corpora]
    rng = np.random.default_rng(SEED)

    def shuffled(texts: Sequence[str]) -> list[str]:
        lines = [line for text in texts for line in text.splitlines(keepends=True)]
        return [lines[i] for i in rng.permutation(len(lines))]

    lines = shuffled([corpus.train + corpus.valid for corpus in corpora])
    test = "".join(shuffled([corpus.test for corpus in corpora])[:TEST_LINES])
    text_format = TextFormat(source.tokens)
    vocab, _ = index_text("".join(lines), text_format, 2, source.vocabulary)
    return Text(text_format, vocab, lines, encode_text("".join(lines), text_format, vocab), test)


def within(text: Text, budget: int) -> tuple[int, int]:
    """How many lines the budget pays for, and how many of them are learned from; a tenth is not."""
    tokens = np.cumsum([len(ids) for ids in text.ids])
    lines = max(int(np.searchsorted(tokens, budget, side="right")), 2)
    learned = int(np.searchsorted(tokens, tokens[lines - 1] * 9 // 10))
    return lines, min(max(learned, 1), lines - 1)


# ---------------------------------------------------------------- one cell


def seeds_of(budget: int) -> range:
    return range(3) if budget <= FEW else range(1)


def train_network(
    name: str, rung: str, budget: int, dropout: float, seed: int
) -> tuple[LanguageModel, float, int]:
    """Give the trained model, its held-out loss in nats a token, and the epochs it took."""
    text = text_of(name)
    lines, learned = within(text, budget)
    kind: Any = rungs()[rung]
    config = replace(kind.rungs[rung], hidden=HIDDEN, dropout=dropout)
    model = kind(config, text.vocab, text.format, seed)
    task = LanguageModelling(
        text.ids[:learned],
        text.ids[learned:lines],
        "sentence",
        text.vocab.bos,
        batch_size=16 if budget <= FEW else 32,
        seed=seed,
    )
    history = fit(model, task, TrainingConfig(epochs=40, seed=seed))
    best = min(epoch.valid for epoch in history if epoch.valid is not None)
    return model, best, len(history)


def judged(model: LanguageModel, name: str, budget: int) -> dict[str, Any]:
    """What a model says of the test text; at the middle budget also line by line, and samples."""
    text = text_of(name)
    result = score(model, text.test)
    found: dict[str, Any] = {
        "nats_per_token": result.nats_per_token,
        "bits_per_character": result.bits_per_character,
        "perplexity": result.perplexity,
        "parameters": parameters_of(model),
    }
    if budget == FEW:
        samples = sample(model, [], 150, rng=np.random.default_rng(1), rows=3)
        tests = encode_text(text.test, text.format, text.vocab)
        join = " " if text.format.tokens == "words" else ""
        found["beside"] = {
            "writes": [
                join.join(text.vocab.tokens[i] for i in ids if i != text.vocab.eos)
                for ids in samples
            ],
            "nats": [round(-float(line.sum()), 3) for line in sequence_logprobs(model, tests)],
            "card": [round(rank(model, [line])[0].logprob, 2) for line in card_of(name)],
        }
    return found


def card_of(name: str) -> list[str]:
    """The sentences of the test card in the language of this text."""
    language = "zh" if name.startswith("chinese") else "en"
    return [entry.text for entry in TEST_CARD if entry.language == language]


def counted_cell(name: str, budget: int) -> dict[str, Any]:
    """Unigrams, Kneser-Ney of 5, and of the n that is best on what is held out."""
    text = text_of(name)
    lines, learned = within(text, budget)
    held_out = "".join(text.lines[learned:lines])
    everything = "".join(text.lines[:lines])

    def counted(order: int, raw: str) -> LanguageModel:
        return train_ngram(raw, order, text_format=text.format, vocab=text.vocab)

    tried = {
        order: score(counted(order, "".join(text.lines[:learned])), held_out).nats_per_token
        for order in ORDERS
    }
    found = {}
    for rung, order in (
        ("unigram", 1),
        ("kneser-ney-5", 5),
        ("kneser-ney-chosen", min(tried, key=lambda order: tried[order])),
    ):
        started = time.process_time()
        model = counted(order, everything)
        seconds = time.process_time() - started
        found[rung] = {"order": order, "seconds": round(seconds, 2), **judged(model, name, budget)}
    found["kneser-ney-chosen"]["held_out"] = tried
    return found


def network_cell(name: str, budget: int, rung: str, dropout: float, seed: int) -> dict[str, Any]:
    """One training; seconds are those of the processor, on one thread."""
    torch.set_num_threads(1)
    started = time.process_time()
    model, held_out, epochs = train_network(name, rung, budget, dropout, seed)
    seconds = time.process_time() - started
    return {
        "dropout": dropout,
        "seed": seed,
        "held_out": held_out,
        "epochs": epochs,
        "seconds": round(seconds, 1),
        **judged(model, name, budget),
    }


def kept(key: str, make: Callable[[], Any]) -> Any:
    """What was found before, or is found now, and kept."""
    path = KEPT / f"{key.replace(' ', '-')}.json"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        found = make()
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(found), encoding="utf-8")
        os.replace(beside, path)
        print(key, json.dumps(found)[:150], flush=True)
    return json.loads(path.read_text(encoding="utf-8"))


def trained(name: str, budget: int, rung: str, dropout: float, seed: int) -> dict[str, Any]:
    """One network, from what was kept or anew."""
    cell: dict[str, Any] = kept(
        f"{name} {budget} {rung} {dropout} {seed}",
        lambda: network_cell(name, budget, rung, dropout, seed),
    )
    return cell


def search(name: str, budget: int, rung: str, begin: float) -> list[dict[str, Any]]:
    """From dropout ``begin`` down for as long as the held-out loss falls; all that was tried."""
    tried = []
    for dropout in DROPOUTS[DROPOUTS.index(begin) :]:
        tried.append(trained(name, budget, rung, dropout, SEED))
        if tried[-1] is not best_of(tried) or budget == SOURCES[name].budgets[-1]:
            break
    return tried


def best_of(tried: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return min(tried, key=lambda cell: cell["held_out"])


@cache
def cells(name: str) -> dict[int, dict[str, Any]]:
    """All rungs at all budgets of one text; the first seed chooses, the others take its choice."""
    found: dict[int, dict[str, Any]] = {}
    chosen = {rung: DROPOUTS[0] for rung, kind in rungs().items() if kind is not None}
    for budget in SOURCES[name].budgets:
        found[budget] = kept(f"{name} {budget} counted", partial(counted_cell, name, budget))
        for rung, begin in chosen.items():
            tried = search(name, budget, rung, begin)
            chosen[rung] = best_of(tried)["dropout"]
            found[budget][rung] = {"tried": tried}
    for budget, by_rung in found.items():
        for rung in chosen:
            dropout = best_of(by_rung[rung]["tried"])["dropout"]
            by_rung[rung]["seeds"] = [
                trained(name, budget, rung, dropout, seed) for seed in seeds_of(budget)
            ]
    return found


# ---------------------------------------------------------------- the artefacts


def the_ladder(path: Path) -> None:
    """Every cell, as found."""
    result = {
        "hidden": HIDDEN,
        "dropouts": DROPOUTS,
        "test_lines": TEST_LINES,
        "texts": {
            name: {
                "corpora": source.corpora,
                "tokens": source.tokens,
                "types": len(text_of(name).vocab) - 3,
                "uniform": math.log(len(text_of(name).vocab) - 1),
                "budgets": without_lines(cells(name)),
            }
            for name, source in SOURCES.items()
        },
    }
    path.write_text(json.dumps(result), encoding="utf-8")


def without_lines(found: Any) -> Any:
    """The same, without what `side_by_side` keeps."""
    if isinstance(found, list):
        return [without_lines(cell) for cell in found]
    if isinstance(found, dict):
        return {key: without_lines(value) for key, value in found.items() if key != "beside"}
    return found


def side_by_side(path: Path) -> None:
    """At the middle budget: what each rung writes, nats for each test line and the test card."""
    result = {}
    for name in SOURCES:
        text = text_of(name)
        at_few = cells(name)[FEW]
        result[name] = {
            "tokens": [len(ids) for ids in encode_text(text.test, text.format, text.vocab)],
            "card": card_of(name),
            "oov": [
                int(sum(token == text.vocab.unk for token in ids))
                for line in card_of(name)
                for ids in encode_text(line + "\n", text.format, text.vocab)
            ],
            "rungs": {
                rung: (cell["seeds"][0] if "seeds" in cell else cell)["beside"]
                for rung, cell in at_few.items()
            },
        }
    path.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")


#: Name -> what writes it, at the path given.
ARTEFACTS: dict[str, Callable[[Path], None]] = {
    "ladder.json": the_ladder,
    "ladder-side-by-side.json": side_by_side,
}

if __name__ == "__main__":
    for text_name in sys.argv[1:]:
        cells(text_name)
