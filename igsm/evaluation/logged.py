"""What a run's Mistake Log holds: which classes of tokens the Pilot got wrong over training, and one solution of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch

from igsm.checkpoints import CONFIG, defect, find_stored
from igsm.config import build_config
from igsm.corpus.classes import TOKEN_CLASSES, token_classes
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import ANSWER_START, END, PROBLEM_START, Vocabulary, read_vocabulary
from igsm.errors import InputError
from igsm.grading.reader import IllPosedError, Reader
from igsm.grading.token_kind import NOT_NEEDED, token_kind
from igsm.grading.verdict import Kind
from igsm.mistakes.layout import Mark
from igsm.model.checkpoint import load_training_state
from igsm.problems.lexicon import load_lexicon
from igsm.rundir import RunFolder
from igsm.training.mistake_log import Looked, look

PERIODS = 8
"""Most rows of the table over training."""
OTHER = "mark"
"""Tokens of no class: the marks of a document."""


@dataclass(frozen=True)
class ClassCount:
    """Tokens of answers of one class.

    Attributes:
        tokens: how many.
        error: mean of 1 - p(right token).
        wrong: how many where another token was held more probable.
    """

    tokens: int
    error: float
    wrong: int


@dataclass(frozen=True)
class Period:
    """Rounds of the log that follow each other.

    Attributes:
        first, last: their steps, counted from 1.
        windows: in them.
        classes: by class of the right token.
        first_wrong: by class of the right token, answers whose first wrong token is of it.
        kinds: what the first wrong token is by the grader (`token_kind`), in answers whose problem is whole, too.
        answers: whole answers.
    """

    first: int
    last: int
    windows: int
    classes: dict[str, ClassCount]
    first_wrong: dict[str, int]
    kinds: dict[str, int]
    answers: int


@dataclass(frozen=True)
class Shown:
    """One answer of the log, token by token.

    Attributes:
        texts: of the tokens.
        errors: 1 - p(token).
        best: texts of the tokens held most probable.
    """

    texts: tuple[str, ...]
    errors: tuple[float, ...]
    best: tuple[str, ...]


class LoggedRun:
    """The logs in a run's checkpoints.

    Args:
        path: run folder, or one of its checkpoints.

    Raises:
        InputError: no run of a Copilot, or one whose log keeps no rounds.
    """

    def __init__(self, path: str | Path) -> None:
        newest, stored = find_stored(path, "copilot")
        data = build_config(DataConfig, stored.get("data") or {}, f"{newest / CONFIG}, data")
        self.vocabulary: Vocabulary = read_vocabulary(newest, data.problem, data.vocabulary)
        problem_class = data.problem.problem_class
        self.reader, self.modulus = Reader(load_lexicon(problem_class.lexicon)), problem_class.modulus
        numbers = {mark: int(self.vocabulary.from_gpt2[mark]) for mark in Mark}
        self.marks = {mark: numbers[Mark(mark)] for mark in (PROBLEM_START, ANSWER_START, END)}
        self.further = set(numbers.values()) - set(self.marks.values()) - {numbers[Mark.SOLUTION], -1}
        folder = RunFolder(newest.parent.parent)
        checkpoints = [newest]
        if Path(path) != newest:
            checkpoints = [folder.checkpoint(step) for step in folder.checkpoint_steps()]
        self.rounds: dict[int, Looked] = {}
        """What each step that a checkpoint has kept says, by the number of steps done then; each [rows, T]."""
        for one in checkpoints:
            if defect(one) is None:
                self._read(one)
        if not self.rounds:
            if reason := defect(newest):
                raise InputError(f"{newest}: the mistake log cannot be read: {reason}")
            raise InputError(f"{path}: keeps no mistake log; train it with log.rounds above 1")

    def _read(self, checkpoint: Path) -> None:
        state = load_training_state(checkpoint)
        kept, steps = state.get("kept", {}), int(state["progress"]["step"])
        if "targets" not in kept:
            return
        rounds = kept["targets"].shape[1]
        for step in range(max(0, steps - rounds), steps):
            place = step % rounds
            self.rounds[step + 1] = look({name: tensor[:, place] for name, tensor in kept.items()})

    def periods(self) -> list[Period]:
        """The log over training, in at most `PERIODS` rows."""
        steps = sorted(self.rounds)
        size = -(-len(steps) // PERIODS)
        return [self._period(steps[i : i + size]) for i in range(0, len(steps), size)]

    def _period(self, steps: list[int]) -> Period:
        names = (*TOKEN_CLASSES, OTHER)
        classes = torch.from_numpy(token_classes(self.vocabulary)).long() % len(names)  # -1, of marks, is the last
        looked = [self.rounds[step] for step in steps]
        of, right, wrong = (
            torch.cat(parts)
            for parts in zip(
                *(
                    (
                        classes[one.targets][one.carrying],
                        one.right[one.carrying],
                        (one.best != one.targets)[one.carrying],
                    )
                    for one in looked
                ),
                strict=True,
            )
        )
        counts = {}
        for number, name in enumerate(names):
            its = of == number
            if its.any():
                counts[name] = ClassCount(int(its.sum()), float(1 - right[its].mean()), int(wrong[its].sum()))
        first, answers = dict.fromkeys(counts, 0), 0
        kinds: Counter[str] = Counter()
        for one in looked:
            for row, begin, stop in self._answers(one):
                answers += 1
                places = (one.best != one.targets)[row, begin:stop].nonzero()
                if len(places):
                    place = begin + int(places[0])
                    first[names[classes[one.targets[row, place]]]] += 1
                    if (kind := self._kind(one, row, begin, place, stop)) is not None:
                        kinds[kind] += 1
        windows = sum(len(one.ids) for one in looked)
        return Period(steps[0], steps[-1], windows, counts, first, dict(kinds.most_common()), answers)

    def _kind(self, looked: Looked, row: int, begin: int, place: int, stop: int) -> str | None:
        """Kind of the token held more probable at a place of an answer; None where that has no meaning.

        A window may have cut the problem off, and documents of some methods hold more than a problem and a solution.
        """
        ids, targets, best = looked.ids[row].tolist(), looked.targets[row].tolist(), int(looked.best[row, place])
        marks = self.marks
        start = next((i for i in range(begin, -1, -1) if ids[i] == marks[PROBLEM_START]), None)
        if start is None:
            return None
        answer, text = targets[begin:stop], self.vocabulary.decode
        if marks[ANSWER_START] not in answer or not self.further.isdisjoint(answer):
            return None
        try:
            problem = self.reader.read(text(ids[start + 1 : begin]), self.modulus)
        except IllPosedError:
            return None
        end = begin + answer.index(marks[ANSWER_START])
        if end < place:
            return Kind.ANSWER_DIFFERS
        if end == place:  # the solution is whole, and the model would go on
            return NOT_NEEDED
        written = "" if best in marks.values() else text([best])
        before, right, after = targets[begin:place], targets[place : place + 1], targets[place + 1 : end]
        return token_kind(problem, text(before), text(right), written, text(after))

    def _answers(self, looked: Looked) -> list[tuple[int, int, int]]:
        """(row, begin, stop) of the positions of each answer that is whole."""
        found = []
        for row, (carrying, targets) in enumerate(zip(looked.carrying, looked.targets, strict=True)):
            ends = (carrying & (targets == self.vocabulary.end)).nonzero()[:, 0].tolist()
            begin = 0
            for end in ends:
                own = carrying[begin : end + 1].nonzero()[:, 0]
                found.append((row, begin + int(own[0]), end + 1))
                begin = end + 1
        return found

    def answer(self, number: int) -> Shown:
        """One of the whole answers of the newest step.

        Raises:
            InputError: there are not so many.
        """
        looked = self.rounds[max(self.rounds)]
        answers = self._answers(looked)
        if not 0 <= number < len(answers):
            raise InputError(f"--answer {number}: the newest step has {len(answers)} whole answers, 0 is the first")
        row, begin, stop = answers[number]
        targets, best = looked.targets[row, begin:stop].tolist(), looked.best[row, begin:stop].tolist()
        errors = (1 - looked.right[row, begin:stop]).clamp(0, 1).tolist()

        names = {int(self.vocabulary.from_gpt2[mark]): f" {mark.text}" for mark in Mark}

        def texts(ids: list[int]) -> tuple[str, ...]:
            return tuple(names.get(one) or self.vocabulary.decode([one]) for one in ids)

        return Shown(texts(targets), tuple(errors), texts(best))
