"""Checks of the exercises, one function for each task, with the package's kernels and gradient check as oracles.

Each takes what the reader wrote, tries it on examples with repeated buckets and both signs, and either prints one line
or raises `NotYet` (see `marking`), which a notebook shows as one line. Known wrong answers are recognised and named.
Left out: open questions, which nobody can mark but people.
"""

from .accuracy import difference_in_errors, equal_size_width, standard_error, wins
from .gradient import gather, input_gradient, layer_gradients, scatter_add, slope, tied_gradient
from .hash_functions import avalanche, balanced_map, bucket_and_sign, count_buckets, used_once
from .hashing_trick import features_view, figure_1, hashed_features, mean_without_signs, variance_with_signs
from .training import best_epoch, inverted_dropout, momentum_step, occupancy_layer, permutation_map

__all__ = [
    "avalanche",
    "balanced_map",
    "best_epoch",
    "bucket_and_sign",
    "count_buckets",
    "difference_in_errors",
    "equal_size_width",
    "features_view",
    "figure_1",
    "gather",
    "hashed_features",
    "input_gradient",
    "inverted_dropout",
    "layer_gradients",
    "mean_without_signs",
    "momentum_step",
    "occupancy_layer",
    "permutation_map",
    "scatter_add",
    "slope",
    "standard_error",
    "tied_gradient",
    "used_once",
    "variance_with_signs",
    "wins",
]
