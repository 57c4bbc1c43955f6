"""``lmlib ladder``: every language model on a text of one's own, in one table."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from lmlib.commands.arguments import (
    add_json,
    add_reading,
    check_vocabulary_flags,
    fill_reading,
    read_input,
)
from lmlib.commands.terminal import print_json, progress

if TYPE_CHECKING:
    from lmlib.ladder import Rung

_WIDTHS = (14, 12, 16, 14, 10, 14)


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "ladder",
        help="train and score every language model on a text",
        description="Train every language model on the same tokens, from counted words to LSTM, "
        "and score all on the same test text: perplexity, bits per character, parameters, seconds "
        "to train, bytes on disk. Needs PyTorch.",
        allow_abbrev=False,
    )
    add_reading(parser)
    parser.add_argument(
        "--test", metavar="FILE", help="what to score (default: a tenth of the text is set aside)"
    )
    parser.add_argument(
        "--rungs", nargs="+", metavar="NAME", help="these alone, such as: kneser-ney-5 lstm"
    )
    parser.add_argument(
        "--min-count",
        type=int,
        metavar="N",
        help="rarer tokens are read as <unk> (default: 1 for characters, 2 for words)",
    )
    parser.add_argument(
        "--max-vocab",
        type=int,
        default=10_000,
        metavar="N",
        help="at most N tokens, <unk>, <bos>, <eos> included (default: 10000)",
    )
    parser.add_argument(
        "--epochs", type=int, default=20, metavar="N", help="at most N passes (default: 20)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of everything drawn by chance"
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda", "mps"), default="cpu", help="(default: cpu)"
    )
    ways = parser.add_mutually_exclusive_group()
    add_json(ways)
    ways.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Climb, and print each rung as soon as it is there."""
    from lmlib.ladder import HEAD, cells_of, ladder, markdown
    from lmlib.text import TextFormat
    from lmlib.training import TrainingConfig

    fill_reading(arguments)
    check_vocabulary_flags(arguments)
    training = TrainingConfig(epochs=arguments.epochs, seed=arguments.seed, device=arguments.device)
    text = read_input(arguments.text)
    test = None if arguments.test is None else read_input(arguments.test)
    as_they_come = not (arguments.json or arguments.markdown)

    lines: list[tuple[str, ...]] = [HEAD]  # printed with the first rung, not before an error

    def report(rung: Rung) -> None:
        if as_they_come:
            lines.append(cells_of(rung))
            print(*map(_line, lines), sep="\n", flush=True)
            lines.clear()

    with progress() as say:
        found = ladder(
            text,
            TextFormat(arguments.tokenizer, arguments.unit, arguments.lower),
            test=test,
            names=arguments.rungs,
            min_count=arguments.min_count,
            max_vocab=arguments.max_vocab,
            training=training,
            progress=say,
            report=report,
        )
    if arguments.json:
        print_json({"rungs": [asdict(rung) for rung in found]})
    elif arguments.markdown:
        print(markdown(found))


def _line(cells: tuple[str, ...]) -> str:
    first, *rest = (
        text.rjust(width) if i else text.ljust(width)
        for i, (text, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    )
    return first + "".join(rest)
