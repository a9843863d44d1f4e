"""The deck of lesson 3, the gradient of a shared weight. Its numbers come from `example.py` and from lesson 3."""

import numpy as np
from example import BUCKET, DA, DELTA, DV, DW, SIGN, A, V, W, Z
from lessons import mistakes
from parts import (
    Slide,
    box,
    code,
    column,
    figure,
    formula,
    options,
    paragraph,
    picture,
    row,
    stepped,
    text,
)

from hashnets_np.course.moving.picture import INK, MINUS, colour_of, signed, tag, write_number

ANSWERS = ("their mean", "their sum", "their sum, each with its sign", "the one written last")
LINES = ("dw[bucket] += dV * sign", "dw = bincount(bucket, dV)", "dw = bincount(bucket, dV * sign) / load",
         "dw = bincount(bucket, dV * sign)")
CELL = (128, 76)


def grid(words, left=0, top=0, plain=False, strong=None, cell=CELL, signs=True):
    """Draw the cells of a 4 x 3 table; `strong` says which of them matter now, `plain` leaves out the colours."""
    parts = []
    for i, j in np.ndindex(4, 3):
        k = None if plain else int(BUCKET[i, j])
        marked = strong is not None and bool(strong[i, j])
        minus = signs and SIGN[i, j] < 0
        parts.append(box(left + j * cell[0], top + i * cell[1], *cell, k, words[i][j], minus, marked))
    return parts


def names():
    """Name each entry: +w0."""
    return [[("+" if SIGN[i, j] > 0 else MINUS) + f"w{BUCKET[i, j]}" for j in range(3)] for i in range(4)]


def numbers(values):
    """Write each entry of a table."""
    return [[write_number(value) for value in line] for line in values]


def where(k):
    """Mark the places of one real weight."""
    return BUCKET == k


def weights_column(left, top):
    """Draw the three real weights, one below the other."""
    parts = []
    for k in range(3):
        parts.append(box(left, top + 90 * k, 230, 80, k, f"w{k} = {write_number(W[k])}"))
    return parts


def votes_of(k):
    """List what the places of one real weight contribute to its gradient."""
    return [float(value) for value in (DV * SIGN)[BUCKET == k]]


def table_and_list():
    parts = [text(192, 24, "V: 12 entries in use"), *grid(names(), top=54)]
    parts += [text(700, 24, "w: 3 numbers stored"), *weights_column(585, 72)]
    return picture(900, 365, parts, "V in symbols, 4 by 3, and the three real weights")


def first_row():
    strong = np.arange(4)[:, None] * np.ones(3) == 0
    parts = [*grid(numbers(V), strong=strong)]
    factors = [write_number(value) if value > 0 else f"({write_number(value)})" for value in A]
    terms = [f"{write_number(V[0, j])} · {factors[j]}" for j in range(3)]
    parts += [text(440, 38, f"a = ({', '.join(map(write_number, A))})", "start")]
    parts += [stepped(1, text(440, 130, f"z0 = {' + '.join(terms)}", "start"))]
    parts += [stepped(2, text(490, 190, f"= {write_number(Z[0])}", "start", font_weight="bold"))]
    return picture(1060, 310, parts, "V in numbers, its first row framed, and the sum of its products with a")


def your_turn():
    blank = [[""] * 3 for _ in range(4)]
    parts = [text(192, 24, "V = ?"), *grid(blank, top=54, plain=True, signs=False)]
    parts += [stepped(1, *grid(numbers(V), top=54))]
    parts += [text(620, 24, "z = ?")]
    for i in range(4):
        parts.append(box(555, 54 + 76 * i, 130, 76, None, ""))
        parts.append(stepped(1, text(620, 54 + 76 * i + 38, write_number(Z[i]))))
    return picture(760, 360, parts, "An empty 4 by 3 table and an empty column; then both are filled in")


def outer_product():
    parts = []
    for j in range(3):
        parts.append(text(250 + 128 * j + 64, 24, write_number(A[j])))
    for i in range(4):
        parts.append(text(225, 54 + 76 * i + 38, write_number(DELTA[i]), "end"))
    parts += [text(20, 206, "delta", "start"), text(660, 24, "a", "start")]
    parts += [*grid(numbers(DV), 250, 54, signs=False)]
    return picture(760, 360, parts, "The outer product of delta and a, 4 by 3")


