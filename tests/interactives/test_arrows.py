"""Who sees the target: the arrows lead where the gradients of a real network go."""

import re

import pytest
import torch

from lmlib.interactives.arrows import GAP, MODELS, SENTENCE, arrows_figure, reading
from lmlib.neural import seeded
from lmlib.recurrent import RecurrentLayers

FIGURE = arrows_figure()
each_setting = pytest.mark.parametrize(
    ("place", "model", "layers"),
    [(p, m, n) for p in range(len(SENTENCE)) for m in MODELS for n in (1, 2)],
)


@each_setting
def test_words_reach_the_prediction_as_gradients_do(place: int, model: str, layers: int) -> None:
    found = reading(model, place, layers)
    with seeded(0):
        network = RecurrentLayers(
            3, 4, layers, "lstm", bidirectional=model != "left to right"
        ).double()
        x = torch.randn(1, len(found.read), 3, dtype=torch.float64, requires_grad=True)
    outputs, _ = network(x)
    (_layer, _direction, asked) = found.asked[0]
    (gradient,) = torch.autograd.grad(outputs[0, asked].sum(), x)
    assert found.seen() == torch.flatten(gradient[0].abs().sum(1).nonzero()).tolist()


@each_setting
def test_only_both_directions_without_a_gap_cheat(place: int, model: str, layers: int) -> None:
    found = reading(model, place, layers)
    assert found.cheats == (model == "both directions")
    assert (found.read[found.target] == GAP) == (model == "filler")
    if model == "left to right":
        assert max(found.seen()) < found.target
    else:
        assert found.seen() == list(range(len(found.read)))


@each_setting
def test_thick_arrows_are_those_on_the_way(place: int, model: str, layers: int) -> None:
    found = reading(model, place, layers)
    frame = FIGURE.draw(place=place, model=model, layers=layers)
    reaching = found.reaching()
    on_the_way = sum(a in reaching and b in reaching for a, b in found.arrows)
    assert len(re.findall('class="way strong"', frame.picture)) == on_the_way + len(found.asked)
    assert len(re.findall('class="way"', frame.picture)) == len(found.arrows) - on_the_way
    assert ("itself is one of them" in frame.reading) == found.cheats


def test_the_figure_is_light() -> None:
    assert len(FIGURE.to_html().encode()) < 200_000
