"""GRU and LSTM by hand: gradients against finite differences, autograd and torch.nn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lmlib.errors import InputError
from lmlib.scratch import (
    check_gradients,
    gru_backward,
    gru_step,
    gru_unroll,
    lstm_backward,
    lstm_step,
    lstm_unroll,
    sigmoid,
)
from lmlib.scratch.functions import gate

B, T, D, H = 3, 5, 4, 6
GRUS = {
    "keeps, after": (True, True),
    "keeps, before": (True, False),
    "renews, after": (False, True),
    "renews, before": (False, False),
}
each_gru = pytest.mark.parametrize("keeps, after", GRUS.values(), ids=GRUS)


def arrays(blocks: int, *more: str) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "x": (T, B, D),
        "h": (B, H),
        "c": (B, H),
        "W_x": (D, blocks * H),
        "W_h": (H, blocks * H),
        "b": (blocks * H,),
        "b_h": (H,),
    }
    return {
        name: rng.normal(0, 0.7, shape)
        for name, shape in shapes.items()
        if name not in ("c", "b_h") or name in more
    }


#: dL/dh_t for L = Σ factors * h, different for every number.
FACTORS = np.linspace(-1, 1, T * B * H).reshape(T, B, H)


def gru_case(keeps: bool, after: bool) -> tuple[dict[str, np.ndarray], Callable[[], Any]]:
    p = arrays(3, *["b_h"] * after)
    return p, lambda: gru_unroll(**p, update_keeps=keeps)


def gru_gradients(p: dict[str, np.ndarray], trace: Any, keeps: bool) -> dict[str, np.ndarray]:
    return gru_backward(FACTORS, p["x"], trace, p["W_x"], p["W_h"], p.get("b_h"), keeps)


@each_gru
def test_the_grus_gradients_agree_with_finite_differences(keeps: bool, after: bool) -> None:
    p, run = gru_case(keeps, after)
    gradients = gru_gradients(p, run(), keeps)
    assert gradients.keys() == p.keys()
    errors = check_gradients(lambda: float((FACTORS * run().states[1:]).sum()), p, gradients)
    assert max(errors.values()) <= 1e-6


def test_the_lstms_gradients_agree_with_finite_differences() -> None:
    p = arrays(4, "c")
    gradients = lstm_backward(FACTORS, p["x"], lstm_unroll(**p), p["W_x"], p["W_h"])
    assert gradients.keys() == p.keys()
    errors = check_gradients(
        lambda: float((FACTORS * lstm_unroll(**p).states[1:]).sum()), p, gradients
    )
    assert max(errors.values()) <= 1e-6


@each_gru
def test_the_gru_equals_its_cell_under_autograd(keeps: bool, after: bool) -> None:
    torch = pytest.importorskip("torch")
    from lmlib.cells import GRUCell
    from lmlib.recurrent import unroll

    p, run = gru_case(keeps, after)
    cell = GRUCell(D, H, keeps, after).double()
    t = put_into(torch, cell, p)
    (states,) = unroll(cell, t["x"], (t["h"],))
    np.testing.assert_allclose(run().states[1:], states.detach(), rtol=1e-12)
    (states * torch.tensor(FACTORS)).sum().backward()
    same_gradients(gru_gradients(p, run(), keeps), t)


def test_the_lstm_equals_its_cell_under_autograd() -> None:
    torch = pytest.importorskip("torch")
    from lmlib.cells import LSTMCell
    from lmlib.recurrent import unroll

    p = arrays(4, "c")
    cell = LSTMCell(D, H).double()
    t = put_into(torch, cell, p)
    states, cells = unroll(cell, t["x"], (t["h"], t["c"]))
    trace = lstm_unroll(**p)
    np.testing.assert_allclose(trace.states[1:], states.detach(), rtol=1e-12)
    np.testing.assert_allclose(trace.cells[1:], cells.detach(), rtol=1e-12)
    (states * torch.tensor(FACTORS)).sum().backward()
    same_gradients(lstm_backward(FACTORS, p["x"], trace, p["W_x"], p["W_h"]), t)


def put_into(torch: Any, cell: Any, p: dict[str, np.ndarray]) -> dict[str, Any]:
    """The cell's weights, and what else there is, as tensors that gather gradients."""
    tensors = {}
    for name, array in p.items():
        if name in ("x", "h", "c"):
            tensors[name] = torch.tensor(array, requires_grad=True)
        else:
            tensors[name] = getattr(cell, name)
            tensors[name].data.copy_(torch.tensor(array))
    return tensors


