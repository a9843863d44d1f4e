"""Train one network, choose its best epoch on the validation split, and evaluate it once on the test set.

Exit code 1, and no file: the loss blew up.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from ..datasets import LOADERS, Dataset, load_dataset
from ..experiments.methods import METHODS, build
from ..files import save
from ..network import Network
from ..optim import SCHEDULES, SGD
from ..training import History, fit

HELP = "train one network and save it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("--data", default="digits", choices=list(LOADERS), help="data set (default: %(default)s)")
    add("--data-dir", help="where to look for its files first")
    add("--method", default="hashnet", choices=[m.name for m in METHODS.values() if m.maker],
        help="(default: %(default)s)")
    add("--compression", default="1/8", help="real / virtual weights (default: %(default)s)")
    add("--widths", default="", help="units per layer, e.g. 784-1000-10 (default: one hidden layer of 1000)")
    add("--epochs", type=int, default=60, help="(default: %(default)s)")
    add("--batch-size", type=int, default=50, help="(default: %(default)s)")
    add("--learning-rate", type=float, default=0.1, help="(default: %(default)s)")
    add("--momentum", type=float, default=0.9, help="(default: %(default)s)")
    add("--weight-decay", type=float, default=0.0, help="(default: %(default)s)")
    add("--schedule", default="cosine", choices=list(SCHEDULES), help="of the learning rate (default: %(default)s)")
    add("--dropout", type=float, default=0.0, help="rate on hidden layers (default: %(default)s)")
    add("--input-dropout", type=float, default=0.0, help="rate on the input (default: %(default)s)")
    add("--seed", type=int, default=0, help="of hashes, weights, masks and shuffling (default: %(default)s)")
    add("--refit", action="store_true", help="train once more on train + validation for the chosen number of epochs")
    add("--output", type=Path, help="write the network to this .safetensors file")


def run(args: argparse.Namespace) -> int:
    """Train, and say what came out."""
    data = load_dataset(args.data, args.data_dir)
    check_output(args.output)
    net, history = train(args, data, args.epochs)
    print(f"{data.name}: {data.provenance}")
    print(f"{args.method}: {net.num_parameters()} real weights, {net.num_virtual_parameters()} virtual")
    print(f"best epoch {history.best_epoch} of {len(history.valid_error)}, by validation error{best(history)}")
    if diverged(history):
        return 1
    if args.refit and not history.interrupted:
        net, history = train(args, data.refit(), history.best_epoch)
        print(f"trained again on train + validation for {len(history.valid_error)} epochs")
        if diverged(history):  # it may, though the first did not (test_a_diverged_refit_is_not_written)
            return 1
    print("test error not evaluated" if history.test_error is None else f"test error {history.test_error:.2f} %")
    if args.output and not history.best_epoch:
        print(f"not written: {args.output}, for no epoch was finished")
    elif args.output:
        save(net, args.output)
        print(f"written: {args.output} ({args.output.stat().st_size} bytes)")
    return 130 if history.interrupted else 0


def train(args: argparse.Namespace, data: Dataset, epochs: int) -> tuple[Network, History]:
    """Build a fresh network and train it for a number of epochs."""
    widths = parse_widths(args.widths, data)
    net = build(args.method, widths, compression=args.compression, seed=args.seed, dropout=args.dropout,
                input_dropout=args.input_dropout)
    optimizer = SGD(args.learning_rate, args.momentum, weight_decay=args.weight_decay, schedule=args.schedule)
    return net, fit(net, data, epochs=epochs, batch_size=args.batch_size, optimizer=optimizer, seed=args.seed,
                    progress=sys.stderr.isatty())


def diverged(history: History) -> bool:
    """Say so if training blew up; such a network is not written."""
    if history.diverged:
        print("a loss or weight was no longer finite and training ended there; no network is written; "
              "try a smaller --learning-rate")
    return history.diverged


def best(history: History) -> str:
    """Say the validation error of the best epoch, if there is one."""
    return f" ({history.valid_error[history.best_epoch - 1]:.2f} %)" if history.best_epoch else ""


def parse_widths(text: str, data: Dataset) -> list[int]:
    """Read widths such as 784-1000-10, which must begin and end as the data set asks."""
    n_in, classes = data.x_train.shape[1], data.classes
    if not text:
        return [n_in, 1000, classes]
    # not isdigit: "²" is a digit, but int() refuses it
    widths = [int(part) if part.isdecimal() else 0 for part in text.split("-")]
    if min(widths) < 1 or len(widths) < 2 or (widths[0], widths[-1]) != (n_in, classes):
        raise ValueError(f"widths must look like {n_in}-1000-{classes} for {data.name}, got {text!r}")
    return widths


def check_output(path: Path | None) -> None:
    """Refuse a place that cannot be written before hours of work, not after."""
    if path is None:
        return
    if path.is_dir():
        raise ValueError(f"cannot write {path}: it is a folder")
    try:  # not os.access: /proc says yes, and then takes no file (test_a_place_that_takes_no_file_is_refused_first)
        tempfile.TemporaryFile(dir=path.absolute().parent).close()
    except OSError as error:
        raise ValueError(f"cannot write {path}: its folder must exist and take files ({error.strerror})") from error
