"""How the book draws: its colours, its style for matplotlib, and the source of what it teaches."""

from __future__ import annotations

import ast
import inspect
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lmlib.repository import repository_url

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "PALETTE",
    "TEXT_COLOUR",
    "Source",
    "label_lines",
    "power_of_ten",
    "show_source",
    "table",
    "use_book_style",
]

#: One colour for each family of models, safe for colour-blind readers (Okabe and Ito).
#: The book's stylesheet has the same.
PALETTE = {
    "counting": "#7F7F7F",
    "window": "#E69F00",
    "rnn": "#D55E00",
    "gru": "#009E73",
    "lstm": "#0072B2",
    "attention": "#CC79A7",
}

#: Text, axes, data and truth: readable on white and on black. On the book's pages the page's own
#: text colour takes its place.
TEXT_COLOUR = "#757575"

_CHINESE_FONTS = [
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
]


def use_book_style() -> None:
    """Make matplotlib draw as the book does: 700 pixels wide, transparent, SVG in a notebook.

    Chinese in a figure is drawn with the reader's own fonts.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed; the message names the extra to install.
    """
    matplotlib = _import_matplotlib()
    matplotlib.rcParams.update(
        {
            "axes.edgecolor": TEXT_COLOUR,
            "axes.facecolor": "none",
            "axes.labelcolor": TEXT_COLOUR,
            "axes.prop_cycle": matplotlib.cycler(color=list(PALETTE.values())),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.constrained_layout.use": True,
            "figure.dpi": 96,
            "figure.facecolor": "none",
            "figure.figsize": (700 / 96, 400 / 96),
            "font.family": ["sans-serif"],
            "font.sans-serif": ["DejaVu Sans", *_CHINESE_FONTS],
            "font.size": 11,
            "legend.frameon": False,
            "lines.linewidth": 2,
            "savefig.facecolor": "none",
            "svg.fonttype": "none",
            "svg.hashsalt": "lmlib",
            "text.color": TEXT_COLOUR,
            "xtick.color": TEXT_COLOUR,
            "ytick.color": TEXT_COLOUR,
        }
    )
    warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
    try:
        from IPython.core.getipython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ModuleNotFoundError:
        return  # no notebook here
    if get_ipython() is not None:
        set_matplotlib_formats("svg", bbox_inches=None, metadata={"Date": None})


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Any:
    """Lay out a table for a notebook: names and long texts stand left, figures right."""
    from IPython.display import Markdown

    cells = [[str(cell) for cell in row] for row in rows]
    longest = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    marks = [":--" if i == 0 or size > 20 else "--:" for i, size in enumerate(longest)]
    lines = [head, marks, *cells]
    return Markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))


def power_of_ten(number: float) -> str:
    """Write a large or small number as a multiple of a power of ten.

    Examples
    --------
    >>> power_of_ten(4170**3)
    '7.3×10¹⁰'
    """
    factor, exponent = f"{number:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{factor}×10{raised}"


def label_lines(ax: Axes, gap: float = 15.0) -> None:
    """Write each line's label at its right end, in its colour, in place of a legend.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Lines without a label are left as they are.
    gap : float
        Labels stand at least this many points apart: where lines end close together, the labels
        move up and down.
    """
    lines = [line for line in ax.get_lines() if not str(line.get_label()).startswith("_")]
    ends = [tuple(np.asarray(line.get_xydata(), dtype=float)[-1].tolist()) for line in lines]
    figure = ax.get_figure()
    assert figure is not None
    ax.autoscale_view()
    heights = [ax.transData.transform(end)[1] * 72 / figure.dpi for end in ends]
    order = sorted(range(len(lines)), key=heights.__getitem__)
    floor = ax.bbox.y0 * 72 / figure.dpi + gap / 2  # above the axis and its numbers
    for i, place in zip(order, _spread([heights[i] for i in order], gap, floor), strict=True):
        ax.annotate(
            str(lines[i].get_label()),
            xy=ends[i],
            xytext=(6, place - heights[i]),
            textcoords="offset points",
            color=lines[i].get_color(),
            va="center",
            annotation_clip=False,
        )


