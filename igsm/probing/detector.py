"""A trained probe as a detector for retry upon regret (Part 2.2, section 3.2).

The probe's embedding differs from the model's, so it keeps a cache of its own for every row being decoded. The
cache is advanced once a sentence, when the decoder asks, by all tokens that are new since; tokens that the decoder
rolled back are cut off.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence

import torch

from igsm.corpus.vocabulary import Vocabulary
from igsm.decoding.cache import Cache, Continuation, row_bytes
from igsm.decoding.decoders.named import NamedDecoder
from igsm.decoding.detectors import Detector, Question, make_detector
from igsm.decoding.devices import free_memory
from igsm.errors import InputError
from igsm.probing.probe import CANNOT, Probe
from igsm.probing.train import load_probe, vocabulary_of
from igsm.probing.verifier import Verifier

_SCORES_A_PASS = 2**24
"""Most attention scores of one head in one pass: bounds its memory."""
_MEMORY_ON_CPU = 2**31
"""Most bytes of the cache where torch cannot say what is free."""


class LearnedDetector:
    """Regrets a definition when the probe says that its parameter cannot be computed next.

    Args:
        probe: on its device; it is used in evaluation mode.
        threshold: least probability of "cannot" at which a definition is rolled back.
        rows: how many rows' caches are kept; a row that was pushed out is computed again from its start.
        context: longest text.
    """

    def __init__(self, probe: Probe, *, threshold: float = 0.5, rows: int = 256, context: int = 2048) -> None:
        self.probe, self.threshold = probe.eval().requires_grad_(False), threshold
        weight = probe.classifier.weight
        self.cache = Cache(probe.model.slots, rows, context, weight.dtype, weight.device)
        self._free = list(range(rows))
        self._rows: OrderedDict[tuple[int, int], tuple[int, list[int]]] = OrderedDict()
        self.read_of: Counter[int] = Counter()
        """Tokens of the solutions of each problem that the probe was fed so far; taken out by `forget`."""

    def regrets(self, questions: Sequence[Question]) -> list[bool]:
        """See `igsm.decoding.detectors.Detector`."""
        return [probability >= self.threshold for probability in self.probabilities(questions)]

    @torch.inference_mode()
    def probabilities(self, questions: Sequence[Question]) -> list[float]:
        """For each question the probability that the parameter can NOT be computed next."""
        texts = [[*question.prompt, *question.tokens] for question in questions]
        answers = [0.0] * len(questions)
        jobs: list[tuple[int, int, int]] = []
        for number, (question, text) in enumerate(zip(questions, texts, strict=True)):
            key = (question.index, question.sample)
            taken = key in self._rows and any(row == self._rows[key][0] for _, row, _ in jobs)
            if taken or len(jobs) == len(self._free) + len(self._rows):
                self._answer(jobs, texts, answers)
                jobs = []
            row, known = self._row(key)
            # The last token is always fed again: its state is what is asked for.
            jobs.append((number, row, _common_prefix(known, text[:-1])))
            self.read_of[question.index] += len(text) - max(jobs[-1][2], len(question.prompt))
            self._rows[key] = (row, text)
        self._answer(jobs, texts, answers)
        return answers

    def forget(self, index: int) -> int:
        """Give back the rows of a problem that is done, so that none of another is pushed out; tokens read of it."""
        for key in [key for key in self._rows if key[0] == index]:
            self._free.append(self._rows.pop(key)[0])
        return self.read_of.pop(index, 0)

    def follow(self, index: int, parents: Sequence[int]) -> None:
        """Text i of this problem goes on from what was read of its text `parents[i]`, which is not read again."""
        keys = [(index, number) for number in range(len(parents))]
        if len(keys) > len(self._free) + len(self._rows):
            return
        for key in sorted(keys, key=lambda key: key not in self._rows):  # the known ones first: none is pushed out
            self._row(key)
        rows = [self._rows[key][0] for key in keys]
        # A parent that none of the keys is may have been pushed out to make room: its text is read again.
        sources = [self._rows.get((index, parent), (row, [])) for parent, row in zip(parents, rows, strict=True)]
        self.cache.copy(*(torch.tensor(one, device=self.cache.device) for one in ([row for row, _ in sources], rows)))
        for key, row, (_, text) in zip(keys, rows, sources, strict=True):
            self._rows[key] = (row, text)

    def _row(self, key: tuple[int, int]) -> tuple[int, list[int]]:
        if key not in self._rows:
            row = self._free.pop() if self._free else self._rows.popitem(last=False)[1][0]
            self._rows[key] = (row, [])
        self._rows.move_to_end(key)
        return self._rows[key]

    def _answer(self, jobs: list[tuple[int, int, int]], texts: list[list[int]], answers: list[float]) -> None:
        jobs = sorted(jobs, key=lambda job: len(texts[job[0]]) - job[2])
        while jobs:
            size, longest, newest = 0, 0, 0
            for number, _, start in jobs:
                longest, newest = max(longest, len(texts[number])), max(newest, len(texts[number]) - start)
                if size and (size + 1) * longest * newest > _SCORES_A_PASS:
                    break
                size += 1
            part, jobs = jobs[:size], jobs[size:]
            news = [texts[number][start:] for number, _, start in part]
            rows, starts = [row for _, row, _ in part], [start for _, _, start in part]
            for (number, _, _), answer in zip(part, self._advance(rows, starts, news), strict=True):
                answers[number] = answer

    def _advance(self, rows: list[int], starts: list[int], news: list[list[int]]) -> list[float]:
        """Feed each row's new tokens from position `start` on; the answers at their last ones."""
        width, longest = max(map(len, news)), max(start + len(new) for start, new in zip(starts, news, strict=True))
        ids, where, first, counts = (
            torch.tensor(values, device=self.cache.device)
            for values in ([new + [0] * (width - len(new)) for new in news], rows, starts, list(map(len, news)))
        )
        memory = Continuation(self.cache, where, first, counts, width, longest)
        states = self.probe.model.hidden(ids, positions=memory.positions, memory=memory)
        last = states[torch.arange(len(news), device=self.cache.device), counts - 1]
        answers: list[float] = self.probe.classifier(last).float().softmax(-1)[:, CANNOT].tolist()
        return answers


