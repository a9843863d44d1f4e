"""How a case is run and judged: what an adapter may be, what it leaves out, what it raises, and what it answers."""

import errno
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from right_layer import Right
from test_kit_probe import rows_as_one_piece

from hashnets_np.conformance import Adapter, NotCovered, write_report
from hashnets_np.conformance.cases import all_cases
from hashnets_np.conformance.judging import is_asked, is_of_the_machine, judge, judge_error, settle_refusals
from hashnets_np.conformance.loading import check_claims, find_in_current_folder, load_adapter
from hashnets_np.conformance.operations import as_lines
from hashnets_np.conformance.results import FAILS, NOT_COVERED, PASSES, Result, passed
from hashnets_np.conformance.runner import arrays_in, check, check_cases, is_left_out, left_out, run_case, select
from hashnets_np.conformance.wording import shown, words

ROOT = Path(__file__).parent.parent
CASES = {case.id: case for case in all_cases()}
SEED = next(case for case in select(["derived-seed"]) if case.valid)
REFUSED = next(case for case in select(["derived-seed"]) if not case.valid)


# ---- what is checked


@pytest.mark.parametrize(("name", "message"), [
    ("right_layer", "give the adapter as module:Class, got 'right_layer'"), (":Right", "give the adapter as module:C"),
    ("right_layer:", "give the adapter as module:Class"),
    ("right_layer:Nobody", "module 'right_layer' has no 'Nobody'"),
    ("right_layer:demand", "right_layer:demand is not an adapter; write a subclass"),
    ("numpy:ndarray", "numpy:ndarray is not an adapter"),
    ("hashnets_np.conformance:Adapter", "implements no method of Adapter that the kit could check"),
    ("no_such_thing:X", "cannot import 'no_such_thing' (ModuleNotFoundError: No module named 'no_such_thing'); "
                        "are you in its folder?"),
    ("no_such_thing.at_all:X", "cannot import 'no_such_thing.at_all' (ModuleNotFoundError: No module named "
                               "'no_such_thing'); are you in its folder?"),
    ("needs_another:X", "cannot import 'needs_another' (ModuleNotFoundError: No module named 'not_installed')"),
    ("ends:X", "cannot import 'ends' (SystemExit: 3)"),
    ("right_layer.py:Right", "give the module's name, not its file: right_layer:Right, from its folder"),
    ("./tests/right_layer.py:Right", "not its file: right_layer:Right, from its folder"),
    ("tests/right_layer:Right", "not its file: right_layer:Right, from its folder"),
])
def test_what_is_not_an_adapter_is_refused_in_one_line(tmp_path, monkeypatch, name, message):
    (tmp_path / "needs_another.py").write_text("import not_installed")
    (tmp_path / "ends.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError) as caught:
        load_adapter(name)
    assert message in str(caught.value) and ("folder" in str(caught.value)) == ("folder" in message)


def test_an_adapter_is_found_by_its_name():
    assert load_adapter("right_layer:Right") is Right


@pytest.mark.parametrize(("claims", "words"), [
    ({"biases": None}, r"One\.biases must be a tuple, got None; with one entry it is \(None,\), with a comma"),
    ({"kinds": "xxhash"}, r"One\.kinds must be a tuple, got 'xxhash'; with one entry it is \('xxhash',\)"),
    ({"dtypes": ("float23",)}, r"One\.dtypes has an unknown 'float23'; known: 'float32', 'float64'"),
    ({"gradients": ("w", "db")}, r"One\.gradients has an unknown 'db'"), ({"biases": ("None",)}, "unknown 'None'"),
    ({"kinds": (7,)}, "unknown 7"),
    ({"gradients": ()}, r"One\.gradients is empty, so its backward would not be checked; name what it returns, or"),
])
def test_what_an_adapter_says_of_itself_is_checked(claims, words):
    adapter = type("One", (Right,), claims)
    with pytest.raises(ValueError, match=words):
        check_claims(adapter)
    with pytest.raises(ValueError, match=words):
        check(adapter, ["hash"])
    check_claims(one_that(gradients=(), backward=Adapter.backward))
    check_claims(one_that(biases=[None, "dense"], kinds={"fold", "keras", "authors2015_bias"}, dtypes=()))


ONE_KIND_MORE = """
import numpy as np
import hashnets_np as hn

def rule(m, i, j):
    return (i + j) % m.buckets, np.ones((i + j).shape, np.int8)

hn.register_kind(hn.Kind("mine", rule))
from hashnets_np.conformance import check, load_adapter, passed
adapter = load_adapter("hashnets_np.conformance.numpy_layer:NumpyLayer")
print("mine" in adapter.kinds, passed(check(adapter, ["bucket-sign"])))
"""


def test_the_kit_runs_beside_a_kind_of_ones_own():
    """In a process of its own, as the adapter names its kinds when it is imported."""
    done = subprocess.run([sys.executable, "-c", ONE_KIND_MORE], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (0, "False True\n"), done.stderr


def test_the_current_folder_is_looked_into_once(monkeypatch):
    monkeypatch.setattr(sys, "path", ["/x"])
    find_in_current_folder()
    find_in_current_folder()
    assert sys.path == ["", "/x"]


def test_cases_are_chosen_by_topic_and_by_id():
    assert [case.id for case in select(ids=["hash-002", "hash-001"])] == ["hash-001", "hash-002"]
    assert {case.topic for case in select(["hash", "loss"])} == {"hash", "loss"} and select() == all_cases()
    assert [case.id for case in select(["hash"], ["derived-seed-001", "hash-002"])] == ["hash-002"]
    assert select([]) == select(ids=[]) == []
    with pytest.raises(ValueError, match="case derived-seed-001 is of topic derived-seed, not hash or loss"):
        select(["hash", "loss"], ["derived-seed-001"])
    with pytest.raises(ValueError, match="unknown topic typo; known: hash"):
        select(["hash", "typo"])
    with pytest.raises(ValueError, match="unknown case x-1; ids look like hash-001"):
        select(ids=["x-1"])


def test_every_result_is_shown_as_soon_as_it_is_there():
    seen = []
    results = check_cases(Right, select(["derived-seed"]), seen.append)
    assert seen == results and len(results) == 13


# ---- what is left out


CLAIMED = ("column", "hashed", None)


@pytest.mark.parametrize(("name", "claimed", "valid", "is_out"), [
    ("column", ("column",), True, False), ("column", ("column",), False, False),
    ("hashed", ("column",), True, True), ("hashed", ("column",), False, True),  # known, but not claimed
    ("row", CLAIMED, False, False),  # one that claims all must refuse what nobody knows
    ("row", ("column", "hashed"), False, True), ("row", (*CLAIMED, "fold"), False, False), ("row", CLAIMED, True, True),
])
def test_what_is_not_claimed_is_left_out(name, claimed, valid, is_out):
    assert is_left_out(name, claimed, (*CLAIMED, "fold"), valid) == is_out


def one_that(**claims):
    return type("OneThat", (Right,), claims)


def test_a_reason_is_given_for_what_is_left_out():
    tile = next(case for case in select(["tile"]) if case.operation == "forward" and case.valid)
    hashed = next(case for case in select(["bias"]) if case.inputs["layer"]["bias"] == "hashed" and case.valid)
    few = next(case for case in all_cases() if case.id == "pytorch2019-011")  # no compression yields its buckets
    plain = CASES["forward-001"]

    class Some(Right):
        kinds = ("xxhash", "pytorch2019")
        biases = (None, "dense", "column")
        takes_buckets = False

    assert left_out(Some, tile) == "kind tile is not in its kinds"
    assert left_out(Some, hashed) == "bias hashed is not in its biases"
    assert left_out(Right, hashed) == "" == left_out(Right, few) == left_out(Some, plain) == left_out(Right, tile)
    assert left_out(one_that(takes_buckets=False), few) == "no compression yields these numbers of buckets"
    assert left_out(one_that(takes_buckets=False), plain) == ""
    assert left_out(one_that(dtypes=("float64",)), plain) == "float32 is not in its dtypes"
    assert left_out(one_that(dtypes=()), SEED) == "" and left_out(Adapter, SEED) == "no derive_seed"
    assert run_case(Adapter, SEED) == Result(SEED, NOT_COVERED, "no derive_seed")


# ---- what it raises


def raising(error):
    """Make an adapter whose seeds raise an error."""
    def derive_seed(seed, n):
        raise error

    return type("Raises", (Adapter,), {"derive_seed": staticmethod(derive_seed)})


@pytest.mark.parametrize(("error", "valid", "refused", "difference", "machine"), [
    (ValueError("a\nb"), FAILS, PASSES, "raised ValueError: a b", False),
    (RuntimeError("no"), FAILS, PASSES, "raised RuntimeError: no", False),
    (NotCovered("too\nlarge"), NOT_COVERED, NOT_COVERED, "too large", False),
    (NotCovered(), NOT_COVERED, NOT_COVERED, "NotCovered", False),
    (NotImplementedError("x"), FAILS, PASSES, "raised NotImplementedError: x; for what your layer doesn't do raise "
                                              "NotCovered", False),
    (AttributeError("x"), FAILS, PASSES, "raised AttributeError: x", False),
    (NameError("x"), FAILS, FAILS, "raised NameError: x", False), (MemoryError(), FAILS, FAILS, "raised MemoryE", True),
    (OSError(errno.ENOSPC, "full"), FAILS, FAILS, "raised OSError: [Errno 28] full", True),
    (SystemExit(0), FAILS, FAILS, "raised SystemExit: 0", False),
])
def test_an_error_fails_a_valid_case_and_refuses_another_unless_it_is_no_refusal(error, valid, refused, difference,
                                                                                 machine):
    adapter = raising(error)
    found = run_case(adapter, SEED)
    assert found.status == valid and found.difference.startswith(difference) and found.machine == machine
    assert run_case(adapter, REFUSED).status == refused
    assert ("is not taken for a refusal" in run_case(adapter, REFUSED).difference) == isinstance(
        error, NameError | MemoryError | OSError)
    if valid == FAILS:
        assert not found.compared and found.difference.startswith(f"raised {found.error}")


def test_ctrl_c_ends_the_run_and_what_a_layer_does_to_the_output_is_undone():
    with pytest.raises(KeyboardInterrupt):
        run_case(raising(KeyboardInterrupt()), SEED)

    class Closes(Right):
        @classmethod
        def derive_seed(cls, seed, n):
            sys.stdout = sys.stderr = None
            return super().derive_seed(seed, n)

    streams = sys.stdout, sys.stderr
    assert run_case(Closes, SEED).status == PASSES and (sys.stdout, sys.stderr) == streams


@pytest.mark.parametrize(("error", "is_so"), [
    (MemoryError(), True), (ImportError("x"), True), (OSError(errno.EACCES, "x"), True),
    (OSError(errno.ENOENT, "x"), False), (RuntimeError("CUDA error"), True), (RuntimeError("x"), False),
    (RuntimeError("CUDA error: device-side assert triggered"), False),
    (RuntimeError("CUDA error: no kernel image. Compile with TORCH_USE_CUDA_DSA for device-side assertions."), True),
    (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
    (ValueError("CUDA error"), False), (TypeError("out of memory"), False), (RuntimeError("Out of Memory"), True),
])
def test_faults_of_the_machine_are_told_from_those_of_the_layer(error, is_so):
    assert is_of_the_machine(error) is is_so
    assert judge_error(SEED, error).machine is is_so


class NoText(Exception):
    def __str__(self):
        raise OSError

    __repr__ = __str__


@pytest.mark.parametrize(("text", "said"), [
    ("x" * 200, "x" * 200), ("x" * 100 + "\n" + "y" * 99, "x" * 100 + " " + "y" * 99), (" a \n\n b", "a b"), ("", ""),
    ("a" * 120 + "b" * 10 + "c" * 80, "a" * 120 + " ... " + "c" * 80),
    ("x" * 201, "x" * 120 + " ... " + "x" * 80), ("a" * 150 + "\n" + "c" * 150, "a" * 140 + " ... " + "c" * 140),
    ("a" * 140 + "b\n" + "-" * 99 + "\nd" + "c" * 140, "a" * 140 + " ... " + "c" * 140),
])
def test_a_message_is_one_line_and_a_long_one_loses_its_middle(text, said):
    assert words(ValueError(text)) == said


def test_what_cannot_be_written_is_reported_as_such():
    assert words(NoText()) == "(its message cannot be written: OSError)"
    assert shown(NoText()) == "what cannot be shown: OSError: " and shown("a\n b") == "a b"
    assert len(shown("x" * 99)) == 80


# ---- what it answers


def answers(value):
    return type("Answers", (Adapter,), {"derive_seed": staticmethod(lambda seed, n: value)})


def test_an_answer_to_what_must_be_refused_and_one_that_cannot_be_read_are_failures():
    found = run_case(answers(7), REFUSED)
    assert (found.status, found.bugs) == (FAILS, set(REFUSED.flags)) and found.compared
    assert found.difference.startswith("accepted, expected an error; gave [7")
    forward = type("F", (Right,), {"forward": lambda s, a: [[1.0], [2.0, 3.0]]})
    found = run_case(forward, CASES["forward-001"])
    assert found.status == FAILS and not found.compared and found.error
    assert found.difference == f"gave an answer that cannot be read: {found.error}"


def test_an_adapter_that_writes_into_what_it_was_given_fails():
    class Writes(Right):
        def forward(self, a):
            z = super().forward(a)
            a += 1
            return z

    found = run_case(Writes, CASES["forward-001"])
    assert (found.status, found.bugs) == (FAILS, {"InputOverwritten"})
    assert found.difference == "the adapter wrote into an array that it was given"


def misreading(refuses=(), reads=()):
    """Make a layer that reads arrays as they lie in memory, in the methods `reads`; it may refuse some layouts."""
    def in_memory(x):
        if "rows" in reads:
            return rows_as_one_piece(x)
        if "negative" in refuses and min(x.strides) < 0:
            raise ValueError("negative strides")
        lowest_address_first = np.flip(x) if min(x.strides) < 0 else x
        return np.ravel(lowest_address_first, order="K").reshape(x.shape)

    class Misreads(Right):
        def forward(self, a):
            return super().forward(in_memory(a) if "a" in reads else a)

        def backward(self, a, dz):
            return super().backward(a, in_memory(dz) if "dz" in reads else dz)

        def __init__(self, spec, w, b):
            super().__init__(spec, in_memory(w) if "w" in reads else w, b)

    return Misreads


@pytest.mark.parametrize(("reads", "refuses", "case", "layout"), [
    ("a", (), "forward-003", "in Fortran order"), ("w", (), "forward-003", "with negative strides"),
    ("a", ("negative",), "forward-003", "in Fortran order"), (("dz",), (), "gradients-003", "in Fortran order"),
    (("a", "rows"), (), "forward-003", "that are columns of a wider array"),
    (("dz", "rows"), (), "gradients-003", "that are columns of a wider array"),
])
def test_a_layer_that_reads_memory_without_strides_fails(reads, refuses, case, layout):
    adapter = misreading(refuses, reads)
    found = run_case(adapter, CASES[case])
    assert (found.status, found.bugs, found.layout) == (FAILS, {"StridesIgnored"}, layout)
    assert found.difference.startswith(f"wrong for arrays {layout}: ") and found.compared
    scope = {}
    lines = as_lines(CASES[case], "test_kit_runner:Right", layout)
    exec("\n".join(lines[:-1]), scope)  # the lines make the very arrays that were handed over
    given = scope["w"] if "w" in reads else scope["dz" if "dz" in reads else "a"]
    assert not given.flags.c_contiguous
    report = write_report("mine:Misreads", [found])
    assert "StridesIgnored: The same numbers laid out differently in memory" in report and layout in report


def test_a_layer_may_refuse_a_layout():
    assert run_case(misreading(("negative",), ("w",)), CASES["forward-003"]).status == PASSES
    assert run_case(misreading(), CASES["forward-003"]) == Result(CASES["forward-003"], PASSES)


def test_arrays_are_found_in_lists_tuples_and_dicts():
    a, b, c = (np.zeros(n) for n in (1, 2, 3))
    found = arrays_in({"x": a, "y": [b, "text", (c, 7)], "z": None})
    assert len(found) == 3 and all(x is y for x, y in zip(found, (a, b, c), strict=True))


def test_a_right_layer_may_answer_in_lists():
    def lists(x):
        return None if x is None else x.tolist()

    class Lists(Right):
        def forward(self, a):
            return lists(super().forward(a))

        def backward(self, a, dz):
            return tuple(map(lists, super().backward(a, dz)))

    cases = [case for case in select(["forward", "gradients"]) if case.valid and case.inputs.get("a") == []]
    assert len(cases) > 2 and {r.status for r in check_cases(Lists, cases)} == {PASSES}


def test_a_refusal_counts_only_where_a_valid_case_of_its_operation_was_answered():
    valid = Result(SEED, FAILS, compared=False)
    refused = Result(REFUSED, PASSES)
    (found,) = settle_refusals([valid, refused])[1:]
    assert (found.status, found.compared) == (FAILS, False) and "this is not a refusal" in found.difference
    for first in (replace(valid, compared=True), Result(SEED, PASSES), Result(SEED, NOT_COVERED)):
        assert settle_refusals([first, refused]) == [first, refused]
    assert settle_refusals([refused]) == [refused] and not found.machine
    assert settle_refusals([replace(valid, machine=True), refused])[1].machine  # no refusal was ever tried
    accepted = Result(REFUSED, FAILS, "accepted")
    assert settle_refusals([valid, accepted]) == [valid, accepted]
    right = Result(SEED, PASSES)
    assert passed([right, refused]) and not passed([refused]) and not passed([right, valid])


def test_gradients_that_a_layer_does_not_return_are_not_asked_for():
    case = CASES["gradients-001"]
    for name, needs in (("dw", "w"), ("db1", "b"), ("da", "a"), ("dx", "a")):
        assert is_asked(name, case, (needs,)) and not is_asked(name, case, tuple({"w", "b", "a"} - {needs}))
    assert is_asked("z", case, ())
    script = next(case for case in select(["sequences"]) if case.valid)
    assert not is_asked("z99", script, ("w", "b", "a"))
    assert is_asked("dw", CASES["scatter-add-001"], ())  # what a method of its own returns is asked for
    scattered = next(case for case in select(["sequences"]) if "'scatter_add'" in str(case.inputs))
    names = [name for name in scattered.expected if name.startswith("dw")]
    asked = {scattered.inputs["steps"][int(name[2:])]["call"]: is_asked(name, scattered, ("a",)) for name in names}
    assert asked.pop("scatter_add") and not any(asked.values())


class OnlyBias(Right):
    """A layer that claims one gradient; the others are nonsense."""

    gradients = ("b",)

    def backward(self, a, dz):
        _, db, _ = super().backward(a, dz)
        return "dw", db, "da"


def test_a_case_is_not_covered_if_nothing_of_it_is_claimed():
    """Without a bias, nothing is compared: db is None."""
    found = run_case(OnlyBias, CASES["gradients-001"])
    assert found == Result(CASES["gradients-001"], NOT_COVERED, "none of the gradients that it claims is in this case")
    dense = next(case for case in select(["bias"]) if case.valid and case.operation == "backward"
                 and case.inputs["layer"]["bias"] == "dense")
    assert run_case(OnlyBias, dense) == Result(dense, PASSES, unclaimed=("a", "w"))
    assert run_case(Right, dense) == Result(dense, PASSES)
    results = check_cases(OnlyBias, [case for case in select(["gradients"]) if not case.valid or not case.inputs.get(
        "a")] + [CASES["gradients-001"]])
    assert not passed(results) and "  -     gradients " in write_report("mine:OnlyBias", results)


def test_an_unclaimed_gradient_names_no_bug():
    """The answer of a bug in dw alone is not that of a layer whose dw nobody looks at."""
    case = replace(CASES["gradients-002"], wrong=({"flag": "OfWeights", "dw": CASES["gradients-002"].expected["dw"]},))
    wrong = {"dw": None, "db": None, "da": -np.array(case.expected["da"], case.dtype)}
    assert judge(case, wrong, ("a",)).bugs == set()


def test_a_wrong_answer_is_placed_named_and_described():
    case = next(c for c in select(["gather"]) if c.valid and any(w["flag"] == "SignIgnored" for w in c.wrong))
    right = {name: np.array(x, case.dtype) for name, x in case.expected.items()}
    (wrong,) = [w for w in case.wrong if w["flag"] == "SignIgnored"]
    found = judge(case, {"V": np.array(wrong["V"], case.dtype)})
    assert (found.status, found.compared) == (FAILS, True) and "SignIgnored" in found.bugs
    assert found.difference.startswith("V[") and found.outputs.keys() == {"V"}
    other = "float64" if case.dtype == "float32" else "float32"
    found = judge(case, {"V": right["V"].astype(other)})
    assert (found.bugs, found.outputs) == ({"OutputDtype"}, {"V": "of another dtype"})
    assert judge(case, right) == Result(case, PASSES)
    empty = next(c for c in select(["forward"]) if c.valid and c.expected["z"] == [])
    found = judge(empty, {"z": np.zeros(0, empty.dtype)})
    assert (found.status, found.bugs, found.outputs) == (FAILS, {"EmptyBatchShape"}, {"z": "of another shape"})
