"""Probing: check a layer that has a hash of its own for consistency, without knowing that hash.

With w = 1, 2, ..., K and the identity as input, a hashed layer's output spells out its map: V[i, j] = +-(k + 1).
Against that map everything else can be checked: the forward pass for other weights and batches, both gradients, state
between calls, whether the same map comes out twice, and how evenly the buckets are filled. What cannot be seen this way
is which hash, key and seed made the map, so two layers that both pass may still differ.

A layer to be probed needs `make(n_in, n_out, K)`, or a constructor of that form, and on what comes out of it
`set_w(w)`, `forward(a)` and, if there is one, `backward(a, dz)` giving (dw, da). If the layer rounds K, it says so in
an attribute K.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .adapter import Adapter, LayerSpec
from .cases import fill
from .runner import describe_error

SHAPES = ((12, 10, 20), (33, 65, 97), (130, 257, 500))  # n_in, n_out, K
UNSEEN = "which hash, key and seed made the map, how K follows from a compression, initial weights, and training"


class Finding(NamedTuple):
    """One thing that was checked: whether it is as it should be (None: unknown), and what to say about it."""

    ok: bool | None
    words: str


class Map(NamedTuple):
    """A map as it was read off a forward pass: bucket and sign of every virtual weight, and the factor before w."""

    bucket: NDArray
    sign: NDArray
    scale: float
    has_column: bool  # a bias that is made of real weights too
    column: NDArray  # (n_out,): what a constant input 1 adds, as bucket number + 1 with its sign


@dataclass
class Probe:
    """The findings about a layer, as they come in."""

    make: Callable[[int, int, int], Any]
    dtype: str = "float32"
    findings: list[Finding] = field(default_factory=list)

    def note(self, ok: bool | None, words: str) -> bool:
        """Note a finding once; returns whether it is as it should be."""
        finding = Finding(None if ok is None else bool(ok), words)
        if finding not in self.findings:
            self.findings.append(finding)
        return bool(ok)

    @property
    def passed(self) -> bool:
        """Whether everything that could be told is as it should be."""
        return bool(self.findings) and all(f.ok is not False for f in self.findings)


def maker(found: Any) -> Callable[[int, int, int], Any]:
    """Find what makes layers: a function `make` of the class, or its constructor; an adapter is wrapped."""
    if isinstance(found, type) and issubclass(found, Adapter):
        return as_layer_maker(found)
    return getattr(found, "make", found)


def as_layer_maker(adapter: type[Adapter], kind: str = "xxhash", seed: int = 7) -> Callable[[int, int, int], Any]:
    """Let an adapter be probed."""

    class Made:
        def __init__(self, n_in: int, n_out: int, K: int) -> None:
            self.spec = LayerSpec(n_in, n_out, kind, K, seed, None, 0, "float32")
            self.K = K

        def set_w(self, w: NDArray) -> None:
            self.layer = adapter(self.spec, w, None)

        def forward(self, a: NDArray) -> Any:
            return self.layer.forward(a)

        def backward(self, a: NDArray, dz: NDArray) -> Any:
            dw, _, da = self.layer.backward(a, dz)
            return dw, da

    if adapter.backward is Adapter.backward:
        del Made.backward
    return Made


def find_another_map(adapter: type[Adapter]) -> str:
    """Say that an adapter's layer is right but for its map, if it is; else nothing.

    The verdict needs a forward pass that is a V^T for a V with one real weight and sign an entry, and gradients that
    fit that V.
    """
    probe = Probe(as_layer_maker(adapter))
    try:
        n_in, n_out, K = SHAPES[0]
        m = read_map(probe, n_in, n_out, K)
        if m is None or not check_forward(probe, m, n_in, n_out, K):
            return ""
        check_gradients(probe, m, n_in, n_out, K)
        check_map(probe, m, K)
    except Exception:
        return ""
    wrong = [f.words for f in probe.findings if f.ok is False]
    found = "z = a V^T for a V of its own, one real weight with a sign an entry, so the layer computes as it should"
    cause = "another hash, key, seed, index base or choice of bits"
    if not wrong:
        return f"{found}, and its gradients fit that V. Only which bucket and sign it uses differs: {cause}."
    return f"{found} with {cause}; beside that: {'; '.join(wrong)}."


def probe_layer(found: Any, dtype: str = "float32") -> Probe:
    """Probe a layer at several sizes."""
    probe = Probe(maker(found), dtype)
    for n_in, n_out, K in SHAPES:
        try:
            probe_shape(probe, n_in, n_out, K)
        except Exception as error:  # whatever a foreign layer raises is a finding
            probe.note(False, f"a layer of {n_in} inputs, {n_out} outputs and K = {K} raised {describe_error(error)}")
    return probe


def probe_shape(probe: Probe, n_in: int, n_out: int, K: int) -> None:
    """Probe one size."""
    made = probe.make(n_in, n_out, K)
    K = int(getattr(made, "K", K))
    check_twice(probe, made, n_in, K)
    m = read_map(probe, n_in, n_out, K)
    if m is None:
        return
    where = f"at {n_out} x {n_in}"
    right = check_forward(probe, m, n_in, n_out, K, where)
    if right:
        check_state(probe, m, n_in, n_out, K)
    check_gradients(probe, m, n_in, n_out, K, where)
    check_again(probe, m, n_in, n_out, K)
    check_map(probe, m, K, where)


def check_twice(probe: Probe, layer: Any, n_in: int, K: int) -> None:
    """Check that a new layer gives the same output twice, before anything is read off its outputs."""
    a = values((3, n_in), 2, probe.dtype)
    first = call(layer, values((K,), 1, probe.dtype), a, probe.dtype)
    again = np.array(layer.forward(a), np.float64)
    probe.note(np.array_equal(first, again), "the same input gives the same output when called again")


def values(shape: tuple[int, ...], seed: int, dtype: str) -> NDArray:
    """Make numbers that are exact in float32."""
    return fill(list(shape), seed).astype(dtype)


def call(layer: Any, w: NDArray, a: NDArray, dtype: str) -> NDArray:
    """Set the weights and run forward."""
    layer.set_w(w.astype(dtype))
    return np.array(layer.forward(a.astype(dtype)), np.float64)


def read_map(probe: Probe, n_in: int, n_out: int, K: int) -> Map | None:
    """Read the map off the forward pass; None, with a finding, if V is not one real weight an entry."""
    layer = probe.make(n_in, n_out, K)
    K = int(getattr(layer, "K", K))
    one_input = np.vstack([np.zeros((1, n_in)), np.eye(n_in)])
    still = call(layer, np.zeros(K), one_input, probe.dtype)  # what the layer adds without weights: other biases
    if not probe.note(
        still.shape == (n_in + 1, n_out),
        f"the output has the shape (batch, n_out); found {still.shape} at {n_out} x {n_in}"
        if still.shape != (n_in + 1, n_out)
        else "the output has the shape (batch, n_out)",
    ):
        return None
    ones = call(layer, np.ones(K), one_input, probe.dtype) - still
    counted = call(layer, np.arange(1.0, K + 1), one_input, probe.dtype) - still
    column = counted[0]
    V = (counted[1:] - counted[0]).T  # (n_out, n_in)
    sizes = np.abs((ones[1:] - ones[0]).T)
    scale = float(np.median(sizes)) or 1.0
    number = np.abs(V) / scale
    bucket = np.rint(number).astype(int) - 1
    readable = np.allclose(sizes, scale, rtol=1e-4) and np.allclose(number, bucket + 1, rtol=1e-4)
    readable = readable and (bucket >= 0).all() and (bucket < K).all()
    if not readable:
        zeros = int((V == 0).sum())
        equal = bool(np.allclose(V, (ones[1:] - ones[0]).T))
        why = (
            "the weights that are set have no effect"
            if equal and not V.any()
            else (
                f"{zeros} entries of V are 0, as with a sign of 0 or 1" if zeros else "an entry holds a sum of several"
            )
        )
        probe.note(False, f"V is not +-w[bucket], one real weight an entry: {why}")
        return None
    probe.note(
        True, "V is +-w[bucket], one real weight an entry" + (f", times {scale:.4g}" if abs(scale - 1) > 1e-4 else "")
    )
    return Map(bucket, np.sign(V), scale, bool(column.any()), np.rint(column / scale).astype(int))


def matrix_of(m: Map, w: NDArray) -> NDArray:
    """Build V."""
    return m.scale * m.sign * w[m.bucket]


def beta_of(m: Map, w: NDArray) -> NDArray:
    """Build what a bias column adds."""
    if not m.has_column:
        return np.zeros(len(m.column))
    return m.scale * np.sign(m.column) * np.where(m.column != 0, w[np.abs(m.column) - 1], 0)


def close(found: Any, wanted: NDArray) -> bool:
    """Compare in the precision of float32."""
    found = np.asarray(found, np.float64)
    return found.shape == wanted.shape and bool(
        np.abs(found - wanted).max(initial=0) <= 1e-5 * max(1.0, np.abs(wanted).max(initial=0))
    )


def check_forward(probe: Probe, m: Map, n_in: int, n_out: int, K: int, where: str = "") -> bool:
    """Check the forward pass against V, for several batches; the layer keeps its map when its weights change."""
    layer = probe.make(n_in, n_out, K)
    K = int(getattr(layer, "K", K))
    right = True
    still = call(layer, np.zeros(K), np.zeros((1, n_in)), probe.dtype)
    for batch in (1, 5, 70):
        w = values((K,), batch, "float64")
        a = values((batch, n_in), batch + 1, "float64")
        wanted = a @ matrix_of(m, w).T + beta_of(m, w) + still
        right &= probe.note(
            close(call(layer, w, a, probe.dtype), wanted),
            f"forward is a V^T for other weights, batch {batch} {where}".strip(),
        )
    return right


def check_state(probe: Probe, m: Map, n_in: int, n_out: int, K: int) -> None:
    """Check that a call changes neither its input nor later calls."""
    layer = probe.make(n_in, n_out, K)
    K = int(getattr(layer, "K", K))
    w = values((K,), 3, probe.dtype)
    a = values((6, n_in), 4, probe.dtype)
    kept = a.copy()
    other = values((6, n_in), 5, probe.dtype)
    layer.set_w(w)
    first = layer.forward(a)
    copy = np.array(first, np.float64)
    probe.note(np.array_equal(kept, a), "the input is not written to")
    layer.forward(other)
    probe.note(np.array_equal(np.array(first, np.float64), copy), "a later call leaves an earlier output alone")
    single = np.vstack([np.array(layer.forward(a[n : n + 1]), np.float64) for n in range(len(a))])
    probe.note(close(single, copy), "an example gives the same output alone and in a batch")
    dtype = str(getattr(first, "dtype", probe.dtype)).removeprefix("torch.")
    probe.note(dtype == probe.dtype, f"the output is {probe.dtype}, as the input is")
    layer.set_w(2 * w)
    beta = np.array(layer.forward(np.zeros((1, n_in), probe.dtype)), np.float64)
    doubled = np.array(layer.forward(a), np.float64) - beta
    layer.set_w(w)
    base = np.array(layer.forward(np.zeros((1, n_in), probe.dtype)), np.float64)
    probe.note(close(doubled, 2 * (copy - base)), "new weights take effect at once, and forward is linear in w")


def check_gradients(probe: Probe, m: Map, n_in: int, n_out: int, K: int, where: str = "") -> None:
    """Check both gradients against V; name what is wrong with dw, if that can be said."""
    layer = probe.make(n_in, n_out, K)
    K = int(getattr(layer, "K", K))
    if not hasattr(layer, "backward"):
        probe.note(None, "there is no backward to check")
        return
    for batch in (1, 2, 6):
        layer = probe.make(n_in, n_out, K)  # a new one each time: that gradients add up is found below
        w = values((K,), 6, "float64")
        a = values((batch, n_in), 7, "float64")
        dz = values((batch, n_out), 8, "float64")
        layer.set_w(w.astype(probe.dtype))
        dw, da = layer.backward(a.astype(probe.dtype), dz.astype(probe.dtype))
        if da is None:
            probe.note(None, "there is no gradient of the input")
        else:
            probe.note(
                close(da, dz @ matrix_of(m, w)), f"the gradient of the input fits V, batch {batch} {where}".strip()
            )
        right = weight_gradient(m, a, dz, K)
        fits = close(dw, right)
        name = "" if fits else name_gradient(m, a, dz, K, np.asarray(dw, np.float64), right)
        if name:
            probe.note(False, f"dw is exactly that of {name}")
        probe.note(fits, f"the gradient of the weights fits V, batch {batch} {where}".strip())
    first = layer.backward(a.astype(probe.dtype), dz.astype(probe.dtype))[0]
    copy = np.array(first, np.float64)
    second = layer.backward(a.astype(probe.dtype), dz.astype(probe.dtype))[0]
    probe.note(close(second, copy), "a second backward replaces the gradients of the first")


def scatter(m: Map, dV: NDArray, K: int, sign: NDArray) -> NDArray:
    """Sum dV into real weights."""
    return np.bincount(m.bucket.ravel(), (dV * sign).ravel(), K) * m.scale


def weight_gradient(m: Map, a: NDArray, dz: NDArray, K: int) -> NDArray:
    """Work out dw, with that of a bias column."""
    dw = scatter(m, dz.T @ a, K, m.sign)
    if m.has_column:
        used = m.column != 0
        dw += np.bincount(np.abs(m.column[used]) - 1, (m.scale * np.sign(m.column) * dz.sum(axis=0))[used], K)
    return dw


def name_gradient(m: Map, a: NDArray, dz: NDArray, K: int, dw: NDArray, right: NDArray) -> str:
    """Name a wrong dw, if it is that of a known bug."""
    load = np.bincount(m.bucket.ravel(), minlength=K)
    mixed = np.outer(dz.sum(axis=0), a.sum(axis=0))
    last = np.zeros(K)
    last[m.bucket.ravel()] = (dz.T @ a * m.sign).ravel()
    known = {
        "GradientMean (a mean over the virtual weights of a bucket)": right / np.maximum(load, 1),
        "BatchAveraged (divided by the batch size)": right / len(a),
        "GradientSignMissing (without the sign)": scatter(m, dz.T @ a, K, np.ones_like(m.sign)),
        "BatchMixed (the batch is summed before the product)": scatter(m, mixed, K, m.sign),
        "DuplicateDropped (one virtual weight of a bucket only)": last,
    }
    return next((name for name, wrong in known.items() if dw.shape == wrong.shape and close(dw, wrong)), "")


def check_again(probe: Probe, m: Map, n_in: int, n_out: int, K: int) -> None:
    """Check that a second layer made in the same way has the same map."""
    second = read_map(probe, n_in, n_out, K)
    same = second is not None and np.array_equal(second.bucket, m.bucket) and np.array_equal(second.sign, m.sign)
    probe.note(same, "a second layer made in the same way has the same map")


def check_map(probe: Probe, m: Map, K: int, where: str = "") -> None:
    """Check that the map looks like a hash: even buckets, balanced and independent signs, no equal rows."""
    n_out, n_in = m.bucket.shape
    load = np.bincount(m.bucket.ravel(), minlength=K)
    mean = m.bucket.size / K
    chi2 = ((load - mean) ** 2 / mean).sum()
    even = chi2 <= K - 1 + 5 * (2 * (K - 1)) ** 0.5
    probe.note(even, f"the buckets are filled as evenly as by chance {where}".strip())
    chance = mean > 12 and load[-1] == 0  # probability e^-12
    probe.note(not chance, f"the last bucket is used {where}".strip())
    distinct = len(np.unique(m.bucket, axis=0)) == n_out and len(np.unique(m.bucket.T, axis=0)) == n_in
    probe.note(distinct, f"no two rows and no two columns of V share all buckets {where}".strip())
    n = min(n_out, n_in)
    upper = np.triu_indices(n, 1)
    equal = (m.bucket[:n, :n] == m.bucket[:n, :n].T)[upper].mean()
    probe.note(
        equal < 1 / K + 5 / len(upper[0]) ** 0.5, f"V is not symmetric: (i, j) and (j, i) differ {where}".strip()
    )
    check_signs(probe, m, K, where)


def check_signs(probe: Probe, m: Map, K: int, where: str) -> None:
    """Check the signs, if there are any."""
    if (m.sign > 0).all():
        probe.note(None, "there are no signs; the paper's sign factor removes a bias, so add them if you can")
        return
    probe.note(abs(m.sign.mean()) < 5 / m.sign.size**0.5, f"as many signs are + as - {where}".strip())
    load = np.bincount(m.bucket.ravel(), minlength=K)
    total = np.bincount(m.bucket.ravel(), m.sign.ravel(), K)
    many = load > 3
    alike = (np.abs(total)[many] == load[many]).mean() if many.any() else 0.0
    probe.note(alike < 0.5, f"the sign is independent of the bucket {where}".strip())


def without_sizes(words: str) -> str:
    """Take the size and the batch out of a finding.

    >>> without_sizes("the gradient of the input fits V, batch 2 at 65 x 33")
    'the gradient of the input fits V'
    """
    return re.sub(r"(, batch \d+)?( at \d+ x \d+)?$", "", words)


def write_probe_report(implementation: str, probe: Probe) -> str:
    """Write the findings as text: what is wrong first; what is found at several sizes once."""
    wrong = [f for f in probe.findings if f.ok is False]
    lines = [f"{implementation}, probed without knowledge of its hash", ""]
    lines += [f"It breaks at: {wrong[0].words}" if wrong else "Everything that a probe can see is as it should be.", ""]
    for ok, mark in ((False, "FAIL"), (None, "-"), (True, "ok")):
        words = [without_sizes(f.words) for f in probe.findings if f.ok is ok]
        for text in dict.fromkeys(words):
            often = f" ({words.count(text)} times)" if words.count(text) > 1 else ""
            lines.append(f"  {mark:<5} {text}{often}")
    return "\n".join([*lines, "", f"A probe cannot see {UNSEEN}.", f"{'PASSED' if probe.passed else 'FAILED'}: "
                      f"{sum(f.ok is True for f in probe.findings)} findings pass, {len(wrong)} fail"])
