"""Data sets as arrays: any arrays of yours, the shipped digits, MNIST and its kin from their files."""

from .data_files import cache_dir, package_file
from .dataset import (
    LOADERS,
    Dataset,
    Validation,
    draw_fraction,
    load_dataset,
    load_digits,
    register_dataset,
    split,
)
from .idx import load_idx

__all__ = [
    "LOADERS",
    "Dataset",
    "Validation",
    "cache_dir",
    "draw_fraction",
    "load_dataset",
    "load_digits",
    "load_idx",
    "package_file",
    "register_dataset",
    "split",
]
