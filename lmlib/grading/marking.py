"""From a job to a record: a notebook is read, put together, run and graded, in this process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lmlib.grading import intake
from lmlib.grading.assembling import assembled
from lmlib.grading.exercise import read_exercise
from lmlib.grading.gradebook import Record
from lmlib.grading.graded_notebook import Sitting, sit
from lmlib.grading.intake import Notebook
from lmlib.grading.sandbox import Limits, furnish, sandbox_named
from lmlib.grading.worker import Job, key_of


def graded(job: Job) -> Record:
    """Grade a notebook, here."""
    exercise = read_exercise(job.exercise, job.pristine.encode(), job.own_questions, job.course_key)
    questions = [one for one in exercise.questions if not job.only or one.id in job.only]
    notebook = intake.read(job.content.encode())
    answers = intake.find_answers(notebook, exercise.questions, exercise.pristine)
    steps = assembled(notebook, answers, exercise.pristine, exercise.answer_cells)
    with tempfile.TemporaryDirectory(prefix="lmlib-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # a sandbox under another user reads the room in it
        (folder / "pytest").mkdir()
        imports = {module for question in questions for module in question.imports}
        room = furnish(folder / "room", imports)
        sandbox = sandbox_named(job.sandbox)
        sitting = Sitting(steps, questions, job.seed, sandbox, room, Limits())
        sit(sitting, folder / "pytest")
    notes = [note for one in answers.values() for note in one.notes]
    return Record(
        key_of(job.content),
        job.seed,
        tuple(sitting.grades[question.id] for question in questions),
        notes=tuple(dict.fromkeys([*notes, *sitting.notes])),
        free_text=_written(notebook, exercise.pristine),
    )


def _written(notebook: Notebook, pristine: Notebook) -> tuple[str, ...]:
    """Give the Markdown cells that are not the exercise's own."""
    own = {" ".join(cell.source.split()) for cell in pristine.cells}
    return tuple(
        cell.source[:20_000]
        for cell in notebook.cells
        if cell.kind == "markdown" and " ".join(cell.source.split()) not in {"", *own}
    )
