"""Judge a function by what it returns: the same rules for a student at once and for a grade.

`outcome` runs where the student's code runs and knows no answer; its result is made of plain
values, so it can travel as JSON. `judge` runs where the library can be trusted, and compares it
with what the library's own function gives. `check` does both in one process, the grader in two.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import linecache
import math
import signal
import threading
import time
import types
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from lmlib.grading.question import Mistake, Question
from lmlib.grading.values import NotPlain, described, identical, plain, shortened, written
from lmlib.translation import gettext as _

Arguments = tuple[Any, ...]

#: Where no planted mistake explains all wrong cases, one that explains this share of them may be
#: named, if it is right wherever the student is.
ENOUGH = 0.5

#: Fewer right cases than this share could be luck, and give no points.
LUCK = 0.5

#: How long one call may take, and how long all calls of one function together.
SECONDS = 10.0
ALL_SECONDS = 90.0


@dataclass(frozen=True)
class Outcome:
    """What came of one call; every field has a plain form.

    Attributes
    ----------
    value : plain value
        What the function gave.
    strange : str
        Where that has no plain form: what it is, such as "a generator".
    error : str
        The type of the exception that the call raised.
    message, line, code : str, int, str
        What the exception said, and the line of the function's own cell that it came from
        (0 where that is not known).
    changed : bool
        Whether the function changed what it was given.
    printed : bool
        Whether it printed something.
    stopped : str
        Where it did not come back: why it was stopped, such as "after 10 seconds".
    """

    value: Any = None
    strange: str = ""
    error: str = ""
    message: str = ""
    line: int = 0
    code: str = ""
    changed: bool = False
    printed: bool = False
    stopped: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a function is worth.

    Attributes
    ----------
    status : {"right", "wrong", "to do", "refused"}
    right, cases : int
        In how many of how many cases the function is right.
    points : int
        Of the question's points; see `judge`.
    message : str
        For the student, one line or several.
    hint : str
        The last line of the message, where there is something to advise.
    """

    status: Literal["right", "wrong", "to do", "refused"]
    right: int
    cases: int
    points: int
    message: str
    hint: str = ""


# ---------------------------------------------------------------- the call


