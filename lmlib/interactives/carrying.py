"""How far back three cells hear, by the bias of the gate that keeps (chapter 10).

What was measured is an artefact (tests/benchmarks/artefacts/chapter10.py).
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np

from lmlib.figures import power_of_ten
from lmlib.interactives.drawing import log_chart
from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.repository import artefact
from lmlib.scratch.functions import sigmoid
from lmlib.translation import gettext as _

FARTHEST = 50  # words back; the gradient 1 word back counts as 1
LOWEST, HIGHEST = -25, 5  # powers of ten that the picture has room for


@cache
def measured() -> dict[str, Any]:
    """Read what `make marks` wrote."""
    found: dict[str, Any] = json.loads(artefact("agreement-cells.json").read_text("utf-8"))
    return found


def gradient_by_bias() -> Interactive:
    """Build the figure: a slider for a bias, and the gradient against distance of three cells."""
    biases = measured()["biases"]
    return Interactive(
        name="gradient-by-bias",
        title=_("Gradient against distance for three cells, by the bias of a gate"),
        controls=(
            Control(
                "bias",
                _("Bias of the gate that keeps: f of the LSTM, z of the GRU"),
                biases,
                [_signed(bias) for bias in biases],
                start=biases.index(0),
            ),
            Control(
                "path",
                _("Which way back"),
                ("whole", "direct"),
                (_("the whole gradient"), _("the product of the gates alone")),
                kind="select",
            ),
        ),
        draw=draw_gradients,
        look=_(
            "Networks that have learned nothing yet read about a cat, fifty words before its verb. "
            "How much of the gradient is left on the way back? Which bias makes a line level, and "
            "do the gates alone explain it?"
        ),
        notice=_(
            "Two more in the bias bring a line up by many powers of ten. The plain network has no "
            "such gate to open. At a low bias the whole gradient is larger than the product of the "
            "gates: it goes by the matrices too. At a bias of 4 and above the LSTM's grows on its "
            "way back, which no product of numbers below 1 can do."
        ),
    )


def draw_gradients(bias: int, path: str) -> Frame:
    """Show the lines for one bias, and where they end."""
    found = measured()
    place = found["biases"].index(bias)
    lines = [
        (_("LSTM, c"), "lstm", found["lstm by bias"][place][path]),
        (_("GRU, h"), "gru", found["gru by bias"][place][path]),
    ]
    if path == "whole":
        lines.append((_("RNN, h"), "rnn", found["RNN"]["before"]["whole"]))
    ends = ", ".join(
        _("{cell} {left}").format(cell=label, left=power_of_ten(values[-1]))
        for label, _family, values in lines
    )
    reading = _(
        "Bias {bias}: with nothing else in its sum, the gate keeps {kept:.3f} a word. Of the "
        "gradient one word back there is left, {farthest} words back: {ends}."
    ).format(bias=_signed(bias), kept=float(sigmoid(bias)), farthest=FARTHEST, ends=ends)
    name = {
        "whole": _("Gradient, 1 at one word back (log scale)"),
        "direct": _("Product of the gates (log scale)"),
    }[path]
    # the first value stands at 1 word back: nothing is drawn at 0
    drawn = [(label, family, np.array([np.nan, *values])) for label, family, values in lines]
    return Frame(log_chart(drawn, name, _("words back"), FARTHEST, LOWEST, HIGHEST), reading)


def _signed(number: int) -> str:
    return f"{number}".replace("-", "−")
