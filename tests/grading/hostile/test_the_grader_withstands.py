"""The collection of hostile notebooks and broken files, graded as a class, beside honest students.

By default a part of it; all with ``LMLIB_HOSTILE=all``. As root the students' code is dropped to a
user that nobody is; the part that needs it is run as an ordinary user too.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from broken_files import Broken, broken_files
from small_class import EXERCISE, SOLUTION, command, environment, handed_in

from hostile.attacks import ATTACKS, Attack, notebook

ALL = os.environ.get("LMLIB_HOSTILE") == "all"

#: What the default part of the collection is: one of each kind, and what costs least.
PART = """
    lying-object drops-asserts patched-session patched-outcome forged-reply call-too-many
    call-shape-bomb call-colliding-keys imports-lmlib-ngram expected-on-the-stack walks-the-disk
    reads-other-students internet kills-all fork-bomb late-daemon many-megabytes segfault pickle
    table-of-the-public-seed exception-markup memory symlinks
""".split()

#: What is tried as an ordinary user too, where other limits hold.
AS_USER = """
    forged-reply walks-the-disk kills-all fork-bomb late-daemon memory
""".split()

FILES = {f"broken-{number:02}": one for number, one in enumerate(broken_files().values())}

LARGEST_GRADER = 500 * 2**20


def chosen(names: list[str]) -> list[Attack]:
    known = {attack.name: attack for attack in ATTACKS}
    return list(ATTACKS) if ALL else [known[name] for name in names]


@dataclass
class Graded:
    """A class that was graded."""

    folder: Path
    rows: dict[str, dict]
    seconds: float
    most_memory: int
    left: list[str]
    said: str


class Watching:
    """How much memory the grader holds, the students' own processes left out."""

    def __init__(self, process: psutil.Process) -> None:
        self.most, self._process, self._over = 0, process, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watching:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            held = 0
            try:
                for one in [self._process, *self._process.children(recursive=True)]:
                    words = one.cmdline()
                    if "lmlib" in words or "lmlib.grading.worker" in words:
                        held += one.memory_info().rss
            except psutil.Error:
                continue
            self.most = max(self.most, held)


def graded(attacks: list[Attack], files: dict[str, Broken], tmp_path: Path, user: int) -> Graded:
    """Grade the attacks, the files and two honest students, in one class."""
    subs, out = tmp_path / "subs", tmp_path / "grades"
    subs.mkdir()
    (tmp_path / "KEY-OF-THE-CLASS").write_text("KEY-OF-THE-CLASS\n", encoding="utf-8")
    for name in ("aa-honest", "zz-honest"):
        (subs / name).mkdir()
        (subs / name / "03-ngrams.ipynb").write_bytes(handed_in())
    for attack in attacks:
        (subs / attack.name).mkdir()
        (subs / attack.name / f"{attack.exercise}.ipynb").write_bytes(notebook(attack))
    for name, file in files.items():
        (subs / name).mkdir()
        (subs / name / file.name).write_bytes(file.content)
    words = command("run", EXERCISE, subs, "--out", out, "--jobs", "2", "--seed", "3")
    if user:
        words = as_user(user, words)
    place = tempfile.mkdtemp(prefix="lm")  # short: paths of sockets may not be long
    os.chmod(place, 0o777)
    started = time.monotonic()
    process = subprocess.Popen(
        words,
        env=environment() | {"TMPDIR": place},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with Watching(psutil.Process(process.pid)) as watching:
        said, _nothing = process.communicate(timeout=3600)
    seconds = time.monotonic() - started
    assert process.returncode == 0, said
    found = json.loads((out / "report" / "grades.json").read_text(encoding="utf-8"))
    rows = {row["student"]: row for row in found["rows"]}
    left = [*left_running(place), *os.listdir(place)]
    shutil.rmtree(place)
    return Graded(out, rows, seconds, watching.most, left, said)


def left_running(place: str) -> list[str]:
    """Which processes have something to do with a folder."""
    left = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = " ".join(one.cmdline())
            if f"{place}/" in words:
                left.append(words)
    return left


def as_user(user: int, words: list[str]) -> list[str]:
    """Run a command as an ordinary user who can read this Python, in namespaces of its own."""
    closed = closed_folder()
    make = ["set -e"]
    if closed is not None:
        inner = Path(sys.base_prefix).resolve().relative_to(closed).parts[0]
        make += [
            f"mount --bind {closed / inner} /mnt",
            f"mount -t tmpfs -o mode=755 none {closed}",
            f"mkdir {closed / inner}",
            f"mount --bind /mnt {closed / inner}",
        ]
    make += [f'exec setpriv --reuid {user} --regid {user} --clear-groups -- "$@"']
    fence = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [*fence, "sh", "-c", "\n".join(make), "sh", *words]


def closed_folder() -> Path | None:
    """The folder above this Python that an ordinary user cannot enter."""
    folders = [*reversed(Path(sys.base_prefix).resolve().parents)]
    return next((folder for folder in folders if not folder.stat().st_mode & 0o001), None)


def points(row: dict) -> int:
    return sum(question["points"] for question in row["record"]["questions"])


# ---------------------------------------------------------------- as root, or as whoever we are


@pytest.fixture(scope="module")
def graded_class(
    tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str, str], str]
) -> Iterator[Graded]:
    require_tool("bwrap", "the grader's sandbox")
    broken = dict(list(FILES.items())[:: 1 if ALL else 6])
    yield graded(chosen(PART), broken, tmp_path_factory.mktemp("hostile"), 0)


