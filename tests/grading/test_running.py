"""A run of the grader: it can be killed, gone back to, changed with a reason, shared out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from small_class import (
    EXERCISE,
    HALF_LAPLACE,
    command,
    environment,
    grade,
    hand_in,
    handed_in,
    report_of,
)

from lmlib.errors import InputError
from lmlib.grading.running import Run, Told

ENDS_ITSELF = "# exercise: 03-laplace\ndef laplace(row, vocabulary, word):\n    return {how}\n"
KILL = "import os, signal\n\n\ndef kill():\n    os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture(scope="module")
def class_folder(
    tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str, str], str]
) -> Path:
    """Four students: right, half right, no notebook at all, and a dead kernel."""
    require_tool("bwrap", "the grader's sandbox")
    return hand_in(
        tmp_path_factory.mktemp("class") / "subs",
        {
            "Ada": handed_in(),
            "Bob": handed_in({"03-laplace": HALF_LAPLACE}),
            "Di": b"<html><title>Sign in</title></html>",
            "Eve": handed_in({"03-laplace": ENDS_ITSELF.format(how="kill()")}, [KILL]),
        },
    )


@pytest.fixture(scope="module")
def grades(class_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The class, graded."""
    out = tmp_path_factory.mktemp("run") / "grades"
    done = grade("run", EXERCISE, class_folder, "--out", out, "--seed", "7", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    return out


def test_everybody_gets_what_was_earned(grades: Path) -> None:
    points = points_of_rows(grades)
    assert points["Ada"] == [10, 10, 10]
    assert 0 < points["Bob"][0] < 10
    assert points["Bob"][1:] == [10, 10]
    assert points["Di"] == [0, 0, 0]


def test_a_dead_kernel_costs_its_question_only(grades: Path) -> None:
    assert points_of_rows(grades)["Eve"] == [0, 10, 10]


def points_of_rows(grades: Path) -> dict[str, list[int]]:
    found = json.loads((grades / "report" / "grades.json").read_text(encoding="utf-8"))
    return {
        row["student"]: [question["points"] for question in row["record"]["questions"]]
        for row in found["rows"]
        if row["record"]
    }


def test_the_student_reads_what_check_would_say(grades: Path) -> None:
    (page,) = (grades / "report" / "students").glob("bob-*.html")
    text = page.read_text(encoding="utf-8")
    assert "not yet; right in" in text
    assert "read as &lt;unk&gt;" in text
    assert "Ada" not in text


def test_a_run_that_was_killed_goes_on_and_gives_the_same_report(
    grades: Path, class_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "grades"
    words = ("run", EXERCISE, class_folder, "--out", out, "--seed", "7", "--jobs", "2")
    for enough in (1, 2):
        process = subprocess.Popen(
            command(*words),
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while len(list(out.glob("records/*.json"))) < enough and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("records/*.json")}
    done = grade(*words)
    assert done.returncode == 0, done.stderr
    assert report_of(out) == report_of(grades)
    for name, when in kept.items():
        assert (out / "records" / name).stat().st_mtime_ns == when, "it was graded again"


def test_a_folder_of_another_run_is_refused(grades: Path, class_folder: Path) -> None:
    done = grade("run", EXERCISE, class_folder, "--out", grades, "--seed", "8")
    assert done.returncode == 2
    assert "another run" in done.stderr


def test_a_start_that_was_killed_begins_again_and_another_s_folder_is_left_alone(
    tmp_path: Path,
) -> None:
    told = Told("03-ngrams", 7, "", "bubblewrap")
    begun, others = tmp_path / "begun", tmp_path / "others"
    for name in ("records", "notebooks"):  # all that was made when it was killed
        (begun / name).mkdir(parents=True)
    assert Run.begin(begun, told, EXERCISE.read_text("utf-8"), "").told == told
    others.mkdir()
    (others / "thesis.tex").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="holds other things"):
        Run.begin(others, told, EXERCISE.read_text("utf-8"), "")
    assert [path.name for path in others.iterdir()] == ["thesis.tex"]


def test_what_failed_through_us_is_tried_again(copied: Path, class_folder: Path) -> None:
    earned = points_of_rows(copied)
    (ada,) = (entry for entry in Run(copied).entries() if entry.student == "Ada")
    path = copied / "records" / f"{ada.key}.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    for question in record["questions"]:
        question["points"] = 0
    path.write_text(json.dumps(record | {"failed": True}), encoding="utf-8")
    others = {one: one.stat().st_mtime_ns for one in copied.glob("records/*") if one != path}
    done = grade("run", EXERCISE, class_folder, "--out", copied)
    assert done.returncode == 0, done.stderr
    assert points_of_rows(copied) == earned
    assert {one: one.stat().st_mtime_ns for one in others} == others


def test_ctrl_c_ends_everything_and_the_same_command_goes_on(tmp_path: Path) -> None:
    endless = "# exercise: 03-laplace\ndef laplace(row, vocabulary, word):\n    return wait()\n"
    wait = """\
def wait():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass"""
    folder = hand_in(
        tmp_path / "subs",
        {
            "Ada": handed_in(),
            "Yan": handed_in({"03-laplace": endless}, [wait, "me = 'Yan'"]),
            "Zoe": handed_in({"03-laplace": endless}, [wait]),
        },
    )
    out = tmp_path / "grades"
    words = command("run", EXERCISE, folder, "--out", out, "--jobs", "2", "--seed", "7")
    with subprocess.Popen(
        words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not list(out.glob("records/*.json")):  # Ada's is there, the others' never will be
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(3)  # then both of theirs are in the middle of it
        began = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        _out, said = process.communicate(timeout=5)
    assert process.returncode == 130
    assert said.strip().endswith("stopped.")
    assert "Traceback" not in said
    _gone, left = psutil.wait_procs(began, timeout=10)
    assert left == []
    for name in ("Yan", "Zoe"):
        (folder / f"{name}.ipynb").write_bytes(handed_in({"03-laplace": HALF_LAPLACE}))
    done = subprocess.run(words, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert points_of_rows(out)["Ada"] == [10, 10, 10]
    assert points_of_rows(out)["Zoe"][1:] == [10, 10]


def test_a_roster_tells_who_is_missing_and_who_is_unknown(
    class_folder: Path, tmp_path: Path
) -> None:
    roster = tmp_path / "roster.txt"
    roster.write_text("Di\nZoe\n", encoding="utf-8")
    one = hand_in(tmp_path / "subs", {"Di": b"", "Carol": b""})
    out = tmp_path / "grades"
    done = grade("run", EXERCISE, one, "--out", out, "--roster", roster)
    assert "1 on the roster handed in nothing" in done.stdout, done.stderr
    assert "1 handed in and are not on the roster" in done.stdout
    roster.write_text("Di\nCarol\n", encoding="utf-8")  # the run goes on with the new one
    done = grade("run", EXERCISE, one, "--out", out, "--roster", roster)
    assert done.returncode == 0
    assert "on the roster" not in done.stdout


# ---------------------------------------------------------------- afterwards


@pytest.fixture
def copied(grades: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(grades, tmp_path / "grades"))


def test_a_question_can_be_voided(copied: Path) -> None:
    records = {path: path.read_bytes() for path in copied.glob("records/*")}
    done = grade("void", copied, "03-laplace", "--reason", "the task was unclear")
    assert done.returncode == 0, done.stderr
    found = json.loads((copied / "report" / "grades.json").read_text(encoding="utf-8"))
    assert found["questions"]["03-laplace"] == 0
    assert points_of_rows(copied)["Ada"] == [0, 10, 10]
    assert "of 20 points" in done.stdout
    assert {path: path.read_bytes() for path in records} == records, "graded again"
    assert "the task was unclear" in (copied / "report" / "index.html").read_text("utf-8")


def test_points_can_be_overridden_with_a_reason(copied: Path) -> None:
    words = ("03-laplace", "--student", "Bob", "--points", "9", "--reason", "shown in class")
    assert grade("override", copied, *words).returncode == 0
    assert points_of_rows(copied)["Bob"] == [9, 10, 10]
    assert points_of_rows(copied)["Ada"] == [10, 10, 10]
    (page,) = (copied / "report" / "students").glob("bob-*.html")
    assert "shown in class" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("03-laplace", "--student", "Nobody", "--points", "9"), "no student named 'Nobody'"),
        (("03-laplace", "--student", "Bob", "--points", "11"), "worth 0 to 10"),
        (("03-laplas", "--student", "Bob", "--points", "1"), "no question '03-laplas'"),
    ],
)
def test_an_override_that_meets_nothing_is_refused(
    copied: Path, words: tuple[str, ...], said: str
) -> None:
    done = grade("override", copied, *words, "--reason", "why not")
    assert done.returncode == 2
    assert said in done.stderr
    assert not (copied / "changes.json").exists()


