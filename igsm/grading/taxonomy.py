"""Our kinds of first errors in the names of another taxonomy."""

from __future__ import annotations

from igsm.errors import InputError, suggest
from igsm.grading.verdict import Kind

EIC = {
    Kind.WRONG_ARITHMETIC: "calculation_error",
    Kind.ANSWER_DIFFERS: "calculation_error",
    Kind.WRONG_OPERATOR: "operator_error",
    Kind.WRONG_REFERENCE: "referencing_previous_step_value_error",
    Kind.WRONG_INPUTS: "referencing_previous_step_value_error",
    Kind.NOT_COMPUTABLE_YET: "missing_step",
    Kind.STOPS_EARLY: "missing_step",
    Kind.UNKNOWN_PARAMETER: "adding_irrelevant_information",
    Kind.ANSWERS_ANOTHER: "question_understanding_error",
    Kind.MALFORMED: "nonsense_output_error",
    Kind.UNDEFINED_SYMBOL: "nonsense_output_error",
    Kind.SYMBOL_REUSED: "nonsense_output_error",
    Kind.SO_SYMBOL_MISMATCH: "nonsense_output_error",
    Kind.DEFINED_TWICE: "nonsense_output_error",
}
"""The types of EIC (arXiv 2406.00755); the last two names are LEMMA's (arXiv 2503.17439).

A wrong constant would be a referencing_context_value_error there: our kinds do not tell it from a wrong operator, nor a
number that is miscopied between expressions from a letter whose value is.
Their counting, unit conversion and formula errors cannot happen in iGSM.
"""

TAXONOMIES = {"eic": EIC}


def taxonomy_named(name: str) -> dict[str, str]:
    """One of TAXONOMIES. Raises InputError for an unknown name."""
    if name not in TAXONOMIES:
        raise InputError(f"unknown taxonomy '{name}'{suggest(name, TAXONOMIES)}")
    return {str(kind): theirs for kind, theirs in TAXONOMIES[name].items()}
