"""The deck of lessons 1, 7 and 8: why it works, and how far down. Its numbers come from the lessons and the records."""

from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
from lessons import dense_error, kernel_noise, linear_model, projection, variance
from parts import Slide, column, figure, formula, options, paragraph, picture, row, stepped, text

import hashnets_np as hn
from hashnets_np.course.moving.picture import INK, colour_of, tag
from hashnets_np.datasets.data_files import package_file
from hashnets_np.experiments.report.claims import claims
from hashnets_np.experiments.report.results import Findings, paper_figures, paper_tables, results
from hashnets_np.experiments.report.verdicts import CANNOT_TELL, NOT_SUPPORTED, SUPPORTED, ratio

COMPRESSIONS = ("1", "1/2", "1/4", "1/8", "1/16", "1/32", "1/64")
METHODS = {"hashnet": "HashNet", "nn": "NN", "rer": "RER", "lrd": "LRD"}


@cache
def found() -> Findings:
    """Read our runs from the records."""
    return results(package_file("records"))


def two_sizes():
    dense = 1000 * 785 + 10 * 1001
    stored = hn.bucket_count("1/64", 1000 * 785) + hn.bucket_count("1/64", 10 * 1001)
    length = 1100
    parts = [
        text(0, 30, f"dense: {dense:,} numbers", "start"),
        tag("rect", x=0, y=60, width=length, height=90, fill=colour_of(1)),
        text(0, 210, f"HashedNet at 1/64: {stored:,} numbers", "start"),
        tag("rect", x=0, y=240, width=length * stored / dense, height=90, fill=colour_of(0)),
    ]
    return picture(length, 340, parts, f"Two bars: {dense:,} numbers and {stored:,} numbers")


def against_compression(ax, xs=COMPRESSIONS):
    """Give a figure the usual axis: compression, strong on the left."""
    ax.set(xscale="log", xlabel="compression")
    shown = ("1/64", "1/16", "1/4", "1") if len(xs) > 4 else xs
    ax.set_xticks([float(Fraction(c)) for c in shown], shown)
    ax.minorticks_off()


def hashed_or_trained():
    rows = projection()

    def draw(plt, ax):
        x = [float(Fraction(c)) for c in rows]
        ax.plot(x, [hashed for hashed, _, _ in rows.values()], color="C0")
        ax.plot(x, [trained for _, trained, _ in rows.values()], color="C1")
        ax.text(1 / 60, 70, "hashed after training", color="C0")
        ax.text(1 / 60, 22, "trained through the hash", color="#B34700")
        ax.set(ylabel="test error (%)", ylim=(0, 100), yticks=[0, 50, 100])
        against_compression(ax)

    hashed, trained, _ = zip(*rows.values(), strict=True)
    return figure(draw, f"Error against compression, from 1 to 1/64: hashed after training it climbs to "
                        f"{hashed[-1]:.0f} percent, trained it stays between {min(trained):.0f} and "
                        f"{max(trained):.0f}", (1120, 480))


def lost_share():
    rows = projection()

    def draw(plt, ax):
        grid = np.geomspace(1 / 64, 1, 100)
        ax.plot(grid, 100 * (1 - grid * (1 - np.exp(-1 / grid))), marker="", color="C1", linestyle="-")
        x = [float(Fraction(c)) for c in rows]
        ax.plot(x, [lost for _, _, lost in rows.values()], linestyle="", color="C0", marker="o")
        ax.set(ylabel="lost (%)", ylim=(0, 105), yticks=[0, 50, 100])
        against_compression(ax)

    return figure(draw, "The lost share of V against compression: measured points lie on the formula", (1120, 370))


def plane():
    parts = [
        tag("path", d="M40 330L330 130L1080 130L790 330z", fill=colour_of(0), fill_opacity=0.18, stroke=colour_of(0),
            stroke_width=4),
        text(430, 300, "all V = S w", fill="#00426B"),
        tag("circle", cx=300, cy=50, r=16, fill=colour_of(1)),
        text(330, 50, "the dense network", "start"),
        tag("line", x1=300, y1=70, x2=300, y2=225, stroke=INK, stroke_width=4, stroke_dasharray="12 8"),
        tag("circle", cx=300, cy=232, r=12, fill=INK),
        text(330, 215, "its hash", "start"),
        stepped(1, tag("path", d="M590 160m-18 -14h36l-18 34z", fill=colour_of(2)),
                text(622, 165, "what training finds", "start")),
    ]
    return picture(1080, 350, parts, "A plane of all hashed matrices; the dense network lies far above it, and "
                                     "training finds another point in it")


