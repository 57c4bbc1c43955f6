"""``lmlib grade``: from a class's notebooks to grades that can be defended."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lmlib.errors import InputError

if TYPE_CHECKING:
    from lmlib.grading.gradebook import Gradebook
    from lmlib.grading.running import Run


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "grade",
        help="grade students' notebooks, in a sandbox",
        description="Grade the notebooks that students handed in. Their code runs in a sandbox "
        "(Bubblewrap, Docker or Podman); what it gives is compared here, with the library.",
        allow_abbrev=False,
    )
    kinds = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)
    for add in (_add_run, _add_one, _add_report, _add_void, _add_override, _add_regrade):
        add(kinds)
    for add in (_add_canvas, _add_moodle, _add_autograder):
        add(kinds)


def _kind(
    kinds: argparse._SubParsersAction, name: str, help: str, description: str
) -> argparse.ArgumentParser:
    return kinds.add_parser(name, help=help, description=description, allow_abbrev=False)


# ---------------------------------------------------------------- run


def _add_run(kinds: argparse._SubParsersAction) -> None:
    parser = _kind(
        kinds,
        "run",
        "grade a class",
        "Grade what a class handed in: a folder of notebooks or of folders, a zip file, what "
        "Canvas, Moodle or nbgrader collected. Of several files by one student the last counts. "
        "Killed and started again, it goes on where it was.",
    )
    parser.add_argument("exercise", type=Path, help="the exercise as it was handed out")
    parser.add_argument("submissions", type=Path, help="a folder, or a zip file")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="of the grades")
    parser.add_argument(
        "--roster", type=Path, metavar="FILE", help="who should hand in, one a line"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="notebooks at once"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask cluster that grades in place of this machine, tcp://host:8786",
    )
    _add_common(parser)
    parser.set_defaults(run=_run)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="draw the cases that another run drew (its report names its seed)",
    )
    parser.add_argument(
        "--questions", type=Path, metavar="FILE", help="a Python file with questions of your own"
    )
    parser.add_argument(
        "--course-key", default="", metavar="KEY", help="which variants of the questions were asked"
    )
    parser.add_argument(
        "--unsafe-local",
        action="store_true",
        help="run the students' code without a sandbox, as you; every report says so",
    )


def _run(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    from lmlib.grading.exercise import read_exercise, read_own_questions
    from lmlib.grading.reporting import read_roster
    from lmlib.grading.running import Run, Told, grade_all
    from lmlib.grading.sandbox import choose_sandbox
    from lmlib.grading.submissions import collect, counted
    from lmlib.text import read_text

    pristine = read_text(arguments.exercise)
    seed = _seed(arguments)
    if arguments.seed is None and (arguments.out / "run.json").exists():
        seed = Run(arguments.out).told.seed
    told = Told(
        arguments.exercise.stem,
        seed,
        arguments.course_key,
        choose_sandbox(arguments.unsafe_local).name,
    )
    own = read_own_questions(arguments.questions)
    read_exercise(told.exercise, pristine.encode(), own, told.course_key)  # or say what is wrong
    submissions = collect(arguments.submissions, arguments.exercise.stem)
    if not submissions:
        raise InputError(f"{arguments.submissions}: nobody handed in anything.")
    roster = read_roster(arguments.roster) if arguments.roster else None
    run = Run.begin(arguments.out, told, pristine, own)
    if roster is not None:
        run.call_roll(roster)
    last = {versions[-1] for versions in counted(submissions).values()}
    entries = run.take_in(submissions, last)
    keys = run.missing(entries)
    bar = tqdm(total=len(keys), unit="notebook", disable=not sys.stderr.isatty(), leave=False)
    with _executor(arguments) as executor, bar:
        for record in grade_all(run, keys, executor):
            run.keep(record)
            bar.update()
    _report_on(run, _solution_beside(arguments.exercise))


def _seed(arguments: argparse.Namespace) -> int:
    if arguments.seed is None:
        return 1 + secrets.randbits(32)
    if arguments.seed < 1:
        raise InputError(
            f"--seed {arguments.seed}: give 1 or more; `check` draws with 0, for everybody to see."
        )
    return arguments.seed


@contextmanager
def _executor(arguments: argparse.Namespace) -> Iterator[Executor]:
    from lmlib.grading.cluster import on_cluster
    from lmlib.grading.running import on_this_machine
    from lmlib.grading.worker import end_workers

    if arguments.scheduler:
        with on_cluster(arguments.scheduler) as executor:
            yield executor
        return
    with on_this_machine(arguments.jobs) as executor:
        try:
            yield executor
        except BaseException:  # what has not begun will not begin, and what has is ended
            executor.shutdown(wait=False, cancel_futures=True)
            end_workers()
            raise


def _solution_beside(exercise: Path) -> Path | None:
    path = exercise.parent / "solutions" / exercise.name
    return path if path.exists() else None


def _report_on(run: Run, solution: Path | None = None) -> None:
    """Write the reports, and say in a few lines what they say."""
    from lmlib.grading.gradebook import write_bytes
    from lmlib.grading.reporting import gradebook_of, write_reports

    if solution is not None:
        write_bytes(run.folder / "solution.ipynb", solution.read_bytes())
    gradebook = gradebook_of(run)
    write_reports(run, gradebook, _public(run))
    _say(gradebook, run.folder)


def _public(run: Run) -> dict[str, str]:
    """Give the answers of the public solution, where the run knows one."""
    from lmlib.grading import intake

    path = run.folder / "solution.ipynb"
    if not path.exists():
        return {}
    exercise, solution = run.exercise(), intake.read(path.read_bytes())
    found = intake.find_answers(solution, exercise.questions, exercise.pristine)
    return {id: solution.cells[one.cell].source for id, one in found.items()}


def _say(gradebook: Gradebook, folder: Path) -> None:
    graded = [row for row in gradebook.rows if row.record is not None]
    points = sorted(row.points for row in graded)
    print(f"{len(graded)} students graded, seed {gradebook.seed}, sandbox {gradebook.sandbox}")
    if points:
        mean = sum(points) / len(points)
        print(f"mean {mean:.1f} of {gradebook.out_of} points, from {points[0]} to {points[-1]}")
    missing = len(gradebook.rows) - len(graded)
    if missing:
        print(f"{missing} on the roster handed in nothing")
    if gradebook.unmatched:
        print(f"{len(gradebook.unmatched)} handed in and are not on the roster")
    failed = sum(row.record.failed for row in graded if row.record)
    if failed:
        print(f"{failed} could not be graded by a fault of ours: run the same command again")
    unread = sum(any(row.record.remarks) for row in graded if row.record) - failed
    if unread:
        print(f"{unread} files could not be graded as they came; the report says why")
    print(f"report: {folder / 'report' / 'index.html'}")


# ---------------------------------------------------------------- one


def _add_one(kinds: argparse._SubParsersAction) -> None:
    parser = _kind(
        kinds,
        "one",
        "grade one notebook",
        "Grade one notebook and print what its student is told, or what an autograder reads. "
        "The exit code is 0 whatever the notebook is worth.",
    )
    parser.add_argument("submission", type=Path, help="the student's notebook")
    parser.add_argument("--exercise", type=Path, required=True, help="as it was handed out")
    parser.add_argument(
        "--format", choices=("text", "json", "gradescope", "classroom50"), default="text"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="(default: print it)")
    _add_common(parser)
    parser.set_defaults(run=_one)


def _one(arguments: argparse.Namespace) -> None:
    from dataclasses import replace

    from lmlib.grading import intake
    from lmlib.grading.autograders import classroom50_result, gradescope_results
    from lmlib.grading.exercise import read_exercise, read_own_questions
    from lmlib.grading.exports import printable
    from lmlib.grading.gradebook import record_to_json, write_text
    from lmlib.grading.sandbox import choose_sandbox
    from lmlib.grading.worker import Job, graded_apart, unread
    from lmlib.text import read_text

    pristine = read_text(arguments.exercise)
    name = arguments.exercise.stem
    own = read_own_questions(arguments.questions)
    exercise = read_exercise(name, pristine.encode(), own, arguments.course_key)
    points = {question.id: question.points for question in exercise.questions}
    seed = _seed(arguments)
    sandbox = choose_sandbox(arguments.unsafe_local).name
    given = arguments.submission.read_bytes()
    notes: tuple[str, ...] = ()
    try:
        notebook = intake.read(given)
        notes, content = notebook.notes, intake.written(notebook)
        record = graded_apart(
            Job(name, pristine, own, arguments.course_key, content, seed, sandbox)
        )
    except InputError as error:
        record = unread("", seed, points.items(), str(error))
    record = replace(record, notes=(*notes, *record.notes))
    if arguments.format == "gradescope":
        text = json.dumps(gradescope_results(record, points, sandbox))
    elif arguments.format == "classroom50":
        text = json.dumps(classroom50_result(record, points, os.environ))
    elif arguments.format == "json":
        text = json.dumps(record_to_json(record))
    else:
        lines = [*record.notes, *(question.message for question in record.questions)]
        lines.append(f"total: {record.points} / {sum(points.values())} (seed {seed})")
        text = "\n".join(dict.fromkeys(lines))
    if arguments.out is None:
        print(printable(text))
    else:
        write_text(arguments.out, text + "\n")


# ---------------------------------------------------------------- afterwards


def _add_report(kinds: argparse._SubParsersAction) -> None:
    parser = _kind(kinds, "report", "write the reports again", "Write the reports of a run again.")
    parser.add_argument("grades", type=Path, help="the folder of a run")
    parser.set_defaults(run=_report)


def _report(arguments: argparse.Namespace) -> None:
    from lmlib.grading.running import Run

    _report_on(Run(arguments.grades))


def _add_change(kinds: argparse._SubParsersAction, name: str, help: str) -> argparse.ArgumentParser:
    parser = _kind(
        kinds, name, help, f"{help[0].upper()}{help[1:]}. It is written down, with the reason."
    )
    parser.add_argument("grades", type=Path, help="the folder of a run")
    parser.add_argument("question", help="its id, 03-laplace")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="for the audit, and shown")
    return parser


def _add_void(kinds: argparse._SubParsersAction) -> None:
    parser = _add_change(kinds, "void", "take a question out of everybody's grade")
    parser.set_defaults(run=_void)


def _add_override(kinds: argparse._SubParsersAction) -> None:
    parser = _add_change(kinds, "override", "say yourself what one answer is worth")
    parser.add_argument("--student", required=True, metavar="NAME")
    parser.add_argument("--points", type=int, required=True, metavar="N")
    parser.set_defaults(run=_override)


def _add_regrade(kinds: argparse._SubParsersAction) -> None:
    parser = _add_change(kinds, "regrade", "grade one question again, and nothing else")
    parser.add_argument(
        "--questions", type=Path, metavar="FILE", help="your own questions, as mended"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="notebooks at once"
    )
    parser.set_defaults(run=_regrade, scheduler=None)


def _void(arguments: argparse.Namespace) -> None:
    from lmlib.grading.changes import add_change

    run = _run_with(arguments)
    print(add_change(run.folder, "void", arguments.question, arguments.reason).sentence())
    _report_on(run)


def _override(arguments: argparse.Namespace) -> None:
    from lmlib.grading.changes import add_change

    run = _run_with(arguments)
    students = {entry.student for entry in run.entries() if entry.counts}
    if arguments.student not in students:
        raise InputError(f"no student named {arguments.student!r} handed in anything.")
    most = {one.id: one.points for one in run.exercise().questions}[arguments.question]
    if not 0 <= arguments.points <= most:
        raise InputError(f"--points {arguments.points}: {arguments.question} is worth 0 to {most}.")
    said = (arguments.question, arguments.reason, arguments.student, arguments.points)
    print(add_change(run.folder, "override", *said).sentence())
    _report_on(run)


def _run_with(arguments: argparse.Namespace) -> Run:
    from lmlib.grading.changes import check_question
    from lmlib.grading.running import Run

    run = Run(arguments.grades)
    check_question(arguments.question, [one.id for one in run.exercise().questions])
    return run


def _regrade(arguments: argparse.Namespace) -> None:
    from dataclasses import replace

    from lmlib.grading.changes import add_change
    from lmlib.grading.exercise import read_own_questions
    from lmlib.grading.gradebook import write_bytes
    from lmlib.grading.running import Run, grade_all

    run = _run_with(arguments)
    if arguments.questions is not None:
        source = read_own_questions(arguments.questions)
        write_bytes(run.folder / "questions.py", source.encode())
        run = Run(run.folder)
    keys = list(dict.fromkeys(one.key for one in run.entries() if one.key and one.counts))
    with _executor(arguments) as executor:
        graded = list(grade_all(run, keys, executor, [arguments.question]))
    new, moved = [], 0
    for again in graded:
        before = run.record(again.key)
        if again.failed:
            continue
        (grade,) = again.questions
        questions = tuple(grade if one.id == grade.id else one for one in before.questions)
        new.append(replace(before, questions=questions))
        moved += before.points != new[-1].points
    reason = f"{arguments.reason} ({moved} of {len(keys)} notebooks have other points)"
    print(add_change(run.folder, "regrade", arguments.question, reason).sentence())
    for record in new:
        run.keep(record)
    if len(new) < len(graded):
        print(f"{len(graded) - len(new)} could not be graded again and keep what they had")
    _report_on(run)


# ---------------------------------------------------------------- other systems


def _add_canvas(kinds: argparse._SubParsersAction) -> None:
    parser = _kind(
        kinds,
        "canvas",
        "fill the file that Canvas exported",
        "Fill the grades into the CSV file that you exported from Canvas's gradebook, and write "
        "it, to be imported there.",
    )
    parser.add_argument("grades", type=Path, help="the folder of a run")
    parser.add_argument("downloaded", type=Path, help="the file as Canvas gave it")
    parser.add_argument("--column", metavar="TITLE", help="the assignment's, as in the file's head")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.set_defaults(run=_canvas)


def _add_moodle(kinds: argparse._SubParsersAction) -> None:
    parser = _kind(
        kinds,
        "moodle",
        "fill the worksheet that Moodle gave",
        "Fill the grades into the grading worksheet that you downloaded from Moodle, and write "
        "it, to be uploaded there.",
    )
    parser.add_argument("grades", type=Path, help="the folder of a run")
    parser.add_argument("downloaded", type=Path, help="the worksheet as Moodle gave it")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.set_defaults(run=_moodle, column=None)


def _canvas(arguments: argparse.Namespace) -> None:
    _fill(arguments, "canvas")


def _moodle(arguments: argparse.Namespace) -> None:
    _fill(arguments, "moodle")


def _fill(arguments: argparse.Namespace, system: str) -> None:
    from lmlib.grading.exports import fill_canvas, fill_moodle
    from lmlib.grading.gradebook import write_bytes
    from lmlib.grading.reporting import gradebook_of
    from lmlib.grading.running import Run

    gradebook = gradebook_of(Run(arguments.grades))
    if system == "canvas":
        filled = fill_canvas(gradebook, arguments.downloaded, arguments.column)
    else:
        filled = fill_moodle(gradebook, arguments.downloaded)
    write_bytes(arguments.out, filled.content)
    print(f"{filled.filled} students have a grade in {arguments.out}")
    for sentence in filled.notes:
        print(sentence)
    for student in filled.unmatched:
        print(f"not in the file: {student}")


def _add_autograder(kinds: argparse._SubParsersAction) -> None:
    parser = _kind(
        kinds,
        "autograder",
        "make an autograder for Gradescope or GitHub",
        "Make what grades each notebook as it is handed in: a zip file for Gradescope, or a "
        "workflow for the students' repositories on GitHub (alone, or for Classroom 50).",
    )
    parser.add_argument("system", choices=("gradescope", "github", "classroom50"))
    parser.add_argument("exercise", type=Path, help="the exercise as it was handed out")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.set_defaults(run=_autograder)


def _autograder(arguments: argparse.Namespace) -> None:
    from lmlib.grading.autograders import gradescope_zip, workflow
    from lmlib.grading.gradebook import write_bytes

    if arguments.system == "gradescope":
        content = gradescope_zip(arguments.exercise)
    elif arguments.system == "github":
        content = workflow(arguments.exercise.name).encode()
    else:
        content = workflow(arguments.exercise.name, format="classroom50").encode()
    write_bytes(arguments.out, content)
    print(f"{arguments.out}: {len(content):,} bytes")
