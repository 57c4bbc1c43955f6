"""Linear and embedding layers by hand: their derivatives, and what does not fit them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lmlib.errors import InputError
from lmlib.scratch import check_gradients, embedding, embedding_backward, linear, linear_backward

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("leading", [(), (5,), (2, 3)])
def test_linear_backward_agrees_with_finite_differences(leading: tuple[int, ...]) -> None:
    x, W, b = RNG.normal(size=(*leading, 3)), RNG.normal(size=(3, 4)), RNG.normal(size=4)
    weights = RNG.normal(size=(*leading, 4))
    dx, dW, db = linear_backward(weights, x, W)
    errors = check_gradients(
        lambda: float((weights * linear(x, W, b)).sum()),
        {"x": x, "W": W, "b": b},
        {"x": dx, "W": dW, "b": db},
    )
    assert max(errors.values()) <= 1e-8


def test_linear_equals_torch() -> None:
    torch = pytest.importorskip("torch")
    x, W, b = RNG.normal(size=(2, 5, 3)), RNG.normal(size=(3, 4)), RNG.normal(size=4)
    weights = RNG.normal(size=(2, 5, 4))
    theirs = [torch.tensor(array, requires_grad=True) for array in (x, W, b)]
    y = torch.nn.functional.linear(theirs[0], theirs[1].T, theirs[2])
    (y * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(linear(x, W, b), y.detach().numpy(), rtol=1e-12)
    for ours, there in zip(linear_backward(weights, x, W), theirs, strict=True):
        np.testing.assert_allclose(ours, there.grad.numpy(), rtol=1e-10)


def test_linear_refuses_shapes_that_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"x \(2, 3\), W \(4, 5\) and b \(5,\) do not fit"):
        linear(np.zeros((2, 3)), np.zeros((4, 5)), np.zeros(5))
    with pytest.raises(InputError, match="do not fit"):  # it would broadcast, silently
        linear(np.zeros((2, 3)), np.zeros((3, 5)), np.zeros(1))
    with pytest.raises(InputError, match=r"dy \(2, 4\)"):
        linear_backward(np.zeros((2, 4)), np.zeros((2, 3)), np.zeros((3, 5)))


def test_an_embedding_is_the_product_with_one_hot_vectors() -> None:
    E, ids = RNG.normal(size=(6, 3)), RNG.integers(6, size=(2, 4))
    np.testing.assert_allclose(embedding(ids, E), np.eye(6)[ids] @ E, rtol=1e-15)


@given(arrays(np.int64, (3, 5), elements=st.integers(0, 6)), st.integers(0, 10))
@settings(deadline=None)
def test_the_gradient_of_an_embedding_gathers_every_place(ids: np.ndarray, seed: int) -> None:
    dy = np.random.default_rng(seed).normal(size=(*ids.shape, 2))
    by_product = np.eye(7)[ids].reshape(-1, 7).T @ dy.reshape(-1, 2)
    np.testing.assert_allclose(embedding_backward(dy, ids, 7), by_product, atol=1e-14)


def test_embeddings_of_no_token_are_empty() -> None:
    ids = np.zeros((2, 0), np.int64)
    assert embedding(ids, np.zeros((5, 3))).shape == (2, 0, 3)
    assert not embedding_backward(np.zeros((2, 0, 3)), ids, 5).any()


@pytest.mark.parametrize("ids", [[0, 5], [-1, 2], [0.0, 1.0]])
def test_a_number_that_is_no_token_is_refused(ids: list) -> None:
    with pytest.raises(InputError, match="tokens are integers from 0 to 4"):
        embedding(ids, np.zeros((5, 2)))