def histogram():
    data = hn.load_dataset("digits")
    x, y = data.x_train[0].astype(float), data.x_train[10].astype(float)
    m = hn.SharingMap(4000, 64, buckets=16, seed=1)
    pair = np.stack([x, y])
    values = [np.prod(hn.feature_hash(pair, m, i), axis=0).sum() for i in range(4000)]

    def draw(plt, ax):
        ax.hist(values, 40, color="C0", alpha=0.75)
        ax.axvline(x @ y, color="black")
        ax.text(19, ax.get_ylim()[1] * 0.8, f"line, exact: {x @ y:.1f}")
        ax.text(19, ax.get_ylim()[1] * 0.6, f"bars, mean: {np.mean(values):.1f}", color="#00426B")
        ax.set(xlabel="inner product of two hashed digits", ylabel="hash functions", yticks=[])

    return figure(draw, "A histogram of hashed inner products with the exact one in its middle", (1120, 410))


def noise_against_K():
    noise = kernel_noise()

    def draw(plt, ax):
        for width, style in ((64, "C0"), (256, "C1"), (1024, "C2")):
            cells = sorted((K, error) for w, K, error in ((*key, value) for key, value in noise.items()) if w == width)
            ax.plot(*zip(*cells, strict=True), color=style, label=f"width {width}")
        Ks = np.array([64, 4096])
        ax.plot(Ks, 2 / np.sqrt(Ks), color="black", marker="", linestyle="-", label="2 / √K")
        ax.set(xscale="log", yscale="log", xlabel="real weights K", ylabel="relative error")
        ax.set_xticks([64, 256, 1024, 4096], ["64", "256", "1024", "4096"])
        ax.set_yticks([0.03, 0.1, 0.3], ["3 %", "10 %", "30 %"])
        ax.minorticks_off()
        ax.legend(loc="lower left", handlelength=1.5, labelspacing=0.2)

    return figure(draw, "Relative error of the kernel against K: three widths lie on the line 2 over root "
                        "K", (1120, 490))


def falls_and_stays():
    errors = linear_model()

    def draw(plt, ax):
        ax.plot(list(errors), list(errors.values()), color="C0")
        ax.set(xscale="log", xlabel="virtual width, 260 numbers stored", ylabel="test error (%)", ylim=(0, 32))
        ax.set_xticks(list(errors), list(map(str, errors)))
        ax.minorticks_off()

    return figure(draw, "Error of the linear model on hashed gradients against width: it falls until 16 and then "
                        "stays", (1120, 430))


def curves():
    def draw(plt, ax):
        runs = found().of_row([("mnist", method, 3, c) for method, c in product(METHODS, COMPRESSIONS)])
        for method, name in METHODS.items():
            errors = {c: runs["mnist", method, 3, c].mean for c in COMPRESSIONS}
            ax.plot([float(Fraction(c)) for c in errors], list(errors.values()), label=name)
        ax.legend(labelspacing=0.2)
        ax.set(yscale="log", ylabel="test error (%)")
        ax.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
        ax.minorticks_off()
        against_compression(ax)

    return figure(draw, "MNIST, three layers: error against compression; HashNet rises least towards 1/64", (1120, 490))


def all_ratios():
    """The error of HashNet over that of NN in the 32 cells of the tables, with intervals by the rule of lesson 8."""
    datasets = sorted({dataset for dataset, *_ in paper_tables()})
    cells = [(d, layers, c) for c in ("1/8", "1/64") for layers in (3, 5) for d in datasets]
    pairs = {cell: found().together(*((cell[0], method, *cell[1:]) for method in ("hashnet", "nn"))) for cell in cells}
    return {cell: ratio(*pair) for cell, pair in pairs.items() if pair}


def ratio_dots():
    rows = sorted(all_ratios().items(), key=lambda item: item[1][1])

    def draw(plt, ax):
        for n, ((_, _, c), (low, middle, high)) in enumerate(rows):
            style = {"color": "C0", "marker": "o"} if c == "1/64" else {"color": "C1", "marker": "s"}
            interval = [[middle - low], [high - middle]]
            ax.errorbar(n, middle, interval, linestyle="", markersize=11, elinewidth=3, **style)
        ax.axhline(1, color="black", marker="")
        ax.set(ylabel="HashNet / NN", xticks=[], xlabel="8 data sets, 3 and 5 "
                                                        "layers", yticks=[0.5, 0.75, 1, 1.25], ylim=(0.4, 1.35))
        ax.text(0, 1.14, "circles: 1/64", color="C0")
        ax.text(12, 1.14, "squares: 1/8", color="#B34700")

    return figure(draw, "Sorted ratios with intervals: most at 1/64 lie below 1, many at 1/8 touch it", (1120, 440))


