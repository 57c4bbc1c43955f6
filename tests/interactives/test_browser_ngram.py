"""The n-gram model in the reader's browser is the one in Python, number for number."""

import json
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from in_node import evaluate

from lmlib.errors import InputError
from lmlib.interactives.browser_ngram import (
    RECIPES,
    SCRIPT,
    everyday_texts,
    full_model,
    pack,
    small_model,
)
from lmlib.language_model import perplexity, score, sequence_logprobs
from lmlib.ngram import MLE, Katz, NgramLM, WittenBell, prune, quantise, train_ngram
from lmlib.ngram.compression import context_sums
from lmlib.text import TextFormat, encode_text

BY_CHARACTER = TextFormat("characters", "sentence")

# Long ones, short ones, unknown characters, characters beyond the BMP, and what HTML would read.
SENTENCES = {
    "en": ["I made a mistake.", "", "Zq§ 😀 x", "</script>\u2028&amp;", "THE CAT 天气", "a" * 30],
    "zh": ["今天天气很优秀。", "", "𠮷野家很好", "😀😀", "abc，他", "我" * 12],
}


@pytest.fixture
def node(require_tool: Callable[[str, str], str]) -> str:
    return require_tool("node", "the figures' scripts are run in it")


def contexts_of(model: NgramLM, sentences: Sequence[str]) -> list[list[str]]:
    """Every beginning of the sentences, and contexts without a beginning."""
    contexts = []
    for sentence in sentences:
        characters = [c for line in model.text_format.split(sentence) for c in line]
        for t in range(len(characters) + 1):
            contexts.append(["<bos>", *characters[:t]])
            contexts.append(["x", "<bos>", *characters[:t]])  # a sentence begins anew
    return contexts


def by_step(model: NgramLM, context: Sequence[str]) -> np.ndarray:
    """(V,): ln P of what follows a context that begins with ``<bos>`` somewhere."""
    state = model.initial_state(1)
    tokens = model.vocab.tokens
    for token in context:
        number = tokens.index(token) if token in tokens else model.vocab.unk
        logprobs, state = model.step([number], state)
    return logprobs[0]


def in_javascript(node: str, model: NgramLM, contexts: Sequence[Sequence[str]]) -> np.ndarray:
    """(N, V): the same, by the script."""
    rows = evaluate(
        node,
        [SCRIPT],
        "(() => { const model = ngramModel(data.model);"
        "return data.contexts.map((read) => [...model.predict(read)]); })()",
        {"model": pack(model), "contexts": contexts},
    )
    return np.array([[-math.inf if x is None else x for x in row] for row in rows])


def assert_equal(node: str, model: NgramLM, contexts: Sequence[Sequence[str]]) -> None:
    found = in_javascript(node, model, contexts)
    expected = np.array([by_step(model, context) for context in contexts])
    assert (np.isneginf(found) == np.isneginf(expected)).all()
    finite = np.isfinite(expected)
    assert np.abs(found[finite] - expected[finite]).max() <= 1e-9
    assert np.abs(np.exp(found).sum(axis=1) - 1).max() <= 1e-9


@pytest.mark.parametrize("language", RECIPES)
def test_a_shipped_model_says_what_step_says(node: str, language: str) -> None:
    model = small_model(language)
    _, test = everyday_texts(language)
    sentences = [*SENTENCES[language], *test.splitlines()[:2]]
    assert_equal(node, model, contexts_of(model, sentences))


@pytest.mark.parametrize("language", RECIPES)
def test_a_shipped_model_scores_what_the_library_scores(node: str, language: str) -> None:
    model = small_model(language)
    _, test = everyday_texts(language)
    lines = [*SENTENCES[language], *test.splitlines()[:40]]
    lines = [line for line in lines if line]
    found = evaluate(
        node,
        [SCRIPT],
        "(() => { const model = ngramModel(data.model); return data.lines.map(model.score); })()",
        {"model": pack(model), "lines": lines},
    )
    for line, logprobs in zip(lines, found, strict=True):
        (sequence,) = encode_text(line + "\n", model.text_format, model.vocab)
        (expected,) = sequence_logprobs(model, [sequence])
        assert logprobs == pytest.approx(expected.tolist(), abs=1e-9)
        assert sum(logprobs) == pytest.approx(score(model, line).logprob, abs=1e-8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("order", [1, 2, 4])
def test_any_model_that_backs_off_is_carried_over(node: str, order: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    alphabet = np.array(list('ab<>"{}\\ 天😀\u2028\u2029\x7f'))
    lines = ["".join(rng.choice(alphabet, rng.integers(1, 12))) for _ in range(60)]
    smoothing = [None, WittenBell(), Katz()][seed]
    model = train_ngram("\n".join(lines) + "\n", order, smoothing, BY_CHARACTER)
    model = quantise(prune(model, 1e-4), 3) if seed == 0 else model  # and models that are whole
    fresh = ["".join(rng.choice(alphabet, 8)) for _ in range(10)]
    assert_equal(node, model, contexts_of(model, [*fresh, "?天?"]))


def test_nothing_read_is_the_empty_context(node: str) -> None:
    model = small_model("en")
    found = in_javascript(node, model, [[]])
    finite = np.isfinite(model.logprobs[1])
    assert (np.isfinite(found[0]) == finite).all()
    assert np.abs(found[0][finite] - model.logprobs[1][finite]).max() <= 1e-12


def test_the_packed_text_needs_no_escape() -> None:
    packed = pack(small_model("zh"))
    for text in (packed["ngrams"], packed["digits"]):
        assert text.isascii()
        assert json.dumps(text) == f'"{text}"'
        assert "<" not in text


@pytest.mark.parametrize("language", RECIPES)
def test_a_shipped_model_is_normalised_and_near_the_full_one(language: str) -> None:
    small, full = small_model(language), full_model(language)
    for sums in context_sums(small):
        assert np.abs(sums - 1).max() < 1e-9
    assert sum(small.ngrams_by_order) < sum(full.ngrams_by_order) / 2
    _, test = everyday_texts(language)
    assert perplexity(full, test) < perplexity(small, test) < 1.35 * perplexity(full, test)


def test_both_models_together_weigh_little() -> None:
    packed = [json.dumps(pack(small_model(language)), ensure_ascii=False) for language in RECIPES]
    assert len("".join(packed).encode()) <= 360_000


def test_a_model_that_cannot_be_carried_over_is_refused() -> None:
    with pytest.raises(InputError, match="back off"):
        pack(train_ngram("ab\nba\n", 2, MLE(), BY_CHARACTER))
    with pytest.raises(InputError, match="characters"):
        pack(train_ngram("a b\nb a\n", 2))
