"""Labels and batches: each region, and each image, is searched as if there were no other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

import adapool
from adapool.estimators import ScaleSpaceSizes
from peak_scenes import CENTRES, RADII, disks, noisy, spots

Array = NDArray[Any]


def crops_of(labels: Array) -> list[tuple[slice, ...]]:
    return list(ndi.find_objects(labels))


HALVES = np.zeros((120, 120), int)
HALVES[:, :58], HALVES[:, 62:] = 1, 2


@pytest.mark.parametrize("network", [None, ScaleSpaceSizes(), 7], ids=["default", "scales", "7"])
def test_regions_that_are_boxes_are_searched_as_images_of_their_own(network: Any) -> None:
    """In 2-D and in 3-D: what a network says, and the threshold that is none."""
    image = noisy(disks((120, 120), CENTRES, RADII)).astype(np.float32)
    for picture, labels in ((image, HALVES), (np.stack([image] * 3), np.stack([HALVES] * 3))):
        together = adapool.peak_local_max(picture, network, labels=labels)
        alone = [
            adapool.peak_local_max(picture[box], network) + [axis.start for axis in box]
            for box in crops_of(labels)
        ]
        assert len(together) == sum(map(len, alone)) > 2
        assert {*map(tuple, together)} == {*map(tuple, np.concatenate(alone))}


def test_a_region_sees_nothing_beyond_it() -> None:
    """Of any shape: whatever is outside, NaN and debris too, changes no point."""
    image = noisy(disks((120, 120), CENTRES, RADII)).astype(np.float32)
    row, column = np.indices(image.shape)
    labels = np.asarray(1 + (row > column) + 2 * ((row - 60) ** 2 + (column - 60) ** 2 < 40**2))
    labels[(row - 90) ** 2 + (column - 30) ** 2 < 10**2] = 0
    expected = adapool.peak_local_max(image, labels=labels)
    assert len(expected) > 2
    hostile = np.where(labels == 0, np.nan, image)
    np.testing.assert_array_equal(adapool.peak_local_max(hostile, labels=labels), expected)
    hostile[labels == 0] = 1e30
    np.testing.assert_array_equal(adapool.peak_local_max(hostile, labels=labels), expected)
    parts: list[Array] = []
    for number in range(1, 5):
        alone = np.where(labels == number, image, np.nan)
        parts.append(adapool.peak_local_max(alone, labels=(labels == number)))
    assert {*map(tuple, np.concatenate(parts))} == {*map(tuple, expected)}
    assert len(expected) == sum(map(len, parts))


def test_a_network_is_given_the_box_of_a_region() -> None:
    seen = []

    def network(images: Array) -> Array:
        seen.append(images)
        return np.full(images.shape, 3)

    image = np.arange(48.0).reshape(6, 8)
    labels = np.zeros((6, 8), int)
    labels[1:4, 2:5] = 5
    labels[2, 4], labels[5, 7] = 0, 9
    image[labels == 0] = np.nan
    adapool.peak_local_max(image, network, labels=labels)
    assert [images.shape for images in seen] == [(1, 3, 3, 1), (1, 1, 1, 1)]
    assert all(np.isfinite(images).all() and not images.flags.writeable for images in seen)
    assert all(images.flags.c_contiguous for images in seen)
    # The pixel that is missing is beside columns 10, 11 and 18, 19: mirrored at the nearest.
    assert seen[0][0, 1, 2, 0] in image[1:4, 2:4]


def test_an_image_without_a_region() -> None:
    image = np.full((7, 8), np.nan)
    for network in (None, 3, ScaleSpaceSizes()):
        peaks = adapool.peak_local_max(image, network, labels=np.zeros((7, 8), int))
        assert peaks.shape == (0, 2)


def test_debris_and_missing_rows_are_left_out_by_labels() -> None:
    grid = np.array([(28 + 40 * i, 28 + 40 * j) for i in range(6) for j in range(6)])
    image = spots(grid, np.full(36, 60))
    image[:, :12] = np.nan
    row, column = np.indices(image.shape)
    debris = ((row - 208) / 14) ** 2 + ((column - 48) / 10) ** 2 < 1
    image[debris] = 30000
    labels = np.isfinite(image) & (((row - 208) / 20) ** 2 + ((column - 48) / 16) ** 2 > 1)
    peaks = adapool.peak_local_max(image, labels=labels)
    inside = grid[labels[tuple(grid.T)]]
    assert len(inside) == 36
    distance = np.linalg.norm(peaks[:, np.newaxis] - inside, axis=-1)
    assert (distance.min(axis=0) <= 4).all()


@pytest.mark.parametrize("network", [None, "map", ScaleSpaceSizes()], ids=str)
@pytest.mark.parametrize("axes", [(0, None), (1, None), (2, 0), (0, 3), (3, 1), (-1, 0)], ids=str)
def test_images_of_a_batch_are_searched_alone(network: Any, axes: tuple[int, int | None]) -> None:
    batch_axis, channel_axis = axes
    images = [noisy(disks((60, 64), CENTRES[:3], RADII[:3]), seed) for seed in range(3)]
    stack = np.stack(images)
    if channel_axis is not None:
        stack = np.stack([stack, stack // 2], axis=-1)
    others = [a % stack.ndim for a in axes if a is not None]
    places = [0] if channel_axis is None else [0, 3]
    given = np.moveaxis(stack, places, others)
    if network == "map":
        network = np.random.default_rng(0).integers(1, 9, (3, 60, 64, 2))
    options: dict[str, Any] = {"batch_axis": batch_axis, "channel_axis": channel_axis}
    got = adapool.peak_local_max(given, network, **options)
    markers = adapool.peak_local_max(given, network, return_markers=True, **options)
    place = others[0] - (channel_axis is not None and others[1] < others[0])
    for number, image in enumerate(images):
        own = network[number] if isinstance(network, np.ndarray) else network
        expected = adapool.peak_local_max(image, own)
        np.testing.assert_array_equal(got[got[:, 0] == number][:, 1:], expected)
        plane = np.take(markers, number, place)
        np.testing.assert_array_equal(plane[tuple(expected.T)], np.arange(1, len(expected) + 1))
        assert np.count_nonzero(plane) == len(expected)
    assert (np.diff(got[:, 0]) >= 0).all()


def test_a_batch_has_regions_of_its_own_or_for_all() -> None:
    images = [noisy(disks((120, 120), CENTRES, RADII), seed) for seed in range(2)]
    regions = np.stack([HALVES, 3 * (HALVES == 2)])
    stack = np.stack(images, axis=1)
    for labels, own in ((HALVES, [HALVES] * 2), (np.moveaxis(regions, 0, 1), list(regions))):
        got = adapool.peak_local_max(stack, labels=labels, batch_axis=1)
        for number, image in enumerate(images):
            expected = adapool.peak_local_max(image, labels=own[number])
            np.testing.assert_array_equal(got[got[:, 0] == number][:, 1:], expected)
    with pytest.raises(ValueError, match=r"labels must have the spatial shape \(2, 120, 120\)"):
        adapool.peak_local_max(stack, labels=regions, batch_axis=1)
