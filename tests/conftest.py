"""What every test may ask for: tools that pip cannot bring, and modules that need them."""

import importlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

# How long an example takes says more of the machine, and of what runs beside, than of the code.
settings.register_profile("without a clock", deadline=None)
settings.load_profile("without a clock")

# Small networks are trained here, several processes at a time: more threads would only wait for
# each other. To be said before NumPy or PyTorch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def _missing(sentence: str) -> None:
    if os.environ.get("LMLIB_REQUIRE_ALL") == "1":
        pytest.fail(f"{sentence} (LMLIB_REQUIRE_ALL=1)")
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str, str], str]:
    """``require_tool(name, why)`` gives a program's path; without it the test is skipped.

    Under ``LMLIB_REQUIRE_ALL=1`` the test fails instead. Public data sets are no tools: where one
    is absent, a test skips with ``pytest.skip`` and a sentence, always.
    """

    def require(name: str, why: str) -> str:
        beside_python = os.path.dirname(sys.executable)
        path = shutil.which(name, path=os.pathsep.join([beside_python, os.environ["PATH"]]))
        if path is None:
            _missing(f"{name} is not installed: {why}")
        return str(path)

    return require


@pytest.fixture(scope="session")
def require_module() -> Callable[[str, str], ModuleType]:
    """``require_module(name, why)`` imports a module; without it as `require_tool` does."""

    def require(name: str, why: str) -> ModuleType:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            _missing(f"{name} is not installed: {why}")
            raise

    return require


@pytest.fixture(scope="session")
def require_file() -> Callable[[Path, str], Path]:
    """``require_file(path, why)`` gives the path of what a command makes; without it as above."""

    def require(path: Path, why: str) -> Path:
        if not path.exists():
            _missing(f"There is no {path}: {why}")
        return path

    return require
