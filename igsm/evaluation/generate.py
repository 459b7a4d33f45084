"""From a model and test problems to graded solutions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from igsm.corpus.vocabulary import ANSWER_START, END, Vocabulary
from igsm.decoding.detectors import Detector, Question
from igsm.decoding.loop import Generation, Request
from igsm.decoding.regret import Markers, next_question
from igsm.decoding.run import Decoding, markers_of
from igsm.decoding.streams import problem_key
from igsm.evaluation.testsets import TestProblem
from igsm.grading.grade import grade
from igsm.grading.metrics import Json
from igsm.problems.problem import Problem


def generations(
    decoding: Decoding, tests: Sequence[TestProblem], stream: str, tick: Callable[[int], None] = lambda steps: None
) -> Iterator[Json]:
    """One record a problem, as solutions finish: texts, and how many tokens they took.

    The record has the fields that `mistakes check` reads (problem, solution, answer, op, modulus, lexicon). The
    samples of a vote become one record, when the last of them is there.

    Args:
        stream: names the random numbers of sampling: every problem of every stream has its own.
        tick: see `Decoding.run`.
    """
    decoder, vocabulary = decoding.decoder, decoding.vocabulary
    requests = []
    for test in tests:
        prompt = vocabulary.prompt(test.problem).tolist()
        for vote in range(decoder.votes):
            key = problem_key(stream, test.index, vote)
            requests.append(Request(test.index * decoder.votes + vote, prompt, key, test.problem))
    by_index = {test.index: test for test in tests}
    ballots: dict[int, list[Generation]] = defaultdict(list)
    for generation in decoding.run(requests, tick):
        index = generation.index // decoder.votes
        test = by_index[index]
        if decoder.votes == 1:
            yield _record(test, generation, vocabulary)
            continue
        ballots[index].append(generation)
        if len(ballots[index]) == decoder.votes:
            samples = sorted(ballots.pop(index), key=lambda sample: sample.index)
            chosen, share = vote_on(samples, vocabulary, test.problem, decoding.vote_detector)
            tokens = sum(sample.n_generated for sample in samples)
            yield _record(test, chosen, vocabulary) | {"generated_tokens": tokens, "vote_share": share}


def vote_on(
    samples: Sequence[Generation], vocabulary: Vocabulary, problem: Problem, detector: Detector | None
) -> tuple[Generation, float]:
    """Majority vote over the samples' answers; ties go to the answer that came first.

    A sample without a number for an answer has no vote, unless there are only such samples.

    Args:
        samples: of one problem, in order.
        detector: only samples in which it regrets no step vote, if there are any.

    Returns:
        The first sample with the winning answer, and the winner's share of the votes.
    """
    ballots = [(sample, split_answer(sample.tokens, vocabulary)[1].strip()) for sample in samples]
    ballots = [ballot for ballot in ballots if ballot[1].isdecimal()] or ballots
    if detector is not None:
        regretted = _regretted([sample for sample, _ in ballots], problem, vocabulary, detector)
        ballots = [ballot for ballot in ballots if ballot[0].index not in regretted] or ballots
    voters, answers = zip(*ballots, strict=True)
    counts = Counter(answers)
    winner = max(counts, key=lambda answer: (counts[answer], -answers.index(answer)))
    return voters[answers.index(winner)], counts[winner] / len(voters)


def _regretted(samples: Sequence[Generation], problem: Problem, vocabulary: Vocabulary, detector: Detector) -> set[int]:
    """Indices of the samples with a definition that the detector regrets and the sample does not take back itself.

    All samples' next definitions are asked about at once.
    """
    markers = markers_of(vocabulary)
    back = [int(vocabulary.from_gpt2[i]) for i in vocabulary.encode_text(" BACK")]
    prompt = vocabulary.prompt(problem).tolist()
    regretted = set()
    open_samples = {sample.index: 0 for sample in samples}
    by_index = {sample.index: sample.tokens for sample in samples}
    while open_samples:
        places = {index: _next_kept(by_index[index], asked, markers, back) for index, asked in open_samples.items()}
        open_samples = {index: place for index, place in places.items() if place is not None}
        questions = [Question(i, problem, prompt, by_index[i][:place], i) for i, place in open_samples.items()]
        for question, regrets in zip(questions, detector.regrets(questions) if questions else [], strict=True):
            if regrets:
                regretted.add(question.index)
                del open_samples[question.index]
    return regretted


def _next_kept(tokens: list[int], start: int, markers: Markers, back: list[int]) -> int | None:
    """`next_question`, but for definitions that go on with BACK."""
    place = next_question(tokens, start, markers)
    while place is not None and tokens[place : place + len(back)] == back:
        place = next_question(tokens, place, markers)
    return place


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
        "lexicon": test.lexicon,
        "finished": generation.finished,
        "rollbacks": generation.rollbacks,
        "generated_tokens": generation.n_generated,
    }


def verdict_of(record: Json, problem: Problem) -> Json:
    """The graded record: one line of `verdicts.jsonl`."""
    verdict = grade(problem, record["solution"], record["answer"])
    kept = {name: record[name] for name in ("index", "op", "rollbacks", "generated_tokens", "finished")}
    return kept | {"true_answer": problem.answer} | verdict.numbers()
