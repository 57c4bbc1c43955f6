"""Every attack wins against a naive grader what it says: else nothing is shown by withstanding it.

A few by default; with LMLIB_HOSTILE=all every one, some twenty minutes.
"""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path

import pytest

from hostile.attacks import ATTACKS, HONEST, Attack, notebook
from hostile.naive_grader import Result, grade, missing

#: Cheap ones, of every kind.
SAMPLE = {
    "lying-float",
    "drops-asserts",
    "forged-idle",
    "exits",
    "walks-the-disk",
}

TRIED = [one for one in ATTACKS if os.environ.get("LMLIB_HOSTILE") == "all" or one.name in SAMPLE]

#: What the naive grader's own fence does not let through, though a naive grader would.
FENCED = {one.name for one in ATTACKS if "network" in one.only}


@pytest.fixture(scope="module", autouse=True)
def fence() -> None:
    if reason := missing():
        pytest.skip(reason)


def described(result: Result) -> str:
    return f"{result.points} points, printed {result.printed}, {result.harms}\n{result.log}"


def wins(attack: Attack, result: Result) -> bool:
    if attack.gains == "points":
        return max(result.points or 0, result.printed or 0) > attack.earned
    if attack.gains == "harm":
        return bool(result.harms)
    return attack.gains == "reads" and attack.proof in result.said


def test_an_honest_notebook_gets_all_points_and_harms_nothing() -> None:
    honest = Attack("honest", "", "none naive", {"03-laplace": HONEST})
    result = grade(notebook(honest))
    assert (result.points, result.printed, result.harms) == (30, 30, ()), described(result)


def test_a_wrong_answer_gets_no_points() -> None:
    wrong = "# exercise: 03-laplace\ndef laplace(row, vocabulary, word):\n    return 0.5\n"
    result = grade(notebook(Attack("wrong", "", "none naive", {"03-laplace": wrong})))
    assert (result.points, result.printed, result.harms) == (20, 20, ()), described(result)


@pytest.mark.parametrize("attack", TRIED, ids=lambda attack: attack.name)
def test_attack_wins_what_it_says(attack: Attack) -> None:
    result = grade(notebook(attack))
    if attack.gains == "none naive" or attack.name in FENCED:
        if attack.name.startswith("call-"):  # our own protocol's: the messages do go out
            assert "application/vnd.lmlib.call+json" in result.said or result.harms
        return
    assert wins(attack, result), described(result)


def test_names_are_unique_and_extra_cells_are_python() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 50
    for attack in ATTACKS:
        for _where, source in attack.cells:
            ast.parse(source)


def test_every_extra_cell_and_answer_is_in_its_notebook() -> None:
    for attack in ATTACKS:
        cells = ["".join(cell["source"]) for cell in json.loads(notebook(attack))["cells"]]
        for source in [*attack.answers.values(), *(source for _where, source in attack.cells)]:
            assert source in cells, attack.name


LOOK = """
import os, socket

def tried(attempt, *arguments):
    try:
        attempt(*arguments)
    except OSError:
        return "refused"
    return "done"

print("size", os.environ["LMLIB_ATTACK_SIZE"])
print("processes", len([name for name in os.listdir("/proc") if name.isdigit()]) < 10)
print("writes", [tried(os.mkdir, f"{place}/written-by-a-test") for place in PLACES])
print("network", tried(socket.create_connection, ("1.1.1.1", 443), 2))
"""


def test_the_fence_keeps_attacks_small_and_inside() -> None:
    places = [str(Path(__file__).parent), str(Path.home()), "/etc", "/var/tmp", "/usr"]
    source = LOOK.replace("PLACES", repr(places))
    result = grade(notebook(Attack("look", "", "none naive", {}, (("first", source),))))
    for line in (
        "size small",
        "processes True",
        f"writes {['refused'] * 5}",
        "network refused",
    ):
        assert line in result.said, result.said[:2000]
