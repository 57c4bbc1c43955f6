"""Values without anybody's code in them: what a student's function may give, and JSON of it.

An answer is compared as its plain form alone, in which nothing of the student's own runs. It is
made of ``None``, ``bool``, ``int``, ``float``, ``str``, ``list``, ``tuple``, ``dict`` and NumPy
arrays of numbers or strings, each of exactly that type: an object whose ``__eq__`` says yes to
everything, or a subclass of ``float``, has no plain form. NumPy's scalars become Python's; of the
dictionaries of ``collections`` the contents are kept.
"""

from __future__ import annotations

import json
import math
import re
import types
from collections import Counter, OrderedDict, defaultdict
from typing import Any

import numpy as np

from lmlib.errors import InputError
from lmlib.translation import gettext as _

#: How deep values may stand in one another, and how many of them there may be in one.
DEEPEST = 16
LARGEST = 200_000
LONGEST_STRING = 1_000_000
LARGEST_DICTIONARY = 10_000  # keys can be chosen so that each costs as much as all before it
LARGEST_INTEGER = 10**1000

_DICTIONARIES = (dict, Counter, OrderedDict, defaultdict)
_SCALARS = frozenset(np.dtype(code).type for code in "?bhilqBHILQefd")
_DTYPE = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)|<U[0-9]{1,7}")


class NotPlain(Exception):
    """A value has no plain form; the message says why, as in "it gave {message}"."""


def plain(value: Any) -> Any:
    """Give a value's plain form, a copy that shares nothing with it.

    Raises
    ------
    NotPlain
        If there is none: an object of another type, too many values, too deep.

    Examples
    --------
    >>> plain((np.float64(0.5), {"a": [True]}))
    (0.5, {'a': [True]})
    """
    return _Copying().copy(value, 0)


class _Copying:
    """Copies one value, counting what it holds."""

    def __init__(self) -> None:
        self.room = LARGEST

    def copy(self, value: Any, depth: int) -> Any:
        # `type(value) is ...` throughout: nothing that the value's class could have redefined runs
        kind = type(value)
        self.room -= 1
        if self.room < 0:
            raise NotPlain(_("more than {most} values").format(most=LARGEST))
        if depth > DEEPEST:
            raise NotPlain(_("values nested more than {most} deep").format(most=DEEPEST))
        if value is None or kind is bool or kind is float:
            return value
        if kind is int:
            if abs(value) > LARGEST_INTEGER:
                raise NotPlain(_("an integer of more than a thousand digits"))
            return value
        if kind is str:
            if len(value) > LONGEST_STRING:
                raise NotPlain(_("a string of {length} characters").format(length=len(value)))
            return value
        if kind in _SCALARS or kind is np.str_:
            return self.copy(value.item(), depth)
        if kind is list:
            return [self.copy(inner, depth + 1) for inner in value]
        if kind is tuple:
            return tuple([self.copy(inner, depth + 1) for inner in value])
        if kind in _DICTIONARIES:
            if dict.__len__(value) > LARGEST_DICTIONARY:
                raise NotPlain(_("more than {most} keys").format(most=LARGEST_DICTIONARY))
            return {
                self._copy_key(key, depth + 1): self.copy(inner, depth + 1)
                for key, inner in dict.items(value)
            }
        if kind is np.ndarray:
            return self._copy_array(value, depth)
        raise NotPlain(described(value))

    def _copy_key(self, key: Any, depth: int) -> Any:
        copy = self.copy(key, depth)
        if type(copy) in (list, dict, np.ndarray):  # an object that is hashable holds none of them
            raise NotPlain(_("a dictionary with a strange key"))
        return copy

    def _copy_array(self, array: np.ndarray, depth: int) -> Any:
        self.room -= array.size
        if self.room < 0:
            raise NotPlain(_("more than {most} values").format(most=LARGEST))
        kind = array.dtype.kind
        if kind in "biu" or (kind == "f" and array.dtype.itemsize <= 8):
            return np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
        if kind == "U":
            return np.array(array, dtype=f"<U{max(array.dtype.itemsize // 4, 1)}", order="C")
        if kind == "O":
            return self.copy(array.tolist(), depth)
        raise NotPlain(_("an array of {dtype}").format(dtype=array.dtype))


def described(value: Any) -> str:
    """Say what kind of thing a value is, by its type alone.

    Examples
    --------
    >>> described(iter([])), described(len), described(0.5)
    ('a value of the type list_iterator', 'a function', 'a number')
    """
    kind = type(value)
    words = {
        type(None): _("None"),
        bool: _("a bool"),
        int: _("a number"),
        float: _("a number"),
        str: _("a string"),
        list: _("a list"),
        tuple: _("a tuple"),
        dict: _("a dictionary"),
        np.ndarray: _("an array"),
        types.FunctionType: _("a function"),
        types.BuiltinFunctionType: _("a function"),
        types.GeneratorType: _("a generator"),
    }
    if kind in words:
        return words[kind]
    name = str(type.__dict__["__name__"].__get__(kind))
    return _("a value of the type {name}").format(name=name[:60])


# ---------------------------------------------------------------- JSON


def to_json(value: Any) -> str:
    """Write a value's plain form as JSON, from which `from_json` makes it again.

    What JSON has not is an object with one name: ``{"tuple": [1, 2]}``, ``{"float": "nan"}``,
    ``{"dict": [[key, value], ...]}``, ``{"array": [...], "shape": [...], "dtype": "int64"}``.

    Raises
    ------
    NotPlain
        As `plain`.

    Examples
    --------
    >>> to_json([(1, 0.5), {"a": math.inf}])
    '[{"tuple": [1, 0.5]}, {"dict": [["a", {"float": "inf"}]]}]'
    """
    return json.dumps(_encoded(plain(value)), allow_nan=False)


