"""``lmlib exercises``: what verify counts, what release writes, and when they fail."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lmlib.commands import main
from lmlib.grading import verifying
from lmlib.grading.questions import find

Capture = pytest.CaptureFixture[str]

SOLUTION = """\
# exercise: 03-laplace
def laplace(row, vocabulary, word):
    # BEGIN SOLUTION
    if word == "<bos>":
        return 0.0
    word = word if word in vocabulary else "<unk>"
    return (row.get(word, 0) + 1) / (sum(row.values()) + len(vocabulary) - 1)
    # END SOLUTION"""


def cell(kind: str, id: str, source: str) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": kind, "id": id, "metadata": {}, "source": source}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one solution, as the book's own."""
    (tmp_path / "exercises" / "solutions").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    # its variants are verified in grading/test_variants.py
    monkeypatch.setattr(verifying, "find", lambda id: replace(find(id), variants=()))
    write(tmp_path, SOLUTION)
    return tmp_path


def write(book: Path, answer: str, *before: str) -> Path:
    path = book / "exercises" / "solutions" / "09-sample.ipynb"
    cells = [
        cell("markdown", "title", "# Sample"),
        cell("code", "setup", ""),
        *(cell("code", f"before-{i}", source) for i, source in enumerate(before)),
        cell("code", "laplace-answer", answer),
        cell("code", "laplace-check", 'check("03-laplace", laplace)'),
    ]
    raw = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    path.write_text(json.dumps(raw))
    return path


# ---------------------------------------------------------------- verify


def test_verify_counts_what_is_planted_caught_and_met_by_its_own_hint(
    book: Path, capsys: Capture
) -> None:
    assert main(["exercises", "verify"]) == 0
    output = capsys.readouterr()
    planted = len(find("03-laplace").mistakes)
    total = output.out.splitlines()[-1].split()
    assert output.err == ""
    assert total[:5] == ["total", "planted", str(planted), "caught", str(planted)]
    assert "met by their own hint" in output.out


