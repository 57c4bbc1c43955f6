"""A grader in the usual style, which believes what a notebook says: the attacks are shown on it.

It adds cells with asserts to the student's notebook, runs all of it in one kernel, in a folder in
which the tests, the other students and the teacher's key lie, unpickles the results that the
notebook left, and counts the cells that raised nothing.

So that no attack hurts the machine, all of it happens in namespaces of its own (`unshare`):
processes, mounts, network; with limits, on a small disk in memory, everything else read-only, and
as root under another user. Process 1 there is this file too (`_watch`). It measures what happens,
ends what takes too long or too much, and tells it outside: nothing in there can kill it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: How long one notebook may take. An honest one takes some five seconds.
SECONDS = 40.0

#: Above these, something was harmed. An honest notebook stays far below all of them.
MEGABYTES, PROCESSES, THREADS, DISK_MEGABYTES, FILES, OUTPUT_MEGABYTES = 450, 15, 100, 30, 2000, 5

KEY = "KEY-OF-THE-CLASS"
USER = 61234  # whom root becomes: nobody
ROOM = Path("/tmp/class")

HIDDEN_TESTS = """
VOCABULARY = "<unk> <bos> <eos> students opened their books exams petri-dishes".split()
CASES = [
    ({}, VOCABULARY, "books"), ({"books": 3}, VOCABULARY, "exams"), ({"exams": 1}, VOCABULARY, "!"),
]

def reference(row, vocabulary, word):
    if word == "<bos>":
        return 0.0
    word = word if word in vocabulary else "<unk>"
    return (row.get(word, 0) + 1) / (sum(row.values()) + len(vocabulary) - 1)
"""

#: Points, and the cell that has to run without an exception to earn them.
HIDDEN_CELLS = (
    (0, "import json, math\nimport numpy as np\nfrom hidden_tests import *\nscore = 0"),
    (2, 'assert abs(laplace({"books": 3, "exams": 2}, VOCABULARY, "books") - 4 / 13) < 1e-9'),
    (2, 'assert np.isclose(laplace({}, VOCABULARY, "books"), 1 / 8)'),
    (1, 'assert laplace({"books": 3}, VOCABULARY, "<bos>") == 0'),
    (1, "assert round(sum(laplace({'exams': 2}, VOCABULARY, w) for w in VOCABULARY), 6) == 1.0"),
    (
        2,
        "for arguments in CASES:\n    expected = reference(*arguments)\n"
        "    assert math.isclose(laplace(*arguments), expected)",
    ),
    (
        2,
        "for row, vocabulary, word in CASES:\n    copy = [dict(row), list(vocabulary), word]\n"
        "    assert abs(laplace(*copy) - reference(*copy)) < 1e-9",
    ),
    (
        10,
        'assert backoff_context([(), ("a",), ("a", "b")], ["a", "b"], 3) == ("a", "b")\n'
        'assert backoff_context([(), ("a",)], ["a", "c"], 3) == ()',
    ),
    (10, 'assert abs(continuation_prob([["a", "b"], ["b"]], "b") - 2 / 4) < 1e-9'),
    (
        0,
        "import pickle\nwith open('results.pkl', 'wb') as file:\n"
        '    pickle.dump(laplace({}, VOCABULARY, "books"), file)',
    ),
)


@dataclass(frozen=True)
class Result:
    """What a notebook came to.

    Attributes
    ----------
    points : float or None
        By the cells that raised nothing; None where there is no grade.
    printed : float or None
        By the score that was printed last.
    said : str
        All outputs of the notebook's cells, as JSON.
    harms : tuple of str
        What was hurt: "no grade", "too long", "memory", "processes", "threads", "disk", "files",
        "output", "left behind", "tampered".
    seconds : float
    log : str
        What the grader itself said in the end.
    """

    points: float | None
    printed: float | None
    said: str
    harms: tuple[str, ...]
    seconds: float
    log: str


def missing() -> str:
    """Say why no notebook can be graded here; nothing if one can."""
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None:
        return "the naive grader's fence needs Linux and unshare"
    if any(Path(path).resolve().is_relative_to("/tmp") for path in (__file__, sys.prefix)):
        return "the naive grader hides /tmp, in which this Python or this file lies"
    done = subprocess.run([*_fence(), "true"], capture_output=True, text=True, timeout=60)
    return f"unshare makes no namespaces here: {done.stderr.strip()}" if done.returncode else ""


def grade(notebook: bytes, seconds: float = SECONDS) -> Result:
    """Grade one notebook in its fence."""
    given = json.dumps({"notebook": base64.b64encode(notebook).decode(), "seconds": seconds})
    command = [*_fence(), sys.executable, __file__, "watch"]
    kept = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LMLIB_ATTACK_SIZE": "small"}
    done = subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        env=kept,
        cwd="/",
        start_new_session=True,
        timeout=seconds + 60,
    )
    if done.returncode:
        raise RuntimeError(f"the fence itself broke: {done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    return Result(**told | {"harms": tuple(told["harms"])})


def _fence() -> list[str]:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    kinds = "--mount --pid --fork --kill-child --mount-proc --net --ipc --uts".split()
    return ["unshare", *user, *kinds]


# ---------------------------------------------------------------- process 1 inside


def _watch() -> None:
    """Build the fence's inside, run the grader in it, and tell what happened."""
    assert os.getpid() == 1, "only ever as the first process of a namespace"
    given = json.load(sys.stdin)
    _enclose()
    _lay_out(base64.b64decode(given["notebook"]))
    began = time.monotonic()
    grader = _start()
    harms: set[str] = set()
    state = _reap_until(grader.pid, harms, began + given["seconds"])
    for _wait in range(8):  # the teacher's machine goes on; what was left there does too
        if not _others():
            break
        time.sleep(0.5)
    if _others():
        harms.add("left behind")
    if (ROOM / "late").exists() or _changed():
        harms.add("tampered")
    _kill_all()
    result = _read_result(ROOM / "result.json")
    if state is None:
        harms.add("too long")
        result = {}
    if not isinstance(result.get("points"), (int, float)):
        harms.add("no grade")
    said = str(result.get("said", ""))
    if len(said) > OUTPUT_MEGABYTES * 1e6:
        harms.add("output")
    told = {
        "points": result.get("points"),
        "printed": result.get("printed"),
        "said": said[:1_000_000],
        "harms": sorted(harms),
        "seconds": time.monotonic() - began,
        "log": _tail(Path("/tmp/log")),
    }
    sys.stdout.write(json.dumps(told))
    sys.stdout.flush()


