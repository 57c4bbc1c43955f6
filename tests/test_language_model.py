"""What is asked of every model: perplexity, counts, ranking, and what padding may not do."""

import math
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlib import language_model
from lmlib.errors import InputError
from lmlib.language_model import (
    Array,
    LanguageModel,
    State,
    perplexity,
    rank,
    score,
    select,
    sequence_logprobs,
)
from lmlib.text import TextFormat, Vocab

LETTERS = ["<unk>", "<bos>", "<eos>", "a", "b", "c"]
UNK, BOS, EOS, A, B, C = range(6)


class UniformLM(LanguageModel):
    """Every token that can come next is equally probable."""

    def __init__(self, unit: str = "sentence", vocab: Vocab | None = None) -> None:
        self.vocab = vocab or Vocab(LETTERS)
        self.text_format = TextFormat("characters", unit)

    def initial_state(self, batch_size: int) -> State:
        return ()

    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        weights = np.ones(len(self.vocab))
        weights[self.vocab.bos] = 0
        if self.text_format.unit == "stream":
            weights[self.vocab.eos] = 0
        with np.errstate(divide="ignore"):
            row = np.log(weights / weights.sum())
        return np.tile(row, (np.size(tokens), 1)), ()


class UnigramLM(UniformLM):
    """Each token has its own score, whatever came before."""

    def __init__(self, scores: list[float], unit: str = "sentence", counts: list | None = None):
        super().__init__(unit, Vocab(LETTERS, counts))
        with np.errstate(divide="ignore"):
            self.row = np.log(scores)

    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        return np.tile(self.row, (np.size(tokens), 1)), ()


class WholeHistoryLM(UniformLM):
    """Its scores depend on every token read and on their order; its state says which were read."""

    def initial_state(self, batch_size: int) -> State:
        return np.full(batch_size, 7), np.zeros((batch_size, 2), np.int64)

    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        history = (state[0] * 31 + np.asarray(tokens)) % 1009  # (B,)
        steps = state[1] + 1
        raw = np.cos(history[:, None] * np.arange(1, 7))  # (B, V)
        return raw - np.log(np.exp(raw).sum(axis=1, keepdims=True)), (history, steps)


def by_definition(model: LanguageModel, ids: list[int]) -> list[float]:
    """ln P of each token, by a plain walk along one row."""
    state, read, scores = model.initial_state(1), model.vocab.bos, []
    for token in ids:
        logprobs, state = model.step([read], state)
        scores.append(float(logprobs[0, token]))
        read = token
    return scores


# ---------------------------------------------------------------- perplexity


@pytest.mark.parametrize(
    # of the 6 tokens <bos> is never predicted, nor is a stream's <eos>
    ("unit", "predictable"),
    [("sentence", 5), ("stream", 4)],
)
def test_a_uniform_model_is_as_perplexed_as_it_has_choices(unit: str, predictable: int) -> None:
    assert perplexity(UniformLM(unit), "abc\n\ncab\nb\n") == pytest.approx(predictable, rel=1e-12)


def test_perplexity_and_bits_by_hand() -> None:
    # P(<unk>) = 1/32, P(<eos>) = 1/4, P(a) = 1/2, P(b) = 1/8, P(c) = 3/32: they sum to one.
    model = UnigramLM([1 / 32, 0, 1 / 4, 1 / 2, 1 / 8, 3 / 32])
    # "ab" and "z" cost 1 + 3 + 2 and 5 + 2 bits: 13 in all, over 5 tokens (two are <eos>) and
    # 5 characters (two are newlines). z is not in the vocabulary and is read as <unk>.
    found = score(model, "ab\nz\n")
    assert (found.tokens, found.oov, found.sequences, found.characters) == (5, 1, 2, 5)
    assert found.logprob == pytest.approx(-13 * math.log(2))
    assert found.bits_per_token == pytest.approx(13 / 5)
    assert found.nats_per_token == pytest.approx(13 / 5 * math.log(2))
    assert found.bits_per_character == pytest.approx(13 / 5)
    assert found.perplexity == pytest.approx(2 ** (13 / 5))
    # without z: 1 + 3 + 2 + 2 = 8 bits over 4 tokens
    assert found.perplexity_without_oov == pytest.approx(2 ** (8 / 4))
    assert (found.impossible, found.undefined, found.normalised) == (0, 0, True)


