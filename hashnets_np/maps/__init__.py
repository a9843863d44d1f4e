"""Sharing maps: which real weight, and which sign, virtual weight (i, j) uses. One file per kind."""

from . import fold, pieces, text, xxhash  # they register their kinds
from .compression import bucket_count, exact_fraction
from .kind import BIASES, BUILT_IN, KINDS, Bias, BucketArray, Kind, Lines, Rule, SignArray, find_kind, register_kind
from .sharing_map import MAX_BUCKETS, SharingMap, allowed_biases

BUILT_IN.update(KINDS)

__all__ = [
    "BIASES",
    "KINDS",
    "MAX_BUCKETS",
    "Bias",
    "BucketArray",
    "Kind",
    "Lines",
    "Rule",
    "SharingMap",
    "SignArray",
    "allowed_biases",
    "bucket_count",
    "exact_fraction",
    "find_kind",
    "fold",
    "pieces",
    "register_kind",
    "text",
    "xxhash",
]
