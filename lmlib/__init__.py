"""Language models, from counting to attention: the library of the course book.

Each room is imported by its name, ``from lmlib.text import Vocab``; ``import lmlib`` loads none.
"""

import importlib.metadata
import warnings

__version__ = "0.1.0"

try:
    importlib.metadata.distribution("lmlib")
except importlib.metadata.PackageNotFoundError:
    pass
else:
    warnings.warn(
        "PyPI's package 'lmlib' (signal processing) is installed beside lmlib-book. Both are "
        "imported as 'lmlib', and each overwrites files of the other: uninstall both, then "
        "install lmlib-book alone.",
        stacklevel=2,
    )
