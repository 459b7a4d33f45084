"""`mistakes copilot` and `mistakes eval --decoder greedy+copilot@RUN:WEIGHT`, from an untrained model."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import yaml

from igsm.checkpoints import find_checkpoint
from igsm.config import build_config, load_config
from igsm.decoding.decoders import parse_decoder
from igsm.evaluation import search as searching
from igsm.evaluation.corrected import Bias, Correction, bias, measures, pooled, products, summed
from igsm.evaluation.logged import LoggedRun
from igsm.evaluation.runs import load_run
from igsm.mistakes.layout import Mark
from igsm.rundir import weights_digest
from igsm.training.budget import operations_a_token
from igsm.training.copilot_config import CopilotRunConfig
from igsm.training.mistake_log import Looked

SETTINGS = [
    *("data.context=90", "data.windows_per_block=4", "copilot.layers=2", "training.steps=2", "training.batch=2"),
    *("training.warmup_steps=1", "training.held_out_windows=2", "training.evaluate_problems=2", "training.log_every=1"),
    *("validation.problems=3", "validation.weights=[0.5,10]"),
]
PRESET = Path(__file__).resolve().parents[2] / "configs/copilot/nano.yaml"


@pytest.fixture
def pair(run, tmp_path, mistakes):
    """A run of a Copilot of the model in `run`."""
    folder = tmp_path / "pair"
    code, out, error = mistakes("copilot", PRESET, f"from={run.path}", *SETTINGS, "--out", folder)
    assert code == 0, error
    assert "mistake log: " in error
    assert f"mistakes eval {folder} --decoder greedy,greedy+copilot@{folder}:auto" in out
    return folder


def solutions(folder: Path, decoder: str) -> list[str]:
    path = folder / "eval" / f"nano_pq:op=2-{decoder}" / "generations.jsonl.gz"
    return [json.loads(line)["text"] for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_a_copilot_is_trained_and_decoded_with(pair, run, mistakes):
    """Guards the whole way: the Pilot of such a run is a model like any other, and results say whose Copilot spoke."""
    names = [f"greedy+copilot@{pair}:{weight}" for weight in ("0.0", "10:logit", "10")]
    command = ("eval", pair, "--cells", "op=2", "--n", 3, "--decoder", ",".join(["greedy", *names]))
    code, _, error = mistakes(*command)
    assert code == 0, error
    assert solutions(pair, "greedy") == solutions(pair, "greedy+copilot:0")
    assert solutions(pair, "greedy") != solutions(pair, "greedy+copilot:10")
    summary = json.loads((pair / "eval/nano_pq:op=2-greedy+copilot:10/summary.json").read_text())
    assert summary["copilot"] == summary["weights"]
    # the same Copilot beside the model that it started from, which has the same shape
    code, _, error = mistakes("eval", run.path, "--cells", "op=2", "--n", 2, "--decoder", names[2])
    assert code == 0, error
    assert load_run(pair).model.config == run.model.config


def test_what_a_copilot_changes_is_measured(pair, mistakes):
    """Guards the three means, against sums over single tokens, and classes that do not add up to all."""
    code, out, error = mistakes("log", pair, "--windows", 4, "--weight", 0.5, "--json")
    assert code == 0, error
    found = json.loads(out)["classes"]
    biases = json.loads(out)["biases"]
    whole = found.pop("all")
    for name in ("tokens", "wrong", "put_right", "put_wrong"):
        assert sum(one[name] for one in found.values()) == whole[name]
    for name in ("error", "agreement", "size"):
        assert sum(one[name] * one["tokens"] for one in found.values()) == pytest.approx(whole[name] * whole["tokens"])
    assert 0 < whole["wrong"] <= whole["tokens"]
    assert whole["size"] > 0
    assert whole["limit"] == pytest.approx(max(0, 2 * whole["agreement"] / whole["size"]))
    ids = biases.pop("all")
    assert sum(one["ids"] for one in biases.values()) == ids["ids"]
    assert ids["pilot_bias"] + ids["pilot_variance"] == pytest.approx(whole["error"])
    assert ids["limit"] == pytest.approx(whole["limit"])
    right = json.loads(out)["right"]
    assert right["0.0"] == pytest.approx(1 - whole["wrong"] / whole["tokens"])
    assert right["0.5"] == pytest.approx(right["0.0"] + (whole["put_right"] - whole["put_wrong"]) / whole["tokens"])
    code, out, error = mistakes("log", pair, "--windows", 4)
    assert code == 0, error
    assert "put right" in " ".join(out.split())
    code, _, error = mistakes("log", pair, "--windows", 4, "--cost")
    assert (code, error.count("\n"), "two reports" in error) == (2, 1, True), error


def test_runs_are_counted_together():
    """Guards means weighted by runs instead of tokens, ids of two runs counted as one, a class of one run lost."""
    generator = torch.Generator().manual_seed(2)
    rows = [torch.rand(7, generator=generator).double() * 10 for _ in range(3)]
    for row in rows:
        row[:4] = row[:4].round() + 1
    limits = [1.5, 2.5]
    biases = [Bias(3, 0.1, 0.2, 0.3, 0.4, 2, 1, 0, limit) for limit in limits]
    rows[0][0], rows[1][0], rows[2][0] = 30, 4, 6  # tokens
    first = Correction(
        {"name": summed(rows[0]), "all": summed(rows[0])}, {"name": biases[0], "all": biases[0]}, {0.0: 1}
    )
    classes = {"letter": summed(rows[1]), "name": summed(rows[2]), "all": summed(rows[1] + rows[2])}
    found = pooled([first, Correction(classes, {"letter": biases[1], "all": biases[1]}, {0.0: 0})])
    assert list(found.classes) == ["name", "letter", "all"]
    for name, sums in (("name", rows[0] + rows[2]), ("letter", rows[1]), ("all", sum(rows))):
        assert asdict(found.classes[name]) == pytest.approx(asdict(summed(sums)))
    assert found.biases["all"] == Bias(6, *(pytest.approx(one) for one in (0.1, 0.2, 0.3, 0.4)), 4, 2, 0, 2.0)
    assert (found.biases["letter"], found.right) == (biases[1], {0.0: 0.75})


def test_the_theorem_by_hand():
    """Guards signs, and a variance that is not one: two ids over four tokens."""
    errors = torch.tensor([[0.5, 0.1], [0.5, -0.1], [0.1, 0.1], [0.1, -0.1]])
    found = torch.tensor([[0.2, -0.4], [0.2, -0.4], [0.2, -0.4], [0.2, -0.4]])
    first, second = (bias(products(errors[:, [i]], found[:, [i]]), 4) for i in range(2))
    assert (first.pilot_bias, first.pilot_variance) == pytest.approx((0.09, 0.04))
    assert (first.copilot_bias, first.copilot_variance) == pytest.approx((0.01, 0.04))
    assert (first.ids, first.condition, first.lower, first.limit) == (1, 1, 1, pytest.approx(2 * 0.3 / 0.2))
    assert (second.pilot_bias, second.pilot_variance) == pytest.approx((0.0, 0.01))
    assert (second.condition, second.lower, second.lower_elsewhere, second.limit) == (0, 0, 0, 0.0)
    for weight, lowered in ((0.1, True), (2.9, True), (3.1, False)):
        assert bool((errors - weight * found)[:, 0].square().mean() < errors[:, 0].square().mean()) is lowered


def test_lambda_is_chosen_on_validation_problems_and_kept(pair, mistakes):
    """Guards: a choice on the test's problems, one that is made anew, results of two weights under one name."""
    decoders = ",".join(["greedy", *(f"greedy+copilot@{pair}:{weight}" for weight in ("auto", "0.5", "10"))])
    command = ("eval", pair, "--cells", "op=2", "--n", 3, "--decoder", decoders)
    code, _, error = mistakes(*command)
    assert code == 0, error
    file = pair / "checkpoints/step_2/lambda.json"
    kept = json.loads(file.read_text())
    assert (kept["cell"], kept["problems"], list(kept["accuracy"])) == ("nano_pq:op<=3 seen", 3, ["0", "0.5", "10"])
    assert kept["weight"] == 0.5, "of alike ones the least"
    assert "lambda 0.5 chosen on nano_pq:op<=3 seen" in error
    assert "chosen on" not in mistakes(*command)[2]
    file.write_text(json.dumps(kept | {"weight": 10.0}))
    code, _, error = mistakes(*command)
    assert code == 0, error
    assert solutions(pair, "greedy+copilot:auto") == solutions(pair, "greedy+copilot:0.5")
    assert solutions(pair, "greedy+copilot:auto-lambda10") == solutions(pair, "greedy+copilot:10")
    folders = (pair / f"eval/nano_pq:op=2-greedy+copilot:auto{ending}" for ending in ("", "-lambda10"))
    assert [json.loads((one / "summary.json").read_text())["copilot_weight"] for one in folders] == [0.5, 10.0]
    file.write_text("{")
    code, _, error = mistakes(*command)
    assert (code, error.count("\n"), "lambda.json: cannot be read" in error) == (2, 1, True), error
    code, out, error = mistakes("log", pair, "--solutions", "--json")
    assert code == 0, error
    seconds = {one["second"] for one in json.loads(out)["cells"]}
    assert seconds == {f"greedy+copilot:{weight}" for weight in ("auto", "0.5", "10")}
    code, twice, error = mistakes("log", pair, pair, "--solutions", "--json")
    assert code == 0, error
    for one, both in zip(json.loads(out)["cells"], json.loads(twice)["cells"], strict=True):
        assert both["kinds"] == {kind: {k: 2 * n for k, n in its.items()} for kind, its in one["kinds"].items()}
        assert both["names"] == {name: 2 * count for name, count in one["names"].items()}
    code, _, error = mistakes("log", pair, pair, "--cost")
    assert (code, error.count("\n"), "only --windows and --solutions take several" in error) == (2, 1, True), error


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("validation.cell=op=2", "'op=2' is a test cell; choose 'op=2 seen'"),
        ("validation.cell=op=2 seen,op=1 seen", "names several cells"),
        ("validation.weights=[0]", "0 is not above 0"),
        ("validation.weights=[]", "validation.weights"),
    ],
)
def test_a_validation_on_other_problems_is_refused(more, expected, run, tmp_path, mistakes):
    code, _, error = mistakes("copilot", PRESET, f"from={run.path}", *SETTINGS, more, "--out", tmp_path / "x")
    assert (code, error.count("\n"), expected in error) == (2, 1, True), error
    assert not (tmp_path / "x").exists()


