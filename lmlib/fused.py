"""The same cells over a whole sequence, with the backward pass written by hand: the fast path.

Autograd writes down every small operation of every step and plays them back one by one. Here the
backward pass of chapter 07 stands in place of that: what needs no recursion is done for all steps
at once, and one matrix product a step is left. The last layer, whose logits would fill more memory
than all the rest, is treated likewise: piece by piece, with nothing kept but the gradients.
"""

from typing import Any

from lmlib.cells import GRUCell, LSTMCell, RNNCell, States
from lmlib.pytorch import torch

Gradients = tuple[torch.Tensor | None, ...]


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


def gru_sequence(cell: GRUCell, x: torch.Tensor, state: States) -> States:
    """Run a `GRUCell` along a sequence, as `rnn_sequence` does."""
    (h_0,) = state
    weights = cell.W_x, cell.W_h, cell.b
    if cell.reset_after:
        return (_GRUSequence.apply(x, h_0, *weights, cell.b_h, cell.update_keeps),)
    return (_GRUResetBefore.apply(x, h_0, *weights, cell.update_keeps),)


def lstm_sequence(cell: LSTMCell, x: torch.Tensor, state: States) -> States:
    """Run an `LSTMCell` along a sequence, as `rnn_sequence` does; gives h_1 … h_T, c_1 … c_T."""
    h, c = _LSTMSequence.apply(x, *state, cell.W_x, cell.W_h, cell.b)
    return h, c


# ---------------------------------------------------------------- the plain cell

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
        h = _from_inputs(x, W_x, b)  # (T, B, H)
        previous = h_0
        for h_t in h.unbind():
            previous = _IN_PLACE[activation](h_t.addmm_(previous, W_h))
        ctx.save_for_backward(x, h, h_0, W_x, W_h)
        ctx.activation = activation
        return h

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: torch.Tensor) -> Gradients:
        x, h, h_0, W_x, W_h = ctx.saved_tensors
        derivative = _derivative(h, ctx.activation)  # (T, B, H), becomes δ step by step
        direct, delta = dh.unbind(), derivative.unbind()
        delta[-1].mul_(direct[-1])
        from_right = torch.empty_like(h_0)
        for t in range(len(h) - 2, -1, -1):
            torch.addmm(direct[t], delta[t + 1], W_h.T, out=from_right)
            delta[t].mul_(from_right)
        dh_0 = delta[0] @ W_h.T if ctx.needs_input_grad[1] else None
        dx, dW_x, db = _to_inputs(ctx, derivative, x, W_x)
        return dx, dh_0, dW_x, _to_recurrent(derivative, h, h_0), db, None


def _by_columns(W: torch.Tensor) -> torch.Tensor:
    """The same matrix, its columns together in memory: a few rows times it is a fifth faster."""
    return W.T.contiguous().T


def _from_inputs(x: torch.Tensor, W_x: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """x_t W_x + b for all steps, (T, B, blocks H), in one product."""
    steps, rows, _ = x.shape
    return torch.addmm(b, x.flatten(0, 1), _by_columns(W_x)).view(steps, rows, -1)


def _to_inputs(
    ctx: Any, delta: torch.Tensor, x: torch.Tensor, W_x: torch.Tensor
) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor]:
    """dL/dx (T, B, D), dL/dW_x and dL/db from δ (T, B, blocks H)."""
    rows = delta.flatten(0, 1)  # (T B, blocks H)
    dx = (rows @ W_x.T).view_as(x) if ctx.needs_input_grad[0] else None
    return dx, x.flatten(0, 1).T @ rows, rows.sum(0)


def _to_recurrent(delta: torch.Tensor, h: torch.Tensor, h_0: torch.Tensor) -> torch.Tensor:
    """dL/dW_h = Σ_t h_{t-1}^T δ_t, (H, blocks H)."""
    dW_h = h[:-1].flatten(0, 1).T @ delta[1:].flatten(0, 1)
    return dW_h.addmm_(h_0.T, delta[0])


# ---------------------------------------------------------------- the LSTM


