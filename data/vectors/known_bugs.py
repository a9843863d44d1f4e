"""The known bugs: each overrides what it gets wrong of the specification.

The class's name (or `name`) is the flag in vectors.json, its docstring the explanation; bugs that come in several
variants share a name. A case is worked out by `Right` and by every bug; where a bug's answer differs, the case catches
it, and the wrong answer is kept beside the right one, so that a checker can name the bug. All were seen in public code,
or are what a careful reader of the paper may come to.
"""

import struct
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, frexp

import xxhash
from specification import MASK, TEXT_SEEDS, Right, le32


def float32(x):
    """Round to the nearest float32, exactly."""
    return Fraction(struct.unpack("<f", struct.pack("<f", float(x)))[0])


def signed(x):
    """Read 32 bits as a two's complement number."""
    return x - 2**32 if x >= 2**31 else x


def rows(matrix):
    """Index the rows and columns of a matrix."""
    return [(i, j) for i in range(len(matrix)) for j in range(len(matrix[0]))]


# ------------------------------------------------------------------------------------------ known bugs: hash and map


class ShortKey(Right):
    """Only 4 bytes of the key reach the hash (a length in elements, not bytes): rows or columns share weights."""

    def key(self, i, j, n_cols=None):
        return le32(i)


class ShortKeyColumn(ShortKey):
    name = "ShortKey"

    def key(self, i, j, n_cols=None):
        return le32(j)


class TransposedKey(Right):
    """The key holds (j, i), input first, where the specification says (i, j)."""

    def key(self, i, j, n_cols=None):
        return le32(j) + le32(i)

    def text_keys(self, kind, i, j):
        return super().text_keys(kind, *((i, j) if kind.endswith("_bias") else (j, i)))


class OneBased(Right):
    """Indices in the key count from 1 where the specification counts from 0."""

    def base(self, kind):
        return 1

    def key(self, i, j, n_cols=None):
        return le32(i + 1) + le32(j + 1)


class OneBasedMapOnly(OneBased):
    name = "OneBased"

    def derive(self, seed, n):
        return Right().derive(seed, n)


class ZeroBased(Right):
    """Indices in the key count from 0 where the kind (authors2015) counts from 1."""

    def base(self, kind):
        return 0


class BigEndianKey(Right):
    """The integers of the key are stored most significant byte first."""

    def key(self, i, j, n_cols=None):
        return struct.pack(">II", i, j)


class WideKey(Right):
    """The key is made of 64-bit integers (an int64 array's bytes): 16 bytes instead of 8."""

    def key(self, i, j, n_cols=None):
        return struct.pack("<QQ", i, j)


class FlatKey(Right):
    """The key is the flat position i * n_cols + j instead of the pair (i, j)."""

    def key(self, i, j, n_cols=None):
        return struct.pack("<Q", i * n_cols + j) if n_cols else super().key(i, j)


class FlatKey32(FlatKey):
    name = "FlatKey"

    def key(self, i, j, n_cols=None):
        return le32(i * n_cols + j) if n_cols else Right.key(self, i, j)


class Float32Index(Right):
    """Indices pass through float32, which can't tell neighbours apart beyond 2**24."""

    def key(self, i, j, n_cols=None):
        return le32(int(float32(i))) + le32(int(float32(j)))


class Float32Bucket(Right):
    name = "Float32Index"

    def split(self, x, buckets):
        return min(int(float32((x >> 1) % buckets)), buckets - 1), -1 if x & 1 else 1


class SeedIgnored(Right):
    """The seed never reaches the hash (0, or the kind's default, is used for every seed)."""

    def hash_key(self, key, seed):
        return super().hash_key(key, 0)


class SeedAsFlag(Right):
    """The seed was passed in the place of the on/off switch of the sign: seed 0 turns signs off, others are ignored."""

    def hash_key(self, key, seed):
        return super().hash_key(key, 0)

    def bucket_sign(self, m, i, j):
        bucket, sign = super().bucket_sign(m, i, j)
        return bucket, sign if m["seed"] else 1


class Hash64(Right):
    """XXH64 is used where the specification says XXH32."""

    def hash_key(self, key, seed):
        return xxhash.xxh64(key, seed=seed).intdigest() & MASK


class Hash64Whole(Hash64):
    name = "Hash64"

    def hash_key(self, key, seed):
        return xxhash.xxh64(key, seed=seed).intdigest()


class SignedHash(Right):
    """The hash is held in a signed 32-bit integer, so half of all hashes are negative before the modulo."""

    def hash_key(self, key, seed):
        return signed(super().hash_key(key, seed))


