"""Pictures, moving pictures and videos on disk: complete or not there at all."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image
from torch import Tensor

from to4d.disk.files import replacing
from to4d.types import check_shape


def write_video(path: Path, frames: Tensor, fps: float) -> Path:
    """Write (V, H, W, 3) uint8 as H.264 in MP4 (yuv420p, index first), which every browser plays.

    The format needs even sizes: an odd image repeats its last row or column.
    """
    check_shape("frames", frames, (None, None, None, 3))
    pixels = np.pad(frames.numpy(), [(0, 0), (0, frames.shape[1] % 2), (0, frames.shape[2] % 2), (0, 0)], "edge")
    with replacing(Path(path)) as temporary:
        _encode(temporary, pixels, Fraction(fps).limit_denominator(1000))
    return Path(path)


def write_image(path: Path, image: Tensor) -> Path:
    """Write (H, W, 3) uint8 in the format that the name's ending says."""
    check_shape("image", image, (None, None, 3))
    with replacing(Path(path)) as temporary:
        Image.fromarray(image.numpy()).save(temporary)
    return Path(path)


def write_animation(path: Path, frames: Tensor, fps: float) -> Path:
    """Write (V, H, W, 3) uint8 as GIF or WebP, whichever the name's ending says, played over and over."""
    check_shape("frames", frames, (None, None, None, 3))
    first, *rest = (Image.fromarray(frame) for frame in frames.numpy())
    options: dict[str, Any] = {"save_all": True, "append_images": rest, "duration": round(1000.0 / fps), "loop": 0}
    with replacing(Path(path)) as temporary:
        first.save(temporary, **options)
    return Path(path)


def _encode(path: Path, pixels: np.ndarray, rate: Fraction) -> None:
    """H.264 at a quality where the difference can't be seen; the file says that its colours are BT.601, video range."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "veryfast"})
        stream.height, stream.width = pixels.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = Colorspace.ITU601, ColorRange.MPEG
        for frame in pixels:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
