"""The questions of chapter 12, and the goals of the chapter that they check.

- ``12-bits-per-char``: goal 1, compare models whatever their tokens are.
- ``12-pareto-front``: goal 2, say which models nobody need choose, when quality has a price.
- ``12-paired-bootstrap``: goal 3, say whether a difference would survive another test text.
"""

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lmlib.grading.question import Mistake, Question
from lmlib.metrics import bits_per_character, paired_bootstrap, pareto_front
from lmlib.translation import gettext as _

Array = npt.NDArray[np.float64]
Lines = list[list[float]]
Points = list[tuple[float, float]]

# ---------------------------------------------------------------- the cases

_HALF, _QUARTER, _SIXTEENTH = math.log(1 / 2), math.log(1 / 4), math.log(1 / 16)
_WORDS = ("I", "like", "noodles", "a", "very", "我", "很", "喜欢", "吃", "面条", "café")


def _draw_text(rng: np.random.Generator, size: int) -> tuple[Lines, str]:
    lines = []
    for _line in range(1 + size // 2):
        lines.append([str(word) for word in rng.choice(_WORDS, size=rng.integers(1, 3 + size))])
    logprobs = [(-rng.exponential(2, size=len(line) + 1)).round(3).tolist() for line in lines]
    return logprobs, "".join(" ".join(line) + "\n" for line in lines)


def _draw_points(rng: np.random.Generator, size: int) -> tuple[Points]:
    costs = rng.integers(1, 3 + size, size=size + 1)
    losses = rng.integers(1, 3 + size, size=size + 1) / 2
    return (list(zip(costs.tolist(), losses.tolist(), strict=True)),)


def _draw_resamples(
    rng: np.random.Generator, size: int
) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """Quarters of nats, so that sums are exact and ties are ties."""
    lines = 1 + size
    first = rng.integers(1, 4 + size, size=lines) / 4
    second = np.clip(first + rng.integers(-2, 3, size=lines) / 4, 0, None)
    return first, second, rng.integers(lines, size=(2 + 2 * size, lines))


# ---------------------------------------------------------------- the mistakes: bits


def _nats(logprobs: Lines) -> float:
    return -math.fsum(p for line in logprobs for p in line)


def _bits_no_ln2(logprobs: Lines, text: str) -> float:
    return _nats(logprobs) / len(text)


def _bits_times_ln2(logprobs: Lines, text: str) -> float:
    return _nats(logprobs) * math.log(2) / len(text)


def _bits_log10(logprobs: Lines, text: str) -> float:
    return _nats(logprobs) / math.log(10) / len(text)


def _bits_per_token(logprobs: Lines, text: str) -> float:
    return _nats(logprobs) / math.log(2) / sum(map(len, logprobs))


def _bits_without_newlines(logprobs: Lines, text: str) -> float:
    return _nats(logprobs) / math.log(2) / len(text.replace("\n", ""))


def _bits_stripped(logprobs: Lines, text: str) -> float:
    return _nats(logprobs) / math.log(2) / len(text.strip())


def _bits_without_spaces(logprobs: Lines, text: str) -> float:
    return _nats(logprobs) / math.log(2) / len("".join(text.split()))


def _bits_spaces_alone_left_out(logprobs: Lines, text: str) -> float:
    return _nats(logprobs) / math.log(2) / len(text.replace(" ", ""))


def _bits_per_byte(logprobs: Lines, text: str) -> float:
    return _nats(logprobs) / math.log(2) / len(text.encode())


def _bits_negative(logprobs: Lines, text: str) -> float:
    return -bits_per_character(logprobs, text)


def _bits_mean_of_lines(logprobs: Lines, text: str) -> float:
    lines = text.splitlines(keepends=True)
    rates = [bits_per_character([p], line) for p, line in zip(logprobs, lines, strict=True)]
    return sum(rates) / len(rates)


def _bits_without_end(logprobs: Lines, text: str) -> float:
    return bits_per_character([line[:-1] for line in logprobs], text)


def _bits_in_all(logprobs: Lines, text: str) -> float:
    return _nats(logprobs) / math.log(2)


def _bits_as_perplexity(logprobs: Lines, text: str) -> float:
    return 2 ** bits_per_character(logprobs, text)


def _bits_per_distinct(logprobs: Lines, text: str) -> float:
    return _nats(logprobs) / math.log(2) / len(set(text))


# ---------------------------------------------------------------- the mistakes: the front


def _by_cost(points: Points) -> list[int]:
    return sorted(range(len(points)), key=lambda i: (points[i], i))


def _front_keeps_all(points: Points) -> list[int]:
    return _by_cost(points)


def _front_beats_neighbour(points: Points) -> list[int]:
    """Compare with the point before, not with the best so far."""
    order = _by_cost(points)
    kept = order[:1]
    for before, i in pairwise(order):
        if points[i][1] < points[before][1] or points[i] == points[before]:
            kept.append(i)
    return kept


def _front_strict_in_both(points: Points) -> list[int]:
    return [
        i
        for i in _by_cost(points)
        if not any(p[0] < points[i][0] and p[1] < points[i][1] for p in points)
    ]


def _front_drops_equals(points: Points) -> list[int]:
    return [
        i
        for i in _by_cost(points)
        if not any(
            points[j][0] <= points[i][0] and points[j][1] <= points[i][1]
            for j in range(len(points))
            if j != i
        )
    ]


def _front_one_of_equals(points: Points) -> list[int]:
    seen: list[tuple[float, float]] = []
    kept = []
    for i in pareto_front(points):
        if points[i] not in seen:
            seen.append(points[i])
            kept.append(i)
    return kept


def _front_as_points(points: Points) -> Points:
    return [points[i] for i in pareto_front(points)]


def _front_by_index(points: Points) -> list[int]:
    return sorted(pareto_front(points))


def _front_falling(points: Points) -> list[int]:
    return sorted(pareto_front(points), key=lambda i: (-points[i][0], i))


def _front_of_the_worst(points: Points) -> list[int]:
    kept = pareto_front([(-cost, -loss) for cost, loss in points])
    return sorted(kept, key=lambda i: (points[i], i))


def _front_more_is_better(points: Points) -> list[int]:
    return pareto_front([(cost, -loss) for cost, loss in points])


def _front_best_alone(points: Points) -> list[int]:
    least = min((loss for _cost, loss in points), default=0)
    return [i for i, (_cost, loss) in enumerate(points) if loss == least]


def _front_by_product(points: Points) -> list[int]:
    least = min((cost * loss for cost, loss in points), default=0)
    return [i for i in _by_cost(points) if points[i][0] * points[i][1] == least]


def _front_both_ends(points: Points) -> list[int]:
    front = pareto_front(points)
    return [i for i in front if points[i] in (points[front[0]], points[front[-1]])]


def _front_hull(points: Points) -> list[int]:
    """Keep what some fixed price of a bit would choose."""
    front = pareto_front(points)
    kept: list[int] = []
    for i in front:
        while len(kept) > 1 and _above(points[kept[-2]], points[kept[-1]], points[i]):
            kept.pop()
        kept.append(i)
    return [i for i in front if any(points[i] == points[k] for k in kept)]


def _above(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Whether b lies above the line from a to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) > (c[1] - a[1]) * (b[0] - a[0])


def _front_in_sorted_places(points: Points) -> list[int]:
    return [place for place, i in enumerate(_by_cost(points)) if i in pareto_front(points)]


# ---------------------------------------------------------------- the mistakes: the bootstrap

Draws = npt.NDArray[np.int64]


def _share(one: Array, other: Array) -> float:
    return float(np.mean(one < other) + np.mean(one == other) / 2)


def _totals(nats: Array, draws: Draws) -> Array:
    return np.asarray(nats)[draws].sum(axis=1)


def _bootstrap_other_draws(first: Array, second: Array, draws: Draws) -> float:
    return _share(_totals(first, draws), _totals(second, np.roll(draws, 1, axis=0)))


def _bootstrap_turned_draws(first: Array, second: Array, draws: Draws) -> float:
    return _share(_totals(first, draws), _totals(second, draws[::-1]))


def _bootstrap_every_pair(first: Array, second: Array, draws: Draws) -> float:
    return _share(_totals(first, draws)[:, None], _totals(second, draws)[None, :])


def _bootstrap_half_and_half(first: Array, second: Array, draws: Draws) -> float:
    half = len(draws) // 2
    return _share(_totals(first, draws[:half]), _totals(second, draws[half : 2 * half]))


def _bootstrap_first_alone(first: Array, second: Array, draws: Draws) -> float:
    return _share(_totals(first, draws), np.full(len(draws), np.sum(second)))


def _bootstrap_second_alone(first: Array, second: Array, draws: Draws) -> float:
    return _share(np.full(len(draws), np.sum(first)), _totals(second, draws))


def _bootstrap_ties_lost(first: Array, second: Array, draws: Draws) -> float:
    return float(np.mean(_totals(first, draws) < _totals(second, draws)))


def _bootstrap_ties_won(first: Array, second: Array, draws: Draws) -> float:
    return float(np.mean(_totals(first, draws) <= _totals(second, draws)))


def _bootstrap_ties_left_out(first: Array, second: Array, draws: Draws) -> float:
    one, other = _totals(first, draws), _totals(second, draws)
    decided = one != other
    return float(np.mean(one[decided] < other[decided])) if decided.any() else 0.5


def _bootstrap_larger_wins(first: Array, second: Array, draws: Draws) -> float:
    return _share(_totals(second, draws), _totals(first, draws))


def _bootstrap_line_by_line(first: Array, second: Array, draws: Draws) -> float:
    return _share(np.asarray(first)[draws], np.asarray(second)[draws])


def _bootstrap_lines_won(first: Array, second: Array, draws: Draws) -> float:
    """Who wins more of the lines drawn, each line alike."""
    won = np.sign(np.asarray(second)[draws] - np.asarray(first)[draws]).sum(axis=1)
    return _share(-won, np.zeros(len(draws)))


def _bootstrap_no_resamples(first: Array, second: Array, draws: Draws) -> float:
    return _share(np.array([np.sum(first)]), np.array([np.sum(second)]))


def _bootstrap_each_line_once(first: Array, second: Array, draws: Draws) -> float:
    rows = [np.unique(row) for row in draws]
    one = np.array([np.asarray(first)[row].sum() for row in rows])
    return _share(one, np.array([np.asarray(second)[row].sum() for row in rows]))


def _bootstrap_percent(first: Array, second: Array, draws: Draws) -> float:
    return 100 * paired_bootstrap(first, second, draws)


def _bootstrap_count(first: Array, second: Array, draws: Draws) -> float:
    return len(draws) * paired_bootstrap(first, second, draws)


def _bootstrap_two_sided(first: Array, second: Array, draws: Draws) -> float:
    share = paired_bootstrap(first, second, draws)
    return 2 * min(share, 1 - share)


def _bootstrap_difference(first: Array, second: Array, draws: Draws) -> float:
    return float(np.mean(_totals(second, draws) - _totals(first, draws)))


def _bootstrap_other_axis(first: Array, second: Array, draws: Draws) -> float:
    return _share(np.asarray(first)[draws].sum(axis=0), np.asarray(second)[draws].sum(axis=0))


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 12, in the reader's language."""
    of_base = _("The logarithms given are natural ones, nats. How many nats is one bit?")
    of_newlines = _(
        "The characters of the lines were counted without their newlines. Where a line ends had to "
        "be predicted too: it is a character of the raw text."
    )
    of_spaces = _(
        "Spaces were left out of the count. They are characters of the raw text like any other."
    )
    of_pairs = _(
        "The two models were judged on different resampled texts. Each row of draws is one text, "
        "and both models need nats for the same lines of it."
    )
    of_one_alone = _(
        "The lines were drawn for one of the models alone, and the other kept its total on all "
        "lines. Both read the same resampled text."
    )
    of_ties = _(
        "Look at the resampled texts on which both need the same: such a tie is half a win, no "
        "more and no less."
    )
    of_equals = _(
        "Of points that are equal in both numbers, none dominates another: no other is better in "
        "one of the two. They all stay."
    )
    of_total = _(
        "What was counted are lines. Add up the nats of all lines of a resampled text first: one "
        "long line can outweigh many."
    )
    return (
        Question(
            "12-bits-per-char",
            "bits_per_char",
            bits_per_character,
            worked=(
                ([[_QUARTER, _SIXTEENTH]], "ab\n"),
                ([[_HALF, _HALF]], "I\n"),
                ([[_HALF] * 3, [_QUARTER]], "no ox\n\n"),
                ([[_SIXTEENTH, _HALF, _QUARTER], [_HALF, _HALF]], "面条 吃\n好\n"),
                ([[0.0, 0.0]], "sure\n"),
                ([[_HALF, -math.inf]], "a\n"),
            ),
            draw=_draw_text,
            mistakes=(
                Mistake("no ln 2: nats", of_base, _bits_no_ln2),
                Mistake("multiplies by ln 2", of_base, _bits_times_ln2),
                Mistake("logarithms to base 10", of_base, _bits_log10),
                Mistake(
                    "per token",
                    _(
                        "This divides by the number of tokens. Models with other tokens could not "
                        "be compared by it: divide by what they have in common."
                    ),
                    _bits_per_token,
                ),
                Mistake("newlines left out", of_newlines, _bits_without_newlines),
                Mistake("stripped", of_newlines, _bits_stripped),
                Mistake("spaces and newlines left out", of_spaces, _bits_without_spaces),
                Mistake("spaces left out", of_spaces, _bits_spaces_alone_left_out),
                Mistake(
                    "per byte",
                    _(
                        "This divides by bytes. A Chinese character is three of them, and one "
                        "character."
                    ),
                    _bits_per_byte,
                ),
                Mistake(
                    "forgets the minus",
                    _("The sign is turned. Logarithms of probabilities are not above 0; bits are."),
                    _bits_negative,
                ),
                Mistake(
                    "mean of the lines",
                    _(
                        "The lines' own figures were averaged, a short line counting as much as a "
                        "long one. Divide once, when all is added up."
                    ),
                    _bits_mean_of_lines,
                ),
                Mistake(
                    "the end left out",
                    _(
                        "The last logarithm of each line was left out. It is that of the line's "
                        "end, which had to be predicted too."
                    ),
                    _bits_without_end,
                ),
                Mistake(
                    "not divided",
                    _("These are the bits of the whole text. How many are they for a character?"),
                    _bits_in_all,
                ),
                Mistake(
                    "2 to the power of it",
                    _("This is a perplexity per character. What is asked for are its bits."),
                    _bits_as_perplexity,
                ),
                Mistake(
                    "distinct characters",
                    _(
                        "This divides by the number of different characters. Each counts as often "
                        "as it stands there."
                    ),
                    _bits_per_distinct,
                ),
            ),
        ),
        Question(
            "12-pareto-front",
            "pareto_front",
            pareto_front,
            worked=(
                ([(10, 3.0), (40, 2.0), (20, 3.5), (40, 2.5)],),
                ([(5, 1.0)],),
                ([(3, 1.0), (2, 2.0), (1, 3.0)],),
                ([(1, 1.0), (2, 3.0), (3, 2.0)],),
                ([(2, 1.0), (1, 2.0), (2, 1.0)],),
                ([(1, 2.0), (1, 1.0), (2, 1.0)],),
                ([(1, 4.0), (2, 3.5), (3, 1.0)],),
                ([(4, 2.0), (1, 8.0), (2, 5.0), (3, 4.5), (5, 1.0)],),
                ([],),
            ),
            draw=_draw_points,
            mistakes=(
                Mistake(
                    "keeps the dominated",
                    _(
                        "Points stayed that another one dominates: there is one that costs no more "
                        "and loses no more. The list is in order, but not thinned out."
                    ),
                    _front_keeps_all,
                ),
                Mistake(
                    "compares with the neighbour",
                    _(
                        "A point was compared with the one before it alone. It has to be better "
                        "than every cheaper one, also those that stand further back."
                    ),
                    _front_beats_neighbour,
                ),
                Mistake(
                    "strictly better in both",
                    _(
                        "A point stayed although another costs the same and loses less, or loses "
                        "the same and costs less. To dominate, better in one is enough."
                    ),
                    _front_strict_in_both,
                ),
                Mistake("drops equal points", of_equals, _front_drops_equals),
                Mistake("keeps one of equals", of_equals, _front_one_of_equals),
                Mistake(
                    "the points themselves",
                    _("These are the points. Give their places in the list that came in, from 0."),
                    _front_as_points,
                ),
                Mistake(
                    "places in the sorted list",
                    _(
                        "These are places in a list that was sorted before. Give those in the list "
                        "that came in."
                    ),
                    _front_in_sorted_places,
                ),
                Mistake(
                    "in the order given",
                    _("The right points, in another order: begin with the cheapest."),
                    _front_by_index,
                ),
                Mistake(
                    "the dearest first",
                    _("The right points, from the other end: begin with the cheapest."),
                    _front_falling,
                ),
                Mistake(
                    "the worst front",
                    _("These are the points that cost and lose most. Less of both is better."),
                    _front_of_the_worst,
                ),
                Mistake(
                    "a high loss is good",
                    _("Here a higher loss is taken for a better one. Less is better in both."),
                    _front_more_is_better,
                ),
                Mistake(
                    "the best alone",
                    _(
                        "The point of lowest loss is on the front, and so is each that no cheaper "
                        "one beats, however high its loss."
                    ),
                    _front_best_alone,
                ),
                Mistake(
                    "one price for all",
                    _(
                        "Cost and loss were made one number. On the front stays whatever somebody "
                        "could choose who weighs the two in another way."
                    ),
                    _front_by_product,
                ),
                Mistake(
                    "the two ends alone",
                    _(
                        "The cheapest and the best are there; between them stand others that "
                        "nothing dominates."
                    ),
                    _front_both_ends,
                ),
                Mistake(
                    "the convex hull",
                    _(
                        "A point was dropped because it lies above a straight line between two "
                        "others. No model stands on that line: it is dominated by a point or by "
                        "none."
                    ),
                    _front_hull,
                ),
            ),
        ),
        Question(
            "12-paired-bootstrap",
            "paired_bootstrap",
            paired_bootstrap,
            worked=(
                (np.array([1.0, 5.0]), np.array([2.0, 4.5]), np.array([[0, 0], [0, 1], [1, 1]])),
                (np.array([1.0, 5.0]), np.array([2.0, 4.0]), np.array([[0, 1], [0, 0]])),
                (np.array([1.0, 9.0]), np.array([2.0, 10.0]), np.array([[1, 1], [0, 0]])),
                (
                    np.array([1.0, 1.0, 8.0]),
                    np.array([2.0, 2.0, 3.0]),
                    np.array([[0, 1, 2], [0, 0, 1], [1, 2, 0], [2, 2, 1]]),
                ),
                (
                    np.array([1.0, 1.0, 3.0]),
                    np.array([3.0, 2.0, 1.5]),
                    np.array([[0, 2, 2], [2, 2, 1], [0, 1, 2]]),
                ),
                (np.array([2.0]), np.array([2.0]), np.array([[0], [0]])),
            ),
            draw=_draw_resamples,
            mistakes=(
                Mistake("unpaired: other lines for the second", of_pairs, _bootstrap_other_draws),
                Mistake("unpaired: the rows turned round", of_pairs, _bootstrap_turned_draws),
                Mistake("unpaired: every row with every row", of_pairs, _bootstrap_every_pair),
                Mistake("unpaired: half of the rows each", of_pairs, _bootstrap_half_and_half),
                Mistake("draws for the first alone", of_one_alone, _bootstrap_first_alone),
                Mistake("draws for the second alone", of_one_alone, _bootstrap_second_alone),
                Mistake("ties are lost", of_ties, _bootstrap_ties_lost),
                Mistake("ties are won", of_ties, _bootstrap_ties_won),
                Mistake("ties are left out", of_ties, _bootstrap_ties_left_out),
                Mistake(
                    "the larger total wins",
                    _(
                        "This is the share in which the second is better. Nats are what a model "
                        "needs: fewer are better."
                    ),
                    _bootstrap_larger_wins,
                ),
                Mistake("line by line", of_total, _bootstrap_line_by_line),
                Mistake("most lines win", of_total, _bootstrap_lines_won),
                Mistake(
                    "no resampling",
                    _(
                        "The draws were not used: this compares the two on the whole text, once. "
                        "What would other texts of such lines have said?"
                    ),
                    _bootstrap_no_resamples,
                ),
                Mistake(
                    "each line once",
                    _(
                        "A line that was drawn twice was counted once. Drawing with replacement "
                        "means that it counts twice."
                    ),
                    _bootstrap_each_line_once,
                ),
                Mistake("percent", _("Give a share, from 0 to 1."), _bootstrap_percent),
                Mistake(
                    "a count",
                    _("This counts the wins. Give their share of all resampled texts."),
                    _bootstrap_count,
                ),
                Mistake(
                    "a p-value of two sides",
                    _(
                        "The share was folded, so that it no longer says which of the two is the "
                        "better one."
                    ),
                    _bootstrap_two_sided,
                ),
                Mistake(
                    "the mean difference",
                    _(
                        "This says by how much the totals differ on average. Asked is how often "
                        "the first one is smaller."
                    ),
                    _bootstrap_difference,
                ),
                Mistake(
                    "the other axis",
                    _(
                        "The totals run down the draws, over the first line of every text, then "
                        "the second. One resampled text is a row."
                    ),
                    _bootstrap_other_axis,
                ),
            ),
        ),
    )
