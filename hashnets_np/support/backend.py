"""Which version does the work: numba where it is installed, else plain NumPy.

Both give the same integers, and floats within a stated bound. `HASHNETS_KERNELS=numpy` chooses the plain version,
`HASHNETS_KERNELS=numba` insists on the other. numba is imported by what uses it, never here.
"""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

CHOICES = ("", "numpy", "numba")
THREADS = "NUMBA_NUM_THREADS"


@cache
def has_numba() -> bool:
    """Tell whether numba is installed, without importing it."""
    return importlib.util.find_spec("numba") is not None


def uses_numba() -> bool:
    """Tell whether the numba versions are to be used; ValueError for a choice that is not possible."""
    choice = os.environ.get("HASHNETS_KERNELS", "")
    if choice not in CHOICES:
        raise ValueError(f"HASHNETS_KERNELS must be 'numpy' or 'numba' or unset, got {choice!r}")
    if choice == "numba" and not has_numba():
        raise ValueError("HASHNETS_KERNELS=numba, but numba is not installed; pip install numba, or unset the variable")
    if choice == "numpy" or not has_numba():
        return False
    check_threads()
    return True


def check_threads() -> None:
    """Check the variable from which numba takes its threads, before numba does, whose message does not name it."""
    threads = os.environ.get(THREADS)
    if threads is not None and (not threads.strip().isdecimal() or int(threads) < 1):
        raise ValueError(f"{THREADS} must be a whole number of at least 1, or unset, got {threads!r}")


@contextmanager
def naming_a_damaged_cache() -> Iterator[None]:
    """Turn the error that numba raises, at every call, for a damaged cache file into a line saying what to delete."""
    try:
        yield
    except Exception as error:
        files = damaged_cache_files(error)
        if not files:
            raise
        raise OSError(f"the cache of numba is damaged ({type(error).__name__}): delete {files[0]} and the files beside "
                      "it that end in .nbi or .nbc, or name another folder in NUMBA_CACHE_DIR") from error


def damaged_cache_files(error: BaseException) -> list[str]:
    """Find the file of numba's cache that was being read when an error was raised, if that is where it comes from."""
    files = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        index = getattr(step.tb_frame.f_locals.get("self"), "_index_path", "")
        if code.co_filename.endswith("caching.py") and index:
            files.append(index)
        step = step.tb_next
    return files
