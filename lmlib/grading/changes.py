"""What a teacher changed in a run: a question voided, points overridden, an answer graded again.

Records stay as they were graded; a change is a line in ``changes.json``, applied to each report, so
that every point which did not come from the grader has a reason and a date.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lmlib.errors import InputError
from lmlib.grading.gradebook import QuestionGrade, Row, write_json
from lmlib.translation import gettext as _


@dataclass(frozen=True)
class Change:
    """A line of the audit.

    Attributes
    ----------
    kind : {"void", "override", "regrade"}
    question : str
        The question's id.
    student : str
        Whom it is for; empty for everyone.
    points : int
        What the answer is worth now, if it was overridden.
    reason : str
    when : str
        The date and time, in UTC.
    """

    kind: str
    question: str
    student: str
    points: int
    reason: str
    when: str

    def sentence(self) -> str:
        """Say what was changed, when and why."""
        if self.kind == "void":
            said = _("{when}: {question} does not count, for anybody: {reason}")
        elif self.kind == "override":
            said = _("{when}: {question} of {student} is worth {points} points: {reason}")
        else:
            said = _("{when}: {question} was graded again: {reason}")
        return said.format(**asdict(self))


def read_changes(folder: Path) -> list[Change]:
    """Give the changes of a run, the oldest first."""
    path = folder / "changes.json"
    if not path.exists():
        return []
    return [Change(**found) for found in json.loads(path.read_text(encoding="utf-8"))]


def add_change(
    folder: Path, kind: str, question: str, reason: str, student: str = "", points: int = 0
) -> Change:
    """Write one more line."""
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    change = Change(kind, question, student, points, reason, when)
    write_json(folder / "changes.json", [*map(asdict, [*read_changes(folder), change])])
    return change


def check_question(id: str, questions: Sequence[str]) -> None:
    """Refuse a question that the exercise does not ask.

    Raises
    ------
    InputError
        If so; the message names those that it asks.
    """
    if id not in questions:
        raise InputError(
            _("there is no question {id} in this exercise; there are {questions}.").format(
                id=repr(id), questions=", ".join(questions)
            )
        )


def changed(row: Row, changes: Sequence[Change]) -> Row:
    """Apply the changes to a student's row, in their order; what is void stays void."""
    if row.record is None:
        return row
    questions = {question.id: question for question in row.record.questions}
    said = []
    for change in changes:
        if change.student not in ("", row.student) or change.question not in questions:
            continue
        question = questions[change.question]
        if change.kind == "override":
            status = "right" if change.points == question.out_of else question.status
            question = replace(question, points=change.points, status=status)
            said.append(change.sentence())
        elif change.kind == "void":
            question = QuestionGrade(question.id, 0, 0, "void", source=question.source)
            said.append(change.sentence())
        if questions[change.question].status != "void":
            questions[change.question] = question
    record = replace(row.record, questions=tuple(questions.values()))
    return replace(row, record=record, changes=(*row.changes, *said))
