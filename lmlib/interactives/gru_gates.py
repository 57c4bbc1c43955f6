"""The two gates of a GRU, moved by hand, in each convention (chapter 09)."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.translation import gettext as _

#: Two units, where and meal, when 吃 is read: 意大利 is remembered, and a meal was expected before.
PAST = np.array([0.9, -0.6])
#: Of the candidate alone. The place and the old meal both speak for the new meal; for the place
#: nothing does, since 吃 names none.
W_H = np.array([[0.0, 2.0], [0.0, 1.0]])

Z_VALUES = (0.0, 0.25, 0.5, 0.75, 1.0)
R_VALUES = (0.0, 1.0)


@dataclass(frozen=True)
class Blend:
    """One step of two units; every array is (2,).

    Attributes
    ----------
    candidate
    kept
        The share of the past in the new state: z, or 1 - z.
    after
        The new state.
    """

    candidate: npt.NDArray
    kept: npt.NDArray
    after: npt.NDArray


def blend(r: npt.NDArray, z: npt.NDArray, keeps: bool, before: bool) -> Blend:
    """Take the step with these gates.

    Parameters
    ----------
    r, z : (2,)
        Between 0 and 1.
    keeps
        Whether z keeps the past, or lets in the new.
    before
        Whether r stands before the product with `W_H`, or after it.
    """
    candidate = np.tanh((r * PAST) @ W_H if before else r * (PAST @ W_H))
    kept = z if keeps else 1 - z
    return Blend(candidate, kept, kept * PAST + (1 - kept) * candidate)


def gru_gate_sliders() -> Interactive:
    """Build the figure: a slider for each gate of two units, and a switch for each convention."""
    units = _units()

    def draw(
        z_where: float, z_meal: float, r_where: float, r_meal: float, keeps: bool, before: bool
    ) -> Frame:
        return draw_step(np.array([r_where, r_meal]), np.array([z_where, z_meal]), keeps, before)

    def slider(gate: str, values: tuple[float, ...], unit: int, start: float) -> Control:
        label = _("{gate} of {unit}").format(gate=gate, unit=units[unit])
        texts = [_number(value) for value in values]
        name = f"{gate}_{('where', 'meal')[unit]}"
        return Control(name, label, values, texts, values.index(start))

    return Interactive(
        name="gru-gates",
        title=_("Two gates, two units, moved by hand"),
        controls=(
            slider("z", Z_VALUES, 0, 1.0),
            slider("z", Z_VALUES, 1, 0.0),
            slider("r", R_VALUES, 0, 1.0),
            slider("r", R_VALUES, 1, 0.0),
            Control(
                "keeps",
                _("Convention"),
                (True, False),
                (
                    _("z keeps the past (Cho, PyTorch, this book)"),
                    _("z lets in the new (Chung)"),
                ),
                kind="select",
            ),
            Control(
                "before",
                _("Place of r"),
                (True, False),
                (_("before the matrix (the papers)"), _("after the matrix (PyTorch)")),
                kind="select",
            ),
        ),
        draw=draw,
        look=_(
            "The secretary reads 吃 (eat). Her unit “where” remembers 意大利 (Italy), 0.90; her "
            "unit “meal” still expects what it expected before, −0.60. Hide the place from the new "
            "meal, and see that it is still there afterwards. Then lose it. Then change the "
            "convention, and leave the sliders where they are."
        ),
        notice=_(
            "r decides what the candidate may see, and deletes nothing: with r of “where” at 0 the "
            "place is hidden, and stands in the new state untouched. What is lost is lost through "
            "z. The other convention does with 1 − z what this one does with z, so the same "
            "slider does the opposite. And the place of r is no matter of spelling: before the "
            "matrix it can show the place and hide the old meal, after it only both or neither."
        ),
    )


def draw_step(r: npt.NDArray, z: npt.NDArray, keeps: bool, before: bool) -> Frame:
    """Draw the two units before, their candidates, and the two units after."""
    found = blend(r, z, keeps, before)
    said = [
        _("{unit}: {past} before, candidate {candidate}; it keeps {kept}, and is {after}.").format(
            unit=unit,
            past=_number(PAST[i]),
            candidate=_number(found.candidate[i]),
            kept=f"{found.kept[i]:.0%}",
            after=_number(found.after[i]),
        )
        for i, unit in enumerate(_units())
    ]
    convention = (
        _("Here z = 1 means: keep all of the past.")
        if keeps
        else _("Here z = 1 means: take all of the new.")
    )
    return Frame(_picture(r, found, before), " ".join([*said, convention]))


def _units() -> tuple[str, str]:
    return _("where"), _("meal")


def _number(value: float) -> str:
    """Two digits, a true minus sign, none before a zero.

    >>> _number(-0.6), _number(-0.0)
    ('−0.60', '0.00')
    """
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")


# ---------------------------------------------------------------- the picture

_LEFT, _MIDDLE, _RIGHT = 44, 210, 364  # of the three columns
_ROWS = (92, 204)  # of the two units


def _picture(r: npt.NDArray, found: Blend, before: bool) -> str:
    valve_x = _LEFT + 52 if before else _MIDDLE - 52
    fork = _LEFT + 74 if before else _LEFT + 40
    into = _MIDDLE - 40 if before else _MIDDLE - 74
    ways = [f"M{_LEFT + 31},{y}H{fork}" for y in _ROWS]
    ways += [  # into each candidate that is told something; after the matrix each has a valve
        f"M{into},{y}H{_MIDDLE - 31}"
        for y, to in zip(_ROWS, W_H.T, strict=True)
        if to.any() or not before
    ]
    ways += [f"M{fork},{_ROWS[i]}L{into},{_ROWS[j]}" for i, j in np.argwhere(W_H)]
    parts = [f'<path class="way" d="{"".join(ways)}"/>']
    flows = [
        flow
        for y, kept in zip(_ROWS, found.kept, strict=True)
        for flow in (
            _flow(f"M{_LEFT},{y - 15}V{y - 40}H{_RIGHT}V{y - 15}", kept),
            _flow(f"M{_MIDDLE + 31},{y}H{_RIGHT - 31}", 1 - kept),
        )
    ]
    cells = [f"M{x - 31},{y - 15}h62v30h-62z" for x in (_LEFT, _MIDDLE, _RIGHT) for y in _ROWS]
    parts += [*flows, f'<path class="cell" d="{"".join(cells)}"/>']
    for i, (y, unit) in enumerate(zip(_ROWS, _units(), strict=True)):
        parts += [
            f'<text class="name" x="{_LEFT - 31}" y="{y - 52}">{escape(unit)}</text>',
            f'<text x="{_MIDDLE + 78}" y="{y - 46}">{_number(found.kept[i])}</text>',
            f'<text x="{_MIDDLE + 78}" y="{y + 18}">{_number(1 - found.kept[i])}</text>',
            _valve(valve_x, y, r[i]),
            _cell(_LEFT, y, PAST[i]),
            _cell(_MIDDLE, y, found.candidate[i]),
            _cell(_RIGHT, y, found.after[i]),
        ]
    foot = _ROWS[-1] + 54
    heads = ((_LEFT, _("before")), (_MIDDLE, _("candidate")), (_RIGHT, _("after")))
    parts += [f'<text class="head" x="{x}" y="{foot}">{escape(head)}</text>' for x, head in heads]
    label = escape(
        _(
            "Two units, each with its value before, its candidate and its value after. A line over "
            "the top keeps the past, one from the candidate lets in the new; r is a valve between "
            "the past and the candidates."
        )
    )
    return (
        f'<svg class="gates" viewBox="0 0 410 {foot + 12}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _flow(path: str, share: float) -> str:
    """A line as thick as what it lets through; dotted where that is nothing."""
    if share == 0:
        return f'<path class="shut" d="{path}"/>'
    return f'<path class="flow" stroke-width="{1 + 6 * share:g}" d="{path}"/>'


def _valve(x: int, y: int, opening: float) -> str:
    """A circle on a line, filled as far as the gate is open, with its number."""
    height = 20 * opening
    return (
        f'<circle class="valve" cx="{x}" cy="{y}" r="10"/>'
        f'<path class="open" d="M{x - 3},{y + 10 - height:g}h6v{height:g}h-6z"/>'
        f'<text class="small" x="{x}" y="{y + 27}">r {_number(opening)}</text>'
    )


def _cell(x: int, y: int, value: float) -> str:
    """What stands in a cell of a state: a bar from its middle, and its number."""
    bar = f"M{x},{y - 13}h{30 * value:.0f}v26h{-30 * value:.0f}z"
    return (
        f'<path class="bar" d="{bar}"/>'
        f'<text class="value" x="{x}" y="{y + 6}">{_number(value)}</text>'
    )
