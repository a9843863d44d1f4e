"""Calls: the public names with arguments that nobody expects, adapters that answer anything, the command line."""

import contextlib
import io
import os
import tempfile

import numpy as np
from harness import Target
from hypothesis import strategies as st
from inputs import INTEGERS, PLAIN, WILD, WORDS, arrays

import hashnets_np as hn
from hashnets_np.__main__ import main
from hashnets_np.conformance.adapter import Adapter, NotCovered
from hashnets_np.conformance.cases import all_cases
from hashnets_np.conformance.results import Result
from hashnets_np.conformance.runner import run_case

SIZES = st.integers(1, 6)
SEEDS = st.integers(0, 9)
MAP = hn.SharingMap(3, 4, buckets=5, seed=1)
X = np.linspace(0, 1, 24, dtype=np.float32).reshape(6, 4)
Y = np.arange(6) % 3


def net():
    return hn.Network([hn.HashedLinear(4, 5, "1/2", seed=1), hn.ReLU(), hn.Linear(5, 3, seed=2)])


def dataset():
    return hn.Dataset("mine", X, Y, X, Y, X, Y, "made")


COMPRESSIONS = st.sampled_from(["1/2", 0.25, 1])
RIGHT = {  # name -> (what is called, its arguments with right values)
    "xxh32_pair": (hn.xxh32_pair, {"i": SEEDS, "j": SEEDS, "seed": SEEDS}),
    "derive_seed": (hn.derive_seed, {"seed": SEEDS, "n": SEEDS}),
    "bucket_count": (hn.bucket_count, {"compression": COMPRESSIONS, "virtual_weights": SIZES}),
    "SharingMap": (hn.SharingMap, {"n_out": SIZES, "n_cols": SIZES, "buckets": SIZES, "seed": SEEDS,
                                   "kind": st.sampled_from(["xxhash", "fold", "chunk", "keras"])}),
    "from_table": (hn.SharingMap.from_table, {"bucket": st.just([[0, 1]]), "sign": st.just([[1, -1]]),
                                                 "buckets": SIZES}),
    "lookup": (MAP.lookup, {"i": st.integers(0, 2), "j": st.integers(0, 3)}),
    "explain": (hn.explain, {"m": st.just(MAP), "i": st.integers(0, 2), "j": st.integers(0, 3), "show": SIZES}),
    "hash_gather": (hn.hash_gather, {"w": st.just(np.ones(5, np.float32)), "m": st.just(MAP)}),
    "hash_scatter_add": (hn.hash_scatter_add, {"dV": st.just(np.ones((3, 4))), "m": st.just(MAP)}),
    "hashed_forward": (hn.hashed_forward, {"w": st.just(np.ones(5)), "a": st.just(X), "m": st.just(MAP)}),
    "hashed_backward": (hn.hashed_backward, {"w": st.just(np.ones(5)), "a": st.just(X), "dz": st.just(np.ones((6, 3))),
                                             "m": st.just(MAP), "input_grad": st.booleans()}),
    "HashedLinear": (hn.HashedLinear, {"n_in": SIZES, "n_out": SIZES, "compression": COMPRESSIONS, "seed": SEEDS,
                                       "bias": st.sampled_from(["column", "hashed", "dense", None])}),
    "Linear": (hn.Linear, {"n_in": SIZES, "n_out": SIZES, "seed": SEEDS, "bias": st.booleans()}),
    "Dropout": (hn.Dropout, {"rate": st.just(0.5), "seed": SEEDS}),
    "SGD": (hn.SGD, {"learning_rate": st.just(0.1), "momentum": st.just(0.9), "weight_decay": st.just(0.0)}),
    "softmax_cross_entropy": (hn.softmax_cross_entropy, {"z": st.just(np.ones((6, 3))), "y": st.just(Y)}),
    "build": (hn.build, {"method": st.sampled_from(["hashnet", "nn", "rer", "lrd"]), "widths": st.just([4, 5, 3]),
                         "compression": COMPRESSIONS, "seed": SEEDS, "dropout": st.just(0.5)}),
    "Dataset": (hn.Dataset, {"name": st.just("mine"), "x_train": st.just(X), "y_train": st.just(Y),
                             "x_valid": st.just(X), "y_valid": st.just(Y), "x_test": st.just(X), "y_test": st.just(Y),
                             "provenance": st.just("made")}),
    "predict": (lambda x, batch_size: hn.predict(net(), x, batch_size=batch_size),
                {"x": st.just(X), "batch_size": SIZES}),
    "forward": (lambda x: net().forward(x), {"x": st.just(X)}),
    "backward": (lambda x, dz: (lambda n: (n.forward(x), n.backward(dz)))(net()),
                 {"x": st.just(X), "dz": st.just(np.ones((6, 3), np.float32))}),
    "fit": (lambda dataset, epochs, batch_size, seed: hn.fit(
        net(), dataset, epochs, batch_size=batch_size, seed=seed),
            {"dataset": st.builds(dataset), "epochs": st.integers(1, 2), "batch_size": SIZES, "seed": SEEDS}),
    "fit targets": (lambda targets: hn.fit(net(), dataset(), 1, targets=targets), {"targets": st.just(Y)}),
    "fit arrays": (lambda x, y, validation, sample_weight: hn.fit(
        net(), x, y, epochs=1, validation=validation, sample_weight=sample_weight),
                   {"x": st.just(X), "y": st.just(Y), "validation": st.just(0.5),
                    "sample_weight": st.just(np.ones(6))}),
    "from_arrays": (hn.Dataset.from_arrays, {"x": st.just(X), "y": st.just(Y), "validation": st.just((X, Y)),
                                             "test": st.just((X, Y)), "seed": SEEDS, "name": st.just("mine")}),
    "predict_proba": (lambda x: hn.predict_proba(net(), x), {"x": st.just(X)}),
    "squared_error": (hn.squared_error, {"z": st.just(np.ones((6, 3))), "y": st.just(np.zeros((6, 3))),
                                         "sample_weight": st.just(np.ones(6))}),
    "error_rate": (hn.error_rate, {"z": st.just(np.ones((6, 3))), "y": st.just(Y)}),
    "EarlyStopping": (hn.EarlyStopping, {"patience": SIZES}),
    "mask": (lambda x, mask: hn.Dropout(0.5, seed=1).forward(x, True, mask),
             {"x": st.just(X), "mask": st.just(np.ones((6, 4)))}),
    "step": (lambda total_steps, schedule: hn.SGD(0.1, schedule=schedule, total_steps=total_steps).step([]),
             {"total_steps": SIZES, "schedule": st.just("cosine")}),
    "gradcheck": (lambda x, y, step, directions: hn.gradcheck(net().astype(np.float64), x, y, step=step,
                                                              directions=directions),
                  {"x": st.just(X), "y": st.just(Y), "step": st.just(1e-5), "directions": SIZES}),
    "Network": (hn.Network, {"layers": st.builds(lambda: net().layers), "seed": SEEDS}),
    "astype": (net().astype, {"dtype": st.sampled_from(["float32", "float64"])}),
    "feature_hash": (hn.feature_hash, {"a": st.just(X), "m": st.just(MAP), "i": st.integers(0, 2)}),
    "load": (hn.load, {"path": st.just("nothing here")}),
    "load_dataset": (hn.load_dataset, {"name": st.just("digits"), "data_dir": st.just(None)}),
    "load_idx": (hn.load_idx, {"folder": st.just("nothing here"), "prefix": st.just("")}),
}
LARGE = {"n_in", "n_out", "buckets", "widths", "n_cols"}  # sizes that would be made: only small or impossible ones
IMPOSSIBLE = st.sampled_from([-1, 0, 2**40, 2**63, 10**30, "3", 2.0, None, True, [3], float("nan")])


