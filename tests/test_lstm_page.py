"""What chapter 10 says of its trained artefacts is so."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmlib.diagnostics import retention
from lmlib.grading.questions import find

ARTEFACTS = Path(__file__).parents[1] / "chapters" / "artefacts"
CELLS: dict[str, Any] = json.loads((ARTEFACTS / "agreement-cells.json").read_text("utf-8"))
TEXTS = {
    name: json.loads((ARTEFACTS / f"gru-lstm-{name}.json").read_text("utf-8"))
    for name in ("emma", "little", "everyday")
}


def at_fifty(found: dict[str, Any]) -> list[float]:
    return dict(zip(CELLS["distances"], found["accuracy"], strict=True))[50]


def test_gates_carry_the_cat_over_fifty_words() -> None:
    assert len(at_fifty(CELLS["LSTM"])) == len(at_fifty(CELLS["GRU"])) == 5
    assert min(at_fifty(CELLS["LSTM"])) >= 0.95
    assert min(at_fifty(CELLS["GRU"])) >= 0.95


def test_the_plain_network_guesses_there() -> None:
    assert len(at_fifty(CELLS["RNN"])) == 5
    assert np.mean(at_fifty(CELLS["RNN"])) <= 0.65


def test_asked_for_the_verb_alone_the_plain_network_learns_it_too_only_later() -> None:
    found = CELLS["verb alone"]
    curves = {name: np.mean(row["curve_accuracy"], axis=0) for name, row in found.items()}
    soon = {name: int(np.argmax(curve > 0.9)) for name, curve in curves.items()}
    assert sum(a > 0.9 for a in at_fifty(found["RNN"])) >= 2
    for name in ("GRU", "LSTM"):
        assert min(at_fifty(found[name])) > 0.9
        assert soon[name] < soon["RNN"] or max(curves["RNN"]) <= 0.9


def test_never_taught_from_near_an_lstm_needs_a_bias_for_the_distance() -> None:
    found = CELLS["verb alone, 50 between"]
    assert max(at_fifty(found["LSTM"])) < 0.65
    assert min(at_fifty(found["LSTM, half-life 50"])) > 0.95


def test_layers_have_weights_as_one_to_three_to_four() -> None:
    rnn, gru, lstm = (CELLS[name]["parameters"] for name in ("RNN", "GRU", "LSTM"))
    assert lstm == 4 * rnn and gru == 3 * rnn + CELLS["hidden"]


@pytest.mark.parametrize("text", list(TEXTS))
def test_the_cells_are_compared_with_as_many_weights(text: str) -> None:
    weights = [row["parameters"] for row in TEXTS[text]["rows"]]
    assert len(weights) == 3 and max(weights) < 1.02 * min(weights)
    for row in TEXTS[text]["rows"]:
        assert len(row["test"]) >= 3
        assert row["learning_rate"] in TEXTS[text]["learning_rates"]


def test_the_library_and_the_question_mean_the_same_by_retention() -> None:
    kept = np.random.default_rng(0).uniform(size=(9, 4))
    assert np.allclose(retention(kept), find("10-retention").reference(kept))
