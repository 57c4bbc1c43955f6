"""More trained artefacts of chapter 10: the three cells on real text, and models for its page.

On one free core each takes one or two minutes.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from lmlib.corpora import load
from lmlib.language_model import LanguageModel, sequence_logprobs
from lmlib.ngram import train_ngram
from lmlib.pytorch import torch
from lmlib.recurrent import RecurrentConfig, RecurrentLM
from lmlib.storage import save
from lmlib.text import TextFormat, TokenIds, Vocab, encode_text, index_text
from lmlib.training import Batch, Epoch, LanguageModelling, TrainingConfig, fit

STREAM = TextFormat("characters", "stream")
SENTENCES = TextFormat("characters", "sentence")
CELLS = ("rnn", "gru", "lstm")
LEARNING_RATES = (0.003, 0.01)
SEEDS = range(3)
MUCH = 160_000  # characters to learn from
LOOKED_AT = 10_000  # characters of held-out text that decide
PIECE = 1000  # characters of a running text that are scored side by side with others


@dataclass(frozen=True)
class Text:
    """What is learned from, and how.

    Attributes
    ----------
    train, valid, test : str
    text_format : TextFormat
    min_count, order : int
        Of the vocabulary; of the n-gram model beside it.
    embedding, hidden : int
        Of the LSTM; cells with as many weights have a larger state.
    passes, batch : int
    pieces : int
        Of a pass, after each of which one looks.
    """

    train: str
    valid: str
    test: str
    text_format: TextFormat
    min_count: int
    order: int
    embedding: int
    hidden: int
    passes: int
    pieces: int = 4
    batch: int = 32

    def indexed(self) -> tuple[Vocab, list[TokenIds]]:
        """The vocabulary and the training text in tokens."""
        return index_text(self.train, self.text_format, min_count=self.min_count)

    def encoded(self, text: str, vocab: Vocab) -> list[TokenIds]:
        """Sentences, or pieces of a running text."""
        sequences = encode_text(text, self.text_format, vocab)
        if self.text_format.unit == "sentence":
            return sequences
        return np.array_split(sequences[0], max(len(sequences[0]) // PIECE, 1))


def texts() -> dict[str, Text]:
    """*Emma* in characters, much of it and a tenth of that; everyday Chinese."""
    emma, everyday = load("emma"), load("tatoeba-zh")
    held_out = emma.valid[:LOOKED_AT], emma.test[: 4 * LOOKED_AT]
    chinese = everyday.valid[:LOOKED_AT], everyday.test[: 4 * LOOKED_AT]
    return {
        "emma": Text(emma.train[:MUCH], *held_out, STREAM, 5, 8, 32, 96, passes=2, batch=8),
        "a tenth of emma": Text(
            emma.train[: MUCH // 10], *held_out, STREAM, 5, 8, 32, 96, passes=12, pieces=1, batch=8
        ),
        "everyday": Text(
            everyday.train[:MUCH], *chinese, SENTENCES, 11, 5, 32, 72, passes=2, batch=16
        ),
    }


@dataclass
class InPieces(LanguageModelling):
    """A pass in pieces, each an epoch to the loop; and the seconds that the steps took."""

    pieces: int = 4
    seconds: float = 0.0

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Give a part of the batches of a pass."""
        number, piece = divmod(epoch, self.pieces)
        count = sum(1 for _ in super().batches(number))
        first, last = piece * count // self.pieces, (piece + 1) * count // self.pieces
        started = time.process_time()
        yield from islice(super().batches(number), first, last)
        self.seconds += time.process_time() - started


def layer_weights(cell: str, embedding: int, hidden: int) -> int:
    """How many numbers a layer learns; PyTorch's GRU has one more bias."""
    blocks = {"rnn": 1, "gru": 3, "lstm": 4}[cell]
    return blocks * hidden * (embedding + hidden + 1) + hidden * (cell == "gru")


def as_many(cell: str, embedding: int, hidden: int, words: int) -> int:
    """Give the size of state with which a whole model has as many weights as this LSTM's."""

    def weights(cell: str, hidden: int) -> int:
        return layer_weights(cell, embedding, hidden) + hidden * words  # the rest is the same

    goal = weights("lstm", hidden)
    return min(range(hidden, 4 * hidden), key=lambda size: abs(weights(cell, size) - goal))


