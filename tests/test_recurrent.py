"""Recurrent layers: the fast path, the readable one and PyTorch's own give the same numbers."""

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from lmlib.cells import ACTIVATIONS, CELLS, RNNCell
from lmlib.errors import InputError
from lmlib.recurrent import FUSED, RecurrentConfig, RecurrentLayers, RecurrentLM
from lmlib.scratch.rnn import rnn_step
from lmlib.text import TextFormat, Vocab

B, T, D, H = 4, 7, 5, 6


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
    torch.set_default_dtype(torch.float32)


def close(a: torch.Tensor | None, b: torch.Tensor | None) -> None:
    assert a is not None and b is not None
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def two_ways(layers: int, **options: object) -> tuple[RecurrentLayers, RecurrentLayers]:
    fast = RecurrentLayers(D, H, layers, **options)  # type: ignore[arg-type]
    slow = RecurrentLayers(D, H, layers, fused=False, **options)  # type: ignore[arg-type]
    slow.load_state_dict(fast.state_dict())
    return fast, slow


def values_and_gradients(
    module: nn.Module, *inputs: torch.Tensor, **options: torch.Tensor
) -> list[torch.Tensor]:
    """The outputs, the last state, and the gradients of a loss that looks at both."""
    inputs = tuple(tensor.clone().requires_grad_() for tensor in inputs)
    x, *state = inputs
    outputs, last = module(x, tuple(state) or None, **options)
    last = last if isinstance(last, tuple) else (last,)
    weights = torch.linspace(-1, 1, outputs.numel()).view(outputs.shape)
    loss = (outputs * weights).sum() + sum((tensor**2).sum() for tensor in last)
    gradients = torch.autograd.grad(loss, [*inputs, *module.parameters()])
    return [outputs, *last, *gradients]


def test_every_cell_has_a_fast_path() -> None:
    assert set(FUSED) == set(CELLS)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_the_fast_path_equals_the_readable_one(layers: int, activation: str) -> None:
    fast, slow = two_ways(layers, activation=activation)
    x, h_0 = torch.randn(B, T, D), torch.randn(B, layers, H)
    for a, b in zip(
        values_and_gradients(fast, x, h_0), values_and_gradients(slow, x, h_0), strict=True
    ):
        close(a, b)


@pytest.mark.parametrize("lengths", [[7, 3, 0, 1], [1, 1, 1, 1], [7, 7, 7, 7]])
def test_with_lengths_each_row_is_as_if_it_stood_alone(lengths: list[int]) -> None:
    fast, slow = two_ways(2)
    x, h_0 = torch.randn(B, T, D), torch.randn(B, 2, H)
    limits = torch.tensor(lengths)
    both = [values_and_gradients(m, x, h_0, lengths=limits) for m in (fast, slow)]
    for a, b in zip(*both, strict=True):
        close(a, b)
    outputs, (last,) = fast(x, (h_0,), limits)
    for row, length in enumerate(lengths):
        assert (outputs[row, length:] == 0).all()
        if length == 0:
            close(last[row], h_0[row])
            continue
        alone, (end,) = fast(x[row : row + 1, :length], (h_0[row : row + 1],))
        close(outputs[row, :length], alone[0])
        close(last[row], end[0])


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_equal_to_torch_with_copied_weights(layers: int, activation: str) -> None:
    ours = RecurrentLayers(D, H, layers, activation=activation)
    theirs = ours.to_torch()
    x, h_0 = torch.randn(B, T, D), torch.randn(B, layers, H)
    outputs, last, dx, dh_0, *weights = values_and_gradients(ours, x, h_0)

    x_, h_ = x.clone().requires_grad_(), h_0.transpose(0, 1).contiguous().requires_grad_()
    outputs_, last_ = theirs(x_, h_)
    factors = torch.linspace(-1, 1, outputs.numel()).view(outputs.shape)
    ((outputs_ * factors).sum() + (last_**2).sum()).backward()
    close(outputs, outputs_)
    close(last, last_.transpose(0, 1))
    close(dx, x_.grad)
    close(dh_0.transpose(0, 1), h_.grad)
    for layer in range(layers):
        dW_x, dW_h, db = weights[3 * layer : 3 * layer + 3]
        close(dW_x, getattr(theirs, f"weight_ih_l{layer}").grad.T)
        close(dW_h, getattr(theirs, f"weight_hh_l{layer}").grad.T)
        close(db, getattr(theirs, f"bias_ih_l{layer}").grad)
        close(db, getattr(theirs, f"bias_hh_l{layer}").grad)


