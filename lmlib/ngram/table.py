"""Finding an n-gram's number: for millions at once, or for one in a microsecond.

A hash table with open addressing, laid out in a NumPy array. The same array serves both ways:
NumPy reads it for a whole batch, and plain Python, through a memoryview, for a single sentence
(`NgramLM`), which is over before NumPy would have begun.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lmlib.ngram.counting import Ints, SmallInts, join_keys

MIX = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: spreads neighbouring keys (Knuth)
FREE = -1  # no key is negative


class KeyIndex:
    """From keys to their positions: a hash table that is built once and only read.

    Parameters
    ----------
    keys : (n,) int
        Different from each other, none negative.
    """

    def __init__(self, keys: Ints) -> None:
        bits = max(3, (2 * keys.size).bit_length())  # a quarter to half of the slots are taken
        self.mask = (1 << bits) - 1
        self.shift = 64 - bits
        slots = np.full((1 << bits, 2), FREE, np.int64)  # a key and its position, side by side
        slot = self._home(keys)
        pending = np.arange(keys.size)
        while pending.size:
            free = slots[slot, 0] == FREE
            slots[slot[free], 0] = keys[pending[free]]  # of several, the last one stays
            lost = slots[slot, 0] != keys[pending]
            slots[slot[~lost], 1] = pending[~lost]
            pending = pending[lost]
            slot = (slot[lost] + 1) & self.mask
        self.slots = slots.reshape(-1)

    def _home(self, keys: Ints) -> Ints:
        return ((keys.view(np.uint64) * np.uint64(MIX)) >> np.uint64(self.shift)).view(np.int64)

    def find(self, keys: Ints) -> Ints:
        """(n,) keys to (n,) positions, -1 for a key that is not there."""
        slot = self._home(keys)
        there = self.slots.take(2 * slot)
        found = self.slots.take(2 * slot + 1)
        astray = np.flatnonzero(there != keys)
        found[astray] = -1
        astray = astray[there.take(astray) != FREE]  # another key sits there: look further on
        slot, keys = slot.take(astray), keys.take(astray)
        while astray.size:
            slot = (slot + 1) & self.mask
            there = self.slots.take(2 * slot)
            hit = there == keys
            found[astray[hit]] = self.slots.take(2 * slot[hit] + 1)
            on = ~hit & (there != FREE)
            astray, slot, keys = astray[on], slot[on], keys[on]
        return found


class NgramTable:
    """The n-grams that a model stores, numbered as in `NgramCounts`.

    Parameters
    ----------
    words, starts
        By order, as in `NgramCounts`.
    """

    def __init__(self, words: Sequence[SmallInts], starts: Sequence[Ints]) -> None:
        self.words = list(words)
        self.starts = list(starts)

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return len(self.words) - 1

    def contexts(self, order: int) -> Ints:
        """(n_k,): the number of the context of each n-gram of this order."""
        return np.repeat(np.arange(self.starts[order].size - 1), np.diff(self.starts[order]))

    @cached_property
    def indexes(self) -> list[KeyIndex]:
        """By order (from 2): key of (context, word) to number. Built when first needed."""
        nothing = KeyIndex(np.zeros(0, np.int64))
        return [nothing, nothing] + [
            KeyIndex(join_keys(self.contexts(order), self.words[order]))
            for order in range(2, self.order + 1)
        ]

    def find(self, order: int, contexts: npt.NDArray, words: npt.NDArray) -> Ints:
        """Number of each n-gram, given its context's number (-1: none) and last word; -1: none."""
        found = np.full(contexts.shape, -1, np.int64)
        possible = np.flatnonzero(contexts.reshape(-1) >= 0)
        keys = join_keys(contexts.reshape(-1)[possible], words.reshape(-1)[possible])
        found.reshape(-1)[possible] = self.indexes[order].find(keys)
        return found

    def spell(self, order: int) -> Ints:
        """(n_k, k): the tokens of every n-gram of this order."""
        tokens = np.empty((self.words[order].size, order), np.int64)
        number = np.arange(self.words[order].size)
        for k in range(order, 1, -1):
            tokens[:, k - 1] = self.words[k][number]
            number = self.contexts(k)[number]
        tokens[:, 0] = number
        return tokens

    def numbers_along(self, tokens: npt.NDArray, depth: npt.NDArray) -> list[Ints]:
        """Number the n-grams that end at each position of some rows of text.

        Parameters
        ----------
        tokens : (B, L) int
        depth : (B, L) int
            How many tokens, this one included, can be looked back on; 0 where nothing stands.

        Returns
        -------
        list by order of (B, L), -1 where no such n-gram is stored.
        """
        numbers = [np.zeros(0, np.int64), np.where(depth > 0, tokens, -1)]
        for order in range(2, self.order + 1):
            ids = np.full(tokens.shape, -1, np.int64)
            contexts = np.where(depth[:, 1:] >= order, numbers[-1][:, :-1], -1)
            ids[:, 1:] = self.find(order, contexts, tokens[:, 1:])
            numbers.append(ids)
        return numbers
