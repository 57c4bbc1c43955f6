"""One notebook, graded: nbval's file and cells, with a sandbox around what runs.

What is collected is not the student's file: it is the exercise with the student's answers in it,
and behind them, for each question, the answer once more and a call. A call holds cases that were
drawn for this run; what comes back is compared here (`lmlib.grading.judging`). What the notebook
says of itself, its outputs, its tags, its comments, counts for nothing.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import secrets
import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell

from lmlib.grading.assembling import Step, imported_elsewhere
from lmlib.grading.calling import Answered
from lmlib.grading.gradebook import QuestionGrade
from lmlib.grading.judging import Verdict, agree, forgetful, judge
from lmlib.grading.kernel import Kernel, KernelEnded
from lmlib.grading.nbval_plugin import NotebookCell, NotebookFile
from lmlib.grading.question import Question
from lmlib.grading.refusing import Source, refusal
from lmlib.grading.sandbox import ConfinedKernel, Limits, Sandbox
from lmlib.grading.values import to_json
from lmlib.translation import gettext as _


@dataclass
class Sitting:
    """What is to be graded, how, and what has come of it.

    Attributes
    ----------
    steps : sequence of Step
        What is run before the answers are called.
    questions : sequence of Question
    seed : int
        From which the cases are drawn.
    sandbox, room, limits
        As `ConfinedKernel` takes them.
    grades : dict of str to QuestionGrade
        Filled while the notebook is run.
    notes : list of str
        For the student.
    """

    steps: Sequence[Step]
    questions: Sequence[Question]
    seed: int
    sandbox: Sandbox
    room: Path
    limits: Limits
    grades: dict[str, QuestionGrade] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def sit(sitting: Sitting, folder: Path) -> None:
    """Run a notebook under pytest, and fill in its grades.

    Parameters
    ----------
    folder : Path
        An empty folder of our own.
    """
    path = folder / "graded.ipynb"
    path.write_text("{}", encoding="utf-8")
    options = ["--nbval", "--rootdir", str(folder), "-c", "/dev/null", "--noconftest", "-q"]
    plugins = ["--disable-plugin-autoload", "-p", "nbval.plugin", "-p", "no:cacheprovider"]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        pytest.main([*options, *plugins, "--tb=line", str(path)], plugins=[_Collecting(sitting)])
    if len(sitting.grades) < len(sitting.questions):
        raise RuntimeError(printed.getvalue()[-2000:])


class _Collecting:
    """The pytest plugin that puts our notebook in the place of a file."""

    def __init__(self, sitting: Sitting) -> None:
        self._sitting = sitting

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        yield
        return [GradedNotebook.from_parent(parent, path=file_path, sitting=self._sitting)]


class GradedNotebook(NotebookFile):
    """A student's notebook, and the kernels that run it.

    A cell or a call that ends its kernel costs nothing but itself: what follows gets a new kernel,
    in which the cells before are run again without it.
    """

    def __init__(self, *args: Any, sitting: Sitting, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sitting = sitting
        self.seconds = sitting.limits.seconds
        self._done: list[Step] = []

    def setup(self) -> None:
        """The notebook's time begins."""
        self.deadline = time.monotonic() + self.seconds

    def collect(self) -> Iterator[NotebookCell]:
        """Give the cells to run, then each answer and its call."""
        cells: list[tuple[type[NotebookCell], str, dict[str, Any]]] = [
            (GradedCell, step.question or "cell", {"step": step}) for step in self.sitting.steps
        ]
        cells += [
            (CallCell, f"call of {question.id}", {"question": question})
            for question in self.sitting.questions
        ]
        for number, (kind, name, more) in enumerate(cells):
            base = {"cell": new_code_cell(), "options": defaultdict(bool)}
            yield kind.from_parent(self, name=name, cell_num=number, **base, **more)

    def run(self, source: str, seconds: float) -> Iterator[dict[str, Any]]:
        """Run code in the notebook's kernel, in a new one if need be.

        Raises
        ------
        OutOfTime
            If the notebook's time is over.
        KernelEnded
            If the code ended the kernel.
        """
        if self.kernel is None:
            self._revive()
        assert self.kernel is not None
        try:
            yield from self.kernel.messages(source, min(seconds, self._left()))
        except KernelEnded:
            self.kernel = None
            raise

    def run_step(self, step: Step) -> str:
        """Run a cell; give what it raised, in a line, and nothing if it did not.

        Raises
        ------
        OutOfTime, KernelEnded
            As `run`.
        """
        raised = ""
        for message in self.run(step.source, self.sitting.limits.cell_seconds):
            if message["msg_type"] == "error":
                raised = _in_a_line(message["content"])
        if step not in self._done:
            self._done.append(step)
        return raised

    def _revive(self) -> None:
        """Start a kernel, and run again what was run; a cell that ends it this time is left out."""
        again, self._done = self._done, []
        for _attempt in range(3):
            self._left()
            self.kernel = self.start_kernel()
            try:
                for step in again:
                    for _message in self.kernel.messages(step.source, self._left()):
                        pass
            except KernelEnded:
                again = [other for other in again if other is not step]
                continue
            self._done = again
            return
        raise KernelEnded(_("The kernel died again and again."))

    def start_kernel(self) -> Kernel:
        """Start a kernel, in the sandbox.

        Raises
        ------
        RuntimeError
            If it does not start, which is not the student's fault.
        """
        try:
            return ConfinedKernel(self.sitting.sandbox, self.sitting.room, self.sitting.limits)
        except KernelEnded as ended:
            raise RuntimeError(str(ended)) from None

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return left


