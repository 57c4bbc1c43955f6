"""The strict build keeps its promises, seen on a book of one page with the real configuration."""

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


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of one page, whose library says 41."""
    for folder in ("chapters", "lmlib"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copytree(ROOT / "chapters/_ext", tmp_path / "chapters/_ext")
    shutil.copytree(ROOT / "chapters/_static", tmp_path / "chapters/_static")
    (tmp_path / "constraints.txt").write_text("")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: chapters/index\n")
    (tmp_path / "lmlib/__init__.py").write_text("ANSWER = 41\n")
    shutil.copy(ROOT / "lmlib/figures.py", tmp_path / "lmlib")
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
    write(book, "```\n\n{ref}`nowhere`\n\n```{code-cell} ipython3")
    held, complaint = build(book)
    assert not held
    assert "undefined label: 'nowhere'" in complaint


def test_a_page_needs_no_network_and_its_figures_take_the_page_s_colours(book: Path) -> None:
    write(book, FIGURE)
    held, page = build(book)
    assert held, page
    scripts = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page)
    assert [url for url in scripts if not url.startswith("https://lmlib-book.github.io")] == []
    assert (book / "_build/html/_static/mathjax/tex-mml-chtml.js").is_file()
    assert "_static/mathjax/tex-mml-chtml.js" in page
    assert "unpkg.com" not in page
    assert page.count("search-button-field") == 1  # the theme would show two

    (figure,) = re.findall(r'<div class="figure-svg"><svg.*?</svg>', page, flags=re.DOTALL)
    assert "var(--lm-counting)" in figure
    assert "currentColor" in figure
    assert 'role="img" aria-label="One line, rising from 1 to 3"' in figure
    assert "计数 counting" in figure  # as text, in the reader's fonts
    assert 'class="k">def</span>' in page  # the shown source is highlighted


def test_a_figure_that_nothing_describes_is_an_error(book: Path) -> None:
    write(book, re.sub(r"---\nmystnb.*\n---\n", "", FIGURE))
    held, complaint = build(book)
    assert not held
    assert "a figure without a description" in complaint
