"""What a function is worth, what it is told, and who cannot deceive."""

import math
import signal
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_question import CASES, QUESTION, reference

from lmlib.grading import judging
from lmlib.grading.judging import Outcome, Verdict, difference, judge, outcome, outcomes
from lmlib.grading.question import Question
from lmlib.grading.values import from_json, to_json


def verdict_of(function: Callable[..., Any], question: Question = QUESTION) -> Verdict:
    cases = question.cases()
    return judge(question, cases, [outcome(function, case) for case in cases])


# ---------------------------------------------------------------- what agrees

NUMBERS = st.integers(-(10**9), 10**9) | st.floats(-1e300, 1e300)
ROWS = st.recursive(NUMBERS, lambda inner: st.lists(inner, max_size=4), max_leaves=12)


def in_other_containers(value: Any, choices: st.DataObject) -> Any:
    """Write a right answer as somebody else would: tuples, arrays, floats for integers."""
    if isinstance(value, list):
        inner = [in_other_containers(one, choices) for one in value]
        kind = choices.draw(st.sampled_from(["list", "tuple", "array"]))
        if kind == "tuple":
            return tuple(inner)
        if kind == "array" and all(type(one) is float for one in value):
            return np.array(inner)
        return inner
    if type(value) is float:
        return choices.draw(st.sampled_from([value, np.float64(value), value * (1 + 1e-13)]))
    return choices.draw(st.sampled_from([value, float(value), np.int64(value)]))


@settings(max_examples=50)
@given(ROWS, st.data())
def test_a_right_answer_in_another_container_is_right(expected: Any, choices: Any) -> None:
    got = outcome(lambda: in_other_containers(expected, choices), ())
    assert difference(got.value, expected, 1e-9) is None


@given(st.lists(NUMBERS, min_size=1, max_size=6), st.data())
def test_one_number_elsewhere_is_wrong(expected: list[float], choices: Any) -> None:
    place = choices.draw(st.integers(0, len(expected) - 1))
    number = expected[place]
    got = [*expected[:place], number + 1e-8 * max(abs(number), 1), *expected[place + 1 :]]
    assert difference(got, expected, 1e-9) is not None
    assert difference(tuple(got), np.array(expected, float), 1e-9) is not None
    assert difference(expected[:-1], expected, 1e-9) is not None


@pytest.mark.parametrize(
    "got, expected, sentence",
    [
        (True, 1, "a bool came back where a number is expected"),
        (1, True, "a number came back where a bool is expected"),
        (0.0, False, "a number came back where a bool is expected"),
        ("1", 1, "a string came back where a number is expected"),
        (None, 0.5, "None came back where a number is expected"),
        ([0.5], 0.5, "a list came back where a number is expected"),
        (np.array([0.5]), 0.5, "an array came back where a number is expected"),
        ({}, [], "a dictionary came back where a list is expected"),
        ("ab", ["a", "b"], "a string came back where a list is expected"),
        ([1, 2], [1, 2, 3], "length 2, not 3"),
        (np.zeros((2, 3)), np.zeros((3, 2)), "shape (2, 3), not (3, 2)"),
        (np.zeros(6), np.zeros((3, 2)), "length 6, not 3"),
        ([[1], [2, 3]], [[1], [2]], "at [1]: length 2, not 1"),
        ({"a": 1}, {"a": 1, "b": 2}, "the key 'b' is missing"),
        ({"a": 1, "b": 2}, {"a": 1}, "the key 'b' is one too many"),
        ({"a": [1, 2]}, {"a": [1, 3]}, "at ['a'][1]: 2, not 3"),
        (3.0000000001, 3, "3.0000000001, not 3"),
        (10**400, 1.0, None),
        (math.nan, 0.0, "math.nan, not 0.0"),
        (-math.inf, math.inf, "-math.inf, not math.inf"),
        (1e-11, 0.0, "1e-11, not 0.0"),
        (0.0, 1e-300, "0.0, not 1e-300"),
        ("a ", "a", "'a ', not 'a'"),
    ],
)
def test_what_differs_is_said_precisely(got: Any, expected: Any, sentence: str | None) -> None:
    found = difference(got, expected, 1e-9)
    assert found is not None
    assert sentence is None or found == sentence


