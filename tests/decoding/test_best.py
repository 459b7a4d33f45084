"""Best of n: the samples are those of `sample`, their scores those of full passes, and the right one is taken."""

from __future__ import annotations

import pytest
import torch

from igsm.corpus.vocabulary import ANSWER_START, load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Generation, Request
from igsm.decoding.rows import RowDecoder, ScoredRowDecoder
from igsm.decoding.run import Decoding
from igsm.decoding.streams import problem_key
from igsm.decoding.verifiers import COMBINED, Scored
from igsm.errors import InputError
from igsm.grading.grade import grade
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource
from igsm.seeds import numpy_generator
from tests.decoding.conftest import END

VOCABULARY = load_vocabulary(ProblemConfig(difficulty="nano"))
CRITERIA = ("best{n}-logprob", "best{n}-oracle", "best{n}-prm@x", "best{n}-prm:min@x", "vote{n}", "vote{n}-prm@x")


class Given:
    """A verifier whose scores are known."""

    def __init__(self, *steps: list[float]) -> None:
        self.steps = steps

    def score(self, prompt, solutions):
        return Scored(list(self.steps), len(prompt) + sum(map(len, solutions)))


def written(solution: str, answer: str, index: int = 0, score: float = 0.0) -> Generation:
    """A sample with this text; it has no answer if that is empty."""
    mark = [ANSWER_START, *VOCABULARY.encode_text(answer)] if answer else []
    ids = VOCABULARY.from_gpt2[[*VOCABULARY.encode_text(solution), *mark]].tolist()
    return Generation(index, [*ids, VOCABULARY.end], True, score=score)


def choose(name: str, samples: list[Generation], verifier: Given | None = None, problem=None) -> Generation:
    request = Request(0, [1, 2, 3], handle=problem)
    return parse_decoder(name).choose(samples, request, VOCABULARY, verifier)


def index_of(chosen: Generation) -> int:
    return chosen.index


def test_scores_are_the_mean_log_probabilities_of_full_passes(any_model, requests):
    decoder = ScoredRowDecoder(Engine(any_model, 5, 48), END, sampling=True)
    plain = {g.index: g.tokens for g in RowDecoder(Engine(any_model, 7, 48), END, sampling=True).run(requests)}
    for found in decoder.run(requests):
        assert found.tokens == plain[found.index]
        prompt = list(requests[found.index].prompt)
        with torch.no_grad():
            logs = any_model(torch.tensor([[*prompt, *found.tokens]]))[0].log_softmax(-1)
        own = [float(logs[len(prompt) - 1 + i, token]) for i, token in enumerate(found.tokens)]
        assert found.score == pytest.approx(sum(own) / len(own), abs=1e-4)


def test_the_best_by_each_criterion():
    samples = [written(" Define", f" {i}", i, score) for i, score in enumerate((-0.3, -0.1, -0.1))]
    assert index_of(choose("best3-logprob", samples)) == 1, "of equals the first"
    verifier = Given([0.9, 0.5], [0.6, 0.6, 0.6], [0.2, 1.0])
    assert index_of(choose("best3-prm@x", samples, verifier)) == 0  # 0.45, 0.216, 0.2
    assert index_of(choose("best3-prm:min@x", samples, verifier)) == 1
    assert index_of(choose("best3-prm:last@x", samples, verifier)) == 2
    assert choose("best3-prm@x", samples, verifier).n_verified == 3 + sum(len(one.tokens) for one in samples)


def test_samples_without_an_answer_are_not_taken():
    samples = [written(" Define", "", 0, -0.1), written(" Define", " 2", 1, -5.0)]
    assert index_of(choose("best2-logprob", samples)) == 1
    assert index_of(choose("best2-logprob", samples[:1])) == 0


def test_weighted_votes():
    """Guards the weights: two bad votes lose against a good one; of the winning answer the best sample is taken."""
    samples = [written(" Define", answer, i) for i, answer in enumerate((" 1", " 1", " 2", " 2"))]
    assert index_of(choose("vote4-prm@x", samples, Given([0.1], [0.2], [0.3], [0.9]))) == 3
    assert index_of(choose("vote4-prm@x", samples, Given([0.6], [0.6], [0.1], [1.0]))) == 0, "1.2 against 1.1"
    assert index_of(choose("vote4-prm@x", samples, Given([0.5], [0.5], [0.5], [0.5]))) == 0, "of equals the first"


