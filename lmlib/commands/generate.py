"""``lmlib generate``: let a model go on with a text."""

import argparse
from typing import Any

from lmlib.commands.arguments import add_json, add_model, load_model
from lmlib.commands.terminal import note, print_json, progress
from lmlib.errors import InputError


def add_parser(verbs: argparse._SubParsersAction) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "generate",
        help="go on with a text",
        description="Go on with a prompt: by chance, or with --greedy or --beam by what is most "
        "probable.",
        allow_abbrev=False,
    )
    add_model(parser, "--tokenizer")
    parser.add_argument("--prompt", default="", help="how the text begins (default: nothing)")
    parser.add_argument(
        "--tokens", type=int, default=50, metavar="N", help="write at most N tokens (default: 50)"
    )
    parser.add_argument("--seed", type=int, help="the same seed gives the same text")
    parser.add_argument(
        "--temperature", type=float, metavar="T", help="below 1 plainer, above 1 wilder"
    )
    parser.add_argument(
        "--top-k", type=int, metavar="K", help="draw from the K most probable tokens"
    )
    parser.add_argument(
        "--top-p", type=float, metavar="P", help="draw from as few as have probability P together"
    )
    surest = parser.add_mutually_exclusive_group()
    surest.add_argument("--greedy", action="store_true", help="always the most probable token")
    surest.add_argument(
        "--beam", type=int, metavar="N", help="the most probable text that a beam of N finds"
    )
    parser.add_argument("--allow-unknown", action="store_true", help="<unk> may be written too")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Generate and print."""
    by_chance = {
        name: value
        for name in ("temperature", "top_k", "top_p")
        if (value := getattr(arguments, name)) is not None
    }
    certain = "--greedy" if arguments.greedy else "--beam" if arguments.beam is not None else None
    if certain and by_chance:
        flags = " and ".join("--" + name.replace("_", "-") for name in by_chance)
        raise InputError(f"{certain} leaves nothing to chance: leave out {flags}.")
    if arguments.tokens < 0:
        raise InputError(f"--tokens {arguments.tokens}: give 0 or more.")
    if arguments.seed is not None and arguments.seed < 0:
        raise InputError(f"--seed {arguments.seed}: give 0 or more.")
    if any("\udc80" <= character <= "\udcff" for character in arguments.prompt):
        raise InputError("--prompt: what was given is not UTF-8.")  # its bytes came as surrogates

    import numpy as np

    from lmlib.decoding import beam_search, greedy, sample

    with progress() as say:
        say(f"loading {arguments.model}")
        model = load_model(arguments)
        say("writing")
        text_format = model.text_format
        prompt = [token for line in text_format.split(arguments.prompt) for token in line]
        ids = model.vocab.encode_or_minus_one(prompt)
        unknown = sorted({token for token, i in zip(prompt, ids, strict=True) if i < 0})
        start = np.where(ids < 0, model.vocab.unk, ids)
        options = {"allow_unknown": arguments.allow_unknown}
        result: dict[str, Any] = {"prompt": arguments.prompt}
        if arguments.greedy:
            texts = [greedy(model, start, arguments.tokens, **options)]
        elif certain:
            found = beam_search(model, start, arguments.beam, arguments.tokens, **options)
            texts = [hypothesis.tokens for hypothesis in found]
        else:
            seed = arguments.seed
            if seed is None:
                seed = int(np.random.SeedSequence().generate_state(1)[0])
            result["seed"] = seed
            rng = np.random.default_rng(seed)
            texts = sample(model, start, arguments.tokens, rng=rng, **by_chance, **options)
    written = [model.vocab.decode(text) for text in texts]
    whole = [text_format.join([*prompt, *tokens]) for tokens in written]
    if not certain and arguments.seed is None:
        note(f"--seed {result['seed']} gives this text again.")
    if unknown:
        note(f"not in the vocabulary, read as <unk>: {' '.join(unknown)}")
    if not arguments.json:
        print(whole[0])
        return
    result |= {"text": whole[0], "tokens": written[0], "unknown": unknown}
    if certain == "--beam":
        result["hypotheses"] = [
            {"text": text, "tokens": tokens, "logprob": h.logprob, "finished": h.finished}
            for text, tokens, h in zip(whole, written, found, strict=True)
        ]
    print_json(result)
