"""The vocabulary cutoff shows what `Vocab.build` does, counted here in another way."""

import re
from html import unescape

import pytest

from lmlib.corpora import load
from lmlib.interactives.figure import Frame, Interactive
from lmlib.interactives.vocabulary import CUTOFFS, vocabulary_cutoff
from lmlib.text import TextFormat, Vocab

# the corpus, its tokeniser, and which lines of the test text make the passage
TEXTS = [("emma", "words", [8]), ("tatoeba-zh", "characters", [733, 838])]


@pytest.fixture(scope="module")
def interactive() -> Interactive:
    return vocabulary_cutoff()


def numbers(reading: str) -> list[float]:
    """Every number in the reading; a share in percent."""
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\.?\d*(?<!,)", reading)]


def parts(frame: Frame) -> tuple[list[float], str]:
    """The two shares that are drawn, and the passage as it is read."""
    shares = [float(text) for text in re.findall(r"</i>([\d.]+)%", frame.picture)]
    passage = frame.picture.split('<p class="passage"')[1].partition(">")[2]
    return shares, unescape(re.sub(r"<[^>]+>", "", passage))


@pytest.mark.parametrize("place", range(len(TEXTS)))
def test_the_numbers_are_those_of_a_vocabulary_of_that_size(
    interactive: Interactive, place: int
) -> None:
    name, tokens, lines = TEXTS[place]
    corpus, text_format = load(name), TextFormat(tokens)
    split = {part: text_format.split(getattr(corpus, part)) for part in ("train", "test")}
    everything = len({token for line in split["train"] for token in line})
    for step, kept in enumerate(CUTOFFS):
        vocab = Vocab.build(split["train"], max_size=None if kept is None else kept + 3)
        known = set(vocab.tokens[3:])
        unknown = {
            part: [token not in known for sentence in sentences for token in sentence]
            for part, sentences in split.items()
        }
        frame = interactive.frame(place, step)
        share = 100 * sum(unknown["test"]) / len(unknown["test"])
        assert numbers(frame.reading) == [
            len(vocab),
            len(known),
            everything,
            sum(unknown["test"]),
            len(unknown["test"]),
            pytest.approx(share, abs=0.005),
        ]
        shares, passage = parts(frame)
        train_share = 100 * sum(unknown["train"]) / len(unknown["train"])
        assert shares == pytest.approx([train_share, share], abs=0.005)
        read = [
            token for line in lines for token in vocab.decode(vocab.encode(split["test"][line]))
        ]
        assert passage == text_format.join(read)


@pytest.mark.parametrize("place", range(len(TEXTS)))
def test_what_the_reader_should_notice_is_so(interactive: Interactive, place: int) -> None:
    hundred, _ = parts(interactive.frame(place, CUTOFFS.index(100)))
    assert max(hundred) < 50, "a hundred tokens cover more than half of either text"
    (train, test), passage = parts(interactive.frame(place, CUTOFFS.index(None)))
    assert train == 0 < test
    assert "<unk>" in passage, "something in the passage was never seen"
    name, tokens, _ = TEXTS[place]
    vocab = Vocab.build(TextFormat(tokens).split(load(name).train))
    rarer_half = vocab.counts[3 + (len(vocab) - 3) // 2 :]
    assert rarer_half.sum() / vocab.counts.sum() < 0.03, "the rarer half covers hardly anything"
