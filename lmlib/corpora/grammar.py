"""A small grammar of everyday Chinese: food, places, times, weather, people.

Real everyday text has 面条 and 披萨 a handful of times and 辣子鸡 never: too few for anything to be
learned from them. This grammar writes as many of the documents' kind of sentences as are asked
for, knows the exact probability of each, and holds out what it is told to hold out.

It is a weighted context-free grammar without recursion, so its language is finite, and each
sentence has exactly one derivation. A place and the dish eaten there go together (意大利 and 披萨),
however many words stand between them. 优秀 is said of people and never of the weather.
"""

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from math import prod

import numpy as np

from lmlib.errors import InputError

# ---------------------------------------------------------------- the table

# Words of a class are equally likely.
WORDS = {
    "PERSON": "我 你 他 她 我们 他们 爸爸 妈妈 哥哥 姐姐 爷爷 老师",
    "PAST": "昨天 前天 上个星期 上个月 去年",
    "FUTURE": "明天 后天 下个星期 下个月 明年",
    "WARMTH": "热 冷 暖和 凉快 舒服",
    "QUALITY": "优秀 聪明 高兴 忙 累 年轻",
    "TRADE": "老师 医生 学生 厨师 朋友",
    "TASTE": "好吃 香 特别 便宜",
}

# A place, and the dishes that are eaten there more than elsewhere.
DISHES = {
    "意大利": "披萨 通心粉 冰淇淋",
    "四川": "辣子鸡 火锅 麻婆豆腐",
    "北京": "烤鸭 炸酱面 糖葫芦",
    "上海": "红烧排骨 小笼包 生煎包",
    "日本": "寿司 拉面 生鱼片",
    "韩国": "泡菜 烤肉 冷面",
    "法国": "面包 奶酪 蜗牛",
    "美国": "汉堡 薯条 牛排",
}
EVERYWHERE = "面条 米饭 饺子 苹果 鸡蛋"

LOCAL = 0.75  # how often a dish eaten in a place is one of its own

# Symbol -> right-hand side -> weight. In a rule that names @ a place is chosen, each as likely
# as the others: @ is the place, FOOD@ what is eaten there.
RULES = {
    "S": {"WEATHER": 3, "PEOPLE": 3, "FOOD_TALK": 8, "TRAVEL": 6},
    "WEATHER": {
        "今天 天气 很 SKY": 4,
        "PAST 天气 很 SKY": 2,
        "今天 @ 的 天气 很 SKY": 2,
        "明天 @ 会 下雨": 1,
        "昨天 @ 下雨 了": 1,
    },
    "SKY": {"好": 3, "WARMTH": 5},
    "PEOPLE": {
        "PERSON 很 好": 1,
        "PERSON 很 QUALITY": 4,
        "PERSON 今天 很 QUALITY": 2,
        "PERSON 是 一个 很 QUALITY 的 TRADE": 3,
    },
    "FOOD_TALK": {
        "PERSON 很 喜欢 吃 FOOD": 4,
        "PERSON 不 喜欢 吃 FOOD": 2,
        "PERSON PAST 吃 了 FOOD": 2,
        "PERSON FUTURE 想 吃 FOOD": 2,
        "PERSON 今天 要 做 FOOD": 2,
        "PERSON 会 做 FOOD": 2,
        "PERSON PAST 买 了 FOOD": 2,
        "PERSON 点 了 一份 FOOD": 2,
        "PERSON 做 的 FOOD 很 TASTE": 2,
        "FOOD 很 TASTE": 2,
    },
    "TRAVEL": {
        "PERSON PAST 在 @ 很 喜欢 吃 FOOD@": 4,
        "PERSON PAST 在 @ 吃 了 很多 FOOD@": 2,
        "PERSON 在 @ 的 时候 每天 都 吃 FOOD@": 2,
        "PERSON FUTURE 想 去 @ 吃 FOOD@": 2,
        "PERSON PAST 去 了 @ ， 那里 天气 很 SKY ， 大家 一起 吃 了 FOOD@": 2,
        "PERSON 从 @ 给 大家 买 了 很多 FOOD@": 1,
        "@ 的 FOOD@ 很 TASTE": 2,
    },
}


Productions = dict[str, list[tuple[float, tuple[str, ...]]]]


def _expand() -> Productions:
    """The table as productions: symbol -> (probability, right-hand side), places filled in."""
    table: dict[str, dict[str, float]] = {
        symbol: dict.fromkeys(words.split(), 1.0) for symbol, words in WORDS.items()
    }
    foods = " ".join([*DISHES.values(), EVERYWHERE]).split()
    table["FOOD"] = dict.fromkeys(foods, 1.0)
    for place, dishes in DISHES.items():
        local = dishes.split()
        share, rest = LOCAL / len(local), (1 - LOCAL) / (len(foods) - len(local))
        table[f"FOOD@{place}"] = {food: share if food in local else rest for food in foods}
    for symbol, rules in RULES.items():
        table[symbol] = {}
        for right, weight in rules.items():
            places = list(DISHES) if "@" in right else [""]
            for place in places:
                filled = [
                    place if part == "@" else f"FOOD@{place}" if part == "FOOD@" else part
                    for part in right.split()
                ]
                table[symbol][" ".join(filled)] = weight / len(places)
    return {
        symbol: [(w / sum(rules.values()), tuple(right.split())) for right, w in rules.items()]
        for symbol, rules in table.items()
    }


PRODUCTIONS = _expand()
_CUMULATIVE = {s: list(accumulate(p for p, _ in rules)) for s, rules in PRODUCTIONS.items()}

