"""Which answers are alike: renaming hides nothing, thinking for oneself does not accuse."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlib.grading.likeness import SHORTEST, Alike, alike, row_of

ONE = '''\
def encode(sentences, least):
    """Count words."""
    counts = {}
    for sentence in sentences:
        for word in sentence.split():
            counts[word] = counts.get(word, 0) + 1
    kept = [word for word, count in counts.items() if count >= least]
    numbers = {word: i for i, word in enumerate(sorted(kept))}
    unknown = len(numbers)
    return [[numbers.get(word, unknown) for word in s.split()] for s in sentences], numbers
'''
RENAMED = """\
# my own work
def encode(xs: list[str], n: int) -> tuple:
    d: dict = {}
    for x in xs:  # each line

        for w in x.split():
            d[w] = d.get(w, 0) + 1
    good = [a for a, b in d.items() if b >= n]
    ids = {c: j for j, c in enumerate(sorted(good))}
    last = len(ids)
    return [[ids.get(e, last) for e in f.split()] for f in xs], ids
"""
ANOTHER = """\
def encode(sentences, least):
    from collections import Counter
    counts = Counter(w for s in sentences for w in s.split())
    vocabulary = sorted(w for w in counts if counts[w] >= least)
    place = dict(zip(vocabulary, range(len(vocabulary))))
    rows = []
    for s in sentences:
        row = []
        for w in s.split():
            if w in place:
                row.append(place[w])
            else:
                row.append(len(place))
        rows.append(row)
    return rows, place
"""
PATCHED = ONE.replace("unknown = len(numbers)", "unknown = max(numbers.values()) + 1")


def found(answers: dict[str, str], public: str = "") -> list[Alike]:
    return alike({"q": answers}, {"q": public} if public else {})


def test_names_comments_docstrings_and_annotations_hide_nothing() -> None:
    assert row_of(ONE) != row_of(ANOTHER)
    assert found({"b": RENAMED, "a": ONE}) == [Alike("q", ("a", "b"), 1.0)]


def test_a_line_changed_is_still_alike_and_less_so() -> None:
    (entry,) = found({"a": ONE, "b": PATCHED})
    assert entry.students == ("a", "b")
    assert 0.8 <= entry.likeness < 1


def test_answers_of_ones_own_are_not_listed() -> None:
    assert found({"a": ONE, "b": ANOTHER}) == []


def test_copies_of_the_public_solution_stand_in_a_list_of_their_own() -> None:
    entries = found({"a": RENAMED, "b": PATCHED, "c": ANOTHER}, public=ONE)
    assert [(entry.students, entry.public) for entry in entries] == [
        (("a",), True),
        (("b",), True),
    ]
    assert entries[0].likeness == 1.0


def test_short_answers_are_not_compared() -> None:
    short = "def f(row, word):\n    return row[word] / sum(row.values())\n"
    assert 0 < len(row_of(short)) < SHORTEST
    assert found({"a": short, "b": short}, public=short) == []


def test_questions_are_compared_each_for_itself_in_their_order() -> None:
    answers = {"q2": {"a": ONE, "b": ANOTHER}, "q1": {"a": ANOTHER, "b": ONE}}
    assert alike(answers, {}) == []
    both = {"q2": {"a": ONE, "b": ONE}, "q1": {"a": ANOTHER, "b": ANOTHER}}
    assert [entry.question for entry in alike(both, {})] == ["q2", "q1"]


def test_what_does_not_parse_is_compared_without_a_grammar() -> None:
    broken = ONE + "    return (\n"
    again = re.sub(r"\bcounts\b", "c", broken).replace("Count words", "Count").replace("=", " = ")
    again = again.replace('"""Count."""', '"""Count words."""')
    (entry,) = found({"a": broken, "b": again})
    assert entry.likeness > 0.8


HOSTILE = {
    "parentheses": "(" * 200_000,
    "nested": "(" * 5_000 + "1" + ")" * 5_000,
    "brackets": "[" * 90 + "]" * 90 + "\n" + "x = [[[" * 9_999,
    "sum": "+".join("1" * 200_000),
    "attributes": "a" + ".a" * 200_000,
    "calls": "f" + "()" * 100_000,
    "minus": "-" * 200_000 + "1",
    "not": "not " * 100_000 + "x",
    "lambdas": "lambda:" * 100_000 + "0",
    "if": "".join(f"{' ' * i}if x:\n" for i in range(120)),
    "elif": "if x: pass\n" + "elif x: pass\n" * 50_000,
    "names": " ".join(f"x{i}" for i in range(200_000)),
    "integer": "x = " + "9" * 1_000_000,
    "hexadecimal": "x = 0x" + "f" * 19_000,
    "quotes": '"' * 1_000_001,
    "null": "x = 1\x00" * 100_000,
    "surrogates": "x = '\ud800'\n" * 100_000,
    "f-strings": "f'" + "{" * 100_000,
    "escapes": "x = '\\N{" * 100_000,
    "empty": "",
    "tabs": "\t \t" * 300_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_source_is_read_quickly(name: str) -> None:
    begin = time.perf_counter()
    row = row_of(HOSTILE[name])
    assert time.perf_counter() - begin < 1.0
    assert len(row) <= 4_000


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_row(text: str) -> None:
    assert row_of(text) == row_of(text)


def various(chance: random.Random) -> str:
    """A function that a student might have written, unlike any other's."""
    lines = ["def answer(row, words):", "    total = 0"]
    for _line in range(12):
        one, other = chance.sample(["total", "row", "words", "len(row)", "max(words)", "3", "7"], 2)
        operator = chance.choice(["+", "-", "*", "//", "%"])
        form = chance.choice(["total = {}", "total += {}", "if {}: total -= 1", "row.append({})"])
        lines.append("    " + form.format(f"{one} {operator} {other}"))
    return "\n".join([*lines, "    return total", ""])


def test_a_class_of_300_is_compared_in_seconds_and_the_copies_are_found() -> None:
    chance = random.Random(5)
    answers = {f"s{i:03}": various(chance) for i in range(298)}
    answers["s298"] = re.sub(r"\btotal\b", "t", answers["s007"])
    answers["s299"] = answers["s008"].replace("return total", "total += 0\n    return total")
    begin = time.perf_counter()
    entries = found(answers)
    assert time.perf_counter() - begin < 5
    assert [entry.students for entry in entries] == [("s007", "s298"), ("s008", "s299")]


def test_a_class_that_hands_in_one_answer_is_one_entry() -> None:
    (entry,) = found({f"s{i:03}": ONE for i in range(300)})
    assert len(entry.students) == 300
