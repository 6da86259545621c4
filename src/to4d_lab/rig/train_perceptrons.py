"""Training of small perceptrons. One thread and fixed seeds: the same inputs give the same bytes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from to4d.rig.roles.perceptron import LIMIT, Perceptrons


@dataclass(frozen=True)
class Training:
    """How a network is fitted."""

    hidden: int
    steps: int
    batch: int
    rate: float
    decay: float
    noise: float  # added to standardised inputs
    networks: int
    smoothing: float = 0.0


def scale_inputs(inputs: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> Tensor:
    """Inputs (n, F) in standard deviations from the mean, as `Perceptrons` sees them."""
    return torch.from_numpy(np.clip((inputs - mean) / deviation, -LIMIT, LIMIT)).float()


def add_noise(inputs: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """Inputs with Gaussian noise."""
    return inputs + noise * torch.randn(inputs.shape, generator=generator)


def train_perceptrons(
    loss: Callable[[nn.Module, Tensor, torch.Generator], Tensor],
    count: int,
    outputs: int,
    scale: tuple[np.ndarray, np.ndarray],
    training: Training,
) -> Perceptrons:
    """Networks that minimise the loss of random batches of `count` rows."""
    torch.set_num_threads(1)
    fitted = []
    for seed in range(training.networks):
        generator = torch.Generator().manual_seed(seed)
        network = _network(len(scale[0]), training.hidden, outputs, generator)
        optimizer = torch.optim.AdamW(network.parameters(), lr=training.rate, weight_decay=training.decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.steps)
        for _ in range(training.steps):
            chosen = torch.randint(count, (min(training.batch, count),), generator=generator)
            optimizer.zero_grad()
            loss(network, chosen, generator).backward()
            optimizer.step()
            schedule.step()
        fitted.append([parameter.detach().numpy() for parameter in network.parameters()])
    hidden, hidden_bias, out, out_bias = (np.stack(each) for each in zip(*fitted, strict=True))
    return Perceptrons(*scale, hidden, hidden_bias, out, out_bias)


def _network(inputs: int, hidden: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
    layers = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
    for layer in layers:
        bound = layer.in_features**-0.5
        nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1])
