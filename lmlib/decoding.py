"""Write a text with a language model: greedily, by chance, or with a beam.

All three ask a model for nothing but its `step`, so they serve every model of the library. They
read ``<bos>`` and the prompt first; ``<eos>`` ends a sentence and is not part of what they return;
a stream never ends by itself. ``<unk>`` is written only where it is allowed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError
from lmlib.language_model import Array, LanguageModel, State, select
from lmlib.text import TokenIds

# ---------------------------------------------------------------- which tokens may be drawn

_ROUNDING = 1e-12  # a sum of probabilities this close to p has reached it


def apply_temperature(logprobs: npt.ArrayLike, temperature: float) -> Array:
    """Sharpen (below 1) or flatten (above 1) a distribution.

    P_T(w) ∝ exp(ln P(w) / T) = P(w)^(1/T): it is the logarithms that are divided. As T goes to 0
    all probability moves to the most probable token, which is greedy decoding.

    Parameters
    ----------
    logprobs : (..., V)
        Natural logarithms, normalised or not.
    temperature
        T, above 0.

    Returns
    -------
    (..., V)
        Normalised.

    Raises
    ------
    InputError
        If the temperature is not above 0, or no token has a probability above zero.

    Examples
    --------
    >>> np.exp(apply_temperature(np.log([0.8, 0.2]), 0.5)).round(4).tolist()
    [0.9412, 0.0588]
    """
    _check_temperature(temperature)
    logprobs = _normalise(np.asarray(logprobs, dtype=np.float64))
    with np.errstate(over="ignore"):  # what is too improbable becomes impossible
        return _normalise((logprobs - logprobs.max(axis=-1, keepdims=True)) / temperature)


def _check_temperature(temperature: float) -> None:
    if not (temperature > 0 and math.isfinite(temperature)):
        raise InputError(
            f"temperature={temperature}: it must be a number above 0 (for its limit 0, which is "
            "always the most probable token, decode greedily)."
        )


def keep_top_k(logprobs: npt.ArrayLike, k: int) -> Array:
    """Keep the k most probable tokens; of equally probable ones the lower number comes first.

    Parameters
    ----------
    logprobs : (..., V)
        Natural logarithms, normalised or not.
    k
        At least 1; all are kept where V is not larger.

    Returns
    -------
    (..., V)
        Normalised; -inf for all others.

    Raises
    ------
    InputError
        If k is below 1, or no token has a probability above zero.

    Source: Fan, Lewis and Dauphin (2018).

    Examples
    --------
    >>> np.exp(keep_top_k(np.log([0.2, 0.5, 0.1, 0.2]), 2)).round(4).tolist()
    [0.2857, 0.7143, 0.0, 0.0]
    """
    if k < 1:
        raise InputError(f"top_k={k}: at least 1 token must be kept.")
    logprobs = np.asarray(logprobs, dtype=np.float64)
    order = np.argsort(-logprobs, axis=-1, kind="stable")
    return _keep(logprobs, order, np.arange(logprobs.shape[-1]) < k)


def keep_top_p(logprobs: npt.ArrayLike, p: float) -> Array:
    """Keep the nucleus: as few of the most probable tokens as together reach probability p.

    Of equally probable ones the lower number comes first.

    Parameters
    ----------
    logprobs : (..., V)
        Natural logarithms, normalised or not.
    p
        Above 0, at most 1; 1 keeps all.

    Returns
    -------
    (..., V)
        Normalised; -inf for all others.

    Raises
    ------
    InputError
        If p is not in (0, 1], or no token has a probability above zero.

    Source: Holtzman and others (2020).

    Examples
    --------
    >>> np.exp(keep_top_p(np.log([0.1, 0.5, 0.15, 0.25]), 0.6)).round(4).tolist()
    [0.0, 0.6667, 0.0, 0.3333]
    """
    if not 0 < p <= 1:
        raise InputError(f"top_p={p}: it is a probability above 0, at most 1.")
    logprobs = _normalise(np.asarray(logprobs, dtype=np.float64))
    if p == 1:
        return logprobs
    order = np.argsort(-logprobs, axis=-1, kind="stable")
    reached = np.cumsum(np.exp(np.take_along_axis(logprobs, order, axis=-1)), axis=-1)
    kept = np.ones(order.shape, dtype=bool)
    kept[..., 1:] = reached[..., :-1] < p - _ROUNDING  # those before it are not enough
    return _keep(logprobs, order, kept)


def _keep(logprobs: Array, order: npt.NDArray[np.intp], kept: npt.NDArray[np.bool_]) -> Array:
    """Keep ``logprobs[order[i]]`` where ``kept[i]``, and normalise."""
    mask = np.empty(order.shape, dtype=bool)
    np.put_along_axis(mask, order, np.broadcast_to(kept, order.shape), axis=-1)
    return _normalise(np.where(mask, logprobs, -np.inf))


def _normalise(logprobs: Array) -> Array:
    highest = logprobs.max(axis=-1, keepdims=True)
    if not np.isfinite(highest).all():
        raise InputError("a row of log-probabilities holds NaN, or nothing above -inf.")
    shifted = logprobs - highest
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


# ---------------------------------------------------------------- greedily, and by chance


def greedy(
    model: LanguageModel, prompt: npt.ArrayLike, max_tokens: int, *, allow_unknown: bool = False
) -> TokenIds:
    """Always write the most probable token; of equally probable ones the lowest number.

    Parameters
    ----------
    prompt : (N,) int
        What has been said already, without ``<bos>``; may be empty.
    max_tokens
        The most that is written; a sentence that ends needs one for its ``<eos>``.
    allow_unknown
        Whether ``<unk>`` may be written.

    Returns
    -------
    (T,) int
        What was written after the prompt, without ``<eos>``.

    Raises
    ------
    InputError
        If nothing can be said about the next token: the model has no estimate there (maximum
        likelihood in an unseen context), or all that may be written has probability zero.
    """
    prompt = _check(model, prompt, max_tokens)
    token, state = _read(model, prompt)
    written: list[int] = []
    for _ in range(max_tokens):
        predicted, state = model.step(token, state)
        allowed = _allowed(model, predicted, allow_unknown, prompt, [written])
        token = allowed.argmax(axis=-1)  # (1,), the first of equals
        if token[0] == model.vocab.eos:
            break
        written.append(int(token[0]))
    return np.array(written, dtype=np.int64)


def sample(
    model: LanguageModel,
    prompt: npt.ArrayLike,
    max_tokens: int,
    *,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    allow_unknown: bool = False,
    rows: int = 1,
) -> list[TokenIds]:
    """Draw each token from the model's distribution.

    What may not be written is taken out and the rest normalised; then come temperature, `top_k`
    and `top_p`, in this order, each on what the one before it left.

    Parameters
    ----------
    prompt, max_tokens, allow_unknown
        As for `greedy`.
    rng
        The source of chance: ``np.random.default_rng(seed)``.
    temperature, top_k, top_p
        See `apply_temperature`, `keep_top_k`, `keep_top_p`.
    rows
        How many texts to draw, side by side.

    Returns
    -------
    list of (T,) int
        For each text, what was written after the prompt, without ``<eos>``.

    Raises
    ------
    InputError
        As for `greedy`, and where a parameter is out of range.
    """
    prompt = _check(model, prompt, max_tokens)
    if rows < 1:
        raise InputError(f"rows={rows}: at least 1 text must be drawn.")
    _check_temperature(temperature)
    last, state = _read(model, prompt)
    tokens, state = last.repeat(rows), select(state, np.zeros(rows, dtype=np.int64))
    written: list[list[int]] = [[] for _ in range(rows)]
    live = written  # those that have not ended
    for _ in range(max_tokens):
        predicted, state = model.step(tokens, state)  # (B, V)
        choices = _allowed(model, predicted, allow_unknown, prompt, live)
        if temperature != 1:
            choices = apply_temperature(choices, temperature)
        if top_k is not None:
            choices = keep_top_k(choices, top_k)
        if top_p is not None:
            choices = keep_top_p(choices, top_p)
        tokens = draw(choices, rng)  # (B,)
        drawn = tokens.tolist()
        if model.vocab.eos in drawn:
            going = np.flatnonzero(tokens != model.vocab.eos)
            tokens, state, live = tokens[going], select(state, going), [live[row] for row in going]
            if not live:
                break
            drawn = tokens.tolist()
        for text, token in zip(live, drawn, strict=True):
            text.append(token)
    return [np.array(text, dtype=np.int64) for text in written]


def draw(logprobs: Array, rng: np.random.Generator) -> TokenIds:
    """Draw a token for each row, each with its probability.

    The probabilities are laid end to end on a line; a point of the line is chosen by chance, and
    the token under it is drawn.

    Parameters
    ----------
    logprobs : (B, V)
        Natural logarithms, normalised or not.

    Returns
    -------
    (B,) int
    """
    highest = np.maximum.reduce(logprobs, axis=-1, keepdims=True)
    ends = np.add.accumulate(np.exp(logprobs - highest), axis=-1)  # (B, V), of each token's piece
    points = rng.random(len(logprobs))[:, None] * ends[:, -1:]  # (B, 1)
    return (ends > points).argmax(axis=-1)


# ---------------------------------------------------------------- a beam


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A text that beam search found.

    Attributes
    ----------
    tokens : (T,) int
        What was written after the prompt, without ``<eos>``.
    logprob : float
        ln P of it given the prompt, by the model as it is; with the ``<eos>`` if it is finished.
    score : float
        What hypotheses are ordered by: ``logprob / length ** length_penalty``.
    finished : bool
        Whether ``<eos>`` was reached; if not, `max_tokens` cut it off.
    """

    tokens: TokenIds
    logprob: float
    score: float
    finished: bool


