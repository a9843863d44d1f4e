"""Layers with hand-written forward and backward passes: hashed, dense, activations, dropout.

Read `hashed` first. Not covered here: the fixed-mask and low-rank baselines (`experiments/baselines.py`).
"""

from .activations import ACTIVATIONS, ReLU, Tanh
from .base import LAYERS, Layer, check_dtype, check_params, fresh_seed, register_layer
from .dense import Linear
from .dropout import Dropout
from .hashed import HashedLinear, hashed_bias_map, weight_map
from .initial import check_sizes, initial_bias, initial_weights

__all__ = [
    "ACTIVATIONS",
    "LAYERS",
    "Dropout",
    "HashedLinear",
    "Layer",
    "Linear",
    "ReLU",
    "Tanh",
    "check_dtype",
    "check_params",
    "check_sizes",
    "fresh_seed",
    "hashed_bias_map",
    "initial_bias",
    "initial_weights",
    "register_layer",
    "weight_map",
]
