"""Many questions about one problem in one pass: a trunk that all share, and branches that see only their own prefix.

A row of tokens holds a problem with its solution (the trunk) and after it any number of branches, each the tokens
of one question " Define A's B as" asked at some point of the solution. A branch's tokens have the positions they
would have there, and attend to the trunk up to that point and to themselves: exactly what the model would compute
if the question stood there alone.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from igsm.model.gpt import Attend

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
