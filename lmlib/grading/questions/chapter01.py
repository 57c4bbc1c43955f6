"""The questions of chapter 01, and the goals of the chapter that they check.

- ``01-chain-logprob``: goal 1, take the probability of a sentence apart, word by word, and put it
  together again without losing it to rounding.
- ``01-perplexity``: goal 2, say in one number how well a model foretells a text.
- ``01-greedy-next``: goal 3, the word that fits against the word that is only frequent. Who looks
  away from the context gets the frequent one.

A first-order Markov model is a table here: ``table[previous][token]`` is P(token | previous).
"""

import math
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lmlib import decoding
from lmlib.errors import InputError
from lmlib.grading.question import Mistake, Question
from lmlib.language_model import Array, LanguageModel, Score, State, sequence_logprobs
from lmlib.text import BOS, EOS, SPECIAL_TOKENS, UNK, TextFormat, Vocab
from lmlib.translation import gettext as _

Table = dict[str, dict[str, float]]
Logprobs = list[list[float]]

# ---------------------------------------------------------------- the references


class _Chain(LanguageModel):
    """A table as a language model of the library; the tokens of ``first`` get the low numbers."""

    context_length = 1
    text_format = TextFormat("whitespace")

    def __init__(self, table: Table, first: Iterable[str]) -> None:
        followers = (token for row in table.values() for token in row)
        tokens = dict.fromkeys([*SPECIAL_TOKENS, *first, *table, *followers])
        self.vocab = Vocab(tokens)
        self.logprobs = np.full((len(tokens), len(tokens)), -np.inf)  # (V, V)
        for previous, row in table.items():
            for token, probability in row.items():
                if probability > 0:
                    place = self.vocab[previous], self.vocab[token]
                    self.logprobs[place] = math.log(probability)

    def initial_state(self, batch_size: int) -> State:
        return (np.zeros((batch_size, 0)),)

    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        return self.logprobs[np.asarray(tokens)], state

    def token_logprobs(
        self, inputs: npt.ArrayLike, targets: npt.ArrayLike, state: State | None = None
    ) -> tuple[Array, State]:
        inputs, targets = np.asarray(inputs), np.asarray(targets)
        state = self.initial_state(len(targets)) if state is None else state
        return np.where(targets >= 0, self.logprobs[inputs, targets], 0.0), state


def _chain_logprob(table: Table, sentence: list[str]) -> float:
    model = _Chain(table, sentence)
    tokens = np.append(model.vocab.encode(sentence), model.vocab.eos)
    (logprobs,) = sequence_logprobs(model, [tokens])
    return float(logprobs.sum())


def _perplexity(logprobs: Logprobs) -> float:
    tokens = [logprob for sentence in logprobs for logprob in sentence]
    return Score(
        logprob_known=sum(tokens),
        logprob_oov=0.0,
        tokens=len(tokens),
        oov=0,
        sequences=len(logprobs),
        characters=0,
        impossible=0,
        undefined=0,
        normalised=True,
    ).perplexity


def _greedy_next(table: Table, words: list[str]) -> str | None:
    """`decoding.greedy`, one token of it.

    Of equally probable tokens it takes that with the lowest number, and the end before all words:
    so in every case given, ``<eos>`` stands first in the row that has it.
    """
    row = table.get(words[-1] if words else BOS, {})
    model = _Chain(table, [*row, *words])
    try:
        written = decoding.greedy(model, model.vocab.encode(words), 1)
    except InputError:  # nothing can follow
        return None
    return model.vocab.decode(written)[0] if written.size else EOS


# ---------------------------------------------------------------- the cases

_WORDS = "天气 很 好 我 喜欢 吃 面条 披萨 他 优秀 今天".split()

_WEATHER: Table = {
    BOS: {"我": 0.5, "天气": 0.5},
    "我": {"很": 0.2, "吃": 0.8},
    "天气": {"很": 1.0},
    "很": {"好": 0.6, "很": 0.4},
    "好": {EOS: 0.25, "很": 0.75},
}


def _draw_table(rng: np.random.Generator, size: int) -> Table:
    """Rows of twentieths; ``<eos>``, where a row has it, stands first."""
    words = rng.permutation(_WORDS)[: min(2 + size, 9)].tolist()
    table: Table = {}
    for previous in [BOS, *words]:
        followers = rng.permutation(words)[: rng.integers(2, min(len(words), 4) + 1)].tolist()
        if previous != BOS and rng.random() < 0.7:
            followers.insert(0, EOS)
        shares = 1 + rng.multinomial(
            20 - len(followers), np.full(len(followers), 1) / len(followers)
        )
        table[previous] = {w: int(n) / 20 for w, n in zip(followers, shares, strict=True)}
    return table


