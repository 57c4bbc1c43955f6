"""The grader beside nbgrader: the same notebooks, one after the other, in one run.

nbgrader runs every cell and its own tests in them, without a sandbox; the grader runs what the
answers need, in one, and calls each answer forty times. nbgrader is installed into
``_build/nbgrader``; where that cannot be, this says so and ends.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOLUTION = ROOT / "exercises" / "solutions" / "03-ngrams.ipynb"
STUDENTS = 10
NBGRADER = ROOT / "_build" / "nbgrader"

#: What nbgrader asserts of each answer.
ASSERTS = {
    "03-laplace": 'assert laplace({"a": 2}, ["<unk>", "<bos>", "<eos>", "a"], "a") == 3 / 5',
    "03-backoff-context": 'assert backoff_context([(), ("a",)], ["a"], 2) == ("a",)',
    "03-continuation-prob": 'assert continuation_prob([["a"]], "a") == 0.5',
}


def main() -> None:
    """Time both on the same submissions, and print how many times as fast the grader is."""
    python = nbgrader_python()
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        (course / "source" / "ps").mkdir(parents=True)
        notebook = json.dumps(with_tests())
        (course / "source" / "ps" / "03-ngrams.ipynb").write_text(notebook, encoding="utf-8")
        run(python, course, "generate_assignment", "ps")
        for number in range(STUDENTS):
            place = course / "submitted" / f"student-{number:02}" / "ps"
            place.mkdir(parents=True)
            (place / "03-ngrams.ipynb").write_text(notebook, encoding="utf-8")
        rounds = []
        for _round in range(2):
            rounds.append((ours(course, notebook), theirs(python, course)))
            print(f"grader {rounds[-1][0]:.1f} s, nbgrader {rounds[-1][1]:.1f} s", flush=True)
    mine, other = (min(times) for times in zip(*rounds, strict=True))
    print(
        f"grading {STUDENTS} notebooks, sandboxed, two at a time: {mine:.1f} s; nbgrader "
        f"autograde: {other:.1f} s; {other / mine:.2f} times as fast (target 1.5)"
    )


def with_tests() -> dict[str, Any]:
    """The solution without its experiments, with nbgrader's marks and tests."""
    notebook = json.loads(SOLUTION.read_text(encoding="utf-8"))
    cells = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        first = source.partition("\n")[0]
        id = first.removeprefix("# exercise: ")
        if cell["id"] == "imports" or cell["cell_type"] == "markdown":
            cells.append(cell)
        elif id in ASSERTS:
            cells.append(marked(cell, id, solution=True))
            test: dict[str, Any] = {"cell_type": "code", "id": f"test-{id}", "metadata": {}}
            test |= {"source": ASSERTS[id], "outputs": [], "execution_count": None}
            cells.append(marked(test, f"test-{id}", solution=False))
    return notebook | {"cells": cells}


def marked(cell: dict[str, Any], id: str, solution: bool) -> dict[str, Any]:
    """Give a cell the metadata by which nbgrader knows it: an answer, or a test of ten points."""
    mark = {"grade_id": id, "schema_version": 3, "task": False}
    mark |= {"grade": not solution, "locked": not solution, "solution": solution}
    if not solution:
        mark["points"] = 10
    return cell | {"metadata": cell["metadata"] | {"nbgrader": mark}}


def nbgrader_python() -> Path:
    """Install nbgrader into a place of its own, once; give its Python."""
    python = NBGRADER / "bin" / "python"
    if not python.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", str(NBGRADER)], check=True)
            pip = [str(python), "-m", "pip", "install", "-q", "nbgrader==0.9.5", "numpy"]
            subprocess.run(pip, check=True)
        except subprocess.CalledProcessError:
            sys.exit("nbgrader cannot be installed here: nothing to compare with.")
    return python


def run(python: Path, course: Path, *words: str) -> float:
    """Run an nbgrader command; give the seconds that it took."""
    started = time.perf_counter()
    environment = os.environ | {"PATH": f"{python.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [str(python), "-m", "nbgrader", *words, "--force"],
        cwd=course,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"nbgrader {words[0]} failed:\n{done.stderr[-3000:]}")
    return time.perf_counter() - started


def theirs(python: Path, course: Path) -> float:
    """Seconds that nbgrader takes."""
    return run(python, course, "autograde", "ps")


def ours(course: Path, solved: str) -> float:
    """Seconds that the grader takes; everybody has to have all points."""
    with tempfile.TemporaryDirectory() as folder:
        exercise = Path(folder) / "03-ngrams.ipynb"
        exercise.write_text(solved, encoding="utf-8")
        words = ["run", str(exercise), str(course / "submitted"), "--jobs", "2"]
        out = Path(folder) / "grades"
        # each student's file has to differ, or one would be graded for all
        for place in sorted((course / "submitted").glob("*/ps/03-ngrams.ipynb")):
            notebook = json.loads(solved)
            notebook["cells"][0]["source"] = f"# {place.parts[-3]}"
            place.write_text(json.dumps(notebook), encoding="utf-8")
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "lmlib", "grade", *words, "--out", str(out)],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        seconds = time.perf_counter() - started
        if "mean 30.0 of 30" not in done.stdout:
            sys.exit(f"the grader failed:\n{done.stdout}{done.stderr}")
        return seconds


if __name__ == "__main__":
    main()
