"""Which answers are alike, whatever their names are called: a list to look at, never a verdict.

An answer is read as a row of tokens in which names are numbers, by the place where they first
stand, and comments, docstrings and annotations are left out. Two answers are alike if they share
most of what stands in such rows, eight tokens at a time; in such a window names are numbered anew.
To compare by windows is the way of Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for
document fingerprinting" (2003); answers are short, so that all windows are kept.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import keyword
import re
import warnings
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: From what likeness on two answers are listed.
ALIKE = 0.8

#: Answers of fewer tokens than this are not compared: there are not many ways to write them.
SHORTEST = 80

#: How much of an answer is read.
LONGEST_SOURCE = 20_000
LONGEST_ROW = 4_000

#: How many tokens are compared at a time.
_WINDOW = 8

#: Two answers are compared if they share a window that no more answers than this have.
_COMMON = 20

_KNOWN = frozenset(dir(builtins)) | {"np", "numpy", "math"}
_TOKEN = re.compile(r"[^\W\d]\w*|\d[\w.]*|[^\w\s]")


@dataclass(frozen=True)
class Alike:
    """Answers that are alike.

    Attributes
    ----------
    question : str
        The question's id.
    students : tuple of str
        Whose answers they are: two or more, or one or more if they are like the public solution.
    likeness : float
        From 0 to 1, the share of their windows that they have in common; 1 if they differ in names
        and comments at most.
    public : bool
        Whether it is the public solution that the answers are like.
    """

    question: str
    students: tuple[str, ...]
    likeness: float
    public: bool = False


def alike(
    answers: Mapping[str, Mapping[str, str]], public: Mapping[str, str], least: float = ALIKE
) -> list[Alike]:
    """List the answers that are like each other, and those that are like the public solution.

    Students whose answers differ in names and comments at most stand in one entry. Two answers
    that are both like the public solution are not listed as like each other.

    Parameters
    ----------
    answers : mapping of str to mappings
        The source of each student's answer: ``answers[question][student]``.
    public : mapping of str to str
        The source of each question's public solution, where there is one.
    least : float
        From what likeness on answers are listed.

    Returns
    -------
    list of Alike
        By question, in their order; first what is like the public solution, then what is like
        each other; the most alike first.
    """
    found: list[Alike] = []
    for question, sources in answers.items():
        found += _alike(question, sources, public.get(question, ""), least)
    return found


def _alike(question: str, sources: Mapping[str, str], public: str, least: float) -> list[Alike]:
    students: defaultdict[tuple[int, ...], list[str]] = defaultdict(list)
    for student in sorted(sources):
        row = row_of(sources[student])
        if len(row) >= SHORTEST:
            students[row].append(student)
    groups = list(students.values())
    windows = [_windows(row) for row in students]
    to_public: dict[int, float] = {}
    solution = row_of(public)
    if len(solution) >= SHORTEST:
        wanted = _windows(solution)
        shares = [_share(one, wanted) for one in windows]
        to_public = {i: share for i, share in enumerate(shares) if share >= least}
    like_public = [
        Alike(question, tuple(groups[i]), share, public=True) for i, share in to_public.items()
    ]
    like_others = [
        Alike(question, tuple(group), 1.0)
        for i, group in enumerate(groups)
        if len(group) > 1 and i not in to_public
    ]
    for i, j in _candidates(windows):
        if i in to_public and j in to_public:
            continue
        share = _share(windows[i], windows[j])
        if share >= least:
            both = tuple(sorted(groups[i] + groups[j]))
            like_others.append(Alike(question, both, share))

    def order(entry: Alike) -> tuple[float, tuple[str, ...]]:
        return -entry.likeness, entry.students

    return sorted(like_public, key=order) + sorted(like_others, key=order)


def _candidates(windows: list[set[int]]) -> list[tuple[int, int]]:
    """Find the pairs that share a window which few have: what a whole class writes tells nothing.

    Each window is looked at once, and gives at most `_COMMON` squared over two pairs.
    """
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for i, one in enumerate(windows):
        for window in one:
            holders[window].append(i)
    few = [having for having in holders.values() if len(having) <= _COMMON]
    return sorted({pair for having in few for pair in itertools.combinations(having, 2)})


def _windows(row: tuple[int, ...]) -> set[int]:
    found = set()
    for i in range(len(row) - _WINDOW + 1):
        names: dict[int, int] = {}
        window = row[i : i + _WINDOW]
        found.add(hash(tuple([t if t >= 0 else names.setdefault(t, ~len(names)) for t in window])))
    return found


def _share(one: set[int], other: set[int]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))


# ---------------------------------------------------------------- the row of tokens


def row_of(source: str) -> tuple[int, ...]:
    """Give a source as a row of tokens, each a number; that of a name is below 0.

    Only so much of it as `LONGEST_SOURCE` and `LONGEST_ROW` say. What does not parse, or is nested
    too deep to be parsed, is taken apart without a grammar.

    Examples
    --------
    >>> one = "def f(row):  # the mean" + chr(10) + "    return sum(row) / len(row)"
    >>> other = "def f(xs: list) -> float:" + chr(10) + "    return sum(xs) / len(xs)"
    >>> row_of(one) == row_of(other)
    True
    """
    source = source[:LONGEST_SOURCE]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tokens = _tokens_of_tree(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tokens = _tokens_without_grammar(source)
    names: dict[str, int] = {}
    return tuple(
        [
            names.setdefault(token, ~len(names))
            if is_name and token not in _KNOWN
            else zlib.crc32(token.encode("utf-8", "replace"))
            for token, is_name in itertools.islice(tokens, LONGEST_ROW)
        ]
    )


def _tokens_of_tree(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Give the tokens of a tree, and of each whether it is a name that the student may choose."""
    waiting: list[ast.AST] = [tree]  # a stack of our own: the tree may be deeper than Python's
    while waiting:
        node = waiting.pop()
        left_out: list[ast.AST | None] = []
        if isinstance(node, ast.expr_context) or (
            isinstance(node, ast.AnnAssign) and node.value is None
        ):
            continue
        yield ("Assign" if isinstance(node, ast.AnnAssign) else type(node).__name__), False
        if isinstance(node, ast.Name):
            yield node.id, True
        elif isinstance(node, ast.Constant):
            yield _written(node.value), False
        elif isinstance(node, ast.Attribute):
            yield node.attr, False
        elif isinstance(node, ast.keyword):
            yield node.arg or "**", False
        elif isinstance(node, ast.arg):
            yield node.arg, True
            left_out = [node.annotation]
        elif isinstance(node, ast.AnnAssign):
            left_out = [node.annotation]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, True
            left_out = [getattr(node, "returns", None)]
            if isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
                left_out.append(node.body[0])  # the docstring
        children = [child for child in ast.iter_child_nodes(node) if child not in left_out]
        waiting += reversed(children)


def _written(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 1000:
        return "a number"  # of more digits than Python likes to write
    return repr(value)[:40]


def _tokens_without_grammar(source: str) -> Iterator[tuple[str, bool]]:
    for line in source.splitlines():
        for token in _TOKEN.findall(line.partition("#")[0]):
            yield token, token.isidentifier() and not keyword.iskeyword(token)
