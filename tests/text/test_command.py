"""`mistakes inject`, from files to files."""

from __future__ import annotations

import datetime
import gzip
import io
import json
import tracemalloc
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from igsm.text import FORMATS, TARGETS, Injection, convert, read, write
from tests.text.written import GSM8K

Run = Callable[..., tuple[int, str, str]]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "data.jsonl", GSM8K * 5)


def test_rows_keep_their_order_and_fields(mistakes: Run, file: Path, tmp_path: Path) -> None:
    rows = [{"id": number, **row} for number, row in enumerate(GSM8K * 5)]
    write_lines(file, rows)
    code, shown, _ = mistakes("inject", file, "--out", tmp_path / "o.jsonl", "--rate", 0.5)
    assert code == 0
    made = lines(tmp_path / "o.jsonl")
    assert [row["id"] for row in made] == list(range(20))
    assert [list(row) for row in made] == [["id", "question", "answer", "spans", "masked"]] * 20
    n = sum(span["kind"] == "mistake" for row in made for span in row["spans"])
    assert f"20 rows as jsonl, from 20 rows of gsm8k; {n} mistakes in " in shown
    assert n == sum(row["answer"].count("[BACK]") for row in made) > 5


def test_without_mistakes_a_file_comes_back_byte_for_byte(mistakes: Run, tmp_path: Path) -> None:
    for name in FORMATS:
        rows = [write(read(row), name) for row in GSM8K]
        source = tmp_path / f"{name}.jsonl"
        source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        out = tmp_path / f"{name}-out.jsonl"
        assert mistakes("inject", source, "--out", out, "--rate", 0)[0] == 0
        for made in (again := lines(out)):
            made.pop("spans", None)
            made.pop("masked", None)
        assert "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in again) == source.read_text()


@pytest.mark.parametrize("kind", ["weak", "shuffle"])
def test_a_row_does_not_depend_on_those_before_it(mistakes: Run, file: Path, tmp_path: Path, kind: str) -> None:
    """Guards: a stream that goes on from row to row; rows that are left out, which shift the draws of the next ones."""
    bad = [{"question": "?", "answer": "none"}, *GSM8K * 5]
    good = [GSM8K[0], *GSM8K * 5]
    made = []
    for name, rows in (("bad", bad), ("good", good)):
        source = write_lines(tmp_path / f"{name}.jsonl", rows)
        out = tmp_path / f"{name}-out.jsonl"
        code, shown, _ = mistakes("inject", source, "--out", out, "--kind", kind, "--skip-bad", "--format", "gsm8k")
        assert code == 0
        assert ("left out" in shown) == (name == "bad")
        made.append(lines(out)[-20:])
    assert made[0] == made[1] or kind == "shuffle"
    parts = [write_lines(tmp_path / f"{n}.jsonl", rows) for n, rows in enumerate((good[:7], good[7:]))]
    assert mistakes("inject", *parts, "--out", tmp_path / "both.jsonl", "--kind", kind)[0] == 0
    assert lines(tmp_path / "both.jsonl")[1:] == made[1]


def test_a_row_that_cannot_be_cut_is_named_and_nothing_is_left(mistakes: Run, file: Path, tmp_path: Path) -> None:
    write_lines(file, [*GSM8K, {"question": "?", "answer": "It is 5.\n#### 5"}])
    code, _, err = mistakes("inject", file, "--out", tmp_path / "o.jsonl")
    assert code == 2
    assert err == (
        f"mistakes: error: {file}, line 5: its solution cannot be cut into two steps or more (found 1); "
        "--skip-bad leaves such rows out\n"
    )
    assert list(tmp_path.iterdir()) == [file]
    code, shown, _ = mistakes("inject", file, "--out", tmp_path / "o.jsonl", "--skip-bad")
    assert code == 0
    assert "1 rows left out" in shown
    assert "line 5: its solution" in shown


