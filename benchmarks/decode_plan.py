"""What a GPU would compile, record and keep, said without one: `mistakes bench decode --plan 80`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from cli.terminal import console, print_json
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


def report(
    run: Path | None,
    decoders: list[str],
    layers: int,
    heads: int,
    difficulty: str,
    gigabytes: float,
    as_json: bool = False,
) -> None:
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
    screen = console(stderr=as_json)
    screen.print(
        f"{shape.layers} layers, width {shape.width}, context {context}: weights {weights / 1e9:.2f} GB, a row of the "
        f"cache {each / 1e6:.1f} MB, {gigabytes:g} GB in all. Decoding compiles nothing with torch.compile. Training "
        "compiles one forward and one backward graph for each size of micro-batch."
    )
    table = Table("decoder", "rows", "units", "cache, GB", "left, GB", "graphs", "sizes of units, lengths")
    planned: list[dict[str, Any]] = []
    for name in decoders:
        decoder = parse_decoder(name)
        most = fitting_batch(free, decoder.beams, each)
        units = max(1, most // decoder.beams)
        rows = units * decoder.beams
        cache = (rows + decoder.beams) * each  # one problem's worth is scratch
        sizes, lengths = buckets(units, decoder.beams, context)
        planned.append(
            {"decoder": decoder.name, "rows": rows, "units": units, "cache_bytes": cache, "left_bytes": free - cache}
        )
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
            screen.print(f"{name}: even one problem does not fit; a smaller --context or fewer beams are needed")
    screen.print(table)
    if as_json:
        print_json({"weights_bytes": weights, "row_bytes": each, "context": context, "rows": planned})
