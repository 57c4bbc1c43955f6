"""The trained artefacts of chapter 07: three recurrent networks, and what they were measured at.

The first reads *Emma* letter by letter, the second everyday Chinese, the third the source code of
Python's own standard library, taken from the interpreter that runs this. On one free core they
take two to four minutes each.
"""

import json
import platform
import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lmlib.corpora import load as load_corpus
from lmlib.interactives.sampling import PROMPTS
from lmlib.language_model import LanguageModel, score
from lmlib.ngram import train_ngram
from lmlib.pytorch import torch
from lmlib.recurrent import RecurrentConfig, RecurrentLM
from lmlib.repository import artefact
from lmlib.storage import load, save
from lmlib.text import TextFormat, encode_text, index_text
from lmlib.training import LanguageModelling, TrainingConfig, fit

STREAM = TextFormat("characters", "stream")
SENTENCES = TextFormat("characters", "sentence")

#: Which of the standard library's files are read: modules, not packages, and no giants.
LARGEST_FILE = 40_000
#: A character of the sources that occurs less often is read as <unk>: letters with accents.
PYTHON_MIN_COUNT = 10


def python_sources() -> tuple[str, str, str]:
    """Read modules of Python's standard library, for training, validation and test.

    Of the files in alphabetical order every tenth is for the test, and every tenth, five places
    before it, for validation. Licence: PSF, as Python itself.
    """
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(
        path
        for path in folder.glob("*.py")
        if path.name[0] != "_" and path.stat().st_size < LARGEST_FILE
    )
    parts: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for place, path in enumerate(paths):
        part = {9: "test", 4: "valid"}.get(place % 10, "train")
        parts[part].append(path.read_text(encoding="utf-8"))
    return "".join(parts["train"]), "".join(parts["valid"]), "".join(parts["test"])


def train(
    texts: tuple[str, str],
    text_format: TextFormat,
    min_count: int,
    config: RecurrentConfig,
    phases: tuple[tuple[int, float], ...],
) -> RecurrentLM:
    """Train on the first text, and keep what is best on the second; one thread, fixed seeds.

    ``phases`` are epochs, and the learning rate at which each of these begins.
    """
    torch.set_num_threads(1)
    vocab, sequences = index_text(texts[0], text_format, min_count=min_count)
    held_out = encode_text(texts[1], text_format, vocab)
    model = RecurrentLM(config, vocab, text_format, seed=0)
    for phase, (epochs, rate) in enumerate(phases):
        task = LanguageModelling(
            sequences, held_out, text_format.unit, vocab.bos, batch_size=32, steps=64, seed=phase
        )
        fit(model, task, TrainingConfig(epochs=epochs, learning_rate=rate), report=print)
    return model


def emma_rnn(path: Path) -> None:
    """*Emma*, letter by letter."""
    emma = load_corpus("emma")
    texts, config = (emma.train, emma.valid), RecurrentConfig(embedding=48, hidden=320)
    save(train(texts, STREAM, 5, config, ((8, 0.002), (2, 0.0007), (2, 0.0002))), path)


def everyday_rnn(path: Path) -> None:
    """Everyday Chinese, character by character."""
    everyday = load_corpus("tatoeba-zh")
    texts, config = (everyday.train, everyday.valid), RecurrentConfig(embedding=32, hidden=88)
    save(train(texts, SENTENCES, 11, config, ((7, 0.003), (2, 0.001), (2, 0.0003))), path)


def python_rnn(path: Path) -> None:
    """Python's standard library, character by character."""
    texts, config = python_sources()[:2], RecurrentConfig(embedding=48, hidden=320)
    phases = ((5, 0.002), (2, 0.0007), (2, 0.0002))
    save(train(texts, STREAM, PYTHON_MIN_COUNT, config, phases), path)


def python_figures(path: Path) -> None:
    """How well ``python-rnn`` and n-gram models foretell files that they have not read."""
    sources, _valid, unseen = python_sources()
    models: dict[str, LanguageModel] = {"rnn": load(artefact("python-rnn"))}
    for order in (4, 8):
        models[f"{order}-gram"] = train_ngram(
            sources, order, text_format=STREAM, min_count=PYTHON_MIN_COUNT
        )
    figures = {name: score(model, unseen).nats_per_token for name, model in models.items()}
    about = {
        "python": platform.python_version(),
        "train_characters": len(sources),
        "test_characters": len(unseen),
        "nats_per_character": figures,
    }
    path.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def next_tokens(path: Path) -> None:
    """What the networks expect after some prompts, for a figure to move."""
    expected = []
    for name, prompt in PROMPTS:
        model = load(artefact(name))
        vocab, state = model.vocab, model.initial_state(1)
        for token in [vocab.bos, *vocab.encode(list(prompt))]:
            logprobs, state = model.step([token], state)  # (1, V)
        allowed = logprobs[0]
        allowed[vocab.unk] = -np.inf
        allowed -= np.log(np.exp(allowed).sum())
        order = [i for i in np.argsort(-allowed, kind="stable").tolist() if allowed[i] > -np.inf]
        expected.append(
            {
                "model": name,
                "prompt": prompt,
                "tokens": vocab.decode(order),
                "logprobs": [round(float(allowed[i]), 3) for i in order],
            }
        )
    text = json.dumps(expected, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


#: Each artefact, and the function that writes it; those that read another come after it.
ARTEFACTS: dict[str, Callable[[Path], None]] = {
    "emma-rnn": emma_rnn,
    "everyday-rnn": everyday_rnn,
    "python-rnn": python_rnn,
    "python-rnn.json": python_figures,
    "next-tokens.json": next_tokens,
}
