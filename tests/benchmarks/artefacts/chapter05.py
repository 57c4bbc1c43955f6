"""The artefacts of chapter 05: two window models of real text, and the experiment of exposures."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from lmlib.corpora import load
from lmlib.interactives.exposure import EXPOSURES, measure
from lmlib.storage import save
from lmlib.text import TextFormat, TokenIds, encode_text, index_text
from lmlib.training import Batch, Carried, LanguageModelling, TrainingConfig, fit
from lmlib.window import WindowConfig, WindowLM

CONTEXT = 4


@dataclass
class Windows(LanguageModelling):
    """A language model's task, cut into single predictions in random order.

    A window needs nothing but its own tokens. Cut so, every batch has the same number of
    predictions, and each token of the text weighs the same.
    """

    batch_size: int = 256

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Give what was read (B, 4) and what came (B,)."""
        read, came = _cut(self.train, self.bos)
        order = np.random.default_rng([self.seed, epoch]).permutation(len(came))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield read[rows], came[rows]

    def loss(
        self, model: Any, batch: tuple[torch.Tensor, ...], carried: Carried
    ) -> tuple[torch.Tensor, int, Carried]:
        """Sum -ln P: the last token is read, those before it are the state."""
        read, came = batch
        before = torch.cat([torch.full_like(read[:, :1], self.bos), read[:, :-1]], dim=1)
        logits, _state = model(read[:, -1:], (before,))  # (B, 1, V)
        return cross_entropy(logits[:, 0], came, reduction="sum"), len(came), None


def _cut(sequences: Sequence[TokenIds], bos: int) -> tuple[TokenIds, TokenIds]:
    """Every window (N, 4) and what follows it (N,)."""
    padded = [np.concatenate([np.full(CONTEXT, bos), ids]) for ids in sequences]
    windows = [np.lib.stride_tricks.sliding_window_view(ids, CONTEXT)[:-1] for ids in padded]
    return np.concatenate(windows), np.concatenate(list(sequences))


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
    """Train on a corpus, stop by its held-out text, store.

    The first weights are smaller than the model's own: half of a vocabulary occurs a few times,
    and what chance gave such a word at the beginning it keeps.
    """
    corpus = load(name)
    vocab, train = index_text(corpus.train, text_format, min_count=min_count)
    model = WindowLM(config, vocab, text_format, seed=0)
    with torch.no_grad():
        model.embedding.mul_(0.1)
        model.W_o.mul_(0.3)
    valid = encode_text(corpus.valid, text_format, vocab)
    task = Windows(train, valid, "sentence", vocab.bos)
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
