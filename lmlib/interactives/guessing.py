"""Guess the next character against a model: Shannon's game (chapter 01)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from lmlib.interactives.browser_ngram import SCRIPT, pack, small_model
from lmlib.interactives.figure import WIDE, Frame, import_ipywidgets, shell, widget_shell
from lmlib.ngram import NgramLM
from lmlib.translation import gettext as _

#: In place of a guess: the reader gave up, and the character was shown.
SHOWN = ""

_TOP = 5  # so many of the model's guesses are shown afterwards
_SUGGESTED = 6


@dataclass(frozen=True)
class Passage:
    """A sentence to guess, from the test text of a language.

    Attributes
    ----------
    language : str
        ``"en"`` or ``"zh"``; which model plays.
    text : str
    """

    language: str
    text: str


PASSAGES = (
    Passage("en", "When I saw the picture, I remembered the story."),
    Passage("en", "My grandfather died in the Second World War."),
    Passage("en", "The temperature today is seventy degrees Fahrenheit."),
    Passage("en", "There must be a way to arrive at a diplomatic solution."),
    Passage("zh", "那辆车子太贵了，我买不起。"),
    Passage("zh", "妈妈给弟弟买了个黄雨伞。"),
    Passage("zh", "我母亲现在正在写一封信。"),
    Passage("zh", "现代科学技术让我们的生活更加舒适。"),
)

#: What the model makes of this one is seen where no script runs, and in print.
STILL = Passage("en", "We'll get a phone call from him tonight for sure.")


# ---------------------------------------------------------------- the game


@dataclass(frozen=True)
class Prediction:
    """What the model says at one place of a passage.

    Attributes
    ----------
    character : str
        The one that stands there.
    ranked : list of str
        All characters that it knows, the likeliest first: its guesses in order.
    probability : dict
        P of each character.
    """

    character: str
    ranked: list[str]
    probability: dict[str, float]

    @property
    def rank(self) -> int:
        """How many guesses the model needs."""
        return self.ranked.index(self.character) + 1


def predictions(model: NgramLM, text: str) -> list[Prediction]:
    """Let the model predict each character of a sentence from those before it.

    The end of the sentence, and characters that the model does not know, are not among its
    guesses; they keep their probability.
    """
    (characters,) = model.text_format.split(text)
    state, last = model.initial_state(1), model.vocab.bos
    predicted = []
    for character in characters:
        logprobs, state = model.step([last], state)
        row = logprobs[0]  # (V,)
        ranked = [model.vocab.tokens[i] for i in np.argsort(-row, kind="stable") if i > 2]
        probability = {model.vocab.tokens[i]: math.exp(row[i]) for i in range(3, len(row))}
        predicted.append(Prediction(character, ranked, probability))
        last = model.vocab[character]
    return predicted


@dataclass(frozen=True)
class Standing:
    """How far a game has come.

    Attributes
    ----------
    guesses : list of int
        At each place that is known by now: how many guesses the reader made, the right one or the
        showing among them.
    shown : list of bool
        Where the reader gave up.
    wrong : list of str
        What was guessed at the next place so far.
    """

    guesses: list[int]
    shown: list[bool]
    wrong: list[str]


def play(predicted: Sequence[Prediction], guesses: Sequence[str]) -> Standing:
    """Replay a reader's guesses, from the first to the last; `SHOWN` stands for giving up."""
    standing = Standing([], [], [])
    for guess in guesses:
        right = predicted[len(standing.guesses)].character
        if guess not in (right, SHOWN):
            standing.wrong.append(guess)
            continue
        standing.guesses.append(len(standing.wrong) + 1)
        standing.shown.append(guess == SHOWN)
        standing.wrong.clear()
    return standing


def words() -> dict[str, str]:
    """Every sentence of the figure, for Python and JavaScript alike."""
    return {
        "text": _("text"),
        "you": _("you"),
        "model": _("model"),
        "next": _("next character"),
        "at_once": _("right at the first guess"),
        "in_all": _("guesses in all"),
        "of": _("{right} of {places}"),
        "top": _("The model's guesses there:"),
        "start": _("Nothing is known yet. What does the sentence begin with?"),
        "wrong": _("Not “{guess}”. Guess again."),
        "right": _("“{character}” is right: you needed {guesses}."),
        "shown": _("It was “{character}”."),
        "said": _(
            "The model needed {rank}: P = {probability}, a surprise of {bits} bits. On average so "
            "far: {mean} bits a character."
        ),
        "end": _("That was the last character."),
    }


