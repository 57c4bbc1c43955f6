"""The questions of chapter 05, and the goals of the chapter that they check.

- ``05-concat-embeddings``: goal 1, say what a window model reads: the vectors of the last tokens,
  side by side.
- ``05-window-params``: goal 2, count what such a model stores, to the last bias.
- ``05-nearest``: goal 3, ask a model which words it takes for alike.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from lmlib.grading.question import Mistake, Question
from lmlib.scratch import WindowConfig, WindowLM, embedding, nearest
from lmlib.text import SPECIAL_TOKENS, TextFormat, Vocab
from lmlib.translation import gettext as _

Table = npt.NDArray[np.float64]
Vectors = dict[str, list[float]]

# ---------------------------------------------------------------- the references


def _window_lm(vocab: Vocab, context: int, embedding: int, hidden: int) -> WindowLM:
    config = WindowConfig(context, embedding, hidden)
    return WindowLM(config, vocab, TextFormat("whitespace"), np.random.default_rng(0))


def _vocabulary(size: int) -> Vocab:
    return Vocab([*SPECIAL_TOKENS, *(f"w{i}" for i in range(size - len(SPECIAL_TOKENS)))])


def _concat_embeddings(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    """Step through the tokens, and look up the vectors of the state."""
    model = _window_lm(_vocabulary(len(E)), context, embedding=1, hidden=1)
    renumbered = {bos: model.vocab.bos, model.vocab.bos: bos}  # the same one way and the other
    state = model.initial_state(1)
    for token in tokens:
        _logprobs, state = model.step([renumbered.get(token, token)], state)
    window = [renumbered.get(token, token) for token in state[0][0].tolist()]
    return embedding(window, E).reshape(-1)


@cache
def _window_params(vocab_size: int, context: int, embedding: int, hidden: int) -> int:
    """Build a model of these sizes, and count its numbers."""
    model = _window_lm(_vocabulary(vocab_size), context, embedding, hidden)
    return sum(parameter.size for parameter in model.parameters.values())


def _nearest(vectors: Vectors, word: str, count: int) -> list[str]:
    words = list(vectors)
    found, _cosines = nearest(np.array([*vectors.values()], float), words.index(word), count)
    return [words[i] for i in found]


# ---------------------------------------------------------------- the cases

_E = np.array([[0.5, -1.0], [0.25, 2.0], [3.0, 0.75], [-0.5, 4.0], [1.5, -2.0], [6.0, 7.0]])

_DISHES: Vectors = {
    "面条": [0.8, 0.6, 0.1],
    "披萨": [1.4, 1.0, 0.3],
    "米饭": [0.3, 0.25, 0.02],
    "吃": [-0.5, 2.0, 4.0],
    "天气": [0.1, -0.8, 0.4],
    "很": [-0.7, -0.6, -0.1],
}
_NAMES = "吃 面条 披萨 很 好 今天 天气 我 喜欢 米饭 意大利 他 了 的 书".split()

_FAR: Vectors = {
    "a": [1.0, 0.1],
    "b": [30.0, 40.0],
    "c": [0.1, 0.0],
    "d": [-1.0, -0.2],
    "e": [0.9, 0.6],
}
_TWINS: Vectors = {
    "notebook": [2.0, -1.0, 0.5],
    "weather": [1.0, 1.5, -3.0],
    "laptop": [2.0, -1.0, 0.5],
    "book": [1.5, -0.25, 0.75],
}


def _draw_context(rng: np.random.Generator, size: int) -> tuple[Table, list[int], int, int]:
    rows, columns = 3 + min(size, 6), int(rng.integers(1, 4))
    E = rng.normal(size=(rows, columns)).round(2) + rng.choice([-3.0, 3.0], (rows, columns))
    bos = int(rng.choice([1, 1, 2]))
    context = int(rng.integers(1, 5))
    length = int(rng.integers(0, context)) if rng.random() < 0.4 else context + int(rng.integers(4))
    words = [i for i in range(rows) if i != bos]
    return E, rng.choice(words, length).tolist(), context, bos


def _draw_sizes(rng: np.random.Generator, size: int) -> tuple[int, int, int, int]:
    vocab_size = int(rng.integers(4, 10 + 40 * size * size))
    return vocab_size, int(rng.integers(1, 9)), *rng.integers(2, 4 + 8 * size, 2).tolist()


def _draw_vectors(rng: np.random.Generator, size: int) -> tuple[Vectors, str, int]:
    """Vectors whose cosines with the chosen word's are well apart; sometimes it has a twin."""
    words, columns = min(3 + size, len(_NAMES)), 2 + size // 4
    while True:
        E = (rng.normal(size=(words, columns)) * rng.uniform(0.2, 4, (words, 1))).round(2)
        chosen, twin = rng.permutation(words)[:2].tolist()
        if rng.random() < 0.25:
            E[twin] = E[chosen]
        lengths = np.sqrt((E * E).sum(1))
        if not lengths.all():
            continue
        cosines = np.delete(E @ E[chosen] / lengths / lengths[chosen], chosen)
        if np.diff(np.sort(cosines)).min() > 1e-4:
            break
    names = rng.permutation(_NAMES).tolist()
    vectors = dict(zip(names, E.tolist(), strict=False))
    count = words + 1 if rng.random() < 0.15 else int(rng.integers(1, words))
    return vectors, names[chosen], count


