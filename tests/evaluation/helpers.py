"""The class that these tests evaluate on, and one evaluation of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from igsm.corpus.vocabulary import load_vocabulary
from igsm.evaluation import evaluate as evaluation
from igsm.evaluation.runs import LoadedRun
from igsm.problems.difficulty import ProblemConfig

NANO = ProblemConfig(difficulty="nano")
VOCABULARY = load_vocabulary(NANO)


def evaluate(run, cell, decoder, n, seed, **options):
    """`evaluation.evaluate` with a decoder of its own."""
    with run.decoding(decoder, **options) as decoding:
        return evaluation.evaluate(run, cell, decoding, n, seed)


def second_seed(run: LoadedRun, folder: Path) -> Path:
    """A copy of a run with its evaluations: another seed of one way of training, whose numbers are there already."""
    shutil.copy(run.checkpoint / "config.yaml", run.folder.path)
    return shutil.copytree(run.folder.path, folder / "another")
