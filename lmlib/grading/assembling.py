"""What is run of a student's notebook, in which order: the exercise with their answers in it.

Those cells are run that an answer needs, through the names that it uses: the exercise's own as the
teacher wrote them, and the student's helpers. An experiment is no answer's concern.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lmlib.grading.intake import Found, Notebook
from lmlib.grading.refusing import imports_in

#: What every notebook of the book has, without the installing; what is drawn by chance in a cell
#: is the same in every run.
SETUP = """\
from lmlib.grading import check, progress
__import__("random").seed(0)
__import__("numpy").random.seed(0)"""

_MAGIC = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)
_TIME = re.compile(r"^([ \t]*)%time[ \t]+", re.MULTILINE)
_TIMED = re.compile(r"\A\s*%%(time|capture)\b.*$", re.MULTILINE)
_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Step:
    """A cell to run.

    Attributes
    ----------
    source : str
    questions : tuple of str
        The questions that it answers; none for other cells.
    """

    source: str
    questions: tuple[str, ...] = ()


def assembled(
    notebook: Notebook,
    answers: Mapping[str, Found],
    pristine: Notebook,
    pristine_answers: Collection[int],
) -> list[Step]:
    """Give the cells to run, in the notebook's order.

    A cell of the exercise that the student changed is run as it was handed out, then as it came.

    Parameters
    ----------
    notebook : Notebook
        The student's.
    answers : mapping of str to Found
        Where in it which question is answered; one cell may answer several.
    pristine : Notebook
        The exercise as it was handed out.
    pristine_answers : collection of int
        Which of the exercise's cells are for answers.
    """
    questions_of: dict[int, tuple[str, ...]] = {}
    for id, found in answers.items():
        questions_of[found.cell] = (*questions_of.get(found.cell, ()), id)
    own = {
        cell.id: cell.source
        for number, cell in enumerate(pristine.cells)
        if cell.kind == "code" and number not in pristine_answers
    }
    steps: list[Step] = []
    met: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        if number in questions_of:  # also where an answer stands in a cell for text
            steps.append(Step(_TIMED.sub("#", cell.source), questions_of[number]))
            continue
        if cell.kind != "code":
            continue
        if cell.id in own and cell.id not in met:
            met.add(cell.id)
            steps.append(Step(tolerant(own[cell.id])))
            if _same(cell.source, own[cell.id]):
                continue
        steps.append(Step(tolerant(cell.source)))
    steps = [Step(tolerant(source)) for id, source in own.items() if id not in met] + steps
    needed = _needed(steps)
    return [Step(SETUP), *(step for i, step in enumerate(steps) if i in needed)]


def _same(one: str, other: str) -> bool:
    return one.split() == other.split()


def tolerant(source: str) -> str:
    """Give a cell without magics, in which an import that fails stops nothing.

    In a sandbox there are fewer packages than in Colab; what an answer may use is there.

    Examples
    --------
    >>> print(tolerant("%matplotlib inline\\nimport seaborn\\n%time rate = 2"))
    pass
    try:
        import seaborn
    except ImportError:
        pass
    rate = 2
    """
    tree = _parsed(source)
    if tree is None:
        source = _MAGIC.sub(r"\1pass", _TIME.sub(r"\1", source))
        tree = _parsed(source)
    if tree is None or not any(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body):
        return source
    failed = ast.ExceptHandler(ast.Name("ImportError", ast.Load()), None, [ast.Pass()])
    body: list[ast.stmt] = [
        ast.Try([node], [failed], [], []) if isinstance(node, ast.Import | ast.ImportFrom) else node
        for node in tree.body
    ]
    return _unparsed(ast.Module(body, [])) or source


def definitions(source: str) -> str:
    """Give what a cell defines without doing anything: for a cell that did not come to its end.

    Every line keeps its number.

    Examples
    --------
    >>> definitions("rate = 2\\nopen('corpus.txt')\\ndef f(): return rate")
    'rate = 2\\n\\ndef f(): return rate'
    """
    tree = _parsed(source)
    lines = source.split("\n")
    for node in tree.body if tree else ():
        quiet = isinstance(node, ast.Assign | ast.AnnAssign) and not any(
            isinstance(inner, ast.Call) for inner in ast.walk(node)
        )
        if not (quiet or isinstance(node, _DEFINING)):
            end = node.end_lineno or node.lineno
            lines[node.lineno - 1 : end] = [""] * (end - node.lineno + 1)
    return "\n".join(lines) if tree else ""


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _unparsed(tree: ast.AST) -> str:
    try:
        return ast.unparse(ast.fix_missing_locations(tree))
    except (RecursionError, MemoryError):  # nested too deeply
        return ""


# ---------------------------------------------------------------- who needs whom


def _needed(steps: Sequence[Step]) -> set[int]:
    """Say which steps the answers need, through the names that they use: also those of others.

    What changes ``sys``, such as how deep a function may call itself, is needed by all.
    """
    names = [_names(step.source) for step in steps]
    needed = {i for i, step in enumerate(steps) if step.questions}
    waiting = [{"sys"}, *(names[i][1] for i in needed)]
    while waiting:
        wanted = waiting.pop()
        for i, (binds, uses) in enumerate(names):
            if i not in needed and binds & wanted:
                needed.add(i)
                waiting.append(uses)
    return needed


def _names(source: str) -> tuple[set[str], set[str]]:
    """Give the names that a cell makes or changes, and those of other cells that it may use.

    Examples
    --------
    >>> binds, uses = _names("def f(x):\\n  y = g(x)\\n  return y\\nseen.add(1)")
    >>> sorted(binds), sorted(uses)
    (['f', 'seen'], ['g', 'seen'])
    """
    tree = _parsed(source)
    try:
        top = symtable.symtable(source, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None:
        return set(), set()
    binds = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported()}
    uses: set[str] = set()
    waiting = [top]
    while waiting:
        table = waiting.pop()
        for one in table.get_symbols():
            if one.is_referenced() and (table is top or one.is_global()):
                uses.add(one.get_name())
        waiting += table.get_children()
    return binds | set(_changed(tree)), uses


def _changed(tree: ast.Module) -> Iterator[str]:
    """Give the names whose values a cell changes: ``x.a = 1``, ``x[0] = 1``, ``x.add(1)``."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        place: ast.AST | None = None
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            place = node.value.func if isinstance(node.value.func, ast.Attribute) else None
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            place = node
        while isinstance(place, ast.Attribute | ast.Subscript):
            place = place.value
        if isinstance(place, ast.Name):
            yield place.id
        waiting += ast.iter_child_nodes(node)


