"""Greedy decoding of one prompt, token by token as they come: for a person who looks on.

In plain torch: nothing is compiled, so the first token is there at once. `igsm.decoding.run` decodes many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from igsm.decoding.cache import Cache, Continuation
from igsm.decoding.engine import check_prompt


@torch.inference_mode()
def greedy_tokens(model: Any, prompt: Sequence[int], end: int, context: int) -> Iterator[int]:
    """The most probable token after each other, up to and with `end` or until the context is full.

    They are those of the decoder `greedy`, where two tokens do not tie to the last bits.

    Args:
        model: of `engine.prepare`.
        prompt: token ids.
        end: token that ends a continuation.
        context: most tokens of prompt and continuation.

    Raises:
        InputError: the prompt does not fit.
    """
    check_prompt(prompt, context, 0)
    weight = next(model.parameters())
    cache = Cache(model.slots, 1, context, weight.dtype, weight.device)
    row = torch.zeros(1, dtype=torch.int64, device=weight.device)
    new, length = list(prompt), 0
    while length + len(new) < context:
        ids = torch.tensor([new], device=weight.device)
        count = torch.tensor([len(new)], device=weight.device)
        memory = Continuation(cache, row, torch.full_like(row, length), count, len(new), length + len(new))
        states = model.hidden(ids, positions=memory.positions, memory=memory)
        token = int(model.head(states[0, -1]).argmax())
        yield token
        if token == end:
            return
        length += len(new)
        new = [token]
