"""Collect the sentences that code says to readers into a catalog for translators.

    python chapters/_ext/catalogs.py _build/gettext/lmlib.pot lmlib chapters/_ext

The pages' catalogs come from Sphinx. ``pybabel extract`` reads no ``_()`` within an f-string before
Python 3.12, and passes over one whose sentence is not written out; here the one is found, and the
other is an error.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po


def sentences(code: str) -> Iterator[tuple[int, str]]:
    """Give the line and the text of each sentence within ``_()``.

    Raises
    ------
    ValueError
        If one is put together before ``_`` sees it, or ``gettext`` has another name than ``_``:
        no translation could ever match.

    Examples
    --------
    >>> list(sentences('print(_("{n} cases").format(n=2))'))
    [(1, '{n} cases')]
    >>> list(sentences('_(f"{n} cases")'))
    Traceback (most recent call last):
    ValueError: line 1: write the sentence out within _(), and fill it in with .format()
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and any(
            alias.name == "gettext" and alias.asname != "_" for alias in node.names
        ):
            raise ValueError(f"line {node.lineno}: import gettext as _, which is looked for")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
            match node.args:
                case [ast.Constant(value=str(sentence))] if sentence:
                    yield node.lineno, sentence
                case _:
                    raise ValueError(
                        f"line {node.lineno}: write the sentence out within _(), "
                        "and fill it in with .format()"
                    )


def main(target: str, *folders: str) -> None:
    catalog = Catalog(project="lmlib-book", charset="utf-8")
    for path in sorted(path for folder in folders for path in Path(folder).rglob("*.py")):
        try:
            for line, sentence in sentences(path.read_text(encoding="utf-8")):
                catalog.add(sentence, locations=[(path.as_posix(), line)])
        except ValueError as error:
            sys.exit(f"{path}, {error}")
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as file:
        write_po(file, catalog)


if __name__ == "__main__":
    main(*sys.argv[1:])
