"""Mistakes in solutions, and the documents that they stand in."""
