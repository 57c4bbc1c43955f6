r"""ARPA files: the text format in which n-gram models travel between programs.

    \data\
    ngram 1=3                          how many n-grams of each order
    \1-grams:
    -0.30103<TAB>cat<TAB>-0.17609      log10 p(h w), the n-gram, log10 b(h w) as a context
    \end\

``<bos>`` and ``<eos>`` are written ``<s>`` and ``</s>``. Source: Doug Paul's format of the ARPA
projects, as SRILM and KenLM read and write it.
"""

import gzip
import math
import os
import zlib
from collections.abc import Callable, Iterator
from io import BufferedIOBase
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError
from lmlib.ngram.compression import context_sums
from lmlib.ngram.counting import join_keys
from lmlib.ngram.estimators import Estimates
from lmlib.ngram.model import NgramLM
from lmlib.ngram.table import NgramTable
from lmlib.text import BOS, EOS, SPECIAL_TOKENS, UNK, TextFormat, Vocab

_TO_ARPA = {BOS: "<s>", EOS: "</s>"}
_FROM_ARPA = {"<s>": BOS, "</s>": EOS, "<UNK>": UNK}
_ZERO = -99.0  # how the format writes log10 of zero
_LINES = 4096  # written at a time
_SUM_TOLERANCE = 1e-3  # a file's few digits keep sums within this of one


# ---------------------------------------------------------------- writing


def write_arpa(
    model: NgramLM, path: str | Path, progress: Callable[[str], None] | None = None
) -> None:
    """Write a model as an ARPA file, compressed if the name ends in ``.gz``.

    The file is written beside its place and then renamed.

    Raises
    ------
    InputError
        If the format cannot express the model: unseen n-grams that do not fall to the next
        shorter context at full weight (MLE and add-k above order 1, stupid backoff), or tokens
        with white space in them, which the format has no way to write.
    """
    path = Path(path)
    _refuse_what_arpa_cannot_say(model)
    words = [_TO_ARPA.get(token, token).encode() for token in model.vocab.tokens]
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _create(beside, compressed=path.name.endswith(".gz")) as file:
            file.write(b"\\data\\\n")
            for order, size in enumerate(model.ngrams_by_order, start=1):
                file.write(b"ngram %d=%d\n" % (order, size))
            ngrams = np.array(words, dtype=object)  # (n_k,): each n-gram of the order, spelled
            following = np.array([b" " + word for word in words], dtype=object)
            for order in range(1, model.order + 1):
                if progress:
                    progress(f"writing {order}-grams")
                if order > 1:
                    contexts = model.table.contexts(order)
                    ngrams = ngrams[contexts] + following[model.table.words[order]]
                file.write(b"\n\\%d-grams:\n" % order)
                backoffs = model.backoffs[order] if order < model.order else None
                file.writelines(_lines(model.logprobs[order], ngrams, backoffs))
            file.write(b"\n\\end\\\n")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _refuse_what_arpa_cannot_say(model: NgramLM) -> None:
    if model.order > 1 and not (model.chained and model.unseen_context == 0):
        name = model.summary.get("smoothing", "this estimator")
        raise InputError(
            f"an ARPA file cannot express {name}: in that format an n-gram that is not listed "
            "falls to the next shorter context, at full weight where the context itself is not "
            "listed. Save a model folder, or choose another smoothing."
        )
    for token in model.vocab.tokens:
        if not token or any(character in token for character in " \t\n\v\f\r\0"):
            raise InputError(
                f"an ARPA file cannot hold the token {token!r}: white space divides its columns. "
                "Save a model folder instead."
            )
        if token in ("<s>", "</s>"):
            raise InputError(
                f"the text itself holds the token {token}, which in an ARPA file marks the ends "
                "of a sentence. Remove it from the text, or save a model folder."
            )


def _create(path: Path, compressed: bool) -> BinaryIO:
    if compressed:
        return cast(BinaryIO, gzip.open(path, "wb", compresslevel=6))
    return path.open("wb")


def _lines(
    logprobs: npt.NDArray, ngrams: npt.NDArray, backoffs: npt.NDArray | None
) -> Iterator[bytes]:
    """The lines of one order, some thousand joined together."""
    for start in range(0, ngrams.size, _LINES):
        rows = slice(start, start + _LINES)
        columns = [_numbers(logprobs[rows]), [b"\t"] * len(ngrams[rows]), ngrams[rows].tolist()]
        if backoffs is not None:
            columns += [[b"\t"] * len(ngrams[rows]), _numbers(backoffs[rows])]
        columns.append([b"\n"] * len(ngrams[rows]))
        pieces: list[bytes] = [b""] * (len(columns) * len(columns[0]))
        for i, column in enumerate(columns):
            pieces[i :: len(columns)] = column
        yield b"".join(pieces)


