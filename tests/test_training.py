"""The training loop: what is learned, what survives a crash, what is said when it fails."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from lmlib import training
from lmlib.batching import padded_batch
from lmlib.errors import InputError
from lmlib.language_model import score
from lmlib.neural import NeuralLM
from lmlib.recurrent import RecurrentConfig, RecurrentLM
from lmlib.text import TextFormat, encode_text, index_text
from lmlib.training import Epoch, LanguageModelling, TrainingConfig, fit
from lmlib.window import WindowConfig, WindowLM

TEXT = "the cat was full\nthe cats were full\nthe cat which ate was full\n" * 12
CONFIG = TrainingConfig(epochs=3, learning_rate=0.01)


def a_task(unit: str = "sentence", **options: Any) -> tuple[LanguageModelling, NeuralLM]:
    text_format = TextFormat("words", unit)
    vocab, train = index_text(TEXT, text_format)
    valid = encode_text(TEXT[:200], text_format, vocab)
    model = RecurrentLM(RecurrentConfig(embedding=8, hidden=16, dropout=0.1), vocab, text_format)
    task = LanguageModelling(
        train, valid, unit, vocab.bos, **{"batch_size": 4, "steps": 8} | options
    )
    return task, model


@pytest.mark.parametrize("unit", ["sentence", "stream"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_the_loss_falls_and_the_best_weights_are_kept(unit: str, optimiser: str) -> None:
    task, model = a_task(unit)
    rate = 0.01 if optimiser == "adam" else 0.5
    config = replace(CONFIG, epochs=6, optimiser=optimiser, learning_rate=rate)
    history = fit(model, task, config)
    valid = [epoch.valid for epoch in history if epoch.valid is not None]
    assert min(valid) < 0.7 * math.log(len(model.vocab) - 1)
    assert task.evaluate(model) == pytest.approx(min(valid), rel=1e-12)
    assert not model.training


def test_the_held_out_loss_is_the_score_of_the_text() -> None:
    for unit in ("sentence", "stream"):
        task, model = a_task(unit)
        expected = score(model, TEXT[:200]).nats_per_token
        assert task.evaluate(model) == pytest.approx(expected, rel=1e-12)


def test_the_training_loss_is_a_mean_over_tokens_not_over_batches() -> None:
    """With a learning rate of next to nothing it is the loss of the untouched model."""
    task, model = a_task()
    model.dropout.p = 0.0  # type: ignore[union-attr]
    whole = replace_valid(task)
    (epoch,) = fit(model, whole, replace(CONFIG, epochs=1, learning_rate=1e-12))
    assert epoch.train == pytest.approx(epoch.valid, rel=1e-5)


def replace_valid(task: LanguageModelling) -> LanguageModelling:
    return replace(task, valid=task.train)


def test_every_token_of_every_sentence_is_trained_on_once() -> None:
    task, model = a_task()
    seen = []
    for inputs, targets in task.batches(0):
        assert (inputs[:, 0] == model.vocab.bos).all()
        seen += [tuple(row[row >= 0]) for row in targets]
    assert sorted(seen) == sorted(map(tuple, task.train))
    again = [tuple(map(tuple, batch[1])) for batch in task.batches(0)]
    other = [tuple(map(tuple, batch[1])) for batch in task.batches(1)]
    assert again == [tuple(map(tuple, batch[1])) for batch in task.batches(0)] != other


def test_short_and_long_sentences_have_the_same_say_for_each_token() -> None:
    """Each batch's mean loss moves the weights alike, so no batch may have few tokens."""
    task, _ = a_task()
    lengths = np.random.default_rng(0).geometric(0.05, size=4000)
    task = replace(task, train=[np.full(length, 3) for length in lengths], batch_size=16)
    tokens = np.array([(targets >= 0).sum() for _, targets in task.batches(0)])
    assert len(tokens) == pytest.approx(4000 / 16, rel=0.05)
    assert np.percentile(tokens, 95) < 1.5 * np.percentile(tokens, 5)


def test_in_a_stream_each_lane_goes_on_where_it_stopped() -> None:
    task, _ = a_task("stream")
    for (_, before), (after, _) in pairwise(task.batches(0)):
        np.testing.assert_array_equal(before[:, -1], after[:, 0])


def test_the_carried_state_is_detached_and_carried() -> None:
    """Truncated: each batch begins with the numbers of the state before it, not with its graph."""
    task, model = a_task("stream")
    given = []
    loss = task.loss

    def spy(model: nn.Module, batch: Any, carried: Any) -> Any:
        given.append(carried)
        result = loss(model, batch, carried)
        spy.after = result[2]  # type: ignore[attr-defined]
        return result

    task.loss = spy  # type: ignore[method-assign]
    fit(model, task, replace(CONFIG, epochs=1))
    assert given[0] is None
    assert all(state[0].grad_fn is None and state[0].abs().sum() > 0 for state in given[1:])


