"""A figure with controls: one pure function, shown in two ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Control:
    """A slider or a list that sets one argument of the function that draws.

    Attributes
    ----------
    name : str
        The argument's name.
    label : str
        What the reader sees above the control.
    values : sequence
        Every value it can take.
    texts : sequence of str
        What each value is called.
    start : int
        Which of them is shown first.
    kind : {"range", "select"}
    """

    name: str
    label: str
    values: Sequence[Any]
    texts: Sequence[str]
    start: int = 0
    kind: Literal["range", "select"] = "range"


@dataclass(frozen=True)
class Frame:
    """What is shown for one setting of the controls.

    Attributes
    ----------
    picture : str
        HTML or inline SVG, in the classes and variables of the book's stylesheet.
    reading : str
        One sentence with the numbers, shown below the picture and read aloud when it changes.
    """

    picture: str
    reading: str


@dataclass(frozen=True)
class Interactive:
    """A figure to move: controls, a pure function from their values to a `Frame`, two sentences.

    Attributes
    ----------
    name : str
        Its id on the page, ``vocabulary-cutoff``.
    title : str
        What it is called aloud.
    controls : sequence of Control
    draw : callable
        ``draw(**values)`` gives a `Frame`, the same one for the same values.
    look : str
        What to look for, said before the reader moves anything.
    notice : str
        What the reader should have noticed after.
    """

    name: str
    title: str
    controls: Sequence[Control]
    draw: Callable[..., Frame]
    look: str
    notice: str
