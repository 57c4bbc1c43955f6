"""Recurrent layers: the fast path, the readable one and PyTorch's own give the same numbers."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from lmlib.cells import ACTIVATIONS, CELLS, Cell, GRUCell, LSTMCell, RNNCell
from lmlib.errors import InputError
from lmlib.recurrent import FUSED, RecurrentConfig, RecurrentLayers, RecurrentLM
from lmlib.text import TextFormat, Vocab
from lmlib.training import clip_gradient

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


#: Every cell, with every setting that changes its equations.
MAKERS: dict[str, Callable[[int, int], Cell]] = {
    **{f"rnn, {name}": partial(RNNCell, activation=name) for name in ACTIVATIONS},
    **{
        f"gru, {'keeps' if keeps else 'renews'}, reset {'after' if after else 'before'}": partial(
            GRUCell, update_keeps=keeps, reset_after=after
        )
        for keeps in (True, False)
        for after in (True, False)
    },
    "lstm": LSTMCell,
    "lstm, no forget bias": partial(LSTMCell, forget_bias=0.0),
}
#: Those that torch.nn has.
IN_TORCH = ("rnn, tanh", "rnn, relu", "gru, keeps, reset after", "lstm")


def two_ways(
    name: str, layers: int, engine: str = "readable", bidirectional: bool = False
) -> tuple[RecurrentLayers, RecurrentLayers]:
    fast = RecurrentLayers(D, H, layers, MAKERS[name], bidirectional=bidirectional)
    slow = RecurrentLayers(D, H, layers, MAKERS[name], 0.0, bidirectional, engine)
    slow.load_state_dict(fast.state_dict())
    return fast, slow


def a_state(layers: RecurrentLayers) -> tuple[torch.Tensor, ...]:
    return tuple(torch.randn(B, len(layers.cells), H) for _ in range(layers.cells[0].vectors))


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
    assert set(FUSED) == set(CELLS.values())
    for name in CELLS:
        assert isinstance(RecurrentConfig(name).cell_maker()(D, H), CELLS[name])


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("name", MAKERS)
def test_the_fast_path_equals_the_readable_one(name: str, layers: int, bidirectional: bool) -> None:
    fast, slow = two_ways(name, layers, bidirectional=bidirectional)
    x, state = torch.randn(B, T, D), a_state(fast)
    for a, b in zip(
        values_and_gradients(fast, x, *state), values_and_gradients(slow, x, *state), strict=True
    ):
        close(a, b)


@pytest.mark.parametrize("lengths", [[7, 3, 0, 1], [1, 1, 1, 1], [7, 7, 7, 7]])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("name", IN_TORCH)
def test_with_lengths_each_row_is_as_if_it_stood_alone(
    name: str, bidirectional: bool, lengths: list[int]
) -> None:
    fast, slow = two_ways(name, 2, bidirectional=bidirectional)
    x, state = torch.randn(B, T, D), a_state(fast)
    limits = torch.tensor(lengths)
    both = [values_and_gradients(m, x, *state, lengths=limits) for m in (fast, slow)]
    for a, b in zip(*both, strict=True):
        close(a, b)
    outputs, last = fast(x, state, limits)
    for row, length in enumerate(lengths):
        mine = tuple(tensor[row : row + 1] for tensor in state)
        assert (outputs[row, length:] == 0).all()
        if length == 0:
            for tensor, first in zip(last, mine, strict=True):
                close(tensor[row], first[0])
            continue
        alone, end = fast(x[row : row + 1, :length], mine)
        close(outputs[row, :length], alone[0])
        for tensor, expected in zip(last, end, strict=True):
            close(tensor[row], expected[0])


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", IN_TORCH)
def test_equal_to_torch_with_copied_weights(name: str, layers: int, bidirectional: bool) -> None:
    ours = RecurrentLayers(D, H, layers, MAKERS[name], bidirectional=bidirectional)
    theirs = ours.to_torch()
    x, state = torch.randn(B, T, D), a_state(ours)
    outputs, *rest = values_and_gradients(ours, x, *state)
    n = len(state)
    last, (dx, *rest) = rest[:n], rest[n:]
    first, weights = rest[:n], iter(rest[n:])

    x_ = x.clone().requires_grad_()
    state_ = [tensor.transpose(0, 1).contiguous().requires_grad_() for tensor in state]
    outputs_, last_ = theirs(x_, tuple(state_) if n > 1 else state_[0])
    last_ = last_ if n > 1 else (last_,)
    factors = torch.linspace(-1, 1, outputs.numel()).view(outputs.shape)
    ((outputs_ * factors).sum() + sum((tensor**2).sum() for tensor in last_)).backward()
    close(outputs, outputs_)
    close(dx, x_.grad)
    for a, b, da, db_ in zip(last, last_, first, state_, strict=True):
        close(a, b.transpose(0, 1))
        close(da.transpose(0, 1), db_.grad)
    for four in theirs.all_weights:
        W_x, W_h, b_x, b_h = (weight.grad for weight in four)
        assert W_x is not None and W_h is not None and b_x is not None and b_h is not None
        close(next(weights), W_x.T)
        close(next(weights), W_h.T)
        close(next(weights), b_x)
        if name.startswith("gru"):
            close(b_x[: 2 * H], b_h[: 2 * H])
            close(next(weights), b_h[2 * H :])
        else:
            close(b_x, b_h)


@pytest.mark.parametrize("lengths", [None, [7, 3, 0, 1]])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("name", IN_TORCH)
def test_the_engine_of_torch_gives_the_same_numbers(
    name: str, bidirectional: bool, lengths: list[int] | None
) -> None:
    ours, theirs = two_ways(name, 2, "torch", bidirectional=bidirectional)
    x, state = torch.randn(B, T, D), a_state(ours)
    options = {} if lengths is None else {"lengths": torch.tensor(lengths)}
    for a, b in zip(
        values_and_gradients(ours, x, *state, **options),
        values_and_gradients(theirs, x, *state, **options),
        strict=True,
    ):
        close(a, b)


@pytest.mark.parametrize(
    "theirs",
    [
        nn.RNN(D, H, 2, nonlinearity="relu", batch_first=True),
        nn.GRU(D, H, 2, batch_first=True, bidirectional=True),
        nn.LSTM(D, H, batch_first=True),
    ],
    ids=["rnn", "gru", "lstm"],
)
def test_weights_come_back_from_torch(theirs: nn.RNNBase) -> None:
    theirs = theirs.double()
    ours = RecurrentLayers.from_torch(theirs)
    x = torch.randn(B, T, D)
    close(ours(x)[0], theirs(x)[0])
    for a, b in zip(ours.to_torch().all_weights, ours.to_torch().all_weights, strict=True):
        assert all(torch.equal(one, other) for one, other in zip(a, b, strict=True))
    close(ours.to_torch()(x)[0], theirs(x)[0])


def test_what_torch_lacks_is_refused() -> None:
    for name, said in (
        ("rnn, sigmoid", "no sigmoid"),
        ("gru, renews, reset after", "one convention"),
        ("gru, keeps, reset before", "one convention"),
    ):
        with pytest.raises(InputError, match=said):
            RecurrentLayers(D, H, cell=MAKERS[name]).to_torch()
        with pytest.raises(InputError, match=said):
            RecurrentLayers(D, H, cell=MAKERS[name], engine="torch")(torch.randn(B, T, D))
    for module in (nn.LSTM(D, H, bias=False), nn.LSTM(D, H, proj_size=3)):
        with pytest.raises(InputError, match="biases and no projection"):
            RecurrentLayers.from_torch(module)


@pytest.mark.parametrize("name", MAKERS)
def test_gradients_agree_with_finite_differences(name: str) -> None:
    layers = RecurrentLayers(D, H, 2, MAKERS[name])
    state = tuple(torch.randn(2, 2, H, requires_grad=True) for _ in range(layers.cells[0].vectors))

    def flat(x: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs, last = layers(x, state)
        return (outputs, *last)

    x = torch.randn(2, 4, D, requires_grad=True)
    assert torch.autograd.gradcheck(flat, (x, *state), rtol=1e-6)


def test_backwards_reads_what_comes_later_and_forwards_does_not() -> None:
    layers = RecurrentLayers(D, H, 1, "gru", bidirectional=True)
    x = torch.randn(1, T, D)
    changed = x.clone()
    changed[0, 4] += 1
    same = (layers(x)[0] - layers(changed)[0]).abs()[0] < 1e-12  # (T, 2H)
    assert same[:4, :H].all() and not same[4:, :H].any()
    assert same[5:, H:].all() and not same[:5, H:].any()


def test_the_forget_gate_begins_where_it_is_told() -> None:
    for bias in (1.0, 0.0, 3.5):
        b = LSTMCell(D, H, bias).b
        assert (b[H : 2 * H] == bias).all()
        assert (b[:H] != bias).all() and (b[2 * H :] != bias).all()


def test_the_two_conventions_of_the_update_gate_are_one_model() -> None:
    keeps, renews = GRUCell(D, H), GRUCell(D, H, update_keeps=False)
    with torch.no_grad():
        for ours, theirs in zip(keeps.parameters(), renews.parameters(), strict=True):
            theirs.copy_(ours)
        for weight in (renews.W_x, renews.W_h, renews.b):
            weight[..., H : 2 * H] *= -1
    x, state = torch.randn(B, D), (torch.randn(B, H),)
    close(keeps(x, state)[0], renews(x, state)[0])


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


def test_unknown_names_are_named() -> None:
    with pytest.raises(InputError, match=r"cell='elman' is not known; choose one of rnn"):
        RecurrentLayers(D, H, cell="elman")
    with pytest.raises(InputError, match=r"cell='elman' is not known; choose one of rnn"):
        RecurrentConfig("elman").cell_maker()
    with pytest.raises(InputError, match=r"engine='cudnn' is not known; choose one of fused"):
        RecurrentLayers(D, H, engine="cudnn")
    with pytest.raises(InputError, match=r"embedding \(64\) and hidden \(256\) must be equal"):
        RecurrentConfig(tied=True)
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


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("rows", [2, 256])
def test_the_loss_in_pieces_equals_the_cross_entropy_of_the_logits(
    cell: str, tied: bool, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmlib.fused._ROWS_AT_ONCE", rows)
    vocab = Vocab(["<unk>", "<bos>", "<eos>", "a", "b"])
    model = RecurrentLM(RecurrentConfig(cell, 8, 8, tied=tied), vocab, TextFormat())
    inputs = torch.tensor([[1, 3, 4, 3], [1, 4, 1, 1]])
    for targets in ([[3, 4, 3, 2], [4, 2, -1, -1]], [[3, 4, 3, 2], [4, 2, 0, 3]]):
        wanted = torch.tensor(targets)
        loss, state = model.loss(inputs, wanted)
        logits, expected_state = model(inputs)
        expected = nn.functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), ignore_index=-1, reduction="sum"
        )
        close(loss, expected)
        close(state[0], expected_state[0])
        mine = torch.autograd.grad(loss / 3, list(model.parameters()), retain_graph=True)
        theirs = torch.autograd.grad(expected / 3, list(model.parameters()))
        for a, b in zip(mine, theirs, strict=True):
            close(a, b)


def test_tied_weights_are_one_array() -> None:
    vocab = Vocab(["<unk>", "<bos>", "<eos>", "a", "b"])
    free, tied = (
        RecurrentLM(RecurrentConfig("gru", 8, 8, tied=tied), vocab, TextFormat())
        for tied in (False, True)
    )
    sizes = [sum(weight.numel() for weight in model.parameters()) for model in (free, tied)]
    assert sizes[0] - sizes[1] == 8 * len(vocab)
    assert "W_o" not in tied.arrays()


def test_an_embedding_that_is_updated_by_rows_learns_the_same() -> None:
    inputs, targets = torch.tensor([[1, 3, 3]]), torch.tensor([[3, 3, 4]])
    trained = []
    for sparse in (False, True):
        model = a_model()
        model.sparse_embedding = sparse
        optimiser = torch.optim.SGD(model.parameters(), 0.5)
        for _ in range(3):
            optimiser.zero_grad()
            model.loss(inputs, targets)[0].backward()
            assert model.embedding.grad is not None
            assert model.embedding.grad.is_sparse == sparse
            clip_gradient(model, 0.1)
            optimiser.step()
        trained.append(model.state_dict())
    for name, tensor in trained[0].items():
        close(tensor, trained[1][name])
