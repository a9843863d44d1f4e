"""Cases that are scripts: several calls on one layer, or on two that must not disturb each other."""

from fractions import Fraction

from known_bugs import is_later

from .inputs import PRECISE, expand, formula, matrix, reachable, values
from .sizes import sums


def weights(layer, label, scale=8):
    """Real weights and biases of a layer of a script."""
    size = {"hashed": layer["bias_buckets"], "dense": layer["n_out"]}.get(layer["bias"])
    return {"w": values("w" + label, layer["buckets"], scale), "b": size and values("b" + label, size, scale)}


class Script:
    """A script as it grows."""

    def __init__(self, label, *layers, same=False):
        self.label = label
        self.layers = [{**layer, **weights(layer, label + str(0 if same else n))} for n, layer in enumerate(layers)]
        self.steps = []

    def array(self, name, batch, width, key):
        return matrix(f"{self.label}{name}{key}", batch, width, 8)

    def forward(self, batch, layer=0, key=None):
        key = len(self.steps) if key is None else key
        a = self.array("a", batch, self.layers[layer]["n_in"], key)
        self.steps.append({"call": "forward", "layer": layer, "a": a})
        return self

    def backward(self, batch, layer=0, key=None, call="backward", **more):
        key = len(self.steps) if key is None else key
        one = self.layers[layer]
        a, dz = self.array("a", batch, one["n_in"], key), self.array("dz", batch, one["n_out"], key)
        self.steps.append({"call": call, "layer": layer, "a": a, "dz": dz, **more})
        return self

    def step(self, batch, layer=0, momentum=Fraction(1, 2), weight_decay=Fraction(0)):
        more = {"lr": Fraction(1, 16), "momentum": momentum, "weight_decay": weight_decay}
        return self.backward(batch, layer, call="step", **more)

    def accumulate(self, batch, layer=0):
        return self.backward(batch, layer, call="accumulate")

    def gather(self, layer=0):
        self.steps.append({"call": "gather", "layer": layer})
        return self

    def scatter_add(self, layer=0):
        one = self.layers[layer]
        dV = self.array("dV", one["n_out"], one["n_in"], len(self.steps))
        self.steps.append({"call": "scatter_add", "layer": layer, "dV": dV})
        return self

    def set_weights(self, layer=0):
        given = weights(self.layers[layer], f"{self.label}set{len(self.steps)}")
        self.steps.append({"call": "set_weights", "layer": layer, **given})
        return self

    def inputs(self, dtype):
        """The inputs, with digits that float32 hasn't where the case is float64."""
        if dtype == "float64":
            for layer in self.layers:
                layer["w"] = [v + PRECISE for v in layer["w"]]
        return {"layers": self.layers, "steps": self.steps}


def add_scripts(book):
    """Make a function that adds scripts to the book."""
    bugs = [bug for bug in book.bugs if is_later(bug)]  # what is wrong in every call shows in the topics before

    def add(comment, script, flags="", dtype="float32", tolerance=None, reused=False):
        more = {"reused": True} if reused else {}
        book.valid(comment, flags, dtype, tolerance, bugs=bugs, **script.inputs(dtype), **more)

    return add


def sequence_cases(book):
    """Add the scripts."""
    add = add_scripts(book)
    repeated_calls(book, add)
    calls_between_new_weights(book, add)
    calls_between_steps(book, add)
    two_layers(book, add)
    middle_size(book)


def one_layer():
    """A layer without a bias."""
    return reachable(5, 4, "1/3", 7)


def biased_layers():
    """A layer for each way to have a bias."""
    return [
        reachable(5, 4, "1/3", 7, "column"),
        reachable(6, 9, "1/4", 3, "hashed"),
        reachable(4, 3, "1/2", 1, "dense"),
    ]


def repeated_calls(book, add):
    """Add forward and backward, one after the other, on inputs and batches of several sizes."""
    plain = one_layer()
    biased = biased_layers()
    book.group("sequences", "script", "several calls on one layer; every result is looked at once more at the end")
    add(
        "forward three times, the same input",
        Script("s1", plain).forward(2, key=0).forward(2, key=0).forward(2, key=0),
        "OutputAccumulated",
    )
    for n, layer in enumerate(biased):
        add(
            f"forward of two inputs, bias {layer['bias']}",
            Script(f"s2{n}", layer).forward(3).forward(3).forward(3, key=0),
            "OutputAccumulated",
        )
    add(
        "batches of several sizes",
        Script("s3", plain).forward(5).forward(1).forward(7).forward(0).forward(5),
        "",
        "float64",
    )
    add(
        "backward of two batches, each on its own",
        Script("s4", plain).backward(2).backward(2).backward(3),
        "GradientAccumulated",
    )
    for n, layer in enumerate(biased):
        add(
            f"backward of two batches, bias {layer['bias']}",
            Script(f"s5{n}", layer).backward(3).backward(3),
            "GradientAccumulated",
        )
    add(
        "forward, forward of another input, then backward of the first",
        Script("s6", plain).forward(3, key="x").forward(3).backward(3, key="x"),
        "InputOfLastForward",
    )
    add(
        "forward and backward in turn, two batches",
        Script("s7", biased[0]).forward(2).backward(4).forward(4).backward(2),
        "",
        "float64",
    )


