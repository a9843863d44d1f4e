"""Checks of exercise 3: the gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...gradient_check import gradcheck
from ...kernels import hash_gather, hash_scatter_add, hashed_backward, hashed_forward
from ...layers import HashedLinear, ReLU
from ...maps import SharingMap
from ...network import Network
from ..marking import (
    MAPS,
    SHAPE_WORDS,
    Example,
    NotYet,
    call_with,
    close,
    done,
    mark,
    number,
    numbers,
    one_line,
    require,
)
from .hashing_trick import FANCY


def gather(function: Callable) -> None:
    """Check Equation 7: function(w, bucket, sign) -> V."""
    rng = np.random.default_rng(0)
    examples = []
    for m in MAPS:
        bucket, sign = m.table()
        w = rng.normal(size=m.buckets)
        V = hash_gather(w, m)
        examples.append(Example((w, bucket, sign), V, [
            ("the signs are missing", w[bucket]),
            ("this is V transposed: one row per output unit", V.T),
            ("multiply by the sign; this adds it", w[bucket] + sign),
            ("these are the sizes of the virtual weights without their signs", np.abs(V)),
            ("the sign is applied to the size of w, which loses w's own sign", np.abs(w)[bucket] * sign),
            ("the signs are the wrong way round", -V),
        ], f"{m.n_out} x {m.n_cols}, {m.buckets} buckets"))
    mark(function, examples, "V")
    done("The same as hn.hash_gather.")


def scatter_add(function: Callable) -> None:
    """Check Equation 12: function(dV, bucket, sign, buckets) -> dw."""
    rng = np.random.default_rng(0)
    examples = []
    for m in MAPS:
        bucket, sign = m.table()
        dV = rng.normal(size=bucket.shape)
        right = hash_scatter_add(dV, m)
        load = np.bincount(bucket.ravel(), minlength=m.buckets)
        fancy = np.zeros(m.buckets)
        fancy[bucket] += dV * sign
        with np.errstate(invalid="ignore"):
            mean = right / load  # nan for an empty bucket
        examples.append(Example((dV, bucket, sign, m.buckets), right, [
            ("the signs are missing", np.bincount(bucket.ravel(), dV.ravel(), m.buckets)),
            ("this is the mean over each bucket, the gradient is the sum", mean),
            ("this is the mean over each bucket, the gradient is the sum", right / np.maximum(load, 1)),
            (FANCY, fancy),
            ("empty buckets have gradient 0; minlength makes room for them", right[: bucket.max() + 1]),
            ("this counts signs; dV is missing", np.bincount(bucket.ravel(), sign.ravel(), m.buckets)),
            ("these are the signed gradients of the places; add them up by bucket", dV * sign),
            ("the signs are the wrong way round", -right),
        ], f"{m.n_out} x {m.n_cols}, {m.buckets} buckets"))
    mark(function, examples, "dw")
    done("The same as hn.hash_scatter_add.")


def input_gradient(function: Callable) -> None:
    """Check Equation 9: function(dz, w, bucket, sign) -> da."""
    rng = np.random.default_rng(0)
    examples = []
    for m in MAPS:
        bucket, sign = m.table()
        w = rng.normal(size=m.buckets)
        dz = rng.normal(size=(2, m.n_out))
        V = w[bucket] * sign
        right = dz @ V
        square = m.n_out == m.n_cols
        examples.append(Example((dz, w, bucket, sign), right, [
            ("V is transposed: da is dz V, z was a V^T", dz @ V.T if square else right),
            ("V is transposed and the signs are missing: da is dz V", dz @ w[bucket].T if square else right),
            ("the signs are missing", dz @ w[bucket]),
            ("one row per example: this is da transposed", right.T),
            ("a sum over the batch is for dw; da has one row for each example", right.sum(axis=0)),
            ("the mean over the batch is not taken here", right / 2),
        ], f"a layer of {m.n_out} x {m.n_cols}"))
    mark(function, examples, "da")
    done("dz V: the same V as in the forward pass, read along its columns.")


def _slope_examples() -> list[tuple[NDArray, NDArray, float]]:
    """Make weights, a direction of length 1 and a step, of several sizes."""
    rng = np.random.default_rng(5)
    examples = [(np.array([1.0, -2.0]), np.array([0.6, 0.8]), 1e-3)]
    for size, step in ((3, 1e-2), (5, 1e-3)):
        u = rng.normal(size=size)
        examples.append((rng.normal(size=size) + 1.5, u / np.linalg.norm(u), step))
    return examples


def slope(function: Callable) -> None:
    """Check central differences along a direction: function(loss, w, direction, step) -> slope."""
    for n, (w, u, step) in enumerate(_slope_examples()):
        points: list[NDArray] = []

        def loss(at: Any, points: list[NDArray] = points) -> float:
            points.append(np.array(at, dtype=float).ravel())
            return float(np.sum(np.asarray(at) ** 3))

        at = w.copy()
        direction = u.copy()
        found = number(call_with(function, loss, at, direction, step), "the slope")
        require(points, "the loss was never called; the slope has to be measured")
        require(close(at, w, 1e-9), "w was changed; work on w + step * direction, not in place")
        require(close(direction, u, 1e-9), "the direction was changed, so that a later measurement takes another one")
        exact = float(3 * w**2 @ u)
        _judge_slope(found, exact, (w, u, step), points, sometimes=n > 0)
        _judge_step(points, w, step)
    done("A central difference: its error shrinks with the square of the step.")


def _judge_slope(found: float, exact: float, example: tuple[NDArray, NDArray, float], points: list[NDArray],
                 sometimes: bool) -> None:
    """Compare a slope with the exact one; name the mistake from its value and from where the loss was asked for.

    sometimes: other slopes were right.
    """
    w, u, step = example
    up, down, here = (float(np.sum((w + s * u) ** 3)) for s in (step, -step, 0.0))
    central = (up - down) / (2 * step)
    if abs(found - exact) <= 2 * abs(central - exact) + 1e-6 * abs(exact):
        return
    mistakes = [
        ("that is a one-sided difference; take one point on each side", (up - here) / step),
        ("that is a one-sided difference; take one point on each side", (here - down) / step),
        ("half of it: the two points are one step apart, so divide by one step; better take them on both sides",
         (up - here) / (2 * step)),
        ("twice too large: the two points are 2 steps apart", 2 * central),
        ("the sign is lost: a slope can be negative" if sometimes else
         "the sign is the wrong way round: the point ahead comes first", -central),
        ("the difference still has to be divided by the distance of the points", up - down),
        ("dividing needs parentheses: a / 2 * step is (a / 2) * step", (up - down) / 2 * step),
    ]
    for reason, wrong in mistakes:
        require(abs(found - wrong) > 1e-7 * max(1.0, abs(wrong)), reason)
    far = [float(np.linalg.norm(p - w)) for p in points if p.shape == w.shape]
    steps = sorted({f"{d:.3g}" for d in far if d > 0}) or ["0"]
    off = [p - w for p in points if p.shape == w.shape and np.linalg.norm(p - w) > 0]
    along = all(abs(abs(d @ u) - np.linalg.norm(d)) < 1e-6 * np.linalg.norm(d) for d in off)
    require(not off or along, "the loss was measured at points that are not on the line w + t * direction")
    asked = not off or np.isclose(max(far), step, rtol=1e-3)
    require(asked, f"the loss was measured {' and '.join(steps)} from w, and the step asked for is {step:g}; with "
            "a step that is too small rounding takes over, with one too large the curve")
    require(False, f"for the loss sum(w**3), {found:.6g} is too {'large' if found > exact else 'small'}")


def _judge_step(points: list[NDArray], w: NDArray, step: float) -> None:
    """Require that the loss was measured about a step from w: half a step to two are accepted."""
    far = max((float(np.linalg.norm(p - w)) for p in points if p.shape == w.shape), default=0.0)
    require(0.4 * step < far < 2.5 * step, f"the loss was measured {far:.3g} from w, and the step asked for "
                                              f"is {step:g}")


def _backward(layer: HashedLinear, dz: NDArray, n_in: int) -> NDArray:
    """Call a layer's backward pass and check the form of what it leaves behind; return da."""
    try:
        da = layer.backward(dz.copy())
    except NotImplementedError as error:
        raise NotYet("backward is still empty", empty=True) from error
    except KeyError as error:
        hint = f'self.grads has no entry {error} to write into; assign a new array: self.grads["w"] = ...'
        raise NotYet(hint) from error
    except Exception as error:
        if isinstance(error, ValueError) and any(word in str(error) for word in SHAPE_WORDS):
            shapes = f"dz is {dz.shape}, self.a {layer.a.shape}, V {layer.map.n_out, layer.map.n_cols}"
            hint = f"backward stopped because shapes don't fit together: {shapes}; is something transposed?"
            raise NotYet(hint) from error
        raise NotYet(one_line(f"backward stopped with {type(error).__name__}: {error}")) from error
    require("w" in layer.grads, 'backward did not set self.grads["w"]')
    require(da is not None, "backward returned None; the gradient of the input has to be returned")
    dw = numbers(layer.grads["w"], 'self.grads["w"]')
    require(dw.shape == layer.params["w"].shape, f'self.grads["w"] has shape {dw.shape}, expected '
            f"{layer.params['w'].shape}: one number for each real weight, 0 where no place uses it")
    da = numbers(da, "what backward returns")
    require(da.shape != (len(dz), n_in + 1), "what backward returns has a column too many: the constant 1 of column 0 "
            "is no input, so nothing flows back to it")
    require(da.shape == (len(dz), n_in), f"what backward returns has shape {da.shape}, expected {(len(dz), n_in)}")
    return da


