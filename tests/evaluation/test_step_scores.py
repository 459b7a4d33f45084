"""Models as detectors of first errors: their scores of steps are what a plain forward pass says."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.evaluation import step_scores as scoring
from igsm.evaluation.step_scores import step_scores
from igsm.grading.steps import stated_name
from igsm.mistakes.layout import Mark
from igsm.mistakes.source import DocumentSource
from igsm.model.config import LoRAConfig
from igsm.probing.probe import CAN, Probe
from tests.evaluation.helpers import NANO, VOCABULARY


def benchmark(n: int = 5) -> list[dict]:
    """Solutions of different lengths; the last step of the first one has no form, that of the second breaks off."""
    source = DocumentSource(NANO, None, seed=3)
    found = []
    for index in range(n):
        problem = source.problem(index)
        steps = [f"{one}." for one in problem.solution_text.strip().removesuffix(".").split(". ")]
        steps += [["Define."], ["Define Kitchen's Doll as k; so k =."]][index] if index < 2 else []
        found.append({"id": str(index), "problem": problem.text, "modulus": 5, "steps": steps, "label": -1})
    return found


def rows(run, records):
    """Prompt and steps of each record as ids, the model's own."""
    from igsm.grading.reader import Reader
    from igsm.problems.lexicon import load_lexicon

    reader = Reader(load_lexicon("nano"))
    for record in records:
        prompt = VOCABULARY.prompt(reader.read(record["problem"], 5)).tolist()
        pieces = [[*VOCABULARY.encode_text(f" {step[:-1]}"), *VOCABULARY.encode_text(".")] for step in record["steps"]]
        yield prompt, [VOCABULARY.from_gpt2[piece].tolist() for piece in pieces]


def test_a_run_scores_a_step_by_the_mean_log_probability_of_its_tokens(run, monkeypatch):
    records = benchmark()
    found = step_scores(run.folder.path, records)
    for (prompt, steps), scores in zip(rows(run, records), found, strict=True):
        ids = [*prompt, *(token for step in steps for token in step)]
        with torch.no_grad():
            logs = run.model(torch.tensor([ids]))[0].log_softmax(-1)
        each = [float(logs[place - 1, ids[place]]) for place in range(len(prompt), len(ids))]
        expected = []
        for step in steps:
            expected.append(sum(each[: len(step)]) / len(step))
            each = each[len(step) :]
        assert scores == pytest.approx(expected, abs=1e-4)
    monkeypatch.setattr(scoring, "ROWS", 1)
    for alone, together in zip(step_scores(run.folder.path, records), found, strict=True):
        assert alone == pytest.approx(together, abs=1e-4)


@pytest.mark.parametrize("question", ["can_next", "step", "process"])
def test_a_probe_scores_a_step_where_it_was_asked_in_training(run, monkeypatch, question):
    torch.manual_seed(0)
    probe = Probe(run.model, LoRAConfig(embedding_rank=2))
    for parameter in probe.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    config = SimpleNamespace(question=question, problem=NANO, sampled=str(run.folder.path))
    monkeypatch.setattr(scoring, "_is_probe", lambda folder: True)
    monkeypatch.setattr(scoring, "load_probe", lambda folder, device: (probe.eval(), config))
    monkeypatch.setattr(scoring, "vocabulary_of", lambda config, folder: VOCABULARY)
    records = benchmark()
    found = step_scores(run.folder.path, records)
    for record, (prompt, steps), scores in zip(records, rows(run, records), found, strict=True):
        before = prompt
        for sentence, step, score in zip(record["steps"], steps, scores, strict=True):
            name = (
                VOCABULARY.from_gpt2[VOCABULARY.encode_text(f" Define {stated_name(sentence)} as")].tolist()
                if (stated_name(sentence[:-1]))
                else None
            )
            end = {"can_next": name, "step": step[:-1], "process": step}[question]
            if end is None:
                assert score == 0
            else:
                ids = torch.tensor([[*before, *end]])
                order = torch.arange(ids.shape[1])[None]
                with torch.no_grad():
                    right = probe(ids, order, torch.zeros_like(ids), order + 1)[0, -1].softmax(-1)[CAN]
                assert score == pytest.approx(float(right), abs=1e-4)
            before = [*before, *step]


def test_a_verifier_reads_the_prompts_of_the_run_that_was_sampled(run, monkeypatch, capsys):
    """Guards: a verifier of samples after "[good]" asked about solutions without it. Names are asked about plainly."""
    problem = DocumentSource(NANO, None, seed=3).problem(0)
    tagged = {"data": {"problem": {"difficulty": "nano"}, "method": {"name": "tagged"}}}
    monkeypatch.setattr(scoring, "find_stored", lambda path, wanted: (Path("there"), tagged))
    vocabulary = load_vocabulary(NANO, "compact", frozenset({Mark.GOOD, Mark.BAD}))
    plain = vocabulary.prompt(problem).tolist()
    for question, marks in (("process", [Mark.GOOD]), ("outcome", [Mark.GOOD]), ("step", []), ("can_next", [])):
        config = SimpleNamespace(question=question, sampled="there")
        found = scoring._prompts(Path("probe"), config, vocabulary)(problem).tolist()
        assert found == plain + [int(vocabulary.from_gpt2[mark]) for mark in marks]
    monkeypatch.undo()
    config = SimpleNamespace(question="process", sampled="nowhere")
    assert scoring._prompts(Path("probe"), config, vocabulary)(problem).tolist() == plain
    assert capsys.readouterr().err.count("nowhere: no such run folder or checkpoint; its method's prompts") == 1


