"""The page for teachers does what it says: its commands, in its order, on a small class."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lmlib.grading.judging import LUCK
from lmlib.repository import artefact

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "grading"))

from small_class import (  # noqa: E402
    EXERCISE,
    HALF_LAPLACE,
    environment,
    grade,
    hand_in,
    handed_in,
)

PAGE = (ROOT / "chapters" / "teaching.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.M | re.S)
CELLS = [
    re.sub(r"\A(?::[^\n]*\n|---\n.*?\n---\n)", "", cell, flags=re.S)
    for cell in re.findall(r"^```\{code-cell\} ipython3\n(.*?)^```$", PAGE, re.M | re.S)
]
FILES = dict(
    re.findall(r"^```\{code-block\} python\n:caption: (\S+)\n\n(.*?)^```$", PAGE, re.M | re.S)
)
SPEC = importlib.util.spec_from_file_location(
    "teaching", ROOT / "tests" / "benchmarks" / "artefacts" / "teaching.py"
)
assert SPEC is not None and SPEC.loader is not None
MAKER = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(MAKER)
CLASS: dict[str, Any] = json.loads(artefact("class.json").read_text(encoding="utf-8"))

CANVAS = """\
Student,ID,SIS Login ID,Section,03-ngrams (77),Total
    Points Possible,,,,20,
"Ada",1,ada,A,,55.1
"Bob",2,bob,A,,44.0
"""
MOODLE = """\
Identifier,"Full name",Status,Grade,"Maximum Grade","Last modified (grade)"
"Participant 1",Ada,"Submitted for grading",,20.00,-
"Participant 2",Bob,"Submitted for grading",,20.00,-
"""

COUNTS_WORDS = """\
# exercise: 90-distinct
def distinct(tokens, n):
    return len(set(tokens)) / len(tokens) if tokens else 0.0
"""


@dataclass(frozen=True)
class Done:
    """What came of the page's shell blocks: their outputs, and the points after each."""

    folder: Path
    printed: Sequence[str]
    points: Sequence[Mapping[str, Mapping[str, int]]]


def agreeable() -> str:
    """The answer that the page begins with, without its assertion."""
    return "# exercise: 03-laplace\n" + CELLS[1].partition("\n\nvocabulary = ")[0] + "\n"


