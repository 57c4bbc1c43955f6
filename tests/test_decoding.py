"""Decoding: what may be drawn, in which order, and that a wide beam misses nothing."""

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_model import TableLM

from lmlib.decoding import (
    apply_temperature,
    beam_search,
    greedy,
    keep_top_k,
    keep_top_p,
    sample,
)
from lmlib.errors import InputError
from lmlib.text import TextFormat

V = 5  # <unk> <bos> <eos> a b
UNK, BOS, EOS, A, B = range(V)


@st.composite
def models(draw: st.DrawFn, unit: str = "sentence") -> TableLM:
    """Small whole weights, so that ties and impossible tokens are common."""
    low = 1 if unit == "stream" else 0  # where nothing may follow is tested on its own
    weights = np.array(draw(st.lists(st.integers(low, 4), min_size=V**3, max_size=V**3)))
    weights = weights.reshape(V, V, V)
    weights[..., EOS] += 1
    return TableLM.from_weights(weights, unit)


prompts = st.lists(st.sampled_from([UNK, A, B]), max_size=3)
rows_of_logprobs = st.lists(st.integers(0, 6), min_size=2, max_size=8).filter(any).map(np.array)


def log(probabilities: object) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(np.asarray(probabilities, dtype=float))


def all_texts(model: TableLM, prompt: list[int], length: int, alpha: float = 0.0) -> list[tuple]:
    """Exhaustive search, by the definition: (-score, tokens, finished) of every possible text."""
    endless = model.text_format.unit == "stream"
    letters = [A, B] if endless else [EOS, A, B]
    found = []
    for tokens in itertools.product(letters, repeat=length):
        end = tokens.index(EOS) + 1 if EOS in tokens else length
        if any(token != EOS for token in tokens[end:]):
            continue  # one representative of everything after <eos>
        read = [BOS, BOS, *prompt, *tokens[:end]]
        logprob = math.fsum(model.table[read[i - 2], read[i - 1], read[i]]
                            for i in range(len(read) - end, len(read)))  # fmt: skip
        if logprob > -math.inf:
            text = tuple(token for token in tokens[:end] if token != EOS)
            found.append((-logprob / end**alpha, text, EOS in tokens[:end]))
    return sorted(found)


# ---------------------------------------------------------------- the filters


@given(rows_of_logprobs, st.floats(0.05, 20))
def test_temperature_divides_logarithms_not_probabilities(
    weights: npt.NDArray, temperature: float
) -> None:
    powers = (weights / weights.sum()) ** (1 / temperature)
    heated = apply_temperature(log(weights), temperature)
    np.testing.assert_allclose(np.exp(heated), powers / powers.sum(), atol=1e-12)


@pytest.mark.parametrize("temperature", [0, -1, math.nan, math.inf])
def test_a_temperature_that_is_none_is_refused(temperature: float) -> None:
    with pytest.raises(InputError, match="temperature="):
        apply_temperature(log([0.5, 0.5]), temperature)


def test_a_temperature_near_zero_overflows_nothing() -> None:
    assert np.exp(apply_temperature(log([0.3, 0.4, 0.3]), 1e-320)).tolist() == [0, 1, 0]


@given(rows_of_logprobs, st.integers(1, 10))
def test_top_k_keeps_exactly_the_k_most_probable_lower_numbers_first(
    weights: npt.NDArray, k: int
) -> None:
    best = sorted(range(len(weights)), key=lambda i: (-weights[i], i))[:k]
    left = np.array([w if i in best else 0 for i, w in enumerate(weights)])
    np.testing.assert_allclose(np.exp(keep_top_k(log(weights), k)), left / left.sum())


@given(rows_of_logprobs, st.fractions(0, 1).filter(lambda p: p > 0))
def test_top_p_keeps_the_smallest_nucleus_that_reaches_p(weights: npt.NDArray, p: float) -> None:
    kept, mass = [], 0
    for i in sorted(range(len(weights)), key=lambda i: (-weights[i], i)):
        if mass >= p * int(weights.sum()):  # in exact arithmetic
            break
        kept.append(i)
        mass += int(weights[i])
    expected = np.array([w if i in kept else 0 for i, w in enumerate(weights)]) / mass
    np.testing.assert_allclose(np.exp(keep_top_p(log(weights), float(p))), expected)


def test_rounding_does_not_widen_the_nucleus() -> None:
    # 0.1 added eight times is 0.7999999999999999 in floating point
    assert (keep_top_p(log([0.1] * 10), 0.8) > -np.inf).sum() == 8


