"""A few drawn inputs for each target: each is handled, or refused in one clear line."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the modules beside this file, as `python tests/fuzz` finds them

from call_targets import TARGETS as CALLS
from file_targets import TARGETS as FILES
from harness import CLEAR, OTHER, RIGHT, TYPE, class_of, fuzz

pytestmark = pytest.mark.skipif(os.name != "posix", reason="takes the time with SIGALRM")


@pytest.mark.parametrize("target", [*FILES, *CALLS], ids=lambda target: target.name)
def test_whatever_is_drawn_is_handled_or_refused_in_one_line(target):
    outcome = fuzz(target, 40)
    assert sum(outcome.counts.values()) >= 20 and not outcome.counts[OTHER], outcome.surprises


@pytest.mark.parametrize(("error", "expected"), [
    (None, RIGHT), (ValueError("one line"), CLEAR), (ValueError("two\nlines"), OTHER), (ValueError(), OTHER),
    (OSError(28, "full"), CLEAR), (TypeError("x"), TYPE), (KeyError("x"), OTHER), (AssertionError("wrong"), OTHER),
    (MemoryError("Unable to allocate 8 TiB"), CLEAR), (MemoryError(), OTHER), (RecursionError("x"), OTHER),
])
def test_classes(error, expected):
    def act(value):
        if error:
            raise error

    assert class_of(act, 0)[0] == expected
