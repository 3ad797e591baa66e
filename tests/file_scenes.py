"""Files for the tests of the command line: few small images, with as many discs as is known."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from adapool import cli, io

# Centres and radii, in pixels, of the discs that every image has.
DISCS = ((14, 16, 5), (14, 60, 8), (50, 22, 7), (48, 64, 4))


def plane(bright: float = 200, seed: int = 0) -> Any:
    """An image (row, column) of uint16 with discs on a noisy background."""
    row, column = np.indices((64, 80))
    image = np.random.default_rng(seed).normal(100, 3, (64, 80))
    for y, x, radius in DISCS:
        image[(row - y) ** 2 + (column - x) ** 2 <= radius**2] += bright
    return image.round().clip(0).astype(np.uint16)


def write(folder: Path, *names: str) -> None:
    """Write images by what their names tell: a time series, channels, a broken one."""
    for seed, name in enumerate(names):
        path = folder / name
        if name.startswith("time"):
            io.write(path, np.stack([plane(seed=i) for i in range(3)]), axes="tyx")
        elif name.startswith("channels"):
            image = io.Image(np.stack([plane(), 0 * plane()]), "cyx", (0.5, 0.5), ("DAPI", "empty"))
            io.write(path, image)
        elif name.startswith("broken"):
            io.write(path, plane())
            path.write_bytes(path.read_bytes()[:900])
        elif name.endswith(".png"):
            import imageio.v3 as iio

            iio.imwrite(path, plane(seed=seed))
        else:
            io.write(path, plane(seed=seed), spacing=(0.5, 0.5))


def die_of_some(path: Path) -> str:
    """End the process at once, as the system does where memory is short, at some files."""
    if "deadly" in path.name:
        os._exit(9)
    return path.name


def run(command: str, *arguments: str, status: int = 0) -> None:
    """Run a command of the command line, which has to end with a status."""
    assert cli.main([command, *arguments]) == status


def files(folder: str) -> list[str]:
    """The names of what is in a folder."""
    return sorted(path.name for path in Path(folder).iterdir())
