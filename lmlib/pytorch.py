"""PyTorch, or one sentence that says how to get it."""

from lmlib.errors import InputError

try:
    import torch
    from torch import nn
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise InputError(
        "neural models need PyTorch, which is not installed: pip install torch "
        "(or, with lmlib-book itself: pip install 'lmlib-book[torch]')."
    ) from None

__all__ = ["nn", "torch"]
