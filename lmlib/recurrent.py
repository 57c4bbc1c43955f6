"""Recurrent networks: a cell along a sequence, layers on top of each other, a language model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lmlib.cells import CELLS, RNNCell, States
from lmlib.errors import InputError
from lmlib.fused import rnn_sequence
from lmlib.language_model import Array, State
from lmlib.neural import NeuralLM, check_sizes, edge, seeded
from lmlib.pytorch import nn, torch
from lmlib.scratch.rnn import rnn_step
from lmlib.text import TextFormat, Vocab

F = nn.functional

#: Runs a cell along x (T, B, D) from a state of (B, H); gives the states of all steps, (T, B, H).
Along = Callable[[RNNCell, torch.Tensor, States], States]

#: The fast path of each cell.
FUSED: dict[str, Along] = {"rnn": rnn_sequence}


def unroll(cell: RNNCell, x: torch.Tensor, state: States) -> States:
    """Run a cell along a sequence, step by step: what the fast path must equal.

    Parameters
    ----------
    x : (T, B, D)
    state
        Of tensors (B, H): where the rows stand before the first step.

    Returns
    -------
    tuple of (T, B, H)
        The states after every step.
    """
    states = []
    for x_t in x:
        state = cell(x_t, state)
        states.append(state)
    return tuple(torch.stack(tensors) for tensors in zip(*states, strict=True))


class RecurrentLayers(nn.Module):
    """Recurrent layers on top of each other; each reads the outputs of the one below.

    Parameters
    ----------
    input_size, hidden_size
        D and H.
    layers
        How many (L).
    cell
        A name of `CELLS`.
    activation
        φ of the cell.
    dropout
        The probability that an output is dropped on its way to the layer above, in training.
    fused
        Whether the fast path is taken; the readable one gives the same numbers.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        layers: int = 1,
        cell: str = "rnn",
        activation: str = "tanh",
        dropout: float = 0.0,
        fused: bool = True,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise InputError(f"cell={cell!r} is not known; choose one of {', '.join(CELLS)}.")
        sizes = [input_size] + [hidden_size] * layers
        self.cells: Any = nn.ModuleList(
            CELLS[cell](inputs, hidden_size, activation) for inputs in sizes[:-1]
        )
        self.hidden_size, self.fused = hidden_size, fused
        self.along: Along = FUSED[cell] if fused else unroll
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: torch.Tensor, state: States | None = None, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, States]:
        """Run the layers along a batch of sequences.

        Parameters
        ----------
        x : (B, T, D)
        state
            Of tensors (B, L, H); by default nothing has been read.
        lengths : (B,) int, optional
            How many steps of each sequence are real. The state is the one after the last of
            them, and the outputs beyond are zero.

        Returns
        -------
        outputs : (B, T, H)
            Of the topmost layer.
        state
            Of tensors (B, L, H).
        """
        rows, steps, _ = x.shape
        x = x.transpose(0, 1).contiguous()  # (T, B, D)
        last = []  # of each layer, the state after the last step
        for layer, cell in enumerate(self.cells):
            before = (
                cell.initial_state(rows)
                if state is None
                else tuple(tensor[:, layer] for tensor in state)  # (B, H) each
            )
            after = self.along(cell, x if layer == 0 else self.dropout(x), before)
            last.append(_last(before, after, lengths))
            x = after[0]  # (T, B, H)
        outputs = x.transpose(0, 1)
        if lengths is not None:
            beyond = torch.arange(steps, device=x.device) >= lengths[:, None]  # (B, T)
            outputs = outputs.masked_fill(beyond[:, :, None], 0)
        return outputs, tuple(torch.stack(tensors, dim=1) for tensors in zip(*last, strict=True))

    def to_torch(self) -> nn.RNN:
        """Give the same network as PyTorch's own module, with a copy of the weights.

        Raises
        ------
        InputError
            If PyTorch has no such network (the sigmoid).
        """
        first = self.cells[0]
        if first.activation == "sigmoid":
            raise InputError("torch.nn.RNN has tanh and ReLU, but no sigmoid.")
        module = nn.RNN(
            first.W_x.shape[0],
            self.hidden_size,
            len(self.cells),
            nonlinearity=first.activation,
            dropout=self.dropout.p,
            batch_first=True,
        ).to(first.b)
        with torch.no_grad():
            for layer, cell in enumerate(self.cells):
                getattr(module, f"weight_ih_l{layer}").copy_(cell.W_x.T)
                getattr(module, f"weight_hh_l{layer}").copy_(cell.W_h.T)
                getattr(module, f"bias_ih_l{layer}").copy_(cell.b)
                getattr(module, f"bias_hh_l{layer}").zero_()
        return module

    @classmethod
    def from_torch(cls, module: nn.RNN) -> Self:
        """Give PyTorch's network as ours, with a copy of the weights; its two biases become one.

        Raises
        ------
        InputError
            If it reads in both directions, or has no biases.
        """
        if module.bidirectional or not module.bias:
            raise InputError("from_torch takes networks that read one way and have biases.")
        layers = cls(
            module.input_size,
            module.hidden_size,
            module.num_layers,
            activation=module.nonlinearity,
            dropout=module.dropout,
        ).to(next(module.parameters()))
        with torch.no_grad():
            for layer, cell in enumerate(layers.cells):
                cell.W_x.copy_(getattr(module, f"weight_ih_l{layer}").T)
                cell.W_h.copy_(getattr(module, f"weight_hh_l{layer}").T)
                cell.b.copy_(
                    getattr(module, f"bias_ih_l{layer}") + getattr(module, f"bias_hh_l{layer}")
                )
        return layers


