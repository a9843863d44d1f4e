"""Which version does the work, and which file is named where numba's cache is damaged."""

import pytest

from hashnets_np.support import backend


@pytest.mark.parametrize(("choice", "installed", "used"), [
    ("", True, True), ("", False, False), ("numpy", True, False), ("numpy", False, False), ("numba", True, True),
])
def test_numba_is_used_where_it_is_installed_unless_numpy_is_chosen(monkeypatch, choice, installed, used):
    monkeypatch.setattr(backend, "has_numba", lambda: installed)
    monkeypatch.setenv("HASHNETS_KERNELS", choice)
    assert backend.uses_numba() is used
    if not choice:
        monkeypatch.delenv("HASHNETS_KERNELS")
        assert backend.uses_numba() is used


@pytest.mark.parametrize(("choice", "message"), [
    ("numba", "HASHNETS_KERNELS=numba, but numba is not installed; pip install numba, or unset the variable"),
    ("cuda", "HASHNETS_KERNELS must be 'numpy' or 'numba' or unset, got 'cuda'"),
])
def test_a_choice_that_is_not_possible_is_refused(monkeypatch, choice, message):
    monkeypatch.setattr(backend, "has_numba", lambda: False)
    monkeypatch.setenv("HASHNETS_KERNELS", choice)
    with pytest.raises(ValueError, match=message):
        backend.uses_numba()


def failing(filename, index_path):
    """Make a function that fails inside a method, as if it stood in a file of that name."""
    source = "class Cache:\n    def load(self):\n        raise EOFError('Ran out of input')\n"
    names = {}
    exec(compile(source, filename, "exec"), names)
    cache = names["Cache"]()
    if index_path:
        cache._index_path = index_path
    return cache.load


def test_an_error_in_a_cache_file_names_the_file_and_what_to_delete():
    message = r"the cache of numba is damaged \(EOFError\): delete /cache/f.nbi and the files beside it"
    with pytest.raises(OSError, match=message) as error:
        with backend.naming_a_damaged_cache():
            failing("/numba/core/caching.py", "/cache/f.nbi")()
    assert isinstance(error.value.__cause__, EOFError)


@pytest.mark.parametrize(("filename", "index_path"), [("/numba/core/caching.py", ""),
                                                      ("/kernels/fast.py", "/cache/f.nbi")])
def test_any_other_error_stays_as_it_is(filename, index_path):
    """One in numba's file, but of no cache file; and one that something else raises."""
    with pytest.raises(EOFError, match="Ran out of input"), backend.naming_a_damaged_cache():
        failing(filename, index_path)()


def test_the_file_is_found_however_deep_the_error_was_raised():
    def outer():
        failing("/numba/core/caching.py", "/cache/f.nbi")()

    with pytest.raises(EOFError) as error:
        outer()
    assert backend.damaged_cache_files(error.value) == ["/cache/f.nbi"]
    assert backend.damaged_cache_files(ValueError()) == []
