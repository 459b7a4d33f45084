"""The CUDA kernel on machines without a GPU: run in Triton's interpreter, compiled for an H100 or H200.

`make test-triton` installs Triton beside the environment, which has PyTorch for the CPU, and runs these.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter

import pytest

pytestmark = [pytest.mark.triton, pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION")]

# Triton 3.6's interpreter makes an index of an array that holds one number, which numpy 2.5 refuses.
INTERPRETED = """
import torch
from triton.runtime import interpreter
patch = interpreter._patch_lang_tensor
def with_index(tensor, *scope):
    patch(tensor, *scope)
    tensor.__index__ = lambda self: self.handle.data.item()
interpreter._patch_lang_tensor = with_index
from igsm.decoding import triton_attention
from tests.decoding.test_attention import by_hand, case
for beams in (1, 4):
    for stretch in (triton_attention.STRETCH, 400):
        triton_attention.STRETCH = stretch
        *tensors, batch = case(beams)
        expected = by_hand(*tensors, batch)
        q, _, _, keys, values = tensors
        assert torch.allclose(triton_attention.attend(q, keys, values, batch), expected, atol=1e-5), (beams, stretch)
"""


def test_the_kernel_computes_attention():
    """Guards lengths, stretches, the shared prompt and the sources."""
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    run = subprocess.run(
        [sys.executable, "-c", INTERPRETED], env=environment, capture_output=True, text=True, timeout=250
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("beams", [1, 4, 32])
@pytest.mark.parametrize(("dtype", "size"), [("bf16", 64), ("bf16", 128), ("fp32", 64), ("fp32", 16)])
def test_the_kernel_compiles_for_hopper(dtype: str, size: int, beams: int) -> None:
    """Guards against code that Triton refuses, and against a cache that is read a number at a time."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from igsm.decoding.triton_attention import BLOCK, _attend

    pointers = {"q": dtype, "keys": dtype, "values": dtype, "rows": "i64", "positions": "i64", "shared": "i64"}
    pointers |= {"source": "u8", "out": dtype, "logsum": "fp32"}
    signature = {name: f"*{kind}" for name, kind in pointers.items()}
    signature |= {"scale": "fp32", "context": "i32", "stretch": "i32", "stretches": "i32"}
    constants = {"HEADS": 12, "SIZE": size, "BEAMS": beams, "BLOCK": BLOCK}
    signature |= dict.fromkeys(constants, "constexpr")
    # As at a call: PyTorch aligns tensors at 16 bytes or more.
    attributes = {(list(signature).index(name),): [["tt.divisibility", 16]] for name in pointers}
    source = ASTSource(_attend, signature, constants, attributes)
    code = triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm
    assert code["cubin"]
    loads = Counter(re.findall(r"ld\.global[\w.]*", code["ptx"]))
    assert loads["ld.global.v4.b32"] >= 4, loads
    assert loads["ld.global.b16"] + loads["ld.global.b32"] <= 1, loads  # the query, of no more numbers than threads