def stacked_parts():
    rows = variance()

    def draw(plt, ax):
        names = list(rows)
        bias = [rows[c][2] for c in names]
        spread = [rows[c][3] for c in names]
        ax.barh(names, bias, 0.6, color="C1")
        ax.barh(names, spread, 0.6, left=bias, color="C0", alpha=0.75)
        for n in range(len(names)):
            ax.text(bias[n] / 2, n, "bias", ha="center", va="center")
            room = "variance" if spread[n] > 0.08 else ""
            ax.text(bias[n] + spread[n] / 2, n, room, ha="center", va="center")
        ax.set(xlabel="mean squared error", ylabel="compression", xticks=[0, 0.1, 0.2, 0.3])
        ax.grid(axis="y", visible=False)

    return figure(draw, "Stacked bars of bias and variance at 1/8 and 1/64: the variance grows most", (1120, 350))


def verdict(start):
    """Give the verdict of a claim that begins like this, as lesson 8 gives it."""
    (row_found,) = [claim for claim in claims(found()) if claim.words.startswith(start)]
    return row_found.verdict


def verdict_lines():
    judged = {
        "1/64, 3 layers: below NN": verdict("At 1/64, 3 layers: HashNet is below the equal-size NN"),
        "1/64, 5 layers: below NN": verdict("At 1/64, 5 layers: HashNet is below the equal-size NN"),
        "Dark knowledge helps HashNets": verdict("Dark knowledge makes HashNets better"),
        "Inflation beats dense, 3 layers": verdict("Inflated 8 times, 3 layers: HashNet beats"),
        "Inflation beats dense, 5 layers": verdict("Inflated 16 times, 5 layers: HashNet beats"),
    }
    colours = {SUPPORTED: "#006B4E", CANNOT_TELL: "#6B5000", NOT_SUPPORTED: "#B34700"}
    parts = []
    for n, (claim, said) in enumerate(judged.items()):
        parts.append(text(0, 40 + 76 * n, claim, "start"))
        words = text(740, 40 + 76 * n, said, "start", font_weight="bold", fill=colours[said])
        parts.append(stepped(n + 1, words))
    return picture(1120, 390, parts, "; ".join(f"{claim}: {said}" for claim, said in judged.items()))


def percents():
    """Figure 4: by how much inflating lowers the error with 3 layers: against HashNet, against dense, and ours."""
    paper = {cell: error for (_, cell), error in paper_figures().items()}
    against_itself = 1 - paper["mnist", "hashnet", 3, "x8"] / paper["mnist", "hashnet", 3, "x1"]
    against_dense = 1 - paper["mnist", "hashnet", 3, "x8"] / paper["mnist", "nn", 3, "x1"]
    inflated, dense = found().together(("mnist", "hashnet", 3, "x8"), ("mnist", "nn", 3, "x1"))
    ours = 1 - inflated.mean / dense.mean
    return against_itself, against_dense, ours


def gain_bars():
    names = ("paper, against HashNet x 1", "paper, against dense", "our runs, against dense")
    parts = []
    for n, (name, gain) in enumerate(zip(names, percents(), strict=True)):
        y = 125 * n
        words = text(0, y + 26, name, "start")
        bar = tag("rect", x=0, y=y + 54, width=1800 * gain, height=50, fill=colour_of(n))
        percent = text(1800 * gain + 18, y + 79, f"{100 * gain:.0f} %", "start", font_weight="bold")
        parts.append(stepped(n, words, bar, percent))
    return picture(1120, 370, parts, "Bars of the gain: 45 percent against HashNet, 30 against dense, in our runs less")


