"""Sliders over the peaks of one search."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pytest

import adapool
from adapool import _install
from plotting.scenes import plot

pytest.importorskip("ipywidgets", reason="tune_peaks needs the extra 'notebook'")

# Centre, radius and brightness of discs on noise of 2.
DISCS = ((14, 16, 5, 60), (14, 60, 8, 20), (50, 22, 7, 100), (48, 64, 4, 40))


def image() -> Any:
    row, column = np.indices((64, 80))
    array = np.random.default_rng(0).normal(100, 2, (64, 80))
    for y, x, radius, bright in DISCS:
        array[(row - y) ** 2 + (column - x) ** 2 <= radius**2] += bright
    return array


def picture(tuner: Any) -> Any:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(tuner.picture.value))).astype(int)


def orange(colours: Any) -> Any:
    return np.abs(colours - [255, 176, 0]).max(axis=-1) < 60


def test_sliders_leave_what_is_between_them() -> None:
    tuner = plot.tune_peaks(image(), spacing=0.5)
    whole = adapool.peak_table(image(), spacing=0.5)
    for name, values in whole.items():
        np.testing.assert_array_equal(tuner.table[name], values)
    assert set(np.unique(tuner.labels)) == set(range(5))
    assert orange(picture(tuner)).sum() > 500
    diameters, snr = np.sort(whole["equivalent_diameter"]), np.sort(whole["snr"])
    tuner.diameters.value = (diameters[1] + 0.1, tuner.diameters.max)
    assert sorted(tuner.table["equivalent_diameter"]) == diameters[2:].tolist()
    assert set(np.unique(tuner.labels)) == {0, *tuner.table["label"]}
    tuner.diameters.value = (tuner.diameters.min, tuner.diameters.max)
    tuner.snr.value = snr[2] + 1
    assert tuner.table["snr"].tolist() == [snr[3]]
    # All that is still marked is the brightest disc; the picture is ten times as large.
    rows, columns = np.nonzero(orange(picture(tuner)))
    distance = np.hypot(rows / 10 - 50.5, columns / 10 - 22.5)
    assert distance.max() < 9
    assert distance.min() < 0.5
    tuner.diameters.value = (tuner.diameters.min, diameters[0])
    assert len(tuner.table["snr"]) == 0
    assert orange(picture(tuner)).sum() == 0


def test_a_search_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapool.estimators import BlobSizes

    asked = []

    class Counting:
        def predict(self, images: Any) -> Any:
            asked.append(1)
            return BlobSizes().predict(images)

    tuner = plot.tune_peaks(image(), Counting())
    for value in (9, 12, 20):
        tuner.diameters.value = (3, value)
    assert asked == [1]


def test_images_with_little_to_choose_from() -> None:
    for array in (np.zeros((20, 30)), np.eye(40), np.pad(np.ones((9, 9)), 12)):
        tuner = plot.tune_peaks(array)
        count = len(adapool.peak_table(array)["label"])
        assert len(tuner.table["label"]) == count  # also where noise is 0, and snr infinite
        assert picture(tuner).shape[2] == 3


def test_channels_are_seen_in_colour() -> None:
    array = np.repeat((image() / 2).astype(np.uint8)[..., np.newaxis], 3, -1)
    array[..., 2] = 0
    tuner = plot.tune_peaks(array, channel_axis=-1)
    seen = picture(tuner)[5, 400]
    assert seen[0] > 30 > seen[2]


def test_ipywidgets_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "adapool.plot._widgets", raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError) as error:
        plot.tune_peaks(image())
    assert str(error.value) == f"tune_peaks needs ipywidgets: {_install.command('notebook')}"


def test_volumes_are_refused() -> None:
    with pytest.raises(ValueError, match="image must be 2-D to be drawn"):
        plot.tune_peaks(np.zeros((4, 20, 30)))
