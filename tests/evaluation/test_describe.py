"""The description of a problem class: numbers that two independent programs agree on, and their definitions."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cli.describe import command
from igsm.errors import InputError
from igsm.evaluation.describe import describe, mode_share, second_order_share, template, warnings
from igsm.evaluation.ideal import greedy_mistakes, mode_is_mistake, next_sentence, pools
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.document import Document
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.record import N_SOLUTION, Record
from igsm.problems.source import ProblemSource
from igsm.seeds import numpy_generator
from igsm.sweeps.cautions import cautions
from igsm.sweeps.jobs import Job

# tokens, parameters, steps, wrong pool, share with at most 2, mode a mistake, effective templates, BACK of the ideal
# model at rate 0.5; measured by another program, over 200 to 300 problems.
KNOWN = {
    "nano": (58, 4.0, 1.6, 1.8, 0.77, 0.158, 3, 0.37),
    "mini": (79, 4.6, 2.1, 2.2, 0.58, 0.120, 6, 0.47),
    "easy": (209, 14.6, 2.6, 9.5, 0.09, 0.016, 9, 0.08),
    "med": (343, 17.6, 4.9, 11.5, 0.07, 0.016, 37, 0.17),
}


def close(ours: float, known: float, relative: float, absolute: float) -> bool:
    return abs(ours - known) < relative * known + absolute


@pytest.mark.parametrize("difficulty", KNOWN)
def test_the_shipped_classes_have_the_known_numbers(difficulty: str) -> None:
    """Guards the definitions: another pool, ties that count as whole mistakes, names chosen whole."""
    tokens, parameters, steps, pool, small, mode, templates, back = KNOWN[difficulty]
    arms = [("retry", 0.2), ("retry", 0.5)]
    found = describe(ProblemConfig(difficulty=difficulty), arms, 400 if difficulty in ("nano", "mini") else 250)
    assert close(found.tokens, tokens, 0.1, 0)
    assert close(found.parameters, parameters, 0.08, 0)
    assert close(found.steps, steps, 0.15, 0)
    assert close(found.pool, pool, 0.12, 0)
    assert close(found.small_pool, small, 0.1, 0.03)
    assert close(found.mode["retry", 0.5], mode, 0.15, 0.01)
    assert found.mode["retry", 0.2] < 0.005
    first = found.cells[0]
    assert first.cell.short.startswith("op<=")
    assert close(first.templates, templates, 0.3, 1)
    assert close(first.back["retry", 0.5], back, 0.25, 0.06)
    assert first.back["retry", 0.2] < 0.02


@pytest.fixture(scope="module")
def records() -> list[Record]:
    source = ProblemSource(ProblemConfig(), seed=3)
    return [source.record(i) for i in range(60)]


@pytest.mark.parametrize("kind", ["retry", "retry_weak", "retry_miss", "unnecessary"])
def test_mistakes_come_as_often_as_the_ideal_model_says(records: list[Record], kind: str) -> None:
    """Guards the law of the next sentence: chances that do not add up to 1, or are not those of what is drawn."""
    for record in records:
        for share, pool in zip(mode_is_mistake(record, kind, 0.9999), pools(record, kind), strict=True):
            assert share == 1 if pool else share <= 1
    right, wrong = [1, 2, 5], [1, 2, 5, 7, 8] if kind == "retry_weak" else [6, 7, 8, 9]
    step, mistake = next_sentence(right, wrong, kind, 0.4)
    assert sum(step.values()) == pytest.approx(0.6)
    assert sum(mistake.values()) == pytest.approx(0.4)
    assert next_sentence([4], [4] if kind == "retry_weak" else [], kind, 0.4) == ({4: 1.0}, {})
    # The first mistake before the first step, over the orders in which the steps can come.
    random, n, counts = np.random.default_rng(0), 20_000, Counter()
    for _ in range(n):
        now = int(random.choice(right))
        pool = [p for p in wrong if kind != "retry_weak" or p != now]
        counts[int(random.choice(pool)) if random.random() < 0.4 else -now] += 1
    for p, share in [*((-p, share) for p, share in step.items()), *mistake.items()]:
        assert abs(counts[p] / n - share) < 4.5 * np.sqrt(share / n)


def test_greedy_decoding_goes_token_by_token(records: list[Record]) -> None:
    """Guards against whole names compared: two wrong names that begin alike outweigh one right one."""
    record = next(one for one in records if one.head[N_SOLUTION] >= 3 and len(pools(one, "retry")[0]) > 6)
    whole = {p: (p,) for p in range(64)}
    wrong = set(pools(record, "retry")[0])
    alike = {p: (0 if p in wrong else 1 + p, p) for p in range(64)}
    random = numpy_generator("test")
    assert greedy_mistakes(record, "retry", 0.2, whole, random) == 0
    assert greedy_mistakes(record, "retry", 0.6, alike, random) >= len(wrong)
    assert greedy_mistakes(record, "retry", 0.999, whole, random) == sum(map(len, pools(record, "retry")))


def test_templates_are_those_of_the_text(records: list[Record]) -> None:
    """Guards against solutions counted as one kind that differ, or as two that do not."""
    source = ProblemSource(ProblemConfig(max_op=6), seed=4)
    texts: dict[object, set[str]] = {}
    for i in range(500):
        record = source.record(i)
        text = Document.of_record(record, source.lexicon).solution_text
        problem = source.problem(i)
        for p in problem.parameters:
            text = text.replace(f"Define {problem.name(p)} as", f"Define {'Inter' if p.abstract else 'Inst'} as")
        for number, letter in enumerate(dict.fromkeys(re.findall(r"\b[a-zA-Z]\b", text))):
            text = re.sub(rf"\b{letter}\b", f"<{number}>", text)
        texts.setdefault(template(record), set()).add(re.sub(r"\d+(?!>)", "0", text))
    assert all(len(found) == 1 for found in texts.values())
    assert len({text for found in texts.values() for text in found}) == len(texts) > 40


def printed(capsys: pytest.CaptureFixture[str], form: str, *words: str) -> str:
    command(list(words), kinds="retry,retry_miss", rates="0.5", problems=20, seed=1, form=form)
    return capsys.readouterr().out


def test_the_command_prints_every_cell_in_three_formats(capsys: pytest.CaptureFixture[str]) -> None:
    classes, cells = printed(capsys, "csv", "nano", "trio", "problem.modulus=7").strip().split("\n\n")
    assert [row["class"] for row in csv.DictReader(io.StringIO(classes))] == ["nano", "trio"]
    rows = list(csv.DictReader(io.StringIO(cells)))
    assert [row["cell"] for row in rows if row["class"] == "trio"][-4:] == ["op=6", "op=7", "op=8", "op=6 reask"]
    assert all(float(row["retries of an ideal model, retry_miss 0.5"]) >= 0 for row in rows)
    assert printed(capsys, "markdown", "nano").count("\n| nano |") == 7
    shown = printed(capsys, "table", "nano")
    assert "op=4 reask" in shown
    assert "\u2026" not in shown  # guards names of columns cut off at 80 columns


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ["nanno"]}, "did you mean 'nano'"),
        ({"classes": ["max_op=3"]}, "name at least one class"),
        ({"classes": ["nano", "max_opp=3"]}, "unknown key 'max_opp'"),
        ({"kinds": "wrong_result"}, "'wrong_result' names no wrong parameter"),
        ({"rates": "1.5"}, "'1.5' is no rate"),
        ({"form": "html"}, "--format html"),
    ],
)
def test_bad_words_get_one_line(options: dict[str, object], message: str) -> None:
    given = {"classes": ["nano"], "kinds": "retry", "rates": "0.5", "problems": 2, "seed": 1, "form": "csv"}
    with pytest.raises(InputError, match=message) as caught:
        command(**given | options)  # type: ignore[arg-type]  # options of several types
    assert "\n" not in str(caught.value)


def test_a_sweep_warns_of_arms_whose_mistakes_are_too_likely() -> None:
    """Guards against a comparison of rates in a class in which the higher one is another experiment."""

    def job(difficulty: str, **mistakes: object) -> Job:
        data = {"problem": {"difficulty": difficulty}, "mistakes": mistakes}
        return Job("one", "pretrain", (), Path("run"), (), "one.yaml", {"data": data})

    assert cautions([job("nano", kind="none"), job("nano", kind="wrong_result", rate=0.5)]) == []
    arms = [job(name, kind="retry", rate=rate) for name in ("nano", "easy") for rate in (0.2, 0.5)]
    (line,) = cautions([*arms, *arms])
    share = mode_share(ProblemConfig(difficulty="nano"), MistakeConfig(kind="retry", rate=0.5))
    assert line.startswith("retry at rate 0.5 in this class (nano)")
    assert f"at {100 * share:.0f} % of the steps" in line
    assert 0.1 < share < 0.25
    assert warnings([]) == []


def test_a_sweep_warns_of_other_orders_that_are_copies() -> None:
    """Guards: restarts judged where nearly all solutions are chains, which have one order only."""

    def job(difficulty: str, **method: object) -> Job:
        data = {"problem": {"difficulty": difficulty}, "mistakes": {"kind": "none"}, "method": method}
        return Job("one", "pretrain", (), Path("run"), (), "one.yaml", {"data": data})

    jobs = [job("trio", name="restart"), job("trio", name="restart", share=0.2), job("trio", name="fix")]
    (line,) = cautions([*jobs, job("trio", name="hindsight"), job("trio", name="hindsight", order="other")])
    assert line.startswith("hindsight and restart in this class (trio): only ")
    assert second_order_share(ProblemConfig(difficulty="trio")) == pytest.approx(0.087, abs=0.03)
    assert second_order_share(ProblemConfig(difficulty="med", op=15)) > 0.7