def test_the_learning_rate_falls_when_nothing_comes_and_the_training_ends() -> None:
    task, model = a_task()
    rates, valid = [], iter([2.0, 1.0, 1.0, 0.9999, 0.5, 0.6, 0.6, 0.6, 0.1])
    task.evaluate = lambda model: next(valid)  # type: ignore[method-assign]
    history = fit(model, task, replace(CONFIG, epochs=50, patience=3, learning_rate=0.008))
    rates = [epoch.learning_rate for epoch in history]
    assert rates == [0.008, 0.008, 0.008, 0.004, 0.002, 0.002, 0.001, 0.0005]


def test_without_held_out_data_the_training_loss_judges() -> None:
    task, model = a_task()
    task.valid = []
    history = fit(model, task, CONFIG)
    assert all(epoch.valid is None for epoch in history)


def test_any_module_and_any_task_will_do() -> None:
    """A regression: y = 3 x, learned by the same loop."""

    class Line:
        def batches(self, epoch: int) -> Iterator[tuple[np.ndarray, ...]]:
            x = np.random.default_rng([0, epoch]).normal(size=(64, 1)).astype(np.float32)
            yield x, 3 * x

        def loss(self, model: nn.Module, batch: Any, carried: Any) -> Any:
            x, y = batch
            return ((model(x) - y) ** 2).sum(), len(x), None

        def evaluate(self, model: nn.Module) -> float | None:
            return None

        def identity(self) -> dict[str, Any]:
            return {}

    line = nn.Linear(1, 1)
    fit(line, Line(), TrainingConfig(epochs=300, patience=300, learning_rate=0.05, decay=1.0))
    assert float(line.weight.detach()) == pytest.approx(3, abs=0.01)


def test_gradients_are_clipped_to_the_norm() -> None:
    task, model = a_task()
    norms = []
    step = torch.optim.SGD.step

    class Watching(torch.optim.SGD):
        def step(self, *args: Any, **options: Any) -> Any:
            grads = [p.grad for g in self.param_groups for p in g["params"]]
            norms.append(float(torch.cat([g.flatten() for g in grads]).norm()))
            return step(self, *args, **options)

    training.OPTIMISERS["watching"] = Watching
    try:
        config = replace(CONFIG, epochs=1, optimiser="watching", clip_norm=0.05, learning_rate=0.1)
        (epoch,) = fit(model, task, config)
    finally:
        del training.OPTIMISERS["watching"]
    assert max(norms) <= 0.05 * (1 + 1e-5)
    assert epoch.gradient_norm > 0.05


# ---------------------------------------------------------------- what goes wrong


def test_a_loss_that_is_no_number_stops_with_step_norm_and_advice() -> None:
    task, model = a_task("stream")
    with pytest.raises(InputError) as error:
        fit(model, task, replace(CONFIG, optimiser="sgd", learning_rate=1e38, clip_norm=0))
    message = str(error.value)
    assert "blew up at step" in message
    assert "gradient's norm" in message
    assert "lower learning rate (it was 1e+38)" in message


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"optimiser": "adagrad"}, "choose one of adam, sgd"),
        ({"epochs": 0}, "1 or more"),
        ({"learning_rate": 0.0}, "above 0"),
        ({"learning_rate": math.nan}, "above 0"),
        ({"device": "tpu"}, "choose cpu, cuda or mps"),
    ],
)
def test_settings_that_make_no_sense_are_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(CONFIG, **wrong)


# ---------------------------------------------------------------- checkpoints


