"""Look at a run in a browser, finished or at work with view=true: `to4d-view run=outputs/demo`."""

from pathlib import Path

import hydra
from hydra.utils import instantiate
from omegaconf import DictConfig

from to4d.cli import CONF, command, friendly
from to4d.viewer.feed import Feed
from to4d.viewer.page import Page
from to4d.viewer.show import Show


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="view")
@friendly
def task(cfg: DictConfig) -> None:
    """Serve the page until interrupted."""
    feed, surface = Feed(Path(cfg.run), cfg.trust, cfg.wait), instantiate(cfg.surface)

    def show() -> Show:
        return Show(feed.scene, cfg.frames, cfg.size, surface)

    page = Page(show(), cfg.host, cfg.port, cfg.fps, feed.cameras)

    def renew() -> Show | None:
        page.status.content = feed.text()
        return show() if feed.renew() else None

    page.run(renew)


def main() -> None:
    """The command `to4d-view`."""
    command(task, "view")


if __name__ == "__main__":  # how a run with view=true starts it
    main()
