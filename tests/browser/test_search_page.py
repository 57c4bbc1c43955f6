"""Search, as a reader uses it: from a file and from a server, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from browser.visiting import HTML, Visit, file_address, visit

#: What a reader types, and where it is explained.
EXPLAINED = {
    "perplexity": {"chapters/01-language-models"},
    "困惑度": {"chapters/01-language-models"},
    "平滑": {"chapters/03-ngrams", "chapters/03-ngrams-deeper"},
    "循环神经网络": {"chapters/glossary", "chapters/notation"},
    "拉普拉斯平滑": {"chapters/03-ngrams"},
}
NEAR_THE_TOP = 4
OVER = """() => /Places found|Nothing was found/
    .test(document.querySelector("#search-results").innerText)"""


@pytest.fixture(params=["file", "server"])
def front_page(request: pytest.FixtureRequest, browser: Browser, site: str) -> Iterator[Visit]:
    """The front page; what a search from it complains of, or asks of others, fails the test."""
    page = "chapters/index"
    with visit(browser) as found:
        found.page.goto(file_address(page) if request.param == "file" else f"{site}{page}.html")
        yield found
        assert found.complaints == []
        assert found.outside() == []


def search(found: Visit, query: str) -> list[str]:
    """Type a query into the page's one search box, and give the pages that are found."""
    found.page.keyboard.press("Control+K")
    found.page.keyboard.insert_text(query)
    found.page.keyboard.press("Enter")
    found.page.wait_for_url("**/search.html?*")
    found.page.wait_for_function(OVER)
    links = "links => links.map((link) => new URL(link.href).pathname)"
    paths = found.page.eval_on_selector_all("#search-results li a", links)
    return [path[path.index("chapters/") :].removesuffix(".html") for path in paths]


@pytest.mark.parametrize("query", EXPLAINED)
def test_the_page_that_explains_it_is_near_the_top(front_page: Visit, query: str) -> None:
    assert EXPLAINED[query] & set(search(front_page, query)[:NEAR_THE_TOP])


def test_an_excerpt_is_what_a_reader_reads(browser: Browser, site: str) -> None:
    with visit(browser) as found:
        found.page.goto(f"{site}chapters/index.html")
        search(found, "perplexity")
        found.page.wait_for_selector("#search-results li .context")
        excerpts = found.page.locator("#search-results li .context").all_inner_texts()
        assert any("perplexity" in excerpt.lower() for excerpt in excerpts)
        assert [text for text in excerpts if "import " in text or "\\" in text] == []


def test_what_is_nowhere_is_not_found(front_page: Visit) -> None:
    assert search(front_page, "zyzzyva") == []
    assert all("zyzzyva" not in page.read_text(encoding="utf-8") for page in HTML.rglob("*.html"))
