"""Look at a run in a browser, finished or at work with view=true: `python view.py run=outputs/demo`."""

from pathlib import Path

import hydra
from hydra.utils import instantiate
from omegaconf import DictConfig

from to4d.cli import command, report_user_errors
from to4d.viewer.feed import Feed
from to4d.viewer.page import Page
from to4d.viewer.show import Show


@hydra.main(version_base="1.3", config_path="conf", config_name="view")
@report_user_errors
def main(cfg: DictConfig) -> None:
    """Serve the page until interrupted."""
    feed, surface = Feed(Path(cfg.run), cfg.trust, cfg.wait), instantiate(cfg.surface)

    def show() -> Show:
        return Show(feed.scene, cfg.frames, cfg.size, surface)

    page = Page(show(), cfg.host, cfg.port, cfg.fps, feed.cameras)

    def renew() -> Show | None:
        page.status.content = feed.text()
        return show() if feed.renew() else None

    page.run(renew)


if __name__ == "__main__":
    command(main, Path(__file__).parent / "conf", "view")
