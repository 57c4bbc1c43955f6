"""The questions of chapter 06, and the goals of the chapter that they check.

- ``06-rnn-forward``: goal 1, carry a state along a text, the same weights at every step.
- ``06-shift-labels``: goal 2, say what is read and what is predicted at each place of a text.
- ``06-rnn-params``: goal 3, count the parameters, and say what a longer text adds to them.
"""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import numpy.typing as npt

from lmlib.batching import PADDING, padded_batch
from lmlib.grading.question import Mistake, Question, Variant
from lmlib.scratch.layers import linear
from lmlib.scratch.rnn import RNNLM, RNNConfig, rnn_step
from lmlib.text import SPECIAL_TOKENS, TextFormat, Vocab
from lmlib.translation import gettext as _

Array = npt.NDArray[np.float64]
Rows = list[list[int]]

_BOS, _EOS, _NOTHING = 1, 2, PADDING

# ---------------------------------------------------------------- the references


def _rnn_forward(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    """`rnn_step` along the text, and the output layer on each state."""
    states = []
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, W_x, W_h, b)  # (B, H)
        states.append(h)
    return linear(np.stack(states, axis=1), W_o, b_o), h  # (B, T, V), (B, H)


def _shift_labels(sentences: Rows) -> tuple[Rows, Rows]:
    """What a language model is trained on: `padded_batch`, with ``<eos>`` after each sentence."""
    ended = [np.array([*sentence, _EOS], dtype=np.int64) for sentence in sentences]
    inputs, labels = padded_batch(ended, _BOS)
    return inputs.tolist(), labels.tolist()


def _shift_two_ahead(sentences: Rows) -> tuple[Rows, Rows]:
    """The labels of `padded_batch`, each a place earlier."""
    inputs, labels = _shift_labels(sentences)
    return inputs, [[*row[1:], _NOTHING] for row in labels]


def _shift_from_the_end(sentences: Rows) -> tuple[Rows, Rows]:
    """`padded_batch` of the sentences turned round, and of the marks too."""
    turned = [np.array([*sentence[::-1], _BOS], dtype=np.int64) for sentence in sentences]
    inputs, labels = padded_batch(turned, _EOS)
    return inputs.tolist(), labels.tolist()


def _shift_echo(sentences: Rows) -> tuple[Rows, Rows]:
    """The inputs of `padded_batch`, each a place later, wherever it has a label."""
    inputs, labels = _shift_labels(sentences)
    echoed = [[_NOTHING, *row[:-1]] for row in inputs]
    return inputs, [
        [before if label >= 0 else _NOTHING for before, label in zip(*rows, strict=True)]
        for rows in zip(echoed, labels, strict=True)
    ]


