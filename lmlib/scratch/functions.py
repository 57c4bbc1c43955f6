"""The functions of a neural network and their derivatives (chapter 04).

Each ``…_backward(dy, y)`` takes the gradient of the loss with respect to the function's *output*
and that output itself, and returns the gradient with respect to its input. All keep the floating
type that they are given.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lmlib.batching import PADDING
from lmlib.errors import InputError

# ---------------------------------------------------------------- from scores to probabilities


def softmax(x: npt.ArrayLike, axis: int = -1) -> npt.NDArray:
    """Turn scores into probabilities: ``y_i = exp(x_i) / sum_j exp(x_j)``.

    The largest score is taken off all of them first: that changes no probability, and no ``exp``
    can overflow.

    Examples
    --------
    >>> softmax([1, 2, 3, 4]).round(4)
    array([0.0321, 0.0871, 0.2369, 0.6439])
    >>> softmax([1000.0, 1000.0])
    array([0.5, 0.5])
    """
    x = np.asarray(x)
    weights = np.exp(x - x.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def log_softmax(x: npt.ArrayLike, axis: int = -1) -> npt.NDArray:
    """Natural logarithms of `softmax`, right where a probability is too small to write down.

    Examples
    --------
    >>> log_softmax([0.0, -1000.0])
    array([    0., -1000.])
    """
    x = np.asarray(x)
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def softmax_backward(dy: npt.NDArray, y: npt.NDArray) -> npt.NDArray:
    """Gradient through a softmax over the last axis.

    Every probability depends on every score: ``dy_i/dx_j = y_i (1[i = j] - y_j)``, so

        dx_j = y_j (dy_j - sum_i dy_i y_i)
    """
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


# ---------------------------------------------------------------- activations


def sigmoid(x: npt.ArrayLike) -> npt.NDArray:
    """``1 / (1 + exp(-x))``, between 0 and 1.

    Examples
    --------
    >>> sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    x = np.asarray(x)
    small = np.exp(-np.abs(x))  # never above 1
    return np.where(x >= 0, 1, small) / (1 + small)


def gate(x: npt.NDArray) -> npt.NDArray:
    """`sigmoid` as ``(1 + tanh(x / 2)) / 2``, written over ``x``: faster, exact enough for gates.

    Its error is at most 1e-16, where that of `sigmoid` is 1e-16 times what it gives.
    """
    x *= 0.5
    np.tanh(x, out=x)
    x += 1
    x *= 0.5
    return x


def sigmoid_backward(dy: npt.NDArray, y: npt.NDArray) -> npt.NDArray:
    """``dx = dy y (1 - y)``: at most a quarter of ``dy``."""
    return dy * y * (1 - y)


def tanh(x: npt.ArrayLike) -> npt.NDArray:
    """Hyperbolic tangent, between -1 and 1: a sigmoid stretched, ``2 sigmoid(2x) - 1``."""
    return np.tanh(x)


def tanh_backward(dy: npt.NDArray, y: npt.NDArray) -> npt.NDArray:
    """``dx = dy (1 - y²)``, with y the *output*: all of ``dy`` at 0, none where it saturates."""
    return dy * (1 - y * y)


def relu(x: npt.ArrayLike) -> npt.NDArray:
    """Rectified linear unit: ``max(x, 0)``."""
    return np.maximum(x, 0)


def relu_backward(dy: npt.NDArray, y: npt.NDArray) -> npt.NDArray:
    """All of ``dy`` where the unit is on, nothing where it is off (at 0 too)."""
    return dy * (y > 0)


Function = Callable[[npt.ArrayLike], npt.NDArray]
Backward = Callable[[npt.NDArray, npt.NDArray], npt.NDArray]

#: An activation's name, the function, and its derivative in terms of its output.
ACTIVATIONS: dict[str, tuple[Function, Backward]] = {
    "tanh": (tanh, tanh_backward),
    "relu": (relu, relu_backward),
    "sigmoid": (sigmoid, sigmoid_backward),
}