@pytest.mark.parametrize(
    "got, expected",
    [
        (3.0, 3),
        (3, 3.0),
        (math.nan, math.nan),
        (-math.inf, -math.inf),
        (1e-14, 0.0),
        (0.1 + 0.2, 0.3),
        (np.array(0.5), 0.5),
        ((), []),
        ({"a": 1.0, "b": (1,)}, {"b": [1], "a": 1}),
    ],
)
def test_what_agrees_agrees(got: Any, expected: Any) -> None:
    assert difference(got, expected, 1e-9) is None


# ---------------------------------------------------------------- points


def test_the_right_function_gets_all_points_and_the_stub_none() -> None:
    def row_means(rows: Any) -> Any:
        raise NotImplementedError

    assert verdict_of(reference).points == QUESTION.points
    assert verdict_of(reference).message == f"99-row-means: right in all {len(CASES)} cases"
    stub = verdict_of(row_means)
    assert (stub.status, stub.points) == ("to do", 0)
    assert stub.message == "99-row-means: still to do"


@given(st.integers(0, 40), st.integers(1, 40), st.integers(1, 20))
def test_points_are_the_share_of_right_cases_rounded_down_and_never_all_of_them(
    right: int, wrong: int, points: int
) -> None:
    question = replace(QUESTION, mistakes=(), points=points, reference=lambda number: number)
    cases = [(i,) for i in range(right + wrong)]
    outcomes = [Outcome(value=i if i < right else -1) for i in range(right + wrong)]
    earned = judge(question, cases, outcomes).points
    assert earned < points
    assert earned <= points * right / (right + wrong) < earned + 1 or right < wrong
    if right < wrong:
        assert earned == 0


def test_each_planted_mistake_loses_points_and_meets_its_own_hint() -> None:
    for mistake in QUESTION.mistakes:
        verdict = verdict_of(mistake.answer)
        assert verdict.points < QUESTION.points, mistake.name
        assert verdict.hint == mistake.hint
        assert verdict.message.endswith(mistake.hint)


# ---------------------------------------------------------------- what is said


def test_the_smallest_wrong_case_is_shown_as_the_student_would_call_it() -> None:
    def row_means(rows: Any) -> Any:
        return [float(sum(row)) for row in rows]

    # [[]] is shorter than [[-1.0, 1.0]], whose mean is its sum, and than [[1.0, 2.0]]
    lines = verdict_of(row_means).message.split("\n    ")
    assert lines[1:] == [
        "row_means([[]])",
        "gave     [0.0]",
        "expected [math.nan]",
        "differs  at [0]: 0.0, not math.nan",
        "Divide by the number of values.",
    ]


def test_a_long_call_is_shortened() -> None:
    def row_means(rows: Any) -> Any:
        return [3.5] if len(rows[0]) == 2000 else reference(rows)

    message = verdict_of(row_means).message
    assert "row_means([[3.0, 3.0" in message
    assert "more]])" in message
    assert all(len(line) < 260 for line in message.split("\n"))


def test_an_exception_is_told_with_its_type_and_its_line() -> None:
    def row_means(rows: Any) -> Any:
        for row in rows:
            if len(row) == 2:
                raise KeyError("two")  # this line
        return reference(rows)

    message = verdict_of(row_means).message
    line = row_means.__code__.co_firstlineno + 3
    assert "raised   KeyError: 'two'" in message
    assert f'in line {line}: raise KeyError("two")  # this line' in message


def answer_that(*, returns: Any) -> Callable[..., Any]:
    def row_means(rows: Any) -> Any:
        return returns(rows) if callable(returns) else returns

    return row_means


def prints(rows: Any) -> None:
    print(reference(rows))


def sorts_its_argument(rows: Any) -> list[float]:
    means = reference(rows)
    for row in rows:
        row.append(0)
    return means[:1]


def recurses(rows: Any) -> Any:
    return recurses(rows)


def is_half_done(rows: Any) -> list[float]:
    if len(rows) > 1:
        raise NotImplementedError
    return reference(rows)