def test_nothing_beats_the_oracle():
    """On the same samples, whatever a verifier says."""
    source, random = ProblemSource(ProblemConfig(difficulty="nano"), 0), numpy_generator("test")
    right = dict.fromkeys(CRITERIA, 0)
    for number in range(40):
        problem = source.problem(number)
        written_out = problem.solution_text
        texts = [(written_out, f" {problem.answer}"), (written_out, f" {(problem.answer + 1) % 5}"), ("", "")]
        drawn = [texts[i] for i in random.choice(3, 4, p=(0.3, 0.5, 0.2))]
        samples = [written(*text, i, float(random.normal())) for i, text in enumerate(drawn)]
        for name in CRITERIA:
            verifier = Given(*random.random((4, 3)).tolist()) if "@" in name else None
            if verifier is not None:  # it is asked about those with an answer only
                verifier.steps = verifier.steps[: sum(bool(answer) for _, answer in drawn) or 4]
            chosen = choose(name.format(n=4), samples, verifier, problem)
            right[name] += grade(problem, *drawn[chosen.index]).correct
        possible = any(grade(problem, *text).correct for text in drawn)
        assert right["best{n}-oracle"] >= max(right.values())
        right["possible"] = right.get("possible", 0) + possible
        assert right["best{n}-oracle"] == right["possible"]
    assert 20 < right["best{n}-oracle"] < 40, "the test shows little"


def test_best_of_one_is_the_sample_and_the_oracle_draws_the_same_ones(model):
    """Guards the random numbers of samples, and what is counted."""
    problem = ProblemSource(ProblemConfig(difficulty="nano"), 0).problem(0)
    keys = [problem_key("test", sample) for sample in range(4)]
    request = Request(7, [3, 4, 5], keys[0], problem, 12, keys=keys)

    class Small:  # the words of a vocabulary of 24 ids do not matter here
        def __getattr__(self, name):
            return getattr(VOCABULARY, name)

        end = END

    def decoded(name: str) -> Generation:
        with Decoding(model, parse_decoder(name), Small(), devices=["cpu"], context=32) as decoding:
            return next(iter(decoding.run([request])))

    plain = decoded("sample")
    assert decoded("best1-logprob").tokens == decoded("vote1").tokens == plain.tokens
    assert (plain.n_prefix, plain.n_verified) == (3, 0)
    four, voted = decoded("best4-logprob"), decoded("vote4")
    assert four.n_prefix == 4 * 3
    assert four.n_generated == voted.n_generated
    assert four.score >= decoded("best1-logprob").score


def test_combinations():
    assert COMBINED["prod"]([0.5, 0.5]) == 0.25
    assert COMBINED["min"]([0.5, 0.2, 0.9]) == 0.2
    assert COMBINED["last"]([0.5, 0.2, 0.9]) == 0.9
    assert [one([]) for one in COMBINED.values()] == [1.0] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("best8", "best needs a criterion, e.g. best8-logprob"),
        ("best8-prm", "a verifier with its folder"),
        ("best8-p", "a verifier with its folder"),
        ("best8-oracle@runs/x", "a verifier with its folder under a name of one's own"),
        ("best0-oracle", "1 to 4096, not 0"),
        ("best8-prm:max@runs/x", "combined by prod, min, last, not 'max'"),
        ("vote8-prm:max@runs/x", "combined by prod, min, last, not 'max'"),
        ("step_beam4", "step_beam needs a verifier"),
        ("step_beam4-prm", "step_beam needs a verifier's folder"),
        ("step_beam6-prm@runs/x", "are a multiple of it, not 6"),
        ("step_beam1-prm@runs/x", "2 to 256, not 1"),
    ],
)
def test_bad_names_are_refused(text, message):
    with pytest.raises(InputError, match=message) as error:
        parse_decoder(text)
    assert "\n" not in str(error.value)


def test_probes_for_other_questions_are_refused():
    with pytest.raises(InputError, match="regret asks whether a parameter can be computed next and needs one with"):
        parse_decoder("regret-prm@x").check_question("x", "process")
    with pytest.raises(InputError, match="needs one with question=process"):
        parse_decoder("step_beam4-orm@x").check_question("x", "outcome")
    for question in ("can_next", "outcome", "process", "step"):
        parse_decoder("best4-any@x").check_question("x", question)
        parse_decoder("vote4-any@x").check_question("x", question)
    assert not parse_decoder("vote4-any@x").scores_solutions("can_next")
