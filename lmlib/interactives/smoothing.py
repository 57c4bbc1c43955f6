"""Where the probability mass goes: one context, every smoothing (chapter 03)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from lmlib.corpora import load
from lmlib.interactives.counts import followers, format_of, percent, quote
from lmlib.interactives.drawing import Bar, bars
from lmlib.interactives.figure import Control, Frame, Interactive
from lmlib.ngram import (
    MLE,
    AddK,
    Estimator,
    Interpolated,
    Katz,
    KneserNey,
    ModifiedKneserNey,
    NgramCounts,
    NgramLM,
    WittenBell,
    count_ngrams,
)
from lmlib.text import TokenIds, encode_text, index_text
from lmlib.translation import gettext as _

SHOWN_SEEN, SHOWN_UNSEEN = 6, 3


@dataclass(frozen=True)
class Context:
    """Two tokens of a text, after which a trigram model predicts."""

    corpus: str
    tokens: tuple[str, str]


CONTEXTS = (
    Context("emma", ("I", "am")),
    Context("emma", ("open", "the")),
    Context("emma", ("drank", "tea")),
    Context("emma", ("opened", "their")),
    Context("tatoeba-zh", ("想", "吃")),
    Context("tatoeba-zh", ("意", "大")),
    Context("tatoeba-zh", ("想", "煮")),
)


@dataclass(frozen=True)
class Split:
    """How a model shares its probability between what was seen after a context and what was not.

    Attributes
    ----------
    seen : list of (str, int, float)
        Token, count after the context, probability; the most frequent first.
    unseen : list of (str, float)
        All the other tokens that can come next, the most probable first.
    """

    seen: list[tuple[str, int, float]]
    unseen: list[tuple[str, float]]

    @property
    def kept(self) -> float:
        """The probability of all that was seen."""
        return sum(p for _token, _count, p in self.seen)

    @property
    def given(self) -> float:
        """The probability of all that was not."""
        return sum(p for _token, p in self.unseen)


def split_mass(model: NgramLM, counts: NgramCounts, tokens: Sequence[str]) -> Split:
    """Ask a model what comes next, and part its answer by what the counts have seen there."""
    context = model.vocab.encode(tokens)
    state = model.initial_state(1)
    for token in context:
        logprobs, state = model.step([token], state)  # (1, V)
    probabilities = np.exp(logprobs[0])
    words, often = followers(counts, context)
    order = np.lexsort((-probabilities[words], -often))
    name = model.vocab.tokens
    seen = [(name[words[i]], int(often[i]), float(probabilities[words[i]])) for i in order]
    new = np.setdiff1d(np.flatnonzero(counts.predictable), words)
    new = new[np.argsort(-probabilities[new], kind="stable")]
    return Split(seen, [(name[i], float(probabilities[i])) for i in new])


def probability_mass() -> Interactive:
    """Build the figure: after a context, how much each smoothing keeps for what was seen there.

    Trigram models of words (*Emma*) and of characters (everyday Chinese). A text is counted when
    the first of its contexts is drawn.
    """

    @cache
    def counted(corpus: str) -> tuple[NgramCounts, list[TokenIds]]:
        text, text_format = load(corpus), format_of(corpus)
        vocab, sequences = index_text(text.train, text_format, min_count=2)
        return count_ngrams(sequences, vocab, 3), encode_text(text.valid, text_format, vocab)

    @cache
    def fitted(corpus: str, smoothing: str) -> NgramLM:
        counts, held_out = counted(corpus)
        estimators: dict[str, Estimator] = {
            "mle": MLE(),
            "laplace": AddK(1),
            "add-k": AddK(0.01),
            "katz": Katz(),
            "interpolated": Interpolated(held_out=held_out),
            "witten-bell": WittenBell(),
            "kneser-ney": KneserNey(),
            "modified-kneser-ney": ModifiedKneserNey(),
        }
        return NgramLM.from_counts(counts, estimators[smoothing], format_of(corpus))

    def draw(context: Context, smoothing: str) -> Frame:
        model = fitted(context.corpus, smoothing)
        return _frame(split_mass(model, counted(context.corpus)[0], context.tokens))

    names = {
        "mle": _("none (maximum likelihood)"),
        "laplace": _("Laplace (add 1)"),
        "add-k": _("add-k, k = 0.01"),
        "katz": _("backoff (Katz)"),
        "interpolated": _("interpolation"),
        "witten-bell": _("Witten-Bell"),
        "kneser-ney": _("Kneser-Ney"),
        "modified-kneser-ney": _("modified Kneser-Ney"),
    }
    return Interactive(
        name="probability-mass",
        title=_("Where the probability mass goes"),
        controls=(
            Control(
                "context",
                _("Context"),
                CONTEXTS,
                [
                    _("{words} (Emma)").format(words=" ".join(c.tokens))
                    if c.corpus == "emma"
                    else _("{words} (everyday Chinese)").format(words="".join(c.tokens))
                    for c in CONTEXTS
                ],
                start=1,
                kind="select",
            ),
            Control("smoothing", _("Smoothing"), list(names), list(names.values()), kind="select"),
        ),
        draw=draw,
        look=_(
            "The strip is all the probability there is: grey for what was seen after the context, "
            "striped for all that was not. Guess where the border moves, and who gets the stripes."
        ),
        notice=_(
            "Laplace gives away nine tenths or more after each of these contexts, the same to "
            "every token. From backoff on, what the shorter context expects gets most. How much is "
            "given depends on what is asked. After 意大, seen 38 times and always followed by 利, "
            "interpolation still gives away over a third: it asks how often a context was seen. "
            "Witten-Bell and Kneser-Ney ask how many different tokens followed, and give away less "
            "than a twentieth."
        ),
    )


def _frame(split: Split) -> Frame:
    if np.isnan(split.given):
        return Frame(
            f'<div class="mass"><span>0/0</span></div><p>{_("There is nothing to share out.")}</p>',
            _(
                "This context was never seen: each probability is 0/0, which is no number. "
                "Choose a smoothing."
            ),
        )
    shown, others = split.seen[:SHOWN_SEEN], split.seen[SHOWN_SEEN:]
    rest = sum(p for _token, _count, p in others)
    kept, given = percent(split.kept), percent(split.given)
    rows = [Bar(_("{count} seen here").format(count=len(split.seen)), kept, split.kept, "counting")]
    rows += [Bar(f"{quote(t)} {n:,}×", percent(p), p, "counting") for t, n, p in shown]
    if others:
        often = sum(n for _token, n, _p in others)
        label = _("{count} others {often}×").format(count=len(others), often=often)
        rows.append(Bar(label, percent(rest), rest, "counting"))
    label = _("{count} never seen").format(count=f"{len(split.unseen):,}")
    rows.append(Bar(label, given, split.given, "unseen"))
    rows += [Bar(quote(t), percent(p), p, "unseen") for t, p in split.unseen[:SHOWN_UNSEEN]]
    parts = [(p, "counting") for _token, _count, p in shown]
    parts += [(rest, "counting"), (split.given, "unseen")]
    strip = "".join(
        f'<i class="{family}" style="--length:{share:.4g}"></i>' for share, family in parts if share
    )
    return Frame(
        f'<div class="mass" aria-hidden="true">{strip}</div>'
        + bars(rows, _("Probability after this context")),
        _(
            "Tokens seen after this context: {seen}; they keep {kept}. "
            "Never seen after it: {unseen}; they share {given}."
        ).format(seen=len(split.seen), kept=kept, unseen=f"{len(split.unseen):,}", given=given),
    )
