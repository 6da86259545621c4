"""The numbers that make DynamiCrafter's published models, and a tiny one for tests.

From the inference configurations of the official repository (Xing et al., 2023).
"""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class UNetSize:
    """Of the denoiser."""

    width: int = 320  # channels at the finest level
    factors: tuple[int, ...] = (1, 2, 4, 4)  # channels of each level, in widths; each halves the size
    blocks: int = 2  # residual blocks a level
    attended: int = 3  # levels with attention, from the finest
    head_width: int = 64
    context: int = 1024  # width of text and image tokens
    latents: int = 4
    learnt_scale: bool = True  # whether each layer has learnt how much the image tokens count (256 alone)


@dataclass(frozen=True)
class AutoencoderSize:
    """Of the image autoencoder, which makes 8 x 8 pixels one latent pixel."""

    width: int = 128
    factors: tuple[int, ...] = (1, 2, 4, 4)
    blocks: int = 2
    latents: int = 4


@dataclass(frozen=True)
class ResamplerSize:
    """Of the part that makes the context's image tokens."""

    width: int = 1024
    depth: int = 4
    heads: int = 12
    head_width: int = 64
    queries: int = 16  # image tokens a frame
    inputs: int = 1280
    outputs: int = 1024


@dataclass(frozen=True)
class TowerSize:
    """Of one transformer of CLIP."""

    width: int
    layers: int
    heads: int


@dataclass(frozen=True)
class ClipSize:
    """Of OpenCLIP ViT-H-14."""

    text: TowerSize = TowerSize(1024, 24, 16)
    image: TowerSize = TowerSize(1280, 32, 16)
    joint: int = 1024
    patch: int = 14
    pixels: int = 224


@dataclass(frozen=True)
class ModelSize:
    """One published model."""

    resolution: tuple[int, int] = (256, 256)  # (H, W)
    frames: int = 16
    velocity: bool = False  # predicts v on a schedule that ends in pure noise; else eps
    base_scale: float = 1.0  # what clips are scaled down to in the noisier steps ("dynamic rescale"); 1 is not at all
    pace: int = 3  # frame stride at 256: more is faster; else frames a second: more is slower
    paces: tuple[int, int] = (1, 6)  # the range it was trained on
    unet: UNetSize = UNetSize()
    autoencoder: AutoencoderSize = AutoencoderSize()
    resampler: ResamplerSize = ResamplerSize()
    clip: ClipSize = field(default_factory=ClipSize)


_PLAIN = UNetSize(learnt_scale=False)
_TINY = ModelSize(
    (64, 64),
    unet=UNetSize(width=32, factors=(1, 1, 2, 2), blocks=1, head_width=16, context=32),
    autoencoder=AutoencoderSize(width=32, factors=(1, 1, 1, 1), blocks=1),
    resampler=ResamplerSize(width=32, depth=1, heads=2, head_width=8, inputs=48, outputs=32),
    clip=ClipSize(text=TowerSize(32, 3, 2), image=TowerSize(48, 2, 2), joint=32, patch=56),
)

SIZES = {
    "256": ModelSize(),
    "512": ModelSize((320, 512), velocity=True, base_scale=0.7, pace=24, paces=(15, 30), unet=_PLAIN),
    "1024": ModelSize((576, 1024), velocity=True, base_scale=0.3, pace=10, paces=(5, 15), unet=_PLAIN),
    "tiny": _TINY,
    "tiny_velocity": replace(
        _TINY, velocity=True, base_scale=0.7, pace=24, paces=(15, 30), unet=replace(_TINY.unet, learnt_scale=False)
    ),
}
