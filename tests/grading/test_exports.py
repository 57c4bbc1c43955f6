"""Grades in other programs' formats: what goes in comes out, and nothing else changes."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io
import json
import stat
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_gradebook import HOSTILE, gradebook, row

from lmlib.errors import InputError
from lmlib.grading.exports import (
    Filled,
    feedback_zip,
    fill_canvas,
    fill_moodle,
    grades_csv,
    grades_json,
    junit_xml,
)
from lmlib.grading.gradebook import Gradebook, Row, record_from_json

TEXTS = st.text() | st.sampled_from(HOSTILE)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


# ---------------------------------------------------------------- tables, JSON, JUnit


def test_the_table_has_a_line_for_each_student_and_no_points_where_nothing_came() -> None:
    text = grades_csv(gradebook())
    assert text.startswith("\ufeff")
    lines = list(csv.DictReader(io.StringIO(text[1:])))
    assert [line["student"] for line in lines][2:] == ["李 明", "Grace Hopper"]
    assert [line["points"] for line in lines] == ["14", "5", "10", ""]
    assert [line["03-backoff"] for line in lines] == ["4", "0", "10", ""]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " ="])
def test_no_cell_of_the_table_is_a_formula(start: str) -> None:
    text = grades_csv(gradebook(row(f"{start}1+1", f"{start}2", f"{start}3.ipynb")))
    line = list(csv.reader(io.StringIO(text[1:], newline="")))[1]
    assert line[:3] == [f"'{start}1+1", f"'{start}2", f"'{start}3.ipynb"]


@given(TEXTS)
def test_no_cell_begins_as_a_formula_whatever_it_holds(text: str) -> None:
    table = grades_csv(gradebook(row(text, text, text)))
    for line in csv.reader(io.StringIO(table[1:], newline="")):
        assert not [cell for cell in line if cell.lstrip(" ")[:1] in tuple("=+-@\t\r\n＝＋－＠")]


def test_json_has_the_whole_gradebook() -> None:
    book = dataclasses.replace(gradebook(row(text=HOSTILE[-1])), changes=("one",))
    text = grades_json(book)
    assert text.isascii()
    found = json.loads(text)
    assert (found["exercise"], found["out_of"], found["changes"]) == ("03-ngrams", 20, ["one"])
    assert found["questions"] == {"03-laplace": 10, "03-backoff": 10}
    assert found["rows"][0]["points"] == 14
    assert record_from_json(found["rows"][0]["record"]) == book.rows[0].record


@given(TEXTS)
def test_junit_is_xml_whatever_a_student_wrote(text: str) -> None:
    suites = ElementTree.fromstring(junit_xml(gradebook(row(text, text=text))).encode())
    assert len(suites.findall("./testsuite/testcase")) == 2
    suites = ElementTree.fromstring(junit_xml(gradebook()).encode())
    counted = [(suite.get("tests"), suite.get("failures")) for suite in suites]
    assert counted == [("2", "1"), ("2", "2"), ("2", "2"), ("1", "0")]
    assert suites[3].get("skipped") == "1"


# ---------------------------------------------------------------- Canvas

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,01 Words (11),"Week 3, 03-ngrams (12)",Final Score
,,,,,,Manual Posting,
    Points Possible,,,,,10,20,(read only)
"Lovelace, Ada",101,S1,ada,"A ""1"" B",9.5,,55.1
"Noyce, Bob",102,S2,bob,A,7,3,=1+1
"明, 李",103,S3,li,A,,"",
"Hopper, Grace",104,S4,grace,A,,17,
"Student, Test",,,x,A,,,
"""


def cells(content: bytes, encoding: str = "utf-8") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(encoding), newline="")))


def changed(before: str, filled: Filled) -> dict[tuple[int, int], str]:
    """Which cells are others than they were."""
    old = cells(before.encode())
    new = cells(filled.content)
    assert [len(line) for line in old] == [len(line) for line in new]
    return {
        (i, j): new[i][j]
        for i in range(len(old))
        for j in range(len(old[i]))
        if old[i][j] != new[i][j]
    }


