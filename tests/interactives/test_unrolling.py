"""The unroll stepper: what is drawn is what the equations give, with one set of weights."""

import re
from html import unescape

import numpy as np
import pytest

from lmlib.corpora.grammar import probability
from lmlib.interactives.figure import Frame
from lmlib.interactives.unrolling import (
    DRAWN,
    HIDDEN,
    SENTENCES,
    read_sentence,
    small_model,
    unroll_stepper,
)

FIGURE = unroll_stepper()
IDS = ["noodles", "weather", "cat", "cats"]
each_sentence = pytest.mark.parametrize("sentence", SENTENCES, ids=IDS)
CAT, CATS = SENTENCES[2:]
BAR = re.compile(
    r'class="label">(.*?) </span><span class="bar (\w+)"><i style="--length:(.*?)"></i>(.*?)</span>'
)


def drawn(sentence: tuple[str, str], words: int, view: str = "time") -> Frame:
    return FIGURE.draw(sentence=sentence, words=words, view=view)


def by_hand(sentence: tuple[str, str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """h_t and P(next | h_t) after <bos> and each word, written out."""
    language, text = sentence
    model = small_model(language)
    p, vocab = model.parameters, model.vocab
    h, found = np.zeros(HIDDEN), []
    for word in ["<bos>", *text.split()]:
        h = np.tanh(p["embedding"][vocab[word]] @ p["W_x"] + h @ p["W_h"] + p["b"])
        scores = np.exp(h @ p["W_o"] + p["b_o"])
        scores[vocab.bos] = 0
        found.append((h, scores / scores.sum()))
    return found


def heights(frame: Frame) -> list[list[float]]:
    """The numbers of each state drawn in columns, read off its bars."""
    paths = re.findall(r'<path class="bar" d="(.*?)"/>', frame.picture)
    return [[float(v) / 15 for v in re.findall(r"M[^h]*h(-?\d+)v", path)] for path in paths]


@each_sentence
def test_every_column_is_the_state_that_the_equation_gives(sentence: tuple[str, str]) -> None:
    states = [state for state, _ in by_hand(sentence)]
    for t in range(len(states)):
        columns = heights(drawn(sentence, t))
        wanted = states[max(0, t + 1 - DRAWN) : t + 1]
        assert len(columns) == len(wanted) <= DRAWN
        for column, state in zip(columns, wanted, strict=True):
            assert column == pytest.approx(state.tolist(), abs=0.5 / 15 + 1e-9)


@each_sentence
def test_every_bar_is_what_the_softmax_gives(sentence: tuple[str, str]) -> None:
    vocab = small_model(sentence[0]).vocab
    words = sentence[1].split()
    for t, (_, probabilities) in enumerate(by_hand(sentence)):
        bars = [(unescape(bar[0]), *bar[1:]) for bar in BAR.findall(drawn(sentence, t).picture)]
        for label, _family, length, _text in bars:
            assert float(length) == pytest.approx(probabilities[vocab[label]], rel=1e-3)
        following = [*words, "<eos>"][t]
        assert [label for label, family, *_ in bars if family == "data"] == [following]
        best = vocab.tokens[int(np.argmax(probabilities))]
        assert bars[0][0] == best
        assert f"Most probable next: {best}" in drawn(sentence, t).reading


@pytest.mark.parametrize("view", ["time", "layers"])
def test_five_words_are_five_layers_and_each_has_the_same_three_matrices(view: str) -> None:
    for words in range(10):
        picture = drawn(CAT, words, view).picture
        named = re.findall(r'W<tspan class="low" dy="3">(\w)</tspan>', picture)
        layers = min(words + 1, DRAWN)
        assert sorted(named) == sorted("xho" * layers)
        assert picture.count('class="cells"') == layers
        assert ("…" in picture) == (words + 1 > DRAWN)


def test_folded_there_is_one_state_with_one_loop() -> None:
    picture = drawn(CAT, 6, "folded").picture
    assert picture.count('class="cells"') == 1
    assert re.findall(r'dy="3">(\w)</tspan>', picture) == ["o", "h", "x"]


def test_beyond_its_last_word_a_sentence_stays_where_it_is() -> None:
    last, beyond = drawn(SENTENCES[0], 5), drawn(SENTENCES[0], 9)
    assert beyond.picture == last.picture
    assert beyond.reading == f"All words are read. {last.reading}"


def test_what_the_reader_should_have_noticed_is_so() -> None:
    before = CAT[1].split().index("was")
    assert CAT[1].split()[2:before] == CATS[1].split()[2:before]
    assert before - 2 == 5
    for sentence, verb in ((CAT, "was"), (CATS, "were")):
        steps = read_sentence(small_model("en"), sentence[1].split())
        assert steps[before].guess == verb
        assert steps[before].probabilities[verb] > 0.9


def test_the_models_are_trained_on_sentences_like_those_shown() -> None:
    assert probability(SENTENCES[0][1]) > 0 and probability(SENTENCES[1][1]) > 0
    for language, text in SENTENCES:
        assert all(word in small_model(language).vocab for word in text.split())


def test_the_figure_is_light() -> None:
    assert len(FIGURE.to_html().encode()) < 300_000
