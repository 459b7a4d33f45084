"""The methods: what each says of itself, how a config holds one, and that the data does not need torch for it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from cli.main import build
from igsm.config import load_config
from igsm.corpus.config import DataConfig
from igsm.corpus.manifest import law_of
from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.loop import Request
from igsm.errors import InputError
from igsm.evaluation.evaluate import generation_accuracy
from igsm.evaluation.runs import LoadedRun, load_run
from igsm.methods.method import Method
from igsm.methods.registry import METHODS, make_method
from igsm.model import GPT, ModelConfig
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource
from igsm.training.config import FinetuneConfig, PretrainConfig
from igsm.training.distributed import Ranks
from igsm.training.settings import resolve
from tests.training.toy_training import metrics, train_config

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
PRESETS = sorted((CONFIGS / "methods").glob("*.yaml"))


def test_every_method_says_what_it_is_and_has_a_preset_and_a_test() -> None:
    result = CliRunner().invoke(build(["methods"]), ["methods"])
    assert result.exit_code == 0
    for name, method in METHODS.items():
        assert method().name == name
        assert re.search(rf"^{name} +\S", result.output, re.MULTILINE)
        for text in (method.line, method.source):
            assert text in " ".join(result.output.split())
        assert method.line.endswith(".")
    assert {path.stem for path in PRESETS} == METHODS.keys() - {"retry"}
    assert {path.stem for path in Path(__file__).parent.glob("test_*.py")} >= {f"test_{name}" for name in METHODS}


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_names_its_method_and_is_complete(path: Path) -> None:
    config = resolve(load_config(PretrainConfig, path)).config
    assert config.data.method.name == path.stem
    assert config.data.context >= config.data.problem.problem_class.context


TINY = ["model.layers=1", "model.heads=1", "data.problem.difficulty=nano", "data.context=384", "training.steps=2"]
TINY += ["data.windows_per_block=4", "training.batch=4", "training.warmup_steps=1", "training.held_out_windows=4"]
TINY += ["training.device=cpu", "training.compile=off", "training.precision=float32", "tracking.mode=disabled"]
TINY += ["training.log_every=1", "training.evaluate_every=2", "training.evaluate_problems=0"]


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_trains_measures_and_decodes(path: Path, tmp_path: Path) -> None:
    """Guards: marks without ids, in documents or in the prompt; a batch that the objective cannot take."""
    train_config(load_config(PretrainConfig, path, TINY), tmp_path / "run", Ranks(torch.device("cpu")))
    lines = metrics(tmp_path / "run")
    losses = [line["loss"] for line in lines if "loss" in line]
    assert len(losses) == 2
    assert all(1.0 < loss < 20.0 for loss in losses)
    run = load_run(tmp_path / "run")
    assert 0 <= generation_accuracy(run.model, run.data, run.vocabulary, 2)["generation_accuracy"] <= 1
    config = load_config(PretrainConfig, path, TINY).model_dump(include={"seed", "data", "training", "tracking"})
    plain = load_config(PretrainConfig, path, [*TINY, "data.method={name: retry}", "data.mistakes={kind: none}"])
    train_config(plain, tmp_path / "plain", Ranks(torch.device("cpu")))
    tuning = FinetuneConfig.model_validate(config | {"from": str(tmp_path / "plain")})
    train_config(tuning, tmp_path / "tuned", Ranks(torch.device("cpu")))
    assert load_run(tmp_path / "tuned").data.method.name == path.stem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method: {name: retri}", "method: unknown method 'retri'; did you mean 'retry'?"),
        ("method: {rate: 0.2}", "method: must read {name: NAME, ...} with one of retry"),
        ("method: retry", "method: must read {name: NAME, ...}"),
        ("method: {name: retry, rate: 0.2}", "unknown key 'rate'"),
    ],
)
def test_a_bad_method_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "data.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_config(DataConfig, file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_corpus_of_plain_documents_is_described_as_before_there_were_others() -> None:
    """Guards: finished corpora refused; a method's other settings deciding what a corpus is."""
    law = law_of(DataConfig(method=make_method({"name": "retry"})))
    assert not {"method", "layout"} & law.keys()


class Heated(Method):
    """Decodes another model than the one that is trained."""

    line = source = ""
    name: str = "heated"

    def decode(self, model: GPT) -> GPT:
        other = GPT(model.config)
        other.load_state_dict(model.state_dict())
        with torch.no_grad():
            other.final_norm.weight.mul_(-1)
        return other


def test_a_run_decodes_what_its_method_says(tmp_path: Path) -> None:
    """Guards: a method whose decoding is not that of its training, graded by the trained model's own."""
    problem = ProblemConfig(difficulty="nano")
    vocabulary = load_vocabulary(problem)
    torch.manual_seed(0)
    model = GPT(ModelConfig(layers=1, heads=1, head_size=8, vocabulary_size=vocabulary.size))
    prompts = [vocabulary.prompt(ProblemSource(problem).problem(i)).tolist() for i in range(4)]
    texts = []
    for method in (make_method({"name": "retry"}), Heated()):
        run = LoadedRun(tmp_path, tmp_path, model, DataConfig(problem=problem, method=method), vocabulary)
        with run.decoding(parse_decoder("greedy"), devices=["cpu"], context=80) as decoding:
            requests = [Request(i, prompt, i, None, 5) for i, prompt in enumerate(prompts)]
            texts.append({found.index: found.tokens for found in decoding.run(requests)})
    assert texts[0] != texts[1]


def test_data_workers_do_without_torch() -> None:
    code = "import sys, igsm.corpus.blocks, igsm.methods.registry; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
