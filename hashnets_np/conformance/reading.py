"""Reading the map off a forward pass: with w = 1, 2, ..., K and the identity as input, V[i, j] = +-(k + 1)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cases import fill
from .compare import pattern
from .findings import Map, Probe
from .wording import shown

PIECE = 16  # unit vectors in a batch, so that the map can be read where larger batches go wrong


def values(shape: tuple[int, ...], seed: int, dtype: str) -> NDArray:
    """Make numbers that are exact in float32."""
    return fill(list(shape), seed).astype(dtype)


def fine_values(shape: tuple[int, ...], seed: int, dtype: str) -> NDArray:
    """Make numbers of 20 bits: exact in float32, and rounded by float16, bfloat16 and TF32."""
    digits = [fill(list(shape), seed + n) / 16**n for n in range(5)]
    return np.sum(digits, axis=0).astype(dtype)


def say_unreadable(name: str, found: Any) -> str:
    """Say that an answer is not an array of finite numbers; nothing if it is one.

    >>> say_unreadable("dw", None), say_unreadable("dw", [1.0, float("nan")]), say_unreadable("dw", [1.0])
    ('dw is None', 'dw is not finite', '')
    """
    if found is None:
        return f"{name} is None"
    try:
        numbers = np.asarray(found, np.float64)
    except (TypeError, ValueError):
        return f"{name} is not an array of numbers: {shown(found)}"
    return "" if np.isfinite(numbers).all() else f"{name} is not finite"


def call(layer: Any, w: NDArray, a: NDArray, dtype: str) -> NDArray:
    """Set the weights and run forward."""
    layer.set_w(w.astype(dtype))
    return np.array(layer.forward(a.astype(dtype)), np.float64)


def outputs_of_units(layer: Any, w: NDArray, n_in: int, dtype: str) -> NDArray:
    """Run forward for an input of zeros and for every unit vector, (n_in + 1, n_out), in small batches."""
    inputs = np.vstack([np.zeros((1, n_in)), np.eye(n_in)])
    pieces = [call(layer, w, inputs[n : n + PIECE], dtype) for n in range(0, n_in + 1, PIECE)]
    whole = all(z.ndim == 2 for z in pieces) and len({z.shape[1:] for z in pieces}) == 1
    return np.concatenate(pieces) if whole else pieces[0]


def read_map(probe: Probe, n_in: int, n_out: int, K: int) -> Map | None:
    """Read the map off the forward pass; None, with a finding, if V is not one real weight an entry."""
    layer = probe.make(n_in, n_out, K)
    still = outputs_of_units(layer, np.zeros(K), n_in, probe.dtype)  # what the layer adds without weights: other biases
    if not probe.note(
        still.shape == (n_in + 1, n_out),
        f"the output has the shape (batch, n_out); found {still.shape} at {n_out} x {n_in}"
        if still.shape != (n_in + 1, n_out)
        else "the output has the shape (batch, n_out)",
    ):
        return None
    ones = outputs_of_units(layer, np.ones(K), n_in, probe.dtype)
    counted = outputs_of_units(layer, np.arange(1.0, K + 1), n_in, probe.dtype) - still
    if not (np.isfinite(ones).all() and np.isfinite(counted).all()):
        probe.note(False, "what forward returns is not finite for unit vectors, with weights of 0, 1 or 1 to K")
        return None
    column = counted[0]
    V = (counted[1:] - counted[0]).T  # (n_out, n_in)
    sizes = np.abs((ones[1:] - ones[0]).T)
    scale = float(np.median(sizes)) or 1.0
    number = np.abs(V) / scale
    bucket = np.rint(number).astype(int) - 1
    readable = np.allclose(sizes, scale, rtol=1e-4) and np.allclose(number, bucket + 1, rtol=1e-4)
    readable = readable and (bucket >= 0).all() and (bucket < K).all()
    if not readable:
        probe.note(False, f"V is not +-w[bucket], one real weight an entry: {say_zeros(V)}")
        return None
    probe.note(True, "V is +-w[bucket], one real weight an entry")
    if factor := say_factor(scale, n_in, n_out, K):
        probe.note(False, factor)
    return Map(bucket, np.sign(V), scale, np.rint(column / scale).astype(int))


def say_factor(scale: float, n_in: int, n_out: int, K: int) -> str:
    """Say by what V is multiplied, unless by 1.

    >>> say_factor(0.5, 16, 4, 9)
    'V is multiplied by 0.5, which is 1/sqrt(n_out)'
    """
    if abs(scale - 1) <= 1e-4:
        return ""
    sizes = {"n_in": n_in, "n_out": n_out, "K": K}
    known = {f"1/sqrt({name})": size**-0.5 for name, size in sizes.items()}
    known |= {f"1/{name}": 1 / size for name, size in sizes.items()} | {"sqrt(2/n_in)": (2 / n_in) ** 0.5}
    same = next((f", which is {name}" for name, factor in known.items() if abs(scale / factor - 1) < 1e-4), "")
    return f"V is multiplied by {scale:.6g}{same}"


def say_zeros(V: NDArray) -> str:
    """Say why V cannot be read: zeros everywhere, whole rows or columns of zeros, zeros here and there, or sums.

    >>> say_zeros(np.array([[1, 2], [-1, 2], [0, 0]]))
    'it is 0 for the last output unit only'
    >>> say_zeros(np.array([[1, 0], [0, 2]]))
    '2 entries of V are 0, as with a sign of 0 or 1'
    """
    zero = V == 0
    if zero.all():
        return "the weights that are set have no effect"
    for axis, unit in ((1, "output unit"), (0, "input unit")):
        lost = zero.all(axis=axis)
        others = V[~lost] if axis == 1 else V[:, ~lost]
        words = pattern(set(np.flatnonzero(lost).tolist()), lost.size, unit)
        if words and others.all():
            return f"it is 0 for {words}"
    return f"{zero.sum()} entries of V are 0, as with a sign of 0 or 1" if zero.any() else "an entry holds several"
