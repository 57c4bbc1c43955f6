"""Numbers by which models are compared: bits per character, the Pareto front, paired bootstrap."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError


def bits_per_character(logprobs: Sequence[npt.ArrayLike], text: str) -> float:
    """Say how many bits a model needs for a character of a raw text, on average.

    All that the model says, in bits, over all characters that were written:

        -sum of ln P / ln 2 / characters

    Models that cut the text into other tokens can be compared by it: the text is the same.

    Parameters
    ----------
    logprobs
        ln P of every token, an array for each line; ``<eos>`` is a token.
    text
        The raw text that was scored. Newlines are characters, the last line's too.

    Raises
    ------
    InputError
        If the text is empty.

    Notes
    -----
    ``<unk>`` is cheap: where it stands, the characters of a word are counted and their spelling is
    not paid for.

    Examples
    --------
    >>> bits_per_character([[math.log(1 / 4), math.log(1 / 16)]], "ab\\n")  # 2 bits + 4 bits
    2.0
    """
    if not text:
        raise InputError("bits_per_character: the text is empty; give the text that was scored.")
    nats = 0.0 - math.fsum(float(np.sum(line)) for line in logprobs)  # where all is sure: no -0.0
    return nats / math.log(2) / len(text)


def pareto_front(points: Sequence[tuple[float, float]] | npt.NDArray) -> list[int]:
    """Find the points that no other point dominates.

    A point dominates another if it is no worse in both numbers, and better in one of them.

    Parameters
    ----------
    points : (N, 2)
        Of each, a cost and a loss; less is better.

    Returns
    -------
    indices : list of int
        Rows of ``points``, by rising cost; equal points all stay, in the order given.

    Raises
    ------
    InputError
        If a number is NaN.

    Notes
    -----
    V. Pareto, *Manuale di economia politica*, 1906: of what is on the front, nothing can be made
    better in one respect without being worse in the other.

    Examples
    --------
    >>> pareto_front([(10, 3.0), (40, 2.0), (20, 3.5), (40, 2.5)])  # the last two are dominated
    [0, 1]
    """
    pairs = np.array([tuple(point) for point in points], dtype=float).reshape(-1, 2)  # (N, 2)
    if np.isnan(pairs).any():
        raise InputError("pareto_front: a cost or a loss is not a number (NaN); leave it out.")
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))  # by cost; where that is equal, by loss
    front: list[int] = []
    for i in order.tolist():
        if not front or pairs[i, 1] < pairs[front[-1], 1] or np.array_equal(*pairs[[i, front[-1]]]):
            front.append(i)
    return front


def paired_bootstrap(first: npt.ArrayLike, second: npt.ArrayLike, draws: npt.ArrayLike) -> float:
    """Say in what share of resampled texts the first of two models is the better one.

    The test text is one draw of lines among many that might have been drawn. Draw as many lines
    from it, with replacement; add up what each model needs for the *same* lines; see which needs
    less. That, for each row of ``draws``.

    Parameters
    ----------
    first, second : (N,)
        Nats that each model needs for each line.
    draws : (R, N) int
        Numbers of lines, from 0: a row for each resampled text, such as
        ``rng.integers(N, size=(R, N))``.

    Returns
    -------
    share : float
        From 0 to 1; a tie counts half.

    Raises
    ------
    InputError
        If the shapes do not fit together, or a draw is no number of a line.

    Notes
    -----
    B. Efron, "Bootstrap methods: another look at the jackknife", *The Annals of Statistics* 7,
    1979. P. Koehn, "Statistical significance tests for machine translation evaluation", EMNLP
    2004, has it for pairs of systems.

    Examples
    --------
    >>> paired_bootstrap([1.0, 5.0], [2.0, 4.0], [[0, 0], [0, 1], [1, 1], [1, 0]])
    0.5
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    lines = np.asarray(draws)
    if one.shape != other.shape or one.ndim != 1 or lines.ndim != 2 or not lines.size:
        raise InputError(
            f"paired_bootstrap: {one.shape}, {other.shape} and draws of {lines.shape} do not fit; "
            "give the nats of the same lines for both, (N,), and draws of them, (R, N)."
        )
    if lines.dtype.kind not in "iu" or lines.min() < 0 or lines.max() >= len(one):
        raise InputError(
            f"paired_bootstrap: draws are numbers of lines, whole and from 0 to {len(one) - 1}."
        )
    totals = one[lines].sum(axis=1), other[lines].sum(axis=1)  # (R,) each
    return float(np.mean(totals[0] < totals[1]) + np.mean(totals[0] == totals[1]) / 2)
