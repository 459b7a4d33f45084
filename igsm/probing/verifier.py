"""A trained probe as a verifier of whole solutions: what best-of-n, weighted votes and lists of steps are scored by.

All samples of a problem are branches of one row, whose trunk is the prompt (`igsm.probing.tree`): one pass reads the
prompt once and each sample once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from igsm.corpus.vocabulary import Vocabulary
from igsm.decoding.sentences import kept_definitions, markers_of
from igsm.decoding.verifiers import Scored
from igsm.probing.probe import CANNOT, Probe
from igsm.probing.questions import Asked, lay_out
from igsm.probing.samples import step_ends

_ROW = 4096
"""Most tokens of a pass that has several samples: bounds the memory of its attention."""


class Verifier:
    """Scores solutions step by step (an `igsm.decoding.verifiers.Verifier`).

    What a step is depends on the question that the probe answers:

    - process: a sentence, and at last the answer: the probability that all is right so far
    - outcome: the whole solution: the probability that it is right
    - can_next: a definition that the solution does not take back: the probability that it could be computed there
    - step: a sentence: the probability that it is right

    Args:
        probe: on its device; it is used in evaluation mode.
        question: of its config.
    """

    def __init__(self, probe: Probe, question: str, vocabulary: Vocabulary) -> None:
        self.probe, self.question = probe.eval().requires_grad_(False), question
        self._markers = markers_of(vocabulary)
        self._back = [int(vocabulary.from_gpt2[i]) for i in vocabulary.encode_text(" BACK")]

    def places(self, tokens: Sequence[int]) -> list[int]:
        """The tokens of a solution at which the probe is asked."""
        ends = step_ends(tokens, self._markers.sentence_end)
        if self.question == "process":
            return ends
        if self.question == "outcome":
            return ends[-1:]
        if self.question == "step":
            return [end - 1 for end in ends if tokens[end] == self._markers.sentence_end and end]
        return [place - 1 for place in kept_definitions(list(tokens), self._markers, self._back)]

    @torch.inference_mode()
    def score(self, prompt: Sequence[int], solutions: Sequence[Sequence[int]]) -> Scored:
        """See `igsm.decoding.verifiers.Verifier`."""
        found: list[list[float]] = []
        read = 0
        for part in _parts(solutions, len(prompt)):
            asked = [Asked(len(prompt), np.array(tokens, np.int64), 0) for tokens in part]
            length = len(prompt) + sum(len(tokens) for tokens in part)
            ids, positions, branch, visible, _ = lay_out(np.array(prompt, np.int64), asked, length)
            device = self.probe.classifier.weight.device
            inputs = [torch.from_numpy(column)[None].to(device) for column in (ids, positions, branch, visible)]
            right = 1 - self.probe(*inputs)[0].float().softmax(-1)[:, CANNOT]
            start = len(prompt)
            for tokens in part:
                found.append(right[[start + place for place in self.places(tokens)]].tolist())
                start += len(tokens)
            read += length - len(prompt)
        return Scored(found, read)


def _parts(solutions: Sequence[Sequence[int]], prompt: int) -> Iterator[list[Sequence[int]]]:
    """As many at a time as a row holds."""
    part: list[Sequence[int]] = []
    length = prompt
    for tokens in solutions:
        if part and length + len(tokens) > _ROW:
            yield part
            part, length = [], prompt
        part.append(tokens)
        length += len(tokens)
    if part:
        yield part
