"""What a GPU would compile, record and keep, said without one: `mistakes bench decode --plan 80`."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.cache import row_bytes
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.devices import fitting_batch
from igsm.decoding.engine import buckets
from igsm.decoding.run import CONTEXT
from igsm.model import GPT, ModelConfig
from igsm.preflight.estimates import n_weights
from igsm.problems.difficulty import ProblemConfig

BFLOAT16 = torch.bfloat16


def report(run: Path | None, decoders: list[str], layers: int, heads: int, difficulty: str, gigabytes: float) -> None:
    """Print a table: of each decoder its default rows, their cache, and the graphs that a long run may record.

    Args:
        run: a run folder or checkpoint; None: random weights of `layers` and `heads`.
        gigabytes: memory of the GPU, 1e9 bytes each.
    """
    if run is None:
        ids = load_vocabulary(ProblemConfig(difficulty=difficulty)).size
        shape, context = ModelConfig(layers=layers, heads=heads, vocabulary_size=ids), CONTEXT
    else:
        from igsm.training.settings import stored_model

        _, shape, data, _ = stored_model(str(run))
        context = max(CONTEXT, data.context)
    with torch.device("meta"):
        slots = GPT(shape).slots
    # In bfloat16, and the output matrix in float32 beside it.
    weights = 2 * n_weights(shape) + 4 * (shape.vocabulary_size or 0) * shape.width
    each = row_bytes(slots, context, BFLOAT16)
    free = int(gigabytes * 1e9) - weights
    console = Console(highlight=False)
    console.print(
        f"{shape.layers} layers, width {shape.width}, context {context}: weights {weights / 1e9:.2f} GB, a row of the "
        f"cache {each / 1e6:.1f} MB, {gigabytes:g} GB in all. Decoding compiles nothing with torch.compile. Training "
        "compiles one forward and one backward graph for each size of micro-batch."
    )
    table = Table("decoder", "rows", "units", "cache, GB", "left, GB", "graphs", "sizes of units, lengths")
    for name in decoders:
        decoder = parse_decoder(name)
        most = fitting_batch(free, decoder.beams, each)
        units = max(1, most // decoder.beams)
        rows = units * decoder.beams
        cache = (rows + decoder.beams) * each  # one problem's worth is scratch
        sizes, lengths = buckets(units, decoder.beams, context)
        table.add_row(
            decoder.name,
            f"{rows}" + (", lowered" if most < max(256, 64 * decoder.beams) else ""),
            str(units),
            f"{cache / 1e9:.1f}",
            f"{(free - cache) / 1e9:.1f}",
            f"{len(sizes) * len(lengths)}",
            f"{len(sizes)} from {sizes[0]} to {sizes[-1]}, {len(lengths)} to {lengths[-1]}",
        )
        if cache > free:
            console.print(f"{name}: even one problem does not fit; a smaller --context or fewer beams are needed")
    console.print(table)
