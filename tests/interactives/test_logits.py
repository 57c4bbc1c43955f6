"""The sliders show what the library computes, in Python, in the browser, in a widget."""

import itertools
import math
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from in_node import evaluate

from lmlib.interactives import logits as module
from lmlib.interactives.logits import LOGITS, START, drag_logits, draw, words
from lmlib.scratch import numerical_gradient

SCRIPT = Path(module.__file__).with_name("logits.js")
CASES = [
    *((list(START), target) for target in range(4)),
    ([0.0] * 4, 2),
    ([10.0, -10.0, -10.0, -10.0], 0),
    ([-10.0, 10.0, 10.0, -10.0], 3),
    ([-10.0, -10.0, -10.0, 10.0], 0),
    ([1.0, 2.0, 3.0, 10.0], 0),
    ([-7.5, 0.5, 9.5, -2.0], 1),
]


def numbers(text: str) -> list[float]:
    return [
        float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", text.replace("−", "-").replace(",", ""))
    ]


def columns(logits: list[float], target: int) -> np.ndarray:
    """The numbers of the table: probability, gradient of either loss, for each word."""
    cells = re.findall(r"</span>([^<]+)</td>", draw(logits, target).picture)
    return np.array([numbers(cell)[0] for cell in cells]).reshape(4, 3).T


def losses(logits: np.ndarray, target: int) -> tuple[float, float]:
    """Both losses, written out."""
    p = np.exp(logits) / np.exp(logits).sum()
    return -math.log(p[target]), float(((p - np.eye(4)[target]) ** 2).sum() / 2)


@pytest.mark.parametrize(("logits", "target"), CASES)
def test_probabilities_losses_and_gradients_are_those_written_out(
    logits: list[float], target: int
) -> None:
    o = np.array(logits)
    shown = columns(logits, target)
    assert shown[0] == pytest.approx(np.exp(o) / np.exp(o).sum(), abs=6e-5)
    cross_entropy = numerical_gradient(lambda: losses(o, target)[0], o)
    squared_error = numerical_gradient(lambda: losses(o, target)[1], o)
    assert shown[1] == pytest.approx(cross_entropy, abs=6e-5)
    assert shown[2] == pytest.approx(squared_error, abs=6e-5)
    said = numbers(draw(logits, target).reading)
    assert said[1:3] == pytest.approx(losses(o, target), abs=6e-4)


def test_it_starts_with_the_numbers_of_the_notes() -> None:
    assert columns(list(START), 0)[0].round(2).tolist() == [0.03, 0.09, 0.24, 0.64]
    assert "Cross-entropy 3.440" in draw(START, 0).reading


def test_what_the_reader_should_have_noticed_is_so() -> None:
    assert draw(START, 0) == draw([logit + 2 for logit in START], 0)
    for logits, target in CASES:
        p, gradient, _ = columns(logits, target)
        assert gradient == pytest.approx(p - np.eye(4)[target], abs=2e-4)
    surer = [columns([0.0, 0.0, 0.0, last], 0)[1:] for last in np.arange(0, 10.5, 0.5)]
    long, short = np.linalg.norm(surer, axis=2).T
    assert (np.diff(long) > 0).all() and long[-1] > 1.4
    assert short.argmin() == len(short) - 1 and short[-1] < long[-1] / 1000


def test_the_script_draws_what_python_draws(require_tool: Callable[[str, str], str]) -> None:
    node = require_tool("node", "the figures' scripts are run in it")
    few = LOGITS[::8]
    cases = CASES + [(list(o), 1) for o in itertools.product(few, few, few, few[::2])]
    found = evaluate(
        node,
        [SCRIPT],
        "data.cases.map(([logits, target]) => draw(logits, target))",
        {"cases": cases, "words": words(), "logits": LOGITS},
    )
    for case, frame in zip(cases, found, strict=True):
        assert frame == vars(draw(*case)), case


def test_the_widget_shows_the_same(require_module: Callable[[str, str], ModuleType]) -> None:
    require_module("ipywidgets", "figures are shown as its widgets")
    _style, _look, target, *sliders, shown, _notice = drag_logits().widget().children
    assert shown.value == draw(START, 0).to_html()
    target.value = 2
    sliders[3].value = len(LOGITS) - 1
    assert shown.value == draw([1.0, 2.0, 3.0, 10.0], 2).to_html()


def test_the_figure_is_light() -> None:
    assert len(drag_logits().to_html().encode()) < 30_000
