"""Networks as C files: they compile without a warning, run clean, and give the logits of `predict`."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import export_networks as networks
import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.experiments.baselines import LowRankLinear
from hashnets_np.experiments.several_hashes import MultiHashedLinear
from hashnets_np.export import c_program, export_c, quantize
from hashnets_np.export.c_layers import WRITERS
from hashnets_np.layers import LAYERS
from hashnets_np.maps import KINDS

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow", "-Wmissing-prototypes"]
SANITIZE = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
DIGITS = hn.load_dataset("digits")
MOST = float(np.finfo(np.float32).max)


QUICK = ["xxhash_column", "no_signs", "odd"]
SLOW = [name for name in networks.NETWORKS if name not in QUICK]  # 18 networks and two compilers take half a minute


@pytest.fixture(params=["gcc", "clang"])
def compiler(request) -> str:
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param} on this machine")
    return request.param


def build(compiler: str, source: Path, *flags: str) -> Path:
    """Compile a C file in its folder; any warning is an error."""
    program = source.with_suffix("")
    command = [compiler, *STRICT, *flags, source.name, "-o", program.name, "-lm"]
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return program


def run_rows(program: Path, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give rows of numbers to the program; returns the classes and the logits that it prints."""
    text = "\n".join(" ".join(repr(float(v)) for v in row) for row in x)
    done = subprocess.run([program], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = np.array([row.split() for row in done.stdout.splitlines()], np.float64)
    return rows[:, 0].astype(int), rows[:, 1:]


def relative(found, expected) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("weights", ["float32", "int8"])
@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_the_c_file_gives_the_logits_of_predict_on_all_digits(compiler, name, weights, tmp_path):
    net = networks.NETWORKS[name]()
    export_c(net, tmp_path / f"{name}.c", weights=weights)
    program = build(compiler, tmp_path / f"{name}.c", f"-D{name.upper()}_MAIN", *SANITIZE)
    exact = net if weights == "float32" else quantize(net)
    expected = hn.predict(exact, DIGITS.x_test)
    classes, logits = run_rows(program, DIGITS.x_test)
    print(f"{name}, {weights}, {compiler}: largest relative difference {relative(logits, expected):.1e}")
    assert relative(logits, expected) <= 1e-5
    assert np.array_equal(classes, expected.argmax(axis=1))
    assert "all 10 inputs agree" in subprocess.run([program, "test"], capture_output=True, text=True, check=True).stdout


def test_every_kind_of_map_that_a_layer_allows_has_its_piece_of_c():
    for kind in KINDS:
        assert c_program.map_piece(hn.SharingMap(3, 1, buckets=2, kind=kind)) == f"map_{kind}"


UNSIGNED_IN_C = ("xxhash", "fold", "chunk", "tile", "keras")


@pytest.mark.parametrize("name", networks.MAPS)
def test_every_option_of_a_map_reaches_the_c_file_or_is_rejected(name, tmp_path):
    """No option may be dropped: a file without it computes other logits, and nobody notices."""
    if not shutil.which("gcc"):
        pytest.skip("no gcc on this machine")
    options = networks.MAPS[name]
    net = networks.map_net(**options)
    if not options["signed"] and options["kind"] not in UNSIGNED_IN_C:
        expected = rf"layer 0 .*no C code for a sharing map of kind '{options['kind']}' without signs.*expanded"
        with pytest.raises(ValueError, match=expected) as error:
            export_c(net, tmp_path / "net.c")
        assert "\n" not in str(error.value) and list(tmp_path.iterdir()) == []
        return
    export_c(net, tmp_path / "net.c")
    program = build("gcc", tmp_path / "net.c", "-DNET_MAIN")
    x = np.random.default_rng(0).normal(size=(20, 12)).astype(np.float32)
    assert relative(run_rows(program, x)[1], hn.predict(net, x)) <= 1e-5


def test_maps_of_several_kinds_in_one_layer_are_rejected(tmp_path):
    layer = MultiHashedLinear(3, 2, "1/2", hashes=2, seed=1)
    first = layer.maps[0]
    layer.maps[0] = hn.SharingMap(2, 4, buckets=first.buckets, seed=first.seed, signed=False)
    with pytest.raises(ValueError, match=r"its maps are of several kinds \(unsigned_xxhash, xxhash\)"):
        export_c(hn.Network([layer]), tmp_path / "net.c")
    assert list(tmp_path.iterdir()) == []


def test_every_layer_of_a_model_file_can_be_written_in_c():
    ours = {layer for layer in LAYERS.values() if layer.__module__.startswith("hashnets_np.")}
    assert ours == set(WRITERS)


def test_every_piece_names_what_it_needs():
    """Each compiles when it is the only one that is asked for."""
    if not shutil.which("gcc"):
        pytest.skip("no gcc on this machine")
    for piece in c_program.PIECES.glob("*.c"):
        if piece.stem in ("functions", "self_test", "hashed_layer", "hashed_bias", "several_hashes"):
            continue  # these belong to a network or to a kind
        program = c_program.Program("float32", 3)
        program.add_piece(piece.stem)
        head = ["#include <stdint.h>", *program.includes, "typedef float weight_t;", "typedef uint32_t place_t;"]
        text = "\n".join([*head, *program.pieces.values()])
        flags = [*STRICT, "-Wno-unused-function", "-fsyntax-only", "-x", "c", "-"]
        done = subprocess.run(["gcc", *flags], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_the_object_needs_no_library_and_a_caller_needs_only_the_header(compiler, weights, tmp_path):
    export_c(odd_without_low_rank(), tmp_path / "net.c", weights=weights)
    flags = ["-Os", "-ffreestanding", "-c", "net.c", "-o", "net.o"]
    subprocess.run([compiler, *STRICT, *flags], cwd=tmp_path, check=True)
    symbols = subprocess.run(["nm", "net.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert re.findall(r" U (\S+)", symbols) == []
    assert re.findall(r" [A-TV-Z] (\S+)", symbols) == ["net_class", "net_logits"]
    assert not re.findall(r" [dDbB] ", symbols)  # no variables: it may be called from several threads
    main = "int main(void) { float x[NET_INPUTS] = {0}; return net_class(x) < NET_OUTPUTS ? 0 : 1; }"
    (tmp_path / "caller.c").write_text(f'#include "net.h"\n{main}\n')
    subprocess.run([compiler, *STRICT, "caller.c", "net.c", "-o", "caller"], cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "caller"], check=True)


def undefined_symbols(folder: Path, *flags: str) -> list[str]:
    """Compile net.c for a machine, without a library; returns what it still needs from one."""
    subprocess.run(["gcc", "-std=c99", "-ffreestanding", "-fno-pic", *flags, "-c", "net.c"], cwd=folder, check=True)
    symbols = subprocess.run(["nm", "-u", "net.o"], cwd=folder, capture_output=True, text=True, check=True).stdout
    return symbols.split()


@pytest.mark.parametrize("name", networks.MAPS)
def test_no_kind_of_map_needs_a_function_of_the_compiler_on_32_bits(name, tmp_path):
    """Division of 64-bit numbers is such a function there, and would count twice what `size` says about net.o."""
    if not shutil.which("gcc") or subprocess.run(["gcc", "-m32", "-E", "-"], input=b"", capture_output=True).returncode:
        pytest.skip("no gcc for 32 bits on this machine")
    options = networks.MAPS[name]
    if not options["signed"] and options["kind"] not in UNSIGNED_IN_C:
        return
    export_c(networks.map_net(**options), tmp_path / "net.c")
    assert undefined_symbols(tmp_path, "-Os", "-m32") == []


FAR = """
#include <stdio.h>
int main(void)
{
    static const weight_t w[7] = {0, 1, 2, 3, 4, 5, 6};
    static const map_t m = {N_OUT, N_COLS, 7u, 5u, 0};
    for (uint32_t n = 1; n <= 40; n++)
        printf("%g ", (double)VIRTUAL(w, &m, N_OUT - n, N_COLS - 2 * n));
    return 0;
}
"""


@pytest.mark.parametrize("shape", [(65536, 65536), (65537, 65536), (70000, 90000)])
@pytest.mark.parametrize("signed", [True, False])
def test_a_kind_that_numbers_virtual_weights_is_right_beyond_32_bits(shape, signed, tmp_path):
    if not shutil.which("gcc"):
        pytest.skip("no gcc on this machine")
    m = hn.SharingMap(*shape, buckets=7, seed=5, kind="fold", signed=signed)
    program = c_program.Program("float32", 1)
    program.add_map("map", m)
    text = "\n".join(["#include <stdint.h>", program.types(), *program.pieces.values(), FAR])
    (tmp_path / "far.c").write_text(text)
    name = f"virtual_{c_program.c_kind(m)}"
    words = [f"-DN_OUT={shape[0]}u", f"-DN_COLS={shape[1]}u", f"-DVIRTUAL={name}"]
    program = build("gcc", tmp_path / "far.c", *words, "-fsanitize=undefined,address")
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    n = np.arange(1, 41)
    bucket, sign = m.lookup(shape[0] - n, shape[1] - 2 * n)
    assert np.array_equal(np.array(printed.split(), float), bucket * sign)


def odd_without_low_rank() -> hn.Network:
    net = networks.odd_net()
    return hn.Network([layer if not isinstance(layer, LowRankLinear) else hn.Linear(20, 12) for layer in net.layers])


def test_the_self_test_finds_a_changed_weight(compiler, tmp_path):
    export_c(networks.hashed_net([64, 20, 10]), tmp_path / "net.c", inputs=DIGITS.x_test)
    source = (tmp_path / "net.c").read_text()
    first = re.search(r"w2\[\d+\] = \{\n(\S+)f,", source)
    changed = source[: first.start(1)] + "0.7" + source[first.end(1) :]
    (tmp_path / "net.c").write_text(changed)
    program = build(compiler, tmp_path / "net.c", "-DNET_MAIN")
    done = subprocess.run([program, "test"], capture_output=True, text=True)
    assert done.returncode == 1 and "input 1 of 10: the logits differ" in done.stdout


def test_the_program_says_what_is_wrong_with_its_input(compiler, tmp_path):
    export_c(networks.hashed_net([4, 3]), tmp_path / "net.c")
    program = build(compiler, tmp_path / "net.c", "-DNET_MAIN")
    for text in ("1 2 3", "1 2 3 four"):
        done = subprocess.run([program], input=text, capture_output=True, text=True)
        assert done.returncode == 2 and "expected rows of 4 numbers" in done.stderr


@pytest.mark.parametrize("arguments", [["tens.txt"], ["t"], ["test", "now"], [""]])
def test_the_program_refuses_arguments_other_than_test(arguments, compiler, tmp_path):
    export_c(networks.hashed_net([4, 3]), tmp_path / "net.c")
    program = build(compiler, tmp_path / "net.c", "-DNET_MAIN")
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("usage: ")


STEMS = ["test", "self", "net_test", "main", "count", "STEM", "my NAME", "8-bit", "double", "_x", "ü"]


@pytest.mark.parametrize("stem", STEMS)
def test_a_file_may_have_any_name(stem, compiler, tmp_path):
    net = networks.hashed_net([4, 3])
    export_c(net, tmp_path / f"{stem}.c")
    program = build(compiler, tmp_path / f"{stem}.c", f"-D{c_macro(stem)}_MAIN")
    assert relative(run_rows(program, np.eye(4))[1], hn.predict(net, np.eye(4))) <= 1e-5


def c_macro(stem: str) -> str:
    from hashnets_np.export.c_file import c_name
    return c_name(stem).upper()


def test_extreme_weights_are_written_exactly(compiler, tmp_path):
    net = hn.Network([hn.Linear(1, 5, bias=False)])
    weights = np.array([1e-45, 3.4028235e38, -0.0, 1 / 3, -1e-38], np.float32)
    net.layers[0].params["w"][:, 0] = weights
    export_c(net, tmp_path / "net.c", inputs=[[1.0]])
    program = build(compiler, tmp_path / "net.c", "-DNET_MAIN")
    assert np.array_equal(run_rows(program, np.ones((1, 1)))[1][0].astype(np.float32), weights)


def test_tanh_without_the_c_library_is_as_exact_as_float32_allows(compiler, tmp_path):
    net = hn.Network([hn.Tanh(), hn.Linear(1, 1, bias=False)])
    net.layers[1].params["w"][:] = 1
    export_c(net, tmp_path / "net.c")
    program = build(compiler, tmp_path / "net.c", "-DNET_MAIN", *SANITIZE)
    sizes = np.concatenate([np.linspace(0, 12, 3001), np.logspace(-38, 38, 3000)])
    x = np.concatenate([sizes, -sizes]).astype(np.float32)
    found = run_rows(program, x[:, None])[1][:, 0]
    exact = np.tanh(x.astype(np.float64))
    error = np.abs(found - exact) / np.maximum(np.abs(exact), 1e-40)
    print(f"largest relative error of tanh: {error.max():.1e}")
    assert error.max() <= 3e-7


def test_the_report_counts_what_is_there(tmp_path):
    net = networks.hashed_net([64, 50, 40, 10], bias="hashed")
    made = export_c(net, tmp_path / "net.c")
    small = export_c(net, tmp_path / "net.c", weights="int8")
    assert made.weight_bytes == 4 * net.num_parameters() and small.weight_bytes == net.num_parameters()
    assert made.stack_bytes == 4 * (50 + 40)  # the last layer writes to the caller's array
    assert (made.inputs, made.outputs, made.virtual_weights) == (64, 10, net.num_virtual_parameters())
    for text in (str(made.path), "360 bytes", f"{made.real_weights:,}"):
        assert text in str(made)


def test_int8_loses_at_most_one_percent_on_the_digits():
    net = hn.build("hashnet", [64, 100, 10], compression="1/8", seed=0)
    hn.fit(net, DIGITS, 20, optimizer=hn.SGD(0.05))
    error = hn.losses.error_rate
    before = error(hn.predict(net, DIGITS.x_test), DIGITS.y_test)
    after = error(hn.predict(quantize(net), DIGITS.x_test), DIGITS.y_test)
    print(f"test error {before:.2f} %, with int8 weights {after:.2f} %")
    assert before < 10 and after <= before + 1


def test_quantizing_leaves_the_network_as_it_is_and_rounds_to_half_a_step():
    net = networks.method_net("nn")
    before = {name: p.copy() for name, p in net.parameters()}
    rounded = dict(quantize(net).parameters())
    for name, p in net.parameters():
        assert np.array_equal(p, before[name])
        step = np.abs(p).max() / 127
        assert np.abs(rounded[name] - p).max() <= (0 if name.endswith("b") else 0.501 * step)


OPTIONS = {
    "unknown weights": ({"weights": "int4"}, "'float32' or 'int8'"),
    "other inputs": ({"inputs": np.ones((3, 3))}, r"expected \(n, n_in=2\)"),
    "no inputs": ({"inputs": np.ones((0, 2))}, "at least one row"),
    "infinite inputs": ({"inputs": [[1, np.inf]]}, "not finite"),
}


def one_large_weight(value, dtype=np.float64, **options) -> hn.Network:
    layer = hn.Linear(2, 2, seed=1, dtype=dtype, **options)
    layer.params["w"][0, 0] = value
    return hn.Network([layer])


def one_large_bias() -> hn.Network:
    net = one_large_weight(1.0)
    net.layers[0].params["b"][1] = -1e39
    return net


OVERFLOWS = {
    "a weight": (lambda: one_large_weight(1e39), {}, r"weights 0\.w hold values that are too large for float32;"),
    "a weight in int8": (lambda: one_large_weight(1e39), {"weights": "int8"}, r"weights 0\.w .*large for float32;"),
    "a bias": (one_large_bias, {}, r"weights 0\.b hold values that are too large for float32;"),
    "the scale in int8": (lambda: one_large_weight(MOST, np.float32), {"weights": "int8", "inputs": [[0.1, 0.1]]},
                          r"weights 0\.w hold values that are too large for float32 once they are rounded to int8"),
    "logits": (lambda: hn.Network([hn.Linear(2, 2, seed=1, init="uniform")]), {"inputs": [[1, 1], [MOST, -MOST]]},
               "the logits of the self-test are not finite for row 1 of its inputs; .*give smaller inputs"),
    "logits of random inputs": (lambda: hn.Network([hn.Linear(2, 1), hn.Linear(1, 1)]), {}, "not finite for row 0"),
    "inputs": (lambda: one_large_weight(1.0), {"inputs": [[1e39, 0]]}, "inputs hold values that are not finite in fl"),
}


@pytest.mark.parametrize("case", OVERFLOWS)
@pytest.mark.filterwarnings("error")
def test_what_overflows_float32_is_one_clear_line_and_nothing_is_written(case, tmp_path):
    make, options, message = OVERFLOWS[case]
    net = make()
    if case == "logits of random inputs":
        net.layers[0].params["w"][:] = net.layers[1].params["w"][:] = 1e30
    with pytest.raises(ValueError, match=message) as error:
        export_c(net, tmp_path / "net.c", **options)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", ["lrd", "hashnet"])
@pytest.mark.parametrize("file", ["net.c", "my net-2.c", "it's.c", "a$b.c"])
def test_the_command_at_the_head_of_a_file_compiles_and_tests_it(file, method, tmp_path):
    if not shutil.which("cc"):
        pytest.skip("no C compiler `cc` on this machine")
    export_c(hn.build(method, [4, 3, 2], compression="1/2", seed=1), tmp_path / file)
    command = re.search(r"To try it:  (.*) \*/", (tmp_path / file).read_text())[1]
    assert shlex.split(command)[4] == file and ("-lm" in command) == (method == "lrd")
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "all 10 inputs agree" in done.stdout


@pytest.mark.parametrize("case", [*networks.BAD, *OPTIONS])
def test_bad_input_is_one_clear_line_and_nothing_is_written(case, tmp_path):
    make, message = networks.BAD.get(case, (lambda: networks.hashed_net([2, 2]), ""))
    options, message = OPTIONS.get(case, ({}, message))
    with pytest.raises(ValueError, match=message) as error:
        export_c(make(), tmp_path / "net.c", **options)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_nothing_half_written(tmp_path):
    net = networks.hashed_net([2, 2])
    with pytest.raises(ValueError, match=r"must end in \.c"):
        export_c(net, tmp_path / "net.h")
    with pytest.raises(OSError):
        export_c(net, tmp_path / "nowhere" / "net.c")
    (tmp_path / "net.c").mkdir()
    with pytest.raises(OSError, match=r"net\.c"):
        export_c(net, tmp_path / "net.c")
    assert [p.name for p in tmp_path.iterdir()] == ["net.c"]  # and no header without its C file
    (tmp_path / "net.h").write_text("of an older network")
    with pytest.raises(OSError, match=r"net\.c"):
        export_c(net, tmp_path / "net.c")
    assert (tmp_path / "net.h").read_text() == "of an older network"
