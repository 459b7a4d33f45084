"""A folder in which nothing has been saved yet is not kept from a corrected command."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from igsm.config import load_yaml
from igsm.errors import InputError
from igsm.rundir import RunFolder, read_json, write_json
from igsm.training.folder import is_resumed
from igsm.training.task import TrainingError
from tests.training.toy_training import metrics, toy_config, toy_train, weights


def test_a_run_that_failed_before_its_first_checkpoint_is_taken_over(tmp_path: Path) -> None:
    """Guards: "holds a run of another config" for the corrected command, which keeps the failed one's metrics."""
    with pytest.raises(TrainingError, match="there is no checkpoint yet"):
        toy_train(toy_config(explosion_loss=0.001), tmp_path / "run")
    config = toy_config(learning_rate=0.001)
    assert not is_resumed(RunFolder(tmp_path / "run"), config)
    assert toy_train(config, tmp_path / "run").status == "done"
    toy_train(config, tmp_path / "new")
    assert weights(tmp_path / "run", 20) == weights(tmp_path / "new", 20)
    assert load_yaml(tmp_path / "run" / "config.yaml") == load_yaml(tmp_path / "new" / "config.yaml")
    assert [line["step"] for line in metrics(tmp_path / "run")] == [line["step"] for line in metrics(tmp_path / "new")]
    assert "resumed" not in (tmp_path / "run" / "provenance.json").read_text()


def test_a_run_with_a_checkpoint_is_not(tmp_path: Path) -> None:
    """Guards: hours of training written over by a typing error."""
    toy_train(toy_config(), tmp_path)
    (tmp_path / "DONE").unlink()
    before = (tmp_path / "config.yaml").read_text()
    with pytest.raises(InputError, match="holds a run of another config.*learning_rate is 0.002 there and 0.1 here"):
        toy_train(toy_config(learning_rate=0.1), tmp_path)
    assert (tmp_path / "config.yaml").read_text() == before


def test_a_run_that_started_from_another_is_told_from_one_that_did_not(tmp_path: Path) -> None:
    """Guards: a traceback for pretraining into the folder of a run that went on from another one."""
    toy_train(toy_config(), tmp_path)
    stored = load_yaml(tmp_path / "config.yaml")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(stored | {"continue_from": "runs/other"}))
    with pytest.raises(InputError, match="continue_from is runs/other there and None here"):
        is_resumed(RunFolder(tmp_path), toy_config())


def test_looking_writes_nothing(tmp_path: Path) -> None:
    assert not is_resumed(RunFolder(tmp_path / "run"), toy_config())
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_older_than_an_option_goes_on(tmp_path: Path) -> None:
    """Guards: "holds a run of another config" because of an option that the run's version did not have yet, and that
    stands at its default here."""
    config = toy_config()
    toy_train(config, tmp_path)
    content = load_yaml(tmp_path / "config.yaml")
    del content["training"]["optimizer"], content["training"]["explosion_loss"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    assert is_resumed(RunFolder(tmp_path), config)
    with pytest.raises(InputError, match="training.optimizer is adamw there and muon here"):
        is_resumed(RunFolder(tmp_path), toy_config(optimizer="muon"))


def test_another_machine_that_rounds_otherwise_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Guards: a run resumed where bfloat16 is slow goes on in float32, and nobody can see it afterwards."""
    here = "on cpu in float32, not compiled"
    toy_train(toy_config(), tmp_path)
    folder = RunFolder(tmp_path)
    assert read_json(folder.provenance)["computation"] == here
    write_json(
        folder.provenance, read_json(folder.provenance) | {"computation": "on cuda in bfloat16, compiled (default)"}
    )
    (tmp_path / "DONE").unlink()
    capsys.readouterr()
    toy_train(toy_config(), tmp_path)
    assert f"goes on {here}; was on cuda in bfloat16, compiled (default)" in capsys.readouterr().err
    (tmp_path / "DONE").unlink()
    toy_train(toy_config(), tmp_path)
    assert "goes on" not in capsys.readouterr().err
