"""The decoding benchmark's random weights: they write the given solutions and are asked as a trained model is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from igsm.config import build_config
from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.detectors import GroundTruth, Question
from igsm.decoding.loop import Request
from igsm.mistakes.source import DocumentSource
from igsm.model import GPT, ModelConfig
from igsm.problems.difficulty import ProblemConfig


@pytest.mark.parametrize("name", ["greedy", "regret-p"])
def test_random_weights_write_the_solutions(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a speed of regret that nobody was asked for: random weights alone define nothing."""
    from benchmarks.scripted import ScriptedDecoding, solution_ids

    settings = build_config(ProblemConfig, {"difficulty": "nano", "split": "test"}, "test")
    vocabulary, source = load_vocabulary(settings), DocumentSource(settings, seed=1)
    documents = [source.document(i) for i in range(6)]
    scripts = {i: solution_ids(document, vocabulary) for i, document in enumerate(documents)}
    asked: list[int] = []
    truth = GroundTruth.regrets

    def counted(self: GroundTruth, questions: Sequence[Question]) -> list[bool]:
        asked.extend(question.index for question in questions)
        return truth(self, questions)

    monkeypatch.setattr(GroundTruth, "regrets", counted)
    model = GPT(ModelConfig(layers=1, heads=1, vocabulary_size=vocabulary.size)).eval()
    requests = [
        Request(i, vocabulary.prompt(document.problem).tolist(), i, document.problem, len(scripts[i]))
        for i, document in enumerate(documents)
    ]
    with ScriptedDecoding(model, parse_decoder(name), vocabulary, devices=["cpu"], batch=4) as decoding:
        decoding.scripts = scripts
        found = list(decoding.run(requests))
    assert {one.index: one.tokens for one in found} == scripts
    assert all(one.finished and not one.rollbacks for one in found)
    definitions = sum(vocabulary.decode(script).count("Define") for script in scripts.values())
    assert len(asked) == (definitions if name == "regret-p" else 0)