def unusable(function: Any, name: str, asked: Sequence[str], counts: Collection[int]) -> str | None:
    """Say why something cannot be called as a question asks; None if it can.

    Parameters
    ----------
    name : str
        What the question calls the function.
    asked : sequence of str
        The parameters that it is given.
    counts : collection of int
        How many of them are given in a call.
    """
    if not callable(function):
        return _("{name} has to be a function; give its name, without parentheses.").format(
            name=name
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    for count in sorted(counts):
        try:
            signature.bind(*[None] * count)
        except TypeError:
            return _("{name} is called with {count} values ({asked}), but takes {own}.").format(
                name=name,
                count=count,
                asked=", ".join(asked[:count]),
                own=", ".join(signature.parameters) or _("none"),
            )
    return None


def outcomes(function: Callable[..., Any], cases: Sequence[Arguments]) -> Iterator[Outcome]:
    """Call a function in each case, up to the first in which it does not come back.

    When all calls together took more than `ALL_SECONDS`, the next is not made.
    """
    deadline = time.monotonic() + ALL_SECONDS
    for case in cases:
        if time.monotonic() > deadline:
            why = _("after {seconds:g} seconds for all cases together: it is too slow")
            yield Outcome(stopped=why.format(seconds=ALL_SECONDS))
            return
        came = outcome(function, case)
        yield came
        if came.stopped:
            return


def outcome(function: Callable[..., Any], arguments: Arguments) -> Outcome:
    """Call a function on a copy of the arguments, and tell what came of it.

    What it prints and what it warns of is not shown. It has `SECONDS`, where there is a clock that
    rings: on Unix, in the main thread.
    """
    given = plain(arguments)
    printed = io.StringIO()
    try:
        with (
            _limit(SECONDS),
            contextlib.redirect_stdout(printed),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
        ):
            warnings.simplefilter("ignore")
            value = function(*given)
            if type(value) is types.CoroutineType:
                value.close()  # of an async function: it would complain that nobody waits for it
    except _TimeIsUp:
        return Outcome(stopped=_("after {seconds:g} seconds").format(seconds=SECONDS))
    except KeyboardInterrupt:
        return Outcome(stopped=_("by hand"))
    except BaseException as error:
        return _raised(function, error)
    changed = not identical(given, arguments)
    talked = bool(printed.getvalue())
    try:
        return Outcome(value=plain(value), changed=changed, printed=talked)
    except NotPlain as error:
        return Outcome(strange=str(error), changed=changed, printed=talked)


class _TimeIsUp(BaseException):
    """Rings in a call that takes too long. Code that catches every Exception does not catch it."""


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    if not hasattr(signal, "setitimer") or threading.current_thread() != threading.main_thread():
        yield
        return

    def ring(number: int, frame: types.FrameType | None) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # it rings again, should it be caught
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function that a decorator such as ``functools.lru_cache`` is around."""
    try:
        return inspect.unwrap(function)
    except ValueError:  # wrapped in itself
        return function


def _raised(function: Callable[..., Any], error: BaseException) -> Outcome:
    try:
        message = str(error)[:500]
    except BaseException:  # the exception's class may be the student's own
        message = ""
    file = getattr(getattr(unwrapped(function), "__code__", None), "co_filename", None)
    line, code = 0, ""
    traceback: types.TracebackType | None = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == file:
            line = traceback.tb_lineno
            code = linecache.getline(file, line).strip()[:200]
        traceback = traceback.tb_next
    return Outcome(error=type(error).__name__, message=message, line=line, code=code)


# ---------------------------------------------------------------- the comparison


def difference(got: Any, expected: Any, tolerance: float, place: str = "") -> str | None:
    """Say in what a plain value differs from the expected one; None where they agree.

    Real numbers agree within the relative tolerance, or, where 0 is expected, within a thousandth
    of it; an integer may stand for a real number of the same value and the reverse. A bool is no
    number. Lists, tuples and arrays of the same elements agree. All else has to be equal.

    Examples
    --------
    >>> difference((1, 2.0), [1, 2], 1e-9) is None
    True
    >>> difference([1, [2, 3]], [1, [2, 4]], 1e-9)
    'at [1][1]: 3, not 4'
    """
    given = got
    if type(got) is np.ndarray:
        got = got.tolist()  # of an array without axes, its number
    if type(expected) is np.ndarray:
        expected = expected.tolist()
    if type(expected) in (list, tuple) and type(got) in (list, tuple):
        return _difference_of_rows(got, expected, tolerance, place)
    if type(expected) is dict and type(got) is dict:
        return _difference_of_dictionaries(got, expected, tolerance, place)
    if _is_number(expected) and _is_number(got):
        if _close(got, expected, tolerance):
            return None
    elif type(got) is not type(expected):
        sentence = _("{got} came back where {expected} is expected")
        return _at(place, sentence.format(got=described(given), expected=described(expected)))
    elif got == expected:
        return None
    sentence = _("{got}, not {expected}")
    return _at(place, sentence.format(got=written(got, 3), expected=written(expected, 3)))


def _difference_of_rows(
    got: Sequence[Any], expected: Sequence[Any], tolerance: float, place: str
) -> str | None:
    shape, wanted = _shape(got), _shape(expected)
    if len(got) != len(expected) or (len(wanted) > 1 and len(shape) > 1 and shape != wanted):
        if len(wanted) > 1 and len(shape) > 1:
            sentence = _("shape {got}, not {expected}")
            return _at(place, sentence.format(got=shape, expected=wanted))
        sentence = _("length {got}, not {expected}")
        return _at(place, sentence.format(got=len(got), expected=len(expected)))
    for i, (one, other) in enumerate(zip(got, expected, strict=True)):
        found = difference(one, other, tolerance, f"{place}[{i}]")
        if found is not None:
            return found
    return None


def _difference_of_dictionaries(
    got: dict[Any, Any], expected: dict[Any, Any], tolerance: float, place: str
) -> str | None:
    for key in expected:
        if key not in got:
            return _at(place, _("the key {key} is missing").format(key=written(key, 3)))
    for key in got:
        if key not in expected:
            return _at(place, _("the key {key} is one too many").format(key=written(key, 3)))
    for key, other in expected.items():
        found = difference(got[key], other, tolerance, f"{place}[{written(key, 3)}]")
        if found is not None:
            return found
    return None


def _shape(rows: Any) -> tuple[int, ...]:
    """Give the shape of rows of rows, as far down as they are of equal length."""
    if type(rows) is np.ndarray:
        return tuple(rows.shape)
    if type(rows) not in (list, tuple):
        return ()
    shapes = {_shape(row) for row in rows}
    return (len(rows), *shapes.pop()) if len(shapes) == 1 else (len(rows),)


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def _close(got: float, expected: float, tolerance: float) -> bool:
    if got == expected or (got != got and expected != expected):
        return True
    if type(expected) is int:  # a count: nearly right is wrong
        return False
    try:
        if expected == 0:
            return abs(got) <= tolerance / 1000
        return math.isclose(got, expected, rel_tol=tolerance)
    except OverflowError:  # an integer that no float can hold
        return False


def _at(place: str, sentence: str) -> str:
    return _("at {place}: {sentence}").format(place=place, sentence=sentence) if place else sentence


def agree(got: Outcome, expected: Outcome, tolerance: float) -> bool:
    """Say whether two calls came to the same: the same value, or the same kind of exception."""
    if got.error or expected.error:
        return got.error == expected.error
    if got.stopped:
        return False
    if got.strange or expected.strange:
        return got.strange == expected.strange
    if got.changed != expected.changed:
        return False
    return difference(got.value, expected.value, tolerance) is None


# ---------------------------------------------------------------- the verdict


def judge(question: Question, cases: Sequence[Arguments], outcomes: Sequence[Outcome]) -> Verdict:
    """Compare what a function gave in each case with what the library gives.

    A case is right if the value agrees with the library's (`difference`) and the arguments were
    left as they were. All cases weigh the same. A function that is right in all of them gets all
    points; one that is right in fewer than half gets none; in between, the same share of the points
    as of the cases, rounded down to a whole number, and at least one less than all.

    Parameters
    ----------
    question : Question
    cases : sequence of tuples
        The arguments of each call.
    outcomes : sequence of Outcome
        What the student's function gave for them; if it did not come back in one of them, that is
        the last, and no case after it counts as right.

    Returns
    -------
    Verdict
        Its message names the smallest case that is wrong, and gives the hint of the planted mistake
        that goes wrong in the same way, if there is one, else what is certain to be said.
    """
    tolerance = question.relative_tolerance
    total = len(cases)
    if total and all(result.error == "NotImplementedError" for result in outcomes):
        return Verdict("to do", 0, total, 0, _("{id}: still to do").format(id=question.id))
    expected = [outcome(question.reference, case) for case in cases]
    is_right = [
        agree(got, wanted, tolerance) for got, wanted in zip(outcomes, expected, strict=False)
    ]
    right = sum(is_right)
    if outcomes[-1].stopped:
        return _without_end(question, cases, len(outcomes) - 1, right, outcomes[-1].stopped)
    if right == total:
        message = _("{id}: right in all {cases} cases").format(id=question.id, cases=total)
        return Verdict("right", right, total, question.points, message)
    points = min(question.points * right // total, question.points - 1)
    points = 0 if right < LUCK * total else points
    sizes = [len(_call(question, case)) for case in cases]
    wrong = sorted((i for i in range(total) if not is_right[i]), key=sizes.__getitem__)
    hint, shown = _advice(question, cases, outcomes, expected, wrong)
    lines = [
        _not_yet(question, right, total),
        shortened(lambda most: _call(question, cases[shown], most), 240),
        *_came_out(question, outcomes[shown], expected[shown]),
    ]
    if hint:
        lines.append(hint)
    return Verdict("wrong", right, total, points, "\n    ".join(lines), hint)


def forgetful(verdict: Verdict) -> Verdict:
    """Add to a verdict that the function gives something else when it is called again."""
    hint = _(
        "Called again on the same values, it gives something else: does it keep anything "
        "between two calls, in a global name or in a default such as counts=Counter()?"
    )
    return replace(verdict, message=f"{verdict.message}\n    {hint}", hint=hint)


def _without_end(
    question: Question, cases: Sequence[Arguments], place: int, right: int, stopped: str
) -> Verdict:
    hint = _(
        "Does every loop in it come to an end? Print what changes from round to round, and compare "
        "it, its type too, with what the loop waits for."
    )
    lines = [
        _not_yet(question, right, len(cases)),
        shortened(lambda most: _call(question, cases[place], most), 240),
        _("did not come back; stopped {why}").format(why=stopped),
        hint,
    ]
    return Verdict("wrong", right, len(cases), 0, "\n    ".join(lines), hint)


def _not_yet(question: Question, right: int, total: int) -> str:
    head = _("{id}: not yet; right in {right} of {cases} cases")
    return head.format(id=question.id, right=right, cases=total)


def _call(question: Question, arguments: Arguments, most: int | None = None) -> str:
    inside = ", ".join(written(argument, most) for argument in arguments)
    return f"{question.function}({inside})"


def _came_out(question: Question, got: Outcome, expected: Outcome) -> list[str]:
    """Say what came out and what should have, and where in them the difference is."""
    came, wanted = _short(_rounded(got.value)), _short(_rounded(expected.value))
    if came == wanted:  # then it is the last digits that differ
        came, wanted = _short(got.value), _short(expected.value)
    if expected.error:
        wanted = expected.error
    lines = []
    if got.error:
        lines.append(_("raised   {error}").format(error=_one_line(got)))
        if got.line:
            place = _("         in line {line}: {code}")
            lines.append(place.format(line=got.line, code=got.code).rstrip(": "))
    elif got.strange:
        lines.append(_("gave     {value}").format(value=got.strange))
    else:
        lines.append(_("gave     {value}").format(value=came))
    lines.append(_("expected {value}").format(value=wanted))
    if not (got.error or got.strange or expected.error):
        found = difference(got.value, expected.value, question.relative_tolerance)
        plainly = _is_number(got.value) and _is_number(expected.value)
        if found and not plainly and type(expected.value) is not str:
            lines.append(_("differs  {sentence}").format(sentence=found))
    if got.changed:
        lines.append(_("changed  what it was given"))
    return lines


def _short(value: Any) -> str:
    return shortened(lambda most: written(value, most), 160)


def _one_line(got: Outcome) -> str:
    message = " ".join(got.message.split())
    message = message if len(message) <= 160 else message[:159] + "…"
    return f"{got.error}: {message}" if message else got.error


# ---------------------------------------------------------------- the hint


def _advice(
    question: Question,
    cases: Sequence[Arguments],
    outcomes: Sequence[Outcome],
    expected: Sequence[Outcome],
    wrong: Sequence[int],
) -> tuple[str, int]:
    """Choose a hint, and the wrong case that it belongs to: the smallest to which it applies."""
    mistake, explained = _likeliest_mistake(question, cases, outcomes, expected, wrong)
    if mistake and len(explained) == len(wrong):
        return mistake.hint, wrong[0]
    certain = _certain(outcomes[wrong[0]], expected[wrong[0]])
    if mistake and not certain:
        return mistake.hint, explained[0]
    return certain or _probable(outcomes[wrong[0]], expected[wrong[0]]), wrong[0]


def _likeliest_mistake(
    question: Question,
    cases: Sequence[Arguments],
    outcomes: Sequence[Outcome],
    expected: Sequence[Outcome],
    wrong: Sequence[int],
) -> tuple[Mistake | None, list[int]]:
    """Find the planted mistake that explains most wrong cases, and none of the right ones.

    Who makes two mistakes at once shows each of them in some cases. So a mistake is believed if it
    is right wherever the student is, and gives what the student gives in `ENOUGH` of the others.
    """
    tolerance = question.relative_tolerance
    is_wrong = set(wrong)
    best: tuple[Mistake | None, list[int]] = (None, [])
    for mistake in question.mistakes:
        if any(
            not agree(outcome(mistake.answer, cases[i]), expected[i], tolerance)
            for i in range(len(cases))
            if i not in is_wrong
        ):
            continue
        explained = [
            i for i in wrong if agree(outcomes[i], outcome(mistake.answer, cases[i]), tolerance)
        ]
        if len(explained) > len(best[1]) and len(explained) >= ENOUGH * len(wrong):
            best = (mistake, explained)
    return best


def _certain(got: Outcome, expected: Outcome) -> str:
    """Say what is surely wrong with one outcome, whatever the question; else nothing."""
    if got.error == "NotImplementedError":
        return _("A part of the function is still to do.")
    if got.error == "RecursionError":
        return _(
            "The function calls itself too often: without end, or once for each word. Python stops "
            "that at about a thousand; a loop has no such limit."
        )
    if got.error:
        return ""
    if got.strange:
        return _(
            "Give plain values: numbers, strings, lists, tuples, dictionaries, NumPy arrays. "
            "list(...) makes a list of what can be looped over, float(...) a number of a Fraction."
        )
    if got.value is None and expected.value is not None:
        if got.printed:
            return _("The function prints something and gives nothing back: return the result.")
        return _("Nothing came back: does every way through the function end in a return?")
    if got.changed:
        return _("The function changes what it was given: work on a copy of its arguments.")
    if _has_nan(got.value) and not _has_nan(expected.value):
        return _(
            "nan comes of 0/0, of infinity minus infinity, or of the logarithm of a negative "
            "number: which of them happens here?"
        )
    found = difference(got.value, expected.value, 1e-3)
    if found is None:
        return _("Nearly: is something rounded, or computed with too few digits?")
    return ""


def _probable(got: Outcome, expected: Outcome) -> str:
    """Say what kind of thing goes wrong in one outcome, where nothing better is known."""
    if got.error in ("KeyError", "IndexError"):
        return _(
            "It looks up what is not there: in this case, what is missing, and what does that mean?"
        )
    if got.error == "ZeroDivisionError":
        return _("It divides by zero: in this case, what is empty, and what should come back?")
    if _is_number(got.value) and _is_number(expected.value) and got.value == -expected.value:
        return _("The value is right but for its sign.")
    return ""


def _rounded(value: Any) -> Any:
    """Give a plain value with twelve digits of each real number, enough to tell them apart."""
    if type(value) is float and math.isfinite(value):
        return float(f"{value:.12g}")
    if type(value) is np.ndarray:
        return np.array(_rounded(value.tolist())) if value.dtype.kind == "f" else value
    if type(value) in (list, tuple):
        return type(value)(map(_rounded, value))
    if type(value) is dict:
        return {key: _rounded(inner) for key, inner in value.items()}
    return value


def _has_nan(value: Any) -> bool:
    if type(value) is np.ndarray:
        value = value.tolist()
    if type(value) in (list, tuple):
        return any(map(_has_nan, value))
    return type(value) is float and math.isnan(value)
