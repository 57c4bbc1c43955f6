"""What chapter 08 says of its trained artefacts is so."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ARTEFACTS = Path(__file__).parents[1] / "chapters" / "artefacts"


def measured(name: str) -> dict[str, Any]:
    return json.loads((ARTEFACTS / f"agreement-{name}.json").read_text("utf-8"))


def by_distance(found: dict[str, Any]) -> dict[int, list[float]]:
    return dict(zip(found["distances"], found["accuracy"], strict=True))


def test_the_cat_is_learned_from_near_and_never_from_far() -> None:
    for distance, accuracies in by_distance(measured("distance")).items():
        if distance <= 7:
            assert min(accuracies) == 1
        if distance >= 20:
            assert 0.4 < min(accuracies) <= max(accuracies) < 0.6


def test_in_the_kitchen_it_goes_the_same_way_a_little_later() -> None:
    cats, dishes = by_distance(measured("distance")), by_distance(measured("dishes"))
    for distance, accuracies in dishes.items():
        assert np.mean(accuracies) > np.mean(cats[distance]) - 0.01
    means = [np.mean(accuracies) for accuracies in dishes.values()]
    assert means == sorted(means, reverse=True)
    assert means[0] == 1 and means[-1] < 0.6


@pytest.mark.parametrize("name", ["distance", "dishes"])
def test_the_five_gram_falls_off_after_three_words(name: str) -> None:
    found = measured(name)
    for distance, accuracy in zip(found["distances"], found["counted"], strict=True):
        assert accuracy == 1 if distance <= 3 else 0.4 < accuracy < 0.6


def test_the_gradient_falls_by_about_the_same_factor_with_every_word() -> None:
    falls = np.array([network["gradient"] for network in measured("distance")["untrained"]])
    powers = np.log(falls).mean(axis=0)
    steps = np.diff(powers)
    assert np.all(steps < 0)
    assert np.exp(steps[10:].max()) < 2 * np.exp(steps[10:].min())


def test_taught_from_near_to_far_every_network_is_right_everywhere() -> None:
    found = measured("near-first")
    assert np.min(found["verb"]["accuracy"]) == 1
    far = found["every word"]["accuracy"][-1]
    assert sum(accuracy > 0.9 for accuracy in far) == 1


def test_networks_that_hold_on_are_saturated_and_deaf() -> None:
    fresh = measured("distance")["untrained"]
    for network in measured("near-first")["verb"]["trained"]:
        assert 2 < network["radius"] < 3
        assert network["saturation"] > 0.6
    before, after = (
        np.mean([math.log10(network["gradient"][30]) for network in networks])
        for networks in (fresh, measured("near-first")["verb"]["trained"])
    )
    assert after < before - 3  # faster still, by more than a factor of a thousand
    assert max(network["saturation"] for network in fresh) < 0.01
    assert 0.5 < np.mean([network["radius"] for network in fresh]) < 0.7


def test_of_fifteen_beginnings_relu_with_the_identity_goes_furthest() -> None:
    found = {
        (row["activation"], row["start"]): [
            sum(accuracy > 0.9 for accuracy in row["accuracy"].get(distance, []))
            for distance in ("10", "30", "50")
        ]
        for row in measured("starts")["rows"]
    }
    assert len(found) == 15
    for (activation, start), networks in found.items():
        if activation == "sigmoid" or start == "between 0 and 1":
            assert networks == [0, 0, 0]
        if (activation, start) != ("relu", "identity"):
            assert networks[2] < 3
        if activation == "relu":
            assert networks >= found["tanh", start]
    assert found["relu", "identity"] == [3, 3, 3]
    assert found["tanh", "orthogonal"] == [3, 1, 0]
    starts = {start for _, start in found}
    assert sum(found["relu", start] > found["tanh", start] for start in starts) == 4
