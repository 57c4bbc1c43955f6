"""The vocabulary cutoff: how many tokens to keep, and what becomes of the rest (chapter 02)."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np

from lmlib.corpora import load
from lmlib.interactives.drawing import Bar, bars
from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.text import SPECIAL_TOKENS, UNK, TextFormat, TokenIds, Vocab
from lmlib.translation import gettext as _

#: How many tokens may be kept beside the three marks; None is all of them.
CUTOFFS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 3000, None)


@dataclass(frozen=True)
class CutText:
    """A corpus cut into tokens, with the numbers that its whole vocabulary gives them."""

    language: str
    text_format: TextFormat
    vocab: Vocab
    train: TokenIds
    test: TokenIds
    passage: list[str]

    @classmethod
    def of(cls, corpus_name: str, tokens: str, lines: tuple[int, ...]) -> CutText:
        """Cut a corpus; ``lines`` of its test text make the passage."""
        corpus, text_format = load(corpus_name), TextFormat(tokens)
        train, test = text_format.split(corpus.train), text_format.split(corpus.test)
        vocab = Vocab.build(train)
        ids = [
            vocab.encode_or_minus_one([token for line in part for token in line])
            for part in (train, test)
        ]
        passage = [token for line in lines for token in test[line]]
        return cls(corpus.language, text_format, vocab, ids[0], ids[1], passage)


def vocabulary_cutoff() -> Interactive:
    """Keep only the most frequent tokens: a passage of unseen text, and the share unknown.

    The words of *Emma*, and the characters of everyday Chinese.
    """
    texts = [
        CutText.of("emma", "words", lines=(8,)),
        CutText.of("tatoeba-zh", "characters", lines=(733, 838)),
    ]
    return Interactive(
        name="vocabulary-cutoff",
        title=_("Vocabulary cutoff"),
        controls=[
            Control(
                name="text",
                label=_("Text"),
                values=texts,
                texts=[_("Emma, by words"), _("everyday Chinese, by characters")],
                kind="select",
            ),
            Control(
                name="kept",
                label=_("Tokens kept, the most frequent first"),
                values=CUTOFFS,
                texts=[_("all") if kept is None else f"{kept:,}" for kept in CUTOFFS],
                start=CUTOFFS.index(100),
            ),
        ],
        draw=draw_cutoff,
        look=_(
            "How many tokens must be kept before you can tell what the passage is about? "
            "What is still unknown when all are kept?"
        ),
        notice=_(
            "A hundred tokens cover more than half of either text, and do not say what it is "
            "about. The rarer half of a vocabulary covers hardly anything, and says it. With all "
            "kept, nothing of the training text is unknown. Of the test text something still is: "
            "it was not cut off, it had never been seen."
        ),
    )


def draw_cutoff(text: CutText, kept: int | None) -> Frame:
    """Show what a vocabulary of the ``kept`` most frequent tokens knows of a text."""
    known = len(text.vocab) if kept is None else min(kept + len(SPECIAL_TOKENS), len(text.vocab))

    def unknown(ids: TokenIds) -> int:
        return int(np.sum((ids < 0) | (ids >= known)))

    rows = [
        (name, unknown(ids) / ids.size)
        for name, ids in ((_("training text"), text.train), (_("test text"), text.test))
    ]
    ids = text.vocab.encode_or_minus_one(text.passage)
    read = [token if 0 <= i < known else UNK for token, i in zip(text.passage, ids, strict=True)]
    passage = escape(text.text_format.join(read))
    box = f'<span class="unk">{escape(UNK)}</span>'
    reading = _(
        "A vocabulary of {size:,}: {kept:,} of {all:,} tokens, and three marks. "
        "{unknown:,} of the {total:,} tokens in the test text are unknown, {share:.2%}."
    ).format(
        size=known,
        kept=known - len(SPECIAL_TOKENS),
        all=len(text.vocab) - len(SPECIAL_TOKENS),
        unknown=unknown(text.test),
        total=text.test.size,
        share=unknown(text.test) / text.test.size,
    )
    shares = [Bar(name, f"{share:.2%}", share) for name, share in rows]
    return Frame(
        f'<p class="quiet">{_("Share of the tokens that are unknown")}</p>'
        f"{bars(shares, name=_('Share of the tokens that are unknown'))}"
        f'<p class="quiet">{_("How a passage of the test text is read")}</p>'
        f'<p class="passage" lang="{text.language}">{passage.replace(escape(UNK), box)}</p>',
        reading,
    )
