"""What reaches the past, and what gates do: chapters 08 to 10.

Gradients through time and Jacobians are found by going through a network one step at a time and
asking autograd, so that they hold for every cell and any number of layers. A network is what
`lmlib.recurrent.RecurrentLayers` is: it takes inputs (B, T, D) and a state, a tuple of arrays
(B, layers, H), and returns its outputs and the next state, in whose first array the last layer is
the output.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lmlib.cells import GRUCell, LSTMCell, States
from lmlib.errors import InputError
from lmlib.pytorch import torch
from lmlib.recurrent import RecurrentLayers
from lmlib.scratch.functions import ACTIVATIONS, check_activation
from lmlib.scratch.gru import gru_unroll
from lmlib.scratch.lstm import lstm_unroll
from lmlib.scratch.rnn import unroll
from lmlib.translation import gettext as _


def gradient_norms(
    network: RecurrentLayers,
    inputs: torch.Tensor,
    loss: Callable[[torch.Tensor], torch.Tensor],
    state: States | None = None,
    part: int | None = None,
) -> npt.NDArray:
    """Norms of dL/dh_t for every state, from the one before the first input to the last.

    Parameters
    ----------
    network : RecurrentLayers
    inputs : (B, T, D)
    loss : callable
        Of the outputs (B, T, H), one number.
    state : tuple of (B, layers, H), optional
        The one before the first input; zeros if nothing is given.
    part : int, optional
        Of which array of the state, the others held: for an LSTM 0 is h and 1 is c.

    Returns
    -------
    (B, T+1)
        For each row the Euclidean norm over all layers and, where a cell has several arrays as its
        state and no ``part`` is asked for, over all of them.
    """
    states = _states(network, inputs, state)
    outputs = torch.stack([parts[0][:, -1] for parts in states[1:]], dim=1)  # (B, T, H)
    flat = [part for parts in states for part in parts]
    gradients = torch.autograd.grad(loss(outputs), flat, allow_unused=True)
    squares = np.zeros((len(states), len(inputs)))  # in float64: squares underflow early
    for i, gradient in enumerate(gradients):
        if gradient is not None and part in (None, i % len(states[0])):
            array = gradient.flatten(1).numpy(force=True).astype(np.float64)
            squares[i // len(states[0])] += (array**2).sum(axis=1)
    return np.sqrt(squares.T)


def jacobians(
    network: RecurrentLayers, inputs: torch.Tensor, state: States | None = None
) -> npt.NDArray:
    """Jacobians of the last state with respect to every state: products of the steps' Jacobians.

    For a plain tanh network, with column j the past's coordinate,

        dh_T/dh_t = diag(1 - h_T²) W_hᵀ · ... · diag(1 - h_{t+1}²) W_hᵀ

    but it is asked of autograd: the sequence is run once for each coordinate of the state, side by
    side, and row i goes back from coordinate i.

    Parameters
    ----------
    network : RecurrentLayers
    inputs : (T, D)
        One sequence.
    state : tuple of (1, layers, H), optional
        The one before the first input; zeros if nothing is given.

    Returns
    -------
    (T+1, S, S)
        Entry ``[t, i, j]`` says by how much coordinate i of h_T changes with coordinate j of h_t;
        the last is the identity. S counts all numbers of the state: arrays, layers, units.
    """
    if inputs.ndim != 2:
        raise InputError(
            _("jacobians takes one sequence, of shape (T, D), not {shape}.").format(
                shape=tuple(inputs.shape)
            )
        )
    first = network(inputs[None, :1])[1] if state is None else state
    size = sum(part[0].numel() for part in first)
    start = None if state is None else tuple(part.repeat(size, 1, 1) for part in state)
    states = _states(network, inputs.repeat(size, 1, 1), start)
    flat = [part for parts in states for part in parts]
    last = torch.cat([part.flatten(1) for part in states[-1]], dim=1)  # (S, S)
    gradients = torch.autograd.grad(last.diagonal().sum(), flat)
    columns = torch.cat([gradient.flatten(1) for gradient in gradients], dim=1)  # (S, (T+1) S)
    return columns.reshape(size, len(states), size).transpose(0, 1).numpy(force=True)


def gate_traces(
    network: RecurrentLayers, inputs: torch.Tensor, state: States | None = None
) -> list[dict[str, npt.NDArray]]:
    """What stands in each cell at each step, by the steps of `lmlib.scratch`.

    Parameters
    ----------
    network : RecurrentLayers
        One that reads one way.
    inputs : (B, T, D)
    state : tuple of (B, layers, H), optional
        The one before the first input; zeros if nothing is given.

    Returns
    -------
    list of dict
        For each layer arrays (B, T, H) by name: ``h``; of a GRU ``r``, ``z`` and ``candidate``
        too; of an LSTM ``i``, ``f``, ``o``, ``candidate`` and ``c``.

    Raises
    ------
    InputError
        If the network reads in both directions.
    """
    if network.directions == 2:
        raise InputError(_("gate_traces takes a network that reads one way."))
    if state is None:
        state = network.initial_state(len(inputs))
    before = [part.numpy(force=True) for part in state]
    x: Any = inputs.numpy(force=True).swapaxes(0, 1)  # (T, B, D)
    traces = []
    for layer, cell in enumerate(network.cells):
        W_x, W_h, b, *more = (weight.numpy(force=True) for weight in cell.parameters())
        first = [part[:, layer] for part in before]  # (B, H) each
        if isinstance(cell, LSTMCell):
            lstm = lstm_unroll(x, first[0], first[1], W_x, W_h, b)
            x = lstm.states[1:]
            found = {"i": lstm.i, "f": lstm.f, "o": lstm.o}
            found |= {"candidate": lstm.candidate, "c": lstm.cells[1:]}
        elif isinstance(cell, GRUCell):
            b_h = more[0] if more else None
            gru = gru_unroll(x, first[0], W_x, W_h, b, b_h, cell.update_keeps)
            x = gru.states[1:]
            found = {"r": gru.r, "z": gru.z, "candidate": gru.candidate}
        else:
            x = unroll(x, first[0], W_x, W_h, b, cell.activation)[1:]
            found = {}
        traces.append({name: a.swapaxes(0, 1) for name, a in {"h": x, **found}.items()})
    return traces


def retention(kept: npt.ArrayLike) -> npt.NDArray:
    """What is still there at the end of what stood in a cell after each step.

    On the direct path, with f_t the share that step t keeps (an LSTM's forget gate, a GRU's update
    gate that keeps the past),

        dc_T/dc_t = f_{t+1} f_{t+2} … f_T

    Parameters
    ----------
    kept : (..., T, H)
        f_1 … f_T, between 0 and 1.

    Returns
    -------
    (..., T, H)
        Of c_1 … c_T; the last is 1.

    Examples
    --------
    >>> retention([[0.5], [0.9], [0.5]]).ravel()
    array([0.45, 0.5 , 1.  ])
    """
    kept = np.asarray(kept)
    later = np.concatenate([kept[..., 1:, :], np.ones_like(kept[..., :1, :])], axis=-2)
    return np.flip(np.cumprod(np.flip(later, axis=-2), axis=-2), axis=-2)


def spectral_radius(matrix: npt.ArrayLike) -> float:
    """Largest absolute value of an eigenvalue: how its powers grow, in the long run.

    Parameters
    ----------
    matrix : (n, n)

    Examples
    --------
    >>> spectral_radius([[0.5, 100.0], [0.0, 0.5]])
    0.5
    """
    return float(abs(np.linalg.eigvals(np.asarray(matrix, dtype=np.float64))).max())


def saturation(outputs: npt.ArrayLike, activation: str = "tanh", below: float = 0.1) -> float:
    """Share of units that are flat: the derivative of their activation is below ``below``.

    Parameters
    ----------
    outputs : array
        What came out of the activation, of any shape.
    activation : str
        One of `lmlib.scratch.ACTIVATIONS`.
    below : float

    Examples
    --------
    >>> saturation([0.0, 0.5, -0.99, 0.999])
    0.5
    """
    check_activation(activation)
    outputs = np.asarray(outputs)
    slopes = ACTIVATIONS[activation][1](np.ones_like(outputs), outputs)
    return float((slopes < below).mean())


def _states(network: RecurrentLayers, inputs: torch.Tensor, state: States | None) -> list[States]:
    """The state before the first input and those after each, computed one from the other."""
    if state is None:
        state = network.initial_state(len(inputs))
    states = [tuple(part.detach().requires_grad_() for part in state)]
    training = network.training
    network.eval()  # without dropout
    for t in range(inputs.shape[1]):
        states.append(network(inputs[:, t : t + 1], states[-1])[1])
    network.train(training)
    return states
