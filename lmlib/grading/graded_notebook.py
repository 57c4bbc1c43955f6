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

from lmlib.grading.assembling import Step, definitions, imported_elsewhere
from lmlib.grading.calling import Answered
from lmlib.grading.gradebook import QuestionGrade
from lmlib.grading.judging import Outcome, Verdict, agree, forgetful, judge
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
    options = ["--nbval", "-c", "/dev/null", "--noconftest", "-q"]
    options += [f"--rootdir={folder}", f"--confcutdir={folder}"]  # it lists no folder above
    plugins = ["--disable-plugin-autoload", "-p", "nbval.plugin", "-p", "no:cacheprovider"]
    plugins += ["-p", "no:unraisableexception"]  # it collects garbage twice
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
        self.ended: set[str] = set()  # the questions whose calls ended a kernel
        self.failed: dict[str, str] = {}  # why the cell of an answer did not come to its end
        self.outcomes: dict[str, list[Outcome]] = {}  # of each question's first call
        self._done: list[Step] = []

    def setup(self) -> None:
        """The notebook's time begins."""
        self.deadline = time.monotonic() + self.seconds

    def collect(self) -> Iterator[NotebookCell]:
        """Give the cells to run, a call behind each answer, and in the end each call again."""
        asked = {question.id: question for question in self.sitting.questions}
        cells: list[tuple[type[NotebookCell], str, dict[str, Any]]] = []
        for step in self.sitting.steps:
            cells.append((GradedCell, " ".join(step.questions) or "cell", {"step": step}))
            for id in step.questions:
                if id in asked:
                    cells.append((CallCell, f"call of {id}", {"question": asked[id]}))
        for question in self.sitting.questions:
            cells.append((SecondCall, f"second call of {question.id}", {"question": question}))
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
            self.kernel = self.start_kernel()
            try:
                for step in again:
                    seconds = min(self.sitting.limits.cell_seconds, self._left())
                    for _message in self.kernel.messages(step.source, seconds):
                        pass
            except KernelEnded:
                self.kernel = None
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
        """Run it; if it fails, run what it defines alone: a failure costs nothing by itself."""
        notebook: GradedNotebook = self.parent
        try:
            why = notebook.run_step(self.step)
        except KernelEnded as ended:
            why = str(ended)
            if not self.step.questions:
                note = _("A cell outside of the answers was left out: {why}")
                notebook.sitting.notes.append(note.format(why=why))
        except OutOfTime:
            self.raise_cell_error(_out_of_time(notebook.sitting.limits))
        if why:
            notebook.failed |= dict.fromkeys(self.step.questions, why)
            with contextlib.suppress(KernelEnded, OutOfTime):
                notebook.run_step(replace(self.step, source=definitions(self.step.source)))
            self.raise_cell_error(why)


class CallCell(NotebookCell):
    """The answer before it is called."""

    def __init__(self, *args: Any, question: Question, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.question = question

    def runtest(self) -> None:
        """Judge the answer; less than all points are a failure."""
        sitting = self.parent.sitting
        grade = self.graded()
        before = sitting.grades.get(self.question.id)
        if before is None or grade.right > before.right:
            sitting.grades[self.question.id] = grade
        if grade.points < grade.out_of:
            self.raise_cell_error(grade.message)

    def graded(self) -> QuestionGrade:
        """Judge the answer, as its kernel stands now."""
        question, sitting = self.question, self.parent.sitting
        answers = [step for step in sitting.steps if question.id in step.questions]
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
            verdict = _refused(question, reason) if reason is not None else self._verdict()
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

    def _verdict(self) -> Verdict:
        question = self.question
        cases = question.cases(self.parent.sitting.seed)
        answered = self._called(cases)
        if answered.unusable is None and not answered.outcomes:
            why = self.parent.failed.get(question.id)
            said = _("{id}: the cell failed, and defines no function named {name}. {why}")
            if why is None:
                said = _("{id}: the cell defines no function named {name}.")
            message = said.format(id=question.id, name=question.function, why=why)
            return Verdict("wrong", 0, len(cases), 0, message)
        if answered.unusable:
            return _refused(question, answered.unusable)
        self.parent.outcomes[question.id] = answered.outcomes
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
            self.parent.ended.add(self.question.id)
            answered.unusable = answered.unusable or ""
        if answered.unusable == "":
            answered.end(why)
        return answered


class SecondCall(CallCell):
    """An answer that is not right yet, run once more when all cells were, and called.

    It may need a cell that stands below it. The better of two verdicts counts.
    """

    def graded(self) -> QuestionGrade:
        """Judge the answer, if there is a reason to."""
        notebook: GradedNotebook = self.parent
        before = notebook.sitting.grades.get(self.question.id)
        if before is not None and (before.status != "wrong" or self.question.id in notebook.ended):
            return before
        for step in notebook.sitting.steps:
            if self.question.id in step.questions:
                with contextlib.suppress(KernelEnded, OutOfTime):
                    notebook.run_step(step)
        if before is not None and self._says_the_same():
            return before
        return super().graded()

    def _says_the_same(self) -> bool:
        first = self.parent.outcomes.get(self.question.id, [])
        try:
            now = self._called(self.question.cases(self.parent.sitting.seed)).outcomes
        except OutOfTime:
            return True
        same = map(agree, now, first, repeat(self.question.relative_tolerance))
        return len(now) == len(first) and all(same)


def _refused(question: Question, reason: str) -> Verdict:
    message = _("{id}: not accepted; {reason}").format(id=question.id, reason=reason)
    return Verdict("refused", 0, len(question.cases()), 0, message)


def _in_a_line(content: dict[str, Any]) -> str:
    """Give the last line of what an error message says, whoever sent it."""
    name, value = content.get("ename"), content.get("evalue")
    return " ".join(f"{name}: {value}".split())[:300]


def _out_of_time(limits: Limits) -> str:
    return _("Not run: the notebook's {seconds:g} seconds were over.").format(
        seconds=limits.seconds
    )
