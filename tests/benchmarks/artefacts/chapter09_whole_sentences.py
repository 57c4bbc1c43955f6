"""A second look at chapter 09's agreement: the words behind the verb are asked for, too."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from chapter08 import BATCH, HELD_OUT, TRAIN, VOCABULARIES, accuracy, write_json
from chapter09 import DISTANCES, taught

from lmlib.corpora.agreement import LONGEST, cats
from lmlib.training import LanguageModelling

SEEDS = range(6)


def sentences(count: int, purpose: int) -> list[np.ndarray]:
    """Of all distances, with how the cat felt and ``<eos>``; the same as chapter 08's."""
    vocab = VOCABULARIES[cats]
    return [
        np.array([*vocab.encode(sentence.words), vocab.eos])
        for distance in DISTANCES
        for sentence in cats(count // LONGEST, distance, 100 * purpose + distance)
    ]


def whole_sentences(path: Path) -> None:
    """How often GRUs are right that were trained as `chapter09.agreement_gates` has it."""
    train, held_out = sentences(TRAIN, 1), sentences(HELD_OUT, 2)
    distances, found = [5, 10, 20, 30, 50], []
    for seed in SEEDS:
        task = LanguageModelling(
            train, held_out, "sentence", VOCABULARIES[cats].bos, BATCH, seed=seed
        )
        model = taught("gru", task, seed)
        found.append([accuracy(model, cats, distance) for distance in distances])
    write_json(path, {"distances": distances, "accuracy": found})


#: Each artefact, and the function that writes it.
ARTEFACTS: dict[str, Callable[[Path], None]] = {"agreement-whole.json": whole_sentences}
