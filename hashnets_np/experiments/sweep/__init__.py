"""Sweeps: a grid of training runs, spread over processes or machines, with one durable record for each."""
