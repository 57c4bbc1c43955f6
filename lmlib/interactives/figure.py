"""A figure with controls: one pure function, shown in two ways."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain, product
from pathlib import Path
from typing import Any, Literal

from lmlib.translation import gettext as _

#: How a widget that takes a value is laid out: as wide as the figure, its label written out.
WIDE: dict[str, Any] = {"style": {"description_width": "initial"}, "layout": {"width": "95%"}}


@dataclass(frozen=True)
class Control:
    """A slider or a list that sets one argument of the function that draws.

    Attributes
    ----------
    name : str
        The argument's name.
    label : str
        What the reader sees above the control.
    values : sequence
        Every value it can take.
    texts : sequence of str
        What each value is called.
    start : int
        Which of them is shown first.
    kind : {"range", "select"}
    """

    name: str
    label: str
    values: Sequence[Any]
    texts: Sequence[str]
    start: int = 0
    kind: Literal["range", "select"] = "range"

    def to_html(self) -> str:
        """Write the control as HTML: a native one, whose value is the place among ``values``."""
        name, label = escape(self.name), escape(self.label)
        if self.kind == "select":
            options = "".join(
                f'<option value="{i}"{" selected" * (i == self.start)}>{escape(text)}</option>'
                for i, text in enumerate(self.texts)
            )
            return (
                f"<label><span>{label}</span>"
                f'<select name="{name}" autocomplete="off">{options}</select></label>'
            )
        text = escape(self.texts[self.start])
        return (
            f'<label><span>{label}<b class="value" aria-hidden="true">{text}</b></span>'
            f'<input type="range" name="{name}" min="0" max="{len(self.values) - 1}" '
            f'value="{self.start}" aria-valuetext="{text}" autocomplete="off"></label>'
        )


@dataclass(frozen=True)
class Frame:
    """What is shown for one setting of the controls.

    Attributes
    ----------
    picture : str
        HTML or inline SVG, in the classes and variables of the book's stylesheet.
    reading : str
        One sentence with the numbers, shown below the picture and read aloud when it changes.
        It is text: no markup.
    """

    picture: str
    reading: str

    def to_html(self) -> str:
        """Write picture and reading for a widget, which has the style beside it."""
        return (
            f'<div class="interactive"><div class="frame">{self.picture}</div>'
            f'<p class="reading">{escape(self.reading)}</p></div>'
        )


@dataclass(frozen=True, repr=False)
class Interactive:
    """A figure to move: controls, a pure function from their values to a `Frame`, two sentences.

    A notebook and a page of the book show it as HTML that moves without a kernel; `widget` moves
    by the kernel, for those who want to change the function.

    Attributes
    ----------
    name : str
        Its id on the page, ``vocabulary-cutoff``.
    title : str
        What it is called aloud.
    controls : sequence of Control
    draw : callable
        ``draw(**values)`` gives a `Frame`, the same one for the same values.
    look : str
        What to look for, said before the reader moves anything.
    notice : str
        What the reader should have noticed after.
    """

    name: str
    title: str
    controls: Sequence[Control]
    draw: Callable[..., Frame]
    look: str
    notice: str

    def frame(self, *places: int) -> Frame:
        """Draw the frame where each control stands at the given place among its values."""
        pairs = zip(self.controls, places, strict=True)
        return self.draw(**{control.name: control.values[place] for control, place in pairs})

    def frames(self) -> dict[tuple[int, ...], Frame]:
        """Draw every frame, by the places of the controls."""
        places = product(*(range(len(control.values)) for control in self.controls))
        return {place: self.frame(*place) for place in places}

    def to_html(self) -> str:
        """Write a figure that moves by itself, from a file, a page or a notebook's output.

        Every frame is drawn here. What frames have in common is written once: a frame is a list
        of numbers of pieces, which the script (figure.js) puts together again.
        """
        frames = self.frames()
        start = tuple(control.start for control in self.controls)
        pieces, lists = _share(
            chain.from_iterable((frame.picture, frame.reading) for frame in frames.values())
        )
        data = {
            "texts": [list(control.texts) for control in self.controls],
            "pieces": pieces,
            "frames": {_key(place): lists[2 * i : 2 * i + 2] for i, place in enumerate(frames)},
        }
        return shell(
            name=self.name,
            title=self.title,
            look=self.look,
            controls="".join(control.to_html() for control in self.controls),
            picture=(
                f'<div class="frame" data-frame="{_key(start)}">{frames[start].picture}</div>'
            ),
            reading=frames[start].reading,
            notice=self.notice,
            scripts=[Path(__file__).with_name("figure.js")],
            data=data,
        )

    def __repr__(self) -> str:
        return f"Interactive({self.name!r})"

    def _repr_html_(self) -> str:
        return self.to_html()

    def widget(self) -> Any:
        """Give the figure as a widget of ipywidgets (7.7 or 8), drawn by the live kernel.

        Raises
        ------
        ModuleNotFoundError
            If ipywidgets is not installed.
        """
        ipywidgets = import_ipywidgets()
        kinds = {"range": ipywidgets.SelectionSlider, "select": ipywidgets.Dropdown}
        controls = [
            kinds[control.kind](
                options=[(text, place) for place, text in enumerate(control.texts)],
                value=control.start,
                description=control.label,
                **WIDE,
            )
            for control in self.controls
        ]
        shown = ipywidgets.HTML()

        def show(change: object = None) -> None:
            shown.value = self.frame(*(control.value for control in controls)).to_html()

        for control in controls:
            control.observe(show, names="value")
        show()
        return widget_shell(self.look, [*controls, shown], self.notice)


def shell(
    *,
    name: str,
    title: str,
    look: str,
    controls: str,
    picture: str,
    reading: str,
    notice: str,
    scripts: Sequence[Path],
    data: object,
) -> str:
    """Write the HTML that all figures to move are in, with style, script and data in it.

    `Interactive` fills it with frames drawn beforehand; a figure that computes in the reader's
    browser calls it with controls, script and data of its own.

    Parameters
    ----------
    name, title, look, notice
        As in `Interactive`; plain text.
    controls : str
        HTML of the controls, each in a ``<label>``. Without JavaScript and in print they are
        hidden.
    picture : str
        HTML of what is seen at the start, also without JavaScript and in print.
    reading : str
        The sentence below it at the start; plain text. It stands in ``.reading``, an ``<output>``
        that is read aloud when the script changes its ``textContent``.
    scripts : sequence of Path
        Files of JavaScript, together the body of a function of ``figure`` (the ``<figure>``
        element) and ``data``. They look up elements in ``figure`` alone: the page may hold the
        figure twice.
    data : object
        Whatever the script needs, as JSON.

    Returns
    -------
    html : str
    """
    id_ = escape(name)
    body = "".join(script.read_text(encoding="utf-8") for script in scripts)
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<figure class="interactive" id="{id_}" data-interactive="{id_}" '
        f'aria-label="{escape(title)}">{style()}'
        f'<p class="look">{escape(look)}</p>'
        f'<div class="controls">{controls}</div>'
        f'<div class="picture">{picture}</div>'
        f'<output class="reading" aria-live="polite">{escape(reading)}</output>'
        f'<p class="notice">{escape(notice)}</p>'
        f'<script type="application/json">{packed}</script>'
        f"<script>{{const start = (figure, data) => {{\n{body}}};\n"
        f"document.querySelectorAll('[data-interactive=\"{id_}\"]:not([data-ready])')"
        ".forEach((figure) => {\nfigure.dataset.ready = '';\n"
        "const { textContent } = figure.querySelector('[type=\"application/json\"]');\n"
        "start(figure, JSON.parse(textContent));\n})}</script></figure>"
    )


def widget_shell(look: str, parts: Sequence[Any], notice: str) -> Any:
    """Put the widgets of a figure between its two sentences, with its style: `shell`, live."""
    ipywidgets = import_ipywidgets()
    before, after = (ipywidgets.HTML(escape(said)) for said in (look, notice))
    return ipywidgets.VBox([ipywidgets.HTML(style()), before, *parts, after])


def import_ipywidgets() -> Any:
    """Import ipywidgets, or say which figure does without."""
    try:
        import ipywidgets
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            _(
                "A widget needs ipywidgets: pip install ipywidgets "
                "(or show the figure without .widget(), which moves without it)."
            )
        ) from error
    return ipywidgets


def style() -> str:
    """Write the stylesheet of all figures, which each carries with it."""
    css = Path(__file__).with_name("figure.css").read_text(encoding="utf-8")
    return f"<style>\n{css}</style>"


def _key(place: Iterable[int]) -> str:
    return ",".join(map(str, place))


def _share(texts: Iterable[str]) -> tuple[list[str], list[list[int]]]:
    """Cut texts into tags and words; give each distinct piece once, and texts as their numbers.

    >>> _share(["<b>so</b> it", "so <b>so</b>"])
    (['<b>', 'so', '</b>', ' ', 'it', 'so '], [[0, 1, 2, 3, 4], [5, 0, 1, 2]])
    """
    cut = [re.split(r"(?=<)|(?<=[> ])", text) for text in texts]
    cut = [[piece for piece in pieces if piece] for pieces in cut]
    counts = Counter(chain.from_iterable(cut))
    pieces = [piece for piece, count in counts.most_common()]  # frequent ones get short numbers
    number = {piece: i for i, piece in enumerate(pieces)}
    return pieces, [[number[piece] for piece in text] for text in cut]
