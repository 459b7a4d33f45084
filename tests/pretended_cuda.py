"""A CUDA device that is not there: real tensors of the CPU which say that they are on "cuda:0".

What a device would refuse or wait for is an error here: tensors of two devices in one operation, `numpy()` of a tensor
on the device, values read by the host where it must not wait. Values are computed, so results can be compared.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map

CUDA, CPU = torch.device("cuda", 0), torch.device("cpu")
READS = {"item", "tolist", "__bool__", "__int__", "__float__", "__index__", "nonzero", "masked_select", "unique"}
NEVER = {"numpy", "__array__"}
COPIES = {"copy_", "to", "cpu", "cuda", "pin_memory", "_to_copy"}


class HostError(AssertionError):
    """What would fail on a device, or make the host wait for it."""


def storage(tensor: Tensor) -> int:
    """Names the memory of a tensor and its views."""
    return tensor.untyped_storage()._cdata


class PretendedCuda(TorchFunctionMode):
    """While it is entered, "cuda" is a device.

    Attributes:
        may_read: whether the host may wait for values now.
    """

    def __init__(self) -> None:
        super().__init__()
        self.may_read = True
        self._there: dict[int, Any] = {}  # held, so that no memory on the device becomes the host's

    def is_there(self, tensor: Tensor) -> bool:
        """Whether a tensor is on the device."""
        return storage(tensor) in self._there

    def put(self, tensor: Tensor) -> Tensor:
        """Say that a tensor's memory is on the device."""
        held = tensor.untyped_storage()
        self._there[held._cdata] = held
        return tensor

    def move(self, module: nn.Module) -> Any:
        """`module`, on the device."""
        with torch._C.DisableTorchFunction():
            for tensor in (*module.parameters(), *module.buffers()):
                self.put(tensor)
        return module

    @contextlib.contextmanager
    def without_waiting(self) -> Iterator[None]:
        """Within it the host must read nothing from the device."""
        self.may_read, before = False, self.may_read
        try:
            yield
        finally:
            self.may_read = before

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", str(func))
        owner = getattr(getattr(func, "__self__", None), "__name__", "")
        if name == "__get__" and owner in ("device", "is_cuda", "is_cpu"):
            there = self.is_there(args[0])
            return (CUDA if there else CPU) if owner == "device" else there == (owner == "is_cuda")
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        there = [self.is_there(one) for one in given]
        target = self._target(name, args, kwargs)
        self._check(name, args, given, there)
        if target is not None:
            args = tree_map(lambda one: CPU if _names_device(one) else one, args)
            kwargs = {key: CPU if key == "device" else value for key, value in kwargs.items()}
        result = args[0] if name in ("cuda", "pin_memory") else func(*args, **kwargs)
        device = target or (CUDA if any(there) else CPU)
        for one in tree_leaves(result):
            if isinstance(one, Tensor) and self.is_there(one) != (device == CUDA):
                if target is not None and given and storage(one) in map(storage, given):
                    result = one = one.clone()  # there is nothing to move: what is moved must be other memory
                if device == CUDA:
                    self.put(one)
        return result

    @staticmethod
    def _target(name: str, args: Any, kwargs: Any) -> torch.device | None:
        """The device that a call names."""
        if name in ("cpu", "cuda"):
            return CUDA if name == "cuda" else CPU
        named = [kwargs["device"]] if kwargs.get("device") is not None else []
        named += [one for one in args if _names_device(one)] if name in ("to", "set_default_device") else []
        if not named:
            return None
        return CUDA if torch.device(named[0]).type == "cuda" else CPU

    def _check(self, name: str, args: Any, given: list[Tensor], there: list[bool]) -> None:
        if not any(there):
            return
        if name in NEVER:
            raise HostError(f"{name} of a tensor on the device")
        masks = args[1] if name in ("__getitem__", "__setitem__", "index_put_", "index") else ()
        by_mask = any(isinstance(one, Tensor) and one.dtype == torch.bool and one.dim() for one in tree_leaves(masks))
        if (name in READS or (by_mask and name == "__getitem__") or name == "cpu") and not self.may_read:
            raise HostError(f"{name}: the host waits for the device")
        alone = [one for one, on_device in zip(given, there, strict=True) if not on_device and one.dim()]
        if alone and name not in COPIES:
            raise HostError(f"{name} of tensors on two devices")


def _names_device(thing: Any) -> bool:
    return isinstance(thing, torch.device) or (isinstance(thing, str) and thing.partition(":")[0] in ("cuda", "cpu"))


# ---------------------------------------------------------------- graphs


class EmulatedGraph:
    """What `torch.cuda.CUDAGraph` does: the same operations again on the same memory, nothing of Python's.

    Attributes:
        given: memory that the operations use and did not make, by its name (`storage`).
    """

    made: list[EmulatedGraph] = []

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any, Any, list[tuple[int, Tensor]]]] = []
        self.given: dict[int, Tensor] = {}
        self.own: dict[int, Tensor] = {}
        self.made.append(self)

    def pool(self) -> str:
        return "pool"

    def replay(self) -> None:
        with torch._C.DisableTorchFunction():
            for func, args, kwargs, outputs in self.calls:
                results = tree_leaves(func(*args, **kwargs))
                for number, output in outputs:
                    output.copy_(results[number])
            self.forget()

    def forget(self) -> None:
        """Another graph may use the memory of this one's intermediate results: they are wrong from now on."""
        for tensor in self.own.values():
            whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
            whole.fill_(torch.nan if tensor.dtype.is_floating_point else 1)


class Recording(TorchDispatchMode):
    """Fills a graph with what is called; memory that was there before is left as it was, as by a recording."""

    def __init__(self, graph: EmulatedGraph) -> None:
        super().__init__()
        self.graph = graph
        self._before: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, graph = kwargs or {}, self.graph
        inputs = {storage(one): one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
        for name, one in inputs.items():
            if name not in graph.own and name not in graph.given:
                graph.given[name] = one
                whole = torch.empty(0, dtype=one.dtype).set_(one.untyped_storage())
                self._before[name] = whole, whole.clone()
        result = func(*args, **kwargs)
        leaves, _ = tree_flatten(result)
        outputs = []
        for number, one in enumerate(leaves):
            if isinstance(one, Tensor) and storage(one) not in inputs:
                graph.own[storage(one)] = one
                outputs.append((number, one))
        graph.calls.append((func, args, kwargs, outputs))
        return result

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        for whole, before in self._before.values():
            whole.copy_(before)
        self.graph.forget()


class _Stream:
    def __init__(self, *_: object) -> None:
        pass

    def wait_stream(self, other: object) -> None:
        pass


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendedCuda]:
    """A pretended device with graphs; to be entered. Its attention is the plain one, since a Triton kernel is real."""
    device = PretendedCuda()

    @contextlib.contextmanager
    def recorded(graph: EmulatedGraph, **_: object) -> Iterator[None]:
        with device.without_waiting(), Recording(graph):
            yield

    def nothing(*_: object, **__: object) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    known: dict[str, Callable[..., Any]] = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "current_stream": _Stream,
        "is_current_stream_capturing": lambda: False,  # a build for CUDA asks the driver
        "Stream": _Stream,
        "CUDAGraph": EmulatedGraph,
        "graph": recorded,
        "device": nothing,
        "stream": nothing,
    }
    for name, emulated in known.items():
        monkeypatch.setattr(torch.cuda, name, emulated)
    monkeypatch.setitem(__import__("sys").modules, "igsm.decoding.triton_attention", None)
    EmulatedGraph.made.clear()
    yield device
    EmulatedGraph.made.clear()
