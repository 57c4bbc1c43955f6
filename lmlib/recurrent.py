"""Recurrent networks: a cell along a sequence, layers on top of each other, a language model."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from lmlib.cells import CELLS, Cell, GRUCell, LSTMCell, RNNCell, States
from lmlib.errors import InputError
from lmlib.fused import gru_sequence, lstm_sequence, rnn_sequence
from lmlib.language_model import Array, State
from lmlib.neural import NeuralLM, check_sizes, edge, seeded
from lmlib.pytorch import nn, torch
from lmlib.scratch.gru import gru_step
from lmlib.scratch.lstm import lstm_step
from lmlib.scratch.rnn import rnn_step
from lmlib.text import TextFormat, Vocab

#: Runs a cell along x (T, B, D) from a state of (B, H); gives the states of all steps, (T, B, H).
Along = Callable[[Any, torch.Tensor, States], States]

#: The fast path of each cell.
FUSED: dict[type[Cell], Along] = {
    RNNCell: rnn_sequence,
    GRUCell: gru_sequence,
    LSTMCell: lstm_sequence,
}

#: What can run the layers: the fast path, the equations step by step, `torch.nn` (on CUDA: cuDNN).
ENGINES = ("fused", "readable", "torch")


def unroll(cell: Cell, x: torch.Tensor, state: States) -> States:
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

    Read in both directions, a layer is two cells, one for each, and its output at a step is what
    both say there, side by side: 2H numbers, of which half have read what comes later.

    Parameters
    ----------
    input_size, hidden_size
        D and H.
    layers
        How many (L).
    cell
        A name of `CELLS`, or what makes a cell of two sizes, such as
        ``partial(GRUCell, reset_after=False)``.
    dropout
        The probability that an output is dropped on its way to the layer above, in training.
    bidirectional
        Whether each layer reads in both directions.
    engine
        One of `ENGINES`; all give the same numbers.

    Attributes
    ----------
    cells
        Of the first layer, the second …; within a layer the one that reads forwards, and then,
        if there is one, the one that reads backwards.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        layers: int = 1,
        cell: str | Callable[[int, int], Cell] = "rnn",
        dropout: float = 0.0,
        bidirectional: bool = False,
        engine: str = "fused",
    ) -> None:
        super().__init__()
        if isinstance(cell, str):
            if cell not in CELLS:
                raise InputError(f"cell={cell!r} is not known; choose one of {', '.join(CELLS)}.")
            cell = CELLS[cell]
        if engine not in ENGINES:
            raise InputError(f"engine={engine!r} is not known; choose one of {', '.join(ENGINES)}.")
        self.directions = 1 + bidirectional
        self.output_size = self.directions * hidden_size
        sizes = [input_size] + [self.output_size] * (layers - 1)
        self.cells: Any = nn.ModuleList(
            cell(size, hidden_size) for size in sizes for _ in range(self.directions)
        )
        self.hidden_size, self.engine = hidden_size, engine
        self.dropout = nn.Dropout(dropout)

    def initial_state(self, batch_size: int) -> States:
        """Zeros: nothing has been read."""
        zeros = self.cells[0].b.new_zeros(batch_size, len(self.cells), self.hidden_size)
        return (zeros,) * self.cells[0].vectors

    def forward(
        self, x: torch.Tensor, state: States | None = None, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, States]:
        """Run the layers along a batch of sequences.

        Parameters
        ----------
        x : (B, T, D)
        state
            Of tensors (B, cells, H), one for each cell; by default nothing has been read.
        lengths : (B,) int, optional
            How many steps of each sequence are real. The state is the one after the last of
            them, and the outputs beyond are zero. Backwards is from the last real step.

        Returns
        -------
        outputs : (B, T, H), or (B, T, 2H) in both directions
            Of the topmost layer.
        state
            Of tensors (B, cells, H).
        """
        rows, steps, _ = x.shape
        if state is None:
            state = self.initial_state(rows)
        x = x.transpose(0, 1).contiguous()  # (T, B, D)
        run = self._run_torch if self.engine == "torch" else self._run
        outputs, state = run(x, state, lengths)
        outputs = outputs.transpose(0, 1)
        if lengths is not None:
            beyond = torch.arange(steps, device=x.device) >= lengths[:, None]  # (B, T)
            outputs = outputs.masked_fill(beyond[:, :, None], 0)
        return outputs, state

    def _run(
        self, x: torch.Tensor, state: States, lengths: torch.Tensor | None
    ) -> tuple[torch.Tensor, States]:
        """Layer by layer, along x (T, B, D)."""
        last = []  # of each cell, the state after the last step
        for number, cell in enumerate(self.cells):
            backwards = number % self.directions == 1
            if not backwards:
                below = x if number == 0 else self.dropout(x)
                x = x.new_empty(*x.shape[:2], 0)
            along = FUSED[type(cell)] if self.engine == "fused" else unroll
            before = tuple(tensor[:, number] for tensor in state)  # (B, H) each
            after = along(cell, _turned(below, lengths) if backwards else below, before)
            last.append(_last(before, after, lengths))
            said = _turned(after[0], lengths) if backwards else after[0]
            x = torch.cat([x, said], dim=2) if backwards else said  # (T, B, H or 2H)
        return x, tuple(torch.stack(tensors, dim=1) for tensors in zip(*last, strict=True))

    def _run_torch(
        self, x: torch.Tensor, state: States, lengths: torch.Tensor | None
    ) -> tuple[torch.Tensor, States]:
        """All layers at once, by PyTorch's own function with the same weights."""
        function = getattr(torch, self.cells[0].torch_name)
        weights = [w for cell in self.cells for w in cell.weights_for_torch()]
        settings = (
            weights,
            True,  # there are biases
            len(self.cells) // self.directions,
            self.dropout.p,
            self.training,
            self.directions == 2,
        )
        first = tuple(tensor.transpose(0, 1).contiguous() for tensor in state)  # (cells, B, H)
        start = first if len(first) > 1 else first[0]
        if lengths is None:
            outputs, *last = function(x, start, *settings, False)  # time first
            return outputs, tuple(tensor.transpose(0, 1) for tensor in last)
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths.cpu().clamp(min=1), enforce_sorted=False
        )
        order, back = packed.sorted_indices, packed.unsorted_indices
        first = tuple(tensor[:, order] for tensor in first)
        start = first if len(first) > 1 else first[0]
        said, *last = function(packed.data, packed.batch_sizes, start, *settings)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(
            packed._replace(data=said), total_length=len(x)
        )
        unread = (lengths == 0)[:, None, None]
        after = tuple(tensor[:, back].transpose(0, 1) for tensor in last)
        return outputs, tuple(torch.where(unread, a, b) for a, b in zip(state, after, strict=True))

    def to_torch(self) -> nn.RNNBase:
        """Give the same network as PyTorch's own module, with a copy of the weights.

        Raises
        ------
        InputError
            If PyTorch has no such network.
        """
        first, name = self.cells[0], self.cells[0].torch_name
        modules: dict[str, Callable[..., nn.RNNBase]] = {
            "rnn_tanh": nn.RNN,
            "rnn_relu": partial(nn.RNN, nonlinearity="relu"),
            "gru": nn.GRU,
            "lstm": nn.LSTM,
        }
        module = modules[name](
            len(first.W_x),
            self.hidden_size,
            len(self.cells) // self.directions,
            dropout=self.dropout.p,
            bidirectional=self.directions == 2,
            batch_first=True,
        ).to(first.b)
        with torch.no_grad():
            for theirs, cell in zip(module.all_weights, self.cells, strict=True):
                for weight, ours in zip(theirs, cell.weights_for_torch(), strict=True):
                    weight.copy_(ours)
        return module

    @classmethod
    def from_torch(cls, module: nn.RNNBase) -> Self:
        """Give PyTorch's network as ours, with a copy of the weights.

        Raises
        ------
        InputError
            If it has no biases, or projects its outputs.
        """
        if not module.bias or module.proj_size:
            raise InputError("from_torch takes networks that have biases and no projection.")
        cells: dict[str, Callable[[int, int], Cell]] = {
            "RNN_TANH": RNNCell,
            "RNN_RELU": partial(RNNCell, activation="relu"),
            "GRU": GRUCell,
            "LSTM": LSTMCell,
        }
        layers = cls(
            module.input_size,
            module.hidden_size,
            module.num_layers,
            cells[module.mode],
            module.dropout,
            module.bidirectional,
        ).to(next(module.parameters()))
        for theirs, cell in zip(module.all_weights, layers.cells, strict=True):
            cell.take_from_torch(*theirs)
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


