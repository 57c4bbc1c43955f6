"""From a solution to the student's notebook, and what a solution must not look like."""

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmlib
from lmlib.errors import CheckError, InputError
from lmlib.grading.notebooks import (
    STUB,
    answer_cells,
    executed,
    first_difference,
    read_notebook,
    refreshed,
    released,
    without_solution,
    write_notebook,
)
from lmlib.grading.questions import all_questions
from lmlib.repository import repository_url

EXERCISES = Path(__file__).parents[2] / "exercises"
SOLUTIONS = sorted((EXERCISES / "solutions").glob("*.ipynb"))

ANSWER = """\
# exercise: 03-laplace
def laplace(row, vocabulary, word):
    # BEGIN SOLUTION
    if word == "<bos>":
        return 0.0
    word = word if word in vocabulary else "<unk>"
    return (row.get(word, 0) + 1) / (sum(row.values()) + len(vocabulary) - 1)
    # END SOLUTION"""


def cell(kind: str, id: str, source: str) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": kind, "id": id, "metadata": {"tags": []}, "source": source}
    return made | ({"outputs": [], "execution_count": 7} if kind == "code" else {})


def solution() -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "mine"}},
        "cells": [
            cell("markdown", "title", "# Exercises"),
            cell("code", "setup", ""),
            cell("code", "laplace-answer", ANSWER),
            cell("code", "laplace-check", 'check("03-laplace", laplace)'),
            cell("code", "progress", "progress(laplace)"),
        ],
    }


def written(notebook: dict[str, Any] | str, folder: Path) -> Path:
    path = folder / "09-sample.ipynb"
    text = notebook if isinstance(notebook, str) else json.dumps(notebook)
    path.write_text(text, encoding="utf-8")
    return path


# ---------------------------------------------------------------- the solution taken out

CODE = st.sampled_from(["x = 1", "    y = 2", "", "# a comment", "    # SOLUTION", "BEGIN"])


@given(st.lists(CODE), st.lists(CODE), st.lists(CODE), st.sampled_from(["", "  ", "    "]))
def test_all_between_the_marks_becomes_the_stub_and_nothing_else_changes(
    before: list[str], inside: list[str], after: list[str], indent: str
) -> None:
    marked = [f"{indent}# BEGIN SOLUTION", *inside, f"{indent}# END SOLUTION"]
    source = "\n".join([*before, *marked, *after])
    assert without_solution(source, "cell") == "\n".join([*before, indent + STUB, *after])


@pytest.mark.parametrize(
    "source, words",
    [
        ("x = 1", "there is no # BEGIN SOLUTION"),
        ("# BEGIN SOLUTION\nx", "a solution has no # END SOLUTION"),
        ("x\n# END SOLUTION", "line 2 ends a solution that has not begun"),
        ("# BEGIN SOLUTION\n# BEGIN SOLUTION\n# END SOLUTION", "line 2 begins a solution inside"),
        ("# BEGIN SOLUTION\n  # END SOLUTION", "line 2 is not indented as its # BEGIN"),
    ],
)
def test_marks_that_are_no_pair_are_named_with_their_line(source: str, words: str) -> None:
    with pytest.raises(InputError, match=f"^here: .*{words}"):
        without_solution(source, "here")


# ---------------------------------------------------------------- the student's notebook


def test_the_student_s_notebook_has_the_stub_and_nothing_of_the_solution(tmp_path: Path) -> None:
    path = written(solution(), tmp_path)
    given = read_notebook(path)
    before = nbformat.writes(given)
    notebook = released(given, path)
    assert nbformat.writes(given) == before  # the solution itself is left alone
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    text = nbformat.writes(notebook)
    for secret in ("SOLUTION", "<unk>", "row.get"):
        assert secret not in text
    answer = answer_cells(notebook, path)["03-laplace"]
    assert answer.source == "\n".join([*ANSWER.split("\n")[:2], f"    {STUB}"])
    for one in notebook.cells:
        assert one.metadata["id"] == one.id
        assert one.cell_type == "markdown" or (one.outputs, one.execution_count) == ([], None)


