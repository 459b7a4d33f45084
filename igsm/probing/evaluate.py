"""Measures of a trained probe: over all parameters, and on the model's own first mistakes (Part 2.2, Result 0).

The paper finds about 99 % over all parameters, and about 60 % where the model itself first goes wrong.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.table import Table

from igsm.config import Config
from igsm.corpus.vocabulary import Vocabulary
from igsm.decoding.detectors import Question
from igsm.errors import InputError
from igsm.grading.grade import grade
from igsm.grading.verdict import Kind
from igsm.probing.config import ProbeConfig
from igsm.probing.detector import LearnedDetector
from igsm.probing.measures import roc_curve, summarise
from igsm.probing.probe import CANNOT, Probe
from igsm.probing.questions import NO_ANSWER
from igsm.probing.solutions import read_solutions
from igsm.probing.train import load_probe, rows_about, vocabulary_of
from igsm.problems.problem import Problem
from igsm.problems.record import OP
from igsm.problems.source import ProblemSource
from igsm.rundir import RunFolder, atomic_write, write_json
from igsm.seeds import numpy_generator

ROWS_A_PASS = 16
REPORT, FIGURE = "probe.json", "probe.png"


@torch.inference_mode()
def answers(
    probe: Probe, config: ProbeConfig, problems: int, seen: bool = False, vocabulary: Vocabulary | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The probe's answers to every question about the first `problems` test problems that fit a row.

    Args:
        seen: new problems with solution templates of the training split instead of the test split's.
        vocabulary: the probe's; None: that of the model it starts from.

    Returns:
        For each question: the problem's number of operations (int), the probability of "cannot" (or "wrong",
        float), and whether it truly cannot be computed next (or is wrong, bool).
    """
    assert config.problem is not None
    problem = config.problem.model_copy(update={"split": "train" if seen else "test"})
    source, vocabulary = ProblemSource(problem, config.seed), vocabulary or vocabulary_of(config)
    device = probe.classifier.weight.device
    rows = (
        (int(source.record(index).head[OP]), row)
        for index in range(problems)
        for row in rows_about(config, vocabulary, source, index, numpy_generator("test questions", index))
    )
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for part in _parts(rows, ROWS_A_PASS):
        ids, positions, branch, visible = (
            torch.from_numpy(np.stack([row[column] for _, row in part])).to(device) for column in range(4)
        )
        targets = np.stack([row.targets for _, row in part])
        asked = targets != NO_ANSWER
        probability = probe(ids, positions, branch, visible).float().softmax(-1)[..., CANNOT].cpu().numpy()
        ops = np.broadcast_to(np.array([op for op, _ in part])[:, None], targets.shape)
        found.append((ops[asked], probability[asked], targets[asked] == CANNOT))
    if not found:
        raise InputError(f"row_length: none of {problems} test problems fits into {config.row_length} tokens")
    ops, probabilities, cannot = (np.concatenate(column) for column in zip(*found, strict=True))
    return ops, probabilities, cannot


def _parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    part: list[Any] = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


def first_mistakes(solutions: Iterable[tuple[Problem, str]], vocabulary: Vocabulary) -> Iterator[tuple[Question, bool]]:
    """The steps at which a model's solutions first define a parameter that cannot be computed yet.

    Yields:
        The question as a decoder would ask it there, and whether it stands under the text's first error. Solutions
        that never define one, or whose words are not the lexicon's, are left out.
    """
    for index, (problem, text) in enumerate(solutions):
        verdict = grade(problem, text)
        step = next((s for s in verdict.steps if s.can_next is False and not s.taken_back), None)
        if step is None or verdict.error is None:
            continue
        before = "".join(f"{sentence}." for sentence in text.split(".")[: step.number - 1])
        question = _question(index, problem, f"{before} Define {step.name} as", vocabulary)
        if question is not None:
            yield question, verdict.error.step == step.number


def first_wrong_steps(
    solutions: Iterable[tuple[Problem, str]], vocabulary: Vocabulary
) -> Iterator[tuple[Question, bool]]:
    """The first wrong step of a model's solutions, asked about at its end.

    Yields:
        The question, and True. Solutions that are right, that only stop too early, or whose words are not the
        lexicon's, are left out.
    """
    for index, (problem, text) in enumerate(solutions):
        error, sentences = grade(problem, text).error, text.split(".")
        if error is None or error.kind is Kind.STOPS_EARLY or error.step >= len(sentences):
            continue
        question = _question(index, problem, ".".join(sentences[: error.step]), vocabulary)
        if question is not None:
            yield question, True


