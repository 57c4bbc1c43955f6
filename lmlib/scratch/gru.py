"""The gated recurrent unit by hand, forwards and backwards (chapter 09).

Two conventions are in use, twice. ``update_keeps``: the update gate z keeps the past (Cho et al.
2014, PyTorch, this book), or lets in the new (Chung et al. 2014). With ``b_h``, the reset gate r
stands after the product with W_h (PyTorch); without, before it (both papers).

In all functions, with H units: W_x (D, 3H), W_h (H, 3H) and b (3H,) hold three blocks side by
side, of r, of z, and of the candidate; b_h (H,) belongs to the candidate alone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError
from lmlib.scratch.functions import gate
from lmlib.scratch.layers import linear_backward


def gru_gates(
    x: npt.NDArray,
    h: npt.NDArray,
    W_x: npt.NDArray,
    W_h: npt.NDArray,
    b: npt.NDArray,
    b_h: npt.NDArray | None = None,
) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
    """What a GRU makes of one input a row, before it blends the new with the old.

        r = sigmoid(x W_x^r + h W_h^r + b^r)
        z = sigmoid(x W_x^z + h W_h^z + b^z)
        candidate = tanh(x W_x^h + b^h + r * (h W_h^h + b_h))    with b_h
        candidate = tanh(x W_x^h + b^h + (r * h) W_h^h)          without

    Parameters
    ----------
    x : (B, D)
    h : (B, H)
        The states before.

    Returns
    -------
    r, z, candidate : (B, H)

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    H = h.shape[-1]
    try:
        from_x = x @ W_x  # (B, 3H)
        from_x += b
        if b_h is not None:
            from_h = h @ W_h  # (B, 3H)
            gates = gate(from_x[:, : 2 * H] + from_h[:, : 2 * H])
            r, z = gates[:, :H], gates[:, H:]
            inside = r * (from_h[:, 2 * H :] + b_h)
        else:
            gates = gate(from_x[:, : 2 * H] + h @ W_h[:, : 2 * H])
            r, z = gates[:, :H], gates[:, H:]
            inside = (r * h) @ W_h[:, 2 * H :]
        inside += from_x[:, 2 * H :]
    except ValueError:
        raise InputError(
            f"a GRU's x {x.shape}, h {h.shape}, W_x {W_x.shape}, W_h {W_h.shape} and b {b.shape} "
            "do not fit; they must be (B, D), (B, H), (D, 3H), (H, 3H) and (3H,)."
        ) from None
    return r, z, np.tanh(inside)


