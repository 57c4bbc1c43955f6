"""The artefacts of chapter 05: two window models of real text, and the experiment of exposures."""

import json
from collections.abc import Callable
from pathlib import Path

from lmlib.corpora import load
from lmlib.interactives.exposure import EXPOSURES, measure
from lmlib.storage import save
from lmlib.text import TextFormat, encode_text, index_text
from lmlib.training import LanguageModelling, TrainingConfig, fit
from lmlib.window import WindowConfig, WindowLM

CONTEXT = 4


def emma(target: Path) -> None:
    """Words, and as many numbers as fit into a megabyte."""
    _train("emma", TextFormat("words"), 2, WindowConfig(CONTEXT, 20, 32, dropout=0.1), target)


def everyday(target: Path) -> None:
    """Everyday Chinese by characters; so many numbers, too."""
    config = WindowConfig(CONTEXT, 36, 64, dropout=0.1)
    _train("tatoeba-zh", TextFormat("characters"), 5, config, target)


def _train(
    name: str, text_format: TextFormat, min_count: int, config: WindowConfig, target: Path
) -> None:
    """Train on a corpus, stop by its held-out text, store."""
    corpus = load(name)
    vocab, train = index_text(corpus.train, text_format, min_count=min_count)
    model = WindowLM(config, vocab, text_format, seed=0)
    valid = encode_text(corpus.valid, text_format, vocab)
    task = LanguageModelling(train, valid, "sentence", vocab.bos, batch_size=12)
    fit(model, task, TrainingConfig(epochs=10, learning_rate=0.003, decay=0.3, patience=2))
    save(model, target)


def exposure(target: Path) -> None:
    """Seventy texts, and both models of each."""
    found = {str(times): measure(times) for times in EXPOSURES}
    target.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


ARTEFACTS: dict[str, Callable[[Path], None]] = {
    "emma-window": emma,
    "everyday-window": everyday,
    "exposure.json": exposure,
}