class SignedHashAbs(SignedHash):
    name = "SignedHash"

    def split(self, x, buckets):
        return abs(signed(x) >> 1) % buckets, -1 if x & 1 else 1

    def hash_key(self, key, seed):
        return Right.hash_key(self, key, seed)


class StripesSkipped(Right):
    """XXH32 of keys of 16 bytes and more lacks the 16-byte stripe loop."""

    def hash_key(self, key, seed):
        rotate = lambda x, r: ((x << r) | (x >> (32 - r))) & MASK  # noqa: E731
        p1, p2, p3, p4, p5 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1
        h, at = (seed + p5 + len(key)) & MASK, 0
        while at + 4 <= len(key):
            h = rotate((h + int.from_bytes(key[at : at + 4], "little") * p3) & MASK, 17) * p4 & MASK
            at += 4
        for byte in key[at:]:
            h = rotate((h + byte * p5) & MASK, 11) * p1 & MASK
        h = (h ^ h >> 15) * p2 & MASK
        h = (h ^ h >> 13) * p3 & MASK
        return h ^ h >> 16


class SharedBits(Right):
    """The bucket is hash mod K, so it shares bit 0 with the sign: for even K all weights of a bucket have one sign."""

    def split(self, x, buckets):
        return x % buckets, -1 if x & 1 else 1


class SignIgnored(Right):
    """No sign: every virtual weight is +w."""

    def bucket_sign(self, m, i, j):
        return super().bucket_sign(m, i, j)[0], 1


class SignFlipped(Right):
    """The sign is the other way round: +1 where the specification says -1."""

    def bucket_sign(self, m, i, j):
        bucket, sign = super().bucket_sign(m, i, j)
        return bucket, sign if m["kind"] == "keras" else -sign


class SignZeroOne(Right):
    """The sign bit is used as a factor 0 or 1 instead of +1 or -1."""

    def bucket_sign(self, m, i, j):
        bucket, sign = super().bucket_sign(m, i, j)
        return bucket, max(sign, 0)


class SignKeyShared(Right):
    """Compatibility kinds: the sign is taken from the index key's hash instead of the sign key's."""

    def text_keys(self, kind, i, j):
        index_key, sign_key = super().text_keys(kind, i, j)
        return index_key, sign_key and index_key


class LastBucket(Right):
    """The bucket is taken modulo K - 1: the last bucket is never drawn."""

    def bucket_sign(self, m, i, j):
        return super().bucket_sign({**m, "buckets": max(1, m["buckets"] - 1)}, i, j)


class OneBasedBucket(Right):
    """The bucket is one too high (1-based), the last one wrapped to 0."""

    def bucket_sign(self, m, i, j):
        bucket, sign = super().bucket_sign(m, i, j)
        return (bucket + 1) % m["buckets"], sign


class OtherKind(Right):
    """The map is of another kind than asked for."""

    instead = "authors2015"

    def bucket_sign(self, m, i, j):
        bias = "_bias" if m["kind"].endswith("_bias") and self.instead in ("authors2015", "pytorch2019") else ""
        return super().bucket_sign({**m, "kind": self.instead + bias}, i, j)


class OtherKindPytorch(OtherKind):
    name, instead = "OtherKind", "pytorch2019"


class OtherKindKeras(OtherKind):
    name, instead = "OtherKind", "keras"


class OtherKindXxhash(OtherKind):
    name, instead = "OtherKind", "xxhash"


class KeyText(Right):
    """The text of the key differs: authors2015 without its i, i+1, i+2 triples, or pytorch2019 with them."""

    def text_keys(self, kind, i, j):
        i, j = i + self.base(kind), j + self.base(kind)
        i3, j3 = f"{i}{i + 1}{i + 2}", f"{j}{j + 1}{j + 2}"
        keys = {
            "authors2015": (f"{i}_{j}idxW", f"{i}_{j}xi_W"),
            "authors2015_bias": (f"{i}_1idxB", f"{i}_1xi_B"),
            "pytorch2019": (f"{i3}_{j3}idxW", f"{i3}_{j3}xiW"),
            "pytorch2019_bias": (f"{i3}_0idxB", f"{i3}_0xiB"),
        }
        return keys.get(kind) or super().text_keys(kind, i, j)


# ------------------------------------------------------------------------------- known bugs: bucket counts and seeds


class CompressionFloor(Right):
    """K is rounded down (truncated) instead of up."""

    def buckets(self, c, n):
        return max(1, floor(Fraction(str(c)) * n))