def points_of(grades: Path) -> dict[str, dict[str, int]]:
    found = json.loads((grades / "report" / "grades.json").read_text(encoding="utf-8"))
    return {
        row["student"]: {one["id"]: one["points"] for one in row["record"]["questions"]}
        for row in found["rows"]
    }


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str, str], str]) -> Done:
    """The blocks of the page, run one after the other where the page says."""
    require_tool("bwrap", "the grader's sandbox")
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "exercises", folder / "exercises")
    files = {
        "Ada_03-ngrams": EXERCISE.read_bytes(),
        "Ada_03-ngrams (1)": handed_in(),
        "Bob_03-ngrams": handed_in({"03-laplace": HALF_LAPLACE}),
        "Di_03-ngrams": b"<html><title>Sign in</title></html>",
        "Eve_03-ngrams": handed_in({"03-laplace": agreeable()}),
    }
    hand_in(folder / "submissions", files)
    (folder / "canvas.csv").write_text(CANVAS, encoding="utf-8")
    (folder / "moodle.csv").write_text(MOODLE, encoding="utf-8")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    own = re.findall(r'^ANSWER = """\\\n(.*?)"""', FILES["my-course/make_notebook.py"], re.M | re.S)
    answers = {"Ada": own[0], "Bob": COUNTS_WORDS}
    cell = {"cell_type": "code", "id": "distinct-answer", "metadata": {}, "outputs": []}
    hand_in(
        folder / "my-course" / "handed-in",
        {
            student: json.dumps(
                {
                    "cells": [cell | {"source": answer, "execution_count": None}],
                    "metadata": {},
                    "nbformat": 4,
                    "nbformat_minor": 5,
                }
            ).encode()
            for student, answer in answers.items()
        },
    )
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    printed, points = [], []
    for block in BLOCKS:
        ran = subprocess.run(
            ["bash", "-euc", block],
            cwd=folder,
            env=environment() | {"PATH": path},
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, f"{block}\n{ran.stdout}{ran.stderr}"
        printed.append(ran.stdout)
        points.append(points_of(folder / "grades"))
    return Done(folder, printed, points)


# ---------------------------------------------------------------- its commands


def test_one_command_grades_the_class(done: Done) -> None:
    assert "4 students graded, seed " in done.printed[0]
    assert "report: grades/report/index.html" in done.printed[0]
    points = done.points[0]
    assert {name: sum(of.values()) for name, of in points.items() if name != "Bob"} == {
        "Ada": 30,  # the last version counts
        "Di": 0,
        "Eve": 20,
    }
    assert points["Eve"]["03-laplace"] == 0
    assert LUCK == 0.5 and 5 <= points["Bob"]["03-laplace"] < 10
    report = done.folder / "grades" / "report"
    for name in re.findall(r"`(grades\.[\w.]+|feedback-\w+\.zip)`", PAGE):
        assert (report / name).is_file(), name
    assert len(list((report / "students").glob("*.html"))) == 4


def test_what_a_teacher_changes_is_kept_with_its_reason(done: Done) -> None:
    before, after = done.points[:2]
    assert after["Bob"]["03-laplace"] == 10 > before["Bob"]["03-laplace"]
    assert {of["03-continuation-prob"] for of in after.values()} == {0}
    assert [of["03-backoff-context"] for of in after.values()] == [
        of["03-backoff-context"] for of in before.values()
    ]
    changes = json.loads((done.folder / "grades" / "changes.json").read_text(encoding="utf-8"))
    assert [change["kind"] for change in changes] == ["override", "void", "regrade"]
    assert all(change["reason"] and change["when"] for change in changes)
    report = done.folder / "grades" / "report"
    (bob,) = (report / "students").glob("bob-*.html")
    (ada,) = (report / "students").glob("ada-*.html")
    reasons = [change["reason"] for change in changes]
    on_bobs, on_adas, overview = (
        [reason in path.read_text(encoding="utf-8") for reason in reasons]
        for path in (bob, ada, report / "index.html")
    )
    assert (on_bobs, on_adas) == ([True, True, False], [False, True, False])
    assert overview == [True, True, True]


def test_canvas_and_moodle_get_the_points_and_nothing_else(done: Done) -> None:
    canvas = (done.folder / "canvas-filled.csv").read_text(encoding="utf-8")
    assert canvas == CANVAS.replace("A,,55.1", "A,20,55.1").replace("A,,44.0", "A,20,44.0")
    moodle = (done.folder / "moodle-filled.csv").read_text(encoding="utf-8")
    ada, bob = (line.split(",")[3] for line in moodle.splitlines()[1:])
    assert ada == bob == "20"
    assert "not in the file: Eve" in done.printed[2]


def test_the_autograders_are_there(done: Done) -> None:
    with zipfile.ZipFile(done.folder / "upload.zip") as file:
        assert "run_autograder" in file.namelist()
    for name in ("grade.yml", "cr50.yml"):
        assert "jobs" in yaml.safe_load((done.folder / name).read_text(encoding="utf-8"))


def test_the_public_solution_gets_nothing_for_what_a_key_drew(done: Done) -> None:
    course = points_of(done.folder / "course-grades")
    assert course["Ada"] == {
        "03-laplace": 0,
        "03-backoff-context": 10,
        "03-continuation-prob": 10,
    }
    notebook = (done.folder / "course" / "03-ngrams.ipynb").read_text(encoding="utf-8")
    assert "In this course" in notebook
    assert "tea at four" not in notebook and "colab-badge" not in notebook


def test_a_question_of_ones_own_is_asked_and_graded(done: Done) -> None:
    assert "planted   4  caught   4" in done.printed[-1]
    own = done.folder / "my-course"
    notebook = json.loads((own / "90-distinct.ipynb").read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    assert any("raise NotImplementedError" in source for source in sources)
    assert not any("zip(*" in source or "colab-badge" in source for source in sources)
    points = points_of(own / "grades")
    assert points["Ada"]["90-distinct"] == 10 > points["Bob"]["90-distinct"]
    (bob,) = (own / "grades" / "report" / "students").glob("bob-*.html")
    assert "n makes no difference here." in bob.read_text(encoding="utf-8")


# ---------------------------------------------------------------- its figures


def test_every_assertion_holds_and_no_case_is_right() -> None:
    """The cells of the first figure, as the page runs them."""
    pytest.importorskip("IPython", reason="IPython is not installed: no cell can be run.")
    scope: dict[str, Any] = {}
    for cell in CELLS[:3]:
        exec(compile(cell, "teaching", "exec"), scope)
    assert scope["asserted"] == len(scope["cases"]) > 30
    assert (scope["verdict"].right, scope["verdict"].points) == (0, 0)


def test_the_class_stands_at_the_two_ends_as_its_description_says() -> None:
    shares = [one["points"] for row in CLASS["rows"] for one in row["record"]["questions"]]
    assert len(CLASS["rows"]) == MAKER.STUDENTS
    assert sum(points in (0, 10) for points in shares) > len(shares) / 2
    assert all(shares.count(points) > 0 for points in (0, 10))
    last = [row["record"]["questions"][2] for row in CLASS["rows"]]
    assert {one["id"] for one in last} == {"03-continuation-prob"}
    assert sum(one["points"] == 0 for one in last) > len(last) / 2


def test_graded_again_some_of_the_class_get_what_is_stored(
    tmp_path: Path, require_tool: Callable[[str, str], str]
) -> None:
    require_tool("bwrap", "the grader's sandbox")
    files = MAKER.class_files()
    some = {name: files[name] for name in list(files)[1::12]}
    folder, out = hand_in(tmp_path / "submissions", some), tmp_path / "grades"
    ran = grade("run", EXERCISE, folder, "--out", out, "--seed", str(MAKER.SEED), "--jobs", "2")
    assert ran.returncode == 0, ran.stderr
    again = json.loads((out / "report" / "grades.json").read_text(encoding="utf-8"))["rows"]
    stored = {row["student"]: told(row) for row in CLASS["rows"]}
    assert [told(row) for row in again] == [stored[row["student"]] for row in again]
    assert len(again) == 2


def told(row: dict[str, Any]) -> list[tuple[str, int, str]]:
    questions = row["record"]["questions"]
    return [(one["id"], one["points"], one["mistake"]) for one in questions]
