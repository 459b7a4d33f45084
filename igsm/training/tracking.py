"""wandb as a second place for the metrics: optional, and never in the way of training."""

from __future__ import annotations

import hashlib
import json
import netrc
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from igsm.config import load_stored
from igsm.rundir import RunFolder, read_json
from igsm.training.config import TrackingConfig

SERVER = "https://api.wandb.ai"
INIT_SECONDS = 20.0
FINISH_SECONDS = 60.0


def _server() -> str:
    return os.environ.get("WANDB_BASE_URL", SERVER)


def has_login() -> bool:
    """Whether wandb would find a key without asking: in WANDB_API_KEY or ~/.netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    path = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    try:
        return netrc.netrc(str(path)).authenticators(urlparse(_server()).hostname or "") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def is_reachable() -> bool:
    """Whether wandb's server accepts a connection within three seconds."""
    server = urlparse(_server())
    port = server.port or (80 if server.scheme == "http" else 443)
    try:
        with socket.create_connection((server.hostname or "", port), timeout=3.0):
            return True
    except OSError:
        return False


def choose_mode(wanted: str) -> tuple[str, str | None]:
    """The mode to start wandb in, and a line to print where it is not the one that was asked for."""
    if wanted == "auto":
        wanted = os.environ.get("WANDB_MODE", "auto")
    if wanted == "auto" and not has_login():
        return "disabled", None
    if wanted == "online" and not has_login():
        return "offline", "wandb: no login (run `wandb login`), recording offline"
    if wanted in ("auto", "online") and not is_reachable():
        return "offline", f"wandb: {_server()} does not answer, recording offline"
    return "online" if wanted == "auto" else wanted, None


class Tracker:
    """Sends metrics to wandb, or nowhere. No failure of wandb's reaches the caller: it prints one line."""

    def __init__(self, config: TrackingConfig, folder: RunFolder) -> None:
        self._run: Any = None
        mode, line = choose_mode(config.mode)
        if mode == "disabled":
            return
        try:
            import wandb
        except ImportError:
            _say("wandb is not installed: metrics go to metrics.jsonl only; pip install wandb, or --tracker none")
            return
        if line:
            _say(line)
        try:
            self._run = _start(wandb, mode, config, folder)
        except Exception as error:
            if mode != "online":
                _say(f"wandb: {error}; metrics go to metrics.jsonl only")
                return
            _say(f"wandb: {error}; recording offline")
            try:
                wandb.teardown()  # or the failed service answers the second start as well
                self._run = _start(wandb, "offline", config, folder)
            except Exception as second:
                _say(f"wandb: {second}; metrics go to metrics.jsonl only")

    def log(self, record: dict[str, Any]) -> None:
        """Send one line of metrics; `record["step"]` is its step."""
        if self._run is None:
            return
        try:
            self._run.log({key: value for key, value in record.items() if key != "step"}, step=record["step"])
        except Exception as error:
            _say(f"wandb: {error}; metrics go to metrics.jsonl only")
            self._run = None

    def close(self) -> None:
        """Finish, but wait no longer than a minute for a network that has gone."""
        if self._run is None:
            return
        finish = threading.Thread(target=self._finish, args=(self._run,), daemon=True)
        self._run = None
        finish.start()
        finish.join(FINISH_SECONDS)

    @staticmethod
    def _finish(run: Any) -> None:
        try:
            run.finish()
        except Exception as error:
            _say(f"wandb: {error}")


def _start(wandb: Any, mode: str, config: TrackingConfig, folder: RunFolder) -> Any:
    # The same id after every resume, so that wandb shows one run.
    started = json.dumps([str(folder.path.resolve()), read_json(folder.provenance).get("started")])
    return wandb.init(
        mode=mode,
        project=config.project,
        name=folder.path.name,
        id=hashlib.sha256(started.encode()).hexdigest()[:16],
        resume="allow" if mode == "online" else None,
        dir=str(folder.path),
        config=load_stored(folder.config),
        settings=wandb.Settings(init_timeout=INIT_SECONDS, silent=True, console="off"),
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr)
