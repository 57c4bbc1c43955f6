"""A small question to judge by: the mean of each row, nothing of an empty one."""

import math
from typing import Any

import numpy as np

from lmlib.grading.question import Mistake, Question

Rows = list[list[float]]


def reference(rows: Rows) -> list[float]:
    return [sum(row) / len(row) if row else math.nan for row in rows]


def draw(rng: np.random.Generator, size: int) -> tuple[Rows]:
    return ([rng.integers(-9, 9, int(rng.integers(1, 3 + size))).tolist() for _ in range(size)],)


def _sums(rows: Rows) -> list[float]:
    return [float(sum(row)) for row in rows]


def _raises(rows: Rows) -> list[float]:
    return [sum(row) / len(row) for row in rows]


def _skips(rows: Rows) -> list[float]:
    return [sum(row) / len(row) for row in rows if row]


def _changes(rows: Rows) -> list[float]:
    means = reference(rows)
    rows.clear()
    return means


QUESTION = Question(
    "99-row-means",
    "row_means",
    reference,
    worked=(([[1.0, 2.0]],), ([[]],), ([[4.0], []],), ([[3.0] * 2000],), ([[-1.0, 1.0]],)),
    draw=draw,
    mistakes=(
        Mistake("sums", "Divide by the number of values.", _sums),
        Mistake("raises", "A row may be empty.", _raises),
        Mistake("skips", "An empty row has its place too.", _skips),
        Mistake("changes", "The rows belong to whoever called.", _changes),
    ),
)
CASES: list[tuple[Any, ...]] = QUESTION.cases()
