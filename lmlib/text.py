"""From a text to numbers: read it, cut it into tokens, build a vocabulary, look the tokens up.

The four steps of chapter 02. Nothing here knows about models.
"""

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError

UNK, BOS, EOS = "<unk>", "<bos>", "<eos>"
SPECIAL_TOKENS = (UNK, BOS, EOS)

TokenIds = npt.NDArray[np.int64]


# ---------------------------------------------------------------- step 1: load


def read_text(path: str | Path) -> str:
    """Read a UTF-8 text file; line ends become ``\\n``, a byte-order mark is dropped.

    Raises
    ------
    InputError
        If the file is missing, a folder, unreadable, not UTF-8 (the byte offset is named) or empty.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: there is no such file.") from None
    except IsADirectoryError:
        raise InputError(f"{path}: this is a folder; name a text file in it.") from None
    except PermissionError:
        raise InputError(f"{path}: no permission to read this file.") from None
    return decode_text(data, str(path))


def decode_text(data: bytes, name: str) -> str:
    """Decode what was read from a file or a pipe, as `read_text` does; ``name`` is for messages."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + len(data) - len(error.object)  # counted from behind a mark, if any
        raise InputError(
            f"{name}: not UTF-8 at byte {start} (0x{data[start]:02x}); "
            "convert it first, for example: iconv -f GB18030 -t UTF-8"
        ) from None
    if not text.strip():
        raise InputError(f"{name}: there is no text in it.")
    return text.replace("\r\n", "\n")


# ---------------------------------------------------------------- step 2: tokenise

_ASCII_WORD = re.compile(r"[^\0\t\n\v\f\r ]+")
_WORD_OR_MARK = re.compile(
    r"<unk>"  # PTB writes its rare words so; it is one token
    r"|[\u3400-\u4dbf\u4e00-\u9fff]"  # Chinese writes no spaces: a character is a token
    r"|[^\W_\u3400-\u4dbf\u4e00-\u9fff]+(?:['’\-][^\W_\u3400-\u4dbf\u4e00-\u9fff]+)*"
    r"|[^\w\s]|_"
)
_NO_SPACE_BEFORE = frozenset(".,;:!?)]}%'’”…。，；：！？）》")
_NO_SPACE_AFTER = frozenset("([{$‘“（《")


def _cut_at_whitespace(line: str) -> list[str]:
    if line.isascii() and line.isprintable():
        return line.split()  # the same, several times as fast
    return _ASCII_WORD.findall(line)


def _cut_chinese(line: str) -> list[str]:
    try:
        import jieba
    except ImportError:
        raise InputError(
            "Chinese words are cut by jieba, which is not installed: pip install jieba "
            '(or read the text by tokens="characters").'
        ) from None
    jieba.setLogLevel("WARNING")
    return list(jieba.cut(line))


def _join_words(tokens: Sequence[str]) -> str:
    pieces: list[str] = []
    open_quote = False
    glue = True  # nothing stands before the first token
    for token in tokens:
        if token == "\n":
            pieces.append(token)
            glue = True
            continue
        closing = token == '"' and open_quote
        chinese = "\u3400" <= token[0] <= "\u9fff"
        if not glue and token not in _NO_SPACE_BEFORE and not closing and not chinese:
            pieces.append(" ")
        pieces.append(token)
        if token == '"':
            open_quote = not open_quote
        glue = token in _NO_SPACE_AFTER or (token == '"' and open_quote) or chinese
    return "".join(pieces)


def _join_nothing(tokens: Sequence[str]) -> str:
    return "".join(tokens)


def _join_spaces(tokens: Sequence[str]) -> str:
    return " ".join(tokens).replace(" \n ", "\n").replace(" \n", "\n").replace("\n ", "\n")


@dataclass(frozen=True)
class Tokenizer:
    """A way to cut a line into tokens, and to write tokens as a line again.

    ``lossless`` promises ``join(cut(line)) == line`` for every line.
    """

    name: str
    cut: Callable[[str], list[str]]
    join: Callable[[Sequence[str]], str]
    lossless: bool


TOKENIZERS: dict[str, Tokenizer] = {
    tokenizer.name: tokenizer
    for tokenizer in (
        Tokenizer("whitespace", _cut_at_whitespace, _join_spaces, lossless=False),
        Tokenizer("words", _WORD_OR_MARK.findall, _join_words, lossless=False),
        Tokenizer("characters", list, _join_nothing, lossless=True),
        Tokenizer("chinese-words", _cut_chinese, _join_nothing, lossless=True),
    )
}


def tokenize(line: str, tokens: str = "words") -> list[str]:
    """Cut one line into tokens.

    Parameters
    ----------
    tokens
        ``"whitespace"`` (the text is already tokenised), ``"words"`` (punctuation stands apart),
        ``"characters"``, or ``"chinese-words"`` (jieba).

    Examples
    --------
    >>> tokenize("The cat, which didn't sleep, was full.")
    ['The', 'cat', ',', 'which', "didn't", 'sleep', ',', 'was', 'full', '.']
    >>> tokenize("我喜欢苹果", "characters")
    ['我', '喜', '欢', '苹', '果']
    """
    return _tokenizer(tokens).cut(line)


