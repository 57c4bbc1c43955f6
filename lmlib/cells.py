"""Recurrent cells in PyTorch, as their equations.

The job of a cell is to take what stands at this step and the state after the step before, and to
give the state after this one. `lmlib.recurrent` runs a cell along a sequence.
"""

import math
from abc import abstractmethod
from typing import ClassVar

from lmlib.errors import InputError
from lmlib.pytorch import nn, torch

States = tuple[torch.Tensor, ...]
FourWeights = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


class Cell(nn.Module):
    """What all cells have: weights in blocks of H columns, side by side, a block for each sum.

        W_x (D, blocks H)   W_h (H, blocks H)   b (blocks H,)

    Weights begin uniform between ±1/√H, as those of `torch.nn` do.

    Parameters
    ----------
    input_size, hidden_size
        D and H.
    """

    blocks: ClassVar[int]  # 1, 3 and 4: a plain cell, a GRU, an LSTM
    vectors: ClassVar[int] = 1  # of H numbers, which make up its state; the first is its output

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        columns = self.blocks * hidden_size
        self.W_x = nn.Parameter(self._drawn(input_size, columns))
        self.W_h = nn.Parameter(self._drawn(hidden_size, columns))
        self.b = nn.Parameter(self._drawn(columns))

    def _drawn(self, *shape: int) -> torch.Tensor:
        limit = 1 / math.sqrt(self.hidden_size)
        return torch.empty(*shape).uniform_(-limit, limit)

    @abstractmethod
    def forward(self, x: torch.Tensor, state: States) -> States:
        """Read x (B, D), a row a sequence; give the state after it, of tensors (B, H)."""

    def initial_state(self, batch_size: int) -> States:
        """Zeros: nothing has been read."""
        return (self.b.new_zeros(batch_size, self.hidden_size),) * self.vectors

    @property
    @abstractmethod
    def torch_name(self) -> str:
        """The function of PyTorch that does the same: ``"rnn_tanh"``, ``"gru"`` …

        Raises
        ------
        InputError
            If it has none.
        """

    def weights_for_torch(self) -> FourWeights:
        """Give weights as PyTorch orders them: columns on the left, a second bias."""
        return self.W_x.T, self.W_h.T, self.b, torch.zeros_like(self.b)

    def take_from_torch(
        self, W_x: torch.Tensor, W_h: torch.Tensor, b_x: torch.Tensor, b_h: torch.Tensor
    ) -> None:
        """Copy weights that stand in PyTorch's order; its two biases become one."""
        with torch.no_grad():
            self.W_x.copy_(W_x.T)
            self.W_h.copy_(W_h.T)
            self.b.copy_(b_x + b_h)


class RNNCell(Cell):
    """The vanilla recurrent cell (Elman, 1990): chapter 06.

        h_t = φ(x_t W_x + h_{t-1} W_h + b)

        x_t (B, D)   W_x (D, H)   h_t (B, H)   W_h (H, H)   b (H,)

    Parameters
    ----------
    input_size, hidden_size
        D and H.
    activation
        φ: ``"tanh"``, ``"relu"`` or ``"sigmoid"``.
    """

    blocks = 1

    def __init__(self, input_size: int, hidden_size: int, activation: str = "tanh") -> None:
        if activation not in ACTIVATIONS:
            raise InputError(
                f"activation={activation!r} is not known; choose one of {', '.join(ACTIVATIONS)}."
            )
        super().__init__(input_size, hidden_size)
        self.activation = activation

    def forward(self, x: torch.Tensor, state: States) -> States:
        """One step."""
        (h,) = state
        activation = ACTIVATIONS[self.activation]
        return (activation(x @ self.W_x + h @ self.W_h + self.b),)

    @property
    def torch_name(self) -> str:
        """As the activation is called."""
        if self.activation == "sigmoid":
            raise InputError("torch.nn.RNN has tanh and ReLU, but no sigmoid.")
        return f"rnn_{self.activation}"


