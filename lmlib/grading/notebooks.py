"""The exercise notebooks: what a solution has to look like, and what a student is given of it.

A solution is the source. Of it, the badge and the setup cell are written by `refreshed`, and the
notebook for the student is made by `released`. A cell that answers a question looks like this::

    # exercise: 03-laplace
    def laplace(row, vocabulary, word):
        # BEGIN SOLUTION
        ...
        # END SOLUTION
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmlib.errors import CheckError, InputError
from lmlib.repository import repository_url
from lmlib.translation import gettext as _

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from lmlib.grading.question import Question, Variant

#: What stands in the place of a solution.
STUB = "raise NotImplementedError  # replace this line by your answer"

_MARKER = re.compile(r"# exercise: (\S+)\s*")
_BEGIN = re.compile(r"([ \t]*)# BEGIN SOLUTION\s*")
_END = re.compile(r"([ \t]*)# END SOLUTION\s*")
_LEFT_OVER = re.compile(r"#\s*(begin|end)[ _-]*solution", re.IGNORECASE)
_PROGRESS = re.compile(r"(\bprogress\([\w\s,]*\w)\s*,?\s*\)")
_READABLE = re.compile(r"(?![0-9a-f]{8}$)[a-z][a-z0-9]*(-[a-z0-9]+)*")
_BADGE = "[![Open in Colab]("
_SECONDS = 600  # that a cell may take
_NONE: Mapping[str, Question] = {}

#: What a notebook of the book says of itself.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

_SETUP = """\
import importlib.util

if importlib.util.find_spec("lmlib") is None:
    %pip install -q "lmlib-book @ git+{address}"
if importlib.util.find_spec("lmlib.grading") is None:
    raise ImportError(
        "The `lmlib` found here is another package of that name, or an old one. "
        "Uninstall it (pip uninstall lmlib lmlib-book), restart the kernel, run this cell again."
    )

