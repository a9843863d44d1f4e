"""Train one network, choose its best epoch on the validation split, and evaluate it once on the test set.

The data are one of the named sets, or files of your own: --x x.npy --y y.npy, also .npz and .csv.

Ctrl-C keeps the best epoch so far, and exits with 130. Exit code 1, and no file: the loss blew up.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from ..datasets import LOADERS, Dataset, load_dataset
from ..experiments.methods import METHODS, build
from ..experiments.own_files import load_own
from ..experiments.sweep.grid import Job
from ..experiments.sweep.train import mean_load
from ..files import save
from ..network import Network
from ..optim import SCHEDULES, SGD
from ..support.disk import check_place, user_path
from ..training import History, fit
from . import a_folder, any_path, new_file, some_text

HELP = "train one network and save it"
SO_FAR = ".so-far"
DIVERGED = ("a loss or weight became infinite or NaN, so training stopped and no network was saved; try a smaller "
            "--learning-rate")
LONGEST_NAME = 255  # bytes, on all usual file systems


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(execute=train_network)
    add = parser.add_argument
    add("--data", metavar="NAME", choices=list(LOADERS), help="data set, one that `data list` names (default: digits)")
    add("--data-dir", type=a_folder, help="where to look for its files first")
    add("--x", type=any_path, metavar="FILE", help="your own examples, one per row: .npy, .npz or .csv; bytes (uint8) "
        "are taken for grey levels and divided by 255, which predict does not do")
    add("--y", type=any_path, metavar="FILE", help="their labels 0, 1, ...; not needed if the file of --x has them, in "
        "a .npz as y, in a .csv as its last column")
    add("--validation", type=float, metavar="FRACTION", help="how many of your own examples choose the best epoch "
        "(default: x_valid and y_valid of a .npz that has them, otherwise 0.2)")
    add("--method", default="hashnet", choices=[m.name for m in METHODS.values() if m.maker],
        help="(default: %(default)s)")
    add("--compression", default="1/8", help="real / virtual weights (default: %(default)s)")
    add("--widths", type=some_text, help="units per layer, e.g. 784-1000-10 (default: one hidden layer of 1000)")
    add("--epochs", type=int, default=60, help="(default: %(default)s)")
    add("--batch-size", type=int, default=50, help="(default: %(default)s)")
    add("--learning-rate", type=float, default=0.1, help="(default: %(default)s); where a method divides gradients by "
        "loads, as by-load and by-root-load do, that of a weight of average load, as in `sweep`")
    add("--momentum", type=float, default=0.9, help="(default: %(default)s)")
    add("--weight-decay", type=float, default=0.0, help="(default: %(default)s)")
    add("--schedule", default="cosine", choices=list(SCHEDULES), help="of the learning rate (default: %(default)s)")
    add("--dropout", type=float, default=0.0, help="rate on hidden layers (default: %(default)s)")
    add("--input-dropout", type=float, default=0.0, help="rate on the input (default: %(default)s)")
    add("--seed", type=int, default=0, help="of hashes, weights, masks and shuffling (default: %(default)s)")
    add("--refit", action="store_true", help="train once more on train + validation for the chosen number of epochs")
    add("--output", type=new_file, help="write the network to this .safetensors file; until it is done, the best "
        "epoch so far is in FILE.so-far; rename or delete one that an interrupted run left")


def train_network(args: argparse.Namespace) -> int:
    """Train, save the network, and print the result last: a pipe that nobody reads must not cost the network."""
    data = load_data(args)
    check_output(args.output, [args.x, args.y])
    so_far = SoFar(so_far_file(args.output))
    try:
        code, lines = train_and_save(args, data, so_far)
    except OSError as error:  # as on a full disk: then, as after a kill, that file is all that is left
        if so_far.written:
            what = f"{error.strerror or error}; the best epoch so far is in {so_far.path}"
            raise OSError(error.errno, what, error.filename) from error
        raise
    so_far.remove()
    print("\n".join(lines))
    return code


class SoFar:
    """The file of the best epoch so far; without a path, nothing is written.

    Raises ValueError if the file is there already: it may be all that is left of an earlier run.
    """

    def __init__(self, path: Path | None) -> None:
        if path and os.path.lexists(path):
            raise ValueError(f"{path} is left from an interrupted run, unless that is still running; rename or delete "
                             "it, or choose another --output")
        self.path = path
        self.written = False

    def keep(self, net: Network, history: History) -> None:
        """Write the network, if its last epoch is the best one so far."""
        if self.path and history.best_epoch == len(history.train_loss):
            save(net, self.path)
            self.written = True

    def remove(self) -> None:
        """Delete what this run wrote."""
        if self.path and self.written:
            self.path.unlink(missing_ok=True)


def train_and_save(args: argparse.Namespace, data: Dataset, so_far: SoFar) -> tuple[int, list[str]]:
    """Train, with the best epoch so far in a file of its own, and again if asked to; save; return what to print."""
    net, history = train(args, data, args.epochs, so_far.keep)
    lines = [f"{data.name}: {data.provenance}",
             f"{args.method}: {net.num_parameters()} real weights, {net.num_virtual_parameters()} virtual",
             best(history)]
    if history.diverged:
        return 1, [*lines, DIVERGED]
    if history.interrupted:
        kept = "interrupted; the best epoch so far is kept" if history.best_epoch else "interrupted"
        lines.append(kept + (", and not trained again on train + validation" if args.refit else ""))
    elif args.refit:
        again, refitted = train(args, data.refit(), history.best_epoch)
        if refitted.diverged:  # it may, though the first did not (test_a_diverged_refit_is_not_written)
            return 1, [*lines, DIVERGED]
        if refitted.interrupted:  # an unfinished training on more examples is worth less than a finished one
            lines.append("interrupted while training again on train + validation; the network chosen before is kept")
            history.interrupted = True
        else:
            lines.append(f"trained again on train + validation for {len(refitted.train_loss)} epochs")
            net = again
            history = refitted
    lines.append("test error not evaluated" if history.test_error is None else f"test error {history.test_error:.2f} %")
    if args.output and not history.best_epoch:
        lines.append(f"not saved to {args.output}: no epoch finished")
    elif args.output:
        save(net, args.output)
        lines.append(f"written: {args.output}{size_of(user_path(args.output))}")
    return 130 if history.interrupted else 0, lines


def size_of(path: Path) -> str:
    """Write the size of a file; what went into a pipe has none."""
    return f" ({path.stat().st_size} bytes)" if path.is_file() else ""


def load_data(args: argparse.Namespace) -> Dataset:
    """Load the named set, or the files of --x and --y."""
    if args.x is None:
        if args.y is not None:
            raise ValueError("--y needs --x, the file of the examples")
        if args.validation is not None:
            raise ValueError("--validation is for --x, your own examples; the named data sets have their own split")
        return load_dataset(args.data or "digits", args.data_dir)
    if args.data is not None:
        raise ValueError(f"give either --data {args.data} or --x, not both")
    return load_own(args.x, args.y, args.validation, args.seed)


def so_far_file(output: Path | None) -> Path | None:
    """Name the file of the best epoch so far, beside the output; none where the output is a pipe or a device."""
    if output is None:
        return None
    output = user_path(output)
    if output.exists() and not output.is_file():
        return None
    room = LONGEST_NAME - len(SO_FAR)
    return output.with_name(os.fsencode(output.name)[:room].decode(errors="ignore") + SO_FAR)


def train(
    args: argparse.Namespace, data: Dataset, epochs: int, callback: Callable[[Network, History], None] | None = None
) -> tuple[Network, History]:
    """Build a fresh network and train it for a number of epochs; `callback` gets it after each of them."""
    widths = parse_widths(args.widths, data)
    net = build(args.method, widths, compression=args.compression, seed=args.seed, dropout=args.dropout,
                input_dropout=args.input_dropout)
    job = Job("run", data.name, args.method, len(widths), args.compression, None, args.seed)
    optimizer = optimizer_for(args, mean_load(job))
    return net, fit(net, data, epochs=epochs, batch_size=args.batch_size, optimizer=optimizer, seed=args.seed,
                    callback=callback, progress=bool(sys.stderr and sys.stderr.isatty()))


def optimizer_for(args: argparse.Namespace, load: float) -> SGD:
    """Make the optimizer of a method: a weight of average load takes the same steps at every load exponent."""
    exponent = METHODS[args.method].load_exponent
    optimizer = SGD(args.learning_rate, args.momentum, weight_decay=args.weight_decay, schedule=args.schedule,
                    load_exponent=exponent)
    optimizer.learning_rate *= load**exponent  # after the check, whose message shows what the user gave
    optimizer.weight_decay /= load**exponent  # loads divide the gradient only
    return optimizer


def best(history: History) -> str:
    """Write which epoch was the best, and its validation error."""
    if not history.best_epoch:
        return "no epoch finished"
    error = history.valid_error[history.best_epoch - 1]
    return f"best epoch {history.best_epoch} of {len(history.valid_error)}, by validation error ({error:.2f} %)"


def parse_widths(text: str | None, data: Dataset) -> list[int]:
    """Read widths such as 784-1000-10, which must begin and end as the data set asks."""
    n_in = data.x_train.shape[1]
    classes = data.classes
    if text is None:
        return [n_in, 1000, classes]
    # not isdigit: "²" is a digit, but int() refuses it
    widths = [int(part) if part.isdecimal() else 0 for part in text.split("-")]
    if min(widths) < 1 or len(widths) < 2 or (widths[0], widths[-1]) != (n_in, classes):
        raise ValueError(f"widths must look like {n_in}-1000-{classes} for {data.name}, got {text!r}")
    return widths


def check_output(path: Path | None, inputs: Iterable[Path | None] = ()) -> None:
    """Refuse a path that cannot be written to, or that is one of the inputs, before hours of work, not after."""
    if path is None:
        return
    check_place(path)
    for read in inputs:
        if read is not None and path.exists() and path.samefile(read):  # also by way of a link
            raise ValueError(f"--output {path} is the file of your own data, {read}, and would overwrite it; "
                             "choose another name, such as net.safetensors")
