"""Data of one's own from the command line: .npy, .npz and .csv, and one clear line for what cannot be used."""

import re
import zipfile

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.__main__ import main
from hashnets_np.experiments.own_files import load_own

DIGITS = hn.load_dataset("digits")
X, Y = DIGITS.x_train[:200], DIGITS.y_train[:200]
TRAIN = ["train", "--widths", "64-20-10", "--epochs", "2"]


def save_csv(path, table, head=""):
    np.savetxt(path, table, fmt="%g", delimiter=",", header=head, comments="")
    return path


def write_in_every_form(folder):
    """Write the same examples in every form."""
    np.save(folder / "x.npy", X)
    np.save(folder / "y.npy", Y)
    np.savez(folder / "both.npz", x=X, y=Y)
    np.savez(folder / "keras.npz", x_train=X, y_train=Y, x_test=DIGITS.x_test, y_test=DIGITS.y_test)
    np.savez(folder / "y.npz", Y)
    names = ",".join([*(f"pixel {n}" for n in range(64)), "label"])
    save_csv(folder / "table.csv", np.column_stack([X, Y]), names)
    save_csv(folder / "plain.csv", np.column_stack([X, Y]))
    save_csv(folder / "y.csv", Y)


@pytest.fixture
def files(tmp_path):
    """Write the same examples in every form; return what to give to --x and --y."""
    write_in_every_form(tmp_path)
    return tmp_path


FORMS = [("x.npy", "y.npy"), ("both.npz", None), ("keras.npz", None), ("table.csv", None), ("plain.csv", None),
         ("x.npy", "y.csv"), ("x.npy", "y.npz"), ("x.npy", "both.npz")]


@pytest.mark.parametrize(("x", "y"), FORMS)
def test_every_form_gives_the_same_examples_labels_and_split(files, x, y):
    data = load_own(files / x, files / y if y else None, 0.2, seed=0)
    first = load_own(files / "x.npy", files / "y.npy", 0.2, seed=0)
    for part in ("x_train", "y_train", "x_valid", "y_valid"):
        np.testing.assert_allclose(getattr(data, part), getattr(first, part), rtol=1e-5)
    assert (len(data.x_train), len(data.x_valid), data.classes) == (160, 40, 10)
    assert data.x_train.dtype == np.float32 and data.y_train.dtype == np.int64
    assert len(data.x_test) == (600 if x == "keras.npz" else 0)


