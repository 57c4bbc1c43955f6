"""Cosines and the plane of a picture: what they promise, worked out by hand and by other means."""

import numpy as np
import pytest

from lmlib.errors import InputError
from lmlib.scratch import cosine_similarities, nearest, principal_plane

E = np.array([[3.0, 4.0], [8.0, 6.0], [-3.0, -4.0], [-0.4, 0.3], [30.0, 0.0]])


def test_a_cosine_is_what_comes_out_by_hand() -> None:
    # (3·8 + 4·6) / (5·10), the opposite, a right angle, 3/5
    assert cosine_similarities(E, 0) == pytest.approx([1, 0.96, -1, 0, 0.6], abs=1e-12)


def test_a_cosine_does_not_know_how_long_a_vector_is() -> None:
    lengths = np.random.default_rng(0).uniform(0.01, 100, (len(E), 1))
    assert cosine_similarities(E * lengths, 3) == pytest.approx(cosine_similarities(E, 3))


def test_the_nearest_come_first_and_the_row_itself_never() -> None:
    tokens, cosines = nearest(E, 0, 3)
    assert tokens.tolist() == [1, 4, 3]
    assert cosines == pytest.approx([0.96, 0.6, 0])
    assert nearest(E, 0, 99)[0].tolist() == [1, 4, 3, 2]


def test_a_twin_of_the_row_is_its_neighbour() -> None:
    assert nearest(np.array([[1.0, 2.0], [5.0, 1.0], [1.0, 2.0]]), 2, 1)[0].tolist() == [0]


def test_rows_without_a_direction_and_rows_that_are_not_there_are_refused() -> None:
    with pytest.raises(InputError, match="row 1 is all zeros"):
        nearest(np.array([[1.0, 2.0], [0.0, 0.0]]), 0, 1)
    with pytest.raises(InputError, match="no row 5"):
        nearest(E, 5, 1)


def test_no_other_plane_shows_more_of_the_variance() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(40, 6)) * [1, 4, 1, 3, 2, 0.5]
    places, share = principal_plane(vectors)
    centred = vectors - vectors.mean(axis=0)
    whole = (centred**2).sum()
    assert share == pytest.approx((places**2).sum() / whole)
    eigenvalues = np.linalg.eigvalsh(centred.T @ centred)  # rising
    assert share == pytest.approx(eigenvalues[-2:].sum() / whole)
    for _try in range(50):
        plane, _ = np.linalg.qr(rng.normal(size=(6, 2)))
        assert ((centred @ plane) ** 2).sum() / whole <= share


def test_vectors_on_a_plane_keep_their_distances() -> None:
    rng = np.random.default_rng(2)
    flat = rng.normal(size=(9, 2)) @ rng.normal(size=(2, 5)) + 7
    places, share = principal_plane(flat)
    assert share == pytest.approx(1)
    for one, other in ((0, 1), (3, 8), (2, 5)):
        distance = np.linalg.norm(flat[one] - flat[other])
        assert np.linalg.norm(places[one] - places[other]) == pytest.approx(distance)
