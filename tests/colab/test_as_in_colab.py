"""The check of Colab's environments sees what it is there for."""

import re
from pathlib import Path

import nbformat
import pytest
from as_in_colab import COLAB, VERSIONS, moved, needs_torch, versions_in

HERE = Path(__file__).parent


def test_a_version_that_an_installation_moves_is_named() -> None:
    before = versions_in("numpy==2.0.2\ntqdm==4.67.3\nipywidgets==7.7.1\n")
    after = versions_in("numpy==2.4.6\ntqdm==4.67.3\nlmlib-book==0.1\njoblib==1.6.0\n")
    assert moved(before, before | {"lmlib-book": "0.1"}) == []
    assert moved(before, after) == [
        "ipywidgets: 7.7.1 -> not there",
        "joblib: not there -> 1.6.0",
        "numpy: 2.0.2 -> 2.4.6",
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_colab_s_versions_are_pinned(version: str) -> None:
    pins = versions_in((HERE / f"python-{version}.constraints.txt").read_text(encoding="utf-8"))
    wanted = {re.split("[=<>]", name)[0] for name in COLAB.split()} - {"safetensors", "setuptools"}
    assert wanted <= pins.keys()
    assert pins["ipywidgets"] == "7.7.1"


@pytest.mark.parametrize(
    "code, needed",
    [
        ("from lmlib.recurrent import RecurrentLM", True),
        ("if True:\n    import torch", True),
        ("from torch import nn", True),
        ("from lmlib.scratch.window import WindowLM\nimport numpy", False),
        ("print('import torch')", False),
    ],
)
def test_a_notebook_that_needs_pytorch_is_known(tmp_path: Path, code: str, needed: bool) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(notebook, tmp_path / "a.ipynb")
    assert needs_torch(tmp_path / "a.ipynb") == needed
