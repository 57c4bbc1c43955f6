"""Metrics: bits per character are the score's own, fronts are what no point dominates."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lmlib.corpora import load
from lmlib.errors import InputError
from lmlib.language_model import score, sequence_logprobs
from lmlib.metrics import bits_per_character, paired_bootstrap, pareto_front
from lmlib.ngram import train_ngram
from lmlib.text import TextFormat, encode_text

LINES = load("emma").train.splitlines(keepends=True)

points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)
nats = st.integers(1, 6).flatmap(
    lambda n: st.tuples(
        arrays.arrays(float, n, elements=st.integers(0, 8).map(lambda i: i / 4)),
        arrays.arrays(float, n, elements=st.integers(0, 8).map(lambda i: i / 4)),
        arrays.arrays(int, (5, n), elements=st.integers(0, n - 1)),
    )
)


# ---------------------------------------------------------------- bits per character


@pytest.mark.parametrize("tokens", ["words", "characters"])
def test_bits_per_character_are_those_of_the_score(tokens: str) -> None:
    text_format = TextFormat(tokens)
    test = "".join(LINES[200:240])
    model = train_ngram("".join(LINES[:200]), 3, text_format=text_format, min_count=2)
    logprobs = sequence_logprobs(model, encode_text(test, text_format, model.vocab))
    expected = score(model, test).bits_per_character
    assert bits_per_character(logprobs, test) == pytest.approx(expected, rel=1e-12)


@given(st.lists(st.text("ab 面", max_size=5), min_size=1, max_size=4))
def test_one_of_two_for_each_character_is_a_bit(lines: list[str]) -> None:
    logprobs = [[math.log(1 / 2)] * (len(line) + 1) for line in lines]
    text = "".join(line + "\n" for line in lines)
    assert bits_per_character(logprobs, text) == pytest.approx(1.0)


def test_an_impossible_token_costs_infinitely_many_bits() -> None:
    assert bits_per_character([[-math.inf, -1.0]], "a\n") == math.inf


def test_no_text_is_refused() -> None:
    with pytest.raises(InputError, match="the text is empty"):
        bits_per_character([], "")


# ---------------------------------------------------------------- the Pareto front


def dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[0] and one[1] <= other[1] and one != other


@given(points)
def test_the_front_is_what_no_point_dominates(given_points: list[tuple[int, int]]) -> None:
    front = pareto_front(given_points)
    undominated = {
        i
        for i, point in enumerate(given_points)
        if not any(dominates(other, point) for other in given_points)
    }
    assert set(front) == undominated and len(front) == len(undominated)
    costs = [given_points[i][0] for i in front]
    losses = [given_points[i][1] for i in front]
    assert costs == sorted(costs) and losses == sorted(losses, reverse=True)


def test_equal_points_stay_in_the_order_given() -> None:
    assert pareto_front([(2, 1), (1, 2), (2, 1), (1, 3), (3, 1)]) == [1, 0, 2]
    assert pareto_front([]) == []
    assert pareto_front(np.array([[1.0, math.inf], [2.0, 0.5]])) == [0, 1]


def test_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="not a number"):
        pareto_front([(1.0, math.nan)])


# ---------------------------------------------------------------- paired bootstrap


@given(nats)
def test_a_share_is_the_wins_and_half_of_the_ties(
    drawn: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    first, second, draws = drawn
    wins = 0.0
    for row in draws.tolist():
        one, other = sum(first[i] for i in row), sum(second[i] for i in row)
        wins += 1.0 if one < other else 0.5 if one == other else 0.0
    share = paired_bootstrap(first, second, draws)
    assert share == pytest.approx(wins / len(draws))
    assert paired_bootstrap(second, first, draws) == pytest.approx(1 - share)
    assert paired_bootstrap(first, first, draws) == 0.5


def test_the_same_lines_count_for_both() -> None:
    """Lines differ by far more than models do; paired, a small advantage in each still shows."""
    rng = np.random.default_rng(0)
    first = rng.uniform(1, 100, size=50)
    draws = rng.integers(50, size=(200, 50))
    assert paired_bootstrap(first, first + 0.01, draws) == 1.0


@pytest.mark.parametrize(
    ("first", "second", "draws"),
    [([1.0], [1.0, 2.0], [[0]]), ([[1.0]], [[1.0]], [[0]]), ([1.0], [1.0], [0]), ([], [], [[]])],
)
def test_what_does_not_fit_together_is_refused(first: list, second: list, draws: list) -> None:
    with pytest.raises(InputError, match="do not fit"):
        paired_bootstrap(first, second, draws)


@pytest.mark.parametrize("draws", [[[0, 2]], [[-1, 0]], [[0.0, 1.0]]])
def test_draws_are_numbers_of_lines(draws: list[list[float]]) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        paired_bootstrap([1.0, 2.0], [2.0, 1.0], draws)


def test_a_sure_model_needs_no_bits_not_minus_none() -> None:
    assert math.copysign(1, bits_per_character([[0.0, 0.0]], "a\n")) == 1
