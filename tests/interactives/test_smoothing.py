"""Where the probability mass goes: what is shown is what the models say, and it sums to one."""

import re
from collections import Counter
from functools import cache

import numpy as np
import pytest

from lmlib.corpora import load
from lmlib.interactives.figure import Frame
from lmlib.interactives.smoothing import CONTEXTS, Context, probability_mass
from lmlib.ngram import SMOOTHINGS, AddK, train_ngram
from lmlib.text import TextFormat, tokenize

FIGURE = probability_mass()
NAMES = list(FIGURE.controls[1].values)
IDS = ["-".join(context.tokens) for context in CONTEXTS]
BAR = re.compile(
    r'class="label">(.*?) </span><span class="bar (\w+)"><i style="--length:(.*?)"></i>(.*?)</span>'
)


@cache
def drawn(context: Context, smoothing: str) -> Frame:
    return FIGURE.draw(context=context, smoothing=smoothing)


@cache
def known_lines(corpus: str) -> tuple[list[list[str]], set[str]]:
    """The training text, cut, and its words of two sightings or more; the others are <unk>."""
    kind = "characters" if corpus == "tatoeba-zh" else "words"
    lines = [tokenize(line, kind) for line in load(corpus).train.splitlines()]
    counts = Counter(token for line in lines for token in line)
    kept = {token for token, count in counts.items() if count > 1}
    return [[t if t in kept else "<unk>" for t in line] for line in lines], kept


@cache
def counted(corpus: str, length: int) -> dict[tuple[str, ...], Counter[str]]:
    """A plain count: context of ``length`` tokens -> what followed it."""
    found: dict[tuple[str, ...], Counter[str]] = {}
    for line in known_lines(corpus)[0]:
        tokens = ["<bos>", *line, "<eos>"]
        for end in range(max(length, 1), len(tokens)):
            found.setdefault(tuple(tokens[end - length : end]), Counter())[tokens[end]] += 1
    return found


def after(context: Context, length: int = 2) -> Counter[str]:
    tokens = context.tokens[2 - length :]
    return counted(context.corpus, length).get(tokens, Counter())


def size(context: Context) -> int:
    """How many tokens can come next: the known ones, <unk> and <eos>."""
    return len(known_lines(context.corpus)[1]) + 2


def by_hand(context: Context, smoothing: str, token: str, length: int = 2) -> float:
    """The probability of a token, written out from the plain count."""
    seen, v = after(context, length), size(context)
    if smoothing in ("mle", "laplace", "add-k"):
        k = {"mle": 0, "laplace": 1, "add-k": 0.01}[smoothing]
        return (seen[token] + k) / (seen.total() + k * v)
    assert smoothing == "witten-bell"
    lower = by_hand(context, smoothing, token, length - 1) if length else 1 / v
    if not seen:
        return lower
    return (seen[token] + len(seen) * lower) / (seen.total() + len(seen))


def asked_of_a_model(context: Context, smoothing: str) -> dict[str, float]:
    """Train as a reader would, and step through the context."""
    corpus = load(context.corpus)
    kind = "characters" if context.corpus == "tatoeba-zh" else "words"
    estimator = {"laplace": AddK(1), "add-k": AddK(0.01)}.get(smoothing)
    model = train_ngram(
        corpus.train,
        3,
        estimator or SMOOTHINGS[smoothing](),
        TextFormat(kind, "sentence"),
        min_count=2,
        valid=corpus.valid if smoothing == "interpolated" else None,
    )
    _, state = model.step([model.vocab[context.tokens[0]]], model.initial_state(1))
    logprobs, _ = model.step([model.vocab[context.tokens[1]]], state)
    return dict(zip(model.vocab.tokens, np.exp(logprobs[0]).tolist(), strict=True))


def percents(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"([\d.]+)%", text)]


def undefined(context: Context, smoothing: str) -> bool:
    return smoothing == "mle" and not after(context)


def lengths(frame: Frame) -> list[tuple[str, str, float, str]]:
    """Each bar: label, family, length, text; <unk> and <eos> as they are read."""
    return [
        (label.replace("&lt;", "<").replace("&gt;", ">").strip("“”"), family, float(length), text)
        for label, family, length, text in BAR.findall(frame.picture)
    ]


@pytest.mark.parametrize("smoothing", NAMES)
@pytest.mark.parametrize("context", CONTEXTS, ids=IDS)
def test_what_is_kept_and_what_is_given_make_one(context: Context, smoothing: str) -> None:
    frame = drawn(context, smoothing)
    if undefined(context, smoothing):
        assert "0/0" in frame.reading and "%" not in frame.reading
        return
    bars = lengths(frame)
    kept, given = (bar for bar in bars if "seen" in bar[0])
    assert kept[2] + given[2] == pytest.approx(1, abs=2e-4)
    assert sum(bar[2] for bar in bars if bar[1] == "counting") == pytest.approx(
        2 * kept[2], abs=2e-3
    )
    strip = re.findall(r'<i class="\w+" style="--length:(.*?)">', frame.picture)
    assert sum(map(float, strip)) == pytest.approx(1, abs=2e-3)
    assert f"keep {kept[3]}" in frame.reading and f"share {given[3]}" in frame.reading


