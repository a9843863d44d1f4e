"""Data files: what IDX files may hold, where files are found, how they are verified, fetched and kept."""

import gzip
import hashlib
import http.server
import os
import pathlib
import struct
import subprocess
import sys
import threading
import tracemalloc

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


def test_a_download_that_no_folder_takes_is_used_all_the_same(tiny_mnist, tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file where the folder should be")
    serve(monkeypatch, lambda name: (tiny_mnist / name).read_bytes())
    assert len(hn.load_dataset("mnist").x_test) == 20


class Server(http.server.BaseHTTPRequestHandler):
    """Answers with what its path asks for."""

    def do_GET(self):
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", {"/short": "100", "/large": "5000"}.get(self.path, "5"))
        self.end_headers()
        self.wfile.write(b"x" * (5000 if self.path == "/large" else 5))

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_a_file_is_fetched_whole_or_not_at_all(server, capfd):
    assert data_files.fetch_url(f"{server}/file") == b"xxxxx"
    for path in ("missing", "short"):
        with pytest.raises(OSError):
            data_files.fetch_url(f"{server}/{path}")
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        data_files.fetch_url(f"{server}/large", 1000)
    assert capfd.readouterr().err == ""  # no bar where nobody looks: this is no terminal


@pytest.mark.parametrize("name", ["fashion-mnist", "kmnist", "qmnist", "emnist-letters"])
@pytest.mark.parametrize("pack", [True, False])
def test_the_kin_of_mnist_are_loaded_and_say_that_nobody_vouches_for_them(no_network, tmp_path, name, pack):
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


def test_a_file_of_another_set_under_mnists_name_is_said_to_be_one(tiny_mnist, tmp_path):
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


def test_a_path_that_the_system_does_not_take_is_no_file():
    assert not data_files.is_file(pathlib.Path("x" * 5000))
