"""Grading one notebook where others grade: Gradescope, Classroom 50, GitHub Actions.

All three call ``lmlib grade one``. Gradescope's fields are those of its page "Autograder
Specifications", Classroom 50's those of the page "Advanced Autograding" of its wiki.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from lmlib.errors import InputError
from lmlib.grading.exports import printable, zipped
from lmlib.grading.gradebook import Record
from lmlib.repository import repository_url
from lmlib.translation import gettext as _

#: How long grading one notebook may take, in seconds: Gradescope's own limit is 10 minutes.
_SECONDS = 540

_CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0"
_PYTHON = "actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0"


# ---------------------------------------------------------------- Gradescope


def gradescope_results(record: Record, out_of: Mapping[str, int], sandbox: str) -> dict[str, Any]:
    """Give what Gradescope reads from ``results.json``; remarks for the teacher are not in it.

    Parameters
    ----------
    record : Record
    out_of : mapping of str to int
        The points of each question, by its id.
    sandbox : str
        As in `lmlib.grading.gradebook.Gradebook`.
    """
    output = [*record.notes]
    if sandbox == "none":
        output.append(_("The code ran without a sandbox."))
    grades = {question.id: question for question in record.questions}
    tests: list[dict[str, Any]] = []
    for id, most in out_of.items():
        grade = grades.get(id)
        tests.append(
            {
                "name": printable(id),
                "score": grade.points if grade else 0,
                "max_score": grade.out_of if grade else most,
                "status": "passed" if grade and grade.status in ("right", "void") else "failed",
                "output": printable(grade.message if grade else _("no answer was found")),
                "output_format": "text",
                "visibility": "visible",
            }
        )
    return {
        "score": record.points,
        "output": printable("\n".join(output)),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def gradescope_zip(exercise: Path, repository_address: str | None = None) -> bytes:
    """Make the zip file that a teacher uploads to Gradescope as an autograder.

    ``setup.sh`` installs lmlib, with a Python of its own, since Gradescope's images have older
    ones; ``run_autograder`` grades, and writes ``results.json`` whatever happens.

    Parameters
    ----------
    exercise : Path
        The notebook that the students were given.
    repository_address : str, optional
        Where lmlib is installed from (by default, the repository that this one came from);
        ``https://...@v1.0`` names a version.

    Raises
    ------
    InputError
        If the notebook cannot be read, or the address is none.
    """
    name = _notebook_name(exercise.name)
    try:
        notebook = exercise.read_bytes()
    except OSError as error:
        raise InputError(
            _("{path}: the exercise cannot be read ({error}).").format(
                path=exercise, error=error.strerror
            )
        ) from None
    setup = _SETUP.replace("@ADDRESS@", _address(repository_address))
    run = _RUN.replace("@EXERCISE@", name).replace("@SECONDS@", str(_SECONDS))
    for place, sentence in {
        "@BROKEN@": _(
            "The autograder broke before it could grade this. It is not your fault: tell your "
            "teacher."
        ),
        "@NONE@": _("No notebook (.ipynb) was handed in. Hand in {name}."),
        "@SEVERAL@": _("Several notebooks were handed in, none of them called {name}."),
        "@SLOW@": _("Grading took longer than {seconds} seconds and was stopped."),
    }.items():
        filled = sentence.replace("{name}", name).replace("{seconds}", str(_SECONDS))
        run = run.replace(place, ascii(filled))
    files = {"setup.sh": setup.encode(), "run_autograder": run.encode(), name: notebook}
    return zipped(files, programs=("setup.sh", "run_autograder"))


def _notebook_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}\.ipynb", name):
        raise InputError(
            _(
                "{name}: an exercise's file is called as the book calls it, 03-ngrams.ipynb: "
                "letters, digits, dots and hyphens alone."
            ).format(name=printable(name))
        )
    return name


def _address(address: str | None) -> str:
    address = address or repository_url()
    if address is None:
        raise InputError(
            _(
                "the repository's address stands in the metadata of lmlib-book, which is not "
                "installed; give the address."
            )
        )
    if not re.fullmatch(r"https://[A-Za-z0-9._~/:@-]+", address):
        raise InputError(
            _("{address}: give an address that begins with https://.").format(
                address=printable(address)
            )
        )
    return address


_SETUP = """\
#!/usr/bin/env bash
# Gradescope runs this once, as root, when the autograder is uploaded.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y bubblewrap ca-certificates git python3 python3-venv
python3 -m venv /opt/uv
/opt/uv/bin/pip install --quiet uv
export UV_PYTHON_INSTALL_DIR=/opt/python
/opt/uv/bin/uv venv --python 3.12 /opt/lmlib
/opt/uv/bin/uv pip install --python /opt/lmlib/bin/python "lmlib-book[grading] @ git+@ADDRESS@"
"""

_RUN = """\
#!/usr/bin/env python3
# Gradescope runs this for each submission. results.json is there from the first moment on, so that
# it is there whatever happens.
import json
import os
import subprocess
import sys

HOME = os.environ.get("AUTOGRADER_HOME", "/autograder")
RESULTS = os.path.join(HOME, "results", "results.json")
SUBMISSION = os.path.join(HOME, "submission")
EXERCISE = os.path.join(HOME, "source", "@EXERCISE@")
LMLIB = os.environ.get("LMLIB", "/opt/lmlib/bin/lmlib")


def write(results):
    part = RESULTS + ".part"
    with open(part, "w", encoding="ascii") as file:
        json.dump(results, file)
    os.replace(part, RESULTS)


def nothing(sentence):
    write({"score": 0, "output": sentence, "output_format": "text", "stdout_visibility": "hidden"})


