"""The paper's study: methods and baselines, its data sets, the sweep and the report.

Importing it registers what it adds to the core: the layers of the baselines and the data sets of Larochelle et al.
"""

from . import ablations, baselines, larochelle, methods

__all__ = ["ablations", "baselines", "larochelle", "methods"]
