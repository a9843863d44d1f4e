"""The command line: what each command prints, and one clear line with exit code 2 for every bad argument."""

import re
import subprocess
import sys

import pytest

import hashnets_np as hn
from hashnets_np import __main__ as cli
from hashnets_np.commands import demo


def run(capsys, *argv):
    try:
        code = cli.main([str(a) for a in argv])
    except SystemExit as stop:
        code = stop.code
    output = capsys.readouterr()
    return code, output.out, output.err


def test_help_lists_every_command(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert {"data", "demo", "hash", "train"} <= set(cli.NAMES)
    for name in cli.NAMES:
        assert re.search(rf"^  {name} +\S", out, re.M)
        assert run(capsys, name, "--help")[0] == 0


def test_hash_shows_one_weight(capsys):
    code, out, _ = run(capsys, "hash", 3, 5, "--seed", 7, "--buckets", 98)
    m = hn.SharingMap(28, 28, buckets=98, seed=7)
    bucket, sign = m.lookup(3, 5)
    assert code == 0
    assert "key     03 00 00 00 05 00 00 00" in out
    assert f"{int(hn.xxh32_pair(3, 5, 7))}" in out
    assert f"V[3, 5] = {'-' if sign < 0 else ''}w[{bucket}]" in out
    mates = int((m.table()[0] == bucket).sum()) - 1
    assert f"{mates} other virtual weights use w[{bucket}]" in out
    listed = [(int(i), int(j)) for i, j in re.findall(r"V\[(\d+), (\d+)\]", out.splitlines()[-1])]
    assert listed and all(m.lookup(i, j)[0] == bucket and (i, j) != (3, 5) for i, j in listed)


@pytest.mark.parametrize(
    "argv",
    [["fly"], [], ["hash", 3], ["hash", "x", 1], ["hash", 99, 1], ["hash", -1, 1], ["hash", 1, 1, "--buckets", 0],
     ["hash", 1, 1, "--seed", 2**32], ["train", "--data", "cifar"], ["train", "--compression", 3],
     ["train", "--compression", "1/0"], ["train", "--widths", "64-x-10"], ["train", "--widths", "784-9-10"],
     ["train", "--epochs", 0], ["train", "--epochs", "many"], ["train", "--learning-rate", -1],
     ["train", "--dropout", 1],
     ["train", "--output", "/nowhere/net.safetensors"], ["train", "--seed", -1], ["data", "fetch"], ["data", "burn"],
     ["data", "verify", "cifar"], ["demo", "--seeds", 0], ["demo", "--flag"]],
)
def test_bad_arguments_get_one_line_and_exit_code_2(capsys, argv):
    code, out, err = run(capsys, *argv)
    assert code == 2
    assert (out + err).count("\n") == 1 or not argv
    assert "Traceback" not in err


def test_train_refit_and_save(capsys, tmp_path):
    path = tmp_path / "net.safetensors"
    arguments = ["--widths", "64-50-10", "--epochs", 4, "--refit", "--output", path, "--seed", 3]
    code, out, _ = run(capsys, "train", *arguments)
    assert code == 0
    best = int(re.search(r"best epoch (\d) of 4, by validation error \((\d+\.\d+) %\)", out)[1])
    assert f"trained again on train + validation for {best} epochs" in out
    net, data = hn.load(path), hn.load_dataset("digits")
    wrong = 100 * float((hn.predict(net, data.x_test).argmax(1) != data.y_test).mean())
    assert f"test error {wrong:.2f} %" in out
    assert run(capsys, "train", *arguments)[1] == out  # the same command, the same numbers


def test_data_lists_and_verifies(capsys):
    assert "digits" in run(capsys, "data")[1]
    assert "958 training, 239 validation, 600 test examples" in run(capsys, "data", "verify", "digits")[1]


def test_a_small_demo_prints_a_table_and_draws_a_figure(capsys, tmp_path):
    code, out, _ = run(capsys, "demo", "--seeds", 1, "--epochs", 1, "--workers", 2, "--figures", tmp_path / "figures")
    assert code == 0
    assert all(re.search(rf"^ *{c} +\d+ +\d+ +\d+\.\d\d", out, re.M) for c in demo.COMPRESSIONS)
    assert (tmp_path / "figures" / "demo.png").stat().st_size > 10_000


def test_the_demo_chooses_by_validation_error_only():
    runs = [demo.Run("nn", "1", rate, seed, 1, 9, valid, test) for rate, seed, valid, test in
            [(0.03, 0, 5.0, 1.0), (0.03, 1, 5.0, 1.0), (0.1, 0, 4.0, 9.0), (0.1, 1, 5.0, 9.0), (0.3, 0, 9.0, 0.0)]]
    assert {r.learning_rate for r in demo.choose(runs, "nn", "1")} == {0.1}


def test_a_reader_who_has_seen_enough_ends_a_command_quietly(tmp_path):
    command = [sys.executable, "-m", "hashnets_np", "sweep", "all", "--list", "--records", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()  # as `| head` does
        assert process.stderr.read() == "" and process.wait() == 1