def indicator(k):
    words = [[signed(SIGN[i, j])[0] + "1" if BUCKET[i, j] == k else "0" for j in range(3)] for i in range(4)]
    return picture(390, 310, grid(words, strong=where(k)), f"The matrix S_{k}: plus or minus one in the places of w{k}")


def five_places():
    parts = [*grid(numbers(DV), strong=where(0))]
    votes = votes_of(0)
    for n, value in enumerate(votes):
        parts.append(stepped(n + 1, text(460 + 110 * n, 100, signed(value), "start")))
    parts.append(stepped(6, text(460, 190, f"dw0 = {write_number(DW[0])}", "start", 48, font_weight="bold")))
    return picture(1060, 310, parts, "dV with the five places of w0 framed, and their signed sum")


def arrows(ks, left, zero, unit, first_step, width, pitch=68):
    """Draw the signed entries of some buckets as arrows, head to tail; each appears at a step of its own."""
    order = [(i, j) for i, j in np.ndindex(4, 3)]
    parts = []
    reached = dict.fromkeys(range(3), 0.0)
    placed = dict.fromkeys(range(3), 0)
    step = first_step
    for i, j in order:
        k = int(BUCKET[i, j])
        if k not in ks:
            continue
        value = float(DV[i, j] * SIGN[i, j])
        x = left[k] + pitch * placed[k] + 40
        y1, y2 = zero - reached[k] * unit, zero - (reached[k] + value) * unit
        down = 1 if y2 > y1 else -1
        tip = min(16.0, abs(y2 - y1))
        shaft = tag("line", x1=x, y1=y1, x2=x, y2=y2 - (tip - 2) * down, stroke=colour_of(k), stroke_width=9)
        head = tag("path", d=f"M{x - 14:g} {y2 - tip * down:g}h28L{x:g} {y2:g}z", fill=colour_of(k))
        parts.append(stepped(step, shaft, head, text(x, min(y1, y2) - 22, signed(value))))
        reached[k] += value
        placed[k] += 1
        step += 1
    for k in ks:
        parts.append(tag("line", x1=left[k], y1=zero, x2=left[k] + width[k], y2=zero, stroke="#767676", stroke_width=3))
        bar = tag("rect", x=left[k], y=zero - DW[k] * unit, width=width[k], height=DW[k] * unit, fill=colour_of(k),
                  fill_opacity=0.25)
        words = text(left[k] + width[k] / 2, zero + 64, f"dw{k} = {write_number(DW[k])}", font_weight="bold")
        parts.append(stepped(step, bar, words))
    return parts


def falling_arrows():
    parts = [text(138, 24, "dV"), *grid(numbers(DV), 0, 50, cell=(92, 70))]
    left, width = {0: 300, 1: 664, 2: 958}, {0: 352, 1: 282, 2: 216}
    parts += arrows((0, 1, 2), left, 390, 26, 1, width)
    return picture(1180, 480, parts, "Twelve arrows, one for each entry of dV, stand head to tail above w0, w1 and w2")


def cancelling():
    parts = [*grid(numbers(DV), strong=where(2)), *arrows((2,), {2: 520}, 230, 55, 1, {2: 216})]
    return picture(800, 320, parts, "dV with the three places of w2 framed; their arrows go up 3, down 2 and down 1")


def long_matrix():
    parts = []
    for n, (i, j) in enumerate(np.ndindex(4, 3)):
        for k in range(3):
            here = BUCKET[i, j] == k
            words = (signed(SIGN[i, j])[0] + "1") if here else "0"
            parts.append(box(120 + 84 * n, 70 * k, 84, 70, k if here else None, words))
    for k in range(3):
        parts.append(text(100, 70 * k + 35, f"w{k}", "end"))
    return picture(1130, 214, parts, "The transposed matrix S, 3 rows and 12 columns; each column has one entry, plus "
                                     "or minus 1")


def back_column():
    strong = np.ones((4, 1)) * np.arange(3) == 0
    parts = []
    for i in range(4):
        parts.append(text(210, 76 * i + 38, write_number(DELTA[i]), "end"))
    parts += [text(0, 152, "delta", "start"), *grid(numbers(V), 225, 0, strong=strong)]
    products = [float(V[i, 0] * DELTA[i]) for i in range(4)]
    words = " ".join(signed(value) for value in products)
    parts += [stepped(1, text(660, 100, f"da0 = {words}", "start"))]
    parts += [stepped(2, text(738, 170, f"= {write_number(DA[0])}", "start", font_weight="bold"))]
    return picture(1180, 360, parts, "V with its first column framed, and the sum of its products with delta")


