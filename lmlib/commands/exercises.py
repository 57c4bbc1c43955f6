"""``lmlib exercises``: verify the questions, and make the students' notebooks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lmlib.commands.terminal import progress
from lmlib.errors import CheckError, InputError
from lmlib.translation import gettext as _

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from lmlib.grading.question import Question
    from lmlib.grading.verifying import Verification

_SOLUTIONS = Path("exercises/solutions")

#: The share of the planted mistakes that has to be met by its own hint.
_OWN_HINTS = 0.9

#: The share of the cases in which no guess may be right.
_GUESSED = 0.4

#: Of the column of names.
_WIDTH = 32


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "exercises",
        help="verify the questions, make the students' notebooks",
        description="Verify the questions of the exercises, and make the students' notebooks.",
        allow_abbrev=False,
    )
    kinds = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)
    _add_verify(kinds)
    _add_release(kinds)


def _add_verify(kinds: argparse._SubParsersAction) -> None:
    parser = kinds.add_parser(
        "verify",
        help="solutions, stubs and planted mistakes get what they should",
        description="Judge, for each question that the notebooks answer, the solution (all "
        "points), its stub (none) and every planted mistake (fewer points, and its own hint); "
        "the same for each variant, for which the public solution must get none. "
        "The code of the notebooks is run here, unprotected: give it your own only. Exit code 1 "
        "if a solution loses points, a stub gets some, a planted mistake loses none, fewer than "
        "nine mistakes in ten meet their own hint, or a constant, or one of the arguments, is "
        "right in two cases of five.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "notebooks",
        nargs="*",
        type=Path,
        metavar="NOTEBOOK",
        help=f"solutions (default: {_SOLUTIONS}/*.ipynb)",
    )
    _add_questions(parser)
    parser.set_defaults(run=_verify)


def _add_release(kinds: argparse._SubParsersAction) -> None:
    parser = kinds.add_parser(
        "release",
        help="make the students' notebooks from the solutions",
        description="Make the student's notebook from each solution: between # BEGIN SOLUTION and "
        "# END SOLUTION stands a stub. The Colab badge and the setup cell are written, both "
        "notebooks are run, here, unprotected, and what they put out is stored in them.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "solutions",
        nargs="*",
        type=Path,
        metavar="SOLUTION",
        help=f"solutions (default: {_SOLUTIONS}/*.ipynb)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="(default: the folder above the solution's)"
    )
    parser.add_argument(
        "--course-key",
        metavar="KEY",
        help="ask the questions that have variants as this secret of a course draws them; the "
        "students' notebooks alone are written, into the FOLDER of --out",
    )
    _add_questions(parser)
    parser.add_argument(
        "--check",
        action="store_true",
        help="run and write nothing; exit code 1, naming the cell, if a notebook is not what "
        "release would make of its solution (outputs are not compared)",
    )
    parser.set_defaults(run=_release)


def _add_questions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--questions",
        type=Path,
        metavar="FILE",
        help="a Python file with questions of your own, which is run here",
    )


def _own(arguments: argparse.Namespace) -> dict[str, Question]:
    from lmlib.grading.exercise import questions_in, read_own_questions

    return questions_in(read_own_questions(arguments.questions))


def _solutions(given: list[Path]) -> list[Path]:
    paths = given or sorted(_SOLUTIONS.glob("*.ipynb"))
    if not paths:
        raise InputError(
            f"there is no notebook in {_SOLUTIONS}: go to the book's folder, or name notebooks."
        )
    return paths


# ---------------------------------------------------------------- verify


def _verify(arguments: argparse.Namespace) -> None:
    from lmlib.grading.verifying import verify

    done: list[Verification] = []
    failures: list[str] = []
    own = _own(arguments)
    for path in _solutions(arguments.notebooks):
        for one in verify(path, own):
            done.append(one)
            _show(one)
            failures += _failures(one)
    varied = [one for one in done if one.question.variant]
    if varied:
        failures += _show_sum("total of variants", varied, "planted mistakes of variants")
    public = [one for one in done if not one.question.variant]
    failures += _show_sum("total", public, "planted mistakes")
    if failures:
        raise CheckError(f"{'; '.join(failures)}.")


def _show_sum(head: str, done: list[Verification], what: str) -> list[str]:
    planted, caught, met = _sums(done)
    of_all = planted or 1
    print(
        f"{head:<{_WIDTH}}  planted {planted:3}  caught {caught:3} ({caught / of_all:4.0%})  "
        f"met by their own hint {met:3} ({met / of_all:4.0%})"
    )
    if met < _OWN_HINTS * planted:
        return [f"only {met} of {planted} {what} meet their own hint"]
    return []


def _show(one: Verification) -> None:
    planted, caught, met = _sums([one])
    print(
        f"{one.name:<{_WIDTH}}  planted {planted:3}  caught {caught:3}         "
        f"met by their own hint {met:3}"
    )
    known = {mistake.hint: mistake.name for mistake in one.question.mistakes}
    for mistake, verdict in one.mistakes:
        if verdict.hint != mistake.hint:
            instead = known.get(verdict.hint, verdict.hint or "no hint")
            print(f"    {mistake.name}: met by {instead}")


def _sums(done: list[Verification]) -> tuple[int, int, int]:
    return (
        sum(len(one.mistakes) for one in done),
        sum(len(one.caught()) for one in done),
        sum(len(one.met_by_own_hint()) for one in done),
    )


def _failures(one: Verification) -> list[str]:
    name, points = one.name, one.question.points
    failures = []
    if one.question.variant and one.solution.points:
        sentence = _("the public solution gets {points} of {all} for {name}")
        failures.append(sentence.format(points=one.solution.points, all=points, name=name))
    if not one.question.variant and one.solution.points < points:
        said = " ".join(one.solution.message.split())
        failures.append(f"the solution of {name} gets {one.solution.points} of {points} ({said})")
    if one.stub.points:
        failures.append(f"the stub of {name} gets {one.stub.points} of {points}")
    if one.guess.share >= _GUESSED:
        sentence = _("{guess} is right in {share:.0%} of the cases of {name}")
        failures.append(sentence.format(guess=one.guess.answer, share=one.guess.share, name=name))
    caught = one.caught()
    failures += [
        f"{mistake.name} of {name} loses no points"
        for mistake in one.question.mistakes
        if mistake not in caught
    ]
    return failures


# ---------------------------------------------------------------- release


def _release(arguments: argparse.Namespace) -> None:
    from lmlib.grading.notebooks import executed, read_notebook, refreshed, released, write_notebook

    key = arguments.course_key
    if key is not None and not key.strip():
        raise InputError(_("the course's key is empty: any secret will do, such as a long word."))
    if key is not None and arguments.out is None:
        raise InputError(_("a course's notebooks lie apart from the book's: say --out FOLDER."))
    own = _own(arguments)
    for path in _solutions(arguments.solutions):
        target = _folder(path, arguments.out) / path.name
        if key is not None and target.resolve() == path.resolve().parent.parent / path.name:
            message = _("{path}: a course's notebook would take the place of the book's own.")
            raise InputError(message.format(path=target))
        given = read_notebook(path)
        solution, exercise = refreshed(given, path, not own), released(given, path, key, own)
        if arguments.check:
            _compare(given, solution, path)
            if not target.exists():
                raise CheckError(f"{target}: there is none yet; run `lmlib exercises release`.")
            _compare(read_notebook(target), exercise, target)
            print(f"{target} agrees with {path}")
            continue
        with progress() as say:
            if key is None:
                say(f"running {path}")
                solution = executed(solution, path)
            say(f"running {target}")
            exercise = executed(exercise, target)
        if key is None:
            write_notebook(solution, path)
        write_notebook(exercise, target)
        print(f"{target} made from {path}")


def _folder(path: Path, out: Path | None) -> Path:
    folder = path.resolve().parent.parent if out is None else out
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; make it first.")
    if out is None and path.resolve().parent.name != "solutions":
        raise InputError(f"{path}: it lies in no folder named solutions; say --out FOLDER.")
    if (folder / path.name).resolve() == path.resolve():
        raise InputError(f"{path}: the student's notebook would take the solution's place.")
    return folder


def _compare(found: NotebookNode, wanted: NotebookNode, path: Path) -> None:
    from lmlib.grading.notebooks import first_difference

    difference = first_difference(found, wanted)
    if difference is not None:
        raise CheckError(
            f"{path}: {difference}, compared with what `lmlib exercises release` makes; run it."
        )