def test_the_mean_with_another_run_is_evaluated(pair, run, mistakes):
    """Guards a second model that is not asked: alone it solves as its own run does."""
    names = [f"greedy+model@{pair}:{weight}" for weight in ("0", "1")]
    command = ("eval", run.path, "--cells", "op=2", "--n", 3, "--decoder", ",".join(["greedy", *names]))
    code, _, error = mistakes(*command)
    assert code == 0, error
    assert solutions(run.path, "greedy") == solutions(run.path, "greedy+model:0")
    summary = json.loads((run.path / "eval/nano_pq:op=2-greedy+model:1/summary.json").read_text())
    assert summary["model"] != summary["weights"]
    assert mistakes("eval", pair, "--cells", "op=2", "--n", 3)[0] == 0
    both = zip(solutions(run.path, "greedy+model:1"), solutions(pair, "greedy"), strict=True)
    for ours, alone in both:  # the two runs have windows, and so limits, of different lengths
        assert ours.startswith(alone) or alone.startswith(ours)
    for decoder in ("greedy", "greedy+model:1"):
        lines = (run.path / f"eval/nano_pq:op=2-{decoder}/verdicts.jsonl").read_text().splitlines()
        for verdict in map(json.loads, lines):
            read = 0 if decoder == "greedy" else verdict["generated_tokens"]
            assert verdict["verifier_tokens"] == read, "a second model that costs nothing"


