"""Read a notebook as it was handed in, however broken, and find the answers in it.

Nothing is believed of a file here but that it is bytes. What can be mended is mended, and a note
to the student says so; what cannot raises an `InputError`, one sentence. Outputs are skipped
before anything is parsed, so that 100 MB of them cost next to nothing.
"""

from __future__ import annotations

import ast
import codecs
import json
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lmlib.errors import InputError
from lmlib.grading.question import Question
from lmlib.translation import gettext as _

#: The bytes that a file may have,
LARGEST_FILE = 200 * 2**20
#: that may be left of it without its outputs,
LARGEST_TEXT = 5 * 2**20
#: and that one cell's source may have; a larger cell is left out.
LARGEST_CELL = 2**20
#: How many cells a notebook may have.
MOST_CELLS = 2000

_ONE_LINE = 50 * 2**20  # of outputs that are not indented, which take longer to skip
_PARSED = 300_000  # characters of cells in which a function is looked for as Python
_FIRST_LINES = 10  # of a cell, where the marker may stand


@dataclass(frozen=True)
class Cell:
    """A cell, without its outputs.

    Attributes
    ----------
    kind : {"code", "markdown"}
        What is no code is text.
    source : str
    id : str
        The cell's, or the one in its metadata, where Colab keeps it; empty if it has none.
    tags : tuple of str
    """

    kind: Literal["code", "markdown"]
    source: str
    id: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Notebook:
    """The cells of a notebook, each in the place that it has in the file.

    Attributes
    ----------
    cells : tuple of Cell
    notes : tuple of str
        What was mended, a sentence each, for the student.
    """

    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """Where the answer to a question stands.

    Attributes
    ----------
    id : str
        The question's.
    cell : int
        Which of the notebook's cells, counted from 0.
    how : {"marker", "tag", "id", "name"}
        By what it was found.
    notes : tuple of str
        For the student: which of several cells counts, or how it was found without its marker.
    """

    id: str
    cell: int
    how: Literal["marker", "tag", "id", "name"]
    notes: tuple[str, ...] = ()


def read(content: bytes) -> Notebook:
    """Read a notebook.

    Parameters
    ----------
    content : bytes
        The whole file.

    Raises
    ------
    InputError
        If no cells can be had from it. The sentence is for the student, and does not repeat
        anything of the file.
    """
    if len(content) > LARGEST_FILE:
        raise InputError(too_large())
    _refuse_other_formats(content)
    notes: list[str] = []
    content = _utf8(content, notes)
    sides = _sides_of_conflict(content)
    if sides is None:
        return _notebook(_parsed(content, notes), notes)
    try:
        _notebook(_parsed(sides[1], []), [])
        notebook = _notebook(_parsed(sides[0], notes), notes)
    except InputError:
        raise InputError(
            _(
                "A merge conflict of git runs through this file, and cannot be resolved by taking "
                "one side. Resolve it, open the notebook to see that it is whole, and hand it in "
                "again."
            )
        ) from None
    note = _("A merge conflict of git ran through the file: the first side (<<<<<<<) was taken.")
    return Notebook(notebook.cells, (note, *notebook.notes))


def written(notebook: Notebook) -> str:
    """Write a notebook as a file that is whole, small, and without outputs.

    Examples
    --------
    >>> read(written(Notebook((Cell("code", "x = 1", "one"),))).encode()).cells[0].source
    'x = 1'
    """
    cells: list[dict[str, Any]] = [
        {
            "cell_type": cell.kind,
            "id": cell.id or f"cell-{number}",
            "metadata": {"tags": list(cell.tags)},
            "source": cell.source,
        }
        | ({"outputs": [], "execution_count": None} if cell.kind == "code" else {})
        for number, cell in enumerate(notebook.cells)
    ]
    whole = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1)


