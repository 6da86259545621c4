"""Make the batches of the next steps in threads while this step is computed."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """`make(step)`, with the next `count` steps begun in threads; `make` must be a function of the step alone.

    >>> squares = Prefetcher(lambda step: step * step, count=2)
    >>> squares(3), squares(4), squares(9)
    (9, 16, 81)
    """

    def __init__(self, make: Callable[[int], T], count: int) -> None:
        self.make, self.count, self.pool = make, count, ThreadPoolExecutor(count)
        self.begun: dict[int, Future[T]] = {}

    def __call__(self, step: int) -> T:
        """What belongs to `step`."""
        wanted = range(step, step + self.count + 1)
        self.begun = {at: self.begun.get(at) or self.pool.submit(self.make, at) for at in wanted}
        return self.begun[step].result()


def prefetch(make: Callable[[int], T], count: int) -> Callable[[int], T]:
    """`make` with `count` steps begun in threads; itself for 0."""
    return Prefetcher(make, count) if count else make
