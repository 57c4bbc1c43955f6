"""Variants of questions: which a course's key draws, and what of it the student's notebook says."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_questions import solution

import lmlib
from lmlib.commands import main
from lmlib.errors import InputError
from lmlib.grading import check, progress, verifying
from lmlib.grading.judging import Verdict, agree, judge, outcome
from lmlib.grading.notebooks import answer_cells, first_difference, read_notebook, released
from lmlib.grading.question import Question
from lmlib.grading.questions import all_questions, find

Capture = pytest.CaptureFixture[str]
SOLUTIONS = Path(__file__).parents[2] / "exercises" / "solutions"

VARIED = {question.id: question for question in all_questions() if question.variants}
ASKED = {
    f"{id}-{variant.name}": question.under(variant.name)
    for id, question in VARIED.items()
    for variant in question.variants
}
each_varied = pytest.mark.parametrize("public", VARIED.values(), ids=VARIED)
each_variant = pytest.mark.parametrize("question", ASKED.values(), ids=ASKED)

KEY = "a key that nobody else has"


def verdict(question: Question, function: Callable[..., Any], seed: int = 0) -> Verdict:
    cases = question.cases(seed)
    return judge(question, cases, [outcome(function, case) for case in cases])


def test_questions_of_three_chapters_have_variants_two_or_more_each() -> None:
    assert {"03-laplace", "06-shift-labels", "09-gru-step"} <= set(VARIED)
    assert all(len(question.variants) > 1 for question in VARIED.values())


# ---------------------------------------------------------------- what a key draws


@each_varied
def test_a_key_draws_the_same_every_time_and_never_the_public_question(public: Question) -> None:
    drawn = [public.drawn_by(f"course {i}") for i in range(60)]
    assert {question.variant for question in drawn} == {one.name for one in public.variants}
    for i, question in enumerate(drawn):
        assert public.drawn_by(f"course {i}").variant == question.variant
        assert (question.id, question.function) == (public.id, public.function)
        assert question.points == public.points
        assert question.reference is not public.reference
        variant = public.variant_drawn_by(f"course {i}")
        assert variant is not None and variant.name == question.variant


def test_two_questions_of_a_course_are_drawn_apart() -> None:
    one, other = (replace(VARIED["03-laplace"], id=id) for id in ("03-laplace", "03-other"))
    keys = [f"course {i}" for i in range(40)]
    alike = sum(one.drawn_by(key).variant == other.drawn_by(key).variant for key in keys)
    assert 0 < alike < len(keys) / 2


def test_what_a_key_has_drawn_for_a_course_stays_what_it_was() -> None:
    """A change here would ask a course that has begun something else."""
    drawn = {id: question.drawn_by(KEY).variant for id, question in VARIED.items()}
    assert drawn == {
        "03-laplace": "two",
        "06-shift-labels": "echo",
        "09-gru-step": "input-gates",
    }
    assert VARIED["03-laplace"].drawn_by("学期 🎓 \udcff").variant  # whatever the terminal gave


@each_varied
def test_one_more_variant_changes_what_some_keys_draw_and_nothing_between_the_others(
    public: Question,
) -> None:
    more = replace(public, variants=(replace(public.variants[0], name="new"), *public.variants))
    turned = replace(public, variants=public.variants[::-1])
    seen = set()
    for key in map(str, range(40)):
        before, after = public.drawn_by(key).variant, more.drawn_by(key).variant
        assert after in (before, "new")
        assert turned.drawn_by(key).variant == before
        seen.add(after == before)
    assert seen == {True, False}


def test_a_question_without_variants_is_the_same_in_every_course() -> None:
    question = find("03-backoff-context")
    assert question.drawn_by(KEY) is question
    assert question.variant_drawn_by(KEY) is None


def test_a_variant_may_draw_cases_of_its_own() -> None:
    public = VARIED["03-laplace"]
    own = replace(public.variants[0], draw=lambda rng, size: ({}, VOCABULARY, "books"))
    assert public.under("half").cases(3) == public.cases(3)
    drawn = replace(public, variants=(own,)).under("half").cases(3)
    assert drawn[len(own.worked) :] == [({}, VOCABULARY, "books")] * 30


@pytest.mark.parametrize(
    "id, name, words",
    [
        ("03-laplace", "hlaf", "03-laplace has no variant 'hlaf'; did you mean half?"),
        ("03-laplace", "", "did you mean half or quarter or two?"),
        ("03-backoff-context", "half", "03-backoff-context has no variants."),
    ],
)
def test_a_variant_that_there_is_not_is_said_so(id: str, name: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        find(id).under(name)
    assert words in str(caught.value)


# ---------------------------------------------------------------- what a variant asks

VOCABULARY = ["<unk>", "<bos>", "<eos>", "books", "exams", "laptops"]
ROW = {"books": 2, "<unk>": 1}  # C = 3, V = 5
ONE, LOG_3 = np.ones((1, 1)), np.log(3)
# r = 3/4, z = 1/2, and the candidate tanh(past)
SUMS = np.zeros((1, 3)), np.array([[0.0, 0.0, 2.0]]), np.array([LOG_3, 0.0, 0.0])
TO_GATES = np.zeros((1, 3)), np.array([[LOG_3, LOG_3, 2.0]]), np.zeros(3)


@pytest.mark.parametrize(
    ("asked", "arguments", "expected"),
    [
        ("03-laplace-half", (ROW, VOCABULARY, "books"), 2.5 / 5.5),
        ("03-laplace-half", (ROW, VOCABULARY, "door"), 1.5 / 5.5),
        ("03-laplace-quarter", (ROW, VOCABULARY, "exams"), 0.25 / 4.25),
        ("03-laplace-two", (ROW, VOCABULARY, "books"), 4 / 13),
        ("03-laplace-two", (ROW, VOCABULARY, "<bos>"), 0.0),
        (
            "06-shift-labels-two-ahead",
            ([[4, 5, 6], [7]],),
            ([[1, 4, 5, 6], [1, 7, 1, 1]], [[5, 6, 2, -1], [2, -1, -1, -1]]),
        ),
        ("06-shift-labels-two-ahead", ([[]],), ([[1]], [[-1]])),
        (
            "06-shift-labels-from-the-end",
            ([[4, 5, 6], [7]],),
            ([[2, 6, 5, 4], [2, 7, 2, 2]], [[6, 5, 4, 1], [7, 1, -1, -1]]),
        ),
        ("06-shift-labels-from-the-end", ([[]],), ([[2]], [[1]])),
        (
            "06-shift-labels-echo",
            ([[4, 5, 6], [7]],),
            ([[1, 4, 5, 6], [1, 7, 1, 1]], [[-1, 1, 4, 5], [-1, 1, -1, -1]]),
        ),
        ("06-shift-labels-echo", ([[]],), ([[1]], [[-1]])),
        # a quarter of the past is let through, and half of h = 1 is kept
        ("09-gru-step-reset-hides", (0 * ONE, ONE, *SUMS, None, True), [[0.5 + np.tanh(0.5) / 2]]),
        ("09-gru-step-reset-hides", (0 * ONE, ONE, *SUMS, ONE[0], 1), [[0.5 + np.tanh(0.75) / 2]]),
        # both gates a half
        ("09-gru-step-input-gates", (0 * ONE, ONE, *TO_GATES, None, 1), [[0.5 + np.tanh(1) / 2]]),
        # three quarters of the past, and b_h outside
        (
            "09-gru-step-places-exchanged",
            (0 * ONE, ONE, *SUMS, ONE[0], 1),
            [[0.5 + np.tanh(2.5) / 2]],
        ),
        # after the matrix each unit's gate holds back what comes to it: of h = 1, 1 through 2
        (
            "09-gru-step-places-exchanged",
            (
                np.zeros((1, 1)),
                np.ones((1, 2)),
                np.zeros((1, 6)),
                np.hstack([np.zeros((2, 4)), np.ones((2, 2))]),
                np.array([LOG_3, -LOG_3, 0, 0, 0, 0]),
                None,
                True,
            ),
            [[0.5 + np.tanh(1.5) / 2, 0.5 + np.tanh(0.5) / 2]],
        ),
    ],
)
def test_the_reference_of_a_variant_gives_what_comes_out_by_hand(
    asked: str, arguments: tuple[Any, ...], expected: Any
) -> None:
    got = outcome(ASKED[asked].reference, arguments)
    assert agree(got, outcome(lambda *_: expected, arguments), 1e-12), got


@each_varied
def test_the_task_says_what_is_different_with_true_examples_and_no_code(public: Question) -> None:
    for variant in public.variants:
        assert variant.task.startswith("**In this course** ")
        assert "{" not in variant.task and "return" not in variant.task
    if public.id == "06-shift-labels":
        for variant in public.variants:
            for rows in variant.reference([[4, 5, 6], [7]])[variant.name != "from-the-end" :]:
                assert f"`{rows}`" in variant.task
            for (row,) in variant.reference([[]]):
                assert f"`{row}`" in variant.task
    if public.id == "03-laplace":
        row = {"books": 3, "exams": 2, "laptops": 1}
        vocabulary = [*VOCABULARY, *(f"word {i}" for i in range(5))]  # eleven
        for variant in public.variants:
            above, below = variant.task.partition("probability ")[2].partition(",")[0].split("/")
            wanted = variant.reference(row, vocabulary, "books")
            assert float(above) / float(below) == pytest.approx(wanted)


@each_variant
def test_the_public_solution_gets_no_points_and_is_told_why(question: Question) -> None:
    public = VARIED[question.id]
    for seed in range(5):
        for function in (solution(public), public.reference):
            given = verdict(question, function, seed)
            assert (given.status, given.points) == ("wrong", 0)
            assert "the public book asks" in given.hint


@each_varied
def test_what_was_right_in_another_course_gets_no_points(public: Question) -> None:
    for one, other in permutations(public.variants, 2):
        given = verdict(public.under(one.name), other.reference)
        assert given.points == 0, (one.name, other.name)


@each_variant
def test_mistakes_in_a_variant_lose_points_and_nine_in_ten_meet_their_own_hint(
    question: Question,
) -> None:
    missed = []
    for mistake in question.mistakes:
        given = verdict(question, mistake.answer)
        assert given.points < question.points, mistake.name
        if given.hint != mistake.hint:
            missed.append((mistake.name, given.hint))
    assert len(missed) <= 0.1 * len(question.mistakes), missed


# ---------------------------------------------------------------- check and progress


def laplace(row: Any, vocabulary: Any, word: Any) -> float:
    if word == "<bos>":
        return 0.0
    word = word if word in vocabulary else "<unk>"
    return (row.get(word, 0) + 0.5) / (sum(row.values()) + 0.5 * (len(vocabulary) - 1))


def test_check_judges_by_the_variant_that_it_is_told(capsys: Capture) -> None:
    check("03-laplace", laplace, variant="half")
    assert capsys.readouterr().out == "03-laplace: right in all 36 cases\n"
    for variant in ("quarter", None):
        check("03-laplace", laplace, variant=variant)
        assert "03-laplace: not yet" in capsys.readouterr().out
    check("03-laplace", laplace, variant="hlaf")
    assert capsys.readouterr().out == (
        "03-laplace: not checked; 03-laplace has no variant 'hlaf'; did you mean half?\n"
    )


def test_progress_judges_by_the_variants_that_it_is_told(capsys: Capture) -> None:
    progress(laplace, variants={"03-laplace": "half"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["03-laplace", "right", "10", "/", "10"]
    progress(laplace)
    assert "03-laplace            not yet" in capsys.readouterr().out
    progress(laplace, variants={"03-laplace": "hlaf", "03-la": "half"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("not checked: 03-laplace has no variant 'hlaf'")
    assert lines[1].startswith("not checked: there is no question '03-la'")
    assert lines[2].split() == ["03-laplace", "not", "checked", "0", "/", "10"]
    assert lines[-1].split() == ["total", "0", "/", "30"]


def test_where_the_questions_are_not_on_disk_a_variant_is_not_checked_and_nothing_raised(
    tmp_path: Path,
) -> None:
    absent = shutil.ignore_patterns("questions", "ngram", "corpora", "__pycache__")
    shutil.copytree(Path(lmlib.__file__).parent, tmp_path / "lmlib", ignore=absent)
    code = (
        "from lmlib.grading import check, progress\n"
        "def laplace(row, vocabulary, word): return 1\n"
        "check('03-laplace', laplace, variant='half')\n"
        "progress(laplace, variants={'03-laplace': 'half'})\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.stdout == "03-laplace: not checked here\nprogress: not checked here\n"


# ---------------------------------------------------------------- the course's notebook


@pytest.mark.parametrize("path", sorted(SOLUTIONS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_course_s_notebook_differs_in_what_the_variant_needs_and_in_nothing_else(
    path: Path,
) -> None:
    given = read_notebook(path)
    public, course = released(given, path), released(given, path, KEY)
    drawn = {
        id: VARIED[id].drawn_by(KEY).variant for id in answer_cells(given, path) if id in VARIED
    }
    if not drawn:
        assert first_difference(public, course) is None
        return
    assert KEY not in json.dumps(course)
    before = {cell.id: cell for cell in public.cells}
    differing = {cell.id for cell in course.cells if cell != before.get(cell.id)}
    names = {id.partition("-")[2] for id in drawn}
    assert differing == {"title", "progress"} | {
        f"{n}-{w}" for n in names for w in ("variant", "check")
    }
    ids = [cell.id for cell in course.cells]
    assert [id for id in ids if not id.endswith("-variant")] == [cell.id for cell in public.cells]
    for id, name in drawn.items():
        place = ids.index(f"{id.partition('-')[2]}-variant")
        task, answer, checked = course.cells[place : place + 3]
        variant = VARIED[id].variant_drawn_by(KEY)
        assert variant is not None and task.source == variant.task
        assert task.metadata["id"] == task.id
        assert answer.source.startswith(f"# exercise: {id}\n")
        function = VARIED[id].function
        assert checked.source == f'check("{id}", {function}, variant="{name}")'
    last = next(cell for cell in course.cells if cell.id == "progress")
    assert last.source.endswith(f", variants={json.dumps(drawn)})")
    compile(last.source, "progress", "exec")
    assert "colab" not in course.cells[0].source  # the badge opens the public notebook
    assert course.cells[0].source == before["title"].source.partition("\n\n")[2]


def sample(folder: Path, *more: dict[str, Any]) -> Path:
    """A solution with one question, in a folder as the book's."""
    path = folder / "exercises" / "solutions" / "03-sample.ipynb"
    path.parent.mkdir(parents=True)
    answer = (
        "# exercise: 03-laplace\ndef laplace(row, vocabulary, word):\n    # BEGIN SOLUTION\n"
        '    if word == "<bos>":\n        return 0.0\n'
        '    word = word if word in vocabulary else "<unk>"\n'
        "    return (row.get(word, 0) + 1) / (sum(row.values()) + len(vocabulary) - 1)\n"
        "    # END SOLUTION"
    )
    code: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": []}
    code["execution_count"] = None
    cells = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# Sample"},
        code | {"id": "setup", "source": ""},
        code | {"id": "laplace-answer", "source": answer},
        *(more or [code | {"id": "laplace-check", "source": 'check("03-laplace", laplace)'}]),
        code | {"id": "progress", "source": "progress(\n    laplace,\n)"},
    ]
    raw = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def test_a_notebook_in_which_the_variant_could_not_be_said_is_refused(tmp_path: Path) -> None:
    text = {"cell_type": "markdown", "id": "laplace-variant", "metadata": {}, "source": ""}
    for i, (cell, words) in enumerate(
        (
            (text, "a cell has the id 'laplace-variant'"),
            (text | {"id": "more"}, 'no cell says check("03-laplace", laplace)'),
        )
    ):
        path = sample(tmp_path / str(i), cell)
        released(read_notebook(path), path)
        with pytest.raises(InputError) as caught:
            released(read_notebook(path), path, KEY)
        assert words in str(caught.value)


