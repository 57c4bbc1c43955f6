"""Batches: every token where it belongs, targets one step ahead, lanes that go on."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lmlib.batching import padded_batch, random_partition, sequential_partition
from lmlib.errors import InputError

# In these streams the token at position i is i + OFFSET, so a token says where it stood.
OFFSET = 100
sizes, batch_sizes, step_counts = st.integers(2, 60), st.integers(1, 5), st.integers(1, 9)
seeds = st.integers(0, 2**32 - 1)


def stream(size: int) -> np.ndarray:
    return np.arange(size) + OFFSET


# ---------------------------------------------------------------- sequential


@given(sizes, batch_sizes, step_counts, st.integers(0, 5))
def test_sequential_lanes_laid_end_to_end_are_the_stream(
    size: int, batch_size: int, steps: int, offset: int
) -> None:
    assume(size - offset > batch_size)
    batches = list(sequential_partition(stream(size), batch_size, steps, offset))
    inputs = np.concatenate([inputs for inputs, _ in batches], axis=1)  # (B, all the steps)
    used = inputs.reshape(-1)
    assert used.tolist() == stream(size)[offset : offset + used.size].tolist()
    # all but the very last token, which nothing follows, and at most B - 1 that do not divide
    assert 0 <= size - offset - 1 - used.size <= batch_size - 1


@given(sizes, batch_sizes, step_counts)
def test_sequential_rows_go_on_where_they_stopped(size: int, batch_size: int, steps: int) -> None:
    assume(size > batch_size)
    batches = list(sequential_partition(stream(size), batch_size, steps))
    for (_, before), (after, _) in pairwise(batches):
        assert before[:, -1].tolist() == after[:, 0].tolist()
    assert {inputs.shape for inputs, _ in batches[:-1]} <= {(batch_size, steps)}
    rows, width = batches[-1][0].shape
    assert rows == batch_size and 1 <= width <= steps


@given(sizes, batch_sizes, step_counts, seeds)
def test_targets_are_the_tokens_that_follow(
    size: int, batch_size: int, steps: int, seed: int
) -> None:
    assume(size > max(batch_size, steps))
    rng = np.random.default_rng(seed)
    for batches in (
        sequential_partition(stream(size), batch_size, steps),
        random_partition(stream(size), batch_size, steps, rng),
    ):
        for inputs, targets in batches:
            assert (targets == inputs + 1).all()
            assert inputs.shape == targets.shape


# ---------------------------------------------------------------- random


@given(sizes, batch_sizes, step_counts, seeds)
def test_random_pieces_are_contiguous_and_use_each_token_at_most_once(
    size: int, batch_size: int, steps: int, seed: int
) -> None:
    assume(size > steps)
    batches = list(random_partition(stream(size), batch_size, steps, np.random.default_rng(seed)))
    pieces = np.concatenate([inputs for inputs, _ in batches])  # (pieces, T)
    assert pieces.shape[1] == steps
    assert (np.diff(pieces, axis=1) == 1).all()
    assert np.unique(pieces).size == pieces.size
    # nothing is wasted but what lies before the first piece, and after the last one that fits
    assert pieces.min() - OFFSET < steps
    assert size - 1 - (pieces.max() - OFFSET) <= steps
    assert np.unique(pieces).size == pieces.max() - pieces.min() + 1
    assert {len(inputs) for inputs, _ in batches[:-1]} <= {batch_size}


def test_the_seed_decides_the_random_partition() -> None:
    def pieces(seed: int) -> list:
        rng = np.random.default_rng(seed)
        return [inputs.tolist() for inputs, _ in random_partition(stream(200), 4, 5, rng)]

    assert pieces(3) == pieces(3)
    assert pieces(3) != pieces(4)


def test_random_pieces_begin_anywhere_and_come_in_any_order() -> None:
    rng = np.random.default_rng(0)
    offsets, in_order = set(), 0
    for _ in range(60):
        starts = [int(x[0, 0]) - OFFSET for x, _ in random_partition(stream(40), 1, 5, rng)]
        offsets.add(min(starts))
        in_order += starts == sorted(starts)
    assert offsets == {0, 1, 2, 3, 4}
    assert in_order <= 1  # of 7! orders, one is sorted


@given(st.integers(1, 9), seeds)
def test_the_shortest_stream_gives_one_piece_whatever_the_seed(steps: int, seed: int) -> None:
    ((inputs, targets),) = random_partition(
        stream(steps + 1), 3, steps, np.random.default_rng(seed)
    )
    assert inputs.tolist() == [stream(steps + 1)[:-1].tolist()]
    assert targets.tolist() == [stream(steps + 1)[1:].tolist()]


def test_too_few_tokens_are_refused_with_the_number_needed() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"3 tokens are too few for 3 lanes: at least 4"):
        next(sequential_partition(stream(3), batch_size=3, steps=2))
    with pytest.raises(InputError, match=r"2 tokens are too few for 2 lanes: at least 3"):
        next(sequential_partition(stream(4), batch_size=2, steps=2, offset=2))
    with pytest.raises(InputError, match=r"5 tokens are too few for a piece of 5.*at least 6"):
        next(random_partition(stream(5), batch_size=1, steps=5, rng=rng))
    with pytest.raises(InputError, match=r"one row of token numbers.*\(2, 3\)"):
        next(sequential_partition(np.zeros((2, 3)), batch_size=1, steps=1))


# ---------------------------------------------------------------- padded


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=5))
def test_a_padded_batch_holds_each_sentence_once_and_padding_after_it(
    sentences: list[list[int]],
) -> None:
    bos = 77
    inputs, targets = padded_batch([np.array(s, dtype=np.int64) for s in sentences], bos)
    width = max(map(len, sentences), default=0)
    assert inputs.shape == targets.shape == (len(sentences), width)
    for row, sentence in enumerate(sentences):
        padding = width - len(sentence)
        assert targets[row].tolist() == sentence + [-1] * padding
        if sentence:
            read = [bos, *sentence[:-1]]
            assert inputs[row].tolist() == read + [bos] * padding