@pytest.mark.parametrize(
    "answer, words",
    [
        (SOLUTION.replace(" - 1", ""), "the solution of 03-laplace gets 0 of 10"),
        (SOLUTION.replace("    if word ==", "    import os\n    if word =="), "os is imported"),
        (SOLUTION.replace("def laplace(row, ", "def laplace("), "but takes vocabulary, word"),
    ],
)
def test_verify_fails_where_a_solution_does_not_get_all(
    answer: str, words: str, book: Path, capsys: Capture
) -> None:
    write(book, answer)
    assert main(["exercises", "verify"]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_verify_fails_where_a_stub_gets_points(book: Path, capsys: Capture) -> None:
    answer = SOLUTION.replace("    # BEGIN SOLUTION\n", "").replace("    # END SOLUTION", "")
    write(book, answer + "\ndef more():\n    # BEGIN SOLUTION\n    pass\n    # END SOLUTION")
    assert main(["exercises", "verify"]) == 1
    assert "the stub of 03-laplace gets 10 of 10" in capsys.readouterr().err


def test_verify_fails_where_a_mistake_loses_nothing_or_meets_another_hint(
    book: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    question = find("03-laplace")
    question = replace(question, mistakes=question.mistakes[:4])
    harmless = replace(question.mistakes[0], name="no mistake", answer=question.reference)
    doubled = [replace(one, hint=one.hint + " Twice.") for one in question.mistakes]

    def with_mistakes(mistakes: Any) -> None:
        changed = replace(question, mistakes=tuple(mistakes))
        monkeypatch.setattr(verifying, "find", lambda id: changed)

    with_mistakes([harmless, *question.mistakes])
    assert main(["exercises", "verify"]) == 1
    output = capsys.readouterr()
    assert "no mistake of 03-laplace loses no points" in output.err
    assert f"caught {len(question.mistakes):3} " in output.out.splitlines()[-1]

    with_mistakes([*question.mistakes, *doubled])
    assert main(["exercises", "verify"]) == 1
    output = capsys.readouterr()
    planted = 2 * len(question.mistakes)
    assert f"only {planted // 2} of {planted} planted mistakes meet their own" in output.err
    assert "( 50%)" in output.out.splitlines()[-1]


def test_verify_gives_an_answer_the_imports_of_the_cells_before_it_and_no_more(
    book: Path, capsys: Capture
) -> None:
    uses_math = SOLUTION.replace("return (", "return math.exp(0) * (")
    write(book, uses_math, "%time 1\nimport os", "import math\nraise AssertionError('was run')")
    assert main(["exercises", "verify"]) == 0
    write(book, uses_math)
    assert main(["exercises", "verify"]) == 1
    assert "NameError" in capsys.readouterr().err
    write(book, SOLUTION.replace("return (", "return one * ("), "one = 1")
    assert main(["exercises", "verify"]) == 1


@pytest.mark.parametrize(
    "answer, words",
    [
        ("1 / 0\n" + SOLUTION, "its first line"),
        (SOLUTION + "\n1 / 0", "cell 'laplace-answer': ZeroDivisionError"),
        (SOLUTION + "\nraise SystemExit", "cell 'laplace-answer': SystemExit"),
        (SOLUTION.replace("def laplace", "def other"), "defines no function named laplace"),
        ("x = 1", "nothing is answered"),
    ],
)
def test_verify_refuses_what_it_cannot_use(
    answer: str, words: str, book: Path, capsys: Capture
) -> None:
    write(book, answer)
    assert main(["exercises", "verify"]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("what", ["verify", "release"])
def test_where_there_are_no_notebooks_that_is_said(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["exercises", what]) == 2
    assert "there is no notebook in exercises/solutions" in capsys.readouterr().err
    assert main(["exercises", what, "nothing.ipynb"]) == 2
    assert "nothing.ipynb" in capsys.readouterr().err


# ---------------------------------------------------------------- release


def test_release_writes_both_notebooks_with_outputs_and_check_agrees(
    book: Path, capsys: Capture
) -> None:
    assert main(["exercises", "release", "--check"]) != 0
    capsys.readouterr()
    assert main(["exercises", "release"]) == 0
    exercise = book / "exercises" / "09-sample.ipynb"
    solution = book / "exercises" / "solutions" / "09-sample.ipynb"
    assert "still to do" in exercise.read_text()
    assert "SOLUTION" not in exercise.read_text()
    assert "right in all" in solution.read_text()
    assert sorted(path.name for path in solution.parent.iterdir()) == [solution.name]
    capsys.readouterr()
    before = exercise.read_bytes(), solution.read_bytes()
    assert main(["exercises", "release", "--check"]) == 0
    assert (exercise.read_bytes(), solution.read_bytes()) == before
    assert main(["exercises", "verify"]) == 0
    capsys.readouterr()

    # outputs are not compared, sources are
    exercise.write_text(exercise.read_text().replace("still to do", "what else"))
    assert main(["exercises", "release", "--check"]) == 0
    for path, old in ((exercise, "replace this line"), (solution, "find_spec")):
        text = path.read_text()
        path.write_text(text.replace(old, "changed"))
        assert main(["exercises", "release", "--check"]) == 1
        error = capsys.readouterr().err
        assert str(path.relative_to(book)) in error
        assert ("cell 'laplace-answer'" if path == exercise else "cell 'setup'") in error
        path.write_text(text)
    exercise.unlink()
    assert main(["exercises", "release", "--check"]) == 1


def test_release_changes_nothing_where_a_cell_fails(book: Path, capsys: Capture) -> None:
    path = write(book, SOLUTION, "1 / 0")
    before = path.read_bytes()
    assert main(["exercises", "release"]) == 1
    assert "cell 'before-0' failed: ZeroDivisionError" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert not (book / "exercises" / "09-sample.ipynb").exists()


def test_release_never_puts_the_exercise_in_the_solution_s_place(
    book: Path, capsys: Capture
) -> None:
    given = "exercises/solutions/09-sample.ipynb"
    for out, words in (
        ("exercises/solutions", "would take the solution's place"),
        ("nowhere", "there is no such folder"),
    ):
        assert main(["exercises", "release", given, "--out", out]) == 2
        assert words in capsys.readouterr().err
    Path(given).rename("09-sample.ipynb")
    assert main(["exercises", "release", "09-sample.ipynb"]) == 2
    assert "say --out FOLDER" in capsys.readouterr().err
