"""What a render looks like to the eye: colours for depth, normals and masks, and tiles with labels."""

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

# Depth from near to far: warm and bright to cool and dark, rising evenly in lightness, so that it also reads in grey.
DEPTH_COLOURS = ((1.0, 0.95, 0.70), (0.98, 0.65, 0.35), (0.80, 0.28, 0.40), (0.42, 0.16, 0.48), (0.10, 0.08, 0.30))
MASK_DARK, MASK_BRIGHT = (0.09, 0.10, 0.16), (1.0, 0.80, 0.25)


def to_uint8(image: Tensor) -> Tensor:
    """Floats in [0, 1] to bytes, rounded.

    >>> to_uint8(torch.tensor([0.0, 0.5, 1.2])).tolist()
    [0, 128, 255]
    """
    return (image.detach().clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).cpu()


def panels(rgb: Tensor, depth: Tensor, normal: Tensor, opacity: Tensor) -> Tensor:
    """One view's clip as RGB, depth, normal and mask side by side: (V, H, W, c) each -> (V, H, 4 W, 3) bytes."""
    return to_uint8(torch.cat([rgb, depth_colours(depth, opacity), normal_colours(normal, opacity), mask(opacity)], -2))


def depth_colours(depth: Tensor, opacity: Tensor) -> Tensor:
    """Depth weighted by opacity (..., H, W, 1) -> colours over white; near is bright; one scale for the whole clip."""
    visible = opacity > 0.5
    distance = depth / opacity.clamp(min=1e-6)
    if not visible.any():
        return torch.ones_like(depth).expand(*depth.shape[:-1], 3)
    near, far = distance[visible].quantile(torch.tensor([0.01, 0.99], dtype=depth.dtype, device=depth.device))
    place = ((distance - near) / (far - near).clamp(min=1e-3)).clamp(0.0, 1.0) * (len(DEPTH_COLOURS) - 1)
    table = torch.tensor(DEPTH_COLOURS, dtype=depth.dtype, device=depth.device)
    before = place.floor().long().clamp(max=len(DEPTH_COLOURS) - 2).squeeze(-1)
    colour = torch.lerp(table[before], table[before + 1], place - before.unsqueeze(-1))
    return over_white(colour, opacity)


def normal_colours(normal: Tensor, opacity: Tensor) -> Tensor:
    """World normals weighted by opacity (..., H, W, 3) -> (n + 1) / 2 over white.

    >>> normal_colours(torch.tensor([0.0, 1.0, 0.0]), torch.ones(1)).tolist()
    [0.5, 1.0, 0.5]
    """
    unit = torch.nn.functional.normalize(normal, dim=-1)
    return over_white(0.5 * (unit + 1.0), opacity)


def mask(share: Tensor) -> Tensor:
    """A mask or attention (..., H, W, 1) in [0, 1] from dark blue to yellow."""
    return torch.lerp(share.new_tensor(MASK_DARK), share.new_tensor(MASK_BRIGHT), share.clamp(0.0, 1.0))


def over_white(colour: Tensor, opacity: Tensor) -> Tensor:
    """Straight colours (..., 3) over white."""
    return opacity * colour + (1.0 - opacity)


def tiles(images: Tensor) -> Tensor:
    """Images (rows, columns, H, W, 3) -> one picture (rows H, columns W, 3).

    >>> tiles(torch.zeros(2, 3, 4, 5, 3)).shape
    torch.Size([8, 15, 3])
    """
    rows, columns, height, width, channels = images.shape
    return images.permute(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)


def contact_sheet(clips: Tensor, mesh: Tensor, names: list[str], columns: int = 8) -> Tensor:
    """Clips as rows, `columns` times as columns, the mesh to their left: bytes (H', W', 3).

    Args:
        clips: (B, V, H, W, 3) frames, evenly spaced over [0, 1).
        mesh: (B, H, W, 3) the mesh in the same views.
        names: a short label for each row.
        columns: how many of the V frames to show.
    """
    count = clips.shape[1]
    shown = torch.arange(min(columns, count)) * count // min(columns, count)
    picture = tiles(torch.cat([mesh[:, None], clips[:, shown]], 1))
    titles = ["mesh", *(f"t = {frame / count:.2f}" for frame in shown.tolist())]
    return _labelled(to_uint8(picture), titles, names)


def _labelled(picture: Tensor, titles: list[str], sides: list[str]) -> Tensor:
    """A margin on top with a title a column, and one on the left with a name a row."""
    top, left = 22, 44
    height, width = picture.shape[0] // len(sides), picture.shape[1] // len(titles)
    canvas = Image.new("RGB", (picture.shape[1] + left, picture.shape[0] + top), "white")
    canvas.paste(Image.fromarray(picture.numpy()), (left, top))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for column, title in enumerate(titles):
        draw.text((left + (column + 0.5) * width, top / 2), title, fill="black", font=font, anchor="mm")
    for row, side in enumerate(sides):
        draw.text((left / 2, top + (row + 0.5) * height), side, fill="black", font=font, anchor="mm")
    for row in range(len(sides)):
        draw.line([(0, top + row * height), (canvas.width, top + row * height)], fill=(225, 225, 225))
    draw.line([(left + width, 0), (left + width, canvas.height)], fill=(120, 120, 120))
    return torch.from_numpy(np.array(canvas))
