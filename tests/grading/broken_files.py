"""Files as students hand them in, broken or odd, each made from one good notebook."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXERCISE = "03-ngrams"
QUESTIONS = ("03-laplace", "03-backoff-context", "03-continuation-prob")
EXERCISES = Path(__file__).parents[2] / "exercises"
MB = 10**6


@dataclass(frozen=True)
class Broken:
    """A file. `content` is made anew each time, since some are large."""

    make: Callable[[], bytes]
    name: str  # under which it is handed in
    repaired: bool  # whether all of its answers can be found
    says: str  # what the error's sentence, or a note, has to hold; may be empty where repaired

    @property
    def content(self) -> bytes:
        return self.make()


def good() -> dict[str, Any]:
    """The notebook with all answers, as JSON."""
    return json.loads((EXERCISES / "solutions" / f"{EXERCISE}.ipynb").read_bytes())


def written(notebook: Any, **how: Any) -> bytes:
    return json.dumps(notebook, **({"indent": 1, "ensure_ascii": False} | how)).encode()


def _changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[], bytes]:
    def make() -> bytes:
        notebook = copy.deepcopy(good())
        change(notebook)
        return written(notebook)

    return make


def _each(change: Callable[[dict[str, Any]], Any], kind: str = "") -> Callable[[], bytes]:
    def change_all(notebook: dict[str, Any]) -> None:
        for cell in notebook["cells"]:
            if not kind or cell["cell_type"] == kind:
                change(cell)

    return _changed(change_all)


def _text() -> str:
    return written(good()).decode()


def _code() -> list[str]:
    return ["".join(c["source"]) for c in good()["cells"] if c["cell_type"] == "code"]


def _zip(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def _old() -> bytes:
    """As IPython 1 wrote it: worksheets, `input`, `prompt_number`."""
    cells = []
    for cell in good()["cells"]:
        if cell["cell_type"] == "code":
            old = {"cell_type": "code", "input": cell["source"], "language": "python"}
            cells.append(old | {"outputs": [], "prompt_number": 1})
        else:
            cells.append({"cell_type": "markdown", "source": cell["source"]})
    sheets = [{"cells": cells[:5]}, {"cells": cells[5:]}]
    return written({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": sheets})


def _conflict(ours: str, theirs: str, base: str | None = None) -> bytes:
    middle = "" if base is None else f"||||||| base\n{base}\n"
    mark = f"<<<<<<< HEAD\n{ours}\n{middle}=======\n{theirs}\n>>>>>>> main\n"
    return _text().replace('\n "nbformat": 4,\n', f"\n{mark}", 1).encode()


def _large_output(text: bytes, **how: Any) -> Callable[[], bytes]:
    """A notebook whose setup cell printed 100 MB, or what is given, as Jupyter writes it."""

    def make() -> bytes:
        notebook = good()
        notebook["cells"][1]["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": ["@here@"]}
        ]
        return written(notebook, **how).replace(b'"@here@"', text, 1)

    return make


def _add(index: int, source: Any, kind: str = "code") -> Callable[[], bytes]:
    cell = {"cell_type": kind, "metadata": {}, "source": source, "outputs": []}
    return _changed(lambda notebook: notebook["cells"].insert(index, cell))


def _page(title: str) -> Callable[[], bytes]:
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>...</body></html>"
    return lambda: page.encode()


def _no_markers(cell: dict[str, Any]) -> None:
    cell["source"] = [line for line in cell["source"] if not line.startswith("# exercise:")]


def _no_markers_nor_ids(cell: dict[str, Any]) -> None:
    _no_markers(cell)
    cell.update(id="", metadata={})


def _without(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(cell: dict[str, Any]) -> None:
        for name in names:
            cell.pop(name, None)

    return change


def _set(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda thing: thing.update(values)


def _nested() -> bytes:
    deep = b"[" * 100_000 + b"]" * 100_000
    return written(good()).replace(b'"metadata": {', b'"metadata": {"deep": ' + deep + b",", 1)


def broken_files() -> dict[str, Broken]:
    """Give the files by a few words that say what is wrong with them."""
    files: dict[str, Broken] = {}

    def mends(what: str, make: Callable[[], bytes], says: str = "", name: str = "") -> None:
        files[what] = Broken(make, name or f"{EXERCISE}.ipynb", True, says)

    def fails(what: str, make: Callable[[], bytes], says: str, name: str = "") -> None:
        files[what] = Broken(make, name or f"{EXERCISE}.ipynb", False, says)

    # encodings
    mends("a byte order mark", lambda: b"\xef\xbb\xbf" + written(good()))
    mends("UTF-16", lambda: _text().encode("utf-16"), "UTF-16")
    mends("UTF-16, no mark", lambda: _text().encode("utf-16-be"), "UTF-16")
    mends("UTF-32", lambda: _text().encode("utf-32"), "UTF-32")
    mends("GB18030", lambda: _text().replace("Exercises", "练习").encode("gb18030"), "GB18030")
    mends("Latin-1", lambda: _text().replace("Exercises", "Café:").encode("latin-1"), "LATIN-1")
    mends(
        "one byte damaged",
        lambda: (
            _text().replace("Exercises", "练习 语言 模型 §").encode().replace(b"\xc2\xa7", b"\xff")
        ),
        "characters",
    )
    mends("Windows line ends", lambda: written(good()).replace(b"\n", b"\r\n"))
    mends(
        "line ends in sources",
        _each(lambda c: c.update(source="\r\n".join("".join(c["source"]).split("\n")))),
    )
    mends(
        "half a surrogate pair", lambda: written(_with_surrogate(), ensure_ascii=True), "characters"
    )

    # old and odd formats
    mends("nbformat 3", _old, "nbformat 3")
    mends("nbformat 5", _changed(_set(nbformat=5, nbformat_minor=0)))
    mends("no nbformat", _changed(_without("nbformat", "nbformat_minor")))
    mends("no metadata", _changed(_without("metadata")))
    mends("no kernelspec", _changed(_set(metadata={})))
    mends("another kernel", _changed(_set(metadata={"kernelspec": {"name": "ir"}})))
    mends("metadata is a list", _changed(_set(metadata=[1, 2])))
    mends("no ids", _each(lambda c: (c.pop("id"), c.update(metadata={}))))
    mends("the same id everywhere", _each(_set(id="same", metadata={})), "same id")
    mends("ids of another kind", _each(_set(id=7, metadata={"id": ["x"], "tags": "x"})))
    mends("no markers", _each(_no_markers), "not marked")
    mends(
        "no markers, no ids",
        _each(_no_markers_nor_ids),
        "not marked",
    )
    mends("no outputs field", _each(_without("outputs", "execution_count")))
    mends("no cell metadata", _each(_without("metadata")))
    mends("no cell types", _each(_without("cell_type")), "code or text")
    mends("sources as strings", _each(lambda c: c.update(source="".join(c["source"]))))
    mends(
        "lines without their ends",
        _each(lambda c: c.update(source=[line.rstrip("\n") for line in c["source"]])),
    )
    mends("a source that is a number", _add(0, 7), "source is damaged")
    mends("lines that are numbers", _add(0, ["x = 1\n", 2, None]), "lines of its source")
    mends("a cell that is a string", _changed(lambda n: n["cells"].insert(0, "x")), "damaged")
    mends("answers in text cells", _each(_set(cell_type="markdown"), "code"), "text cell")
    mends("NaN", lambda: written(good()).replace(b'"nbformat_minor": 5', b'"nbformat_minor": NaN'))
    mends(
        "a number of 10,000 digits",
        lambda: written(good()).replace(b'"nbformat_minor": 5', b'"x": ' + b"9" * 10_000),
    )
    mends("compact", lambda: written(good(), indent=None, separators=(",", ":")))
    mends("indented by nothing", lambda: written(good(), indent=0))
    mends("more after the end", lambda: written(good()) + written(good())[-40:], "goes on")
    mends("zeros after the end", lambda: written(good()) + b"\0" * 4096)
    mends("saved as .ipynb.json", lambda: written(good()), "", f"{EXERCISE}.ipynb.json")
    mends("saved as .txt", lambda: written(good()), "", f"{EXERCISE}.ipynb.txt")

    # merge conflicts
    four = ' "nbformat": 4,'
    mends("a merge conflict", lambda: _conflict(four, ' "nbformat": 4, "x": 1,'), "merge conflict")
    mends(
        "a conflict with its base", lambda: _conflict(four, four, ' "nbformat": 3,'), "first side"
    )
    fails(
        "a conflict with one side broken",
        lambda: _conflict(four, ' "nbformat": '),
        "merge conflict",
    )
    mends(
        "a conflict within a cell",
        _add(3, "<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> main\n"),
        "merge conflict",
    )

    # large
    mends("100 MB printed", _large_output(b'"' + b"x" * (100 * MB) + b'"'))
    mends(
        "100 MB of lines",
        _large_output(b'"a line of the output, \\"12\\"\\n",\n' * (3 * MB) + b'""'),
    )
    mends("30 MB on one line", _large_output(b'"' + b"x" * (30 * MB) + b'"', indent=None))
    fails(
        "100 MB on one line", _large_output(b'"' + b"x" * (100 * MB) + b'"', indent=None), "outputs"
    )
    fails(
        "10 MB of brackets on one line",
        _large_output(b"[]," * (3 * MB) + b"0", indent=None),
        "outputs",
    )
    fails("210 MB", lambda: b" " * (210 * MB) + b"{}", "larger than")
    fails("a cell of 50 MB", _add(0, "x" * (50 * MB)), "Besides its outputs")
    mends("a cell of 2 MB", _add(0, "# " + "x" * (2 * MB)), "too large")
    mends(
        "a picture of 6 MB in a text",
        _add(0, "![](data:image/png;base64," + "iVBO" * (MB * 3 // 2) + ")", "markdown"),
    )
    mends(
        "an attachment of 20 MB",
        _each(lambda c: c.update(attachments={"a.png": {"image/png": "A" * (2 * MB)}}), "markdown"),
    )
    fails("a million cells", lambda: written(_with_cells(MB), indent=None), "Besides its outputs")
    fails("3000 cells", lambda: written(_with_cells(3000)), "3020 cells")
    fails("600,000 lists", lambda: b'{"cells": [' + b'{"":0},' * 600_000 + b"0]}", "cells")
    mends("deep nesting in an output", _large_output(b"[" * 10_000 + b"]" * 10_000))
    fails("deep nesting", _nested, "nested")

    # something else
    fails("nothing", lambda: b"", "empty")
    fails("spaces", lambda: b" \r\n\n\t", "empty")
    fails("zeros", lambda: b"\0" * 20_000, "empty")
    fails("half of it", lambda: written(good())[: len(written(good())) // 2], "breaks off")
    fails("all but the last bracket", lambda: written(good()).rstrip()[:-1], "breaks off")
    fails(
        "broken off in the outputs",
        lambda: _large_output(b'"x"')().partition(b'"x"')[0],
        "breaks off",
    )
    fails(
        "broken off in the outputs, on one line",
        lambda: _large_output(b'"xy"', indent=None)().partition(b'y"')[0],
        "breaks off",
    )
    fails(
        "a comma too many",
        lambda: written(good()).replace(b'"metadata": {', b'"metadata": {,', 7),
        "damaged",
    )
    fails("Python's quotes", lambda: str(good()).encode(), "damaged")
    fails("a web page", _page("notebook"), "web page")
    fails("Colab's not found", _page("Notebook not found - Colab"), "web page")
    fails("Drive's error", lambda: b'{"error": {"code": 404, "message": "Not found"}}', "no cells")
    fails("GitHub's not found", lambda: b"404: Not Found", "something else")
    fails("Python source", lambda: "\n\n".join(_code()).encode(), "Python source", f"{EXERCISE}.py")
    fails("Python source as notebook", lambda: "\n\n".join(_code()).encode(), "Python source")
    fails("prose", lambda: "我做完了作业。".encode(), "something else", f"{EXERCISE}.txt")
    fails(
        "a Git LFS pointer",
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "LFS",
    )
    fails("a zip under another name", lambda: _zip("x.ipynb", written(good())), "archive")
    fails(
        "a Word document", lambda: _zip("word/document.xml", b"<w/>"), "archive", f"{EXERCISE}.docx"
    )
    fails("a PDF", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "document", f"{EXERCISE}.pdf")
    fails("a picture", lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "picture", f"{EXERCISE}.png")
    fails("random bytes", lambda: bytes(range(128, 256)) * 50, "something else")
    fails("a list", lambda: b"[1, 2, 3]", "no cells")
    fails("other JSON", lambda: b'{"name": "alice", "grade": 10}', "no cells")
    fails("cells are a number", lambda: b'{"cells": 3}', "no cells")
    fails("no cells in it", _changed(_set(cells=[])), "no cells")
    return files


def _with_surrogate() -> dict[str, Any]:
    notebook = good()
    cell = {"cell_type": "code", "metadata": {}, "source": ['x = "\ud800\0"'], "outputs": []}
    notebook["cells"].insert(0, cell)
    return notebook


def _with_cells(count: int) -> dict[str, Any]:
    notebook = good()
    notebook["cells"] += [{"cell_type": "code", "source": "x"}] * count
    return notebook
