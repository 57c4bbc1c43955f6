"""The questions of chapter 11, and the goals of the chapter that they check.

- ``11-reverse-padded``: goal 1, read a padded batch from its other end.
- ``11-bi-concat``: goal 2, say what each state of a bidirectional network has read.
- ``11-dropout``: goal 3, drop numbers in training without changing what the layer above expects.
"""

import numpy as np
import numpy.typing as npt

from lmlib.grading.question import Mistake, Question
from lmlib.translation import gettext as _

Tokens = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]

# ---------------------------------------------------------------- the references


def _reverse_padded(tokens: Tokens, lengths: Tokens) -> Tokens:
    """As `lmlib.recurrent` turns the rows for the cell that reads backwards."""
    step = np.arange(tokens.shape[1])  # (T,)
    from_end = np.where(step < lengths[:, None], lengths[:, None] - 1 - step, step)  # (B, T)
    return np.take_along_axis(tokens, from_end, axis=1)


def _real(x: npt.NDArray, lengths: Tokens) -> npt.NDArray:
    """(B, T, 1): 1 where a step of a row is real."""
    return (np.arange(x.shape[1]) < lengths[:, None])[:, :, None] * 1.0


def _turned(states: Array, lengths: Tokens) -> Array:
    """Each row (T, H) from the last real step to the first."""
    places = _reverse_padded(np.tile(np.arange(states.shape[1]), (len(states), 1)), lengths)
    return np.take_along_axis(states, places[:, :, None], axis=1)


