"""Inputs of cases: numbers that are exact in float32, made from labels alone."""

from fractions import Fraction
from itertools import pairwise

import xxhash
from specification import Right


def values(label, count, scale=32):
    """Deterministic odd multiples of 1 / scale between -2 and 2, exact in float32, never 0."""
    span = 2 * scale
    return [
        Fraction(2 * (xxhash.xxh32(f"{label} {n}".encode()).intdigest() % span) + 1 - span, scale) for n in range(count)
    ]


def matrix(label, n_rows, n_cols, scale=32):
    """A matrix of such values."""
    flat = values(label, n_rows * n_cols, scale)
    return [flat[r * n_cols : (r + 1) * n_cols] for r in range(n_rows)]


def make_layer(n_in, n_out, buckets, seed=7, bias=None, bias_buckets=0, kind="xxhash"):
    """Describe a layer."""
    return {
        "n_in": n_in,
        "n_out": n_out,
        "kind": kind,
        "buckets": buckets,
        "seed": seed,
        "bias": bias,
        "bias_buckets": bias_buckets,
    }


def weights_of(layer, label, scale=32):
    """Real weights, and the bias if it has parameters of its own."""
    size = {"hashed": layer["bias_buckets"], "dense": layer["n_out"]}.get(layer["bias"])
    return {"w": values("w" + label, layer["buckets"], scale), "b": size and values("b" + label, size, scale)}


PRECISE = Fraction(1, 2**30)  # added to float64 inputs: lost where float32 is used on the way
FULL = 2**20, 2**20  # numbers of about 21 bits: lost where float32 is multiplied as TF32 (11 bits) or bfloat16 (8)


def arrays(layer, label, batch, dtype, backward=False, scales=(32, 8)):
    """Inputs of a forward or backward case; scales: of the weights, and of a and dz."""
    extra = PRECISE if dtype == "float64" else 0
    of_w, of_a = scales
    x = {"layer": layer, **weights_of(layer, label, of_w), "a": matrix("a" + label, batch, layer["n_in"], of_a)}
    x |= {"w": [v + extra for v in x["w"]], "a": [[v + extra for v in row] for row in x["a"]]}
    return {**x, "dz": matrix("dz" + label, batch, layer["n_out"], of_a), "calls": 1} if backward else x


def network(label, seed, widths, buckets, biases, batch, kinds=None, masks=False, rate=Fraction(0)):
    """Inputs of a network case."""
    layers, weights = [], []
    for n, (n_in, n_out) in enumerate(pairwise(widths)):
        layer = make_layer(
            n_in, n_out, buckets[n], 0, biases[n], 2 if biases[n] == "hashed" else 0, kinds[n] if kinds else "xxhash"
        )
        layers.append({k: v for k, v in layer.items() if k != "seed"})
        weights.append(weights_of(layer, f"{label}{n}", 8))
    keep = [
        [[int(v > -1) for v in row] for row in matrix(f"mask{label}{n}", batch, width, 8)]
        for n, width in enumerate(widths[:-1])
    ]
    return {
        "seed": seed,
        "layers": layers,
        "weights": weights,
        "x": matrix("x" + label, batch, widths[0], 8),
        "masks": keep if masks else None,
        "rate": rate,
        "dz": matrix("dz" + label, batch, widths[-1], 8),
    }


def reachable(n_in, n_out, compression, seed=7, bias=None, kind="xxhash", **more):
    """Describe a layer whose K and K_b a compression yields."""
    K, K_b = Right().bucket_counts(compression, n_in, n_out, bias)
    return make_layer(n_in, n_out, K, seed, bias, K_b, kind) | {"compression": compression} | more


def formula(seed, *shape):
    """Describe an array that a formula fills (SPEC.md, section 10)."""
    return {"shape": list(shape), "formula": seed}


def entry(seed, n):
    """Work out entry n of the formula: an odd number of eighths between -15/8 and 15/8."""
    u = (n * 2654435761 + seed * 2246822519 + 1) % 2**32
    u ^= u >> 15
    return Fraction(2 * ((u * 3266489917 % 2**32) >> 28) - 15, 8)


def expand(x):
    """Write the arrays of formulas out, in whatever lists and dicts they sit."""
    if isinstance(x, dict) and "formula" in x:
        size = x["shape"][0] * (x["shape"][1] if len(x["shape"]) > 1 else 1)
        flat = [entry(x["formula"], n) for n in range(size)]
        width = x["shape"][-1]
        return flat if len(x["shape"]) == 1 else [flat[n : n + width] for n in range(0, size, width)]
    if isinstance(x, dict):
        return {k: expand(v) for k, v in x.items()}
    return [expand(v) for v in x] if isinstance(x, list) else x
