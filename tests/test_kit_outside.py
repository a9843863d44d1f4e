"""The kit survives its layers, asks programs, probes layers, and points at what it finds: from outside."""

import io
import json
import os
import queue
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from planted_bugs import BY_LAYER, PLANTED, Fast, LayerOnly
from right_layer import Right

from hashnets_np.__main__ import main
from hashnets_np.commands.check import is_another_map_possible, show_progress
from hashnets_np.conformance import check_shapes, diagnose, outside, passed
from hashnets_np.conformance.adapter import LayerSpec
from hashnets_np.conformance.another_map import find_another_map
from hashnets_np.conformance.cases import all_cases, find_compression
from hashnets_np.conformance.compare import pattern, relation
from hashnets_np.conformance.judging import judge
from hashnets_np.conformance.numpy_layer import NumpyLayer
from hashnets_np.conformance.outside import check_outside
from hashnets_np.conformance.probe import probe_layer
from hashnets_np.conformance.program import Command, as_array, judge_line, read_lines
from hashnets_np.conformance.random_layers import random_cases
from hashnets_np.conformance.report import write_report
from hashnets_np.conformance.results import FAILS, NOT_COVERED, PASSES, Result
from hashnets_np.conformance.runner import check_cases, run_case, select

HERE = Path(__file__).parent
ONE_TOPIC = ["--topic", "derived-seed"]
ADAPTERS = """
import os, sys, time
from hashnets_np.conformance.numpy_layer import NumpyLayer

class Right(NumpyLayer):
    pass

class Exits(NumpyLayer):
    @staticmethod
    def derive_seed(seed, n):
        os._exit(0)

class Hangs(NumpyLayer):
    @staticmethod
    def derive_seed(seed, n):
        time.sleep(60)

class Silent(NumpyLayer):
    @staticmethod
    def derive_seed(seed, n):
        sys.stdout = None
        return NumpyLayer.derive_seed(seed, n)

class Loud(NumpyLayer):
    @staticmethod
    def derive_seed(seed, n):
        print("noise")
        os.write(1, b"more noise")
        return NumpyLayer.derive_seed(seed, n)

class Full(NumpyLayer):
    @staticmethod
    def derive_seed(seed, n):
        raise OSError(28, "No space left on device")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adapters.py").write_text(ADAPTERS)
    return tmp_path


@pytest.mark.parametrize(("name", "code", "words"), [
    ("Right", 0, "PASSED: 13 cases pass"), ("Silent", 0, "PASSED: 13 cases pass"),
    ("Exits", 1, "its process ended with exit code 0 before it answered"),
    ("Hangs", 1, "no answer within 0.2 s"), ("Full", 2, "The adapter cannot run here: 13 cases raised OSError"),
])
def test_whatever_a_layer_does_to_its_process_is_a_failure_of_its_case(folder, capsys, name, code, words):
    limit = ["--time-limit", "0.2"] if name == "Hangs" else []
    assert main(["check", f"adapters:{name}", *ONE_TOPIC, *limit]) == code
    assert words in capsys.readouterr().out


def test_what_a_layer_prints_does_not_mix_with_the_report(folder):
    command = [sys.executable, "-m", "hashnets_np", "check", "adapters:Loud", "--case", "derived-seed-002"]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env=os.environ | {"PYTHONPATH": str(HERE.parent)})
    assert done.returncode == 0 and "noise" not in done.stdout and done.stderr.startswith("noise")


@pytest.mark.parametrize("error", ["BaseException('two\\nlines')", "KeyboardInterrupt", "GeneratorExit"])
def test_a_module_that_raises_anything_is_one_line(folder, capfd, error):
    (folder / "raising.py").write_text(f"raise {error}")
    assert main(["check", "raising:Layer"]) == 2
    err = capfd.readouterr().err
    assert "cannot import 'raising:Layer'" in err and err.count("\n") == 1


def test_a_closed_stderr_is_not_a_failure(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    show_progress(None)
    assert capsys.readouterr().out == ""


def test_results_go_to_json_and_expected_failures_are_read(folder, capsys):
    (folder / "known.txt").write_text("# what we know\nderived-seed-001 not yet\n")
    assert main(["check", "adapters:Right", *ONE_TOPIC, "--json", "out.json", "--xfail", "known.txt"]) == 1
    assert "Expected to fail, but passes: derived-seed-001" in capsys.readouterr().out
    found = json.loads((folder / "out.json").read_text())
    assert found["verdict"] == "passed" and found["counts"]["passes"] == len(found["cases"]) == 13
    (folder / "known.txt").write_text("derived-seed-001\n")
    assert main(["check", "adapters:Right", "--xfail", "known.txt"]) == 2
    assert "line 1: expected a case and a reason" in capsys.readouterr().err


@pytest.mark.parametrize("case", ["soft-targets-011", "forward003"])  # the first was withdrawn
def test_an_unknown_case_among_the_expected_failures_is_named(folder, capsys, case):
    (folder / "known.txt").write_text(f"# what we know\n{case} not yet\n")
    assert main(["check", "adapters:Right", "--xfail", "known.txt"]) == 2
    error = capsys.readouterr().err
    assert f"known.txt, line 2: unknown case '{case}'; was it withdrawn?" in error and error.count("\n") == 1


def test_one_case_can_be_asked_and_all_can_be_exported(folder, capsys):
    assert main(["check", "adapters:Right", "--case", "derived-seed-002"]) == 0
    assert main(["check", "adapters:Right", "--case", "derived-seed-999"]) == 2
    assert "unknown case derived-seed-999" in capsys.readouterr().err
    assert main(["check", "--export", "cases", "--topic", "sequences"]) == 0
    files = sorted((folder / "cases" / "sequences").glob("*.json"))
    assert len(files) == len(select(["sequences"])) >= 40
    assert "formula" not in "".join(json.dumps(json.loads(f.read_text())["input"]) for f in files)


def test_one_of_the_ways_must_be_chosen(folder, capsys):
    assert main(["check"]) == 2 and main(["check", "adapters:Right", "--command", "cat"]) == 2
    assert "give one of" in capsys.readouterr().err


PROGRAM = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    {answer}
    sys.stdout.flush()
"""