def same_gradients(ours: dict[str, np.ndarray], theirs: dict[str, Any]) -> None:
    assert ours.keys() == theirs.keys()
    for name, gradient in ours.items():
        np.testing.assert_allclose(gradient, theirs[name].grad, rtol=1e-10, atol=1e-12)


def test_one_step_equals_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    x, h, c = rng.normal(size=(B, D)), rng.normal(size=(B, H)), rng.normal(size=(B, H))
    x_, h_, c_ = (torch.tensor(array) for array in (x, h, c))
    gru, lstm = torch.nn.GRUCell(D, H).double(), torch.nn.LSTMCell(D, H).double()
    W_x, W_h, b_x, b_h = (weight.detach().numpy().T for weight in gru.parameters())
    b_h, rest = b_h[2 * H :], np.concatenate([b_h[: 2 * H], np.zeros(H)])
    np.testing.assert_allclose(
        gru_step(x, h, W_x, W_h, b_x + rest, b_h), gru(x_, h_).detach(), rtol=1e-12
    )
    W_x, W_h, b_x, b_h = (weight.detach().numpy().T for weight in lstm.parameters())
    for ours, theirs in zip(
        lstm_step(x, h, c, W_x, W_h, b_x + b_h), lstm(x_, (h_, c_)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-12)


def test_a_step_keeps_single_precision_and_unrolling_repeats_it() -> None:
    for after in (True, False):
        p: dict[str, Any] = {
            n: a.astype(np.float32) for n, a in arrays(3, *["b_h"] * after).items()
        }
        states = gru_unroll(**p).states
        assert states.dtype == np.float32 and states.shape == (T + 1, B, H)
        weights = {name: a for name, a in p.items() if name not in ("x", "h")}
        now = p["h"]
        for t in range(T):
            now = gru_step(p["x"][t], now, **weights)
            np.testing.assert_allclose(states[t + 1], now, rtol=1e-5)
    p = {n: a.astype(np.float32) for n, a in arrays(4, "c").items()}
    trace = lstm_unroll(**p)
    assert trace.states.dtype == trace.cells.dtype == np.float32
    h, c = p["h"], p["c"]
    for t in range(T):
        h, c = lstm_step(p["x"][t], h, c, p["W_x"], p["W_h"], p["b"])
        np.testing.assert_allclose(trace.states[t + 1], h, rtol=1e-5)
        np.testing.assert_allclose(trace.cells[t + 1], c, rtol=1e-5)


def test_with_the_gates_wide_open_a_gru_is_a_plain_network() -> None:
    from lmlib.scratch import rnn_step

    rng = np.random.default_rng(3)
    x, h = rng.normal(size=(B, D)), rng.normal(size=(B, H))
    W_x, W_h = np.zeros((D, 3 * H)), np.zeros((H, 3 * H))
    W_x[:, 2 * H :], W_h[:, 2 * H :] = rng.normal(size=(D, H)), rng.normal(size=(H, H))
    b = np.concatenate([np.full(H, 1e3), np.full(H, -1e3), rng.normal(size=H)])  # r = 1, z = 0
    plain = rnn_step(x, h, W_x[:, 2 * H :], W_h[:, 2 * H :], b[2 * H :])
    np.testing.assert_allclose(gru_step(x, h, W_x, W_h, b), plain, rtol=1e-12)
    np.testing.assert_allclose(gru_step(x, h, W_x, W_h, b, np.zeros(H)), plain, rtol=1e-12)
    np.testing.assert_array_equal(gru_step(x, h, W_x, W_h, b, update_keeps=False), h)


def test_a_gate_is_a_sigmoid() -> None:
    x = np.concatenate([np.linspace(-40, 40, 1001), [-1e4, 1e4]])
    np.testing.assert_allclose(gate(x.copy()), sigmoid(x), atol=2e-16)


def test_shapes_that_do_not_fit_are_named() -> None:
    p = arrays(4, "c")
    x = p.pop("x")[0]
    with pytest.raises(InputError, match=r"an LSTM's x \(3, 3\)"):
        lstm_step(x[:, :3], **p)
    p = arrays(3)
    x = p.pop("x")[0]
    with pytest.raises(InputError, match=r"a GRU's x \(3, 3\)"):
        gru_step(x[:, :3], **p)
