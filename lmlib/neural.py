"""A PyTorch network as a language model: what the contract asks, answered by its ``forward``."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError
from lmlib.fused import linear_cross_entropy
from lmlib.language_model import Array, LanguageModel, State
from lmlib.pytorch import nn, torch
from lmlib.scratch.output import never_predicted
from lmlib.text import TextFormat, Vocab

_LOGITS_AT_ONCE = 1 << 23  # how many a piece of a long text may have: tens of megabytes


class StoredNetwork(nn.Module):
    """A PyTorch network over a vocabulary, as `lmlib.storage` writes and reads it.

    Parameters
    ----------
    config
        A dataclass of plain numbers and strings.
    """

    kind: ClassVar[str]
    config_class: ClassVar[type]

    def __init__(self, config: Any, vocab: Vocab, text_format: TextFormat) -> None:
        super().__init__()
        self.config = config
        self.vocab, self.text_format = vocab, text_format
        never = torch.tensor(never_predicted(vocab, text_format), dtype=torch.get_default_dtype())
        self.never: torch.Tensor
        self.register_buffer("never", never, persistent=False)  # (V,), 0 or -inf, on the logits

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.never.device

    def _tensor(self, array: npt.NDArray) -> torch.Tensor:
        return torch.as_tensor(array, device=self.device)

    def stored_config(self) -> dict[str, Any]:
        """The configuration, for `lmlib.storage`."""
        return asdict(self.config)

    def arrays(self) -> dict[str, npt.NDArray]:
        """The weights, for `lmlib.storage`."""
        return {name: array.cpu().numpy() for name, array in self.state_dict().items()}

    @classmethod
    def from_parts(
        cls,
        config: dict[str, Any],
        arrays: dict[str, npt.NDArray],
        vocab: Vocab,
        text_format: TextFormat,
    ) -> Self:
        """Put together what `lmlib.storage` has read.

        Raises
        ------
        InputError
            If the arrays are not those of this configuration; the message names the first.
        """
        model = cls(cls.config_class(**config), vocab, text_format)
        expected = model.state_dict()
        for name, there in expected.items():
            if name not in arrays:
                raise KeyError(name)
            if arrays[name].shape != tuple(there.shape) or arrays[name].dtype.kind != "f":
                raise InputError(
                    f"{name} has the shape {arrays[name].shape} and the type {arrays[name].dtype}; "
                    f"this model needs {tuple(there.shape)} and floats: train it again."
                )
        model.to(torch.as_tensor(next(iter(arrays.values()))).dtype)
        model.load_state_dict({name: torch.as_tensor(arrays[name]) for name in expected})
        return model


class NeuralLM(LanguageModel, StoredNetwork):
    """A network with two faces.

    ``forward`` and `loss` speak in tensors and are all that training uses. The contract of
    `LanguageModel` speaks in NumPy arrays: `token_logprobs` asks ``forward``; `step`, one token a
    row, is written in NumPy, which is several times as fast where little is computed at once.
    """

    rungs: ClassVar[dict[str, Any]] = {}  # of the ladder: a name, and the configuration
    embedding: nn.Parameter  # E (V, D)
    W_o: nn.Parameter  # (H, V)
    b_o: nn.Parameter  # (V,)

    def __init__(self, config: Any, vocab: Vocab, text_format: TextFormat) -> None:
        super().__init__(config, vocab, text_format)
        self.sparse_embedding = False  # whether the gradient of E has the rows that were read alone
        self._views: dict[str, npt.NDArray] | None = None

    @abstractmethod
    def read(
        self,
        tokens: torch.Tensor,
        state: tuple[torch.Tensor, ...] | None = None,
        lengths: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Read tokens (B, T) and give what the last hidden layer says of each, (B, T, H).

        The other parameters are those of `forward`, and so is the state.
        """

    def output_weights(self) -> torch.Tensor:
        """Give W_o (H, V): with b_o, from the last hidden layer to the logits."""
        return self.W_o

    def embedded(self, tokens: torch.Tensor) -> torch.Tensor:
        """Look up the rows of E, (…) -> (…, D)."""
        return nn.functional.embedding(tokens, self.embedding, sparse=self.sparse_embedding)

    def forward(
        self,
        tokens: torch.Tensor,
        state: tuple[torch.Tensor, ...] | None = None,
        lengths: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Read tokens and give the logits of what follows each, ``h W_o + b_o``.

        Parameters
        ----------
        tokens : (B, T) int
        state
            Where the rows stand; by default they have read nothing.
        lengths : (B,) int, optional
            How many tokens of each row are real; the state stops there, and the logits beyond
            mean nothing.

        Returns
        -------
        logits : (B, T, V)
        state
        """
        h, state = self.read(tokens, state, lengths)
        return h @ self.output_weights() + (self.b_o + self.never), state

    def loss(
        self,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        state: tuple[torch.Tensor, ...] | None = None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Sum -ln P of what follows each token, without holding all logits at once.

        Parameters
        ----------
        inputs, targets : (B, T) int
            A target of -1 is padding, and not counted.
        state
            Where the rows stand; by default they have read nothing.

        Returns
        -------
        loss
            In nats, summed.
        state
        """
        h, state = self.read(inputs, state)
        real = targets >= 0
        if real.all():
            h, targets = h.flatten(0, 1), targets.flatten()  # (B T, H), (B T,): nothing is copied
        else:
            h, targets = h[real], targets[real]
        return linear_cross_entropy(h, targets, self.output_weights(), self.b_o + self.never), state

    # ------------------------------------------------------------ the contract

    def token_logprobs(
        self, inputs: npt.ArrayLike, targets: npt.ArrayLike, state: State | None = None
    ) -> tuple[Array, State]:
        """Score as `LanguageModel.token_logprobs` does, many steps at once."""
        inputs, targets = np.asarray(inputs), np.asarray(targets)
        rows, length = targets.shape
        state = self.initial_state(rows) if state is None else state
        lengths = (targets >= 0).sum(axis=1)
        if ((targets >= 0) != (np.arange(length) < lengths[:, None])).any():
            return super().token_logprobs(inputs, targets, state)  # padding between tokens
        piece = max(_LOGITS_AT_ONCE // (rows * len(self.vocab)), 1)
        logprobs = np.zeros((rows, length))
        tensors = tuple(map(self._tensor, state))
        training = self.training
        self.eval()
        with torch.inference_mode():
            for start in range(0, length, piece):
                here = slice(start, start + piece)
                tokens, following = self._tensor(inputs[:, here]), self._tensor(targets[:, here])
                left = torch.as_tensor((lengths - start).clip(0, tokens.shape[1]))
                whole = bool((left == tokens.shape[1]).all())
                logits, tensors = self(tokens, tensors, None if whole else left.to(self.device))
                chosen = logits.gather(2, following.clamp(min=0)[:, :, None])[:, :, 0]  # (B, T)
                scored = (chosen - logits.logsumexp(2)).masked_fill(following < 0, 0)
                logprobs[:, here] = scored.cpu().numpy()
        self.train(training)
        return logprobs, tuple(tensor.cpu().numpy() for tensor in tensors)

    def _numpy(self) -> dict[str, npt.NDArray]:
        """The weights as NumPy sees them; on the CPU it looks into PyTorch's own memory."""
        if self._views is not None:
            return self._views
        views = {name: array.detach().cpu().numpy() for name, array in self.named_parameters()}
        views["never"] = self.never.cpu().numpy()
        if self.device.type == "cpu":
            self._views = views
        return views

    def _apply(self, function: Any, recurse: bool = True) -> Self:
        self._views = None  # .to(), .double(), .cuda() put other tensors in the place of these
        return super()._apply(function, recurse)


def edge(logits: npt.NDArray) -> Array:
    """Logits as the contract's natural-log probabilities, in float64 so that they sum to one.

    `lmlib.scratch.log_softmax`, in place: one token at a time, what NumPy allocates counts.
    """
    highest = np.maximum.reduce(logits, axis=-1, keepdims=True)
    x = np.subtract(logits, highest, dtype=np.float64)
    x -= np.log(np.add.reduce(np.exp(x), axis=-1, keepdims=True))
    return x


def check_sizes(settings: Any, *names: str) -> None:
    """See that these settings are 1 or more, and that dropout, where there is some, is below 1.

    Raises
    ------
    InputError
    """
    for name in names:
        if getattr(settings, name) < 1:
            raise InputError(f"{name}={getattr(settings, name)}: give 1 or more.")
    if not 0 <= getattr(settings, "dropout", 0) < 1:
        raise InputError(f"dropout={settings.dropout}: give 0 or more, and less than 1.")


def begin_uniform(model: NeuralLM, limit: float, seed: int) -> None:
    """Let all weights begin uniform between -limit and limit, biases too.

    Raises
    ------
    InputError
        If the limit is not above 0.
    """
    if not limit > 0:
        raise InputError(f"initial={limit}: give a number above 0.")
    with seeded(seed), torch.no_grad():
        for weight in model.parameters():
            weight.uniform_(-limit, limit)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw PyTorch's random numbers from this seed, and leave the global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
