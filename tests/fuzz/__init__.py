"""Inputs that nobody wrote by hand, drawn by hypothesis: `make fuzz N=100000`; a few of each run with the tests."""
