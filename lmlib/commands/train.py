"""``lmlib train``: learn a model from a text. Each kind of model has its own flags."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmlib.commands.arguments import TOKENIZER_NAMES, UNITS, add_json, add_text, read_input
from lmlib.commands.score import figures_of, show
from lmlib.commands.terminal import print_json, print_rows, progress
from lmlib.errors import InputError

if TYPE_CHECKING:
    from lmlib.ngram import Estimator, NgramLM

SMOOTHING_NAMES = (
    "mle",
    "add-k",
    "stupid-backoff",
    "katz",
    "interpolated",
    "witten-bell",
    "kneser-ney",
    "modified-kneser-ney",
)


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "train",
        help="learn a model from a text",
        description="Learn a model from a text.",
        allow_abbrev=False,
    )
    kinds = parser.add_subparsers(title="kinds of model", metavar="KIND", required=True)
    for add_kind in KINDS:
        add_kind(kinds)


# ---------------------------------------------------------------- n-grams


def _add_ngram(kinds: argparse._SubParsersAction) -> None:
    parser = kinds.add_parser(
        "ngram",
        help="count n-grams and smooth them",
        description="Count n-grams and smooth them.",
        allow_abbrev=False,
    )
    parser.add_argument("--order", type=int, default=3, metavar="N", help="n (default: 3)")
    parser.add_argument(
        "--smoothing",
        choices=SMOOTHING_NAMES,
        default="modified-kneser-ney",
        help="(default: modified-kneser-ney)",
    )
    parser.add_argument("--k", type=float, help="what add-k adds (default: 1)")
    parser.add_argument(
        "--tokens",
        "--tokenizer",
        dest="tokenizer",
        choices=TOKENIZER_NAMES,
        default="words",
        help="how text is cut into tokens (default: words)",
    )
    parser.add_argument(
        "--unit",
        choices=UNITS,
        default="sentence",
        help="a sentence a line, or one stream (default: sentence)",
    )
    parser.add_argument("--lower", action="store_true", help="read capitals as small letters")
    parser.add_argument(
        "--min-count", type=int, default=1, metavar="N", help="rarer tokens are read as <unk>"
    )
    parser.add_argument(
        "--max-vocab", type=int, metavar="N", help="at most N tokens, <unk>, <bos>, <eos> included"
    )
    add_text(parser, "what to learn from")
    parser.add_argument(
        "--valid",
        metavar="FILE",
        help="held-out text: interpolated learns its weights from it, for the others its "
        "perplexity is reported",
    )
    parser.add_argument(
        "--out", required=True, metavar="PATH", help="a folder, or a file .arpa or .arpa.gz"
    )
    add_json(parser)
    parser.set_defaults(run=_run_ngram)


def _run_ngram(arguments: argparse.Namespace) -> None:
    started = time.perf_counter()
    _check_ngram_flags(arguments)
    _check_paths(arguments)

    from lmlib.language_model import score
    from lmlib.ngram import train_ngram
    from lmlib.text import TextFormat

    smoothing = _smoothing(arguments)
    learns_weights = arguments.smoothing == "interpolated"
    with progress() as say:
        say(f"reading {arguments.text}")
        text = read_input(arguments.text)
        valid = read_input(arguments.valid) if arguments.valid is not None else None
        model = train_ngram(
            text,
            arguments.order,
            smoothing,
            TextFormat(arguments.tokenizer, arguments.unit, arguments.lower),
            valid=valid if learns_weights else None,
            min_count=arguments.min_count,
            max_size=arguments.max_vocab,
            progress=say,
        )
        figures = None
        if valid is not None and not learns_weights:
            say("scoring the validation text")
            figures = figures_of(score(model, valid))
        _write(model, arguments.out, say)
    result: dict[str, Any] = {
        "out": arguments.out,
        "order": arguments.order,
        "tokens": int(model.vocab.counts.sum()),
        "types": len(model.vocab) - 3,
        "ngrams": model.ngrams_by_order,
        **model.summary,
        "valid": figures,
        "bytes": _size(Path(arguments.out)),
        "seconds": round(time.perf_counter() - started, 3),
    }
    if learns_weights:
        result["weights_from"] = arguments.valid or "the last tenth of the text, held out"
    if arguments.json:
        print_json(result)
    else:
        print_rows(_rows(result))


def _check_ngram_flags(arguments: argparse.Namespace) -> None:
    if arguments.order < 1:
        raise InputError(
            f"--order {arguments.order}: an n-gram has at least one token; give 1 or more."
        )
    if arguments.min_count < 1:
        raise InputError(f"--min-count {arguments.min_count}: give 1 or more.")
    if arguments.max_vocab is not None and arguments.max_vocab < 4:
        raise InputError(
            f"--max-vocab {arguments.max_vocab}: <unk>, <bos> and <eos> take 3; give 4 or more."
        )
    if arguments.k is not None and arguments.smoothing != "add-k":
        raise InputError(
            f"--k belongs to --smoothing add-k, not to {arguments.smoothing}: leave it out."
        )
    if arguments.k is not None and not (arguments.k > 0 and math.isfinite(arguments.k)):
        raise InputError(
            f"--k {arguments.k:g}: add-k adds a number above 0 (to add none: --smoothing mle)."
        )


def _smoothing(arguments: argparse.Namespace) -> Estimator:
    from lmlib.ngram import SMOOTHINGS, AddK

    if arguments.smoothing == "add-k" and arguments.k is not None:
        return AddK(arguments.k)
    return SMOOTHINGS[arguments.smoothing]()


def _rows(result: dict[str, Any]) -> dict[str, str]:
    rows = {
        "learned": f"{result['smoothing']}, order {result['order']}, from {result['tokens']:,} "
        f"tokens of {result['types']:,} types",
        "n-grams": " · ".join(f"{count:,}" for count in result["ngrams"]),
    }
    for name in ("discounts", "discount_ratios", "weights"):
        for i, numbers in enumerate(result.get(name, [])):
            rows.setdefault(name.replace("_", " "), "")
            rows[name.replace("_", " ")] += "; " * (i > 0) + " ".join(f"{x:.4g}" for x in numbers)
    if fallen_back := result.get("discounts_fell_back_in_orders"):
        orders = ", ".join(map(str, fallen_back))
        rows["note"] = (
            f"in order {orders} the counts of counts gave no discounts; 0.5 1 1.5 were used"
        )
    if "weights_from" in result:
        rows["weights"] += f" (from {result['weights_from']})"
    if figures := result["valid"]:
        rows["valid"] = (
            f"perplexity {show(figures['perplexity'])} ({figures['tokens']:,} tokens, "
            f"{figures['oov']:,} out of vocabulary)"
        )
        if "note" in figures:
            rows["valid"] += f"; {figures['note']}"
    rows["written"] = f"{result['out']}, {result['bytes']:,} bytes, in {result['seconds']:.1f} s"
    return rows


#: Each kind of model adds its own verb under ``lmlib train``.
KINDS: tuple[Callable[[argparse._SubParsersAction], None], ...] = (_add_ngram,)


# ---------------------------------------------------------------- where a model is written


def _check_paths(arguments: argparse.Namespace) -> None:
    """Refuse what could not be written, before the long work."""
    out = Path(arguments.out)
    inputs = [path for path in (arguments.text, arguments.valid) if path not in (None, "-")]
    if arguments.text == arguments.valid == "-":
        raise InputError("standard input can be read once: give --text or --valid as a file.")
    for path in inputs:
        if out.exists() and Path(path).exists() and out.samefile(path):
            raise InputError(f"--out {out} is the text itself: give another name.")
    if not _is_arpa(out):
        from lmlib.storage import check_target

        check_target(out)
        return
    if out.is_dir():
        raise InputError(f"--out {out}: a folder of this name is in the way; choose another name.")
    if not out.resolve().parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.resolve().parent}; make it.")
    if not os.access(out.resolve().parent, os.W_OK | os.X_OK):
        raise InputError(f"--out {out}: no permission to write into {out.resolve().parent}.")


def _is_arpa(path: Path) -> bool:
    return path.name.endswith((".arpa", ".arpa.gz"))


def _write(model: NgramLM, out: str, say: Callable[[str], None]) -> None:
    if _is_arpa(Path(out)):
        from lmlib.ngram.arpa import write_arpa

        write_arpa(model, out, say)
        return
    from lmlib.storage import save

    say(f"writing {out}")
    save(model, out)


def _size(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)
