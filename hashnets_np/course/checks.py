"""Checks of the exercises, one function for each task, with the package's kernels and gradient check as oracles.

Each takes what the reader wrote, tries it on examples with repeated buckets and both signs, and either prints one line
or raises `NotYet` (see `marking`), which a notebook shows as one line. Known wrong answers are recognised and named.
Left out: open questions, which nobody can mark but people.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import hashing
from ..explain import feature_hash
from ..gradcheck import gradcheck
from ..kernels import hash_gather, hash_scatter_add, hashed_forward
from ..layers import HashedLinear, ReLU
from ..methods import equal_size_widths
from ..network import Network
from ..sharing import SharingMap, bucket_count
from .marking import NotYet, call, compare, done, require

MAP = SharingMap(6, 5, buckets=4, seed=7)  # every bucket many times, with both signs

# Exercise 1: the hashing trick


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
    z = np.asarray(call(function, w, a, MAP))
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


# Exercise 2: hash functions


def avalanche(function: Callable) -> None:
    """Check the last five lines of XXH32 on Python integers."""
    for word in (0, 1, 0x63D621E4, 2**32 - 1):
        found, expected = int(call(function, word)), int(hashing.avalanche(np.array([word], np.uint32))[0])
        require(found < 2**32, f"avalanche(0x{word:08x}) has more than 32 bits; cut it off with & 0xFFFFFFFF")
        require(found == expected, f"avalanche(0x{word:08x}) is 0x{found:08x}, expected 0x{expected:08x}")
    done("The avalanche of XXH32, bit for bit.")


def bucket_and_sign(function: Callable) -> None:
    """Check bucket and sign made from one hash: function(x, buckets) -> (bucket, sign)."""
    for i, j in itertools.product(range(6), range(5)):
        x = int(hashing.xxh32_pair(i, j, 7))
        bucket, sign = call(function, x, 4)
        k, xi = (int(value) for value in MAP.lookup(i, j))
        require(bucket != x % 4 or bucket == k, "bucket and sign share bit 0 of the hash: they are not independent")
        require(sign != -xi, "the sign is the wrong way round: bit 0 equal to 0 means +1")
        require((bucket, sign) == (k, xi), f"for x = {x} came ({bucket}, {sign}), expected ({k}, {xi})")
    done("The same as hn.SharingMap.")


def used_once(function: Callable) -> None:
    """Check the share of buckets with exactly one virtual weight, as a function of the compression."""
    for c in (1.0, 0.5, 0.125):
        found, expected = float(call(function, c)), np.exp(-1 / c) / c
        require(c == 1 or abs(found - np.exp(-1 / c)) > 1e-6, "this is the share of empty buckets")
        bucket, _ = SharingMap(500, 500, buckets=int(c * 250_000), seed=1).table()
        counted = float(np.mean(np.bincount(bucket.ravel(), minlength=int(c * 250_000)) == 1))
        near = abs(found - expected) < 1e-3
        require(near, f"at c = {c} you say {found:.4f}; counted in a layer of 500 x 500: {counted:.4f}")
    done("As counted, at compressions 1, 1/2 and 1/8.")


def count_buckets(function: Callable) -> None:
    """Check K from compression and layer size, where floats round wrongly."""
    cases = [("1/8", 785_000), ("1/3", 100), ("1/10", 100), ("1/64", 10_010), ("1/1000", 7), ("3/10", 10)]
    for c, n in cases:
        found, expected = call(function, c, n), bucket_count(c, n)
        require(found == expected, f"compression {c} of {n} virtual weights: {found} buckets, expected {expected}")
    done("Exact, rounded up, and never zero.")


def balanced_map(function: Callable) -> None:
    """Check a balanced map: function(i, j, buckets, seed) for n_cols = 65 -> bucket; even loads, random looks."""
    for n_out, K in ((100, 1000), (64, 65 * 64), (30, 7)):
        i, j = np.arange(n_out)[:, None], np.arange(65)[None, :]
        bucket = np.asarray(call(function, i, j, K, 1))
        require(bucket.shape == (n_out, 65), f"bucket has shape {bucket.shape}, expected {(n_out, 65)}")
        low, high = bucket.min(), bucket.max()
        require(low >= 0 and high < K, f"buckets must be 0..{K - 1}, got {low}..{high}")
        loads = np.bincount(bucket.ravel(), minlength=K)
        low, high = loads.min(), loads.max()
        require(high - low <= 1, f"with {K} buckets the loads go from {low} to {high}; at most 1 apart is balanced")
        require((bucket == function(i, j, K, 1)).all(), "the map changes from call to call")
        require((bucket != function(i, j, K, 2)).any(), "another seed must give another map")
    rows = np.sort(function(np.arange(100)[:, None], np.arange(65)[None, :], 650, 1), axis=1)
    require(len(np.unique(rows, axis=0)) > 50, "many rows have the same set of buckets; shift each fold by a hash")
    done("Even loads; at compression 1 every weight has a bucket of its own.")


# Exercise 3: the gradient


def _layer() -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Make an example: bucket, sign, w, a (batch 3), dz."""
    rng = np.random.default_rng(0)
    return *MAP.table(), rng.normal(size=4), rng.normal(size=(3, 5)), rng.normal(size=(3, 6))


