"""Votes: whose answer counts, and whose does not."""

from __future__ import annotations

from igsm.corpus.vocabulary import ANSWER_START, END, load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.loop import Generation, Request
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource

NANO = ProblemConfig(difficulty="nano", split="test")
VOCABULARY = load_vocabulary(NANO)


def choose(samples, problem=None, detector=None):
    vote = parse_decoder(f"vote{len(samples)}")
    return vote.choose(samples, Request(0, [], handle=problem), VOCABULARY, detector)


def answer_of(text: str, solution: str = " Define", index: int = 0) -> Generation:
    """A generation of this solution with the answer `text`; without the answer's mark if that is empty."""
    answer = [ANSWER_START, *VOCABULARY.encode_text(text)] if text else []
    ids = [*VOCABULARY.encode_text(solution), *answer, END]
    return Generation(index, [int(VOCABULARY.from_gpt2[i]) for i in ids], True)


def test_majority_vote():
    """Guards the count and ties: the most frequent answer wins, the earlier one of equals."""
    votes = [answer_of(t) for t in (" 1", " 2", " 2", " 3")]
    assert choose(votes) is votes[1]
    assert choose(votes[:2]) is votes[0]


def test_samples_without_an_answer_do_not_vote():
    """Guards the majority against samples that broke off: together they would outvote any answer."""
    votes = [answer_of(t) for t in ("", " 1", "", " 2")]
    assert choose(votes) is votes[1]
    assert choose([votes[0], votes[2]]) is votes[0]


def test_filtered_votes():
    """Guards the filter: regretted samples do not vote, a step taken back is no fault, and someone always votes."""
    source = ProblemSource(NANO, 0)
    problem = next(problem for problem in map(source.problem, range(99)) if len(problem.solution) > 1)
    good, bad = (f" Define {problem.name(p)} as" for p in problem.solution[:2])
    asked = []

    class OnlyGood:
        def regrets(self, questions):
            asked.append(len(questions))
            return [not VOCABULARY.decode(q.tokens).endswith(good) for q in questions]

    def votes(*solutions):
        return [answer_of(f" {i}", solution, i) for i, solution in enumerate(solutions)]

    samples = votes(f"{bad} a; so a = 1.", f"{bad} a; so a = 1.", f"{good} a; so a = 1.", f"{bad} BACK.{good} a.")
    assert choose(samples, problem, OnlyGood()) is samples[2]
    assert asked[0] == 4, "the samples were not asked about together"
    samples = votes(f"{bad} a.", f"{bad} a.")
    assert choose(samples, problem, OnlyGood()) is samples[0]
