"""The gates moved by hand: what the figure shows is a step of the library's GRU."""

import re
from itertools import product

import numpy as np
import pytest

from lmlib.interactives.gru_gates import (
    PAST,
    R_VALUES,
    W_H,
    Z_VALUES,
    blend,
    gru_gate_sliders,
)
from lmlib.scratch.gru import gru_step

FIGURE = gru_gate_sliders()


def step(r: np.ndarray, z: np.ndarray, keeps: bool, before: bool) -> np.ndarray:
    """The same step by the library, its gates set through their biases."""
    with np.errstate(divide="ignore"):
        biases = [np.log(g) - np.log(1 - g) for g in (r, z)]  # -inf and inf are 0 and 1
    W_h = np.hstack([np.zeros((2, 4)), W_H])
    b = np.concatenate([*biases, np.zeros(2)])
    b_h = None if before else np.zeros(2)
    return gru_step(np.zeros((1, 1)), PAST[None], np.zeros((1, 6)), W_h, b, b_h, keeps)[0]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("keeps", [True, False])
def test_every_setting_is_a_step_of_a_gru(keeps: bool, before: bool) -> None:
    for r, z in product(product(R_VALUES, repeat=2), product(Z_VALUES, repeat=2)):
        found = blend(np.array(r), np.array(z), keeps, before)
        assert found.after == pytest.approx(step(np.array(r), np.array(z), keeps, before))


def test_what_the_reader_should_have_noticed_is_so() -> None:
    open_, shut = np.ones(2), np.array([0.0, 1.0])
    keep = np.array([1.0, 0.0])
    shown, hidden = blend(open_, keep, True, True), blend(shut, keep, True, True)
    assert hidden.after[0] == PAST[0]  # hidden, and untouched
    assert hidden.candidate[1] < 0 < shown.candidate[1]
    assert blend(open_, np.zeros(2), True, True).after[0] == 0  # lost through z
    for r, z in product(product(R_VALUES, repeat=2), product(Z_VALUES, repeat=2)):
        one, other = (
            blend(np.array(r), g, k, True)
            for g, k in ((np.array(z), True), (1 - np.array(z), False))
        )
        assert np.array_equal(one.after, other.after)
    show_place_alone = np.tanh(PAST[0] * W_H[0, 1])
    before = {
        blend(np.array(r), keep, True, True).candidate[1] for r in product((0.0, 1.0), repeat=2)
    }
    after = {
        blend(np.array(r), keep, True, False).candidate[1] for r in product((0.0, 1.0), repeat=2)
    }
    assert show_place_alone in before and show_place_alone not in after
    assert len(before) == 4 and after == {0.0, float(np.tanh((PAST @ W_H)[1]))}


def test_the_sentence_says_the_numbers_and_what_the_convention_means() -> None:
    said = FIGURE.draw(z_where=1.0, z_meal=0.0, r_where=1.0, r_meal=0.0, keeps=True, before=True)
    numbers = re.findall(r"−?\d\.\d\d", said.reading)
    assert numbers == [
        "0.90",
        "0.00",
        "0.90",
        "−0.60",
        f"{np.tanh(1.8):.2f}",
        f"{np.tanh(1.8):.2f}",
    ]
    assert said.reading.endswith("keep all of the past.")
    other = FIGURE.draw(z_where=1.0, z_meal=0.0, r_where=1.0, r_meal=0.0, keeps=False, before=True)
    assert other.reading.endswith("take all of the new.")
    assert "where: 0.90 before, candidate 0.00; it keeps 0%, and is 0.00." in other.reading


def test_the_place_of_the_reset_gate_is_seen() -> None:
    places = [
        re.findall(
            r'<circle class="valve" cx="(\d+)"',
            FIGURE.draw(
                z_where=1.0, z_meal=0.0, r_where=1.0, r_meal=0.0, keeps=True, before=before
            ).picture,
        )
        for before in (True, False)
    ]
    assert places[0] != places[1]


def test_the_figure_is_light() -> None:
    assert len(FIGURE.to_html().encode()) < 300_000
