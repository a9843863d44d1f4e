"""Choosing hyper-parameters on the validation split by Bayesian optimisation, with the same number of trials each.

Dark knowledge has more effort than the other methods: its search begins with what the search for the same network
without a teacher found, so it comes on top of that search.

One search consists of trials of Optuna's TPE (12 under protocol 1, 24 under protocol 2) over the step size, momentum,
dropout on inputs and hidden layers and, for dark knowledge, temperature and mix. Each trial trains for at most 10
epochs on at most 12,000 examples (training + validation). With dark knowledge the first trial takes what was chosen for
the same network without a teacher. Short trials favour large steps and strong dropout. So the two best (with dark
knowledge the best and the first) train again in full, on all training examples and for all epochs, and then with a
third of the step size as long as that helps. The lowest validation error wins. The final runs train up to the last
epoch that is within one standard error of the winner's lowest. Sets with fewer than 1,000 validation examples are
searched by 3-fold cross-validation. Under protocol 1 there is only one finalist on those sets, and also with several
hidden layers, where training takes long.

Protocol 2 then doubles the winner's epochs while its validation error falls by at least one binomial standard error.
With dark knowledge the student's own best, which is mix 0, takes part: as a trial, and as it was trained in full; the
other finalists train as long as it did. Away from the compressions of the tables, most methods are searched for their
step size only.

The paper too used Bayesian optimisation on 20 % validation splits (section 6; Snoek et al., 2012). Needs the extra
[tune].
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...datasets import Dataset
from ..methods import METHODS
from .grid import Job, step_search_from, without_teacher
from .protocols import PROTOCOLS
from .schema import Doubling, Final, Hyper, Round, Trial
from .train import (
    DARK_DEFAULTS,
    DEFAULTS,
    Found,
    binomial_error,
    choose_epochs,
    epochs_for,
    teacher_for,
    train_once,
)
from .unfinished import kept_curve

EXAMPLES = 12_000  # at most; with few training examples more passes, up to as many steps
PASSES = 10
SMALL = 6_000
FEW = 1_000
FOLDS = 3
EDGE = 0.02  # of a range: a best value nearer to an end asks for a wider range
ROUNDS = 3
STEP_DOWN = 3.0


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

    def including(self, value: float) -> "Range":
        """Return the range, as much wider as it must be to hold the value."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))

    def position(self, value: float) -> float:
        """Say where in the range a value lies, from 0 to 1."""
        low, high, value = np.log([self.low, self.high, value]) if self.log else (self.low, self.high, value)
        return float((value - low) / (high - low))

    def widened(self, value: float) -> "Range":
        """Return a wider range if the value is at an end that is not natural, else the same."""
        at = self.position(value)
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
MIDDLE: Hyper = DEFAULTS | DARK_DEFAULTS
FIRST_RATES = (0.5, 0.1, 2.0)
FIXED: Hyper = {"momentum": 0.9, "input_dropout": 0.0, "dropout": 0.0}  # where only the step size is searched
MOST_BEYOND = 3  # step sizes tried beyond the given ones


def folds(data: Dataset, limit: float = EXAMPLES) -> Iterator[Dataset]:
    """Split into training and validation examples, at most `limit`: the given split, or three folds if it is small."""
    if len(data.x_valid) < FEW:
        whole = data.refit()
        for fold in range(FOLDS):
            out = np.arange(len(whole.x_train)) % FOLDS == fold
            x = whole.x_train
            y = whole.y_train
            yield replace(whole, x_train=x[~out], y_train=y[~out], x_valid=x[out], y_valid=y[out])
        return
    share = min(1.0, limit / (len(data.x_train) + len(data.x_valid)))
    a = int(share * len(data.x_train))
    b = int(share * len(data.x_valid))
    yield replace(data, x_train=data.x_train[:a], y_train=data.y_train[:a], x_valid=data.x_valid[:b],
                  y_valid=data.y_valid[:b])


