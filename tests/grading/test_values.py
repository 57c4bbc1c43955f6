"""The plain form of values: nobody's code in them, and JSON there and back."""

import collections
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lmlib.errors import InputError
from lmlib.grading.values import (
    DEEPEST,
    LARGEST,
    NotPlain,
    described,
    from_json,
    identical,
    plain,
    shortened,
    to_json,
    written,
)

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, exclude_categories=[]))  # lone surrogates too
)
ARRAYS = st.sampled_from(["bool", "int8", "uint64", "int64", "float16", "float64", "<U3"]).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0))
)
KEYS = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=4)
VALUES = st.recursive(
    LEAVES | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=40)
@given(VALUES)
def test_json_gives_back_the_value_in_every_type_and_digit(value: Any) -> None:
    text = to_json(value)
    json.loads(text, parse_constant=pytest.fail)  # plain JSON, no NaN
    assert identical(from_json(text), plain(value))


@settings(max_examples=40)
@given(VALUES)
def test_a_value_is_identical_to_its_copy_which_shares_nothing(value: Any) -> None:
    copy = plain(value)
    assert identical(plain(copy), copy)
    if isinstance(value, list):
        copy.append(1)
        assert len(copy) == len(value) + 1
    if isinstance(value, np.ndarray) and value.size:
        assert not np.shares_memory(copy, value)


@pytest.mark.parametrize(
    "one, other",
    [
        (1, 1.0),
        (1, True),
        ([1], (1,)),
        (0.0, 1e-300),
        ({"a": 1}, {"a": 2}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (np.array([1]), np.array([1.0])),
        (np.zeros((1, 2)), np.zeros((2, 1))),
    ],
)
def test_what_differs_in_a_type_a_digit_or_the_order_is_not_identical(one: Any, other: Any) -> None:
    assert not identical(one, other)


def test_numpy_s_scalars_and_the_dictionaries_of_collections_become_plain() -> None:
    assert identical(plain(np.float64(0.5)), 0.5)
    assert identical(plain(np.bool_(True)), True)
    assert identical(plain(np.int8(3)), 3)
    assert identical(plain(np.str_("a")), "a")
    assert identical(plain(collections.Counter("aab")), {"a": 2, "b": 1})
    assert identical(plain(np.array([None, (1, 2)], dtype=object)), [None, (1, 2)])


class Liar:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.5


class LyingFloat(float):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class LyingList(list):
    def __iter__(self) -> Any:
        return iter([1, 2, 3])

    def __len__(self) -> int:
        return 3


class LyingString(str):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class LyingArray(np.ndarray):
    pass


class LyingType(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise AssertionError("a student's code was run")


class Nameless(metaclass=LyingType):
    pass


LIARS = [
    Liar(),
    LyingFloat(0.5),
    LyingList(),
    LyingString("a"),
    np.zeros(2).view(LyingArray),
    np.ma.masked_array([1.0]),
    Nameless(),
    Liar,
    iter([1]),
    range(3),
    {1},
    1j,
    b"a",
    np.array([1j]),
    np.array(["2026"], dtype="datetime64"),
]


@pytest.mark.parametrize("number", range(len(LIARS)))
def test_an_object_of_any_other_type_has_no_plain_form_wherever_it_stands(number: int) -> None:
    liar = LIARS[number]
    hidden = [liar, [liar], (1, liar), {"a": liar}, np.array([liar, None], dtype=object)]
    if isinstance(liar, Liar | LyingFloat | LyingString):
        hidden.append({liar: 1})
    for value in hidden:
        with pytest.raises(NotPlain):
            plain(value)


def test_too_deep_and_too_large_is_refused_without_walking_it_all() -> None:
    endless: list[Any] = []
    endless.append(endless)
    doubled: list[Any] = []
    for _level in range(DEEPEST - 1):
        doubled = [doubled] * 16
    wide = np.broadcast_to(np.zeros(1), (10**12,))
    for value in (endless, doubled, wide, [0] * (LARGEST + 1), 10**5000, "a" * 2_000_000):
        with pytest.raises(NotPlain):
            plain(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "NaN",
        "Infinity",
        "[1,",
        "{}",
        '{"a": 1}',
        '{"float": "1.5"}',
        '{"float": "nan", "more": 1}',
        '{"dict": [[[1], 2]]}',
        '{"dict": [1]}',
        '{"tuple": 1}',
        '{"tuple": [], "more": 1}',
        "[" * 100_000 + "]" * 100_000,
        "9" * 10_000,
        '{"array": [1], "shape": [2], "dtype": "int64"}',
        '{"array": [], "shape": [-1], "dtype": "int64"}',
        '{"array": [], "shape": [0, 99999999999999], "dtype": "int64"}',
        '{"array": [300], "shape": [1], "dtype": "int8"}',
        '{"array": ["1"], "shape": [1], "dtype": "int64"}',
        '{"array": [true], "shape": [1], "dtype": "float64"}',
        '{"array": [1], "shape": [1], "dtype": "object"}',
        '{"array": [1], "shape": [1], "dtype": "V9999999"}',
        '{"array": ["a"], "shape": [1], "dtype": "<U9999999"}',
        '{"array": [0], "shape": [true], "dtype": "int64"}',
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_value_is_refused_in_a_short_sentence(text: str) -> None:
    with pytest.raises(InputError, match="this is no value") as caught:
        from_json(text)
    assert len(str(caught.value)) < 300


@settings(max_examples=40)
@given(VALUES)
def test_a_value_is_written_as_python_that_gives_it_again(value: Any) -> None:
    value = plain(value)
    text = written(value)
    again = plain(eval(text, {"np": np, "math": math}))
    # np.array([]) and its like do not show every type and shape
    if "np.array" not in text:
        assert identical(again, value)


@settings(max_examples=40)
@given(VALUES)
def test_a_shortened_value_keeps_its_beginning(value: Any) -> None:
    value = plain(value)
    short = shortened(lambda few: written(value, few), 100)
    assert len(short) <= 100
    assert written(value)[:1] == short[:1]


def test_a_long_list_is_cut_where_it_says_so() -> None:
    assert written(["a"] * 5, most=2) == "['a', 'a', … 3 more]"
    assert written({"a": [1, 2, 3]}, most=1) == "{'a': [1, … 2 more]}"
    assert written("x" * 50, most=2) == f"{'x' * 30!r}… (50)"


def test_kinds_are_called_by_their_names() -> None:
    assert described(None) == "None"
    assert described([]) == "a list"
    assert described(number for number in [1]) == "a generator"
    assert described(zip()) == "a value of the type zip"
    assert described(Liar()) == "a value of the type Liar"
    assert described(collections.OrderedDict()) == "a value of the type OrderedDict"
