"""Recipes with priors of diffusers go through all phases in small, in three minutes of processor time."""

import pytest
from dry_run import phases_of_dry_run

for package in ("diffusers", "transformers"):
    pytest.importorskip(package, reason="priors of diffusers need the extra `priors`")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["wan", "cogvideox", "ltx", "svd", "4dfy_full"])
def test_the_dry_run_of_a_prior_goes_through_all_phases_in_three_minutes(recipe, tmp_path):
    assert phases_of_dry_run(recipe, tmp_path / "run") == {"static", "dynamic", "refine"}
    said = (tmp_path / "run" / "run.log").read_text()
    assert ("opacity" in said) == (recipe in ("cogvideox", "svd"))
