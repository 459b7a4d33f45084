"""A problem as a reader sees it: names, expressions, what depends on what, values, text.

Built either from a `Record` (the sampler's integers) or from plain structure (the text reader), of any size.
The problem class is that of arXiv 2407.20311, section 2 and arXiv 2408.16293, section 2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import TYPE_CHECKING

from igsm.errors import InputError
from igsm.problems import graphs, prose
from igsm.problems.parameter import Expression, Parameter

if TYPE_CHECKING:
    import networkx

    from igsm.problems.lexicon import Lexicon
    from igsm.problems.record import Record

SYMBOLS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Problem:
    """Names, sentences and question of one problem; everything else is computed when first asked for.

    Args:
        categories: one name for each layer, top to bottom.
        items: the item names of each layer.
        expressions: what each existing instance equals. Instances without an expression do not exist.
        question: the parameter asked for.
        sentences: order of the problem's sentences (default: the order of `expressions`).
        solution: order of a shortest solution (default: some topological order of what the question needs).
        symbols: letters in the order in which `solution_text` uses them.
        hidden_items: names that further top-layer items, of which a text says nothing, may bear.
    """

    def __init__(
        self,
        categories: Sequence[str],
        items: Sequence[Sequence[str]],
        expressions: Mapping[Parameter, Expression],
        question: Parameter,
        *,
        question_first: bool = False,
        modulus: int = 23,
        sentences: Sequence[Parameter] | None = None,
        solution: Sequence[Parameter] | None = None,
        symbols: str = SYMBOLS,
        hidden_items: AbstractSet[str] = frozenset(),
    ) -> None:
        self.categories = tuple(categories)
        self.items = tuple(tuple(layer) for layer in items)
        self.expressions = dict(expressions)
        self.question = question
        self.question_first = question_first
        self.modulus = modulus
        self.sentences = tuple(self.expressions if sentences is None else sentences)
        self.symbols = symbols
        self.hidden_items = frozenset(hidden_items)
        if solution is not None:
            self.solution = tuple(solution)

    @classmethod
    def from_record(cls, record: Record, lexicon: Lexicon) -> Problem:
        """The same problem as `record`, whose names are numbers into `lexicon`."""
        from igsm.problems import record as layout
        from igsm.problems.record import NUMBER

        head = [int(value) for value in record.head]
        depth, first = head[layout.DEPTH], head[layout.FIRST_CATEGORY]
        items = [[lexicon.names[int(record.names[i, j])] for j in range(int(record.widths[i]))] for i in range(depth)]
        parameters = [
            Parameter(bool(row[0]), *(int(value) for value in row[1:]))
            for row in record.parameter[: head[layout.N_PARAMETERS]]
        ]
        expressions = {}
        for number, parameter in enumerate(parameters[: head[layout.N_INSTANCES]]):
            inputs = [int(value) for value in record.inputs[number, : record.n_inputs[number]]]
            expressions[parameter] = Expression(
                tuple(parameters[value] for value in inputs if value != NUMBER),
                int(record.number[number]) if NUMBER in inputs else None,
                bool(record.multiply[number]),
                bool(record.subtract[number]),
            )
        return cls(
            lexicon.chains[head[layout.CHAIN]][first : first + depth],
            items,
            expressions,
            parameters[head[layout.QUESTION]],
            question_first=bool(head[layout.QUESTION_FIRST]),
            modulus=head[layout.MODULUS],
            sentences=[parameters[int(n)] for n in record.sentences[: head[layout.N_INSTANCES]]],
            solution=[parameters[int(n)] for n in record.solution[: head[layout.N_SOLUTION]]],
            symbols="".join(SYMBOLS[int(n)] for n in record.symbols),
        )

    # ---------------------------------------------------------------- names

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.items)

    def name(self, parameter: Parameter) -> str:
        """The parameter as a solution writes it: "A's B"."""
        abstract, layer, item, target = parameter
        owned = self.categories[target] if abstract else self.items[layer + 1][target]
        return f"{self.items[layer][item]}'s {owned}"

    @cached_property
    def by_name(self) -> dict[str, Parameter]:
        """Existing parameters by name ("A's B"); of two of one name the first counts."""
        return {self.name(parameter): parameter for parameter in reversed(self.parameters)}

    def find(self, name: str) -> Parameter | None:
        """The existing parameter of this name ("A's B"), or None."""
        return self.by_name.get(name)

    # ---------------------------------------------------------------- what depends on what

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Existing instances by (layer, parent, child), then every abstract one by (layer, item, target)."""
        abstract = (
            Parameter(True, layer, item, target)
            for layer in range(self.depth)
            for item in range(len(self.items[layer]))
            for target in range(layer + 1, self.depth)
        )
        return (*sorted(self.expressions), *abstract)

    @cached_property
    def _children(self) -> dict[tuple[int, int], list[Parameter]]:
        children: dict[tuple[int, int], list[Parameter]] = {}
        for parameter in sorted(self.expressions):
            children.setdefault((parameter.layer, parameter.item), []).append(parameter)
        return children

    def terms(self, parameter: Parameter) -> list[tuple[Parameter, ...]]:
        """An abstract parameter as a sum of products: for each child (instance,) or (instance, abstract)."""
        _, layer, item, target = parameter
        children = self._children.get((layer, item), [])
        if target == layer + 1:
            return [(child,) for child in children]
        return [(child, Parameter(True, layer + 1, child.target, target)) for child in children]

    @cached_property
    def inputs_of(self) -> dict[Parameter, tuple[Parameter, ...]]:
        """What each existing parameter is computed from, in the order in which it is used."""
        return {
            p: tuple(q for term in self.terms(p) for q in term) if p.abstract else self.expressions[p].inputs
            for p in self.parameters
        }

    def inputs(self, parameter: Parameter) -> tuple[Parameter, ...]:
        """The parameters it is computed from, in the order in which they are used."""
        return self.inputs_of[parameter]

    def can_next(self, parameter: Parameter, defined: AbstractSet[Parameter]) -> bool:
        """Whether it is not yet defined and everything it depends on is."""
        return parameter not in defined and all(q in defined for q in self.inputs_of[parameter])

    def operations(self, parameter: Parameter) -> int:
        """Number of operations: with q inputs (the random number is one) max(1, q - 1)."""
        n_inputs = len(self.inputs_of[parameter])
        if not parameter.abstract and self.expressions[parameter].number is not None:
            n_inputs += 1
        return max(1, n_inputs - 1)

    @cached_property
    def order(self) -> tuple[Parameter, ...]:
        """All parameters, each after its inputs. Raises InputError naming the members of a cycle."""
        waiting = {p: len(set(inputs)) for p, inputs in self.inputs_of.items()}
        users: dict[Parameter, list[Parameter]] = {p: [] for p in self.parameters}
        for p, inputs in self.inputs_of.items():
            for q in set(inputs):
                users[q].append(p)
        ready = deque(p for p in self.parameters if waiting[p] == 0)
        order = []
        while ready:
            p = ready.popleft()
            order.append(p)
            for user in users[p]:
                waiting[user] -= 1
                if waiting[user] == 0:
                    ready.append(user)
        if len(order) < len(self.parameters):
            raise InputError(f"the problem is circular: {' <- '.join(self.name(p) for p in self._cycle(set(order)))}")
        return tuple(order)

    def _cycle(self, computable: set[Parameter]) -> list[Parameter]:
        """One circle of parameters that wait for each other, written out once round."""
        p = next(p for p in self.parameters if p not in computable)
        seen: dict[Parameter, int] = {}
        path: list[Parameter] = []
        while p not in seen:
            seen[p] = len(path)
            path.append(p)
            p = next(q for q in self.inputs_of[p] if q not in computable)
        return [*path[seen[p] :], p]

    @cached_property
    def needed(self) -> frozenset[Parameter]:
        """The question and everything it depends on."""
        needed, stack = {self.question}, [self.question]
        while stack:
            for q in self.inputs_of[stack.pop()]:
                if q not in needed:
                    needed.add(q)
                    stack.append(q)
        return frozenset(needed)

    @cached_property
    def solution(self) -> tuple[Parameter, ...]:
        """Parameters of a shortest solution in the order in which it defines them."""
        return tuple(p for p in self.order if p in self.needed and p != self.question) + (self.question,)

    @property
    def op(self) -> int:
        """Number of operations of a shortest solution."""
        return sum(self.operations(p) for p in self.needed)

    # ---------------------------------------------------------------- values

    @cached_property
    def _values(self) -> dict[Parameter, int]:
        values: dict[Parameter, int] = {}
        for p in self.order:
            if p.abstract:
                total = 0
                for term in self.terms(p):
                    product = 1
                    for q in term:
                        product *= values[q]
                    total += product
            else:
                total = self.expressions[p].value([values[q] for q in self.expressions[p].inputs])
            values[p] = total % self.modulus
        return values

    def value(self, parameter: Parameter) -> int:
        """Its value, 0..modulus-1."""
        return self._values[parameter]

    @property
    def answer(self) -> int:
        """The value asked for."""
        return self._values[self.question]

    # ---------------------------------------------------------------- text

    @property
    def question_text(self) -> str:
        """The question, without a leading space: "How many B does A have?"."""
        return prose.question(self)

    @property
    def text(self) -> str:
        """The problem statement with its question, with its leading space."""
        return prose.statement(self)

    @property
    def solution_text(self) -> str:
        """The error-free solution, with its leading space. Raises InputError if the letters run out."""
        return prose.solution(self, self.solution)

    # ---------------------------------------------------------------- graphs

    def to_networkx(self) -> networkx.DiGraph:
        """Dependency graph over all parameters: an edge from each input to what is computed from it."""
        return graphs.dependencies(self)

    def structure(self) -> networkx.DiGraph:
        """Structure graph: nodes (layer, item), an edge for each existing instance."""
        return graphs.structure(self)
