"""A trained artefact is found: beside the library, or, where that is alone, in the repository."""

from pathlib import Path

import pytest

from lmlib import repository
from lmlib.errors import InputError


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed library; the folder that stands for the repository's ``raw/main``."""
    monkeypatch.setattr(repository, "__file__", str(tmp_path / "site" / "lmlib" / "repository.py"))
    monkeypatch.setattr(repository, "repository_url", lambda: (tmp_path / "web").as_uri())
    monkeypatch.setattr(repository.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    return tmp_path / "web" / "raw" / "main" / "chapters" / "artefacts"


def test_it_lies_beside_the_library_in_a_clone(alone: Path, tmp_path: Path) -> None:
    beside = tmp_path / "site" / "chapters" / "artefacts" / "small-rnn"
    beside.mkdir(parents=True)
    assert repository.artefact("small-rnn") == beside


def test_it_is_fetched_once_where_the_library_is_alone(alone: Path) -> None:
    folder = alone / "small-rnn"
    folder.mkdir(parents=True)
    for name in ("config.json", "vocabulary.json", "arrays.safetensors"):
        (folder / name).write_text(name)
    (alone / "small-rnn.json").write_text("{}")
    found = repository.artefact("small-rnn")
    assert {path.name: path.read_text() for path in found.iterdir()} == {
        path.name: path.name for path in folder.iterdir()
    }
    assert repository.artefact("small-rnn.json").read_text() == "{}"
    (folder / "config.json").unlink()
    assert repository.artefact("small-rnn") == found, "what was fetched is kept"


def test_a_missing_one_is_named_with_what_to_do(alone: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing-rnn .* clone the repository"):
        repository.artefact("missing-rnn")
    assert not [path for path in (tmp_path / "temporary").rglob("*") if path.is_file()]
