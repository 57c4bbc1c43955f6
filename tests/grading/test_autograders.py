"""What others' autograders are given: their formats, and a result whatever happens."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sample_gradebook import HOSTILE, grade, questions, record

from lmlib.errors import InputError
from lmlib.grading.autograders import (
    classroom50_result,
    gradescope_results,
    gradescope_zip,
    workflow,
)

OUT_OF = {"03-laplace": 10, "03-backoff": 10, "03-unseen": 5}
ADDRESS = "https://github.com/lmlib-book/lmlib-book"
RECORD = record(*questions("came out"), text="came out")


def test_gradescope_gets_a_test_for_each_question() -> None:
    results = gradescope_results(RECORD, OUT_OF, "bubblewrap")
    assert results["score"] == 14 == sum(test["score"] for test in results["tests"])
    assert [test["max_score"] for test in results["tests"]] == [10, 10, 5]
    assert [test["status"] for test in results["tests"]] == ["passed", "failed", "failed"]
    assert {test["visibility"] for test in results["tests"]} == {"visible"}
    assert "came out" in results["tests"][1]["output"]
    assert results["output"] == "came out"
    assert "sandbox" in gradescope_results(RECORD, OUT_OF, "none")["output"]


def test_gradescope_gets_nothing_of_the_teachers() -> None:
    written = json.dumps([gradescope_results(RECORD, OUT_OF, "none")])
    assert "secret" not in written
    assert "secret" not in json.dumps(classroom50_result(RECORD, OUT_OF, {}))


@given(st.text() | st.sampled_from(HOSTILE))
def test_results_are_json_in_utf8_whatever_a_student_wrote(text: str) -> None:
    odd = record(grade("03-laplace", 3, message=text), text=text)
    for results in (
        gradescope_results(odd, OUT_OF, "bubblewrap"),
        classroom50_result(odd, OUT_OF, {}),
    ):
        written = json.dumps(results, ensure_ascii=False).encode("utf-8")
        assert b"\\u00" not in written and json.loads(written) == results


def test_a_question_taken_out_costs_nobody_anything() -> None:
    void = record(dataclasses.replace(grade("03-laplace", 0, "void"), out_of=0))
    results = gradescope_results(void, {"03-laplace": 0}, "bubblewrap")
    assert results["tests"][0]["status"] == "passed"
    assert results["tests"][0]["max_score"] == 0


# ---------------------------------------------------------------- Gradescope's zip


@pytest.fixture
def exercise(tmp_path: Path) -> Path:
    path = tmp_path / "03-ngrams.ipynb"
    path.write_text("{}")
    return path


def test_the_zip_has_its_programs_at_the_root(exercise: Path) -> None:
    content = gradescope_zip(exercise, ADDRESS)
    assert content == gradescope_zip(exercise, ADDRESS)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        rights = {entry.filename: entry.external_attr >> 16 for entry in file.infolist()}
        setup = file.read("setup.sh").decode()
    assert set(rights) == {"setup.sh", "run_autograder", "03-ngrams.ipynb"}
    assert {name for name, mode in rights.items() if mode & stat.S_IXUSR} == {
        "setup.sh",
        "run_autograder",
    }
    assert f'"lmlib-book[grading] @ git+{ADDRESS}"' in setup
    assert subprocess.run(["bash", "-n"], input=setup, text=True).returncode == 0


@pytest.mark.parametrize("address", ["http://x.org/a", "https://x.org/a; rm -rf /", "$(id)", "a\n"])
def test_an_address_that_a_shell_would_run_is_refused(address: str, exercise: Path) -> None:
    with pytest.raises(InputError, match="https://"):
        gradescope_zip(exercise, address)
    with pytest.raises(InputError, match="https://"):
        workflow("03-ngrams.ipynb", address)


@pytest.mark.parametrize("name", ['"x".ipynb', "x y.ipynb", "$(id).ipynb", "x.txt", "-x.ipynb"])
def test_a_name_that_a_shell_would_take_apart_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match="letters, digits"):
        gradescope_zip(tmp_path / name, ADDRESS)
    with pytest.raises(InputError, match="letters, digits"):
        workflow(name, ADDRESS)


def run_autograder(
    exercise: Path, tmp_path: Path, command: str, handed_in: tuple[str, ...]
) -> dict[str, Any]:
    """Run it as Gradescope does, with this shell command in the place of lmlib."""
    home = tmp_path / "autograder"
    with zipfile.ZipFile(io.BytesIO(gradescope_zip(exercise, ADDRESS))) as file:
        file.extractall(home / "source")
    for name in handed_in:
        path = home / "submission" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    lmlib = tmp_path / "lmlib"
    lmlib.write_text(
        f"#!/bin/sh\n# grade one NOTEBOOK --exercise E --format F --out O\n{command}\n"
    )
    lmlib.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(home / "source" / "run_autograder")],
        env=os.environ | {"AUTOGRADER_HOME": str(home), "LMLIB": str(lmlib)},
        capture_output=True,
    )
    assert done.returncode == 0
    found: dict[str, Any] = json.loads((home / "results" / "results.json").read_text())
    return found


GRADES = 'test "$7" = gradescope && printf \'{"score": 9, "output": "%s"}\' "$(cat "$3")" > "$9"'


def test_run_autograder_hands_on_what_lmlib_wrote(exercise: Path, tmp_path: Path) -> None:
    files = ("hw/03-ngrams.ipynb", "other.ipynb", "__MACOSX/03-ngrams.ipynb", "x.txt")
    found = run_autograder(exercise, tmp_path, GRADES, files)
    assert found == {"score": 9, "output": "hw/03-ngrams.ipynb"}


def test_run_autograder_takes_a_single_notebook_of_another_name(
    exercise: Path, tmp_path: Path
) -> None:
    found = run_autograder(exercise, tmp_path, GRADES, ("my homework (1).IPYNB",))
    assert found == {"score": 9, "output": "my homework (1).IPYNB"}


@pytest.mark.parametrize(
    "command, files, sentence",
    [
        (GRADES, (), "No notebook"),
        (GRADES, ("a.ipynb", "b.ipynb"), "Several notebooks"),
        ("exit 3", ("a.ipynb",), "tell your teacher"),
        ("kill -9 $$", ("a.ipynb",), "tell your teacher"),
        ("true", ("a.ipynb",), "tell your teacher"),
        ('echo "no JSON" > "$9"', ("a.ipynb",), "tell your teacher"),
        ("kill -9 $PPID $$", ("a.ipynb",), "tell your teacher"),
    ],
)
def test_run_autograder_writes_results_whatever_happens(
    command: str, files: tuple[str, ...], sentence: str, exercise: Path, tmp_path: Path
) -> None:
    if "PPID" in command:
        with pytest.raises(AssertionError):  # it was killed itself
            run_autograder(exercise, tmp_path, command, files)
        results = tmp_path / "autograder" / "results" / "results.json"
        found = json.loads(results.read_text())
    else:
        found = run_autograder(exercise, tmp_path, command, files)
    assert found["score"] == 0
    assert sentence in found["output"]


# ---------------------------------------------------------------- Classroom 50, GitHub


def test_classroom50_gets_whole_points_and_what_the_runner_said() -> None:
    environment = {
        "CLASSROOM": "nlp",
        "ASSIGNMENT": "ngrams",
        "SUBMISSION_TAG": "submit/1",
        "COMMIT_URL": "https://github.com/c",
        "RELEASE_URL": "https://github.com/r",
    }
    result = classroom50_result(RECORD, OUT_OF, environment, datetime(2026, 9, 1, 8, tzinfo=UTC))
    assert (result["schema"], result["score"], result["max-score"]) == (
        "classroom50/result/v1",
        14,
        25,
    )
    assert result["review"] == "https://github.com/c"
    assert result["datetime"] == "2026-09-01T08:00:00Z"
    assert [type(result[key]) for key in ("score", "max-score")] == [int, int]
    for test in result["tests"]:
        assert {"test-name", "passed", "score", "max-score"} <= set(test)
    assert [test["passed"] for test in result["tests"]] == [True, False, False]


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}.git", f"{ADDRESS}@v1.0"])
def test_the_workflow_has_no_rights_to_give_away(address: str) -> None:
    text = workflow("03-ngrams.ipynb", address, "classroom50")
    found = yaml.safe_load(text)
    assert found["permissions"] == {}
    assert found[True] == {"pull_request": None}  # YAML takes "on" for a truth
    (job,) = found["jobs"].values()
    assert job["permissions"] == {"contents": "read"}
    uses = [step for step in job["steps"] if "uses" in step]
    for step in uses:
        _action, _at, version = step["uses"].partition("@")
        assert len(version) == 40 and int(version, 16)
        assert "checkout" not in step["uses"] or step["with"]["persist-credentials"] is False
    assert uses[1]["with"]["repository"] == "lmlib-book/lmlib-book"
    assert uses[1]["with"].get("ref") == ("v1.0" if "@" in address else None)
    runs = " ".join(step["run"] for step in job["steps"] if "run" in step)
    assert "${{" not in runs and "pull_request_target" not in text
    assert "--format classroom50 --out result.json" in " ".join(runs.split())


def test_its_actions_are_those_of_our_own_workflows() -> None:
    ours = Path(__file__).parents[2] / ".github" / "workflows" / "test.yml"
    used = [line.strip() for line in workflow("03-ngrams.ipynb", ADDRESS).splitlines()]
    pinned = {line for line in used if line.startswith("- uses:")}
    assert pinned <= {line.strip() for line in ours.read_text().splitlines()}


def test_the_workflow_passes_zizmor(
    require_tool: Callable[[str, str], str], tmp_path: Path
) -> None:
    zizmor = require_tool("zizmor", "the workflow is not checked for what could be abused")
    path = tmp_path / ".github" / "workflows" / "grade.yml"
    path.parent.mkdir(parents=True)
    path.write_text(workflow("03-ngrams.ipynb", ADDRESS))
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--pedantic", path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
