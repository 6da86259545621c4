"""The bundled plant: what the default run starts from."""

import torch

from to4d.geometry import orbit
from to4d.objects.patches import blade, revolve
from to4d.objects.plant import load_plant
from to4d.render.mesh_cpu import MeshRenderer


def look(mesh, azimuth: float = 0.0, elevation: float = 0.0):
    return MeshRenderer(mesh)(orbit(torch.tensor([azimuth]), elevation, 2.5, 40.0, (64, 64)), torch.zeros(1)).at(0)


def test_it_is_the_same_every_time_and_another_with_another_seed():
    assert load_plant().content_key() == load_plant().content_key()
    assert load_plant(seed=8).content_key() != load_plant().content_key()


def test_it_is_a_textured_mesh_of_moderate_size():
    mesh = load_plant()
    assert 5_000 < len(mesh.faces) < 20_000
    assert all(m.texture is not None for m in mesh.materials)
    assert mesh.noun == "plant"


def test_clay_is_below_and_green_above():
    picture = look(load_plant())
    visible = picture.opacity[0, ..., 0] > 0.99
    red, green, _ = (picture.rgb[0][visible] * 1.0).unbind(-1)
    row = torch.arange(64.0)[:, None].expand(64, 64)[visible]
    height = row.max() - row.min()
    lower, middle = row > row.max() - 0.25 * height, (row - row.min() - 0.45 * height).abs() < 0.15 * height
    assert (red > green)[lower].float().mean() > 0.95
    assert (green > red)[middle].float().mean() > 0.8


def test_the_soil_is_closed():
    """From straight above nothing shines through the pot."""
    picture = look(load_plant(), elevation=89.0)
    assert picture.opacity[0, 26:38, 26:38].min() == 1.0


def test_a_revolved_profile_keeps_its_radius():
    ring = revolve(torch.tensor([0.5, 0.5]).numpy(), torch.tensor([0.0, 1.0]).numpy(), 9)
    assert abs((ring[..., 0] ** 2 + ring[..., 2] ** 2) ** 0.5 - 0.5).max() < 1e-6


def test_a_blade_starts_at_its_base_and_heads_where_it_is_told():
    points = blade(torch.zeros(3).numpy(), 90.0, 1.0, 0.4, 0.0, 0.0)
    middle = points[:, points.shape[1] // 2]
    assert abs(middle[0]).max() < 1e-9
    assert abs(middle[-1] - [1.0, 0.0, 0.0]).max() < 1e-9