def beam_search(
    model: LanguageModel,
    prompt: npt.ArrayLike,
    width: int,
    max_tokens: int,
    length_penalty: float = 0.0,
    *,
    allow_unknown: bool = False,
) -> list[Hypothesis]:
    """Look for the most probable texts, keeping the best few at each length.

    At each length the `width` most probable of all continuations are kept. Those that end are set
    aside and compared with the others at the end. Width 1 is greedy decoding; a width that holds
    every text is exhaustive search.

    Parameters
    ----------
    prompt, max_tokens, allow_unknown
        As for `greedy`.
    width
        How many are kept.
    length_penalty
        α ≥ 0 in ``ln P / length ** α``, by which the hypotheses are ordered in the end, ``<eos>``
        counted. 0 orders by joint probability, which prefers short texts; 1 by the mean.

    Returns
    -------
    list of Hypothesis
        At most `width`, the best first.

    Raises
    ------
    InputError
        As for `greedy`, and where a parameter is out of range.
    """
    prompt = _check(model, prompt, max_tokens)
    if width < 1:
        raise InputError(f"width={width}: a beam keeps at least 1 hypothesis.")
    if not length_penalty >= 0:
        raise InputError(f"length_penalty={length_penalty}: it must not be below 0.")
    last, state = _read(model, prompt)  # (B,) from here on, B live hypotheses
    texts = np.zeros((1, 0), dtype=np.int64)  # (B, t)
    logprobs = scores = np.zeros(1)  # (B,)
    finished: list[Hypothesis] = []
    for length in range(1, max_tokens + 1):
        predicted, state = model.step(last, state)  # (B, V)
        dead_ends = len(texts) if finished else len(texts) - 1
        allowed = _allowed(model, predicted, allow_unknown, prompt, texts, dead_ends)
        joint = (logprobs[:, None] + allowed).ravel()  # (B * V,)
        best = _highest(joint, width)
        rows, last = np.divmod(best, len(model.vocab))
        logprobs, scores = joint[best], joint[best] / length**length_penalty
        ended = last == model.vocab.eos
        finished += [
            Hypothesis(texts[rows[i]], float(logprobs[i]), float(scores[i]), finished=True)
            for i in np.flatnonzero(ended)
        ]
        rows, last, logprobs, scores = (a[~ended] for a in (rows, last, logprobs, scores))
        texts = np.concatenate([texts[rows], last[:, None]], axis=1)
        state = select(state, rows)
        if not rows.size:
            break
        within_reach = logprobs[0] / max_tokens**length_penalty  # if all that follows is certain
        if sum(hypothesis.score >= within_reach for hypothesis in finished) >= width:
            break
    cut_off = [
        Hypothesis(text, float(logprob), float(score), finished=False)
        for text, logprob, score in zip(texts, logprobs, scores, strict=True)
    ]
    return sorted([*finished, *cut_off], key=lambda h: -h.score)[:width]


