"""Every file that students hand in gives a notebook or one sentence, and costs little."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from broken_files import EXERCISE, EXERCISES, QUESTIONS, broken_files, good, written
from hypothesis import given
from hypothesis import strategies as st

from lmlib.errors import InputError
from lmlib.grading.intake import MOST_CELLS, Cell, Found, Notebook, find_answers, read
from lmlib.grading.questions import find

BROKEN = broken_files()
ASKED = [find(id) for id in QUESTIONS]
PRISTINE = read((EXERCISES / f"{EXERCISE}.ipynb").read_bytes())
GOOD = written(good())

LAPLACE = "def laplace(row, vocabulary, word):\n    return 1.0"
MARKED = f"# exercise: 03-laplace\n{LAPLACE}"


def found_in(*cells: str | Cell) -> Found | None:
    made = [Cell("code", cell) if isinstance(cell, str) else cell for cell in cells]
    return find_answers(Notebook(tuple(made)), ASKED, PRISTINE).get("03-laplace")


# ---------------------------------------------------------------- reading


def test_at_least_42_files_are_broken_in_different_ways() -> None:
    assert len(BROKEN) >= 42


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_gives_its_answers_or_one_sentence(what: str) -> None:
    broken = BROKEN[what]
    content = broken.content
    begun = time.process_time()
    if broken.repaired:
        notebook = read(content)
        found = find_answers(notebook, ASKED, PRISTINE)
        assert tuple(found) == QUESTIONS
        for answer in found.values():
            function = find(answer.id).function
            assert f"def {function}(" in notebook.cells[answer.cell].source
        said = [*notebook.notes, *(note for answer in found.values() for note in answer.notes)]
        assert any(broken.says in note for note in said) or not broken.says
    else:
        with pytest.raises(InputError) as raised:
            read(content)
        said = [str(raised.value)]
        assert broken.says and broken.says in said[0]
    assert time.process_time() - begun < 3  # one second, on a machine that is not busy
    for sentence in said:
        assert len(sentence) < 400 and "\n" not in sentence and sentence.endswith(".")
        assert not re.search(r"Error|Traceback|line \d+ column|0x", sentence)


def test_a_good_notebook_is_read_as_it_is_and_without_a_word() -> None:
    notebook = read(GOOD)
    assert notebook.notes == ()
    assert [(cell.kind, cell.id, cell.source) for cell in notebook.cells] == [
        (cell["cell_type"], cell["id"], "".join(cell["source"])) for cell in good()["cells"]
    ]
    found = find_answers(notebook, ASKED, PRISTINE)
    assert [(answer.how, answer.notes) for answer in found.values()] == [("marker", ())] * 3


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory in use from /proc")
def test_no_file_takes_more_than_300_MB_beside_itself() -> None:
    script = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from broken_files import broken_files
from lmlib.errors import InputError
from lmlib.grading.intake import read
for what, broken in broken_files().items():
    content = broken.content
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + 300 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    try:
        read(content)
    except InputError:
        pass
    except MemoryError:
        sys.exit(what)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
"""
    folder = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", script, folder], check=True, timeout=300)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_notebook_or_a_sentence(content: bytes) -> None:
    try:
        assert isinstance(read(content), Notebook)
    except InputError as error:
        assert str(error).endswith(".")


@given(st.integers(0, len(GOOD)), st.integers(0, 2000), st.binary(max_size=20))
def test_any_damage_gives_a_notebook_or_a_sentence(start: int, cut: int, put: bytes) -> None:
    try:
        find_answers(read(GOOD[:start] + put + GOOD[start + cut :]), ASKED, PRISTINE)
    except InputError as error:
        assert str(error).endswith(".")


