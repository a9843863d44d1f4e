"""Layers that are deliberately broken, to test the kit with.

Each overrides a little of the right layer. BROKEN lists them with the flag that the kit is to name.
"""

import struct
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import ClassVar

import numpy as np
import xxhash
from right_layer import TEXT_KINDS, TEXT_SEEDS, UINT32, Right

from hashnets_np.conformance import Adapter

BROKEN: dict[str, tuple[type, str]] = {}


def broken(flag):
    """Register a broken layer with the flag that is to be found."""
    def register(cls):
        BROKEN[cls.__name__] = cls, flag
        return cls
    return register


def layer_only(cls):
    """Keep only what people have at first: a layer with forward and backward, and nothing that shows its hash."""
    class Outer(Adapter):
        def __init__(self, spec, w, b):
            self.inner = cls(spec, w, b)

        def forward(self, a):
            return self.inner.forward(a)

        def backward(self, a, dz):
            return self.inner.backward(a, dz)

    return Outer


# ---------------------------------------------------------------------------------------------- broken hashes and maps


@broken("ShortKey")
class FourBytes(Right):
    @classmethod
    def key(cls, i, j, n_cols):
        return super().key(i, j, n_cols)[:4]  # len of a 4-element array taken for its size in bytes


@broken("ShortKey")
class ColumnOnly(Right):
    @classmethod
    def key(cls, i, j, n_cols):
        return super().key(i, j, n_cols)[4:]


@broken("TransposedKey")
class Transposed(Right):
    @classmethod
    def key(cls, i, j, n_cols):
        return struct.pack("<II", j, i)


@broken("TransposedKey")
class TransposedMapOnly(Right):
    @classmethod
    def one(cls, i, j, *rest):
        return super().one(j, i, *rest)


@broken("OneBased")
class FromOne(Right):
    @classmethod
    def one(cls, i, j, kind, *rest):
        return super().one((i + 1) & UINT32, (j + 1) & UINT32, kind, *rest) if kind == "xxhash" else \
            super().one(i, j, kind, *rest)


@broken("ZeroBased")
class TorchFromZero(Right):
    base: ClassVar[dict[str, int]] = {}


@broken("BigEndianKey")
class NetworkByteOrder(Right):
    @classmethod
    def key(cls, i, j, n_cols):
        return i.to_bytes(4, "big") + j.to_bytes(4, "big")


@broken("WideKey")
class Int64Key(Right):
    @classmethod
    def key(cls, i, j, n_cols):
        return np.array([i, j], np.int64).tobytes()


@broken("FlatKey")
class FlatIndex(Right):
    @classmethod
    def key(cls, i, j, n_cols):
        return np.array([i * n_cols + j], np.int64).tobytes() if n_cols else super().key(i, j, n_cols)


@broken("Float32Index")
class IndicesInFloat32(Right):
    @classmethod
    def one(cls, i, j, *rest):
        return super().one(int(np.float32(i)) & UINT32, int(np.float32(j)) & UINT32, *rest)


@broken("Float32Index")
class BucketsInFloat32(Right):
    @classmethod
    def split(cls, x, buckets):
        bucket, sign = super().split(x, buckets)
        return min(int(np.float32(bucket)), buckets - 1), sign


@broken("SeedIgnored")
class NoSeed(Right):
    @classmethod
    def digest(cls, key, seed):
        return xxhash.xxh32(key).intdigest()


@broken("SeedAsFlag")
class SeedForSign(Right):
    @classmethod
    def one(cls, i, j, kind, buckets, seed, n_cols=None):
        bucket, sign = super().one(i, j, kind, buckets, 0, n_cols)  # called as Layer(..., seed), which is `use_sign`
        return bucket, sign if bool(seed) else 1


@broken("Hash64")
class Xxh64(Right):
    @classmethod
    def digest(cls, key, seed):
        return xxhash.xxh64(key, seed=seed).intdigest()


@broken("Hash64")
class Xxh64Low(Right):
    @classmethod
    def digest(cls, key, seed):
        return int(np.uint64(xxhash.xxh64(key, seed=seed).intdigest()).astype(np.uint32))


@broken("SignedHash")
class Int32Hash(Right):
    @classmethod
    def digest(cls, key, seed):
        return int(np.array(super().digest(key, seed), np.uint32).view(np.int32))


