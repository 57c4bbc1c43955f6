"""One browser and one server for all tests of this folder; a fresh context for each visit."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browser.visiting import HTML, NAMES, ROOT, installed_browser, launched, served


@pytest.fixture(scope="package", autouse=True)
def book(require_file: Callable[[Path, str], Path]) -> None:
    """The built book, without which no test here has anything to look at."""
    require_file(HTML / "chapters" / "index.html", "`make book` builds the pages to be tested")


@pytest.fixture(scope="package")
def browser(require_tool: Callable[[str, str], str]) -> Iterator[Browser]:
    program = installed_browser() or require_tool(NAMES[0], "no page is opened in a browser")
    with launched(program) as browser:
        yield browser


@pytest.fixture(scope="package")
def site() -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture(scope="package")
def axe(require_file: Callable[[Path, str], Path]) -> str:
    """axe's source: the script that finds what a screen reader or a keyboard cannot reach."""
    path = ROOT / ".ci" / "node_modules" / "axe-core" / "axe.min.js"
    require_file(path, "`npm ci --prefix .ci` brings it for checking the pages")
    return path.read_text(encoding="utf-8")
