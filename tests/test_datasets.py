"""Data files: what IDX files may hold, where files are found, how they are verified, fetched and kept."""

import gzip
import hashlib
import http.server
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import hashnets_np as hn
from hashnets_np.datasets import data_files, idx
from hashnets_np.datasets.idx import MNIST_SHA256, SETS, TYPES, load_idx, parse_idx


def test_the_shipped_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    data, original = hn.load_dataset("digits"), load_digits()
    x = np.concatenate([data.x_train, data.x_valid, data.x_test])
    y = np.concatenate([data.y_train, data.y_valid, data.y_test])
    np.testing.assert_array_equal(x, original.data / 16)
    np.testing.assert_array_equal(y, original.target)
    assert (x.dtype, y.dtype, x.min(), x.max(), data.classes) == (np.float32, np.int64, 0.0, 1.0, 10)


def to_idx(array, code=8):
    return struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.astype(TYPES[code]).tobytes()


@given(st.sampled_from(list(TYPES)), st.data())
def test_an_idx_file_of_any_type_and_shape_comes_back(code, data):
    dtype = np.dtype(TYPES[code])
    array = data.draw(hnp.arrays(dtype, hnp.array_shapes(max_dims=4, min_side=0, max_side=4)))
    back = parse_idx(to_idx(array, code))
    assert back.dtype == dtype.newbyteorder("=") and back.dtype.isnative and back.flags.writeable
    np.testing.assert_array_equal(back, array)


def test_signed_and_wide_numbers_are_not_read_as_bytes():
    for code in (9, 11, 12, 13, 14):
        assert parse_idx(to_idx(np.array([-1, 0, 1]), code)).tolist() == [-1, 0, 1]


@pytest.mark.parametrize(("raw", "message"), [
    (b"", "not an IDX file"), (b"\0\0\x08", "not an IDX file"), (b"<html>not found</html>", "begins with .*<html>"),
    (b"\0\0\x08\x01", "too short for the lengths"), (b"\0\0\x0a\x01\0\0\0\0", "type 10; known types: 8, 9"),
    (b"\0\0\x08\0", "0 dimensions"), (b"\0\0\x08\xff" + b"\0" * 2000, "255 dimensions"),
    (b"\0\0\x08\x01\0\0\0\x02a", "should have 10 bytes, got 9; was it cut short"),
    (b"\0\0\x08\x01\0\0\0\x02abc", "should have 10 bytes, got 11"), (b"\0\0\x0c\x01\0\0\0\x01abc", "should have 12"),
    (b"\0\0\x08\x03" + b"\xff" * 12 + b"abc", "should have 792281"),
])
def test_what_is_not_exactly_one_idx_file_is_one_line(raw, message):
    with pytest.raises(ValueError, match=message) as error:
        parse_idx(raw)
    assert "\n" not in str(error.value)


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    """Keep the real cache, real data and the network out of a test."""
    monkeypatch.setenv("HASHNETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HASHNETS_DATA", raising=False)
    monkeypatch.setattr(idx, "MNIST_MIRRORS", ("http://127.0.0.1:9/",))
    monkeypatch.setattr(idx, "SETS", {name: known._replace(mirror=known.mirror and "http://127.0.0.1:9/")
                                      for name, known in SETS.items()})


def write_set(folder, names, labels=10, pack=True, seed=0):
    """Write a small set under the four names of a known one; return the uncompressed files."""
    rng, files = np.random.default_rng(seed), {}
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        n = 50 if "train" in name else 20
        if "images" in name:
            raw = to_idx(rng.integers(0, 256, (n, 28, 28)))
        elif "idx2-int" in name:
            raw = to_idx(rng.integers(0, labels, (n, 8)), 12)
        else:
            raw = to_idx(rng.integers(0, labels, n))
        files[name] = raw
        (folder / (f"{name}.gz" if pack else name)).write_bytes(gzip.compress(raw, mtime=0) if pack else raw)
    return files


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch, no_network):
    """A folder with a small set in MNIST's format, whose checksums are taken for MNIST's."""
    folder = tmp_path / "elsewhere" / "mnist"
    files = write_set(folder, MNIST_SHA256)
    monkeypatch.setattr(idx, "MNIST_SHA256", {name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()})
    return folder


def test_mnist_is_found_gzipped_or_not_and_split_80_to_20(tiny_mnist, monkeypatch):
    data = hn.load_dataset("mnist", tiny_mnist.parent)
    assert [len(x) for x in (data.x_train, data.x_valid, data.x_test)] == [40, 10, 20]
    assert data.x_train.shape == (40, 784) and data.x_train.dtype == np.float32 and data.x_train.max() == 1.0
    for packed in tiny_mnist.glob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    monkeypatch.setenv("HASHNETS_DATA", str(tiny_mnist))
    np.testing.assert_array_equal(hn.load_dataset("mnist").x_test, data.x_test)