def detokenize(tokens: Sequence[str], kind: str = "words") -> str:
    """Write tokens as text again; exact for ``"characters"`` and ``"chinese-words"``.

    Examples
    --------
    >>> detokenize(["Well", ",", "(", "so", ")", "be", "it", "."])
    'Well, (so) be it.'
    """
    return _tokenizer(kind).join(tokens)


def _tokenizer(name: str) -> Tokenizer:
    if name not in TOKENIZERS:
        raise InputError(f"tokens={name!r} is not known; choose one of {', '.join(TOKENIZERS)}.")
    return TOKENIZERS[name]


@dataclass(frozen=True)
class TextFormat:
    """How a raw text is read, stored with every model.

    Parameters
    ----------
    tokens
        The name of a tokeniser (see `tokenize`).
    unit
        ``"sentence"``: each line is a sentence of its own and ends with ``<eos>``; an empty line
        is an empty sentence, as for KenLM. ``"stream"``: one running text, in which a newline is
        a token and nothing ends.
    lower
        Whether capitals are read as small letters.
    """

    tokens: str = "words"
    unit: str = "sentence"
    lower: bool = False

    def __post_init__(self) -> None:
        _tokenizer(self.tokens)
        if self.unit not in ("sentence", "stream"):
            raise InputError(f"unit={self.unit!r} is not known; choose sentence or stream.")

    def lines(self, text: str) -> Iterator[list[str]]:
        """Yield the tokens of each line; in a stream every line but the last ends in ``"\\n"``."""
        cut = TOKENIZERS[self.tokens].cut
        lines = (text.lower() if self.lower else text).split("\n")
        if self.unit == "sentence":
            if lines[-1] == "":
                lines.pop()  # the text ended with a newline, which ends the last sentence
            for line in lines:
                yield cut(line)
        else:
            for line in lines[:-1]:
                yield [*cut(line), "\n"]
            yield cut(lines[-1])

    def split(self, text: str) -> list[list[str]]:
        """Cut a text into sequences of tokens: one a line, or one for a whole stream.

        Examples
        --------
        >>> TextFormat("characters", "sentence").split("ab\\nc\\n")
        [['a', 'b'], ['c']]
        >>> TextFormat("characters", "stream").split("ab\\nc\\n")
        [['a', 'b', '\\n', 'c', '\\n']]
        """
        if self.unit == "sentence":
            return list(self.lines(text))
        return [[token for line in self.lines(text) for token in line]]

    def join(self, tokens: Sequence[str]) -> str:
        """Write tokens as text."""
        return TOKENIZERS[self.tokens].join(tokens)

    def count_characters(self, text: str) -> int:
        """Count the characters of the raw text, newlines included (each sentence has one)."""
        if self.unit == "sentence" and not text.endswith("\n"):
            return len(text) + 1
        return len(text)


# ---------------------------------------------------------------- step 3: a vocabulary


