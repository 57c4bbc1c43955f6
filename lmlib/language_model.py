"""The one contract: a language model is a state and a step.

Everything that asks a model something (perplexity, ranking, and in `lmlib.decoding` generation
and beam search) is written once, against this contract.
"""

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmlib.batching import padded_batch
from lmlib.errors import InputError
from lmlib.text import TextFormat, TokenIds, Vocab

Array = npt.NDArray[np.float64]
State = tuple[npt.NDArray, ...]
"""A tuple of arrays, batch axis first in each."""


def select(state: State, rows: npt.ArrayLike) -> State:
    """Gather rows of a state: keep some, repeat some, reorder them."""
    rows = np.asarray(rows)
    return tuple(array[rows] for array in state)


class LanguageModel(ABC):
    """P(next token | everything read so far).

    The job of a model is to summarise what it has read in a *state* and to say, from that state
    alone, how probable each token of the vocabulary is as the next one:

        h_t = step(x_t, h_{t-1});   P(x_{t+1} | x_1 … x_t) = P(x_{t+1} | h_t)

    ``<bos>`` is read first, so T tokens get T probabilities. ``<bos>`` itself is never predicted.

    Attributes
    ----------
    vocab, text_format
        The tokens it knows, and how a raw text becomes tokens.
    context_length : int or None
        How many tokens a prediction can depend on; None where there is no bound.
    max_positions : int or None
        How many steps the model can take at all; None where there is no bound.
    normalised : bool
        False where the numbers do not sum to one; what is computed from them is no perplexity.
    """

    vocab: Vocab
    text_format: TextFormat
    context_length: int | None = None
    max_positions: int | None = None
    normalised: bool = True

    @abstractmethod
    def initial_state(self, batch_size: int) -> State:
        """The state of ``batch_size`` rows that have read nothing yet."""

    @abstractmethod
    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        """Read one token a row and predict the next.

        Parameters
        ----------
        tokens : (B,) int
        state
            Never changed.

        Returns
        -------
        logprobs : (B, V)
            Natural logarithms.
        state
            The state after reading.
        """

    def token_logprobs(
        self, inputs: npt.ArrayLike, targets: npt.ArrayLike, state: State | None = None
    ) -> tuple[Array, State]:
        """Read ``inputs`` and say how probable each target was.

        Parameters
        ----------
        inputs, targets : (B, T) int
            ``targets[b, t]`` is what follows ``inputs[b, t]``. A target of -1 is padding: it
            gets 0, and the state of its row does not move.
        state
            Where the rows stand; by default they have read nothing.

        Returns
        -------
        logprobs : (B, T)
        state
        """
        inputs, targets = np.asarray(inputs), np.asarray(targets)
        rows, length = targets.shape
        state = self.initial_state(rows) if state is None else state
        logprobs = np.zeros((rows, length))
        for t in range(length):
            real = targets[:, t] >= 0  # (B,)
            if not real.any():
                continue
            row = np.flatnonzero(real)
            predicted, moved = self.step(inputs[row, t], select(state, row))
            logprobs[row, t] = predicted[np.arange(row.size), targets[row, t]]
            state = tuple(_put(old, row, new) for old, new in zip(state, moved, strict=True))
        return logprobs, state


def _put(old: npt.NDArray, rows: npt.NDArray, new: npt.NDArray) -> npt.NDArray:
    result = old.copy()
    result[rows] = new
    return result


# ---------------------------------------------------------------- scoring

_BATCH_TOKENS = 1 << 16  # tokens scored at once: enough for NumPy to be at its best


def sequence_logprobs(model: LanguageModel, sequences: Sequence[TokenIds]) -> list[Array]:
    """Score whole sequences: ln P of every token given all before it.

    Short sequences are scored side by side, long ones piece by piece with the state carried.

    Parameters
    ----------
    sequences
        Arrays of token numbers, with ``<eos>`` at the end of a sentence and no ``<bos>``.

    Returns
    -------
    list of (T,) arrays, in the order given.
    """
    scores: list[Array] = [np.zeros(0)] * len(sequences)
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    order = np.argsort(lengths, kind="stable")
    first = int(np.searchsorted(lengths[order], 1))  # empty sequences have nothing to score
    while first < order.size:
        rows = 1
        while (
            first + rows < order.size and (rows + 1) * lengths[order[first + rows]] <= _BATCH_TOKENS
        ):
            rows += 1
        batch = order[first : first + rows]
        inputs, targets = padded_batch([sequences[i] for i in batch], model.vocab.bos)
        state = model.initial_state(rows)
        pieces = []
        for start in range(0, inputs.shape[1], _BATCH_TOKENS):
            piece = slice(start, start + _BATCH_TOKENS)
            logprobs, state = model.token_logprobs(inputs[:, piece], targets[:, piece], state)
            pieces.append(logprobs)
        scored = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)
        for row, i in enumerate(batch.tolist()):
            scores[i] = scored[row, : lengths[i]]
        first += rows
    return scores


