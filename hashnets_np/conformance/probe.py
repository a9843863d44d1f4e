"""Probing: check a layer that has a hash of its own for consistency, without knowing that hash.

With w = 1, 2, ..., K and the identity as input, a hashed layer's output spells out its map: V[i, j] = +-(k + 1).
Against that map everything else can be checked: the forward pass for other weights and batches, both gradients, state
between calls, whether the same map comes out twice, and how evenly the buckets are filled. What cannot be seen this way
is which hash, key and seed made the map, so two layers that both pass may still differ.

A layer to be probed needs `make(n_in, n_out, K)`, or a constructor of that form, and on what comes out of it
`set_w(w)`, `forward(a)` and, if there is one, `backward(a, dz)` giving (dw, da) or, as an adapter does, (dw, db, da).
If the layer rounds K, it says so in an attribute K.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .adapter import LayerSpec
from .compare import dtype_of, pattern
from .findings import Finding, Map, Probe
from .makers import choose, maker
from .map_checks import check_map, is_right_map
from .operations import LAYOUTS, in_layout
from .reading import call, fine_values, read_map, say_unreadable, values
from .wording import describe_error, shown

SHAPES = ((12, 10, 20), (33, 65, 97), (130, 257, 500), (24, 24, 60), (7, 5, 1))  # n_in, n_out, K
BATCHES = (1, 2, 5, 32, 64, 70, 128, 256)


def probe_layer(found: Any, dtype: str = "", tell: Callable[[Finding], None] = lambda finding: None) -> Probe:
    """Probe a layer at several sizes, in a dtype or in the first that it has."""
    probe = Probe(maker(found), dtype or choose(getattr(found, "dtypes", ()), "float32"), tell=tell)
    for n_in, n_out, K in SHAPES:
        try:
            probe_shape(probe, n_in, n_out, K)
        except (Exception, SystemExit) as error:  # whatever a foreign layer raises is a finding
            probe.note(False, f"a layer of {n_in} inputs, {n_out} outputs and K = {K} raised {describe_error(error)}")
    return probe


def probe_shape(probe: Probe, n_in: int, n_out: int, K: int) -> None:
    """Probe one size."""
    made = probe.make(n_in, n_out, K)
    K = int(getattr(made, "K", K))  # what it is rounded to, which all layers below are asked for
    if not check_twice(probe, made, n_in, K):
        return
    m = read_map(probe, n_in, n_out, K)
    if m is None:
        return
    if not check_again(probe, m, n_in, n_out, K):
        return  # what follows would compare two maps
    where = f"at {n_out} x {n_in}"
    right = check_forward(probe, m, n_in, n_out, K, where)
    if right:
        check_state(probe, m, n_in, n_out, K)
        check_side_by_side(probe, n_in, n_out, K)
    has_gradients = check_gradients(probe, m, n_in, n_out, K, where)
    if right:
        check_layouts(probe, n_in, n_out, K, has_gradients)
    if has_gradients:
        check_backward_state(probe, n_in, n_out, K)
    if K > 1:
        check_other_size(probe, n_in, n_out, K)
        if not has_the_map_of_its_kind(probe, made, m):
            check_map(probe, m, K, where)


def has_the_map_of_its_kind(probe: Probe, made: Any, m: Map) -> bool:
    """Whether an adapter's map is that of a kind other than xxhash: some share rows or signs, and do so on purpose."""
    spec = getattr(made, "spec", None)
    if not isinstance(spec, LayerSpec) or spec.kind == "xxhash" or not is_right_map(m, spec):
        return False
    probe.note(None, f"V has the buckets and signs of kind {spec.kind}, which need not look like chance")
    return True


