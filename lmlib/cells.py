"""Recurrent cells in PyTorch, as their equations.

The job of a cell is to take what stands at this step and the state after the step before, and to
give the state after this one. `lmlib.recurrent` runs a cell along a sequence.
"""

import math

from lmlib.errors import InputError
from lmlib.pytorch import nn, torch

States = tuple[torch.Tensor, ...]

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


class RNNCell(nn.Module):
    """The vanilla recurrent cell (Elman, 1990): chapter 06.

        h_t = φ(x_t W_x + h_{t-1} W_h + b)

        x_t (B, D)   W_x (D, H)   h_t (B, H)   W_h (H, H)   b (H,)

    Parameters
    ----------
    input_size, hidden_size
        D and H.
    activation
        φ: ``"tanh"``, ``"relu"`` or ``"sigmoid"``.

    Notes
    -----
    Weights begin uniform between ±1/√H, as those of `torch.nn.RNN` do.
    """

    def __init__(self, input_size: int, hidden_size: int, activation: str = "tanh") -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise InputError(
                f"activation={activation!r} is not known; choose one of {', '.join(ACTIVATIONS)}."
            )
        self.activation = activation
        self.W_x = nn.Parameter(torch.empty(input_size, hidden_size))
        self.W_h = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.b = nn.Parameter(torch.empty(hidden_size))
        for weight in self.parameters():
            nn.init.uniform_(weight, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def initial_state(self, batch_size: int) -> States:
        """Zeros: nothing has been read."""
        return (self.b.new_zeros(batch_size, self.b.numel()),)

    def forward(self, x: torch.Tensor, state: States) -> States:
        """One step."""
        (h,) = state
        activation = ACTIVATIONS[self.activation]
        return (activation(x @ self.W_x + h @ self.W_h + self.b),)


#: The cells by name.
CELLS: dict[str, type[RNNCell]] = {"rnn": RNNCell}
