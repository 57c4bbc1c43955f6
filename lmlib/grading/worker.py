"""Grade one notebook, in a process of its own: a job comes in as JSON, a record goes out.

Whatever a notebook does to this process, another one counts the points of the next.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from multiprocessing.connection import wait
from typing import TextIO

import psutil

from lmlib.errors import InputError
from lmlib.grading.gradebook import QuestionGrade, Record, record_from_json, record_to_json
from lmlib.translation import gettext as _

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


def unread(key: str, seed: int, questions: Iterable[tuple[str, int]], why: str) -> Record:
    """Give the record of a file from which nothing could be graded.

    Parameters
    ----------
    questions : iterable of pairs
        The questions' ids and points.
    """
    grades = [QuestionGrade(id, 0, points, "missing") for id, points in questions]
    return Record(key, seed, tuple(grades), notes=(why,), remarks=(why,))


# ---------------------------------------------------------------- in a process of its own


class Worker:
    """A process that grades notebooks, one after the other, each in a copy of itself.

    The copy has everything imported, and nothing of the notebooks before. All that grades ends
    with us, however we end.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lmlib.grading.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def ask(self, job: Job, seconds: float) -> tuple[int, str, str]:
        """Give how the process of a job ended, what it put out, and what it said of errors.

        Raises
        ------
        ChildProcessError
            If it ended: somebody killed it.
        TimeoutError
            If no answer comes in time.
        OSError
            If it had ended before.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            raise TimeoutError(_("no answer in {seconds:g} seconds").format(seconds=seconds))
        line = self._process.stdout.readline()
        if not line:
            raise ChildProcessError(_("it was killed"))
        status, out, told = json.loads(line)
        return status, out, told

    def end(self) -> None:
        """End it, and what it does."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


_idle: deque[Worker] = deque()


def graded_apart(job: Job) -> Record:
    """Grade a notebook in a process of its own.

    Raises
    ------
    InputError
        If that process did not give a record; the message says how it ended. One that was killed
        is not tried again: it may have been us, or want of memory.
    """
    from lmlib.grading.sandbox import Limits

    why = ""
    for _attempt in range(2):
        try:
            worker = _idle.pop()
        except IndexError:
            worker = Worker()
        try:
            status, out, told = worker.ask(job, Limits().seconds + _SECONDS_MORE)
        except OSError as error:
            worker.end()
            why = str(error)[:300]
            if isinstance(error, ChildProcessError):
                break
            continue
        _idle.append(worker)
        if status == 0:
            return record_from_json(json.loads(out))
        why = told.strip().rpartition("\n")[2][:300] or _("status {n}").format(n=status)
        if status == -signal.SIGKILL:
            break
    raise InputError(
        _("the process that graded this file ended without a grade ({why}).").format(why=why)
    )


def end_workers() -> None:
    """End the processes that grade for this one."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.kill()


def main() -> None:
    """Read jobs, a line each; give a line for each, as `Worker.ask` reads it."""
    from lmlib.grading.marking import graded  # and all that it needs, once

    copy = multiprocessing.get_context("fork")
    for line in iter(sys.stdin.buffer.readline, b""):
        given = json.loads(line)
        job = Job(**{field.name: given[field.name] for field in fields(Job)})
        with (
            tempfile.TemporaryFile("w+") as out,
            tempfile.TemporaryFile("w+", errors="replace") as told,
        ):
            process = copy.Process(target=_write_grades, args=(graded, job, out, told))
            process.start()
            if process.sentinel not in wait([process.sentinel, sys.stdin.fileno()]):
                process.kill()  # nobody is there any more to hear of it
                return
            process.join()
            out.seek(0)
            told.seek(0)
            print(json.dumps([process.exitcode, out.read(), told.read()]), flush=True)


def _write_grades(graded: Callable[[Job], Record], job: Job, out: TextIO, told: TextIO) -> None:
    """Grade a job, in the process that is there for it alone."""
    import resource  # which Windows has not: there `choose_sandbox` says that none works

    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, hard))
    os.dup2(told.fileno(), 1)
    os.dup2(told.fileno(), 2)
    json.dump(record_to_json(graded(job)), out)
    out.flush()


if __name__ == "__main__":
    main()
