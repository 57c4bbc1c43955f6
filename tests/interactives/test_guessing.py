"""The guessing game counts right, and its two faces draw the same."""

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_node import evaluate

from lmlib.interactives import guessing
from lmlib.interactives.browser_ngram import SCRIPT, everyday_texts, pack
from lmlib.interactives.guessing import (
    PASSAGES,
    SHOWN,
    STILL,
    GuessingGame,
    Prediction,
    draw,
    guess_next_character,
    play,
    predictions,
    still,
    taken,
    words,
)
from lmlib.interactives.surprise import letters

SCRIPTS = [SCRIPT, Path(guessing.__file__).with_name("guessing.js")]


def prediction(character: str, order: str) -> Prediction:
    """A model that guesses in this order, the first with 1/2, the next with 1/4 …"""
    return Prediction(character, list(order), {c: 0.5**i for i, c in enumerate(order, 1)})


CAT = [prediction("c", "abcd"), prediction("a", "abcd"), prediction("t", "ta")]


@pytest.fixture(scope="module")
def game() -> GuessingGame:
    return guess_next_character()


# ---------------------------------------------------------------- the passages


def test_the_sentences_stand_in_the_test_text_alone_and_the_model_knows_their_characters(
    game: GuessingGame,
) -> None:
    for passage in PASSAGES:
        train, test = everyday_texts(passage.language)
        assert passage.text in test.splitlines()
        assert passage.text not in train
        scored = letters(game.models[passage.language], passage.text)
        assert all(letter.known for letter in scored)


def test_the_first_letter_of_a_word_is_about_twice_as_surprising(game: GuessingGame) -> None:
    first: list[float] = []
    inside: list[float] = []
    for line in everyday_texts("en")[1].splitlines()[:400]:
        before = " "
        for letter in letters(game.models["en"], line)[:-1]:
            if letter.character.isalpha():
                (first if before == " " else inside).append(letter.bits)
            before = letter.character
    ratio = (sum(first) / len(first)) / (sum(inside) / len(inside))
    assert 1.7 < ratio < 2.5
    assert [model.context_length for model in game.models.values()] == [4, 2]


# ---------------------------------------------------------------- the rules


def test_predictions_are_those_of_the_model(game: GuessingGame) -> None:
    for passage in (PASSAGES[0], PASSAGES[4]):
        model = game.models[passage.language]
        scored = letters(model, passage.text)[:-1]
        predicted = predictions(model, passage.text)
        assert [here.character for here in predicted] == [letter.character for letter in scored]
        for here, letter in zip(predicted, scored, strict=True):
            assert math.log(here.probability[here.character]) == pytest.approx(letter.logprob)
            likelier = [
                p for p in here.probability.values() if p > here.probability[letter.character]
            ]
            assert here.rank > len(likelier)
            assert not {"<unk>", "<bos>", "<eos>"} & {*here.ranked}


def test_a_game_is_counted_by_its_rules() -> None:
    standing = play(CAT, ["x", "y", "c", SHOWN, "q"])
    assert standing.guesses == [3, 1]
    assert standing.shown == [False, True]
    assert standing.wrong == ["q"]


def test_of_characters_typed_at_once_those_up_to_the_first_wrong_one_count() -> None:
    assert taken(CAT, [], "cat") == ["c", "a", "t"]
    assert taken(CAT, [], "czt") == ["c", "z"]
    assert taken(CAT, ["c", "z"], "at!!") == ["a", "t"]
    assert taken(CAT, ["c", "a", "t"], "s") == []


def test_the_frame_says_who_was_right_and_how_surprised_the_model_was() -> None:
    frame = draw("en", CAT, ["x", "c"])
    assert "you needed 2" in frame.reading
    assert "model needed 3" in frame.reading
    assert "P = 0.1250" in frame.reading
    assert "surprise of 3.00 bits" in frame.reading
    frame = draw("en", CAT, ["c", SHOWN])
    assert "It was “a”" in frame.reading
    assert "1.00 bits. On average so far: 2.00 bits" in frame.reading
    frame = draw("en", CAT, ["c", SHOWN, "t"])
    you, model = frame.picture.split("<tr>")[2:]
    assert "<td>2 of 3</td><td>3</td>" in you  # what was shown was not right, and is one guess
    assert "<td>2 of 3</td><td>5</td>" in model
    assert words()["end"] in frame.reading


def test_what_is_still_to_be_guessed_is_nowhere_in_the_frame() -> None:
    for guesses in ([], ["x"], ["c", "x"]):
        frame = draw("en", CAT, guesses)
        assert "<b>t" not in frame.picture
        assert ">t<" not in frame.picture


# ---------------------------------------------------------------- the same in JavaScript


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_game_can_be_replayed(data: st.DataObject) -> None:
    tried = data.draw(st.lists(st.sampled_from(["c", "a", "t", "x", SHOWN]), max_size=12))
    guesses: list[str] = []
    for guess in tried:
        guesses += taken(CAT, guesses, [guess])
    standing = play(CAT, guesses)
    assert sum(standing.guesses) + len(standing.wrong) == len(guesses)
    assert len(standing.guesses) == len(standing.shown) <= len(CAT)
    assert draw("en", CAT, guesses).reading


GAMES = [
    ("en", PASSAGES[0].text, ["x"]),
    ("en", PASSAGES[0].text, ["w", " ", "<", SHOWN, "&", '"']),
    ("en", PASSAGES[0].text, [*PASSAGES[0].text.lower()]),
    ("zh", PASSAGES[4].text, [SHOWN, "人", "辆", "车", "'"]),
    ("zh", PASSAGES[4].text, [SHOWN] * len(PASSAGES[4].text)),
]