def _turned(x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """x (T, B, D) from the last real step of each row to the first; padding stays behind them."""
    if lengths is None:
        return x.flip(0)
    step = torch.arange(len(x), device=x.device)[:, None]  # (T, 1)
    from_end = torch.where(step < lengths, lengths - 1 - step, step)  # (T, B)
    return x[from_end, torch.arange(len(lengths), device=x.device)]


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
        φ of a plain cell.
    dropout
        The probability that a number is dropped, in training, on the way into a layer and out of
        the last (Zaremba et al., 2014: never on the way from step to step).
    tied
        Whether the output has the embeddings as its weights, W_o = E^T (Press and Wolf, 2017;
        Inan et al., 2017); D and H must then be equal.
    forget_bias
        Of an LSTM: see `LSTMCell`.
    update_keeps, reset_after
        Of a GRU: see `GRUCell`.
    """

    cell: str = "rnn"
    embedding: int = 64
    hidden: int = 256
    layers: int = 1
    activation: str = "tanh"
    dropout: float = 0.0
    tied: bool = False
    forget_bias: float = 1.0
    update_keeps: bool = True
    reset_after: bool = True

    def __post_init__(self) -> None:
        check_sizes(self, "embedding", "hidden", "layers")
        if self.tied and self.embedding != self.hidden:
            raise InputError(
                f"tied=True: what is read and what is predicted share their vectors, so embedding "
                f"({self.embedding}) and hidden ({self.hidden}) must be equal."
            )

    def cell_maker(self) -> Callable[[int, int], Cell]:
        """Give what makes a cell of two sizes.

        Raises
        ------
        InputError
            If the name of the cell is not known.
        """
        makers: dict[str, Callable[[int, int], Cell]] = {
            "rnn": partial(RNNCell, activation=self.activation),
            "gru": partial(GRUCell, update_keeps=self.update_keeps, reset_after=self.reset_after),
            "lstm": partial(LSTMCell, forget_bias=self.forget_bias),
        }
        if self.cell not in makers:
            raise InputError(f"cell={self.cell!r} is not known; choose one of {', '.join(makers)}.")
        return makers[self.cell]


class RecurrentLM(NeuralLM):
    """A recurrent language model (Mikolov et al., 2010): chapters 06 and 07, 09 and 10.

    Its state is what its cells carry; its step is one step of each cell.

        x_t = E[token_t]                                E (V, D)
        h_t = cell(x_t, h_{t-1})                        a layer; the next reads h_t as its x_t
        P(next | read so far) = softmax(h_t W_o + b_o)  W_o (H, V), b_o (V,)

    ``<bos>`` is read first and gives h_0; before it, the state is zeros. In the code E is
    ``embedding``, the cells are ``layers.cells``; the state has the axes (batch, layer, H), and an
    LSTM's is two such arrays, h and c. Where the weights are tied, W_o is E^T.

    Parameters
    ----------
    seed
        Of the random weights it begins with.
    engine
        What runs the layers, one of `ENGINES`.
    """

    kind = "recurrent"
    config_class = RecurrentConfig
    rungs: ClassVar = {name: RecurrentConfig(name) for name in CELLS}

    def __init__(
        self,
        config: RecurrentConfig,
        vocab: Vocab,
        text_format: TextFormat,
        seed: int = 0,
        engine: str = "fused",
    ) -> None:
        super().__init__(config, vocab, text_format)
        V, D, H = len(vocab), config.embedding, config.hidden
        with seeded(seed):
            self.layers = RecurrentLayers(
                D, H, config.layers, config.cell_maker(), config.dropout, engine=engine
            )
            self.embedding = nn.Parameter(torch.randn(V, D) / (D**0.5 if config.tied else 1))
            if not config.tied:
                self.W_o = nn.Parameter(torch.randn(H, V) / H**0.5)
            self.b_o = nn.Parameter(torch.zeros(V))
        self.dropout = nn.Dropout(config.dropout)

    def read(
        self,
        tokens: torch.Tensor,
        state: States | None = None,
        lengths: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, States]:
        """Read tokens (B, T); give what the last layer says (B, T, H), and the state."""
        x = self.dropout(self.embedded(tokens))  # (B, T, D)
        h, state = self.layers(x, state, lengths)
        return self.dropout(h), state

    def output_weights(self) -> torch.Tensor:
        """Give W_o (H, V)."""
        return self.embedding.T if self.config.tied else self.W_o

    def initial_state(self, batch_size: int) -> State:
        """Zeros: nothing has been read."""
        weights = self._numpy()
        shape = (batch_size, self.config.layers, self.config.hidden)
        vectors = self.layers.cells[0].vectors
        return tuple(np.zeros(shape, weights["embedding"].dtype) for _ in range(vectors))

    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        """Read one token a row, in NumPy, by the steps of `lmlib.scratch`."""
        weights, config = self._numpy(), self.config
        after = tuple(np.empty_like(array) for array in state)
        x = weights["embedding"].take(np.asarray(tokens), axis=0)  # (B, D)
        for layer in range(config.layers):
            cell = f"layers.cells.{layer}."
            h = state[0][:, layer]
            three = weights[cell + "W_x"], weights[cell + "W_h"], weights[cell + "b"]
            if config.cell == "lstm":
                x, after[1][:, layer] = lstm_step(x, h, state[1][:, layer], *three)
            elif config.cell == "gru":
                b_h = weights[cell + "b_h"] if config.reset_after else None
                x = gru_step(x, h, *three, b_h, config.update_keeps)
            else:
                x = rnn_step(x, h, *three, config.activation)
            after[0][:, layer] = x
        logits = x @ (weights["embedding"].T if config.tied else weights["W_o"])
        logits += weights["b_o"]
        logits += weights["never"]
        return edge(logits), after
