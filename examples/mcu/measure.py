"""Choose a HashedNet, dense networks and a pruned one by their validation error on the digits, and measure them as C.

    python examples/mcu/measure.py            # trains (two minutes) and prints the tables of README.md
    python examples/mcu/measure.py --write    # also writes digits.c and digits.h

Flash and stack are those of the compiled object, with -Os: for a Cortex-M4 with floating-point unit if
arm-none-eabi-gcc is installed, and for this machine.
"""

import argparse
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from pruned import prune

import hashnets_np as hn
from hashnets_np.export import quantize

HERE = Path(__file__).parent
SEEDS = range(10)
EPOCHS = 60
WEIGHTS = 1000  # real weights of the HashedNet, biases among them
HASHED = [(hidden, rate) for hidden in (32, 64, 128) for rate in (0.05, 0.1)]  # hidden units, learning rate
EQUAL = 13  # hidden units of the dense network that stores as many numbers: 985
DENSE = range(8, 31, 2)  # hidden units
PRUNED_HIDDEN = 64
KEPT = range(300, 1001, 100)  # weights that are left
FLAGS = ["-std=c99", "-Os", "-ffreestanding", "-fstack-usage", "-Wall", "-Wextra", "-Werror", "-pedantic"]
TARGETS = {
    "Cortex-M4": ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"],
    "this machine": ["gcc"],
}
DATA = hn.load_dataset("digits")


def trained(net: hn.Network, seed: int, learning_rate: float) -> hn.Network:
    """Train a network; the best epoch by validation error is kept."""
    hn.fit(net, DATA, epochs=EPOCHS, optimizer=hn.SGD(learning_rate, schedule="cosine"), seed=seed)
    return net


def hashed(hidden: int, learning_rate: float, seed: int) -> hn.Network:
    """A HashedNet of 1,000 real weights. Kind fold: every real weight is used equally often."""
    virtual = 65 * hidden + (hidden + 1) * 10  # with the biases' column of each layer
    second_buckets = round(WEIGHTS * (hidden + 1) * 10 / virtual)
    first = hn.HashedLinear(64, hidden, buckets=WEIGHTS - second_buckets, seed=hn.derive_seed(seed, 0), kind="fold",
                            rng=np.random.default_rng(seed))
    second = hn.HashedLinear(hidden, 10, buckets=second_buckets, seed=hn.derive_seed(seed, 1), kind="fold",
                             rng=np.random.default_rng(seed + 99))
    return trained(hn.Network([first, hn.ReLU(), second]), seed, learning_rate)


@cache
def dense(hidden: int, seed: int) -> hn.Network:
    """A dense network; each is trained once."""
    return trained(hn.build("nn", [64, hidden, 10], compression=1, seed=seed), seed, 0.1)


def pruned(kept: int, seed: int) -> hn.Network:
    """A dense network, trained, pruned to its largest weights, and trained on."""
    return trained(prune(dense(PRUNED_HIDDEN, seed), kept), seed, 0.05)


def choose() -> dict[str, list[hn.Network]]:
    """Train all candidates; return the networks of ten seeds for each row of the table.

    Of the HashedNets the one with the lowest mean validation error, of the others the smallest that is as good.
    """
    nets: dict[str, list[hn.Network]] = {}
    tried = {choice: [hashed(*choice, seed) for seed in SEEDS] for choice in HASHED}
    for (hidden, rate), made in tried.items():
        print(f"HashedNet, {hidden} hidden units, learning rate {rate}: validation error {valid_error(made):.2f} %")
    nets["HashedNet"] = min(tried.values(), key=valid_error)
    goal = valid_error(nets["HashedNet"])
    nets["dense, as many numbers"] = [dense(EQUAL, seed) for seed in SEEDS]
    print(f"dense, {EQUAL}: validation error {valid_error(nets['dense, as many numbers']):.2f} %")
    nets["dense, as good"] = smallest(dense, DENSE, goal)
    nets["pruned, as good"] = smallest(pruned, KEPT, goal)
    return nets


