"""Between the grader and a student's function: cases go in, what came of each comes out.

The inner half, `call`, runs in the student's kernel, beside code that may have changed anything
there: it holds no answer, and nobody believes it. The outer half reads what it publishes, value by
value, as plain JSON.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from lmlib.errors import InputError
from lmlib.grading.judging import Outcome, outcomes, unusable
from lmlib.grading.values import NotPlain, from_json, to_json
from lmlib.translation import gettext as _

#: The MIME type of what is published.
MIME = "application/vnd.lmlib.call+json"

#: The longest text that is taken from a kernel, in characters.
_LONGEST = 500

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")  # another one in every run

_TEXTS = ("strange", "error", "message", "code", "stopped")
_FLAGS = ("changed", "printed")


# ---------------------------------------------------------------- inside


def call(nonce: str, name: str, asked: Sequence[str], cases: str) -> None:
    """Call the notebook's function of this name in each case; publish each outcome as it comes.

    Parameters
    ----------
    nonce : str
        Goes out with each message.
    asked : sequence of str
        The parameters that the question gives the function.
    cases : str
        The arguments of each call, as `to_json` writes them.
    """
    from IPython import get_ipython
    from IPython.display import publish_display_data

    def publish(index: int, said: dict[str, Any]) -> None:
        publish_display_data({MIME: {"nonce": nonce, "index": index, "said": to_json(said)}})

    names = get_ipython().user_ns
    if name not in names:
        return
    function, given = names[name], from_json(cases)
    reason = unusable(function, name, asked, {len(case) for case in given})
    publish(-1, {"unusable": reason or ""})
    for index, came in enumerate(outcomes(function, given if reason is None else [])):
        said = {field.name: getattr(came, field.name) for field in dataclasses.fields(came)}
        try:
            publish(index, said)
        except NotPlain as error:  # a value that fits alone, and not with its name
            publish(index, said | {"value": None, "strange": str(error)})


# ---------------------------------------------------------------- outside


class Answered:
    """What a kernel says of one function, read message by message.

    Only the next outcome is taken: none counts twice, and none in another's place.

    Attributes
    ----------
    unusable : str or None
        None before it was said; why the function cannot be called, empty if it can.
    outcomes : list of Outcome
    """

    def __init__(self, nonce: str, cases: int) -> None:
        self.nonce, self.cases = nonce, cases
        self.unusable: str | None = None
        self.outcomes: list[Outcome] = []

    def add(self, message: dict[str, Any]) -> None:
        """Take in a message of the kernel, whatever it is."""
        data = message["content"].get("data")
        said = data.get(MIME) if type(data) is dict else None
        if type(said) is not dict or said.get("nonce") != self.nonce:
            return
        index, text = said.get("index"), said.get("said")
        if type(index) is not int or type(text) is not str:
            return
        try:
            value = from_json(text)
        except InputError as error:
            value = {"strange": str(error)}
        if index == -1 and self.unusable is None and type(value) is dict:
            reason = value.get("unusable")
            self.unusable = reason[:_LONGEST] if type(reason) is str else ""
        elif index == len(self.outcomes) < self.cases and not self._over():
            self.outcomes.append(_read(value))

    def end(self, why: str) -> list[Outcome]:
        """Give the outcomes; where some are missing, the last says why."""
        if len(self.outcomes) < self.cases and not self._over():
            self.outcomes.append(Outcome(stopped=why))
        return self.outcomes

    def _over(self) -> bool:
        return bool(self.outcomes) and bool(self.outcomes[-1].stopped)


def _read(said: Any) -> Outcome:
    """Make an outcome of what a kernel says of one, and of nothing but plain values."""
    if type(said) is not dict:
        return Outcome(strange=_("a value that cannot be read"))
    line = said.get("line", 0)
    fields: dict[str, Any] = {name: said.get(name) is True for name in _FLAGS}
    for name in _TEXTS:
        text = said.get(name, "")
        text = " ".join(text[:_LONGEST].splitlines()) if type(text) is str else "?"
        fields[name] = _ADDRESS.sub("0x…", text)
    fields["line"] = line if type(line) is int and 0 <= line < 1_000_000 else 0
    return Outcome(value=said.get("value"), **fields)