@pytest.mark.parametrize(("answer", "words"), [
    ("print('hello')", "expected {\"output\": ...}"), ("sys.exit('no memory left')", "exit code 1 before it answered"),
    ("print(json.dumps({'output': {}}))", "it lacks seed"),
])
def test_a_program_that_answers_nonsense_or_ends_fails_its_case(tmp_path, answer, words):
    (tmp_path / "program.py").write_text(PROGRAM.format(answer=answer))
    cases = [case for case in select(["derived-seed"]) if case.valid][:2]
    results = check_outside(Command(f"{sys.executable} {tmp_path / 'program.py'}"), cases)
    assert {r.status for r in results} == {FAILS} and all(words in r.difference for r in results), results


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
def test_a_layer_in_javascript_passes_every_topic_it_has():
    cases = [case for case in all_cases() if "formula" not in str(case.inputs)]
    results = check_outside(Command(f"node {HERE / 'hashed_layer.mjs'}"), cases)
    assert passed(results), [r.difference for r in results if r.status == FAILS]
    assert {"hash", "bucket-count", "forward", "gradients", "bias", "sequences", "fold", "chunk", "tile"} <= {
        r.case.topic for r in results if r.status == PASSES}


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
def test_a_slip_in_javascript_is_named(tmp_path):
    source = (HERE / "hashed_layer.mjs").read_text()
    assert source.count("((x >>> 1) + inside) % buckets") == 1
    (tmp_path / "slip.mjs").write_text(source.replace("((x >>> 1) + inside) % buckets", "(x + inside) % buckets"))
    results = check_outside(Command(f"node {tmp_path / 'slip.mjs'}"), select(["bucket-sign"]))
    found = diagnose(results)
    assert found.stage.name == "map" and found.bugs[0][0] == "SharedBits"


@pytest.fixture(scope="module")
def rust_program(tmp_path_factory):
    """Compile the layer in Rust."""
    if shutil.which("rustc") is None:
        pytest.skip("no rustc on this machine")
    return compile_rust((HERE / "hashed_layer.rs").read_text(), tmp_path_factory.mktemp("rust"))


def compile_rust(source, folder, *options):
    """Compile a program and return its path."""
    (folder / "layer.rs").write_text(source)
    options = [*(options or ["-O"]), "--edition", "2021", "-D", "warnings"]
    subprocess.run(["rustc", *options, "-o", "layer", "layer.rs"], cwd=folder, check=True)
    return folder / "layer"


def test_a_layer_in_rust_passes_all_but_what_it_does_not_have(rust_program):
    results = check_outside(Command(str(rust_program)), all_cases())
    assert passed(results), [(r.case.id, r.difference) for r in results if r.status == FAILS]
    assert {r.case.topic for r in results if r.status == NOT_COVERED} == {"storage", "large-layer"}
    assert sum(r.status == PASSES for r in results) >= 690


def test_the_layer_in_rust_needs_its_standard_library_alone():
    source = (HERE / "hashed_layer.rs").read_text()
    assert set(re.findall(r"^use (\w+)", source, re.M)) == {"std"} and "extern crate" not in source


@pytest.mark.parametrize(("right", "wrong", "topic", "stage", "bug"), [
    ("x & 1 == 0 { 1.0 } else { -1.0 }", "x & 1 == 0 { 1.0 } else { 1.0 }", "gather", "gather", "SignIgnored"),
    ("dw[*k] += s * g;", "dw[*k] = s * g;", "gradients", "backward", "DuplicateDropped"),
    ("*v = momentum * *v + g", "*v = momentum * *v + (1.0 - momentum) * g", "sgd", "training", None),
    ("(add, &self.sum)", "(false && add, &self.sum)", "sequences", "sequences", "AccumulationIgnored"),
])
def test_a_slip_in_rust_is_placed(tmp_path, right, wrong, topic, stage, bug):
    if shutil.which("rustc") is None:
        pytest.skip("no rustc on this machine")
    source = (HERE / "hashed_layer.rs").read_text()
    assert source.count(right) == 1
    quickly = ["-C", "opt-level=0", "-C", "debug-assertions=off"]
    program = compile_rust(source.replace(right, wrong), tmp_path, *quickly)
    found = diagnose(check_outside(Command(str(program)), select([topic])))
    assert found.stage.name == stage and (bug is None or found.bugs[0][0] == bug), found


@pytest.mark.parametrize("case_id", ["forward-002", "forward-007", "gradients-002", "gradients-007"])
@pytest.mark.parametrize("form", ["nested", "flat", "sparse"])
def test_a_program_may_write_an_array_in_any_form(case_id, form):
    """JSON knows no dtypes: a float32 case answered as shape and data was once "another dtype than the layer"."""
    case = select(ids=[case_id])[0]
    layer = case.inputs["layer"]
    shapes = {"z": (0, layer["n_out"]), "da": (0, layer["n_in"])}

    def write(name, x):
        if x is None or form == "nested":
            return x
        shape = shapes[name] if x == [] else np.shape(x)
        if form == "flat":
            return {"shape": shape, "data": np.ravel(x).tolist()}
        entries = np.ndenumerate(np.reshape(x, shape))
        return {"shape": shape, "at": [[*at, float(value)] for at, value in entries], "rest": 0}

    answer = {"output": {name: write(name, x) for name, x in case.expected.items()}}
    result = judge_line(case, json.dumps(answer))
    assert result.status == PASSES, result.difference


def test_a_null_in_a_list_is_not_a_number():
    case = next(case for case in all_cases() if case.id == "forward-002")
    assert "nan" in judge_line(case, '{"output": {"z": [[null, 1], [2, 3]]}}').difference


# ---- processes: what is sent, read and said, without starting any where none is needed

VALID = next(case for case in select(["derived-seed"]) if case.valid)
REFUSED = next(case for case in select(["derived-seed"]) if not case.valid)


