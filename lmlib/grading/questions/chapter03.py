"""The questions of chapter 03, and the goals of the chapter that they check.

- ``03-laplace``: goal 1, turn counts into probabilities, and give the unseen its share without the
  sum leaving one.
- ``03-backoff-context``: goal 2, say which words a context may lose, and in which order.
- ``03-continuation-prob``: goal 3, of how many different contexts a word is the end; the deeper
  page says why Kneser-Ney counts those in place of occurrences.
"""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from itertools import pairwise

import numpy as np

from lmlib.grading.question import Mistake, Question, Variant
from lmlib.ngram import AddK, NgramLM, count_ngrams
from lmlib.ngram.table import NgramTable
from lmlib.text import BOS, EOS, SPECIAL_TOKENS, UNK, TextFormat, Vocab
from lmlib.translation import gettext as _

Row = dict[str, int]
Context = tuple[str, ...]
Sentences = list[list[str]]

# ---------------------------------------------------------------- the references


def _laplace(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    """`AddK(k)` on a text in which the row's words, one a sentence, follow ``<bos>``."""
    vocab = Vocab(vocabulary)
    sentences = [np.array([vocab[token]]) for token, count in row.items() for _time in range(count)]
    context = vocab.bos
    if not sentences:
        sentences, context = [np.array([vocab.unk])], vocab.eos  # nothing ever follows <eos>
    counts = count_ngrams(sentences, vocab, order=2)
    model = NgramLM.from_counts(counts, AddK(k), TextFormat("whitespace"))
    (logprob,) = model.logprobs_after(np.array([[context]]), np.array([vocab[word]]))
    return float(np.exp(logprob))


def _backoff_context(seen: Iterable[Context], history: list[str], order: int) -> Context:
    """The contexts as a model stores them, and the walk from short to long that its `step` takes.

    A model that has seen a context has seen every part of it as a context too, and so has every
    case given.
    """
    words = dict.fromkeys(word for context in seen for word in context)
    vocab = Vocab([*SPECIAL_TOKENS, *(word for word in words if word not in SPECIAL_TOKENS)])
    numbers = [np.array([vocab[word] for word in context], np.int64) for context in seen]
    counts = count_ngrams(numbers, vocab, max(map(len, numbers)), unit="stream")
    window = history[len(history) - min(order - 1, len(history)) :]
    depth = np.zeros(len(window), np.int64)  # how many tokens, itself included, are known up to it
    for i, word in enumerate(window):
        depth[i] = (depth[i - 1] if i else 0) + 1 if word in words else 0
    ids = np.array([vocab[word] for word in window], np.int64)
    found = NgramTable(counts.words, counts.starts).numbers_along(ids[None], depth[None])
    lengths = [k for k in range(1, len(found)) if window and found[k][0, -1] >= 0]
    return tuple(window[len(window) - max(lengths, default=0) :])


def _continuation_prob(sentences: Sentences, word: str) -> float:
    """What unmodified Kneser-Ney counts for single words."""
    vocab = Vocab.build(sentences)
    if word not in vocab:
        return 0.0
    encoded = [np.append(vocab.encode(sentence), vocab.eos) for sentence in sentences]
    left = count_ngrams(encoded, vocab, order=2).left_types[1]  # (V,)
    return float(left[vocab[word]] / left.sum())


# ---------------------------------------------------------------- the cases

_VOCABULARY = [*SPECIAL_TOKENS, "students", "opened", "their", "books", "exams", "petri-dishes"]
_WORDS = "students opened their books exams 吃 面条 披萨 很 好 今天 天气".split()

_PAIRS: list[Context] = [
    (),
    ("the",),
    ("teacher",),
    ("students",),
    ("opened",),
    ("their",),
    ("the", "students"),
    ("the", "teacher"),
    ("students", "opened"),
    ("teacher", "opened"),
    ("opened", "their"),
    ("the", "students", "opened"),
    ("students", "opened", "their"),
]

_TOURIST = [
    ["San", "Francisco"],
    ["in", "San", "Francisco"],
    ["to", "San", "Francisco"],
    ["my", "glasses"],
    ["his", "glasses"],
    ["glasses"],
]


def _draw_row(rng: np.random.Generator, size: int) -> tuple[Row, list[str], str]:
    words = rng.permutation(_WORDS).tolist()
    vocabulary = [*SPECIAL_TOKENS, *words[: 2 + size]]
    can_follow = [token for token in vocabulary if token != BOS]
    followers = rng.permutation(can_follow)[: rng.integers(0, 2 + size)].tolist()
    row = {token: int(rng.integers(1, 3 + 2 * size)) for token in followers}
    kind = rng.random()
    if kind < 0.25:
        word = "laptops"
        if rng.random() < 0.6:
            row[UNK] = int(rng.integers(1, 6))
    elif kind < 0.4:
        word = BOS
    elif kind < 0.75 and row:
        word = str(rng.choice(list(row)))
    else:
        word = str(rng.choice(can_follow))
    return row, vocabulary, word


def _draw_sentences(rng: np.random.Generator, size: int) -> Sentences:
    words = rng.permutation(_WORDS)[: 2 + min(size, 5)]
    weights = 1 / np.arange(1, words.size + 1)
    return [
        rng.choice(words, rng.integers(2, 5 + size // 2), p=weights / weights.sum()).tolist()
        for _sentence in range(1 + size)
    ]


def _draw_history(rng: np.random.Generator, size: int) -> tuple[list[Context], list[str], int]:
    sentences = _draw_sentences(rng, size)
    contexts: dict[Context, None] = {(): None}
    for sentence in sentences:
        tokens = [BOS, *sentence]
        for end in range(1, len(tokens) + 1):
            for length in range(1, min(end, 3) + 1):
                contexts[tuple(tokens[end - length : end])] = None
    seen = sorted(contexts, key=len)
    history = [BOS, *sentences[int(rng.integers(len(sentences)))]]
    history = history[: int(rng.integers(3, len(history) + 1))]
    kind = rng.random()
    if kind < 0.05:
        return seen, history, 1
    if kind < 0.25:
        return seen, history, int(rng.integers(2, 5))
    if kind < 0.45:  # the beginning of a text
        return seen, history[: int(rng.choice([0, 1, 2, 2]))], int(rng.integers(3, 5))
    history[-int(rng.choice([1, 2, 2, 2, 3, 3, 3, 3]))] = "proctor"  # never seen
    return seen, history, 4


def _draw_continuation(rng: np.random.Generator, size: int) -> tuple[Sentences, str]:
    sentences = _draw_sentences(rng, size)
    if rng.random() < 0.5:
        for sentence in sentences[1:]:
            sentence.extend(["San", "Francisco"])
    said = list(dict.fromkeys(word for sentence in sentences for word in sentence))
    kind = rng.random()
    word = EOS if kind < 0.15 else "proctor" if kind < 0.3 else str(rng.choice(said))
    return sentences, word


# ---------------------------------------------------------------- the mistakes


def _read(vocabulary: list[str], word: str) -> str:
    return word if word in vocabulary else UNK


def _laplace_with(
    row: Row, vocabulary: list[str], word: str, size: float, k: float, more: int = 0
) -> float:
    """Add-k with another V, or with something more below the line."""
    if word == BOS:
        return 0.0
    return (row.get(_read(vocabulary, word), 0) + k) / (sum(row.values()) + k * size + more)


def _laplace_by_hand(row: Row, vocabulary: list[str], word: str, k: float) -> float:
    """What `_laplace` gives, sooner."""
    return _laplace_with(row, vocabulary, word, len(vocabulary) - 1, k)


def _laplace_seen_types(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    return _laplace_with(row, vocabulary, word, len(row), k)


def _laplace_with_bos(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    return _laplace_with(row, vocabulary, word, len(vocabulary), k)


def _laplace_words_alone(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    return _laplace_with(row, vocabulary, word, len(vocabulary) - len(SPECIAL_TOKENS), k)


def _laplace_one_below(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    return _laplace_with(row, vocabulary, word, 1, k)


def _laplace_unseen_alone(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    if word == BOS:
        return 0.0
    count = row.get(_read(vocabulary, word), 0)
    return (count or k) / (sum(row.values()) + k * (len(vocabulary) - 1))


def _laplace_unknown_unread(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    if word == BOS:
        return 0.0
    return (row.get(word, 0) + k) / (sum(row.values()) + k * (len(vocabulary) - 1))


def _laplace_unknown_zero(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    return _laplace_by_hand(row, vocabulary, word, k) if word in vocabulary else 0.0


def _laplace_bos_predicted(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    count = row.get(_read(vocabulary, word), 0)
    return (count + k) / (sum(row.values()) + k * (len(vocabulary) - 1))


def _laplace_types_below(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    more = len(row) - sum(row.values())
    return _laplace_with(row, vocabulary, word, len(vocabulary) - 1, k, more)


def _laplace_unseen_zero(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    return _laplace_by_hand(row, vocabulary, word, k) if row else 0.0


def _laplace_whole_numbers(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    return _laplace_by_hand(row, vocabulary, word, k) // 1


def _laplace_relative_frequency(row: Row, vocabulary: list[str], word: str, k: float = 1) -> float:
    return row.get(_read(vocabulary, word), 0) / sum(row.values()) if row else 0.0


def _laplace_ones_below(row: Row, vocabulary: list[str], word: str, k: float) -> float:
    return _laplace_with(row, vocabulary, word, (len(vocabulary) - 1) / k, k)


def _laplace_one_above(row: Row, vocabulary: list[str], word: str, k: float) -> float:
    if word == BOS:
        return 0.0
    count = row.get(_read(vocabulary, word), 0)
    return (count + 1) / (sum(row.values()) + k * (len(vocabulary) - 1))


def _last(history: list[str], length: int) -> Context:
    return tuple(history[max(len(history) - length, 0) :])


def _shorten(seen: Iterable[Context], context: Context) -> Context:
    while context and context not in seen:
        context = context[1:]
    return context


def _backoff_nearest(seen: list[Context], history: list[str], order: int) -> Context:
    context = _last(history, order - 1)
    while context and context not in seen:
        context = context[:-1]
    return context


def _backoff_one_too_many(seen: list[Context], history: list[str], order: int) -> Context:
    return _shorten(seen, _last(history, order))


def _backoff_one_too_few(seen: list[Context], history: list[str], order: int) -> Context:
    return _shorten(seen, _last(history, max(order - 2, 0)))


def _backoff_all_at_order_one(seen: list[Context], history: list[str], order: int) -> Context:
    return _shorten(seen, tuple(history[-(order - 1) :]))


def _backoff_at_once(seen: list[Context], history: list[str], order: int) -> Context:
    context = _last(history, order - 1)
    return context if context in seen else ()


def _backoff_shortest(seen: list[Context], history: list[str], order: int) -> Context:
    for length in range(1, min(order - 1, len(history)) + 1):
        if _last(history, length) in seen:
            return _last(history, length)
    return ()


def _backoff_nothing(seen: list[Context], history: list[str], order: int) -> Context:
    return ()


def _backoff_unasked(seen: list[Context], history: list[str], order: int) -> Context:
    return _last(history, order - 1)


def _backoff_whole_history(seen: list[Context], history: list[str], order: int) -> Context:
    return _shorten(seen, tuple(history))


def _backoff_reversed(seen: list[Context], history: list[str], order: int) -> Context:
    return _shorten(seen, _last(history, order - 1))[::-1]


def _backoff_full_window_only(seen: list[Context], history: list[str], order: int) -> Context:
    return _shorten(seen, _last(history, order - 1)) if len(history) >= order - 1 else ()


def _backoff_from_the_beginning(seen: list[Context], history: list[str], order: int) -> Context:
    return _shorten(seen, tuple(history[: order - 1]))


def _backoff_one_word_only(seen: list[Context], history: list[str], order: int) -> Context:
    context = _last(history, order - 1)
    return context if context in seen else _shorten(seen, context[-1:])


def _neighbours(sentences: Sentences, begin: bool = True, end: bool = True) -> list[Context]:
    """All pairs of neighbours, with the marks or without."""
    marked = [[BOS] * begin + sentence + [EOS] * end for sentence in sentences]
    return [pair for tokens in marked for pair in pairwise(tokens)]


def _share(pairs: Iterable[Context], word: str, total: int | None = None) -> float:
    """The share of the pairs that end in a word."""
    ends = [after for _before, after in pairs]
    return ends.count(word) / (len(ends) if total is None else total) if ends else 0.0


def _continuation_of_tokens(sentences: Sentences, word: str) -> float:
    return _share(_neighbours(sentences), word)


def _continuation_to_the_right(sentences: Sentences, word: str) -> float:
    return _share({(after, before) for before, after in _neighbours(sentences)}, word)


def _continuation_over_words(sentences: Sentences, word: str) -> float:
    pairs = set(_neighbours(sentences))
    return _share(pairs, word, len({after for _before, after in pairs}))


def _continuation_over_tokens(sentences: Sentences, word: str) -> float:
    pairs = _neighbours(sentences)
    return _share(set(pairs), word, len(pairs))


def _continuation_without_bos(sentences: Sentences, word: str) -> float:
    return _share(set(_neighbours(sentences, begin=False)), word)


def _continuation_without_eos(sentences: Sentences, word: str) -> float:
    return _share(set(_neighbours(sentences, end=False)), word)


def _continuation_without_marks(sentences: Sentences, word: str) -> float:
    return _share(set(_neighbours(sentences, begin=False, end=False)), word)


def _continuation_across(sentences: Sentences, word: str) -> float:
    stream = [BOS, *(token for sentence in sentences for token in [*sentence, EOS])]
    return _share(set(pairwise(stream)), word)


def _continuation_across_bos(sentences: Sentences, word: str) -> float:
    stream = [token for sentence in sentences for token in [BOS, *sentence, EOS]]
    return _share(set(pairwise(stream)), word)


def _continuation_of_holding_pairs(sentences: Sentences, word: str) -> float:
    pairs = set(_neighbours(sentences))
    return sum(word in pair for pair in pairs) / len(pairs)


def _continuation_raising(sentences: Sentences, word: str) -> float:
    pairs = set(_neighbours(sentences))
    return dict(Counter(after for _before, after in pairs))[word] / len(pairs)


def _continuation_count(sentences: Sentences, word: str) -> float:
    return float(_share(set(_neighbours(sentences)), word, 1))


# ---------------------------------------------------------------- the variants


def _laplace_variant(
    name: str, k: float, worked: tuple[tuple[Row, list[str], str], ...], mistakes: Iterable[Mistake]
) -> Variant:
    """``03-laplace`` with another number added: the public mistakes made with k, and its own."""
    own = {
        "one below the line": _(
            "Below the line k was added once. But each of the V tokens got k, and the sum over "
            "them has to come to 1."
        ),
        "one for the unseen alone": _(
            "Only unseen words got something. Every token gets k, seen or not."
        ),
    }
    task = _(
        "**In this course** every token gets {k} in place of 1, and together they still sum to 1. "
        "In the example above *books* then has the probability {books}/{all}, and each of the "
        "other seven {k}/{all}. Nothing else is different."
    )
    return Variant(
        name,
        task.format(k=f"{k:g}", books=f"{3 + k:g}", all=f"{6 + 10 * k:g}"),
        partial(_laplace, k=k),
        worked,
        (
            Mistake(
                "adds one: the public book's answer",
                _(
                    "This is what the public book asks, which adds 1. Here every token gets {k}."
                ).format(k=f"{k:g}"),
                _laplace,
            ),
            *(
                Mistake(one.name, own.get(one.name, one.hint), partial(one.answer, k=k))
                for one in mistakes
            ),
            Mistake(
                "V below the line",
                _(
                    "Above the line each token got k, and below it 1 for each of them: then they "
                    "do not sum to 1."
                ),
                partial(_laplace_ones_below, k=k),
            ),
            Mistake(
                "one above the line",
                _("Below the line each token got k, and above it 1: then they do not sum to 1."),
                partial(_laplace_one_above, k=k),
            ),
        ),
    )


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 03, in the reader's language."""
    of_unknown = _(
        "A word outside the vocabulary is read as <unk>: it has the probability that <unk> has "
        "after this context."
    )
    of_shortest = _(
        "The shortest context that was seen was taken. The longest one knows more: ask it first."
    )
    of_sentences = _(
        "The sentences were joined, so that the beginning of one has the end of another before it. "
        "Each sentence begins anew, with <bos>, which itself comes after nothing."
    )
    laplace_worked: tuple[tuple[Row, list[str], str], ...] = (
        ({}, _VOCABULARY, "books"),
        ({"books": 3, "exams": 2}, _VOCABULARY, "books"),
        ({"books": 3, "exams": 2}, _VOCABULARY, "petri-dishes"),
        ({"books": 3, EOS: 2}, _VOCABULARY, EOS),
        ({"books": 3, "exams": 2}, _VOCABULARY, BOS),
        ({"books": 1, UNK: 2}, _VOCABULARY, "laptops"),
    )
    laplace_mistakes = (
        Mistake(
            "divides to a whole number",
            _("// divides and throws away what is behind the point: use /."),
            _laplace_whole_numbers,
        ),
        Mistake(
            "V = seen types",
            _(
                "V is the number of tokens that can come next. Here the words seen after "
                "this context were counted, and the unseen have nothing left."
            ),
            _laplace_seen_types,
        ),
        Mistake(
            "V with <bos>",
            _("V is one too large: <bos> never comes next."),
            _laplace_with_bos,
        ),
        Mistake(
            "V without the marks",
            _("V is two too small: <unk> and <eos> can come next, like words."),
            _laplace_words_alone,
        ),
        Mistake(
            "one below the line",
            _(
                "Below the line stands one more than C(h). But each of the V tokens got "
                "one, and the sum over them has to come to 1."
            ),
            _laplace_one_below,
        ),
        Mistake(
            "one for the unseen alone",
            _("Only unseen words got their one. Every token gets it, seen or not."),
            _laplace_unseen_alone,
        ),
        Mistake("a new word is not read as <unk>", of_unknown, _laplace_unknown_unread),
        Mistake("a new word gets 0", of_unknown, _laplace_unknown_zero),
        Mistake(
            "<bos> is predicted",
            _("<bos> got a probability above zero. It never comes next."),
            _laplace_bos_predicted,
        ),
        Mistake(
            "C counts types",
            _(
                "C(h) is how often anything followed: the sum of the counts, not the "
                "number of different words."
            ),
            _laplace_types_below,
        ),
        Mistake(
            "an unseen context gives 0",
            _(
                "After a context that was never seen something has to follow too: each of "
                "the V tokens is equally probable there."
            ),
            _laplace_unseen_zero,
        ),
        Mistake(
            "nothing added",
            _("This is the relative frequency: nothing was given to the unseen."),
            _laplace_relative_frequency,
        ),
    )
    return (
        Question(
            "03-laplace",
            "laplace",
            _laplace,
            worked=laplace_worked,
            draw=_draw_row,
            mistakes=laplace_mistakes,
            variants=tuple(
                _laplace_variant(name, k, laplace_worked, laplace_mistakes)
                for name, k in {"half": 0.5, "quarter": 0.25, "two": 2.0}.items()
            ),
        ),
        Question(
            "03-backoff-context",
            "backoff_context",
            _backoff_context,
            worked=(
                ([(), ("opened",)], ["opened"], 1),
                ([(), ("opened",)], ["opened"], 2),
                ([(), ("opened",)], ["closed"], 2),
                (_PAIRS, ["the", "students"], 4),
                (_PAIRS, ["the", "door"], 3),
                (_PAIRS, ["the", "students", "opened", "their"], 3),
                (_PAIRS, ["the", "students", "opened", "their"], 4),
                (_PAIRS, ["the", "teacher", "opened", "their"], 4),
                (_PAIRS, [], 3),
            ),
            draw=_draw_history,
            mistakes=(
                Mistake(
                    "drops the nearest word",
                    _(
                        "The nearest word was dropped. It says most about what comes next: the "
                        "farthest is the one to forget."
                    ),
                    _backoff_nearest,
                ),
                Mistake(
                    "sees n words",
                    _(
                        "The context is one word too long. A model of order n sees n - 1 words: "
                        "the n-th is the one that is predicted."
                    ),
                    _backoff_one_too_many,
                ),
                Mistake(
                    "sees n - 2 words",
                    _("The context is one word too short. A model of order n sees n - 1 words."),
                    _backoff_one_too_few,
                ),
                Mistake(
                    "order 1 sees everything",
                    _(
                        "A model of order 1 sees nothing. Look at what a slice that begins at -0 "
                        "gives."
                    ),
                    _backoff_all_at_order_one,
                ),
                Mistake(
                    "gives up at once",
                    _(
                        "Where the longest context was never seen, all of it was given up. Forget "
                        "one word at a time."
                    ),
                    _backoff_at_once,
                ),
                Mistake("begins with the shortest", of_shortest, _backoff_shortest),
                Mistake(
                    "begins with the empty context",
                    _(
                        "The empty context came back where a longer one was seen. Is the longest "
                        "asked first, and as a tuple? A list is never among the tuples of `seen`."
                    ),
                    _backoff_nothing,
                ),
                Mistake(
                    "never asks whether it was seen",
                    _("This context was never seen, so nothing can be asked of it."),
                    _backoff_unasked,
                ),
                Mistake(
                    "ignores the order",
                    _(
                        "The order was ignored: the context may not be longer than what the model "
                        "sees, however long the history is."
                    ),
                    _backoff_whole_history,
                ),
                Mistake(
                    "turned round",
                    _("The words of the context stand in reverse. Keep the order of the text."),
                    _backoff_reversed,
                ),
                Mistake(
                    "a short history sees nothing",
                    _(
                        "At the beginning of a text the history is shorter than n - 1. What there "
                        "is of it can still be used."
                    ),
                    _backoff_full_window_only,
                ),
                Mistake(
                    "takes the first words",
                    _(
                        "The context was taken from the beginning of the history. The words next "
                        "to the one that is predicted are its last."
                    ),
                    _backoff_from_the_beginning,
                ),
                Mistake(
                    "falls to a single word at once",
                    _(
                        "Between the longest context and a single word there are others. Forget "
                        "one word at a time."
                    ),
                    _backoff_one_word_only,
                ),
            ),
        ),
        Question(
            "03-continuation-prob",
            "continuation_prob",
            _continuation_prob,
            worked=(
                ([["吃"]], "吃"),
                ([["吃"], ["吃"]], "吃"),
                ([["吃"], ["很", "好"]], EOS),
                (_TOURIST, "Francisco"),
                (_TOURIST, "glasses"),
                (_TOURIST, "proctor"),
                ([["he", "she"]], "he"),
                ([["好", "很好"]], "好"),
                ([["a", "b c"], ["a b", "c"]], "c"),
                (_TOURIST, BOS),
            ),
            draw=_draw_continuation,
            mistakes=(
                Mistake(
                    "pairs that hold the word anywhere",
                    _("Pairs that begin with the word were counted too. Only their ends count."),
                    _continuation_of_holding_pairs,
                ),
                Mistake(
                    "tokens, not types",
                    _(
                        "This counts how often the word occurs. A pair that occurs ten times is "
                        "still one neighbour: count different words before it."
                    ),
                    _continuation_of_tokens,
                ),
                Mistake(
                    "right neighbours",
                    _(
                        "This counts what follows the word. How ready it is to occur in a new "
                        "place is told by what stands before it."
                    ),
                    _continuation_to_the_right,
                ),
                Mistake(
                    "divides by the number of words",
                    _(
                        "Below the line stands the number of different words. It is the number of "
                        "different pairs, or the probabilities do not sum to 1."
                    ),
                    _continuation_over_words,
                ),
                Mistake(
                    "divides by all pairs",
                    _(
                        "Above the line each pair counts once, below it as often as it occurs. "
                        "Count different pairs in both places."
                    ),
                    _continuation_over_tokens,
                ),
                Mistake(
                    "no <bos>",
                    _("<bos> is missing: it stands before the first word, as a neighbour."),
                    _continuation_without_bos,
                ),
                Mistake(
                    "no <eos>",
                    _("<eos> is missing: it comes after the last word, and is counted like one."),
                    _continuation_without_eos,
                ),
                Mistake(
                    "no marks",
                    _(
                        "The marks are missing: each sentence begins with <bos>, and ends with "
                        "<eos>."
                    ),
                    _continuation_without_marks,
                ),
                Mistake("pairs across sentences", of_sentences, _continuation_across),
                Mistake("<bos> after <eos>", of_sentences, _continuation_across_bos),
                Mistake(
                    "raises for a new word",
                    _("A word that never occurs follows nothing: its probability is 0."),
                    _continuation_raising,
                ),
                Mistake(
                    "does not divide",
                    _(
                        "This is the number of different words before it. To be a probability it "
                        "is divided by that number for all words together."
                    ),
                    _continuation_count,
                ),
            ),
        ),
    )
