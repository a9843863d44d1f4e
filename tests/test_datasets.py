"""Data sets: the shipped digits, MNIST from files of any form, and errors that say what to do."""

import gzip
import hashlib
import os
import struct

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np import datasets


def test_the_shipped_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    data, original = hn.load_dataset("digits"), load_digits()
    x = np.concatenate([data.x_train, data.x_valid, data.x_test])
    y = np.concatenate([data.y_train, data.y_valid, data.y_test])
    np.testing.assert_array_equal(x, original.data / 16)
    np.testing.assert_array_equal(y, original.target)
    assert (x.dtype, y.dtype, x.min(), x.max(), data.classes) == (np.float32, np.int64, 0.0, 1.0, 10)


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch):
    """A folder with a small set in MNIST's format, whose checksums are taken for MNIST's; no network."""
    rng, checksums = np.random.default_rng(0), {}
    folder = tmp_path / "elsewhere" / "mnist"
    folder.mkdir(parents=True)
    for name in datasets.MNIST_SHA256:
        n = 50 if name.startswith("train") else 20
        shape = (n, 28, 28) if "images" in name else (n,)
        values = rng.integers(0, 256 if "images" in name else 10, shape, dtype=np.uint8)
        raw = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + values.tobytes()
        checksums[name] = hashlib.sha256(raw).hexdigest()
        (folder / f"{name}.gz").write_bytes(gzip.compress(raw))
    monkeypatch.setattr(datasets, "MNIST_SHA256", checksums)
    monkeypatch.setattr(datasets, "MNIST_MIRRORS", ("http://127.0.0.1:9/",))
    monkeypatch.setattr(datasets, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.delenv("HASHNETS_DATA", raising=False)
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


@pytest.mark.parametrize("damage", [lambda raw: raw[:-20], lambda raw: gzip.compress(gzip.decompress(raw)[:-1] + b"\0"),
                                    lambda raw: b"<html>not found</html>", lambda raw: b"\x1f\x8b junk"])
def test_a_damaged_or_foreign_file_is_refused_by_name(tiny_mnist, damage):
    path = tiny_mnist / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte.gz .*delete it and fetch it again"):
        hn.load_dataset("mnist", tiny_mnist)


def test_without_network_the_error_says_what_was_looked_for_and_where(tiny_mnist, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train-images.*cache.*could not be downloaded.*--data-dir"):
        hn.load_dataset("mnist", tmp_path / "nothing")
    assert not list((tmp_path / "cache").rglob("*.*"))


def test_a_wrong_download_gets_no_name(tiny_mnist, tmp_path, monkeypatch):
    import pooch

    def wrong_content(self, url, output_file, pooch_object):
        with open(output_file, "wb") as file:
            file.write(gzip.compress(b"something else"))

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", wrong_content)
    with pytest.raises(FileNotFoundError, match="could not be downloaded"):
        hn.load_dataset("mnist", tmp_path / "nothing")
    assert not list((tmp_path / "cache").rglob("*.*"))


def test_a_download_is_verified_and_kept(tiny_mnist, tmp_path, monkeypatch):
    import pooch

    def serve(self, url, output_file, pooch_object):
        with open(output_file, "wb") as file:
            file.write((tiny_mnist / url.rsplit("/", 1)[1]).read_bytes())

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", serve)
    assert len(hn.load_dataset("mnist").x_test) == 20
    assert sorted(os.listdir(tmp_path / "cache" / "mnist")) == sorted(f"{n}.gz" for n in datasets.MNIST_SHA256)


def test_an_unknown_set_is_refused():
    with pytest.raises(ValueError, match=r"unknown data set 'cifar'; known: digits, mnist"):
        hn.load_dataset("cifar")


def test_the_real_mnist(shared):
    data = hn.load_dataset("mnist", shared / "data")
    assert [len(x) for x in (data.x_train, data.x_valid, data.x_test)] == [48_000, 12_000, 10_000]
    np.testing.assert_array_equal(np.bincount(data.y_test), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])


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
    assert datasets.search_path(named) == [named, variable, cache]
    for folder in (cache, variable, named):  # each is found before those that came earlier
        folder.mkdir()
        (folder / "x").write_text("")
        assert datasets.find_file("x", named, "mnist") == folder / "x"
