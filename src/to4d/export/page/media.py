"""Videos and pictures inside a page, as data URIs."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import av


@dataclass(frozen=True)
class EmbeddedVideo:
    """A video and its first frame, in a page."""

    source: str  # data URI of the file
    poster: str  # data URI of a JPEG
    width: int  # pixels
    height: int


def embed_video(path: Path) -> EmbeddedVideo:
    """Read a video file."""
    with av.open(str(path)) as container:
        image = next(container.decode(video=0)).to_image()
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=80)
    source = data_uri("video/mp4", path.read_bytes())
    return EmbeddedVideo(source, data_uri("image/jpeg", jpeg.getvalue()), image.width, image.height)


def embed_png(path: Path) -> str | None:
    """A data URI of a PNG file; None if there is none."""
    return data_uri("image/png", path.read_bytes()) if path.is_file() else None


def data_uri(media_type: str, data: bytes) -> str:
    """A URI that holds its own data.

    >>> data_uri("text/plain", b"hello")
    'data:text/plain;base64,aGVsbG8='
    """
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
