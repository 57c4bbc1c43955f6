"""The ladder: every language model on the same tokens, in one table (chapter 12).

Counting stands at its foot; above it, every network of `lmlib.storage.KINDS` that names its
``rungs``. All are trained on one text with one vocabulary, and judged on one other.
"""

import importlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmlib.errors import InputError
from lmlib.language_model import LanguageModel, score
from lmlib.neural import NeuralLM
from lmlib.ngram import ModifiedKneserNey, train_ngram
from lmlib.storage import KINDS, save
from lmlib.text import TextFormat, Vocab, encode_text, index_text
from lmlib.training import LanguageModelling, TrainingConfig, fit, hold_out

#: The rungs that are counted: a name, and n.
COUNTED = {"unigram": 1, "kneser-ney-5": 5}


@dataclass(frozen=True)
class Rung:
    """What one model of the ladder came to.

    Attributes
    ----------
    name
    perplexity, nats_per_token, bits_per_character
        On the test text.
    tokens, oov
        Of the test text: how many were scored, and how many of them as ``<unk>``.
    parameters
        Numbers that the model keeps: weights, or probabilities and backoff weights of n-grams.
    seconds
        To train it.
    bytes
        Of its folder on disk.
    settings
        What it is made of.
    """

    name: str
    perplexity: float
    nats_per_token: float
    bits_per_character: float
    tokens: int
    oov: int
    parameters: int
    seconds: float
    bytes: int
    settings: dict[str, Any]


def rungs() -> dict[str, type[NeuralLM] | None]:
    """Every rung by name, in the order of the chapters; None for those that are counted."""
    found: dict[str, type[NeuralLM] | None] = dict.fromkeys(COUNTED)
    for place in KINDS.values():
        module, _, name = place.partition(":")
        kind = getattr(importlib.import_module(module), name)
        if issubclass(kind, NeuralLM):
            found |= dict.fromkeys(kind.rungs, kind)
    return found


def ladder(
    text: str,
    text_format: TextFormat | None = None,
    *,
    test: str | None = None,
    names: Sequence[str] | None = None,
    min_count: int | None = None,
    max_vocab: int = 10_000,
    training: TrainingConfig | None = None,
    progress: Callable[[str], None] | None = None,
    report: Callable[[Rung], None] | None = None,
) -> list[Rung]:
    """Train and score every language model on a text.

    Parameters
    ----------
    text
    text_format
        How it is read; by default words, a sentence a line.
    test
        What the models are judged on; by default a tenth of the text is set aside for it
        (`set_aside`).
    names
        Which `rungs`; by default all.
    min_count
        Rarer tokens are read as ``<unk>``; by default 1 for characters, 2 for all else.
    max_vocab
        At most so many tokens in the vocabulary.
    training
        How the networks are trained. A twentieth of the text says when they have learned enough;
        what is counted needs no such judge, and learns from all of it.
    progress
        Called now and then with a few words.
    report
        Called with each rung as soon as it is there.

    Raises
    ------
    InputError
        If a name is not known, or the text is too short.
    """
    text_format = text_format or TextFormat()
    training = training or TrainingConfig()
    known = rungs()
    names = list(known) if names is None else names
    for name in names:
        if name not in known:
            raise InputError(f"there is no rung {name!r}, only {', '.join(known)}.")
    if test is None:
        text, test = set_aside(text, text_format, training.seed)
    if min_count is None:
        min_count = 1 if text_format.tokens == "characters" else 2
    vocab, _ = index_text(text, text_format, min_count, max_vocab)
    found = []
    for name in names:
        kind = known[name]

        def say(words: str, name: str = name) -> None:
            if progress:
                progress(f"{name}: {words}")

        say("training")
        started = time.perf_counter()
        if kind is None:
            model, settings = _counted(name, text, text_format, vocab)
        else:
            model, settings = _trained(kind, name, text, text_format, vocab, training, say)
        seconds = time.perf_counter() - started
        say("scoring")
        found.append(measure(name, model, test, seconds, settings))
        if report:
            report(found[-1])
    return found


