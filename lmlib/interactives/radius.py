"""The spectral-radius slider: what is left of the past, with and without tanh (chapter 08)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from lmlib.figures import power_of_ten
from lmlib.interactives.drawing import log_chart
from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.scratch.functions import tanh_backward
from lmlib.scratch.rnn import unroll
from lmlib.translation import gettext as _

RADII = tuple(round(0.1 * tenths, 1) for tenths in range(2, 21))
STEPS = 50
HIDDEN = 40
FLAT = 0.1  # a unit is saturated where the derivative of its tanh is below this
LOWEST, HIGHEST = -20, 15  # powers of ten that the picture has room for


@dataclass(frozen=True)
class Decay:
    """What is left of the past in two networks that have the same weights.

    Attributes
    ----------
    linear_jacobian, tanh_jacobian : (STEPS + 1,)
        Spectral norm of the Jacobian of the last state with respect to that k steps before.
    linear_gradient, tanh_gradient : (STEPS + 1,)
        Norm of the loss's gradient with respect to the state k steps before the last, where that
        with respect to the last has the norm 1.
    saturated : float
        The share of the tanh network's units, over all steps, whose derivative is below `FLAT`.
    """

    linear_jacobian: npt.NDArray
    tanh_jacobian: npt.NDArray
    linear_gradient: npt.NDArray
    tanh_gradient: npt.NDArray
    saturated: float


@cache
def decay(radius: float) -> Decay:
    """Let a network of this spectral radius read random inputs, and go back through it.

    W_h is the same random matrix for every radius, scaled; so are the inputs. The first `STEPS`
    steps, in which the state leaves zero, are not looked at.
    """
    rng = np.random.default_rng(8)
    W_h = rng.normal(size=(HIDDEN, HIDDEN))
    W_h *= radius / abs(np.linalg.eigvals(W_h)).max()
    x = rng.normal(0, 0.5, (2 * STEPS, 1, HIDDEN))
    states = unroll(x, np.zeros((1, HIDDEN)), np.eye(HIDDEN), W_h, np.zeros(HIDDEN))
    last = states[-STEPS:, 0]  # (STEPS, H)
    gradient = rng.normal(size=HIDDEN)
    gradient /= np.linalg.norm(gradient)

    norms = np.ones((4, STEPS + 1))
    linear = tanh = np.eye(HIDDEN)  # row i: how coordinate i of the last state depends on the past
    for k, h in enumerate(last[::-1], start=1):
        linear = linear @ W_h.T
        tanh = tanh_backward(tanh, h) @ W_h.T
        norms[:, k] = (
            np.linalg.norm(linear, 2),
            np.linalg.norm(tanh, 2),
            np.linalg.norm(gradient @ linear),
            np.linalg.norm(gradient @ tanh),
        )
    saturated = float((1 - last**2 < FLAT).mean())
    return Decay(norms[0], norms[1], norms[2], norms[3], saturated)


def spectral_radius_slider() -> Interactive:
    """Build the figure: a slider for the spectral radius of W_h, and what it does to the past."""
    return Interactive(
        name="spectral-radius",
        title=_("Spectral radius of the recurrent weights"),
        controls=(
            Control(
                "radius",
                _("Spectral radius of W_h"),
                RADII,
                [f"{radius:.1f}" for radius in RADII],
                start=RADII.index(0.9),
            ),
            Control(
                "shown",
                _("Shown"),
                ("jacobian", "gradient"),
                (_("Jacobian of the last state, its norm"), _("gradient of the loss, its norm")),
                kind="select",
            ),
        ),
        draw=draw_decay,
        look=_(
            "One matrix of random weights, scaled. How much of a state is left so many steps "
            "later, in a network with tanh and in one without? Where is each line level?"
        ),
        notice=_(
            "Without tanh the radius alone decides: the line is all but straight, and level at 1. "
            "With tanh it lies lower; at 1, and at 1.3, the past still fades. Beyond that the "
            "states are so large that many units are flat, and the growth is held back: at 2 one "
            "line leaves the picture at 10¹⁵ while the other has not reached 10³."
        ),
    )


def draw_decay(radius: float, shown: str) -> Frame:
    """Show one pair of lines on a logarithmic axis, and where they end."""
    found = decay(radius)
    if shown == "jacobian":
        linear, tanh = found.linear_jacobian, found.tanh_jacobian
        name = _("Norm of the Jacobian (log scale)")
    else:
        linear, tanh = found.linear_gradient, found.tanh_gradient
        name = _("Norm of the gradient (log scale)")
    reading = _(
        "Spectral radius {radius}: {steps} steps back there is a factor of {linear} without tanh, "
        "and of {tanh} with it. Flat units (derivative below {flat}): {saturated:.0%}."
    ).format(
        radius=radius,
        steps=STEPS,
        linear=power_of_ten(linear[-1]),
        tanh=power_of_ten(tanh[-1]),
        flat=FLAT,
        saturated=found.saturated,
    )
    lines = [(_("without tanh"), "data", linear), (_("with tanh"), "rnn", tanh)]
    return Frame(log_chart(lines, name, _("steps back"), STEPS, LOWEST, HIGHEST), reading)