def caught():
    found = mistakes()

    def draw(plt, ax):
        order = list(found)[::-1]
        for n, name in enumerate(order):
            error = found[name][0]
            style = {"marker": "o", "color": "C1"} if error > 1e-6 else {"marker": "D", "color": "C2"}
            ax.plot([error], [n], linestyle="", **style)
        ax.axvline(1e-6, color="black")
        ax.set(xscale="log", xlim=(1e-13, 30), ylim=(-0.6, len(order) - 0.4), xlabel="relative error of the gradient")
        ax.set_xticks([1e-12, 1e-6, 1], ["$10^{-12}$", "$10^{-6}$", "1"])
        ax.set_yticks(range(len(order)), order)
        ax.minorticks_off()
        ax.text(2e-6, 0, "this side: caught", va="center")

    return figure(draw, "Dots: four mistakes near 1, the correct one near 10 to the minus 11", (1120, 440))


def not_shared():
    found = mistakes()
    parts = []
    for n, name in enumerate(name for name in found if name != "correct"):
        _, alone = found[name]
        y = 80 * n
        parts.append(text(20, y + 40, name, "start", font_family="DejaVu Sans Mono, Menlo, Consolas, monospace"))
        words = "caught" if alone else "passes the check"
        colour = "#006B4E" if alone else "#B34700"
        parts.append(stepped(1, text(480, y + 40, words, "start", fill=colour, font_weight="bold")))
    return picture(900, 330, parts, "Of four mistakes three pass the check, and one is caught")


def race_table():
    lines = (("reads 5", "", "5"), ("", "reads 5", "5"), ("adds, writes 6", "", "6"), ("", "adds, writes 6", "6"))
    heads = ("thread A", "thread B", "dw[k]")
    lefts = (0, 380, 760)
    parts = []
    for left, head in zip(lefts, heads, strict=True):
        parts.append(text(left + 10, 30, head, "start", font_weight="bold"))
    parts.append(tag("line", x1=0, y1=62, x2=960, y2=62, stroke=INK, stroke_width=3))
    for n, cells in enumerate(lines):
        words = [text(left + 10, 100 + 68 * n, cell, "start") for left, cell in zip(lefts, cells, strict=True) if cell]
        parts.append(stepped(n + 1, *words))
    return picture(960, 345, parts, "A reads 5, B reads 5, A writes 6, B writes 6")


