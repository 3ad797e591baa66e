"""The section on networks that are trained through the pooling."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from . import training, training_counts, words
from .images import Annotated, labelled_planes
from .page import table
from .training_score import Score

_PART = slice(None, 512), slice(None, 512)  # of large images, for time

# The pooling that is not trained, beside each that is, where it has another name.
_BESIDE = {
    "attention after a Gaussian": "attention",
    training_counts.TRAINED: training_counts.UNTRAINED,
}


def section(images: Sequence[Annotated]) -> str:
    """Train, score, and return the section."""
    pairs = [
        (e.image[_PART], e.labels[_PART]) for e in labelled_planes(images) if e.labels is not None
    ]
    begin = time.process_time()
    found = list(training.scores(pairs))
    minutes = (time.process_time() - begin) / 60
    text = words.text("training", minutes=f"{minutes:.1f}", images=len(pairs))
    return "\n".join([text, *tables(found)])


def tables(scores: Sequence[Score]) -> Iterator[str]:
    """Yield a table of what training gains, and one of all for each kind of task."""
    tasks = list(dict.fromkeys(score.task for score in scores))
    yield "### What training gains\n"
    header = (
        "task", "trained pooling", "trained", "deviation", "untrained estimator",
        "best fixed pooling", "which", "plain max", "gain over fixed",
    )  # fmt: skip
    rows = [
        _gain([each for each in scores if each.task == task], score)
        for task in tasks
        for score in scores
        if score.task == task and score.kind == "trained"
    ]
    yield table(header, rows)
    yield "### All poolings\n"
    blocks = [task for task in tasks if task.startswith("blocks")]
    yield from _blocks([score for score in scores if score.task in blocks], blocks)
    for task in tasks:
        if task not in blocks:
            yield from _seeds(task, [score for score in scores if score.task == task])


def _gain(beside: Sequence[Score], score: Score) -> tuple[object, ...]:
    sign = -1 if score.task == training_counts.TASK else 1
    fixed = [each for each in beside if each.kind == "fixed"]
    best = max(fixed, key=lambda each: sign * _mean(each))
    plain = next(each for each in fixed if each.method.startswith("max"))
    name = _BESIDE.get(score.method, score.method)
    untrained = next(each for each in beside if (each.method, each.kind) == (name, "untrained"))
    mean = _mean(score)
    return (
        score.task, score.method, mean, _deviation(score), _mean(untrained), _mean(best),
        best.method, _mean(plain), f"{sign * (mean - _mean(best)):+.3f}",
    )  # fmt: skip


def _blocks(scores: Sequence[Score], tasks: Sequence[str]) -> Iterator[str]:
    methods = list(dict.fromkeys((score.method, score.kind) for score in scores))
    means = {(score.task, score.method, score.kind): _mean(score) for score in scores}
    rows = [(*method, *(means[task, *method] for task in tasks)) for method in methods]
    noises = [task.split(", ")[-1] for task in tasks]
    yield table(("blocks: average precision", "pooling", *noises), rows)


def _seeds(task: str, scores: Sequence[Score]) -> Iterator[str]:
    rows = [
        (s.method, s.kind, _mean(s), _deviation(s), float(s.values.min()), float(s.values.max()),
         len(s.values), s.fitted, s.parameters)
        for s in scores
    ]  # fmt: skip
    yield table(
        (task, "pooling", "mean", "deviation", "least", "largest", "seeds", "fitted", "parameters"),
        rows,
    )


def _mean(score: Score) -> float:
    return float(score.values.mean())


def _deviation(score: Score) -> float:
    """Standard deviation over seeds; NaN where there is but one."""
    return float(np.std(score.values, ddof=1)) if len(score.values) > 1 else float("nan")
