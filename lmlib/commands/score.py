"""``lmlib score``: how well a model predicts a text."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from lmlib.commands.arguments import add_json, add_model, add_text, load_model, read_input
from lmlib.commands.terminal import print_json, print_rows, progress

if TYPE_CHECKING:
    from lmlib.language_model import Score


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "score",
        help="perplexity of a text",
        description="Say how well a model predicts a text.",
        allow_abbrev=False,
    )
    add_model(parser, "--tokens", "--tokenizer")
    add_text(parser, "the text to score")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Score and print."""
    from lmlib.language_model import score

    text = read_input(arguments.text)
    with progress() as say:
        say(f"loading {arguments.model}")
        model = load_model(arguments)
        say("scoring")
        figures = figures_of(score(model, text))
    if arguments.json:
        print_json(figures)
        return
    rows = {name.replace("_", " "): show(value) for name, value in figures.items()}
    rows["normalised"] = "yes" if figures["normalised"] else "no"
    print_rows(rows)


def figures_of(score: Score) -> dict[str, Any]:
    """What is reported of a score, with a note on what is infinite, undefined or misleading."""
    figures: dict[str, Any] = {
        "perplexity": score.perplexity,
        "perplexity_without_oov": score.perplexity_without_oov,
        "tokens": score.tokens,
        "oov": score.oov,
        "nats_per_token": score.nats_per_token,
        "bits_per_token": score.bits_per_token,
        "bits_per_character": score.bits_per_character,
        "normalised": score.normalised,
        "impossible": score.impossible,
        "undefined": score.undefined,
    }
    notes = []
    if score.undefined:
        notes.append(
            f"{_tokens(score.undefined)} after a context that the model never saw, for which it "
            "has no estimate, so the whole text has none: a smoothed model has"
        )
    elif score.impossible:
        notes.append(
            f"{_tokens(score.impossible)} with probability zero make the perplexity infinite: a "
            "smoothed model gives every token some"
        )
    if score.oov == score.tokens:
        notes.append("every token is out of vocabulary")
    if not score.normalised:
        notes.append(
            "the model's numbers do not sum to one: its perplexity is none, and not to be compared"
        )
    if notes:
        figures["note"] = "; ".join(notes)
    return figures


def _tokens(count: int) -> str:
    return f"{count:,} token" + "s" * (count != 1)


def show(value: float | str | None) -> str:
    """A figure for people."""
    if isinstance(value, float):
        return f"{value:,.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
