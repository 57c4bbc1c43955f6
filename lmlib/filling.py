"""Filling gaps from both sides: what a network that reads in both directions is good for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from lmlib.cells import CELLS
from lmlib.errors import InputError
from lmlib.fused import linear_cross_entropy
from lmlib.language_model import Array, LanguageModel, select
from lmlib.neural import StoredNetwork, check_sizes, edge, seeded
from lmlib.pytorch import nn, torch
from lmlib.recurrent import RecurrentLayers
from lmlib.text import TextFormat, TokenIds, Vocab

_LOGITS_AT_ONCE = 1 << 23

NOT_LEFT_TO_RIGHT = (
    "this model reads in both directions: when it is asked for a word, it has read the words after "
    "it, and after training on every word the word itself. So it gives no P(next | read so far), "
    "and no perplexity; ask it to fill() gaps, or for pseudo_logprobs()."
)


@dataclass(frozen=True)
class FillConfig:
    """What a `BidirectionalFiller` is made of.

    Parameters
    ----------
    cell
        A name of `lmlib.cells.CELLS`.
    embedding, hidden, layers
        D, H in each direction, and L.
    dropout
        The probability that a number is dropped, in training, on the way into a layer and out of
        the last.
    """

    cell: str = "lstm"
    embedding: int = 64
    hidden: int = 128
    layers: int = 1
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_sizes(self, "embedding", "hidden", "layers")
        if self.cell not in CELLS:
            raise InputError(f"cell={self.cell!r} is not known; choose one of {', '.join(CELLS)}.")


class BidirectionalFiller(StoredNetwork):
    """Fills gaps in sentences: chapter 11 (Schuster and Paliwal, 1997; Taylor, 1953).

        x_t = E[token_t], or in a gap E[V]                E (V+1, D)
        [forwards h_t, backwards h_t] = layers(x)_t       2H numbers
        P(token_t | all others) = softmax(h_t W_o + b_o)  W_o (2H, V), b_o (V,)

    A sentence is read with ``<bos>`` before it and ``<eos>`` after it. It is no `LanguageModel`:
    asked to be one, it refuses and says why.

    Parameters
    ----------
    seed
        Of the random weights it begins with.
    """

    kind = "filler"
    config_class = FillConfig

    def __init__(
        self, config: FillConfig, vocab: Vocab, text_format: TextFormat, seed: int = 0
    ) -> None:
        if text_format.unit != "sentence":
            raise InputError("a filler reads sentences from both ends: give unit='sentence'.")
        super().__init__(config, vocab, text_format)
        V, H = len(vocab), config.hidden
        self.gap = V
        with seeded(seed):
            self.layers = RecurrentLayers(
                config.embedding, H, config.layers, config.cell, config.dropout, bidirectional=True
            )
            self.embedding = nn.Parameter(torch.randn(V + 1, config.embedding))
            self.W_o = nn.Parameter(torch.randn(2 * H, V) / (2 * H) ** 0.5)
            self.b_o = nn.Parameter(torch.zeros(V))
        self.dropout = nn.Dropout(config.dropout)
        self.never[vocab.eos] = -torch.inf  # it stands behind the sentence, and is never a gap

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Read tokens (B, T) with gaps, of which ``lengths`` (B,) are real; give (B, T, 2H)."""
        x = self.dropout(nn.functional.embedding(tokens, self.embedding))  # (B, T, D)
        h, _ = self.layers(x, lengths=lengths)
        return self.dropout(h)

    # ------------------------------------------------------------ what it is for

    def fill(self, tokens: npt.ArrayLike, mask: npt.ArrayLike) -> Array:
        """Say what could stand in the gaps.

        Parameters
        ----------
        tokens : (B, T) int
            Sentences without ``<bos>`` and ``<eos>``; -1 is padding, at the end of a row. What
            stands in a gap is not looked at.
        mask : (B, T) bool
            True where there is a gap.

        Returns
        -------
        (gaps, V)
            Natural-log probabilities, a row for each gap, in reading order.

        Raises
        ------
        InputError
            If shapes do not fit, a token is not in the vocabulary, or a gap lies in the padding.
        """
        tokens, mask = np.asarray(tokens), np.asarray(mask, bool)
        if tokens.ndim != 2 or tokens.shape != mask.shape:
            raise InputError(
                f"fill: tokens {tokens.shape} and mask {mask.shape} must both be (B, T)."
            )
        real = tokens >= 0
        if (mask & ~real).any() or (real[:, 1:] & ~real[:, :-1]).any():
            raise InputError("fill: padding (-1) stands at the end of a row, and is no gap.")
        if tokens.size and tokens.max() >= len(self.vocab):
            raise InputError(
                f"fill: the token {tokens.max()} is not in a vocabulary of {len(self.vocab)}."
            )
        gapped = np.where(mask, self.gap, tokens)
        filled = [row[:n] for row, n in zip(gapped, real.sum(axis=1), strict=True)]
        read, lengths = self._framed(filled)
        rows, columns = np.nonzero(mask)
        if not len(rows):
            return np.zeros((0, len(self.vocab)))
        training = self.training
        self.eval()
        with torch.inference_mode():
            h = self(self._tensor(read), self._tensor(lengths))[rows, columns + 1]  # <bos> is 0
            logits = h @ self.W_o + (self.b_o + self.never)
        self.train(training)
        return edge(logits.numpy(force=True))

    def pseudo_logprobs(self, sentences: Sequence[TokenIds]) -> list[Array]:
        """Score each token from all others: ln P(token | all before and all after).

        Their sum is the *pseudo*-log-likelihood (Besag, 1975): no logarithm of a probability of the
        sentence, and not to be compared with a perplexity, since each word was judged by someone
        who knew the end.
        """
        found = []
        for ids in sentences:
            ids = np.asarray(ids)
            n = len(ids)
            piece = max(1, _LOGITS_AT_ONCE // ((n + 2) * len(self.vocab)))
            scores = np.zeros(n)
            for start in range(0, n, piece):
                gaps = np.arange(start, min(start + piece, n))
                logprobs = self.fill(np.tile(ids, (len(gaps), 1)), np.eye(n, dtype=bool)[gaps])
                scores[gaps] = logprobs[np.arange(len(gaps)), ids[gaps]]
            found.append(scores)
        return found

    def encode(self, sentences: Sequence[TokenIds]) -> list[npt.NDArray]:
        """Give each token's 2H numbers: what was read up to it, and what was read back to it."""
        read, lengths = self._framed([np.asarray(ids) for ids in sentences])
        training = self.training
        self.eval()
        with torch.inference_mode():
            h = self(self._tensor(read), self._tensor(lengths)).numpy(force=True)
        self.train(training)
        return [row[1 : n - 1] for row, n in zip(h, lengths, strict=True)]

    def _framed(self, sentences: Sequence[npt.NDArray]) -> tuple[npt.NDArray, npt.NDArray]:
        """``<bos>`` before, ``<eos>`` after: (B, T + 2), and how many are real."""
        lengths = np.array([len(ids) + 2 for ids in sentences])
        read = np.full((len(sentences), lengths.max(initial=2)), self.vocab.eos)
        read[:, 0] = self.vocab.bos
        for row, ids in zip(read, sentences, strict=True):
            row[1 : len(ids) + 1] = ids
        return read, lengths

    # ------------------------------------------------------------ what it is not

    def initial_state(self, batch_size: int) -> NoReturn:
        """Refuse."""
        raise InputError(NOT_LEFT_TO_RIGHT)

    def step(self, tokens: npt.ArrayLike, state: object) -> NoReturn:
        """Refuse."""
        raise InputError(NOT_LEFT_TO_RIGHT)

    def token_logprobs(
        self, inputs: npt.ArrayLike, targets: npt.ArrayLike, state: object = None
    ) -> NoReturn:
        """Refuse."""
        raise InputError(NOT_LEFT_TO_RIGHT)


def fill_by_scoring(model: LanguageModel, sentence: TokenIds, place: int) -> Array:
    """Let a model that reads from left to right fill a gap: it scores the sentence with each word.

        P(w | all others) = P(the sentence with w in the gap) / sum over all words of the same

    The words left of the gap cancel; the word itself, and all that follow it up to ``<eos>``, are
    scored once for each token of the vocabulary.

    Parameters
    ----------
    model
        Of sentences.
    sentence : (T,) int
        Without ``<bos>`` and ``<eos>``. What stands in the gap is not looked at.
    place
        Of the gap.

    Returns
    -------
    (V,)
        Natural-log probabilities.
    """
    vocab, sentence = model.vocab, np.asarray(sentence)
    state = model.initial_state(1)
    for token in [vocab.bos, *sentence[:place]]:
        logprobs, state = model.step([token], state)
    words = np.flatnonzero(np.isfinite(logprobs[0]))
    words = words[words != vocab.eos]
    after = np.append(sentence[place + 1 :], vocab.eos)
    right = np.tile(after, (len(words), 1))  # (words, R)
    inputs = np.column_stack([words, right[:, :-1]])
    scored, _ = model.token_logprobs(inputs, right, select(state, np.zeros(len(words), int)))
    found = np.full(len(vocab), -np.inf)
    found[words] = logprobs[0, words] + scored.sum(axis=1)
    return found - np.logaddexp.reduce(found)


@dataclass
class Filling:
    """The task of a filler, for `lmlib.training.fit`: gaps drawn by chance, anew for each epoch.

    Parameters
    ----------
    train, valid
        Token numbers of sentences, without ``<bos>`` and ``<eos>``.
    batch_size
        Sentences side by side (B).
    share
        How many of the words become gaps; one of a sentence at least. On the held-out sentences
        they are always the same.
    seed
        Of the gaps and of the order of the batches.
    """

    train: Sequence[TokenIds]
    valid: Sequence[TokenIds]
    batch_size: int = 32
    share: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        check_sizes(self, "batch_size")
        if not 0 < self.share <= 1:
            raise InputError(f"share={self.share}: give a number above 0, at most 1.")
        self.train = [np.asarray(ids) for ids in self.train if len(ids)]
        self.valid = [np.asarray(ids) for ids in self.valid if len(ids)]

    def batches(self, epoch: int) -> Iterator[tuple[npt.NDArray, ...]]:
        """Give tokens (B, T), -1 where a row has ended, and the mask; like lengths together."""
        rng = np.random.default_rng([self.seed, epoch])
        yield from self._cut(self.train, rng)

    def _cut(
        self, sentences: Sequence[TokenIds], rng: np.random.Generator
    ) -> Iterator[tuple[npt.NDArray, ...]]:
        order = rng.permutation(len(sentences))
        lengths = np.array([len(sentences[i]) for i in order])
        order = order[np.argsort(lengths, kind="stable")]
        pieces = np.array_split(order, -(-len(order) // self.batch_size))
        for i in rng.permutation(len(pieces)):
            rows = [sentences[row] for row in pieces[i]]
            tokens = np.full((len(rows), max(map(len, rows))), -1)
            mask = np.zeros(tokens.shape, bool)
            for row, ids in enumerate(rows):
                tokens[row, : len(ids)] = ids
                mask[row, : len(ids)] = rng.random(len(ids)) < self.share
                mask[row, rng.integers(len(ids))] = True
            yield tokens, mask

    def loss(
        self, model: nn.Module, batch: tuple[torch.Tensor, ...], carried: object
    ) -> tuple[torch.Tensor, int, None]:
        """Sum -ln P of what stood in the gaps."""
        assert isinstance(model, BidirectionalFiller)
        tokens, mask = batch
        real = tokens >= 0
        vocab = model.vocab
        inside = torch.where(mask, model.gap, torch.where(real, tokens, vocab.eos))
        read = nn.functional.pad(inside, (1, 1), value=vocab.eos)
        read[:, 0] = vocab.bos
        h = model(read, real.sum(1) + 2)[:, 1:-1][mask]  # (gaps, 2H)
        bias = model.b_o + model.never
        return linear_cross_entropy(h, tokens[mask], model.W_o, bias), int(mask.sum()), None

    def evaluate(self, model: nn.Module) -> float | None:
        """Mean of -ln P in the gaps of the held-out sentences."""
        if not self.valid:
            return None
        device = next(model.parameters()).device
        with torch.no_grad():
            found = [
                self.loss(model, tuple(torch.as_tensor(a, device=device) for a in batch), None)
                for batch in self._cut(self.valid, np.random.default_rng(self.seed))
            ]
        return float(sum(loss for loss, _, _ in found)) / sum(count for _, count, _ in found)

    def identity(self) -> dict[str, Any]:
        """Say how gaps are drawn."""
        return {"batch_size": self.batch_size, "share": self.share, "seed": self.seed}