def calls_between_new_weights(book, add):
    """Add calls before and after the weights are set."""
    book.group("sequences", "script", "the weights are set anew between calls (set_weights)")
    for n, layer in enumerate([one_layer(), *biased_layers()]):
        add(
            f"weights set between two calls, bias {layer['bias']}",
            Script(f"s8{n}", layer)
            .forward(2, key=0)
            .set_weights()
            .forward(2, key=0)
            .backward(2)
            .set_weights()
            .backward(3),
            "StaleWeights",
        )


def calls_between_steps(book, add):
    """Add calls before and after steps of training."""
    book.group("sequences", "script", "steps of training between calls")
    for n, layer in enumerate([one_layer(), *biased_layers()]):
        add(
            f"forward before and after a step, bias {layer['bias']}",
            Script(f"s9{n}", layer).forward(2, key=0).step(3).forward(2, key=0).step(3).forward(2, key=0),
            "StaleWeights",
            "float32",
            1e-5,
        )
    add(
        "a step does not leave its gradients behind",
        Script("s10", one_layer()).step(2).backward(2).step(3).backward(2),
        "",
        "float32",
        1e-5,
    )
    add(
        "gradients, a step, gradients again",
        Script("s11", biased_layers()[1]).backward(2, key=0).step(2).backward(2, key=0),
        "StaleWeights",
        "float64",
    )


def two_layers(book, add):
    """Add calls on two layers in turn."""
    plain = one_layer()
    other = reachable(5, 4, "1/3", 8)
    with_column = biased_layers()[0]
    book.group("sequences", "script", "two layers side by side must not disturb each other")
    add("equal shape, two seeds", Script("s12", plain, other).forward(2).forward(2, 1).forward(2), "MapShared")
    add("equal shape and seed, two sets of weights", Script("s13", plain, plain).forward(2).forward(2, 1).forward(2))
    add(
        "equal shape, two biases", Script("s14", with_column, plain).forward(2).forward(2, 1).backward(2).backward(2, 1)
    )
    add(
        "gradients of two layers in turn",
        Script("s15", plain, other).backward(2).backward(2, 1).backward(2),
        "MapShared GradientAccumulated",
    )
    add(
        "two layers made from one array of weights; a step of one leaves the other alone",
        Script("s16", plain, other, same=True).forward(2, 1, key=0).step(2).forward(2, 1, key=0).forward(2),
        "WeightsShared",
        "float32",
        1e-5,
    )
    add(
        "velocities of two layers",
        Script("s17", plain, other).step(2).step(2, 1).step(2).step(2, 1),
        "",
        "float32",
        1e-5,
    )


def middle_size(book):
    """Add several calls on larger layers."""

    def large(model, operation, x):
        return {name: v and sums(v, 1) for name, v in model.script(**expand(x)).items()}

    book.group("sequences", "script", "several calls at middle size, arrays by formula, answers by sums")
    for layer in (reachable(65, 70, "1/8", 21), reachable(40, 257, "1/16", 22, "hashed")):
        comment = f"{layer['n_out']} x {layer['n_in']}, bias {layer['bias']}"
        book.valid(comment, "", "float32", 0, work=large, bugs=(), **larger_script(layer))


def larger_script(layer):
    """Write a script of two calls of forward and two of backward, with arrays by formula."""
    n_in = layer["n_in"]
    n_out = layer["n_out"]
    size = layer["bias_buckets"]
    w = formula(1, layer["buckets"])
    b = formula(2, size) if size else None
    forward = [{"call": "forward", "layer": 0, "a": formula(10 + s, batch, n_in)} for s, batch in enumerate((40, 3))]
    backward = [
        {"call": "backward", "layer": 0, "a": formula(20 + s, batch, n_in), "dz": formula(30 + s, batch, n_out)}
        for s, batch in enumerate((40, 5))
    ]
    return {"layers": [{**layer, "w": w, "b": b}], "steps": forward + backward}