def test_bytes_that_are_no_text(mistakes: Run, file: Path, tmp_path: Path) -> None:
    """Guards: characters replaced without a word; a file that no trainer can read."""
    line = json.dumps(GSM8K[0]).encode()
    file.write_bytes(
        line + b"\n" + line.replace(b"Mara", b"M\xe9ra") + b"\n" + line.replace(b"Mara", b"\\ud800") + b"\n"
    )
    code, _, err = mistakes("inject", file, "--out", tmp_path / "o.jsonl")
    assert code == 2
    assert "line 2: it holds bytes or characters that are not UTF-8" in err
    code, _, _ = mistakes("inject", file, "--out", tmp_path / "o.jsonl", "--skip-bad")
    assert code == 0
    assert len(lines(tmp_path / "o.jsonl")) == 1


def test_every_target(mistakes: Run, file: Path, tmp_path: Path, tokenizer_folder: Callable[[bool], Path]) -> None:
    folder = tokenizer_folder(True)
    for target in TARGETS:
        if target == "parquet":
            continue
        out = tmp_path / f"{target}.jsonl"
        given = ["--tokenizer", folder] if target in ("segments", "labels", "trl") else []
        code, shown, err = mistakes(
            "inject", file, "--out", out, "--to", target, "--rate", 0.5, *given, "--json", "--show", 1
        )
        assert code == 0, err
        counts = json.loads(shown)
        assert counts["written"] == len(lines(out)) > 0
        assert counts["rows"] == 20
        assert (counts["tokens"] > counts["tokens_with_loss"] > 0) == (target in ("labels", "trl"))
        assert counts["longest_row"] == max(len(row.get("input_ids", ())) for row in lines(out))
        assert "[BACK]" in err  # the sample, beside the JSON


