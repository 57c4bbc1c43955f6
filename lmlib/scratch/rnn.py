"""The recurrent network by hand, and the language model made of it (chapters 06 and 07)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmlib.batching import padding_last
from lmlib.errors import InputError
from lmlib.language_model import Array, LanguageModel, State
from lmlib.scratch.functions import ACTIVATIONS, check_activation, cross_entropy, log_softmax
from lmlib.scratch.layers import embedding, embedding_backward, linear, linear_backward
from lmlib.scratch.output import never_predicted, target_logprobs
from lmlib.text import TextFormat, Vocab


def rnn_step(
    x: npt.NDArray,
    h: npt.NDArray,
    W_x: npt.NDArray,
    W_h: npt.NDArray,
    b: npt.NDArray,
    activation: str = "tanh",
) -> npt.NDArray:
    """Read one input a row: ``h_t = f(x_t W_x + h_{t-1} W_h + b)``.

    Parameters
    ----------
    x : (B, D)
    h : (B, H)
        The states before.
    W_x : (D, H)
    W_h : (H, H)
    b : (H,)
    activation
        f, one of the `ACTIVATIONS`.

    Returns
    -------
    (B, H), of the floating type that was given.

    Raises
    ------
    InputError
        If the shapes do not fit, or the activation is not known.
    """
    check_activation(activation)
    try:
        total = x @ W_x
        total += h @ W_h
        total += b
    except ValueError:
        raise InputError(
            f"rnn_step: x {x.shape}, h {h.shape}, W_x {W_x.shape}, W_h {W_h.shape} and b {b.shape} "
            "do not fit; they must be (B, D), (B, H), (D, H), (H, H) and (H,)."
        ) from None
    return ACTIVATIONS[activation][0](total)


def unroll(
    x: npt.NDArray,
    h: npt.NDArray,
    W_x: npt.NDArray,
    W_h: npt.NDArray,
    b: npt.NDArray,
    activation: str = "tanh",
) -> npt.NDArray:
    """`rnn_step` over a whole sequence: T layers that share their weights.

    What the inputs contribute does not depend on any state, so it is one product for all steps.

    Parameters
    ----------
    x : (T, B, D)
        Time first: what is read at one step lies together.
    h : (B, H)
        The state before the first step.
    W_x, W_h, b, activation
        See `rnn_step`.

    Returns
    -------
    (T+1, B, H)
        All states; the first is ``h``.
    """
    check_activation(activation)
    function, _ = ACTIVATIONS[activation]
    projected = linear(x, W_x, b)  # (T, B, H)
    states = np.empty((len(x) + 1, *h.shape), projected.dtype)
    states[0] = h
    for t in range(len(x)):
        states[t + 1] = function(projected[t] + states[t] @ W_h)
    return states


def backpropagate_through_time(
    dh: npt.NDArray,
    states: npt.NDArray,
    W_h: npt.NDArray,
    activation: str = "tanh",
    truncate: int | None = None,
) -> npt.NDArray:
    """From the gradient of each step's own loss to the gradient of all losses, by going back.

    With ``z_t = x_t W_x + h_{t-1} W_h + b``, so that ``h_t = f(z_t)``, the loss of step t and
    those of all later steps reach z_t (Werbos 1990):

        dz_t = (dh_t + dz_{t+1} W_hᵀ) f'(z_t)

    Truncated to k steps, the loss of each step goes back through k steps on its own:

        dz_{t,t} = dh_t f'(z_t);   dz_{t,s} = (dz_{t,s+1} W_hᵀ) f'(z_s) for s > t - k
        dz_s = sum over t of dz_{t,s}

    Parameters
    ----------
    dh : (T, B, H)
        Gradient of the loss of step t alone with respect to h_t.
    states : (T+1, B, H)
        As `unroll` gives them.
    W_h : (H, H)
    activation
    truncate
        k ≥ 1; None for no bound but the beginning of the batch.

    Returns
    -------
    dz : (T, B, H)

    Raises
    ------
    InputError
        If k is below 1, or the activation is not known.
    """
    check_activation(activation)
    if truncate is not None and truncate < 1:
        raise InputError(f"truncate={truncate}: a gradient reaches back through 1 step or more.")
    _, backward = ACTIVATIONS[activation]
    dz = np.zeros_like(dh)
    if truncate is None:
        from_later = np.zeros_like(states[0])  # (B, H)
        for t in reversed(range(len(dh))):
            dz[t] = backward(dh[t] + from_later, states[t + 1])
            from_later = dz[t] @ W_h.T
        return dz
    going_back = dh  # for each step, what comes from `distance` steps later (T-distance, B, H)
    for distance in range(min(truncate, len(dh))):
        steps = len(dh) - distance
        arrived = backward(going_back, states[1 : steps + 1])
        dz[:steps] += arrived
        going_back = (arrived.reshape(-1, len(W_h)) @ W_h.T).reshape(arrived.shape)[1:]
    return dz


@dataclass(frozen=True)
class RNNConfig:
    """Sizes of an `RNNLM`.

    Parameters
    ----------
    embedding
        D, numbers in a token's vector.
    hidden
        H, numbers in the state.
    activation
        One of the `ACTIVATIONS`.
    """

    embedding: int
    hidden: int
    activation: str = "tanh"

    def __post_init__(self) -> None:
        if self.embedding < 1 or self.hidden < 1:
            raise InputError(
                f"embedding={self.embedding}, hidden={self.hidden}: both sizes must be at least 1."
            )
        check_activation(self.activation)


class RNNLM(LanguageModel):
    """A recurrent language model: its state is a vector that it learned to keep.

        x_t = embedding[token_t]                        (B, D)
        h_t = f(x_t W_x + h_{t-1} W_h + b)              (B, H)
        o_t = h_t W_o + b_o                             (B, V)
        P(token_{t+1} | token_1 … token_t) = softmax(o_t)

    ``<bos>`` is read first and gives h_0; before it, the state is zeros. The scores of ``<bos>``,
    and in a stream of ``<eos>``, are set to ``-inf``.

    Sources: Elman 1990, *Finding structure in time*; Mikolov et al. 2010, *Recurrent neural network
    based language model*; its training, `backpropagate_through_time`: Werbos 1990. Chapters 06, 07.

    Parameters
    ----------
    config
    vocab, text_format
    rng
        Draws the first weights: ``W_x``, ``W_h`` and ``W_o`` from N(0, 1/rows), so that a sum over
        the rows is neither blown up nor shrunk; embeddings from N(0, 0.1²); biases are 0.

    Attributes
    ----------
    parameters : dict of float64 arrays
        ``embedding`` (V, D), ``W_x`` (D, H), ``W_h`` (H, H), ``b`` (H,), ``W_o`` (H, V), ``b_o``
        (V,).
    """

    def __init__(
        self, config: RNNConfig, vocab: Vocab, text_format: TextFormat, rng: np.random.Generator
    ) -> None:
        self.config = config
        self.vocab = vocab
        self.text_format = text_format
        D, H, V = config.embedding, config.hidden, len(vocab)
        self.parameters: dict[str, Array] = {
            "embedding": rng.normal(0, 0.1, (V, D)),
            "W_x": rng.normal(0, D**-0.5, (D, H)),
            "W_h": rng.normal(0, H**-0.5, (H, H)),
            "b": np.zeros(H),
            "W_o": rng.normal(0, H**-0.5, (H, V)),
            "b_o": np.zeros(V),
        }
        self._never = never_predicted(vocab, text_format)

    # ------------------------------------------------------------ the contract

    def initial_state(self, batch_size: int) -> State:
        """(B, H) zeros."""
        return (np.zeros((batch_size, self.config.hidden)),)

    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        """Read a token a row: one step of the recurrence, one softmax."""
        p = self.parameters
        x = embedding(tokens, p["embedding"])  # (B, D)
        h = rnn_step(x, state[0], p["W_x"], p["W_h"], p["b"], self.config.activation)  # (B, H)
        logits = linear(h, p["W_o"], p["b_o"] + self._never)  # (B, V)
        return log_softmax(logits.astype(np.float64, copy=False)), (h,)

    def token_logprobs(
        self, inputs: npt.ArrayLike, targets: npt.ArrayLike, state: State | None = None
    ) -> tuple[Array, State]:
        """As the contract says, all rows side by side."""
        inputs, targets, lengths, order = padding_last(inputs, targets, self.vocab.bos)
        _, states = self._read(inputs, state)
        p = self.parameters
        real = targets.T >= 0  # (T, B)
        scores = np.zeros(real.shape)
        scores[real] = target_logprobs(
            states[1:][real], targets.T[real], p["W_o"], p["b_o"] + self._never
        )
        logprobs = np.zeros(targets.shape)
        np.put_along_axis(logprobs, order, scores.T, axis=1)
        return logprobs, (states[lengths, np.arange(len(lengths))],)

    # ------------------------------------------------------------ training

    def loss_and_gradients(
        self,
        inputs: npt.ArrayLike,
        targets: npt.ArrayLike,
        state: State | None = None,
        truncate: int | None = None,
    ) -> tuple[float, dict[str, Array], State]:
        """Forward and backward pass over one batch.

        Parameters
        ----------
        inputs, targets : (B, T) int
            ``targets[b, t]`` is what follows ``inputs[b, t]``; -1 is padding.
        state
            Where the rows stand; by default they have read nothing. No gradient reaches what was
            read before it: carried from batch to batch, it truncates too.
        truncate
            The gradient of each step's loss reaches back through so many steps, its own included;
            by default to the beginning of the batch.

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
            If shapes do not fit, a token or target is not in the vocabulary, or ``truncate`` is
            below 1.
        """
        p, activation = self.parameters, self.config.activation
        inputs, targets, lengths, _ = padding_last(inputs, targets, self.vocab.bos)
        x, states = self._read(inputs, state)  # (T, B, D), (T+1, B, H)
        logits = linear(states[1:], p["W_o"], p["b_o"] + self._never)  # (T, B, V)
        loss, dlogits = cross_entropy(logits, targets.T)

        dh, dW_o, db_o = linear_backward(dlogits, states[1:], p["W_o"])  # dh (T, B, H)
        dz = backpropagate_through_time(dh, states, p["W_h"], activation, truncate)  # (T, B, H)
        H = self.config.hidden
        dW_h = states[:-1].reshape(-1, H).T @ dz.reshape(-1, H)
        dx, dW_x, db = linear_backward(dz, x, p["W_x"])  # dx (T, B, D)
        gradients = {
            "embedding": embedding_backward(dx, inputs.T, len(self.vocab)),
            "W_x": dW_x,
            "W_h": dW_h,
            "b": db,
            "W_o": dW_o,
            "b_o": db_o,
        }
        return loss, gradients, (states[lengths, np.arange(len(lengths))],)

    def _read(self, inputs: npt.NDArray, state: State | None) -> tuple[npt.NDArray, npt.NDArray]:
        """inputs (B, T) -> the vectors that are read (T, B, D), all states (T+1, B, H)."""
        p = self.parameters
        (h,) = self.initial_state(len(inputs)) if state is None else state
        if h.shape != (len(inputs), self.config.hidden):
            raise InputError(
                f"a state of shape {h.shape} does not fit {len(inputs)} rows of a model with "
                f"{self.config.hidden} hidden units."
            )
        x = embedding(inputs.T, p["embedding"])  # (T, B, D)
        return x, unroll(x, h, p["W_x"], p["W_h"], p["b"], self.config.activation)
