"""What trainers get: which texts and which tokens have loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from igsm.errors import InputError
from igsm.text import KINDS, Injection, Record, inject, read, write
from igsm.text.inject import other_steps
from igsm.text.record import MISTAKE, RIGHT
from igsm.text.targets import masked, must_fit, pieces, row_of
from igsm.text.tokens import NO_LOSS, Tokenizer
from tests.text.written import GSM8K

Make = Callable[[bool], Path]


def pairs(kind: str, rate: float = 0.6) -> list[tuple[Record, Record]]:
    """Records and the same with mistakes, as read from GSM8K and from chats."""
    plain = [read(row) for row in GSM8K]
    records = plain + [read(write(record, "messages")) for record in plain]
    others = tuple(other for number, record in enumerate(plain) for other in other_steps(record, number))
    return [(one, inject(one, Injection(kind, rate, others=others), row)) for row, one in enumerate(records * 3)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", ["none", "mistake", "step"])
def test_pieces(kind: str, mask: str) -> None:
    """Guards: loss on what is masked, none on the marker or on right steps."""
    some = 0
    for _, record in pairs(kind):
        made = pieces(record, mask)
        assert "".join(text for text, _ in made) == record.text
        assert [text for text, trained in made if not trained] == [
            record.text[start:end] for start, end in masked(record, mask)
        ]
        hidden = {place for start, end in masked(record, mask) for place in range(start, end)}
        for step in record.steps:
            inside = set(range(step.start, step.end))
            if step.kind != MISTAKE or mask == "none":
                assert not inside & hidden
            elif mask == "step" or kind != "number":
                assert inside <= hidden
            else:
                some += 1
                shown = {place for place in inside & hidden if record.text[place].strip()}
                assert shown == {place for start, end in step.wrong for place in range(start, end)}
        assert all(text[-1:].strip() for text, trained in made if not trained)
        if kind != "number":
            assert all(text[0] in " \r\n" for (_, before), (text, _) in zip(made, made[1:], strict=False) if not before)
    assert some or kind != "number" or mask != "mistake"


@pytest.mark.parametrize("chat", [True, False])
@pytest.mark.parametrize("mask", ["none", "mistake", "step"])
def test_tokens_have_loss_where_all_their_characters_have(chat: bool, mask: str, tokenizer_folder: Make) -> None:
    """Guards: labels shifted against ids; loss on the prompt or on part of a mistake; characters counted as bytes."""
    tokenizer = Tokenizer(tokenizer_folder(chat))
    for original, record in pairs("weak") + pairs("number"):
        segments = row_of(original, record, "segments", mask, tokenizer)
        labels = row_of(original, record, "labels", mask, tokenizer)
        trl = row_of(original, record, "trl", mask, tokenizer)
        assert segments is not None
        assert labels is not None
        assert trl is not None
        assert trl["input_ids"] == labels["input_ids"]
        assert trl["labels"] == labels["labels"]
        assert trl["completion_mask"] == [int(label != NO_LOSS) for label in labels["labels"]]
        assert set(labels["attention_mask"]) == {1}
        assert len(labels["attention_mask"]) == len(labels["input_ids"]) == len(labels["labels"])
        text = "".join(one["text"] for one in segments["segments"])
        loss = [one["label"] for one in segments["segments"] for _ in one["text"]]
        assert text.endswith("<|end|>\n" if chat else "<|end|>")
        place = 0
        for token, label in zip(labels["input_ids"], labels["labels"], strict=True):
            assert label in (token, NO_LOSS)
            piece = tokenizer._tokenizer.decode([token])
            if "\ufffd" in piece:  # bytes of a character, which only the question has
                assert label == NO_LOSS
                continue
            place = text.index(piece, place)
            assert (label != NO_LOSS) == all(loss[place : place + len(piece)]), (piece, place)
            place += len(piece)
        assert place == len(text)


def test_without_a_mask_exactly_the_solution_has_loss(tokenizer_folder: Make) -> None:
    tokenizer = Tokenizer(tokenizer_folder(True))
    for original, record in pairs("weak"):
        row = row_of(original, record, "trl", "none", tokenizer)
        assert row is not None
        runs = tokenizer.pieces(row["input_ids"], row["labels"])
        assert [trained for _, trained in runs] == [False, True]
        assert runs[1][0] == f"{record.text}<|end|>\n"
        assert runs[0][0] == f"<|user|>\n{record.prompt}<|end|>\n<|assistant|>\n"


def test_mistake_tokens_have_none(tokenizer_folder: Make) -> None:
    """The tokens without loss inside a solution say the wrong steps, and no more than a straddling token beside."""
    tokenizer = Tokenizer(tokenizer_folder(True))
    found = 0
    for original, record in pairs("weak"):
        row = row_of(original, record, "labels", "step", tokenizer)
        assert row is not None
        runs = tokenizer.pieces(row["input_ids"], row["labels"])
        runs[0] = (runs[0][0].removeprefix(tokenizer.frame(record).before), False)  # a mistake may begin at once
        hidden = [text.strip() for text, trained in runs if text and not trained]
        wrong = [record.of(step) for step in record.steps if step.kind == MISTAKE]
        assert len(hidden) == len(wrong)
        for shown, whole in zip(hidden, wrong, strict=True):
            assert whole in shown
            assert len(shown) <= len(whole) + 2
        assert all("[BACK]" not in shown for shown in hidden)
        found += len(wrong)
    assert found > 5


def test_the_loss_of_a_model_is_on_those_tokens(tokenizer_folder: Make) -> None:
    """transformers' own loss, given these labels, does not change when labels without loss would be others."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = Tokenizer(tokenizer_folder(True))
    original, record = next(pair for pair in pairs("weak") if pair[0] is not pair[1])
    row = row_of(original, record, "trl", "step", tokenizer)
    assert row is not None
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=512, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1
    )
    model = LlamaForCausalLM(config)
    ids, labels = torch.tensor([row["input_ids"]]), torch.tensor([row["labels"]])
    loss = model(input_ids=ids, labels=labels).loss
    logits = model(input_ids=ids).logits[0, :-1]
    each = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
    torch.testing.assert_close(loss, each[torch.tensor(row["completion_mask"][1:]) == 1].mean())


