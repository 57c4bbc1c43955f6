"""The ladder at one budget: what is drawn and said is what was measured."""

import json
import math
import re
from itertools import product
from statistics import fmean

import pytest

from lmlib.interactives.budget import (
    FAMILY,
    budgets,
    climbed,
    draw_budget,
    duration,
    ladder_budget,
    texts,
    winner,
    within_reach,
)
from lmlib.repository import artefact

STORED = json.loads(artefact("ladder.json").read_text(encoding="utf-8"))["texts"]
CELLS = [(text, budget) for text in texts() for budget in budgets(text)]


@pytest.mark.parametrize(("text", "budget"), CELLS)
def test_the_winner_has_the_fewest_bits_of_all_in_the_artefact(text: str, budget: int) -> None:
    cells = STORED[text]["budgets"][str(budget)]
    means = {
        rung: fmean(seed["bits_per_character"] for seed in cell.get("seeds", [cell]))
        for rung, cell in cells.items()
    }
    best = winner(climbed(text, budget))
    assert means[best.rung] == min(means.values())
    assert set(means) == set(FAMILY)
    reading = draw_budget(budget, text).reading
    assert reading.startswith(f"{budget:,} tokens.") and f"{best.mean:.3f}" in reading
    assert f"after {duration(best.seconds)};" in reading


@pytest.mark.parametrize(("text", "budget"), CELLS)
def test_dots_stand_where_their_bits_are(text: str, budget: int) -> None:
    """Two ticks give the axis; every seed is a dot, in the colour of its family."""
    picture = draw_budget(budget, text).picture
    ticks = re.findall(r'class="middle" x="(\S+?)" y="\S+?">(\S+?)<', picture)
    (x0, low), (x1, high) = [(float(x), float(bits)) for x, bits in (ticks[0], ticks[-1])]
    dots = re.findall(r'<circle class="(\w+)" cx="(\S+?)"', picture)
    expected = [
        (FAMILY[each.rung], bits) for each in climbed(text, budget).values() for bits in each.bits
    ]
    assert [family for family, _x in dots] == [family for family, _bits in expected]
    for (_family, x), (_same, bits) in zip(dots, expected, strict=True):
        assert x0 + (bits - low) / (high - low) * (x1 - x0) == pytest.approx(float(x), abs=0.6)
    assert picture.count('class="ahead"') == 1


def test_a_perplexity_is_that_of_the_mean_loss() -> None:
    text, budget = CELLS[0]
    (seeds, found) = STORED[text]["budgets"][str(budget)]["rnn"]["seeds"], climbed(text, budget)
    mean = fmean(seed["nats_per_token"] for seed in seeds)
    assert found["rnn"].perplexity == pytest.approx(math.exp(mean))
    assert found["rnn"].parameters == seeds[0]["parameters"]
    assert found["rnn"].seconds == pytest.approx(fmean(seed["seconds"] for seed in seeds))


def test_a_text_that_is_too_short_is_shown_at_its_largest_budget_and_says_so() -> None:
    for text in texts():
        largest = budgets(text)[-1]
        assert (
            within_reach(text, 10 * largest) == largest
            and within_reach(text, 1) == budgets(text)[0]
        )
        frame = draw_budget(10 * largest, text)
        assert frame.picture == draw_budget(largest, text).picture
        assert f"not been measured at {10 * largest:,}" in frame.reading


def test_the_figure_has_a_frame_for_every_text_and_budget_and_is_light() -> None:
    figure = ladder_budget()
    assert len(figure.frames()) == len(list(product(texts(), budgets())))
    assert len(figure.to_html().encode()) < 120_000


@pytest.mark.parametrize("text", texts())
def test_more_text_moves_the_unigram_least(text: str) -> None:
    ends = [climbed(text, budget) for budget in (budgets(text)[0], budgets(text)[-1])]
    gains = {rung: ends[0][rung].mean - ends[1][rung].mean for rung in FAMILY}
    assert gains["unigram"] == min(gains.values())
