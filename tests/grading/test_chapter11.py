"""What the questions of chapter 11 ask for is what `RecurrentLayers` does."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from lmlib.grading.questions import find
from lmlib.neural import seeded
from lmlib.recurrent import RecurrentLayers

REVERSED = find("11-reverse-padded").reference
JOINED = find("11-bi-concat").reference
DROPPED = find("11-dropout").reference


def test_two_cells_joined_by_the_answers_are_a_bidirectional_layer() -> None:
    lengths = np.array([5, 2, 1])
    with seeded(0):
        layers = RecurrentLayers(3, 4, cell="gru", bidirectional=True).double()
        one = RecurrentLayers(3, 4, cell="gru").double()
        x = torch.randn(3, 5, 3, dtype=torch.float64)
    places = np.where(np.arange(5) < lengths[:, None], np.arange(5), -1)
    turned = REVERSED(places, lengths)
    states = []
    with torch.no_grad():
        for cell, order in zip(layers.cells, (places, turned), strict=True):
            one.cells[0].load_state_dict(cell.state_dict())
            read = torch.stack([row[list(at)] for row, at in zip(x, order, strict=True)])
            states.append(one(read)[0].numpy())
        expected, _ = layers(x, lengths=torch.as_tensor(lengths))
    np.testing.assert_allclose(JOINED(*states, lengths), expected.numpy(), atol=1e-12)


def test_dropout_with_given_draws_is_that_of_pytorch() -> None:
    x = np.random.default_rng(0).normal(size=(40, 30))
    for p in (0.0, 0.3):
        with seeded(0):
            kept = torch.nn.functional.dropout(torch.ones(40, 30, dtype=torch.float64), p).numpy()
        draws = np.where(kept > 0, 0.99, 0.0)  # one that drops where PyTorch dropped
        np.testing.assert_allclose(DROPPED(x, draws, p, True), x * kept)
        np.testing.assert_array_equal(DROPPED(x, draws, p, False), x)
