"""The hidden-unit viewer: a passage coloured by one unit of a trained network (chapter 11)."""

from __future__ import annotations

import json
from functools import cache
from html import escape
from itertools import groupby
from typing import Any

import numpy as np

from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.repository import artefact
from lmlib.translation import gettext as _

SHADES = 3  # on each side of the unit's mean


@cache
def measured() -> dict[str, Any]:
    """What ``units.json`` holds: a passage, and of each unit shown its memory c along it."""
    found: dict[str, Any] = json.loads(artefact("units.json").read_text(encoding="utf-8"))
    return found


def feature_names() -> dict[str, str]:
    """What the units were compared with, in the reader's language."""
    return {
        "inside quotation marks": _("inside quotation marks"),
        "letters since the word began": _("letters since the word began"),
        "how far into the sentence": _("how far into the sentence"),
        "characters since the last comma": _("characters since the last comma"),
        "in a word with a capital": _("in a word with a capital"),
        "the word is over": _("the word is over"),
        "a vowel": _("a vowel"),
        "a mark of punctuation": _("a mark of punctuation"),
    }


def unit_viewer() -> Interactive:
    """Build the figure: a list of 24 units, and the passage in the colours of one."""
    names = feature_names()
    texts = []
    for unit in measured()["units"]:
        text = (
            _("by lot: layer {layer}, unit {unit}")
            if unit["by lot"]
            else _("{name}: layer {layer}, unit {unit}")
        )
        texts.append(text.format(name=names[unit["name"]], layer=unit["layer"], unit=unit["unit"]))
    return Interactive(
        name="hidden-units",
        title=_("What one unit keeps, along a passage"),
        controls=(Control("unit", _("Unit"), range(len(texts)), texts, start=2, kind="select"),),
        draw=draw_unit,
        look=_(
            "A passage of Emma that the network has not read in training. Blue: after this "
            "character the unit's memory c stands above its mean; orange, with a line below: under "
            "it. Take one of the first eight, and name what it follows. Then take one drawn by lot."
        ),
        notice=_(
            "The first eight were picked because each is the best of all 256 for its name, and "
            "still they follow it only in part. Of those drawn by lot some follow a "
            "name as closely as some of the first eight do, and most follow none closely."
        ),
    )


def draw_unit(unit: int) -> Frame:
    """Colour the passage by one unit."""
    found = measured()["units"][unit]
    values = np.array(found["values"])
    levels = np.round(values * SHADES).astype(int)
    pieces = []
    pairs = zip(levels.tolist(), measured()["passage"], strict=True)
    for level, group in groupby(pairs, key=lambda pair: pair[0]):
        text = escape("".join(letter for _level, letter in group)).replace("\n", "<br>")
        kind = f"{'up' if level > 0 else 'down'}{abs(level)}" if level else ""
        pieces.append(f'<i class="{kind}">{text}</i>' if kind else text)
    reading = _(
        "Layer {layer}, unit {unit}. Of the eight names it is nearest to “{name}”: correlation "
        "{correlation:+.2f} over {read:,} characters."
    ).format(
        layer=found["layer"],
        unit=found["unit"],
        name=feature_names()[found["name"]],
        correlation=found["correlation"],
        read=measured()["read"],
    )
    return Frame(f'<p class="unit-passage" lang="en">{"".join(pieces)}</p>', reading)
