"""The reasoning_gym-style dataset: guards against impure items and a scorer that can be fooled."""

from __future__ import annotations

import re
import sys

import pytest

from igsm.errors import InputError
from integrations.reasoning_dataset import NAME, ReasoningConfig, ReasoningDataset


@pytest.fixture(scope="module")
def dataset() -> ReasoningDataset:
    return ReasoningDataset(ReasoningConfig(difficulty="easy", seed=11, size=12))


def test_items_are_pure_functions_of_config_seed_and_index(dataset: ReasoningDataset) -> None:
    again = ReasoningDataset(ReasoningConfig(difficulty="easy", seed=11, size=12))
    assert again[7] == dataset[7]
    assert list(dataset) == [dataset[i] for i in range(12)]
    other = ReasoningDataset(ReasoningConfig(difficulty="easy", seed=12, size=12))
    assert not {item["question"] for item in other} & {item["question"] for item in dataset}
    with pytest.raises(IndexError):
        dataset[12]


def test_the_scorer_wants_the_number_or_a_solution_right_in_every_step(dataset: ReasoningDataset) -> None:
    for entry in dataset:
        right, solution = entry["answer"], entry["metadata"]["solution"]
        wrong = str((int(right) + 1) % 23)
        assert dataset.score_answer(right, entry) == 1.0
        assert dataset.score_answer(f" {right}\n", entry) == 1.0
        assert dataset.score_answer(f"{solution} {right}", entry) == 1.0
        assert dataset.score_answer(solution, entry) == 1.0
        for answer in (None, "", wrong, f"{right} or {wrong}", f"{solution} {wrong}", "Define", "Define ."):
            assert dataset.score_answer(answer, entry) == 0.0
        broken = re.sub(r"= (\d+)\.", lambda match: f"= {(int(match[1]) + 1) % 23}.", solution, count=1)
        assert dataset.score_answer(f"{broken} {right}", entry) == 0.0


def test_the_reward_never_contradicts_the_answer_that_the_text_states(dataset: ReasoningDataset) -> None:
    """Guards 1.0 for right steps and another final answer, 0.0 for a right completion that ends in an end mark."""
    for entry in dataset:
        right, solution = entry["answer"], entry["metadata"]["solution"]
        wrong = str((int(right) + 1) % 23)
        for start in (solution, ""):
            for form in (" {}", " {}.", "\n{}\n", " The answer is {}.", " \\boxed{{{}}}.", " #### {}", "<|answer|> {}"):
                for end in ("", "<|endoftext|>", "<|im_end|>", "\n</s>"):
                    assert dataset.score_answer(start + form.format(right) + end, entry) == 1.0
                    assert dataset.score_answer(start + form.format(wrong) + end, entry) == 0.0


def test_any_value_has_a_score(dataset: ReasoningDataset) -> None:
    """Guards exceptions in the middle of a training run."""
    entry = dataset[2]
    right = int(entry["answer"])
    for value in (right, float(right), f"{right}.0"):
        assert dataset.score_answer(value, entry) == 1.0
    for value in (right + 1, right + 0.5, float("nan"), float("inf"), None, True, [str(right)], {}, b"4", "\ud800"):
        assert dataset.score_answer(value, entry) == 0.0


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InputError, match="unknown difficulty"):
        ReasoningConfig(difficulty="medium").validate()


def test_it_registers_itself_where_reasoning_gym_is_installed() -> None:
    reasoning_gym = pytest.importorskip("reasoning_gym")
    made = reasoning_gym.create_dataset(NAME, difficulty="easy", seed=11, size=3)
    assert isinstance(made, ReasoningDataset)
    assert sys.modules["reasoning_gym.factory"].ProceduralDataset in type(made).__mro__
