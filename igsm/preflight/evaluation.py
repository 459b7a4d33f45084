"""What `mistakes eval` can see before it loads a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from igsm.checkpoints import find_stored
from igsm.decoding.decoders.named import NamedDecoder
from igsm.errors import InputError, suggest
from igsm.evaluation.cells import parse_cells
from igsm.preflight.check import check
from igsm.preflight.resources import may_have_gpu
from igsm.preflight.work import evaluation_work
from igsm.training.settings import stored_model

PRECISIONS = ("auto", "bf16", "fp32")


def check_evaluation(
    runs: Iterable[Path],
    cells: str,
    decoders: Sequence[NamedDecoder],
    n: int,
    *,
    batch: int | None,
    context: int | None,
    precision: str,
    devices: Sequence[str] | None,
) -> None:
    """Refuse names of runs, cells, detectors and devices that are not there, and batches that cannot fit.

    The arguments are those of `mistakes eval`.

    Raises:
        InputError: one line on the first of them.
    """
    if precision not in PRECISIONS:
        raise InputError(f"--precision {precision}: unknown{suggest(precision, PRECISIONS)}")
    for device in devices or ():
        if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
            raise InputError(f"devices: '{device}' is none; cpu, cuda or cuda:N is expected")
    for decoder in decoders:
        check_decoder(decoder)
        if batch is not None and batch < decoder.beams:
            raise InputError(f"--batch {batch}: {decoder.name} takes {decoder.beams} rows for one problem")
    rows = max(min(batch or one.beams, n * one.samples * one.beams) for one in decoders)
    for run in runs:
        _, shape, data, _ = stored_model(str(run))
        if data.corpus != "igsm":
            raise InputError(f"{run}: trained on '{data.corpus}'; only runs on igsm problems can be evaluated")
        for cell in parse_cells(cells, data.problem):
            cell.problems(data.problem)
        on_device = may_have_gpu() and set(devices or ["cuda"]) != {"cpu"}  # checked there, once torch is loaded
        check(evaluation_work(shape, run, 0 if on_device else rows, min(context or data.context, data.context)))


def check_decoder(decoder: NamedDecoder) -> None:
    """Refuse a detector or a model beside it that is not there, or is another. Raises InputError."""
    if decoder.detector is not None and decoder.detector.folder is not None:
        _, stored = find_stored(decoder.detector.folder, "probe")
        decoder.check_question(decoder.detector.folder, stored.get("question"))
    if decoder.beside is not None:
        find_stored(decoder.beside.folder, decoder.beside.kind)
