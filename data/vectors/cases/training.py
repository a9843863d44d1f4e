"""Cases of networks: ReLU, dropout, losses and ten steps of SGD."""

from decimal import Decimal
from fractions import Fraction

from .inputs import make_layer, matrix, network, weights_of


def network_cases(book):
    book.group("two-layers", "network", "hashed layers with ReLU between them, seeds derived from the network's seed")
    for label, seed, widths, buckets, biases, batch, flags in [
        ("a", 1, [4, 4, 4], [5, 5], [None, None], 2, "SharedLayerHash SeedAdded ReluMissing"),
        ("b", 1, [5, 4, 3], [7, 4], ["column", "column"], 2, "SharedLayerHash BiasColumnLast"),
        ("c", 0, [5, 6, 3], [7, 4], ["hashed", "hashed"], 2, "SharedLayerHash"),
        ("d", 7, [3, 5, 2], [4, 3], ["dense", "dense"], 3, "ReluGradientMissing"),
        ("e", 2**32 - 1, [4, 5, 5, 5, 2], [6, 8, 8, 3], ["column"] * 4, 2, "SharedLayerHash SeedAdded"),
        ("f", 3, [6, 8, 4], [6, 5], ["column", "dense"], 1, ""),
        ("g", 5, [3, 3], [4], ["column"], 2, ""),
        ("h", 11, [4, 4, 4, 4], [3, 3, 3], [None] * 3, 2, "SharedLayerHash ReluGradientMissing"),
    ]:
        book.valid(
            f"widths {widths}, biases {biases}, seed {seed}",
            flags,
            "float32",
            2e-6,
            **network(label, seed, widths, buckets, biases, batch),
        )
    book.valid("float64", "SharedLayerHash", "float64", **network("i", 1, [4, 4, 4], [5, 5], ["column"] * 2, 2))


def dropout_cases(book):
    book.group("dropout", "network", "inverted dropout with given masks on the input of every layer")
    for label, widths, rate, flags in [
        ("a", [5, 4, 3], Fraction(1, 2), "DropoutNotInverted DropoutMaskInverted DropoutGradientMissing"),
        ("b", [4, 6, 2], Fraction(1, 4), "DropoutNotInverted DropoutGradientMissing"),
        ("c", [6, 3], Fraction(1, 2), ""),
        ("d", [4, 5, 5, 3], Fraction(3, 4), "DropoutNotInverted ReluGradientMissing"),
        ("e", [5, 5, 5], Fraction(1, 2), "DropoutGradientMissing DropoutMaskInverted"),
        ("f", [6, 6, 4], Fraction(1, 8), "DropoutNotInverted"),
    ]:
        n = len(widths) - 1
        book.valid(
            f"widths {widths}, rate {rate}",
            flags,
            "float32",
            2e-6,
            **network("drop" + label, 1, widths, [5] * n, ["column"] * n, 3, masks=True, rate=rate),
        )


def decimals(matrix_):
    """The same numbers as Decimals, exactly."""
    return [[Decimal(v.numerator) / Decimal(v.denominator) for v in row] for row in matrix_]


def soft_targets(label, batch, classes):
    """Rows of probabilities that sum to 1: multiples of 1/64, or of 1/128 or less where the classes are many."""
    out = []
    for row in matrix(label, batch, classes):
        parts = [1 + int(abs(v) * 4) for v in row]
        whole = 64
        while whole < sum(parts):  # or parts[0] would become negative
            whole *= 2
        parts[0] += whole - sum(parts)
        out.append([Decimal(p) / whole for p in parts])
    return out


