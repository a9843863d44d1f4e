"""Checks of exercise 1: the hashing trick."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...explanations import feature_hash
from ...kernels import hashed_forward
from ...maps import SharingMap
from ..marking import MAP, call, compare, done, numbers, require


def hashed_features(function: Callable) -> None:
    """Check phi(x) for one vector: function(x, bucket, sign, buckets) -> (buckets,)."""
    x, (bucket, sign) = np.arange(1.0, 6.0), (row[0] for row in MAP.table())
    fancy = np.zeros(4)
    fancy[bucket] += sign * x
    compare(call(function, x, bucket, sign, 4), feature_hash(x[None], MAP, 0)[0], "phi", {
        "the signs are missing": np.bincount(bucket, x, 4),
        "fancy += adds once per bucket; use np.bincount(..., weights=...)": fancy,
    })
    done("The same as hn.feature_hash, collisions included.")


def _all_products(x: NDArray, y: NDArray, K: int, signed: bool) -> NDArray:
    """Compute the hashed inner product under every possible hash function of a few indices."""
    signs = list(itertools.product((1, -1), repeat=len(x))) if signed else [(1,) * len(x)]
    products = []
    for h in itertools.product(range(K), repeat=len(x)):
        for xi in signs:
            products.append(np.bincount(h, x * xi, K) @ np.bincount(h, y * xi, K))
    return np.array(products)


X, Y = np.array([1.0, 2.0, 0.5, 3.0]), np.array([2.0, 1.0, 1.5, 0.5])


def mean_without_signs(function: Callable) -> None:
    """Check the expected inner product without signs against all 81 hash functions of 4 indices into 3 buckets."""
    compare(call(function, X, Y, 3), _all_products(X, Y, 3, signed=False).mean(), "the mean", {
        "this is the mean with signs": X @ Y,
        "the terms i = j meet always, not with probability 1/K": X.sum() * Y.sum() / 3,
        "the terms i = j are counted twice": X @ Y + X.sum() * Y.sum() / 3,
    })
    done("Equal to the average over all 3**4 = 81 hash functions.")


def variance_with_signs(function: Callable) -> None:
    """Check the variance with signs against all hash and sign functions of 4 indices into 3 buckets."""
    expected = _all_products(X, Y, 3, signed=True).var()
    C = np.triu(np.outer(X, Y) + np.outer(Y, X), 1)
    compare(call(function, X, Y, 3), expected, "the variance", {
        "this is the variance without signs": (C**2).sum() / 3 * (1 - 1 / 3),
        "(i, j) and (j, i) are one random event: add them up first, then square": np.sum(
            (np.outer(X, Y) - np.diag(X * Y)) ** 2) / 3,
        "this is the standard deviation": expected**0.5,
        "divide by K": (C**2).sum(),
    })
    done("Equal to the variance over all 81 x 16 hash and sign functions.")


def features_view(function: Callable) -> None:
    """Check a layer by the feature-hashing view: function(w, a, m) -> z (batch, n_out)."""
    rng = np.random.default_rng(0)
    w, a = rng.normal(size=4), rng.normal(size=(3, 5))
    z = numbers(call(function, w, a, MAP), "z")
    require(z.shape == (3, 6), f"z has shape {z.shape}, expected (3, 6): one column per output unit")
    require(not np.allclose(z, z[:, :1]), "all output units compute the same; which row of the map belongs to unit i?")
    compare(z, hashed_forward(w, a, MAP), "z")
    done("Equation (5) equals Equation (4): the same as hn.hashed_forward.")


def figure_1(z1: Any, z2: Any) -> None:
    """Check the network of the paper's Figure 1 for the input (0, 1, 0, 1)."""
    m1 = SharingMap.from_table([[1, 0, 0, 2], [0, 1, 0, 0], [2, 1, 0, 1], [0, 2, 1, 2]], buckets=3)
    m2 = SharingMap.from_table([[0, 1, 1, 2], [2, 2, 0, 0]], buckets=3)
    hidden = hashed_forward(np.array([3.2, 1.1, -0.5]), np.array([[0.0, 1.0, 0.0, 1.0]]), m1)[0]
    compare(z1, hidden, "z1")
    out = hashed_forward(np.array([2.5, -0.7, 1.3]), np.maximum(hidden, 0)[None], m2)[0]
    compare(z2, out, "z2")
    done("24 virtual weights, 6 real ones, and your head.")
