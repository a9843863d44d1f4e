"""A network: layers in a row, forward and then back."""

from collections.abc import Iterator, Sequence
from copy import deepcopy

from numpy.typing import DTypeLike, NDArray

from .layers import Layer


class Network:
    """Layers applied one after the other.

    layers: a sequence of `Layer`s, each in one place only (ValueError otherwise), for it keeps its last input.
    train=True switches dropout on in `forward`.

    >>> import numpy as np
    >>> from hashnets_np import HashedLinear, ReLU
    >>> net = Network([HashedLinear(64, 256, "1/8", seed=1), ReLU(), HashedLinear(256, 10, "1/8", seed=2)])
    >>> net.forward(np.zeros((5, 64), np.float32)).shape, net.num_parameters(), net.num_virtual_parameters()
    ((5, 10), 2402, 19210)
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)
        if len({id(layer) for layer in self.layers}) < len(self.layers):
            raise ValueError("a layer stands in the network twice; each place needs one of its own, as another ReLU()")

    def forward(self, x: NDArray, train: bool = False) -> NDArray:
        """x (batch, n_in) -> logits (batch, classes)."""
        for layer in self.layers:
            x = layer.forward(x, train)
        return x

    def backward(self, dz: NDArray, input_grad: bool = True) -> NDArray | None:
        """dz (batch, classes), the gradient of the loss by the logits -> dx (batch, n_in); fills the layers' grads.

        Training needs no dx: input_grad=False leaves it out, and with it a third of the first layer's work.
        """
        first = next((n for n, layer in enumerate(self.layers) if layer.params), 0)
        da: NDArray | None = dz
        for number in reversed(range(len(self.layers))):
            if number < first and not input_grad:
                return None
            da = self.layers[number].backward(da, input_grad or number > first)  # type: ignore[arg-type]
        return da

    def parameters(self) -> Iterator[tuple[str, NDArray]]:
        """Go through all real weights as ("layer number.name", array)."""
        return ((f"{n}.{name}", p) for n, layer in enumerate(self.layers) for name, p in layer.params.items())

    def num_parameters(self) -> int:
        """Count the real weights: what is stored."""
        return sum(layer.num_parameters() for layer in self.layers)

    def num_virtual_parameters(self) -> int:
        """Count the weights that the network computes with."""
        return sum(layer.num_virtual_parameters() for layer in self.layers)

    def astype(self, dtype: DTypeLike) -> "Network":
        """Copy the network with its parameters in another dtype, float32 or float64 (ValueError otherwise)."""
        net = deepcopy(self)
        for layer in net.layers:
            layer.change_dtype(dtype)
        return net