def check_twice(probe: Probe, layer: Any, n_in: int, K: int) -> bool:
    """Check that a new layer gives numbers, and the same ones twice; without numbers nothing can be read off it."""
    w = values((K,), 1, probe.dtype)
    a = values((3, n_in), 2, probe.dtype)
    kept = w.copy()
    layer.set_w(w)
    first = layer.forward(a)
    if problem := say_unreadable("what forward returns", first):
        return probe.note(False, problem)
    first = np.array(first, np.float64)
    again = np.array(layer.forward(a), np.float64)
    probe.note(np.array_equal(first, again), "the same input gives the same output when called again")
    layer.set_w(w)  # an adapter takes its first weights and later ones in two methods
    probe.note(np.array_equal(w, kept), "set_w leaves its argument alone")
    return True


def say_place(found: NDArray, wanted: NDArray) -> str:
    """Say which examples and output units are wrong, if only some are."""
    if found.shape != wanted.shape:
        return f"the shape, {found.shape} and not {wanted.shape}"
    far = ~(np.abs(found - wanted) <= 1e-5 * np.abs(wanted).max(initial=1))  # nan is far from everything
    places = [pattern(set(np.flatnonzero(bad).tolist()), bad.size, unit)
              for bad, unit in ((far.any(axis=1), "example"), (far.any(axis=0), "output unit"))]
    return " and ".join(place for place in places if place)


def matrix_of(m: Map, w: NDArray) -> NDArray:
    """Build V."""
    return m.scale * m.sign * w[m.bucket]


def beta_of(m: Map, w: NDArray) -> NDArray:
    """Build what a bias column adds."""
    return m.scale * np.sign(m.column) * w[np.abs(m.column) - 1]  # where there is none, the sign is 0


def output_of(m: Map, w: NDArray, a: NDArray) -> NDArray:
    """Work out z = a V^T, with what a bias column adds."""
    return a @ matrix_of(m, w).T + beta_of(m, w)


def close(found: Any, wanted: NDArray) -> bool:
    """Compare in the precision of float32."""
    found = np.asarray(found, np.float64)
    return found.shape == wanted.shape and bool(
        np.abs(found - wanted).max(initial=0) <= 1e-5 * np.abs(wanted).max(initial=1)
    )


def check_forward(probe: Probe, m: Map, n_in: int, n_out: int, K: int, where: str = "") -> bool:
    """Check the forward pass against V, for several batches; the layer keeps its map when its weights change."""
    layer = probe.make(n_in, n_out, K)
    right = True
    still = call(layer, np.zeros(K), np.zeros((1, n_in)), probe.dtype)
    for batch in BATCHES:
        w = values((K,), batch, "float64")
        a = values((batch, n_in), batch + 1, "float64")
        wanted = output_of(m, w, a) + still
        found = call(layer, w, a, probe.dtype)
        place = "" if close(found, wanted) else say_place(found, wanted)
        if place:
            probe.note(False, f"forward is wrong in {place}, batch {batch} {where}".strip())
        right &= probe.note(
            close(found, wanted),
            f"forward is a V^T for other weights, batch {batch} {where}".strip(),
        )
    if right:
        w = fine_values((K,), 20, "float64")
        a = fine_values((5, n_in), 30, "float64")
        wanted = output_of(m, w, a) + still
        note_precision(probe, close(call(layer, w, a, probe.dtype), wanted), "forward", where)
    return right


def note_precision(probe: Probe, right: bool, name: str, where: str) -> None:
    """Note whether numbers of 20 bits, which less than float32 would round, give what they should."""
    less = "less precise than float32, as with float16, bfloat16 or TF32"
    probe.note(right, f"{name} is {'as precise as float32' if right else less} {where}".strip())


