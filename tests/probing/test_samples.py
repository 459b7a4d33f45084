"""Samples for verifiers: their labels, the rows made of them, and the way from a run to a verifier that decodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from igsm.config import load_config
from igsm.corpus.vocabulary import ANSWER_START, load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.errors import InputError
from igsm.evaluation.generate import generations
from igsm.evaluation.runs import load_run
from igsm.evaluation.samples import make_samples
from igsm.evaluation.step_scores import step_scores
from igsm.evaluation.testsets import TestProblem
from igsm.probing.config import ProbeConfig
from igsm.probing.evaluate import evaluate_probe
from igsm.probing.probe import RIGHT, WRONG
from igsm.probing.questions import NO_ANSWER
from igsm.probing.samples import Solved, graded, read_samples, sample_file, sample_folder, sample_rows, stop_of
from igsm.probing.train import load_probe, train_probe
from igsm.probing.verifier import Verifier
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource
from igsm.rundir import read_json
from igsm.training.settings import resolve
from tests.probing.test_train import ALONE
from tests.untrained import tiny_nano, write_untrained

NANO = ProblemConfig(difficulty="nano")
VOCABULARY = load_vocabulary(NANO)
STOP = stop_of(VOCABULARY)
SOURCE = ProblemSource(NANO, 0)
PROBLEM = next(problem for problem in map(SOURCE.problem, range(99)) if len(problem.solution) == 3)
SENTENCES = [f" {sentence}." for sentence in PROBLEM.solution_text.strip().removesuffix(".").split(". ")]
SMALL = [
    *("training.steps=3", "training.batch=2", "training.checkpoint_every=3", "training.evaluate_every=3"),
    *("training.held_out_windows=2", "samples.problems=3", "samples.held_out=2", "samples.each=2"),
    *("tracking.mode=disabled", "lora.query_value_rank=1", "row_length=1024"),
]


def tokens_of(text: str, answer: str = "", end: bool = True) -> list[int]:
    mark = [ANSWER_START, *VOCABULARY.encode_text(answer)] if answer else []
    ids = VOCABULARY.from_gpt2[[*VOCABULARY.encode_text(text), *mark]].tolist()
    return [*ids, VOCABULARY.end] if end else ids


def labels(text: str, answer: str = "", end: bool = True) -> tuple[list[int], bool]:
    one = graded(PROBLEM, tokens_of(text, answer, end), VOCABULARY, STOP)
    return one.labels, one.correct


def test_labels_stop_at_the_first_wrong_sentence() -> None:
    right, answer = "".join(SENTENCES), f" {PROBLEM.answer}"
    assert labels(right, answer) == ([RIGHT] * 4, True)
    assert labels("".join(SENTENCES[1:]), answer)[0][-1] == WRONG
    wrong = SENTENCES[1].replace("so ", "so so ")
    assert labels(SENTENCES[0] + wrong + SENTENCES[2], answer) == ([RIGHT, WRONG], False)
    back = f" Define {PROBLEM.name(PROBLEM.question)} as BACK."
    assert labels(SENTENCES[0] + back + "".join(SENTENCES[1:]), answer) == ([RIGHT] * 5, True)


def test_an_error_of_the_end_is_one_of_the_last_token() -> None:
    wrong_answer = f" {(PROBLEM.answer + 1) % 5}"
    assert labels("".join(SENTENCES), wrong_answer) == ([RIGHT, RIGHT, RIGHT, WRONG], False)
    assert labels("".join(SENTENCES[:2]), " 1") == ([RIGHT, RIGHT, WRONG], False)
    assert labels(SENTENCES[0] + SENTENCES[1].partition(" as")[0], end=False) == ([RIGHT, WRONG], False)
    assert graded(PROBLEM, [], VOCABULARY, STOP).labels[-1:] == [WRONG]


def test_rows_ask_at_the_ends_of_sentences_up_to_the_first_wrong_one() -> None:
    good = graded(PROBLEM, tokens_of("".join(SENTENCES), f" {PROBLEM.answer}"), VOCABULARY, STOP)
    bad = graded(PROBLEM, tokens_of(SENTENCES[1] + "".join(SENTENCES)), VOCABULARY, STOP)
    solved = Solved(0, 3, VOCABULARY.prompt(PROBLEM).tolist(), [good, bad])
    for question, expected in (("process", [[RIGHT] * 4, bad.labels]), ("outcome", [[RIGHT], [WRONG]])):
        (row,) = sample_rows(solved, question, STOP, 1024, np.random.default_rng(0))
        for sample, targets in zip((good, bad), expected, strict=True):
            first = next(i for i in range(1024) if row.ids[i : i + len(sample.tokens)].tolist() == sample.tokens)
            own = row.targets[first : first + len(sample.tokens)]
            assert own[own != NO_ANSWER].tolist() == targets
            asked = np.array(sample.tokens)[own != NO_ANSWER]
            assert set(asked[: len(targets) - 1].tolist()) <= {STOP}
            assert row.positions[first] == len(solved.prompt)
    longest = max(len(good.tokens), len(bad.tokens))
    assert not list(sample_rows(solved, "outcome", STOP, len(solved.prompt) + 5, np.random.default_rng(0)))
    rows = list(sample_rows(solved, "outcome", STOP, len(solved.prompt) + longest, np.random.default_rng(0)))
    assert len(rows) == 2


def settings(base: Path, question: str, *more: str) -> ProbeConfig:
    preset = Path("configs/probe/nano") / ("orm.yaml" if question == "outcome" else "prm.yaml")
    return load_config(ProbeConfig, preset, [f"from={base}", *SMALL, *more])


def test_from_a_run_to_a_verifier_that_chooses(tmp_path: Path) -> None:
    """Guards the files of samples (drawn once, for both questions, the same again), training, measures and use."""
    base = tmp_path / "base"
    write_untrained(base, tiny_nano())
    config, _ = resolve(settings(base, "process"))
    drawn: list[int] = []
    first = make_samples(config, drawn.append)
    assert drawn[-1] == 10
    assert first["train"]["samples"] == 6
    folder = sample_folder(config)
    assert folder == sample_folder(resolve(settings(base, "outcome"))[0])
    assert folder != sample_folder(resolve(settings(base, "process", "samples.temperature=0.7"))[0])
    assert make_samples(config, lambda drawn: pytest.fail("drawn again")) == read_json(folder / "summary.json")
    content = sample_file(folder, "train").read_bytes()
    assert [len(solved.samples) for solved in read_samples(sample_file(folder, "train"))] == [2, 2, 2]
    (folder / "summary.json").unlink()
    make_samples(config)
    assert sample_file(folder, "train").read_bytes() == content

    for question in ("process", "outcome"):
        probe = tmp_path / question
        train_probe(resolve(settings(base, question)), probe, ALONE)
        report, found = evaluate_probe(probe, 2)
        assert report["all"]["n"] == len(found.problems) == (4 if question == "outcome" else len(found.problems))
    run = load_run(base)
    problem = SOURCE.problem(1)
    for name in (f"best2-orm@{tmp_path}/outcome", f"step_beam2-prm@{tmp_path}/process", f"vote2-x@{tmp_path}/process"):
        with run.decoding(parse_decoder(name), context=200, devices=["cpu"]) as decoding:
            (record,) = generations(decoding, [TestProblem(0, problem, 3, "nano")], "test")
        prompt = len(VOCABULARY.prompt(problem))
        assert record["prefix_tokens"] == (1 if "beam" in name else 2) * prompt
        assert record["verifier_tokens"] >= prompt

    # the same scores as a detector of first errors (`mistakes check --detector`)
    tokens = tokens_of("".join(SENTENCES), f" {PROBLEM.answer}")
    probe, stored = load_probe(tmp_path / "process")
    (found,), _ = Verifier(probe, stored.question, VOCABULARY).score(VOCABULARY.prompt(PROBLEM).tolist(), [tokens])
    benchmark = {"id": "a", "problem": PROBLEM.text, "steps": [one.strip() for one in SENTENCES], "label": -1}
    (scores,) = step_scores(tmp_path / "process", [benchmark])
    assert scores == pytest.approx(found[:-1], abs=1e-5)


def test_what_cannot_be_learned_from_is_refused(tmp_path: Path) -> None:
    base = tmp_path / "base"
    write_untrained(base, tiny_nano())
    preset = Path("configs/probe/nano/version1.yaml")
    with pytest.raises(InputError, match="samples: the question process needs them"):
        load_config(ProbeConfig, preset, [f"from={base}", "question=process"])
    with pytest.raises(InputError, match="only the questions outcome and process are about samples, not can_next"):
        load_config(ProbeConfig, preset, [f"from={base}", "samples.problems=3"])
    config, _ = resolve(settings(base, "process"))
    with pytest.raises(InputError, match="samples the solutions before it trains"):
        read_samples(sample_file(sample_folder(config), "train"))
    broken = sample_file(tmp_path, "train")
    broken.write_bytes(b"no gzip")
    with pytest.raises(InputError, match="no file of samples"):
        read_samples(broken)
    other, _ = resolve(settings(base, "process", f"samples.of={tmp_path / 'none'}"))
    with pytest.raises(InputError, match="none"):
        make_samples(other)
