"""How a model goes on from a planted sentence: continuations of a cell's problems, graded and kept on disk.

`RUN/eval/recover/<cell>-<digest of the settings>/` holds `continuations.jsonl.gz` and, when finished, `recover.json`
with the settings. Until then the continuations so far lie in `continuations.partial.jsonl`: the same command goes on.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from igsm.decoding.decoders import parse_decoder
from igsm.decoding.loop import Generation, Request
from igsm.decoding.sentences import markers_of, split_answer
from igsm.decoding.streams import problem_key
from igsm.errors import InputError
from igsm.evaluation.cells import Cell
from igsm.evaluation.planted import KINDS, PLACES, Plant, Task, own_mistake, place_in, plant, right_steps
from igsm.evaluation.runs import LoadedRun
from igsm.evaluation.testsets import TestProblem, load_test_set
from igsm.grading.continuations import CONTINUATIONS, RESULT, Recovered, read_recovered
from igsm.grading.grade import grade
from igsm.grading.metrics import Json
from igsm.grading.recovered import recovery
from igsm.locks import locked
from igsm.problems.letters import first_letters
from igsm.problems.lexicon import load_lexicon
from igsm.problems.record import row
from igsm.rundir import JsonlWriter, atomic_write, provenance, read_jsonl, weights_digest, write_json
from igsm.seeds import numpy_generator

PARTIAL = "continuations.partial.jsonl"
FREE = "free"
"""The source of a solution with nothing planted."""
GREEDY = "greedy"
SAMPLE = "sample"

Progress = Callable[[int, int], None]
"""(continuations there are, continuations there will be)."""


@dataclass(frozen=True)
class Plan:
    """What is planted, and how the model goes on.

    Attributes:
        n: problems.
        samples: continuations of each beginning at temperature 1, beside the greedy one.
        seed: of the test set, of what is planted and of sampling.
        kinds, places: of `igsm.evaluation.planted`.
        own: whether also behind the model's own first mistakes.
    """

    n: int
    samples: int = 16
    seed: int = 0
    kinds: tuple[str, ...] = KINDS
    places: tuple[str, ...] = PLACES
    own: bool = True


class _Start(NamedTuple):
    """One continuation to make."""

    test: TestProblem
    plant: Plant | None
    """None: a free solution."""
    sample: int | None
    """None: greedy."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from the other ones of its cell."""
        where = (FREE, "", "") if self.plant is None else self.plant[:3]
        return (self.test.index, *where, self.sample)


