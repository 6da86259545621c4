"""Do the same to every tensor of a data class: move it to a device, repeat it, cut it."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor

T = TypeVar("T")


def map_tensors(part: T, change: Callable[[Tensor], Tensor]) -> T:
    """A tensor, a data class of such, or a tuple of such, with every tensor changed; anything else as it is.

    >>> map_tensors((torch.ones(2), "a"), lambda x: 2 * x)
    (tensor([2., 2.]), 'a')
    """
    if isinstance(part, Tensor):
        return cast(T, change(part))
    if isinstance(part, tuple):
        return cast(T, tuple(map_tensors(each, change) for each in part))
    if is_dataclass(part):
        return type(part)(*(map_tensors(getattr(part, field.name), change) for field in fields(part)))
    return part


def exact(tensor: Tensor) -> torch.autocast:
    """Full precision where `tensor` lives, for what is measured and not learnt: evidence, flows, latents."""
    return torch.autocast(tensor.device.type, enabled=False)


def to_device(part: T, device: torch.device) -> T:
    """The same on `device`. Random numbers are drawn on the CPU, so that every device sees the same batches."""
    return map_tensors(part, lambda x: x.to(device))
