"""The command line, a verb a file: ``lmlib corpora | train | score | generate | rank | ladder |
exercises | grade``.

Exit codes: 0 it worked; 2 something was given that the user can mend; 1 the work failed on good
input (memory, disk), or what was to be checked does not hold; 130 stopped by Ctrl-C; 141 nobody
reads the output any more (``| head``).
Whatever goes wrong is said in one sentence on standard error, and nothing is left half-written.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from lmlib.commands import corpora, exercises, generate, grade, ladder, rank, score, train
from lmlib.errors import CheckError, InputError

VERBS = (corpora, train, score, generate, rank, ladder, exercises, grade)

_MENDABLE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the flags as everything else is said: in a sentence."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; {self.prog} --help says what there is.")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; give the exit code.

    Parameters
    ----------
    argv
        What stands after ``lmlib``; by default what the process was given.

    Examples
    --------
    >>> main(["--version"])
    lmlib 0.1.0
    0
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # texts are UTF-8 everywhere, and a file's name may be no text at all
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    try:
        _run(argv)
        sys.stdout.flush()
        return 0
    except InputError as error:
        return _failed(str(error), 2)
    except CheckError as error:
        return _failed(str(error), 1)
    except BrokenPipeError:
        _flush_or_forget()
        return 141
    except _MENDABLE as error:
        return _failed(_sentence(error), 2)
    except OSError as error:
        _flush_or_forget()
        return _failed(_sentence(error), 1)
    except MemoryError as error:
        what = f" ({error})" if str(error) else ""
        return _failed(f"memory ran out{what}; try less text, or a smaller model.", 1)
    except KeyboardInterrupt as stop:
        return _failed(str(stop) or "stopped.", 130)


def _run(argv: Sequence[str] | None) -> None:
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit:  # --help and --version have printed what was asked for
        return
    arguments.run(arguments)


def _parser() -> argparse.ArgumentParser:
    from lmlib import __version__

    parser = _Parser(
        prog="lmlib",
        description="Language models, from counting to attention.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"lmlib {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in VERBS:
        verb.add_parser(verbs)
    return parser


def _sentence(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}."


def _failed(sentence: str, code: int) -> int:
    print(f"lmlib: {sentence}", file=sys.stderr)
    return code


def _flush_or_forget() -> None:
    """Where standard output itself is what failed, let Python not try again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
