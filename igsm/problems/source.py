"""Problems by index: a pure function of (seed, config, index). Training reads others: see `igsm.problems.sampler`."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from igsm.errors import InputError
from igsm.problems.candidate import new_workspace
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.law import law_of
from igsm.problems.lexicon import Lexicon, load_lexicon
from igsm.problems.problem import Problem
from igsm.problems.record import Record, copy, row
from igsm.problems.sampler import CHUNK, SERVED, Chunk, new_chunk, serve, start_chunk
from igsm.seeds import derive_key


class ProblemSource:
    """An endless sequence of problems, with access by index.

    Problem i depends on the seed, the settings of the problem class (not on the lexicon's names) and i alone. Reading
    in ascending order is the fast way: problems are made in chunks of 256.

    Args:
        config: which problems.
        seed: any integer; neighbouring seeds share nothing.
        purpose: another purpose has other problems, whatever the seeds.
    """

    def __init__(self, config: ProblemConfig, seed: int = 0, purpose: str = "") -> None:
        self.config = config
        self.seed = seed
        self.problem_class = config.problem_class
        self.lexicon: Lexicon = load_lexicon(self.problem_class.lexicon)
        self.lexicon.check_size(self.problem_class.depths[-1], self.problem_class.widths[-1])
        self.law = law_of(config)
        self.stream_name = f"{purpose}: {config.stream_name}" if purpose else config.stream_name
        self._work = new_workspace()
        self._number = -1

    @cached_property
    def _chunk(self) -> Chunk:
        return new_chunk(self.law)

    def record(self, index: int) -> Record:
        """Problem `index` (0, 1, ...) as integers; a copy of its own.

        Raises:
            InputError: when no candidate serves a request of this chunk, e.g. no problem of the class has this
                number of operations and a template hash in the split's bins.
        """
        number, i = divmod(index, CHUNK)
        with np.errstate(over="ignore"):  # where not compiled, 64-bit integers wrap around with a warning
            if number != self._number:
                key = derive_key("problems", self.seed, self.stream_name, number)
                start_chunk(key, self.law, self._chunk)
                self._number = number
            outcome = serve(i, self.law, self.lexicon.tables, self._work, self._chunk)
        if outcome != SERVED:
            self._number = -1
            raise no_such_problem(self.config, int(self._chunk.target[i]))
        return copy(row(self._chunk.records, i))

    def problem(self, index: int) -> Problem:
        """Problem `index` with its names."""
        return Problem.from_record(self.record(index), self.lexicon)


def no_such_problem(config: ProblemConfig, op: int) -> InputError:
    """What to say when a chunk's request for this number of operations was never served."""
    asked = f"where {config.where}" if config.where else f"with op={op}"
    return InputError(
        f"difficulty '{config.difficulty}', split '{config.split}': no problem {asked} was found among a million "
        f"candidates; ask for another {'slice' if config.where else 'op or split'}"
    )
