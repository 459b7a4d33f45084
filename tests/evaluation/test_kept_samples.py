"""Kept samples: every vote and best-of-n comes out as alone, and draws only what no other has drawn."""

from __future__ import annotations

import json
import shutil

import pytest

from igsm.decoding.decoders import parse_decoder
from igsm.decoding.kept import FILE, kept_samples
from igsm.decoding.run import Decoding
from igsm.errors import InputError
from igsm.evaluation import evaluate as evaluation
from igsm.evaluation.cells import Cell
from igsm.evaluation.runs import load_run

CELL, N = Cell("nano", "pq", 3, False), 3
OUTCOME = ("generations.jsonl.gz", "verdicts.jsonl")


def evaluated(run, name: str, n: int = N, keep: bool = True):
    """The files that say how it came out, and the number of reused samples (None: none are kept)."""
    with run.decoding(parse_decoder(name)) as decoding:
        found = evaluation.evaluate(run, CELL, decoding, n, 0, keep_samples=keep)
    settings = json.loads((found.folder / "summary.json").read_text())
    return [(found.folder / file).read_bytes() for file in OUTCOME], settings.get("reused_samples")


def lines(run) -> list[int]:
    """How many samples every file of kept ones has."""
    files = (run.folder.path / "samples").glob(f"eval-*/{FILE}")
    return sorted(len(file.read_text().splitlines()) for file in files)


def test_all_share_their_samples_and_come_out_as_alone(tmp_path, run):
    """Guards the bytes of the results, in an order in which each takes some of an earlier one's and draws others."""
    expected = [("best2-logprob", 0), ("vote3-p", 2), ("best2-oracle", 2), ("best4-logprob", 3)]
    together = load_run(shutil.copytree(run.folder.path, tmp_path / "together"))
    outcomes = {name: evaluated(run, name, keep=False) for name, _ in expected}
    assert not lines(run), "nothing is kept unless it is asked for"
    for name, reused in expected:
        outcome, count = evaluated(together, name)
        assert outcome == outcomes[name][0]
        assert count == reused * N
    assert lines(together) == [4 * N]
    evaluated(together, "vote2:0.7")
    assert lines(together) == [2 * N, 4 * N], "samples at another temperature are others"
    assert evaluated(together, "greedy")[1] is None


def test_more_problems_take_those_of_the_first(run):
    evaluated(run, "vote2", 2)
    assert evaluated(run, "best2-oracle", 3)[1] == 4
    assert lines(run) == [6]


def test_what_was_drawn_before_an_interruption_is_kept(run, monkeypatch):
    whole = evaluated(run, "vote3", keep=False)[0]
    for file in run.folder.evaluation(CELL.name, "vote3").iterdir():
        file.unlink()
    draw = Decoding._continue

    def stops(*arguments, **more):
        for count, generation in enumerate(draw(*arguments, **more)):
            if count == 5:
                raise KeyboardInterrupt
            yield generation

    with monkeypatch.context() as patched:
        patched.setattr(Decoding, "_continue", stops)
        with pytest.raises(KeyboardInterrupt):
            evaluated(run, "vote3")
    assert lines(run) == [5]
    assert evaluated(run, "vote3")[0] == whole
    assert lines(run) == [3 * N]


def test_while_another_process_adds_nothing_is_written(run, tmp_path):
    with kept_samples(tmp_path, {"seed": 0}) as first, kept_samples(tmp_path, {"seed": 0}) as second:
        assert (first.path, first._adds, second._adds) == (second.path, True, False)


def test_a_damaged_file_is_named(run):
    evaluated(run, "vote2")
    (file,) = (run.folder.path / "samples").glob(f"eval-*/{FILE}")
    record = json.loads(file.read_text().splitlines()[0])
    file.write_text(json.dumps({"name": record["name"]}) + "\n")
    with pytest.raises(InputError, match=r"samples\.jsonl: '\w+' is no sample; delete the file"):
        evaluated(run, "best2-oracle")