def valid_curve(
    job: Job, hyper: Hyper, found: Found, data: Dataset, epochs: int, limit: float = EXAMPLES
) -> np.ndarray:
    """Train and return the validation error after each epoch, in percent, the mean over the folds.

    What an interrupted search has trained already is not trained again.
    """
    def train() -> np.ndarray:
        curves = []
        for part in folds(data, limit):
            errors = train_once(job, hyper, part, epochs, teacher_for(job, hyper, found, part))[1].valid_error
            curves.append(errors + [100.0] * (epochs - len(errors)))  # diverged, ended early: all wrong from there
        return np.mean(curves, axis=0)

    return kept_curve(job, found, data, hyper, epochs, limit, train)


def trial_epochs(data: Dataset, most: int) -> int:
    """Set the passes of a trial: 10, or more for a small set, but not more steps in all than a large one has."""
    parts = list(folds(data))
    steps = PASSES * EXAMPLES / sum(len(part.x_train) for part in parts)
    return int(min(most, max(PASSES, steps) if len(parts[0].x_train) <= SMALL else PASSES))


def do_search(job: Job, found: Found, data: Dataset) -> dict[str, Any]:
    """Do a search and return the results of its record: of everything, or of the step size alone."""
    return try_rates(job, found, data) if PROTOCOLS[job.protocol].rates else tune(job, found, data)


def tune(job: Job, found: Found, data: Dataset) -> dict[str, Any]:
    """Choose all hyper-parameters, or the step size alone where the others come from a neighbour."""
    protocol = PROTOCOLS[job.protocol]
    short = trial_epochs(data, epochs_for(job, data))
    epochs = epochs_of_finals(job, found, data)
    origin = step_search_from(job)
    if origin is not None:
        tried: dict[str, Any] = {"at_edge": False, "trial_epochs": 0, "rounds": []}
        hyper = with_a_teacher(job, found[origin.key].hyper)
        finals = follow_steps(job, hyper, found, data, epochs, directions=(1 / STEP_DOWN, STEP_DOWN))
    else:
        tried = do_trials(job, found, data, short)
        trials = [trial for made in tried["rounds"] for trial in made.trials]
        finals = train_finalists(job, trials, found, data, epochs)
    best = min(finals, key=lambda final: final.valid_error)
    doublings: list[Doubling] | None = None
    if protocol.most_epochs:
        best, doublings = double_epochs(job, best, found, data, epochs)
        finals = [*finals, best] if best not in finals else finals
    if protocol.student_is_final and METHODS[job.method].student:
        own = student_final(job, found)
        finals.append(own)
        best = min(best, own, key=lambda final: final.valid_error)
    chosen = {"hyper": best.hyper, "epochs": best.epochs, "valid_error": best.valid_error, "curve": best.curve}
    return chosen | tried | {"finals": finals, "doublings": doublings}


def try_rates(job: Job, found: Found, data: Dataset) -> dict[str, Any]:
    """Try a few step sizes, everything else fixed, and keep the one with the lowest validation error at the end.

    While the best is the smallest or the largest of those tried, the next one beyond it is tried as well.
    """
    epochs = epochs_for(job, data)
    rates = sorted(PROTOCOLS[job.protocol].rates)
    factor = rates[1] / rates[0]
    curves: dict[float, np.ndarray] = {}
    to_try = list(rates)
    while to_try:
        for rate in to_try:
            curves[rate] = valid_curve(job, FIXED | {"rate": rate}, found, data, epochs)
        best = min(curves, key=lambda rate: curves[rate][-1])
        beyond = {min(curves): min(curves) / factor, max(curves): max(curves) * factor}
        to_try = [beyond[best]] if best in beyond and len(curves) < len(rates) + MOST_BEYOND else []
    tried = [Trial(hyper=FIXED | {"rate": rate}, valid_error=round(float(curve[-1]), 4))
             for rate, curve in curves.items()]
    return {
        "hyper": FIXED | {"rate": best}, "epochs": epochs, "valid_error": float(curves[best][-1]),
        "curve": [round(float(error), 3) for error in curves[best]], "at_edge": best in beyond,
        "trial_epochs": epochs, "rounds": [Round(ranges={"rate": [min(curves), max(curves)]}, trials=tried)],
    }


