"""Dropout, with masks drawn from a seed or given."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ..support.checks import check_number, check_same_shape, check_seed, real_numbers, unmasked
from ..types import BoolArray, FloatArray
from .base import Layer, register_layer


@register_layer
class Dropout(Layer):
    """Inverted dropout: in training each unit is zeroed with probability `rate`, the others are divided by 1 - rate.

    In evaluation mode nothing happens. A mask may be given to `forward`, which is how other implementations are
    compared.

    Parameters
    ----------
    rate : float
        The probability that a unit is zeroed, in [0, 1).
    seed : int, optional
        Seed of the masks, in 0..2**32-1. Without one, the network gives the layer a seed of its own; outside a network
        it draws a fresh one.

    Raises
    ------
    ValueError
        If an argument is outside these limits; the message says what came and what was expected.

    References
    ----------
    Srivastava et al., JMLR 2014.

    Examples
    --------
    >>> layer = Dropout(0.5, seed=0)
    >>> layer.forward(np.ones((1, 4)), train=True, mask=[[1, 0, 0, 1]])
    array([[2., 0., 0., 2.]])
    >>> layer.forward(np.ones((1, 4)))
    array([[1., 1., 1., 1.]])
    """

    kept_by_forward = ("scale",)

    scale: FloatArray | None  # what the last forward multiplied by; None: nothing

    def __init__(self, rate: float, *, seed: int | None = None) -> None:
        check_number("dropout rate", rate, 0, 1)
        seed = None if seed is None else check_seed(seed)
        super().__init__(rate=rate, seed=seed)

    @property
    def rate(self) -> float:
        """The probability that a unit is zeroed; another rate is another layer."""
        return self._config["rate"]

    @cached_property
    def rng(self) -> np.random.Generator:
        """The generator of the masks, made from the seed when it is first needed."""
        return np.random.default_rng(self.ensure_seed())

    def forward(self, x: FloatArray, train: bool = False, mask: ArrayLike | None = None) -> FloatArray:
        """Drop units of x; mask (same shape, true where a unit stays) is drawn unless it is given."""
        x = real_numbers("x", x)
        if mask is not None and not train:
            raise ValueError("a mask was given, but with train=False nothing is dropped; pass train=True")
        if not train or (self.rate == 0 and mask is None):
            self.scale = None
            return x
        kept = self.draw_mask(x.shape) if mask is None else check_mask(mask, x.shape)
        dtype = np.result_type(x, np.float32)  # also for pixels 0..255: uint8 cannot hold 1 / (1 - rate)
        self.scale = kept * dtype.type(1 / (1 - self.rate))
        return x * self.scale

    def draw_mask(self, shape: tuple[int, ...]) -> BoolArray:
        """Draw a mask, true where a unit stays."""
        return self.rng.random(shape, dtype=np.float32) >= self.rate

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Apply the same mask and factor to the error term."""
        scale = self.recall("scale")
        if scale is None:
            return dz
        return check_same_shape("dz", dz, scale.shape) * scale


def check_mask(mask: ArrayLike, shape: tuple[int, ...]) -> BoolArray:
    """Check a mask that was given: true and false, or 1 and 0, one for each unit; it must not broadcast."""
    mask = unmasked("mask", mask)
    if mask.shape != shape:
        raise ValueError(f"mask has shape {mask.shape}, expected {shape}, one entry for each unit of x")
    if not ((mask == 0) | (mask == 1)).all():
        raise ValueError("mask must hold True where a unit stays and False where it is dropped, or 1 and 0")
    return mask.astype(bool)