def _question(index: int, problem: Problem, text: str, vocabulary: Vocabulary) -> Question | None:
    try:
        ids = vocabulary.encode_text(text)
    except InputError:
        return None
    return Question(index, problem, vocabulary.prompt(problem).tolist(), vocabulary.from_gpt2[ids].tolist())


def evaluate_probe(
    path: str | Path,
    problems: int,
    generations: Iterable[str | Path] = (),
    device: str = "auto",
    seen: bool = False,
) -> dict[str, Any]:
    """Measure the probe in a run folder and write `probe.json` and `probe.png` there.

    Args:
        problems: test problems for the accuracy over all parameters.
        generations: files with the model's own solutions, for the detection of its first mistakes.
        seen: see `answers`.

    Returns:
        What was written: `all` and `by_op` (see `measures.summarise`), `first_mistakes` (n, detected, share).
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    probe, config = load_probe(path, device)
    vocabulary = vocabulary_of(config, path)
    ops, probabilities, cannot = answers(probe, config, problems, seen, vocabulary)
    by_op = {int(op): summarise(probabilities[ops == op], cannot[ops == op]) for op in np.unique(ops)}
    report: dict[str, Any] = {
        "probe": _description(config),
        "problems": problems,
        "templates": "seen" if seen else "test",
        "all": summarise(probabilities, cannot),
        "by_op": by_op,
    }
    find = first_mistakes if config.question == "can_next" else first_wrong_steps
    solutions = read_solutions(generations, config)
    asked = [question for question, first in find(solutions, vocabulary) if first]
    if asked:
        longest = max(len(question.prompt) + len(question.tokens) for question in asked)
        detected = sum(LearnedDetector(probe, rows=ROWS_A_PASS, context=longest).regrets(asked))
        report["first_mistakes"] = {"n": len(asked), "detected": detected, "share": detected / len(asked)}
    write_json(RunFolder(path).path / REPORT, report)
    draw(report, probabilities, cannot, RunFolder(path).path / FIGURE)
    return report


def draw(report: dict[str, Any], probabilities: np.ndarray, cannot: np.ndarray, path: Path) -> None:
    """ROC curve and calibration of the answers, as a PNG; nothing where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    roc, bins = figure.subplots(1, 2)
    for axes, diagonal in ((roc, "chance"), (bins, "perfectly calibrated")):
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, label=diagonal)
        axes.set(xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    false_positive, true_positive, _ = roc_curve(probabilities, cannot)
    area = report["all"]["area_under_roc"]
    roc.plot(false_positive, true_positive, label="probe" if area is None else f"probe, area {area:.3f}")
    roc.set(xlabel="false alarms", ylabel="detected", title="ROC")
    rows = report["all"]["calibration"]
    bins.plot([row["predicted"] for row in rows], [row["observed"] for row in rows], marker="o", label="probe")
    bins.set(xlabel="predicted probability", ylabel="observed share", title="calibration")
    for axes in (roc, bins):
        axes.legend(loc="lower right")
    figure.suptitle(f"{report['probe']['question']} probe: {report['all']['n']:,} questions on test problems")
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=150)
    atomic_write(path, image.getvalue())


def _description(config: Config) -> dict[str, Any]:
    content = config.model_dump(mode="json")
    return {
        key: content[key] for key in ("from", "random_weights", "question", "problem", "lora", "row_length", "seed")
    }


def render(report: dict[str, Any]) -> Table:
    """The report as a table by number of operations."""
    probe = report["probe"]
    bad, good = ("cannot", "can") if probe["question"] == "can_next" else ("wrong", "right")
    table = Table(title=f"{probe['question']} probe of {probe['from']}: {report['problems']} test problems")
    for name in ("op", "questions", "accuracy", "95 % interval", f"on {bad}", f"on {good}", "area under ROC"):
        table.add_column(name, justify="right")
    rows = [*((str(op), one) for op, one in report["by_op"].items()), ("all", report["all"])]
    for name, one in rows:
        low, high = one["interval"]
        rates = [one["accuracy_on_cannot"], one["accuracy_on_can"], one["area_under_roc"]]
        shown = ["-" if rate is None else f"{rate:.3f}" for rate in rates]
        table.add_row(name, f"{one['n']:,}", f"{one['accuracy']:.3f}", f"{low:.3f}-{high:.3f}", *shown)
    own = report.get("first_mistakes")
    if own:
        table.caption = f"of the model's own first mistakes: {own['detected']} of {own['n']} detected"
    return table
