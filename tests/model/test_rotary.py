"""What the compiler sees of the rotary positions."""

from __future__ import annotations

from typing import Any

import torch

from igsm.model import GPT, ModelConfig


def test_compiled_code_computes_the_angles_once() -> None:
    """Guards: powers, sines and cosines computed anew for every element of every layer."""
    torch.manual_seed(0)
    model = GPT(ModelConfig(layers=2, heads=2, head_size=8, vocabulary_size=16))
    ids = torch.arange(12).view(1, 12)
    called: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Any:
        called.extend(str(node.target) for node in graph.graph.nodes if node.op.startswith("call"))
        return graph.forward

    logits = torch.compile(model, backend=backend)(ids)
    assert torch.equal(logits, model(ids))
    assert sum("rotation" in name for name in called) == 1
    assert not {"cos", "sin"} & set(called)
