"""Your own data, from files: `train --x x.npy --y y.npy`, also .npz and .csv.

A .npz may hold everything, under the names x and y, or x_train and y_train, and x_valid, y_valid, x_test and y_test if
there are such sets. Without x_valid and y_valid, a fraction of the examples is drawn for validation. In a .csv each
line is an example, with commas between numbers and, if there is one, a line of column names at the top, none of which
is a number. Without a file for the labels, they are its last column. Examples in bytes (uint8) are taken for grey
levels and divided by 255.
"""

import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset
from ..datasets.data_files import DAMAGED
from ..support.disk import user_path

NAMES = {"x": ("x", "x_train"), "y": ("y", "y_train"), "x_valid": ("x_valid",), "y_valid": ("y_valid",),
         "x_test": ("x_test",), "y_test": ("y_test",)}
EXPECTED = "expected x and y, or x_train and y_train, and perhaps x_valid, y_valid, x_test and y_test"
VALIDATION = 0.2  # the fraction that is drawn for validation unless another is asked for
LARGEST_RATIO = 256  # of an unpacked .npz to its file: one of a few kilobytes must not fill the memory
SMALL = 2**26  # bytes that are unpacked whatever the ratio
LARGEST_LABEL = 2**31
BYTES = 255  # the largest grey level of a picture kept in bytes
SCALED = "grey levels 0 to 255 were divided by 255; do the same before predict"


def load_own(x: Path, y: Path | None, validation: float | None, seed: int) -> Dataset:
    """Make a data set from files.

    Parameters
    ----------
    x, y : paths
        The examples and their labels, .npy, .npz or .csv; no `y` if the file of the examples holds the labels, too.
    validation : float or None
        The fraction of the examples that is drawn at random for validation; None: x_valid and y_valid of the file, or
        a fifth, where it has none.
    seed : int
        Seed for drawing the fraction.

    Raises
    ------
    FileNotFoundError, ValueError
        With the file, what is wrong with it, and what to do.
    """
    x = user_path(x)
    parts = read_parts(x)
    hint = "is this the right file?"
    if y is not None:
        y = user_path(y)
        parts["y"] = only_array(y)
    elif "y" not in parts:
        if x.suffix != ".csv":
            raise ValueError(f"{x} has no labels; name their file with --y")
        if parts["x"].shape[1] < 2:
            raise ValueError(f"{x} has one column, expected those of the examples and then the labels; "
                             "name the file of the other with --y or --x")
        parts["y"] = parts["x"][:, -1]
        parts["x"] = parts["x"][:, :-1]
        hint = "labels are expected in the last column; is the label column first?"
    labels = as_labels(parts["y"], y or x)
    examples = as_rows(parts["x"], f"the examples in {x}")
    if len(examples) != len(labels):
        raise ValueError(f"{x} has {len(examples)} examples, but {y or x} has {len(labels)} labels")
    valid = another_set(parts, "valid", x)
    test = another_set(parts, "test", x)
    if valid is not None and validation is not None:
        raise ValueError(f"{x} holds x_valid and y_valid, so no fraction is drawn; leave --validation out")
    fraction = VALIDATION if validation is None else validation
    data = Dataset.from_arrays(examples, labels, validation=valid or fraction, test=test, seed=seed, name=x.name)
    if data.classes > len(labels):
        raise ValueError(f"the labels in {y or x} go up to {data.classes - 1}, but there are {len(labels)} examples; "
                         "are they the targets of a regression? For that, use hashnets_np.fit with squared_error")
    if len(np.unique(labels)) < 2:
        raise ValueError(f"the labels in {y or x} are all {labels[0]}, expected at least two classes; {hint}")
    sizes = f"{len(data.x_train)} training, {len(data.x_valid)} validation, {len(data.x_test)} test examples"
    origin = "x_valid and y_valid of the file" if valid else f"drawn with seed {seed}"
    scaled = f"; {SCALED}" if parts["x"].dtype == np.uint8 else ""
    return replace(data, provenance=f"{sizes}, {data.classes} classes; validation {origin}{scaled}")


def another_set(parts: dict[str, NDArray], name: str, path: Path) -> tuple[NDArray, NDArray] | None:
    """Return the examples and labels that a .npz holds for "valid" or "test"; None if it holds no such set."""
    if f"x_{name}" not in parts:
        return None
    x = parts[f"x_{name}"]
    check_same_scale(parts["x"].dtype, x.dtype, name, path)
    return as_rows(x, f"the examples x_{name} in {path}"), as_labels(parts[f"y_{name}"], path)


