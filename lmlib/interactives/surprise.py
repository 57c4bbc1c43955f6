"""How surprising is each character of a sentence: the reader's own, in bits (chapter 01)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from lmlib.interactives.browser_ngram import SCRIPT, pack, small_model
from lmlib.interactives.figure import WIDE, Frame, import_ipywidgets, shell, widget_shell
from lmlib.language_model import sequence_logprobs
from lmlib.ngram import NgramLM
from lmlib.text import EOS, encode_text
from lmlib.translation import gettext as _

#: Pairs of sentences to begin with; the first is shown at the start.
EXAMPLES = (
    ("今天天气很好。", "今天天气很优秀。"),
    ("他很好。", "他很优秀。"),
    ("I made a mistake.", "I did a mistake."),
    ("She drinks strong tea.", "She drinks powerful tea."),
    ("The cat was full.", "The cat were full."),
)

_CHINESE = re.compile("[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]")
_LONGEST = 100  # characters of a sentence


def language_of(text: str) -> str:
    """Say which model reads a sentence: ``"zh"`` if it holds a Chinese character or mark.

    Examples
    --------
    >>> language_of("他很好。"), language_of("He is well.")
    ('zh', 'en')
    """
    return "zh" if _CHINESE.search(text) else "en"


@dataclass(frozen=True)
class Letter:
    """A character, ``<eos>`` for the end of the sentence, with its surprise.

    Attributes
    ----------
    character : str
    logprob : float
        ln P of it given all before it.
    known : bool
        False where the model read ``<unk>`` for it.
    """

    character: str
    logprob: float
    known: bool

    @property
    def bits(self) -> float:
        """The surprise."""
        return abs(self.logprob) / math.log(2)


def letters(model: NgramLM, text: str) -> list[Letter]:
    """Score each character of a sentence, and its end."""
    (sequence,) = encode_text(text + "\n", model.text_format, model.vocab)
    (characters,) = model.text_format.split(text + "\n")
    (logprobs,) = sequence_logprobs(model, [sequence])
    return [
        Letter(character, logprob, character in model.vocab)
        for character, logprob in zip([*characters, EOS], logprobs.tolist(), strict=True)
    ]


def pieces(language: str, scored: Sequence[Letter]) -> list[list[Letter]]:
    """Cut into words, each with the spaces after it; Chinese into characters. The end is apart."""
    cut: list[list[Letter]] = []
    for letter in scored[:-1]:
        begins = not cut or (cut[-1][-1].character == " " != letter.character)
        if language == "zh" or begins:
            cut.append([letter])
        else:
            cut[-1].append(letter)
    return [*cut, [scored[-1]]]


def words() -> dict[str, str]:
    """Every sentence of the figure, for Python and JavaScript alike."""
    return {
        "list": _("Surprise in bits"),
        "end": _("end"),
        "reading": _(
            "“{text}”: ln P = {logprob}, which is {bits} bits; tokens, the end among them: "
            "{tokens}; perplexity per token: {perplexity}."
        ),
        "unknown": _("Unknown characters, read as <unk>: {unknown}."),
        "nothing": _("Type a sentence."),
    }


def draw(models: dict[str, NgramLM], sentences: Sequence[str]) -> Frame:
    """Draw a bar for each character, its surprise in bits; in English a sum for each word.

    `surprise.js` draws the same, letter for letter.
    """
    say, pictures, readings = words(), [], []
    for text in sentences:
        if not text:
            continue
        language = language_of(text)
        scored = letters(models[language], text)
        items = [_piece(language, piece, say) for piece in pieces(language, scored)]
        pictures.append(
            f'<div class="surprise {language}" role="list" aria-label="{escape(say["list"])}">'
            f"{''.join(items)}</div>"
        )
        logprob = sum(letter.logprob for letter in scored)
        readings.append(
            say["reading"].format(
                text=text,
                logprob=f"{logprob:.2f}",
                bits=f"{abs(logprob) / math.log(2):.2f}",
                tokens=len(scored),
                perplexity=f"{math.exp(-logprob / len(scored)):.1f}",
            )
        )
        unknown = sum(not letter.known for letter in scored)
        if unknown:
            readings.append(say["unknown"].format(unknown=unknown))
    return Frame("".join(pictures), " ".join(readings) or say["nothing"])


def _piece(language: str, piece: Sequence[Letter], say: dict[str, str]) -> str:
    columns = "".join(_column(language, letter, say) for letter in piece)
    total = f"<b>{sum(letter.bits for letter in piece):.1f}</b>" if len(piece) > 1 else ""
    return f'<span class="piece" role="listitem"><span>{columns}</span>{total}</span> '


def _column(language: str, letter: Letter, say: dict[str, str]) -> str:
    bits = f"{letter.bits:.1f}"
    character = {EOS: say["end"], " ": "␣"}.get(letter.character, letter.character)
    kind = "letter" if letter.known else "letter unknown"
    lang = "" if letter.character == EOS else f' lang="{language}"'
    return (
        f'<span class="{kind}"><span{lang}>{escape(character)}</span> '
        f'<i style="--bits:{bits}"></i><small>{bits}</small></span> '
    )


# ---------------------------------------------------------------- the figure


@dataclass(frozen=True, repr=False)
class SurpriseBars:
    """The bars as a figure: computed in the reader's browser, or by a live kernel.

    Attributes
    ----------
    models : dict
        ``"en"`` and ``"zh"``: the models that read.
    examples : sequence of (str, str)
    models_of : str or None
        An interactive on the same page that carries the same models, so that this one need not.
    """

    models: dict[str, NgramLM]
    examples: Sequence[tuple[str, str]]
    models_of: str | None = None

    name = "surprise"

    def _labels(self) -> tuple[str, str, str, str]:
        return _("Examples"), _("your own"), _("First sentence"), _("Second sentence")

    def _look(self) -> str:
        return _(
            "Which character will be the most surprising one? Guess, then look where the bars "
            "stand; then type a sentence of your own. Bars are in bits."
        )

    def _notice(self) -> str:
        return _(
            "Surprise adds up: the bits of the characters are those of the word, and those of "
            "the words are those of the sentence. In 很优秀 most is paid at 优; once the word "
            "has begun, less is open. Now take the second example: 优 is as dear of a person."
        )

    def to_html(self) -> str:
        """Write the figure; without JavaScript it shows the first example."""
        start = draw(self.models, self.examples[0])
        examples, own, *fields = self._labels()
        options = "".join(
            f'<option value="{i}">{escape(" / ".join(pair))}</option>'
            for i, pair in enumerate(self.examples)
        )
        inputs = "".join(
            f'<label><span>{escape(label)}</span><input type="text" name="sentence" '
            f'value="{escape(text)}" maxlength="{_LONGEST}" autocomplete="off" '
            'autocapitalize="off" spellcheck="false"></label>'
            for label, text in zip(fields, self.examples[0], strict=True)
        )
        packed = None
        if self.models_of is None:
            packed = {language: pack(model) for language, model in self.models.items()}
        return shell(
            name=self.name,
            title=_("The surprise of each character"),
            look=self._look(),
            controls=(
                f"<label><span>{escape(examples)}</span>"
                f'<select name="example" autocomplete="off">{options}'
                f'<option value="">{escape(own)}</option></select></label>{inputs}'
            ),
            picture=f'<div class="frame">{start.picture}</div>',
            reading=start.reading,
            notice=self._notice(),
            scripts=[SCRIPT, Path(__file__).with_name("surprise.js")],
            data={
                "words": words(),
                "examples": self.examples,
                "models": packed,
                "models_of": self.models_of,
            },
        )

    def __repr__(self) -> str:
        return f"SurpriseBars({self.name!r})"

    def _repr_html_(self) -> str:
        return self.to_html()

    def widget(self) -> Any:
        """Give the figure as a widget of ipywidgets (7.7 or 8), computed by the live kernel.

        Raises
        ------
        ModuleNotFoundError
            If ipywidgets is not installed.
        """
        widgets = import_ipywidgets()
        examples, _own, *labels = self._labels()
        chosen = widgets.Dropdown(
            options=[(" / ".join(pair), place) for place, pair in enumerate(self.examples)],
            value=0,
            description=examples,
            **WIDE,
        )
        fields = [
            widgets.Text(value=text, description=label, **WIDE)
            for label, text in zip(labels, self.examples[0], strict=True)
        ]
        shown = widgets.HTML()

        def choose(change: dict[str, int]) -> None:
            for field, text in zip(fields, self.examples[change["new"]], strict=True):
                field.value = text

        def show(_change: object = None) -> None:
            sentences = [field.value[:_LONGEST] for field in fields]
            shown.value = draw(self.models, sentences).to_html()

        chosen.observe(choose, names="value")
        for field in fields:
            field.observe(show, names="value")
        show()
        return widget_shell(self._look(), [chosen, *fields, shown], self._notice())


def surprise(models_of: str | None = None) -> SurpriseBars:
    """Build the figure with the everyday models.

    Parameters
    ----------
    models_of
        ``"guess-next-character"`` on a page that shows it as well: its models then serve both.
    """
    models = {language: small_model(language) for language in ("en", "zh")}
    return SurpriseBars(models, EXAMPLES, models_of)
