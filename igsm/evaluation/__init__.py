"""Evaluation: cells of the paper's figures, test sets, generation and grading of every step."""
