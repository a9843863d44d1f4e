"""Activations: ReLU, which the paper uses, and tanh."""

from __future__ import annotations

import numpy as np

from ..support.checks import check_same_shape, unmasked
from ..types import BoolArray, FloatArray
from .base import Layer, register_layer


@register_layer
class ReLU(Layer):
    """The activation f(z) = max(z, 0) of the paper's hidden layers; f'(0) is taken as 0.

    Examples
    --------
    >>> ReLU()(np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    """

    kept_by_forward = ("active",)

    active: BoolArray  # where the last input was positive

    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Any shape in, the same shape out."""
        x = unmasked("x", x)
        self.active = x > 0
        return np.maximum(x, 0)

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Multiply by f'(z): the last factor of Eq. 9."""
        active = self.recall("active")
        return check_same_shape("dz", dz, active.shape) * active

    def kink_sides(self) -> BoolArray | None:
        """Return where the last input was positive: the kink is at 0."""
        return self.recall("active")


@register_layer
class Tanh(Layer):
    """The activation f(z) = tanh(z), smooth and bounded; f'(z) = 1 - f(z)**2.

    Examples
    --------
    >>> Tanh()(np.array([[0.0, 100.0]]))
    array([[0., 1.]])
    """

    kept_by_forward = ("output",)

    output: FloatArray  # f of the last input

    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Any shape in, the same shape out."""
        self.output = np.tanh(unmasked("x", x))
        return self.output

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Multiply by f'(z): the last factor of Eq. 9."""
        output = self.recall("output")
        return check_same_shape("dz", dz, output.shape) * (1 - output**2)


ACTIVATIONS: dict[str, type[Layer]] = {"relu": ReLU, "tanh": Tanh}  # what `build(activation=...)` knows
