"""The loader: guards against order that depends on workers, ranks, restarts or where the windows come from."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from igsm.corpus.blocks import block
from igsm.corpus.config import DataConfig
from igsm.corpus.generate import generate
from igsm.corpus.loader import WindowLoader
from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.mistakes.config import MistakeConfig
from igsm.problems.difficulty import ProblemConfig

DATA = DataConfig(
    problem=ProblemConfig(difficulty="nano"),
    mistakes=MistakeConfig(kind="retry", rate=0.3),
    context=100,
    windows_per_block=5,
    seed=7,
    vocabulary="gpt2",
)


def take(steps: int, config: DataConfig = DATA, batch: int = 6, **options: object) -> tuple[np.ndarray, np.ndarray]:
    with WindowLoader(config, batch, **options) as loader:  # type: ignore[arg-type]
        taken = [next(loader) for _ in range(steps)]
    return np.stack([tokens for _, tokens, _ in taken]), np.stack([roles for _, _, roles in taken])


@pytest.fixture(scope="module")
def expected() -> tuple[np.ndarray, np.ndarray]:
    """Seven steps of six windows, straight from the blocks."""
    blocks = [block(DATA, number) for number in range(9)]
    tokens = np.concatenate([one.tokens for one in blocks])[:42].reshape(7, 6, 100)
    return tokens, np.concatenate([one.roles for one in blocks])[:42].reshape(7, 6, 100)


@pytest.mark.parametrize(("workers", "method"), [(0, "fork"), (1, "fork"), (2, "spawn"), (2, "fork"), (5, "fork")])
def test_windows_do_not_depend_on_workers(expected: tuple, workers: int, method: str) -> None:
    tokens, roles = take(7, workers=workers, start_method=method)
    assert np.array_equal(tokens, expected[0])
    assert np.array_equal(roles, expected[1])
    assert (tokens.dtype, roles.dtype) == (np.int64, np.uint8)


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_share_every_step_without_overlap(expected: tuple, world_size: int) -> None:
    shares = [take(7, rank=rank, world_size=world_size)[0] for rank in range(world_size)]
    assert np.array_equal(np.concatenate(shares, axis=1), expected[0])


@pytest.mark.parametrize("start", [0, 4])
def test_windows_have_the_same_numbers_on_every_rank_and_after_a_resume(start: int) -> None:
    """Guards: noise that is drawn by window would change with the ranks."""
    for rank in (0, 1):
        with WindowLoader(DATA, 6, rank=rank, world_size=2, start_step=start) as loader:
            assert [next(loader)[0] for _ in range(2)] == [
                range(6 * step + 3 * rank, 6 * step + 3 * rank + 3) for step in (start, start + 1)
            ]


@pytest.mark.parametrize("start", [1, 4])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_run_goes_on_where_it_stopped(expected: tuple, start: int, workers: int) -> None:
    tokens, _ = take(3, start_step=start, workers=workers, start_method="fork", rank=1, world_size=2)
    assert np.array_equal(tokens, expected[0][start : start + 3, 3:])


def test_shards_hold_the_same_windows(expected: tuple, tmp_path: Path) -> None:
    generate(DATA, tmp_path / "corpus", 45, shard_tokens=1000)
    stored = DATA.model_copy(update={"path": str(tmp_path / "corpus")})
    for workers in (0, 1):
        tokens, roles = take(5, config=stored, start_step=2, workers=workers)
        assert np.array_equal(tokens, expected[0][2:])
        assert np.array_equal(roles, expected[1][2:])
        with WindowLoader(stored, 6, start_step=6, workers=workers) as loader:
            assert loader.steps == 7
            next(loader)
            with pytest.raises(InputError, match="holds 45 windows, window 47 is wanted"):
                next(loader)


def test_compact_ids_name_the_same_tokens(expected: tuple) -> None:
    compact = DATA.model_copy(update={"vocabulary": "compact"})
    vocabulary = load_vocabulary(compact.problem)
    tokens, _ = take(2, config=compact)
    assert tokens.min() >= 0
    assert tokens.max() < vocabulary.size
    assert np.array_equal(vocabulary.to_gpt2[tokens], expected[0][:2])


def test_waiting_is_measured() -> None:
    with WindowLoader(DATA, 50) as loader:
        next(loader)
        first = loader.wait_seconds
        next(loader)
        assert 0 < first < loader.wait_seconds


def test_the_next_step_is_ready_while_this_one_is_computed() -> None:
    with WindowLoader(DATA, 50, workers=1, start_method="fork") as loader:
        next(loader)
        time.sleep(1.0)
        before = loader.wait_seconds
        next(loader)
        assert loader.wait_seconds - before < 0.05


def test_a_batch_that_ranks_cannot_share_is_refused() -> None:
    with pytest.raises(InputError, match="a batch of 6 windows cannot be shared by 4"):
        WindowLoader(DATA, 6, world_size=4)
