"""A simulated GPU: tensors that say they are on `cuda:0` and refuse what real ones refuse.

Their numbers are computed on the CPU. With it a machine without a GPU finds tensors that were left behind: within
`Pretend`, a simulated tensor meets no other (but for single numbers), is filled by no CPU generator, and is no array
of NumPy's.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

GPU = torch.device("cuda", 0)
PRETENDED = {"device": GPU, "is_cuda": True, "is_cpu": False}
INTO = ("copy_", "__setitem__")  # which bring their own copy of what they are given
OWNED = (*INTO, "__getitem__")


class OnGpu(Tensor):
    """A tensor that is said to be on the GPU."""


def moved(module: nn.Module) -> nn.Module:
    """A module whose tensors are said to be on the GPU."""
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                there = parameter.data.as_subclass(OnGpu)
                part._parameters[name] = nn.Parameter(there, requires_grad=parameter.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = buffer.as_subclass(OnGpu)
    return module


def tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from tensors(each)


def named(value: Any, kind: type[Tensor]) -> Any:
    """The tensors of a result, as those of a device."""
    if isinstance(value, Tensor):
        return value.as_subclass(kind)
    if isinstance(value, list | tuple):
        parts = [named(each, kind) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


class Pretend(TorchFunctionMode):
    """As long as it lasts, `cuda` is a device."""

    def __torch_function__(self, func, types, args=(), kwargs=None):  # noqa: D105
        def call(*args: Any, **kwargs: Any) -> Any:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)

        name, kwargs = getattr(func, "__name__", ""), dict(kwargs or {})
        if name == "__get__":
            return read(call, str(func.__self__), *args)
        if name in MOVES:
            return MOVES[name](call, *args, **kwargs)
        return compute(call, name, args, kwargs)


def read(call: Callable, attribute: str, tensor: Tensor, *rest: Any) -> Any:
    """An attribute of a tensor."""
    if isinstance(tensor, OnGpu):
        for name, value in PRETENDED.items():
            if f"'{name}'" in attribute:
                return value
    return named(call(tensor, *rest), type(tensor))


def sent(call: Callable, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """`Tensor.to` in all its forms."""
    kind, plain = type(tensor), []
    for value in [*args, *([kwargs.pop("device")] if kwargs.get("device") is not None else [])]:
        if isinstance(value, Tensor):
            kind, value = type(value), value.as_subclass(Tensor)
        elif isinstance(value, torch.device | str):
            kind, value = OnGpu if torch.device(value).type == "cuda" else Tensor, torch.device("cpu")
        plain.append(value)
    return call(tensor, *plain, **kwargs).as_subclass(OnGpu if issubclass(kind, OnGpu) else Tensor)


def to_numpy(call: Callable, tensor: Tensor, *args: Any) -> Any:
    """Only what is on the CPU can be NumPy's."""
    if isinstance(tensor, OnGpu):
        raise TypeError("a tensor on the GPU is no NumPy array")
    return call(tensor, *args)


MOVES = {
    "to": sent,
    "type_as": sent,
    "cpu": lambda call, tensor: tensor.as_subclass(Tensor),
    "cuda": lambda call, tensor: tensor.as_subclass(OnGpu),
    "numpy": to_numpy,
    "__set__": lambda call, *args: call(*args),  # requires_grad, grad, data
}


def compute(call: Callable, name: str, args: tuple, kwargs: dict) -> Any:
    """All else: a new tensor, or one of tensors that are in one place."""
    met = list(tensors([args, kwargs]))
    there = [x for x in met if isinstance(x, OnGpu)]
    asked = kwargs.get("device")
    new_there = asked is not None and torch.device(asked).type == "cuda"
    if kwargs.get("generator") is not None and (there or new_there):
        raise RuntimeError(f"{name}: the generator is on the CPU")
    if asked is not None:
        return named(call(*args, **kwargs | {"device": "cpu"}), OnGpu if new_there else Tensor)
    left = [x for x in met if not isinstance(x, OnGpu) and x.dim()]
    owner = met[0] if name in OWNED else None  # whose place is that of the result
    if name == "__getitem__":  # a CPU's indices are good for both
        left = [] if isinstance(owner, OnGpu) else [owner]
    if there and left and name not in INTO:
        shapes = [tuple(x.shape) for x in left]
        raise RuntimeError(f"{name}: not all tensors are on the GPU; on the CPU are those of the shapes {shapes}")
    result = call(*args, **kwargs)
    return named(result, OnGpu) if there and (owner is None or isinstance(owner, OnGpu)) else result
