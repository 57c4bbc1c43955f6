"""Grade one notebook, in a process of its own: a job comes in as JSON, a record goes out.

Whatever a notebook does to this process, another one counts the points of the next.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from lmlib.errors import InputError
from lmlib.grading.gradebook import QuestionGrade, Record, record_from_json, record_to_json
from lmlib.translation import gettext as _

if TYPE_CHECKING:
    from lmlib.grading.intake import Notebook

#: What this process may hold, beside its libraries, in bytes.
_MEMORY = 1 << 29

#: How long a job may take beyond the notebook's own time.
_SECONDS_MORE = 90.0


@dataclass(frozen=True)
class Job:
    """A notebook to grade.

    Attributes
    ----------
    exercise : str
        The exercise's name.
    pristine : str
        Its notebook.
    own_questions, course_key : str
        As `read_exercise` takes them.
    content : str
        The student's notebook, as `lmlib.grading.intake.written` writes it.
    seed : int
    sandbox : str
        As `sandbox_named` takes it.
    only : tuple of str
        The questions to grade; empty for all.
    """

    exercise: str
    pristine: str
    own_questions: str
    course_key: str
    content: str
    seed: int
    sandbox: str
    only: tuple[str, ...] = ()


def key_of(content: str) -> str:
    """Name a notebook by its content."""
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def graded(job: Job) -> Record:
    """Grade a notebook, here."""
    from lmlib.grading import intake
    from lmlib.grading.assembling import assembled
    from lmlib.grading.exercise import read_exercise
    from lmlib.grading.graded_notebook import Sitting, sit
    from lmlib.grading.sandbox import Limits, furnish, sandbox_named

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


def unread(key: str, seed: int, questions: Iterable[tuple[str, int]], why: str) -> Record:
    """Give the record of a file from which nothing could be graded.

    Parameters
    ----------
    questions : iterable of pairs
        The questions' ids and points.
    """
    grades = [QuestionGrade(id, 0, points, "missing") for id, points in questions]
    return Record(key, seed, tuple(grades), notes=(why,), remarks=(why,))


def _written(notebook: Notebook, pristine: Notebook) -> tuple[str, ...]:
    """Give the Markdown cells that are not the exercise's own."""
    own = {" ".join(cell.source.split()) for cell in pristine.cells}
    return tuple(
        cell.source[:20_000]
        for cell in notebook.cells
        if cell.kind == "markdown" and " ".join(cell.source.split()) not in {"", *own}
    )


# ---------------------------------------------------------------- in a process of its own


def graded_apart(job: Job) -> Record:
    """Grade a notebook in a process of its own.

    Raises
    ------
    InputError
        If that process did not give a record, twice; the message says how it ended.
    """
    from lmlib.grading.sandbox import Limits

    why = ""
    for _attempt in range(2):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "lmlib.grading.worker"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=told,
                start_new_session=True,
            )
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
                process.stdin.flush()  # left open: the worker ends when we do
                status = process.wait(Limits().seconds + _SECONDS_MORE)
                out.seek(0)
                if status == 0:
                    return record_from_json(json.load(out))
                told.seek(0)
                said = told.read().decode("utf-8", "replace").strip()
                why = said.rpartition("\n")[2][:300] or _("status {n}").format(n=status)
                if status == -signal.SIGKILL:  # by us, or for want of memory
                    break
            except (subprocess.TimeoutExpired, BrokenPipeError) as error:
                why = str(error)[:300]
            finally:
                process.kill()
                process.wait()
                process.stdin.close()
    raise InputError(
        _("the process that graded this file ended without a grade, twice ({why}).").format(why=why)
    )


def end_workers() -> None:
    """End the processes that grade for this one."""
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            process.kill()


def main() -> None:
    """Read a job, grade it, print the record."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, hard))
    given = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_our_parent, daemon=True).start()
    job = Job(**{field.name: given[field.name] for field in fields(Job)})
    record = graded(job)
    sys.stdout.write(json.dumps(record_to_json(record)))
    sys.stdout.flush()


def _end_with_our_parent() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
