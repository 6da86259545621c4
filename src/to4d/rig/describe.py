"""A rig in words and numbers, for `rig.json`."""

from typing import Any

import torch
from torch import Tensor

from to4d.rig.choose import Choice
from to4d.types import Mesh, Rig


def describe(mesh: Mesh, choice: Choice) -> dict[str, Any]:
    """What was chosen for a mesh and why; joints in the coordinates of the file and of the world.

    `up` and `front` are directions in the file's axes. Without a rig, `rejected` is what was too unsure.
    """
    to_file = mesh.transform.inverse()
    axes = torch.nn.functional.normalize(to_file[:3, :3].T, dim=1)  # row i: where the world's axis i points in the file
    rig, known = choice.rig, choice.rig or choice.rejected
    return {
        "object": mesh.noun or mesh.name,
        "body": rig.body if rig else None,
        "confidence": round(known.confidence, 4) if known else None,
        "source": rig.source if rig else None,
        "reason": choice.reason,
        "rejected": choice.rejected.body if choice.rejected else None,
        "up": axes[1].numpy().round(6).tolist(),
        "front": axes[2].numpy().round(6).tolist(),
        "joints": _joints(rig, to_file) if rig else [],
        "figures": {"vertices": len(mesh.vertices), "faces": len(mesh.faces)} | (_figures(rig) if rig else {}),
    }


def _joints(rig: Rig, to_file: Tensor) -> list[dict[str, Any]]:
    places = rig.joints.double() @ to_file[:3, :3].T + to_file[:3, 3]
    return [
        {
            "name": name,
            "parent": None if parent < 0 else rig.names[parent],
            "role": rig.roles[joint],
            "rank": rig.ranks[joint],
            "position": _rounded(places[joint]),
            "world": _rounded(rig.joints[joint]),
            **({"node": rig.nodes[joint]} if rig.nodes else {}),
        }
        for joint, (name, parent) in enumerate(zip(rig.names, rig.parents, strict=True))
    ]


def _figures(rig: Rig) -> dict[str, Any]:
    """Counts: joints, those of each role, and how many move one vertex at most."""
    roles = {role: rig.roles.count(role) for role in dict.fromkeys(rig.roles)}
    most = int((rig.weights > 0).sum(1).max()) if len(rig.weights) else 0
    return {"joints": len(rig.parents), "joints_of_role": roles, "influences": most}


def _rounded(vector: Tensor) -> list[float]:
    """Six significant digits: a file may be in millimetres or in kilometres."""
    return [float(f"{x:.6g}") + 0.0 for x in vector.tolist()]
