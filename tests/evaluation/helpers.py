"""The class that these tests evaluate on, and one evaluation of it."""

from __future__ import annotations

from igsm.corpus.vocabulary import load_vocabulary
from igsm.evaluation import evaluate as evaluation
from igsm.problems.difficulty import ProblemConfig

NANO = ProblemConfig(difficulty="nano")
VOCABULARY = load_vocabulary(NANO)


def evaluate(run, cell, decoder, n, seed, **options):
    """`evaluation.evaluate` with a decoder of its own."""
    with run.decoding(decoder, **options) as decoding:
        return evaluation.evaluate(run, cell, decoding, n, seed)