class Asked:
    """Answers each case with what `answer` makes of it; notes whether it was stopped."""

    def __init__(self, answer):
        self.ask = answer
        self.stopped = 0

    def stop(self):
        self.stopped += 1


def test_an_operation_is_given_up_after_three_ends_of_the_process_and_others_go_on():
    asked = []
    process = Asked(lambda case: asked.append(case) or outside.lost(case, "it ended"))
    other = next(case for case in select(["hash"]) if case.valid)
    shown = []
    results = check_outside(process, [VALID] * 5 + [other], shown.append)
    assert [case.topic for case in asked] == ["derived-seed"] * 3 + ["hash"] and process.stopped == 1
    assert [r.difference for r in results] == ["it ended"] * 3 + [
        "not tried: 3 cases of this operation cost the process"] * 2 + ["it ended"]
    assert shown == results and {(r.status, r.compared) for r in results} == {(FAILS, False)}
    assert all(outside.is_lost(r) for r in results)
    right = [Result(VALID, PASSES, error="the layer")] * 5  # errors of the layer itself do not count
    assert [r.status for r in check_outside(Asked(lambda case: right.pop()), [VALID] * 5)] == [PASSES] * 5


def test_the_process_is_stopped_whatever_is_raised_and_refusals_are_settled():
    def interrupt(case):
        raise KeyboardInterrupt

    process = Asked(interrupt)
    with pytest.raises(KeyboardInterrupt):
        check_outside(process, [VALID])
    assert process.stopped == 1
    raises = Asked(lambda case: Result(case, FAILS if case.valid else PASSES, compared=False))
    assert [r.status for r in check_outside(raises, [VALID, REFUSED])] == [FAILS, FAILS]


@pytest.mark.parametrize(("code", "words"), [
    (None, "its process no longer answers"), (0, "its process ended with exit code 0 before it answered"),
    (1, "its process ended with exit code 1 before it answered"), (-9, "its process was ended by SIGKILL"),
    (-1, "its process was ended by SIGHUP"), (-99, "its process was ended by signal 99"),
])
def test_how_a_process_ended_is_reported(code, words):
    assert outside.how_it_ended(code) == words


