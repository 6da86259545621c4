"""A GPU that is too small says which setting to turn, by the part of the program that asked for more."""

from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[1]
# What changes how much is kept at once and nothing else: a run may go on, and share a static fit, with others of them.
SETTINGS = ("renderer.chunk", "renderer.recompute", "guidance.chunk")
DRAWING = ("renderer.recompute=true", "renderer.chunk")
READING = ("guidance.chunk", "guidance.precision=bfloat16", "guidance.autoencoder_precision=bfloat16")
AUTOENCODER = {"encode", "encode_images", "encode_clips", "moments", "decode"}  # functions
ASKING = ("guidance.precision=bfloat16",)


def where(traceback: TracebackType | None) -> list[tuple[str, str]]:
    """(file, function) of our own code on the way to an error, outermost first; files from the package's folder."""
    found = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if (path := Path(code.co_filename)).is_relative_to(ROOT):
            found.append((path.relative_to(ROOT).as_posix(), code.co_name))
        traceback = traceback.tb_next
    return found


def part_of(places: list[tuple[str, str]]) -> tuple[str, tuple[str, ...]]:
    """What was being done there, and the settings that make it smaller, most useful first."""
    if any(file.startswith(("render/", "kernels/", "model/")) for file, _ in places):
        return "drawing the 4D model", DRAWING
    in_prior = {function for file, function in places if file.startswith("guidance/")}
    if in_prior & AUTOENCODER:
        return "in the prior's autoencoder", READING
    if in_prior:
        return "in the prior's network", ASKING
    return "in the gradient", (*DRAWING, *READING)


def advice(error: BaseException, settings: Mapping[str, Any], phase: str) -> str:
    """One message: where memory ran out, and settings that need less, as they stand now."""
    part, knobs = part_of(where(error.__traceback__))
    turns = [turn for turn in (turned(settings, knob) for knob in knobs) if turn]
    hint = f"say {' or '.join(turns)}" if turns else "take a smaller phase.*.lens.size, or a GPU with more memory"
    return (
        f"the GPU's memory ran out {part}, in phase {phase}; {hint}, or take memory=24g (docs/benchmarks.md).\n"
        f"{', '.join(SETTINGS)} may change when a run is resumed with the same out=DIR; other settings need a new one"
    )


def turned(settings: Mapping[str, Any], knob: str) -> str | None:
    """The setting that a knob stands for, one notch lower; None where there is no such setting or no lower notch.

    >>> turned({"renderer": {"chunk": 4096}}, "renderer.chunk")
    'renderer.chunk=2048 (now 4096)'
    """
    name, _, value = knob.partition("=")
    now = reduce(lambda node, key: node.get(key, {}), name.split("."), settings)
    if now == {} or str(now).lower() == value:
        return None
    if value:
        return f"{name}={value}"
    return f"{name}={now // 2} (now {now})" if now > 1 else None
