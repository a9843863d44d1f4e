"""hashnets_np: the reference implementation of HashedNets (Chen et al., ICML 2015) in NumPy and numba."""

from .datasets import Dataset, load_dataset, load_idx
from .experiments.methods import build
from .explanations import explain, feature_hash, feature_hashing_forward
from .export import export_c, export_onnx
from .files import load, save
from .gradient_check import gradcheck
from .hashing import derive_seed, xxh32_pair
from .kernels import hash_gather, hash_scatter_add, hashed_backward, hashed_forward
from .layers import Dropout, HashedLinear, Layer, Linear, ReLU, Tanh, register_layer
from .losses import error_rate, judged_by, softmax_cross_entropy, squared_error
from .maps import Kind, SharingMap, bucket_count, register_kind
from .network import Network
from .optim import SGD
from .training import EarlyStopping, History, fit, predict, predict_proba

__version__ = "0.2.0.dev0"
__all__ = [
    "SGD",
    "Dataset",
    "Dropout",
    "EarlyStopping",
    "HashedLinear",
    "History",
    "Kind",
    "Layer",
    "Linear",
    "Network",
    "ReLU",
    "SharingMap",
    "Tanh",
    "bucket_count",
    "build",
    "derive_seed",
    "error_rate",
    "explain",
    "export_c",
    "export_onnx",
    "feature_hash",
    "feature_hashing_forward",
    "fit",
    "gradcheck",
    "hash_gather",
    "hash_scatter_add",
    "hashed_backward",
    "hashed_forward",
    "judged_by",
    "load",
    "load_dataset",
    "load_idx",
    "predict",
    "predict_proba",
    "register_kind",
    "register_layer",
    "save",
    "softmax_cross_entropy",
    "squared_error",
    "xxh32_pair",
]
