"""Drag logits: what the softmax makes of them, two losses and their gradients (chapter 04)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from lmlib.interactives.figure import Control, Frame, Interactive, shell
from lmlib.scratch.functions import cross_entropy, softmax, softmax_backward, squared_error
from lmlib.translation import gettext as _

#: What may come after 我很喜欢吃; the truth is the first of them at the start.
WORDS = ("面条", "披萨", "米饭", "考试")
START = (1.0, 2.0, 3.0, 4.0)
LOGITS = tuple(step / 2 for step in range(-20, 21))


def words() -> dict[str, Any]:
    """Every sentence of the figure, for Python and JavaScript alike."""
    return {
        "names": [_("面条 noodles"), _("披萨 pizza"), _("米饭 rice"), _("考试 exams")],
        "short": list(WORDS),
        "truth": _("(the truth)"),
        "heads": [
            _("Word"),
            _("Probability"),
            _("Gradient, cross-entropy"),
            _("Gradient, squared error"),
        ],
        "reading": _(
            "P({word}) = {p}. Cross-entropy {cross_entropy}, squared error {squared_error}. "
            "The gradient of the cross-entropy has the length {long}, that of the squared error "
            "{short}. The first is {times} times as long."
        ),
    }


def draw(logits: Sequence[float], target: int) -> Frame:
    """Draw four words: probability, gradient of the cross-entropy, gradient of the squared error.

    `logits.js` draws the same, letter for letter.
    """
    say = words()
    o = np.array([logits])  # (1, V)
    p = softmax(o)
    loss, dlogits = cross_entropy(o, np.array([target]))
    squared, dp = squared_error(p, np.eye(len(WORDS))[[target]])
    gradients = dlogits[0], softmax_backward(dp, p)[0]
    long, short = (math.hypot(*gradient) for gradient in gradients)
    rows = "".join(
        _row(name, p[0, i], [gradient[i] for gradient in gradients], i == target)
        for i, name in enumerate(say["names"])
    )
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in say["heads"])
    return Frame(
        f'<table class="gradients"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>',
        say["reading"].format(
            word=WORDS[target],
            p=_written(p[0, target]),
            cross_entropy=f"{loss:.3f}",
            squared_error=f"{squared:.3f}",
            long=_written(long),
            short=_written(short),
            times=_times(long / short),
        ),
    )


def _row(name: str, probability: float, gradients: Sequence[float], is_truth: bool) -> str:
    chosen = ' class="chosen"' if is_truth else ""
    heading = escape(f"{name} {words()['truth']}" if is_truth else name)
    return (
        f'<tr{chosen}><th scope="row">{heading}</th>{_cell(probability, 0, probability)}'
        f"{''.join(map(_signed, gradients))}</tr>"
    )


def _signed(value: float) -> str:
    """Write a number between -1 and 1 with a bar that begins in the middle."""
    return _cell(value, (1 + min(value, 0.0)) / 2, abs(value) / 2)


def _cell(value: float, start: float, length: float) -> str:
    place = f"--start:{start:.5f};--length:{length:.5f}"
    kind = "span" if start == 0 else 'span class="middle"'
    return f'<td><{kind}><i style="{place}"></i></span>{_written(value)}</td>'


def _written(value: float) -> str:
    """Write four digits, with a true minus; what rounds to nothing has no sign."""
    text = f"{abs(value):.4f}"
    return f"−{text}" if value < 0 and float(text) else text


def _times(ratio: float) -> str:
    """Write two digits, and zeros after them where there are more."""
    return f"{ratio:.1f}" if ratio < 9.95 else f"{float(f'{ratio:.1e}'):,.0f}"


@dataclass(frozen=True, repr=False)
class LogitSliders:
    """The sliders as a figure: computed in the reader's browser, or by a live kernel.

    Attributes
    ----------
    interactive : Interactive
        Controls and sentences; its frames are too many to be drawn beforehand.
    """

    interactive: Interactive

    def to_html(self) -> str:
        """Write the figure; without JavaScript it shows softmax(1, 2, 3, 4)."""
        figure = self.interactive
        start = draw(START, 0)
        return shell(
            name=figure.name,
            title=figure.title,
            look=figure.look,
            controls="".join(control.to_html() for control in figure.controls),
            picture=f'<div class="frame">{start.picture}</div>',
            reading=start.reading,
            notice=figure.notice,
            scripts=[Path(__file__).with_name("logits.js")],
            data={"words": words(), "logits": LOGITS},
        )

    def __repr__(self) -> str:
        return f"LogitSliders({self.interactive.name!r})"

    def _repr_html_(self) -> str:
        return self.to_html()

    def widget(self) -> Any:
        """Give the figure as a widget of ipywidgets (7.7 or 8), drawn by the live kernel.

        Raises
        ------
        ModuleNotFoundError
            If ipywidgets is not installed.
        """
        return self.interactive.widget()


def drag_logits() -> LogitSliders:
    """Build the figure: a slider for each of four logits, and the word that is the truth."""
    names = words()["names"]
    sliders = [
        Control(
            f"logit_{i}",
            _("Logit of {word}").format(word=name),
            LOGITS,
            [_number(logit) for logit in LOGITS],
            start=LOGITS.index(start),
        )
        for i, (name, start) in enumerate(zip(names, START, strict=True))
    ]
    return LogitSliders(
        Interactive(
            name="drag-logits",
            title=_("Logits, loss and gradient"),
            controls=(
                Control("target", _("What came"), range(len(WORDS)), names, kind="select"),
                *sliders,
            ),
            draw=lambda target, **logits: draw(list(logits.values()), target),
            look=_(
                "Move all four logits up by 2: what changes? Then make the network sure of 考试 "
                "(exams), which is wrong, and watch the two gradients. Which one still says so?"
            ),
            notice=_(
                "Only differences of logits count. The gradient of the cross-entropy is the "
                "probability, less one for the truth: the surer of 考试, the longer. That of the "
                "squared error is all but gone by then: the worst mistake is corrected least."
            ),
        )
    )


def _number(logit: float) -> str:
    return f"{logit:g}".replace("-", "−")
