"""Find who handed in what, in the folder or the zip that a teacher has.

Nothing is unpacked: names serve as labels only, so none of them can lead anywhere. What cannot be
had (a link, a file that is too large, an encrypted zip) is a submission with a problem, said in
one sentence, and stops nobody else's.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
import zoneinfo
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from lmlib.errors import InputError
from lmlib.grading.intake import LARGEST_FILE, too_large
from lmlib.translation import gettext as _

#: How large the list of files in a zip may be, in bytes, and how many files a student may hand in.
LARGEST_DIRECTORY = 4 * 2**20
MOST_FILES = 1000

_DEEPEST = 12  # folders in folders
_LONGEST = 100  # characters of a name that are kept
_JUNK = frozenset("__macosx timestamp.txt desktop.ini thumbs.db".split())
_TEACHERS = (".csv", ".tsv", ".xlsx", ".ods", ".db", ".log", ".md")  # beside the submissions

_CANVAS = re.compile(
    r"(?P<student>.+?)(?P<late>_LATE)?_(?P<identity>\d+)_\d+_(?P<name>.+)", re.IGNORECASE
)
_MOODLE = re.compile(r"(?P<student>.+)_(?P<identity>\d+)_assignsubmission_[a-z]+_?(?P<name>.*)")
_VERSION = re.compile(r"(?: ?\((\d{1,3})\)|-(\d{1,2}))$")

#: What reading a damaged file or zip may raise.
_READING = (
    OSError,
    RuntimeError,
    ValueError,
    ArithmeticError,
    LookupError,
    EOFError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Place:
    """Where a file lies: on disk, or in a zip on disk, or in a zip in that zip.

    Attributes
    ----------
    path : Path
        The file on disk.
    members : tuple of int
        Which entry of the zip that this is, and so on inwards. Names may repeat, numbers do not.
    """

    path: Path
    members: tuple[int, ...] = ()

    def read(self) -> bytes:
        """Read the file, at most `LARGEST_FILE` bytes, whatever it says of its size.

        Raises
        ------
        InputError
            If it is larger, or cannot be read.
        """
        try:
            with contextlib.ExitStack() as stack:
                file = stack.enter_context(_opened(self.path))
                for depth, number in enumerate(self.members):
                    if depth:
                        file = io.BytesIO(_limited(file))
                    archive = stack.enter_context(_archive(file))
                    info = archive.infolist()[number]
                    if problem := _problem_of_entry(info):
                        raise InputError(problem)
                    file = cast(BinaryIO, stack.enter_context(archive.open(info)))
                return _limited(file)
        except InputError:
            raise
        except _READING:
            raise InputError(_unreadable()) from None


@dataclass(frozen=True)
class Submission:
    """One file that somebody handed in. Its content stays where it is until it is read.

    Attributes
    ----------
    student : str
        As the teacher's system names them, without characters that no name has; never empty, and
        of two students never the same.
    identity : str
        Their number in that system (Canvas, Moodle); empty where it is unknown.
    name : str
        The file's name as handed in, for people.
    place : Place
        Where it lies.
    problem : str
        Why it cannot be had, one sentence; empty where nothing is known to be wrong.
    late : bool
        Whether the system's name for it says so.
    when : float or None
        The time of handing in, in seconds since 1970, where a ``timestamp.txt`` says it. The time
        of the file itself is not used: it is that of some download.
    version : int
        Counts from 1: 2 for ``-1`` and ``(1)`` at the end of the name, and so on.
    """

    student: str
    identity: str
    name: str
    place: Place
    problem: str = ""
    late: bool = False
    when: float | None = None
    version: int = 1

    def read(self) -> bytes:
        """Read the file.

        Raises
        ------
        InputError
            If it cannot be had, with the `problem` or with one that is noticed only now.
        """
        if self.problem:
            raise InputError(self.problem)
        return self.place.read()


def counted(submissions: Iterable[Submission]) -> dict[str, list[Submission]]:
    """Give each student's submissions, in the order of `collect`; the last is the one that counts.

    That is the one of the highest version, then of the latest time, then the last by name.
    """
    students: dict[str, list[Submission]] = {}
    for submission in submissions:
        students.setdefault(submission.student, []).append(submission)
    return students


def collect(path: Path, exercise: str) -> list[Submission]:
    """Find the submissions in a folder or a zip.

    Understood are a folder of notebooks (the student is what the name says beside the exercise), a
    folder of folders (the student is the folder), nbgrader's ``submitted``, what Canvas and Moodle
    let one download, all of them as folder or zip, and a zip in the place of a student's files.

    Of one student only what looks best is kept: notebooks before other files, such as can be had
    before others, such as bear the exercise's name before others.

    Parameters
    ----------
    path : Path
    exercise : str
        The exercise's name: ``03-ngrams``.

    Returns
    -------
    list of Submission
        By student, then by version, time and name. Empty where there is none.

    Raises
    ------
    InputError
        If ``path`` is neither a folder nor a zip nor a notebook, or cannot be opened.
    """
    entries = _unwrapped(_entries(Path(os.path.realpath(path))), exercise)
    handed_in: dict[_Owner, list[Submission]] = {}
    times: dict[_Owner, float | None] = {}
    for owner, entry in _with_owners(entries, exercise):
        files = handed_in.setdefault(owner, [])
        if entry.parts[-1] == "timestamp.txt":
            times[owner] = _time(entry)
            continue
        for inner in _unzipped(entry):
            files.append(_submission(owner, inner, exercise))
    labels = _labels([owner for owner, files in handed_in.items() if files])
    found = [
        replace(submission, student=label, when=times.get(owner))
        for owner, label in labels.items()
        for submission in _best(handed_in[owner], exercise)
    ]
    return sorted(found, key=lambda one: (one.student.casefold(), one.student, *_order(one)))


def _order(one: Submission) -> tuple[Any, ...]:
    return one.version, one.when or 0.0, one.name, one.place.members


# ---------------------------------------------------------------- whose is it


@dataclass(frozen=True)
class _Entry:
    """A file, by the folders that it lies in and its name."""

    parts: tuple[str, ...]
    place: Place
    problem: str = ""


@dataclass(frozen=True)
class _Owner:
    student: str
    identity: str = ""
    late: bool = field(default=False, compare=False)
    file: str = field(default="", compare=False)  # as Canvas calls it, and knows it again


def _plain(name: str) -> str:
    """Give a name as it is compared: without case, separators and forms of the same letter."""
    return re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", name).casefold()).strip("-")


def _bears(name: str, exercise: str) -> bool:
    return f"-{_plain(exercise)}-" in f"-{_plain(_stem(name))}-"


def _is_notebook(name: str) -> bool:
    return ".ipynb" in name.casefold()


def _is_notebook_or_zip(name: str) -> bool:
    return _is_notebook(name) or name.casefold().endswith(".zip")


def _stem(name: str) -> str:
    return re.split(r"\.ipynb", name, maxsplit=1, flags=re.IGNORECASE)[0] or name


def _unwrapped(entries: list[_Entry], exercise: str) -> list[_Entry]:
    """Leave out the folders around the students' own, such as nbgrader's ``submitted``."""
    while True:
        submitted = [entry for entry in entries if entry.parts[:-1][:1] == ("submitted",)]
        tops = {entry.parts[0] for entry in entries}
        if not submitted and not (len(tops) == 1 and _is_wrapper(entries, exercise)):
            return entries
        entries = [replace(entry, parts=entry.parts[1:]) for entry in submitted or entries]
        if submitted:
            return entries


def _is_wrapper(entries: list[_Entry], exercise: str) -> bool:
    """Say whether the one folder that there is holds the class, and is not a student's."""
    notebooks = [entry.parts for entry in entries if _is_notebook_or_zip(entry.parts[-1])]
    if not notebooks or len(entries[0].parts) == 1 or _MOODLE.fullmatch(entries[0].parts[0]):
        return False
    folders = {parts[1] for parts in notebooks if len(parts) > 2}
    files = [parts[1] for parts in notebooks if len(parts) == 2]
    if _plain(exercise) in {_plain(_stem(name)) for name in (*folders, *files)}:
        return False  # a student's assignments, or a student's notebook
    if folders or len(files) > 1:
        return True
    return _CANVAS.fullmatch(files[0]) is not None or _bears(files[0], exercise)