@pytest.mark.parametrize("attack", chosen(PART), ids=lambda attack: attack.name)
def test_no_attack_gains_a_point(graded_class: Graded, attack: Attack) -> None:
    row = graded_class.rows[attack.name]
    assert points(row) <= attack.earned, row["record"]["questions"]
    if attack.proof:
        assert attack.proof not in json.dumps(row["record"])


def test_nobody_else_loses_a_point(graded_class: Graded) -> None:
    assert points(graded_class.rows["aa-honest"]) == points(graded_class.rows["zz-honest"]) == 30


def test_every_broken_file_has_its_sentence_or_its_points(graded_class: Graded) -> None:
    for name, one in FILES.items():
        row = graded_class.rows.get(name)
        if row is None:
            continue
        if one.repaired:
            assert points(row) == 30, (name, row["record"])
        else:
            assert points(row) == 0, name
            assert one.says in " ".join(row["record"]["notes"]), name


def test_nothing_is_left_running(graded_class: Graded) -> None:
    assert graded_class.left == []


def test_the_grader_stays_small(graded_class: Graded) -> None:
    assert graded_class.most_memory < LARGEST_GRADER


def test_nothing_of_a_student_is_markup_in_a_report(graded_class: Graded) -> None:
    for page in graded_class.folder.glob("report/**/*.html"):
        assert "<script" not in page.read_text(encoding="utf-8").lower()


# ---------------------------------------------------------------- as an ordinary user


@pytest.fixture(scope="module")
def graded_by_user(require_tool: Callable[[str, str], str]) -> Iterator[Graded]:
    require_tool("bwrap", "the grader's sandbox")
    if os.getuid() != 0:
        pytest.skip("the class above was graded as an ordinary user already")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        os.chmod(folder, 0o777)
        yield graded(chosen(AS_USER), {}, Path(folder), 31_415)


@pytest.mark.parametrize("attack", chosen(AS_USER), ids=lambda attack: attack.name)
def test_no_attack_gains_a_point_from_an_ordinary_user(
    graded_by_user: Graded, attack: Attack
) -> None:
    row = graded_by_user.rows[attack.name]
    assert points(row) <= attack.earned, row["record"]["questions"]
    if attack.proof:
        assert attack.proof not in json.dumps(row["record"])


def test_nobody_else_loses_a_point_from_an_ordinary_user(graded_by_user: Graded) -> None:
    assert points(graded_by_user.rows["aa-honest"]) == 30
    assert points(graded_by_user.rows["zz-honest"]) == 30
    assert graded_by_user.left == []


def test_the_solution_that_is_handed_in_is_the_public_one() -> None:
    assert json.loads(handed_in())["cells"] == json.loads(SOLUTION.read_text("utf-8"))["cells"]
