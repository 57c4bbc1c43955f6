"""The questions of chapter 10, and the goals of the chapter that they check.

- ``10-lstm-step``: goal 1, say what each of the three gates acts on, and write the step.
- ``10-retention``: goal 2, say what is left of a memory after many steps, and why it is a product.
- ``10-forget-bias``: goal 3, choose a first bias for the distance that is to be learned.
"""

import math

import numpy as np
import numpy.typing as npt

from lmlib.grading.question import Mistake, Question
from lmlib.scratch import sigmoid
from lmlib.scratch.lstm import lstm_step
from lmlib.translation import gettext as _

Array = npt.NDArray
Pair = tuple[Array, Array]

# ---------------------------------------------------------------- the references


def _retention(kept: Array) -> Array:
    """As `lmlib.diagnostics.retention`, which needs PyTorch beside it."""
    later = np.concatenate([kept[1:], np.ones_like(kept[:1])])
    return np.cumprod(later[::-1], axis=0)[::-1]


def _forget_bias(half_life: float) -> float:
    """The logit of f = 2 to the power of -1/n: f / (1 - f) = 1 / (2^(1/n) - 1)."""
    return -math.log(math.expm1(math.log(2) / half_life))


# ---------------------------------------------------------------- the cases


def _one_unit(x: float, h: float, c: float, sums: tuple[float, ...]) -> tuple[Array, ...]:
    """A cell of one unit that reads one number; its gates see the bias alone where x = h = 0."""
    W_x = np.array([[1.0, -0.5, 2.0, 0.5]])
    W_h = np.array([[0.5, 1.0, -1.0, -2.0]])
    return np.array([[x]]), np.array([[h]]), np.array([[c]]), W_x, W_h, np.array(sums)


def _draw_step(rng: np.random.Generator, size: int) -> tuple[Array, ...]:
    B, D, H = 1 + size // 4, 1 + size // 3, 1 + size // 2
    return (
        rng.normal(size=(B, D)).round(2),
        rng.uniform(-1, 1, (B, H)).round(2),
        rng.normal(0, 2, (B, H)).round(2),
        rng.normal(size=(D, 4 * H)).round(2),
        rng.normal(size=(H, 4 * H)).round(2),
        rng.normal(size=4 * H).round(2),
    )


