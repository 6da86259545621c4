"""Make the next step's batch while this step is computed."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """`make(step)`, with `make(step + 1)` begun in a thread of its own; `make` must be a function of the step alone.

    >>> squares = Ahead(lambda step: step * step)
    >>> squares(3), squares(4), squares(9)
    (9, 16, 81)
    """

    def __init__(self, make: Callable[[int], T]) -> None:
        self.make, self.pool = make, ThreadPoolExecutor(1)
        self.waiting: tuple[int, Future[T]] | None = None

    def __call__(self, step: int) -> T:
        """What belongs to `step`."""
        begun, job = self.waiting or (None, None)
        made = job.result() if begun == step else self.make(step)
        self.waiting = step + 1, self.pool.submit(self.make, step + 1)
        return made
