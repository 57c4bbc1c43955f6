"""The recorded marks are reached, and a mark whose sources changed says so."""

import importlib.util
import json
import shutil
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parent
PUBLIC = TESTS.parents[1] / "shared" / "data" / "public"


def _marks_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("marks", TESTS / "benchmarks" / "marks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["marks"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


marks = _marks_module()
records = json.loads((TESTS / "marks.json").read_text("utf-8"))


def test_every_mark_has_a_record() -> None:
    assert set(records) == set(marks.MARKS)


@pytest.mark.parametrize("name", list(marks.MARKS))
def test_recorded_figure_reaches_the_mark(name: str) -> None:
    assert records[name]["value"] <= marks.MARKS[name].at_most


@pytest.mark.parametrize("name", list(marks.MARKS))
@pytest.mark.filterwarnings("default:a mark:UserWarning")
def test_a_changed_source_is_noticed(name: str) -> None:
    if records[name]["sources"] != marks.hash_of(marks.MARKS[name].sources):
        warnings.warn(f"a mark is older than its sources: {name}; make marks", stacklevel=1)


@pytest.mark.parametrize("name", list(marks.MARKS))
def test_the_same_commands_give_the_recorded_figure_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting takes seconds, so the whole record is made again where its text is at hand; of a
    training, a short one.
    """
    mark = marks.MARKS[name]
    if mark.reduced:
        pytest.importorskip("torch")
    corpus = marks.MARKS[name].corpus
    here = PUBLIC / corpus.replace("-", "")
    if not here.is_dir():
        pytest.skip(f"the public set {corpus} does not lie in {here}; nothing is fetched in a test")
    monkeypatch.setenv("LMLIB_DATA", str(tmp_path))
    shutil.copytree(here, tmp_path / corpus)
    again = marks.run(mark, mark.reduced)
    if mark.reduced:
        assert again["value"] <= mark.reduced_at_most
    else:
        assert again["value"] == pytest.approx(records[name]["value"], rel=1e-9)


# ---------------------------------------------------------------- what pages show


ARTEFACTS = list(marks.artefacts())
provenance = json.loads(marks.PROVENANCE.read_text("utf-8")) if ARTEFACTS else {}


def test_every_artefact_has_a_record_and_nothing_else_lies_there() -> None:
    there = {path.name for path in marks.ARTEFACTS.glob("*")} - {marks.PROVENANCE.name}
    assert there == set(ARTEFACTS) == set(provenance)


@pytest.mark.parametrize("name", ARTEFACTS)
def test_an_artefact_is_what_its_command_made_and_small(name: str) -> None:
    path = marks.ARTEFACTS / name
    assert marks.digest_of(path) == provenance[name]["sha256"], f"make marks MARKS={name}"
    files = path.iterdir() if path.is_dir() else [path]
    assert sum(file.stat().st_size for file in files) < marks.LARGEST


@pytest.mark.parametrize("name", ARTEFACTS)
@pytest.mark.filterwarnings("default:an artefact:UserWarning")
def test_an_artefact_older_than_its_sources_is_noticed(name: str) -> None:
    file, _ = marks.artefacts()[name]
    if provenance[name]["sources"] != marks.hash_of(marks.sources_of(file)):
        warnings.warn(f"an artefact is older than its sources: {name}; make marks", stacklevel=1)
