"""Every page of the built book, in a browser: at rest, on a phone, in the dark, and offline."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from playwright.sync_api import Browser, Response, Route

from browser.visiting import (
    BASE,
    CHAPTERS,
    HTML,
    PAGES,
    PHONE,
    WIDE,
    Visit,
    file_address,
    visit,
)

MEGABYTE = 1_000_000

#: Resolves when no colour is on its way to another.
STILL = "() => Promise.all(document.getAnimations().map((animation) => animation.finished))"

#: The pages that are looked at a second and a third time; the others are made of the same parts.
READ = [page for page in CHAPTERS if re.search(r"/(index|\d\d-)", page)]

#: axe's rules that the dark page can break and the light one keep, whatever the width.
COLOURS = ["color-contrast", "link-in-text-block"]


@pytest.fixture(scope="module", params=PAGES)
def opened(request: pytest.FixtureRequest, browser: Browser, site: str) -> Iterator[Visit]:
    """A page, wide and light, opened as a file; only the links of 404.html need the server."""
    with visit(browser, WIDE, color_scheme="light") as found:
        page = request.param
        found.open(f"{site}404.html" if page == "404" else file_address(page))
        yield found


def scrolls_sideways(found: Visit, size: tuple[int, int]) -> bool:
    found.page.set_viewport_size({"width": size[0], "height": size[1]})
    return found.page.evaluate("() => document.documentElement.scrollWidth > innerWidth")


def found_by_axe(found: Visit, axe: str, **options: Any) -> list[str]:
    """Say what axe finds serious or critical on the page as it stands."""
    if not found.page.evaluate("() => 'axe' in window"):
        found.page.evaluate(axe)
    return found.page.evaluate(
        """async (options) => (await axe.run(document, options)).violations
            .filter((rule) => rule.impact === "serious" || rule.impact === "critical")
            .flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 300)}`))
        """,
        {"preload": False, "resultTypes": ["violations"], **options},
    )


def test_every_page_that_was_built_is_tested() -> None:
    built = {path.relative_to(HTML).with_suffix("").as_posix() for path in HTML.rglob("*.html")}
    built = {page for page in built if not page.startswith("_")}
    assert built == {*PAGES, "index"}


def test_it_opens_from_a_file_without_a_complaint_or_a_request_outside(opened: Visit) -> None:
    assert opened.complaints == []
    assert opened.outside() == []


def test_every_formula_is_typeset(opened: Visit) -> None:
    raw = "math => math.filter(m => !m.querySelector('mjx-container')).map(m => m.textContent)"
    assert opened.page.eval_on_selector_all(".math", raw) == []
    wrong = "errors => errors.map(e => e.textContent)"
    assert opened.page.eval_on_selector_all("mjx-merror", wrong) == []


def test_it_has_one_search_box(opened: Visit) -> None:
    boxes = opened.page.locator(".search-button-field, input[type=search]")
    of_its_own = 1 if "/search.html" in opened.page.url else 0
    assert boxes.locator("visible=true").count() == 1 + of_its_own


def test_axe_finds_nothing_serious_that_is_ours(opened: Visit, axe: str) -> None:
    assert found_by_axe(opened, axe) == []


def test_it_turns_dark_with_the_reader_s_system(opened: Visit) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = opened.page.evaluate(ground)
    opened.page.emulate_media(color_scheme="dark")
    opened.page.wait_for_selector("html[data-theme=dark]")
    opened.page.evaluate(STILL)
    assert opened.page.evaluate(ground) != light


def test_it_never_scrolls_sideways(opened: Visit) -> None:
    assert not scrolls_sideways(opened, WIDE)
    assert not scrolls_sideways(opened, PHONE)


def test_a_formula_wider_than_a_phone_shows_its_beginning(opened: Visit) -> None:
    opened.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    cut = """boxes => boxes.filter(box => box.querySelector("mjx-math").getBoundingClientRect().left
        < box.getBoundingClientRect().left - 1).map(box => box.textContent)"""
    assert opened.page.eval_on_selector_all("div.math", cut) == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_server_gives_it_as_a_file_does(browser: Browser, site: str, page: str) -> None:
    with visit(browser) as found:
        found.page.goto(f"{site}{page}.html")
        assert found.complaints == []
        assert found.outside() == []


@pytest.mark.parametrize("page", READ)
def test_axe_finds_nothing_serious_in_the_dark_or_on_a_phone(
    browser: Browser, axe: str, page: str
) -> None:
    with visit(browser, WIDE, color_scheme="dark") as found:
        found.open(file_address(page))
        assert found_by_axe(found, axe, runOnly={"type": "rule", "values": COLOURS}) == []
    with visit(browser, PHONE) as found:
        found.open(file_address(page))
        seen_already = {rule: {"enabled": False} for rule in COLOURS}
        assert found_by_axe(found, axe, rules=seen_already) == []


def test_the_site_opens_on_the_front_page(browser: Browser, site: str) -> None:
    with visit(browser) as found:
        found.page.goto(site)
        found.page.wait_for_url("**/chapters/index.html")


def test_a_wrong_address_at_any_depth_gives_a_page_of_the_book(browser: Browser, site: str) -> None:
    with visit(browser) as found:
        response = found.page.goto(f"{site}chapters/no/such/page.html")
        assert response is not None
        assert response.status == 404
        assert found.outside() == []
        (complaint,) = found.complaints  # of the page itself; its styles and scripts are found
        assert "404" in complaint
        found.page.locator("nav a").locator("visible=true").first.click()
        assert "chapters/" in found.page.url


def test_text_is_painted_while_mathjax_is_still_on_its_way(browser: Browser, site: str) -> None:
    with visit(browser) as found:
        held: list[Route] = []
        found.page.route("**/mathjax/**", lambda route: held.append(route))
        found.page.goto(f"{site}chapters/03-ngrams.html", wait_until="commit")
        found.page.wait_for_function(
            "() => performance.getEntriesByName('first-contentful-paint').length"
        )
        last = found.page.locator("article section p").last
        last.wait_for(state="visible")  # the whole text, not its first lines alone
        assert held, "MathJax was not asked for, so nothing was held back"
        assert found.page.locator("mjx-container").count() == 0


def test_the_longest_chapter_weighs_at_most_1_5_megabytes(browser: Browser, site: str) -> None:
    """The page itself as it lies on the disk; with all it loads, compressed as Pages sends it."""
    answers: list[Response] = []
    with visit(browser) as found:
        found.page.on("response", lambda answer: answers.append(answer))
        found.open(f"{site}chapters/03-ngrams.html")
        own, sent = 0, Counter[str]()
        for answer in answers:
            path, body = urlsplit(answer.url).path.removeprefix(BASE), answer.body()
            own += 0 if path.startswith("_static/") else len(body)
            packed = body if path.endswith(".woff2") else gzip.compress(body)
            sent["mathjax" if "mathjax" in path else path.rpartition(".")[2]] += len(packed)
    assert own <= 1.5 * MEGABYTE
    assert sum(sent.values()) <= 1.5 * MEGABYTE, dict(sent)


class _Links(HTMLParser):
    """The ids of a page, what it links to, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.linked: list[str] = []
        self.loaded: list[str] = []
        self.has_icon = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.update(given[name] for name in ("id", "name") if name in given)
        if tag in {"a", "area"} and "href" in given:
            self.linked.append(given["href"])
        if tag == "link" and given.get("rel") not in {"canonical", "author", "license"}:
            self.loaded.append(given["href"])
            self.has_icon |= given.get("rel") == "icon"
        if tag in {"script", "img", "iframe", "source", "audio", "video"} and "src" in given:
            self.loaded.append(given["src"])


@cache
def links_of(page: str) -> _Links:
    return _Links((HTML / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_what_it_links_to_is_there_and_what_it_loads_is_the_book_s_own(page: str) -> None:
    links = links_of(f"{page}.html")
    for address in [*links.linked, *links.loaded]:
        parts = urlsplit(urljoin(f"{BASE}{page}.html", address))
        if parts.scheme or parts.netloc:
            assert address not in links.loaded, f"{address} is not the book's own"
            continue
        path = HTML / unquote(parts.path).removeprefix(BASE)
        path = path / "index.html" if path.is_dir() else path
        assert path.is_file(), f"{address} leads to nothing"
        if parts.fragment and path.suffix == ".html":
            there = links_of(path.relative_to(HTML).as_posix()).ids
            assert unquote(parts.fragment) in there, f"{address}: no such place on that page"
    assert links.has_icon, "without an icon browsers ask the server's root for /favicon.ico"
