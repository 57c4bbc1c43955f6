"""The exposure slider: the texts hold out what they say, the dots are what the models say."""

import math
import re
from functools import cache
from statistics import median

import numpy as np
import pytest

from lmlib.corpora.grammar import VOCABULARY
from lmlib.corpora.grammar import probability as probability_of
from lmlib.interactives.exposure import (
    CONTEXTS,
    EXPOSURES,
    FOODS,
    MAPPED,
    SEEDS,
    WORD,
    exposed_text,
    exposure_slider,
    grammar_vocabulary,
    measured,
    neighbours,
    percent,
    probability,
    trained_window,
    trial,
    truth,
)
from lmlib.interactives.figure import Frame

FIGURE = exposure_slider()


@cache
def drawn(times: int, context: str) -> Frame:
    return FIGURE.draw(times=times, context=context)


@pytest.mark.parametrize("times", EXPOSURES)
def test_the_word_stands_in_a_text_as_often_as_asked_and_is_never_eaten(times: int) -> None:
    for seed in SEEDS[:3]:
        text = exposed_text(times, seed)
        assert text.count("\n") == 999
        assert text.split().count(WORD) == times
        eaten = {dish for dish in FOODS if re.search(f"吃( 了)?( 很多)? {dish}", text)}
        assert eaten == set(FOODS) - {WORD}


def test_both_models_know_the_same_words_and_see_the_same_four() -> None:
    both = trial(5, 1)
    assert both.window.vocab == both.ngrams.vocab == grammar_vocabulary()
    assert both.window.context_length == both.ngrams.context_length == 4


def test_the_same_numbers_give_the_same_model() -> None:
    again = trained_window(exposed_text(1, 3), 3)
    for name, array in again.parameters.items():
        assert np.array_equal(array, trial(1, 3).window.parameters[name])


def by_hand(times: int, seed: int, context: str) -> float:
    """P(披萨 | context) out of the parameters, written down once more."""
    model = trial(times, seed).window
    p, vocab = model.parameters, model.vocab
    window = [vocab.bos, *vocab.encode(context.split())][-4:]
    x = np.concatenate([p["embedding"][token] for token in window])
    logits = np.tanh(x @ p["W_1"] + p["b_1"]) @ p["W_o"] + p["b_o"]
    logits[vocab.bos] = -np.inf
    return float(np.exp(logits[vocab[WORD]]) / np.exp(logits).sum())


@pytest.mark.parametrize(("times", "seed"), [(0, 1), (5, 2), (50, MAPPED)])
def test_what_was_measured_comes_out_again(times: int, seed: int) -> None:
    found, place = measured()[times], SEEDS.index(seed)
    made = trial(times, seed)
    for context in CONTEXTS:
        assert found["window"][context][place] == pytest.approx(
            by_hand(times, seed, context), rel=1e-4
        )
        assert found["ngrams"][context][place] == pytest.approx(
            probability(made.ngrams, context), rel=1e-9
        )
    assert found["read"][place] == neighbours(made.window, "embedding")
    assert found["said"][place] == neighbours(made.window, "W_o")
    if seed == MAPPED:
        vectors = made.window.parameters["embedding"][3:]
        assert np.abs(np.array(found["vectors"]) - vectors).max() < 1e-4


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("times", EXPOSURES)
def test_every_dot_stands_where_its_model_puts_it(times: int, context: str) -> None:
    frame, found = drawn(times, context), measured()[times]
    for family, said in (
        ("window", found["window"][context]),
        ("counting", found["ngrams"][context]),
    ):
        picture = frame.picture.split("</svg>")[0]
        places = re.findall(rf'<circle class="{family}" cx="([\d.]+)"', picture)
        powers = [-6 * (1 - (float(x) - 12) / 316) for x in places]
        assert powers == pytest.approx([max(math.log10(p), -6) for p in said], abs=0.01)
        assert len(powers) == len(SEEDS)
        spread = f"{percent(median(said))} ({percent(min(said))} to {percent(max(said))})"
        assert spread in frame.reading


def test_the_map_has_every_word_and_holds_them_all() -> None:
    for times in EXPOSURES:
        picture = drawn(times, CONTEXTS[0]).picture.split("</svg>")[1]
        dots = re.findall(r'<circle class="(\w+)" cx="(\d+)" cy="(\d+)"', picture)
        assert len(dots) == len(VOCABULARY)
        assert sum(kind == "window" for kind, _x, _y in dots) == len(FOODS) - 1
        assert all(0 <= int(x) <= 340 and 0 <= int(y) <= 232 for _kind, x, y in dots)


def dishes_nearby(times: int) -> list[int]:
    """How many of the five nearest words, as they are read, are dishes: seed by seed."""
    return [sum(word in FOODS for word in words) for words in measured()[times]["read"]]


def test_what_the_reader_should_have_noticed_is_so() -> None:
    eaten, _cooked, weather = CONTEXTS
    ratio = {
        (times, context): median(found["window"][context]) / median(found["ngrams"][context])
        for times, found in measured().items()
        for context in CONTEXTS
    }
    assert max(dishes_nearby(0)) <= 1
    for times in (1, 2):
        assert 5 in dishes_nearby(times) and min(dishes_nearby(times)) <= 1
    for times in EXPOSURES[3:]:
        assert dishes_nearby(times) == [5] * len(SEEDS)
        assert max(measured()[times]["window"][eaten]) < truth(eaten)  # they have noticed
    assert 15 < ratio[5, eaten] < 25
    assert 40 < ratio[50, eaten] < 60
    assert ratio[0, eaten] < 2
    assert all(ratio[times, weather] > 2 for times in EXPOSURES)


def test_the_model_on_the_map_is_an_ordinary_one() -> None:
    for times in EXPOSURES:
        assert abs(dishes_nearby(times)[SEEDS.index(MAPPED)] - median(dishes_nearby(times))) <= 1


def test_the_truth_is_the_grammars_own() -> None:
    for start in CONTEXTS[:2]:
        dishes = {dish: probability_of(f"{start} {dish}") for dish in FOODS}
        assert dishes[WORD] / sum(dishes.values()) == pytest.approx(truth(start))
    assert probability_of(f"{CONTEXTS[2]} {WORD}") == truth(CONTEXTS[2]) == 0


def test_the_figure_is_light() -> None:
    assert len(FIGURE.to_html().encode()) < 120_000
