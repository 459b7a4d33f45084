"""The command line as a process: exit codes and pipes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import COMMANDS

PROBLEM = "The number of each {A}'s {B} equals 4. How many {B} does {A} have?"


@pytest.mark.parametrize("n", [2, 3000])
def test_reader_that_has_enough_is_no_error(tmp_path: Path, n: int) -> None:
    """Guards against exit code 1 or a traceback for `mistakes solve FILE | head -1`, however full the buffer is."""
    from igsm.problems.lexicon import load_lexicon

    lexicon = load_lexicon("full")
    a, b = (next(iter(lexicon.groups[category].values()))[0] for category in lexicon.chains[0][:2])
    file = tmp_path / "problems.jsonl"
    file.write_text((json.dumps({"problem": PROBLEM.format(A=a, B=b)}) + "\n") * n)
    command = [sys.executable, "-m", "cli.main", "solve", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, b"")


def test_bad_input_is_still_exit_code_2() -> None:
    """Guards against every error passing for a closed pipe."""
    command = [sys.executable, "-m", "cli.main", "solve", "no such file"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("mistakes: error: ")
    assert done.stderr.count("\n") == 1


def run(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", "cli.main", *words]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, **more)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("words", [["show", "--difficulty", "nano"], ["--help"]])
def test_a_full_disk_under_the_output_is_one_line(words: list[str]) -> None:
    """Guards against a traceback with OSError 28 for `mistakes show > FILE`."""
    with open("/dev/full", "w") as full:
        done = run(*words, stdout=full)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr == "mistakes: error: standard output: cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pretain"], "No such command 'pretain'. Did you mean 'pretrain'?"),
        (["bench", "trin"], "No such command 'trin'. Did you mean 'train'?"),
        (["bench"], "Missing command (generate, grade, train, decode); see 'mistakes bench --help'"),
        (["eval"], "Missing argument 'RUN'; see 'mistakes eval --help'"),
        (["show", "--seed", "x"], "Invalid value for '--seed'"),
        (["gen-data", "--tokns", "5"], "No such option: --tokns"),
    ],
)
def test_wrong_commands_are_one_line(
    mistakes: Callable[..., tuple[int, str, str]], words: list[str], message: str
) -> None:
    """Guards against typer's box of five lines, and a second look of errors."""
    code, out, error = mistakes(*words)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert error.startswith(f"mistakes: error: {message}")


def test_without_a_command_the_help_is_printed(mistakes: Callable[..., tuple[int, str, str]]) -> None:
    code, out, error = mistakes()
    assert (code, error) == (2, "")
    assert "gen-data" in out


def test_ctrl_c_is_never_silent(mistakes: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against nothing at all, or a traceback, for Ctrl-C in a command that has nothing to save."""
    monkeypatch.setattr("igsm.config.build_config", lambda *_: signal.raise_signal(signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    assert mistakes("show") == (130, "", "mistakes: stopped; files that were whole before stay\n")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_help_fits_80_columns_and_cuts_nothing(mistakes: Callable[..., tuple[int, str, str]], command: str) -> None:
    """Guards: names of options cut off ("--retry-r..."), ragged lines, a list of decoders run together."""
    code, out, _ = mistakes(*command.split(), "--help", columns=80)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "\u2026" not in out
    assert "..." not in "".join(line for line in out.splitlines() if line.startswith("  generate"))
    if command in ("eval", "try"):
        assert "\n  beam4 " in out
    if command == "show":
        assert "--rate, --retry-rate" in out


def test_methods_fit_80_columns_and_their_settings_can_be_typed(mistakes: Callable[..., tuple[int, str, str]]) -> None:
    """Guards: settings of 153 letters in a line, and tuples of Python's, which `data.method.KEY=` does not read."""
    from igsm.config import apply_overrides
    from igsm.methods.registry import METHODS, make_method

    code, out, _ = mistakes("methods", columns=80)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    name, found = "", []
    for line in out.splitlines():
        words = line.split()
        if not line.startswith(" "):
            name = words[0]
        for word in (word for word in words if "=" in word):
            found.append((name, word.partition("=")[0]))
            assert make_method(apply_overrides({"name": name}, [word])) == make_method({"name": name})
    assert found == [(name, key) for name, one in METHODS.items() for key in one.model_fields if key != "name"]


def test_versions_of_all_that_results_depend_on(mistakes: Callable[..., tuple[int, str, str]]) -> None:
    """Guards: a report of a fault from which nobody can tell what was run; torch imported to say its version."""
    import torch

    from igsm.versions import generator_version

    code, out, _ = mistakes("--version")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("mistakes ")
    assert lines[1] == f"generator {generator_version()}"
    version, _, cuda = lines[2].partition(", CUDA ")
    assert torch.__version__.startswith(version.removeprefix("torch "))  # a package may leave out "+cu130"
    assert cuda == (torch.version.cuda or "none")
    quick = [sys.executable, "-X", "importtime", "-m", "cli.main", "--version"]
    imported = subprocess.run(quick, capture_output=True, text=True).stderr
    assert not [line for line in imported.splitlines() if line.split("|")[-1].strip() in ("torch", "numba", "numpy")]


@pytest.mark.parametrize(
    ("shell", "line", "expected"),
    [
        ("bash", {"COMP_WORDS": "mistakes pre", "COMP_CWORD": "1"}, "pretrain"),
        ("bash", {"COMP_WORDS": "mistakes gen-data --diff", "COMP_CWORD": "2"}, "--difficulty"),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "mistakes eval --deco"}, "--decoder"),
    ],
)
def test_shells_complete_commands_and_their_options(
    mistakes: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    shell: str,
    line: dict[str, str],
    expected: str,
) -> None:
    """Guards: options that are not found, because a command's module is imported only when it is called."""
    for name, value in {**line, "_MISTAKES_COMPLETE": f"complete_{shell}"}.items():
        monkeypatch.setenv(name, value)
    code, out, _ = mistakes()
    assert code == 0
    assert expected in out
