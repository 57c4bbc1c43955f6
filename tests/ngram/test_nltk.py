"""nltk.lm: the same figures where it is right, and, by name, where it is not.

What is mapped: nltk pads a sentence with n-1 ``<s>`` (we read one ``<bos>``) and n-1 ``</s>`` (we
predict one ``<eos>``), and its vocabulary here holds what can be predicted: the words, ``</s>``
and ``<UNK>``. That is our V.
"""

import itertools
import math
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lmlib.ngram import MLE, AddK, Estimator, NgramLM, WittenBell, train_ngram
from lmlib.text import TextFormat

ORDER = 3
NAMES = {"<bos>": "<s>", "<eos>": "</s>", "<unk>": "<UNK>"}


@pytest.fixture
def nltk_lm(require_module: Callable[[str, str], ModuleType]) -> Any:
    require_module("nltk.lm.preprocessing", "our estimates are compared with its own")
    return require_module("nltk.lm", "our estimates are compared with its own")


def sentences() -> list[list[str]]:
    draw = random.Random(4)
    return [draw.choices("abcd", (8, 4, 2, 1), k=draw.randrange(1, 8)) for _ in range(60)]


def padded_ngrams(order: int) -> list[list[tuple[str, ...]]]:
    """What nltk counts: n-1 ``<s>``, one ``</s>``, and no n-gram that predicts ``<s>``."""
    found = []
    for tokens in sentences():
        padded = ["<s>"] * (order - 1) + tokens + ["</s>"]
        found.append(
            [
                tuple(padded[end - k : end])
                for end in range(order, len(padded) + 1)
                for k in range(1, order + 1)
            ]
        )
    return found


def fit(theirs: Any, order: int) -> Any:
    """Fit a model of nltk's; not by its ``fit``, which would read ``<s>`` as ``<UNK>``."""
    theirs.vocab.update([*"abcd", "</s>"])
    theirs.counts.update(padded_ngrams(order))
    return theirs


def ours(smoothing: Estimator, order: int) -> NgramLM:
    text = "".join(" ".join(tokens) + "\n" for tokens in sentences())
    return train_ngram(text, order, smoothing, TextFormat("whitespace"))


def check_every_context(model: NgramLM, theirs: Any) -> None:
    words = [token for token in model.vocab.tokens if token != "<bos>"]
    for length in range(model.order):
        for rest in itertools.product(words, repeat=length):
            contexts = [("<bos>", *rest)] if length < model.order - 1 else [rest]
            for context in contexts:
                state = model.initial_state(1)
                for token in context or ("<bos>",):
                    row, state = model.step([model.vocab[token]], state)
                # one <s> stands for <bos>: with more of them nltk interpolates the same counts
                # once more for each, which is no other model, but one level deeper
                seen = tuple(NAMES.get(token, token) for token in context)
                if model.order == 1:
                    seen = ()
                expected = [theirs.unmasked_score(NAMES.get(w, w), seen) for w in words]
                found = np.exp(row[0, [model.vocab[w] for w in words]])
                if theirs.context_counts(seen).N() == 0 and np.isnan(found).all():
                    assert expected == [0] * len(words)  # maximum likelihood: 0/0, there called 0
                else:
                    np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=f"{context}")


@pytest.mark.parametrize("order", [1, 2, ORDER])
def test_maximum_likelihood_agrees(nltk_lm: Any, order: int) -> None:
    check_every_context(ours(MLE(), order), fit(nltk_lm.MLE(order), order))


@pytest.mark.parametrize("order", [1, 2, ORDER])
def test_laplace_and_lidstone_agree(nltk_lm: Any, order: int) -> None:
    check_every_context(ours(AddK(), order), fit(nltk_lm.Laplace(order), order))
    check_every_context(ours(AddK(0.2), order), fit(nltk_lm.Lidstone(0.2, order), order))


@pytest.mark.parametrize("order", [1, 2, ORDER])
def test_witten_bell_agrees_once_its_unigrams_end_in_the_uniform(nltk_lm: Any, order: int) -> None:
    """nltk's unigram is the plain frequency; ours leaves a share to words never seen, as above."""
    theirs = fit(nltk_lm.WittenBellInterpolated(order), order)
    smoothing = theirs.estimator

    def unigram_score(word: str) -> float:
        unigrams, size = smoothing.counts.unigrams, len(smoothing.vocab)
        kinds = len(unigrams)
        return (unigrams[word] + kinds / size) / (unigrams.N() + kinds)

    assert smoothing.unigram_score("a") == smoothing.counts.unigrams.freq("a")
    smoothing.unigram_score = unigram_score
    check_every_context(ours(WittenBell(), order), theirs)


# ---------------------------------------------------------------- where nltk is not right


def nltks_own(nltk_lm: Any, estimator: str) -> Any:
    """A model as nltk's documentation trains it, its own pipeline and padding."""
    from nltk.lm.preprocessing import padded_everygram_pipeline

    theirs = getattr(nltk_lm, estimator)(ORDER)
    theirs.fit(*padded_everygram_pipeline(ORDER, sentences()))
    return theirs


def test_nltks_kneser_ney_does_not_sum_to_one(nltk_lm: Any) -> None:
    theirs = nltks_own(nltk_lm, "KneserNeyInterpolated")
    begins = sum(theirs.score(word, ["<s>"]) for word in theirs.vocab)
    assert abs(begins - 1) > 1e-3


@pytest.mark.parametrize("estimator", ["KneserNeyInterpolated", "WittenBellInterpolated"])
def test_nltks_interpolated_models_give_a_word_never_seen_nothing(
    nltk_lm: Any, estimator: str
) -> None:
    theirs = nltks_own(nltk_lm, estimator)
    assert "zebra" not in theirs.vocab
    assert theirs.score("zebra") == theirs.score("zebra", ["a"]) == 0
    assert theirs.logscore("zebra", ["a"]) == -math.inf
