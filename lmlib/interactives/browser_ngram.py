"""A small n-gram model that travels with a page and predicts in the reader's browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lmlib.corpora import load
from lmlib.corpora.formats import pairs
from lmlib.errors import InputError
from lmlib.ngram import NgramLM, prune, quantise, train_ngram
from lmlib.text import TextFormat
from lmlib.translation import gettext as _

#: The same model in JavaScript: ``ngramModel(pack(model))``.
SCRIPT = Path(__file__).with_name("browser_ngram.js")

# A number is written in these, one or more: ASCII, without what JSON or HTML would have to escape.
# Braces mark what follows a context.
_DIGITS = "".join(c for c in map(chr, range(33, 127)) if c not in '"\\<{}')


# ---------------------------------------------------------------- the models that are shipped


@dataclass(frozen=True)
class Recipe:
    """How a model for the page is made: trained in full, then pruned and quantised.

    Attributes
    ----------
    order : int
    text_format : TextFormat
    threshold : float
        See `lmlib.ngram.prune`.
    bits : int
        See `lmlib.ngram.quantise`.
    """

    order: int
    text_format: TextFormat
    threshold: float
    bits: int


RECIPES = {
    "en": Recipe(5, TextFormat("characters", "sentence", lower=True), 2.5e-6, 6),
    "zh": Recipe(3, TextFormat("characters", "sentence"), 5e-6, 6),
}


def everyday_texts(language: str) -> tuple[str, str]:
    """Give the training and the test text of everyday ``"en"`` or ``"zh"``, each sentence once."""
    if language == "zh":
        corpus = load("tatoeba-zh")
        return corpus.train, corpus.test
    both = load("tatoeba-en-zh")
    train, test = (
        "".join(dict.fromkeys(english + "\n" for english, _chinese in pairs(text)))
        for text in (both.train, both.test)
    )
    return train, test


@cache
def full_model(language: str) -> NgramLM:
    """Train the model that `small_model` is cut from."""
    recipe = RECIPES[language]
    train, _test = everyday_texts(language)
    return train_ngram(train, recipe.order, text_format=recipe.text_format)


@cache
def small_model(language: str) -> NgramLM:
    """Make the model that a page carries, of everyday ``"en"`` or ``"zh"``, by characters."""
    recipe = RECIPES[language]
    return quantise(prune(full_model(language), recipe.threshold), recipe.bits)


# ---------------------------------------------------------------- as JSON


def pack(model: NgramLM) -> dict[str, Any]:
    """Write a model of characters as what JSON can hold, for `SCRIPT` to read.

    The n-grams are a tree in one text: after a context stands, in braces, each token that was
    seen after it, as two numbers (the token, its value of ln P) and, where it is itself the end of
    a context, what was seen after that. Backoff weights are left out: they are what makes each
    context sum to one, and the script works them out.

    Raises
    ------
    InputError
        If the model does not read characters, sentence by sentence, or does not back off.
    """
    if not (model.chained and model.normalised and model.unseen_context == 0):
        raise InputError(
            _("this model does not back off to shorter contexts; choose another smoothing.")
        )
    if (model.text_format.tokens, model.text_format.unit) != ("characters", "sentence"):
        raise InputError(_("a page's model reads characters, a sentence a line; train such a one."))
    values, codes = [], []
    for row in model.logprobs[1:]:
        distinct, code = np.unique(row, return_inverse=True)
        values.append([None if value == -np.inf else value for value in distinct.tolist()])
        codes.append(_numerals(code.reshape(-1), len(distinct)))
    words = [_numerals(row, len(model.vocab)) for row in model.table.words[1:]]
    starts = [row.tolist() for row in model.table.starts[2:]]

    def tree(k: int, first: int, last: int) -> Iterator[str]:
        """The n-grams ``first`` to ``last`` of order k + 1, in braces."""
        if first == last:
            return
        yield "{"
        for number in range(first, last):
            yield words[k][number]
            yield codes[k][number]
            if k < len(starts):
                yield from tree(k + 1, starts[k][number], starts[k][number + 1])
        yield "}"

    return {
        "order": model.order,
        "lower": model.text_format.lower,
        "tokens": "".join(model.vocab.tokens[3:]),
        "digits": _DIGITS,
        "values": values,
        "ngrams": "".join(tree(0, 0, len(model.vocab))),
    }


def _numerals(numbers: np.ndarray, size: int) -> list[str]:
    """Write numbers below ``size`` with as few digits as the largest needs."""
    base, width = len(_DIGITS), 0
    while base**width < size:
        width += 1
    powers = [base**place for place in reversed(range(width))]
    return ["".join(_DIGITS[n // power % base] for power in powers) for n in numbers.tolist()]