def test_badge_and_setup_cell_are_the_same_in_both_and_have_the_one_address(tmp_path: Path) -> None:
    path = written(solution(), tmp_path)
    given = read_notebook(path)
    address = repository_url()
    assert address is not None
    for notebook in (refreshed(given, path), released(given, path)):
        badge, empty, title = notebook.cells[0].source.split("\n")
        repository = address.removeprefix("https://github.com/")
        assert badge.endswith(f"/github/{repository}/blob/main/exercises/09-sample.ipynb)")
        assert (empty, title) == ("", "# Exercises")
        assert f'%pip install -q "lmlib-book @ git+{address}"' in notebook.cells[1].source
        again = refreshed(notebook, path)
        assert first_difference(again, notebook) is None  # written once, however often


def test_what_a_reader_of_the_notebook_would_notice_is_a_difference(tmp_path: Path) -> None:
    given = read_notebook(written(solution(), tmp_path))
    for change in (
        lambda other: other.metadata.update(kernelspec={"name": "julia"}),
        lambda other: other.cells[0].update(attachments={"a.png": {"image/png": ""}}),
        lambda other: other.cells.pop(),
    ):
        other = copy.deepcopy(given)
        assert first_difference(given, other) is None
        change(other)
        assert first_difference(given, other) is not None


def other_package(folder: Path) -> None:
    package = folder / "lmlib"
    package.mkdir()
    (package / "__init__.py").write_text("")


def our_package(folder: Path) -> None:
    (folder / "lmlib").symlink_to(Path(lmlib.__file__).parent)


@pytest.mark.parametrize(
    "make, output",
    [
        (lambda folder: None, "pip install -q lmlib-book @ git+"),
        (other_package, "The `lmlib` found here is another package of that name"),
        (our_package, "function check"),
    ],
)
def test_the_setup_cell_installs_if_needed_and_sees_whose_lmlib_it_got(
    make: Callable[[Path], None], output: str, tmp_path: Path
) -> None:
    make(tmp_path)
    path = written(solution(), tmp_path)
    source = refreshed(read_notebook(path), path).cells[1].source
    plain = source.replace("%pip install -q ", 'raise SystemExit("pip install -q " + ')
    plain = plain.replace('lmlib-book"', 'lmlib-book")')
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys\n{HIDE}\n{plain}\nprint(check)", tmp_path],
        capture_output=True,
        text=True,
    )
    assert output in done.stdout + done.stderr


# the lmlib-book that runs this test is not found, only what lies in the folder given
HIDE = """\
import pathlib
sys.path = [place for place in sys.path if not (pathlib.Path(place) / "lmlib").exists()]
sys.path.insert(0, sys.argv[1])"""


