import numpy as np
import pytest
from capsule_bodies import capsule, quadruped
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

from to4d.errors import InputError
from to4d.kernels.solid_graph import merge_tree, shortest_paths
from to4d.kernels.solid_skin import diffuse, rounds_until_change
from to4d.kernels.voxels import LENGTHS
from to4d.rig.anatomy import surface as surface_module
from to4d.rig.anatomy.merge_tree import make_merge_tree
from to4d.rig.anatomy.parts import find_anatomy
from to4d.rig.anatomy.solid import make_solid
from to4d.rig.anatomy.surface import make_surface
from to4d.rig.anatomy.symmetry import find_symmetry_planes
from to4d.rig.anatomy.voxelize import fill


def box(low, high):
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    faces = [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1)]
    faces += [(2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3)]
    return np.array(low) + corners * (np.array(high) - np.array(low)), np.array(faces)


def together(*meshes):
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in meshes)])
    vertices = np.concatenate([vertices for vertices, _ in meshes])
    return vertices, np.concatenate([faces + start for (_, faces), start in zip(meshes, starts[:-1], strict=True)])


def volume(solid):
    return len(solid) * solid.cell**3 * solid.surface.scale**3


ROD = capsule(np.zeros(3), np.array([0.0, 0, 1.0]), 0.2, 32)
ROD_VOLUME = np.pi * 0.2**2 * 1.0 + 4 / 3 * np.pi * 0.2**3


def test_solid_has_the_volume_of_its_mesh():
    assert volume(make_solid(*ROD)) == pytest.approx(ROD_VOLUME, rel=0.03)


def test_solid_does_not_depend_on_how_faces_are_turned():
    vertices, faces = ROD
    assert len(make_solid(vertices, faces[:, ::-1])) == len(make_solid(vertices, faces))


def test_solid_of_a_scan_with_a_hole_is_filled():
    vertices, faces = ROD
    middle = vertices[faces].mean(1)
    open_faces = faces[~((middle[:, 1] > 0.15) & (abs(middle[:, 2] - 0.5) < 0.15))]
    assert len(open_faces) < len(faces)
    assert volume(make_solid(vertices, open_faces)) == pytest.approx(ROD_VOLUME, rel=0.1)


def test_overlapping_pieces_are_one_solid_without_inner_walls():
    other = capsule(np.array([0.0, 0, 0.5]), np.array([0.0, 0.6, 0.5]), 0.15, 32)
    solid = make_solid(*together(ROD, other))
    centre = solid.nearest((np.array([0, 0.05, 0.5]) - solid.surface.centre) / solid.surface.scale)
    assert solid.depth[centre] * solid.surface.scale > 0.12


def test_loose_pieces_are_connected():
    solid = make_solid(*together(ROD, capsule(np.array([0.0, 0.5, 0]), np.array([0.0, 0.5, 1.0]), 0.1)))
    assert np.isfinite(solid.paths(np.array([0]))[0]).all()


def test_sheet_is_a_solid_too():
    solid = make_solid(np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]), np.array([[0, 1, 2], [0, 2, 3]]))
    assert solid.depth.max() <= 1.5 * solid.cell and len(solid) > 1000


def test_gap_narrower_than_a_voxel_parts_two_legs():
    """Two slabs that meet at the top only, .4 % of their height apart."""
    hull = np.array([[0, 0], [0.249, 0], [0.249, 0.8], [0.251, 0.8], [0.251, 0], [0.5, 0], [0.5, 1], [0, 1]], float)
    flat = [(0, 1, 2), (0, 2, 7), (2, 3, 6), (2, 6, 7), (3, 4, 5), (3, 5, 6)]
    front = np.c_[hull, np.full(8, 0.25)]
    sides = [(i, i + 8, (i + 1) % 8 + 8) for i in range(8)] + [(i, (i + 1) % 8 + 8, (i + 1) % 8) for i in range(8)]
    faces = [*flat, *((c + 8, b + 8, a + 8) for a, b, c in flat), *sides]
    solid = make_solid(np.concatenate([front, front - [0, 0, 0.25]]), np.array(faces))
    assert solid.cell > 0.002
    left, right = solid.nearest(np.array([[-0.05, -0.45, 0.0], [0.05, -0.45, 0.0]]))
    assert solid.paths(np.array([left]))[0][right] > 1.4


def test_winding_numbers_agree_with_the_inside_of_a_ball():
    vertices, faces = capsule(np.zeros(3), np.array([0, 0, 1e-6]), 1.0, 64)
    voxels = fill(make_surface(vertices, faces), 1 / 40)
    points = voxels.origin + np.argwhere(np.ones(voxels.filled.shape)) * voxels.cell
    radius = np.linalg.norm(points, axis=1)
    inside = voxels.filled.ravel()
    assert inside[radius < 0.49].all() and not inside[radius > 0.5 + voxels.cell].any()


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (np.zeros((3, 3)), np.zeros((0, 3), int), "without triangles"),
        (np.zeros((3, 3)), np.array([[0, 1, 2]]), "degenerate"),
        (np.array([[0, 0, 0], [1, 0, 0], [np.nan, 1, 0]]), np.array([[0, 1, 2]]), "finite"),
        (np.eye(3), np.array([[0, 1, 3]]), "only 3"),
    ],
)
def test_unusable_meshes_are_refused_in_one_line(vertices, faces, message):
    with pytest.raises(InputError, match=message) as error:
        make_solid(vertices, faces)
    assert "\n" not in str(error.value)


