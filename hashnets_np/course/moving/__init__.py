"""Pictures that move without a kernel: SVG and a little JavaScript inside the output of a cell.

Python draws each picture once, from the numbers of the lesson. Where scripts run (JupyterLab, exported HTML, the site)
the script beside it, a file such as `race.js`, makes it move. Where they do not run (GitHub, a mail) the drawing and
its text stay as they are.
"""

from .balls import balls
from .network import network
from .race import race
from .scatter_add import scatter_add

__all__ = ["balls", "network", "race", "scatter_add"]
