"""What several commands take: a model, a text, and how it is read."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from lmlib.errors import InputError

if TYPE_CHECKING:
    from lmlib.language_model import LanguageModel

TOKENIZER_NAMES = ("whitespace", "words", "characters", "chinese-words")
UNITS = ("sentence", "stream")


def add_json(parser: ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )


def add_text(parser: ArgumentParser, what: str) -> None:
    """Add ``--text``."""
    parser.add_argument(
        "--text", required=True, metavar="FILE", help=f"{what}, UTF-8; - reads standard input"
    )


def add_reading(parser: ArgumentParser) -> None:
    """Add the text and how it is read."""
    add_text(parser, "what to learn from")
    parser.add_argument(
        "--tokens",
        "--tokenizer",
        dest="tokenizer",
        choices=TOKENIZER_NAMES,
        help="how text is cut into tokens (default: words)",
    )
    parser.add_argument(
        "--unit",
        choices=UNITS,
        help="a sentence a line, or one stream (default: sentence)",
    )
    parser.add_argument("--lower", action="store_true", help="read capitals as small letters")


def fill_reading(arguments: Namespace) -> None:
    """Put in how a text is read where that was not said."""
    arguments.tokenizer = arguments.tokenizer or "words"
    arguments.unit = arguments.unit or "sentence"


def check_vocabulary_flags(arguments: Namespace) -> None:
    """Refuse sizes of a vocabulary that make no sense."""
    if arguments.min_count is not None and arguments.min_count < 1:
        raise InputError(f"--min-count {arguments.min_count}: give 1 or more.")
    if arguments.max_vocab is not None and arguments.max_vocab < 4:
        raise InputError(
            f"--max-vocab {arguments.max_vocab}: <unk>, <bos> and <eos> take 3; give 4 or more."
        )


def add_model(parser: ArgumentParser, *tokenizer_flags: str) -> None:
    """Add the model, and how a text is read where the model is an ARPA file."""
    parser.add_argument("model", help="a model folder, or an ARPA file (.arpa, .arpa.gz)")
    reading = parser.add_argument_group("for an ARPA file, which does not say how text is read")
    reading.add_argument(
        *tokenizer_flags,
        dest="tokenizer",
        choices=TOKENIZER_NAMES,
        help="how text is cut into tokens (default: whitespace)",
    )
    reading.add_argument(
        "--unit", choices=UNITS, help="a sentence a line, or one stream (default: sentence)"
    )


def load_model(arguments: Namespace) -> LanguageModel:
    """Load the model that `add_model` asked for."""
    from lmlib.storage import load
    from lmlib.text import TextFormat

    tokens, unit = arguments.tokenizer, arguments.unit
    text_format = TextFormat(tokens or "whitespace", unit or "sentence") if tokens or unit else None
    return load(arguments.model, text_format)


def read_input(path: str) -> str:
    """Read a text file, or standard input for ``-``.

    Raises
    ------
    InputError
        As `lmlib.text.read_text`.
    """
    from lmlib.text import decode_text, read_text

    return (
        decode_text(sys.stdin.buffer.read(), "standard input") if path == "-" else read_text(path)
    )
