"""Retry upon regret, with rows and with beams."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from igsm.decoding.beam import BeamDecoder
from igsm.decoding.detectors import GroundTruth, Noisy, Question, Silent
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Request
from igsm.decoding.regret import RegretDecoder
from igsm.decoding.regret_beam import RegretBeamDecoder
from igsm.decoding.rows import RowDecoder
from igsm.decoding.sentences import Markers, next_question
from igsm.decoding.streams import problem_key
from tests.decoding.conftest import END, Chain

CONTEXT = 48
DEFINE, AS, STOP = (1, 2), 3, 4
MARKERS = Markers(DEFINE, AS, STOP)


class Rule:
    """A detector that regrets by a rule on the generated tokens, and remembers what it was asked."""

    def __init__(self, rule):
        self.rule, self.asked = rule, []

    def regrets(self, questions: list[Question]) -> list[bool]:
        self.asked += [(q.index, tuple(q.tokens)) for q in questions]
        return [self.rule(list(q.tokens)) for q in questions]


def run(model, requests, detector, beams=1, units=3, **options):
    engine = Engine(model, units * beams, CONTEXT, beams=beams)
    kind = RegretDecoder if beams == 1 else RegretBeamDecoder
    decoder = kind(engine, END, detector=detector, markers=MARKERS, **options)
    return {g.index: g for g in decoder.run(requests)}


def sentences(names):
    """A mock that writes "Define NAME as ." twice and ends; `names`: logits of names 5, 6, 7 at each position."""

    def rule(token, position):
        logits = [-60.0] * 8
        if token in (5, 6, 7):
            logits[AS] = 0.0
        elif token == 2:
            logits[5:8] = names
        elif token == STOP and position > 9:
            logits[END] = 0.0
        else:
            logits[{STOP: 1, 1: 2, AS: STOP}[token]] = 0.0
        return logits

    return Chain(rule)


def frequent(model, requests):
    """Markers that the random model really writes: those that make the most questions."""
    texts = [g.tokens for g in RowDecoder(Engine(model, 5, CONTEXT), END).run(requests)]

    def questions(markers):
        places = [[t for t, token in enumerate(text) if token == markers.closing] for text in texts]
        return sum(text.count(markers.stop) > 1 and len(p) for text, p in zip(texts, places, strict=True))

    pairs = [Markers((), closing, stop) for closing in range(1, 24) for stop in range(1, 24) if stop != closing]
    return max(pairs, key=lambda m: questions(SimpleNamespace(closing=m.closing, stop=m.sentence_end)))


@pytest.mark.parametrize("sync_every", [1, 5])
def test_a_silent_detector_changes_nothing(model, requests, sync_every):
    """Guards the asking itself: it must not disturb greedy decoding, nor beam search of either kind."""
    plain = {g.index: g.tokens for g in RowDecoder(Engine(model, 5, CONTEXT), END).run(requests)}
    silent = run(model, requests, Silent(), sync_every=sync_every)
    assert {i: g.tokens for i, g in silent.items()} == plain
    assert all(g.n_generated == len(g.tokens) for g in silent.values())
    for sampling in (False, True):
        engine = Engine(model, 12, CONTEXT, beams=4)
        plain = {g.index: g.tokens for g in BeamDecoder(engine, END, sampling=sampling).run(requests)}
        silent = run(model, requests, Silent(), beams=4, sampling=sampling, sync_every=sync_every)
        assert {i: g.tokens for i, g in silent.items()} == plain


@pytest.mark.parametrize("beams", [1, 4])
def test_rollback_at_the_first_sentence(beams):
    """Guards going back to the very start of the solution: the prompt's last token must be fed again."""
    detector = Rule(lambda tokens: tokens[-2] == 5)
    generation = run(sentences([3.0, 1.0, 0.0]), [Request(0, [STOP], 11)], detector, beams=beams)[0]
    names = [t for t in generation.tokens if t in (5, 6, 7)]
    assert len(names) == 2
    assert 5 not in names
    assert generation.finished
    assert generation.rollbacks > 0


