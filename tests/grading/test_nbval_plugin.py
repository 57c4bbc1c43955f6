"""nbval's traps: each test shows plain nbval in one of them, and then our plugin beside it."""

from __future__ import annotations

import contextlib
import copy
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kernels need POSIX sessions")

PLAIN_NBVAL = ["--nbval"]
OURS = ["-p", "lmlib.grading.nbval_plugin", "--nbval"]
LAX = ["-p", "lmlib.grading.nbval_plugin", "--nbval-lax"]

#: Every process of a run carries this in its environment.
RUN = "LMLIB_TEST_RUN"


#: A picture of one pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def cell(source: str, *outputs: Any, run: bool = True, tags: tuple[str, ...] = ()) -> Any:
    made = new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})
    made.execution_count = 1 if run else None
    return made


def said(text: str) -> Any:
    return new_output("stream", name="stdout", text=text)


def result(text: str) -> Any:
    return new_output("execute_result", data={"text/plain": text}, execution_count=1)


def display(**data: str) -> Any:
    return new_output("display_data", data=data)


def widget() -> Any:
    view: Any = {
        "text/plain": "another version's words",
        "application/vnd.jupyter.widget-view+json": {},
    }
    return new_output("display_data", data=view)


class Verdict(NamedTuple):
    """What pytest's report says of a cell: passed, failed, skipped or xfailed, why, how long."""

    status: str
    text: str
    seconds: float


@dataclass
class Run:
    """What a run of pytest came to: ``left`` counts the processes that outlived it."""

    status: int | None
    peak_mb: float = 0
    left: int = 0
    cells: dict[str, list[Verdict]] = field(default_factory=dict)


# Linux counts in ru_maxrss what the process was before it became this one; VmHWM begins anew.
COUNTED = """
import re, resource, sys
from pathlib import Path
import pytest
status = pytest.main(sys.argv[1:])
if sys.platform == "linux":
    peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print("PEAK", peak)
sys.exit(status)
"""


