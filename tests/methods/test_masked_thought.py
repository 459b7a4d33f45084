"""Masked thought: which inputs change, how often, when; and that nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from igsm.config import dump_yaml, load_config, load_yaml
from igsm.corpus.classes import token_classes
from igsm.corpus.config import DataConfig
from igsm.corpus.loader import WindowLoader
from igsm.corpus.manifest import law_of
from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.methods.masked_thought import MaskedThought
from igsm.methods.method import StepWindows
from igsm.methods.registry import make_method
from igsm.methods.retry import Retry
from igsm.mistakes.layout import Mark, Role
from igsm.problems.difficulty import ProblemConfig
from igsm.rundir import VOCABULARY, RunFolder, read_json
from igsm.training.config import FinetuneConfig, PretrainConfig, TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.objective import Batch
from igsm.training.windows import window_batches
from tests.training.toy_training import metrics, train_config, weights

PRESET = Path(__file__).resolve().parents[2] / "configs/methods/masked_thought.yaml"
SMALL = ["model.layers=1", "model.heads=1", "data.problem.difficulty=nano", "data.context=128", "training.steps=2"]
SMALL += ["data.windows_per_block=4", "training.batch=4", "training.warmup_steps=1", "training.held_out_windows=4"]
SMALL += ["training.evaluate_problems=0", "training.device=cpu", "training.compile=off", "tracking.mode=disabled"]
SMALL += ["training.log_every=1"]
ALONE = Ranks(torch.device("cpu"))


def windows(method: Any, progress: float | None = 1.0, first: int = 0, rows: int = 64) -> tuple[Any, Any, Batch]:
    """Tokens, roles and batch of the first windows of nano."""
    data = DataConfig(problem=ProblemConfig(difficulty="nano"), context=128, windows_per_block=64, method=method)
    vocabulary = load_vocabulary(data.problem, data.vocabulary, method.marks)
    with WindowLoader(data, 64) as loader:
        numbers, tokens, roles = next(loader)
    read = (torch.from_numpy(tokens)[first : first + rows], torch.from_numpy(roles)[first : first + rows])
    training = TrainingConfig(steps=10, batch=64, warmup_steps=0)
    step = StepWindows(*read, numbers[first : first + rows], progress, data, training, vocabulary)
    return *read, method.batch(step)


@pytest.mark.parametrize("noise", ["mask", "random"])
def test_words_of_the_solution_change_at_the_rate_and_nothing_else(noise: Any) -> None:
    tokens, roles, batch = windows(MaskedThought(noise=noise, rate=0.3))
    plain_tokens, _, plain = windows(Retry())
    assert torch.equal(tokens, plain_tokens), "the ids of plain documents stay where they are"
    assert torch.equal(batch.targets, plain.targets)
    assert batch.count == plain.count
    (inputs,) = batch.inputs
    vocabulary = load_vocabulary(ProblemConfig(difficulty="nano"), "compact", frozenset({Mark.MASK}))
    marks = torch.from_numpy(vocabulary.from_gpt2[list(Mark)])
    may_change = ((roles & int(Role.SOLUTION)) > 0) & ~torch.isin(tokens, marks)
    changed = inputs != tokens
    assert not (changed & ~may_change).any()
    if noise == "mask":
        assert (inputs[changed] == vocabulary.from_gpt2[230]).all()
    else:
        assert not torch.isin(inputs[changed], marks).any()
        assert len(inputs[changed].unique()) > 60
    n, kept_by_chance = int(may_change.sum()), 0.0 if noise == "mask" else 1 / 130
    assert n > 1500
    assert abs(changed.sum() / n - 0.3 * (1 - kept_by_chance)) < 4 * (0.3 * 0.7 / n) ** 0.5
    per_token = changed.float()[:, 60:].mean(0)
    assert per_token.max() < 0.6, "each token is drawn on its own"


KINDS_OF_TOKENS = ("name", "letter", "number", "operator", "word")


def texts_of(ids: torch.Tensor, vocabulary: Any) -> set[str]:
    return {vocabulary.decode([i]) for i in ids.unique().tolist()}


@pytest.mark.parametrize("one", KINDS_OF_TOKENS)
def test_of_one_class_only(one: Any) -> None:
    """The ablations: numbers only, letters only, ...; what stands in their place is of the same class."""
    vocabulary = load_vocabulary(ProblemConfig(difficulty="nano"), "compact", frozenset({Mark.MASK}))
    is_one = (
        {
            "letter": lambda text: len(text) == 2 and text[1].isalpha(),
            "number": lambda text: text.strip().isdigit(),
            "operator": lambda text: text in (" +", " -", " *"),
            "word": lambda text: text in {".", ";", " Def", "ine", " as", " so", " =", "'s"},
        }[one]
        if one != "name"
        else lambda text: text[1:2].isupper() and len(text) > 2 or text in ("um", "oset")
    )
    for noise in ("mask", "class"):
        tokens, roles, batch = windows(MaskedThought(noise=noise, rate=0.5, classes=(one,)))
        (inputs,) = batch.inputs
        changed = inputs != tokens
        assert changed.any()
        solution = tokens[(roles & int(Role.SOLUTION)) > 0]
        texts = texts_of(tokens[changed], vocabulary)
        assert all(is_one(text) for text in texts), texts
        assert texts >= {text for text in texts_of(solution, vocabulary) if is_one(text) and len(text) < 3} - {"'s"}
        if noise == "class":
            classes = token_classes(vocabulary)
            assert (classes[inputs[changed]] == KINDS_OF_TOKENS.index(one)).all()


def test_every_word_of_a_solution_has_a_class() -> None:
    tokens, roles, _ = windows(MaskedThought())
    vocabulary = load_vocabulary(ProblemConfig(difficulty="nano"), "compact", frozenset({Mark.MASK}))
    classes = token_classes(vocabulary)
    marks = vocabulary.from_gpt2[list(Mark)]
    inside = tokens[(roles & int(Role.SOLUTION)) > 0]
    assert ((classes[inside] >= 0) != np.isin(inside, marks)).all()
    assert set(np.unique(classes)) == {-1, 0, 1, 2, 3, 4}


def test_the_rate_rises_linearly_and_held_out_windows_have_no_noise() -> None:
    method = MaskedThought(rate=0.8, warmup=0.5)

    def share(progress: float | None, method: MaskedThought = method) -> float:
        tokens, roles, batch = windows(method, progress)
        (inputs,) = batch.inputs
        return float((inputs != tokens).sum() / ((roles & int(Role.SOLUTION)) > 0).sum())

    assert share(None) == share(0.0) == 0.0
    half, whole = share(0.25), share(0.5)
    assert 0.45 < half / whole < 0.55
    assert share(0.9) == whole
    assert share(0.0, MaskedThought(rate=0.8, warmup=0.0)) == whole


@pytest.mark.parametrize("noise", ["mask", "random"])
def test_noise_belongs_to_the_window_whatever_the_ranks_and_resumes(noise: Any) -> None:
    data = DataConfig(
        problem=ProblemConfig(difficulty="nano"), context=128, windows_per_block=8, method=MaskedThought(noise=noise)
    )
    recipe = TrainingConfig(steps=4, batch=8, warmup_steps=0)
    vocabulary = load_vocabulary(data.problem, data.vocabulary, data.method.marks)

    def inputs(step: int, rank: int = 0, world_size: int = 1) -> list[torch.Tensor]:
        batches = window_batches(data, recipe, Ranks(ALONE.device, rank, world_size), step, vocabulary)
        return [next(made).inputs[0] for made in [iter(batches)] for _ in range(4 - step)]  # type: ignore[index]

    whole, halves = inputs(0), [inputs(0, rank, 2) for rank in (0, 1)]
    for step, windows_of_step in enumerate(whole):
        assert torch.equal(torch.cat([half[step] for half in halves]), windows_of_step)
    assert all(torch.equal(again, first) for again, first in zip(inputs(2), whole[2:], strict=True))
    assert not torch.equal(whole[2], inputs(2)[1])


def test_at_rate_0_it_is_plain_training_bit_for_bit(tmp_path: Path) -> None:
    """And at a higher one not; resumed runs and held-out losses are those of the same windows."""
    overrides = {
        "plain": ["data.method={name: retry}"],
        "none": ["data.method.rate=0.0"],
        "noisy": ["data.method.warmup=0.0"],
    }
    for name, given in overrides.items():
        train_config(load_config(PretrainConfig, PRESET, SMALL + given), tmp_path / name, ALONE)
    made = {name: weights(tmp_path / name, 2) for name in overrides}
    assert made["plain"] == made["none"] != made["noisy"]
    measured = {name: [line["loss"] for line in metrics(tmp_path / name) if "loss" in line] for name in overrides}
    assert measured["plain"] == measured["none"] != measured["noisy"]


def test_fine_tuning_gives_the_mask_a_free_row_of_a_plain_model(tmp_path: Path) -> None:
    """Guards: id -1; the base's ids moved. A model that has no free row is refused before anything is trained."""
    train_config(load_config(PretrainConfig, PRESET, [*SMALL, "data.method={name: retry}"]), tmp_path / "base", ALONE)
    config = load_config(PretrainConfig, PRESET, SMALL).model_dump(exclude={"stage", "model"})
    tuning = FinetuneConfig.model_validate(config | {"from": str(tmp_path / "base")})
    train_config(tuning, tmp_path / "tuned", ALONE)
    folders = {name: RunFolder(tmp_path / name).checkpoint(2) for name in ("base", "tuned")}
    stored = {name: read_json(folder / VOCABULARY) for name, folder in folders.items()}
    assert stored["tuned"]["ids"] == [*stored["base"]["ids"], 230]
    assert stored["tuned"]["size"] == stored["base"]["size"]
    full = load_vocabulary(ProblemConfig(difficulty="med"))
    assert len(full.known) == full.size
    with pytest.raises(InputError, match=r"no ids for the marks MASK, and its 2368 rows are taken"):
        full.extended({Mark.MASK})


