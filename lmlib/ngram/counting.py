"""Counting n-grams of every order at once, in NumPy.

Each n-gram of order k gets a dense number. It is found from two numbers: that of its context (its
first k-1 tokens, an n-gram of order k-1) and its last token. So one sort per order counts them all,
and nothing is ever compared token by token.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError
from lmlib.text import TokenIds, Vocab, predictable_tokens

Ints = npt.NDArray[np.int64]
SmallInts = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

WORD_BITS = 32


def join_keys(contexts: npt.NDArray, words: npt.NDArray) -> Ints:
    """One number for (context, word): the context's number in the high bits."""
    return (contexts.astype(np.int64) << WORD_BITS) | words


@dataclass(frozen=True)
class NgramCounts:
    """All n-grams of a text, up to ``order``.

    The n-grams of order k are sorted by context, then by word, and numbered in that order, so the
    words seen after context ``c`` are ``words[k][starts[k][c] : starts[k][c + 1]]``. Those of
    order 1 are the vocabulary itself, seen or not. Each list is indexed by the order (entry 0 is
    empty).

    Attributes
    ----------
    words : (n_k,)
        The last token of each n-gram.
    contexts : (n_k,), from order 2
        The number, in order k-1, of the n-gram without its last token.
    starts : (n_{k-1} + 1,), from order 2
        Where the n-grams of each context begin.
    suffixes : (n_k,), from order 2
        The number, in order k-1, of the n-gram without its first token.
    counts : (n_k,)
        How often each occurs. ``<bos>`` is never predicted, so its own count is 0.
    left_types : (n_k,), below the highest order
        How many different tokens stand before it. For an n-gram that begins a sentence (with
        ``<bos>``), before which nothing can stand, its count.
    last : int, below the highest order
        The n-gram that KenLM's sort puts last (see `_last_by_suffix`), or -1.
    """

    order: int
    vocab: Vocab
    unit: str
    words: list[SmallInts]
    contexts: list[SmallInts]
    starts: list[Ints]
    suffixes: list[SmallInts]
    counts: list[Ints]
    left_types: list[Ints]
    last: list[int]

    def sum_by_context(self, order: int, values: npt.NDArray) -> npt.NDArray[np.float64]:
        """(n_{k-1},): the sum of ``values`` (n_k,) over the words seen after each context."""
        sums = np.bincount(self.contexts[order], values, self.starts[order].size - 1)
        return sums.astype(np.float64, copy=False)

    @property
    def predictable(self) -> Mask:
        """(V,): the tokens that can come next: not ``<bos>``, and no ``<eos>`` in a stream."""
        return predictable_tokens(self.vocab, self.unit)


def count_ngrams(
    sequences: Sequence[TokenIds],
    vocab: Vocab,
    order: int,
    unit: str = "sentence",
    progress: Callable[[str], None] | None = None,
) -> NgramCounts:
    """Count the n-grams of all orders up to ``order``.

    Parameters
    ----------
    sequences
        Arrays of token numbers. Sentences end in ``<eos>``; ``<bos>`` is put before each, once,
        whatever the order. A stream gets neither.
    progress
        Called with a few words before each order.

    Raises
    ------
    InputError
        If ``order`` is below 1 or there is nothing to count.
    """
    if order < 1:
        raise InputError(f"order={order}: an n-gram has at least one token; give order 1 or more.")
    if not any(len(sequence) for sequence in sequences):
        raise InputError("there is no token to count in this text.")
    sentence = unit == "sentence"
    tokens, depth = lay_out(sequences, vocab.bos if sentence else None)
    size = len(vocab)
    unigrams = np.bincount(tokens[depth >= (1 if sentence else 0)], minlength=size)
    none = np.zeros(0, np.int64)
    words = [none.astype(np.int32), np.arange(size, dtype=np.int32)]
    contexts = [none.astype(np.int32), none.astype(np.int32)]
    starts = [none, none]
    suffixes = [none.astype(np.int32), none.astype(np.int32)]
    counts = [none, unigrams]
    left_types = [none]
    last = [-1]
    end_of_last = _last_by_suffix(tokens, depth, order, vocab)
    begins_sentence = np.arange(size) == vocab.bos if sentence else np.zeros(size, bool)  # (n_k,)
    ids: npt.NDArray = tokens  # (N,): the number of the (k-1)-gram that ends at each position

    for k in range(2, order + 1):
        if progress:
            progress(f"counting {k}-grams")
        ends = np.flatnonzero(depth >= k - 1).astype(np.int32)  # where a k-gram can end
        keys = join_keys(ids[ends - 1], tokens[ends])
        keys, number, seen = np.unique(keys, return_inverse=True, return_counts=True)
        inverse = number.astype(np.int32).reshape(-1)
        context = (keys >> WORD_BITS).astype(np.int32)
        suffix = np.empty(keys.size, np.int32)
        suffix[inverse] = ids[ends]
        left = np.bincount(suffix, minlength=words[-1].size)
        if sentence:
            left = np.where(begins_sentence, counts[-1], left)
        else:  # the beginning of the stream is one more thing that can stand on the left
            left[np.unique(ids[depth == k - 2])] += 1
        left_types.append(left)
        last.append(int(ids[end_of_last]))
        words.append((keys & ((1 << WORD_BITS) - 1)).astype(np.int32))
        starts.append(np.concatenate(([0], np.cumsum(np.bincount(context, minlength=left.size)))))
        contexts.append(context)
        suffixes.append(suffix)
        counts.append(seen)
        begins_sentence = begins_sentence[context]
        del keys, context, suffix, left
        if k < order:
            ids = np.full(tokens.size, -1, np.int32)
            ids[ends] = inverse
        del number, inverse
    left_types.append(none)
    return NgramCounts(
        order, vocab, unit, words, contexts, starts, suffixes, counts, left_types, last
    )


def lay_out(sequences: Sequence[TokenIds], bos: int | None) -> tuple[SmallInts, SmallInts]:
    """All sequences in one row, and for each token how many stand before it in its sequence."""
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    offset = 0 if bos is None else 1
    ends = np.cumsum(lengths + offset)
    tokens = np.full(ends[-1], -1 if bos is None else bos, np.int32)
    starts = ends - lengths - offset
    depth: SmallInts = (np.arange(tokens.size) - np.repeat(starts, lengths + offset)).astype(
        np.int32
    )
    tokens[depth >= offset] = np.concatenate(sequences)
    return tokens, depth


def _last_by_suffix(tokens: SmallInts, depth: SmallInts, order: int, vocab: Vocab) -> int:
    """Where the n-gram ends that is last when n-grams are sorted by their last token, then by the
    one before it, and so on, tokens being numbered as the text first uses them.

    Nothing in the theory asks for it. KenLM walks through its n-grams in this order and, when it
    counts how many occur once, twice, …, takes for the very last one its plain count. Its
    discounts, and so its probabilities, are matched to the last digit only by doing the same.
    """
    first_use = np.full(len(vocab), tokens.size)
    first_use[tokens[::-1]] = np.arange(tokens.size)[::-1]
    first_use[vocab.eos], first_use[vocab.bos] = -1, -2
    ends = np.flatnonzero(depth >= (tokens[0] == vocab.bos))
    for back in range(order):
        inside = depth[ends] >= back
        rank = np.where(inside, first_use[tokens[ends - np.minimum(back, depth[ends])]], -2)
        ends = ends[rank == rank.max()]
    return int(ends[0])
