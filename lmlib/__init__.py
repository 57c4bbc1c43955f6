"""Language models, from counting to attention: the library of the course book.

Each room is imported by its name, ``from lmlib.text import Vocab``; ``import lmlib`` loads none.
"""

import os
import sys
import warnings

__version__ = "0.1.0"


def _is_installed(distribution: str) -> bool:
    """Say what ``importlib.metadata`` would, which takes far longer to import."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue  # a zip file, or a folder that is gone
        if any(name.startswith(f"{distribution}-") and name.endswith("-info") for name in names):
            return True
    return False


if _is_installed("lmlib"):
    warnings.warn(
        "PyPI's package 'lmlib' (signal processing) is installed beside lmlib-book. Both are "
        "imported as 'lmlib', and each overwrites files of the other: uninstall both, then "
        "install lmlib-book alone.",
        stacklevel=2,
    )
