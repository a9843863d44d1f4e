"""Reports: our tables and figures beside the paper's, from the records alone."""
