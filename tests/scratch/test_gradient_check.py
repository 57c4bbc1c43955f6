"""The check itself: it passes what is right, sees what is wrong, and leaves the numbers alone."""

import numpy as np
import pytest

from lmlib.errors import InputError
from lmlib.scratch import check_gradients, numerical_gradient


def cubes(w: np.ndarray) -> float:
    return float((w**3).sum())


def test_the_numerical_gradient_is_the_derivative() -> None:
    w = np.random.default_rng(0).normal(size=(2, 3))
    np.testing.assert_allclose(numerical_gradient(lambda: cubes(w), w), 3 * w**2, rtol=1e-8)


def test_the_array_is_left_as_it_was_even_if_the_loss_fails() -> None:
    w = np.array([1.0, 0.1])
    numerical_gradient(lambda: cubes(w), w)
    assert w.tolist() == [1.0, 0.1]

    def fails() -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        numerical_gradient(fails, w)
    assert w.tolist() == [1.0, 0.1]


def test_a_view_is_moved_and_put_back_too() -> None:
    whole = np.arange(12, dtype=float).reshape(3, 4)
    part = whole[:, ::2]
    np.testing.assert_allclose(
        numerical_gradient(lambda: cubes(whole), part), 3 * part**2, rtol=1e-8
    )
    assert (whole == np.arange(12).reshape(3, 4)).all()


def test_one_wrong_entry_among_many_is_seen() -> None:
    w = np.random.default_rng(1).normal(size=(20, 20))
    right = 3 * w**2
    assert check_gradients(lambda: cubes(w), {"w": w}, {"w": right})["w"] < 1e-8
    wrong = right.copy()
    wrong[7, 3] += 1e-5 * right.max()
    assert check_gradients(lambda: cubes(w), {"w": w}, {"w": wrong})["w"] > 1e-6


def test_a_gradient_that_is_not_a_number_never_passes() -> None:
    w = np.ones(3)
    error = check_gradients(lambda: cubes(w), {"w": w}, {"w": np.array([3.0, np.nan, 3.0])})["w"]
    assert not error <= 1e-6


def test_a_gradient_of_nothing_but_zeros_is_right_where_nothing_matters() -> None:
    w = np.ones(3)
    assert check_gradients(lambda: 1.0, {"w": w}, {"w": np.zeros(3)}) == {"w": 0.0}


def test_what_cannot_be_checked_is_refused() -> None:
    w = np.ones(3)
    with pytest.raises(InputError, match="no parameter 'v'"):
        check_gradients(lambda: cubes(w), {"w": w}, {"v": w})
    with pytest.raises(InputError, match=r"no parameter 'w' of shape \(2,\)"):
        check_gradients(lambda: cubes(w), {"w": w}, {"w": np.ones(2)})
    single = np.ones(3, np.float32)
    with pytest.raises(InputError, match="float64, not float32"):
        numerical_gradient(lambda: cubes(single), single)
