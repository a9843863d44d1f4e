"""Choosing hyper-parameters on the validation split by Bayesian optimisation, with the same effort for every method.

One search: 12 trials of Optuna's TPE over the step size, momentum, dropout on inputs and hidden layers and, for dark
knowledge, temperature and mix; each trial trains for at most 10 epochs on at most 12,000 examples (training +
validation). With dark knowledge the first trial takes what was chosen for the same network without a teacher. Short
trials favour large steps and strong dropout, so the two best (with dark knowledge the best and the first) train again
in full, on all training examples and for all epochs, and with a third of the step size as long as that helps. The
lowest validation error wins; the last epoch that is within one standard error of its lowest gives the number of
epochs of the final runs. Sets with fewer than 1,000 validation examples are searched by 3-fold cross-validation, and
as their trials are long only the best trains again. With several hidden layers, where a training takes long, there is
one finalist. The paper too used Bayesian optimisation on 20 % validation splits (section 6; Snoek et al., 2012).
Needs the extra [tune].
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...datasets import Dataset
from ..methods import DARK
from .grid import Job, without_teacher
from .records import Record
from .work import Hyper, choose_epochs, epochs_for, teacher_for, train, without_test

TRIALS = 12
EXAMPLES, PASSES, SMALL = 12_000, 10, 6_000  # at most; with few training examples more passes, up to as many steps
FEW, FOLDS = 1_000, 3
EDGE = 0.02  # of a range: a best value nearer to its end asks for a wider range
ROUNDS = 3
FINALISTS, STEP_DOWN = 2, 3.0  # of networks with one hidden layer; deeper ones have one finalist


@dataclass(frozen=True)
class Range:
    """Where a hyper-parameter is looked for. natural: ends that mean something, such as no dropout."""

    low: float
    high: float
    log: bool = False
    natural: tuple[float, ...] = ()

    def clip(self, value: float) -> float:
        """Return the value in the range that is nearest."""
        return min(max(value, self.low), self.high)

    def place(self, value: float) -> float:
        """Say where in the range a value lies, from 0 to 1."""
        low, high, value = np.log([self.low, self.high, value]) if self.log else (self.low, self.high, value)
        return float((value - low) / (high - low))

    def widened(self, value: float) -> "Range":
        """Return a wider range if the value is at an end that is not natural, else the same."""
        at = self.place(value)
        span = self.high / self.low if self.log else self.high - self.low
        if at < EDGE and self.low not in self.natural:
            return replace(self, low=self.low / span**0.5 if self.log else max(0.0, self.low - span / 2))
        if at > 1 - EDGE and self.high not in self.natural:
            return replace(self, high=self.high * span**0.5 if self.log else min(0.999, self.high + span / 2))
        return self


RANGES = {
    "rate": Range(0.02, 10.0, log=True),
    "momentum": Range(0.3, 0.98, natural=(0.0, 0.999)),
    "input_dropout": Range(0.0, 0.5, natural=(0.0,)),
    "dropout": Range(0.0, 0.7, natural=(0.0,)),
}
DARK_RANGES = {
    "temperature": Range(1.0, 20.0, log=True, natural=(1.0,)),
    "mix": Range(0.0, 1.0, natural=(0.0, 1.0)),
}
# the first trials of every method: the middle of the ranges at three step sizes
MIDDLE: Hyper = {"rate": 0.5, "momentum": 0.9, "input_dropout": 0.1, "dropout": 0.2, "temperature": 4.0, "mix": 0.7}
FIRST_RATES = (0.5, 0.1, 2.0)


def folds(data: Dataset, limit: float = EXAMPLES) -> Iterator[Dataset]:
    """Split into training and validation examples, at most `limit`: the given split, or three folds if it is small."""
    data = without_test(data)
    if len(data.x_valid) < FEW:
        whole = data.refit()
        for fold in range(FOLDS):
            out = np.arange(len(whole.x_train)) % FOLDS == fold
            x, y = whole.x_train, whole.y_train
            yield replace(whole, x_train=x[~out], y_train=y[~out], x_valid=x[out], y_valid=y[out])
        return
    share = min(1.0, limit / (len(data.x_train) + len(data.x_valid)))
    a, b = int(share * len(data.x_train)), int(share * len(data.x_valid))
    yield replace(data, x_train=data.x_train[:a], y_train=data.y_train[:a], x_valid=data.x_valid[:b],
                  y_valid=data.y_valid[:b])


def valid_curve(
    job: Job, hyper: Hyper, found: dict[str, Record], data: Dataset, epochs: int, limit: float = EXAMPLES
) -> np.ndarray:
    """Train and return the validation error after each epoch, in percent, the mean over the folds."""
    curves = []
    for part in folds(data, limit):
        errors = train(job, hyper, part, epochs, teacher_for(job, found, part))[1].valid_error
        curves.append(errors + [100.0] * (epochs - len(errors)))  # a diverged training ends early: all wrong from there
    return np.mean(curves, axis=0)


def trial_epochs(data: Dataset, most: int) -> int:
    """Set the passes of a trial: 10, or more for a small set, but not more steps in all than a large one has."""
    parts = list(folds(data))
    steps = PASSES * EXAMPLES / sum(len(part.x_train) for part in parts)
    return int(min(most, max(PASSES, steps) if len(parts[0].x_train) <= SMALL else PASSES))


def do_search(job: Job, found: dict[str, Record], data: Dataset) -> Record:
    """Search, again in wider ranges if the best value lies at an end, then train the best in full."""
    ranges = RANGES | (DARK_RANGES if job.method in DARK else {})
    most = epochs_for(job, data)
    short = trial_epochs(data, most)
    rounds: list[dict[str, Any]] = []
    for number in range(ROUNDS):
        trials = search(job, ranges, found, data, short, seed=number)
        best = min(trials, key=lambda trial: trial["valid_error"])["hyper"]
        rounds.append({"ranges": {name: [r.low, r.high] for name, r in ranges.items()}, "trials": trials})
        wider = {name: r.widened(best[name]) for name, r in ranges.items()}
        at_edge = wider != ranges
        if not at_edge:
            break
        ranges = wider
    trials = [trial for made in rounds for trial in made["trials"]]
    finals = train_finalists(job, trials, found, data, most)
    return min(finals, key=lambda final: final["valid_error"]) | {
        "at_edge": at_edge, "trial_epochs": short, "rounds": rounds, "finals": finals}


def train_finalists(
    job: Job, trials: list[dict[str, Any]], found: dict[str, Record], data: Dataset, epochs: int
) -> list[dict[str, Any]]:
    """Train the best trials in full, each at falling step sizes as long as that helps; a small set's best only once.

    With dark knowledge the first trial, with what was chosen without a teacher, comes right after the best.
    """
    ranked = sorted(trials, key=lambda trial: trial["valid_error"])
    if job.method in DARK:
        best = ranked[0]
        ranked.sort(key=lambda trial: trial not in (best, trials[0]))
    if len(data.x_valid) < FEW:
        return [train_in_full(job, ranked[0]["hyper"], found, data, epochs)]
    finals = []
    for trial in ranked[: FINALISTS if job.layers == 3 else 1]:
        hyper, lowest = trial["hyper"], np.inf
        while (made := train_in_full(job, hyper, found, data, epochs))["valid_error"] < lowest:
            finals.append(made)
            lowest, hyper = made["valid_error"], hyper | {"rate": hyper["rate"] / STEP_DOWN}
        finals.append(made)
    return finals


def train_in_full(job: Job, hyper: Hyper, found: dict[str, Record], data: Dataset, epochs: int) -> dict[str, Any]:
    """Train on all training examples for all epochs; choose the number of epochs and say the validation error there."""
    curve = valid_curve(job, hyper, found, data, epochs, limit=np.inf)
    chosen = choose_epochs(list(curve), sum(len(part.x_valid) for part in folds(data, np.inf)))
    return {"hyper": hyper, "epochs": chosen, "valid_error": float(curve[chosen - 1]),
            "curve": [round(float(error), 3) for error in curve]}


def first_trials(job: Job, ranges: dict[str, Range], found: dict[str, Record]) -> list[Hyper]:
    """List the trials that a search begins with.

    Dark knowledge with mix 0 is the network without a teacher, so its best can't be worse; but 12 trials over two more
    dimensions did not find that by themselves.
    """
    middle = {name: MIDDLE[name] for name in ranges}
    firsts = [middle | {"rate": rate} for rate in FIRST_RATES]
    if job.method in DARK:
        plain = middle | found[without_teacher(job).key]["hyper"]
        firsts.insert(0, {name: r.clip(plain[name]) for name, r in ranges.items()})
    return firsts


def search(
    job: Job, ranges: dict[str, Range], found: dict[str, Record], data: Dataset, epochs: int, seed: int
) -> list[dict[str, Any]]:
    """Do the trials of one round; each is {"hyper": ..., "valid_error": percent after the last epoch}."""
    try:
        import optuna
    except ImportError as error:
        raise ImportError("the search needs Optuna: pip install optuna") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=5)
    study = optuna.create_study(sampler=sampler)
    for hyper in first_trials(job, ranges, found) if seed == 0 else ():
        study.enqueue_trial(hyper)
    trials = []
    for _ in range(TRIALS):
        trial = study.ask()
        hyper = {name: trial.suggest_float(name, r.low, r.high, log=r.log) for name, r in ranges.items()}
        valid_error = float(valid_curve(job, hyper, found, data, epochs)[-1])
        study.tell(trial, valid_error)
        trials.append({"hyper": hyper, "valid_error": round(valid_error, 4)})
    return trials