@pytest.mark.parametrize("p", [0, -0.1, 1.1, math.nan])
def test_a_top_p_that_is_no_probability_is_refused(p: float) -> None:
    with pytest.raises(InputError, match="top_p="):
        keep_top_p(log([1.0]), p)


def test_a_top_k_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="top_k=0"):
        keep_top_k(log([1.0]), 0)


@given(st.integers(0, 2**32), st.integers(1, 6), st.floats(0.1, 1))
def test_filters_treat_each_row_of_a_batch_alone(seed: int, k: int, p: float) -> None:
    logprobs = log(np.random.default_rng(seed).integers(1, 4, (3, 6)))
    for keep in (
        lambda rows: apply_temperature(rows, 0.7),
        lambda rows: keep_top_k(rows, k),
        lambda rows: keep_top_p(rows, p),
    ):
        for row, together in zip(logprobs, keep(logprobs), strict=True):
            np.testing.assert_array_equal(together, keep(row))


# ---------------------------------------------------------------- greedy and sampling


@given(models(), prompts, st.integers(0, 6))
def test_greedy_writes_the_most_probable_token_until_eos(
    model: TableLM, prompt: list[int], length: int
) -> None:
    read, expected = [BOS, BOS, *prompt], []
    for _ in range(length):
        row = model.table[read[-2], read[-1]].copy()
        row[UNK] = -np.inf
        best = int(np.flatnonzero(row == row.max())[0])
        if best == EOS:
            break
        read.append(best)
        expected.append(best)
    assert greedy(model, prompt, length).tolist() == expected


