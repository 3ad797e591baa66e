"""The demo behind ``adapool demo``: every method on a real image, timed and drawn."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm  # type: ignore[import-untyped]

from adapool.demo.figure import write_figure
from adapool.demo.running import STEPS, pool
from adapool.demo.samples import NAMES, load
from adapool.demo.table import format_table

__all__ = ["NAMES", "run"]


def run(image: str, output: Path) -> str:
    """Pool an image, draw the picture, and return the table.

    Parameters
    ----------
    image : str
        One of `NAMES`.
    output : Path
        The PNG file to write.
    """
    sample = load(image)
    # Silent unless it takes longer than a second, as it does while functions are compiled.
    with tqdm(total=STEPS + 1, desc="adapool demo", unit="step", delay=1, leave=False) as bar:
        pooled, timings = pool(sample.image, bar.update)
        write_figure(output, sample, pooled)
        bar.update()
    return format_table(timings)