KEYS = st.sampled_from("cell_type source id metadata tags outputs input".split())
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.sampled_from(["code", "x\n", MARKED, "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)


@given(st.lists(VALUES | st.dictionaries(KEYS, VALUES), min_size=1), VALUES)
def test_cells_may_hold_anything(cells: list[Any], metadata: Any) -> None:
    notebook = read(json.dumps({"cells": cells, "metadata": metadata}).encode())
    assert len(notebook.cells) == len(cells)
    for cell in notebook.cells:
        assert cell.kind in ("code", "markdown")
        (cell.source + cell.id + "".join(cell.tags)).encode("utf-8", "surrogatepass")
        cell.source.encode()
    find_answers(notebook, ASKED, PRISTINE)


@given(st.text(), st.sampled_from([None, 0, 1, 2, "\t"]))
def test_outputs_never_touch_the_cells(text: str, indent: Any) -> None:
    notebook = good()
    attack = ['"outputs": [', text, '\n  ],\n  "cells": []', "[[[{", "\\", '"']
    for cell in notebook["cells"]:
        cell["source"] = [text, *attack]
        cell["outputs"] = [{"text": attack, "data": {"x": [[text]], text: {}}}]
    cells = read(written(notebook, indent=indent, ensure_ascii=True)).cells
    kept = re.sub("\r\n?", "\n", re.sub("[\0\ud800-\udfff]", "\ufffd", "".join([text, *attack])))
    expected = kept if "\n" in "".join([text, *attack]) else "\n".join([text, *attack])
    assert {cell.source for cell in cells} == {expected}


def test_a_notebook_may_have_as_many_cells_as_it_says() -> None:
    cell = {"cell_type": "code", "source": "x"}
    assert len(read(written({"cells": [cell] * MOST_CELLS})).cells) == MOST_CELLS
    with pytest.raises(InputError, match=f"{MOST_CELLS + 1} cells"):
        read(written({"cells": [cell] * (MOST_CELLS + 1)}))


def test_a_large_picture_pasted_into_a_text_is_left_out_of_it() -> None:
    cell = read(BROKEN["a picture of 6 MB in a text"].content).cells[0]
    assert cell.source == "![](data:image/png;base64,)"


def test_an_id_in_the_metadata_counts_where_the_cell_has_none() -> None:
    cells: list[dict[str, Any]] = [
        {"id": "own", "metadata": {"id": "other", "tags": ["a", 1, "b"]}},
        {"metadata": {"id": "colab"}},
        {},
    ]
    cells = [{"cell_type": "code", "source": ""} | cell for cell in cells]
    read_cells = read(written({"cells": cells})).cells
    assert [cell.id for cell in read_cells] == ["own", "colab", ""]
    assert read_cells[0].tags == ("a", "b")


# ---------------------------------------------------------------- finding


@pytest.mark.parametrize(
    "line",
    [
        "# exercise: 03-laplace",
        "#exercise:03-LAPLACE",
        "   ##  Exercise :  03-Laplace  ",
        "# EXERCISE：03-laplace",
        "%%time\n\n# mine\n# exercise 03-laplace",
    ],
)
def test_case_and_spaces_of_a_marker_are_forgiven(line: str) -> None:
    answer = found_in("x = 1", f"{line}\n{LAPLACE}")
    assert answer == Found("03-laplace", 1, "marker")


@pytest.mark.parametrize(
    "line",
    ["# exercise: 03-laplace-2", "# no exercise: 03-laplace", "x = '# exercise: 03-laplace'"],
)
def test_other_lines_are_no_marker(line: str) -> None:
    assert found_in(f"{line}\ny = 1") is None


def test_a_marker_goes_before_a_tag_a_tag_before_an_id_an_id_before_a_name() -> None:
    cells: list[str | Cell] = [
        MARKED,
        Cell("code", f"{LAPLACE} * 2", tags=(" 03-Laplace ",)),
        Cell("code", f"{LAPLACE} * 3", id="laplace-answer"),
        f"{LAPLACE} * 4",
    ]
    for start, how in enumerate(("marker", "tag", "id", "name")):
        answer = found_in(*cells[start:])
        assert answer is not None and (answer.cell, answer.how) == (0, how)
        assert any("several" in note for note in answer.notes) == (start < 3)
        assert any("not marked" in note for note in answer.notes) == (start > 0)


def test_of_several_the_last_that_defines_the_function_counts() -> None:
    answer = found_in(MARKED, f"{MARKED} + 1", "# exercise: 03-laplace\nlaplace({}, [], 'a')")
    assert answer is not None and answer.cell == 1 and len(answer.notes) == 1


def test_a_stub_left_as_it_was_does_not_hide_an_answer() -> None:
    stub = next(cell for cell in PRISTINE.cells if cell.id == "laplace-answer")
    answer = found_in(LAPLACE, stub)
    assert answer is not None and (answer.cell, answer.how) == (0, "name")
    answer = found_in("x = 1", stub)
    assert answer == Found("03-laplace", 1, "marker")


def test_a_marked_cell_without_the_function_is_still_the_answer() -> None:
    assert found_in("# exercise: 03-laplace\n") == Found("03-laplace", 0, "marker")


@pytest.mark.parametrize(
    "source",
    [
        f"'''\n{LAPLACE}\n'''",
        "class A:\n    def laplace(self): pass",
        "# def laplace(row): pass",
        "laplace = 3.0",
        "laplaces = lambda row: 1",
    ],
)
def test_what_is_no_function_of_the_notebook_is_not_found_by_name(source: str) -> None:
    assert found_in(source) is None


@pytest.mark.parametrize(
    "source",
    [
        f"%timeit 3\n!ls\n{LAPLACE}",
        "laplace = lambda row, vocabulary, word: 1.0",
        f"{LAPLACE}\n    return (",
        f"import functools\n@functools.cache\n{LAPLACE}",
        "def laplace(row):\n    return '\\d'",
    ],
)
def test_a_function_is_found_beside_commands_and_in_what_is_no_python(source: str) -> None:
    answer = found_in("x = 1", source)
    assert answer is not None and (answer.cell, answer.how) == (1, "name")


def test_two_answers_may_stand_in_one_cell() -> None:
    both = f"{MARKED}\n\n\ndef backoff_context(seen, history):\n    return ()"
    answers = find_answers(Notebook((Cell("code", both),)), ASKED, PRISTINE)
    assert {id: answer.cell for id, answer in answers.items()} == {
        "03-laplace": 0,
        "03-backoff-context": 0,
    }


def test_a_text_cell_counts_only_where_no_code_cell_does() -> None:
    text = Cell("markdown", f"{MARKED} + 1")
    answer = found_in(MARKED, text)
    assert answer == Found("03-laplace", 0, "marker")
    answer = found_in("x = 1", text)
    assert answer is not None and answer.cell == 1 and "text cell" in answer.notes[-1]
    assert found_in(Cell("markdown", "# exercise: 03-laplace\nmy thoughts")) is None


def test_source_made_to_be_slow_to_parse_is_not_parsed() -> None:
    slow = f"{LAPLACE}\n" + "a\n" * 200_000
    begun = time.process_time()
    assert found_in(*[slow] * 10, "(" * 5000 + f"\n{LAPLACE}") is not None
    assert time.process_time() - begun < 3