def _highest(values: Array, count: int) -> npt.NDArray[np.intp]:
    """Where the `count` highest above -inf stand, the highest first, of equal ones the first."""
    threshold = np.partition(values, -count)[-count] if count < values.size else -np.inf
    candidates = np.flatnonzero((values >= threshold) & (values > -np.inf))
    return candidates[np.argsort(-values[candidates], kind="stable")][:count]


# ---------------------------------------------------------------- what all of them share


def _check(model: LanguageModel, prompt: npt.ArrayLike, max_tokens: int) -> TokenIds:
    prompt = np.asarray(prompt)
    vocab = model.vocab
    if prompt.size == 0:
        prompt = np.zeros(0, dtype=np.int64)
    if prompt.ndim != 1 or not np.issubdtype(prompt.dtype, np.integer):
        raise InputError("a prompt is one row of token numbers: encode it with model.vocab.encode.")
    if prompt.size and not 0 <= prompt.min() <= prompt.max() < len(vocab):
        raise InputError(
            f"the prompt holds numbers that are no tokens: they go 0 to {len(vocab) - 1}."
        )
    if np.isin(prompt, (vocab.bos, vocab.eos)).any():
        raise InputError(
            "the prompt holds <bos> or <eos>: <bos> is read by itself, <eos> ends all."
        )
    if max_tokens < 0:
        raise InputError(f"max_tokens={max_tokens}: it must not be below 0.")
    return prompt.astype(np.int64)