def _enclose() -> None:
    import fcntl

    python = Path(sys.base_prefix).resolve()
    hidden = next((one for one in reversed(python.parents) if not one.stat().st_mode & 1), None)
    _mount("-t", "tmpfs", "-o", "size=256m,nr_inodes=20k,mode=1777", "tmpfs", "/tmp")
    _mount("-t", "tmpfs", "-o", "size=64m,nr_inodes=20k,mode=1777", "tmpfs", "/dev/shm")
    if hidden is not None:  # a Python in root's own folder: it alone is shown of that folder
        keep = Path("/tmp/python")
        keep.mkdir()
        _mount("--bind", str(python), str(keep))
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(hidden))
        python.mkdir(parents=True)
        _mount("--bind", str(keep), str(python))
        subprocess.run(["umount", str(keep)], check=True)
        keep.rmdir()
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        place = line.split()[4]
        if not place.startswith(("/tmp", "/dev/shm", "/proc", "/sys")):
            with contextlib.suppress(subprocess.CalledProcessError):
                _mount("-o", "remount,bind,ro", place)
    with socket.socket() as any_socket:  # 127.0.0.1 comes up
        request = struct.pack("16sH22x", b"lo", 0x41)
        fcntl.ioctl(any_socket, 0x8914, request)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def _lay_out(notebook: bytes) -> None:
    for folder in (ROOM, ROOM / "home", ROOM / "other"):
        folder.mkdir()
    (ROOM / "submission.ipynb").write_bytes(notebook)
    (ROOM / "hidden_tests.py").write_text(HIDDEN_TESTS, encoding="utf-8")
    (ROOM / KEY).write_text(f"{KEY}: 30 points for everyone\n", encoding="utf-8")
    (ROOM / "other" / "03-ngrams.ipynb").write_text('{"by": "OTHER-STUDENT"}', encoding="utf-8")
    if os.getuid() == 0 and _is_real_root():
        for path in (ROOM, *ROOM.rglob("*")):
            os.chown(path, USER, USER)


def _is_real_root() -> bool:
    """Whether user 0 here is root outside too; in a user namespace there is no other user."""
    return Path("/proc/self/uid_map").read_text(encoding="utf-8").split()[2] != "1"


