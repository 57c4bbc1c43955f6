"""The fixed-window neural language model."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lmlib.language_model import Array, State
from lmlib.neural import NeuralLM, check_sizes, edge, seeded
from lmlib.pytorch import nn, torch
from lmlib.text import TextFormat, Vocab


@dataclass(frozen=True)
class WindowConfig:
    """What a `WindowLM` is made of.

    Parameters
    ----------
    context
        How many tokens it sees (n-1).
    embedding, hidden
        D and H.
    dropout
        The probability that a number of the embedded window or of the hidden layer is dropped, in
        training.
    """

    context: int = 5
    embedding: int = 32
    hidden: int = 256
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_sizes(self, "context", "embedding", "hidden")


class WindowLM(NeuralLM):
    """A network over the last n-1 tokens (Bengio et al., 2003): chapter 05.

    Its state is those tokens; its step embeds them, lays the embeddings end to end and asks a
    network of two layers.

        x_t = [E[token_{t-n+2}], …, E[token_t]]         (n-1) D numbers;   E (V, D)
        h_t = tanh(x_t W_1 + b_1)                       W_1 ((n-1) D, H), b_1 (H,)
        P(next | window) = softmax(h_t W_o + b_o)       W_o (H, V), b_o (V,)

    In the code E is ``embedding``. Where the text has not reached back so far, the window holds
    ``<bos>``.

    Parameters
    ----------
    seed
        Of the random weights it begins with.
    """

    kind = "window"
    config_class = WindowConfig
    rungs: ClassVar = {"window": WindowConfig()}

    def __init__(
        self, config: WindowConfig, vocab: Vocab, text_format: TextFormat, seed: int = 0
    ) -> None:
        super().__init__(config, vocab, text_format)
        self.context_length = config.context
        fan_in = config.context * config.embedding
        with seeded(seed):
            # small: a rare word keeps much of what chance gave it
            self.embedding = nn.Parameter(torch.randn(len(vocab), config.embedding) / 10)
            self.W_1 = nn.Parameter(torch.randn(fan_in, config.hidden) / fan_in**0.5)
            self.b_1 = nn.Parameter(torch.zeros(config.hidden))
            self.W_o = nn.Parameter(torch.randn(config.hidden, len(vocab)) / config.hidden**0.5)
            self.b_o = nn.Parameter(torch.zeros(len(vocab)))
        self.dropout = nn.Dropout(config.dropout)

    def read(
        self,
        tokens: torch.Tensor,
        state: tuple[torch.Tensor, ...] | None = None,
        lengths: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Read tokens (B, T); give the hidden layer (B, T, H) and the last n-1 tokens."""
        rows, steps = tokens.shape
        context = self.config.context
        before = tokens.new_full((rows, context), self.vocab.bos) if state is None else state[0]
        read = torch.cat([before, tokens], dim=1)  # (B, n-1 + T)
        windows = read.unfold(1, context, 1)[:, 1:]  # (B, T, n-1)
        x = self.dropout(self.embedded(windows).flatten(2))  # (B, T, (n-1) D)
        h = self.dropout(torch.tanh(x @ self.W_1 + self.b_1))  # (B, T, H)
        end = torch.full((rows,), steps, device=tokens.device) if lengths is None else lengths
        last = end[:, None] + torch.arange(context, device=tokens.device)  # (B, n-1)
        return h, (read.gather(1, last),)

    def initial_state(self, batch_size: int) -> State:
        """Give windows of ``<bos>`` alone."""
        return (np.full((batch_size, self.config.context), self.vocab.bos),)

    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        """Read one token a row, in NumPy."""
        weights = self._numpy()
        window = np.concatenate([state[0][:, 1:], np.asarray(tokens)[:, None]], axis=1)  # (B, n-1)
        x = weights["embedding"][window].reshape(len(window), -1)  # (B, (n-1) D)
        h = np.tanh(x @ weights["W_1"] + weights["b_1"])  # (B, H)
        return edge(h @ weights["W_o"] + (weights["b_o"] + weights["never"])), (window,)
