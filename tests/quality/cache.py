"""Results of slow peers, kept in a folder, so that a second run computes adapool alone."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from .scores import Array

FOLDER = Path(__file__).parents[2] / "build" / "quality"

# Change it where a peer changes, so that what is kept is not taken for its result.
VERSION = "1"


Task = TypeVar("Task")
Result = TypeVar("Result")


class Kept:
    """Lists of arrays in a folder, each under a name for what it was computed from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str, method: str, settings: object) -> Path:
        key = hashlib.sha256(f"{VERSION} {method} {settings}".encode()).hexdigest()[:16]
        return self.folder / digest / f"{key}.npz"

    def get(self, path: Path) -> list[Array] | None:
        if not path.exists():
            return None
        with np.load(path) as stored:
            return [stored[f"arr_{i}"] for i in range(len(stored.files))]

    def put(self, path: Path, arrays: list[Array]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, *arrays)
        part.replace(path)  # a run that was stopped leaves no half of a file


def each_in_processes(
    work: Callable[[Task], Result], tasks: Iterable[Task], jobs: int
) -> Iterator[Result]:
    """Yield the results of tasks, in the order in which they are ready."""
    if jobs <= 1:
        yield from map(work, tasks)
        return
    # Spawned and not forked: threads of compiled code do not outlive a fork.
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(work, tasks)
