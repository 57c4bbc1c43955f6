"""Optimisers and clipping by hand equal those of torch over several steps."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lmlib.errors import InputError
from lmlib.scratch import SGD, Adam, Momentum, clip_by_norm, clip_by_value

GRADIENTS = st.fixed_dictionaries(
    {
        "W": arrays(np.float64, (2, 3), elements=st.floats(-100, 100)),
        "b": arrays(np.float64, 3, elements=st.floats(-100, 100)),
    }
)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_seven_steps_equal_those_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    parameters = {"W": rng.normal(size=(3, 4)), "b": rng.normal(size=4)}
    copies = {key: torch.tensor(array, requires_grad=True) for key, array in parameters.items()}
    ours: SGD | Momentum | Adam
    if name == "sgd":
        ours, theirs = SGD(0.1), torch.optim.SGD(copies.values(), lr=0.1)
    elif name == "momentum":
        ours, theirs = Momentum(0.1, 0.8), torch.optim.SGD(copies.values(), lr=0.1, momentum=0.8)
    else:
        ours, theirs = Adam(0.01), torch.optim.Adam(copies.values(), lr=0.01)
    before = dict(parameters)
    for step in range(7):
        gradients = {key: rng.normal(size=array.shape) for key, array in parameters.items()}
        gradients["W"][0] *= step == 0  # a row that is seen once
        ours.update(parameters, gradients)
        for key, copy in copies.items():
            copy.grad = torch.tensor(gradients[key])
        theirs.step()
        for key, array in parameters.items():
            np.testing.assert_allclose(array, copies[key].detach().numpy(), rtol=1e-11)
            assert array is before[key]  # changed in place


@pytest.mark.parametrize("optimiser", [SGD(0.1), Momentum(0.1), Adam(0.1)])
def test_a_step_refuses_gradients_of_other_parameters(optimiser: SGD | Momentum | Adam) -> None:
    parameters = {"W": np.ones((2, 2))}
    with pytest.raises(InputError, match="no gradient for the parameter 'W'"):
        optimiser.update(parameters, {})
    with pytest.raises(InputError, match="'b', which is no parameter"):
        optimiser.update(parameters, {"W": np.ones((2, 2)), "b": np.ones(2)})
    with pytest.raises(InputError, match=r"W: a gradient of shape \(2,\)"):
        optimiser.update(parameters, {"W": np.ones(2)})
    assert (parameters["W"] == 1).all()


@given(GRADIENTS, st.floats(0.01, 500))
@settings(deadline=None)
def test_clipping_by_norm_keeps_the_direction_and_reaches_the_limit(
    gradients: dict[str, np.ndarray], limit: float
) -> None:
    clipped, norm = clip_by_norm(gradients, limit)
    flat = np.concatenate([array.ravel() for array in gradients.values()])
    after = np.concatenate([array.ravel() for array in clipped.values()])
    assert norm == pytest.approx(math.hypot(*flat), rel=1e-12)
    assert math.hypot(*after) == pytest.approx(min(norm, limit), rel=1e-12)
    np.testing.assert_allclose(after * max(norm, limit), flat * limit, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("limit", [0.5, 1000.0])
def test_clipping_by_norm_equals_torch(limit: float) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    gradients = {"W": rng.normal(size=(4, 5)), "b": rng.normal(size=5)}
    copies = [torch.zeros(array.shape, dtype=torch.float64) for array in gradients.values()]
    for copy, array in zip(copies, gradients.values(), strict=True):
        copy.grad = torch.tensor(array)
    theirs = torch.nn.utils.clip_grad_norm_(copies, limit)
    clipped, norm = clip_by_norm(gradients, limit)
    assert norm == pytest.approx(theirs.item(), rel=1e-12)
    for copy, array in zip(copies, clipped.values(), strict=True):
        np.testing.assert_allclose(array, copy.grad.numpy(), rtol=2e-6)  # torch adds 1e-6 to it


@given(GRADIENTS, st.floats(0.01, 500))
@settings(deadline=None)
def test_clipping_by_value_bounds_both_sides_and_touches_nothing_else(
    gradients: dict[str, np.ndarray], limit: float
) -> None:
    clipped = clip_by_value(gradients, limit)
    for name, array in gradients.items():
        inside = np.abs(array) <= limit
        assert (clipped[name][inside] == array[inside]).all()
        assert (clipped[name][~inside] == np.sign(array[~inside]) * limit).all()


def test_clipping_leaves_what_it_was_given() -> None:
    gradients = {"W": np.array([3.0, -4.0])}
    clip_by_norm(gradients, 1.0)
    clip_by_value(gradients, 1.0)
    assert gradients["W"].tolist() == [3, -4]


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan])
def test_a_limit_that_is_not_above_zero_is_refused(limit: float) -> None:
    for clip in (clip_by_norm, clip_by_value):
        with pytest.raises(InputError, match="must be above 0"):
            clip({"W": np.ones(2)}, limit)