# ---------------------------------------------------------------- the mistakes


def _window(tokens: list[int], context: int, bos: int) -> list[int]:
    """The last tokens, with ``<bos>`` where nothing was read."""
    return [*[bos] * (context - len(tokens)), *tokens[max(len(tokens) - context, 0) :]]


def _concat_sums(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[_window(tokens, context, bos)].sum(axis=0)


def _concat_means(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[_window(tokens, context, bos)].mean(axis=0)


def _concat_newest_first(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[_window(tokens, context, bos)[::-1]].ravel()


def _concat_first_tokens(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[_window(tokens[:context], context, bos)].ravel()


def _concat_everything(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[_window(tokens, max(context, len(tokens)), bos)].ravel()


def _concat_without_the_newest(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[_window(tokens[:-1], context, bos)].ravel()


def _concat_one_too_few(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[_window(tokens, context - 1, bos)].ravel()


def _concat_zeros(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    read = E[_window(tokens, min(context, len(tokens)), bos)].ravel()
    return np.append(np.zeros(context * E.shape[1] - read.size), read)


def _concat_row_zero(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[_window(tokens, context, 0)].ravel()


def _concat_pads_behind(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    read = _window(tokens, min(context, len(tokens)), bos)
    return E[read + [bos] * (context - len(read))].ravel()


def _concat_short(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[_window(tokens, min(context, len(tokens)), bos)].ravel()


def _concat_one_bos(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[[bos, *tokens][-context:]].ravel()


def _concat_a_row_each(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[_window(tokens, context, bos)]


def _concat_interleaved(E: Table, tokens: list[int], context: int, bos: int) -> Table:
    return E[_window(tokens, context, bos)].T.ravel()


def _concat_numbers(E: Table, tokens: list[int], context: int, bos: int) -> list[int]:
    return _window(tokens, context, bos)


def _counting(
    parts: Callable[[int, int, int, int], int],
) -> Callable[[int, int, int, int], int]:
    """The mistake of counting these parts: of V, the context, D and H."""

    def window_params(vocab_size: int, context: int, embedding: int, hidden: int) -> int:
        return parts(vocab_size, context, embedding, hidden)

    return window_params


def _cosines(vectors: Vectors, word: str) -> dict[str, float]:
    E = np.array([*vectors.values()])
    lengths = np.sqrt((E * E).sum(1))
    chosen = list(vectors).index(word)
    return dict(zip(vectors, (E @ E[chosen] / lengths / lengths[chosen]).tolist(), strict=True))


def _first(scores: dict[str, float], word: str, count: int) -> list[str]:
    others = [other for other in scores if other != word]
    return sorted(others, key=lambda other: -scores[other])[:count]


def _dots(vectors: Vectors, word: str) -> dict[str, float]:
    return {w: float(np.dot(v, vectors[word])) for w, v in vectors.items()}


def _nearest_dot(vectors: Vectors, word: str, count: int) -> list[str]:
    return _first(_dots(vectors, word), word, count)


def _nearest_dot_itself(vectors: Vectors, word: str, count: int) -> list[str]:
    dots = _dots(vectors, word)
    return sorted(dots, key=lambda other: -dots[other])[:count]


def _nearest_itself(vectors: Vectors, word: str, count: int) -> list[str]:
    cosines = _cosines(vectors, word) | {word: 2.0}
    return sorted(cosines, key=lambda other: -cosines[other])[:count]


def _nearest_one_too_few(vectors: Vectors, word: str, count: int) -> list[str]:
    return _first(_cosines(vectors, word), word, count - 1)


def _nearest_farthest(vectors: Vectors, word: str, count: int) -> list[str]:
    return _first({w: -c for w, c in _cosines(vectors, word).items()}, word, count)


def _nearest_euclid(vectors: Vectors, word: str, count: int) -> list[str]:
    distances = {
        w: -float(np.hypot.reduce(np.subtract(v, vectors[word]))) for w, v in vectors.items()
    }
    return _first(distances, word, count)


def _nearest_absolute(vectors: Vectors, word: str, count: int) -> list[str]:
    return _first({w: abs(c) for w, c in _cosines(vectors, word).items()}, word, count)


def _nearest_squared_lengths(vectors: Vectors, word: str, count: int) -> list[str]:
    dots = _dots(vectors, word)
    return _first({w: dots[w] / float(np.dot(v, v)) for w, v in vectors.items()}, word, count)


def _nearest_sum_of_lengths(vectors: Vectors, word: str, count: int) -> list[str]:
    dots = _dots(vectors, word)
    own = np.linalg.norm(vectors[word])
    scores = {w: float(dots[w] / (own + np.linalg.norm(v))) for w, v in vectors.items()}
    return _first(scores, word, count)


def _nearest_without_twins(vectors: Vectors, word: str, count: int) -> list[str]:
    others = {w: v for w, v in vectors.items() if w == word or v != vectors[word]}
    return _first(_cosines(others, word), word, count)


def _nearest_pairs(vectors: Vectors, word: str, count: int) -> list[tuple[str, float]]:
    cosines = _cosines(vectors, word)
    return [(w, cosines[w]) for w in _first(cosines, word, count)]


def _nearest_one(vectors: Vectors, word: str, count: int) -> str:
    return _first(_cosines(vectors, word), word, 1)[0]


def _nearest_in_the_tables_order(vectors: Vectors, word: str, count: int) -> list[str]:
    found = set(_first(_cosines(vectors, word), word, count))
    return [w for w in vectors if w in found]


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 05, in the reader's language."""
    of_window = _(
        "These are not the tokens that the model sees. It sees the last ones, as many as `context` "
        "says, the newest among them."
    )
    of_bos = _(
        "In the places where nothing has been read yet, the model sees <bos>, and <bos> has a "
        "vector in the table like any token."
    )
    of_biases = _("A bias is missing: each layer has one number for each of its outputs.")
    of_itself = _("The word itself is among its neighbours. It is always nearest: leave it out.")
    return (
        Question(
            "05-concat-embeddings",
            "concat_embeddings",
            _concat_embeddings,
            worked=(
                (_E, [4], 1, 1),
                (_E, [3, 4], 2, 1),
                (_E, [2, 3, 4, 5], 2, 1),
                (_E, [4, 4, 5], 3, 1),
                (_E, [3], 2, 1),
                (_E, [], 2, 2),
                (_E, [5, 3], 4, 1),
            ),
            draw=_draw_context,
            mistakes=(
                Mistake(
                    "sums",
                    _(
                        "The vectors were added up. Then nobody can tell 狗咬人 (dog bites man) "
                        "from 人咬狗: lay them side by side."
                    ),
                    _concat_sums,
                ),
                Mistake(
                    "averages",
                    _(
                        "This is the mean of the vectors, in which their order is lost. Lay them "
                        "side by side."
                    ),
                    _concat_means,
                ),
                Mistake(
                    "newest first",
                    _("The newest token stands first. Keep the order of the text: oldest first."),
                    _concat_newest_first,
                ),
                Mistake("takes the first tokens", of_window, _concat_first_tokens),
                Mistake("leaves out the newest", of_window, _concat_without_the_newest),
                Mistake(
                    "takes everything",
                    _(
                        "All that was read is in it, so its length grows with the text. The next "
                        "layer has a fixed number of inputs: keep the last tokens alone."
                    ),
                    _concat_everything,
                ),
                Mistake(
                    "one too few",
                    _(
                        "It is one token too short. `context` is how many tokens the model sees; "
                        "the one that it predicts is not counted."
                    ),
                    _concat_one_too_few,
                ),
                Mistake("zeros where nothing was read", of_bos, _concat_zeros),
                Mistake("row 0 where nothing was read", of_bos, _concat_row_zero),
                Mistake(
                    "fills up behind",
                    _(
                        "<bos> stands behind what was read. It belongs before: what was read last "
                        "has to stand last."
                    ),
                    _concat_pads_behind,
                ),
                Mistake(
                    "too short at the beginning",
                    _(
                        "At the beginning of a text it is too short. The next layer has a fixed "
                        "number of inputs: something must stand in the missing places."
                    ),
                    _concat_short,
                ),
                Mistake(
                    "a single <bos>",
                    _(
                        "Only one <bos> was put before the text. There may be more than one place "
                        "in which nothing was read."
                    ),
                    _concat_one_bos,
                ),
                Mistake(
                    "a row for each token",
                    _(
                        "The vectors stand below one another, in a table. Side by side they are "
                        "one long vector."
                    ),
                    _concat_a_row_each,
                ),
                Mistake(
                    "coordinate by coordinate",
                    _(
                        "The numbers are mixed: the first coordinate of each token, then the "
                        "second. First comes one whole vector, then the next."
                    ),
                    _concat_interleaved,
                ),
                Mistake(
                    "numbers in place of vectors",
                    _(
                        "These are the numbers of the tokens. Each stands for a row of the table: "
                        "look it up."
                    ),
                    _concat_numbers,
                ),
            ),
        ),
        Question(
            "05-window-params",
            "window_params",
            _window_params,
            worked=(
                (4, 1, 2, 3),
                (5, 2, 3, 3),
                (10, 3, 4, 5),
                (119, 4, 16, 32),
                (10_000, 4, 300, 500),
                (10_000, 2, 300, 500),
            ),
            draw=_draw_sizes,
            mistakes=(
                Mistake(
                    "no output layer",
                    _(
                        "The output layer is missing: it gives each token of the vocabulary its "
                        "logit, and is one of the two largest parts."
                    ),
                    _counting(lambda V, c, D, H: V * D + c * D * H + H),
                ),
                Mistake(
                    "embeddings alone",
                    _(
                        "These are the embeddings alone. Two layers come after them, each with "
                        "weights and biases."
                    ),
                    _counting(lambda V, c, D, H: V * D),
                ),
                Mistake(
                    "no embeddings",
                    _("The table of the embeddings is missing: it is learned like the weights."),
                    _counting(lambda V, c, D, H: c * D * H + H + H * V + V),
                ),
                Mistake(
                    "a table for every place",
                    _(
                        "There is one table of embeddings, and all places of the window look into "
                        "it. It is counted once."
                    ),
                    _counting(lambda V, c, D, H: c * V * D + c * D * H + H + H * V + V),
                ),
                Mistake(
                    "hidden layer reads one vector",
                    _(
                        "The hidden layer reads all the vectors of the window side by side, not "
                        "one of them."
                    ),
                    _counting(lambda V, c, D, H: V * D + D * H + H + H * V + V),
                ),
                Mistake(
                    "no biases",
                    of_biases,
                    _counting(lambda V, c, D, H: V * D + c * D * H + H * V),
                ),
                Mistake(
                    "no hidden bias",
                    of_biases,
                    _counting(lambda V, c, D, H: V * D + c * D * H + H * V + V),
                ),
                Mistake(
                    "no output bias",
                    of_biases,
                    _counting(lambda V, c, D, H: V * D + c * D * H + H + H * V),
                ),
                Mistake(
                    "biases of the inputs",
                    _(
                        "A bias belongs to an output of a layer, not to an input: the hidden layer "
                        "has as many as it has units."
                    ),
                    _counting(lambda V, c, D, H: V * D + c * D * H + c * D + H * V + H),
                ),
                Mistake(
                    "context minus one",
                    _(
                        "The window is one token too short: `context` is how many tokens the model "
                        "sees, without the one that it predicts."
                    ),
                    _counting(lambda V, c, D, H: V * D + (c - 1) * D * H + H + H * V + V),
                ),
                Mistake(
                    "context plus one",
                    _(
                        "The window is one token too long: the token that is predicted is not "
                        "among the inputs."
                    ),
                    _counting(lambda V, c, D, H: V * D + (c + 1) * D * H + H + H * V + V),
                ),
                Mistake(
                    "output layer reads the vectors",
                    _("The output layer reads what the hidden layer says, not the embeddings."),
                    _counting(lambda V, c, D, H: V * D + c * D * H + H + c * D * V + V),
                ),
                Mistake(
                    "hidden to hidden",
                    _(
                        "There is a matrix from the hidden layer to itself too many. A window "
                        "model carries nothing from one step to the next but its last tokens."
                    ),
                    _counting(lambda V, c, D, H: V * D + c * D * H + H * H + H + H * V + V),
                ),
                Mistake(
                    "one-hot into the hidden layer",
                    _(
                        "Here the hidden layer reads one-hot vectors, with a row of weights for "
                        "each token in each place. It reads embeddings."
                    ),
                    _counting(lambda V, c, D, H: c * V * H + H + H * V + V),
                ),
                Mistake(
                    "cells of an n-gram table",
                    _(
                        "This is the number of n-grams that there could be. A network stores "
                        "matrices: multiply rows by columns, and add up."
                    ),
                    _counting(lambda V, c, D, H: V ** (c + 1)),
                ),
            ),
        ),
        Question(
            "05-nearest",
            "nearest",
            _nearest,
            worked=(
                ({"吃": [1.0, 0.0], "喝": [2.0, 1.0]}, "吃", 1),
                (_FAR, "a", 1),
                (_FAR, "a", 3),
                (_FAR, "a", 9),
                (_DISHES, "披萨", 2),
                (_DISHES, "面条", 4),
                (_TWINS, "laptop", 2),
            ),
            draw=_draw_vectors,
            mistakes=(
                Mistake(
                    "dot product",
                    _(
                        "This is the dot product, which favours long vectors. Divide by the length "
                        "of both: only the direction should count."
                    ),
                    _nearest_dot,
                ),
                Mistake("returns itself", of_itself, _nearest_itself),
                Mistake(
                    "dot product, and itself",
                    _(
                        "This is the dot product: a long vector is near to everything. And the "
                        "word itself is not its own neighbour."
                    ),
                    _nearest_dot_itself,
                ),
                Mistake(
                    "one too few",
                    _(
                        "One neighbour is missing: the word itself took a place, and was taken out "
                        "afterwards."
                    ),
                    _nearest_one_too_few,
                ),
                Mistake(
                    "farthest first",
                    _("These are the farthest. A large cosine means near: sort downwards."),
                    _nearest_farthest,
                ),
                Mistake(
                    "distance between the tips",
                    _(
                        "This is the distance between the tips of the vectors, in which a longer "
                        "vector is far away, whatever its direction."
                    ),
                    _nearest_euclid,
                ),
                Mistake(
                    "without the sign",
                    _(
                        "The sign was dropped. A cosine of -1 is the opposite direction, as far "
                        "away as can be."
                    ),
                    _nearest_absolute,
                ),
                Mistake(
                    "squared lengths",
                    _(
                        "The length is the square root of the sum of the squares: the root was "
                        "forgotten."
                    ),
                    _nearest_squared_lengths,
                ),
                Mistake(
                    "adds the lengths",
                    _("The two lengths are added below the line. Their product stands there."),
                    _nearest_sum_of_lengths,
                ),
                Mistake(
                    "drops words with the same vector",
                    _(
                        "A word with the very same vector was taken for the word itself. Compare "
                        "words, not vectors."
                    ),
                    _nearest_without_twins,
                ),
                Mistake(
                    "gives pairs",
                    _("Words alone are asked for, without their cosines."),
                    _nearest_pairs,
                ),
                Mistake(
                    "gives one word",
                    _("One word came back, where a list of `count` words is asked for."),
                    _nearest_one,
                ),
                Mistake(
                    "in the order of the table",
                    _(
                        "The right words, in the order of the table. The nearest comes first, then "
                        "the next."
                    ),
                    _nearest_in_the_tables_order,
                ),
            ),
        ),
    )
