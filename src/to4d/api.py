"""What `import to4d` offers to scripts and notebooks: animate a mesh, rig one, and open a run again.

Progress and warnings go through Python's `logging`. Nothing here ends the program or changes the working directory, and
Hydra's global state and the random numbers of the caller stay as they were.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from pathlib import Path

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from omegaconf import DictConfig
from PIL import Image

from to4d.cli import CONF, compose_config, input_errors, nearest, plain_text, quote
from to4d.commands.train import animate as train
from to4d.errors import InputError
from to4d.export.panels import to_uint8
from to4d.geometry import orbit
from to4d.prompt import subject
from to4d.protocols import Scene
from to4d.runs.asset import Asset, load_asset
from to4d.runs.rigging import RiggedAsset, rig_object
from to4d.runs.run import restore
from to4d.runs.settings import read_settings
from to4d.viewpoints import render_views


@dataclass(frozen=True)
class Run:
    """A finished run, opened again.

    Attributes:
        folder: that was opened; of several seeds that of the best.
        scene: the input mesh and the 4D model, each with its renderer.
        config: all settings, resolved.
        asset: the files of the run.
    """

    folder: Path
    scene: Scene = field(repr=False)
    config: DictConfig = field(repr=False)
    asset: Asset = field(repr=False)

    def render(
        self,
        azimuth: float = 0.0,
        time: float = 0.0,
        elevation: float = 0.0,
        size: int = 256,
        distance: float = 3.0,
        fov: float = 40.0,
    ) -> Image.Image:
        """Draw the 4D model over white.

        Args:
            azimuth: degrees around the vertical; 0 looks at the front (+z), 90 stands on +x.
            time: in [0, 1); 0 is the input object.
            elevation: degrees above the horizon, in (-90, 90).
            size: height and width in pixels.
            distance: of the camera from the object's middle, in world units; the object has a radius of about 0.55.
            fov: vertical field of view in degrees.

        Returns:
            An RGB picture; `numpy.asarray` makes a (size, size, 3) uint8 array of it.

        Raises:
            InputError: if a value is out of its range.
        """
        in_range("time", time, 0 <= time < 1, "from 0, the input object, to just below 1")
        in_range("elevation", elevation, -90 < elevation < 90, "between -90 and 90 degrees")
        in_range("size", size, size > 0, "at least one pixel")
        in_range("distance", distance, distance > 0, "positive")
        in_range("fov", fov, 0 < fov < 180, "between 0 and 180 degrees")
        cameras = orbit(torch.tensor([float(azimuth)]), float(elevation), distance, fov, (size, size))
        render = render_views(self.scene.renderer, cameras, torch.tensor([float(time)]), antialias=2)
        return Image.fromarray(to_uint8(render.rgb[0, 0]).numpy())


def animate(
    mesh: str | PathLike[str],
    prompt: str,
    *,
    noun: str | None = None,
    out: str | PathLike[str] | None = None,
    overrides: str | Sequence[str] = (),
) -> Asset:
    """Animate a mesh with a prompt; what `to4d-train` does with the same settings, to the same bits.

    A run that was interrupted is resumed by the same call.

    Args:
        mesh: a mesh file (GLB, glTF, OBJ, STL, PLY ...), or the name of an object that to4d knows, as "gso/plant".
        prompt: what the object should do. It names the object once: "a robot jumping".
        noun: the word or words of the prompt that name the object. Left out, it is the catalogue's for an object that
            to4d knows, the name of a mesh file where the prompt has it, or the subject of a prompt as simple as above.
        out: the folder of the run; left out, one that date and time name, below `outputs/`.
        overrides: settings as on the command line, such as ["quality=draft", "seed=3"], or a single one.
            "skip_finished=true" returns what is there where the folder holds the same run, finished.

    Raises:
        InputError: if the mesh, the prompt or a setting cannot be used, or the folder holds another or a finished run.
    """
    folder = Path(out) if out is not None else Path("outputs", f"{datetime.now():%Y-%m-%d/%H-%M-%S}")
    settings = [f"prompt={quote(prompt)}", f"out={quote(os.path.abspath(folder))}"]
    changes = [overrides] if isinstance(overrides, str) else overrides
    settings += [*object_settings(mesh, prompt, noun), *map(plain_text, changes)]
    with input_errors(), isolate_rng():
        cfg = compose_config("train", settings)
        train(cfg)
    return load_asset(Path(cfg.out))


def find_rig(
    mesh: str | PathLike[str],
    *,
    noun: str | None = None,
    out: str | PathLike[str] | None = None,
    overrides: str | Sequence[str] = (),
) -> RiggedAsset:
    """Put a skeleton into a mesh; what `to4d-rig` does with the same settings. Nothing is trained.

    Args:
        mesh: a mesh file, or the name of an object that to4d knows, as in `animate`.
        noun: what it is: "lion". It says which body to look for; left out, the file's name may say it.
        out: the folder of the files; left out, one that date and time name, below `outputs/`.
        overrides: settings as on the command line, such as ["rig.body=quadruped", "bone_names=mixamo"].

    Raises:
        InputError: if the mesh or a setting cannot be used.
    """
    folder = Path(out) if out is not None else Path("outputs", f"{datetime.now():%Y-%m-%d/%H-%M-%S}-rig")
    named = [f"object.noun={quote(noun)}"] if noun else []
    changes = [overrides] if isinstance(overrides, str) else overrides
    settings = [*object_of(mesh), *named, f"out={quote(os.path.abspath(folder))}", *map(plain_text, changes)]
    with input_errors():
        return rig_object(compose_config("rig", settings))


def load_run(folder: str | PathLike[str], trust: bool = False) -> Run:
    """Open a finished run.

    Args:
        folder: of the run, as `out` of `animate`.
        trust: let the run's config.yaml call code that is not of to4d, such as parts of your own.

    Raises:
        InputError: if the folder holds no finished run, the run is damaged, or, without `trust`, it calls other code.
    """
    asset = load_asset(Path(folder))
    with input_errors():
        scene = restore(asset.best, trust)
    return Run(asset.best, scene, read_settings(asset.best / "config.yaml"), asset)


def object_settings(mesh: str | PathLike[str], prompt: str, noun: str | None) -> list[str]:
    """The overrides that name the object.

    Raises:
        InputError: if there is neither such a file nor such an object, or nothing says which word names it.
    """
    chosen = object_of(mesh)
    if Path(mesh).is_file():
        noun = noun or subject(prompt, Path(mesh).stem)
    return chosen + ([f"object.noun={quote(noun)}"] if noun else [])


def object_of(mesh: str | PathLike[str]) -> list[str]:
    """The overrides that choose a mesh file, or an object by its name.

    Raises:
        InputError: if there is neither.
    """
    if Path(mesh).is_file():
        return ["object=file", f"object.path={quote(os.path.abspath(mesh))}"]
    if str(mesh) not in (known := catalogue()):
        raise InputError(f"there is no mesh file and no object {str(mesh)!r}; {nearest(str(mesh), known)}")
    return [f"object={mesh}"]


def catalogue() -> list[str]:
    """The names of all objects that are not files of the user's, as "gso/plant"."""
    group = CONF / "object"
    return sorted(path.relative_to(group).with_suffix("").as_posix() for path in group.rglob("*/*.yaml"))


def in_range(name: str, value: float, holds: bool, allowed: str) -> None:
    """Raise an InputError unless the condition on a value `holds`."""
    if not holds:
        raise InputError(f"{name}={value} is out of range; it must be {allowed}")