@pytest.mark.filterwarnings("ignore")  # TRL's own
def test_trl_trains_on_those_tokens(tokenizer_folder: Make, tmp_path: Path) -> None:
    """TRL's SFTTrainer takes the rows as they are; the labels of its batches are ours."""
    trl = pytest.importorskip("trl")
    from datasets import Dataset
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tokenizer_folder(True)
    tokenizer = Tokenizer(folder)
    rows = [row_of(original, record, "trl", "mistake", tokenizer) for original, record in pairs("weak")]
    config = LlamaConfig(
        vocab_size=512, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1
    )
    settings = trl.SFTConfig(
        output_dir=str(tmp_path), max_steps=1, per_device_train_batch_size=len(rows), max_length=None,
        completion_only_loss=True, report_to="none", use_cpu=True,
    )  # fmt: skip
    hub = AutoTokenizer.from_pretrained(folder, pad_token="<|end|>")
    trainer = trl.SFTTrainer(
        LlamaForCausalLM(config), settings, train_dataset=Dataset.from_list(rows), processing_class=hub
    )
    batch = next(iter(trainer.get_train_dataloader()))
    seen = {
        tuple(zip(ids[mask == 1].tolist(), labels[mask == 1].tolist(), strict=True))
        for ids, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True)
    }
    assert seen == {tuple(zip(row["input_ids"], row["labels"], strict=True)) for row in rows if row is not None}
    trainer.train()


@pytest.mark.parametrize("kind", KINDS)
def test_preference(kind: str) -> None:
    """Guards: a rejected solution that is right, that takes its mistake back, or that has two."""
    made = [
        (original, record, row_of(original, record, "preference", "none", None)) for original, record in pairs(kind)
    ]
    assert any(row is None for _, _, row in made)
    for original, record, row in made:
        assert (row is None) == (record is original)
        if row is None:
            continue
        if original.format == "messages":
            assert row["prompt"] == [{"role": "user", "content": original.prompt}]
            chosen, rejected = row["chosen"][0]["content"], row["rejected"][0]["content"]
        else:
            chosen, rejected = row["chosen"], row["rejected"]
        first = next(record.of(step) for step in record.steps if step.kind == MISTAKE)
        assert chosen == original.text != rejected
        assert first in rejected
        assert "[BACK]" not in rejected
        if kind == "number":
            lines = zip(chosen.splitlines(), rejected.splitlines(), strict=True)
            assert sum(right != wrong for right, wrong in lines) == 1
        else:
            more = len(rejected) - len(chosen)
            assert chosen in {rejected[:place] + rejected[place + more :] for place in range(len(rejected))}


