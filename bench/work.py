"""What a step of the paper's prior takes, counted without a GPU and without weights: arithmetic and memory.

    python bench/work.py

The real program runs on tensors that have shapes but no values (torch's meta device). Arithmetic is what torch's
FlopCounterMode counts in matrix products and convolutions, a multiplication and an addition each; the tests hold it to
the same count of a real run at tiny size. Memory is the most that was alive at once.
"""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from to4d.guidance.dynamicrafter.prior import DynamiCrafter
from to4d.types import Prompt

PROMPT = Prompt("a plant blooming", "plant")
T, SCALE = 500, 7.5  # any noise level, any guidance but 1


class MetaDynamiCrafter(DynamiCrafter):
    """The prior on the meta device: shapes alone."""

    def _load(self, size: str, weights: str | None) -> None:
        """Nothing."""


def meta_prior(size: str, **settings: Any) -> DynamiCrafter:
    """The prior `guidance.size=size`, in little memory."""
    return MetaDynamiCrafter(size, **settings).to("meta")


def clip_of(prior: DynamiCrafter) -> Tensor:
    """A clip of one view, (1, V, H, W, 3), where the prior is."""
    return torch.rand(1, prior.frames, *prior.size, 3, device=prior.alpha_bar.device)


def step(prior: DynamiCrafter) -> None:
    """One look of score distillation at one view, from pixels to their gradient."""
    clip = clip_of(prior).requires_grad_()
    latents = prior.encode(clip)
    condition = prior.condition(clip[:, 0].detach(), PROMPT)
    guess = prior.denoise(latents.detach(), T, condition, SCALE)
    torch.autograd.grad(latents, clip, latents.detach() - guess.clean)


def flops(call: Callable[[], object]) -> int:
    """Of a call."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def work(prior: DynamiCrafter) -> dict[str, int]:
    """Floating-point operations of the parts of `step`, once text and grey image have been read."""
    clip, still = clip_of(prior), clip_of(prior)[:, 0]
    condition = prior.condition(still, PROMPT)
    noisy = prior.encode(clip).detach()
    parts = {
        "U-Net, with and without condition": lambda: prior.denoise(noisy, T, condition, SCALE),
        "still: autoencoder, image tower, resampler": lambda: prior.condition(still, PROMPT),
        "autoencoder, clip to latents": lambda: prior.encode(clip),
        "autoencoder, there and back": lambda: there_and_back(prior, clip),
    }
    return {name: flops(call) for name, call in parts.items()}


def there_and_back(prior: DynamiCrafter, clip: Tensor) -> None:
    """Pixels to latents, and a gradient the other way."""
    clip = clip.clone().requires_grad_()
    latents = prior.encode(clip)
    torch.autograd.grad(latents, clip, torch.ones_like(latents))


class Alive(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive, of those that are made while it is on; `peak` is the most."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}
        self.now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Run an operation and note what it has made."""
        out = func(*args, **(kwargs or {}))
        before = {storage._cdata for storage in storages((args, kwargs))}  # of which `out` may be a view
        for storage in storages(out):
            if storage._cdata not in before and storage._cdata not in self.sizes:
                self._note(storage)
        return out

    def _note(self, storage: torch.UntypedStorage) -> None:
        self.sizes[storage._cdata] = storage.nbytes()
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, storage._cdata)

    def _forget(self, key: int) -> None:
        self.now -= self.sizes.pop(key)


def storages(tree: Any) -> list[torch.UntypedStorage]:
    """Where the tensors of anything keep their values."""
    return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


class Fused(TorchFunctionMode):
    """Attention without its matrix of weights, as a GPU computes it; the meta device would spell it out."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Answer for attention; hand on the rest."""
        if func is scaled_dot_product_attention and not torch.is_grad_enabled():
            q, _, v = args[:3]
            return torch.empty(*q.shape[:-1], v.shape[-1], dtype=q.dtype, device=q.device)
        return func(*args, **(kwargs or {}))


def peak_bytes(call: Callable[[], object]) -> int:
    """The most memory that a call holds at once, beside what was there before."""
    with Fused(), Alive() as alive:
        call()
    return alive.peak


def weight_bytes(prior: DynamiCrafter) -> int:
    """Of all networks."""
    return sum(p.numel() * p.element_size() for p in prior.parameters())


def table() -> str:
    """Operations of a step of each size, in Markdown."""
    sizes = ("256", "512", "1024")
    counted = {size: work(meta_prior(size)) for size in sizes}
    lines = [f"| 10^12 operations | {' | '.join(sizes)} |", "|---|---|---|---|"]
    for part in counted["256"]:
        lines.append(f"| {part} | {' | '.join(f'{counted[size][part] / 1e12:.2f}' for size in sizes)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
