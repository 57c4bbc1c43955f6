"""Each chapter as a notebook: plain Markdown, the book's numbers, cells that run by themselves."""

import ast
import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("[0-9][0-9]-*.md"))
sys.path.append(str(ROOT / "chapters" / "_ext"))

from notebooks import convert, first_code_cell  # noqa: E402

REPOSITORY = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]

# What only Sphinx and MyST understand: a directive, a role, a label, a comment.
MYST = re.compile(
    r"^[`:]{3,}\{|\{[a-z:-]+\}`|^\([\w-]+\)=|^%|^:[a-z-]+:|^\+\+\+|\]\([\w./-]+\.md", re.MULTILINE
)

CHAPTER = """\
---
file_format: mystnb
---

(label-of-the-page)=
# A title with $h_t$

% a note to ourselves
Text with {ref}`a label <there>`, `{ref}` as code, $a_{`x`}$ and [a page](other.md#place).

```{code-cell} ipython3
:tags: [hide-input]

import math
from myst_nb import glue
glue("drawing", math.pi, display=False)
```

(second)=
## Second
More, on two
lines with {glue:text}`pi:.2f`.

```{code-cell} ipython3
---
mystnb: {image: {alt: "a picture"}}
tags: [remove-cell]
---
print("```{note} is no directive here")
```

$$
a = b
$$ (equation)

```{glue:figure} drawing
:name: fig-drawing

What is drawn? A {doc}`thing`.
```

::::{admonition} A {doc}`titled` box
:class: note

One line.

```{math}
:label: inner
c = d
```
::::

```{warning}
Take care.
```

```
{ref}`in a listing, which is left alone`
```
"""


def resolve(role: str, content: str) -> str:
    return f"<{role}|{content}>"


def converted(chapter: str = CHAPTER) -> nbformat.NotebookNode:
    notebook = convert(chapter, resolve, "the_setup_cell()", "svg { }", "https://book/page.html")
    nbformat.validate(notebook)
    return notebook


def test_what_only_sphinx_understands_becomes_plain_markdown() -> None:
    texts = [cell.source for cell in converted().cells if cell.cell_type == "markdown"]
    assert texts[0].startswith("# A title with $h_t$\n\nA chapter of [")
    assert "(https://book/page.html)" in texts[0]
    assert texts[1:] == [
        "Text with <ref|a label <there>>, `{ref}` as code, $a_{`x`}$ "
        "and [a page](<page|other#place>).",
        "## Second\nMore, on two\nlines with <glue:text|pi:.2f>.",
        "$$\na = b\n$$\n\n"
        "**<numref|fig-drawing>.** What is drawn? A <doc|thing>.\n\n"
        "> **A <doc|titled> box**\n>\n> One line.\n>\n> $$\n> c = d\n> $$\n\n"
        "> **Warning**\n>\n> Take care.\n\n"
        "```\n{ref}`in a listing, which is left alone`\n```",
    ]


def test_hidden_code_is_folded_and_what_glue_did_for_the_page_it_does_in_the_notebook() -> None:
    first, preparation, hidden, removed = (
        cell for cell in converted().cells if cell.cell_type == "code"
    )
    assert first.source == "the_setup_cell()"
    for folded in (preparation, hidden, removed):
        assert folded.metadata == {"cellView": "form", "jupyter": {"source_hidden": True}}
        assert folded.source.startswith("# @title ")
    assert "svg { }" in preparation.source
    assert "if display or name in ['drawing']:" in preparation.source
    assert "myst_nb" not in hidden.source
    assert removed.source.endswith('print("```{note} is no directive here")')


