"""The functions and losses by hand: right values, right derivatives, no overflow."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lmlib.errors import InputError
from lmlib.scratch import (
    ACTIVATIONS,
    check_gradients,
    cross_entropy,
    log_softmax,
    relu,
    sigmoid,
    softmax,
    softmax_backward,
    squared_error,
    tanh,
)
from lmlib.scratch.functions import Function, check_activation

RNG = np.random.default_rng(0)
SCORES = arrays(
    np.float64, array_shapes(min_dims=1, max_dims=3), elements=st.floats(-1e300, 1e300, width=64)
)


# ---------------------------------------------------------------- softmax


@given(SCORES)
@settings(deadline=None)
def test_softmax_is_a_distribution_however_large_the_scores(x: np.ndarray) -> None:
    y = softmax(x)
    assert (y >= 0).all()
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-12)


@given(arrays(np.float64, (3, 4), elements=st.floats(-20, 20)), st.floats(-1e3, 1e3))
@settings(deadline=None)
def test_softmax_does_not_move_when_all_scores_do(x: np.ndarray, shift: float) -> None:
    np.testing.assert_allclose(softmax(x + shift), softmax(x), rtol=1e-9)


@given(arrays(np.float64, (2, 5), elements=st.floats(-300, 300)))
@settings(deadline=None)
def test_log_softmax_is_the_logarithm_of_softmax(x: np.ndarray) -> None:
    np.testing.assert_allclose(np.exp(log_softmax(x)), softmax(x), rtol=1e-9, atol=1e-300)


def test_log_softmax_stays_finite_where_softmax_is_zero() -> None:
    assert softmax([0.0, 5000.0])[0] == 0
    assert log_softmax([0.0, 5000.0]).tolist() == [-5000, 0]


def test_softmax_and_its_logarithm_take_any_axis() -> None:
    x = RNG.normal(size=(3, 4, 5))
    for axis in range(3):
        moved = np.moveaxis(softmax(np.moveaxis(x, axis, -1)), -1, axis)
        np.testing.assert_allclose(softmax(x, axis=axis), moved, rtol=1e-14)
        np.testing.assert_allclose(np.exp(log_softmax(x, axis=axis)), moved, rtol=1e-13)


def test_a_score_of_minus_infinity_gets_no_probability() -> None:
    assert softmax([-np.inf, 0.0, 0.0]).tolist() == [0, 0.5, 0.5]
    assert log_softmax([-np.inf, 0.0])[0] == -np.inf


def test_softmax_backward_agrees_with_finite_differences() -> None:
    x, weights = RNG.normal(size=(3, 5)), RNG.normal(size=(3, 5))
    dx = softmax_backward(weights, softmax(x))
    errors = check_gradients(lambda: float((weights * softmax(x)).sum()), {"x": x}, {"x": dx})
    assert errors["x"] <= 1e-8


# ---------------------------------------------------------------- activations


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_backward_agrees_with_finite_differences(name: str) -> None:
    function, backward = ACTIVATIONS[name]
    x, weights = RNG.normal(size=(4, 6)), RNG.normal(size=(4, 6))
    assert np.abs(x).min() > 1e-3  # ReLU has no derivative at 0
    dx = backward(weights, function(x))
    errors = check_gradients(lambda: float((weights * function(x)).sum()), {"x": x}, {"x": dx})
    assert errors["x"] <= 1e-8


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_gradients_equal_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    function, backward = ACTIVATIONS[name]
    x = np.append(RNG.normal(scale=3, size=30), [0.0, 40.0, -40.0, 800.0, -800.0])
    weights = RNG.normal(size=x.size)
    there = torch.tensor(x, requires_grad=True)
    y = getattr(torch, name)(there)
    (y * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(function(x), y.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(
        backward(weights, function(x)), there.grad.numpy(), rtol=1e-10, atol=1e-15
    )


@pytest.mark.parametrize("function", [softmax, log_softmax, sigmoid, tanh, relu])
def test_single_precision_stays_single(function: Function) -> None:
    assert function(np.ones((2, 3), np.float32)).dtype == np.float32


@given(arrays(np.float64, 5, elements=st.floats(-1e300, 1e300)))
@settings(deadline=None)
def test_sigmoid_and_tanh_saturate_and_never_overflow(x: np.ndarray) -> None:
    assert ((sigmoid(x) >= 0) & (sigmoid(x) <= 1)).all()
    assert (np.abs(tanh(x)) <= 1).all()
    np.testing.assert_allclose(sigmoid(x) + sigmoid(-x), 1, rtol=1e-15)
    np.testing.assert_allclose(2 * sigmoid(2 * x) - 1, tanh(x), atol=1e-15)


def test_an_unknown_activation_is_named() -> None:
    with pytest.raises(InputError, match="'swish' is not known; choose tanh, relu, sigmoid"):
        check_activation("swish")


# ---------------------------------------------------------------- cross-entropy


def test_cross_entropy_of_the_documents_example() -> None:
    # softmax(1, 2, 3, 4)[0] = e / (e + e² + e³ + e⁴) = 0.03206; -ln of it = 3.440
    loss, dlogits = cross_entropy([[1.0, 2.0, 3.0, 4.0]], [0])
    assert loss == pytest.approx(math.log(1 + math.e + math.e**2 + math.e**3), rel=1e-14)
    assert round(loss, 3) == 3.440
    np.testing.assert_allclose(dlogits, [softmax([1, 2, 3, 4]) - [1, 0, 0, 0]], rtol=1e-14)


def test_cross_entropy_agrees_with_finite_differences_and_padding_counts_nothing() -> None:
    logits = RNG.normal(size=(3, 4, 5))
    targets = np.array([[0, -1, 4, 2], [-1, -1, 1, 1], [3, 3, 3, -1]])
    loss, dlogits = cross_entropy(logits, targets)
    errors = check_gradients(
        lambda: cross_entropy(logits, targets)[0], {"logits": logits}, {"logits": dlogits}
    )
    assert errors["logits"] <= 1e-8
    assert (dlogits[targets < 0] == 0).all()
    real = targets >= 0
    alone, dalone = cross_entropy(logits[real], targets[real])
    assert loss == pytest.approx(alone, rel=1e-14)
    np.testing.assert_allclose(dlogits[real], dalone, rtol=1e-13)


def test_cross_entropy_equals_torch_with_padding_and_huge_logits() -> None:
    torch = pytest.importorskip("torch")
    logits = RNG.normal(scale=400, size=(50, 7))
    targets = RNG.integers(-1, 7, size=50)
    there = torch.tensor(logits, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(there, torch.tensor(targets), ignore_index=-1)
    theirs.backward()
    loss, dlogits = cross_entropy(logits, targets)
    assert loss == pytest.approx(theirs.item(), rel=1e-12)
    np.testing.assert_allclose(dlogits, there.grad.numpy(), rtol=1e-10, atol=1e-15)


@given(
    arrays(np.float64, (6, 4), elements=st.floats(-1e3, 1e3)),
    arrays(np.int64, 6, elements=st.integers(0, 3)),
)
@settings(deadline=None)
def test_the_gradient_of_each_row_sums_to_zero(logits: np.ndarray, targets: np.ndarray) -> None:
    loss, dlogits = cross_entropy(logits, targets)
    assert loss >= 0
    np.testing.assert_allclose(dlogits.sum(axis=-1), 0, atol=1e-15)


@pytest.mark.parametrize(
    ("logits", "targets", "said"),
    [
        (np.zeros((2, 3)), [0], r"targets of shape \(1,\) do not fit logits of shape \(2, 3\)"),
        (np.zeros((2, 3)), [0, 3], "the target 3 is no token: they are numbered 0 to 2"),
        (np.zeros((2, 3)), [0, -2], "the target -2 is no token"),
        (np.zeros((2, 3)), [0.0, 1.0], "integers, not float64"),
        (np.zeros((2, 3)), [-1, -1], "nothing to predict"),
        (np.zeros((0, 3)), np.zeros(0, int), "nothing to predict"),
        (1.0, 0, "do not fit"),
    ],
)
def test_cross_entropy_refuses_what_does_not_fit(
    logits: npt.ArrayLike, targets: npt.ArrayLike, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        cross_entropy(logits, targets)


# ---------------------------------------------------------------- squared error


def test_squared_error_agrees_with_finite_differences_and_with_torch() -> None:
    prediction, target = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 3, 4))
    loss, dprediction = squared_error(prediction, target)
    errors = check_gradients(
        lambda: squared_error(prediction, target)[0], {"p": prediction}, {"p": dprediction}
    )
    assert errors["p"] <= 1e-8
    torch = pytest.importorskip("torch")
    there = torch.tensor(prediction, requires_grad=True)
    theirs = torch.nn.functional.mse_loss(there, torch.tensor(target), reduction="sum") / 12
    theirs.backward()  # 6 rows, and a half
    assert loss == pytest.approx(theirs.item(), rel=1e-13)
    np.testing.assert_allclose(dprediction, there.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("shapes", [((2, 3), (3, 2)), ((0, 3), (0, 3)), ((), ())])
def test_squared_error_refuses_shapes_that_cannot_be_compared(
    shapes: tuple[tuple[int, ...], ...],
) -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        squared_error(np.zeros(shapes[0]), np.zeros(shapes[1]))
