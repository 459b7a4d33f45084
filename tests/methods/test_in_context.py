"""A rule for each window: the same in all of it, another in others, and nothing but the examples shows it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from igsm.corpus.blocks import block, documents
from igsm.corpus.config import DataConfig
from igsm.corpus.manifest import law_of
from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.former_keys import upgraded
from igsm.grading import grade
from igsm.methods.in_context import InContext
from igsm.methods.registry import make_method
from igsm.mistakes.layout import Mark
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem
from igsm.problems.source import ProblemSource
from tests.methods.written import EASY, VOCABULARY, laid, readable, with_loss

MODULI = (5, 7, 11, 13, 17, 19, 23)
_EQUATION = re.compile(r"= (\d+) ([-+*]) (\d+) = (\d+)").finditer


def data(**settings: object) -> DataConfig:
    method = make_method({"name": "in_context", **settings})
    return DataConfig(problem=EASY, context=768, windows_per_block=24, method=method)


def right_solutions(window: np.ndarray) -> list[str]:
    """Those whose end is in the window, without their answers."""
    texts = readable(window.tolist()).split("<|end|>")[:-1]
    return [text.partition("<|good|>")[2].partition("<|answer|>")[0] for text in texts]


def possible(text: str) -> set[int]:
    """The moduli that all calculations of a text agree with."""
    signs = {"+": np.add, "-": np.subtract, "*": np.multiply}
    found = [(int(signs[s](int(a), int(b))), int(c)) for a, s, b, c in (m.groups() for m in _EQUATION(text))]
    return {modulus for modulus in MODULI if all(value % modulus == stated for value, stated in found)}


@pytest.mark.parametrize("strategy", ["cot", "implicit", "explicit"])
def test_a_window_has_one_modulus(strategy: str) -> None:
    """Told from the calculations alone; all of them occur."""
    certain = []
    for window in block(data(strategy=strategy), 0).tokens:
        moduli = possible("".join(right_solutions(window)))
        assert moduli
        certain += [*moduli] if len(moduli) == 1 else []
    assert len(certain) > 15
    assert len(set(certain)) > 4


def test_problems_are_those_of_plain_documents() -> None:
    plain = DataConfig(problem=EASY, context=768, windows_per_block=24)
    problems = [[one.problem_text for one in documents(config, 0, 4)][:8] for config in (data(), plain)]
    assert problems[0] == problems[1]


def test_answers_are_those_under_the_rule() -> None:
    """A constant of the text may be larger than the modulus: as a value it counts modulo that."""
    config = data(moduli=[7])
    for document in documents(config, 0, 6):
        assert document.problem is not None
        assert document.problem.modulus == 7
        assert document.answer == document.problem.answer % 7
    for window in block(config, 0).tokens:
        for text in readable(window.tolist()).split("<|end|>")[:-1]:
            assert possible(text.partition("<|good|>")[2]) >= {7}


def test_a_wrong_solution_is_never_the_right_one_again() -> None:
    """Guards: a constant swapped for one that is the same modulo the window's number."""
    config, pairs = data(moduli=[5], plain=0.0, mix="uniform"), 0
    for window in block(config, 0).tokens:
        for text in readable(window.tolist()).split("<|end|>")[:-1]:
            wrong, found, right = text.partition("<|bad|>")[2].partition("<|good|>")
            pairs += bool(found)
            assert not found or wrong.strip() != right.strip()
    assert pairs > 20


def test_loss_token_by_token() -> None:
    method = InContext(strategy="explicit", plain=0.0)
    for one in laid(method, n=5):
        wrong, right = one.text.split("<|good|>")
        step, kind = wrong.index("; so "), wrong.rindex("<|")
        assert wrong.index("<|answer|>") < kind > step, "what is wrong is said after the wrong solution, as in prompts"
        assert with_loss(method, one, loss_on="solution") == f"_{right}<|end|>"
        assert with_loss(method, one) == f"_{one.problem.text}<|solution|>_{right}<|end|>"
        both = InContext(strategy="explicit", loss="both")
        solution = wrong[wrong.index(" Define") :].rpartition("<|")[0].rpartition(" ")[0]
        assert with_loss(both, one, loss_on="solution") == f"_{solution}_{right}<|end|>"
        assert one.verdict.correct


def test_at_test_examples_with_the_modulus_of_the_class_stand_before_the_problem() -> None:
    problem = ProblemConfig(difficulty="nano")
    for strategy, shots in (("cot", 2), ("implicit", 3)):
        method = InContext(strategy=strategy, shots=shots)
        config = DataConfig(problem=problem, context=256, method=method)
        vocabulary = load_vocabulary(problem, "compact", method.marks)
        asked = ProblemSource(problem.model_copy(update={"split": "test"})).problem(0)
        ids = vocabulary.prompt(asked, method.prompt, method.examples(config, vocabulary))
        text = readable(vocabulary.to_gpt2[ids].tolist())
        assert text.startswith("<|end|><|problem|>")
        assert text.endswith(f"<|end|><|problem|>{asked.text}<|solution|><|good|>")
        assert text.count("<|good|>") == shots + 1
        assert text.count("<|bad|>") == (shots if strategy == "implicit" else 0)
        for example in text.split("<|end|>")[1:-1]:
            statement, _, solution = example.removeprefix("<|problem|>").partition("<|solution|>")
            shown = _read(statement)
            assert grade(shown, solution).correct
    assert InContext(shots=0).examples(config, vocabulary) == []


def _read(statement: str) -> Problem:
    from igsm.grading import read_problem

    return read_problem(statement, load_lexicon("nano"), 5)


@pytest.mark.parametrize("strategy", ["cot", "implicit", "explicit"])
def test_the_prompt_at_test_was_seen_in_training(strategy: str) -> None:
    """Guards: strategies compared with each other of which one is asked in a way that it never saw."""
    texts = [
        one for window in block(data(strategy=strategy), 0).tokens for one in readable(window.tolist()).split("<|end|>")
    ]
    asked = [text for text in texts if "<|solution|>" in text]
    direct = sum("<|solution|><|good|>" in text for text in asked) / len(asked)
    assert direct == 1.0 if strategy == "cot" else 0.1 < direct < 0.45


def test_runs_of_before_keep_their_documents() -> None:
    stored = {"name": "in_context", "moduli": [5], "strategy": "implicit"}
    assert upgraded({"data": {"method": stored}})["data"]["method"] == stored | {"plain": 0.0}


def test_a_corpus_says_its_moduli() -> None:
    assert law_of(data())["layout"]["moduli"] == [*MODULI]
    assert "moduli" not in law_of(DataConfig(method=make_method({"name": "fix"})))["layout"]
    assert Mark.GOOD in InContext().marks
    assert VOCABULARY.from_gpt2[Mark.GOOD] >= 0
    with pytest.raises(InputError, match="less than or equal to 23"):
        make_method({"name": "in_context", "moduli": [5, 29]})
