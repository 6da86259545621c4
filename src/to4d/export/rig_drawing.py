"""Pictures of one rig from one side: its skeleton in the mesh, its weights, and a limb that is bent."""

import colorsys
from dataclasses import replace

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from to4d.export.panels import to_uint8
from to4d.geometry import project
from to4d.kernels.affine import rotation_matrices
from to4d.render.mesh_cpu import MeshRenderer
from to4d.rig.pose import joint_maps, skin_points
from to4d.types import Cameras, Material, Mesh, Rig

BEND_DEG = 25.0
CLAY, LIGHT = (
    (0.86, 0.86, 0.88),
    (0.35, 0.62, 0.70),
)  # colour of the mesh; where light comes from, turned with the camera
COLOURS = {  # of roles without their sides
    "root": (120, 120, 125),
    "spine": (85, 95, 110),
    "neck": (120, 80, 200),
    "head": (75, 55, 185),
    "jaw": (170, 90, 210),
    "ear": (160, 120, 220),
    "tail": (200, 60, 170),
    "stem": (45, 140, 60),
    "leg": (215, 60, 35),
    "hindleg": (215, 60, 35),
    "foreleg": (235, 140, 0),
    "arm": (0, 125, 200),
    "wing": (0, 150, 150),
    "fin": (0, 150, 150),
    "leg1": (235, 140, 0),
    "leg2": (215, 60, 35),
    "leg3": (180, 40, 90),
    "leg4": (130, 70, 40),
    "other": (150, 150, 150),
}
AXES = {"arm": (0, 0, 1), "wing": (0, 0, 1), "fin": (0, 0, 1), "ear": (0, 0, 1), "stem": (0, 0, -1)}  # of the left side
AXES |= {"tail": (0, 1, 0), "neck": (0, 1, 0), "head": (0, 1, 0)}
SWING = (-1, 0, 0)  # forwards, of all others


def role_colour(role: str) -> tuple[int, int, int]:
    """The colour of a role; right sides are lighter."""
    kind, _, side = role.partition("_")
    colour = COLOURS.get(kind, COLOURS["other"])
    red, green, blue = (round(c + 0.4 * (255 - c)) if side == "R" else c for c in colour)
    return red, green, blue


def draw_skeleton(mesh: Mesh, rig: Rig, cameras: Cameras) -> Image.Image:
    """The mesh in clay from a camera (B = 1), and over it bones as lines and joints as dots, coloured by role."""
    picture = draw_clay(mesh, mesh.vertices, torch.tensor(CLAY).expand(len(mesh.vertices), 3), cameras)
    picture = Image.blend(picture, Image.new("RGB", picture.size, "white"), 0.35)
    scale = 3  # drawn larger, then reduced: smooth lines
    canvas = picture.resize([scale * side for side in picture.size], Image.Resampling.BICUBIC)
    draw, places = ImageDraw.Draw(canvas), (scale * project(rig.joints, cameras)[0]).tolist()
    unit = scale * cameras.size[0] / 360
    shown = sorted(moving(rig))
    for width, halo in ((5.5, True), (3.0, False)):
        for joint in shown:
            if (parent := rig.parents[joint]) >= 0:
                ends = [tuple(places[parent]), tuple(places[joint])]
                draw.line(ends, "white" if halo else bone_colour(rig, joint), round(width * unit))
    for joint in shown:
        x, y = places[joint]
        radius = (5.0 if joint == 0 else 3.6) * unit
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, "white" if joint else role_colour("root"), role_colour(rig.roles[joint]), round(1.6 * unit))
    return canvas.resize(picture.size, Image.Resampling.LANCZOS)


def moving(rig: Rig) -> set[int]:
    """The joints of limbs, and those that move vertices or lead to one that does: no handles of a file's artist."""
    limbs = (joint for joint, role in enumerate(rig.roles) if role != "other")
    moved = {0, *limbs, *rig.influences[rig.weights > 0].tolist()}
    for joint in sorted(moved, reverse=True):
        while joint > 0:
            joint = rig.parents[joint]
            moved.add(joint)
    return moved


