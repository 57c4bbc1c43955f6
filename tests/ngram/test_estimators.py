"""Every smoothing against its own formula, worked by hand and computed from plain dictionaries."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmlib import corpora
from lmlib.errors import InputError
from lmlib.language_model import score
from lmlib.ngram import (
    MLE,
    SMOOTHINGS,
    AddK,
    Estimator,
    Interpolated,
    Katz,
    KneserNey,
    ModifiedKneserNey,
    NgramLM,
    StupidBackoff,
    WittenBell,
    train_ngram,
)
from lmlib.text import TextFormat, Vocab

SENTENCE = TextFormat("whitespace", "sentence")
UNITS = ["sentence", "stream"]
Context = tuple[str, ...]


def rows_after(model: NgramLM, contexts: Sequence[Context]) -> np.ndarray:
    """(N, V): ln P of every token after each context, by `step` alone.

    The contexts are of one length; in a sentence they begin with ``<bos>`` or are long enough to
    fill the state. An empty one is a stream's beginning, or a unigram model's only context.
    """
    read = [context or ("<bos>",) for context in contexts]
    state = model.initial_state(len(read))
    for column in zip(*read, strict=True):
        tokens = [model.vocab.tokens.index(token) for token in column]
        logprobs, state = model.step(tokens, state)
    return logprobs


def probability(model: NgramLM, word: str, *context: str) -> float:
    (row,) = rows_after(model, [context])
    return math.exp(row[model.vocab.tokens.index(word)])


def all_contexts(model: NgramLM) -> list[list[Context]]:
    """Every context that can be asked about, seen or not, in groups of one length."""
    tokens = [token for token in model.vocab.tokens if token != "<bos>"]
    longest = list(itertools.product(tokens, repeat=model.order - 1))
    if model.text_format.unit == "stream":
        return [list(itertools.product(tokens, repeat=k)) for k in range(model.order)]
    begun = [
        [("<bos>", *rest) for rest in itertools.product(tokens, repeat=k)]
        for k in range(model.order - 1)
    ]
    return [*begun, longest]


# ---------------------------------------------------------------- the same from dictionaries


class Followers:
    """What follows what, in a text: counts as one would write them on paper."""

    def __init__(self, text: str, order: int, text_format: TextFormat) -> None:
        self.order, self.unit = order, text_format.unit
        sequences = text_format.split(text)
        self.after: defaultdict[Context, Counter[str]] = defaultdict(Counter)
        self.left: defaultdict[Context, set[str]] = defaultdict(set)  # what stands before an n-gram
        words = {"<unk>"}
        for tokens in sequences:
            if self.unit == "sentence":
                tokens = ["<bos>", *tokens, "<eos>"]
            first = 1 if self.unit == "sentence" else 0  # <bos> is read, never predicted
            for end in range(first, len(tokens)):
                words.add(tokens[end])
                for start in range(max(0, end - order + 1), end + 1):
                    self.after[tuple(tokens[start:end])][tokens[end]] += 1
                    # in a stream its beginning is one more thing that can stand on the left
                    before = tokens[start - 1] if start else "the beginning"
                    self.left[tuple(tokens[start : end + 1])].add(before)
        self.size = len(words)  # V: what can come next, <unk> with it
        self.words = words

    def context(self, context: Context) -> Context:
        return context[max(0, len(context) - self.order + 1) :]

    def continuations(self, context: Context) -> Counter[str]:
        """What Kneser-Ney counts after a context: occurrences at the top, left neighbours below."""
        followers = self.after.get(context, Counter())
        if len(context) == self.order - 1 or context[:1] == ("<bos>",):
            return followers
        return Counter({word: len(self.left[(*context, word)]) for word in followers})


def mle(counts: Followers, word: str, context: Context) -> float:
    followers = counts.after.get(context, Counter())
    return followers[word] / followers.total() if followers else math.nan


def add_k(counts: Followers, word: str, context: Context, k: float) -> float:
    followers = counts.after.get(context, Counter())
    return (followers[word] + k) / (followers.total() + k * counts.size)


def stupid_backoff(counts: Followers, word: str, context: Context, factor: float) -> float:
    followers = counts.after.get(context, Counter())
    if followers[word]:
        return followers[word] / followers.total()
    return factor * (
        stupid_backoff(counts, word, context[1:], factor) if context else 1 / counts.size
    )


def witten_bell(counts: Followers, word: str, context: Context) -> float:
    lower = witten_bell(counts, word, context[1:]) if context else 1 / counts.size
    followers = counts.after.get(context, Counter())
    if not followers:
        return lower
    kinds = len(followers)
    return (followers[word] + kinds * lower) / (followers.total() + kinds)


def interpolated(
    counts: Followers, word: str, context: Context, weights: Sequence[Sequence[float]]
) -> float:
    lower = interpolated(counts, word, context[1:], weights) if context else 1 / counts.size
    followers = counts.after.get(context, Counter())
    if not followers:
        return lower
    table = weights[len(context)]
    share = table[min(int(math.log2(followers.total())), len(table) - 1)]
    return share * followers[word] / followers.total() + (1 - share) * lower


def kneser_ney(
    counts: Followers, word: str, context: Context, discounts: Sequence[Sequence[float]]
) -> float:
    if context:
        lower = kneser_ney(counts, word, context[1:], discounts)
    elif counts.after[()]["<unk>"]:  # a word of the text and the unseen word share one name
        lower = (2 if word == "<unk>" else 1) / (counts.size + 1)
    else:
        lower = 1 / counts.size
    followers = counts.continuations(context)
    if not followers:
        return lower
    table = discounts[len(context)]  # D(1), D(2), …, of n-grams one longer than the context

    def discount(count: int) -> float:
        return table[min(count, len(table)) - 1] if count else 0.0

    freed = sum(discount(count) for count in followers.values())
    kept = followers[word] - discount(followers[word])
    return (kept + freed * lower) / followers.total()


def good_turing(counts: Followers, length: int) -> list[float] | None:
    """d(1) … d(5) of Katz for the n-grams after contexts of this length; None where it fails."""
    t = Counter(
        count
        for context, followers in counts.after.items()
        if len(context) == length
        for count in followers.values()
    )
    if not all(t[c] for c in range(1, 6)):
        return None
    m = 6 * t[6] / t[1]
    if m == 1:
        return None
    ratios = [((c + 1) * t[c + 1] / (c * t[c]) - m) / (1 - m) for c in range(1, 6)]
    return ratios if all(0 < ratio < 1 for ratio in ratios) else None


@lru_cache(maxsize=20_000)
def katz(
    counts: Followers, word: str, context: Context, ratios: tuple[tuple[float, ...], ...]
) -> float:
    followers = counts.after.get(context, Counter())
    if not followers:
        return katz(counts, word, context[1:], ratios)
    table, complete = ratios[len(context)], len(followers) == counts.size
    kept = {w: c * table[c - 1] if c <= 5 else float(c) for w, c in followers.items()}
    total = followers.total()
    if complete and context:  # nobody to give to
        kept = dict(followers)
    elif not complete and sum(kept.values()) > total - 1e-9:  # nothing to give away
        total += 1
    free = 1 - sum(kept.values()) / total
    if word in kept:  # what unigrams free where none is unseen ends in the uniform
        return kept[word] / total + (free / counts.size if complete and not context else 0)
    if not context:
        return free / (counts.size - len(followers))
    rest = 1 - sum(katz(counts, w, context[1:], ratios) for w in followers)
    return free / rest * katz(counts, word, context[1:], ratios)


def occurrences(counts: Followers, length: int, continuations: bool = False) -> Counter[int]:
    """t: how many n-grams after contexts of this length have the count 1, 2, …"""
    return Counter(
        count
        for context, followers in list(counts.after.items())
        if len(context) == length
        for count in (counts.continuations(context) if continuations else followers).values()
    )


def katz_ratios(counts: Followers, length: int) -> tuple[tuple[float, ...], bool]:
    """d(1) … d(5), and whether they are those of Good and Turing."""
    t = occurrences(counts, length)
    if all(t[c] for c in range(1, 6)) and t[1] != 6 * t[6]:
        m = 6 * t[6] / t[1]
        ratios = tuple(((c + 1) * t[c + 1] / (c * t[c]) - m) / (1 - m) for c in range(1, 6))
        if all(0 < ratio < 1 for ratio in ratios):
            return ratios, True
    single = min(t[1] / (t[1] + 2 * t[2]), 0.99) if t[1] else 0.5  # a count keeps a hundredth
    return tuple((c - single) / c for c in range(1, 6)), False


def formula_of(model: NgramLM, counts: Followers) -> Callable[[str, Context], float]:
    """The smoothing that a model was trained with, from dictionaries."""
    summary = model.summary
    ratios = tuple(katz_ratios(counts, length)[0] for length in range(model.order))
    formulas: dict[str, Callable[[str, Context], float]] = {
        "mle": lambda word, context: mle(counts, word, context),
        "add-k": lambda word, context: add_k(counts, word, context, 1.0),
        "stupid-backoff": lambda word, context: stupid_backoff(counts, word, context, 0.4),
        "katz": lambda word, context: katz(counts, word, context, ratios),
        "interpolated": lambda word, context: interpolated(
            counts, word, context, summary["weights"]
        ),
        "witten-bell": lambda word, context: witten_bell(counts, word, context),
        "kneser-ney": lambda word, context: kneser_ney(counts, word, context, summary["discounts"]),
        "modified-kneser-ney": lambda word, context: kneser_ney(
            counts, word, context, summary["discounts"]
        ),
    }
    return formulas[summary["smoothing"]]


def check_every_context(model: NgramLM, text: str) -> None:
    counts = Followers(text, model.order, model.text_format)
    formula = formula_of(model, counts)
    words = sorted(counts.words)
    columns = [model.vocab[word] for word in words]
    for group in all_contexts(model):
        for context, row in zip(group, np.exp(rows_after(model, group)), strict=True):
            expected = [formula(word, context) for word in words]
            np.testing.assert_allclose(row[columns], expected, rtol=1e-9, err_msg=f"{context}")


# Few letters, so that contexts repeat; short texts, so that most contexts are unseen.
texts = st.lists(
    st.lists(st.sampled_from("a a a b b <unk>".split()), max_size=7).map(" ".join),
    min_size=1,
    max_size=8,
).map(lambda lines: "\n".join(lines) + "\n")
orders = st.integers(1, 4)


def train(text: str, order: int, name: str, unit: str, valid: str = "a b\n") -> NgramLM:
    return train_ngram(text, order, SMOOTHINGS[name](), TextFormat("whitespace", unit), valid=valid)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", SMOOTHINGS)
@given(texts, orders, texts)
@settings(deadline=None, max_examples=40)
def test_every_probability_is_that_of_its_formula(
    name: str, unit: str, text: str, order: int, valid: str
) -> None:
    check_every_context(train(text, order, name, unit, valid), text)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", [name for name in SMOOTHINGS if name != "stupid-backoff"])
@given(texts, orders, texts)
@settings(deadline=None, max_examples=40)
def test_probabilities_sum_to_one_in_every_context(
    name: str, unit: str, text: str, order: int, valid: str
) -> None:
    model = train(text, order, name, unit, valid)
    assert model.normalised
    counts = Followers(text, order, model.text_format)
    for group in all_contexts(model):
        rows = np.exp(rows_after(model, group))
        for context, row in zip(group, rows, strict=True):
            if name == "mle" and context not in counts.after:
                assert np.isnan(row).all(), context  # 0/0, and said so in every entry
            else:
                assert row.sum() == pytest.approx(1, abs=1e-9), context


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", SMOOTHINGS)
@given(texts, orders)
@example("a a\na a a a a b a\n", 3)  # a modified discount of exactly 0
@settings(deadline=None, max_examples=10)
def test_bos_is_never_predicted_nor_a_streams_eos(
    name: str, unit: str, text: str, order: int
) -> None:
    model = train(text, order, name, unit)
    never = [model.vocab.bos] + ([model.vocab.eos] if unit == "stream" else [])
    can_come = [i for i in range(len(model.vocab)) if i not in never]
    for group in all_contexts(model):
        rows = rows_after(model, group)
        rows = rows[~np.isnan(rows).all(axis=1)]  # MLE in unseen contexts
        assert (rows[:, never] == -np.inf).all()
        if name != "mle":
            assert np.isfinite(rows[:, can_come]).all()


# ---------------------------------------------------------------- worked by hand

# Two words follow "a" once each, two sentences begin with "a" and one with "b":
#   <bos> a 2   <bos> b 1   a b 1   a c 1   b <eos> 2   c <eos> 1      a 2  b 2  c 1  <eos> 3
# N = 8 tokens are predicted, V = 5 can be: a, b, c, <eos>, <unk>.
SMALL = "a b\na c\nb\n"


def small(smoothing: Estimator) -> NgramLM:
    return train_ngram(SMALL, 2, smoothing, SENTENCE)


def test_maximum_likelihood_by_hand() -> None:
    model = small(MLE())
    assert probability(model, "a", "<bos>") == pytest.approx(2 / 3)
    assert probability(model, "b", "a") == pytest.approx(1 / 2)
    assert probability(model, "<eos>", "b") == pytest.approx(1)
    assert probability(model, "a", "a") == 0
    assert math.isnan(probability(model, "a", "<unk>"))
    unigrams = train_ngram(SMALL, 1, MLE(), SENTENCE)
    assert probability(unigrams, "<eos>") == pytest.approx(3 / 8)
    # P(a b) = P(a | <bos>) P(b | a) P(<eos> | b) = 2/3 · 1/2 · 1
    assert score(model, "a b\n").logprob == pytest.approx(math.log(1 / 3))


def test_laplace_by_hand() -> None:
    model = small(AddK())
    assert probability(model, "a", "<bos>") == pytest.approx((2 + 1) / (3 + 5))
    assert probability(model, "<unk>", "a") == pytest.approx((0 + 1) / (2 + 5))
    assert probability(model, "a", "<unk>") == pytest.approx(1 / 5)  # unseen context: uniform
    model = small(AddK(0.1))
    assert probability(model, "a", "<bos>") == pytest.approx((2 + 0.1) / (3 + 0.5))
    assert probability(model, "c", "<bos>") == pytest.approx(0.1 / 3.5)


def test_witten_bell_by_hand() -> None:
    model = small(WittenBell())
    # four kinds of token among eight: P(w) = (c + 4/5) / (8 + 4)
    a, b, unknown = 2.8 / 12, 2.8 / 12, 0.8 / 12
    # after "a" two kinds among two: P(w | a) = (c + 2 P(w)) / (2 + 2)
    assert probability(model, "b", "a") == pytest.approx((1 + 2 * b) / 4)
    assert probability(model, "a", "a") == pytest.approx(2 * a / 4)
    assert probability(model, "<unk>", "a") == pytest.approx(2 * unknown / 4)
    assert probability(model, "a", "<unk>") == pytest.approx(a)  # unseen context: the unigram


def test_stupid_backoff_by_hand() -> None:
    model = small(StupidBackoff())
    assert not model.normalised
    assert probability(model, "b", "a") == pytest.approx(1 / 2)
    assert probability(model, "a", "a") == pytest.approx(0.4 * 2 / 8)
    assert probability(model, "<unk>", "a") == pytest.approx(0.4 * 0.4 * 1 / 5)
    assert probability(model, "a", "<unk>") == pytest.approx(0.4 * 2 / 8)
    assert probability(small(StupidBackoff(0.1)), "a", "a") == pytest.approx(0.1 * 2 / 8)


def test_interpolation_by_hand() -> None:
    # λ of the unigrams by magnitude (8 tokens: the fourth), then of contexts seen 1, 2-3 times
    model = small(Interpolated(weights=[[0, 0, 0, 0.9], [0.2, 0.6]]))
    b, end = 0.9 * 2 / 8 + 0.1 / 5, 0.9 * 3 / 8 + 0.1 / 5
    assert probability(model, "b", "a") == pytest.approx(0.6 * 1 / 2 + 0.4 * b)  # a: twice
    assert probability(model, "<eos>", "c") == pytest.approx(0.2 * 1 + 0.8 * end)  # c: once
    assert probability(model, "b", "<unk>") == pytest.approx(b)


def test_kneser_ney_by_hand() -> None:
    # t1 = 4, t2 = 2 bigrams: D = 4 / (4 + 2·2) = 1/2.
    # Left neighbours: a 1 (<bos>), b 2 (<bos>, a), c 1 (a), <eos> 2 (b, c): 6 kinds of bigram.
    # Of them two occur once and two twice: D = 2 / (2 + 2·2) = 1/3 for the unigrams.
    model = small(KneserNey())
    assert np.concatenate(model.summary["discounts"]) == pytest.approx([1 / 3, 1 / 2])
    freed = 4 * (1 / 3) / 6
    a, b = (1 - 1 / 3) / 6 + freed / 5, (2 - 1 / 3) / 6 + freed / 5
    assert probability(model, "b", "a") == pytest.approx((1 - 1 / 2) / 2 + (2 * 1 / 2 / 2) * b)
    assert probability(model, "a", "a") == pytest.approx((2 * 1 / 2 / 2) * a)
    assert probability(model, "b", "<unk>") == pytest.approx(b)
    # "b" and "a" are equally frequent, but "b" follows more kinds of token
    assert b > a


def test_kneser_ney_asks_for_kinds_not_for_frequency() -> None:
    # "francisco" is frequent and follows "san" alone; "tea" is rare and follows anything.
    text = "san francisco\n" * 20 + "green tea\nblack tea\nhot tea\n"
    model = train_ngram(text, 2, KneserNey(), SENTENCE)
    assert probability(model, "tea", "<unk>") > probability(model, "francisco", "<unk>")
    model = train_ngram(text, 2, WittenBell(), SENTENCE)
    assert probability(model, "tea", "<unk>") < probability(model, "francisco", "<unk>")


# ---------------------------------------------------------------- discounts


@pytest.fixture(scope="module")
def emma() -> str:
    return corpora.load("emma").train[:60_000]


def test_modified_kneser_ney_estimates_its_discounts_from_counts_of_counts(emma: str) -> None:
    model = train_ngram(emma, 3, ModifiedKneserNey())
    counts = Followers(emma, 3, model.text_format)
    assert model.summary["discounts_fell_back_in_orders"] == []
    for order in (1, 2, 3):
        t = occurrences(counts, order - 1, continuations=True)
        y = t[1] / (t[1] + 2 * t[2])
        expected = [j - (j + 1) * y * t[j + 1] / t[j] for j in (1, 2, 3)]
        # KenLM's own reading of one n-gram (see `_last_by_suffix`) may move one t by one
        assert model.summary["discounts"][order - 1] == pytest.approx(expected, rel=0.05)
    t = occurrences(counts, 2)  # which does not touch the highest order
    y = t[1] / (t[1] + 2 * t[2])
    expected = [j - (j + 1) * y * t[j + 1] / t[j] for j in (1, 2, 3)]
    assert model.summary["discounts"][2] == pytest.approx(expected, rel=1e-12)


def test_discounts_that_cannot_be_estimated_fall_back() -> None:
    model = train_ngram("a b\n" * 4, 2, ModifiedKneserNey(), SENTENCE)  # nothing occurs once
    assert model.summary["discounts"][1] == [0.5, 1.0, 1.5]
    assert 2 in model.summary["discounts_fell_back_in_orders"]
    model = train_ngram("a b\n" * 4, 2, KneserNey(), SENTENCE)
    assert model.summary["discounts"][1] == [0.75]


def test_katz_discounts_as_good_and_turing_where_that_is_valid(emma: str) -> None:
    model = train_ngram(emma, 3, Katz())
    counts = Followers(emma, 3, model.text_format)
    valid = []
    for length in range(3):
        ratios, good_turing = katz_ratios(counts, length)
        assert model.summary["discount_ratios"][length] == pytest.approx(ratios)
        valid.append(good_turing)
    assert any(valid)
    formula = formula_of(model, counts)
    for context in [("<bos>",), ("<bos>", "She"), ("of", "the"), ("in", "a"), ("Emma", "Emma")]:
        (row,) = np.exp(rows_after(model, [context]))
        assert row.sum() == pytest.approx(1)
        for word in ("the", "was", "had", "of", "<unk>", "<eos>"):
            assert row[model.vocab[word]] == pytest.approx(formula(word, context), rel=1e-9)


@pytest.mark.parametrize("times", [6, 7, 11, 13, 23, 49])
def test_katz_leaves_something_for_unseen_words_where_none_is_rare(times: int) -> None:
    # 12 words: their rounded frequencies sum to a hair below one, which frees nothing either.
    text = " ".join("abcdefghijkl") + "\n"
    model = train_ngram(text * times, 1, Katz(), SENTENCE)
    assert probability(model, "<unk>") == pytest.approx(1 / (13 * times + 1))
    # All counts are beyond 5, so nothing is discounted: one occurrence more, that of <unk>.
    text = "a b b c c c\n" * times
    model = train_ngram(text, 2, Katz(), SENTENCE)
    assert probability(model, "<unk>", "<unk>") == pytest.approx(1 / (7 * times + 1))
    assert probability(model, "b", "<bos>") == pytest.approx(
        (1 / (times + 1)) * (2 * times / (7 * times + 1)) / (1 - times / (7 * times + 1))
    )


# ---------------------------------------------------------------- weights from held-out text


@pytest.mark.parametrize("unit", UNITS)
def test_learned_weights_beat_every_fixed_one_on_the_held_out_text(unit: str) -> None:
    text = corpora.load("emma").train
    text, held_out = text[:40_000], text[40_000:50_000]
    text_format = TextFormat("words", unit)
    learned = train_ngram(text, 3, Interpolated(), text_format, valid=held_out)
    buckets = [len(row) for row in learned.summary["weights"]]
    best = -math.inf
    for share in itertools.product((0.1, 0.3, 0.5, 0.7, 0.9), repeat=3):
        weights = [[s] * n for s, n in zip(share, buckets, strict=True)]
        fixed = train_ngram(text, 3, Interpolated(weights=weights), text_format)
        best = max(best, score(fixed, held_out).logprob)
    assert score(learned, held_out).logprob > best


def test_without_validation_text_the_last_tenth_is_held_out_and_counted_again() -> None:
    lines = ["a b", "b a"] * 9 + ["c c", "c c"]
    text = "\n".join(lines) + "\n"
    model = train_ngram(text, 2, Interpolated(), SENTENCE)
    first, last = "\n".join(lines[:18]) + "\n", "\n".join(lines[18:]) + "\n"
    fitted = train_ngram(first, 2, Interpolated(), SENTENCE, vocab=model.vocab, valid=last)
    assert model.summary["weights"] == fitted.summary["weights"]
    check_every_context(model, text)


def test_interpolation_takes_texts_whose_sentences_are_shorter_than_the_order() -> None:
    text = "a\nb\n" * 10  # <bos> a <eos> is the longest n-gram there is
    for order in (3, 4, 5):
        model = train_ngram(text, order, Interpolated(), SENTENCE)
        check_every_context(model, text)


def test_interpolation_without_held_out_text_says_what_it_needs() -> None:
    with pytest.raises(InputError, match="too short to hold a tenth of it out"):
        train_ngram("a b\n", 2, Interpolated(), SENTENCE)
    with pytest.raises(InputError, match="held-out text"):
        train_ngram("a b\n", 2, Interpolated(), SENTENCE, valid="")


# ---------------------------------------------------------------- <unk> as a word of the text


@pytest.mark.parametrize("smoothing", [ModifiedKneserNey(), KneserNey()])
@pytest.mark.parametrize("unit", UNITS)
@given(text=texts.filter(lambda text: "<unk>" in text), order=orders)
@settings(deadline=None, max_examples=40)
def test_unk_in_the_text_leaves_other_words_what_a_renamed_word_would(
    smoothing: Estimator, unit: str, text: str, order: int
) -> None:
    """As PTB: KenLM, which refuses <unk> in a text, is given the text with that word renamed."""
    text_format = TextFormat("whitespace", unit)
    ours = train_ngram(text, order, smoothing, text_format)
    renamed = train_ngram(text.replace("<unk>", "_UNK_"), order, smoothing, text_format)
    new_name = {"<unk>": "_UNK_"}
    others = [token for token in ours.vocab.tokens if token != "<unk>"]
    for group in all_contexts(ours):
        there = [tuple(new_name.get(token, token) for token in context) for context in group]
        left, right = np.exp(rows_after(ours, group)), np.exp(rows_after(renamed, there))
        for token in others:
            np.testing.assert_allclose(
                left[:, ours.vocab[token]], right[:, renamed.vocab[token]], rtol=1e-13
            )
        np.testing.assert_allclose(
            left[:, ours.vocab.unk],
            right[:, renamed.vocab["_UNK_"]] + right[:, renamed.vocab.unk],
            rtol=1e-13,
        )


# ---------------------------------------------------------------- vocabularies and bad input


@pytest.mark.parametrize("name", SMOOTHINGS)
def test_rare_words_train_the_unknown_word(name: str) -> None:
    # b and c occur once: with min_count=2 the text reads "a <unk> a <unk> a"
    rare = train_ngram("a b a c a\n", 2, SMOOTHINGS[name](), SENTENCE, min_count=2, valid="a d\n")
    unk = train("a <unk> a <unk> a\n", 2, name, "sentence", valid="a <unk>\n")
    assert rare.vocab == unk.vocab
    for group in all_contexts(rare):
        np.testing.assert_array_equal(rows_after(rare, group), rows_after(unk, group))


def test_a_given_vocabulary_is_kept_and_its_other_words_stay_unseen() -> None:
    vocab = Vocab(["<unk>", "<bos>", "<eos>", "b", "z", "a"])
    model = train_ngram(SMALL, 2, AddK(), SENTENCE, vocab=vocab)
    assert model.vocab.tokens == vocab.tokens
    # V = 5 again (<unk>, <eos>, b, z, a); "c" is read as <unk>
    assert probability(model, "<unk>", "a") == pytest.approx((1 + 1) / (2 + 5))
    assert probability(model, "z", "a") == pytest.approx(1 / 7)


@pytest.mark.parametrize("k", [0, -1, math.nan, math.inf])
def test_add_k_adds_a_positive_number(k: float) -> None:
    with pytest.raises(InputError, match="adds a positive number"):
        AddK(k)


def test_order_below_one_and_empty_text_are_refused() -> None:
    with pytest.raises(InputError, match="order=0"):
        train_ngram("a\n", 0)
    for text_format in (SENTENCE, TextFormat("characters", "stream")):
        with pytest.raises(InputError, match="no token"):
            train_ngram("", 2, text_format=text_format)
