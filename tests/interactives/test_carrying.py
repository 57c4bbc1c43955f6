"""Gradient against distance for three cells: its lines are what was measured."""

import numpy as np
import pytest

from lmlib.interactives.carrying import (
    FARTHEST,
    HIGHEST,
    LOWEST,
    gradient_by_bias,
    measured,
)

FIGURE = gradient_by_bias()
BIASES = measured()["biases"]


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_each_line_begins_with_one_at_one_word_back(cell: str) -> None:
    for found in measured()[f"{cell} by bias"]:
        for path in ("whole", "direct"):
            assert len(found[path]) == FARTHEST and found[path][0] == 1


@pytest.mark.parametrize("path", ["whole", "direct"])
@pytest.mark.parametrize("bias", BIASES)
def test_the_reading_says_where_the_lines_end(bias: int, path: str) -> None:
    reading = FIGURE.draw(bias=bias, path=path).reading
    place = BIASES.index(bias)
    plain = reading.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")).replace("×10", "e")
    for cell, name in (("lstm", "LSTM, c "), ("gru", "GRU, h ")):
        said = plain.split(name)[1].split(",")[0].split(" ")[0].rstrip(".")
        wanted = measured()[f"{cell} by bias"][place][path][-1]
        assert float(said) == pytest.approx(wanted, rel=0.06)


def test_what_the_reader_should_have_noticed_is_so() -> None:
    for cell in ("gru", "lstm"):
        found = measured()[f"{cell} by bias"]
        ends = [values["whole"][-1] for values in found]
        assert ends == sorted(ends)
        low = BIASES.index(0)
        assert found[low + 2]["whole"][-1] > 1e4 * found[low]["whole"][-1]
        for place in (BIASES.index(-1), low):
            assert found[place]["whole"][-1] > found[place]["direct"][-1]
        assert all(values["direct"][-1] < 1 for values in found)
    for bias in (4, 5, 6):
        assert measured()["lstm by bias"][BIASES.index(bias)]["whole"][-1] > 1


def test_every_line_fits_the_picture() -> None:
    for cell in ("gru", "lstm"):
        for found in measured()[f"{cell} by bias"]:
            for values in found.values():
                exponents = np.log10(values)
                assert exponents.max() < HIGHEST and exponents.min() > LOWEST


def test_the_figure_is_light() -> None:
    assert len(FIGURE.to_html().encode()) < 80_000
