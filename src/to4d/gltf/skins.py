"""Skins of a glTF 2.0 file (section 3.7.3): joints, inverse bind matrices and weights; broken ones are repaired."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from to4d.errors import BROKEN, InputError
from to4d.gltf.arrays import Arrays

LOOSE = 0.02  # by how much a sum of weights may miss 1: they are stored in as little as 8 bits


@dataclass(frozen=True)
class GltfSkin:
    """Joints that carry a mesh."""

    joints: np.ndarray  # (J,) nodes
    inverse: np.ndarray  # (J, 4, 4) world at rest -> joint
    fault: str = ""  # why it cannot carry anything; "": it can


@dataclass(frozen=True)
class Skinning:
    """How the vertices of a primitive follow joints, if they do."""

    skin: GltfSkin | None = None  # None: its node alone places the primitive
    shares: csr_array | None = None  # (n, J) how much each joint carries, rows add up to 1
    weightless: int = 0  # vertices without weights: they follow their first joint
    repairs: Counter[str] = field(default_factory=Counter)  # what was wrong, in words -> how often
    fault: str = ""  # why a skin that the file gives it is left out


def read_skins(arrays: Arrays) -> list[GltfSkin]:
    """All skins of a file."""
    skins = []
    for number, skin in enumerate(arrays.header.get("skins", ())):
        try:
            skins.append(_read_skin(arrays, skin))
        except BROKEN as error:
            fault = f"skin {number} cannot be used: {_reason(error)}"
            skins.append(GltfSkin(np.zeros(0, int), np.zeros((0, 4, 4)), fault))
    return skins


def _read_skin(arrays: Arrays, skin: dict[str, Any]) -> GltfSkin:
    joints, nodes = skin["joints"], len(arrays.header["nodes"])
    if not joints:
        raise InputError("it has no joints")
    for joint in joints:
        if type(joint) is not int or not 0 <= joint < nodes:
            raise InputError(f"its joint {joint!r} is none of the {nodes} nodes")
    inverse = np.tile(np.eye(4), (len(joints), 1, 1))
    if "inverseBindMatrices" in skin:
        inverse = arrays[skin["inverseBindMatrices"]].reshape(-1, 4, 4).swapaxes(1, 2)
        if len(inverse) < len(joints):
            raise InputError(f"it has {len(inverse)} inverse bind matrices for {len(joints)} joints")
    return GltfSkin(np.array(joints), inverse[: len(joints)])


def read_skinning(
    arrays: Arrays, node: dict[str, Any], attributes: dict[str, int], skins: list[GltfSkin], count: int
) -> Skinning:
    """The skin of a primitive of `count` vertices at a node; a broken one is left out."""
    if "skin" not in node:
        return Skinning()
    if "JOINTS_0" not in attributes:
        return Skinning(repairs=Counter({"parts of meshes with a skin have no joints and stand as their nodes do": 1}))
    if type(node["skin"]) is not int or not 0 <= node["skin"] < len(skins):
        return Skinning(fault=f"there is no skin {node['skin']!r}")
    skin = skins[node["skin"]]
    if skin.fault:
        return Skinning(fault=skin.fault)
    try:
        return _read_weights(arrays, attributes, count, skin)
    except BROKEN as error:
        return Skinning(fault=f"the weights of mesh {node['mesh']} cannot be used: {_reason(error)}")


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"


def _read_weights(arrays: Arrays, attributes: dict[str, int], count: int, skin: GltfSkin) -> Skinning:
    """Weights of which what is no weight counts as 0; a vertex without follows its first joint, as in three.js."""
    bones, weights = _stacked(arrays, attributes, count)
    bad, outside = ~np.isfinite(weights) | (weights < 0), (bones < 0) | (bones >= len(skin.joints))
    lost = outside & (weights > 0)
    weights, bones = np.where(bad | outside, 0.0, weights), np.where(outside, 0, bones)
    sums = weights.sum(1)
    empty, scaled = sums == 0, np.abs(sums - 1) > LOOSE
    repairs = {
        "weights are negative or no numbers and count as 0": bad,
        "weights name joints that are not there and count as 0": lost,
        "vertices have weights that do not add up to 1 and are scaled": scaled & ~empty,
        "vertices have no weights and follow their first joint": empty,
    }
    weights[empty, 0] = 1.0
    weights /= weights.sum(1, keepdims=True)
    rows = np.repeat(np.arange(count), bones.shape[1])
    shares = csr_array((weights.ravel(), (rows, bones.ravel())), (count, len(skin.joints)))
    counts = Counter({text: int(where.sum()) for text, where in repairs.items()})
    return Skinning(skin, shares, int(empty.sum()), +counts)


def _stacked(arrays: Arrays, attributes: dict[str, int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Joints and weights (count, 4 or 8) of all sets."""
    names = sorted(name for name in attributes if name.startswith("JOINTS_"))
    lost = [name for name in names if name.replace("JOINTS", "WEIGHTS") not in attributes]
    if lost:
        raise InputError(f"{lost[0]} has no weights beside it")
    bones = np.concatenate([arrays[attributes[name]] for name in names], 1)
    weights = [arrays.read(attributes[name.replace("JOINTS", "WEIGHTS")], finite=False) for name in names]
    stacked = np.concatenate(weights, 1).astype(float)
    if bones.dtype.kind not in "iu" or bones.shape != stacked.shape or len(bones) != count:
        raise InputError(f"{bones.shape} joints ({bones.dtype}) and {stacked.shape} weights for {count:,} vertices")
    return bones.astype(np.int64), stacked
