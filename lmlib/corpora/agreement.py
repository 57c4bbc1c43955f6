"""Sentences in which one word decides another, with as many words between as are asked for.

English: the cat which already ate the apple the yogurt and the banana *was* full; cats *were*.
Chinese: 我今天要做红烧排骨…最后出锅的是红烧排骨 (today I am making braised ribs; out of the wok
come braised ribs); where it begins with 辣子鸡 (chicken with chillies), it ends with it. Nothing
between says which of the two it was. The sentences are in lower case and without commas, so that
each token between is a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmlib.errors import InputError
from lmlib.translation import gettext as _

LONGEST = 50

# A word that decides -> the word that it decides.
NUMBERS = {"cat": "was", "cats": "were"}
MEALS = {"红烧排骨": "红烧排骨", "辣子鸡": "辣子鸡"}

# What a cat eats, one or many of it: the nearest noun says nothing about the cat.
FOODS = """
    apple apples yogurt yogurts banana bananas cake cakes cherry cherries egg eggs noodle noodles
    dumpling dumplings
""".split()
MOODS = "full happy asleep".split()
CLAUSES = {  # those too short for the rule below
    1: "there",
    2: "which ate",
    3: "which already ate",
    4: "which ate the FOOD",
    5: "which already ate the FOOD",
    6: "which already ate the sweet FOOD",
}

# What one does in a kitchen, whatever is cooked.
TASKS = "切菜 洗锅 起火".split()
VERBS = "放 加 下".split()
INGREDIENTS = "油 盐 糖 水 姜 蒜 葱 酱油 料酒".split()
THEN = "然后 接着 再".split()
ENDS = {1: "吃", 2: "然后 吃", 3: "因为 想 吃", 4: "最后 出锅 的 是"}

ENGLISH = tuple(
    f"the {' '.join([*NUMBERS, *NUMBERS.values()])} which already ate and there sweet".split()
    + FOODS
    + MOODS
)
CHINESE = tuple(
    f"我 今天 要 做 {' '.join(MEALS)} 首先 一点 因为 想 吃 最后 出锅 的 是".split()
    + THEN
    + TASKS
    + VERBS
    + INGREDIENTS
)


@dataclass(frozen=True)
class LongSentence:
    """A sentence in which an earlier word, the cue, decides a later one, the answer.

    Attributes
    ----------
    words : tuple of str
    cue, answer : int
        Where the two stand, counted from 0.
    wrong : str
        What would stand there in place of the answer if the other word were the cue.
    """

    words: tuple[str, ...]
    cue: int
    answer: int
    wrong: str

    @property
    def distance(self) -> int:
        """How many words stand between the two."""
        return self.answer - self.cue - 1


def cats(count: int, distance: int, seed: int | np.random.Generator) -> list[LongSentence]:
    """Write English sentences, each about one cat or about several, with equal chance.

    Parameters
    ----------
    count : int
    distance : int
        How many words stand between *cat* or *cats* and *was* or *were*, from 1 to 50.
    seed : int or numpy.random.Generator
        The same number gives the same sentences.

    Raises
    ------
    InputError
        If the distance or the count is out of range.

    Examples
    --------
    >>> (sentence,) = cats(1, distance=10, seed=0)
    >>> " ".join(sentence.words)
    'the cat which already ate the noodles the egg and the cherry was full'
    """
    rng = _asked(count, distance, seed)
    return [
        _join(["the"], NUMBERS, _clause(distance, rng), [_one_of(MOODS, rng)], rng)
        for _number in range(count)
    ]


def dishes(count: int, distance: int, seed: int | np.random.Generator) -> list[LongSentence]:
    """Write Chinese sentences, each about one of two dishes, which is named at both ends.

    Parameters and errors are those of `cats`; the distance is between the two namings.

    Examples
    --------
    >>> (sentence,) = dishes(1, distance=10, seed=5)
    >>> " ".join(sentence.words)
    '我 今天 要 做 辣子鸡 首先 下 酱油 然后 下 姜 最后 出锅 的 是 辣子鸡'
    """
    rng = _asked(count, distance, seed)
    return [
        _join("我 今天 要 做".split(), MEALS, _cooking(distance, rng), [], rng)
        for _number in range(count)
    ]


def _asked(count: int, distance: int, seed: int | np.random.Generator) -> np.random.Generator:
    if count < 0:
        raise InputError(
            _("count={count}: give the number of sentences, 0 or more.").format(count=count)
        )
    if not 1 <= distance <= LONGEST:
        raise InputError(
            _("distance={distance}: give the number of words between, from 1 to {longest}.").format(
                distance=distance, longest=LONGEST
            )
        )
    return np.random.default_rng(seed)


def _one_of(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def _join(
    before: list[str],
    cues: dict[str, str],
    between: list[str],
    after: list[str],
    rng: np.random.Generator,
) -> LongSentence:
    cue = _one_of(list(cues), rng)
    (other,) = cues.keys() - {cue}
    words = (*before, cue, *between, cues[cue], *after)
    return LongSentence(words, len(before), len(before) + 1 + len(between), cues[other])


def _clause(length: int, rng: np.random.Generator) -> list[str]:
    """Write what the cat did: from 7 words on, "which ate the apple and the eggs" and so on."""
    if length in CLAUSES:
        words = CLAUSES[length].split()
        return [_one_of(FOODS, rng) if word == "FOOD" else word for word in words]
    meal = [word for _course in range((length - 3) // 2) for word in ("the", _one_of(FOODS, rng))]
    already = ["already"] if length % 2 == 0 else []
    return ["which", *already, "ate", *meal[:-2], "and", *meal[-2:]]


def _cooking(length: int, rng: np.random.Generator) -> list[str]:
    """Write the steps in the kitchen, most of them of three words, and how the sentence ends."""
    end = ENDS[min(length, max(ENDS))].split()
    threes, more = divmod(length - len(end), 3)
    sizes = [3] * threes
    if more == 1 and threes:
        sizes[-1] = 4
    elif more:
        sizes.append(more)
    words: list[str] = []
    for size in sizes:
        words += _step(size, "首先" if not words else _one_of(THEN, rng), rng)
    return [*words, *end]


def _step(size: int, when: str, rng: np.random.Generator) -> list[str]:
    if size == 1:
        return [_one_of(TASKS, rng)]
    does, what = _one_of(VERBS, rng), _one_of(INGREDIENTS, rng)
    return {2: [does, what], 3: [when, does, what], 4: [when, does, "一点", what]}[size]
