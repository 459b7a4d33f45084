"""Progress and colours: guards against carriage returns and escape codes in logs, and against a second way to print."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from cli.terminal import console, print_json
from igsm import progress
from igsm.progress import Progress, close_bars, is_plain, say

ROOT = Path(__file__).resolve().parents[2]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return monkeypatch


def test_what_is_plain(clean: pytest.MonkeyPatch) -> None:
    assert is_plain(io.StringIO())
    assert not is_plain(Terminal())
    clean.setenv("TERM", "dumb")
    assert is_plain(Terminal())
    clean.setenv("TERM", "xterm")
    clean.setenv("NO_COLOR", "1")
    assert is_plain(Terminal())


@pytest.mark.parametrize(
    ("stream", "no_colour", "codes"),
    [(Terminal, "", True), (Terminal, "1", False), (io.StringIO, "", False)],
)
def test_colours_are_for_terminals_and_who_wants_them(
    clean: pytest.MonkeyPatch, stream: type[io.StringIO], no_colour: str, codes: bool
) -> None:
    out = stream()
    clean.setattr(sys, "stdout", out)
    clean.setenv("NO_COLOR", no_colour)
    console().print("text", style="bold red")
    assert ("\x1b" in out.getvalue()) == codes
    assert "text" in out.getvalue()


def test_a_log_gets_whole_lines(clean: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    clean.setattr(sys, "stderr", log)
    clean.setattr(progress, "LOG_SECONDS", 0.0)
    with Progress(total=3, desc="data.jsonl", unit=" problems") as bar:
        for _ in range(3):
            bar.update()
        bar.set_postfix_str("accuracy 50.0 %", refresh=False)
        say("a message")
        bar.refresh()
    text = log.getvalue()
    assert "\r" not in text
    assert "\x1b" not in text
    lines = text.splitlines()
    assert re.fullmatch(r"data\.jsonl: 1 of 3 problems, [\d.,e+]+/s, 00:00 passed, 00:00 left", lines[-5])
    assert lines[-2] == "a message"
    assert lines[-1].startswith("data.jsonl: 3 of 3 problems")
    assert lines[-1].endswith(", accuracy 50.0 %")


def test_what_is_soon_done_leaves_no_line_in_a_log(clean: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    clean.setattr(sys, "stderr", log)
    for _ in Progress(range(5), desc="short"):
        pass
    assert log.getvalue() == ""


def test_a_terminal_gets_one_line_that_moves(clean: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    clean.setattr(sys, "stderr", screen)
    bar = Progress(total=2, desc="run", unit="step")
    bar.update(2)
    assert "\r" in screen.getvalue()
    close_bars()
    assert screen.getvalue().endswith("\n"), "an error would be glued to the bar"
    assert bar.disable


def test_json_is_one_document_of_plain_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy

    print_json({"a": float("nan"), "b": numpy.int64(3), "c": (0.1 + 0.2, Path("x")), 5: numpy.float64(1.5)})
    assert capsys.readouterr().out == '{"a": null, "b": 3, "c": [0.30000000000000004, "x"], "5": 1.5}\n'


def test_there_is_one_console_and_one_bar() -> None:
    """Everything that prints goes through `cli.terminal.console`, everything that takes long through `Progress`."""
    wrong = []
    for folder in ("igsm", "cli", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            name, text = str(path.relative_to(ROOT)), path.read_text()
            if name != "cli/terminal.py" and re.search(
                r"import Console\b|\bConsole\(", text.replace("TYPE_CHECKING", "")
            ):
                wrong.append(f"{name}: a console of its own")
            if name != "igsm/progress.py" and re.search(r"\btqdm\b", text):
                wrong.append(f"{name}: a bar of its own")
    assert wrong == []
