"""Run folders as the training and evaluation rooms write them, with made-up numbers."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

MakeRun = Callable[..., Path]


def write_evaluation(
    run: Path, cell: str, decoder: str, n: int, accuracy: float, retries: float, seed: int = 1
) -> None:
    """One evaluation folder: summary.json, verdicts.jsonl, generations.jsonl.gz."""
    folder = run / "eval" / f"{cell}-{decoder}"
    folder.mkdir(parents=True)
    numbers = random.Random(f"{run.name} {cell} {decoder}")
    difficulty = random.Random(cell)  # the same problems are hard for every run
    verdicts, texts = [], []
    for index in range(n):
        correct = 0.5 * difficulty.random() + 0.5 * numbers.random() < accuracy
        taken_back = int(numbers.random() < retries)
        error = None
        if not correct:
            kind = numbers.choice(["not computable yet", "wrong arithmetic"])
            error = {"kind": kind, "step": 2, "sentence": "", "start": 0, "end": 0, "message": ""}
        verdicts.append(
            {
                "index": index,
                "correct": correct,
                "error": error,
                "taken_back": taken_back,
                "unnecessary_parameters": 0,
                "unnecessary_operations": int(index % 50 == 0),
                "true_answer": int(index % 12 != 0),
                "generated_tokens": 90 + 8 * taken_back,
            }
        )
        text = " Define Red Barn's Cow as a; so a = 4."
        text += " Define Green Barn's <Hen> as BACK." if taken_back else ""
        texts.append(text + " Define Red Barn's Hen as b; so b = 3 + a = 3 + 4 = 7.")
    summary = {
        "cell": cell,
        "decoder": decoder,
        "n": n,
        "seed": seed,
        "checkpoint": "step_100",
        "provenance": {"git": {"commit": "fedcba9876543210", "changed": True}},
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "verdicts.jsonl").write_text("".join(json.dumps(verdict) + "\n" for verdict in verdicts))
    with gzip.open(folder / "generations.jsonl.gz", "wt") as file:
        for index, text in enumerate(texts):
            file.write(json.dumps({"index": index, "problem": "The number of ...", "text": text}) + "\n")


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes a run folder; ``cells`` maps a cell to its accuracy."""

    def make(
        name: str,
        cells: dict[str, float],
        *,
        kind: str = "none",
        rate: float = 0.0,
        seed: int = 1,
        n: int = 400,
        decoders: tuple[str, ...] = ("greedy",),
    ) -> Path:
        run = tmp_path / name
        run.mkdir(parents=True)
        config = {
            "seed": seed,
            "data": {"problem": {"difficulty": "med"}, "mistakes": {"kind": kind, "rate": rate}, "seed": seed},
            "training": {"label_masking": "none"},
        }
        (run / "config.yaml").write_text(yaml.safe_dump(config))
        (run / "provenance.json").write_text(
            json.dumps({"command": ["mistakes", "pretrain"], "git": {"commit": "0123456789abcdef", "changed": False}})
        )
        with open(run / "metrics.jsonl", "w") as file:
            for step in range(0, 101, 10):
                record = {
                    "step": step,
                    "loss": 3.0 / (1 + step / 10),
                    "accuracy": step / 100,
                    "tokens": step * 100,
                }
                file.write(json.dumps(record) + "\n")
        (run / "DONE").write_text("")
        for cell, accuracy in cells.items():
            for decoder in decoders:
                write_evaluation(run, cell, decoder, n, accuracy, rate)
        return run

    return make
