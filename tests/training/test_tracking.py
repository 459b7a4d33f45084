"""wandb is a second place for metrics and never in the way, with or without login and network."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from igsm.training import tracking
from igsm.training.config import TrackingConfig
from tests.training.toy_training import metrics, toy_config, toy_train


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a login nor a way out of this machine."""
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{probe.getsockname()[1]}")


@pytest.mark.parametrize(
    ("wanted", "login", "network", "environment", "expected"),
    [
        ("auto", False, True, None, "disabled"),
        ("auto", True, True, None, "online"),
        ("auto", True, False, None, "offline"),
        ("auto", True, True, "offline", "offline"),
        ("auto", True, True, "disabled", "disabled"),
        ("online", False, True, None, "offline"),
        ("online", True, False, None, "offline"),
        ("online", True, True, None, "online"),
        ("offline", False, False, None, "offline"),
        ("disabled", True, True, None, "disabled"),
    ],
)
def test_the_mode_that_works(
    monkeypatch: pytest.MonkeyPatch, wanted: str, login: bool, network: bool, environment: str | None, expected: str
) -> None:
    """Guards trap 9: no key and no terminal raises; no network stalls until a time-out."""
    monkeypatch.setattr(tracking, "has_login", lambda: login)
    monkeypatch.setattr(tracking, "is_reachable", lambda: network)
    if environment:
        monkeypatch.setenv("WANDB_MODE", environment)
    assert tracking.choose_mode(wanted)[0] == expected


def test_logins_are_found_where_wandb_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not tracking.has_login()
    (tmp_path / "no-netrc").write_text("machine 127.0.0.1 login user password 0123\n")
    assert tracking.has_login()
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("WANDB_API_KEY", "0123")
    assert tracking.has_login()


class FailingWandb:
    """A wandb whose start online fails, like one without a network."""

    class Settings:
        def __init__(self, **settings: Any) -> None:
            pass

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.logged: list[tuple[int, dict[str, float]]] = []

    def init(self, mode: str, **settings: Any) -> FailingWandb:
        self.calls.append(mode)
        if mode == "online":
            raise ConnectionError("timed out")
        return self

    def teardown(self) -> None:
        self.calls.append("teardown")

    def log(self, values: dict[str, float], step: int) -> None:
        if step == 3:
            raise BrokenPipeError("service is gone")
        self.logged.append((step, values))

    def finish(self) -> None:
        self.calls.append("finish")


def test_a_failed_online_start_goes_on_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards trap 9: the second start answered by the failed service; and a failing log that ends training."""
    wandb = FailingWandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setattr(tracking, "has_login", lambda: True)
    monkeypatch.setattr(tracking, "is_reachable", lambda: True)
    config = toy_config(steps=5).model_copy(update={"tracking": TrackingConfig(mode="online")})
    assert toy_train(config, tmp_path / "run").status == "done"
    assert wandb.calls == ["online", "teardown", "offline"]
    assert [step for step, _ in wandb.logged] == [1, 2]
    assert "loss" in wandb.logged[0][1]
    assert [line["step"] for line in metrics(tmp_path / "run")] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("mode", "login"), [("online", True), ("online", False), ("offline", False), ("auto", True)])
def test_without_wandb_one_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mode: str, login: bool
) -> None:
    """Guards: training that needs wandb; a line about its login where there is nothing to log into."""
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.setattr(tracking, "has_login", lambda: login)
    config = toy_config(steps=5).model_copy(update={"tracking": TrackingConfig(mode=mode)})
    assert toy_train(config, tmp_path / "run").status == "done"
    said = [line for line in capsys.readouterr().err.splitlines() if "wandb" in line]
    assert said == ["wandb is not installed: metrics go to metrics.jsonl only; pip install wandb, or --tracker none"]


@pytest.mark.parametrize("mode", ["auto", "online"])
def test_no_network_and_no_login_with_the_real_wandb(tmp_path: Path, mode: str) -> None:
    """Guards: an exception or a stall from the library itself."""
    pytest.importorskip("wandb")
    config = toy_config(steps=5).model_copy(update={"tracking": TrackingConfig(mode=mode)})
    assert toy_train(config, tmp_path / "run").status == "done"
    assert [line["step"] for line in metrics(tmp_path / "run")] == [1, 2, 3, 4, 5]
    recorded = list((tmp_path / "run").glob("wandb/offline-run-*/*.wandb"))
    assert len(recorded) == (1 if mode == "online" else 0)
