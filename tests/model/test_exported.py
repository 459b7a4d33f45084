"""What `mistakes export` wrote, used as others do: by transformers and peft in a process that knows nothing of us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from cli.export import export_run as export
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import ANSWER_START, END, PROBLEM_START, SOLUTION_START, load_vocabulary
from igsm.mistakes.source import DocumentSource
from igsm.model import GPT, ModelConfig, load_model
from igsm.model.checkpoint import save_checkpoint
from igsm.model.lora import LoRAConfig, add_lora, save_peft_adapter
from igsm.problems.difficulty import ProblemConfig
from igsm.training.config import FinetuneConfig, PretrainConfig, TrainingConfig

pytest.importorskip("transformers")

TRAINING = TrainingConfig(steps=2, batch=1, warmup_steps=1)
RUNS = {
    "fillers": ("nano", "compact", {}),  # 134 ids in use of 192
    "full": ("easy", "compact", {}),  # 2,368 of 2,368: nothing is left for padding and unknown words
    "gpt2": ("nano", "gpt2", {"architecture": "llama"}),  # 50,257 of 50,304
}
FOREIGN = """
import contextlib, io, json, os, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling

assert not any(name.partition(".")[0] in ("igsm", "cli") for name in sys.modules)
given = json.load(open("given.json"))
for folder, case in given["runs"].items():
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()

    def ids_of(text):
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    for text, prompt, document, ids in case["documents"]:
        assert tokenizer(text)["input_ids"] == tokenizer(text.lstrip())["input_ids"] == prompt, text
        assert ids_of(document) == ids, document
        assert tokenizer.decode(ids) == document
    pad, unknown, end = tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.eos_token_id
    assert end == case["end"] == model.config.eos_token_id == model.generation_config.eos_token_id
    assert len({pad, unknown, *case["ids"]}) == len(case["ids"]) + 2
    assert pad == model.config.pad_token_id == model.generation_config.pad_token_id
    assert ids_of("Hello there.") == [unknown, unknown, ids_of(".")[0]]
    assert ids_of(" Define Xylophone as") == ids_of(" Define") + [unknown] + ids_of(" as")

    assert len(tokenizer) > max(tokenizer.get_vocab().values())
    texts = [text for text, *_ in case["documents"]]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    assert (batch["input_ids"] == pad).any()
    options = {"max_new_tokens": 12, "do_sample": False}
    together = model.generate(**batch, **options)[:, batch["input_ids"].shape[1] :]
    for text, row, ours in zip(texts, together.tolist(), case["generated"], strict=True):
        one = tokenizer(text, return_tensors="pt")
        alone = model.generate(**one, **options)[0, one["input_ids"].shape[1] :].tolist()
        assert row[: len(alone)] == alone == ours[: len(alone)]

    collate = DataCollatorForLanguageModeling(tokenizer, mlm=False)
    labels = collate([{"input_ids": ids} for *_, ids in case["documents"]])["labels"]
    for row, (*_, ids) in zip(labels.tolist(), case["documents"], strict=True):
        assert [label for label in row if label != -100] == ids
        assert ids[-1] == end

    here, code = os.getcwd(), open(f"{folder}/README.md").read().split("```python\\n")[1].split("```")[0]
    os.chdir(folder)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code.replace("max_new_tokens=512", "max_new_tokens=4"), {})
    assert "How many" in printed.getvalue()
    os.chdir(here)

    before = model(**batch).logits
    model.resize_token_embeddings(len(tokenizer))
    assert torch.equal(model(**batch).logits, before)

if given["adapter"]:
    from peft import PeftModel

    ids = torch.tensor([given["runs"]["full"]["documents"][0][-1]])
    merged = AutoModelForCausalLM.from_pretrained("merged").eval()(ids).logits
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("full"), given["adapter"]).eval()
    difference = (adapted(ids).logits - merged).abs().max()
    assert difference < 1e-3 * merged.abs().max(), difference
