"""What a longer context does to counts: the numbers shown are those of a plain count."""

import html
import re
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmlib.corpora import load
from lmlib.interactives.counts import (
    ORDERS,
    PHRASES,
    Phrase,
    count_row,
    followers,
    longer_context,
)
from lmlib.ngram import count_ngrams
from lmlib.text import TextFormat, Vocab, index_text, tokenize

Followers = dict[tuple[str, ...], Counter[str]]


def what_followed(lines: list[list[str]], contexts: set[tuple[str, ...]]) -> Followers:
    """Count with dictionaries alone: context -> what followed it."""
    found: Followers = {context: Counter() for context in contexts}
    lengths = {len(context) for context in contexts}
    for line in lines:
        tokens = ["<bos>", *line, "<eos>"]
        for end in range(1, len(tokens)):
            for length in lengths:
                context = tuple(tokens[max(end - length, 0) : end])
                if context in found and len(context) == length:
                    found[context][tokens[end]] += 1
    return found


@cache
def plain_count(corpus: str) -> Followers:
    kind = "characters" if corpus == "tatoeba-zh" else "words"
    contexts = {p.tokens[-n:-1] for p in PHRASES for n in ORDERS if p.corpus == corpus}
    return what_followed(
        [tokenize(line, kind) for line in load(corpus).train.splitlines()], contexts
    )


def expected(phrase: Phrase, n: int) -> Counter[str]:
    return plain_count(phrase.corpus)[phrase.tokens[-n:-1]]


@pytest.fixture(scope="module")
def drawn() -> dict[tuple[Phrase, int], Any]:
    interactive = longer_context()
    return {(p, n): interactive.draw(phrase=p, order=n) for p in PHRASES for n in ORDERS}


def rows_shown(picture: str) -> list[list[str]]:
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", picture.partition("<tbody>")[2])
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: "".join(phrase.tokens))
def test_every_number_shown_is_a_plain_count(phrase: Phrase, drawn: dict) -> None:
    for chosen in ORDERS:
        rows = rows_shown(drawn[phrase, chosen].picture)
        assert len(rows) == len(ORDERS)
        for n, row in zip(ORDERS, rows, strict=True):
            after = expected(phrase, n)
            counted = [after.total(), after[phrase.tokens[-1]], len(after)]
            assert row[0] == str(n)
            assert row[2:] == ([f"{x:,}" for x in counted] if n <= chosen else ["?"] * 3)


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: "".join(phrase.tokens))
def test_the_bars_are_the_most_frequent_followers_and_the_next_word(
    phrase: Phrase, drawn: dict
) -> None:
    for n in ORDERS:
        after, target = expected(phrase, n), phrase.tokens[-1]
        bars = re.findall(
            r'class="label">(.*?) </span><span class="bar (\w+)"><i style="--length:(.*?)">'
            r"</i>(.*?)<",
            drawn[phrase, n].picture,
        )
        shown = [int(text.replace(",", "")) for *_, text in bars]
        names = [html.unescape(bar[0]).strip("“”") for bar in bars]
        best = sorted(after.values(), reverse=True)[:5]
        assert shown in (best, [*best[:-1], after[target]])
        assert shown == [after[name] for name in names]
        assert [n for n, bar in zip(names, bars, strict=True) if bar[1] == "data"] == (
            [target] if after[target] else []
        )
        assert f"→\N{NO-BREAK SPACE}{target}</th>" in drawn[phrase, n].picture
        for length, count in zip((float(bar[2]) for bar in bars), shown, strict=True):
            assert length == pytest.approx(count / after.total(), rel=1e-3)


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: "".join(phrase.tokens))
def test_the_sentence_says_the_share_or_that_it_is_no_number(phrase: Phrase, drawn: dict) -> None:
    for n in ORDERS:
        after, reading = expected(phrase, n), drawn[phrase, n].reading
        assert f"“{phrase.tokens[-1]}”" in reading
        if not after:
            assert "0/0" in reading and "%" not in reading
            continue
        share = re.search(r"([\d.]+)%", reading)
        assert share
        counted = 100 * after[phrase.tokens[-1]] / after.total()
        assert float(share[1]) == pytest.approx(counted, rel=0.05, abs=0.001)


def test_what_the_reader_should_have_noticed_is_so() -> None:
    at_five = []
    for phrase in PHRASES:
        seen = [expected(phrase, n).total() for n in ORDERS]
        assert seen[1] <= seen[0] / 50
        assert seen == sorted(seen, reverse=True)
        at_five.append(seen[-1])
    dozens = [seen for seen in at_five if 24 <= seen < 100]
    handful = [seen for seen in at_five if 0 < seen <= 6]
    assert dozens and handful and 0 in at_five
    assert len(dozens) + len(handful) + at_five.count(0) == len(PHRASES)


def test_what_chapter_03_says_of_this_figure_is_so() -> None:
    assert plain_count("emma")["he",].total() > 1000
    chinese = [phrase for phrase in PHRASES if phrase.corpus == "tatoeba-zh"]
    assert "".join(max(chinese, key=lambda p: expected(p, 5).total()).tokens) == "今天天气很好"


@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=8),
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=5),
)
def test_what_followed_is_found_in_any_text(lines: list[list[str]], tokens: list[str]) -> None:
    text = "".join("".join(line) + "\n" for line in lines)
    vocab, sequences = index_text(text, TextFormat("characters", "sentence"))
    counts = count_ngrams(sequences, vocab, 5)
    row = count_row(counts, tokens, len(tokens))
    context = tuple(tokens[:-1])
    after = what_followed(lines, {context})[context]
    assert dict(row.after) == dict(after)
    assert (row.seen, row.together) == (after.total(), after[tokens[-1]])
    assert [n for _, n in row.after] == sorted(after.values(), reverse=True)


def test_a_context_whose_words_are_known_apart_but_not_together_was_never_seen() -> None:
    vocab = Vocab.build([["a", "b"], ["b"]])
    counts = count_ngrams([np.array([vocab["a"], vocab["b"], vocab.eos])], vocab, 3)
    words, often = followers(counts, vocab.encode(["b", "a"]))
    assert words.size == often.size == 0


def test_the_figure_is_light() -> None:
    assert len(longer_context().to_html().encode()) < 150_000
