"""The book of cases: it works out the right answer of each, and the wrong answers of the bugs that the case catches.

A case's `flags` are the bugs it was chosen for; the book refuses one whose flag doesn't show.
"""

import struct
from decimal import Decimal, getcontext
from fractions import Fraction

from known_bugs import FOUND_BY_CHECKER, FOUND_LATER, find_bugs, is_later, overridden
from specification import Right

getcontext().prec = 60


class Traced(Right):
    """The specification, noting which of its methods are used."""

    def __init__(self):
        super().__init__()
        self.called = set()

    def __getattribute__(self, name):
        if name in Right.__dict__:
            self.called.add(name)
        return super().__getattribute__(name)


def answer(model, operation, x):
    """Work out what an operation gives for the inputs x: a dict of outputs."""
    if operation == "hash":
        return {"hash": [model.pair(i, j, x["seed"]) for i, j in zip(x["i"], x["j"], strict=True)]}
    if operation == "hash_text":
        return {"hash": [model.hash_key(text.encode(), x["seed"]) for text in x["texts"]]}
    if operation == "bucket_sign":
        found = [model.bucket_sign(x, i, j) for i, j in zip(x["i"], x["j"], strict=True)]
        return {"bucket": [k for k, _ in found], "sign": [s for _, s in found]}
    if operation == "bucket_counts":
        K, K_b = model.bucket_counts(x["compression"], x["n_in"], x["n_out"], x["bias"])
        return {"buckets": K, "bias_buckets": K_b}
    if operation == "derive_seed":
        return {"seed": [model.derive(x["seed"], n) for n in x["n"]]}
    if operation == "gather":
        return {"V": model.gather(model.map(x["layer"]), x["w"])}
    if operation == "scatter_add":
        return {"dw": model.scatter_add(model.map(x["layer"]), x["dV"])}
    if operation == "forward":
        return {"z": model.forward(x["layer"], x["w"], x["b"], x["a"])}
    if operation == "backward":
        return model.backward(x["layer"], x["w"], x["b"], x["a"], x["dz"], x["calls"])
    if operation == "network":
        return model.network(**x)
    if operation == "loss":
        return model.loss(**x)
    if operation == "script":
        return model.script(**x)
    return model.sgd(**x)


def json_ready(x):
    """Turn exact numbers into JSON numbers: integers as such, others as the nearest float64."""
    if isinstance(x, dict):
        return {k: json_ready(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [json_ready(v) for v in x]
    if isinstance(x, Fraction):
        return int(x) if x.denominator == 1 else float(x)
    return float(x) if isinstance(x, Decimal) else x


class Book:
    """The groups of cases, in order."""

    def __init__(self):
        self.groups, self.bugs, self.done = [], find_bugs(), {}
        self.first_edition = True  # its cases never change, so the bugs that were added later stand in `more_wrong`
        self.more_wrong = {}
        self.withdrawn = []

    def group(self, topic, operation, comment):
        self.groups.append({"topic": topic, "operation": operation, "comment": comment, "cases": []})

    def withdraw(self, topic):
        """Skip the number of a case that was wrong and is no longer there; no other case gets it."""
        self.withdrawn.append(topic)

    def add(self, comment, flags, dtype, tolerance, result, x, expected, wrong):
        group = self.groups[-1]
        number = 1 + sum(len(g["cases"]) for g in self.groups if g["topic"] == group["topic"])
        number += self.withdrawn.count(group["topic"])
        missing = set(flags.split()) - {w["flag"] for w in wrong} - set(FOUND_BY_CHECKER) - set(FOUND_LATER)
        assert not missing, (group["topic"], comment, missing)  # a case must catch what its flags claim
        case = {
            "id": f"{group['topic']}-{number:03}",
            "comment": comment,
            "flags": sorted(flags.split()),
            "result": result,
            "dtype": dtype,
            "tolerance": tolerance,
            "input": json_ready(x),
        }
        group["cases"].append(case | ({"expected": expected, "wrong": wrong} if result == "valid" else {}))

    def work_out(self, work, operation, x, bugs):
        """Find the right answer, and the answers of those bugs that differ from it."""
        right = Traced()
        expected, wrong = json_ready(work(right, operation, x)), []
        for bug in bugs:
            if not right.called & overridden(bug):
                continue  # it touches nothing that this case uses
            try:
                found = json_ready(work(bug(), operation, x))
            except (ZeroDivisionError, struct.error):
                continue  # the bug can't answer this case at all
            entry = {"flag": bug.name, **found}
            if found != expected and entry not in wrong:
                wrong.append(entry)
        return expected, wrong

    def valid(self, comment, flags="", dtype="int", tolerance=None, work=answer, bugs=None, **x):
        """Add a case that must give the right answer. bugs: whose wrong answers to keep; all, if left out."""
        if tolerance is None:
            tolerance = {"int": 0, "float32": 1e-6, "float64": 1e-12}[dtype]
        operation = self.groups[-1]["operation"]
        if bugs is None:
            bugs = [bug for bug in self.bugs if not (self.first_edition and is_later(bug))]
        key = repr((operation, sorted(x.items()), len(bugs)))
        if key not in self.done:
            self.done[key] = self.work_out(work, operation, x, bugs)
        expected, wrong = self.done[key]
        self.add(comment, flags, dtype, tolerance, "valid", x, expected, wrong)
        if self.first_edition:
            later = self.work_out(work, operation, x, [bug for bug in self.bugs if is_later(bug)])[1]
            self.more_wrong |= {self.groups[-1]["cases"][-1]["id"]: later} if later else {}

    def invalid(self, comment, flags, dtype="int", **x):
        """Add a case that must be refused."""
        self.add(comment, flags, dtype, 0, "invalid", x, None, [])