def test_weights_come_back_from_torch() -> None:
    theirs = nn.RNN(D, H, 2, nonlinearity="relu", batch_first=True)
    ours = RecurrentLayers.from_torch(theirs)
    x = torch.randn(B, T, D)
    outputs, (last,) = ours(x)
    outputs_, last_ = theirs(x)
    close(outputs, outputs_)
    close(last, last_.transpose(0, 1))


def test_what_torch_lacks_is_refused() -> None:
    with pytest.raises(InputError, match="no sigmoid"):
        RecurrentLayers(D, H, activation="sigmoid").to_torch()
    with pytest.raises(InputError, match="read one way"):
        RecurrentLayers.from_torch(nn.RNN(D, H, bidirectional=True))


def test_gradients_agree_with_finite_differences() -> None:
    layers = RecurrentLayers(D, H, 2)
    x, h_0 = torch.randn(2, 4, D, requires_grad=True), torch.randn(2, 2, H, requires_grad=True)

    def flat(x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs, last = layers(x, (h,))
        return (outputs, *last)

    assert torch.autograd.gradcheck(flat, (x, h_0), rtol=1e-6)


def test_half_precision_stays_half_precision() -> None:
    layers = RecurrentLayers(D, H).to(torch.bfloat16)
    outputs, (last,) = layers(torch.randn(B, T, D, dtype=torch.bfloat16))
    assert outputs.dtype == last.dtype == torch.bfloat16


def test_dropout_stands_between_layers_and_only_in_training() -> None:
    x = torch.randn(B, T, D)
    deep, shallow = RecurrentLayers(D, H, 2, dropout=0.5), RecurrentLayers(D, H, 1, dropout=0.5)
    assert not torch.equal(deep(x)[0], deep(x)[0])
    assert torch.equal(shallow(x)[0], shallow(x)[0])
    deep.eval()
    assert torch.equal(deep(x)[0], deep(x)[0])


def test_the_numpy_step_is_the_cell() -> None:
    cell = RNNCell(D, H)
    x, h = torch.randn(B, D), torch.randn(B, H)
    (expected,) = cell(x, (h,))
    W_x, W_h, b = (weight.detach().numpy() for weight in (cell.W_x, cell.W_h, cell.b))
    after = rnn_step(x.numpy(), h.numpy(), W_x, W_h, b)
    np.testing.assert_allclose(after, expected.detach().numpy(), rtol=1e-12)


def test_unknown_names_are_named() -> None:
    with pytest.raises(InputError, match=r"cell='elman' is not known; choose one of rnn"):
        RecurrentLayers(D, H, cell="elman")
    with pytest.raises(InputError, match="activation='tan'"):
        RNNCell(D, H, "tan")
    with pytest.raises(InputError, match="layers=0"):
        RecurrentConfig(layers=0)


# ---------------------------------------------------------------- the language model


def a_model(seed: int = 0) -> RecurrentLM:
    vocab = Vocab(["<unk>", "<bos>", "<eos>", "a", "b"])
    return RecurrentLM(RecurrentConfig(hidden=8, layers=2), vocab, TextFormat(), seed)


def test_the_seed_alone_decides_the_weights() -> None:
    torch.manual_seed(5)
    one = a_model()
    drawn = torch.rand(1)
    torch.manual_seed(6)
    for a, b in zip(one.parameters(), a_model().parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one.W_o, a_model(1).W_o)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1)), "building a model must not move the generator"


def test_the_step_sees_weights_that_have_changed_since() -> None:
    model = a_model()
    before, _ = model.step([3], model.initial_state(1))
    with torch.no_grad():
        model.W_o.add_(torch.randn_like(model.W_o))
    changed, _ = model.step([3], model.initial_state(1))
    assert not np.allclose(before, changed)
    model.float()
    single, _ = model.step([3], model.initial_state(1))
    np.testing.assert_allclose(single, changed, atol=1e-5)
    model.load_state_dict(a_model().float().state_dict())
    back, _ = model.step([3], model.initial_state(1))
    np.testing.assert_allclose(back, before, atol=1e-5)


def test_what_cannot_come_next_takes_no_part_in_training() -> None:
    model = a_model()
    logits, _ = model(torch.tensor([[1, 3]]))
    assert (logits[:, :, 1] == -torch.inf).all()
    nn.functional.cross_entropy(logits[0], torch.tensor([3, 4])).backward()
    gradients = {name: weight.grad for name, weight in model.named_parameters()}
    for name, gradient in gradients.items():
        assert gradient is not None
        assert torch.isfinite(gradient).all(), name
        if name == "W_o":
            assert (gradient[:, 1] == 0).all()
