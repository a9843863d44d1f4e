"""What the tests share: the hypothesis profile, small maps, and where optional data is."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("hashnets", deadline=None, derandomize=bool(os.environ.get("CI")), max_examples=50)
settings.load_profile("hashnets")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts in the background ignore Ctrl-C


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def shared() -> Path:
    """The folder of optional test material: hash_vectors.csv and data/."""
    folder = os.environ.get("HASHNETS_SHARED")
    if not folder or not Path(folder).is_dir():
        pytest.skip("HASHNETS_SHARED is not set: the optional vectors and data are not on this machine")
    return Path(folder)


@pytest.fixture(params=["numpy", "numba"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test once with the plain kernels and once with the fast ones."""
    if request.param == "numba":
        pytest.importorskip("numba")
    monkeypatch.setenv("HASHNETS_KERNELS", request.param)
    return request.param
