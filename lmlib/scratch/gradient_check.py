"""Is a backward pass right? Ask the loss itself, by moving one number at a time (chapter 04)."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError


def numerical_gradient(
    loss: Callable[[], float], array: npt.NDArray, step: float = 1e-5
) -> npt.NDArray:
    """Gradient of a loss with respect to an array, by central differences.

        dL/dw ≈ (L(w + step) - L(w - step)) / (2 step)

    The error is of the order of step² (the curve is not straight) plus 1e-16 / step (the machine
    rounds), which 1e-5 keeps both small. Two losses for each number: for small models only.

    Parameters
    ----------
    loss
        Computes the loss anew, from whatever ``array`` then holds.
    array
        float64. Changed while this runs, and left as it was.

    Raises
    ------
    InputError
        If ``array`` is not float64, where the difference would drown in rounding.

    Examples
    --------
    >>> w = np.array([1.0, 3.0])
    >>> numerical_gradient(lambda: float((w**2).sum()), w).round(6)
    array([2., 6.])
    """
    if array.dtype != np.float64:
        raise InputError(f"finite differences need numbers of type float64, not {array.dtype}.")
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        try:
            array[index] = value + step
            above = loss()
            array[index] = value - step
            below = loss()
        finally:
            array[index] = value
        gradient[index] = (above - below) / (2 * step)
    return gradient


def check_gradients(
    loss: Callable[[], float],
    parameters: Mapping[str, npt.NDArray],
    gradients: Mapping[str, npt.NDArray],
    step: float = 1e-5,
) -> dict[str, float]:
    """Compare gradients with finite differences of the loss.

    Parameters
    ----------
    loss
        Computes the loss anew, from whatever the parameters then hold.
    parameters, gradients
        By name. Only what ``gradients`` names is checked.
    step
        See `numerical_gradient`.

    Returns
    -------
    dict
        For each name, the largest difference of an entry, relative to the largest entry of either
        gradient. A right backward pass gives 1e-6 or far less, a wrong one seldom less than 1e-2.

    Raises
    ------
    InputError
        If a gradient has no parameter of its name and shape, or one is not float64.

    Examples
    --------
    >>> w = np.array([1.0, 3.0])
    >>> errors = check_gradients(lambda: float((w**2).sum()), {"w": w}, {"w": 2 * w})
    >>> errors["w"] < 1e-9
    True
    """
    errors = {}
    for name, gradient in gradients.items():
        if name not in parameters or parameters[name].shape != gradient.shape:
            raise InputError(f"there is no parameter {name!r} of shape {gradient.shape} to check.")
        numerical = numerical_gradient(loss, parameters[name], step)
        largest = np.abs([gradient, numerical]).max(initial=0.0)
        difference = np.abs(gradient - numerical).max(initial=0.0)
        errors[name] = float(difference / largest) if largest else 0.0
    return errors