def _draw_chain(rng: np.random.Generator, size: int) -> tuple[Table, list[str]]:
    table = _draw_table(rng, size)
    length = 1200 if size % 5 == 0 else int(rng.integers(0, size + 3))
    sentence: list[str] = []
    previous = BOS
    for _place in range(length):
        followers = [token for token in table[previous] if token != EOS]
        previous = str(rng.choice(followers))
        sentence.append(previous)
    if sentence and size % 5:
        kind = rng.random()
        if kind < 0.2:  # any word, so that the sentence is perhaps impossible
            sentence[int(rng.integers(len(sentence)))] = str(rng.choice(_WORDS))
        elif kind < 0.9:
            table[sentence[-1]].setdefault(EOS, 0.05)
    return table, sentence


def _draw_logprobs(rng: np.random.Generator, size: int) -> tuple[Logprobs]:
    sentences = 20 * size if size % 5 == 0 else int(rng.integers(1, size + 2))
    probabilities = [0.5, 0.25, 0.1, 0.05, 0.01]
    logprobs = [
        [math.log(p) for p in rng.choice(probabilities, rng.integers(1, 4 + size))]
        for _sentence in range(sentences)
    ]
    if size % 5 and rng.random() < 0.15:
        logprobs[-1][0] = -math.inf
    return (logprobs,)


def _draw_greedy(rng: np.random.Generator, size: int) -> tuple[Table, list[str]]:
    table = _draw_table(rng, size)
    said = [word for word in _WORDS if word in table]
    words = rng.choice(said, rng.integers(size + 2)).tolist()
    last = words[-1] if words else BOS
    kind = rng.random()
    if kind < 0.2:  # nobody could write down what is likeliest
        table[last] = {token: p / 4 for token, p in table[last].items()} | {UNK: 0.75}
    elif kind < 0.5:  # equals
        followers = rng.permutation(said)[: rng.integers(2, 5)].tolist()
        table[last] = {word: 1 / len(followers) for word in followers}
    elif kind < 0.6:
        table[last] = {UNK: 1.0}
    elif kind < 0.75 and words:
        del table[last]
    elif kind < 0.85:
        table[last] = {EOS: 0.6} | {said[0]: 0.4}
    return table, words


# ---------------------------------------------------------------- the mistakes


def _ln(probability: float) -> float:
    return math.log(probability) if probability > 0 else -math.inf


def _factors(table: Table, tokens: list[str]) -> list[float]:
    return [table.get(before, {}).get(token, 0.0) for before, token in pairwise(tokens)]


def _chain_of_products(table: Table, sentence: list[str]) -> float:
    return _ln(math.prod(_factors(table, [BOS, *sentence, EOS])))


def _chain_without_end(table: Table, sentence: list[str]) -> float:
    return sum(map(_ln, _factors(table, [BOS, *sentence])))


def _chain_without_beginning(table: Table, sentence: list[str]) -> float:
    return sum(map(_ln, _factors(table, [*sentence, EOS])))


def _chain_without_marks(table: Table, sentence: list[str]) -> float:
    return sum(map(_ln, _factors(table, sentence)))


def _chain_skipping_zeros(table: Table, sentence: list[str]) -> float:
    return sum(_ln(p) for p in _factors(table, [BOS, *sentence, EOS]) if p > 0)


def _chain_sign(table: Table, sentence: list[str]) -> float:
    return -sum(map(_ln, _factors(table, [BOS, *sentence, EOS])))


def _chain_nothing_is_certain(table: Table, sentence: list[str]) -> float:
    return _chain_logprob(table, sentence) if sentence else 0.0


def _chain_in_bits(table: Table, sentence: list[str]) -> float:
    return sum(map(_ln, _factors(table, [BOS, *sentence, EOS]))) / math.log(2)


def _chain_raising(table: Table, sentence: list[str]) -> float:
    tokens = [BOS, *sentence, EOS]
    return sum(math.log(table[before][token]) for before, token in pairwise(tokens))


def _chain_raising_at_zero(table: Table, sentence: list[str]) -> float:
    return sum(math.log(factor) for factor in _factors(table, [BOS, *sentence, EOS]))


def _chain_mean(table: Table, sentence: list[str]) -> float:
    return sum(map(_ln, _factors(table, [BOS, *sentence, EOS]))) / (len(sentence) + 1)


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _pooled(logprobs: Logprobs) -> list[float]:
    return [logprob for sentence in logprobs for logprob in sentence]


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


def _perplexity_mean_of_exps(logprobs: Logprobs) -> float:
    return _mean(_exp(-logprob) for logprob in _pooled(logprobs))


