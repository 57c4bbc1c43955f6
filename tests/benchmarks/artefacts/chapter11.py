"""The trained artefacts of chapter 11: fillers of gaps, depth at equal weights, units of a state.

On one free core each takes a minute or two, and the two that compare many networks, `filling` and
`depth`, about six.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lmlib.corpora import load as load_corpus
from lmlib.diagnostics import gate_traces
from lmlib.filling import BidirectionalFiller, FillConfig, Filling, fill_by_scoring
from lmlib.language_model import LanguageModel, score
from lmlib.ngram import train_ngram
from lmlib.pytorch import torch
from lmlib.recurrent import RecurrentConfig, RecurrentLM
from lmlib.repository import artefact
from lmlib.storage import load, save
from lmlib.text import TextFormat, TokenIds, Vocab, encode_text, index_text
from lmlib.training import LanguageModelling, TrainingConfig, fit

SEEDS = range(2)

# ---------------------------------------------------------------- what is read


class Sentences(NamedTuple):
    """A corpus for fillers: texts, how they are read, tokens without ``<eos>``."""

    train_text: str
    valid_text: str
    text_format: TextFormat
    vocab: Vocab
    train: list[TokenIds]
    valid: list[TokenIds]
    test: list[TokenIds]


MIN_COUNT = 10
READ_SENTENCES = 20_000


def english_side(text: str) -> list[str]:
    """The English sentences of the pairs, each once."""
    return list(dict.fromkeys(line.split("\t")[0] for line in text.splitlines()))


@cache
def sentences(language: str) -> Sentences:
    """Everyday sentences: English by words, Chinese by characters; the rarest are ``<unk>``."""
    if language == "en":
        pairs, text_format = load_corpus("tatoeba-en-zh"), TextFormat("words")
        train = "\n".join(english_side(pairs.train)[:READ_SENTENCES])
        valid, test = ("\n".join(english_side(text)) for text in (pairs.valid, pairs.test))
    else:
        everyday, text_format = load_corpus("tatoeba-zh"), TextFormat("characters")
        train = "\n".join(everyday.train.splitlines()[:READ_SENTENCES])
        valid, test = everyday.valid, everyday.test
    vocab, _ = index_text(train, text_format, MIN_COUNT)
    read = [
        [ids[:-1] for ids in encode_text(text, text_format, vocab)] for text in (train, valid, test)
    ]
    return Sentences(train, valid, text_format, vocab, read[0], read[1][:2000], read[2])


# ---------------------------------------------------------------- filling gaps

GAPS = 1000
SLOW_GAPS = 200  # for a network that has to read the sentence once for each word of the vocabulary
FILLERS = {
    1: FillConfig(embedding=32, hidden=48),
    2: FillConfig(embedding=32, hidden=40, layers=2),
}
LEFT_TO_RIGHT = RecurrentConfig(cell="lstm", embedding=32, hidden=88)


def gaps_of(language: str) -> list[tuple[TokenIds, int]]:
    """Test sentences of four tokens or more, each with the place of one gap, drawn by chance.

    No gap hides an ``<unk>``.
    """
    found, rng = [], np.random.default_rng(11)
    here = sentences(language)
    for ids in here.test:
        known = np.flatnonzero(ids != here.vocab.unk)
        if len(ids) >= 4 and len(known):
            found.append((ids, int(rng.choice(known))))
    return found[:GAPS]


def filler(language: str, layers: int, seed: int) -> BidirectionalFiller:
    """Train a filler."""
    torch.set_num_threads(1)
    here = sentences(language)
    model = BidirectionalFiller(FILLERS[layers], here.vocab, here.text_format, seed)
    task = Filling(here.train, here.valid, batch_size=64, share=0.25, seed=seed)
    fit(model, task, TrainingConfig(epochs=8, learning_rate=0.008, seed=seed))
    return model


def left_to_right(language: str, seed: int) -> RecurrentLM:
    """Train a language model with as many weights, on the same sentences."""
    torch.set_num_threads(1)
    here = sentences(language)
    model = RecurrentLM(LEFT_TO_RIGHT, here.vocab, here.text_format, seed)
    train, valid = (
        [np.append(ids, here.vocab.eos) for ids in part] for part in (here.train, here.valid)
    )
    task = LanguageModelling(train, valid, "sentence", here.vocab.bos, batch_size=64, seed=seed)
    fit(model, task, TrainingConfig(epochs=6, learning_rate=0.008, patience=1, seed=seed))
    return model


def counted(language: str) -> tuple[LanguageModel, int]:
    """Chapter 03's model of the same sentences, of the order that is best on held-out ones."""
    here = sentences(language)
    models = {
        n: train_ngram(here.train_text, n, text_format=here.text_format, vocab=here.vocab)
        for n in (2, 3, 4, 5)
    }
    best = min(models, key=lambda n: score(models[n], here.valid_text).nats_per_token)
    return models[best], best


