"""Right answers in disguise and spoiled ones, made from the right answers to every check that takes a function.

A disguise changes how a right answer is written, never what it says: lists, float32, views, arguments overwritten, a
print here and there. A spoiled answer makes a mistake of the kind that no formula shows: it prints and returns nothing,
remembers its first result, is right for square shapes only, or has the right numbers in the wrong form.
"""

from functools import wraps

import numpy as np

from hashnets_np.course import checks

WHOLE = {checks.avalanche, checks.undo_avalanche}  # exact words of 32 bits: more than a float32 can hold
CLASSES = {checks.layer_gradients, checks.occupancy_layer}
CONSTANTS = {checks.figure_1, checks.table_bytes, checks.weights_needed, checks.half_lost, checks.wins,
             checks.permutation_map}
PAIRS = {checks.bucket_and_sign, checks.momentum_step, checks.best_epoch, checks.bias_and_variance,
         checks.division_by_multiplication}
NO_FUNCTION = CLASSES | CONSTANTS | {checks.rung, checks.claim_verdict}  # the last one returns a text


def after(change):
    """Make a disguise: an answer whose result is changed."""
    def disguise(answer):
        @wraps(answer)
        def disguised(*arguments):
            return change(answer(*arguments))
        return disguised
    return disguise


def each(change):
    """Change a result, or each of two."""
    return lambda result: tuple(map(change, result)) if isinstance(result, tuple) else change(result)


def as_list(result):
    return np.asarray(result).tolist()


def every_second_place(result):
    result = np.asarray(result)
    return np.repeat(result, 2, axis=0)[::2] if result.ndim else result


def by_columns(result):
    return np.array(result, order="F", dtype=float)


def as_objects(result):
    return np.asarray(result).astype(object)


def as_float32(result):
    return np.asarray(result).astype(np.float32)


def overwrites_its_arguments(answer):
    def disguised(*arguments):
        result = answer(*arguments)
        result = tuple(map(np.array, result)) if isinstance(result, tuple) else np.array(result)
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                argument[...] = 0
            elif isinstance(argument, list):
                argument.clear()
        return result
    return disguised


def prints_on_the_way(answer):
    def disguised(*arguments):
        print("shapes:", *map(np.shape, arguments[:2]))
        result = answer(*arguments)
        print(result)
        return result
    return disguised


def takes_anything(answer):
    def disguised(*arguments, verbose=False, **more):
        return answer(*arguments, **more)
    return disguised


class Callable:
    """A function that is an object, as a reader of frameworks may write it."""

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, *arguments):
        return self.answer(*arguments)


DISGUISES = [after(each(as_list)), after(each(every_second_place)), after(each(by_columns)), after(each(as_objects)),
             overwrites_its_arguments, prints_on_the_way, takes_anything, Callable]


def prints_instead_of_returning(answer):
    def spoiled(*arguments):
        print(answer(*arguments))
    return spoiled


def remembers_its_first_result(answer):
    first = []

    def spoiled(*arguments):
        first.append(answer(*arguments))
        return first[0]
    return spoiled


def adds_up_over_calls(answer):
    total = []

    def spoiled(*arguments):
        total.append(0.25)
        return np.asarray(answer(*arguments), dtype=float) + sum(total[:-1])
    return spoiled


def needs_a_square(answer):
    def spoiled(*arguments):
        shapes = [np.shape(argument) for argument in arguments if np.ndim(argument) == 2]
        result = answer(*arguments)
        return result if all(n == m for n, m in shapes) and shapes else np.asarray(result, dtype=float) * 0.5 + 1
    return spoiled


def returns_itself(answer):
    return lambda *arguments: answer


def with_one_wrong_entry(result):
    wrong = np.array(result, dtype=float)
    wrong.flat[-1] += 0.125
    return wrong


SPOILED = {  # what is wrong, and the reason due
    prints_instead_of_returning: "returned None",
    remembers_its_first_result: "",
    adds_up_over_calls: "",
    needs_a_square: "",
    returns_itself: "",
    after(str): "",
    after(with_one_wrong_entry): "",
    after(lambda result: np.asarray(result, dtype=float) * 1.01): "",
    after(lambda result: [np.asarray(result)] * 3): "",
    after(lambda result: np.asarray(result, dtype=float) * (1 + 1j)): "complex|number|should|whole",
    after(lambda result: np.full(np.shape(result), np.inf)): "",
    after(lambda result: {"result": result}): "",
}


def once_rightly(check, answer):
    """Disguise one right answer in every way that leaves it right."""
    disguises = [disguise for disguise in DISGUISES
                 if check is not checks.slope or disguise is not overwrites_its_arguments]  # there w must stay
    if check not in WHOLE | PAIRS and not isinstance(check, tuple):
        disguises.append(after(as_float32))
    return [disguise(answer) for disguise in disguises]


def made_from(right):
    """Make right answers in disguise and spoiled answers from a table of right answers."""
    functions = {check: answers for check, answers in right.items()
                 if check not in NO_FUNCTION and callable(answers[0])}
    rights = {check: once_rightly(check, answers[0]) for check, answers in functions.items()}
    wrongs = {check: [(spoil(answers[0]), why) for spoil, why in SPOILED.items()]
              for check, answers in functions.items()}
    return rights, wrongs
