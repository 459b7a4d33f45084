"""The grader's rewards for trainers that take a file, as verl does: custom_reward_function.path=integrations/reward.py.

What they are and how they are called: `igsm.grading.rewards`.
"""

from igsm.grading.rewards import all_steps, compute_score, dense, outcome

__all__ = ["all_steps", "compute_score", "dense", "outcome"]
