"""What several interactives draw: bars, lines on a logarithmic axis."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Bar:
    """A bar with what it is called at its left, and its value in words or figures at its end.

    Attributes
    ----------
    label, text : str
        Plain text.
    length : float
        From 0 to 1, the whole width.
    family : str
        Its colour: ``data``, or a family of `lmlib.figures.PALETTE`.
    """

    label: str
    text: str
    length: float
    family: str = "data"


def bars(rows: Sequence[Bar], name: str) -> str:
    """Draw horizontal bars as HTML: a list called ``name`` aloud, each item its label and value.

    Examples
    --------
    >>> bars([Bar("吃", "25.0%", 0.25, "counting")], name="Next character")
    '<div class="bars" role="list" aria-label="Next character" style="--label:2ch;--text:7ch">...'
    """
    label = max((_width(row.label) for row in rows), default=0)
    text = max((_width(row.text) for row in rows), default=0) + 2  # and the gap before it
    items = "".join(
        f'<div role="listitem"><span class="label">{escape(row.label)} </span>'
        f'<span class="bar {row.family}"><i style="--length:{row.length:.4g}"></i>'
        f"{escape(row.text)}</span></div>"
        for row in rows
    )
    return (
        f'<div class="bars" role="list" aria-label="{escape(name)}" '
        f'style="--label:{min(label, 16)}ch;--text:{text}ch">{items}</div>'
    )


def _width(text: str) -> int:
    """Say how wide a text is in digits' widths; a Chinese character is two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def log_chart(
    lines: Sequence[tuple[str, str, npt.NDArray]],
    name: str,
    below: str,
    steps: int,
    lowest: int,
    highest: int,
) -> str:
    """Draw lines over 0 to ``steps``, each with its label at its end.

    A line that leaves the picture has an arrow at its label.

    Parameters
    ----------
    lines
        For each its label, its family (a class of the stylesheet) and its values.
    name, below : str
        What the axes show.
    steps : int
        How far the axis below goes.
    lowest, highest : int
        Powers of ten that the picture has room for.
    """
    left, top, width, height = 48, 28, 256, 266
    right, bottom = left + width, top + height

    def across(k: int) -> float:
        return left + width * k / steps

    def down(exponent: float) -> float:
        return top + height * (highest - exponent) / (highest - lowest)

    parts = [f'<text x="2" y="14">{escape(name)}</text>']
    for exponent in range(lowest, highest + 1, 5):
        y, minus = down(exponent), "−" * (exponent < 0)
        parts.append(f'<path class="{"grid" if exponent else "one"}" d="M{left} {y:g}h{width}"/>')
        parts.append(
            f'<text class="end" x="{left - 6}" y="{y + 6:g}">'
            f'10<tspan dy="-6" font-size="11">{minus}{abs(exponent)}</tspan></text>'
        )
    for k in range(0, steps + 1, 10):
        parts.append(f'<text class="middle" x="{across(k):g}" y="{bottom + 20}">{k}</text>')
    parts.append(f'<text class="end" x="{right}" y="{bottom + 40}">{escape(below)}</text>')

    ends = []
    for label, family, values in lines:
        exponents = np.log10(values)
        inside = np.flatnonzero((exponents >= lowest) & (exponents <= highest))
        points = "L".join(f"{across(int(k)):g} {down(exponents[k]):.1f}" for k in inside)
        parts.append(f'<path class="line {family}" d="M{points}"/>')
        arrow = " ↓" if exponents[-1] < lowest else " ↑" if exponents[-1] > highest else ""
        place = down(min(max(exponents[-1], lowest), highest))
        ends.append((place, f"{escape(label)}{arrow}"))
    for y, text in _apart(ends):
        parts.append(f'<text x="{right + 6}" y="{y + 5:.1f}">{text}</text>')
    label = escape(name)
    return (
        f'<svg class="decay" viewBox="0 0 410 342" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _apart(ends: list[tuple[float, str]], gap: float = 18) -> list[tuple[float, str]]:
    """Move labels away from each other, as far as they need it, the crowd about its middle.

    >>> _apart([(100, "a"), (110, "b")])
    [(96.0, 'a'), (114.0, 'b')]
    >>> _apart([(0, "a"), (100, "b"), (100, "c")])
    [(0.0, 'a'), (91.0, 'b'), (109.0, 'c')]
    """
    crowds: list[tuple[list[str], float]] = []  # (labels, where the uppermost stands)
    for place, text in sorted(ends):
        crowds.append(([text], float(place)))
        while len(crowds) > 1 and crowds[-1][1] < crowds[-2][1] + gap * len(crowds[-2][0]):
            (upper, first), (lower, second) = crowds[-2:]
            middles = [first + gap * k for k in range(len(upper))]
            middles += [second + gap * k for k in range(len(lower))]
            count = len(middles)
            crowds[-2:] = [([*upper, *lower], sum(middles) / count - gap * (count - 1) / 2)]
    return [(first + gap * k, text) for texts, first in crowds for k, text in enumerate(texts)]
