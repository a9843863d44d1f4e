"""Checks of the exercises, one function for each task, with the package's kernels and gradient check as oracles.

Each takes what the reader wrote, tries it on examples with repeated buckets and both signs, and either prints one line
or raises `NotYet` (see `marking`), which a notebook shows as one line. Known wrong answers are recognised and named.
Not covered here: open questions, which only people can mark.
"""

from .accuracy import (
    claim_verdict,
    difference_in_errors,
    equal_size_width,
    paired_errors,
    standard_error,
    wins,
)
from .better_maps import chunk_map, fold_map, lines_touched, load_variance, two_places
from .few_bytes import best_scale, entropy_bits, gaps_of_places, packed_pairs, pruned_bits
from .gradient import gather, input_gradient, layer_gradients, scatter_add, slope, tied_gradient
from .hash_functions import (
    avalanche,
    balanced_map,
    bucket_and_sign,
    count_buckets,
    equal_hashes,
    undo_avalanche,
    used_once,
)
from .hashing_trick import features_view, figure_1, hashed_features, mean_without_signs, variance_with_signs
from .kernels import chunked_scatter, division_by_multiplication, table_bytes, tiled_forward
from .ladder import RUNGS, rung
from .puzzles import puzzle
from .rivals import convolution_matrix, dark_gradient, low_rank_gradient, sharing_matrix, units_without_edges
from .training import best_epoch, inverted_dropout, momentum_step, occupancy_layer, permutation_map
from .why import (
    bias_and_variance,
    half_lost,
    hashed_kernel,
    lost_share,
    noise_of_length,
    projected_weights,
    weights_needed,
)
from .words import hashed_pairs, hashed_text, least_buckets, without_accidents, word_gradient

__all__ = [
    "RUNGS",
    "avalanche",
    "balanced_map",
    "best_epoch",
    "best_scale",
    "bias_and_variance",
    "bucket_and_sign",
    "chunk_map",
    "chunked_scatter",
    "claim_verdict",
    "convolution_matrix",
    "count_buckets",
    "dark_gradient",
    "difference_in_errors",
    "division_by_multiplication",
    "entropy_bits",
    "equal_hashes",
    "equal_size_width",
    "features_view",
    "figure_1",
    "fold_map",
    "gaps_of_places",
    "gather",
    "half_lost",
    "hashed_features",
    "hashed_kernel",
    "hashed_pairs",
    "hashed_text",
    "input_gradient",
    "inverted_dropout",
    "layer_gradients",
    "least_buckets",
    "lines_touched",
    "load_variance",
    "lost_share",
    "low_rank_gradient",
    "mean_without_signs",
    "momentum_step",
    "noise_of_length",
    "occupancy_layer",
    "packed_pairs",
    "paired_errors",
    "permutation_map",
    "projected_weights",
    "pruned_bits",
    "puzzle",
    "rung",
    "scatter_add",
    "sharing_matrix",
    "slope",
    "standard_error",
    "table_bytes",
    "tied_gradient",
    "tiled_forward",
    "two_places",
    "undo_avalanche",
    "units_without_edges",
    "used_once",
    "variance_with_signs",
    "weights_needed",
    "wins",
    "without_accidents",
    "word_gradient",
]
