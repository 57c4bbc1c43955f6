"""Every language model of the library keeps the contract of `LanguageModel`.

A kind of model that stands in `lmlib.storage.KINDS` must have examples here; models that are not
stored, such as those made by hand in `lmlib.scratch`, stand here too.
"""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest

from lmlib.language_model import LanguageModel, select, sequence_logprobs
from lmlib.ngram import SMOOTHINGS, prune, quantise, train_ngram
from lmlib.scratch import ACTIVATIONS, RNNLM, RNNConfig, WindowConfig, WindowLM
from lmlib.storage import KINDS
from lmlib.text import TextFormat, index_text

TEXT = """the cat was full
the cats were full
the cat which ate the apple was full
a student opened the book
the students opened their books

the students opened their exams
"""
UNITS = ("sentence", "stream")


def _ngram_examples() -> dict[str, Callable[[], LanguageModel]]:
    examples: dict[str, Callable[[], LanguageModel]] = {}
    for unit in UNITS:
        text_format = TextFormat("words", unit)
        for name, smoothing in SMOOTHINGS.items():
            for order in (1, 3):
                examples[f"{name}-{order}-{unit}"] = lambda o=order, s=smoothing, f=text_format: (  # type: ignore[misc]
                    train_ngram(TEXT, o, s(), f)
                )
        examples[f"pruned-{unit}"] = lambda f=text_format: (  # type: ignore[misc]
            prune(train_ngram(TEXT, 4, text_format=f), 1e-3)
        )
        examples[f"quantised-{unit}"] = lambda f=text_format: (  # type: ignore[misc]
            quantise(train_ngram(TEXT, 4, text_format=f), 2)
        )
    return examples


def _scratch_examples() -> dict[str, Callable[[], LanguageModel]]:
    examples: dict[str, Callable[[], LanguageModel]] = {}
    for unit in UNITS:
        text_format = TextFormat("words", unit)
        vocab, _ = index_text(TEXT, text_format)
        for context in (1, 3):
            sizes = WindowConfig(context, 5, 7)
            examples[f"window-{context}-{unit}"] = lambda c=sizes, v=vocab, f=text_format: (  # type: ignore[misc]
                WindowLM(c, v, f, np.random.default_rng(0))
            )
        for activation in ACTIVATIONS:
            config = RNNConfig(5, 7, activation)
            examples[f"rnn-{activation}-{unit}"] = lambda c=config, v=vocab, f=text_format: (  # type: ignore[misc]
                RNNLM(c, v, f, np.random.default_rng(0))
            )
    return examples


def _neural_examples() -> dict[str, dict[str, Callable[[], LanguageModel]]]:
    """In float64, so that two ways to the same number agree to nine digits."""
    if find_spec("torch") is None:
        return {}
    from lmlib import recurrent
    from lmlib import window as torch_window

    windows: dict[str, Callable[[], LanguageModel]] = {}
    networks: dict[str, Callable[[], LanguageModel]] = {}
    for unit in UNITS:
        text_format = TextFormat("words", unit)
        vocab, _ = index_text(TEXT, text_format)
        for context in (1, 3):
            sizes = torch_window.WindowConfig(context, 5, 7, dropout=0.5)
            windows[f"{context}-{unit}"] = lambda c=sizes, v=vocab, f=text_format: (  # type: ignore[misc]
                torch_window.WindowLM(c, v, f).double()
            )
        RecurrentConfig = recurrent.RecurrentConfig
        configs = {
            "tied": RecurrentConfig("lstm", 7, 7, tied=True),
            "chung": RecurrentConfig("gru", 5, 7, update_keeps=False, reset_after=False),
        }
        for cell in recurrent.CELLS:
            for layers in (1, 2):
                configs[f"{cell}-{layers}"] = RecurrentConfig(cell, 5, 7, layers, dropout=0.5)
        for name, config in configs.items():
            networks[f"{name}-{unit}"] = lambda c=config, v=vocab, f=text_format: (  # type: ignore[misc]
                recurrent.RecurrentLM(c, v, f).double()
            )
    return {"window": windows, "recurrent": networks}


