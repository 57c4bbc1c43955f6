"""The front page and the reference pages say what is so: the map, the words, the corpora."""

import ast
import html
import io
import re
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from lmlib.corpora import describe, names
from lmlib.figures import PALETTE

ROOT = Path(__file__).parents[1]
CHAPTERS = ROOT / "chapters"
REFERENCE = ("index", "notation", "source-map", "glossary", "data-and-licences")
DOCUMENTS = ROOT.parent / "shared" / "documents"


def read(page: str) -> str:
    return (CHAPTERS / f"{page}.md").read_text(encoding="utf-8")


@cache
def run(page: str) -> tuple[str, ...]:
    """What each cell of a page shows: printed text, and the HTML of its last expression."""
    pytest.importorskip("IPython", reason="IPython is not installed: no cell can be run.")
    cells = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", read(page), re.M | re.S)
    scope: dict[str, Any] = {}
    shown = []
    for cell in cells:
        code = ast.parse(re.sub(r"\A(?::\w+:[^\n]*\n)+", "", cell))
        last = code.body.pop() if isinstance(code.body[-1], ast.Expr) else None
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, page, "exec"), scope)
            value = (
                eval(compile(ast.Expression(last.value), page, "eval"), scope)
                if isinstance(last, ast.Expr)
                else None
            )
        shown.append(printed.getvalue() + getattr(value, "data", ""))
    return tuple(shown)


def maps() -> list[str]:
    """The map of the front page, as it is drawn for a wide window and for a phone."""
    drawn = re.findall(r"<svg.*?</svg>", run("index")[0], re.S)
    assert len(drawn) == 2
    return drawn