def load_detector(
    decoder: NamedDecoder, vocabulary: Vocabulary, device: torch.device | str, units: int, context: int
) -> Detector | Verifier:
    """The detector or verifier that a decoder's name asks for, a learned one from its run folder (a `MakeDetector`).

    A learned one keeps a cache for every unit, or for as many as half of the free memory of a GPU (2 GiB on the CPU)
    has room for.

    Raises:
        InputError: the folder holds no probe, or one of another vocabulary.
    """
    found = _probe_of(decoder, vocabulary, device)
    if found is None:
        return make_detector(decoder, vocabulary, device, units, context)
    probe, question = found
    if decoder.scores_solutions(question):
        return Verifier(probe, question, vocabulary)
    free = 2 * _MEMORY_ON_CPU
    if torch.device(device).type == "cuda":
        free = free_memory(device)
    each = row_bytes(probe.model.slots, context, probe.classifier.weight.dtype)
    rows = max(1, min(units, free // 2 // each))
    return LearnedDetector(probe, rows=rows, context=context)


def probe_of(decoder: NamedDecoder, vocabulary: Vocabulary, device: torch.device | str = "cpu") -> Probe | None:
    """The probe behind a decoder's learned detector, None if it has no such one.

    Raises:
        InputError: as `load_detector`.
    """
    found = _probe_of(decoder, vocabulary, device)
    return found and found[0]


def _probe_of(decoder: NamedDecoder, vocabulary: Vocabulary, device: torch.device | str) -> tuple[Probe, str] | None:
    """The probe, and the question that it answers."""
    wanted = decoder.detector
    if wanted is None or wanted.folder is None:
        return None
    probe, config = load_probe(wanted.folder, device)
    decoder.check_question(wanted.folder, config.question)
    if vocabulary_of(config, wanted.folder).fingerprint != vocabulary.fingerprint:
        raise InputError(f"decoder '{decoder.name}': {wanted.folder} is a probe of a model with another vocabulary")
    return probe, config.question


def _common_prefix(one: list[int], other: list[int]) -> int:
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        return shorter
    return next(i for i in range(shorter) if one[i] != other[i])
