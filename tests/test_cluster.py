"""A sweep on a cluster that loses a node, and on jobs that are preempted, ends with the bits of runs alone."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from to4d.disk.checkpoint import load_tree
from to4d.runs.sweep import table

ROOT = Path(__file__).parents[1]
CELLS = 24
RUN = ["object=gso/plant", "prompt=a plant jumping", "phase=[static]", "phase.static.steps=40", "cache=false"]
RUN += ["phase.static.lens.size=[16,16]", "export=[]", "logger=[]", "callbacks=[]", "renderer.samples=32"]
RUN += ["renderer.resolution=16", "metrics.views.size=32", "metrics.frames=2", "metrics.views.azimuths_deg=[0]"]
RUN += ["metrics.views.antialias=1", "autosave_seconds=0", "skip_finished=true"]


def sweep(out, *launcher):
    cells = [f"seed=range({CELLS})", "hydra.sweep.subdir=${seed}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])}
    with (out.parent / f"{out.name}.log").open("a") as log:
        command = [sys.executable, "train.py", "-m", f"out={out}", *cells, *RUN, *launcher]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


def done(out):
    return len(list(out.glob("*/metrics.json")))


def wait_for(running, thing):
    while running.poll() is None and not thing():
        time.sleep(0.1)
    assert running.poll() is None, "the sweep ended before anything could happen to it"


@pytest.fixture(scope="module")
def ray():
    return pytest.importorskip("ray", reason="pip install -e '.[scale]'")


@pytest.fixture(scope="module")
def submitit():
    return pytest.importorskip("submitit", reason="pip install -e '.[scale]'")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The cells, one after the other in one process."""
    out = tmp_path_factory.mktemp("alone") / "sweep"
    assert sweep(out).wait() == 0
    return out


def check(out, alone):
    assert f"{CELLS} cells: {CELLS} done" in table(out)[0]
    for cell in range(CELLS):
        a, b = (load_tree(folder / str(cell) / "model.safetensors") for folder in (out, alone))
        assert a.keys() == b.keys() and all((a[key] == b[key]).all() for key in a), cell
        assert (out / str(cell) / "metrics.json").read_bytes() == (alone / str(cell) / "metrics.json").read_bytes()


@pytest.mark.slow
def test_a_sweep_on_two_nodes_of_ray_outlives_the_loss_of_one(ray, alone, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("RAY_agent_register_timeout_ms", "120000")  # a busy machine takes longer than Ray's 30 s
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), *sys.path]))
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "memory": 4 * 10**9, "object_store_memory": 10**8}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    second = cluster.add_node(**node)
    try:
        out = tmp_path / "sweep"
        to = [
            "hydra/launcher=ray",
            f"hydra.launcher.init.address={cluster.address}",
            "hydra.launcher.remote.memory=1e9",
        ]
        running = sweep(out, *to)
        wait_for(running, lambda: done(out) >= CELLS // 3)
        cluster.remove_node(second, allow_graceful=False)
        assert running.wait(3600) == 0, (tmp_path / "sweep.log").read_text()[-3000:]
    finally:
        cluster.shutdown()
    check(out, alone)


@pytest.mark.slow
def test_a_sweep_of_jobs_that_are_preempted_again_and_again_loses_nothing(submitit, alone, tmp_path):
    out, preempted = tmp_path / "sweep", set()
    running = sweep(out, "hydra/launcher=local", "hydra.launcher.at_once=2")
    while running.poll() is None:
        for saved in out.glob("*/checkpoints/static.autosave"):
            cell = saved.parents[1].name
            if int(cell) % 4 == 0 and cell not in preempted:
                preempted |= {cell} if preempt(out, saved.parents[1]) else set()
        time.sleep(0.1)
    assert running.wait() == 0, (tmp_path / "sweep.log").read_text()[-3000:]
    logs = "".join(path.read_text() for path in (out / ".submitit").rglob("*.err"))
    assert logs.count("Requeued job") == len(preempted) > 0
    check(out, alone)


def preempt(out, cell):
    """Send the job that is at work in a cell's folder the signal of a cluster; whether there was one."""
    listed = subprocess.run(["pgrep", "-f", f"core._submit {out}"], capture_output=True, text=True).stdout.split()
    for pid in listed:
        with contextlib.suppress(OSError):
            files = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
            if str(cell / ".lock") in files:
                os.kill(int(pid), signal.SIGUSR2)
                return True
    return False
