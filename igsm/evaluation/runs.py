"""Runs to evaluate: a model, what it was trained on, and the settings that are the default for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from igsm.checkpoints import find_checkpoint, find_stored
from igsm.config import build_config
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import SOLUTION_START, Vocabulary, read_vocabulary
from igsm.decoding.decoders.beside import Beside
from igsm.decoding.decoders.named import NamedDecoder
from igsm.decoding.engine import resolved_precision
from igsm.decoding.fusion import Fused, Mean
from igsm.decoding.run import CONTEXT, Decoding
from igsm.errors import InputError
from igsm.evaluation.chosen import chosen
from igsm.grading.metrics import Json
from igsm.model import GPT
from igsm.model.checkpoint import load_model
from igsm.model.contract import LanguageModel
from igsm.probing.detector import load_detector
from igsm.rundir import RunFolder, weights_digest
from igsm.training.copilot import check_pilot, load_copilot


def default_context(data: DataConfig) -> int:
    """Most tokens of prompt and solution: the paper's 2,048 for its classes, else twice the windows trained on."""
    return CONTEXT if data.problem.difficulty in ("med", "hard") else min(2 * data.context, CONTEXT)


@dataclass(frozen=True)
class LoadedRun:
    """A run's model and what it was trained on."""

    path: Path
    checkpoint: Path
    model: GPT
    data: DataConfig
    vocabulary: Vocabulary
    _fused: dict[Beside, LanguageModel] = field(default_factory=dict)

    @property
    def folder(self) -> RunFolder:
        """The run folder, also when `path` is one of its checkpoints."""
        inside = self.checkpoint == self.path and self.path.parent.name == "checkpoints"
        return RunFolder(self.path.parent.parent if inside else self.path)

    @cached_property
    def decoded(self) -> LanguageModel:
        """What is decoded in the place of the trained model: what its method says."""
        return self.data.method.decode(self.model)

    @cached_property
    def examples(self) -> list[int]:
        """Ids of the documents that its method puts before a prompt."""
        return self.data.method.examples(self.data, self.vocabulary)

    def model_for(self, decoder: NamedDecoder) -> LanguageModel:
        """What a decoder decodes: the model, or it and the Copilot or second model of the decoder's name.

        Raises:
            InputError: none there, a Copilot of another Pilot's shape, another vocabulary, or a method that decodes
                something else.
        """
        named = decoder.beside
        if named is None:
            return self.decoded
        if named not in self._fused:
            self._fused[named] = self._with(decoder.name, named)
        return self._fused[named]

    def _with(self, decoder: str, named: Beside) -> LanguageModel:
        if not isinstance(self.decoded, GPT):
            raise InputError(f"decoder '{decoder}': the method '{self.data.method.name}' decodes no model with layers")
        is_copilot = named.kind == "copilot"
        checkpoint, stored = find_stored(named.folder, named.kind)
        data = build_config(DataConfig, stored.get("data") or {}, f"{checkpoint}, data")
        theirs = read_vocabulary(checkpoint, data.problem, data.vocabulary)
        if theirs.fingerprint != self.vocabulary.fingerprint:
            what = "is the Copilot of a model with" if is_copilot else "has a model with"
            raise InputError(f"decoder '{decoder}': {named.folder} {what} another vocabulary")
        if not is_copilot:
            assert named.weight is not None
            return Mean(self.decoded, load_model(named.folder)[0], named.weight, named.fuse)
        copilot, pilot = load_copilot(named.folder)
        check_pilot(named.folder, pilot, self.model.config)
        start = int(self.vocabulary.from_gpt2[SOLUTION_START])
        if named.weight is not None:
            return Fused(self.decoded, copilot, start, named.weight, named.fuse)
        found = chosen(named.folder)
        return Fused(self.decoded, copilot, start, found.weight, found.fuse)

    def decoding(self, decoder: NamedDecoder, *, context: int | None = None, **options: Any) -> Decoding:
        """The model made ready for a decoder, also one with a learned detector.

        Args:
            context: most tokens of prompt and solution; None: `default_context`.
            options: of `Decoding`.
        """
        context = context or default_context(self.data)
        return Decoding(
            self.model_for(decoder), decoder, self.vocabulary, make=load_detector, context=context, **options
        )

    def usual(self, decoding: Decoding) -> Json:
        """The default settings: of those that can be chosen, and the newest checkpoint."""
        steps = self.folder.checkpoint_steps() if self.path == self.checkpoint else []
        return {
            "checkpoint": self.folder.checkpoint(steps[-1]).name if steps else self.checkpoint.name,
            "context": default_context(self.data),
            "precision": resolved_precision("auto", decoding.devices[0]),
            "seed": 0,
        }


def load_run(path: str | Path) -> LoadedRun:
    """Load a run's newest checkpoint, or the checkpoint that `path` is.

    Raises:
        InputError: no run, no checkpoint, or one whose vocabulary is not the data's.
    """
    path = Path(path)
    model, config = load_model(path)
    if not config.get("data"):
        raise InputError(f"{path}: its config says nothing of the data it was trained on")
    data = build_config(DataConfig, config["data"], f"{path}, data")
    if data.corpus != "igsm":
        raise InputError(f"{path}: trained on '{data.corpus}'; only runs on igsm problems can be evaluated")
    checkpoint = find_checkpoint(path)
    vocabulary = read_vocabulary(checkpoint, data.problem, data.vocabulary)
    if (model.config.vocabulary_size or 0) < vocabulary.size:
        raise InputError(
            f"{path}: the model knows {model.config.vocabulary_size} ids, its data's vocabulary has {vocabulary.size}"
        )
    return LoadedRun(path, checkpoint, model, data, vocabulary)


def further_models(decoding: Decoding) -> Json:
    """The models that decode beside a run's own: each by the digest of its weights, wherever they lie; none: {}."""
    detector, named = decoding.decoder.detector, decoding.decoder.beside
    found: Json = {}
    if detector is not None and detector.folder is not None:
        found["detector"] = weights_digest(find_checkpoint(detector.folder))
    if named is not None:
        found[named.kind] = weights_digest(find_checkpoint(named.folder))
    if isinstance(decoding.model, Fused) and named is not None and named.weight is None:
        found["copilot_weight"] = decoding.model.weight
    return found
