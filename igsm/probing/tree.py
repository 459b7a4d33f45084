"""Many questions about one problem in one pass: a trunk that all share, and branches that see only their own prefix.

A row of tokens holds a problem with its solution (the trunk) and after it any number of branches, each the tokens
of one question " Define A's B as" asked at some point of the solution. A branch's tokens have the positions they
would have there, and attend to the trunk up to that point and to themselves (Canon layers look back along the same
way): exactly what the model would compute if the question stood there alone.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from igsm.model.gpt import CANON_WINDOW, Attend, Recall

TRUNK = 0
"""Branch number of the trunk; padding is -1, questions count from 1."""
PADDING = -1


def branch_mask(branch: Tensor, visible: Tensor) -> Tensor:
    """Which keys each query may see, bool [B, 1, L, L].

    Args:
        branch: number of each token's branch [B, L].
        visible: how many tokens of the trunk each token sees [B, L]; for the trunk's own i-th token i + 1.
    """
    place = torch.arange(branch.shape[1], device=branch.device)
    on_trunk = (branch == TRUNK)[:, None, :] & (place[None, None, :] < visible[:, :, None])
    own = (branch[:, :, None] == branch[:, None, :]) & (branch != TRUNK)[:, :, None]
    own &= place[None, :] <= place[:, None]
    return (on_trunk | own)[:, None]


def attend_in_tree(branch: Tensor, visible: Tensor) -> Attend:
    """Attention for `GPT.hidden` in which branches do not see each other."""
    mask = branch_mask(branch, visible)

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    return attend


def recall_in_tree(branch: Tensor, visible: Tensor) -> Recall:
    """Looking back for `GPT.hidden` in which a branch continues the trunk where it is asked."""
    length = branch.shape[1]
    place = torch.arange(length, device=branch.device).expand_as(branch)
    starts = torch.ones_like(branch, dtype=torch.bool)
    starts[:, 1:] = branch[:, 1:] != branch[:, :-1]
    # Number of the token before, `length` where there is none: a row of zeros is put there.
    before = torch.where(starts & (branch != TRUNK), visible - 1, place - 1)
    before = torch.where(before < 0, length, before)
    before = F.pad(before, (0, 1), value=length)
    steps = [before]
    for _ in range(CANON_WINDOW - 2):
        steps.append(before.gather(1, steps[-1]))
    rows = torch.arange(len(branch), device=branch.device)[:, None]

    def recall(canon: int, x: Tensor) -> list[Tensor]:
        padded = F.pad(x, (0, 0, 0, 1))
        return [padded[rows, step[:, :length]] for step in steps]

    return recall
