"""Which rig an object gets: its own, one that is found in its shape, one of its noun, or none."""

import logging
from dataclasses import dataclass, replace
from typing import Protocol

from to4d.errors import InputError
from to4d.lexicon.bodies import bodies_of
from to4d.rig.found import find_rig_among
from to4d.rig.own.read import read_own_rig
from to4d.rig.roles.assignment import RIGID
from to4d.rig.stem import stem_rig, thing_rig
from to4d.types import BODIES, Mesh, Rig

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """A rig or none, and why."""

    rig: Rig | None
    reason: str
    rejected: Rig | None = None  # what was found in the shape, and is too unsure

    def line(self) -> str:
        """What was chosen, how sure it is, and why."""
        if self.rig is None:
            return f"rig: none; {self.reason}"
        count = len(self.rig.parents)
        joints = "1 joint" if count == 1 else f"{count} joints"
        return f"rig: {self.rig.source}, {self.rig.body}, {joints}, confidence {self.rig.confidence:.2f}; {self.reason}"


class RigChoice(Protocol):
    """An option of the group `rig`: `rig(mesh) -> Rig | None`. A subclass inherits the call."""

    def choose(self, mesh: Mesh) -> Choice:
        """The rig of a mesh, and why it is that."""
        ...

    def __call__(self, mesh: Mesh) -> Rig | None:
        """The rig of a mesh, after one line in the log."""
        choice = self.choose(mesh)
        log.info(choice.line())
        return choice.rig


@dataclass(frozen=True)
class Auto(RigChoice):
    """The file's own skin; else what the noun names; else what is found in the shape, where that is sure enough.

    Nouns of bodies have a rig found in the shape, plants and lamps bend as stems, and things move as a whole. Where the
    noun is unknown, the name of the file may say it.

    Args:
        body: one of `to4d.types.BODIES`, whatever noun and shape say.
        confidence: the least of a rig that is found in the shape of what a noun says is a body.
        confidence_without_noun: the least where the noun is unknown.
    """

    body: str | None = None
    confidence: float = 0.35
    confidence_without_noun: float = 0.6

    def __post_init__(self) -> None:
        check_body(self.body)

    def choose(self, mesh: Mesh) -> Choice:
        """The rig of a mesh, and why it is that."""
        try:
            own, broken = read_own_rig(mesh, self.body), ""
        except InputError as error:
            own, broken = None, f"; the file's own skin cannot be used: {error}"
        if own is not None:
            return Choice(own, "the file has a skin of its own")
        if self.body is not None:
            return Choice(rig_of_bodies(mesh, (self.body,)), f"rig.body={self.body}{broken}")
        word = next((word for word in (mesh.noun, mesh.name) if word and bodies_of(word)), None)
        bodies = bodies_of(word) if word else ()
        why = (
            f"{word!r} names a {' or '.join(bodies)}"
            if word
            else f"{mesh.noun or mesh.name!r} is not in the lexicon of bodies"
        )
        return self._sure(mesh, bodies, why + broken)

    def _sure(self, mesh: Mesh, bodies: tuple[str, ...], why: str) -> Choice:
        """The rig, if it is sure enough."""
        rig, least = rig_of_bodies(mesh, bodies), self.confidence if bodies else self.confidence_without_noun
        if rig.body in RIGID and rig.body not in bodies:
            why = f"no limbs were found; {why}"
        if rig.confidence >= least:
            return Choice(rig, why)
        unsure = f"{rig.body} was found with confidence {rig.confidence:.2f}, and {least:.2f} is asked for ({why})"
        return Choice(None, f"{unsure}: say rig=found to insist, rig.body=... to say what it is", rig)


@dataclass(frozen=True)
class Own(RigChoice):
    """The skin of the file, and no other rig.

    Args:
        body: one of `to4d.types.BODIES`, whatever its joints say.
    """

    body: str | None = None

    def __post_init__(self) -> None:
        check_body(self.body)

    def choose(self, mesh: Mesh) -> Choice:
        """The rig of a mesh, and why it is that.

        Raises:
            InputError: if the file has none, or a broken one.
        """
        rig = read_own_rig(mesh, self.body)
        if rig is None:
            raise InputError(f"rig=own, but {mesh.source or mesh.name} has no skin; say rig=found, or rig=auto")
        return Choice(rig, "rig=own")


@dataclass(frozen=True)
class Found(RigChoice):
    """A rig found in the shape, however unsure, even if the file has one.

    Args:
        body: one of `to4d.types.BODIES`; left out, the noun and the shape decide.
    """

    body: str | None = None

    def __post_init__(self) -> None:
        check_body(self.body)

    def choose(self, mesh: Mesh) -> Choice:
        """The rig of a mesh, and why it is that."""
        bodies = (self.body,) if self.body else tuple(b for b in bodies_of(mesh.noun or mesh.name) if b != "thing")
        return Choice(rig_of_bodies(mesh, bodies), "rig=found")


@dataclass(frozen=True)
class NoRig(RigChoice):
    """None."""

    def choose(self, mesh: Mesh) -> Choice:
        """None."""
        return Choice(None, "rig=none")


def rig_of_bodies(mesh: Mesh, bodies: tuple[str, ...]) -> Rig:
    """A rig of one of these body classes, of which the shape chooses, or where none of them fits, of the first.

    Args:
        mesh: the object.
        bodies: of `to4d.types.BODIES`, likeliest first; (): any.
    """
    vertices, faces = mesh.vertices.double().numpy(), mesh.faces.numpy()
    limbless = {"stem": lambda: stem_rig(vertices, faces), "thing": lambda: thing_rig(vertices)}
    if bodies and bodies[0] in limbless:
        return limbless[bodies[0]]()
    rig = find_rig_among(vertices, faces, bodies)
    return replace(limbless[rig.body](), confidence=rig.confidence) if rig.body in limbless else rig


def check_body(body: str | None) -> None:
    """Raise an InputError for what is no body class."""
    if body is not None and body not in BODIES:
        raise InputError(f"rig.body={body!r} is not a body class; choose one of {', '.join(BODIES)}")
