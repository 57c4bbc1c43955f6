"""Three gates and a tape: what an LSTM's cell holds, word by word, by hand (chapter 10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.scratch.lstm import lstm_step
from lmlib.translation import gettext as _

WORDS = "the cat which ate apples slept . the {} barked".split()
SUBJECTS, STOP, VERBS = (1, 8), 6, (5, 9)  # where they stand
NUMBERS = {1: 1.0, 4: -1.0}  # what the candidate says of a noun: one 1, several -1
FURTHEST = 2.0  # what a cell ever holds here: two cats

#: What each gate does at each word, by name; `_settings` has the names in the reader's language.
FORGET = ("0.5", "0.9", "0.99", "1", "stop", "subject", "both")
INPUT = ("0", "0.2", "1", "subject")
OUTPUT = ("0.5", "1", "verb")
SECOND = {"dogs": -1.0, "dog": 1.0}


@dataclass(frozen=True)
class Tape:
    """One cell along the ten words.

    Attributes
    ----------
    words : sequence of str
    i, f, candidate, o, c, h : (10,)
        What stood in each gate, and in the cell and its output after each word.
    """

    words: Sequence[str]
    i: npt.NDArray
    f: npt.NDArray
    candidate: npt.NDArray
    o: npt.NDArray
    c: npt.NDArray
    h: npt.NDArray


def run(forget: str, write: str, show: str, second: str) -> Tape:
    """Set the gates at each word, and let `lmlib.scratch.lstm_step` read them.

    The word itself is the input: it has four numbers, what is to come out of each gate, and the
    weights of the cell pass these on as they are.
    """
    count = len(WORDS)
    words = [word.format(second) for word in WORDS]
    f = np.full(count, 1.0 if forget in ("stop", "subject", "both") else float(forget))
    if forget in ("stop", "both"):
        f[STOP] = 0.2
    if forget in ("subject", "both"):
        f[list(SUBJECTS)] = 0
    i = np.zeros(count) if write == "subject" else np.full(count, float(write))
    if write == "subject":
        i[list(SUBJECTS)] = 1
    o = np.zeros(count) if show == "verb" else np.full(count, float(show))
    if show == "verb":
        o[list(VERBS)] = 1
    candidate = np.zeros(count)
    for place, number in {**NUMBERS, SUBJECTS[1]: SECOND[second]}.items():
        candidate[place] = number

    states, h, c = [], np.zeros((1, 1)), np.zeros((1, 1))
    for wanted in np.column_stack([i, f, candidate, o]):
        x = _before(wanted)[None]  # (1, 4)
        h, c = lstm_step(x, h, c, np.eye(4), np.zeros((1, 4)), np.zeros(4))
        states.append((c[0, 0], h[0, 0]))
    cells, outputs = np.array(states).T
    return Tape(words, i, f, candidate, o, cells, outputs)


def _before(wanted: npt.NDArray) -> npt.NDArray:
    """What must go into three sigmoids and a tanh for these numbers to come out."""
    share = np.clip(wanted, 1e-12, 1 - 1e-12)
    sums = np.log(share / (1 - share))
    sums[2] = np.arctanh(np.clip(wanted[2], -1 + 1e-12, 1 - 1e-12))
    return sums


def three_gates_and_a_tape() -> Interactive:
    """Build the figure: three gates to set, and the tape of what the cell held."""
    at_all = _("{share} at every word")
    forget = [at_all.format(share=share) for share in FORGET[:4]]
    forget += [
        _("1, but 0.2 at the full stop"),
        _("1, but 0 at a subject"),
        _("1, 0.2 at the full stop, 0 at a subject"),
    ]
    write = [*(at_all.format(share=share) for share in INPUT[:3]), _("1 at a subject, else 0")]
    show = [*(at_all.format(share=share) for share in OUTPUT[:2]), _("1 at a verb, else 0")]
    kinds = [_("dogs: several, −1"), _("dog: one, 1")]
    return Interactive(
        name="gates-and-tape",
        title=_("Three gates and a tape"),
        controls=(
            Control("write", _("Input gate i"), INPUT, write, start=2, kind="select"),
            Control("forget", _("Forget gate f"), FORGET, forget, start=1, kind="select"),
            Control("show", _("Output gate o"), OUTPUT, show, start=1, kind="select"),
            Control("second", _("The subject that arrives"), tuple(SECOND), kinds, kind="select"),
        ),
        draw=draw_tape,
        look=_(
            "A cell of one number is to know at each verb whether its subject is one (1) or "
            "several (−1). The candidate says it of every noun, of the apples too. Which gates "
            "keep the cat until it slept, let go of it for the dogs, and are deaf to the apples?"
        ),
        notice=_(
            "The input gate keeps the apples out; the forget gate lets the cat go when the dogs "
            "arrive. With f = 1 throughout and the apples kept out, the second subject is added to "
            "the first, and one cat and several dogs make 0. The full stop alone leaves a fifth "
            "of the cat. The output gate changes nothing in the tape: it says when the cell is "
            "shown."
        ),
    )


def draw_tape(write: str, forget: str, show: str, second: str) -> Frame:
    """Draw gates, cell and output for every word."""
    tape = run(forget, write, show, second)
    first, last = VERBS
    reading = _(
        "At slept the cell holds {c1:.2f} and shows {h1:.2f}; its subject is the cat, 1. At barked "
        "it holds {c2:.2f} and shows {h2:.2f}; its subject is {second}, {wanted:.0f}."
    ).format(
        c1=tape.c[first],
        h1=tape.h[first],
        c2=tape.c[last],
        h2=tape.h[last],
        second=_("the dogs") if second == "dogs" else _("the dog"),
        wanted=SECOND[second],
    )
    return Frame(_picture(tape), reading.replace("-", "−"))


def _picture(tape: Tape) -> str:
    """A column a word: what the gates were, and below them the belt and what is shown of it."""
    left, wide = 30, 42
    rows = {"i": 52, "f": 78, "o": 104}  # where the gates' bars stand
    belt, out = 178, 264  # the zero lines of c and h
    unit = 60 / FURTHEST  # pixels of a 1 in the cell
    right = left + wide * len(tape.words)
    said = escape(_("A cell along ten words: its gates, what it holds, what it shows"))
    parts = [
        f'<text class="end" x="{left - 8}" y="{rows["i"] + 5}">i</text>'
        f'<text class="end" x="{left - 8}" y="{rows["f"] + 5}">f</text>'
        f'<text class="end" x="{left - 8}" y="{rows["o"] + 5}">o</text>'
        f'<text class="end" x="{left - 8}" y="{belt + 5}">c</text>'
        f'<text class="end" x="{left - 8}" y="{out + 5}">h</text>'
        f'<path class="belt" d="M{left} {belt}H{right}"/>'
        f'<path class="grid" d="M{left} {out}H{right}"/>'
    ]
    middles = [left + wide * t + wide / 2 for t in range(len(tape.words))]
    for t, (x, word) in enumerate(zip(middles, tape.words, strict=True)):
        weight = ' class="middle noun"' if t in SUBJECTS else ' class="middle"'
        parts.append(f'<text{weight} x="{x:g}" y="18">{escape(word)}</text>')
    for name, shares in (("i", tape.i), ("f", tape.f), ("o", tape.o)):
        y = rows[name] - 6
        pipes = "".join(f"M{x - 17:g},{y}h34v12h-34z" for x in middles)
        flows = "".join(
            f"M{x - 17:g},{y}h{34 * share:g}v12h-{34 * share:g}z"
            for x, share in zip(middles, shares, strict=True)
        )
        parts.append(f'<path class="pipe" d="{pipes}"/><path class="flow" d="{flows}"/>')
    numbers = []
    for zero, values, kind in ((belt, tape.c, "cell"), (out, tape.h, "shown")):
        bars = "".join(
            f"M{x - 12:g},{zero}v{-value * unit:.1f}h24v{value * unit:.1f}z"
            for x, value in zip(middles, values, strict=True)
        )
        parts.append(f'<path class="{kind}" d="{bars}"/>')
        for x, value in zip(middles, values, strict=True):
            under = zero + 14 if value > 0 or abs(value) < 0.005 else zero - 5
            figure = f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")
            numbers.append(f'<text x="{x:g}" y="{under}">{figure}</text>')
    parts.append(f'<g class="middle small">{"".join(numbers)}</g>')
    return (
        f'<svg class="tape" viewBox="0 0 {right + 4} 300" role="img" aria-label="{said}">'
        f"{''.join(parts)}</svg>"
    )
