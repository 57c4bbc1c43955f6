"""The questions of chapter 04, and the goals of the chapter that they check.

- ``04-softmax``: goal 1, turn any scores into probabilities, however large the scores are.
- ``04-cross-entropy-grad``: goal 2, say what a wrong answer costs, and in which direction each
  score should move.
- ``04-tanh-backward``: goal 3, send a gradient backwards through a network, step by step.
"""

import numpy as np

from lmlib.grading.question import Mistake, Question
from lmlib.scratch import cross_entropy, relu_backward, sigmoid, softmax, tanh_backward
from lmlib.translation import gettext as _

Array = np.ndarray

# ---------------------------------------------------------------- the references


def _cross_entropy_grad(logits: Array, targets: Array) -> Array:
    return cross_entropy(logits, targets)[1]


def _tanh_backward(dy: Array, x: Array) -> Array:
    return tanh_backward(dy, np.tanh(x))


# ---------------------------------------------------------------- the cases


def _draw_logits(rng: np.random.Generator, size: int) -> tuple[Array]:
    """Rows, batches and batches of sequences; far from zero, far apart, or with a token ruled out.

    A case has one difficulty at most, so that a slip that one of them brings out shows alone.
    """
    length = int(rng.integers(2, 4 + size))
    shape = [(length,), (3, length), (length, length), (2, 3, length)][int(rng.integers(4))]
    logits = np.round(rng.normal(0, 3, shape), 2)
    kind = int(rng.integers(7))
    if kind == 0:  # all of them large: only differences count
        logits += 1000 * float(rng.choice([-1, 1]))
    elif kind == 1:  # one far above the others
        logits[..., int(rng.integers(length))] += float(rng.choice([1000, 2000]))
    elif kind == 2:  # each row somewhere else
        logits += 900 * rng.permutation(logits.size // length).reshape(*shape[:-1], 1)
    elif kind == 3:  # a token that cannot come next
        logits[..., int(rng.integers(length))] = -np.inf
    return (logits,)


def _draw_predictions(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    rows, length = int(rng.integers(1, 3 + size)), int(rng.integers(2, 4 + size))
    logits = np.round(rng.normal(0, 2, (rows, length)), 2)
    targets = rng.integers(0, length, rows)
    kind = int(rng.integers(4))
    if kind == 0 and rows > 1:
        padded = rng.permutation(rows)[: int(rng.integers(1, rows))]
        targets[padded] = -1
    elif kind == 1:
        logits += 1000
    return logits, targets


def _draw_backward(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    columns = int(rng.integers(2, 3 + size))
    shape = [(columns,), (2 + size, columns), (columns, columns)][int(rng.integers(3))]
    x = np.round(rng.uniform(-3, 3, shape), 2)
    if rng.random() < 0.3:  # saturated
        x = np.where(rng.random(shape) < 0.4, np.sign(x) * float(rng.choice([30, 800])), x)
    return np.round(rng.normal(0, 1, shape), 2), x


# ---------------------------------------------------------------- the mistakes: softmax


def _shared(powers: Array) -> Array:
    return powers / powers.sum(axis=-1, keepdims=True)


def _softmax_overflows(logits: Array) -> Array:
    return _shared(np.exp(logits))


def _softmax_over_columns(logits: Array) -> Array:
    return softmax(logits, axis=0)


def _softmax_of_all(logits: Array) -> Array:
    return softmax(logits.ravel()).reshape(logits.shape)


def _softmax_one_largest(logits: Array) -> Array:
    return _shared(np.exp(logits - logits.max()))


def _softmax_less_smallest(logits: Array) -> Array:
    return _shared(np.exp(logits - logits.min(axis=-1, keepdims=True)))


def _softmax_less_mean(logits: Array) -> Array:
    return _shared(np.exp(logits - logits.mean(axis=-1, keepdims=True)))


def _softmax_clipped(logits: Array) -> Array:
    return _shared(np.exp(np.clip(logits, -700, 700)))


def _softmax_without_powers(logits: Array) -> Array:
    return _shared(logits)


def _softmax_of_two(logits: Array) -> Array:
    return softmax(logits * np.log(2))


def _softmax_turned_round(logits: Array) -> Array:
    return softmax(-logits)


def _softmax_undivided(logits: Array) -> Array:
    return np.exp(logits - logits.max(axis=-1, keepdims=True))


def _softmax_logarithms(logits: Array) -> Array:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _softmax_all_or_nothing(logits: Array) -> Array:
    return np.eye(logits.shape[-1])[logits.argmax(axis=-1)]


def _softmax_sums_lie_down(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1)


def _softmax_largest_lie_down(logits: Array) -> Array:
    return _shared(np.exp(logits - logits.max(axis=-1)))


# ---------------------------------------------------------------- cross-entropy


def _one_hot(logits: Array, targets: Array) -> Array:
    """Rows of the truth; a row of zeros where there is none."""
    return np.eye(logits.shape[1])[targets] * (targets >= 0)[:, None]


def _gradient(logits: Array, targets: Array, p: Array) -> Array:
    """What comes out if ``p`` stands where the probabilities should."""
    counted = (targets >= 0)[:, None]
    return (p * counted - _one_hot(logits, targets)) / counted.sum()


def _grad_probabilities(logits: Array, targets: Array) -> Array:
    counted = (targets >= 0)[:, None]
    return softmax(logits) * counted / counted.sum()


def _grad_sum(logits: Array, targets: Array) -> Array:
    return _cross_entropy_grad(logits, targets) * np.sum(targets >= 0)


def _grad_over_all_rows(logits: Array, targets: Array) -> Array:
    return _cross_entropy_grad(logits, targets) * np.sum(targets >= 0) / len(targets)


def _grad_over_cells(logits: Array, targets: Array) -> Array:
    return _cross_entropy_grad(logits, targets) / logits.shape[1]


def _grad_padding_is_last(logits: Array, targets: Array) -> Array:
    return _cross_entropy_grad(logits, targets % logits.shape[1])


def _grad_padding_pushed_down(logits: Array, targets: Array) -> Array:
    return (softmax(logits) - _one_hot(logits, targets)) / np.sum(targets >= 0)


def _grad_padding_dropped(logits: Array, targets: Array) -> Array:
    return _cross_entropy_grad(logits, targets)[targets >= 0]


def _grad_turned_round(logits: Array, targets: Array) -> Array:
    return -_cross_entropy_grad(logits, targets)


def _grad_of_logits(logits: Array, targets: Array) -> Array:
    return _gradient(logits, targets, logits)


def _grad_of_logarithms(logits: Array, targets: Array) -> Array:
    return _gradient(logits, targets, _softmax_logarithms(logits))


def _grad_overflows(logits: Array, targets: Array) -> Array:
    return _gradient(logits, targets, _softmax_overflows(logits))


def _grad_over_columns(logits: Array, targets: Array) -> Array:
    return _gradient(logits, targets, softmax(logits, axis=0))


def _grad_of_probabilities(logits: Array, targets: Array) -> Array:
    return -_one_hot(logits, targets) / softmax(logits) / np.sum(targets >= 0)


def _grad_of_squared_error(logits: Array, targets: Array) -> Array:
    p, counted = softmax(logits), (targets >= 0)[:, None]
    dp = (p - _one_hot(logits, targets)) * counted
    return p * (dp - (dp * p).sum(axis=1, keepdims=True)) / counted.sum()


def _grad_whole_columns(logits: Array, targets: Array) -> Array:
    gradient, counted = softmax(logits), targets >= 0
    gradient[:, targets[counted]] -= 1
    return gradient * counted[:, None] / counted.sum()


def _grad_loss(logits: Array, targets: Array) -> float:
    return cross_entropy(logits, targets)[0]


# ---------------------------------------------------------------- tanh


def _tanh_of_input(dy: Array, x: Array) -> Array:
    return tanh_backward(dy, x)


def _tanh_alone(dy: Array, x: Array) -> Array:
    return tanh_backward(np.ones_like(x), np.tanh(x))


def _tanh_forward(dy: Array, x: Array) -> Array:
    return dy * np.tanh(x)


def _tanh_twice(dy: Array, x: Array) -> Array:
    return tanh_backward(dy, np.tanh(np.tanh(x)))


def _tanh_not_squared(dy: Array, x: Array) -> Array:
    return dy * (1 - np.tanh(x))


def _tanh_plus(dy: Array, x: Array) -> Array:
    return dy * (1 + np.tanh(x) ** 2)


def _tanh_like_sigmoid(dy: Array, x: Array) -> Array:
    return dy * np.tanh(x) * (1 - np.tanh(x))


def _tanh_of_sigmoid(dy: Array, x: Array) -> Array:
    return dy * sigmoid(x) * (1 - sigmoid(x))


def _tanh_like_relu(dy: Array, x: Array) -> Array:
    return relu_backward(dy, x)


def _tanh_exchanged(dy: Array, x: Array) -> Array:
    return _tanh_backward(x, dy)


def _tanh_divided(dy: Array, x: Array) -> Array:
    return dy / (1 - np.tanh(x) ** 2)


def _tanh_matrix(dy: Array, x: Array) -> Array:
    return dy @ (1 - np.tanh(x) ** 2)


def _tanh_overflows(dy: Array, x: Array) -> Array:
    y = (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))
    return tanh_backward(dy, y)


def _tanh_overflows_above(dy: Array, x: Array) -> Array:
    power = np.exp(2 * x)
    return tanh_backward(dy, (power - 1) / (power + 1))


def _tanh_added_up(dy: Array, x: Array) -> Array:
    return _tanh_backward(dy, x).sum(axis=0)


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 04, in the reader's language."""
    return (_softmax_question(), _cross_entropy_question(), _tanh_question())


def _softmax_question() -> Question:
    too_large = _(
        "The exponential of a large logit is infinite, and inf/inf is nan. Adding one number to "
        "all logits of a row changes nothing: which number makes the largest of them 0?"
    )
    lie_down = _(
        "The rows' numbers were subtracted from, or divided into, the columns, or did not fit at "
        "all. Look at the shapes: what a row is combined with needs an axis of length 1."
    )
    return Question(
        "04-softmax",
        "softmax",
        softmax,
        worked=(
            (np.array([1, 2, 3, 4]),),
            (np.array([0.0, 0.0]),),
            (np.array([2.0, -1.0, 0.5]),),
            (np.array([1000.0, 1000.0]),),
            (np.array([-1000.0, -1001.0]),),
            (np.array([0.0, 1000.0]),),
            (np.array([0.0, 2000.0]),),
            (np.array([0.5, -np.inf, 0.5]),),
            (np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 4.0]]),),
            (np.array([[1.0, 2.0], [3.0, 5.0]]),),
            (np.array([[0.0, 1.0], [2000.0, 2001.0]]),),
            (np.array([[[0.0, 1.0], [2.0, 0.0]], [[1.0, 1.0], [3.0, 0.0]]]),),
        ),
        draw=_draw_logits,
        mistakes=(
            Mistake("overflows", too_large, _softmax_overflows),
            Mistake(
                "the smallest taken off",
                _(
                    "The smallest logit was taken off. The largest may still be far above it, and "
                    "its exponential infinite."
                ),
                _softmax_less_smallest,
            ),
            Mistake(
                "the mean taken off",
                _(
                    "The mean was taken off. The largest logit may still be far above it, and its "
                    "exponential infinite."
                ),
                _softmax_less_mean,
            ),
            Mistake(
                "one largest for all rows",
                _(
                    "The largest logit of the whole array was taken off every row. In a row far "
                    "below it nothing but zeros is left, and 0/0 is nan."
                ),
                _softmax_one_largest,
            ),
            Mistake(
                "clips",
                _(
                    "Logits beyond a limit were cut off, and those that differed before are now "
                    "the same. There is a way that keeps their differences."
                ),
                _softmax_clipped,
            ),
            Mistake(
                "over the columns",
                _(
                    "The columns sum to one, not the rows. The last axis is that of the tokens, "
                    "and it is their probabilities that make one."
                ),
                _softmax_over_columns,
            ),
            Mistake(
                "one sum for the whole array",
                _(
                    "The whole array sums to one. Each row is a distribution of its own, with a "
                    "sum of its own."
                ),
                _softmax_of_all,
            ),
            Mistake("the rows' sums lie down", lie_down, _softmax_sums_lie_down),
            Mistake("the rows' largest lie down", lie_down, _softmax_largest_lie_down),
            Mistake(
                "no exponential",
                _(
                    "The logits themselves were divided by their sum. They may be negative, and "
                    "their sum 0: something has to make them positive first."
                ),
                _softmax_without_powers,
            ),
            Mistake(
                "powers of 2",
                _("These are powers of 2. The softmax takes powers of e."),
                _softmax_of_two,
            ),
            Mistake(
                "the sign",
                _("The largest logit got the smallest probability: look at the signs."),
                _softmax_turned_round,
            ),
            Mistake(
                "not divided",
                _("The exponentials are right, but do not sum to one yet."),
                _softmax_undivided,
            ),
            Mistake(
                "logarithms",
                _("These are logarithms of the probabilities; here the probabilities are wanted."),
                _softmax_logarithms,
            ),
            Mistake(
                "all or nothing",
                _(
                    "All probability went to the largest logit. The softmax is softer: each token "
                    "keeps a share, by how far it is below."
                ),
                _softmax_all_or_nothing,
            ),
        ),
    )


