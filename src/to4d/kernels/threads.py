"""Runs a compiled kernel over fixed chunks of its work on all of torch's threads.

Chunks are cut the same way for any number of threads, so that results do not depend on it.
"""

from collections.abc import Callable
from itertools import count
from threading import Thread
from typing import Any

import torch
from numba import njit

# Multiply-add in one instruction, sums in vector lanes, no care for the sign of zero; NaN and infinity keep their rules
FAST = {"contract", "reassoc", "nsz"}


def compiled(fast: bool = True) -> Callable:
    """Decorator: machine code without the GIL, cached on disk; `fast=False` where two calls must round alike."""
    return njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST if fast else False)


def run_chunks(kernel: Callable, total: int, size: int, *args: Any) -> None:
    """Call `kernel(chunk, start, stop, *args)` for every chunk of `size` out of `total`, in parallel."""
    chunks = -(-total // size)
    tickets, failures = count(), []

    def work() -> None:
        try:
            while (chunk := next(tickets)) < chunks:
                kernel(chunk, chunk * size, min(total, (chunk + 1) * size), *args)
        except BaseException as failure:
            failures.append(failure)

    helpers = [Thread(target=work, daemon=True) for _ in range(min(torch.get_num_threads(), chunks) - 1)]
    for helper in helpers:
        helper.start()
    work()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]
