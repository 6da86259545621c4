"""`object_views.png`: four sides of an object from a file, in the order that their labels say."""

import numpy as np
from mesh_files import four_colors, write_obj
from PIL import Image

from to4d.export.object_views import NAMES, SIZE_PX, TITLE_PX, draw_object_views, title, write_object_views
from to4d.mesh import load_mesh
from to4d.objects.plant import load_plant
from to4d.render.mesh_cpu import MeshRenderer


def coverage(picture):
    """The share of each of the four views that the object covers, beside the axis."""
    pixels = np.array(picture)[TITLE_PX : TITLE_PX + SIZE_PX]
    views = pixels.reshape(SIZE_PX, len(NAMES), SIZE_PX, 3).transpose(1, 0, 2, 3)[:, :, 40:]
    return (views < 250).any(-1).mean((1, 2))


def test_the_four_views_go_around_the_object(tmp_path):
    four_colors(tmp_path / "four.png")
    mesh = load_mesh(write_obj(tmp_path), up="y", front_deg=0.0)  # a square that faces the front
    front, left, back, right = coverage(draw_object_views(MeshRenderer(mesh)))
    assert front > 0.1 and back > 0.1
    assert left < 0.01 and right < 0.01


def test_the_title_names_the_axes_of_the_file(tmp_path):
    four_colors(tmp_path / "four.png")
    path = write_obj(tmp_path)
    words = title(load_mesh(path, up="-x", front_deg=90.0))
    assert path.name in words and "up is -x" in words and "front is y" in words
    assert "between" in title(load_mesh(path, up="y", front_deg=30.0))


def test_it_is_written_for_files_alone(tmp_path):
    four_colors(tmp_path / "four.png")
    mesh = load_mesh(write_obj(tmp_path), up="y", front_deg=0.0)
    written = write_object_views(tmp_path / "object_views.png", MeshRenderer(mesh))
    with Image.open(written) as picture:
        assert picture.width == len(NAMES) * SIZE_PX
    assert write_object_views(tmp_path / "plant.png", MeshRenderer(load_plant())) is None
    assert not (tmp_path / "plant.png").exists()
