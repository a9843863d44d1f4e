"""What a type checker says about the package's types in somebody else's project."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PROGRAM = """
import numpy as np
import hashnets_np as hn

net = hn.build("hashnet", [4, 8, 3], compression="1/2", activation="tanh")
layer = hn.HashedLinear(4, 3, "1/2", bias="dense")
reveal_type(layer.map.table()[0])
reveal_type(hn.fit(net, np.zeros((3, 4)), [0, 1, 2], epochs=1, validation=0.5))
reveal_type(hn.predict_proba(net, [[0.0, 1.0, 2.0, 3.0]]))
hn.HashedLinear(4, 3, "1/2", bias="rows")
hn.SGD(0.1, schedule="cosin")
hn.HashedLinear(4, 3, compression=[1, 8])
net.sumary()
layer.wieght
hn.fit(net, np.zeros((3, 4)), [0, 1, 2])
"""
EXPECTED = [
    r'note: Revealed type is "numpy.ndarray[', r'note: Revealed type is "hashnets_np.training.History"',
    r'note: Revealed type is "numpy.ndarray[', 'Argument "bias" to "HashedLinear" has incompatible type',
    'Argument "schedule" to "SGD" has incompatible type', 'Argument "compression" to "HashedLinear" has incompatible',
    '"Network" has no attribute "sumary"; maybe "summary"?', '"HashedLinear" has no attribute "wieght"',
    'No overload variant of "fit" matches',
]


def test_the_package_says_that_it_has_types():
    assert (ROOT / "hashnets_np" / "py.typed").exists()


@pytest.mark.slow
def test_a_type_checker_knows_what_the_api_takes_and_returns(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "mypy.ini").write_text("[mypy]\nfollow_imports = silent\nignore_missing_imports = true\n")
    done = subprocess.run([sys.executable, "-m", "mypy", "program.py"], cwd=tmp_path, capture_output=True, text=True,
                          env={"MYPYPATH": str(ROOT), "PATH": ""})
    said = [line for line in done.stdout.splitlines() if ": error:" in line or "Revealed type" in line]
    assert len(said) == len(EXPECTED), done.stdout
    for line, expected in zip(said, EXPECTED, strict=True):
        assert expected in line
