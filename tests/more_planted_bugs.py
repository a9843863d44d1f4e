"""A second set of planted bugs: many sizes, loads, magnitudes and calls, planted without looking at the vectors.

Of 321 bugs of these sorts, version 2 of the vectors missed 63; version 3 has the cases that find them
(data/vectors/cases/limits.py). What stands here are one or two bugs of each sort. `planted_bugs.py` measures both sets.
"""

from functools import cached_property
from typing import ClassVar

import numpy as np
from planted_bugs import (
    ANY_BACKWARD,
    ANY_FORWARD,
    STATE,
    TRAINING,
    Fast,
    on_gradients,
    on_output,
    on_update,
    planted,
    setting,
)
from right_layer import TEXT_KINDS, TEXT_SEEDS, Right

ANY_MAP = ("gather", "forward", "bias", "backward", "scatter-add")


def make(name, stages, layer=True, **methods):
    """Plant a bug that consists of some methods of the layer."""
    planted(*stages, layer=layer)(type(name, (Fast,), methods))


# ---- rows, columns and examples beyond some number are lost

for n in (16, 100, 500, 1000, 2048):
    on_output(f"OutputsFrom{n}Lost", *ANY_FORWARD)(lambda s, z, a, n=n: setting(z, np.s_[:, n:], 0))
for n in (8, 64, 128, 257, 1024):
    on_output(f"ExamplesFrom{n}Lost", *ANY_FORWARD)(lambda s, z, a, n=n: setting(z, np.s_[n:], 0))
    on_gradients(f"WeightGradientOf{n}Examples", *ANY_BACKWARD)(
        lambda s, dw, db, da, a, dz, n=n: (Fast.backward(s, a[:n], dz[:n])[0], db, da)
    )
    on_gradients(f"InputGradientOf{n}Examples", *ANY_BACKWARD)(
        lambda s, dw, db, da, a, dz, n=n: (dw, db, setting(da, np.s_[n:], 0))
    )
for n in (33, 512, 2048, 4096):
    make(
        f"InputsFrom{n}Lost",
        ANY_FORWARD,
        forward=lambda s, a, n=n: Fast.forward(s, np.where(np.arange(a.shape[1]) < n, a, 0).astype(a.dtype)),
    )
    on_gradients(f"InputGradientFrom{n}Lost", *ANY_BACKWARD)(
        lambda s, dw, db, da, a, dz, n=n: (dw, db, setting(da, np.s_[:, n:], 0))
    )
for n in (7, 31, 100):
    on_output(f"Every{n}thOutputNegative", *ANY_FORWARD)(
        lambda s, z, a, n=n: setting(z, np.s_[:, n - 1 :: n], -z[:, n - 1 :: n])
    )