def by_filling(model: BidirectionalFiller, gaps: Sequence[tuple[TokenIds, int]]) -> npt.NDArray:
    """What a filler says of each gap: (gaps, V)."""
    return np.vstack([model.fill([ids], [np.arange(len(ids)) == at]) for ids, at in gaps])


def from_the_left(model: LanguageModel, gaps: Sequence[tuple[TokenIds, int]]) -> npt.NDArray:
    """What a language model expects after the words left of each gap, ``<eos>`` taken out."""
    rows = []
    for ids, at in gaps:
        state = model.initial_state(1)
        for token in [model.vocab.bos, *ids[:at]]:
            logprobs, state = model.step([token], state)
        rows.append(logprobs[0])
    found = np.array(rows)
    found[:, model.vocab.eos] = -np.inf
    return found - np.log(np.exp(found).sum(axis=1, keepdims=True))


def both_ways(model: LanguageModel, gaps: Sequence[tuple[TokenIds, int]]) -> npt.NDArray:
    """Every word put into the gap, and the whole sentence scored."""
    return np.vstack([fill_by_scoring(model, ids, at) for ids, at in gaps])


def judged(logprobs: npt.NDArray, gaps: Sequence[tuple[TokenIds, int]]) -> dict[str, Any]:
    """-ln P of what stood in each gap, and how often it was the first, or among five."""
    right = np.array([ids[at] for ids, at in gaps])
    own = logprobs[np.arange(len(gaps)), right]
    before = (logprobs > own[:, None]).sum(axis=1)
    few = -own[:SLOW_GAPS]
    return {
        "nats": float(-own.mean()),
        "first": float((before == 0).mean()),
        "among five": float((before < 5).mean()),
        "nats of few": float(few.mean()),
        "first of few": float((before[:SLOW_GAPS] == 0).mean()),
    }


def weights_of(model: torch.nn.Module) -> int:
    """Count them."""
    return sum(weights.numel() for weights in model.parameters())


def everyday_filler(path: Path) -> None:
    """A filler of everyday Chinese, character by character, to be asked on the page."""
    save(filler("zh", 2, 0), path)  # type: ignore[arg-type]


def english_filler(path: Path) -> None:
    """A filler of everyday English, word by word."""
    save(filler("en", 2, 0), path)  # type: ignore[arg-type]


def filling(path: Path) -> None:
    """The same gaps for everyone; the networks with several seeds."""
    result: dict[str, Any] = {
        "filler": asdict(FILLERS[2]),
        "left to right": asdict(LEFT_TO_RIGHT),
        "slow gaps": SLOW_GAPS,
    }
    for language, seeds in (("en", SEEDS), ("zh", SEEDS[:1])):
        gaps, here = gaps_of(language), sentences(language)
        kneser_ney, order = counted(language)
        rows: dict[str, list[dict[str, Any]]] = {
            "counted, left side": [judged(from_the_left(kneser_ney, gaps), gaps)],
            "counted, both ways": [judged(both_ways(kneser_ney, gaps), gaps)],
        }
        parameters = {}
        for seed in seeds:
            reader = left_to_right(language, seed)
            parameters["left to right"] = weights_of(reader)
            found = judged(from_the_left(reader, gaps), gaps)
            rows.setdefault("left to right, left side", []).append(found)
            few = gaps[:SLOW_GAPS]
            found = judged(both_ways(reader, few), few)
            rows.setdefault("left to right, both ways", []).append(found)
            for layers in FILLERS:
                stored = {"en": "english-filler", "zh": "everyday-filler"}[language]
                if layers == 2 and seed == 0:
                    model: Any = load(artefact(stored))
                elif language == "en":
                    model = filler(language, layers, seed)
                else:
                    continue
                parameters[f"filler, {layers}"] = weights_of(model)
                found = judged(by_filling(model, gaps), gaps)
                rows.setdefault(f"filler, {layers}", []).append(found)
        result[language] = {
            "sentences": len(here.train),
            "vocabulary": len(here.vocab),
            "gaps": len(gaps),
            "order": order,
            "parameters": parameters,
            "rows": rows,
        }
    write_json(path, result)