def test_a_notebook_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(solution(), tmp_path)
    before = path.read_bytes()
    notebook = released(read_notebook(path), path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            write_notebook(notebook, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    write_notebook(notebook, path)
    assert first_difference(read_notebook(path), notebook) is None
    assert path.read_bytes().endswith(b"}\n")


def test_what_the_cells_put_out_is_stored_and_nothing_that_changes_each_time(
    tmp_path: Path,
) -> None:
    path = written(solution(), tmp_path)
    notebook = executed(released(read_notebook(path), path), path)
    said = {one.id: one.outputs for one in notebook.cells if one.cell_type == "code"}
    assert [output.text for output in said["laplace-check"]] == ["03-laplace: still to do\n"]
    assert "still to do" in said["progress"][0].text
    assert notebook.metadata.kernelspec.display_name == "Python 3"
    counts = [one.execution_count for one in notebook.cells if one.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))  # plain nbval asks for them
    assert all("execution" not in one.metadata for one in notebook.cells)


def test_a_cell_that_fails_is_named(tmp_path: Path) -> None:
    raw = solution()
    raw["cells"].insert(2, cell("code", "mine", "1 / 0"))
    path = written(raw, tmp_path)
    with pytest.raises(CheckError, match=r"cell 'mine' failed: ZeroDivisionError"):
        executed(read_notebook(path), path)


# ---------------------------------------------------------------- what cannot be used


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    raw = solution()
    change(raw)
    return raw


def renamed(id: str) -> dict[str, Any]:
    return changed(lambda raw: raw["cells"][2].update(id=id))


def answered(source: str) -> dict[str, Any]:
    return changed(lambda raw: raw["cells"][2].update(source=source))


@pytest.mark.parametrize(
    "notebook, words",
    [
        ("", "there is no text in it"),
        ("<html>", "this is no notebook"),
        ("<<<<<<< HEAD\n{}", "this is no notebook"),
        ("[]", "it has no cells"),
        ('{"worksheets": []}', "it has no cells"),
        ("[" * 100_000, "this is no notebook"),
        (changed(lambda raw: raw.update(nbformat_minor=4)), "the notebook has format 4.4"),
        (changed(lambda raw: raw.update(nbformat=3)), "the notebook has format 3.5"),
        (changed(lambda raw: raw["cells"][1].pop("id")), "cell 2 has no id"),
        (changed(lambda raw: raw["cells"].append(3)), "cell 6 has no id"),
        (changed(lambda raw: raw["cells"][1].pop("source")), "no valid notebook"),
        (renamed("0f8e2ab1"), "cell 3 has the id '0f8e2ab1'; give it a readable one"),
        (renamed("Laplace_Answer"), "give it a readable one"),
        (renamed("setup"), "two cells have the id 'setup'"),
        (changed(lambda raw: raw["cells"].pop(0)), "the first cell has to be the title"),
        (changed(lambda raw: raw["cells"].clear()), "the first cell has to be the title"),
        (changed(lambda raw: raw["cells"].pop(1)), "no code cell with the id 'setup'"),
        (changed(lambda raw: raw["cells"].pop(2)), "nothing is asked"),
        (answered("x = 1\n" + ANSWER), "cell 'laplace-answer' holds a solution, so its first line"),
        (
            changed(lambda raw: raw["cells"].append(cell("code", "more", "# begin solution\n1"))),
            "cell 'more' would show its solution: write '# begin solution' as # BEGIN SOLUTION",
        ),
        (
            changed(lambda raw: raw["cells"].append(cell("markdown", "more", "# END SOLUTION"))),
            "cell 'more' would show its solution",
        ),
        (answered(ANSWER.replace("03-", "30-")), "cell 'laplace-answer': there is no question"),
        (answered(ANSWER.partition("    #")[0]), "'laplace-answer': there is no # BEGIN SOLUTION"),
        (
            changed(lambda raw: raw["cells"].append(cell("code", "again", ANSWER))),
            "cells 'laplace-answer' and 'again' both answer 03-laplace",
        ),
    ],
)
def test_a_solution_that_cannot_be_used_is_refused_in_a_sentence(
    notebook: dict[str, Any] | str, words: str, tmp_path: Path
) -> None:
    path = written(notebook, tmp_path)
    with pytest.raises(InputError) as caught:
        released(read_notebook(path), path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- the notebooks of the book


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_each_exercise_is_what_release_makes_of_its_solution(path: Path) -> None:
    given, target = read_notebook(path), EXERCISES / path.name
    assert first_difference(given, refreshed(given, path)) is None
    assert first_difference(read_notebook(target), released(given, path)) is None
    for one in read_notebook(target).cells:
        assert one.metadata["id"] == one.id


def test_each_exercise_has_its_solution_and_each_question_its_notebook() -> None:
    assert [path.name for path in SOLUTIONS] == sorted(p.name for p in EXERCISES.glob("*.ipynb"))
    asked = [id for path in SOLUTIONS for id in answer_cells(read_notebook(path), path)]
    assert asked == [question.id for question in all_questions()]


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_a_solution_s_checks_run_where_the_questions_are_not_on_disk(
    path: Path, tmp_path: Path
) -> None:
    """As in the grader's sandbox: the answers, and every cell that checks them."""
    absent = shutil.ignore_patterns("questions", "ngram", "corpora", "__pycache__")
    shutil.copytree(Path(lmlib.__file__).parent, tmp_path / "lmlib", ignore=absent)
    notebook = read_notebook(path)
    answers = {one.id for one in answer_cells(notebook, path).values()}
    code = [one for one in notebook.cells if one.cell_type == "code"]
    checks = [one for one in code if "check(" in one.source or "progress(" in one.source]
    assert len(checks) > len(answers)
    for one in code:  # IPython's commands are not needed here: lmlib is there
        one.source = one.source.replace("%pip", "pass  #")
    kept = [one for one in code if one.id == "setup" or one.id in answers or one in checks]
    done = subprocess.run(
        [sys.executable, "-P", "-c", "\n".join(one.source for one in kept)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.stderr == ""
    assert done.stdout.count(": not checked here\n") == len(checks)
