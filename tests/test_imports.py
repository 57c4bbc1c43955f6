"""The rooms of the library stand in an order, and imports go one way along it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[1] / "lmlib"

# The order of the rooms: a room may import rooms that stand before it.
ROOMS = """
    errors repository translation text batching corpora language_model decoding ngram scratch
    pytorch cells fused neural recurrent window filling attention transformer seq2seq tagging
    classification captioning speech metrics training storage diagnostics scoring ladder figures
    interactives grading commands __main__
""".split()

# Rooms whose names are PyTorch modules: importing one imports PyTorch.
NEURAL = {
    "pytorch",
    "neural",
    "cells",
    "fused",
    "recurrent",
    "window",
    "filling",
    "training",
    "diagnostics",
    "ladder",
}

FILES = sorted(path for path in LIBRARY.rglob("*.py") if path != LIBRARY / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def imported_rooms(source: str) -> set[str]:
    """All rooms that a source names in an import, at the top or inside a function."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which room is meant: write lmlib.room"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    parts = [name.split(".") for name in names]
    return {part[1] for part in parts if part[0] == "lmlib" and len(part) > 1}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_room_imports_only_rooms_before_it(path: Path) -> None:
    room = room_of(path)
    assert room in ROOMS, f"{room} has no place in the order of rooms: add it to ROOMS"
    later = imported_rooms(path.read_text(encoding="utf-8")) - {"__version__", room}
    later -= set(ROOMS[: ROOMS.index(room)])
    assert not later, f"{room} comes before {', '.join(sorted(later))} and must not import it"


def test_an_import_of_a_later_room_is_seen() -> None:
    assert imported_rooms("def f():\n    from lmlib.ngram.arpa import read_arpa") == {"ngram"}
    assert imported_rooms("import lmlib.storage\nfrom lmlib import text") == {"storage", "text"}


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_library_loads_nothing_heavy() -> None:
    heavy = {"numpy", "torch", "matplotlib", "pooch", "jieba", "safetensors", "tqdm", "IPython"}
    assert not loaded_after("import lmlib") & heavy


@pytest.mark.parametrize("room", sorted({room_of(path) for path in FILES}))
def test_a_room_loads_no_extra_before_it_is_used(room: str) -> None:
    extras = {"torch", "matplotlib", "pooch", "jieba", "ipywidgets", "IPython", "nbformat"}
    if room in NEURAL:
        pytest.importorskip("torch")
        extras.remove("torch")
    assert not loaded_after(f"import lmlib.{room}") & extras


@pytest.mark.parametrize("room", sorted(NEURAL & {room_of(path) for path in FILES}))
def test_without_pytorch_a_neural_room_names_the_extra(room: str) -> None:
    code = f"import sys; sys.modules['torch'] = None\nimport lmlib.{room}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode != 0
    assert "pip install 'lmlib-book[torch]'" in done.stderr.splitlines()[-1]


def test_the_other_lmlib_beside_ours_is_named(tmp_path: Path) -> None:
    other = tmp_path / "lmlib-2.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: lmlib\nVersion: 2.0\n")
    code = f"import sys; sys.path.append({str(tmp_path)!r}); import lmlib"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "uninstall both, then install lmlib-book alone" in done.stderr


def test_drawing_without_matplotlib_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from lmlib.figures import use_book_style\nuse_book_style()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode != 0
    assert "pip install matplotlib" in done.stderr.splitlines()[-1]