def loss_cases(book):
    book.group("loss", "loss", "softmax cross-entropy with labels, and its gradient (means over the batch)")
    for dtype in ("float32", "float64"):
        tolerance = 2e-6 if dtype == "float32" else 1e-12
        for batch, classes in ((1, 2), (3, 4), (2, 10)):
            book.valid(
                f"batch {batch}, {classes} classes, {dtype}",
                "LossSummed" if batch > 1 else "",
                dtype,
                tolerance,
                z=decimals(matrix("z", batch, classes, 8)),
                y=[(3 * b + 1) % classes for b in range(batch)],
                soft=None,
                temperature=Decimal(1),
                mix=Decimal(0),
            )
        book.valid(
            f"large logits, {dtype}",
            "UnstableSoftmax",
            dtype,
            tolerance,
            z=decimals([[1000, 998, -1000], [-2000, 0, 900]]),
            y=[1, 2],
            soft=None,
            temperature=Decimal(1),
            mix=Decimal(0),
        )
    book.invalid(
        "label 4 of 4 classes", "RangeUnchecked", "float32", z=matrix("z", 1, 4), y=[4], soft=None, temperature=1, mix=0
    )
    book.invalid("label -1", "RangeUnchecked", "float32", z=matrix("z", 1, 4), y=[-1], soft=None, temperature=1, mix=0)
    book.invalid(
        "2 rows of logits, 3 labels",
        "ShapeUnchecked",
        "float32",
        z=matrix("z", 2, 4),
        y=[0, 1, 2],
        soft=None,
        temperature=1,
        mix=0,
    )


def soft_target_cases(book):
    book.group("soft-targets", "loss", "labels mixed with the soft targets of a teacher (dark knowledge)")
    for dtype in ("float32", "float64"):
        tolerance = 4e-6 if dtype == "float32" else 1e-12
        for batch, classes, temperature, mix, flags in [
            (2, 4, 2, "0.5", "TemperatureIgnored TemperatureNotSquared LossSummed"),
            (3, 4, 4, "0.25", "TemperatureIgnored TemperatureNotSquared MixSwapped"),
            (2, 10, 1, "0.75", "MixSwapped"),
            (1, 3, 8, "1", "TemperatureNotSquared"),
            (2, 4, 2, "0", "MixSwapped"),
        ]:
            book.valid(
                f"temperature {temperature}, mix {mix}, batch {batch}, {dtype}",
                flags,
                dtype,
                tolerance,
                z=decimals(matrix("zs", batch, classes, 8)),
                y=[b % classes for b in range(batch)],
                soft=soft_targets("soft", batch, classes),
                temperature=Decimal(temperature),
                mix=Decimal(mix),
            )


def sgd_cases(book):
    book.group("sgd", "sgd", "ten steps on a quadratic loss: dz = (z - target) / batch, v = mu v + g + wd w, w -= lr v")
    layers = [
        make_layer(4, 3, 5),
        make_layer(4, 3, 5, 7, "column"),
        make_layer(3, 5, 4, 1, "hashed", 2),
        make_layer(3, 4, 6, 2, "dense"),
    ]
    eighth, half = Fraction(1, 8), Fraction(1, 2)
    for layer in layers:
        for lr, momentum, decay, flags in [
            ([eighth / 2] * 10, half, Fraction(0), "MomentumDampened MomentumIgnored MomentumNesterov NotTrained"),
            (
                [eighth / 2] * 10,
                Fraction(7, 8),
                Fraction(1, 16),
                "WeightDecayIgnored WeightDecayDecoupled MomentumDampened",
            ),
            ([eighth / (1 + n) for n in range(10)], half, Fraction(0), "LearningRateInVelocity"),
        ]:
            if any(x.denominator & (x.denominator - 1) for x in lr):  # keep learning rates exact in float32
                lr = [eighth / 2 ** (n // 3) for n in range(10)]
            p = weights_of(layer, "sgd", 8)
            steps = [
                {
                    "a": matrix(f"sgda{n}", 2, layer["n_in"], 8),
                    "target": matrix(f"sgdt{n}", 2, layer["n_out"], 8),
                    "lr": lr[n],
                }
                for n in range(10)
            ]
            for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-12)):
                rates = f"learning rate {lr[0]} to {lr[-1]}, momentum {momentum}, weight decay {decay}"
                book.valid(
                    f"bias {layer['bias']}, {rates}, {dtype}",
                    flags,
                    dtype,
                    tolerance,
                    layer=layer,
                    **p,
                    steps=steps,
                    momentum=momentum,
                    weight_decay=decay,
                )
