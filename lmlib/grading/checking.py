"""``check`` and ``progress``: a student's functions, judged in the student's own notebook."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, Any

from lmlib.errors import InputError
from lmlib.grading.judging import Verdict, agree, judge, outcomes
from lmlib.grading.refusing import Source, imports_reached_by, refusal, source_of
from lmlib.grading.values import described
from lmlib.translation import gettext as _

if TYPE_CHECKING:
    from lmlib.grading.question import Question


def check(id: str, function: Callable[..., Any]) -> None:
    """Print whether a function answers a question; if not, where it goes wrong first, and a hint.

    The function is called on the question's worked cases and on others, the same ones every time,
    and compared with what the library gives. Nothing is fetched, and nothing is sent anywhere.

    What this cannot know, and the grader will: a notebook can change NumPy, or the library, for
    itself and for `check` alike, and an answer that was looked up in the library is found only
    where its source says so. The grader calls the function elsewhere, on other cases, and compares
    in a process that the notebook never touched.

    Parameters
    ----------
    id : str
        The question, ``"03-laplace"``.
    function : callable
        The answer.

    Examples
    --------
    >>> def laplace(row, vocabulary, word):
    ...     raise NotImplementedError
    >>> check("03-laplace", laplace)
    03-laplace: still to do
    """
    if type(id) is not str:
        print(_('not checked: the id comes first, in quotes: check("03-laplace", laplace).'))
        return
    try:
        question = _found(id)
    except InputError as error:
        print(_("{id}: not checked; {error}").format(id=id, error=error))
        return
    if question is None:
        print(_not_here(id))
        return
    source = source_of(function)
    print(judged(question, function, source, imports_reached_by(function)).message)
    name = getattr(function, "__name__", question.function)
    if callable(function) and name not in (question.function, "<lambda>"):
        print(
            _(
                "    (The grader looks for a function named {name}; this one is named {other}.)"
            ).format(name=question.function, other=name)
        )
    if callable(function) and source is None:
        print(
            _(
                "    (The source of this function was not found, so it was not looked through for "
                "what the grader refuses.)"
            )
        )


def progress(*functions: Callable[..., Any]) -> None:
    """Print how far the notebook is: a line for each question of its chapter, and the points.

    Parameters
    ----------
    *functions : callables
        The answers; each belongs to the question that asks for a function of its name.
    """
    from_name = {str(getattr(one, "__name__", described(one))): one for one in functions}
    found = []
    try:
        from lmlib.grading.questions import find_by_function, of_chapter

        for name in from_name:
            try:
                found.append(find_by_function(name))
            except InputError as error:
                print(_("not checked: {error}").format(error=error))
    except ModuleNotFoundError as error:
        _raise_unless_ours(error)
        print(_not_here(_("progress")))
        return
    if not found:
        return
    lines = []
    earned = total = 0
    for chapter in sorted({question.id.partition("-")[0] for question in found}):
        for question in of_chapter(chapter):
            answer = from_name.get(question.function)
            points, word = 0, _("not given to progress(...)")
            if answer is not None:
                verdict = judged(question, answer, source_of(answer), imports_reached_by(answer))
                points, word = verdict.points, _status(verdict)
            lines.append((question.id, word, f"{points:>3} / {question.points}"))
            earned, total = earned + points, total + question.points
    lines.append((_("total"), "", f"{earned:>3} / {total}"))
    widths = [max(len(line[column]) for line in lines) for column in (0, 1)]
    for name, word, points_text in lines:
        print(f"{name:<{widths[0]}}  {word:<{widths[1]}}  {points_text}")


def _status(verdict: Verdict) -> str:
    if verdict.status == "right":
        return _("right")
    if verdict.status == "to do":
        return _("still to do")
    if verdict.status == "refused":
        return _("not accepted")
    return _("not yet: right in {right} of {cases}").format(
        right=verdict.right, cases=verdict.cases
    )


def judged(
    question: Question, function: Any, source: Source | None, imported: Mapping[str, str]
) -> Verdict:
    """Judge a function in this process, after a look at its source (see `refusal`)."""
    cases = question.cases()
    reason = _unusable(question, function, cases)
    if reason is None:
        reason = refusal(source, question, imported)
    if reason is not None:
        message = _("{id}: not accepted; {reason}").format(id=question.id, reason=reason)
        return Verdict("refused", 0, len(cases), 0, message)
    results = outcomes(function, cases)
    verdict = judge(question, cases, results)
    if verdict.status == "wrong" and not verdict.hint:
        again = outcomes(function, cases)
        if not all(map(agree, again, results, repeat(question.relative_tolerance))):
            hint = _(
                "Called again on the same values, it gives something else: does it keep anything "
                "between two calls, in a global name or in a default such as counts=Counter()?"
            )
            return replace(verdict, message=f"{verdict.message}\n    {hint}", hint=hint)
    return verdict


def _unusable(question: Question, function: Any, cases: list[tuple[Any, ...]]) -> str | None:
    """Say why something cannot be called as the question asks; None if it can."""
    if not callable(function):
        return _("{name} has to be a function; give its name, without parentheses.").format(
            name=question.function
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    asked = list(inspect.signature(question.reference).parameters)
    for count in sorted({len(case) for case in cases}):
        try:
            signature.bind(*[None] * count)
        except TypeError:
            return _("{name} is called with {count} values ({asked}), but takes {own}.").format(
                name=question.function,
                count=count,
                asked=", ".join(asked[:count]),
                own=", ".join(signature.parameters) or _("none"),
            )
    return None


def _found(id: str) -> Question | None:
    """Find a question; None where the library stands without its questions, as in the sandbox."""
    try:
        from lmlib.grading.questions import find

        return find(id)
    except ModuleNotFoundError as error:
        _raise_unless_ours(error)
        return None


def _raise_unless_ours(error: ModuleNotFoundError) -> None:
    if not (error.name or "").startswith("lmlib."):
        raise error


def _not_here(what: str) -> str:
    return _("{what}: not checked here").format(what=what)