class _LSTMSequence(torch.autograd.Function):
    """The equations of `LSTMCell`, with a_t = x_t W_x + h_{t-1} W_h + b for all four blocks.

    Backward, with dh_t and dc_t for dL/dh_t and dL/dc_t, and δ_t for dL/da_t:

        dh_t = what L says to h_t directly + δ_{t+1} W_h^T
        dc_t = what L says to c_t directly + dc_{t+1} * f_{t+1} + dh_t * o_t (1 - tanh(c_t)²)
        δ_t = [dc_t * c̃_t i_t (1 - i_t),   dc_t * c_{t-1} f_t (1 - f_t),
               dc_t * i_t (1 - c̃_t²),      dh_t * tanh(c_t) o_t (1 - o_t)]

    All factors of dc_t and dh_t in δ_t are known beforehand, for all steps at once. The product
    dc_{t+1} * f_{t+1} is chapter 10's conveyor belt: no matrix, no tanh.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        h_0: torch.Tensor,
        c_0: torch.Tensor,
        W_x: torch.Tensor,
        W_h: torch.Tensor,
        b: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        gates = _from_inputs(x, W_x, b)  # (T, B, 4H): i, f, c̃, o
        H, W = len(W_h), _by_columns(W_h)
        h, c, tanh_c = (gates.new_empty(*x.shape[:2], H) for _ in range(3))  # (T, B, H)
        h_t, c_t = h_0, c_0
        for a, i_f, i, f, candidate, o, h_next, c_next, tanh_c_t in zip(
            gates.unbind(),
            gates[:, :, : 2 * H].unbind(),
            *(block.unbind() for block in gates.split(H, dim=2)),
            h.unbind(),
            c.unbind(),
            tanh_c.unbind(),
            strict=True,
        ):
            a.addmm_(h_t, W)
            i_f.sigmoid_()
            candidate.tanh_()
            o.sigmoid_()
            c_t = torch.mul(f, c_t, out=c_next).addcmul_(i, candidate)
            h_t = torch.mul(o, torch.tanh(c_t, out=tanh_c_t), out=h_next)
        ctx.save_for_backward(x, gates, h, c, tanh_c, h_0, c_0, W_x, W_h)
        ctx.set_materialize_grads(False)
        return h, c

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: torch.Tensor | None, dc: torch.Tensor | None) -> Gradients:
        x, gates, h, c, tanh_c, h_0, c_0, W_x, W_h = ctx.saved_tensors
        H = len(W_h)
        i, f, candidate, o = gates.split(H, dim=2)
        delta = gates * (1 - gates)  # (T, B, 4H): σ' of the gates; times more, then dc_t or dh_t
        of_i, of_f, of_candidate, of_o = delta.split(H, dim=2)
        of_i.mul_(candidate)
        of_f[0].mul_(c_0)
        of_f[1:].mul_(c[:-1])
        torch.mul(candidate, candidate, out=of_candidate).neg_().add_(1).mul_(i)
        of_o.mul_(tanh_c)
        through = (tanh_c * tanh_c).neg_().add_(1).mul_(o)  # (T, B, H): from dh_t to dc_t
        by_dc = delta[:, :, : 3 * H].unflatten(2, (3, H))  # (T, B, 3, H): i, f, c̃

        dh_t = torch.zeros_like(h_0) if dh is None else dh[-1].clone()
        dc_t = torch.zeros_like(c_0)
        for t in range(len(h) - 1, -1, -1):
            if t < len(h) - 1:
                dc_t.mul_(f[t + 1])
                if dh is None:
                    torch.mm(delta[t + 1], W_h.T, out=dh_t)
                else:
                    torch.addmm(dh[t], delta[t + 1], W_h.T, out=dh_t)
            dc_t.addcmul_(dh_t, through[t])
            if dc is not None:
                dc_t.add_(dc[t])
            by_dc[t].mul_(dc_t[:, None])
            of_o[t].mul_(dh_t)
        dh_0 = delta[0] @ W_h.T if ctx.needs_input_grad[1] else None
        dc_0 = dc_t.mul_(f[0]) if ctx.needs_input_grad[2] else None
        dx, dW_x, db = _to_inputs(ctx, delta, x, W_x)
        return dx, dh_0, dc_0, dW_x, _to_recurrent(delta, h, h_0), db


# ---------------------------------------------------------------- the GRU


def _blend(
    z: torch.Tensor, h: torch.Tensor, candidate: torch.Tensor, keeps: bool, out: torch.Tensor
) -> torch.Tensor:
    """z h + (1 - z) h̃ where z keeps, (1 - z) h + z h̃ where it does not."""
    return torch.lerp(candidate, h, z, out=out) if keeps else torch.lerp(h, candidate, z, out=out)


class _GRUSequence(torch.autograd.Function):
    """The equations of `GRUCell` with the reset gate after the product.

    With u_t = h_{t-1} W_h^h + b_h for what r_t lets through, k_t = z_t (or 1 - z_t) for what is
    kept, and δ_t for the gradients of the three sums of h_{t-1}:

        dh_t = what L says to h_t directly + dh_{t+1} * k_{t+1} + δ_{t+1} W_h^T
        candidate's sum:  dh_t * (1 - k_t) (1 - h̃_t²)
        δ_t = [that * u_t r_t (1 - r_t),   dh_t * ±(h_{t-1} - h̃_t) z_t (1 - z_t),   that * r_t]

    Everything but dh_t is known beforehand, for all steps at once.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        h_0: torch.Tensor,
        W_x: torch.Tensor,
        W_h: torch.Tensor,
        b: torch.Tensor,
        b_h: torch.Tensor,
        keeps: bool,
    ) -> torch.Tensor:
        gates = _from_inputs(x, W_x, b)  # (T, B, 3H): r, z, h̃
        H, W = len(W_h), _by_columns(W_h)
        h, u = (gates.new_empty(*x.shape[:2], H) for _ in range(2))  # (T, B, H)
        from_h = gates.new_empty(x.shape[1], 3 * H)
        gates_from_h, u_from_h = from_h[:, : 2 * H], from_h[:, 2 * H :]
        h_t = h_0
        for r_z, r, z, candidate, h_next, u_t in zip(
            gates[:, :, : 2 * H].unbind(),
            *(block.unbind() for block in gates.split(H, dim=2)),
            h.unbind(),
            u.unbind(),
            strict=True,
        ):
            torch.mm(h_t, W, out=from_h)
            r_z.add_(gates_from_h).sigmoid_()
            torch.add(u_from_h, b_h, out=u_t)
            candidate.addcmul_(r, u_t).tanh_()
            h_t = _blend(z, h_t, candidate, keeps, h_next)
        ctx.save_for_backward(x, gates, h, u, h_0, W_x, W_h)
        ctx.keeps = keeps
        return h

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: torch.Tensor) -> Gradients:
        x, gates, h, u, h_0, W_x, W_h = ctx.saved_tensors
        H = len(W_h)
        r, z, candidate = gates.split(H, dim=2)
        kept = z if ctx.keeps else 1 - z
        delta = gates * (1 - gates)  # (T, B, 3H): of the sums of h; times more, then dh_t
        of_r, of_z, of_u = delta.split(H, dim=2)
        to_candidate = (candidate * candidate).neg_().add_(1).mul_(1 - kept)  # (T, B, H)
        of_r.mul_(u).mul_(to_candidate)
        past_less_new = torch.cat([h_0[None], h[:-1]]).sub_(candidate)
        of_z.mul_(past_less_new if ctx.keeps else past_less_new.neg_())
        torch.mul(to_candidate, r, out=of_u)
        by_dh = delta.unflatten(2, (3, H))  # (T, B, 3, H)

        dh_t = dh[-1].clone()
        for t in range(len(h) - 1, -1, -1):
            if t < len(h) - 1:
                torch.addcmul(dh[t], dh_t, kept[t + 1], out=dh_t).addmm_(delta[t + 1], W_h.T)
            by_dh[t].mul_(dh_t[:, None])
            to_candidate[t].mul_(dh_t)
        dh_0 = None
        if ctx.needs_input_grad[1]:
            dh_0 = (dh_t * kept[0]).addmm_(delta[0], W_h.T)
        dW_h = _to_recurrent(delta, h, h_0)
        db_h = of_u.sum((0, 1))
        of_u.copy_(to_candidate)  # the inputs' third sum is not behind r
        dx, dW_x, db = _to_inputs(ctx, delta, x, W_x)
        return dx, dh_0, dW_x, dW_h, db, db_h, None