def too_large() -> str:
    """Say that a file is larger than `LARGEST_FILE`."""
    return _(
        "The file is larger than {limit} MB. Clear the outputs of all cells, save, and hand it in "
        "again."
    ).format(limit=LARGEST_FILE // 2**20)


# ---------------------------------------------------------------- bytes


def _refuse_other_formats(content: bytes) -> None:
    if re.search(rb"[^\0\s]", content[:1000]) is None and not content.strip(b"\0 \t\r\n"):
        raise InputError(_("The file is empty. Save the notebook, and hand it in again."))
    if content.startswith((b"PK\3\4", b"PK\5\6", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh")):
        raise InputError(
            _(
                "This is an archive (zip, docx or the like), not a notebook. Hand in the .ipynb "
                "file itself."
            )
        )
    if content.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"{\\rtf", b"\xd0\xcf")):
        raise InputError(
            _(
                "This is a document or a picture (PDF, PNG or the like), not a notebook. Hand in "
                "the .ipynb file itself."
            )
        )
    if content.startswith(b"version https://git-lfs"):
        raise InputError(
            _(
                "This is a Git LFS pointer: it says where the notebook is, and does not hold it. "
                "Hand in the notebook itself."
            )
        )


def _utf8(content: bytes, notes: list[str]) -> bytes:
    """Give the text in UTF-8; what is no text at all is noticed when it is parsed."""
    encoding: str = json.detect_encoding(content[:4])
    if encoding.startswith("utf-8") and _is_utf8(content):
        return content
    if len(content) > 4 * LARGEST_TEXT:
        raise InputError(
            _(
                "The file is not encoded as UTF-8, and too large to be mended. Clear the outputs "
                "of all cells, save it in Jupyter, and hand it in again."
            )
        )
    if not encoding.startswith("utf-8"):
        text = content.decode(encoding, "replace")
    else:
        encoding, text = "utf-8", content.decode("utf-8", "replace")
        damaged = text.count("\ufffd")
        whole = len(text) - len(text.encode("ascii", "ignore")) - damaged
        if damaged >= whole:
            try:
                encoding, text = "gb18030", content.decode("gb18030")
            except UnicodeDecodeError:
                encoding, text = "latin-1", content.decode("latin-1")
    notes.append(
        _("The file was not in UTF-8; it was read as {encoding}.").format(encoding=encoding.upper())
        if encoding != "utf-8"
        else _("Some characters of the file are damaged.")
    )
    return text.encode("utf-8", "replace")


def _is_utf8(content: bytes) -> bool:
    """Say so without holding the text: of 100 MB with one emoji in them, that takes 400 MB."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(content)
    try:
        for start in range(0, len(view), 2**20):
            decoder.decode(bytes(view[start : start + 2**20]))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


#: In JSON no line begins like this: a string cannot run over the end of one.
_CONFLICT = re.compile(rb"(?m)^(<{7}|\|{7}|={7}|>{7})(?:[ \r][^\n]*)?(?:\n|\Z)")


def _sides_of_conflict(content: bytes) -> tuple[bytes, bytes] | None:
    """Give both sides of a merge conflict, None where there is none."""
    if not content.startswith(b"<<<<<<<") and b"\n<<<<<<<" not in content:
        return None
    if len(content) > 4 * LARGEST_TEXT:
        return None  # it is then damaged as any other
    ours: list[bytes] = []
    theirs: list[bytes] = []
    sides = {b">": [ours, theirs], b"<": [ours], b"|": [], b"=": [theirs]}
    state, position = b">", 0
    for mark in _CONFLICT.finditer(content):
        for side in sides[state]:
            side.append(content[position : mark.start()])
        state, position = mark[1][:1], mark.end()
    for side in sides[state]:
        side.append(content[position:])
    return b"".join(ours), b"".join(theirs)


#: As a key only: within a string the second quotation mark would stand after a backslash.
_BULK = re.compile(rb'"(?:outputs|attachments|widgets)"\s*:\s*([\[{])')
_NO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_IMAGE = re.compile(rb";base64,[A-Za-z0-9+/=]{1000,}+")


def _without_outputs(content: bytes) -> bytes:
    """Empty all outputs, attachments and states of widgets, before anything is parsed."""
    pieces: list[bytes] = []
    position = size = effort = 0
    while bulk := _BULK.search(content, position):
        pieces.append(content[position : bulk.end()])
        size += len(pieces[-1])
        position = _end_of_indented(content, bulk)
        if position < 0:
            position, more = _end_of(content, bulk.end(), _ONE_LINE - effort)
            effort += more
        if size > 4 * LARGEST_TEXT:
            raise InputError(_too_much_text())
    if size + len(content) - position > 4 * LARGEST_TEXT:
        raise InputError(_too_much_text())
    text = b"".join(pieces) + content[position:]
    if len(text) > LARGEST_TEXT:
        text = _IMAGE.sub(b";base64,", text)
    if len(text) > LARGEST_TEXT:
        raise InputError(_too_much_text())
    return text


def _end_of_indented(content: bytes, bulk: re.Match[bytes]) -> int:
    """Find the closing bracket in a file as Jupyter writes it; -1 where it is written otherwise.

    The bracket stands right under the key, and within strings lines do not end.
    """
    line = content.rfind(b"\n", max(0, bulk.start() - 100), bulk.start()) + 1
    indent = content[line : bulk.start()]
    if line == 0 or indent == b"" or indent.strip() or content[bulk.end()] not in b"\r\n":
        return -1
    end = content.find(b"\n" + indent + (b"]" if bulk[1] == b"[" else b"}"), bulk.end())
    if end < 0:
        raise InputError(_breaks_off())
    return end + 1 + len(indent)


def _end_of(content: bytes, position: int, limit: int) -> tuple[int, int]:
    """Find the bracket that closes an open one, and say what effort that took."""
    depth, effort = 1, 0
    while True:
        between = _NO_BRACKET.match(content, position, position + max(0, limit - effort))
        end = between.end() if between else position
        effort += end - position + 100  # a bracket takes as long as many characters
        if effort > limit or (end < len(content) and content[end] == ord('"')):
            if len(content) - position < limit - effort:
                raise InputError(_breaks_off())  # within a string
            raise InputError(
                _("The outputs are too large. Clear them in all cells, save, and hand it in again.")
            )
        if end >= len(content):
            raise InputError(_breaks_off())
        depth += 1 if content[end] in b"[{" else -1
        if depth == 0:
            return end, effort
        position = end + 1


def _too_much_text() -> str:
    return _(
        "Besides its outputs the notebook holds more than {limit} MB. Take large data and pictures "
        "out of its cells, and hand it in again."
    ).format(limit=LARGEST_TEXT // 2**20)


def _breaks_off() -> str:
    return _(
        "The file breaks off: only a part of it was saved or uploaded. Open your notebook, save "
        "it, and hand it in again."
    )


# ---------------------------------------------------------------- JSON


_PYTHON = re.compile(r"^(?:def \w+\(|import \w|from \w[\w.]* import |# ?%%|# In\[)", re.MULTILINE)


def _parsed(content: bytes, notes: list[str]) -> Any:
    text = _without_outputs(content).decode("utf-8").strip("\ufeff\0 \t\r\n")
    if not text.startswith(("{", "[")):
        raise InputError(_no_json(text))
    try:
        # no integer here matters, and one of thousands of digits would be refused
        found, end = json.JSONDecoder(parse_int=float).raw_decode(text)
    except RecursionError:
        raise InputError(
            _("This is no notebook: what it holds is nested too deeply to be read.")
        ) from None
    except json.JSONDecodeError as error:
        raise InputError(_damaged(text, error)) from None
    if end < len(text) and isinstance(found, dict):
        notes.append(_("After the end of the notebook the file goes on; that was not read."))
    return found


def _no_json(text: str) -> str:
    if text.startswith("<"):
        return _(
            "This is a web page, not a notebook. Download the notebook itself (in Colab: File, "
            "Download, Download .ipynb), and hand that in."
        )
    if _PYTHON.search(text[:100_000]):
        return _("This is Python source, not a notebook. Hand in the .ipynb file.")
    return _("This is no notebook but something else. Hand in the .ipynb file.")


def _damaged(text: str, error: json.JSONDecodeError) -> str:
    if (
        error.msg.startswith("Unterminated string")
        or text[error.pos :].isalpha()
        or not text[error.pos :]
    ):
        return _breaks_off()
    return _(
        "The file is damaged (in or after cell {number}), and no program can open it. Hand in a "
        "copy that opens in Jupyter."
    ).format(number=max(1, text.count('"cell_type"', 0, error.pos)))


def _notebook(found: Any, notes: list[str]) -> Notebook:
    cells = found.get("cells") if isinstance(found, dict) else None
    if cells is None and isinstance(found, dict) and isinstance(found.get("worksheets"), list):
        sheets = [sheet for sheet in found["worksheets"] if isinstance(sheet, dict)]
        lists = [sheet["cells"] for sheet in sheets if isinstance(sheet.get("cells"), list)]
        cells = [cell for cells in lists for cell in cells]
        notes.append(_("The notebook has an old format (nbformat 3); it was read all the same."))
    if not isinstance(cells, list):
        raise InputError(
            _("This is JSON, but no notebook: it has no cells. Hand in the .ipynb file itself.")
        )
    if not cells:
        raise InputError(_("The notebook has no cells. Hand in the one that you worked in."))
    if len(cells) > MOST_CELLS:
        raise InputError(
            _(
                "The notebook has {count} cells, and at most {limit} are read. Delete what you do "
                "not need, and hand it in again."
            ).format(count=len(cells), limit=MOST_CELLS)
        )
    damage: dict[str, list[int]] = {}
    read = tuple(_cell(cell, number, damage) for number, cell in enumerate(cells, start=1))
    for sentence, numbers in damage.items():
        listed = ", ".join(str(number) for number in numbers[:5])
        listed += ", …" if len(numbers) > 5 else ""
        notes.append(_("Cell {numbers}: {sentence}").format(numbers=listed, sentence=sentence))
    if any(count > 1 for id, count in Counter(cell.id for cell in read).items() if id):
        notes.append(_("Several cells have the same id."))
    return Notebook(read, tuple(notes))


_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def _cell(found: Any, number: int, damage: dict[str, list[int]]) -> Cell:
    def say(sentence: str) -> None:
        damage.setdefault(sentence, []).append(number)

    if not isinstance(found, dict):
        say(_("it is damaged, and was left out."))
        return Cell("markdown", "")
    metadata = found.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    id = next((id for id in (found.get("id"), metadata.get("id")) if isinstance(id, str)), "")
    tags = metadata.get("tags")
    tags = tags if isinstance(tags, list) else []
    kind = found.get("cell_type")
    if kind not in ("code", "markdown", "raw", "heading", "html"):
        say(_("it does not say whether it is code or text."))
        kind = "code" if "outputs" in found or "execution_count" in found else "markdown"
    source = found.get("source", found.get("input", ""))
    if isinstance(source, list):
        lines = [line for line in source if isinstance(line, str)]
        if len(lines) < len(source):
            say(_("lines of its source are damaged, and were left out."))
        broken = any("\n" in line for line in lines)
        source = ("" if broken else "\n").join(lines)
    if not isinstance(source, str):
        say(_("its source is damaged, and was left out."))
        source = ""
    if len(source) > LARGEST_CELL:
        say(_("it is too large, and was left out."))
        source = ""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    if _NO_TEXT.search(source):
        say(_("characters that stand for no text were replaced."))
        source = _NO_TEXT.sub("\ufffd", source)
    if "\n=======\n" in source and _has_conflict(source):
        say(_("the marks of a merge conflict (<<<<<<<) stand in it; Python cannot read them."))
    return Cell(
        "code" if kind == "code" else "markdown",
        source,
        id[:100],
        tuple(tag[:100] for tag in tags[:20] if isinstance(tag, str)),
    )


def _has_conflict(source: str) -> bool:
    lines = source.split("\n")
    return all(any(line.startswith(mark) for line in lines) for mark in ("<<<<<<< ", ">>>>>>> "))


# ---------------------------------------------------------------- the answers


_MARKER = re.compile(r"\s*#[#\s]*exercise\s*[:：]?\s*(\S+)\s*", re.IGNORECASE)
_DEFINED = re.compile(
    r"^(?:(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*\(|(\w+)[ \t]*(?::[^=\n]*)?=[^\n]*\blambda\b)",
    re.MULTILINE,
)
_COMMAND = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)


def find_answers(
    notebook: Notebook, questions: Sequence[Question], pristine: Notebook
) -> dict[str, Found]:
    """Find the cell that answers each question.

    It is looked for by its marker (``# exercise: 03-laplace``, in a cell's first lines), then by a
    tag with the question's id, then by the id that its cell has in the exercise as given out, then
    by the function that it defines. Of several, the last that defines the function counts, and a
    stub that was left as it was does not while there is another. A text cell is looked at where
    no code cell will do: sometimes an answer has become one by a key pressed by mistake.

    Parameters
    ----------
    notebook : Notebook
        As handed in.
    questions : sequence of Question
    pristine : Notebook
        The exercise as it was given out.

    Returns
    -------
    dict of str to Found
        In the order of the questions; one that is not answered is not in it.
    """
    answers: dict[str, Found] = {}
    for kind in ("code", "markdown"):
        left = [question for question in questions if question.id not in answers]
        cells = [cell if cell.kind == kind else Cell("code", "") for cell in notebook.cells]
        defined = _functions(cells, {question.function for question in left})
        marks = [_marks(cell.source) for cell in cells]
        for question in left:
            places = [i for i, names in enumerate(defined) if question.function in names]
            if kind == "code" or places:
                found = _find(question, cells, marks, places, pristine, kind)
                if found is not None:
                    answers[question.id] = found
    return {question.id: answers[question.id] for question in questions if question.id in answers}


def _find(
    question: Question,
    cells: Sequence[Cell],
    marks: Sequence[set[str]],
    places: Sequence[int],
    pristine: Notebook,
    kind: str,
) -> Found | None:
    id = question.id.casefold()
    given = [cell for cell in pristine.cells if id in _marks(cell.source)]
    ids = {cell.id for cell in given if cell.id}
    stubs = {cell.source.strip() for cell in given}
    numbers = range(len(cells))
    ways: dict[Literal["marker", "tag", "id", "name"], list[int]] = {
        "marker": [i for i in numbers if id in marks[i]],
        "tag": [i for i in numbers if id in [tag.strip().casefold() for tag in cells[i].tags]],
        "id": [i for i in numbers if cells[i].id in ids],
        "name": list(places),
    }
    worked = [i for i in places if cells[i].source.strip() not in stubs]
    grades: tuple[Sequence[int], ...] = (worked, places, numbers)
    for good in grades:
        for how, candidates in ways.items():
            if chosen := [i for i in candidates if i in good]:
                others = [i for i in worked or ways["marker"] if i != chosen[-1]]
                notes = _notes(question, how, kind, chosen[-1], others)
                return Found(question.id, chosen[-1], how, notes)
    return None


def _notes(
    question: Question, how: str, kind: str, chosen: int, others: Sequence[int]
) -> tuple[str, ...]:
    notes = []
    if how != "marker":
        sentence = _("{id}: its cell is not marked # exercise: {id}; cell {number} was taken.")
        notes.append(sentence.format(id=question.id, number=chosen + 1))
    if others:
        sentence = _("{id}: there are several answers; the one in cell {number} counts.")
        notes.append(sentence.format(id=question.id, number=chosen + 1))
    if kind != "code":
        sentence = _("{id}: the answer stands in a text cell; it was read as code.")
        notes.append(sentence.format(id=question.id))
    return tuple(notes)


def _marks(source: str) -> set[str]:
    """Give the ids of the questions that a cell says it answers."""
    lines = source[:5000].strip().split("\n", _FIRST_LINES)[:_FIRST_LINES]
    matches = [_MARKER.fullmatch(line[:200]) for line in lines]
    return {match[1].casefold() for match in matches if match}


def _functions(cells: Sequence[Cell], names: set[str]) -> list[set[str]]:
    """Say which of these functions each cell defines, not within a string or a comment.

    Where a cell is no Python, its lines are believed: the answer is found, and refused later.
    """
    defined: list[set[str]] = []
    left = _PARSED
    for cell in reversed(cells):  # the last ones count
        matches = _DEFINED.finditer(cell.source)
        there = {match[1] or match[2] for match in matches} & names
        if there and len(cell.source) <= left:
            left -= len(cell.source)
            there &= _top_level(cell.source, there)
        defined.append(there)
    return defined[::-1]


def _top_level(source: str, believed: set[str]) -> set[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that are none
            tree = ast.parse(_COMMAND.sub(r"\1pass", source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return believed
    names = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Lambda):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names