def slides() -> list[Slide]:
    """List the slides in order."""
    rows = projection()
    hashed, trained, _ = rows["1/8"]
    dense = dense_error()
    ratios = all_ratios().values()
    surely = sum(high < 1 for _, _, high in ratios)
    above = sum(low > 1 for low, _, _ in ratios)
    one, average, _, _ = variance()["1/64"]
    return [
        Slide("A HashedNet at 1/64 still reads digits. Why?", row(two_sizes()),
              "<p>The paper's network for digits, 784-1000-10, at its strongest compression. Half a bit for each "
              "weight. Collect explanations from the class; somebody will say: most weights are redundant. Write it "
              "down.</p>", 3),
        Slide(f"Vote: hash a trained dense network at 1/8. Its error of {dense:.1f} % becomes …",
              options(("about 8 %", "about 20 %", "about 80 %")),
              "<p>Each real weight becomes the mean of the weights in its bucket, the best that any w can do. Count "
              "the hands.</p>", 2, vote=True),
        Slide(f"It is C: {hashed:.0f} %. Trained through the same hash: {trained:.0f} %", row(hashed_or_trained()),
              f"<p>Digits, 64-256-10, means of two map seeds (lesson 7). Dense: {dense:.1f} %. So the explanation on "
              "the board is wrong: a HashedNet is no copy of a dense network.</p>", 3),
        Slide("What is lost can be said beforehand",
              formula(r"\mathrm{lost} = 1 - c\,(1 - e^{-1/c})") + row(lost_share()),
              "<p>All matrices of a map form a flat subspace with one dimension for each used real weight. A matrix "
              "that does not know of it keeps just its share. At 1/8: 87.5 % are lost, whatever was learned.</p>", 2),
        Slide("Training finds another good network, in the plane", row(plane()),
              "<p>A sketch, not data. The question is now: why can training find a good point there?</p>", 2),
        Slide("The gradient of w is the dense one, feature-hashed",
              formula(r"\varphi_k(x) = \sum_{h(j)=k} \xi(j)\,x_j")
              + formula(r"dw_k = \sum_{h(i,j)=k} \xi(i,j)\,dV_{ij}", step=1)
              + paragraph("One formula: lesson 1's features, lesson 3's scatter-add.", 2),
              "<p>Before the press, ask what comes next; the press uncovers the second line. Ask what it reminds them "
              "of. This is the one idea of the lecture.</p>", 3),
        Slide("Hashed inner products are right on average", row(histogram()),
              "<p>Two zeros of the digits, 64 numbers hashed to 16, 4000 hash functions with signs (lesson 1). A step "
              "of learning on one image changes another image's output by an inner product of gradients. So each step "
              "is the dense step, plus noise.</p>", 3),
        Slide("Vote: make the layer 16 times wider and keep K. The relative noise …",
              options(("grows", "stays", "falls")),
              "<p>Each real weight now serves 16 times as many places. Most will say: it grows.</p>", 2, vote=True),
        Slide("It is B: the noise depends on K, not on the width", row(noise_against_K()),
              "<p>Inner products of gradients of 20 digits, four map seeds (lesson 7). One line for three widths: two "
              "over root K. K is what is stored.</p>", 3),
        Slide("A wider virtual layer helps, until only noise is left", row(falls_and_stays()),
              "<p>A linear model on hashed gradients; no network is trained. Let them sketch the curve first: what "
              "does width do, what does noise do? This is the shape of the paper's Figure 4.</p>", 3),
        Slide("On MNIST, HashNet rises last (our runs)", row(curves()),
              "<p>Before this slide: handout, sketch four curves. Three layers; RER: random edges removed; LRD: low "
              "rank; NN: narrower. From the records: one seed (0), or the mean of three where there are three; under "
              "protocol 1 these are HashNet and NN at 1/8 and 1/64.</p>", 4),
        Slide("Vote: HashNet against NN, 32 comparisons. How many are surely below 1?",
              options(("all 32", "about 20", "about 10")),
              "<p>Eight data sets, 3 and 5 layers, 1/8 and 1/64. Surely: the interval of lesson 8 lies below 1; it "
              "is two standard errors to either side, more with few seeds.</p>",
              2, vote=True),
        Slide(f"It is B: surely better in {surely} of 32, surely worse in {above}", row(ratio_dots()),
              "<p>The large gains are at 1/64 with three layers. The luck of the search for hyper-parameters is in no "
              "interval.</p>", 3),
        Slide("“Nearly 50 %” by inflation: ask, compared with what?", row(gain_bars()),
              "<p>MNIST, 3 layers, storage of 50 hidden units, inflated 8 times. A HashNet without inflation is a poor "
              "start: a third of its weights is never used.</p>", 2),
        Slide("What compression costs is mostly variance", row(stacked_parts())
              + paragraph(f"At 1/64 one network gets {one:.1f} % wrong, the average of 20 gets {average:.1f} %.", 1),
              "<p>Networks that differ in the hash seed only (and the weights that come from it), digits, lesson 7. "
              "The average stores twenty times as much; it is an explanation, not a method.</p>", 2),
        Slide("How sure are we? Five claims, one rule", row(verdict_lines()),
              "<p>Predict each verdict before its press. The rule of lesson 8: supported if more than half of the "
              "comparisons are surely as claimed and no more are surely the other way than chance would produce. “Not "
              "supported” is not “refuted”.</p>", 3),
        Slide("Take home", column(paragraph("1. Never hash a trained network. Train through the hash."),
                                  paragraph("2. The scatter-add is feature hashing: right on average.", 1),
                                  paragraph("3. Noise is 2 / √K: widen the virtual layer, not the store.", 2),
                                  paragraph("4. First try a narrow dense network, tuned as hard.", 3), last=True),
              "<p>Quiz: ten questions.</p>", 1),
    ]
