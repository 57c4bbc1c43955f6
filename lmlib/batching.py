"""Cut a long stream of tokens into batches, or lay sentences side by side.

Targets are the inputs shifted by one: the target of a token is the token that follows it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError

TokenIds = npt.NDArray[np.int64]

PADDING = -1  # as a target: nothing to predict here


def _check(ids: TokenIds, needed: int, what: str) -> None:
    if ids.ndim != 1:
        raise InputError(
            f"a stream is one row of token numbers, not an array of shape {ids.shape}."
        )
    if ids.size < needed:
        raise InputError(f"{ids.size} tokens are too few for {what}: at least {needed} are needed.")


def sequential_partition(
    ids: npt.ArrayLike, batch_size: int, steps: int, offset: int = 0
) -> Iterator[tuple[TokenIds, TokenIds]]:
    """Cut a stream into ``batch_size`` lanes and walk along all of them together.

    Row ``b`` of one batch goes on where row ``b`` of the batch before it stopped, so a state can
    be carried from batch to batch. The last batch may be shorter; at most ``batch_size - 1``
    tokens at the end of the stream are never used.

    Parameters
    ----------
    ids : (N,) int
    batch_size, steps
        Lanes (B) and tokens a batch (T).
    offset
        Tokens skipped at the beginning; draw it afresh for each epoch to cut elsewhere.

    Yields
    ------
    inputs, targets : (B, T) int

    Examples
    --------
    >>> for inputs, targets in sequential_partition(range(9), batch_size=2, steps=2):
    ...     print(inputs.tolist(), targets.tolist())
    [[0, 1], [4, 5]] [[1, 2], [5, 6]]
    [[2, 3], [6, 7]] [[3, 4], [7, 8]]
    """
    stream = np.asarray(ids, dtype=np.int64)[offset:]
    _check(stream, batch_size + 1, f"{batch_size} lanes")
    length = (stream.size - 1) // batch_size
    inputs = stream[: batch_size * length].reshape(batch_size, length)  # (B, length)
    targets = stream[1 : batch_size * length + 1].reshape(batch_size, length)
    for start in range(0, length, steps):
        yield inputs[:, start : start + steps], targets[:, start : start + steps]


def random_partition(
    ids: npt.ArrayLike, batch_size: int, steps: int, rng: np.random.Generator
) -> Iterator[tuple[TokenIds, TokenIds]]:
    """Cut a stream into pieces of ``steps`` tokens from a random start, and shuffle the pieces.

    Neighbouring rows, and the same row of two batches, have nothing to do with each other: no
    state may be carried. Each token is used at most once.

    Yields
    ------
    inputs, targets : (B, T) int
        The last batch may have fewer rows.
    """
    stream = np.asarray(ids, dtype=np.int64)
    _check(stream, steps + 1, f"a piece of {steps} tokens and the one after it")
    offset = int(rng.integers(min(steps, stream.size - steps)))
    starts = np.arange(offset, stream.size - steps, steps)
    rng.shuffle(starts)
    for first in range(0, starts.size, batch_size):
        positions = starts[first : first + batch_size, None] + np.arange(steps)  # (B, T)
        yield stream[positions], stream[positions + 1]


def padded_batch(sequences: Sequence[TokenIds], bos: int) -> tuple[TokenIds, TokenIds]:
    """Lay sentences side by side; each begins with ``<bos>``, short ones end in padding.

    Parameters
    ----------
    sequences
        Arrays of token numbers, each with its ``<eos>`` where it has one.

    Returns
    -------
    inputs, targets : (B, T) int
        ``inputs`` holds ``<bos>`` and every token but the last; ``targets`` every token, and -1
        where there is nothing to predict (the inputs there are ``<bos>`` and must not matter).

    Examples
    --------
    >>> inputs, targets = padded_batch([np.array([5, 2]), np.array([6, 7, 2])], bos=1)
    >>> inputs.tolist(), targets.tolist()
    ([[1, 5, 1], [1, 6, 7]], [[5, 2, -1], [6, 7, 2]])
    """
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    width = int(lengths.max(initial=0))
    filled = np.arange(width) < lengths[:, None]  # (B, T)
    targets = np.full(filled.shape, PADDING, dtype=np.int64)
    inputs = np.full(filled.shape, bos, dtype=np.int64)
    if width:
        targets[filled] = np.concatenate(sequences)
        inputs[:, 1:][filled[:, 1:]] = targets[:, :-1][filled[:, 1:]]
    return inputs, targets


def padding_last(
    inputs: npt.ArrayLike, targets: npt.ArrayLike, bos: int
) -> tuple[TokenIds, TokenIds, TokenIds, TokenIds]:
    """Move the padding of each row to its end, so that nothing real stands behind it.

    What a model says about a real place depends on the real places before it alone; so it may run
    over the padding too, and nobody needs a mask.

    Parameters
    ----------
    inputs, targets : (B, T) int
        A target of -1 is padding.
    bos
        Put wherever there is padding, as the input.

    Returns
    -------
    inputs, targets : (B, T)
        Reordered within each row.
    lengths : (B,)
        Real places in each row.
    order : (B, T)
        Where each place was: ``np.put_along_axis(result, order, values, axis=1)`` puts back what
        was computed.

    Examples
    --------
    >>> inputs, targets, lengths, _ = padding_last([[1, 1, 5]], [[5, -1, 6]], bos=1)
    >>> inputs.tolist(), targets.tolist(), lengths.tolist()
    ([[1, 5, 1]], [[5, 6, -1]], [2])
    """
    inputs, targets = np.asarray(inputs), np.asarray(targets)
    if inputs.shape != targets.shape or inputs.ndim != 2:
        raise InputError(
            f"inputs of shape {inputs.shape} and targets of shape {targets.shape} do not fit; "
            "both must be (rows, steps)."
        )
    padding = targets < 0
    order = np.argsort(padding, axis=1, kind="stable")
    return (
        np.take_along_axis(np.where(padding, bos, inputs), order, axis=1),
        np.take_along_axis(targets, order, axis=1),
        np.count_nonzero(~padding, axis=1),
        order,
    )
