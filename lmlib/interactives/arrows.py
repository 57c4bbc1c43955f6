"""Who sees the target: which words reach a prediction, from one side and from both (chapter 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.text import BOS, EOS
from lmlib.translation import gettext as _

SENTENCE = "我 今天 很 喜欢 吃 面条".split()
GAP = "__"
MODELS = ("left to right", "both directions", "filler")

#: A state, (layer, direction, step): layers from 1; 1 reads forwards, -1 backwards. A word that is
#: read stands in layer 0, with direction 0.
Node = tuple[int, int, int]


@dataclass(frozen=True)
class Reading:
    """A network reads a sentence and predicts one word of it.

    Attributes
    ----------
    read : sequence of str
        What stands in the input, step by step.
    target : int
        The step at which the word to be predicted stands.
    asked : sequence of Node
        The states that the prediction is computed from.
    arrows : sequence of (Node, Node)
        Which state is computed from which, or from which word.
    """

    read: Sequence[str]
    target: int
    asked: Sequence[Node]
    arrows: Sequence[tuple[Node, Node]]

    def reaching(self) -> set[Node]:
        """All states and words from which arrows lead to the prediction."""
        found, new = set(self.asked), list(self.asked)
        while new:
            node = new.pop()
            before = {start for start, end in self.arrows if end == node} - found
            found |= before
            new += before
        return found

    def seen(self) -> list[int]:
        """The steps whose input the prediction depends on."""
        return sorted(step for layer, _direction, step in self.reaching() if layer == 0)

    @property
    def cheats(self) -> bool:
        """Whether the word to be predicted is among the inputs that reach the prediction."""
        return self.target in self.seen() and self.read[self.target] != GAP


def reading(model: str, place: int, layers: int) -> Reading:
    """Lay out a network over the sentence.

    Parameters
    ----------
    model
        One of `MODELS`. The first two predict a word from the states one step before it, as a
        language model does; the filler reads a gap in its place and asks the states there.
    place
        Of the word to be predicted, from 0.
    layers
        How many.
    """
    read = [BOS, *SENTENCE, EOS]
    target = place + 1
    if model == "filler":
        read[target] = GAP
    asked_at = target if model == "filler" else target - 1
    directions = (1,) if model == "left to right" else (1, -1)
    arrows: list[tuple[Node, Node]] = []
    for layer in range(1, layers + 1):
        for step in range(len(read)):
            below: list[Node] = (
                [(0, 0, step)] if layer == 1 else [(layer - 1, d, step) for d in directions]
            )
            for direction in directions:
                node = (layer, direction, step)
                arrows += [(start, node) for start in below]
                if 0 <= step - direction < len(read):
                    arrows.append(((layer, direction, step - direction), node))
    return Reading(read, target, [(layers, d, asked_at) for d in directions], arrows)


# ---------------------------------------------------------------- the figure


def arrows_figure() -> Interactive:
    """Build the figure: choose a word, a network, its layers; see what reaches the prediction."""
    names = {
        "left to right": _("from left to right"),
        "both directions": _("both directions, no gap"),
        "filler": _("both directions, with a gap"),
    }
    return Interactive(
        name="who-sees-the-target",
        title=_("Who sees the word that is predicted"),
        controls=(
            Control("place", _("Word to be predicted"), range(len(SENTENCE)), SENTENCE, start=4),
            Control("model", _("Network"), MODELS, [names[m] for m in MODELS], kind="select"),
            Control("layers", _("Layers"), (1, 2), ("1", "2"), kind="select"),
        ),
        draw=draw_reading,
        look=_(
            "我今天很喜欢吃面条, “today I like to eat noodles very much”. One word is predicted. "
            "Follow the thick arrows up to the question mark: from which words do they come, and "
            "is the word itself among them?"
        ),
        notice=_(
            "From left to right no arrow comes from the word or from behind it, however many "
            "layers there are. In both directions, without a gap, there is always a way from the "
            "word to its own prediction: back by one state, and up. With a gap everything reaches "
            "the prediction but the word, which nobody has read."
        ),
    )


def draw_reading(place: int, model: str, layers: int) -> Frame:
    """Draw the network; what reaches the prediction is thick."""
    found = reading(model, place, layers)
    seen = [found.read[step] for step in found.seen() if found.read[step] != GAP]
    word = SENTENCE[place]
    if found.cheats:
        said = _(
            "{word} is predicted from {count} of the {all} inputs, and {word} itself is one of "
            "them: the answer stands in the question."
        )
    elif model == "filler":
        said = _(
            "{word} is predicted from {count} of the {all} inputs, all but its own place: from "
            "the left and from the right, without having been read."
        )
    else:
        said = _(
            "{word} is predicted from {count} of the {all} inputs: those before it. What comes "
            "after it has not been read."
        )
    reading_ = said.format(word=word, count=len(seen), all=len(found.read))
    return Frame(_picture(found, layers, reading_), reading_)


_PITCH, _LEFT, _WIDE, _HIGH = 54, 28, 30, 20


def _picture(found: Reading, layers: int, label: str) -> str:
    directions = sorted({node[1] for _start, node in found.arrows}, reverse=True)
    rows = len(directions) * layers
    height = 96 + 62 * rows + 16 * (layers - 1)
    reaching = found.reaching()

    def at(node: Node) -> tuple[float, float]:
        layer, direction, step = node
        x = _LEFT + _PITCH * step
        if layer == 0:
            return x, height - 20
        row = len(directions) * (layer - 1) + directions.index(direction)
        shift = 0 if len(directions) == 1 else 7 * direction
        return x - shift, height - 82 - 62 * row - 16 * (layer - 1)

    faint: list[str] = []
    thick: list[str] = []
    for start, end in found.arrows:
        strong = start in reaching and end in reaching
        (thick if strong else faint).append(_arrow(at(start), at(end), strong))
    mark_x = _LEFT + _PITCH * found.asked[0][2]
    for node in found.asked:
        x, y = at(node)
        thick.append(_arrow((x, y), (mark_x + (x - mark_x) / 2, 26), True, to_mark=True))
    boxes = []
    for step, word in enumerate(found.read):
        kind = "token target" if step == found.target else "token"
        kind += "" if (0, 0, step) in reaching else " unread"
        x, y = at((0, 0, step))
        small = ' class="small"' if word in (BOS, EOS) else ""
        boxes.append(
            f'<rect class="{kind}" x="{x - 24:g}" y="{y - 14:g}" width="48" height="28" rx="5"/>'
            f'<text{small} x="{x:g}" y="{y + 5:g}">{escape(word)}</text>'
        )
    for node in {end for _start, end in found.arrows}:
        x, y = at(node)
        kind = "state" if node in reaching else "state unread"
        sign = "→" if node[1] == 1 else "←"
        boxes.append(
            f'<rect class="{kind}" x="{x - _WIDE / 2:g}" y="{y - _HIGH / 2:g}" width="{_WIDE}" '
            f'height="{_HIGH}" rx="3"/><text x="{x:g}" y="{y + 5:g}">{sign}</text>'
        )
    word = escape(SENTENCE[found.target - 1])
    boxes.append(
        f'<rect class="asked" x="{mark_x - 27:g}" y="2" width="54" height="24" rx="5"/>'
        f'<text class="mark" x="{mark_x:g}" y="19">{word}?</text>'
    )
    width = 2 * _LEFT + _PITCH * (len(found.read) - 1)
    return (
        f'<svg class="who" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(faint + thick + boxes)}</svg>'
    )


def _arrow(
    start: tuple[float, float], end: tuple[float, float], strong: bool, to_mark: bool = False
) -> str:
    """A straight arrow from the edge of one box to that of another."""
    (x, y), (to_x, to_y) = start, end
    if y == to_y:
        sign = 1 if to_x > x else -1
        x, to_x = x + sign * _WIDE / 2, to_x - sign * _WIDE / 2
        tip = (
            f"M{to_x - 7 * sign:g} {to_y - 4:g}L{to_x:g} {to_y:g}L{to_x - 7 * sign:g} {to_y + 4:g}z"
        )
    else:
        y -= 10
        to_y += 0 if to_mark else 10
        tip = f"M{to_x - 4:g} {to_y + 7:g}L{to_x:g} {to_y:g}L{to_x + 4:g} {to_y + 7:g}z"
    kind = "way strong" if strong else "way"
    return (
        f'<path class="{kind}" d="M{x:g} {y:g}L{to_x:g} {to_y:g}"/>'
        f'<path class="{kind} tip" d="{tip}"/>'
    )