def test_a_config_holds_its_settings(tmp_path: Path) -> None:
    """Guards: settings of a method lost on the way through config.yaml."""
    file = tmp_path / "data.yaml"
    file.write_text("method: {name: masked_thought, rate: 0.25}")
    config = load_config(DataConfig, file)
    file.write_text(dump_yaml(config))
    classes = ["name", "letter", "number", "operator", "word"]
    settings = {"name": "masked_thought", "noise": "mask", "classes": classes, "rate": 0.25, "warmup": 0.66}
    assert load_yaml(file)["method"] == settings
    assert load_config(DataConfig, file) == config
    changed = load_config(DataConfig, file, ["method.rate=0.5"])
    assert changed.method == make_method({"name": "masked_thought", "rate": 0.5})
    assert hash(changed) != hash(config)
    with pytest.raises(InputError, match=r"rate: Input should be less than or equal to 1, not 1\.5"):
        load_config(DataConfig, file, ["method.rate=1.5"])


def test_it_reads_the_corpora_of_plain_documents() -> None:
    laws = [law_of(DataConfig(method=method)) for method in (Retry(), MaskedThought(), MaskedThought(rate=0.0))]
    assert laws[0] == laws[1] == laws[2]
    assert np.array_equal(*(windows(method)[0] for method in (Retry(), MaskedThought())))