from lmlib.grading import check, progress"""


# ---------------------------------------------------------------- reading and writing


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook as it has to be here: nbformat 4.5, each cell with a readable id of its own.

    Raises
    ------
    InputError
        If it is not; the message names the cell.
    """
    from lmlib.text import read_text

    nbformat = import_nbformat()
    text = read_text(path)
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: this is no notebook ({error}).") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
        raise InputError(f"{path}: this is no notebook of format 4: it has no cells.")
    version = raw.get("nbformat"), raw.get("nbformat_minor")
    if version[0] != 4 or not isinstance(version[1], int) or version[1] < 5:
        raise InputError(
            f"{path}: the notebook has format {version[0]}.{version[1]}, which keeps no cell ids; "
            "save it as 4.5."
        )
    seen: set[str] = set()
    for number, cell in enumerate(raw["cells"], start=1):
        id = cell.get("id") if isinstance(cell, dict) else None
        if not isinstance(id, str):
            raise InputError(f"{path}: cell {number} has no id; give it a readable one.")
        if not _READABLE.fullmatch(id):
            raise InputError(
                f"{path}: cell {number} has the id {id!r}; give it a readable one, such as "
                "laplace-answer."
            )
        if id in seen:
            raise InputError(f"{path}: two cells have the id {id!r}.")
        seen.add(id)
    try:
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
    except (nbformat.ValidationError, AttributeError, KeyError, TypeError) as error:
        why = str(error).partition("\n")[0]
        raise InputError(f"{path}: this is no valid notebook ({why}).") from None
    return notebook


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook beside its place, then rename it."""
    text = import_nbformat().writes(notebook)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def import_nbformat() -> Any:
    """Import nbformat, or say how to get it."""
    try:
        import nbformat
    except ModuleNotFoundError:
        raise InputError(
            "notebooks need nbformat and nbclient: pip install nbformat nbclient ipykernel "
            "(or lmlib-book's extra [grading])."
        ) from None
    return nbformat


# ---------------------------------------------------------------- the answers


def answer_cells(
    notebook: NotebookNode, path: Path, own: Mapping[str, Question] = _NONE
) -> dict[str, NotebookNode]:
    """Give the cells that answer questions, by the question's id.

    Parameters
    ----------
    notebook : NotebookNode
    path : Path
        For messages.
    own : mapping of str to Question
        A teacher's own questions, by their ids; they come before the book's.

    Raises
    ------
    InputError
        If a solution has no marker, a marker names no question, or two name the same.
    """
    answers: dict[str, NotebookNode] = {}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        marker = _MARKER.fullmatch(cell.source.partition("\n")[0])
        if marker is None:
            if any(_BEGIN.fullmatch(line) for line in cell.source.split("\n")):
                raise InputError(
                    f"{path}: cell {cell.id!r} holds a solution, so its first line has to say of "
                    "which question: # exercise: ID"
                )
            continue
        try:
            question = _question(marker[1], own)
        except InputError as error:
            message = _(
                "{path}: cell {id}: {error} Questions of your own are named with --questions FILE."
            )
            raise InputError(message.format(path=path, id=repr(cell.id), error=error)) from None
        if question.id in answers:
            other = answers[question.id].id
            raise InputError(f"{path}: cells {other!r} and {cell.id!r} both answer {question.id}.")
        answers[question.id] = cell
    return answers


def _question(id: str, own: Mapping[str, Question]) -> Question:
    from lmlib.grading.questions import find

    return own.get(id) or find(id)


def without_solution(source: str, where: str) -> str:
    """Put the stub in the place of each solution.

    Raises
    ------
    InputError
        If there is no solution, or its two marks are not a pair; ``where`` names the cell.

    Examples
    --------
    >>> print(without_solution("def f():\\n  # BEGIN SOLUTION\\n  return 1\\n  # END SOLUTION", ""))
    def f():
      raise NotImplementedError  # replace this line by your answer
    """
    lines: list[str] = []
    indent: str | None = None  # of the solution that the line stands in
    solutions = 0
    for number, line in enumerate(source.split("\n"), start=1):
        begin, end = _BEGIN.fullmatch(line), _END.fullmatch(line)
        if begin and indent is None:
            indent = begin[1]
            lines.append(indent + STUB)
            solutions += 1
        elif begin:
            raise InputError(f"{where}: line {number} begins a solution inside another.")
        elif end and indent is None:
            raise InputError(f"{where}: line {number} ends a solution that has not begun.")
        elif end and end[1] != indent:
            raise InputError(f"{where}: line {number} is not indented as its # BEGIN SOLUTION.")
        elif end:
            indent = None
        elif indent is None:
            lines.append(line)
    if indent is not None:
        raise InputError(f"{where}: a solution has no # END SOLUTION.")
    if not solutions:
        raise InputError(f"{where}: there is no # BEGIN SOLUTION.")
    return "\n".join(lines)


# ---------------------------------------------------------------- from a solution to an exercise


def refreshed(solution: NotebookNode, path: Path, badge: bool = True) -> NotebookNode:
    """Give a solution with today's badge and setup cell, and each ``metadata.id`` equal to the id.

    The badge opens the notebook of this name in the book's repository; False leaves it out.

    Raises
    ------
    InputError
        If it has no first cell in Markdown, or no code cell with the id ``setup``.
    """
    address = repository_url()
    if address is None:
        raise InputError(
            "the repository's address stands in the metadata of lmlib-book, which is not "
            "installed: pip install -e ."
        )
    notebook = copy.deepcopy(solution)
    title = notebook.cells[0] if notebook.cells else None
    if title is None or title.cell_type != "markdown":
        raise InputError(f"{path}: the first cell has to be the title, in Markdown.")
    title.source = _without_badge(title.source)
    if badge:
        title.source = f"{_badge(address, path.name)}\n\n{title.source}"
    setup = next((cell for cell in notebook.cells if cell.id == "setup"), None)
    if setup is None or setup.cell_type != "code":
        raise InputError(f"{path}: there is no code cell with the id 'setup'; add an empty one.")
    setup.source = _SETUP.format(address=address)
    for cell in notebook.cells:
        cell.metadata["id"] = cell.id
    notebook.metadata = import_nbformat().from_dict(METADATA)
    return notebook


def _without_badge(title: str) -> str:
    lines = title.split("\n")
    if lines[0].startswith(_BADGE):
        lines = lines[1:]
        while lines and not lines[0].strip():
            lines = lines[1:]
    return "\n".join(lines)


def _badge(address: str, name: str) -> str:
    repository = address.removeprefix("https://github.com/")
    return (
        f"{_BADGE}https://colab.research.google.com/assets/colab-badge.svg)]"
        f"(https://colab.research.google.com/github/{repository}/blob/main/exercises/{name})"
    )


def released(
    solution: NotebookNode,
    path: Path,
    course_key: str | None = None,
    own: Mapping[str, Question] = _NONE,
) -> NotebookNode:
    """Give the notebook for the student: stubs for solutions, and no outputs.

    With a course's key, a question that has variants is asked as the key draws it. The notebook
    then says what is different and names the variant to `check`; of the key it says nothing.
    With questions of a teacher's own, it has no badge: it is none of the book's.

    Raises
    ------
    InputError
        As `answer_cells`, `without_solution` and `refreshed`, or if nothing is asked, or a variant
        cannot be named to `check`.
    """
    notebook = refreshed(solution, path, badge=not own)
    answers = answer_cells(notebook, path, own)
    if not answers:
        raise InputError(f"{path}: no cell begins with # exercise: ID, so nothing is asked.")
    for cell in answers.values():
        cell.source = without_solution(cell.source, f"{path}: cell {cell.id!r}")
    for cell in notebook.cells:
        if left_over := _LEFT_OVER.search(cell.source):
            raise InputError(
                f"{path}: cell {cell.id!r} would show its solution: write {left_over[0]!r} as "
                "# BEGIN SOLUTION or # END SOLUTION, on a line of its own, in an answer's cell."
            )
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if course_key is not None:
        asked = [(_question(id, own), cell) for id, cell in answers.items()]
        _ask_as_drawn(notebook, asked, course_key, path)
    return notebook


def _ask_as_drawn(
    notebook: NotebookNode,
    asked: list[tuple[Question, NotebookNode]],
    course_key: str,
    path: Path,
) -> None:
    """Put in the tasks of the variants that a key draws, and name them to `check`."""
    drawn = {}
    for question, answer in asked:
        variant = question.variant_drawn_by(course_key)
        if variant is not None:
            drawn[question.id] = variant.name
            _put_above(notebook, answer, question, variant, path)
            _name_to_check(notebook, question, variant, path)
    if not drawn:
        return
    variants = json.dumps(drawn)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = _PROGRESS.sub(rf"\1, variants={variants})", cell.source)
    # the badge opens the public notebook
    title = notebook.cells[0]
    title.source = _without_badge(title.source)


def _put_above(
    notebook: NotebookNode, answer: NotebookNode, question: Question, variant: Variant, path: Path
) -> None:
    """Put a variant's task above the answer's cell."""
    id = f"{question.id.partition('-')[2]}-variant"
    if any(cell.id == id for cell in notebook.cells):
        message = _("{path}: a cell has the id {id}, which a course's variant needs.")
        raise InputError(message.format(path=path, id=repr(id)))
    task = import_nbformat().v4.new_markdown_cell(variant.task, id=id, metadata={"id": id})
    notebook.cells.insert(notebook.cells.index(answer), task)


def _name_to_check(
    notebook: NotebookNode, question: Question, variant: Variant, path: Path
) -> None:
    """Write a variant's name into the call of `check`."""
    call = f'check("{question.id}", {question.function}'
    calling = [
        cell for cell in notebook.cells if cell.cell_type == "code" and f"{call})" in cell.source
    ]
    if not calling:
        message = _("{path}: no cell says {call}, where a course's variant would be named.")
        raise InputError(message.format(path=path, call=f"{call})"))
    for cell in calling:
        cell.source = cell.source.replace(f"{call})", f'{call}, variant="{variant.name}")')