def test_one_question_is_graded_again_and_no_other(copied: Path) -> None:
    for path in copied.glob("records/*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        for question in record["questions"]:
            question["points"] = 3
        path.write_text(json.dumps(record), encoding="utf-8")
    done = grade("regrade", copied, "03-laplace", "--reason", "a slip of ours")
    assert done.returncode == 0, done.stderr
    assert points_of_rows(copied)["Ada"] == [10, 3, 3]
    assert "a slip of ours" in (copied / "report" / "index.html").read_text(encoding="utf-8")


def test_one_notebook_alone(class_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    words = ("--exercise", EXERCISE, "--format", "gradescope", "--out", out)
    done = grade("one", class_folder / "Ada.ipynb", *words)
    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text(encoding="utf-8"))["score"] == 30


# ---------------------------------------------------------------- a cluster


@pytest.fixture
def cluster(tmp_path: Path, require_module: Callable[[str, str], object]) -> Iterator[tuple]:
    """A scheduler and two workers, processes of their own."""
    require_module("distributed", "more than one machine")
    programs = []
    place = tmp_path / "scheduler.json"

    def begin(*words: str) -> None:
        programs.append(
            subprocess.Popen(
                [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]],
                env=environment(),
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )

    begin("dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(place))
    deadline = time.monotonic() + 60
    while not place.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    address = json.loads(place.read_text(encoding="utf-8"))["address"]
    for _worker in range(2):
        begin("dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny")
    yield address, programs
    for program in programs:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def test_a_cluster_gives_the_same_report_though_a_worker_dies(
    cluster: tuple, grades: Path, class_folder: Path, tmp_path: Path
) -> None:
    address, (_scheduler, first, _second) = cluster
    out = tmp_path / "grades"
    words = ("run", EXERCISE, class_folder, "--out", out, "--seed", "7", "--scheduler", address)
    with subprocess.Popen(
        command(*words),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 90
        while not list(out.glob("records/*.json")) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        first.kill()
        _out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert report_of(out) == report_of(grades)