def test_the_script_draws_what_python_draws(
    game: GuessingGame, require_tool: Callable[[str, str], str]
) -> None:
    node = require_tool("node", "the figures' scripts are run in it")
    found = evaluate(
        node,
        SCRIPTS,
        "data.games.map(([language, text, guesses]) => { const predicted ="
        " predictions(ngramModel(data.models[language]), text);"
        " return [[], guesses].map((some) => draw(language, predicted, some))"
        ".concat([taken(predicted, guesses.slice(0, 1), ['h', 'x', 'y'])]); })",
        {
            "games": GAMES,
            "words": words(),
            "top": 5,
            "models": {language: pack(model) for language, model in game.models.items()},
        },
    )
    for (language, text, guesses), (start, end, counted) in zip(GAMES, found, strict=True):
        predicted = predictions(game.models[language], text)
        assert start == vars(draw(language, predicted, []))
        assert end == vars(draw(language, predicted, guesses))
        assert counted == taken(predicted, guesses[:1], ["h", "x", "y"])


# ---------------------------------------------------------------- as a widget


def test_the_widget_plays_the_same_game(
    game: GuessingGame, require_module: Callable[[str, str], ModuleType]
) -> None:
    require_module("ipywidgets", "figures are shown as its widgets")
    _style, look, chosen, field, buttons, shown, notice = game.widget().children
    assert "write down how many" in look.value
    assert "how far back did you look?" in notice.value
    predicted = predictions(game.models["en"], PASSAGES[0].text)
    field.value = "We"
    assert field.value == ""
    assert draw("en", predicted, ["w", "e"]).to_html() == shown.value
    show, again = buttons.children
    show.click()
    assert draw("en", predicted, ["w", "e", SHOWN]).to_html() == shown.value
    again.click()
    assert draw("en", predicted, []).to_html() == shown.value
    chosen.value = 4
    field.value = "那辆x车"
    predicted = predictions(game.models["zh"], PASSAGES[4].text)
    assert draw("zh", predicted, ["那", "辆", "x"]).to_html() == shown.value


# ---------------------------------------------------------------- in a browser


def test_without_a_script_the_model_guesses_a_sentence_that_is_not_in_the_game(
    game: GuessingGame,
) -> None:
    assert STILL not in PASSAGES
    train, test = everyday_texts(STILL.language)
    assert STILL.text in test.splitlines()
    assert STILL.text not in train
    predicted = predictions(game.models[STILL.language], STILL.text)
    seen = still(STILL, predicted)
    ranks = [int(rank) for rank in re.findall(r"<span>–</span> <span>(\d+)<", seen.picture)]
    assert ranks == [here.rank for here in predicted]
    assert f"{ranks.count(1)} times of {len(ranks)}" in seen.reading
    html = game.to_html().split("<script")[0]
    assert seen.picture in html
    assert PASSAGES[0].text not in html


@pytest.fixture
def page(
    game: GuessingGame,
    tmp_path: Path,
    require_tool: Callable[[str, str], str],
    require_module: Callable[[str, str], ModuleType],
) -> Iterator[Any]:
    why = "the game is played in it"
    playwright = require_module("playwright.sync_api", why)
    program = require_tool("chromium", why)
    file = tmp_path / "page.html"
    file.write_text(f"<!doctype html><meta charset=utf-8><body>{game.to_html()}", "utf-8")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        opened = browser.new_page()
        complaints: list[str] = []
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.goto(file.as_uri())
        yield opened
        assert not complaints
        browser.close()


def reading(page: Any) -> str:
    return str(page.locator(".reading").text_content())


def test_the_game_is_played_by_keyboard_alone(game: GuessingGame, page: Any) -> None:
    predicted = predictions(game.models["en"], PASSAGES[0].text)
    assert reading(page) == words()["start"]
    page.keyboard.press("Tab")  # to the list of sentences
    page.keyboard.press("Tab")
    page.keyboard.type("xwh")
    assert reading(page) == draw("en", predicted, ["x", "w", "h"]).reading
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # show it
    assert reading(page) == draw("en", predicted, ["x", "w", "h", SHOWN]).reading
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # open the characters to choose from
    suggestions = sorted(predicted[3].ranked[:6])
    shown = page.locator(".suggestions button").all_text_contents()
    assert shown == [character.replace(" ", "␣") for character in suggestions]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert reading(page) == draw("en", predicted, [*"xwh", SHOWN, suggestions[0]]).reading
    page.get_by_role("button", name="Start again").press("Enter")
    assert reading(page) == words()["start"]
    page.keyboard.type(PASSAGES[0].text)
    assert reading(page) == draw("en", predicted, [*PASSAGES[0].text.lower()]).reading
    assert page.locator(".suggestions button").count() == 0


def test_what_an_input_method_composes_is_read_when_it_is_chosen(
    game: GuessingGame, page: Any
) -> None:
    predicted = predictions(game.models["zh"], PASSAGES[4].text)
    page.get_by_role("combobox").select_option("4")
    page.get_by_role("textbox").focus()
    session = page.context.new_cdp_session(page)
    for composing in ("n", "na"):
        session.send(
            "Input.imeSetComposition",
            {"text": composing, "selectionStart": len(composing), "selectionEnd": len(composing)},
        )
        assert reading(page) == words()["start"]
    session.send("Input.insertText", {"text": "那辆"})
    assert reading(page) == draw("zh", predicted, ["那", "辆"]).reading
    assert page.get_by_role("textbox").input_value() == ""
