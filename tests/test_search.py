"""Search finds words in both scripts: Sphinx's own search script, on the built book's index."""

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
sys.path.append(str(ROOT / "chapters" / "_ext"))

from search import BookSearch  # noqa: E402

# The pages' own scripts in a browser that has nothing but what they ask for.
NODE = """
const fs = require("fs"), vm = require("vm");
const {site, index, queries, protocol} = JSON.parse(fs.readFileSync(0, "utf8"));
const page = {
  DOCUMENTATION_OPTIONS: {SHOW_SEARCH_SUMMARY: true}, SPHINX_HIGHLIGHT_ENABLED: false,
  document: {getElementById: () => null}, location: {protocol}, _ready: () => {}, _: (text) => text,
  Documentation: {TRANSLATIONS: {}},
};
vm.createContext(page);
const read = (name) => fs.readFileSync(`${site}/${name}`, "utf8");
for (const name of ["searchtools", "language_data"])
  vm.runInContext(read(`_static/${name}.js`), page);
vm.runInContext("globalThis.Search = Search", page);
if (index) page.Search.setIndex(index);
else vm.runInContext(read("searchindex.js"), page);
const found = queries.map((query) => page.Search._performSearch(...page.Search._parseQuery(query)));
const results = found.map((list) => list.reverse().map(([name, , anchor]) => name + anchor));
const titles = found.map((list) => list.map(([, title]) => title));
const summaries = page.DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY;
console.log(JSON.stringify({results, titles, summaries}));
"""


@pytest.fixture
def ask(
    require_tool: Callable[[str, str], str], require_file: Callable[[Path, str], Path]
) -> Callable[..., dict]:
    """``ask(queries)`` gives each query's results, the best first, as the search page does."""
    node = require_tool("node", "the search page's script cannot be run")
    require_file(SITE / "searchindex.js", "`make book` builds the book that is searched")

    def run(queries: list[str], index: dict | None = None, protocol: str = "http:") -> dict:
        asked = {"site": str(SITE), "index": index, "queries": queries, "protocol": protocol}
        done = subprocess.run(
            [node, "-e", NODE], input=json.dumps(asked), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def index_of(pages: dict[str, str]) -> dict:
    """An index as Sphinx makes it from the texts of some pages."""
    language = BookSearch({})
    terms = defaultdict(set)
    for number, text in enumerate(pages.values()):
        for word in language.split(text):
            stem = language.stem(word.lower())
            if language.word_filter(stem):
                terms[stem].add(number)
    names = list(pages)
    return {
        "docnames": names,
        "filenames": names,
        "titles": names,
        "terms": {term: sorted(where) for term, where in terms.items()},
        "titleterms": {},
        "alltitles": {},
        "indexentries": {},
        "objects": {},
        "objnames": {},
    }


PAGES = {
    "networks": "循环神经网络（RNN）把读过的内容记在状态里。Smoothed estimates of 2-grams.",
    "counting": "平滑：从见过的词那里拿一点概率。Perplexities measure it; é and x_1 too.",
    "apart": "循环小数。神经。网络。",
}


@pytest.mark.parametrize(
    ("query", "pages"),
    [
        ("循环神经网络", {"networks"}),
        ("神经网络", {"networks"}),
        ("循环", {"networks", "apart"}),
        ("网", {"networks", "apart"}),
        ("平滑", {"counting"}),
        ("滑平", set()),
        ("perplexity", {"counting"}),
        ("Smoothing", {"networks"}),
        ("RNN 状态", {"networks"}),
        ("x_1", {"counting"}),
    ],
)
def test_a_word_is_found_on_the_pages_that_have_it_alone_or_within_a_compound(
    ask: Callable[..., dict], query: str, pages: set[str]
) -> None:
    assert set(ask([query], index_of(PAGES))["results"][0]) == pages


def test_every_run_of_characters_of_a_page_is_found_there(ask: Callable[..., dict]) -> None:
    runs = re.findall(r"[\u4e00-\u9fff]+", PAGES["networks"])
    queries = [
        run[i:j] for run in runs for i in range(len(run)) for j in range(i + 1, len(run) + 1)
    ]
    results = ask(queries, index_of(PAGES))["results"]
    assert [q for q, pages in zip(queries, results, strict=True) if "networks" not in pages] == []


DEFINED = {
    "困惑度": "01-language-models",
    "perplexity": "01-language-models",
    "平滑": "03-ngrams",
    "smoothing": "03-ngrams",
    "链式法则": "01-language-models",
    "循环神经网络": "06-recurrent-networks",
}


def test_the_page_that_defines_a_word_comes_first(ask: Callable[..., dict]) -> None:
    for query, results in zip(DEFINED, ask(list(DEFINED))["results"], strict=True):
        assert results[0].startswith(f"chapters/{DEFINED[query]}#"), (query, results[:3])
        assert any(found.startswith("chapters/glossary#") for found in results[:3]), query


def test_a_result_within_a_page_is_called_by_its_section(ask: Callable[..., dict]) -> None:
    answer = ask(["perplexity"])
    assert answer["results"][0][0] == "chapters/01-language-models#how-surprised-is-it"
    assert answer["titles"][0][0].endswith("Language models > How surprised is it?")


def test_a_compound_that_only_the_glossary_defines_is_found_there(
    ask: Callable[..., dict],
) -> None:
    whole, part = ask(["卷积神经网络", "神经网络"])["results"]
    assert whole[0].startswith("chapters/glossary#")
    assert whole[0] in part


def test_results_are_named_without_excerpts_where_a_page_may_not_read_another(
    ask: Callable[..., dict],
) -> None:
    assert ask(["perplexity"], protocol="http:")["summaries"] is True
    assert ask(["perplexity"], protocol="file:")["summaries"] is False
