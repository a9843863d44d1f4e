"""The ordinary fully connected layer, to compare with."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..kernels import as_floats, check
from ..support.checks import check_flag, check_input, check_seed
from ..types import FloatArray, Init
from .base import Layer, register_layer
from .initial import check_sizes, initial_bias, initial_weights


@register_layer
class Linear(Layer):
    """An ordinary fully connected layer: z = a W^T + b.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs. W is (n_out, n_in), in params["w"]; b is (n_out,), in params["b"].
    seed : int, optional
        Seed of the initial weights, in 0..2**32-1. Without one, the network gives the layer a seed of its own; outside
        a network it draws a fresh one.
    bias : bool
        Whether there is a b.
    dtype : dtype
        The dtype of the parameters: float32 or float64. The output has the common dtype of parameters and input: that
        of float64 or whole numbers is float64.
    init : {"he", "uniform"}
        How the initial weights are drawn.
    rng : numpy.random.Generator, optional
        Draws the initial weights, at once, instead of a generator made from the seed.

    Raises
    ------
    ValueError
        If an argument is outside these limits; the message says what came and what was expected.

    References
    ----------
    Eq. 1 (forward) and 10 (backward) of Chen et al., ICML 2015.

    Examples
    --------
    >>> layer = Linear(784, 10, seed=0)
    >>> layer.num_parameters()
    7850
    """

    kept_by_forward = ("a",)

    n_in: int
    n_out: int
    a: FloatArray  # the last input

    def __init__(
        self, n_in: int, n_out: int, *, seed: int | None = None, bias: bool = True, dtype: DTypeLike = np.float32,
        init: Init = "he", rng: np.random.Generator | None = None,
    ) -> None:
        n_in, n_out = check_sizes(n_in, n_out, dtype, init)
        seed = None if seed is None else check_seed(seed)
        bias = check_flag("bias", bias)
        super().__init__(n_in=n_in, n_out=n_out, seed=seed, bias=bias, dtype=np.dtype(dtype).name, init=init)
        self.n_in = n_in
        self.n_out = n_out
        if rng is not None:
            self.params = self._draw(rng)

    @cached_property
    def params(self) -> dict[str, FloatArray]:
        """W and b, drawn from the seed when they are first needed."""
        return self._draw(np.random.default_rng(self.ensure_seed()))

    def _draw(self, rng: np.random.Generator) -> dict[str, FloatArray]:
        """Draw the initial weights, and then the biases."""
        dtype = np.dtype(self._config["dtype"])
        init = self._config["init"]
        params = {"w": initial_weights(rng, (self.n_out, self.n_in), self.n_in, init, dtype)}
        if self._config["bias"]:
            params["b"] = initial_bias(rng, self.n_out, self.n_in, init, dtype)
        return params

    @classmethod
    def stored_shapes(cls, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Find the shapes of W and b."""
        bias = {"b": (config["n_out"],)} if config["bias"] else {}
        return {"w": (config["n_out"], config["n_in"]), **bias}

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Compute z (batch, n_out) from x (batch, n_in)."""
        self.a = check_input(x, self.n_in)
        w = check("w", self.params["w"], (self.n_out, self.n_in))
        z = self.a @ w.T
        if "b" in self.params:
            z = z + check("b", self.params["b"], (self.n_out,))  # one of another shape could broadcast
        return z

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Compute da (batch, n_in) from dz (batch, n_out); fill grads["w"] and grads["b"]."""
        a = self.recall("a")
        input_grad = check_flag("input_grad", input_grad)
        w, a, dz = as_floats(self.params["w"], a, check("dz", dz, (len(a), self.n_out)))
        self.grads["w"] = dz.T @ a  # Eq. 10
        if "b" in self.params:
            self.grads["b"] = dz.sum(axis=0)
        return dz @ w if input_grad else None
