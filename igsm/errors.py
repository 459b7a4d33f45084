"""The one exception for bad input. The command line prints it as one line and exits with code 2."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class InputError(Exception):
    """Bad input from a person: a config, file, checkpoint, text or option.

    The message is one line that names what is wrong, where, and what would be right.
    """


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error says that a device or this machine has no memory left (torch's, which is not imported here).

    Or whether one before it did: memory that runs out while a CUDA graph is recorded fails the recording, too.
    """
    while error is not None:
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & {"OutOfMemoryError", "MemoryError"} or "can't allocate memory" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def suggest(word: str, choices: Iterable[str]) -> str:
    """Ending for a message about an unknown ``word``: the nearest choice, or the list of all of them."""
    known = sorted(str(choice) for choice in choices)
    single = [form for form in (word.removesuffix("s"), re.sub("ies$", "y", word)) if form in known]
    near = single or difflib.get_close_matches(word, known, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known: {', '.join(known)}"
