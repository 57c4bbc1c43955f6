"""The questions of chapter 08, and the goals of the chapter that they check.

- ``08-jacobian-product``: goal 1, say by how much a state depends on one far back, and why that
  vanishes or explodes.
- ``08-clip-value``: goal 2, stop an explosion on both sides of zero.
- ``08-clip-norm``: goal 3, shorten a gradient without turning it.
"""

from functools import reduce

import numpy as np
import numpy.typing as npt

from lmlib.grading.question import Mistake, Question
from lmlib.scratch import clip_by_norm, clip_by_value, tanh_backward
from lmlib.translation import gettext as _

Array = npt.NDArray[np.float64]
Gradients = dict[str, Array]

# ---------------------------------------------------------------- the references


def _clip_norm(gradients: Gradients, limit: float) -> Gradients:
    return clip_by_norm(gradients, limit)[0]


def _clip_value(gradients: Gradients, limit: float) -> Gradients:
    return clip_by_value(gradients, limit)


def _jacobian_product(states: Array, W_h: Array) -> Array:
    """The backward pass of a tanh RNN, begun with a one for each coordinate of the last state."""
    dh = np.eye(len(W_h))  # (H, H): a row for each coordinate
    for h in states[::-1]:
        dh = tanh_backward(dh, h) @ W_h.T
    return dh


# ---------------------------------------------------------------- the cases

_TWO = {"W": np.array([[3.0, 0.0], [0.0, 0.0]]), "b": np.array([4.0, 0.0])}  # norm 5
_TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])
_LEAN = np.array([[0.5, 1.0], [0.0, 0.5]])