def draw(language: str, predicted: Sequence[Prediction], guesses: Sequence[str]) -> Frame:
    """Draw a game: the text so far with both players' guesses, their counts, the last surprise.

    `guessing.js` draws the same, letter for letter.
    """
    say, standing = words(), play(predicted, guesses)
    known = len(standing.guesses)
    over = known == len(predicted)
    past = predicted[:known]
    picture = _turns(say, language, predicted, standing)

    head = "".join(f'<th scope="col">{escape(say[key])}</th>' for key in ("at_once", "in_all"))
    at_once = sum(
        count == 1 and not shown
        for count, shown in zip(standing.guesses, standing.shown, strict=True)
    )
    ranks = [here.rank for here in past]
    picture += (
        f'<table class="tally"><thead><tr><td></td>{head}</tr></thead><tbody>'
        + _row(say, "you", at_once, known, sum(standing.guesses) + len(standing.wrong))
        + _row(say, "model", ranks.count(1), known, sum(ranks))
        + "</tbody></table>"
    )
    if not known:
        reading = say["wrong"].format(guess=_visible(guesses[-1])) if guesses else say["start"]
        return Frame(picture, reading)

    last = past[-1]
    top = "".join(
        f"<li>{'<b>' if guess == last.character else ''}{escape(_visible(guess))}"
        f"{'</b>' if guess == last.character else ''} {last.probability[guess]:.3f}</li>"
        for guess in last.ranked[:_TOP]
    )
    picture += (
        f'<p class="top">{escape(say["top"])}</p><ol class="top" lang="{language}">{top}</ol>'
    )
    if standing.wrong:
        return Frame(picture, say["wrong"].format(guess=_visible(standing.wrong[-1])))
    bits = [-math.log2(here.probability[here.character]) for here in past]
    first = say["shown"] if standing.shown[-1] else say["right"]
    reading = f"{first} {say['said']}".format(
        character=_visible(last.character),
        guesses=standing.guesses[-1],
        rank=last.rank,
        probability=f"{last.probability[last.character]:.4f}",
        bits=f"{bits[-1]:.2f}",
        mean=f"{sum(bits) / known:.2f}",
    )
    return Frame(picture, f"{reading} {say['end']}" if over else reading)


def still(passage: Passage, predicted: Sequence[Prediction]) -> Frame:
    """Draw what the model needs for a whole sentence, without a second player."""
    standing = play(predicted, [SHOWN] * len(predicted))
    bits = -sum(math.log2(here.probability[here.character]) for here in predicted)
    reading = _(
        "“{text}”: by itself the model is right at the first guess {right} times of {places}; its "
        "surprise is {mean} bits a character."
    ).format(
        text=passage.text,
        right=sum(here.rank == 1 for here in predicted),
        places=len(predicted),
        mean=f"{bits / len(predicted):.2f}",
    )
    return Frame(_turns(words(), passage.language, predicted, standing), reading)


def _turns(
    say: dict[str, str], language: str, predicted: Sequence[Prediction], standing: Standing
) -> str:
    """Each character so far, and below it how many guesses each player needed."""

    def written(character: str) -> str:
        return f'<b lang="{language}">{escape(_visible(character))}</b>'

    columns = [_column("heads", escape(say["text"]), say["you"], say["model"])]
    for here, count, shown in zip(predicted, standing.guesses, standing.shown, strict=False):
        you = "–" if shown else count
        columns.append(_column("known", written(here.character), you, here.rank))
    if len(standing.guesses) < len(predicted):
        columns.append(_column("next", written("?"), len(standing.wrong) + 1, "?"))
    return f'<div class="turns">{"".join(columns)}</div>'


def _visible(character: str) -> str:
    return "␣" if character == " " else character


def _column(kind: str, top: str, you: object, model: object) -> str:
    return (
        f'<span class="turn {kind}">{top} '
        f"<span>{escape(str(you))}</span> <span>{escape(str(model))}</span></span> "
    )


def _row(say: dict[str, str], player: str, at_once: int, places: int, in_all: int) -> str:
    share = say["of"].format(right=at_once, places=places)
    return (
        f'<tr><th scope="row">{escape(say[player])}</th>'
        f"<td>{escape(share)}</td><td>{in_all}</td></tr>"
    )


# ---------------------------------------------------------------- the figure


