"""Each chapter as a notebook that needs nothing of the book's machinery, for Colab or at home.

A chapter is MyST Markdown; what only Sphinx understands in it becomes plain Markdown here, and a
number that a cell computed is written out. The notebooks lie beside the site (``notebooks/``), and
``publish.yml`` puts them on the branch that Colab opens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import yaml
from docutils import nodes
from myst_nb.core.variables import format_plain_text  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole

from lmlib.grading.notebooks import METADATA
from lmlib.translation import gettext as _

BRANCH = "notebooks"
CHAPTER = re.compile(r"chapters/(\d\d-[\w-]+)")

DIRECTIVE = re.compile(r"(?P<fence>`{3,}|:{3,})\{(?P<name>[\w:-]+)\} *(?P<argument>.*)")
PLAIN_FENCE = re.compile(r"`{3,}|~{3,}")
DROPPED = re.compile(r"\([\w-]+\)= *$|%|\+\+\+")  # labels, comments, breaks between cells
ADMONITIONS = set(
    "admonition attention caution danger error hint important note seealso tip warning "
    "dropdown margin sidebar topic".split()
)
INLINE = re.compile(
    r"\{(?P<role>[\w:-]+)\}(?P<ticks>`+)(?P<content>.+?)(?P=ticks)"
    r"|(?P<verbatim>(?P<code>`+)(?!`).+?(?<!`)(?P=code)(?!`)|\$[^$]+\$)"
    r"|\]\((?P<page>[\w./-]+)\.md(?P<anchor>#[\w-]+)?\)",
    re.DOTALL,
)

# What the pages' frame does for the cells' output, done by the notebook itself.
PREPARATION = '''\
# @title The book's drawing style (run this cell once)
from IPython import get_ipython
from IPython.display import HTML, SVG
from IPython.display import display as _display

_STYLE = """<style>
{style}
svg.diagram {{ background: var(--lm-ground); }}
</style>"""
for _kind in (HTML, SVG):
    get_ipython().display_formatter.formatters["text/html"].for_type(
        _kind, lambda shown: _STYLE + shown.data
    )
'''
GLUE = '''

def glue(name, value, display=True):
    """Show a figure where it is made; a number stands in the text already."""
    if display or name in {figures}:
        _display(value)
'''

Resolve = Callable[[str, str], str]


def setup(app: Sphinx) -> None:
    app.add_role("exercise", ExerciseRole())
    app.connect("html-page-context", offer_the_notebook, priority=800)
    app.connect("build-finished", write_notebooks)


def repository_url(config: Config) -> str:
    """Give ``repository.url`` of ``_config.yml``; a test holds it to the library's own."""
    return str(config.html_theme_options["repository_url"])


def colab_url(config: Config, branch: str, path: str) -> str:
    owner_and_name = urlsplit(repository_url(config)).path.strip("/")
    return f"https://colab.research.google.com/github/{owner_and_name}/blob/{branch}/{path}"


def exercise_urls(config: Config, name: str) -> tuple[str, str]:
    """Where the exercises ``03-ngrams`` are read, and where they are run."""
    path = f"exercises/{name}.ipynb"
    return f"{repository_url(config)}/blob/main/{path}", colab_url(config, "main", path)


class ExerciseRole(SphinxRole):
    """``{exercise}`03-ngrams` ``: the notebook of exercises, to read and to open in Colab."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        path = f"exercises/{self.text}.ipynb"
        if not (Path(self.env.srcdir) / path).is_file():
            message = self.inliner.reporter.error(f"there is no notebook {path}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        to_read, to_run = exercise_urls(self.config, self.text)
        return [
            nodes.reference("", "", nodes.literal("", path), refuri=to_read),
            nodes.Text(" ("),
            nodes.reference("", _("open in Colab"), refuri=to_run),
            nodes.Text(")"),
        ], []


def offer_the_notebook(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Put "Open in Colab" and the notebook's file into the menus above a chapter."""
    chapter = CHAPTER.fullmatch(pagename)
    if not chapter:
        return
    notebook = f"{chapter[1]}.ipynb"
    in_colab = {
        "type": "link",
        "url": colab_url(app.config, BRANCH, notebook),
        "text": _("Open in Colab"),
        "icon": "fas fa-cloud",
        "label": "launch-colab-button",
    }
    download = {
        "type": "link",
        "url": context["pathto"](f"notebooks/{notebook}", 1),
        "text": _("Download the notebook"),
        "icon": "fas fa-download",
        "label": "download-notebook-button",
    }
    group = {
        "type": "group",
        "tooltip": _("Run this chapter"),
        "icon": "fas fa-rocket",
        "buttons": [in_colab, download],
        "label": "launch-buttons",
    }
    context["header_buttons"].insert(0, group)


