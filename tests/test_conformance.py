"""The kit can pass and can fail: right layers pass, every broken one is refused and nearly always named."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from broken_layers import BROKEN, layer_only
from right_layer import Right

from hashnets_np.__main__ import main
from hashnets_np.conformance import Adapter, NotCovered, check, load_adapter, passed, write_report
from hashnets_np.conformance.cases import all_cases, dense, explain_flag
from hashnets_np.conformance.compare import differs
from hashnets_np.conformance.diagnosis import likely_bugs
from hashnets_np.conformance.judging import judge, judge_size, settle_refusals
from hashnets_np.conformance.operations import as_lines, lines_of, methods_of, variables
from hashnets_np.conformance.results import FAILS, NOT_COVERED, PASSES, Result
from hashnets_np.conformance.runner import check_cases, run_case, select

OURS = "hashnets_np.conformance.numpy_layer:NumpyLayer"
ALL_TOPICS = list(dict.fromkeys(case.topic for case in all_cases()))
SMALL_TOPICS = [topic for topic in ALL_TOPICS if topic != "large-layer"]


SMALL = [case for case in select(SMALL_TOPICS) if "formula" not in str(case.inputs)]  # layers in Python loops are slow


LARGEST = ("large-layer-002", "large-layer-004")  # 2^24 real weights and more, most of a minute on a busy machine


def code_of(cls, name):
    """Find the code of a method, however it is decorated; None for what is no method."""
    found = inspect.getattr_static(cls, name, None)
    found = getattr(found, "__func__", getattr(found, "func", found))  # of a classmethod, of a cached property
    return getattr(found, "__code__", None)


def run_right(case):
    """Run a case on the right layer: its result, and the code that ran."""
    reached = set()
    sys.setprofile(lambda frame, event, arg: reached.add(frame.f_code))
    try:
        return run_case(Right, case), reached
    finally:
        sys.setprofile(None)


def overridden(cls):
    """List what a broken layer changes in the right one, where that is there."""
    classes = cls.__mro__[: cls.__mro__.index(Right)]
    names = {name for each in classes for name in vars(each) if name == "__init__" or not name.startswith("__")}
    return [name for name in names if hasattr(Right, name)]


@pytest.fixture(scope="module")
def broken_results() -> dict[str, list]:
    """All small cases on all broken layers; what does not reach the code that a layer changes is right, and not run."""
    right = [run_right(case) for case in SMALL]
    results = {}
    for name, (cls, _) in BROKEN.items():
        changed = {code_of(Right, each) for each in overridden(cls)}
        found = [run_case(cls, result.case) if None in changed or changed & reached else result
                 for result, reached in right]
        results[name] = settle_refusals(found)
    return results


@pytest.mark.parametrize("name", ["NoSign", "WritesIntoInput"])
def test_what_a_broken_layer_does_not_change_need_not_be_run(name, broken_results):
    assert check_cases(BROKEN[name][0], SMALL) == broken_results[name]


def test_our_own_layer_passes_everything(kernels):
    topics = ALL_TOPICS if kernels == "numba" else SMALL_TOPICS
    results = check_cases(load_adapter(OURS), [case for case in select(topics) if case.id not in LARGEST])
    assert passed(results) and {r.status for r in results} == {PASSES}


@pytest.mark.slow
def test_our_own_layer_passes_the_largest_cases():
    results = check_cases(load_adapter(OURS), select(ids=LARGEST))
    assert len(results) == 2 and {r.status for r in results} == {PASSES}


def test_a_right_layer_that_shares_no_code_with_the_package_passes():
    """In loops; `Fast`, the same with tables, passes those of middle size (test_the_layer_that_bugs_are_planted_in)."""
    results = check_cases(Right, SMALL)
    assert {r.status for r in results} == {PASSES} and {r.case.topic for r in results} == set(SMALL_TOPICS)


@pytest.mark.slow
def test_a_right_layer_that_shares_no_code_with_the_package_passes_cases_of_middle_size():
    results = check(Right, SMALL_TOPICS)
    assert {r.status for r in results} == {PASSES}


def test_there_are_many_broken_layers_for_many_bugs():
    assert len(BROKEN) >= 25 and len({flag for _, flag in BROKEN.values()}) >= 25
    assert all(explain_flag(flag) for _, flag in BROKEN.values())


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_layer_is_refused(name, broken_results):
    assert not passed(broken_results[name])


def test_a_difference_is_reported_in_one_line(broken_results):
    assert not [r.difference for results in broken_results.values() for r in results if "\n" in r.difference]


def test_the_bug_is_called_by_its_name(broken_results):
    named = {name: next(iter(likely_bugs(results)), ("", 0))[0] for name, results in broken_results.items()}
    right = [name for name, flag in named.items() if flag == BROKEN[name][1]]
    assert len(right) >= 0.9 * len(BROKEN), {n: (flag, BROKEN[n][1]) for n, flag in named.items() if n not in right}


def without_other_methods(results):
    """Keep only what a layer with forward and backward alone shows."""
    chosen = [r for r in results if r.case.topic in ("forward", "gradients", "bias", "authors2015")]
    methods = {"forward", "backward"}
    return [r if set(methods_of(r.case)) <= methods else Result(r.case, NOT_COVERED) for r in chosen]


def test_a_layer_of_forward_and_backward_shows_the_same_as_the_whole_one_there(broken_results):
    results = without_other_methods(broken_results["NoSign"])
    found = check_cases(layer_only(BROKEN["NoSign"][0]), [r.case for r in results])
    assert [(r.status, r.bugs) for r in found] == [(r.status, r.bugs) for r in results]


def test_the_bug_is_called_by_its_name_where_only_forward_and_backward_are_there(broken_results):
    named = {}
    for name, (_, flag) in BROKEN.items():
        results = without_other_methods(broken_results[name])
        if not passed(results):
            named[name] = flag == next(iter(likely_bugs(results)), ("", 0))[0]
    assert len(named) >= 25 and sum(named.values()) >= 0.9 * len(named), named


def test_what_is_left_out_is_not_covered_and_never_passed():
    results = check_cases(layer_only(Right), SMALL)
    assert passed(results)
    uncovered = {r.case.topic for r in results if r.status == NOT_COVERED}
    assert {"hash", "bucket-sign", "gather", "two-layers", "sgd", "storage"} <= uncovered
    passing = {r.case.topic for r in results if r.status == PASSES}
    assert not passing & {"hash", "gather", "two-layers", "sgd", "storage"}


def test_a_layer_that_only_ever_refuses_does_not_pass():
    class Refuses(Adapter):
        def forward(self, a):
            raise NotCovered

        @staticmethod
        def hash(i, j, seed):
            raise ValueError if (i < 0).any() or (i > 2**32 - 1).any() else NotCovered("not\nyet")

    results = check(Refuses, ["hash"])
    assert any(r.status == PASSES for r in results) and not any(r.status == FAILS for r in results)
    assert not passed(results)
    assert "(not yet)" in write_report("mine:Refuses", results)


def test_what_a_framework_has_not_implemented_is_a_failure_that_matches_no_known_bug():
    class Half(Right):
        def gather(self):
            raise NotImplementedError('"addmm" not implemented for \'Half\'')

    results = check(Half, ["gather"])
    assert {r.status for r in results} == {FAILS}  # what raises for valid input as well refuses nothing
    report = write_report("mine:Half", results)
    assert "Every valid case raised the same error: NotImplementedError: \"addmm\" not implemented" in report
    assert "SharedBits" not in report


def test_a_slip_in_the_adapter_does_not_count_as_refusing_bad_input():
    class Slip(Right):
        @classmethod
        def hash(cls, i, j, seed):
            return undefined_name  # noqa: F821

    assert {r.status for r in check(Slip, ["hash"])} == {FAILS}


class NotDetached:
    """What a torch tensor that needs gradients does when NumPy, or a report, looks at it."""

    def __array__(self, *_, **__):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.\nUse tensor.detach().numpy() instead.")

    def __repr__(self):
        raise RuntimeError("this has no text either")


class Unreadable(Right):
    def forward(self, a):
        return NotDetached()

    def gather(self):
        return [[1.0, 2.0], [3.0]]

    def stored_bytes(self):
        return None

    @classmethod
    def hash(cls, i, j, seed):
        return NotDetached()

    @staticmethod
    def network(*arguments):
        z, grads, dx = Right.network(*arguments)
        return z, grads[:-1], dx


@pytest.mark.parametrize(("topic", "words"), [
    ("forward", "cannot be read: RuntimeError: Can't call numpy() on Tensor that requires grad. Use tensor.detach()"),
    ("gather", "cannot be read: ValueError: setting an array element with a sequence"),
    ("storage", "cannot be read: TypeError: int() argument"), ("two-layers", "cannot be read: KeyError: 'dw1'"),
    ("hash", "accepted, expected an error; gave what cannot be shown: RuntimeError: this has no text"),
])
def test_an_answer_that_cannot_be_read(topic, words):
    results = check(Unreadable, [topic])
    failing = [r for r in results if r.status == FAILS]
    assert any(words in r.difference for r in failing) and all("\n" not in r.difference for r in failing)
    changed = {"forward", "gather", "stored_bytes", "hash", "network"}
    assert {r.status for r in results if r.case.valid and r.case.operation in changed} == {FAILS}
    assert write_report("mine:Unreadable", results).splitlines()[-1].startswith("FAILED")


def test_too_few_values_are_reported_and_do_not_count_as_a_refusal():
    class TwoOfThree(Right):
        def backward(self, a, dz):
            return super().backward(a, dz)[:2]

        @classmethod
        def bucket_sign(cls, *arguments):
            return (0,)

    results = check_cases(TwoOfThree, [case for case in SMALL if case.topic in ("gradients", "bucket-sign")])
    assert {r.status for r in results if r.case.valid or r.case.operation == "bucket_sign"} == {FAILS}
    assert "expected 3 values (dw, db, da), got 2" in write_report("mine:TwoOfThree", results)


def test_the_lines_of_a_report_reproduce_the_failure(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from hashnets_np.conformance.numpy_layer import NumpyLayer\n"
        "class Mine(NumpyLayer):\n"
        "    def forward(self, a):\n"
        "        return -super().forward(a)\n")
    case = next(c for c in all_cases() if c.id == "forward-003")
    lines = as_lines(case, "mine:Mine")
    out = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True,
                         check=True, env={"PYTHONPATH": str(Path(__file__).parent.parent), "PATH": ""})
    found = np.array(out.stdout.replace("[", " ").replace("]", " ").split(), float)
    assert np.allclose(-found, np.ravel(case.expected["z"]))


def same(x, y):
    """Compare nested lists of arrays and plain values, with their types and dtypes."""
    if isinstance(x, np.ndarray):
        return x.dtype == y.dtype and np.array_equal(x, y)
    if isinstance(x, list | tuple):
        return type(x) is type(y) and len(x) == len(y) and all(map(same, x, y))
    return type(x) is type(y) and x == y


@pytest.mark.parametrize("topic", ALL_TOPICS)
def test_the_lines_set_what_was_run(topic):
    for case in all_cases():
        if case.topic == topic and case.id not in LARGEST:
            calls, values, scope = lines_of(case), variables(case), {}
            lines = as_lines(case, "mine:Mine")
            assert "from mine import Mine" in lines
            ast.parse("\n".join(lines[-len(calls):]), case.id)
            exec("\n".join(line for line in lines[:-len(calls)] if not line.startswith("from mine")), scope)
            used = set(re.findall(r"\w+", " ".join(calls))) & set(values)
            assert used and [name for name in sorted(used) if not same(values[name], scope[name])] == [], case.id


def test_the_report_names_topic_case_difference_bug_and_lines(broken_results):
    report = write_report("mine:NoSign", broken_results["NoSign"])
    assert "FAIL  gather" in report and "ok    hash" in report
    assert "SignIgnored: No sign: every virtual weight is +w." in report
    assert "V[0, 0]: expected" in report and "exactly the answer of: SignIgnored" in report
    assert "from mine import NoSign" in report and "layer = NoSign(spec, w, b)" in report
    assert report.splitlines()[-1].startswith("FAILED: ")


def test_a_failure_that_matches_no_known_bug_says_what_is_excluded():
    class Odd(Right):
        def gather(self):
            return super().gather() + 0.001

    report = write_report("mine:Odd", check(Odd, ["gather"]))
    assert "No known bug gives these answers" in report and "are excluded" in report and "SharedBits" not in report


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return tmp_path


def test_the_command_exits_with_0_only_if_all_that_is_covered_passes(folder, capsys):
    assert main(["check", "right_layer:Right", "--topic", "gather", "--topic", "hash"]) == 0
    asked = sum(case.topic in ("gather", "hash") for case in all_cases())
    assert f"PASSED: {asked} cases pass, 0 fail, 0 not covered" in capsys.readouterr().out
    assert main(["check", "broken_layers:NoSign", "--topic", "gather"]) == 1
    assert main(["check", "broken_layers:NoSign", "--topic", "gather", "--all"]) == 1
    out = capsys.readouterr().out
    first, every = out.split("\nFAILED: ")[:2]
    failing = int(re.search(r"(\d+) fail,", every)[1])
    assert first.count("to reproduce it") == 1 and every.count("to reproduce it") == failing > 1


@pytest.mark.parametrize(("name", "message"), [
    ("broken_layers", "as module:Class"), ("no_such_module:X", "cannot import"), ("broken_layers:Nothing", "has no"),
    ("right_layer:demand", "is not an adapter"), ("numpy:ndarray", "is not an adapter"),
    ("hashnets_np.conformance:Adapter", "implements no method"),
])
def test_what_is_not_an_adapter_is_an_error_of_one_line(folder, capsys, name, message):
    assert main(["check", name]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_an_adapter_that_exits_fails():
    class Exits(Right):
        def forward(self, a):
            raise SystemExit(0)

    results = check(Exits, ["forward"])
    assert {r.status for r in results} == {FAILS} and "raised SystemExit: 0" in {r.difference for r in results}


@pytest.mark.parametrize(("text", "name", "message"), [
    ("def half(:", "broken_1", "cannot import 'broken_1' (SyntaxError"),
    ("raise RuntimeError('no GPU\\nhere')", "broken_2", "cannot import 'broken_2' (RuntimeError: no GPU here)"),
    ("raise SystemExit(0)", "broken_3", "cannot import 'broken_3' (SystemExit: 0)"),
    ("class E(Exception):\n  def __str__(self): raise OSError\nraise E", "broken_4",
     "(E: (its message cannot be written: OSError))"),
    ("", ".rel", "cannot import '.rel' (TypeError"), ("", "a..b", "cannot import 'a..b' (ModuleNotFoundError"),
])
def test_a_module_that_cannot_be_imported(folder, capsys, text, name, message):
    (folder / f"{name}.py").write_text(text)
    assert main(["check", f"{name}:Mine"]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_an_unknown_topic_is_an_error_of_one_line(folder, capsys):
    assert main(["check", "right_layer:Right", "--topic", "typo"]) == 2
    assert "unknown topic typo; known: hash" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "code", "words"), [
    ("right_layer:Right", 0, " passed"), ("broken_layers:NoSign", 1, "exactly the answer of: SignIgnored"),
    ("", 5, "set HASHNETS_IMPL"), ("right_layer:demand", 4, "HASHNETS_IMPL: right_layer:demand is not an adapter"),
])
def test_the_kit_runs_in_pytest(name, code, words):
    root = Path(__file__).parent.parent
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider", "-k", "gather or covered",
         "--pyargs", "hashnets_np.conformance"],
        cwd=root, capture_output=True, text=True,
        env={"HASHNETS_IMPL": name, "PYTHONPATH": f"{root}:{root / 'tests'}", "PATH": ""})
    assert run.returncode == code and words in run.stdout, run.stdout[-2000:]


IN_ANOTHER_ORDER = """
import random

