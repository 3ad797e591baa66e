"""The section on networks that are trained through the pooling."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from . import training, words
from .images import Annotated, labelled_planes
from .page import table
from .training import Score

_PART = slice(None, 512), slice(None, 512)  # of large images, for time


def section(images: Sequence[Annotated]) -> str:
    """Train, score, and return the section."""
    pairs = [
        (e.image[_PART], e.labels[_PART]) for e in labelled_planes(images) if e.labels is not None
    ]
    begin = time.process_time()
    found = list(training.scores(pairs))
    minutes = (time.process_time() - begin) / 60
    return "\n".join([words.text("training", minutes=f"{minutes:.0f}"), *_tables(found)])


def _tables(scores: Sequence[Score]) -> Iterator[str]:
    tasks = list(dict.fromkeys(score.task for score in scores))
    blocks = [task for task in tasks if task.startswith("blocks")]
    methods = list(dict.fromkeys(score.method for score in scores if score.task in blocks))
    means = {(score.task, score.method): float(score.values.mean()) for score in scores}
    rows = [(method, *(means[task, method] for task in blocks)) for method in methods]
    yield table(("blocks: average precision", *(task.split(", ")[-1] for task in blocks)), rows)
    for task in tasks:
        if task in blocks:
            continue
        mine = [score for score in scores if score.task == task]
        lines = [
            (s.method, float(s.values.mean()), float(s.values.min()), float(s.values.max()),
             float(np.std(s.values, ddof=1)), s.parameters)
            for s in mine
        ]  # fmt: skip
        yield table((task, "mean", "least", "largest", "deviation", "parameters"), lines)