def test_canvas_gets_the_points_of_its_students_and_all_else_stays(tmp_path: Path) -> None:
    filled = fill_canvas(gradebook(), write(tmp_path / "canvas.csv", CANVAS))
    assert changed(CANVAS, filled) == {(3, 6): "14", (4, 6): "5", (5, 6): "10"}
    assert (filled.filled, filled.unmatched, filled.notes) == (3, (), ())
    expected = CANVAS.replace("9.5,,55.1", "9.5,14,55.1").replace("7,3,", "7,5,")
    assert filled.content == expected.replace('li,A,,"",', 'li,A,,"10",').encode()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_canvas_keeps_line_ends_encoding_and_delimiter(
    end: str, encoding: str, delimiter: str, tmp_path: Path
) -> None:
    file = io.StringIO(newline="")
    table = csv.writer(file, delimiter=delimiter, lineterminator=end)
    table.writerows(csv.reader(io.StringIO(CANVAS)))
    text = file.getvalue()
    path = write(tmp_path / "canvas.csv", text, encoding)
    content = fill_canvas(gradebook(), path).content
    d = delimiter
    assert content.startswith(path.read_bytes()[:4])
    after = content.decode(encoding)
    assert f"{d}9.5{d}14{d}55.1{end}" in after
    undone = after.replace(f"{d}14{d}55.1", f"{d}{d}55.1").replace(f"7{d}5{d}", f"7{d}3{d}")
    assert undone.replace(f"{d}10{d}{end}", f"{d}{d}{end}") == text


@settings(max_examples=50)
@given(st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=5))
def test_canvas_round_trip_keeps_every_other_cell(
    tmp_path_factory: pytest.TempPathFactory, others: list[list[str]]
) -> None:
    file = io.StringIO(newline="")
    table = csv.writer(file, quoting=csv.QUOTE_ALL)
    head = ["Student", "ID", "Section", "a (1)", "03-ngrams (12)", "b (2)"]
    table.writerow(head)
    table.writerow(["Points Possible", "", "", "", "20", ""])
    for i, (one, two, three) in enumerate(others):
        table.writerow([f"Name {i}", str(i), one, two, "", three])
    path = tmp_path_factory.mktemp("canvas") / "canvas.csv"
    path.write_bytes(file.getvalue().encode("utf-8", "surrogatepass"))
    book = gradebook(*(row(f"Other {i}", str(i)) for i in range(len(others))))
    content = fill_canvas(book, path).content
    assert content.replace(b'"14"', b'""') == path.read_bytes().replace(b'"14"', b'""')
    assert content.count(b'"14"') - path.read_bytes().count(b'"14"') == len(others)


def test_bytes_that_are_no_utf8_are_carried_through(tmp_path: Path) -> None:
    path = write(tmp_path / "canvas.csv", CANVAS, "gb18030")
    content = fill_canvas(gradebook(), path).content
    assert content.decode("gb18030") == fill_canvas(
        gradebook(), write(tmp_path / "utf.csv", CANVAS)
    ).content.decode("utf-8")


def test_canvas_points_are_converted_with_the_files_decimal_sign(tmp_path: Path) -> None:
    text = CANVAS.replace(",10,20,", ',10,"30,00",')
    filled = fill_canvas(gradebook(), write(tmp_path / "canvas.csv", text))
    assert changed(text, filled) == {(3, 6): "21", (4, 6): "7,5", (5, 6): "15"}
    assert "converted" in filled.notes[0]


def test_canvas_excused_students_stay_excused(tmp_path: Path) -> None:
    text = CANVAS.replace("9.5,,", "9.5,EX,")
    filled = fill_canvas(gradebook(), write(tmp_path / "canvas.csv", text))
    assert (3, 6) not in changed(text, filled)
    assert filled.filled == 2
    assert "Ada Lovelace" in filled.notes[0]


@pytest.mark.parametrize("column", ["12", "Week 3, 03-ngrams", "week 3, 03-ngrams (12)"])
def test_a_canvas_column_is_found_by_title_number_or_head(column: str, tmp_path: Path) -> None:
    path = write(tmp_path / "canvas.csv", CANVAS)
    assert fill_canvas(gradebook(), path, column) == fill_canvas(gradebook(), path)
    other = fill_canvas(gradebook(), path, "11")
    assert {place[1] for place in changed(CANVAS, other)} == {5}


