"""Bad input on the command line ends in a line or two that tell what to do, before any work is done."""

import runpy
import sys
from pathlib import Path

import pytest

TRAIN = Path(__file__).parents[1] / "train.py"
PROMPT = "prompt=a plant blooming"


def say(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(TRAIN), run_name="__main__")
    spoken = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "Traceback" not in spoken and len(spoken.strip().splitlines()) <= 2
    return spoken


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "what should the object do"),
        (["prompt=a pot blooming"], "never names the object 'plant'"),
        (["prompt=a plant near a plant"], "2 times"),
        ([PROMPT, "model=defrm"], "did you mean 'deform'"),
        ([PROMPT, "object=gso/mrio"], "did you mean 'gso/mario'"),
        ([PROMPT, "phase.dynamic.stepz=3"], "did you mean 'phase.dynamic.steps'"),
        ([PROMPT, "phase=[static]", "phase.dynamic.steps=3"], "'phase.dynamic'"),
        ([PROMPT, "+tiny=true"], "'model.levels'"),
        ([PROMPT, "camera_schedule=incremental,"], "cannot read the setting 'camera_schedule=incremental,'"),
        ([PROMPT, "seed=many"], "seed='many' is not a whole number"),
        ([PROMPT, "distillation=sds", "distillation.weighting=loud"], "choose one of sds, uniform, fantasia3d, clean"),
        ([PROMPT, "phase.dynamic.steps=0"], "phase.dynamic.steps=0"),
        ([PROMPT, "phase.static.steps=1e3"], "phase.static.steps=1000.0"),
        ([PROMPT, "phase.dynamic.views=0"], "phase.dynamic.views=0"),
        ([PROMPT, "phase.dynamic.lens.size=64"], "phase.dynamic.lens.size=64"),
        ([PROMPT, "phase.dynamic.lens.size=[64,0]"], "phase.dynamic.lens.size=[64, 0]"),
        ([PROMPT, "phase.dynamic.lens.size=[64,48]"], "phase.dynamic.lens.size=[48,48]"),
        ([PROMPT, "phase.dynamic.lens=null"], "phase.dynamic.lens=null"),
        ([PROMPT, "phase.dynamic.lr.heads=fast"], "phase.dynamic.lr"),
        ([PROMPT, "model=hash4d"], "flow_weight"),
        ([PROMPT, "experiments=3to4d", "+tiny=true", "flow_weight=1"], "flow_weight"),
        ([PROMPT, "experiments=3to4d", "+tiny=true", "mask.layers=[0,99]"], "attention layer 99"),
        ([PROMPT, "mask.layers=[0]"], "attention layer 0"),
        ([PROMPT, "autosave_seconds=soon"], "autosave_seconds"),
        ([PROMPT, "trainer.precision=half"], "half"),
        ([PROMPT, "callbacks.guard.patience=much"], "callbacks.guard.patience=much"),
        ([PROMPT, "time_sampler.frames=8"], "time_sampler.frames=16"),
        ([PROMPT, "distillation=sds", "guidance_query.negative_prompt=blur"], "negative prompts"),
        ([f"prompt=a {'jumping ' * 40}plant"], "'plant'"),
        ([f"prompt=a {'jumping ' * 80}plant", "experiments=3to4d", "+tiny=true"], "'plant'"),
        (["prompt=a cup", "object=file", "object.path=no/such.obj"], "no/such.obj"),
        (["prompt=a cup", "object=file", f"object.path={__file__}"], "cannot read '.py' files"),
    ],
)
def test_the_user_is_told_what_to_do(monkeypatch, capsys, tmp_path, arguments, says):
    assert says in say(monkeypatch, capsys, f"out={tmp_path / 'run'}", *arguments)
    assert not (tmp_path / "run" / "config.yaml").exists()  # so that the mended command is not refused


def test_a_run_folder_inside_a_file_is_refused(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot write" in say(monkeypatch, capsys, PROMPT, f"out={tmp_path / 'file' / 'run'}")
