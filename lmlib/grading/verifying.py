"""Verify the questions themselves: solutions earn all, stubs nothing, mistakes meet their hints."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmlib.errors import InputError
from lmlib.grading.checking import judged
from lmlib.grading.judging import Outcome, Verdict, agree, judge, outcome
from lmlib.grading.notebooks import answer_cells, read_notebook, without_solution
from lmlib.grading.question import Mistake, Question
from lmlib.grading.questions import find
from lmlib.grading.refusing import Source, imports_in
from lmlib.grading.values import written
from lmlib.translation import gettext as _

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: From how many seeds the cases are drawn on which guesses are tried.
_SEEDS = 4

_NONE: Mapping[str, Question] = {}


@dataclass(frozen=True)
class Guess:
    """An answer that asks nothing, and in which share of the cases it is right."""

    answer: str
    share: float


@dataclass(frozen=True)
class Verification:
    """What one question is worth, or a variant of it.

    Attributes
    ----------
    question : Question
    solution, stub : Verdict
        Of the solution's cell, and of the same cell with nothing in it. The solution is always that
        of the public question.
    mistakes : list of (Mistake, Verdict)
    guess : Guess
        The best one.
    """

    question: Question
    solution: Verdict
    stub: Verdict
    mistakes: list[tuple[Mistake, Verdict]]
    guess: Guess

    @property
    def name(self) -> str:
        """The question's id, and the variant's name if it is one."""
        return " ".join(filter(None, (self.question.id, self.question.variant)))

    def caught(self) -> list[Mistake]:
        """Give the planted mistakes that lose points."""
        return [made for made, verdict in self.mistakes if verdict.points < self.question.points]

    def met_by_own_hint(self) -> list[Mistake]:
        """Give the planted mistakes whose message ends in their own hint."""
        return [made for made, verdict in self.mistakes if verdict.hint == made.hint]


def verify(path: Path, own: Mapping[str, Question] = _NONE) -> Iterator[Verification]:
    """Verify each question that a solution notebook answers, and then each of its variants.

    The answers' code is run, here.

    An answer runs after the imports of the cells before it, and after nothing else.

    Parameters
    ----------
    path : Path
    own : mapping of str to Question
        A teacher's own questions, by their ids; they come before the book's.

    Raises
    ------
    InputError
        If the notebook cannot be used, or an answer's cell raises an exception.
    """
    notebook = read_notebook(path)
    answers = answer_cells(notebook, path, own)
    if not answers:
        raise InputError(f"{path}: no cell begins with # exercise: ID, so nothing is answered.")
    for id, cell in answers.items():
        public = own.get(id) or find(id)
        stub = without_solution(cell.source, f"{path}: cell {cell.id!r}")
        for question in (public, *(public.under(variant.name) for variant in public.variants)):
            cases = question.cases()
            yield Verification(
                question,
                _verdict(question, cell.source, notebook, cell, path),
                _verdict(question, stub, notebook, cell, path),
                [
                    (made, judge(question, cases, [outcome(made.answer, case) for case in cases]))
                    for made in question.mistakes
                ],
                best_guess(question),
            )


def best_guess(question: Question) -> Guess:
    """Give the constant or the argument that is right in most cases, whatever is drawn."""
    best = Guess("", 0.0)
    names = list(inspect.signature(question.reference).parameters)
    for seed in range(_SEEDS):
        cases = question.cases(seed)
        expected = [outcome(question.reference, case) for case in cases]
        tried = [
            (_("giving back {name}").format(name=name), [Outcome(value=given) for given in column])
            for name, column in zip(names, zip(*cases, strict=False), strict=False)
        ]
        tried += [
            (_("always giving {value}").format(value=written(one.value, 3)), [one] * len(cases))
            for one in expected
        ]
        for answer, given in tried:
            right = sum(map(agree, given, expected, repeat(question.relative_tolerance)))
            if right / len(cases) > best.share:
                best = Guess(answer, right / len(cases))
    return best


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
