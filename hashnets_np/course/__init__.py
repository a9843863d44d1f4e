"""What the lessons share: showing figures and small matrices (`show`), and marking exercises (`checks`).

Nothing else in the package imports it.
"""

from . import figures
from .show import draw_map, show_figure, symbol_table
from .stepping import step_through

__all__ = ["draw_map", "figures", "show_figure", "step_through", "symbol_table"]