def _cross_entropy_question() -> Question:
    logits = np.array([[1.0, 2.0, 3.0, 4.0]])
    batch = np.array([[2.0, 0.0, 1.0], [0.0, 1.0, -1.0], [0.5, 0.5, 3.0]])
    return Question(
        "04-cross-entropy-grad",
        "cross_entropy_grad",
        _cross_entropy_grad,
        worked=(
            (logits, np.array([0])),
            (logits, np.array([3])),
            (np.array([[0.0, 0.0]]), np.array([1])),
            (batch, np.array([0, 1, 2])),
            (batch, np.array([2, 2, 2])),
            (batch, np.array([0, -1, 1])),
            (batch[:2], np.array([-1, 0])),
            (np.array([[1000.0, 1001.0], [1000.0, 999.0]]), np.array([0, 1])),
        ),
        draw=_draw_predictions,
        mistakes=(
            Mistake(
                "forgets minus one-hot",
                _(
                    "These are the probabilities, over the number of rows. Then every logit is to "
                    "go down, the true one too: what is taken off at the truth?"
                ),
                _grad_probabilities,
            ),
            Mistake(
                "the sum, not the mean",
                _(
                    "This is the gradient of the sum of the losses. The loss is their mean over "
                    "the rows that count."
                ),
                _grad_sum,
            ),
            Mistake(
                "divides by the padding too",
                _(
                    "The mean was taken over all rows. Rows of padding have no loss, and are not "
                    "counted among those that it is shared by."
                ),
                _grad_over_all_rows,
            ),
            Mistake(
                "divides by the cells",
                _(
                    "The mean was taken over all cells of the array. There is one loss a row, not "
                    "one a cell."
                ),
                _grad_over_cells,
            ),
            Mistake(
                "padding is the last token",
                _(
                    "A target of -1 is padding, and nothing was to be predicted there. Used as an "
                    "index, -1 is the last token."
                ),
                _grad_padding_is_last,
            ),
            Mistake(
                "padding is pushed down",
                _(
                    "In the rows of padding, probabilities are left. Nothing was to be predicted "
                    "there, so nothing in them should move."
                ),
                _grad_padding_pushed_down,
            ),
            Mistake(
                "padding is dropped",
                _(
                    "The rows of padding are gone. The gradient has the shape of the logits, with "
                    "zeros there."
                ),
                _grad_padding_dropped,
            ),
            Mistake(
                "the sign",
                _(
                    "The sign is wrong: a step goes *against* the gradient, and should raise the "
                    "logit of the truth."
                ),
                _grad_turned_round,
            ),
            Mistake(
                "no softmax",
                _("One was taken off a logit. It is to be taken off a probability."),
                _grad_of_logits,
            ),
            Mistake(
                "logarithms of the probabilities",
                _(
                    "One was taken off the logarithms of the probabilities. They stand in the "
                    "loss; in its gradient stand the probabilities."
                ),
                _grad_of_logarithms,
            ),
            Mistake(
                "overflows",
                _(
                    "The softmax in it overflows where logits are large, as in the first "
                    "question: only their differences count."
                ),
                _grad_overflows,
            ),
            Mistake(
                "over the columns",
                _("The softmax in it runs over the columns. Each row is a distribution."),
                _grad_over_columns,
            ),
            Mistake(
                "stops before the softmax",
                _(
                    "This is the gradient with respect to the probabilities. It has to go on "
                    "backwards, through the softmax, to the logits."
                ),
                _grad_of_probabilities,
            ),
            Mistake(
                "of the squared error",
                _(
                    "This is the gradient of the squared error, which all but vanishes where the "
                    "network is sure and wrong. Begin with the logarithm."
                ),
                _grad_of_squared_error,
            ),
            Mistake(
                "one off whole columns",
                _(
                    "One was taken off in every row, at the targets of all rows. Each row has one "
                    "target, its own: rows and columns have to be indexed in pairs."
                ),
                _grad_whole_columns,
            ),
            Mistake(
                "the loss itself",
                _("This is the loss, one number. The gradient has one number for each logit."),
                _grad_loss,
            ),
        ),
    )