@pytest.mark.parametrize(
    "function, hint",
    [
        (answer_that(returns=None), "Nothing came back: does every way through"),
        (prints, "prints something and gives nothing back"),
        (answer_that(returns=lambda rows: (r for r in rows)), "Give plain values"),
        (answer_that(returns=lambda rows: len), "Give plain values"),
        (answer_that(returns=lambda rows: [math.nan] * len(rows)), "nan comes of 0/0"),
        (sorts_its_argument, "changes what it was given"),
        (recurses, "calls itself too often"),
        (answer_that(returns=lambda rows: {"rows": rows}["a"]), "It looks up what is not there"),
        (answer_that(returns=lambda rows: [][1]), "It looks up what is not there"),
        (answer_that(returns=lambda rows: 1 / 0), "It divides by zero"),
        (is_half_done, "A part of the function is still to do."),
        (answer_that(returns=lambda rows: np.round(reference(rows), 4)), "Nearly"),
        (answer_that(returns=lambda rows: np.array(reference(rows), np.float32)), "Nearly"),
    ],
)
def test_what_is_certain_is_said_where_no_planted_mistake_fits(
    function: Callable[..., Any], hint: str
) -> None:
    assert hint in verdict_of(function).hint


def test_nothing_is_advised_where_nothing_fits() -> None:
    verdict = verdict_of(answer_that(returns=lambda rows: [7.0] * len(rows)))
    assert (verdict.status, verdict.hint) == ("wrong", "")
    assert verdict.message.split("\n")[-1].startswith("    differs")


def test_a_mistake_that_is_wrong_where_the_student_is_right_is_not_named() -> None:
    def row_means(rows: Any) -> Any:  # sums long rows alone
        return [sum(row) / len(row) if 0 < len(row) < 100 else float(sum(row)) for row in rows]

    verdict = verdict_of(row_means)
    assert verdict.hint != "Divide by the number of values."


def test_of_two_mistakes_at_once_one_is_named_at_a_case_that_shows_it() -> None:
    def row_means(rows: Any) -> Any:
        return [7.0 if len(row) == 2000 else sum(row) / len(row) for row in rows]

    verdict = verdict_of(row_means)
    assert verdict.hint == "A row may be empty."
    assert "raised   ZeroDivisionError" in verdict.message


def test_a_changed_argument_makes_a_case_wrong_and_the_next_case_is_untouched() -> None:
    def row_means(rows: Any) -> Any:
        means = reference(rows)
        rows.append([1.0])
        return means

    before = to_json(CASES)
    verdict = verdict_of(row_means)
    assert verdict.points == 0
    assert "changed  what it was given" in verdict.message
    assert to_json(CASES) == before


def test_prints_and_warnings_of_the_function_are_not_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def row_means(rows: Any) -> Any:
        print("noise")
        warnings.warn("noise", stacklevel=1)
        np.log(np.zeros(1))
        return reference(rows)

    assert verdict_of(row_means).status == "right"
    assert capsys.readouterr() == ("", "")


def interrupted(rows: Any) -> Any:
    raise KeyboardInterrupt


def goes_on_for_ever(rows: Any) -> Any:
    while len(rows) > 1:
        try:
            time.sleep(0.01)
        except Exception:
            raise AssertionError from None
    return reference(rows)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="There is no clock that rings here.")
@pytest.mark.parametrize("function, why", [(goes_on_for_ever, "after"), (interrupted, "by hand")])
def test_what_does_not_come_back_is_stopped_and_its_case_is_shown(
    function: Callable[..., Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "SECONDS", 0.2)
    before = signal.getsignal(signal.SIGALRM)
    done = [*outcomes(function, CASES)]
    assert [one.stopped[:5] for one in done if one.stopped] == [why[:5]]
    assert done[-1].stopped
    assert len(done) < len(CASES)  # one is enough
    verdict = judge(QUESTION, CASES, done)
    assert (verdict.status, verdict.points) == ("wrong", 0)
    assert f"did not come back; stopped {why}" in verdict.message
    assert "row_means(" in verdict.message
    assert "Does every loop in it come to an end?" in verdict.hint
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_all_calls_together_have_an_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "ALL_SECONDS", 0.2)

    def slow(rows: Any) -> Any:
        time.sleep(0.05)
        return reference(rows)

    done = [*outcomes(slow, CASES)]
    assert 3 <= len(done) < 8
    assert done[-1].stopped.startswith("after 0.2 seconds for all")
    verdict = judge(QUESTION, CASES, done)
    assert (verdict.status, verdict.right) == ("wrong", len(done) - 1)
    assert "did not come back; stopped after 0.2 seconds for all" in verdict.message


