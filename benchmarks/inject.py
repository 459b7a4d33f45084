"""Speed and memory of `mistakes inject` on one core: rows of GSM8K's size that are made here.

    python -m benchmarks.inject 20000 --kind weak-checked --to trl --tokenizer FOLDER

Prints rows a minute of processor time, from file to file, and the memory that the process took at its largest.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections import deque
from pathlib import Path

from igsm.seeds import numpy_generator
from igsm.text import KINDS, TARGETS, Injection, convert
from igsm.text.tokens import Tokenizer

NAMES = ("Ada", "Bela", "Carl", "Dora", "Egon", "Fay")
THINGS = ("pencils", "baskets of pears", "tickets", "metres of rope", "jars of honey", "coins")


def row(number: int) -> dict[str, str]:
    """A problem of two to five steps in the form of GSM8K, about as long as its rows (200 to 400 characters)."""
    stream = numpy_generator("benchmark", "inject", number)
    name, thing = NAMES[int(stream.integers(6))], THINGS[int(stream.integers(6))]
    total = int(stream.integers(2, 60))
    question, answer = [f"{name} starts the week with {total} {thing} in the shed behind the old house."], []
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")[: int(stream.integers(2, 6))]:
        more = int(stream.integers(2, 40))
        question.append(f"On {day} {more} more {thing} are brought by a neighbour.")
        answer.append(
            f"After {day} there are {total}+{more} = <<{total}+{more}={total + more}>>{total + more} {thing}."
        )
        total += more
    return {
        "question": " ".join([*question, f"How many {thing} are there then?"]),
        "answer": "\n".join([*answer, f"#### {total}"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int)
    parser.add_argument("--kind", choices=sorted(KINDS), default="weak")
    parser.add_argument("--to", choices=TARGETS, default="jsonl")
    parser.add_argument("--mask", default="none")
    parser.add_argument("--rate", type=float, default=0.2)
    parser.add_argument("--tokenizer", type=Path)
    given = parser.parse_args()
    tokenizer = None if given.tokenizer is None else Tokenizer(given.tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        source, out = (
            Path(folder) / "rows.jsonl",
            Path(folder) / ("out.parquet" if given.to == "parquet" else "out.jsonl"),
        )
        with open(source, "w") as file:
            for number in range(given.rows):
                file.write(json.dumps(row(number)) + "\n")
        start = time.process_time()
        injection = Injection(given.kind, given.rate)
        steps = convert([source], out, injection, target=given.to, mask=given.mask, tokenizer=tokenizer)
        counts = deque(steps, maxlen=1)[0]
        took = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{counts.rows:,} rows, {counts.mistakes:,} mistakes, {given.kind} to {given.to}: "
        f"{counts.rows / took * 60:,.0f} rows a minute of processor time, {memory:,.0f} MB at most"
    )


if __name__ == "__main__":
    main()