def epochs_of_finals(job: Job, found: Found, data: Dataset) -> int:
    """Say how long finals are trained: by protocol 2, with dark knowledge at least as long as the student was."""
    epochs = epochs_for(job, data)
    if PROTOCOLS[job.protocol].student_is_final and METHODS[job.method].student:
        return max(epochs, len(found[without_teacher(job).key].curve))
    return epochs


def do_trials(job: Job, found: Found, data: Dataset, epochs: int) -> dict[str, Any]:
    """Do the rounds of trials: again in wider ranges as long as the best value lies at an end, at most three times."""
    ranges = first_ranges(job, found)
    rounds: list[Round] = []
    at_edge = True
    while at_edge and len(rounds) < ROUNDS:
        trials = search(job, ranges, found, data, epochs, seed=len(rounds))
        best = min(trials, key=lambda trial: trial.valid_error).hyper
        rounds.append(Round(ranges={name: [r.low, r.high] for name, r in ranges.items()}, trials=trials))
        wider = {name: r.widened(best[name]) for name, r in ranges.items()}
        at_edge = wider != ranges
        ranges = wider
    return {"at_edge": at_edge, "trial_epochs": epochs, "rounds": rounds}


def train_finalists(job: Job, trials: list[Trial], found: Found, data: Dataset, epochs: int) -> list[Final]:
    """Train the best trials in full, each at falling step sizes as long as that helps.

    With dark knowledge the trial that takes what was chosen without a teacher comes right after the best. On a small
    set protocol 1 trains the best only once.
    """
    protocol = PROTOCOLS[job.protocol]
    ranked = sorted(trials, key=lambda trial: trial.valid_error)
    if METHODS[job.method].student:
        first = trials[0]
        if protocol.student_is_final:  # mix 0 is a final already, as the student's own search has trained it
            ranked = [trial for trial in ranked if trial.hyper["mix"] > 0]
            first = trials[1]
        best = ranked[0]
        ranked.sort(key=lambda trial: trial not in (best, first))
    small = len(data.x_valid) < FEW
    if small and protocol.small_finalists == 1:
        return [train_in_full(job, ranked[0].hyper, found, data, epochs)]
    count = protocol.small_finalists if small else protocol.finalists if job.layers == 3 else protocol.deep_finalists
    finals = []
    for trial in ranked[:count]:
        finals += follow_steps(job, trial.hyper, found, data, epochs, directions=(1 / STEP_DOWN,))
    return finals


def follow_steps(
    job: Job, hyper: Hyper, found: Found, data: Dataset, epochs: int, directions: tuple[float, ...]
) -> list[Final]:
    """Train in full, then with the step size times each direction as often as that helps."""
    start = train_in_full(job, hyper, found, data, epochs)
    finals = [start]
    for direction in directions:
        lowest = start.valid_error
        rate = hyper["rate"] * direction
        while True:
            finals.append(train_in_full(job, hyper | {"rate": rate}, found, data, epochs))
            if finals[-1].valid_error >= lowest:
                break
            lowest = finals[-1].valid_error
            rate = rate * direction
    return finals


def train_in_full(job: Job, hyper: Hyper, found: Found, data: Dataset, epochs: int) -> Final:
    """Train on all training examples for all epochs; choose the number of epochs and say the validation error there."""
    curve = valid_curve(job, hyper, found, data, epochs, limit=np.inf)
    chosen = choose_epochs(list(curve), validation_examples(data))
    return Final(hyper=hyper, epochs=chosen, valid_error=float(curve[chosen - 1]),
                 curve=[round(float(error), 3) for error in curve])


