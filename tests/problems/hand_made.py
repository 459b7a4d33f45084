"""One small problem by hand: its parameters and expressions. Values and solutions stand with the tests."""

from __future__ import annotations

from igsm.problems.parameter import Expression, Parameter

# A zoo has Barn and Cage; Barn has Cat and Dog; Cage has Dog. Abstract: the zoo's Pen and Pet, Barn's Pet, Cage's Pet.
BARN, CAGE = Parameter(False, 0, 0, 0), Parameter(False, 0, 0, 1)
CAT, DOG, CAGE_DOG = Parameter(False, 1, 0, 0), Parameter(False, 1, 0, 1), Parameter(False, 1, 1, 1)
PENS, PETS = Parameter(True, 0, 0, 1), Parameter(True, 0, 0, 2)
BARN_PETS, CAGE_PETS = Parameter(True, 1, 0, 2), Parameter(True, 1, 1, 2)
EXPRESSIONS = {
    BARN: Expression((), 4),
    CAGE: Expression((CAT, BARN), subtract=True),
    CAT: Expression((BARN,), 20),
    DOG: Expression((CAT, CAGE, BARN), 2, multiply=True),
    CAGE_DOG: Expression((PENS,)),
}
