"""From a model and test problems to graded solutions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from igsm.corpus.vocabulary import Vocabulary
from igsm.decoding.kept import KeptSamples
from igsm.decoding.loop import Generation, Request
from igsm.decoding.run import Decoding
from igsm.decoding.sentences import split_answer
from igsm.decoding.streams import problem_key
from igsm.evaluation.testsets import TestProblem
from igsm.grading.grade import grade
from igsm.grading.metrics import Json
from igsm.mistakes.layout import Mark
from igsm.problems.problem import Problem


def generations(
    decoding: Decoding,
    tests: Sequence[TestProblem],
    stream: str,
    tick: Callable[[int], None] = lambda steps: None,
    *,
    marks: Sequence[Mark] = (),
    examples: Sequence[int] = (),
    kept: KeptSamples | None = None,
) -> Iterator[Json]:
    """One record a problem, as solutions finish: texts, and how many tokens they took.

    The record has the fields that `mistakes check` reads (problem, solution, answer, op, modulus, lexicon).

    Args:
        stream: names the random numbers of sampling: every problem of every stream has its own.
        tick: see `Decoding.run`.
        marks: those that the model's method asks for a solution with, unless the decoder has others.
        examples: ids of documents before every prompt.
        kept: see `Decoding.run`.
    """
    vocabulary, samples = decoding.vocabulary, range(decoding.decoder.samples)
    requests = []
    asked_with = marks if decoding.decoder.prompt is None else decoding.decoder.prompt
    for test in tests:
        prompt = vocabulary.prompt(test.problem, asked_with, examples).tolist()
        keys = [problem_key(stream, test.index, sample) for sample in samples]
        requests.append(Request(test.index, prompt, keys[0], test.problem, keys=keys))
    by_index = {test.index: test for test in tests}
    for generation in decoding.run(requests, tick, kept):
        yield _record(by_index[generation.index], generation, vocabulary)


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
        "prefix_tokens": generation.n_prefix,
        "verifier_tokens": generation.n_verified,
    }


def verdict_of(record: Json, problem: Problem) -> Json:
    """The graded record: one line of `verdicts.jsonl`."""
    verdict = grade(problem, record["solution"], record["answer"])
    kept = {name: record[name] for name in ("index", "op", "rollbacks", "generated_tokens", "finished")}
    kept |= {name: record[name] for name in ("prefix_tokens", "verifier_tokens") if name in record}
    return kept | {"true_answer": problem.answer} | verdict.numbers()
