"""Search that cuts the pages and the reader's query in the same way, Chinese included.

Latin words are stemmed as English. A run of Chinese characters becomes its pairs of neighbours,
so that 循环神经网络 is found by 神经网络 and by itself alike, without a dictionary of words.
"""

from __future__ import annotations

import json
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.search import languages
from sphinx.search.en import SearchEnglish
from sphinx.transforms import SphinxTransform

from lmlib.translation import gettext as _

CHINESE = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
RUNS = re.compile(rf"[{CHINESE}]+|(?:(?![{CHINESE}])\w)+")

# The same in the reader's browser. A result within a page is called by its section too. An excerpt
# has no code, no formulas and no figure's data in it. A page opened from a file may not read
# another one, so there the results come without.
SPLIT_QUERY = rf"""
function splitQuery(query) {{
  const runs = /[{CHINESE}]+|(?:(?![{CHINESE}])[\p{{Letter}}\p{{Mark}}\p{{Number}}_])+/gu;
  return (query.match(runs) || []).flatMap((run) => {{
    if (!/[{CHINESE}]/u.test(run) || run.length < 3) return [run];
    return Array.from({{length: run.length - 1}}, (_, i) => run.slice(i, i + 2));
  }});
}}
Scorer.score = (result) => {{
  const [name, title, anchor, , score] = result;
  for (const [section, places] of Object.entries(Search._index.alltitles))
    for (const [page, id] of places)
      if (id && "#" + id === anchor && Search._index.docnames[page] === name)
        if (!title.endsWith(" > " + section)) result[1] = title + " > " + section;
  return score;
}};
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
const textOf = Search.htmlToText;
Search.htmlToText = (source, anchor) => {{
  const page = new DOMParser().parseFromString(source, "text/html");
  page.querySelectorAll(".cell_input, figure.interactive, svg").forEach((part) => part.remove());
  page.querySelectorAll(".math").forEach((formula) => formula.replaceWith("…"));
  return textOf(page.documentElement.outerHTML, anchor);
}};
"""

# Sphinx says "page(s)" where a page may be listed for several of its sections, and speaks of
# categories that a reader cannot choose.
SAY = "Object.assign(Documentation.TRANSLATIONS, {messages});"
FOUND = "Search finished, found ${resultCount} page(s) matching the search query."
NOT_FOUND = (
    "Your search did not match any documents. Please make sure that all words are spelled "
    "correctly and that you've selected enough categories."
)


def setup(app: Sphinx) -> None:
    # Sphinx's own table, because its `add_search_language` cannot take the place of English
    languages["en"] = BookSearch
    app.add_transform(IndexDefinedTerms)


class BookSearch(SearchEnglish):
    """English words, and Chinese characters alone and in pairs."""

    js_splitter_code = SPLIT_QUERY + SAY.format(
        messages=json.dumps(
            {
                FOUND: _("Places found: ${resultCount}"),
                NOT_FOUND: _("Nothing was found. Is every word spelled correctly?"),
            }
        )
    )

    def split(self, input: str) -> list[str]:
        """Cut a text as it is indexed.

        Examples
        --------
        >>> BookSearch({}).split("Laplace 平滑法")
        ['Laplace', '平', '滑', '法', '平滑', '滑法']
        """
        words = []
        for run in RUNS.findall(input):
            if re.match(f"[{CHINESE}]", run):
                words += [*run, *(run[i : i + 2] for i in range(len(run) - 1))]
            else:
                words.append(run)
        return words


class IndexDefinedTerms(SphinxTransform):
    """Put each term that a page defines, **term** (术语), into the book's index, by both names.

    Search shows entries of the index first: the section that defines a word comes before the
    pages that use it.
    """

    default_priority = 400  # before Sphinx collects the index's entries

    def apply(self, **kwargs: object) -> None:
        if self.app.builder.name == "gettext":  # a translated page brings its own terms
            return
        for term in list(self.document.findall(nodes.strong)):
            following = term.next_node(nodes.Text, descend=False, siblings=True)
            gloss = re.match(r"\s*[(（]([^)）]+)", following.astext() if following else "")
            section = _section(term)
            if not gloss or not section or not re.search(f"[{CHINESE}]", gloss[1]):
                continue
            names = [term.astext(), *re.split(r"\s*[,;，；]\s*", gloss[1])]
            entries = [("single", name, section["ids"][0], "main", None) for name in names if name]
            section.insert(1, addnodes.index(entries=entries))


def _section(node: nodes.Node | None) -> nodes.section | None:
    while node is not None and not isinstance(node, nodes.section):
        node = node.parent
    return node
