"""The recurrent model by hand: gradients through time, full and truncated, and what it refuses."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlib.errors import InputError
from lmlib.language_model import score
from lmlib.scratch import ACTIVATIONS, RNNLM, Adam, RNNConfig, check_gradients, rnn_step, unroll
from lmlib.text import TextFormat, Vocab, index_text

V, D, H = 9, 4, 6
VOCAB = Vocab(["<unk>", "<bos>", "<eos>", *"abcdef"])
INPUTS = np.array([[1, 3, 4, 5, 3], [7, 8, 3, 3, 6], [1, 4, 1, 1, 1]])
TARGETS = np.array([[3, 4, 5, 3, 2], [8, 3, 3, 6, 0], [4, 2, -1, -1, -1]])
HOLES = np.array([[3, 4, -1, 3, 2], [-1, 3, -1, 6, 0], [-1, 2, -1, -1, 5]])


def a_model(activation: str = "tanh", unit: str = "sentence", seed: int = 0) -> RNNLM:
    rng = np.random.default_rng(seed)
    model = RNNLM(RNNConfig(D, H, activation), VOCAB, TextFormat("characters", unit), rng)
    for array in model.parameters.values():
        array += rng.normal(0, 0.3, array.shape)  # no bias is 0, no gradient tiny
    return model


def a_state(rows: int = 3) -> tuple[np.ndarray]:
    return (np.random.default_rng(5).uniform(0, 1, (rows, H)),)


# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("targets", [TARGETS, HOLES], ids=["padded", "holes"])
def test_full_gradients_agree_with_finite_differences(activation: str, targets: np.ndarray) -> None:
    model = a_model(activation)
    _, gradients, _ = model.loss_and_gradients(INPUTS, targets, a_state())
    assert gradients.keys() == model.parameters.keys()
    errors = check_gradients(
        lambda: model.loss_and_gradients(INPUTS, targets, a_state())[0],
        model.parameters,
        gradients,
    )
    assert max(errors.values()) <= 1e-6


def torch_gradients(
    torch: ModuleType,
    model: RNNLM,
    inputs: np.ndarray,
    targets: np.ndarray,
    truncate: int | None,
) -> tuple[float, dict[str, np.ndarray]]:
    """By autograd, the forward pass written out one step a time.

    Truncated as its definition says: for the loss of each step the network is run anew, and cut
    off from all that lies ``truncate`` steps before.
    """
    p = {name: torch.tensor(a, requires_grad=True) for name, a in model.parameters.items()}
    bias = p["b_o"] + torch.tensor(model._never)
    activation = getattr(torch, model.config.activation)
    losses: list[Any] = []
    for b in range(len(inputs)):
        read = [int(i) for i, t in zip(inputs[b], targets[b], strict=True) if t >= 0]
        said = [int(t) for t in targets[b] if t >= 0]
        for t, target in enumerate(said):
            h = torch.tensor(a_state(len(inputs))[0][b])
            for s in range(t + 1):
                if truncate is not None and s == t + 1 - truncate:
                    h = h.detach()
                h = activation(p["embedding"][read[s]] @ p["W_x"] + h @ p["W_h"] + p["b"])
            losses.append(-torch.log_softmax(h @ p["W_o"] + bias, 0)[target])
    loss = sum(losses) / len(losses)
    loss.backward()
    return loss.item(), {name: tensor.grad.numpy() for name, tensor in p.items()}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("unit", ["sentence", "stream"])
@pytest.mark.parametrize("truncate", [None, 1, 2, 3, 4, 5, 99])
@pytest.mark.parametrize("padding", [False, True], ids=["whole", "holes"])
def test_gradients_equal_autograd_however_far_they_reach_back(
    activation: str, unit: str, truncate: int | None, padding: bool
) -> None:
    torch = pytest.importorskip("torch")
    model = a_model(activation, unit)
    targets = np.where(TARGETS == 2, 3, TARGETS)  # a stream has no <eos>
    if padding:
        targets[HOLES < 0] = -1
    else:
        targets[targets < 0] = 4
    loss, gradients, _ = model.loss_and_gradients(INPUTS, targets, a_state(), truncate)
    theirs, expected = torch_gradients(torch, model, INPUTS, targets, truncate)
    assert loss == pytest.approx(theirs, rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(
            gradient, expected[name], rtol=1e-10, atol=1e-10 * np.abs(expected[name]).max()
        )


def test_truncation_shortens_the_reach_and_at_full_length_changes_nothing() -> None:
    model = a_model()
    full = model.loss_and_gradients(INPUTS, TARGETS, a_state())[1]["W_h"]
    errors = []
    for k in range(1, 6):
        truncated = model.loss_and_gradients(INPUTS, TARGETS, a_state(), truncate=k)[1]["W_h"]
        errors.append(float(np.abs(truncated - full).max()))
    assert errors[4] < 1e-15 < errors[3] < errors[0]


def test_a_carried_state_is_read_but_sends_no_gradient_back() -> None:
    model = a_model()
    _, _, state = model.loss_and_gradients(INPUTS[:2, :3], TARGETS[:2, :3])
    second, carried, _ = model.loss_and_gradients(INPUTS[:2, 3:], TARGETS[:2, 3:], state)
    copied = (state[0].copy(),)
    again, from_copy, _ = model.loss_and_gradients(INPUTS[:2, 3:], TARGETS[:2, 3:], copied)
    assert second == again
    np.testing.assert_array_equal(carried["W_h"], from_copy["W_h"])
    assert second != model.loss_and_gradients(INPUTS[:2, 3:], TARGETS[:2, 3:])[0]


# ---------------------------------------------------------------- loss, state, padding


def test_the_loss_is_what_scoring_says() -> None:
    model = a_model()
    loss, _, end = model.loss_and_gradients(INPUTS, HOLES, a_state())
    logprobs, state = model.token_logprobs(INPUTS, HOLES, a_state())
    assert loss == pytest.approx(-logprobs.sum() / (HOLES >= 0).sum(), rel=1e-13)
    np.testing.assert_allclose(end[0], state[0], rtol=1e-13)


@given(st.integers(0, 6), st.integers(1, 5), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_two_batches_with_the_state_carried_score_as_one(cut: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, targets = rng.integers(V, size=(rows, 6)), rng.integers(-1, V, size=(rows, 6))
    targets[targets == VOCAB.bos] = -1
    model = a_model()
    whole, end = model.token_logprobs(inputs, targets)
    first, state = model.token_logprobs(inputs[:, :cut], targets[:, :cut])
    second, last = model.token_logprobs(inputs[:, cut:], targets[:, cut:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-12)
    np.testing.assert_allclose(last[0], end[0], atol=1e-12)


def test_what_stands_under_padding_matters_to_nothing() -> None:
    model = a_model()
    garbage = np.where(HOLES < 0, -7, INPUTS)
    for truncate in (None, 2):
        one = model.loss_and_gradients(INPUTS, HOLES, a_state(), truncate)
        other = model.loss_and_gradients(garbage, HOLES, a_state(), truncate)
        assert one[0] == other[0]
        for name, gradient in one[1].items():
            np.testing.assert_array_equal(gradient, other[1][name])


def test_many_scores_are_computed_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    model = a_model()
    whole, _ = model.token_logprobs(INPUTS, HOLES)
    monkeypatch.setattr("lmlib.scratch.output._NUMBERS_AT_ONCE", 3 * V)
    in_pieces, _ = model.token_logprobs(INPUTS, HOLES)
    np.testing.assert_allclose(in_pieces, whole, rtol=1e-13)


@pytest.mark.parametrize("unit", ["sentence", "stream"])
def test_what_is_never_predicted_learns_nothing_in_the_output(unit: str) -> None:
    model = a_model(unit=unit)
    targets = np.where(TARGETS == 2, 3, TARGETS)
    _, gradients, _ = model.loss_and_gradients(INPUTS, targets)
    never = [VOCAB.bos] + [VOCAB.eos] * (unit == "stream")
    assert (gradients["b_o"][never] == 0).all() and (gradients["W_o"][:, never] == 0).all()
    assert (gradients["b_o"][3:] != 0).all()


# ---------------------------------------------------------------- one step


def test_a_step_keeps_single_precision_and_unrolling_repeats_it() -> None:
    rng = np.random.default_rng(1)
    shapes = {"W_x": (D, H), "W_h": (H, H), "b": (H,)}
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    x, h = rng.normal(size=(5, 2, D)).astype(np.float32), np.zeros((2, H), np.float32)
    for activation in ACTIVATIONS:
        states = unroll(x, h, **weights, activation=activation)
        assert states.dtype == np.float32 and states.shape == (6, 2, H)
        now = h
        for t in range(5):
            now = rnn_step(x[t], now, **weights, activation=activation)
            assert now.dtype == np.float32
            np.testing.assert_allclose(states[t + 1], now, rtol=1e-4, atol=1e-5)


def test_a_step_equals_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    cell = torch.nn.RNNCell(D, H).double()
    x, h = rng.normal(size=(3, D)), rng.normal(size=(3, H))
    W_x, W_h = (w.detach().numpy().T for w in (cell.weight_ih, cell.weight_hh))
    b = (cell.bias_ih + cell.bias_hh).detach().numpy()
    theirs = cell(torch.tensor(x), torch.tensor(h)).detach().numpy()
    np.testing.assert_allclose(rnn_step(x, h, W_x, W_h, b), theirs, rtol=1e-12)


# ---------------------------------------------------------------- it learns


def test_it_learns_a_text_that_needs_more_than_the_last_token() -> None:
    text = "abcabdabcabd" * 4  # after ab, c and d take turns: the last three tokens decide
    text_format = TextFormat("characters", "stream")
    vocab, (ids,) = index_text(text, text_format)
    model = RNNLM(RNNConfig(8, 16), vocab, text_format, np.random.default_rng(0))
    inputs, targets = np.append(vocab.bos, ids[:-1])[None], ids[None]
    optimiser = Adam(0.02)
    for _ in range(120):
        loss, gradients, _ = model.loss_and_gradients(inputs, targets)
        optimiser.update(model.parameters, gradients)
    assert loss < 0.1  # one of a bigram's best: 1/3 ln 2 = 0.23
    assert score(model, text).nats_per_token < 0.1


def test_equal_seeds_give_equal_models() -> None:
    one, other, third = a_model(seed=1), a_model(seed=1), a_model(seed=2)
    for name, array in one.parameters.items():
        np.testing.assert_array_equal(array, other.parameters[name])
        assert (array != third.parameters[name]).any()


# ---------------------------------------------------------------- refused


def test_what_does_not_fit_is_refused() -> None:
    model = a_model()
    with pytest.raises(InputError, match="tokens are integers from 0 to 8"):
        model.loss_and_gradients([[1, 9]], [[3, 4]])
    with pytest.raises(InputError, match="tokens are integers from 0 to 8"):
        model.step([9], model.initial_state(1))
    with pytest.raises(InputError, match="the target 9 is no token"):
        model.loss_and_gradients([[1, 3]], [[3, 9]])
    with pytest.raises(InputError, match="the target 9 is no token"):
        model.token_logprobs([[1, 3]], [[3, 9]])
    with pytest.raises(InputError, match="do not fit"):
        model.loss_and_gradients([[1, 3]], [[3]])
    with pytest.raises(InputError, match=r"state of shape \(3, 6\) does not fit 1 rows"):
        model.loss_and_gradients([[1, 3]], [[3, 4]], a_state())
    with pytest.raises(InputError, match="truncate=0"):
        model.loss_and_gradients([[1, 3]], [[3, 4]], truncate=0)
    with pytest.raises(InputError, match="nothing to predict"):
        model.loss_and_gradients([[1, 3]], [[-1, -1]])
    with pytest.raises(InputError, match="both sizes must be at least 1"):
        RNNConfig(0, 3)
    with pytest.raises(InputError, match="activation='swish' is not known"):
        RNNConfig(3, 3, "swish")
    with pytest.raises(InputError, match="rnn_step: x"):
        rnn_step(np.ones((1, 3)), np.ones((1, 4)), np.ones((2, 4)), np.ones((4, 4)), np.ones(4))