EXAMPLES: dict[str, dict[str, Callable[[], LanguageModel]]] = {
    "ngram": _ngram_examples(),
    "scratch": _scratch_examples(),
    **_neural_examples(),
}
ALL = {f"{kind}:{name}": make for kind, group in EXAMPLES.items() for name, make in group.items()}


@cache
def _made(name: str) -> LanguageModel:
    return ALL[name]()


@pytest.fixture(params=list(ALL))
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return _made(request.param)


def tokens_of(model: LanguageModel, rows: int, length: int, seed: int = 0) -> np.ndarray:
    """(rows, length) token numbers that may stand in a text."""
    size = len(model.vocab)
    allowed = [i for i in range(size) if i not in (model.vocab.bos, model.vocab.eos)]
    return np.random.default_rng(seed).choice(allowed, (rows, length))


def with_bos(model: LanguageModel, targets: np.ndarray) -> np.ndarray:
    return np.concatenate([np.full((len(targets), 1), model.vocab.bos), targets[:, :-1]], axis=1)


def same(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True)


def test_every_kind_in_storage_has_examples_here() -> None:
    pytest.importorskip("torch")
    no_language_model = {"filler"}  # it fills gaps, and refuses the contract: tests/test_filling.py
    assert set(KINDS) - no_language_model <= set(EXAMPLES)
    assert all(EXAMPLES.values())


def test_probabilities_sum_to_one_in_every_context(model: LanguageModel) -> None:
    state = model.initial_state(40)
    tokens = with_bos(model, tokens_of(model, 40, 7))
    for t in range(tokens.shape[1]):
        logprobs, state = model.step(tokens[:, t], state)
        sums = np.exp(logprobs).sum(axis=1)
        undefined = np.isnan(logprobs).all(axis=1)
        if not model.normalised:
            assert np.isfinite(sums).all()
            continue
        if undefined.any():  # 0/0: maximum likelihood alone, after a context never seen
            assert getattr(model, "summary", {}).get("smoothing") == "mle"
        same(sums[~undefined], np.ones((~undefined).sum()))


def test_bos_is_never_predicted_and_a_stream_never_ends(model: LanguageModel) -> None:
    state = model.initial_state(5)
    tokens = with_bos(model, tokens_of(model, 5, 4))
    for t in range(4):
        logprobs, state = model.step(tokens[:, t], state)
        never = [model.vocab.bos]
        if model.text_format.unit == "stream":
            never.append(model.vocab.eos)
        column = logprobs[:, never]
        assert (np.isneginf(column) | np.isnan(column)).all()


@pytest.mark.parametrize("rows, length", [(1, 9), (6, 40)])
def test_token_logprobs_equal_the_fold_of_step(
    model: LanguageModel, rows: int, length: int
) -> None:
    targets = tokens_of(model, rows, length)
    inputs = with_bos(model, targets)
    fast, fast_state = model.token_logprobs(inputs, targets)
    slow, slow_state = LanguageModel.token_logprobs(model, inputs, targets)
    same(fast, slow)
    for a, b in zip(fast_state, slow_state, strict=True):
        same(a, b)


@pytest.mark.parametrize("cut", [1, 4, 39])
def test_scoring_in_chunks_equals_scoring_whole(model: LanguageModel, cut: int) -> None:
    targets = tokens_of(model, 3, 40)
    inputs = with_bos(model, targets)
    whole, end = model.token_logprobs(inputs, targets)
    first, state = model.token_logprobs(inputs[:, :cut], targets[:, :cut])
    second, end_of_chunks = model.token_logprobs(inputs[:, cut:], targets[:, cut:], state)
    same(np.concatenate([first, second], axis=1), whole)
    for a, b in zip(end, end_of_chunks, strict=True):
        same(a, b)


def test_branching_twice_from_one_state_gives_the_same(model: LanguageModel) -> None:
    tokens = with_bos(model, tokens_of(model, 4, 3))
    state = model.initial_state(4)
    for t in range(3):
        _, state = model.step(tokens[:, t], state)
    before = [array.copy() for array in state]
    one, _ = model.step(tokens[:, 2], state)
    other, _ = model.step(tokens[::-1, 2], state)
    again, _ = model.step(tokens[:, 2], state)
    same(one, again)
    for array, copy in zip(state, before, strict=True):
        same(array, copy)
    assert other.shape == one.shape


