"""Verify the questions themselves: solutions earn all, stubs nothing, mistakes meet their hints."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmlib.errors import InputError
from lmlib.grading.checking import judged
from lmlib.grading.judging import Verdict, judge, outcome
from lmlib.grading.notebooks import answer_cells, read_notebook, without_solution
from lmlib.grading.question import Mistake, Question
from lmlib.grading.questions import find
from lmlib.grading.refusing import Source, imports_in

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True)
class Verification:
    """What one question is worth.

    Attributes
    ----------
    question : Question
    solution, stub : Verdict
        Of the solution's cell, and of the same cell with nothing in it.
    mistakes : list of (Mistake, Verdict)
    """

    question: Question
    solution: Verdict
    stub: Verdict
    mistakes: list[tuple[Mistake, Verdict]]

    def caught(self) -> list[Mistake]:
        """Give the planted mistakes that lose points."""
        return [made for made, verdict in self.mistakes if verdict.points < self.question.points]

    def met_by_own_hint(self) -> list[Mistake]:
        """Give the planted mistakes whose message ends in their own hint."""
        return [made for made, verdict in self.mistakes if verdict.hint == made.hint]


def verify(path: Path) -> Iterator[Verification]:
    """Verify each question that a solution notebook answers. The answers' code is run, here.

    An answer runs after the imports of the cells before it, and after nothing else.

    Raises
    ------
    InputError
        If the notebook cannot be used, or an answer's cell raises an exception.
    """
    notebook = read_notebook(path)
    answers = answer_cells(notebook, path)
    if not answers:
        raise InputError(f"{path}: no cell begins with # exercise: ID, so nothing is answered.")
    for id, cell in answers.items():
        question = find(id)
        stub = without_solution(cell.source, f"{path}: cell {cell.id!r}")
        cases = question.cases()
        yield Verification(
            question,
            _verdict(question, cell.source, notebook, cell, path),
            _verdict(question, stub, notebook, cell, path),
            [
                (mistake, judge(question, cases, [outcome(mistake.answer, case) for case in cases]))
                for mistake in question.mistakes
            ],
        )


def _verdict(
    question: Question, source: str, notebook: NotebookNode, cell: NotebookNode, path: Path
) -> Verdict:
    others = [other.source for other in notebook.cells if other.cell_type == "code"]
    others.remove(cell.source)
    imported = {name: origin for other in others for name, origin in imports_in(other).items()}
    function = _defined(question, source, notebook, cell, path)
    return judged(question, function, Source(source), imported)


def _defined(
    question: Question, source: str, notebook: NotebookNode, cell: NotebookNode, path: Path
) -> Any:
    """Run an answer, and give the function that it defines."""
    names: dict[str, Any] = {"__name__": "__main__"}
    file = f"<{question.id}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    for other in notebook.cells:
        if other.id == cell.id:
            break
        if other.cell_type == "code":
            _run(_imports_alone(other.source), "<imports>", names, f"{path}: cell {other.id!r}")
    _run(source, file, names, f"{path}: cell {cell.id!r}")
    if question.function not in names:
        raise InputError(
            f"{path}: cell {cell.id!r}: it defines no function named {question.function}."
        )
    return names[question.function]


def _run(code: str, file: str, names: dict[str, Any], where: str) -> None:
    try:
        exec(compile(code, file, "exec"), names)
    except (Exception, SystemExit) as error:
        raise InputError(f"{where}: {type(error).__name__}: {error}") from None


def _imports_alone(source: str) -> str:
    """Give the imports that stand at the left of a cell; of one that is no Python, none."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ""
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(map(ast.unparse, imports))