@pytest.mark.parametrize("layout", ["MNIST/raw/{}", "raw/{}", "{}", "mnist/{}", "MNIST/{}", "mnist/{}/{}"])
@pytest.mark.parametrize("dotted", [False, True])
def test_files_are_found_as_other_libraries_lay_them(tiny_mnist, tmp_path, layout, dotted):
    data = hn.load_dataset("mnist", tiny_mnist.parent)
    for packed in tiny_mnist.glob("*.gz"):
        name = packed.name.removesuffix(".gz")
        name = name.replace("-idx", ".idx") if dotted else name
        target = tmp_path / "other" / layout.format(name, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.decompress(packed.read_bytes()))
    np.testing.assert_array_equal(hn.load_dataset("mnist", tmp_path / "other").x_test, data.x_test)


def test_the_home_folder_may_be_written_as_a_tilde(tiny_mnist, monkeypatch):
    monkeypatch.setenv("HOME", str(tiny_mnist.parent))
    monkeypatch.setenv("USERPROFILE", str(tiny_mnist.parent))
    assert len(hn.load_dataset("mnist", "~/mnist").x_test) == 20
    monkeypatch.setenv("HASHNETS_DATA", "~")
    assert len(hn.load_dataset("mnist").x_test) == 20


@pytest.mark.parametrize("damage", [lambda raw: raw[:-20], lambda raw: gzip.compress(gzip.decompress(raw)[:-1] + b"\0"),
                                    lambda raw: b"<html>not found</html>", lambda raw: b"\x1f\x8b junk"])
def test_a_damaged_or_foreign_file_is_refused_by_name(tiny_mnist, damage):
    path = tiny_mnist / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte.gz .*delete it and fetch it again"):
        hn.load_dataset("mnist", tiny_mnist)