def _with_owners(entries: list[_Entry], exercise: str) -> Iterator[tuple[_Owner, _Entry]]:
    """Say whose each file is, and give its name from there."""
    loose = [entry.parts[0] for entry in entries if len(entry.parts) == 1]
    loose = [name for name in loose if _is_notebook_or_zip(name)]
    from_canvas = sum(_CANVAS.fullmatch(name) is not None for name in loose) * 2 > len(loose)
    assignments = any(
        len(entry.parts) > 2 and _plain(entry.parts[1]) == _plain(exercise) for entry in entries
    )
    for entry in entries:
        top, inside = entry.parts[0], entry.parts[1:]
        moodle, canvas = _MOODLE.fullmatch(top), _CANVAS.fullmatch(top)
        if moodle:
            parts = inside or (moodle["name"] or top,)
            yield _Owner(moodle["student"], moodle["identity"]), replace(entry, parts=parts)
        elif inside:
            if not assignments or _plain(inside[0]) == _plain(exercise) or len(inside) == 1:
                yield _Owner(top), replace(entry, parts=inside)
        elif from_canvas and canvas:
            owner = _Owner(
                canvas["student"], canvas["identity"], bool(canvas["late"]), top * _is_notebook(top)
            )
            yield owner, replace(entry, parts=(canvas["name"],))
        elif not top.casefold().endswith(_TEACHERS) and top != "timestamp.txt":
            yield _Owner(_student_in(top, exercise)), entry


