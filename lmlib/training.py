"""One training loop for every task (chapter 07).

A *task* says what is learned from: it cuts batches, gives the loss of one, and judges the model
after each epoch. The loop does the rest: gradients, clipping, the optimiser, a learning rate that
falls when progress stops, early stopping, and checkpoints from which a training that was killed
goes on exactly.
"""

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from lmlib.batching import padded_batch, sequential_partition
from lmlib.errors import InputError
from lmlib.language_model import sequence_logprobs
from lmlib.neural import NeuralLM, check_sizes, seeded
from lmlib.pytorch import nn, torch
from lmlib.text import TokenIds

Batch = tuple[np.ndarray, ...]
Carried = tuple[torch.Tensor, ...] | None

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}


class Task(Protocol):
    """What the loop asks of a task."""

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Cut the batches of an epoch: the same ones whenever it is asked for the same epoch."""

    def loss(
        self, model: nn.Module, batch: tuple[torch.Tensor, ...], carried: Carried
    ) -> tuple[torch.Tensor, int, Carried]:
        """Give the summed loss of a batch in nats, over how much it is summed, and the state that
        the next batch begins with (None: nothing is carried).
        """

    def evaluate(self, model: nn.Module) -> float | None:
        """Give the mean loss on held-out data; None where there is none."""

    def identity(self) -> dict[str, Any]:
        """Say in plain values what a checkpoint must have been made with."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Parameters
    ----------
    epochs
        At most so many passes over the data.
    optimiser
        ``"adam"`` or ``"sgd"``.
    learning_rate
        At the beginning.
    decay, patience
        After an epoch that did not lower the held-out loss by a thousandth, the learning rate is
        multiplied by ``decay``; after ``patience`` such epochs in a row the training ends.
    decay_after
        Where it is given, the learning rate falls by a schedule instead: after this many epochs,
        and after each one from then on.
    clip_norm
        The gradient is scaled down to this norm where it is longer (chapter 08); 0: never.
    seed
        Of everything drawn by chance: the order of the batches, dropout.
    device
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    epochs: int = 20
    optimiser: str = "adam"
    learning_rate: float = 0.002
    decay: float = 0.5
    patience: int = 3
    decay_after: int | None = None
    clip_norm: float = 1.0
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS:
            raise InputError(
                f"optimiser={self.optimiser!r} is not known; choose one of {', '.join(OPTIMISERS)}."
            )
        check_sizes(self, "epochs", "patience", *["decay_after"] * (self.decay_after is not None))
        if self.seed < 0:
            raise InputError(f"seed={self.seed}: give 0 or more.")
        if not self.learning_rate > 0 or not 0 < self.decay <= 1 or self.clip_norm < 0:
            raise InputError(
                f"learning_rate={self.learning_rate}, decay={self.decay}, "
                f"clip_norm={self.clip_norm}: the first is above 0, the second above 0 and at "
                "most 1, the third 0 or more."
            )
        available = {"cpu": True, "cuda": torch.cuda.is_available()}
        available["mps"] = torch.backends.mps.is_available()
        if self.device not in available:
            raise InputError(f"device={self.device!r} is not known; choose cpu, cuda or mps.")
        if not available[self.device]:
            raise InputError(f"device={self.device!r}: PyTorch finds none here; take cpu.")


@dataclass(frozen=True)
class Epoch:
    """What one pass over the data brought.

    Attributes
    ----------
    number, steps
        Of the epoch, from 1; of all updates so far.
    train, valid
        Mean loss in nats: over everything that was trained on, as it went by; on held-out data.
    learning_rate, gradient_norm
        During the epoch; of its last gradient, before clipping.
    """

    number: int
    steps: int
    train: float
    valid: float | None
    learning_rate: float
    gradient_norm: float


@dataclass
class _Run:
    """Where a training stands: all of it that is no tensor."""

    learning_rate: float
    epoch: int = 0  # the one that is going on, from 0
    batch: int = 0  # how many of its batches are done
    steps: int = 0
    loss: float = 0.0  # summed in this epoch
    count: int = 0
    gradient_norm: float = 0.0
    best: float = math.inf
    since_best: int = 0
    finished: bool = False
    history: list[Epoch] = field(default_factory=list)


