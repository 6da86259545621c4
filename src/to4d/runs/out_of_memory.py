"""A GPU that is too small says which setting to turn, by the part of the program that ran out of memory."""

from collections.abc import Mapping
from typing import Any

from to4d.errors import AUTOENCODER, NETWORK, RENDERING, part_without_memory

# What changes how much is kept at once and nothing else: a run may go on, and share a static fit, with others of them.
SETTINGS = ("renderer.chunk", "renderer.recompute", "guidance.chunk")
OF_RENDERING = ("renderer.recompute=true", "renderer.chunk")
OF_AUTOENCODER = ("guidance.chunk", "guidance.precision=bfloat16", "guidance.autoencoder_precision=bfloat16")
OF_NETWORK = ("guidance.precision=bfloat16",)
SMALLER = {RENDERING: OF_RENDERING, AUTOENCODER: OF_AUTOENCODER, NETWORK: OF_NETWORK}  # the most useful setting first


def advice(error: BaseException, settings: Mapping[str, Any], phase: str) -> str:
    """One message: where memory ran out, and settings that need less, as they stand now."""
    part = part_without_memory(error)
    knobs = SMALLER.get(part or "", (*OF_RENDERING, *OF_AUTOENCODER))
    turns = [turn for turn in (turned(settings, knob) for knob in knobs) if turn]
    hint = f"say {' or '.join(turns)}" if turns else "take a smaller phase.*.lens.size, or a GPU with more memory"
    where = part or "in a training step"
    return (
        f"the GPU's memory ran out {where}, in phase {phase}; {hint}, or take memory=24g (docs/benchmarks.md).\n"
        f"{', '.join(SETTINGS)} may change when a run is resumed with the same out=DIR; other settings need a new one"
    )


def turned(settings: Mapping[str, Any], knob: str) -> str | None:
    """The setting that a knob stands for, one notch lower; None where there is no such setting or no lower notch.

    >>> turned({"renderer": {"chunk": 4096}}, "renderer.chunk")
    'renderer.chunk=2048 (now 4096)'
    """
    name, _, value = knob.partition("=")
    now: Any = settings
    for key in name.split("."):
        now = now.get(key, {})
    if now == {} or str(now).lower() == value:
        return None
    if value:
        return f"{name}={value}"
    return f"{name}={now // 2} (now {now})" if now > 1 else None
