"""What `mistakes try` shows: a problem, the solution as it is written, its verdict, what could have come instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.terminal import console
from igsm.grading.stepwise import Grade, GradedStep
from igsm.grading.verdict import OF_THE_END

if TYPE_CHECKING:
    from igsm.evaluation.next_sentence import Candidate
    from igsm.evaluation.shipped import Drawn
    from igsm.evaluation.watch import Solved, Solver

_MARKS = {
    Grade.RIGHT: ("right", "green"),
    Grade.WRONG: ("wrong", "bold red"),
    Grade.TAKEN_BACK: ("back", "yellow"),
    Grade.NOT_GRADED: ("-", "dim"),
}
_INDENT, _MARK = 2, 5


class Screen:
    """A terminal, at its own width; a pipe or a file, where lines are not broken and nothing is rewritten."""

    def __init__(self) -> None:
        self.console = console()
        self.moves = self.console.is_terminal and not self.console.is_dumb_terminal
        self.console.soft_wrap = not self.console.is_terminal

    def say(self, text: str, style: str = "") -> None:
        """A line."""
        self.console.print(Text(text, style))

    def waiting(self, what: str) -> Any:
        """To be entered while nothing else can be shown."""
        return self.console.status(f"{what} ...")

    def problem(self, drawn: Drawn, number: int, name: str, most: int) -> None:
        """The problem, under a line about it.

        Args:
            name: of its class.
            most: operations of a problem in training.
        """
        facts = f"{name}, {_count(drawn.op, 'operation')}"
        facts += f" (training: at most {most})" if drawn.op > most else ""
        facts += "; a chosen example" if drawn.chosen else ""
        facts += "; the question moved to where it stood in training" if drawn.reordered else ""
        self.console.print(Text.assemble("\n", (f"Problem {number}", "bold"), f": {facts}"))
        self._indented(None, Text(drawn.problem.text.strip()))

    def solution(self, name: str, solver: Solver, drawn: Drawn) -> Solved:
        """The solution while it is written, a grade at each step; then the verdict."""
        self.console.print(Text.assemble("\n", (f"Model {name}", "bold"), f", {solver.decoder.name}:"))
        from igsm.evaluation.watch import Event, Solved, Writing

        events: Iterable[Event] = solver.solve(drawn.problem)
        if not solver.word_by_word:
            with self.waiting("solving"):
                events = list(events)
        live: Live | None = None
        try:
            for event in events:
                if isinstance(event, Solved):
                    self._verdict(event)
                    return event
                if isinstance(event, Writing):
                    if self.moves:
                        row = self._row("", Text(event.text.strip()))
                        live = live or self._started(row)
                        live.update(row, refresh=True)
                elif live is None:
                    self._indented(*self._graded(event))
                else:
                    live.update(self._row(*self._graded(event)), refresh=True)
                    live.stop()
                    live = None
        finally:
            if live is not None:  # it hides the cursor
                live.stop()
        raise AssertionError("a solver ends with what it has solved")

    def _started(self, row: Table) -> Live:
        live = Live(row, console=self.console, auto_refresh=False)
        live.start()
        return live

    def _graded(self, step: GradedStep) -> tuple[str, Text]:
        mark, _ = _MARKS[step.grade]
        text = Text()
        if step.grade is Grade.TAKEN_BACK:
            text.append(step.sentence if self.moves else f"~~{step.sentence}~~", "red strike")
        else:
            text.append(step.sentence, "dim" if step.grade is Grade.NOT_GRADED else "")
        if step.why is not None:
            text.append(f"\n{step.kind}: {step.why}" if step.kind else f"\n{step.why}", "dim")
        return mark, text

    def _verdict(self, solved: Solved) -> None:
        verdict, answer, true = solved.verdict, solved.answer.strip(), str(solved.problem.answer)
        text = Text()
        text.append("RIGHT" if verdict.correct else "WRONG", "bold green" if verdict.correct else "bold red")
        error = verdict.error
        if error is None:
            text.append(f": the answer is {answer}" if answer else f": the steps come to {true}; no answer is stated")
        elif answer == true:
            text.append(f": {answer} is the right number, but not every step is right")
        else:
            text.append(f": the answer is {true}, not {answer}" if answer else f": no answer; {true} is right")
        counts = [_count(len(solved.steps), "step")]
        counts += [f"{verdict.taken_back} taken back by the model"] * bool(verdict.taken_back)
        counts += [f"{_count(solved.rollbacks, 'sentence')} rolled back by the decoder"] * bool(solved.rollbacks)
        text.append(f" ({', '.join(counts)})")
        self._indented(None, text)
        if error is not None and error.kind in OF_THE_END and all(one.kind is not error.kind for one in solved.steps):
            self._indented(None, Text(f"{error.kind}: {error.message}", "dim"))

    def probabilities(self, name: str, solved: Solved, candidates: Sequence[Sequence[Candidate]], back: bool) -> None:
        """For each step the sentences that could have stood there.

        Args:
            back: whether the model has learned to write BACK.
        """
        explained = f'What {name} could write next ("Define ..."), in %. !: cannot be computed there.'
        if back:
            explained += " In brackets: that BACK follows."
        self.console.print(Text(f"\n{explained}"))
        for step, found in zip(solved.steps, candidates, strict=True):
            text = Text()
            for one in found:
                text.append(", " if text else "")
                early = one.can_be_next is False
                text.append(f"{'!' if early else ''}{one.name}", "red" if early else "")
                text.append(f" {100 * one.probability:.0f}{f' ({100 * one.back:.0f})' if back else ''}")
            self._indented(str(step.number), text)

    def _indented(self, mark: str | None, text: Text) -> None:
        if self.console.is_terminal:
            self.console.print(self._row(mark, text))
            return
        first, *more = text.plain.split("\n")
        start = " " * _INDENT if mark is None else f"{'':{_INDENT}}{mark:{_MARK}} "
        for line in (start + first, *(" " * len(start) + line for line in more)):
            self.console.print(Text(line))

    def _row(self, mark: str | None, text: Text) -> Table:
        """The mark in a column of its own (None: there is no such column), the text wrapped beside it."""
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=_INDENT - 1)
        if mark is not None:
            grid.add_column(width=_MARK)
        grid.add_column(overflow="fold")
        grid.add_row("", *([] if mark is None else [Text(mark, dict(_MARKS.values()).get(mark, ""))]), text)
        return grid


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
