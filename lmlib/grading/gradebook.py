"""What is known of a class: who handed in what, what it is worth, and why; to and from JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmlib.errors import InputError
from lmlib.translation import gettext as _


@dataclass(frozen=True)
class QuestionGrade:
    """What one answer is worth.

    Attributes
    ----------
    id : str
        The question's.
    points, out_of : int
    status : {"right", "wrong", "to do", "refused", "missing", "not run", "void"}
        As a `Verdict` says it; "missing" where the notebook holds no answer, "not run" where time
        was over before it, "void" where the teacher took the question out.
    right, cases : int
        In how many of how many cases.
    message : str
        For the student, one line or several, as `check` prints it.
    hint : str
        The last line of the message, where there is something to advise.
    mistake : str
        The name of the planted mistake whose hint that is, for the teacher's table.
    source : str
        The answer's cell.
    """

    id: str
    points: int
    out_of: int
    status: str
    right: int = 0
    cases: int = 0
    message: str = ""
    hint: str = ""
    mistake: str = ""
    source: str = ""


@dataclass(frozen=True)
class Record:
    """What came of grading one file, whoever handed it in.

    Attributes
    ----------
    key : str
        The file's content, hashed.
    seed : int
        From which the cases were drawn.
    questions : tuple of QuestionGrade
    notes : tuple of str
        For the student: what was repaired in the file, which of two answers counted.
    remarks : tuple of str
        For the teacher alone.
    free_text : tuple of str
        What the student wrote outside of code, to be read by the teacher.
    failed : bool
        Whether it was the grader that failed; the next run tries again.
    """

    key: str
    seed: int
    questions: tuple[QuestionGrade, ...]
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    free_text: tuple[str, ...] = ()
    failed: bool = False

    @property
    def points(self) -> int:
        """The points of all questions."""
        return sum(question.points for question in self.questions)


@dataclass(frozen=True)
class Row:
    """A student, and what counts for them.

    Attributes
    ----------
    student, identity : str
        As in `lmlib.grading.submissions.Submission`; the identity may be empty.
    file : str
        The name of the file that counts; empty if nothing came.
    late : bool
    versions : int
        How many files came; the last one counts.
    record : Record or None
        None if nothing came.
    changes : tuple of str
        The teacher's changes that touched this row, a sentence each.
    """

    student: str
    identity: str
    file: str
    late: bool
    versions: int
    record: Record | None
    changes: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """The points; 0 if nothing came."""
        return self.record.points if self.record else 0


@dataclass(frozen=True)
class Gradebook:
    """A class and one exercise.

    Attributes
    ----------
    exercise : str
        The exercise's name, "03-ngrams".
    questions : mapping of str to int
        The points of each question, by its id, in the notebook's order.
    seed : int
    sandbox : str
        What stood between the students' code and this machine: "bubblewrap", "docker", "podman", or
        "none".
    rows : tuple of Row
        In the order of the students' names.
    unmatched : tuple of str
        Students who handed in and are not on the roster.
    changes : tuple of str
        The teacher's changes, a sentence each.
    notes : tuple of str
        What the teacher should know of this run.
    """

    exercise: str
    questions: Mapping[str, int]
    seed: int
    sandbox: str
    rows: tuple[Row, ...]
    unmatched: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def out_of(self) -> int:
        """The points that can be had."""
        return sum(self.questions.values())


# ---------------------------------------------------------------- JSON


def record_to_json(record: Record) -> dict[str, Any]:
    """Give a record as what JSON has."""
    return dataclasses.asdict(record)


def record_from_json(found: Any) -> Record:
    """Read what `record_to_json` gave.

    Raises
    ------
    InputError
        If it is something else.
    """
    try:
        questions = tuple(QuestionGrade(**question) for question in found["questions"])
        lists = {name: tuple(found[name]) for name in ("notes", "remarks", "free_text")}
        return Record(found["key"], found["seed"], questions, **lists, failed=found["failed"])
    except (KeyError, TypeError) as error:
        raise InputError(_("this is no record of a grade ({error}).").format(error=error)) from None


def write_json(path: Path, value: Any) -> None:
    """Write a value beside its place, then rename it."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=True, sort_keys=True) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text beside its place, then rename it."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file beside its place, then rename it."""
    beside = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