def _numbers(logs: npt.NDArray) -> list[bytes]:
    """ln to log10 in text, seven digits behind the point.

    Most lie between -10 and 0: their digits are worked out for all of them together, which is
    several times as fast as formatting one by one. The others are formatted.
    """
    values = np.where(np.isneginf(logs), _ZERO, logs / math.log(10))
    scaled = np.rint(values * -1e7).astype(np.int64)
    digits = np.full((values.size, 10), ord("."), np.uint8)  # -d.ddddddd
    digits[:, 0] = ord("-")
    rest = scaled.copy()
    for column in (9, 8, 7, 6, 5, 4, 3, 1):
        rest, digit = np.divmod(rest, 10)
        digits[:, column] = digit + ord("0")
    texts: list[bytes] = digits.view("S10").reshape(-1).tolist()
    for i in np.flatnonzero((scaled <= 0) | (scaled >= 10**8)).tolist():
        texts[i] = b"%.7g" % (values[i] + 0.0)  # no minus before a zero
    return texts


# ---------------------------------------------------------------- reading


def read_arpa(path: str | Path, text_format: TextFormat | None = None) -> NgramLM:
    """Read an ARPA file, compressed or not.

    Parameters
    ----------
    path
    text_format
        How texts are to be read for this model, which the file does not say; by default tokens
        between white space, a sentence a line.

    Returns
    -------
    NgramLM
        With ``normalised = False`` if some context's probabilities do not sum to one.

    Raises
    ------
    InputError
        If it is no ARPA file, is damaged or incomplete; the line is named.
    """
    path = Path(path)
    text_format = text_format or TextFormat("whitespace", "sentence")
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if compressed else path.open("rb") as file:
            return _Reader(path, file).read(text_format)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except IsADirectoryError:
        raise InputError(f"{path}: this is a folder, not an ARPA file.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: the compressed file is damaged ({error}).") from None