def check_state(probe: Probe, m: Map, n_in: int, n_out: int, K: int) -> None:
    """Check that a call changes neither its input nor later calls."""
    layer = probe.make(n_in, n_out, K)
    w = values((K,), 3, probe.dtype)
    a = values((6, n_in), 4, probe.dtype)
    kept = a.copy()
    other = values((6, n_in), 5, probe.dtype)
    layer.set_w(w.copy())
    first = layer.forward(a)
    copy = np.array(first, np.float64)
    probe.note(np.array_equal(kept, a), "the input is not written to")
    layer.forward(other)
    probe.note(np.array_equal(np.array(first, np.float64), copy), "a later call leaves an earlier output alone")
    single = np.vstack([np.array(layer.forward(a[n : n + 1]), np.float64) for n in range(len(a))])
    probe.note(close(single, copy), "an example gives the same output alone and in a batch")
    dtype = dtype_of(first) or probe.dtype
    probe.note(dtype == probe.dtype, f"the output is {probe.dtype}, as the input is")
    if not takes_new_weights(probe, layer):
        return
    layer.set_w(2 * w)
    beta = np.array(layer.forward(np.zeros((1, n_in), probe.dtype)), np.float64)
    doubled = np.array(layer.forward(a), np.float64) - beta
    layer.set_w(w.copy())
    base = np.array(layer.forward(np.zeros((1, n_in), probe.dtype)), np.float64)
    probe.note(close(doubled, 2 * (copy - base)), "new weights take effect at once, and forward is linear in w")


def takes_new_weights(probe: Probe, layer: Any) -> bool:
    """Whether a layer can be given other weights; an adapter without set_weights cannot."""
    if getattr(layer, "takes_new_weights", True):
        return True
    return probe.note(None, "there is no set_weights to check")


def check_side_by_side(probe: Probe, n_in: int, n_out: int, K: int) -> None:
    """Check that a layer shares its weights with no other, copies them, and keeps the width of an empty batch."""
    layer = probe.make(n_in, n_out, K)
    a = values((4, n_in), 9, probe.dtype)
    w = values((K,), 10, probe.dtype)
    first = call(layer, w, a, probe.dtype)
    call(probe.make(n_in, n_out, K), 3 - w, a, probe.dtype)
    alone = np.array_equal(np.array(layer.forward(a), np.float64), first)
    probe.note(alone, "another layer of the same shape does not change this one")
    layer = probe.make(n_in, n_out, K)
    copied = True
    for _ in range(2):  # the first weights and later ones
        given = w.copy()
        layer.set_w(given)
        given += 1
        copied &= np.array_equal(np.array(layer.forward(a), np.float64), first)
    probe.note(copied, "the layer copies the weights that it is given")
    try:
        empty = layer.forward(a[:0])
    except Exception as error:  # many layers have no use for an empty batch
        probe.note(None, f"an empty batch raises {describe_error(error)}")
        return
    keeps = np.shape(empty) == (0, n_out) or (isinstance(empty, list) and not empty)  # a list has no width to lose
    probe.note(keeps, "the output of an empty batch keeps its width")


def check_layouts(probe: Probe, n_in: int, n_out: int, K: int, has_gradients: bool) -> None:
    """Check that arrays may be laid out differently in memory, or are refused."""
    a = values((6, n_in), 15, probe.dtype)
    dz = values((6, n_out), 16, probe.dtype)

    def forward(a: NDArray, dz: NDArray) -> tuple[Any, ...]:
        return (fresh().forward(a),)

    def backward(a: NDArray, dz: NDArray) -> tuple[Any, ...]:
        return gradients_of(fresh(), a, dz)

    def fresh() -> Any:  # a new layer each time: that calls add up is found elsewhere
        layer = probe.make(n_in, n_out, K)
        layer.set_w(values((K,), 17, probe.dtype))
        return layer

    for ask in (forward, backward) if has_gradients else (forward,):
        wanted = [None if x is None else np.array(x, np.float64) for x in ask(a.copy(), dz.copy())]
        for layout in LAYOUTS:
            try:
                found = ask(in_layout(a, layout), in_layout(dz, layout))
            except Exception as error:
                probe.note(None, f"{ask.__name__} refuses arrays {layout}: {describe_error(error)}")
                continue
            same = all(y is None or close(x, y) for x, y in zip(found, wanted, strict=True))
            probe.note(same, f"{ask.__name__} gives the same for arrays {layout}")