def write_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Write each chapter of a finished build as a notebook into ``notebooks/`` beside its pages."""
    if exception or app.builder.format != "html":
        return
    chapters = [name for name in sorted(app.env.found_docs) if CHAPTER.fullmatch(name)]
    if not chapters:
        return
    root, folder = Path(app.srcdir), Path(app.outdir) / "notebooks"
    folder.mkdir(exist_ok=True)
    style = (root / "chapters/_static/book.css").read_text(encoding="utf-8").strip()
    setup_cell = first_code_cell(root / "exercises/01-language-models.ipynb")
    for docname in chapters:
        source = Path(app.env.doc2path(docname)).read_text(encoding="utf-8")
        url = f"{app.config.html_baseurl}{docname}.html"
        try:
            notebook = convert(source, Resolver(app, docname), setup_cell, style, url)
        except ValueError as error:
            raise ExtensionError(f"{docname}.md cannot become a notebook: {error}") from error
        nbformat.validate(notebook)
        name = docname.removeprefix("chapters/")
        nbformat.write(notebook, folder / f"{name}.ipynb")


def first_code_cell(path: Path) -> str:
    """Take the cell that installs the library and looks whose it is from a notebook that has it."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def convert(
    source: str, resolve: Resolve, setup_cell: str, style: str, url: str
) -> nbformat.NotebookNode:
    """Turn a chapter into a notebook.

    Parameters
    ----------
    source : str
        The chapter, MyST Markdown.
    resolve : callable
        Gives plain Markdown for a role's name and content; ``("page", "03-ngrams#backoff")`` asks
        for the address of a page.
    setup_cell : str
        The first code cell.
    style : str
        The style sheet of the drawings.
    url : str
        Where the chapter is published.

    Raises
    ------
    ValueError
        If the chapter holds something that has no plain form; the message says what.
    """
    body = re.sub(r"\A---\n.*?\n---\n", "", source, flags=re.DOTALL)
    pieces = list(_pieces(body.split("\n"), resolve))
    title = next(
        (
            m[1]
            for kind, text, _fold in pieces
            if kind == "text" and (m := re.match(r"# (.*)", text))
        ),
        None,
    )
    if title is None:
        raise ValueError("it has no title")
    figures = sorted(set(re.findall(r"^[`:]{3,}\{glue:figure\} *(.*?) *$", body, re.MULTILINE)))
    preparation = PREPARATION.format(style=style)
    if re.search(r"^from myst_nb import glue$", body, re.MULTILINE):
        preparation += GLUE.format(figures=figures)
    origin = _(
        "A chapter of [a course in language models]({url}), as a notebook. Run the first two "
        "cells once. Text: CC BY 4.0. Code: MIT."
    )
    heading = f"# {title}\n\n{origin.format(url=url)}"
    pieces = [
        ("text", heading, False),
        ("code", setup_cell, False),
        ("code", preparation.strip(), True),
        *((kind, text.removeprefix(f"# {title}").strip(), fold) for kind, text, fold in pieces),
    ]
    notebook = nbformat.v4.new_notebook(metadata=METADATA)
    for number, (kind, text, fold) in enumerate((p for p in pieces if p[1]), start=1):
        if kind == "text":
            cell = nbformat.v4.new_markdown_cell(text, id=f"text-{number}")
        else:
            cell = nbformat.v4.new_code_cell(text, id=f"code-{number}")
            if fold:
                cell.metadata = {"cellView": "form", "jupyter": {"source_hidden": True}}
        notebook.cells.append(cell)
    return notebook


def _pieces(lines: list[str], resolve: Resolve) -> Iterator[tuple[str, str, bool]]:
    """Cut a chapter at its headings and its cells: ("text" or "code", source, folded)."""
    text: list[str] = []
    for block in _blocks(lines):
        directive = DIRECTIVE.match(block[0])
        if directive and directive["name"] == "code-cell":
            yield "text", "\n".join(text).strip(), False
            text = []
            yield "code", *_code(block)
            continue
        if re.match(r"#{1,6} ", block[0]):
            yield "text", "\n".join(text).strip(), False
            text = []
        text += _plain(block, resolve)
    yield "text", "\n".join(text).strip(), False


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Give each fenced block whole, and each run of other lines up to a blank one or a fence."""
    i = 0
    while i < len(lines):
        if DROPPED.match(lines[i]):
            i += 1
            continue
        fence = re.match(r"`{3,}|:{3,}|~{3,}", lines[i])
        start, i = i, i + 1
        if fence:
            closing = re.compile(rf"{fence[0][0]}{{{len(fence[0])},}} *$")
            while i < len(lines) and not closing.match(lines[i]):
                i += 1
            if i == len(lines):
                raise ValueError(f"{lines[start]!r} is never closed")
            i += 1
        else:
            while i < len(lines) and lines[i - 1].strip() and not re.match(r"[`:~]{3,}", lines[i]):
                i += 1
        yield lines[start:i]


def _options(block: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Part a directive's options (``:key: value`` lines, or YAML between ``---``) from its body."""
    body = block[1:-1]
    if body and body[0].strip() == "---":
        end = next(i for i, line in enumerate(body[1:], start=1) if line.strip() == "---")
        return yaml.safe_load("\n".join(body[1:end])) or {}, body[end + 1 :]
    options = {}
    while body and (option := re.match(r":([\w-]+): *(.*)", body[0])):
        options[option[1]] = yaml.safe_load(option[2])
        body = body[1:]
    return options, body