class _Reader:
    """Reads one file line by line and remembers where it is."""

    def __init__(self, path: Path, file: BufferedIOBase) -> None:
        self.path = path
        self.file = file
        self.line = 0

    def fail(self, what: str) -> InputError:
        return InputError(f"{self.path}, line {self.line}: {what}")

    def next_line(self) -> bytes:
        """The next line that is not empty."""
        for line in self.file:
            self.line += 1
            if line.strip():
                return line.strip()
        raise self.fail("the file ends too early; it is incomplete.")

    def read(self, text_format: TextFormat) -> NgramLM:
        sizes = self.read_header()
        index, vocab_tokens, logprobs, backoffs = self.read_unigrams(sizes[0], len(sizes))
        order_of_tokens = [*SPECIAL_TOKENS, *(t for t in vocab_tokens if t not in SPECIAL_TOKENS)]
        if EOS not in vocab_tokens and text_format.unit == "sentence":
            raise self.fail(
                "there is no </s> among the 1-grams, so no sentence can end; read it as a stream."
            )
        place = {token: i for i, token in enumerate(order_of_tokens)}
        renumber = np.array([place[token] for token in vocab_tokens], dtype=np.int64)
        top = np.full(len(place), -np.inf)
        top[renumber] = logprobs
        top[1] = -np.inf  # <bos> is read, never predicted
        if text_format.unit == "stream":
            top[2] = -np.inf
        bottom = np.zeros(len(place))
        bottom[renumber] = backoffs
        ids = {word: int(renumber[number]) for word, number in index.items()}

        nothing = np.zeros(0)
        table = NgramTable(
            [nothing.astype(np.int32), np.arange(len(place), dtype=np.int32)],
            [nothing.astype(np.int64)] * 2,
        )
        tables = Estimates([nothing, top], [nothing, bottom])
        holds_unk = False
        for order in range(2, len(sizes) + 1):
            tokens, order_logprobs, order_backoffs = self.read_section(
                order, sizes[order - 1], ids, last=order == len(sizes)
            )
            holds_unk = holds_unk or bool((tokens == 0).any())
            sorting, words, starts = self.number(table, order, tokens)
            table = NgramTable([*table.words, words], [*table.starts, starts])
            tables.logprobs.append(order_logprobs[sorting])
            if order < len(sizes):
                tables.backoffs.append(order_backoffs[sorting])
        if self.next_line() != b"\\end\\":
            raise self.fail("\\end\\ should stand here.")
        if len(sizes) == 1:
            tables.backoffs = [nothing]
        vocab = Vocab(order_of_tokens, [int(holds_unk)] + [0] * (len(place) - 1))
        model = NgramLM(table, tables, vocab, text_format)
        model.summary = {"smoothing": f"read from {self.path.name}"}
        model.normalised = all(
            bool((np.abs(sums - 1) < _SUM_TOLERANCE).all()) for sums in context_sums(model)
        )
        return model

    def read_header(self) -> list[int]:
        try:
            line = self.next_line()
            while line != b"\\data\\":
                if self.line > 100:  # comments may stand before the header, a book may not
                    raise self.fail("no line \\data\\ so far; this is no ARPA file.")
                line = self.next_line()
        except InputError:
            raise self.fail("no line \\data\\; this is no ARPA file.") from None
        sizes: list[int] = []
        while (line := self.next_line()).startswith(b"ngram"):
            try:
                order, size = (int(part) for part in line[5:].split(b"="))
            except ValueError:
                raise self.fail(f"expected 'ngram order=count', found {line!r}.") from None
            if order != len(sizes) + 1 or size < 0:
                raise self.fail(f"expected the count of order {len(sizes) + 1}, found {line!r}.")
            sizes.append(size)
        if not sizes or sizes[0] == 0:
            raise self.fail("the header counts no 1-grams.")
        if line != b"\\1-grams:":
            raise self.fail(f"expected \\1-grams:, found {line!r}.")
        return sizes

    def rows(self, order: int, size: int, last: bool) -> Iterator[list[bytes]]:
        """The columns of each line of a section: log10 p, the tokens, log10 b."""
        for line in islice(self.file, size):
            self.line += 1
            columns = line.split()
            if len(columns) == order + 1:
                columns.append(b"0")  # a backoff weight of one need not be written
            elif len(columns) != order + 2 or last:
                raise self.fail(f"no {order}-gram: {line.strip().decode(errors='replace')!r}.")
            yield columns

    def numbers(self, column: list[bytes], first_line: int) -> np.ndarray:
        """log10 to ln; -99 and below are ln 0."""
        try:
            values = np.array(column, dtype="S").astype(np.float64)
        except ValueError:
            for i, text in enumerate(column):
                try:
                    float(text)
                except ValueError:
                    self.line = first_line + i
                    raise self.fail(f"{text.decode(errors='replace')!r} is no number.") from None
            raise
        if np.isnan(values).any():
            self.line = first_line + int(np.isnan(values).argmax())
            raise self.fail("nan is no probability.")
        return np.where(values <= _ZERO, -np.inf, values * math.log(10))

    def read_unigrams(
        self, size: int, orders: int
    ) -> tuple[dict[bytes, int], list[str], np.ndarray, np.ndarray]:
        first = self.line + 1
        rows = list(self.rows(1, size, last=orders == 1))
        if len(rows) < size:
            raise self.fail(f"{size} 1-grams were announced, {len(rows)} stand here.")
        index = {row[1]: i for i, row in enumerate(rows)}
        if len(index) != size:
            raise self.fail("a 1-gram stands here twice.")
        tokens = []
        for i, row in enumerate(rows):
            try:
                token = row[1].decode("utf-8")
            except UnicodeDecodeError:
                self.line = first + i
                raise self.fail(f"{row[1]!r} is not UTF-8.") from None
            tokens.append(_FROM_ARPA.get(token, token))
        logprobs = self.numbers([row[0] for row in rows], first)
        backoffs = self.numbers([row[2] for row in rows], first)
        return index, tokens, logprobs, backoffs

    def read_section(
        self, order: int, size: int, ids: dict[bytes, int], last: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """tokens (n, order), ln p (n,), ln b (n,), in the order of the file."""
        header = self.next_line()
        if header != b"\\%d-grams:" % order:
            raise self.fail(
                f"expected \\{order}-grams:, found {header.decode(errors='replace')!r}; "
                "the section before may be longer than its header says."
            )
        first = self.line + 1
        tokens = np.empty((size, order), np.int64)
        logprobs: list[bytes] = []
        backoffs: list[bytes] = []
        for i, columns in enumerate(self.rows(order, size, last)):
            try:
                tokens[i] = [ids[word] for word in columns[1:-1]]
            except KeyError as error:
                word = error.args[0].decode(errors="replace")
                raise self.fail(f"{word!r} is not among the 1-grams.") from None
            logprobs.append(columns[0])
            backoffs.append(columns[-1])
        if len(logprobs) < size:
            raise self.fail(f"{size} {order}-grams were announced, {len(logprobs)} stand here.")
        return tokens, self.numbers(logprobs, first), self.numbers(backoffs, first)

    def number(
        self, table: NgramTable, order: int, tokens: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How to sort the n-grams of a section, their last words, and where contexts begin."""
        depth = np.broadcast_to(np.arange(1, order), (len(tokens), order - 1))
        contexts = table.numbers_along(tokens[:, :-1], depth)[order - 1][:, -1]
        if (contexts < 0).any():
            row = tokens[int((contexts < 0).argmax())].tolist()
            raise self.fail(
                f"a {order}-gram (tokens {row} of the vocabulary) has a context that is not among "
                f"the {order - 1}-grams; the file is damaged."
            )
        keys = join_keys(contexts, tokens[:, -1])
        sorting = np.argsort(keys, kind="stable")
        if (np.diff(keys[sorting]) == 0).any():
            raise self.fail(f"a {order}-gram stands in the file twice.")
        sizes = np.bincount(contexts, minlength=table.words[order - 1].size)
        starts = np.concatenate(([0], np.cumsum(sizes)))
        return sorting, tokens[sorting, -1].astype(np.int32), starts