class CompressionRound(Right):
    """K is rounded to the nearest integer instead of up."""

    def buckets(self, c, n):
        return max(1, round(Fraction(str(c)) * n))


class CompressionFloat(Right):
    """K is computed in floating point, which rounds c * n up across an integer (or down onto one)."""

    def buckets(self, c, n):
        return max(1, ceil(float(Fraction(str(c))) * n))


class CompressionBinary(Right):
    """A decimal compression is taken as its binary approximation: 0.1 of 100 becomes 11."""

    def buckets(self, c, n):
        return max(1, ceil(Fraction(float(Fraction(str(c)))) * n))


class CompressionPerRow(Right):
    """K is rounded up per output unit and multiplied by n_out, instead of once for the layer."""

    def bucket_counts(self, c, n_in, n_out, bias):
        K_b = super().bucket_counts(c, n_in, n_out, bias)[1]
        return n_out * self.buckets(c, n_in + (bias == "column")), K_b


class BiasColumnUncounted(Right):
    """K of a layer with a bias column is computed from n_in columns instead of n_in + 1."""

    def bucket_counts(self, c, n_in, n_out, bias):
        return self.buckets(c, n_out * n_in), super().bucket_counts(c, n_in, n_out, bias)[1]


class SharedLayerHash(Right):
    """All layers of a network use one seed, so layers of equal shape share one map."""

    def layer_seed(self, seed, layer, kind):
        return TEXT_SEEDS[kind] if kind in TEXT_SEEDS else seed


class SharedLayerHashFirst(SharedLayerHash):
    name = "SharedLayerHash"

    def layer_seed(self, seed, layer, kind):
        return super(SharedLayerHash, self).layer_seed(seed, 0, kind)


class SeedAdded(Right):
    """Derived seeds are seed + n instead of a hash of the two, so networks 1 and 2 share most of their maps."""

    def derive(self, seed, n):
        return (seed + n) & MASK


class BiasSeedShared(Right):
    """The map of a hashed bias uses the layer's seed instead of the derived one."""

    def bias_seed(self, layer):
        return layer["seed"]


# ------------------------------------------------------------------------------------ known bugs: forward and backward


class GradientMean(Right):
    """The gradient of a real weight is the mean over its virtual weights instead of the sum."""

    def scatter_add(self, m, dV):
        load = [0] * m["buckets"]
        for row in self.table(m):
            for k, _ in row:
                load[k] += 1
        return [g / max(n, 1) for g, n in zip(super().scatter_add(m, dV), load, strict=True)]


class DuplicateDropped(Right):
    """Fancy `dw[bucket] += x` keeps one of the virtual weights of a bucket (the last) and drops the others."""

    def scatter_add(self, m, dV):
        dw = [Fraction(0)] * m["buckets"]
        for i, row in enumerate(self.table(m)):
            for j, (k, s) in enumerate(row):
                dw[k] = dV[i][j] * s
        return dw


class GradientSignMissing(Right):
    """The gradient of the real weights lacks the sign."""

    def scatter_add(self, m, dV):
        dw = [Fraction(0)] * m["buckets"]
        for i, j in rows(dV):
            dw[self.bucket_sign(m, i, j)[0]] += dV[i][j]
        return dw


class InputGradientUnsigned(Right):
    """The gradient of the input uses w without the sign."""

    def input_gradient(self, layer, w, dz):
        return SignIgnored().input_gradient(layer, w, dz)


class InputGradientTransposed(Right):
    """The gradient of the input multiplies by V transposed; it runs only where V is square."""

    def input_gradient(self, layer, w, dz):
        V = self.gather(self.map(layer), w)
        if len(V) != len(V[0]):
            return super().input_gradient(layer, w, dz)
        return [[sum((V[j][i] * d[i] for i in range(len(V))), Fraction(0)) for j in range(len(V))] for d in dz]


class BatchAveraged(Right):
    """The layer divides the gradients of its weights by the batch size; the loss has done so already."""

    def parameter_gradients(self, layer, a, dz, calls=1):
        g = super().parameter_gradients(layer, a, dz)
        g["dw"] = [x / max(1, len(dz)) for x in g["dw"]]
        g["db"] = g["db"] and [x / max(1, len(dz)) for x in g["db"]]
        return g


class GradientAccumulated(Right):
    """A second call of backward adds to the gradients of the first instead of replacing them."""

    def parameter_gradients(self, layer, a, dz, calls=1):
        g = super().parameter_gradients(layer, a, dz)
        return {**g, "dw": [calls * x for x in g["dw"]], "db": g["db"] and [calls * x for x in g["db"]]}


