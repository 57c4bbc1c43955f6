"""The hidden-unit viewer: the passage whole, in the colours of the numbers measured."""

import re
from html import unescape

import numpy as np
import pytest

from lmlib.corpora import load
from lmlib.interactives.units import SHADES, feature_names, measured, unit_viewer

FIGURE, UNITS = unit_viewer(), measured()["units"]


@pytest.mark.parametrize("unit", range(len(UNITS)))
def test_each_letter_has_the_colour_of_its_number(unit: int) -> None:
    picture = FIGURE.draw(unit=unit).picture.replace("<br>", "\n")
    inside = re.fullmatch(r'<p class="unit-passage" lang="en">(.*)</p>', picture, re.DOTALL)
    assert inside is not None
    drawn, text = [], ""
    for kind, coloured, plain in re.findall(r'<i class="(\w+)">(.*?)</i>|([^<]+)', inside[1], re.S):
        letters = unescape(coloured or plain)
        sign = {"": 0, "u": 1, "d": -1}[kind[:1]]
        drawn += [sign * int(kind[-1:] or 0)] * len(letters)
        text += letters
    assert text == measured()["passage"]
    assert drawn == np.round(np.array(UNITS[unit]["values"]) * SHADES).astype(int).tolist()


def test_the_passage_was_not_trained_on() -> None:
    emma = load("emma")
    assert measured()["passage"] in emma.test and measured()["passage"] not in emma.train


def test_eight_were_searched_for_and_the_others_drawn_by_lot() -> None:
    assert [unit["by lot"] for unit in UNITS] == [False] * 8 + [True] * 16
    assert [unit["name"] for unit in UNITS[:8]] == list(feature_names())
    assert len({(unit["layer"], unit["unit"]) for unit in UNITS}) == 24
    assert len(measured()["strongest"]) == 2 * measured()["hidden"]
    for unit in UNITS:
        column = (unit["layer"] - 1) * measured()["hidden"] + unit["unit"]
        assert abs(unit["correlation"]) <= measured()["strongest"][column] + 0.006
    assert "searched" not in FIGURE.look and "by lot" in FIGURE.look


def test_the_figure_is_light() -> None:
    assert len(FIGURE.to_html().encode()) < 400_000
