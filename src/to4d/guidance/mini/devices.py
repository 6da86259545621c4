"""Move whole data classes to a device. Random numbers stay on the CPU, so every device sees the same batches."""

from dataclasses import fields, is_dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")


def device_of(net: nn.Module) -> torch.device:
    """Where a net lives."""
    return next(net.parameters()).device


def moved(part: T, device: torch.device) -> T:
    """A tensor, a data class of such, or a tuple of such, on `device`; anything else as it is.

    >>> moved((torch.ones(2), "a"), torch.device("cpu"))
    (tensor([1., 1.]), 'a')
    """
    if isinstance(part, Tensor):
        return part.to(device)
    if isinstance(part, tuple):
        return tuple(moved(each, device) for each in part)
    if is_dataclass(part):
        return type(part)(*(moved(getattr(part, field.name), device) for field in fields(part)))
    return part
