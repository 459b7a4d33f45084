"""Rewards, called exactly as TRL's GRPOTrainer and verl's reward managers call them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from igsm.errors import InputError
from igsm.grading.rewards import all_steps, compute_score, dense, outcome

PROBLEM = (
    "The number of each Garage's Ball equals 4 more than each Garage's Train. "
    "The number of each Garage's Train equals 4. The number of each Studio's Robot equals 2. "
    "How many Ball does Garage have?"
)
TRAIN, BALL = "Define Garage's Train as u; so u = 4.", "Define Garage's Ball as s; so s = 4 + u = 4 + 4 = 3."
ROBOT = "Define Studio's Robot as p; so p = 2."
BACK = "Define Garage's Ball as BACK."
ABOUT = {"modulus": 5, "lexicon": "nano"}

# text: outcome, all steps, dense; two steps are needed, so a step is worth 0.5
SOLUTIONS: dict[str, tuple[float, float, float]] = {
    f"{TRAIN} {BALL} 3": (1, 1, 1),
    f"{TRAIN} {BALL}": (1, 1, 1),  # states no answer: the last step's value
    f"{BACK} {TRAIN} {BALL} Answer: 3": (1, 1, 1),
    f"{TRAIN} {ROBOT} {BALL} 3": (1, 1, 1),  # an unneeded right step
    f"{TRAIN} {BALL} 4": (0, 0, 0.5),
    f"{TRAIN} {BALL.replace('= 3', '= 2')} 3": (1, 0, 0.0),  # the right number by a wrong step
    f"{TRAIN} {BALL.replace('= 3', '= 2')}": (0, 0, 0.0),
    f"{BALL} {TRAIN} {BALL} 3": (1, 0, -0.5),  # nothing is paid after the first wrong step
    f"{TRAIN}": (0, 0, 0.0),
    f"{TRAIN} {ROBOT} {ROBOT}": (0, 0, 0.0),  # a step twice is wrong
    f"{TRAIN} Define Garage's Ball as s; so s = 4 + u = 4 + 4 = 3 BACK 2.": (0, 0, -0.5),  # right, and taken back
    "3": (1, 0, -0.5),
    "": (0, 0, -0.5),
    "\ud83d \x00": (0, 0, -0.5),
}


@pytest.mark.parametrize(("text", "expected"), SOLUTIONS.items())
def test_rewards(text: str, expected: tuple[float, float, float]) -> None:
    for function, value in zip((outcome, all_steps, dense), expected, strict=True):
        assert function([text], [PROBLEM], modulus=[5], lexicon=["nano"]) == [pytest.approx(value)]
    score = compute_score("igsm", text, "3", {"problem": PROBLEM, **ABOUT}, reward="dense")
    assert score == pytest.approx(
        dict(zip(("outcome", "all_steps", "dense"), expected, strict=True)) | {"score": expected[2]}
    )


def test_the_call_of_trl() -> None:
    """GRPOTrainer passes texts or conversations, one column a keyword, and objects of its own; floats come back."""
    texts = list(SOLUTIONS)[:6]
    n = len(texts)
    own: dict[str, Any] = {
        "completion_ids": [[1]] * n,
        "trainer_state": object(),
        "log_extra": print,
        "log_metric": print,
    }
    columns = {"modulus": [5] * n, "lexicon": ["nano"] * n, "answer": [3] * n}
    expected = [SOLUTIONS[text][2] for text in texts]
    assert dense(prompts=[PROBLEM] * n, completions=texts, **own, **columns) == pytest.approx(expected)
    prompts = [[{"role": "system", "content": "Solve it."}, {"role": "user", "content": PROBLEM}]] * n
    completions = [[{"role": "assistant", "content": text}] for text in texts]
    made = dense(prompts=prompts, completions=completions, **own, **columns)
    assert made == pytest.approx(expected)
    assert {type(one) for one in made} == {float}
    # rows as for verl; the problem in a column, and instructions around it in the prompt
    extra = [{"problem": PROBLEM, **ABOUT, "index": 0}] * n
    assert dense(prompts=["?"] * n, completions=texts, extra_info=extra, **own) == pytest.approx(expected)
    assert dense(prompts=["?"] * n, completions=texts, problem=[PROBLEM] * n, **own, **columns) == pytest.approx(
        expected
    )


def test_the_call_of_verl() -> None:
    """Keywords only; extra_info has what verl adds; the result has `score`, and numbers that verl logs."""
    extra = {"split": "train", "index": 0, "problem": PROBLEM, **ABOUT, "num_turns": None, "rollout_reward_scores": {}}
    score = compute_score(
        data_source="igsm", solution_str=f"{TRAIN} {BALL} 3<|im_end|>", ground_truth="3", extra_info=extra,
        reward_router_address=None, reward_model_tokenizer=None,
    )  # fmt: skip
    assert score == {"score": 1.0, "outcome": 1.0, "all_steps": 1.0, "dense": 1.0}


def test_the_form_of_chat_models() -> None:
    text = f"1. **{TRAIN}**\n2. {BALL}\n\nThe answer is 3."
    assert outcome([text], [PROBLEM], modulus=[5], lexicon=["nano"]) == [1.0]
    assert all_steps([text], [PROBLEM], modulus=[5], lexicon=["nano"]) == [0.0]
    assert partial(all_steps, rule="lenient")([text], [PROBLEM], modulus=[5], lexicon=["nano"]) == [1.0]


def test_what_has_no_reward() -> None:
    """Guards: a training run on rewards of problems that nobody could read."""
    for arguments, message in [
        ({"prompts": ["How many?"]}, "How many"),
        ({}, "no problem to reward"),
        ({"prompts": [PROBLEM], "modulus": [1]}, "modulus must be at least 2"),
        ({"prompts": [PROBLEM], "lexicon": ["/etc/passwd"]}, "is not one of"),
        (
            {"prompts": [PROBLEM], "modulus": [5], "lexicon": ["nano"], "rule": "authors"},
            "strict or lenient, not 'authors'",
        ),
    ]:
        with pytest.raises(InputError, match=message):
            outcome(completions=["3"], **arguments)
    with pytest.raises(InputError, match="unknown reward 'desne'; did you mean 'dense'"):
        compute_score("igsm", "3", "3", {"problem": PROBLEM, **ABOUT}, reward="desne")
    with pytest.raises(InputError, match="no problem to reward"):
        compute_score("igsm", "3", "3")
