"""Catalogs hold what a translator needs: each sentence of the chapters, each of the code."""

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[1]
CATALOGS = ROOT / "_build" / "gettext"
PAGES = sorted(path.stem for path in (ROOT / "chapters").glob("*.md"))
FOLDERS = ("lmlib", "chapters/_ext")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
sys.path.append(str(ROOT / "chapters" / "_ext"))

from catalogs import main  # noqa: E402


@pytest.fixture
def messages(require_file: Callable[[Path, str], Path]) -> Callable[..., set[str]]:
    """``messages(name, *sources)`` reads a catalog that is younger than its sources."""

    def read(name: str, *sources: Path) -> set[str]:
        path = require_file(CATALOGS / f"{name}.pot", "`make catalogs` makes it")
        written = path.stat().st_mtime
        if any(source.stat().st_mtime > written for source in sources):
            pytest.skip("The catalogs are older than their sources: `make catalogs` first.")
        with path.open("rb") as file:
            return {str(message.id) for message in read_po(file) if message.id}

    return read


def spaces_are_one(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize("page", PAGES)
def test_headings_prose_and_captions_of_a_page_are_in_its_catalog(
    page: str, messages: Callable[..., set[str]]
) -> None:
    source = ROOT / "chapters" / f"{page}.md"
    found = {spaces_are_one(message) for message in messages(f"chapters/{page}", source)}
    text = re.sub(r"\A---\n.*?\n---\n", "", source.read_text(encoding="utf-8"), flags=re.DOTALL)

    captions = re.findall(
        r"^```\{glue:figure\}[^\n]*\n(?::[^\n]*\n)*\n(.*?)^```", text, re.M | re.S
    )
    outside = re.sub(r"^([`:]{3,}).*?^\1 *$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", outside, re.MULTILINE)
    prose = re.findall(r"(?:\A|\n)\n([A-Z][^\n|$]*\.)\n(?=\n)", outside)
    assert headings
    if page[:2].isdigit():
        assert len(prose) > 10
    for sentence in [*headings, *prose, *captions]:
        assert spaces_are_one(sentence) in found


def test_the_sentences_of_the_code_are_in_its_catalog_within_f_strings_too(
    messages: Callable[..., set[str]],
) -> None:
    found = messages("lmlib", *MODULES)
    code = {path: path.read_text(encoding="utf-8") for path in MODULES}
    literals = r"""\b_\(\s*((?:"[^"\\\n]*"|'[^'\\\n]*'|\s)+)\)"""  # on one line or on several
    marked = [
        (path, ast.literal_eval(f"({literal})"))
        for path, text in code.items()
        if path.name != "catalogs.py"  # whose docstring shows examples
        for literal in re.findall(literals, text)
    ]
    assert len(marked) > 200
    assert any("spelled correctly?" in sentence for _path, sentence in marked)  # chapters/_ext
    for path, sentence in marked:
        assert sentence in found, path


@pytest.mark.parametrize("line", ["gettext", "gettext as say"])
def test_gettext_under_a_name_that_is_not_looked_for_is_an_error(line: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(f"from lmlib.translation import {line}\n")
    with pytest.raises(SystemExit, match=r"module\.py, line 1: import gettext as _"):
        main(str(tmp_path / "found.pot"), str(tmp_path))


@pytest.mark.parametrize("call", ['_(f"{n} cases")', "_(sentence)", '_("a", "b")', '_("a" + b)'])
def test_a_sentence_that_no_translation_could_match_is_an_error(call: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(f"\n{call}\n")
    with pytest.raises(SystemExit, match=r"module\.py, line 2: write the sentence out"):
        main(str(tmp_path / "found.pot"), str(tmp_path))
    assert not (tmp_path / "found.pot").exists()