def _student_in(name: str, exercise: str) -> str:
    """Give what a file's name says beside the exercise's: ``alice_03-ngrams (1).ipynb``."""
    stem = _stem(name) if _is_notebook(name) else name.rpartition(".")[0] or name
    words = r"[\W_]+".join(re.escape(word) for word in _plain(exercise).split("-"))
    bare, _number = _version(stem, exercise)
    student = re.sub(rf"(?:^|[\W_]+){words}(?:$|[\W_]+)", " ", bare, flags=re.IGNORECASE)
    return student.strip(" -_.") or stem


def _version(stem: str, exercise: str, numbered: bool = False) -> tuple[str, int]:
    """Divide ``03-ngrams (1)``, or ``03-ngrams-1``, into the name and the version, 2.

    The exercise's own name may end in a number, and so may a student's: a hyphen counts after the
    exercise's name only, or where the system is known to number versions.
    """
    match = _VERSION.search(stem)
    if match is None or _plain(stem).endswith(_plain(exercise)):
        return stem, 1
    bare = stem[: match.start()]
    if match[1] or numbered or _plain(bare).endswith(_plain(exercise)):
        return bare, 1 + int(match[1] or match[2])
    return stem, 1


def _submission(owner: _Owner, entry: _Entry, exercise: str) -> Submission:
    _bare, version = _version(_stem(entry.parts[-1]), exercise, numbered=bool(owner.identity))
    name = _label(owner.file or "/".join(entry.parts))
    return Submission(
        "", owner.identity, name, entry.place, entry.problem, owner.late, None, version
    )


def _best(files: Sequence[Submission], exercise: str) -> list[Submission]:
    def rank(one: Submission) -> tuple[bool, bool, bool]:
        return _is_notebook(one.name), not one.problem, _bears(one.name, exercise)

    highest = max(map(rank, files))
    return [one for one in files if rank(one) == highest]


def _labels(owners: Iterable[_Owner]) -> dict[_Owner, str]:
    """Give each a name of their own: those named alike get their number, or one counted here."""
    owners = sorted(owners, key=lambda owner: (owner.student, len(owner.identity), owner.identity))
    wanted = Counter(_label(owner.student) for owner in owners)
    taken = set(wanted)
    labels: dict[_Owner, str] = {}
    for owner in owners:
        label = base = _label(owner.student)
        if wanted[base] > 1:
            count = 0
            while label in taken:
                number = owner.identity[:20] if owner.identity and not count else str(count + 1)
                label, count = f"{base} ({number})", count + 1
        taken.add(label)
        labels[owner] = label
    return labels


def _label(name: str) -> str:
    """Give a name as it may be shown: no controls, nothing that turns text round, not too long."""
    name = unicodedata.normalize("NFC", name[: 10 * _LONGEST])
    name = re.sub("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", "\ufffd", name)
    name = name.strip() or _("no name")
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST // 2]}…{name[-_LONGEST // 2 :]}"


def _time(entry: _Entry) -> float | None:
    """Read nbgrader's ``timestamp.txt``: ``2026-02-02 15:58:23.948203 UTC``."""
    try:
        text = entry.place.read()[:100].decode().strip()
        clock, _space, zone = text.partition(" ")[2].partition(" ")
        moment = datetime.datetime.fromisoformat(f"{text.partition(' ')[0]} {clock}".strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zoneinfo.ZoneInfo(zone or "UTC"))
        return moment.timestamp()
    except _READING:
        return None


# ---------------------------------------------------------------- folders


def _entries(path: Path) -> list[_Entry]:
    if path.is_dir():
        return list(_in_folder(path, (), path))
    try:
        with _opened(path) as file:
            if zipfile.is_zipfile(file) and not _is_notebook(path.name):
                return list(_in_zip(file, Place(path)))
    except (*_READING, InputError) as error:
        if not path.exists():
            raise InputError(_("{path}: there is no such file.").format(path=path)) from None
        why = error if isinstance(error, InputError) else _unreadable()
        raise InputError(f"{path}: {why}") from None
    if not _is_notebook(path.name):
        raise InputError(
            _("{path}: give a folder, a zip, or a notebook (.ipynb).").format(path=path)
        )
    return [_Entry((path.name,), Place(path))]


