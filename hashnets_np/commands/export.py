"""Write a model file as one C file (net.c) with its header (net.h), or as an ONNX model (net.onnx)."""

import argparse
from pathlib import Path
from typing import Literal

from ..datasets import Dataset, load_dataset
from ..export import export_c, export_onnx
from ..export.c_file import rounded_network
from ..files import load
from ..losses import error_rate
from ..network import Network
from ..training import predict
from . import a_folder, some_text

HELP = "write a model file as C or ONNX, to run it without Python"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(execute=export_network)
    parser.add_argument("model", help="a .safetensors file that hashnets_np.save wrote")
    parser.add_argument("output", help="the file to write: net.c (and net.h beside it) or net.onnx")
    parser.add_argument("--int8", action="store_true", help="C: round weights to one byte each")
    parser.add_argument("--expanded", action="store_true", help="ONNX: store V instead of computing it in the graph")
    parser.add_argument("--data", type=some_text,
                        help="C: test on this data set, and take the inputs of the self-test from it")
    parser.add_argument("--data-dir", type=a_folder, help="folder of the data, if it is not shipped or in the cache")


def export_network(args: argparse.Namespace) -> int:
    """Write the file and print what it needs."""
    net = load(args.model)
    if Path(args.output).suffix == ".onnx":
        check_options(args, ("int8", "data", "data_dir"), "C")
        return run_onnx(net, args)
    check_options(args, ("expanded",), "ONNX")
    if args.data_dir and not args.data:
        raise ValueError("--data-dir is for --data, which is missing")
    weights: Literal["float32", "int8"] = "int8" if args.int8 else "float32"
    if not args.data:
        print(export_c(net, Path(args.output), weights=weights))
        return 0
    data = load_dataset(args.data, args.data_dir)
    exported = rounded_network(net, weights)
    errors = error_on_test_set(exported, data), error_on_test_set(net, data)  # first: they may not fit together
    print(export_c(net, Path(args.output), weights=weights, inputs=data.x_test))
    print(f"test error on {data.name}: {errors[0]}; before the export: {errors[1]}")
    return 0


def run_onnx(net: Network, args: argparse.Namespace) -> int:
    """Write an ONNX model and print its size."""
    try:
        print(export_onnx(net, args.output, weights="expanded" if args.expanded else "hashed"))
    except ImportError as error:
        raise ValueError(str(error)) from error
    return 0


def check_options(args: argparse.Namespace, names: tuple[str, ...], language: str) -> None:
    """Reject options that mean nothing for this kind of file."""
    for name in names:
        if getattr(args, name):
            raise ValueError(f"--{name.replace('_', '-')} is for {language}, but the file is {args.output}")


def error_on_test_set(net: Network, data: Dataset) -> str:
    """Compute the error rate on the test set, for printing."""
    return f"{error_rate(predict(net, data.x_test), data.y_test):.2f} %"
