"""``lmlib corpora``: list the texts that lmlib has, or print one."""

import argparse
import sys
from dataclasses import asdict

from lmlib.commands.arguments import add_json
from lmlib.commands.terminal import print_json
from lmlib.errors import InputError

SPLITS = ("train", "valid", "test")


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "corpora",
        help="list the texts to learn from, or print one",
        description="Without a name, list the texts. With one, print it: "
        "lmlib corpora emma --split train > train.txt",
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", help="which text to print")
    parser.add_argument("--split", choices=SPLITS, help="only this part of it (default: all)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """List or print."""
    if arguments.name is None:
        if arguments.split:
            raise InputError("--split needs the name of a text: lmlib corpora NAME --split train.")
        _list(arguments.json)
        return
    from lmlib.corpora import load

    corpus = load(arguments.name)
    text = getattr(corpus, arguments.split) if arguments.split else corpus.text
    if arguments.json:
        entry = {name: value for name, value in asdict(corpus).items() if name not in SPLITS}
        print_json({**entry, "split": arguments.split, "text": text})
    else:
        sys.stdout.write(text)


def _list(as_json: bool) -> None:
    from lmlib.corpora import describe, names

    entries = [describe(name) for name in names()]
    if as_json:
        print_json({"corpora": [{**asdict(e), "embedded": e.embedded} for e in entries]})
        return
    width = max(len(entry.name) for entry in entries)
    for embedded, title in ((True, "in lmlib"), (False, "downloaded when first used")):
        print(f"{title}:")
        for entry in entries:
            if entry.embedded == embedded:
                print(
                    f"  {entry.name:<{width}}  {entry.description} "
                    f"[{entry.language}, {entry.unit}, {entry.tokens}; {entry.licence}]"
                )
