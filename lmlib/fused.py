"""The same cells over a whole sequence, with the backward pass written by hand: the fast path.

Autograd writes down every small operation of every step and plays them back one by one. Here the
backward pass of chapter 07 stands in place of that: what needs no recursion is done for all steps
at once, and one matrix product a step is left.
"""

from typing import Any

from lmlib.cells import RNNCell, States
from lmlib.pytorch import torch


def rnn_sequence(cell: RNNCell, x: torch.Tensor, state: States) -> States:
    """Run an `RNNCell` along a sequence.

    Parameters
    ----------
    x : (T, B, D)
        Time first: the rows of one step then lie side by side in memory.
    state
        h_0 (B, H), which stands before the first step.

    Returns
    -------
    tuple of (T, B, H)
        h_1 … h_T.
    """
    (h_0,) = state
    return (_RNNSequence.apply(x, h_0, cell.W_x, cell.W_h, cell.b, cell.activation),)


_IN_PLACE = {"tanh": torch.tanh_, "relu": torch.relu_, "sigmoid": torch.sigmoid_}


def _derivative(h: torch.Tensor, activation: str) -> torch.Tensor:
    """φ' at every step at once, from φ's outputs h."""
    if activation == "tanh":
        return (h * h).neg_().add_(1)
    if activation == "sigmoid":
        return (1 - h).mul_(h)
    return (h > 0).to(h.dtype)


class _RNNSequence(torch.autograd.Function):
    """h_t = φ(a_t),   a_t = x_t W_x + h_{t-1} W_h + b.

    Backward, from t = T down to 1, with δ_t = dL/da_t and δ_{T+1} = 0:

        δ_t = (what L says to h_t directly + δ_{t+1} W_h^T) * φ'(a_t)
        dL/dW_x = Σ_t x_t^T δ_t       dL/dW_h = Σ_t h_{t-1}^T δ_t       dL/db = Σ_t δ_t
        dL/dx_t = δ_t W_x^T           dL/dh_0 = δ_1 W_h^T
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        h_0: torch.Tensor,
        W_x: torch.Tensor,
        W_h: torch.Tensor,
        b: torch.Tensor,
        activation: str,
    ) -> torch.Tensor:
        steps, rows, _ = x.shape
        h = torch.addmm(b, x.flatten(0, 1), W_x).view(steps, rows, -1)  # (T, B, H), one product
        previous = h_0
        for h_t in h.unbind():
            previous = _IN_PLACE[activation](h_t.addmm_(previous, W_h))
        ctx.save_for_backward(x, h, h_0, W_x, W_h)
        ctx.activation = activation
        return h

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, h, h_0, W_x, W_h = ctx.saved_tensors
        steps, rows, size = h.shape
        derivative = _derivative(h, ctx.activation)  # (T, B, H), becomes δ step by step
        direct, delta = dh.unbind(), derivative.unbind()
        delta[-1].mul_(direct[-1])
        from_right = torch.empty_like(h_0)
        for t in range(steps - 2, -1, -1):
            torch.addmm(direct[t], delta[t + 1], W_h.T, out=from_right)
            delta[t].mul_(from_right)
        all_delta = derivative.flatten(0, 1)  # (T B, H)
        dW_h = h[:-1].reshape(-1, size).T @ all_delta[rows:]
        dW_h.addmm_(h_0.T, delta[0])
        dx = (all_delta @ W_x.T).view_as(x) if ctx.needs_input_grad[0] else None
        dh_0 = delta[0] @ W_h.T if ctx.needs_input_grad[1] else None
        return dx, dh_0, x.flatten(0, 1).T @ all_delta, dW_h, all_delta.sum(0), None
