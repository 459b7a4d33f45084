"""The first part of `make gpu-quarter`: device and versions, and the tests that need a device, smallest first."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy
import pytest
import torch

if TYPE_CHECKING:
    from benchmarks.gpu_parts import Here

TESTS = (
    "tests/training/test_gpu.py::test_it_learns_on_cuda_as_on_the_cpu[none-off-float32]",
    "tests/decoding/test_gpu.py::test_graphs_change_nothing",
    "tests/decoding/test_attention.py",
    "tests/training/test_gpu.py::test_it_learns_on_cuda_as_on_the_cpu[none-off",
    "tests/training/test_gpu.py::test_resume",
    "tests/training/test_gpu.py",
    "tests/decoding/test_gpu.py",
)
"""How the names of tests begin, in their order: training against the CPU; decoders against the CPU, and their graphs
against plain calls; the kernel against the reference; then all others, last those that need the compiled generator."""
TINY_TESTS = (
    "tests/training/test_pretended_cuda.py::test_faults_of_a_step_are_seen",
    "tests/decoding/test_attention.py::test_numba_and_torch",
)


def correct(here: Here) -> int:
    """Device and versions; the tests that need a device, smallest first."""
    names = {"torch": torch.__version__, "numpy": numpy.__version__}
    for name in ("triton", "transformers", "numba", "pydantic", "wandb"):
        try:
            names[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            names[name] = "absent"
    if not here.tiny:
        names |= {"device": torch.cuda.get_device_name(here.device), "CUDA": str(torch.version.cuda)}
        names["memory"] = f"{torch.cuda.mem_get_info(here.device)[1] / 2**30:.0f} GiB"
    here.keep("versions", **names)
    code = run_tests(here, TINY_TESTS if here.tiny else TESTS, ["-m", "" if here.tiny else "gpu"])
    here.keep("tests", exit_code=code)
    return code


def run_tests(here: Here, names: Sequence[str], options: Sequence[str]) -> int:
    """Run tests in an order (see `Outcomes`) with options of pytest; returns its exit code."""
    files = dict.fromkeys(name.partition("::")[0] for name in names)
    always = ["-p", "no:cacheprovider", "-vv", "--tb=short", "--no-summary", "-o", "filterwarnings="]
    return int(pytest.main([*always, *options, *files], plugins=[Outcomes(here, names)]))


class Outcomes:
    """A plugin of pytest: tests run in the order of `names`, no others do; each outcome is kept, and each trace shown,
    at once.

    Args:
        names: how the names of tests begin.
    """

    def __init__(self, here: Here, names: Sequence[str]) -> None:
        self.here, self.names = here, names
        self._plugins: Any = None

    def pytest_configure(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = dict.fromkeys(one for name in self.names for one in items if one.nodeid.startswith(name))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._show(report.longreprtext)
            self.here.notes.keep(what="test", name=report.nodeid, outcome=report.outcome)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._show(report.longreprtext)
        if report.when == "call" or not report.passed:
            took = round(report.duration, 1)
            self.here.notes.keep(what="test", name=report.nodeid, outcome=report.outcome, took=took)

    def _show(self, trace: str) -> None:
        terminal = self._plugins.get_plugin("terminalreporter")
        terminal.ensure_newline()
        terminal.write_line(trace)
        terminal.flush()
