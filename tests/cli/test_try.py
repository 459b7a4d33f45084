"""`mistakes try`: in a pipe, in a terminal, and what it refuses."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.try_session import is_begun, piped_texts
from igsm.evaluation.shipped import shipped_problems

Call = Callable[..., tuple[int, str, str]]
TEXT = "The number of each Kitchen's Ball equals 3. How many Ball does Kitchen have?"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a text on standard input."""

    def put(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return put


def test_a_pipe_gets_whole_lines_and_no_questions(mistakes: Call, typed: Callable[[str], None]) -> None:
    typed("")
    code, out, error = mistakes("try")
    assert (code, error) == (0, "")
    assert "\x1b" not in out
    assert "\r" not in out
    lines = out.splitlines()
    assert lines[0].startswith("Model retry: trained on problems of at most 5 operations, with mistakes that are taken")
    assert [line for line in lines if line.startswith("Problem ")] == [
        f"Problem {n}: trio, 6 operations (training: at most 5); a chosen example" for n in (1, 2, 3)
    ]
    assert f"  {shipped_problems()[0].problem.text.strip()}" in lines
    assert any(re.fullmatch(r"  back  ~~Define .* as BACK\.~~", line) for line in lines)
    assert sum(line.startswith("  RIGHT: the answer is ") for line in lines) == 3
    assert "q: quit" not in out


def test_json_has_what_the_screen_shows(mistakes: Call, typed: Callable[[str], None]) -> None:
    typed("this is not read when a number of problems is given")
    words = ["try", "--model", "error-free", "--json", "--problems", 2, "--op", 3, "--probabilities"]
    code, out, error = mistakes(*words)
    assert (code, error) == (0, "")
    records = [json.loads(line) for line in out.splitlines()]
    assert [(r["model"], r["decoder"], r["op"], r["index"]) for r in records] == [
        ("error-free", "greedy", 3, i) for i in (0, 1)
    ]
    for record in records:
        assert record["solution"] == " ".join(step["sentence"] for step in record["steps"])
        assert record["correct"] == (record["error"] is None)
        assert {"name", "probability", "back", "can_be_next"} == record["steps"][0]["next"][0].keys()


def test_piped_problems_are_solved(mistakes: Call, typed: Callable[[str], None]) -> None:
    """One in a line, one broken over lines as the screen breaks it, one without an end."""
    broken = TEXT.replace(" equals", "\n  equals").replace(" does", "\n does")
    typed(f"{TEXT}\n{broken}\n\n{TEXT}")
    code, out, error = mistakes("try", "--json")
    assert (code, error) == (0, "")
    records = [json.loads(line) for line in out.splitlines()]
    assert [(r["problem"], r["true_answer"], r["index"]) for r in records] == [(TEXT, 3, None)] * 3


def test_a_question_typed_first_stands_where_the_model_knows_it(mistakes: Call, typed: Callable[[str], None]) -> None:
    """Guards: a model that read questions last is given one first, and writes nonsense."""
    typed("How many Ball does Kitchen have? The number of each Kitchen's Ball equals 3.")
    code, out, error = mistakes("try")
    assert (code, error) == (0, "")
    told, shown = (" ".join(part.split()) for part in out.split("\n\n")[1:3])
    assert "the question moved to where it stood in training" in told
    assert TEXT in told
    assert "RIGHT: the answer is 3" in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            TEXT.replace("Kitchen", "Zoo"),
            'unknown name: "Zoo\'s Ball" is not in the lexicon; the model knows Kitchen, Library, ',
        ),
        (TEXT.replace("3", "7"), "number out of range: 7 in "),
        ("Hello", "unreadable sentence: 'Hello'"),
    ],
)
def test_a_text_that_is_no_problem_is_one_line(
    mistakes: Call, typed: Callable[[str], None], text: str, message: str
) -> None:
    typed(text)
    code, _, error = mistakes("try", "--json")
    assert (code, error.count("\n")) == (2, 1)
    assert error.startswith(f"mistakes: error: {message}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "retri"], "no shipped model is called 'retri'; did you mean 'retry'?"),
        (["runs/x", "--model", "retry"], "--model is a shipped model, RUN (runs/x) another one: give one of them"),
        (["no/such/run"], "no/such/run: no such run folder or checkpoint"),
        (["--decoder", "greedi"], "unknown decoder 'greedi'; did you mean 'greedy'?"),
        (["--op", "40"], "cell 'trio_pq:op=40': op=40 is more than a problem of this class can have (at most 12)"),
    ],
)
def test_what_is_wrong_is_one_line(mistakes: Call, words: list[str], message: str) -> None:
    code, _, error = mistakes("try", *words, "--problems", "1")
    assert (code, error) == (2, f"mistakes: error: {message}\n")