def _spread(places: list[float], gap: float, floor: float) -> list[float]:
    """Move sorted ``places`` to stand ``gap`` apart, each crowd about its middle, none below floor.

    >>> _spread([0.0, 1.0, 100.0], gap=10.0, floor=-50.0)
    [-4.5, 5.5, 100.0]
    >>> _spread([0.0, 1.0, 100.0], gap=10.0, floor=0.0)
    [0.0, 10.0, 100.0]
    """
    crowds: list[tuple[list[float], float]] = []  # (members, where the lowest stands)
    for place in places:
        crowds.append(([place], max(place, floor)))
        while len(crowds) > 1 and crowds[-1][1] < crowds[-2][1] + gap * len(crowds[-2][0]):
            members = crowds[-2][0] + crowds[-1][0]
            lowest = sum(members) / len(members) - gap * (len(members) - 1) / 2
            crowds[-2:] = [(members, max(lowest, floor))]
    return [lowest + gap * k for members, lowest in crowds for k in range(len(members))]


@dataclass(frozen=True)
class Source:
    """The source of a function or class: highlighted in a notebook or the book, else plain text.

    Attributes
    ----------
    code : str
        The source, its indentation removed.
    file : str
        Where it stands, from the repository's root, such as ``lmlib/text.py``.
    first, last : int
        Its first and last line there.
    """

    code: str
    file: str
    first: int
    last: int

    @property
    def url(self) -> str | None:
        """The address of these lines in the repository; None where lmlib-book is not installed."""
        repository = repository_url()
        return (
            f"{repository}/blob/main/{self.file}#L{self.first}-L{self.last}" if repository else None
        )

    def __repr__(self) -> str:
        return f"# {self.file}, lines {self.first}-{self.last}\n{self.code}"

    def _repr_markdown_(self) -> str:
        place = f"`{self.file}`, lines {self.first}–{self.last}"
        place = f"[{place}]({self.url})" if self.url else place
        return f"```python\n{self.code}\n```\n\n{place}\n"


def show_source(thing: Callable[..., Any] | type, docstring: bool = True) -> Source:
    """Show the source of a function, method or class, with a link to it in the repository.

    Parameters
    ----------
    thing : function, method or class
        Something defined in ``lmlib``.
    docstring : bool
        False leaves out its docstrings, where the page has just said the same.

    Raises
    ------
    TypeError
        If ``thing`` has no Python source (a number, a built-in).

    Examples
    --------
    >>> show_source(label_lines).file
    'lmlib/figures.py'
    """
    thing = inspect.unwrap(thing)
    lines, first = inspect.getsourcelines(thing)
    code = textwrap.dedent("".join(lines)).rstrip()
    path = Path(inspect.getsourcefile(thing) or "").resolve()
    library = Path(__file__).resolve().parent
    file = path.relative_to(library.parent).as_posix() if library in path.parents else path.name
    return Source(
        code if docstring else _without_docstrings(code), file, first, first + len(lines) - 1
    )


def _without_docstrings(code: str) -> str:
    lines = code.split("\n")
    drop: set[int] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            start, end = node.body[0].lineno, node.body[0].end_lineno or node.body[0].lineno
            if len(node.body) == 1:
                continue  # the docstring is the whole body
            drop.update(range(start, end + 1))
            if end < len(lines) and not lines[end].strip():
                drop.add(end + 1)
    return "\n".join(line for number, line in enumerate(lines, start=1) if number not in drop)


def _import_matplotlib() -> Any:
    try:
        import matplotlib
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Drawing needs matplotlib: pip install matplotlib (or lmlib-book's extra [figures])."
        ) from error
    return matplotlib