@pytest.mark.parametrize("kind", [RowDecoder, BeamDecoder, RegretDecoder, RegretBeamDecoder])
def test_the_cost_is_what_was_generated(model, requests, kind):
    """Guards the cost that accuracy is drawn against: every step of every beam, rolled back and lost ones too."""
    beams = 4 if "Beam" in kind.__name__ else 1
    options = {}
    if "Regret" in kind.__name__:
        options = {"detector": Rule(lambda tokens: sum(tokens) % 4 != 0), "markers": frequent(model, requests)}
    decoder = kind(Engine(model, 3 * beams, CONTEXT, beams=beams), END, **options)
    steps = 0
    step = decoder.step

    def counted(numbers, longest):
        nonlocal steps
        steps += int(decoder.active[numbers].sum())
        step(numbers, longest)

    decoder.step = counted
    found = list(decoder.run(requests))
    assert sum(generation.n_generated for generation in found) == beams * steps
    kept = sum(len(generation.tokens) for generation in found)
    assert beams * steps == kept if kind is RowDecoder else beams * steps > beams * kept


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("max_rollbacks", [0, 3])
def test_retries_exhausted(beams, max_rollbacks):
    """Guards the bound: after max_rollbacks sentences rolled back nobody is asked and the solution ends."""
    detector = Rule(lambda tokens: True)
    generation = run(
        sentences([3.0, 1.0, 0.0]), [Request(0, [STOP], 5)], detector, beams=beams, max_rollbacks=max_rollbacks
    )[0]
    assert generation.rollbacks == max_rollbacks == len(detector.asked)
    assert generation.finished


def test_only_the_withdrawn_sentence_is_sampled():
    """Guards "greedy again": the sentence after a regenerated one takes the most probable name."""
    asked = []

    def first_time(tokens):
        asked.append(1)
        return len(asked) == 1

    close = sentences([0.1, 0.0, 0.0])
    seconds = []
    for key in range(12):
        asked.clear()
        generation = run(close, [Request(0, [STOP], problem_key(key))], Rule(first_time))[0]
        names = [t for t in generation.tokens if t in (5, 6, 7)]
        seconds.append(names[1])
    assert set(seconds) == {5}


@pytest.mark.parametrize("beams", [1, 4])
def test_late_answers_batches_and_order_do_not_matter(any_model, requests, beams):
    """Guards rollback against speculation: what was generated before the answer came must leave no trace."""
    requests = requests[:9]

    def rule(tokens):
        return sum(tokens) % 4 != 0

    markers = frequent(any_model, requests)

    def tokens(requests, units, sync_every):
        engine = Engine(any_model, units * beams, CONTEXT, beams=beams)
        kind = RegretDecoder if beams == 1 else RegretBeamDecoder
        decoder = kind(engine, END, detector=Rule(rule), markers=markers, sync_every=sync_every)
        return {g.index: (g.tokens, g.rollbacks, g.n_generated) for g in decoder.run(requests)}

    expected = tokens(requests, 1, 1)
    assert sum(retries for _, retries, _ in expected.values()) > 10, "no regret: the test shows nothing"
    assert tokens(requests[::-1], 6, 1) == expected
    assert tokens(requests, 30, 4) == expected


def test_scores_after_going_back_are_those_of_full_forward_passes(any_model, requests):
    """Guards the score that a search takes back with its tokens: a wrong one would rank what follows wrongly."""
    markers = frequent(any_model, requests)
    engine = Engine(any_model, 12, CONTEXT, beams=4)
    detector = Rule(lambda tokens: sum(tokens) % 4 != 0)
    retries = 0
    for generation in RegretBeamDecoder(engine, END, detector=detector, markers=markers).run(requests[:9]):
        retries += generation.rollbacks
        prompt = list(requests[generation.index].prompt)
        with torch.no_grad():
            logits = any_model(torch.tensor([prompt + generation.tokens]))[0, len(prompt) - 1 : -1]
        chosen = logits.log_softmax(-1).gather(1, torch.tensor(generation.tokens)[:, None])
        assert math.isclose(generation.score, float(chosen.mean()), rel_tol=1e-3, abs_tol=1e-3)
    assert retries > 10, "no regret: the test shows nothing"


@pytest.mark.parametrize("beams", [1, 4])
def test_what_is_returned_has_passed(model, requests, beams):
    """Guards the hole of a beam that takes the lead after its question should have been asked."""
    markers = frequent(model, requests)

    def rule(tokens):
        return sum(tokens) % 4 != 0

    engine = Engine(model, 3 * beams, CONTEXT, beams=beams)
    kind = RegretDecoder if beams == 1 else RegretBeamDecoder
    decoder = kind(engine, END, detector=Rule(rule), markers=markers, max_rollbacks=25)
    questions = 0
    for generation in decoder.run(requests[:9]):
        place = next_question(generation.tokens, 0, markers)
        while place is not None:
            questions += 1
            assert generation.rollbacks >= 25 or not rule(generation.tokens[:place])
            place = next_question(generation.tokens, place, markers)
    assert questions > 0


def one_or_two_sentences(ends):
    """A mock: after "Define 5 as ." it ends with probability `ends`, or writes "Define 5 as X .", X one of five."""

    def rule(token, position):
        logits = [-60.0] * 13
        if token == STOP and position == 5:
            logits[END], logits[1] = math.log(ends), math.log(1 - ends)
        elif token == AS and position > 5:
            logits[8:] = [math.log(0.2)] * 5
        else:
            logits[{STOP: END if position else 1, 1: 2, 2: 5, 5: AS}.get(token, STOP)] = 0.0
        return logits

    return Chain(rule)


