"""A moving skeleton in a USD stage: joints, weights and an animation (openusd.org, UsdSkel)."""

from typing import Any

import numpy as np

from to4d.export.gltf.joint_tracks import continuous_quaternions
from to4d.export.gltf.skeleton import rest_matrices
from to4d.gltf.node_tree import decompose_transforms
from to4d.types import Rig


def add_skeleton(stage: Any, root: Any, body: Any, rig: Rig, maps: np.ndarray, transform: np.ndarray) -> None:
    """Add skeleton and animation below the `UsdSkelRoot` root, and bind the mesh `body`, whose points are the rig's.

    Args:
        stage: what to add to; frame i is time code i.
        root: prim that holds everything.
        body: mesh at rest, in the file's coordinates.
        rig: J joints in world units, and how each vertex follows them.
        maps: (V, J, 3, 4) of the world from rest to each frame.
        transform: (4, 4) from the file's coordinates to the world.
    """
    from pxr import UsdSkel

    rest = rest_matrices(rig, transform)
    last = np.broadcast_to([0.0, 0.0, 0.0, 1.0], (*maps.shape[:2], 1, 4))
    moves = _scale_root(root, np.linalg.inv(transform) @ np.concatenate([maps, last], 2) @ transform)
    paths = joint_paths(rig)
    skeleton = UsdSkel.Skeleton.Define(stage, root.GetPath().AppendChild("skeleton"))
    skeleton.CreateJointsAttr(paths)
    skeleton.CreateJointNamesAttr(list(rig.names))
    skeleton.CreateBindTransformsAttr(_matrices(rest))
    skeleton.CreateRestTransformsAttr(_matrices(relative_to_parents(rest[None], rig.parents)[0]))
    animation = UsdSkel.Animation.Define(stage, root.GetPath().AppendChild("animation"))
    _animate(animation, paths, relative_to_parents(moves @ rest, rig.parents))
    UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    _bind(body, skeleton, rig)


def _scale_root(root: Any, moves: np.ndarray) -> np.ndarray:
    """Moves (V, J, 4, 4) without the first joint's size, which the root prim gets: joints have it in half precision."""
    from pxr import Gf, UsdGeom

    sizes = np.cbrt(np.linalg.det(moves[:, 0, :3, :3]))
    if np.abs(sizes - 1.0).max() < 1e-6:
        return moves
    scale = UsdGeom.Xformable(root).AddScaleOp(UsdGeom.XformOp.PrecisionDouble)
    for frame, size in enumerate(sizes.tolist()):
        scale.Set(Gf.Vec3d(size, size, size), frame)
    unscaled = moves.copy()
    unscaled[:, :, :3] /= sizes[:, None, None, None]
    return unscaled


def joint_paths(rig: Rig) -> list[str]:
    """Paths of the joints, such as `root/spine_0`, no two alike."""
    from pxr import Tf

    paths: list[str] = []
    for name, parent in zip(rig.names, rig.parents, strict=True):
        path = (f"{paths[parent]}/" if parent >= 0 else "") + Tf.MakeValidIdentifier(name)
        number, free = 1, path
        while free in paths:
            free, number = f"{path}_{number}", number + 1
        paths.append(free)
    return paths


def relative_to_parents(world: np.ndarray, parents: tuple[int, ...]) -> np.ndarray:
    """(V, J, 4, 4) of joints relative to their parents; of those in the world (V, J, 4, 4)."""
    local = world.copy()
    children = [joint for joint, parent in enumerate(parents) if parent >= 0]
    local[:, children] = np.linalg.inv(world[:, [parents[joint] for joint in children]]) @ world[:, children]
    return local


def _animate(animation: Any, paths: list[str], local: np.ndarray) -> None:
    """A sample a frame of local matrices (V, J, 4, 4)."""
    from pxr import Vt

    translations, turns, scales = decompose_transforms(local, np.ones(local.shape[:2] + (3,)))
    turns = np.stack([continuous_quaternions(turns[:, joint], turns[0, joint]) for joint in range(len(paths))], 1)
    animation.CreateJointsAttr(paths)
    places, rotations, sizes = (
        animation.CreateTranslationsAttr(),
        animation.CreateRotationsAttr(),
        animation.CreateScalesAttr(),
    )
    for frame in range(len(local)):
        places.Set(Vt.Vec3fArray.FromNumpy(translations[frame].astype(np.float32)), frame)
        rotations.Set(Vt.QuatfArray.FromNumpy(turns[frame].astype(np.float32)), frame)  # x y z w, as in memory
        sizes.Set(Vt.Vec3hArray.FromNumpy(scales[frame].astype(np.float16)), frame)


def _bind(body: Any, skeleton: Any, rig: Rig) -> None:
    """Which joints the points of a mesh follow."""
    from pxr import UsdSkel, Vt

    binding = UsdSkel.BindingAPI.Apply(body.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    count = rig.influences.shape[1]
    numbers, weights = rig.influences.numpy().astype(np.int32), rig.weights.numpy()
    binding.CreateJointIndicesPrimvar(False, count).Set(Vt.IntArray.FromNumpy(numbers.reshape(-1)))
    binding.CreateJointWeightsPrimvar(False, count).Set(Vt.FloatArray.FromNumpy(weights.reshape(-1)))
    binding.CreateGeomBindTransformAttr(_matrices(np.eye(4)[None])[0])


def _matrices(columns: np.ndarray) -> Any:
    """Matrices (n, 4, 4) as USD's own array, which multiplies rows from the left."""
    from pxr import Gf, Vt

    return Vt.Matrix4dArray([Gf.Matrix4d(*matrix.T.reshape(-1).tolist()) for matrix in columns])
