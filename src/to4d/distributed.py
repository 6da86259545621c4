"""Which views of a step are this process' own, and how the processes of a run agree (`runs.worker_group` starts them).

Every process draws the random numbers of all views and keeps those of its own, so that it does not matter to a step how
many processes share it. A process alone has all views, and then nothing here changes a bit.
"""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Generator, Tensor, distributed, nn


def place() -> tuple[int, int]:
    """(which process this is, of how many)."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def own(x: Tensor) -> Tensor:
    """This process' part of all views (B, ...), whose number the processes divide."""
    rank, count = place()
    return x.unflatten(0, (count, -1))[rank]


def draw(sample: Callable[..., Tensor], shape: Iterable[int], generator: Generator) -> Tensor:
    """Random numbers (B, ...) for this process' B views, by `torch.rand` or its like."""
    views, *rest = shape
    return own(sample(views * place()[1], *rest, generator=generator))


def gathered(x: Tensor) -> Tensor:
    """All processes' (B, ...) as one, in the order of the views."""
    if place()[1] == 1:
        return x
    parts = [torch.empty_like(x) for _ in range(place()[1])]
    distributed.all_gather(parts, x.contiguous())
    return torch.cat(parts)


def mean(x: Tensor) -> Tensor:
    """The mean over the processes, without gradient, elementwise."""
    if place()[1] == 1:
        return x
    total = x.detach().clone()
    distributed.all_reduce(total)
    return total / place()[1]


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give every process the mean of all gradients; one that has none for a parameter counts as 0."""
    if place()[1] == 1:
        return
    trained = [p for p in parameters if p.requires_grad]
    whole = torch.cat([torch.zeros_like(p).view(-1) if p.grad is None else p.grad.reshape(-1) for p in trained])
    for parameter, part in zip(trained, mean(whole).split([p.numel() for p in trained]), strict=True):
        parameter.grad = part.view_as(parameter)


def spread(module: nn.Module) -> None:
    """Give every process the first one's state."""
    if place()[1] > 1:
        state = {key: value.clone() for key, value in module.state_dict().items()}
        for value in state.values():
            distributed.broadcast(value, 0)
        module.load_state_dict(state)


def agree(state: Mapping[str, Tensor]) -> None:
    """Raise if the processes' states have come apart, which a shared gradient never does to them."""
    if place()[1] == 1:
        return
    sums = torch.stack([value.double().sum().cpu() for value in state.values()])
    everyones = gathered(sums[None])
    apart = [key for key, column in zip(state, everyones.unbind(1), strict=True) if (column != column[0]).any()]
    if apart:
        raise RuntimeError(
            f"the devices disagree about {', '.join(apart)}; a callback that changes the 4D model must run on all: "
            "give it `everywhere = True`, as FollowOccupancy has"
        )


def share_of_all(weights: Tensor) -> Tensor:
    """What turns a weighted mean over a device's matches into its part of the mean over all devices' (1 if alone).

    Both means count a total weight of at least 1 (`flow_loss`).
    """
    weight, count = weights.sum(), place()[1]
    return weight.clamp_min(1.0) / (count * mean(weight)).clamp_min(1.0) * count
