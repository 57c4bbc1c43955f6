"""What a longer context does to counts: one prediction from none to four words (chapter 03)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

import numpy as np
import numpy.typing as npt

from lmlib.corpora import load
from lmlib.interactives.drawing import Bar, bars
from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.ngram import NgramCounts, count_ngrams
from lmlib.text import TextFormat, index_text
from lmlib.translation import gettext as _

ORDERS = (1, 2, 3, 4, 5)
SHOWN = 5


@dataclass(frozen=True)
class Phrase:
    """Some tokens of a text; the last one is to be predicted from those before it.

    Attributes
    ----------
    corpus : str
        Whose training text is counted.
    tokens : tuple of str
        At least as many as the highest order.
    """

    corpus: str
    tokens: tuple[str, ...]


PHRASES = (
    Phrase("emma", ("the", "students", "opened", "their", "books")),
    Phrase("emma", ("as", "soon", "as", "he", "was")),
    Phrase("emma", ("I", "do", "not", "know", "what")),
    Phrase("tatoeba-zh", tuple("老师批评了我")),
    Phrase("tatoeba-zh", tuple("我很喜欢吃面")),
    Phrase("tatoeba-zh", tuple("今天天气很好")),
)


def format_of(corpus: str) -> TextFormat:
    """English by words, Chinese by characters, a line a sentence."""
    return TextFormat("characters" if corpus == "tatoeba-zh" else "words", "sentence")


def followers(counts: NgramCounts, context: npt.NDArray) -> tuple[npt.NDArray, npt.NDArray]:
    """Look up what followed a context.

    Parameters
    ----------
    counts
    context : (L,) int
        Token numbers, at most ``counts.order - 1`` of them.

    Returns
    -------
    words, counts : (T,), (T,)
        The tokens seen after the context, and how often each; empty where it was never seen.
    """
    if not len(context):
        words = np.flatnonzero(counts.counts[1])
        return words, counts.counts[1][words]
    number = context[0]
    for order, token in enumerate(context[1:], start=2):
        first, last = counts.starts[order][number : number + 2]
        number = first + np.searchsorted(counts.words[order][first:last], token)
        if number == last or counts.words[order][number] != token:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
    order = len(context) + 1
    seen = slice(*counts.starts[order][number : number + 2])
    return counts.words[order][seen], counts.counts[order][seen]


@dataclass(frozen=True)
class Row:
    """What an n-gram model finds for one prediction.

    Attributes
    ----------
    context : tuple of str
        The n-1 tokens that it sees.
    seen : int
        How often they were seen, something following.
    together : int
        How often the predicted token followed.
    after : list of (str, int)
        All that followed, and how often, most frequent first.
    """

    context: tuple[str, ...]
    seen: int
    together: int
    after: list[tuple[str, int]]


def count_row(counts: NgramCounts, tokens: Sequence[str], order: int) -> Row:
    """Count what an n-gram model of this order has to predict the last of ``tokens`` from."""
    context, target = tuple(tokens[len(tokens) - order : -1]), tokens[-1]
    vocab = counts.vocab
    after: dict[str, int] = {}
    if all(token in vocab for token in context):
        words, often = followers(counts, vocab.encode(context))
        after = {vocab.tokens[w]: int(n) for w, n in zip(words, often, strict=True)}
    ranked = sorted(after.items(), key=lambda pair: (-pair[1], pair[0]))
    return Row(context, sum(after.values()), after.get(target, 0), ranked)


def longer_context() -> Interactive:
    """Build the figure: how often a context of n-1 tokens was seen, and how often what follows.

    The texts are counted when the first of their phrases is drawn.
    """

    @cache
    def counted(corpus: str) -> NgramCounts:
        text_format = format_of(corpus)
        vocab, sequences = index_text(load(corpus).train, text_format)
        return count_ngrams(sequences, vocab, max(ORDERS))

    @cache
    def row(phrase: Phrase, order: int) -> Row:
        return count_row(counted(phrase.corpus), phrase.tokens, order)

    def draw(phrase: Phrase, order: int) -> Frame:
        return _frame(phrase, [row(phrase, n) for n in range(1, order + 1)])

    return Interactive(
        name="longer-context",
        title=_("What a longer context does to counts"),
        controls=(
            Control(
                "phrase",
                _("Words so far → next word"),
                PHRASES,
                [f"{format_of(p.corpus).join(p.tokens[:-1])} → {p.tokens[-1]}" for p in PHRASES],
                start=1,
                kind="select",
            ),
            Control("order", _("n, the order"), ORDERS, [str(n) for n in ORDERS]),
        ),
        draw=draw,
        look=_(
            "Before each step, guess the next row. How often was the longer context seen, "
            "and how many different tokens followed it?"
        ),
        notice=_(
            "The first word of context divides the sightings by fifty or more; most further ones "
            "divide again. What everybody says keeps some dozens at n = 5; the others end with a "
            "handful, or with none, where the share of the next word is 0/0."
        ),
    )


def _frame(phrase: Phrase, rows: Sequence[Row]) -> Frame:
    """Draw the rows up to the order chosen; those beyond it are for the reader to guess."""
    join = format_of(phrase.corpus).join
    target, last = phrase.tokens[-1], rows[-1]
    lines = []
    for n in ORDERS:
        context, numbers = "?", ["?"] * 3
        if n <= len(rows):
            row = rows[n - 1]
            context = join(row.context) or _("(none)")
            numbers = [f"{number:,}" for number in (row.seen, row.together, len(row.after))]
        cells = "".join(f"<td>{cell}</td>" for cell in numbers)
        chosen = ' class="chosen"' if n == len(rows) else ""
        lines.append(f'<tr{chosen}><th scope="row">{n}</th><td>{escape(context)}</td>{cells}</tr>')
    heads = ("n", _("context"), _("seen"), f"→\N{NO-BREAK SPACE}{target}", _("different followers"))
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    shown = last.after[:SHOWN]
    if last.together and target not in dict(shown):
        shown = [*shown[:-1], (target, last.together)]
    followed = [
        Bar(
            quote(token), f"{count:,}", count / last.seen, "data" if token == target else "counting"
        )
        for token, count in shown
    ]
    picture = (
        f'<table class="counts"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )
    if last.seen:
        said = _("What followed the context of n = {n}, most often first:").format(n=len(rows))
        picture += f"<p>{escape(said)}</p>" + bars(followed, said)
    if last.seen:
        reading = _(
            "n = {n}: the context was seen {seen}×, with {types} different tokens after it; "
            "“{word}” came {together}×, a share of {share}."
        )
    else:
        reading = _(
            "n = {n}: the context was never seen, nothing came after it, and the share of “{word}” "
            "is 0/0."
        )
    return Frame(
        picture,
        reading.format(
            n=len(rows),
            seen=f"{last.seen:,}",
            types=f"{len(last.after):,}",
            word=target,
            together=f"{last.together:,}",
            share=percent(last.together / last.seen) if last.seen else "0/0",
        ),
    )


def percent(share: float) -> str:
    """Write a share as a percentage: finer near nothing, and near everything.

    Examples
    --------
    >>> percent(0.8355), percent(0.0312), percent(0.00023), percent(0.0000004), percent(0)
    ('83.5%', '3.1%', '0.023%', '<0.001%', '0%')
    >>> percent(0.99952), percent(1)
    ('99.95%', '100%')
    """
    if 0 < share < 1e-5:
        return "<0.001%"
    if 0.01 <= share < 0.995:
        return f"{share:.1%}"
    return f"{100 * share:.2g}%" if share < 0.01 else f"{100 * share:.4g}%"


def quote(token: str) -> str:
    """Put a token that is nothing but a mark in quotes, so that it is seen.

    Examples
    --------
    >>> quote("door"), quote("<eos>"), quote(",")
    ('door', '<eos>', '“,”')
    """
    return token if any(letter.isalnum() for letter in token) else f"“{token}”"