def validation_examples(data: Dataset) -> int:
    """Count the examples that a training in full is judged by, those of all folds."""
    return sum(len(part.x_valid) for part in folds(data, np.inf))


def double_epochs(job: Job, best: Final, found: Found, data: Dataset, epochs: int) -> tuple[Final, list[Doubling]]:
    """Train twice as long while the error falls by at least one binomial standard error; return the best, and why.

    Never longer than the job's `max_epochs` or else the protocol allows; a set without a limit there may double twice.
    The last doubling, which told to stop, counts if it was better.
    """
    limit = job.max_epochs or PROTOCOLS[job.protocol].most_epochs.get(job.dataset, 4 * epochs)
    decisions: list[Doubling] = []
    goes_on = True
    while goes_on and 2 * epochs <= limit:
        epochs *= 2
        made = train_in_full(job, best.hyper, found, data, epochs)
        must = binomial_error(best.valid_error, validation_examples(data))
        goes_on = best.valid_error - made.valid_error >= must
        decisions.append(Doubling(epochs=epochs, valid_error=made.valid_error, had_to_fall_by=must, goes_on=goes_on))
        best = made if made.valid_error < best.valid_error else best
    return best, decisions


def student_final(job: Job, found: Found) -> Final:
    """Say what dark knowledge with mix 0 is: the student's own best, as its search has trained it in full."""
    own = found[without_teacher(job).key]
    hyper = own.hyper | {"temperature": MIDDLE["temperature"], "mix": 0.0}
    return Final(hyper=hyper, epochs=own.epochs, valid_error=own.valid_error, curve=own.curve)


def first_ranges(job: Job, found: Found) -> dict[str, Range]:
    """Return the ranges that a search begins in, wide enough for what its protocol wants to be tried."""
    if not METHODS[job.method].student:
        return RANGES
    ranges = RANGES | DARK_RANGES
    if PROTOCOLS[job.protocol].student_is_final:
        own = found[without_teacher(job).key].hyper
        ranges = {name: r.including(own.get(name, r.low)) for name, r in ranges.items()}
    return ranges


def with_a_teacher(job: Job, hyper: Hyper) -> Hyper:
    """Give a search for the step size with dark knowledge a teacher, where its neighbour did best without: mix 0."""
    if METHODS[job.method].student and hyper["mix"] == 0:
        return hyper | {"mix": MIDDLE["mix"]}
    return hyper


def first_trials(job: Job, ranges: dict[str, Range], found: Found) -> list[Hyper]:
    """List the trials that a search begins with.

    Dark knowledge with mix 0 is the network without a teacher, so its best can't be worse; but 12 trials over two more
    dimensions did not find that by themselves.
    """
    middle = {name: MIDDLE[name] for name in ranges}
    firsts = [middle | {"rate": rate} for rate in FIRST_RATES]
    if METHODS[job.method].student:
        plain = middle | found[without_teacher(job).key].hyper
        firsts.insert(0, {name: r.clip(plain[name]) for name, r in ranges.items()})
        if PROTOCOLS[job.protocol].student_is_final:
            firsts.insert(0, firsts[0] | {"mix": 0.0})
    return firsts


def search(job: Job, ranges: dict[str, Range], found: Found, data: Dataset, epochs: int, seed: int) -> list[Trial]:
    """Do the trials of one round; each has the validation error after its last epoch."""
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
    for _ in range(PROTOCOLS[job.protocol].trials):
        trial = study.ask()
        hyper = {name: trial.suggest_float(name, r.low, r.high, log=r.log) for name, r in ranges.items()}
        valid_error = float(valid_curve(job, hyper, found, data, epochs)[-1])
        study.tell(trial, valid_error)
        trials.append(Trial(hyper=hyper, valid_error=round(valid_error, 4)))
    return trials
