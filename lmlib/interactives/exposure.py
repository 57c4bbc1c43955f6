"""How often a word was seen elsewhere, and what is made of it where it never stood (chapter 05).

披萨 is never eaten in the texts of this experiment; it is cooked, bought, ordered and praised, as
often as is asked for. Every other dish is eaten too. What 140 models have learned from 70 such
texts is an artefact (tests/benchmarks/artefacts/chapter05.py); `trial` makes any two of them again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from lmlib.batching import padded_batch
from lmlib.corpora.grammar import DISHES, EVERYWHERE, VOCABULARY, WORDS, generate
from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.language_model import LanguageModel
from lmlib.ngram import NgramLM, count_ngrams
from lmlib.ngram.estimators import ModifiedKneserNey
from lmlib.repository import artefact
from lmlib.scratch import Adam, WindowConfig, WindowLM, nearest, principal_plane
from lmlib.text import SPECIAL_TOKENS, TextFormat, TokenIds, Vocab, encode_text
from lmlib.translation import gettext as _

WORD = "披萨"
EXPOSURES = (0, 1, 2, 5, 10, 20, 50)
SEEDS = tuple(range(1, 11))
MAPPED = 8  # the seed of the model whose words are drawn: an ordinary one
CONTEXTS = ("我 很 喜欢 吃", "我 今天 要 做", "今天 天气 很")

#: However it is eaten, the dish is never the word.
NEVER_EATEN = (("吃", WORD), ("吃", "了", WORD), ("吃", "了", "很多", WORD))

WORDS_APART = TextFormat("whitespace")
FOODS = (*(dish for dishes in DISHES.values() for dish in dishes.split()), *EVERYWHERE.split())


# ---------------------------------------------------------------- the experiment


def exposed_text(times: int, seed: int, sentences: int = 1000) -> str:
    """Write sentences of the grammar in which nobody eats 披萨, and which have it ``times`` times.

    Returns
    -------
    str
        A sentence a line, its words apart.
    """
    written = generate(sentences, seed, hold_out=NEVER_EATEN, exposures={WORD: times})
    return "\n".join(" ".join(words) for words in written)


@cache
def grammar_vocabulary() -> Vocab:
    """All words of the grammar, whether a text has them or not."""
    return Vocab([*SPECIAL_TOKENS, *VOCABULARY])


def trained_window(text: str, seed: int, epochs: int = 8) -> WindowLM:
    """Train a window model that sees four tokens, with Adam."""
    vocab, rng = grammar_vocabulary(), np.random.default_rng(seed)
    model = WindowLM(WindowConfig(context=4, embedding=16, hidden=32), vocab, WORDS_APART, rng)
    sentences = encode_text(text, WORDS_APART, vocab)
    optimiser = Adam(learning_rate=0.01)
    for _epoch in range(epochs):
        read_once(model, sentences, optimiser, rng)
    return model


def read_once(
    model: WindowLM, sentences: Sequence[TokenIds], optimiser: Adam, rng: np.random.Generator
) -> None:
    """Train a model on all sentences once, forty at a time, in a new order."""
    order = rng.permutation(len(sentences))
    for start in range(0, len(order), 40):
        batch = [sentences[i] for i in order[start : start + 40]]
        inputs, targets = padded_batch(batch, model.vocab.bos)  # (B, T) each
        _loss, gradients, _state = model.loss_and_gradients(inputs, targets)
        optimiser.update(model.parameters, gradients)


def counted_ngrams(text: str) -> NgramLM:
    """Count 5-grams, which see four tokens too, and smooth them by modified Kneser-Ney."""
    vocab = grammar_vocabulary()
    counts = count_ngrams(encode_text(text, WORDS_APART, vocab), vocab, order=5)
    return NgramLM.from_counts(counts, ModifiedKneserNey(), WORDS_APART)


def probabilities_after(model: LanguageModel, context: str) -> npt.NDArray[np.float64]:
    """Give P(token | context) for every token, (V,); the context's words stand apart."""
    state = model.initial_state(1)
    for token in [model.vocab.bos, *model.vocab.encode(context.split())]:
        logprobs, state = model.step([token], state)
    return np.exp(logprobs[0])


def probability(model: LanguageModel, context: str, word: str = WORD) -> float:
    """Give P(word | context); the context's words stand apart."""
    return float(probabilities_after(model, context)[model.vocab[word]])


@dataclass(frozen=True)
class Trial:
    """What was learned from one text, by a window model and by counting."""

    window: WindowLM
    ngrams: NgramLM


@cache
def trial(times: int, seed: int) -> Trial:
    """Write a text, and train both models on it; the same numbers give the same models."""
    text = exposed_text(times, seed)
    return Trial(trained_window(text, seed), counted_ngrams(text))


