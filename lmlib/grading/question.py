"""What a question is: one small object, from which `check`, the grader and the tests all work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

#: What an answer may import where its question says nothing else.
IMPORTS = frozenset(
    "bisect collections copy fractions functools heapq itertools math numpy operator random re "
    "statistics string typing".split()
)


@dataclass(frozen=True)
class Mistake:
    """A mistake that students make, planted: a function that makes it, and what to tell them.

    Attributes
    ----------
    name : str
        A few words, for the teacher's table.
    hint : str
        One or two sentences for the student: what is wrong, never the line that mends it.
    answer : callable
        The question's function with this mistake in it. A student's function that goes wrong
        as it does is given its hint.
    """

    name: str
    hint: str
    answer: Callable[..., Any]


@dataclass(frozen=True)
class Question:
    """A function to write, judged by what it returns.

    Attributes
    ----------
    id : str
        The chapter's number and a name: ``03-laplace``.
    function : str
        The name of the function that the student writes.
    reference : callable
        The library's own function, or a thin call of it, under the parameters that the student's
        function has. It is never shown.
    worked : tuple of tuples
        Arguments worth asking for by name: the smallest cases and the edges.
    draw : callable
        ``draw(rng, size)`` gives one more tuple of arguments; ``size`` counts from 1, and larger
        means larger. The same generator and size give the same arguments.
    mistakes : tuple of Mistake
        At least four.
    points : int
    relative_tolerance : float
        How far a real number may be from the reference's, relative to it.
    imports : frozenset of str
        The modules that the answer may import.
    """

    id: str
    function: str
    reference: Callable[..., Any]
    worked: tuple[tuple[Any, ...], ...]
    draw: Callable[[np.random.Generator, int], tuple[Any, ...]]
    mistakes: tuple[Mistake, ...]
    points: int = 10
    relative_tolerance: float = 1e-9
    imports: frozenset[str] = IMPORTS

    def cases(self, seed: int = 0, drawn: int = 30) -> list[tuple[Any, ...]]:
        """Give the worked cases and ``drawn`` further ones, small ones first."""
        rng = np.random.default_rng(seed)
        return [*self.worked, *(self.draw(rng, 1 + i // 3) for i in range(drawn))]
