"""From gradients to a step downhill: SGD, momentum, Adam, and clipping (chapters 04 and 08).

Parameters and gradients are dictionaries of arrays with the same names. ``update`` changes the
parameters in place.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError

Arrays = Mapping[str, npt.NDArray]


class SGD:
    """Stochastic gradient descent: ``w ← w - learning_rate · dw``."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate

    def update(self, parameters: Arrays, gradients: Arrays) -> None:
        """Take one step."""
        _check_names_and_shapes(parameters, gradients)
        for name, parameter in parameters.items():
            parameter -= self.learning_rate * gradients[name]


class Momentum:
    """Gradient descent with a velocity, a ball with friction (Polyak 1964).

    v ← momentum · v + dw;   w ← w - learning_rate · v
    """

    def __init__(self, learning_rate: float, momentum: float = 0.9) -> None:
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.velocities: dict[str, npt.NDArray] = {}

    def update(self, parameters: Arrays, gradients: Arrays) -> None:
        """Take one step."""
        _check_names_and_shapes(parameters, gradients)
        if not self.velocities:
            self.velocities = {name: np.zeros_like(array) for name, array in parameters.items()}
        for name, parameter in parameters.items():
            velocity = self.velocities[name]
            velocity *= self.momentum
            velocity += gradients[name]
            parameter -= self.learning_rate * velocity


class Adam:
    """A step of about the learning rate for each weight, whatever its gradient's size.

    With running means m of the gradient and v of its square (both start at 0, hence the division
    by ``1 - βᵗ``), at step t:

        m ← β₁ m + (1 - β₁) dw;   v ← β₂ v + (1 - β₂) dw²
        w ← w - learning_rate · m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ)) + 1e-8)

    with β₁ = 0.9 and β₂ = 0.999. Source: Kingma and Ba 2015, *Adam: a method for stochastic
    optimization*.
    """

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.steps = 0
        self.means: dict[str, npt.NDArray] = {}
        self.squares: dict[str, npt.NDArray] = {}

    def update(self, parameters: Arrays, gradients: Arrays) -> None:
        """Take one step."""
        _check_names_and_shapes(parameters, gradients)
        if not self.steps:
            self.means = {name: np.zeros_like(array) for name, array in parameters.items()}
            self.squares = {name: np.zeros_like(array) for name, array in parameters.items()}
        self.steps += 1
        first, second = 1 - 0.9**self.steps, 1 - 0.999**self.steps
        for name, parameter in parameters.items():
            gradient, mean, square = gradients[name], self.means[name], self.squares[name]
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient * gradient - square)
            parameter -= self.learning_rate / first * mean / (np.sqrt(square / second) + 1e-8)


def _check_names_and_shapes(parameters: Arrays, gradients: Arrays) -> None:
    for name in parameters.keys() | gradients.keys():
        if name not in gradients:
            raise InputError(f"there is no gradient for the parameter {name!r}.")
        if name not in parameters:
            raise InputError(f"there is a gradient for {name!r}, which is no parameter.")
        if parameters[name].shape != gradients[name].shape:
            raise InputError(
                f"{name}: a gradient of shape {gradients[name].shape} does not fit a parameter of "
                f"shape {parameters[name].shape}."
            )


# ---------------------------------------------------------------- clipping


def clip_by_value(gradients: Arrays, limit: float) -> dict[str, npt.NDArray]:
    """Cut every number to between ``-limit`` and ``limit``; this bends the direction.

    Examples
    --------
    >>> clip_by_value({"w": np.array([-3.0, 0.5])}, 1.0)
    {'w': array([-1. ,  0.5])}
    """
    _check_limit(limit)
    return {name: np.clip(gradient, -limit, limit) for name, gradient in gradients.items()}


def clip_by_norm(gradients: Arrays, limit: float) -> tuple[dict[str, npt.NDArray], float]:
    """Shorten all gradients together, as one long vector, to the norm ``limit`` if it is longer.

    The direction stays (Pascanu, Mikolov and Bengio 2013).

    Returns
    -------
    clipped
    norm : float
        Before clipping.

    Examples
    --------
    >>> clip_by_norm({"w": np.array([3.0]), "b": np.array([4.0])}, 1.0)
    ({'w': array([0.6]), 'b': array([0.8])}, 5.0)
    """
    _check_limit(limit)
    norm = math.sqrt(sum(float((gradient**2).sum()) for gradient in gradients.values()))
    scale = limit / max(norm, limit)
    return {name: gradient * scale for name, gradient in gradients.items()}, norm


def _check_limit(limit: float) -> None:
    if not limit > 0:
        raise InputError(f"gradients cannot be clipped to {limit}; the limit must be above 0.")
