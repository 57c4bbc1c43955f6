"""What an answer may not do is seen in its source, and said with its line."""

import linecache
from collections.abc import Callable
from typing import Any

import pytest
from sample_question import QUESTION

from lmlib.grading.refusing import (
    Source,
    imports_in,
    imports_reached_by,
    refusal,
    source_of,
)


def refused(source: str, imported: dict[str, str] | None = None) -> str | None:
    return refusal(Source(source), QUESTION, imported or {})


HONEST = '''\
# exercise: 99-row-means
import math
import numpy as np
from collections import Counter, defaultdict
from functools import reduce as fold
from numpy.linalg import norm
from lmlib.grading import check


class Row:
    def __init__(self, values):
        self.values = values  # an attribute of its own

    def __eq__(self, other):
        return self.values == other.values


def row_means(rows):
    """Not eval, not open(...): only words."""
    input = [Row(list(row)) for row in rows]
    share = 10 % 3
    means = {}
    means["a"] = np.array([1.0])
    means["a"][0] += share
    vars = [
        100
        % 7
    ]
    return [sum(row.values) / len(row.values) if row.values else math.nan for row in input]
'''


def test_an_honest_answer_is_accepted() -> None:
    assert refused(HONEST) is None
    imports = "from __future__ import annotations\nfrom typing import Any\nimport heapq, re\n"
    assert refused(imports + HONEST) is None
    assert refused(HONEST + "blank = '____'\nnote = '__ fill in __'\n") is None


@pytest.mark.parametrize(
    "line, words",
    [
        ("import os", "os is imported; an answer may use bisect, collections,"),
        ("import numpy, sys", "sys is imported"),
        ("from subprocess import run", "subprocess.run is imported"),
        ("import lmlib.ngram", "lmlib is imported; write it yourself"),
        ("from lmlib.ngram import AddK as K", "lmlib.ngram.AddK is imported; write it yourself"),
        ("from lmlib.grading.questions import find", "write it yourself"),
        ("from lmlib import grading", "write it yourself"),
        ("from . import answers", "is imported"),
        ("__import__('os')", "__import__ may not be used"),
        ("exec('1')", "exec may not be used"),
        ("eval('1')", "eval may not be used"),
        ("f = eval", "eval may not be used"),
        ("open('answers')", "open may not be used"),
        ("compile('1', '', 'eval')", "compile may not be used"),
        ("globals()['check'] = print", "globals may not be used"),
        ("vars()", "vars may not be used"),
        ("input('? ')", "input may not be used"),
        ("setattr(math, 'log', max)", "setattr may not be used"),
        ("__builtins__", "__builtins__ may not be used"),
        ("().__class__", ".__class__ may not be used"),
        ("row_means.__globals__", ".__globals__ may not be used"),
        ("(x for x in ()).gi_frame.f_back", ".f_back may not be used"),
        ("(x for x in ()).cr_frame", ".cr_frame may not be used"),
        ("get_ipython().events", "a command of the notebook"),
        ("%pip install answers", "a command of the notebook"),
        ("!ls", "a command of the notebook"),
        ("files = !ls", "a command of the notebook"),
        ("row_means?", "a command of the notebook"),
        ("np.exp = np.log", "np.exp is changed"),
        ("np.random.seed = None", "np.random.seed is changed"),
        ("del np.exp", "np.exp is changed"),
        ("np.e += 1", "np.e is changed"),
        ("return = 1", "this is no Python: invalid syntax"),
        ("return = 1  # really?\n# !ls", "this is no Python: invalid syntax"),
        ("reach = '__globals__'", "'__globals__' may not be used"),
        ("import operator; operator.attrgetter('a.__globals__')", "may not be used"),
    ],
)
def test_what_the_grader_cannot_accept_is_refused_with_its_line(line: str, words: str) -> None:
    source = f"import math\nimport numpy as np\n\ndef row_means(rows):\n    return []\n{line}\n"
    sentence = refused(source)
    assert sentence is not None
    assert sentence.startswith("line 6: ")
    assert words in sentence
    assert sentence.endswith(".")
    inside = f"import math\nimport numpy as np\n\ndef row_means(rows):\n    {line}\n"
    assert str(refused(inside)).startswith("line 5: ")


def test_the_first_of_several_is_named() -> None:
    assert str(refused("x = 1\nopen('a')\nimport os\n")).startswith("line 2: open")


def test_another_cell_s_import_counts_where_the_answer_uses_it() -> None:
    others = imports_in("import lmlib.ngram as n, numpy as np\nfrom lmlib.ngram import AddK\n")
    assert others == {"n": "lmlib.ngram", "np": "numpy", "AddK": "lmlib.ngram.AddK"}
    assert refused("def f():\n    return np.zeros(1)", others) is None
    assert refused("def f(AddK):\n    return AddK", others) is None
    sentence = refused("def f():\n    return AddK(1)", others)
    assert sentence == (
        "line 2: AddK is lmlib.ngram.AddK, imported elsewhere; write it yourself, that is the "
        "question."
    )
    assert "np.exp is changed" in str(refused("np.exp = 1", others))


def test_a_cell_that_is_no_python_imports_nothing() -> None:
    assert imports_in("%pip install x\nimport os") == {}


# ---------------------------------------------------------------- in a live notebook


def in_a_cell(source: str, names: dict[str, Any], number: int = 1) -> Callable[..., Any]:
    """Define ``f`` as a notebook does: its source is known to `linecache` alone."""
    file = f"/tmp/ipykernel_1/{number}.py"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), names)
    function: Callable[..., Any] = names["f"]
    return function


def test_the_source_is_the_whole_cell_and_in_a_file_the_function_alone() -> None:
    cell = "import os\n\ndef f():\n    return 1\n"
    assert source_of(in_a_cell(cell, {})) == Source(cell)
    here = source_of(refused)
    assert here is not None
    assert here.text.startswith("def refused(")
    assert here.first == refused.__code__.co_firstlineno


def test_where_there_is_no_source_nothing_is_claimed_of_it() -> None:
    names: dict[str, Any] = {}
    exec("def f(): return 1", names)
    nothing: list[Any] = [names["f"], len, "text", None]
    for function in nothing:
        assert source_of(function) is None


def test_the_library_is_seen_behind_another_name_and_behind_a_function_of_another_cell() -> None:
    from lmlib.text import Vocab

    names: dict[str, Any] = {"hidden": Vocab}
    in_a_cell("def f(x):\n    return hidden(x)", names, 1)
    names["helper"] = names["f"]
    reached = in_a_cell("def f(x):\n    return [helper(y) for y in x]", names, 2)
    assert imports_reached_by(reached) == {"helper": "lmlib.text.Vocab"}
    assert imports_reached_by(names["helper"]) == {"hidden": "lmlib.text.Vocab"}
    for function in (reached, names["helper"]):
        sentence = refusal(source_of(function), QUESTION, imports_reached_by(function))
        assert "lmlib.text.Vocab, imported elsewhere" in str(sentence)


def test_functions_that_call_each_other_are_walked_once() -> None:
    names: dict[str, Any] = {}
    in_a_cell("def g():\n    return f()\n\ndef f():\n    return g()\n", names)
    assert imports_reached_by(names["f"]) == {}


def test_without_a_source_what_the_function_reaches_is_looked_at() -> None:
    from lmlib.text import Vocab

    names: dict[str, Any] = {"Vocab": Vocab}
    exec("def f(x): return Vocab(x)", names)
    assert "write it yourself" in str(refusal(None, QUESTION, imports_reached_by(names["f"])))
    assert refusal(None, QUESTION, {}) is None