class Float32Math(Right):
    """A float64 layer computes in float32."""

    def forward(self, layer, w, b, a):
        return super().forward(layer, [*map(float32, w)], b and [*map(float32, b)], [[*map(float32, r)] for r in a])

    def parameter_gradients(self, layer, a, dz, calls=1):
        a, dz = ([[*map(float32, row)] for row in matrix] for matrix in (a, dz))
        return super().parameter_gradients(layer, a, dz)

    def input_gradient(self, layer, w, dz):
        return super().input_gradient(layer, [*map(float32, w)], [[*map(float32, row)] for row in dz])


class ReducedPrecision(Right):
    """Factors are rounded to TF32 or bfloat16 before they are multiplied, some frameworks' default on a GPU or TPU."""

    bits = 11  # of TF32's significand

    def round(self, x):
        """Round a float32 to the nearest with so many bits; what is no float32 is left alone."""
        if x == 0 or x != float32(x):
            return x
        unit = Fraction(2) ** (frexp(x)[1] - self.bits)
        return round(x / unit) * unit

    def round_rows(self, matrix):
        return [[*map(self.round, row)] for row in matrix]

    def forward(self, layer, w, b, a):
        return super().forward(layer, [*map(self.round, w)], b, self.round_rows(a))

    def weight_gradient(self, layer, a, dz):
        return super().weight_gradient(layer, self.round_rows(a), self.round_rows(dz))

    def input_gradient(self, layer, w, dz):
        return super().input_gradient(layer, [*map(self.round, w)], self.round_rows(dz))


class ReducedPrecisionCut(ReducedPrecision):
    name = "ReducedPrecision"

    def round(self, x):
        """Cut the bits off."""
        unit = Fraction(2) ** (frexp(x)[1] - self.bits)
        return int(x / unit) * unit if x == float32(x) else x


class ReducedPrecisionBfloat16(ReducedPrecision):
    name, bits = "ReducedPrecision", 8


class BiasIgnored(Right):
    """The bias takes no part in the forward pass."""

    def bias(self, layer, b):
        return [Fraction(0)] * layer["n_out"]

    def forward(self, layer, w, b, a):
        if layer["bias"] == "column":
            V = self.gather(self.map(layer), w)
            return [[sum(v * x for v, x in zip(V_row[1:], row, strict=True)) for V_row in V] for row in a]
        return super().forward(layer, w, b, a)


class BiasNotHashed(Right):
    """A hashed bias is read as if it were dense: b[i mod K_b], without hash and sign."""

    def bias(self, layer, b):
        return [b[i % len(b)] for i in range(layer["n_out"])] if layer["bias"] == "hashed" else super().bias(layer, b)

    def bias_gradient(self, layer, dz):
        if layer["bias"] != "hashed":
            return super().bias_gradient(layer, dz)
        db = [Fraction(0)] * layer["bias_buckets"]
        for d in dz:
            for i, x in enumerate(d):
                db[i % len(db)] += x
        return db

    def bucket_counts(self, c, n_in, n_out, bias):
        K, K_b = super().bucket_counts(c, n_in, n_out, bias)
        return K, n_out if bias == "hashed" else K_b


class BiasSignIgnored(Right):
    """A hashed bias is used without its sign."""

    def bucket_sign(self, m, i, j):
        bucket, sign = super().bucket_sign(m, i, j)
        return bucket, 1 if m.get("bias") else sign

    def bias_map(self, layer):
        return {**super().bias_map(layer), "bias": True}


class BiasColumnLast(Right):
    """The constant input of the bias column comes last (column n_in) instead of first (column 0)."""

    def with_ones(self, layer, a):
        return [[*row, Fraction(1)] for row in a] if layer["bias"] == "column" else a

    def without_ones(self, layer, da):
        return [row[:-1] for row in da] if layer["bias"] == "column" else da


# -------------------------------------------------------------------------- known bugs: network, dropout, loss, update


class ReluMissing(Right):
    """No ReLU between the layers."""

    def relu(self, z):
        return z

    def relu_gradient(self, z, da):
        return da


class ReluGradientMissing(Right):
    """The backward pass goes through ReLU as if it were the identity."""

    def relu_gradient(self, z, da):
        return da


class DropoutNotInverted(Right):
    """Dropout doesn't divide what it keeps by 1 - rate."""

    def drop(self, x, mask, rate):
        return super().drop(x, mask, Fraction(0))


class DropoutMaskInverted(Right):
    """Mask value 1 drops a unit instead of keeping it."""

    def drop(self, x, mask, rate):
        return super().drop(x, [[1 - k for k in row] for row in mask], rate)