def test_release_for_a_course_writes_its_notebook_alone_with_true_outputs(
    tmp_path: Path, capsys: Capture
) -> None:
    path = sample(tmp_path)
    before = path.read_bytes()
    out = tmp_path / "course"
    out.mkdir()
    release = ["exercises", "release", str(path), "--course-key", KEY]
    assert main(["exercises", "release", str(path)]) == 0
    public = tmp_path / "exercises" / "03-sample.ipynb"
    before, kept = path.read_bytes(), public.read_bytes()
    assert main([*release, "--out", str(out), "--check"]) == 1  # there is none yet
    assert main([*release, "--out", str(out)]) == 0
    assert (path.read_bytes(), public.read_bytes()) == (before, kept)
    (written,) = out.iterdir()
    text = written.read_text(encoding="utf-8")
    assert KEY not in text
    outputs = {
        cell.id: "".join(output.text for output in cell.outputs)
        for cell in read_notebook(written).cells
        if cell.cell_type == "code"
    }
    assert outputs["laplace-check"] == "03-laplace: still to do\n"
    assert "still to do" in outputs["progress"] and "right" not in outputs["progress"]
    assert main([*release, "--out", str(out), "--check"]) == 0
    variant = VARIED["03-laplace"].drawn_by(KEY).variant
    others = [key for key in "abcdefgh" if VARIED["03-laplace"].drawn_by(key).variant != variant]
    other = ["exercises", "release", str(path), "--course-key", others[0]]
    assert main([*other, "--out", str(out), "--check"]) == 1
    assert "cell 'laplace-variant' differs in its source" in capsys.readouterr().err


