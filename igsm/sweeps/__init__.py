"""Sweeps: a figure of the paper as one file, from pretraining to the report."""
