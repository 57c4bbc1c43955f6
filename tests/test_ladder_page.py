"""What chapter 12 says of the ladder is so, and what is stored is what counting gives again."""

import importlib.util
import json
import math
import sys
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from lmlib.repository import artefact

LADDER: dict[str, Any] = json.loads(artefact("ladder.json").read_text(encoding="utf-8"))
SIDE: dict[str, Any] = json.loads(artefact("ladder-side-by-side.json").read_text(encoding="utf-8"))
SPEC = importlib.util.spec_from_file_location(
    "artefacts_of_chapter12", Path(__file__).parent / "benchmarks" / "artefacts" / "chapter12.py"
)
assert SPEC is not None and SPEC.loader is not None
MAKER = sys.modules[SPEC.name] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(MAKER)
NETWORKS = ("window", "rnn", "gru", "lstm")
COUNTED = ("unigram", "kneser-ney-5", "kneser-ney-chosen")
CELLS = [
    pytest.param(text, budget, id=f"{text} {budget}")
    for text, found in LADDER["texts"].items()
    for budget in found["budgets"]
]


def cell(text: str, budget: str) -> dict[str, Any]:
    found: dict[str, Any] = LADDER["texts"][text]["budgets"][budget]
    return found


def test_every_text_is_there_from_ten_thousand_tokens_to_all() -> None:
    assert set(SIDE) == set(LADDER["texts"]) == set(MAKER.SOURCES)
    for text, source in MAKER.SOURCES.items():
        assert list(LADDER["texts"][text]["budgets"]) == list(map(str, source.budgets))
        assert source.budgets[0] == 10_000


@pytest.mark.parametrize(("text", "budget"), CELLS)
def test_every_choice_was_made_on_what_is_held_out(text: str, budget: str) -> None:
    found = cell(text, budget)
    held_out = found["kneser-ney-chosen"]["held_out"]
    assert held_out[str(found["kneser-ney-chosen"]["order"])] == min(held_out.values())
    for rung in NETWORKS:
        best = min(found[rung]["tried"], key=lambda tried: tried["held_out"])
        assert {seed["dropout"] for seed in found[rung]["seeds"]} == {best["dropout"]}
        assert best in found[rung]["seeds"]
        assert len(found[rung]["seeds"]) == (3 if int(budget) <= 100_000 else 1)


@pytest.mark.parametrize(("text", "budget"), CELLS)
def test_three_ways_to_say_a_loss_agree(text: str, budget: str) -> None:
    """Perplexity, nats a token and bits a character are of one total, for every model alike."""
    found = cell(text, budget)
    every = [found[rung] for rung in COUNTED]
    every += [seed for rung in NETWORKS for seed in found[rung]["seeds"]]
    for each in every:
        assert each["perplexity"] == pytest.approx(math.exp(each["nats_per_token"]))
    ratios = {round(each["bits_per_character"] / each["nats_per_token"], 9) for each in every}
    assert len(ratios) == 1


@pytest.mark.parametrize("text", list(LADDER["texts"]))
def test_more_text_makes_every_learner_better(text: str) -> None:
    budgets = [cell(text, budget) for budget in LADDER["texts"][text]["budgets"]]
    for fewer, more in pairwise(budgets):
        assert (
            more["kneser-ney-chosen"]["nats_per_token"]
            < fewer["kneser-ney-chosen"]["nats_per_token"]
        )
        for rung in NETWORKS:
            first, then = (
                fmean(seed["nats_per_token"] for seed in found[rung]["seeds"])
                for found in (fewer, more)
            )
            assert then < first


@pytest.mark.parametrize(
    "text, ahead",
    [
        ("english words", set(NETWORKS)),
        ("english characters", set()),
        ("chinese characters", set()),
    ],
)
def test_who_is_ahead_of_kneser_and_ney_in_the_end(text: str, ahead: set[str]) -> None:
    """With ten thousand tokens nobody is, on any text; with all of them, on words alone."""
    budgets = [cell(text, budget) for budget in LADDER["texts"][text]["budgets"]]

    def networks_ahead(found: dict[str, Any]) -> set[str]:
        counted = found["kneser-ney-chosen"]["nats_per_token"]
        return {
            rung
            for rung in NETWORKS
            if fmean(seed["nats_per_token"] for seed in found[rung]["seeds"]) < counted
        }

    assert networks_ahead(budgets[0]) == set()
    assert networks_ahead(budgets[-1]) == ahead


@pytest.mark.parametrize("text", list(LADDER["texts"]))
def test_counting_keeps_more_with_each_budget_and_a_network_as_many(text: str) -> None:
    budgets = [cell(text, budget) for budget in LADDER["texts"][text]["budgets"]]
    kept = [found["kneser-ney-5"]["parameters"] for found in budgets]
    assert kept == sorted(set(kept))
    for rung in NETWORKS:
        assert len({found[rung]["seeds"][0]["parameters"] for found in budgets}) == 1


@pytest.mark.parametrize("text", list(SIDE))
def test_the_lines_add_up_to_the_ladder(text: str) -> None:
    found = cell(text, "100000")
    assert len(SIDE[text]["tokens"]) == LADDER["test_lines"]
    for rung, stored in SIDE[text]["rungs"].items():
        whole = found[rung]["seeds"][0] if rung in NETWORKS else found[rung]
        mean = sum(stored["nats"]) / sum(SIDE[text]["tokens"])
        assert mean == pytest.approx(whole["nats_per_token"], abs=1e-4)


def test_counting_again_gives_the_same() -> None:
    """The maker of the artefact, run anew where it takes seconds."""
    text, budget = "english characters", "10000"
    for rung, again in MAKER.counted_cell(text, int(budget)).items():
        stored = cell(text, budget)[rung]
        for key in ("order", "parameters", "nats_per_token", "bits_per_character"):
            assert again[key] == pytest.approx(stored[key], rel=1e-9)