def test_select_commutes_with_step(model: LanguageModel) -> None:
    rows = [2, 0, 0, 3]
    tokens = with_bos(model, tokens_of(model, 4, 4))
    state = model.initial_state(4)
    for t in range(3):
        _, state = model.step(tokens[:, t], state)
    stepped, moved = model.step(tokens[:, 3], state)
    selected, moved_selection = model.step(tokens[rows, 3], select(state, rows))
    same(stepped[rows], selected)
    for a, b in zip(select(moved, rows), moved_selection, strict=True):
        same(a, b)


def test_nothing_to_the_right_changes_what_is_said(model: LanguageModel) -> None:
    targets = tokens_of(model, 2, 30)
    changed = targets.copy()
    changed[:, 20:] = tokens_of(model, 2, 10, seed=5)
    one, _ = model.token_logprobs(with_bos(model, targets), targets)
    other, _ = model.token_logprobs(with_bos(model, changed), changed)
    same(one[:, :20], other[:, :20])


def test_padding_and_batch_order_change_nothing(model: LanguageModel) -> None:
    sequences = [row[:n] for row, n in zip(tokens_of(model, 5, 30), (30, 4, 1, 17, 9), strict=True)]
    alone = [sequence_logprobs(model, [sequence])[0] for sequence in sequences]
    together = sequence_logprobs(model, sequences)
    turned = sequence_logprobs(model, sequences[::-1])[::-1]
    for a, b, c in zip(alone, together, turned, strict=True):
        same(a, b)
        same(a, c)


def test_padding_gives_zero_and_does_not_move_the_state(model: LanguageModel) -> None:
    targets = tokens_of(model, 3, 30)
    inputs = with_bos(model, targets)
    padded, padded_inputs = targets.copy(), inputs.copy()
    padded[1, 12:], padded_inputs[1, 12:] = -1, model.vocab.bos
    padded[2, :] = -1
    scored, state = model.token_logprobs(padded_inputs, padded)
    assert (scored[1, 12:] == 0).all() and (scored[2] == 0).all()
    _, short = model.token_logprobs(inputs[1:2, :12], targets[1:2, :12])
    for a, b in zip(state, short, strict=True):
        same(a[1:2], b)
    for a, b in zip(state, model.initial_state(1), strict=True):
        same(a[2:], b)


@pytest.mark.parametrize("holes", [[0], [3, 4], [0, 1, 7, 19]])
def test_padding_may_stand_anywhere_in_a_row(model: LanguageModel, holes: list[int]) -> None:
    targets = tokens_of(model, 2, 20)
    inputs = with_bos(model, targets)
    real = np.setdiff1d(np.arange(20), holes)
    padded, padded_inputs = targets.copy(), inputs.copy()
    padded[0, holes], padded_inputs[0, holes] = -1, model.vocab.bos
    scored, state = model.token_logprobs(padded_inputs, padded)
    alone, end = model.token_logprobs(inputs[:1, real], targets[:1, real])
    beside, end_beside = model.token_logprobs(inputs[1:], targets[1:])
    assert (scored[0, holes] == 0).all()
    same(scored[:1, real], alone)
    same(scored[1:], beside)
    for array, first, second in zip(state, end, end_beside, strict=True):
        same(array, np.concatenate([first, second]))


def test_memory_reaches_as_far_as_is_claimed(model: LanguageModel) -> None:
    """A token within the context changes a later prediction; one beyond it never does.

    Where no bound is claimed, the first token still matters at the end.
    """
    reach = model.context_length
    words = [model.vocab[word] for word in ("the", "cat", "which", "ate", "the", "apple")]
    state = model.initial_state(2)
    first = [words[0], model.vocab["students"]]
    predicted, state = model.step(first, state)
    for distance, word in enumerate(words[1:], start=1):
        differs = not np.allclose(predicted[0], predicted[1], rtol=1e-9, equal_nan=True)
        if reach is not None and distance > reach:
            assert not differs
        elif distance == 1 or reach is None:
            assert differs
        predicted, state = model.step([word, word], state)