class OutOfTime(Exception):
    """The notebook's time is over."""


class GradedCell(NotebookCell):
    """A cell that is run for what it defines."""

    def __init__(self, *args: Any, step: Step, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.step = step

    def runtest(self) -> None:
        """Run it; that it fails costs nothing by itself."""
        notebook: GradedNotebook = self.parent
        try:
            raised = notebook.run_step(self.step)
        except KernelEnded as ended:
            if not self.step.question:
                note = _("A cell outside of the answers was left out: {why}")
                notebook.sitting.notes.append(note.format(why=ended))
            self.raise_cell_error(str(ended))
        except OutOfTime:
            self.raise_cell_error(_out_of_time(notebook.sitting.limits))
        if raised:
            self.raise_cell_error(raised)


class CallCell(NotebookCell):
    """An answer, run once more, and called."""

    def __init__(self, *args: Any, question: Question, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.question = question

    def runtest(self) -> None:
        """Judge the answer; less than all points are a failure."""
        sitting = self.parent.sitting
        grade = self._graded()
        sitting.grades[self.question.id] = grade
        if grade.points < grade.out_of:
            self.raise_cell_error(grade.message)

    def _graded(self) -> QuestionGrade:
        question, sitting = self.question, self.parent.sitting
        answers = [step for step in sitting.steps if step.question == question.id]
        none = QuestionGrade(question.id, 0, question.points, "missing")
        if not answers:
            message = _("{id}: there is no answer in the notebook.").format(id=question.id)
            return replace(none, message=message)
        (answer,) = answers
        none = replace(none, source=answer.source)
        reason = refusal(
            Source(answer.source), question, imported_elsewhere(sitting.steps, question.id)
        )
        try:
            verdict = _refused(question, reason) if reason is not None else self._verdict(answer)
        except OutOfTime:
            message = f"{question.id}: {_out_of_time(sitting.limits)}"
            return replace(none, status="not run", message=message)
        mistake = next(
            (made.name for made in question.mistakes if verdict.hint and made.hint == verdict.hint),
            "",
        )
        return replace(
            none,
            points=verdict.points,
            status=verdict.status,
            right=verdict.right,
            cases=verdict.cases,
            message=verdict.message,
            hint=verdict.hint,
            mistake=mistake,
        )

    def _verdict(self, answer: Step) -> Verdict:
        question = self.question
        cases = question.cases(self.parent.sitting.seed)
        try:
            raised = self.parent.run_step(answer)
        except KernelEnded as ended:
            return _wrong(question, len(cases), _("the cell did not come to its end: {why}"), ended)
        answered = self._called(cases)
        if answered.unusable is None:
            if raised:
                return _wrong(question, len(cases), _("the cell raised {why}"), raised)
            if not answered.outcomes:
                sentence = _("the cell defines no function named {why}.")
                return _wrong(question, len(cases), sentence, question.function)
        if answered.unusable:
            return _refused(question, answered.unusable)
        verdict = judge(question, cases, answered.outcomes)
        if verdict.status == "wrong" and not verdict.hint:
            again = self._called(cases).outcomes
            same = map(agree, again, answered.outcomes, repeat(question.relative_tolerance))
            if len(again) == len(answered.outcomes) and not all(same):
                return forgetful(verdict)
        return verdict

    def _called(self, cases: list[tuple[Any, ...]]) -> Answered:
        """Call the answer in each case."""
        nonce = secrets.token_hex(16)
        answered = Answered(nonce, len(cases))
        asked = list(inspect.signature(self.question.reference).parameters)
        given = json.dumps([nonce, self.question.function, asked, to_json(cases)])
        code = (
            "__import__('lmlib.grading.calling', fromlist=['call']).call("
            f"*__import__('json').loads({given!r}))"
        )
        why = _("in the middle of it")
        try:
            for message in self.parent.run(code, self.parent.sitting.limits.call_seconds):
                answered.add(message)
        except KernelEnded as ended:
            why = _("with its kernel: {why}").format(why=ended)
            answered.unusable = answered.unusable or ""
        if answered.unusable == "":
            answered.end(why)
        return answered


def _refused(question: Question, reason: str) -> Verdict:
    message = _("{id}: not accepted; {reason}").format(id=question.id, reason=reason)
    return Verdict("refused", 0, len(question.cases()), 0, message)


def _wrong(question: Question, cases: int, sentence: str, why: object) -> Verdict:
    message = f"{question.id}: {sentence.format(why=why)}"
    return Verdict("wrong", 0, cases, 0, message)


def _in_a_line(content: dict[str, Any]) -> str:
    """Give the last line of what an error message says, whoever sent it."""
    name, value = content.get("ename"), content.get("evalue")
    return " ".join(f"{name}: {value}".split())[:300]


def _out_of_time(limits: Limits) -> str:
    return _("Not run: the notebook's {seconds:g} seconds were over.").format(
        seconds=limits.seconds
    )
