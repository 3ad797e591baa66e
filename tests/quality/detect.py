"""One point for each object: adapool with nothing set, beside peers at their best setting."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from skimage.feature import blob_log

import adapool

from .cache import Kept, each_in_processes
from .images import Annotated, in_sets
from .peers import PEERS, PLANES_ONLY, unit
from .scores import Array, f1_of_labels, f1_of_spots

OURS = "adapool, nothing set"


@dataclass(frozen=True)
class Result:
    """Mean F1 of a method on a set: of all images, of the even and of the odd ones in it."""

    method: str
    mean: float
    halves: tuple[float, float]
    setting: str = ""


def f1(image: Annotated, points: Array) -> float:
    """One hit for each label; or spots within 3 pixels, one to one."""
    if image.spots is not None:
        return f1_of_spots(image.spots, points)
    assert image.labels is not None
    return f1_of_labels(image.labels, points)


def halves(scores: Sequence[float]) -> tuple[float, float]:
    """Means of the even and of the odd scores, in order of name."""
    odd = scores[1::2]
    return float(np.mean(scores[::2])), float(np.mean(odd)) if odd else float("nan")


def best_setting(method: str, settings: Sequence[Any], scores: Array) -> Result:
    """Choose, with hindsight, one setting for all images: scores are (setting, image)."""
    best = int(scores.mean(axis=1).argmax())
    row = scores[best]
    words = ", ".join(f"{value:g}" for value in settings[best])
    return Result(method, float(row.mean()), halves(row.tolist()), words)


def measure(images: Sequence[Annotated], kept: Kept, jobs: int) -> dict[str, list[Result]]:
    """Score every method on every set; of peers only what is not kept is computed."""
    find_with_peers(images, kept, jobs)
    results = {}
    for group, members in in_sets(images).items():
        ours = [f1(each, adapool.peak_local_max(each.image)) for each in members]
        rows = [Result(OURS, float(np.mean(ours)), halves(ours))]
        for name in _usable(members):
            settings = PEERS[name][1]
            scores = [
                [f1(each, points) for points in _kept_points(each, name, kept)] for each in members
            ]
            rows.append(best_setting(name, settings, np.transpose(scores)))
        results[group] = rows
    return results


def image_rows(images: Iterable[Annotated]) -> list[tuple[str, str, int, int, float]]:
    """Of each image: name, set, points found, objects, F1 of adapool."""
    rows = []
    for each in images:
        points = adapool.peak_local_max(each.image)
        truth = each.spots if each.labels is None else np.unique(each.labels[each.labels > 0])
        assert truth is not None
        rows.append((each.name, each.group, len(points), len(truth), f1(each, points)))
    return rows


def find_with_peers(images: Iterable[Annotated], kept: Kept, jobs: int) -> None:
    """Compute what peers find, where it is not kept."""
    tasks = []
    for each in images:
        for name in _usable([each]):
            path = kept.path(each.digest, name, PEERS[name][1])
            if not path.exists():
                tasks.append((each.image, name, path))
    done = each_in_processes(_find, tasks, min(jobs, len(tasks)))
    for number, (path, found) in enumerate(done, start=1):
        kept.put(path, found)
        if number % 50 == 0:
            print(f"peers: {number} of {len(tasks)}", file=sys.stderr, flush=True)


def _usable(members: Iterable[Annotated]) -> list[str]:
    flat = all(each.image.ndim == 2 for each in members)
    names = [name for name in PEERS if flat or name not in PLANES_ONLY]
    return [n for n in names if not n.startswith("sep") or importlib.util.find_spec("sep")]


def _find(task: tuple[Array, str, Any]) -> tuple[Any, list[Array]]:
    image, name, path = task
    find, settings = PEERS[name]
    return path, find(unit(image), settings)


def _kept_points(image: Annotated, name: str, kept: Kept) -> list[Array]:
    found = kept.get(kept.path(image.digest, name, PEERS[name][1]))
    assert found is not None
    return found


def time_rows(images: Iterable[Annotated]) -> list[tuple[str, int, float, float]]:
    """For each shape: number of images, milliseconds of adapool and of `blob_log` by default.

    Of adapool the median over the images of that shape, of three calls each after a first one; of
    `blob_log` a single call on one of them.
    """
    shapes: dict[tuple[int, ...], list[Annotated]] = {}
    for each in images:
        shapes.setdefault(each.image.shape, []).append(each)
    rows = []
    for shape, members in sorted(shapes.items(), key=lambda item: np.prod(item[0])):
        ours = []
        for each in members:
            adapool.peak_local_max(each.image)
            ours.append(min(_seconds(adapool.peak_local_max, each.image) for _ in range(3)))
        theirs = _seconds(blob_log, unit(members[0].image))
        name = " x ".join(map(str, shape))
        rows.append((name, len(members), 1e3 * float(np.median(ours)), 1e3 * theirs))
    return rows


def _seconds(call: Any, image: Array) -> float:
    start = time.perf_counter()
    call(image)
    return time.perf_counter() - start
