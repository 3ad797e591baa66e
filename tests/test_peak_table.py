"""The table of peaks: the same points, and measures that are right on objects that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.morphology import local_maxima

import adapool
import naive.prominence
from adapool._peaks.measures import Measures
from adapool._peaks.prominence import prominences
from adapool.estimators import BlobSizes

Array = NDArray[Any]

GRID = np.array([(20 + 28 * i, 20 + 28 * j) for i in range(16) for j in range(16)], float)
SHAPE = (460, 460)


def spots(centres: Array, sigma: float, height: float) -> Array:
    """Draw Gaussian spots on a slope."""
    row, column = np.indices(SHAPE)
    image = 200 + 0.3 * column
    for a, b in centres:
        image += height * np.exp(-((row - a) ** 2 + (column - b) ** 2) / (2 * sigma**2))
    return np.asarray(image)


def disks(centres: Array, radii: Array | float, stretch: float = 1.0) -> Array:
    """Draw disks, or ellipses that are longer along the columns, with soft borders."""
    row, column = np.indices(SHAPE)
    image = np.zeros(SHAPE)
    for (a, b), radius in zip(centres, np.broadcast_to(radii, len(centres)), strict=True):
        image[((row - a) * stretch) ** 2 + ((column - b) / stretch) ** 2 < radius**2] = 100
    return np.asarray(ndi.gaussian_filter(image, 1))


def nearest(table: dict[str, Array], centres: Array) -> tuple[Array, Array]:
    """Return the rows of the table that are nearest to centres, and how far off they are."""
    found = np.stack([table["centroid-0"], table["centroid-1"]], axis=-1)
    distance = np.linalg.norm(found[:, np.newaxis] - centres, axis=-1)
    rows = distance.argmin(axis=0)
    return rows, found[rows] - centres


def test_rows_are_the_peaks_in_their_order() -> None:
    image = disks(GRID[::3], 8) + np.random.default_rng(0).normal(0, 5, SHAPE)
    table = adapool.peak_table(image)
    points = np.stack([table["index-0"], table["index-1"]], axis=-1)
    np.testing.assert_array_equal(points, adapool.peak_local_max(image))
    np.testing.assert_array_equal(table["label"], np.arange(1, len(points) + 1))
    frame = pd.DataFrame(table)
    assert list(frame) == [
        "label", "index-0", "index-1", "centroid-0", "centroid-1", "size-0", "size-1",
        "equivalent_diameter", "intensity", "background", "contrast", "snr", "prominence",
    ]  # fmt: skip
    assert len(frame) >= len(GRID[::3])
    assert np.isfinite(frame.to_numpy()).all()


@pytest.mark.parametrize("sigma", [1.5, 2.5, 4.0])
def test_positions_are_as_good_as_they_can_be(sigma: float) -> None:
    """At a signal to noise of 10, no bias, and an error near the bound of Cramer and Rao."""
    rng = np.random.default_rng(1)
    centres = GRID + rng.uniform(-0.5, 0.5, GRID.shape)
    image = spots(centres, sigma, 100) + rng.normal(0, 10, SHAPE)
    rows, errors = nearest(adapool.peak_table(image, properties=["centroid"]), centres)
    assert len(np.unique(rows)) >= 0.95 * len(centres)
    near = errors[np.linalg.norm(errors, axis=1) < 2]
    assert len(near) >= 0.95 * len(centres)
    assert np.abs(near.mean(axis=0)).max() < 0.05
    assert near.std(axis=0).max() < 1.5 * np.sqrt(2 / np.pi) / 10


@pytest.mark.parametrize("stretch", [1.0, 1.4])
@pytest.mark.parametrize("radius", [5, 12])
def test_sizes_of_disks_and_ellipses(radius: int, stretch: float) -> None:
    rng = np.random.default_rng(2)
    centres = np.array([(40 + 60 * i, 40 + 60 * j) for i in range(7) for j in range(7)], float)
    clean = disks(centres, radius, stretch)
    table = adapool.peak_table(clean + rng.normal(0, 10, SHAPE))
    rows, errors = nearest(table, centres)
    assert np.linalg.norm(errors, axis=1).max() < 1
    # Noise parts one or two of fifty small long ones (16 in 8 scenes), each of which is smaller.
    off = np.abs(table["equivalent_diameter"][rows] / (2 * radius) - 1)
    assert (off < 0.15).sum() >= len(rows) - 2
    # Soft borders count: the mean out to half of the contrast is less than that of the middle.
    np.testing.assert_allclose(table["contrast"][rows], clean[clean > 50].mean(), rtol=0.1)
    np.testing.assert_allclose(table["background"][rows], 0, atol=5)
    np.testing.assert_allclose(
        np.median(table["snr"][rows]), clean[clean > 50].mean() / 10, rtol=0.1
    )


def test_spacing_is_the_unit() -> None:
    image = disks(GRID[:60:7], 9)
    plain, scaled = adapool.peak_table(image), adapool.peak_table(image, spacing=0.25)
    for name in ("centroid-0", "centroid-1", "equivalent_diameter"):
        np.testing.assert_allclose(scaled[name], plain[name] / 4, rtol=1e-6)
    for name in ("index-0", "size-0", "contrast", "prominence"):
        np.testing.assert_allclose(scaled[name], plain[name], rtol=1e-6)
    own = adapool.peak_table(image, BlobSizes(spacing=0.25))
    np.testing.assert_array_equal(own["centroid-0"], scaled["centroid-0"])


def test_windows_of_ones_own() -> None:
    """Without objects, pixels of a window are measured: here two disks, one a twin's neighbour."""
    image = disks(np.array([(100.0, 100.0), (100.0, 130.0)]), 10)
    table = adapool.peak_table(image, np.full(SHAPE, 25), threshold=50)
    order = np.argsort(table["centroid-1"])
    np.testing.assert_allclose(table["centroid-1"][order], [100, 130], atol=0.1)
    np.testing.assert_allclose(table["equivalent_diameter"], 20, rtol=0.1)


