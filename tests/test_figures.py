"""The book's drawing: the same colours everywhere, labels apart, sources that are the sources."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmlib import figures

ROOT = Path(__file__).parents[1]


def test_the_stylesheet_and_the_library_have_the_same_colours() -> None:
    css = (ROOT / "chapters/_static/book.css").read_text(encoding="utf-8")
    declared = re.findall(r"--lm-(\w+): (#[0-9A-Fa-f]{6});", css)
    for family, colour in figures.PALETTE.items():
        values = [value for name, value in declared if name == family]
        assert values == [colour], f"{family}: {values} in book.css, {colour} in figures.py"
    css = (ROOT / "lmlib/interactives/figure.css").read_text(encoding="utf-8")
    elsewhere = dict(
        re.findall(r"var\(--lm-(\w+), (#[0-9A-Fa-f]{6})\)", css)
    )  # off the book's pages
    assert {family: elsewhere[family] for family in figures.PALETTE} == figures.PALETTE


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("ground", ["#ffffff", "#121212"])
def test_text_in_figures_is_readable_on_white_and_on_black(ground: str) -> None:
    light, dark = sorted([luminance(figures.TEXT_COLOUR), luminance(ground)], reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.0


def test_the_text_colour_is_no_family_s_colour() -> None:
    # The book's pages replace it by the page's own text colour: a line of a family must not follow.
    assert figures.TEXT_COLOUR.lower() not in {
        colour.lower() for colour in figures.PALETTE.values()
    }


@given(st.lists(st.floats(-500, 500), min_size=1, max_size=12).map(sorted))
def test_labels_stand_apart_and_keep_their_order(places: list[float]) -> None:
    moved = figures._spread(places, gap=15, floor=-1000)
    assert len(moved) == len(places)
    assert all(above - below >= 15 - 1e-6 for below, above in pairwise(moved))
    assert sum(moved) == pytest.approx(sum(places), abs=1e-6)  # no crowd drifts


@given(st.lists(st.floats(-500, 500), min_size=1, max_size=12).map(sorted), st.floats(-500, 500))
def test_labels_stay_above_the_axis(places: list[float], floor: float) -> None:
    moved = figures._spread(places, gap=15, floor=floor)
    assert moved[0] >= floor
    assert all(above - below >= 15 - 1e-6 for below, above in pairwise(moved))


def test_each_named_line_is_labelled_at_its_end_in_its_colour() -> None:
    import matplotlib
    import matplotlib.pyplot as plt
    from matplotlib.text import Annotation

    matplotlib.use("agg")

    figures.use_book_style()
    fig, ax = plt.subplots()
    ax.plot([1, 2, 3], [1, 4, 9], label="growing", color=figures.PALETTE["counting"])
    ax.plot([1, 2, 3], [9, 9, 9])
    figures.label_lines(ax)
    (label,) = ax.texts
    assert isinstance(label, Annotation)
    assert (label.get_text(), label.get_color()) == ("growing", figures.PALETTE["counting"])
    assert label.xy == (3, 9)
    assert fig.get_size_inches()[0] * fig.dpi == pytest.approx(700)
    plt.close(fig)


def test_a_source_is_the_text_of_the_file_with_its_lines() -> None:
    shown = figures.show_source(figures.show_source)
    lines = (ROOT / shown.file).read_text(encoding="utf-8").splitlines()
    assert shown.code.splitlines() == lines[shown.first - 1 : shown.last]
    markdown = shown._repr_markdown_()
    assert markdown.startswith("```python\ndef show_source(")
    assert f"/blob/main/lmlib/figures.py#L{shown.first}-L{shown.last})" in markdown


def test_a_source_without_docstrings_is_the_same_code() -> None:
    shown = figures.show_source(figures.Source, docstring=False)
    assert '"""' not in shown.code
    assert "def _repr_markdown_" in shown.code
    compile(shown.code, "shown", "exec")


def test_what_has_no_source_is_refused() -> None:
    with pytest.raises(TypeError):
        figures.show_source(len)