def test_bits_per_character_divide_by_the_raw_text_not_by_its_tokens() -> None:
    model = UniformLM(vocab=Vocab(["<unk>", "<bos>", "<eos>", "pizza", "noodles"]))
    model.text_format = TextFormat("words")
    # two words and <eos>, 2 bits each (4 tokens can come next); 14 characters with the newline
    found = score(model, "pizza noodles\n")
    assert found.tokens == 3
    assert found.characters == 14
    assert found.bits_per_character == pytest.approx(3 * 2 / 14)
    assert score(model, "pizza noodles") == found  # a missing last newline changes nothing


def test_a_stream_has_no_end_and_its_newlines_are_tokens() -> None:
    found = score(UniformLM("stream"), "ab\nc")
    assert (found.tokens, found.oov, found.sequences, found.characters) == (4, 1, 1, 4)


def test_unk_in_the_text_is_a_known_word_where_training_saw_it() -> None:
    scores = [1 / 4, 0, 1 / 4, 1 / 4, 1 / 8, 1 / 8]
    for count, oov in ((3, 1), (0, 2)):
        model = UnigramLM(scores, counts=[count, 0, 0, 1, 1, 1])
        model.text_format = TextFormat("whitespace")
        found = score(model, "a <unk> dog\n")  # 2 bits each, and 2 for <eos>
        assert (found.tokens, found.oov) == (4, oov)
        assert found.perplexity == pytest.approx(4)


def test_impossible_tokens_make_the_perplexity_infinite() -> None:
    found = score(UnigramLM([0, 0, 0.5, 0.5, 0, 0]), "aab\nz\n")
    assert (found.impossible, found.undefined) == (2, 0)
    assert found.perplexity == math.inf
    assert found.perplexity_without_oov == math.inf  # b is known, and impossible
    found = score(UnigramLM([0, 0, 0.5, 0.5, 0, 0]), "aa\nz\n")
    assert found.perplexity == math.inf
    assert found.perplexity_without_oov == pytest.approx(2)  # only z is impossible


def test_undefined_tokens_leave_the_perplexity_undefined() -> None:
    found = score(UnigramLM([math.nan, 0, 0.5, 0.5, 0, 0]), "az\n")
    assert (found.impossible, found.undefined) == (0, 1)
    assert math.isnan(found.nats_per_token)
    assert math.isnan(found.perplexity)
    assert found.perplexity_without_oov == pytest.approx(2)


def test_without_known_tokens_there_is_no_perplexity_of_them() -> None:
    assert math.isnan(score(UniformLM("stream"), "xyz").perplexity_without_oov)


def test_very_improbable_text_has_infinite_perplexity_not_an_overflow() -> None:
    model = UnigramLM([1, 0, 1, 1, 1, 1])
    model.row = np.full(6, -1000.0)
    assert perplexity(model, "a\n") == math.inf
    assert score(model, "a\n").nats_per_token == 1000


@pytest.mark.parametrize("unit", ["sentence", "stream"])
def test_a_text_without_tokens_is_refused(unit: str) -> None:
    with pytest.raises(InputError, match="no token to score"):
        score(UniformLM(unit), "")


def test_an_empty_line_is_a_sentence_with_an_end() -> None:
    found = score(UniformLM(), "\n\n")
    assert (found.tokens, found.sequences, found.characters) == (2, 2, 2)


def test_scores_that_do_not_sum_to_one_are_no_perplexity_without_saying_so() -> None:
    model = UnigramLM([1, 0, 1, 1, 1, 1])
    model.normalised = False
    with pytest.warns(UserWarning, match="no perplexity"):
        perplexity(model, "ab\n")
    assert score(model, "ab\n").normalised is False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        perplexity(UniformLM(), "ab\n")


# ---------------------------------------------------------------- ranking


def test_candidates_come_by_joint_probability_and_equals_in_their_order() -> None:
    # bits: a 1, b 3, <eos> 2
    model = UnigramLM([1 / 32, 0, 1 / 4, 1 / 2, 1 / 8, 3 / 32])
    ranked = rank(model, ["b", "aaa", "ab", "ba", "a"])
    assert [r.text for r in ranked] == ["a", "b", "aaa", "ab", "ba"]
    assert [round(-r.logprob / math.log(2)) for r in ranked] == [3, 5, 5, 6, 6]
    assert [r.tokens for r in ranked] == [2, 2, 4, 3, 3]
    # length divided out, "aaa" is the better of the two that cost five bits
    assert ranked[2].nats_per_token == pytest.approx(5 / 4 * math.log(2))
    assert ranked[1].nats_per_token == pytest.approx(5 / 2 * math.log(2))


