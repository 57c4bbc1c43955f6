"""The two layers that every model here is made of, forward and backward (chapters 04 and 05)."""

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError


def linear(x: npt.NDArray, W: npt.NDArray, b: npt.NDArray) -> npt.NDArray:
    """``y = x W + b``.

    Parameters
    ----------
    x : (..., D)
    W : (D, H)
    b : (H,)

    Returns
    -------
    (..., H)

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    if x.shape[-1:] != W.shape[:1] or W.shape[1:] != b.shape:
        raise InputError(
            f"linear: x {x.shape}, W {W.shape} and b {b.shape} do not fit; "
            "they must be (..., D), (D, H) and (H,)."
        )
    inputs, outputs = W.shape
    rows = x.reshape(-1, inputs)  # (N, D): all leading axes are rows, for one product
    return (rows @ W + b).reshape(*x.shape[:-1], outputs)


def linear_backward(
    dy: npt.NDArray, x: npt.NDArray, W: npt.NDArray
) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
    """Gradients of `linear`: ``dx = dy Wᵀ``, ``dW = xᵀ dy``, ``db = sum over rows of dy``.

    Parameters
    ----------
    dy : (..., H)
    x : (..., D)
    W : (D, H)

    Returns
    -------
    dx : (..., D)
    dW : (D, H)
    db : (H,)

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    if dy.shape != (*x.shape[:-1], *W.shape[1:]) or x.shape[-1:] != W.shape[:1]:
        raise InputError(
            f"linear_backward: dy {dy.shape}, x {x.shape} and W {W.shape} do not fit; "
            "they must be (..., H), (..., D) and (D, H)."
        )
    inputs, outputs = W.shape
    rows = dy.reshape(-1, outputs)  # (N, H)
    return (rows @ W.T).reshape(x.shape), x.reshape(-1, inputs).T @ rows, rows.sum(axis=0)


def embedding(ids: npt.ArrayLike, E: npt.NDArray) -> npt.NDArray:
    """Look up a row of ``E`` for each token: the product of its one-hot vector with ``E``.

    Parameters
    ----------
    ids : (...) int
    E : (V, D)

    Returns
    -------
    (..., D)

    Raises
    ------
    InputError
        If a number is none of the V tokens.

    Examples
    --------
    >>> embedding([2, 0], np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    array([[5., 6.],
           [1., 2.]])
    """
    ids = np.asarray(ids)
    if ids.size == 0:
        return np.zeros((*ids.shape, E.shape[1]), E.dtype)
    if ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= len(E):
        raise InputError(
            f"embedding: tokens are integers from 0 to {len(E) - 1}; these ({ids.dtype}) go from "
            f"{ids.min()} to {ids.max()}."
        )
    return E[ids]


def embedding_backward(dy: npt.NDArray, ids: npt.ArrayLike, rows: int) -> npt.NDArray:
    """Gradient of `embedding`: each token's row gathers what came back from all its places.

    Parameters
    ----------
    dy : (..., D)
    ids : (...) int
    rows
        V, the size of the vocabulary.

    Returns
    -------
    dE : (V, D)

    Examples
    --------
    >>> embedding_backward(np.array([[1.0], [2.0], [4.0]]), [2, 0, 2], rows=3)
    array([[2.],
           [0.],
           [5.]])
    """
    ids = np.asarray(ids).reshape(-1)  # (N,)
    dE = np.zeros((rows, dy.shape[-1]), dy.dtype)
    if not ids.size:
        return dE
    # np.add.at(dE, ids, dy), some times faster: sort the places by token, add up each run
    order = np.argsort(ids, kind="stable")
    tokens = ids[order]
    starts = np.flatnonzero(np.append(True, tokens[1:] != tokens[:-1]))
    dE[tokens[starts]] = np.add.reduceat(dy.reshape(-1, dy.shape[-1])[order], starts, axis=0)
    return dE