def bone_colour(rig: Rig, joint: int) -> tuple[int, int, int]:
    """Of the bone that ends at a joint: its parent moves it, but for what leads from the trunk to a limb."""
    parent, role = rig.parents[joint], rig.roles[joint]
    leads = rig.roles[parent] != role and rig.roles[parent] in ("root", "spine")
    return (150, 150, 150) if leads and role != "spine" else role_colour(rig.roles[parent])


def draw_weights(mesh: Mesh, rig: Rig, cameras: Cameras) -> Image.Image:
    """Each vertex in the mean of its joints' colours: those of the roles, shifted from joint to joint."""
    table = torch.tensor([_shifted(role_colour(r), rank) for r, rank in zip(rig.roles, rig.ranks, strict=True)])
    colours = (rig.weights[..., None] * table[rig.influences]).sum(1)
    return draw_clay(mesh, mesh.vertices, colours, cameras)


def _shifted(colour: tuple[int, int, int], rank: int) -> tuple[float, float, float]:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(c / 255 for c in colour))
    return colorsys.hls_to_rgb(hue, min(0.85, lightness + 0.17 * (rank % 3)), saturation)


def draw_bent(mesh: Mesh, rig: Rig, role: str, cameras: Cameras) -> Image.Image:
    """The mesh with one limb bent at its first joint, a tail or stem at each; what moves is coloured."""
    vertices = bend(mesh.vertices, rig, role)
    moved = torch.tensor([_belongs(rig, joint, role) for joint in range(len(rig.parents))]).float()
    share = (rig.weights * moved[rig.influences]).sum(1, keepdim=True)
    colour = torch.tensor(role_colour(role)) / 255
    return draw_clay(mesh, vertices, torch.lerp(torch.tensor(CLAY), 0.75 * colour + 0.25, share), cameras)


def _belongs(rig: Rig, joint: int, role: str) -> bool:
    """Whether a joint moves with a role's joints."""
    while joint >= 0 and rig.roles[joint] != role:
        joint = rig.parents[joint]
    return joint >= 0


def bend(vertices: Tensor, rig: Rig, role: str) -> Tensor:
    """(N, 3): the vertices with one limb turned by `BEND_DEG`, forwards, upwards or sideways as limbs of its kind move.

    A tail or stem bends by as much in all, a part of it at each joint.
    """
    kind, _, side = role.partition("_")
    own = [joint for joint, other in enumerate(rig.roles) if other == role]
    first = min(rig.ranks[joint] for joint in own)
    turned = own if kind in ("tail", "stem") else [joint for joint in own if rig.ranks[joint] == first]
    angle = torch.tensor(BEND_DEG).deg2rad() * (2.0 / len(turned) if kind in ("tail", "stem") else 1.0)
    axis = torch.tensor(AXES.get(kind, SWING), dtype=torch.float32)
    if side == "R" and axis[2] != 0:
        axis = -axis
    rotations = torch.eye(3).repeat(len(rig.parents), 1, 1)
    rotations[turned] = rotation_matrices(angle * axis)
    maps = joint_maps(rig, rotations[None])
    return skin_points(vertices, rig.influences, rig.weights, maps, rig.rest_offsets)[0]


def draw_clay(mesh: Mesh, vertices: Tensor, colours: Tensor, cameras: Cameras) -> Image.Image:
    """The mesh from a camera (B = 1), its vertices elsewhere and in colours (N, 3) of their own, lit from above."""
    corners = torch.cat([colours[mesh.faces], torch.ones(len(mesh.faces), 3, 1)], -1)
    plain = {"color": corners.float(), "material": torch.zeros_like(mesh.material), "materials": (Material(),)}
    render = MeshRenderer(replace(mesh, vertices=vertices, **plain))(cameras, torch.zeros(1))
    assert render.normal is not None  # asked for by default
    light = cameras.pose[0, :3, :3] @ torch.nn.functional.normalize(torch.tensor(LIGHT), dim=0)
    shade = 0.55 * render.opacity + 0.45 * (render.normal @ light)[..., None].clamp(min=0.0)
    lit = (render.rgb - (1.0 - render.opacity)) * shade + (1.0 - render.opacity)
    return Image.fromarray(to_uint8(lit[0, 0]).numpy())