@st.composite
def calls(draw):
    """Draw a public name with arguments, each right three times in four."""
    name = draw(st.sampled_from(list(RIGHT)))
    arguments = {}
    for argument, right in RIGHT[name][1].items():
        wild = IMPOSSIBLE if argument in LARGE else WILD
        arguments[argument] = draw(wild if draw(st.integers(0, 3)) == 0 else right)
    return name, arguments


def call(drawn):
    name, arguments = drawn
    before = {key: value.copy() for key, value in arguments.items() if isinstance(value, np.ndarray)}
    try:
        result = RIGHT[name][0](**arguments)
    finally:
        for key, value in before.items():
            assert value.dtype == object or value.tobytes() == arguments[key].tobytes(), f"{name} wrote into {key}"
    if name == "SharingMap" and result.n_out * result.n_cols < 10**6:
        bucket, sign = result.table()
        assert (bucket >= 0).all() and (bucket < result.buckets).all() and (abs(sign) == 1).all()


ERRORS = [ValueError("no"), TypeError(), KeyError("w"), NotCovered("not this"), RecursionError(), SystemExit(0),
          MemoryError(), ZeroDivisionError("x"), OSError(28, "No space left on device"), StopIteration()]
CASES = [case for case in all_cases() if len(repr(case.inputs)) < 5000]
METHODS = [name for name in vars(Adapter) if callable(getattr(Adapter, name)) and not name.startswith("_")]


