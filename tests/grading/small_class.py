"""What a class hands in: notebooks made of the book's exercises; and what grades them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXERCISE = ROOT / "exercises" / "03-ngrams.ipynb"
SOLUTION = ROOT / "exercises" / "solutions" / "03-ngrams.ipynb"

#: Right but for new words, which it does not read as <unk>.
HALF_LAPLACE = """\
# exercise: 03-laplace
def laplace(row, vocabulary, word):
    if word == "<bos>":
        return 0.0
    return (row.get(word, 0) + 1) / (sum(row.values()) + len(vocabulary) - 1)
"""


def handed_in(
    answers: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
    source: Path = SOLUTION,
) -> bytes:
    """A solution in which some answers are others, and some cells stand in front.

    Parameters
    ----------
    answers : mapping of str to str
        The source of an answer's cell, by the question's id.
    before : sequence of str
        Cells behind the setup.
    """
    notebook = json.loads(source.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        first = "".join(cell["source"]).partition("\n")[0]
        for id, answer in (answers or {}).items():
            if first == f"# exercise: {id}":
                cell["source"] = answer
    extra: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"extra-{number}",
            "source": text,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for number, text in enumerate(before)
    ]
    notebook["cells"][2:2] = extra
    return json.dumps(notebook).encode()


def hand_in(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write a class's files into a new folder."""
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.ipynb").write_bytes(content)
    return folder


def grade(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``lmlib grade`` to its end."""
    return subprocess.run(command(*words), capture_output=True, text=True, env=environment())


def command(*words: str | Path) -> list[str]:
    """Give the command ``lmlib grade``, of this checkout."""
    return [sys.executable, "-m", "lmlib", "grade", *map(str, words)]


def environment() -> dict[str, str]:
    """Give an environment in which it is found."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def report_of(grades: Path) -> dict[str, bytes]:
    """Read every file of a run's report."""
    report = grades / "report"
    return {
        path.relative_to(report).as_posix(): path.read_bytes()
        for path in sorted(report.rglob("*"))
        if path.is_file()
    }
