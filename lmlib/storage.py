"""A model on disk: one folder, three files, nothing in it that runs.

    config.json          the format's number, the kind of model, how text is read, its settings
    vocabulary.json      its tokens, and how often each stood in the training text
    arrays.safetensors   its numbers

A folder is written whole beside its place and then renamed: an older model in that place stays
until the new one is complete.
"""

import importlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from lmlib.errors import InputError
from lmlib.language_model import LanguageModel
from lmlib.text import TextFormat, Vocab

#: Every kind of model that can be stored, and where its class is; it is imported when needed. Such
#: a class has `kind`, `stored_config()`, `arrays()` and
#: `from_parts(config, arrays, vocab, text_format)`.
KINDS: dict[str, str] = {
    "ngram": "lmlib.ngram.model:NgramLM",
    "window": "lmlib.window:WindowLM",
    "recurrent": "lmlib.recurrent:RecurrentLM",
    "filler": "lmlib.filling:BidirectionalFiller",
}

FORMAT = 1
CONFIG, VOCABULARY, ARRAYS = FILES = ("config.json", "vocabulary.json", "arrays.safetensors")
ARPA_ENDINGS = (".arpa", ".arpa.gz")


# ---------------------------------------------------------------- saving


def save(model: LanguageModel, folder: str | Path) -> None:
    """Write a model's folder; a model folder that is there already is replaced.

    Parameters
    ----------
    model
        Of one of the `KINDS`.
    folder
        What lies around it must exist.

    Raises
    ------
    InputError
        If something that is no model folder is in the way, the folder around it is missing or
        must not be written, or this kind of model cannot be stored.
    OSError
        If writing fails (a full disk). What was there before is untouched.
    """
    kind = getattr(model, "kind", type(model).__name__)
    if kind not in KINDS:
        raise InputError(f"a model of the kind {kind!r} cannot be stored, only {_kinds()}.")
    check_target(folder)
    target = Path(folder).resolve()
    new = target.with_name(f".{target.name}.{os.getpid()}.new")
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    new.mkdir()
    try:
        _write(model, kind, new)
        if target.exists():
            os.rename(target, old)
        try:
            os.rename(new, target)
        except BaseException:
            if old.exists():
                os.rename(old, target)
            raise
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_target(folder: str | Path) -> None:
    """See whether `save` could write here, before a long training begins.

    Raises
    ------
    InputError
        As for `save`.
    """
    target = Path(folder).resolve()
    if not target.parent.is_dir():
        raise InputError(f"{folder}: there is no folder {target.parent} to write into; make it.")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: no permission to write into {target.parent}.")
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{folder}: a file of this name is in the way; choose another name.")
    there = {entry.name for entry in target.iterdir()}
    if there and not (there <= set(FILES) and _is_config(target / CONFIG)):
        raise InputError(
            f"{folder}: this folder holds something other than a model, and is not overwritten; "
            "choose another name."
        )


def _is_config(path: Path) -> bool:
    try:
        config = _read_json(path)
    except InputError:
        return False
    return isinstance(config, dict) and {"format", "kind"} <= config.keys()


def _write(model: Any, kind: str, folder: Path) -> None:
    text = model.text_format
    config = {
        "format": FORMAT,
        "kind": kind,
        "text": {"tokens": text.tokens, "unit": text.unit, "lower": text.lower},
        "vocabulary": len(model.vocab),
        "model": model.stored_config(),
    }
    vocabulary = {"tokens": list(model.vocab.tokens), "counts": model.vocab.counts.tolist()}
    _write_text(folder / CONFIG, json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False))
    _write_text(folder / VOCABULARY, json.dumps(vocabulary, ensure_ascii=False))
    try:
        save_file(model.arrays(), folder / ARRAYS)
    except SafetensorError as error:
        raise OSError(f"{ARRAYS} could not be written: {error}") from None
    shutil.copymode(folder / CONFIG, folder / ARRAYS)  # safetensors lets nobody else read it