def _draw_kept(rng: np.random.Generator, size: int) -> tuple[Array]:
    kept = rng.uniform(0.2, 1, (1 + size, 1 + size // 3)).round(3)
    if rng.random() < 0.2:
        kept[rng.integers(len(kept))] = rng.integers(2)  # a step that forgets all, or nothing
    return (kept,)


def _draw_half_life(rng: np.random.Generator, size: int) -> tuple[float]:
    return (float(np.round(10 ** rng.uniform(-0.5, 0.4 * size), 2)),)


# ---------------------------------------------------------------- the mistakes: a step


def _sums(x: Array, h: Array, W_x: Array, W_h: Array, b: Array) -> list[Array]:
    return np.split(x @ W_x + h @ W_h + b, 4, axis=1)


def _gated(i: Array, f: Array, candidate: Array, o: Array, c: Array) -> Pair:
    """A step from the four sums."""
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(candidate)
    return sigmoid(o) * np.tanh(c), c


def _step_no_tanh(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    o = _sums(x, h, W_x, W_h, b)[3]
    _h, c = lstm_step(x, h, c, W_x, W_h, b)
    return sigmoid(o) * c, c


def _step_swapped(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    i, f, candidate, o = _sums(x, h, W_x, W_h, b)
    return _gated(f, i, candidate, o, c)


def _step_order(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    i, f, o, candidate = _sums(x, h, W_x, W_h, b)
    return _gated(i, f, candidate, o, c)


def _step_i_and_o(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    o, f, candidate, i = _sums(x, h, W_x, W_h, b)
    return _gated(i, f, candidate, o, c)


def _step_keeps_tanh(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    i, f, candidate, o = _sums(x, h, W_x, W_h, b)
    c = np.tanh(sigmoid(f) * c + sigmoid(i) * np.tanh(candidate))
    return sigmoid(o) * c, c


def _step_old_cell(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    o = _sums(x, h, W_x, W_h, b)[3]
    return sigmoid(o) * np.tanh(c), lstm_step(x, h, c, W_x, W_h, b)[1]


def _step_candidate_sigmoid(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    i, f, candidate, o = _sums(x, h, W_x, W_h, b)
    c = sigmoid(f) * c + sigmoid(i) * sigmoid(candidate)
    return sigmoid(o) * np.tanh(c), c


def _step_tanh_gates(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    i, f, candidate, o = np.tanh(_sums(x, h, W_x, W_h, b))
    c = f * c + i * candidate
    return o * np.tanh(c), c


def _step_forgets_nothing(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    i, f, candidate, o = _sums(x, h, W_x, W_h, b)
    return _gated(i, np.full_like(f, np.inf), candidate, o, c)


def _step_writes_all(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    i, f, candidate, o = _sums(x, h, W_x, W_h, b)
    return _gated(np.full_like(i, np.inf), f, candidate, o, c)


def _step_shows_all(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    i, f, candidate, o = _sums(x, h, W_x, W_h, b)
    return _gated(i, f, candidate, np.full_like(o, np.inf), c)


def _step_coupled(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    _i, f, candidate, o = _sums(x, h, W_x, W_h, b)
    return _gated(-f, f, candidate, o, c)


def _step_keeps_h(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    return lstm_step(x, h, h, W_x, W_h, b)


def _step_reads_c(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    return lstm_step(x, c, c, W_x, W_h, b)


def _step_exchanged(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    h, c = lstm_step(x, h, c, W_x, W_h, b)
    return c, h


def _step_without_bias(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    return lstm_step(x, h, c, W_x, W_h, np.zeros_like(b))


def _step_forgets_reversed(x: Array, h: Array, c: Array, W_x: Array, W_h: Array, b: Array) -> Pair:
    i, f, candidate, o = _sums(x, h, W_x, W_h, b)
    return _gated(i, -f, candidate, o, c)


# ---------------------------------------------------------------- the mistakes: retention


def _retention_mean(kept: Array) -> Array:
    later = [kept[t:].mean(axis=0) for t in range(1, len(kept))]
    return np.array([*later, np.ones_like(kept[0])])


def _retention_sum(kept: Array) -> Array:
    return np.array([kept[t + 1 :].sum(axis=0) for t in range(len(kept))])


def _retention_own(kept: Array) -> Array:
    return np.cumprod(kept[::-1], axis=0)[::-1]


def _retention_forward(kept: Array) -> Array:
    return np.cumprod(kept, axis=0)


def _retention_power(kept: Array) -> Array:
    steps = np.arange(len(kept))[::-1, None]
    return kept.mean(axis=0) ** steps


def _retention_next(kept: Array) -> Array:
    return np.concatenate([kept[1:], np.ones_like(kept[:1])])


def _retention_smallest(kept: Array) -> Array:
    return np.minimum.accumulate(_retention_next(kept)[::-1])[::-1]


def _retention_turned(kept: Array) -> Array:
    return _retention(kept)[::-1]


def _retention_units(kept: Array) -> Array:
    return np.repeat(_retention(kept).prod(axis=1, keepdims=True), kept.shape[1], axis=1)


def _retention_forgotten(kept: Array) -> Array:
    return _retention(1 - kept)


def _retention_to_first(kept: Array) -> Array:
    """How much of the first is left at each step."""
    return np.cumprod(np.concatenate([np.ones_like(kept[:1]), kept[1:]]), axis=0)


# ---------------------------------------------------------------- the mistakes: the bias


def _bias_no_logit(half_life: float) -> float:
    return 0.5 ** (1 / half_life)


def _bias_log_only(half_life: float) -> float:
    return -math.log(2) / half_life


def _bias_sigmoid(half_life: float) -> float:
    return float(sigmoid(0.5 ** (1 / half_life)))


def _bias_e_fold(half_life: float) -> float:
    return -math.log(math.expm1(1 / half_life))


def _bias_wrong_sign(half_life: float) -> float:
    return -_forget_bias(half_life)


def _bias_straight_line(half_life: float) -> float:
    f = 1 - 0.5 / half_life
    return math.log(f / (1 - f)) if f > 0 else math.nan


def _bias_power(half_life: float) -> float:
    f = 0.5**half_life
    return math.log(f / (1 - f)) if 0 < f < 1 else -math.inf


def _bias_other_base(half_life: float) -> float:
    return _forget_bias(half_life) / math.log(2)


def _bias_base_ten(half_life: float) -> float:
    return _forget_bias(half_life) / math.log(10)


def _bias_one_less(half_life: float) -> float:
    return _forget_bias(half_life - 1) if half_life > 1 else math.nan


def _bias_one_more(half_life: float) -> float:
    return _forget_bias(half_life + 1)


def _bias_odds(half_life: float) -> float:
    return 1 / math.expm1(math.log(2) / half_life)


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 10, in the reader's language."""
    of_order = _(
        "The blocks of the weights were taken in another order. Side by side stand those of the "
        "input gate, the forget gate, the candidate, the output gate."
    )
    of_open = _(
        "One of the three gates plays no part: it is as if it were always open. Each acts on "
        "something else, what is kept, what is written, what is shown."
    )
    of_base = _("The logarithm has another base. A sigmoid is made with e.")
    of_count = _(
        "The number of factors is off by one. After as many steps as the half-life says, half is "
        "left; after one step, one factor."
    )
    return (
        Question(
            "10-lstm-step",
            "lstm_step",
            lstm_step,
            worked=(
                _one_unit(0.0, 0.0, 0.0, (0.0, 0.0, 0.0, 0.0)),
                _one_unit(0.0, 0.0, 2.0, (-100.0, 100.0, 0.5, 100.0)),
                _one_unit(0.0, 0.0, 2.0, (100.0, -100.0, 0.5, 100.0)),
                _one_unit(0.0, 0.0, 2.0, (100.0, 100.0, 0.5, -100.0)),
                _one_unit(1.0, 0.5, -1.0, (0.5, 1.0, -0.5, 0.25)),
                _one_unit(-1.0, 0.25, 3.0, (1.0, 0.0, 2.0, -1.0)),
                _draw_step(np.random.default_rng(10), 4),
            ),
            draw=_draw_step,
            mistakes=(
                Mistake(
                    "no tanh of c",
                    _(
                        "The cell is right, and the output is not: the cell has no bounds, and is "
                        "brought between -1 and 1 before it is shown."
                    ),
                    _step_no_tanh,
                ),
                Mistake(
                    "input and forget gate swapped",
                    _(
                        "Two gates have changed places. One multiplies what stood in the cell, the "
                        "other what is to be written there."
                    ),
                    _step_swapped,
                ),
                Mistake("candidate and output gate swapped", of_order, _step_order),
                Mistake("input and output gate swapped", of_order, _step_i_and_o),
                Mistake(
                    "the cell itself goes through tanh",
                    _(
                        "The bent value was stored. What stays in the cell is the sum itself; only "
                        "what is shown of it is bent."
                    ),
                    _step_keeps_tanh,
                ),
                Mistake(
                    "shows the old cell",
                    _(
                        "The output was made from the cell as it was before this step. It is made "
                        "from the new one."
                    ),
                    _step_old_cell,
                ),
                Mistake(
                    "a candidate between 0 and 1",
                    _(
                        "The candidate came out between 0 and 1, as a gate does. It is no gate: "
                        "what is written may be negative."
                    ),
                    _step_candidate_sigmoid,
                ),
                Mistake(
                    "gates between -1 and 1",
                    _(
                        "A gate came out below 0. It lets through a share, from nothing to all, "
                        "and turns no sign."
                    ),
                    _step_tanh_gates,
                ),
                Mistake("forgets nothing", of_open, _step_forgets_nothing),
                Mistake("writes all of the candidate", of_open, _step_writes_all),
                Mistake("shows all of the cell", of_open, _step_shows_all),
                Mistake(
                    "writes what is forgotten",
                    _(
                        "What is written was made to depend on what is forgotten, as in a GRU. "
                        "Here the two have gates of their own."
                    ),
                    _step_coupled,
                ),
                Mistake(
                    "keeps the output in place of the cell",
                    _(
                        "The output before was carried on where the cell before should be. There "
                        "are two states, and the sum belongs to one of them."
                    ),
                    _step_keeps_h,
                ),
                Mistake(
                    "gates that read the cell",
                    _(
                        "The gates were computed from the cell. They see the input and the output "
                        "of the step before."
                    ),
                    _step_reads_c,
                ),
                Mistake(
                    "gives the two in the other order",
                    _("Both arrays are there, in the other order: first what is shown."),
                    _step_exchanged,
                ),
                Mistake(
                    "no bias",
                    _("Something is missing from the four sums: what is added to every row."),
                    _step_without_bias,
                ),
                Mistake(
                    "keeps what it should forget",
                    _(
                        "The forget gate works the other way round. In spite of its name, it says "
                        "what share is kept: 1 forgets nothing."
                    ),
                    _step_forgets_reversed,
                ),
            ),
            relative_tolerance=1e-7,
        ),
        Question(
            "10-retention",
            "retention",
            _retention,
            worked=(
                (np.array([[0.5], [0.9], [0.5]]),),
                (np.array([[0.5]]),),
                (np.array([[0.5, 0.25], [0.5, 1.0], [0.5, 0.75], [0.5, 0.0]]),),
                (np.array([[0.3], [0.0], [0.8], [1.0]]),),
                (np.full((10, 1), 0.9),),
                (np.array([[0.2, 0.9], [0.6, 0.4]]),),
            ),
            draw=_draw_kept,
            mistakes=(
                Mistake(
                    "the mean in place of the product",
                    _(
                        "The shares were averaged. What one step has let go, no later step brings "
                        "back: each takes its share of what the one before it left."
                    ),
                    _retention_mean,
                ),
                Mistake(
                    "adds the shares",
                    _(
                        "The shares were added up. Of half of a half there is a quarter left, not "
                        "a whole."
                    ),
                    _retention_sum,
                ),
                Mistake(
                    "a factor too many",
                    _(
                        "Each row has the share of its own step too. That one acted on what stood "
                        "in the cell before; the question is what happens afterwards."
                    ),
                    _retention_own,
                ),
                Mistake(
                    "counts from the beginning",
                    _(
                        "The steps before were multiplied, not those after. What is still there at "
                        "the end is asked."
                    ),
                    _retention_forward,
                ),
                Mistake(
                    "a power of the mean",
                    _(
                        "This takes one and the same share for every step. Gates open and close; "
                        "one step that forgets all is enough."
                    ),
                    _retention_power,
                ),
                Mistake(
                    "the next step alone",
                    _("One step alone was looked at. All of those that follow take their share."),
                    _retention_next,
                ),
                Mistake(
                    "the smallest share",
                    _(
                        "The smallest of the shares was given. Less than that is left: every step "
                        "takes something."
                    ),
                    _retention_smallest,
                ),
                Mistake(
                    "the rows turned round",
                    _(
                        "The numbers are right and stand upside down. The last row is that of the "
                        "last step, of which all is still there."
                    ),
                    _retention_turned,
                ),
                Mistake(
                    "mixes the units",
                    _("The units were multiplied with each other. Each keeps its own memory."),
                    _retention_units,
                ),
                Mistake(
                    "multiplies what is forgotten",
                    _(
                        "What each step lets go was multiplied. The gate's number is the share "
                        "that stays."
                    ),
                    _retention_forgotten,
                ),
                Mistake(
                    "what is left of the first",
                    _(
                        "This follows the first memory through the steps. Each row asks for "
                        "another memory, at one and the same end."
                    ),
                    _retention_to_first,
                ),
            ),
        ),
        Question(
            "10-forget-bias",
            "forget_bias",
            _forget_bias,
            worked=((1.0,), (2.0,), (10.0,), (50.0,), (0.5,), (1000.0,), (3.5,)),
            draw=_draw_half_life,
            mistakes=(
                Mistake(
                    "no logit",
                    _(
                        "This is the share that a step keeps. The bias stands inside the sigmoid: "
                        "which number does it turn into that share?"
                    ),
                    _bias_no_logit,
                ),
                Mistake(
                    "the logarithm of the share alone",
                    _(
                        "The logarithm of the share undoes an exponential. To undo a sigmoid, what "
                        "is let go counts as well."
                    ),
                    _bias_log_only,
                ),
                Mistake(
                    "the sigmoid once more",
                    _("The sigmoid was applied to the share. It has to be undone."),
                    _bias_sigmoid,
                ),
                Mistake(
                    "a third in place of a half",
                    _("After these steps about a third is left, one part in e; a half is asked."),
                    _bias_e_fold,
                ),
                Mistake(
                    "the wrong sign",
                    _("A longer half-life gave a smaller bias. Which way does the gate open?"),
                    _bias_wrong_sign,
                ),
                Mistake(
                    "an equal amount each step",
                    _(
                        "Each step was made to take the same amount. It takes the same share of "
                        "what is still there."
                    ),
                    _bias_straight_line,
                ),
                Mistake(
                    "a power in place of a root",
                    _(
                        "The longer the half-life, the more was forgotten. As many factors as "
                        "there are steps give a half; what is one of them?"
                    ),
                    _bias_power,
                ),
                Mistake("to base 2", of_base, _bias_other_base),
                Mistake("to base 10", of_base, _bias_base_ten),
                Mistake("a step too few", of_count, _bias_one_less),
                Mistake("a step too many", of_count, _bias_one_more),
                Mistake(
                    "odds, without the logarithm",
                    _(
                        "These are the odds, what is kept against what is let go. One more step "
                        "leads from them to what stands inside the sigmoid."
                    ),
                    _bias_odds,
                ),
            ),
        ),
    )
