"""What the lessons printed: the slides show these numbers, and no others."""

import json
import re
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[1]


def printed(stem: str) -> str:
    """Join everything that the cells of a committed lesson have printed."""
    notebook = json.loads((NOTEBOOKS / f"{stem}.ipynb").read_text(encoding="utf-8"))
    said = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            said.append("".join(output.get("text", "") or output.get("data", {}).get("text/plain", "")))
    return "\n".join(said)


def read(stem: str, pattern: str) -> list[tuple[str, ...]]:
    """Find a pattern in what a lesson printed: the groups of every match. No match is an error."""
    found = [match.groups() for match in re.finditer(pattern, printed(stem))]
    if not found:
        raise ValueError(f"lesson {stem} no longer prints {pattern!r}, from which a slide takes its numbers; "
                         "change the pattern in notebooks/slides")
    return found


def mistakes() -> dict[str, tuple[float, bool]]:
    """Lesson 3: the worst relative error of each backward pass, and whether the check without sharing catches it."""
    number = r"(\d\.\de[-+]\d+)"
    shared = {name: max(float(dw), float(da)) for name, dw, da in
              read("03_gradient_derivation", rf"(?m)^ *(\w+) +{number} +{number}$")}
    alone = {name: how == "caught" for name, how in read("03_gradient_derivation", r"(?m)^ *(\w+) +(passes|caught)$")}
    return {name: (error, alone[name]) for name, error in shared.items()}


def projection() -> dict[str, tuple[float, float, float]]:
    """Lesson 7: by compression, the error when hashed after training, when trained, and the lost share in percent."""
    percent = r"([\d.]+) ?%"
    rows = read("07_why_it_works", rf"(\S+): hashed after training +{percent}, trained +{percent}, lost +{percent}")
    return {c: (float(hashed), float(trained), float(lost)) for c, hashed, trained, lost in rows}


def dense_error() -> float:
    """Lesson 7: the error of the dense network in percent."""
    return float(read("07_why_it_works", r"the dense network: ([\d.]+) % errors")[0][0])


def kernel_noise() -> dict[tuple[int, int], float]:
    """Lesson 7: the relative error of the hashed kernel by width and K."""
    lines = read("07_why_it_works", r"width +(\d+): (K = .+)")
    return {(int(width), int(K)): float(error)
            for width, line in lines for K, error in re.findall(r"K = (\d+): (\d\.\d+)", line)}


def linear_model() -> dict[int, float]:
    """Lesson 7: the error of the linear model on gradients hashed to 260 numbers, by width."""
    (text,) = read("07_why_it_works", r"K = 260: \{([^}]+)\}")[0]
    return {int(width): float(error) for width, error in re.findall(r"(\d+): ([\d.]+)", text)}


def variance() -> dict[str, tuple[float, float, float, float]]:
    """Lesson 7: by compression, the error of one network and of the average of 20, bias and variance."""
    rows = read("07_why_it_works", r"(1/\d+): one network +([\d.]+) %, average of 20 +([\d.]+) %; bias ([\d.]+), "
                r"variance ([\d.]+)")
    return {c: (float(one), float(average), float(bias), float(spread)) for c, one, average, bias, spread in rows}