def _write_text(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


# ---------------------------------------------------------------- loading


def load(path: str | Path, text_format: TextFormat | None = None) -> LanguageModel:
    """Load a model folder, or an ARPA file (``.arpa``, ``.arpa.gz``).

    Parameters
    ----------
    path
    text_format
        How an ARPA file's text is read, which it does not say itself: by default white space
        between tokens, a sentence a line. A model folder says it, and takes none.

    Raises
    ------
    InputError
        If there is no such path, if it is neither, or if its parts are damaged or do not belong
        together; the message says which.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no model folder or ARPA file of this name.")
    if not path.is_dir():
        if not path.name.endswith(ARPA_ENDINGS):
            raise InputError(
                f"{path}: a model is a folder that lmlib wrote, or an ARPA file, whose name ends "
                f"in {' or '.join(ARPA_ENDINGS)}."
            )
        from lmlib.ngram.arpa import read_arpa

        return read_arpa(path, text_format or TextFormat("whitespace", "sentence"))
    if text_format is not None:
        raise InputError(
            f"{path}: a model folder says itself how its text is read; that can be chosen for an "
            "ARPA file only."
        )
    return _load_folder(path)


def _load_folder(folder: Path) -> LanguageModel:
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder}: this is no model folder; it holds no {' and no '.join(missing)}."
        )
    config = _checked_config(folder / CONFIG)
    vocab = _read_vocabulary(folder / VOCABULARY)
    if len(vocab) != config["vocabulary"]:
        raise InputError(
            f"{folder}: {VOCABULARY} holds {len(vocab)} tokens where {CONFIG} says "
            f"{config['vocabulary']}: they belong to different models."
        )
    arrays = _read_arrays(folder / ARRAYS)
    module, _, name = KINDS[config["kind"]].partition(":")
    model_class = getattr(importlib.import_module(module), name)
    try:
        text_format = TextFormat(**config["text"])
        model: LanguageModel = model_class.from_parts(config["model"], arrays, vocab, text_format)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None
    except KeyError as error:
        raise InputError(f"{folder}: the model lacks {error}; train it again.") from None
    except TypeError as error:
        raise InputError(f"{folder}: {CONFIG} holds a wrong value ({error}).") from None
    return model


def _checked_config(path: Path) -> dict[str, Any]:
    config = _read_json(path)
    fields = {"format": int, "kind": str, "text": dict, "vocabulary": int, "model": dict}
    for field, kind in fields.items():
        if not (isinstance(config, dict) and isinstance(config.get(field), kind)):
            raise InputError(f"{path}: this is no model's configuration; it has no {field!r}.")
    if config["format"] > FORMAT:
        raise InputError(
            f"{path}: written by a newer lmlib-book (format {config['format']}; this one reads up "
            f"to {FORMAT}): upgrade with pip install -U lmlib-book."
        )
    if config["kind"] not in KINDS:
        raise InputError(
            f"{path}: the kind of model {config['kind']!r} is not known, only {_kinds()}."
        )
    return config


def _read_vocabulary(path: Path) -> Vocab:
    parts = _read_json(path)
    tokens, counts = (
        (parts.get("tokens"), parts.get("counts")) if isinstance(parts, dict) else (None, None)
    )
    if not (
        isinstance(tokens, list)
        and isinstance(counts, list)
        and all(isinstance(token, str) for token in tokens)
        and all(isinstance(count, int) and 0 <= count < 2**63 for count in counts)
    ):
        raise InputError(f"{path}: this is no vocabulary: a list of tokens and one of counts.")
    try:
        return Vocab(tokens, counts)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except PermissionError:
        raise InputError(f"{path}: no permission to read this file.") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested without end
        raise InputError(f"{path}: this is not JSON ({error}); train the model again.") from None


def _read_arrays(path: Path) -> dict[str, npt.NDArray]:
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except PermissionError:
        raise InputError(f"{path}: no permission to read this file.") from None
    except (SafetensorError, TypeError) as error:  # TypeError: a type that NumPy does not have
        raise InputError(
            f"{path}: damaged or incomplete ({error}); train the model again."
        ) from None


def _kinds() -> str:
    return ", ".join(KINDS)