@given(models(), prompts, st.integers(0, 2**32))
def test_top_1_is_greedy(model: TableLM, prompt: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    for text in sample(model, prompt, 6, rng=rng, top_k=1, rows=3):
        assert text.tolist() == greedy(model, prompt, 6).tolist()


@given(st.integers(0, 2**32), prompts)
def test_temperature_near_zero_is_greedy(seed: int, prompt: list[int]) -> None:
    rng = np.random.default_rng(seed)
    model = TableLM.from_weights(rng.random((V, V, V)))  # no ties
    (text,) = sample(model, prompt, 6, rng=rng, temperature=1e-9)
    assert text.tolist() == greedy(model, prompt, 6).tolist()


def test_sampling_follows_the_distribution_without_unknown_words() -> None:
    weights = np.random.default_rng(0).integers(1, 5, (V, V, V))
    model = TableLM.from_weights(weights)
    n = 20_000
    texts = sample(model, [A], 2, rng=np.random.default_rng(1), rows=n)
    counts: dict[tuple, int] = {}
    for text in texts:
        counts[tuple(text.tolist())] = counts.get(tuple(text.tolist()), 0) + 1
    # <eos>; a letter and <eos>; two letters: each with <unk>'s share given to the others
    expected: dict[tuple, float] = {}
    first = weights[BOS, A, EOS:] / weights[BOS, A, EOS:].sum()
    expected[()] = first[0]
    for x in (A, B):
        second = weights[A, x, EOS:] / weights[A, x, EOS:].sum()
        expected[(x,)] = first[x - EOS] * second[0]
        expected |= {(x, y): first[x - EOS] * second[y - EOS] for y in (A, B)}
    assert math.isclose(sum(expected.values()), 1)
    for written, p in expected.items():
        assert abs(counts[written] - n * p) < 5 * math.sqrt(n * p * (1 - p)), written


def test_the_same_seed_writes_the_same_text() -> None:
    model = TableLM.from_weights(np.ones((V, V, V)), "stream")
    first, again, other = (
        np.concatenate(sample(model, [], 30, rng=np.random.default_rng(seed), rows=2)).tolist()
        for seed in (7, 7, 8)
    )
    assert first == again != other


@given(models("stream"), prompts, st.integers(0, 8))
def test_a_stream_never_ends_by_itself(model: TableLM, prompt: list[int], length: int) -> None:
    rng = np.random.default_rng(0)
    texts = [greedy(model, prompt, length), *sample(model, prompt, length, rng=rng, rows=2)]
    texts += [h.tokens for h in beam_search(model, prompt, 2, length)]
    for text in texts:
        assert len(text) == length
        assert set(text.tolist()) <= {A, B}


def test_a_stream_never_ends_even_where_the_model_could_end() -> None:
    model = TableLM.from_weights(np.ones((V, V, V)))  # of sentences, as a foreign ARPA file is
    model.text_format = TextFormat("characters", "stream")
    rng = np.random.default_rng(0)
    assert all(len(text) == 9 for text in sample(model, [], 9, rng=rng, rows=9))


def test_what_is_impossible_is_never_drawn() -> None:
    class Lowest(np.random.Generator):
        def random(self, size: int) -> npt.NDArray:  # type: ignore[override]
            return np.zeros(size)

    weights = np.zeros((V, V, V))
    weights[..., [A, B]] = 1
    model = TableLM.from_weights(weights, "stream")
    rng = Lowest(np.random.PCG64(0))
    assert sample(model, [], 2, rng=rng)[0].tolist() == [A, A]


@given(models(), prompts)
def test_unknown_words_are_written_only_where_allowed(model: TableLM, prompt: list[int]) -> None:
    model.table[..., UNK] = 0.0  # the most probable by far
    rng = np.random.default_rng(0)
    assert UNK not in greedy(model, prompt, 3)
    assert UNK not in sample(model, prompt, 3, rng=rng)[0]
    assert all(UNK not in h.tokens for h in beam_search(model, prompt, 3, 3))
    assert greedy(model, prompt, 3, allow_unknown=True).tolist() == [UNK] * 3
    assert beam_search(model, prompt, 1, 3, allow_unknown=True)[0].tokens.tolist() == [UNK] * 3
    text = sample(model, prompt, 3, rng=rng, allow_unknown=True, top_k=1)[0]
    assert text.tolist() == [UNK] * 3


# ---------------------------------------------------------------- beam search


@settings(deadline=None)
@given(models(), prompts, st.integers(1, 3), st.sampled_from([0.0, 0.5, 1.0]))
def test_a_beam_that_holds_everything_is_exhaustive_search(
    model: TableLM, prompt: list[int], length: int, alpha: float
) -> None:
    expected = all_texts(model, prompt, length, alpha)
    found = beam_search(model, prompt, V**length, length, alpha)
    assert len(found) == len(expected)
    scores = [h.score for h in found]
    assert scores == sorted(scores, reverse=True)
    np.testing.assert_allclose(scores, [-minus for minus, _, _ in expected])
    assert {(tuple(h.tokens.tolist()), h.finished) for h in found} == {e[1:] for e in expected}


@settings(deadline=None)
@given(models(), prompts, st.integers(1, 3), st.integers(1, 6), st.sampled_from([0.0, 0.5, 1.0]))
def test_a_narrow_beam_stops_early_only_where_nothing_can_change(
    model: TableLM, prompt: list[int], width: int, length: int, alpha: float
) -> None:
    live, ended = [(0.0, [BOS, BOS, *prompt])], []
    for t in range(1, length + 1):  # the definition, to the last position
        longer = [
            (logprob + model.table[read[-2], read[-1], token], [*read, token])
            for logprob, read in live
            for token in (EOS, A, B)
        ]
        kept = sorted(longer, key=lambda pair: -pair[0])[:width]
        kept = [pair for pair in kept if pair[0] > -math.inf]
        ended += [logprob / t**alpha for logprob, read in kept if read[-1] == EOS]
        live = [(logprob, read) for logprob, read in kept if read[-1] != EOS]
    ended += [logprob / length**alpha for logprob, _ in live]
    found = [h.score for h in beam_search(model, prompt, width, length, alpha)]
    np.testing.assert_allclose(found, sorted(ended, reverse=True)[:width], atol=1e-12)


@given(models(), prompts, st.integers(0, 6), st.sampled_from([0.0, 1.0]))
def test_width_1_is_greedy(model: TableLM, prompt: list[int], length: int, alpha: float) -> None:
    (best,) = beam_search(model, prompt, 1, length, alpha)
    assert best.tokens.tolist() == greedy(model, prompt, length).tolist()


@given(models(), prompts, st.integers(1, 5), st.integers(1, 6), st.sampled_from([0.0, 1.0]))
def test_a_hypothesis_carries_the_joint_probability_of_its_text(
    model: TableLM, prompt: list[int], width: int, length: int, alpha: float
) -> None:
    for h in beam_search(model, prompt, width, length, alpha):
        read = [BOS, BOS, *prompt, *h.tokens.tolist()] + [EOS] * h.finished
        new = range(2 + len(prompt), len(read))
        joint = sum(model.table[read[i - 2], read[i - 1], read[i]] for i in new)
        assert math.isclose(h.logprob, joint, abs_tol=1e-12)
        assert math.isclose(h.score, joint / len(new) ** alpha, abs_tol=1e-12)


def test_a_finished_hypothesis_is_kept_while_longer_ones_go_on() -> None:
    # after <bos>: <eos> 0.4, a 0.6; after that each further letter halves the probability
    weights = np.ones((V, V, V))
    weights[..., [UNK, BOS, EOS]] = 0
    weights[BOS, BOS] = [0, 0, 4, 6, 0]
    found = beam_search(TableLM.from_weights(weights), [], 2, 4)
    assert found[0].finished
    assert found[0].tokens.tolist() == []
    assert math.isclose(math.exp(found[0].logprob), 0.4)
    assert math.isclose(math.exp(found[1].logprob), 0.6 / 2**3)


def test_a_length_penalty_prefers_longer_texts() -> None:
    weights = np.zeros((V, V, V))
    weights[BOS, BOS] = [0, 0, 5, 5, 0]  # end at once: ln 0.5, mean ln 0.5
    weights[BOS, A] = [0, 0, 0, 9, 1]  # a a <eos>: ln 0.45 in all, mean (ln 0.45) / 3
    weights[A, A] = [0, 0, 1, 0, 0]
    weights[A, B] = [0, 0, 1, 0, 0]
    model = TableLM.from_weights(weights)
    assert beam_search(model, [], 3, 5)[0].tokens.tolist() == []
    best = beam_search(model, [], 3, 5, length_penalty=1.0)[0]
    assert best.tokens.tolist() == [A, A]
    assert math.isclose(best.score, math.log(0.45) / 3)


def test_a_beam_takes_one_step_a_position() -> None:
    class Counting(TableLM):
        steps = 0

        def step(self, tokens, state):
            self.steps += 1
            return super().step(tokens, state)

    table = TableLM.from_weights(np.ones((V, V, V)), "stream")
    model = Counting(table.table, table.vocab, table.text_format)
    beam_search(model, [], 4, 6)
    assert model.steps == 6


# ---------------------------------------------------------------- what cannot go on


def test_a_context_without_estimate_is_named() -> None:
    weights = np.ones((V, V, V))
    weights[A, B] = 0  # 0 / 0, as maximum likelihood gives after an unseen context
    model = TableLM.from_weights(weights)
    rng = np.random.default_rng(0)
    for decode in (
        lambda: greedy(model, [A, B], 3),
        lambda: sample(model, [A, B], 3, rng=rng, rows=2),
        lambda: beam_search(model, [A, B], 2, 3),
    ):
        with pytest.raises(InputError, match=r"no estimate for token 3 \(after 'ab'\).*smoothing"):
            decode()


def test_nothing_to_follow_is_named() -> None:
    weights = np.ones((V, V, V))
    weights[BOS, A] = [1, 0, 0, 0, 0]
    model = TableLM.from_weights(weights)
    rng = np.random.default_rng(0)
    for decode in (
        lambda: greedy(model, [A], 3),
        lambda: sample(model, [A], 3, rng=rng),
        lambda: beam_search(model, [A], 2, 3),
    ):
        with pytest.raises(InputError, match=r"token 2 \(after 'a'\).*but <unk>.*Allow <unk>"):
            decode()


def test_a_beam_gives_up_a_dead_end_and_goes_on_with_the_others() -> None:
    weights = np.ones((V, V, V))
    weights[..., EOS] = 0
    weights[BOS, BOS] = [0, 0, 0, 9, 1]
    weights[BOS, A] = [1, 0, 0, 0, 0]  # after a only <unk>
    found = beam_search(TableLM.from_weights(weights, "stream"), [], 2, 3)
    assert {h.tokens[0] for h in found} == {B}


@pytest.mark.parametrize(
    ("prompt", "why"),
    [([7], "no tokens"), ([-1], "no tokens"), ([BOS, A], "<bos>"), ([EOS], "<eos>"),
     ([[A]], "one row"), (["a"], "one row"), ([0.5], "one row")],
)  # fmt: skip
def test_a_prompt_that_is_none_is_refused(prompt: list[int], why: str) -> None:
    model = TableLM.from_weights(np.ones((V, V, V)))
    with pytest.raises(InputError, match=why):
        greedy(model, prompt, 3)


def test_parameters_out_of_range_are_refused() -> None:
    model = TableLM.from_weights(np.ones((V, V, V)))
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="max_tokens=-1"):
        greedy(model, [], -1)
    with pytest.raises(InputError, match="rows=0"):
        sample(model, [], 3, rng=rng, rows=0)
    with pytest.raises(InputError, match="width=0"):
        beam_search(model, [], 0, 3)
    with pytest.raises(InputError, match="length_penalty=-1"):
        beam_search(model, [], 2, 3, length_penalty=-1)
