"""Real runs that are killed, starved and damaged come to what an unbroken one comes to (`bench/faults.py` does 200)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_run_that_something_happens_to_ends_with_the_bits_of_one_that_nothing_happened_to(tmp_path):
    out = tmp_path / "faults.jsonl"
    command = [sys.executable, "bench/faults.py", "--faults", "13", "--first", "1000", "--out", str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    outcomes = [json.loads(line) for line in out.read_text().splitlines()]
    assert done.returncode == 0 and len(outcomes) == 13, done.stderr
    # a step is an interval here: of autosaves, the newest may be damaged, and then the one before it is taken
    assert all(outcome["lost"] <= (2 if outcome["kind"] in DAMAGED else 1) for outcome in outcomes), outcomes


DAMAGED = ("truncate", "flip", "blank", "delete", "scramble")