def _code(block: list[str]) -> tuple[str, bool]:
    options, body = _options(block)
    code = re.sub(r"^from myst_nb import glue\n?", "", "\n".join(body), flags=re.MULTILINE).strip()
    if "myst_nb" in code:
        raise ValueError("a cell needs myst_nb for more than `from myst_nb import glue`")
    tags = set(options.get("tags") or [])
    fold = bool(tags & {"hide-input", "remove-input", "hide-cell", "remove-cell"})
    return (f"# @title The code of this cell\n{code}" if fold and code else code), fold


def _plain(block: list[str], resolve: Resolve) -> list[str]:
    directive = DIRECTIVE.match(block[0])
    if directive:
        return _plain_directive(directive, block, resolve)
    if PLAIN_FENCE.match(block[0]):
        return block
    labelled = r"^(.*\$\$) *\([\w-]+\) *$"  # an equation
    kept = re.sub(labelled, r"\1", "\n".join(block), flags=re.MULTILINE)

    def plain(found: re.Match[str]) -> str:
        if found["verbatim"]:
            return found["verbatim"]
        if found["role"]:
            return resolve(found["role"], found["content"])
        return f"]({resolve('page', found['page'] + (found['anchor'] or ''))})"

    return INLINE.sub(plain, kept).split("\n")


def _plain_directive(directive: re.Match[str], block: list[str], resolve: Resolve) -> list[str]:
    name, argument = directive["name"], directive["argument"]
    options, body = _options(block)
    inside = [line for part in _blocks(body) for line in _plain(part, resolve)]
    while inside and not inside[0].strip():
        inside.pop(0)
    if name in ADMONITIONS:
        title = " ".join(_plain([argument], resolve)) or name.capitalize()
        return [f"> **{title}**", ">", *(f"> {line}".rstrip() for line in inside)]
    if name == "glue:figure":
        number = resolve("numref", options["name"]) if "name" in options else _("Figure")
        return [f"**{number}.** {inside[0] if inside else ''}", *inside[1:]]
    if name == "math":
        return ["$$", *body, "$$"]
    raise ValueError(f"the directive {{{name}}} has no plain form yet (chapters/_ext/notebooks.py)")


class Resolver:
    """What the roles of one page point to, in a finished build."""

    def __init__(self, app: Sphinx, docname: str) -> None:
        self.env, self.config, self.docname = app.env, app.config, docname
        values = Path(app.outdir).parent / "jupyter_execute" / f"{docname}.glue.json"
        self.glued = json.loads(values.read_text(encoding="utf-8")) if values.is_file() else {}

    def __call__(self, role: str, content: str) -> str:
        explicit = re.fullmatch(r"(.*?)\s*<([^<>]+)>", content, re.DOTALL)
        text, target = (explicit[1], explicit[2]) if explicit else ("", content)
        if role == "page":
            return self.address(*target.partition("#")[::2])
        if role == "doc":
            title = self.env.titles[f"chapters/{target}"].astext()
            return f"[{text or title}]({self.address(target, '')})"
        if role in ("ref", "numref", "term"):
            return self.link(role, text, target)
        if role == "eq":
            return f"({self.env.domains['math'].equations[target][1]})"
        if role.startswith("glue:"):
            return self.value(content)
        if role == "exercise":
            to_read, to_run = exercise_urls(self.config, content)
            return f"[`exercises/{content}.ipynb`]({to_read}) ([open in Colab]({to_run}))"
        raise ValueError(f"the role {{{role}}} has no plain form yet (chapters/_ext/notebooks.py)")

    def address(self, page: str, anchor: str) -> str:
        return f"{self.config.html_baseurl}chapters/{page}.html" + (f"#{anchor}" if anchor else "")

    def link(self, role: str, text: str, target: str) -> str:
        standard = self.env.domains["std"]
        if role == "term":
            docname, anchor = standard.objects["term", target]
            title = target
        else:
            docname, anchor, title = (
                standard.labels[target]
                if target in standard.labels
                else (*standard.anonlabels[target], text)
            )
        if role == "numref":
            number = self.env.toc_fignumbers[docname]["figure"][anchor]
            title = self.config.numfig_format["figure"] % ".".join(map(str, number))
            if docname == self.docname:
                return title
        return f"[{text or title}]({self.config.html_baseurl}{docname}.html#{anchor})"

    def value(self, content: str) -> str:
        name, _, form = content.partition(":")
        if name not in self.glued:
            raise ValueError(f"no cell glues {name!r}")
        return format_plain_text(self.glued[name]["data"]["text/plain"], form)
