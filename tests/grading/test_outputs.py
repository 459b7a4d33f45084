"""`mistakes check` on the outputs of other programs: guards against gold solutions graded as a model's, and guesses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from igsm.errors import InputError
from igsm.grading.outputs import Outputs

P, S, OTHER = "A? How many B does C have?", "Define C's B as a; so a = 3.", "Define C's B as b; so b = 4."
CHAT = [{"role": "system", "content": "Solve."}, {"role": "user", "content": P}]
ANSWERED = [*CHAT, {"role": "assistant", "content": S}]
CHOICES = {"choices": [{"index": 0, "message": {"role": "assistant", "content": S}}]}

SHAPES: dict[str, tuple[dict[str, Any], str, str, list[str]]] = {
    "ours": ({"problem": P, "solution": S, "answer": 3, "op": 1}, "problem", "solution", [S]),
    "our chat": ({"messages": ANSWERED, "answer": 3}, "messages", "messages", [S]),
    "beside the right solution": ({"problem": P, "solution": OTHER, "response": S}, "problem", "response", [S]),
    "lm-eval": (
        {"doc_id": 0, "doc": {"problem": P, "solution": OTHER, "answer": 3}, "target": "3", "arguments": [[P, {}]],
         "resps": [[S]], "filtered_resps": ["3"]},
        "doc.problem", "resps", [S],
    ),
    "lm-eval without texts in doc": (
        {"doc_id": 0, "doc": {"id": 5}, "arguments": {"gen_args_0": {"arg_0": P, "arg_1": {}}}, "resps": [[S, OTHER]]},
        "arguments", "resps", [S, OTHER],
    ),
    "lm-eval, filtered only": ({"doc": {"question": P}, "filtered_resps": [S]}, "doc.question", "filtered_resps", [S]),
    "prompt and response": ({"prompt": P, "response": S}, "prompt", "response", [S]),
    "prompt and completion": ({"prompt": P, "completion": S}, "prompt", "completion", [S]),
    "instruction and output": ({"instruction": P, "output": S}, "instruction", "output", [S]),
    "a prompt that is repeated": ({"prompt": P, "generated_text": f"{P} {S}"}, "prompt", "generated_text", [f" {S}"]),
    "prediction": ({"question": P, "prediction": S}, "question", "prediction", [S]),
    "vLLM": ({"prompt": P, "outputs": [{"text": S}, {"text": OTHER}]}, "prompt", "outputs", [S, OTHER]),
    "Inspect": (
        {"id": 1, "input": P, "target": "3", "messages": ANSWERED, "output": {"completion": S, **CHOICES}},
        "input", "output", [S],
    ),
    "Inspect, a conversation": ({"input": CHAT, "output": CHOICES}, "input", "output", [S]),
    "OpenAI batch": (
        {"custom_id": "1", "body": {"messages": CHAT}, "response": {"status_code": 200, "body": CHOICES}},
        "body", "response", [S],
    ),
    "Anthropic": (
        {"request": {"messages": [{"role": "user", "content": [{"type": "text", "text": P}]}]},
         "response": {"content": [{"type": "text", "text": S[:10]}, {"type": "text", "text": S[10:]}]}},
        "request", "response", [S],
    ),
    "ShareGPT": (
        {"conversations": [{"from": "human", "value": P}, {"from": "gpt", "value": S}]},
        "conversations", "conversations", [S],
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_fields_are_found(tmp_path: Path, shape: str) -> None:
    record, problem, solution, texts = SHAPES[shape]
    path = tmp_path / "outputs.jsonl"
    path.write_text(json.dumps(record) + "\n")
    outputs = Outputs(path)
    found = list(outputs)
    assert [one.problem for one in found] == [P] * len(texts)
    assert [one.solution for one in found] == texts
    assert outputs.fields is not None
    assert outputs.fields[:2] == (problem, solution)
    assert [one.answer for one in found] == [3 if shape == "ours" else None] * len(texts)


def test_answers_count_whatever_the_first_record_has(tmp_path: Path) -> None:
    """Guards: a wrong answer that is passed over because the first record has none."""
    path = tmp_path / "outputs.jsonl"
    both = [{"problem": P, "solution": S}, {"problem": P, "solution": S, "answer": 4}]
    path.write_text("".join(json.dumps(one) + "\n" for one in both))
    assert [one.answer for one in Outputs(path)] == [None, 4]


def test_what_a_document_says_of_its_problem_counts(tmp_path: Path) -> None:
    """Guards: problems modulo 5 graded modulo 23 because the modulus stands inside."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"doc": {"problem": P, "modulus": 5, "lexicon": "nano", "op": 1}, "resps": [[S]]}))
    (record,) = Outputs(path)
    assert (record.modulus, record.lexicon, record.op) == (5, "nano", 1)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"id": 1, "text": S}, "line 1: no problem is found; there are the fields id, text; name one with --problem"),
        ({"prompt": P, "text": S}, "no solution is found; there are the fields prompt, text; name one with --solution"),
        ({"messages": CHAT}, "no solution is found; there are the fields messages"),
        (
            {"custom_id": "1", "response": {"body": CHOICES}},
            "no problem is found; there are the fields custom_id, resp",
        ),
        ({}, "no problem is found; it has no fields"),
    ],
)
def test_what_fits_nothing_names_the_fields(tmp_path: Path, record: dict[str, Any], message: str) -> None:
    path = tmp_path / "outputs.jsonl"
    path.write_text(json.dumps(record) + "\n")
    with pytest.raises(InputError, match=message):
        list(Outputs(path))


def test_a_later_line_without_the_field_is_named(tmp_path: Path) -> None:
    """Guards: a failed request that counts as a wrong solution, or as none."""
    path = tmp_path / "outputs.jsonl"
    lines = [{"prompt": P, "response": S}, {"prompt": P, "response": None}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(InputError, match="line 2: the field 'response' is not text; there are the fields prompt, re"):
        list(Outputs(path))


def test_fields_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "outputs.jsonl"
    path.write_text(json.dumps({"task": {"text": P}, "out": S, "solution": OTHER}))
    (record,) = Outputs(path, "task.text", "out")
    assert (record.problem, record.solution) == (P, S)


@pytest.mark.parametrize("wrap", [lambda records: records, lambda records: {"version": 2, "samples": records}])
def test_one_document_of_many_samples(tmp_path: Path, wrap: Any) -> None:
    """Guards: a log of Inspect's, which is one JSON document, refused as JSON lines."""
    path = tmp_path / "log.json"
    path.write_text(json.dumps(wrap([{"input": P, "output": {"completion": S}}] * 3), indent=1))
    assert [record.line for record in Outputs(path)] == [1, 2, 3]