def test_three_dimensions_with_spacing() -> None:
    plane, row, column = np.indices((16, 48, 48))
    ball = (4 * (plane - 7)) ** 2 + (row - 20) ** 2 + (column - 26) ** 2 < 12**2
    volume = 10 + 90.0 * ball
    table = adapool.peak_table(volume, spacing=(2, 0.5, 0.5))
    centre = [table[f"centroid-{axis}"][0] for axis in range(3)]
    np.testing.assert_allclose(centre, [14, 10, 13], atol=0.05)
    np.testing.assert_allclose(table["equivalent_diameter"][0], 12, rtol=0.15)


def test_a_batch_is_its_images_one_after_the_other() -> None:
    images = np.stack([disks(GRID[:20], 7), np.zeros(SHAPE), disks(GRID[40:50], 9)])
    table = adapool.peak_table(images, batch_axis=0)
    np.testing.assert_array_equal(np.unique(table["frame"]), [0, 2])
    for number in (0, 2):
        own = table["frame"] == number
        for name, values in adapool.peak_table(images[number]).items():
            np.testing.assert_array_equal(table[name][own], values)


def test_labels_restrict_the_table() -> None:
    image = disks(GRID, 8)
    labels = np.zeros(SHAPE, int)
    labels[:230], labels[230:] = 1, 2
    table = adapool.peak_table(image, labels=labels)
    points = np.stack([table["index-0"], table["index-1"]], axis=-1)
    np.testing.assert_array_equal(points, adapool.peak_local_max(image, labels=labels))
    assert np.isfinite(table["equivalent_diameter"]).all()


def test_nothing_found_is_an_empty_table() -> None:
    table = adapool.peak_table(np.zeros((20, 30)))
    assert {len(values) for values in table.values()} == {0}
    assert len(table) == 13


def test_dark_objects_are_measured_as_bright_ones_are() -> None:
    image = np.full((60, 120), 100.0)
    row, column = np.indices(image.shape)
    image[(row - 30) ** 2 + (column - 30) ** 2 < 81] += 40
    image[(row - 28) ** 2 + (column - 85) ** 2 < 121] -= 60
    image = ndi.gaussian_filter(image, 1) + np.random.default_rng(0).normal(0, 1, image.shape)

    def row_of(polarity: Any, centre: tuple[int, int], given: Any = image) -> dict[str, Any]:
        found = adapool.peak_table(given, BlobSizes(polarity=polarity))
        far = np.hypot(found["index-0"] - centre[0], found["index-1"] - centre[1])
        assert far.min() < 2
        return {name: values[far.argmin()] for name, values in found.items()}

    bright, dark = row_of("bright", (30, 30)), row_of("dark", (28, 85))
    # Which other objects there are has a little to say about the background.
    for name in bright.keys() - {"label", "size-0", "size-1"}:
        assert row_of("both", (30, 30))[name] == pytest.approx(bright[name], rel=0.05), name
        assert row_of("both", (28, 85))[name] == pytest.approx(dark[name], rel=0.05), name
    inverse = row_of("bright", (28, 85), 200 - image)
    for name in ("index-0", "equivalent_diameter", "snr", "prominence"):
        assert dark[name] == pytest.approx(inverse[name], rel=1e-6), name
    assert dark["intensity"] == pytest.approx(200 - inverse["intensity"])
    assert dark["contrast"] == pytest.approx(-inverse["contrast"])


@pytest.mark.parametrize("seed", range(20))
def test_prominence_is_that_of_flooding(seed: int) -> None:
    """Of some of the maxima of an image; over the others a path may lead."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 12, [(1, 9, 11), (4, 5, 6)][seed % 2]).astype(float)
    maxima, count = ndi.label(local_maxima(image), np.ones((3, 3, 3)))
    kept = rng.permutation(np.arange(1, count + 1))[:4]
    objects = np.zeros(image.shape, np.int32)
    for number, label in enumerate(kept, start=1):
        objects[maxima == label] = number
    backgrounds = rng.integers(0, 4, len(kept)).astype(float)
    nothing = np.zeros(len(kept))
    measures = Measures(np.zeros((len(kept), 3)), nothing, nothing, backgrounds, nothing, objects)
    got = prominences(image, measures)
    np.testing.assert_array_equal(got, naive.prominence.prominences(image, objects, backgrounds))


WRONG = {
    "unknown": (["area"], ValueError, "properties must be among label, index, .*, got 'area'"),
    "a string": ("label", TypeError, r"properties must be a sequence of names.*pass \['label'\]"),
    "twice": (["label", "label"], ValueError, "each once"),
    "none": ([], ValueError, "properties must be some names"),
    "frame": (["frame"], ValueError, "pass batch_axis"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_properties(name: str) -> None:
    value, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        adapool.peak_table(np.zeros((9, 9)), properties=value)
