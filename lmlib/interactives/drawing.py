"""What several interactives draw: bars."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


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
