"""The unroll stepper: a recurrent network reads a sentence, token by token (chapter 06)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

import numpy as np
import numpy.typing as npt

from lmlib.batching import padded_batch
from lmlib.corpora.agreement import cats
from lmlib.corpora.grammar import generate
from lmlib.interactives.counts import percent
from lmlib.interactives.drawing import Bar, bars
from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.scratch.optimisers import Adam, clip_by_norm
from lmlib.scratch.rnn import RNNLM, RNNConfig
from lmlib.text import BOS, EOS, TextFormat, index_text
from lmlib.translation import gettext as _

HIDDEN, EMBEDDING = 12, 8
DRAWN = 5  # steps drawn at once
SHOWN = 5  # tokens among the bars

SENTENCES = (
    ("zh", "我 很 喜欢 吃 面条"),
    ("zh", "今天 天气 很 好"),
    ("en", "the cat which already ate the apple was full"),
    ("en", "the cats which already ate the apple were full"),
)

# ---------------------------------------------------------------- the two small models


@cache
def small_model(language: str) -> RNNLM:
    """Train a model whose state is small enough to be drawn: some seconds, always the same.

    Parameters
    ----------
    language
        ``"zh"``: sentences of the small grammar; ``"en"``: of `lmlib.corpora.agreement`, in which
        up to five words stand between the cat, or the cats, and the verb.
    """
    if language == "zh":
        lines, epochs = [" ".join(words) for words in generate(2000, seed=0)], 5
    else:
        near = [sentence for distance in range(1, 6) for sentence in cats(300, distance, seed=0)]
        lines, epochs = [" ".join(sentence.words) for sentence in near], 20
    text_format = TextFormat("whitespace")
    vocab, sequences = index_text("\n".join(lines), text_format)
    rng = np.random.default_rng(0)
    model = RNNLM(RNNConfig(EMBEDDING, HIDDEN), vocab, text_format, rng)
    optimiser = Adam(learning_rate=0.02)
    for epoch in range(epochs):
        optimiser.learning_rate = 0.02 * (1 - epoch / epochs)
        order = rng.permutation(len(sequences))
        for start in range(0, len(order), 32):
            batch = [sequences[i] for i in order[start : start + 32]]
            inputs, targets = padded_batch(batch, vocab.bos)
            _loss, gradients, _state = model.loss_and_gradients(inputs, targets)
            optimiser.update(model.parameters, clip_by_norm(gradients, 1.0)[0])
    return model


# ---------------------------------------------------------------- reading a sentence


@dataclass(frozen=True)
class Step:
    """What a network is after reading one token.

    Attributes
    ----------
    read, next : str
        The token just read, and the one that the sentence goes on with.
    state : (H,)
    probabilities : dict
        P of each token as the next one, the most probable first.
    """

    read: str
    next: str
    state: npt.NDArray
    probabilities: dict[str, float]

    @property
    def guess(self) -> str:
        """The most probable next token."""
        return next(iter(self.probabilities))


def read_sentence(model: RNNLM, words: Sequence[str]) -> list[Step]:
    """Step through ``<bos>`` and the words."""
    state, steps = model.initial_state(1), []
    for read, following in zip([BOS, *words], [*words, EOS], strict=True):
        logprobs, state = model.step([model.vocab[read]], state)
        p = np.exp(logprobs[0])  # (V,)
        ranked = np.argsort(-p, kind="stable")
        named = {model.vocab.tokens[i]: float(p[i]) for i in ranked}
        steps.append(Step(read, following, state[0][0], named))
    return steps


# ---------------------------------------------------------------- the figure


def unroll_stepper() -> Interactive:
    """Build the figure: the state after each token, the same three matrices, the next token.

    A model is trained when the first of its sentences is drawn.
    """

    @cache
    def reading(language: str, sentence: str) -> list[Step]:
        return read_sentence(small_model(language), sentence.split())

    def draw(sentence: tuple[str, str], words: int, view: str) -> Frame:
        steps = reading(*sentence)
        return draw_steps(steps[: words + 1], words >= len(steps), view)

    longest = max(len(sentence.split()) for _language, sentence in SENTENCES)
    views = {
        "time": _("along time"),
        "layers": _("as layers"),
        "folded": _("folded"),
    }
    return Interactive(
        name="unroll-stepper",
        title=_("A recurrent network reads a sentence"),
        controls=(
            Control(
                "sentence",
                _("Sentence"),
                SENTENCES,
                ["".join(s.split()) if language == "zh" else s for language, s in SENTENCES],
                kind="select",
            ),
            Control(
                "words",
                _("Words read"),
                range(longest + 1),
                [str(n) for n in range(longest + 1)],
                start=2,
            ),
            Control("view", _("Drawn"), list(views), list(views.values()), kind="select"),
        ),
        draw=draw,
        look=_(
            "Each cell of a column holds one number of the state: a bar to the right is above 0, "
            "one to the left below. Read a word at a time. What changes from step to step, and "
            "what never does?"
        ),
        notice=_(
            "The columns change, and with them the bars below. The three matrices do not: five "
            "words make five layers, and any further word one more, with nothing new to be "
            "learned. Read of the cat up to the apple, and then of the cats: the last five words "
            "are the same, and the verb is not."
        ),
    )


def draw_steps(steps: Sequence[Step], over: bool, view: str) -> Frame:
    """Draw the last of the steps, and the bars of the very last.

    Parameters
    ----------
    steps
        All so far, ``<bos>`` first.
    over
        Whether the sentence had no further word to read.
    view : {"time", "layers", "folded"}
    """
    last, t = steps[-1], len(steps) - 1
    pictures = {"time": _along_time, "layers": _as_layers, "folded": _folded}
    first = max(0, len(steps) - DRAWN) if view != "folded" else t
    best = list(last.probabilities.items())[:SHOWN]
    if last.next not in dict(best):
        best[-1] = (last.next, last.probabilities[last.next])
    rows = [Bar(token, percent(p), p, "data" if token == last.next else "rnn") for token, p in best]
    label = _("P(next token | h{t})").format(t=_lowered(t))
    picture = (
        pictures[view](steps[first:], first)
        + f'<p class="quiet">{escape(label)}</p>'
        + bars(rows, label)
    )
    said = _(
        "h{t} has read {read}. Most probable next: {guess}, {best}. The sentence goes on with "
        "{next}, {probability}."
    ).format(
        t=_lowered(t),
        read=last.read,
        guess=last.guess,
        best=percent(last.probabilities[last.guess]),
        next=last.next,
        probability=percent(last.probabilities[last.next]),
    )
    if over:
        said = _("All words are read.") + " " + said
    return Frame(picture, said)


def _lowered(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


# ---------------------------------------------------------------- the pictures: SVG, nothing shared

_CELL, _WIDE = 9, 30  # of a cell in a column: height, width
_COLUMN = _CELL * HIDDEN


def _svg(width: int, height: int, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="net" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _box(x: float, y: float, width: int, text: str, kind: str = "token") -> str:
    """A token in a box, its middle at (x, y)."""
    size = ' class="small"' if len(text) > 6 else ""
    return (
        f'<rect class="{kind}" x="{x - width / 2:g}" y="{y - 13:g}" width="{width}" height="26" '
        f'rx="5"/><text{size} x="{x:g}" y="{y + 5:g}">{escape(text)}</text>'
    )


def _arrow(x: float, y: float, to_x: float, to_y: float, name: str) -> str:
    """An arrow to the right or upwards, with the name of its matrix."""
    if y == to_y:
        tip = f"M{to_x - 8:g},{y - 4:g}L{to_x:g},{y:g}L{to_x - 8:g},{y + 4:g}z"
        line, text_x, text_y = f"M{x:g},{y:g}H{to_x - 7:g}", (x + to_x) / 2 - 3, y - 7
    else:
        tip = f"M{x - 4:g},{to_y + 8:g}L{x:g},{to_y:g}L{x + 4:g},{to_y + 8:g}z"
        line, text_x, text_y = f"M{x:g},{y:g}V{to_y + 7:g}", x + 15, (y + to_y) / 2 + 6
    named = _matrix(text_x, text_y, name)
    return f'<path class="line" d="{line}"/><path class="tip" d="{tip}"/>{named}'


def _matrix(x: float, y: float, name: str) -> str:
    return (
        f'<text class="matrix" x="{x:g}" y="{y:g}">W<tspan class="low" dy="3">{name}</tspan></text>'
    )


def _state(x: float, y: float, t: int, state: npt.NDArray) -> str:
    """A column of cells, its top at (x, y) in the middle; a bar in each is its number."""
    half = _WIDE / 2
    grid = "".join(f"M{x - half:g},{y + _CELL * i:g}h{_WIDE}" for i in range(1, len(state)))
    filled = "".join(
        f"M{x:g},{y + _CELL * i + 1:g}h{half * v:.0f}v{_CELL - 2}h{-half * v:.0f}z"
        for i, v in enumerate(state.tolist())
    )
    return (
        f'<rect class="cells" x="{x - half:g}" y="{y:g}" width="{_WIDE}" height="{_COLUMN}"/>'
        f'<path class="grid" d="{grid}M{x:g},{y:g}v{_COLUMN}"/><path class="bar" d="{filled}"/>'
        + _name(x, y + _COLUMN + 68, t)
    )


def _state_lying(x: float, y: float, state: npt.NDArray) -> str:
    """A row of cells, the middle of its left edge at (x, y); bars go up and down."""
    wide, half = 13, 12
    grid = "".join(f"M{x + wide * i:g},{y - half:g}v{2 * half}" for i in range(1, len(state)))
    filled = "".join(
        f"M{x + wide * i + 1:g},{y:g}v{-half * v:.0f}h{wide - 2}v{half * v:.0f}z"
        for i, v in enumerate(state.tolist())
    )
    length = wide * len(state)
    return (
        f'<rect class="cells" x="{x:g}" y="{y - half:g}" width="{length}" height="{2 * half}"/>'
        f'<path class="grid" d="{grid}M{x:g},{y:g}h{length}"/><path class="bar" d="{filled}"/>'
    )


def _name(x: float, y: float, t: int) -> str:
    return f'<text class="name" x="{x:g}" y="{y:g}">h{_lowered(t)}</text>'


def _label(steps: Sequence[Step], first: int) -> str:
    return _("{count} steps unrolled, from h{first} to h{last}; each uses W_x, W_h and W_o").format(
        count=len(steps), first=_lowered(first), last=_lowered(first + len(steps) - 1)
    )


def _along_time(steps: Sequence[Step], first: int) -> str:
    pitch, top = 68, 52
    parts = []
    for i, step in enumerate(steps):
        x, middle = 56 + pitch * i, top + _COLUMN / 2
        from_x = x - pitch + _WIDE / 2 if i else 2
        parts += [
            _box(x, 17, 62, step.guess, "guess"),
            _arrow(x, top, x, 31, "o"),
            _arrow(from_x, middle, x - _WIDE / 2, middle, "h"),
            _state(x, top, first + i, step.state),
            _arrow(x, top + _COLUMN + 22, x, top + _COLUMN, "x"),
            _box(x, top + _COLUMN + 36, 62, step.read),
        ]
        if not i:
            parts.append(
                f'<text class="far" x="12" y="{middle + 17:g}">{"…" if first else "0"}</text>'
            )
    return _svg(364, top + _COLUMN + 76, _label(steps, first), parts)


def _as_layers(steps: Sequence[Step], first: int) -> str:
    pitch, left = 54, 124
    middle, height = left + 13 * HIDDEN / 2, 10 + pitch * len(steps)
    parts = []
    for i, step in enumerate(steps):
        y = height - 40 - pitch * i
        parts += [
            _box(36, y, 66, step.read),
            _arrow(70, y, left, y, "x"),
            _arrow(middle, y + pitch - 13 if i else height - 4, middle, y + 12, "h"),
            _state_lying(left, y, step.state),
            _arrow(left + 13 * HIDDEN, y, left + 13 * HIDDEN + 50, y, "o"),
            _box(left + 13 * HIDDEN + 84, y, 66, step.guess, "guess"),
            _name(94, y + 20, first + i),
        ]
    parts.append(
        f'<text class="far" x="{middle - 14:g}" y="{height - 4}">{"…" if first else "0"}</text>'
    )
    return _svg(400, height, _label(steps, first), parts)


def _folded(steps: Sequence[Step], first: int) -> str:
    (step,) = steps
    x, top = 200, 52
    middle, right, left = top + _COLUMN / 2, 200 + _WIDE / 2, 200 - _WIDE / 2
    loop = f"M{right:g},{middle:g}h45v{_COLUMN / 2 + 11:g}h-120v{-_COLUMN / 2 - 11:g}h38"
    tip = f"M{left - 8:g},{middle - 4:g}L{left:g},{middle:g}L{left - 8:g},{middle + 4:g}z"
    parts = [
        _box(x, 17, 66, step.guess, "guess"),
        _arrow(x, top, x, 31, "o"),
        _state(x, top, first, step.state),
        f'<path class="line" d="{loop}"/><path class="tip" d="{tip}"/>',
        _matrix(right + 62, middle + 6, "h"),
        _arrow(x, top + _COLUMN + 22, x, top + _COLUMN, "x"),
        _box(x, top + _COLUMN + 36, 66, step.read),
    ]
    label = _("One step with a loop: h{t} is computed from the state before and the token")
    return _svg(400, top + _COLUMN + 76, label.format(t=_lowered(first)), parts)
