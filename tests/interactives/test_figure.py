"""A figure to move: what the script shows is what the pure function drew, with and without it."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from html import escape
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmlib.interactives import INTERACTIVES
from lmlib.interactives.drawing import Bar, bars
from lmlib.interactives.figure import Control, Frame, Interactive, _share, shell

VOID = {"input", "br", "img", "hr", "meta", "wbr"}


class Markup(HTMLParser):
    """Reads HTML strictly: every element is closed where it was opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}  # by the innermost open element
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in <{tag}>"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        within = self.open[-1] if self.open else ""
        self.text[within] = self.text.get(within, "") + data

    def find(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def draw(number: int, who: str) -> Frame:
    return Frame(
        bars([Bar(f"{who} & <co>", f"{number}", number / 4, "lstm")], name="bars"),
        f'{who} has {number} < 5 & says "</script>".',
    )


def example() -> Interactive:
    return Interactive(
        name="an-example",
        title="An <example>",
        controls=[
            Control("number", "How many", (4, 3, 2, 1), ("four", "three", "two", "one"), start=2),
            Control("who", "Who", ("Ann", "小明"), ("Ann & co", "小明"), start=1, kind="select"),
        ],
        draw=draw,
        look="Look <here>.",
        notice="Notice & learn.",
    )


# ---------------------------------------------------------------- the frames


@given(st.lists(st.text(alphabet="<b> i/&;吃\n", max_size=30)))
def test_pieces_put_together_are_the_texts(texts: list[str]) -> None:
    pieces, lists = _share(texts)
    assert ["".join(pieces[i] for i in numbers) for numbers in lists] == texts
    assert len(set(pieces)) == len(pieces)


def shipped(html: str) -> dict[str, Frame]:
    """What the script will show, from the data in the page."""
    data = json.loads(html.split('<script type="application/json">')[1].split("</script>")[0])
    return {
        place: Frame(*("".join(data["pieces"][i] for i in text) for text in texts))
        for place, texts in data["frames"].items()
    }


def test_the_page_holds_every_frame_as_drawn() -> None:
    frames = shipped(example().to_html())
    assert len(frames) == 8
    assert frames["2,1"] == draw(2, "小明")
    assert frames["0,0"] == draw(4, "Ann")


def test_without_a_script_the_start_frame_stands_there() -> None:
    html = example().to_html()
    start = draw(2, "小明")
    assert f'<div class="frame" data-frame="2,1">{start.picture}</div>' in html
    assert f">{escape(start.reading)}</output>" in html
    markup = Markup(html)
    (slider,) = markup.find("input")
    assert (slider["value"], slider["max"], slider["aria-valuetext"]) == ("2", "3", "two")
    assert [option.get("value") for option in markup.find("option") if "selected" in option] == [
        "1"
    ]


def test_a_figure_shows_itself_in_a_notebook_and_is_short_elsewhere() -> None:
    assert example()._repr_html_() == example().to_html()
    assert repr(example()) == "Interactive('an-example')"


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def browser(
    require_tool: Callable[[str, str], str], require_module: Callable[[str, str], ModuleType]
) -> Iterator[Any]:
    why = "figures are moved in it"
    playwright = require_module("playwright.sync_api", why)
    program = shutil.which("google-chrome") or require_tool("chromium", why)
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture
def page_of(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    complaints: list[str] = []
    contexts: list[Any] = []

    def open_page(html: str, **options: Any) -> Any:
        file = tmp_path / "page.html"
        file.write_text(f"<!doctype html><meta charset=utf-8><body>{html}", encoding="utf-8")
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(file.as_uri())
        assert complaints == [file.as_uri()], "a figure asks for nothing and goes wrong nowhere"
        return page

    yield open_page
    assert len(complaints) == 1, complaints
    for context in contexts:
        context.close()


def test_the_keyboard_moves_it_to_the_frame_of_the_function(page_of: Callable[..., Any]) -> None:
    page = page_of(example().to_html() * 2)  # twice on a page: each moves by itself
    first, second = page.locator("figure").all()
    slider = second.get_by_role("slider", name="How many", exact=True)
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert second.locator(".reading").text_content() == draw(1, "小明").reading
    assert slider.get_attribute("aria-valuetext") == "one"
    assert second.locator(".value").text_content() == "one"
    second.get_by_role("combobox", name="Who", exact=True).select_option("Ann & co")
    page.keyboard.press("Home")
    assert second.locator(".reading").text_content() == draw(4, "Ann").reading
    assert second.locator(".frame").get_attribute("data-frame") == "0,0"
    drawn = page.evaluate("html => Object.assign(document.createElement('p'), {innerHTML: html})"
                          ".innerHTML", draw(4, "Ann").picture)  # fmt: skip
    assert second.locator(".frame").inner_html() == drawn
    assert first.locator(".reading").text_content() == draw(2, "小明").reading


def test_controls_are_there_for_those_who_can_use_them(page_of: Callable[..., Any]) -> None:
    page = page_of(example().to_html())
    for control in page.locator("input, select").all():
        assert control.bounding_box()["height"] >= 24
    page.emulate_media(media="print")
    assert not page.locator("input").is_visible()
    assert page.locator(".bars").is_visible()


def test_without_javascript_no_dead_control_is_shown(page_of: Callable[..., Any]) -> None:
    page = page_of(example().to_html(), java_script_enabled=False)
    assert not page.get_by_role("slider").is_visible()
    assert page.locator(".bars").is_visible()
    assert page.locator(".reading").is_visible()


def test_another_script_gets_its_figure_and_its_data(
    page_of: Callable[..., Any], tmp_path: Path
) -> None:
    script = tmp_path / "greet.js"
    script.write_text(
        "figure.querySelector('button').addEventListener('click', () => {"
        "figure.querySelector('.reading').textContent = data.greeting; });"
    )
    html = shell(
        name="greeting",
        title="Greeting",
        look="",
        controls="<button>Greet</button>",
        picture="",
        reading="",
        notice="",
        scripts=[script],
        data={"greeting": "你好 </script>"},
    )
    page = page_of(html)
    page.get_by_role("button").click()
    assert page.locator(".reading").text_content() == "你好 </script>"


# ---------------------------------------------------------------- in a live kernel


def test_a_moved_widget_shows_the_frame_of_the_function(
    require_module: Callable[[str, str], ModuleType],
) -> None:
    require_module("ipywidgets", "figures are shown as its widgets")
    figure = example()
    box = figure.widget()
    slider, choice = (child for child in box.children if hasattr(child, "options"))
    (shown,) = (child for child in box.children if 'class="frame"' in str(child.value))
    for number, who in ((2, 1), (0, 1), (3, 0)):
        slider.value, choice.value = number, who
        frame = figure.frame(number, who)
        assert frame.picture in shown.value
        assert escape(frame.reading) in shown.value
    assert (slider.label, choice.label) == ("one", "Ann & co")
    said = [str(getattr(child, "value", "")) for child in box.children]
    assert said.index(escape(figure.look)) < said.index(shown.value)
    assert said.index(shown.value) < said.index(escape(figure.notice))


def test_without_ipywidgets_one_sentence_says_what_to_do() -> None:
    code = (
        "import sys; sys.modules['ipywidgets'] = None\n"
        "from lmlib.interactives.figure import Interactive\n"
        "Interactive('', '', [], None, '', '').widget()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode != 0
    assert "pip install ipywidgets" in done.stderr.splitlines()[-1]


# ---------------------------------------------------------------- every interactive of the book


@pytest.fixture(scope="module", params=sorted(INTERACTIVES))
def built(request: pytest.FixtureRequest) -> tuple[str, Any, str, float]:
    """Name, interactive, HTML, and the seconds it took."""
    module, function = INTERACTIVES[request.param].split(":")
    begun = time.perf_counter()
    interactive = getattr(import_module(module), function)()
    html = interactive.to_html()
    return request.param, interactive, html, time.perf_counter() - begun


def test_each_is_quick_to_build_and_light(built: tuple[str, Any, str, float]) -> None:
    _, interactive, html, seconds = built
    assert seconds < 15  # 2 on a machine that does nothing else
    carries_a_model = not isinstance(interactive, Interactive)
    assert len(html.encode()) <= (400_000 if carries_a_model else 300_000)


def test_each_is_a_whole_figure_that_fetches_nothing(built: tuple[str, Any, str, float]) -> None:
    name, _, html, _ = built
    markup = Markup(html)
    (figure,) = markup.find("figure")
    assert figure["id"] == figure["data-interactive"] == name
    assert figure["aria-label"]
    for attributes in (attributes for _, attributes in markup.elements):
        for attribute in ("src", "href", "data", "action", "poster"):
            assert not (attributes.get(attribute) or "").startswith(("http", "/"))
    for fetching in ("fetch(", "import(", "XMLHttpRequest", "@import"):
        assert fetching not in markup.text["script"] + markup.text["style"]
    assert "url(" not in markup.text["style"]
    assert markup.text["p"].strip(), "a sentence that says what to look for"
    labels = html.count("<label")
    assert labels >= len(markup.find("input")) + len(markup.find("select"))


def test_each_frame_is_sound_and_described(built: tuple[str, Any, str, float]) -> None:
    name, interactive, html, _ = built
    if not isinstance(interactive, Interactive):
        return  # it computes in the browser: a test of its own
    frames = interactive.frames()
    assert shipped(html) == {",".join(map(str, place)): frame for place, frame in frames.items()}
    start = tuple(control.start for control in interactive.controls)
    assert f'<div class="frame" data-frame="{",".join(map(str, start))}">' in html
    assert escape(frames[start].reading) in html
    for frame in frames.values():
        markup = Markup(frame.picture)
        assert "".join(markup.text.values()).strip() or markup.find("svg")
        for picture in [*markup.find("svg"), *markup.find("img")]:
            described = picture.get("aria-label") or picture.get("alt")
            assert described or picture.get("aria-hidden") == "true", f"{name}: not described"
        assert frame.reading.strip()
        assert "<" not in frame.reading.replace("<unk>", "").replace("<eos>", "").replace(
            "<bos>", ""
        ), "the reading is text, not markup"
    assert len({frame.reading for frame in frames.values()}) > 1
    for control in interactive.controls:
        assert len(control.values) == len(control.texts) == len(set(control.texts)) > 1


def test_a_broken_picture_is_seen() -> None:
    for broken in ("<p><b>so</p></b>", "<p>", "</p>", '<i class="a" class="b"></i>'):
        with pytest.raises(AssertionError):
            Markup(broken)
