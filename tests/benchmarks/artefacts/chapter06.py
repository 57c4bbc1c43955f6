"""The trained artefacts of chapter 06: windows and states of the same size, on the same tokens.

On one free core each takes at most a few minutes; `recall` trains fifteen small networks.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lmlib.corpora import load
from lmlib.language_model import LanguageModel
from lmlib.neural import NeuralLM
from lmlib.ngram import train_ngram
from lmlib.pytorch import torch
from lmlib.recurrent import RecurrentConfig, RecurrentLM
from lmlib.storage import save
from lmlib.text import TextFormat, encode_text, index_text
from lmlib.training import LanguageModelling, TrainingConfig, fit
from lmlib.window import WindowConfig, WindowLM

Config = RecurrentConfig | WindowConfig

WORDS = TextFormat("whitespace")
CHARACTERS = TextFormat("characters")


def train(
    texts: tuple[str, str],
    text_format: TextFormat,
    config: Config,
    training: TrainingConfig,
    min_count: int = 1,
    batch_size: int = 32,
) -> NeuralLM:
    """Train on the first text, sentence by sentence, with the second to stop by."""
    torch.set_num_threads(1)
    vocab, sequences = index_text(texts[0], text_format, min_count=min_count)
    held_out = encode_text(texts[1], text_format, vocab)
    model: NeuralLM
    if isinstance(config, RecurrentConfig):
        model = RecurrentLM(config, vocab, text_format, training.seed)
    else:
        model = WindowLM(config, vocab, text_format, training.seed)
    task = LanguageModelling(
        sequences, held_out, "sentence", vocab.bos, batch_size, seed=training.seed
    )
    fit(model, task, training)
    return model


# ---------------------------------------------------------------- the small grammar


def of_grammar(config: Config) -> NeuralLM:
    """A model of the small grammar's sentences, word by word."""
    grammar = load("grammar")
    training = TrainingConfig(epochs=20, learning_rate=0.005)
    return train((grammar.train, grammar.valid), WORDS, config, training)


def grammar_window(path: Path) -> None:
    """A window of three words."""
    save(of_grammar(WindowConfig(context=3, embedding=32, hidden=64)), path)


def grammar_rnn(path: Path) -> None:
    """A state, with as many weights."""
    save(of_grammar(RecurrentConfig(embedding=32, hidden=64)), path)


# ---------------------------------------------------------------- recall the first word

NAMES = "Ann Ben Cat Dan Eve Fay Gus Hal".split()
BETWEEN = "and or but so yet then if as".split()
FARTHEST = 20  # of the sentences trained on
DISTANCES = (*range(1, FARTHEST + 1), 25, 30)
SEEDS = range(5)
SENTENCES, ASKED = 10_000, 500  # to train on; asked at each distance


def recall_sentence(rng: np.random.Generator, distance: int) -> str:
    """Write a name, so many words that say nothing, the question, and the name again."""
    name = rng.choice(NAMES)
    return f"{name} {' '.join(rng.choice(BETWEEN, distance))} who {name}"


def recall_text(rng: np.random.Generator, count: int) -> str:
    """Write sentences of all distances, one a line."""
    distances = rng.integers(1, FARTHEST + 1, count)
    return "".join(recall_sentence(rng, int(distance)) + "\n" for distance in distances)


def recall_accuracy(model: LanguageModel, distance: int) -> float:
    """How often the right name is the most probable word after the question."""
    rng = np.random.default_rng([distance, 6])
    lines = [recall_sentence(rng, distance).split() for _sentence in range(ASKED)]
    tokens = np.array([[model.vocab.bos, *model.vocab.encode(line)] for line in lines])  # (N, T)
    state = model.initial_state(len(tokens))
    for read in tokens[:, :-1].T:
        logprobs, state = model.step(read, state)  # (N, V)
    return float((logprobs.argmax(axis=1) == tokens[:, -1]).mean())


def recall(path: Path) -> None:
    """Accuracy against distance: counting, two windows and a state, five times each."""
    networks: dict[str, Config] = {
        "window of 5": WindowConfig(context=5, embedding=16, hidden=64),
        "window of 10": WindowConfig(context=10, embedding=16, hidden=64),
        "state": RecurrentConfig(embedding=16, hidden=64),
    }
    accuracy: dict[str, list[list[float]]] = {}
    parameters = {}
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        texts = recall_text(rng, SENTENCES), recall_text(rng, 500)
        models: dict[str, LanguageModel] = {
            "6-gram": train_ngram(texts[0], 6, text_format=WORDS),
        }
        for name, config in networks.items():
            training = TrainingConfig(
                epochs=30, learning_rate=0.003, decay=1.0, patience=30, seed=seed
            )
            model = train(texts, WORDS, config, training)
            parameters[name] = sum(weights.numel() for weights in model.parameters())
            models[name] = model
        for name, trained in models.items():
            row = [recall_accuracy(trained, distance) for distance in DISTANCES]
            accuracy.setdefault(name, []).append(row)
    rng = np.random.default_rng(0)
    about = {
        "examples": [recall_sentence(rng, distance) for distance in (2, 6)],
        "sentences": SENTENCES,
        "asked": ASKED,
        "farthest_trained": FARTHEST,
        "distances": DISTANCES,
        "parameters": parameters,
        "accuracy": accuracy,
    }
    path.write_text(json.dumps(about) + "\n", encoding="utf-8")


# ---------------------------------------------------------------- characters

EVERYDAY_MIN_COUNT = 10


def of_emma(config: Config) -> NeuralLM:
    """A model of *Emma*'s sentences, letter by letter."""
    emma = load("emma")
    training = TrainingConfig(epochs=10, learning_rate=0.003)
    return train((emma.train, emma.valid), CHARACTERS, config, training, min_count=2)


def emma_letters_window(path: Path) -> None:
    """A window of nine letters."""
    save(of_emma(WindowConfig(context=9, embedding=32, hidden=256)), path)


def emma_letters_rnn(path: Path) -> None:
    """A state, with as many weights."""
    save(of_emma(RecurrentConfig(embedding=32, hidden=256)), path)


def of_everyday(config: Config) -> NeuralLM:
    """A model of everyday Chinese, character by character; the rarest are read as <unk>."""
    everyday = load("tatoeba-zh")
    texts = everyday.train, everyday.valid
    training = TrainingConfig(epochs=8, learning_rate=0.005)
    return train(texts, CHARACTERS, config, training, EVERYDAY_MIN_COUNT, batch_size=64)


def everyday_characters_window(path: Path) -> None:
    """A window of four characters."""
    save(of_everyday(WindowConfig(context=4, embedding=30, hidden=90)), path)


def everyday_characters_rnn(path: Path) -> None:
    """A state, with as many weights."""
    save(of_everyday(RecurrentConfig(embedding=30, hidden=90)), path)


#: Each artefact, and the function that writes it.
ARTEFACTS: dict[str, Callable[[Path], None]] = {
    "grammar-window": grammar_window,
    "grammar-rnn": grammar_rnn,
    "recall.json": recall,
    "emma-letters-window": emma_letters_window,
    "emma-letters-rnn": emma_letters_rnn,
    "everyday-characters-window": everyday_characters_window,
    "everyday-characters-rnn": everyday_characters_rnn,
}
