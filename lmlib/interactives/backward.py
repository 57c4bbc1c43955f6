"""The gradient's way back through an unrolled network, a step at a time (chapter 07)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.language_model import Array
from lmlib.scratch.functions import cross_entropy, softmax
from lmlib.scratch.layers import embedding, linear, linear_backward
from lmlib.scratch.output import never_predicted
from lmlib.scratch.rnn import RNNLM, RNNConfig, backpropagate_through_time, unroll
from lmlib.text import SPECIAL_TOKENS, TextFormat, Vocab
from lmlib.translation import gettext as _

SENTENCE = ("我", "很", "喜欢", "吃", "面条", "。")


def small_network() -> RNNLM:
    """Make a recurrent language model of two units that reads 我很喜欢吃面条, five words.

    Its weights are drawn by chance and rounded to a digit, so that they can be copied to paper.
    """
    model = RNNLM(
        RNNConfig(embedding=2, hidden=2),
        Vocab([*SPECIAL_TOKENS, *SENTENCE]),
        TextFormat("whitespace", "stream"),
        np.random.default_rng(272),
    )
    for name, scale in {"embedding": 8.0, "W_o": 1.5}.items():
        model.parameters[name] *= scale
    model.parameters = {name: array.round(1) + 0.0 for name, array in model.parameters.items()}
    return model


@dataclass(frozen=True)
class BackwardPass:
    """What flows back through one sentence, a row for each of the T steps.

    Attributes
    ----------
    read, predicted : sequence of str
        The token read at each step, and the one that was to be predicted there.
    probability : (T,)
        P of that token.
    states : (T + 1, H)
        The first is the one before anything was read.
    above : (T, H)
        dh_t from the loss of step t alone.
    right : (T, H)
        dz_{t+1} W_hᵀ, from the step to the right; zeros in the last row.
    factor : (T, H)
        1 - h_t².
    dz : (T, H)
        (above + right) · factor.
    added : (T, H, H)
        h_{t-1}ᵀ dz_t, what step t adds to dW_h.
    """

    read: Sequence[str]
    predicted: Sequence[str]
    probability: Array
    states: Array
    above: Array
    right: Array
    factor: Array
    dz: Array
    added: Array


def backward_pass(model: RNNLM, tokens: Sequence[str], *, last_loss_only: bool) -> BackwardPass:
    """Take the backward pass of `RNNLM.loss_and_gradients` apart, for one sentence.

    Parameters
    ----------
    tokens
        T + 1 of them: the first is not predicted, the last not read.
    last_loss_only
        Whether only the loss of the last step is asked, undivided; else the mean over all steps.
    """
    p = model.parameters
    ids = model.vocab.encode(tokens)  # (T+1,)
    read, targets = ids[:-1], ids[1:]  # (T,)
    x = embedding(read[:, None], p["embedding"])  # (T, 1, D)
    states = unroll(x, np.zeros((1, len(p["W_h"]))), p["W_x"], p["W_h"], p["b"])  # (T+1, 1, H)
    never = never_predicted(model.vocab, model.text_format)
    logits = linear(states[1:], p["W_o"], p["b_o"] + never)  # (T, 1, V)
    asked = np.where(np.arange(len(targets)) < len(targets) - 1, -1, targets)
    asked = asked if last_loss_only else targets
    _loss, dlogits = cross_entropy(logits, asked[:, None])
    above, _dW_o, _db_o = linear_backward(dlogits, states[1:], p["W_o"])  # (T, 1, H)
    dz = backpropagate_through_time(above, states, p["W_h"])[:, 0]  # (T, H)
    states, above = states[:, 0], above[:, 0]
    return BackwardPass(
        read=tokens[:-1],
        predicted=tokens[1:],
        probability=softmax(logits)[np.arange(len(targets)), 0, targets],
        states=states,
        above=above,
        right=np.vstack([dz[1:] @ p["W_h"].T, np.zeros_like(dz[:1])]),
        factor=1 - states[1:] ** 2,
        dz=dz,
        added=states[:-1, :, None] * dz[:, None, :],
    )


def backward_stepper() -> Interactive:
    """Build the figure: back from the last step, what arrives, what is left, what is added."""
    model = small_network()
    steps = len(SENTENCE) - 1
    passes = {
        losses: backward_pass(model, SENTENCE, last_loss_only=losses == "last")
        for losses in ("all", "last")
    }

    def draw(losses: str, back: int) -> Frame:
        return _frame(passes[losses], back)

    return Interactive(
        name="backward-stepper",
        title=_("The gradient's way back, a step at a time"),
        controls=(
            Control(
                "losses",
                _("Whose loss is asked"),
                ("all", "last"),
                [_("every step's (their mean)"), _("the last step's alone")],
                kind="select",
            ),
            Control(
                "back",
                _("Steps gone back"),
                range(steps + 1),
                [_("none yet")]
                + [_("{n}, at t = {t}").format(n=n, t=steps + 1 - n) for n in range(1, steps + 1)],
            ),
        ),
        draw=draw,
        look=_(
            "Before each step, say which of the two streams will be larger: what comes down from "
            "the prediction, or what comes back from the right. And what is added to dW_h at t = 1?"
        ),
        notice=_(
            "Each step does the same three things: add what comes from above and from the right; "
            "multiply by 1 − h²; hand dz · W_hᵀ on. The first step adds nothing to dW_h, since the "
            "state before it was zero, though a gradient arrives there. With the last loss alone "
            "nothing comes from above before t = 5, and still W_h is told something at t = 4, 3 "
            "and 2: it was used there too, on the way to the mistake."
        ),
    )


def _frame(found: BackwardPass, back: int) -> Frame:
    """Draw the frame in which the gradient has come back through so many steps."""
    steps = len(found.dz)
    picture = _unrolled(found, back)
    if not back:
        reading = _(
            "The forward pass is done: P({word}) = {p:.3f} at the last step. No gradient has set "
            "out yet."
        )
        return Frame(picture, reading.format(word=found.predicted[-1], p=found.probability[-1]))
    i = steps - back
    t = i + 1
    arrived = found.above[i] + found.right[i]
    from_right = _("from the right, dz · W_hᵀ of t = {later}").format(later=t + 1)
    rows = [
        (_("from above, of the loss at t = {t}").format(t=t), _vector(found.above[i])),
        (from_right if t < steps else _("from the right: no later step"), _vector(found.right[i])),
        (_("together, dh"), _vector(arrived)),
        (_("times 1 − h²"), _vector(found.factor[i])),
        (_("gives dz"), _vector(found.dz[i])),
        (_("the state before, at t = {before}").format(before=i), _vector(found.states[i])),
        (_("their products, added to dW_h"), _matrix(found.added[i])),
        (_("dW_h so far"), _matrix(found.added[i:].sum(axis=0))),
    ]
    lines = "".join(
        f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>' for label, cells in rows
    )
    reading = _(
        "t = {t}: {above} from above and {right} from the right make {arrived}; through tanh, "
        "{dz} is left. dW_h has {share} of its {steps} shares."
    ).format(
        t=t,
        above=_said(found.above[i]),
        right=_said(found.right[i]),
        arrived=_said(arrived),
        dz=_said(found.dz[i]),
        share=back,
        steps=steps,
    )
    return Frame(f'{picture}<table class="steps-back"><tbody>{lines}</tbody></table>', reading)


def _number(value: float, digits: int = 3) -> str:
    """Write a number with a true minus sign, and no minus before a zero.

    >>> _number(-0.1234), _number(-0.0001)
    ('−0.123', '0.000')
    """
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _said(vector: Array) -> str:
    return f"({', '.join(_number(value) for value in vector)})"


def _vector(vector: Array) -> str:
    return "".join(f"<td>{_number(value)}</td>" for value in vector)


def _matrix(matrix: Array) -> str:
    columns = ("<br>".join(_number(value) for value in column) for column in matrix.T)
    return "".join(f"<td>{column}</td>" for column in columns)


# ---------------------------------------------------------------- the picture


def _unrolled(found: BackwardPass, back: int) -> str:
    """Draw the network unrolled: states as columns of cells, and the gradient's way so far."""
    steps = len(found.dz)
    asked = np.abs(found.above).max(axis=1) > 0  # (T,)
    here = steps - back  # the step where the gradient stands, counted from 0
    parts = []
    for i in range(steps):
        x = 40 + 68 * i
        parts.append(_arrow((x - 12, 214), (x - 12, 176), "way"))
        parts.append(_arrow((x - 12, 120), (x - 12, 86), "way"))
        if i:
            parts.append(_arrow((x - 44, 136), (x - 24, 136), "way"))
        if i >= here and asked[i]:
            parts.append(_arrow((x + 12, 84), (x + 12, 119), "back"))
        if i > here:
            parts.append(_arrow((x - 24, 160), (x - 43, 160), "back"))
        for k, value in enumerate(found.states[i + 1]):
            kind = "state here" if i == here else "state"
            parts.append(
                f'<rect class="{kind}" x="{x - 23}" y="{121 + 27 * k}" width="46" height="27"/>'
                f'<text x="{x}" y="{139 + 27 * k}">{_number(value, 2)}</text>'
            )
        for y, text, kind in (
            (56, found.predicted[i], "token"),
            (76, f"{found.probability[i]:.3f}", "step"),
            (232, found.read[i], "token"),
            (252, f"t = {i + 1}", "step"),
        ):
            parts.append(f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>')
    said = _(
        "Five steps from left to right. Below, the token read at each; in the middle the state, "
        "two numbers; above, the token to be predicted and its probability. Steps that the "
        "gradient has gone back: {back}."
    ).format(back=back)
    return (
        f'<svg class="unrolled" viewBox="0 30 352 228" role="img" aria-label="{escape(said)}">'
        f"{''.join(parts)}</svg>"
    )


def _arrow(start: tuple[int, int], end: tuple[int, int], kind: str) -> str:
    """Draw a straight arrow, along one of the axes."""
    (x, y), dx, dy = end, np.sign(end[0] - start[0]), np.sign(end[1] - start[1])
    left, right = (f"{x - 7 * dx + s * dy} {y - 7 * dy + s * dx}" for s in (4, -4))
    return (
        f'<path class="{kind}" d="M{start[0]} {start[1]}L{x - 6 * dx} {y - 6 * dy}"/>'
        f'<path class="{kind} tip" d="M{left}L{x} {y}L{right}z"/>'
    )