class Measured(TypedDict):
    """What came out of the trials with one number of exposures, seed by seed.

    ``window`` and ``ngrams`` have P(披萨 | context) for each of the `CONTEXTS`; ``read`` and
    ``said`` the words nearest to 披萨 in the window model; ``vectors`` are those of all words,
    in the model of the seed `MAPPED`.
    """

    window: dict[str, list[float]]
    ngrams: dict[str, list[float]]
    read: list[list[str]]
    said: list[list[str]]
    vectors: list[list[float]]


def measure(times: int) -> Measured:
    """Make the trials of all `SEEDS`, and ask their models: some seconds."""
    trials = {seed: trial(times, seed) for seed in SEEDS}

    def ask(kind: str) -> dict[str, list[float]]:
        models = [getattr(each, kind) for each in trials.values()]
        return {c: [probability(model, c) for model in models] for c in CONTEXTS}

    vectors = trials[MAPPED].window.parameters["embedding"][len(SPECIAL_TOKENS) :]
    return Measured(
        window=ask("window"),
        ngrams=ask("ngrams"),
        read=[neighbours(each.window, "embedding") for each in trials.values()],
        said=[neighbours(each.window, "W_o") for each in trials.values()],
        vectors=vectors.round(4).tolist(),
    )


@cache
def measured() -> dict[int, Measured]:
    """Read what was measured beforehand: exposures -> what came out."""
    stored = json.loads(artefact("exposure.json").read_text(encoding="utf-8"))
    return {int(times): found for times, found in stored.items()}


def truth(context: str) -> float:
    """P(披萨 | context) by the grammar itself, nothing held out, for the `CONTEXTS`."""
    return 0.0 if context == CONTEXTS[2] else 1 / len(FOODS)


# ---------------------------------------------------------------- the figure


def exposure_slider() -> Interactive:
    """Build the figure: 披萨 seen 0 to 50 times elsewhere, and who expects it where."""
    return Interactive(
        name="exposure",
        title=_("How often 披萨 was seen elsewhere"),
        controls=(
            Control(
                "times",
                _("Times that 披萨 (pizza) was seen, never eaten"),
                EXPOSURES,
                [str(times) for times in EXPOSURES],
            ),
            Control(
                "context",
                _("What comes next?"),
                CONTEXTS,
                [
                    _("我很喜欢吃… (I like eating …)"),
                    _("我今天要做… (today I will cook …)"),
                    _("今天天气很… (the weather is very …)"),
                ],
                kind="select",
            ),
        ),
        draw=draw_exposure,
        look=_(
            "Each dot is a model trained on a text of its own: 1,000 sentences of the grammar, in "
            "which nobody ever eats 披萨. Guess where the dots go when the word has been seen "
            "once, and where it goes on the map."
        ),
        notice=_(
            "Unseen, the word stands anywhere, and no model expects it. Seen once or twice, it has "
            "found the dishes in some models and not in others. Seen five times, its five nearest "
            "neighbours are dishes in every one, and they expect it to be eaten some twenty times "
            "as much as counting does; seen fifty times, some fifty times. They do not reach the "
            "grammar's own value: every other dish was eaten, this one never, and they have "
            "noticed. And sharing has a price. In front of the weather, where no dish belongs, "
            "counting is the surer of the two."
        ),
    )


def draw_exposure(times: int, context: str) -> Frame:
    """Draw the probabilities of all seeds, and the map of one."""
    found = measured()[times]
    windows, counts = found["window"][context], found["ngrams"][context]
    mapped = SEEDS.index(MAPPED)
    sentence = _(
        "Seen {times}×. Probability of 披萨 after {context}, median of ten and range: window "
        "model {window}; Kneser-Ney {counts}; the grammar itself {truth}. "
        "Nearest to it as a word read: {read}. As a word predicted: {said}."
    ).format(
        times=times,
        context=context.replace(" ", ""),
        window=_spread(windows),
        counts=_spread(counts),
        truth=percent(truth(context)),
        read=" ".join(found["read"][mapped]),
        said=" ".join(found["said"][mapped]),
    )
    picture = (
        f'<p class="quiet">{_("Probability of 披萨 as the next word (logarithmic scale)")}</p>'
        + _strip(windows, counts, truth(context))
        + f'<p class="quiet">{_("The words that one of the window models reads, as a map")}</p>'
        + _map(times)
    )
    return Frame(picture, sentence)


def neighbours(model: WindowLM, name: str, word: str = WORD, count: int = 5) -> list[str]:
    """Name the words nearest to a word, as it is read (``embedding``) or said (``W_o``)."""
    E = model.parameters[name]
    rows = E if name == "embedding" else E.T  # (V, D) or (V, H)
    words = rows[len(SPECIAL_TOKENS) :]
    found, _cosines = nearest(words, VOCABULARY.index(word), count)
    return [VOCABULARY[i] for i in found]


