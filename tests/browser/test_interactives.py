"""Every interactive on its page: moved by keyboard, its numbers those of the library."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache

import pytest
from playwright.sync_api import Browser, Keyboard, Locator, Page

from browser.visiting import CHAPTERS, HTML, PHONE, Visit, file_address, visit
from lmlib.interactives import INTERACTIVES
from lmlib.interactives.figure import Frame, Interactive
from lmlib.interactives.guessing import SHOWN, GuessingGame, predictions
from lmlib.interactives.guessing import draw as draw_game
from lmlib.interactives.logits import LOGITS, START, LogitSliders
from lmlib.interactives.logits import draw as draw_logits
from lmlib.interactives.surprise import SurpriseBars
from lmlib.interactives.surprise import draw as draw_surprise

OPERABLE = "input, select, button, textarea, summary"

#: Gives the HTML of an element, and the one that a browser makes of the HTML expected there.
AS_PARSED = """(element, expected) => {
    const there = document.createElement("div");
    there.innerHTML = expected;
    return [element.innerHTML, there.innerHTML];
}"""


@cache
def build(name: str) -> object:
    """Build an interactive as its page does."""
    module, function = INTERACTIVES[name].split(":")
    return getattr(importlib.import_module(module), function)()


def pages_with(name: str) -> list[str]:
    mark = f'data-interactive="{name}"'
    text = {page: (HTML / f"{page}.html").read_text(encoding="utf-8") for page in CHAPTERS}
    # the figure itself, not the script that looks for it
    return [page for page in CHAPTERS for _ in re.findall(rf"<figure[^>]*{mark}", text[page])]


def figure_of(found: Visit, name: str) -> Locator:
    return found.page.locator(f'figure[data-interactive="{name}"]')


@pytest.fixture(scope="module", params=sorted(INTERACTIVES))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def found(browser: Browser, name: str) -> Iterator[Visit]:
    """The page of the interactive, opened from a file; its tests leave it where they moved it."""
    with visit(browser) as found:
        found.open(file_address(pages_with(name)[0]))
        yield found


def test_it_stands_on_exactly_one_page(name: str) -> None:
    assert len(pages_with(name)) == 1


def assert_shown(figure: Locator, frame: Frame, where: str) -> None:
    """Check what is displayed, word for word and bar for bar, against what lmlib draws."""
    assert figure.locator(".reading").inner_text() == frame.reading, where
    shown, expected = figure.locator(".frame").evaluate(AS_PARSED, frame.picture)
    assert shown == expected, where


def assert_still(figure: Locator, name: str) -> None:
    controls = figure.locator(".controls").locator(OPERABLE)
    assert controls.locator("visible=true").count() == 0
    assert figure.locator(".picture").is_visible()
    said = figure.locator(".reading").inner_text()
    assert re.search(r"\w", said)
    assert re.search(r"\d", figure.locator(".picture").inner_text() + said)
    interactive = build(name)
    if isinstance(interactive, Interactive):
        start = interactive.frame(*(control.start for control in interactive.controls))
        assert_shown(figure, start, "at the start")


def test_in_print_it_stands_still_with_its_numbers(found: Visit, name: str) -> None:
    found.page.emulate_media(media="print")
    try:
        assert_still(figure_of(found, name), name)
    finally:
        found.page.emulate_media(media="screen")


def test_tab_reaches_every_control_and_shows_where_it_is(found: Visit, name: str) -> None:
    figure = figure_of(found, name)
    controls = figure.locator(".controls").locator(OPERABLE).locator("visible=true")
    figure.locator(".look").click()  # the next Tab starts from here
    assert controls.count()
    for i in range(controls.count()):
        found.page.keyboard.press("Tab")
        focused = controls.nth(i)
        assert focused.evaluate("(control) => control === document.activeElement")
        assert focused.evaluate("(control) => control.matches(':focus-visible')")
        outline = focused.evaluate("(control) => getComputedStyle(control).outlineStyle")
        assert outline != "none", "focused, and nothing shows it"
        assert focused.evaluate(
            "(control) => control.labels?.length || control.textContent.trim()"
        ), "a control without a label"


def walk(
    figure: Locator, keyboard: Keyboard, interactive: Interactive, before: tuple[int, ...] = ()
) -> None:
    """Step through every position of the next control, and at each through those after it."""
    control, *after = interactive.controls[len(before) :]
    keyboard.press("Tab")
    keyboard.press("Home")
    for place, text in enumerate(control.texts):
        if place:
            keyboard.press("ArrowDown" if control.kind == "select" else "ArrowRight")
        if after:
            walk(figure, keyboard, interactive, (*before, place))
        else:
            assert_shown(figure, interactive.frame(*before, place), f"{(*before, place)}, {text}")
        if control.kind == "range":
            slider = figure.locator(f"input[name={control.name}]")
            assert slider.get_attribute("aria-valuetext") == text
    keyboard.press("Shift+Tab")


def play_the_game(figure: Locator, keyboard: Keyboard, game: GuessingGame, place: int) -> None:
    """Guess one sentence: right, wrong, given up, right to the end, and from the start again."""
    passage = game.passages[place]
    predicted = predictions(game.models[passage.language], passage.text)
    right = [prediction.character for prediction in predicted]
    wrong = predicted[1].ranked[-1]

    def assert_after(*guesses: str) -> None:
        assert_shown(figure, draw_game(passage.language, predicted, guesses), f"{guesses}")

    keyboard.press("Tab")
    keyboard.press("Home")
    for _ in range(place):
        keyboard.press("ArrowDown")
    assert_after()
    keyboard.press("Tab")
    keyboard.insert_text(right[0])
    assert_after(right[0])
    keyboard.insert_text(wrong)
    assert_after(right[0], wrong)
    keyboard.press("Tab")
    keyboard.press("Enter")
    assert_after(right[0], wrong, SHOWN)
    keyboard.press("Shift+Tab")
    for character in right[2:]:
        keyboard.insert_text(character)
    assert_after(right[0], wrong, SHOWN, *right[2:])
    assert not figure.locator("[name=guess]").is_editable()
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.press("Enter")
    assert_after()
    assert figure.locator("[name=guess]").is_editable()


def surprise_by_sentences(figure: Locator, keyboard: Keyboard, bars: SurpriseBars) -> None:
    """Choose every example, then type sentences, one with a character that no model has read."""
    keyboard.press("Tab")
    keyboard.press("Home")
    for place, sentences in enumerate(bars.examples):
        if place:
            keyboard.press("ArrowDown")
        assert_shown(figure, draw_surprise(bars.models, sentences), f"{sentences}")
    for typed in (["The cats were full.", ""], ["The cats were full.", "我☃吃披萨"]):
        for text in typed:
            keyboard.press("Tab")
            keyboard.press("Control+A")
            keyboard.press("Delete")
            keyboard.insert_text(text)
        assert_shown(figure, draw_surprise(bars.models, typed), f"{typed}")
        keyboard.press("Shift+Tab")
        keyboard.press("Shift+Tab")


def drag_logits(figure: Locator, keyboard: Keyboard) -> None:
    """Make each word the truth, then move each slider from end to end, some steps between."""
    logits = list(START)
    keyboard.press("Tab")
    keyboard.press("Home")
    for target in range(len(logits)):
        if target:
            keyboard.press("ArrowDown")
        assert_shown(figure, draw_logits(logits, target), f"target {target}")
    for i in range(len(logits)):
        keyboard.press("Tab")
        for key, place in (("Home", 0), ("ArrowRight", 1), ("End", len(LOGITS) - 1)):
            keyboard.press(key)
            logits[i] = LOGITS[place]
            assert_shown(figure, draw_logits(logits, target), f"{logits}")
            slider = figure.locator("[type=range]").nth(i)
            assert slider.get_attribute("aria-valuetext") == f"{logits[i]:g}".replace("-", "−")


def test_moved_by_keyboard_alone_it_shows_what_the_library_gives(found: Visit, name: str) -> None:
    figure, interactive = figure_of(found, name), build(name)
    before = figure.locator(".reading").inner_text()
    figure.locator(".look").click()
    if isinstance(interactive, GuessingGame):
        for place in (1, len(interactive.passages) - 1):  # English, Chinese
            figure.locator(".look").click()
            play_the_game(figure, found.page.keyboard, interactive, place)
    elif isinstance(interactive, SurpriseBars):
        surprise_by_sentences(figure, found.page.keyboard, interactive)
    elif isinstance(interactive, LogitSliders):
        drag_logits(figure, found.page.keyboard)
    else:
        assert isinstance(interactive, Interactive)
        walk(figure, found.page.keyboard, interactive)
        assert figure.locator(".reading").inner_text() != before
    assert found.complaints == []
    assert found.outside() == []


def test_without_javascript_it_stands_still_with_its_numbers(browser: Browser, name: str) -> None:
    with visit(browser, java_script_enabled=False) as found:
        found.page.goto(file_address(pages_with(name)[0]))
        assert_still(figure_of(found, name), name)


def test_on_a_phone_nothing_of_it_is_cut_off(browser: Browser, name: str) -> None:
    with visit(browser, PHONE) as found:
        found.page.goto(file_address(pages_with(name)[0]))
        assert cut_off(found.page, name) == []
        if name == "surprise":
            found.page.locator("[name=sentence]").first.fill("x" * 100)
            assert cut_off(found.page, name) == []


def cut_off(page: Page, name: str) -> list[str]:
    """Say which texts of the figure reach beyond it at the right."""
    return page.evaluate(
        """(name) => {
            const figure = document.querySelector(`figure[data-interactive="${name}"]`);
            const edge = figure.getBoundingClientRect().right;
            return [...figure.querySelectorAll("*")]
                .filter((element) => element.getBoundingClientRect().right > edge + 1
                    || (element.matches(".reading") && element.scrollWidth > element.clientWidth))
                .map((element) => element.outerHTML.slice(0, 200));
        }""",
        name,
    )
