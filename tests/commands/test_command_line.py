"""The command line as a process: exit codes, pipes, signals, a light start; the corpora."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lmlib
from lmlib.commands import VERBS, main
from lmlib.corpora import load, names

Capture = pytest.CaptureFixture[str]
LMLIB = [sys.executable, "-m", "lmlib"]
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


# ---------------------------------------------------------------- start and help


def test_the_version_is_told(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lmlib {lmlib.__version__}\n"


def test_help_names_every_command(capsys: Capture) -> None:
    assert main(["--help"]) == 0
    output = capsys.readouterr().out
    for verb in VERBS:
        assert re.search(rf"^    {verb.__name__.rpartition('.')[2]}\s", output, re.MULTILINE)


@pytest.mark.parametrize("arguments", ["--help", "train ngram --help", "corpora", "score x"])
def test_the_start_is_light(arguments: str) -> None:
    code = (
        "import sys\nfrom lmlib.commands import main\n"
        f"main({arguments.split()!r})\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"numpy", "tqdm", "safetensors", "torch", "lmlib.text", "lmlib.ngram"}


@pytest.mark.parametrize("arguments", [[], ["train"], ["fly"], ["--vers"], ["score"]])
def test_a_command_line_that_is_none_is_refused_in_a_sentence(
    arguments: list[str], capsys: Capture
) -> None:
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("lmlib: ")
    assert output.err.endswith("--help says what there is.\n")
    assert output.err.count("\n") == 1


# ---------------------------------------------------------------- as a process


def test_the_process_gives_the_exit_code_and_keeps_both_outputs_apart(tmp_path: Path) -> None:
    def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*LMLIB, *arguments], input=text, capture_output=True, text=True, cwd=tmp_path
        )

    done = run("train", "ngram", "--text", "-", "--out", "model", "--json", text="a b\nb a\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["tokens"] == 4
    done = run("score", "model", "--text", "-", "--json", text="a b\n")
    assert (done.returncode, done.stderr) == (0, "")
    done = run("score", "nothing", "--text", "-", text="a b\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "lmlib: nothing: there is no model folder or ARPA file of this name.\n"


def test_texts_are_printed_as_utf_8_wherever(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [*LMLIB, "corpora", "grammar", "--split", "test"]
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert done.stdout.decode("utf-8") == load("grammar").test


@pytest.mark.parametrize("arguments", [["--help"], ["corpora"], ["corpora", "emma"]])
def test_a_reader_who_goes_away_is_met_with_silence(arguments: list[str]) -> None:
    command, pipe = [*LMLIB, *arguments], subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, env=BUFFERED)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141
    process.stderr.close()


@pytest.mark.parametrize("arguments", [["--help"], ["corpora"], ["corpora", "emma"]])
def test_an_output_that_is_full_is_exit_code_1(arguments: list[str]) -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        command = [*LMLIB, *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=BUFFERED)
    assert done.returncode == 1
    assert done.stderr == "lmlib: No space left on device.\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_ctrl_c_stops_without_a_traceback(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "slow.txt")
    command = [*LMLIB, "train", "ngram", "--text", "slow.txt", "--out", "model"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    with open(tmp_path / "slow.txt", "w"):  # opens when the command reads, and never writes
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "lmlib: stopped.\n"
    assert not (tmp_path / "model").exists()


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("lmlib.commands.corpora.run", wrong)
    with pytest.raises(ZeroDivisionError):
        main(["corpora"])


def test_what_may_not_be_read_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def locked(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "model/config.json")

    monkeypatch.setattr("lmlib.commands.corpora.run", locked)
    assert main(["corpora"]) == 2
    assert capsys.readouterr().err == "lmlib: model/config.json: Permission denied.\n"


# ---------------------------------------------------------------- corpora


def test_corpora_lists_every_text(capsys: Capture) -> None:
    assert main(["corpora"]) == 0
    output = capsys.readouterr().out
    embedded, _, downloaded = output.partition("downloaded when first used:")
    for name in names():
        assert f"\n  {name} " in (embedded + downloaded)
    assert "\n  emma " in embedded
    assert "\n  tiny-shakespeare " in downloaded
    assert main(["corpora", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["corpora"]
    assert [entry["name"] for entry in entries] == names()
    assert entries[0]["licence"] == "public domain"


@pytest.mark.parametrize("split", [None, "train", "valid", "test"])
def test_corpora_prints_a_text_exactly(split: str | None, capsys: Capture) -> None:
    corpus = load("persuasion")
    flags = ["--split", split] if split else []
    assert main(["corpora", "persuasion", *flags]) == 0
    output = capsys.readouterr()
    assert output.out == (getattr(corpus, split) if split else corpus.text)
    assert output.err == ""
    assert main(["corpora", "persuasion", *flags, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["text"] == output.out
    assert result["split"] == split
    assert result["licence"] == "public domain"


def test_a_text_that_there_is_not_is_refused(capsys: Capture) -> None:
    assert main(["corpora", "emmma"]) == 2
    assert "Did you mean emma?" in capsys.readouterr().err
    assert main(["corpora", "--split", "train"]) == 2
    assert "--split needs the name of a text" in capsys.readouterr().err


def test_an_output_without_an_encoding_of_its_own_is_used_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # as in a notebook
    assert main(["corpora", "grammar", "--split", "test"]) == 0