def handed_in():
    found = []
    for folder, folders, files in os.walk(SUBMISSION):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        for name in sorted(files):
            path = os.path.join(folder, name)
            if name.lower().endswith(".ipynb") and name[0] != "." and not os.path.islink(path):
                found.append(path)
    named = [path for path in found if os.path.basename(path) == "@EXERCISE@"]
    return named[:1] or found


def main():
    os.makedirs(os.path.dirname(RESULTS), exist_ok=True)
    nothing(@BROKEN@)
    notebooks = handed_in()
    if not notebooks:
        return nothing(@NONE@)
    if len(notebooks) > 1:
        return nothing(@SEVERAL@)
    out = RESULTS + ".graded"
    command = [LMLIB, "grade", "one", notebooks[0], "--exercise", EXERCISE]
    command += ["--format", "gradescope", "--out", out]
    # Gradescope's container may allow no sandbox inside; then it is the sandbox, as for any grader.
    for way in ([], ["--unsafe-local"]):
        try:
            done = subprocess.run([*command, *way], timeout=@SECONDS@, check=False)
        except subprocess.TimeoutExpired:
            return nothing(@SLOW@)
        if done.returncode == 0:
            with open(out, encoding="utf-8") as file:
                return write(json.load(file))


try:
    main()
except Exception as error:
    print(error, file=sys.stderr)
"""


# ---------------------------------------------------------------- Classroom 50


def classroom50_result(
    record: Record,
    out_of: Mapping[str, int],
    environment: Mapping[str, str],
    now: datetime | None = None,
) -> dict[str, Any]:
    """Give what Classroom 50 reads from ``./result.json``: whole points, a test for each question.

    Parameters
    ----------
    record : Record
    out_of : mapping of str to int
        The points of each question, by its id.
    environment : mapping of str to str
        What Classroom 50's runner says of the submission (``CLASSROOM``, ``ASSIGNMENT``,
        ``SUBMISSION_TAG``, ``COMMIT_URL``, ``RELEASE_URL``, ``REVIEW_URL``); usually `os.environ`.
    now : datetime, optional
        The time that is written into it.
    """
    grades = {question.id: question for question in record.questions}
    tests: list[dict[str, Any]] = []
    for id, most in out_of.items():
        grade = grades.get(id)
        tests.append(
            {
                "test-name": printable(id),
                "passed": bool(grade and grade.status in ("right", "void")),
                "score": int(grade.points) if grade else 0,
                "max-score": int(grade.out_of if grade else most),
                "output": printable(grade.message if grade else _("no answer was found")),
            }
        )
    commit = environment.get("COMMIT_URL", "")
    when = (now or datetime.now(UTC)).astimezone(UTC)
    return {
        "schema": "classroom50/result/v1",
        "classroom": environment.get("CLASSROOM", ""),
        "assignment": environment.get("ASSIGNMENT", ""),
        "submission": environment.get("SUBMISSION_TAG", ""),
        "commit": commit,
        "release": environment.get("RELEASE_URL", ""),
        "review": environment.get("REVIEW_URL") or commit,
        "datetime": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


# ---------------------------------------------------------------- GitHub Actions


def workflow(
    exercise: str,
    repository_address: str | None = None,
    format: Literal["text", "classroom50"] = "text",
) -> str:
    """Give a workflow for the students' repositories, ``.github/workflows/grade.yml``.

    It tells a student what the notebook is worth, at each pull request. Who may change the
    notebook may change the workflow too: for the grades that count, collect the notebooks.

    Parameters
    ----------
    exercise : str
        The notebook's name, ``03-ngrams.ipynb``: in the student's repository, at its root, and in
        the folder ``exercises`` of the book's.
    repository_address : str, optional
        The book's repository on GitHub (by default, the one that this library came from).
    format : {"text", "classroom50"}
        Whether a report is written, or ``result.json`` for Classroom 50.

    Raises
    ------
    InputError
        If the exercise's name or the address cannot be used.
    """
    name = _notebook_name(exercise)
    address = _address(repository_address)
    found = re.fullmatch(
        r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?(?:@([\w./-]+))?", address
    )
    if found is None:
        raise InputError(
            _("{address}: the workflow needs a repository on GitHub.").format(
                address=printable(address)
            )
        )
    repository, version = found[1], found[2]
    reference = f"\n          ref: {version}" if version else ""
    out = {"text": "report.txt", "classroom50": "result.json"}[format]
    return f"""\
name: grade

# What the notebook is worth, said at each pull request. Whoever can change the notebook can change
# this file too: it is for the student to read. Grades that count come from notebooks collected.
on:
  pull_request:

permissions: {{}}

concurrency:
  group: grade-${{{{ github.ref }}}}
  cancel-in-progress: true

jobs:
  grade:
    name: Grade the notebook
    runs-on: ubuntu-24.04
    timeout-minutes: 20
    permissions:
      contents: read
    env:
      NOTEBOOK: {name}
    steps:
      - uses: {_CHECKOUT}
        with:
          persist-credentials: false
          path: student
      - uses: {_CHECKOUT}
        with:
          repository: {repository}{reference}
          persist-credentials: false
          path: book
      - uses: {_PYTHON}
        with:
          python-version: "3.13"
      # The students' code runs in Bubblewrap, which Ubuntu 24.04 does not let ordinary users use.
      - run: |
          sudo apt-get update
          sudo apt-get install --yes bubblewrap
          sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0
      - run: python -m pip install --quiet "./book[grading]"
      # Whatever the notebook is worth, a grade is no failure of this job.
      - run: >-
          lmlib grade one "student/$NOTEBOOK" --exercise "book/exercises/$NOTEBOOK"
          --format {format} --out {out}
      - run: sed 's/^/    /' {out} >> "$GITHUB_STEP_SUMMARY"
"""
