"""The strict build keeps its promises, seen on a book of one page with the real configuration."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JUPYTER_BOOK = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]

PAGE = """\
---
file_format: mystnb
kernelspec: {{name: python3, display_name: Python 3}}
---
# A page

$\\log P(很好)$

```{{code-cell}} ipython3
import lmlib
print("the library says", lmlib.ANSWER)
{cell}
```
"""

FIGURE = """
```
```{code-cell} ipython3
---
mystnb: {image: {alt: "One line, rising from 1 to 3"}}
---
import matplotlib.pyplot as plt
from lmlib.figures import label_lines, show_source, use_book_style
use_book_style()
_, ax = plt.subplots()
ax.plot([1, 2], [1, 3], label="计数 counting", color="#7F7F7F")
label_lines(ax)
```
```{code-cell} ipython3
show_source(use_book_style)
"""


EXERCISE = """
```
{exercise}`03-ngrams`

```{code-cell} ipython3
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write_book(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book whose page has a figure, a link to exercises and shown source, built."""
    book = write_book(tmp_path_factory.mktemp("book"))
    write(book, EXERCISE + FIGURE)
    held, complaint = build(book)
    assert held, complaint
    return book / "_build/html"


def write_book(tmp_path: Path) -> Path:
    """A book of one page and an appendix, whose library says 41."""
    for folder in ("chapters", "lmlib", "exercises"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copytree(ROOT / "chapters/_ext", tmp_path / "chapters/_ext")
    shutil.copytree(ROOT / "chapters/_static", tmp_path / "chapters/_static")
    (tmp_path / "constraints.txt").write_text("")
    contents = "format: jb-book\nroot: chapters/index\nchapters:\n- file: chapters/more\n"
    (tmp_path / "_toc.yml").write_text(contents)
    (tmp_path / "chapters/more.md").write_text("# More\n")
    (tmp_path / "exercises/03-ngrams.ipynb").write_text("{}")
    (tmp_path / "lmlib/__init__.py").write_text("ANSWER = 41\n")
    for needed in ("errors.py", "figures.py", "repository.py"):
        shutil.copy(ROOT / "lmlib" / needed, tmp_path / "lmlib")
    write(tmp_path, "")
    return tmp_path


def write(book: Path, cell: str) -> None:
    (book / "chapters/index.md").write_text(PAGE.format(cell=cell), encoding="utf-8")


def build(book: Path) -> tuple[bool, str]:
    """Build as `make book` does, and give whether it held and the page or the complaint."""
    shutil.rmtree(book / "_build/html", ignore_errors=True)
    done = subprocess.run(
        [*JUPYTER_BOOK, "build", "--all", "-W", "-n", "--keep-going", "--quiet", str(book)],
        env=os.environ | {"PYTHONPATH": str(book)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return False, done.stdout + done.stderr
    return True, (book / "_build/html/chapters/index.html").read_text(encoding="utf-8")


def front_page(site: Path) -> str:
    return (site / "chapters/index.html").read_text(encoding="utf-8")


def test_an_edit_in_the_library_is_executed_again_and_nothing_else_is(book: Path) -> None:
    held, page = build(book)
    assert held, page
    assert "the library says 41" in page
    (cache,) = book.glob("_build/.jupyter_cache-*")

    assert build(book)[0]
    assert list(book.glob("_build/.jupyter_cache-*")) == [cache], (
        "nothing changed: keep the outputs"
    )

    (book / "lmlib/__init__.py").write_text("ANSWER = 42\n")
    held, page = build(book)
    assert held, page
    assert "the library says 42" in page


def test_a_failing_cell_fails_every_build_until_it_is_mended(book: Path) -> None:
    write(book, "1 / 0")
    for _ in range(2):
        held, complaint = build(book)
        assert not held
        assert "ZeroDivisionError" in complaint


def test_a_warning_that_a_cell_prints_is_an_error(book: Path) -> None:
    write(book, "import warnings; warnings.warn('this is old')")
    held, complaint = build(book)
    assert not held
    assert "stderr was found" in complaint


def test_a_reference_to_nothing_is_an_error(book: Path) -> None:
    write(book, "```\n\n{ref}`nowhere`, {exercise}`99-nothing`\n\n```{code-cell} ipython3")
    held, complaint = build(book)
    assert not held
    assert "undefined label: 'nowhere'" in complaint
    assert "there is no notebook exercises/99-nothing.ipynb" in complaint


def test_a_page_loads_only_what_lies_beside_it_each_thing_once_and_nothing_unused(
    finished: Path,
) -> None:
    page = front_page(finished)
    loaded = re.findall(r'<(?:script|img|iframe)\b[^>]*\ssrc="([^"]+)"', page)
    loaded += re.findall(r'<link [^>]*href="([^"]+)"[^>]*rel="(?:stylesheet|preload|icon)', page)
    loaded += re.findall(r'<link [^>]*rel="(?:stylesheet|preload|icon)[^>]*href="([^"]+)"', page)
    assert len(loaded) > 10
    for name in loaded:
        assert (finished / "chapters" / name.partition("?")[0]).is_file(), name
    assert page.count("search-button-field") == 1  # the theme would show two

    scripts = [name for name in loaded if ".js" in name]
    assert len(set(scripts)) == len(scripts)
    for unused in ("thebe", "fontawesome", "searchindex", "searchtools", "design-tabs", "toggleb"):
        assert [name for name in scripts if unused in name] == []
    (mathjax,) = re.findall(r"<script[^>]*_static/mathjax/[^>]*>", page)
    assert "defer" in mathjax
    started = re.search(r"window.MathJax = (\{.*?\})</script>", page)
    assert started
    for part in json.loads(started[1])["loader"]["load"]:
        assert (finished / f"_static/mathjax/{part}.js").is_file()


def test_a_figure_takes_the_page_s_colours_and_says_what_it_shows(finished: Path) -> None:
    page = front_page(finished)
    (figure,) = re.findall(r'<div class="figure-svg"><svg.*?</svg>', page, flags=re.DOTALL)
    assert "var(--lm-counting)" in figure
    assert "currentColor" in figure
    assert 'role="img" aria-label="One line, rising from 1 to 3"' in figure
    assert "计数 counting" in figure  # as text, in the reader's fonts
    assert 'class="k">def</span>' in page  # the shown source is highlighted


ADDRESS = "https://lmlib-book.github.io/lmlib-book/"


def meta(page: str) -> dict[str, str]:
    found = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', page)
    return {name: html.unescape(content) for name, content in found}


def test_a_shared_link_shows_the_book_and_a_lost_reader_finds_it(finished: Path) -> None:
    page, site = front_page(finished), finished
    front = f"{ADDRESS}chapters/index.html"
    for text in (page, (site / "index.html").read_text(encoding="utf-8")):
        said = meta(text)
        assert said["og:title"] == "A page"
        assert said["og:url"] == front
        assert said["og:image"] == f"{ADDRESS}_static/front.png"
        assert said["og:description"] == said["description"] != ""
        assert f'<link rel="canonical" href="{front}"' in text
    assert (site / "_static/front.png").is_file()

    places = re.findall("<loc>(.*?)</loc>", (site / "sitemap.xml").read_text(encoding="utf-8"))
    assert places == [front, f"{ADDRESS}chapters/more.html"]

    # GitHub shows this page for any address, however deep: nothing in it may be relative
    lost = (site / "404.html").read_text(encoding="utf-8")
    linked = re.findall(r'\s(?:src|href|action)="([^"]+)"', lost)
    inside = [url for url in linked if not re.match("https?:|#", url)]
    assert inside
    for url in inside:
        assert url.startswith("/lmlib-book/"), url
        assert (site / re.split("[?#]", url.removeprefix("/lmlib-book/"))[0]).is_file(), url
    assert '<a href="/lmlib-book/index.html">the front page' in lost
    assert '<a href="/lmlib-book/search.html">search the book' in lost
    assert "canonical" not in lost


def test_an_exercise_is_linked_to_read_and_to_run(finished: Path) -> None:
    page = front_page(finished)
    path = "lmlib-book/lmlib-book/blob/main/exercises/03-ngrams.ipynb"
    assert f'href="https://github.com/{path}"' in page
    assert f'href="https://colab.research.google.com/github/{path}"' in page


def test_a_figure_that_nothing_describes_is_an_error(book: Path) -> None:
    write(book, re.sub(r"---\nmystnb.*\n---\n", "", FIGURE))
    held, complaint = build(book)
    assert not held
    assert "a figure without a description" in complaint