print("as exported")
"""


def sharp(model: GPT) -> GPT:
    """Random weights, large enough that greedy generations do not hang on rounding."""
    for parameter in model.parameters():
        parameter.data = parameter.data * 5 + 0.1 * torch.randn_like(parameter)
    return model.eval()


def exported_case(folder: Path, name: str) -> dict[str, Any]:
    """Make a run, export it, and say what must be found there."""
    difficulty, kind, settings = RUNS[name]
    data = DataConfig(problem=ProblemConfig(difficulty=difficulty), vocabulary=kind)
    vocabulary = load_vocabulary(data.problem, data.vocabulary)
    torch.manual_seed(0)
    shape = ModelConfig(layers=2, heads=2, head_size=16, vocabulary_size=vocabulary.size, **settings)
    model = sharp(GPT(shape))
    run = folder / f"run_{name}"
    config = PretrainConfig(data=data, model=shape, training=TRAINING)
    save_checkpoint(run / "checkpoints" / "step_1", model, {}, config, vocabulary.content())
    export(run, folder / name)
    documents, generated = [], []
    for index in range(4):
        document = DocumentSource(data.problem, seed=1).document(index)
        assert document.problem is not None
        text, solution, answer = document.problem_text, document.solution_text, f" {document.answer}"
        parts = [[PROBLEM_START], vocabulary.encode_text(text), [SOLUTION_START], vocabulary.encode_text(solution)]
        parts += [[ANSWER_START], vocabulary.encode_text(answer), [END]]
        ids = [int(vocabulary.from_gpt2[i]) for part in parts for i in part]
        written = f"<|problem|>{text}<|solution|>{solution}<|answer|>{answer}<|endoftext|>"
        sequence = prompt = vocabulary.prompt(document.problem).tolist()
        documents.append((text, prompt, written, ids))
        with torch.no_grad():
            for _ in range(12):
                sequence = [*sequence, int(model(torch.tensor([sequence]))[0, -1].argmax())]
        generated.append(sequence[len(prompt) :])
    used = vocabulary.from_gpt2[vocabulary.from_gpt2 >= 0].tolist()
    return {"documents": documents, "generated": generated, "end": int(vocabulary.from_gpt2[END]), "ids": used}


def exported_lora(folder: Path) -> Path:
    """A LoRA run from the run "full", exported as `merged`; returns its PEFT adapter."""
    base, config = load_model(folder / "run_full")
    data = DataConfig(**config["data"])
    vocabulary = load_vocabulary(data.problem, data.vocabulary)
    lora = LoRAConfig(query_value_rank=2, embedding_rank=3, output_rank=2)
    torch.manual_seed(1)
    model = add_lora(base, lora)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data.normal_(std=0.3)
    settings = {"from": str(folder / "run_full"), "lora": lora, "model": base.config, "training": TRAINING}
    resolved = FinetuneConfig(**settings, data=data)
    save_checkpoint(folder / "lora" / "checkpoints" / "step_1", model, {}, resolved, vocabulary.content())
    save_peft_adapter(folder / "adapter", model, lora, len(vocabulary.known))
    export(folder / "lora", folder / "merged")
    return folder / "adapter"


@pytest.mark.filterwarnings("ignore")
def test_others_find_what_was_exported(tmp_path: Path) -> None:
    """Guards: the first word lost without a blank before it, unknown words read as the end, padding on the right or
    with the end's id, ids beyond len(tokenizer), files that only their owner may read, a tied model merged wrongly."""
    previous = os.umask(0o022)
    try:
        given: dict[str, Any] = {"runs": {name: exported_case(tmp_path, name) for name in RUNS}, "adapter": None}
    finally:
        os.umask(previous)
    for name in RUNS:
        assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / name).iterdir()} == {"0o644"}
    try:
        import peft  # noqa: F401
    except ImportError:
        pass
    else:
        given["adapter"] = str(exported_lora(tmp_path))
    (tmp_path / "given.json").write_text(json.dumps(given))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, "-W", "ignore", "-c", FOREIGN]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "as exported"