def test_a_search_knows_its_second_model(pair, run, mistakes, monkeypatch):
    """Guards: what was found with one second model, shown for another."""
    monkeypatch.setattr(searching, "LEAST_POOL", 200)
    for model in (run.path, pair):
        decoder = f"greedy+model@{model}:0.5"
        code, _, error = mistakes("search", run.path, "--budget", 120, "--context", 80, "--decoder", decoder)
        assert code == 0, error
    found = [json.loads(path.read_text()) for path in run.path.glob("eval/search/*/search.json")]
    assert len(found) == 2
    assert {one["model"] for one in found} == {weights_digest(find_checkpoint(one)) for one in (run.path, pair)}


def test_the_cost_is_measured(pair, mistakes):
    code, out, error = mistakes("log", pair, "--cost", "--json")
    assert code == 0, error
    found = json.loads(out)
    for name in ("training", "decoding"):
        one = found[name]
        assert one["alone"] > 0
        assert one["more_flops"] == pytest.approx(one["weights_both"] / one["weights_alone"] - 1)
        assert one["more_flops"] > 0
    content = yaml.safe_load((pair / "config.yaml").read_text())
    config = build_config(CopilotRunConfig, content, "test")
    assert operations_a_token(config) == 6 * found["training"]["weights_both"]  # the budgets of sweeps count the same
    fixed = config.model_copy(update={"pilot": "fixed"})
    alone = found["training"]["weights_alone"]
    assert operations_a_token(fixed) == operations_a_token(config) - 4 * alone


