"""A right layer, written apart from the package, as somebody might write it from SPEC.md.

It needs NumPy and the reference hash library alone, and has a method for each thing that can be got wrong.
"""

import re
import struct
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import ClassVar

import numpy as np
import xxhash

from hashnets_np.conformance import Adapter, NotCovered

TEXT_SEEDS = {"authors2015": 1691, "pytorch2019": 2, "keras": 2}
TEXT_KINDS = (*TEXT_SEEDS, "authors2015_bias", "pytorch2019_bias")
DEFAULT_SIZES = {"chunk": 16, "tile": 32}
NEWER_KINDS = ("fold", *DEFAULT_SIZES)
OTHER_KINDS = (*TEXT_SEEDS, *NEWER_KINDS)  # than xxhash, of layers
UINT32 = 2**32 - 1
GRAMMAR = r"[0-9]+/[0-9]+|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"


def demand(condition, message):
    if not condition:
        raise ValueError(message)


class Right(Adapter):
    kinds: ClassVar[tuple[str, ...]] = ("xxhash", *NEWER_KINDS, *TEXT_KINDS)

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
    def one(cls, i, j, kind, buckets, seed, n_cols=None, size=None):
        if kind == "xxhash":
            return cls.split(cls.hash_pair(i, j, seed, n_cols), buckets)
        if kind == "fold":
            fold, inside = divmod(i * n_cols + j, buckets)
            shift = cls.hash_pair(fold >> 32, fold & UINT32, seed, n_cols) >> 1
            return (inside + shift) % buckets, -1 if cls.hash_pair(i, j, seed, n_cols) & 1 else 1
        if kind in NEWER_KINDS:
            height = size if kind == "tile" else 1
            x = cls.hash_pair(i // height, j // size, seed, n_cols)
            return ((x >> 1) + i % height * size + j % size) % buckets, -1 if x & 1 else 1
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
        demand(kind in ("xxhash", *NEWER_KINDS, *TEXT_KINDS), "unknown kind")

    @staticmethod
    def check_size(kind, size):
        demand(size is None or (kind in DEFAULT_SIZES and 1 <= size <= 2**15), "size of the pieces")
        return DEFAULT_SIZES.get(kind) if size is None else size

    @classmethod
    def bucket_sign(cls, i, j, kind, buckets, seed, n_out=2**32, n_cols=2**32, size=None):
        cls.check_kind(kind)
        size = cls.check_size(kind, size)
        demand(max(i.tolist()) < n_out and max(j.tolist()) < n_cols, "outside V")
        cls.check_uint32(seed, *i.tolist(), *j.tolist())
        cls.check_buckets(buckets)
        more = (n_cols, size) if kind in NEWER_KINDS else ()
        pairs = [cls.one(int(x), int(y), kind, buckets, seed, *more) for x, y in zip(i, j, strict=True)]
        return [k for k, _ in pairs], [s for _, s in pairs]

    # ---- sizes and seeds
    @classmethod
    def count(cls, c, n):
        return max(1, ceil(cls.exact(c) * n))

    @staticmethod
    def exact(c):
        demand(re.fullmatch(GRAMMAR, str(c)), f"{c!r} is no compression")
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
        self.size = self.check_size(spec.kind, spec.size)
        self.spec, self.w, self.b = spec, w.copy(), None if b is None else b.copy()
        self.n_cols = spec.n_in + (spec.bias == "column")
        self.v = {"w": np.zeros_like(w), "b": np.zeros_like(w if b is None else b)}
        self.map_kind, self.map_seed = spec.kind, spec.seed
        self.sum = None

    def make_table(self, n_cols, kind, buckets, seed):
        if self.spec.n_out * n_cols > 10**6:
            raise NotCovered("too large for loops")
        more = (n_cols, self.size)
        pairs = [self.one(i, j, kind, buckets, seed, *more) for i in range(self.spec.n_out) for j in range(n_cols)]
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
        self.sum = dw, self.bias_gradient(dz)
        return (*self.sum, self.without_ones(self.input_gradient(dz)))

    def accumulate(self, a, dz):
        before = self.sum or (0, 0)
        dw, db, da = self.backward(a, dz)
        self.sum = dw + before[0], None if db is None else db + before[1]
        return (*self.sum, da)

    def set_weights(self, w, b):
        self.check_shapes(self.spec, w, b)
        self.w, self.b = w.copy(), None if b is None else b.copy()

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
        # NumPy 1 makes a float64 of a float32 and a Python number
        return z.dtype.type(cls.mean(loss, len(z))), cls.mean(dz, len(z))
