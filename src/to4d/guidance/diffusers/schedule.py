"""How a network's prediction on a noised clip tells the clean one, for every kind of diffusion model alike.

The program noises as z_t = sqrt(a) z + sqrt(1 - a) eps, with `alpha_bar` a. Models that noise in other ways see n z_t
for some number n and at some a, so that only tables differ:

    rectified flow  x = (1 - s) z + s eps           n^2 = (1 - s)^2 + s^2, a = (1 - s)^2 / n^2
                    it predicts u = eps - z         z = x - s u
    EDM             x = (z + s eps) / sqrt(1 + s^2)  n = 1, a = 1 / (1 + s^2), a velocity model from here on
    velocity        v = sqrt(a) eps - sqrt(1 - a) z  z = sqrt(a) z_t - sqrt(1 - a) v
    noise           eps                              z = (z_t - sqrt(1 - a) eps) / sqrt(a)

Always z = keep z_t + take prediction. With z_hat from u_hat of a rectified flow, z - z_hat = s (u_hat - (eps - z)): the
textbook's gradient times s. That is distillation's weighting "clean"; "sds" has s^2 (1 - s) / n^2 instead.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from to4d.errors import InputError

STEPS = 1000


@dataclass(frozen=True)
class ScheduleTables:
    """A model's schedule; each is (T,), float64, from the least noise to the most."""

    alpha_bar: Tensor  # signal share of the clip that the program makes
    time: Tensor  # the network's timestep input
    scale: Tensor  # what it is shown, in such clips
    keep: Tensor  # the clean clip is keep x noised clip
    take: Tensor  # + take x prediction


class TableSchedule(nn.Module):
    """The tables, in float32, on the device of the networks."""

    alpha_bar: Tensor
    time: Tensor
    scale: Tensor
    keep: Tensor
    take: Tensor

    def __init__(self, tables: ScheduleTables) -> None:
        super().__init__()
        for name, table in vars(tables).items():
            self.register_buffer(name, table.float(), persistent=False)

    def clean(self, noisy: Tensor, prediction: Tensor, t: int) -> Tensor:
        """The clean clip."""
        return self.keep[t] * noisy + self.take[t] * prediction


def rectified_flow_schedule(shift: float) -> ScheduleTables:
    """Steps are even in s, or with `shift` above 1 denser where there is more noise (Esser et al. 2024, Sec. 5.3.2)."""
    even = (torch.arange(STEPS, dtype=torch.float64) + 1.0) / STEPS
    return flow_at(shift * even / (1.0 + (shift - 1.0) * even))


def flow_at(s: Tensor) -> ScheduleTables:
    """Rectified flow at noise shares s (T,) in (0, 1], given to the network as 1000 s."""
    n = ((1.0 - s) ** 2 + s**2).sqrt()
    return ScheduleTables(((1.0 - s) / n) ** 2, STEPS * s, n, n, -s)


def edm_schedule(lowest: float, highest: float) -> ScheduleTables:
    """Steps are even in log s (Karras et al. 2022)."""
    return edm_at(torch.linspace(math.log(lowest), math.log(highest), STEPS, dtype=torch.float64).exp())


def edm_at(s: Tensor) -> ScheduleTables:
    """EDM at noise levels s (T,), given to the network as log(s) / 4."""
    return velocity_tables(1.0 / (1.0 + s**2), s.log() / 4.0)


def velocity_tables(alpha_bar: Tensor, time: Tensor) -> ScheduleTables:
    """Of a model that predicts v (Salimans and Ho 2022)."""
    return ScheduleTables(alpha_bar, time, torch.ones_like(alpha_bar), alpha_bar.sqrt(), -(1.0 - alpha_bar).sqrt())


def epsilon_tables(alpha_bar: Tensor, time: Tensor) -> ScheduleTables:
    """Of a model that predicts eps."""
    root = alpha_bar.sqrt()
    return ScheduleTables(alpha_bar, time, torch.ones_like(root), 1.0 / root, -(1.0 - alpha_bar).sqrt() / root)


def discrete_schedule(scheduler: Any) -> ScheduleTables:
    """What a scheduler of diffusers that counts its steps says of its model.

    Raises:
        InputError: if it is of another kind.
    """
    kinds = {"epsilon": epsilon_tables, "v_prediction": velocity_tables}
    kind = scheduler.config.get("prediction_type")
    if kind not in kinds or not hasattr(scheduler, "alphas_cumprod"):
        raise InputError(f"the scheduler {type(scheduler).__name__} of this model predicts {kind!r}: not known here")
    alpha_bar = scheduler.alphas_cumprod.double()
    return kinds[kind](alpha_bar, torch.arange(len(alpha_bar), dtype=torch.float64))