def percent(p: float) -> str:
    """Write a small probability with two digits, and never in powers of ten.

    Examples
    --------
    >>> percent(0.0344), percent(0.000021), percent(0.0)
    ('3.4%', '0.0021%', '0%')
    """
    if p == 0:
        return "0%"
    digits = max(0, 1 - math.floor(math.log10(100 * p)))
    return f"{100 * p:.{digits}f}%"


def _spread(values: Sequence[float]) -> str:
    return _("{middle} ({least} to {most})").format(
        middle=percent(median(values)), least=percent(min(values)), most=percent(max(values))
    )


# ---------------------------------------------------------------- drawing

_LEFT, _WIDE, _LEAST = 12, 316, -6.0  # pixels; the axis begins at 10 to the power of _LEAST


def _place(p: float) -> float:
    return _LEFT + _WIDE * (1 - max(math.log10(max(p, 1e-99)), _LEAST) / _LEAST)


def _strip(windows: Sequence[float], counts: Sequence[float], target: float) -> str:
    """Draw a row of dots for each kind of model on one logarithmic axis."""
    parts = []
    for power, text in ((-6, "10⁻⁶"), (-4, "10⁻⁴"), (-2, "10⁻²"), (0, "1")):
        x = _place(10.0**power)
        parts.append(f'<path class="line" d="M{x:.0f} 8V86"/>')
        parts.append(f'<text class="middle faint" x="{x:.0f}" y="100">{text}</text>')
    rows = ((_("window model"), "window", windows, 20), (_("Kneser-Ney"), "counting", counts, 56))
    for name, family, values, y in rows:
        parts.append(f'<text x="{_LEFT}" y="{y}">{name}</text>')
        for value in values:
            parts.append(
                f'<circle class="{family}" cx="{_place(value):.1f}" cy="{y + 13}" r="4.5"/>'
            )
    if target:
        x = _place(target)
        parts.append(f'<path class="goal" d="M{x:.1f} 8V86"/>')
        parts.append(f'<text class="end" x="{x - 5:.1f}" y="20">{_("the grammar")}</text>')
    label = _("Probabilities of both kinds of model, a dot for each of ten texts")
    return (
        f'<svg class="plot" viewBox="0 0 340 106" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


@cache
def _places(times: int) -> npt.NDArray[np.float64]:
    """(words, 2): the plane of one model's vectors, turned to lie as that of 50 sightings."""
    places, _share = principal_plane(np.array(measured()[times]["vectors"]))
    if times != EXPOSURES[-1]:
        # the rotation, or reflection, that brings the two maps closest (Schönemann 1966)
        left, _sizes, right = np.linalg.svd(places.T @ _places(EXPOSURES[-1]))
        places = places @ left @ right
    return places


def _map(times: int) -> str:
    """Draw every word as a dot; dishes in colour, the names of groups where they stand."""
    everywhere = np.concatenate([_places(each) for each in EXPOSURES])  # one scale for all maps
    least, most = everywhere.min(axis=0), everywhere.max(axis=0)
    places = 12 + (_places(times) - least) / (most - least) * [316, 196]  # (words, 2) pixels
    dots, names = [], []
    for word, (x, y) in zip(VOCABULARY, places.tolist(), strict=True):
        if word != WORD:
            kind = "window" if word in FOODS else "faint"
            dots.append(f'<circle class="{kind}" cx="{x:.0f}" cy="{y:.0f}" r="3"/>')
    groups = {
        _("dishes"): FOODS,
        _("people"): WORDS["PERSON"].split(),
        _("places"): tuple(DISHES),
        _("past"): WORDS["PAST"].split(),
        _("future"): WORDS["FUTURE"].split(),
    }
    taken: list[tuple[float, float]] = []
    for name, words in groups.items():
        members = places[[VOCABULARY.index(word) for word in words if word != WORD]]
        x, y = float(np.median(members[:, 0])), float(members[:, 1].max()) + 13  # below the group
        while any(abs(x - left) < 45 and abs(y - top) < 12 for left, top in taken):
            y += 12
        taken.append((x, y))
        names.append(_name(name, x, y, "group"))
    x, y = places[VOCABULARY.index(WORD)].tolist()
    names.append(f'<circle class="goal" cx="{x:.0f}" cy="{y:.0f}" r="5"/>')
    names.append(_name(WORD, x, y - 9, "own"))
    label = _("Map of the words' vectors: 披萨 and the groups of words around it")
    return (
        f'<svg class="plot" viewBox="0 0 340 232" role="img" aria-label="{label}">'
        f"{''.join(dots)}{''.join(names)}</svg>"
    )


def _name(text: str, x: float, y: float, kind: str) -> str:
    x, y = min(max(x, 24), 316), max(y, 12)
    return f'<text class="middle {kind}" x="{x:.0f}" y="{y:.0f}">{text}</text>'