@pytest.mark.parametrize("heads", [2, 3])
def test_every_weight_that_a_token_meets_is_counted(heads):
    """Guards the matrix of the errors, and that of a Pilot of another width, against being forgotten."""
    from igsm.model import ModelConfig
    from igsm.model.config import CopilotConfig
    from igsm.model.copilot import Copilot
    from igsm.training.budget import companion_weights

    config = load_config(CopilotRunConfig, str(PRESET), [f"copilot.heads={heads}", "copilot.head_size=8"])
    config = config.model_copy(update={"model": ModelConfig(layers=3, heads=2, head_size=8, vocabulary_size=50)})
    assert isinstance(config.copilot, CopilotConfig)
    linear = (one for one in Copilot(config.copilot, config.shape).modules() if isinstance(one, torch.nn.Linear))
    assert companion_weights(config) == sum(one.weight.numel() for one in linear)


@pytest.mark.parametrize(
    ("decoder", "expected"),
    [
        (
            "greedy+copilot@{run}:1.0",
            "holds a model, not a copilot; train one for the model to watch: `mistakes copilot",
        ),
        ("greedy+copilot@{run}/nowhere:1.0", "no such run folder"),
        ("beam4+copilot@{pair}:11", "the weight must be 0 to 10, not 11"),
        ("beam4+copilot@{pair}:-1", "the weight must be 0 to 10, not -1"),
        ("beam4+copilot@{pair}:nan", "the weight must be 0 to 10, not nan"),
        ("beam4+copilot@{pair}:high", "the weight must be a number or auto, not 'high'"),
        ("beam4+copilot@{pair}:1:sum", "probability or logit, not 'sum'"),
        ("beam4+copilot:1", "a Copilot is named +copilot@RUN:WEIGHT"),
        ("beam4+model:1", "a second model is named +model@RUN:WEIGHT"),
        ("beam4+model@{pair}:auto", "the weight must be a number, not 'auto'"),
        ("beam4+model@{pair}:1.5", "the weight must be 0 to 1, not 1.5"),
        ("beam4+model@{run}/nowhere:1", "no such run folder"),
        ("beam4+copilot@{pair}:auto:logit", "leave ':logit' out"),
        ("greedy+copilot@{run}:auto", "holds a model, not a copilot"),
        ("beam4+copilot", "a Copilot needs its run and a weight"),
        ("gredy+copilot@{pair}:1", "unknown decoder 'gredy'"),
    ],
)
def test_a_name_that_means_nothing_is_refused(decoder, expected, request, run, mistakes):
    folder = request.getfixturevalue("pair") if "gredy" in decoder else run.path
    text = decoder.format(run=run.path, pair=folder)
    code, _, error = mistakes("eval", run.path, "--cells", "op=2", "--n", 2, "--decoder", text)
    assert (code, error.count("\n"), expected in error) == (2, 1, True), error


def test_a_copilot_of_another_shape_is_refused(pair, tmp_path, mistakes):
    from igsm.corpus.config import DataConfig
    from igsm.model import ModelConfig
    from igsm.training.config import PretrainConfig, TrainingConfig
    from tests.evaluation.helpers import NANO
    from tests.untrained import write_untrained

    shape = ModelConfig(layers=2, heads=1, head_size=8)
    other = PretrainConfig(
        data=DataConfig(problem=NANO, context=55),
        model=shape,
        training=TrainingConfig(steps=5, batch=2, warmup_steps=1),
    )
    write_untrained(tmp_path / "other", other)
    decoders = f"greedy,greedy+copilot@{pair}:1"
    code, _, error = mistakes("eval", tmp_path / "other", "--cells", "op=2", "--n", 2, "--decoder", decoders)
    assert (code, error.count("\n"), "model.layers=1, this one has 2" in error) == (2, 1, True), error
    assert not (tmp_path / "other/eval").exists()