def fit(
    model: nn.Module,
    task: Task,
    config: TrainingConfig,
    checkpoint: str | Path | None = None,
    every: float = 60.0,
    progress: Callable[[str], None] | None = None,
    report: Callable[[Epoch], None] | None = None,
) -> list[Epoch]:
    """Train a model; it ends with the weights that were best on held-out data.

    Parameters
    ----------
    model
        Changed in place, and moved to the device.
    checkpoint
        A file. If it is there, the training goes on from it, and comes to the same numbers as one
        that was never interrupted (on the CPU, with the same number of threads, to the last
        digit). It is written after each epoch and when ``every`` seconds have passed, whole or
        not at all.
    progress
        Called now and then with a few words.
    report
        Called after each epoch.

    Returns
    -------
    list of Epoch

    Raises
    ------
    InputError
        If the loss or a gradient is no finite number any more, or the checkpoint belongs to
        another training or is damaged.
    OSError
        If the checkpoint cannot be written; the one written before is untouched.
    """
    model.to(config.device)
    if isinstance(model, NeuralLM):  # Adam moves rows that were not read, too
        model.sparse_embedding = config.optimiser == "sgd"
    optimiser = OPTIMISERS[config.optimiser](model.parameters(), lr=config.learning_rate)
    run, carried = _Run(config.learning_rate), None
    best = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    identity = _identity(model, task, config)
    with seeded(config.seed):
        if checkpoint is not None and Path(checkpoint).exists():
            run, carried, best = _resume(Path(checkpoint), identity, model, optimiser)

        def keep() -> None:
            if checkpoint is not None:
                _write(Path(checkpoint), identity, run, model, optimiser, carried, best)

        written = said = time.monotonic()
        while run.epoch < config.epochs and not run.finished:
            model.train()
            for batch in islice(task.batches(run.epoch), run.batch, None):
                carried = _update(model, task, batch, carried, optimiser, run, config)
                now = time.monotonic()
                if progress and now - said > 0.5:
                    said = now
                    progress(_words(run, config))
                if now - written > every:
                    keep()
                    written = time.monotonic()
            _end_epoch(model, task, run, config, best)
            carried = None
            keep()
            written = time.monotonic()
            if report:
                report(run.history[-1])
    model.load_state_dict(best)
    model.eval()
    return run.history


def _update(
    model: nn.Module,
    task: Task,
    batch: Batch,
    carried: Carried,
    optimiser: torch.optim.Optimizer,
    run: _Run,
    config: TrainingConfig,
) -> Carried:
    """One step downhill."""
    tensors = tuple(torch.as_tensor(array, device=config.device) for array in batch)
    loss, count, carried = task.loss(model, tensors, carried)
    optimiser.zero_grad()
    (loss / count).backward()
    norm = clip_gradient(model, config.clip_norm)
    total = float(loss.detach())
    if not (math.isfinite(total) and math.isfinite(norm)):
        raise InputError(
            f"the training blew up at step {run.steps + 1} (epoch {run.epoch + 1}): the loss is "
            f"{total / count:.4g} nats and the gradient's norm {norm:.4g}, after "
            f"{run.gradient_norm:.4g} the step before. Try a lower learning rate "
            f"(it was {run.learning_rate:g}) or a tighter clip_norm (it was {config.clip_norm:g})."
        )
    for group in optimiser.param_groups:
        group["lr"] = run.learning_rate
    optimiser.step()
    run.steps += 1
    run.batch += 1
    run.loss += total
    run.count += count
    run.gradient_norm = norm
    return None if carried is None else tuple(tensor.detach() for tensor in carried)


def clip_gradient(model: nn.Module, limit: float) -> float:
    """Scale the gradient of all weights together down to this norm; 0: never. Gives its norm.

    As `torch.nn.utils.clip_grad_norm_`, for sparse gradients too, of which it sees the rows alone.
    """
    gradients = []
    for weight in model.parameters():
        if weight.grad is not None:
            if weight.grad.is_sparse:
                weight.grad = weight.grad.coalesce()
                gradients.append(weight.grad.values())
            else:
                gradients.append(weight.grad)
    norm = nn.utils.get_total_norm(gradients)
    if limit and norm > limit:
        torch._foreach_mul_(gradients, limit / (norm + 1e-6))
    return float(norm)


