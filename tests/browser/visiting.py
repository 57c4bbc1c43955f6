"""A browser, the built book on a server, and a visit to one of its pages."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
#: The folder of the site in which GitHub Pages puts the book, ``/lmlib-book/``.
BASE = urlsplit(
    yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["html"]["baseurl"]
).path
CHAPTERS = re.findall(r"chapters/[\w-]+", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [*CHAPTERS, "genindex", "search", "404"]

WIDE, PHONE = (1280, 900), (390, 844)
NAMES = ("chromium", "google-chrome", "chromium-browser")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking "
    "--disable-component-update --disable-sync --no-first-run --hide-scrollbars"
).split()

ALL_TYPESET = """() =>
    [...document.querySelectorAll(".math")].every((math) => math.querySelector("mjx-container"))"""


def installed_browser() -> str | None:
    """Find Chromium or Chrome among the installed programs; one is never downloaded."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def launched(program: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


class _Pages(http.server.SimpleHTTPRequestHandler):
    """The book as GitHub Pages serves it: below `BASE`, and 404.html for whatever is not there."""

    def translate_path(self, path: str) -> str:
        return super().translate_path("/" + path.removeprefix(BASE))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        if code != 404:
            super().send_error(code, message, explain)
            return
        page = (HTML / "404.html").read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served() -> Iterator[str]:
    """Serve the built book on this machine alone, and give its address."""
    handler = functools.partial(_Pages, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{BASE}"
        server.shutdown()


def file_address(page: str) -> str:
    return (HTML / f"{page}.html").as_uri()


@dataclass(frozen=True)
class Visit:
    """A tab in a context of its own, what the browser complained of, and what it asked for."""

    page: Page
    complaints: list[str]
    requests: list[str]

    def open(self, address: str) -> None:
        """Load a page, and wait for its formulas; one that stays raw is for the tests to say."""
        self.page.goto(address)
        with suppress(TimeoutError):
            self.page.wait_for_function(ALL_TYPESET, timeout=10_000)

    def outside(self) -> list[str]:
        """Say which requests left this machine."""
        return [
            request
            for request in self.requests
            if urlsplit(request).scheme not in {"file", "data", "blob"}
            and urlsplit(request).hostname != "127.0.0.1"
        ]


@contextmanager
def visit(browser: Browser, size: tuple[int, int] = WIDE, **options: Any) -> Iterator[Visit]:
    """Open a tab that knows nothing of other visits; ``options`` as playwright's new_context."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(20_000)
    found = Visit(context.new_page(), [], [])
    context.on("request", lambda request: found.requests.append(request.url))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.on(
        "console",
        lambda said: found.complaints.append(said.text) if said.type == "error" else None,
    )
    try:
        yield found
    finally:
        context.close()
