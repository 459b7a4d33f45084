"""Blocks: guards against impure generation, ids that are not the text's, and roles that mark the wrong tokens."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from igsm.corpus.blocks import block, documents
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.kinds import KINDS, WRONG_STEPS
from igsm.problems.difficulty import ProblemConfig

PROBLEM, SOLUTION, ANSWER, END = 222, 223, 224, 50256


def data(context: int = 512, windows: int = 16, corpus: str = "igsm", seed: int = 1, **settings: object) -> DataConfig:
    """Settings are those of the problems and of the mistakes."""
    mistakes = MistakeConfig(**{key: settings.pop(key) for key in MistakeConfig.model_fields if key in settings})  # type: ignore[arg-type]
    problem = ProblemConfig(**({"difficulty": "easy"} | settings))  # type: ignore[arg-type]
    fixed = {"context": context, "windows_per_block": windows, "corpus": corpus, "seed": seed}
    return DataConfig(problem=problem, mistakes=mistakes, **fixed)  # type: ignore[arg-type]


def split_documents(tokens: np.ndarray) -> list[np.ndarray]:
    """The documents in windows [n, context], in order, the last of each window perhaps cut."""
    found = []
    for row in tokens:
        starts = np.flatnonzero(row == PROBLEM)
        assert starts[0] == 0
        found += np.split(row, starts[1:])
    return found


def digest(config: DataConfig, number: int) -> str:
    made = block(config, number)
    return hashlib.sha256(made.tokens.tobytes() + made.roles.tobytes() + made.documents.tobytes()).hexdigest()


def test_a_block_depends_on_nothing_made_before_it() -> None:
    config = data(kind="retry", rate=0.4)
    first = digest(config, 3)
    digest(config, 0)
    digest(data(op=3), 1)
    assert digest(config, 3) == first


def test_blocks_and_neighbouring_seeds_share_no_problem_beyond_chance() -> None:
    def problems(config: DataConfig, number: int) -> set[bytes]:
        return {
            one[: list(one).index(SOLUTION)].tobytes()
            for one in split_documents(block(config, number).tokens)
            if END in one
        }

    sets = [problems(data(difficulty="med", context=768, seed=seed), number) for seed in (1, 2) for number in (0, 1)]
    assert all(len(one) > 15 for one in sets)
    assert len(set.union(*sets)) == sum(len(one) for one in sets)


PLAIN = """
import sys
sys.path.insert(0, sys.argv[1])
from test_blocks import data, digest
print(digest(data(windows=2, kind="retry", rate=0.5), 1), digest(data(windows=2, corpus="boxes"), 1))
"""


@pytest.mark.parametrize("environment", [{"NUMBA_DISABLE_JIT": "1"}, {"PYTHONHASHSEED": "77"}])
def test_compiled_equals_plain_and_hash_seeds_do_not_matter(environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", PLAIN, os.path.dirname(__file__)]
    result = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    expected = [digest(data(windows=2, kind="retry", rate=0.5), 1), digest(data(windows=2, corpus="boxes"), 1)]
    assert result.stdout.split() == expected


@pytest.mark.parametrize("kind", [*KINDS, "boxes"])
def test_documents_are_the_text_of_the_windows(kind: str) -> None:
    """Ids decode to exactly the text, part by part, and `documents` lists what `block` packs."""
    if kind == "boxes":
        config = data(corpus="boxes", windows=5)
    else:
        config = data(kind=kind, rate=0.0 if kind == "none" else 0.5, windows=5)
    made = block(config, 2)
    vocabulary = load_vocabulary(config.problem, "gpt2")
    listed = list(documents(config, 2, 5))
    packed = split_documents(made.tokens)
    assert len(listed) == len(packed) == made.documents.size
    assert np.array_equal(made.documents, np.cumsum([0] + [one.size for one in packed])[:-1])
    for document, tokens in zip(listed, packed, strict=True):
        whole = np.concatenate(
            [
                [PROBLEM, *vocabulary.encode_text(document.problem_text)],
                [SOLUTION, *vocabulary.encode_text(document.solution_text)],
                [ANSWER, *vocabulary.encode_text(f" {document.answer}"), END],
            ]
        )
        assert np.array_equal(tokens, whole[: tokens.size])
        assert tokens[-1] == END or tokens.size < whole.size
        assert vocabulary.decode(vocabulary.from_gpt2[whole[1:-1]]).replace("\ufffd", "|") == (
            f"{document.problem_text}|{document.solution_text}| {document.answer}"
        )


def test_first_windows_of_a_block_list_their_documents_only() -> None:
    config = data()
    assert len(list(documents(config, 0, 2))) == (block(config, 0).tokens[:2] == PROBLEM).sum()


def test_roles_mark_exactly_the_mistakes() -> None:
    """Found again by pattern in the text, independent of the spans."""
    config = data(kind="retry", rate=0.5, windows=12)
    made = block(config, 0)
    vocabulary = load_vocabulary(config.problem, "gpt2")
    mistakes = 0
    for row, roles in zip(made.tokens, made.roles, strict=True):
        pieces = [vocabulary.decode([vocabulary.from_gpt2[token]]) for token in row]
        ends = np.cumsum([len(piece) for piece in pieces])
        starts = ends - [len(piece) for piece in pieces]
        text = "".join(pieces)
        # the marks of the parts decode to one character each
        for match in re.finditer(r"( Define)([^.;]*)( as) BACK\.", text):
            mistakes += 1
            step = (starts >= match.start(1)) & (ends <= match.end(3))
            name = (starts >= match.start(2)) & (ends <= match.end(2))
            assert (roles[step] & 2).all()
            assert (roles[name] & 1).all()
            assert not (roles[step & ~name] & 1).any()
            roles = np.where(step, roles & ~np.uint8(3), roles)
        cut = text.rfind(" Define")
        allowed = starts >= cut if "." not in text[cut:] and "|" not in text[cut:] else np.zeros(row.size, bool)
        assert not (roles[~allowed] & 3).any(), "a token outside every mistake is marked"
    assert mistakes > 20


@pytest.mark.parametrize("kind", WRONG_STEPS)
def test_roles_mark_one_wrong_word_in_whole_wrong_steps(kind: str) -> None:
    """Role `step` runs from "Define" to BACK; role `parameter` holds one token: a number, a symbol or a sign."""
    windows = {"wrong_result": 12, "wrong_operand": 12, "swapped_operands": 500}.get(kind, 100)  # differences are rare
    config = data(kind=kind, rate=0.5, windows=windows)
    made = block(config, 0)
    vocabulary = load_vocabulary(config.problem, "gpt2")
    mistakes = 0
    for row, roles in zip(made.tokens, made.roles, strict=True):
        text = [vocabulary.decode([vocabulary.from_gpt2[token]]) for token in row]
        edges = np.flatnonzero(np.diff(np.r_[0, (roles & 2) > 0, 0]))
        for start, end in edges.reshape(-1, 2):
            if end == row.size:
                continue
            assert text[start] == " Def"
            assert text[end] == " BACK"
            wrong = np.flatnonzero(roles[start:end] & 1) + start
            if kind == "not_computable":  # the name
                assert wrong.tolist() == list(range(start + 2, wrong[-1] + 1))
                assert text[wrong[-1] + 1] == " as"
            else:
                assert wrong.size == 1
                expected = {"wrong_operator": "[-+*]", "dropped_term": r"\w+|="}.get(kind, r"\w+")
                assert re.fullmatch(expected, text[wrong[0]].strip())
            mistakes += 1
        assert abs(text.count(" BACK") - len(edges) // 2) <= 1
    assert mistakes > 20


def test_the_solution_role_runs_from_after_the_solution_token_to_the_end_token() -> None:
    made = block(data(kind="retry", rate=0.3), 1)
    for row, roles in zip(made.tokens, made.roles, strict=True):
        inside = False
        for token, role in zip(row.tolist(), roles.tolist(), strict=True):
            assert bool(role & 4) == inside
            inside = (inside or token == SOLUTION) and token != END


def test_problems_are_the_same_for_every_kind_and_rate_of_mistake() -> None:
    plain = [document.problem_text for document in documents(data(context=4096), 4, 4)]
    for kind, rate in (("retry", 0.5), ("retry_weak", 0.1), ("retry_miss", 0.9)):
        other = [document.problem_text for document in documents(data(context=4096, kind=kind, rate=rate), 4, 4)]
        assert 20 < len(other) <= len(plain)
        assert other == plain[: len(other)]


def test_error_free_share_mixes() -> None:
    config = data(kind="retry", rate=0.9, error_free_share=0.3, windows=64)
    made = [bool(document.spans) for document in documents(config, 0, 64)]
    # at rate 0.9 a solution without mistakes is rare, except where nothing could be wrong
    without = 1 - np.mean(made)
    baseline = 1 - np.mean([bool(d.spans) for d in documents(data(kind="retry", rate=0.9, windows=64), 0, 64)])
    assert 0.2 < without - baseline < 0.4
    every = data(kind="retry", rate=0.9, error_free_share=1.0)
    assert not any(document.spans for document in documents(every, 0, 16))


def test_documents_longer_than_a_window_are_dropped_and_counted() -> None:
    config = data(difficulty="med", context=200, windows=24)
    made = block(config, 0)
    assert made.n_dropped > 24
    assert all(one[-1] == END or one.size < 200 for one in split_documents(made.tokens))
    wide = block(data(difficulty="med", context=4096, windows=2), 0)
    assert wide.n_dropped == 0


def test_a_context_that_nothing_fits_is_an_error_not_a_loop() -> None:
    with pytest.raises(InputError, match="problems in a row are longer than a window of 64 tokens"):
        block(data(difficulty="med", op=15, context=64), 0)


def test_boxes_take_no_mistakes() -> None:
    with pytest.raises(ValueError, match="corpus 'boxes' has no mistakes"):
        data(corpus="boxes", kind="retry", rate=0.5)


def test_documents_that_fit_no_window_are_refused_one_by_one_too() -> None:
    """Guards: `records` that never returns."""
    with pytest.raises(InputError, match="problems in a row are longer than a window of 32 tokens"):
        next(documents(data(windows=2, context=32), 0, 2))