@broken("StripesSkipped")
class ShortTextOnly(Right):
    @classmethod
    def digest(cls, key, seed):
        if len(key) < 16:
            return super().digest(key, seed)
        h = (seed + 374761393 + len(key)) & UINT32
        words = np.frombuffer(key[: len(key) // 4 * 4], "<u4").tolist()
        for value, prime, bits, factor in [(w, 3266489917, 17, 668265263) for w in words] + [
                (b, 374761393, 11, 2654435761) for b in key[len(key) // 4 * 4 :]]:
            h = (h + value * prime) & UINT32
            h = ((h << bits | h >> (32 - bits)) & UINT32) * factor & UINT32
        h = (h ^ h >> 15) * 2246822519 & UINT32
        h = (h ^ h >> 13) * 3266489917 & UINT32
        return h ^ h >> 16


@broken("SharedBits")
class SignFromBucketBits(Right):
    @classmethod
    def split(cls, x, buckets):
        return x % buckets, 1 - 2 * (x % 2)


@broken("SignIgnored")
class NoSign(Right):
    def make_table(self, *args):
        bucket, sign = super().make_table(*args)
        return bucket, np.ones_like(sign)


@broken("SignFlipped")
class OddIsPlus(Right):
    @classmethod
    def split(cls, x, buckets):
        return (x >> 1) % buckets, 1 if x & 1 else -1


@broken("SignZeroOne")
class SignAsBit(Right):
    @classmethod
    def split(cls, x, buckets):
        return (x >> 1) % buckets, 1 - (x & 1)


@broken("SignKeyShared")
class OneTextForBoth(Right):
    @classmethod
    def texts(cls, kind, i, j):
        index, sign = super().texts(kind, i, j)
        return index, index if sign else None


@broken("LastBucket")
class NeverTheLast(Right):
    @classmethod
    def one(cls, i, j, kind, buckets, *rest):
        return super().one(i, j, kind, buckets - 1 or 1, *rest)


@broken("OneBasedBucket")
class BucketFromOne(Right):
    def gather(self):
        bucket, sign = self.table
        return np.take(self.w, bucket + 1, mode="wrap") * sign

    def scatter(self, dV, table, size):
        return np.roll(super().scatter(dV, table, size), 1)


@broken("OtherKind")
class AlwaysXxhash(Right):
    @classmethod
    def one(cls, i, j, kind, *rest):
        return super().one(i, j, "xxhash", *rest)


@broken("OtherKind")
class AlwaysPytorch(Right):
    @classmethod
    def one(cls, i, j, kind, *rest):
        return super().one(i, j, "pytorch2019_bias" if kind.endswith("_bias") else "pytorch2019", *rest)


@broken("KeyText")
class NoTriples(Right):
    @classmethod
    def texts(cls, kind, i, j):
        if kind.startswith("authors2015"):
            j, end = (0, "B") if kind.endswith("_bias") else (j, "W")
            return f"{i + 1}_{j + 1}idx{end}", f"{i + 1}_{j + 1}xi_{end}"
        return super().texts(kind, i, j)


# ---------------------------------------------------------------------------------------------- broken sizes and seeds


@broken("CompressionFloor")
class Truncated(Right):
    @classmethod
    def count(cls, c, n):
        return max(1, int(cls.exact(c) * n))


@broken("CompressionFloat")
class InFloats(Right):
    @classmethod
    def count(cls, c, n):
        return max(1, ceil(float(cls.exact(c)) * n))


@broken("CompressionFloat")
class BiasInFloats(Right):
    @classmethod
    def bucket_counts(cls, c, n_in, n_out, bias):
        K, K_b = super().bucket_counts(c, n_in, n_out, bias)
        return K, ceil(float(cls.exact(c)) * n_out) if K_b else 0


@broken("CompressionBinary")
class BinaryFraction(Right):
    @classmethod
    def count(cls, c, n):
        return max(1, ceil(Fraction(float(cls.exact(c))) * n))


@broken("CompressionPerRow")
class RowByRow(Right):
    @classmethod
    def bucket_counts(cls, c, n_in, n_out, bias):
        return n_out * cls.count(c, n_in + (bias == "column")), super().bucket_counts(c, n_in, n_out, bias)[1]


@broken("BiasColumnUncounted")
class ColumnForgotten(Right):
    @classmethod
    def bucket_counts(cls, c, n_in, n_out, bias):
        return cls.count(c, n_in * n_out), super().bucket_counts(c, n_in, n_out, bias)[1]


@broken("SharedLayerHash")
class OneMapForAll(Right):
    @classmethod
    def layer_seed(cls, seed, n, spec):
        return super().layer_seed(seed, 0, spec)


@broken("SharedLayerHash")
class NetworkSeedForAll(Right):
    @classmethod
    def layer_seed(cls, seed, n, spec):
        return TEXT_SEEDS.get(spec.kind, seed)


@broken("SeedAdded")
class SeedPlusLayer(Right):
    @classmethod
    def derive_seed(cls, seed, n):
        cls.check_uint32(seed, n)
        return (seed + n) % 2**32


@broken("BiasSeedShared")
class BiasWithLayerSeed(Right):
    def bias_seed(self):
        return self.spec.seed


# ------------------------------------------------------------------------------------------------------ broken layers


@broken("GradientMean")
class MeanPerBucket(Right):
    def scatter(self, dV, table, size):
        load = np.bincount(table[0].ravel(), minlength=size)
        return super().scatter(dV, table, size) / np.maximum(load, 1).astype(dV.dtype)


@broken("DuplicateDropped")
class FancyAdd(Right):
    def scatter(self, dV, table, size):
        dw = np.zeros(size, dV.dtype)
        dw[table[0].ravel()] += (dV * table[1]).ravel()
        return dw


@broken("GradientSignMissing")
class UnsignedGradient(Right):
    def scatter(self, dV, table, size):
        return super().scatter(dV, (table[0], 1), size)


@broken("InputGradientUnsigned")
class UnsignedInputGradient(Right):
    def input_gradient(self, dz):
        return dz @ self.w[self.table[0]]


@broken("InputGradientTransposed")
class TransposedInputGradient(Right):
    def input_gradient(self, dz):
        return dz @ self.gather().T


@broken("BatchAveraged")
class MeanOverBatch(Right):
    def backward(self, a, dz):
        dw, db, da = super().backward(a, dz)
        n = max(1, len(a))
        return dw / n, None if db is None else db / n, da


@broken("GradientAccumulated")
class NoZeroGrad(Right):
    total = None

    def backward(self, a, dz):
        dw, db, da = super().backward(a, dz)
        if self.total:
            dw, db = dw + self.total[0], None if db is None else db + self.total[1]
        self.total = dw, db
        return dw, db, da

    def step(self, *args):
        self.total = None
        return super().step(*args)


def cut(x):
    """Keep 11 bits of float32's 24, as TF32 does; float64 has none such."""
    return (x.view(np.uint32) & 0xFFFFE000).view(np.float32) if x.dtype == np.float32 else x


@broken("ReducedPrecision")
class TensorFloat32(Right):
    def __init__(self, spec, w, b):
        super().__init__(spec, cut(w), b)

    def forward(self, a):
        return super().forward(cut(a))

    def backward(self, a, dz):
        return super().backward(cut(a), cut(dz))


@broken("Float32Math")
class SingleInside(Right):
    def __init__(self, spec, w, b):
        super().__init__(type(spec)(**{**spec.__dict__, "dtype": "float32"}), w.astype(np.float32),
                         None if b is None else b.astype(np.float32))

    def forward(self, a):
        return super().forward(a.astype(np.float32))

    def backward(self, a, dz):
        return super().backward(a.astype(np.float32), dz.astype(np.float32))


@broken("BiasIgnored")
class NoBias(Right):
    def beta(self):
        return 0

    def with_ones(self, a):
        return super().with_ones(a) * ([0] + [1] * self.spec.n_in if self.spec.bias == "column" else 1)

    def backward(self, a, dz):
        ones = np.hstack([np.ones((len(a), 1), a.dtype), a]) if self.spec.bias == "column" else a
        dw = self.scatter(dz.T @ ones, self.table, self.spec.buckets)
        return dw, self.bias_gradient(dz), self.without_ones(self.input_gradient(dz))


@broken("BiasNotHashed")
class DenseLookingBias(Right):
    @cached_property
    def bias_table(self):
        i = np.arange(self.spec.n_out)[:, None]
        return i % self.spec.bias_buckets, np.ones(i.shape, self.spec.dtype)


@broken("BiasSignIgnored")
class BiasWithoutSign(Right):
    @cached_property
    def bias_table(self):
        bucket, sign = super().bias_table
        return bucket, np.ones_like(sign)


@broken("BiasColumnLast")
class OnesBehind(Right):
    def with_ones(self, a):
        return np.roll(super().with_ones(a), -1, axis=1) if self.spec.bias == "column" else a

    def without_ones(self, da):
        return da[:, :-1] if self.spec.bias == "column" else da


# ------------------------------------------------------------------------------------------- broken networks and steps


@broken("ReluMissing")
class Linear(Right):
    relu = staticmethod(lambda z: z)
    relu_back = staticmethod(lambda da, z: da)


@broken("ReluGradientMissing")
class StraightThrough(Right):
    relu_back = staticmethod(lambda da, z: da)


@broken("DropoutNotInverted")
class PlainDropout(Right):
    @classmethod
    def drop(cls, x, mask, rate):
        return x * mask


@broken("DropoutMaskInverted")
class MaskDrops(Right):
    @classmethod
    def drop(cls, x, mask, rate):
        return x * (1 - mask) / (1 - rate)


@broken("DropoutGradientMissing")
class DropoutForwardOnly(Right):
    @classmethod
    def drop_back(cls, dx, mask, rate):
        return dx


@broken("LossSummed")
class SumLoss(Right):
    mean = staticmethod(lambda total, batch: total)


@broken("LossGradientSummed")
class SumGradient(Right):
    mean = staticmethod(lambda total, batch: total if np.ndim(total) else total / batch)


@broken("TemperatureIgnored")
class Cold(Right):
    @classmethod
    def loss(cls, z, y, soft, temperature, mix):
        return super().loss(z, y, soft, 1, mix)


@broken("TemperatureNotSquared")
class NoSquare(Right):
    square = staticmethod(lambda temperature: 1)


@broken("MixSwapped")
class Swapped(Right):
    @classmethod
    def loss(cls, z, y, soft, temperature, mix):
        return super().loss(z, y, soft, temperature, 1 - mix)


@broken("UnstableSoftmax")
class Overflowing(Right):
    shift = classmethod(lambda cls, z: z)


@broken("NotTrained")
class NoVariables(Right):
    def update(self, p, v, g, lr, momentum, decay):
        return p, v


@broken("MomentumDampened")
class Dampened(Right):
    def update(self, p, v, g, lr, momentum, decay):
        v = momentum * v + (1 - momentum) * (g + decay * p)
        return p - lr * v, v


@broken("MomentumNesterov")
class Nesterov(Right):
    def update(self, p, v, g, lr, momentum, decay):
        v = momentum * v + g + decay * p
        return p - lr * (g + decay * p + momentum * v), v


@broken("LearningRateInVelocity")
class KerasMomentum(Right):
    def update(self, p, v, g, lr, momentum, decay):
        v = momentum * v - lr * (g + decay * p)
        return p + v, v


@broken("WeightDecayDecoupled")
class AdamWDecay(Right):
    def update(self, p, v, g, lr, momentum, decay):
        v = momentum * v + g
        return p * (1 - lr * decay) - lr * v, v


@broken("WeightDecayIgnored")
class NoDecay(Right):
    def update(self, p, v, g, lr, momentum, decay):
        return super().update(p, v, g, lr, momentum, 0)


# ------------------------------------------------------------------------------------------- broken manners


@broken("CheckpointHoldsMap")
class SavesItsMap(Right):
    def stored_bytes(self):
        return super().stored_bytes() + self.spec.n_out * self.n_cols * 9


@broken("InputOverwritten")
class WritesIntoInput(Right):
    def forward(self, a):
        z = super().forward(a)
        a *= 0
        return z


@broken("RangeUnchecked")
class WrapsAround(Right):
    @staticmethod
    def check_uint32(*values):
        pass

    @classmethod
    def key(cls, i, j, n_cols):
        return super().key(i & UINT32, j & UINT32, n_cols)

    @classmethod
    def digest(cls, key, seed):
        return super().digest(key, int(seed) & UINT32)


@broken("ShapeUnchecked")
class AnyShape(Right):
    check_shapes = staticmethod(lambda spec, w, b: None)

    def __init__(self, spec, w, b):
        pad = lambda x, n: None if x is None else np.resize(x, n)  # noqa: E731
        super().__init__(spec, pad(w, spec.buckets), pad(b, spec.bias_buckets or spec.n_out))


@broken("CompressionUnchecked")
class AnyCompression(Right):
    @staticmethod
    def exact(c):
        return Fraction(str(c))


@broken("BiasUnchecked")
class AnyBias(Right):
    check_bias = staticmethod(lambda bias, allowed: None)


@broken("KindUnchecked")
class AnyKind(Right):
    check_kind = staticmethod(lambda kind: None)

    @classmethod
    def one(cls, i, j, kind, *rest):
        return super().one(i, j, kind if kind in TEXT_KINDS else "xxhash", *rest)