def imported_elsewhere(steps: Iterable[Step], question: str) -> dict[str, str]:
    """Say what the cells beside an answer import, by name, and which of their functions need lmlib.

    It is what `lmlib.grading.refusing.refusal` asks for, read from the source. A name that a cell
    defines is its own, whatever another cell imports under it.
    """
    imported: dict[str, str] = {}
    functions: dict[str, set[str]] = {}
    for step in steps:
        tree = _parsed(step.source) if question not in step.questions else None
        if tree is None or step.source == SETUP:
            continue
        imported |= _imports_at_the_top(tree)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                functions[node.name] = _names(_unparsed(node))[1]
    imported = {name: origin for name, origin in imported.items() if name not in functions}
    library = {name: origin for name, origin in imported.items() if _is_library(origin)}
    waiting = list(library)
    while waiting:
        name = waiting.pop()
        for function, names in functions.items():
            if name in names and function not in library:
                library[function] = library[name]
                waiting.append(function)
    return imported | library


def _imports_at_the_top(tree: ast.Module) -> dict[str, str]:
    """What a cell imports for others: not what its functions import for themselves."""
    body = [
        node
        for node in tree.body
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    return imports_in(_unparsed(ast.Module(body, [])))


def _is_library(origin: str) -> bool:
    allowed = ("lmlib.grading.check", "lmlib.grading.progress")
    return origin.partition(".")[0] == "lmlib" and origin not in allowed