class Connection:
    """One end of a pipe whose other end says `answers`: values, errors that are raised, or nothing in time."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []
        self.limits = []
        self.closed = False

    def send(self, message):
        self.sent.append(message)

    def poll(self, limit):
        self.limits.append(limit)
        return self.answers[0] is not TimeoutError or self.answers.pop(0) is None

    def recv(self):
        answer = self.answers.pop(0)
        if isinstance(answer, type):
            raise answer
        return answer

    def close(self):
        self.closed = True


def test_a_child_process_answers_until_there_is_no_more_and_leaves_ctrl_c_to_its_parent(monkeypatch):
    handled = []
    monkeypatch.setattr(outside.signal, "signal", lambda *given: handled.append(given))
    monkeypatch.setattr(outside.os, "dup2", lambda *given: handled.append(given))
    monkeypatch.setattr(outside, "find_another_map", lambda adapter: f"another map of {adapter.__name__}")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    connection = Connection(VALID, "another map", VALID, None, VALID)
    outside.serve("right_layer:Right", connection)
    answer = Result(VALID, PASSES)
    assert connection.sent == [None, answer, "another map of Right", answer] and len(connection.answers) == 1
    assert handled == [(signal.SIGINT, signal.SIG_IGN), (2, 1)] and sys.path[0] == ""
    connection = Connection(VALID)
    outside.serve("right_layer:Nobody", connection)
    assert connection.sent == ["module 'right_layer' has no 'Nobody'"]

    def interrupt(implementation):
        raise KeyboardInterrupt("its own")

    monkeypatch.setattr(outside, "load_adapter", interrupt)
    connection = Connection(VALID)
    outside.serve("mine:Layer", connection)
    assert connection.sent == ["cannot import 'mine:Layer' (KeyboardInterrupt: its own)"]


class Process:
    """A process that has ended with `code` once somebody waits for it."""

    def __init__(self, code=0, **_):
        self.exitcode = None
        self.code = code
        self.calls = []

    def start(self):
        self.calls.append("start")

    def join(self, *seconds):
        self.calls.append("join")
        self.exitcode = self.code

    def kill(self):
        self.calls.append("kill")


@pytest.fixture
def child(monkeypatch):
    """Make a child whose process only answers what is given; returns it with its connection."""
    def make(*answers, code=0, limit=7.0):
        ours, theirs, process = Connection(*answers), Connection(), Process(code)
        context = SimpleNamespace(Pipe=lambda: (ours, theirs), Process=lambda **_: process)
        monkeypatch.setattr(outside.multiprocessing, "get_context", lambda how: context)
        made = outside.Child("mine:Layer", limit)
        assert theirs.closed  # else the end of the process would not be seen
        return made, ours, process

    return make


ANSWER = Result(VALID, FAILS, "wrong", {"A"}, True, {"z": "row 1"})


def test_a_child_is_asked_and_what_it_answers_is_the_result(child):
    made, connection, process = child(None, ANSWER, "its own map")
    assert made.ask(VALID) == ANSWER
    assert made.find_another_map() == "its own map" and connection.sent == [VALID, "another map"]
    assert connection.limits == [outside.START_LIMIT, 7.0, 7.0] and process.calls == ["start"]
    made.stop()
    assert connection.closed and process.calls == ["start", "kill", "join"] and made.process is None
    made.stop()
    assert process.calls == ["start", "kill", "join"]


@pytest.mark.parametrize(("answers", "words"), [
    (["it has no such class"], "^it has no such class$"),
    ([EOFError], "^cannot import 'mine:Layer': its process ended with exit code 3 before it answered$"),
    ([OSError], "^cannot import 'mine:Layer': its process ended with exit code 3"),
    ([TimeoutError], "^cannot import 'mine:Layer': the import took more than 300 s$"),
])
def test_a_child_that_cannot_start_is_one_line_and_leaves_no_process(child, monkeypatch, answers, words):
    processes = []
    monkeypatch.setattr(Process, "kill", lambda process: processes.append(process))
    with pytest.raises(ValueError, match=words):
        child(*answers, code=3)
    assert len(processes) == 1


@pytest.mark.parametrize(("problem", "words"), [
    (TimeoutError, "no answer within 7 s"), (EOFError, "its process was ended by SIGSEGV"),
    (BrokenPipeError, "its process was ended by SIGSEGV"),
])
def test_a_case_that_ends_its_child_fails_and_the_next_gets_a_new_one(child, problem, words):
    made, _, process = child(None, problem, None, ANSWER, problem, None, "its own map", code=-11)
    found = made.ask(VALID)
    assert (found.status, found.difference, found.compared) == (FAILS, words, False) and made.process is None
    assert made.ask(VALID).difference == "wrong" and process.calls.count("start") == 2
    assert made.find_another_map() == "" and made.process is None
    assert made.find_another_map() == "its own map"


def test_a_process_whose_gpu_is_spoilt_is_not_asked_again(child):
    spoilt = Result(VALID, FAILS, "raised", error="RuntimeError: CUDA error: device-side assert triggered")
    made, _, process = child(None, spoilt, None, ANSWER)
    assert made.ask(VALID) == spoilt and made.process is None
    assert made.ask(VALID) == ANSWER and process.calls.count("start") == 2


def shell(script, limit=30.0):
    """Make a command of a few words for the shell."""
    return Command(shlex.join(["sh", "-c", script]), limit)


@pytest.mark.skipif(shutil.which("sh") is None, reason="no sh on this machine")
@pytest.mark.parametrize(("script", "limit", "words"), [
    ("read line; echo first >&2; printf '%0250d' 0 >&2; exit 3", 30, "its process ended with exit code 3 before it "
     "answered: " + "0" * 200),
    ("read line; echo oops >&2; exit 4", 30, "its process ended with exit code 4 before it answered: oops"),
    ("read line; printf 'a\\nb\\nc\\n' >&2; exit 4", 30, "its process ended with exit code 4 before it answered: c"),
    ("kill -9 $$", 30, "its process was ended by SIGKILL"),
    ("exec sleep 30", 0.05, "no answer within 0.05 s; flush the output after each answer"),
    ("read line", 30, "its process ended with exit code 0 before it answered; answer until the input ends"),
    ("read line; echo '\"error: not covered\"'; exec sleep 30", 30,
     'expected {"output": ...}, {"error": ...} or {"not_covered": ...}, got \'"error: not covered"\''),
])
def test_a_program_that_ends_or_hangs_fails_its_case_and_is_started_anew(script, limit, words):
    command = shell(script, limit)
    for _ in range(2):
        process = command.process
        found = command.ask(VALID)
        assert (found.status, found.difference, found.compared) == (FAILS, words, False)
        assert command.process is None and process.returncode is not None
        command.start()
        assert command.process is not process and command.find_another_map() == ""
    errors = command.errors
    command.stop()
    assert errors.closed and command.process is None
    command.stop()


def test_a_program_is_asked_a_line_of_json_with_all_arrays_written_out():
    middle = next(case for case in all_cases() if "formula" in str(case.inputs.get("a")))
    with Read() as command:
        for case in (VALID, middle):
            command.ask(case)
            asked = json.loads(command.line)
            assert asked["id"] == case.id and asked["operation"] == case.operation and asked["dtype"] == case.dtype
            assert "formula" not in str(asked["input"]) and asked["input"].keys() == case.inputs.keys()
            assert case is middle or asked["input"] == case.inputs
            assert command.line.endswith("}\n") and command.line.count("\n") == 1
        assert np.shape(asked["input"]["a"]) == tuple(middle.inputs["a"]["shape"])
    with Read(fails=True) as command:
        assert command.ask(VALID).difference == "its process no longer answers"


class Read(Command):
    """A program that takes a line and answers nothing of sense; or one that has closed its input and goes on."""

    def __init__(self, fails=False):
        self.fails = fails
        self.time_limit = 1.0
        self.gradients = ()
        self.lines = queue.Queue()
        self.silent = 0
        self.answered = False
        self.errors = io.StringIO()
        self.process = SimpleNamespace(stdin=self, kill=lambda: None, wait=self.wait)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def wait(self, *seconds):
        if seconds:
            raise subprocess.TimeoutExpired("it", 5)

    def write(self, line):
        if self.fails:
            raise BrokenPipeError
        self.line = line
        self.lines.put('{"not_covered": "x"}')

    def flush(self):
        pass


def python(tmp_path, program, limit=30.0):
    """Make a command of a program in Python; `answer` in it answers a case."""
    head = "import json, sys, time\nanswer = lambda: print(json.dumps({'not_covered': 'x'}), flush=True)\n"
    (tmp_path / "program.py").write_text(head + program)
    return Command(shlex.join([sys.executable, str(tmp_path / "program.py")]), limit)


def test_a_line_too_many_fails_its_case_and_is_not_taken_for_the_next_answer(tmp_path):
    twice = "for line in sys.stdin:\n answer()\n if 'seed-001' in line: answer()\n"
    command = python(tmp_path, twice)
    first, second, third = select(["derived-seed"])[:3]
    assert command.ask(first).status == NOT_COVERED
    while command.lines.empty():  # the second line is on its way
        time.sleep(0.01)
    found = command.ask(second)
    assert found.difference == ("the program wrote a line before it was asked: '{\"not_covered\": \"x\"}'; "
                                "expected one line for each case")
    assert command.process is None and command.ask(third).status == NOT_COVERED
    command.stop()


def test_a_banner_fails_with_its_own_words_and_shifts_nothing(tmp_path):
    banner = "print('my layer 1.0', flush=True)\nfor line in sys.stdin: answer()\n"
    results = check_outside(python(tmp_path, banner), [VALID] * 4)
    assert all("my layer 1.0" in r.difference for r in results[:3]) and {r.status for r in results} == {FAILS}
    assert results[3].difference.startswith("not tried")


def test_the_time_limit_covers_a_program_that_does_not_read(tmp_path):
    large = replace(VALID, inputs={"seed": 1, "n": list(range(10**5))})
    start = time.monotonic()
    assert python(tmp_path, "time.sleep(60)", 0.5).ask(large).difference.startswith("no answer within 0.5 s")
    assert time.monotonic() - start < 30


def test_a_program_that_never_answers_in_time_is_given_up_after_three_cases(tmp_path):
    buffered = "for line in sys.stdin: pass\n"  # what is written at the end comes too late
    others = [case for case in select(["hash", "gather"]) if case.valid]
    results = check_outside(python(tmp_path, buffered, 0.3), [VALID] * 3 + others)
    assert [r.difference for r in results[:3]] == ["no answer within 0.3 s; flush the output after each answer"] * 3
    assert results[3].difference == (
        "not tried: none of the first 3 cases was answered in time; flush the output after each answer")
    assert all(r.difference.startswith("not tried") for r in results[3:])
    slow = python(tmp_path, "for line in sys.stdin:\n if 'hash-' in line: time.sleep(60)\n answer()\n", 2.0)
    found = check_outside(slow, [VALID, *others[:2], VALID])
    assert [r.status for r in found] == [NOT_COVERED, FAILS, FAILS, NOT_COVERED]
    assert found[1].difference == "no answer within 2 s"


def test_a_program_may_leave_gradients_out():
    case = select(ids=["gradients-002"])[0]
    line = json.dumps({"output": case.expected | {"da": None}})
    assert judge_line(case, line, ("w", "b")).status == PASSES
    assert judge_line(case, line).difference == (
        "da: expected an array, found None; for a layer without an input gradient, check with --gradients w,b")


def test_the_gradients_of_a_program_are_given_on_the_command_line(tmp_path, capsys):
    right = json.dumps({"output": select(ids=["gradients-002"])[0].expected | {"da": None}})
    (tmp_path / "program.py").write_text(f"for line in open(0): print({right!r}, flush=True)")
    program = shlex.join([sys.executable, str(tmp_path / "program.py")])
    asked = ["check", "--command", program, "--case", "gradients-002"]
    assert main(asked) == 1 and main([*asked, "--gradients", "w,b"]) == 0
    assert main([*asked, "--gradients", "w, b"]) == 2
    assert "--gradients lists some of w,b,a, got ' b'" in capsys.readouterr().err
    assert main(["check", "right_layer:Right", "--gradients", "w"]) == 2
    assert "--gradients is for a --command" in capsys.readouterr().err


def test_a_command_with_an_open_quote_is_one_line():
    with pytest.raises(ValueError, match=r"^the command .* cannot be read"):
        Command("'half a command")


def test_the_lines_of_a_stream_are_followed_by_none():
    lines = queue.Queue()
    read_lines(["a\n", "b\n"], lines)
    assert [lines.get_nowait() for _ in range(3)] == ["a\n", "b\n", None] and lines.empty()


SEED = json.dumps({"output": {"seed": VALID.expected["seed"]}})


@pytest.mark.parametrize(("case", "line", "status", "words"), [
    (VALID, SEED, PASSES, ""), (VALID, '{"output": {"seed": [0]}}', FAILS, "seed: expected"),
    (VALID, '{"not_covered": "too large"}', NOT_COVERED, "too large"),
    (REFUSED, '{"not_covered": "too large"}', NOT_COVERED, "too large"),
    (VALID, '{"not_covered": ""}', NOT_COVERED, "no reason is given"),
    (VALID, '{"not_covered": "too\\nlarge"}', NOT_COVERED, "too large"),
    (VALID, '{"error": "no"}', FAILS, "refused: no"), (REFUSED, '{"error": "no"}', PASSES, ""),
    (REFUSED, '{"output": {"seed": [0]}}', FAILS, "accepted, expected an error; gave {'seed': [0]}"),
    (VALID, "hello\n", FAILS, 'expected {"output": ...}, {"error": ...} or {"not_covered": ...}, got \'hello\''),
    (VALID, "[]", FAILS, 'expected {"output": ...}, {"error": ...} or {"not_covered": ...}, got \'[]\''),
    (VALID, 101 * "x",
     FAILS, f'expected {{"output": ...}}, {{"error": ...}} or {{"not_covered": ...}}, got {100 * "x"!r}'),
    (VALID, '["output"]', FAILS, 'expected {"output": ...}'), (VALID, '"error: x"', FAILS, 'expected {"output": ...}'),
    (VALID, 10**5 * "[", FAILS, 'expected {"output": ...}'),
    (VALID, "7", FAILS, 'expected {"output": ...}'), (VALID, "{}", FAILS, 'expected {"output": ...}'),
    (VALID, '{"output": {}}', FAILS, "gave an answer that cannot be read: it lacks seed"),
    (VALID, '{"output": 7}', FAILS, "gave an answer that cannot be read: AttributeError"),
])
def test_a_line_of_an_answer_is_judged(case, line, status, words):
    found = judge_line(case, line)
    assert found.status == status and found.difference.startswith(words) and bool(words) == bool(found.difference)
    assert found.compared == (status != FAILS or words.startswith(("seed", "accepted")))
    assert bool(found.error) == (not found.compared)
    assert found.bugs == (set(case.flags) if words.startswith("accepted") else found.bugs)


def test_arrays_of_an_answer_are_read_in_all_their_forms():
    case = next(case for case in all_cases() if case.id == "forward-002")  # float32, 2 outputs and 3 inputs
    n_in, n_out = (case.inputs["layer"][name] for name in ("n_in", "n_out"))
    z = as_array("z", [[1, None]], case)
    assert z.dtype == np.float32 and z[0, 0] == 1 and np.isnan(z[0, 1])
    assert as_array("z", {"shape": [2, 1], "data": [1, 2]}, case).tolist() == [[1.0], [2.0]]
    assert as_array("z", {"shape": [2], "at": [[1, 5]], "rest": 1}, case).tolist() == [1.0, 5.0]
    assert as_array("z", [], case).shape == (0, n_out) and as_array("da", [], case).shape == (0, n_in)
    assert as_array("z", [], case).dtype == np.float32 and as_array("dw", [], case).shape == (0,)
    assert as_array("loss", 1.5, case) == 1.5 and as_array("db", None, case) is None
    assert as_array("z", [], replace(case, inputs={})).shape == (0,)
    assert as_array("hash", [2**63], VALID) == [2**63]


# ---- probing


class OwnHash:
    """A layer with another hash, for the probe."""

    def __init__(self, n_in, n_out, K):
        x = np.random.default_rng(n_in + 1000 * n_out).integers(0, 2**32, (n_out, n_in))
        self.K, self.bucket, self.sign = K, (x >> 1) % K, 1 - 2 * (x & 1)

    def set_w(self, w):
        self.V = (w[self.bucket] * self.sign).astype(w.dtype)

    def forward(self, a):
        return a @ self.V.T

    def backward(self, a, dz):
        return np.bincount(self.bucket.ravel(), (dz.T @ a * self.sign).ravel(), self.K), dz @ self.V


def test_a_right_layer_with_its_own_hash_passes_the_probe():
    probe = probe_layer(OwnHash)
    assert probe.passed, [f.words for f in probe.findings if f.ok is False]


def changed(**methods):
    """Make a layer with its own hash and one thing changed."""
    return type("Changed", (OwnHash,), methods)


@pytest.mark.parametrize(("layer", "words"), [
    (changed(backward=lambda s, a, dz: (OwnHash.backward(s, a, dz)[0] / len(a), dz @ s.V)), "BatchAveraged"),
    (changed(backward=lambda s, a, dz: (OwnHash.backward(s, a, dz)[0], dz @ np.abs(s.V))), "gradient of the input"),
    (changed(forward=lambda s, a: np.where(np.arange(s.V.shape[0]) == 128, 0, a @ s.V.T)), "V is not"),
    (changed(forward=lambda s, a: a.astype(float) @ s.V.T), "the output is float32"),
    (changed(set_w=lambda s, w: OwnHash.set_w(s, w) if not hasattr(s, "V") else None), "V is not"),
])
def test_a_probe_finds_what_is_wrong(layer, words):
    probe = probe_layer(layer)
    assert any(words in f.words for f in probe.findings if f.ok is False), probe.findings


class Stateful:
    """Faults that show only in several calls; each function is a method of `OwnHash` with one of them."""

    weights = np.zeros(0)  # of all layers
    maps: dict = {}  # noqa: RUF012 (the fault is that it is shared)

    def backward_of_last_forward(self, a, dz):
        kept = getattr(self, "a", a)
        return OwnHash.backward(self, kept if kept.shape == a.shape else a, dz)

    def forward_keeps(self, a):
        self.a = a
        return OwnHash.forward(self, a)

    def backward_divides_dz(self, a, dz):
        found = OwnHash.backward(self, a, dz)
        dz /= len(dz)
        return found

    def backward_into_one_buffer(self, a, dz):
        dw, da = OwnHash.backward(self, a, dz)
        self.buffer = getattr(self, "buffer", np.zeros_like(dw))
        self.buffer[...] = dw
        return self.buffer, da

    def backward_with_first_weights(self, a, dz):
        self.first = getattr(self, "first", self.V)
        return OwnHash.backward(self, a, dz)[0], dz @ self.first

    def backward_of_16(self, a, dz):
        return OwnHash.backward(self, a[:16], dz[:16])[0], dz @ self.V

    def keep(self, w):
        self.w = w

    def share(self, w):
        Stateful.weights = w.copy()

    def forward_with_kept(self, a):
        return a @ (self.w[self.bucket] * self.sign).astype(a.dtype).T

    def forward_with_shared(self, a):
        return a @ (Stateful.weights[self.bucket] * self.sign).astype(a.dtype).T

    def make_by_shape(self, n_in, n_out, K):
        OwnHash.__init__(self, n_in, n_out, K)
        self.bucket = Stateful.maps.setdefault((n_in, n_out), self.bucket)

    def make_with_signs_of_rows(self, n_in, n_out, K):
        OwnHash.__init__(self, n_in, n_out, K)
        self.sign = np.repeat(self.sign[:, :1], n_in, axis=1)

    def make_at_random(self, n_in, n_out, K):
        OwnHash.__init__(self, n_in, n_out, K)
        self.bucket = np.random.default_rng().integers(0, K, (n_out, n_in))

    def forward_of_64(self, a):
        z = OwnHash.forward(self, a)
        z[64:] = 0
        return z

    def forward_without_width(self, a):
        return OwnHash.forward(self, a) if len(a) else np.zeros(0, a.dtype)

    def forward_of_128_outputs(self, a):
        z = OwnHash.forward(self, a)
        z[:, 128:] = 0
        return z


@pytest.mark.parametrize(("methods", "words"), [
    ({"forward": Stateful.forward_keeps, "backward": Stateful.backward_of_last_forward}, "backward goes by the input"),
    ({"backward": Stateful.backward_divides_dz}, "backward writes to neither a nor dz"),
    ({"backward": Stateful.backward_into_one_buffer}, "a later backward leaves earlier gradients alone"),
    ({"backward": Stateful.backward_with_first_weights}, "the gradient of the input follows new weights"),
    ({"backward": Stateful.backward_of_16}, "the gradient of the weights fits V, batch 32 at 10 x 12"),
    ({"set_w": Stateful.keep, "forward": Stateful.forward_with_kept, "backward": None}, "the layer copies the weights"),
    ({"set_w": Stateful.share, "forward": Stateful.forward_with_shared, "backward": None}, "another layer of the same"),
    ({"__init__": Stateful.make_by_shape}, "a layer of the same shape with another K has a map of its own"),
    ({"__init__": Stateful.make_with_signs_of_rows}, "the sign depends on both the row and the column"),
    ({"__init__": Stateful.make_at_random}, "a second layer made in the same way has the same map"),
    ({"forward": Stateful.forward_of_64}, "forward is wrong in example 64 and all after it, batch 70"),
    ({"forward": Stateful.forward_without_width}, "the output of an empty batch keeps its width"),
    ({"forward": Stateful.forward_of_128_outputs}, "V is not +-w[bucket], one real weight an entry: it is 0 for"),
])
def test_a_probe_says_first_what_is_wrong(methods, words):
    kept = {name: method for name, method in methods.items() if method}
    layer = changed(**kept)
    if "backward" in methods and not methods["backward"]:
        layer = type("NoBackward", (Silent,), {"__init__": OwnHash.__init__, **kept})
    wrong = [f.words for f in probe_layer(layer).findings if f.ok is False]
    assert wrong and wrong[0].startswith(words), wrong


class Silent:
    """A layer without backward."""


def test_a_probe_compares_a_bias_column_too():
    """Without the share of the constant input dw is not that of BatchMixed, though both agree at batch 1."""
    class Column(OwnHash):
        def __init__(self, n_in, n_out, K):
            super().__init__(n_in + 1, n_out, K)

        def forward(self, a):
            return np.column_stack([np.ones(len(a), a.dtype), a]) @ self.V.T

        def backward(self, a, dz):
            dw, da = OwnHash.backward(self, np.column_stack([np.zeros(len(a), a.dtype), a]), dz)
            return dw, da[:, 1:]

    wrong = [f.words for f in probe_layer(Column).findings if f.ok is False]
    assert wrong[0].startswith("dw is exactly that of BiasColumnLost"), wrong


def adding_up(method):
    """Make a layer whose first result of a method adds up over calls."""
    def called(self, *args):
        found = getattr(OwnHash, method)(self, *args)
        first = found[0] if isinstance(found, tuple) else found
        last = self.__dict__.get("last", np.zeros(0))
        self.last = first + last if last.shape == first.shape else first
        return (self.last, found[1]) if isinstance(found, tuple) else self.last

    return changed(**{method: called})


@pytest.mark.parametrize(("method", "words"), [
    ("forward", "the same input gives the same output when called again"),
    ("backward", "a second backward replaces the gradients of the first"),
])
def test_a_probe_says_first_what_adds_up(method, words):
    wrong = [f.words for f in probe_layer(adding_up(method)).findings if f.ok is False]
    assert wrong[0] == words and (method == "forward" or len(wrong) == 1), wrong


def test_an_adapter_can_be_probed():
    probe = probe_layer(NumpyLayer)
    assert probe.passed and len(probe.findings) > 40, [f.words for f in probe.findings if f.ok is False]


def test_a_probe_sees_signs_that_depend_on_the_bucket():
    class Shared(OwnHash):
        def __init__(self, n_in, n_out, K):
            super().__init__(n_in, n_out, K)
            self.sign = 1 - 2 * (self.bucket % 2)

    assert any("independent of the bucket" in f.words for f in probe_layer(Shared).findings if f.ok is False)


def test_another_map_is_a_verdict_of_its_own():
    class Other(Right):
        @classmethod
        def split(cls, x, buckets):
            return (x >> 7) % buckets, -1 if x & 32 else 1

    words = find_another_map(Other)
    assert "its gradients fit that V" in words
    report = write_report("mine:Other", check_cases(Other, small("forward")), another_map=words)
    assert report.splitlines()[2].startswith("Another map: z = a V^T")

    class NotLinear(Right):
        def forward(self, a):
            return super().forward(a) ** 3

    assert find_another_map(NotLinear) == ""


def forward_results(wrong, of=lambda case: True):
    """Results of forward cases, of which those fail that `wrong` says."""
    cases = [case for case in select() if case.operation == "forward" and case.valid and of(case)]
    return [Result(case, FAILS if wrong(case) else PASSES) for case in cases]


def has(name, value):
    return lambda case: case.inputs["layer"][name] == value


@pytest.mark.parametrize(("of", "wrong", "is_possible"), [
    (has("bias", "dense"), lambda case: True, True), (has("bias", "column"), lambda case: True, True),
    (has("kind", "fold"), lambda case: True, True), (lambda case: True, has("kind", "xxhash"), True),
    (has("kind", "xxhash"), has("bias", None), True), (has("kind", "xxhash"), has("bias", "dense"), False),
    (lambda case: True, has("kind", "fold"), False), (has("bias", "dense"), lambda case: False, False),
    (lambda case: False, lambda case: True, False),
])
def test_another_map_is_looked_for_whatever_bias_and_kind_a_layer_has(of, wrong, is_possible):
    """Where there are cases of kind xxhash, and cases without a bias, these say whether it is the map."""
    assert is_another_map_possible(forward_results(wrong, of)) == is_possible


# ---- what a report says first


def small(*topics):
    """Cases of some topics, without those of middle size."""
    return [case for case in select(topics) if "formula" not in str(case.inputs)]


@pytest.mark.parametrize(
    "name", ["ExamplesFrom16", "LastBucketLost", "OutputAddsUp", "Float64FromFloat32", "BiasTwice"])
def test_a_planted_bug_is_found_and_placed(name):
    assert name in BY_LAYER
    cls, stages = PLANTED[name]
    adapter = type(name, (LayerOnly,), {"of": cls})
    found = diagnose(check_cases(adapter, select(["forward", "gradients", "bias", "sequences"])))
    assert found.verdict == "failed" and found.stage.name in stages


@pytest.mark.parametrize(("name", "stage"), [("VelocityReset", "training"), ("OutputAddsUp", "sequences")])
def test_a_wrong_step_is_placed_in_training_and_not_among_the_sequences_before_it(name, stage):
    """Scripts that train fail wherever a step is wrong, so they are looked at after the steps themselves."""
    results = check_cases(PLANTED[name][0], small("sgd", "sequences"))
    assert diagnose(results).stage.name == stage
    assert any("step" in str(r.case.inputs["steps"]) and r.status == FAILS for r in results)


def test_the_layer_that_bugs_are_planted_in_is_right():
    """Else a bug would be "found" whatever it does."""
    results = check_cases(Fast, [case for case in select() if case.topic != "large-layer"])
    assert [(r.case.id, r.difference) for r in results if r.status != PASSES] == []


def test_there_are_many_planted_bugs():
    assert len(PLANTED) >= 60 and len(BY_LAYER) >= 60


def test_a_report_says_what_kind_or_bias_fails_even_where_a_few_cases_pass_by_chance():
    cases = [case for case in select(["bias"]) if case.valid and case.operation == "forward"]
    hashed = [case.inputs["layer"]["bias"] == "hashed" for case in cases]
    lucky = hashed.index(True)
    results = [Result(case, FAILS if wrong and n != lucky else PASSES)
               for n, (case, wrong) in enumerate(zip(cases, hashed, strict=True))]
    passing = len(cases) - sum(hashed) + 1
    assert diagnose(results).mostly == (f"bias is hashed (as it is in 1 of the {passing} that pass)",)
    assert f"few passing ones have: bias is hashed (as it is in 1 of the {passing}" in write_report("x:X", results)
    assert diagnose([replace(r, status=FAILS) for r in results[:4]] + results[4:]).mostly == ()


def test_a_number_that_all_failing_cases_of_several_sizes_have_is_reported():
    case = select(ids=["forward-002"])[0]
    layer = case.inputs["layer"]
    sizes = ((2, 3, 4, FAILS), (5, 7, 4, FAILS), (2, 7, 3, PASSES), (6, 3, 9, PASSES))
    results = [Result(replace(case, inputs={"layer": {**layer, "n_in": n_in, "n_out": n_out, "buckets": K}}), status)
               for n_in, n_out, K, status in sizes]
    assert diagnose(results).shares == ("K is 4",)
    assert "K is 4" not in diagnose([results[0], results[0], *results[2:]]).shares  # one size says nothing about K


def test_a_pattern_of_wrong_rows_is_reported():
    assert pattern(set(range(127, 300, 128)), 300, "output unit") == "every 128th output unit, beginning with 127"
    assert pattern(set(range(5)), 5, "example") == "" and pattern({4}, 5, "example") == "the last example only"
    wanted = np.array([1.0, -2.0, 3.0, 5.0])
    assert relation(wanted, -wanted) == "the negative of the right one"
    assert relation(wanted, wanted / 4) == "0.25 times the right one"
    assert relation(wanted, wanted[::-1]) == "the right numbers in another order"


def test_a_result_that_a_later_call_changes_is_refused():
    cls, _ = PLANTED["OutputBufferShared"]
    results = check_cases(cls, small("sequences"))
    assert any(r.bugs == {"ResultOverwritten"} for r in results)


def test_what_always_raises_does_not_count_as_a_refusal():
    class Raises(Right):
        def __init__(self, spec, w, b):
            raise ValueError("no")

    results = check_cases(Raises, small("forward"))
    assert {r.status for r in results} == {FAILS}
    assert "Every valid case raised the same error: ValueError: no" in write_report("mine:Raises", results)


def test_an_adapter_says_what_it_does_not_do():
    class Half(Right):
        dtypes = ("float32",)
        biases = (None, "dense")
        gradients = ("w", "b")
        takes_buckets = False

        def backward(self, a, dz):
            return (*super().backward(a, dz)[:2], None)

    results = check_cases(Half, small("forward", "gradients", "bias"))
    assert passed(results)
    reasons = {r.difference for r in results if r.status == NOT_COVERED}
    assert reasons == {"float64 is not in its dtypes", "bias column is not in its biases",
                       "bias hashed is not in its biases", "bias row is not in its biases",
                       "no compression yields these numbers of buckets"}


def test_a_pair_that_no_compression_yields_has_none():
    layer = next(c for c in all_cases() if c.id == "pytorch2019-011").inputs["layer"]
    assert find_compression(layer) is None
    assert find_compression({**layer, "bias": None, "bias_buckets": 0}) is not None


def test_a_helper_checks_shapes():
    spec = LayerSpec(3, 2, "xxhash", 4, 7, None, 0, "float32")
    check_shapes(spec, np.zeros(4), None, (np.zeros((5, 3)), 3), (np.zeros((5, 2)), 2))
    for arguments in ((np.zeros(5), None), (np.zeros(4), np.zeros(2)), (np.zeros(4), None, (np.zeros((5, 2)), 3)),
                      (np.zeros(4), None, (np.zeros((5, 3)), 3), (np.zeros((1, 2)), 2))):
        with pytest.raises(ValueError, match="shape"):
            check_shapes(spec, *arguments)


def test_random_layers_follow_the_seed_and_a_right_layer_passes_them():
    cases = random_cases(3, 4)
    assert len(cases) == 8 and [c.inputs for c in cases] == [c.inputs for c in random_cases(3, 4)]
    assert {run_case(Right, case).status for case in cases} == {PASSES}
    assert random_cases(4, 1)[0].inputs != cases[0].inputs


def test_random_layers_have_seeds_of_32_bits_up_to_both_ends():
    seeds = [case.inputs["layer"]["seed"] for case in random_cases(1, 60)]
    assert min(seeds) == 0 and max(seeds) == 2**32 - 1


OF_KINDS = {
    "fold": ("FoldSeedless", "FoldByColumns", "FoldHalfUnshifted"),
    "chunk": ("ChunkSignEach", "ChunkUnwrapped", "ChunkFlat"),
    "tile": ("TileTransposed", "TileSignEach", "TileSizeIgnored"),
}


@pytest.mark.parametrize(("kind", "flag"), [(kind, flag) for kind, flags in OF_KINDS.items() for flag in flags])
@pytest.mark.parametrize("operations", [("bucket_sign",), ("gather", "forward", "backward")])
def test_a_known_bug_of_a_newer_kind_is_named(kind, flag, operations):
    """A layer that answers as the bug does, from its map alone or from forward and backward alone."""
    results = []
    for case in select([kind]):
        if case.operation in operations and case.valid:
            found = next((wrong for wrong in case.wrong if wrong["flag"] == flag), case.expected)
            if "row_sums" not in str(found):  # sums alone give no answer
                results.append(judge(case, {name: as_array(name, x, case) for name, x in found.items()}))
    assert any(r.status == FAILS for r in results)
    assert diagnose(results).bugs[0][0] == flag
