"""The long results: ``make marks``, or ``make marks MARKS="name name"`` for some of them.

A *mark* is a figure reached by the command line, kept in ``tests/marks.json``. An *artefact* is
something trained or measured that a page shows, kept in ``chapters/artefacts/`` and made by a
function in ``tests/benchmarks/artefacts/``. Each record says what made it, with which versions,
and gives a hash of the sources it depends on. A set that is not at hand and cannot be fetched is
skipped with a sentence, and its old record stays.
"""

import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lmlib.corpora import load
from lmlib.errors import InputError

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "tests" / "marks.json"
COUNTING = (
    "lmlib/text.py",
    "lmlib/language_model.py",
    "lmlib/ngram",
    "lmlib/commands/score.py",
    "lmlib/commands/train.py",
)
NEURAL = (
    "lmlib/text.py",
    "lmlib/batching.py",
    "lmlib/language_model.py",
    "lmlib/neural.py",
    "lmlib/cells.py",
    "lmlib/fused.py",
    "lmlib/recurrent.py",
    "lmlib/window.py",
    "lmlib/training.py",
)
ARTEFACTS = ROOT / "chapters" / "artefacts"
PROVENANCE = ARTEFACTS / "provenance.json"
LARGEST = 1_000_000  # bytes of an artefact


@dataclass(frozen=True)
class Mark:
    """A result to reach: train with these flags on a corpus, score its test text.

    Attributes
    ----------
    corpus, train_on
        A name for `lmlib.corpora.load`, and the splits that are trained on.
    train
        What follows ``lmlib train``.
    figure
        The key of ``lmlib score --json`` that counts.
    at_most
        The mark to beat.
    sources
        Files and folders that the figure depends on.
    reduced, reduced_at_most
        Flags that make the training short, for a test, and what the figure may then be at most.
        Where there are none, a test makes the whole record again.
    """

    corpus: str
    train_on: tuple[str, ...]
    train: str
    figure: str
    at_most: float
    sources: tuple[str, ...] = COUNTING
    reduced: str = ""
    reduced_at_most: float = 0.0


MARKS = {
    "names-kneser-ney-6": Mark(
        "names",
        ("train",),
        "ngram --order 6 --tokens characters --unit sentence",
        "nats_per_token",
        1.9785,
    ),
    "tiny-shakespeare-kneser-ney-7": Mark(
        "tiny-shakespeare",
        ("train", "valid"),
        "ngram --order 7 --tokens characters --unit stream",
        "nats_per_token",
        1.51655,
    ),
    "names-window": Mark(
        "names",
        ("train",),
        "window --tokens characters --unit sentence",
        "nats_per_token",
        2.17,
        NEURAL,
        "--epochs 1 --hidden 64",
        2.4,  # a bigram model reaches 2.454
    ),
    "names-rnn": Mark(
        "names",
        ("train",),
        "rnn --tokens characters --unit sentence",
        "nats_per_token",
        2.03,
        NEURAL,
        "--epochs 1 --hidden 64",
        2.4,
    ),
    "names-gru": Mark(
        "names",
        ("train",),
        "gru --tokens characters --unit sentence",
        "nats_per_token",
        1.978,  # what Kneser-Ney of 6 letters reaches
        NEURAL,
        "--epochs 1 --hidden 64",
        2.4,
    ),
    "names-lstm": Mark(
        "names",
        ("train",),
        "lstm --tokens characters --unit sentence",
        "nats_per_token",
        1.978,
        NEURAL,
        "--epochs 1 --hidden 64",
        2.4,
    ),
    "tiny-shakespeare-rnn": Mark(
        "tiny-shakespeare",
        ("train", "valid"),
        "rnn --tokens characters --unit stream",
        "nats_per_token",
        1.70,
        NEURAL,
        "--epochs 1 --hidden 64",
        2.4,
    ),
    "tiny-shakespeare-lstm": Mark(
        "tiny-shakespeare",
        ("train", "valid"),
        "lstm --tokens characters --unit stream --hidden 512 --dropout 0.3 "
        "--epochs 8 --decay-after 4",
        "nats_per_token",
        1.49,
        NEURAL,
        "--epochs 1 --hidden 64 --dropout 0",
        2.4,
    ),
}


