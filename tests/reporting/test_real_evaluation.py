"""The report reads what the evaluation writes: the two rooms agree on the keys."""

from __future__ import annotations

from igsm.grading.metrics import METRICS, Numbers
from igsm.reporting.samples import solution_html


def test_verdicts_have_the_names_that_the_metrics_read() -> None:
    """Guards against a renamed key in the evaluation, which would turn columns of the report into "-"."""
    from igsm.evaluation.generate import verdict_of
    from igsm.mistakes.source import DocumentSource
    from igsm.problems.difficulty import ProblemConfig

    document = DocumentSource(ProblemConfig(difficulty="nano"), seed=1).document(0)
    record = {"index": 0, "op": document.problem.op, "rollbacks": 0, "generated_tokens": 50, "finished": True}
    record |= {"prefix_tokens": 40, "verifier_tokens": 0}
    right = verdict_of(record | {"solution": document.solution_text, "answer": document.answer}, document.problem)
    wrong = verdict_of(record | {"solution": " Define X", "answer": " 1"}, document.problem)
    numbers = Numbers([right, wrong])
    assert (numbers.n, numbers.correct) == (2, 1)
    for name in METRICS.keys() - {"detection"}:  # of a probe's answers, not of solutions
        assert numbers.mean(name) is not None, name
    assert sum(numbers.first_errors.values()) == 1
    assert solution_html(" Define X", wrong["error"]["step"]).startswith("<mark>")
