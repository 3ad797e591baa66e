"""Measure everything; print it, and write it to the documentation."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import torch

from . import alike, chunks, gmt, growth, latency, report, spatial
from .cases import SECTIONS
from .deform import THREADS
from .timing import seconds

DOCS = Path(__file__).parents[2] / "docs"
OTHERS = (
    alike.alike,
    alike.winners,
    gmt.gmt,
    spatial.xarray_spatial,
    chunks.dask_arrays,
    latency.seed,
)


def rows(only: str) -> Iterator[report.Row]:
    """Measure the sections whose name holds `only`."""
    for section in (*SECTIONS, *OTHERS):
        if only not in section.__name__:
            continue
        for case in section():
            best = seconds({report.OURS: case.ours, **case.peers})
            row = report.Row(case.group, case.name, best, case.wanted)
            # A case holds its arrays: all of them together are more than the memory.
            del case
            print(f"{row.group}: {report.table([row]).splitlines()[-1]}", flush=True)
            yield row


def latencies() -> Iterator[str]:
    """Measure what a call costs before any pixel."""
    yield "## Before any pixel\n"
    yield f"`import adapool` adds {1e3 * latency.import_time():.1f} ms to NumPy's import.\n"
    yield "| | call on 8 x 8, us | first call, s | first call of a later process, s |"
    yield "| --- | ---: | ---: | ---: |"
    small = latency.small_calls()
    for name, compiled, cached in latency.first_calls():
        yield f"| `{name}` | {1e6 * small[name]:.0f} | {compiled:.2f} | {cached:.2f} |"
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="measure one section, and write nothing")
    parser.add_argument(
        "--picture", action="store_true", help="measure and draw how costs grow, and nothing else"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    cv2.setNumThreads(THREADS)
    measured = [] if arguments.picture else list(rows(arguments.only))
    if arguments.picture or not arguments.only:
        report.picture(growth.curves(), DOCS / "images" / "benchmarks.png")
    if not (arguments.picture or arguments.only):
        DOCS.joinpath("benchmarks.md").write_text(
            report.markdown(measured, [*latencies(), *chunks.memory_table()])
        )


if __name__ == "__main__":
    main()
