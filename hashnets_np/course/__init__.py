"""What the lessons share: showing figures and small matrices (`show`), and marking exercises (`checks`).

Nothing else in the package imports it.
"""

from . import figures
from .show import draw_map, show_figure, symbol_table

__all__ = ["draw_map", "figures", "show_figure", "symbol_table"]