def read_parts(path: Path) -> dict[str, NDArray]:
    """Read the arrays of a file of examples by what they are: x and perhaps y, x_valid, y_valid, x_test, y_test."""
    if path.suffix != ".npz":
        return {"x": only_array(path)}
    arrays = read_npz(path)
    check_sets(arrays, path)
    if not any(name in arrays for name in NAMES["x"]):
        return {"x": the_only_one(arrays, path)}
    check_names(arrays, path)
    return {part: arrays[name] for part, names in NAMES.items() for name in names if name in arrays}


def only_array(path: Path) -> NDArray:
    """Read a file that holds one array, or whose array is called x or y."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    if path.suffix == ".npy":
        return read_npy(path)
    if path.suffix == ".npz":
        arrays = read_npz(path)
        check_sets(arrays, path)
        named = [arrays[name] for name in NAMES["y"] if name in arrays]
        if not named:
            return the_only_one(arrays, path)
        check_names(arrays, path)
        check_labels_only(arrays, path)
        return named[0]
    if path.suffix == ".csv":
        return read_csv(path)
    raise ValueError(f"{path} is not a .npy, .npz or .csv file; save the array with np.save")


def check_sets(arrays: dict[str, NDArray], path: Path) -> None:
    """Refuse half a validation or test set, which would be dropped silently."""
    for name in ("valid", "test"):
        for half, other in ((f"x_{name}", f"y_{name}"), (f"y_{name}", f"x_{name}")):
            if half in arrays and other not in arrays:
                raise ValueError(f"{path} has {half} but no {other}; save both in the file of the examples, or neither")


def check_names(arrays: dict[str, NDArray], path: Path) -> None:
    """Refuse two arrays for one thing, and arrays of other names: some would be dropped silently."""
    for names in NAMES.values():
        if len(names) > 1 and all(name in arrays for name in names):
            raise ValueError(f"{path} holds both {' and '.join(names)}, expected one of them; save it without one")
    known = [name for names in NAMES.values() for name in names]
    unused = [name for name in arrays if name not in known]
    if unused:
        raise ValueError(f"{path} also holds {', '.join(unused)}, which would not be used; {EXPECTED}; save it without")


def check_labels_only(arrays: dict[str, NDArray], path: Path) -> None:
    """Refuse a validation or test set beside the labels of --y: it is read only from the file of the examples."""
    unused = [name for name in arrays if name not in NAMES["x"] + NAMES["y"]]
    if unused:
        raise ValueError(f"{path} also holds {', '.join(unused)}, which would not be used, since only labels are read "
                         "from it; give it as the file of the examples, with --x and without --y")


def the_only_one(arrays: dict[str, NDArray], path: Path) -> NDArray:
    """Return the array of a .npz that holds one; with more it must be said which is which."""
    if len(arrays) != 1:
        raise ValueError(f"{path} holds arrays named {', '.join(arrays) or '(none)'}; {EXPECTED}")
    return next(iter(arrays.values()))


def read_npy(path: Path) -> NDArray:
    """Read a .npy file; pickled objects are not loaded."""
    try:
        with open(path, "rb") as file:
            array = np.load(file, allow_pickle=False)
    except DAMAGED as error:
        raise ValueError(f"{path} is not a complete .npy file of numbers ({one_line(error)}); save numbers with "
                         "np.save, not objects") from error
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{path} is not a .npy file, but looks like a .npz; rename it to end in .npz")
    return array


def read_npz(path: Path) -> dict[str, NDArray]:
    """Read all arrays of a .npz file; pickled objects are not loaded."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with zipfile.ZipFile(path) as packed:
            check_unpacked_size(packed, path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # NumPy, zipfile, zlib, bz2 and lzma have errors of many types, OSError among them
        if isinstance(error, OSError) and error.filename is not None:  # the file cannot be opened, and is named
            raise
        raise ValueError(f"{path} is not a complete .npz file of numbers ({one_line(error)}); save it with "
                         "np.savez(path, x=x, y=y)") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{path} holds {name}, which is not an array; save it with np.savez(path, x=x, y=y)")
    return arrays


def check_unpacked_size(packed: zipfile.ZipFile, path: Path) -> None:
    """Refuse a .npz that unpacks to far more than its size."""
    size = sum(member.file_size for member in packed.infolist())
    limit = max(SMALL, LARGEST_RATIO * path.stat().st_size)
    if size > limit:
        raise ValueError(f"it unpacks to {size} bytes, more than {limit}")


def read_csv(path: Path) -> NDArray:
    """Read a table of numbers, with or without a line of column names."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            first = file.readline().rstrip("\r\n").split(",")
        check_first_line(first)
        names = not any(map(is_number, first))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "loadtxt: input contained no data")  # said below
            table = np.loadtxt(path, np.float64, comments=None, delimiter=",", skiprows=int(names), ndmin=2,
                               encoding="utf-8-sig")
    except ValueError as error:
        raise ValueError(f"{path} is not a table of numbers separated by commas ({one_line(error)})") from error
    if not table.size:
        raise ValueError(f"{path} has no rows of numbers")
    return table


def check_first_line(cells: list[str]) -> None:
    """Refuse a first line that is neither numbers nor names: an example with a bad cell would be dropped silently.

    Refuse also what pandas writes unasked: row numbers would become inputs, and column numbers an example.
    """
    if len(cells) > 2 and cells == [str(n) for n in range(len(cells))]:
        raise ValueError("its first line is 0,1,2, like column numbers that pandas wrote; save it with header=False")
    if len(cells) > 1 and not cells[0].strip('" '):
        raise ValueError("its first column has no name, like row numbers that pandas wrote; save it with index=False, "
                         "or fill in the first cell")
    numbers = [is_number(cell) for cell in cells]
    if any(numbers) and not all(numbers):
        wrong = numbers.index(False)
        raise ValueError(f"line 1, column {wrong + 1}: {cells[wrong]!r} is not a number, but other cells of the line "
                         "are; correct it or, if these are names, use only names that are not numbers")
    if len(cells) > 1 and not all(cell.strip('" ') for cell in cells):
        raise ValueError("line 1 has an empty cell among its names; give every column a name")


def is_number(text: str) -> bool:
    """Tell whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def as_rows(x: NDArray, what: str) -> NDArray:
    """Make each example one row; grey levels kept in bytes, 0 to 255, are scaled to 0 to 1."""
    if x.ndim < 2:
        raise ValueError(f"{what} have shape {x.shape}, expected one example per row")
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{what} have dtype {x.dtype}, expected numbers")
    if not x.size:
        raise ValueError(f"{what} have shape {x.shape}, which holds no numbers; expected at least one row and one "
                         "column; was the right array saved?")
    numbers = x.reshape(len(x), -1)
    with np.errstate(over="ignore"):  # said below
        rows = numbers.astype(np.float32)
    check_range(numbers, rows, what)
    return rows / BYTES if x.dtype == np.uint8 else rows


def check_same_scale(dtype: np.dtype, other: np.dtype, name: str, path: Path) -> None:
    """Refuse bytes beside other numbers: only the bytes would be divided by 255."""
    if (dtype == np.uint8) != (other == np.uint8):
        raise ValueError(f"{path} has examples of {dtype} for training and of {other} in x_{name}, and only bytes "
                         "(uint8) are divided by 255; save both in one dtype and on one scale")


def check_range(numbers: NDArray, rows: NDArray, what: str) -> None:
    """Refuse numbers that became infinite in float32; those that are infinite in the file are refused with nan."""
    too_large = np.isinf(rows) & np.isfinite(numbers)
    if too_large.any():
        row, column = np.argwhere(too_large)[0]
        raise ValueError(f"{what} have {numbers[row, column]:g} in row {row}, too large for float32; "
                         "scale the columns to about 0..1")


def as_labels(y: NDArray, path: Path) -> NDArray:
    """Make labels integers, one for each example; whole numbers in a table are floats at first."""
    labels = y.ravel() if y.ndim == 2 and 1 in y.shape else y
    if labels.ndim != 1:
        raise ValueError(f"the labels in {path} have shape {y.shape}, expected one number for each example; "
                         "turn one-hot rows into labels with y.argmax(axis=1)")
    numbers = labels.dtype.kind in "biuf"
    whole = (labels == np.floor(labels)) & (labels < LARGEST_LABEL) if numbers else np.zeros(len(labels), bool)
    if not whole.all():
        raise ValueError(f"the labels in {path} must be whole numbers 0, 1, ..., got {labels[~whole][:3].tolist()}; "
                         "turn names into numbers with np.unique(y, return_inverse=True)[1]")
    return labels.astype(np.int64)


def one_line(error: Exception) -> str:
    """Put a message on one line."""
    return " ".join(str(error).split())[:200]