def _perplexity_mean_of_sentences(logprobs: Logprobs) -> float:
    return _mean(_exp(-_mean(sentence)) for sentence in logprobs)


def _perplexity_of_sentence_means(logprobs: Logprobs) -> float:
    return _exp(-_mean(_mean(sentence) for sentence in logprobs))


def _perplexity_without_exp(logprobs: Logprobs) -> float:
    return -_mean(_pooled(logprobs))


def _perplexity_two_to_the(logprobs: Logprobs) -> float:
    return 2 ** -_mean(_pooled(logprobs))


def _perplexity_a_sentence(logprobs: Logprobs) -> float:
    return _exp(-sum(_pooled(logprobs)) / len(logprobs))


def _perplexity_of_ragged_rows(logprobs: Logprobs) -> float:
    return float(np.exp(-np.mean(logprobs)))


def _perplexity_without_end(logprobs: Logprobs) -> float:
    return _exp(-_mean(_pooled([sentence[:-1] for sentence in logprobs])))


def _perplexity_of_first_sentence(logprobs: Logprobs) -> float:
    return _exp(-_mean(logprobs[0]))


def _perplexity_of_the_possible(logprobs: Logprobs) -> float:
    return _exp(-_mean(logprob for logprob in _pooled(logprobs) if logprob > -math.inf))


def _perplexity_sign(logprobs: Logprobs) -> float:
    return math.exp(_mean(_pooled(logprobs)))


def _perplexity_end_uncounted(logprobs: Logprobs) -> float:
    words = len(_pooled(logprobs)) - len(logprobs)
    return _exp(-sum(_pooled(logprobs)) / words) if words else math.inf


def _perplexity_of_product(logprobs: Logprobs) -> float:
    tokens = _pooled(logprobs)
    product = math.prod(map(math.exp, tokens))
    return product ** (-1 / len(tokens)) if product else math.inf


def _perplexity_of_product_raising(logprobs: Logprobs) -> float:
    tokens = _pooled(logprobs)
    return float((1 / math.prod(map(math.exp, tokens))) ** (1 / len(tokens)))


def _most_probable(row: dict[str, float]) -> str | None:
    return max((token for token in row if token != UNK), key=lambda token: row[token], default=None)


def _row(table: Table, words: list[str]) -> dict[str, float]:
    return table.get([BOS, *words][-1], {})


def _greedy_without_context(table: Table, words: list[str]) -> str | None:
    total: Counter[str] = Counter()
    for row in table.values():
        total.update(row)
    return _most_probable(dict(total))


def _greedy_anywhere(table: Table, words: list[str]) -> str | None:
    entries = [entry for row in table.values() for entry in row.items() if entry[0] != UNK]
    return max(entries, key=lambda entry: entry[1])[0] if entries else None


def _greedy_from_beginning(table: Table, words: list[str]) -> str | None:
    return _most_probable(table[BOS])


def _greedy_from_first(table: Table, words: list[str]) -> str | None:
    return _most_probable(table.get(words[0] if words else BOS, {}))


def _greedy_unknown(table: Table, words: list[str]) -> str | None:
    row = _row(table, words)
    return max(row, key=lambda token: row[token], default=None)


def _greedy_endless(table: Table, words: list[str]) -> str | None:
    return _most_probable({t: p for t, p in _row(table, words).items() if t != EOS})


def _greedy_last_of_ties(table: Table, words: list[str]) -> str | None:
    return _most_probable(dict(reversed(_row(table, words).items())))


def _greedy_ties_by_alphabet(table: Table, words: list[str]) -> str | None:
    return _most_probable(dict(sorted(_row(table, words).items())))


def _greedy_no_beginning(table: Table, words: list[str]) -> str | None:
    return _most_probable(table.get(words[-1], {}))


def _greedy_raising(table: Table, words: list[str]) -> str | None:
    row = table[[BOS, *words][-1]]
    return max((token for token in row if token != UNK), key=lambda token: row[token])


def _greedy_raising_at_empty(table: Table, words: list[str]) -> str | None:
    row = _row(table, words)
    return max((token for token in row if token != UNK), key=lambda token: row[token])


def _greedy_least(table: Table, words: list[str]) -> str | None:
    row = _row(table, words)
    return min((token for token in row if token != UNK), key=lambda t: row[t], default=None)


# ---------------------------------------------------------------- the questions