def test_train_takes_files_of_ones_own(files, capsys):
    assert main([*TRAIN, "--x", str(files / "x.npy"), "--y", str(files / "y.npy"), "--refit"]) == 0
    out = capsys.readouterr().out
    assert "x.npy: 160 training, 40 validation, 0 test examples, 10 classes; validation drawn with seed 0" in out
    assert "trained again on train + validation" in out and "test error not evaluated" in out
    assert main([*TRAIN, "--x", str(files / "keras.npz"), "--validation", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "100 training, 100 validation, 600 test" in out and re.search(r"test error \d+\.\d\d %", out)


def test_pictures_of_bytes_are_flattened_and_scaled(tmp_path):
    pictures = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3) * 8
    np.savez(tmp_path / "p.npz", x=pictures, y=np.arange(5) % 2)
    data = load_own(tmp_path / "p.npz", None, 0.2, seed=0)
    assert data.x_train.shape == (4, 6) and 0.85 < data.x_train.max() <= 1


def test_train_says_that_bytes_were_divided_by_255(files, capsys):
    np.savez(files / "u8.npz", x=np.round(X * 255).astype(np.uint8), y=Y)
    said = "grey levels 0 to 255 were divided by 255; do the same before predict"
    assert main([*TRAIN, "--x", str(files / "u8.npz")]) == 0
    assert said in capsys.readouterr().out
    assert main([*TRAIN, "--x", str(files / "both.npz")]) == 0
    assert said not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert "bytes (uint8) are taken for grey levels and divided by 255" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", ["x", "x_test", "x_valid"])
def test_bytes_beside_other_numbers_are_refused(tmp_path, name):
    parts = {"x": X, "y": Y, "x_test": X, "y_test": Y, "x_valid": X, "y_valid": Y}
    parts[name] = np.round(X * 255).astype(np.uint8)
    np.savez(tmp_path / "p.npz", **parts)
    with pytest.raises(ValueError, match=r"of uint8 .*only bytes \(uint8\) are divided by 255; save both in one dtype"):
        load_own(tmp_path / "p.npz", None, 0.2, seed=0)


@pytest.mark.parametrize("first", ["1,,0", "1,2.5.1,0", "#1,2,0", "1,two,0"])
def test_a_first_example_with_a_bad_cell_is_not_taken_for_names(tmp_path, first):
    (tmp_path / "t.csv").write_text(f"{first}\n2,3,1\n3,4,0\n4,5,1\n5,6,1\n6,7,0\n")
    cell = re.escape(repr(next(c for c in first.split(",") if not c.isdigit())))
    with pytest.raises(ValueError, match=rf"t\.csv is not a table .*line 1, column [12]: {cell} is not a number"):
        load_own(tmp_path / "t.csv", None, 0.2, seed=0)


def test_a_line_that_begins_with_a_hash_is_not_skipped(tmp_path):
    (tmp_path / "t.csv").write_text("# a,b,y\n2,3,1\n3,4,0\n#4,5,1\n5,6,1\n6,7,0\n")
    with pytest.raises(ValueError, match=r"t\.csv is not a table .*#4"):
        load_own(tmp_path / "t.csv", None, 0.2, seed=0)
    (tmp_path / "t.csv").write_text("# a,b,y\n2,3,1\n3,4,0\n5,6,1\n6,7,0\n")  # names, as np.savetxt writes them
    data = load_own(tmp_path / "t.csv", None, 0.25, seed=0)
    assert len(data.x_train) + len(data.x_valid) == 4


def test_a_table_with_the_labels_first_is_refused(tmp_path, capsys):
    pixels = np.column_stack([X, np.zeros(len(X))])  # the last pixel is always 0, as in pictures of digits
    names = ",".join(["label", *(f"pixel{n}" for n in range(65))])
    save_csv(tmp_path / "kaggle.csv", np.column_stack([Y, pixels]), names)
    assert main([*TRAIN, "--x", str(tmp_path / "kaggle.csv")]) == 2
    error = capsys.readouterr().err
    assert "are all 0, expected at least two classes; labels are expected in the last column; is the label" in error


@pytest.mark.parametrize("label", [0, 3])
def test_labels_of_one_class_are_refused(files, label):
    np.save(files / "one.npy", np.full(len(X), label))
    with pytest.raises(ValueError, match=rf"one\.npy are all {label}, expected at least two classes; is this the"):
        load_own(files / "x.npy", files / "one.npy", 0.2, seed=0)


def test_a_validation_set_of_the_file_is_used_as_it_is(files, capsys):
    valid = {"x_valid": DIGITS.x_valid[:50], "y_valid": DIGITS.y_valid[:50]}
    np.savez(files / "valid.npz", x_train=X, y_train=Y, **valid, x_test=DIGITS.x_test, y_test=DIGITS.y_test)
    data = load_own(files / "valid.npz", None, None, seed=0)
    np.testing.assert_array_equal(data.x_train, X)
    np.testing.assert_array_equal(data.x_valid, valid["x_valid"])
    np.testing.assert_array_equal(data.y_valid, valid["y_valid"])
    assert len(data.x_test) == 600
    assert main([*TRAIN, "--x", str(files / "valid.npz")]) == 0
    said = "200 training, 50 validation, 600 test examples, 10 classes; validation x_valid and y_valid of the file"
    assert said in capsys.readouterr().out
    assert main([*TRAIN, "--x", str(files / "valid.npz"), "--validation", "0.2"]) == 2
    assert "holds x_valid and y_valid, so no fraction is drawn; leave --validation out" in capsys.readouterr().err


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
def test_a_damaged_npz_is_named_however_it_is_packed(files, packing):
    with zipfile.ZipFile(files / "both.npz") as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(files / "packed.npz", "w", packing) as file:
        for name, content in members.items():
            file.writestr(name, content)
    load_own(files / "packed.npz", None, 0.2, seed=0)
    whole = bytearray((files / "packed.npz").read_bytes())
    whole[40:140] = bytes(100)
    (files / "damaged.npz").write_bytes(bytes(whole))
    with pytest.raises(ValueError, match=r"damaged\.npz is not a complete \.npz file of numbers"):
        load_own(files / "damaged.npz", None, 0.2, seed=0)


def test_a_npz_that_cannot_be_opened_keeps_its_error(files, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(files / "both.npz"))

    monkeypatch.setattr(zipfile, "ZipFile", refuse)
    with pytest.raises(PermissionError, match=r"both\.npz"):
        load_own(files / "both.npz", None, 0.2, seed=0)


def test_numbers_that_are_large_but_fit_float32_are_kept(files):
    np.save(files / "large.npy", np.where(X == 1, float(np.finfo(np.float32).max), X))
    data = load_own(files / "large.npy", files / "y.npy", 0.2, seed=0)
    assert data.x_train.max() == np.finfo(np.float32).max


BAD = [
    ("no.npy", None, "there is no file .*no.npy"), ("no.npz", None, "there is no file .*no.npz"),
    ("x.npy", "no.csv", "there is no file .*no.csv"), ("x.npy", None, "x.npy has no labels; name their file with --y"),
    ("text.txt", None, "text.txt is not a .npy, .npz or .csv file"),
    ("cut.npy", "y.npy", "cut.npy is not a complete .npy file of numbers"),
    ("empty.npy", "y.npy", "empty.npy is not a complete .npy file"),
    ("objects.npy", "y.npy", "objects.npy is not a complete .npy file of numbers .*not objects"),
    ("cut.npz", None, "cut.npz is not a complete .npz file"),
    ("text.npz", None, "text.npz is not a complete .npz file"),
    ("odd.npz", None, "odd.npz holds arrays named a, b; expected x and y, or x_train"),
    ("words.csv", None, "words.csv is not a table of numbers"), ("ragged.csv", None, "ragged.csv is not a table"),
    ("names.csv", None, "names.csv has no rows of numbers"),
    ("x.npy", "short.npy", "x.npy has 200 examples, but .*short.npy has 199 labels"),
    ("x.npy", "half.npy", "the labels in .*half.npy must be whole numbers 0, 1, ..., got"),
    ("x.npy", "words.npy", "the labels in .*words.npy must be whole numbers .*turn names into numbers"),
    ("x.npy", "onehot.npy", r"turn one-hot rows into labels with y.argmax\(axis=1\)"),
    ("x.npy", "minus.npy", "expected class labels 0..classes-1"), ("nan.npy", "y.npy", "x (has|holds|must).*"),
    ("y.npy", "y.npy", "the examples in .*y.npy have shape \\(200,\\), expected one example per row"),
    ("table.npy", "y.npy", "looks like a .npz; rename it to end in .npz"),
    ("header.npy", "y.npy", "header.npy is not a complete .npy file"),
    ("promise.npy", "y.npy", "promise.npy is not a complete .npy file of numbers .*Unable to allocate"),
    ("bytes.npz", None, "bytes.npz holds x, which is not an array"),
    ("bomb.npz", None, "bomb.npz is not a complete .npz file .*unpacks to 1[0-9]+ bytes, more than"),
    ("column.csv", None, "column.csv has one column"),
    ("big.csv", None, r"must be whole numbers 0, 1, ..., got \[1e\+20\]"),
    ("prices.csv", None, "go up to 250000, but there are 4 examples; are they the targets of a regression"),
    ("none.npy", "y.npy", r"the examples in .*none.npy have shape \(0, 64\), which holds no numbers; expected"),
    ("huge.npy", "y.npy", r"the examples in .*huge.npy have -1e\+300 in row 3, too large for float32; scale"),
    ("huge.csv", None, r"the examples in .*huge.csv have 1e\+39 in row 1, too large for float32"),
    ("inf.npy", "y.npy", "x has inf in row 3"),
    ("no_labels.npz", None, "no_labels.npz has x_test but no y_test; save both"),
    ("no_tests.npz", None, "no_tests.npz has y_test but no x_test; save both"),
    ("x.npy", "no_tests.npz", "no_tests.npz has y_test but no x_test; save both in the file of the examples"),
    ("empty_test.npz", None, r"the examples x_test in .*empty_test.npz have shape \(0, 64\), which holds no numbers"),
    ("no_valid_labels.npz", None, "no_valid_labels.npz has x_valid but no y_valid; save both"),
    ("no_valid.npz", None, "no_valid.npz has y_valid but no x_valid; save both"),
    ("two_x.npz", None, "two_x.npz holds both x and x_train, expected one of them"),
    ("two_y.npz", None, "two_y.npz holds both y and y_train, expected one of them"),
    ("val.npz", None, "val.npz also holds x_val, y_val, which would not be used; expected x and y, or x_train"),
    ("x.npy", "keras.npz", "keras.npz also holds x_test, y_test, .*give it as the file of the examples, with --x"),
    ("x.npy", "two_y.npz", "two_y.npz holds both y and y_train, expected one of them"),
    ("gap.csv", None, "gap.csv is not a table .*line 1 has an empty cell among its names; give every column a name"),
    ("years.csv", None, "years.csv is not a table .*line 1, column 3: 'y' is not a number, but .*use only names"),
    ("rows.csv", None, "like row numbers that pandas wrote"), ("columns.csv", None, "like column numbers that pandas"),
]


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory):
    """Write files that cannot be used beside those that can, once: reading leaves them as they are."""
    files = tmp_path_factory.mktemp("bad")
    write_in_every_form(files)
    whole = (files / "x.npy").read_bytes()
    (files / "text.txt").write_text("hello")
    (files / "text.npz").write_text("hello")
    (files / "cut.npy").write_bytes(whole[:-10])
    (files / "empty.npy").write_bytes(b"")
    (files / "cut.npz").write_bytes((files / "both.npz").read_bytes()[:-30])
    (files / "table.npy").write_bytes((files / "both.npz").read_bytes())
    (files / "words.csv").write_text("a,b\n1,2\none,two\n")
    (files / "ragged.csv").write_text("1,2\n1,2,3\n")
    (files / "names.csv").write_text("a,b\n")
    (files / "column.csv").write_text("1\n2\n")
    (files / "big.csv").write_text("1,0\n1,1e20\n")
    (files / "prices.csv").write_text("1,250000\n" * 4)
    (files / "rows.csv").write_text(",a,y\n0,1,1\n1,2,0\n")
    (files / "columns.csv").write_text("0,1,2\n4,3,1\n4,2,0\n")
    (files / "huge.csv").write_text("1,2,0\n1,1e39,1\n")
    np.savez(files / "no_labels.npz", x=X, y=Y, x_test=X)
    np.savez(files / "no_tests.npz", x=X, y=Y, y_test=Y)
    np.savez(files / "no_valid_labels.npz", x=X, y=Y, x_valid=X)
    np.savez(files / "no_valid.npz", x=X, y=Y, y_valid=Y)
    np.savez(files / "two_x.npz", x=X, x_train=X, y=Y)
    np.savez(files / "two_y.npz", x=X, y_train=Y, y=Y)
    np.savez(files / "val.npz", x=X, y=Y, x_val=X, y_val=Y)
    (files / "gap.csv").write_text("a,,y\n1,2,0\n2,3,1\n")
    (files / "years.csv").write_text("2015,2016,y\n1,2,0\n2,3,1\n")
    np.savez(files / "empty_test.npz", x=X, y=Y, x_test=X[:0], y_test=Y[:0])
    (files / "header.npy").write_bytes(whole[:10] + whole[10:128].replace(b"}", b" ") + whole[128:])
    shape = whole.index(b"(200, 64), }")
    (files / "promise.npy").write_bytes(whole[:shape] + b"(10000000000000, 64), }" + whole[shape + 23 :])
    with zipfile.ZipFile(files / "bytes.npz", "w") as file:
        file.writestr("x.npy", b"no array")
    with zipfile.ZipFile(files / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.npy", bytes(2**27))
    np.savez(files / "odd.npz", a=X, b=Y)
    arrays = {"objects": np.array([{}, []], object), "short": Y[:-1], "half": Y / 2, "minus": Y - 1,
              "words": np.array(["a"] * 200), "onehot": np.eye(10)[Y], "nan": np.where(X == 1, np.nan, X),
              "none": X[:0], "huge": X.astype(np.float64), "inf": X.copy()}
    arrays["huge"][3, 5] = -1e300
    arrays["inf"][3, 5] = np.inf
    for name, array in arrays.items():
        np.save(files / f"{name}.npy", array, allow_pickle=True)
    return files


@pytest.mark.parametrize(("x", "y", "message"), BAD)
@pytest.mark.filterwarnings("error", "ignore:loadtxt")
def test_what_cannot_be_used_is_one_clear_line(bad_files, capsys, x, y, message):
    assert main([*TRAIN, "--x", str(bad_files / x), *(["--y", str(bad_files / y)] if y else [])]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error) and error.count("\n") == 1 and "Traceback" not in error


@pytest.mark.parametrize(("more", "message"), [
    (["--y", "y.npy"], "--y needs --x"),
    (["--x", "x.npy", "--data", "digits"], "either --data digits or --x, not both"),
    (["--x", "x.npy", "--y", "y.npy", "--validation", "1.5"], "fraction above 0 and below 1"),
])
def test_options_that_do_not_go_together_are_one_clear_line(files, monkeypatch, capsys, more, message):
    monkeypatch.chdir(files)
    assert main([*TRAIN, *more]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
