"""One prompt, token by token."""

from __future__ import annotations

import pytest

from igsm.decoding.engine import Engine
from igsm.decoding.live import greedy_tokens
from igsm.decoding.rows import RowDecoder
from igsm.errors import InputError
from tests.decoding.conftest import END

CONTEXT = 48


def test_the_tokens_are_those_of_the_decoder_greedy(any_model, requests):
    """Guards: a person sees another solution than the one that is evaluated."""
    decoder = RowDecoder(Engine(any_model, 5, CONTEXT), END)
    expected = {generation.index: generation.tokens for generation in decoder.run(requests)}
    assert {one.index: list(greedy_tokens(any_model, one.prompt, END, CONTEXT)) for one in requests} == expected
    assert {tokens[-1] == END for tokens in expected.values()} == {True, False}, "some end, some fill the context"


def test_tokens_come_one_by_one(model, requests):
    """Guards against a stream that starts when the last token is there."""
    prompt = max(requests, key=lambda one: len(one.prompt)).prompt
    tokens = greedy_tokens(model, prompt, END, CONTEXT)
    calls = []
    hook = model.final_norm.register_forward_hook(lambda *_: calls.append(1))
    next(tokens)
    hook.remove()
    assert calls == [1]


def test_a_prompt_that_cannot_fit_is_refused(model):
    with pytest.raises(InputError, match="no room in a context of 48"):
        next(greedy_tokens(model, [1] * CONTEXT, END, CONTEXT))
