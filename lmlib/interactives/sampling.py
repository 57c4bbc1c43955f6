"""Temperature, top-k and top-p on what a trained network expects next (chapter 07)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

import numpy as np

from lmlib.decoding import apply_temperature, draw, keep_top_k, keep_top_p
from lmlib.interactives.counts import percent, quote
from lmlib.interactives.drawing import Bar, bars
from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.language_model import Array
from lmlib.repository import artefact
from lmlib.translation import gettext as _

#: A trained network of chapter 07, and what it has read.
PROMPTS = (
    ("everyday-rnn", "今天天气很"),
    ("everyday-rnn", "你为什"),
    ("emma-rnn", "She was very "),
    ("emma-rnn", "Miss Woodh"),
)
TEMPERATURES = (0.1, 0.5, 1.0, 1.5, 3.0)
TOP_KS = (None, 20, 5, 1)
TOP_PS = (1.0, 0.95, 0.8, 0.5)
SHOWN, DRAWS = 8, 16


@dataclass(frozen=True, eq=False)
class Expectation:
    """What a model expects after a prompt, of all that may be written there.

    Attributes
    ----------
    model, prompt : str
        The artefact's name, and what it has read.
    tokens : sequence of str
        The most probable first.
    logprobs : (N,)
        ln P of each, normalised over these.
    """

    model: str
    prompt: str
    tokens: Sequence[str]
    logprobs: Array


@cache
def expectations() -> tuple[Expectation, ...]:
    """Read what the trained networks expect after the `PROMPTS`."""
    stored = json.loads(artefact("next-tokens.json").read_text(encoding="utf-8"))
    return tuple(
        Expectation(one["model"], one["prompt"], one["tokens"], np.array(one["logprobs"]))
        for one in stored
    )


def reshaped(logprobs: Array, temperature: float, top_k: int | None, top_p: float) -> Array:
    """Temperature, then top-k, then top-p, as `lmlib.decoding.sample` has them."""
    choices = apply_temperature(logprobs, temperature)
    if top_k is not None:
        choices = keep_top_k(choices, top_k)
    return keep_top_p(choices, top_p)


def next_token_bars() -> Interactive:
    """Build the figure: the bars of the next token, and sixteen draws from them."""
    found = expectations()
    glosses = {"今天天气很": _("the weather today is very"), "你为什": _("why do you")}
    return Interactive(
        name="next-token-bars",
        title=_("Temperature, top-k and top-p"),
        controls=(
            Control(
                "expected",
                _("What was read"),
                found,
                [
                    f"{one.prompt.strip()}… ({glosses.get(one.prompt, _('letter by letter'))})"
                    for one in found
                ],
                kind="select",
            ),
            Control(
                "temperature",
                _("Temperature"),
                TEMPERATURES,
                [f"{temperature:g}" for temperature in TEMPERATURES],
                start=TEMPERATURES.index(1.0),
            ),
            Control(
                "top_k", _("top-k"), TOP_KS, [_("all") if k is None else str(k) for k in TOP_KS]
            ),
            Control("top_p", _("top-p"), TOP_PS, [f"{p:g}" for p in TOP_PS]),
        ),
        draw=draw_bars,
        look=_(
            "Each draw is one possible next character. Find a setting whose draws are all sensible "
            "and not all the same. Does it do as well after another prompt?"
        ),
        notice=_(
            "A low temperature and a top-k of 1 come to the same thing: one character, again and "
            "again. A high temperature lifts the many that are never right. Top-k 20 keeps twenty "
            "after 你为什, where one will do, as after the others; top-p keeps one there, and more "
            "where the network hesitates."
        ),
    )


def draw_bars(expected: Expectation, temperature: float, top_k: int | None, top_p: float) -> Frame:
    """Show how probable the next token is after temperature, top-k and top-p."""
    choices = reshaped(expected.logprobs, temperature, top_k, top_p)
    p = np.exp(choices)
    kept = int((p > 0).sum())
    rows = [
        Bar(quote(_visible(token)), percent(share) if share else _("cut off"), share, "rnn")
        for token, share in zip(expected.tokens[:SHOWN], p[:SHOWN].tolist(), strict=True)
    ]
    rest = float(p[SHOWN:].sum())
    others = _("{count} others").format(count=len(p) - SHOWN)
    rows.append(Bar(others, percent(rest) if rest else _("cut off"), rest, "rnn"))
    drawn = draw(np.tile(choices, (DRAWS, 1)), np.random.default_rng(0))
    said = _("Next character")
    draws = " ".join(_visible(expected.tokens[i]) for i in drawn)
    effective = float(np.exp(-(p[p > 0] * choices[p > 0]).sum()))
    reading = _(
        "{kept} of {all} characters can be drawn, as unsure as a choice among {effective}. "
        "{count} draws gave {different} different ones."
    ).format(
        kept=kept,
        all=len(p),
        effective=f"{effective:.1f}",
        count=DRAWS,
        different=len(set(drawn.tolist())),
    )
    return Frame(
        f"{bars(rows, said)}"
        f'<p class="quiet">{_("{count} draws").format(count=DRAWS)}</p>'
        f'<p class="passage">{escape(draws)}</p>',
        reading,
    )


def _visible(token: str) -> str:
    """Write a blank and a line end so that they can be seen."""
    return {" ": "␣", "\n": "⏎"}.get(token, token)