# ---------------------------------------------------------------- depth

BUDGET = 250_000  # weights
WORD_COUNT = 3  # rarer words of Emma are <unk>
DEPTHS, DROPOUTS = (1, 2, 3), (0.0, 0.3)
NARROW = RecurrentConfig(cell="lstm", embedding=64, hidden=32)
TIED_SIZE = 72


def first_quarter(text: str) -> str:
    """Of its lines."""
    lines = text.splitlines(keepends=True)
    return "".join(lines[: len(lines) // 4])


@cache
def emma_words() -> tuple[Vocab, list[TokenIds], list[TokenIds], list[TokenIds]]:
    """*Emma* by words, a sentence a line, of the training part the first quarter."""
    emma, words = load_corpus("emma"), TextFormat("words")
    vocab, train = index_text(first_quarter(emma.train), words, WORD_COUNT)
    valid, test = (encode_text(text, words, vocab) for text in (emma.valid, emma.test))
    return vocab, train, valid, test


def within_budget(config: RecurrentConfig, vocab: Vocab) -> RecurrentConfig:
    """The largest state that the budget allows."""
    while weights_of(RecurrentLM(config, vocab, TextFormat("words"))) <= BUDGET:
        config = replace(config, hidden=config.hidden + 2)
    return replace(config, hidden=config.hidden - 2)


def taught_emma(config: RecurrentConfig, seed: int) -> dict[str, Any]:
    """Train, and measure on the novel's last tenth."""
    torch.set_num_threads(1)
    vocab, train, valid, test = emma_words()
    model = RecurrentLM(config, vocab, TextFormat("words"), seed)
    task = LanguageModelling(train, valid, "sentence", vocab.bos, batch_size=32, seed=seed)
    training = TrainingConfig(epochs=6, learning_rate=0.01, patience=1, seed=seed)
    history = fit(model, task, training)
    best = min(history, key=lambda epoch: epoch.valid or 0.0)
    held_out = LanguageModelling([], test, "sentence", vocab.bos).evaluate(model)
    print(config, seed, history[-1], held_out, flush=True)
    return {
        "parameters": weights_of(model),
        "hidden": config.hidden,
        "epochs": len(history),
        "train": best.train,
        "valid": best.valid,
        "test": held_out,
    }


def depth(path: Path) -> None:
    """One, two, three layers with equally many weights, with dropout and without.

    One layer twice: by how much the same training differs from itself.
    """
    vocab, *_ = emma_words()
    emma, words = load_corpus("emma"), TextFormat("words")
    kneser_ney = train_ngram(first_quarter(emma.train), 3, text_format=words, vocab=vocab)
    result: dict[str, Any] = {
        "vocabulary": len(vocab),
        "tokens": sum(map(len, emma_words()[1])),
        "budget": BUDGET,
        "counted": score(kneser_ney, emma.test).nats_per_token,
        "rows": [],
    }
    for dropout in DROPOUTS:
        for layers in DEPTHS:
            config = within_budget(replace(NARROW, layers=layers, dropout=dropout), vocab)
            runs = [taught_emma(config, seed) for seed in (SEEDS if layers == 1 else SEEDS[:1])]
            result["rows"].append({"layers": layers, "dropout": dropout, "runs": runs})
    write_json(path, result)


def tied(path: Path) -> None:
    """One layer with two matrices for the words, and with one."""
    result: dict[str, Any] = {"size": TIED_SIZE}
    for name, tie in (("two", False), ("one", True)):
        config = replace(
            NARROW, embedding=TIED_SIZE, hidden=TIED_SIZE, dropout=DROPOUTS[1], tied=tie
        )
        result[name] = [taught_emma(config, 0)]
    write_json(path, result)


# ---------------------------------------------------------------- units of a state

STREAM = TextFormat("characters", "stream")
READ, PASSAGE = 20_000, 480  # characters of Emma's last tenth: to choose by, to show
NAMED, DRAWN = 8, 16  # units shown: the best for a name each, and others by lot


def emma_lstm(path: Path) -> None:
    """*Emma*, letter by letter, two layers."""
    torch.set_num_threads(1)
    emma = load_corpus("emma")
    vocab, train = index_text(emma.train, STREAM, 5)
    valid = encode_text(emma.valid, STREAM, vocab)
    config = RecurrentConfig(cell="lstm", embedding=32, hidden=128, layers=2)
    model = RecurrentLM(config, vocab, STREAM, seed=0)
    for phase, (epochs, rate) in enumerate(((3, 0.004), (1, 0.001))):
        task = LanguageModelling(
            train, valid, "stream", vocab.bos, batch_size=32, steps=64, seed=phase
        )
        fit(model, task, TrainingConfig(epochs=epochs, learning_rate=rate), report=print)
    save(model, path)


def named_features(text: str) -> dict[str, npt.NDArray]:
    """What one could say of each character when it has just been read."""
    names = (
        "inside quotation marks",
        "letters since the word began",
        "how far into the sentence",
        "characters since the last comma",
        "in a word with a capital",
        "the word is over",
        "a vowel",
        "a mark of punctuation",
    )
    found = {name: np.zeros(len(text)) for name in names}
    quoted, word, sentence, comma, capital = False, 0, 0, 0, False
    for t, letter in enumerate(text):
        quoted = (letter == '"') != quoted and letter != "\n"
        comma = 0 if letter in ",;:.!?\n" else comma + 1
        sentence = 0 if letter == "\n" else sentence + 1
        if letter.isalpha():
            capital, word = letter.isupper() if word == 0 else capital, word + 1
        else:
            capital, word = False, 0
        values = (
            quoted,
            min(word, 12),
            min(sentence, 200),
            min(comma, 60),
            capital,
            letter in " \n",
            letter.lower() in "aeiou",
            letter in ',.;:!?"-—',
        )
        for name, value in zip(names, values, strict=True):
            found[name][t] = value
    return found


def units(path: Path) -> None:
    """The memory c of 24 units over a passage that the network has not read.

    Of each unit its mean over `READ` characters is taken away, and twice its standard deviation is
    1; what goes further is cut.

    Eight are those that follow a name best, one for each of `named_features`, by the size of the
    correlation over `READ` characters; the other sixteen are drawn by lot among the rest.
    """
    model = load(artefact("emma-lstm-2"))
    assert isinstance(model, RecurrentLM)
    text = load_corpus("emma").test[:READ]
    (ids,) = encode_text(text, STREAM, model.vocab)
    read = torch.as_tensor(np.concatenate([[model.vocab.bos], ids]))
    traces = gate_traces(model.layers, model.embedding.detach()[read][None])
    c = np.concatenate([trace["c"][0, 1:] for trace in traces], axis=1)  # (T, 2H)
    inside = ((c - c.mean(axis=0)) / (2 * c.std(axis=0))).clip(-1, 1)
    features = named_features(text)
    alike = np.nan_to_num(np.corrcoef(c.T, np.array(list(features.values())))[len(c.T) :])
    alike = alike[:, : c.shape[1]]  # (features, 2H)
    chosen: list[int] = []
    for row in np.abs(alike):
        row[chosen] = 0
        chosen.append(int(row.argmax()))
    rest = np.setdiff1d(np.arange(c.shape[1]), chosen)
    lot = np.random.default_rng(11).choice(rest, DRAWN, replace=False)
    start = text.index("\n", READ // 2) + 1
    shown = slice(start, start + PASSAGE)
    names = list(features)
    hidden = model.config.hidden
    rows = []
    for place, unit in enumerate([*chosen, *sorted(lot.tolist())]):
        best = int(np.abs(alike[:, unit]).argmax()) if place >= NAMED else place
        rows.append(
            {
                "layer": unit // hidden + 1,
                "unit": unit % hidden,
                "name": names[best],
                "correlation": round(float(alike[best, unit]), 2),
                "by lot": place >= NAMED,
                "values": np.round(inside[shown, unit], 2).tolist(),
            }
        )
    strongest = np.abs(alike).max(axis=0)
    about = {
        "nats": score(model, load_corpus("emma").test).nats_per_token,
        "hidden": hidden,
        "read": READ,
        "passage": text[shown],
        "strongest": np.round(strongest, 3).tolist(),
        "mean": np.round(c.mean(axis=0), 2).tolist(),
        "units": rows,
    }
    write_json(path, about)


def write_json(path: Path, result: dict[str, Any]) -> None:
    """A line for each name."""
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in result.items()
    )
    path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


#: Each artefact, and the function that writes it; those that read another come after it.
ARTEFACTS: dict[str, Callable[[Path], None]] = {
    "emma-lstm-2": emma_lstm,
    "units.json": units,
    "everyday-filler": everyday_filler,
    "english-filler": english_filler,
    "filling.json": filling,
    "depth.json": depth,
    "tied.json": tied,
}
