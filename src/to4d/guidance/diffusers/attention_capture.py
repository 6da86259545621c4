"""Cross-attention to the noun in a network of diffusers, computed once more by hooks beside its fused attention."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention


@contextmanager
def capture_attention(layers: list[nn.Module], marks: Tensor, mask: Tensor | None = None) -> Generator[list[Tensor]]:
    """While it is open, each call of a cross-attention layer adds (n, p): the share of attention to the marked tokens.

    Args:
        layers: of diffusers' attention classes, which are called with queries' tokens and the context.
        marks: (L,) ones at the noun's tokens. What the context holds beyond them is not looked at with them if it
            comes first (Wan's image tokens have a softmax of their own), and is if it comes last (I2VGen-XL's).
        mask: (L,) ones at the tokens that may be looked at; None is all.
    """
    maps: list[Tensor] = []

    def note(layer: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        queries = args[0] if args else kwargs["hidden_states"]
        context = args[1] if len(args) > 1 else kwargs["encoder_hidden_states"]
        if getattr(layer, "add_k_proj", None) is not None:
            context = context[:, -len(marks) :]
        maps.append(attention_share(layer, queries, context, marks, mask))

    hooks = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in layers]
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()


def attention_share(layer: Any, queries: Tensor, context: Tensor, marks: Tensor, mask: Tensor | None) -> Tensor:
    """(n, p) of queries (n, p, D) to a context (n, l, D'): fused, with the marks as values, mean over heads."""
    q, k = layer.to_q(queries), layer.to_k(context)
    q, k = (norm(x) if norm is not None else x for norm, x in ((layer.norm_q, q), (layer.norm_k, k)))
    q, k = (x.unflatten(-1, (layer.heads, -1)).transpose(1, 2) for x in (q, k))
    values = torch.zeros(k.shape[2], device=q.device, dtype=q.dtype)
    values[: len(marks)] = marks.to(values)
    allowed = None if mask is None else mask.to(q.device).bool()[None, None, None].expand(*q.shape[:3], -1)
    v = values[None, None, :, None].expand_as(k).contiguous()
    return scaled_dot_product_attention(q, k, v, attn_mask=allowed)[..., 0].mean(1)


def mean_noun_attention(maps: list[Tensor], rows: int, shape: tuple[int, int, int], coarsest: int) -> Tensor:
    """(B, v, h, w) with maximum 1 a clip: the mean over the layers.

    Args:
        maps: each (B, v h' w') or (B v, h' w'), with h / h' = w / w' a whole number.
        rows: B.
        shape: of the latents, (v, h, w).
        coarsest: maps that are more times coarser than this are left out.
    """
    frames, height, width = shape
    fine = []
    for flat in (one.float().reshape(rows * frames, 1, -1) for one in maps):
        times = round((height * width / flat.shape[-1]) ** 0.5)
        if times <= coarsest:
            image = flat.unflatten(2, (height // times, width // times))
            fine.append(interpolate(image, (height, width), mode="bilinear")[:, 0])
    clips = torch.stack(fine).mean(0).unflatten(0, (rows, frames))
    return clips / clips.amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
