"""Bad input on the command line ends in a line or two that tell what to do, before any work is done."""

import runpy
import sys
from pathlib import Path

import pytest

from to4d.protocols import NEGATIVE_PROMPT

TRAIN = Path(__file__).parents[1] / "train.py"
PROMPT = "prompt=a plant blooming"


def error_of(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(TRAIN), run_name="__main__")
    error = "".join(line for line in capsys.readouterr().err.splitlines(True) if not line.startswith("rig: "))
    assert stopped.value.code == 2
    assert "Traceback" not in error and len(error.strip().splitlines()) <= 2
    return error


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "prompt="),
        (["prompt=a pot blooming"], "'plant'"),
        (["prompt=a plant near a plant"], "'a plant near a plant'"),
        ([PROMPT, "model=defrm"], "'deform'"),
        ([PROMPT, "object=gso/mrio"], "'gso/mario'"),
        ([PROMPT, "phase.dynamic.stepz=3"], "'phase.dynamic.steps'"),
        ([PROMPT, "phase=[static]", "phase.dynamic.steps=3"], "'phase.dynamic'"),
        ([PROMPT, "+tiny=true"], "'model.levels'"),
        ([PROMPT, "camera_schedule=incremental,"], "'camera_schedule=incremental,'"),
        ([PROMPT, "seed=many"], "seed='many'"),
        ([PROMPT, "distillation=sds", "distillation.weighting=loud"], "sds, uniform, fantasia3d, clean"),
        ([PROMPT, "phase.dynamic.steps=0"], "phase.dynamic.steps=0"),
        ([PROMPT, "phase.static.steps=1e3"], "phase.static.steps=1000.0"),
        ([PROMPT, "phase.dynamic.views=0"], "phase.dynamic.views=0"),
        ([PROMPT, "phase.dynamic.lens.size=64"], "phase.dynamic.lens.size=64"),
        ([PROMPT, "phase.dynamic.lens.size=[64,0]"], "phase.dynamic.lens.size=[64, 0]"),
        ([PROMPT, "phase.dynamic.lens.size=[64,48]"], "phase.dynamic.lens.size=[48,48]"),
        ([PROMPT, "phase.dynamic.lens=null"], "phase.dynamic.lens=null"),
        ([PROMPT, "phase.dynamic.lr.heads=fast"], "phase.dynamic.lr"),
        ([PROMPT, "model=hash4d"], "flow_weight"),
        ([PROMPT, "model=bones", "rig=none"], "model=nodes"),
        ([PROMPT, "rig.body=dog"], "quadruped"),
        ([PROMPT, "experiments=3to4d", "+tiny=true", "flow_weight=1"], "flow_weight"),
        ([PROMPT, "experiments=3to4d", "+tiny=true", "mask.layers=[0,99]"], "attention layer 99"),
        ([PROMPT, "mask.layers=[0]"], "attention layer 0"),
        ([PROMPT, "autosave_seconds=soon"], "autosave_seconds"),
        ([PROMPT, "trainer.precision=half"], "half"),
        ([PROMPT, "callbacks.guard.patience=much"], "callbacks.guard.patience=much"),
        ([PROMPT, "time_sampler.frames=8"], "time_sampler.frames=16"),
        ([PROMPT, "distillation=sds", "guidance_query.negative_prompt=blur"], NEGATIVE_PROMPT),
        ([f"prompt=a {'jumping ' * 40}plant"], "'plant'"),
        ([f"prompt=a {'jumping ' * 80}plant", "experiments=3to4d", "+tiny=true"], "'plant'"),
        (["prompt=a cup", "object=file", "object.path=no/such.obj"], "no/such.obj"),
        (["prompt=a cup", "object=file", f"object.path={__file__}"], "'.py'"),
    ],
)
def test_the_error_names_the_setting_and_what_to_write_instead(monkeypatch, capsys, tmp_path, arguments, named):
    assert named in error_of(monkeypatch, capsys, f"out={tmp_path / 'run'}", *arguments)
    assert not (tmp_path / "run" / "config.yaml").exists()  # so that the mended command is not refused


def test_a_run_folder_inside_a_file_is_refused(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file/run" in error_of(monkeypatch, capsys, PROMPT, f"out={tmp_path / 'file' / 'run'}")