def chapter_pages() -> list[str]:
    """Pages of the numbered chapters, from the table of contents."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    numbered = [part for part in contents["parts"] if part.get("numbered")]
    pages = []
    for part in numbered:
        for chapter in part["chapters"]:
            pages += [chapter["file"], *(s["file"] for s in chapter.get("sections", []))]
    return [page.removeprefix("chapters/") for page in pages]


def is_written(number: int) -> bool:
    return any(CHAPTERS.glob(f"{number:02}-*.md"))


# ---------------------------------------------------------------- the front page


def test_every_chapter_stands_on_the_map_linked() -> None:
    for drawn in maps():
        linked = re.findall(r'<a href="([^"]+)\.html">', drawn)
        assert sorted(linked) == sorted(chapter_pages())


def test_no_station_without_a_link_has_a_page() -> None:
    for drawn in maps():
        unlinked = re.sub(r"<a .*?</a>", "", drawn)
        numbers = [int(number) for number in re.findall(r">(\d+) ", unlinked)]
        assert numbers, "no station is left to be written: this test has nothing to look at"
        assert [number for number in numbers if is_written(number)] == []


def test_every_planned_chapter_is_named_on_the_map_once() -> None:
    for drawn in maps():
        assert sorted(map(int, re.findall(r">(\d+) ", drawn))) == list(range(1, 20))


def test_the_map_says_the_same_on_a_phone() -> None:
    wide, narrow = (re.findall(r"<text[^>]*>([^<]*)</text>", drawn) for drawn in maps())
    assert wide == narrow


def test_the_map_has_the_colours_of_the_palette_and_no_others() -> None:
    for drawn in maps():
        used = set(re.findall(r"var\(--lm-([\w-]+)\)", drawn))
        assert used - {"line"} == set(PALETTE)
        assert not re.search(r"#[0-9A-Fa-f]{3,8}\b|rgb|hsl", drawn)


def test_nothing_on_the_map_is_cut_off_at_its_edge() -> None:
    a_letter = 6.6  # pixels, at a font size of 15
    for drawn in maps():
        width, height = map(int, re.findall(r'viewBox="0 0 (\d+) (\d+)"', drawn)[0])
        for x, y, words in re.findall(r'<text x="(\d+)" y="(\d+)"[^>]*>([^<]*)</text>', drawn):
            assert int(x) + a_letter * len(html.unescape(words)) <= width, words
            assert int(y) <= height, words
        sides = re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', drawn)
        assert all(int(x) + int(w) <= width and int(y) + int(h) <= height for x, y, w, h in sides)


def test_the_links_of_the_map_can_be_reached_and_heard() -> None:
    for drawn in maps():
        assert 'role="img"' not in drawn  # it would hide the links from a screen reader
        assert 'aria-label="Map of the book"' in drawn
        assert "tabindex" not in drawn


def test_the_predicting_lines_end_as_the_page_says() -> None:
    confident, mistaken = (
        re.findall(r"<li><span>([^<]+)</span>.*?<small>([^<]+)</small>", shown)
        for shown in run("index")[1:3]
    )
    assert confident[0][0] == "say"
    assert float(confident[0][1].removesuffix(" %")) > 90  # "as sure as you are"
    assert mistaken[0][0] == "friend"
    assert len(mistaken) == 4  # the best three, and the truth that is none of them
    assert mistaken[-1] == ("wife", "&lt; 1 %")


def test_the_text_never_tells_a_reader_to_install_the_other_lmlib() -> None:
    for path in CHAPTERS.glob("*.md"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.search(r"pip install\b.*(?<![\w/-])lmlib(?![\w/-])", line), (
                f"{path.name}: {line}"
            )


# ---------------------------------------------------------------- the glossary


def glossary() -> dict[str, tuple[str, str]]:
    """English term -> (Chinese, definition), in the order of the page."""
    block = read("glossary").partition("```{glossary}\n")[2].partition("\n```")[0]
    entries = [entry.split("\n") for entry in block.split("\n\n")]
    assert {len(entry) for entry in entries} == {3}
    return {english: (chinese, definition) for english, chinese, definition in entries}


def test_glossary_is_sorted_and_each_entry_is_one_term_in_two_languages() -> None:
    entries = glossary()
    assert list(entries) == sorted(entries, key=str.lower)
    chinese = [name for name, _ in entries.values()]
    assert len(set(chinese)) == len(chinese)
    assert [name for name in chinese if not re.search("[\u4e00-\u9fff]", name)] == []


def terms_defined_in_chapters() -> list[tuple[str, str, str]]:
    """(page, English, Chinese) of each **term** (术语)."""
    found = []
    for page in chapter_pages():
        for english, chinese in re.findall(
            r"\*\*([^*\n]+)\*\* *[(（]([^)）\n]*[\u4e00-\u9fff][^)）\n]*)[)）]", read(page)
        ):
            (name, *_) = [
                n for n in re.split("[;；,，]", chinese) if re.search("[\u4e00-\u9fff]", n)
            ]
            found.append((page, english.lower(), name.strip()))
    return found


def test_each_term_that_a_chapter_defines_is_in_the_glossary_by_the_same_names() -> None:
    known = {english.lower(): chinese for english, (chinese, _) in glossary().items()}
    defined = terms_defined_in_chapters()
    assert defined, "no chapter defines a term: this test has nothing to look at"
    for page, english, chinese in defined:
        entry = english if english in known else english.removesuffix("s")
        assert entry in known, f"{page}: {english} ({chinese}) is not in the glossary"
        assert known[entry] == chinese, f"{page}: {english}"


def test_a_term_of_a_written_chapter_is_linked_to_it() -> None:
    for english, (_, definition) in glossary().items():
        number = re.search(r"\(chapter (\d+)\)$", definition)
        if number:
            assert not is_written(int(number[1])), f"{english}: link chapter {number[1]}"
        else:
            assert re.search(r"\(\{(ref|doc)\}`[\w-]+`\)$", definition), english


# ---------------------------------------------------------------- the source map


def test_the_source_map_calls_no_written_chapter_a_later_one() -> None:
    tables = read("source-map").partition("(source-map-slips)=")[0]
    for line in tables.splitlines():
        if "later" not in line:
            continue
        place = line.rsplit("| ", 1)[1] if line.startswith("|") else ""
        plain = re.sub(r'\{\w+\}`[^`]*`|"[^"]*"', "", place)
        for number in re.findall(r"\d+", plain):
            assert not is_written(int(number)), line


def test_the_corrections_are_what_their_cells_show() -> None:
    shown = "\n".join(run("source-map"))
    apart = dict(
        re.findall(r"^(chain rule|Markov|independent words) .* by ([\d.]+) in all", shown, re.M)
    )
    assert (
        float(apart["chain rule"]) == 0 < float(apart["Markov"]) < float(apart["independent words"])
    )
    assert "perplexity 6.000" in shown  # of a die
    near, far = (float(x) for x in re.findall(r"^keeps the .* perplexity (\d+)$", shown, re.M))
    assert near < far
    laplace, kneser_ney = (
        float(x) for x in re.findall(r"nothing is zero, perplexity +(\d+)", shown)
    )
    assert laplace > kneser_ney
    good, foreign = (
        [
            float(x)
            for x in re.findall(r"ln P +(-[\d.]+) +per token +(-[\d.]+) +" + sentence, shown)[0]
        ]
        for sentence in ("今天天气很好", "今天天气很优秀")
    )
    assert good[0] < foreign[0]  # the good sentence loses
    assert good[1] > foreign[1]
    assert "= 3.440   -ln 0.03 = 3.51" in shown
    assert "-ln 0.87 = 0.139      log10 0.87 = -0.06" in shown
    written = re.findall(r"^She was (.*)$", shown, re.M)[0]
    assert any(written[:30] == written[gap : gap + 30] for gap in range(1, 60))  # in circles
    assert "9 tokens from 我 to the gap" in shown


@pytest.mark.parametrize("page", REFERENCE)
def test_no_prose_is_copied_from_the_documents(page: str) -> None:
    if not DOCUMENTS.is_dir():
        pytest.skip("The five documents are not at hand: copying cannot be looked for.")

    def chinese(text: str) -> str:
        return re.sub(r"[^\u4e00-\u9fff]", "", text)

    theirs = "\n".join(chinese(path.read_text("utf-8")) for path in DOCUMENTS.glob("*.txt"))
    assert len(theirs) > 1000
    for line in read(page).splitlines():
        ours = chinese(line)
        runs = (ours[start : start + 18] for start in range(len(ours) - 17))
        assert [run for run in runs if run in theirs] == []


# ---------------------------------------------------------------- data and licences


def test_each_corpus_is_on_the_data_page_once_with_its_licence() -> None:
    shown = "".join(run("data-and-licences"))
    rows = re.findall(r"<tr><td><code>(.*?)</tr>", shown)
    by_name = {row.partition("</code>")[0]: html.unescape(row) for row in rows}
    assert len(rows) == len(by_name)
    assert set(by_name) == set(names())
    for name, row in by_name.items():
        assert f"<td>{describe(name).licence}</td>" in row
        assert describe(name).description in row


def test_the_data_page_cites_as_the_citation_file_does() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    bibtex = run("data-and-licences")[-1]
    for field in (cited["title"], cited["version"], cited["repository-code"]):
        assert f"{{{field}}}" in bibtex
    assert cited["authors"][0]["name"] in bibtex
