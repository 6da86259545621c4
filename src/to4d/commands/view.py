"""Look at a run in a browser, finished or at work with view=true: `to4d-view run=outputs/demo`."""

from pathlib import Path

import hydra
from hydra.utils import instantiate
from omegaconf import DictConfig

from to4d.cli import CONF, command, report_user_errors
from to4d.viewer.frames import SceneFrames
from to4d.viewer.live_run import LiveRun
from to4d.viewer.server import ViewerServer


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="view")
@report_user_errors
def task(cfg: DictConfig) -> None:
    """Serve the viewer until interrupted."""
    live, surface = LiveRun(Path(cfg.run), cfg.trust, cfg.wait), instantiate(cfg.surface)

    def frames() -> SceneFrames:
        return SceneFrames(live.scene, cfg.frames, cfg.size, surface)

    server = ViewerServer(frames(), cfg.port, cfg.fps, live.cameras)

    def poll() -> SceneFrames | None:
        server.status.content = live.status()
        return frames() if live.reload() else None

    server.run(poll)


def main() -> None:
    """The command `to4d-view`."""
    command(task, "view")


if __name__ == "__main__":  # how a run with view=true starts it
    main()
