"""Stands in for the command `mistakes`: writes the files that the real stages write, at once (no import of torch)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(stage: str, first: str, *rest: str) -> None:
    calls = os.environ.get("FAKE_CALLS")
    if calls:
        with open(calls, "a") as file:
            processes = rest[rest.index("--gpus") + 1] if "--gpus" in rest else "1"
            file.write(f"{stage} {first} processes={processes} gpu={os.environ.get('CUDA_VISIBLE_DEVICES')}\n")
    if stage == "eval":
        options = dict(zip(rest[::2], rest[1::2], strict=True))
        for cell in options["--cells"].split(","):
            folder = Path(first) / "eval" / f"{cell}-{options['--decoder']}"
            folder.mkdir(parents=True)
            summary = {"cell": cell, "decoder": options["--decoder"], "n": int(options["--n"]), "correct": 3}
            (folder / "summary.json").write_text(json.dumps(summary | {"seed": int(options["--seed"])}))
        return
    out = Path(rest[rest.index("--out") + 1])
    if "training.learning_rate=0.666" in rest:
        print("mistakes: error: loss is not finite\nfake:   0%|    | 0/12", flush=True)
        sys.exit(3)
    if "training.learning_rate=0.75" in rest:
        sys.exit(75)
    out.mkdir(parents=True)
    # Resolving settings takes seconds (torch is imported): the test has left them here.
    (out / "config.yaml").write_text((out.parent.parent / "settings" / out.name).read_text())
    (out / "DONE").write_text("")


if __name__ == "__main__":
    main(*sys.argv[1:])
