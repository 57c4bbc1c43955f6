"""A network of fully connected layers by hand (chapter 04)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmlib.errors import InputError
from lmlib.language_model import Array
from lmlib.scratch.functions import ACTIVATIONS, check_activation
from lmlib.scratch.layers import linear, linear_backward


@dataclass(frozen=True)
class MLPConfig:
    """The shape of an `MLP`, and how it begins.

    Parameters
    ----------
    sizes
        Numbers in the input, in each hidden layer, in the output: at least two sizes.
    activation
        f, one of the `ACTIVATIONS`.
    scale
        The first weights are drawn from N(0, scale²/inputs of the layer).
    """

    sizes: tuple[int, ...]
    activation: str = "tanh"
    scale: float = 1.0

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise InputError(
                f"sizes={self.sizes}: give the size of the input, of each hidden layer and of the "
                "output, each at least 1."
            )
        check_activation(self.activation)


class MLP:
    """A multilayer perceptron: linear layers with an activation between any two of them.

        h_0 = x                             (N, sizes[0])
        h_l = f(h_{l-1} W_l + b_l)          (N, sizes[l]),  l = 1 … L-1
        o   = h_{L-1} W_L + b_L             (N, sizes[L])

    Backward, from do, with f'(z_l) in terms of h_l:

        dh_{L-1} = do W_Lᵀ;   dz_l = dh_l f'(z_l);   dW_l = h_{l-1}ᵀ dz_l;   dh_{l-1} = dz_l W_lᵀ

    Source: Rumelhart, Hinton and Williams 1986, *Learning representations by back-propagating
    errors*. Chapter 04.

    Parameters
    ----------
    config
    rng
        Draws the first weights; with ``scale=1`` a sum over a layer's inputs is neither blown up
        nor shrunk. Biases are 0.

    Attributes
    ----------
    parameters : dict of float64 arrays
        ``W_1`` (sizes[0], sizes[1]), ``b_1`` (sizes[1],), and so on to ``W_L``, ``b_L``.
    """

    def __init__(self, config: MLPConfig, rng: np.random.Generator) -> None:
        self.config = config
        self.parameters: dict[str, Array] = {}
        for layer, (inputs, outputs) in enumerate(
            zip(config.sizes, config.sizes[1:], strict=False), start=1
        ):
            spread = config.scale / inputs**0.5
            self.parameters[f"W_{layer}"] = rng.normal(0, spread, (inputs, outputs))
            self.parameters[f"b_{layer}"] = np.zeros(outputs)

    def forward(self, x: npt.NDArray) -> tuple[npt.NDArray, list[npt.NDArray]]:
        """Run the network.

        Parameters
        ----------
        x : (..., sizes[0])

        Returns
        -------
        output : (..., sizes[-1])
        layers : list
            What went into each linear layer: ``[h_0, …, h_{L-1}]``; `backward` needs it.
        """
        function, _ = ACTIVATIONS[self.config.activation]
        last = len(self.config.sizes) - 1
        layers = [x]
        for layer in range(1, last):
            z = linear(layers[-1], self.parameters[f"W_{layer}"], self.parameters[f"b_{layer}"])
            layers.append(function(z))
        output = linear(layers[-1], self.parameters[f"W_{last}"], self.parameters[f"b_{last}"])
        return output, layers

    def backward(
        self, doutput: npt.NDArray, layers: list[npt.NDArray]
    ) -> tuple[npt.NDArray, dict[str, npt.NDArray]]:
        """Carry a gradient from the output back to the input, collecting those of the weights.

        Parameters
        ----------
        doutput : (..., sizes[-1])
        layers
            As `forward` gave them.

        Returns
        -------
        dx : (..., sizes[0])
        gradients : dict
            As `parameters`.
        """
        _, backward = ACTIVATIONS[self.config.activation]
        gradients: dict[str, npt.NDArray] = {}
        dz = doutput
        for layer in reversed(range(1, len(self.config.sizes))):
            h = layers[layer - 1]
            dh, dW, db = linear_backward(dz, h, self.parameters[f"W_{layer}"])
            gradients[f"W_{layer}"], gradients[f"b_{layer}"] = dW, db
            if layer > 1:
                dz = backward(dh, h)
        return dh, gradients