class DropoutGradientMissing(Right):
    """The backward pass goes through dropout as if it were the identity."""

    def drop_gradient(self, dx, mask, rate):
        return dx


class LossSummed(Right):
    """Loss and gradient are sums over the mini-batch instead of means."""

    def average(self, losses):
        return sum(losses)

    def average_gradient(self, dz):
        return dz


class LossGradientSummed(Right):
    """The loss is a mean over the mini-batch, its gradient is not."""

    def average_gradient(self, dz):
        return dz


class TemperatureIgnored(Right):
    """The soft targets are compared at temperature 1."""

    def loss(self, z, y, soft, temperature, mix):
        return super().loss(z, y, soft, Decimal(1), mix)


class TemperatureNotSquared(Right):
    """The soft part of the loss isn't multiplied by the temperature squared."""

    def mixed(self, hard, soft, temperature, mix):
        return super().mixed(hard, soft, 1, mix)


class MixSwapped(Right):
    """mix weighs the hard labels instead of the soft targets."""

    def mixed(self, hard, soft, temperature, mix):
        return super().mixed(hard, soft, temperature, 1 - mix)


class UnstableSoftmax(Right):
    """exp overflows because the largest logit isn't subtracted first."""

    def loss(self, z, y, soft, temperature, mix):
        right = super().loss(z, y, soft, temperature, mix)
        return {"loss": "not finite"} if max(map(max, z)) > 800 else right


class NotTrained(Right):
    """The layer has no trainable variables: steps change nothing."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        return w, v


class MomentumDampened(Right):
    """v = mu v + (1 - mu) g (dampened, as in an old Torch) instead of v = mu v + g."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        return super().update(w, v, (1 - momentum) * g, lr, momentum, (1 - momentum) * weight_decay)


class MomentumIgnored(Right):
    """Momentum has no effect."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        return super().update(w, v, g, lr, Fraction(0), weight_decay)


class MomentumNesterov(Right):
    """Nesterov's momentum instead of the classical one."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        v = momentum * v + g + weight_decay * w
        return w - lr * (g + weight_decay * w + momentum * v), v


class LearningRateInVelocity(Right):
    """The learning rate is applied inside the velocity (v = mu v + lr g), which differs once it changes."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        v = momentum * v + lr * (g + weight_decay * w)
        return w - v, v


class WeightDecayIgnored(Right):
    """Weight decay has no effect."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        return super().update(w, v, g, lr, momentum, Fraction(0))


class WeightDecayDecoupled(Right):
    """Weight decay acts on the weights directly (as in AdamW) instead of through the gradient and momentum."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        v = momentum * v + g
        return w - lr * v - lr * weight_decay * w, v


FOUND_BY_CHECKER = {
    "CheckpointHoldsMap": "What the layer saves is larger than its real weights: the map (or V) is saved too.",
    "InputOverwritten": "The layer writes into an array that it was given.",
    "BiasUnchecked": "A bias that the kind doesn't have, or an unknown one, is accepted.",
    "CompressionUnchecked": "A compression outside (0, 1], or one that is no number, is accepted.",
    "KindUnchecked": "An unknown kind of map is accepted.",
    "RangeUnchecked": "A seed, index or number of buckets outside its range is accepted, and wraps or truncates.",
    "ShapeUnchecked": "Arrays whose shapes don't fit the layer are accepted, and broadcast or cut.",
}


def subclasses(cls):
    """All classes below a class, in the order in which they were written."""
    return [c for child in cls.__subclasses__() for c in (child, *subclasses(child))]


def find_bugs():
    """All bugs; each also in a variant that derives its seeds rightly (the bug sits in the map only)."""
    bugs = []
    for bug in (c for c in subclasses(Right) if c.__module__ == __name__):
        bug.name = bug.__dict__.get("name") or bug.__name__
        right_seeds = {"derive": lambda self, seed, n: Right().derive(seed, n), "name": bug.name, "__doc__": None}
        bugs += [bug, type(bug.name, (bug,), right_seeds)]
    return bugs


def overridden(bug):
    """Names of what a bug overrides."""
    below = [c for c in bug.__mro__ if issubclass(c, Right) and c is not Right]
    return {name for c in below for name in c.__dict__ if name[0] != "_"}


def explain_flags(bugs):
    """Flag -> explanation."""
    return {bug.name: " ".join((bug.__doc__ or "").split()) for bug in bugs if bug.__doc__} | FOUND_BY_CHECKER
