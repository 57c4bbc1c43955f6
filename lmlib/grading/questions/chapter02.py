"""The questions of chapter 02, and the goals of the chapter that they check.

- ``02-build-vocab``: goal 1, build a vocabulary from a text, in an order that comes out the same
  every time.
- ``02-encode``: goal 2, turn any text into numbers, with words in it that nobody has seen before.
  (Goal 3, when two perplexities must not be compared, is the notebook's experiment with these two.)
- ``02-random-partition``: the last section, laying a long text out in batches: what is predicted
  at each place, and which neighbours have nothing to do with each other.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from lmlib.batching import random_partition
from lmlib.grading.question import Mistake, Question
from lmlib.text import BOS, EOS, SPECIAL_TOKENS, UNK, Vocab
from lmlib.translation import gettext as _

Sequences = list[list[str]]
Batches = list[tuple[list[list[int]], list[list[int]]]]

# ---------------------------------------------------------------- the references


def _build_vocab(sequences: Sequences, max_size: int | None = None) -> list[str]:
    return list(Vocab.build(sequences, max_size=max_size).tokens)


def _encode(tokens: list[str], vocab: list[str]) -> list[int]:
    known = Vocab(vocab)
    return [*known.encode(tokens).tolist(), known.eos]


class _Chosen:
    """Stands in for a generator: its one number and its one order are chosen beforehand."""

    def __init__(self, offset: int, order: list[int]) -> None:
        self.offset, self.order = offset, order

    def integers(self, high: int) -> int:
        return self.offset

    def shuffle(self, starts: np.ndarray) -> None:
        starts[:] = starts[self.order]


def _random_partition(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Batches:
    rng = cast(np.random.Generator, _Chosen(offset, order))
    batches = random_partition(stream, batch_size, steps, rng)
    return [(inputs.tolist(), targets.tolist()) for inputs, targets in batches]


# ---------------------------------------------------------------- the cases

_WORDS = "吃 很 喜欢 the students 面条 披萨 opened their exams 今天 天气 books The 好".split()

_TEXT = [["吃", "面条", "吃"], ["吃", "苹果", "喜欢"], ["苹果", "好"]]
_VOCAB = [*SPECIAL_TOKENS, "the", "students", "opened", "their", "books"]


def _draw_text(rng: np.random.Generator, size: int) -> tuple[Sequences, int | None]:
    words = rng.permutation(_WORDS)[: 3 + size]
    weights = 1 / np.arange(1, words.size + 1)
    sequences = [
        rng.choice(words, rng.integers(1, 3 + size), p=weights / weights.sum()).tolist()
        for _sequence in range(rng.integers(1, 2 + size))
    ]
    if rng.random() < 0.5:
        for sequence in sequences:
            sequence.insert(int(rng.integers(len(sequence) + 1)), UNK)
    types = len({token for sequence in sequences for token in sequence})
    return sequences, int(rng.integers(3, 4 + types)) if rng.random() < 0.6 else None


def _draw_sentence(rng: np.random.Generator, size: int) -> tuple[list[str], list[str]]:
    vocab = [*SPECIAL_TOKENS, *rng.permutation(_WORDS)[: 2 + size].tolist()]
    pool = [*_WORDS, UNK] if rng.random() < 0.5 else vocab[3:]
    return rng.choice(pool, rng.integers(0, 3 + size)).tolist(), vocab


def _draw_stream(rng: np.random.Generator, size: int) -> tuple[list[int], int, int, int, list[int]]:
    steps, batch_size = int(rng.integers(1, 3 + size // 2)), int(rng.integers(1, 4))
    stream = rng.permutation(np.arange(3, 103))[: steps + 1 + rng.integers(1, 2 + 4 * size)]
    offset = int(rng.integers(min(steps, stream.size - steps)))
    pieces = len(range(offset, stream.size - steps, steps))
    return stream.tolist(), batch_size, steps, offset, rng.permutation(pieces).tolist()


# ---------------------------------------------------------------- the mistakes


def _counted(sequences: Iterable[Iterable[str]]) -> Counter[str]:
    return Counter(token for sequence in sequences for token in sequence)


def _with_marks(tokens: Iterable[str], max_size: int | None) -> list[str]:
    return [*SPECIAL_TOKENS, *(token for token in tokens if token != UNK)][:max_size]


def _vocab_ties_by_alphabet(sequences: Sequences, max_size: int | None = None) -> list[str]:
    counts = _counted(sequences)
    return _with_marks(sorted(counts, key=lambda t: (-counts[t], t)), max_size)


def _vocab_ties_backwards(sequences: Sequences, max_size: int | None = None) -> list[str]:
    counts = _counted(sequences)
    return _with_marks(sorted(counts, key=lambda t: (counts[t], t), reverse=True), max_size)


def _vocab_ties_last_first(sequences: Sequences, max_size: int | None = None) -> list[str]:
    counts = _counted(sequences)
    return _with_marks(sorted(counts, key=lambda t: counts[t])[::-1], max_size)


def _vocab_unknown_twice(sequences: Sequences, max_size: int | None = None) -> list[str]:
    tokens = (token for token, _count in _counted(sequences).most_common())
    return [*SPECIAL_TOKENS, *tokens][:max_size]


def _vocab_unknown_takes_a_place(sequences: Sequences, max_size: int | None = None) -> list[str]:
    room = None if max_size is None else max_size - len(SPECIAL_TOKENS)
    return _with_marks((token for token, _count in _counted(sequences).most_common(room)), None)


def _vocab_marks_beside(sequences: Sequences, max_size: int | None = None) -> list[str]:
    tokens = [t for t, _count in _counted(sequences).most_common() if t != UNK]
    return [*SPECIAL_TOKENS, *tokens[:max_size]]


def _vocab_without_bound(sequences: Sequences, max_size: int | None = None) -> list[str]:
    return _build_vocab(sequences)


def _vocab_in_sentences(sequences: Sequences, max_size: int | None = None) -> list[str]:
    return _build_vocab([list(dict.fromkeys(sequence)) for sequence in sequences], max_size)


def _vocab_unsorted(sequences: Sequences, max_size: int | None = None) -> list[str]:
    return _with_marks(_counted(sequences), max_size)


def _vocab_rare_first(sequences: Sequences, max_size: int | None = None) -> list[str]:
    counts = _counted(sequences)
    return _with_marks(sorted(counts, key=lambda t: counts[t]), max_size)


def _vocab_marks_last(sequences: Sequences, max_size: int | None = None) -> list[str]:
    first, rest = _build_vocab(sequences, max_size)[:3], _build_vocab(sequences, max_size)[3:]
    return [*rest, *first]


def _vocab_lower(sequences: Sequences, max_size: int | None = None) -> list[str]:
    return _build_vocab([[token.lower() for token in row] for row in sequences], max_size)


def _vocab_without_marks(sequences: Sequences, max_size: int | None = None) -> list[str]:
    return _build_vocab(sequences, None if max_size is None else max_size + 3)[3:]


def _numbers(vocab: list[str], first: int = 0) -> dict[str, int]:
    return {token: number for number, token in enumerate(vocab, first)}


def _encode_raising(tokens: list[str], vocab: list[str]) -> list[int]:
    number = _numbers(vocab)
    return [number[token] for token in [*tokens, EOS]]


def _encode_not_in_list(tokens: list[str], vocab: list[str]) -> list[int]:
    return [vocab.index(token) for token in [*tokens, EOS]]


def _encode_dropping(tokens: list[str], vocab: list[str]) -> list[int]:
    number = _numbers(vocab)
    return [number[token] for token in [*tokens, EOS] if token in number]


def _encode_without_end(tokens: list[str], vocab: list[str]) -> list[int]:
    return _encode(tokens, vocab)[:-1]


def _encode_with_beginning(tokens: list[str], vocab: list[str]) -> list[int]:
    return [vocab.index(BOS), *_encode(tokens, vocab)]


def _encode_minus_one(tokens: list[str], vocab: list[str]) -> list[int]:
    number = _numbers(vocab)
    return [number.get(token, -1) for token in [*tokens, EOS]]


def _encode_growing(tokens: list[str], vocab: list[str]) -> list[int]:
    number = _numbers(vocab)
    return [number.setdefault(token, len(number)) for token in [*tokens, EOS]]


def _encode_appending(tokens: list[str], vocab: list[str]) -> list[int]:
    vocab.extend(token for token in dict.fromkeys(tokens) if token not in vocab)
    return _encode(tokens, vocab)


def _encode_from_one(tokens: list[str], vocab: list[str]) -> list[int]:
    number = _numbers(vocab, first=1)
    return [number.get(token, number[UNK]) for token in [*tokens, EOS]]


def _encode_unmarked(tokens: list[str], vocab: list[str]) -> list[int]:
    number = _numbers([*SPECIAL_TOKENS, *vocab[3:]], first=-3) | {UNK: 0, EOS: 2}
    return [number.get(token, 0) for token in [*tokens, EOS]]


def _encode_lower(tokens: list[str], vocab: list[str]) -> list[int]:
    return _encode([token.lower() for token in tokens], vocab)


def _encode_new_as_last(tokens: list[str], vocab: list[str]) -> list[int]:
    number = _numbers(vocab)
    return [number.get(token, len(vocab)) for token in [*tokens, EOS]]


def _encode_end_as_new(tokens: list[str], vocab: list[str]) -> list[int]:
    return [*_encode(tokens, vocab)[:-1], len(vocab)]


def _batched(inputs: list[list[int]], targets: list[list[int]], batch_size: int) -> Batches:
    return [
        (inputs[first : first + batch_size], targets[first : first + batch_size])
        for first in range(0, len(inputs), batch_size)
    ]


def _starts(steps: int, offset: int, order: list[int]) -> list[int]:
    return [offset + steps * piece for piece in order]


def _windows(stream: list[int], starts: Iterable[int], steps: int) -> list[list[int]]:
    return [stream[start : start + steps] for start in starts]


def _partition_unshifted(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Batches:
    inputs = _windows(stream, _starts(steps, offset, order), steps)
    return _batched(inputs, inputs, batch_size)


def _partition_shifted_back(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Batches:
    return [
        (targets, inputs)
        for inputs, targets in _random_partition(stream, batch_size, steps, offset, order)
    ]


def _partition_rolled(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Batches:
    inputs = _windows(stream, _starts(steps, offset, order), steps)
    return _batched(inputs, [[*row[1:], row[0]] for row in inputs], batch_size)


def _partition_next_piece(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Batches:
    starts = _starts(steps, offset, order)
    following = [start + steps for start in starts]
    return _batched(_windows(stream, starts, steps), _windows(stream, following, steps), batch_size)


def _partition_from_zero(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Batches:
    starts = _starts(steps, 0, order)
    return _batched(
        _windows(stream, starts, steps), _windows(stream[1:], starts, steps), batch_size
    )


def _partition_in_order(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Batches:
    return _random_partition(stream, batch_size, steps, offset, sorted(order))


def _partition_order_inverted(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Batches:
    places = np.argsort(order).tolist()
    return _random_partition(stream, batch_size, steps, offset, places)


def _partition_rest_dropped(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Batches:
    batches = _random_partition(stream, batch_size, steps, offset, order)
    return [batch for batch in batches if len(batch[0]) == batch_size]


def _partition_overlapping(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Batches:
    starts = [offset + piece for piece in order]
    return _batched(
        _windows(stream, starts, steps), _windows(stream[1:], starts, steps), batch_size
    )


def _partition_in_two_lists(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Any:
    batches = _random_partition(stream, batch_size, steps, offset, order)
    return [inputs for inputs, _targets in batches], [targets for _inputs, targets in batches]


def _partition_target_cut_off(
    stream: list[int], batch_size: int, steps: int, offset: int, order: list[int]
) -> Batches:
    pieces = _windows(stream, _starts(steps, offset, order), steps)
    return _batched([piece[:-1] for piece in pieces], [piece[1:] for piece in pieces], batch_size)


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 02, in the reader's language."""
    of_ties = _(
        "Equally frequent tokens stand in the wrong order: the one that the text uses first comes "
        "first."
    )
    of_size = _(
        "With a max_size the list has the wrong length: max_size counts every entry, the three "
        "marks among them."
    )
    of_new = _(
        "A token that is not in the vocabulary is no error. It is read as <unk>, and gets its "
        "number."
    )
    of_unknown = _(
        "A token that is not in the vocabulary got a number of its own, or one that is nobody's. "
        "It gets the number of <unk>, and the vocabulary stays as it is."
    )
    return (
        Question(
            "02-build-vocab",
            "build_vocab",
            _build_vocab,
            worked=(
                ([], None),
                ([["b", "a"], ["a", "b"], ["c"]], None),
                (_TEXT, None),
                (_TEXT, 4),
                (_TEXT, 3),
                (_TEXT, 100),
                ([["好", "好", "好", "吃"], ["吃"], ["吃", "面条"]], None),
                ([["The", "cat"], ["the", "The"]], None),
                ([[UNK, "a", UNK]], None),
                ([[UNK, "a", UNK], ["b", UNK]], 4),
            ),
            draw=_draw_text,
            mistakes=(
                Mistake("ties by the alphabet", of_ties, _vocab_ties_by_alphabet),
                Mistake("ties by the alphabet, backwards", of_ties, _vocab_ties_backwards),
                Mistake("ties: last come, first numbered", of_ties, _vocab_ties_last_first),
                Mistake(
                    "<unk> twice",
                    _(
                        "<unk> stands in the list twice. It is one of the marks, wherever it came "
                        "from."
                    ),
                    _vocab_unknown_twice,
                ),
                Mistake(
                    "the text's <unk> takes up a place",
                    _(
                        "Where the text holds <unk>, the list is one token too short: <unk> of the "
                        "text is that of the marks, and takes up no further place."
                    ),
                    _vocab_unknown_takes_a_place,
                ),
                Mistake("max_size without the marks", of_size, _vocab_marks_beside),
                Mistake(
                    "max_size ignored",
                    _("max_size was not looked at: the list is longer than it allows."),
                    _vocab_without_bound,
                ),
                Mistake(
                    "counts sentences, not tokens",
                    _(
                        "A token that stands in one sequence twice was counted once. Every "
                        "occurrence counts."
                    ),
                    _vocab_in_sentences,
                ),
                Mistake(
                    "in the order of the text",
                    _(
                        "The tokens stand in the order of the text, however frequent they are. The "
                        "order of the text decides only between equals."
                    ),
                    _vocab_unsorted,
                ),
                Mistake(
                    "the rarest first",
                    _("The rarest token comes first. The most frequent should."),
                    _vocab_rare_first,
                ),
                Mistake(
                    "the marks at the end",
                    _("The three marks stand at the end. They come first: <unk>, <bos>, <eos>."),
                    _vocab_marks_last,
                ),
                Mistake(
                    "lower case",
                    _(
                        "Capitals were made small. How a text is read was decided before, when it "
                        "was cut: The and the are two tokens here."
                    ),
                    _vocab_lower,
                ),
                Mistake(
                    "no marks",
                    _("The list begins with the three marks: <unk>, <bos>, <eos>."),
                    _vocab_without_marks,
                ),
            ),
        ),
        Question(
            "02-encode",
            "encode",
            _encode,
            worked=(
                ([], _VOCAB),
                (["the", "books"], _VOCAB),
                (["cats", "opened", "their", "laptops"], _VOCAB),
                (["The", "students"], _VOCAB),
                (["book", "s"], _VOCAB),
                (["books", UNK, "books"], _VOCAB),
            ),
            draw=_draw_sentence,
            mistakes=(
                Mistake("raises for a new word: no such key", of_new, _encode_raising),
                Mistake("raises for a new word: not in the list", of_new, _encode_not_in_list),
                Mistake(
                    "drops new words",
                    _(
                        "Tokens that are not in the vocabulary were left out, so the sentence has "
                        "become shorter. Each of them becomes the number of <unk>."
                    ),
                    _encode_dropping,
                ),
                Mistake(
                    "no <eos>",
                    _("The end is missing: the last number is that of <eos>."),
                    _encode_without_end,
                ),
                Mistake(
                    "adds <bos>",
                    _(
                        "<bos> does not belong here: the model reads it by itself. Only <eos> is "
                        "added."
                    ),
                    _encode_with_beginning,
                ),
                Mistake("new words are -1", of_unknown, _encode_minus_one),
                Mistake("new words get new numbers", of_unknown, _encode_growing),
                Mistake("new words are added to the vocabulary", of_unknown, _encode_appending),
                Mistake("new words get one number too many", of_unknown, _encode_new_as_last),
                Mistake(
                    "<eos> gets a new number",
                    _("<eos> stands in the vocabulary like any token, and has its number there."),
                    _encode_end_as_new,
                ),
                Mistake(
                    "counts from one",
                    _("All numbers are one too high: places in a list are counted from 0."),
                    _encode_from_one,
                ),
                Mistake(
                    "counts without the marks",
                    _(
                        "The words were numbered as if the three marks were not in the list. They "
                        "have the places 0, 1 and 2."
                    ),
                    _encode_unmarked,
                ),
                Mistake(
                    "lower case",
                    _(
                        "Capitals were made small. A vocabulary tells The from the; how a text is "
                        "read was decided before, when it was cut."
                    ),
                    _encode_lower,
                ),
            ),
        ),
        Question(
            "02-random-partition",
            "random_partition",
            _random_partition,
            worked=(
                (list(range(10, 17)), 2, 3, 0, [0, 1]),
                (list(range(10, 17)), 2, 2, 1, [1, 0]),
                ([7, 3, 9, 4, 8, 5, 6, 2, 1], 2, 2, 1, [2, 0, 1]),
                ([7, 3, 9, 4, 8], 3, 1, 0, [3, 1, 0, 2]),
                ([5, 6, 7], 4, 2, 0, [0]),
            ),
            draw=_draw_stream,
            mistakes=(
                Mistake(
                    "labels unshifted",
                    _(
                        "The targets are the inputs themselves: the model is asked for the token "
                        "that it has in its hand. A target is the token after it."
                    ),
                    _partition_unshifted,
                ),
                Mistake(
                    "shifted the wrong way",
                    _(
                        "Inputs and targets are shifted the wrong way round: the target comes "
                        "after the input in the stream, not before it."
                    ),
                    _partition_shifted_back,
                ),
                Mistake(
                    "the last target is the piece's first token",
                    _(
                        "The last target of a row was taken from the beginning of the same piece. "
                        "It is the token that follows the piece in the stream."
                    ),
                    _partition_rolled,
                ),
                Mistake(
                    "the target is the next piece",
                    _("The targets are a whole piece further on. They are one token further on."),
                    _partition_next_piece,
                ),
                Mistake(
                    "ignores the offset",
                    _(
                        "The offset was ignored: so many tokens at the beginning of the stream are "
                        "skipped."
                    ),
                    _partition_from_zero,
                ),
                Mistake(
                    "ignores the order",
                    _("The pieces stand in the order of the stream. They should follow `order`."),
                    _partition_in_order,
                ),
                Mistake(
                    "reads the order the other way",
                    _(
                        "`order` was read the other way round: its first entry says which piece "
                        "comes first, not where the first piece goes."
                    ),
                    _partition_order_inverted,
                ),
                Mistake(
                    "drops the last, smaller batch",
                    _("Some pieces are lost: the last batch may have fewer rows than the others."),
                    _partition_rest_dropped,
                ),
                Mistake(
                    "overlapping pieces",
                    _(
                        "The pieces overlap: each begins one token after the one before it. It "
                        "should begin where that one ends."
                    ),
                    _partition_overlapping,
                ),
                Mistake(
                    "inputs and targets in two lists",
                    _(
                        "All inputs came back in one list and all targets in another. Asked for is "
                        "one list of batches, and each batch is a pair: (inputs, targets)."
                    ),
                    _partition_in_two_lists,
                ),
                Mistake(
                    "rows one token short",
                    _(
                        "The rows are one token short: the target of a piece's last token was "
                        "looked for inside the piece. The stream goes on behind it."
                    ),
                    _partition_target_cut_off,
                ),
            ),
        ),
    )