def test_release_for_a_course_says_where_it_may_not_write(tmp_path: Path, capsys: Capture) -> None:
    path = sample(tmp_path)
    for more, words in (
        (["--course-key", KEY], "say --out FOLDER"),
        (["--course-key", " ", "--out", str(tmp_path)], "the course's key is empty"),
        (["--course-key", KEY, "--out", str(path.parents[1])], "take the place of the book's own"),
    ):
        assert main(["exercises", "release", str(path), *more]) == 2
        assert words in capsys.readouterr().err


# ---------------------------------------------------------------- verify


def test_verify_fails_where_the_public_solution_gets_points_for_a_variant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path = sample(tmp_path)
    public = find("03-laplace")
    public = replace(public, mistakes=public.mistakes[:4])
    (half, *_others) = public.variants
    same = replace(half, name="same", reference=public.reference, mistakes=half.mistakes[:4])
    monkeypatch.setattr(verifying, "find", lambda id: replace(public, variants=(same,)))
    assert main(["exercises", "verify", str(path)]) == 1
    output = capsys.readouterr()
    assert "the public solution gets 10 of 10 for 03-laplace same" in output.err
    assert "adds one: the public book's answer of 03-laplace same loses no points" in output.err
    assert output.out.splitlines()[-2].startswith("total of variants ")


def test_verify_fails_where_a_constant_or_an_argument_is_often_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path = sample(tmp_path)
    public = find("03-laplace")
    public = replace(public, mistakes=public.mistakes[-2:], variants=())
    row, vocabulary, _word = public.worked[1]
    for draw, words in (
        (lambda rng, size: ({"books": size}, vocabulary, "<bos>"), "always giving 0.0 is right in"),
        (lambda rng, size: (row, vocabulary, "books"), "always giving 0.30769230769230765"),
    ):
        guessable = replace(public, draw=draw)
        monkeypatch.setattr(verifying, "find", lambda id, guessable=guessable: guessable)
        assert main(["exercises", "verify", str(path)]) == 1
        error = capsys.readouterr().err
        assert words in error
        assert "% of the cases of 03-laplace" in error
    echo = replace(public, reference=lambda row, vocabulary, word: word)
    assert verifying.best_guess(echo) == verifying.Guess("giving back word", 1.0)
