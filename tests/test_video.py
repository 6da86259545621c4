"""Videos decode back as what was written, whatever the disk does."""

import resource
import signal
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_ball import MovingBall
from PIL import Image

from to4d.errors import InputError
from to4d.export.animated_image import AnimatedImage
from to4d.export.panels import contact_sheet, depth_colours, panels
from to4d.export.video import Video
from to4d.export.writer import write_video
from to4d.protocols import Scene
from to4d.types import Prompt
from to4d.viewpoints import Viewpoints


def read_video(path: Path) -> tuple[av.VideoStream, np.ndarray]:
    with av.open(str(path)) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
        return container.streams.video[0], frames


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    scene = Scene(MovingBall(0.0), MovingBall(0.5), Prompt("a ball jumping", "ball"))
    video = Video(views=Viewpoints(size=49), frames=4, fps=8, loops=2, turntable_frames=8, turntable_size=32)
    video(scene, out)
    return out


def test_a_run_writes_four_views_a_turntable_and_a_contact_sheet_and_nothing_else(written):
    names = ["views/000.mp4", "views/090.mp4", "views/180.mp4", "views/270.mp4", "turntable.mp4", "contact.png"]
    assert {str(path.relative_to(written)) for path in written.rglob("*") if path.is_file()} == set(names)


def test_a_view_plays_in_a_browser(written):
    path = written / "views" / "090.mp4"
    stream, frames = read_video(path)
    assert (stream.codec_context.name, stream.codec_context.pix_fmt, stream.average_rate) == ("h264", "yuv420p", 8)
    assert frames.shape == (2 * 4, 50, 4 * 49, 3)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # index first: it starts before it is loaded


def test_a_view_shows_the_motion_of_its_clip_in_every_loop(written):
    _, frames = read_video(written / "views" / "000.mp4")
    rows = [(255 - frame[:, :49].astype(float)).sum((1, 2)) for frame in frames]
    heights = [np.average(np.arange(50), weights=row) for row in rows]
    assert heights[2] < heights[0] - 3  # in the middle of the clip the ball is up
    assert heights[:4] == pytest.approx(heights[4:], abs=0.3)


def test_the_turntable_goes_round_while_time_passes(written):
    stream, frames = read_video(written / "turntable.mp4")
    assert len(frames) == 8 and stream.average_rate == 16
    red = [(frame[..., 0].astype(float) - frame[..., 2]).max() for frame in frames]
    assert red[0] > 100 and red[4] < 60  # red in front, blue behind


@settings(max_examples=8, deadline=None)
@given(
    frames=st.integers(1, 5), height=st.integers(16, 40), width=st.integers(16, 40), fps=st.sampled_from([8, 24, 7.5])
)
def test_any_size_decodes_to_the_same_pictures(tmp_path_factory, frames, height, width, fps):
    generator = torch.Generator().manual_seed(height)
    smooth = torch.nn.functional.interpolate(
        torch.rand(frames, 3, 2, 2, generator=generator), (height, width), mode="bilinear"
    )
    clip = (64 + 128 * smooth).round().to(torch.uint8).permute(0, 2, 3, 1)
    stream, back = read_video(write_video(tmp_path_factory.mktemp("any") / "clip.mp4", clip, fps))
    assert float(stream.average_rate) == fps or frames == 1
    assert back.shape == (frames, height + height % 2, width + width % 2, 3)
    assert np.abs(back[:, :height, :width].astype(float) - clip.numpy()).mean() < 8.0


def test_colours_survive_the_format(tmp_path):
    colours = torch.tensor([[255, 255, 255], [0, 0, 0], [200, 60, 40], [40, 160, 60], [50, 60, 200]], dtype=torch.uint8)
    clip = colours[:, None, None].expand(5, 32, 32, 3).contiguous()
    _, back = read_video(write_video(tmp_path / "colours.mp4", clip, 8))
    assert np.abs(back[:, 16, 16].astype(int) - colours.numpy()).max() <= 4


