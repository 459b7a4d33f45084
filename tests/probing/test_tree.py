"""Questions that share a trunk: guards against branches that see each other or too much of the trunk."""

from __future__ import annotations

import pytest
import torch

from igsm.model.config import LoRAConfig, ModelConfig
from igsm.model.gpt import GPT
from igsm.probing.probe import Probe
from igsm.probing.tree import PADDING, TRUNK, branch_mask

TRUNK_LENGTH = 9
# (tokens of the trunk that the question sees, tokens of the question)
QUESTIONS = [(4, [11, 12, 13]), (9, [14]), (4, [11, 15]), (1, [3, 4, 5, 6])]


def tiny_probe(canon: str = "none") -> Probe:
    torch.manual_seed(0)
    model = GPT(ModelConfig(**{"layers": 2, "heads": 2, "head_size": 8, "vocabulary_size": 16, "canon": canon}))
    probe = Probe(model, LoRAConfig(embedding_rank=2, query_value_rank=1))
    with torch.no_grad():
        for name, parameter in probe.named_parameters():
            if "lora" in name or "classifier" in name:
                parameter.normal_(std=0.3)
    return probe.eval()


def in_one_row() -> tuple[torch.Tensor, ...]:
    ids = list(range(1, TRUNK_LENGTH + 1))
    positions, branch = list(range(TRUNK_LENGTH)), [TRUNK] * TRUNK_LENGTH
    visible = [i + 1 for i in range(TRUNK_LENGTH)]
    for number, (point, question) in enumerate(QUESTIONS, start=1):
        ids += question
        positions += range(point, point + len(question))
        branch += [number] * len(question)
        visible += [point] * len(question)
    for column, filler in ((ids, 0), (positions, 0), (branch, PADDING), (visible, 0)):
        column += [filler] * 3
    return tuple(torch.tensor([column]) for column in (ids, positions, branch, visible))


@pytest.mark.parametrize("canon", ["none", "AC"])
def test_a_branch_computes_what_its_question_alone_computes(canon: str) -> None:
    probe = tiny_probe(canon)
    packed = probe(*in_one_row())[0]
    place = TRUNK_LENGTH
    for point, question in QUESTIONS:
        alone = torch.tensor([[*range(1, point + 1), *question]])
        length = alone.shape[1]
        order = torch.arange(length)[None]
        expected = probe(alone, order, torch.zeros_like(alone), order + 1)[0]
        torch.testing.assert_close(packed[place : place + len(question)], expected[point:])
        place += len(question)


def test_the_trunk_is_causal_and_padding_is_finite() -> None:
    probe = tiny_probe()
    ids, positions, branch, visible = in_one_row()
    packed = probe(ids, positions, branch, visible)[0]
    assert packed.isfinite().all()
    plain = probe.classifier(probe.model.hidden(ids[:, :TRUNK_LENGTH]))[0]
    torch.testing.assert_close(packed[:TRUNK_LENGTH], plain)


def test_mask_by_hand() -> None:
    branch = torch.tensor([[0, 0, 1, 1, 2, -1]])
    visible = torch.tensor([[1, 2, 1, 1, 2, 0]])
    expected = [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 0],
        [1, 0, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]
    assert branch_mask(branch, visible)[0, 0].int().tolist() == expected