def set_aside(text: str, text_format: TextFormat, seed: int) -> tuple[str, str]:
    """Set a tenth of a text aside for the test: lines drawn by chance, or the end of a stream.

    Raises
    ------
    InputError
        If there is too little of it: ten lines, or a hundred characters.
    """
    lines = text.splitlines(keepends=True)
    if len(text) < 100 or (text_format.unit == "sentence" and len(lines) < 10):
        raise InputError(
            "this text is too short to set a tenth of it aside: give ten lines and a hundred "
            "characters or more, or a test text of its own."
        )
    if text_format.unit == "stream":
        cut = text.rfind("\n", 0, len(text) * 9 // 10) + 1 or len(text) * 9 // 10
        return text[:cut], text[cut:]
    order = np.random.default_rng(seed).permutation(len(lines))
    chosen = set(order[: len(lines) // 10].tolist())
    rest = "".join(line for i, line in enumerate(lines) if i not in chosen)
    return rest, "".join(lines[i] for i in sorted(chosen))


def _counted(
    name: str, text: str, text_format: TextFormat, vocab: Vocab
) -> tuple[LanguageModel, dict[str, Any]]:
    order = COUNTED[name]
    model = train_ngram(text, order, ModifiedKneserNey(), text_format, vocab=vocab)
    return model, {"order": order, "smoothing": "modified-kneser-ney"}


def _trained(
    kind: Any,
    name: str,
    text: str,
    text_format: TextFormat,
    vocab: Vocab,
    training: TrainingConfig,
    progress: Callable[[str], None],
) -> tuple[LanguageModel, dict[str, Any]]:
    train, valid = hold_out(encode_text(text, text_format, vocab), text_format.unit, training.seed)
    model = kind(kind.rungs[name], vocab, text_format, training.seed)
    task = LanguageModelling(train, valid, text_format.unit, vocab.bos, seed=training.seed)
    history = fit(model, task, training, progress=progress)
    return model.cpu(), {**asdict(model.config), "epochs": len(history)}


def measure(
    name: str, model: LanguageModel, test: str, seconds: float, settings: dict[str, Any]
) -> Rung:
    """Score a model that took so many seconds to train."""
    result = score(model, test)
    with tempfile.TemporaryDirectory() as folder:
        save(model, Path(folder, "model"))
        size = sum(file.stat().st_size for file in Path(folder, "model").iterdir())
    return Rung(
        name,
        result.perplexity,
        result.nats_per_token,
        result.bits_per_character,
        result.tokens,
        result.oov,
        parameters_of(model),
        round(seconds, 2),
        size,
        settings,
    )


def parameters_of(model: LanguageModel) -> int:
    """How many numbers a model keeps: weights; of n-grams, probabilities and backoff weights."""
    if isinstance(model, NeuralLM):
        return sum(weight.numel() for weight in model.parameters())
    by_order = model.ngrams_by_order  # type: ignore[attr-defined]
    return sum(by_order) + sum(by_order[:-1])


HEAD = ("model", "perplexity", "bits/character", "parameters", "seconds", "bytes")


def cells_of(rung: Rung) -> tuple[str, ...]:
    """A row of the table, as text."""
    return (
        rung.name,
        f"{rung.perplexity:.2f}",
        f"{rung.bits_per_character:.3f}",
        f"{rung.parameters:,}",
        f"{rung.seconds:,.1f}",
        f"{rung.bytes:,}",
    )


def markdown(found: Sequence[Rung]) -> str:
    """The table in Markdown."""
    lines = ["| " + " | ".join(HEAD) + " |", "|:--|" + "--:|" * (len(HEAD) - 1)]
    lines += ["| " + " | ".join(cells_of(rung)) + " |" for rung in found]
    return "\n".join(lines)
