"""``check`` and ``progress``: a student's functions, judged in the student's own notebook."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import TYPE_CHECKING, Any

from lmlib.errors import InputError
from lmlib.grading.judging import Verdict, agree, forgetful, judge, outcomes, unusable
from lmlib.grading.refusing import Source, imports_reached_by, refusal, source_of
from lmlib.grading.values import described
from lmlib.translation import gettext as _

if TYPE_CHECKING:
    from lmlib.grading.question import Question


def check(id: str, function: Callable[..., Any], variant: str | None = None) -> None:
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
    variant : str, optional
        The name of the variant that a course asks, as its notebook says it.

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
        question = _found(id, variant)
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


def progress(*functions: Callable[..., Any], variants: Mapping[str, str] | None = None) -> None:
    """Print how far the notebook is: a line for each question of its chapter, and the points.

    Parameters
    ----------
    *functions : callables
        The answers; each belongs to the question that asks for a function of its name.
    variants : mapping, optional
        The names of the variants that a course asks, each by its question's id.
    """
    from_name = {str(getattr(one, "__name__", described(one))): one for one in functions}
    found = []
    asked: dict[str, Question | None] = {}  # as a variant; None where there is no such variant
    try:
        from lmlib.grading.questions import find, find_by_function, of_chapter

        for id, variant in (variants or {}).items():
            try:
                asked[id] = find(id).under(variant)
            except InputError as error:
                asked[id] = None
                print(_("not checked: {error}").format(error=error))
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
            this = asked.get(question.id, question)
            if this is None:
                word = _("not checked")
            elif answer is not None:
                verdict = judged(this, answer, source_of(answer), imports_reached_by(answer))
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
    asked = list(inspect.signature(question.reference).parameters)
    reason = unusable(function, question.function, asked, {len(case) for case in cases})
    if reason is None:
        reason = refusal(source, question, imported)
    if reason is not None:
        message = _("{id}: not accepted; {reason}").format(id=question.id, reason=reason)
        return Verdict("refused", 0, len(cases), 0, message)
    results = [*outcomes(function, cases)]
    verdict = judge(question, cases, results)
    if verdict.status == "wrong" and not verdict.hint:
        again = outcomes(function, cases)
        if not all(map(agree, again, results, repeat(question.relative_tolerance))):
            return forgetful(verdict)
    return verdict


def _found(id: str, variant: str | None) -> Question | None:
    """Find a question; None where the library stands without its questions, as in the sandbox."""
    try:
        from lmlib.grading.questions import find

        return find(id) if variant is None else find(id).under(variant)
    except ModuleNotFoundError as error:
        _raise_unless_ours(error)
        return None


def _raise_unless_ours(error: ModuleNotFoundError) -> None:
    if not (error.name or "").startswith("lmlib."):
        raise error


def _not_here(what: str) -> str:
    return _("{what}: not checked here").format(what=what)