def test_command(run, mistakes, tmp_path):
    """The scores are predictions, and with their labels a calibration file for others."""
    records = benchmark()
    records[2]["label"] = records[4]["label"] = 0
    files = []
    for name, chosen in (("scored", records[:2] + records[2:3]), ("others", records[3:])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, chosen)))
        files.append(tmp_path / f"{name}-scores.jsonl")
        arguments = ["check", tmp_path / f"{name}.jsonl", "--detector", run.folder.path, "--out", files[-1]]
        code, out, _ = mistakes(*arguments)
        assert (code, out) == (
            0, f"written: {files[-1]}, {len(chosen)} solutions with a score of each step by {run.folder.path}\n",
        )  # fmt: skip
    assert mistakes(*arguments)[0] == 2, "it is there"
    assert mistakes(*arguments[:-2])[2] == "mistakes: error: --detector writes to the new file of --out\n"
    scored = ["check", tmp_path / "scored.jsonl", "--score", files[0], "--calibration", files[1]]
    code, out, _ = mistakes(*scored, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["thresholds"][files[0].name]["calibration"] == str(files[1])
    assert document["scores"][files[0].name]["auroc"] is not None
    code, _, err = mistakes(*scored, "--score", tmp_path / "p", "--calibration", files[1], "--calibration", files[1])
    assert (code, err.count("\n")) == (2, 1)
    assert "3 --calibration for 2 --score" in err


def test_detectors_side_by_side(run, mistakes, tmp_path, monkeypatch):
    """Guards that one command says of each detector what its own files of scores say, beside the baselines."""
    torch.manual_seed(0)
    questions = {"can_next": "can_next", "orm": "outcome", "prm": "process"}
    probes = {name: Probe(run.model, LoRAConfig(embedding_rank=2)).eval() for name in questions}
    for probe in probes.values():
        for parameter in probe.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    monkeypatch.setattr(scoring, "_is_probe", lambda folder: folder.name in questions)
    monkeypatch.setattr(
        scoring,
        "load_probe",
        lambda folder, device: (
            probes[folder.name],
            SimpleNamespace(question=questions[folder.name], problem=NANO, sampled=str(run.folder.path)),
        ),
    )
    monkeypatch.setattr(scoring, "vocabulary_of", lambda config, folder: VOCABULARY)
    records = [record | {"label": index % 2 - 1} for index, record in enumerate(benchmark(12))]
    files = {"scored": tmp_path / "scored.jsonl", "others": tmp_path / "others.jsonl"}
    for file, chosen in zip(files.values(), (records[:6], records[6:]), strict=True):
        file.write_text("\n".join(map(json.dumps, chosen)))
    detectors = [run.folder.path, *(tmp_path / name for name in questions)]
    each = [argument for one in detectors for argument in ("--detector", one)]
    command = ["check", files["scored"], *each, "--calibration", files["others"]]
    code, out, err = mistakes(*command, columns=80)
    assert code == 0, err
    assert all(len(line) <= 80 for line in out.splitlines() if ": threshold" not in line), "paths are not broken"
    code, out, _ = mistakes(*command, "--json")
    document = json.loads(out)
    assert [*document["scores"]] == ["run", *questions, "always -1", "random", "truth"]
    for detector in detectors:
        for name, file in files.items():
            mistakes("check", file, "--detector", detector, "--out", tmp_path / f"{name}-{detector.name}")
        both = [tmp_path / f"{name}-{detector.name}" for name in files]
        code, out, _ = mistakes("check", files["scored"], "--score", both[0], "--calibration", both[1], "--json")
        alone = json.loads(out)
        assert document["scores"][detector.name] == alone["scores"][both[0].name]
        expected = alone["thresholds"][both[0].name]["threshold"]
        assert document["thresholds"][detector.name] == {"threshold": expected, "calibration": str(files["others"])}
    for arguments, message in (
        (["check", files["scored"], *each], "several --detector need --calibration"),
        ([*command, "--calibration", files["scored"]], "2 --calibration: give one"),
        ([*command[:-1], files["scored"]], "a threshold must come from others"),
        ([*command, "--out", files["scored"]], "exists already"),
    ):
        code, _, err = mistakes(*arguments)
        assert code == 2
        assert message in err


def test_texts_that_a_model_does_not_know_are_named(run):
    for change in ({"problem": "Two and two?"}, {"steps": ["Two and two."]}):
        with pytest.raises(InputError, match="^'0' is not of the texts this model knows"):
            step_scores(run.folder.path, [benchmark(1)[0] | change])
