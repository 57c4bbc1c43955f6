"""The window model by hand: gradients, what it reads at the beginning, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlib.batching import padded_batch
from lmlib.errors import InputError
from lmlib.language_model import LanguageModel, score
from lmlib.scratch import Adam, WindowConfig, WindowLM, check_gradients
from lmlib.text import TextFormat, Vocab, index_text

V, D, H = 9, 3, 5
VOCAB = Vocab(["<unk>", "<bos>", "<eos>", *"abcdef"])
INPUTS = np.array([[1, 3, 4, 5, 3], [7, 8, 3, 3, 6], [1, 4, 1, 1, 1]])
TARGETS = np.array([[3, 4, 5, 3, 2], [8, 3, 3, 6, 0], [4, 2, -1, -1, -1]])
HOLES = np.array([[3, 4, -1, 3, 2], [-1, 3, -1, 6, 0], [-1, 2, -1, -1, 5]])
CONTEXTS = [1, 2, 4, 7]


def a_model(context: int = 3, unit: str = "sentence") -> WindowLM:
    rng = np.random.default_rng(0)
    model = WindowLM(WindowConfig(context, D, H), VOCAB, TextFormat("characters", unit), rng)
    for array in model.parameters.values():
        array += rng.normal(0, 0.5, array.shape)  # no bias is 0, no gradient tiny
    return model


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("targets", [TARGETS, HOLES], ids=["padded", "holes"])
def test_gradients_agree_with_finite_differences(context: int, targets: np.ndarray) -> None:
    model = a_model(context)
    _, gradients, _ = model.loss_and_gradients(INPUTS, targets)
    assert gradients.keys() == model.parameters.keys()
    errors = check_gradients(
        lambda: model.loss_and_gradients(INPUTS, targets)[0], model.parameters, gradients
    )
    assert max(errors.values()) <= 1e-6


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("unit", ["sentence", "stream"])
def test_gradients_equal_autograd(context: int, unit: str) -> None:
    torch = pytest.importorskip("torch")
    model = a_model(context, unit)
    targets = np.where(HOLES == 2, 3, HOLES)  # a stream has no <eos>
    state = (np.random.default_rng(1).integers(V, size=(3, context)),)
    loss, gradients, _ = model.loss_and_gradients(INPUTS, targets, state)

    p = {name: torch.tensor(a, requires_grad=True) for name, a in model.parameters.items()}
    bias = p["b_o"] + torch.tensor(model._never)
    losses = []
    for b in range(3):
        read = state[0][b].tolist()
        for token, target in zip(INPUTS[b].tolist(), targets[b].tolist(), strict=True):
            if target < 0:
                continue
            read.append(token)
            x = torch.cat([p["embedding"][i] for i in read[-context:]])
            o = torch.tanh(x @ p["W_1"] + p["b_1"]) @ p["W_o"] + bias
            losses.append(-torch.log_softmax(o, 0)[target])
    theirs = sum(losses) / len(losses)
    theirs.backward()
    assert loss == pytest.approx(theirs.item(), rel=1e-12)
    for name, gradient in gradients.items():
        expected = p[name].grad.numpy()
        np.testing.assert_allclose(
            gradient, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max()
        )


def test_the_loss_is_what_scoring_says_and_the_state_goes_on() -> None:
    model = a_model()
    loss, _, end = model.loss_and_gradients(INPUTS, HOLES)
    logprobs, state = model.token_logprobs(INPUTS, HOLES)
    assert loss == pytest.approx(-logprobs.sum() / (HOLES >= 0).sum(), rel=1e-13)
    assert end[0].tolist() == state[0].tolist() == [[3, 5, 3], [8, 3, 6], [1, 4, 1]]


def test_places_before_the_text_hold_bos() -> None:
    model = a_model(3)
    assert model.initial_state(2)[0].tolist() == [[VOCAB.bos] * 3] * 2
    first, state = model.step([4], model.initial_state(1))
    assert state[0].tolist() == [[VOCAB.bos, VOCAB.bos, 4]]
    p = model.parameters
    x = np.concatenate([p["embedding"][i] for i in (1, 1, 4)])
    o = np.tanh(x @ p["W_1"] + p["b_1"]) @ p["W_o"] + p["b_o"]
    o[VOCAB.bos] = -np.inf
    np.testing.assert_allclose(first[0], o - np.log(np.exp(o).sum()), rtol=1e-12)


@given(st.integers(0, 6), st.integers(1, 4), st.integers(1, 8), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_scoring_with_holes_and_in_pieces_equals_the_fold_of_step(
    cut: int, rows: int, context: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    inputs, targets = rng.integers(V, size=(rows, 6)), rng.integers(-1, V, size=(rows, 6))
    targets[targets == VOCAB.bos] = -1
    model = a_model(context)
    first, state = model.token_logprobs(inputs[:, :cut], targets[:, :cut])
    second, last = model.token_logprobs(inputs[:, cut:], targets[:, cut:], state)
    whole, end = LanguageModel.token_logprobs(model, inputs, targets)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-12)
    np.testing.assert_array_equal(last[0], end[0])


def test_it_learns_what_its_window_holds_and_no_more() -> None:
    lines = "abcab\nabdab\n" * 4
    vocab, sequences = index_text(lines, TextFormat("characters", "sentence"))
    inputs, targets = padded_batch(sequences, vocab.bos)
    losses = []
    for context in (1, 3):
        model = WindowLM(
            WindowConfig(context, 8, 16),
            vocab,
            TextFormat("characters", "sentence"),
            np.random.default_rng(0),
        )
        optimiser = Adam(0.02)
        for _ in range(200):
            _, gradients, _ = model.loss_and_gradients(inputs, targets)
            optimiser.update(model.parameters, gradients)
        losses.append(score(model, lines).nats_per_token)
    # 6 tokens a line. Three tokens tell the two b apart: 1/6 ln 2 = 0.116 is left, c or d.
    # One token does not: b is followed by <eos> half of the time, by c and d a quarter each.
    assert losses[1] == pytest.approx(np.log(2) / 6, abs=0.01)
    assert losses[0] == pytest.approx(2 / 6 * 1.5 * np.log(2), abs=0.01)


def test_what_does_not_fit_is_refused() -> None:
    model = a_model()
    with pytest.raises(InputError, match="tokens are integers from 0 to 8"):
        model.loss_and_gradients([[1, 9]], [[3, 4]])
    with pytest.raises(InputError, match="the target 9 is no token"):
        model.token_logprobs([[1, 3]], [[3, 9]])
    with pytest.raises(InputError, match=r"state of shape \(2, 3\) does not fit 1 rows"):
        model.loss_and_gradients([[1, 3]], [[3, 4]], model.initial_state(2))
    with pytest.raises(InputError, match="nothing to predict"):
        model.loss_and_gradients([[1, 3]], [[-1, -1]])
    with pytest.raises(InputError, match="each must be at least 1"):
        WindowConfig(0, 3, 3)
