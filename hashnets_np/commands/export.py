"""Write a model file as one C file (net.c) with its header (net.h)."""

import argparse
from pathlib import Path

import numpy as np

from ..datasets import Dataset, load_dataset
from ..export import export_c, quantize
from ..files import load
from ..losses import error_rate
from ..network import Network
from ..training import predict

HELP = "write a model file as C, to run it without Python"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", help="a .safetensors file that hashnets_np.save wrote")
    parser.add_argument("output", help="the file to write: net.c (net.h is written beside it)")
    parser.add_argument("--int8", action="store_true", help="round weights to one byte each")
    parser.add_argument("--data", help="test on this data set, and take the inputs of the self-test from it")
    parser.add_argument("--data-dir", help="folder of the data set, if it is not shipped or in the cache")


def run(args: argparse.Namespace) -> int:
    """Write the file and print what it needs."""
    net = load(args.model)
    data = load_dataset(args.data, args.data_dir) if args.data else None
    inputs = data.x_test if data else None
    print(export_c(net, Path(args.output), weights="int8" if args.int8 else "float32", inputs=inputs))
    if data:
        exported = quantize(net) if args.int8 else net.astype(np.float32)
        before = error_on_test_set(net, data)
        print(f"test error on {data.name}: {error_on_test_set(exported, data)}; before the export: {before}")
    return 0


def error_on_test_set(net: Network, data: Dataset) -> str:
    """Compute the error rate on the test set, for printing."""
    return f"{error_rate(predict(net, data.x_test), data.y_test):.2f} %"
