"""``lmlib train`` of networks: what it writes, what it says, how it goes on after a crash."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from lmlib.commands import main
from lmlib.corpora import load as load_corpus
from lmlib.language_model import LanguageModel, score
from lmlib.neural import NeuralLM
from lmlib.recurrent import RecurrentConfig, RecurrentLM
from lmlib.storage import load
from lmlib.text import TextFormat, Vocab
from lmlib.training import Epoch, TrainingConfig, clip_gradient, hold_out
from lmlib.window import WindowConfig

TEXT = "".join(load_corpus("emma").train.splitlines(keepends=True)[:60])
OTHER = "".join(load_corpus("emma").test.splitlines(keepends=True)[:20])
SMALL = ("--hidden", "12", "--embedding", "6", "--epochs", "2", "--max-vocab", "60")

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a text to train on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "other.txt").write_text(OTHER, encoding="utf-8")
    return tmp_path


def train(kind: str, *flags: str, out: str = "model") -> int:
    return main(["train", kind, "--text", "train.txt", "--out", out, *SMALL, *flags])


def trained(path: str = "model") -> NeuralLM:
    model = load(path)
    assert isinstance(model, NeuralLM)
    return model


@pytest.mark.parametrize("kind", ["window", "rnn", "gru", "lstm"])
@pytest.mark.parametrize("unit", ["sentence", "stream"])
def test_what_is_trained_is_scored_ranked_and_goes_on(
    kind: str, unit: str, capsys: Capture
) -> None:
    assert train(kind, "--unit", unit, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["kind"] == kind
    assert result["parameters"] == sum(w.numel() for w in trained().parameters())
    assert sorted(path.name for path in Path().iterdir()) == ["model", "other.txt", "train.txt"]
    expected = score(trained(), OTHER).nats_per_token
    assert main(["score", "model", "--text", "other.txt", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nats_per_token"] == pytest.approx(expected)
    assert main(["rank", "model", "--text", "other.txt"]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 20
    for way in (["--seed", "1"], ["--greedy"], ["--beam", "2"]):
        assert main(["generate", "model", "--prompt", "She", "--tokens", "5", *way]) == 0
        assert capsys.readouterr().out.startswith("She")


def test_the_flags_reach_the_model_and_the_training(capsys: Capture) -> None:
    flags = "--layers 2 --dropout 0.25 --learning-rate 0.5 --optimiser sgd --clip-norm 2"
    more = "--batch-size 3 --steps 9 --seed 4 --patience 5 --decay 0.25 --unit stream --json"
    assert train("rnn", *flags.split(), *more.split()) == 0
    result = json.loads(capsys.readouterr().out)
    assert trained().config == RecurrentConfig("rnn", 6, 12, 2, "tanh", 0.25)
    expected = {"optimiser": "sgd", "learning_rate": 0.5, "clip_norm": 2.0, "seed": 4}
    expected |= {"batch_size": 3, "steps": 9, "patience": 5, "decay": 0.25, "epochs": 2}
    assert result["training"].items() >= expected.items()
    assert train("window", "--context", "2", out="window") == 0
    assert trained("window").config == WindowConfig(2, 6, 12)


def test_without_flags_the_defaults_are_those_of_the_library() -> None:
    (Path() / "train.txt").write_text("abcab\n" * 4, encoding="utf-8")
    assert (
        main(["train", "rnn", "--text", "train.txt", "--out", "m", "--tokens", "characters"]) == 0
    )
    assert trained("m").config == RecurrentConfig()
    assert TrainingConfig().device == "cpu"


def test_held_out_text_is_named_and_decides(capsys: Capture) -> None:
    assert train("window", "--valid", "other.txt", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    model = trained()
    assert result["held_out_from"] == "other.txt"
    assert result["valid_nats"] == pytest.approx(score(model, OTHER).nats_per_token, rel=1e-6)
    assert result["tokens"] == score(model, TEXT).tokens


def test_without_held_out_text_a_twentieth_is_held_out(capsys: Capture) -> None:
    assert train("window", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    whole = score(trained(), TEXT).tokens
    assert result["held_out_from"] == "the text"
    assert result["tokens"] + result["held_out"] == whole
    sentences = [np.array([i]) for i in range(100)]
    learned, aside = hold_out(sentences, "sentence", seed=3)
    assert (len(learned), len(aside)) == (95, 5)
    assert sorted(int(s[0]) for s in [*learned, *aside]) == list(range(100))
    (kept,), (middle,) = hold_out([np.arange(100)], "stream")
    assert (kept.tolist(), middle.tolist()) == ([*range(47), *range(52, 100)], [*range(47, 52)])
    assert hold_out([np.arange(19)], "stream")[1] == []


def test_rare_words_are_read_as_unknown_but_rare_characters_are_kept() -> None:
    assert train("rnn", "--max-vocab", "10000") == 0
    counts = trained().vocab.counts[3:]
    assert counts.min() == 2
    assert train("rnn", "--tokens", "characters", "--max-vocab", "10000", out="letters") == 0
    assert trained("letters").vocab.counts[3:].min() == 1


def test_each_epoch_is_said(capsys: Capture) -> None:
    assert train("rnn") == 0
    printed = capsys.readouterr()
    assert "note: epoch 2: " in printed.err and "held out" in printed.err
    assert "the weights are those of epoch" in printed.out


# ---------------------------------------------------------------- interrupted, and gone on with

_LONG = ("--epochs", "12", "--patience", "12", "--unit", "stream", "--json")


def test_killed_and_resumed_the_model_is_the_same(here: Path, capsys: Capture) -> None:
    assert train("rnn", *_LONG, out="whole") == 0
    whole = json.loads(capsys.readouterr().out)
    program = [sys.executable, "-m", "lmlib", "train", "rnn", "--text", "train.txt"]
    process = subprocess.Popen([*program, "--out", "killed", *SMALL, *_LONG])
    checkpoint = here / "killed.checkpoint"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (here / "killed").exists()

    assert train("rnn", *_LONG, out="killed") == 2  # it is not begun anew unasked
    assert "go on with it by --resume, or delete" in capsys.readouterr().err
    assert train("rnn", *_LONG, "--resume", "--hidden", "13", out="killed") == 2
    assert "a checkpoint of another training" in capsys.readouterr().err
    assert train("rnn", *_LONG, "--resume", out="killed") == 0
    assert json.loads(capsys.readouterr().out)["history"] == whole["history"]
    assert (here / "killed/arrays.safetensors").read_bytes() == (
        here / "whole/arrays.safetensors"
    ).read_bytes()
    assert not checkpoint.exists()


def test_stopped_by_hand_it_says_how_to_go_on(
    here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("lmlib.commands.train._say_epoch", ctrl_c)
    assert train("rnn", "--epochs", "3") == 130
    assert "model.checkpoint, and --resume goes on from it." in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert train("rnn", "--epochs", "3", "--resume") == 0


def test_a_damaged_checkpoint_is_named_and_kept(here: Path, capsys: Capture) -> None:
    (here / "model.checkpoint").write_bytes(b"half")
    assert train("rnn", "--resume") == 2
    assert "model.checkpoint: this checkpoint is damaged" in capsys.readouterr().err
    assert (here / "model.checkpoint").read_bytes() == b"half"
    assert train("rnn", "--resume", out="other") == 2
    assert "there is no such checkpoint" in capsys.readouterr().err


def test_a_training_that_blows_up_leaves_the_older_model(here: Path, capsys: Capture) -> None:
    assert train("rnn") == 0
    before = {path.name: path.read_bytes() for path in (here / "model").iterdir()}
    capsys.readouterr()
    assert train("rnn", "--optimiser", "sgd", "--learning-rate", "1e38", "--clip-norm", "0") == 2
    said = capsys.readouterr().err
    assert "the training blew up at step" in said and "lower learning rate" in said
    assert {path.name: path.read_bytes() for path in (here / "model").iterdir()} == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_checkpoint_that_cannot_be_written_is_an_error_in_one_sentence(
    here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def full(source: Any, target: Any) -> None:
        if str(target).endswith(".checkpoint"):
            raise OSError(28, "No space left on device", str(target))
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    assert train("rnn") == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "lmlib: model.checkpoint: No space left on device."
    )
    assert sorted(path.name for path in here.iterdir()) == ["other.txt", "train.txt"]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "flags, said",
    [
        (("--hidden", "0"), "hidden=0"),
        (("--embedding", "-1"), "embedding=-1"),
        (("--layers", "0"), "layers=0"),
        (("--dropout", "1.5"), "dropout=1.5"),
        (("--epochs", "0"), "epochs=0"),
        (("--learning-rate", "nan"), "learning_rate=nan"),
        (("--batch-size", "0"), "batch_size=0"),
        (("--steps", "0"), "steps=0"),
        (("--seed", "-1"), "seed=-1"),
        (("--min-count", "0"), "--min-count 0"),
        (("--max-vocab", "3"), "--max-vocab 3"),
        (("--context", "2"), "unrecognized arguments: --context 2"),
        (("--text", "none.txt"), "none.txt: there is no such file"),
        (("--out", "m.arpa"), "ARPA holds n-grams alone"),
        (("--valid", "train.txt.gz"), "there is no such file"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_written(
    flags: tuple[str, ...], said: str, here: Path, capsys: Capture
) -> None:
    assert train("rnn", *flags) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in here.iterdir()) == ["other.txt", "train.txt"]


def test_standard_input_is_a_text_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    assert main(["train", "rnn", "--text", "-", "--out", "model", *SMALL]) == 0


def test_help_needs_no_pytorch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from lmlib.commands import main\n"
        "main(['train', 'rnn', '--help'])\n"
        "sys.exit(main(['train', 'rnn', '--text', 'train.txt', '--out', 'm']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--learning-rate" in done.stdout
    assert "pip install 'lmlib-book[torch]'" in done.stderr


def test_a_text_of_one_sentence_can_be_learned(here: Path) -> None:
    (here / "train.txt").write_text("the cat was full\n", encoding="utf-8")
    assert train("rnn", "--min-count", "1") == 0
    assert isinstance(trained(), LanguageModel)


# ---------------------------------------------------------------- the recipe of 2014


def test_the_published_recipe_is_what_its_authors_wrote(capsys: Capture) -> None:
    """Zaremba et al. 2014: 2 layers of 200, 20 lanes, 20 steps, 13 epochs, halving after the 4th.

    Their loss is summed over the 20 steps, so that their learning rate of 1 and norm of 5 are 20
    and 1/4 for a mean.
    """
    flags = ("--preset", "ptb-small", "--hidden", "6", "--embedding", "6", "--max-vocab", "60")
    assert main(["train", "lstm", "--text", "train.txt", "--out", "m", "--json", *flags]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["model"]["layers"] == 2 and result["model"]["dropout"] == 0
    rates = [epoch["learning_rate"] for epoch in result["history"]]
    assert rates == [20.0] * 4 + [20.0 / 2**k for k in range(1, 10)]
    settings = result["training"]
    assert (settings["batch_size"], settings["steps"], settings["clip_norm"]) == (20, 20, 5 / 20)
    assert settings["optimiser"] == "sgd"
    assert trained("m").text_format == TextFormat("whitespace", "stream")


def test_a_mean_learns_as_a_sum_does_with_another_rate_and_norm() -> None:
    """What the preset claims: the same weights, whether a loss is a sum over steps or a mean."""
    import torch

    rng = np.random.default_rng(0)
    inputs, targets = torch.tensor(rng.integers(3, 60, (2, 20, 20)))
    vocab = Vocab(["<unk>", "<bos>", "<eos>", *map(str, range(57))])
    after = []
    for summed in (True, False):
        config = RecurrentConfig("lstm", 8, 8)
        model = RecurrentLM(config, vocab, TextFormat("whitespace", "stream")).double()
        loss, _ = model.loss(inputs, targets)
        (loss / 20 if summed else loss / 400).backward()
        clip_gradient(model, 5.0 if summed else 0.25)
        torch.optim.SGD(model.parameters(), 1.0 if summed else 20.0).step()
        after.append(model.state_dict())
    for name, tensor in after[0].items():
        torch.testing.assert_close(tensor, after[1][name], rtol=1e-5, atol=1e-7)


def test_flags_that_are_given_go_before_the_recipe(capsys: Capture) -> None:
    flags = ("--preset", "ptb-small", "--unit", "sentence", "--json")
    assert train("lstm", *flags) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["epochs"] == 2 and result["model"]["hidden"] == 12
    assert trained().text_format.unit == "sentence"


def test_weights_begin_where_they_are_told(capsys: Capture) -> None:
    assert train("lstm", "--initial", "0.01", "--learning-rate", "1e-9") == 0
    assert all(weight.abs().max() < 0.0101 for weight in trained().parameters())
    assert train("lstm", "--initial", "-1") == 2
    assert "initial=-1.0: give a number above 0" in capsys.readouterr().err


def test_tied_weights_need_equal_sizes(capsys: Capture) -> None:
    assert train("gru", "--tied") == 2
    assert "embedding (6) and hidden (12) must be equal" in capsys.readouterr().err
    assert train("gru", "--tied", "--embedding", "12") == 0
    assert trained().config.tied
