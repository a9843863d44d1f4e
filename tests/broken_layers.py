"""Layers to test the kit with: a right one, written apart from the package, and many that are deliberately broken.

`Right` is a layer as somebody might write it from SPEC.md, with NumPy and the reference hash library. Each broken one
overrides a little of it. BROKEN lists them with the flag that the kit is to name.
"""

import struct
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import ClassVar

import numpy as np
import xxhash

from hashnets_np.conformance import Adapter

TEXT_SEEDS = {"authors2015": 1691, "pytorch2019": 2, "keras": 2}
TEXT_KINDS = (*TEXT_SEEDS, "authors2015_bias", "pytorch2019_bias")
UINT32 = 2**32 - 1
BROKEN: dict[str, tuple[type, str]] = {}


def demand(condition, message):
    if not condition:
        raise ValueError(message)


def broken(flag):
    """Register a broken layer with the flag that is to be found."""
    def register(cls):
        BROKEN[cls.__name__] = cls, flag
        return cls
    return register


class Right(Adapter):
    # ---- hash and map
    base: ClassVar[dict[str, int]] = {"authors2015": 1, "authors2015_bias": 1}

    @classmethod
    def key(cls, i, j, n_cols):
        return struct.pack("<II", i, j)

    @classmethod
    def digest(cls, key, seed):
        return xxhash.xxh32(key, seed=seed).intdigest()

    @classmethod
    def hash_pair(cls, i, j, seed, n_cols=None):
        return cls.digest(cls.key(i, j, n_cols), seed)

    @classmethod
    def hash(cls, i, j, seed):
        cls.check_uint32(seed, *i.tolist(), *j.tolist())
        return [cls.hash_pair(int(x), int(y), seed) for x, y in zip(i, j, strict=True)]

    @classmethod
    def hash_text(cls, texts, seed):
        return [cls.digest(text.encode(), seed) for text in texts]

    @classmethod
    def texts(cls, kind, i, j):
        i, j = i + cls.base.get(kind, 0), j + cls.base.get(kind, 0)
        ijk, lmn = f"{i}{i + 1}{i + 2}", f"{j}{j + 1}{j + 2}"
        return {"authors2015": (f"{ijk}_{lmn}idxW", f"{ijk}_{lmn}xi_W"),
                "authors2015_bias": (f"{ijk}_123idxB", f"{ijk}_123xi_B"),
                "pytorch2019": (f"{i}_{j}idxW", f"{i}_{j}xiW"), "pytorch2019_bias": (f"{i}_0idxB", f"{i}_0xiB"),
                "keras": (f"{j}_{i}", None)}[kind]

    @classmethod
    def split(cls, x, buckets):
        return (x >> 1) % buckets, -1 if x & 1 else 1

    @classmethod
    def one(cls, i, j, kind, buckets, seed, n_cols=None):
        if kind == "xxhash":
            return cls.split(cls.hash_pair(i, j, seed, n_cols), buckets)
        index, sign = cls.texts(kind, i, j)
        odd = sign is None or cls.digest(sign.encode(), seed) % 2
        return cls.digest(index.encode(), seed) % buckets, 1 if odd else -1

    @staticmethod
    def check_uint32(*values):
        for value in values:
            demand(isinstance(value, int) and 0 <= value <= UINT32, f"{value} is no uint32")

    @staticmethod
    def check_buckets(buckets):
        demand(1 <= buckets < 2**31, "buckets out of range")

    @staticmethod
    def check_kind(kind):
        demand(kind == "xxhash" or kind in TEXT_KINDS, "unknown kind")

    @classmethod
    def bucket_sign(cls, i, j, kind, buckets, seed):
        cls.check_kind(kind)
        cls.check_uint32(seed, *i.tolist(), *j.tolist())
        cls.check_buckets(buckets)
        pairs = [cls.one(int(x), int(y), kind, buckets, seed) for x, y in zip(i, j, strict=True)]
        return [k for k, _ in pairs], [s for _, s in pairs]

    # ---- sizes and seeds
    @classmethod
    def count(cls, c, n):
        return max(1, ceil(cls.exact(c) * n))

    @staticmethod
    def exact(c):
        c = Fraction(str(c))
        demand(0 < c <= 1, "compression outside (0, 1]")
        return c

    @classmethod
    def bucket_counts(cls, compression, n_in, n_out, bias):
        K = cls.count(compression, n_out * (n_in + (bias == "column")))
        return K, cls.count(compression, n_out) if bias == "hashed" else 0

    @classmethod
    def derive_seed(cls, seed, n):
        cls.check_uint32(seed, n)
        return cls.hash_pair(seed, n, 0)

    # ---- the layer
    @classmethod
    def check_layer(cls, spec, w, b):
        biases = (None, "column", "dense", "hashed")
        allowed = biases if spec.kind not in TEXT_KINDS else (None, "dense", "hashed")[: 2 + (spec.kind != "keras")]
        cls.check_bias(spec.bias, allowed)
        demand(spec.n_in >= 1 and spec.n_out >= 1, "sizes")
        cls.check_shapes(spec, w, b)

    @staticmethod
    def check_bias(bias, allowed):
        demand(bias in allowed, "bias")

    @staticmethod
    def check_shapes(spec, w, b):
        size = {"hashed": spec.bias_buckets, "dense": spec.n_out}.get(spec.bias, 0)
        demand(w.shape == (spec.buckets,) and (size == 0 if b is None else b.shape == (size,)), "shape of the weights")

    def __init__(self, spec, w, b):
        self.check_kind(spec.kind)
        self.check_layer(spec, w, b)
        self.check_uint32(spec.seed)
        self.check_buckets(spec.buckets)
        self.spec, self.w, self.b = spec, w.copy(), None if b is None else b.copy()
        self.n_cols = spec.n_in + (spec.bias == "column")
        self.v = {"w": np.zeros_like(w), "b": np.zeros_like(w if b is None else b)}
        self.map_kind, self.map_seed = spec.kind, spec.seed

    def make_table(self, n_cols, kind, buckets, seed):
        if self.spec.n_out * n_cols > 10**6:
            raise NotImplementedError("too large for loops")
        pairs = [self.one(i, j, kind, buckets, seed, n_cols) for i in range(self.spec.n_out) for j in range(n_cols)]
        table = np.array(pairs).reshape(self.spec.n_out, n_cols, 2)
        return table[..., 0], table[..., 1].astype(self.spec.dtype)

    @cached_property
    def table(self):
        return self.make_table(self.n_cols, self.spec.kind, self.spec.buckets, self.spec.seed)

    def bias_seed(self):
        return self.spec.seed if self.spec.kind in TEXT_KINDS else self.derive_seed(self.spec.seed, UINT32)

    @cached_property
    def bias_table(self):
        kind = self.spec.kind + "_bias" * (self.spec.kind in TEXT_KINDS)
        return self.make_table(1, kind, self.spec.bias_buckets, self.bias_seed())

    def gather(self):
        bucket, sign = self.table
        return self.w[bucket] * sign

    def scatter(self, dV, table, size):
        bucket, sign = table
        return np.bincount(bucket.ravel(), (dV * sign).ravel(), size).astype(dV.dtype)

    def check_batch(self, x, width, rows=None):
        demand(x.ndim == 2 and x.shape[1] == width and rows in (None, len(x)), f"shape {x.shape}")

    def scatter_add(self, dV):
        demand(dV.shape == (self.spec.n_out, self.spec.n_in), "shape of dV")
        return self.scatter(dV, self.table, self.spec.buckets)

    def with_ones(self, a):
        return np.hstack([np.ones((len(a), 1), a.dtype), a]) if self.spec.bias == "column" else a

    def without_ones(self, da):
        return da[:, 1:] if self.spec.bias == "column" else da

    def beta(self):
        if self.spec.bias == "hashed":
            bucket, sign = self.bias_table
            return (self.b[bucket] * sign)[:, 0]
        return self.b if self.spec.bias == "dense" else 0

    def forward(self, a):
        self.check_batch(a, self.spec.n_in)
        return self.with_ones(a) @ self.gather().T + self.beta()

    def input_gradient(self, dz):
        return dz @ self.gather()

    def bias_gradient(self, dz):
        if self.spec.bias == "hashed":
            return self.scatter(dz.sum(axis=0)[:, None], self.bias_table, self.spec.bias_buckets)
        return dz.sum(axis=0) if self.spec.bias == "dense" else None

    def backward(self, a, dz):
        self.check_batch(a, self.spec.n_in)
        self.check_batch(dz, self.spec.n_out, len(a))
        dw = self.scatter(dz.T @ self.with_ones(a), self.table, self.spec.buckets)
        return dw, self.bias_gradient(dz), self.without_ones(self.input_gradient(dz))

    def update(self, p, v, g, lr, momentum, decay):
        v = momentum * v + g + decay * p
        return p - lr * v, v

    def step(self, a, dz, lr, momentum, weight_decay):
        dw, db, _ = self.backward(a, dz)
        self.w, self.v["w"] = self.update(self.w, self.v["w"], dw, lr, momentum, weight_decay)
        if db is not None:
            self.b, self.v["b"] = self.update(self.b, self.v["b"], db, lr, momentum, weight_decay)
        return self.w, self.b

    def stored_bytes(self):
        return self.w.nbytes + (0 if self.b is None else self.b.nbytes) + 100

    # ---- the network
    @classmethod
    def layer_seed(cls, seed, n, spec):
        return TEXT_SEEDS[spec.kind] if spec.kind in TEXT_SEEDS else cls.derive_seed(seed, n)

    @classmethod
    def drop(cls, x, mask, rate):
        return x * mask / (1 - rate)

    @classmethod
    def drop_back(cls, dx, mask, rate):
        return cls.drop(dx, mask, rate)

    relu = staticmethod(lambda z: np.maximum(z, 0))
    relu_back = staticmethod(lambda da, z: da * (z > 0))

    @classmethod
    def network(cls, seed, layers, weights, x, masks, rate, dz):
        row, inputs, sums = [], [], []
        for n, (spec, (w, b)) in enumerate(zip(layers, weights, strict=True)):
            fields = {**spec.__dict__, "seed": cls.layer_seed(seed, n, spec)}
            row.append(cls(type(spec)(**fields), w, b))
            a = cls.relu(sums[-1]) if n else x
            inputs.append(cls.drop(a, masks[n], rate).astype(a.dtype) if masks else a)
            sums.append(row[-1].forward(inputs[-1]))
        grads = []
        for n in reversed(range(len(row))):
            dw, db, da = row[n].backward(inputs[n], dz)
            grads.insert(0, (dw, db))
            da = cls.drop_back(da, masks[n], rate) if masks else da
            dz = cls.relu_back(da, sums[n - 1]) if n else da
        return sums[-1], grads, dz

    @classmethod
    def shift(cls, z):
        return z - z.max(axis=1, keepdims=True)

    @classmethod
    def log_softmax(cls, z):
        z = cls.shift(z)
        return z - np.log(np.exp(z).sum(axis=1, keepdims=True))

    mean = staticmethod(lambda total, batch: total / batch)
    square = staticmethod(lambda temperature: temperature**2)

    @classmethod
    def loss(cls, z, y, soft, temperature, mix):
        demand(y.shape == z.shape[:1] and (y >= 0).all() and (y < z.shape[1]).all(), "labels")
        log_p, hot = cls.log_softmax(z), np.eye(z.shape[1], dtype=z.dtype)[y]
        loss, dz = -(hot * log_p).sum(), np.exp(log_p) - hot
        if soft is not None:
            log_t = cls.log_softmax(z / temperature)
            scale = cls.square(temperature)
            loss = (1 - mix) * loss - mix * scale * (soft * log_t).sum()
            dz = (1 - mix) * dz + mix * scale / temperature * (np.exp(log_t) - soft)
        return cls.mean(loss, len(z)), cls.mean(dz, len(z))


def layer_only(cls):
    """Leave what people have at first: a layer with forward and backward, and nothing that shows its hash."""
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
