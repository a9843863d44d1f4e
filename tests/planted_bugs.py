"""Bugs that the kit has no name for, planted in copies of a right layer: does it find and place them?

    python tests/planted_bugs.py            # prints a line a bug, what is missed, and the three shares

Each bug is a class below, with the stages of `diagnosis.STAGES` that may be named first. `BY_LAYER` are those that a
layer with forward and backward only can show.
"""

import sys
from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

import numpy as np
from right_layer import NEWER_KINDS, TEXT_KINDS, Right

from hashnets_np.conformance import Adapter, diagnose, passed
from hashnets_np.conformance.runner import check_cases, select

PLANTED: dict[str, tuple[type, frozenset[str]]] = {}
BY_LAYER: list[str] = []


class Fast(Right):
    """The right layer with its map in vectors, for cases of middle size."""

    @staticmethod
    def hash_pairs(i, j, seed):
        u = np.uint32
        with np.errstate(over="ignore"):
            h = u(seed) + u(374761393) + u(8)
            for lane in (i.astype(u), j.astype(u)):
                h = h + lane * u(3266489917)
                h = (h << u(17) | h >> u(15)) * u(668265263)
            h = (h ^ h >> u(15)) * u(2246822519)
            h = (h ^ h >> u(13)) * u(3266489917)
        return h ^ h >> u(16)

    def make_table(self, n_cols, kind, buckets, seed):
        if kind in TEXT_KINDS or self.spec.n_out * n_cols > 10**6:
            return super().make_table(n_cols, kind, buckets, seed)
        i, j = np.arange(self.spec.n_out)[:, None], np.arange(n_cols)[None, :]
        x = self.hash_pairs(i, j, seed)
        start, inside = x, 0
        if kind == "fold":
            fold, inside = np.divmod(i * n_cols + j, buckets)
            start = self.hash_pairs(fold >> 32, fold, seed)
        elif kind in NEWER_KINDS:
            height = self.size if kind == "tile" else 1
            start = x = self.hash_pairs(i // height, j // self.size, seed)
            inside = i % height * self.size + j % self.size
        bucket = ((start >> np.uint32(1)).astype(np.int64) + inside) % buckets
        sign = np.broadcast_to(1 - 2 * (x & np.uint32(1)).astype(int), bucket.shape)
        return bucket, sign.astype(self.spec.dtype)


def planted(*stages, layer=True):
    """Register a bug with the stages that may be named first. layer: forward and backward alone show it."""

    def register(cls):
        PLANTED[cls.__name__] = cls, frozenset(stages)
        if layer:
            BY_LAYER.append(cls.__name__)
        return cls

    return register


class LayerOnly(Adapter):
    """A layer with forward and backward, and nothing that shows its hash."""

    of: ClassVar[type]

    def __init__(self, spec, w, b):
        self.inner = self.of(spec, w, b)

    def forward(self, a):
        return self.inner.forward(a)

    def backward(self, a, dz):
        return self.inner.backward(a, dz)


def on_output(name, *stages, layer=True):
    """Plant a bug that is a function (layer, z, a) -> z of the output."""

    def register(function):
        def forward(self, a):
            return function(self, Fast.forward(self, a).copy(), a)

        planted(*stages, layer=layer)(type(name, (Fast,), {"forward": forward}))
        return function

    return register


def on_gradients(name, *stages, layer=True):
    """Plant a bug that is a function (layer, dw, db, da, a, dz) -> (dw, db, da) of the gradients."""

    def register(function):
        def backward(self, a, dz):
            dw, db, da = Fast.backward(self, a, dz)
            return function(self, dw.copy(), db if db is None else db.copy(), da.copy(), a, dz)

        planted(*stages, layer=layer)(type(name, (Fast,), {"backward": backward}))
        return function

    return register


def setting(x, where, value):
    """Set some entries of an array and return it."""
    x[where] = value
    return x


ANY_FORWARD = ("forward", "bias")
ANY_BACKWARD = ("backward", "bias")

# ---- tiles, rows, columns, batches

on_output("Every128thOutput", *ANY_FORWARD)(lambda s, z, a: setting(z, np.s_[:, 127::128], 0))
on_output("OutputsFrom256", *ANY_FORWARD)(lambda s, z, a: setting(z, np.s_[:, 256:], 0))
on_output("ExamplesFrom16", *ANY_FORWARD)(lambda s, z, a: setting(z, np.s_[16:], 0))
on_output("ExamplesFrom64Repeated", *ANY_FORWARD)(lambda s, z, a: z[np.arange(len(z)) % 64])
on_output("LastOutputOfOddTile", *ANY_FORWARD)(
    lambda s, z, a: setting(z, np.s_[:, -1], 0) if z.shape[1] % 32 == 1 else z
)
on_output("LastBlockOfBatchLost", *ANY_FORWARD)(
    lambda s, z, a: setting(z, np.s_[len(z) // 32 * 32 :], 0) if len(z) > 32 else z
)
on_output("LastExampleTwice", *ANY_FORWARD)(lambda s, z, a: setting(z, np.s_[-1:], z[-2:-1]) if len(z) > 1 else z)
on_output("BatchOfOneSqueezed", *ANY_FORWARD, "sequences")(lambda s, z, a: z[0] if len(z) == 1 else z)
on_output("EmptyBatchWithoutWidth", *ANY_FORWARD)(lambda s, z, a: np.zeros((0,), z.dtype) if len(z) == 0 else z)
on_output("TransposedIfSquare", *ANY_FORWARD)(lambda s, z, a: z.T if z.shape[0] == z.shape[1] and len(z) > 1 else z)
on_output("OutputsFrom1024", *ANY_FORWARD)(lambda s, z, a: setting(z, np.s_[:, 1024:], 1))
on_output("OddRowsSwapped", *ANY_FORWARD)(lambda s, z, a: z[np.r_[1, 0, 2 : len(z)]] if len(z) > 40 else z)


@planted(*ANY_FORWARD)
class InputsFrom1024(Fast):
    def forward(self, a):
        return super().forward(np.where(np.arange(a.shape[1]) < 1024, a, 0).astype(a.dtype))


@planted(*ANY_FORWARD)
class TailOfInputsLost(Fast):
    def forward(self, a):
        whole = a.shape[1] // 64 * 64 if a.shape[1] > 64 else a.shape[1]
        return super().forward(np.where(np.arange(a.shape[1]) < whole, a, 0).astype(a.dtype))


class OtherTable(Fast):
    """A layer whose table is changed for large indices."""

    def change(self, bucket, sign):
        return bucket, sign

    def make_table(self, *args):
        return self.change(*super().make_table(*args))


MAP = ("gather", "forward")


@planted(*MAP)
class RowsInOneByte(OtherTable):
    def change(self, bucket, sign):
        rows = np.arange(len(bucket)) % 256
        return bucket[rows], sign[rows]


@planted(*MAP)
class ColumnsInOneByte(OtherTable):
    def change(self, bucket, sign):
        columns = np.arange(bucket.shape[1]) % 256
        return bucket[:, columns], sign[:, columns]


@planted(*MAP)
class BucketsInTwoBytes(OtherTable):
    def change(self, bucket, sign):
        return bucket % 65536, sign


@planted(*MAP)
class SignsOfFarRowsLost(OtherTable):
    def change(self, bucket, sign):
        return bucket, np.where(np.arange(len(sign))[:, None] < 128, sign, 1).astype(sign.dtype)


@planted(*MAP)
class TilesRepeated(OtherTable):
    def change(self, bucket, sign):
        i, j = np.arange(bucket.shape[0]) % 100, np.arange(bucket.shape[1])
        return bucket[i][:, j], sign


@planted(*MAP)
class FlatIndexOverflows(OtherTable):
    def change(self, bucket, sign):
        flat = np.arange(bucket.size) % 32768
        return bucket.ravel()[flat].reshape(bucket.shape), sign


# ---- seeds and K at their limits


class OtherSeed(Fast):
    def make_table(self, n_cols, kind, buckets, seed):
        return super().make_table(n_cols, kind, buckets, self.other(seed) if kind == "xxhash" else seed)


@planted("gather", "forward", "bias", "backward")
class SeedsAreSigned(OtherSeed):
    other = staticmethod(lambda seed: min(seed, 2**31 - 1))


@planted("gather", "forward", "bias", "backward")
class SeedsInTwoBytes(OtherSeed):
    other = staticmethod(lambda seed: seed % 65536)


@planted("gather", "forward", "bias", "backward")
class SeedZeroIsOne(OtherSeed):
    other = staticmethod(lambda seed: seed or 1)


@planted("gather", "forward", "scatter-add", "bias")
class OneBucketHasNoSigns(OtherTable):
    def change(self, bucket, sign):
        return bucket, sign if bucket.any() else np.ones_like(sign)


@planted("bias")
class OneBiasBucketIgnored(Fast):
    def beta(self):
        return 0 if self.spec.bias == "hashed" and self.spec.bias_buckets == 1 else super().beta()


@planted("gather", "forward")
class ManyBucketsClipped(OtherTable):
    def change(self, bucket, sign):
        return np.minimum(bucket, 4095), sign


# ---- dtype

on_output("Float64FromFloat32", *ANY_FORWARD)(lambda s, z, a: z.astype(np.float64))
on_output("Float32FromFloat64", *ANY_FORWARD)(lambda s, z, a: z.astype(np.float32))
on_output("HalfPrecision", *ANY_FORWARD)(lambda s, z, a: z.astype(np.float16).astype(z.dtype))
on_gradients("GradientsInFloat64", *ANY_BACKWARD)(lambda s, dw, db, da, a, dz: (dw.astype(np.float64), db, da))
on_gradients("InputGradientInHalf", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (dw, db, da.astype(np.float16).astype(da.dtype))
)

# ---- bias

on_output("BiasTwice", "bias")(
    lambda s, z, a: (z + s.beta()).astype(z.dtype) if s.spec.bias in ("hashed", "dense") else z
)
on_output("BiasForTheFirstExample", "bias")(
    lambda s, z, a: setting(z, np.s_[1:], z[1:] - s.beta()) if s.spec.bias in ("hashed", "dense") else z
)
on_gradients("BiasGradientMean", "bias")(
    lambda s, dw, db, da, a, dz: (dw, db if db is None else db / max(1, len(a)), da)
)
on_gradients("BiasGradientLastLost", "bias")(
    lambda s, dw, db, da, a, dz: (dw, db if db is None else setting(db, -1, 0), da)
)
on_gradients("BiasGradientAbsolute", "bias")(lambda s, dw, db, da, a, dz: (dw, db if db is None else np.abs(db), da))
on_gradients("BiasColumnWithoutGradient", "bias")(
    lambda s, dw, db, da, a, dz: (
        (s.scatter(np.hstack([np.zeros((dz.shape[1], 1), a.dtype), dz.T @ a]), s.table, s.spec.buckets), db, da)
        if s.spec.bias == "column"
        else (dw, db, da)
    )
)

# ---- gradients

on_gradients("FirstExamplesOnly", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (Fast.backward(s, a[:64], dz[:64])[0], db, da)
)
on_gradients("LastExampleLost", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (Fast.backward(s, a[:-1], dz[:-1])[0] if len(a) > 1 else dw, db, da)
)
on_gradients("BucketZeroLost", *ANY_BACKWARD)(lambda s, dw, db, da, a, dz: (setting(dw, 0, 0), db, da))
on_gradients("LastBucketLost", *ANY_BACKWARD)(lambda s, dw, db, da, a, dz: (setting(dw, -1, 0), db, da))
on_gradients("FarBucketsLost", *ANY_BACKWARD)(lambda s, dw, db, da, a, dz: (setting(dw, np.s_[1024:], 0), db, da))
on_gradients("ClippedGradient", *ANY_BACKWARD)(lambda s, dw, db, da, a, dz: (dw.clip(-10, 10), db, da))
on_gradients("ClippedByNorm", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (dw / max(1, np.linalg.norm(dw)).astype(dw.dtype), db, da)
)
on_gradients("DividedByOutputs", *ANY_BACKWARD)(lambda s, dw, db, da, a, dz: (dw / dz.shape[1], db, da))
on_gradients("Descent", *ANY_BACKWARD)(lambda s, dw, db, da, a, dz: (-dw, db, da))
on_gradients("WeightsMissing", *ANY_BACKWARD)(lambda s, dw, db, da, a, dz: (np.zeros_like(dw), db, da))
on_gradients("InputGradientFrom128", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (dw, db, setting(da, np.s_[:, 128:], 0))
)
on_gradients("InputGradientMean", *ANY_BACKWARD)(lambda s, dw, db, da, a, dz: (dw, db, da / max(1, len(a))))
on_gradients("InputGradientOfBatch", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (dw, db, np.broadcast_to(da.sum(axis=0), da.shape))
)
on_gradients("InputGradientLastOutput", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (
        dw,
        db,
        Fast.input_gradient(s, setting(dz.copy(), np.s_[:, -1], 0))[:, int(s.spec.bias == "column") :],
    )
)
on_gradients("InputGradientFarRows", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (
        dw,
        db,
        Fast.input_gradient(s, setting(dz.copy(), np.s_[:, 256:], 0))[:, int(s.spec.bias == "column") :],
    )
)
on_gradients("ReluInside", *ANY_BACKWARD)(lambda s, dw, db, da, a, dz: (dw, db, da * (a > 0)))
on_gradients("GradientOfAbsolute", *ANY_BACKWARD)(
    lambda s, dw, db, da, a, dz: (Fast.backward(s, np.abs(a), dz)[0], db, da)
)

# ---- state and aliasing

STATE = ("sequences", "sequences with training")


@planted(*STATE, "backward", "bias", "forward")
class OutputAddsUp(Fast):
    total = 0

    def forward(self, a):
        z = super().forward(a)
        self.total = z + (self.total if np.shape(self.total) == z.shape else 0)
        return self.total


@planted(*STATE)
class OutputBufferShared(Fast):
    def forward(self, a):
        z = super().forward(a)
        if getattr(self, "buffer", np.zeros(0)).shape != z.shape:
            self.buffer = np.zeros_like(z)
        self.buffer[:] = z
        return self.buffer


@planted(*STATE)
class GradientBufferShared(Fast):
    def backward(self, a, dz):
        dw, db, da = super().backward(a, dz)
        self.buffer = getattr(self, "buffer", np.zeros_like(dw))
        self.buffer[:] = dw
        return self.buffer, db, da


@planted(*STATE, "backward", "bias")
class BiasGradientAddsUp(Fast):
    total = None

    def backward(self, a, dz):
        dw, db, da = super().backward(a, dz)
        self.total = db if self.total is None or db is None else self.total + db
        return dw, self.total, da


@planted(*STATE)
class InputOfLastForward(Fast):
    last = None

    def forward(self, a):
        self.last = a.copy()
        return super().forward(a)

    def backward(self, a, dz):
        a = self.last if self.last is not None and len(self.last) == len(a) else a
        return super().backward(a, dz)


@planted(*STATE)
class BatchSizeOfFirstCall(Fast):
    size = None

    def forward(self, a):
        self.size = self.size or len(a)
        return setting(super().forward(a), np.s_[self.size :], 0)


@planted(*STATE)
class FirstAnswerKept(Fast):
    def forward(self, a):
        kept = self.__dict__.setdefault("kept", {})
        return kept.setdefault(a.shape, super().forward(a))


@planted("forward", "backward", "bias", "gather", "scatter-add", *STATE)
class MapKeptByShape(Fast):
    tables: ClassVar[dict] = {}

    @cached_property
    def table(self):
        key = self.spec.n_in, self.spec.n_out, self.spec.bias
        if key not in self.tables:
            self.tables[key] = self.make_table(self.n_cols, self.spec.kind, self.spec.buckets, self.spec.seed)
        return self.tables[key]


@planted("forward", "backward", "bias", "gather", *STATE)
class VKeptBySpec(Fast):
    """The first V of a spec is kept for all layers of that spec, whatever their weights."""

    kept: ClassVar[dict] = {}

    def gather(self):
        return self.kept.setdefault(self.spec, super().gather())


@planted(*STATE, layer=False)
class StaleV(Fast):
    @cached_property
    def V(self):
        return super().gather()

    def forward(self, a):
        self.check_batch(a, self.spec.n_in)
        return self.with_ones(a) @ self.V.T + self.beta()


@planted(*STATE, "training", layer=False)
class WeightsShared(Fast):
    def __init__(self, spec, w, b):
        super().__init__(spec, w, b)
        self.w = w

    def step(self, *args):
        old = self.w
        w, b = super().step(*args)
        old[:] = w
        self.w = old
        return w, b


@planted(*ANY_FORWARD)
class InputCentred(Fast):
    def forward(self, a):
        z = super().forward(a)
        a -= a.mean() if a.size else 0
        return z


@planted(*ANY_BACKWARD)
class ErrorTermScaled(Fast):
    def backward(self, a, dz):
        found = super().backward(a, dz)
        dz /= max(1, len(dz))
        return found


@planted("scatter-add", "backward", "bias", *STATE)
class SecondBackwardEmpty(Fast):
    done = False

    def backward(self, a, dz):
        dw, db, da = super().backward(a, dz)
        dw = dw * (not self.done)
        self.done = True
        return dw, db, da


# ---- the optimizer, for adapters with step

TRAINING = ("training", "sequences with training")


def on_update(name, *stages):
    """Plant a bug that is an update (layer, p, v, g, lr, momentum, decay) -> (p, v)."""

    def register(function):
        planted(*stages, layer=False)(type(name, (Fast,), {"update": function}))
        return function

    return register


on_update("DecayAdded", *TRAINING)(lambda s, p, v, g, lr, mu, wd: Fast.update(s, p, v, g, lr, mu, -wd))
on_update("VelocityReset", *TRAINING)(lambda s, p, v, g, lr, mu, wd: Fast.update(s, p, 0 * v, g, lr, mu, wd))
on_update("RateSquared", *TRAINING)(lambda s, p, v, g, lr, mu, wd: Fast.update(s, p, v, g, lr * lr, mu, wd))
on_update("MomentumOnWeights", *TRAINING)(lambda s, p, v, g, lr, mu, wd: (p - lr * (g + wd * p) + mu * 0.1 * v, g))
on_update("SignDescent", *TRAINING)(lambda s, p, v, g, lr, mu, wd: Fast.update(s, p, v, np.sign(g), lr, mu, wd))
on_update("FirstWeightFixed", *TRAINING)(
    lambda s, p, v, g, lr, mu, wd: (
        np.append(p[:1], Fast.update(s, p, v, g, lr, mu, wd)[0][1:]).astype(p.dtype),
        Fast.update(s, p, v, g, lr, mu, wd)[1],
    )
)


@planted(*TRAINING, layer=False)
class FirstRateKept(Fast):
    rate = None

    def step(self, a, dz, lr, momentum, weight_decay):
        self.rate = self.rate or lr
        return super().step(a, dz, self.rate, momentum, weight_decay)


@planted(*TRAINING, layer=False)
class BiasNotTrained(Fast):
    def step(self, *args):
        b = self.b
        w, _ = super().step(*args)
        self.b = b
        return w, b


@planted("training", layer=False)
class BiasNotDecayed(Fast):
    def step(self, a, dz, lr, momentum, weight_decay):
        b, v = self.b, self.v["b"]
        w, _ = super().step(a, dz, lr, momentum, weight_decay)
        if b is not None:
            self.b, self.v["b"] = self.update(b, v, self.backward(a, dz)[1], lr, momentum, 0)
        return w, self.b


@planted(*TRAINING, layer=False)
class VelocitiesShared(Fast):
    shared: ClassVar[dict] = {}

    def step(self, *args):
        key = self.spec.n_in, self.spec.n_out, self.spec.bias, self.spec.buckets
        self.v = self.shared.setdefault(key, self.v)
        return super().step(*args)


# ---- what full adapters show beside


@planted("seeds", layer=False)
class LayersInOneByte(Fast):
    @classmethod
    def derive_seed(cls, seed, n):
        return super().derive_seed(seed, n % 256 if n < 2**31 else n)


@planted("network", layer=False)
class LeakyRelu(Fast):
    relu = staticmethod(lambda z: np.where(z > 0, z, np.float32(0.01) * z).astype(z.dtype))


@planted("network", layer=False)
class DropoutByRate(Fast):
    @classmethod
    def drop(cls, x, mask, rate):
        return x * mask / (rate if rate else 1)


@planted("network", layer=False)
class FirstLayerUntrained(Fast):
    @classmethod
    def network(cls, *args):
        z, grads, dx = super().network(*args)
        return z, [(0 * grads[0][0], grads[0][1]), *grads[1:]], dx


@planted("loss", layer=False)
class LabelsSmoothed(Fast):
    @classmethod
    def loss(cls, z, y, soft, temperature, mix):
        loss, dz = super().loss(z, y, soft, temperature, mix)
        return loss, dz + np.float32(0.1) / len(z)


@planted("hash", layer=False)
class LongTextsCut(Fast):
    @classmethod
    def hash_text(cls, texts, seed):
        return super().hash_text([text[:32] for text in texts], seed)


@planted("number of buckets", layer=False)
class OneBucketTooMany(Fast):
    @classmethod
    def count(cls, c, n):
        return min(n, int(cls.exact(c) * n) + 1)


@planted("storage", layer=False)
class WeightsInFloat64(Fast):
    def stored_bytes(self):
        return 8 * self.w.size + 100


@planted("gather", layer=False)
class GatherInFloat32(Fast):
    def gather(self):
        return super().gather().astype(np.float32)


@planted("map", layer=False)
class MapOfFarRows(Fast):
    @classmethod
    def bucket_sign(cls, i, j, *rest):
        return super().bucket_sign(np.where(i < 2**32, np.minimum(i, 2**31 - 1), i), j, *rest)


# ---- measuring


def runs(full: bool) -> Iterator[tuple[str, bool, bool, str]]:
    """Go through the bugs: name, whether it was found, whether the stage named first is right, what was said."""
    cases = [case for case in select() if case.topic != "large-layer"]
    for name, (cls, stages) in PLANTED.items():
        if full or name in BY_LAYER:
            adapter = cls if full else type(name, (LayerOnly,), {"of": cls})
            results = check_cases(adapter, cases)
            found = diagnose(results)
            stage = found.stage.name if found.stage else found.verdict
            bugs = ", ".join(flag for flag, *_ in found.bugs)
            yield name, not passed(results), stage in stages, f"{stage}; {bugs or 'no known bug'}; {found.manner}"


def measure(full: bool) -> tuple[int, int, int]:
    """Print a line a bug; return how many there are, were found, and were placed at the right stage."""
    count = caught = placed = 0
    for name, found, right, words in runs(full):
        count, caught, placed = count + 1, caught + found, placed + (found and right)
        print(
            f"{'' if found else 'MISSED '}{'' if right or not found else 'MISPLACED '}{name}: {words[:150]}", flush=True
        )
    return count, caught, placed


if __name__ == "__main__":
    import corner_bugs  # noqa: F401  (other sets, which import this module by its name)
    import kind_bugs  # noqa: F401
    import more_planted_bugs  # noqa: F401
    import planted_bugs

    for full in (False, True) if len(sys.argv) < 2 else (sys.argv[1] == "full",):
        count, caught, placed = planted_bugs.measure(full)
        kind = "all methods" if full else "forward and backward only"
        print(
            f"{kind}: {caught} of {count} bugs found ({100 * caught / count:.1f} %), {placed} placed right "
            f"({100 * placed / max(1, caught):.1f} %)",
            flush=True,
        )
