"""From a run's folder to its reports: who has how many points, for students, teachers, machines."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from lmlib.grading.changes import changed, read_changes
from lmlib.grading.exports import feedback_zip, grades_csv, grades_json, junit_xml
from lmlib.grading.gradebook import Gradebook, Row, write_bytes, write_text
from lmlib.grading.likeness import Alike, alike
from lmlib.grading.pages import overview_page, student_page
from lmlib.grading.running import Entry, Run
from lmlib.grading.worker import unread
from lmlib.translation import gettext as _


def gradebook_of(run: Run) -> Gradebook:
    """Put together what a run knows, with the teacher's changes applied.

    Raises
    ------
    InputError
        If something is not graded yet.
    """
    exercise = run.exercise()
    points = {question.id: question.points for question in exercise.questions}
    changes = read_changes(run.folder)
    entries = run.entries()
    rows = []
    for entry in entries:
        if not entry.counts:
            continue
        if entry.key:
            record = run.record(entry.key)
            record = replace(record, notes=tuple(dict.fromkeys(entry.notes + record.notes)))
        else:
            record = unread("", run.told.seed, points.items(), entry.problem)
        versions = sum(other.student == entry.student for other in entries)
        said = (entry.student, entry.identity, entry.name, entry.late, versions)
        rows.append(changed(Row(*said, record), changes))
    missing, unmatched = _compared(run.roster(), entries)
    rows += [Row(student, "", "", False, 0, None) for student in missing]
    void = {change.question for change in changes if change.kind == "void"}
    return Gradebook(
        run.told.exercise,
        {id: 0 if id in void else most for id, most in points.items()},
        run.told.seed,
        run.told.sandbox,
        tuple(sorted(rows, key=lambda row: (row.student.casefold(), row.student))),
        tuple(unmatched),
        tuple(change.sentence() for change in changes),
        _doubled(entries),
    )


def read_roster(path: Path) -> tuple[str, ...]:
    """Read the students who should hand in: one a line, or the first column of a file ``.csv``.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    from lmlib.text import read_text

    lines = [line for line in read_text(path).lstrip("\ufeff").splitlines() if line.strip()]
    names = lines
    if path.suffix.casefold() == ".csv":
        delimiter = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
        names = [row[0] for row in csv.reader(lines, delimiter=delimiter) if row]
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def _compared(roster: Iterable[str], entries: Iterable[Entry]) -> tuple[list[str], list[str]]:
    """Say who of the roster did not hand in, and who handed in without being on it."""
    roster = list(roster)
    if not roster:
        return [], []
    come: dict[str, Entry] = {}
    for entry in entries:
        come[_plainly(entry.student)] = entry
        if entry.identity:
            come[_plainly(entry.identity)] = entry
    known = {_plainly(student) for student in roster}
    missing = [student for student in roster if _plainly(student) not in come]
    strangers = {
        entry.student
        for entry in come.values()
        if not {_plainly(entry.student), _plainly(entry.identity)} & known
    }
    return missing, sorted(strangers)


def _plainly(name: str) -> str:
    """Give a name for comparing: "Lovelace, Ada" and "ada lovelace" are the same."""
    return " ".join(sorted(re.findall(r"\w+", name.casefold())))


def _doubled(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Say which files came from several students, to the byte."""
    owners: dict[str, list[str]] = {}
    for entry in entries:
        if entry.key and entry.counts:
            owners.setdefault(entry.key, []).append(entry.student)
    sentence = _("The very same file came from {students}.")
    return tuple(
        sentence.format(students=", ".join(sorted(students)))
        for students in owners.values()
        if len(students) > 1
    )


# ---------------------------------------------------------------- files


def write_reports(run: Run, gradebook: Gradebook, public: Mapping[str, str]) -> None:
    """Write every report into the run's folder, new.

    Parameters
    ----------
    public : mapping of str to str
        The source of each question's public solution, where there is one.
    """
    new = run.folder / ".report"
    shutil.rmtree(new, ignore_errors=True)
    (new / "students").mkdir(parents=True)
    page_of = {row.student: f"students/{_file_name(row.student)}" for row in gradebook.rows}
    pages = {row.student: student_page(gradebook, row) for row in gradebook.rows if row.record}
    for student, page in pages.items():
        write_text(new / page_of[student], page)
    likeness = _likeness(gradebook, public)
    overview = overview_page(gradebook, likeness, {student: page_of[student] for student in pages})
    write_text(new / "index.html", overview)
    write_text(new / "grades.csv", grades_csv(gradebook))
    write_text(new / "grades.json", grades_json(gradebook))
    write_text(new / "grades.junit.xml", junit_xml(gradebook))
    files = {student: page.encode("utf-8", "replace") for student, page in pages.items()}
    write_bytes(new / "feedback-moodle.zip", feedback_zip(gradebook, files, "moodle").content)
    files = {row.student: _feedback_notebook(row) for row in gradebook.rows if row.record}
    write_bytes(new / "feedback-canvas.zip", feedback_zip(gradebook, files, "canvas").content)
    report = run.folder / "report"
    old = run.folder / ".old-report"
    shutil.rmtree(old, ignore_errors=True)
    if report.exists():
        report.rename(old)
    new.rename(report)
    shutil.rmtree(old, ignore_errors=True)


def _feedback_notebook(row: Row) -> bytes:
    """Give what a student is told as a notebook: Canvas takes back what has a submission's name."""
    assert row.record is not None
    said = [_("{points} points").format(points=row.points), *row.record.notes, *row.changes]
    said += [question.message for question in row.record.questions]
    cells = [
        {"cell_type": "raw", "id": f"feedback-{number}", "metadata": {}, "source": text}
        for number, text in enumerate(said)
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1).encode()


def _likeness(gradebook: Gradebook, public: Mapping[str, str]) -> list[Alike]:
    answers: dict[str, dict[str, str]] = {id: {} for id in gradebook.questions}
    for row in gradebook.rows:
        for question in row.record.questions if row.record else ():
            if question.source and question.status not in ("to do", "void"):
                answers[question.id][row.student] = question.source
    return alike(answers, public)


def _file_name(student: str) -> str:
    """A file's name for a student: what can be read of theirs, and what tells them apart."""
    readable = re.sub(r"[^a-z0-9]+", "-", student.casefold()).strip("-")[:40]
    told_apart = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{readable or 'student'}-{told_apart}.html"
