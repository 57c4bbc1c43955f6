"""Diagnostics through time: what autograd says is what a nudge does, for any cell."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from lmlib.cells import Cell, GRUCell, LSTMCell, RNNCell, States
from lmlib.diagnostics import (
    gate_traces,
    gradient_norms,
    jacobians,
    retention,
    saturation,
    spectral_radius,
)
from lmlib.errors import InputError
from lmlib.recurrent import RecurrentLayers

B, T, D, H = 3, 6, 4, 5


Build = Callable[[], RecurrentLayers]

NETWORKS: dict[str, Build] = {
    "tanh": lambda: RecurrentLayers(D, H),
    "relu": lambda: RecurrentLayers(D, H, cell=partial(RNNCell, activation="relu")),
    "sigmoid, readable": lambda: RecurrentLayers(
        D, H, cell=partial(RNNCell, activation="sigmoid"), engine="readable"
    ),
    "two layers with dropout": lambda: RecurrentLayers(D, H, layers=2, dropout=0.5),
    "GRU": lambda: RecurrentLayers(D, H, cell="gru"),
    "LSTM": lambda: RecurrentLayers(D, H, cell="lstm"),
    "LSTM, two layers": lambda: RecurrentLayers(D, H, layers=2, cell="lstm"),
}
each_network = pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)


def made(build: Build) -> tuple[RecurrentLayers, torch.Tensor]:
    torch.manual_seed(1)
    return build().double(), torch.randn(B, T, D, dtype=torch.float64)


def of_all_outputs(outputs: torch.Tensor) -> torch.Tensor:
    """A loss to which every step contributes, each differently."""
    weights = torch.arange(1.0, outputs.numel() + 1, dtype=outputs.dtype).sin()
    return (weights * outputs.flatten().square()).sum()


def flat(state: States) -> torch.Tensor:
    return torch.cat([part.flatten(1) for part in state], dim=1)  # (B, S)


def like(numbers: torch.Tensor, state: States) -> States:
    sizes = [part[0].numel() for part in state]
    parts = numbers.split(sizes, dim=1)
    return tuple(part.reshape(old.shape) for part, old in zip(parts, state, strict=True))


def read(
    network: RecurrentLayers, inputs: torch.Tensor, state: States | None = None
) -> tuple[torch.Tensor, list[States]]:
    """Step by step: all states, and of each the last layer of its first array, the output."""
    with torch.no_grad():
        if state is None:
            state = tuple(torch.zeros_like(part) for part in network(inputs[:, :1])[1])
        states = [state]
        for t in range(inputs.shape[1]):
            states.append(network(inputs[:, t : t + 1], states[-1])[1])
    return torch.stack([parts[0][:, -1] for parts in states], dim=1), states


@each_network
def test_gradients_with_respect_to_states_are_finite_differences(build: Build) -> None:
    """Nudge one state, let the network go on from there, and look at the loss."""
    network, inputs = made(build)
    network.eval()
    outputs, states = read(network, inputs)
    norms = gradient_norms(network, inputs, of_all_outputs)
    assert norms.shape == (B, T + 1)
    eps = 1e-6
    for t in range(T + 1):
        size = flat(states[t]).shape[1]
        gradient = np.zeros((B, size))
        for row in range(B):
            for i in range(size):
                losses = []
                for sign in (1, -1):
                    nudged = flat(states[t]).clone()
                    nudged[row, i] += sign * eps
                    after, _ = read(network, inputs[:, t:], like(nudged, states[t]))
                    together = torch.cat([outputs[:, :t], after], dim=1)[:, 1:]
                    losses.append(of_all_outputs(together).item())
                gradient[row, i] = (losses[0] - losses[1]) / (2 * eps)
        np.testing.assert_allclose(np.linalg.norm(gradient, axis=1), norms[:, t], rtol=1e-6)


@each_network
def test_jacobians_are_what_nudged_states_become(build: Build) -> None:
    network, inputs = made(build)
    network.eval()
    _, states = read(network, inputs[:1])
    found = jacobians(network, inputs[0])
    size = flat(states[0]).shape[1]
    assert found.shape == (T + 1, size, size)
    np.testing.assert_array_equal(found[T], np.eye(size))
    eps = 1e-6
    for t in range(T):
        for j in range(size):
            ends = []
            for sign in (1, -1):
                nudged = flat(states[t]).clone()
                nudged[0, j] += sign * eps
                ends.append(flat(read(network, inputs[:1, t:], like(nudged, states[t]))[1][-1])[0])
            column = (ends[0] - ends[1]) / (2 * eps)
            np.testing.assert_allclose(found[t, :, j], column, rtol=1e-6, atol=1e-9)


def test_jacobians_of_a_tanh_network_are_the_closed_form() -> None:
    """dh_T/dh_t = diag(1 - h_T²) W_hᵀ … diag(1 - h_{t+1}²) W_hᵀ."""
    network, inputs = made(NETWORKS["tanh"])
    found = jacobians(network, inputs[0])
    outputs = network(inputs[:1])[0][0].detach().numpy()
    W_h = dict(network.named_parameters())["cells.0.W_h"].detach().numpy()
    product = np.eye(H)
    for t in range(T - 1, -1, -1):
        product = product @ np.diag(1 - outputs[t] ** 2) @ W_h.T
        np.testing.assert_allclose(found[t], product, rtol=1e-10, atol=1e-14)


@each_network
def test_a_gradient_goes_back_by_the_jacobian(build: Build) -> None:
    """dL/dh_t = dL/dh_T · dh_T/dh_t where the loss asks for the last output alone."""
    network, inputs = made(build)
    found = jacobians(network, inputs[1])
    norms = gradient_norms(network, inputs, lambda outputs: outputs[:, -1].sum())
    layers = network(inputs)[1][0].shape[1]
    asked = np.zeros(found.shape[1])
    asked[(layers - 1) * H : layers * H] = 1  # the last layer of the first array
    np.testing.assert_allclose(np.linalg.norm(asked @ found, axis=1), norms[1], rtol=1e-9)


@each_network
def test_jacobians_over_two_stretches_multiply(build: Build) -> None:
    network, inputs = made(build)
    _, states = read(network.eval(), inputs[:1])
    whole = jacobians(network, inputs[0])
    later = jacobians(network, inputs[0, 4:], states[4])
    earlier = jacobians(network, inputs[0, :4])
    np.testing.assert_allclose(later[0] @ earlier[0], whole[0], rtol=1e-9, atol=1e-14)


def test_the_network_is_left_as_it_was() -> None:
    network, inputs = made(NETWORKS["two layers with dropout"])
    network.train()
    first = gradient_norms(network, inputs, of_all_outputs)
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    np.testing.assert_array_equal(first, gradient_norms(network, inputs, of_all_outputs))


def test_a_loss_that_ends_early_gives_later_states_zero() -> None:
    network, inputs = made(NETWORKS["tanh"])
    norms = gradient_norms(network, inputs, lambda outputs: outputs[:, 2].sum())
    assert np.all(norms[:, 4:] == 0)
    assert np.all(norms[:, :4] > 0)


def test_a_gradient_that_all_but_vanished_is_not_zero() -> None:
    """In float32 the square of 1e-24 would be 0."""
    network = RecurrentLayers(D, H)
    inputs = torch.randn(1, T, D, generator=torch.Generator().manual_seed(0))
    norms = gradient_norms(network, inputs, lambda outputs: 1e-24 * outputs[:, -1].sum())
    assert np.all(norms[:, 1:] > 0)


def test_a_batch_is_not_taken_for_a_sequence() -> None:
    network, inputs = made(NETWORKS["tanh"])
    with pytest.raises(InputError, match=r"not \(3, 6, 4\)"):
        jacobians(network, inputs)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_spectral_radius_is_how_powers_grow(size: int) -> None:
    matrix = np.random.default_rng(size).normal(size=(size, size))
    growth = np.linalg.norm(np.linalg.matrix_power(matrix, 512), 2) ** (1 / 512)
    assert spectral_radius(matrix) == pytest.approx(growth, rel=0.02)
    assert spectral_radius([[0.0, -2.0], [2.0, 0.0]]) == pytest.approx(2.0)  # a complex pair


def test_saturation_counts_units_where_the_activation_is_flat() -> None:
    assert saturation([0.0, 0.9, 0.96, -0.96]) == 0.5  # 1 - 0.9² = 0.19, 1 - 0.96² = 0.078
    assert saturation([0.5, 0.05, 0.95], "sigmoid") == pytest.approx(2 / 3)
    assert saturation([0.0, 0.0, 3.0, 0.1], "relu") == 0.5
    assert saturation([0.9], below=0.2) == 1.0
    with pytest.raises(InputError, match="activation='step'"):
        saturation([0.0], "step")


# ---------------------------------------------------------------- gates


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    "cell", [RNNCell, GRUCell, partial(GRUCell, update_keeps=False, reset_after=False), LSTMCell]
)
def test_traces_are_what_the_cells_compute(cell: Callable[[int, int], Cell], layers: int) -> None:
    network, inputs = made(lambda: RecurrentLayers(D, H, layers, cell))
    state = tuple(torch.randn(B, layers, H).double() for _ in range(network.cells[0].vectors))
    traces = gate_traces(network, inputs, state)
    x = inputs
    for layer, (found, one) in enumerate(zip(traces, network.cells, strict=True)):
        after = tuple(part[:, layer] for part in state)
        for t in range(T):
            h = after[0]
            after = one(x[:, t], after)
            np.testing.assert_allclose(found["h"][:, t], after[0].detach(), rtol=1e-9)
            if "c" in found:
                np.testing.assert_allclose(found["c"][:, t], after[1].detach(), rtol=1e-9)
                rebuilt = found["o"][:, t] * np.tanh(found["c"][:, t])
                np.testing.assert_allclose(found["h"][:, t], rebuilt, rtol=1e-9)
            if "z" in found:
                z, new = found["z"][:, t], found["candidate"][:, t]
                kept = z if one.update_keeps else 1 - z
                blend = kept * h.numpy(force=True) + (1 - kept) * new
                np.testing.assert_allclose(found["h"][:, t], blend, rtol=1e-9)
        x = torch.tensor(found["h"])


def test_retention_is_the_direct_path_of_the_jacobian() -> None:
    network, inputs = made(lambda: RecurrentLayers(D, H, cell="lstm"))
    with torch.no_grad():
        network.cells[0].W_h.zero_()  # the gates see the inputs alone: no other path is left
    (trace,) = gate_traces(network, inputs[:1])
    jacobian = jacobians(network, inputs[0])[1:, H:, H:]  # dc_T/dc_t, (T, H, H)
    expected = np.array([np.diag(row) for row in retention(trace["f"][0])])
    np.testing.assert_allclose(jacobian, expected, rtol=1e-9, atol=1e-15)


def test_the_gradient_of_one_part_is_its_share_of_the_whole() -> None:
    network, inputs = made(lambda: RecurrentLayers(D, H, 2, "lstm"))
    whole, h, c = (gradient_norms(network, inputs, of_all_outputs, part=p) for p in (None, 0, 1))
    np.testing.assert_allclose(whole**2, h**2 + c**2, rtol=1e-9)
    assert (h > 0).all() and (c[:, :-1] > 0).all()
    assert (c[:, -1] == 0).all(), "the outputs are read from h alone"


def test_traces_of_both_directions_are_refused() -> None:
    network = RecurrentLayers(D, H, cell="gru", bidirectional=True)
    with pytest.raises(InputError, match="one way"):
        gate_traces(network, torch.randn(B, T, D))