VOCABULARY = tuple(
    dict.fromkeys(
        symbol
        for rules in PRODUCTIONS.values()
        for _, right in rules
        for symbol in right
        if symbol not in PRODUCTIONS
    )
)

# ---------------------------------------------------------------- what it knows of itself


def support_size() -> int:
    """How many different sentences the grammar can write."""

    def size(symbol: str) -> int:
        if symbol not in PRODUCTIONS:
            return 1
        return sum(prod(map(size, right)) for _, right in PRODUCTIONS[symbol])

    return size("S")


def probability(sentence: str | Sequence[str]) -> float:
    """The exact probability with which the grammar writes a sentence (nothing held out).

    Parameters
    ----------
    sentence
        A list of words, or words with spaces between them.

    Returns
    -------
    float
        0.0 for a sentence that the grammar cannot write.

    Examples
    --------
    >>> probability("今天 天气 很 好") > 0
    True
    >>> probability("今天 天气 很 优秀")
    0.0
    """
    words = sentence.split() if isinstance(sentence, str) else list(sentence)

    @cache
    def spans(symbol: str, start: int) -> dict[int, float]:
        """Where a symbol that begins at ``start`` can end -> with which probability."""
        if symbol not in PRODUCTIONS:
            return {start + 1: 1.0} if words[start : start + 1] == [symbol] else {}
        ends: dict[int, float] = {}
        for chance, right in PRODUCTIONS[symbol]:
            reached = {start: chance}
            for part in right:
                onward: dict[int, float] = {}
                for middle, so_far in reached.items():
                    for end, p in spans(part, middle).items():
                        onward[end] = onward.get(end, 0.0) + so_far * p
                reached = onward
                if not reached:
                    break
            for end, p in reached.items():
                ends[end] = ends.get(end, 0.0) + p
        return ends

    return spans("S", 0).get(len(words), 0.0)


# ---------------------------------------------------------------- writing sentences

_PATIENCE = 100_000  # sentences thrown away in a row before a request counts as impossible


def generate(
    count: int,
    seed: int | np.random.Generator,
    *,
    hold_out: Iterable[Sequence[str]] = (),
    exposures: Mapping[str, int] | None = None,
) -> list[list[str]]:
    """Write sentences, each a list of words (join them for raw text).

    Sentences are independent draws from the grammar, given that they hold nothing of `hold_out`.
    With `exposures`, the words named there are removed too, and then given back exactly so often:
    ``count - k`` sentences without the word and ``k`` with it once, in random order.

    Parameters
    ----------
    count
        How many sentences.
    seed
        A number, or the generator to draw from. The same number gives the same sentences.
    hold_out
        Runs of words that never stand side by side, such as ``[("吃", "披萨")]``; a run of one
        word never has that word.
    exposures
        Word -> in how many sentences it stands (once each), such as ``{"披萨": 5}``. Sentences
        hold at most one of these words.

    Raises
    ------
    InputError
        If a word is not one of the grammar's, if the exposures do not fit into `count`, or if no
        sentence is left that fulfils the request.

    Examples
    --------
    >>> sample = generate(200, seed=1, hold_out=[("吃", "披萨")], exposures={"披萨": 5})
    >>> sum(words.count("披萨") for words in sample)
    5
    >>> any("吃 披萨" in " ".join(words) for words in sample)
    False
    """
    exposures = dict(exposures or {})
    runs = [tuple(run) for run in hold_out]
    _check(count, runs, exposures)
    random = np.random.default_rng(seed)

    def draw(wanted: str | None) -> list[str]:
        for _ in range(_PATIENCE):
            words = list(_derive("S", random))
            controlled = [word for word in words if word in exposures]
            if controlled == ([] if wanted is None else [wanted]) and not _holds(words, runs):
                return words
        what = "any sentence" if wanted is None else f"a sentence with {wanted}"
        raise InputError(
            f"the grammar hardly writes {what} that avoids hold_out={runs}; hold out less."
        )

    plan: list[str | None] = [word for word, times in exposures.items() for _ in range(times)]
    plan += [None] * (count - len(plan))
    if exposures:
        plan = [plan[i] for i in np.argsort(random.random(count), kind="stable")]
    return [draw(wanted) for wanted in plan]


def _derive(symbol: str, random: np.random.Generator) -> Iterator[str]:
    rules = PRODUCTIONS.get(symbol)
    if rules is None:
        yield symbol
        return
    chosen = 0
    if len(rules) > 1:
        chosen = min(bisect(_CUMULATIVE[symbol], random.random()), len(rules) - 1)
    for part in rules[chosen][1]:
        yield from _derive(part, random)


def _holds(words: list[str], runs: list[tuple[str, ...]]) -> bool:
    return any(
        tuple(words[i : i + len(run)]) == run
        for run in runs
        for i in range(len(words) - len(run) + 1)
    )


def _check(count: int, runs: list[tuple[str, ...]], exposures: Mapping[str, int]) -> None:
    if count < 0:
        raise InputError(f"count={count}: give the number of sentences, 0 or more.")
    for word in [*exposures, *(word for run in runs for word in run)]:
        if word not in VOCABULARY:
            raise InputError(
                f"{word!r} is not a word of the grammar; it has: {' '.join(VOCABULARY)}"
            )
    if () in runs:
        raise InputError("hold_out holds an empty run of words; name at least one word.")
    if any(times < 0 for times in exposures.values()) or sum(exposures.values()) > count:
        raise InputError(
            f"exposures={dict(exposures)} do not fit into {count} sentences: each word takes a "
            "sentence of its own for each time that it is seen."
        )
