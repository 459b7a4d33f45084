"""Many questions about one problem in one pass: a trunk that all share, and branches that see only their own prefix.

A row of tokens holds a problem with its solution (the trunk) and after it any number of branches, each the tokens
of one question " Define A's B as" asked at some point of the solution. A branch's tokens have the positions they
would have there, and attend to the trunk up to that point and to themselves (Canon layers look back along the same
way): exactly what the model would compute if the question stood there alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from igsm.decoding.cache import Linked

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


def in_tree(branch: Tensor, visible: Tensor) -> Linked:
    """A memory for `GPT.hidden` in which branches do not see each other, and continue the trunk where they are asked.

    The arguments are those of `branch_mask`.
    """
    place = torch.arange(branch.shape[1], device=branch.device).expand_as(branch)
    starts = torch.ones_like(branch, dtype=torch.bool)
    starts[:, 1:] = branch[:, 1:] != branch[:, :-1]
    before = torch.where(starts & (branch != TRUNK), visible - 1, place - 1)
    return Linked(branch_mask(branch, visible), before)
