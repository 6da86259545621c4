"""The callback shows what is there, where it says, and leaves the training alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
import wandb
from lightning import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from moving_ball import MovingBall
from PIL import Image
from test_video import read_video
from torch import nn
from torch.utils.data import DataLoader

from to4d.callbacks.dashboard import wandb_logger
from to4d.callbacks.multiview import Multiview, mask_panel
from to4d.errors import InputError
from to4d.viewpoints import Viewpoints

KEY = "0123456789abcdef" * 2 + "01234567"  # looks like one


class Rising(MovingBall):
    """A ball that learns how high to jump."""

    def __init__(self):
        super().__init__(0.0)
        self.height = nn.Parameter(torch.zeros(()))


class TinyPhase(LightningModule):
    """The least that the callback needs of a phase: 5 steps towards a height of 1, with random numbers on the way."""

    def __init__(self):
        super().__init__()
        self.name, self.renderer, self.reference = "dynamic", Rising(), MovingBall(0.0)
        self.last_mask = self.last_clip = None

    def training_step(self, *_):
        self.last_mask = torch.rand(1, 4, 8, 8)
        loss = (self.renderer.height - 1.0 - 0.1 * torch.rand(())) ** 2
        self.log("dynamic/static", loss)
        return loss

    def train_dataloader(self):
        return DataLoader(range(5), batch_size=None)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.1)


def train(folder: Path, callbacks: list, loggers: list) -> TinyPhase:
    torch.manual_seed(0)
    phase = TinyPhase()
    trainer = Trainer(
        default_root_dir=folder,
        max_steps=5,
        accelerator="cpu",
        callbacks=callbacks,
        logger=loggers,
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(phase)
    return phase


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    multiview = Multiview(str(folder), every=2, views=Viewpoints(size=24), frames=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_API_KEY", KEY)
        dashboard = wandb_logger(str(folder), "to4d", "a ball jumping", ["test"], None, {"seed": 0})
        phase = train(folder, [multiview], [CSVLogger(folder, name="log"), dashboard])
        dashboard.experiment.finish()
    return folder, phase


def test_it_shows_every_second_step_and_the_end(run):
    names = sorted(path.name for path in (run[0] / "progress").iterdir())
    steps = ("00002", "00004", "00005")
    assert names == sorted(f"dynamic-{step}{end}" for step in steps for end in (".mp4", ".png", "-mask.png"))


def test_the_video_has_all_views_side_by_side_and_shows_what_was_learnt(run):
    stream, frames = read_video(run[0] / "progress" / "dynamic-00005.mp4")
    assert stream.codec_context.name == "h264" and frames.shape == (4, 24, 4 * 24, 3)
    rows = np.arange(24)
    height = [np.average(rows, weights=(255 - frame.astype(float)).sum((1, 2))) for frame in frames]
    assert height[2] < height[0] - 2  # up in the middle of the clip


def test_the_dashboard_gets_the_same_files(run):
    media = [path for path in (run[0] / "wandb").rglob("*") if "media" in path.parts and path.is_file()]
    kinds = sorted((path.parent.parent.name, path.name.split("_")[0], path.suffix) for path in media)
    assert kinds == sorted(
        [("videos", "views", ".mp4")] * 3 + [("images", "contact", ".png")] * 3 + [("images", "mask", ".png")] * 3
    )


def test_the_losses_are_in_the_csv(run):
    text = (run[0] / "log" / "version_0" / "metrics.csv").read_text()
    assert "dynamic/static" in text.splitlines()[0] and len(text.splitlines()) == 6


def test_the_users_key_is_not_written(run):
    texts = [path.read_bytes() for path in (run[0] / "wandb").rglob("*") if path.is_file()]
    assert len(texts) > 3 and not any(KEY.encode() in text for text in texts)


def test_looking_changes_nothing(run, tmp_path):
    alone = train(tmp_path, [], [])
    assert torch.equal(alone.renderer.height, run[1].renderer.height)


def test_the_mask_panel_shows_where_the_mask_is():
    masks = torch.zeros(2, 3, 8, 8)
    masks[1, 2, :4] = 1.0
    panel = mask_panel(masks, None).float()
    assert panel.shape == (2 * 64, 3 * 64, 3)
    bright = panel[..., 0] > 128
    assert bright[64:96, 128:].all() and bright.sum() == 32 * 64


def test_the_sheet_is_a_picture(run):
    with Image.open(run[0] / "progress" / "dynamic-00005.png") as sheet:
        assert sheet.size == (44 + 5 * 24, 22 + 4 * 24)


def test_the_next_run_of_a_sweep_does_not_continue_the_last(tmp_path):
    first = wandb_logger(str(tmp_path), "to4d", "one", [], None, {}).experiment
    second = wandb_logger(str(tmp_path), "to4d", "two", [], None, {}).experiment
    second.finish()
    assert first.id != second.id and len(list((tmp_path / "wandb").glob("offline-run-*"))) == 2


def test_an_account_that_cannot_be_reached_is_one_clear_line(tmp_path, monkeypatch):
    wandb.teardown()  # it reads the environment once
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "1")
    with pytest.raises(InputError, match="(?s)Weights & Biases.*offline=true"):
        wandb_logger(str(tmp_path), "to4d", None, [], None, {}, offline=False)
    wandb.teardown()
