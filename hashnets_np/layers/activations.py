"""Activations: ReLU, which the paper uses, and tanh."""

from __future__ import annotations

import numpy as np

from ..support.checks import check_same_shape, real_numbers
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
        x = real_numbers("x", x)
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

    kept_by_forward = ("slope",)

    # f' of the last input; not f, which the caller has, too (test_tanh_survives_a_loss_that_works_in_place)
    slope: FloatArray

    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Any shape in, the same shape out."""
        x = real_numbers("x", x)
        dtype = np.result_type(x, np.float32)  # for bytes too, of which np.tanh makes float16
        output = np.tanh(x, dtype=dtype)
        self.slope = 1 - output**2
        return output

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Multiply by f'(z): the last factor of Eq. 9."""
        slope = self.recall("slope")
        return check_same_shape("dz", dz, slope.shape) * slope


ACTIVATIONS: dict[str, type[Layer]] = {"relu": ReLU, "tanh": Tanh}  # what `build(activation=...)` knows
