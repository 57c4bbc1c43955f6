"""Beyond one machine: the same jobs on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from lmlib.errors import InputError
from lmlib.translation import gettext as _


@contextmanager
def on_cluster(address: str) -> Iterator[Executor]:
    """Give an executor of the workers behind a Dask scheduler.

    A job whose worker is lost is given to another. Each worker needs lmlib, and a sandbox of the
    kind that there is here.

    Parameters
    ----------
    address : str
        ``tcp://10.0.0.1:8786``.

    Raises
    ------
    InputError
        If Dask is not installed, or no scheduler answers there.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise InputError(
            _("--scheduler needs Dask: pip install distributed, here and on the workers.")
        ) from None
    try:
        client = Client(address, timeout=20, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            _("no Dask scheduler answers at {address} ({error}).").format(
                address=address, error=str(error)[:200]
            )
        ) from None
    with client:
        yield client.get_executor(pure=False, retries=5)
