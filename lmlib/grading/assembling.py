"""What is run of a student's notebook, in which order: the exercise with their answers in it.

Of the exercise's own cells those are run that an answer needs, as the teacher wrote them; of the
student's, every code cell, in its place. An experiment below an answer is not an answer's concern.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lmlib.grading.intake import Found, Notebook
from lmlib.grading.refusing import imports_in

#: What every notebook of the book has, without the installing.
SETUP = "from lmlib.grading import check, progress"

_MAGIC = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """A cell to run.

    Attributes
    ----------
    source : str
    question : str
        The question that it answers; empty for other cells.
    """

    source: str
    question: str = ""


def assembled(
    notebook: Notebook,
    answers: Mapping[str, Found],
    pristine: Notebook,
    pristine_answers: Collection[int],
) -> list[Step]:
    """Give the cells to run before the answers are called.

    Parameters
    ----------
    notebook : Notebook
        The student's.
    answers : mapping of str to Found
        Where in it which question is answered.
    pristine : Notebook
        The exercise as it was handed out.
    pristine_answers : collection of int
        Which of the exercise's cells are for answers.
    """
    question_of = {found.cell: id for id, found in answers.items()}
    own = {
        cell.id: cell.source
        for number, cell in enumerate(pristine.cells)
        if cell.kind == "code" and number not in pristine_answers
    }
    steps: list[Step] = []
    theirs: list[Step] = []  # steps of the exercise's own, run if they are needed
    met: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        if number in question_of:  # also where an answer stands in a cell for text
            steps.append(Step(cell.source, question_of[number]))
            continue
        if cell.kind != "code":
            continue
        if cell.id in own and cell.id not in met:
            met.add(cell.id)
            theirs.append(Step(tolerant(own[cell.id])))
            steps.append(theirs[-1])
            if _same(cell.source, own[cell.id]):
                continue
        steps.append(Step(tolerant(cell.source)))
    missing = [Step(tolerant(source)) for id, source in own.items() if id not in met]
    steps, theirs = missing + steps, missing + theirs
    needed = _needed(steps)
    identities = {id(step) for step in theirs}
    kept = [step for i, step in enumerate(steps) if i in needed or id(step) not in identities]
    return [Step(SETUP), *(step for step in kept if step.source.strip())]


def _same(one: str, other: str) -> bool:
    return one.split() == other.split()


def tolerant(source: str) -> str:
    """Give a cell without magics, in which an import that fails stops nothing.

    In a sandbox there are fewer packages than in Colab; what an answer may use is there.

    Examples
    --------
    >>> print(tolerant("%matplotlib inline\\nimport seaborn\\nrate = 2"))
    pass
    try:
        import seaborn
    except ImportError:
        pass
    rate = 2
    """
    source = _MAGIC.sub(r"\1pass", source)
    tree = _parsed(source)
    if tree is None or not any(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body):
        return source
    failed = ast.ExceptHandler(ast.Name("ImportError", ast.Load()), None, [ast.Pass()])
    body: list[ast.stmt] = [
        ast.Try([node], [failed], [], []) if isinstance(node, ast.Import | ast.ImportFrom) else node
        for node in tree.body
    ]
    try:
        return ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))
    except (RecursionError, MemoryError):
        return source


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


# ---------------------------------------------------------------- who needs whom


def _needed(steps: Sequence[Step]) -> set[int]:
    """Say which steps the answers need, through the names that they use: also those of others."""
    names = [_names(step.source) for step in steps]
    needed = {i for i, step in enumerate(steps) if step.question}
    waiting = list(needed)
    while waiting:
        _binds, wanted = names[waiting.pop()]
        for i, (binds, _uses) in enumerate(names):
            if i not in needed and binds & wanted:
                needed.add(i)
                waiting.append(i)
    return needed


def _names(source: str) -> tuple[set[str], set[str]]:
    """Give the names that a cell makes for all cells, and those of others' that it may use.

    Examples
    --------
    >>> binds, uses = _names("def f(x):\\n  y = g(x)\\n  return y")
    >>> binds, uses
    ({'f'}, {'g'})
    """
    try:
        top = symtable.symtable(source, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(), set()
    bound = [one for one in top.get_symbols() if one.is_assigned() or one.is_imported()]
    uses: set[str] = set()
    waiting = [top]
    while waiting:
        table = waiting.pop()
        for one in table.get_symbols():
            if one.is_referenced() and (table is top or one.is_global()):
                uses.add(one.get_name())
        waiting += table.get_children()
    return {one.get_name() for one in bound}, uses


def imported_elsewhere(steps: Iterable[Step], question: str) -> dict[str, str]:
    """Say what the cells beside an answer import, by name, and which of their functions need lmlib.

    It is what `lmlib.grading.refusing.refusal` asks for, read from the source.
    """
    imported: dict[str, str] = {}
    functions: dict[str, set[str]] = {}
    for step in steps:
        tree = _parsed(step.source) if step.question != question else None
        if tree is None or step.source == SETUP:
            continue
        imported |= imports_in(step.source)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                functions[node.name] = _names(ast.unparse(node))[1]
    library = {name: origin for name, origin in imported.items() if _is_library(origin)}
    waiting = list(library)
    while waiting:
        name = waiting.pop()
        for function, names in functions.items():
            if name in names and function not in library:
                library[function] = library[name]
                waiting.append(function)
    return imported | library


def _is_library(origin: str) -> bool:
    allowed = ("lmlib.grading.check", "lmlib.grading.progress")
    return origin.partition(".")[0] == "lmlib" and origin not in allowed
