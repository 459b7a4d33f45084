"""TRL's own trainers, run on what we write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from igsm.grading.rewards import all_steps, dense, outcome

Make = Callable[[bool], Path]
PROBLEM = "The number of each Kitchen's Robot equals 3. How many Robot does Kitchen have?"


@pytest.mark.filterwarnings("ignore")  # TRL's own
def test_grpo_trains_on_our_rewards(tokenizer_folder: Make, tmp_path: Path) -> None:
    """GRPOTrainer calls the rewards with its own arguments and logs a mean of each."""
    trl = pytest.importorskip("trl")
    from datasets import Dataset
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    hub = AutoTokenizer.from_pretrained(tokenizer_folder(True), pad_token="<|end|>")
    config = LlamaConfig(
        vocab_size=512, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1
    )
    settings = trl.GRPOConfig(
        output_dir=str(tmp_path), max_steps=1, per_device_train_batch_size=2, num_generations=2, logging_steps=1,
        max_completion_length=8, report_to="none", use_cpu=True,
    )  # fmt: skip
    row = {"prompt": [{"role": "user", "content": PROBLEM}], "modulus": 5, "lexicon": "nano"}
    trainer = trl.GRPOTrainer(
        LlamaForCausalLM(config), [outcome, all_steps, dense], settings, train_dataset=Dataset.from_list([row] * 2),
        processing_class=hub,
    )  # fmt: skip
    trainer.train()
    logged = next(line for line in trainer.state.log_history if "reward" in line)
    # random words: no answer, no right step
    assert [logged[f"rewards/{name}/mean"] for name in ("outcome", "all_steps", "dense")] == [0.0, 0.0, -1.0]
