"""The report reads what the evaluation writes: the two rooms agree on the files."""

from __future__ import annotations

from igsm.reporting.measures import MEASURES
from igsm.reporting.results import Result
from igsm.reporting.samples import error_kind


def test_summary_and_verdicts_have_the_names_that_the_report_reads(tmp_path) -> None:
    """Guards against a renamed key in the evaluation, which would turn columns of the report into "-"."""
    from igsm.evaluation.evaluate import summarise
    from igsm.evaluation.generate import verdict_of
    from igsm.problems.difficulty import ProblemConfig
    from igsm.problems.source import ProblemSource

    document = ProblemSource(ProblemConfig(difficulty="nano"), seed=1).document(0)
    record = {"index": 0, "op": document.problem.op, "withdrawn": 0, "generated_tokens": 50}
    right = verdict_of(record | {"solution": document.solution_text, "answer": document.answer}, document.problem)
    wrong = verdict_of(record | {"solution": " Define X", "answer": " 1"}, document.problem)
    summary = summarise([right, wrong]) | {"n": 2, "cell": "nano_pq:op<=3", "decoder": "greedy"}
    result = Result("row", tmp_path, 1, tmp_path, summary)
    assert (result.n, result.correct) == (2, 1)
    for measure in MEASURES.values():
        if measure.name == "detection":  # of a probe's answers, not of solutions
            continue
        assert measure.of_summary(summary) is not None, measure.name
        assert any(measure.of_problem(verdict) is not None for verdict in (right, wrong)), measure.name
    assert 0 <= summary["always_zero"] <= 1
    assert error_kind(right) is None
    assert error_kind(wrong) in summary["first_errors"]
