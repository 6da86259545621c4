"""What can become of a file by itself, drawn from a seed."""

from pathlib import Path
from random import Random


def truncate(path: Path, random: Random) -> None:
    """Keep some of the beginning, as a disk does that lost its last blocks."""
    path.write_bytes(path.read_bytes()[: random.randrange(max(1, path.stat().st_size))])


def flip(path: Path, random: Random) -> None:
    """Turn one to four bits over."""
    data = bytearray(path.read_bytes())
    for _ in range(random.randint(1, 4) if data else 0):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    path.write_bytes(data)


def blank(path: Path, random: Random) -> None:
    """Zero a block, as after a crash of a file system that had the name but not yet the content."""
    data = bytearray(path.read_bytes())
    start = random.randrange(max(1, len(data)))
    length = min(random.choice([1, 64, 4096, len(data)]), len(data) - start)
    data[start : start + length] = bytes(length)
    path.write_bytes(data)


def delete(path: Path, random: Random) -> None:
    """Lose it."""
    path.unlink()


def scramble(path: Path, random: Random) -> None:
    """Put other bytes in the place of some, or add to them."""
    data = bytearray(path.read_bytes())
    start = random.randrange(max(1, len(data)))
    data[start : start + random.choice([0, 1, 100])] = random.randbytes(random.choice([1, 10, 1000]))
    path.write_bytes(data)


DAMAGES = {damage.__name__: damage for damage in (truncate, flip, blank, delete, scramble)}