def _end_epoch(
    model: nn.Module,
    task: Task,
    run: _Run,
    config: TrainingConfig,
    best: dict[str, torch.Tensor],
) -> None:
    """Judge the model, remember the best, and let the learning rate fall where nothing came."""
    model.eval()
    train, valid = run.loss / run.count, task.evaluate(model)
    run.history.append(
        Epoch(run.epoch + 1, run.steps, train, valid, run.learning_rate, run.gradient_norm)
    )
    judged = train if valid is None else valid
    better = judged < run.best
    enough = judged < run.best * (1 - 1e-3)
    if better:
        run.best = judged
        for name, tensor in model.state_dict().items():
            best[name].copy_(tensor)
    run.since_best = 0 if enough else run.since_best + 1
    if not enough if config.decay_after is None else run.epoch + 1 >= config.decay_after:
        run.learning_rate *= config.decay
    run.finished = run.since_best >= config.patience
    run.epoch, run.batch, run.loss, run.count = run.epoch + 1, 0, 0.0, 0


def _words(run: _Run, config: TrainingConfig) -> str:
    mean = run.loss / run.count
    words = f"epoch {run.epoch + 1} of {config.epochs}, step {run.batch}"
    words += f": {mean:.3f} nats, perplexity {math.exp(min(mean, 700)):.4g}"
    if run.history and run.history[-1].valid is not None:
        words += f"; held out {run.history[-1].valid:.3f}"
    return words


# ---------------------------------------------------------------- checkpoints


def _identity(model: nn.Module, task: Task, config: TrainingConfig) -> dict[str, Any]:
    settings = asdict(config)
    del settings["epochs"], settings["device"]  # a training may go on longer, or elsewhere
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    return {"model": shapes, "task": task.identity(), "training": settings}