def test_vertices_that_no_face_uses_may_be_anywhere():
    vertices, faces = ROD
    stray = np.concatenate([vertices, [[np.nan, 0, 0], [1e9, 0, 0]]])
    assert len(make_solid(stray, faces)) == len(make_solid(vertices, faces))


def test_heavy_mesh_is_made_lighter_and_keeps_its_shape(monkeypatch):
    vertices, faces = capsule(np.zeros(3), np.array([0.0, 0, 1.0]), 0.2, 400)
    exact = len(make_solid(vertices, faces))
    monkeypatch.setattr(surface_module, "MAX_FACES", 100_000)
    light = make_surface(vertices, faces)
    assert len(light.points) < 0.7 * len(vertices) and len(light.point_of) == len(vertices)
    assert len(make_solid(vertices, faces)) == pytest.approx(exact, rel=0.03)


@pytest.fixture(scope="module")
def small():
    body = quadruped(12)
    return make_solid(body.vertices, body.faces, voxels=3000)


def test_shortest_paths_agree_with_scipy(small):
    rng = np.random.default_rng(0)
    cost, allowed = rng.uniform(0.5, 2, len(small)), rng.random(len(small)) < 0.9
    allowed[0] = True
    distance, before = shortest_paths(small.neighbours, LENGTHS, cost, allowed, np.array([0]), np.zeros(1))
    start, slot = np.nonzero(small.neighbours >= 0)
    end = small.neighbours[start, slot]
    keep = allowed[start] & allowed[end]
    lengths = (LENGTHS[slot] * 0.5 * (cost[start] + cost[end]))[keep]
    graph = coo_matrix((lengths, (start[keep], end[keep])), shape=(len(small),) * 2)
    np.testing.assert_allclose(distance, dijkstra(graph.tocsr(), indices=0), rtol=1e-12)
    assert (before[np.isfinite(distance)] >= 0).sum() == np.isfinite(distance).sum() - 1


def test_merge_tree_agrees_with_components_of_superlevel_sets(small):
    start, slot = np.nonzero(small.neighbours >= 0)
    end, shape = small.neighbours[start, slot], (len(small),) * 2
    values = small.paths(np.array([0]))[0] + 1e-6 * np.random.default_rng(0).random(len(small))  # no two are equal
    peaks, saddles, into, _ = merge_tree(small.neighbours, values, np.argsort(-values, kind="stable"))
    assert (into < 0).sum() == 1 and values[peaks[into < 0]] == values.max()
    for number in np.flatnonzero(into >= 0)[:20]:
        level, other = values[saddles[number]], peaks[into[number]]
        for inside, joined in ((values >= level, True), (values > level, False)):
            graph = coo_matrix((np.ones(inside[start].sum()), (start[inside[start]], end[inside[start]])), shape)
            graph = graph.tocsr()[inside][:, inside]
            labels = np.full(len(small), -1)
            labels[inside] = connected_components(graph, directed=False)[1]
            assert (labels[peaks[number]] == labels[other]) == joined


def test_diffusion_agrees_with_sparse_matrices_and_stays_with_its_owner(small):
    rng = np.random.default_rng(0)
    owner = np.where(small.points[:, 0] > 0.05, 0, np.where(small.points[:, 0] < 0, 1, -1))
    labels = rng.integers(0, 2, len(small))
    first = rounds_until_change(small.neighbours, owner, labels, 5)
    field = diffuse(small.neighbours, owner, np.eye(2, dtype=np.float32)[labels], first, 0, 5)
    start, slot = np.nonzero(small.neighbours >= 0)
    end = small.neighbours[start, slot]
    keep = (owner[start] == owner[end]) | (owner[start] < 0) | (owner[end] < 0)
    matrix = coo_matrix((np.ones(keep.sum()), (start[keep], end[keep])), shape=(len(small),) * 2).tocsr()
    slow, count = np.eye(2)[labels], np.maximum(np.asarray(matrix.sum(1)), 1)
    for _ in range(5):
        slow = 0.3 * slow + 0.7 * (matrix @ slow) / count
    np.testing.assert_allclose(field, slow, atol=1e-5)


def test_tips_and_regions_are_those_of_the_limbs():
    body = quadruped()
    anatomy = find_anatomy(body.vertices, body.faces)
    surface = anatomy.solid.surface
    tips = surface.to_input(np.stack([part.tip for part in anatomy.parts]))
    limbs = {name: end for name, end in body.ends.items() if name != "trunk"}
    assert len(anatomy.parts) == len(limbs)
    for name, end in limbs.items():
        assert np.linalg.norm(tips - end, axis=1).min() < 0.2, name


def test_tips_do_not_depend_on_tessellation_scale_or_place():
    coarse, fine = quadruped(12), quadruped(48)
    one = make_merge_tree(make_solid(coarse.vertices, coarse.faces))
    fine_solid = make_solid(7 * fine.vertices + [3, -2, 11], fine.faces)
    two = make_merge_tree(fine_solid)
    assert len(one.tips) == len(two.tips)
    assert np.sort(one.distance[one.tip_voxels]) == pytest.approx(np.sort(two.distance[two.tip_voxels]), abs=0.05)


@pytest.mark.parametrize("yaw_deg", [0, 37, 90])
def test_sagittal_plane_turns_with_the_body(yaw_deg):
    body, yaw = quadruped(), np.deg2rad(yaw_deg)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    plane = find_symmetry_planes(make_solid(body.vertices @ turn.T, body.faces))[0]
    assert abs(plane.normal @ turn @ [1, 0, 0]) > np.cos(np.deg2rad(3))
    assert plane.error < 0.015
