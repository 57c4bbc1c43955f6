"""What stands between a student's code and this machine: Bubblewrap, a container, or nothing.

A sandbox changes the command that starts a kernel. Inside there is a Python with its packages, a
*room* that holds the few files of lmlib a notebook needs, an empty folder in memory, and the folder
of the kernel's sockets; no network, none of this machine's other files and processes. The modules
that are the answers are not there.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from lmlib.errors import InputError
from lmlib.grading.judging import ALL_SECONDS, SECONDS
from lmlib.grading.kernel import MARK, Kernel, KernelEnded
from lmlib.translation import gettext as _

#: The files of lmlib that every room holds: what calls an answer and puts its value into JSON.
_ROOM = """
    __init__ errors translation grading/__init__ grading/calling grading/checking grading/judging
    grading/question grading/refusing grading/values
""".split()

#: Packages that answer questions of the book. They are emptied inside.
_ANSWERS = "lmlib torch tensorflow jax nltk kenlm sklearn sacrebleu transformers keras flax".split()

_SYSTEM = "/usr /lib /lib32 /lib64 /bin /sbin /etc/ld.so.cache /etc/alternatives /etc/localtime"


@dataclass(frozen=True)
class Limits:
    """What a student's code may use.

    Attributes
    ----------
    cell_seconds, call_seconds, seconds : float
        For a cell of the notebook, for all calls of one function, and for everything together.
    memory, all_memory : int
        Bytes of address space for one process, and of resident memory for all of them.
    processes : int
        Threads count too.
    file, disk : int
        Bytes in one file, and in the folder that it may write to.
    output : int
        Bytes that it may put out for one cell.
    """

    cell_seconds: float = 30.0
    call_seconds: float = ALL_SECONDS + SECONDS + 5
    seconds: float = 300.0
    memory: int = 2 << 30
    all_memory: int = 3 << 30
    processes: int = 64
    file: int = 32 << 20
    disk: int = 64 << 20
    output: int = 10_000_000

    def resources(self, processes_before: int = 0) -> dict[str, int]:
        """Give the limits that the operating system holds, by the names of module `resource`."""
        return {
            "RLIMIT_AS": self.memory,
            "RLIMIT_CORE": 0,
            "RLIMIT_CPU": int(self.seconds),
            "RLIMIT_FSIZE": self.file,
            "RLIMIT_NOFILE": 256,
            "RLIMIT_NPROC": self.processes + processes_before,
        }


def _free_user() -> int | None:
    """A number that is no user's, one for each process that grades; None where we are not root."""
    if os.getuid() != 0:
        return None
    return 1_000_000 + os.getpid() if _maps_all_users() else 20_000 + os.getpid() % 40_000


def _open_to_all() -> bool:
    """Whether every user can read this Python."""
    places = [path.resolve() for path in _python()] or [Path("/usr")]
    folders = {folder for path in places for folder in [path, *path.parents]}
    return all(folder.stat().st_mode & 0o001 for folder in folders)


def _maps_all_users() -> bool:
    try:
        ranges = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    except OSError:
        return False
    return len(ranges) == 3 and int(ranges[2]) > 100_000_000


