"""What reaches the past: gradients through time, Jacobians, saturation (chapter 08).

Everything here goes through a network one step at a time and asks autograd, so that it holds for
every cell and any number of layers. A network is what `lmlib.recurrent.RecurrentLayers` is: it
takes inputs (B, T, D) and a state, a tuple of arrays (B, layers, H), and returns its outputs and
the next state, in whose first array the last layer is the output.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lmlib.cells import States
from lmlib.errors import InputError
from lmlib.pytorch import torch
from lmlib.recurrent import RecurrentLayers
from lmlib.scratch.functions import ACTIVATIONS, check_activation
from lmlib.translation import gettext as _


def gradient_norms(
    network: RecurrentLayers,
    inputs: torch.Tensor,
    loss: Callable[[torch.Tensor], torch.Tensor],
    state: States | None = None,
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

    Returns
    -------
    (B, T+1)
        For each row the Euclidean norm over all layers and, where a cell has several arrays as its
        state, over all of them.
    """
    states = _states(network, inputs, state)
    outputs = torch.stack([parts[0][:, -1] for parts in states[1:]], dim=1)  # (B, T, H)
    flat = [part for parts in states for part in parts]
    gradients = torch.autograd.grad(loss(outputs), flat, allow_unused=True)
    squares = np.zeros((len(states), len(inputs)))  # in float64: squares underflow early
    for i, gradient in enumerate(gradients):
        if gradient is not None:
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
        with torch.no_grad():
            state = tuple(torch.zeros_like(part) for part in network(inputs[:, :1])[1])
    states = [tuple(part.detach().requires_grad_() for part in state)]
    training = network.training
    network.eval()  # without dropout
    for t in range(inputs.shape[1]):
        states.append(network(inputs[:, t : t + 1], states[-1])[1])
    network.train(training)
    return states
