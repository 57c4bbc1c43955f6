"""An exercise as it was handed out: its notebook, and the questions that it asks."""

from __future__ import annotations

import re
import sys
import types
from dataclasses import dataclass
from pathlib import Path

from lmlib.errors import InputError
from lmlib.grading import intake
from lmlib.grading.question import Question
from lmlib.grading.questions import find
from lmlib.translation import gettext as _

_MARKER = re.compile(r"#\s*exercise:\s*(\S+)\s*")


@dataclass(frozen=True)
class Exercise:
    """A notebook to solve.

    Attributes
    ----------
    name : str
        "03-ngrams".
    pristine : Notebook
    questions : tuple of Question
        In the order of the notebook.
    answer_cells : frozenset of int
        Which cells of the notebook are for answers.
    """

    name: str
    pristine: intake.Notebook
    questions: tuple[Question, ...]
    answer_cells: frozenset[int]


def read_exercise(name: str, content: bytes, own_questions: str = "", key: str = "") -> Exercise:
    """Read an exercise.

    Parameters
    ----------
    name : str
        For messages, and for reports.
    content : bytes
        The notebook, as it was handed out or with its solution.
    own_questions : str
        The source of a teacher's own questions: Python that defines ``questions()``. It is run
        here. Empty: the book's.
    key : str
        The course's key, which draws the variants; empty for none.

    Raises
    ------
    InputError
        If it is no notebook, or asks nothing that is known.
    """
    try:
        pristine = intake.read(content)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    own = questions_in(own_questions)
    asked: dict[int, Question] = {}
    for number, cell in enumerate(pristine.cells):
        marker = _MARKER.fullmatch(cell.source.partition("\n")[0].strip())
        if cell.kind == "code" and marker:
            asked[number] = own.get(marker[1]) or _of_the_book(name, marker[1])
    if not asked:
        raise InputError(
            _("{name}: no cell begins with # exercise: ID, so nothing is asked.").format(name=name)
        )
    questions = tuple(question.drawn_by(key) if key else question for question in asked.values())
    return Exercise(name, pristine, questions, frozenset(asked))


def _of_the_book(name: str, id: str) -> Question:
    try:
        return find(id)
    except InputError as error:
        raise InputError(
            _("{name}: {error} Questions of your own are named with --questions FILE.").format(
                name=name, error=error
            )
        ) from None


def questions_in(source: str) -> dict[str, Question]:
    """Run a teacher's file, and give its questions, by their ids.

    Raises
    ------
    InputError
        If it gives none.
    """
    if not source:
        return {}
    module = types.ModuleType("own_questions")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        exec(compile(source, "questions.py", "exec"), module.__dict__)
        found = tuple(module.questions())
    except Exception as error:
        raise InputError(
            _("the file of your own questions: {kind}: {error}").format(
                kind=type(error).__name__, error=error
            )
        ) from None
    if not all(isinstance(one, Question) for one in found):
        raise InputError(_("questions() has to give a tuple of Question objects."))
    return {question.id: question for question in found}


def read_own_questions(path: Path | None) -> str:
    """Give the source of a teacher's file; empty for None."""
    from lmlib.text import read_text

    return "" if path is None else read_text(path)
