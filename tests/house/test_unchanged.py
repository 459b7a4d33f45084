"""What a refactoring must not change: blocks of every kind, the weights of a short run, verdicts.

The values in `unchanged.json` are those of the code before checkpoints kept their vocabulary. A change that is meant
to alter one of them writes the file anew (`python -m tests.house.test_unchanged`) and says why in its commit.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from igsm.corpus.blocks import block
from igsm.corpus.config import DataConfig
from igsm.grading.grade import grade
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig

FILE = Path(__file__).with_name("unchanged.json")
KINDS = ("retry", "retry_weak", "retry_miss", "unnecessary", "wrong_result", "wrong_operand")
PROBLEMS: dict[str, dict[str, Any]] = {
    "nano": {"difficulty": "nano"},
    "mini": {"difficulty": "mini", "kind": "retry", "rate": 0.5},
    "easy": {"difficulty": "easy", "split": "test"},
    "med": {"difficulty": "med"},
    "med qp op=20": {"difficulty": "med", "format": "qp", "op": 20, "split": "test"},
    "med reask": {"difficulty": "med", "op": 20, "split": "test", "reask": "strict"},
    "hard": {"difficulty": "hard"},
    "med half": {"difficulty": "med", "kind": "retry", "rate": 0.5, "error_free_share": 0.5},
    "med weak with current": {"difficulty": "med", "kind": "retry_weak", "rate": 0.5, "include_current": True},
} | {f"med {kind}": {"difficulty": "med", "kind": kind, "rate": 0.5} for kind in KINDS}


def block_digest(name: str) -> str:
    mistakes = {key: value for key, value in PROBLEMS[name].items() if key in MistakeConfig.model_fields}
    problem = {key: value for key, value in PROBLEMS[name].items() if key not in mistakes}
    data = DataConfig(
        problem=ProblemConfig(**problem), mistakes=MistakeConfig(**mistakes), context=1024, windows_per_block=4
    )
    made = block(data, 3)
    return hashlib.sha256(made.tokens.tobytes() + made.roles.tobytes() + made.documents.tobytes()).hexdigest()[:16]


def damaged(text: str, index: int) -> str:
    """The solution with one sentence left out, doubled, moved or changed, by the index."""
    sentences = text.split(". ")
    place = index % len(sentences)
    match index % 5:
        case 0:
            return text
        case 1:
            del sentences[place]
        case 2:
            sentences.insert(place, sentences[place])
        case 3:
            sentences.reverse()
        case 4:
            sentences[place] = sentences[place].replace("= 1", "= 2").replace(" + ", " - ")
    return ". ".join(sentences)


def verdicts_digest(difficulty: str) -> str:
    source = DocumentSource(ProblemConfig(difficulty=difficulty), MistakeConfig(kind="retry", rate=0.3), seed=5)
    found = []
    for index in range(200):
        document = source.document(index)
        verdict = grade(source.problem(index), damaged(document.solution_text, index), f" {document.answer}")
        error = verdict.error and (verdict.error.kind.value, verdict.error.step, verdict.error.start, verdict.error.end)
        extra = (verdict.unnecessary_parameters, verdict.unnecessary_operations)
        found.append([verdict.correct, error, extra, sum(" BACK" in s for s in document.solution_text.split("."))])
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]


def short_run(folder: Path) -> dict[str, float]:
    """Norms of the weights after 3 steps of a nano model, in the order of the model's own names."""
    from igsm.config import load_config
    from igsm.model.checkpoint import load_model
    from igsm.training.config import PretrainConfig
    from igsm.training.distributed import Ranks
    from igsm.training.settings import resolve
    from igsm.training.windows import train_windows

    preset = Path(__file__).resolve().parents[2] / "configs/pretrain/nano.yaml"
    changes = ["steps=3", "warmup_steps=1", "batch=4", "workers=0", "device=cpu", "held_out_windows=0"]
    changes += ["evaluate_problems=0", "compile=off", "precision=float32", "label_masking=step", "optimizer=adamw"]
    overrides = [f"training.{change}" for change in changes]
    overrides += ["data.mistakes.kind=retry", "data.mistakes.rate=0.5", "tracking.mode=disabled"]
    run = resolve(load_config(PretrainConfig, preset, overrides), folder)
    train_windows(run, folder, Ranks(torch.device("cpu")))
    model, _ = load_model(folder)
    return {name: float(weight.double().norm()) for name, weight in model.state_dict().items()}


@pytest.fixture(scope="module")
def before() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text())
    return content


@pytest.mark.parametrize("name", PROBLEMS)
def test_blocks(before: dict[str, Any], name: str) -> None:
    assert block_digest(name) == before["blocks"][name]


@pytest.mark.parametrize("difficulty", ["nano", "med"])
def test_verdicts(before: dict[str, Any], difficulty: str) -> None:
    assert verdicts_digest(difficulty) == before["verdicts"][difficulty]


def test_weights(before: dict[str, Any], tmp_path: Path) -> None:
    """To rounding, which processors do differently."""
    norms = short_run(tmp_path / "run")
    assert norms == pytest.approx(before["weights"], rel=1e-4)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        now = {
            "blocks": {name: block_digest(name) for name in PROBLEMS},
            "verdicts": {difficulty: verdicts_digest(difficulty) for difficulty in ("nano", "med")},
            "weights": short_run(Path(folder) / "run"),
        }
    FILE.write_text(json.dumps(now, indent=2) + "\n")
