"""The bars are the surprise that lmlib computes, in Python, in the browser, in a widget."""

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from in_node import evaluate

from lmlib.interactives import surprise as module
from lmlib.interactives.browser_ngram import SCRIPT, pack
from lmlib.interactives.guessing import guess_next_character
from lmlib.interactives.surprise import (
    EXAMPLES,
    SurpriseBars,
    draw,
    language_of,
    letters,
    pieces,
    surprise,
    words,
)
from lmlib.language_model import score, sequence_logprobs
from lmlib.text import encode_text

SCRIPTS = [SCRIPT, Path(module.__file__).with_name("surprise.js")]
SENTENCES = [text for pair in EXAMPLES for text in pair]
ODD = ["  two  spaces ", " ", "§ 😀 <b>&amp;", "𠮷野家很好", 'say "so"', "{text} 他", "Ünï 'x'"]


@pytest.fixture(scope="module")
def bars() -> SurpriseBars:
    return surprise()


def reading_of(bars: SurpriseBars, text: str) -> list[float]:
    """ln P, bits, tokens, perplexity as they are written."""
    said = draw(bars.models, [text]).reading.rpartition("”: ")[2]
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", said)][:4]


@pytest.mark.parametrize("text", SENTENCES)
def test_the_numbers_are_those_of_score(bars: SurpriseBars, text: str) -> None:
    model = bars.models[language_of(text)]
    result = score(model, text)
    logprob, bits, tokens, perplexity = reading_of(bars, text)
    assert logprob == pytest.approx(result.logprob, abs=0.006)
    assert bits == pytest.approx(-result.logprob / math.log(2), abs=0.006)
    assert tokens == result.tokens
    assert perplexity == pytest.approx(result.perplexity, abs=0.06)


@pytest.mark.parametrize("text", [*SENTENCES, *ODD])
def test_each_bar_is_the_surprise_of_its_character(bars: SurpriseBars, text: str) -> None:
    model = bars.models[language_of(text)]
    (sequence,) = encode_text(text + "\n", model.text_format, model.vocab)
    (logprobs,) = sequence_logprobs(model, [sequence])
    drawn = re.findall(r"--bits:([\d.]+)\"></i><small>([\d.]+)<", draw(bars.models, [text]).picture)
    assert drawn == [(f"{-x / math.log(2):.1f}",) * 2 for x in logprobs]


def cut(bars: SurpriseBars, text: str) -> list[str]:
    language = language_of(text)
    scored = letters(bars.models[language], text)
    return ["".join(letter.character for letter in piece) for piece in pieces(language, scored)]


def test_english_is_cut_into_words_and_chinese_is_not(bars: SurpriseBars) -> None:
    assert cut(bars, "I made it.") == ["i ", "made ", "it.", "<eos>"]
    assert cut(bars, "  two  spaces ") == ["  ", "two  ", "spaces ", "<eos>"]
    assert cut(bars, "他 很好") == ["他", " ", "很", "好", "<eos>"]


def test_a_word_has_the_sum_of_its_characters(bars: SurpriseBars) -> None:
    scored = letters(bars.models["en"], "I made it.")
    sums = re.findall(r"<b>([\d.]+)</b>", draw(bars.models, ["I made it."]).picture)
    places = [slice(0, 2), slice(2, 7), slice(7, 10)]
    assert sums == [f"{sum(letter.bits for letter in scored[place]):.1f}" for place in places]


def test_what_the_figure_says_of_the_two_examples_holds(bars: SurpriseBars) -> None:
    bits = []
    for text in (EXAMPLES[0][1], EXAMPLES[1][1]):
        by_character = {
            letter.character: letter.bits for letter in letters(bars.models["zh"], text)
        }
        assert by_character["优"] > 2 * by_character["秀"]
        bits.append(by_character["优"])
    assert bits[0] == pytest.approx(bits[1], rel=0.05)


def test_unknown_characters_are_counted_and_marked(bars: SurpriseBars) -> None:
    frame = draw(bars.models, ["𠮷野家很好"])
    assert words()["unknown"].format(unknown=1) in frame.reading
    assert frame.picture.count("letter unknown") == 1
    assert "unknown" not in draw(bars.models, ["今天天气很好。"]).picture


def test_nothing_typed_asks_for_a_sentence(bars: SurpriseBars) -> None:
    assert draw(bars.models, ["", ""]).reading == words()["nothing"]
    assert draw(bars.models, ["", "I am."]) == draw(bars.models, ["I am.", ""])


def test_the_script_draws_what_python_draws(
    bars: SurpriseBars, require_tool: Callable[[str, str], str]
) -> None:
    node = require_tool("node", "the figures' scripts are run in it")
    cases: list[Sequence[str]] = [*EXAMPLES, *pairwise(ODD), ("", ""), ("", "x")]
    found = evaluate(
        node,
        SCRIPTS,
        "(() => { const models = {};"
        "const modelOf = (language) => models[language] ??= ngramModel(data.models[language]);"
        "return data.cases.map((pair) => draw(modelOf, pair)); })()",
        {
            "cases": cases,
            "words": words(),
            "models": {language: pack(model) for language, model in bars.models.items()},
        },
    )
    for case, frame in zip(cases, found, strict=True):
        assert frame == vars(draw(bars.models, case))


def test_the_widget_shows_the_same(
    bars: SurpriseBars, require_module: Callable[[str, str], ModuleType]
) -> None:
    require_module("ipywidgets", "figures are shown as its widgets")
    _style, look, chosen, first, second, shown, notice = bars.widget().children
    assert "then type a sentence of your own" in look.value
    assert "Surprise adds up" in notice.value
    assert shown.value == draw(bars.models, EXAMPLES[0]).to_html()
    chosen.value = 2
    assert (first.value, second.value) == EXAMPLES[2]
    second.value = "他很忙。"
    assert shown.value == draw(bars.models, [EXAMPLES[2][0], "他很忙。"]).to_html()
    second.value = "x" * 1000
    assert shown.value == draw(bars.models, [EXAMPLES[2][0], "x" * 100]).to_html()


def test_one_copy_of_the_models_serves_both_figures_of_a_page(
    bars: SurpriseBars,
    tmp_path: Path,
    require_tool: Callable[[str, str], str],
    require_module: Callable[[str, str], ModuleType],
) -> None:
    why = "the figures are moved in it"
    playwright = require_module("playwright.sync_api", why)
    program = require_tool("chromium", why)
    second = surprise(models_of="guess-next-character").to_html()
    assert 10 * len(second.encode()) < len(surprise().to_html().encode())  # no models in it
    html = guess_next_character().to_html() + second
    file = tmp_path / "page.html"
    file.write_text(f"<!doctype html><meta charset=utf-8><body>{html}", "utf-8")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(file.as_uri())
        figure = page.locator("#surprise")
        field = figure.get_by_role("textbox", name="Second sentence")
        field.focus()
        page.keyboard.press("End")
        page.keyboard.type("我很高兴")
        expected = draw(bars.models, [EXAMPLES[0][0], EXAMPLES[0][1] + "我很高兴"])
        assert figure.locator(".reading").text_content() == expected.reading
        assert figure.locator("select").input_value() == ""
        figure.get_by_role("combobox").select_option("3")
        expected = draw(bars.models, EXAMPLES[3])
        assert figure.locator(".reading").text_content() == expected.reading
        small = figure.locator("small").all_text_contents()
        assert small == re.findall(r"<small>([\d.]+)<", expected.picture)
        assert not complaints
        browser.close()