@dataclass(frozen=True, repr=False)
class GuessingGame:
    """The game as a figure: computed in the reader's browser, or by a live kernel.

    Attributes
    ----------
    models : dict
        A model for each language of the passages.
    passages : sequence of Passage
    """

    models: dict[str, NgramLM]
    passages: Sequence[Passage]

    name = "guess-next-character"

    def _passage_names(self) -> list[str]:
        languages = {"en": _("English, sentence {number}"), "zh": _("Chinese, sentence {number}")}
        seen = dict.fromkeys(languages, 0)
        names = []
        for passage in self.passages:
            seen[passage.language] += 1
            names.append(languages[passage.language].format(number=seen[passage.language]))
        return names

    def _look(self) -> str:
        return _(
            "Guess the sentence character by character, spaces and marks too. Before you "
            "begin, write down how many you will have at the first guess, and how many the "
            "model will. Capitals do not matter."
        )

    def _notice(self) -> str:
        return _(
            "On average the first letter of an English word surprises the model about twice as "
            "much as a letter inside it. Where you were right at once and the model was not: "
            "how far back did you look? It looks back four characters, in Chinese two."
        )

    def to_html(self) -> str:
        """Write the figure with its models in it; without JavaScript it shows `STILL`."""
        first = self.passages[0]
        start = draw(first.language, predictions(self.models[first.language], first.text), [])
        seen = still(STILL, predictions(self.models[STILL.language], STILL.text))
        options = "".join(
            f'<option value="{i}">{escape(name)}</option>'
            for i, name in enumerate(self._passage_names())
        )
        controls = (
            f"<label><span>{escape(_('Sentence'))}</span>"
            f'<select name="passage" autocomplete="off">{options}</select></label>'
            f"<label><span>{escape(_('Your guess: type one character'))}</span>"
            f'<input type="text" name="guess" lang="{first.language}" autocomplete="off" '
            'autocapitalize="off" autocorrect="off" spellcheck="false"></label>'
            '<div class="buttons">'
            f'<button type="button" name="show">{escape(_("Show it"))}</button>'
            f'<button type="button" name="again">{escape(_("Start again"))}</button></div>'
            f"<details><summary>{escape(_('Some characters to choose from'))}</summary>"
            f'<div class="buttons suggestions" lang="{first.language}"></div></details>'
        )
        return shell(
            name=self.name,
            title=_("Guess the next character"),
            look=self._look(),
            controls=controls,
            picture=f'<div class="frame">{seen.picture}</div>',
            reading=seen.reading,
            notice=self._notice(),
            scripts=[SCRIPT, Path(__file__).with_name("guessing.js")],
            data={
                "words": words(),
                "passages": [vars(passage) for passage in self.passages],
                "start": vars(start),
                "top": _TOP,
                "suggested": _SUGGESTED,
                "models": {language: pack(model) for language, model in self.models.items()},
            },
        )

    def __repr__(self) -> str:
        return f"GuessingGame({self.name!r})"

    def _repr_html_(self) -> str:
        return self.to_html()

    def widget(self) -> Any:
        """Give the game as a widget of ipywidgets (7.7 or 8), played by the live kernel.

        Raises
        ------
        ModuleNotFoundError
            If ipywidgets is not installed.
        """
        widgets = import_ipywidgets()
        chosen = widgets.Dropdown(
            options=[(name, place) for place, name in enumerate(self._passage_names())],
            value=0,
            description=_("Sentence"),
            **WIDE,
        )
        field = widgets.Text(
            description=_("Your guess: type one character, then Enter"),
            continuous_update=False,
            **WIDE,
        )
        show = widgets.Button(description=_("Show it"))
        again = widgets.Button(description=_("Start again"))
        shown = widgets.HTML()
        guesses: list[str] = []
        predicted: list[Prediction] = []

        def redraw() -> None:
            frame = draw(self.passages[chosen.value].language, predicted, guesses)
            shown.value = frame.to_html()

        def begin(_change: object = None) -> None:
            passage = self.passages[chosen.value]
            predicted[:] = predictions(self.models[passage.language], passage.text)
            guesses.clear()
            redraw()

        def guess(characters: Sequence[str]) -> None:
            guesses.extend(taken(predicted, guesses, characters))
            redraw()

        def read(change: dict[str, str]) -> None:
            if change["new"]:
                model = self.models[self.passages[chosen.value].language]
                field.value = ""
                guess([c for line in model.text_format.split(change["new"]) for c in line])

        chosen.observe(begin, names="value")
        field.observe(read, names="value")
        show.on_click(lambda _button: guess([SHOWN]))
        again.on_click(begin)
        begin()
        parts = [chosen, field, widgets.HBox([show, again]), shown]
        return widget_shell(self._look(), parts, self._notice())


def taken(
    predicted: Sequence[Prediction], guesses: Sequence[str], characters: Sequence[str]
) -> list[str]:
    """Say which of some characters, typed at once, count as guesses: up to the first wrong one."""
    place, counted = len(play(predicted, guesses).guesses), []
    for character in characters:
        if place == len(predicted):
            break
        counted.append(character)
        if character not in (predicted[place].character, SHOWN):
            break
        place += 1
    return counted


def guess_next_character() -> GuessingGame:
    """Build the game with the everyday models and eight sentences that they have not read."""
    models = {language: small_model(language) for language in ("en", "zh")}
    return GuessingGame(models, PASSAGES)