def _read(model: LanguageModel, prompt: TokenIds) -> tuple[TokenIds, State]:
    """Read ``<bos>`` and the prompt but for the last token, which is left for the first `step`."""
    tokens = np.append(model.vocab.bos, prompt)[None]  # (1, N + 1)
    _, state = model.token_logprobs(tokens[:, :-1], tokens[:, 1:], model.initial_state(1))
    return tokens[:, -1], state


def _allowed(
    model: LanguageModel,
    predicted: Array,
    allow_unknown: bool,
    prompt: TokenIds,
    texts: Sequence[Sequence[int]] | TokenIds,
    dead_ends: int = 0,
) -> Array:
    """Take out what may not be written: (B, V) to (B, V), not normalised again.

    Raises `InputError` for a row without an estimate, and where more than `dead_ends` rows have
    nothing that can follow.
    """
    vocab = model.vocab
    allowed = predicted.copy()
    if not allow_unknown:
        allowed[:, vocab.unk] = -np.inf
    if model.text_format.unit == "stream":
        allowed[:, vocab.eos] = -np.inf
    highest = np.maximum.reduce(allowed, axis=-1)  # (B,)
    if np.isfinite(highest).all():
        return allowed
    undefined, dead = np.flatnonzero(np.isnan(highest)), np.flatnonzero(np.isneginf(highest))
    if undefined.size:
        raise InputError(
            f"the model has no estimate for {_place(model, prompt, texts[undefined[0]])}: it never "
            "saw what stands before it. Train with a smoothing, or with a smaller order."
        )
    if dead.size > dead_ends:
        only_unknown = predicted[dead[0], vocab.unk] > -np.inf
        raise InputError(
            f"nothing can follow as {_place(model, prompt, texts[dead[0]])}: every token "
            + (
                "but <unk> has probability zero. Allow <unk>, or train"
                if only_unknown
                else "has probability zero. Train"
            )
            + " with a smoothing, or with a smaller order."
        )
    return allowed


def _place(model: LanguageModel, prompt: TokenIds, text: Sequence[int] | TokenIds) -> str:
    before = [*prompt.tolist(), *(int(token) for token in text)]
    last = model.vocab.decode(before[-5:])
    what = f"after {model.text_format.join(last)!r}" if last else "at the beginning"
    return f"token {len(before) + 1} ({what})"
