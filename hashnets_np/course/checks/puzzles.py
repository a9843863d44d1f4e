"""Checks of the twelve sharing puzzles: the specification as slow loops, and a reader's answer in one line.

Each specification is a plain function here, the same text that the notebook shows. A puzzle is tried on several random
shapes; in a notebook the answer to the first is drawn beside the target.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..marking import Example, NotYet, ask, done, mark, one_line, require, same
from ..show import draw_puzzle, in_notebook

Array = NDArray[Any]
SHAPES = ((4, 6, 5), (5, 5, 3), (3, 7, 4), (6, 2, 9))  # n_out, n_cols, buckets


def dense_table(n_out: int, n_cols: int) -> Array:
    """Give every virtual weight a bucket of its own, row by row."""
    bucket = np.zeros((n_out, n_cols), int)
    for i in range(n_out):
        for j in range(n_cols):
            bucket[i, j] = i * n_cols + j
    return bucket


def circulant(n_out: int, n_cols: int) -> Array:
    """Let each row be the row above, moved by one to the right, around the end: a circular convolution."""
    bucket = np.zeros((n_out, n_cols), int)
    for i in range(n_out):
        for j in range(n_cols):
            bucket[i, j] = (j - i) % n_cols
    return bucket


def squares(n_out: int, n_cols: int, size: int) -> Array:
    """Give each square of size x size places one bucket, squares numbered row by row."""
    bucket = np.zeros((n_out, n_cols), int)
    across = -(-n_cols // size)
    for i in range(n_out):
        for j in range(n_cols):
            bucket[i, j] = i // size * across + j // size
    return bucket


def balanced(n_out: int, n_cols: int, shift: Array) -> Array:
    """Cut the places, row by row, into pieces of K = len(shift); piece q lies over the buckets, moved by shift[q]."""
    bucket = np.zeros((n_out, n_cols), int)
    K = len(shift)
    for i in range(n_out):
        for j in range(n_cols):
            g = i * n_cols + j
            bucket[i, j] = (g % K + shift[g // K % K]) % K
    return bucket


def gather(w: Array, bucket: Array, sign: Array) -> Array:
    """Build V (Eq. 7)."""
    V = np.zeros(bucket.shape)
    for i in range(len(bucket)):
        for j in range(bucket.shape[1]):
            V[i, j] = w[bucket[i, j]] * sign[i, j]
    return V


def scatter_add(dV: Array, bucket: Array, sign: Array, buckets: int) -> Array:
    """Sum dV into dw (Eq. 12)."""
    dw = np.zeros(buckets)
    for i in range(len(bucket)):
        for j in range(bucket.shape[1]):
            dw[bucket[i, j]] += dV[i, j] * sign[i, j]
    return dw


def loads(bucket: Array, buckets: int) -> Array:
    """Count the virtual weights in each bucket."""
    load = np.zeros(buckets, int)
    for i in range(len(bucket)):
        for j in range(bucket.shape[1]):
            load[bucket[i, j]] += 1
    return load


def mates(bucket: Array, i: int, j: int) -> Array:
    """Mark the places that share the real weight of (i, j), itself among them."""
    same = np.zeros(bucket.shape, bool)
    for a in range(len(bucket)):
        for b in range(bucket.shape[1]):
            same[a, b] = bucket[a, b] == bucket[i, j]
    return same


def features(a: Array, bucket: Array, buckets: int) -> Array:
    """Hash the input of each output unit (Eq. 6): (n_out, buckets)."""
    phi = np.zeros((len(bucket), buckets))
    for i in range(len(bucket)):
        for j in range(bucket.shape[1]):
            phi[i, bucket[i, j]] += a[j]
    return phi


def forward(w: Array, bucket: Array, sign: Array, a: Array) -> Array:
    """Compute a layer for a mini-batch (Eq. 8): (batch, n_out)."""
    z = np.zeros((len(a), len(bucket)))
    for b in range(len(a)):
        for i in range(len(bucket)):
            for j in range(bucket.shape[1]):
                z[b, i] += w[bucket[i, j]] * sign[i, j] * a[b, j]
    return z


def input_gradient(dz: Array, w: Array, bucket: Array, sign: Array) -> Array:
    """Send the error terms back to the input (Eq. 9): (batch, n_cols)."""
    da = np.zeros((len(dz), bucket.shape[1]))
    for b in range(len(dz)):
        for i in range(len(bucket)):
            for j in range(bucket.shape[1]):
                da[b, j] += dz[b, i] * w[bucket[i, j]] * sign[i, j]
    return da


def bias_column(a: Array) -> Array:
    """Put the constant input 1 before a mini-batch (Eq. 2)."""
    ones_first = np.ones((len(a), a.shape[1] + 1))
    for b in range(len(a)):
        for j in range(a.shape[1]):
            ones_first[b, j + 1] = a[b, j]
    return ones_first


@dataclass(frozen=True)
class Puzzle:
    """One puzzle: its specification, and how to draw arguments from a generator for a shape (n_out, n_cols, K).

    mistakes: a reason each, and what that mistake makes of the arguments.
    """

    specification: Callable[..., Array]
    arguments: Callable[[np.random.Generator, int, int, int], tuple]
    mistakes: Sequence[tuple[str, Callable[..., Array]]] = ()


def _map(rng: np.random.Generator, n_out: int, n_cols: int, K: int) -> tuple[Array, Array]:
    """Draw buckets and signs."""
    return rng.integers(0, K, (n_out, n_cols)), rng.choice([-1, 1], size=(n_out, n_cols))


def _moved_by_place(n_out: int, n_cols: int, shift: Array) -> Array:
    """Make the mistake that puzzle 4 has planted."""
    g = np.arange(n_out * n_cols).reshape(n_out, n_cols)
    return (g + shift[g % len(shift)]) % len(shift)


PUZZLES: dict[str, Puzzle] = {
    "dense_table": Puzzle(dense_table, lambda rng, n, m, K: (n, m)),
    "circulant": Puzzle(circulant, lambda rng, n, m, K: (n, m)),
    "squares": Puzzle(squares, lambda rng, n, m, K: (n, m, 2 + K % 2)),
    "balanced": Puzzle(balanced, lambda rng, n, m, K: (n, m, rng.integers(0, K, K)), (
        ("a piece is moved as a whole: by its own number, not by that of each place in it", _moved_by_place),)),
    "gather": Puzzle(gather, lambda rng, n, m, K: (rng.normal(size=K), *_map(rng, n, m, K))),
    "scatter_add": Puzzle(scatter_add, lambda rng, n, m, K: (rng.normal(size=(n, m)), *_map(rng, n, m, K), K + 2)),
    "loads": Puzzle(loads, lambda rng, n, m, K: (_map(rng, n, m, K)[0], K + 2)),
    "mates": Puzzle(
        mates, lambda rng, n, m, K: (_map(rng, n, m, 2 + K % 3)[0], int(rng.integers(n)), int(rng.integers(m)))),
    "features": Puzzle(features, lambda rng, n, m, K: (rng.normal(size=m), _map(rng, n, m, K)[0], K + 1)),
    "forward": Puzzle(forward, lambda rng, n, m, K: (rng.normal(size=K), *_map(rng, n, m, K), rng.normal(size=(3, m)))),
    "input_gradient": Puzzle(
        input_gradient, lambda rng, n, m, K: (rng.normal(size=(2, n)), rng.normal(size=K), *_map(rng, n, m, K))),
    "bias_column": Puzzle(bias_column, lambda rng, n, m, K: (rng.normal(size=(n, m)),)),
}


def _examples(name: str) -> list[Example]:
    """Make the questions of one puzzle; the right answers come from the slow loops."""
    puzzle_ = PUZZLES[name]
    rng = np.random.default_rng(12)
    examples = []
    for n_out, n_cols, K in SHAPES:
        arguments = puzzle_.arguments(rng, n_out, n_cols, K)
        right = np.asarray(puzzle_.specification(*arguments), dtype=float)
        turned = right.T if right.ndim == 2 else right[::-1]
        examples.append(Example(arguments, right, [
            ("this is the transpose" if right.ndim == 2 else "this is in the opposite order", turned),
            ("the signs are the wrong way round", -right),
            ("this is one too large: count from 0", right + 1),
            *((reason, mistake(*arguments)) for reason, mistake in puzzle_.mistakes),
        ], f"{n_out} x {n_cols}"))
    return examples


def puzzle(name: str, function: Callable) -> None:
    """Check one of the twelve sharing puzzles by its name; in a notebook, draw the answer beside the target."""
    known = isinstance(name, str) and name in PUZZLES
    require(known, f"the check needs the name of a puzzle and then your function, got {one_line(repr(name))} as the "
            f"name; the names are {', '.join(PUZZLES)}")
    examples = _examples(name)
    try:
        mark(function, examples, name)
        with_a_loop = " (With a loop; can you do it without?)" if _has_a_loop(function) else ""
        done(f"{1 + list(PUZZLES).index(name)} of {len(PUZZLES)}.{with_a_loop}")
    finally:
        if in_notebook():
            _draw(name, function, examples[0])


def _has_a_loop(function: Callable) -> bool:
    """Say whether there is a loop in the reader's own lines; without a source nobody can tell."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    return any(isinstance(node, ast.For | ast.While | ast.comprehension) for node in ast.walk(tree))


def _draw(name: str, function: Callable, example: Example) -> None:
    """Draw target and answer, if the answer can be drawn."""
    try:
        answer = ask(function, example, name)
    except NotYet:  # nothing is written yet
        return
    if not isinstance(answer, NotYet):
        found = np.atleast_2d(answer[0]) if answer[0].ndim <= 2 else None
        draw_puzzle(name, np.atleast_2d(example.expected), found, same(answer, example.expected))


def names() -> Sequence[str]:
    """List the puzzles in order."""
    return list(PUZZLES)
