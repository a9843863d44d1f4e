"""The paper's study: methods and baselines, its data sets, the sweep and the report."""