def executed(notebook: NotebookNode, path: Path) -> NotebookNode:
    """Give the notebook with what its cells put out, run in the folder of ``path``.

    Raises
    ------
    CheckError
        If a cell raises an exception, takes too long, or ends the kernel.
    """
    import_nbformat()
    try:
        from nbclient import NotebookClient
        from nbclient.exceptions import CellControlSignal, DeadKernelError
    except ModuleNotFoundError:
        raise InputError("running notebooks needs nbclient: pip install nbclient.") from None
    notebook = copy.deepcopy(notebook)
    client = NotebookClient(
        notebook,
        timeout=_SECONDS,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute(env=os.environ | {"LANGUAGE": "en"})
    except (CellControlSignal, DeadKernelError) as error:
        where, why = "a cell", str(error).strip().partition("\n")[0]
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    where, why = f"cell {cell.id!r}", f"{output.ename}: {output.evalue}"
        raise CheckError(f"{path}: {where} failed: {why}") from None
    # running it has written this machine's versions there
    notebook.metadata = import_nbformat().from_dict(METADATA)
    return notebook


def first_difference(one: NotebookNode, other: NotebookNode) -> str | None:
    """Say in what two notebooks differ first, outputs aside; None if in nothing."""
    if one.metadata != other.metadata:
        return "its metadata differs"
    for left, right in zip(one.cells, other.cells, strict=False):
        if left.id != right.id:
            return f"where one has cell {left.id!r}, the other has {right.id!r}"
        for part in ("cell_type", "source", "metadata", "attachments"):
            if left.get(part) != right.get(part):
                return f"cell {left.id!r} differs in its {part.replace('_', ' ')}"
    if len(one.cells) != len(other.cells):
        longer = max(one.cells, other.cells, key=len)
        return f"cell {longer[min(len(one.cells), len(other.cells))].id!r} is in one of them alone"
    return None
