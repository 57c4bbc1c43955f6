"""The questions of chapter 07, and the goals of the chapter that they check.

- ``07-bptt-dwh``: goal 1, send the gradient back through time by hand, and say what every use of
  W_h adds to its gradient.
- ``07-stream-perplexity``: goal 2, give a text that was scored in pieces its one perplexity.
- ``07-sample-temperature``: goal 3, write with a model, bolder or more carefully.
"""

import math
from collections.abc import Iterable
from typing import cast

import numpy as np
import numpy.typing as npt

from lmlib.decoding import apply_temperature, draw
from lmlib.grading.question import Mistake, Question
from lmlib.language_model import Score
from lmlib.scratch.layers import linear_backward
from lmlib.scratch.rnn import backpropagate_through_time
from lmlib.translation import gettext as _

Array = npt.NDArray[np.float64]
Batches = list[tuple[float, npt.NDArray[np.int64]]]

# ---------------------------------------------------------------- the references


def _bptt_dWh(h: Array, W_h: Array, dh: Array) -> Array:
    """The backward pass of `RNNLM`, of one row."""
    dz = backpropagate_through_time(dh[:, None], h[:, None], W_h)  # (T, 1, H)
    _dh, dW_h, _db = linear_backward(dz, h[:-1, None], W_h)
    return dW_h


def _stream_perplexity(batches: Batches) -> float:
    counted = [(loss, int((targets >= 0).sum())) for loss, targets in batches]
    return Score(
        logprob_known=-sum(loss * tokens for loss, tokens in counted if tokens),
        logprob_oov=0.0,
        tokens=sum(tokens for _loss, tokens in counted),
        oov=0,
        sequences=1,
        characters=0,
        impossible=0,
        undefined=0,
        normalised=True,
    ).perplexity


class _Given:
    """In place of a source of chance: it gives the numbers that it was given."""

    def __init__(self, numbers: list[float]) -> None:
        self.numbers = np.array(numbers)

    def random(self, count: int) -> Array:
        return self.numbers[:count]


def _sample_temperature(logprobs: list[float], temperature: float, draws: list[float]) -> list[int]:
    """`decoding.sample` for one step, a row for each number."""
    rows = np.tile(apply_temperature(logprobs, temperature), (len(draws), 1))  # (N, V)
    return draw(rows, cast(np.random.Generator, _Given(draws))).tolist()


# ---------------------------------------------------------------- the cases

_STATES = np.array([[0.0, 0.0], [0.5, -0.5], [-0.25, 0.75], [0.5, 0.25]])  # (T + 1, H)
_CARRIED = np.array([[0.75, -0.5], [0.5, -0.5], [-0.25, 0.75], [0.5, 0.25]])
_WEIGHTS = np.array([[0.5, -1.0], [2.0, 0.25]])
_ABOVE = np.array([[0.25, -0.5], [1.0, 0.0], [-0.5, 1.0]])  # (T, H)
_LAST_ABOVE = np.array([[0.0, 0.0], [0.0, 0.0], [-0.5, 1.0]])


