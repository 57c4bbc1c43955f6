"""The spectral-radius slider: its lines are what differentiating the network gives."""

import re

import numpy as np
import pytest

from lmlib.interactives.radius import (
    FLAT,
    HIDDEN,
    HIGHEST,
    LOWEST,
    RADII,
    STEPS,
    decay,
    spectral_radius_slider,
)
from lmlib.scratch.rnn import unroll

FIGURE = spectral_radius_slider()


def weights(radius: float) -> np.ndarray:
    """The matrix of the figure, scaled."""
    W_h = np.random.default_rng(8).normal(size=(HIDDEN, HIDDEN))
    return W_h * radius / abs(np.linalg.eigvals(W_h)).max()


def test_radii_go_from_a_fifth_to_two() -> None:
    assert RADII[0] == 0.2 and RADII[-1] == 2.0 and 1.0 in RADII


@pytest.mark.parametrize("radius", [0.2, 0.9, 1.0, 2.0])
def test_without_tanh_the_jacobian_is_a_power_of_the_weights(radius: float) -> None:
    for k in (0, 1, 7, STEPS):
        power = np.linalg.matrix_power(weights(radius), k)
        expected = np.linalg.norm(power, 2)
        assert decay(radius).linear_jacobian[k] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5])
def test_with_tanh_the_jacobian_is_what_a_nudge_of_the_past_state_does(radius: float) -> None:
    """Central differences through ``k`` steps of the network, one coordinate after the other."""
    rng, W_h = np.random.default_rng(8), weights(radius)
    rng.normal(size=(HIDDEN, HIDDEN))  # the figure draws its matrix first
    x = rng.normal(0, 0.5, (2 * STEPS, 1, HIDDEN))
    rest = (np.eye(HIDDEN), W_h, np.zeros(HIDDEN))
    states = unroll(x, np.zeros((1, HIDDEN)), *rest)
    gradient = rng.normal(size=HIDDEN)
    gradient /= np.linalg.norm(gradient)
    for k in (1, 5):
        before = np.repeat(states[-1 - k], HIDDEN, axis=0)  # (H, H): a row for each nudge
        inputs = np.repeat(x[-k:], HIDDEN, axis=1)
        nudge = 1e-6 * np.eye(HIDDEN)
        after = [unroll(inputs, before + sign * nudge, *rest)[-1] for sign in (1, -1)]
        jacobian = ((after[0] - after[1]) / 2e-6).T
        assert decay(radius).tanh_jacobian[k] == pytest.approx(np.linalg.norm(jacobian, 2), 1e-6)
        norm = np.linalg.norm(gradient @ jacobian)
        assert decay(radius).tanh_gradient[k] == pytest.approx(norm, 1e-6)
    flat = 1 - states[-STEPS:] ** 2 < FLAT
    assert decay(radius).saturated == pytest.approx(flat.mean())


def test_a_gradient_is_never_longer_than_the_jacobian_allows() -> None:
    for radius in RADII:
        found = decay(radius)
        assert np.all(found.tanh_gradient <= found.tanh_jacobian * (1 + 1e-9))
        assert np.all(found.linear_gradient <= found.linear_jacobian * (1 + 1e-9))


def test_what_the_reader_should_have_noticed_is_so() -> None:
    level = decay(1.0).linear_jacobian
    assert 0.1 < level[STEPS] / level[10] < 10
    assert decay(0.9).linear_jacobian[STEPS] < 0.1 < 10 < decay(1.1).linear_jacobian[STEPS]
    for radius in RADII:
        assert decay(radius).tanh_jacobian[STEPS] < decay(radius).linear_jacobian[STEPS]
        assert decay(radius).tanh_gradient[STEPS] < decay(radius).linear_gradient[STEPS]
    for radius in RADII[: RADII.index(1.3) + 1]:
        assert decay(radius).tanh_jacobian[STEPS] < 0.01
    two = decay(2.0)
    assert two.linear_jacobian[STEPS] > 1e15 and two.linear_gradient[STEPS] > 1e15
    assert 1 < two.tanh_jacobian[STEPS] < 1e3 and 1 < two.tanh_gradient[STEPS] < 1e3
    assert decay(0.5).saturated < 0.01 < 0.2 < two.saturated


@pytest.mark.parametrize("shown", ["jacobian", "gradient"])
@pytest.mark.parametrize("radius", RADII)
def test_lines_stay_in_the_picture_and_end_where_the_reading_says(
    radius: float, shown: str
) -> None:
    frame = FIGURE.draw(radius=radius, shown=shown)
    ends = re.findall(r"factor of (\S+) without tanh, and of (\S+) with it", frame.reading)[0]
    found = decay(radius)
    pair = {
        "jacobian": (found.linear_jacobian, found.tanh_jacobian),
        "gradient": (found.linear_gradient, found.tanh_gradient),
    }[shown]
    for said, values in zip(ends, pair, strict=True):
        plain = said.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")).replace("×10", "e")
        assert float(plain) == pytest.approx(values[STEPS], rel=0.06)
    axis = re.findall(r'class="(?:grid|one)" d="M\S+ (\S+?)h', frame.picture)
    a_power = (float(axis[0]) - float(axis[-1])) / (HIGHEST - LOWEST)  # pixels of a power of ten
    drawn = re.findall(r'class="line \w+" d="M([^"]+)"', frame.picture)
    for points, values in zip(drawn, pair, strict=True):
        heights = [float(point.split()[1]) for point in points.split("L")]
        inside = (np.log10(values) >= LOWEST) & (np.log10(values) <= HIGHEST)
        assert len(heights) == inside.sum()
        down = heights[-1] - heights[0]
        powers = np.log10(values[np.flatnonzero(inside)[-1]])
        assert down == pytest.approx(-powers * a_power, abs=0.2)


def test_a_line_that_leaves_the_picture_says_where_it_went() -> None:
    low = FIGURE.draw(radius=0.2, shown="jacobian").picture
    assert low.count("↓") == 2 and "↑" not in low
    high = FIGURE.draw(radius=2.0, shown="jacobian").picture
    assert high.count("↑") == 1 and "↓" not in high


def test_the_figure_is_light() -> None:
    assert len(FIGURE.to_html().encode()) < 150_000