def gather(function: Callable) -> None:
    """Check Equation 7: function(w, bucket, sign) -> V."""
    bucket, sign, w, _, _ = _layer()
    compare(call(function, w, bucket, sign), hash_gather(w, MAP), "V", {"the signs are missing": w[bucket]})
    done("The same as hn.hash_gather.")


def scatter_add(function: Callable) -> None:
    """Check Equation 12: function(dV, bucket, sign, buckets) -> dw."""
    bucket, sign, _, a, dz = _layer()
    dV, right = dz.T @ a, hash_scatter_add(dz.T @ a, MAP)
    fancy = np.zeros(4)
    fancy[bucket] += dV * sign
    compare(call(function, dV, bucket, sign, 4), right, "dw", {
        "the signs are missing": np.bincount(bucket.ravel(), dV.ravel(), 4),
        "this is the mean over each bucket, the gradient is the sum": right / np.bincount(bucket.ravel(), minlength=4),
        "fancy += adds once per bucket; use np.bincount(..., weights=...)": fancy,
    })
    done("The same as hn.hash_scatter_add.")


def input_gradient(function: Callable) -> None:
    """Check Equation 9: function(dz, w, bucket, sign) -> da."""
    bucket, sign, w, _, dz = _layer()
    V = w[bucket] * sign
    compare(call(function, dz, w, bucket, sign), dz @ V, "da", {"the signs are missing": dz @ w[bucket]})
    done("dz V: the same V as in the forward pass, read along its columns.")


def slope(function: Callable) -> None:
    """Check central differences along a direction: function(loss, w, direction, step) -> slope."""
    w, u = np.array([1.0, -2.0]), np.array([0.6, 0.8])
    found = float(call(function, lambda w: float(np.sum(w**3)), w, u, 1e-3))
    exact = float(3 * w**2 @ u)
    require(abs(found - exact / 2) > 1e-2, "half of it: the two points are 2 steps apart, or you went one way only")
    require(abs(found - 2 * exact) > 1e-2, "twice too large: the two points are 2 steps apart")
    require(abs(found - exact) < 1e-4, f"the slope of sum(w**3) is {exact:.4f} here, you measured {found:.4f}"
            + ("; that is a one-sided difference" if abs(found - exact) < 1e-1 else ""))
    require(np.array_equal(w, [1.0, -2.0]), "w was changed; work on w + step * direction, not in place")
    done("A central difference: its error shrinks with the square of the step.")


def layer_gradients(layer_class: type[HashedLinear]) -> None:
    """Check the backward pass of a subclass of HashedLinear by the gradient check, in a network of two layers."""
    rng = np.random.default_rng(0)
    try:
        layers = [HashedLinear(5, 7, "1/4", seed=1), ReLU(), layer_class(7, 4, "1/4", seed=2)]
        report = gradcheck(Network(layers), rng.normal(size=(6, 5)), np.array([0, 1, 2, 3, 0, 1]))
    except NotImplementedError as error:
        raise NotYet("backward is still empty") from error
    except Exception as error:
        raise NotYet(f"the network stopped with {type(error).__name__}: {error}") from error
    names = {"2.w": "the gradient of w (Eq. 12)", "0.w": "what reaches the layer below (Eq. 9)",
             "input": "what reaches the input (Eq. 9)"}
    for name, what in names.items():
        off = report.errors[name]
        require(off <= 1e-6, f"{what} is wrong: relative error {off:.1e} against central differences")
    done(f"The gradient check passes, worst relative error {report.worst:.0e}.")


