"""Temperature, top-k and top-p: what is shown is what `decoding` makes of trained networks."""

import re
from functools import cache
from html import unescape
from itertools import product

import numpy as np
import pytest

from lmlib.decoding import apply_temperature, keep_top_k, keep_top_p
from lmlib.interactives.figure import Frame
from lmlib.interactives.sampling import (
    DRAWS,
    SHOWN,
    TEMPERATURES,
    TOP_KS,
    TOP_PS,
    Expectation,
    expectations,
    next_token_bars,
    reshaped,
)
from lmlib.repository import artefact

FIGURE = next_token_bars()
SETTINGS = list(product(TEMPERATURES, TOP_KS, TOP_PS))
BAR = re.compile(r'style="--length:(.*?)"></i>')


@cache
def drawn_frame(
    expected: Expectation, temperature: float, top_k: int | None, top_p: float
) -> Frame:
    return FIGURE.draw(expected=expected, temperature=temperature, top_k=top_k, top_p=top_p)


def draws(expected: Expectation, temperature: float, top_k: int | None, top_p: float) -> list[str]:
    frame = drawn_frame(expected, temperature, top_k, top_p)
    return unescape(re.findall(r'<p class="passage">(.*?)</p>', frame.picture)[0]).split(" ")


def kept(expected: Expectation, temperature: float, top_k: int | None, top_p: float) -> int:
    frame = drawn_frame(expected, temperature, top_k, top_p)
    return int(frame.reading.split()[0])


@pytest.mark.parametrize("expected", expectations(), ids=lambda e: e.prompt)
def test_the_bars_are_those_of_decoding_and_sum_to_one(expected: Expectation) -> None:
    for temperature, top_k, top_p in SETTINGS:
        by_decoding = apply_temperature(expected.logprobs, temperature)
        if top_k is not None:
            by_decoding = keep_top_k(by_decoding, top_k)
        p = np.exp(keep_top_p(by_decoding, top_p))
        frame = drawn_frame(expected, temperature, top_k, top_p)
        lengths = [float(length) for length in BAR.findall(frame.picture)]
        assert lengths == pytest.approx([*p[:SHOWN], p[SHOWN:].sum()], abs=1e-3)
        assert sum(lengths) == pytest.approx(1, abs=1e-2)
        assert frame.reading.startswith(f"{(p > 0).sum()} of {p.size} ")
        assert frame.picture.count("cut off") == sum(length == 0 for length in lengths)


def test_nothing_that_was_cut_off_is_drawn() -> None:
    for expected in expectations():
        for setting in SETTINGS:
            p = np.exp(reshaped(expected.logprobs, *setting))
            drawn = draws(expected, *setting)
            assert len(drawn) == DRAWS
            allowed = {expected.tokens[i] for i in np.flatnonzero(p).tolist()}
            assert {{"␣": " ", "⏎": "\n"}.get(token, token) for token in drawn} <= allowed


def test_what_the_reader_should_have_noticed_is_so() -> None:
    weather, why, she, miss = expectations()
    for expected in (weather, why, she, miss):
        assert set(draws(expected, 1.0, 1, 1.0)) == {expected.tokens[0]}
        assert kept(expected, 1.0, 20, 1.0) == 20
    for expected in (weather, why, miss):
        assert set(draws(expected, 0.1, None, 1.0)) == {expected.tokens[0]}
    for expected in (why, miss):
        assert kept(expected, 1.0, None, 0.95) == 1
    for expected in (weather, she):
        assert kept(expected, 1.0, None, 0.95) > 10
        hot = np.exp(reshaped(expected.logprobs, 3.0, None, 1.0))
        assert hot[SHOWN:].sum() > 0.4


@pytest.mark.parametrize("expected", expectations(), ids=lambda e: e.prompt)
def test_what_is_stored_is_what_the_trained_network_says(expected: Expectation) -> None:
    pytest.importorskip("torch")
    from lmlib.storage import load

    model = load(artefact(expected.model))
    vocab, state = model.vocab, model.initial_state(1)
    for token in [vocab.bos, *vocab.encode(list(expected.prompt))]:
        logprobs, state = model.step([token], state)
    p = np.exp(logprobs[0])
    p[vocab.unk] = 0.0
    said = p[[vocab[token] for token in expected.tokens]] / p.sum()
    np.testing.assert_allclose(np.exp(expected.logprobs), said, rtol=2e-3, atol=1e-7)


def test_the_figure_is_light() -> None:
    assert len(FIGURE.to_html().encode()) < 250_000