class Vocab:
    """The tokens that a model knows, each with its number.

    ``<unk>``, ``<bos>``, ``<eos>`` are 0, 1, 2; the others follow by falling frequency, and
    tokens that are equally frequent stand in the order in which the text first used them.

    Parameters
    ----------
    tokens
        All tokens in order, the three special ones first.
    counts : array of shape (V,), optional
        How often each stood in the training text. ``<unk>`` counts as a word of the text (as in
        PTB) only where its count is above zero; otherwise every ``<unk>`` is out of vocabulary.
    """

    def __init__(self, tokens: Iterable[str], counts: npt.ArrayLike | None = None) -> None:
        self.tokens = tuple(tokens)
        if self.tokens[:3] != SPECIAL_TOKENS:
            raise InputError(f"a vocabulary begins with {SPECIAL_TOKENS}, not {self.tokens[:3]}.")
        self._index = {token: number for number, token in enumerate(self.tokens)}
        if len(self._index) != len(self.tokens):
            twice = next(t for t, c in Counter(self.tokens).items() if c > 1)
            raise InputError(f"the vocabulary holds {twice!r} twice.")
        self.unk, self.bos, self.eos = 0, 1, 2
        self.counts: TokenIds = (
            np.zeros(len(self.tokens), np.int64)
            if counts is None
            else np.asarray(counts, dtype=np.int64)
        )
        if self.counts.shape != (len(self.tokens),):
            raise InputError(
                f"{len(self.tokens)} tokens but counts of shape {self.counts.shape}; "
                "give one count a token."
            )

    @classmethod
    def build(
        cls,
        sequences: Iterable[Iterable[str]],
        min_count: int = 1,
        max_size: int | None = None,
    ) -> "Vocab":
        """Build a vocabulary by frequency.

        Parameters
        ----------
        sequences
            Token sequences, as `TextFormat.split` gives.
        min_count
            Rarer tokens are left out; they will be read as ``<unk>``.
        max_size
            At most so many tokens, the special ones included.

        Examples
        --------
        >>> Vocab.build([["b", "a", "b"], ["c", "a"]]).tokens
        ('<unk>', '<bos>', '<eos>', 'b', 'a', 'c')
        """
        counter = Counter(token for tokens in sequences for token in tokens)
        return cls.from_counts(list(counter), list(counter.values()), min_count, max_size)

    @classmethod
    def from_counts(
        cls,
        types: Sequence[str],
        counts: Sequence[int],
        min_count: int = 1,
        max_size: int | None = None,
    ) -> "Vocab":
        """Order types by falling count; those counted equally keep the order they are given in."""
        if max_size is not None and max_size < len(SPECIAL_TOKENS):
            raise InputError(f"max_size={max_size}: the three special tokens alone need 3.")
        for mark in (BOS, EOS):
            if mark in types:
                raise InputError(f"the text holds {mark}; lmlib adds this mark itself: remove it.")
        by_count = sorted(range(len(types)), key=lambda i: -counts[i])  # stable
        kept = [i for i in by_count if counts[i] >= min_count and types[i] != UNK]
        if max_size is not None:
            kept = kept[: max_size - len(SPECIAL_TOKENS)]
        kept_counts = [counts[i] for i in kept]
        unknown = sum(counts) - sum(kept_counts)  # the text's own <unk>, and all that was cut off
        tokens = [*SPECIAL_TOKENS, *(types[i] for i in kept)]
        return cls(tokens, [unknown, 0, 0, *kept_counts])

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._index

    def __getitem__(self, token: str) -> int:
        """The number of a token; that of ``<unk>`` for one that is not known."""
        return self._index.get(token, self.unk)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocab) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __repr__(self) -> str:
        return f"Vocab({len(self)} tokens: {', '.join(self.tokens[:8])}, …)"

    # ------------------------------------------------------------ step 4: indices

    def encode(self, tokens: Iterable[str]) -> TokenIds:
        """Look tokens up: an array of int64, unknown ones as ``<unk>``."""
        ids = self.encode_or_minus_one(tokens)
        ids[ids < 0] = self.unk
        return ids

    def encode_or_minus_one(self, tokens: Iterable[str]) -> TokenIds:
        """Look tokens up; what is out of vocabulary is -1, so that it can be counted.

        Raises
        ------
        InputError
            If the text itself holds ``<bos>`` or ``<eos>``, which are lmlib's own marks.
        """
        look_up = self._index.get
        ids = np.array([look_up(token, -1) for token in tokens], dtype=np.int64)
        if ids.size and ((ids == self.bos) | (ids == self.eos)).any():
            raise InputError(
                "the text holds <bos> or <eos> as a token; lmlib adds these marks itself: "
                "remove them from the text."
            )
        if self.counts[self.unk] == 0:
            ids[ids == self.unk] = -1
        return ids

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Numbers back to tokens."""
        return [self.tokens[int(i)] for i in ids]


def predictable_tokens(vocab: Vocab, unit: str) -> npt.NDArray[np.bool_]:
    """(V,): True for what a model may predict: never ``<bos>``, and in a stream no ``<eos>``."""
    mask = np.ones(len(vocab), dtype=bool)
    mask[vocab.bos] = False
    if unit == "stream":
        mask[vocab.eos] = False
    return mask


def encode_text(text: str, text_format: TextFormat, vocab: Vocab) -> list[TokenIds]:
    """Cut and look up: an array a sentence, ending in ``<eos>``; or one array for a stream."""
    sequences = []
    for tokens in text_format.split(text):
        ids = vocab.encode(tokens)
        sequences.append(np.append(ids, vocab.eos) if text_format.unit == "sentence" else ids)
    return sequences


def index_text(
    text: str, text_format: TextFormat, min_count: int = 1, max_size: int | None = None
) -> tuple[Vocab, list[TokenIds]]:
    """Build the vocabulary of a text and encode it, reading it once.

    The same as `Vocab.build` followed by `encode_text`, in half the time and with no list of all
    tokens in memory.
    """
    first_seen: defaultdict[str, int] = defaultdict()
    first_seen.default_factory = first_seen.__len__
    seen = array("i")
    lengths: list[int] = []
    for tokens in text_format.lines(text):
        lengths.append(len(tokens))
        seen.extend(map(first_seen.__getitem__, tokens))
    flat = np.frombuffer(seen, np.int32) if seen else np.zeros(0, np.int32)
    types = list(first_seen)
    counts = np.bincount(flat, minlength=len(types)).tolist()
    vocab = Vocab.from_counts(types, counts, min_count, max_size)
    renumber = np.array([vocab[token] for token in types], dtype=np.int64)
    if text_format.unit == "stream":
        return vocab, [renumber[flat]]
    ends = np.cumsum(np.array(lengths, np.int64) + 1)  # each sentence with room for its <eos>
    ids = np.full(ends[-1] if lengths else 0, vocab.eos, dtype=np.int64)
    inside = np.ones(ids.size, dtype=bool)
    inside[ends - 1] = False
    ids[inside] = renumber[flat]
    return vocab, np.split(ids, ends[:-1]) if lengths else []