def teach(
    text: Text, config: RecurrentConfig, rate: float, seed: int
) -> tuple[RecurrentLM, list[float], list[float]]:
    """Train; give the network, seconds and held-out losses as they went."""
    torch.set_num_threads(1)
    vocab, sequences = text.indexed()
    model = RecurrentLM(config, vocab, text.text_format, seed)
    task = InPieces(
        sequences,
        text.encoded(text.valid, vocab),
        text.text_format.unit,
        vocab.bos,
        text.batch,
        seed=seed,
        pieces=text.pieces,
    )
    seconds, losses = [], []

    def look(epoch: Epoch) -> None:
        seconds.append(round(task.seconds, 2))
        losses.append(round(float(epoch.valid or 0), 4))

    epochs = text.pieces * text.passes
    settings = TrainingConfig(
        epochs, learning_rate=rate, decay=0.5, patience=epochs, decay_after=epochs - 3, seed=seed
    )
    fit(model, task, settings, report=look)
    return model, seconds, losses


def nats(model: LanguageModel, sequences: Sequence[TokenIds]) -> float:
    """Mean of -ln P over all tokens."""
    return -float(np.concatenate(sequence_logprobs(model, sequences)).mean())


def gru_lstm(name: str, path: Path) -> None:
    """With as many weights: three seeds, quality and seconds, and an n-gram model beside them.

    Each cell takes the learning rate with which seed 0 has the lower held-out loss after one pass
    over a quarter of the text.
    """
    text = texts()[name]
    vocab, sequences = text.indexed()
    unseen = text.encoded(text.test, vocab)
    counted = train_ngram(
        text.train, text.order, text_format=text.text_format, min_count=text.min_count
    )
    rows = []
    for cell in CELLS:
        hidden = as_many(cell, text.embedding, text.hidden, len(vocab))
        config = RecurrentConfig(cell=cell, embedding=text.embedding, hidden=hidden)
        first = replace(text, train=text.train[: len(text.train) // 4], passes=1, pieces=4)
        tried = {rate: min(teach(first, config, rate, 0)[2]) for rate in LEARNING_RATES}
        best = min(tried, key=lambda rate: tried[rate])
        runs = [teach(text, config, best, seed) for seed in SEEDS]
        rows.append(
            {
                "cell": cell,
                "hidden": hidden,
                "layer": layer_weights(cell, text.embedding, hidden),
                "parameters": sum(w.numel() for w in runs[0][0].parameters()),
                "learning_rate": best,
                "seconds": [seconds for _, seconds, _ in runs],
                "valid": [losses for _, _, losses in runs],
                "test": [round(nats(model, unseen), 4) for model, _, _ in runs],
            }
        )
    found = {
        "learning_rates": LEARNING_RATES,
        "tokens": sum(map(len, sequences)),
        "passes": text.passes,
        "order": text.order,
        "counted": round(nats(counted, unseen), 4),
        "rows": rows,
    }
    path.write_text(json.dumps(found) + "\n", encoding="utf-8")


def gru_lstm_emma(path: Path) -> None:
    """The three cells on 160,000 characters of *Emma*."""
    gru_lstm("emma", path)


def gru_lstm_little(path: Path) -> None:
    """The same on a tenth of them."""
    gru_lstm("a tenth of emma", path)


def gru_lstm_everyday(path: Path) -> None:
    """The same on everyday Chinese."""
    gru_lstm("everyday", path)


def emma_lstm(path: Path) -> None:
    """*Emma*, letter by letter, with as many weights as chapter 07's network."""
    config = RecurrentConfig(cell="lstm", embedding=48, hidden=157)
    whole = replace(texts()["emma"], train=load("emma").train, passes=4)
    save(teach(whole, config, 0.005, 0)[0], path)


def everyday_lstm(path: Path) -> None:
    """Everyday Chinese, character by character, with as many weights as chapter 07's network."""
    config = RecurrentConfig(cell="lstm", embedding=32, hidden=75)
    whole = replace(
        texts()["everyday"], train=load("tatoeba-zh").train, passes=4, pieces=1, batch=64
    )
    save(teach(whole, config, 0.01, 0)[0], path)


#: Name -> what writes it, at the path given.
ARTEFACTS: dict[str, Callable[[Path], None]] = {
    "gru-lstm-emma.json": gru_lstm_emma,
    "gru-lstm-little.json": gru_lstm_little,
    "gru-lstm-everyday.json": gru_lstm_everyday,
    "emma-lstm": emma_lstm,
    "everyday-lstm": everyday_lstm,
}