def bomb(path, size=2**30):
    """Write a gzip file of a few kilobytes or megabytes that unpacks to a gigabyte of zeros."""
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(struct.pack(">4B3I", 0, 0, 8, 3, size // 784, 28, 28))
        for _ in range(size // 2**20):
            file.write(bytes(2**20))


@pytest.mark.slow
def test_a_gzip_bomb_takes_no_more_memory_than_a_real_file(tiny_mnist, tmp_path):
    bomb(tiny_mnist / "train-images-idx3-ubyte.gz", 2**29)
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than the 47040016 bytes"):
        hn.load_dataset("mnist", tiny_mnist)
    with pytest.raises(ValueError, match=r"more than the \d+ bytes"):
        load_idx(tiny_mnist)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3 * 2**27


def test_a_small_gzip_bomb_is_refused(tmp_path):
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(10**6)))
    with pytest.raises(ValueError, match=r"bomb.gz has more than the 1000 bytes"):
        data_files.read_bounded(tmp_path / "bomb.gz", 1000)
    assert data_files.read_bounded(tmp_path / "bomb.gz", 10**6) == bytes(10**6)


def test_without_network_the_error_says_what_was_looked_for_under_which_names_and_where(tiny_mnist, tmp_path):
    message = (r"train-images-idx3-ubyte\[.gz\] or train-images.idx3-ubyte\[.gz\] is not in .*nothing, .*cache, nor in "
               r"a folder mnist or raw there, and could not be downloaded.*--data-dir")
    with pytest.raises(FileNotFoundError, match=message):
        hn.load_dataset("mnist", tmp_path / "nothing")
    assert not (tmp_path / "cache").exists()


def serve(monkeypatch, answer):
    """Let downloads come from a function of the name of a file."""
    monkeypatch.setattr(idx, "fetch_url", lambda url, limit=0: answer(url.rsplit("/", 1)[1]))


@pytest.mark.parametrize("content", [gzip.compress(b"something else"), b"<html>", b"", b"\x1f\x8b junk"])
def test_a_wrong_download_gets_no_name(tiny_mnist, tmp_path, monkeypatch, content):
    serve(monkeypatch, lambda name: content)
    for name in ("mnist", "fashion-mnist"):
        with pytest.raises(FileNotFoundError, match="could not be downloaded"):
            hn.load_dataset(name, tmp_path / "nothing")
    assert not (tmp_path / "cache").exists()


def test_a_download_is_verified_and_kept(tiny_mnist, tmp_path, monkeypatch):
    serve(monkeypatch, lambda name: (tiny_mnist / name).read_bytes())
    assert len(hn.load_dataset("mnist").x_test) == 20
    assert sorted(os.listdir(tmp_path / "cache" / "mnist")) == sorted(f"{n}.gz" for n in MNIST_SHA256)
    serve(monkeypatch, None)  # from now on from the cache
    assert len(hn.load_dataset("mnist").x_test) == 20


def test_a_download_that_cannot_be_kept_is_used_all_the_same(tiny_mnist, tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file where the folder should be")
    serve(monkeypatch, lambda name: (tiny_mnist / name).read_bytes())
    assert len(hn.load_dataset("mnist").x_test) == 20


class Server(http.server.BaseHTTPRequestHandler):
    """Answers with what its path asks for."""

    def do_GET(self):
        self.send_response(404 if self.path == "/missing" else 200)
        if self.path != "/unsized":
            self.send_header("Content-Length", {"/short": "100", "/large": "5000"}.get(self.path, "5"))
        self.end_headers()
        self.wfile.write(b"x" * (5000 if self.path == "/large" else 5))

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_a_file_is_fetched_whole_or_not_at_all(server, capfd):
    assert data_files.fetch_url(f"{server}/file") == b"xxxxx"
    for path in ("missing", "short"):
        with pytest.raises(OSError):
            data_files.fetch_url(f"{server}/{path}")
    with pytest.raises(ValueError, match="more than 4999 bytes"):
        data_files.fetch_url(f"{server}/large", 4999)
    assert data_files.fetch_url(f"{server}/large", 5000) == b"x" * 5000
    assert data_files.fetch_url(f"{server}/unsized") == b"xxxxx"
    assert capfd.readouterr().err == ""  # no bar where nobody looks: this is no terminal


@pytest.mark.parametrize("name", ["fashion-mnist", "kmnist", "qmnist", "emnist-letters"])
@pytest.mark.parametrize("pack", [True, False])
def test_relatives_of_mnist_are_loaded_with_a_note_that_they_are_not_verified(no_network, tmp_path, name, pack):
    files = write_set(tmp_path / "data" / name.split("-letters")[0].upper() / "raw", SETS[name].md5, pack=pack)
    data = hn.load_dataset(name, tmp_path / "data")
    images, labels, test_images, _ = (parse_idx(raw) for raw in files.values())
    if name.startswith("emnist"):
        images, test_images = images.swapaxes(1, 2), test_images.swapaxes(1, 2)
    np.testing.assert_array_equal(data.x_train, (images.reshape(50, -1) / 255)[:40].astype(np.float32))
    np.testing.assert_array_equal(data.x_test, (test_images.reshape(20, -1) / 255).astype(np.float32))
    np.testing.assert_array_equal(data.y_train, (labels[:, 0] if labels.ndim == 2 else labels)[:40])
    assert data.name == f"{name} (unverified)" and data.provenance.startswith("unverified: IDX files of ")


def test_published_files_are_known_by_their_checksums(no_network, tmp_path, monkeypatch):
    write_set(tmp_path / "fashion-mnist", SETS["fashion-mnist"].md5)
    md5 = {path.name.removesuffix(".gz"): hashlib.md5(path.read_bytes()).hexdigest()
           for path in (tmp_path / "fashion-mnist").iterdir()}
    known = idx.SETS["fashion-mnist"]
    monkeypatch.setitem(idx.SETS, "fashion-mnist", known._replace(md5={name: md5[name] for name in known.md5}))
    for data in (hn.load_dataset("fashion-mnist", tmp_path), load_idx(tmp_path / "fashion-mnist")):
        assert data.provenance == "original: Fashion-MNIST, by the MD5 of its four files"
        assert data.name == "fashion-mnist"
    with pytest.raises(ValueError, match=r"holds the files of fashion-mnist, not of kmnist"):
        hn.load_dataset("kmnist", tmp_path / "fashion-mnist")
    monkeypatch.setenv("HASHNETS_CACHE", str(tmp_path / "cache2"))
    serve(monkeypatch, lambda name: (tmp_path / "fashion-mnist" / name).read_bytes())
    assert hn.load_dataset("fashion-mnist").provenance.startswith("original") and (tmp_path / "cache2").exists()


def test_mnist_is_not_taken_for_another_set(tiny_mnist):
    with pytest.raises(ValueError, match="holds the files of mnist, not of kmnist"):
        hn.load_dataset("kmnist", tiny_mnist)
    assert load_idx(tiny_mnist).provenance == "original: MNIST, by the SHA-256 of its four files"


def test_a_file_of_another_set_under_mnists_name_is_identified_as_such(tiny_mnist, tmp_path):
    write_set(tmp_path / "bare", MNIST_SHA256, seed=5)
    message = r"expected .*another set with such file names.*fashion-mnist, kmnist.*load_idx"
    with pytest.raises(ValueError, match=message):
        hn.load_dataset("mnist", tmp_path / "bare")


def test_any_folder_of_idx_files_is_loaded(no_network, tmp_path):
    for prefix, n in (("one-", 3), ("two-", 4)):
        for part in ("train", "test"):
            (tmp_path / f"{prefix}{part}-images").write_bytes(to_idx(np.full((n, 2, 2), 255)))
            (tmp_path / f"{prefix}{part}-labels.gz").write_bytes(gzip.compress(to_idx(np.arange(n))))
            (tmp_path / f"{prefix}{part}-labels").write_bytes(to_idx(np.arange(n)))
    (tmp_path / "._one-test-labels").write_bytes(b"left by macOS")
    assert load_idx(tmp_path, "one-").x_train.tolist() == [[1.0] * 4] * 3
    assert load_idx(tmp_path, prefix="two-").name == "two (unverified)"
    with pytest.raises(ValueError, match=r"several files for train images: one-train-images, two-train.*prefix"):
        load_idx(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no file with train and images .* beginning with three-"):
        load_idx(tmp_path, "three-")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        load_idx(tmp_path / "nothing")


@pytest.mark.parametrize(("images", "labels", "message"), [
    (np.zeros((3, 2, 2)), np.zeros(4), "3 images, .* 4 labels"), (np.zeros(3), np.zeros(3), r"expected \(n, rows, col"),
    (np.zeros((0, 2, 2)), np.zeros(0), r"shape \(0, 2, 2\)"),
    (np.zeros((3, 2, 2)), np.zeros((3, 1, 1)), "whole numbers"),
])
def test_images_and_labels_must_fit(tmp_path, images, labels, message):
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images").write_bytes(to_idx(images))
        (tmp_path / f"{part}-labels").write_bytes(to_idx(labels))
    with pytest.raises(ValueError, match=message):
        load_idx(tmp_path)


def test_labels_below_zero_are_refused(tmp_path):
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images").write_bytes(to_idx(np.zeros((1, 2, 2))))
        (tmp_path / f"{part}-labels").write_bytes(to_idx(np.array([-1]), 9))
    with pytest.raises(ValueError, match="has a label -1"):
        load_idx(tmp_path)


def test_an_unknown_set_is_refused():
    with pytest.raises(ValueError, match=r"unknown data set 'cifar'; known: digits, mnist"):
        hn.load_dataset("cifar")


@pytest.mark.slow
def test_the_real_mnist(shared):
    data = hn.load_dataset("mnist", shared / "data")
    assert [len(x) for x in (data.x_train, data.x_valid, data.x_test)] == [48_000, 12_000, 10_000]
    np.testing.assert_array_equal(np.bincount(data.y_test), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])


def test_the_checksums_of_mnist_are_the_published_ones():
    """Each belongs to its own file: the images of the test set are compared with more than themselves."""
    published = "ba891046 65a50cbb 0fa7898d ff7bcfd4".split()
    assert [sha[:8] for sha in MNIST_SHA256.values()] == published
    assert list(MNIST_SHA256) == ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                  "t10k-labels-idx1-ubyte"]


def test_training_and_test_files_are_kept_apart(tiny_mnist):
    data = hn.load_dataset("mnist", tiny_mnist)
    raw = {name: parse_idx(gzip.decompress((tiny_mnist / f"{name}.gz").read_bytes())) for name in MNIST_SHA256}
    x = np.concatenate([data.x_train, data.x_valid])
    np.testing.assert_array_equal(np.round(x * 255), raw["train-images-idx3-ubyte"].reshape(50, 784))
    np.testing.assert_array_equal(np.round(data.x_test * 255), raw["t10k-images-idx3-ubyte"].reshape(20, 784))
    np.testing.assert_array_equal(np.concatenate([data.y_train, data.y_valid]), raw["train-labels-idx1-ubyte"])
    np.testing.assert_array_equal(data.y_test, raw["t10k-labels-idx1-ubyte"])


def test_joined_examples_keep_their_labels_and_the_test_set():
    data = hn.load_dataset("digits")
    joined = data.refit()
    for part in "xy":
        both = [getattr(data, f"{part}_train"), getattr(data, f"{part}_valid")]
        np.testing.assert_array_equal(getattr(joined, f"{part}_train"), np.concatenate(both))
        np.testing.assert_array_equal(getattr(joined, f"{part}_test"), getattr(data, f"{part}_test"))
    assert len(joined.x_valid) == len(joined.y_valid) == 0


def test_files_are_looked_for_in_the_most_specific_place_first(tiny_mnist, tmp_path, monkeypatch):
    monkeypatch.setenv("HASHNETS_DATA", str(tmp_path / "variable"))
    named, variable, cache = tmp_path / "named", tmp_path / "variable", tmp_path / "cache"
    assert data_files.search_path(named) == [named, variable, cache]
    for folder in (cache, variable, named):  # each is found before those that came earlier
        folder.mkdir()
        (folder / "x").write_text("")
        assert data_files.find_file("x", named, "mnist") == folder / "x"


HOMELESS = """
import os
import hashnets_np as hn
from hashnets_np.datasets import data_files
from hashnets_np.__main__ import main
from pathlib import Path

def nobody(self=None):
    raise RuntimeError("Could not determine home directory.")

Path.home = staticmethod(nobody)
Path.expanduser = lambda self: nobody() if str(self).startswith("~") else self
print(data_files.user_cache())
assert main(["data", "list"]) == 0
"""


@pytest.mark.skipif(os.name == "nt", reason="users without a home are a matter of containers")
def test_a_user_without_a_home_needs_no_cache_folder(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    done = subprocess.run([sys.executable, "-c", HOMELESS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and f"hashnets_np-{os.getuid()}" in done.stdout, done.stderr
    assert "digits" in done.stdout


def test_the_cache_is_where_the_system_has_it(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(data_files.sys, "platform", "linux")
    if os.name == "posix":
        assert data_files.user_cache() == tmp_path / ".cache" / "hashnets_np"
        monkeypatch.setattr(data_files.sys, "platform", "darwin")
        assert data_files.user_cache() == tmp_path / "Library" / "Caches" / "hashnets_np"
    monkeypatch.setenv("HASHNETS_CACHE", str(tmp_path / "mine"))
    assert data_files.cache_dir() == tmp_path / "mine"


def test_no_file_of_mnist_is_larger_than_its_training_images():
    assert idx.MNIST_LARGEST == 47_040_016  # 60,000 images of 28 x 28, and 16 bytes before them


def test_a_set_of_one_image_of_one_pixel_is_a_set(tmp_path):
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images").write_bytes(to_idx(np.full((1, 1, 1), 51)))
        (tmp_path / f"{part}-labels").write_bytes(to_idx(np.array([0])))
    data = load_idx(tmp_path)
    assert data.x_train.tolist() == [[np.float32(0.2)]] and data.x_test.shape == (1, 1)


@pytest.mark.parametrize("part", ["train", "t10k"])
def test_images_and_labels_are_compared_in_both_parts(tmp_path, part):
    for each in ("train", "t10k"):
        (tmp_path / f"{each}-images").write_bytes(to_idx(np.zeros((3, 2, 2))))
        (tmp_path / f"{each}-labels").write_bytes(to_idx(np.zeros(4 if each == part else 3)))
    with pytest.raises(ValueError, match=f"{part}-images has 3 images, .*{part}-labels has 4 labels"):
        load_idx(tmp_path)


def test_a_download_of_a_set_needs_a_folder_and_says_how_to_name_one(no_network, tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file where the folder should be")
    files = {f"{name}.gz": gzip.compress(raw, mtime=0)
             for name, raw in write_set(tmp_path / "x", SETS["kmnist"].md5).items()}
    md5 = {name.removesuffix(".gz"): hashlib.md5(raw).hexdigest() for name, raw in files.items()}
    monkeypatch.setitem(idx.SETS, "kmnist", idx.SETS["kmnist"]._replace(md5=md5))
    serve(monkeypatch, files.get)
    with pytest.raises(OSError, match=r"kmnist.train-images-idx3-ubyte.gz could not be written; .*HASHNETS_CACHE"):
        hn.load_dataset("kmnist")


def test_the_bound_on_unknown_files_grows_with_their_packed_size(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "SMALL", 100)
    packed = gzip.compress(to_idx(np.zeros(100_000)), mtime=0)
    (tmp_path / "zeros.gz").write_bytes(packed)
    assert 100_008 / len(packed) > idx.LARGEST_GZIP_RATIO == 256
    with pytest.raises(ValueError, match=f"more than the {256 * len(packed)} bytes"):
        idx.read_idx(tmp_path / "zeros.gz")
    (tmp_path / "noise.gz").write_bytes(gzip.compress(to_idx(np.arange(100_000) % 251)))
    assert len(idx.read_idx(tmp_path / "noise.gz")) == 100_000


def test_a_regression_has_no_classes():
    data = hn.Dataset.from_arrays(np.zeros((10, 2)), np.linspace(0, 1, 10))
    with pytest.raises(ValueError, match="has float targets, not class labels"):
        _ = data.classes


@pytest.mark.parametrize("prefix", ["", "emnist-digits-"])
def test_images_may_be_rows_already(tmp_path, prefix):
    for part in ("train", "t10k"):
        (tmp_path / f"{prefix}{part}-images").write_bytes(to_idx(np.array([[0, 255, 51]])))
        (tmp_path / f"{prefix}{part}-labels").write_bytes(to_idx(np.array([2])))
    assert load_idx(tmp_path, prefix).x_train.tolist() == [[0, 1, np.float32(0.2)]]


def test_a_path_that_the_system_refuses_is_not_a_file():
    assert not data_files.is_file(pathlib.Path("x" * 5000))


@pytest.fixture
def bars(monkeypatch):
    """Note with what progress bars are made, and how they count."""
    from unittest.mock import MagicMock

    made = MagicMock()
    monkeypatch.setattr("tqdm.tqdm", made)
    return made


def test_a_download_is_counted_in_a_bar_that_goes_away(server, bars, monkeypatch):
    monkeypatch.setattr(data_files, "BLOCK", 2000)
    data_files.fetch_url(f"{server}/large")
    bars.assert_called_once_with(total=5000, desc="large", unit="B", unit_scale=True, leave=False, disable=None)
    updates = bars.return_value.__enter__.return_value.update.call_args_list
    assert [call.args[0] for call in updates] == [2000, 2000, 1000]
    data_files.fetch_url(f"{server}/unsized")
    assert bars.call_args.kwargs["total"] is None  # not 0, of which no part could be shown


@pytest.mark.parametrize("pack", [True, False])
def test_a_file_may_have_as_many_bytes_as_allowed_and_not_one_more(tmp_path, pack):
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(b"12345") if pack else b"12345")
    for limit in (5, 6):
        assert data_files.read_bounded(path, limit) == b"12345"
    with pytest.raises(ValueError, match="file has more than the 4 bytes that it may have"):
        data_files.read_bounded(path, 4)


def test_a_file_in_the_folder_of_another_set_is_not_found(tmp_path, no_network):
    (tmp_path / "kmnist").mkdir()
    (tmp_path / "kmnist" / "x").write_text("")
    assert data_files.find_file("x", tmp_path, "mnist") is None
    assert data_files.find_file(["y", "x"], tmp_path, "KMNIST") == tmp_path / "kmnist" / "x"
    assert list(data_files.places(tmp_path, "")) == [tmp_path, tmp_path / "raw"]


def test_package_data_is_found_inside_a_wheel_and_beside_a_checkout(tmp_path, monkeypatch):
    root = pathlib.Path(data_files.__file__).parents[2]
    monkeypatch.delenv("HASHNETS_CACHE", raising=False)
    assert data_files.package_file("digits.csv.gz") == root / "data" / "digits.csv.gz"
    assert data_files.cache_dir() == root / "data" / "cache"
    installed = tmp_path / "site-packages" / "hashnets_np"
    (installed / "data").mkdir(parents=True)
    (installed / "data" / "digits.csv.gz").write_bytes(b"")
    monkeypatch.setattr(data_files, "__file__", str(installed / "datasets" / "data_files.py"))
    monkeypatch.setattr(data_files, "user_cache", lambda: tmp_path / "users")
    assert data_files.package_file("digits.csv.gz") == installed / "data" / "digits.csv.gz"
    assert data_files.cache_dir() == tmp_path / "users"


@pytest.mark.parametrize(("name", "platform", "variables", "expected"), [
    ("nt", "win32", {"LOCALAPPDATA": "local"}, "local/hashnets_np/hashnets_np/Cache"),
    ("nt", "win32", {}, "home/AppData/Local/hashnets_np/hashnets_np/Cache"),
    ("posix", "linux", {"XDG_CACHE_HOME": "xdg"}, "xdg/hashnets_np"), ("posix", "linux", {}, "home/.cache/hashnets_np"),
    ("posix", "darwin", {"XDG_CACHE_HOME": "xdg"}, "home/Library/Caches/hashnets_np"),
])
def test_each_system_has_its_cache_folder(monkeypatch, name, platform, variables, expected):
    monkeypatch.setattr(data_files, "os", SimpleNamespace(name=name, environ=variables))
    monkeypatch.setattr(data_files.sys, "platform", platform)
    monkeypatch.setattr(pathlib.Path, "home", lambda: pathlib.Path("home"))
    assert data_files.user_cache() == pathlib.Path(expected)


def test_where_there_is_no_home_the_cache_is_a_temporary_folder(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(data_files.sys, "platform", "linux")
    monkeypatch.setattr(pathlib.Path, "home", homeless)
    if os.name == "posix":
        assert data_files.user_cache() == pathlib.Path(tempfile.gettempdir()) / f"hashnets_np-{os.getuid()}"


def test_arrays_are_made_once_and_kept_beside_each_other(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"x": np.arange(3)}

    for name in ("one.npz", "two.npz", "one.npz"):
        path = tmp_path / "new" / "folder" / name
        assert data_files.cached_arrays(path, make)["x"].tolist() == [0, 1, 2] and path.exists()
    assert len(made) == 2
    (tmp_path / "file").write_text("no folder")
    assert data_files.cached_arrays(tmp_path / "file" / "three.npz", make)["x"].tolist() == [0, 1, 2]


def test_arrays_that_another_process_made_meanwhile_are_read(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    data_files.make_and_keep(path, lambda: {"x": np.arange(3)})
    found = iter([None, data_files.read_cached(path)])
    monkeypatch.setattr(data_files, "read_cached", lambda path: next(found))
    assert data_files.cached_arrays(path, None)["x"].tolist() == [0, 1, 2]  # read, not regenerated


def test_a_digest_depends_on_names_types_shapes_and_numbers_and_on_nothing_else():
    x = np.arange(6, dtype=np.int32).reshape(2, 3)
    others = [{"y": x}, {"x": x.astype(np.uint32)}, {"x": x.reshape(3, 2)}, {"x": x + 1}, {"x": x, "y": x}, {}]
    same = data_files.digest({"x": x})
    assert len({same, *map(data_files.digest, others)}) == 7
    assert data_files.digest({"x": np.asfortranarray(x)}) == same
    assert data_files.digest({"a": x, "b": x + 1}) == data_files.digest({"b": x + 1, "a": x})


def test_a_file_is_kept_where_it_can_be(tmp_path):
    for name in "xy":
        assert data_files.keep(tmp_path / "a" / "b" / name, b"1") is True
    assert data_files.keep(tmp_path / "a" / "b" / "x" / "z", b"3") is False
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["x", "y"]


@pytest.mark.parametrize(("dimensions", "right"), [(0, False), (1, True), (8, True), (9, False)])
def test_an_idx_file_has_1_to_8_dimensions(dimensions, right):
    raw = struct.pack(f">4B{dimensions}I", 0, 0, 8, dimensions, *[1] * dimensions) + b"7"
    if right:
        assert parse_idx(raw).shape == (1,) * dimensions
    else:
        with pytest.raises(ValueError, match=f"an IDX file of {dimensions} dimensions, expected 1 to 8"):
            parse_idx(raw)


@pytest.mark.parametrize("raw", [b"\0\1\x08\1", b"\1\0\x08\1", b"\0\0\x08"])
def test_an_idx_file_begins_with_two_zeros_and_has_4_bytes_at_least(raw):
    with pytest.raises(ValueError, match="not an IDX file: it begins with"):
        parse_idx(raw)
    assert parse_idx(struct.pack(">4BI", 0, 0, 8, 1, 0)).shape == (0,)


def test_no_idx_file_is_larger_than_any_that_is_known(tmp_path):
    raw = to_idx(np.zeros(10))
    (tmp_path / "x").write_bytes(raw)
    assert len(idx.read_idx(tmp_path / "x", len(raw))) == 10
    with pytest.raises(ValueError, match=f"x has more than the {len(raw) - 1} bytes") as error:
        idx.read_idx(tmp_path / "x", len(raw) - 1)
    assert str(error.value).count(str(tmp_path)) == 1
    (tmp_path / "x").write_bytes(raw[:-1])
    with pytest.raises(ValueError, match=rf"^{tmp_path}.x: an IDX file of shape \(10,\)"):
        idx.read_idx(tmp_path / "x")
    assert (idx.LARGEST_FILE, idx.SMALL) == (2**30, 2**26)


def test_the_second_mirror_is_asked_where_the_first_does_not_have_it(tiny_mnist, tmp_path, monkeypatch):
    asked = []

    def fetch(url, limit):
        asked.append(url.rpartition("/")[0])
        if "first" in url:
            raise OSError("not there")
        assert limit == idx.MNIST_LARGEST
        return (tiny_mnist / url.rpartition("/")[2]).read_bytes()

    monkeypatch.setattr(idx, "MNIST_MIRRORS", ("http://first/", "http://second/", "http://third/"))
    monkeypatch.setattr(idx, "fetch_url", fetch)
    assert len(hn.load_dataset("mnist").x_test) == 20
    assert asked == ["http://first", "http://second"] * 4


def test_the_reason_why_a_mirror_failed_is_given_for_each(no_network, tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "MNIST_MIRRORS", ("http://first/", "http://second/"))
    serve(monkeypatch, lambda name: b"something else")
    reasons = r"downloaded \(http://first/: ValueError; http://second/: ValueError\)"
    with pytest.raises(FileNotFoundError, match=reasons):
        hn.load_dataset("mnist", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"kmnist .*sent something else: MD5 "):
        hn.load_dataset("kmnist", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"a folder emnist or raw .*published in gzip.zip, an archive"):
        hn.load_dataset("emnist-letters", tmp_path)


def test_only_a_gzipped_file_with_a_published_checksum_can_be_the_original(tmp_path):
    content = gzip.compress(b"x")
    for name in ("x.gz", "x"):
        (tmp_path / name).write_bytes(content)
    md5 = hashlib.md5(content).hexdigest()
    assert idx.is_original(tmp_path / "x.gz", md5) is True
    for name, published in (("x", md5), ("x.gz", ""), ("x.gz", "0")):
        assert idx.is_original(tmp_path / name, published) is False


@pytest.mark.parametrize(("images", "labels", "code", "message"), [
    (np.zeros((3, 0, 2)), np.zeros(3), 8, r"shape \(3, 0, 2\), expected \(n, rows, columns\)"),
    (np.zeros((3, 2)), np.zeros((3, 0)), 8, r"shape \(3, 0\) and type uint8, expected n whole numbers"),
    (np.zeros((3, 2)), np.zeros(3), 13, "type float32, expected n whole numbers"),
    (np.zeros((3, 2)), np.zeros(2), 8, "3 images, .* has 2 labels"),
    (np.zeros((3, 2)), np.array([0, -1, 2]), 9, "has a label -1, expected 0 or more"),
])
def test_what_is_not_a_pair_is_refused(images, labels, code, message):
    labels = labels.astype(np.dtype(TYPES[code]).newbyteorder("="))
    with pytest.raises(ValueError, match=message):
        idx.check_pair(images.astype(np.uint8), labels, pathlib.Path("images"), pathlib.Path("labels"))


def test_pairs_at_the_limits_are_pairs():
    path = pathlib.Path("x")
    idx.check_pair(np.zeros((1, 1)), np.zeros(1, int), path, path)
    idx.check_pair(np.zeros((2, 1, 1)), np.array([[3, -1], [0, -7]]), path, path)  # QMNIST's other numbers may be any
    assert idx.as_labels(np.array([[3, -1], [0, -7]])).tolist() == [3, 0]


@pytest.mark.parametrize(("images", "pixels"), [
    (np.array([[0, 51, 255]], np.uint8), [[0, 0.2, 1]]), (np.array([[[0], [32767]]], np.int16), [[0, 1]]),
    (np.array([[0.5, 7.0]]), [[0.5, 7.0]]),
])
def test_whole_numbers_are_scaled_by_the_largest_of_their_type_and_floats_stay(images, pixels):
    found = idx.as_pixels(images)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(pixels, np.float32))


def test_the_files_of_a_set_are_named_as_mnist_names_them():
    assert list(SETS["qmnist"].md5) == ["qmnist-train-images-idx3-ubyte", "qmnist-train-labels-idx2-int",
                                        "qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int"]
    assert list(SETS["kmnist"].md5) == list(MNIST_SHA256)
    assert set(SETS["emnist-letters"].md5.values()) == {""} and len(SETS["emnist-letters"].md5) == 4


def test_what_is_not_verified_says_of_which_folder_and_content_it_is(no_network, tmp_path):
    files = write_set(tmp_path / "kmnist", SETS["kmnist"].md5)
    content = b"".join(parse_idx(raw).tobytes() for raw in files.values())
    assert hn.load_dataset("kmnist", tmp_path).provenance == (
        f"unverified: IDX files of {tmp_path / 'kmnist'}, SHA-256 {hashlib.sha256(content).hexdigest()[:16]}")


def test_a_set_is_looked_for_in_its_own_folder_and_in_raw_below(no_network, tmp_path):
    files = write_set(tmp_path / "kmnist" / "raw", SETS["kmnist"].md5)
    found = idx.find_set("kmnist", tmp_path)
    assert [path.name for path in found] == [f"{name}.gz" for name in files]
    found[2].unlink()
    assert idx.find_set("kmnist", tmp_path) is None


def test_a_file_is_chosen_by_part_and_kind_and_the_gzipped_one_stands_for_both():
    names = ["a-test-images", "a-test-labels", "a-train-images", "a-train-images.gz", "a-train-labels"]
    paths = [pathlib.Path(name) for name in names]
    folder = pathlib.Path("folder")
    assert idx.the_one(paths, folder, "", "train", "images").name == "a-train-images.gz"
    assert idx.the_one(paths, folder, "a-", "test", "labels").name == "a-test-labels"
    assert idx.the_one([pathlib.Path("t10k-labels")], folder, "", "test", "labels").name == "t10k-labels"
    with pytest.raises(FileNotFoundError, match=r"no file with t10k or test and images in its name in folder$"):
        idx.the_one(paths[1:], folder, "", "test", "images")


def test_hidden_files_and_files_in_raw_are_known(no_network, tmp_path):
    write_set(tmp_path / "raw", MNIST_SHA256)
    (tmp_path / "raw" / ".train-images").write_bytes(b"of an editor")
    data = load_idx(tmp_path)
    assert data.name == f"{tmp_path.name} (unverified)" and len(data.x_test) == 20


def test_the_last_fifth_of_the_training_examples_is_for_validation():
    from hashnets_np.datasets import split

    for n, valid in ((4, 0), (5, 1), (9, 1), (10, 2)):
        x = np.arange(n, dtype=np.float64)[:, None]
        data = split("x", x, np.arange(n), x[:1], np.arange(1), "here")
        assert data.y_valid.tolist() == list(range(n - valid, n)) and data.y_train.tolist() == list(range(n - valid))
        assert data.x_valid[:, 0].tolist() == data.y_valid.tolist() and data.provenance == "here"


@pytest.mark.parametrize("code", [11, 12])
def test_pixels_that_use_little_of_a_wide_type_get_a_warning_when_they_are_trained_on(tmp_path, code):
    pixels = np.arange(40 * 4).reshape(40, 2, 2)
    for part, n in (("train", 40), ("test", 10)):
        (tmp_path / f"{part}-images").write_bytes(to_idx(pixels[:n], code))
        (tmp_path / f"{part}-labels").write_bytes(to_idx(np.arange(n) % 2))
    data = load_idx(tmp_path)
    with pytest.warns(UserWarning, match="x_train has no value beyond .*was it divided by too much"):
        hn.fit(hn.Network([hn.Linear(4, 2, seed=0)]), data, 1)
