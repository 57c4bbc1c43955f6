"""A gradebook in the formats that other programs read, and in the files that a teacher downloaded.

What a teacher opens in a spreadsheet is guarded against cells that would be taken for formulas. A
file that goes back to Canvas or Moodle is the teacher's own: of it the students' grades alone are
replaced, and every other byte stays.
"""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lmlib.errors import InputError
from lmlib.grading.gradebook import Gradebook, Row, record_to_json
from lmlib.translation import gettext as _

#: The largest file of grades that is read.
_LARGEST = 50_000_000

#: What no text of ours should hold: control characters, halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

#: What makes a spreadsheet take a cell for a formula; the wide forms too, as Excel does in Asia.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def printable(text: str) -> str:
    """Put a replacement character in the place of each that HTML, XML or a terminal cannot show."""
    return _UNPRINTABLE.sub("\ufffd", text)


# ---------------------------------------------------------------- tables, JSON, JUnit


def grades_csv(gradebook: Gradebook) -> str:
    """Give the class as a table for a spreadsheet: a student a line, a question a column.

    It begins with a byte order mark, without which Excel does not show Chinese names. A cell that
    a spreadsheet would take for a formula begins with an apostrophe. Who handed in nothing has no
    points.
    """
    file = io.StringIO()
    table = csv.writer(file)
    head = ["student", "identity", "file", "late", "versions", "points", "out of"]
    table.writerow([_guarded(cell) for cell in [*head, *gradebook.questions]])
    for row in gradebook.rows:
        cells: list[object] = [row.student, row.identity, row.file]
        cells += ["yes" if row.late else "no", row.versions]
        if row.record is None:
            cells += ["", gradebook.out_of] + [""] * len(gradebook.questions)
        else:
            points = {question.id: question.points for question in row.record.questions}
            cells += [row.points, gradebook.out_of]
            cells += [points.get(id, "") for id in gradebook.questions]
        table.writerow([_guarded(cell) if isinstance(cell, str) else cell for cell in cells])
    return "\ufeff" + file.getvalue()


def _guarded(cell: str) -> str:
    cell = printable(cell)
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def grades_json(gradebook: Gradebook) -> str:
    """Give all that is known of the class as JSON, in ASCII."""
    value = dataclasses.asdict(dataclasses.replace(gradebook, questions={}, rows=()))
    value["questions"] = dict(gradebook.questions)
    value["out_of"] = gradebook.out_of
    value["rows"] = [
        dataclasses.asdict(dataclasses.replace(row, record=None))
        | {"points": row.points, "record": row.record and record_to_json(row.record)}
        for row in gradebook.rows
    ]
    return json.dumps(value, indent=1, ensure_ascii=True, sort_keys=True) + "\n"


def junit_xml(gradebook: Gradebook) -> str:
    """Give the class as JUnit's XML: a suite for each student, a case for each question."""
    suites = ElementTree.Element("testsuites", name=printable(gradebook.exercise))
    for row in gradebook.rows:
        suite = ElementTree.SubElement(suites, "testsuite", name=printable(row.student))
        counts: defaultdict[str, int] = defaultdict(int)
        if row.record is None:
            case = ElementTree.SubElement(suite, "testcase", name=printable(gradebook.exercise))
            ElementTree.SubElement(case, "skipped", message=_("nothing was handed in"))
            counts["tests"], counts["skipped"] = 1, 1
        for question in row.record.questions if row.record else ():
            counts["tests"] += 1
            case = ElementTree.SubElement(
                suite,
                "testcase",
                name=printable(question.id),
                classname=printable(gradebook.exercise),
            )
            if question.status == "right":
                continue
            kind = {"void": "skipped", "not run": "error"}.get(question.status, "failure")
            counts[kind] += 1
            first = question.message.partition("\n")[0] or question.status
            why = ElementTree.SubElement(case, kind, message=printable(first))
            why.text = printable(question.message)
        for attribute, kind in [
            ("tests", "tests"),
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ]:
            suite.set(attribute, str(counts[kind]))
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


# ---------------------------------------------------------------- a file of the teacher's


