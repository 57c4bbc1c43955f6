"""What an answer may not do: read from its source, before anything of it is believed.

This is no wall. It tells an honest student early, in the sentence that the grader will use, what
the grader cannot accept; the wall is the grader's sandbox.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import os
import re
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lmlib.grading.judging import unwrapped
from lmlib.grading.question import Question
from lmlib.translation import gettext as _

#: Built-in functions that reach past the answer: other code, files, the notebook, the keyboard.
_FORBIDDEN = frozenset(
    "__import__ __builtins__ __loader__ __spec__ breakpoint compile delattr eval exec get_ipython "
    "globals input locals open setattr vars".split()
)
_HARMLESS = frozenset("__init__ __name__ __doc__ __len__ __getitem__ __contains__ __iter__".split())
_FRAMES = frozenset("f_back f_builtins f_globals f_locals gi_frame tb_frame cr_frame".split())
_MAGIC = re.compile(r"^\s*(%|!|\?)|^[\w\s,.]*=\s*(%|!)|^[^#'\"]*\?\s*$")
_DUNDER = re.compile(r"__[a-z]\w*__")
_NAMED = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.ExceptHandler,
    ast.MatchAs,
    ast.MatchStar,
)


@dataclass(frozen=True)
class Source:
    """The source that an answer stands in, and the number of its first line."""

    text: str
    first: int = 1


def source_of(function: Callable[..., Any]) -> Source | None:
    """Find the cell in which a function was written; in a file of Python, the function alone."""
    code = getattr(unwrapped(function), "__code__", None)
    if not isinstance(code, types.CodeType):
        return None
    if os.path.isfile(code.co_filename):
        try:
            lines, first = inspect.getsourcelines(code)
        except (OSError, SyntaxError):
            return None
        return Source(textwrap.dedent("".join(lines)), first)
    text = "".join(linecache.getlines(code.co_filename))
    return Source(text) if text else None


def imports_in(source: str) -> dict[str, str]:
    """Say which names a cell imports, and from where: ``{"np": "numpy", "log": "math.log"}``.

    A cell that is no Python imports nothing.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {name: origin for node in ast.walk(tree) for name, origin in _imported(node)}


def _imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            whole = alias.name if alias.asname else alias.name.partition(".")[0]
            yield alias.asname or whole, whole
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name, f"{node.module or '.'}.{alias.name}"


def imports_reached_by(function: Callable[..., Any]) -> dict[str, str]:
    """Say which names a function uses that other cells imported, and from where.

    A function of another cell that uses something of ``lmlib`` counts as an import of it.
    """
    reached: dict[str, str] = {}
    for name, value in _globals_of(function):
        origin = _origin(value)
        if origin is None and type(value) is types.FunctionType:
            origin = _library_behind(value, {function, value})
        if origin is not None:
            reached[name] = origin
    return reached


def _origin(value: Any) -> str | None:
    if isinstance(value, types.ModuleType):
        return value.__name__
    module = getattr(value, "__module__", None)
    if isinstance(module, str) and module.partition(".")[0] == "lmlib":
        return f"{module}.{getattr(value, '__name__', type(value).__name__)}"
    return None


def _library_behind(function: types.FunctionType, seen: set[Any]) -> str | None:
    for _name, value in _globals_of(function):
        origin = _origin(value)
        if origin is not None and origin.partition(".")[0] == "lmlib":
            return origin
        if type(value) is types.FunctionType and value not in seen:
            origin = _library_behind(value, seen | {value})
            if origin is not None:
                return origin
    return None