def _write(
    path: Path,
    identity: dict[str, Any],
    run: _Run,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    carried: Carried,
    best: dict[str, torch.Tensor],
) -> None:
    """Write one file, beside its place first."""
    from safetensors.torch import save  # which imports PyTorch, and would not say what is missing

    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    tensors |= {f"carried.{i}": tensor for i, tensor in enumerate(carried or ())}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": t for name, t in state.items() if t is not None}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    about = {"identity": json.dumps(identity), "run": json.dumps(asdict(run))}
    data = save(contiguous, metadata=about)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _resume(
    path: Path,
    identity: dict[str, Any],
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> tuple[_Run, Carried, dict[str, torch.Tensor]]:
    """Put everything back where the checkpoint has it."""
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        there, where = json.loads(about["identity"]), json.loads(about["run"])
    except PermissionError:
        raise InputError(f"{path}: no permission to read this checkpoint.") from None
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{path}: this checkpoint is damaged or incomplete ({error}); delete it to begin anew."
        ) from None
    _compare(path, there, identity)
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = tensor
    model.load_state_dict(parts["model"])
    best = {name: tensor.to(model.state_dict()[name]) for name, tensor in parts["best"].items()}
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in parts.get("optimiser", {}).items():
        number, _, rest = name.partition(".")
        state.setdefault(int(number), {})[rest] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    torch.set_rng_state(parts["random"]["cpu"])
    if "cuda" in parts["random"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(parts["random"]["cuda"])
    history = [Epoch(**epoch) for epoch in where.pop("history")]
    run = _Run(**where, history=history)
    carried = parts.get("carried", {})
    device = next(model.parameters()).device
    in_order = tuple(carried[str(i)].to(device) for i in range(len(carried)))
    return run, in_order or None, best


def _compare(path: Path, there: dict[str, Any], here: dict[str, Any]) -> None:
    for part, values in here.items():
        for name in sorted({*values, *there.get(part, {})}):
            old, new = there.get(part, {}).get(name), values.get(name)
            if old != new:
                raise InputError(
                    f"{path}: a checkpoint of another training: its {part} has {name} = {old}, "
                    f"this one {new}. Give the same settings to go on with it, or delete it to "
                    "begin anew."
                )


# ---------------------------------------------------------------- the task of a language model


@dataclass
class LanguageModelling:
    """Predict each next token.

    A stream is cut into lanes that are read side by side; after ``steps`` tokens of each the
    weights change, and the state is carried on but the gradient is not: truncated backpropagation
    through time. Sentences are read whole, those of like length side by side, and of short ones
    more than of long: each batch has about as many tokens, so that each token has the same say.

    Parameters
    ----------
    train, valid
        Token numbers, as `lmlib.text.encode_text` gives them: an array a sentence, or one.
    unit
        ``"sentence"`` or ``"stream"``.
    bos
        The number of ``<bos>``.
    batch_size
        Lanes, or sentences of mean length, side by side (B).
    steps
        Tokens of a lane between two updates (T); for sentences it is not asked.
    seed
        Of the order of the batches.
    """

    train: Sequence[TokenIds]
    valid: Sequence[TokenIds]
    unit: str
    bos: int
    batch_size: int = 32
    steps: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        check_sizes(self, "batch_size", "steps")

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Cut the text anew for each epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        if self.unit == "stream":
            for ids in self.train:
                stream = np.concatenate([[self.bos], ids])
                lanes = min(self.batch_size, max(1, len(ids) // self.steps))
                offset = int(rng.integers(min(self.steps, len(ids) - lanes + 1)))
                yield from sequential_partition(stream, lanes, self.steps, offset)
            return
        lengths = np.array([len(ids) for ids in self.train])
        order = rng.permutation(len(self.train))
        pool = 64 * self.batch_size  # within so many sentences, those of like length come together
        rows: list[npt.NDArray] = []
        for start in range(0, len(order), pool):
            some = order[start : start + pool]
            some = some[np.argsort(lengths[some], kind="stable")]
            before = np.cumsum(lengths[some]) - lengths[some]  # tokens in front of each sentence
            pieces = -(-len(some) // self.batch_size)
            piece = before * pieces // lengths[some].sum()
            rows += np.split(some, np.flatnonzero(np.diff(piece)) + 1)
        for i in rng.permutation(len(rows)):
            yield padded_batch([self.train[row] for row in rows[i]], self.bos)

    def loss(
        self, model: nn.Module, batch: tuple[torch.Tensor, ...], carried: Carried
    ) -> tuple[torch.Tensor, int, Carried]:
        """Sum -ln P of every real target."""
        inputs, targets = batch
        assert isinstance(model, NeuralLM)
        loss, state = model.loss(inputs, targets, carried)
        count = int((targets >= 0).sum())
        return loss, count, state if self.unit == "stream" else None

    def evaluate(self, model: nn.Module) -> float | None:
        """Mean of -ln P over all held-out tokens, as `lmlib.language_model.score` has it."""
        if not len(self.valid):
            return None
        assert isinstance(model, NeuralLM)
        return -float(np.concatenate(sequence_logprobs(model, self.valid)).mean())

    def identity(self) -> dict[str, Any]:
        """Say what was learned from, and how it was cut."""
        digest = hashlib.sha256()
        for ids in (*self.train, *self.valid):
            digest.update(np.asarray(ids, np.int64).tobytes() + b"|")
        return {
            "text": digest.hexdigest()[:16],
            "unit": self.unit,
            "batch_size": self.batch_size,
            "steps": self.steps,
            "seed": self.seed,
        }


def hold_out(
    sequences: Sequence[TokenIds], unit: str, seed: int = 0
) -> tuple[list[TokenIds], list[TokenIds]]:
    """Set a twentieth of a text aside: sentences drawn by chance, or the middle of a stream.

    Not its end: what comes after a text resembles its end most, and is best predicted by a model
    that has learned from it.

    Returns
    -------
    train, valid
        Nothing is held out from a text of fewer than 20 sentences, or tokens of a stream.
    """
    if unit == "stream":
        (ids,) = sequences
        first, aside = len(ids) * 19 // 40, len(ids) // 20
        train = np.delete(ids, slice(first, first + aside))
        return [train], [ids[first : first + aside]] if aside else []
    chosen = np.random.default_rng(seed).permutation(len(sequences))[: len(sequences) // 20]
    held_out = set(chosen.tolist())
    kept = [ids for i, ids in enumerate(sequences) if i not in held_out]
    return kept, [sequences[i] for i in sorted(held_out)]
