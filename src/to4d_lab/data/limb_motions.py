"""How limbs move: a kind of motion, a mesh with limbs and a random style -> vertices over time.

All motions are the rest pose at tau = 0 and stay in place.
"""

from collections.abc import Callable

import numpy as np

from to4d_lab.data.coloured import ColouredMesh
from to4d_lab.data.posing import X, Y, Z, direction, grounded, height, limbs, raised, rest, swing_leg, turned
from to4d_lab.data.style import Style, smooth


def beat(tau: np.ndarray, style: Style, slow: float, quick: float, shift: np.ndarray | float = 0.0) -> np.ndarray:
    """An oscillation of `slow` to `quick` periods at speed 1 that swells from nothing in a quarter of a period."""
    periods = style.speed * (slow + (quick - slow) * style.cycles)
    return smooth(4.0 * periods * tau) * style.sign * np.sin(2.0 * np.pi * periods * tau + style.phase + shift)


def stepped(mesh: ColouredMesh, tau: np.ndarray, style: Style, pace: tuple, size: float, gallop: bool) -> np.ndarray:
    """Legs swing in turn, arms against them: in diagonal pairs, or front against back in a gallop; (V, N, 3)."""
    points = rest(mesh, tau)
    for limb in limbs(mesh, "leg", "arm"):
        pair = limb.end if gallop and limb.end else limb.side * (limb.end or 1.0)
        shift = np.pi * ((pair > 0) ^ (limb.name == "arm"))
        back, ahead = beat(tau, style, *pace, shift), beat(tau, style, *pace, shift + 0.5 * np.pi)
        if limb.name == "leg":
            swing_leg(points, mesh, limb, size * back, 1.6 * size * np.maximum(-ahead, 0.0))
        else:
            turned(points, limb.members, limb.pivot, X, 0.8 * size * back)
    grounded(points, mesh)
    return points


def walk(mesh: ColouredMesh, tau: np.ndarray, style: Style) -> np.ndarray:
    """Steps on the spot."""
    return stepped(mesh, tau, style, (1.0, 1.75), 0.5 * style.amplitude, gallop=False)


def run(mesh: ColouredMesh, tau: np.ndarray, style: Style) -> np.ndarray:
    """Quick large steps on the spot: leaning forward, off the ground between them; four legs gallop."""
    pace, size, gallop = (1.75, 2.5), 0.8 * style.amplitude, any(limb.end for limb in limbs(mesh, "leg"))
    points, whole = stepped(mesh, tau, style, pace, size, gallop), np.ones(len(mesh.vertices))
    swing, middle = beat(tau, style, *pace), mesh.vertices.mean(0)
    lean = 0.15 * style.amplitude * swing if gallop else 0.25 * style.amplitude * smooth(6.0 * tau)
    turned(points, whole, middle, X, lean)
    grounded(points, mesh)
    points[..., 1] += 0.1 * style.amplitude * height(mesh) * np.abs(swing)[:, None]
    return points


def wave(mesh: ColouredMesh, tau: np.ndarray, style: Style) -> np.ndarray:
    """Raises one arm and waves it."""
    points, arms = rest(mesh, tau), limbs(mesh, "arm")
    arm = max(arms, key=lambda limb: limb.side * style.sign)
    axis, angle = raised(mesh, arm, np.array([arm.side or 1.0, 1.0, 0.0]))
    turned(points, arm.members, arm.pivot, axis, angle * smooth(4.0 * style.speed * tau))
    turned(points, arm.members, arm.pivot, Z, 0.5 * style.amplitude * beat(tau, style, 2.0, 3.5))
    return points


def flap(mesh: ColouredMesh, tau: np.ndarray, style: Style) -> np.ndarray:
    """Both wings go up and down, the body bobs a little against them."""
    points, swing = rest(mesh, tau), beat(tau, style, 2.0, 3.5)
    for wing in limbs(mesh, "wing"):
        axis, angle = raised(mesh, wing, np.array([wing.side, 0.1, 0.0]))
        turned(points, wing.members, wing.pivot, axis, 0.8 * angle * smooth(5.0 * style.speed * tau))
        turned(points, wing.members, wing.pivot, Z, wing.side * 0.7 * style.amplitude * swing)
    points[..., 1] -= 0.04 * style.amplitude * height(mesh) * swing[:, None]
    return points


def swim(mesh: ColouredMesh, tau: np.ndarray, style: Style) -> np.ndarray:
    """A wave runs from the head to the tail and grows on the way; legs, if any, paddle."""
    pace, z = (1.5, 2.5), mesh.vertices[:, 2]
    legs = limbs(mesh, "leg")
    points = stepped(mesh, tau, style, pace, 0.5 * style.amplitude, False) if legs else rest(mesh, tau)
    behind = (z.max() - z) / np.ptp(z)
    size = (0.06 if legs else 0.16) * np.ptp(z) * style.amplitude * (0.15 + behind**2)
    points[..., 0] += size * beat(tau[:, None], style, *pace, -4.0 * behind)
    return points


