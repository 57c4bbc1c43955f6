"""What the grammar promises: exact probabilities, exact exposures, nothing that was held out."""

from collections import Counter
from itertools import product
from math import isclose

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlib.corpora import TEST_CARD, load
from lmlib.corpora.grammar import (
    DISHES,
    EVERYWHERE,
    PRODUCTIONS,
    VOCABULARY,
    generate,
    probability,
    support_size,
)
from lmlib.errors import InputError

FOODS = " ".join([*DISHES.values(), EVERYWHERE]).split()


def has(words: list[str], run: tuple[str, ...]) -> bool:
    return any(tuple(words[i : i + len(run)]) == run for i in range(len(words)))


def whole_language(symbol: str) -> list[tuple[float, tuple[str, ...]]]:
    """Every sentence with its probability, by plain enumeration."""
    if symbol not in PRODUCTIONS:
        return [(1.0, (symbol,))]
    return [
        (chance * float(np.prod([p for p, _ in parts])), sum((w for _, w in parts), ()))
        for chance, right in PRODUCTIONS[symbol]
        for parts in product(*map(whole_language, right))
    ]


@pytest.fixture(scope="module")
def language() -> list[tuple[float, tuple[str, ...]]]:
    # the long TRAVEL rule alone is 9 tenths of the language; the rest is enumerated
    return [
        (chance * p, words)
        for chance, (symbol,) in PRODUCTIONS["S"]
        if symbol != "TRAVEL"
        for p, words in whole_language(symbol)
    ]


def test_each_sentence_has_one_derivation_and_its_exact_probability(language):
    assert len({words for _, words in language}) == len(language)
    for p, words in language[::97]:
        assert isclose(probability(words), p, rel_tol=1e-12)


def test_travel_sentences_cannot_be_confused_with_others_or_among_themselves():
    # One travel rule at a time: no sentence of one is a sentence of another, nor of another class.
    per_rule = [
        {
            words
            for parts in product(*map(whole_language, right))
            for words in [sum((w for _, w in parts), ())]
        }
        for _, right in PRODUCTIONS["TRAVEL"]
        if "那里" not in right  # the only rule with this word cannot meet another
    ]
    assert len(set().union(*per_rule)) == sum(map(len, per_rule))


def test_the_support_is_counted_exactly(language):
    travel = sum(
        int(np.prod([len(whole_language(part)) for part in right]))
        for _, right in PRODUCTIONS["TRAVEL"]
    )
    assert support_size() == len(language) + travel


def test_probabilities_sum_to_one(language):
    travel = {right[0]: chance for chance, right in PRODUCTIONS["S"]}["TRAVEL"]
    assert sum(p for p, _ in language) + travel == pytest.approx(1.0)
    for rules in PRODUCTIONS.values():
        assert sum(chance for chance, _ in rules) == pytest.approx(1.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_is_generated_has_a_probability(seed):
    for words in generate(5, seed):
        assert 0 < probability(words) < 1
        assert probability([*words, "很"]) == 0
        assert set(words) <= set(VOCABULARY)


def test_frequencies_approach_the_probabilities():
    sample = Counter(map(tuple, generate(20_000, seed=3)))
    for words in (("今天", "天气", "很", "好"), ("妈妈", "很", "好")):
        expected = 20_000 * probability(words)
        assert abs(sample[words] - expected) < 5 * expected**0.5


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    word=st.sampled_from(FOODS),
    times=st.sampled_from([0, 1, 5, 50]),
)
def test_a_held_out_dish_is_seen_exactly_so_often_and_never_after_the_verb(seed, word, times):
    sample = generate(60, seed, hold_out=[("吃", word)], exposures={word: times})
    assert len(sample) == 60
    assert sum(words.count(word) for words in sample) == times
    assert not any(has(words, ("吃", word)) for words in sample)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_several_exposures_and_longer_runs_are_kept_exactly(seed):
    runs = [("吃", "披萨"), ("吃", "了", "披萨"), ("喜欢",)]
    sample = generate(80, seed, hold_out=runs, exposures={"披萨": 5, "面条": 20, "意大利": 0})
    total = Counter(word for words in sample for word in words)
    assert (total["披萨"], total["面条"], total["意大利"], total["喜欢"]) == (5, 20, 0, 0)
    assert not any(has(words, run) for words in sample for run in runs)


def test_without_holding_out_the_bigram_does_occur():
    assert any(has(words, ("吃", "披萨")) for words in generate(1000, seed=1))


def test_exposed_sentences_stand_anywhere_in_the_sample():
    sample = generate(2000, seed=1, exposures={"披萨": 50})
    places = [i for i, words in enumerate(sample) if "披萨" in words]
    assert min(places) < 400 and max(places) > 1600


def test_a_seed_gives_the_same_sentences_and_a_generator_goes_on():
    assert generate(50, seed=4) == generate(50, seed=4) != generate(50, seed=5)
    random = np.random.default_rng(4)
    assert generate(20, random) + generate(30, random) == generate(50, seed=4)


def test_the_place_tells_the_dish_at_a_distance():
    told = [words for words in generate(20_000, seed=2) if "那里" in words and "意大利" in words]
    local = [words[-1] in DISHES["意大利"].split() for words in told]
    # 3 in 4 by the table; five standard deviations of so many throws
    assert abs(np.mean(local) - 0.75) < 5 * (0.75 * 0.25 / len(told)) ** 0.5


def test_the_documents_sentences_can_be_written_but_for_excellent_weather():
    chances = {card.text: probability(card.words) for card in TEST_CARD if card.language == "zh"}
    assert chances.pop("今天天气很优秀") == 0
    assert all(p > 0 for p in chances.values())
    assert probability("他 很 优秀") > 0


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"count": -1}, "count"),
        ({"count": 3, "exposures": {"披萨": 4}}, "do not fit"),
        ({"count": 3, "exposures": {"披萨": -1}}, "do not fit"),
        ({"count": 3, "exposures": {"比萨": 1}}, "not a word of the grammar"),
        ({"count": 3, "hold_out": ["吃披萨"]}, "not a word of the grammar"),
        ({"count": 3, "hold_out": [()]}, "empty run"),
    ],
)
def test_what_cannot_be_done_is_said(request_, message):
    with pytest.raises(InputError, match=message):
        generate(seed=1, **request_)


def test_an_impossible_request_ends_in_a_sentence(monkeypatch):
    monkeypatch.setattr("lmlib.corpora.grammar._PATIENCE", 500)
    with pytest.raises(InputError, match="hold out less"):
        generate(1, seed=1, hold_out=[("披萨",)], exposures={"披萨": 1})


def test_the_corpus_is_a_sample_of_the_grammar():
    corpus = load("grammar")
    assert corpus.text.splitlines() == [" ".join(words) for words in generate(12_000, seed=1)]
