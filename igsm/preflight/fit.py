"""Whether documents fit into windows, and a run's length to the model that it starts from."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from igsm.checkpoints import CONFIG, find_checkpoint
from igsm.config import load_stored
from igsm.corpus.blocks import block
from igsm.corpus.config import DataConfig
from igsm.corpus.manifest import LEFT_OUT_REFUSED, LEFT_OUT_WARNED, check_law, read_manifest
from igsm.corpus.vocabulary import END
from igsm.errors import InputError
from igsm.problems.difficulty import DIFFICULTIES
from igsm.training.config import RunConfig

_TIMES_THE_START = 5
"""How many times the tokens of its start a run reads without a warning; the paper's read them once again at most."""
_SAMPLE = {"context": 65536, "windows_per_block": 2, "path": None}
_SLOW_SAMPLE = {"context": 16384, "windows_per_block": 1, "path": None}
"""Problems of exactly so many operations may take seconds each, and have much the same length."""


def check_fit(data: DataConfig, setting: str = "data.context") -> str | None:
    """A warning if more than 5 % of the documents are longer than a window.

    The share is that of a few hundred documents made for this, or of the whole corpus if it lies on disk.

    Raises:
        InputError: half of them or more are, or the corpus on disk is not that of the config.
    """
    if data.path is not None:
        manifest = read_manifest(data.path)
        check_law(data.path, manifest, data)
        left_out, n, longest = manifest.dropped, manifest.documents + manifest.dropped, ""
    else:
        lengths = document_lengths(data)
        left_out, n = int((lengths > data.context).sum()), len(lengths)
        longest = f"; the longest has {lengths.max():,} tokens" if n else ""
    share = left_out / max(1, n)
    if share < LEFT_OUT_WARNED:
        return None
    said = f"{setting}={data.context}: {share:.0%} of {n:,} documents are longer and are left out{longest}"
    wanted = data.problem.problem_class.context
    if wanted > data.context:
        said += f"; set {setting}={wanted}, which '{data.problem.difficulty}' was made for"
        fitting = [name for name, law in DIFFICULTIES.items() if law.context <= data.context]
        said += f", or difficulty {fitting[-1]}" if fitting else ""
    else:
        said += f"; set a larger {setting}"
    if share < LEFT_OUT_REFUSED:
        return said
    raise InputError(said)


def reads_too_much(config: RunConfig) -> str | None:
    """A warning where a run reads far more tokens than the one that it starts from: its preset is for another size."""
    if config.start is None:
        return None
    before = load_stored(find_checkpoint(config.start) / CONFIG)
    training, data = before.get("training") or {}, before.get("data") or {}
    there = training.get("steps", 0) * training.get("batch", 0) * data.get("context", 0)
    tokens = config.training.steps * config.training.batch * config.rows.context
    if not there or tokens <= _TIMES_THE_START * there:
        return None
    return (
        f"this reads {tokens / there:,.0f} times the tokens of {config.start}; is the preset made for larger models? "
        "Smaller ones are in nano/ and lite/"
    )


@lru_cache(maxsize=1)
def document_lengths(data: DataConfig) -> np.ndarray:
    """Tokens of the first few hundred documents of the data, long ones too: int64 [n]."""
    made = block(data.model_copy(update=_SAMPLE if data.problem.op is None else _SLOW_SAMPLE), 0)
    starts = made.documents.astype(np.int64)
    ends = np.concatenate([starts[1:], [made.tokens.size]])
    whole = made.tokens.reshape(-1)[ends - 1] == END
    return (ends - starts)[whole]