def hash_of(sources: tuple[str, ...]) -> str:
    """One hash of all Python files among these files and folders."""
    digest = hashlib.sha256()
    for source in sources:
        path = ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def run(mark: Mark, flags: str = "") -> dict[str, Any]:
    """Train, with these flags more, and score by command line; give the record.

    Raises
    ------
    InputError
        If the corpus is not at hand.
    """
    corpus = load(mark.corpus)
    with tempfile.TemporaryDirectory() as folder:
        train = "".join(getattr(corpus, split) for split in mark.train_on)
        Path(folder, "train.txt").write_text(train, encoding="utf-8", newline="")
        Path(folder, "test.txt").write_text(corpus.test, encoding="utf-8", newline="")
        commands = [
            " ".join(f"lmlib train {mark.train} {flags} --text train.txt --out model".split()),
            "lmlib score model --text test.txt --json",
        ]
        seconds = []
        for command in commands:
            program = [sys.executable, "-m", *command.split()]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            started = time.perf_counter()
            printed = subprocess.check_output(program, cwd=folder, env=environment, text=True)
            seconds.append(round(time.perf_counter() - started, 1))
    return {
        "corpus": f"{mark.corpus}, trained on {' + '.join(mark.train_on)}, scored on test",
        "commands": commands,
        "figure": mark.figure,
        "value": json.loads(printed)[mark.figure],
        "at_most": mark.at_most,
        "seconds_to_train": seconds[0],
        "versions": _versions(mark.sources),
        "sources": hash_of(mark.sources),
    }


def _versions(sources: tuple[str, ...]) -> dict[str, str]:
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    if sources != COUNTING:
        versions["torch"] = version("torch")
    return versions


# ---------------------------------------------------------------- artefacts


def artefacts() -> dict[str, tuple[Path, Callable[[Path], None]]]:
    """Every artefact: the file that makes it, and the function there.

    A file may import from those of earlier chapters, by their names.
    """
    found: dict[str, tuple[Path, Callable[[Path], None]]] = {}
    for file in sorted((Path(__file__).parent / "artefacts").glob("*.py")):
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        found |= {name: (file, make) for name, make in module.ARTEFACTS.items()}
    return found


def sources_of(file: Path) -> tuple[str, ...]:
    """What the artefacts of this file depend on: what its ``DEPENDS_ON`` says, else networks."""
    more = getattr(sys.modules.get(file.stem), "DEPENDS_ON", (*NEURAL, "lmlib/scratch"))
    return (file.relative_to(ROOT).as_posix(), *more)


def digest_of(path: Path) -> str:
    """One hash of an artefact: a file, or all files of a folder."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def make_artefact(name: str) -> dict[str, Any]:
    """Make one artefact beside its place and put it there; give its record."""
    file, make = artefacts()[name]
    ARTEFACTS.mkdir(exist_ok=True)
    target = ARTEFACTS / name
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=ARTEFACTS) as folder:
        made = Path(folder) / name
        make(made)
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(made, target)
    return {
        "made_by": f"{file.relative_to(ROOT).as_posix()}: {make.__name__}",
        "seconds": round(time.perf_counter() - started, 1),
        "versions": _versions(NEURAL),
        "sources": hash_of(sources_of(file)),
        "sha256": digest_of(target),
    }


def _write_records(path: Path, records: dict[str, Any]) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(records, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(beside, path)


def main(chosen: list[str]) -> None:
    """Make every record that is asked for and whose data is at hand."""
    everything = [*MARKS, *artefacts()]
    if unknown := set(chosen) - set(everything):
        sys.exit(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(everything)}.")
    records = json.loads(RECORDS.read_text("utf-8")) if RECORDS.exists() else {}
    for name, mark in MARKS.items():
        if chosen and name not in chosen:
            continue
        try:
            records[name] = run(mark)
        except InputError as error:
            print(f"{name}: skipped. {error}", flush=True)
            continue
        print(
            f"{name}: {records[name]['value']:.4f} {mark.figure} (mark {mark.at_most})", flush=True
        )
        _write_records(RECORDS, records)
    for name in artefacts():
        if chosen and name not in chosen:
            continue
        made = make_artefact(name)
        print(f"{name}: made in {made['seconds']:.0f} s", flush=True)
        # read only now: another run may have written in the meantime
        provenance = json.loads(PROVENANCE.read_text("utf-8")) if PROVENANCE.exists() else {}
        _write_records(PROVENANCE, provenance | {name: made})


if __name__ == "__main__":
    main(sys.argv[1:])