@pytest.mark.parametrize(
    ("chapter", "complaint"),
    [
        ("# A\n\n```{table} B\n```\n", r"the directive \{table\} has no plain form"),
        ("# A\n\n```{note}\nopen", "never closed"),
        ("# A\n\n```{code-cell}\nimport myst_nb\n```\n", "needs myst_nb for more"),
        ("text alone\n", "no title"),
    ],
)
def test_a_form_that_has_no_plain_one_stops_the_build(chapter: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        converted(chapter)


@pytest.fixture(params=CHAPTERS)
def published(
    request: pytest.FixtureRequest, require_file: Callable[[Path, str], Path]
) -> tuple[str, nbformat.NotebookNode]:
    path = SITE / "notebooks" / f"{request.param}.ipynb"
    require_file(path, "`make book` makes it")
    return request.param, nbformat.read(path, as_version=nbformat.NO_CONVERT)


def test_a_published_notebook_is_valid_and_plain(
    published: tuple[str, nbformat.NotebookNode],
) -> None:
    _, notebook = published
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert code[0] == first_code_cell(ROOT / "exercises/01-language-models.ipynb")
    assert "lmlib-book" in code[0]
    for source in code[1:]:
        assert "myst_nb" not in source
        ast.parse(source)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            prose = re.sub(r"^```.*?^```$", "", cell.source, flags=re.MULTILINE | re.DOTALL)
            assert not MYST.search(re.sub(r"`[^`{]*\{\w+\}`", "", prose)), cell.source


def test_a_published_notebook_says_the_numbers_of_its_page(
    published: tuple[str, nbformat.NotebookNode],
) -> None:
    name, notebook = published
    page = (SITE / "chapters" / f"{name}.html").read_text(encoding="utf-8")
    values = re.findall(r'<span class="pasted-text">([^<]+)</span>', page)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert [value for value in values if value not in text] == []


def test_each_chapter_opens_in_colab_from_the_branch_that_publish_yml_makes(
    published: tuple[str, nbformat.NotebookNode],
) -> None:
    name, _ = published
    page = (SITE / "chapters" / f"{name}.html").read_text(encoding="utf-8")
    owner_and_name = REPOSITORY.removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{owner_and_name}/blob"
    assert f'href="{colab}/notebooks/{name}.ipynb"' in page
    assert f'href="../notebooks/{name}.ipynb"' in page
    workflow = (ROOT / ".github/workflows/publish.yml").read_text(encoding="utf-8")
    assert "path: _build/html/notebooks" in workflow
    assert "HEAD:refs/heads/notebooks" in workflow


WITHOUT_THE_BOOK = """\
import sys


class TheBook:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"myst_nb", "sphinx", "docutils", "jupyter_book"}:
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, TheBook())
"""


# Half a minute each: the first chapter stands for all but in .ci/run.
RUN = CHAPTERS if os.environ.get("LMLIB_REQUIRE_ALL") == "1" else CHAPTERS[:1]


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory, require_file: Callable[[Path, str], Path]
) -> dict[str, nbformat.NotebookNode | BaseException]:
    """The chapters' notebooks, run without the book's machinery, two at a time."""
    folder = tmp_path_factory.mktemp("notebooks")

    async def run(name: str, room: asyncio.Semaphore) -> nbformat.NotebookNode:
        path = require_file(SITE / "notebooks" / f"{name}.ipynb", "`make book` makes it")
        notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(WITHOUT_THE_BOOK, id="without"))
        client = NotebookClient(notebook, timeout=240, resources={"metadata": {"path": folder}})
        async with room:
            await client.async_execute()
        return notebook

    async def run_all() -> list[nbformat.NotebookNode | BaseException]:
        room = asyncio.Semaphore(2)
        return await asyncio.gather(*(run(name, room) for name in RUN), return_exceptions=True)

    return dict(zip(RUN, asyncio.run(run_all()), strict=True))


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", RUN)
def test_a_published_notebook_runs_where_the_book_s_machinery_is_not_installed(
    name: str, runs: dict[str, nbformat.NotebookNode | BaseException]
) -> None:
    notebook = runs[name]
    if isinstance(notebook, BaseException):
        raise notebook
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    drawn = json.dumps([output.get("data", {}).get("text/html", "") for output in outputs])
    if 'class=\\"diagram' in drawn:
        assert "--lm-ground" in drawn  # the drawing language came along
