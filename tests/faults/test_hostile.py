"""What comes from elsewhere is read or refused (`bench/fuzz.py` tries many more)."""

import warnings

import pytest
from hostile import LOADERS, Trial

FOUND = {"config": (416,)}  # loader -> numbers of inputs that once did something else


@pytest.mark.parametrize("loader", LOADERS)
def test_hostile_files_are_read_or_refused(tmp_path, loader):
    trial = Trial(loader, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that overflow on the way to being refused
        for number in [*FOUND.get(loader, ()), *range(120)]:
            trial(number)
