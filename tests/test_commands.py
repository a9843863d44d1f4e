"""The command line: what each command prints, and one clear line with exit code 2 for every bad argument."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np import __main__ as cli
from hashnets_np import training
from hashnets_np.commands import bench, check, course, demo, train
from hashnets_np.commands import data as data_command
from hashnets_np.commands import hash as hash_command
from hashnets_np.datasets import LOADERS, idx
from hashnets_np.experiments.sweep.grid import Job
from hashnets_np.experiments.sweep.train import network_and_optimizer
from hashnets_np.support import disk

ROOT = os.path.dirname(os.path.dirname(hn.__file__))
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}  # as most people have it
LINK = pytest.param(True, marks=pytest.mark.skipif(os.name == "nt", reason="needs symbolic links"))


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


def test_hash_takes_every_option_of_a_map(capsys):
    options = ["--n-out", 8, "--n-cols", 12, "--buckets", 12, "--kind", "tile", "--size", 4, "--unsigned", "--seed", 7]
    code, out, _ = run(capsys, "hash", 3, 5, *options)
    m = hn.SharingMap(8, 12, buckets=12, kind="tile", size=4, signed=False, seed=7)
    assert code == 0 and out.strip() == str(hn.explain(m, 3, 5))


def test_bucket_mates_are_counted_in_plain_english():
    m = hn.SharingMap.from_table([[0, 1, 1], [2, 2, 2]], buckets=3)
    asked = [(0, 0, 5), (0, 1, 5), (1, 0, 5), (1, 0, 0)]
    last = [str(hn.explain(m, i, j, show)).splitlines()[-1].removeprefix("mates   ") for i, j, show in asked]
    assert last == ["no other virtual weight uses w[0]", "1 other virtual weight uses w[1]: V[0, 2]",
                    "2 other virtual weights use w[2]: V[1, 1], V[1, 2]", "2 other virtual weights use w[2]"]


@pytest.mark.parametrize(
    "argv",
    [["fly"], [], ["hash", 3], ["hash", "x", 1], ["hash", 99, 1], ["hash", -1, 1], ["hash", 1, 1, "--buckets", 0],
     ["hash", 1, 1, "--seed", 2**32], ["train", "--data", "cifar"], ["train", "--compression", 3],
     ["train", "--compression", "1/0"], ["train", "--widths", "64-x-10"], ["train", "--widths", "784-9-10"],
     ["train", "--epochs", 0], ["train", "--epochs", "many"], ["train", "--learning-rate", -1],
     ["train", "--dropout", 1],
     ["train", "--output", "/nowhere/net.safetensors"], ["train", "--seed", -1], ["data", "fetch"], ["data", "burn"],
     ["data", "verify", "cifar"], ["demo", "--seeds", 0], ["demo", "--flag"],
     ["demo", "--figures", __file__], ["data", "list", "cifar"], ["train", "--validation", "nan"],
     ["train", "--data-dir", "/nowhere"], ["check", "--command", " "], ["check", "--command", '"'],
     ["check", "x:Y", "--time-limit", "inf"], ["sweep", "quick", "--dask", "nowhere"]],
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


def test_widths_are_refused_in_words_of_their_own(capsys):
    code, _, err = run(capsys, "train", "--widths", "64-²-10")
    assert code == 2 and "widths must look like 64-1000-10 for digits, got '64-²-10'" in err


def test_a_diverged_training_is_not_written(capsys, tmp_path):
    path = tmp_path / "net.safetensors"
    arguments = ["--widths", "64-20-10", "--epochs", 2, "--learning-rate", 1e20, "--output", path]
    code, out, _ = run(capsys, "train", *arguments)
    assert code == 1 and "no network was saved; try a smaller --learning-rate" in out
    assert not path.exists()


def test_a_diverged_refit_is_not_written(capsys, tmp_path, monkeypatch):
    path, real_fit, calls = tmp_path / "net.safetensors", train.fit, []

    def fit(*arguments, **named):
        calls.append(real_fit(*arguments, **named))
        calls[-1].diverged = len(calls) == 2
        return calls[-1]

    monkeypatch.setattr(train, "fit", fit)
    code, out, _ = run(capsys, "train", "--widths", "64-20-10", "--epochs", 1, "--refit", "--output", path)
    assert code == 1 and len(calls) == 2 and "no network was saved" in out
    assert not path.exists()


def test_a_network_without_a_whole_epoch_is_not_written(capsys, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train_step", interrupted)
    path = tmp_path / "net.safetensors"
    code, out, _ = run(capsys, "train", "--widths", "64-20-10", "--output", path)
    assert code == 130 and f"not saved to {path}: no epoch finished" in out and not path.exists()
    assert "no epoch finished\ninterrupted\n" in out and "test error not evaluated" in out


def interrupt_call(monkeypatch, number, after=2):
    """Send Ctrl-C during one training of `train`, after a number of epochs."""
    calls, real_fit = [], train.fit

    def fit(net, data, *, callback=None, **named):
        calls.append(data)

        def stop(net, history):
            if callback is not None:
                callback(net, history)
            if len(calls) == number and len(history.train_loss) == after:
                raise KeyboardInterrupt

        return real_fit(net, data, callback=stop, **named)

    monkeypatch.setattr(train, "fit", fit)
    return calls


def test_ctrl_c_while_training_again_keeps_the_network_that_was_chosen(capsys, tmp_path, monkeypatch):
    path, calls = tmp_path / "net.safetensors", interrupt_call(monkeypatch, number=2, after=1)
    arguments = ["train", "--widths", "64-20-10", "--epochs", 3, "--learning-rate", 0.05]
    alone = run(capsys, *arguments)[1].splitlines()
    calls.clear()
    code, out, _ = run(capsys, *arguments, "--refit", "--output", path)
    assert code == 130 and len(calls) == 2
    assert "interrupted while training again on train + validation; the network chosen before is kept" in out
    assert alone[-1].startswith("test error") and alone[-1] in out  # that of the first training, not of half a second
    net, data = hn.load(path), hn.load_dataset("digits")
    wrong = 100 * float((hn.predict(net, data.x_test).argmax(1) != data.y_test).mean())
    assert f"test error {wrong:.2f} %" == alone[-1]


def test_ctrl_c_in_the_first_training_says_so_and_that_the_second_was_left_out(capsys, tmp_path, monkeypatch):
    path, calls = tmp_path / "net.safetensors", interrupt_call(monkeypatch, number=1)
    code, out, _ = run(capsys, "train", "--widths", "64-20-10", "--epochs", 9, "--refit", "--output", path)
    assert code == 130 and len(calls) == 1 and path.exists()
    assert "interrupted; the best epoch so far is kept, and not trained again on train + validation\n" in out
    assert "best epoch 2 of 2" in out and "test error " in out


def test_the_best_epoch_so_far_is_on_the_disk_while_training_and_gone_at_the_end(capsys, tmp_path, monkeypatch):
    path, seen, real_fit = tmp_path / "net.safetensors", [], train.fit

    def fit(net, data, *, callback, **named):
        def look(net, history):
            callback(net, history)
            seen.append((history.best_epoch, hn.load(f"{path}.so-far").num_parameters(), path.exists()))
        return real_fit(net, data, callback=look, **named)

    monkeypatch.setattr(train, "fit", fit)
    assert run(capsys, "train", "--widths", "64-20-10", "--epochs", 2, "--output", path)[0] == 0
    assert (seen[0][0], seen[0][2]) == (1, False)
    assert os.listdir(tmp_path) == ["net.safetensors"]


@pytest.mark.parametrize("link", [False, LINK])
def test_the_best_epoch_that_a_killed_run_left_is_neither_replaced_nor_deleted(capsys, tmp_path, monkeypatch, link):
    path, left = tmp_path / "net.safetensors", tmp_path / "net.safetensors.so-far"
    left.symlink_to("elsewhere") if link else left.write_bytes(b"all that is left")
    monkeypatch.setattr(train, "fit", None)
    code, out, err = run(capsys, "train", "--widths", "64-20-10", "--epochs", 1, "--output", path)
    assert (code, out) == (2, "") and f"{left} is left from an interrupted run" in err and "rename or delete it" in err
    assert err.count("\n") == 1 and os.listdir(tmp_path) == [left.name]
    assert os.readlink(left) == "elsewhere" if link else left.read_bytes() == b"all that is left"


def test_a_run_deletes_no_best_epoch_but_its_own(capsys, tmp_path, monkeypatch):
    def fit(*_, **__):
        (tmp_path / "net.so-far").write_text("of another run that began meanwhile")
        return training.History(interrupted=True)

    monkeypatch.setattr(train, "fit", fit)
    assert run(capsys, "train", "--widths", "64-20-10", "--output", tmp_path / "net")[0] == 130
    assert (tmp_path / "net.so-far").read_text() == "of another run that began meanwhile"


@pytest.mark.parametrize("linked", [False, LINK])
@pytest.mark.parametrize("name", ["x.npy", "y.npy"])
def test_the_output_is_not_one_of_the_users_own_files(capsys, tmp_path, monkeypatch, name, linked):
    digits = hn.load_dataset("digits")
    np.save(tmp_path / "x.npy", digits.x_test[:50])
    np.save(tmp_path / "y.npy", digits.y_test[:50])
    before = (tmp_path / name).read_bytes()
    output = tmp_path / ("link" if linked else name)
    if linked:
        output.symlink_to(tmp_path / name)
    monkeypatch.setattr(train, "fit", None)
    own = ["--x", tmp_path / "x.npy", "--y", tmp_path / "y.npy", "--widths", "64-20-10"]
    code, _, err = run(capsys, "train", *own, "--output", output)
    assert code == 2 and f"--output {output} is the file of your own data, {tmp_path / name}" in err
    assert err.count("\n") == 1 and (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(("method", "exponent"), [("hashnet", 0.0), ("by-root-load", 0.5), ("by-load", 1.0)])
def test_each_method_is_trained_as_in_a_sweep(capsys, monkeypatch, method, exponent):
    optimizers, real_fit = [], train.fit

    def fit(*arguments, optimizer, **named):
        optimizers.append(optimizer)
        return real_fit(*arguments, optimizer=optimizer, **named)

    monkeypatch.setattr(train, "fit", fit)
    more = ["--learning-rate", 0.05, "--weight-decay", 0.001, "--compression", "1/16", "--epochs", 1, "--refit"]
    assert run(capsys, "train", "--method", method, "--widths", "64-20-10", *more)[0] == 0
    job = Job("run", "digits", method, 3, "1/16", None, 0, hidden=20, tune=False)
    hyper = {"rate": 0.5, "momentum": 0.9, "dropout": 0.0, "input_dropout": 0.0}
    expected = network_and_optimizer(job, hyper, hn.load_dataset("digits"))[1]
    assert len(optimizers) == 2
    for optimizer in optimizers:
        assert optimizer.load_exponent == expected.load_exponent == exponent
        assert optimizer.learning_rate == pytest.approx(expected.learning_rate)
        assert optimizer.learning_rate * optimizer.weight_decay == pytest.approx(0.05 * 0.001)  # it has no load


def test_a_wrong_learning_rate_is_shown_as_it_was_given(capsys):
    assert "got -1.0" in run(capsys, "train", "--method", "by-load", "--learning-rate", -1)[2]


@pytest.mark.parametrize("argv", [
    ["train", "--widths", "64-20-10", "--epochs", "1"],
    pytest.param(["demo", "--seeds", "1", "--epochs", "1", "--workers", "1"], marks=pytest.mark.slow),
])
def test_no_bar_is_written_into_a_pipe(argv, tmp_path):
    more = ["--figures", str(tmp_path)] if argv[0] == "demo" else []
    done = subprocess.run([sys.executable, "-m", "hashnets_np", *argv, *more], capture_output=True, text=True,
                          env=BUFFERED, check=True)
    assert "\r" not in done.stderr and "%|" not in done.stderr


@pytest.mark.parametrize("argv", [["train", "--output"], ["bench", "steps", "--json"]])
@pytest.mark.parametrize(("place", "why"), [("/proc/x.safetensors", "its folder must exist and be writable"),
                                            ("/nowhere/x.safetensors", "its folder"), ("/tmp", "is a folder")])
def test_a_place_that_is_not_writable_is_rejected_first(capsys, monkeypatch, argv, place, why):
    if place.startswith("/proc") and not os.path.isdir("/proc"):
        pytest.skip("this system has no /proc")
    begun = []
    monkeypatch.setattr(train, "fit", lambda *_, **__: begun.append("train"))
    monkeypatch.setattr(bench, "machine", lambda: begun.append("bench"))
    code, _, err = run(capsys, *argv, place)
    assert (code, begun) == (2, []) and f"{place}: {why}" in err and err.count("\n") == 1


@pytest.mark.parametrize(("argv", "message"), [
    (["train", "--output", "new/"], "argument --output: new/ is the name of a folder"),
    (["check", "x:Y", "--json", ""], "argument --json: its name is empty; is a variable unset?"),
    (["sweep", "quick", "--records", ""], "argument --records: its name is empty"),
    (["demo", "--figures", "~nobody-at-all/x"], "argument --figures: cannot expand ~"),
    *[(["sweep", "quick", "--list", option, text], f"argument {option}: it is empty; is a variable unset?")
      for option in ("--datasets", "--methods", "--layers", "--seeds", "--sizes", "--dask") for text in ("", " ")],
    (["sweep", ""], "argument grid: it is empty; is a variable unset?"),
    (["train", "--widths", "", "--epochs", "1"], "argument --widths: it is empty; is a variable unset?"),
    (["export", "net.safetensors", "net.c", "--data", ""], "argument --data: it is empty; is a variable unset?"),
    (["sweep", "quick", "--list", "--data-dir", "/typo"], "argument --data-dir: there is no folder /typo"),
])
def test_names_that_mean_something_else_are_refused(capsys, tmp_path, monkeypatch, argv, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *argv)
    assert code == 2 and not out and message in err and err.count("\n") == 1
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(("argv", "message"), [
    (["demo", "--seeds", 0], "--seeds must be an integer of at least 1, got 0"),
    (["demo", "--workers", -2], "--workers must be an integer of at least 1, got -2"),
    (["bench", "--seconds", 0], "--seconds must be a finite number above 0, got 0.0"),
    (["bench", "--seconds", "inf"], "--seconds must be a finite number above 0, got inf"),
    (["bench", "--momentum", 1], "--momentum must be a finite number at least 0 and below 1, got 1.0"),
    (["bench", "--largest", 50], "--largest must be an integer in 20..40, got 50"),
    (["bench", "--largest", 21], "--largest must be even, got 21: sizes grow fourfold"),
    (["bench", "--batches", 8, 0], "--batches must be at least 1, got 0"),
    (["check", "x:Y", "--examples", -1], "--examples must be an integer of at least 0, got -1"),
    (["check", "x:Y", "--seed", -1], "--seed must be an integer in 0..2**32-1, got -1"),
    (["check", "x:Y", "--time-limit", 0], "--time-limit must be above 0 and at most 1000000, got 0"),
])
def test_a_number_outside_its_limits_is_named_with_its_option(capsys, argv, message):
    code, out, err = run(capsys, *argv)
    assert code == 2 and not out and message in err and err.count("\n") == 1


@pytest.mark.parametrize(("argv", "message"), [
    (["sweep"], "is not a TOML file, which is text in UTF-8"),
    (["check", "x:Y", "--xfail"], "is not a text file in UTF-8; expected a case and a reason on each line"),
])
def test_a_file_of_bytes_is_named_where_text_is_expected(capsys, tmp_path, argv, message):
    np.save(tmp_path / "y.npy", np.arange(3))
    code, out, err = run(capsys, *argv, tmp_path / "y.npy")
    assert code == 2 and not out and f"{tmp_path / 'y.npy'} {message}" in err and err.count("\n") == 1


def test_the_home_folder_is_understood_in_every_option(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # the shell leaves --option=~/x as it is
    code, _, err = run(capsys, "check", "--export=~/cases", "--topic", "bucket-count")
    assert code == 0 and not err
    assert os.listdir(tmp_path) == ["home"] and len(os.listdir(tmp_path / "home" / "cases" / "bucket-count")) > 5


def test_cases_that_a_full_disk_cannot_take_name_their_file(capsys, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk.os, "fsync", full)
    code, _, err = run(capsys, "check", "--export", tmp_path)
    assert code == 2 and err.count("\n") == 1 and f"{tmp_path}" in err and "No space left on device" in err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_read_only_file_and_a_socket_are_rejected_first(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(train, "fit", None)
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "old").chmod(0o444)
    code, _, err = run(capsys, "train", "--output", tmp_path / "old")
    assert code == 2 and f"{tmp_path / 'old'}: is read-only; check its permissions" in err and err.count("\n") == 1
    if hasattr(socket, "AF_UNIX"):
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(tmp_path / "socket"))
            code, _, err = run(capsys, "train", "--output", tmp_path / "socket")
        assert code == 2 and "is neither a file nor a pipe" in err and err.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="needs a FIFO")
def test_a_pipe_gets_the_network_and_has_no_size(capsys, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    code, out, _ = run(capsys, "train", "--widths", "64-5-10", "--epochs", 1, "--output", tmp_path / "pipe")
    reader.join()
    (tmp_path / "net").write_bytes(got[0])
    assert code == 0 and out.endswith(f"written: {tmp_path / 'pipe'}\n") and len(hn.load(tmp_path / "net").layers) == 3


def test_an_output_of_the_longest_name_and_one_in_the_home_folder(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("ä" * 127 + "x", "~/net"):
        path = name if name.startswith("~") else tmp_path / name
        code, out, _ = run(capsys, "train", "--widths", "64-5-10", "--epochs", 1, "--output", path)
        assert code == 0 and "bytes)" in out
    assert sorted(os.listdir(tmp_path)) == sorted(["ä" * 127 + "x", "net"])


def test_a_disk_that_is_full_at_the_end_leaves_the_best_epoch_so_far(capsys, tmp_path, monkeypatch):
    def save(net, path):
        if not str(path).endswith(".so-far"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        hn.save(net, path)

    monkeypatch.setattr(train, "save", save)
    path = tmp_path / "net"
    code, _, err = run(capsys, "train", "--widths", "64-5-10", "--epochs", 1, "--output", path)
    assert code == 2 and f"No space left on device; the best epoch so far is in {path}.so-far" in err
    assert hn.load(f"{path}.so-far").num_parameters() == 49 and os.listdir(tmp_path) == ["net.so-far"]


def test_a_course_that_a_full_disk_cut_short_is_completed_the_next_time(tmp_path, monkeypatch):
    def full(path, content):
        if path.name.startswith("02"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        disk.atomic_write(path, content)

    monkeypatch.setattr(course, "atomic_write", full)
    with pytest.raises(OSError, match=r"No space left.*02_"):
        course.unpack(course.course_folder(), tmp_path)
    monkeypatch.undo()
    new, kept = course.unpack(course.course_folder(), tmp_path)
    assert new and kept and all(path.stat().st_size for path in tmp_path.rglob("*.ipynb"))


def test_help_does_not_list_every_data_set(capsys):
    for command in ("train", "data"):
        assert "emnist" not in run(capsys, command, "--help")[1]
    assert "choose from" in run(capsys, "train", "--data", "cifar")[2]


def test_looking_for_a_place_leaves_nothing_there(tmp_path):
    train.check_output(tmp_path / "net.safetensors")
    assert os.listdir(tmp_path) == []


def test_data_verifies_the_shipped_digits(capsys):
    assert "958 training, 239 validation, 600 test examples" in run(capsys, "data", "verify", "digits")[1]


def test_data_says_of_each_set_whether_it_is_here(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HASHNETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HASHNETS_DATA", raising=False)
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    for name in idx.MNIST_SHA256:
        (tmp_path / "MNIST" / "raw" / name).write_bytes(b"")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "convex.zip").write_bytes(b"")
    code, out, _ = run(capsys, "data", "list", "--data-dir", tmp_path)
    state = dict(re.findall(r"^(\S+) +(.*)$", out.split("\n\n")[0], re.M))
    assert code == 0 and list(state) == list(LOADERS)
    assert state["digits"] == "here: shipped with the package"
    assert state["mnist"] == f"here: files in {tmp_path / 'MNIST' / 'raw'}; `data verify mnist` checks them"
    assert state["kmnist"] == "not here; `data fetch kmnist` downloads it" and "emnist" in state["emnist-letters"]
    assert state["convex"].startswith(f"here: the original {tmp_path / 'sub' / 'convex.zip'}")
    assert state["rect"].startswith("regenerated from the published recipe;")
    assert state["rot"].startswith("regenerated from MNIST;")
    assert f"  {tmp_path}\n  {tmp_path / 'cache'}  (does not exist)" in out


def test_data_verify_downloads_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HASHNETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HASHNETS_DATA", raising=False)
    monkeypatch.setattr(idx, "fetch_url", None)
    for name in ("mnist", "kmnist", "emnist-letters", "mnist14"):
        code, _, err = run(capsys, "data", "verify", name)
        there = "mnist" if name == "mnist14" else name
        assert code == 2 and f"{there} is not here; " in err and "looked for in" in err and err.count("\n") == 1


@pytest.mark.parametrize("name", ["rect", "basic"])
def test_data_verify_regenerates_nothing(name, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HASHNETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HASHNETS_DATA", raising=False)
    code, _, err = run(capsys, "data", "verify", name)
    assert code == 2 and f"there is no original of {name} to verify: it is regenerated from" in err
    assert err.count("\n") == 1 and not (tmp_path / "cache").exists()


def test_data_verify_says_where_files_are_not_the_published_ones(capsys, monkeypatch):
    found = replace(hn.load_dataset("digits"), provenance="unverified: IDX files of x, SHA-256 0")
    monkeypatch.setattr(data_command, "check_presence", lambda *_: None)
    for name, why in (("kmnist", "these are not the published files, their checksums differ"),
                      ("emnist-letters", "no checksums of these four files are published")):
        monkeypatch.setitem(LOADERS, name, lambda data_dir: found)
        code, out, _ = run(capsys, "data", "verify", name)
        assert code == 1 and out.endswith(f"\nnot verified: {why}\n")
        assert run(capsys, "data", "fetch", name)[0] == 0  # which promises nothing


@pytest.mark.parametrize(("argv", "same"), [(["help"], ["--help"]), (["help", "train"], ["train", "--help"])])
def test_help_is_a_command_too(capsys, argv, same):
    assert run(capsys, *argv) == run(capsys, *same)


def test_a_misspelt_command_is_told_what_was_meant(capsys):
    code, _, err = run(capsys, "trian")
    assert code == 2 and err.startswith(f"{cli.PROGRAM}: unknown command 'trian'") and "did you mean train?" in err
    assert run(capsys, "help", "nothing")[0] == 2


@pytest.mark.parametrize(("argv", "guess"), [
    (["train", "--data", "mnits"], "mnist"), (["train", "--data", "Fashion_MNIST"], "fashion-mnist"),
    (["data", "verify", "digit"], "digits"), (["train", "--schedule", "cosin"], "cosine"),
])
def test_a_misspelt_name_is_told_what_was_meant(capsys, argv, guess):
    code, _, err = run(capsys, *argv)
    assert code == 2 and f"did you mean {guess}?" in err and err.count("\n") == 1


def test_errors_of_files_say_which_file_and_what_may_help(capsys, monkeypatch):
    for number, hint in [(errno.EACCES, "permissions"), (errno.EROFS, "writable"), (errno.ENOSPC, "free some space")]:
        error = OSError(number, os.strerror(number), "/some/file")

        def explain(*_, error=error):
            raise error

        monkeypatch.setattr(hash_command, "explain", explain)
        code, _, err = run(capsys, "hash", 0, 0)
        assert code == 2 and f"/some/file: {os.strerror(number)}; " in err and hint in err and "Errno" not in err


def test_a_small_demo_prints_a_table_and_draws_a_figure(capsys, tmp_path):
    code, out, _ = run(capsys, "demo", "--seeds", 1, "--epochs", 1, "--workers", 2, "--figures", tmp_path / "figures")
    assert code == 0
    assert all(re.search(rf"^ *{c} +\d+ +\d+ +\d+\.\d\d", out, re.M) for c in demo.COMPRESSIONS)
    assert (tmp_path / "figures" / "demo.png").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs process groups")
@pytest.mark.parametrize("argv", [["demo", "--figures", "figures"], ["sweep", "quick", "--records", "records"]])
@pytest.mark.parametrize("seconds", [0.5, 1.5, 3.0, 6.0])
def test_ctrl_c_ends_all_processes_in_one_line(tmp_path, argv, seconds):
    """A worker that took Ctrl-C as its own showed a traceback, or died with a lock in its hands: the demo hung."""
    begun = "import sys, hashnets_np.__main__ as cli\nprint('begun', flush=True)\nsys.exit(cli.main(sys.argv[1:]))"
    (tmp_path / "begin.py").write_text(f"if __name__ == '__main__':\n    {begun.replace(chr(10), chr(10) + '    ')}")
    with subprocess.Popen([sys.executable, "begin.py", *argv, "--workers", "2"], cwd=tmp_path, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, start_new_session=True,
                          env=BUFFERED | {"PYTHONPATH": ROOT}) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        try:
            said = process.communicate(timeout=60)[1]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130 and said.splitlines()[-1].endswith(f"{argv[0]}: interrupted")
    assert "Traceback" not in said


def test_an_argument_of_several_lines_is_answered_in_one(capsys):
    code, _, err = run(capsys, "train", "two\nlines")
    assert code == 2 and err.count("\n") == 1


def test_the_demo_shows_no_spread_of_one_seed():
    for seeds, shown, head in ((1, " 14.00 ", "one seed, so that its spread is not known"),
                               (2, " 14.50 +- 0.71 ", "mean +- standard deviation")):
        runs = [demo.Run("nn", "1", 0.1, seed, 1, 100, 10.0, 14.0 + seed) for seed in range(seeds)]
        text = demo.table({(method, c): runs for method in demo.METHODS for c in demo.COMPRESSIONS})
        assert shown in text and head in text and ("+- 0" in text) == (seeds > 1)


def test_the_demo_chooses_by_validation_error_only():
    runs = [demo.Run("nn", "1", rate, seed, 1, 9, valid, test) for rate, seed, valid, test in
            [(0.03, 0, 5.0, 1.0), (0.03, 1, 5.0, 1.0), (0.1, 0, 4.0, 9.0), (0.1, 1, 5.0, 9.0), (0.3, 0, 9.0, 0.0)]]
    assert {r.learning_rate for r in demo.choose(runs, "nn", "1")} == {0.1}


SHORT = pytest.mark.parametrize("argv", [["hash", "3", "5"], [], ["--help"], ["hash", "--help"], ["--version"]])


@SHORT
def test_output_that_nobody_reads(argv):
    with subprocess.Popen([sys.executable, "-m", "hashnets_np", *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=BUFFERED) as process:
        process.stdout.close()
        assert process.stderr.read() == "" and process.wait() == 1


def test_a_network_is_saved_though_nobody_reads_the_output(tmp_path):
    argv = ["train", "--widths", "64-8-10", "--epochs", "1", "--refit", "--output", str(tmp_path / "net.safetensors")]
    with subprocess.Popen([sys.executable, "-m", "hashnets_np", *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=BUFFERED | {"PYTHONUNBUFFERED": "1"}) as process:
        process.stdout.close()
        assert process.stderr.read() == "" and process.wait() == 1
    assert os.listdir(tmp_path) == ["net.safetensors"]


def test_a_report_is_in_its_file_though_nobody_reads_it(tmp_path, monkeypatch):
    def closed(*_):
        raise BrokenPipeError

    monkeypatch.setattr(check, "write_report", closed)
    layer = "hashnets_np.conformance.numpy_layer:NumpyLayer"
    assert cli.main(["check", layer, "--case", "hash-001", "--json", str(tmp_path / "r.json")]) == 1
    assert [case["id"] for case in json.loads((tmp_path / "r.json").read_text())["cases"]] == ["hash-001"]


def test_a_warning_is_one_line_without_code_of_the_package(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.integers(0, 255, (60, 4)))
    np.save(tmp_path / "y.npy", rng.integers(0, 2, 60))
    argv = ["train", "--x", tmp_path / "x.npy", "--y", tmp_path / "y.npy", "--widths", "4-3-2", "--epochs", "1"]
    done = subprocess.run([sys.executable, "-m", "hashnets_np", *map(str, argv)], capture_output=True, text=True,
                          check=False, env=BUFFERED)
    assert done.stderr.startswith("python -m hashnets_np: warning: x_train has values up to 254")
    assert done.stderr.count("\n") == 1


def test_a_name_that_the_output_cannot_encode_is_escaped(tmp_path):
    path = tmp_path / "数字.safetensors"
    argv = ["train", "--widths", "64-8-10", "--epochs", "1", "--output", str(path)]
    done = subprocess.run([sys.executable, "-m", "hashnets_np", *argv], capture_output=True, text=True, check=False,
                          env=BUFFERED | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"})
    assert (done.returncode, done.stderr) == (0, "") and r"\u6570\u5b57.safetensors" in done.stdout
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@SHORT
def test_output_to_a_full_disk_is_one_line(argv):
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "hashnets_np", *argv], stdout=full, stderr=subprocess.PIPE,
                              text=True, env=BUFFERED, check=False)
    assert done.returncode == 2 and "No space left on device" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="the shell's >&-")
def test_a_closed_stdout_is_not_an_error():
    command = f'"{sys.executable}" -m hashnets_np hash 3 5 >&-'
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, env=BUFFERED, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_library_that_is_not_installed_is_named_in_one_line(capsys, monkeypatch):
    def run_it(*_):
        raise ModuleNotFoundError("No module named 'numba'", name="numba")

    monkeypatch.setattr(cli, "run_command", run_it)
    code, _, err = run(capsys, "bench")
    assert code == 2 and "numba is needed for this and is not installed; pip install numba" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("threads", ["0", "abc", "", "-1"])
def test_a_wrong_number_of_threads_names_its_variable(threads):
    code = "import hashnets_np as hn; hn.HashedLinear(3, 4, '1/2')([[1.0, 2.0, 3.0]])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env=os.environ | {"NUMBA_NUM_THREADS": threads, "PYTHONPATH": ROOT})
    assert "NUMBA_NUM_THREADS must be a whole number of at least 1" in done.stderr


@pytest.mark.parametrize(("error", "message"), [
    (MemoryError("Unable to allocate 7.45 GiB"), "Unable to allocate 7.45 GiB"), (MemoryError(), "MemoryError"),
])
def test_too_little_memory_is_one_line(capsys, monkeypatch, error, message):
    def explain(*_):
        raise error

    monkeypatch.setattr(hash_command, "explain", explain)
    code, _, err = run(capsys, "hash", 0, 0)
    assert (code, err) == (2, f"python -m hashnets_np hash: {message}\n")


def test_a_reader_who_has_seen_enough_ends_a_command_quietly(tmp_path):
    command = [sys.executable, "-m", "hashnets_np", "sweep", "all", "--list", "--records", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()  # as `| head` does
        assert process.stderr.read() == "" and process.wait() == 1
