"""Data sets as arrays: your own arrays, the shipped digits, and MNIST and its relatives from their files."""

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
