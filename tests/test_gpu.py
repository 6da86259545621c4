"""What helps a GPU: how it is set up, that it is checked, and the program that measures a step."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from to4d.runs import gpu

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bench"))
from clock import Clock  # noqa: E402


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("arguments", [["--ready"], []])
def test_without_a_gpu_there_is_one_line_and_a_status_that_is_not_zero(arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu", *arguments])
    assert gpu.main() == 2
    output = capsys.readouterr()
    assert output.err.count("\n") == 1 and not output.out
    assert output.err.startswith("error: ") and f"torch {torch.__version__}" in output.err


def test_without_a_compiler_nothing_is_built(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("PATH", "")
    assert "nvcc" in gpu.obstacle()


def test_a_helper_with_another_answer_is_not_fit_for_use():
    line, fit = gpu.helper("x", "plain torch", None, 1e-3)
    assert fit and all(part in line for part in ("x", "plain torch", "make setup-gpu"))
    assert gpu.helper("x", "", 1e-5, 1e-3)[1]
    line, fit = gpu.helper("x", "", 0.1, 1e-3)
    assert not fit and "1.0e-01" in line and "1e-03" in line


def test_the_gradient_s_way_through_the_autoencoder_is_timed_apart(monkeypatch):
    now = 0.0
    monkeypatch.setattr(Clock, "now", lambda clock: now)

    class Prior(torch.nn.Module):
        def encode(self, frames):
            return Slow.apply(frames)

    class Slow(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            nonlocal now
            now += 1.0
            return x * 2.0

        @staticmethod
        def backward(ctx, grad):
            nonlocal now
            now += 20.0
            return grad * 2.0

    prior, clock, pixels = Prior(), Clock(torch.device("cpu")), torch.ones(3, requires_grad=True)
    clock.around(prior, "encode", "there")
    clock.back_through(prior)
    (prior.encode(pixels * 1.0) ** 2).sum().backward()
    assert torch.equal(pixels.grad, torch.full((3,), 8.0))
    assert clock.seconds == {"there": 1.0, "back": 20.0} and not clock.started


@pytest.mark.slow
def test_a_step_is_measured_in_small_on_any_machine():
    command = [sys.executable, "bench/gpu.py", "--tiny", "--steps", "2"]
    result = json.loads(
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n|")[0]
    )
    assert result["seconds_a_step"] > result["floor_seconds"] > 0 and result["size"] == "tiny"
    assert set(result["shares"]) == {"prior", "autoencoder", "render", "rest"}
    assert abs(sum(result["shares"].values()) - 1) < 0.01 and min(result["shares"].values()) > 0
