"""A session with the debugger, played in a lesson: what is typed, what is answered, and that nothing changes by it."""

import sys

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.course import step_through
from hashnets_np.kernels import plain


def test_a_session_shows_commands_places_and_values_and_returns_the_result(capsys):
    m = hn.SharingMap(4, 4, buckets=3, seed=7)
    w = np.array([3.2, 1.1, -0.5])
    V = step_through(plain.hash_gather, w, m, commands=["n", "p int(bucket[2, 1]), int(sign[2, 1])", "p 6 * 7"])
    assert np.array_equal(V, hn.hash_gather(w, m))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("hashnets_np/kernels/plain.py, hash_gather():") and "m.table()" in lines[0]
    assert [line for line in lines if line.startswith("(Pdb)")] == [
        "(Pdb) n", "(Pdb) p int(bucket[2, 1]), int(sign[2, 1])", "(Pdb) p 6 * 7", "(Pdb) c"]
    bucket, sign = m.lookup(2, 1)
    assert lines[lines.index("(Pdb) p 6 * 7") - 1] == f"({bucket}, {sign})" and "42" in lines


def test_the_session_shows_no_path_of_this_machine(capsys):
    step_through(plain.hash_gather, np.ones(3), hn.SharingMap(2, 2, buckets=3, seed=7), commands=["n"])
    assert str(hn.__path__[0]) not in capsys.readouterr().out


def test_an_error_in_the_function_comes_out_after_what_was_shown(capsys):
    with pytest.raises(ZeroDivisionError):
        step_through(lambda: 1 // 0, commands=[])
    assert "this notebook" in capsys.readouterr().out


def test_whoever_traces_the_program_traces_it_afterwards(capsys):
    def tracer(frame, event, arg):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        step_through(abs, -1, commands=["n"])
        after = sys.gettrace()
    finally:
        sys.settrace(before)
    assert after is tracer
