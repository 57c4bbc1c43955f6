"""The multilayer perceptron by hand: gradients, first weights, and that it learns."""

import numpy as np
import pytest

from lmlib.errors import InputError
from lmlib.scratch import (
    ACTIVATIONS,
    MLP,
    Adam,
    MLPConfig,
    check_gradients,
    cross_entropy,
    squared_error,
)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(3, 4), (3, 5, 4), (3, 6, 5, 4)])
def test_gradients_agree_with_finite_differences_and_with_autograd(
    activation: str, sizes: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    mlp = MLP(MLPConfig(sizes, activation), rng)
    for name, array in mlp.parameters.items():
        if name.startswith("b"):
            array += rng.normal(size=array.shape)
    x, targets = rng.normal(size=(7, 3)), rng.integers(-1, 4, size=7)

    def loss() -> float:
        return cross_entropy(mlp.forward(x)[0], targets)[0]

    output, layers = mlp.forward(x)
    dx, gradients = mlp.backward(cross_entropy(output, targets)[1], layers)
    assert gradients.keys() == mlp.parameters.keys()
    errors = check_gradients(loss, {**mlp.parameters, "x": x}, {**gradients, "x": dx})
    assert max(errors.values()) <= 1e-6

    torch = pytest.importorskip("torch")
    p = {k: torch.tensor(a, requires_grad=True) for k, a in {**mlp.parameters, "x": x}.items()}
    h = p["x"]
    for layer in range(1, len(sizes)):
        h = h if layer == 1 else getattr(torch, activation)(h)
        h = h @ p[f"W_{layer}"] + p[f"b_{layer}"]
    theirs = torch.nn.functional.cross_entropy(h, torch.tensor(targets), ignore_index=-1)
    theirs.backward()
    assert loss() == pytest.approx(theirs.item(), rel=1e-12)
    for name, gradient in {**gradients, "x": dx}.items():
        expected = p[name].grad.numpy()
        np.testing.assert_allclose(
            gradient, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max()
        )


def test_any_axes_before_the_last_are_rows() -> None:
    mlp = MLP(MLPConfig((3, 5, 2)), np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(4, 6, 3))
    output, layers = mlp.forward(x)
    flat, flat_layers = mlp.forward(x.reshape(24, 3))
    np.testing.assert_allclose(output.reshape(24, 2), flat, rtol=1e-13)
    dx, gradients = mlp.backward(output, layers)
    flat_dx, flat_gradients = mlp.backward(flat, flat_layers)
    np.testing.assert_allclose(dx.reshape(24, 3), flat_dx, rtol=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, flat_gradients[name], rtol=1e-12)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_first_weights_keep_the_size_of_a_sum_times_the_scale(scale: float) -> None:
    mlp = MLP(MLPConfig((400, 500), scale=scale), np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(100, 400))
    assert mlp.forward(x)[0].std() == pytest.approx(scale, rel=0.02)
    assert not mlp.parameters["b_1"].any()


def test_it_learns_exclusive_or_and_one_layer_cannot() -> None:
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    target = np.array([[0.0], [1.0], [1.0], [0.0]])
    losses = []
    for sizes in ((2, 8, 1), (2, 1)):
        mlp = MLP(MLPConfig(sizes), np.random.default_rng(0))
        optimiser = Adam(0.02)
        for _ in range(600):
            output, layers = mlp.forward(x)
            loss, doutput = squared_error(output, target)
            optimiser.update(mlp.parameters, mlp.backward(doutput, layers)[1])
        losses.append(loss)
    assert losses[0] < 1e-3
    assert losses[1] == pytest.approx(0.125, rel=1e-3)  # 1/2 (1/2)²: it can only say one half


def test_a_network_without_an_output_is_refused() -> None:
    for sizes in ((3,), (3, 0, 2), ()):
        with pytest.raises(InputError, match="the size of the input"):
            MLPConfig(sizes)
    with pytest.raises(InputError, match="activation='gelu' is not known"):
        MLPConfig((3, 2), "gelu")
    with pytest.raises(InputError, match="do not fit"):
        MLP(MLPConfig((3, 2)), np.random.default_rng(0)).forward(np.ones((1, 4)))
