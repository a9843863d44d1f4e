"""The kit as a pytest suite: HASHNETS_IMPL=mymodule:MyLayer pytest --pyargs hashnets_np.conformance."""

import os

import pytest

from .cases import Case, all_cases
from .loading import find_in_current_folder, load_adapter
from .operations import as_lines
from .results import FAILS, NOT_COVERED, PASSES
from .runner import run_case

IMPLEMENTATION = os.environ.get("HASHNETS_IMPL", "")


@pytest.fixture(scope="module")
def adapter():
    """The adapter that HASHNETS_IMPL names; anything else ends the whole run, in one line."""
    find_in_current_folder()
    try:
        return load_adapter(IMPLEMENTATION)
    except ValueError as error:
        pytest.exit(f"HASHNETS_IMPL: {error}", returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_case(adapter, case: Case):
    """A golden vector passes, or is skipped where the adapter doesn't cover it."""
    result = run_case(adapter, case)
    if result.status == NOT_COVERED:
        pytest.skip(f"not covered: {result.difference}")
    if result.status == FAILS:
        bug = f"exactly the answer of: {', '.join(sorted(result.bugs)) or 'no known bug'}"
        pytest.fail("\n".join([result.difference, bug, *as_lines(case, IMPLEMENTATION, result.layout)]), pytrace=False)


def test_something_was_covered(adapter):
    """A run that covers nothing isn't a pass. It asks by itself, so that tests may run in any order and anywhere."""
    valid = (case for case in all_cases() if case.valid)
    assert any(run_case(adapter, case).status == PASSES for case in valid), "no valid case passes"
