"""Long short-term memory by hand, forwards and backwards (chapter 10).

In all functions, with H units: W_x (D, 4H), W_h (H, 4H) and b (4H,) hold four blocks side by side,
of the input gate i, the forget gate f, the candidate, and the output gate o.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError
from lmlib.scratch.functions import gate
from lmlib.scratch.layers import linear_backward


def lstm_gates(
    x: npt.NDArray, h: npt.NDArray, W_x: npt.NDArray, W_h: npt.NDArray, b: npt.NDArray
) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray, npt.NDArray]:
    """What an LSTM makes of one input a row, before it changes its cell.

        i = sigmoid(x W_x^i + h W_h^i + b^i)
        f = sigmoid(x W_x^f + h W_h^f + b^f)
        candidate = tanh(x W_x^c + h W_h^c + b^c)
        o = sigmoid(x W_x^o + h W_h^o + b^o)

    Parameters
    ----------
    x : (B, D)
    h : (B, H)
        The outputs before.

    Returns
    -------
    i, f, candidate, o : (B, H)

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    H = h.shape[-1]
    try:
        sums = x @ W_x  # (B, 4H)
        sums += h @ W_h
        sums += b
        candidate = np.tanh(sums[:, 2 * H : 3 * H])  # (B, H)
    except ValueError:
        raise InputError(
            f"an LSTM's x {x.shape}, h {h.shape}, W_x {W_x.shape}, W_h {W_h.shape} and b {b.shape} "
            "do not fit; they must be (B, D), (B, H), (D, 4H), (H, 4H) and (4H,)."
        ) from None
    gates = gate(sums)
    return gates[:, :H], gates[:, H : 2 * H], candidate, gates[:, 3 * H :]


def lstm_step(
    x: npt.NDArray,
    h: npt.NDArray,
    c: npt.NDArray,
    W_x: npt.NDArray,
    W_h: npt.NDArray,
    b: npt.NDArray,
) -> tuple[npt.NDArray, npt.NDArray]:
    """Read one input a row (Hochreiter and Schmidhuber, 1997; Gers et al., 2000).

        c_t = f * c_{t-1} + i * candidate
        h_t = o * tanh(c_t)

    Parameters
    ----------
    x : (B, D)
    h, c : (B, H)
        The outputs and the cells before.
    W_x, W_h, b
        As `lstm_gates` takes them.

    Returns
    -------
    h, c : (B, H), of the floating type that was given.

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    i, f, candidate, o = lstm_gates(x, h, W_x, W_h, b)
    c = f * c + i * candidate
    return o * np.tanh(c), c


@dataclass(frozen=True)
class LSTMTrace:
    """What an LSTM did along a sequence.

    Attributes
    ----------
    states, cells : (T+1, B, H)
        h_0 and c_0, which it began with, and h_1 … h_T, c_1 … c_T.
    i, f, candidate, o : (T, B, H)
    """

    states: npt.NDArray
    cells: npt.NDArray
    i: npt.NDArray
    f: npt.NDArray
    candidate: npt.NDArray
    o: npt.NDArray


def lstm_unroll(
    x: npt.NDArray,
    h: npt.NDArray,
    c: npt.NDArray,
    W_x: npt.NDArray,
    W_h: npt.NDArray,
    b: npt.NDArray,
) -> LSTMTrace:
    """`lstm_step` over a whole sequence, x (T, B, D), with all its gates."""
    states, cells, steps = [h], [c], []
    for x_t in x:
        i, f, candidate, o = lstm_gates(x_t, states[-1], W_x, W_h, b)
        cells.append(f * cells[-1] + i * candidate)
        states.append(o * np.tanh(cells[-1]))
        steps.append((i, f, candidate, o))
    gates = (np.array(parts) for parts in zip(*steps, strict=True))
    return LSTMTrace(np.array(states), np.array(cells), *gates)


def lstm_backward(
    dh: npt.NDArray,
    x: npt.NDArray,
    trace: LSTMTrace,
    W_x: npt.NDArray,
    W_h: npt.NDArray,
) -> dict[str, npt.NDArray]:
    """Backpropagation through time for `lstm_unroll`: two things go back, dh and dc.

    With dh_t and dc_t the gradients of all losses with respect to h_t and c_t:

        dc_t = dc_{t+1} f_{t+1} + dh_t o_t (1 - tanh(c_t)²)
        di_t = dc_t candidate_t i_t (1 - i_t)          of the sums inside the gates
        df_t = dc_t c_{t-1} f_t (1 - f_t)
        dcandidate_t = dc_t i_t (1 - candidate_t²)
        do_t = dh_t tanh(c_t) o_t (1 - o_t)

    and h_{t-1} gathers what the four sums hand back through W_h. On the way from c_t to c_{t-1}
    nothing stands but f_t: the conveyor belt.

    Parameters
    ----------
    dh : (T, B, H)
        Gradient of the loss of step t alone with respect to h_t.
    x : (T, B, D)
    trace
        As `lstm_unroll` gives it.

    Returns
    -------
    dict
        Of ``x``, ``h`` and ``c`` (those before the first step), ``W_x``, ``W_h`` and ``b``: the
        gradients, of the shapes of what they are named after.
    """
    H = len(W_h)
    dsums = np.empty((*dh.shape[:2], 4 * H), dh.dtype)  # of x W_x + h W_h + b
    dh_later = np.zeros_like(trace.states[0])
    dc = np.zeros_like(dh_later)
    for t in reversed(range(len(dh))):
        i, f, candidate, o = trace.i[t], trace.f[t], trace.candidate[t], trace.o[t]
        tanh_c = np.tanh(trace.cells[t + 1])
        dh_t = dh[t] + dh_later  # (B, H)
        dc = dc + dh_t * o * (1 - tanh_c**2)
        di = dc * candidate * i * (1 - i)
        df = dc * trace.cells[t] * f * (1 - f)
        dcandidate = dc * i * (1 - candidate**2)
        do = dh_t * tanh_c * o * (1 - o)
        dsums[t] = np.concatenate([di, df, dcandidate, do], axis=1)
        dh_later = dsums[t] @ W_h.T
        dc = dc * f
    dx, dW_x, db = linear_backward(dsums, x, W_x)
    dW_h = trace.states[:-1].reshape(-1, H).T @ dsums.reshape(-1, 4 * H)
    return {"x": dx, "h": dh_later, "c": dc, "W_x": dW_x, "W_h": dW_h, "b": db}