def test_stepwise() -> None:
    for original, record in pairs("weak"):
        row = row_of(original, record, "stepwise", "none", None)
        assert row is not None
        assert row.keys() == {"prompt", "completions", "labels"}
        assert row["labels"].count(False) == sum(step.kind == MISTAKE for step in record.steps)
        right = [text for text, label in zip(row["completions"], row["labels"], strict=True) if label]
        assert right == [*map(original.of, original.steps), original.text[original.answer_start :].strip()]
        assert all(text.endswith(" [BACK]") for text in set(row["completions"]) - set(right))


@pytest.mark.parametrize("name", ["steps", "prm800k"])
def test_lists_of_steps(name: str) -> None:
    """Guards: other fields of a step moved to another one; mistakes that are not labelled."""
    original = read(write(read(GSM8K[0]), name), name)
    record = inject(original, Injection("weak", 0.9), 3)
    again = read(write(record, name), name)
    assert again.prompt == original.prompt
    wrong = [again.of(step) for step in again.steps if step.kind == MISTAKE]
    assert wrong == [f"{record.of(step)} [BACK]" for step in record.steps if step.kind == MISTAKE] != []
    assert [again.of(step) for step in again.steps if step.kind == RIGHT] == list(map(original.of, original.steps))


def row(**fields: Any) -> Record:
    return read(fields)


def test_conversations() -> None:
    """Guards: earlier turns dropped without a word."""
    turns = [
        {"role": role, "content": "Say.\n\nOr not."} for role in ("system", "user", "assistant", "user", "assistant")
    ]
    record = row(messages=turns)
    with pytest.raises(InputError, match="4 turns: give a --tokenizer"):
        row_of(record, record, "segments", "none", None)
    with pytest.raises(InputError, match="no room for a conversation of 4 turns"):
        row_of(record, record, "stepwise", "none", None)


def test_a_template_that_changes_the_solution(tokenizer_folder: Make) -> None:
    """Guards: labels of characters that are elsewhere in what is trained."""
    tokenizer = Tokenizer(tokenizer_folder(True))
    tokenizer._tokenizer.chat_template = "{% for message in messages %}{{ message.content | trim }}{% endfor %}"
    record = row(problem="?", solution="One.\n\nTwo. ")
    with pytest.raises(InputError, match="chat template changes the solution"):
        row_of(record, record, "labels", "none", tokenizer)


def test_a_template_that_writes_an_empty_thought(tokenizer_folder: Make) -> None:
    """Guards: tokenizers of models that think, refused for every row."""
    tokenizer = Tokenizer(tokenizer_folder(True))
    tokenizer._tokenizer.chat_template = (
        "{% for message in messages %}<|{{ message.role }}|>\n"
        "{% if message.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ message.content }}<|end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
    )
    frame = tokenizer.frame(row(problem="?", solution="One.\n\nTwo."))
    assert frame.before == "<|user|>\n?<|end|>\n<|assistant|>\n<think>\n\n</think>\n\n"
    assert frame.after == "<|end|>\n"


def test_what_does_not_go_together(tmp_path: Path) -> None:
    for target, mask, message in [
        ("trl", "none", "token ids: give --tokenizer"),
        ("preference", "step", "no masks"),
        ("steps", "step", "no masks"),
        ("tlr", "none", "unknown target 'tlr'; did you mean 'trl'"),
        ("jsonl", "steps", "unknown mask 'steps'; did you mean 'step'"),
    ]:
        with pytest.raises(InputError, match=message):
            must_fit(target, mask, None)
    with pytest.raises(InputError, match="no such folder"):
        Tokenizer(tmp_path / "none")
    with pytest.raises(InputError, match="there is no tokenizer.json in it"):
        Tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="not readable by transformers: ."):
        Tokenizer(tmp_path)
