"""The ladder at one budget: who predicts best, and what it cost (chapter 12).

What all models came to, text by text and budget by budget, is an artefact
(tests/benchmarks/artefacts/chapter12.py).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.repository import artefact
from lmlib.translation import gettext as _

#: Colour of each rung.
FAMILY = {
    "unigram": "counting",
    "kneser-ney-5": "counting",
    "kneser-ney-chosen": "counting",
    "window": "window",
    "rnn": "rnn",
    "gru": "gru",
    "lstm": "lstm",
}


@dataclass(frozen=True)
class Climbed:
    """What one rung came to at one budget.

    Attributes
    ----------
    rung : str
    order : int or None
        n, of a rung that is counted.
    dropout : float or None
        The one that was chosen, of a network.
    bits : tuple of float
        Bits per character of the test text: one for each seed.
    perplexity : float
        exp of the seeds' mean loss.
    parameters : int
    seconds : float
        Of a processor, to train it once; the seeds' mean.
    """

    rung: str
    order: int | None
    dropout: float | None
    bits: tuple[float, ...]
    perplexity: float
    parameters: int
    seconds: float

    @property
    def mean(self) -> float:
        """Mean of the seeds' bits per character."""
        return sum(self.bits) / len(self.bits)


@cache
def measured() -> dict[str, Any]:
    """Read what was measured beforehand."""
    found: dict[str, Any] = json.loads(artefact("ladder.json").read_text(encoding="utf-8"))
    return found


def texts() -> list[str]:
    """Name the texts that were learned from."""
    return list(measured()["texts"])


def budgets(text: str | None = None) -> list[int]:
    """Name the budgets of a text, in tokens; without one, those of all texts together."""
    found = measured()["texts"]
    chosen = found if text is None else [text]
    return sorted({int(budget) for name in chosen for budget in found[name]["budgets"]})


def climbed(text: str, budget: int) -> dict[str, Climbed]:
    """Give every rung at a budget, in the order of the chapters."""
    found = measured()["texts"][text]["budgets"][str(budget)]
    result = {}
    for rung in FAMILY:
        cell = found[rung]
        seeds = cell.get("seeds", [cell])
        nats = sum(seed["nats_per_token"] for seed in seeds) / len(seeds)
        result[rung] = Climbed(
            rung,
            cell.get("order"),
            seeds[0].get("dropout"),
            tuple(seed["bits_per_character"] for seed in seeds),
            math.exp(nats),
            seeds[0]["parameters"],
            sum(seed["seconds"] for seed in seeds) / len(seeds),
        )
    return result


def name_of(found: Climbed) -> str:
    """Write a rung's name as a reader says it."""
    names = {
        "unigram": _("unigram"),
        "kneser-ney-5": _("Kneser-Ney, n = 5"),
        "kneser-ney-chosen": _("Kneser-Ney, best n: {n}").format(n=found.order),
        "window": _("window"),
        "rnn": _("RNN"),
        "gru": _("GRU"),
        "lstm": _("LSTM"),
    }
    return names[found.rung]


def winner(found: dict[str, Climbed]) -> Climbed:
    """Give the rung of fewest bits per character, on the mean of its seeds."""
    return min(found.values(), key=lambda each: each.mean)


def within_reach(text: str, budget: int) -> int:
    """Give the largest budget of a text that is no larger than this one, or its smallest."""
    return max((each for each in budgets(text) if each <= budget), default=budgets(text)[0])


# ---------------------------------------------------------------- the figure


def ladder_budget() -> Interactive:
    """Build the figure: a text and a budget, all rungs, and who is ahead."""
    said = {
        "english words": _("English, in words"),
        "english characters": _("English, in characters"),
        "chinese characters": _("Chinese, in characters"),
    }
    choice = Control("text", _("Text"), texts(), [said[text] for text in texts()], kind="select")
    slider = Control(
        "budget", _("Tokens to learn from"), budgets(), [f"{budget:,}" for budget in budgets()]
    )
    return Interactive(
        name="ladder-budget",
        title=_("The ladder at one budget"),
        controls=(choice, slider) if len(texts()) > 1 else (slider,),
        draw=draw_budget,
        look=_(
            "Each dot is a trained model; further left is better. Beside it stand the seconds that "
            "its training took. Before you move the budget: which dots will move most, and who "
            "will be in front at the end?"
        ),
        notice=_(
            "More text moves every rung, the unigram least. Watch the distance between counting "
            "and the best network, and dots and seconds together: what is gained is tenths of a "
            "bit, what is paid are factors."
        ),
    )