def test_impossible_candidates_come_late_and_undefined_ones_last() -> None:
    model = UnigramLM([math.nan, 0, 0.5, 0.5, 0, 0])
    ranked = rank(model, ["z", "c", "a", "az", "b", "aa"])
    assert [r.text for r in ranked] == ["a", "aa", "c", "b", "z", "az"]
    assert [r.oov for r in ranked] == [0, 0, 0, 0, 1, 1]
    assert math.isnan(ranked[-1].logprob) and ranked[2].logprob == -math.inf


def test_a_candidate_is_one_sentence() -> None:
    with_newline, without = rank(UniformLM(), ["ab\n", "ab"])
    assert with_newline.tokens == without.tokens == 3
    assert with_newline.logprob == pytest.approx(-3 * math.log(5))


def test_a_candidate_without_tokens_is_named() -> None:
    assert rank(UniformLM(), [""])[0].tokens == 1  # the empty sentence has its end
    with pytest.raises(InputError, match="candidate '' holds no token"):
        rank(UniformLM("stream"), ["a", ""])
    assert rank(UniformLM(), []) == []


# ---------------------------------------------------------------- sequences, padding, state

ids = st.integers(3, 5)
sequences_of_ids = st.lists(st.lists(ids, max_size=7), max_size=6)


@given(sequences_of_ids)
def test_sequences_score_as_a_plain_walk_does_in_the_order_given(
    sequences: list[list[int]],
) -> None:
    model = WholeHistoryLM()
    scores = sequence_logprobs(model, [np.array(s, np.int64) for s in sequences])
    assert [len(row) for row in scores] == [len(s) for s in sequences]
    for row, sequence in zip(scores, sequences, strict=True):
        np.testing.assert_allclose(row, by_definition(model, sequence), rtol=1e-12)


def test_a_stream_too_long_for_one_piece_scores_as_if_whole() -> None:
    model = WholeHistoryLM("stream")
    length = language_model._BATCH_TOKENS + 50
    sequence = np.random.default_rng(1).integers(3, 6, length)
    (scores,) = sequence_logprobs(model, [sequence])
    history, expected = 7, np.empty(length)
    for i, token in enumerate([BOS, *sequence[:-1].tolist()]):
        history = (history * 31 + token) % 1009
        expected[i] = history
    rows = np.cos(expected[:, None] * np.arange(1, 7))
    rows -= np.log(np.exp(rows).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(scores, rows[np.arange(length), sequence], rtol=1e-12)


@given(st.lists(st.lists(st.none() | ids, min_size=6, max_size=6), min_size=1, max_size=4))
@settings(deadline=None)
def test_padding_anywhere_scores_nothing_and_moves_no_state(
    rows: list[list[int | None]],
) -> None:
    model = WholeHistoryLM()
    targets = np.array([[-1 if token is None else token for token in row] for row in rows])
    inputs = np.where(targets < 0, BOS, 9 - targets)  # any tokens; what stands beside padding
    start = model.initial_state(len(rows))
    logprobs, (history, steps) = model.token_logprobs(inputs, targets, start)
    assert (logprobs[targets < 0] == 0).all()
    for b in range(len(rows)):
        state, expected = model.initial_state(1), []
        for token, target in zip(inputs[b], targets[b], strict=True):
            if target >= 0:
                predicted, state = model.step([token], state)
                expected.append(predicted[0, target])
        np.testing.assert_allclose(logprobs[b, targets[b] >= 0], expected, rtol=1e-12)
        assert (history[b], steps[b].tolist()) == (state[0][0], state[1][0].tolist())


def test_token_logprobs_leave_the_state_given_as_it_was() -> None:
    model = WholeHistoryLM()
    state = model.initial_state(2)
    before = [array.copy() for array in state]
    _, after = model.token_logprobs([[BOS, A], [BOS, B]], [[A, B], [B, -1]], state)
    assert all((old == now).all() for old, now in zip(before, state, strict=True))
    assert after[1][:, 0].tolist() == [2, 1]  # steps read


def test_scoring_goes_on_from_a_state() -> None:
    model = WholeHistoryLM()
    whole, end = model.token_logprobs([[BOS, A, B, C]], [[A, B, C, A]])
    first, state = model.token_logprobs([[BOS, A]], [[A, B]])
    second, same_end = model.token_logprobs([[B, C]], [[C, A]], state)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)
    assert [array.tolist() for array in end] == [array.tolist() for array in same_end]


def test_select_keeps_repeats_and_reorders_rows_of_every_array() -> None:
    state = (np.array([10, 20, 30]), np.array([[1, 2], [3, 4], [5, 6]]))
    one, two = select(state, [2, 0, 0])
    assert one.tolist() == [30, 10, 10]
    assert two.tolist() == [[5, 6], [1, 2], [1, 2]]
    one[0] = -1
    assert state[0].tolist() == [10, 20, 30]