def smallest(make: Callable[[int, int], hn.Network], sizes: range, goal: float) -> list[hn.Network]:
    """Train ever larger networks until their mean validation error is as low as that of the HashedNet."""
    for size in sizes:
        nets = [make(size, seed) for seed in SEEDS]
        print(f"{make.__name__}, {size}: validation error {valid_error(nets):.2f} %", flush=True)
        if valid_error(nets) <= goal:
            return nets
    raise ValueError(f"no {make.__name__} network of these sizes has a validation error of {goal:.2f} % or less")


def valid_error(nets: list[hn.Network]) -> float:
    """Compute the mean validation error in percent."""
    return float(np.mean([hn.losses.error_rate(hn.predict(net, DATA.x_valid), DATA.y_valid) for net in nets]))


def error(net: hn.Network) -> float:
    """Compute the test error in percent."""
    return hn.losses.error_rate(hn.predict(net, DATA.x_test), DATA.y_test)


def measure(net: hn.Network, weights: str, command: list[str], folder: Path) -> tuple[int, int]:
    """Compile a network; returns flash (code and constants) and the most stack that its functions can use together."""
    hn.export_c(net, folder / "digits.c", weights=weights, inputs=DATA.x_test)
    subprocess.run([*command, *FLAGS, "-c", "digits.c", "-o", "digits.o"], cwd=folder, check=True)
    size = command[0].replace("gcc", "size")
    printed = subprocess.run([size, "digits.o"], cwd=folder, check=True, capture_output=True, text=True).stdout
    text, data, bss = (int(n) for n in printed.splitlines()[1].split()[:3])
    assert data == bss == 0, "no variables"
    needed = subprocess.run([command[0].replace("gcc", "nm"), "-u", "digits.o"], cwd=folder, check=True,
                            capture_output=True, text=True).stdout
    assert not needed, f"digits.o also needs {needed.split()}, which `size` does not count"
    usage = (folder / "digits.su").read_text()
    frames = [int(n) for n in re.findall(r"\t(\d+)\tstatic$", usage, re.M)]
    assert len(frames) == len(usage.splitlines()), f"a frame whose size is not fixed: {usage}"
    return text, sum(frames)


def numbers(net: hn.Network) -> int:
    """Count the weights and biases; of a pruned layer those that are left."""
    removed = sum(int((~layer.mask).sum()) for layer in net.layers if hasattr(layer, "mask"))
    return net.num_parameters() - removed


def multiplications(net: hn.Network) -> int:
    """Count the weights that one input is multiplied by; biases are added."""
    return sum(int(layer.mask.sum()) if hasattr(layer, "mask") else layer.n_in * layer.n_out
               for layer in net.layers if layer.params)


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write digits.c and digits.h beside this file")
    arguments = parser.parse_args()
    nets = choose()
    targets = {name: command for name, command in TARGETS.items() if shutil.which(command[0])}
    columns = [f"{what}, {name}" for name in targets for what in ("flash", "stack")]
    print("\n| network | weights | numbers | test error | multiplications | " + " | ".join(columns) + " |")
    print("|---|---|---|---|---|" + "---|" * len(columns))
    with tempfile.TemporaryDirectory() as folder:
        for weights in ("float32", "int8"):
            for name, networks in nets.items():
                exact = [quantize(net) if weights == "int8" else net for net in networks]
                errors = [error(net) for net in exact]
                sizes = [measure(networks[0], weights, command, Path(folder)) for command in targets.values()]
                cells = [name, weights, f"{numbers(networks[0]):,}",
                         f"{np.mean(errors):.1f} ± {np.std(errors, ddof=1):.1f} %",
                         f"{multiplications(networks[0]):,}", *(f"{n:,}" for pair in sizes for n in pair)]
                print("| " + " | ".join(cells) + " |", flush=True)
    if arguments.write:
        print(hn.export_c(nets["HashedNet"][0], HERE / "digits.c", weights="int8", inputs=DATA.x_test))


if __name__ == "__main__":
    main()
