"""Smaller models: leave out n-grams that hardly matter, or keep fewer digits of each.

Both recompute the backoff weights afterwards, so that every context still sums to one.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError
from lmlib.ngram.estimators import Estimates, backoff_weights
from lmlib.ngram.model import NgramLM
from lmlib.ngram.table import NgramTable

_ROWS = 1 << 17  # n-grams looked at together


def lower_logprobs(model: NgramLM, order: int) -> npt.NDArray[np.float64]:
    """(n_k,): ln P(w | h') of each stored n-gram h w, h' being h without its first token."""
    tokens = model.table.spell(order)  # (n_k, order)
    result = np.empty(len(tokens))
    for start in range(0, len(tokens), _ROWS):
        rows = slice(start, start + _ROWS)
        result[rows] = model.logprobs_after(tokens[rows, 1:-1], tokens[rows, -1])
    return result


def context_sums(model: NgramLM) -> Iterator[npt.NDArray[np.float64]]:
    """For each order, (contexts,): the sum of P(w | h) over the whole vocabulary."""
    yield np.exp(model.logprobs[1]).sum(keepdims=True)
    for order in range(2, model.order + 1):
        kept = _sum_by_context(model.table, order, np.exp(model.logprobs[order]))
        lower = _sum_by_context(model.table, order, np.exp(lower_logprobs(model, order)))
        yield kept + np.exp(model.backoffs[order - 1]) * np.maximum(1 - lower, 0)


def _sum_by_context(table: NgramTable, order: int, values: npt.NDArray) -> npt.NDArray[np.float64]:
    sums = np.bincount(table.contexts(order), values, table.starts[order].size - 1)
    return sums.astype(np.float64, copy=False)


def _check(model: NgramLM, what: str) -> None:
    if not (model.chained and model.normalised):
        raise InputError(
            f"{what} moves probability to shorter contexts, and this model has none to move it "
            "to, or does not sum to one (MLE, add-k, stupid backoff). Choose another smoothing."
        )


def _renormalised(
    model: NgramLM, table: NgramTable, logprobs: Sequence[npt.NDArray], summary: dict
) -> NgramLM:
    """The model with these probabilities, and the backoff weights that make it sum to one."""
    backoffs = [np.zeros(0)] + [np.zeros(row.size) for row in logprobs[1:-1]]
    estimates = Estimates(list(logprobs), backoffs, summary={**model.summary, **summary})
    smaller = NgramLM(table, estimates, model.vocab, model.text_format)
    for order in range(2, smaller.order + 1):  # each needs only the weights below it
        smaller.backoffs[order - 1] = backoff_weights(
            _sum_by_context(table, order, np.exp(logprobs[order])),
            _sum_by_context(table, order, np.exp(lower_logprobs(smaller, order))),
        )
    return smaller


def prune(model: NgramLM, threshold: float) -> NgramLM:
    r"""Leave out the n-grams whose absence changes the model least.

    Without h w the weight b(h) becomes b'(h), and the model moves, in relative entropy, by

        P(h) { P(w|h) [ln P(w|h) - ln b'(h) - ln P(w|h')] + (1 - Σ p(h·)) [ln b(h) - ln b'(h)] }

    An n-gram goes if exp of this minus one, the relative rise in perplexity, is below the
    threshold. One that is the context of a longer one that stays, stays too. P(h) is what the
    model itself says, which for Kneser-Ney, whose lower orders are no plain frequencies, is only
    a guess. Source: Stolcke (1998).

    Parameters
    ----------
    threshold
        For example 1e-8 to 1e-6. At 0 nothing that matters goes.

    Raises
    ------
    InputError
        If the threshold is negative or the model cannot be pruned.
    """
    _check(model, "pruning")
    if threshold < 0:
        raise InputError(f"threshold={threshold}: give a rise in perplexity of 0 or more.")
    log_history = [np.zeros(0), np.where(np.isneginf(model.logprobs[1]), 0.0, model.logprobs[1])]
    for order in range(2, model.order):  # ln P(h) of every n-gram as a history, chain rule
        log_history.append(model.logprobs[order] + log_history[-1][model.table.contexts(order)])

    keep: list[npt.NDArray[np.bool_]] = [np.zeros(0, bool)] * (model.order + 1)
    keep[1] = np.ones(model.logprobs[1].size, bool)
    for order in range(model.order, 1, -1):
        keep[order] = _matters(model, order, log_history[order - 1], threshold)
        if order < model.order:
            contexts = model.table.contexts(order + 1)[keep[order + 1]]
            keep[order][contexts] = True

    words, starts = model.table.words[:2], model.table.starts[:2]
    renumbered = np.arange(model.logprobs[1].size)
    for order in range(2, model.order + 1):
        contexts = renumbered[model.table.contexts(order)[keep[order]]]
        sizes = np.bincount(contexts, minlength=words[-1].size)
        words.append(model.table.words[order][keep[order]])
        starts.append(np.concatenate(([0], np.cumsum(sizes))))
        renumbered = np.cumsum(keep[order]) - 1
    logprobs = [model.logprobs[0]] + [
        model.logprobs[order][keep[order]] for order in range(1, model.order + 1)
    ]
    return _renormalised(model, NgramTable(words, starts), logprobs, {"pruned_at": threshold})


def _matters(
    model: NgramLM, order: int, log_history: npt.NDArray, threshold: float
) -> npt.NDArray[np.bool_]:
    """(n_k,): whether leaving the n-gram out raises the perplexity by the threshold or more."""
    contexts = model.table.contexts(order)
    logprob = model.logprobs[order]
    lower = lower_logprobs(model, order)
    kept = _sum_by_context(model.table, order, np.exp(logprob))[contexts]
    kept_lower = _sum_by_context(model.table, order, np.exp(lower))[contexts]
    old = model.backoffs[order - 1][contexts]
    new = backoff_weights(kept - np.exp(logprob), kept_lower - np.exp(lower))
    free = np.maximum(1 - kept, 0)
    moved = np.where(free > 0, free * (np.where(free > 0, old, 0) - new), 0)
    loss = np.exp(log_history[contexts]) * (np.exp(logprob) * (logprob - new - lower) + moved)
    return np.expm1(loss) >= threshold


def quantise(model: NgramLM, bits: int = 8) -> NgramLM:
    """Keep each probability as one of 2^bits values of its order, so that it fits in a byte or two.

    Values are rounded down, never up: what is lost goes to the backoff weights, which stay exact,
    as do the probabilities of single words. The values divide the n-grams of an order evenly.
    Source: Federico and Bertoldi (2006), binning by equal population.

    Raises
    ------
    InputError
        If ``bits`` is not from 1 to 16 or the model does not back off.
    """
    _check(model, "quantising")
    if not 1 <= bits <= 16:
        raise InputError(f"bits={bits}: give 1 to 16.")
    logprobs = list(model.logprobs[:2])
    codebooks: list[npt.NDArray[np.float64]] = [np.zeros(0), np.zeros(0)]
    for order in range(2, model.order + 1):
        row = model.logprobs[order]
        edges = np.linspace(0, row.size, 2**bits, endpoint=False).astype(np.int64)
        codebook = np.unique(np.sort(row)[edges]) if row.size else row
        codebooks.append(codebook)
        logprobs.append(codebook[np.searchsorted(codebook, row, side="right") - 1])
    smaller = _renormalised(model, model.table, logprobs, {"bits": bits})
    smaller.codebooks = codebooks
    return smaller
