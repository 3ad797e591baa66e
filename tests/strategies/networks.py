"""Networks as arrays, callables and objects with `.predict`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .arrays import Answers, Array, Shape, sizes, sizes_and_strides, weights
from .images import Image, Windows


@dataclass(frozen=True)
class Rule:
    """A callable network: each row gets one of two answers, after one of the row's own values."""

    answers: tuple[Array, Array]
    probe: int
    threshold: float

    def __call__(self, rows: Array) -> Array:
        values = rows.reshape(len(rows), -1)
        seen = values[:, self.probe % values.shape[1]]
        return np.stack([self.answers[int(value > self.threshold)] for value in seen])


@dataclass(frozen=True)
class SameForAll:
    """A callable network that has one row for all, or one number for each row."""

    answer: Array
    squeezed: bool

    def __call__(self, rows: Array) -> Array:
        return np.full(len(rows), self.answer.item()) if self.squeezed else self.answer[np.newaxis]


@dataclass(frozen=True)
class Predictor:
    """An object with `.predict`, which wins over calling it."""

    rule: Callable[[Array], Array]

    def predict(self, rows: Array) -> Array:
        return self.rule(rows)

    def __call__(self, rows: Array) -> Array:
        raise AssertionError(f"called, not asked to predict {rows.shape}")


FORMS = ["array", "rule", "same for all"]


@st.composite
def predictors(
    draw: st.DrawFn, form: str, row: Shape, answers: Answers, squeezable: bool = False
) -> Any:
    """A callable or an object with `.predict`, whose answer to each row has shape `row`."""
    rule: Callable[[Array], Array]
    if form == "rule":
        pair = (draw(answers(row)), draw(answers(row)))
        rule = Rule(pair, draw(st.integers(0, 50)), draw(st.sampled_from([-1.0, 0.0, 0.5, 2.0])))
    else:
        squeezed = squeezable and math.prod(row) == 1 and draw(st.booleans())
        rule = SameForAll(draw(answers(row)), squeezed)
    return draw(st.sampled_from([rule, Predictor(rule)]))


@st.composite
def point_networks(
    draw: st.DrawFn, image: Image, points: Shape, outputs: int, answers: Answers
) -> Any:
    """A network with so many outputs at each of the points: parameters, offsets or masks."""
    row = (*points, outputs)
    form = draw(st.sampled_from(FORMS))
    if form != "array":
        return draw(predictors(form, row, answers))
    if image.batch_axis is not None:
        return draw(answers((draw(st.sampled_from([1, image.batch])), *row)))
    array = draw(answers((1, *row)))
    shapes = [(1, *row), row, points] if outputs == 1 else [(1, *row), row]
    return array.reshape(draw(st.sampled_from(shapes)))


@st.composite
def attention_networks(
    draw: st.DrawFn, image: Image, fixed: Windows, answers: Answers = weights
) -> Any:
    form = draw(st.sampled_from(FORMS))
    taps = math.prod(fixed.kernel)
    if form != "array":
        outputs = draw(st.sampled_from([taps, taps * image.channels]))
        return draw(predictors(form, (outputs,), answers, squeezable=True))
    per_window = (*fixed.sites, *fixed.kernel)
    shape = draw(st.sampled_from([image.spatial, per_window]))
    if draw(st.booleans()):
        shape = (*shape, image.channels)
    if image.batch_axis is not None:
        shape = (draw(st.sampled_from([1, image.batch])), *shape)
    return draw(answers(shape))


@st.composite
def param_networks(draw: st.DrawFn, image: Image) -> Any:
    """Sizes: one for all axes, one for each, or sizes and strides."""
    axes = len(image.spatial)
    outputs = draw(st.sampled_from([1, axes, 2 * axes]))
    answers = sizes_and_strides if outputs == 2 * axes else sizes
    return draw(point_networks(image, image.spatial, outputs, answers))


def stride_networks(image: Image) -> st.SearchStrategy[Any]:
    """Sizes and strides."""
    return point_networks(image, image.spatial, 2 * len(image.spatial), sizes_and_strides)


def anchors() -> st.SearchStrategy[Any]:
    return st.sampled_from(["corner", "center"])


def max_kernel_sizes(spatial: Shape) -> st.SearchStrategy[Any]:
    return st.none() | st.integers(1, 6) | st.tuples(*[st.integers(1, 6)] * len(spatial))
