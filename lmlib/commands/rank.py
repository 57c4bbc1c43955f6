"""``lmlib rank``: order candidate sentences by their probability."""

import argparse
import math

from lmlib.commands.arguments import add_json, add_model, add_text, load_model, read_input
from lmlib.commands.terminal import note, print_json, progress


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "rank",
        help="order candidate sentences",
        description="Order candidates, one a line, by their joint probability (printed before "
        "each as a natural logarithm), the most probable first.",
        allow_abbrev=False,
    )
    add_model(parser, "--tokens", "--tokenizer")
    add_text(parser, "the candidates, one a line; empty lines are skipped")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Rank and print."""
    from lmlib.language_model import rank

    candidates = [line for line in read_input(arguments.text).split("\n") if line.strip()]
    with progress() as say:
        say(f"loading {arguments.model}")
        model = load_model(arguments)
        say("ranking")
        ranked = rank(model, candidates)
    notes = []
    if any(math.isnan(candidate.logprob) for candidate in ranked):
        notes.append("a candidate without a number holds a context that the model never saw")
    if any(math.isinf(candidate.logprob) for candidate in ranked):
        notes.append("a candidate at -inf holds a token that the model gives probability zero")
    if not model.normalised:
        notes.append("the model's numbers do not sum to one: these are scores, no probabilities")
    if arguments.json:
        result = {
            "candidates": [
                {
                    "text": candidate.text,
                    "logprob": candidate.logprob,
                    "nats_per_token": candidate.nats_per_token,
                    "tokens": candidate.tokens,
                    "oov": candidate.oov,
                }
                for candidate in ranked
            ],
            "normalised": model.normalised,
        }
        print_json({**result, "note": "; ".join(notes)} if notes else result)
        return
    for candidate in ranked:
        print(f"{candidate.logprob:12.4f}  {candidate.text}")
    for sentence in notes:
        note(f"{sentence}.")
