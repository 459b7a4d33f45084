"""Samples kept in a file: of the same model and settings, every decoder that takes several draws the same ones.

Votes and best-of-n give sample i of a problem the same random numbers (`streams`), whatever n is and whoever chooses.
So `best8-prm` has drawn all that `best2-prm`, `best4-orm`, `vote8` and `best8-oracle` need.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from igsm.decoding.loop import Generation, Request
from igsm.errors import InputError
from igsm.locks import Occupied, locked
from igsm.rundir import JsonlWriter, read_jsonl, write_json

FILE = "samples.jsonl"


class KeptSamples:
    """The samples in a file, named by their prompt and key.

    Args:
        path: the file, which need not exist.
        adds: whether new samples are written to it; one process at a time may do that.
    """

    def __init__(self, path: Path, adds: bool) -> None:
        self.path, self._adds = path, adds
        self.reused = 0
        """Samples that were read, not drawn."""

    def complete(
        self, requests: Sequence[Request], draw: Callable[[Sequence[Request]], Iterator[Generation]]
    ) -> Iterator[Generation]:
        """A sample for each request: read where it is kept, else drawn and kept.

        Raises:
            InputError: a damaged file.
        """
        missing = {_name(request): request for request in requests}
        for record in read_jsonl(self.path) if self.path.is_file() else ():
            request = missing.pop(str(record.get("name")), None)
            if request is not None:
                self.reused += 1
                yield self._read(record, request)
        requested = {request.index: (name, request) for name, request in missing.items()}
        with JsonlWriter(self.path) if self._adds and requested else contextlib.nullcontext() as writer:
            for generation in draw([request for _, request in requested.values()]):
                if writer is not None:
                    kept = {name: getattr(generation, name) for name in ("tokens", "finished", "score")}
                    writer.write({"name": requested[generation.index][0], **kept})
                yield generation

    def _read(self, record: dict[str, Any], request: Request) -> Generation:
        try:
            tokens, finished, score = list(record["tokens"]), bool(record["finished"]), float(record["score"])
        except (KeyError, TypeError, ValueError):
            raise InputError(f"{self.path}: '{record.get('name')}' is no sample; delete the file") from None
        n_prefix = len(request.prompt)
        return Generation(request.index, tokens, finished, n_generated=len(tokens), score=score, n_prefix=n_prefix)


@contextlib.contextmanager
def kept_samples(folder: Path, settings: dict[str, Any]) -> Iterator[KeptSamples]:
    """The samples of these settings, in a folder of their own in `folder`.

    While another process adds to them, they are read only.

    Raises:
        InputError: the folder cannot be written.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    own = folder / f"eval-{digest}"
    adds = False
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(Occupied):
            stack.enter_context(locked(own, "drawing samples"))
            write_json(own / "settings.json", settings)
            adds = True
        yield KeptSamples(own / FILE, adds)


def _name(request: Request) -> str:
    text = json.dumps([[int(token) for token in request.prompt], request.key])
    return hashlib.sha256(text.encode()).hexdigest()[:20]
