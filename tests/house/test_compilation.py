"""What is compiled is said, what the cache has is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
from igsm.compilation import announce_compilation, compiled

@compiled
def double(x):
    return 2 * x

@compiled
def half(x):
    return x / 2

announce_compilation()
print(double(3), half(4))
"""


def test_every_compilation_is_announced_once(tmp_path: Path) -> None:
    """Guards: twenty silent seconds where an earlier command has filled a part of the cache."""
    script, cache = tmp_path / "script.py", tmp_path / "cache"
    script.write_text(SCRIPT)
    (cache / "part").mkdir(parents=True)
    (cache / "part" / "another_function.nbi").touch()
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "NUMBA_DISABLE_JIT": "0", "PYTHONPATH": str(ROOT)}
    said = []
    for _ in range(2):
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, check=True)
        assert done.stdout == "6 2.0\n"
        said.append(done.stderr.count("compiling the generator"))
    assert said == [1, 0]
