"""Train a HashedNet, a dense and a pruned network of about equal error on the digits, and measure them as C.

    python examples/mcu/measure.py            # trains (two minutes) and prints the table of README.md
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
from pathlib import Path

import numpy as np
from pruned import prune

import hashnets_np as hn
from hashnets_np.export import quantize

HERE = Path(__file__).parent
SEEDS = (0, 1, 2)
EPOCHS = 60
HIDDEN, FIRST, SECOND = 128, 750, 250  # hidden units and real weights of the HashedNet
DENSE_HIDDEN = 24
PRUNED_HIDDEN, KEPT = 64, 800
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


def hashed(seed: int) -> hn.Network:
    """A HashedNet of 1,000 real weights, biases among them. Kind fold: every real weight is used equally often."""
    first = hn.HashedLinear(64, HIDDEN, buckets=FIRST, seed=hn.derive_seed(seed, 0), kind="fold",
                            rng=np.random.default_rng(seed))
    second = hn.HashedLinear(HIDDEN, 10, buckets=SECOND, seed=hn.derive_seed(seed, 1), kind="fold",
                             rng=np.random.default_rng(seed + 99))
    return trained(hn.Network([first, hn.ReLU(), second]), seed, 0.05)


def dense(seed: int) -> hn.Network:
    """The smallest dense network of about that error."""
    return trained(hn.build("nn", [64, DENSE_HIDDEN, 10], compression=1, seed=seed), seed, 0.1)


def pruned(seed: int) -> hn.Network:
    """A dense network, trained, pruned to its largest weights, and trained on."""
    whole = trained(hn.build("nn", [64, PRUNED_HIDDEN, 10], compression=1, seed=seed), seed, 0.1)
    return trained(prune(whole, KEPT), seed, 0.05)


NETWORKS: dict[str, Callable[[int], hn.Network]] = {"HashedNet": hashed, "dense": dense, "pruned": pruned}


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
    frames = {name: int(n) for name, n in re.findall(r":(\w+)\t(\d+)\tstatic", usage)}
    return text, sum(frames.values())


def multiplications(net: hn.Network) -> int:
    """Count the weights that one input is multiplied by; biases are added."""
    return sum(int(layer.mask.sum()) if hasattr(layer, "mask") else layer.n_in * layer.n_out
               for layer in net.layers if layer.params)


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write digits.c and digits.h beside this file")
    arguments = parser.parse_args()
    trained_networks = {name: [make(seed) for seed in SEEDS] for name, make in NETWORKS.items()}
    targets = {name: command for name, command in TARGETS.items() if shutil.which(command[0])}
    columns = [f"{what}, {name}" for name in targets for what in ("flash", "stack")]
    print("| network | weights | error | multiplications | " + " | ".join(columns) + " |")
    print("|---|---|---|---|" + "---|" * len(columns))
    with tempfile.TemporaryDirectory() as folder:
        for weights in ("float32", "int8"):
            for name, networks in trained_networks.items():
                exact = [quantize(net) if weights == "int8" else net for net in networks]
                errors = [error(net) for net in exact]
                sizes = [measure(networks[0], weights, command, Path(folder)) for command in targets.values()]
                cells = [name, weights, f"{np.mean(errors):.1f} ± {np.std(errors, ddof=1):.1f} %",
                         f"{multiplications(networks[0]):,}", *(f"{n:,}" for pair in sizes for n in pair)]
                print("| " + " | ".join(cells) + " |", flush=True)
    if arguments.write:
        print(hn.export_c(trained_networks["HashedNet"][0], HERE / "digits.c", weights="int8", inputs=DATA.x_test))


if __name__ == "__main__":
    main()
