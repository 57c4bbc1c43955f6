r"""From counts to probabilities: eight ways, each a small object with one method.

All of them end in the same two tables, which are those of an ARPA file. For each n-gram that was
seen, its probability; for each context, the weight with which a word that was *not* seen after it
falls to a shorter context:

    P(w | h) = p(h w)                  if h w is in the table
             = b(h) P(w | h')          otherwise, h' = h without its first token

`c(hw)` is a count, `C(h) = Σ_w c(hw)`, `T(h)` the number of different words seen after h, `V` the
number of tokens that can come next, and below the shortest context stands the uniform 1/V.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError
from lmlib.ngram.counting import NgramCounts, lay_out
from lmlib.ngram.table import NgramTable
from lmlib.text import TokenIds

Array = npt.NDArray[np.float64]


@dataclass
class Estimates:
    """The probabilities (natural logarithms) that an estimator found.

    Attributes
    ----------
    logprobs : list by order of (n_k,)
        ln p of each n-gram in the table.
    backoffs : list by order of (n_k,), below the highest
        ln b of each n-gram as a context.
    unseen_context : float
        ln of the weight where the context itself is not in the table.
    chained : bool
        What is not in the table falls to the next shorter context; if False, to the uniform
        distribution at once.
    normalised : bool
    summary : dict
        What was estimated on the way: discounts, weights.
    """

    logprobs: list[Array]
    backoffs: list[Array]
    unseen_context: float = 0.0
    chained: bool = True
    normalised: bool = True
    summary: dict[str, Any] = field(default_factory=dict)


class Estimator(ABC):
    """A way to turn counts into probabilities."""

    name: ClassVar[str]

    @abstractmethod
    def estimate(self, counts: NgramCounts) -> Estimates:
        """Estimate every table from the counts."""


_EMPTY = np.zeros(0)


def _log(values: npt.NDArray) -> Array:
    with np.errstate(divide="ignore"):
        return np.log(values)


def _log_in_place(values: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.log(values, out=values)


def _uniform(counts: NgramCounts) -> Array:
    return counts.predictable / counts.predictable.sum()  # (V,)


# ---------------------------------------------------------------- each order on its own


@dataclass(frozen=True)
class AddK(Estimator):
    r"""Add k to every count (k = 1: Laplace).

        P(w | h) = (c(hw) + k) / (C(h) + k V)

    Each order stands alone: an unseen context gives the uniform distribution, not that of a
    shorter one. Source: chapter 03; Lidstone (1920).
    """

    k: float = 1.0
    name: ClassVar[str] = "add-k"

    def __post_init__(self) -> None:
        if not (self.k > 0 and math.isfinite(self.k)):
            raise InputError(f"k={self.k}: add-k adds a positive number; for none, use MLE().")

    def estimate(self, counts: NgramCounts) -> Estimates:
        return each_order_alone(counts, self.k)


@dataclass(frozen=True)
class MLE(Estimator):
    r"""Maximum likelihood: the relative frequency.

        P(w | h) = c(hw) / C(h)

    After a context that was never seen this is 0/0, and the row is NaN. Source: chapter 03.
    """

    name: ClassVar[str] = "mle"

    def estimate(self, counts: NgramCounts) -> Estimates:
        return each_order_alone(counts, 0.0)


def each_order_alone(counts: NgramCounts, k: float) -> Estimates:
    size = int(counts.predictable.sum())
    logprobs, backoffs = [_EMPTY], [_EMPTY]
    # order 1 has one context, the empty one, and its table holds every word, seen or not
    top = np.where(counts.predictable, counts.counts[1] + k, 0)
    logprobs.append(_log(top / top.sum()))
    for order in range(2, counts.order + 1):
        totals = counts.sum_by_context(order, counts.counts[order])  # (n_{k-1},)
        denominators = totals + k * size
        logprobs.append(_log((counts.counts[order] + k) / denominators[counts.contexts[order]]))
        with np.errstate(invalid="ignore"):
            backoffs.append(_log(k * size / denominators))  # MLE: 0 / 0 after an unseen context
    return Estimates(logprobs, backoffs, unseen_context=0.0 if k else math.nan, chained=False)


# ---------------------------------------------------------------- interpolation


def _interpolate(
    counts: NgramCounts,
    shares: Sequence[npt.NDArray],
    weights: Sequence[npt.NDArray],
    lowest: npt.NDArray,
) -> Estimates:
    r"""Mix each order with the one below it.

        p(h w) = share(h w) + weight(h) p(h' w),   down to `lowest` (V,)

    `shares` by order (n_k,), which become the probabilities; `weights` by the order of the context
    (n_k,), entry 0 being that of the empty one. A word not seen after h has the share 0: so
    b(h) = weight(h).
    """
    shares[1] += weights[0] * lowest
    for order in range(2, counts.order + 1):
        lower = shares[order - 1][counts.suffixes[order]]
        shares[order] += weights[order - 1][counts.contexts[order]] * lower
    return Estimates(
        [_log_in_place(p) for p in shares],
        [_EMPTY, *(_log_in_place(w) for w in weights[1:])],
    )


def _one_where_nothing_follows(weights: npt.NDArray, totals: npt.NDArray) -> npt.NDArray:
    """A context that nothing was ever seen after passes everything on."""
    return np.where(totals > 0, weights, 1.0)


@dataclass(frozen=True)
class WittenBell(Estimator):
    r"""Witten-Bell: the more different words followed, the likelier is a new one.

        P(w | h) = (c(hw) + T(h) P(w | h')) / (C(h) + T(h))

    Source: Witten and Bell (1991), method C; interpolated, as Chen and Goodman (1999) write it.
    """

    name: ClassVar[str] = "witten-bell"

    def estimate(self, counts: NgramCounts) -> Estimates:
        total = counts.counts[1].sum()
        types: npt.NDArray = np.array(np.count_nonzero(counts.counts[1]))
        shares = [_EMPTY, counts.counts[1] / (total + types)]
        weights = [types / (total + types)]
        for order in range(2, counts.order + 1):
            totals = counts.sum_by_context(order, counts.counts[order])
            types = np.diff(counts.starts[order])
            contexts = counts.contexts[order]
            with np.errstate(invalid="ignore"):
                weights.append(_one_where_nothing_follows(types / (totals + types), totals))
            shares.append(counts.counts[order] / (totals + types)[contexts])
        return _interpolate(counts, shares, weights, _uniform(counts))


@dataclass(frozen=True)
class Interpolated(Estimator):
    r"""Jelinek-Mercer: mix the relative frequencies of all orders, weights from held-out text.

        P(w | h) = λ(h) c(hw)/C(h) + (1 - λ(h)) P(w | h')

    One λ for each order and each magnitude of C(h) (powers of two), since a context seen a
    thousand times deserves more trust than one seen once. The weights maximise the likelihood of
    the held-out sentences, by expectation maximisation. Source: Jelinek and Mercer (1980).

    Parameters
    ----------
    held_out
        Sequences of token numbers that are not among those counted.
    weights
        By order from 1, λ for contexts seen 1, 2-3, 4-7, … times, where they are known already.
    """

    held_out: Sequence[TokenIds] = ()
    weights: Sequence[Sequence[float]] | None = None
    name: ClassVar[str] = "interpolated"

    def fit(self, counts: NgramCounts) -> list[list[float]]:
        """Learn the weights from the held-out sequences."""
        if not any(len(sequence) for sequence in self.held_out):
            raise InputError("interpolation learns its weights from held-out text; give some.")
        totals, frequencies = _relative_frequencies(counts)
        frequency, total = _held_out_frequencies(counts, self.held_out, frequencies, totals)
        buckets = [int(_magnitude(row).max(initial=0)) + 1 for row in totals]
        return [row.tolist() for row in _fit_mixture(frequency, total, buckets)]

    def estimate(self, counts: NgramCounts) -> Estimates:
        lambdas = self.fit(counts) if self.weights is None else self.weights
        totals, frequencies = _relative_frequencies(counts)
        shares, weights = [_EMPTY], []
        for order in range(1, counts.order + 1):
            table, total = np.array(lambdas[order - 1]), totals[order - 1]
            mix = np.where(total > 0, table[np.minimum(_magnitude(total), table.size - 1)], 0.0)
            weights.append(1 - mix)
            spread = mix[counts.contexts[order]] if order > 1 else mix[0]
            shares.append(spread * frequencies[order])
        estimates = _interpolate(counts, shares, weights, _uniform(counts))
        estimates.summary["weights"] = [list(row) for row in lambdas]
        return estimates


def _relative_frequencies(counts: NgramCounts) -> tuple[list[npt.NDArray], list[npt.NDArray]]:
    """How often each context was seen, by its order; c(hw)/C(h), by the order of hw."""
    totals: list[npt.NDArray] = [np.array([counts.counts[1].sum()])]
    frequencies: list[npt.NDArray] = [_EMPTY, counts.counts[1] / totals[0]]
    for order in range(2, counts.order + 1):
        totals.append(counts.sum_by_context(order, counts.counts[order]))
        frequencies.append(counts.counts[order] / totals[-1][counts.contexts[order]])
    return totals, frequencies


def _held_out_frequencies(
    counts: NgramCounts,
    held_out: Sequence[TokenIds],
    frequencies: Sequence[npt.NDArray],
    totals: Sequence[npt.NDArray],
) -> tuple[Array, npt.NDArray[np.int64]]:
    """How each order alone predicts the held-out tokens.

    Returns
    -------
    frequencies : (N, order + 1)
        Of each token after its context, entry 0 being the uniform distribution.
    totals : (N, order)
        How often the context of each order was seen, 0 where never (or where it would reach
        back beyond the beginning).
    """
    sentence = counts.unit == "sentence"
    tokens, depth = lay_out(held_out, counts.vocab.bos if sentence else None)
    predicted = np.flatnonzero(depth >= sentence)
    numbers = NgramTable(counts.words, counts.starts).numbers_along(tokens[None], depth[None] + 1)
    frequency = np.zeros((predicted.size, counts.order + 1))
    total = np.zeros((predicted.size, counts.order), np.int64)
    frequency[:, 0] = 1 / counts.predictable.sum()
    for order in range(1, counts.order + 1):
        number = numbers[order][0, predicted]
        found = number >= 0
        frequency[found, order] = frequencies[order][number[found]]
        if order == 1:
            total[:, 0] = totals[0][0]
            continue
        context = np.where(depth[predicted] >= order - 1, numbers[order - 1][0, predicted - 1], -1)
        found = context >= 0
        total[found, order - 1] = totals[order - 1][context[found]]
    return frequency, total


def _magnitude(totals: npt.NDArray) -> npt.NDArray[np.int64]:
    """The power of two below each count: 1, 2-3, 4-7, 8-15, …"""
    return np.log2(np.maximum(totals, 1)).astype(np.int64)


def _fit_mixture(
    frequency: Array, total: npt.NDArray[np.int64], buckets: Sequence[int], rounds: int = 50
) -> list[Array]:
    """Expectation maximisation of λ by order and magnitude of the context's count.

    Each held-out token is thought to come from one of the orders; a round shares it out among them
    in proportion to what each contributes, and sets λ to the share that stopped there.
    """
    order = total.shape[1]
    magnitude = _magnitude(total)
    lambdas = [np.full(size, 0.5) for size in buckets]
    for _ in range(rounds):
        mixes = [np.where(total[:, k] > 0, lambdas[k][magnitude[:, k]], 0.0) for k in range(order)]
        mixture = frequency[:, 0]  # the probability by the orders up to k
        lower = []
        for k in range(order):
            lower.append(mixture)
            mixture = mixes[k] * frequency[:, k + 1] + (1 - mixes[k]) * mixture
        reached = np.ones(len(mixture))  # the share that comes down to this order
        for k in reversed(range(order)):
            here = mixes[k] * frequency[:, k + 1]
            below = (1 - mixes[k]) * lower[k]
            stopped = reached * here / (here + below)
            seen = total[:, k] > 0
            size = lambdas[k].size
            stops = np.bincount(magnitude[seen, k], stopped[seen], size)
            reaches = np.bincount(magnitude[seen, k], reached[seen], size)
            lambdas[k] = (stops + 0.5) / (reaches + 1)  # half a token each way: never 0 or 1
            reached = reached - stopped
    return lambdas


# ---------------------------------------------------------------- Kneser-Ney


def _kneser_ney_counts(counts: NgramCounts, order: int) -> npt.NDArray[np.int64]:
    """What Kneser-Ney counts: occurrences in the highest order, left neighbours below it."""
    if order == counts.order:
        return counts.counts[order]
    return counts.left_types[order]


def interpolated_kneser_ney(counts: NgramCounts, discounts: Sequence[Sequence[float]]) -> Estimates:
    r"""Absolute discounting with continuation counts a(hw), every order interpolated.

        P(w | h) = (a(hw) - D(a(hw))) / Σ_x a(hx) + γ(h) P(w | h')
        γ(h) = Σ_x D(a(hx)) / Σ_x a(hx)

    ``discounts[k]`` holds D(0), D(1), … of order k; larger counts take the last one.
    """
    shares, weights = [_EMPTY], []
    for order in range(1, counts.order + 1):
        adjusted = _kneser_ney_counts(counts, order)
        table = np.array(discounts[order])
        discount = table[np.minimum(adjusted, table.size - 1)]
        if order == 1:
            total = adjusted.sum()
            weights.append(discount.sum() / total)
            shares.append((adjusted - discount) / total)
            continue
        totals = counts.sum_by_context(order, adjusted)
        mass = counts.sum_by_context(order, discount)
        with np.errstate(invalid="ignore"):
            weights.append(_one_where_nothing_follows(mass / totals, totals))
        shares.append((adjusted - discount) / totals[counts.contexts[order]])
    # <unk> keeps the share of the word never seen even where the text itself writes <unk>: the
    # other words then have what KenLM gives them, for which the two are different words.
    lowest = counts.predictable.astype(float)
    if counts.counts[1][counts.vocab.unk] > 0:
        lowest[counts.vocab.unk] = 2
    estimates = _interpolate(counts, shares, weights, lowest / lowest.sum())
    estimates.summary["discounts"] = [[float(d) for d in row[1:]] for row in discounts[1:]]
    return estimates


def _counts_of_counts(adjusted: npt.NDArray[np.int64]) -> list[int]:
    """t[j]: how many n-grams have the count j, for j up to 4."""
    return np.bincount(adjusted, minlength=5)[:5].tolist()


@dataclass(frozen=True)
class KneserNey(Estimator):
    r"""Interpolated Kneser-Ney, one discount an order.

        D = t1 / (t1 + 2 t2)

    where t1 and t2 are the numbers of n-grams with (adjusted) count one and two; 0.75 where
    neither occurs. Source: Kneser and Ney (1995); Chen and Goodman (1999), section 4.1.
    """

    name: ClassVar[str] = "kneser-ney"

    def estimate(self, counts: NgramCounts) -> Estimates:
        discounts: list[list[float]] = [[]]
        for order in range(1, counts.order + 1):
            _, t1, t2, _, _ = _counts_of_counts(_kneser_ney_counts(counts, order))
            discounts.append([0.0, t1 / (t1 + 2 * t2) if t1 else 0.75])
        return interpolated_kneser_ney(counts, discounts)


@dataclass(frozen=True)
class ModifiedKneserNey(Estimator):
    r"""Modified Kneser-Ney: three discounts an order, for counts of one, two, and more.

        Y = t1 / (t1 + 2 t2),   D_j = j - (j + 1) Y t_{j+1} / t_j,   j = 1, 2, 3

    Where t_1, t_2 or t_3 is zero, or a D_j is not above 0 or is above j, the text is too small or
    too regular to estimate them, and 0.5, 1, 1.5 are taken, as KenLM does with
    ``--discount_fallback``. (KenLM lets a D_j of exactly 0 pass; then a word not seen after some
    contexts would be impossible there.)
    Source: Chen and Goodman (1999), section 4.1; Heafield et al. (2013).
    """

    name: ClassVar[str] = "modified-kneser-ney"
    fallback: ClassVar[tuple[float, ...]] = (0.0, 0.5, 1.0, 1.5)

    def estimate(self, counts: NgramCounts) -> Estimates:
        discounts: list[Sequence[float]] = [[]]
        fallen_back = []
        for order in range(1, counts.order + 1):
            adjusted = _kneser_ney_counts(counts, order)
            if order < counts.order and counts.last[order] >= 0:  # as KenLM: `_last_by_suffix`
                adjusted = adjusted.copy()
                adjusted[counts.last[order]] = counts.counts[order][counts.last[order]]
            found = _modified_discounts(_counts_of_counts(adjusted))
            if found is None:
                fallen_back.append(order)
            discounts.append(found or self.fallback)
        estimates = interpolated_kneser_ney(counts, discounts)
        estimates.summary["discounts_fell_back_in_orders"] = fallen_back
        return estimates


def _modified_discounts(t: Sequence[int]) -> list[float] | None:
    """D(0), D(1), D(2), D(3+) from the counts of counts, or None where they fail."""
    if 0 in t[1:4]:
        return None
    y = t[1] / (t[1] + 2 * t[2])
    discounts = [j - (j + 1) * y * t[j + 1] / t[j] for j in (1, 2, 3)]
    if not all(0 < d <= j for j, d in enumerate(discounts, start=1)):
        return None
    return [0.0, *discounts]


# ---------------------------------------------------------------- backing off


@dataclass(frozen=True)
class StupidBackoff(Estimator):
    r"""Stupid backoff: relative frequencies, and a fixed factor for each token dropped.

        S(w | h) = c(hw)/C(h)    if hw was seen,    else    factor · S(w | h')

    Scores, no probabilities: they do not sum to one. A word never seen has the score of the
    uniform distribution, times the factor. Source: Brants et al. (2007).
    """

    factor: float = 0.4
    name: ClassVar[str] = "stupid-backoff"

    def estimate(self, counts: NgramCounts) -> Estimates:
        unigrams = counts.counts[1] / counts.counts[1].sum()
        unigrams = np.where(unigrams > 0, unigrams, self.factor * _uniform(counts))
        logprobs = [_EMPTY, _log(unigrams)]
        for order in range(2, counts.order + 1):
            totals = counts.sum_by_context(order, counts.counts[order])
            logprobs.append(_log(counts.counts[order] / totals[counts.contexts[order]]))
        log_factor = math.log(self.factor)
        backoffs = [_EMPTY, *(np.full(row.size, log_factor) for row in logprobs[1:-1])]
        return Estimates(logprobs, backoffs, unseen_context=log_factor, normalised=False)


@dataclass(frozen=True)
class Katz(Estimator):
    r"""Katz backoff: Good-Turing discounts, what they free goes to the words not seen.

        P(w | h) = d(c) c/C(h)  if c = c(hw) > 0,    else   α(h) P(w | h')
        d(c) = (r - m) / (1 - m) up to c = 5,  r = (c+1) t_{c+1} / (c t_c),  m = 6 t_6 / t_1

    An order whose d leaves 0 … 1 (small or regular texts) takes d(c) = (c - D)/c instead, up to
    c = 5, with the single discount D = t1 / (t1 + 2 t2), at most 0.99, or 0.5 where t1 is 0. A
    context after which only frequent words were seen has nothing to give away: it counts one
    occurrence more, and that one is given away. One after which every word was seen has nobody to
    give to: it keeps its relative frequencies.
    Source: Katz (1987); Chen and Goodman (1999), section 2.4.
    """

    name: ClassVar[str] = "katz"
    largest_discounted: ClassVar[int] = 5

    def estimate(self, counts: NgramCounts) -> Estimates:
        uniform = _uniform(counts)
        seen = counts.counts[1] > 0
        discounted, ratios = self._discount(counts.counts[1])
        kept = discounted / counts.counts[1].sum()
        unseen = counts.predictable & ~seen
        if unseen.any():
            if kept.sum() >= 1 - 1e-12:
                kept = kept * (1 - 1 / (counts.counts[1].sum() + 1))
            probabilities = kept + np.where(unseen, (1 - kept.sum()) / unseen.sum(), 0)
        else:
            probabilities = kept + (1 - kept.sum()) * uniform
        logprobs, backoffs = [_EMPTY, _log(probabilities)], [_EMPTY]
        summary = [ratios]
        for order in range(2, counts.order + 1):
            reduced, ratios = self._discount(counts.counts[order])
            summary.append(ratios)
            totals = counts.sum_by_context(order, counts.counts[order])
            complete = np.diff(counts.starts[order]) == counts.predictable.sum()
            contexts = counts.contexts[order]
            reduced = np.where(complete[contexts], counts.counts[order], reduced)
            kept = counts.sum_by_context(order, reduced)
            totals[(kept >= totals * (1 - 1e-12)) & ~complete] += 1
            probabilities = reduced / totals[contexts]
            logprobs.append(_log(probabilities))
            lower = np.exp(logprobs[order - 1])[counts.suffixes[order]]
            backoffs.append(
                backoff_weights(
                    counts.sum_by_context(order, probabilities),
                    counts.sum_by_context(order, lower),
                )
            )
        return Estimates(logprobs, backoffs, summary={"discount_ratios": summary})

    def _discount(self, occurrences: npt.NDArray[np.int64]) -> tuple[Array, list[float]]:
        """Discounted counts, and the ratios d(1) … d(5) that made them."""
        top = self.largest_discounted
        t = np.bincount(occurrences, minlength=top + 2)[: top + 2].astype(float)
        c = np.arange(1, top + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            r = (c + 1) * t[2:] / (c * t[1:-1])
            m = (top + 1) * t[top + 1] / t[1]
            ratios = (r - m) / (1 - m)
        if not ((ratios > 0) & (ratios < 1)).all():
            discount = t[1] / (t[1] + 2 * t[2]) if t[1] else 0.5
            ratios = (c - min(discount, 0.99)) / c
        table = np.concatenate(([0.0], ratios, [1.0]))
        discounted: Array = np.multiply(table[np.minimum(occurrences, top + 1)], occurrences)
        return discounted, [float(r) for r in ratios]


def backoff_weights(kept: npt.NDArray, lower: npt.NDArray) -> Array:
    r"""ln of the weights that make each row sum to one.

        b(h) = (1 - Σ p(h w)) / (1 - Σ p(h' w)),   both sums over the words seen after h

    Where those words are the whole vocabulary nothing can fall through: b(h) is 1 and unused.
    """
    free = np.maximum(1 - kept, 0)
    rest = 1 - lower
    usable = rest > 1e-12
    return _log(np.where(usable, free / np.where(usable, rest, 1), 1.0))


SMOOTHINGS: dict[str, type[Estimator]] = {
    estimator.name: estimator
    for estimator in (
        MLE,
        AddK,
        StupidBackoff,
        Katz,
        Interpolated,
        WittenBell,
        KneserNey,
        ModifiedKneserNey,
    )
}
