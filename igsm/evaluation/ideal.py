"""What an ideal model of retry data does: it knows the law of the next sentence, given problem and solution so far.

Before a step, with a pool of wrong parameters that is not empty, a mistake comes with probability `rate`, each of the
pool alike; else a right step. Of the k steps that can come next (they are needed, all their inputs are defined) each
is taken to be as likely as the others; the true law, that of the backward walk, differs little from this. Kinds of
mistakes that write a whole wrong step (`kinds.WRONG_STEPS`) are not treated: each of their sentences is rarer than
the right one as long as the rate is at most 0.5.
"""

from __future__ import annotations

import numpy as np

from igsm.mistakes.draw import draw_mistakes, law_of_kind
from igsm.mistakes.pools import can_next
from igsm.mistakes.rows import MAX_MISTAKES, MISTAKE_COLUMNS, MISTAKE_PARAMETER, MISTAKE_STEP
from igsm.problems.record import MAX_PARAMETERS, N_SOLUTION, Record
from igsm.seeds import derive_key

Law = dict[int, float]
"""Parameter -> probability."""
Names = dict[int, tuple[int, ...]]
"""Parameter -> token ids of "A's B"."""
_EQUAL = 1e-12


def pools(record: Record, kind: str) -> list[list[int]]:
    """Before each step of the solution, the parameters that a mistake of this kind may name."""
    drawn = np.zeros((MAX_MISTAKES, MISTAKE_COLUMNS), np.int32)
    n = draw_mistakes(record, law_of_kind(kind, 1.0), derive_key("pools"), drawn)
    found: list[list[int]] = [[] for _ in range(record.head[N_SOLUTION])]
    for row in drawn[:n]:
        found[row[MISTAKE_STEP]].append(int(row[MISTAKE_PARAMETER]))
    return found


def can_come(record: Record) -> list[list[int]]:
    """Before each step of the solution, the parameters whose step can come next, the one that does among them."""
    solution = [int(parameter) for parameter in record.solution[: record.head[N_SOLUTION]]]
    defined = np.zeros(MAX_PARAMETERS, np.bool_)
    found = []
    for step, parameter in enumerate(solution):
        found.append([later for later in solution[step:] if can_next(record, later, defined)])
        defined[parameter] = True
    return found


def next_sentence(right: list[int], wrong: list[int], kind: str, rate: float) -> tuple[Law, Law]:
    """Probabilities that the next sentence is the right step of a parameter, and that it names it as a mistake.

    Args:
        right: what can come next.
        wrong: the pool; of `retry_weak` all later steps, since which of them comes now, and is no mistake, is open.
    """
    share = 1 / len(right)
    size = len(wrong) - (kind == "retry_weak")
    if size <= 0:
        return dict.fromkeys(right, share), {}
    mistake = dict.fromkeys(wrong, rate / size)
    if kind == "retry_weak":
        mistake |= {parameter: rate * (1 - share) / size for parameter in right if parameter in mistake}
    return dict.fromkeys(right, (1 - rate) * share), mistake


def mode_is_mistake(record: Record, kind: str, rate: float) -> list[float]:
    """Before each step of the solution (1 or 0): is the most probable next sentence a mistake?

    Where several are the most probable, the share of mistakes among them.
    """
    found = []
    for right, wrong in _states(record, kind):
        step, mistake = next_sentence(right, wrong, kind, rate)
        most = max([*step.values(), *mistake.values()]) - _EQUAL
        n_right, n_wrong = (sum(p > most for p in law.values()) for law in (step, mistake))
        found.append(n_wrong / (n_right + n_wrong))
    return found


def greedy_mistakes(record: Record, kind: str, rate: float, names: Names, stream: np.random.Generator) -> int:
    """Mistakes that the ideal model makes and takes back, decoding greedily token by token.

    The tokens of a name are chosen one after the other, then whether the sentence is taken back; ties are broken
    at random. A mistake is not repeated before the same step. The right steps are those of the record's solution.
    """
    n = 0
    for right, wrong in _states(record, kind):
        while True:
            step, mistake = next_sentence(right, wrong, kind, rate)
            named = _most_probable(
                {p: step.get(p, 0.0) + mistake.get(p, 0.0) for p in {**step, **mistake}}, names, stream
            )
            lead = mistake.get(named, 0.0) - step.get(named, 0.0)
            if lead < -_EQUAL or (lead < _EQUAL and stream.random() < 0.5):
                break
            n += 1
            wrong = [p for p in wrong if p != named]
            if kind == "retry_weak":
                right = [p for p in right if p != named]
    return n


def _states(record: Record, kind: str) -> list[tuple[list[int], list[int]]]:
    wrong = pools(record, kind)
    if kind == "retry_weak":
        wrong = [[int(p) for p in record.solution[step : len(wrong)]] for step in range(len(wrong))]
    return list(zip(can_come(record), wrong, strict=True))


def _most_probable(law: Law, names: Names, stream: np.random.Generator) -> int:
    """The parameter that greedy decoding names: the most probable first token, then the next given it, and so on."""
    alive, position = sorted(law), 0
    while len({names[p] for p in alive}) > 1:
        mass: Law = {}
        for p in alive:
            token = names[p][position] if position < len(names[p]) else -1
            mass[token] = mass.get(token, 0.0) + law[p]
        most = max(mass.values()) - _EQUAL
        tokens = [token for token, p in mass.items() if p > most]
        token = tokens[int(stream.integers(len(tokens)))]
        alive = [p for p in alive if (names[p][position] if position < len(names[p]) else -1) == token]
        position += 1
    return alive[0]