def _bi_concat(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    """What `lmlib.recurrent.RecurrentLayers` says in both directions."""
    both = np.concatenate([forwards, _turned(backwards, lengths)], axis=2)
    return both * _real(both, lengths)


def _dropout(x: Array, draws: Array, p: float, training: bool) -> Array:
    """What `torch.nn.Dropout` does, for given draws."""
    return np.where(draws < p, 0.0, x / (1 - p)) if training else x.copy()


# ---------------------------------------------------------------- the cases

_ROWS = np.array([[11, 12, 13, 14], [21, 22, -1, -1], [31, -1, -1, -1]])


def _states(*rows: list[float]) -> Array:
    """(B, T, 1)."""
    return np.array(rows)[:, :, None]


def _draw_lengths(rng: np.random.Generator, size: int) -> tuple[int, int, Tokens]:
    rows, longest = 1 + int(rng.integers(min(size, 4))), 1 + min(size, 6)
    lengths = rng.integers(0 if rng.random() < 0.2 else 1, longest + 1, rows)
    lengths[rng.integers(rows)] = longest
    return rows, longest, lengths


def _draw_rows(rng: np.random.Generator, size: int) -> tuple[Tokens, Tokens]:
    rows, longest, lengths = _draw_lengths(rng, size)
    tokens = rng.integers(3, 30, (rows, longest))
    return np.where(np.arange(longest) < lengths[:, None], tokens, -1), lengths


def _draw_states(rng: np.random.Generator, size: int) -> tuple[Array, Array, Tokens]:
    rows, longest, lengths = _draw_lengths(rng, size)
    hidden = 1 + int(rng.integers(3))
    states = np.tanh(rng.normal(size=(2, rows, longest, hidden))).round(2)
    return states[0], states[1], lengths


def _draw_dropout(rng: np.random.Generator, size: int) -> tuple[Array, Array, float, bool]:
    shape = tuple(rng.integers(1, 2 + size, rng.integers(1, 4)).tolist())
    p = 0.0 if rng.random() < 0.1 else float(rng.choice([0.1, 0.2, 0.25, 0.5, 0.75]))
    training = bool(rng.random() < 0.85)
    return rng.normal(size=shape).round(2), rng.random(shape).round(3), p, training


# ---------------------------------------------------------------- the mistakes: the other end


def _reverse_all(tokens: Tokens, lengths: Tokens) -> Tokens:
    return tokens[:, ::-1].copy()


def _reverse_rows(tokens: Tokens, lengths: Tokens) -> Tokens:
    return tokens[::-1].copy()


def _reverse_not(tokens: Tokens, lengths: Tokens) -> Tokens:
    return tokens.copy()


def _reverse_by_longest(tokens: Tokens, lengths: Tokens) -> Tokens:
    longest = np.full_like(lengths, lengths.max(initial=0))
    return _reverse_padded(tokens, longest)


def _reverse_by_first(tokens: Tokens, lengths: Tokens) -> Tokens:
    return _reverse_padded(tokens, np.minimum(lengths[:1], tokens.shape[1]).repeat(len(lengths)))


def _reverse_one_short(tokens: Tokens, lengths: Tokens) -> Tokens:
    return _reverse_padded(tokens, np.maximum(lengths - 1, 0))


def _reverse_keeps_last(tokens: Tokens, lengths: Tokens) -> Tokens:
    """``row[:n] = row[n - 1 : 0 : -1]``: the first token is lost and stands as padding."""
    found = np.full_like(tokens, -1)
    for row, old, n in zip(found, tokens, lengths, strict=True):
        rest = old[:n][:0:-1]
        row[: len(rest)] = rest
    return found


def _reverse_pads_with_zero(tokens: Tokens, lengths: Tokens) -> Tokens:
    return np.where(
        np.arange(tokens.shape[1]) < lengths[:, None], _reverse_padded(tokens, lengths), 0
    )


def _reverse_sorts(tokens: Tokens, lengths: Tokens) -> Tokens:
    found = tokens.copy()
    for row, n in zip(found, lengths, strict=True):
        row[:n] = np.sort(row[:n])[::-1]
    return found


def _reverse_in_place(tokens: Tokens, lengths: Tokens) -> Tokens:
    tokens[:] = _reverse_padded(tokens, lengths)
    return tokens


def _reverse_swaps_ends(tokens: Tokens, lengths: Tokens) -> Tokens:
    found = tokens.copy()
    for row, n in zip(found, lengths, strict=True):
        if n:
            row[0], row[n - 1] = row[n - 1], row[0]
    return found


# ---------------------------------------------------------------- the mistakes: side by side


def _concat_masked(first: Array, second: Array, lengths: Tokens) -> Array:
    both = np.concatenate([first, second], axis=2)
    return both * _real(both, lengths)


def _concat_not_turned(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    return _concat_masked(forwards, backwards, lengths)


def _concat_flips_padding(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    return _concat_masked(forwards, backwards[:, ::-1], lengths)


def _concat_turns_both(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    return _concat_masked(_turned(forwards, lengths), _turned(backwards, lengths), lengths)


def _concat_turns_forwards(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    return _concat_masked(_turned(forwards, lengths), backwards, lengths)


def _concat_other_order(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    return _concat_masked(_turned(backwards, lengths), forwards, lengths)


def _concat_adds(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    return (forwards + _turned(backwards, lengths)) * _real(forwards, lengths)


def _concat_along_time(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    turned = _turned(backwards, lengths) * _real(backwards, lengths)
    return np.concatenate([forwards * _real(forwards, lengths), turned], axis=1)


def _concat_keeps_padding(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    return np.concatenate([forwards, _turned(backwards, lengths)], axis=2)


def _concat_flips_units(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    return _concat_masked(forwards, _turned(backwards, lengths)[:, :, ::-1], lengths)


def _concat_last_alone(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    rows, last = np.arange(len(lengths)), np.maximum(lengths - 1, 0)
    return np.concatenate([forwards[rows, last], backwards[rows, last]], axis=1)


def _concat_hides_itself(forwards: Array, backwards: Array, lengths: Tokens) -> Array:
    """The states beside each token in place of those at it."""
    before = np.zeros_like(forwards)
    before[:, 1:] = forwards[:, :-1]
    after = np.zeros_like(backwards)
    after[:, :-1] = (_turned(backwards, lengths) * _real(backwards, lengths))[:, 1:]
    return _concat_masked(before, after, lengths)


# ---------------------------------------------------------------- the mistakes: dropout


def _dropout_no_rescale(x: Array, draws: Array, p: float, training: bool) -> Array:
    return np.where(draws < p, 0.0, x) if training else x.copy()


def _dropout_shrinks(x: Array, draws: Array, p: float, training: bool) -> Array:
    return np.where(draws < p, 0.0, x * (1 - p)) if training else x.copy()


def _dropout_rescales_after(x: Array, draws: Array, p: float, training: bool) -> Array:
    return np.where(draws < p, 0.0, x) if training else x * (1 - p)


def _dropout_always(x: Array, draws: Array, p: float, training: bool) -> Array:
    return _dropout(x, draws, p, True)


def _dropout_never(x: Array, draws: Array, p: float, training: bool) -> Array:
    return x.copy()


def _dropout_other_way(x: Array, draws: Array, p: float, training: bool) -> Array:
    return _dropout(x, draws, p, not training)


def _dropout_keeps_p(x: Array, draws: Array, p: float, training: bool) -> Array:
    if not training:
        return x.copy()
    return np.where(draws < p, x / p if p else 0.0, 0.0)


def _dropout_drops_the_rest(x: Array, draws: Array, p: float, training: bool) -> Array:
    return np.where(draws < p, x / (1 - p), 0.0) if training else x.copy()


def _dropout_by_p(x: Array, draws: Array, p: float, training: bool) -> Array:
    if not training:
        return x.copy()
    return np.where(draws < p, 0.0, x / p if p else x)


def _dropout_by_count(x: Array, draws: Array, p: float, training: bool) -> Array:
    kept = draws >= p
    if not training or not kept.any():
        return x.copy() if not training else np.zeros_like(x)
    return np.where(kept, x / kept.mean(), 0.0)


def _dropout_both_scale(x: Array, draws: Array, p: float, training: bool) -> Array:
    return _dropout(x, draws, p, True) if training else x * (1 - p)


def _dropout_in_place(x: Array, draws: Array, p: float, training: bool) -> Array:
    if training:
        x[draws < p] = 0.0
        x /= 1 - p
    return x


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 11, in the reader's language."""
    of_arguments = _(
        "What was given has been changed too. Leave it as it is, and give a new array."
    )
    of_lengths = _(
        "Each row was turned by a length that is not its own. The lengths differ from row to row."
    )
    of_turning = _(
        "What was read from the right was left in the order in which it was read: the last word "
        "first. Row t has to say what both cells said at token t."
    )
    of_forwards = _(
        "The forward states were turned. That cell read from left to right: its state t is at "
        "token t already."
    )
    of_scale = _(
        "The numbers that stay are as large as before, so what the layer above adds up is smaller "
        "in training than later. What has to be done to those that stay?"
    )
    of_when = _("Numbers are dropped in training alone. Afterwards everything passes as it is.")
    of_factor = _(
        "The numbers that stay were scaled by another factor. Of many numbers a share of 1 - p "
        "stays: by what do these have to be multiplied, for the mean to be what it was?"
    )
    return (
        Question(
            "11-reverse-padded",
            "reverse_padded",
            _reverse_padded,
            worked=(
                (np.array([[11, 12, 13]]), np.array([3])),
                (np.array([[11, 12, -1]]), np.array([2])),
                (_ROWS, np.array([4, 2, 1])),
                (_ROWS[1:], np.array([2, 1])),
                (np.array([[11, -1], [21, 22]]), np.array([1, 2])),
                (np.array([[-1, -1], [21, 22]]), np.array([0, 2])),
                (np.array([[7, 7, 5, -1, -1], [5, 9, 7, 8, 6]]), np.array([3, 5])),
            ),
            draw=_draw_rows,
            mistakes=(
                Mistake(
                    "moves the padding",
                    _(
                        "The whole row was turned, so that its padding stands in front. The cell "
                        "would read padding before the first word."
                    ),
                    _reverse_all,
                ),
                Mistake(
                    "turns the batch round",
                    _("The rows were exchanged. Each row stays where it is; its tokens turn."),
                    _reverse_rows,
                ),
                Mistake(
                    "leaves everything as it is",
                    _("Nothing was turned: each row is to begin with its last real token."),
                    _reverse_not,
                ),
                Mistake("by the longest row", of_lengths, _reverse_by_longest),
                Mistake("by the first row's length", of_lengths, _reverse_by_first),
                Mistake(
                    "stops one short",
                    _(
                        "The last real token did not move. A row of length n has its last token "
                        "at place n - 1, and that one comes first."
                    ),
                    _reverse_one_short,
                ),
                Mistake(
                    "loses the first token",
                    _(
                        "A token is missing. A slice that goes backwards stops before its end: "
                        "where does it have to stop so that place 0 is in it?"
                    ),
                    _reverse_keeps_last,
                ),
                Mistake(
                    "writes zeros behind",
                    _(
                        "The padding has other numbers than before. What stands behind a row "
                        "stays as it was; 0 is a token like any other."
                    ),
                    _reverse_pads_with_zero,
                ),
                Mistake(
                    "sorts",
                    _("The tokens were sorted by their numbers, not turned round."),
                    _reverse_sorts,
                ),
                Mistake(
                    "exchanges first and last alone",
                    _("The first and the last changed places, the ones between did not."),
                    _reverse_swaps_ends,
                ),
                Mistake("changes what it was given", of_arguments, _reverse_in_place),
            ),
        ),
        Question(
            "11-bi-concat",
            "bi_concat",
            _bi_concat,
            worked=(
                (_states([0.1, 0.2, 0.3]), _states([0.4, 0.5, 0.6]), np.array([3])),
                (_states([0.1, 0.2, 0.9]), _states([0.4, 0.5, 0.9]), np.array([2])),
                (_states([0.1]), _states([0.4]), np.array([1])),
                (
                    np.array([[[0.1, 0.2], [0.3, 0.4]]]),
                    np.array([[[0.5, 0.6], [0.7, 0.8]]]),
                    np.array([2]),
                ),
                (
                    _states([0.1, 0.2, 0.3], [0.4, 0.5, 0.6]),
                    _states([0.7, 0.8, 0.9], [-0.1, -0.2, -0.3]),
                    np.array([3, 1]),
                ),
                (
                    _states([0.1, 0.2], [0.3, 0.4]),
                    _states([0.5, 0.6], [0.7, 0.8]),
                    np.array([2, 0]),
                ),
            ),
            draw=_draw_states,
            mistakes=(
                Mistake("not turned back", of_turning, _concat_not_turned),
                Mistake(
                    "turns the padding too",
                    _(
                        "The backward states were turned as whole rows, padding and all. A short "
                        "row then has what was said of padding beside its first tokens."
                    ),
                    _concat_flips_padding,
                ),
                Mistake("turns both", of_forwards, _concat_turns_both),
                Mistake("turns the wrong one", of_forwards, _concat_turns_forwards),
                Mistake(
                    "backwards first",
                    _("The halves are exchanged: first the H numbers from the left."),
                    _concat_other_order,
                ),
                Mistake(
                    "adds the two",
                    _(
                        "The two were added. Side by side, 2H numbers a token, the layer above "
                        "can tell left from right."
                    ),
                    _concat_adds,
                ),
                Mistake(
                    "one after the other",
                    _("The two stand one after the other in time. Put them side by side."),
                    _concat_along_time,
                ),
                Mistake(
                    "leaves something beyond the end",
                    _("Beyond the length of a row there should be zeros."),
                    _concat_keeps_padding,
                ),
                Mistake(
                    "turns the units round",
                    _("The units were turned round, not the steps: which axis is time?"),
                    _concat_flips_units,
                ),
                Mistake(
                    "the last states alone",
                    _("The last states alone came back. Every token is to have its 2H numbers."),
                    _concat_last_alone,
                ),
                Mistake(
                    "the states beside each token",
                    _(
                        "These are the states beside each token, which have not read it. That is "
                        "what a guesser needs; here both states at the token are asked for."
                    ),
                    _concat_hides_itself,
                ),
            ),
        ),
        Question(
            "11-dropout",
            "dropout",
            _dropout,
            worked=(
                (np.array([1.0, 2.0]), np.array([0.9, 0.1]), 0.5, True),
                (np.array([1.0, 2.0]), np.array([0.9, 0.1]), 0.5, False),
                (np.array([3.0, -3.0, 6.0]), np.array([0.2, 0.25, 0.3]), 0.25, True),
                (np.array([1.0, 2.0]), np.array([0.0, 0.7]), 0.0, True),
                (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.1, 0.3], [0.8, 0.0]]), 0.2, True),
                (np.array([[4.0, 8.0]]), np.array([[0.5, 0.8]]), 0.75, True),
                (np.array([0.0, 5.0]), np.array([0.0, 0.0]), 0.1, True),
            ),
            draw=_draw_dropout,
            mistakes=(
                Mistake("no rescale", of_scale, _dropout_no_rescale),
                Mistake(
                    "shrinks what stays",
                    _(
                        "The numbers that stay became smaller. Some are missing already: do the "
                        "others have to make up for them, or to shrink as well?"
                    ),
                    _dropout_shrinks,
                ),
                Mistake(
                    "rescales afterwards",
                    _(
                        "Here the scale is mended after training, which can be done. This question "
                        "asks for the other way: the trained network passes everything as it is."
                    ),
                    _dropout_rescales_after,
                ),
                Mistake("drops after training too", of_when, _dropout_always),
                Mistake(
                    "never drops",
                    _("Nothing was dropped: in training, where the draw is below p, stands a 0."),
                    _dropout_never,
                ),
                Mistake("the flag the other way round", of_when, _dropout_other_way),
                Mistake("p is what stays", of_factor, _dropout_keeps_p),
                Mistake(
                    "drops the others",
                    _(
                        "What should stay was dropped, and the other way round: a number is "
                        "dropped with probability p, where its draw is below p."
                    ),
                    _dropout_drops_the_rest,
                ),
                Mistake("divides by p", of_factor, _dropout_by_p),
                Mistake(
                    "divides by the share that stayed",
                    _(
                        "The factor was measured on these draws. It is known without looking: of "
                        "each number, a share of 1 - p stays on average."
                    ),
                    _dropout_by_count,
                ),
                Mistake(
                    "scales in training and after",
                    _(
                        "The scale was mended twice, once in training and once after it: then the "
                        "two do not agree again."
                    ),
                    _dropout_both_scale,
                ),
                Mistake("changes what it was given", of_arguments, _dropout_in_place),
            ),
        ),
    )