def _last(before: States, after: States, lengths: torch.Tensor | None) -> States:
    """The state of each row after its last real step."""
    if lengths is None:
        return tuple(tensor[-1] for tensor in after)
    rows = torch.arange(len(lengths), device=lengths.device)
    return tuple(
        torch.cat([first[None], tensor])[lengths, rows]  # (T + 1, B, H) -> (B, H)
        for first, tensor in zip(before, after, strict=True)
    )


# ---------------------------------------------------------------- the language model


@dataclass(frozen=True)
class RecurrentConfig:
    """What a `RecurrentLM` is made of.

    Parameters
    ----------
    cell
        A name of `CELLS`.
    embedding, hidden, layers
        D, H and L.
    activation
        φ of the cell.
    dropout
        The probability that a number is dropped, in training, on the way into a layer and out of
        the last (Zaremba et al., 2014: never on the way from step to step).
    """

    cell: str = "rnn"
    embedding: int = 64
    hidden: int = 256
    layers: int = 1
    activation: str = "tanh"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_sizes(self, "embedding", "hidden", "layers")


class RecurrentLM(NeuralLM):
    """A recurrent language model (Mikolov et al., 2010): chapters 06 and 07.

    Its state is what its cells carry; its step is one step of each cell.

        x_t = E[token_t]                                E (V, D)
        h_t = cell(x_t, h_{t-1})                        a layer; the next reads h_t as its x_t
        P(next | read so far) = softmax(h_t W_o + b_o)  W_o (H, V), b_o (V,)

    ``<bos>`` is read first and gives h_0; before it, the state is zeros. In the code E is
    ``embedding``, the cells are ``layers.cells``; the state has the axes (batch, layer, H).

    Parameters
    ----------
    seed
        Of the random weights it begins with.
    """

    kind = "recurrent"
    config_class = RecurrentConfig

    def __init__(
        self, config: RecurrentConfig, vocab: Vocab, text_format: TextFormat, seed: int = 0
    ) -> None:
        super().__init__(config, vocab, text_format)
        with seeded(seed):
            self.layers = RecurrentLayers(
                config.embedding,
                config.hidden,
                config.layers,
                config.cell,
                config.activation,
                config.dropout,
            )
            self.embedding = nn.Parameter(torch.randn(len(vocab), config.embedding))
            self.W_o = nn.Parameter(torch.randn(config.hidden, len(vocab)) / config.hidden**0.5)
            self.b_o = nn.Parameter(torch.zeros(len(vocab)))
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        tokens: torch.Tensor,
        state: States | None = None,
        lengths: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, States]:
        """Read tokens (B, T); give logits (B, T, V) and the state."""
        x = self.dropout(F.embedding(tokens, self.embedding))  # (B, T, D)
        h, state = self.layers(x, state, lengths)  # (B, T, H)
        return self.dropout(h) @ self.W_o + (self.b_o + self.never), state

    def initial_state(self, batch_size: int) -> State:
        """Zeros: nothing has been read."""
        weights = self._numpy()
        shape = (batch_size, self.config.layers, self.config.hidden)
        return (np.zeros(shape, weights["embedding"].dtype),)

    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        """Read one token a row, in NumPy, by the step of `lmlib.scratch`."""
        weights = self._numpy()
        (h,) = state  # (B, L, H)
        after = np.empty_like(h)
        x = weights["embedding"].take(np.asarray(tokens), axis=0)  # (B, D)
        for layer in range(self.config.layers):
            cell = f"layers.cells.{layer}."
            W_x, W_h, b = weights[cell + "W_x"], weights[cell + "W_h"], weights[cell + "b"]
            after[:, layer] = x = rnn_step(x, h[:, layer], W_x, W_h, b, self.config.activation)
        logits = x @ weights["W_o"]
        logits += weights["b_o"]
        logits += weights["never"]
        return edge(logits), (after,)
