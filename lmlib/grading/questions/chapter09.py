"""The questions of chapter 09, and the goals of the chapter that they check.

- ``09-gru-candidate``: goal 1, say what the reset gate hides, in both of its places.
- ``09-gru-step``: goal 2, compute a step, and name the convention of the update gate.
- ``09-gru-params``: goal 3, count the parameters of a cell.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lmlib.cells import GRUCell
from lmlib.grading.question import Mistake, Question, Variant
from lmlib.scratch import sigmoid, tanh
from lmlib.scratch.gru import gru_step
from lmlib.translation import gettext as _

Array = npt.NDArray[np.float64]
Optional = Array | None

# ---------------------------------------------------------------- the references


def _gru_candidate(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    """The last lines of `gru_gates`, with the reset gate given."""
    past = (r * h) @ W_h if b_h is None else r * (h @ W_h + b_h)
    return tanh(x @ W_x + b + past)


def _gru_step(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    return gru_step(x, h, W_x, W_h, b, b_h, update_keeps)


def _gru_params(input_size: int, hidden_size: int, reset_after: bool) -> int:
    """The numbers that a `GRUCell` holds."""
    cell = GRUCell(input_size, hidden_size, reset_after=reset_after)
    return sum(weights.numel() for weights in cell.parameters())


# ---------------------------------------------------------------- the cases


def _quarters(rng: np.random.Generator, *shape: int) -> Array:
    return rng.choice(np.arange(1, 7), shape) / 4 * rng.choice([-1, 1], shape)


def _candidate_case(
    seed: int | np.random.Generator, B: int, D: int, H: int, after: bool
) -> tuple[Array, Array, Array, Array, Array, Array, Optional]:
    rng = np.random.default_rng(seed)
    x, h, r = _quarters(rng, B, D), _quarters(rng, B, H), rng.integers(0, 5, (B, H)) / 4
    b_h = _quarters(rng, H) if after else None
    return x, h, r, _quarters(rng, D, H), _quarters(rng, H, H), _quarters(rng, H), b_h


def _step_case(
    seed: int | np.random.Generator, B: int, D: int, H: int, after: bool, keeps: bool
) -> tuple[Array, Array, Array, Array, Array, Optional, bool]:
    rng = np.random.default_rng(seed)
    x, h = _quarters(rng, B, D), _quarters(rng, B, H)
    W_x, W_h, b = _quarters(rng, D, 3 * H), _quarters(rng, H, 3 * H), _quarters(rng, 3 * H)
    return x, h, W_x, W_h, b, _quarters(rng, H) if after else None, keeps


def _draw_candidate(
    rng: np.random.Generator, size: int
) -> tuple[Array, Array, Array, Array, Array, Array, Optional]:
    B, D, H = (int(n) for n in rng.integers(1, 3 + size // 3, 3))
    return _candidate_case(rng, B, D, H, bool(rng.random() < 0.5))


def _draw_step(
    rng: np.random.Generator, size: int
) -> tuple[Array, Array, Array, Array, Array, Optional, bool]:
    B, D, H = (int(n) for n in rng.integers(1, 3 + size // 3, 3))
    return _step_case(rng, B, D, H, bool(rng.random() < 0.5), bool(rng.random() < 0.5))


def _draw_sizes(rng: np.random.Generator, size: int) -> tuple[int, int, bool]:
    D, H = (int(n) for n in rng.integers(1, 4 + 3 * size, 2))
    return D, H, bool(rng.random() < 0.5)


_ONE = np.array([[1.0]])
_HALF = np.array([[0.5]])

# ---------------------------------------------------------------- the mistakes: the candidate


def _zeros(b_h: Optional) -> Array | float:
    return 0.0 if b_h is None else b_h


def _candidate_always_before(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    return tanh(x @ W_x + b + (r * h) @ W_h + _zeros(b_h))


def _candidate_before_without_bias(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    return tanh(x @ W_x + b + (r * h) @ W_h)


def _candidate_always_after(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    return tanh(x @ W_x + b + r * (h @ W_h + _zeros(b_h)))


def _candidate_exchanged(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    if b_h is None:
        return tanh(x @ W_x + b + r * (h @ W_h))
    return tanh(x @ W_x + b + (r * h) @ W_h + b_h)


def _candidate_bias_outside(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    if b_h is None:
        return _gru_candidate(x, h, r, W_x, W_h, b, None)
    return tanh(x @ W_x + b + r * (h @ W_h) + b_h)


def _candidate_resets_the_input(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    return tanh(r * (x @ W_x + b + h @ W_h + _zeros(b_h)))


def _candidate_resets_the_result(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    return r * tanh(x @ W_x + b + h @ W_h + _zeros(b_h))


def _candidate_not_reset(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    return _gru_candidate(x, h, np.ones_like(r), W_x, W_h, b, b_h)


def _candidate_turned_round(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    return _gru_candidate(x, h, 1 - r, W_x, W_h, b, b_h)


def _candidate_sigmoid(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    past = (r * h) @ W_h if b_h is None else r * (h @ W_h + b_h)
    return sigmoid(x @ W_x + b + past)


def _candidate_without_tanh(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    return x @ W_x + b + ((r * h) @ W_h if b_h is None else r * (h @ W_h + b_h))


def _candidate_without_b(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    return _gru_candidate(x, h, r, W_x, W_h, np.zeros_like(b), b_h)


def _candidate_transposed(
    x: Array, h: Array, r: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional
) -> Array:
    return _gru_candidate(x, h, r, W_x, W_h.T, b, b_h)


# ---------------------------------------------------------------- the mistakes: the step


def _step_by(
    x: Array,
    h: Array,
    W_x: Array,
    W_h: Array,
    b: Array,
    b_h: Optional,
    order: tuple[int, int, int] = (0, 1, 2),
) -> tuple[Array, Array, Array]:
    """r, z and the candidate, from the blocks in another order: r's, z's and the candidate's."""
    H = h.shape[1]
    x_r, x_z, x_h = (x @ W_x[:, k * H : (k + 1) * H] + b[k * H : (k + 1) * H] for k in order)
    W_r, W_z, W_new = (W_h[:, k * H : (k + 1) * H] for k in order)
    r, z = sigmoid(x_r + h @ W_r), sigmoid(x_z + h @ W_z)
    past = (r * h) @ W_new if b_h is None else r * (h @ W_new + b_h)
    return r, z, tanh(x_h + past)


