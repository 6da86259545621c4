"""What a motion does to a surface: stretches, bends, turns inside out or bursts; and how a burst is held back."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from to4d.export.gltf.morph_targets import WeldedSurface, fill_missing, nearest_found

SHORT = 1e-3  # share of the size below which edges say nothing
BURST = 4.0  # a triangle explodes when an edge grows by more than this, beside what the middle edge grows
MANY = 0.2  # share of points that may be held back in a frame
ROUNDS = 30  # in a frame: points are held back, and those around them, until nothing explodes


@dataclass(frozen=True)
class HeldMotion:
    """Moves of V frames in which nothing explodes."""

    moves: np.ndarray  # (V, P, 3)
    found: np.ndarray  # (V, P) false where a point moves like its neighbours
    exploding: float  # share of triangles that would have exploded in the worst of the frames that move
    last: int  # the last frame that moves: V - 1, unless the surface bursts after an earlier one


def hold_back_bursts(surface: WeldedSurface, moves: np.ndarray, found: np.ndarray) -> HeldMotion:
    """Let no triangle explode.

    Few points that burst move, from that frame on, as the surface around them does: evenly from its one side to the
    other, and as wide as it takes. If they are many, or that is no help, the surface stands still from there on: what
    has burst has no shape worth keeping.

    Args:
        surface: P points at rest.
        moves: (V, P, 3) from rest, where frame 0 is.
        found: (V, P) false where a move is not known.
    """
    edges, alive, last = SurfaceEdges(surface), found[0], len(moves) - 1
    out, founds, exploding = [np.zeros_like(moves[0])], [alive], [0.0]
    for frame in range(1, len(moves)):
        move, left, share, calm = _calmed(edges, moves[frame], founds[-1] & found[frame], out[-1])
        exploding.append(share)
        if not calm:
            last = frame - 1
            break
        out.append(move)
        founds.append(left)
    missing = len(moves) - len(founds)
    return HeldMotion(
        np.stack(out + out[-1:] * missing), np.stack(founds + founds[-1:] * missing), max(exploding), last
    )


def _calmed(
    edges: "SurfaceEdges", move: np.ndarray, alive: np.ndarray, before: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, bool]:
    """A frame's move, whose points follow it still, the share of triangles that exploded, and whether none do now."""
    share, left = None, alive
    for _ in range(ROUNDS):
        calmed = edges.spanned(move, left, before)
        bad = edges.exploding(calmed)
        share = float(bad.mean()) if share is None and len(bad) else share or 0.0
        if not bad.any():
            return calmed, left, share, True
        left = left & ~edges.around(bad, left)
        if left.sum() < (1.0 - MANY) * alive.sum():
            break
    return calmed, left, share, False


