"""Which vectors point the same way, and how many of them fit on a sheet of paper (chapter 05)."""

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError


def cosine_similarities(E: npt.NDArray, token: int) -> npt.NDArray:
    """Cosine of the angle between one row of ``E`` and every row.

    cos(u, v) = u·v / (|u| |v|): 1 where both point the same way, 0 at a right angle, -1 where they
    are opposed. How long they are does not matter.

    Parameters
    ----------
    E : (V, D)
        A vector for each token: an embedding, or the columns of an output layer as rows.
    token
        The number of the row.

    Returns
    -------
    (V,)

    Raises
    ------
    InputError
        If there is no such row, or a row is all zeros and so has no direction.

    Examples
    --------
    >>> cosine_similarities(np.array([[1.0, 0.0], [0.0, 5.0], [-3.0, 0.0]]), 0)
    array([ 1.,  0., -1.])
    """
    if not 0 <= token < len(E):
        raise InputError(f"there is no row {token}; the rows go from 0 to {len(E) - 1}.")
    lengths = np.sqrt((E * E).sum(axis=1))  # (V,)
    if not lengths.all():
        raise InputError(
            f"row {int(np.argmin(lengths))} is all zeros and points nowhere; leave it out."
        )
    return E @ E[token] / (lengths * lengths[token])


def nearest(E: npt.NDArray, token: int, count: int) -> tuple[npt.NDArray, npt.NDArray]:
    """Give the rows with the largest cosine to a row, the nearest first, without the row itself.

    Parameters
    ----------
    E : (V, D)
    token
        The number of the row.
    count
        How many; if there are fewer, all.

    Returns
    -------
    tokens : (count,) int
    cosines : (count,)

    Raises
    ------
    InputError
        As `cosine_similarities` does.

    Examples
    --------
    >>> tokens, cosines = nearest(np.array([[1.0, 0.0], [3.0, 4.0], [0.8, 0.6], [-1.0, 0.0]]), 0, 2)
    >>> tokens.tolist(), cosines.round(3).tolist()
    ([2, 1], [0.8, 0.6])
    """
    cosines = cosine_similarities(E, token)
    order = np.argsort(-cosines, kind="stable")
    order = order[order != token][:count]
    return order, cosines[order]


def principal_plane(E: npt.NDArray) -> tuple[npt.NDArray, float]:
    """Lay vectors on a plane so that they stay as far apart as a plane allows.

    The two principal components: the directions in which the rows vary most, at a right angle to
    one another (Pearson 1901). What varies in other directions is not seen.

    Parameters
    ----------
    E : (N, D)
        At least two rows and two columns.

    Returns
    -------
    places : (N, 2)
    share : float
        How much of the rows' variance the plane shows, from 0 to 1.

    Examples
    --------
    >>> triangle = np.array([[1.0, 1.0, 3.0], [1.0, 5.0, 3.0], [4.0, 3.0, 3.0]])
    >>> places, share = principal_plane(triangle)
    >>> places.shape, round(share, 9)
    ((3, 2), 1.0)
    """
    centred = E - E.mean(axis=0)  # (N, D)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)  # spread: falling
    return centred @ directions[:2].T, float((spread[:2] ** 2).sum() / (spread**2).sum())