ALONE = (  # n_in, n_out, compression, seed of the layers of exercise 3.5
    (7, 4, "1/4", 2),
    (4, 5, "1/3", 1),  # V is square, so that a forgotten transpose raises no error
    (5, 3, "1", 2),  # no place uses the last real weight
)


def layer_class_of(found: Any) -> type[HashedLinear]:
    """Check that the reader passed a class of layers."""
    fits = isinstance(found, type) and issubclass(found, HashedLinear)
    require(fits, f"the check needs your class itself, a subclass of hn.HashedLinear; got {one_line(repr(found))}")
    return found


def _by_hand(layer_class: type[HashedLinear], n_in: int, n_out: int, compression: str, seed: int) -> None:
    """Run one layer alone and name the well-known mistakes in its backward pass."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(6, n_in))
    dz = rng.normal(size=(6, n_out))
    try:
        layer = layer_class(n_in, n_out, compression=compression, seed=seed, dtype=np.float64)
        plain = HashedLinear(n_in, n_out, compression=compression, seed=seed, dtype=np.float64)
        layer.forward(x)
        plain.forward(x)
    except Exception as error:
        raise NotYet(one_line(f"the layer stopped with {type(error).__name__}: {error}")) from error
    da = _backward(layer, dz, n_in)
    right = plain.backward(dz)
    assert right is not None
    dw = np.array(layer.grads["w"], dtype=float)
    dw_right = plain.grads["w"]
    bucket, sign = plain.map.table()
    dV = dz.T @ plain.a
    V = plain.params["w"][bucket] * sign
    K = plain.map.buckets
    load = np.bincount(bucket.ravel(), minlength=plain.map.buckets)
    fancy = np.zeros(K)
    fancy[bucket] += dV * sign
    for reason, wrong in (("the signs are missing", np.bincount(bucket.ravel(), dV.ravel(), K)), (FANCY, fancy),
                          ("it is a sum over all places, not a mean", dw_right / np.maximum(load, 1)),
                          ("the batch is summed, not averaged: the loss has divided already", dw_right / len(x))):
        require(not close(dw, wrong, 1e-5), f"the gradient of w (Eq. 12) is wrong: {reason}")
    require(close(dw, dw_right, 1e-5), "the gradient of w (Eq. 12) is wrong")
    for reason, wrong in (("the bias is column 0, and this drops the last one", (dz @ V)[:, :-1]),
                          ("the signs are missing", (dz @ plain.params["w"][bucket])[:, 1:])):
        require(not close(da, wrong, 1e-5), f"what reaches the layer below (Eq. 9) is wrong: {reason}")
    require(close(da, right, 1e-5), "what reaches the layer below (Eq. 9) is wrong")
    require(close(layer.params["w"], plain.params["w"], 1e-9), "backward changes the weights; the optimizer does that")
    _backward(layer, dz, n_in)
    again = close(np.array(layer.grads["w"], dtype=float), dw_right, 1e-5)
    require(again, "called a second time, backward leaves another gradient; set self.grads, don't add to it")


def _with_arrays(layer_class: type[HashedLinear]) -> type[HashedLinear]:
    """Make a list that a reader's layer leaves as its gradient an array, as the gradient check needs it."""
    class WithArrays(layer_class):  # type: ignore[misc, valid-type]
        def backward(self, dz: NDArray, input_grad: bool = True) -> NDArray | None:
            da = super().backward(dz, input_grad)
            self.grads["w"] = np.asarray(self.grads["w"], dtype=self.params["w"].dtype)
            return da if da is None else np.asarray(da)

    return WithArrays