def recover(
    run: LoadedRun,
    cell: Cell,
    plan: Plan,
    *,
    progress: Progress = lambda done, total: None,
    waiting: Callable[[str], None] = lambda what: None,
    **options: Any,
) -> Recovered:
    """A cell, read if it is there; otherwise made, going on where it was stopped.

    Args:
        options: of `LoadedRun.decoding`.

    Raises:
        InputError: another process is at it, or a file there is damaged.
    """
    tests = load_test_set(cell, run.data.problem, run.vocabulary, plan.n, plan.seed, waiting)
    decodings = {GREEDY: run.decoding(parse_decoder(GREEDY), **options)}
    if plan.samples:
        decodings[SAMPLE] = run.decoding(parse_decoder(SAMPLE), **options)
    usual = decodings[GREEDY]
    settings: Json = {
        "cell": cell.name,
        **json.loads(json.dumps(asdict(plan))),
        "test_set": tests.digest,
        "checkpoint": run.checkpoint.name,
        "weights": weights_digest(run.checkpoint),
        "precision": usual.precision,
        "context": usual.context,
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
    folder = run.folder.evaluations / "recover" / f"{cell.name}-{digest}"
    if (folder / RESULT).is_file():
        return read_recovered(folder)
    with locked(folder, "recovering"):
        if not (folder / RESULT).is_file():
            waiting("the first solutions")
            work = _Work(run, cell, plan, folder, progress)
            try:
                left_out = work.make(decodings, tests)
            finally:
                for decoding in decodings.values():
                    decoding.close()
            work.write(settings | {"left_out": left_out, "provenance": provenance()})
    return read_recovered(folder)


class _Work:
    """The continuations of one cell, each on disk as soon as it is made."""

    def __init__(self, run: LoadedRun, cell: Cell, plan: Plan, folder: Path, progress: Progress) -> None:
        self.run, self.cell, self.plan, self.folder, self.progress = run, cell, plan, folder, progress
        self.records: dict[tuple[Any, ...], Json] = {}
        path = folder / PARTIAL
        for number, record in enumerate(read_jsonl(path) if path.is_file() else (), 1):
            try:
                self.records[key_of(record)] = record
            except KeyError:
                raise InputError(f"{path}, line {number}: no continuation; delete the file") from None

    def make(self, decodings: dict[str, Any], tests: Any) -> dict[str, int]:
        """Make what is missing; returns how many own mistakes were left out, by the reason."""
        samples = (None, *range(self.plan.samples))
        free = [_Start(test, None, sample) for test in tests.problems for sample in samples]
        most = len(free) * (1 + len(self.plan.kinds) * len(self.plan.places) + 2 * self.plan.own)
        self._continue(decodings, free, most)
        starts = list(free)
        left_out: Counter[str] = Counter()
        for test in tests.problems:
            solution = self.records[(test.index, FREE, "", "", None)]
            plants, reason = self._plants(test, row(tests.records, test.index), solution)
            starts += [_Start(test, one, sample) for one in plants for sample in samples]
            left_out += Counter([reason] if reason else [])
        self._continue(decodings, starts[len(free) :], len(starts))
        self.records = {start.key: self.records[start.key] for start in starts if start.key in self.records}
        return dict(left_out)

    def write(self, settings: Json) -> None:
        """The files; that with the settings last."""
        packed = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in self.records.values())
        atomic_write(self.folder / CONTINUATIONS, gzip.compress(packed.encode(), mtime=0))
        write_json(self.folder / RESULT, settings)
        (self.folder / PARTIAL).unlink(missing_ok=True)

    def _plants(self, test: TestProblem, record: Any, solution: Json) -> tuple[list[Plant], str | None]:
        """What is planted in a problem, given the model's greedy solution; why its own mistake is not."""

        def draws(*parts: str) -> Any:
            return numpy_generator("recover", self.plan.seed, self.cell.name, test.index, *parts)

        letters = first_letters(self.cell.problems(self.run.data.problem).problem_class)
        task = Task(record, test.problem, load_lexicon(test.lexicon), letters)
        steps, _ = right_steps(test.problem, record, solution["solution"], solution["answer"])
        lengths = [len(self.run.vocabulary.encode_text(sentence)) for sentence in steps.sentences]
        found = []
        for place in self.plan.places:
            n = place_in(lengths, place)
            for kind in self.plan.kinds:
                one = plant(task, steps, kind, place, n, draws(kind, place))
                found += [one] if one else []
        own = own_mistake(task, solution["solution"], draws("own")) if self.plan.own else None
        if isinstance(own, tuple):
            found += own
        return found, own if isinstance(own, str) else None

    def _continue(self, decodings: dict[str, Any], starts: Sequence[_Start], total: int) -> None:
        missing = [start for start in starts if start.key not in self.records]
        self.progress(len(self.records), total)
        with JsonlWriter(self.folder / PARTIAL) as writer:
            for name, decoding in decodings.items():
                chosen = [start for start in missing if (start.sample is None) == (name == GREEDY)]
                for start, tokens, generation in self._generated(decoding, chosen):
                    record = _record(start, tokens, generation, self.run.vocabulary)
                    writer.write(record)
                    self.records[start.key] = record
                    self.progress(len(self.records), total)

    def _generated(self, decoding: Any, starts: Sequence[_Start]) -> Iterator[tuple[_Start, list[int], Generation]]:
        vocabulary, marks = self.run.vocabulary, self.run.data.method.prompt
        requests, planted = [], []
        for number, start in enumerate(starts):
            text = "" if start.plant is None else start.plant.prefix + start.plant.sentence
            tokens = vocabulary.from_gpt2[vocabulary.encode_text(text)].tolist()
            prompt = [*vocabulary.prompt(start.test.problem, marks, self.run.examples).tolist(), *tokens]
            planted.append(tokens)
            name = [str(part) for part in start.key]
            key = problem_key("recover", self.plan.seed, self.cell.name, *name)
            requests.append(Request(number, prompt, key, start.test.problem))
        for generation in decoding.run(requests):
            yield starts[generation.index], planted[generation.index], generation


def key_of(record: Json) -> tuple[Any, ...]:
    """What tells a continuation from the other ones of its cell."""
    return tuple(record[name] for name in ("index", "source", "kind", "place", "sample"))


def _record(start: _Start, planted: list[int], generation: Generation, vocabulary: Any) -> Json:
    solution, answer = split_answer([*planted, *generation.tokens], vocabulary)
    named = dict(zip(("index", "source", "kind", "place", "sample"), start.key, strict=True))
    record: Json = named | {
        "solution": solution,
        "answer": answer,
        "finished": generation.finished,
        "generated_tokens": generation.n_generated,
    }
    problem = start.test.problem
    if start.plant is None:
        return record | {"recovered": grade(problem, solution, answer).correct}
    number = start.plant.number
    found = recovery(problem, solution, answer, number)
    tokens = None
    if found.undone is not None:
        stop = markers_of(vocabulary).sentence_end
        ends = [place for place, token in enumerate(generation.tokens, 1) if token == stop]
        tokens = (ends + [len(generation.tokens)])[min(found.undone - number, len(ends))]
    outcome = found._asdict()
    del outcome["undone"]
    return record | {"planted": number, "tokens_to_undo": tokens} | outcome