def test_who_leaves_python_has_raised_something() -> None:
    assert outcome(lambda rows: exit(), CASES[0]).error == "SystemExit"
    hostile = type("Hostile", (BaseException,), {"__str__": lambda self: exit()})

    def row_means(rows: Any) -> Any:
        raise hostile

    assert outcome(row_means, CASES[0]).error == "Hostile"


def test_digits_are_shown_only_where_they_tell_the_values_apart() -> None:
    question = replace(QUESTION, reference=lambda rows: [1 / 9], mistakes=())
    nearly = verdict_of(lambda rows: [0.1 + 0.2], question).message
    assert "gave     [0.3]\n    expected [0.111111111111]\n" in nearly
    question = replace(question, relative_tolerance=1e-15)
    apart = verdict_of(lambda rows: [1 / 9 + 1e-13], question).message
    assert f"gave     [{1 / 9 + 1e-13!r}]\n    expected [{1 / 9!r}]\n" in apart


def test_an_outcome_travels_as_json() -> None:
    """What the grader relies on: the same verdict from what came back from another process."""
    for function in (reference, prints, recurses, *(m.answer for m in QUESTION.mistakes)):
        here = [outcome(function, case) for case in CASES]
        there = [
            Outcome(**from_json(to_json(vars(outcome(function, from_json(to_json(case)))))))
            for case in CASES
        ]
        assert judge(QUESTION, CASES, there) == judge(QUESTION, CASES, here)


# ---------------------------------------------------------------- who tries to deceive


class AlwaysEqual:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__


class LyingFloat(float):
    def __eq__(self, other: object) -> bool:
        return True

    def __sub__(self, other: object) -> float:
        return 0.0

    __hash__ = float.__hash__


class LyingList(list):
    def __eq__(self, other: object) -> bool:
        return True


class LyingError(NotImplementedError):
    def __str__(self) -> str:
        raise RuntimeError("no message")


def lies(lie: Any) -> Callable[..., Any]:
    return answer_that(returns=lambda rows: lie)


@pytest.mark.parametrize(
    "lie", [AlwaysEqual(), LyingFloat(1.5), LyingList(), [AlwaysEqual()], [LyingFloat(1.5)]]
)
def test_an_object_that_equals_everything_gets_nothing(lie: Any) -> None:
    assert verdict_of(lies(lie)).points == 0


def test_an_exception_of_the_student_s_own_making_is_only_an_exception() -> None:
    def row_means(rows: Any) -> Any:
        raise LyingError

    verdict = verdict_of(row_means)
    assert (verdict.status, verdict.points) == ("wrong", 0)
    assert "raised   LyingError" in verdict.message


def test_another_numpy_under_the_student_s_name_changes_nothing_of_the_comparison() -> None:
    class Fake:
        @staticmethod
        def mean(row: Any) -> float:
            return 0.0

        def __getattr__(self, name: str) -> Any:
            return lambda *given, **named: True

    names: dict[str, Any] = {"np": Fake(), "isclose": lambda *given: True, "float": Fake()}
    exec("def row_means(rows):\n    return [np.mean(row) for row in rows]", names)
    assert verdict_of(names["row_means"]).points == 0


def test_patching_what_compares_does_not_survive_into_the_grader_s_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within one process `check` can be deceived; what travels as JSON is judged elsewhere."""
    with monkeypatch.context() as patched:
        patched.setattr(math, "isclose", lambda *given, **named: True)
        sent = [to_json(vars(outcome(lambda rows: [0.5] * len(rows), case))) for case in CASES]
    assert judge(QUESTION, CASES, [Outcome(**from_json(text)) for text in sent]).points == 0