def gradients_of(layer: Any, a: NDArray, dz: NDArray) -> tuple[Any, Any]:
    """Call backward: (dw, da), of a layer that returns these two or, as an adapter does, (dw, db, da)."""
    found = layer.backward(a, dz)
    if not isinstance(found, tuple | list) or len(found) not in (2, 3):
        raise ValueError(f"backward must return (dw, da), or (dw, db, da) as an adapter does, got {shown(found)}")
    return found[0], found[-1]


def check_gradients(probe: Probe, m: Map, n_in: int, n_out: int, K: int, where: str = "") -> bool:
    """Check both gradients against V, if there are any; name what is wrong with dw, if that can be said."""
    layer = probe.make(n_in, n_out, K)
    if not hasattr(layer, "backward"):
        return probe.note(None, "there is no backward to check")
    fits = {}
    names = []
    all_fit = True
    for batch in BATCHES:
        layer = probe.make(n_in, n_out, K)  # a new one each time: that gradients add up is found below
        w = values((K,), 6, "float64")
        a = values((batch, n_in), 7, "float64")
        dz = values((batch, n_out), 8, "float64")
        layer.set_w(w.astype(probe.dtype))
        dw, da = gradients_of(layer, a.astype(probe.dtype), dz.astype(probe.dtype))
        if problem := say_unreadable("dw", dw) or (say_unreadable("da", da) if da is not None else ""):
            return probe.note(False, problem)
        if da is None:
            probe.note(None, "there is no gradient of the input")
        else:
            all_fit &= probe.note(
                close(da, dz @ matrix_of(m, w)), f"the gradient of the input fits V, batch {batch} {where}".strip()
            )
        right = weight_gradient(m, a, dz, K)
        fits[batch] = close(dw, right)
        if not fits[batch] and batch > 1:  # in a batch of 1 several bugs give the same
            names.append(name_gradient(m, a, dz, K, np.asarray(dw, np.float64), right))
    if names and names[0]:
        probe.note(False, f"dw is exactly that of {names[0]}")
    for batch, good in fits.items():
        probe.note(good, f"the gradient of the weights fits V, batch {batch} {where}".strip())
    for gradient, name in ((dw, "weights"), (da, "input")):
        dtype = dtype_of(gradient) or probe.dtype
        if dtype != probe.dtype:
            probe.note(None, f"the gradient of the {name} is {dtype}, the layer {probe.dtype}")
    if all_fit and all(fits.values()):
        check_precision_of_gradients(probe, m, n_in, n_out, K, where)
    first = gradients_of(layer, a.astype(probe.dtype), dz.astype(probe.dtype))[0]
    copy = np.array(first, np.float64)
    second = gradients_of(layer, a.astype(probe.dtype), dz.astype(probe.dtype))[0]
    probe.note(close(second, copy), "a second backward replaces the gradients of the first")
    return True


def check_precision_of_gradients(probe: Probe, m: Map, n_in: int, n_out: int, K: int, where: str) -> None:
    """Check both gradients for numbers of 20 bits."""
    layer = probe.make(n_in, n_out, K)
    w = fine_values((K,), 40, "float64")
    a = fine_values((5, n_in), 50, "float64")
    dz = fine_values((5, n_out), 60, "float64")
    layer.set_w(w.astype(probe.dtype))
    dw, da = gradients_of(layer, a.astype(probe.dtype), dz.astype(probe.dtype))
    right = close(dw, weight_gradient(m, a, dz, K)) and (da is None or close(da, dz @ matrix_of(m, w)))
    note_precision(probe, right, "backward", where)


