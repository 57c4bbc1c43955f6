"""A run: a class's notebooks and one exercise, in a folder that can be gone back to.

The folder holds what the run was told (``run.json``, the exercise, the teacher's questions), what
was handed in (``submissions.json``, ``notebooks/``), a record for each file, named by its content
(``records/``), and the teacher's changes (``changes.json``). Each is written whole or not at all,
so a run that was killed goes on where it was; the reports are made of these alone.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from lmlib.errors import InputError
from lmlib.grading import intake
from lmlib.grading.exercise import Exercise, read_exercise
from lmlib.grading.gradebook import (
    Record,
    record_from_json,
    record_to_json,
    write_bytes,
    write_json,
)
from lmlib.grading.submissions import Submission
from lmlib.grading.worker import Job, graded_apart, key_of, unread
from lmlib.translation import gettext as _


@dataclass(frozen=True)
class Told:
    """What a run was told; it stays the same until its folder is deleted.

    Attributes
    ----------
    exercise : str
        The exercise's name.
    seed : int
    course_key : str
    sandbox : str
    """

    exercise: str
    seed: int
    course_key: str
    sandbox: str


@dataclass(frozen=True)
class Entry:
    """A file that was handed in: what `Submission` says of it, without its content.

    Attributes
    ----------
    key : str
        Of its cells, and of its record; empty if it could not be read.
    notes : tuple of str
        What was mended in it, for the student.
    """

    student: str
    identity: str
    name: str
    problem: str
    late: bool
    version: int
    counts: bool
    key: str
    notes: tuple[str, ...]


class Run:
    """A folder of grades.

    Parameters
    ----------
    folder : Path
        As `begin` made it.

    Raises
    ------
    InputError
        If it is none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            self.told = Told(**found)
            self.pristine = (folder / "exercise.ipynb").read_text(encoding="utf-8")
            self.own_questions = (folder / "questions.py").read_text(encoding="utf-8")
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(
                _("{folder}: these are no grades of `lmlib grade run` ({error}).").format(
                    folder=folder, error=error
                )
            ) from None

    @classmethod
    def begin(cls, folder: Path, told: Told, pristine: str, own_questions: str) -> Run:
        """Make the folder, or go on with what it holds.

        Raises
        ------
        InputError
            If it holds another run, or something else.
        """
        if (folder / "run.json").exists():
            run = cls(folder)
            same = (run.told, run.pristine, run.own_questions) == (told, pristine, own_questions)
            if not same:
                raise InputError(
                    _(
                        "{folder}: it holds the grades of another run (another exercise, seed, "
                        "key, sandbox or questions); name a new folder, or delete this one."
                    ).format(folder=folder)
                )
            return run
        begun = ("records", "notebooks", "exercise.ipynb", "questions.py")
        if folder.exists() and any(path.name not in begun for path in folder.iterdir()):
            raise InputError(
                _("{folder}: the folder holds other things; name an empty one.").format(
                    folder=folder
                )
            )
        for name in ("records", "notebooks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        write_bytes(folder / "exercise.ipynb", pristine.encode())
        write_bytes(folder / "questions.py", own_questions.encode())
        write_json(folder / "run.json", dataclasses.asdict(told))
        return cls(folder)

    def exercise(self) -> Exercise:
        """Give the exercise, with its questions as the course's key draws them."""
        told = self.told
        return read_exercise(
            told.exercise, self.pristine.encode(), self.own_questions, told.course_key
        )

    # -------------------------------------------------------- what was handed in

    def take_in(
        self, submissions: Iterable[Submission], counting: Collection[Submission]
    ) -> list[Entry]:
        """Read what was handed in, and keep its cells: outputs may be a hundred times as large.

        Parameters
        ----------
        counting : collection of Submission
            Those that count.
        """
        entries = []
        for submission in submissions:
            counts = submission in counting
            key, problem = "", submission.problem
            notes: tuple[str, ...] = ()
            if counts and not problem:
                try:
                    notebook = intake.read(submission.read())
                except InputError as error:
                    problem = str(error)
                else:
                    notes = notebook.notes
                    text = intake.written(notebook)
                    key = key_of(text)
                    path = self.folder / "notebooks" / f"{key}.ipynb"
                    if not path.exists():
                        write_bytes(path, text.encode())
            said = (submission.student, submission.identity, submission.name, problem)
            late, version = submission.late, submission.version
            entries.append(Entry(*said, late, version, counts, key, notes))
        write_json(self.folder / "submissions.json", [*map(dataclasses.asdict, entries)])
        return entries

    def entries(self) -> list[Entry]:
        """Give what was handed in."""
        text = (self.folder / "submissions.json").read_text(encoding="utf-8")
        return [Entry(**found | {"notes": tuple(found["notes"])}) for found in json.loads(text)]

    def call_roll(self, roster: Sequence[str]) -> None:
        """Write down who should hand in."""
        write_json(self.folder / "roster.json", list(roster))

    def roster(self) -> list[str]:
        """Give who should hand in; nobody if that is not known."""
        path = self.folder / "roster.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    # -------------------------------------------------------- records

    def _path(self, key: str) -> Path:
        return self.folder / "records" / f"{key}.json"

    def record(self, key: str) -> Record:
        """Give the record of a content.

        Raises
        ------
        InputError
            If there is none.
        """
        try:
            return record_from_json(json.loads(self._path(key).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            raise InputError(
                _("{folder}: not everything is graded yet; run `lmlib grade run` again.").format(
                    folder=self.folder
                )
            ) from None

    def keep(self, record: Record) -> None:
        """Write a record."""
        write_json(self._path(record.key), record_to_json(record))

    def missing(self, entries: Iterable[Entry]) -> list[str]:
        """Give the contents that count and have no record, or one of a failure of ours."""
        keys = dict.fromkeys(one.key for one in entries if one.key and one.counts)
        return [key for key in keys if not self._path(key).exists() or self.record(key).failed]

    def job(self, key: str, only: Sequence[str] = ()) -> Job:
        """Give the job of grading a content."""
        content = (self.folder / "notebooks" / f"{key}.ipynb").read_text(encoding="utf-8")
        told = self.told
        return Job(
            told.exercise,
            self.pristine,
            self.own_questions,
            told.course_key,
            content,
            told.seed,
            told.sandbox,
            tuple(only),
        )


# ---------------------------------------------------------------- the work


def grade_all(
    run: Run, keys: Sequence[str], executor: Executor, only: Sequence[str] = ()
) -> Iterator[Record]:
    """Grade contents as the executor has room; give each record when it is there.

    Parameters
    ----------
    executor : Executor
        Threads on this machine, or a cluster's (`lmlib.grading.cluster`).
    only : sequence of str
        The questions to grade; empty for all.
    """
    waiting = list(reversed(keys))
    working: dict[Future[Record], str] = {}
    exercise = run.exercise()
    asked = [(one.id, one.points) for one in exercise.questions if not only or one.id in only]

    def hand_out() -> None:
        while waiting and len(working) < _AT_ONCE:
            key = waiting.pop()
            working[executor.submit(graded_apart, run.job(key, only))] = key

    hand_out()
    while working:
        future = next(as_completed(working))
        key = working.pop(future)
        try:
            record = future.result()
        except (InputError, OSError, ValueError) as error:
            record = replace(unread(key, run.told.seed, asked, str(error)), failed=True)
        hand_out()
        yield record


#: How many notebooks are in the executor's hands, so that a thousand are not in memory.
_AT_ONCE = 64


def on_this_machine(jobs: int) -> ThreadPoolExecutor:
    """Give an executor of so many notebooks at once; each has its own process.

    Raises
    ------
    InputError
        If that is none.
    """
    if jobs < 1:
        raise InputError(_("--jobs {jobs}: give 1 or more.").format(jobs=jobs))
    return ThreadPoolExecutor(jobs)
