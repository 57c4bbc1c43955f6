"""The trained artefacts of chapter 08: what a plain recurrent network learns across a distance.

Hundreds of small networks: on one free core, `starts` takes six minutes, `distance_of_cats` four,
and the others less.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lmlib.corpora.agreement import CHINESE, ENGLISH, LONGEST, LongSentence, cats, dishes
from lmlib.diagnostics import gradient_norms, saturation, spectral_radius
from lmlib.language_model import LanguageModel
from lmlib.neural import seeded
from lmlib.ngram import train_ngram
from lmlib.pytorch import nn, torch
from lmlib.recurrent import RecurrentConfig, RecurrentLM
from lmlib.storage import save
from lmlib.text import SPECIAL_TOKENS, TextFormat, Vocab
from lmlib.training import Batch, Carried, TrainingConfig, fit

Write = Callable[[int, int, int | np.random.Generator], list[LongSentence]]
Pairs = tuple[np.ndarray, np.ndarray]  # tokens (N, T) up to the answer, answers (N,)

WORDS = TextFormat("whitespace")
VOCABULARIES: dict[Write, Vocab] = {
    cats: Vocab([*SPECIAL_TOKENS, *ENGLISH]),
    dishes: Vocab([*SPECIAL_TOKENS, *CHINESE]),
}
EMBEDDING, HIDDEN = 16, 32
TRAIN, HELD_OUT, TEST = 8000, 400, 500  # sentences
BATCH, EPOCHS = 32, 2
LEARNING_RATES = (0.001, 0.003, 0.01)
SEEDS = range(5)
STAGES = (5, 10, 20, 50)  # near first: at each, sentences of up to so many words between

#: How the recurrent weights begin; "default" is what `lmlib.cells` draws.
STARTS: dict[str, Callable[[torch.Tensor], object] | None] = {
    "default": None,
    "small": lambda W_h: W_h.normal_(0, 0.01),
    "between 0 and 1": lambda W_h: W_h.uniform_(0, 1),
    "orthogonal": nn.init.orthogonal_,
    "identity": nn.init.eye_,
}


@dataclass
class Decided:
    """The task: predict the word that an earlier one decides, and no other.

    Attributes
    ----------
    train, valid : sequence of (inputs, answers)
        A pair for each distance: tokens (N, T) that end before the answer, and the answers (N,).
    seed : int
        Of the order of the batches.
    """

    train: Sequence[Pairs]
    valid: Sequence[Pairs]
    seed: int

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Each batch has sentences of one distance."""
        rng = np.random.default_rng([self.seed, epoch])
        pieces = [
            (inputs[some], answers[some])
            for inputs, answers in self.train
            for some in np.array_split(rng.permutation(len(inputs)), len(inputs) // BATCH)
        ]
        for i in rng.permutation(len(pieces)):
            yield pieces[i]

    def loss(
        self, model: nn.Module, batch: tuple[torch.Tensor, ...], carried: Carried
    ) -> tuple[torch.Tensor, int, Carried]:
        """Sum -ln P of the answers."""
        inputs, answers = batch
        logits, _ = model(inputs)
        loss = nn.functional.cross_entropy(logits[:, -1], answers, reduction="sum")
        return loss, len(answers), None

    def evaluate(self, model: nn.Module) -> float:
        """Mean of -ln P on held-out sentences."""
        tensors = [(torch.as_tensor(x), torch.as_tensor(y)) for x, y in self.valid]
        with torch.no_grad():
            found = [self.loss(model, pair, None) for pair in tensors]
        return float(sum(loss for loss, _, _ in found)) / sum(count for _, count, _ in found)

    def identity(self) -> dict[str, Any]:
        """No checkpoint is made."""
        return {}


class EveryWord(Decided):
    """The task of a language model on the same sentences: every word up to the answer."""

    def loss(
        self, model: nn.Module, batch: tuple[torch.Tensor, ...], carried: Carried
    ) -> tuple[torch.Tensor, int, Carried]:
        """Sum -ln P of all words."""
        inputs, answers = batch
        targets = torch.cat([inputs[:, 1:], answers[:, None]], dim=1)  # (B, T)
        logits, _ = model(inputs)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
        return loss, targets.numel(), None


# ---------------------------------------------------------------- training and measuring


def encoded(sentences: Sequence[LongSentence], vocab: Vocab) -> Pairs:
    """Give what is read, <bos> first, and what is to be predicted."""
    inputs = [[vocab.bos, *vocab.encode(s.words[: s.answer])] for s in sentences]
    return np.array(inputs), np.array([vocab[s.words[s.answer]] for s in sentences])


@cache
def sample(write: Write, count: int, distance: int, purpose: int) -> Pairs:
    """Sentences to learn from (purpose 1) or to choose by (2); those of the test are others (3)."""
    return encoded(write(count, distance, 100 * purpose + distance), VOCABULARIES[write])


def untrained(
    write: Write, seed: int, activation: str = "tanh", start: str = "default"
) -> RecurrentLM:
    config = RecurrentConfig(embedding=EMBEDDING, hidden=HIDDEN, activation=activation)
    model = RecurrentLM(config, VOCABULARIES[write], WORDS, seed)
    fill = STARTS[start]
    if fill is not None:
        with seeded(seed):
            fill(model.layers.cells[0].W_h.data)
    return model


def teach(
    model: RecurrentLM,
    write: Write,
    distances: Sequence[int],
    learning_rate: float,
    seed: int,
    sentences: int = TRAIN,
    task: type[Decided] = Decided,
) -> None:
    """Train on so many sentences in all, equally many of each distance."""
    torch.set_num_threads(1)
    share = len(distances)
    what = task(
        [sample(write, sentences // share, d, 1) for d in distances],
        [sample(write, HELD_OUT // share, d, 2) for d in distances],
        seed,
    )
    settings = TrainingConfig(
        epochs=EPOCHS, learning_rate=learning_rate, decay=1.0, patience=EPOCHS, seed=seed
    )
    fit(model, what, settings)


def teach_near_first(model: RecurrentLM, seed: int, task: type[Decided] = Decided) -> None:
    """The same number of sentences, in stages: from near to far."""
    for longest in STAGES:
        distances = range(1, longest + 1)
        teach(model, cats, distances, LEARNING_RATES[1], seed, TRAIN // len(STAGES), task)


def accuracy(model: LanguageModel, write: Write, distance: int) -> float:
    """How often the right word is more probable than the wrong one, in TEST sentences more."""
    sentences = write(TEST, distance, 300 + distance)
    inputs, right = encoded(sentences, model.vocab)
    wrong = np.array([model.vocab[sentence.wrong] for sentence in sentences])

    def logprobs_of(answers: np.ndarray) -> np.ndarray:
        targets = np.column_stack([inputs[:, 1:], answers])
        return model.token_logprobs(inputs, targets)[0][:, -1]

    ahead = logprobs_of(right) - logprobs_of(wrong)
    return float(np.mean((ahead > 0) + 0.5 * (ahead == 0)))


def best_of_grid(
    write: Write,
    distance: int,
    seeds: Sequence[int] = SEEDS,
    activation: str = "tanh",
    start: str = "default",
) -> tuple[float, list[float]]:
    """Train at one distance with each learning rate and each seed.

    Returns
    -------
    learning_rate
        The one whose networks have the lowest held-out loss, on average.
    accuracies
        Of its networks, on test sentences.
    """
    held_out = Decided([], [sample(write, HELD_OUT, distance, 2)], 0)
    tried = {}
    for learning_rate in LEARNING_RATES:
        models = [untrained(write, seed, activation, start) for seed in seeds]
        for model, seed in zip(models, seeds, strict=True):
            teach(model, write, [distance], learning_rate, seed)
        tried[learning_rate] = (np.mean([held_out.evaluate(model) for model in models]), models)
    best = min(tried, key=lambda rate: tried[rate][0])
    return best, [accuracy(model, write, distance) for model in tried[best][1]]


def counted(write: Write, distance: int) -> LanguageModel:
    """Chapter 03's model of five words, on the same training sentences."""
    sentences = write(TRAIN, distance, 100 + distance)
    text = "\n".join(" ".join(sentence.words) for sentence in sentences)
    return train_ngram(text, order=5, text_format=WORDS)


def inside(model: RecurrentLM) -> dict[str, Any]:
    """What a network is like, on BATCH sentences with 50 words between.

    ``gradient`` is the norm of dL/dh, L being the loss of the answer, 0 to 50 steps before the
    last state, divided by that at the last.
    """
    inputs, answers = encoded(cats(BATCH, LONGEST, 300), model.vocab)
    x = model.embedding[torch.as_tensor(inputs)].detach()  # (B, T, D)

    def loss(outputs: torch.Tensor) -> torch.Tensor:
        logits = outputs[:, -1] @ model.W_o + model.b_o
        return nn.functional.cross_entropy(logits, torch.as_tensor(answers))

    back = gradient_norms(model.layers, x, loss).mean(axis=0)[::-1]
    return {
        "gradient": (back[: LONGEST + 1] / back[0]).tolist(),
        "radius": spectral_radius(model.layers.cells[0].W_h.detach()),
        "saturation": saturation(model.layers(x)[0].detach()),
    }


# ---------------------------------------------------------------- the artefacts


SETTINGS = {
    "embedding": EMBEDDING,
    "hidden": HIDDEN,
    "sentences": TRAIN,
    "batch": BATCH,
    "steps": EPOCHS * (TRAIN // BATCH),
    "learning_rates": LEARNING_RATES,
    "test": TEST,
}


def distance_of_cats(path: Path) -> None:
    """Gradient and accuracy against distance; chapter 03's model on the same sentences."""
    distances = [1, 2, 3, 5, 7, 10, 12, 15, 20, 30, 40, 50]
    best = [best_of_grid(cats, d) for d in distances]
    result = {
        "distances": distances,
        "learning_rate": [rate for rate, _ in best],
        "accuracy": [accuracies for _, accuracies in best],
        "counted": [accuracy(counted(cats, d), cats, d) for d in distances],
        "untrained": [inside(untrained(cats, seed)) for seed in SEEDS],
    }
    write_json(path, SETTINGS | result)


def distance_of_dishes(path: Path) -> None:
    """Accuracy for the Chinese sentences, at fewer distances."""
    distances = [3, 5, 10, 20, 30, 50]
    best = [best_of_grid(dishes, d, SEEDS[:3]) for d in distances]
    result = {
        "distances": distances,
        "accuracy": [accuracies for _, accuracies in best],
        "counted": [accuracy(counted(dishes, d), dishes, d) for d in distances],
    }
    write_json(path, SETTINGS | result)


def near_first(path: Path) -> None:
    """The same networks and as many sentences, taught from near to far."""
    distances = [1, 5, 10, 20, 30, 40, 50]
    result: dict[str, Any] = {"distances": distances, "stages": STAGES}
    for name, task in (("verb", Decided), ("every word", EveryWord)):
        models = [untrained(cats, seed) for seed in SEEDS]
        for seed, model in enumerate(models):
            teach_near_first(model, seed, task)
        result[name] = {
            "accuracy": [[accuracy(model, cats, d) for model in models] for d in distances],
            "trained": [inside(model) for model in models],
        }
    write_json(path, SETTINGS | result)


def starts(path: Path) -> None:
    """Activations and first weights, all with the same steps, learning rates and seeds.

    A distance is tried where one network at least was right in 9 of 10 sentences at the shorter.
    """
    rows = []
    for activation in ("tanh", "relu", "sigmoid"):
        for start in STARTS:
            found: dict[int, list[float]] = {}
            for distance in (10, 30, 50):
                if not found or max(list(found.values())[-1]) > 0.9:
                    _, found[distance] = best_of_grid(cats, distance, SEEDS[:3], activation, start)
            rows.append({"activation": activation, "start": start, "accuracy": found})
    write_json(path, SETTINGS | {"rows": rows})


def model_of_cats(path: Path) -> None:
    """One of the networks taught from near to far, to be asked on the page."""
    model = untrained(cats, 0)
    teach_near_first(model, 0)
    save(model, path)


def write_json(path: Path, result: dict[str, Any]) -> None:
    """A line for each name."""
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in result.items())
    path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


#: Name -> what writes it, at the path given.
ARTEFACTS: dict[str, Callable[[Path], None]] = {
    "agreement-distance.json": distance_of_cats,
    "agreement-dishes.json": distance_of_dishes,
    "agreement-near-first.json": near_first,
    "agreement-starts.json": starts,
    "agreement-rnn": model_of_cats,
}