def questions() -> tuple[Question, ...]:
    """The three of chapter 01, in the reader's language."""
    of_zero = _(
        "A row may be missing, and a token may be missing in its row: that is the probability 0, "
        "and no error. The logarithm of 0 is -math.inf here."
    )
    of_context = _(
        "The answer does not depend on the last word. What is most probable anywhere is not what "
        "is most probable here: only the row of the last word counts."
    )
    of_product = _(
        "The probabilities were multiplied before anything was done about their size. A long text "
        "makes such a product exactly 0.0; stay in logarithms to the end."
    )
    of_nothing = _(
        "A word that has no row, or none but <unk> in it, cannot be followed by anything. Give "
        "None there; an error helps nobody."
    )
    of_ties = _(
        "Where two tokens are equally probable, the wrong one of them was taken: the one that "
        "stands first in the row is asked for."
    )
    return (
        Question(
            "01-chain-logprob",
            "chain_logprob",
            _chain_logprob,
            worked=(
                ({BOS: {EOS: 0.5, "好": 0.5}}, []),
                ({BOS: {"好": 1.0}}, ["好"]),
                (_WEATHER, ["天气", "很", "好"]),
                (_WEATHER, ["我", "很", "好"]),
                (_WEATHER, ["我", "好"]),
                (_WEATHER, ["我", "吃"]),
                (_WEATHER, ["天气", *["很"] * 1000, "好"]),
            ),
            draw=_draw_chain,
            mistakes=(
                Mistake(
                    "multiplies first: underflow",
                    _(
                        "Underflow: the product of many probabilities has become exactly 0.0 "
                        "before its logarithm was taken. A sum of logarithms has no such limit."
                    ),
                    _chain_of_products,
                ),
                Mistake(
                    "no <eos>",
                    _("The end is missing: <eos> is predicted after the last word, like a word."),
                    _chain_without_end,
                ),
                Mistake(
                    "no <bos>",
                    _("The first word is missing: it is predicted too, from <bos>."),
                    _chain_without_beginning,
                ),
                Mistake(
                    "neither <bos> nor <eos>",
                    _(
                        "Both marks are missing: the first word is predicted from <bos>, and <eos> "
                        "is predicted from the last word."
                    ),
                    _chain_without_marks,
                ),
                Mistake(
                    "skips what is impossible",
                    _(
                        "A factor of 0 was left out. One impossible step makes the whole sentence "
                        "impossible: ln P is minus infinity."
                    ),
                    _chain_skipping_zeros,
                ),
                Mistake("raises where a token is missing", of_zero, _chain_raising),
                Mistake("raises at the logarithm of 0", of_zero, _chain_raising_at_zero),
                Mistake(
                    "the sign",
                    _(
                        "This is the surprise, minus ln P. The logarithm of a probability itself "
                        "is never above zero."
                    ),
                    _chain_sign,
                ),
                Mistake(
                    "the empty sentence is certain",
                    _(
                        "The empty sentence has a probability too: that <eos> comes right after "
                        "<bos>."
                    ),
                    _chain_nothing_is_certain,
                ),
                Mistake(
                    "base 2",
                    _("This is the logarithm to the base 2; the natural logarithm is asked for."),
                    _chain_in_bits,
                ),
                Mistake(
                    "the mean, not the sum",
                    _(
                        "This is the mean over the tokens. The probability of the whole sentence "
                        "is a product of all its factors, and its logarithm a sum."
                    ),
                    _chain_mean,
                ),
            ),
        ),
        Question(
            "01-perplexity",
            "perplexity",
            _perplexity,
            worked=(
                ([[math.log(1 / 6)] * 3],),
                ([[math.log(0.5), math.log(0.5)], [math.log(0.5), math.log(0.25)]],),
                ([[math.log(0.1)], [math.log(0.5)] * 3],),
                ([[math.log(0.5), -math.inf], [math.log(0.5)]],),
                ([[math.log(0.1)] * 20] * 20,),
            ),
            draw=_draw_logprobs,
            mistakes=(
                Mistake(
                    "mean of exps",
                    _(
                        "This is the mean of 1/P. Average the surprises first, and undo the "
                        "logarithm once, at the end."
                    ),
                    _perplexity_mean_of_exps,
                ),
                Mistake(
                    "mean of the sentences' perplexities",
                    _(
                        "This is the mean of the perplexities of the sentences. A text has one "
                        "perplexity, that of all its tokens together."
                    ),
                    _perplexity_mean_of_sentences,
                ),
                Mistake(
                    "every sentence weighs the same",
                    _(
                        "Each sentence was averaged first, and then the sentences: so a token in a "
                        "short sentence weighs more. Every token weighs the same."
                    ),
                    _perplexity_of_sentence_means,
                ),
                Mistake(
                    "no exponential",
                    _("This is the cross-entropy, in nats. The perplexity is its exponential."),
                    _perplexity_without_exp,
                ),
                Mistake(
                    "2 to the power of nats",
                    _("The logarithms are natural ones: undo them with e, not with 2."),
                    _perplexity_two_to_the,
                ),
                Mistake(
                    "divides by the sentences",
                    _(
                        "The sum was divided by the number of sentences. It is divided by the "
                        "number of tokens."
                    ),
                    _perplexity_a_sentence,
                ),
                Mistake(
                    "the sign",
                    _(
                        "This is below one, the inverse of the perplexity. The surprise of a token "
                        "is minus its log-probability."
                    ),
                    _perplexity_sign,
                ),
                Mistake(
                    "averages rows of different length",
                    _(
                        "The sentences are of different lengths, so they are no table that NumPy "
                        "could average. Put all their tokens into one list first."
                    ),
                    _perplexity_of_ragged_rows,
                ),
                Mistake(
                    "drops the last token",
                    _(
                        "The last token of each sentence was left out: its <eos> is predicted and "
                        "scored like the others."
                    ),
                    _perplexity_without_end,
                ),
                Mistake(
                    "the first sentence alone",
                    _(
                        "Only the first sentence was looked at: does a return stand inside the "
                        "loop?"
                    ),
                    _perplexity_of_first_sentence,
                ),
                Mistake(
                    "leaves out what is impossible",
                    _(
                        "A token of probability 0 was left out. What the model holds to be "
                        "impossible, and happened, makes the perplexity infinite."
                    ),
                    _perplexity_of_the_possible,
                ),
                Mistake(
                    "<eos> not counted as a token",
                    _(
                        "The sum was divided by too few tokens: the last token of each sentence, "
                        "its <eos>, is counted like the others."
                    ),
                    _perplexity_end_uncounted,
                ),
                Mistake(
                    "multiplies first: underflow to infinity", of_product, _perplexity_of_product
                ),
                Mistake(
                    "multiplies first: division by zero", of_product, _perplexity_of_product_raising
                ),
            ),
        ),
        Question(
            "01-greedy-next",
            "greedy_next",
            _greedy_next,
            worked=(
                (_WEATHER, ["天气"]),
                (_WEATHER, ["我", "很"]),
                ({BOS: {"我": 0.75, "他": 0.25}, "我": {EOS: 1.0}, "他": {"我": 1.0}}, []),
                ({BOS: {"好": 1.0}, "好": {EOS: 0.75, "很": 0.25}}, ["好"]),
                ({BOS: {"吃": 1.0}, "吃": {UNK: 0.5, "面条": 0.25, "披萨": 0.25}}, ["吃"]),
                ({BOS: {"吃": 1.0}, "吃": {"披萨": 0.5, "面条": 0.5}}, ["吃"]),
                (_WEATHER, ["我", "吃"]),
                ({BOS: {"吃": 1.0}, "吃": {UNK: 1.0}}, ["吃"]),
                ({BOS: {"吃": 0.0001, UNK: 0.9999}}, []),
            ),
            draw=_draw_greedy,
            mistakes=(
                Mistake(
                    "ignores the context: adds up all rows", of_context, _greedy_without_context
                ),
                Mistake("ignores the context: the highest anywhere", of_context, _greedy_anywhere),
                Mistake("ignores the context: always <bos>", of_context, _greedy_from_beginning),
                Mistake(
                    "looks at the first word",
                    _(
                        "This looks at the first word of the text. A model with one word of memory "
                        "remembers the last one."
                    ),
                    _greedy_from_first,
                ),
                Mistake(
                    "writes <unk>",
                    _(
                        "<unk> stands for words that the model does not know, so nobody can write "
                        "it down. Take the most probable of the other tokens."
                    ),
                    _greedy_unknown,
                ),
                Mistake(
                    "never ends",
                    _("<eos> was passed over. To stop is a choice too, and may be the likeliest."),
                    _greedy_endless,
                ),
                Mistake("takes the last of equals", of_ties, _greedy_last_of_ties),
                Mistake("takes equals by the alphabet", of_ties, _greedy_ties_by_alphabet),
                Mistake(
                    "needs a first word",
                    _(
                        "Where no word has been said yet, there is no last one. What stands before "
                        "the first word is <bos>."
                    ),
                    _greedy_no_beginning,
                ),
                Mistake("raises where the row is missing", of_nothing, _greedy_raising),
                Mistake("raises where the row is empty", of_nothing, _greedy_raising_at_empty),
                Mistake(
                    "the least probable",
                    _("This is the least probable token of the row; the most probable is wanted."),
                    _greedy_least,
                ),
            ),
        ),
    )