def test_a_run_is_tried_and_compared_with_a_shipped_model(mistakes: Call) -> None:
    """A checkpoint stands for a run of one's own: no accuracy is claimed for it."""
    from igsm.evaluation.shipped import model_folder

    code, out, error = mistakes("try", model_folder("error-free"), "--problems", 1)
    assert (code, error) == (0, "")
    first, *rest = out.splitlines()
    assert (
        first == f"Model {model_folder('error-free')}: trained on problems of at most 5 operations, without mistakes."
    )
    assert any(line.startswith("  wrong ") for line in rest)


def test_where_a_problem_ends() -> None:
    first = "How many Ball does Kitchen have?"
    assert is_begun("The number of each Kitchen's Ball equals 3.")
    assert is_begun(first)
    assert not any(is_begun(text) for text in (TEXT, "n", "", f"{first} The number of each Kitchen's Ball equals 3."))
    assert list(piped_texts(io.StringIO(f"{first}\nThe number of each Kitchen's Ball equals 3.\n"))) == [
        f"{first} The number of each Kitchen's Ball equals 3."
    ]


def test_one_is_told_what_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Guards against silence for ever where standard input is open and nobody writes."""
    reading, writing = os.pipe()

    def write() -> None:
        os.write(writing, f"{TEXT}\n".encode())
        os.close(writing)

    timer = threading.Timer(0.3, write)
    timer.start()
    with os.fdopen(reading) as file:
        assert list(piped_texts(file)) == [TEXT]
    timer.join()
    assert capsys.readouterr().err.startswith("mistakes: waiting for problems on standard input; ")


def at_a_terminal(keys: list[str], **environment: str) -> str:
    """What `mistakes try` writes to a terminal of 80 columns when the keys are typed, one at each question."""
    pid, terminal = pty.fork()
    if pid == 0:
        for name, value in ({"TERM": "xterm-256color", "COLUMNS": "80"} | environment).items():
            os.environ[name] = value
        os.execv(sys.executable, [sys.executable, "-m", "cli.main", "try"])
    out, given, end = b"", 0, time.monotonic() + 240
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            new = os.read(terminal, 65536)
        except OSError:  # it has ended
            break
        out += new
        if out.endswith(b"> ") and given < len(keys) and out.count(b"q: quit") > given:
            os.write(terminal, keys[given].encode())
            given += 1
    else:
        os.kill(pid, signal.SIGKILL)
        pytest.fail(f"after 240 s and {given} of {len(keys)} keys: {out[-300:].decode(errors='replace')}")
    assert os.waitpid(pid, 0)[1] == 0
    return out.decode()


def test_a_person_sees_the_difference() -> None:
    """At a terminal: the retry model takes a step back, the error-free one skips it; then the rest."""
    keys = ["b\n", "p\n", "what\n", "40\n", "n\n", f"{TEXT}\n", "q\n"]
    out = at_a_terminal(keys)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out).replace("\r", "")
    first, compared, probabilities, unknown, too_many, second, typed, *_ = plain.split("q: quit\n")
    assert re.search(r"\x1b\[[\d;]*9[\d;]*mDefine [^\x1b]* as BACK\.", out), "nothing is struck through"
    assert "RIGHT: the answer is" in first
    assert "Model error-free, greedy:" in compared
    assert "not computable yet" in compared
    assert 'What error-free could write next ("Define ..."), in %.' in probabilities
    assert "'what' is none of these, nor the text of a problem" in unknown
    assert "op=40 is more than a problem of this class can have" in too_many
    assert "Problem 2: trio, 6 operations" in second
    assert "Problem 3: trio, 1 operation\n" in typed
    assert max(len(line) for line in re.split(r"[\r\n]", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out))) <= 80


def test_no_color_is_respected() -> None:
    out = at_a_terminal(["q\n"], NO_COLOR="1")
    assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])(?:;\d+)*m", out)
    assert "BACK" in out


def test_nothing_is_compiled_for_the_first_problems(tmp_path: Path) -> None:
    """Guards the first five seconds: with an empty cache, as after an installation, no numba kernel is compiled."""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    command = [sys.executable, "-m", "cli.main", "try", "--problems", "2"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "compiling" not in done.stderr
    assert not list((tmp_path).rglob("*.nbi"))


def test_the_problem_is_there_before_torch() -> None:
    """Guards: a person looks at nothing while torch is imported, which takes seconds."""
    code = (
        "import sys; from cli.try_session import Model, Session; from cli.try_screen import Screen;"
        "Session(Model.shipped('retry', 'greedy', 0), None, False); Screen(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