def weights(model: nn.Module) -> dict[str, Any]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("unit", ["sentence", "stream"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("stop_after", [1, 7, 20])
def test_an_interrupted_training_comes_to_the_same_numbers(
    tmp_path: Path, unit: str, optimiser: str, stop_after: int
) -> None:
    config = replace(CONFIG, optimiser=optimiser)
    task, model = a_task(unit)
    expected = fit(model, task, config)
    task, again = a_task(unit)
    loss, calls = task.loss, 0

    def breaking(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == stop_after:
            raise KeyboardInterrupt
        return loss(*arguments)

    task.loss = breaking  # type: ignore[method-assign, assignment]
    file = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        fit(again, task, config, file, every=0)
    task, third = a_task(unit)
    with torch.no_grad():
        for weight in third.parameters():
            weight.zero_()  # everything comes from the checkpoint, once there is one
    if stop_after == 1:
        assert not file.exists()
        third.load_state_dict(a_task(unit)[1].state_dict())
    torch.manual_seed(99)
    assert fit(third, task, config, file) == expected
    for name, weight in weights(model).items():
        assert torch.equal(weight, third.state_dict()[name]), name


_TRAIN = """
import json, sys
sys.path.insert(0, {folder!r})
import torch
torch.set_num_threads(1)
from test_training import CONFIG, a_task
from dataclasses import asdict, replace
from lmlib.training import fit
task, model = a_task("stream")
history = fit(model, task, replace(CONFIG, epochs=8, patience=8), sys.argv[1], every=0.0)
print(json.dumps([asdict(epoch) for epoch in history]))
"""


def test_killed_at_any_moment_the_loss_curve_is_the_same(tmp_path: Path) -> None:
    program = [sys.executable, "-c", _TRAIN.format(folder=str(Path(__file__).parent))]
    task, model = a_task("stream")
    whole = [asdict(epoch) for epoch in fit(model, task, replace(CONFIG, epochs=8, patience=8))]
    file = tmp_path / "killed"
    kills = 0
    rng = np.random.default_rng(0)
    while True:
        process = subprocess.Popen([*program, str(file)], stdout=subprocess.PIPE)
        deadline = time.monotonic() + 120
        before = file.stat().st_mtime_ns if file.exists() else 0
        while kills < 2 and process.poll() is None and time.monotonic() < deadline:
            if file.exists() and file.stat().st_mtime_ns > before:
                time.sleep(rng.uniform(0, 0.1))
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.001)
        printed, _ = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
    assert kills >= 1
    assert json.loads(printed) == whole
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["killed"]


def test_a_checkpoint_of_another_training_is_refused_and_says_why(tmp_path: Path) -> None:
    file = tmp_path / "run"
    task, model = a_task()
    fit(model, task, replace(CONFIG, epochs=1), file)
    kept = file.read_bytes()

    with pytest.raises(InputError, match=r"learning_rate = 0.01, this one 0.02"):
        fit(a_task()[1], task, replace(CONFIG, learning_rate=0.02), file)
    with pytest.raises(InputError, match="another training: its task has batch_size = 4"):
        fit(a_task()[1], a_task(batch_size=5)[0], CONFIG, file)
    with pytest.raises(InputError, match="its task has text = "):
        fit(a_task()[1], replace(task, train=task.train[1:]), CONFIG, file)
    vocab, text_format = model.vocab, model.text_format
    other = WindowLM(WindowConfig(3, 8, 16), vocab, text_format)
    with pytest.raises(InputError, match="its model has W_1 = None"):
        fit(other, task, CONFIG, file)
    wider = RecurrentLM(RecurrentConfig(embedding=8, hidden=32), vocab, text_format)
    with pytest.raises(InputError, match=r"its model has W_o = \[16, 11\], this one \[32, 11\]"):
        fit(wider, task, CONFIG, file)
    assert file.read_bytes() == kept


def test_a_longer_training_goes_on_from_a_finished_one(tmp_path: Path) -> None:
    task, model = a_task()
    fit(model, task, replace(CONFIG, epochs=2), tmp_path / "run")
    history = fit(a_task()[1], task, replace(CONFIG, epochs=3), tmp_path / "run")
    assert history == fit(a_task()[1], task, CONFIG)


@pytest.mark.parametrize("part", [0, 3, 100, -1])
def test_a_half_written_checkpoint_is_named(tmp_path: Path, part: int) -> None:
    file = tmp_path / "run"
    task, model = a_task()
    fit(model, task, replace(CONFIG, epochs=1), file)
    file.write_bytes(file.read_bytes()[:part])
    with pytest.raises(InputError, match="run: this checkpoint is damaged or incomplete"):
        fit(a_task()[1], task, CONFIG, file)


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    file = tmp_path / "run"
    save_file({"W": torch.zeros(3)}, file)
    task, model = a_task()
    with pytest.raises(InputError, match="damaged or incomplete"):
        fit(model, task, CONFIG, file)
    assert list(load_file(file)) == ["W"]


def test_on_a_full_disk_the_checkpoint_before_is_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run"
    task, model = a_task()
    fit(model, task, replace(CONFIG, epochs=1), file)
    kept = file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        fit(a_task()[1], task, replace(CONFIG, epochs=2), file)
    assert file.read_bytes() == kept
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_padding_is_not_learned_from() -> None:
    task, model = a_task()
    sentences = [task.train[0], task.train[2][:3]]
    inputs, targets = map(torch.as_tensor, padded_batch(sentences, model.vocab.bos))
    loss, count, _ = task.loss(model.eval(), (inputs, targets), None)
    alone = [
        task.loss(model, tuple(map(torch.as_tensor, padded_batch([s], model.vocab.bos))), None)
        for s in sentences
    ]
    assert count == sum(n for _, n, _ in alone) == sum(map(len, sentences))
    torch.testing.assert_close(loss, sum(part for part, _, _ in alone))


def test_an_epoch_is_reported_as_it_ends() -> None:
    task, model = a_task()
    told: list[Epoch] = []
    history = fit(model, task, CONFIG, report=told.append)
    assert told == history
    assert [epoch.number for epoch in told] == [1, 2, 3]
    assert told[-1].steps == 3 * len(list(task.batches(0)))
