"""What a kernel in the sandbox may use and see; and that it is ended when it takes more."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lmlib.grading.kernel import KernelEnded
from lmlib.grading.sandbox import (
    ConfinedKernel,
    Limits,
    Sandbox,
    _why_container_fails,
    furnish,
    sandbox_named,
)

MEGABYTE = 1 << 20
Starts = Callable[[Limits], ConfinedKernel]


@pytest.fixture(params=["bubblewrap", "podman", "docker"])
def sandbox(request: pytest.FixtureRequest, require_tool: Callable[[str, str], str]) -> Sandbox:
    """Each sandbox that works here; Bubblewrap has to."""
    if request.param == "bubblewrap":
        require_tool("bwrap", "the grader's sandbox")
    elif why := _why_container_fails(request.param):
        pytest.skip(f"{request.param}: {why}")
    return sandbox_named(request.param)


@pytest.fixture
def start(sandbox: Sandbox) -> Iterator[Starts]:
    """Start kernels in a room, and end them with the test."""
    kernels = []

    def start(limits: Limits) -> ConfinedKernel:
        kernels.append(ConfinedKernel(sandbox, room, limits))
        return kernels[-1]

    with TemporaryDirectory() as folder:  # pytest's own are closed to other users
        Path(folder).chmod(0o755)
        room = furnish(Path(folder) / "room")
        yield start
        for kernel in kernels:
            kernel.stop()


def printed(kernel: ConfinedKernel, code: str, seconds: float = 20) -> str:
    """Give what code prints, and the name of what it raises."""
    found = [message["content"] for message in kernel.messages(code, seconds)]
    return "".join(one.get("text", "") + one.get("ename", "") for one in found)


TAKES_300_MEGABYTES = {
    "one process": "held = bytearray(b'x') * (300 << 20)",
    "several processes": """\
for _ in range(3):
    children.append(os.fork())
    if children[-1] == 0:
        held = bytearray(b'x') * (100 << 20)
        time.sleep(30)
""",
    "files in memory that no process has mapped": """\
for _ in range(30):
    os.write(os.memfd_create('x'), b'x' * (10 << 20))
""",
}


@pytest.mark.parametrize("how", TAKES_300_MEGABYTES)
def test_memory_is_counted_however_it_is_held(start: Starts, how: str) -> None:
    """The kernel is ended, or, by a container's own limit, one of its processes."""
    kernel = start(replace(Limits(), all_memory=280 * MEGABYTE))
    code = f"import os, time\nchildren = []\n{TAKES_300_MEGABYTES[how]}\ntime.sleep(10)\n"
    code += "print('dead' if any(os.waitpid(one, os.WNOHANG)[0] for one in children) else 'held')"
    try:
        assert printed(kernel, code) == "dead\n"
    except KernelEnded as ended:
        assert re.search("more memory than it may|The kernel died", str(ended))


def test_two_hundred_of_those_megabytes_are_not_too_many(start: Starts) -> None:
    kernel = start(replace(Limits(), all_memory=480 * MEGABYTE))
    code = "import os, time\nos.write(os.memfd_create('x'), bytes(200 << 20))\ntime.sleep(1)"
    assert printed(kernel, f"{code}\nprint('went on')") == "went on\n"


@pytest.mark.parametrize("made", ["open({0!r}, 'w').close()", "import os; os.mkdir({0!r})"])
def test_nothing_lies_among_the_sockets(start: Starts, made: str) -> None:
    kernel = start(Limits())
    code = made.format(f"{kernel.folder}/mine")
    with pytest.raises(KernelEnded, match="only its sockets"):
        printed(kernel, f"{code}\nimport time; time.sleep(10)")


def test_nobody_becomes_root_of_a_namespace(start: Starts) -> None:
    alone = "import ctypes; print(ctypes.CDLL(None).unshare(0x10000000))"  # threads may not
    words = f"[sys.executable, '-c', {alone!r}]"
    code = f"import subprocess, sys\nprint(subprocess.check_output({words}, text=True))"
    assert printed(start(Limits()), code).strip() == "-1"


ANSWERS = ["lmlib import ngram", "lmlib import recurrent", "torch import nn", "kenlm import Model"]


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_answers_are_not_there(start: Starts, answer: str) -> None:
    assert printed(start(Limits()), f"from {answer}") in ("ImportError", "ModuleNotFoundError")
    importlib.import_module("lmlib.ngram")  # here they are
    importlib.import_module("lmlib.recurrent")


def test_there_is_no_network_and_none_of_our_files(start: Starts) -> None:
    kernel = start(Limits())
    connects = "import socket\nsocket.create_connection(('1.1.1.1', 53), 3)"
    assert printed(kernel, connects) in ("OSError", "TimeoutError")
    for path in (__file__, str(Path.home() / ".bashrc"), "/var/log/dpkg.log"):
        assert printed(kernel, f"open({path!r})") in ("FileNotFoundError", "PermissionError")
