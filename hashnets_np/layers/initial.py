"""Initial weights and biases of fully connected layers, and the check of what such a layer is made from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..support.checks import check_count, shown
from ..types import FloatArray
from .base import check_dtype


def initial_weights(rng: np.random.Generator, shape: Any, n_in: int, init: str, dtype: DTypeLike) -> FloatArray:
    """Draw initial weights: "he" is N(0, 2 / n_in) (He et al. 2015), "uniform" the released code's U(+-1 / sqrt(n_in)).

    n_in is the fan-in of a unit, virtual weights counted: each V_ij is distributed like the w_k that it copies.
    """
    check_rng(rng)
    if init == "he":
        return rng.normal(0.0, np.sqrt(2.0 / n_in), shape).astype(dtype)
    return rng.uniform(-1.0 / np.sqrt(n_in), 1.0 / np.sqrt(n_in), shape).astype(dtype)


def initial_bias(rng: np.random.Generator, shape: Any, n_in: int, init: str, dtype: DTypeLike) -> FloatArray:
    """Draw initial biases: zeros for "he", and like the weights for "uniform"."""
    if init == "he":
        return np.zeros(shape, dtype)
    return initial_weights(rng, shape, n_in, init, dtype)


def check_rng(rng: object) -> None:
    """Check that initial weights can be drawn from a generator."""
    if not isinstance(rng, np.random.Generator):
        fix = f"; did you mean seed={rng!r}?" if isinstance(rng, (int, np.integer)) else ""
        raise ValueError(f"rng must be a numpy.random.Generator, got {shown(rng)}{fix}")


def check_sizes(n_in: int, n_out: int, dtype: DTypeLike, init: str) -> tuple[int, int]:
    """Check what every fully connected layer is made from; return the sizes as Python's integers, which don't wrap."""
    n_in = check_count("n_in", n_in)
    n_out = check_count("n_out", n_out)
    check_dtype(dtype)
    if init not in ("he", "uniform"):
        raise ValueError(f"init must be 'he' or 'uniform', got {shown(init)}")
    return n_in, n_out
