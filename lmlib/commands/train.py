"""``lmlib train``: learn a model from a text. Each kind of model has its own flags."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmlib.commands.arguments import (
    add_json,
    add_reading,
    check_vocabulary_flags,
    fill_reading,
    read_input,
)
from lmlib.commands.score import figures_of, show
from lmlib.commands.terminal import note, print_json, print_rows, progress
from lmlib.errors import InputError

if TYPE_CHECKING:
    from lmlib.neural import NeuralLM
    from lmlib.ngram import Estimator, NgramLM
    from lmlib.text import TextFormat, TokenIds, Vocab
    from lmlib.training import Epoch

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
    add_reading(parser)
    parser.add_argument(
        "--min-count", type=int, default=1, metavar="N", help="rarer tokens are read as <unk>"
    )
    parser.add_argument(
        "--max-vocab", type=int, metavar="N", help="at most N tokens, <unk>, <bos>, <eos> included"
    )
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
    fill_reading(arguments)
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
    check_vocabulary_flags(arguments)
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


# ---------------------------------------------------------------- neural networks

#: Settings of a training, and what they mean; the defaults are those of `TrainingConfig`, of
#: `LanguageModelling` and of the model's own configuration, which need PyTorch to be asked.
_SIZES = {
    "embedding": (int, "numbers that stand for a token"),
    "hidden": (int, "numbers in a hidden layer or state"),
    "dropout": (float, "the probability that a number is dropped in training"),
}
_TRAINING = {
    "epochs": (int, "at most N passes over the text"),
    "learning_rate": (float, "of the optimiser, at the beginning"),
    "decay": (float, "times the learning rate after an epoch that brought nothing"),
    "patience": (int, "stop after N such epochs in a row"),
    "decay_after": (int, "let the learning rate decay after each epoch from N on instead"),
    "clip_norm": (float, "scale longer gradients down to this norm; 0: never"),
    "seed": (int, "of everything drawn by chance"),
}
_BATCHES = {
    "batch_size": (int, "sentences, or lanes of a stream, side by side"),
    "steps": (int, "tokens of a lane between two updates, in a stream"),
}


def _add_window(kinds: argparse._SubParsersAction) -> None:
    _add_neural(
        kinds,
        "window",
        "train a neural network over the last few tokens",
        {"context": (int, "how many tokens it sees"), **_SIZES},
    )


_RECURRENT = {
    **_SIZES,
    "layers": (int, "recurrent layers on top of each other"),
    "tied": (bool, "give the output the embeddings as its weights; their sizes must be equal"),
}

#: Published recipes: what each flag is where it is not given.
PRESETS: dict[str, dict[str, Any]] = {
    # Zaremba et al. 2014, the network without dropout, for the Penn Treebank as Mikolov prepared
    # it. Their loss is a sum over the 20 steps of a lane, ours a mean: a learning rate of 1 and a
    # norm of 5 there are 20 and 5/20 here, with the same weights after each step.
    "ptb-small": {
        "tokenizer": "whitespace",
        "unit": "stream",
        "layers": 2,
        "embedding": 200,
        "hidden": 200,
        "forget_bias": 0.0,
        "initial": 0.1,
        "batch_size": 20,
        "steps": 20,
        "optimiser": "sgd",
        "learning_rate": 20.0,
        "clip_norm": 0.25,
        "decay": 0.5,
        "decay_after": 4,
        "epochs": 13,
        "patience": 13,
    },
}


def _add_rnn(kinds: argparse._SubParsersAction) -> None:
    _add_neural(kinds, "rnn", "train a plain recurrent network", _RECURRENT)


def _add_gru(kinds: argparse._SubParsersAction) -> None:
    _add_neural(kinds, "gru", "train a recurrent network of gated units (GRU)", _RECURRENT)


def _add_lstm(kinds: argparse._SubParsersAction) -> None:
    sizes = {**_RECURRENT, "forget_bias": (float, "what the forget gate's bias begins with")}
    parser = _add_neural(
        kinds, "lstm", "train a recurrent network with long short-term memory (LSTM)", sizes
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="a published recipe; flags that are given besides go before it. ptb-small: 2 layers "
        "of 200, 13 epochs of SGD, for the Penn Treebank (--text ptb.train.txt --valid "
        "ptb.valid.txt)",
    )
    parser.add_argument(
        "--initial", type=float, metavar="X", help="begin with all weights uniform between -X and X"
    )


def _add_neural(
    kinds: argparse._SubParsersAction, kind: str, help: str, sizes: dict[str, tuple[type, str]]
) -> argparse.ArgumentParser:
    parser = kinds.add_parser(
        kind,
        help=help,
        description=f"{help.capitalize()}. Needs PyTorch. Every setting has a default that suits "
        "texts of some hundred thousand to some million tokens.",
        allow_abbrev=False,
    )
    add_reading(parser)
    parser.add_argument(
        "--min-count",
        type=int,
        metavar="N",
        help="rarer tokens are read as <unk> (default: 1 for characters, 2 for words)",
    )
    parser.add_argument(
        "--max-vocab",
        type=int,
        metavar="N",
        help="at most N tokens, <unk>, <bos>, <eos> included (default: 10000)",
    )
    parser.add_argument(
        "--valid",
        metavar="FILE",
        help="held-out text that says when to stop (default: a twentieth of the text is held out)",
    )
    parser.add_argument("--out", required=True, metavar="FOLDER", help="a folder")
    for title, flags in (("the model", sizes), ("the training", {**_TRAINING, **_BATCHES})):
        group = parser.add_argument_group(title)
        for name, (type_, meaning) in flags.items():
            flag = "--" + name.replace("_", "-")
            if type_ is bool:
                group.add_argument(flag, action="store_true", default=None, help=meaning)
                continue
            group.add_argument(flag, type=type_, metavar="N" if type_ is int else "X", help=meaning)
        if title == "the training":
            group.add_argument("--optimiser", choices=("adam", "sgd"), help="(default: adam)")
            group.add_argument(
                "--device",
                choices=("cpu", "cuda", "mps"),
                help="(default: cuda where there is one, else cpu)",
            )
            group.add_argument(
                "--resume",
                action="store_true",
                help="go on with a training that was interrupted; its checkpoint lies beside --out",
            )
    add_json(parser)
    parser.set_defaults(run=_run_neural, kind=kind, sizes=tuple(sizes), preset=None, initial=None)
    return parser


def _run_neural(arguments: argparse.Namespace) -> None:
    started = time.perf_counter()
    for name, value in PRESETS.get(arguments.preset, {}).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    fill_reading(arguments)
    check_vocabulary_flags(arguments)
    _check_paths(arguments)
    if _is_arpa(Path(arguments.out)):
        raise InputError(f"--out {arguments.out}: ARPA holds n-grams alone; name a folder.")
    checkpoint = _checkpoint(arguments)

    from lmlib.pytorch import torch
    from lmlib.storage import save
    from lmlib.text import TextFormat
    from lmlib.training import LanguageModelling, TrainingConfig, fit

    if arguments.device is None:
        arguments.device = "cuda" if torch.cuda.is_available() else "cpu"
    config = TrainingConfig(
        **_given(arguments, (*_TRAINING, "optimiser", "device")),
    )
    text_format = TextFormat(arguments.tokenizer, arguments.unit, arguments.lower)
    with progress() as say:
        say(f"reading {arguments.text}")
        vocab, train, valid = _split(arguments, text_format, config.seed)
        model = _neural_model(arguments, vocab, text_format, config.seed)
        task = LanguageModelling(
            train,
            valid,
            arguments.unit,
            vocab.bos,
            **_given(arguments, tuple(_BATCHES)),
            seed=config.seed,
        )
        try:
            history = fit(model, task, config, checkpoint, progress=say, report=_say_epoch)
        except KeyboardInterrupt:
            if checkpoint.exists():
                raise KeyboardInterrupt(
                    f"stopped; what was learned lies in {checkpoint}, and --resume goes on from it."
                ) from None
            raise
        say(f"writing {arguments.out}")
        save(model.cpu(), arguments.out)
    checkpoint.unlink(missing_ok=True)
    best = min(history, key=lambda epoch: epoch.train if epoch.valid is None else epoch.valid)
    result: dict[str, Any] = {
        "out": arguments.out,
        "kind": arguments.kind,
        "model": model.stored_config(),
        "training": {**asdict(config), "batch_size": task.batch_size, "steps": task.steps},
        "tokens": sum(map(len, train)),
        "held_out": sum(map(len, valid)),
        "held_out_from": arguments.valid or "the text",
        "types": len(vocab) - 3,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "epochs": len(history),
        "best_epoch": best.number,
        "steps": history[-1].steps,
        "train_nats": best.train,
        "valid_nats": best.valid,
        "history": [asdict(epoch) for epoch in history],
        "bytes": _size(Path(arguments.out)),
        "seconds": round(time.perf_counter() - started, 3),
    }
    if arguments.json:
        print_json(result)
    else:
        print_rows(_neural_rows(result))


def _checkpoint(arguments: argparse.Namespace) -> Path:
    """Say where the checkpoint lies; refuse to lose one, or to go on with none."""
    out = Path(arguments.out)
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    if checkpoint.exists() and not arguments.resume:
        raise InputError(
            f"{checkpoint}: a training that was interrupted; go on with it by --resume, or delete "
            "this file to begin anew."
        )
    if arguments.resume and not checkpoint.exists():
        raise InputError(f"{checkpoint}: there is no such checkpoint; leave out --resume.")
    return checkpoint


def _given(arguments: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """The settings that were given; the others keep the defaults of their configuration."""
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _split(
    arguments: argparse.Namespace, text_format: TextFormat, seed: int
) -> tuple[Vocab, list[TokenIds], list[TokenIds]]:
    """Read the text and the held-out text, or hold out a twentieth of the one."""
    from lmlib.text import encode_text, index_text
    from lmlib.training import hold_out

    characters = arguments.tokenizer == "characters"
    min_count = arguments.min_count or (1 if characters else 2)
    text = read_input(arguments.text)
    vocab, sequences = index_text(text, text_format, min_count, arguments.max_vocab or 10_000)
    if not sum(len(sequence) for sequence in sequences):
        raise InputError(f"{arguments.text}: there is no token to learn from.")
    if arguments.valid is None:
        return vocab, *hold_out(sequences, arguments.unit, seed)
    return vocab, sequences, encode_text(read_input(arguments.valid), text_format, vocab)


def _neural_model(
    arguments: argparse.Namespace, vocab: Vocab, text_format: TextFormat, seed: int
) -> NeuralLM:
    sizes = _given(arguments, arguments.sizes)
    if arguments.kind == "window":
        from lmlib.window import WindowConfig, WindowLM

        return WindowLM(WindowConfig(**sizes), vocab, text_format, seed)
    from lmlib.neural import begin_uniform
    from lmlib.recurrent import RecurrentConfig, RecurrentLM

    model = RecurrentLM(RecurrentConfig(arguments.kind, **sizes), vocab, text_format, seed)
    if arguments.initial is not None:
        begin_uniform(model, arguments.initial, seed)
    return model


def _say_epoch(epoch: Epoch) -> None:
    held_out = ""
    if epoch.valid is not None:
        held_out = f"; held out {epoch.valid:.4f} (perplexity {show(math.exp(epoch.valid))})"
    note(
        f"epoch {epoch.number}: {epoch.train:.4f} nats a token{held_out}; learning rate "
        f"{epoch.learning_rate:g}"
    )


def _neural_rows(result: dict[str, Any]) -> dict[str, str]:
    sizes = ", ".join(f"{name} {value}" for name, value in result["model"].items())
    rows = {
        "learned": f"{result['kind']} ({sizes}): {result['parameters']:,} parameters, from "
        f"{result['tokens']:,} tokens of {result['types']:,} types",
        "trained": f"{result['epochs']} epochs, {result['steps']:,} steps on "
        f"{result['training']['device']}; the weights are those of epoch {result['best_epoch']}",
    }
    if result["valid_nats"] is not None:
        rows["valid"] = (
            f"{result['valid_nats']:.4f} nats a token, perplexity "
            f"{show(math.exp(result['valid_nats']))} ({result['held_out']:,} tokens held out from "
            f"{result['held_out_from']})"
        )
    rows["written"] = f"{result['out']}, {result['bytes']:,} bytes, in {result['seconds']:.1f} s"
    return rows


#: Each kind of model adds its own verb under ``lmlib train``.
KINDS: tuple[Callable[[argparse._SubParsersAction], None], ...] = (
    _add_ngram,
    _add_window,
    _add_rnn,
    _add_gru,
    _add_lstm,
)


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
