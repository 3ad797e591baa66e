"""Peaks: equal to the reference, ready for the watershed, and fast where many are equal."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage import feature, segmentation

import adapool
import naive
import strategies as some
from adapool.estimators import BlobSizes, ScaleSpaceSizes
from peak_scenes import CENTRES, RADII, disks, noisy, spots

Array = NDArray[Any]

# Windows are pooled by kernels that other tests compile for every dtype; few suffice here.
DTYPES = ["float32", "uint8", "bool", "float16"]
LONGEST = {2: 10, 3: 5}


@st.composite
def spatial_shapes(draw: st.DrawFn) -> tuple[int, ...]:
    axes = draw(st.sampled_from(sorted(LONGEST)))
    return tuple(draw(st.integers(1, LONGEST[axes])) for _ in range(axes))


def window_sizes(shape: tuple[int, ...]) -> st.SearchStrategy[Array]:
    return some.arrays(shape, ["float32", "int16"], some.size_value)


@pytest.mark.filterwarnings("ignore:the last axis")  # some volumes are like colours
@given(st.data())
def test_equals_the_reference(data: st.DataObject) -> None:
    shape = data.draw(spatial_shapes())
    elements = data.draw(st.sampled_from([some.any_value, some.small_whole_or_not_finite]))
    image = data.draw(some.arrays(shape, DTYPES, elements))
    width = data.draw(st.sampled_from([1, len(shape), 2 * len(shape)]))
    sizes = data.draw(window_sizes((*shape, width)))
    threshold = data.draw(st.sampled_from([-np.inf, 0, 1.5]))
    labels = data.draw(st.none() | some.arrays(shape, ["int64", "uint8"], some.unit_value))
    border = data.draw(st.booleans() | st.integers(0, 2))
    got = adapool.peak_local_max(
        image, sizes, threshold=threshold, labels=labels, exclude_border=border
    )
    native = image.astype(image.dtype.newbyteorder("="))
    per_axis = np.broadcast_to(sizes[..., : len(shape)], (*shape, len(shape)))
    expected = naive.peak_local_max(native, per_axis, threshold, labels, border)
    assert got.dtype == np.int64
    np.testing.assert_array_equal(got, expected)


@pytest.mark.filterwarnings("ignore:the last axis")
@given(st.data())
def test_no_two_peaks_of_one_plateau(data: st.DataObject) -> None:
    """Whatever the windows: two equal peaks never touch, even through a chain of equal pixels."""
    shape = data.draw(spatial_shapes())
    image = data.draw(some.arrays(shape, ["uint8"], some.unit_value))
    size = data.draw(st.integers(2, 5))
    peaks = adapool.peak_local_max(image, np.full(shape, size), threshold=0)
    plateaus, _ = ndi.label(image > 0, np.ones((3,) * len(shape)))
    owners = plateaus[tuple(peaks.T)]
    assert len(np.unique(owners)) == len(owners)


@pytest.mark.parametrize("distance", [1, 2, 5])
def test_constant_windows_on_distinct_values_are_those_of_scikit_image(distance: int) -> None:
    image = np.random.default_rng(0).permutation(64 * 80).reshape(64, 80).astype(np.float32)
    ours = adapool.peak_local_max(image, np.full(image.shape, 2 * distance + 1), threshold=0)
    # Its own rule of a minimal distance drops more, and has nothing to do with windows.
    theirs = feature.peak_local_max(
        image, footprint=np.ones((2 * distance + 1,) * 2), threshold_abs=0, exclude_border=False
    )
    np.testing.assert_array_equal(ours, theirs)


def test_labels_are_searched_each_on_its_own() -> None:
    image = np.zeros((9, 20))
    image[4, 4], image[4, 8], image[4, 15] = 3, 1, 2
    whole = adapool.peak_local_max(image, np.full(image.shape, 15), threshold=0)
    np.testing.assert_array_equal(whole, [[4, 4], [4, 15]])
    labels = np.zeros(image.shape, int)
    labels[:, :6], labels[:, 6:12] = 70000, 3
    parts = adapool.peak_local_max(image, np.full(image.shape, 15), threshold=0, labels=labels)
    np.testing.assert_array_equal(parts, [[4, 4], [4, 8]])


def test_threshold_of_an_image_is_otsus() -> None:
    image = np.zeros((20, 20))
    image[5, 5], image[12, 12] = 10, 2
    peaks = adapool.peak_local_max(image, np.full(image.shape, 5))
    np.testing.assert_array_equal(peaks, [[5, 5]])


@pytest.mark.parametrize("exponent", [-1000, -500, 0, 500, 1000])
def test_the_threshold_follows_the_image_at_any_scale(exponent: int) -> None:
    """Squares of such values overflow, or are nothing."""
    image = np.random.default_rng(0).random((40, 40)) ** 9
    sizes = np.full(image.shape, 3)
    expected = adapool.peak_local_max(image, sizes)
    everything = adapool.peak_local_max(image, sizes, threshold=-1)
    assert 0 < len(expected) < len(everything)
    large = np.ldexp(image, exponent)
    np.testing.assert_array_equal(adapool.peak_local_max(large, sizes), expected)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
def test_the_threshold_of_wide_integers_needs_no_bin_for_each(dtype: str) -> None:
    image = np.random.default_rng(0).random((40, 40)) ** 9
    limits = np.iinfo(dtype)
    wide = (image * (limits.max // 4)).astype(dtype)
    sizes = np.full(image.shape, 3)
    expected = adapool.peak_local_max(wide.astype(np.float64), sizes)
    np.testing.assert_array_equal(adapool.peak_local_max(wide, sizes), expected)


def test_channels_count_by_their_maximum() -> None:
    image = np.zeros((3, 12, 12), np.uint8)
    image[0, 3, 3], image[2, 8, 8] = 10, 20
    peaks = adapool.peak_local_max(image, np.full((12, 12), 3), threshold=0, channel_axis=0)
    np.testing.assert_array_equal(peaks, [[8, 8], [3, 3]])


def test_nan_is_no_peak() -> None:
    image = np.zeros((9, 9))
    image[2, 2], image[6, 6], image[6, 7] = 1, 1, np.nan
    peaks = adapool.peak_local_max(image, np.full((9, 9), 3), threshold=0)
    np.testing.assert_array_equal(peaks, [[2, 2]])


def test_no_peak() -> None:
    image = np.zeros((4, 5, 6))
    for markers, shape in ((False, (0, 3)), (True, (4, 5, 6))):
        found = adapool.peak_local_max(
            image, np.ones(image.shape), threshold=0, return_markers=markers
        )
        assert found.shape == shape
        assert not found.any()


def test_markers_for_the_watershed() -> None:
    labels = disks((120, 120), CENTRES, RADII)
    image = noisy(labels)
    markers = adapool.peak_local_max(image, return_markers=True)
    points = adapool.peak_local_max(image)
    np.testing.assert_array_equal(markers[tuple(points.T)], np.arange(1, len(points) + 1))
    assert np.count_nonzero(markers) == len(points)
    depth = ndi.distance_transform_edt(labels > 0)
    parts = segmentation.watershed(-depth, markers, mask=labels > 0)
    for number in range(1, len(CENTRES) + 1):
        true = labels == number
        shares = np.bincount(parts[true])
        found = parts == shares.argmax()
        assert np.sum(true & found) / np.sum(true | found) > 0.8


def test_default_finds_disks_of_every_size() -> None:
    """One peak in each, within a quarter of the radius of its middle, and none elsewhere."""
    labels = disks((120, 120), CENTRES, RADII)
    points = adapool.peak_local_max(noisy(labels))
    assert sorted(labels[tuple(points.T)]) == list(range(1, len(CENTRES) + 1))
    for point in points:
        number = labels[tuple(point)] - 1
        assert np.hypot(*(point - CENTRES[number])) <= max(2, RADII[number] / 4)


@pytest.mark.parametrize("seed", range(3))
def test_faint_objects_are_found_beside_bright_ones(seed: int) -> None:
    """Of 144 spots, 12 four times as bright as the others: they are judged by the noise."""
    rng = np.random.default_rng(seed)
    centres = 10 + 20 * np.indices((12, 12)).reshape(2, -1).T + rng.integers(-2, 3, (144, 2))
    heights = 25 * np.exp(0.15 * rng.normal(size=144))
    heights[rng.choice(144, 12, replace=False)] = 100
    peaks = adapool.peak_local_max(spots(centres, heights))
    assert len(peaks) == 144
    assert len({tuple(peak // 20) for peak in peaks}) == 144


@pytest.mark.parametrize("change", [lambda x: 3 * x, lambda x: x + 5000, np.rot90, np.transpose])
def test_default_depends_on_neither_units_nor_orientation(change: Any) -> None:
    image = noisy(disks((120, 120), CENTRES, RADII)).astype(np.float64)
    markers = adapool.peak_local_max(image, return_markers=True) > 0
    changed = adapool.peak_local_max(change(image), return_markers=True) > 0
    wanted = change(markers.astype(int)) % 5000 > 0
    # A tie of two neighbours may be decided the other way round.
    distance = ndi.distance_transform_cdt(~wanted, "chessboard")
    assert changed.sum() == wanted.sum()
    assert distance[changed].max() <= 1


@pytest.mark.parametrize("turn", [lambda x: x[::-1], lambda x: x[:, ::-1], lambda x: x[::-1, ::-1]])
def test_default_lies_to_neither_side(turn: Any) -> None:
    """Over many spots, the points of a mirror image are the mirrored points."""
    rng = np.random.default_rng(1)
    grid = np.array([(28 + 40 * i, 28 + 40 * j) for i in range(6) for j in range(6)], float)
    centres = grid + rng.uniform(-0.5, 0.5, grid.shape)
    row, column = np.indices((256, 256))
    image = rng.normal(100, 10, (256, 256))
    for a, b in centres:
        image += 500 * np.exp(-((row - a) ** 2 + (column - b) ** 2) / 32)
    pixels = np.arange(image.size).reshape(image.shape)
    there = np.stack(np.unravel_index(turn(pixels), image.shape), axis=-1)
    offsets = []
    for points in (adapool.peak_local_max(image), there[*adapool.peak_local_max(turn(image)).T]):
        distance = np.linalg.norm(points[:, np.newaxis] - centres, axis=-1)
        assert distance.min(axis=0).max() < 2
        offsets.append((points[distance.argmin(axis=0)] - centres).mean(axis=0))
    assert np.abs(offsets[0] - offsets[1]).max() < 0.15


@pytest.mark.parametrize("rows", [slice(20, 31), slice(20, 21)])
def test_default_puts_the_point_in_the_middle_of_a_bar(rows: slice) -> None:
    image = np.zeros((100, 120))
    image[rows, 20:81] = 1
    image = ndi.gaussian_filter(image, 1) if rows.stop - rows.start == 1 else image
    (point,) = adapool.peak_local_max(image)
    assert np.abs(point - [(rows.start + rows.stop - 1) / 2, 50]).max() <= 1


def test_default_on_one_row() -> None:
    profile = np.exp(-(((np.arange(400) - 170) / 9) ** 2) / 2)[np.newaxis]
    assert np.abs(adapool.peak_local_max(profile)[0] - [0, 170]).max() <= 1


def test_default_in_three_dimensions_with_spacing() -> None:
    """Balls in planes that are three times as far apart as pixels."""
    grid = np.indices((15, 60, 60)).T * [3, 1, 1]
    centres = np.array([[15, 15, 15], [24, 42, 40], [21, 15, 42]])
    volume = np.zeros((15, 60, 60))
    for centre in centres:
        volume[(np.sum((grid - centre) ** 2, axis=-1) < 9**2).T] = 100
    volume += np.random.default_rng(0).normal(0, 3, volume.shape)
    points = adapool.peak_local_max(ndi.gaussian_filter(volume, (0.3, 1, 1)), spacing=(3, 1, 1))
    assert len(points) == 3
    distance = np.linalg.norm(points[:, np.newaxis] * [3, 1, 1] - centres, axis=-1)
    assert (distance.min(axis=0) <= 3).all()


def test_the_default_is_blob_sizes() -> None:
    image = noisy(disks((120, 120), CENTRES, RADII))
    default = adapool.peak_local_max(image, spacing=0.5)
    np.testing.assert_array_equal(default, adapool.peak_local_max(image, BlobSizes(spacing=0.5)))


def test_a_network_with_a_map_of_its_own() -> None:
    class Inverse:
        def predict(self, images: Array) -> Array:
            return np.full(images.shape, 5)

        def response(self, images: Array) -> Array:
            return np.asarray(-images[..., 0])

    image = np.zeros((9, 9))
    image[4, 4] = -1
    np.testing.assert_array_equal(adapool.peak_local_max(image, Inverse()), [[4, 4]])


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"threshold": "high"}, TypeError, "threshold must hold"),
        ({"threshold": np.nan}, ValueError, "threshold must be None or a number"),
        ({"threshold": [1, 2]}, ValueError, "threshold must be None or a number"),
        ({"labels": np.ones((2, 2), int)}, ValueError, r"labels must have the spatial shape"),
        ({"labels": np.ones((8, 9))}, TypeError, "labels must hold integers"),
        ({"labels": -np.ones((8, 9), int)}, ValueError, "labels must be non-negative"),
        ({"exclude_border": -1}, ValueError, "exclude_border must be non-negative"),
        ({"exclude_border": (1, 1, 1)}, ValueError, "exclude_border must be an integer or"),
        ({"return_markers": 1}, TypeError, "return_markers must be True or False"),
        ({"spacing": (1, 1)}, ValueError, "spacing must be None with param_network"),
        ({"param_network": None, "spacing": (1, 1, 1)}, ValueError, "spacing must have"),
        ({"param_network": None, "spacing": -1}, ValueError, "spacing must be positive"),
        ({"param_network": np.ones((3, 3))}, ValueError, "param_network must give an array"),
        ({"param_network": np.full((8, 9), np.nan)}, ValueError, "must give finite values"),
        ({"channel_axis": -1}, ValueError, "pass channel_axis=None"),
        ({"image": np.full((8, 9), np.nan), "param_network": None}, ValueError, "finite values"),
    ],
)
def test_wrong_calls(options: dict[str, Any], error: type[Exception], words: str) -> None:
    arguments = {"image": np.eye(8, 9), "param_network": np.full((8, 9), 3), **options}
    with pytest.raises(error, match=words):
        adapool.peak_local_max(**arguments)


def test_a_response_of_the_wrong_shape() -> None:
    class Flat(ScaleSpaceSizes):
        def response(self, images: Array) -> Array:
            return np.zeros(3)

    with pytest.raises(ValueError, match=r"param_network.response must give an array of shape"):
        adapool.peak_local_max(np.eye(8), Flat())


def test_dask_arrays_give_the_points_of_those_in_memory() -> None:
    image = np.random.default_rng(0).random((30, 40))
    sizes = np.random.default_rng(1).integers(1, 9, (30, 40, 2))
    labels = np.indices((30, 40))[1] // 20
    chunked = [da.from_array(array, chunks=7) for array in (image, sizes, labels)]
    np.testing.assert_array_equal(
        adapool.peak_local_max(chunked[0], chunked[1], labels=chunked[2]),
        adapool.peak_local_max(image, sizes, labels=labels),
    )


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_threshold_beyond_the_dtype_of_the_image(dtype: str) -> None:
    image, sizes = np.ones((3, 4), dtype), np.ones((3, 4))
    assert len(adapool.peak_local_max(image, sizes, threshold=1e39)) == 0
    assert len(adapool.peak_local_max(image, sizes, threshold=-1e39)) == 1