def tied_gradient(function: Callable) -> None:
    """Check the gradient of one w shared by two layers: function(w, x, dz2, m1, m2) -> dw; linear layers."""
    rng = np.random.default_rng(1)
    m1, m2 = SharingMap(4, 5, buckets=3, seed=1), SharingMap(2, 4, buckets=3, seed=2)
    w, x, dz2 = rng.normal(size=3), rng.normal(size=(6, 5)), rng.normal(size=(6, 2))

    def loss(w: NDArray) -> float:
        return float(np.sum(dz2 * hashed_forward(w, hashed_forward(w, x, m1), m2)))

    slopes = [(loss(w + e) - loss(w - e)) / 2e-5 for e in 1e-5 * np.eye(3)]
    found = np.asarray(call(function, w, x, dz2, m1, m2), dtype=float)
    second = hash_scatter_add(dz2.T @ hashed_forward(w, x, m1), m2)
    require(not np.allclose(found, second), "this is the second layer's part only; w is used in the first layer, too")
    right = np.allclose(found, slopes, rtol=1e-5, atol=1e-7)
    require(right, f"dw is {found}, central differences say {np.array(slopes)}")
    done("One weight, two layers: the contributions add up, as over the places of one layer.")


# Exercise 5: training


def momentum_step(function: Callable) -> None:
    """Check SGD with momentum: function(w, v, gradient, learning_rate, momentum) -> (w, v), for three steps."""
    from ..layers import Linear
    from ..optim import SGD

    rng, layer, optimiser = np.random.default_rng(0), Linear(3, 1, bias=False, dtype=np.float64), SGD(0.1, momentum=0.9)
    w, v = layer.params["w"].copy(), np.zeros((1, 3))
    for step in range(3):
        gradient = rng.normal(size=(1, 3))
        layer.grads["w"] = gradient.copy()
        optimiser.step([layer])
        w, v = call(function, w.copy(), v.copy(), gradient.copy(), 0.1, 0.9)
        compare(w, layer.params["w"], f"w after step {step + 1}")
    done("Three steps, the same as hn.SGD.")


def inverted_dropout(function: Callable) -> None:
    """Check inverted dropout with a given mask: function(x, mask, rate) -> x."""
    x = np.arange(1.0, 13.0).reshape(3, 4)
    mask = np.array([[1, 0, 1, 1], [0, 0, 1, 1], [1, 1, 1, 0]], dtype=bool)
    compare(call(function, x, mask, 0.25), np.where(mask, x / 0.75, 0), "the output", {
        "the survivors must be divided by 1 - rate, or the mean changes": np.where(mask, x, 0),
        "the mask is true where a unit stays": np.where(mask, 0, x / 0.75),
        "divide by 1 - rate, not by the rate": np.where(mask, x / 0.25, 0),
    })
    done("The same as hn.Dropout with that mask.")


def best_epoch(function: Callable) -> None:
    """Check the choice of an epoch: function(valid_errors, test_errors) -> (epoch from 1, test error to report)."""
    valid, test = [9.0, 5.0, 4.0, 4.0, 6.0], [8.0, 7.0, 6.5, 6.0, 5.0]
    epoch, reported = call(function, valid, test)
    require((epoch, reported) != (5, 5.0), "chosen by the test error: then it is no longer a test")
    require((epoch, reported) != (4, 6.0), "of equal epochs take the earliest, whatever the test error says")
    require(epoch == 3, f"epoch {epoch}; the lowest validation error is in epoch 3 (counted from 1)")
    require(reported == 6.5, f"reported {reported}; the test error of epoch 3 is 6.5")
    done("Chosen on one set, reported on the other.")