@dataclass(frozen=True)
class Score:
    """How well a model predicts a text.

    Attributes
    ----------
    logprob_known, logprob_oov : float
        ln P of the tokens in the vocabulary; of those outside it, which were scored as ``<unk>``.
    tokens, oov, sequences, characters : int
        What was counted; ``<eos>`` is a token, ``<bos>`` is not; newlines are characters.
    impossible, undefined : int
        Tokens of probability zero, and tokens whose context the model has no estimate for (0/0,
        maximum likelihood alone).
    normalised : bool
        Whether the model's numbers sum to one; if not, no figure here is a perplexity.
    """

    logprob_known: float
    logprob_oov: float
    tokens: int
    oov: int
    sequences: int
    characters: int
    impossible: int
    undefined: int
    normalised: bool

    @property
    def logprob(self) -> float:
        """ln P of the whole text."""
        return self.logprob_known + self.logprob_oov

    @property
    def nats_per_token(self) -> float:
        """Mean of -ln P over all tokens: the cross-entropy."""
        return -self.logprob / self.tokens

    @property
    def bits_per_token(self) -> float:
        """The same in bits."""
        return self.nats_per_token / math.log(2)

    @property
    def bits_per_character(self) -> float:
        """Total bits over the characters of the raw text: comparable across kinds of token."""
        return -self.logprob / math.log(2) / self.characters

    @property
    def perplexity(self) -> float:
        """exp of the mean of -ln P over all tokens."""
        return _exp(self.nats_per_token)

    @property
    def perplexity_without_oov(self) -> float:
        """The same over the tokens that are in the vocabulary; NaN where there are none."""
        known = self.tokens - self.oov
        return _exp(-self.logprob_known / known) if known else math.nan


def _exp(x: float) -> float:
    return math.inf if x >= 700 else math.exp(x)  # NaN stays NaN


def score(model: LanguageModel, text: str) -> Score:
    """Score a raw text.

    Raises
    ------
    InputError
        If the text holds no token.
    """
    sequences, unknown = _encode_marking_unknown(model, model.text_format.split(text))
    characters = model.text_format.count_characters(text)
    if not sum(len(sequence) for sequence in sequences):
        raise InputError("there is no token to score in this text.")
    logprobs = np.concatenate(sequence_logprobs(model, sequences))
    mask = np.concatenate(unknown)
    return Score(
        logprob_known=float(logprobs[~mask].sum()),
        logprob_oov=float(logprobs[mask].sum()),
        tokens=logprobs.size,
        oov=int(mask.sum()),
        sequences=len(sequences),
        characters=characters,
        impossible=int(np.isneginf(logprobs).sum()),
        undefined=int(np.isnan(logprobs).sum()),
        normalised=model.normalised,
    )


def _encode_marking_unknown(
    model: LanguageModel, token_lists: Iterable[Sequence[str]]
) -> tuple[list[TokenIds], list[npt.NDArray[np.bool_]]]:
    sequences, unknown = [], []
    for tokens in token_lists:
        ids = model.vocab.encode_or_minus_one(tokens)
        if model.text_format.unit == "sentence":
            ids = np.append(ids, model.vocab.eos)
        mask = ids < 0
        ids[mask] = model.vocab.unk
        sequences.append(ids)
        unknown.append(mask)
    return sequences, unknown


def perplexity(model: LanguageModel, text: str) -> float:
    """exp of the mean of -ln P over all tokens of a raw text.

    Warns where the model's numbers do not sum to one, since then it is no perplexity.
    """
    if not model.normalised:
        warnings.warn(
            "this model's scores do not sum to one: the figure is no perplexity and must not be "
            "compared with one.",
            stacklevel=2,
        )
    return score(model, text).perplexity


@dataclass(frozen=True)
class Ranked:
    """A candidate and its joint probability."""

    text: str
    logprob: float
    tokens: int
    oov: int

    @property
    def nats_per_token(self) -> float:
        """Mean of -ln P: what is left of the joint probability when length is divided out."""
        return -self.logprob / self.tokens


def rank(model: LanguageModel, candidates: Sequence[str]) -> list[Ranked]:
    """Order candidate sentences by joint probability, the most probable first.

    Equal ones keep their order; those without an estimate (NaN) come last.
    """
    token_lists = [
        [token for tokens in model.text_format.split(text) for token in tokens]
        for text in candidates
    ]
    sequences, unknown = _encode_marking_unknown(model, token_lists)
    for text, sequence in zip(candidates, sequences, strict=True):
        if not len(sequence):
            raise InputError(f"the candidate {text!r} holds no token to score.")
    ranked = [
        Ranked(text, float(logprobs.sum()), len(logprobs), int(mask.sum()))
        for text, logprobs, mask in zip(
            candidates, sequence_logprobs(model, sequences), unknown, strict=True
        )
    ]
    return sorted(ranked, key=lambda r: (math.isnan(r.logprob), -r.logprob))