def check_activation(name: str) -> None:
    """Refuse a name that is none of the `ACTIVATIONS`."""
    if name not in ACTIVATIONS:
        raise InputError(f"activation={name!r} is not known; choose {', '.join(ACTIVATIONS)}.")


# ---------------------------------------------------------------- losses


def cross_entropy(logits: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[float, npt.NDArray]:
    """Mean surprise at the targets, and its gradient.

    With ``p = softmax(logits)`` and N targets that count,

        loss = -1/N sum_n ln p[n, target_n];   dlogits = (p - one_hot(targets)) / N

    Parameters
    ----------
    logits : (..., V)
        A score for each of V tokens; ``-inf`` for one that cannot come next.
    targets : (...) int
        The token that did come. -1 is padding: it is not counted, and its gradient is 0.

    Returns
    -------
    loss : float
        In nats a target.
    dlogits : (..., V)

    Raises
    ------
    InputError
        If shapes do not fit, a target is none of the V tokens, or none is left to predict.

    Examples
    --------
    >>> loss, dlogits = cross_entropy([[1.0, 2.0, 3.0, 4.0]], [0])
    >>> round(loss, 3), dlogits.round(4)
    (3.44, array([[-0.9679,  0.0871,  0.2369,  0.6439]]))
    """
    logits, targets = np.asarray(logits), np.asarray(targets)
    if logits.shape[:-1] != targets.shape or logits.ndim == 0:
        raise InputError(
            f"cross_entropy: targets of shape {targets.shape} do not fit logits of shape "
            f"{logits.shape}; give one target to each row of logits."
        )
    size = logits.shape[-1]
    check_targets(targets, size)
    flat = targets.reshape(-1)  # (N,)
    real = flat != PADDING
    count = int(real.sum())
    if not count:
        raise InputError(
            "cross_entropy: every target is padding (-1); there is nothing to predict."
        )
    scores = logits.reshape(-1, size)  # (N, V)
    scores = scores - scores.max(axis=1, keepdims=True)
    dlogits = np.exp(scores)
    total = dlogits.sum(axis=1, keepdims=True)
    rows = np.flatnonzero(real)
    loss = float((np.log(total[rows, 0]) - scores[rows, flat[rows]]).mean())
    dlogits /= total  # the probabilities
    dlogits[rows, flat[rows]] -= 1
    dlogits *= (real / count)[:, None]
    return loss, dlogits.reshape(logits.shape)


def check_targets(targets: npt.NDArray, size: int) -> None:
    """Refuse what is neither one of ``size`` tokens nor padding."""
    if targets.dtype.kind not in "iu":
        raise InputError(f"targets are token numbers, integers, not {targets.dtype}.")
    if targets.size and not (targets.min() >= -1 and targets.max() < size):
        wrong = targets[(targets < -1) | (targets >= size)].flat[0]
        raise InputError(
            f"the target {wrong} is no token: they are numbered 0 to {size - 1}, and -1 is padding."
        )


def squared_error(prediction: npt.ArrayLike, target: npt.ArrayLike) -> tuple[float, npt.NDArray]:
    """Half the squared distance, averaged over the rows, and its gradient.

        loss = 1/N sum_n 1/2 |prediction_n - target_n|²;   dprediction = (prediction - target) / N

    Parameters
    ----------
    prediction, target : (..., D)
        Of the same shape; the axes before the last are the N rows.

    Returns
    -------
    loss : float
    dprediction : (..., D)

    Raises
    ------
    InputError
        If the shapes differ, or there is no row.

    Examples
    --------
    >>> squared_error([[3.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]])
    (2.5, array([[ 1.5,  0. ],
           [ 0. , -0.5]]))
    """
    prediction, target = np.asarray(prediction), np.asarray(target)
    if prediction.shape != target.shape or prediction.size == 0 or prediction.ndim == 0:
        raise InputError(
            f"squared_error: a prediction of shape {prediction.shape} and a target of shape "
            f"{target.shape} cannot be compared; give two of the same shape (rows, columns)."
        )
    rows = prediction.size // prediction.shape[-1]
    difference = prediction - target
    return float((difference * difference).sum()) / (2 * rows), difference / rows
