"""The benchmark of quality on synthetic images: its scores, its formulas, and trained networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

from adapool.estimators import ContrastAttention
from quality import fixed, survival
from quality.scores import average_precision, f1_of_labels, f1_of_spots

Array = NDArray[Any]


def scene(seed: int) -> tuple[Array, Array]:
    """Disks of several sizes, and their labels."""
    rng = np.random.default_rng(seed)
    row, column = np.indices((128, 128))
    labels = np.zeros((128, 128), int)
    for number in range(1, 13):
        r, c = rng.integers(8, 120, 2)
        labels[(row - r) ** 2 + (column - c) ** 2 < rng.integers(3, 9) ** 2] = number
    image = ndi.gaussian_filter(100.0 * (labels > 0), 1) + rng.normal(20, 3, labels.shape)
    return image, labels


def test_f1_counts_one_hit_for_each_label() -> None:
    labels = np.zeros((9, 9), int)
    labels[:3], labels[6:] = 1, 2
    points = np.array([[0, 0], [1, 1], [4, 4]])  # a hit, a second one, and background
    assert f1_of_labels(labels, points) == pytest.approx(2 * 1 / (3 + 2))


def test_spots_are_paired_one_to_one() -> None:
    spots = np.array([[0.0, 0.0], [10.0, 10.0]])
    points = np.array([[0, 1], [1, 0], [10, 14]])
    assert f1_of_spots(spots, points) == pytest.approx(2 * 1 / 5)


def test_average_precision_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth = rng.random(500) < 0.3
    values = (truth + rng.normal(size=500)).round(1)  # with ties
    expected = metrics.average_precision_score(truth, values)
    # scikit-learn weighs a tie by its precision too, so that the two agree to rounding.
    assert average_precision(truth, values) == pytest.approx(expected)


def test_fixed_pooling_lies_between_the_least_and_the_largest() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 16))
    for name, pool in fixed.FIXED.items():
        pooled = pool(values)
        assert (pooled >= values.min(axis=-1) - 1e-12).all(), name
        assert (pooled <= values.max(axis=-1) + 1e-12).all(), name
        np.testing.assert_allclose(pool(np.full((1, 1, 16), 3.0)), 3)


def test_all_methods_pool_every_block() -> None:
    image, labels = scene(0)
    pooled = survival.Prepared(survival.noisy(image, labels, None)).pool(8)
    assert set(pooled) == {*survival.ADAPTIVE, survival.CONTROL}
    for name, values in pooled.items():
        assert values.shape == (16, 16), name
        assert np.isfinite(values).all(), name


def test_trained_attention_beats_the_untrained() -> None:
    """An MLP that learns which pixels lie in objects, on other images with noise."""
    pytest.importorskip("sklearn")
    from quality import trained

    network = trained.train_attention([scene(seed) for seed in range(20, 44)], snr=2.0)
    learned, untrained = (
        np.mean([trained.score_attention(each, scene(seed), 2.0) for seed in (10, 11, 12)])
        for each in (network, ContrastAttention())
    )
    assert learned > untrained


def test_a_forest_learns_window_sizes() -> None:
    pytest.importorskip("sklearn")
    from quality import trained

    forest = trained.ForestSizes().fit([scene(seed) for seed in range(3)])
    image, labels = scene(10)
    predicted = forest.predict(image[np.newaxis, ..., np.newaxis])[0]
    wanted = trained.label_thickness(labels)
    assert np.corrcoef(predicted.ravel(), wanted.ravel())[0, 1] > 0.8
