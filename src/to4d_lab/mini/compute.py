"""Where a training computes, and in which precision."""

import torch
from torch import nn


def device_of(net: nn.Module) -> torch.device:
    """Where a net lives."""
    return next(net.parameters()).device


def products(precision: str, device: torch.device) -> torch.autocast:
    """Matrix products in "float32" or "bfloat16"."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