SHORT = [1, 2, 5, AS, STOP, END]


@pytest.mark.parametrize("sync_every", [1, 3])
def test_a_finished_hypothesis_survives_going_back(sync_every):
    """Guards against finished solutions that a regret throws away: the short one is the best, and has passed.

    The beam with a second sentence leads (log 0.6 / 9 against log 0.4 / 6) when its name is regretted, but once it has
    ended (log 0.12 / 12) it is the worse.
    """
    detector = Rule(lambda tokens: len(tokens) > 4)
    options = {"beams": 2, "sampling": False, "max_rollbacks": 1, "sync_every": sync_every}
    for key in range(8):
        detector.asked.clear()
        generation = run(one_or_two_sentences(0.4), [Request(0, [STOP], key)], detector, **options)[0]
        assert generation.tokens == SHORT
        assert generation.score == pytest.approx(math.log(0.4) / 6)
        assert (generation.rollbacks, len(detector.asked)) == (1, 2)


def test_a_beam_worse_than_the_best_finished_is_not_asked():
    """Guards against regret over a beam that would not be returned (log 0.3 / 9 against log 0.7 / 6)."""
    detector = Rule(lambda tokens: len(tokens) > 4)
    generation = run(one_or_two_sentences(0.7), [Request(0, [STOP])], detector, beams=2, sampling=False)[0]
    assert (generation.tokens, generation.rollbacks) == (SHORT, 0)
    assert [tokens for _, tokens in detector.asked] == [(1, 2, 5, AS)]


def test_kept_hypotheses_have_passed(model, requests):
    """Guards what competes on after a regret: all finished hypotheses that pass the detector, and no other."""
    markers = frequent(model, requests)
    kept, finished = [], 0

    def passes(tokens):
        places = [next_question(tokens, 0, markers)]
        while places[-1] is not None:
            places.append(next_question(tokens, places[-1], markers))
        return all(sum(tokens[:place]) % 3 == 0 for place in places[:-1])

    class Watched(RegretBeamDecoder):
        def keep(self, number, hypotheses):
            nonlocal finished
            for place, (there, *_) in enumerate(self.final[number].tolist()):
                finished += there
                assert (place in hypotheses) == (there and passes(self.hypothesis(number, place)[0]))
            kept.extend(hypotheses.values())
            super().keep(number, hypotheses)
            assert [self.hypothesis(number, i)[0] for i in range(len(hypotheses))] == [*hypotheses.values()]

    decoder = Watched(
        Engine(model, 12, CONTEXT, beams=4),
        END,
        detector=Rule(lambda t: sum(t) % 3 != 0),
        markers=markers,
        max_rollbacks=25,
    )
    assert len(list(decoder.run(requests))) == len(requests)
    assert 0 < len(kept) < finished, "none kept, or none dropped: the test shows nothing"


class FakeProblem:
    """Parameters a, b, c; c needs a and b."""

    def find(self, name):
        return name if name in "abc" else None

    def can_next(self, name, defined):
        return name not in defined and (name != "c" or {"a", "b"} <= defined)


@pytest.mark.parametrize(
    ("text", "regrets"),
    [
        (" Define a as", False),
        (" Define c as", True),
        (" Define a as x; so x = 3. Define a as", True),
        (" Define a as x; so x = 3. Define b as y; so y = 2. Define c as", False),
        (" Define a as BACK. Define b as y; so y = 2. Define c as", True),
        (" Define a as BACK. Define a as", False),
        (" Define z as", True),
        (" Define  as", True),
    ],
)
def test_ground_truth(text, regrets):
    """Guards the detector's reading of a text: what BACK took back is not defined, unknown names are regretted."""
    assert GroundTruth.regrets_text(FakeProblem(), text) is regrets


def test_noise_has_its_rates_and_is_a_function_of_the_prefix():
    """Guards the noisy detector: rates, and the same answer to the same question."""
    questions = [Question(i, None, [], [i, AS]) for i in range(4000)]
    for truth, low, high in ((False, 0.08, 0.12), (True, 0.66, 0.74)):
        noisy = Noisy(Rule(lambda tokens, truth=truth: truth), 0.1, 0.3, seed=3)
        answers = noisy.regrets(questions)
        assert low < sum(answers) / len(answers) < high
        assert noisy.regrets(questions) == answers
    other = [Question(q.index, None, [7], q.tokens) for q in questions]
    assert noisy.regrets(other) != answers, "two problems share their errors"
