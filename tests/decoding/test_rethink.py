"""Solve, judge, solve again: with known logits, and against greedy decoding."""

from __future__ import annotations

import pytest
import torch

from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Request
from igsm.decoding.rethink import RethinkDecoder
from igsm.decoding.rows import RowDecoder
from igsm.errors import InputError
from igsm.mistakes.layout import Mark
from igsm.problems.difficulty import ProblemConfig
from tests.decoding.conftest import END, Chain, prefer

JUDGE, GOOD, BAD, RIGHT, WRONG = 6, 7, 8, 2, 3
MARKS = {"judge": JUDGE, "good": GOOD, "bad": BAD}


class Judging(Chain):
    """Writes WRONG first; what it judges is bad if the judge stands behind WRONG, two tokens after the prompt."""

    def __init__(self, draws_right: float, judges: int) -> None:
        self.judges = judges
        super().__init__(self._logits)
        self.draws_right = draws_right

    def _logits(self, token: int, position: int) -> list[float]:
        if token == JUDGE:
            return prefer(9, self.judges)
        if token in (RIGHT, WRONG):
            return prefer(9, END)
        logits = prefer(9, WRONG)
        logits[RIGHT] = logits[WRONG] + float(torch.tensor(self.draws_right).log())
        return logits


def generation(model, rounds, **options):
    decoder = RethinkDecoder(Engine(model, 2, 16), END, rounds=rounds, **MARKS, **options)
    (found,) = decoder.run([Request(0, [5, 1], key=3)])
    return found


@pytest.mark.parametrize("sync_every", [1, 3])
def test_a_good_solution_stands_and_a_bad_one_is_drawn_anew(sync_every):
    """Guards: the verdict in the solution; tokens given up that are not counted; more rounds than allowed."""
    found = generation(Judging(0.5, GOOD), 3, sync_every=sync_every)
    assert (found.tokens, found.finished, found.rollbacks) == ([WRONG, END], True, 0)
    assert found.n_generated == 3  # with the judge
    for rounds in (1, 4):
        found = generation(Judging(0.0, BAD), rounds, sync_every=sync_every)
        assert (found.tokens, found.finished, found.rollbacks) == ([WRONG, END], True, rounds)
        assert found.n_generated == 3 + 2 * rounds
    found = generation(Judging(1e6, GOOD), 1, sync_every=sync_every)
    assert found.tokens == [RIGHT, END]


def test_solutions_after_the_first_are_drawn():
    """Greedy takes WRONG always; sampled, RIGHT comes up as often as the model says."""
    decoder = RethinkDecoder(Engine(Judging(0.999, BAD), 5, 16), END, rounds=1, **MARKS)
    found = list(decoder.run([Request(i, [5, 1], key=i) for i in range(200)]))
    right = sum(one.tokens[0] == RIGHT for one in found)
    assert 70 < right < 130
    assert {one.rollbacks for one in found} == {1}


def test_without_room_for_a_verdict_the_solution_stands():
    decoder = RethinkDecoder(Engine(Judging(0.0, BAD), 1, 4), END, rounds=1, **MARKS)
    (found,) = decoder.run([Request(0, [5, 1])])
    assert (found.tokens, found.finished, found.rollbacks) == ([WRONG, END], True, 0)


def test_a_model_that_finds_everything_good_decodes_greedily(model, requests):
    """Guards the cache: setting a row back, and refilling it, must leave nothing behind."""

    class Content(torch.nn.Module):
        slots = model.slots

        def hidden(self, *args, **kwargs):
            return model.hidden(*args, **kwargs)

        def head(self, states):
            logits = model.head(states).clone()
            logits[..., GOOD], logits[..., BAD] = 0.0, -1.0 if self.content else 1.0
            logits[..., JUDGE] = -100.0
            return logits

    content = Content()
    found = {}
    for content.content in (True, False):
        decoder = RethinkDecoder(Engine(content, 4, 48), END, rounds=2, **MARKS)
        found[content.content] = {one.index: one for one in decoder.run(requests)}
        greedy = {one.index: one.tokens for one in RowDecoder(Engine(content, 4, 48), END).run(requests)}
        if content.content:
            assert {i: one.tokens for i, one in found[True].items()} == greedy
    ended = [i for i, one in found[True].items() if one.finished]
    assert len(ended) > 3
    assert all(found[False][i].rollbacks for i in ended if len(requests[i].prompt) + len(found[True][i].tokens) < 47)


def test_a_model_without_the_marks_is_refused():
    vocabulary = load_vocabulary(ProblemConfig(difficulty="nano"))
    decoder = parse_decoder("rethink2:0.7")
    assert (decoder.rounds, decoder.temperature) == (2, 0.7)
    with pytest.raises(InputError, match=r"trained without \[judge\], \[good\], \[bad\]"):
        decoder.build(None, vocabulary, None)
    with pytest.raises(InputError, match="the number must be 1 to 64"):
        parse_decoder("rethink0")
    known = load_vocabulary(ProblemConfig(difficulty="nano"), marks=frozenset({Mark.JUDGE, Mark.GOOD, Mark.BAD}))
    assert decoder.build(Engine(Judging(0.0, BAD), 1, 8), known, None).rounds == 2
