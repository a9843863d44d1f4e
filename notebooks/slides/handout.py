"""The handout: two pages to print, the 4 x 3 example left blank; and the same with the solution.

Its error terms are not those of the slides: what it asks for after the deck would already have been shown there.
"""

from collections.abc import Sequence

import numpy as np
from example import BUCKET, SIGN, A, M, V, W, Z

import hashnets_np as hn
from hashnets_np.course.moving.picture import MINUS, colour_of, signed, write_number
from hashnets_np.course.moving.race import all_orders, run_in_order

DELTA = np.array([2.0, -1.0, 1.0, 3.0])
DV = np.outer(DELTA, A)  # Eq. 10
DW, DA = (found.squeeze() for found in hn.hashed_backward(W, A[None], DELTA[None], M))  # Eq. 12, Eq. 9

STYLE = """
@page { size: A4; margin: 0; }
* { box-sizing: border-box; }
html { background: #888; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
body { margin: 0; font: 12pt/1.35 Arial, "Liberation Sans", sans-serif; color: #111; }
section { width: 210mm; height: 297mm; padding: 14mm 16mm; margin: 0 auto 4mm; background: white; overflow: hidden;
  break-after: page; }
section:last-of-type { break-after: auto; }
h1 { font-size: 17pt; margin: 0 0 3mm; } h2 { font-size: 13pt; margin: 5mm 0 1.5mm; } p { margin: 0 0 2mm; }
table { border-collapse: collapse; margin: 1mm 0; }
td, th { border: 1px solid #111; width: 17mm; height: 9mm; text-align: center; }
th { border: 0; font-weight: normal; width: 11mm; color: #444; }
.row { display: flex; gap: 12mm; align-items: flex-start; }
.line { border-bottom: 1px solid #111; display: inline-block;
  min-width: 60mm; height: 7mm; padding-left: 2mm; } .solved { color: #00426B; font-weight: bold; }
svg { display: block; } li { margin-bottom: 1mm; } ol { margin: 0 0 2mm; }
@media print { html { background: white; } section { margin: 0; } }
"""


def answer(words: str, solved: bool) -> str:
    """Write what belongs on a line, or leave the line empty."""
    return f'<span class="line solved">{words if solved else ""}</span>'


def table(words: Sequence[Sequence[str]], shown: bool, heads: tuple[Sequence, Sequence] | None = None) -> str:
    """Write a 4 x 3 table; its cells are empty unless they are shown; heads stand above and beside it."""
    rows = []
    if heads:
        rows.append("<tr><th></th>" + "".join(f"<th>{write_number(a)}</th>" for a in heads[0]) + "</tr>")
    for i, line in enumerate(words):
        cells = f"<th>{write_number(heads[1][i])}</th>" if heads else ""
        for j, word in enumerate(line):
            shade = f"background:{colour_of(int(BUCKET[i, j]))}33"
            cells += f'<td style="{shade}">{word if shown else ""}</td>'
        rows.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(rows)}</table>"


def numbers(values: np.ndarray) -> list[list[str]]:
    """Write the numbers of a matrix."""
    return [[write_number(value) for value in line] for line in np.atleast_2d(values)]


def names() -> list[list[str]]:
    """Name each entry of V: +w0."""
    return [[("+" if SIGN[i, j] > 0 else MINUS) + f"w<sub>{BUCKET[i, j]}</sub>" for j in range(3)] for i in range(4)]


def vector(values: np.ndarray) -> str:
    """Write a vector."""
    return "(" + ", ".join(map(write_number, values)) + ")"


def terms(k: int) -> str:
    """Write the gradient of one real weight as a signed sum."""
    votes = (DV * SIGN)[BUCKET == k]
    return " ".join(signed(vote) for vote in votes) + f" = {write_number(DW[k])}"


