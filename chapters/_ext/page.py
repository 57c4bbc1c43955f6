"""The page around the text: what its head says, which scripts it loads, who can use it.

Everything that a page needs lies beside it, so that it opens from a file and where content
delivery networks are slow; what it does not use, it does not load.
"""

from __future__ import annotations

import html
import importlib.util
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from lmlib.translation import gettext as _

# MathJax 3 in parts: without its menu and speech engine it is a third lighter. Formulas still reach
# a screen reader, as MathML.
MATHJAX_PARTS = ("input/tex", "output/chtml", "a11y/assistive-mml")
MATHJAX_FILES = (
    "startup.js",
    "core.js",
    "input/tex.js",
    "input/tex/extensions",
    "output/chtml.js",
    "output/chtml/fonts",
    "a11y/assistive-mml.js",
)

# A part of the theme is loaded on the pages whose text has what it is for.
NEEDED_FOR = {
    r'class="(?:[^"]* )?sd-': ("sphinx-design.min.css", "design-tabs.js"),
    r'class="(?:[^"]* )?(?:toggle|dropdown)[ "]': ("togglebutton.css", "togglebutton.js"),
    r'class="(?:[^"]* )?highlight': ("clipboard.min.js", "copybutton.js", "copybutton.css"),
}
# sphinx-thebe wants a live kernel, which no page has. Marking the words that were searched for is
# for the list of results: in a chapter it would cut into the interactives' style sheets.
NEVER_NEEDED = ("sphinx-thebe.css", "sphinx-thebe.js")
SEARCH_PAGE_ONLY = ("sphinx_highlight.js",)


def setup(app: Sphinx) -> None:
    app.connect("config-inited", keep_everything_local)
    app.connect("config-inited", say_where_the_book_is)
    app.connect("html-page-context", load_what_is_used, priority=800)
    app.connect("html-page-context", draw_icons_from_one_font, priority=800)
    app.connect("html-page-context", name_every_control, priority=800)
    app.connect("html-page-context", texts_alone_are_canonical, priority=800)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", write_first_page)


def keep_everything_local(app: Sphinx, config: Config) -> None:
    config.mathjax_path = "mathjax/startup.js"
    config.mathjax_options = {"defer": "defer"}  # the text is painted first
    config.mathjax3_config = {"loader": {"load": list(MATHJAX_PARTS)}}
    config.templates_path.insert(0, str(Path(__file__).parent / "templates"))


def say_where_the_book_is(app: Sphinx, config: Config) -> None:
    """Derive every address from ``html.baseurl`` of ``_config.yml``."""
    config.ogp_site_url = config.html_baseurl
    config.notfound_urls_prefix = root = urlsplit(config.html_baseurl).path
    config.notfound_context = {
        "title": _("Page not found"),
        "body": _(
            "<h1>There is no such page</h1>"
            "<p>It may have been renamed, or the address has a slip. "
            'Begin again at <a href="{root}index.html">the front page</a>, or '
            '<a href="{root}search.html">search the book</a>.</p>'
        ).format(root=root),
    }


def load_what_is_used(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Leave out each script and style sheet that the page does not use, and every second copy."""
    body = context.get("body", "")
    unused = list(NEVER_NEEDED)
    if pagename != "search":
        unused += SEARCH_PAGE_ONLY
    for pattern, names in NEEDED_FOR.items():
        if not re.search(pattern, body):
            unused += names
    for kind in ("script_files", "css_files"):
        kept: dict[tuple[str, str], Any] = {}
        for asset in context.get(kind, []):
            name = str(getattr(asset, "filename", asset) or "")
            inline = getattr(asset, "attributes", {}).get("body", "")
            if "THEBE_JS_URL" not in inline and name.rpartition("/")[2] not in unused:
                kept.setdefault((name, inline), asset)
        if kind in context:
            context[kind] = list(kept.values())


def draw_icons_from_one_font(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Take a sign for the repository from the font of all the others."""
    for button in context.get("header_buttons", []):
        for item in (button, *button.get("buttons", [])):
            if item.get("icon") == "fab fa-github":
                item["icon"] = "fas fa-code-branch"


def name_every_control(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Call each control aloud what is written on it (the theme's names differ, or are missing)."""
    context["name_of_the_side_bar"] = _("The book")
    if "body" in context:
        body = context["body"].replace(' aria-label="Toggle hidden content"', "")
        # a formula wider than a phone scrolls, by keyboard too
        formula = '<div class="math notranslate nohighlight"'
        context["body"] = body.replace(formula, f'{formula} tabindex="0"')
    contents = context.get("generate_toctree_html")
    if contents:

        def with_names(*arguments: Any, **options: Any) -> str:
            found = str(contents(*arguments, **options))
            label = html.escape(_("Pages of this chapter"))
            return found.replace("<summary>", f'<summary aria-label="{label}">')

        context["generate_toctree_html"] = with_names


def texts_alone_are_canonical(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Give the search page, the 404 page and the index no canonical address."""
    if doctree is None:
        context["pageurl"] = None


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Put MathJax beside the pages, from the installed wheel, so that formulas need no network."""
    if exception or app.builder.format != "html":
        return
    package = importlib.util.find_spec("mathjax")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("MathJax is missing: pip install django-static-mathjax (extra [book]).")
    source = Path(package.submodule_search_locations[0]) / "static" / "mathjax" / "es5"
    target = Path(app.outdir) / "_static" / "mathjax"
    for name in MATHJAX_FILES:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)
    for name in ("scripts/fontawesome.js", "scripts/fontawesome.js.map"):  # no page loads them
        (Path(app.outdir) / "_static" / name).unlink(missing_ok=True)


def write_first_page(app: Sphinx, exception: Exception | None) -> None:
    """Lead from the site's address to the front page, and show there what a shared link shows."""
    if exception or app.builder.format != "html":
        return
    front = f"{app.config.root_doc}.html"
    text = (Path(app.outdir) / front).read_text(encoding="utf-8")
    shown = re.findall(r'<meta (?:property="og:|name="description")[^>]*>', text)
    title = html.escape(str(app.config.html_title or app.config.project))
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="{app.config.language}">',
        '<meta charset="utf-8">',
        f"<title>{title}</title>",
        f'<meta http-equiv="refresh" content="0; url={front}">',
        f'<link rel="canonical" href="{app.config.html_baseurl}{front}">',
        '<link rel="icon" href="_static/favicon.svg">',
        *shown,
        f'<p><a href="{front}">{title}</a></p>',
    ]
    (Path(app.outdir) / "index.html").write_text("\n".join(lines) + "\n", encoding="utf-8")
