"""Results 0, 1 and 7 at nano size, through the commands a person types: pretrain, probe, regret, LoRA, evaluate."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from igsm.rundir import read_json, read_jsonl

CELL = "nano_pq:op<=3 seen"


def mistakes(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "cli.main", *arguments], check=True)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_probe_regret_and_lora(tmp_path: Path) -> None:
    base, probe, control, lora = (str(tmp_path / name) for name in ("base", "probe", "control", "lora"))
    quick = ("training.workers=0", "--tracker", "none")
    mistakes("pretrain", "configs/pretrain/nano.yaml", "training.steps=1000", *quick, "--out", base)
    mistakes("eval", base, "--cells", CELL, "--decoder", "greedy,regret-p", "--n", "200")
    greedy, perfect = (
        read_json(tmp_path / "base" / "eval" / f"{CELL}-{decoder}" / "summary.json")
        for decoder in ("greedy", "regret-p")
    )
    assert greedy["accuracy"] > greedy["always_zero"] + 0.2
    assert perfect["accuracy"] >= greedy["accuracy"]

    own = str(tmp_path / "base" / "eval" / f"{CELL}-greedy" / "generations.jsonl.gz")
    version1 = ("configs/probe/nano/version1.yaml", f"from={base}", "training.steps=400", *quick, "--seen")
    mistakes("probe", *version1, "--out", probe, "--problems", "200", "--generations", own)
    mistakes("probe", *version1, "random_weights=true", "--out", control, "--problems", "200")
    trained, random = (read_json(tmp_path / name / "probe.json")["all"] for name in ("probe", "control"))
    assert trained["area_under_roc"] > random["area_under_roc"] + 0.05
    mistakes("eval", base, "--cells", CELL, "--decoder", f"regret-version1@{probe}", "--n", "200")
    learned = read_json(tmp_path / "base" / "eval" / f"{CELL}-regret-version1" / "summary.json")
    assert learned["accuracy"] > greedy["always_zero"]

    tuning = ("configs/finetune/nano/lora.yaml", f"from={base}", "lora.output_rank=0", "training.steps=300")
    mistakes("finetune", *tuning, *quick, "--out", lora)
    mistakes("eval", lora, "--cells", CELL, "--decoder", "greedy", "--n", "200")
    tuned = read_json(tmp_path / "lora" / "eval" / f"{CELL}-greedy" / "summary.json")
    # Without an update of the output matrix it cannot write BACK: it takes over the mistakes, and not their correction.
    made, before = (summary["first_errors"].get("not computable yet", 0) for summary in (tuned, greedy))
    assert made > before + 20
    losses = [line["loss"] for line in read_jsonl(tmp_path / "lora" / "metrics.jsonl") if "loss" in line]
    assert losses[-1] < 0.6 * losses[0]
