"""The n-gram language model: its state is the last n-1 tokens, its step a look into a table."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError
from lmlib.language_model import Array, LanguageModel, State
from lmlib.ngram.counting import NgramCounts, count_ngrams, join_keys
from lmlib.ngram.estimators import Estimates, Estimator, Interpolated, ModifiedKneserNey
from lmlib.ngram.table import FREE, MIX, NgramTable
from lmlib.text import (
    TextFormat,
    TokenIds,
    Vocab,
    encode_text,
    index_text,
    predictable_tokens,
)

_NOTHING = -1  # in a state: no token was read here
_FEW = 64  # so many tokens are scored one by one, faster than NumPy can be called
_LOW_64 = (1 << 64) - 1


class _Views(NamedTuple):
    """Memoryviews of a model's tables."""

    logprobs: memoryview
    lowest: memoryview
    orders: list[tuple[memoryview, int, int, memoryview, memoryview]]


class NgramLM(LanguageModel):
    """An n-gram model as two tables: probabilities of n-grams, and backoff weights of contexts.

    With h the last n-1 tokens and h' the same without the first of them,

        P(w | h) = p(h w)  if h w is stored,  else  b(h) P(w | h')

    Each estimator of `lmlib.ngram.estimators` fills these tables, and so does an ARPA file.

    Parameters
    ----------
    table
        Which n-grams are stored.
    estimates
        Their probabilities and backoff weights.
    """

    kind: ClassVar[str] = "ngram"

    def __init__(
        self, table: NgramTable, estimates: Estimates, vocab: Vocab, text_format: TextFormat
    ) -> None:
        self.table = table
        self.logprobs = estimates.logprobs
        self.backoffs = estimates.backoffs
        self.unseen_context = estimates.unseen_context
        self.chained = estimates.chained
        self.normalised = estimates.normalised
        self.summary = estimates.summary
        self.vocab = vocab
        self.text_format = text_format
        self.order = table.order
        self.context_length = self.order - 1
        self.codebooks: list[npt.NDArray] | None = None  # see `lmlib.ngram.compression.quantise`
        predictable = predictable_tokens(vocab, text_format.unit)
        self._uniform = -math.log(predictable.sum())
        self._lowest = np.where(predictable, self._uniform, -math.inf)  # (V,)

    @classmethod
    def from_counts(
        cls, counts: NgramCounts, smoothing: Estimator, text_format: TextFormat
    ) -> "NgramLM":
        """Smooth counts; the same counts serve any number of smoothings."""
        estimates = smoothing.estimate(counts)
        estimates.summary = {"smoothing": smoothing.name, **estimates.summary}
        table = NgramTable(counts.words, counts.starts)
        return cls(table, estimates, counts.vocab, text_format)

    @property
    def ngrams_by_order(self) -> list[int]:
        """How many n-grams are stored, by order from 1."""
        return [row.size for row in self.logprobs[1:]]

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, as they are stored."""
        return sum(array.nbytes for array in self.arrays().values())

    # ------------------------------------------------------------ the contract

    def initial_state(self, batch_size: int) -> State:
        """(B, n-1) tokens, all of them missing."""
        return (np.full((batch_size, self.order - 1), _NOTHING, np.int64),)

    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        """Read a token a row; look up what followed the last n-1, shortest context first."""
        (context,) = state
        context = self._read(context, np.asarray(tokens))  # (B, n-1)
        numbers = self.table.numbers_along(context, self._depth(context))
        logprobs = np.empty((len(context), len(self.vocab)))  # (B, V)
        for b, row in enumerate(logprobs):
            row[:] = self.logprobs[1]
            known = int(np.count_nonzero(context[b] != _NOTHING))
            for order in range(2, known + 2):
                if not self.chained:
                    row[:] = self._lowest
                number = int(numbers[order - 1][b, -1])
                if number < 0:
                    row += self.unseen_context
                    continue
                row += self.backoffs[order - 1][number]
                seen = slice(*self.table.starts[order][number : number + 2])
                row[self.table.words[order][seen]] = self.logprobs[order][seen]
        return logprobs, (context,)

    def token_logprobs(
        self, inputs: npt.ArrayLike, targets: npt.ArrayLike, state: State | None = None
    ) -> tuple[Array, State]:
        """As the contract says; a few tokens one by one, many at once."""
        inputs, targets = np.asarray(inputs), np.asarray(targets)
        state = self.initial_state(len(targets)) if state is None else state
        if 0 < targets.size <= _FEW and len(targets) == 1:
            scored = self._score_one_row(inputs[0].tolist(), targets[0].tolist(), state)
            if scored is not None:
                return scored
        lengths = np.count_nonzero(targets >= 0, axis=1)
        real = np.arange(targets.shape[1]) < lengths[:, None]
        follows = (inputs[:, 1:] == targets[:, :-1]) & (inputs[:, 1:] != self.vocab.bos)
        if not ((targets >= 0) == real).all() or not (follows | ~real[:, 1:]).all():
            return super().token_logprobs(inputs, targets, state)
        if not targets.size:
            return np.zeros(targets.shape), state
        (context,) = state
        context = np.where(lengths[:, None] > 0, self._read(context, inputs[:, 0]), context)
        logprobs = np.where(real, self._score_many(context, targets), 0.0)
        return logprobs, (_slide(context, targets, lengths),)

    def logprobs_after(self, contexts: npt.NDArray, words: npt.NDArray) -> Array:
        """ln P(word | context) for many contexts of the same length.

        Parameters
        ----------
        contexts : (N, L) int
            L ≤ n-1 tokens each, the nearest one last.
        words : (N,) int

        Returns
        -------
        (N,)
        """
        padded = np.full((len(contexts), self.order - 1), _NOTHING, np.int64)
        padded[:, self.order - 1 - contexts.shape[1] :] = contexts
        return self._score_many(padded, words[:, None])[:, 0]

    # ------------------------------------------------------------ how

    def _read(self, context: npt.NDArray, tokens: npt.NDArray) -> npt.NDArray:
        """Slide each context by one token; ``<bos>`` begins anew."""
        if self.order == 1:
            return context
        context = np.concatenate([context[:, 1:], tokens[:, None]], axis=1)
        begins = tokens == self.vocab.bos
        if begins.any():
            context[begins, :-1] = _NOTHING
            if self.text_format.unit == "stream":
                context[begins, -1] = _NOTHING
        return context

    @staticmethod
    def _depth(context: npt.NDArray) -> npt.NDArray:
        """(B, L): how many tokens, itself included, stand up to each position; 0 for none."""
        return np.cumsum(context != _NOTHING, axis=1)

    def _score_many(self, context: npt.NDArray, targets: npt.NDArray) -> Array:
        """context (B, n-1), targets (B, T) -> (B, T); whatever for targets of -1.

        For each order, only the places whose context of that order is stored are looked at: first
        nearly all, then fewer and fewer. (Rows lie end to end: an n-gram that reached over from one
        row into the targets of the next would be longer than n.)
        """
        rows, width = context.shape
        tokens = np.concatenate([context, targets], axis=1)  # (B, n-1+T)
        flat = tokens.reshape(-1)  # (B (n-1+T),)
        follows = np.append(flat >= 0, False)  # is there a token at this place?
        logprobs = self.logprobs[1][flat]
        places = np.flatnonzero(follows[1:-1] & (flat[:-1] >= 0)) + 1  # where to look
        contexts = flat.take(places - 1)  # and the number of the context there
        depth = None
        if self.unseen_context or not self.chained:
            depth = self._depth(tokens).reshape(-1)
        for order in range(2, self.order + 1):
            if depth is not None:
                reached = np.flatnonzero(depth >= order)
                base = logprobs[reached] if self.chained else self._lowest[flat[reached]]
                before = logprobs[places] if self.chained else self._lowest[flat[places]]
                logprobs[reached] = base + self.unseen_context
            else:
                before = logprobs.take(places)
            found = self.table.indexes[order].find(join_keys(contexts, flat.take(places)))
            hit = np.flatnonzero(found >= 0)
            found = found.take(hit)
            scores = before + self.backoffs[order - 1].take(contexts)
            scores[hit] = self.logprobs[order].take(found)
            logprobs[places] = scores
            places = places.take(hit) + 1
            onward = follows.take(places)
            places, contexts = places[onward], found[onward]
        return logprobs.reshape(rows, -1)[:, width:]

    def _score_one_row(
        self, inputs: list[int], targets: list[int], state: State
    ) -> tuple[Array, State] | None:
        """The same for a sentence or so, in plain Python; None if its shape is not that simple."""
        if inputs[1:] != targets[:-1] or min(targets) < 0 or self.vocab.bos in inputs[1:]:
            return None
        (context,) = state
        known = [token for token in context[0].tolist() if token != _NOTHING]
        if inputs[0] == self.vocab.bos:
            known = []
        if inputs[0] != self.vocab.bos or self.text_format.unit == "sentence":
            known.append(inputs[0])
        known = known[-self.order + 1 :] if self.order > 1 else []
        logprobs, lowest, orders = self._views
        chained, mix, low_64, free = self.chained, MIX, _LOW_64, FREE
        before: list[int] = []  # numbers of the n-grams of 1, 2, … tokens ending before the target
        scores: list[float] = []
        for token in known + targets:
            total: float = logprobs[token]
            here = [token]
            for number, (slots, shift, mask, seen, unseen) in zip(before, orders, strict=False):
                if not chained:
                    total = lowest[token]
                if number < 0:
                    total += self.unseen_context
                    here.append(-1)
                    continue
                key = number << 32 | token
                place = (key * mix & low_64) >> shift << 1  # as in `KeyIndex`, without a call
                while (there := slots[place]) != key:
                    if there == free:
                        total += unseen[number]
                        here.append(-1)
                        break
                    place = (place + 2) & mask
                else:
                    found = slots[place + 1]
                    total = seen[found]
                    here.append(found)
            scores.append(total)
            before = here
        read = (known + targets)[:-1][-self.order + 1 :] if self.order > 1 else []
        moved = [_NOTHING] * (self.order - 1 - len(read)) + read
        return np.array([scores[len(known) :]]), (np.array([moved], np.int64),)

    @cached_property
    def _views(self) -> "_Views":
        """The tables as plain Python reads them fastest."""
        orders = []
        for order in range(2, self.order + 1):
            index = self.table.indexes[order]
            where = (index.slots.data, index.shift, 2 * index.mask + 1)
            orders.append((*where, self.logprobs[order].data, self.backoffs[order - 1].data))
        return _Views(self.logprobs[1].data, self._lowest.data, orders)

    # ------------------------------------------------------------ storage

    def stored_config(self) -> dict[str, Any]:
        """What `lmlib.storage` writes as JSON."""
        return {
            "order": self.order,
            "unseen_context": None if math.isnan(self.unseen_context) else self.unseen_context,
            "chained": self.chained,
            "normalised": self.normalised,
            "quantised": self.codebooks is not None,
            "summary": self.summary,
        }

    def arrays(self) -> dict[str, npt.NDArray]:
        """What `lmlib.storage` writes as arrays."""
        arrays: dict[str, npt.NDArray] = {"logprobs.1": self.logprobs[1]}
        for order in range(2, self.order + 1):
            arrays[f"words.{order}"] = self.table.words[order]
            arrays[f"starts.{order}"] = self.table.starts[order]
            if self.codebooks is None:
                arrays[f"logprobs.{order}"] = self.logprobs[order]
            else:
                codes = np.searchsorted(self.codebooks[order], self.logprobs[order])
                small = np.uint8 if self.codebooks[order].size <= 256 else np.uint16
                arrays[f"codes.{order}"] = codes.astype(small)
                arrays[f"codebook.{order}"] = self.codebooks[order]
            arrays[f"backoffs.{order - 1}"] = self.backoffs[order - 1]
        return arrays

    @classmethod
    def from_parts(
        cls,
        config: dict[str, Any],
        arrays: dict[str, npt.NDArray],
        vocab: Vocab,
        text_format: TextFormat,
    ) -> "NgramLM":
        """The reverse of `config` and `arrays`.

        Raises
        ------
        InputError
            If the arrays do not belong together.
        """
        order = config["order"]
        nothing = np.zeros(0)
        words = [nothing.astype(np.int32), np.arange(len(vocab), dtype=np.int32)]
        starts = [nothing.astype(np.int64)] * 2
        logprobs, backoffs = [nothing], [nothing]
        size = len(vocab)
        codebooks = [nothing, nothing]
        for k in range(1, order + 1):
            if k > 1:
                words.append(_array(arrays, f"words.{k}", np.int32))
                starts.append(_array(arrays, f"starts.{k}", np.int64, size + 1))
                backoffs.append(_array(arrays, f"backoffs.{k - 1}", np.float64, size))
                size = words[k].size
                _check_table(words[k], starts[k], len(vocab), k)
            if k > 1 and config["quantised"]:
                codebook = _array(arrays, f"codebook.{k}", np.float64)
                codes = _array(arrays, f"codes.{k}", (np.uint8, np.uint16), size)
                if codes.max(initial=0) >= max(codebook.size, 1):
                    raise InputError(f"codes.{k} points outside its codebook; train it again.")
                codebooks.append(codebook)
                logprobs.append(codebook[codes])
            else:
                logprobs.append(_array(arrays, f"logprobs.{k}", np.float64, size))
        unseen = config["unseen_context"]
        estimates = Estimates(
            logprobs,
            backoffs,
            math.nan if unseen is None else unseen,
            config["chained"],
            config["normalised"],
            config["summary"],
        )
        model = cls(NgramTable(words, starts), estimates, vocab, text_format)
        if config["quantised"]:
            model.codebooks = codebooks
        return model


def _array(
    arrays: dict[str, npt.NDArray],
    name: str,
    dtypes: type | tuple[type, ...],
    size: int | None = None,
) -> npt.NDArray:
    if name not in arrays:
        raise InputError(f"the array {name} is missing; the model is incomplete: train it again.")
    array = arrays[name]
    allowed = dtypes if isinstance(dtypes, tuple) else (dtypes,)
    if array.dtype not in allowed or array.ndim != 1 or (size is not None and array.size != size):
        raise InputError(
            f"the array {name} has shape {array.shape} and type {array.dtype}, where "
            f"{'any' if size is None else size} numbers of type {allowed[0].__name__} belong."
        )
    return array


def _check_table(words: npt.NDArray, starts: npt.NDArray, vocab_size: int, order: int) -> None:
    if starts[0] != 0 or starts[-1] != words.size or (np.diff(starts) < 0).any():
        raise InputError(f"starts.{order} does not divide the {words.size} n-grams of its order.")
    if words.size and not (words.min() >= 0 and words.max() < vocab_size):
        raise InputError(f"words.{order} names tokens outside the vocabulary of {vocab_size}.")


def _slide(context: npt.NDArray, targets: npt.NDArray, lengths: npt.NDArray) -> npt.NDArray:
    """The last n-1 tokens read, when all targets of a row but the last one were read too."""
    width = context.shape[1]
    tokens = np.concatenate([context, targets], axis=1)
    last = np.maximum(lengths - 1, 0)  # the last target of a row was predicted, not read
    return np.take_along_axis(tokens, last[:, None] + np.arange(width), axis=1)


# ---------------------------------------------------------------- training


def _learn_weights(
    sequences: Sequence[TokenIds],
    vocab: Vocab,
    order: int,
    text_format: TextFormat,
    valid: str | None,
    progress: Callable[[str], None] | None,
) -> Interpolated:
    """Give `Interpolated` what it learns its weights from."""
    if valid is not None:
        return Interpolated(held_out=encode_text(valid, text_format, vocab))
    if text_format.unit == "stream":
        cut = sequences[0].size * 9 // 10
        first, last = [sequences[0][:cut]], [sequences[0][cut:]]
    else:
        cut = len(sequences) * 9 // 10
        first, last = list(sequences[:cut]), list(sequences[cut:])
    if not any(map(len, first)) or not any(map(len, last)):
        raise InputError(
            "interpolation learns its weights from held-out text, and this text is too short to "
            "hold a tenth of it out: give more, or a validation text of its own."
        )
    if progress:
        progress("holding out the last tenth for the weights")
    counted = count_ngrams(first, vocab, order, text_format.unit)
    return Interpolated(weights=Interpolated(held_out=last).fit(counted))


def train_ngram(
    text: str,
    order: int = 3,
    smoothing: Estimator | None = None,
    text_format: TextFormat | None = None,
    *,
    vocab: Vocab | None = None,
    valid: str | None = None,
    min_count: int = 1,
    max_size: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> NgramLM:
    """Train an n-gram model on a raw text.

    Parameters
    ----------
    text
    order
        n: a prediction depends on n-1 tokens.
    smoothing
        An estimator; by default `ModifiedKneserNey()`.
    text_format
        How the text is read; by default words, a sentence a line.
    vocab
        By default every token of the text that occurs ``min_count`` times, at most ``max_size``.
    valid
        Text from which `Interpolated` learns its weights; without it the last tenth of the
        sequences is held out for that, and counted again afterwards.
    progress
        Called with a few words as the work goes on.

    Raises
    ------
    InputError
        If the text is empty, the order below 1, or the smoothing cannot be estimated.

    Examples
    --------
    >>> from lmlib.ngram import MLE
    >>> model = train_ngram("a b\\na c\\n", order=2, smoothing=MLE())
    >>> logprobs, _ = model.step([model.vocab["a"]], model.initial_state(1))
    >>> round(float(np.exp(logprobs[0, model.vocab["b"]])), 6)
    0.5
    """
    smoothing = smoothing or ModifiedKneserNey()
    text_format = text_format or TextFormat()
    if order < 1:
        raise InputError(f"order={order}: an n-gram has at least one token; give order 1 or more.")
    if progress:
        progress("reading the text")
    if vocab is None:
        vocab, sequences = index_text(text, text_format, min_count, max_size)
    else:
        sequences = encode_text(text, text_format, vocab)
        flat = np.concatenate(sequences) if sequences else np.zeros(0, np.int64)
        counts = np.bincount(flat, minlength=len(vocab))
        counts[vocab.eos] = 0
        vocab = Vocab(vocab.tokens, counts)
    if isinstance(smoothing, Interpolated) and smoothing.weights is None and not smoothing.held_out:
        smoothing = _learn_weights(sequences, vocab, order, text_format, valid, progress)
    counted = count_ngrams(sequences, vocab, order, text_format.unit, progress)
    del sequences
    if progress:
        progress("estimating")
    return NgramLM.from_counts(counted, smoothing, text_format)
