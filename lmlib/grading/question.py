"""What a question is: one small object, from which `check`, the grader and the tests all work."""

from __future__ import annotations

import difflib
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lmlib.errors import InputError
from lmlib.translation import gettext as _

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
class Variant:
    """A question asked a little differently, so that the public solution does not answer it.

    Attributes
    ----------
    name : str
        One word or two, which the student's notebook tells `check`: ``half``.
    task : str
        What is different, for the student, in Markdown: a few sentences, which stand in the
        notebook between the question and the answer's cell. Never the code.
    reference, worked, mistakes
        As a `Question` has them. One of the mistakes is the public question's reference, with the
        hint that this is what the public book asks, and what is asked here.
    draw : callable, optional
        Where the question's own does not serve.
    """

    name: str
    task: str
    reference: Callable[..., Any]
    worked: tuple[tuple[Any, ...], ...]
    mistakes: tuple[Mistake, ...]
    draw: Callable[[np.random.Generator, int], tuple[Any, ...]] | None = None


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
    variants : tuple of Variant
        For courses; see `drawn_by`.
    variant : str
        The name of the variant that this is; empty for the public question.
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
    variants: tuple[Variant, ...] = ()
    variant: str = ""

    def cases(self, seed: int = 0, drawn: int = 30) -> list[tuple[Any, ...]]:
        """Give the worked cases and ``drawn`` further ones, small ones first."""
        rng = np.random.default_rng(seed)
        return [*self.worked, *(self.draw(rng, 1 + i // 3) for i in range(drawn))]

    def under(self, variant: str) -> Question:
        """Give the question as the variant of this name asks it.

        Raises
        ------
        InputError
            If there is none; the message names those that there are.
        """
        for one in self.variants:
            if one.name == variant:
                return replace(
                    self,
                    reference=one.reference,
                    worked=one.worked,
                    draw=one.draw or self.draw,
                    mistakes=one.mistakes,
                    variants=(),
                    variant=one.name,
                )
        if not self.variants:
            raise InputError(_("{id} has no variants.").format(id=self.id))
        names = [one.name for one in self.variants]
        near = difflib.get_close_matches(str(variant), names, n=1) or names
        raise InputError(
            _("{id} has no variant {name}; did you mean {near}?").format(
                id=self.id, name=repr(variant), near=_(" or ").join(near)
            )
        )

    def variant_drawn_by(self, course_key: str) -> Variant | None:
        """Give the variant that a course's key draws; None if there are none.

        Whoever does not know the key cannot tell which it is. The same key draws the same, from
        variants in any order; one that is new may be drawn, and changes nothing between the others.
        """
        key = course_key.encode("utf-8", "surrogatepass")

        def lot(variant: Variant) -> bytes:
            return hmac.digest(key, f"{self.id} {variant.name}".encode(), hashlib.sha256)

        return max(self.variants, key=lot, default=None)

    def drawn_by(self, course_key: str) -> Question:
        """Give the question as a course's key draws it; without variants, the question itself."""
        variant = self.variant_drawn_by(course_key)
        return self if variant is None else self.under(variant.name)
