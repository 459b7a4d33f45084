"""Settings that have moved: old runs and corpora are read, a person is told the new name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from igsm.config import apply_overrides, build_config, load_config, load_settings, load_stored
from igsm.corpus.config import DataConfig
from igsm.corpus.manifest import law_of
from igsm.errors import InputError
from igsm.former_keys import upgraded
from igsm.mistakes.config import MistakeConfig
from igsm.probing.config import ProbeConfig
from igsm.training.config import PretrainConfig

FORMER = {"kind": "retry_weak", "retry_rate": 0.5, "include_current": True, "error_free_share": 0.25}
NOW: dict[str, Any] = {"kind": "retry_weak", "rate": 0.5, "include_current": True, "error_free_share": 0.25}


def as_before(data: dict[str, Any]) -> dict[str, Any]:
    """A data section as it was stored when the problems held the mistakes, and nothing named a method."""
    kept = {key: value for key, value in data.items() if key not in ("mistakes", "method")}
    return kept | {"problem": data["problem"] | FORMER}


def test_a_stored_run_has_todays_keys(tmp_path: Path) -> None:
    """Bug guarded: finished runs that can no longer be evaluated, resumed or compared with a sweep's settings."""
    preset = load_config(PretrainConfig, "configs/pretrain/nano.yaml")
    config = preset.model_copy(update={"data": DataConfig(mistakes=MistakeConfig(**NOW))})
    resolved = config.model_dump(mode="json")
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(resolved | {"data": as_before(resolved["data"])}))
    assert load_settings(PretrainConfig, path) == resolved
    assert build_config(PretrainConfig, load_stored(path), "config.yaml") == config
    assert upgraded(resolved) == resolved


def test_a_stored_corpus_has_todays_keys() -> None:
    """Bug guarded: shards of an earlier version refused as made with other settings."""
    law = law_of(DataConfig(mistakes=MistakeConfig(**NOW)))
    assert upgraded(as_before(law)) == law


def test_a_stored_probe_has_todays_keys() -> None:
    """Its problems had no mistakes; the keys that said so are gone."""
    probe = {"stage": "probe", "from": "runs/x", "problem": {"difficulty": "nano", "kind": "none", "retry_rate": 0.0}}
    assert upgraded(probe) == {"stage": "probe", "from": "runs/x", "problem": {"difficulty": "nano"}}


@pytest.mark.parametrize(("key", "value"), FORMER.items())
def test_a_person_is_told_the_new_key(tmp_path: Path, key: str, value: object) -> None:
    """On the command line as in a file of one's own, with whatever section stands before it."""
    now = "rate" if key == "retry_rate" else key
    message = rf"data\.problem\.{key} is now data\.mistakes\.{now}$"
    with pytest.raises(InputError, match=message) as caught:
        load_config(PretrainConfig, "configs/pretrain/nano.yaml", [f"data.problem.{key}={value}"])
    assert "\n" not in str(caught.value)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"data": {"problem": {key: value}}}))
    with pytest.raises(InputError, match=f"mine.yaml: {message}"):
        load_config(PretrainConfig, tmp_path / "mine.yaml")
    with pytest.raises(InputError, match=rf"data: problem\.{key} is now mistakes\.{now}$"):
        build_config(DataConfig, apply_overrides({}, [f"problem.{key}={value}"]), "data")
    with pytest.raises(InputError, match=f"unknown key 'problem.{key}'"):  # a probe has no mistakes
        load_config(ProbeConfig, "configs/probe/step.yaml", ["from=x", f"problem.{key}={value}"])
