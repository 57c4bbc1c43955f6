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
    """Counting takes seconds, so the whole record is made again where its text is at hand."""
    corpus = marks.MARKS[name].corpus
    here = PUBLIC / corpus.replace("-", "")
    if not here.is_dir():
        pytest.skip(f"the public set {corpus} does not lie in {here}; nothing is fetched in a test")
    monkeypatch.setenv("LMLIB_DATA", str(tmp_path))
    shutil.copytree(here, tmp_path / corpus)
    again = marks.run(marks.MARKS[name])
    assert again["value"] == pytest.approx(records[name]["value"], rel=1e-9)