class GRUCell(Cell):
    """The gated recurrent unit (Cho et al., 2014): chapter 09.

        r_t = σ(x_t W_x^r + h_{t-1} W_h^r + b^r)                      the reset gate
        z_t = σ(x_t W_x^z + h_{t-1} W_h^z + b^z)                      the update gate
        h̃_t = tanh(x_t W_x^h + b^h + r_t * (h_{t-1} W_h^h + b_h))     the candidate
        h_t = z_t * h_{t-1} + (1 - z_t) * h̃_t

        x_t (B, D)   W_x (D, 3H) = [W_x^r, W_x^z, W_x^h]   W_h (H, 3H)   b (3H,)   b_h (H,)

    Parameters
    ----------
    input_size, hidden_size
        D and H.
    update_keeps
        True: z keeps the past, as above (Cho et al. 2014, PyTorch). False: z lets in the new,
        ``h_t = (1 - z_t) * h_{t-1} + z_t * h̃_t`` (Chung et al. 2014): the same models, with
        other signs in the weights of z.
    reset_after
        True: r stands after the product, as above (PyTorch). False: before it,
        ``h̃_t = tanh(x_t W_x^h + (r_t * h_{t-1}) W_h^h + b^h)`` (Cho, Chung): other models, and
        without b_h.
    """

    blocks = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        update_keeps: bool = True,
        reset_after: bool = True,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.update_keeps, self.reset_after = update_keeps, reset_after
        if reset_after:
            self.b_h = nn.Parameter(self._drawn(hidden_size))

    def forward(self, x: torch.Tensor, state: States) -> States:
        """One step."""
        (h,) = state
        H = self.hidden_size
        W_gates, W_candidate = self.W_h[:, : 2 * H], self.W_h[:, 2 * H :]
        from_x = x @ self.W_x + self.b  # (B, 3H)
        r, z = torch.sigmoid(from_x[:, : 2 * H] + h @ W_gates).chunk(2, dim=1)  # (B, H) each
        past = r * (h @ W_candidate + self.b_h) if self.reset_after else (r * h) @ W_candidate
        candidate = torch.tanh(from_x[:, 2 * H :] + past)
        if self.update_keeps:
            return (z * h + (1 - z) * candidate,)
        return ((1 - z) * h + z * candidate,)

    @property
    def torch_name(self) -> str:
        """In one of the conventions alone."""
        if not (self.update_keeps and self.reset_after):
            raise InputError(
                "torch.nn.GRU has one convention, update_keeps=True and reset_after=True."
            )
        return "gru"

    def weights_for_torch(self) -> FourWeights:
        """Beside the columns on the left, b_h; where the gates are, PyTorch's second bias is 0."""
        W_x, W_h, b_x, b_h = super().weights_for_torch()
        return W_x, W_h, b_x, torch.cat([b_h[self.hidden_size :], self.b_h])

    def take_from_torch(
        self, W_x: torch.Tensor, W_h: torch.Tensor, b_x: torch.Tensor, b_h: torch.Tensor
    ) -> None:
        """Keep the candidate's two biases apart."""
        H = self.hidden_size
        super().take_from_torch(W_x, W_h, b_x, torch.cat([b_h[: 2 * H], torch.zeros_like(b_h[:H])]))
        with torch.no_grad():
            self.b_h.copy_(b_h[2 * H :])


class LSTMCell(Cell):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997; Gers et al., 2000): chapter 10.

        i_t = σ(x_t W_x^i + h_{t-1} W_h^i + b^i)       the input gate
        f_t = σ(x_t W_x^f + h_{t-1} W_h^f + b^f)       the forget gate
        c̃_t = tanh(x_t W_x^c + h_{t-1} W_h^c + b^c)    the candidate
        o_t = σ(x_t W_x^o + h_{t-1} W_h^o + b^o)       the output gate
        c_t = f_t * c_{t-1} + i_t * c̃_t
        h_t = o_t * tanh(c_t)

        x_t (B, D)   W_x (D, 4H) = [W_x^i, W_x^f, W_x^c, W_x^o]   W_h (H, 4H)   b (4H,)

    Its state is (h, c).

    Parameters
    ----------
    input_size, hidden_size
        D and H.
    forget_bias
        What b^f begins with. With 1 a cell forgets about a quarter a step before it has learned
        anything, with 0 a half (Gers et al. 2000; Jozefowicz et al. 2015).
    """

    blocks = 4
    vectors = 2

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        with torch.no_grad():
            self.b[hidden_size : 2 * hidden_size] = forget_bias

    def forward(self, x: torch.Tensor, state: States) -> States:
        """One step."""
        h, c = state
        sums = x @ self.W_x + h @ self.W_h + self.b  # (B, 4H)
        i, f, candidate, o = sums.chunk(4, dim=1)  # (B, H) each
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(candidate)
        return torch.sigmoid(o) * torch.tanh(c), c

    @property
    def torch_name(self) -> str:
        """PyTorch's LSTM is this one."""
        return "lstm"


#: The cells by name.
CELLS: dict[str, type[Cell]] = {"rnn": RNNCell, "gru": GRUCell, "lstm": LSTMCell}