class _GRUResetBefore(torch.autograd.Function):
    """The equations of `GRUCell` with the reset gate before the product.

    With v_t = r_t * h_{t-1} and δ_t for the gradients of the three sums:

        δ_t^h = dh_t * (1 - k_t) (1 - h̃_t²)       dv_t = δ_t^h W_h^h^T
        δ_t^r = dv_t * h_{t-1} r_t (1 - r_t)      δ_t^z = dh_t * ±(h_{t-1} - h̃_t) z_t (1 - z_t)
        dh_{t-1} = what L says to it directly + dh_t * k_t + dv_t * r_t + [δ_t^r, δ_t^z] W_h^rz^T

    Here two products a step wait for each other: the first reason for PyTorch's other place.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        h_0: torch.Tensor,
        W_x: torch.Tensor,
        W_h: torch.Tensor,
        b: torch.Tensor,
        keeps: bool,
    ) -> torch.Tensor:
        gates = _from_inputs(x, W_x, b)  # (T, B, 3H): r, z, h̃
        H = len(W_h)
        W_gates, W_candidate = W_h[:, : 2 * H], W_h[:, 2 * H :]
        h, v = (gates.new_empty(*x.shape[:2], H) for _ in range(2))  # (T, B, H)
        h_t = h_0
        for r_z, r, z, candidate, h_next, v_t in zip(
            gates[:, :, : 2 * H].unbind(),
            *(block.unbind() for block in gates.split(H, dim=2)),
            h.unbind(),
            v.unbind(),
            strict=True,
        ):
            r_z.addmm_(h_t, W_gates).sigmoid_()
            torch.mul(r, h_t, out=v_t)
            candidate.addmm_(v_t, W_candidate).tanh_()
            h_t = _blend(z, h_t, candidate, keeps, h_next)
        ctx.save_for_backward(x, gates, h, v, h_0, W_x, W_h)
        ctx.keeps = keeps
        return h

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dh: torch.Tensor) -> Gradients:
        x, gates, h, v, h_0, W_x, W_h = ctx.saved_tensors
        H = len(W_h)
        W_gates, W_candidate = W_h[:, : 2 * H], W_h[:, 2 * H :]
        r, z, candidate = gates.split(H, dim=2)
        kept = z if ctx.keeps else 1 - z
        past = torch.cat([h_0[None], h[:-1]])  # (T, B, H)
        delta = gates * (1 - gates)  # (T, B, 3H): times more, then dv_t or dh_t
        of_r, of_z, of_candidate = delta.split(H, dim=2)
        of_r.mul_(past)
        of_z.mul_(past - candidate if ctx.keeps else candidate - past)
        torch.mul(candidate, candidate, out=of_candidate).neg_().add_(1).mul_(1 - kept)

        dh_t = torch.zeros_like(h_0)
        for t in range(len(h) - 1, -1, -1):
            dh_t.add_(dh[t])
            of_z[t].mul_(dh_t)
            dv = of_candidate[t].mul_(dh_t) @ W_candidate.T  # (B, H)
            of_r[t].mul_(dv)
            dh_t.mul_(kept[t]).addcmul_(dv, r[t]).addmm_(delta[t, :, : 2 * H], W_gates.T)
        dW_gates = past.flatten(0, 1).T @ delta[:, :, : 2 * H].flatten(0, 1)
        dW_candidate = v.flatten(0, 1).T @ of_candidate.flatten(0, 1)
        dx, dW_x, db = _to_inputs(ctx, delta, x, W_x)
        return dx, dh_t, dW_x, torch.cat([dW_gates, dW_candidate], dim=1), db, None


# ---------------------------------------------------------------- the last layer

_ROWS_AT_ONCE = 256  # of logits: a piece of 256 x 10,000 numbers stays near the processor


def linear_cross_entropy(
    h: torch.Tensor, targets: torch.Tensor, W_o: torch.Tensor, b_o: torch.Tensor
) -> torch.Tensor:
    """Σ -ln softmax(h W_o + b_o)[target], summed over the rows, in nats.

    Parameters
    ----------
    h : (N, H)
    targets : (N,) int
        No padding.
    W_o : (H, V)
    b_o : (V,)
        ``-inf`` where a token can never come next.
    """
    loss: torch.Tensor = _LinearCrossEntropy.apply(h, targets, W_o, b_o)
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    """o = h W_o + b_o,   p = softmax(o),   L = Σ -ln p[target], a piece of the rows at a time.

    The gradients of one piece are known as soon as its p is, so all is done in the forward pass,
    and N V logits never stand side by side:

        do = p - one-hot(target)      dh = do W_o^T      dW_o = h^T do      db_o = Σ do
    """

    @staticmethod
    def forward(
        ctx: Any, h: torch.Tensor, targets: torch.Tensor, W_o: torch.Tensor, b_o: torch.Tensor
    ) -> torch.Tensor:
        needed = any(ctx.needs_input_grad)
        loss = h.new_zeros(())
        dh, dW_o, db_o = torch.empty_like(h), torch.zeros_like(W_o), torch.zeros_like(b_o)
        for start in range(0, len(h), _ROWS_AT_ONCE):
            piece = slice(start, start + _ROWS_AT_ONCE)
            o = torch.addmm(b_o, h[piece], W_o)  # (rows, V)
            log_p = torch.log_softmax(o, dim=1)
            index = targets[piece, None]
            loss -= log_p.gather(1, index).sum()
            if needed:
                do = log_p.exp_().scatter_add_(1, index, log_p.new_full(index.shape, -1.0))
                torch.mm(do, W_o.T, out=dh[piece])
                dW_o.addmm_(h[piece].T, do)
                db_o += do.sum(0)
        ctx.save_for_backward(dh, dW_o, db_o)
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dloss: torch.Tensor) -> Gradients:
        dh, dW_o, db_o = ctx.saved_tensors
        return dh * dloss, None, dW_o * dloss, db_o * dloss
