"""Bugs of the numbers of buckets and of the seeds of layers."""

from fractions import Fraction
from math import ceil, floor

from specification import MASK, TEXT_SEEDS, Right


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