@dataclass(frozen=True)
class Bubblewrap:
    """Linux namespaces, by ``bwrap`` (Debian: ``bubblewrap``), as root or as an ordinary user.

    As root, the kernel runs under a number that no user has, so that its processes can be counted.
    """

    name: str = "bubblewrap"
    user: int | None = field(default_factory=_free_user)

    def command(self, inner: list[str], room: Path, sockets: Path, limits: Limits) -> list[str]:
        """Put the command that starts a kernel behind the wall."""
        command = ["bwrap", "--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid"]
        command += ["--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        if self.user is None:
            command += ["--unshare-user", "--disable-userns", "--cap-drop", "ALL"]
        else:
            command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        for name in _SYSTEM.split():
            command += _as_here(Path(name))
        command += ["--dev", "/dev", "--perms", "1777", "--size", str(1 << 20)]
        command += ["--tmpfs", "/dev/shm", "--remount-ro", "/dev", "--proc", "/proc"]
        command += ["--perms", "1777", "--size", str(limits.disk), "--tmpfs", "/tmp"]
        for folder in _folders_above([*_python(), sockets]):
            command += ["--perms", "0755", "--dir", str(folder)]
        for path in _python():
            command += ["--ro-bind", str(path), str(path)]
        for path in _answers_in(_site_folders()):
            if path.is_dir():
                command += ["--perms", "0555", "--size", "4096", "--tmpfs", str(path)]
            else:
                command += ["--ro-bind", "/dev/null", str(path)]
        command += ["--ro-bind", str(room), "/room", "--bind", str(sockets), str(sockets)]
        command += ["--remount-ro", "/", "--"]
        before = 0 if self.user is not None else _processes_of_this_user()
        said = _Said("/room", "/tmp", sockets, limits.resources(before), self.user)
        return [*command, *said.before(inner)]

    def lend(self, folder: Path) -> None:
        """Let the kernel make its sockets in a folder of ours."""
        if self.user is not None:
            os.chown(folder, self.user, self.user)

    def stop(self, sockets: Path) -> None:
        """Nothing is left when the command has ended."""


@dataclass(frozen=True)
class Container:
    """An empty container of Docker or Podman on Linux, into which this machine's Python is mounted.

    Nothing is downloaded: the image has no file in it.
    """

    name: str
    user: int | None = 65534

    def command(self, inner: list[str], room: Path, sockets: Path, limits: Limits) -> list[str]:
        """Put the command that starts a kernel into a container."""
        command = [self.name, "run", "--rm", "--name", sockets.name, "--network", "none"]
        command += ["--memory", str(limits.all_memory), "--pids-limit", str(limits.processes)]
        command += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        # Podman's own are what root may raise: not every root may.
        command += ["--ulimit", "nofile=256:256", "--ulimit", "nproc=16384:16384"]
        command += ["--user", f"{self.user}:{self.user}", "--workdir", "/tmp"]
        command += ["--tmpfs", f"/tmp:size={limits.disk},mode=1777", "--shm-size", "1m"]
        for path in [*map(Path, _SYSTEM.split()), *_python()]:
            if path.exists():
                command += ["--volume", f"{path.resolve()}:{path}:ro"]
        for path in _answers_in(_site_folders()):
            nothing = room / "empty" if path.is_dir() else "/dev/null"
            command += ["--volume", f"{nothing}:{path}:ro"]
        command += ["--volume", f"{room}:/room:ro", "--volume", f"{sockets}:{sockets}"]
        said = _Said("/room", "/tmp", sockets, limits.resources(1 << 16), None)
        return [*command, _EMPTY_IMAGE, *said.before(inner)]

    def lend(self, folder: Path) -> None:
        """Let the kernel make its sockets in a folder of ours."""
        folder.chmod(0o777)

    def stop(self, sockets: Path) -> None:
        """End the container, which outlives the command that started it."""
        subprocess.run([self.name, "kill", sockets.name], capture_output=True, check=False)


@dataclass(frozen=True)
class UnsafeLocal:
    """No wall: the code runs with limits on what it uses, and can read every file that we can.

    As root it runs as a user that nobody is, where such a user can read this Python.
    """

    name: str = "none"
    user: int | None = field(default_factory=lambda: _free_user() if _open_to_all() else None)

    def command(self, inner: list[str], room: Path, sockets: Path, limits: Limits) -> list[str]:
        """Put limits around the command that starts a kernel."""
        home = room.parent / "home"
        home.mkdir(exist_ok=True)
        self.lend(home)
        limited = limits.resources(0 if self.user else _processes_of_this_user())
        return _Said(str(room), str(home), sockets, limited, self.user).before(inner)

    def lend(self, folder: Path) -> None:
        """Let the kernel make its sockets in a folder of ours."""
        if self.user is not None:
            os.chown(folder, self.user, self.user)

    def stop(self, sockets: Path) -> None:
        """The kernel's own guard ends what it knows of."""


Sandbox = Bubblewrap | Container | UnsafeLocal

_EMPTY_IMAGE = "lmlib-empty"


def choose_sandbox(unsafe_local: bool = False) -> Sandbox:
    """Give the first sandbox that works here: Bubblewrap, Docker, Podman.

    Parameters
    ----------
    unsafe_local
        Take none, whatever there is.

    Raises
    ------
    InputError
        If none works; the message says what was tried.
    """
    if unsafe_local:
        return UnsafeLocal()
    tried = []
    why = _why_bubblewrap_fails()
    if not why:
        return Bubblewrap()
    tried.append(f"bwrap: {why}")
    for engine in ("docker", "podman"):
        why = _why_container_fails(engine)
        if not why:
            return Container(engine)
        tried.append(f"{engine}: {why}")
    raise InputError(
        _(
            "no sandbox works here ({tried}). Install bubblewrap (Debian, Ubuntu: apt install "
            "bubblewrap; where user namespaces are closed: sysctl "
            "kernel.apparmor_restrict_unprivileged_userns=0), or Docker or Podman on Linux. "
            "--unsafe-local runs the students' code without any, as you, with all your files."
        ).format(tried="; ".join(tried))
    )


def sandbox_named(name: str) -> Sandbox:
    """Give the sandbox that `choose_sandbox` chose, by its name, in another process."""
    if name == "bubblewrap":
        return Bubblewrap()
    return UnsafeLocal() if name == "none" else Container(name)


# ---------------------------------------------------------------- a kernel inside


class ConfinedKernel(Kernel):
    """A kernel in a sandbox.

    Parameters
    ----------
    sandbox : Sandbox
    room : Path
        As `furnish` made it.
    limits : Limits

    Raises
    ------
    KernelEnded
        If it does not start.
    """

    def __init__(self, sandbox: Sandbox, room: Path, limits: Limits) -> None:
        self._sandbox, self._room, self._limits = sandbox, room, limits
        super().__init__(Path("/"), output_bytes=limits.output)

    def command(self, connection_file: Path) -> list[str]:
        """What starts the kernel, inside."""
        os.chmod(connection_file, 0o644)
        self._sandbox.lend(self.folder)
        inner = super().command(connection_file)
        return self._sandbox.command(inner, self._room, self.folder, self._limits)

    def environment(self) -> dict[str, str]:
        """The environment of what starts the sandbox; inside there is another."""
        return {"PATH": os.environ.get("PATH", os.defpath), MARK: str(self.folder)}

    def inspect(self) -> None:
        """Look whether it keeps to what no limit of the operating system counts.

        Raises
        ------
        KernelEnded
            If all its processes together hold too much memory, or files lie among its sockets.
        """
        used = 0
        files: dict[tuple[int, int], int] = {}  # in memory, without a name
        with suppress(psutil.Error):
            for process in psutil.Process(self.pid).children(recursive=True):
                with suppress(psutil.Error):
                    used += process.memory_info().rss
                files |= _files_in_memory(process.pid)
        if used + sum(files.values()) > self._limits.all_memory:
            raise KernelEnded(_("It used more memory than it may."))
        with suppress(OSError), os.scandir(self.folder) as entries:
            for number, entry in enumerate(entries):
                found = entry.stat(follow_symlinks=False)
                ours = entry.name == "connection.json" and found.st_size <= 4096
                ours = ours and stat.S_ISREG(found.st_mode)
                if number > 8 or not (ours or stat.S_ISSOCK(found.st_mode)):
                    raise KernelEnded(_("It put files where only its sockets may lie."))

    def stop(self) -> None:
        """End it with everything that it started."""
        self._sandbox.stop(self.folder)
        super().stop()


def _files_in_memory(process: int) -> dict[tuple[int, int], int]:
    """Give the bytes of the files that a process made with ``memfd_create``, each file once."""
    found = {}
    with suppress(OSError), os.scandir(f"/proc/{process}/fd") as entries:
        for entry in entries:
            with suppress(OSError):
                if os.readlink(entry.path).startswith("/memfd:"):
                    about = os.stat(entry.path)
                    found[about.st_dev, about.st_ino] = 512 * about.st_blocks
    return found


def furnish(room: Path, imports: Iterable[str] = ()) -> Path:
    """Copy into a new folder the part of lmlib that an answer may see.

    Parameters
    ----------
    imports
        What questions allow to be imported; of ``lmlib.text`` the room is copied, and the rooms
        that it needs.

    Returns
    -------
    Path
        The folder.
    """
    source = Path(__file__).parents[1]
    files = {source / f"{name}.py" for name in _ROOM}
    wanted = [name.split(".")[1] for name in imports if name.startswith("lmlib.")]
    while wanted:
        name = wanted.pop()
        place = source / name
        new = set(place.rglob("*.py")) if place.is_dir() else {place.with_suffix(".py")}
        for file in new - files:
            wanted += _rooms_imported(file)
        files |= new
    for file in files:
        target = room / "lmlib" / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    shutil.copyfile(Path(__file__).with_name("confine.py"), room / "confine.py")
    locales = source / "locale"
    if locales.is_dir():
        shutil.copytree(locales, room / "lmlib" / "locale")
    (room / "empty").mkdir()  # to hide what lies where it is mounted
    for path in [room, *room.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return room


def _rooms_imported(file: Path) -> list[str]:
    from lmlib.grading.refusing import imports_in

    origins = imports_in(file.read_text(encoding="utf-8")).values()
    return [name.split(".")[1] for name in origins if name.startswith("lmlib.")]


# ---------------------------------------------------------------- the parts of a command


@dataclass(frozen=True)
class _Said:
    """What `lmlib.grading.confine` is told."""

    room: str
    folder: str
    sockets: Path
    limits: dict[str, int]
    user: int | None

    def before(self, inner: list[str]) -> list[str]:
        """Give the command that takes the limits and becomes another."""
        said = {
            "limits": self.limits,
            "user": self.user,
            "folder": self.folder,
            "environment": self._environment(),
        }
        return [sys.executable, "-I", "-S", f"{self.room}/confine.py", json.dumps(said), *inner]

    def _environment(self) -> dict[str, str]:
        """The environment of a kernel: nothing of ours but the language.

        Sets have the same order in every run, so that the same answer gives the same.
        """
        ours = ("LANGUAGE", "LC_ALL", "LANG")
        return {name: os.environ[name] for name in ours if name in os.environ} | {
            "HOME": self.folder,
            "IPYTHONDIR": f"{self.folder}/.ipython",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PATH": "/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": self.room,
            "PYTHONWARNINGS": "ignore",
            MARK: str(self.sockets),
        }


def _as_here(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", os.readlink(path), str(path)]
    return ["--ro-bind-try", str(path), str(path)]


def _python() -> Iterator[Path]:
    """Where this Python and its packages lie, outside of /usr."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    parts = ("bin", "lib", "lib64", "pyvenv.cfg")  # a prefix may be a checkout's own folder
    paths = {Path(prefix) / part for prefix in prefixes for part in parts} | set(_site_folders())
    paths |= {path.resolve() for path in paths}
    kept: list[Path] = [Path("/usr")]
    for path in sorted(path for path in paths if path.exists()):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    yield from kept[1:]


def _folders_above(paths: Iterable[Path]) -> list[Path]:
    """All folders on the way to these paths, the outer ones first."""
    return sorted({folder for path in paths for folder in list(path.parents)[:-1]})


def _site_folders() -> list[Path]:
    """Where installed packages lie; a checkout that is on the path is none."""
    named = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    on_path = {path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    found = {Path(path) for path in named | on_path if path}
    for prefix in {sys.prefix, sys.base_prefix, "/usr", "/usr/local"}:
        found |= set(Path(prefix).glob("lib*/python3*/*-packages"))
    return sorted(path for path in found if path.is_dir())


def _answers_in(folders: Collection[Path]) -> list[Path]:
    """What is to be emptied there."""
    found: set[Path] = set()
    for folder in {path.resolve() for path in folders} | set(folders):
        found |= {folder / name for name in _ANSWERS if (folder / name).is_dir()}
        for name in _ANSWERS:
            found |= set(folder.glob(f"{name}.*so")) | set(folder.glob(f"{name}.py"))
    return sorted(found)


def _processes_of_this_user() -> int:
    """How many threads this user has: the limit counts them too."""
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.uids().real == os.getuid():
                count += process.num_threads()
    return count


# ---------------------------------------------------------------- what works here


def _why_bubblewrap_fails() -> str:
    if shutil.which("bwrap") is None:
        return _("not installed")
    return _why_python_fails_in(Bubblewrap())


def _why_container_fails(engine: str) -> str:
    if shutil.which(engine) is None:
        return _("not installed")
    if platform.system() != "Linux":
        return _("works on Linux alone")
    empty = subprocess.run(["tar", "-cf", "-", "-T", "/dev/null"], capture_output=True, check=True)
    why = _failure([engine, "import", "-", _EMPTY_IMAGE], empty.stdout)
    return why or _why_python_fails_in(Container(engine))


def _why_python_fails_in(sandbox: Sandbox) -> str:
    sockets = Path("/tmp") / f"lmlib-{secrets.token_hex(6)}"
    sockets.mkdir(mode=0o700)
    try:
        room = furnish(sockets / "room")
        (sockets / "sockets").mkdir()
        inner = [sys.executable, "-I", "-c", ""]
        return _failure(sandbox.command(inner, room, sockets / "sockets", Limits()))
    finally:
        shutil.rmtree(sockets)


def _failure(command: list[str], given: bytes = b"") -> str:
    """Run a command; say why it failed, in its own words, or give an empty string."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
    return (said or _("it failed")) if done.returncode else ""