def _tanh_question() -> Question:
    too_large = _(
        "tanh written out with exponentials overflows where x is large, and inf/inf is nan. NumPy "
        "has a tanh that does not."
    )
    return Question(
        "04-tanh-backward",
        "tanh_backward",
        _tanh_backward,
        worked=(
            (np.array([1.0]), np.array([0.0])),
            (np.array([1.0]), np.array([0.5])),
            (np.array([2.0, -1.0]), np.array([0.5, 1.0])),
            (np.array([0.0, 3.0, -0.5]), np.array([1.5, -1.0, 2.0])),
            (np.array([1.0, 1.0]), np.array([30.0, -30.0])),
            (np.array([1.0, 2.0]), np.array([800.0, 0.5])),
            (np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[0.2, -0.4], [1.0, 0.0]])),
            (
                np.array([[1.0, -2.0, 0.5], [0.5, 3.0, 1.0]]),
                np.array([[0.2, -0.4, 2.0], [1.0, 0.0, -1.0]]),
            ),
        ),
        draw=_draw_backward,
        mistakes=(
            Mistake(
                "the square of the input",
                _(
                    "The square of the input was taken off. The derivative, in this form, is "
                    "written with the output."
                ),
                _tanh_of_input,
            ),
            Mistake(
                "the derivative alone",
                _(
                    "This is the derivative of tanh alone. What came back from the loss, dy, has "
                    "to pass through it."
                ),
                _tanh_alone,
            ),
            Mistake(
                "forward in place of backward",
                _(
                    "dy was multiplied by the value of tanh. Backward it is multiplied by the "
                    "slope of tanh."
                ),
                _tanh_forward,
            ),
            Mistake(
                "tanh taken twice",
                _("tanh was taken of the output. Once is enough: x is the input."),
                _tanh_twice,
            ),
            Mistake(
                "not squared",
                _("The output has to be squared: the slope is the same on both sides of 0."),
                _tanh_not_squared,
            ),
            Mistake(
                "plus in place of minus",
                _(
                    "The slope came out above 1. That of tanh is at most 1, at 0, and falls on "
                    "both sides."
                ),
                _tanh_plus,
            ),
            Mistake(
                "the sigmoid's rule",
                _(
                    "That is how a slope is computed from the output of a sigmoid, which runs from "
                    "0 to 1. tanh runs from -1 to 1."
                ),
                _tanh_like_sigmoid,
            ),
            Mistake(
                "the sigmoid's slope",
                _("This is the slope of the sigmoid, at most a quarter; at 0 that of tanh is 1."),
                _tanh_of_sigmoid,
            ),
            Mistake(
                "ReLU's slope",
                _("This is the slope of ReLU, 0 or 1. That of tanh falls gently on both sides."),
                _tanh_like_relu,
            ),
            Mistake(
                "dy and x exchanged",
                _("dy and x have changed places: the slope is that at x, and dy passes through."),
                _tanh_exchanged,
            ),
            Mistake(
                "divides by the slope",
                _(
                    "dy was divided by the slope. A gradient is multiplied on its way back, and "
                    "is all but lost where the unit is saturated."
                ),
                _tanh_divided,
            ),
            Mistake(
                "a matrix product",
                _(
                    "A matrix product mixes the units. tanh acts on each number alone, and so "
                    "does its gradient."
                ),
                _tanh_matrix,
            ),
            Mistake("overflows", too_large, _tanh_overflows),
            Mistake("overflows on one side", too_large, _tanh_overflows_above),
            Mistake(
                "added up over the rows",
                _(
                    "The rows were added up. That is right for a bias, which they share; here "
                    "every number has a gradient of its own."
                ),
                _tanh_added_up,
            ),
        ),
    )