def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.nodeid)
    random.Random({seed}).shuffle(items)
    items[:] = items[{worker}::{workers}]
"""


@pytest.mark.parametrize(("seed", "worker", "workers"), [
    (1, 0, 1), (1, 0, 3), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((2, 0, 1), (1, 1, 3), (1, 2, 3)))])
def test_the_kit_runs_in_pytest_in_any_order_and_in_parts(tmp_path, seed, worker, workers):
    """As pytest-randomly and the workers of pytest-xdist do it: the order is drawn, and each worker sees a part."""
    (tmp_path / "order.py").write_text(IN_ANOTHER_ORDER.format(seed=seed, worker=worker, workers=workers))
    root = Path(__file__).parent.parent
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider", "-p", "order",
         "-k", "derived or loss or covered", "--pyargs", "hashnets_np.conformance"],
        cwd=root, capture_output=True, text=True,
        env={"HASHNETS_IMPL": "right_layer:Right", "PYTHONPATH": f"{root}:{root / 'tests'}:{tmp_path}", "PATH": ""})
    assert run.returncode == 0 and " passed" in run.stdout and "failed" not in run.stdout, run.stdout[-2000:]


def test_sparse_arrays():
    assert dense({"shape": [2, 2], "at": [[0, 1, 5]], "rest": 0.5}, "float32").tolist() == [[0.5, 5], [0.5, 0.5]]


@pytest.mark.parametrize("topic", ["forward", "gradients", "gather", "large-layer"])
def test_an_answer_that_is_not_a_number_is_refused(topic):
    cases = [case for case in select([topic]) if case.valid and case.inputs.get("a") != [] and case.id not in LARGEST]
    for case in cases:
        shapes = {name: x["shape"] if isinstance(x, dict) else np.shape(x) for name, x in case.expected.items() if x}
        found = dict.fromkeys(case.expected) | {
            name: np.full(shape, np.nan, case.dtype) for name, shape in shapes.items()}
        result = judge(case, found)
        assert result.status == FAILS and ("nan" in result.difference or "sums" in result.difference), case.id
    assert cases


def outputs():
    """Go through the float arrays that valid cases expect: (case, name, as it is written, the array)."""
    for case in all_cases():
        for name, x in case.expected.items():
            given = isinstance(x, list | float) or (isinstance(x, dict) and "at" in x and np.prod(x["shape"]) < 10**6)
            if case.dtype != "int" and case.operation != "stored_bytes" and given:
                yield case, name, x, dense(x, np.float64)


def test_an_answer_is_judged_by_the_tolerance_of_its_case():
    tried = 0
    for case, name, x, wanted in outputs():
        if case.tolerance and wanted.any():
            bound = case.tolerance * np.abs(wanted).max()
            at = np.unravel_index(np.abs(wanted).argmax(), wanted.shape)
            for off, refused in ((0.5, False), (-0.5, False), (2, True), (-2, True), (np.nan, True)):
                found = wanted.copy()
                found[at] += off * bound
                assert bool(differs(name, x, found, case)) == refused, (case.id, name, off)
            tried += 1
    assert tried > 100


def test_entries_that_a_sparse_case_does_not_list_are_compared_with_the_rest():
    tried = 0
    for case, name, x, wanted in outputs():
        if isinstance(x, dict) and x["rest"] != "any":
            listed = {tuple(index) for *index, _ in x["at"]}
            place = next(index for index in np.ndindex(wanted.shape) if index not in listed)
            assert not differs(name, x, wanted, case)
            wanted[place] += 1
            assert f"{name}[{', '.join(map(str, place))}]: expected" in differs(name, x, wanted, case)
            tried += 1
    assert tried


def test_what_should_not_be_there_or_not_be_finite_is_refused_if_it_is():
    case = all_cases()[0]
    assert not differs("db", None, None, case) and not differs("db", None, np.zeros(0), case)
    assert "db: expected none" in differs("db", None, np.zeros(3), case)
    assert "db: expected an array" in differs("db", [0.0], None, case)
    assert not differs("z", "not finite", [1.0, np.inf], case) and differs("z", "not finite", [1.0, 2.0], case)


def test_a_saved_layer_may_be_neither_too_large_nor_too_small():
    case = next(c for c in all_cases() if c.operation == "stored_bytes")
    low, high = case.expected["min_bytes"], case.expected["max_bytes"]
    found = [judge_size(case, size) for size in (low - 1, low, high, high + 1)]
    assert [r.status for r in found] == [FAILS, PASSES, PASSES, FAILS]
    assert [r.bugs for r in found] == [set(), set(), set(), {"CheckpointHoldsMap"}]


def test_a_right_answer_does_not_excuse_writing_into_the_input():
    cases = [case for case in SMALL if case.topic == "forward" and case.valid and np.any(case.inputs["a"])]
    results = check_cases(BROKEN["WritesIntoInput"][0], cases)
    assert results and all(r.status == FAILS and r.bugs == {"InputOverwritten"} for r in results)
