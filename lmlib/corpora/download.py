"""Fetch the files of public text sets: pinned, checked, and never half-written.

A file that already lies in its place (put there by hand, on a machine without a network) is
checked and used; otherwise pooch fetches it beside its place, and it is moved there only after its
checksum was right.
"""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lmlib.errors import InputError


@dataclass(frozen=True)
class RemoteFile:
    """A file on the web, pinned.

    Parameters
    ----------
    url
        Where it lies, commit and all.
    checksum
        ``"sha256:…"``, ``"sha1:…"`` or ``"git-blob:…"`` (the id under which git stores the
        content: the sha1 of ``blob <length>``, a zero byte and the bytes).
    """

    url: str
    checksum: str

    @property
    def name(self) -> str:
        """The last part of the address: what the file is called on disk."""
        return self.url.rsplit("/", 1)[-1]


def checksum_matches(path: Path, checksum: str) -> bool:
    """Whether a file is the one that was pinned."""
    kind, _, expected = checksum.partition(":")
    digest = hashlib.sha256() if kind == "sha256" else hashlib.sha1(usedforsecurity=False)
    if kind == "git-blob":
        digest.update(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == expected


def data_folder() -> Path:
    """Where downloads are kept: the environment's ``LMLIB_DATA``, or the user's cache folder."""
    if named := os.environ.get("LMLIB_DATA"):
        return Path(named).expanduser().absolute()
    return Path(_pooch().os_cache("lmlib-book"))


def fetch(
    remote: RemoteFile,
    folder: Path,
    *,
    licence: str,
    timeout: float = 30.0,
    attempts: int = 3,
    pause: float = 1.0,
    progress: bool = True,
) -> Path:
    """Give the path of a checked file, downloading it if it is not there yet.

    Parameters
    ----------
    folder
        Where the file lies, or will lie.
    licence
        Named before the download starts.
    timeout
        Seconds without a byte after which an attempt is given up.
    attempts
        How often to try; what cannot get better (the server says that there is no such file) is
        not tried again.
    pause
        Seconds before the second attempt, twice as many before the third, and so on.
    progress
        Whether to show a tqdm bar.

    Raises
    ------
    InputError
        If the file in its place is another one, if pooch is not installed, if the folder cannot be
        written, or if the download fails; the message says where to put the file by hand.
    """
    path = folder / remote.name
    if path.exists():
        if path.is_file() and checksum_matches(path, remote.checksum):
            return path
        raise InputError(
            f"{path} is not the file that was expected (its {remote.checksum.partition(':')[0]} "
            f"differs): remove it and try again, or put there the file from {remote.url}"
        )
    downloader = _pooch().HTTPDownloader(progressbar=progress, timeout=timeout)
    if progress:
        print(f"{remote.name}: {remote.url} (licence: {licence})", file=sys.stderr)
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        with _beside(path) as part:
            reason, hopeless = _attempt(downloader, remote.url, part)
            if not reason:
                if checksum_matches(part, remote.checksum):
                    os.replace(part, path)
                    return path
                reason = "what arrived is incomplete or another file (wrong checksum)"
        if hopeless:
            break
    raise InputError(
        f"could not download {remote.url}: {reason}. "
        f"Without a network, put the file {remote.name} by hand into the folder {folder}"
    )


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """An empty file beside ``path`` to write into, gone afterwards unless it was moved."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"cannot write into {path.parent} ({error.strerror}): name another folder in the "
            "environment variable LMLIB_DATA."
        ) from None
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _attempt(downloader, url: str, part: Path) -> tuple[str, bool]:  # type: ignore[no-untyped-def]
    """Download once; what went wrong (empty: nothing), and whether trying again is hopeless."""
    from requests.exceptions import HTTPError, RequestException, Timeout

    try:
        downloader(url, str(part), None)
    except HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        return f"the server answered {status}", 400 <= status < 500 and status != 429
    except Timeout:
        return "the server was silent for too long", False
    except RequestException as error:
        if "timed out" in str(error).lower():  # a silence in the middle of the body
            return "the server was silent for too long", False
        return f"no connection, or it broke off ({type(error).__name__})", False
    return "", False


def _pooch():  # type: ignore[no-untyped-def]
    try:
        import pooch
    except ImportError:
        raise InputError(
            "downloads need pooch, which is not installed: pip install 'lmlib-book[data]'"
        ) from None
    return pooch