def _globals_of(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    function = unwrapped(function)
    code, names = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    if isinstance(code, types.CodeType):
        for name in sorted(_names_in(code)):
            if name in names:
                yield name, names[name]


def _names_in(code: types.CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*map(_names_in, inner))


# ---------------------------------------------------------------- the look


def refusal(source: Source | None, question: Question, imported: Mapping[str, str]) -> str | None:
    """Say what an answer does that it may not, where, and what to do instead; None if nothing.

    Parameters
    ----------
    source : Source or None
        The answer's cell, None where it was not found: then only ``imported`` is looked at.
    question : Question
    imported : mapping of str to str
        What the notebook's other cells import (`imports_in`), or what of it the function reaches
        (`imports_reached_by`).
    """
    if source is None:
        for name, origin in imported.items():
            if not _may_import(origin, question):
                return _foreign(name, origin, question)
        return None
    try:
        tree = ast.parse(source.text)
        found = sorted(_faults(tree, question, imported), key=lambda fault: fault[0])
    except (RecursionError, MemoryError):
        return _("it is nested too deeply to be read.")
    except (SyntaxError, ValueError) as error:
        return _no_python(source, error)
    if not found:
        return None
    line, sentence = found[0]
    return _in_line(line + source.first - 1, sentence)


def _in_line(line: int, sentence: str) -> str:
    return _("line {line}: {sentence}").format(line=line, sentence=sentence)


def _magic() -> str:
    return _("a command of the notebook (%, !, ?) or get_ipython; an answer is plain Python.")


def _no_python(source: Source, error: Exception) -> str:
    number = getattr(error, "lineno", None) or 1
    (text,) = source.text.split("\n")[number - 1 : number] or [""]
    if _MAGIC.search(text):
        sentence = _magic()
    else:
        sentence = _("this is no Python: {error}.").format(error=getattr(error, "msg", error))
    return _in_line(number + source.first - 1, sentence)


def _faults(
    tree: ast.AST, question: Question, imported: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    own_imports = {name for node in ast.walk(tree) for name, _from in _imported(node)}
    bound = own_imports | {name for node in ast.walk(tree) for name in _bound(node)}
    modules = own_imports | {name for name, origin in imported.items() if name not in bound}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        for _name, origin in _imported(node):
            if not _may_import(origin, question):
                yield line, _foreign("", origin, question)
        if isinstance(node, ast.Name) and node.id not in bound:
            if node.id == "get_ipython":
                yield line, _magic()
            elif node.id in _FORBIDDEN:
                yield line, _without(node.id)
            elif node.id in imported and not _may_import(imported[node.id], question):
                yield line, _foreign(node.id, imported[node.id], question)
        if isinstance(node, ast.Constant) and _is_reached_by_name(node.value):
            yield line, _without(repr(node.value))
        if isinstance(node, ast.Attribute):
            if node.attr in _FRAMES or (_is_dunder(node.attr) and node.attr not in _HARMLESS):
                yield line, _without(f".{node.attr}")
            elif not isinstance(node.ctx, ast.Load) and _root(node) in modules:
                sentence = _("{name} is changed, which others use too; give the value a new name.")
                yield line, sentence.format(name=ast.unparse(node))


def _without(name: str) -> str:
    return _("{name} may not be used in an answer; write it without.").format(name=name)


def _foreign(name: str, origin: str, question: Question) -> str:
    """Say that something was imported, in the answer or, under a name, in another cell."""
    own = origin.partition(".")[0] == "lmlib"
    if name == origin:
        sentence = _("{name} is imported in another cell; an answer may use {allowed}.")
    elif own and name:
        sentence = _(
            "{name} is {origin}, imported elsewhere; write it yourself, that is the question."
        )
    elif own:
        sentence = _("{origin} is imported; write it yourself, that is the question.")
    elif name:
        sentence = _("{name} is {origin}, imported elsewhere; an answer may use {allowed}.")
    else:
        sentence = _("{origin} is imported; an answer may use {allowed}.")
    allowed = ", ".join(sorted(question.imports))
    return sentence.format(name=name, origin=origin, allowed=allowed)


def _may_import(origin: str, question: Question) -> bool:
    """Say whether ``math``, or ``math.log``, is in what the question allows."""
    if origin.partition(".")[0] == "__future__":
        return True
    if origin in ("lmlib.grading.check", "lmlib.grading.progress"):
        return True
    if origin in ("lmlib.grading.checking.check", "lmlib.grading.checking.progress"):
        return True
    return any(f"{origin}.".startswith(f"{module}.") for module in question.imports)


def _bound(node: ast.AST) -> Iterator[str]:
    """Give the names that a node makes its own."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, _NAMED) and node.name:
        yield node.name


def _is_dunder(name: str) -> bool:
    return _DUNDER.fullmatch(name) is not None


def _is_reached_by_name(value: object) -> bool:
    """Whether a string is what ``operator.attrgetter`` would be given, to get round the look."""
    return isinstance(value, str) and any(
        name in _FRAMES or (_is_dunder(name) and name not in _HARMLESS) for name in value.split(".")
    )


def _root(node: ast.Attribute) -> str | None:
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        inner = inner.value
    return inner.id if isinstance(inner, ast.Name) else None
