"""The long results, made by the command line and kept in ``tests/marks.json``: ``make marks``.

Each record says which commands gave it, on which data and with which versions, and a hash of the
sources it depends on. A set that is not at hand and cannot be fetched is skipped with a sentence,
and its old record stays.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
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
    """

    corpus: str
    train_on: tuple[str, ...]
    train: str
    figure: str
    at_most: float
    sources: tuple[str, ...] = COUNTING


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
}


def hash_of(sources: tuple[str, ...]) -> str:
    """One hash of all Python files among these files and folders."""
    digest = hashlib.sha256()
    for source in sources:
        path = ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def run(mark: Mark) -> dict[str, Any]:
    """Train and score by command line; give the record.

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
            f"lmlib train {mark.train} --text train.txt --out model",
            "lmlib score model --text test.txt --json",
        ]
        for command in commands:
            program = [sys.executable, "-m", *command.split()]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            printed = subprocess.check_output(program, cwd=folder, env=environment, text=True)
    return {
        "corpus": f"{mark.corpus}, trained on {' + '.join(mark.train_on)}, scored on test",
        "commands": commands,
        "figure": mark.figure,
        "value": json.loads(printed)[mark.figure],
        "at_most": mark.at_most,
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "sources": hash_of(mark.sources),
    }


def main() -> None:
    """Make every record whose data is at hand."""
    records = json.loads(RECORDS.read_text("utf-8")) if RECORDS.exists() else {}
    for name, mark in MARKS.items():
        try:
            records[name] = run(mark)
        except InputError as error:
            print(f"{name}: skipped. {error}", flush=True)
            continue
        print(
            f"{name}: {records[name]['value']:.4f} {mark.figure} (mark {mark.at_most})", flush=True
        )
    beside = RECORDS.with_suffix(".new")
    beside.write_text(json.dumps(records, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(beside, RECORDS)


if __name__ == "__main__":
    main()
