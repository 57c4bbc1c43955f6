"""Counts agree with counting by hand, in every order and both units of text."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmlib.errors import InputError
from lmlib.ngram import count_ngrams
from lmlib.ngram.table import KeyIndex, NgramTable
from lmlib.text import TextFormat, Vocab, index_text

sentences = st.lists(st.text("abc", max_size=7), min_size=1, max_size=12)


@given(sentences, st.integers(1, 4), st.sampled_from(["sentence", "stream"]))
def test_counts_and_left_neighbours_equal_those_of_a_dictionary(
    lines: list[str], order: int, unit: str
) -> None:
    text = "\n".join(lines) + "\n"
    text_format = TextFormat("characters", unit)
    vocab, sequences = index_text(text, text_format)
    counts = count_ngrams(sequences, vocab, order, unit)
    table = NgramTable(counts.words, counts.starts)

    by_hand: Counter[tuple[int, ...]] = Counter()
    left: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
    for sequence in sequences:
        tokens = ([vocab.bos] if unit == "sentence" else []) + sequence.tolist()
        for end in range(1, len(tokens) + 1):
            for k in range(1, min(order, end) + 1):
                ngram = tuple(tokens[end - k : end])
                by_hand[ngram] += 1
                left[ngram].add(tokens[end - k - 1] if end > k else -1)
    del by_hand[(vocab.bos,)]  # read, never predicted

    for k in range(1, order + 1):
        ngrams = [tuple(row) for row in table.spell(k).tolist()]
        for ngram, count in zip(ngrams, counts.counts[k].tolist(), strict=True):
            assert by_hand[ngram] == count
        assert {n for n in by_hand if len(n) == k} <= set(ngrams)
        if k == order:
            continue
        for ngram, types in zip(ngrams, counts.left_types[k].tolist(), strict=True):
            if ngram[0] == vocab.bos:
                assert types == by_hand[ngram]
            else:
                assert types == len(left[ngram])


@given(st.lists(st.integers(0, 2**53), unique=True, max_size=300), st.data())
def test_the_index_finds_every_key_and_no_other(keys: list[int], data: st.DataObject) -> None:
    index = KeyIndex(np.array(keys, np.int64))
    others = data.draw(st.lists(st.integers(0, 2**53), max_size=50))
    asked = np.array(keys + others, np.int64)
    expected = [keys.index(key) if key in keys else -1 for key in asked.tolist()]
    assert index.find(asked).tolist() == expected


def test_order_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="order=0"):
        count_ngrams([np.array([3])], Vocab(("<unk>", "<bos>", "<eos>", "a")), 0)


def test_nothing_to_count_is_refused() -> None:
    with pytest.raises(InputError, match="no token"):
        count_ngrams([], Vocab(("<unk>", "<bos>", "<eos>")), 2)