def _drawn_gradients(rng: np.random.Generator, size: int) -> Gradients:
    shapes: dict[str, tuple[int, ...]] = {
        "W_h": (size, size),
        "b": (size,),
        "W_x": (1 + size // 2, size),
        "W_o": (size, 2),
    }
    names = rng.permutation(list(shapes))[: rng.integers(1, 5)].tolist()
    scale = 0.0 if rng.random() < 0.06 else 10.0 ** rng.integers(-2, 3)
    return {name: (scale * rng.normal(size=shapes[name])).round(4) for name in names}


def _limit_for(rng: np.random.Generator, largest: float) -> float:
    """Below what is to be limited in five cases of six, a little or a lot; else above it."""
    share = rng.uniform(0.05, 0.95) if rng.random() < 5 / 6 else 10 ** rng.uniform(0.1, 2)
    return float(f"{share * (largest or 1.0):.3g}")


def _draw_for_norms(rng: np.random.Generator, size: int) -> tuple[Gradients, float]:
    gradients = _drawn_gradients(rng, size)
    return gradients, _limit_for(rng, _length(_flat(gradients)))


def _draw_for_values(rng: np.random.Generator, size: int) -> tuple[Gradients, float]:
    """Gradients of which some are NaN, as after an explosion."""
    gradients = _drawn_gradients(rng, size)
    if rng.random() < 0.3:
        for gradient in gradients.values():
            gradient[rng.random(size=gradient.shape) < 0.3] = np.nan
    return gradients, _limit_for(rng, float(abs(np.nan_to_num(_flat(gradients))).max()))


def _draw_states(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    hidden = 1 + min(size, 4)
    W_h = (rng.normal(size=(hidden, hidden)) * rng.uniform(0.3, 1.5)).round(2)
    steps = 0 if rng.random() < 0.1 else 1 + size // 2
    return np.tanh(rng.normal(size=(steps, hidden))).round(2), W_h


# ---------------------------------------------------------------- the mistakes: by norm


def _flat(gradients: Gradients) -> Array:
    return np.concatenate([np.zeros(1), *(g.ravel() for g in gradients.values())])


def _scaled_by(gradients: Gradients, factor: float) -> Gradients:
    return {name: gradient * factor for name, gradient in gradients.items()}


def _shortened_by(gradients: Gradients, norm: float, limit: float) -> Gradients:
    """Clip as if the norm were another."""
    return _scaled_by(gradients, limit / max(norm, limit))


def _norm_of_each(gradients: Gradients, limit: float) -> Gradients:
    return {name: clip_by_norm({"": g}, limit)[0][""] for name, g in gradients.items()}


def _norm_always(gradients: Gradients, limit: float) -> Gradients:
    norm = float(np.linalg.norm(_flat(gradients)))
    return _scaled_by(gradients, limit / norm) if norm else _scaled_by(gradients, 1.0)


def _norm_without_root(gradients: Gradients, limit: float) -> Gradients:
    return _shortened_by(gradients, float((_flat(gradients) ** 2).sum()), limit)


def _norm_sum_of_norms(gradients: Gradients, limit: float) -> Gradients:
    return _shortened_by(gradients, sum(map(_length, gradients.values())), limit)


def _length(gradient: Array) -> float:
    return float(np.linalg.norm(gradient))


def _norm_is_the_largest(gradients: Gradients, limit: float) -> Gradients:
    return _shortened_by(gradients, float(abs(_flat(gradients)).max()), limit)


def _norm_is_the_sum(gradients: Gradients, limit: float) -> Gradients:
    return _shortened_by(gradients, float(abs(_flat(gradients)).sum()), limit)


def _norm_is_the_mean(gradients: Gradients, limit: float) -> Gradients:
    numbers = _flat(gradients)[1:]
    return _shortened_by(gradients, float((numbers**2).mean() ** 0.5), limit)


def _norm_to_one(gradients: Gradients, limit: float) -> Gradients:
    norm = _length(_flat(gradients))
    return _scaled_by(gradients, 1 / norm if norm > limit else 1.0)


def _norm_lengthens(gradients: Gradients, limit: float) -> Gradients:
    return _scaled_by(gradients, max(_length(_flat(gradients)), limit) / limit)


def _norm_zero_divides(gradients: Gradients, limit: float) -> Gradients:
    return _scaled_by(gradients, min(1.0, limit / _length(_flat(gradients))))


def _norm_in_place(gradients: Gradients, limit: float) -> Gradients:
    factor = limit / max(_length(_flat(gradients)), limit)
    for gradient in gradients.values():
        gradient *= factor
    return gradients


def _norm_gives_zero(gradients: Gradients, limit: float) -> Gradients:
    return _scaled_by(gradients, float(_length(_flat(gradients)) <= limit))


# ---------------------------------------------------------------- the mistakes: by value


def _value_one_sided(gradients: Gradients, limit: float) -> Gradients:
    return {name: np.minimum(g, limit) for name, g in gradients.items()}


def _value_below_alone(gradients: Gradients, limit: float) -> Gradients:
    return {name: np.maximum(g, -limit) for name, g in gradients.items()}


def _value_without_sign(gradients: Gradients, limit: float) -> Gradients:
    return {name: np.minimum(abs(g), limit) for name, g in gradients.items()}


def _value_wrong_sign(gradients: Gradients, limit: float) -> Gradients:
    return {name: np.where(abs(g) > limit, limit, g) for name, g in gradients.items()}


def _value_drops(gradients: Gradients, limit: float) -> Gradients:
    return {name: np.where(abs(g) > limit, 0.0, g) for name, g in gradients.items()}


def _value_not_below_zero(gradients: Gradients, limit: float) -> Gradients:
    return {name: np.clip(g, 0.0, limit) for name, g in gradients.items()}


def _value_of_all(gradients: Gradients, limit: float) -> Gradients:
    return {name: np.sign(g) * limit for name, g in gradients.items()}


def _value_by_norm(gradients: Gradients, limit: float) -> Gradients:
    norm = _length(_flat(gradients))
    return _scaled_by(gradients, limit / norm if norm > limit else 1.0)  # of a NaN, 1


def _value_scales_each(gradients: Gradients, limit: float) -> Gradients:
    largest = {name: abs(g).max() for name, g in gradients.items()}
    return {
        name: g * (limit / m if (m := largest[name]) > limit else 1)
        for name, g in gradients.items()
    }


def _value_hides_nan(gradients: Gradients, limit: float) -> Gradients:
    def cut(number: float) -> float:
        return max(-limit, min(limit, number))

    return {name: np.vectorize(cut, [float])(g) for name, g in gradients.items()}


def _value_nan_to_zero(gradients: Gradients, limit: float) -> Gradients:
    return {
        name: np.where(np.isnan(g), 0.0, np.clip(g, -limit, limit)) for name, g in gradients.items()
    }


def _value_at_one(gradients: Gradients, limit: float) -> Gradients:
    return clip_by_value(gradients, 1.0)


def _value_in_place(gradients: Gradients, limit: float) -> Gradients:
    for gradient in gradients.values():
        np.clip(gradient, -limit, limit, out=gradient)
    return gradients


# ---------------------------------------------------------------- the mistakes: Jacobians


def _steps(states: Array, W_h: Array) -> list[Array]:
    """The Jacobian of each step, the first step first."""
    return [np.diag(1 - h * h) @ W_h.T for h in states]


def _multiplied(factors: list[Array], W_h: Array) -> Array:
    """Multiply them, each next one from the left."""
    return reduce(lambda product, factor: factor @ product, factors, np.eye(len(W_h)))


def _jacobian_weights_alone(states: Array, W_h: Array) -> Array:
    return _multiplied([W_h.T for _h in states], W_h)


def _jacobian_not_turned(states: Array, W_h: Array) -> Array:
    return _multiplied([np.diag(1 - h * h) @ W_h for h in states], W_h)


def _jacobian_backwards(states: Array, W_h: Array) -> Array:
    return _multiplied(_steps(states, W_h)[::-1], W_h)


def _jacobian_wrong_side(states: Array, W_h: Array) -> Array:
    return _multiplied([W_h.T @ np.diag(1 - h * h) for h in states], W_h)


def _jacobian_of_the_gradient(states: Array, W_h: Array) -> Array:
    return _jacobian_product(states, W_h).T


def _jacobian_of_the_input(states: Array, W_h: Array) -> Array:
    return _multiplied([np.diag(1 - np.tanh(h) ** 2) @ W_h.T for h in states], W_h)


def _jacobian_no_square(states: Array, W_h: Array) -> Array:
    return _multiplied([np.diag(1 - h) @ W_h.T for h in states], W_h)


def _jacobian_square_alone(states: Array, W_h: Array) -> Array:
    return _multiplied([np.diag(h * h) @ W_h.T for h in states], W_h)


def _jacobian_sum(states: Array, W_h: Array) -> Array:
    return sum(_steps(states, W_h), np.zeros_like(W_h))


def _jacobian_by_element(states: Array, W_h: Array) -> Array:
    steps = _steps(states, W_h)
    return np.prod(steps, axis=0) if steps else np.eye(len(W_h))


def _jacobian_one_too_few(states: Array, W_h: Array) -> Array:
    return _jacobian_product(states[1:], W_h)


def _jacobian_one_too_many(states: Array, W_h: Array) -> Array:
    return _jacobian_product(states, W_h) @ W_h.T


def _jacobian_last_state(states: Array, W_h: Array) -> Array:
    return (
        _multiplied([_steps(states, W_h)[-1]] * len(states), W_h)
        if len(states)
        else np.eye(len(W_h))
    )


def _jacobian_needs_a_step(states: Array, W_h: Array) -> Array:
    return reduce(lambda product, factor: factor @ product, _steps(states, W_h))


def _jacobian_from_zeros(states: Array, W_h: Array) -> Array:
    return np.zeros_like(W_h)


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 08, in the reader's language."""
    of_arguments = _(
        "The gradients that were given have been changed too. Leave them as they are, and give new "
        "arrays."
    )
    of_norm = _(
        "The norm was computed in another way. It is the root of the sum of all squares, over all "
        "arrays together."
    )
    of_nan = _(
        "A NaN came back as an ordinary number. Clipping must not hide it: whoever trains has to "
        "see that something broke."
    )
    of_sign = _(
        "What was far below zero came back above it. A gradient says in which direction to go: "
        "keep its sign."
    )
    of_one_side = _(
        "One side only was clipped. A gradient can be too large on either side of zero."
    )
    return (
        Question(
            "08-jacobian-product",
            "jacobian_product",
            _jacobian_product,
            worked=(
                (np.zeros((1, 2)), _LEAN),
                (np.zeros((2, 2)), _TURN),
                (np.array([[0.5, 0.0]]), _LEAN),
                (np.array([[0.5, 0.0], [0.0, -0.5]]), _LEAN),
                (np.array([[0.5]]), np.array([[2.0]])),
                (np.array([[0.5], [0.25], [-0.5]]), np.array([[2.0]])),
                (np.array([[1.0, 0.5]]), np.array([[2.0, 1.0], [4.0, 8.0]])),
                (np.zeros((0, 2)), _LEAN),
            ),
            draw=_draw_states,
            mistakes=(
                Mistake(
                    "omits the derivative of tanh",
                    _(
                        "This multiplies the weights alone. Each step goes through tanh as well, "
                        "and its derivative is below 1 wherever the state is not 0."
                    ),
                    _jacobian_weights_alone,
                ),
                Mistake(
                    "the weights not transposed",
                    _(
                        "The weights stand the wrong way round. The states are rows: what "
                        "coordinate j adds to coordinate i of the next state stands in row j."
                    ),
                    _jacobian_not_turned,
                ),
                Mistake(
                    "the steps in reverse",
                    _(
                        "The steps are multiplied in the wrong order. The last step is the one "
                        "that the last state sees first: it stands on the left."
                    ),
                    _jacobian_backwards,
                ),
                Mistake(
                    "the derivative on the wrong side",
                    _(
                        "The derivative of tanh stands on the wrong side of the weights. In a step "
                        "the old state meets the weights first, and tanh after them."
                    ),
                    _jacobian_wrong_side,
                ),
                Mistake(
                    "transposed as a whole",
                    _(
                        "Rows and columns are exchanged. Row i belongs to coordinate i of the last "
                        "state, column j to coordinate j of the state that it all began with."
                    ),
                    _jacobian_of_the_gradient,
                ),
                Mistake(
                    "tanh of the output",
                    _(
                        "The states have been through tanh already. Its derivative is written in "
                        "terms of what came out."
                    ),
                    _jacobian_of_the_input,
                ),
                Mistake(
                    "forgets the square",
                    _(
                        "The derivative of tanh is not 1 minus the output: it is the same for h "
                        "and -h."
                    ),
                    _jacobian_no_square,
                ),
                Mistake(
                    "the square alone",
                    _(
                        "The derivative of tanh is largest, 1, where the state is 0, and falls to "
                        "0 where it is saturated. Here it is the other way round."
                    ),
                    _jacobian_square_alone,
                ),
                Mistake(
                    "adds the steps",
                    _(
                        "The Jacobians of the steps were added. One step acts on what the other "
                        "gave."
                    ),
                    _jacobian_sum,
                ),
                Mistake(
                    "multiplies element by element",
                    _(
                        "The Jacobians were multiplied element by element. Every coordinate can "
                        "pass through every other on its way: that is the matrix product."
                    ),
                    _jacobian_by_element,
                ),
                Mistake(
                    "a factor too few",
                    _(
                        "A step is missing: each of the states given was made by a step, the first "
                        "one too."
                    ),
                    _jacobian_one_too_few,
                ),
                Mistake(
                    "a factor too many",
                    _(
                        "The weights stand in the product once too often. Each state given makes "
                        "one factor."
                    ),
                    _jacobian_one_too_many,
                ),
                Mistake(
                    "the same state in each factor",
                    _("Each factor has the derivative at its own state, not all at the last one."),
                    _jacobian_last_state,
                ),
                Mistake(
                    "needs a step",
                    _(
                        "With no state given nothing has happened: a state depends on itself, one "
                        "coordinate on that same one."
                    ),
                    _jacobian_needs_a_step,
                ),
                Mistake(
                    "starts from zeros",
                    _("Everything came out as 0. What does a product have to begin with?"),
                    _jacobian_from_zeros,
                ),
            ),
            relative_tolerance=1e-7,
        ),
        Question(
            "08-clip-value",
            "clip_value",
            _clip_value,
            worked=(
                ({"w": np.array([0.5, -0.25])}, 1.0),
                ({"w": np.array([0.5, 1e9, 3.0])}, 5.0),
                ({"w": np.array([-0.5, -1e9])}, 5.0),
                ({"w": np.array([2.0, -2.0])}, 2.0),
                ({"W": np.array([[7.0, -0.125], [0.25, -9.0]]), "b": np.array([3.0])}, 0.5),
                ({"w": np.array([np.inf, -np.inf, 1.0])}, 2.0),
                ({"w": np.array([np.nan, 4.0])}, 2.0),
                ({"w": np.array([1.0, np.nan])}, 2.0),
            ),
            draw=_draw_for_values,
            mistakes=(
                Mistake("one-sided", of_one_side, _value_one_sided),
                Mistake("the other side alone", of_one_side, _value_below_alone),
                Mistake("loses every sign", of_sign, _value_without_sign),
                Mistake("loses the sign of the large", of_sign, _value_wrong_sign),
                Mistake(
                    "throws the large away",
                    _(
                        "What was beyond the limit came back as 0. It is brought back to the "
                        "limit; its direction still counts."
                    ),
                    _value_drops,
                ),
                Mistake(
                    "nothing below zero",
                    _(
                        "What was below zero came back as 0. The allowed range reaches as far "
                        "below zero as above it."
                    ),
                    _value_not_below_zero,
                ),
                Mistake(
                    "the small ones too",
                    _("Numbers within the limit were changed. They stay as they are."),
                    _value_of_all,
                ),
                Mistake(
                    "by norm",
                    _(
                        "All numbers were multiplied by one factor. That is clipping by norm; here "
                        "each number is cut by itself."
                    ),
                    _value_by_norm,
                ),
                Mistake(
                    "scales each array",
                    _(
                        "Each array was multiplied by a factor, so that its small numbers shrank "
                        "as well. Cut each number by itself."
                    ),
                    _value_scales_each,
                ),
                Mistake("NaN becomes the limit", of_nan, _value_hides_nan),
                Mistake("NaN becomes 0", of_nan, _value_nan_to_zero),
                Mistake(
                    "always at 1",
                    _("The limit was not looked at: the numbers were cut at 1."),
                    _value_at_one,
                ),
                Mistake("changes what it was given", of_arguments, _value_in_place),
            ),
        ),
        Question(
            "08-clip-norm",
            "clip_norm",
            _clip_norm,
            worked=(
                ({"w": np.array([3.0, 4.0])}, 10.0),
                ({"w": np.array([3.0, -4.0])}, 1.0),
                ({"w": np.array([3.0]), "b": np.array([4.0])}, 1.0),
                (_TWO, 4.5),
                (_TWO, 5.0),
                (_TWO, 0.5),
                ({"w": np.zeros(2)}, 1.0),
                ({"w": np.array([0.6]), "b": np.array([0.0])}, 1.0),
                ({"W": np.array([[1.0, 1.0], [-1.0, 1.0]])}, 1.0),
            ),
            draw=_draw_for_norms,
            mistakes=(
                Mistake(
                    "array by array",
                    _(
                        "Each array was clipped by its own norm. That turns the direction: long "
                        "arrays are shortened, short ones are not. There is one norm for all."
                    ),
                    _norm_of_each,
                ),
                Mistake(
                    "lengthens short gradients",
                    _(
                        "A gradient shorter than the limit was made longer. Clipping only "
                        "shortens: what is within the limit stays as it is."
                    ),
                    _norm_always,
                ),
                Mistake("forgets the root", of_norm, _norm_without_root),
                Mistake("adds up the norms", of_norm, _norm_sum_of_norms),
                Mistake("the largest number", of_norm, _norm_is_the_largest),
                Mistake("adds up the numbers", of_norm, _norm_is_the_sum),
                Mistake("the mean of the squares", of_norm, _norm_is_the_mean),
                Mistake(
                    "to length 1",
                    _("What was too long now has the norm 1. It should have that of the limit."),
                    _norm_to_one,
                ),
                Mistake(
                    "clips by value",
                    _(
                        "Each number was clipped by itself. That turns the direction; here all "
                        "numbers are multiplied by the same factor."
                    ),
                    _clip_value,
                ),
                Mistake(
                    "the fraction upside down",
                    _(
                        "A gradient that was too long became longer. Look at the factor: is it "
                        "below 1?"
                    ),
                    _norm_lengthens,
                ),
                Mistake(
                    "divides by zero",
                    _("A gradient of zeros has the norm 0, and by that nothing can be divided."),
                    _norm_zero_divides,
                ),
                Mistake("changes what it was given", of_arguments, _norm_in_place),
                Mistake(
                    "throws the gradient away",
                    _(
                        "A gradient that was too long came back as zeros. Its direction is worth "
                        "keeping: only its length is cut."
                    ),
                    _norm_gives_zero,
                ),
            ),
        ),
    )
