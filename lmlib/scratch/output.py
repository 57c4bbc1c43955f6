"""The last layer of a neural language model: a score for every token, then softmax."""

import numpy as np
import numpy.typing as npt

from lmlib.language_model import Array
from lmlib.scratch.functions import check_targets, log_softmax
from lmlib.scratch.layers import linear
from lmlib.text import TextFormat, Vocab, predictable_tokens

_NUMBERS_AT_ONCE = 1 << 21  # logits computed at once: 16 MiB


def never_predicted(vocab: Vocab, text_format: TextFormat) -> Array:
    """(V,): 0, and ``-inf`` for the tokens that cannot come next; a part of the output's bias.

    So the probabilities of all others sum to one, in training as in scoring.
    """
    return np.where(predictable_tokens(vocab, text_format.unit), 0.0, -np.inf)


def target_logprobs(
    hidden: npt.NDArray, targets: npt.NDArray, W_o: npt.NDArray, b_o: npt.NDArray
) -> Array:
    """ln P of each target, without ever holding the scores of all tokens for all of them.

    Parameters
    ----------
    hidden : (N, H)
    targets : (N,) int
        No padding.
    W_o : (H, V)
    b_o : (V,)

    Returns
    -------
    (N,) float64

    Raises
    ------
    InputError
        If a target is none of the V tokens.
    """
    check_targets(targets, b_o.size)
    logprobs = np.empty(targets.size)
    rows = max(1, _NUMBERS_AT_ONCE // b_o.size)
    for start in range(0, targets.size, rows):
        piece = slice(start, start + rows)
        scores = log_softmax(linear(hidden[piece], W_o, b_o).astype(np.float64, copy=False))
        logprobs[piece] = scores[np.arange(len(scores)), targets[piece]]
    return logprobs
