"""From a model and test problems to graded solutions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from igsm.corpus.vocabulary import ANSWER_START, END, Vocabulary
from igsm.decoding.decoders import DecoderName
from igsm.decoding.detectors import Detector, Question
from igsm.decoding.loop import Generation, Request
from igsm.decoding.regret import Markers, next_question
from igsm.decoding.run import CONTEXT, decode, default_devices, markers_of
from igsm.decoding.streams import problem_key
from igsm.evaluation.testsets import TestProblem
from igsm.grading.grade import grade
from igsm.probing.detector import load_detector
from igsm.problems.problem import Problem

Json = dict[str, Any]


def generations(
    model: Any,
    tests: Sequence[TestProblem],
    decoder: DecoderName,
    vocabulary: Vocabulary,
    seed: int,
    **options: Any,
) -> Iterator[Json]:
    """One record a problem, as solutions finish: texts, and how many tokens they took.

    The record has the fields that `mistakes check` reads (problem, solution, answer, op, modulus). The samples of a
    vote become one record, when the last of them is there.

    Args:
        options: of `decoding.run.decode`.
    """
    requests = []
    for test in tests:
        prompt = vocabulary.prompt(test.problem).tolist()
        for vote in range(decoder.votes):
            key = problem_key(seed, test.index, vote)
            requests.append(Request(test.index * decoder.votes + vote, prompt, key, test.problem))
    by_index = {test.index: test for test in tests}
    ballots: dict[int, list[Generation]] = defaultdict(list)
    found = decode(model, requests, decoder, vocabulary, make=load_detector, **options)
    detector = None
    for generation in found:
        index = generation.index // decoder.votes
        test = by_index[index]
        if decoder.votes == 1:
            yield _record(test, generation, vocabulary)
            continue
        ballots[index].append(generation)
        if len(ballots[index]) == decoder.votes:
            samples = sorted(ballots.pop(index), key=lambda sample: sample.index)
            if decoder.detector is not None and detector is None:
                device = (options.get("devices") or default_devices())[0]
                detector = load_detector(decoder, vocabulary, device, decoder.votes, options.get("context", CONTEXT))
            chosen, share = vote_on(samples, vocabulary, test.problem, detector)
            tokens = sum(sample.n_generated for sample in samples)
            yield _record(test, chosen, vocabulary) | {"generated_tokens": tokens, "vote_share": share}


def vote_on(
    samples: Sequence[Generation], vocabulary: Vocabulary, problem: Problem, detector: Detector | None
) -> tuple[Generation, float]:
    """Majority vote over the samples' answers; ties go to the answer that came first.

    Args:
        samples: of one problem, in order.
        detector: only samples in which it regrets no step vote, if there are any.

    Returns:
        The first sample with the winning answer, and the winner's share of the votes.
    """
    voters = list(samples)
    if detector is not None:
        markers = markers_of(vocabulary)
        prompt = vocabulary.prompt(problem).tolist()
        clean = [s for s in samples if not _regretted(s, prompt, problem, detector, markers)]
        voters = clean or voters
    answers = [split_answer(sample.tokens, vocabulary)[1] for sample in voters]
    counts = Counter(answers)
    winner = max(counts, key=lambda answer: (counts[answer], -answers.index(answer)))
    return voters[answers.index(winner)], counts[winner] / len(voters)


def _regretted(sample: Generation, prompt: list[int], problem: Problem, detector: Detector, markers: Markers) -> bool:
    """Whether the detector regrets a definition that the sample does not take back itself."""
    place = next_question(sample.tokens, 0, markers)
    while place is not None:
        withdrawn = sample.tokens[place + 1 : place + 2] == [markers.sentence_end]  # "as BACK."
        question = Question(sample.index, problem, prompt, sample.tokens[:place], sample.index)
        if not withdrawn and detector.regrets([question])[0]:
            return True
        place = next_question(sample.tokens, place, markers)
    return False


def split_answer(tokens: Sequence[int], vocabulary: Vocabulary) -> tuple[str, str]:
    """The texts of solution and answer of generated tokens; a missing answer is ""."""
    end, mark = int(vocabulary.from_gpt2[END]), int(vocabulary.from_gpt2[ANSWER_START])
    tokens = [token for token in tokens if token != end]
    place = tokens.index(mark) if mark in tokens else len(tokens)
    return vocabulary.decode(tokens[:place]), vocabulary.decode(tokens[place + 1 :])


def _record(test: TestProblem, generation: Generation, vocabulary: Vocabulary) -> Json:
    solution, answer = split_answer(generation.tokens, vocabulary)
    return {
        "index": test.index,
        "op": test.op,
        "problem": test.problem.text,
        "solution": solution,
        "answer": answer,
        "text": f"{solution} Answer:{answer}" if answer else solution,
        "modulus": test.problem.modulus,
        "finished": generation.finished,
        "withdrawn": generation.retries,
        "generated_tokens": generation.n_generated,
    }


def verdict_of(record: Json, problem: Problem) -> Json:
    """The graded record: one line of `verdicts.jsonl`."""
    verdict = grade(problem, record["solution"], record["answer"])
    graded = verdict.to_json()
    del graded["steps"]
    kept = {name: record[name] for name in ("index", "op", "withdrawn", "generated_tokens")}
    return kept | {"true_answer": problem.answer} | graded