def check_backward_state(probe: Probe, n_in: int, n_out: int, K: int) -> None:
    """Check that backward goes by its own arguments and the weights as they are, and leaves all arrays alone."""
    layer = probe.make(n_in, n_out, K)
    w = values((K,), 11, probe.dtype)
    a = values((5, n_in), 12, probe.dtype)
    dz = values((5, n_out), 13, probe.dtype)
    kept_a = a.copy()
    kept_dz = dz.copy()
    layer.set_w(w.copy())
    layer.forward(values((5, n_in), 14, probe.dtype))
    dw, da = gradients_of(layer, a, dz)
    probe.note(
        np.array_equal(a, kept_a) and np.array_equal(dz, kept_dz), "backward writes to neither a nor dz"
    )
    fresh = probe.make(n_in, n_out, K)
    fresh.set_w(w.copy())
    expected = np.array(gradients_of(fresh, kept_a.copy(), kept_dz.copy())[0], np.float64)
    probe.note(close(dw, expected), "backward goes by the input that it is given, not by that of the last forward")
    copies = [None if x is None else np.array(x, np.float64) for x in (dw, da)]
    new_weights = takes_new_weights(probe, layer)
    if new_weights:
        layer.set_w(2 * w)
    later = gradients_of(layer, 2 * kept_a, kept_dz.copy())[1]
    same = all(copy is None or np.array_equal(np.array(x, np.float64), copy)
               for x, copy in zip((dw, da), copies, strict=True))
    probe.note(same, "a later backward leaves earlier gradients alone")
    if new_weights and later is not None and copies[1] is not None and copies[1].any():
        probe.note(close(later, 2 * copies[1]), "the gradient of the input follows new weights")


def scatter(m: Map, dV: NDArray, K: int, sign: NDArray) -> NDArray:
    """Sum dV into real weights."""
    return np.bincount(m.bucket.ravel(), (dV * sign).ravel(), K) * m.scale


def weight_gradient(m: Map, a: NDArray, dz: NDArray, K: int) -> NDArray:
    """Work out dw, with that of a bias column."""
    dw = scatter(m, dz.T @ a, K, m.sign)
    used = m.column != 0
    return dw + np.bincount(np.abs(m.column[used]) - 1, (m.scale * np.sign(m.column) * dz.sum(axis=0))[used], K)


def name_gradient(m: Map, a: NDArray, dz: NDArray, K: int, dw: NDArray, right: NDArray) -> str:
    """Name a wrong dw, if it is that of a known bug."""
    load = np.bincount(m.bucket.ravel(), minlength=K)
    mixed = np.outer(dz.sum(axis=0), a.sum(axis=0))
    last = np.zeros(K)
    last[m.bucket.ravel()] = (dz.T @ a * m.sign).ravel()
    known = {
        "BiasColumnLost (without the share of the constant input)": scatter(m, dz.T @ a, K, m.sign),
        "GradientMean (a mean over the virtual weights of a bucket)": right / np.maximum(load, 1),
        "BatchAveraged (divided by the batch size)": right / len(a),
        "GradientSignMissing (without the sign)": scatter(m, dz.T @ a, K, np.ones_like(m.sign)),
        "BatchMixed (the batch is summed before the product)": scatter(m, mixed, K, m.sign),
        "DuplicateDropped (one virtual weight of a bucket only)": last,
    }
    return next((name for name, wrong in known.items() if dw.shape == wrong.shape and close(dw, wrong)), "")


def check_again(probe: Probe, m: Map, n_in: int, n_out: int, K: int) -> bool:
    """Check that a second layer made in the same way has the same map."""
    second = read_map(probe, n_in, n_out, K)
    same = second is not None and np.array_equal(second.bucket, m.bucket) and np.array_equal(second.sign, m.sign)
    return probe.note(same, "a second layer made in the same way has the same map")


def check_other_size(probe: Probe, n_in: int, n_out: int, K: int) -> None:
    """Check that a layer of the same shape with fewer real weights, made later, has a map of its own."""
    fewer = max(1, K // 3)
    layer = probe.make(n_in, n_out, fewer)
    fewer = int(getattr(layer, "K", fewer))  # what it is rounded to
    apart = Probe(probe.make, probe.dtype)
    try:
        m = read_map(apart, n_in, n_out, fewer)
    except Exception:  # an index beyond the real weights, most likely
        m = None
    probe.note(m is not None, "a layer of the same shape with another K has a map of its own")