def _blended(z: Array, h: Array, candidate: Array, keeps: bool) -> Array:
    return z * h + (1 - z) * candidate if keeps else (1 - z) * h + z * candidate


def _step_turned_round(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    return gru_step(x, h, W_x, W_h, b, b_h, not update_keeps)


def _step_always_keeps(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    return gru_step(x, h, W_x, W_h, b, b_h, True)


def _step_always_lets_in(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    return gru_step(x, h, W_x, W_h, b, b_h, False)


def _step_gates_swapped(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    _r, z, candidate = _step_by(x, h, W_x, W_h, b, b_h, (1, 0, 2))
    return _blended(z, h, candidate, update_keeps)


def _step_candidate_first(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    _r, z, candidate = _step_by(x, h, W_x, W_h, b, b_h, (1, 2, 0))
    return _blended(z, h, candidate, update_keeps)


def _step_always_before(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    H = h.shape[1]
    b = b.copy()
    b[2 * H :] += _zeros(b_h)
    return gru_step(x, h, W_x, W_h, b, None, update_keeps)


def _step_always_after(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    b_h = np.zeros(h.shape[1]) if b_h is None else b_h
    return gru_step(x, h, W_x, W_h, b, b_h, update_keeps)


def _step_bias_outside(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    if b_h is None:
        return gru_step(x, h, W_x, W_h, b, None, update_keeps)
    b = np.concatenate([b[: -len(b_h)], b[-len(b_h) :] + b_h])
    return gru_step(x, h, W_x, W_h, b, np.zeros_like(b_h), update_keeps)


def _step_not_reset(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    H = h.shape[1]
    _r, z, _candidate = _step_by(x, h, W_x, W_h, b, b_h)
    inside = x @ W_x[:, 2 * H :] + b[2 * H :] + h @ W_h[:, 2 * H :] + _zeros(b_h)
    return _blended(z, h, tanh(inside), update_keeps)


def _step_one_gate(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    r, _z, candidate = _step_by(x, h, W_x, W_h, b, b_h)
    return _blended(r, h, candidate, update_keeps)


def _step_gates_by_tanh(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    H = h.shape[1]
    r, z = np.split(tanh(x @ W_x[:, : 2 * H] + h @ W_h[:, : 2 * H] + b[: 2 * H]), 2, axis=1)
    rest = W_x[:, 2 * H :], W_h[:, 2 * H :], b[2 * H :], b_h
    return _blended(z, h, _gru_candidate(x, h, r, *rest), update_keeps)


def _step_gates_see_no_state(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    H = h.shape[1]
    r, z = np.split(sigmoid(x @ W_x[:, : 2 * H] + b[: 2 * H]), 2, axis=1)
    rest = W_x[:, 2 * H :], W_h[:, 2 * H :], b[2 * H :], b_h
    return _blended(z, h, _gru_candidate(x, h, r, *rest), update_keeps)


def _step_without_tanh(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    H = h.shape[1]
    r, z, _candidate = _step_by(x, h, W_x, W_h, b, b_h)
    rest = W_x[:, 2 * H :], W_h[:, 2 * H :], b[2 * H :], b_h
    return _blended(z, h, _candidate_without_tanh(x, h, r, *rest), update_keeps)


def _step_candidate_alone(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    return _step_by(x, h, W_x, W_h, b, b_h)[2]


def _step_adds(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    _r, z, candidate = _step_by(x, h, W_x, W_h, b, b_h)
    return h + (1 - z if update_keeps else z) * candidate


def _step_second_tanh(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    return tanh(gru_step(x, h, W_x, W_h, b, b_h, update_keeps))


# ---------------------------------------------------------------- the mistakes: counting


def _block(input_size: int, hidden_size: int) -> int:
    return (input_size + hidden_size + 1) * hidden_size


def _params_four_blocks(input_size: int, hidden_size: int, reset_after: bool) -> int:
    return 4 * _block(input_size, hidden_size) + hidden_size * reset_after


def _params_two_blocks(input_size: int, hidden_size: int, reset_after: bool) -> int:
    return 2 * _block(input_size, hidden_size) + hidden_size * reset_after


def _params_one_block(input_size: int, hidden_size: int, reset_after: bool) -> int:
    return _block(input_size, hidden_size) + hidden_size * reset_after


def _params_never_b_h(input_size: int, hidden_size: int, reset_after: bool) -> int:
    return 3 * _block(input_size, hidden_size)


def _params_always_b_h(input_size: int, hidden_size: int, reset_after: bool) -> int:
    return 3 * _block(input_size, hidden_size) + hidden_size


def _params_turned_round(input_size: int, hidden_size: int, reset_after: bool) -> int:
    return 3 * _block(input_size, hidden_size) + hidden_size * (not reset_after)


def _params_three_b_h(input_size: int, hidden_size: int, reset_after: bool) -> int:
    return 3 * _block(input_size, hidden_size) + 3 * hidden_size * reset_after


def _params_two_biases(input_size: int, hidden_size: int, reset_after: bool) -> int:
    return 3 * _block(input_size, hidden_size) + 3 * hidden_size


def _params_no_biases(input_size: int, hidden_size: int, reset_after: bool) -> int:
    return 3 * (input_size + hidden_size) * hidden_size


def _params_one_bias(input_size: int, hidden_size: int, reset_after: bool) -> int:
    return 3 * (input_size + hidden_size) * hidden_size + hidden_size * (1 + reset_after)


def _params_shared_input(input_size: int, hidden_size: int, reset_after: bool) -> int:
    once = input_size * hidden_size
    return once + 3 * (hidden_size + 1) * hidden_size + hidden_size * reset_after


def _params_shared_state(input_size: int, hidden_size: int, reset_after: bool) -> int:
    once = hidden_size * hidden_size
    return once + 3 * (input_size + 1) * hidden_size + hidden_size * reset_after


def _params_gates_are_numbers(input_size: int, hidden_size: int, reset_after: bool) -> int:
    return _block(input_size, hidden_size) + 2 * hidden_size + hidden_size * reset_after


# ---------------------------------------------------------------- the variants

# Each is the library's step on other weights. What is wrong with the step stays wrong in the same
# way on the weights of a variant, wherever the mistake does not lie in reading the weights.
_Weights = tuple[Array, Array, Array, Optional]


def _reset_hides(W_x: Array, W_h: Array, b: Array, b_h: Optional) -> _Weights:
    """1 - r, since sigmoid(-a) = 1 - sigmoid(a)."""
    sign = np.ones(len(b))
    sign[: len(b) // 3] = -1
    return W_x * sign, W_h * sign, b * sign, b_h


def _input_gates(W_x: Array, W_h: Array, b: Array, b_h: Optional) -> _Weights:
    """No way from the state to the gates."""
    W_h = W_h.copy()
    W_h[:, : 2 * len(W_h)] = 0
    return W_x, W_h, b, b_h


def _places_exchanged(W_x: Array, W_h: Array, b: Array, b_h: Optional) -> _Weights:
    """After the matrix without a bias, before it with one, which is the same as more b."""
    if b_h is None:
        return W_x, W_h, b, np.zeros(len(W_h))
    return W_x, W_h, np.concatenate([b[: -len(b_h)], b[-len(b_h) :] + b_h]), None


def _step_on(
    weights: Callable[..., _Weights],
    step: Callable[..., Array],
    x: Array,
    h: Array,
    W_x: Array,
    W_h: Array,
    b: Array,
    b_h: Optional,
    update_keeps: bool,
) -> Array:
    return step(x, h, *weights(W_x, W_h, b, b_h), update_keeps)


def _step_forgets_all(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    return gru_step(x, h, W_x, np.zeros_like(W_h), b, b_h, update_keeps)


def _step_exchanged_without_b_h(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, b_h: Optional, update_keeps: bool
) -> Array:
    b_h = np.zeros(len(W_h)) if b_h is None else None
    return gru_step(x, h, W_x, W_h, b, b_h, update_keeps)


def _step_variants(
    worked: tuple[tuple[Any, ...], ...], mistakes: tuple[Mistake, ...]
) -> tuple[Variant, ...]:
    """``09-gru-step`` with other gates, in all of which those set in the notebook do the same."""
    public = "the public book's answer"
    of_places = _(
        "In some cases the reset gate stands on the wrong side of the matrix. Here it stands "
        "before it where a b_h is given, and after it where there is none."
    )
    everywhere = (
        "z for 1 - z",
        "always keeps",
        "always lets in",
        "no reset",
        "no tanh",
        "the candidate alone",
        "adds without letting go",
        "a second tanh",
    )

    def same(weights: Callable[..., _Weights], *more: str) -> list[Mistake]:
        return [
            Mistake(one.name, one.hint, partial(_step_on, weights, one.answer))
            for one in mistakes
            if one.name in (*everywhere, *more)
        ]

    return (
        Variant(
            "reset-hides",
            _(
                "**In this course** the reset gate says what is *hidden*: where $r$ is 1, nothing "
                "of the past enters the candidate, and where it is 0, all of it does. So in this "
                "question $1 - r$ stands wherever the candidate above has $r$. How $r$ and $z$ are "
                "computed, and what `update_keeps` says of $z$, stays as it is."
            ),
            partial(_step_on, _reset_hides, gru_step),
            worked,
            (
                Mistake(
                    public,
                    _(
                        "This is what the public book asks, where r is what is let through of the "
                        "past. Here r is what is hidden of it."
                    ),
                    _gru_step,
                ),
                Mistake(
                    "z turned round in place of r",
                    _("It is z that has been turned round. In this course r means the opposite."),
                    _step_turned_round,
                ),
                *same(
                    _reset_hides,
                    "reset before, always",
                    "reset after, always",
                    "b_h outside the gate",
                    "gates that do not see the state",
                ),
            ),
        ),
        Variant(
            "input-gates",
            _(
                "**In this course** the gates look at the input alone: "
                r"$r = \sigma(x W_x^r + b^r)$ and $z = \sigma(x W_x^z + b^z)$. "
                "The first two blocks of `W_h` are there, and are not used. The candidate sees the "
                "past through $r$, as above."
            ),
            partial(_step_on, _input_gates, gru_step),
            worked,
            (
                Mistake(
                    public,
                    _(
                        "This is what the public book asks, where the gates see the state as well. "
                        "Here they look at the input alone."
                    ),
                    _gru_step,
                ),
                Mistake(
                    "the candidate does not see the state",
                    _("The gates look at the input alone, but the candidate sees the past too."),
                    _step_forgets_all,
                ),
                *same(
                    _input_gates,
                    "swapped gates",
                    "reset before, always",
                    "reset after, always",
                    "b_h outside the gate",
                    "one gate for both",
                    "gates by tanh",
                ),
            ),
        ),
        Variant(
            "places-exchanged",
            _(
                "**In this course** the reset gate has exchanged its two places. "
                "If `b_h` is `None`, it stands after the matrix, and if `b_h` is an array, before "
                "it, with `b_h` added outside: "
                r"$$\tilde h = \tanh(x W_x + b + r \odot (h\, W_h)) \qquad\qquad "
                r"\tilde h = \tanh(x W_x + b + (r \odot h)\, W_h + b_h)$$ "
                "This is so in `gru_step` alone: `gru_candidate` stays as it is."
            ),
            partial(_step_on, _places_exchanged, gru_step),
            worked,
            (
                Mistake(
                    public,
                    _(
                        "This is what the public book asks, where the gate stands after the matrix "
                        "if b_h is given. Here it then stands before it."
                    ),
                    _gru_step,
                ),
                Mistake("reset before, always", of_places, _step_always_before),
                Mistake("reset after, always", of_places, _step_always_after),
                Mistake(
                    "b_h left out",
                    _("b_h was looked at, and is nowhere added."),
                    _step_exchanged_without_b_h,
                ),
                *same(
                    _places_exchanged,
                    "swapped gates",
                    "one gate for both",
                    "gates by tanh",
                    "gates that do not see the state",
                ),
            ),
        ),
    )


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 09, in the reader's language."""
    of_place = _(
        "The reset gate stands on the wrong side of the matrix. Where a b_h is given it multiplies "
        "what came out of the product; where there is none, what goes in."
    )
    of_convention = _(
        "In some cases z means the opposite of what it should. Look at update_keeps: it says "
        "whether z is the share of the old state or of the new one."
    )
    of_b_h = _(
        "b_h is counted where there is none, or not where there is one. It is H numbers, of the "
        "candidate alone, and only where the reset gate stands after the matrix."
    )
    of_blocks = _(
        "The number of blocks is not right. How many sums of x and h does a GRU make: one for each "
        "gate, and what else?"
    )
    of_sharing = _(
        "Each of the three sums has weights of its own, for the input and for the state."
    )
    bias_outside = _(
        "b_h stands outside the reset gate. It belongs to the past's product, and is let through "
        "or held back with it."
    )
    step_worked: tuple[tuple[Any, ...], ...] = (
        # gates of exactly a half, a candidate of tanh(b)
        (_ONE, _ONE, np.zeros((1, 3)), np.zeros((1, 3)), np.array([0, 0, 1.0]), None, True),
        (
            _ONE,
            -_HALF,
            np.zeros((1, 3)),
            np.zeros((1, 3)),
            np.array([0.0, 40.0, 1.0]),
            None,
            True,
        ),
        (
            _ONE,
            -_HALF,
            np.zeros((1, 3)),
            np.zeros((1, 3)),
            np.array([0.0, 40.0, 1.0]),
            None,
            False,
        ),
        (
            _ONE,
            _ONE,
            np.array([[0.5, -1.0, 0.25]]),
            np.array([[1.0, -0.5, 2.0]]),
            np.array([-1.0, 0.5, 0.25]),
            np.array([-0.5]),
            True,
        ),
        _step_case(1, 1, 2, 2, after=False, keeps=True),
        _step_case(2, 2, 1, 2, after=True, keeps=True),
        _step_case(3, 1, 3, 2, after=False, keeps=False),
        _step_case(4, 3, 2, 3, after=True, keeps=False),
    )
    step_mistakes = (
        Mistake("z for 1 - z", of_convention, _step_turned_round),
        Mistake("always keeps", of_convention, _step_always_keeps),
        Mistake("always lets in", of_convention, _step_always_lets_in),
        Mistake(
            "swapped gates",
            _(
                "The two gates are exchanged. The first block of columns makes r, which "
                "hides; the second makes z, which blends."
            ),
            _step_gates_swapped,
        ),
        Mistake(
            "the candidate's block first",
            _(
                "The blocks are read in another order. The first makes r, the second z, "
                "the third the candidate."
            ),
            _step_candidate_first,
        ),
        Mistake("reset before, always", of_place, _step_always_before),
        Mistake("reset after, always", of_place, _step_always_after),
        Mistake("b_h outside the gate", bias_outside, _step_bias_outside),
        Mistake(
            "no reset",
            _("The candidate sees all of the past: where is the reset gate used?"),
            _step_not_reset,
        ),
        Mistake(
            "one gate for both",
            _(
                "The blend is made with the reset gate. It has a gate of its own, from the "
                "second block of columns."
            ),
            _step_one_gate,
        ),
        Mistake(
            "gates by tanh",
            _(
                "The gates have passed through tanh, and some are below 0. A gate is a "
                "share: it lies between 0 and 1."
            ),
            _step_gates_by_tanh,
        ),
        Mistake(
            "gates that do not see the state",
            _("The gates look at the input alone. They see the state before as well."),
            _step_gates_see_no_state,
        ),
        Mistake(
            "no tanh",
            _("The candidate was not squashed: its sum passes through tanh."),
            _step_without_tanh,
        ),
        Mistake(
            "the candidate alone",
            _(
                "The candidate came back as the new state. It is blended with the old one, "
                "and z says in which shares."
            ),
            _step_candidate_alone,
        ),
        Mistake(
            "adds without letting go",
            _("The new was added and the old kept whole. The two shares of a blend sum to 1."),
            _step_adds,
        ),
        Mistake(
            "a second tanh",
            _(
                "The blend has been squashed once more. A GRU gives it as it is: what is "
                "kept is to stay the same."
            ),
            _step_second_tanh,
        ),
    )
    return (
        Question(
            "09-gru-candidate",
            "gru_candidate",
            _gru_candidate,
            worked=(
                # r = 0 hides the past; r = 1 lets all of it through
                (_ONE, _ONE, 0 * _ONE, _HALF, _ONE, np.array([0.25]), None),
                (_ONE, _ONE, _ONE, _HALF, _ONE, np.array([0.25]), None),
                (_ONE, _ONE, _HALF, _HALF, _ONE, np.array([0.25]), np.array([0.5])),
                (_ONE, _ONE, 0 * _ONE, _HALF, _ONE, np.array([0.25]), np.array([0.5])),
                (
                    0 * _ONE,
                    np.array([[1.0, -1.0]]),
                    np.array([[1.0, 0.0]]),
                    np.zeros((1, 2)),
                    np.array([[0.5, 2.0], [1.0, 0.25]]),
                    np.zeros(2),
                    None,
                ),
                (
                    0 * _ONE,
                    np.array([[1.0, -1.0]]),
                    np.array([[1.0, 0.0]]),
                    np.zeros((1, 2)),
                    np.array([[0.5, 2.0], [1.0, 0.25]]),
                    np.zeros(2),
                    np.zeros(2),
                ),
                _candidate_case(1, 2, 3, 2, after=False),
                _candidate_case(2, 3, 1, 3, after=True),
            ),
            draw=_draw_candidate,
            mistakes=(
                Mistake("always before the matrix", of_place, _candidate_always_before),
                Mistake("before the matrix, without b_h", of_place, _candidate_before_without_bias),
                Mistake("always after the matrix", of_place, _candidate_always_after),
                Mistake("the two places exchanged", of_place, _candidate_exchanged),
                Mistake("b_h outside the gate", bias_outside, _candidate_bias_outside),
                Mistake(
                    "hides the input too",
                    _(
                        "The reset gate multiplies the input as well. It hides the past alone: "
                        "with r at 0 the candidate is made of what is read now."
                    ),
                    _candidate_resets_the_input,
                ),
                Mistake(
                    "resets the candidate itself",
                    _(
                        "The reset gate multiplies what came out of tanh. It belongs inside, on "
                        "the past, before the sum is squashed."
                    ),
                    _candidate_resets_the_result,
                ),
                Mistake(
                    "no reset",
                    _("The reset gate changes nothing here: with r at 0 no past may be seen."),
                    _candidate_not_reset,
                ),
                Mistake(
                    "1 - r for r",
                    _(
                        "The gate works the wrong way round: with r at 1 the past is let through, "
                        "with r at 0 it is hidden."
                    ),
                    _candidate_turned_round,
                ),
                Mistake(
                    "a sigmoid for tanh",
                    _(
                        "A candidate is a new value of the state, between -1 and 1; only gates lie "
                        "between 0 and 1."
                    ),
                    _candidate_sigmoid,
                ),
                Mistake(
                    "no tanh",
                    _("The sum was not squashed: a candidate lies between -1 and 1."),
                    _candidate_without_tanh,
                ),
                Mistake(
                    "forgets b",
                    _("With x and h at 0 something is left: the bias b is missing."),
                    _candidate_without_b,
                ),
                Mistake(
                    "the weights transposed",
                    _(
                        "W_h stands the wrong way round. States are rows, and the weights stand on "
                        "their right."
                    ),
                    _candidate_transposed,
                ),
            ),
        ),
        Question(
            "09-gru-step",
            "gru_step",
            _gru_step,
            worked=step_worked,
            draw=_draw_step,
            mistakes=step_mistakes,
            variants=_step_variants(step_worked, step_mistakes),
        ),
        Question(
            "09-gru-params",
            "gru_params",
            _gru_params,
            worked=(
                (1, 1, False),
                (1, 1, True),
                (2, 3, False),
                (3, 2, True),
                (16, 32, True),
                (300, 200, False),
            ),
            draw=_draw_sizes,
            mistakes=(
                Mistake("four blocks", of_blocks, _params_four_blocks),
                Mistake("two blocks", of_blocks, _params_two_blocks),
                Mistake("one block", of_blocks, _params_one_block),
                Mistake("forgets b_h", of_b_h, _params_never_b_h),
                Mistake("b_h in both places", of_b_h, _params_always_b_h),
                Mistake("b_h in the other place", of_b_h, _params_turned_round),
                Mistake(
                    "b_h for all three blocks",
                    _(
                        "b_h has a number for each unit, not three: the gates have one bias each, "
                        "in b."
                    ),
                    _params_three_b_h,
                ),
                Mistake(
                    "two biases everywhere",
                    _(
                        "That is how PyTorch stores it, with two biases for every sum. Here two "
                        "biases that are only added to each other are one."
                    ),
                    _params_two_biases,
                ),
                Mistake(
                    "no biases",
                    _("The biases are missing: each of the three sums has H of them."),
                    _params_no_biases,
                ),
                Mistake(
                    "one bias for all sums",
                    _("b has three blocks too, one for each sum, as the weights have."),
                    _params_one_bias,
                ),
                Mistake("one W_x for all", of_sharing, _params_shared_input),
                Mistake("one W_h for all", of_sharing, _params_shared_state),
                Mistake(
                    "gates as parameters",
                    _(
                        "The values of the gates are no parameters: they are computed at each "
                        "step. What is learned are the weights that compute them."
                    ),
                    _params_gates_are_numbers,
                ),
            ),
        ),
    )
