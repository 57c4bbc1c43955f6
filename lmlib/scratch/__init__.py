"""Neural networks by hand, in NumPy: forward and backward (chapters 04 to 08).

Parameters are plain dictionaries of float64 arrays, and so are their gradients.
"""

from lmlib.scratch.functions import (
    ACTIVATIONS,
    cross_entropy,
    log_softmax,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softmax,
    softmax_backward,
    squared_error,
    tanh,
    tanh_backward,
)
from lmlib.scratch.gradient_check import check_gradients, numerical_gradient
from lmlib.scratch.gru import GRUTrace, gru_backward, gru_gates, gru_step, gru_unroll
from lmlib.scratch.layers import embedding, embedding_backward, linear, linear_backward
from lmlib.scratch.lstm import LSTMTrace, lstm_backward, lstm_gates, lstm_step, lstm_unroll
from lmlib.scratch.mlp import MLP, MLPConfig
from lmlib.scratch.neighbours import cosine_similarities, nearest, principal_plane
from lmlib.scratch.optimisers import SGD, Adam, Momentum, clip_by_norm, clip_by_value
from lmlib.scratch.rnn import RNNLM, RNNConfig, backpropagate_through_time, rnn_step, unroll
from lmlib.scratch.window import WindowConfig, WindowLM

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "RNNLM",
    "SGD",
    "Adam",
    "GRUTrace",
    "LSTMTrace",
    "MLPConfig",
    "Momentum",
    "RNNConfig",
    "WindowConfig",
    "WindowLM",
    "backpropagate_through_time",
    "check_gradients",
    "clip_by_norm",
    "clip_by_value",
    "cosine_similarities",
    "cross_entropy",
    "embedding",
    "embedding_backward",
    "gru_backward",
    "gru_gates",
    "gru_step",
    "gru_unroll",
    "linear",
    "linear_backward",
    "log_softmax",
    "lstm_backward",
    "lstm_gates",
    "lstm_step",
    "lstm_unroll",
    "nearest",
    "numerical_gradient",
    "principal_plane",
    "relu",
    "relu_backward",
    "rnn_step",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "squared_error",
    "tanh",
    "tanh_backward",
    "unroll",
]