def test_the_contact_sheet_has_a_row_a_view_and_a_column_a_time(written):
    with Image.open(written / "contact.png") as image:
        assert image.size == (44 + 5 * 49, 22 + 4 * 49)
        pixels = np.asarray(image).astype(int)
    mesh, first = pixels[22 : 22 + 49, 44 : 44 + 49], pixels[22 : 22 + 49, 44 + 49 : 44 + 98]
    assert np.abs(mesh - first)[2:-2, 2:-2].max() == 0  # frame 0 is the mesh (a line divides the two)


def test_a_contact_sheet_shows_evenly_spaced_frames():
    clip = (torch.arange(16) / 16).view(1, 16, 1, 1, 1).expand(1, 16, 32, 32, 3)
    sheet = contact_sheet(clip, torch.ones(1, 32, 32, 3), ["000"])
    assert sheet[22 + 16, 44 + 16 :: 32, 0].tolist() == [255, 0, 32, 64, 96, 128, 159, 191, 223]


def test_depth_is_brighter_when_nearer_and_white_where_nothing_is():
    depth = torch.tensor([2.0, 2.5, 3.0, 0.0]).view(1, 4, 1)
    opacity = torch.tensor([1.0, 1.0, 1.0, 0.0]).view(1, 4, 1)
    light = depth_colours(depth, opacity).mean(-1)[0]
    assert light[0] > light[1] > light[2] and light[3] == 1.0


def test_an_empty_clip_still_gives_a_picture():
    nothing = torch.zeros(2, 8, 8, 1)
    picture = panels(torch.ones(2, 8, 8, 3), nothing, torch.zeros(2, 8, 8, 3), nothing)
    assert picture.shape == (2, 8, 32, 3) and picture[:, :, :8].min() == 255


def test_an_unwritable_folder_is_one_clear_line(tmp_path):
    (tmp_path / "views").write_text("a file where the folder should be")
    with pytest.raises(InputError, match=r"/000\.mp4.* out=DIR"):
        write_video(tmp_path / "views" / "000.mp4", torch.zeros(1, 16, 16, 3, dtype=torch.uint8), 8)


def test_a_full_disk_is_one_clear_line_and_leaves_the_old_file(tmp_path):
    path = write_video(tmp_path / "a.mp4", torch.zeros(1, 16, 16, 3, dtype=torch.uint8), 8)
    before = path.read_bytes()
    noise = torch.randint(0, 256, (24, 128, 128, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    limits, action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        with pytest.raises(InputError, match=r"/a\.mp4.* out=DIR"):
            write_video(path, noise, 8)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, action)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ["gif", "webp"])
@pytest.mark.parametrize("back", [False, True])
def test_a_moving_picture_shows_the_motion_over_and_over(tmp_path, ending, back):
    scene = Scene(MovingBall(0.0), MovingBall(0.5), Prompt("a ball jumping", "ball"))
    picture = AnimatedImage(
        f"a.{ending}", frames=4, fps=10, azimuth_deg=0.0, elevation_deg=0.0, size=40, there_and_back=back
    )
    picture(scene, tmp_path)
    path = tmp_path / picture.name
    with Image.open(path) as image:
        frames = [(image.seek(k), np.asarray(image.convert("RGB")).astype(float))[1] for k in range(image.n_frames)]
        assert image.info["loop"] == 0 and image.info["duration"] == 100
    heights = [np.average(np.arange(40), weights=(255 - frame).sum((1, 2))) for frame in frames]
    assert len(frames) == (6 if back else 4) and heights[2] < heights[0] - 3
    assert list(tmp_path.iterdir()) == [path]
    if back:
        assert heights[4:] == pytest.approx([heights[2], heights[1]], abs=0.3)


def test_a_moving_picture_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"\.gif.*\.webp.*'a\.png'"):
        AnimatedImage("a.png")