def _draw_states(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    steps, hidden = int(rng.integers(1, 3 + size)), int(rng.integers(1, 4))
    h = np.tanh(rng.normal(size=(steps + 1, hidden))).round(2)
    if rng.random() < 0.4:
        h[0] = 0.0
    W_h = rng.normal(size=(hidden, hidden)).round(1)
    dh = rng.normal(size=(steps, hidden)).round(1)
    if rng.random() < 0.25:
        dh[:-1] = 0.0
    return h, W_h, dh


def _draw_batches(rng: np.random.Generator, size: int) -> tuple[Batches]:
    batches: Batches = []
    rows = int(rng.integers(1, 4))
    for _batch in range(int(rng.integers(1, 2 + size))):
        steps = int(rng.integers(1, 5))
        targets = rng.integers(0, 9, (rows, steps))
        lengths = rng.integers(0, steps + 1, rows) if rng.random() < 0.5 else np.full(rows, steps)
        targets[np.arange(steps) >= lengths[:, None]] = -1
        loss = float(rng.choice([0.5, 1.0, 2.0, 3.0, 5.0])) if lengths.any() else math.nan
        batches.append((loss, targets))
    if not any((targets >= 0).any() for _loss, targets in batches):
        batches[0] = (1.0, np.array([[2, 0], [-1, -1]]))
    if rng.random() < 0.1:
        batches.append((math.inf, np.array([[3]])))
    return (batches,)


def _draw_sampling(rng: np.random.Generator, size: int) -> tuple[list[float], float, list[float]]:
    tokens = int(rng.integers(2, 5 + size))
    shares = 1 + rng.multinomial(100 - tokens, rng.dirichlet(np.ones(tokens)))
    if rng.random() < 0.4:
        shares[int(rng.integers(tokens))] = 0
    logprobs = [math.log(n / shares.sum()) if n else -math.inf for n in shares.tolist()]
    temperature = float(rng.choice([0.25, 0.5, 0.8, 1.0, 1.5, 2.0, 4.0]))
    if rng.random() < 0.15:
        shares = np.full(20, 4)
        shares[int(rng.integers(1, 20))] = 24
        logprobs, temperature = [math.log(n / 100) for n in shares.tolist()], 0.001
    cumulative = np.cumsum(np.exp(apply_temperature(logprobs, temperature)))
    draws = rng.random(4 + size).round(3)
    draws = draws[np.abs(draws[:, None] - cumulative).min(axis=1) > 1e-6]  # no hair's breadth
    return logprobs, temperature, [*draws.tolist(), 0.0][:: int(rng.choice([-1, 1]))]


def _ln(probabilities: Iterable[float]) -> list[float]:
    return [math.log(p) if p else -math.inf for p in probabilities]


# ---------------------------------------------------------------- the mistakes


def _factor(h: Array) -> Array:
    return 1 - h**2


def _bptt_last_step(h: Array, W_h: Array, dh: Array) -> Array:
    return np.outer(h[-2], dh[-1] * _factor(h[-1]))


def _bptt_nothing_from_the_right(h: Array, W_h: Array, dh: Array) -> Array:
    return h[:-1].T @ (dh * _factor(h[1:]))


def _bptt_last_loss(h: Array, W_h: Array, dh: Array) -> Array:
    alone = np.zeros_like(dh)
    alone[-1] = dh[-1]
    return _bptt_dWh(h, W_h, alone)


def _bptt_weights_not_turned(h: Array, W_h: Array, dh: Array) -> Array:
    return _bptt_dWh(h, W_h.T, dh)


def _bptt_result_turned(h: Array, W_h: Array, dh: Array) -> Array:
    return _bptt_dWh(h, W_h, dh).T


def _bptt_with(
    h: Array, W_h: Array, dh: Array, factor: Array, *, passed_on: Array | None = None
) -> Array:
    """Use other factors in place of 1 - h², and perhaps others still in what is passed on."""
    passed_on = factor if passed_on is None else passed_on
    dW_h, from_right = np.zeros_like(W_h), np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        total = dh[t - 1] + from_right
        dW_h += np.outer(h[t - 1], total * factor[t])
        from_right = total * passed_on[t] @ W_h.T
    return dW_h


def _bptt_without_factor(h: Array, W_h: Array, dh: Array) -> Array:
    return _bptt_with(h, W_h, dh, np.ones_like(h))


def _bptt_factor_of_input(h: Array, W_h: Array, dh: Array) -> Array:
    return _bptt_with(h, W_h, dh, _factor(np.tanh(h)))


def _bptt_factor_of_state_before(h: Array, W_h: Array, dh: Array) -> Array:
    return _bptt_with(h, W_h, dh, np.vstack([h[:1], _factor(h[:-1])]))


def _bptt_sigmoid(h: Array, W_h: Array, dh: Array) -> Array:
    return _bptt_with(h, W_h, dh, h * (1 - h))


def _bptt_passed_on_without_factor(h: Array, W_h: Array, dh: Array) -> Array:
    return _bptt_with(h, W_h, dh, _factor(h), passed_on=np.ones_like(h))


def _bptt_state_after(h: Array, W_h: Array, dh: Array) -> Array:
    dW_h, from_right = np.zeros_like(W_h), np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        dz = (dh[t - 1] + from_right) * _factor(h[t])
        dW_h += np.outer(h[t], dz)
        from_right = dz @ W_h.T
    return dW_h


def _bptt_starts_from_zeros(h: Array, W_h: Array, dh: Array) -> Array:
    return _bptt_dWh(np.vstack([np.zeros_like(h[:1]), h[1:]]), W_h, dh)


def _bptt_mean(h: Array, W_h: Array, dh: Array) -> Array:
    return _bptt_dWh(h, W_h, dh) / len(dh)


def _bptt_overwrites(h: Array, W_h: Array, dh: Array) -> Array:
    dW_h, from_right = np.zeros_like(W_h), np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        dz = (dh[t - 1] + from_right) * _factor(h[t])
        dW_h = np.outer(h[t - 1], dz)
        from_right = dz @ W_h.T
    return dW_h


def _bptt_forwards(h: Array, W_h: Array, dh: Array) -> Array:
    dW_h, carried = np.zeros_like(W_h), np.zeros(len(W_h))
    for t in range(1, len(dh) + 1):
        dz = (dh[t - 1] + carried) * _factor(h[t])
        dW_h += np.outer(h[t - 1], dz)
        carried = dz @ W_h.T
    return dW_h


def _bptt_right_piles_up(h: Array, W_h: Array, dh: Array) -> Array:
    dW_h, from_right = np.zeros_like(W_h), np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        dz = (dh[t - 1] + from_right) * _factor(h[t])
        dW_h += np.outer(h[t - 1], dz)
        from_right = from_right + dz @ W_h.T
    return dW_h


def _tokens(batches: Batches) -> list[int]:
    return [int((targets >= 0).sum()) for _loss, targets in batches]


def _exp_of_weighted(batches: Batches, weights: list[int]) -> float:
    losses = [loss for loss, _targets in batches]
    pairs = [(loss, w) for loss, w in zip(losses, weights, strict=True) if loss == loss and w]
    return math.exp(sum(loss * w for loss, w in pairs) / sum(w for _loss, w in pairs))


def _real(batches: Batches) -> list[float]:
    return [loss for loss, _targets in batches if loss == loss]


def _stream_unweighted(batches: Batches) -> float:
    losses = _real(batches)
    return math.exp(sum(losses) / len(losses))


def _stream_mean_of_exps(batches: Batches) -> float:
    losses = _real(batches)
    return sum(math.exp(loss) for loss in losses) / len(losses)


def _stream_weighted_mean_of_exps(batches: Batches) -> float:
    counts = _tokens(batches)
    pairs = zip(batches, counts, strict=True)
    return sum(n * math.exp(loss) for (loss, _targets), n in pairs if n) / sum(counts)


def _stream_counts_padding(batches: Batches) -> float:
    return _exp_of_weighted(batches, [targets.size for _loss, targets in batches])


def _stream_counts_rows(batches: Batches) -> float:
    return _exp_of_weighted(batches, [len(targets) for _loss, targets in batches])


def _stream_counts_steps(batches: Batches) -> float:
    return _exp_of_weighted(batches, [targets.shape[1] for _loss, targets in batches])


def _stream_zero_uncounted(batches: Batches) -> float:
    counts = [int((targets > 0).sum()) for _loss, targets in batches]
    total = sum(counts)
    pairs = zip(batches, counts, strict=True)
    return math.exp(sum(loss * n for (loss, _targets), n in pairs if n) / total) if total else 1.0


def _stream_without_exp(batches: Batches) -> float:
    return math.log(_stream_perplexity(batches))


def _stream_two_to_the(batches: Batches) -> float:
    return 2.0 ** math.log(_stream_perplexity(batches))


def _stream_sign(batches: Batches) -> float:
    return 1 / _stream_perplexity(batches)


def _stream_nan_spreads(batches: Batches) -> float:
    counts = _tokens(batches)
    pairs = zip(batches, counts, strict=True)
    return math.exp(sum(loss * n for (loss, _targets), n in pairs) / sum(counts))


def _stream_sum_of_means(batches: Batches) -> float:
    return math.exp(sum(_real(batches)) / sum(_tokens(batches)))


def _stream_last_batch(batches: Batches) -> float:
    return math.exp(batches[-1][0])


def _stream_first_batch(batches: Batches) -> float:
    return math.exp(batches[0][0])


def _walk(weights: Array, draws: Iterable[float]) -> list[int]:
    cumulative = np.cumsum(weights)
    return [int((cumulative > number).argmax()) for number in draws]


def _normalised(weights: Array) -> Array:
    return weights / weights.sum()


def _sample_untouched(logprobs: list[float], temperature: float, draws: list[float]) -> list[int]:
    return _walk(_normalised(np.exp(logprobs) / temperature), draws)


def _sample_divided(logprobs: list[float], temperature: float, draws: list[float]) -> list[int]:
    return _walk(np.exp(logprobs) / temperature, draws)


def _sample_not_normalised(
    logprobs: list[float], temperature: float, draws: list[float]
) -> list[int]:
    return _walk(np.exp(np.array(logprobs) / temperature), draws)


def _sample_softmax_of_divided(
    logprobs: list[float], temperature: float, draws: list[float]
) -> list[int]:
    return _walk(_normalised(np.exp(np.exp(logprobs) / temperature)), draws)


def _sample_multiplied(logprobs: list[float], temperature: float, draws: list[float]) -> list[int]:
    return _sample_temperature(logprobs, 1 / temperature, draws)


def _sample_greedy(logprobs: list[float], temperature: float, draws: list[float]) -> list[int]:
    return [int(np.argmax(logprobs))] * len(draws)


def _sample_underflow(logprobs: list[float], temperature: float, draws: list[float]) -> list[int]:
    return _walk(_normalised(np.exp(np.array(logprobs) / temperature)), draws)


def _sample_underflow_raising(
    logprobs: list[float], temperature: float, draws: list[float]
) -> list[int]:
    weights = [math.exp(logprob / temperature) for logprob in logprobs]
    total = sum(weights)
    return _walk(np.array([weight / total for weight in weights]), draws)


def _sample_impossible(logprobs: list[float], temperature: float, draws: list[float]) -> list[int]:
    cumulative = np.cumsum(np.exp(apply_temperature(logprobs, temperature)))
    return [int((cumulative >= number).argmax()) for number in draws]


def _sample_first_number(
    logprobs: list[float], temperature: float, draws: list[float]
) -> list[int]:
    return _sample_temperature(logprobs, temperature, draws[:1]) * len(draws)


def _sample_one_number(logprobs: list[float], temperature: float, draws: list[float]) -> list[int]:
    return _sample_temperature(logprobs, temperature, draws[:1])


def _sample_rank(logprobs: list[float], temperature: float, draws: list[float]) -> list[int]:
    weights = np.exp(apply_temperature(logprobs, temperature))
    return _walk(np.sort(weights)[::-1], draws)


def _sample_from_one(logprobs: list[float], temperature: float, draws: list[float]) -> list[int]:
    return [token + 1 for token in _sample_temperature(logprobs, temperature, draws)]


def _sample_one_early(logprobs: list[float], temperature: float, draws: list[float]) -> list[int]:
    return [max(token - 1, 0) for token in _sample_temperature(logprobs, temperature, draws)]


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 07, in the reader's language."""
    of_one_step = _(
        "Only one of the steps is in this sum. The same W_h was used at every step, and each use "
        "adds to its gradient."
    )
    of_first_step = _(
        "Each step has put its share in the place of the one before. They belong together: the "
        "shares of all steps are added up."
    )
    of_underflow = _(
        "With a low temperature all these exponentials are 0.0, and so is their sum. What is "
        "subtracted from all logarithms alike does not change the shares."
    )
    of_numbers = _(
        "The same number was used for every token, or only one token was drawn. Each number of "
        "`draws` draws a token of its own."
    )
    return (
        Question(
            "07-bptt-dwh",
            "bptt_dWh",
            _bptt_dWh,
            worked=(
                (np.array([[0.5], [0.5]]), np.array([[2.0]]), np.array([[4.0]])),
                (np.array([[0.0], [0.5], [-0.5]]), np.array([[2.0]]), np.array([[1.0], [4.0]])),
                (_STATES[:3], _WEIGHTS, _ABOVE[:2]),
                (_STATES, _WEIGHTS, _ABOVE),
                (_CARRIED, _WEIGHTS, _ABOVE),
                (_CARRIED, _WEIGHTS, _LAST_ABOVE),
            ),
            draw=_draw_states,
            mistakes=(
                Mistake("last step only", of_one_step, _bptt_last_step),
                Mistake("overwrites: first step only", of_first_step, _bptt_overwrites),
                Mistake(
                    "nothing from the right",
                    _(
                        "What flows back from the later steps is missing. A state is used twice: "
                        "by the output above it, and by the next state."
                    ),
                    _bptt_nothing_from_the_right,
                ),
                Mistake(
                    "the last loss only",
                    _(
                        "Only the last row of `dh` was used. Every step has a loss of its own, "
                        "and its gradient enters where that step is reached."
                    ),
                    _bptt_last_loss,
                ),
                Mistake(
                    "W_h not transposed on the way back",
                    _(
                        "On the way back W_h was used as on the way there. A gradient that goes "
                        "through a matrix backwards meets its transpose."
                    ),
                    _bptt_weights_not_turned,
                ),
                Mistake(
                    "the result transposed",
                    _(
                        "This is the transpose. Entry i, j of W_h leads from coordinate i of the "
                        "state before to coordinate j of the next."
                    ),
                    _bptt_result_turned,
                ),
                Mistake(
                    "no derivative of tanh",
                    _("The derivative of tanh is missing: each state went through it."),
                    _bptt_without_factor,
                ),
                Mistake(
                    "the derivative as if h were the input",
                    _(
                        "`h` is what tanh gave, not what it was given: no tanh of it is needed to "
                        "have the derivative."
                    ),
                    _bptt_factor_of_input,
                ),
                Mistake(
                    "the derivative at the state before",
                    _(
                        "The derivative of tanh was taken at the state before. It belongs to the "
                        "state that the gradient comes down from."
                    ),
                    _bptt_factor_of_state_before,
                ),
                Mistake(
                    "the derivative of the sigmoid",
                    _("This is the derivative of the sigmoid; the states went through tanh."),
                    _bptt_sigmoid,
                ),
                Mistake(
                    "passed on without the derivative",
                    _(
                        "What was handed to the left did not go through tanh: the gradient of the "
                        "state was passed on, and not that of the sum inside tanh."
                    ),
                    _bptt_passed_on_without_factor,
                ),
                Mistake(
                    "h_t in place of the state before",
                    _(
                        "Each share was made with the state that came out of W_h. It takes the "
                        "one that was multiplied with W_h, a step earlier."
                    ),
                    _bptt_state_after,
                ),
                Mistake(
                    "h_0 taken for zeros",
                    _(
                        "The first row of `h` was not used. A state that is carried over from the "
                        "text before is no zero, and W_h was used on it too."
                    ),
                    _bptt_starts_from_zeros,
                ),
                Mistake(
                    "the mean over the steps",
                    _(
                        "This was divided by the number of steps. Whatever mean the loss takes is "
                        "in `dh` already; the shares of the steps are added."
                    ),
                    _bptt_mean,
                ),
                Mistake(
                    "forwards in time",
                    _(
                        "The steps were walked through from the first to the last. A gradient "
                        "comes from what was computed later: begin at the end."
                    ),
                    _bptt_forwards,
                ),
                Mistake(
                    "what comes from the right piles up",
                    _(
                        "What flows to the left was added to what had flowed before. It has been "
                        "used up: each step hands on only its own."
                    ),
                    _bptt_right_piles_up,
                ),
            ),
        ),
        Question(
            "07-stream-perplexity",
            "stream_perplexity",
            _stream_perplexity,
            worked=(
                ([(math.log(6), np.array([[3, 5, 4]]))],),
                ([(math.log(2), np.array([[3, 5, 4]])), (math.log(16), np.array([[1]]))],),
                ([(1.0, np.array([[4, 0, 3], [0, -1, -1]])), (3.0, np.array([[2, 2]]))],),
                ([(2.0, np.array([[3, 3], [3, 3], [3, -1]])), (0.5, np.array([[4, 4, 4, 4]]))],),
                ([(2.0, np.array([[3, 4], [5, 2]])), (math.nan, np.array([[-1], [-1]]))],),
                ([(0.5, np.array([[3, 0]])), (math.inf, np.array([[4]]))],),
            ),
            draw=_draw_batches,
            mistakes=(
                Mistake(
                    "batches unweighted",
                    _(
                        "Every batch weighs the same here. Every token should: a batch of many "
                        "tokens weighs more than one of few."
                    ),
                    _stream_unweighted,
                ),
                Mistake(
                    "mean of the batches' perplexities",
                    _(
                        "This is the mean of the perplexities of the batches. Average the losses, "
                        "token by token, and take the exponential once, at the end."
                    ),
                    _stream_mean_of_exps,
                ),
                Mistake(
                    "weighted mean of exps",
                    _(
                        "The tokens are counted rightly, but it is the exponentials that were "
                        "averaged. Average the losses; the exponential comes last."
                    ),
                    _stream_weighted_mean_of_exps,
                ),
                Mistake(
                    "padding counted",
                    _(
                        "The places of padding were counted as tokens. There was nothing to "
                        "predict there, and the loss is no mean over them."
                    ),
                    _stream_counts_padding,
                ),
                Mistake(
                    "rows counted, not tokens",
                    _("A batch was weighed by its number of rows. Count the tokens in them."),
                    _stream_counts_rows,
                ),
                Mistake(
                    "steps counted, not tokens",
                    _("A batch was weighed by its number of columns. Count the tokens in them."),
                    _stream_counts_steps,
                ),
                Mistake(
                    "token 0 not counted",
                    _(
                        "Token 0 was taken for padding. It is a token like the others; padding is "
                        "what is below zero."
                    ),
                    _stream_zero_uncounted,
                ),
                Mistake(
                    "no exponential",
                    _("This is the mean loss, in nats. The perplexity is its exponential."),
                    _stream_without_exp,
                ),
                Mistake(
                    "2 to the power of nats",
                    _("The losses are in nats: undo the logarithm with e, not with 2."),
                    _stream_two_to_the,
                ),
                Mistake(
                    "the sign",
                    _(
                        "This is below one, the inverse of the perplexity. A loss is a surprise "
                        "already, with its minus sign inside."
                    ),
                    _stream_sign,
                ),
                Mistake(
                    "nan spreads",
                    _(
                        "A batch that is padding alone has the loss nan, and nan times zero is "
                        "nan again. What has no token must not enter the sum."
                    ),
                    _stream_nan_spreads,
                ),
                Mistake(
                    "sums means",
                    _(
                        "Means were added up and divided by the tokens. First make each mean a "
                        "sum again: it was a mean over the tokens of its batch."
                    ),
                    _stream_sum_of_means,
                ),
                Mistake(
                    "the last batch alone",
                    _("Only the last batch was looked at: is something overwritten in the loop?"),
                    _stream_last_batch,
                ),
                Mistake(
                    "the first batch alone",
                    _("Only the first batch was looked at: does a return stand inside the loop?"),
                    _stream_first_batch,
                ),
            ),
        ),
        Question(
            "07-sample-temperature",
            "sample_temperature",
            _sample_temperature,
            worked=(
                (_ln([0.8, 0.2]), 1.0, [0.1, 0.79, 0.81]),
                (_ln([0.8, 0.2]), 0.5, [0.1, 0.9, 0.95]),
                (_ln([0.8, 0.2]), 2.0, [0.1, 0.6, 0.7]),
                (_ln([0.1, 0.2, 0.4, 0.3]), 0.5, [0.02, 0.1, 0.3, 0.6, 0.8, 0.99]),
                (_ln([0.1, 0.2, 0.4, 0.3]), 4.0, [0.2, 0.24, 0.4, 0.6, 0.76, 0.99]),
                (_ln([0.0, 0.5, 0.0, 0.5]), 0.5, [0.0, 0.4, 0.6]),
                (_ln([0.04] * 10 + [0.24] + [0.04] * 9), 0.001, [0.0, 0.5, 0.999]),
            ),
            draw=_draw_sampling,
            mistakes=(
                Mistake(
                    "divides the probabilities",
                    _(
                        "The temperature has no effect: shares that are all divided by one number "
                        "stay the same shares. It is the logarithms that are divided."
                    ),
                    _sample_untouched,
                ),
                Mistake(
                    "divides the probabilities, and leaves it there",
                    _(
                        "The probabilities were divided, so that they no longer sum to one. It is "
                        "the logarithms that are divided, and a softmax follows."
                    ),
                    _sample_divided,
                ),
                Mistake(
                    "softmax of divided probabilities",
                    _(
                        "The softmax was taken of probabilities. It wants their logarithms, each "
                        "divided by the temperature."
                    ),
                    _sample_softmax_of_divided,
                ),
                Mistake(
                    "not normalised",
                    _(
                        "After the division the exponentials do not sum to one, so the numbers of "
                        "`draws` do not fit them. Normalise first."
                    ),
                    _sample_not_normalised,
                ),
                Mistake(
                    "multiplies",
                    _(
                        "This is the wrong way round: a temperature below one makes the probable "
                        "more probable, and one above one makes all more alike."
                    ),
                    _sample_multiplied,
                ),
                Mistake(
                    "always the most probable",
                    _(
                        "This is always the most probable token, whatever the numbers say. That "
                        "is greedy decoding, the limit of a temperature of 0."
                    ),
                    _sample_greedy,
                ),
                Mistake("underflow", of_underflow, _sample_underflow),
                Mistake("underflow: division by zero", of_underflow, _sample_underflow_raising),
                Mistake(
                    "draws what is impossible",
                    _(
                        "With the number 0.0 a token of probability zero was drawn. A token is "
                        "drawn when the sum up to it exceeds the number; to reach it is too little."
                    ),
                    _sample_impossible,
                ),
                Mistake("one number for all tokens", of_numbers, _sample_first_number),
                Mistake("one token for all numbers", of_numbers, _sample_one_number),
                Mistake(
                    "ranks, not tokens",
                    _(
                        "The tokens were sorted by probability, and the places in that order came "
                        "back. Give the numbers that the tokens had before."
                    ),
                    _sample_rank,
                ),
                Mistake(
                    "counts from one",
                    _("The numbers are one too high: the first token has the number 0."),
                    _sample_from_one,
                ),
                Mistake(
                    "one token early",
                    _(
                        "This is the token before: the last one whose sum does not yet exceed the "
                        "number, and not the first whose sum does."
                    ),
                    _sample_one_early,
                ),
            ),
        ),
    )
