"""The gradient's way back: what is shown is the library's own backward pass, and it adds up."""

import re

import numpy as np
import pytest

from lmlib.interactives.backward import (
    SENTENCE,
    BackwardPass,
    backward_pass,
    backward_stepper,
    small_network,
)
from lmlib.scratch import numerical_gradient

FIGURE = backward_stepper()
MODEL = small_network()
IDS = MODEL.vocab.encode(SENTENCE)
STEPS = len(IDS) - 1
CELL = re.compile(r"<td>(.*?)</td>")
ROW = re.compile(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>')


def taken_apart(losses: str) -> BackwardPass:
    return backward_pass(MODEL, SENTENCE, last_loss_only=losses == "last")


def rows(losses: str, back: int) -> list[np.ndarray]:
    """The numbers of the table, row by row; a matrix by its columns."""
    picture = FIGURE.draw(losses=losses, back=back).picture
    return [
        np.array(
            [
                [float(number.replace("−", "-")) for number in cell.split("<br>")]
                for cell in CELL.findall(cells)
            ]
        ).squeeze()
        for _label, cells in ROW.findall(picture)
    ]


def test_the_shares_of_all_steps_make_the_gradient_of_the_library() -> None:
    _, gradients, _ = MODEL.loss_and_gradients(IDS[None, :-1], IDS[None, 1:])
    shares = taken_apart("all").added
    np.testing.assert_allclose(shares.sum(axis=0), gradients["W_h"], rtol=1e-12)


def test_the_shares_of_the_last_loss_make_its_gradient() -> None:
    """The last loss is STEPS times the mean of all, less STEPS - 1 times that of the others."""

    def last_loss() -> float:
        of_all, _, _ = MODEL.loss_and_gradients(IDS[None, :-1], IDS[None, 1:])
        of_others, _, _ = MODEL.loss_and_gradients(IDS[None, :-2], IDS[None, 1:-1])
        return STEPS * of_all - (STEPS - 1) * of_others

    numerical = numerical_gradient(last_loss, MODEL.parameters["W_h"])
    shares = taken_apart("last").added
    np.testing.assert_allclose(shares.sum(axis=0), numerical, rtol=1e-6)


@pytest.mark.parametrize("back", range(1, STEPS + 1))
@pytest.mark.parametrize("losses", ["all", "last"])
def test_the_lines_of_a_step_follow_from_one_another(losses: str, back: int) -> None:
    above, right, together, factor, dz, before, added, so_far = rows(losses, back)
    near = 2e-3  # three digits are shown
    assert together == pytest.approx(above + right, abs=near)
    assert dz == pytest.approx(together * factor, abs=near)
    assert added == pytest.approx(np.outer(dz, before), abs=near)  # columns come first here
    if back == 1:
        assert not right.any()
    else:
        later = rows(losses, back - 1)
        assert right == pytest.approx(later[4] @ MODEL.parameters["W_h"].T, abs=near)
        assert so_far == pytest.approx(later[7] + added, abs=near)


def test_what_the_reader_should_have_noticed_is_so() -> None:
    assert not rows("all", STEPS)[6].any() and rows("all", STEPS)[4].all()
    for back in range(2, STEPS + 1):
        assert not rows("last", back)[0].any()
    for back in range(2, STEPS):
        assert np.abs(rows("last", back)[6]).min() > 0.01


def test_its_weights_can_be_copied_to_paper() -> None:
    for array in MODEL.parameters.values():
        np.testing.assert_array_equal(array, array.round(1))


def test_nothing_is_saturated_and_every_stream_can_be_seen() -> None:
    found = taken_apart("all")
    assert np.abs(found.states[1:]).max() < 0.9
    assert min(np.abs(found.above).max(1).min(), np.abs(found.right[:-1]).max(1).min()) > 0.05


def test_the_figure_is_light() -> None:
    assert len(FIGURE.to_html().encode()) < 60_000