@pytest.mark.parametrize("kind", ["copilot", "model"])
def test_a_second_model_of_another_vocabulary_is_refused(kind, pair, tmp_path, mistakes):
    from igsm.corpus.config import DataConfig
    from igsm.model import ModelConfig
    from igsm.training.config import PretrainConfig, TrainingConfig
    from tests.evaluation.helpers import NANO
    from tests.untrained import write_untrained

    other = PretrainConfig(
        data=DataConfig(problem=NANO, context=55, vocabulary="gpt2"),
        model=ModelConfig(layers=1, heads=1, head_size=8),
        training=TrainingConfig(steps=5, batch=2, warmup_steps=1),
    )
    write_untrained(tmp_path / "other", other)
    decoders = f"greedy,greedy+{kind}@{pair}:1"
    code, _, error = mistakes("eval", tmp_path / "other", "--cells", "op=2", "--n", 2, "--decoder", decoders)
    assert (code, error.count("\n"), "another vocabulary" in error) == (2, 1, True), error
    assert not (tmp_path / "other/eval").exists()


def test_names_of_decoders_with_a_copilot():
    """Guards two weights, or a Copilot and none, filed under one name."""
    one, other = (parse_decoder(f"sample:0.7:50+copilot@runs/x:{weight}") for weight in ("0.50", "0.5:logit"))
    assert (one.name, other.name) == ("sample:0.7:50+copilot:0.5", "sample:0.7:50+copilot:0.5:logit")
    assert one.beside is not None
    assert (one.temperature, one.top_k, one.beside.folder, one.beside.weight) == (0.7, 50, "runs/x", 0.5)
    both = parse_decoder("regret-version1@runs/p+copilot@runs/x:1")
    assert both.name == "regret-version1+copilot:1"
    assert both.detector is not None
    assert both.detector.folder == "runs/p"
    assert parse_decoder("greedy").beside is None


def test_the_error_is_a_parabola_in_lambda():
    """Guards the signs: against the squared error of p + lambda f, added up by hand."""
    errors, found = torch.randn(2, 1, 5, 4, generator=torch.Generator().manual_seed(1)).unbind()
    targets = torch.tensor([[0, 1, 2, 3, 0]])
    p = torch.nn.functional.one_hot(targets, 4) - errors
    columns = [one.sum() for one in measures(found, errors, p, targets, 0.3)]
    made = summed(torch.stack(columns).double())
    for weight in (0.0, 0.3, 1.7):
        expected = (p + weight * found - torch.nn.functional.one_hot(targets, 4)).square().sum() / 5
        assert made.error_at(weight) == pytest.approx(float(expected), rel=1e-5)
    assert made.error_at(made.best) <= min(made.error_at(made.best - 0.1), made.error_at(made.best + 0.1))
    wrong = p.argmax(-1) != targets
    right_then = (p + 0.3 * found).argmax(-1) == targets
    assert (made.wrong, made.put_right) == (int(wrong.sum()), int((wrong & right_then).sum()))
    assert made.put_wrong == int((~wrong & ~right_then).sum())


# ---------------------------------------------------------------- mistakes log


TAGGED = ["data.method.name=tagged", "data.method.ends=stopped"]
"""Documents without an answer, and with marks before the solution: the grader has no kinds for their tokens."""


