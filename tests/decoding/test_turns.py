"""Several attempts in one row, with known logits."""

from __future__ import annotations

import pytest

from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Request
from igsm.decoding.rows import RowDecoder
from igsm.decoding.turns import TurnsDecoder
from igsm.errors import InputError
from igsm.problems.difficulty import ProblemConfig
from tests.decoding.conftest import END, Chain, prefer

AGAIN = 5
# 2 3 END, and after AGAIN 4 END
MODEL = Chain(lambda token, position: prefer(6, {1: 2, 2: 3, 3: END, AGAIN: 4, 4: END}.get(token, END)))


@pytest.mark.parametrize("sync_every", [1, 4])
def test_again_stands_in_the_place_of_the_end(sync_every):
    found = {}
    for turns in (1, 2, 4):
        decoder = TurnsDecoder(Engine(MODEL, 2, 32), END, again=AGAIN, turns=turns, sync_every=sync_every)
        (found[turns],) = decoder.run([Request(0, [1, 1])])
        assert found[turns].finished
    assert found[1].tokens == [2, 3, END]
    assert found[2].tokens == [2, 3, AGAIN, 4, END]
    assert found[4].tokens == [2, 3, AGAIN, 4, AGAIN, 4, AGAIN, 4, END]
    assert found[4].n_generated == 9


def test_a_full_row_ends_within_its_turn():
    decoder = TurnsDecoder(Engine(MODEL, 2, 6), END, again=AGAIN, turns=9)
    (found,) = decoder.run([Request(0, [1, 1])])
    assert found.tokens == [2, 3, AGAIN, 4]
    assert not found.finished


def test_one_turn_is_greedy_decoding(any_model, requests):
    engines = [Engine(any_model, 4, 48) for _ in range(2)]
    decoders = (RowDecoder(engines[0], END), TurnsDecoder(engines[1], END, again=7, turns=1))
    greedy, one = ({found.index: found.tokens for found in decoder.run(requests)} for decoder in decoders)
    assert greedy == one


def test_a_model_without_the_mark_is_refused():
    assert parse_decoder("turns3").turns == 3
    with pytest.raises(InputError, match=r"decoder 'turns3': the model was trained without \[again\]"):
        parse_decoder("turns3").build(None, load_vocabulary(ProblemConfig(difficulty="nano")), None)
