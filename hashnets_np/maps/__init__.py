"""Sharing maps: which real weight, and which sign, virtual weight (i, j) uses."""
