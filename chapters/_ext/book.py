"""The book's Sphinx extension: an honest execution cache, figures in the page's own colours.

Beside it: `page` (what surrounds the text), `search`, and `notebooks` (each chapter as a notebook).
"""

from __future__ import annotations

import hashlib
import html
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import notebooks
import page
import search
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

from lmlib.figures import PALETTE, TEXT_COLOUR

logger = logging.getLogger(__name__)


# The cells' kernels inherit it. Their matrices are small: on a machine with other work to do, two
# threads that wait for each other at every product take twenty times as long as one.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", keep_outputs_per_library)
    app.connect("doctree-resolved", inline_figures)
    for part in (page, search, notebooks):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def library_hash(root: Path) -> str:
    """Hash what every cell depends on: the library, artefacts, the pinned versions, Python.

    jupyter-cache compares a page's own code only: after an edit in ``lmlib/`` it would show what
    the old library printed.
    """
    digest = hashlib.sha256(sys.version.encode())
    folders = (root / "lmlib", root / "chapters" / "artefacts")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    for path in sorted(path for path in files if "__pycache__" not in path.parts):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update((root / "constraints.txt").read_bytes())
    return digest.hexdigest()[:16]


def keep_outputs_per_library(app: Sphinx, config: Config) -> None:
    """Execute every page again when what it depends on changed; forget older outputs."""
    root = Path(app.srcdir)
    cache = root / "_build" / f".jupyter_cache-{library_hash(root)}"
    for older in cache.parent.glob(".jupyter_cache*"):
        if older != cache:
            shutil.rmtree(older)
    config.nb_execution_cache_path = str(cache)


def inline_figures(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Write a cell's SVG figure into the page itself: it takes the colours of light and dark."""
    if app.builder.format != "html":
        return
    for image in list(doctree.findall(nodes.image)):
        path = Path(app.srcdir) / image["uri"]
        if path.suffix == ".svg" and "jupyter_execute" in path.parts:
            caption = image.next_node(nodes.caption, descend=False, siblings=True)
            description = image.get("alt") or (caption.astext() if caption else "")
            if not description:
                logger.warning(
                    "a figure without a description: give its cell mystnb: {image: {alt: ...}}",
                    location=image,
                )
            svg = themed_svg(path.read_text(encoding="utf-8"), path.stem[:8], description)
            image.replace_self(nodes.raw("", f'<div class="figure-svg">{svg}</div>', format="html"))


def themed_svg(svg: str, prefix: str, description: str) -> str:
    """Give a figure the stylesheet's colours, ids of its own (``prefix``) and a description."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    svg = re.sub(re.escape(TEXT_COLOUR), "currentColor", svg, flags=re.IGNORECASE)
    for family, colour in PALETTE.items():
        svg = re.sub(re.escape(colour), f"var(--lm-{family})", svg, flags=re.IGNORECASE)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(description)}"', 1)
