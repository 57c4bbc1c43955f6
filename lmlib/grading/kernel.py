"""A Jupyter kernel that cannot hang, flood or kill the process that asks it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import zmq
from jupyter_client.session import Session

from lmlib.translation import gettext as _

#: How long we wait, at most, before we look whether the kernel still lives.
POLL_MILLISECONDS = 200

#: The environment of every process that belongs to a kernel says to which, under this name.
MARK = "LMLIB_KERNEL"

_PARTS = ("header", "parent_header", "metadata", "content")
_GUARD = Path(__file__).with_name("guard.py")


class KernelEnded(Exception):
    """The kernel died, or was ended because it broke a limit; the message says which."""


class Kernel:
    """A kernel of this Python in a folder, and how to ask it.

    It runs in a session of its own, behind a guard (`lmlib.grading.guard`), with its sockets in a
    private folder. Only the source of a cell is sent to it.

    Parameters
    ----------
    cwd : Path
        The kernel's working folder.
    output_bytes : int
        How much it may send for one request. A single message larger than that is not even read.
    startup_seconds : float
        How long it may take to answer for the first time.

    Raises
    ------
    KernelEnded
        If it does not start.
    """

    def __init__(
        self, cwd: Path, *, output_bytes: int = 10_000_000, startup_seconds: float = 60
    ) -> None:
        self.output_bytes = output_bytes
        self._temporary = TemporaryDirectory(prefix="lmlib-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        key = secrets.token_hex(16)
        names = ["shell_port", "iopub_port", "stdin_port", "hb_port", "control_port"]
        connection = {"transport": "ipc", "ip": str(self.folder / "kernel"), "key": key}
        connection |= {"signature_scheme": "hmac-sha256"}
        connection_file = self.folder / "connection.json"
        connection_file.write_text(
            json.dumps(connection | {name: i for i, name in enumerate(names, 1)}), encoding="utf-8"
        )
        self._session = Session(key=key.encode())
        self._inspected = time.monotonic()
        self._context = zmq.Context()
        self._shell = self._connect(zmq.DEALER, 1)
        self._iopub = self._connect(zmq.SUB, 2)
        # A message over the limit costs the connection; that alone tells us of it.
        self._monitor = self._iopub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._poller = zmq.Poller()
        for socket in (self._shell, self._iopub, self._monitor):
            self._poller.register(socket, zmq.POLLIN)
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD), *self.command(connection_file)],
            cwd=cwd,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._wait_until_ready(time.monotonic() + startup_seconds)
        except BaseException:
            self.stop()
            raise

    def command(self, connection_file: Path) -> list[str]:
        """What starts the kernel."""
        # The history in memory: nothing is written into the user's own.
        memory = "--HistoryManager.hist_file=:memory:"
        launcher = [sys.executable, "-m", "ipykernel_launcher"]
        return [*launcher, "-f", str(connection_file), memory]

    def environment(self) -> dict[str, str]:
        """The kernel's environment: ours without what would tell it of pytest, in English."""
        hidden = {"JPY_PARENT_PID", "PYTEST_CURRENT_TEST"}
        ours = {name: value for name, value in os.environ.items() if name not in hidden}
        ours |= {MARK: str(self.folder), "IPYTHONDIR": str(self.folder / "ipython")}
        return ours | {"LANGUAGE": "en"}  # the stored outputs are (lmlib.grading.notebooks)

    def messages(self, code: str, seconds: float) -> Iterator[dict[str, Any]]:
        """Run code, and give what the kernel publishes of it, until it is idle again.

        Raises
        ------
        KernelEnded
            If the kernel died, or broke a limit: then it has been stopped.
        """
        try:
            yield from self._ask(code, seconds)
        except KernelEnded:
            self.stop()
            raise

    def stop(self) -> None:
        """End the kernel and every process that it started; a second call does nothing."""
        if self._context.closed:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._guard.pid, signal.SIGKILL)
        self._guard.wait()
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        deadline = time.monotonic() + 5
        while (left := self._processes()) and time.monotonic() < deadline:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=1)
        self._iopub.disable_monitor()
        self._context.destroy(linger=0)
        self._temporary.cleanup()

    @property
    def pid(self) -> int:
        """The process that everything of this kernel descends from."""
        return self._guard.pid

    def inspect(self) -> None:
        """Look whether the kernel keeps to its limits; called again and again while it works.

        Raises
        ------
        KernelEnded
            If it does not.
        """

    def _processes(self) -> list[psutil.Process]:
        """What still runs with this kernel's mark, in whatever session or group."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == str(self.folder):
                    found.append(process)
        return found

    def _connect(self, kind: int, number: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.MAXMSGSIZE, self.output_bytes)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(f"ipc://{self.folder}/kernel-{number}")
        return socket

    def _wait_until_ready(self, deadline: float) -> None:
        """Ask until both sockets have answered: the second one loses what comes too early."""
        answered: set[int] = set()
        self._received = 0
        slow = _("The kernel did not start in time.")
        self._session.send(self._shell, "kernel_info_request", {})
        while len(answered) < 2:
            arrived = self._next(deadline, slow)
            if arrived is not None:
                answered.add(id(arrived[0]))
            if arrived is None or (arrived[0] is self._shell and len(answered) < 2):
                self._session.send(self._shell, "kernel_info_request", {})

    def _ask(self, code: str, seconds: float) -> Iterator[dict[str, Any]]:
        deadline = time.monotonic() + seconds
        slow = _("It took longer than {seconds:.3g} seconds, and was ended.").format(
            seconds=seconds
        )
        self._received = 0
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": False}
        request = self._session.msg("execute_request", content)
        self._session.send(self._shell, request)
        replied = idle = False  # a cell can say by itself that it is idle: both are waited for
        while not (replied and idle):
            arrived = self._next(deadline, slow)
            if arrived is None:
                continue
            socket, message = arrived
            if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
                continue
            if socket is self._shell:
                replied = True
                # The rest should be here at once. What was lost on the way we do not wait for.
                deadline = min(deadline, time.monotonic() + 10)
                slow = _("Part of what it put out was lost on the way.")
            elif message["content"].get("execution_state") == "idle":
                idle = True
            else:
                yield message
        self._check_that_it_lives()

    def _next(self, deadline: float, slow: str) -> tuple[zmq.Socket[bytes], dict[str, Any]] | None:
        """The next message, and where it came from; None when there was none for a moment."""
        now = time.monotonic()
        if now > deadline:
            raise KernelEnded(slow)
        if now > self._inspected + POLL_MILLISECONDS / 1000:  # one that talks all the time too
            self._inspected = now
            self.inspect()
        ready = dict(self._poller.poll(POLL_MILLISECONDS))
        if self._monitor in ready:
            self._monitor.recv_multipart()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._guard.wait(timeout=1)
            if self._guard.returncode is None:
                raise KernelEnded(self._too_much())
        for socket in (self._iopub, self._shell):
            if socket in ready:
                return socket, self._receive(socket)
        self._check_that_it_lives()
        return None

    def _check_that_it_lives(self) -> None:
        if (status := self._guard.poll()) is not None:
            raise KernelEnded(_how_it_died(status))

    def _receive(self, socket: zmq.Socket[bytes]) -> dict[str, Any]:
        frames = socket.recv_multipart()
        self._received += sum(map(len, frames))
        if self._received > self.output_bytes:
            raise KernelEnded(self._too_much())
        try:
            message = self._session.deserialize(self._session.feed_identities(frames)[1])
            readable = all(type(message[part]) is dict for part in _PARTS)
            readable = readable and type(message["msg_type"]) is str
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            readable = False
        if not readable:
            raise KernelEnded(_("The kernel sent a message that cannot be read."))
        return message

    def _too_much(self) -> str:
        return _("It put out more than {megabytes:.3g} MB, and was ended.").format(
            megabytes=self.output_bytes / 1e6
        )


def _how_it_died(status: int) -> str:
    """Put a guard's exit status, 128 and more for a signal, in a sentence."""
    number = abs(status) if status < 0 else status - 128
    if number in {entry.value for entry in signal.Signals}:
        return _("The kernel died: {signal}.").format(signal=signal.Signals(number).name)
    return _("The kernel died: it ended with status {status}.").format(status=status)
