"""Rank and world size of this process, and the collective operations of a run on several devices.

No other module reads the rank; `runs.worker_group` starts the processes. The views of a step are sharded over ranks.
Every rank draws the random numbers of all views and keeps its shard, so that the number of ranks does not change what a
step does: draw whatever differs from view to view by `draw_sharded`, for a plain `torch.randn` gives all ranks the same
numbers. With a world size of 1 nothing here changes a bit.
"""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Generator, Tensor, distributed, nn

from to4d.protocols import Stateful


def rank_and_world_size() -> tuple[int, int]:
    """(rank, world size); (0, 1) without a process group."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def shard(x: Tensor) -> Tensor:
    """This rank's views of all views (B, ...): (B / world size, ...). The world size divides B."""
    rank, world_size = rank_and_world_size()
    return x.unflatten(0, (world_size, -1))[rank]


def draw_sharded(sample: Callable[..., Tensor], shape: Iterable[int], generator: Generator) -> Tensor:
    """Random numbers (B, ...) for this rank's B views, by `torch.rand` or its like."""
    views, *rest = shape
    return shard(sample(views * rank_and_world_size()[1], *rest, generator=generator))


def all_gather(x: Tensor) -> Tensor:
    """The (B, ...) of all ranks, concatenated in the order of the ranks, which is that of the views."""
    world_size = rank_and_world_size()[1]
    if world_size == 1:
        return x
    parts = [torch.empty_like(x) for _ in range(world_size)]
    distributed.all_gather(parts, x.contiguous())
    return torch.cat(parts)


def all_reduce_mean(x: Tensor) -> Tensor:
    """The elementwise mean over ranks, without gradient."""
    world_size = rank_and_world_size()[1]
    if world_size == 1:
        return x
    total = x.detach().clone()
    distributed.all_reduce(total)
    return total / world_size


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give every rank the mean of all ranks' gradients; a missing gradient counts as 0."""
    if rank_and_world_size()[1] == 1:
        return
    trained = [p for p in parameters if p.requires_grad]
    flat = torch.cat([torch.zeros_like(p).view(-1) if p.grad is None else p.grad.reshape(-1) for p in trained])
    parts = all_reduce_mean(flat).split([p.numel() for p in trained])
    for parameter, part in zip(trained, parts, strict=True):
        parameter.grad = part.view_as(parameter)


def broadcast_state(module: Stateful) -> None:
    """Give every rank the parameters and buffers of rank 0."""
    if rank_and_world_size()[1] > 1:
        state = {key: value.clone() for key, value in module.state_dict().items()}
        for value in state.values():
            distributed.broadcast(value, 0)
        module.load_state_dict(state)


def assert_in_sync(state: Mapping[str, Tensor]) -> None:
    """Compare the sums of all tensors over ranks.

    Raises:
        RuntimeError: if ranks differ; averaged gradients alone keep them equal.
    """
    if rank_and_world_size()[1] == 1:
        return
    sums = torch.stack([value.double().sum().cpu() for value in state.values()])
    of_all_ranks = all_gather(sums[None])
    different = [key for key, column in zip(state, of_all_ranks.unbind(1), strict=True) if (column != column[0]).any()]
    if different:
        raise RuntimeError(
            f"the ranks differ in {', '.join(different)}; a callback that changes the 4D model must run on every rank: "
            "give it `on_every_rank = True`, as FollowOccupancy has"
        )


def rank_weight(weights: Tensor) -> Tensor:
    """The factor that turns a weighted mean over this rank's terms into its part of the mean over all ranks' terms.

    It is 1 with a world size of 1. Both means count a total weight of at least 1, as `flow_loss` does.
    """
    weight, world_size = weights.sum(), rank_and_world_size()[1]
    return weight.clamp_min(1.0) / (world_size * all_reduce_mean(weight)).clamp_min(1.0) * world_size