def gru_step(
    x: npt.NDArray,
    h: npt.NDArray,
    W_x: npt.NDArray,
    W_h: npt.NDArray,
    b: npt.NDArray,
    b_h: npt.NDArray | None = None,
    update_keeps: bool = True,
) -> npt.NDArray:
    """Read one input a row: ``h_t = z * h_{t-1} + (1 - z) * candidate`` (Cho et al., 2014).

    Parameters
    ----------
    x : (B, D)
    h : (B, H)
        The states before.
    W_x, W_h, b, b_h
        As `gru_gates` takes them.
    update_keeps
        False: ``h_t = (1 - z) * h_{t-1} + z * candidate``.

    Returns
    -------
    (B, H), of the floating type that was given.

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    _, z, candidate = gru_gates(x, h, W_x, W_h, b, b_h)
    if update_keeps:
        return z * h + (1 - z) * candidate
    return (1 - z) * h + z * candidate


@dataclass(frozen=True)
class GRUTrace:
    """What a GRU did along a sequence.

    Attributes
    ----------
    states : (T+1, B, H)
        h_0, which it began with, and h_1 … h_T.
    r, z, candidate : (T, B, H)
    """

    states: npt.NDArray
    r: npt.NDArray
    z: npt.NDArray
    candidate: npt.NDArray


def gru_unroll(
    x: npt.NDArray,
    h: npt.NDArray,
    W_x: npt.NDArray,
    W_h: npt.NDArray,
    b: npt.NDArray,
    b_h: npt.NDArray | None = None,
    update_keeps: bool = True,
) -> GRUTrace:
    """`gru_step` over a whole sequence, x (T, B, D), with all its gates."""
    states, steps = [h], []
    for x_t in x:
        r, z, candidate = gru_gates(x_t, states[-1], W_x, W_h, b, b_h)
        kept = z if update_keeps else 1 - z
        states.append(kept * states[-1] + (1 - kept) * candidate)
        steps.append((r, z, candidate))
    r, z, candidate = (np.array(parts) for parts in zip(*steps, strict=True))
    return GRUTrace(np.array(states), r, z, candidate)


def gru_backward(
    dh: npt.NDArray,
    x: npt.NDArray,
    trace: GRUTrace,
    W_x: npt.NDArray,
    W_h: npt.NDArray,
    b_h: npt.NDArray | None = None,
    update_keeps: bool = True,
) -> dict[str, npt.NDArray]:
    """Backpropagation through time for `gru_unroll`.

    With k = z (or 1 - z) for what is kept, and dh_t the gradient of all losses with respect to h_t:

        dcandidate_t = dh_t (1 - k_t) (1 - candidate_t²)           of the sum inside the tanh
        dz_t = ± dh_t (h_{t-1} - candidate_t) z_t (1 - z_t)        + where z keeps
        dr_t = dcandidate_t (h_{t-1} W_h^h + b_h) r_t (1 - r_t)    reset after the product
        dr_t = (dcandidate_t W_h^hᵀ) h_{t-1} r_t (1 - r_t)         reset before it

    and h_{t-1} gathers ``dh_t k_t`` from the blend, and what the three sums hand back.

    Parameters
    ----------
    dh : (T, B, H)
        Gradient of the loss of step t alone with respect to h_t.
    x : (T, B, D)
    trace
        As `gru_unroll` gives it.

    Returns
    -------
    dict
        Of ``x``, ``h`` (the state before the first step), ``W_x``, ``W_h``, ``b`` and, where there
        is one, ``b_h``: the gradients, of the shapes of what they are named after.
    """
    H = len(W_h)
    to_gates, to_candidate = W_h[:, : 2 * H], W_h[:, 2 * H :]
    dsums = np.empty((*dh.shape[:2], 3 * H), dh.dtype)  # of x W_x + b
    dW_h = np.zeros_like(W_h)
    db_h = np.zeros(H, dh.dtype)
    dh_later = np.zeros_like(trace.states[0])
    for t in reversed(range(len(dh))):
        past, r, z, candidate = trace.states[t], trace.r[t], trace.z[t], trace.candidate[t]
        kept, sign = (z, 1) if update_keeps else (1 - z, -1)
        dh_t = dh[t] + dh_later  # (B, H)
        dcandidate = dh_t * (1 - kept) * (1 - candidate**2)
        dz = sign * dh_t * (past - candidate) * z * (1 - z)
        dh_later = dh_t * kept
        if b_h is not None:
            dr = dcandidate * (past @ to_candidate + b_h) * r * (1 - r)
            dinside = dcandidate * r
            dh_later += dinside @ to_candidate.T
            dW_h[:, 2 * H :] += past.T @ dinside
            db_h += dinside.sum(axis=0)
        else:
            dreset = dcandidate @ to_candidate.T  # of r * h
            dr = dreset * past * r * (1 - r)
            dh_later += dreset * r
            dW_h[:, 2 * H :] += (r * past).T @ dcandidate
        dgates = np.concatenate([dr, dz], axis=1)  # (B, 2H)
        dh_later += dgates @ to_gates.T
        dW_h[:, : 2 * H] += past.T @ dgates
        dsums[t] = np.concatenate([dgates, dcandidate], axis=1)
    dx, dW_x, db = linear_backward(dsums, x, W_x)
    gradients = {"x": dx, "h": dh_later, "W_x": dW_x, "W_h": dW_h, "b": db}
    return gradients if b_h is None else {**gradients, "b_h": db_h}