def head_nod(mesh: ColouredMesh, tau: np.ndarray, style: Style) -> np.ndarray:
    """The head goes down and up."""
    points = rest(mesh, tau)
    for head in limbs(mesh, "head"):
        turned(points, head.members, head.pivot, X, 0.5 * style.amplitude * beat(tau, style, 1.5, 2.5))
    return points


def head_shake(mesh: ColouredMesh, tau: np.ndarray, style: Style) -> np.ndarray:
    """The head turns to the left and to the right."""
    points = rest(mesh, tau)
    for head in limbs(mesh, "head"):
        turned(points, head.members, head.pivot, Y, 0.75 * style.amplitude * beat(tau, style, 1.5, 2.5))
    return points


def tail_wag(mesh: ColouredMesh, tau: np.ndarray, style: Style) -> np.ndarray:
    """The tail goes from side to side."""
    points, swing = rest(mesh, tau), 0.75 * style.amplitude * beat(tau, style, 2.0, 4.0)
    for tail in limbs(mesh, "tail"):
        axis = np.cross(direction(mesh, tail), X)
        turned(points, tail.members, tail.pivot, axis / (np.linalg.norm(axis) + 1e-9), swing)
    return points


def leaves_sway(mesh: ColouredMesh, tau: np.ndarray, style: Style) -> np.ndarray:
    """Leaves bend to and fro, the upper ones later; what carries them stays."""
    points, axis = rest(mesh, tau), np.array([np.sin(style.heading), 0.0, np.cos(style.heading)])
    across = np.array([np.cos(style.phase), 3.0, np.sin(style.phase)])
    late = (mesh.vertices - mesh.vertices.min(0)) @ across / (3.0 * height(mesh))
    swing = beat(tau[:, None], style, 1.0, 2.0, -0.9 * late)
    for leaves in limbs(mesh, "leaves"):
        turned(points, leaves.members, leaves.pivot, axis, 0.4 * style.amplitude * swing)
    return points


def trunk_raise(mesh: ColouredMesh, tau: np.ndarray, style: Style) -> np.ndarray:
    """The trunk goes up, and perhaps down again."""
    points, share = rest(mesh, tau), smooth(1.3 * style.progress(tau))
    up = share if style.cycles < 0.5 else np.sin(np.pi * share) ** 2
    for trunk in limbs(mesh, "trunk"):
        turned(points, trunk.members, trunk.pivot, X, -1.9 * min(style.amplitude, 1.2) * up)
    return points


def dance(mesh: ColouredMesh, tau: np.ndarray, style: Style) -> np.ndarray:
    """Hips and arms go from side to side in turn, knees bend on every beat."""
    points, pace = rest(mesh, tau), (1.25, 2.25)
    swing, tall = style.amplitude * beat(tau, style, *pace), height(mesh)
    bend = 0.5 * style.amplitude * beat(tau, style, *pace) ** 2
    for arm in limbs(mesh, "arm"):
        axis, angle = raised(mesh, arm, np.array([arm.side, 0.3, 0.3]))
        turned(points, arm.members, arm.pivot, axis, 0.7 * angle * smooth(4.0 * style.speed * tau))
        turned(points, arm.members, arm.pivot, Z, 0.7 * swing)
    for leg in limbs(mesh, "leg"):
        swing_leg(points, mesh, leg, -bend, 2.0 * bend)
    for head in limbs(mesh, "head"):
        turned(points, head.members, head.pivot, Z, 0.25 * swing)
    level = (mesh.vertices[:, 1] - mesh.vertices[:, 1].min()) / tall
    hips = np.sin(np.pi * np.clip(1.1 * level, 0.0, 1.0))
    points[..., 0] += 0.1 * tall * swing[:, None] * hips
    grounded(points, mesh)
    return points


LIMB_MOTIONS: dict[str, tuple[tuple[str, ...], Callable[[ColouredMesh, np.ndarray, Style], np.ndarray]]] = {
    "walk": (("leg",), walk),
    "run": (("leg",), run),
    "wave": (("arm",), wave),
    "flap": (("wing",), flap),
    "swim": (("tail",), swim),
    "head_nod": (("head",), head_nod),
    "head_shake": (("head",), head_shake),
    "tail_wag": (("tail",), tail_wag),
    "leaves_sway": (("leaves",), leaves_sway),
    "trunk_raise": (("trunk",), trunk_raise),
    "dance": (("arm",), dance),
}
