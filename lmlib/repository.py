"""The repository: its address, from the project's own metadata, and the artefacts kept in it."""

import importlib.metadata
import os
import tempfile
import urllib.request
from pathlib import Path

from lmlib.errors import InputError

_MODEL_FILES = ("config.json", "vocabulary.json", "arrays.safetensors")  # see lmlib.storage


def repository_url() -> str | None:
    """Read the repository's address from the installed ``pyproject.toml``.

    Returns
    -------
    str or None
        None where lmlib-book is not installed.
    """
    try:
        urls = importlib.metadata.metadata("lmlib-book").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((url.partition(", ")[2] for url in urls if url.startswith("Repository, ")), None)


def artefact(name: str) -> Path:
    """Find a trained artefact of the book: ``chapters/artefacts/NAME`` in the repository.

    In a clone of the repository it lies beside the library. Where the library alone is installed,
    as in Colab, its files are fetched from the repository when they are first asked for.

    Parameters
    ----------
    name
        A model's folder, ``"emma-rnn"``, or a file, ``"emma-rnn.json"``.

    Returns
    -------
    Path
        Of the folder or the file.

    Raises
    ------
    InputError
        If it is not beside the library and cannot be fetched.
    """
    beside = Path(__file__).parents[1] / "chapters" / "artefacts" / name
    if beside.exists():
        return beside
    kept = Path(tempfile.gettempdir()) / "lmlib-artefacts" / name
    files = [name] if kept.suffix else [f"{name}/{file}" for file in _MODEL_FILES]
    for file in files:
        target = kept.parent / file
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        address = f"{repository_url()}/raw/main/chapters/artefacts/{file}"
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                part.write_bytes(answer.read())
        except (OSError, ValueError) as error:
            raise InputError(
                f"the artefact {name} is not beside the library and could not be fetched from "
                f"{address} ({error}): clone the repository, and use the library from there."
            ) from None
        os.replace(part, target)
    return kept