@pytest.mark.parametrize("name", ["Ada Lovelace", "lovelaceada", "Lovelace, Ada", "ADA  LOVELACE"])
@pytest.mark.parametrize("identity", ["", "github-name"])
def test_a_student_without_a_number_is_found_by_name(
    name: str, identity: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "canvas.csv", CANVAS)
    filled = fill_canvas(gradebook(row(name, identity)), path)
    assert changed(CANVAS, filled) == {(3, 6): "14"}


def test_who_is_not_in_the_file_is_named_and_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path / "canvas.csv", CANVAS)
    book = gradebook(row("Bob Noyce", "102"), row("Ada Lovelace", "999"), row("Eve", ""))
    filled = fill_canvas(book, path)
    assert filled.unmatched == ("Ada Lovelace", "Eve")
    assert changed(CANVAS, filled) == {(4, 6): "14"}


def test_a_student_who_is_found_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "canvas.csv", CANVAS + '"Lovelace, Ada",105,S5,ada2,A,,,\n')
    with pytest.raises(InputError, match="Ada Lovelace is found in 2 lines"):
        fill_canvas(gradebook(row("Ada Lovelace", "")), path)
    with pytest.raises(InputError, match="both found in the line"):
        fill_canvas(gradebook(row("Ada Lovelace", "101"), row("ada", "ada")), path)


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("", "no table"),
        ("Name,Number,Points,x (1)\nAda,1,2,3\n", "Export the gradebook from Canvas"),
        (CANVAS.replace("03-ngrams (12)", "Models (12)"), r"no assignment is called 03-ngrams"),
        (CANVAS.replace("01 Words (11)", "03-ngrams (11)"), "several assignments"),
        (CANVAS.replace(",10,20,", ",10,(read only),"), "Canvas computes the column"),
    ],
)
def test_a_canvas_file_that_cannot_be_filled_is_refused(
    text: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        fill_canvas(gradebook(), write(tmp_path / "canvas.csv", text))
    with pytest.raises(InputError, match="cannot be read"):
        fill_canvas(gradebook(), tmp_path / "not there.csv")
    with pytest.raises(InputError, match="UTF-16"):
        (tmp_path / "half.csv").write_bytes(codecs.BOM_UTF16_LE + b"a")
        fill_canvas(gradebook(), tmp_path / "half.csv")


# ---------------------------------------------------------------- Moodle

MOODLE = """\
\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",\
"Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 101","Ada Lovelace",ada@x.org,"Submitted for grading",,20.00,Yes,"Monday, 1 May",-,""
"Participant 102","Bob Noyce",bob@x.org,"Submitted for grading - ",3.00,20.00,Yes,-,-,"two
lines, ""quoted"" now"
"Participant 103","李 明",li@x.org,"No submission",-,20.00,No,-,-,
"Participant 104","Grace Hopper",grace@x.org,"No submission",,20.00,Yes,-,-,
"""

GERMAN = """\
ID;Vollständiger Name;Status;Bewertung;Bestwertung;Bewertung kann geändert werden;Zuletzt geändert
Teilnehmer/in101;Ada Lovelace;Zur Bewertung abgegeben;;100,00;Ja;Montag, 1. Mai
Teilnehmer/in102;Bob Noyce;Zur Bewertung abgegeben;50,00;100,00;Ja;-
"""

BLIND = """\
标识符,状态,评分人,成绩,最高分,成绩可以更改,最后修改
参与者101,已提交,,20.00,20.00,是,-
参与者102,已提交,,20.00,20.00,是,-
"""


def test_moodle_gets_the_points_of_its_students_and_all_else_stays(tmp_path: Path) -> None:
    filled = fill_moodle(gradebook(), write(tmp_path / "moodle.csv", MOODLE))
    expected = MOODLE.replace('grading",,20.00', 'grading",14,20.00').replace(",3.00,", ",5,")
    assert filled.content.decode() == expected.replace(",-,20.00,No", ",10,20.00,No")
    assert (filled.filled, filled.unmatched) == (3, ())


def test_moodle_columns_are_found_in_any_language(tmp_path: Path) -> None:
    filled = fill_moodle(gradebook(), write(tmp_path / "german.csv", GERMAN))
    expected = GERMAN.replace("abgegeben;;", "abgegeben;70;").replace(";50,00;", ";25;")
    assert filled.content.decode() == expected
    assert filled.unmatched == ("李 明",)
    filled = fill_moodle(gradebook(), write(tmp_path / "blind.csv", BLIND))
    expected = BLIND.replace("20.00,20", "14,20", 1).replace("20.00,20", "5,20", 1)
    assert filled.content.decode() == expected


def test_a_decimal_comma_is_quoted_where_it_has_to_be(tmp_path: Path) -> None:
    text = MOODLE.replace("20.00", '"15,00"')
    filled = fill_moodle(gradebook(), write(tmp_path / "moodle.csv", text))
    assert ',"10,5","15,00",' in filled.content.decode()


@pytest.mark.parametrize(
    "text, sentence",
    [
        (MOODLE.partition("\n")[0] + "\n", "no line of a student"),
        (MOODLE.replace("Participant ", ""), "no column has the participants' numbers"),
        (MOODLE.replace("20.00", "Good, Bad".replace(",", ";")), "column of grades cannot be told"),
    ],
)
def test_a_moodle_file_that_cannot_be_filled_is_refused(
    text: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        fill_moodle(gradebook(), write(tmp_path / "moodle.csv", text))


# ---------------------------------------------------------------- feedback


def packed(book: Gradebook, layout: Literal["moodle", "canvas"]) -> tuple[dict[str, bytes], tuple]:
    files = {row.student: f"for {row.student}".encode("utf-8", "replace") for row in book.rows}
    made = feedback_zip(book, files, layout)
    assert made == feedback_zip(book, files, layout)
    with zipfile.ZipFile(io.BytesIO(made.content)) as file:
        assert file.testzip() is None
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        return {name: file.read(name) for name in file.namelist()}, made.left_out


def test_feedback_for_moodle_lies_in_the_participants_folders() -> None:
    files, left_out = packed(gradebook(row("Ada_Love/lace", "101"), row("Bob", "")), "moodle")
    assert files == {"Ada Love lace_101_assignsubmission_file_/feedback.html": b"for Ada_Love/lace"}
    assert left_out == ("Bob",)


def test_feedback_for_canvas_has_the_names_of_its_download() -> None:
    files, left_out = packed(gradebook(), "canvas")
    assert set(files) == {
        "lovelaceada_101_2001_03-ngrams.ipynb",
        "noycebob_LATE_102_2002_03-ngrams-1.ipynb",
        "李明_103_2003_03-ngrams.ipynb",
    }
    assert left_out == ("Grace Hopper",)


@given(TEXTS, TEXTS)
def test_no_name_in_the_zip_leaves_its_folder(student: str, file: str) -> None:
    rows = [
        row(student, "101", file),
        row(f"../{student}", "102", f"../x_102_2_{file}"),
        row(f"C:\\{student}", "103", f"C:\\x_103_2_{file}"),
        Row(f"~{student}", "104", f"/x_104_2_{file}", False, 1, row().record),
    ]
    for layout in ("moodle", "canvas"):
        if len({one.student for one in rows}) < len(rows):
            continue
        names = packed_names(gradebook(*rows), layout)
        for name in names:
            folders, _slash, last = name.rpartition("/")
            assert folders.count("/") == 0 and not folders.startswith((".", "/", " "))
            assert last and not last.startswith(".") and "\\" not in name and "\x00" not in name


def packed_names(book: Gradebook, layout: str) -> list[str]:
    made = feedback_zip(
        book, {one.student: b"" for one in book.rows}, "moodle" if layout == "moodle" else "canvas"
    )
    with zipfile.ZipFile(io.BytesIO(made.content)) as file:
        assert all(stat.S_ISREG(entry.external_attr >> 16) for entry in file.infolist())
        return file.namelist()
