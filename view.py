"""Look at a finished run in a browser: `python view.py run=outputs/demo`."""

from pathlib import Path

import hydra
from hydra.utils import instantiate
from omegaconf import DictConfig

from to4d.cli import command, friendly
from to4d.run import restore
from to4d.view import Page, Show


@hydra.main(version_base="1.3", config_path="conf", config_name="view")
@friendly
def main(cfg: DictConfig) -> None:
    """Serve the page until interrupted."""
    show = Show(restore(Path(cfg.run), cfg.trust), cfg.frames, cfg.size, instantiate(cfg.surface))
    Page(show, cfg.host, cfg.port, cfg.fps).run()


if __name__ == "__main__":
    command(main, Path(__file__).parent / "conf", "view")