@dataclass(frozen=True)
class Filled:
    """A teacher's file with the grades in it.

    Attributes
    ----------
    content : bytes
        To be written as they are.
    filled : int
        How many students have a grade in it now.
    unmatched : tuple of str
        The students who handed in, and whom the file does not have.
    notes : tuple of str
        What the teacher should know: what was left as it stood, and how points were converted.
    """

    content: bytes
    filled: int
    unmatched: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Cell:
    """A cell of a table: its value, and where in the text it stands, quotation marks and all."""

    value: str
    begin: int
    end: int
    quoted: bool


class _Table:
    """A file of comma-separated values, of which single cells are replaced and all else stays.

    Bytes that are not UTF-8 are carried through as they are (``surrogateescape``): commas,
    quotation marks and line ends are found in them all the same, in GB 18030 too.
    """

    def __init__(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(
                _("{path}: the file cannot be read ({error}).").format(
                    path=path, error=error.strerror
                )
            ) from None
        if len(content) > _LARGEST:
            raise InputError(
                _("{path}: {size} bytes are no table of grades.").format(
                    path=path, size=len(content)
                )
            )
        self.path = path
        self._encoding = "utf-8"
        for mark, encoding in [
            (codecs.BOM_UTF16_LE, "utf-16-le"),
            (codecs.BOM_UTF16_BE, "utf-16-be"),
        ]:
            if content.startswith(mark):
                self._encoding = encoding
        self._errors = "surrogateescape" if self._encoding == "utf-8" else "surrogatepass"
        try:
            self._text = content.decode(self._encoding, self._errors)
        except UnicodeDecodeError:
            raise InputError(
                _("{path}: the file begins as UTF-16 and is none; download it again.").format(
                    path=path
                )
            ) from None
        self._start = 1 if self._text.startswith("\ufeff") else 0
        parsed = [self._parsed(delimiter) for delimiter in ",;\t"]
        self.rows = max(parsed, key=lambda rows: len(rows[0]) if rows else 0)
        self._delimiter = ",;\t"[parsed.index(self.rows)]
        if not self.rows or len(self.rows[0]) < 3:
            raise InputError(
                _(
                    "{path}: this is no table with columns for students and grades. Give the file "
                    "as it was downloaded."
                ).format(path=path)
            )
        self._replaced: dict[_Cell, str] = {}

    def _parsed(self, delimiter: str) -> list[list[_Cell]]:
        pattern = re.compile(
            rf'("[^"]*+(?:""[^"]*+)*+"|[^{delimiter}\r\n]*)({delimiter}|\r\n|\r|\n|\Z)'
        )
        rows: list[list[_Cell]] = []
        row: list[_Cell] = []
        place = self._start
        while place < len(self._text):
            found = pattern.match(self._text, place)
            assert found is not None  # the second way always matches
            cell, end = found[1], found[2]
            quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
            value = cell[1:-1].replace('""', '"') if quoted else cell
            row.append(_Cell(value, found.start(1), found.end(1), quoted))
            place = found.end()
            if end == delimiter and place == len(self._text):
                row.append(_Cell("", place, place, False))
            if end != delimiter or place == len(self._text):
                rows.append(row)
                row = []
        return rows

    def replace(self, cell: _Cell, value: str) -> None:
        self._replaced[cell] = value

    def content(self) -> bytes:
        parts: list[str] = []
        place = 0
        for cell in sorted(self._replaced, key=lambda cell: cell.begin):
            value = self._replaced[cell]
            if cell.quoted or self._delimiter in value:
                value = f'"{value}"'
            parts += [self._text[place : cell.begin], value]
            place = cell.end
        text = "".join([*parts, self._text[place:]])
        return text.encode(self._encoding, self._errors)


def fill_canvas(gradebook: Gradebook, downloaded: Path, column: str | None = None) -> Filled:
    """Put the points into a gradebook that was exported from Canvas.

    Students are found by their number (``ID``, ``SIS User ID``, ``SIS Login ID``), then by name.
    Who handed in nothing keeps the cell as it is, and so does an excused student (``EX``). Where
    the assignment has other points possible than the exercise, points are converted.

    Parameters
    ----------
    gradebook : Gradebook
    downloaded : Path
        The file, as it came from Canvas.
    column : str, optional
        Which assignment: its title, its number, or the column's head; without it, the one that has
        the exercise's name in its title.

    Raises
    ------
    InputError
        If this is no such file, the column cannot be told, or a student is found twice.
    """
    table = _Table(downloaded)
    head = [cell.value.strip() for cell in table.rows[0]]
    names = 2 if head[0] == "LastName" else 1
    if not ("Student" in head[0] or names == 2) or "ID" not in head[names]:
        raise InputError(
            _(
                "{path}: the first columns are {found}, where Canvas writes Student and ID. Export "
                "the gradebook from Canvas (Grades, Export) and give that file."
            ).format(path=downloaded, found=printable(", ".join(head[:3])))
        )
    place = _canvas_column(gradebook, downloaded, head, column)
    students: list[list[_Cell]] = []
    maximum = ""
    for row in table.rows[1:]:
        if len(row) <= place or "Student, Test" in row[0].value:
            continue
        if "Points Possible" in row[0].value:
            maximum = row[place].value.strip()
            if "read only" in maximum.lower():
                raise InputError(
                    _("{path}: Canvas computes the column {column} itself.").format(
                        path=downloaded, column=printable(head[place])
                    )
                )
        elif row[0].value.strip():
            students.append(row)
    ids = [i for i, name in enumerate(head) if name in ("ID", "SIS User ID", "SIS Login ID")]

    def name_of(row: list[_Cell]) -> str:
        return ", ".join(cell.value for cell in row[:names])

    def ids_of(row: list[_Cell]) -> set[str]:
        return {row[i].value.strip() for i in ids}

    return _filled(gradebook, table, students, place, maximum, ids_of, name_of)


def _canvas_column(gradebook: Gradebook, path: Path, head: list[str], column: str | None) -> int:
    titles = {
        i: (found[1].strip(), found[2])
        for i, name in enumerate(head)
        if (found := re.fullmatch(r"(.*)\((\d+)\)", name, re.DOTALL))
    }
    if column is None:
        wanted = _letters(gradebook.exercise)
        fitting = [i for i, (title, _id) in titles.items() if wanted in _letters(title)]
    else:
        wanted = column.strip().casefold()
        fitting = [
            i
            for i, (title, id) in titles.items()
            if wanted in (title.casefold(), id, head[i].casefold())
        ]
    if len(fitting) == 1:
        return fitting[0]
    there = "; ".join(printable(head[i]) for i in titles) or _("none")
    if fitting:
        sentence = _(
            "{path}: several assignments are called {name}; say which by its number. Assignments: "
            "{there}."
        )
    else:
        sentence = _(
            "{path}: no assignment is called {name}; create it in Canvas and export again, or say "
            "which it is. Assignments: {there}."
        )
    name = gradebook.exercise if column is None else column
    raise InputError(sentence.format(path=path, name=printable(name), there=there))


def fill_moodle(gradebook: Gradebook, downloaded: Path) -> Filled:
    """Put the points into a grading worksheet that was downloaded from Moodle.

    The heads are in the language of the site, so columns are told by what stands in them: the
    participants' numbers are words that end in a number ("Participant 12345"), the name follows
    them, and the grade stands left of the column that has the maximum in every line. Students are
    found by that number, then by name. Who handed in nothing keeps the cell as it is. Where
    Moodle's maximum is another than the exercise's, points are converted.

    Raises
    ------
    InputError
        If a column cannot be told, or a student is found twice.
    """
    table = _Table(downloaded)
    width = len(table.rows[0])
    students = [row for row in table.rows[1:] if len(row) == width]
    if not students:
        raise InputError(
            _("{path}: the worksheet has no line of a student.").format(path=downloaded)
        )
    columns = [[row[i].value.strip() for row in students] for i in range(width)]
    numbers = next((i for i in range(width) if _are_participants(columns[i])), None)
    if numbers is None:
        raise InputError(
            _(
                "{path}: no column has the participants' numbers (Participant 12345). Download the "
                "worksheet from the assignment in Moodle (Grading action, Download grading "
                "worksheet) and give that file."
            ).format(path=downloaded)
        )
    maxima = [i for i in range(numbers + 2, width - 1) if _is_maximum(columns, i)]
    if len(maxima) != 1:
        raise InputError(
            _(
                "{path}: the column of grades cannot be told: it stands left of the column that "
                "has the maximum grade in every line. Set the assignment's grade to points in "
                "Moodle, not to a scale, and download the worksheet again."
            ).format(path=downloaded)
        )

    def name_of(row: list[_Cell]) -> str:
        return row[numbers + 1].value

    def ids_of(row: list[_Cell]) -> set[str]:
        value = row[numbers].value.strip()
        return {value, value[len(value.rstrip("0123456789")) :]}

    maximum = columns[maxima[0]][0]
    return _filled(gradebook, table, students, maxima[0] - 1, maximum, ids_of, name_of)


_NUMBER = re.compile(r"\d+([.,]\d+)?")


def _are_participants(column: list[str]) -> bool:
    """Say whether each cell is one word or several, the same in all, and a number of its own."""
    words = {value.rstrip("0123456789") for value in column}
    return (
        len(words) == 1
        and words != {""}
        and len(set(column)) == len(column)
        and not any(value in words or "@" in value for value in column)
    )


def _is_maximum(columns: list[list[str]], place: int) -> bool:
    grades, maxima, after = columns[place - 1], columns[place], columns[place + 1]
    return (
        len(set(maxima)) == 1
        and _number(maxima[0]) > 0
        and all(value in ("", "-") or _NUMBER.fullmatch(value) for value in grades)
        and not any(_NUMBER.fullmatch(value) for value in after)
    )


def _number(text: str) -> float:
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else 0.0


def _filled(
    gradebook: Gradebook,
    table: _Table,
    students: list[list[_Cell]],
    place: int,
    maximum: str,
    ids_of: Callable[[list[_Cell]], set[str]],
    name_of: Callable[[list[_Cell]], str],
) -> Filled:
    out_of = _number(maximum) or gradebook.out_of
    comma = "," in maximum
    notes: list[str] = []
    if out_of != gradebook.out_of:
        notes.append(
            _(
                "The exercise has {points} points, the file's maximum is {maximum}: the points "
                "were converted in proportion."
            ).format(points=gradebook.out_of, maximum=maximum)
        )
    handed_in = [row for row in gradebook.rows if row.record is not None]
    found = _lines(table.path, handed_in, students, ids_of, name_of)
    filled = 0
    for row in handed_in:
        line = found.get(row.student)
        if line is None:
            continue
        cell = students[line][place]
        if cell.value.strip().upper() in ("EX", "N/A"):
            notes.append(
                _("{student}: the cell has {value}, and was left as it is.").format(
                    student=printable(row.student), value=cell.value.strip()
                )
            )
            continue
        points = row.points * out_of / gradebook.out_of if gradebook.out_of else 0.0
        value = f"{points:.2f}".rstrip("0").rstrip(".")
        table.replace(cell, value.replace(".", ",") if comma else value)
        filled += 1
    unmatched = tuple(row.student for row in handed_in if row.student not in found)
    return Filled(table.content(), filled, unmatched, tuple(notes))


def _lines(
    path: Path,
    rows: list[Row],
    students: list[list[_Cell]],
    ids_of: Callable[[list[_Cell]], set[str]],
    name_of: Callable[[list[_Cell]], str],
) -> dict[str, int]:
    """Find each student's line, by number and then by name.

    A student whose number the file does not have is looked for by name only where the file has
    nobody's number: then the numbers are another system's.
    """
    by_id = _index((i, ids_of(line)) for i, line in enumerate(students))
    ours = any(row.identity and row.identity in by_id for row in rows)
    names = [name_of(line) for line in students]
    forms = [_index((i, {form(name)}) for i, name in enumerate(names)) for form in _FORMS]
    found: dict[str, int] = {}
    for row in rows:
        lines = by_id.get(row.identity, []) if row.identity else []
        if not lines and not (row.identity and ours):
            for form, index in zip(_FORMS, forms, strict=True):
                lines = lines or index.get(form(row.student), [])
        if len(lines) > 1:
            raise InputError(
                _(
                    "{path}: {student} is found in {count} lines; nothing was filled in. Collect "
                    "the notebooks from there too: their names hold the students' numbers."
                ).format(path=path, student=printable(row.student), count=len(lines))
            )
        if lines and lines[0] in found.values():
            other = next(name for name, line in found.items() if line == lines[0])
            raise InputError(
                _(
                    "{path}: {student} and {other} are both found in the line of {name}; nothing "
                    "was filled in. Collect the notebooks from there too: their names hold the "
                    "students' numbers."
                ).format(
                    path=path,
                    student=printable(row.student),
                    other=printable(other),
                    name=printable(names[lines[0]]),
                )
            )
        if lines:
            found[row.student] = lines[0]
    return found


def _index(keys: Iterable[tuple[int, set[str]]]) -> dict[str, list[int]]:
    index: defaultdict[str, list[int]] = defaultdict(list)
    for i, values in keys:
        for value in values - {""}:
            index[value].append(i)
    return index


def _words(name: str) -> str:
    """Give a name as it is spoken: "Lovelace, Ada" as "ada lovelace"."""
    last, comma, first = unicodedata.normalize("NFKC", name).partition(",")
    return (
        " ".join(f"{first} {last}".casefold().split())
        if comma
        else " ".join(last.casefold().split())
    )


def _letters(name: str) -> str:
    """Give a name's letters and digits, as in Canvas's files: "Lovelace, Ada" as "lovelaceada"."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))


_FORMS = (_words, _letters)


# ---------------------------------------------------------------- feedback for every student


@dataclass(frozen=True)
class Packed:
    """A zip file to upload.

    Attributes
    ----------
    content : bytes
        The same for the same files.
    left_out : tuple of str
        The students for whom no place in it is known.
    """

    content: bytes
    left_out: tuple[str, ...]


def feedback_zip(
    gradebook: Gradebook,
    files: Mapping[str, bytes],
    layout: Literal["moodle", "canvas"],
    name: str = "feedback.html",
) -> Packed:
    """Pack a file for each student as the system wants it that handed the submissions out.

    Moodle: a folder for each participant, ``Full Name_1234567_assignsubmission_file_/``, with the
    file under ``name`` in it. Canvas: each file under the very name that Canvas gave the student's
    own; Canvas shows it under that name too, so the files should be notebooks.

    Parameters
    ----------
    gradebook : Gradebook
    files : mapping of str to bytes
        By student; who has none is not in the zip.
    layout : {"moodle", "canvas"}
    name : str
        What the file is called, for Moodle.
    """
    packed: dict[str, bytes] = {}
    left_out: list[str] = []
    for row in gradebook.rows:
        if row.student not in files:
            continue
        place = _moodle_name(row, name) if layout == "moodle" else _canvas_name(row)
        if not place or place in packed:
            left_out.append(row.student)
        else:
            packed[place] = files[row.student]
    return Packed(zipped(packed), tuple(left_out))


def _moodle_name(row: Row, name: str) -> str:
    """Give the folder that Moodle knows: it reads the number between the first two underscores."""
    if not re.fullmatch(r"[0-9]{1,18}", row.identity):
        return ""
    letters = "".join(
        letter if letter.isalnum() or letter in " -'" else " " for letter in printable(row.student)
    )
    student = " ".join(letters.split())[:60].strip() or "Participant"
    return f"{student}_{row.identity}_assignsubmission_file_/{name}"


def _canvas_name(row: Row) -> str:
    """Give the file's own name if Canvas will know it: by two numbers between underscores."""
    name = re.split(r"[/\\]", row.file)[-1]
    numbers = [part for part in name.split("_") if re.fullmatch("[0-9]+", part)]
    if len(numbers) < 2 or (row.identity and numbers[0] != row.identity):
        return ""
    return name if name == printable(name) and not name.startswith(".") and len(name) < 250 else ""


def zipped(files: Mapping[str, bytes], programs: Iterable[str] = ()) -> bytes:
    """Make a zip file whose bytes depend on the files alone; programs may be executed."""
    may_run = set(programs)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whose rights these are
            entry.external_attr = (0o100755 if name in may_run else 0o100644) << 16
            file.writestr(entry, files[name])
    return buffer.getvalue()