def slides() -> list[Slide]:
    """List the slides in order."""
    return [
        Slide("A hashed layer stores 3 numbers and uses 12", row(table_and_list()),
              "<p>Say what everybody knows: a layer is a matrix V. Here V is never stored. Ask: how many different "
              "numbers are in this matrix, up to sign? Point at two places of w0.</p><p>Color: the real weight. Two "
              "strokes: minus.</p>", 3),
        Slide("Each entry of V copies a real weight, with a sign",
              formula(r"V_{ij} \;=\; w_{h(i,j)}\;\xi(i,j)", points=52)
              + column(paragraph('<span class="strong">h(i, j)</span> says which real weight: the bucket', 1),
                       paragraph('<span class="strong">ξ(i, j)</span> says with which sign: +1 or &minus;1', 2),
                       paragraph("Both come from a hash function; neither is stored.", 3)),
              "<p>Equation 7. Read it aloud with i = 0, j = 1 of the slide before: bucket 1, sign minus.</p>", 2),
        Slide("Vote: w<sub>0</sub> sits in five places. You know the gradient of each. What is the gradient of "
              "w<sub>0</sub>?",
              options(ANSWERS),
              "<p>Everybody writes a letter, then hands up. Write the counts on the board and leave them there; the "
              "answer comes in 15 minutes. Do not comment. Each answer is one line of NumPy, and each is a mistake "
              "that somebody has shipped, except one.</p>", 3, vote=True),
        Slide("Forward: look up, multiply, add",
              formula(r"z_i = \sum_j\; w_{h(i,j)}\;\xi(i,j)\;a_j") + row(first_row()),
              "<p>Equation 8. The first row at the board, with the class saying each product.</p>", 3),
        Slide("Your turn: fill in V, then z", row(your_turn()) + paragraph("Handout, part 1. Four minutes."),
              "<p>They work alone, then compare with a neighbour. One press shows the solution. Usual slip: the sign "
              "of the last entry of row 1.</p>", 5),
        Slide("Backward: first pretend that nothing is shared", formula(r"dV_{ij} \;=\; \delta_i\; a_j")
              + row(outer_product()),
              "<p>Equation 10. The error terms delta come from above; for this example they are given. Twelve free "
              "weights have twelve gradients: an outer product, as in any layer.</p>", 3),
        Slide("When w<sub>0</sub> moves, five places move with it", row(
            indicator(0), formula(r"\dfrac{\partial V_{ij}}{\partial w_0} = \pm 1\;\;\mathrm{or}\;\;0")),
              "<p>Equation 10, second half. Increase w0 by 0.1: which entries change, and in which direction? Two go "
              "down.</p>", 3),
        Slide("The chain rule adds up the five places, with signs",
              formula(r"dw_k \;= \sum_{(i,j)\,:\,h(i,j)=k} \xi(i,j)\;\delta_i\; a_j") + row(five_places()),
              "<p>Equations 11 and 12. Five presses, one for each place; let the class say each number with its sign "
              "before it appears. The third is minus minus six.</p>", 4),
        Slide("Vote again", options(ANSWERS, right=2),
              "<p>Count again, beside the first counts. Then one press. Ask one who changed the answer for the "
              "reason.</p>",
              2, vote=True),
        Slide("Scatter-add: twelve arrows fall into three bars", row(falling_arrows()),
              "<p>The same as an algorithm: one loop over all entries. Twelve presses, one more for the sums; go fast, "
              "then let them do it themselves with the moving picture (lesson 3, on their phones). Parts 2 and 3 of "
              "the handout, with other error terms, come after the deck.</p>", 5),
        Slide("Three places vote, and w<sub>2</sub> stays where it is", row(cancelling()),
              "<p>All three want to move, and their sum is zero. That is the price of sharing in one number. Ask: is "
              "this likelier or less likely with more places?</p>", 2),
        Slide("One fixed matrix S does both",
              row(long_matrix()) + row(paragraph("gather:"), formula(r"V = S\,w"), paragraph("scatter-add:"),
                                       formula(r"dw = S^T\, dV")),
              "<p>Written as a long vector, V is S w. What is drawn is S transposed: each column has exactly one "
              "entry. Everything about the gradient follows from S being fixed.</p>", 2),
        Slide("For the layer below, sharing changes nothing",
              formula(r"da_j = \sum_i\; V_{ij}\;\delta_i") + row(back_column()),
              "<p>Equation 9: down the columns of V, as in any layer. Only the entries of V come from w.</p>", 2),
        Slide("Vote: which line computes dw? (All arrays are flattened.)",
              options([code(line) for line in LINES], right=3),
              "<p>A drops repeated buckets: fancy indexing adds once. B forgets the signs. C divides by the load: a "
              "mean. D is right. Three of the mistakes that lesson 3 plants even train, only more "
              "slowly.</p>", 3, vote=True),
        Slide("A gradient check catches all four mistakes", row(caught()),
              "<p>Lesson 3's check: central differences, a 4 x 4 layer with 3 buckets and both signs, a batch of 5. "
              "The fourth mistake, untransposed, has the wrong da.</p>", 2),
        Slide("Without sharing, the check lets three pass",
              row(not_shared()) + paragraph("A test proves something only if it can fail.", 2),
              "<p>Before the press: same code, same check, but 16 buckets for 16 places and all signs plus. Which are "
              "still caught? Hands up for each.</p>", 2),
        Slide("Two threads, one bucket: 5 + 1 + 1 = 6", row(race_table())
              + paragraph("One addition is lost, and nothing reports it.", 4),
              "<p>If the scatter-add runs in parallel. Then the moving picture of lesson 4: two minutes to find the "
              "two orders of twenty that are right. The cure: each piece of the work adds into a dw of its "
              "own.</p>", 4),
        Slide("Take home", column(paragraph("1. V = S w: sharing is one fixed linear map."),
                                  paragraph("2. Its gradient is a signed sum: dw = S<sup>T</sup> dV.", 1),
                                  paragraph("3. Test it with shared buckets and both signs.", 2), last=True),
              "<p>Let them write one sentence on the handout. Homework: exercises 3.1 to 3.5.</p>", 1),
    ]
