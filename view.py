"""Look at a finished run in a browser: `python view.py run=outputs/demo`."""

import time
from pathlib import Path

import hydra
from hydra.utils import instantiate
from omegaconf import DictConfig

from to4d.cli import command, friendly
from to4d.run import restore
from to4d.view import Show, serve


@hydra.main(version_base="1.3", config_path="conf", config_name="view")
@friendly
def main(cfg: DictConfig) -> None:
    """Serve the page until interrupted."""
    show = Show(restore(Path(cfg.run), cfg.trust), cfg.frames, cfg.size, instantiate(cfg.surface))
    serve(show, cfg.host, cfg.port, cfg.token, cfg.fps)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    command(main, Path(__file__).parent / "conf", "view")