def layer_gradients(layer_class: type[HashedLinear]) -> None:
    """Check the backward pass of a subclass of HashedLinear: alone, then in a network by the gradient check."""
    layer_class_of(layer_class)
    for layer in ALONE:
        _by_hand(layer_class, *layer)
    layer_class = _with_arrays(layer_class)
    rng = np.random.default_rng(0)
    try:
        layers = [HashedLinear(5, 7, compression="1/4", seed=1), ReLU(), layer_class(7, 4, compression="1/4", seed=2)]
        report = gradcheck(Network(layers), rng.normal(size=(6, 5)), np.array([0, 1, 2, 3, 0, 1]))
    except Exception as error:
        raise NotYet(one_line(f"the network stopped with {type(error).__name__}: {error}")) from error
    names = {"2.w": "the gradient of w (Eq. 12)", "0.w": "what reaches the layer below (Eq. 9)",
             "input": "what reaches the input (Eq. 9)"}
    for name, what in names.items():
        off = report.errors[name]
        require(off <= 1e-6, f"{what} is wrong: relative error {off:.1e} against central differences")
    done(f"The gradient check passes, worst relative error {report.worst:.0e}.")


def tied_gradient(function: Callable) -> None:
    """Check the gradient of one w shared by two layers: function(w, x, dz2, m1, m2) -> dw; linear layers."""
    rng = np.random.default_rng(1)
    examples = []
    for (n2, n1, n0), K, batch in (((2, 4, 5), 3, 6), ((3, 3, 3), 4, 2), ((5, 2, 4), 9, 3)):
        m1 = SharingMap(n1, n0, buckets=K, seed=1)
        m2 = SharingMap(n2, n1, buckets=K, seed=2)
        w = rng.normal(size=K)
        x = rng.normal(size=(batch, n0))
        dz2 = rng.normal(size=(batch, n2))
        a1 = hashed_forward(w, x, m1)
        second, da1 = hashed_backward(w, a1, dz2, m2)
        assert da1 is not None
        first, _ = hashed_backward(w, x, da1, m1)
        examples.append(Example((w, x, dz2, m1, m2), first + second, [
            ("this is the second layer's part only; w is used in the first layer, too", second),
            ("this is the first layer's part only; w is used in the second layer, too", first),
            ("the two parts add up; this is their mean", (first + second) / 2),
            ("the two parts add up; this is their difference", second - first),
            ("the two parts add up; this is their difference", first - second),
            ("the two parts add up; this is their product", first * second),
        ], f"layers {n0}-{n1}-{n2}, {K} real weights"))
    mark(function, examples, "dw", tolerance=1e-5)  # measured slopes are right, too
    done("One weight, two layers: the contributions add up, as over the places of one layer.")