def _start() -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(ROOM / "home"),
        "TMPDIR": "/tmp",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LMLIB_ATTACK_SIZE": "small",
        "OMP_NUM_THREADS": "1",
        "CLASS_PASSWORD": KEY,
    }
    other: dict[str, Any] = (
        {"user": USER, "group": USER, "extra_groups": []} if _is_real_root() else {}
    )
    with open("/tmp/log", "wb") as log:
        return subprocess.Popen(
            [sys.executable, __file__, "grade"],
            cwd=ROOM,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_limit,
            **other,
        )


def _limit() -> None:
    import resource

    limits = {"AS": 2 * 2**30, "FSIZE": 64 * 2**20, "CORE": 0, "CPU": 120, "NPROC": 400}
    for name, most in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def _reap_until(pid: int, harms: set[str], deadline: float) -> int | None:
    """Wait for the grader, bury whoever else dies, and measure; None if it had to be ended."""
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == pid:
                    return ended[1]
        processes, threads, megabytes = _load()
        disks = [os.statvfs(place) for place in ("/tmp", "/dev/shm")]
        written = sum((disk.f_blocks - disk.f_bfree) * disk.f_frsize for disk in disks) / 1e6
        files = sum(disk.f_files - disk.f_ffree for disk in disks)
        if written > DISK_MEGABYTES:
            harms.add("disk")
        if files > FILES:
            harms.add("files")
        if processes > PROCESSES:
            harms.add("processes")
        if threads > THREADS:
            harms.add("threads")
        if megabytes > MEGABYTES:
            harms.add("memory")
        if megabytes > 4000 or processes > 300:
            return None
        time.sleep(0.1)
    return None


def _others() -> list[int]:
    """Whoever else lives here, after the dead are buried."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return _processes()


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != 1]


def _load() -> tuple[int, int, float]:
    """Processes, their threads, and the megabytes that they hold together."""
    threads = pages = 0
    processes = _processes()
    for pid in processes:
        with contextlib.suppress(OSError, ValueError, IndexError):
            folder = Path("/proc", str(pid))
            pages += int((folder / "statm").read_text(encoding="utf-8").split()[1])
            threads += len(os.listdir(folder / "task"))
    return len(processes), threads, pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _kill_all() -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    for _wait in range(20):
        if not _others():
            return
        time.sleep(0.1)


def _changed() -> bool:
    try:
        tests = (ROOM / "hidden_tests.py").read_text(encoding="utf-8")
        key = (ROOM / KEY).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return True
    return tests != HIDDEN_TESTS or not key.startswith(KEY)


def _read_result(path: Path) -> dict[str, Any]:
    if not path.is_file() or path.is_symlink():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _tail(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_bytes()[-3000:].decode(errors="replace")
    return ""


# ---------------------------------------------------------------- the grader


def _grade() -> None:
    """Grade as so many do. Its key lies in its memory, and a socket of its is open."""
    import pickle

    import nbformat
    from nbclient import NotebookClient

    memory = bytearray(f"{KEY}-IN-MEMORY".encode() * 1000)
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(ROOM / "grades.socket"))
    door.listen()
    # The two cells that read Emma are left out: they take longer than all others.
    notebook = nbformat.read("submission.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id not in ("emma", "neighbours")]
    for points, source in HIDDEN_CELLS:
        if points:
            source += f"\nscore += {points}"
        cell = nbformat.v4.new_code_cell(source, metadata={"points": points})
        notebook.cells.append(cell)
    last = 'print(json.dumps({"score": score}))'
    notebook.cells.append(nbformat.v4.new_code_cell(last))
    client = NotebookClient(
        notebook, timeout=None, allow_errors=True, kernel_name="python3", iopub_timeout=10
    )
    client.execute(cwd=str(ROOM))
    points = 0
    for cell in notebook.cells:
        if "points" in cell.metadata:
            kinds = [output.output_type for output in cell.outputs]
            points += 0 if "error" in kinds else int(cell.metadata.points)
    said = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    scores = re.findall(r'\{\\"score\\": ([0-9.]+)\}', said)
    with contextlib.suppress(FileNotFoundError, EOFError, AttributeError, ImportError):
        pickle.loads((ROOM / "results.pkl").read_bytes())
    printed = float(scores[-1]) if scores else None
    result = {"points": points, "printed": printed, "said": said}
    Path("result.json").write_text(json.dumps(result), encoding="utf-8")
    assert memory


if __name__ == "__main__":
    {"watch": _watch, "grade": _grade}[sys.argv[1]]()
