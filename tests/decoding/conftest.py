"""Small models for decoding tests: a tiny random GPT, and mocks whose logits are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from igsm.decoding.loop import Request
from igsm.decoding.streams import problem_key
from igsm.model import GPT, ModelConfig

END = 0


class Chain:
    """A mock whose next-token logits are a function of (last token, position) only: it remembers nothing."""

    slots = ()

    def __init__(self, rule: Callable[[int, int], list[float]]) -> None:
        self.rule = rule

    def hidden(self, ids: Tensor, *, positions: Tensor | None = None, memory: object = None) -> Tensor:
        if positions is None:
            positions = torch.arange(ids.shape[1]).expand(ids.shape)
        return torch.stack((ids, positions), -1).float()

    def head(self, states: Tensor) -> Tensor:
        rows = [self.rule(int(token), int(position)) for token, position in states.tolist()]
        return torch.tensor(rows)


def prefer(vocabulary: int, *tokens: int) -> list[float]:
    """Logits that prefer `tokens` in this order, strongly."""
    logits = [-30.0] * vocabulary
    for rank, token in enumerate(tokens):
        logits[token] = 10.0 - 2 * rank
    return logits


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)  # threads only slow such small models down


def sharp_model(seed: int, canon: str = "none", **shape: int) -> GPT:
    """A random model sharp enough that continuations differ and some of them end."""
    torch.manual_seed(seed)
    # Untied: with a tied random embedding the best next token is nearly always the last one again.
    settings = {"layers": 2, "heads": 2, "head_size": 8} | shape
    gpt = GPT(ModelConfig(**settings, vocabulary_size=24, tied=False, canon=canon)).eval()
    with torch.no_grad():
        for name, parameter in gpt.named_parameters():
            if parameter.dim() == 2:
                parameter.mul_(40.0 if name == "output.weight" else 20.0)
    return gpt


@pytest.fixture(scope="session")
def model() -> GPT:
    return sharp_model(8)


@pytest.fixture(scope="session", params=["none", "AC"])
def any_model(request: pytest.FixtureRequest) -> GPT:
    """Without and with Canon layers, which look back in the cache as attention does."""
    return sharp_model({"none": 8, "AC": 3}[request.param], request.param)


@pytest.fixture(scope="session")
def requests() -> list[Request]:
    """Prompts of many lengths."""
    generator = torch.Generator().manual_seed(5)
    made = []
    for index in range(23):
        length = 1 + (index * 7) % 19
        prompt = torch.randint(1, 24, (length,), generator=generator).tolist()
        made.append(Request(index, prompt, problem_key(1, index)))
    return made