def _in_folder(folder: Path, parts: tuple[str, ...], top: Path) -> Iterator[_Entry]:
    if len(parts) > _DEEPEST:
        yield _Entry(parts, Place(folder), _("The folders lie too deep in each other."))
        return
    try:
        with os.scandir(folder) as found:
            inside = sorted(found, key=lambda one: one.name)
    except OSError:
        if folder == top:
            raise InputError(_("{path}: cannot be opened.").format(path=folder)) from None
        yield _Entry(parts, Place(folder), _unreadable())
        return
    for one in inside:
        below = (*parts, one.name)
        if _left_out(one.name):
            continue
        try:
            status = one.stat(follow_symlinks=False)
        except OSError:
            yield _Entry(below, Place(folder / one.name), _unreadable())
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _in_folder(folder / one.name, below, top)
        else:
            problem = _problem_of(status.st_mode, status.st_size)
            yield _Entry(below, Place(folder / one.name), problem)


def _left_out(name: str) -> bool:
    return name.startswith(".") or (name.casefold() in _JUNK and name != "timestamp.txt")


def _problem_of(mode: int, size: int) -> str:
    if stat.S_ISLNK(mode):
        return _("This is a link to a file or a folder, and is not followed. Hand in the notebook.")
    if not stat.S_ISREG(mode):
        return _("This is no plain file. Hand in the notebook.")
    return too_large() if size > LARGEST_FILE else ""


def _unreadable() -> str:
    return _("The file is damaged, or cannot be opened. Hand it in again.")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a plain file; not a link that has come into its place, nor a pipe that never answers."""
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InputError(_problem_of(stat.S_IFIFO, 0))
        yield file


def _limited(file: BinaryIO) -> bytes:
    content = io.BytesIO()
    while piece := file.read(2**20):
        content.write(piece)
        if content.tell() > LARGEST_FILE:
            raise InputError(too_large())
    return content.getvalue()


# ---------------------------------------------------------------- zips


class _Careful:
    """A file that gives no more at once than the list of files in a zip may have."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self.close = file.close

    def read(self, size: int = -1) -> bytes:
        if size > LARGEST_DIRECTORY:
            raise InputError(_("This zip holds too many files. Hand in the notebook itself."))
        return self._file.read(size)


def _archive(file: BinaryIO) -> zipfile.ZipFile:
    return zipfile.ZipFile(_Careful(file))


def _in_zip(file: BinaryIO, place: Place) -> Iterator[_Entry]:
    with _archive(file) as archive:
        for number, info in enumerate(archive.infolist()):
            name = _name_in_zip(info).replace("\\", "/")
            folders = name.split("/")
            parts = tuple(part for part in folders if part.strip() not in ("", ".", ".."))
            if name.endswith("/") or any(map(_left_out, parts)):
                continue
            problem = _problem_of_entry(info)
            if ".." in folders or name.startswith("/") or re.match(r"[A-Za-z]:", name):
                parts = parts[-1:]
                problem = _("Its name in the zip leads out of the folder. Pack the zip anew.")
            inner = Place(place.path, (*place.members, number))
            yield _Entry((*parts[:1], *parts[1:][-_DEEPEST:]) or ("?",), inner, problem)


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """Give a name in the encoding that it has; many programs write another than they should."""
    if not info.flag_bits & 0x800:
        for encoding in ("utf-8", "gb2312"):
            with contextlib.suppress(UnicodeError):
                return info.filename.encode("cp437").decode(encoding)
    return info.filename


def _problem_of_entry(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 0x41:
        return _("The zip is encrypted. Pack it anew, without a password.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return _("The zip is packed in a way that is not read here. Pack it anew, as plain zip.")
    return _problem_of(stat.S_IFMT(info.external_attr >> 16) or stat.S_IFREG, info.file_size)


def _unzipped(entry: _Entry) -> Iterator[_Entry]:
    """Give what a zip holds in its place, and any other file as it is. Zips in it stay zips."""
    if entry.problem or not entry.parts[-1].casefold().endswith(".zip"):
        yield entry
        return
    try:
        with contextlib.ExitStack() as stack:
            file = (
                io.BytesIO(entry.place.read())
                if entry.place.members
                else stack.enter_context(_opened(entry.place.path))
            )
            inside = list(_in_zip(file, entry.place))
    except InputError as error:
        yield replace(entry, problem=str(error))
        return
    except _READING:
        yield replace(entry, problem=_unreadable())
        return
    if not inside:
        yield replace(entry, problem=_("The zip is empty. Hand in the notebook."))
    elif len(inside) > MOST_FILES:
        problem = _("This zip holds too many files. Hand in the notebook itself.")
        yield replace(entry, problem=problem)
    else:
        for one in inside:
            yield replace(one, parts=(*entry.parts[:-1], *one.parts))
