"""The benchmark of regions: each score against hand-computed cases, each control in its budget."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from quality import partitions, pooled, shapes, tasks
from quality_scenes import Array, scene

pytest.importorskip("sklearn")

from quality import counting, regions
from quality.cache import Kept

# Two objects of 4 x 4 in 8 x 12 pixels.
LABELS = np.zeros((8, 12), int)
LABELS[2:6, 1:5], LABELS[2:6, 7:11] = 3, 5


def test_own_asks_for_half_of_what_both_cover() -> None:
    owner = np.ones_like(LABELS)
    owner[2:6, 1:5] = 2  # the first object itself
    owner[2:6, 7:9] = 3  # the left half of the second: an IoU of 8 / 16
    assert pooled.owned(LABELS, owner)[0].tolist() == [True, True]
    owner[5, 8] = 1  # 7 / 16
    assert pooled.owned(LABELS, owner)[0].tolist() == [True, False]


def test_a_region_that_is_too_large_owns_nothing() -> None:
    owner = np.ones_like(LABELS)
    owner[0:8, 1:5] = 2  # 16 of 32
    assert pooled.owned(LABELS, owner)[0].tolist() == [True, False]
    owner[0:8, 0:5] = 2  # 16 of 40
    assert pooled.owned(LABELS, owner)[0].tolist() == [False, False]


def test_small_objects_are_those_below_the_median_area() -> None:
    labels = LABELS.copy()
    labels[2:6, 1] = 0
    assert pooled.owned(labels, np.ones_like(labels))[1].tolist() == [True, False]


def test_foreground_is_the_best_iou_of_a_threshold() -> None:
    values = np.zeros(LABELS.shape)
    values[LABELS > 0] = 2
    assert pooled.foreground(LABELS, values) == 1
    values[0:2, 0:8] = 2  # 16 pixels of background as bright: 32 / 48
    assert pooled.foreground(LABELS, values) == pytest.approx(32 / 48)
    values[LABELS == 3] = 0  # above the threshold 16 and 16; or everything: 32 / 96
    assert pooled.foreground(LABELS, values) == pytest.approx(16 / 48)


def test_foreground_is_that_of_plain_loops() -> None:
    image, labels = scene(1)
    values = pooled.painted(
        *(lambda o: (pooled.reduced(image, o, "mean"), o))(partitions.blocks(image.shape, 8))
    )
    levels = np.quantile(values, np.linspace(0.02, 0.995, 60))
    inside = labels > 0
    best = max(
        np.count_nonzero((values >= t) & inside) / np.count_nonzero((values >= t) | inside)
        for t in levels
    )
    assert pooled.foreground(labels, values) == pytest.approx(best)


def test_read_is_within_5_percent_of_the_maximum_over_the_background() -> None:
    image = np.full(LABELS.shape, 10.0)
    image[LABELS == 3], image[LABELS == 5] = 50, 110
    values = np.zeros(LABELS.shape)
    values[3:5, 2:4] = 48.1  # 1.9 below, where 5 % of 40 are 2
    values[3:5, 8:10] = 104.9  # 5.1 below, where 5 % of 100 are 5
    assert pooled.readable(LABELS, image, values).tolist() == [True, False]


def test_painted_values() -> None:
    owner = np.array([[1, 1, 2], [3, 0, 2]])
    image = np.array([[1, 5, 2], [7, 9, 4]])
    np.testing.assert_array_equal(pooled.reduced(image, owner, "max"), [5, 4, 7])
    np.testing.assert_array_equal(pooled.reduced(image, owner, "mean"), [3, 3, 7])
    painted = pooled.painted(np.array([5, 4, 7]), owner)
    np.testing.assert_array_equal(painted, [[5, 5, 4], [7, 4, 4]])


def test_objects_are_counted_in_the_tile_of_their_centroid() -> None:
    labels = np.zeros((140, 128), int)  # two tiles of 64 in each direction, and a rest
    labels[60:66, 10:20] = 1  # rows 60 to 65: 62.5
    labels[61:69, 70:80] = 2  # 64.5
    labels[130:138, 5:9] = 3  # in the rest
    assert counting.counts(labels).tolist() == [1, 0, 0, 1]


def test_each_tile_has_16_features() -> None:
    image, labels = scene(2)
    owner = partitions.with_background(labels, 64)
    described = counting.features(owner, pooled.reduced(image, owner, "mean"))
    assert described.shape == (4, counting.FEATURES)
    assert np.isfinite(described).all()
    flat = counting.features(np.ones((64, 64), int), np.array([3.0]))
    assert np.isfinite(flat).all()


def test_features_count_regions_above_their_neighbours() -> None:
    owner = np.array([[1, 1, 2], [3, 3, 2]])
    np.testing.assert_array_equal(
        counting.highest_neighbours(owner, np.array([5.0, 7.0, 6.0])), [7, 6, 7]
    )


def test_counting_learns_from_the_other_half() -> None:
    rng = np.random.default_rng(0)
    counted = [rng.integers(0, 6, 30) for _ in range(6)]
    told = [np.stack([c, rng.normal(size=30)], axis=-1) for c in counted]
    nothing = [rng.normal(size=(30, 2)) for _ in counted]
    assert counting.error(told, counted) < 0.1
    assert counting.error(nothing, counted) > 1
    assert math.isnan(counting.error(told[:3], counted[:3]))


@pytest.mark.parametrize("most", [1, 7, 50])
@pytest.mark.parametrize("name", regions.METHODS)
def test_no_method_has_more_sites_than_allowed(name: str, most: int) -> None:
    image, _ = scene(3, side=70)
    for part in regions.METHODS[name].choices:
        owner = part(image, most)
        assert owner.shape == image.shape
        assert 1 <= len(np.unique(owner[owner > 0])) <= most


@pytest.mark.parametrize("name", regions.METHODS)
def test_an_image_without_objects_is_parted_too(name: str) -> None:
    for part in regions.METHODS[name].choices:
        owner = part(np.full((40, 56), 7.0), 12)
        assert 1 <= len(np.unique(owner[owner > 0])) <= 12


def test_too_many_sites_are_an_error(tmp_path: Path) -> None:
    image, labels = scene(3, side=64)

    def greedy(image: Array, most: int) -> Array:
        return partitions.blocks(image.shape, 4)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(regions.METHODS, "greedy", regions.Method([greedy]))
        with pytest.raises(ValueError, match="256 sites where 16 are allowed"):
            regions.owners_of("greedy", regions.Crop(image, labels, "-"), 16, Kept(tmp_path))


def test_background_fills_the_budget_and_labels_stay() -> None:
    _, labels = scene(4)
    count = len(np.unique(labels)) - 1
    owner = partitions.with_background(labels, count + 30)
    for number in np.unique(labels[labels > 0]):
        assert len(np.unique(owner[labels == number])) == 1
    assert count + 15 < owner.max() <= count + 30
    # Where the budget is short, the largest objects stay, and one region of background.
    short = partitions.with_background(labels, 5)
    areas = np.sort(np.bincount(labels.ravel())[1:])[::-1]
    assert short.max() == 5
    assert np.sort(np.bincount(short.ravel())[1:])[::-1][1:].tolist() == areas[:4].tolist()


def test_the_quadtree_parts_what_varies() -> None:
    image = np.zeros((32, 32))
    image[3:6, 3:6] = 1
    owner = partitions.quadtree(image, 10)
    areas = np.bincount(owner.ravel())[owner]
    assert owner.max() == 10
    assert areas[4, 4] <= 16
    assert areas[20, 20] == 256


@pytest.mark.parametrize("angle", [0, 30])
def test_windows_of_an_ellipse(angle: float) -> None:
    """Semiaxes 36.5 and 12.5: the areas of windows along the axes are known."""
    row, column = np.indices((121, 121)) - 60.0
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    u, v = cosine * row + sine * column, cosine * column - sine * row
    labels = ((u / 36.5) ** 2 + (v / 12.5) ** 2 <= 1).astype(int)
    found = shapes.measure([(labels.astype(float), labels)])
    assert found["oriented ellipse"][0] > 0.97
    assert found["oriented ellipse"][1] == found["oriented ellipse"][0]  # it is long
    assert found["oriented ellipse"][2] == 0
    if angle == 0:
        assert found["ellipse along the axes"][0] > 0.97
        assert found["box"][0] == pytest.approx(math.pi / 4, abs=0.03)
        assert found["square"][0] == pytest.approx(math.pi / 4 * 12.5 / 36.5, abs=0.01)
    else:
        assert found["ellipse along the axes"][0] < 0.75


def test_the_maximum_of_another_object_is_seen() -> None:
    labels = np.zeros((40, 40), int)
    labels[18:22, 5:25] = 1
    labels[24:28, 10:20] = 2
    image = np.where(labels == 2, 9.0, labels)
    found = shapes.measure([(image, labels)])
    # The square around the first, long object reaches the second, the ellipse does not.
    assert found["square"][2] == 0.5
    assert found["oriented ellipse"][2] == 0


def test_the_picture_shows_coins_as_the_tutorial_parts_them() -> None:
    image, labels = tasks.coins()
    assert labels.max() == 24
    areas = np.bincount(labels.ravel())[1:]
    assert areas.min() > 800
    assert image[labels > 0].mean() > image[labels == 0].mean() + 50
