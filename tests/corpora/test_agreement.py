"""Long sentences: as many words between as asked for, and nothing in them that gives it away."""

from collections import Counter

import pytest

from lmlib.corpora.agreement import (
    CHINESE,
    ENGLISH,
    FOODS,
    LONGEST,
    MEALS,
    NUMBERS,
    cats,
    dishes,
)
from lmlib.errors import InputError

EVERY_LENGTH = range(1, LONGEST + 1)
each_language = pytest.mark.parametrize(
    ("write", "decides", "vocabulary"), [(cats, NUMBERS, ENGLISH), (dishes, MEALS, CHINESE)]
)


@each_language
def test_the_words_between_are_as_many_as_asked_for(write, decides, vocabulary):
    for distance in EVERY_LENGTH:
        for sentence in write(6, distance, seed=distance):
            assert sentence.answer - sentence.cue == distance + 1
            assert sentence.distance == distance


@each_language
def test_the_cue_decides_the_answer_and_the_other_cue_the_wrong_one(write, decides, vocabulary):
    for distance in EVERY_LENGTH:
        for sentence in write(6, distance, seed=distance):
            cue = sentence.words[sentence.cue]
            (other,) = decides.keys() - {cue}
            assert sentence.words[sentence.answer] == decides[cue]
            assert sentence.wrong == decides[other]


@each_language
def test_every_word_is_in_the_vocabulary_and_no_other_is(write, decides, vocabulary):
    assert len(set(vocabulary)) == len(vocabulary)
    used = {
        word
        for distance in EVERY_LENGTH
        for sentence in write(12, distance, seed=0)
        for word in sentence.words
    }
    assert used == set(vocabulary)


@each_language
@pytest.mark.parametrize("distance", [1, 2, 3, 4, 5, 6, 7, 8, 20])
def test_what_stands_around_does_not_depend_on_the_cue(write, decides, vocabulary, distance):
    """Both cues come with the same words at the same places, equally often."""
    seen: dict[str, Counter[tuple[int, str]]] = {cue: Counter() for cue in decides}
    count = 1000
    for sentence in write(count, distance, seed=3):
        cue = sentence.words[sentence.cue]
        for place, word in enumerate(sentence.words):
            if place not in (sentence.cue, sentence.answer):
                seen[cue][place, word] += 1
    one, other = seen.values()
    for where in one | other:
        assert abs(one[where] - other[where]) < 6 * count**0.5 / 2, where


@each_language
def test_both_cues_are_equally_frequent(write, decides, vocabulary):
    counts = Counter(sentence.words[sentence.cue] for sentence in write(2000, 7, seed=0))
    assert counts.keys() == decides.keys()
    assert min(counts.values()) > 900


@each_language
def test_the_same_seed_gives_the_same_sentences(write, decides, vocabulary):
    assert write(20, 12, seed=5) == write(20, 12, seed=5)
    assert write(20, 12, seed=5) != write(20, 12, seed=6)


def test_the_sentence_of_the_test_card_can_be_written():
    asked = "the cat which already ate the apple the yogurt and the banana was full".split()
    (sentence,) = cats(1, 10, seed=0)
    shape = [word if word not in FOODS else "FOOD" for word in sentence.words]
    assert shape[2:12] == [word if word not in FOODS else "FOOD" for word in asked][2:12]
    assert set(asked) <= set(ENGLISH)


@pytest.mark.parametrize("distance", [0, LONGEST + 1, -3])
def test_a_distance_that_is_not_written_is_refused(distance):
    with pytest.raises(InputError, match="from 1 to 50"):
        cats(1, distance, seed=0)
    with pytest.raises(InputError, match="count=-1"):
        dishes(-1, 5, seed=0)
