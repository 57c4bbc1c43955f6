"""The window model by hand: a network that reads the last few tokens (chapter 05)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmlib.batching import padding_last
from lmlib.errors import InputError
from lmlib.language_model import Array, LanguageModel, State
from lmlib.scratch.functions import cross_entropy, log_softmax, tanh, tanh_backward
from lmlib.scratch.layers import embedding, embedding_backward, linear, linear_backward
from lmlib.scratch.output import never_predicted, target_logprobs
from lmlib.text import TextFormat, Vocab


@dataclass(frozen=True)
class WindowConfig:
    """Sizes of a `WindowLM`.

    Parameters
    ----------
    context
        n-1, the tokens that are read to predict the next.
    embedding
        D, numbers in a token's vector.
    hidden
        H, hidden units.
    """

    context: int
    embedding: int
    hidden: int

    def __post_init__(self) -> None:
        if min(self.context, self.embedding, self.hidden) < 1:
            raise InputError(
                f"context={self.context}, embedding={self.embedding}, hidden={self.hidden}: "
                "each must be at least 1."
            )


class WindowLM(LanguageModel):
    """A neural n-gram model: its state is the last n-1 tokens, where there are none ``<bos>``.

        x_t = [embedding[token_{t-n+2}], …, embedding[token_t]]     (B, (n-1) D), side by side
        h_t = tanh(x_t W_1 + b_1)                                   (B, H)
        o_t = h_t W_o + b_o                                         (B, V)
        P(token_{t+1} | token_{t-n+2} … token_t) = softmax(o_t)

    The scores of ``<bos>``, and in a stream of ``<eos>``, are set to ``-inf``.

    Source: Bengio, Ducharme, Vincent and Jauvin 2003, *A neural probabilistic language model*,
    without its direct connections from x_t to o_t. Chapter 05.

    Parameters
    ----------
    config
    vocab, text_format
    rng
        Draws the first weights: ``W_1`` and ``W_o`` from N(0, 1/rows), so that a sum over the rows
        is neither blown up nor shrunk; embeddings from N(0, 0.1²); biases are 0.

    Attributes
    ----------
    parameters : dict of float64 arrays
        ``embedding`` (V, D), ``W_1`` ((n-1) D, H), ``b_1`` (H,), ``W_o`` (H, V), ``b_o`` (V,).
    """

    def __init__(
        self, config: WindowConfig, vocab: Vocab, text_format: TextFormat, rng: np.random.Generator
    ) -> None:
        self.config = config
        self.vocab = vocab
        self.text_format = text_format
        self.context_length = config.context
        D, H, V = config.embedding, config.hidden, len(vocab)
        inputs = config.context * D
        self.parameters: dict[str, Array] = {
            "embedding": rng.normal(0, 0.1, (V, D)),
            "W_1": rng.normal(0, inputs**-0.5, (inputs, H)),
            "b_1": np.zeros(H),
            "W_o": rng.normal(0, H**-0.5, (H, V)),
            "b_o": np.zeros(V),
        }
        self._never = never_predicted(vocab, text_format)

    # ------------------------------------------------------------ the contract

    def initial_state(self, batch_size: int) -> State:
        """(B, n-1) tokens, all of them ``<bos>``."""
        return (np.full((batch_size, self.config.context), self.vocab.bos, np.int64),)

    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        """Slide each window by one token and run the network."""
        window = np.concatenate([state[0][:, 1:], np.asarray(tokens)[:, None]], axis=1)  # (B, n-1)
        _, h = self._hidden(window)
        logits = linear(h, self.parameters["W_o"], self.parameters["b_o"] + self._never)  # (B, V)
        return log_softmax(logits.astype(np.float64, copy=False)), (window,)

    def token_logprobs(
        self, inputs: npt.ArrayLike, targets: npt.ArrayLike, state: State | None = None
    ) -> tuple[Array, State]:
        """As the contract says, all windows at once."""
        inputs, targets, lengths, order = padding_last(inputs, targets, self.vocab.bos)
        windows, state = self._slide(inputs, lengths, state)
        real = targets >= 0  # (B, T)
        _, h = self._hidden(windows[real])
        scores = np.zeros(targets.shape)
        scores[real] = target_logprobs(
            h, targets[real], self.parameters["W_o"], self.parameters["b_o"] + self._never
        )
        logprobs = np.zeros(targets.shape)
        np.put_along_axis(logprobs, order, scores, axis=1)
        return logprobs, state

    # ------------------------------------------------------------ training

    def loss_and_gradients(
        self, inputs: npt.ArrayLike, targets: npt.ArrayLike, state: State | None = None
    ) -> tuple[float, dict[str, Array], State]:
        """Forward and backward pass over one batch.

        Parameters
        ----------
        inputs, targets : (B, T) int
            ``targets[b, t]`` is what follows ``inputs[b, t]``; -1 is padding.
        state
            Where the rows stand; by default they have read nothing.

        Returns
        -------
        loss : float
            Nats a token, mean over all targets that are not padding.
        gradients : dict
            As `parameters`.
        state
            After reading.

        Raises
        ------
        InputError
            If shapes do not fit, or a token or target is not in the vocabulary.
        """
        p = self.parameters
        inputs, targets, lengths, _ = padding_last(inputs, targets, self.vocab.bos)
        windows, state = self._slide(inputs, lengths, state)
        windows, targets = windows[targets >= 0], targets[targets >= 0]  # (N, n-1), (N,)
        x, h = self._hidden(windows)  # (N, (n-1) D), (N, H)
        logits = linear(h, p["W_o"], p["b_o"] + self._never)  # (N, V)
        loss, dlogits = cross_entropy(logits, targets)

        dh, dW_o, db_o = linear_backward(dlogits, h, p["W_o"])  # dh (N, H)
        dx, dW_1, db_1 = linear_backward(tanh_backward(dh, h), x, p["W_1"])  # dx (N, (n-1) D)
        dx = dx.reshape(*windows.shape, self.config.embedding)  # (N, n-1, D): one for each token
        gradients = {
            "embedding": embedding_backward(dx, windows, len(self.vocab)),
            "W_1": dW_1,
            "b_1": db_1,
            "W_o": dW_o,
            "b_o": db_o,
        }
        return loss, gradients, state

    def _hidden(self, windows: npt.NDArray) -> tuple[npt.NDArray, npt.NDArray]:
        """windows (N, n-1) -> their vectors side by side (N, (n-1) D), hidden units (N, H)."""
        p = self.parameters
        vectors = embedding(windows, p["embedding"])  # (N, n-1, D)
        x = vectors.reshape(len(windows), len(p["W_1"]))  # (N, (n-1) D)
        return x, tanh(linear(x, p["W_1"], p["b_1"]))

    def _slide(
        self, inputs: npt.NDArray, lengths: npt.NDArray, state: State | None
    ) -> tuple[npt.NDArray, State]:
        """inputs (B, T) -> the window that ends at each (B, T, n-1), and each row's last."""
        (before,) = self.initial_state(len(inputs)) if state is None else state
        if before.shape != (len(inputs), self.config.context):
            raise InputError(
                f"a state of shape {before.shape} does not fit {len(inputs)} rows of a model that "
                f"reads {self.config.context} tokens."
            )
        tokens = np.concatenate([before, inputs], axis=1)  # (B, n-1+T)
        states = np.lib.stride_tricks.sliding_window_view(tokens, self.config.context, axis=1)
        return states[:, 1:], (states[np.arange(len(lengths)), lengths],)