def draw_budget(budget: int, text: str | None = None) -> Frame:
    """Draw the rungs at a budget, the winner marked; without a text, of the first there is."""
    text = texts()[0] if text is None else text
    found = climbed(text, within_reach(text, budget))
    best = winner(found)
    networks = {rung: each for rung, each in found.items() if each.order is None}
    counted = {rung: each for rung, each in found.items() if each.order is not None}
    other = winner(networks if best.order is not None else counted)
    sentence = _("{budget} tokens. {best} is in front with {bits} bits per character, after {time}")
    if best.order is None:
        rest = _("; the best that was counted, {other}, needs {others}, after {others_time}.")
    else:
        rest = _("; the best network, {other}, needs {others}, after {others_time}.")
    reading = (sentence + rest).format(
        budget=f"{within_reach(text, budget):,}",
        best=name_of(best),
        bits=_bits(best),
        time=duration(best.seconds),
        other=name_of(other),
        others=_bits(other),
        others_time=duration(other.seconds),
    )
    if within_reach(text, budget) < budget:
        reading += " " + _("This text has not been measured at {budget}.").format(
            budget=f"{budget:,}"
        )
    return Frame(_rows(text, found, best), reading)


def duration(seconds: float) -> str:
    """Write how long something took.

    Examples
    --------
    >>> duration(0.04), duration(7.26), duration(75.0), duration(7500.0)
    ('under 0.1 s', '7.3 s', '75 s', '2.1 h')
    """
    if seconds < 0.1:
        return _("under 0.1 s")
    if seconds < 10:
        return _("{seconds:.1f} s").format(seconds=seconds)
    if seconds < 600:
        return _("{seconds:.0f} s").format(seconds=seconds)
    if seconds < 5400:
        return _("{minutes:.0f} min").format(minutes=seconds / 60)
    return _("{hours:.1f} h").format(hours=seconds / 3600)


def _bits(found: Climbed) -> str:
    if len(found.bits) == 1:
        return f"{found.mean:.3f}"
    return _("{mean} ({least} to {most})").format(
        mean=f"{found.mean:.3f}", least=f"{min(found.bits):.3f}", most=f"{max(found.bits):.3f}"
    )


# ---------------------------------------------------------------- drawing

_LEFT, _RIGHT, _ROW = 148, 300, 24  # pixels: of the axis, and of a rung


@cache
def _ends(text: str) -> tuple[float, float]:
    """Bits per character at both ends of the axis: one axis for all budgets of a text."""
    every = [
        bits
        for budget in budgets(text)
        for each in climbed(text, budget).values()
        for bits in each.bits
    ]
    step = 0.5
    return math.floor(min(every) / step) * step, math.ceil(max(every) / step) * step


def _rows(text: str, found: dict[str, Climbed], best: Climbed) -> str:
    least, most = _ends(text)

    def place(bits: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (bits - least) / (most - least)

    bottom = 22 + _ROW * len(found)
    parts = []
    ticks = [least + i * 0.5 for i in range(round((most - least) / 0.5) + 1)]
    for tick in ticks[:: max(1, math.ceil(len(ticks) / 6))]:
        x = place(tick)
        parts.append(f'<path class="line" d="M{x:.0f} 22V{bottom}"/>')
        parts.append(f'<text class="middle" x="{x:.0f}" y="{bottom + 14}">{tick:g}</text>')
    parts.append(f'<text x="{_LEFT}" y="12">{_("bits per character")}</text>')
    parts.append(f'<text class="end" x="352" y="12">{_("seconds")}</text>')
    for row, each in enumerate(found.values()):
        y = 22 + _ROW * (row + 0.5)
        ahead = each is best
        if ahead:
            parts.append(
                f'<rect class="ahead" x="1" y="{y - _ROW / 2 + 1:.0f}" width="354" '
                f'height="{_ROW - 2}" rx="4"/>'
            )
        kind = "end group" if ahead else "end"
        name = escape(name_of(each))
        parts.append(f'<text class="{kind}" x="{_LEFT - 10}" y="{y + 4:.0f}">{name}</text>')
        for bits in each.bits:
            parts.append(
                f'<circle class="{FAMILY[each.rung]}" cx="{place(bits):.1f}" cy="{y:.0f}" r="5"/>'
            )
        seconds = (
            "<0.1" if each.seconds < 0.1 else f"{each.seconds:,.{1 if each.seconds < 10 else 0}f}"
        )
        parts.append(f'<text class="{kind}" x="352" y="{y + 4:.0f}">{escape(seconds)}</text>')
    label = _("Bits per character of every rung, a dot for each training, and its seconds")
    return (
        f'<svg class="plot rungs" viewBox="0 0 356 {bottom + 22}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )
