"""Mixes of kinds: weights from the first errors of a run, and what is drawn by them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from igsm.config import build_config, dump_yaml, load_config
from igsm.corpus.config import DataConfig
from igsm.corpus.manifest import law_of as law_of_corpus
from igsm.errors import InputError
from igsm.grading import grade
from igsm.grading.verdict import Kind
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.draw import draw_mistake, draw_mistakes, law_of
from igsm.mistakes.kinds import FIRST_ERRORS, KINDS, WRONG_STEPS
from igsm.mistakes.mix import weights_of
from igsm.mistakes.rows import MAX_MISTAKES, MISTAKE_COLUMNS, MISTAKE_KIND, MISTAKE_STEP
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig
from igsm.seeds import derive_key
from igsm.training.config import PretrainConfig
from igsm.training.settings import resolve
from tests.mistakes.hand_made import RECORD

UNIFORM = MistakeConfig(kind="mix", rate=0.5, mix="uniform").resolved()


def evaluation(run: Path, cell: str, errors: dict[str | None, int]) -> Path:
    """Verdicts with so many of each first error; None: right."""
    folder = run / "eval" / cell
    folder.mkdir(parents=True)
    records = [{"error": kind and {"kind": kind}} for kind, n in errors.items() for _ in range(n)]
    (folder / "verdicts.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def test_weights_like_a_run(tmp_path: Path) -> None:
    """All its evaluations count; first errors that no kind looks like, and right solutions, do not."""
    one = evaluation(tmp_path, "op=3-greedy", {None: 50, "wrong arithmetic": 5, "wrong inputs": 4, "malformed": 9})
    evaluation(tmp_path, "op=4-greedy", {"wrong reference": 1, "not computable yet": 3, "stops before the question": 2})
    expected = {"wrong_result": 6.0, "wrong_operand": 2.0, "dropped_term": 2.0, "not_computable": 3.0}
    assert dict(weights_of(f"like:{tmp_path}")) == expected
    assert dict(weights_of(f"like:{one}")) == {"wrong_result": 5.0, "wrong_operand": 2.0, "dropped_term": 2.0}


def test_what_cannot_be_imitated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no verdicts there; evaluate it first"):
        weights_of(f"like:{tmp_path}")
    evaluation(tmp_path, "op=3-greedy", {None: 3, "malformed": 2})
    with pytest.raises(InputError, match="no first error there is a wrong step of a kind that can be made"):
        weights_of(f"like:{tmp_path}")
    with pytest.raises(InputError, match=r"mistakes\.mix: 'unifrom' is neither uniform nor like:RUN"):
        weights_of("unifrom")


def test_a_kind_stands_for_the_errors_that_the_grader_sees_in_it() -> None:
    """Guards: a name of a first error that the grader does not use, or a kind made for another error than it makes."""
    for kind, errors in FIRST_ERRORS.items():
        assert set(errors) <= {error.value for error in Kind}
        seen = set()
        source = DocumentSource(ProblemConfig(), MistakeConfig(kind=kind, rate=0.5), 3)
        for document in map(source.document, range(60)):
            assert document.problem is not None
            for step in grade(document.problem, document.solution_text).steps:
                if step.mistake is not None:
                    seen.add(step.mistake.value)
        # of a step that can be computed, but names a letter that is not there; ours name what cannot
        assert set(errors) - {"undefined symbol"} <= seen


def draw(law_seed: int, rate: float = 0.5) -> np.ndarray:
    out = np.zeros((MAX_MISTAKES, MISTAKE_COLUMNS), np.int32)
    law = law_of([("wrong_result", 1.0), ("swapped_operands", 2.0), ("wrong_operator", 1.0)], rate)
    return out[: draw_mistakes(RECORD, law, derive_key("mix", law_seed), out)]


def test_kinds_come_as_often_as_their_weights_where_a_step_can_have_them() -> None:
    """Step 2 is a difference, step 5 a sum without one, step 0 has no calculation."""
    first = {step: Counter[str]() for step in (0, 2, 5)}
    for seed in range(4000):
        rows = draw(seed)
        for step, counts in first.items():
            here = rows[rows[:, MISTAKE_STEP] == step]
            if len(here):
                counts[KINDS[here[0, MISTAKE_KIND]]] += 1
    assert set(first[0]) == {"wrong_result"}
    expected = {2: {"wrong_result": 0.25, "swapped_operands": 0.5, "wrong_operator": 0.25}}
    expected[5] = {"wrong_result": 0.5, "wrong_operator": 0.5}
    for step, shares in expected.items():
        total = first[step].total()
        assert {kind: n / total for kind, n in first[step].items()} == pytest.approx(shares, abs=0.04)


def test_a_pool_drawn_empty_leaves_the_others() -> None:
    """Without replacement within each kind, until nothing is left: every mistake of every kind, once."""
    rows = draw(1, rate=1.0)
    assert len({tuple(row) for row in rows.tolist()}) == len(rows)
    counts = Counter(KINDS[kind] for kind in rows[:, MISTAKE_KIND])
    assert counts == {"wrong_result": 22 * 13, "swapped_operands": 1, "wrong_operator": 2 * 10}


def test_one_mistake_of_a_mix_has_the_weights_of_its_kinds() -> None:
    """For whole wrong solutions the kind is drawn first, then one of the steps that can have it."""
    counts: Counter[str] = Counter()
    row = np.zeros(MISTAKE_COLUMNS, np.int32)
    law = law_of([("wrong_result", 1.0), ("swapped_operands", 3.0)])
    for seed in range(2000):
        assert draw_mistake(RECORD, law, derive_key("one", seed), row)
        counts[KINDS[row[MISTAKE_KIND]]] += 1
    assert counts["swapped_operands"] / 2000 == pytest.approx(0.75, abs=0.04)
    assert not draw_mistake(RECORD, law_of([]), derive_key("one", 0), row)


def test_documents_with_a_mix_hold_several_kinds_and_are_right() -> None:
    source, kinds = DocumentSource(ProblemConfig(), UNIFORM, 5), Counter[str]()
    for document in map(source.document, range(100)):
        assert document.problem is not None
        assert grade(document.problem, document.solution_text, document.answer).correct
        kinds.update(span.kind for span in document.spans)
    assert set(kinds) == set(WRONG_STEPS)


def test_a_run_keeps_the_weights_it_was_resolved_to(tmp_path: Path) -> None:
    """Data must not change when the run that they imitate is evaluated further, moved or removed."""
    evaluation(tmp_path, "op=3-greedy", {"wrong arithmetic": 2, "not computable yet": 2})
    changes = ["data.mistakes.kind=mix", "data.mistakes.rate=0.5", f"data.mistakes.mix=like:{tmp_path}"]
    config = resolve(load_config(PretrainConfig, "configs/pretrain/nano.yaml", changes)).config
    assert config.data.mistakes.weights == (("wrong_result", 2.0), ("not_computable", 2.0))
    stored = yaml.safe_load(dump_yaml(config))
    evaluation(tmp_path, "op=4-greedy", {"wrong arithmetic": 100})
    again = resolve(build_config(PretrainConfig, stored, "config.yaml")).config
    assert again == config
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text(dump_yaml(config))
    preset = load_config(PretrainConfig, "configs/pretrain/nano.yaml", changes)
    assert resolve(preset, folder).config == config, "the same command does not go on"
    assert resolve(preset).config != config
    assert law_of_corpus(config.data)["mistakes"] == {
        **{"kind": "mix", "rate": 0.5, "include_current": False, "error_free_share": 0.0},
        "weights": [["wrong_result", 2.0], ["not_computable", 2.0]],
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "mix", "rate": 0.5}, "kind 'mix' and mix go together"),
        ({"kind": "retry", "rate": 0.5, "mix": "uniform"}, "kind 'mix' and mix go together"),
        ({"kind": "retry", "rate": 0.5, "weights": [["wrong_result", 1.0]]}, "weights are what a mix comes to"),
        ({"kind": "mix", "rate": 0.5, "mix": "uniform", "weights": [["retry", 1.0]]}, "'retry' writes no whole step"),
        ({"kind": "mix", "rate": 0.5, "mix": "uniform", "weights": [["wrong_result", 0.0]]}, "greater than 0"),
    ],
)
def test_bad_mixes_get_one_clear_line(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build_config(MistakeConfig, settings, "options")
    assert "\n" not in str(caught.value)


def test_an_unresolved_mix_is_no_law() -> None:
    config = MistakeConfig(kind="mix", rate=0.5, mix="uniform")
    with pytest.raises(InputError, match="has no weights yet"):
        _ = DataConfig(mistakes=config).mistakes.law
