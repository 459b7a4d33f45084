"""One problem after another, solved while someone looks on: text and grades as they come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from igsm.corpus.vocabulary import ANSWER_START
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.devices import default_devices
from igsm.decoding.engine import prepare
from igsm.decoding.live import greedy_tokens
from igsm.decoding.loop import Generation, Request
from igsm.decoding.sentences import markers_of, split_answer
from igsm.decoding.streams import problem_key
from igsm.evaluation.next_sentence import Candidate, next_sentences
from igsm.evaluation.runs import LoadedRun, default_context
from igsm.grading.grade import grade
from igsm.grading.stepwise import GradedStep, StepGrader
from igsm.grading.verdict import Verdict
from igsm.mistakes.layout import NEW_ATTEMPT
from igsm.problems.problem import Problem


@dataclass(frozen=True)
class Writing:
    """The sentence that is being written, so far."""

    text: str


@dataclass(frozen=True)
class Solved:
    """A whole solution.

    Attributes:
        solution, answer: texts; a missing answer is "".
        tokens: a model's ids of all that was generated.
        starts: how many of them stand before each sentence.
        rollbacks: sentences that the decoder rolled back.
        n_generated: tokens that were generated, those rolled back and all samples included.
    """

    problem: Problem
    solution: str
    answer: str
    verdict: Verdict
    steps: tuple[GradedStep, ...]
    tokens: list[int]
    starts: tuple[int, ...]
    rollbacks: int
    n_generated: int


Event: TypeAlias = Writing | GradedStep | Solved


class Solver:
    """A run's model and a decoder, for one problem after another.

    Args:
        run: whose model is asked.
        decoder: its name; of `greedy` every word is shown as it comes, of others the whole solution at its end.
        seed: of sampling.
        device: None: the first of `default_devices`.

    Raises:
        InputError: no such decoder.
    """

    def __init__(self, run: LoadedRun, decoder: str = "greedy", seed: int = 0, device: str | None = None) -> None:
        self.run, self.seed = run, seed
        self.decoder = parse_decoder(decoder)
        self.vocabulary = run.vocabulary
        self._device = device or default_devices()[0]

    @property
    def word_by_word(self) -> bool:
        """Whether a solution is shown while it is written."""
        return self.decoder.word_by_word and self.decoder.beside is None

    @cached_property
    def _model(self) -> Any:
        return prepare(self.run.data.method.decode(self.run.model), self._device, "auto")

    @cached_property
    def _decoding(self) -> Any:
        return self.run.decoding(self.decoder, devices=[self._device])

    def solve(self, problem: Problem) -> Iterator[Event]:
        """What the model writes: sentences and their grades as they come, then the whole.

        Raises:
            InputError: the problem does not fit, or has words that the model has no ids for.
        """
        source, found = self._generate(problem)
        grader, steps, starts = StepGrader(problem), [], []
        tokens: list[int] = []
        stop = markers_of(self.vocabulary).sentence_end
        ends = (self.vocabulary.end, int(self.vocabulary.from_gpt2[ANSWER_START]))
        again = {int(self.vocabulary.from_gpt2[mark]) for mark in NEW_ATTEMPT}
        start, solving, text = 0, True, ""

        def sentence() -> GradedStep:
            nonlocal start, text
            starts.append(start)
            steps.append(grader.add(text))
            start, text = len(tokens), ""
            return steps[-1]

        for token in source:
            tokens.append(token)
            if not solving and token not in again:  # the answer
                continue
            if not solving:
                start = len(tokens) - 1
            solving = token not in ends
            if solving:
                text = self.vocabulary.decode(tokens[start:])
                if found is None:
                    yield Writing(text)
            if text.strip() and (token == stop or not solving):
                yield sentence()
        if text.strip():
            yield sentence()
        solution, answer = split_answer(tokens, self.vocabulary)
        verdict = grade(problem, solution, answer)
        rollbacks, n_generated = (0, len(tokens)) if found is None else (found.rollbacks, found.n_generated)
        yield Solved(problem, solution, answer, verdict, tuple(steps), tokens, tuple(starts), rollbacks, n_generated)

    def solved(self, problem: Problem) -> Solved:
        """The end of `solve`."""
        *_, last = self.solve(problem)
        assert isinstance(last, Solved)
        return last

    def _prompt(self, problem: Problem) -> list[int]:
        marks = self.run.data.method.prompt if self.decoder.prompt is None else self.decoder.prompt
        prompt: list[int] = self.vocabulary.prompt(problem, marks, self.run.examples).tolist()
        return prompt

    def _generate(self, problem: Problem) -> tuple[Iterator[int], Generation | None]:
        """The tokens as they come; of a decoder that is done first, what it found."""
        prompt = self._prompt(problem)
        if self.word_by_word:
            return greedy_tokens(self._model, prompt, self.vocabulary.end, default_context(self.run.data)), None
        keys = [problem_key("watch", self.seed, problem.text, sample) for sample in range(self.decoder.samples)]
        (found,) = self._decoding.run([Request(0, prompt, keys[0], problem, keys=keys)])
        return iter(found.tokens), found

    def next_sentences(self, solved: Solved, step: int, most: int) -> list[Candidate]:
        """What could have come in place of a sentence (0, 1, ...) of a solution, most probable first."""
        grader = StepGrader(solved.problem)
        for one in solved.steps[:step]:
            grader.add(one.sentence)
        tokens = [*self._prompt(solved.problem), *solved.tokens[: solved.starts[step]]]
        found = next_sentences(self._model, self.vocabulary, solved.problem, tokens, most)
        return [one._replace(can_be_next=grader.can_be_next(one.name)) for one in found]