def _encoded(value: Any) -> Any:
    kind = type(value)
    if kind is float and not math.isfinite(value):
        return {"float": str(value)}
    if kind is list:
        return [_encoded(inner) for inner in value]
    if kind is tuple:
        return {"tuple": [_encoded(inner) for inner in value]}
    if kind is dict:
        return {"dict": [[_encoded(key), _encoded(inner)] for key, inner in value.items()]}
    if kind is np.ndarray:
        return {
            "array": [_encoded(inner) for inner in value.ravel().tolist()],
            "shape": list(value.shape),
            "dtype": value.dtype.str if value.dtype.kind == "U" else value.dtype.name,
        }
    return value


def from_json(text: str) -> Any:
    """Read what `to_json` wrote; whoever wrote the text, the value is a plain one.

    Raises
    ------
    InputError
        If it is no such text.

    Examples
    --------
    >>> from_json('{"tuple": [1, {"float": "-inf"}]}')
    (1, -inf)
    """
    try:
        return plain(_decoded(json.loads(text, parse_constant=_refuse_constant)))
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError, NotPlain) as error:
        raise InputError(_("this is no value: {error}").format(error=str(error)[:200])) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _decoded(value: Any) -> Any:
    if type(value) is list:
        return [_decoded(inner) for inner in value]
    if type(value) is not dict:
        return value
    match value:
        case {"float": "nan" | "inf" | "-inf" as name} if len(value) == 1:
            return float(name)
        case {"tuple": list(inner)} if len(value) == 1:
            return tuple([_decoded(one) for one in inner])
        case {"dict": list(pairs)} if len(value) == 1 and len(pairs) <= LARGEST_DICTIONARY:
            return {_decoded(key): _decoded(inner) for key, inner in pairs}
        case {"array": list(flat), "shape": list(shape), "dtype": str(dtype)} if len(value) == 3:
            return _decoded_array([_decoded(one) for one in flat], shape, dtype)
    raise ValueError(f"an object with the names {sorted(value)[:5]}")


def _decoded_array(flat: list[Any], shape: list[Any], dtype: str) -> np.ndarray:
    if not _DTYPE.fullmatch(dtype):
        raise ValueError(f"an array of {dtype[:20]}")
    if not all(type(length) is int and 0 <= length <= LARGEST for length in shape):
        raise ValueError(f"the shape {shape[:5]}")
    if math.prod(shape) != len(flat):
        raise ValueError(f"{len(flat)} values in the shape {shape[:5]}")
    wanted = np.dtype(dtype)
    types = {"b": (bool,), "i": (int,), "u": (int,), "f": (int, float), "U": (str,)}[wanted.kind]
    if not all(type(one) in types for one in flat):
        raise ValueError(f"an array of {dtype} with something else in it")
    if wanted.kind == "U" and wanted.itemsize // 4 * len(flat) > LARGEST:
        raise ValueError("strings too long for their number")
    return np.array(flat, dtype=wanted).reshape(shape)


def identical(one: Any, other: Any) -> bool:
    """Say whether a value is the same as a plain one, in every type and digit (and nan is nan)."""
    if type(one) is not type(other):
        return False
    if type(one) in (list, tuple):
        return len(one) == len(other) and all(map(identical, one, other))
    if type(one) is dict:
        return identical(list(one.items()), list(other.items()))
    if type(one) is np.ndarray:
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and (one.tobytes() == other.tobytes())
        )
    return one == other or (one != one and other != other)


# ---------------------------------------------------------------- as a student would write it


def written(value: Any, most: int | None = None) -> str:
    """Write a plain value as Python; with ``most``, at most so many parts of each container.

    Examples
    --------
    >>> written([1.0, math.inf, (1,)])
    '[1.0, math.inf, (1,)]'
    >>> written(list(range(1000)), most=3)
    '[0, 1, 2, … 997 more]'
    """
    kind = type(value)
    if kind is float and not math.isfinite(value):
        return "math.nan" if math.isnan(value) else "math.inf" if value > 0 else "-math.inf"
    if kind is str and most is not None and len(value) > 40:
        return f"{value[:30]!r}… ({len(value)})"
    if kind is int and most is not None and abs(value) > 10**40:
        return f"{str(value)[:30]}… ({len(str(value))})"
    if kind is np.ndarray:
        return f"np.array({written(value.tolist(), most)})"
    if kind is dict:
        pairs = list(value.items())[:most]
        parts = [f"{written(key, most)}: {written(inner, most)}" for key, inner in pairs]
        return "{" + _joined(parts, len(value)) + "}"
    if kind is list or kind is tuple:
        inside = _joined([written(inner, most) for inner in value[:most]], len(value))
        if kind is list:
            return f"[{inside}]"
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    return repr(value)


def _joined(parts: list[str], length: int) -> str:
    if len(parts) < length:
        parts = [*parts, _("… {count} more").format(count=length - len(parts))]
    return ", ".join(parts)


def shortened(write: Any, longest: int) -> str:
    """Call ``write(most)`` with fewer and fewer parts until its text is short enough."""
    for most in (None, 12, 8, 5, 3, 2, 1):
        text = str(write(most))
        if len(text) <= longest:
            return text
    return text[: longest - 1] + "…"