def test_parquet_holds_the_records_of_the_jsonl(mistakes: Run, file: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("o.jsonl", "o.parquet"):
        target = name.partition(".")[2]
        assert mistakes("inject", file, "--out", tmp_path / name, "--to", target, "--mask", "step")[0] == 0
    rows = parquet.read_table(tmp_path / "o.parquet").to_pylist()
    assert rows[0].keys() == {"turns", "solution", "answer", "spans", "masked"}
    for row, line in zip(rows, lines(tmp_path / "o.jsonl"), strict=True):
        assert row["turns"] == [{"role": "user", "content": line["question"]}]
        assert (row["solution"], row["spans"], row["masked"]) == (line["answer"], line["spans"], line["masked"])


def test_show(mistakes: Run, file: Path, tmp_path: Path) -> None:
    code, shown, _ = mistakes("inject", file, "--out", tmp_path / "o.jsonl", "--mask", "step", "--show", 2)
    assert code == 0
    assert shown.count("a row with mistakes") == 2
    assert "⟦Mara bakes" in shown
    assert "⟧ [BACK]" in shown


def test_packed_files(mistakes: Run, file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "data.jsonl.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    for source, out in ((file, "a.jsonl"), (packed, "b.jsonl")):
        assert mistakes("inject", source, "--out", tmp_path / out)[0] == 0
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "o.json"], "o.json: --to jsonl writes a file whose name ends in .jsonl"),
        (["--out", "o.jsonl", "--to", "parquet"], "writes a file whose name ends in .parquet"),
        (["--out", "data.jsonl"], "data.jsonl: exists already"),
        (["--out", "o.jsonl", "--to", "preference", "--rate", 0], "no rows to write of 20: no mistake was drawn"),
        (["--out", "o.jsonl", "--format", "math"], "line 1: the field 'problem' is missing (read as math); --skip"),
        (["--out", "o.jsonl", "--format", "maths"], "unknown format 'maths'; did you mean 'math'"),
        (["--out", "o.jsonl", "--format", "math", "--skip-bad"], "none can be used: data.jsonl, line 1: the field"),
        (["--out", "o.jsonl", "--to", "steps", "--mask", "step"], "no masks; leave --mask out"),
        (["--out", "o.jsonl", "--rate", 1], "--rate must be at least 0 and below 1"),
    ],
)
def test_what_cannot_be_done(
    mistakes: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = file.read_bytes()
    code, _, err = mistakes("inject", "data.jsonl", *options)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == before


def test_empty_and_small_files(mistakes: Run, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "data.jsonl", [])
    code, _, err = mistakes("inject", file, "--out", tmp_path / "o.jsonl")
    assert (code, "no rows in the files" in err) == (2, True)
    write_lines(file, GSM8K[:1])
    code, _, err = mistakes("inject", file, "--out", tmp_path / "o.jsonl", "--kind", "shuffle")
    assert (code, "two rows" in err) == (2, True)
    assert list(tmp_path.iterdir()) == [file]


def test_processes_do_not_change_the_output(mistakes: Run, tmp_path: Path) -> None:
    """Guards: rows in another order, draws that depend on who makes them."""
    file = write_lines(tmp_path / "data.jsonl", GSM8K * 80)
    for workers in (1, 2):
        out = tmp_path / f"{workers}.jsonl"
        assert mistakes("inject", file, "--out", out, "--kind", "shuffle", "--workers", workers)[0] == 0
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


def test_standard_input_and_output(mistakes: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mistakes("inject", file, "--out", tmp_path / "o.jsonl")[0] == 0
    expected = (tmp_path / "o.jsonl").read_bytes()
    with open(file, "rb") as given:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(given))
        code, shown, err = mistakes("inject", "-", "--out", "-", "--show", 1)
    assert (code, shown.encode()) == (0, expected)
    assert "-: 20 rows as jsonl" in err
    assert "a row with mistakes" in err
    for options, message in [
        (["--kind", "shuffle"], "shuffle reads its files twice"),
        (["--json"], "--out - and --json both write to standard output"),
        (["--to", "parquet"], "writes a file whose name ends in .parquet"),
    ]:
        code, shown, err = mistakes("inject", "-", "--out", "-", *options)
        assert (code, shown, message in err) == (2, "", True)


def test_lines_that_are_no_json_are_left_out(mistakes: Run, file: Path, tmp_path: Path) -> None:
    """Guards: one torn line, as a full disk leaves it, that ends the work on a large file."""
    file.write_text('{"question": "to\n' + file.read_text() + "[1]\n")
    code, _, err = mistakes("inject", file, "--out", tmp_path / "o.jsonl")
    assert (code, err.count(f"{file}, line 1"), "not valid JSON" in err) == (2, 1, True)
    code, shown, _ = mistakes("inject", file, "--out", tmp_path / "o.jsonl", "--skip-bad")
    assert (code, "2 rows left out" in shown) == (0, True)
    assert len(lines(tmp_path / "o.jsonl")) == 20


def test_parquet_is_read_like_lines(mistakes: Run, file: Path, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(GSM8K * 5), tmp_path / "data.parquet")
    for source in (file, tmp_path / "data.parquet"):
        assert mistakes("inject", source, "--out", tmp_path / f"{source.suffix}.jsonl", "--rate", 0.5)[0] == 0
    assert lines(tmp_path / ".jsonl.jsonl") == lines(tmp_path / ".parquet.jsonl")
    dated = [{"when": datetime.date(2024, 1, 1), **row} for row in GSM8K]
    parquet.write_table(pyarrow.Table.from_pylist(dated), tmp_path / "dated.parquet")
    code, _, err = mistakes("inject", tmp_path / "dated.parquet", "--out", tmp_path / "o.jsonl")
    assert (code, "dated.parquet, row 1: the field 'when' has no room in JSON" in err) == (2, True)
    (tmp_path / "bad.parquet").write_text("no table")
    code, _, err = mistakes("inject", tmp_path / "bad.parquet", "--out", tmp_path / "o.jsonl")
    assert (code, "bad.parquet: not a Parquet file" in err) == (2, True)


def test_progress_goes_from_nothing_to_all_bytes(file: Path, tmp_path: Path) -> None:
    """Guards: a bar without an end, or with one that is not that of the files."""
    write_lines(file, GSM8K * 500)
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    total = file.stat().st_size + packed.stat().st_size
    counts = convert([file, packed], tmp_path / "o.jsonl", Injection())
    seen = [(one.bytes_read, one.bytes_total) for one in counts]
    assert seen == sorted(seen)
    assert seen[-1] == (total, total)
    assert seen[500][0] < file.stat().st_size / 2


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    """Guards: rows kept while a file is read. Four times the rows take no more memory."""
    peaks = []
    for n in (100, 400):
        file = write_lines(tmp_path / f"{n}.jsonl", GSM8K * n)
        tracemalloc.start()
        deque(convert([file], tmp_path / f"{n}-out.jsonl", Injection()), maxlen=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 200_000