@pytest.mark.parametrize("more", [[], ["log.top_k=5"], TAGGED], ids=str)
def test_the_log_of_a_run_is_shown(more, run, tmp_path, mistakes):
    """Guards the whole way from training to what is printed, and the answer that is shown: one of the data's."""
    folder = tmp_path / "pair"
    code, _, error = mistakes("copilot", PRESET, f"from={run.path}", *SETTINGS, *more, "--out", folder)
    assert code == 0, error
    picture = tmp_path / "answer.png"
    code, out, error = mistakes("log", folder, "--png", picture)
    assert code == 0, error
    assert "Mistake log of" in out
    assert "; [error] behind a token" in out
    assert "1-2" in out or "2-2" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    code, out, _ = mistakes("log", folder, "--json")
    found = json.loads(out)
    text = "".join(found["answer"]["texts"])
    assert text.startswith(" Define ")
    assert all(0 <= error <= 1 for error in found["answer"]["errors"])
    assert sum(found["answer"]["errors"]) / len(found["answer"]["errors"]) > 0.5, "an untrained model that is right"
    assert {period["last"] for period in found["periods"]} == {1, 2}
    for period in found["periods"]:
        assert {"name", "number", "letter", "operator", "word"} >= set(period["classes"]) - {"mark"}
        assert sum(period["first_wrong"].values()) <= period["answers"]
        assert (more != TAGGED) == bool(period["kinds"])
        assert sum(period["kinds"].values()) <= sum(period["first_wrong"].values())
        assert all(one["wrong"] <= one["tokens"] for one in period["classes"].values())
    code, _, error = mistakes("log", folder, "--answer", 1000)
    assert (code, error.count("\n"), "0 is the first" in error) == (2, 1, True)


def test_the_kind_of_a_token_of_the_log(pair):
    """Guards the ends of a solution and of its answer, and problems that cannot be read."""
    logged = LoggedRun(pair)
    vocabulary, mark = logged.vocabulary, lambda one: int(logged.vocabulary.from_gpt2[one])
    encode = lambda text: vocabulary.from_gpt2[vocabulary.encode_text(text)].tolist()  # noqa: E731
    first, second = " The number of each Garage's Robot equals 0.", " The number of each Garage's Train equals each"
    problem = f"{first}{second} Garage's Robot. How many Train does Garage have?"
    document = [mark(Mark.PROBLEM), *encode(problem), mark(Mark.SOLUTION)]
    begin = len(document) - 1
    text = encode(" Define Garage's Robot as a; so a = 0. Define Garage's Train as b; so b = a = 0.")
    document += [*text, mark(Mark.ANSWER), *encode(" 0"), mark(Mark.END)]
    ids, targets = torch.tensor([document[:-1]]), torch.tensor([document[1:]])
    stop = ids.shape[1]

    def kind(target, best, ids=ids, targets=targets):
        place = begin + targets[0, begin:].tolist().index(target)
        found = Looked(ids, targets, ids > 0, ids.float(), targets.clone())
        found.best[0, place] = best
        return logged._kind(found, 0, begin, place, stop)

    (define, *_), (robot,), (train,) = text, encode(" Robot"), encode(" Train")
    assert kind(robot, train) == "not computable yet"
    assert kind(define, mark(Mark.ANSWER)) == kind(define, mark(Mark.END)) == "stops before the question"
    assert kind(mark(Mark.ANSWER), define) == "not needed"
    assert kind(mark(Mark.END), define) == "answer differs"
    assert kind(robot, train, ids=ids.masked_fill(ids == mark(Mark.PROBLEM), define)) is None  # cut off
    assert kind(robot, train, ids=ids.masked_fill(ids == encode(" equals")[0], define)) is None
    assert kind(robot, train, targets=targets.masked_fill(targets == mark(Mark.ANSWER), define)) is None


def test_a_run_without_a_log_is_refused(run, tmp_path, mistakes):
    code, _, error = mistakes("log", run.path)
    assert (code, error.count("\n"), "holds a model, not a copilot" in error) == (2, 1, True)
    folder = tmp_path / "pair"
    assert mistakes("copilot", PRESET, f"from={run.path}", *SETTINGS, "log.rounds=1", "--out", folder)[0] == 0
    code, _, error = mistakes("log", folder)
    assert (code, error.count("\n"), "train it with log.rounds above 1" in error) == (2, 1, True)


def test_without_its_training_state_a_run_has_no_log(pair, mistakes):
    """Guards: a run told to be trained with a log when its log was only not copied."""
    for state in pair.glob("checkpoints/*/training_state.pt"):
        state.unlink()
    code, _, error = mistakes("log", pair)
    assert (code, error.count("\n")) == (2, 1)
    assert "the mistake log cannot be read: training_state.pt is missing" in error
