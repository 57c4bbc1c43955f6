"""The trained artefacts of chapter 10: three cells over a distance, and on real text.

On one free core `agreement_cells` takes a quarter of an hour, `gru_lstm` as long, and each of the
three models for the page a minute or less.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from chapter08 import write_json

from lmlib.corpora.agreement import ENGLISH, LONGEST, cats
from lmlib.diagnostics import gate_traces, gradient_norms, retention
from lmlib.neural import seeded
from lmlib.pytorch import nn, torch
from lmlib.recurrent import RecurrentConfig, RecurrentLM
from lmlib.storage import save
from lmlib.text import SPECIAL_TOKENS, TextFormat, Vocab
from lmlib.training import Batch, Carried, Epoch, TrainingConfig, fit

Pairs = tuple[np.ndarray, np.ndarray]  # tokens (N, T) up to the verb, verbs (N,)

WORDS = TextFormat("whitespace")
VOCAB = Vocab([*SPECIAL_TOKENS, *ENGLISH])
EMBEDDING, HIDDEN = 16, 32
TRAIN, HELD_OUT, TEST = 8000, 400, 200  # sentences; of the test at each distance
BATCH, STEPS, BETWEEN = 32, 1250, 50  # steps in all, and between two looks
FEWER = 1000  # steps of the other trainings
LEARNING_RATES = (0.001, 0.003, 0.01)
SEEDS = range(5)
DISTANCES = (1, 5, 10, 20, 30, 40, 50)
BIASES = (-1, 0, 1, 2, 3, 4, 5, 6)  # of the gate that keeps, for the gradients before training


# ---------------------------------------------------------------- the agreement task


@dataclass
class Agreement:
    """Predict each word up to the verb, or the verb alone.

    Attributes
    ----------
    distances : sequence of int
        Sentences of these, equally many of each.
    every_word : bool
        The loss of a language model; else that of the verb.
    seed : int
        Of the order of the batches.
    """

    distances: Sequence[int]
    every_word: bool
    seed: int

    def __post_init__(self) -> None:
        share = len(self.distances)
        self.train = [sentences(TRAIN // share, d, 100 + d) for d in self.distances]
        self.valid = [sentences(HELD_OUT // share, d, 200 + d) for d in self.distances]

    def batches(self, epoch: int) -> Iterator[Batch]:
        """An epoch is `BETWEEN` steps of a pass; each batch has sentences of one distance."""
        per_pass = TRAIN // BATCH // BETWEEN
        rng = np.random.default_rng([self.seed, epoch // per_pass])
        pieces = [
            (inputs[some], verbs[some])
            for inputs, verbs in self.train
            for some in np.array_split(rng.permutation(len(inputs)), len(inputs) // BATCH)
        ]
        order = rng.permutation(len(pieces))
        first = epoch % per_pass * BETWEEN
        for i in order[first : first + BETWEEN]:
            yield pieces[i]

    def loss(
        self, model: nn.Module, batch: tuple[torch.Tensor, ...], carried: Carried
    ) -> tuple[torch.Tensor, int, Carried]:
        """Sum -ln P."""
        inputs, verbs = batch
        logits, _ = model(inputs)  # (B, T, V)
        if self.every_word:
            targets = torch.cat([inputs[:, 1:], verbs[:, None]], dim=1)  # (B, T)
        else:
            logits, targets = logits[:, -1:], verbs[:, None]
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
        return loss, targets.numel(), None

    def evaluate(self, model: nn.Module) -> float:
        """Mean of -ln P on held-out sentences."""
        tensors = [(torch.as_tensor(x), torch.as_tensor(y)) for x, y in self.valid]
        with torch.no_grad():
            found = [self.loss(model, pair, None) for pair in tensors]
        return float(sum(loss for loss, _, _ in found)) / sum(count for _, count, _ in found)

    def identity(self) -> dict[str, Any]:
        """No checkpoint is made."""
        return {}


def sentences(count: int, distance: int, seed: int) -> Pairs:
    """Sentences up to the verb, <bos> first, and their verbs."""
    written = cats(count, distance, seed)
    inputs = [[VOCAB.bos, *VOCAB.encode(s.words[: s.answer])] for s in written]
    return np.array(inputs), np.array([VOCAB[s.words[s.answer]] for s in written])


def accuracy(model: RecurrentLM, distance: int) -> float:
    """How often the right verb is more probable than the other, in sentences not seen."""
    inputs, right = sentences(TEST, distance, 300 + distance)
    wrong = VOCAB["was"] + VOCAB["were"] - right
    with torch.no_grad():
        said = model(torch.as_tensor(inputs))[0][:, -1].numpy()  # (N, V)
    rows = np.arange(len(said))
    return float(np.mean(said[rows, right] > said[rows, wrong]))


@dataclass(frozen=True)
class Kind:
    """A cell and how it begins.

    Attributes
    ----------
    cell : str
    bias : float, optional
        What the bias of the gate that keeps begins with: an LSTM's f, a GRU's z. By default as
        `lmlib.cells` has it.
    orthogonal : bool
        Whether W_h of a plain cell begins orthogonal.
    """

    cell: str
    bias: float | None = None
    orthogonal: bool = False

    def model(self, seed: int) -> RecurrentLM:
        """One that has learned nothing yet."""
        config = RecurrentConfig(cell=self.cell, embedding=EMBEDDING, hidden=HIDDEN)
        model = RecurrentLM(config, VOCAB, WORDS, seed)
        (cell,) = model.layers.cells
        with torch.no_grad(), seeded(seed):
            if self.bias is not None:
                cell.b[HIDDEN : 2 * HIDDEN] = self.bias  # the second block is f, or z
            if self.orthogonal:
                nn.init.orthogonal_(cell.W_h)
        return model


KINDS = {
    "RNN": Kind("rnn"),
    "RNN, orthogonal start": Kind("rnn", orthogonal=True),
    "GRU": Kind("gru"),
    "LSTM": Kind("lstm", bias=1),
    "LSTM, forget bias 0": Kind("lstm", bias=0),
}
#: A cell that has forgotten half after fifty steps: logit of 0.5 to the power of 1/50.
HALF_LIFE_50 = math.log(0.5 ** (1 / 50) / (1 - 0.5 ** (1 / 50)))


def teach(
    kind: Kind, task: Agreement, learning_rate: float, steps: int = FEWER
) -> tuple[RecurrentLM, list[float], list[float]]:
    """Train one network; give it, and its held-out loss and accuracy at the longest distance as
    they went.
    """
    torch.set_num_threads(1)
    model = kind.model(task.seed)
    losses, right = [], []

    def look(epoch: Epoch) -> None:
        losses.append(float(epoch.valid or 0))
        right.append(accuracy(model, LONGEST))

    epochs = steps // BETWEEN
    settings = TrainingConfig(
        epochs=epochs, learning_rate=learning_rate, decay=1.0, patience=epochs, seed=task.seed
    )
    fit(model, task, settings, report=look)
    return model, losses, right


def best_of_grid(
    kind: Kind,
    distances: Sequence[int],
    every_word: bool,
    seeds: Sequence[int] = SEEDS,
    learning_rates: Sequence[float] = LEARNING_RATES,
    steps: int = FEWER,
) -> tuple[dict[str, Any], list[RecurrentLM]]:
    """Train with each learning rate and seed; keep the rate with the lowest held-out loss."""
    tried = {}
    for rate in learning_rates:
        runs = [teach(kind, Agreement(distances, every_word, seed), rate, steps) for seed in seeds]
        tried[rate] = float(np.mean([min(losses) for _, losses, _ in runs])), runs
    best = min(tried, key=lambda rate: tried[rate][0])
    _, runs = tried[best]
    found = {
        "learning_rate": best,
        "held_out": {rate: loss for rate, (loss, _) in tried.items()},
        "accuracy": [[accuracy(model, d) for model, _, _ in runs] for d in DISTANCES],
        "curve_loss": [losses for _, losses, _ in runs],
        "curve_accuracy": [right for _, _, right in runs],
    }
    return found, [model for model, _, _ in runs]


def falls(model: RecurrentLM) -> dict[str, list[float]]:
    """How the gradient of the verb's loss falls on the way back, from 1 word to 50.

    ``whole`` is its norm with respect to h, or to c where there is one, so many words before the
    last, divided by that at 1; ``direct`` what of it comes along the product of the gates alone,
    as the root of the mean square over the units.
    """
    model = deepcopy(model).double()
    inputs, verbs = sentences(BATCH, LONGEST, 300)
    x = model.embedding[torch.as_tensor(inputs)].detach()  # (B, T, D)

    def loss(outputs: torch.Tensor) -> torch.Tensor:
        logits = outputs[:, -1] @ model.W_o + model.b_o
        return nn.functional.cross_entropy(logits, torch.as_tensor(verbs))

    cell = model.config.cell
    norms = gradient_norms(model.layers, x, loss, part=1 if cell == "lstm" else 0)  # (B, T+1)
    back = {"whole": norms.mean(axis=0)[::-1]}
    if cell != "rnn":
        (trace,) = gate_traces(model.layers, x)
        kept = retention(trace["f" if cell == "lstm" else "z"])  # (B, T, H)
        back["direct"] = np.sqrt((kept**2).mean(axis=(0, 2)))[::-1]
    # the loss sees c_T through h_T alone, so that the first of all is the one before it
    return {name: (b[1 : LONGEST + 1] / b[1]).tolist() for name, b in back.items()}


def mean_fall(models: Sequence[RecurrentLM]) -> dict[str, list[float]]:
    """The geometric mean of several networks, in four digits."""
    each = [falls(model) for model in models]
    return {
        name: [float(f"{v:.3e}") for v in np.exp(np.log([e[name] for e in each]).mean(axis=0))]
        for name in each[0]
    }


def agreement_cells(path: Path) -> None:
    """Five kinds of cell, the same sentences, steps, learning rates and seeds for all."""
    mixed = range(1, LONGEST + 1)
    result: dict[str, Any] = {
        "embedding": EMBEDDING,
        "hidden": HIDDEN,
        "sentences": TRAIN,
        "batch": BATCH,
        "steps": STEPS,
        "learning_rates": LEARNING_RATES,
        "test": TEST,
        "distances": DISTANCES,
        "looks": list(range(BETWEEN, STEPS + 1, BETWEEN)),
    }
    for name, kind in KINDS.items():
        found, models = best_of_grid(kind, mixed, every_word=True, steps=STEPS)
        found["parameters"] = sum(w.numel() for w in models[0].layers.parameters())
        found["before"] = mean_fall([kind.model(seed) for seed in SEEDS])
        found["after"] = mean_fall(models)
        result[name] = found
    some, rates = range(3), LEARNING_RATES[1:]
    result["verb alone"] = {
        name: best_of_grid(KINDS[name], mixed, False, some, rates)[0]
        for name in ("RNN", "GRU", "LSTM")
    }
    far = {"LSTM": KINDS["LSTM"], "LSTM, half-life 50": Kind("lstm", bias=HALF_LIFE_50)}
    result["verb alone, 50 between"] = {
        name: best_of_grid(kind, [LONGEST], False, some, rates)[0] for name, kind in far.items()
    }
    result["biases"] = BIASES
    for cell in ("gru", "lstm"):
        result[f"{cell} by bias"] = [
            mean_fall([Kind(cell, bias=bias).model(seed) for seed in SEEDS]) for bias in BIASES
        ]
    write_json(path, result)


def agreement_lstm(path: Path) -> None:
    """One of the LSTMs, to be looked into on the page."""
    model, _, _ = teach(KINDS["LSTM"], Agreement(range(1, LONGEST + 1), True, 0), 0.01)
    save(model, path)


#: Name -> what writes it, at the path given.
ARTEFACTS: dict[str, Callable[[Path], None]] = {
    "agreement-cells.json": agreement_cells,
    "agreement-lstm": agreement_lstm,
}