on_output("RestOfFourOutputsLost", *ANY_FORWARD)(
    lambda s, z, a: setting(z, np.s_[:, z.shape[1] // 4 * 4 :], 0) if z.shape[1] > 4 else z
)
for n in (256, 4096, 20000, 65536):
    on_gradients(f"BucketsFrom{n}WithoutGradient", *ANY_BACKWARD)(
        lambda s, dw, db, da, a, dz, n=n: (setting(dw, np.s_[n:], 0), db, da)
    )


# ---- the map


def of_table(name, change, stages=ANY_MAP):
    """Plant a bug that changes the table: (layer, bucket, sign, kind) -> (bucket, sign)."""

    def make_table(self, n_cols, kind, buckets, seed):
        return change(self, *Fast.make_table(self, n_cols, kind, buckets, seed), kind)

    make(name, stages, make_table=make_table)


for n in (64, 300, 1024):
    of_table(f"RowsModulo{n}", lambda s, k, x, kind, n=n: (k[np.arange(len(k)) % n], x[np.arange(len(k)) % n]))
    of_table(f"ColumnsModulo{n}", lambda s, k, x, kind, n=n: (k[:, np.arange(k.shape[1]) % n], x))
for n in (128, 1000, 32768):
    of_table(f"BucketsModulo{n}", lambda s, k, x, kind, n=n: (k % n, x))
for n in (2**16, 2**18, 2**19):
    of_table(f"PositionModulo{n}", lambda s, k, x, kind, n=n: (k.ravel()[np.arange(k.size) % n].reshape(k.shape), x))
of_table("PowerOfTwoBuckets", lambda s, k, x, kind: (k ^ 1 if s.spec.buckets in (2, 4, 8, 256, 4096) else k, x))
of_table(
    "IdentityWhereKIsLarge",
    lambda s, k, x, kind: (np.arange(k.size).reshape(k.shape) if s.spec.buckets >= k.size > 1 else k, x),
)
of_table(
    "FarTextRows",
    lambda s, k, x, kind: (np.vstack([k[:100], k[: max(0, len(k) - 100)]]) if kind in TEXT_KINDS else k, x),
)


def of_seed(name, change):
    """Plant a bug in how a seed is read."""

    def make_table(self, n_cols, kind, buckets, seed):
        return Fast.make_table(self, n_cols, kind, buckets, change(kind, seed))

    make(name, ANY_MAP, make_table=make_table)


of_seed("SeedsOf24Bits", lambda kind, seed: seed % 2**24)
of_seed("SeedsAsFloat32", lambda kind, seed: min(int(np.float32(seed)), 2**32 - 1))
of_seed("LargestSeedIsZero", lambda kind, seed: 0 if seed == 2**32 - 1 else seed)
of_seed("SeedOfTextIgnored", lambda kind, seed: TEXT_SEEDS.get(kind.removesuffix("_bias"), seed))


class LoadInAByte(Fast):
    """A bucket sums 255 of its weights at most."""

    most = 255

    def scatter(self, dV, table, size):
        bucket, sign = table
        flat = bucket.ravel()
        order = np.argsort(flat, kind="stable")
        start = np.cumsum(np.bincount(flat, minlength=size)) - np.bincount(flat, minlength=size)
        rank = np.empty(flat.size, int)
        rank[order] = np.arange(flat.size) - start[flat[order]]
        kept = rank < self.most
        return np.bincount(flat[kept], (dV * sign).ravel()[kept], size).astype(dV.dtype)


planted(*ANY_BACKWARD, "scatter-add")(LoadInAByte)
planted(*ANY_BACKWARD, "scatter-add")(type("LoadOfAThousand", (LoadInAByte,), {"most": 1000}))


# ---- numbers

for n in (100, 1e5):
    on_output(f"OutputClippedAt{n:g}", *ANY_FORWARD)(lambda s, z, a, n=n: z.clip(-n, n))
    on_gradients(f"GradientClippedAt{n:g}", *ANY_BACKWARD)(lambda s, dw, db, da, a, dz, n=n: (dw.clip(-n, n), db, da))
on_gradients("GradientNormAtMost1e5", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: ((dw / max(1, np.linalg.norm(dw) / 1e5)).astype(dw.dtype), db, da)
)
on_output("TinyOutputIsZero", *ANY_FORWARD)(lambda s, z, a: np.where(abs(z) < 1e-6, 0, z).astype(z.dtype))
on_gradients("TinyGradientIsZero", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (np.where(abs(dw) < 1e-5, 0, dw).astype(dw.dtype), db, da)
)
on_output("OutputRoundedToFourPlaces", *ANY_FORWARD)(lambda s, z, a: np.round(z, 4))
on_output("ExamplesOfZerosSkipped", "bias")(
    lambda s, z, a: np.where((a != 0).any(axis=1)[:, None], z, 0).astype(z.dtype)
)
on_gradients("InputGradientOfZerosIsZero", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (dw, db, np.where(a == 0, 0, da).astype(da.dtype))
)
on_gradients("UnusedBucketsAreNaN", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (
        np.where(np.bincount(s.table[0].ravel(), minlength=dw.size) == 0, np.nan, dw).astype(dw.dtype),
        db,
        da,
    )
)
on_gradients("BiasGradientInFloat32", "bias")(
    lambda s, dw, db, da, a, dz: (dw, db if db is None else db.astype(np.float32).astype(db.dtype), da)
)


# ---- the bias


def without_bias(layer, z, where):
    """Take the bias out of a part of the output."""
    if layer.spec.bias in ("hashed", "dense"):
        z[where] -= (np.zeros_like(z) + layer.beta())[where]
    elif layer.spec.bias == "column":
        z[where] -= (np.zeros_like(z) + layer.gather()[:, 0])[where]
    return z


for n in (32, 100, 256):
    on_output(f"BiasOf{n}Examples", "bias")(lambda s, z, a, n=n: without_bias(s, z, np.s_[n:]))
for n in (64, 512, 1024):
    on_output(f"BiasOf{n}Outputs", "bias")(lambda s, z, a, n=n: without_bias(s, z, np.s_[:, n:]))
for bias in ("hashed", "dense", "column"):
    on_output(f"BiasOf200Examples{bias.title()}", "bias")(
        lambda s, z, a, bias=bias: without_bias(s, z, np.s_[200:]) if s.spec.bias == bias else z
    )
for n in (64, 256):

    def in_few_buckets(self, n=n):
        bucket, sign = Right.bias_table.func(self)
        return bucket % n, sign

    cls = type(f"BiasBucketsModulo{n}", (Fast,), {"bias_table": cached_property(in_few_buckets)})
    cls.bias_table.__set_name__(cls, "bias_table")
    planted("bias")(cls)
for n in (100, 256):
    on_gradients(f"BiasGradientOf{n}Examples", "bias")(
        lambda s, dw, db, da, a, dz, n=n: (dw, db if db is None else Fast.bias_gradient(s, dz[:n]), da)
    )
on_gradients("BiasGradientFrom600Lost", "bias")(
    lambda s, dw, db, da, a, dz: (dw, db if db is None else setting(db, np.s_[600:], 0), da)
)


# ---- state and aliasing


def on_call(name, method, n, layer=True):
    """Plant a bug that begins at the n-th call of a method: the first result is doubled."""

    def called(self, *args):
        calls = self.__dict__.setdefault("calls", {})
        calls[method] = calls.get(method, 0) + 1
        found = getattr(Fast, method)(self, *args)
        if calls[method] < n:
            return found
        return (2 * found[0], *found[1:]) if isinstance(found, tuple) else 2 * found

    make(name, STATE, layer, **{method: called})


on_call("SixthForwardDoubled", "forward", 6)
on_call("TenthForwardDoubled", "forward", 10)
on_call("FifthBackwardDoubled", "backward", 5)


@planted(*STATE)
class KeepsTheArray(Fast):
    """The layer keeps the array that it was given, and follows its changes."""

    def __init__(self, spec, w, b):
        super().__init__(spec, w, b)
        self.w = w


@planted(*STATE, layer=False)
class KeepsTheNewArray(Fast):
    def set_weights(self, w, b):
        super().set_weights(w, b)
        self.w = w


@planted(*STATE)
class InputByAddress(Fast):
    """An input that lies where an earlier one lay is taken for it."""

    def forward(self, a):
        return self.__dict__.setdefault("kept", {}).setdefault((id(a), a.shape), super().forward(a))


@planted(*STATE)
class InputBySum(Fast):
    """Inputs of equal sum and shape are taken for the same."""

    def forward(self, a):
        key = a.shape, float(a.sum())
        return self.__dict__.setdefault("kept", {}).setdefault(key, super().forward(a))


@planted(*STATE)
class BufferOfTheClass(Fast):
    """All layers of one output shape write into one buffer."""

    buffers: ClassVar[dict] = {}

    def forward(self, a):
        z = super().forward(a)
        buffer = self.buffers.setdefault((z.shape, z.dtype.str), np.zeros_like(z))
        buffer[:] = z
        return buffer


@planted(*STATE, "backward", "bias")
class WeightsMoveInBackward(Fast):
    def backward(self, a, dz):
        found = super().backward(a, dz)
        self.w = (self.w - 0.01 * found[0]).astype(self.w.dtype)
        return found


@planted(*STATE, layer=False)
class BiasNotSet(Fast):
    """New weights are taken, new biases are not."""

    def set_weights(self, w, b):
        super().set_weights(w, self.b)


@planted(*STATE, layer=False)
class VelocitiesForgotten(Fast):
    """New weights set the velocities to zero."""

    def set_weights(self, w, b):
        super().set_weights(w, b)
        self.v = {name: 0 * v for name, v in self.v.items()}


@planted(*STATE, layer=False)
class GatherIsStale(Fast):
    """gather hands out the first V, though forward uses the new weights."""

    def gather(self):
        return self.__dict__.setdefault("first", Right.gather(self))

    def forward(self, a):
        self.check_batch(a, self.spec.n_in)
        return self.with_ones(a) @ Right.gather(self).T + self.beta()

    def input_gradient(self, dz):
        return dz @ Right.gather(self)


@planted(*STATE, layer=False)
class ScatterAddAddsUp(Fast):
    def scatter_add(self, dV):
        self.total = super().scatter_add(dV) + getattr(self, "total", 0)
        return self.total


@planted(*STATE, layer=False)
class NeverAccumulates(Fast):
    def accumulate(self, a, dz):
        return self.backward(a, dz)


@planted(*STATE, layer=False)
class AccumulatesForEver(Fast):
    """backward does not start a new sum."""

    def backward(self, a, dz):
        kept = self.sum
        found = super().backward(a, dz)
        self.total = kept
        return found

    def accumulate(self, a, dz):
        self.sum = self.__dict__.get("everything")
        found = super().accumulate(a, dz)
        self.everything = self.sum
        return found


@planted(*STATE, layer=False)
class AccumulatesTheInputGradient(Fast):
    def accumulate(self, a, dz):
        dw, db, da = super().accumulate(a, dz)
        return dw, db, 2 * da


# ---- training

for n in (64, 1000):
    on_update(f"WeightsFrom{n}NotTrained", *TRAINING)(
        lambda s, p, v, g, lr, mu, wd, n=n: (
            np.append(Fast.update(s, p, v, g, lr, mu, wd)[0][:n], p[n:]).astype(p.dtype),
            Fast.update(s, p, v, g, lr, mu, wd)[1],
        )
    )
on_update("GradientOfStepClippedAt100", *TRAINING)(
    lambda s, p, v, g, lr, mu, wd: Fast.update(s, p, v, np.clip(g, -100, 100), lr, mu, wd)
)
on_update("WeightsClippedAt3", *TRAINING)(
    lambda s, p, v, g, lr, mu, wd: (
        Fast.update(s, p, v, g, lr, mu, wd)[0].clip(-3, 3),
        Fast.update(s, p, v, g, lr, mu, wd)[1],
    )
)
on_update("DecayTwice", *TRAINING)(lambda s, p, v, g, lr, mu, wd: Fast.update(s, p, v, g, lr, mu, 2 * wd))


@planted(*TRAINING, layer=False)
class StopsAfterTenSteps(Fast):
    steps = 0

    def step(self, *args):
        self.steps += 1
        return super().step(*args) if self.steps <= 10 else (self.w, self.b)


# ---- beside the layer


def first_only(name, method, n, stage, fill):
    """Plant a bug that answers the first n questions of a list only."""

    def answered(cls, *args, **more):
        found = getattr(Fast, method)(*args, **more)
        if isinstance(found, tuple):
            return (list(found[0])[:n] + [fill] * len(found[0][n:]), found[1])
        return list(found)[:n] + [fill] * len(found[n:])

    make(name, (stage,), False, **{method: classmethod(answered)})


first_only("HashOf100Pairs", "hash", 100, "hash", 0)
first_only("MapOf32Weights", "bucket_sign", 32, "map", 0)
first_only("HashOf20Texts", "hash_text", 20, "hash", 0)
make(
    "SeedsOfTenLayers",
    ("seeds",),
    False,
    derive_seed=classmethod(lambda cls, seed, n: Fast.derive_seed(seed, n if n < 10 or n > 50 else 9)),
)
make(
    "TextsOf64Bytes",
    ("hash",),
    False,
    hash_text=classmethod(lambda cls, texts, seed: Fast.hash_text([text[:64] for text in texts], seed)),
)


def of_network(name, change):
    """Plant a bug that changes what a network answers: (z, grads, dx) -> (z, grads, dx)."""
    make(name, ("network",), False, network=classmethod(lambda cls, *args: change(*Fast.network(*args))))


of_network("NetworkOf32Examples", lambda z, grads, dx: (setting(z.copy(), np.s_[32:], 0), grads, dx))
of_network("NetworkWithReluAtTheEnd", lambda z, grads, dx: (np.maximum(z, 0), grads, dx))
for n in (6, 200):
    make(f"ReluCappedAt{n}", ("network",), False, relu=staticmethod(lambda z, n=n: np.clip(z, 0, n)))


def of_loss(name, change):
    """Plant a bug that changes a loss: (loss, dz) -> (loss, dz)."""
    make(name, ("loss",), False, loss=classmethod(lambda cls, *args: change(*Fast.loss(*args))))


of_loss("LossGradientOf16Examples", lambda loss, dz: (loss, setting(dz.copy(), np.s_[16:], 0)))
of_loss("LossGradientOf16Classes", lambda loss, dz: (loss, setting(dz.copy(), np.s_[:, 16:], 0)))
of_loss("LossCappedAt100", lambda loss, dz: (min(loss, 100), dz))

for kind, most in (("chunk", 16), ("tile", 32)):

    def with_small_pieces(self, n_cols, other, buckets, seed, kind=kind, most=most):
        self.size = min(self.size, most) if other == kind else self.size
        return Fast.make_table(self, n_cols, other, buckets, seed)

    make(f"{kind.title()}SizeAtMost{most}", ANY_MAP, False, make_table=with_small_pieces)