def occupancy_layer(layer_class: type[HashedLinear]) -> None:
    """Check a layer that divides the gradient of each real weight by the number of its places."""
    x, dz = np.random.default_rng(0).normal(size=(4, 6)), np.random.default_rng(1).normal(size=(4, 8))
    for c in ("1/8", "1"):
        arguments: dict[str, Any] = {"compression": c, "seed": 3, "dtype": np.float64}
        layer, plain = layer_class(6, 8, **arguments), HashedLinear(6, 8, **arguments)
        layer.forward(x), plain.forward(x)
        try:
            da = layer.backward(dz)
        except Exception as error:
            raise NotYet(f"backward stopped with {type(error).__name__}: {error}") from error
        load = np.bincount(plain.map.table()[0].ravel(), minlength=plain.map.buckets)
        compare(da, plain.backward(dz), "da (it should not change)")
        require(np.isfinite(layer.grads["w"]).all(), "an empty bucket has gradient 0, not 0 / 0")
        compare(layer.grads["w"], plain.grads["w"] / np.maximum(load, 1), f"dw at compression {c}", {
            "the gradient is not divided yet": plain.grads["w"]})
    done("Divided by the number of places; empty buckets are left alone.")


def permutation_map(m: SharingMap) -> None:
    """Check that a map of compression 1 uses each real weight exactly once."""
    require(isinstance(m, SharingMap), f"expected a SharingMap, got {type(m).__name__}")
    n = m.n_out * m.n_cols
    require(m.buckets == n, f"{m.buckets} buckets for {n} virtual weights is not compression 1")
    loads = np.bincount(m.table()[0].ravel(), minlength=n)
    empty = 100 * np.mean(loads == 0)
    require((loads == 1).all(), f"{empty:.1f} % of the buckets are empty; every one must be used once")
    done("A permutation: nothing is shared, nothing is empty.")


# Exercise 7: compression versus accuracy


def equal_size_width(function: Callable) -> None:
    """Check the hidden width of the equal-size network: function(n_in, hidden, classes, stored) -> width."""
    for hidden, stored in ((1000, 99_376), (1000, 12_423), (1000, 795_010), (50, 5000)):
        found, expected = call(function, 784, hidden, 10, stored), equal_size_widths([784, hidden, 10], stored)[1]
        require(found == expected, f"{stored} stored parameters: {found} hidden units, expected {expected}")
    done("The same widths as hn.build('nn', ...).")


def wins(found: Mapping[tuple[str, int], int], rows: list[dict[str, str]]) -> None:
    """Check on how many of the eight data sets HashNet beats NN, by (compression, layers), in the paper's tables."""
    for c, layers in itertools.product(("1/8", "1/64"), (3, 5)):
        errors = {(r["dataset"], r["method"]): float(r["test_error_percent"]) for r in rows
                  if (r["compression"], int(r["layers"])) == (c, layers)}
        expected = sum(errors[d, "HashNet"] < errors[d, "NN"] for d in {d for d, _ in errors})
        require((c, layers) in found, f"the entry for ({c!r}, {layers}) is missing")
        require(found[c, layers] == expected, f"({c!r}, {layers}): {found[c, layers]} of 8, expected {expected}")
    done("HashNet does not always win; at 1/64 with 3 layers it does.")


def standard_error(function: Callable) -> None:
    """Check the standard error of an error rate in percent: function(error_percent, n) -> percent."""
    for p, n in ((1.45, 10_000), (22.93, 50_000), (50.0, 600)):
        expected = 100 * np.sqrt(p / 100 * (1 - p / 100) / n)
        compare(call(function, p, n), expected, f"the standard error of {p} % on {n}", {
            "percent were taken for a fraction: p (1 - p) needs p between 0 and 1": np.sqrt(abs(p * (1 - p)) / n),
            "that is a fraction, the result should be in percent": expected / 100,
        })
    done("For MNIST at 1.5 %, about 0.12 %.")


def difference_in_errors(function: Callable) -> None:
    """Check a difference in standard errors: function(a, b, n) -> z, for two networks on n test images each."""
    for a, b, n in ((6.28, 2.79, 10_000), (1.45, 1.43, 10_000), (23.91, 27.06, 50_000)):
        variance = sum(p / 100 * (1 - p / 100) / n for p in (a, b))
        compare(call(function, a, b, n), (a - b) / 100 / np.sqrt(variance), f"z for {a} and {b}", {
            "the two variances add up, not the two standard errors": (a - b) / 100 / sum(
                np.sqrt(p / 100 * (1 - p / 100) / n) for p in (a, b)),
            "the sign should be that of a - b": (b - a) / 100 / np.sqrt(variance),
        })
    done("Differences below 2 are what chance does.")
