"""Questions that check themselves: for the student at once, for the teacher with a grade."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmlib.grading.checking import check, progress

__all__ = ["check", "progress"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from lmlib.grading import checking

        return getattr(checking, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
