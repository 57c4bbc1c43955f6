"""The trained artefacts of chapter 09: GRUs beside the plain networks of chapters 06 to 08.

Each is trained as its plain counterpart was, on the same text, with as many weights or with as
many units.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from chapter06 import of_grammar
from chapter07 import SENTENCES, STREAM, train
from chapter08 import (
    BATCH,
    EMBEDDING,
    HELD_OUT,
    HIDDEN,
    TRAIN,
    VOCABULARIES,
    WORDS,
    EveryWord,
    Pairs,
    accuracy,
    sample,
    write_json,
)

from lmlib.corpora import load as load_corpus
from lmlib.corpora.agreement import LONGEST, cats
from lmlib.recurrent import RecurrentConfig, RecurrentLM
from lmlib.storage import save
from lmlib.training import LanguageModelling, Task, TrainingConfig, fit

DISTANCES = range(1, LONGEST + 1)  # all of them, equally often
EPOCHS, LEARNING_RATE = 4, 0.01
SEEDS = range(3)


def emma_gru(path: Path) -> None:
    """*Emma*, letter by letter, with as many weights as ``emma-rnn``."""
    emma = load_corpus("emma")
    texts, config = (emma.train, emma.valid), RecurrentConfig("gru", embedding=48, hidden=182)
    save(train(texts, STREAM, 5, config, ((8, 0.002), (2, 0.0007), (2, 0.0002))), path)


def everyday_gru(path: Path) -> None:
    """Everyday Chinese, with as many weights as ``everyday-rnn``."""
    everyday = load_corpus("tatoeba-zh")
    texts = everyday.train, everyday.valid
    config = RecurrentConfig("gru", embedding=32, hidden=78)
    save(train(texts, SENTENCES, 11, config, ((7, 0.003), (2, 0.001), (2, 0.0003))), path)


def grammar_gru(path: Path) -> None:
    """The small grammar, with as many weights as ``grammar-rnn``."""
    save(of_grammar(RecurrentConfig("gru", embedding=32, hidden=40)), path)


# ---------------------------------------------------------------- agreement


def sorted_by_distance(seed: int) -> Task:
    """Every word is asked for; the sentences of one batch have the same distance."""
    return EveryWord(
        [sample(cats, TRAIN // LONGEST, distance, 1) for distance in DISTANCES],
        [sample(cats, HELD_OUT // LONGEST, distance, 2) for distance in DISTANCES],
        seed,
    )


def shuffled(seed: int) -> Task:
    """The same words of the same sentences, in batches as they come."""

    def joined(pairs: Iterable[Pairs]) -> list[np.ndarray]:
        return [
            np.array([*x[1:], y])
            for inputs, answers in pairs
            for x, y in zip(inputs, answers, strict=True)
        ]

    vocab = VOCABULARIES[cats]
    train, held_out = (
        joined(sample(cats, count // LONGEST, distance, purpose) for distance in DISTANCES)
        for count, purpose in ((TRAIN, 1), (HELD_OUT, 2))
    )
    return LanguageModelling(train, held_out, "sentence", vocab.bos, BATCH, seed=seed)


def taught(cell: str, task: Task, seed: int) -> RecurrentLM:
    """A network of chapter 08's size, with this cell."""
    config = RecurrentConfig(cell, embedding=EMBEDDING, hidden=HIDDEN)
    model = RecurrentLM(config, VOCABULARIES[cats], WORDS, seed)
    how = TrainingConfig(EPOCHS, learning_rate=LEARNING_RATE, decay=1.0, patience=EPOCHS, seed=seed)
    fit(model, task, how)
    return model


def agreement_gru(path: Path) -> None:
    """One of them, to be looked into on the page."""
    save(taught("gru", sorted_by_distance(0), 0), path)


def agreement_gates(path: Path) -> None:
    """How often networks with and without gates are right, when all distances are mixed."""
    distances = [5, 10, 20, 30, 50]
    found = {
        batches: {
            cell: [
                [accuracy(model, cats, distance) for distance in distances]
                for model in (taught(cell, task(seed), seed) for seed in SEEDS)
            ]
            for cell in ("rnn", "gru")
        }
        for batches, task in (("of one distance", sorted_by_distance), ("shuffled", shuffled))
    }
    about = {"sentences": TRAIN, "passes": EPOCHS, "learning_rate": LEARNING_RATE}
    write_json(path, about | {"distances": distances, "accuracy": found})


#: Each artefact, and the function that writes it.
ARTEFACTS: dict[str, Callable[[Path], None]] = {
    "agreement-gru": agreement_gru,
    "agreement-gates.json": agreement_gates,
    "grammar-gru": grammar_gru,
    "everyday-gru": everyday_gru,
    "emma-gru": emma_gru,
}
