"""`check` and the grader say the same of the same answer, and solutions run in the sandbox."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from small_class import ROOT, SOLUTION
from wrong_answers import _IMPORTS, WRONG_ANSWERS

from lmlib.grading import intake
from lmlib.grading.assembling import SETUP, Step, assembled, imported_elsewhere, tolerant
from lmlib.grading.checking import judged
from lmlib.grading.exercise import read_exercise
from lmlib.grading.gradebook import QuestionGrade
from lmlib.grading.graded_notebook import Sitting, sit
from lmlib.grading.question import Question
from lmlib.grading.questions import CHAPTERS, of_chapter
from lmlib.grading.refusing import Source, imports_in
from lmlib.grading.sandbox import Limits, choose_sandbox, furnish
from lmlib.grading.worker import key_of

ALL = os.environ.get("LMLIB_HOSTILE") == "all"

FORBIDDEN = [
    "import torch",
    "from lmlib.ngram import NgramLM",
    "x = eval('1')",
    "import os",
    "%matplotlib inline",
]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str, str], str]) -> Path:
    require_tool("bwrap", "the grader's sandbox")
    return furnish(tmp_path_factory.mktemp("room") / "room")


def said_by_grader(
    answers: list[tuple[Question, str]], room: Path, tmp_path: Path
) -> list[QuestionGrade]:
    """Grade answers in one kernel, each as a question of its own, on the cases that `check` has."""
    steps = [Step(SETUP), Step(tolerant(_IMPORTS))]
    questions = []
    for number, (question, source) in enumerate(answers):
        questions.append(dataclasses.replace(question, id=f"{question.id}~{number}"))
        steps.append(Step(source, (questions[-1].id,)))
    limits = dataclasses.replace(Limits(), seconds=900.0)
    sitting = Sitting(steps, questions, 0, choose_sandbox(), room, limits)
    sit(sitting, tmp_path)
    return [sitting.grades[question.id] for question in questions]


def said_by_check(question: Question, source: str) -> tuple[Any, ...]:
    names: dict[str, Any] = {}
    exec(_IMPORTS, names)
    try:
        exec(compile(source, f"<{question.id}>", "exec"), names)
    except (SyntaxError, ImportError, SystemExit):
        names[question.function] = lambda *_: None  # it is refused by its source
    function = names.get(question.function)
    verdict = judged(question, function, Source(source), imports_in(_IMPORTS))
    return verdict.status, verdict.right, verdict.cases, verdict.points, verdict.hint


def answers_of(chapter: str) -> list[tuple[Question, str]]:
    """Solution, stub, forbidden answers, and what students write when they make a mistake."""
    (path,) = (ROOT / "exercises" / "solutions").glob(f"{chapter}-*.ipynb")
    solution = intake.read(path.read_bytes())
    stub = intake.read((ROOT / "exercises" / path.name).read_bytes())
    answers: list[tuple[Question, str]] = []
    for number, question in enumerate(of_chapter(chapter)):
        marker = f"# exercise: {question.id}\n"
        for notebook in (solution, stub):
            (source,) = (c.source for c in notebook.cells if c.source.startswith(marker))
            answers.append((question, source))
        right = answers[-2][1]
        forbidden = FORBIDDEN if ALL else FORBIDDEN[number::3]
        answers += [(question, f"{line}\n{right}") for line in forbidden]
        wrong = [answer for answer in WRONG_ANSWERS if answer.question == question.id]
        answers += [(question, answer.source) for answer in (wrong if ALL else wrong[number::20])]
    return answers


@pytest.mark.parametrize("chapter", list(CHAPTERS))
def test_check_and_the_grader_say_the_same(chapter: str, room: Path, tmp_path: Path) -> None:
    answers = answers_of(chapter)
    assert len(answers) >= 10
    for (question, source), grade in zip(
        answers, said_by_grader(answers, room, tmp_path), strict=True
    ):
        said = grade.status, grade.right, grade.cases, grade.points, grade.hint
        assert said == said_by_check(question, source), f"{source}\n{grade.message}"


@pytest.mark.parametrize("chapter", list(CHAPTERS))
def test_a_solution_runs_whole_where_no_answer_is_on_disk(
    chapter: str, room: Path, tmp_path: Path
) -> None:
    """The answers of the public solution, with all that the grader runs around them."""
    (path,) = (ROOT / "exercises" / "solutions").glob(f"{chapter}-*.ipynb")
    pristine = (ROOT / "exercises" / path.name).read_bytes()
    exercise = read_exercise(path.stem, pristine)
    notebook = intake.read(path.read_bytes())
    answers = intake.find_answers(notebook, exercise.questions, exercise.pristine)
    steps = assembled(notebook, answers, exercise.pristine, exercise.answer_cells)
    sitting = Sitting(steps, exercise.questions, 11, choose_sandbox(), room, Limits())
    sit(sitting, tmp_path)
    assert {one.status for one in sitting.grades.values()} == {"right"}, sitting.grades
    assert not sitting.notes


# ---------------------------------------------------------------- what is run


def with_cells(*cells: tuple[str, str]) -> intake.Notebook:
    """The solution, with more code cells (id, source) at the end."""
    found = json.loads(SOLUTION.read_text(encoding="utf-8"))
    number = count()
    for id, source in cells:
        cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}
        found["cells"].append(cell | {"id": id or f"new-{next(number)}", "execution_count": None})
    return intake.read(json.dumps(found).encode())


def steps_of(notebook: intake.Notebook) -> list[Step]:
    exercise = read_exercise("03-ngrams", SOLUTION.read_bytes())
    answers = intake.find_answers(notebook, exercise.questions, exercise.pristine)
    return assembled(notebook, answers, exercise.pristine, exercise.answer_cells)


def test_experiments_are_not_run_and_helpers_are() -> None:
    helper = "def sum(numbers): return math.fsum(numbers)"  # which an answer calls
    sources = [step.source for step in steps_of(with_cells(("", helper)))]
    assert not any("emma = load" in source for source in sources)
    assert helper in sources
    assert any("import math" in source for source in sources)


def test_what_a_student_did_to_a_cell_of_the_exercise_comes_after_the_cell_itself() -> None:
    found = json.loads(SOLUTION.read_text(encoding="utf-8"))
    for cell in found["cells"]:
        if cell["id"] == "imports":
            cell["source"] = "np = None\nhalf = 0.5"
        if cell["id"] == "laplace-answer":
            cell["source"] = [*cell["source"], "\nnp.zeros(2)"]
    sources = [step.source for step in steps_of(intake.read(json.dumps(found).encode()))]
    own = next(i for i, source in enumerate(sources) if "import numpy" in source)
    assert "half = 0.5" in sources[own + 1]


def test_an_import_that_fails_stops_no_other() -> None:
    names: dict[str, Any] = {}
    exec(tolerant("import nowhere_at_all\n%pip install x\nimport math\nrate = 2"), names)
    assert names["math"] and names["rate"] == 2


def test_a_helper_that_uses_the_library_is_seen() -> None:
    helper = Step("from lmlib.ngram import NgramLM as N\n\n\ndef inner():\n    return N\n")
    outer = Step("def outer():\n    return inner()\n")
    found = imported_elsewhere([helper, outer, Step("outer()", ("03-laplace",))], "03-laplace")
    assert found["outer"] == found["inner"] == "lmlib.ngram.NgramLM"


def test_a_file_is_named_by_its_content() -> None:
    assert key_of("a") == key_of("a") != key_of("b")


def test_a_helper_below_the_answer_and_two_of_one_name_are_both_found(
    room: Path, tmp_path: Path
) -> None:
    """As in a notebook: each answer with the helpers above it, or else with all."""
    found = json.loads(SOLUTION.read_text(encoding="utf-8"))
    for cell in found["cells"]:
        source = "".join(cell["source"])
        if cell["id"] == "laplace-answer":  # calls `below`, which stands under all
            cell["source"] = f"rate = 1\n{source}".replace("word in vocab", "below(word) in vocab")
        if cell["id"] == "continuation-prob-answer":
            cell["source"] = f"# exercise: 03-continuation-prob\nrate = 2\n{source}"
    found["cells"].append(
        {
            "cell_type": "code",
            "id": "late",
            "source": "def below(word):\n    return word",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
    )
    notebook = intake.read(json.dumps(found).encode())
    exercise = read_exercise("03-ngrams", SOLUTION.read_bytes())
    sitting = Sitting(steps_of(notebook), exercise.questions, 5, choose_sandbox(), room, Limits())
    sit(sitting, tmp_path)
    assert {one.status for one in sitting.grades.values()} == {"right"}, sitting.grades


def test_one_cell_may_answer_two_questions_and_fail_below_them(room: Path, tmp_path: Path) -> None:
    found = json.loads(SOLUTION.read_text(encoding="utf-8"))
    cells = {cell["id"]: cell for cell in found["cells"]}
    both = [*cells["laplace-answer"]["source"], "\n", *cells["backoff-context-answer"]["source"]]
    cells["laplace-answer"]["source"] = [*both, "\nint('a corpus that is not there')"]
    found["cells"].remove(cells["backoff-context-answer"])
    notebook = intake.read(json.dumps(found).encode())
    exercise = read_exercise("03-ngrams", SOLUTION.read_bytes())
    sitting = Sitting(steps_of(notebook), exercise.questions, 5, choose_sandbox(), room, Limits())
    sit(sitting, tmp_path)
    assert {one.status for one in sitting.grades.values()} == {"right"}, sitting.grades