def _rnn_params(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    """The numbers that an `RNNLM` holds; it knows of no steps."""
    words = (str(number) for number in range(vocabulary - len(SPECIAL_TOKENS)))
    model = RNNLM(
        RNNConfig(embedding=embedding, hidden=hidden),
        Vocab([*SPECIAL_TOKENS, *words]),
        TextFormat("whitespace"),
        np.random.default_rng(0),
    )
    return sum(array.size for array in model.parameters.values())


# ---------------------------------------------------------------- the cases

_ForwardCase = tuple[Array, Array, Array, Array, Array, Array, Array]


def _forward_case(
    seed: int | np.random.Generator, B: int, T: int, D: int, H: int, V: int, rest: bool = False
) -> _ForwardCase:
    """Arguments of these sizes, in quarters; with ``rest`` the text begins from zeros."""
    rng = np.random.default_rng(seed)

    def drawn(*shape: int) -> Array:
        return rng.choice(np.arange(1, 7), shape) / 4 * rng.choice([-1, 1], shape)

    x, h = drawn(B, T, D), np.zeros((B, H)) if rest else drawn(B, H)
    return x, h, drawn(D, H), drawn(H, H), drawn(H), drawn(H, V), drawn(V)


def _draw_forward(rng: np.random.Generator, size: int) -> _ForwardCase:
    B, T = int(rng.integers(1, 4)), int(rng.integers(1, 3 + size // 2))
    D, H, V = (int(n) for n in rng.integers(1, 4 + size // 4, 3))
    return _forward_case(rng, B, T, D, H, V, rest=rng.random() < 0.3)


def _draw_sentences(rng: np.random.Generator, size: int) -> tuple[Rows]:
    lengths = rng.integers(0, 3 + size, int(rng.integers(1, 3 + size // 3)))
    if rng.random() < 0.25:
        lengths[:] = lengths[0]
    return ([rng.integers(3, 20 + size, n).tolist() for n in lengths],)


def _draw_sizes(rng: np.random.Generator, size: int) -> tuple[int, int, int, int]:
    vocabulary = int(rng.integers(4, 10 + 8 * size))
    embedding, hidden = (int(n) for n in rng.integers(1, 4 + 3 * size, 2))
    return vocabulary, embedding, hidden, int(rng.integers(1, 5 + 2 * size))


# ---------------------------------------------------------------- the mistakes


def _outputs(states: list[Array], W_o: Array, b_o: Array) -> Array:
    return np.stack([h @ W_o + b_o for h in states], axis=1)  # (B, T, V)


def _forward_not_carried(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    states = [np.tanh(x[:, t] @ W_x + h @ W_h + b) for t in range(x.shape[1])]
    return _outputs(states, W_o, b_o), states[-1]


def _forward_first_state_back(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    return _rnn_forward(x, h, W_x, W_h, b, W_o, b_o)[0], h


def _forward_from_zeros(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    return _rnn_forward(x, np.zeros_like(h), W_x, W_h, b, W_o, b_o)


def _forward_without_tanh(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    states = []
    for t in range(x.shape[1]):
        h = x[:, t] @ W_x + h @ W_h + b
        states.append(h)
    return _outputs(states, W_o, b_o), h


def _forward_tanh_of_the_input(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    states = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_x + b) + h @ W_h
        states.append(h)
    return _outputs(states, W_o, b_o), h


def _forward_before_tanh_carried(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    states = []
    for t in range(x.shape[1]):
        h = x[:, t] @ W_x + h @ W_h + b
        states.append(np.tanh(h))
    return _outputs(states, W_o, b_o), h


def _forward_sigmoid(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    states = []
    for t in range(x.shape[1]):
        h = 1 / (1 + np.exp(-(x[:, t] @ W_x + h @ W_h + b)))
        states.append(h)
    return _outputs(states, W_o, b_o), h


def _forward_without_b(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    return _rnn_forward(x, h, W_x, W_h, np.zeros_like(b), W_o, b_o)


def _forward_without_b_o(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    return _rnn_forward(x, h, W_x, W_h, b, W_o, np.zeros_like(b_o))


def _forward_transposed(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    return _rnn_forward(x, h, W_x, W_h.T, b, W_o, b_o)


def _forward_softmax(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    logits, h = _rnn_forward(x, h, W_x, W_h, b, W_o, b_o)
    powers = np.exp(logits)
    return powers / powers.sum(-1, keepdims=True), h


def _forward_last_output(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    logits, h = _rnn_forward(x, h, W_x, W_h, b, W_o, b_o)
    return logits[:, -1], h


def _forward_states_given(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    H = h.shape[1]
    return _rnn_forward(x, h, W_x, W_h, b, np.eye(H), np.zeros(H))


def _forward_predicts_first(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    states = []
    for t in range(x.shape[1]):
        states.append(h)
        h = np.tanh(x[:, t] @ W_x + h @ W_h + b)
    return _outputs(states, W_o, b_o), h


def _forward_right_to_left(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    logits, h = _rnn_forward(x[:, ::-1], h, W_x, W_h, b, W_o, b_o)
    return logits[:, ::-1], h


def _forward_added(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    states = []
    for t in range(x.shape[1]):
        h = h + np.tanh(x[:, t] @ W_x + h @ W_h + b)
        states.append(h)
    return _outputs(states, W_o, b_o), h


def _forward_row_into_row(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    logits, last, carried = [], [], h[0]
    for row in x:
        states = []
        for word in row:
            carried = np.tanh(word @ W_x + carried @ W_h + b)
            states.append(carried @ W_o + b_o)
        logits.append(states)
        last.append(carried)
    return np.array(logits), np.array(last)


def _forward_time_first(
    x: Array, h: Array, W_x: Array, W_h: Array, b: Array, W_o: Array, b_o: Array
) -> tuple[Array, Array]:
    logits, h = _rnn_forward(x, h, W_x, W_h, b, W_o, b_o)
    return np.swapaxes(logits, 0, 1), h


def _filled(rows: Rows, filler: int, left: bool = False) -> Rows:
    longest = max(map(len, rows), default=0)
    fill = [[filler] * (longest - len(row)) for row in rows]
    return [[*more, *row] if left else [*row, *more] for row, more in zip(rows, fill, strict=True)]


def _shift_identical(sentences: Rows) -> tuple[Rows, Rows]:
    inputs, labels = _shift_labels(sentences)
    return inputs, [
        [read if wanted >= 0 else wanted for read, wanted in zip(*pair, strict=True)]
        for pair in zip(inputs, labels, strict=True)
    ]


def _shift_identical_filled(sentences: Rows) -> tuple[Rows, Rows]:
    inputs, _labels = _shift_labels(sentences)
    return inputs, inputs


def _shift_identical_words(sentences: Rows) -> tuple[Rows, Rows]:
    return _filled(sentences, _BOS), _filled(sentences, _NOTHING)


def _shift_backwards(sentences: Rows) -> tuple[Rows, Rows]:
    return (
        _filled([[*sentence, _EOS] for sentence in sentences], _BOS),
        _filled([[_BOS, *sentence] for sentence in sentences], _NOTHING),
    )


def _shift_without_bos(sentences: Rows) -> tuple[Rows, Rows]:
    return (
        _filled([list(sentence) for sentence in sentences], _BOS),
        _filled([[*sentence[1:], _EOS][: len(sentence)] for sentence in sentences], _NOTHING),
    )


def _shift_without_eos(sentences: Rows) -> tuple[Rows, Rows]:
    return (
        _filled([[_BOS, *sentence][: len(sentence)] for sentence in sentences], _BOS),
        _filled([list(sentence) for sentence in sentences], _NOTHING),
    )


def _shift_without_marks(sentences: Rows) -> tuple[Rows, Rows]:
    return (
        _filled([sentence[:-1] for sentence in sentences], _BOS),
        _filled([sentence[1:] for sentence in sentences], _NOTHING),
    )


def _shift_round(sentences: Rows) -> tuple[Rows, Rows]:
    inputs, labels = _shift_labels(sentences)
    return inputs, [[_BOS if token == _EOS else token for token in row] for row in labels]


def _shift_reading_eos(sentences: Rows) -> tuple[Rows, Rows]:
    return (
        _filled([[_BOS, *sentence, _EOS] for sentence in sentences], _BOS),
        _filled([[*sentence, _EOS, _NOTHING] for sentence in sentences], _NOTHING),
    )


def _shift_two(sentences: Rows) -> tuple[Rows, Rows]:
    return (
        _filled([[_BOS, *sentence] for sentence in sentences], _BOS),
        _filled(
            [[*sentence[1:], _EOS, _NOTHING][: len(sentence) + 1] for sentence in sentences],
            _NOTHING,
        ),
    )


def _shift_labels_filled_with(sentences: Rows, filler: int) -> tuple[Rows, Rows]:
    inputs, labels = _shift_labels(sentences)
    return inputs, [[filler if token < 0 else token for token in row] for row in labels]


def _shift_filled_with_zero(sentences: Rows) -> tuple[Rows, Rows]:
    return _shift_labels_filled_with(sentences, 0)


def _shift_filled_with_eos(sentences: Rows) -> tuple[Rows, Rows]:
    return _shift_labels_filled_with(sentences, _EOS)


def _shift_inputs_filled_with_minus_one(sentences: Rows) -> tuple[Rows, Rows]:
    inputs = _filled([[_BOS, *sentence] for sentence in sentences], _NOTHING)
    return inputs, _shift_labels(sentences)[1]


def _shift_filled_left(sentences: Rows) -> tuple[Rows, Rows]:
    return (
        _filled([[_BOS, *sentence] for sentence in sentences], _BOS, left=True),
        _filled([[*sentence, _EOS] for sentence in sentences], _NOTHING, left=True),
    )


def _shift_ragged(sentences: Rows) -> tuple[Rows, Rows]:
    inputs = [[_BOS, *sentence] for sentence in sentences]
    return inputs, [[*sentence, _EOS] for sentence in sentences]


def _shift_cut_short(sentences: Rows) -> tuple[Rows, Rows]:
    inputs, labels = _shift_ragged(sentences)
    shortest = min(map(len, inputs), default=0)
    return [row[:shortest] for row in inputs], [row[:shortest] for row in labels]


def _shift_end_after_padding(sentences: Rows) -> tuple[Rows, Rows]:
    return _shift_labels(sentences)[0], [[*row, _EOS] for row in _filled(sentences, _NOTHING)]


def _shift_one_stream(sentences: Rows) -> tuple[Rows, Rows]:
    stream = [token for sentence in sentences for token in [*sentence, _EOS]]
    return ([[_BOS, *stream[:-1]]], [stream]) if stream else ([], [])


def _params_times_steps(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    outside = vocabulary * (embedding + hidden + 1)
    return outside + steps * (embedding + hidden + 1) * hidden


def _params_all_times_steps(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return _rnn_params(vocabulary, embedding, hidden, steps) * steps


def _params_output_times_steps(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    cell = (embedding + hidden + 1) * hidden
    return vocabulary * embedding + steps * (cell + (hidden + 1) * vocabulary)


def _params_states(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return _rnn_params(vocabulary, embedding, hidden, steps) + steps * hidden


def _params_first_state(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return _rnn_params(vocabulary, embedding, hidden, steps) + hidden


def _params_window(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    longer = (steps - 1) * embedding * hidden
    return _rnn_params(vocabulary, embedding, hidden, steps) + longer


def _params_two_matrices(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return (embedding + hidden) * hidden


def _params_without_embedding(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return _rnn_params(vocabulary, embedding, hidden, steps) - vocabulary * embedding


def _params_one_hot(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return _rnn_params(vocabulary, vocabulary, hidden, steps) - vocabulary * vocabulary


def _params_without_output(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return vocabulary * embedding + (embedding + hidden + 1) * hidden


def _params_without_biases(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return _rnn_params(vocabulary, embedding, hidden, steps) - hidden - vocabulary


def _params_without_b_o(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return _rnn_params(vocabulary, embedding, hidden, steps) - vocabulary


def _params_without_b(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return _rnn_params(vocabulary, embedding, hidden, steps) - hidden


def _params_without_W_h(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return _rnn_params(vocabulary, embedding, hidden, steps) - hidden * hidden


def _params_W_h_of_inputs(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return _params_without_W_h(vocabulary, embedding, hidden, steps) + embedding * hidden


def _params_without_bos(vocabulary: int, embedding: int, hidden: int, steps: int) -> int:
    return _rnn_params(vocabulary, embedding, hidden, steps) - embedding - hidden - 1


# ---------------------------------------------------------------- the variants

_Shift = Callable[[Rows], tuple[Rows, Rows]]


def _told(shift: _Shift, sentences: Rows) -> tuple[Rows, Rows]:
    """The rows of a variant without what fills them: each as long as its sentence, and one more."""
    rows = [shift([sentence]) for sentence in sentences]
    return [inputs[0] for inputs, _labels in rows], [labels[0] for _inputs, labels in rows]


def _told_filled_with(
    shift: _Shift, of_inputs: int, of_labels: int, sentences: Rows, left: bool = False
) -> tuple[Rows, Rows]:
    inputs, labels = _told(shift, sentences)
    return _filled(inputs, of_inputs, left), _filled(labels, of_labels, left)


def _told_cut_short(shift: _Shift, sentences: Rows) -> tuple[Rows, Rows]:
    inputs, labels = _told(shift, sentences)
    shortest = min(map(len, inputs), default=0)
    return [row[:shortest] for row in inputs], [row[:shortest] for row in labels]


def _told_one_stream(shift: _Shift, sentences: Rows) -> tuple[Rows, Rows]:
    inputs, labels = _told(shift, sentences)
    return [[token for row in inputs for token in row]], [[t for row in labels for t in row]]


def _three_ahead(sentences: Rows) -> tuple[Rows, Rows]:
    inputs, labels = _shift_two_ahead(sentences)
    return inputs, [[*row[1:], _NOTHING] for row in labels]


def _two_ahead_ending_twice(sentences: Rows) -> tuple[Rows, Rows]:
    inputs, labels = _told(_shift_two_ahead, sentences)
    labels = [[*row[:-1], _EOS] for row in labels]
    return _filled(inputs, _BOS), _filled(labels, _NOTHING)


def _two_ahead_without_bos(sentences: Rows) -> tuple[Rows, Rows]:
    labels = [[*sentence[2:], _EOS, _NOTHING][: len(sentence)] for sentence in sentences]
    return _filled([list(sentence) for sentence in sentences], _BOS), _filled(labels, _NOTHING)


def _from_the_end_not_turned(sentences: Rows) -> tuple[Rows, Rows]:
    return (
        _filled([[_EOS, *sentence] for sentence in sentences], _EOS),
        _filled([[*sentence, _BOS] for sentence in sentences], _NOTHING),
    )


def _from_the_end_marks_not_turned(sentences: Rows) -> tuple[Rows, Rows]:
    return _shift_labels([sentence[::-1] for sentence in sentences])


def _from_the_end_rows_turned(sentences: Rows) -> tuple[Rows, Rows]:
    inputs, labels = _shift_labels(sentences)
    return [row[::-1] for row in labels], [row[::-1] for row in inputs]


def _from_the_end_sentences_turned(sentences: Rows) -> tuple[Rows, Rows]:
    return _shift_from_the_end(sentences[::-1])


def _from_the_end_identical(sentences: Rows) -> tuple[Rows, Rows]:
    inputs, _labels = _told(_shift_from_the_end, sentences)
    return _filled(inputs, _EOS), _filled(inputs, _NOTHING)


def _echo_two_back(sentences: Rows) -> tuple[Rows, Rows]:
    inputs, _labels = _told(_shift_echo, sentences)
    labels = [[_NOTHING, _NOTHING, *row[:-2]][: len(row)] for row in inputs]
    return _filled(inputs, _BOS), _filled(labels, _NOTHING)


def _echo_from_the_end(sentences: Rows) -> tuple[Rows, Rows]:
    inputs, _labels = _told(_shift_echo, sentences)
    labels = [[row[-1], *row[:-1]] for row in inputs]
    return _filled(inputs, _BOS), _filled(labels, _NOTHING)


def _echo_without_bos(sentences: Rows) -> tuple[Rows, Rows]:
    inputs, labels = _told(_shift_echo, sentences)
    labels = [[_NOTHING if token == _BOS else token for token in row] for row in labels]
    return _filled(inputs, _BOS), _filled(labels, _NOTHING)


def _of_filling(shift: _Shift, begin: int) -> Iterable[Mistake]:
    """What goes wrong when the rows of a variant are filled."""
    yield Mistake(
        "labels filled with 0",
        _(
            "Short rows end in labels of 0. That is the number of <unk>, and would be scored: a "
            "place where nothing is asked has -1."
        ),
        partial(_told_filled_with, shift, begin, 0),
    )
    yield Mistake(
        "labels filled with <eos>",
        _("Short rows end in labels <eos>. Behind the end of a sentence nothing is asked: -1."),
        partial(_told_filled_with, shift, begin, _EOS),
    )
    yield Mistake(
        "inputs filled with -1",
        _(
            "-1 stands among the inputs. Each input is looked up in the embeddings, and there -1 "
            "is the last row: inputs are filled with the mark that they begin with."
        ),
        partial(_told_filled_with, shift, _NOTHING, _NOTHING),
    )
    yield Mistake(
        "filled on the left",
        _("Short rows were filled on the left. What fills them stands on the right."),
        partial(_told_filled_with, shift, begin, _NOTHING, left=True),
    )
    yield Mistake(
        "rows of different lengths",
        _("The rows differ in length: a batch is a rectangle, short rows are filled."),
        partial(_told, shift),
    )
    yield Mistake(
        "cut to the shortest",
        _(
            "Long sentences were cut to the length of the shortest. Nothing is lost: short ones "
            "are filled."
        ),
        partial(_told_cut_short, shift),
    )
    yield Mistake(
        "one row for all",
        _(
            "The sentences were put one behind the other. Each has a row of its own: the state of "
            "one may not read another."
        ),
        partial(_told_one_stream, shift),
    )


def _shift_variants(worked: tuple[tuple[Rows], ...]) -> tuple[Variant, ...]:
    """``06-shift-labels`` with other labels: each is a task that networks are trained on."""
    public = "the public book's answer"
    of_bos = _("<bos> is missing: the network reads it first, and is told something there too.")
    return (
        Variant(
            "two-ahead",
            _(
                "**In this course** the network is told at each place not the next token but the "
                "one after that. Where there is none, the label is -1. The inputs are as above. "
                "So `[[4, 5, 6], [7]]` gives the labels `[[5, 6, 2, -1], [2, -1, -1, -1]]`, and an "
                "empty sentence `[1]` and `[-1]`."
            ),
            _shift_two_ahead,
            worked,
            (
                Mistake(
                    public,
                    _(
                        "This is what the public book asks, where the label is the next token. "
                        "Here it is the one after that."
                    ),
                    _shift_labels,
                ),
                Mistake(
                    "label = input",
                    _(
                        "The label is the token that has just been read. It is the one two places "
                        "further on."
                    ),
                    _shift_identical,
                ),
                Mistake(
                    "three ahead",
                    _(
                        "The label is three places on. Writing <bos> before the inputs has shifted "
                        "them by one already."
                    ),
                    _three_ahead,
                ),
                Mistake(
                    "ends twice",
                    _(
                        "At the last token of a sentence stands a label, but two places on there "
                        "is nothing: the sentence has ended before."
                    ),
                    _two_ahead_ending_twice,
                ),
                Mistake("no <bos>", of_bos, _two_ahead_without_bos),
                *_of_filling(_shift_two_ahead, _BOS),
            ),
        ),
        Variant(
            "from-the-end",
            _(
                "**In this course** the network reads from right to left, and the two marks "
                "exchange their parts. `<eos>` is read first and never predicted, then comes the "
                "last token, and so on; the label is the token that stands before, and `<bos>` is "
                "predicted last and never read. Short rows are still filled on the right, the "
                "labels with -1 and the inputs with 2. So `[[4, 5, 6], [7]]` gives the inputs "
                "`[[2, 6, 5, 4], [2, 7, 2, 2]]` and the labels `[[6, 5, 4, 1], [7, 1, -1, -1]]`, "
                "and an empty sentence `[2]` and `[1]`."
            ),
            _shift_from_the_end,
            worked,
            (
                Mistake(
                    public,
                    _(
                        "This is what the public book asks, where a sentence is read from its "
                        "beginning. Here it is read from its end."
                    ),
                    _shift_labels,
                ),
                Mistake(
                    "the words are not turned round",
                    _("The marks are exchanged, but the tokens still stand in their old order."),
                    _from_the_end_not_turned,
                ),
                Mistake(
                    "the marks are not exchanged",
                    _(
                        "The tokens are turned round, but the marks stand as they did: a sentence "
                        "that is read from its end begins with <eos>."
                    ),
                    _from_the_end_marks_not_turned,
                ),
                Mistake(
                    "what fills is turned round too",
                    _(
                        "Whole rows were turned round, with what fills them: it has come to stand "
                        "on the left. Turn the sentences, and fill them then."
                    ),
                    _from_the_end_rows_turned,
                ),
                Mistake(
                    "the sentences are turned round",
                    _(
                        "The last sentence came first. Only the tokens within each sentence are "
                        "turned round."
                    ),
                    _from_the_end_sentences_turned,
                ),
                Mistake(
                    "label = input",
                    _(
                        "The label is the token that has just been read. It is the one that stands "
                        "before it in the text."
                    ),
                    _from_the_end_identical,
                ),
                *_of_filling(_shift_from_the_end, _EOS),
            ),
        ),
        Variant(
            "echo",
            _(
                "**In this course** the network learns to remember, not to predict: the label is "
                "the token that was read one place before. At the first place there is none, and "
                "the label is -1. The inputs are as above; where they only fill a short row, the "
                "label is -1 too. So `[[4, 5, 6], [7]]` gives the labels `[[-1, 1, 4, 5], "
                "[-1, 1, -1, -1]]`, and an empty sentence `[1]` and `[-1]`."
            ),
            _shift_echo,
            worked,
            (
                Mistake(
                    public,
                    _(
                        "This is what the public book asks, where the label is the next token. "
                        "Here it is the one that was read before."
                    ),
                    _shift_labels,
                ),
                Mistake(
                    "label = input",
                    _(
                        "The label is the token that has just been read. It is the one that was "
                        "read a place before it."
                    ),
                    _shift_identical,
                ),
                Mistake(
                    "two back",
                    _("The label was read two places before. One place is asked for."),
                    _echo_two_back,
                ),
                Mistake(
                    "rolled round",
                    _(
                        "At the first place stands the last token of the row. Nothing was read "
                        "before <bos>, so the label there is -1."
                    ),
                    _echo_from_the_end,
                ),
                Mistake(
                    "<bos> is not told",
                    _("<bos> is read like any token, so a place later it is the label."),
                    _echo_without_bos,
                ),
                *_of_filling(_shift_echo, _BOS),
            ),
        ),
    )


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 06, in the reader's language."""
    of_identity = _(
        "The label is the token that has just been read. Copying it needs no model: the label is "
        "the token that comes after it."
    )
    of_marks = _(
        "What is lost is the first prediction or the last: before the first token <bos> is read, "
        "and after the last one <eos> is predicted."
    )
    of_steps = _(
        "Something was counted once a step. The same matrices work at every step: a longer text "
        "uses them more often, and has no more of them."
    )
    of_biases = _("A bias is missing: the state has one, a number a unit; the output has one, too.")
    shift_worked: tuple[tuple[Rows], ...] = (
        ([[4]],),
        ([[4, 5, 6]],),
        ([[]],),
        ([[4, 5, 6], [7]],),
        ([[7], [4, 5, 6]],),
        ([[4, 4], [5, 6]],),
        ([[8, 3], [], [3, 8, 9, 3]],),
        ([],),
    )
    return (
        Question(
            "06-rnn-forward",
            "rnn_forward",
            _rnn_forward,
            worked=(
                _forward_case(0, B=1, T=1, D=1, H=1, V=2, rest=True),
                _forward_case(1, B=1, T=2, D=1, H=1, V=2, rest=True),
                _forward_case(2, B=1, T=1, D=2, H=2, V=3),
                _forward_case(3, B=1, T=3, D=2, H=2, V=3, rest=True),
                _forward_case(4, B=2, T=2, D=2, H=3, V=2),
                _forward_case(5, B=2, T=3, D=3, H=2, V=4, rest=True),
                _forward_case(6, B=3, T=5, D=2, H=4, V=3),
            ),
            draw=_draw_forward,
            mistakes=(
                Mistake(
                    "h not carried",
                    _(
                        "Every step begins from the state that was given, so none knows of the "
                        "step before it: each reads one token and forgets it."
                    ),
                    _forward_not_carried,
                ),
                Mistake(
                    "the given state comes back",
                    _(
                        "The state that comes back is the one that was given: what was read is "
                        "lost to whoever goes on from here."
                    ),
                    _forward_first_state_back,
                ),
                Mistake(
                    "begins from zeros",
                    _(
                        "The state that was given is not used. It holds what was read before; a "
                        "text cut in two pieces has to give what the whole gives."
                    ),
                    _forward_from_zeros,
                ),
                Mistake(
                    "no tanh",
                    _("The state is a sum of products: what squeezes it between -1 and 1?"),
                    _forward_without_tanh,
                ),
                Mistake(
                    "tanh of the input alone",
                    _(
                        "The old state was added outside the tanh. Both products and the bias are "
                        "summed first, and the tanh is of the sum."
                    ),
                    _forward_tanh_of_the_input,
                ),
                Mistake(
                    "carries what stands before the tanh",
                    _(
                        "Two things are called the state here: the outputs see it after the tanh, "
                        "the next step before it. It is one and the same, after the tanh."
                    ),
                    _forward_before_tanh_carried,
                ),
                Mistake(
                    "sigmoid",
                    _(
                        "A state of this network lies between -1 and 1; this one lies between 0 "
                        "and 1."
                    ),
                    _forward_sigmoid,
                ),
                Mistake("no b", _("A bias is missing in the state."), _forward_without_b),
                Mistake("no b_o", _("A bias is missing in the output."), _forward_without_b_o),
                Mistake(
                    "W_h transposed",
                    _(
                        "The old state meets the wrong side of `W_h`. A state is a row, as in this "
                        "book; where it is a column, the matrix is turned over."
                    ),
                    _forward_transposed,
                ),
                Mistake(
                    "probabilities come back",
                    _(
                        "These are probabilities. The logits are asked for, what stands before the "
                        "softmax."
                    ),
                    _forward_softmax,
                ),
                Mistake(
                    "the last output alone",
                    _(
                        "Only the last state was asked. A language model predicts at every place: "
                        "T tokens give T rows of logits."
                    ),
                    _forward_last_output,
                ),
                Mistake(
                    "states come back as outputs",
                    _(
                        "The states themselves came back. Each is multiplied by `W_o` first, so "
                        "that there is a number for each token of the vocabulary."
                    ),
                    _forward_states_given,
                ),
                Mistake(
                    "predicts before it reads",
                    _(
                        "The output at each place comes from the state before that token was read. "
                        "In this book the state reads first, and predicts then."
                    ),
                    _forward_predicts_first,
                ),
                Mistake(
                    "right to left",
                    _("The text was read from its end. Time runs from left to right."),
                    _forward_right_to_left,
                ),
                Mistake(
                    "adds to the old state",
                    _(
                        "The new state was added to the old one. It takes its place: all that "
                        "stays of the old one comes through `W_h`."
                    ),
                    _forward_added,
                ),
                Mistake(
                    "sentence runs into sentence",
                    _(
                        "The state went from one row of the batch into the next. The rows are "
                        "different texts: each has a state of its own."
                    ),
                    _forward_row_into_row,
                ),
                Mistake(
                    "time before batch",
                    _(
                        "The axes of the logits are exchanged: the batch comes first, then the "
                        "time."
                    ),
                    _forward_time_first,
                ),
            ),
        ),
        Question(
            "06-shift-labels",
            "shift_labels",
            _shift_labels,
            worked=shift_worked,
            draw=_draw_sentences,
            mistakes=(
                Mistake("label = input", of_identity, _shift_identical),
                Mistake("label = input, filling and all", of_identity, _shift_identical_filled),
                Mistake("label = input, no marks", of_identity, _shift_identical_words),
                Mistake(
                    "shifted backwards",
                    _(
                        "The label is the token before the one that is read: this model predicts "
                        "what it was told a moment ago."
                    ),
                    _shift_backwards,
                ),
                Mistake("no <bos>", of_marks, _shift_without_bos),
                Mistake("no <eos>", of_marks, _shift_without_eos),
                Mistake("no marks", of_marks, _shift_without_marks),
                Mistake(
                    "rolled round",
                    _(
                        "The last label is the mark of the beginning, which never comes next. What "
                        "comes after the last token is the end."
                    ),
                    _shift_round,
                ),
                Mistake(
                    "reads the end",
                    _(
                        "<eos> is among the inputs. It is predicted and never read: after the end "
                        "there is nothing to predict."
                    ),
                    _shift_reading_eos,
                ),
                Mistake(
                    "shifted by two",
                    _(
                        "The label is two places on. Writing <bos> before the inputs has shifted "
                        "them by one already."
                    ),
                    _shift_two,
                ),
                Mistake(
                    "labels filled with 0",
                    _(
                        "Short rows end in labels of 0. That is the number of <unk>, and would be "
                        "scored: a place where nothing is to be predicted has -1."
                    ),
                    _shift_filled_with_zero,
                ),
                Mistake(
                    "labels filled with <eos>",
                    _(
                        "Short rows end in several labels <eos>, and the model would be praised "
                        "for ending twice. A sentence ends once; behind that stands -1."
                    ),
                    _shift_filled_with_eos,
                ),
                Mistake(
                    "inputs filled with -1",
                    _(
                        "-1 stands among the inputs. Each input is looked up in the embeddings, "
                        "and there -1 is the last row: fill the inputs with <bos>."
                    ),
                    _shift_inputs_filled_with_minus_one,
                ),
                Mistake(
                    "filled on the left",
                    _(
                        "Short rows were filled on the left: then a state reads the filling "
                        "before its sentence. It stands on the right, where it can do no harm."
                    ),
                    _shift_filled_left,
                ),
                Mistake(
                    "rows of different lengths",
                    _("The rows differ in length: a batch is a rectangle, short rows are filled."),
                    _shift_ragged,
                ),
                Mistake(
                    "cut to the shortest",
                    _(
                        "Long sentences were cut to the length of the shortest. Nothing is lost: "
                        "short ones are filled."
                    ),
                    _shift_cut_short,
                ),
                Mistake(
                    "<eos> behind the filling",
                    _(
                        "<eos> stands behind the filling. It is predicted right after the last "
                        "token of its own sentence."
                    ),
                    _shift_end_after_padding,
                ),
                Mistake(
                    "one row for all",
                    _(
                        "The sentences were put one behind the other. Each has a row of its own: "
                        "the state of one may not read another."
                    ),
                    _shift_one_stream,
                ),
            ),
            variants=_shift_variants(shift_worked),
        ),
        Question(
            "06-rnn-params",
            "rnn_params",
            _rnn_params,
            worked=(
                (4, 1, 1, 1),
                (4, 1, 1, 2),
                (5, 2, 3, 1),
                (5, 2, 3, 5),
                (5, 3, 2, 5),
                (20, 8, 8, 10),
                (100, 30, 50, 35),
            ),
            draw=_draw_sizes,
            mistakes=(
                Mistake("times T", of_steps, _params_times_steps),
                Mistake("everything times T", of_steps, _params_all_times_steps),
                Mistake("cell and output times T", of_steps, _params_output_times_steps),
                Mistake(
                    "states counted",
                    _(
                        "The states were counted. They are computed anew for each text, not "
                        "learned: only what training changes is a parameter."
                    ),
                    _params_states,
                ),
                Mistake(
                    "first state counted",
                    _(
                        "This is H too many. The state before the first token is all zeros here: "
                        "nobody learns it. Or is there a bias too many?"
                    ),
                    _params_first_state,
                ),
                Mistake(
                    "a window of T tokens",
                    _(
                        "This is a window: a block of weights for each place. Here one input "
                        "enters at a time, through the same block."
                    ),
                    _params_window,
                ),
                Mistake(
                    "two matrices alone",
                    _(
                        "These are the two matrices of the cell. A language model also looks up "
                        "its inputs, gives logits for all tokens, and has biases."
                    ),
                    _params_two_matrices,
                ),
                Mistake(
                    "no embeddings",
                    _("The embeddings are missing: a vector for each token, all of them learned."),
                    _params_without_embedding,
                ),
                Mistake(
                    "one-hot inputs",
                    _(
                        "Here the inputs are one-hot vectors, as wide as the vocabulary. Between "
                        "them and the state stand the embeddings, which are narrower."
                    ),
                    _params_one_hot,
                ),
                Mistake(
                    "no output layer",
                    _(
                        "The output layer is missing: from a state to a logit for each token. It "
                        "is often the largest part."
                    ),
                    _params_without_output,
                ),
                Mistake("no biases", of_biases, _params_without_biases),
                Mistake("no b_o", of_biases, _params_without_b_o),
                Mistake("no b", of_biases, _params_without_b),
                Mistake(
                    "no W_h",
                    _(
                        "The step from state to state is missing; without it this is no recurrent "
                        "network."
                    ),
                    _params_without_W_h,
                ),
                Mistake(
                    "W_h like W_x",
                    _(
                        "`W_h` got the shape of `W_x`. It takes a state to a state: how long is "
                        "what goes in, and how long what comes out?"
                    ),
                    _params_W_h_of_inputs,
                ),
                Mistake(
                    "V without <bos>",
                    _(
                        "One token of the vocabulary was left out. <bos> is never predicted, but "
                        "it is read, and the matrices have a row and a column for it too."
                    ),
                    _params_without_bos,
                ),
            ),
        ),
    )
