"""Checks of exercise 1: the hashing trick."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...explanations import feature_hash
from ...kernels import hashed_forward
from ...maps import SharingMap
from ..marking import MAPS, Example, compare_constants, done, mark

FANCY = ("of the numbers that meet in a bucket only the last is left: fancy += adds once per bucket, as = does; use "
         "np.bincount(..., weights=...)")


def hashed_features(function: Callable) -> None:
    """Check phi(x) for one vector: function(x, bucket, sign, buckets) -> (buckets,)."""
    rng = np.random.default_rng(1)
    examples = []
    for m in MAPS:
        bucket, sign = (table[1].copy() for table in m.table())
        x = rng.normal(size=m.n_cols) + 1.5
        x[::2] *= -1  # entries of both signs: a sign is not a size
        load = np.bincount(bucket, minlength=m.buckets)
        fancy = np.zeros(m.buckets)
        fancy[bucket] += sign * x
        right = feature_hash(x[None], m, 1)[0]
        examples.append(Example((x, bucket, sign, m.buckets), right, [
            ("the signs are missing", np.bincount(bucket, x, m.buckets)),
            (FANCY, fancy),
            ("buckets that nothing falls into are 0, too; minlength makes room for them", right[: bucket.max() + 1]),
            ("this counts the signs; the entries of x are missing", np.bincount(bucket, sign, m.buckets)),
            ("this is the mean over each bucket, the features are sums", right / np.maximum(load, 1)),
            ("these are the signed entries; they still have to be added up by bucket", sign * x),
        ], f"{m.n_cols} numbers into {m.buckets} buckets"))
    mark(function, examples, "phi")
    done("The same as hn.feature_hash, collisions included.")


def _all_products(x: NDArray, y: NDArray, K: int, signed: bool) -> NDArray:
    """Compute the hashed inner product under every possible hash function of a few indices."""
    signs = list(itertools.product((1, -1), repeat=len(x))) if signed else [(1,) * len(x)]
    products = []
    for h in itertools.product(range(K), repeat=len(x)):
        for xi in signs:
            products.append(np.bincount(h, x * xi, K) @ np.bincount(h, y * xi, K))
    return np.array(products)


PAIRS = (  # two vectors and K
    (np.array([1.0, 2.0, 0.5, 3.0]), np.array([2.0, 1.0, 1.5, 0.5]), 3),
    (np.array([1.0, -2.0, 0.5]), np.array([3.0, 0.25, 2.0]), 4),
    (np.array([0.5, 1.5, 0.0, 1.0, -1.0]), np.array([1.0, 1.0, 2.0, -0.5, 2.0]), 2),
)


def mean_without_signs(function: Callable) -> None:
    """Check the expected inner product without signs against all hash functions of a few indices."""
    examples = []
    for x, y, K in PAIRS:
        all_pairs = x.sum() * y.sum()
        examples.append(Example((x, y, K), _all_products(x, y, K, signed=False).mean(), [
            ("this is the mean with independent signs", x @ y),
            ("the terms i = j always meet, not with probability 1/K", all_pairs / K),
            ("the terms i = j are counted twice", x @ y + all_pairs / K),
            ("the terms i = j are missing", (all_pairs - x @ y) / K),
            ("different indices meet with probability 1/K only", all_pairs),
        ], f"{len(x)} indices, K = {K}"))
    mark(function, examples, "the mean")
    done("Equal to the average over all hash functions: 3**4 = 81 of 4 indices into 3 buckets, for instance.")


def variance_with_signs(function: Callable) -> None:
    """Check the variance with signs against all hash and sign functions of a few indices."""
    examples = []
    for x, y, K in PAIRS:
        products = np.outer(x, y)
        pairs = np.triu(products + products.T, 1)
        C = np.sum(pairs**2)
        apart = np.sum((products - np.diag(np.diag(products))) ** 2)
        diagonal = np.sum(np.diag(products) ** 2)
        examples.append(Example((x, y, K), _all_products(x, y, K, signed=True).var(), [
            ("this is the variance without signs", C / K * (1 - 1 / K)),
            ("(i, j) and (j, i) are one random event: add them up first, then square", apart / K),
            ("this is the standard deviation", np.sqrt(C / K)),
            ("divide by K", C),
            ("every pair is counted twice; i < j is enough", 2 * C / K),
            ("the terms i = j do not vary: leave out the diagonal", C / K + 4 * diagonal / K),
            ("the terms i = j do not vary: take them out", C / K + 2 * diagonal / K),
            ("the terms i = j are in it twice, once from each part: take them out twice", C / K + diagonal / K),
            ("square each pair before you add them up", np.sum(pairs) ** 2 / K),
            ("only x_i y_j with i < j is in it; x_j y_i belongs to the same pair",
             np.sum(np.triu(products, 1) ** 2) / K),
        ], f"{len(x)} indices, K = {K}"))
    mark(function, examples, "the variance")
    done("Equal to the variance over all hash and sign functions: 81 x 16 for 4 indices into 3 buckets.")


def features_view(function: Callable) -> None:
    """Check a layer by the feature-hashing view: function(w, a, m) -> z (batch, n_out)."""
    rng = np.random.default_rng(0)
    examples = []
    for m in MAPS:
        w = rng.normal(size=m.buckets)  # 3 x 8: a batch as large as n_out
        a = rng.normal(size=(3, m.n_cols))
        z = hashed_forward(w, a, m)
        bucket, _ = m.table()
        examples.append(Example((w, a, m), z, [
            ("all output units compute the same; which row of the map belongs to unit i?", np.tile(z[:, :1], m.n_out)),
            ("all output units compute the same; which row of the map belongs to unit i?", np.tile(z[:, -1:], m.n_out)),
            ("one row per example, one column per output unit: this is the other way round", z.T),
            ("the signs are missing", a @ w[bucket].T),
        ], f"a map of {m.n_out} x {m.n_cols}"))
    mark(function, examples, "z")
    done("Equation (5) equals Equation (4): the same as hn.hashed_forward.")


def figure_1(z1: Any, z2: Any) -> None:
    """Check the network of the paper's Figure 1 for the input (0, 1, 0, 1)."""
    m1 = SharingMap.from_table([[1, 0, 0, 2], [0, 1, 0, 0], [2, 1, 0, 1], [0, 2, 1, 2]], buckets=3)
    m2 = SharingMap.from_table([[0, 1, 1, 2], [2, 2, 0, 0]], buckets=3)
    w2 = np.array([2.5, -0.7, 1.3])
    sums = hashed_forward(np.array([3.2, 1.1, -0.5]), np.array([[0.0, 1.0, 0.0, 1.0]]), m1)[0]
    out = hashed_forward(w2, np.maximum(sums, 0)[None], m2)[0]
    compare_constants(z1, sums, "z1", [
        ("the sums before the ReLU are asked for; these come after it", np.maximum(sums, 0)),
    ])
    compare_constants(z2, out, "z2", [
        ("a negative sum does not pass the ReLU; it counts as 0", hashed_forward(w2, sums[None], m2)[0]),
        ("a negative sum does not pass the ReLU as a positive one; it counts as 0",
         hashed_forward(w2, np.abs(sums)[None], m2)[0]),
        ("the two outputs are in the wrong order", out[::-1]),
    ])
    done("24 virtual weights, 6 real ones, and your head.")
