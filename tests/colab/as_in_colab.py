"""``make colab``: install lmlib as a reader does in Colab, and run every notebook there.

For each Python that Colab has (3.12 and 3.13) an environment with Colab's own versions is made in
``_build/colab-3.1x``. Installing the library there may move none of them. Then the exercises, their
solutions, the chapters' notebooks (if the book has been built) and the widgets run in it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent

VERSIONS = ("3.12", "3.13")

#: What Colab has of what our notebooks and the library import; of safetensors the newest.
COLAB = "ipykernel ipython ipywidgets jieba matplotlib numpy safetensors setuptools==75.2.0 tqdm"

#: PyTorch as Colab has it, in its small CPU build; where this index does not answer, the notebooks
#: that need it are left out.
TORCH = "--index-url https://download.pytorch.org/whl/cpu torch==2.11.0"

#: What checks the notebooks, in the versions that Colab has where it has them.
CHECKING = "hypothesis nbclient nbformat nbval>=0.11,<0.12 psutil pytest pyzmq"


def find_python(version: str) -> str | None:
    """Find an interpreter of that version with venv and pip, on the path or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [shutil.which(f"python{version}"), sys.executable]
    found += sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python")), reverse=True)
    ask = f"import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    for python in filter(None, found):
        if subprocess.run([python, "-c", ask], capture_output=True).returncode == 0:
            return python
    return None


def versions_in(freeze: str) -> dict[str, str]:
    """Read ``pip list --format=freeze``: the version of each package."""
    return dict(line.split("==") for line in freeze.splitlines() if "==" in line)


def moved(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Say what an installation changed beside adding lmlib-book: in Colab each is a restart."""
    return [
        f"{name}: {before.get(name, 'not there')} -> {after.get(name, 'not there')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and name != "lmlib-book"
    ]


class Colab:
    """An environment with Colab's versions."""

    def __init__(self, version: str, python: str) -> None:
        self.version = version
        self.base = python
        self.folder = ROOT / "_build" / f"colab-{version}"

    def python(self, *arguments: str) -> str:
        """Run its Python, and give what it prints; what fails ends us with its own words."""
        command = [str(self.folder / "bin" / "python"), *arguments]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"{done.stdout}\nFailed: {' '.join(command)}")
        return done.stdout

    def pip(self, *arguments: str) -> str:
        """Run its pip."""
        return self.python("-m", "pip", "--disable-pip-version-check", *arguments)

    def make(self) -> None:
        """Make it, once for each content of the constraints."""
        constraints = HERE / f"python-{self.version}.constraints.txt"
        wanted = [*COLAB.split(), *CHECKING.split()]
        content = " ".join([*wanted, constraints.read_text(encoding="utf-8")])
        stamp = self.folder / "made-of.txt"
        if stamp.exists() and stamp.read_text(encoding="utf-8") == content:
            return
        print(f"== an environment with Colab's versions for Python {self.version}", flush=True)
        subprocess.run([self.base, "-m", "venv", "--clear", str(self.folder)], check=True)
        self.pip("install", "--quiet", "-c", str(constraints), *wanted)
        stamp.write_text(content, encoding="utf-8")

    def install_torch(self) -> bool:
        """Install PyTorch if it can be had."""
        pip = [str(self.folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        patience = ["--quiet", "--retries", "0", "--timeout", "15"]
        command = [*pip, "install", *patience, *TORCH.split()]
        return subprocess.run(command, capture_output=True).returncode == 0

    def install_the_library(self) -> None:
        """Install it as a reader does, without our constraints; nothing else may change."""
        self.pip("uninstall", "-qq", "--yes", "lmlib-book")
        before = versions_in(self.pip("list", "--format=freeze"))
        self.pip("install", "--quiet", ".")
        changes = moved(before, versions_in(self.pip("list", "--format=freeze")))
        if changes:
            sys.exit(
                "Installing the library in Colab changes what is there:\n" + "\n".join(changes)
            )

    def pytest(self, *arguments: str) -> bool:
        """Run its pytest; the programs there are old, and their deprecations are not ours."""
        program = str(self.folder / "bin" / "pytest")
        flags = ["-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default", "-o", "addopts="]
        flags += ["--disable-warnings", "-p", "lmlib.grading.nbval_plugin"]
        quiet = os.environ | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        return subprocess.run([program, *flags, *arguments], cwd=ROOT, env=quiet).returncode == 0

    def check(self) -> bool:
        """Run the notebooks and the widgets."""
        names = ("numpy", "IPython", "ipykernel", "ipywidgets", "matplotlib")
        ask = f"for name in {names}: print(name, __import__(name).__version__, end=' ')"
        print(f"== Python {self.version}: {self.python('-c', ask)}", flush=True)
        right = self.pytest("--nbval", "exercises")
        chapters = sorted((ROOT / "_build" / "html" / "notebooks").glob("*.ipynb"))
        if not self.install_torch():
            left_out = [path for path in chapters if needs_torch(path)]
            chapters = [path for path in chapters if path not in left_out]
            missing = ", ".join(path.stem for path in left_out)
            print(f"PyTorch {TORCH.split()[-1]} cannot be had here; not run: {missing}", flush=True)
        if chapters:
            right &= self.pytest("--nbval-lax", *map(str, chapters))
        else:
            print("The chapters' notebooks are made with the book (make book), and were not run.")
        return right & self.pytest("tests/interactives", "-k", "widget")


def needs_torch(notebook: Path) -> bool:
    """Whether a notebook imports PyTorch, or a room of the library that does."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    rooms = "pytorch|neural|cells|fused|recurrent|window|training|diagnostics"
    return bool(re.search(rf"^\s*(import torch|from (torch|lmlib\.({rooms}))\b)", code, re.M))


def main() -> int:
    """Check the versions that are asked for; of the others, those that have an interpreter."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("versions", nargs="*", metavar="3.1x", help="(default: those found)")
    asked = parser.parse_args().versions
    right = True
    for version in asked or VERSIONS:
        python = find_python(version)
        if python is None:
            print(f"There is no Python {version} with venv and pip here; Colab's was not checked.")
            right &= not asked
            continue
        colab = Colab(version, python)
        colab.make()
        colab.install_the_library()
        right &= colab.check()
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
