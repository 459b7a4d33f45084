"""What is wrong is said before torch is imported, in one line, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRESETS = ROOT / "configs"
NANO = f"{PRESETS}/pretrain/nano.yaml"
SHIPPED = f"{ROOT}/igsm/trained/retry"
FINETUNE, PROBE = f"{PRESETS}/finetune/nano/lora.yaml", f"{PRESETS}/probe/nano/version1.yaml"

# Runs each command line in one process; none of them may import torch, or all later ones would have it.
RUNNER = """
import contextlib, io, json, sys
from cli.main import main
found = []
for line in json.loads(sys.argv[1]):
    sys.argv = ["mistakes", *line]
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            main()
        except SystemExit as end:
            found.append([end.code, said.getvalue(), "torch" in sys.modules])
print(json.dumps(found))
"""

CASES: list[tuple[list[str], str]] = [
    # ---- names
    (["pretrain", "nanno"], "nanno: no such file and no preset; did you mean 'nano'"),
    (["pretrain", NANO, "lr=0.1"], "unknown key 'lr'; did you mean 'training.learning_rate'"),
    (["pretrain", NANO, "steps=3"], "unknown key 'steps'; did you mean 'training.steps'"),
    (["pretrain", NANO, "training.batsh=3"], "unknown key 'training.batsh'; did you mean 'batch'"),
    (["pretrain", NANO, "data.path=nowhere"], "nowhere: no such folder of shards"),
    (["pretrain", NANO, "--gpus", "3"], r"training.batch \(16\) must be a multiple of the 3 processes"),
    (["pretrain", NANO, "--gpus", "2", "model.heads=0"], "model.heads"),
    (["pretrain", NANO, "--out", "FILE/run"], "is a file; a folder is needed"),
    (["pretrain", NANO, "--out", "OTHER"], "is not empty and holds no run"),
    (["finetune", FINETUNE, "from=nowhere"], "nowhere: no such run folder"),
    (["finetune", FINETUNE, "from=BASE", "data.problem.difficulty=med"], "trained on another vocabulary"),
    (["probe", PROBE, "from=nowhere"], "nowhere: no such run folder"),
    (["probe", PROBE, "from=BASE", "--generations", "nix.jsonl"], "nix.jsonl: cannot be read"),
    (["eval", "nowhere"], "nowhere: no such run folder"),
    (["eval", "BASE", "--cells", "opp=3"], "unknown cell 'opp=3'; did you mean 'op=3'"),
    (["eval", "BASE", "--cells", "op=60"], "more than a problem of this class can have"),
    (["eval", "BASE", "--decoder", "beem4"], "unknown decoder 'beem4'; did you mean 'beam4'"),
    (["eval", "BASE", "--decoder", "regret-x@nowhere"], "nowhere: no such run folder"),
    (["eval", "BASE", "--decoder", "regret-x@BASE"], "holds a model, not a probe"),
    (["eval", "BASE", "--precision", "fp16"], "--precision fp16: unknown; did you mean 'bf16'"),
    (["eval", "BASE", "--devices", "gpu"], "devices: 'gpu' is none"),
    (["eval", "BASE", "--out", "FILE/table"], "is a file; a folder is needed"),
    (["export", "nowhere", "new"], "nowhere: no such run folder"),
    (["export", "BASE", "OTHER"], "OTHER: exists already"),
    (["export", "BASE", "FILE/new"], "is a file; a folder is needed"),
    (["export", SHIPPED, "new"], "model.qk_norm: .*cannot be exported. The presets lite, med and hard"),
    (["log", "nowhere"], "nowhere: no such run folder"),
    (["log", "BASE"], "holds a model, not a copilot"),
    (["recover", "BASE", "--kinds", "nosuch"], "unknown kind 'nosuch'; known: name only"),
    (["recover", "BASE", "--places", "hlaf"], "unknown place 'hlaf'; did you mean 'half'"),
    (["confidence", "BASE", "--bias", "x"], "--bias x: numbers"),
    (["inject", "FILE", "--out", "x.jsonl", "--to", "labels", "--tokenizer", "nowhere"], "nowhere: no such folder"),
    (["bench", "train", "--difficulty", "hrad"], "--difficulty: 'hrad' is not measured; did you mean 'hard'"),
    (["bench", "train", "--only", "ours"], "--only: 'ours' is not measured; known: ours, compact; "),
    (["bench", "decode", "--decoders", "beem4"], "unknown decoder 'beem4'; did you mean 'beam4'"),
    (["bench", "decode", "--plan", "80", "--decoders", "beem4"], "unknown decoder 'beem4'"),
    (["bench", "decode", "--decoders", "vote8"], "a vote is as fast as its samples"),
    (["bench", "decode", "--run", "nowhere"], "nowhere: no such run folder"),
    (["bench", "decode", "--op", "99"], "more than a problem of this class can have"),
    (["bench", "generate", "--lexicon", "nosuch"], "unknown lexicon 'nosuch'"),
    # ---- numbers
    (["pretrain", NANO, "data.mistakes.kind=retry", "data.mistakes.rate=-0.5"], "rate must be at least 0 and below 1"),
    (["show", "--kind", "retry", "--rate", "1"], "rate must be at least 0 and below 1, not 1"),
    (["inject", "FILE", "--out", "x.jsonl", "--rate", "-0.5"], "--rate must be at least 0 and below 1, not -0.5"),
    (
        ["pretrain", NANO, "training.batch=100000000"],
        r"at least [\d.]+ TB would be needed in memory.*micro_batch smaller",
    ),
    (["pretrain", NANO, "training.batch=100000000", "training.micro_batch=1"], "make training.batch smaller"),
    (["pretrain", NANO, "model.layers=10000000"], r"at least [\d.]+ TB would be needed in memory.*model.layers"),
    (["finetune", FINETUNE, "from=BASE", "training.batch=100000000"], "would be needed in memory"),
    (["probe", PROBE, "from=BASE", "training.batch=100000000"], "would be needed in memory"),
    (["eval", "BASE", "--n", "10000000000", "--batch", "10000000000"], "make --batch smaller"),
    (["gen-data", "--difficulty", "nano", "--tokens", "1e15", "--out", "big"], "2.38 PB would be needed on the disk"),
    (["gen-data", "--difficulty", "nano", "--problems", "1000000000000000", "--out", "t.jsonl"], "on the disk of"),
    # ---- documents that do not fit
    (["pretrain", NANO, "data.problem.difficulty=hard"], "data.context=128: 9.% of .* set data.context=1024"),
    (["finetune", FINETUNE, "from=BASE", "data.context=32"], "data.context=32: 100% of"),
    (
        ["probe", PROBE, "from=BASE", "row_length=64", "problem.difficulty=mini"],
        "row_length=64: .*% of .* set row_length=256",
    ),
    (
        ["gen-data", "--difficulty", "hard", "--context", "128", "--problems", "9", "--out", "h"],
        "--context=128: 9.% of",
    ),
]


@pytest.fixture(scope="module")
def outcomes(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[object]]:
    """Exit code, errors and whether torch had been imported, of every case."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "FILE").write_text("")
    (folder / "OTHER").mkdir()
    (folder / "OTHER" / "notes.txt").write_text("")
    lines = [[word.replace("BASE", str(base)) for word in words] for words, _ in CASES]
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    command = [sys.executable, "-W", "ignore", "-c", RUNNER, json.dumps(lines)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before, "something was left behind"
    found: list[list[object]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{' '.join(words)}"[-60:] for words, _ in CASES])
def test_it_is_said_in_one_line_before_torch_is_imported(outcomes: list[list[object]], number: int) -> None:
    """Guards: a MemoryError of 72 lines, minutes of building, torchrun's page, a bar before the refusal, a message
    after 30 s of importing, and a run folder that keeps the corrected command out."""
    code, said, torch_imported = outcomes[number]
    assert isinstance(said, str)
    assert code == 2
    lines = [line for line in said.splitlines() if not line.startswith("mistakes: compiling")]  # in a fresh checkout
    assert len(lines) == 1, said
    assert re.match(f"mistakes: error: .*{CASES[number][1]}", lines[0]), said
    assert not torch_imported


def test_settings_and_names_need_no_torch() -> None:
    """Guards the modules that the checks are made of."""
    modules = ["training.settings", "training.folder", "model.config", "probing.config", "decoding.decoders"]
    modules += ["evaluation.cells", "preflight.work", "preflight.evaluation", "checkpoints"]
    code = "import sys, importlib\n" + "".join(f"importlib.import_module('igsm.{name}')\n" for name in modules)
    done = subprocess.run(
        [sys.executable, "-c", code + "print('torch' in sys.modules)"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
