"""Pruned and quantised models still sum to one, and lose what they are said to lose."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlib.errors import InputError
from lmlib.language_model import score
from lmlib.ngram import (
    MLE,
    AddK,
    Katz,
    NgramLM,
    StupidBackoff,
    WittenBell,
    prune,
    quantise,
    train_ngram,
)
from lmlib.ngram.compression import context_sums
from lmlib.ngram.estimators import Estimator
from lmlib.text import TextFormat

LETTERS = TextFormat("characters", "sentence")
texts = st.lists(st.text("abc", max_size=8), min_size=2, max_size=20).map("\n".join)


def trained(text: str, order: int = 3) -> NgramLM:
    return train_ngram(text, order, WittenBell(), LETTERS)


def assert_sums_to_one(model: NgramLM) -> None:
    for sums in context_sums(model):
        np.testing.assert_allclose(sums, 1, atol=1e-9)


@settings(max_examples=60)
@given(texts, st.sampled_from([0, 1e-4, 1e-2, 1.0, math.inf]))
def test_pruned_models_sum_to_one_in_every_context(text: str, threshold: float) -> None:
    assert_sums_to_one(prune(trained(text), threshold))


@settings(max_examples=60)
@given(texts, st.integers(1, 16))
def test_quantised_models_sum_to_one_in_every_context(text: str, bits: int) -> None:
    assert_sums_to_one(quantise(trained(text), bits))


def test_context_sums_equal_summing_the_whole_row() -> None:
    model = trained("abcab\nbca\nccab\n")
    [_, after_bigrams, _] = context_sums(model)
    for token in range(len(model.vocab)):
        if token == model.vocab.bos:
            continue
        row, _ = model.step([token], model.initial_state(1))
        assert np.exp(row).sum() == pytest.approx(after_bigrams[token])


def test_pruning_everything_leaves_single_words() -> None:
    pruned = prune(trained("abcab\nbca\nccab\n"), math.inf)
    assert pruned.ngrams_by_order[1:] == [0, 0]
    row, _ = pruned.step([pruned.vocab["a"]], pruned.initial_state(1))
    np.testing.assert_allclose(row[0], pruned.logprobs[1])


def test_loss_of_one_ngram_is_the_relative_entropy_it_is_said_to_be() -> None:
    """Prune at a threshold that only one bigram of a bigram model stays below; compare with the
    relative entropy summed over the whole vocabulary, P(h) being what the model itself says.
    """
    model = trained("abcab\nbca\nccab\nabca\n", order=2)
    sizes = model.ngrams_by_order[1]
    threshold = next(
        t for t in np.geomspace(1e-9, 1, 2000) if prune(model, t).ngrams_by_order[1] == sizes - 1
    )
    pruned = prune(model, threshold)
    total = 0.0
    for token in range(len(model.vocab)):
        before, _ = model.step([token], model.initial_state(1))
        after, _ = pruned.step([token], pruned.initial_state(1))
        history = 0.0 if token == model.vocab.bos else model.logprobs[1][token]
        with np.errstate(invalid="ignore"):
            terms = np.exp(before[0]) * (before[0] - after[0])
        total += math.exp(history) * np.nansum(terms)
    assert total > 0
    assert math.expm1(total) == pytest.approx(threshold, rel=0.02)  # the grid's step is 1 %


def test_more_bits_lose_less() -> None:
    text = "\n".join("abcabbacbbacab"[i % 7 : i % 7 + 5] for i in range(40))
    model = train_ngram(text, 3, text_format=LETTERS)
    perplexities = [score(quantise(model, bits), text).perplexity for bits in (1, 2, 16)]
    assert perplexities[0] > perplexities[1] > perplexities[2]
    assert perplexities[2] == pytest.approx(score(model, text).perplexity)
    assert quantise(model, 1).nbytes < model.nbytes


@pytest.mark.parametrize("smoothing", [MLE(), AddK(1), StupidBackoff()])
def test_models_that_do_not_back_off_are_refused(smoothing: Estimator) -> None:
    model = train_ngram("ab\nba\n", 2, smoothing, LETTERS)
    with pytest.raises(InputError, match="shorter contexts"):
        prune(model, 1e-3)
    with pytest.raises(InputError, match="shorter contexts"):
        quantise(model)


def test_bad_thresholds_and_bits_are_refused() -> None:
    model = train_ngram("ab\nba\n", 2, Katz(), LETTERS)
    with pytest.raises(InputError, match="threshold"):
        prune(model, -1)
    for bits in (0, 17):
        with pytest.raises(InputError, match="bits"):
            quantise(model, bits)


def test_a_bos_in_the_middle_begins_anew() -> None:
    model = train_ngram("ab\nba\nabab\n", 3, MLE(), LETTERS)
    bos, a = model.vocab.bos, model.vocab["a"]
    _, state = model.step([a], model.initial_state(1))
    after, _ = model.step([bos], state)
    fresh, _ = model.step([bos], model.initial_state(1))
    np.testing.assert_array_equal(after, fresh)
    inputs, targets = np.array([[bos, a, bos]]), np.array([[a, bos, a]])
    scored, _ = model.token_logprobs(inputs, targets)
    assert scored[0, 2] == fresh[0, a]