def still_running(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(RUN) == str(folder):
                found.append(process)
    return found


def end(folder: Path) -> None:
    for process in still_running(folder):
        with contextlib.suppress(psutil.Error):
            process.kill()


def start(folder: Path, *flags: str, seconds: float = 60) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", COUNTED, "-q", "-p", "no:cacheprovider", "--rootdir=."]
    command += ["--color=no", "--junitxml=report.xml", f"--nbval-cell-timeout={seconds}"]
    return subprocess.Popen(
        [*command, *flags, "."],
        cwd=folder,
        env=os.environ | {RUN: str(folder), "PYTEST_ADDOPTS": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(folder: Path, process: subprocess.Popen[str]) -> Run:
    try:
        output, _ = process.communicate(timeout=120)
        done = Run(process.returncode, left=len(still_running(folder)))
    finally:
        end(folder)
        process.communicate()
    for line in output.splitlines():
        if line.startswith("PEAK"):
            done.peak_mb = float(line.split()[1])
    if not (folder / "report.xml").exists():
        return done
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        status, text = "passed", ""
        for child in case:
            text = f"{child.get('message')}\n{child.text}"
            status = {"failure": "failed", "error": "error", "skipped": "skipped"}[child.tag]
            status = "xfailed" if child.get("type") == "pytest.xfail" else status
        notebook = str(case.get("classname")).split(".")[0]
        verdict = Verdict(status, text, float(str(case.get("time"))))
        done.cells.setdefault(notebook, []).append(verdict)
    return done


def write(folder: Path, notebooks: dict[str, list[Any]]) -> Path:
    folder.mkdir()
    for name, cells in notebooks.items():
        kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new_notebook(metadata={"kernelspec": kernelspec})
        for number, made in enumerate(cells):
            notebook.cells.append(copy.deepcopy(made))
            notebook.cells[-1].id = f"cell-{number}"
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


HANG = """import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    print('still here', flush=True)
    time.sleep(0.05)"""

# Two children: one in a session of its own, one whose parent has ended too.
CHILDREN = """import subprocess, sys
pause = [sys.executable, "-c", "import time; time.sleep(120)"]
subprocess.Popen(pause, start_new_session=True)
again = f"import subprocess; subprocess.Popen({pause!r}, start_new_session=True)"
subprocess.run([sys.executable, "-c", again])
None"""

INTERACT = """from ipywidgets import interact
def show(x):
    print("x is", x)
interact(show, x=(0, 3));"""

# Cells that plain nbval judges wrongly without harm to anything, and what each should be.
QUIET = {
    "suppressed": (cell("1 + 1;"), "passed"),
    "cleared": (cell("print('never looked at')", run=False), "failed"),
    "cleared and silent": (cell("x = 1", run=False), "passed"),
    "from the system": (
        cell("import os, time\nx = os.system('echo hello')\ntime.sleep(0.5)", said("hello\n")),
        "passed",
    ),
    "address": (cell("object()", result("<object at 0x7f1234567890>")), "passed"),
    "clear_output": (
        cell(
            "from IPython.display import clear_output\n"
            "print('first')\nclear_output()\nprint('second')\nclear_output(wait=True)\n"
            "print('third')\nclear_output(wait=True)",
            said("third\n"),
        ),
        "passed",
    ),
    "update_display": (
        cell(
            "from IPython.display import display\nshown = display('first', display_id=True)\n"
            "shown.update('second')",
            display(**{"text/plain": "'second'"}),
        ),
        "passed",
    ),
    "interact": (cell(INTERACT, widget()), "passed"),
    "Output": (
        cell(
            "from ipywidgets import Output\nkept = Output()\nwith kept:\n    print('inside')\n"
            "print('outside')",
            said("outside\n"),
        ),
        "passed",
    ),
    "last digit": (cell("print(0.1 + 0.2, 3)", said("0.3 3\n")), "passed"),
}

# Cells that both should judge alike.
PLAIN = {
    "right": (cell("print('right')", said("right\n")), "passed"),
    "wrong": (cell("print('wrong')", said("right\n")), "failed"),
    "another number": (cell("print(0.30000001)", said("0.3\n")), "failed"),
    "another integer": (cell("print(1000000000001)", said("1000000000000\n")), "failed"),
    "a number elsewhere": (cell("print('# 1.0 2.0')", said("1.0 # 2.0\n")), "failed"),
    "a missing number": (cell("print('0.5')", said("0.5 0.5\n")), "failed"),
    "no widget": (cell("x = 1", widget()), "failed"),
    "no picture": (cell("x = 1", display(**{"image/png": PIXEL})), "failed"),
    "another picture": (
        cell(
            "from IPython.display import Image, display\nfrom base64 import b64decode\n"
            f"display(Image(b64decode({PIXEL!r}) + b' '))",
            display(**{"image/png": PIXEL, "text/plain": "<IPython.core.display.Image object>"}),
        ),
        "passed",
    ),
    "raises": (cell("1 / 0"), "failed"),
    "raises in a widget": (cell(INTERACT.replace("print(", "1 / 0, print("), widget()), "failed"),
    "may raise": (
        cell(
            "1 / 0",
            new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[]),
            tags=("raises-exception",),
        ),
        "passed",
    ),
    "asks": (cell("input('name? ')"), "failed"),
    "skipped": (cell("# NBVAL_SKIP\nprint('wrong')", said("right\n")), "skipped"),
}

AFTER = cell("print('wrong')", said("right\n"))

JUDGED = [*(made for made, _ in QUIET.values()), *(made for made, _ in PLAIN.values())]
SLOW = [cell("import time\ntime.sleep(60)"), AFTER]
HANGS = [cell(HANG), AFTER]
KILLS = [cell("import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(2)"), AFTER]
DEATHS = {
    "exits": [cell("import os\nos._exit(0)"), AFTER],
    "segfaults": [cell("import ctypes\nctypes.string_at(0)"), AFTER],
}
SENDS = """from IPython import get_ipython
kernel = get_ipython().kernel
kernel.send_response(kernel.iopub_socket, {kind!r}, {content!r})
import time
time.sleep(0.5)
print('wrong')"""
# Cells that send messages of their own making: the end of themselves, and what makes no sense.
SENT = [
    cell(SENDS.format(kind="status", content={"execution_state": "idle"}), said("right\n")),
    cell(SENDS.format(kind="stream", content={}), said("wrong\n")),
    cell(SENDS.format(kind="clear_output", content={}), said("wrong\n")),
    cell("print('right')", said("right\n")),
]
FLOODS = {
    "floods": [cell("print('x' * 100_000_000)\nimport time\ntime.sleep(1)"), AFTER],
    "floods in pieces": [cell("while True:\n    print('x' * 100_000, flush=True)"), AFTER],
}
BOTH = {"judged": JUDGED, "children": [cell(CHILDREN)]}

# The runs: their notebooks, whether with our plugin, and the seconds that a cell has.
RUNS: dict[str, tuple[dict[str, list[Any]], list[str], float]] = {
    "plain": (BOTH, PLAIN_NBVAL, 60),
    "ours": (BOTH | DEATHS | FLOODS | {"kills": KILLS, "sent": SENT}, OURS, 60),
    "lax": ({"judged": JUDGED}, LAX, 60),
    "plain, slow": ({"slow": SLOW} | DEATHS, PLAIN_NBVAL, 1),
    "ours, slow": ({"slow": SLOW, "hangs": HANGS}, OURS, 1),
    "plain, killed": ({"kills": KILLS}, PLAIN_NBVAL, 60),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """All of them, some at a time; beside them, as long as they take, plain nbval on a hang."""
    folder = tmp_path_factory.mktemp("traps")

    def run(name: str) -> Run:
        notebooks, flags, seconds = RUNS[name]
        place = write(folder / name, notebooks)
        return finish(place, start(place, *flags, seconds=seconds))

    hanging = write(folder / "plain, hanging", {"hangs": HANGS})
    process = start(hanging, *PLAIN_NBVAL, seconds=1)
    try:
        with ThreadPoolExecutor(max_workers=3) as pool:
            done = dict(zip(RUNS, pool.map(run, RUNS), strict=True))
        done["plain, hanging"] = Run(process.poll())
        return done
    finally:
        end(hanging)
        process.communicate()


def verdict(run: Run, name: str) -> Verdict:
    return run.cells["judged"][[*QUIET, *PLAIN].index(name)]


@pytest.mark.parametrize("name", QUIET)
def test_what_plain_nbval_judges_wrongly_is_judged_rightly(runs: dict[str, Run], name: str) -> None:
    right = QUIET[name][1]
    if name != "cleared and silent":
        assert verdict(runs["plain"], name).status != right
    assert verdict(runs["ours"], name).status == right, verdict(runs["ours"], name).text


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_right_stays_right_and_what_is_wrong_wrong(runs: dict[str, Run], name: str) -> None:
    assert verdict(runs["ours"], name).status == PLAIN[name][1], verdict(runs["ours"], name).text


def test_lax_compares_nothing_and_sees_errors(runs: dict[str, Run]) -> None:
    seen = {name: verdict(runs["lax"], name).status for name in [*QUIET, *PLAIN]}
    failed = {name for name, status in seen.items() if status == "failed"}
    assert failed == {"raises", "raises in a widget", "asks"}
    assert [name for name, status in seen.items() if status == "skipped"] == ["skipped"]


def test_after_a_timeout_nothing_counts_as_expected(runs: dict[str, Run]) -> None:
    plain = runs["plain, slow"].cells["slow"]
    assert [one.status for one in plain] == ["failed", "xfailed"]
    first, second = runs["ours, slow"].cells["slow"]
    assert (first.status, second.status) == ("failed", "failed")
    assert "It took longer than 1 seconds" in first.text
    assert "Not run: Cell 0 ended the kernel" in second.text


def test_a_cell_that_prints_and_cannot_be_interrupted_is_ended(runs: dict[str, Run]) -> None:
    assert runs["plain, hanging"].status is None  # still running when all others have ended
    first, second = runs["ours, slow"].cells["hangs"]
    assert "It took longer than 1 seconds" in first.text
    assert first.seconds < 30  # by itself it would go on for ever
    assert "Not run" in second.text


@pytest.mark.parametrize(
    ("trap", "words"), [("exits", "ended with status 0"), ("segfaults", "SIGSEGV")]
)
def test_a_death_is_noticed_at_once(runs: dict[str, Run], trap: str, words: str) -> None:
    # plain nbval waits for the cell's time to be over: here a second, by itself 2000
    assert "Timeout of 1 seconds" in runs["plain, slow"].cells[trap][0].text
    first, second = runs["ours"].cells[trap]
    assert words in first.text
    assert first.seconds < 30
    assert "Not run" in second.text


def test_what_a_cell_sends_by_itself_neither_ends_nor_breaks_the_check(
    runs: dict[str, Run],
) -> None:
    idle, *without_sense, after = runs["ours"].cells["sent"]
    assert "something else than the notebook stores" in idle.text
    for one in without_sense:
        assert "The kernel sent a message that cannot be read." in one.text
    assert after.status == "passed", after.text


@pytest.mark.parametrize("trap", FLOODS)
def test_a_flood_is_cut_and_fills_no_memory(runs: dict[str, Run], trap: str) -> None:
    # Plain nbval keeps all of it, 3.1 GB for these 100 MB: too much to show here.
    first, second = runs["ours"].cells[trap]
    assert "It put out more than 10 MB" in first.text
    assert "Not run" in second.text
    assert 0 < runs["ours"].peak_mb < 250


def test_no_process_of_a_notebook_outlives_it(runs: dict[str, Run]) -> None:
    assert runs["plain"].left >= 2
    assert runs["ours"].cells["children"][0].status == "passed"
    assert [name for name, run in runs.items() if run.left and name.startswith("ours")] == []


def test_code_that_kills_its_parent_does_not_kill_pytest(runs: dict[str, Run]) -> None:
    assert runs["plain, killed"].status == -9
    assert runs["ours"].status == 1
    first, second = runs["ours"].cells["kills"]
    assert "The kernel died: SIGKILL" in first.text
    assert "Not run" in second.text


def test_a_notebook_has_its_own_time_and_its_marks_can_be_ignored(tmp_path: Path) -> None:
    skipped = cell("# NBVAL_SKIP\nprint('wrong')", said("right\n"))
    ignored = cell("print('wrong')", said("right\n"), tags=("nbval-ignore-output",))
    place = write(tmp_path / "ours", {"notebook": [skipped, ignored, *SLOW]})
    (place / "conftest.py").write_text(
        "from lmlib.grading.nbval_plugin import NotebookFile\n"
        "NotebookFile.seconds = 4\nNotebookFile.obeys_marks = False\n"
    )
    cells = finish(place, start(place, *OURS)).cells["notebook"]
    assert "something else than the notebook stores" in cells[0].text
    assert "something else than the notebook stores" in cells[1].text
    assert "It took longer" in cells[2].text
    assert cells[2].seconds < 30
    assert "Not run" in cells[3].text


def test_a_killed_pytest_leaves_no_kernel_behind(tmp_path: Path) -> None:
    place = write(tmp_path / "ours", {"hangs": [cell(f"open('begun', 'w').close()\n{HANG}")]})
    process = start(place, *OURS)
    try:
        deadline = time.monotonic() + 30
        while not (place / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(still_running(place)) >= 3  # pytest, the guard, the kernel
        process.kill()
        while still_running(place) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not still_running(place)
    finally:
        end(place)
        process.communicate()