class SurfaceEdges:
    """The edges of a surface's triangles, those left out that are too short to say anything."""

    def __init__(self, surface: WeldedSurface) -> None:
        """Find them."""
        corners = np.sort(surface.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        pairs, number = np.unique(corners, axis=0, return_inverse=True)
        rest = np.linalg.norm(np.subtract(*surface.points[pairs.T]), axis=1)
        self.surface, self.rest, self.long = surface, rest, rest > SHORT * surface.size
        self.pairs, self.of_face = pairs, number.reshape(-1, 3)

    @cached_property
    def ties(self) -> csr_array:
        """(P, P) how strongly edges tie points to each other: one over their length at rest."""
        count, strength = len(self.surface.points), np.tile(1.0 / np.maximum(self.rest, 1e-12), 2)
        return csr_array((strength, np.concatenate([self.pairs, self.pairs[:, ::-1]]).T), shape=(count, count))

    @cached_property
    def parts(self) -> np.ndarray:
        """(P,) the number of the part of the surface, tied to no other, that each point belongs to."""
        return connected_components(self.ties, directed=False)[1]

    def around(self, bad: np.ndarray, known: np.ndarray) -> np.ndarray:
        """(P,) the corners of bad triangles (M,), and as many rings around them as it takes to reach a known point."""
        wide = np.isin(np.arange(len(self.surface.points)), self.surface.faces[bad])
        while not known[wide].any():
            wider = wide | (self.ties @ wide.astype(float) > 0.0)
            if wider.sum() == wide.sum():
                break
            wide = wider
        return wide

    def spanned(
        self, move: np.ndarray, known: np.ndarray, before: np.ndarray, push: np.ndarray | None = None
    ) -> np.ndarray:
        """A move (P, 3) where points that are not `known` (P,) move as the known ones around them pull them.

        Each is the mean of its neighbours, near ones weighing more: a harmonic function on the surface, or one whose
        Laplacian is `push` (P, 3). A part of which nothing is known moves, as one, like the nearest known points; if
        nothing is known at all, all move as `before`.
        """
        move = fill_missing(self.surface.points, move, known, before)
        if known.all() or not known.any():
            return move
        inner = ~known & np.isin(self.parts, self.parts[known])
        for part in np.unique(self.parts[~known & ~inner]):
            move[self.parts == part] = move[self.parts == part].mean(0)
        if inner.any():
            rows = self.ties[inner]
            pull = diags_array(rows.sum(1)) - rows[:, inner]
            hold = rows[:, ~inner] @ move[~inner] + (0.0 if push is None else push[inner])
            move[inner] = spsolve(pull.tocsc(), hold).reshape(-1, move.shape[1])
        return move

    def carried(
        self, move: np.ndarray, known: np.ndarray, before: np.ndarray, slopes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """`spanned`, but edges between points that are not known turn and grow as those around them do; and the slopes.

        Poisson's equation on the surface (Yu et al. 2004): edges come as near as they can to what the maps make of
        them, and the maps, the slopes' inverses, are spanned themselves.

        Args:
            move: (P, 3) from rest.
            known: (P,) which points follow it.
            before: (P, 3) the move of the frame before.
            slopes: (P, 3, 3) see `flipped_triangles`, of known points.
        """
        eye, points, ties = np.eye(3), self.surface.points, self.ties.tocoo()
        change = np.linalg.pinv(slopes[nearest_found(points, known)]) - eye
        change = self.spanned(change.reshape(-1, 9), known, np.zeros((len(move), 9))).reshape(-1, 3, 3)
        middle = 0.5 * (change[ties.row] + change[ties.col])
        wish = ties.data[:, None] * np.einsum("eij,ej->ei", middle, points[ties.row] - points[ties.col])
        push = np.stack([np.bincount(ties.row, each, len(points)) for each in wish.T], 1)
        return self.spanned(move, known, before, push), np.linalg.pinv(eye + change)

    def ratios(self, move: np.ndarray) -> np.ndarray:
        """(E,) lengths under a move (P, 3) as factors of those at rest; 1 where an edge is too short."""
        length = np.linalg.norm(np.subtract(*(self.surface.points + move)[self.pairs.T]), axis=1)
        return np.where(self.long, length / np.maximum(self.rest, 1e-12), 1.0)

    def exploding(self, move: np.ndarray) -> np.ndarray:
        """(M,) which triangles explode; the growth of the object as a whole is none."""
        if not self.long.any():
            return np.zeros(len(self.of_face), bool)
        ratio = self.ratios(move)
        explodes: np.ndarray = ratio > BURST * max(1.0, float(np.median(ratio[self.long])))
        return np.any(explodes[self.of_face], axis=1)

    def arap_energy(self, move: np.ndarray) -> float:
        """How far a move (P, 3) is from moving every point and its neighbours rigidly; 0 where it does.

        The as-rigid-as-possible energy (Sorkine and Alexa, 2007) with equal weights, as a share of the squared lengths
        at rest: sum over points i and neighbours j of |e'_ij - R_i e_ij|^2 by that of |e_ij|^2, R_i the best turn.
        A surface made s times as large has (s - 1)^2.
        """
        heads, tails = np.concatenate([self.pairs, self.pairs[:, ::-1]]).T
        before, after = (x[tails] - x[heads] for x in (self.surface.points, self.surface.points + move))
        gather = csr_array(
            (np.ones(len(heads)), (heads, np.arange(len(heads)))), shape=(len(self.surface.points), len(heads))
        )
        spread = (gather @ np.einsum("ei,ej->eij", after, before).reshape(-1, 9)).reshape(-1, 3, 3)
        sizes = np.sqrt(np.linalg.eigvalsh(spread.transpose(0, 2, 1) @ spread).clip(min=0.0))  # singular values, rising
        sizes[:, 0] *= np.sign(np.linalg.det(spread))  # turns only, no mirrors
        total = (before**2).sum()
        return float(max(0.0, (after**2).sum() + total - 2.0 * sizes.sum()) / total) if total > 0 else 0.0


def edge_change(surface: WeldedSurface, moves: np.ndarray) -> tuple[float, float]:
    """The most that an edge shrinks and grows under moves (V, P, 3), as factors of its length at rest."""
    edges = SurfaceEdges(surface)
    ratios = [edges.ratios(move)[edges.long] for move in moves if edges.long.any()]
    return float(min((r.min() for r in ratios), default=1.0)), float(max((r.max() for r in ratios), default=1.0))


def flipped_triangles(surface: WeldedSurface, move: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """(M,) which triangles face the wrong way in one frame.

    Args:
        surface: at rest.
        move: (P, 3) of its points.
        slopes: (P, 3, 3) of the backward motion's source at these places: a small piece of surface with normal n at
            rest has a normal along slopes^T n now, if nothing folds.
    """
    normals = triangle_normals(surface.points, surface.faces)
    real = np.linalg.norm(normals, axis=1) > (SHORT * surface.size) ** 2
    expected = np.einsum("mji,mj->mi", slopes[surface.faces].mean(1), normals)
    return real & ((expected * triangle_normals(surface.points + move, surface.faces)).sum(1) < 0)


def unfold(
    edges: "SurfaceEdges", move: np.ndarray, alive: np.ndarray, before: np.ndarray, slopes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A frame in which no triangle faces the wrong way: its move and its slopes.

    The points of those that did go where the surface around them puts them, turned and grown as it is, as wide as it
    takes. If it takes many, the frame stays as it is.

    Args:
        edges: of the surface.
        move: (P, 3) from rest.
        alive: (P,) which points follow it.
        before: (P, 3) the move of the frame before.
        slopes: (P, 3, 3) see `flipped_triangles`, of the points that follow it.
    """
    own = slopes[nearest_found(edges.surface.points, alive)]
    left, flat, near = alive, move, own
    for _ in range(ROUNDS):
        bad = flipped_triangles(edges.surface, flat, near) | edges.exploding(flat)
        if not bad.any():
            return flat, near
        left = left & ~edges.around(bad, left)
        if left.sum() < (1.0 - MANY) * alive.sum():
            break
        flat, near = edges.carried(move, left, before, slopes)
    return move, own


def triangle_normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(M, 3), twice the area long."""
    corners = points[faces]
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