def first_page(solved: bool) -> str:
    """The example: forward, the dense gradient, the scatter-add, and one step further back."""
    column = "".join(f"<tr><td>{write_number(z) if solved else ''}</td></tr>" for z in Z)
    sums = "".join(f"<p>dw<sub>{k}</sub> = {answer(terms(k), solved)}</p>" for k in range(3))
    products = " ".join(signed(V[i, 0] * DELTA[i]) for i in range(4))
    (still,) = np.flatnonzero(DW == 0)
    stays = f"w<sub>{still}</sub>: {terms(still)}"
    return f"""<section><h1>The gradient of a shared weight{": solution" if solved else ""}</h1>
<p>Four outputs, three inputs, three real weights: w = {vector(W)}, a = {vector(A)}. We count from 0.</p>
<h2>Part 1. Forward: V<sub>ij</sub> = w<sub>h(i,j)</sub> ξ(i,j), then z = V a</h2>
<div class="row"><div>buckets and signs{table(names(), True)}</div>
<div>V in numbers{table(numbers(V), solved)}</div><div>z<table>{column}</table></div></div>
<h2>Part 2. Backward: dV<sub>ij</sub> = δ<sub>i</sub> a<sub>j</sub>, as if nothing were shared</h2>
{table(numbers(DV), solved, (A, DELTA))}
<p>(a above the table; beside it the error terms, other ones than on the slides: δ = {vector(DELTA)})</p>
<h2>Part 3. The scatter-add: give each entry of dV its sign, and send it to its bucket</h2>
{sums}
<p>Which real weight does not move, although all its places want to? {answer(stays, solved)}</p>
<h2>Part 4. The layer below: da = V<sup>T</sup> δ</h2>
<p>da<sub>0</sub> = {answer(f"{products} = {write_number(DA[0])}", solved)}</p></section>"""


def second_page(solved: bool) -> str:
    """Votes, two mistakes, the race, and a sketch."""
    fancy = np.zeros(3)
    fancy[BUCKET] += DV * SIGN
    means = DW / np.bincount(BUCKET.ravel())
    good = [order for order in all_orders() if run_in_order(order, 5, (1, 1))["bucket"] == 7]
    axes = ('<svg width="640" height="255" viewBox="0 0 640 255" font-size="15" font-family="sans-serif">'
            '<path d="M60 10V215H620" fill="none" stroke="#111" stroke-width="2"/>'
            '<text x="10" y="125" transform="rotate(-90 20 125)" text-anchor="middle">test error</text>')
    for n, c in enumerate(("1/64", "1/32", "1/16", "1/8", "1/4", "1/2", "1")):
        axes += f'<text x="{80 + 85 * n}" y="236" text-anchor="middle">{c}</text>'
    axes += '<text x="335" y="253" text-anchor="middle">compression</text></svg>'
    return f"""<section><h1>Votes, mistakes, a race{": solution" if solved else ""}</h1>
<h2>My votes, before and after</h2>
<p>The gradient of w<sub>0</sub>: {answer("C, the sum, each with its sign", solved)}</p>
<p>Which line computes dw? (All arrays are flattened.) {answer("D, bincount(bucket, dV * sign)", solved)}</p>
<p>Hash a trained network at 1/8, error: {answer("C, about 80 %", solved)}</p>
<p>Wider layer, same K, noise: {answer("B, it stays", solved)}</p>
<p>HashNet surely below NN: {answer("B, about 20 of 32", solved)}</p>
<h2>Two mistakes, with the numbers of page 1</h2>
<p><code>dw[bucket] += dV * sign</code> gives dw = {answer(vector(fancy), solved)}</p>
<p><code>bincount(bucket, dV * sign) / load</code> gives dw = {answer(vector(np.round(means, 2)), solved)}</p>
<h2>A race: two threads add 1 to a bucket that holds 5; each reads, adds, writes</h2>
<p>An order of the six steps (write six letters) that gives 6: {answer("A B A B A B, and 17 others", solved)}</p>
<p>All orders that give 7: {answer(" and ".join(" ".join(order) for order in good), solved)}</p>
<h2>Sketch before you see it: HashNet, NN (narrower), RER (edges removed), LRD (low rank) on MNIST</h2>
{axes}
<p>{"See the slide “On MNIST, HashNet rises last”." if solved else ""}</p>
<h2>One sentence</h2>
<p>{answer("Sharing is one fixed matrix S: V = S w, and dw = S<sup>T</sup> dV.", solved)}</p></section>"""


def page(solved: bool) -> str:
    """Write the handout, empty or with its solution."""
    title = "Handout: the gradient of a shared weight" + (", solution" if solved else "")
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
            f"</head><body>{first_page(solved)}{second_page(solved)}</body></html>\n")