@st.composite
def adapters(draw):
    """Draw a case and an adapter whose methods answer anything, or raise."""
    answers = {name: draw(st.one_of(WILD, st.sampled_from(ERRORS), st.tuples(WILD, WILD))) for name in METHODS}
    return draw(st.sampled_from(CASES)), answers


def run_adapter(drawn):
    case, answers = drawn

    def method(answer):
        def act(self, *_, **__):
            if isinstance(answer, BaseException):
                raise answer
            return answer
        return act

    adapter = type("Drawn", (Adapter,), {name: method(answer) for name, answer in answers.items()})
    assert isinstance(run_case(adapter, case), Result)


OPTIONS = {  # without what takes long: no demo, no bench, no sweep that trains
    "hash": (["--rows", "--cols", "--buckets", "--seed", "--kind"], [INTEGERS.map(str), INTEGERS.map(str)]),
    "data": (["--data-dir"], [st.sampled_from(["list", "verify", "burn"]), st.sampled_from(["digits", "kmnist", "x"])]),
    "train": (["--compression", "--widths", "--method", "--seed", "--dropout", "--learning-rate", "--batch-size",
               "--schedule", "--output"], [st.just("--epochs"), st.sampled_from(["1", "0", "-1", "x"])]),
    "sweep": (["--methods", "--seeds", "--records", "--sizes", "--layers"],
              [st.sampled_from(["quick", "table1", "nothing"]), st.just("--list")]),
    "report": (["--records", "--out"], []),
    "export": (["--output", "--weights"], [WORDS]),
    "help": ([], [WORDS]),
}
VALUES = st.one_of(WORDS, INTEGERS.map(str), st.sampled_from(
    ["64-5-10", "hashnet", "nn", "fold", "cosine", "1/8", "/nowhere/x", "/dev/full/x", "."]))


@st.composite
def command_lines(draw):
    """Draw a command with options and values, right and wrong."""
    name = draw(st.sampled_from(list(OPTIONS)))
    options, positional = OPTIONS[name]
    argv = [name, *(draw(value) for value in positional)]
    for option in draw(st.lists(st.sampled_from(options), max_size=3)) if options else []:
        argv += [option, draw(VALUES)]
    return argv + draw(st.lists(VALUES, max_size=1))


HOME = tempfile.mkdtemp(prefix="hashnets-fuzz-")


def run_command(argv):
    out, err = io.StringIO(), io.StringIO()
    here = os.getcwd()
    os.chdir(HOME)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(list(argv))
            except SystemExit as stop:
                code = stop.code
    finally:
        os.chdir(here)
    said = err.getvalue()
    assert code in (0, 1, 2), f"exit code {code}"
    if code == 2:
        assert said.count("\n") == 1 or "usage" in out.getvalue(), f"more than one line: {said!r}"
        raise ValueError(said.strip() or "usage")


def there_and_back(pair):
    layers = net()
    layers.forward(pair[0])
    layers.backward(pair[1])


TARGETS = [
    Target("public names", calls(), call),
    Target("adapters", adapters(), run_adapter),
    Target("command line", command_lines(), run_command),
    Target("arrays into layers", st.tuples(arrays() | st.just(X), arrays() | st.just(np.ones((6, 3)))), there_and_back),
    Target("compressions", PLAIN, lambda c: hn.bucket_count(c, 100)),
]
