"""The test card: the eight sentences that every chapter's models score."""

from typing import NamedTuple


class CardSentence(NamedTuple):
    """A sentence of the test card.

    ``words`` are the words of a Chinese sentence as the documents cut them (joined they are the
    text), and the whitespace-separated words of an English one.
    """

    text: str
    words: tuple[str, ...]
    language: str


def _chinese(words: str) -> CardSentence:
    return CardSentence("".join(words.split()), tuple(words.split()), "zh")


def _english(text: str) -> CardSentence:
    return CardSentence(text, tuple(text.split()), "en")


TEST_CARD = (
    _chinese("今天 天气 很 好"),
    _chinese("今天 天气 很 优秀"),
    _chinese("我 很 喜欢 吃 面条"),
    _chinese("我 很 喜欢 吃 披萨"),
    _chinese("我 上个月 在 意大利 很 喜欢 吃 披萨"),
    _english("The cat, which already ate the apple, the yogurt and the banana, was full."),
    _english("The cat, which already ate the apple, the yogurt and the banana, were full."),
    _english("As the proctor started the clock, the students opened their exams."),
)
