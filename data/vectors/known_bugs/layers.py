"""Bugs of a layer: forward, gradients, precision and bias."""

from fractions import Fraction
from math import frexp

from specification import Right

from .maps import SignIgnored
from .rounding import float32


def rows(matrix):
    """Index the rows and columns of a matrix."""
    return [(i, j) for i in range(len(matrix)) for j in range(len(matrix[0]))]


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