@pytest.mark.parametrize("smoothing", NAMES)
@pytest.mark.parametrize("context", CONTEXTS, ids=IDS)
def test_who_was_seen_and_how_often_is_a_plain_count(context: Context, smoothing: str) -> None:
    if undefined(context, smoothing):
        return
    frame, seen = drawn(context, smoothing), after(context)
    bars = [bar for bar in lengths(frame) if bar[1] == "counting"]
    assert bars[0][0] == f"{len(seen)} seen here"
    shown = [re.fullmatch(r"“?(.+?)”? (\d+)×", bar[0]) for bar in bars[1:]]
    found = {match[1]: int(match[2]) for match in shown if match}
    others = [name for name in found if name.endswith("others")]
    for name in others:
        assert name == f"{len(seen) - len(found) + 1} others"
    assert sum(found.values()) == seen.total()
    for token in found.keys() - set(others):
        assert found[token] == seen[token]
    best = sorted(seen.values(), reverse=True)[: len(found) - len(others)]
    assert [found[token] for token in found if token not in others] == best
    unseen = [bar[0] for bar in lengths(frame) if bar[1] == "unseen"]
    assert unseen[0] == f"{size(context) - len(seen):,} never seen"
    assert not set(unseen[1:]) & set(seen)


@pytest.mark.parametrize("smoothing", ["mle", "laplace", "add-k", "witten-bell"])
@pytest.mark.parametrize("context", CONTEXTS, ids=IDS)
def test_every_bar_is_what_the_formula_gives_by_hand(context: Context, smoothing: str) -> None:
    if undefined(context, smoothing):
        return
    for label, _, length, _ in lengths(drawn(context, smoothing)):
        token = re.sub(r"”? \d+×$", "", label)
        if "seen" in label or "others" in label:
            continue
        assert length == pytest.approx(by_hand(context, smoothing, token), rel=1e-3)


@pytest.mark.parametrize(
    ("context", "smoothing"),
    [
        (CONTEXTS[0], "katz"),
        (CONTEXTS[1], "interpolated"),
        (CONTEXTS[2], "modified-kneser-ney"),
        (CONTEXTS[3], "katz"),
        (CONTEXTS[4], "kneser-ney"),
        (CONTEXTS[5], "interpolated"),
        (CONTEXTS[6], "modified-kneser-ney"),
    ],
)
def test_every_bar_is_what_a_step_of_the_model_says(context: Context, smoothing: str) -> None:
    said, seen = asked_of_a_model(context, smoothing), after(context)
    kept = sum(said[token] for token in seen)
    bars = lengths(drawn(context, smoothing))
    totals = [bar[2] for bar in bars if "seen" in bar[0]]
    assert totals == pytest.approx([kept, 1 - kept], abs=1e-4)
    named = [bar[0] for bar in bars if bar[1] == "unseen"][1:]
    new = {token: p for token, p in said.items() if token not in seen and token != "<bos>"}
    assert [new[token] for token in named] == sorted(new.values(), reverse=True)[:3]
    for label, _, length, text in bars:
        token = re.sub(r"”? \d+×$", "", label)
        if "seen" in label or "others" in label:
            continue
        assert length == pytest.approx(said[token], rel=1e-3)
        assert percents(text)[0] == pytest.approx(100 * said[token], rel=0.05, abs=1e-3)


def share_given(context: Context, smoothing: str) -> float:
    return next(bar[2] for bar in lengths(drawn(context, smoothing)) if "never seen" in bar[0])


def test_what_the_reader_should_have_noticed_is_so() -> None:
    for context in CONTEXTS:
        assert share_given(context, "laplace") > 0.9
    italy = next(context for context in CONTEXTS if context.tokens == ("意", "大"))
    assert after(italy) == Counter({"利": 38})
    assert share_given(italy, "interpolated") > 1 / 3
    for smoothing in ("witten-bell", "kneser-ney", "modified-kneser-ney"):
        assert share_given(italy, smoothing) < 1 / 20
    for context in CONTEXTS:  # the shorter context's favourite gets more than an equal share
        for smoothing in NAMES[NAMES.index("katz") :]:
            best = [bar for bar in lengths(drawn(context, smoothing)) if bar[1] == "unseen"][1]
            assert best[2] > 10 * share_given(context, smoothing) / size(context)


def test_what_chapter_03_says_of_open_the_is_so() -> None:
    context = FIGURE.controls[0].values[FIGURE.controls[0].start]
    assert context.tokens == ("open", "the")
    assert after(context) == Counter(["garden", "window", "windows"])
    assert "door" in known_lines("emma")[1]


def test_the_figure_is_light() -> None:
    assert len(FIGURE.to_html().encode()) < 150_000
