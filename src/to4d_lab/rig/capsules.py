"""Random bodies of capsules, posed at random, with known roles: for body plans that few files show."""

from collections.abc import Callable

from numpy.random import Generator

from to4d_lab.rig.capsule_animals import bird, fish, insect, quadruped, snake
from to4d_lab.rig.capsule_figures import biped, machine, runner, walker
from to4d_lab.rig.truth import Example

CAPSULES: dict[str, Callable[[Generator], Example]] = {
    "biped": biped,
    "runner": runner,
    "walker": walker,
    "machine": machine,
    "quadruped": quadruped,
    "bird": bird,
    "insect": insect,
    "fish": fish,
    "snake": snake,
}
"""What draws a random body: each call takes the next random numbers."""
