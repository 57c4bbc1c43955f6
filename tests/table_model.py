"""A language model that is a table: nothing in it can be wrong, so others are compared with it."""

from typing import Any

import numpy as np
import numpy.typing as npt

from lmlib.language_model import Array, LanguageModel, State
from lmlib.text import SPECIAL_TOKENS, TextFormat, Vocab


class TableLM(LanguageModel):
    """P(next | the two tokens before) looked up in a (V, V, V) array of natural logarithms."""

    kind = "table"
    context_length = 2

    def __init__(self, table: Array, vocab: Vocab, text_format: TextFormat) -> None:
        self.table, self.vocab, self.text_format = table, vocab, text_format

    @classmethod
    def from_weights(cls, weights: npt.ArrayLike, unit: str = "sentence") -> "TableLM":
        """Probabilities in proportion to weights; ``<bos>``, and a stream's ``<eos>``, get none."""
        weights = np.array(weights, dtype=np.float64)
        weights[..., 1] = 0
        if unit == "stream":
            weights[..., 2] = 0
        with np.errstate(divide="ignore", invalid="ignore"):
            table = np.log(weights / weights.sum(axis=-1, keepdims=True))
        letters = "abcdefgh"[: len(weights) - len(SPECIAL_TOKENS)]
        vocab = Vocab([*SPECIAL_TOKENS, *letters])
        return cls(table, vocab, TextFormat("characters", unit))

    def initial_state(self, batch_size: int) -> State:
        return (np.full(batch_size, self.vocab.bos),)

    def step(self, tokens: npt.ArrayLike, state: State) -> tuple[Array, State]:
        tokens = np.asarray(tokens)
        return self.table[state[0], tokens], (tokens,)

    def stored_config(self) -> dict[str, Any]:
        return {"tokens_before": 2}

    def arrays(self) -> dict[str, npt.NDArray]:
        return {"table": self.table}

    @classmethod
    def from_parts(
        cls,
        config: dict[str, Any],
        arrays: dict[str, npt.NDArray],
        vocab: Vocab,
        text_format: TextFormat,
    ) -> "TableLM":
        assert config == {"tokens_before": 2}
        return cls(arrays["table"], vocab, text_format)
