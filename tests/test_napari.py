"""The plugin in the real napari, without a window: widgets, threads, layers, the manifest.

napari brings plugins of pytest that warn, and warnings are errors here: where it is installed, run
``PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest tests/test_napari.py``.
"""

from __future__ import annotations

import importlib.util
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import adapool

if importlib.util.find_spec("napari") is None:
    pytest.skip(
        "napari comes with the extra 'napari', which is not part of 'test'",
        allow_module_level=True,
    )
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of napari and what it is made of
    from napari.components import ViewerModel
    from npe2 import PluginManager, PluginManifest
    from qtpy.QtWidgets import QApplication

    from adapool.napari import _peaks, _pooling, _samples, _task
pytestmark = pytest.mark.filterwarnings("ignore")

APPLICATION = QApplication.instance() or QApplication([])


# What is raised in a slot: without a hook, Qt ends the process.
RAISED: list[Any] = []


@pytest.fixture(autouse=True)
def _hook(monkeypatch: pytest.MonkeyPatch) -> None:
    RAISED.clear()
    monkeypatch.setattr("sys.excepthook", lambda kind, error, trace: RAISED.append(error))


def wait(until: Callable[[], bool]) -> None:
    """Let the window work until something holds."""
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline
        if RAISED:
            raise RAISED[0]
        QApplication.processEvents()
        time.sleep(0.005)


@pytest.fixture
def viewer() -> Iterator[Any]:
    made = ViewerModel()
    yield made
    made.layers.clear()


def widget(viewer: Any, kind: Any, layer: Any) -> Any:
    """Make a widget for a viewer, as napari does, and choose a layer."""
    made = kind(viewer)
    made.layer.choices = list(viewer.layers)
    made.layer.value = layer
    return made


def run(made: Any) -> None:
    made.task.start.changed.emit(True)
    wait(lambda: not made.task.busy)


def test_the_manifest() -> None:
    manifest = PluginManifest.from_distribution("adapool")
    manifest.validate_imports()
    names = [each.display_name for each in manifest.contributions.widgets]
    assert names == ["Peaks", "Pooling"]
    manager = PluginManager.instance()
    manager.discover()
    assert "adapool" in manager
    for sample in manifest.contributions.sample_data:
        ((array, about, kind),) = manager.commands.execute(sample.command)
        assert kind == "image"
        assert array.dtype == np.uint16
        assert about["name"]


def test_peaks_of_a_plane(viewer: Any) -> None:
    ((array, about, _),) = _samples.discs()
    layer = viewer.add_image(array, translate=(10, 20), **about)
    made = widget(viewer, _peaks.PeaksWidget, layer)
    assert made.axes.value == "yx"
    run(made)
    labels, points = viewer.layers[1:]
    expected = adapool.peak_table(array, spacing=0.25)
    count = len(expected["label"])
    assert count > 20
    assert made.count.value == f"{count} of {count} objects"
    for name, values in expected.items():
        np.testing.assert_array_equal(points.features[name], values)
    # In the world, points and labels are where the image is.
    centres = np.stack([expected["centroid-0"], expected["centroid-1"]], axis=-1)
    world = [points.data_to_world(point) for point in points.data]
    np.testing.assert_allclose(world, np.add(centres, (10, 20)))
    np.testing.assert_allclose(points.size * 0.25, expected["equivalent_diameter"])
    np.testing.assert_array_equal(labels.scale, layer.scale)
    areas = np.bincount(labels.data.ravel())[1:] / 16
    wanted = np.pi / 4 * expected["equivalent_diameter"] ** 2
    assert (areas <= wanted * (1 + 1e-9)).all()  # a pixel that two reach is that of one
    assert np.isclose(areas, wanted).mean() > 0.8
    # Sliders choose at once, without another search.
    made.diameters.value = (4, made.diameters.max)
    kept = expected["equivalent_diameter"] >= 4
    assert 0 < kept.sum() < count
    assert made.count.value == f"{kept.sum()} of {count} objects"
    np.testing.assert_array_equal(points.shown, kept)
    assert set(np.unique(labels.data)) == {0, *expected["label"][kept]}
    made.snr.value = 10
    np.testing.assert_array_equal(points.shown, kept & (expected["snr"] >= 10))


def test_peaks_of_a_volume_have_its_spacing(viewer: Any) -> None:
    ((array, about, _),) = _samples.volume()
    layer = viewer.add_image(array, **about)
    made = widget(viewer, _peaks.PeaksWidget, layer)
    assert made.axes.value == "zyx"
    run(made)
    expected = adapool.peak_table(array, spacing=(1, 0.25, 0.25))
    labels, points = viewer.layers[1:]
    np.testing.assert_array_equal(
        points.features["equivalent_diameter"], expected["equivalent_diameter"]
    )
    np.testing.assert_array_equal(labels.scale, (1, 0.25, 0.25))
    assert labels.units == points.units == layer.units
    # In cubes, so that circles are as wide as they are deep.
    np.testing.assert_array_equal(points.scale, (0.25, 0.25, 0.25))
    np.testing.assert_allclose(points.size * 0.25, expected["equivalent_diameter"])
    world = [points.data_to_world(point) for point in points.data]
    centres = np.stack([expected[f"centroid-{axis}"] for axis in range(3)], axis=-1)
    np.testing.assert_allclose(world, centres)


def test_peaks_over_time(viewer: Any) -> None:
    ((array, about, _),) = _samples.series()
    made = widget(viewer, _peaks.PeaksWidget, viewer.add_image(array, **about))
    made.axes.value = "tyx"
    run(made)
    labels, points = viewer.layers[1:]
    expected = adapool.peak_table(array, batch_axis=0)
    np.testing.assert_array_equal(points.features["frame"], expected["frame"])
    np.testing.assert_array_equal(points.data[:, 0], expected["frame"])
    assert labels.data.shape == array.shape
    made.snr.value = float(np.median(expected["snr"]))
    kept = expected["snr"] >= made.snr.value
    for number, frame in enumerate(labels.data):
        wanted = expected["label"][kept & (expected["frame"] == number)]
        assert set(np.unique(frame)) - {0} == set(wanted)


def test_colours_and_knobs(viewer: Any) -> None:
    array = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    made = widget(viewer, _peaks.PeaksWidget, viewer.add_image(array, rgb=True))
    assert made.axes.value == "yxc"
    run(made)
    assert viewer.layers[1].data.shape == (40, 50)
    assert made._knobs() == {}
    made.sensitivity.value, made.min_size.value = 2, 3
    assert made._knobs() == {"sensitivity": 2, "min_size": 3}


def test_errors_are_shown_and_the_widget_goes_on(viewer: Any) -> None:
    layer = viewer.add_image(np.full((20, 30), np.nan))
    made = widget(viewer, _peaks.PeaksWidget, layer)
    caught: list[Any] = []
    made.task.start.changed.emit(True)
    made.task._worker.errored.connect(caught.append)
    wait(lambda: not made.task.busy)
    wait(lambda: bool(caught))
    assert "finite" in str(caught[0])
    assert len(viewer.layers) == 1
    assert made.task.start.enabled


def test_cancelling_ends_after_a_step() -> None:
    begun, go = threading.Event(), threading.Event()
    made: list[int] = []
    results: list[str] = []

    def steps() -> Any:
        for number in range(3):
            made.append(number)
            begun.set()
            go.wait(30)
            yield
        return "done"

    task = _task.Task("Go", lambda: (3, steps()), results.append)
    task.start.changed.emit(True)
    assert begun.wait(30)
    worker = task._worker
    assert task.cancel.enabled
    task.cancel.changed.emit(True)
    assert not task.busy
    assert task.start.enabled
    go.set()
    wait(lambda: not worker.is_running)
    for _ in range(20):
        QApplication.processEvents()
    assert (made, results) == ([0], [])
    begun.clear()
    task.start.changed.emit(True)
    wait(lambda: not task.busy)
    assert results == ["done"]


@pytest.mark.parametrize("method", ["max", "dynamic", "attention", "regions"])
def test_pooling(method: str, viewer: Any) -> None:
    ((array, _, _),) = _samples.series()
    layer = viewer.add_image(array, scale=(1, 0.5, 0.5), name="a")
    made = widget(viewer, _pooling.PoolingWidget, layer)
    made.axes.value = "tyx"
    made.method.value = method
    made.size.value, made.stride.value = 3, 2
    assert made.limited.visible is False or method == "dynamic"
    run(made)
    result = viewer.layers["a " + method]
    first = array[0]
    if method == "max":
        expected = adapool.max_pooling(first, 3, stride=2, channel_axis=None)
    elif method == "attention":
        weights = adapool.estimators.ContrastAttention()
        expected = adapool.attention_pooling(first, 3, weights, stride=2, channel_axis=None)
    elif method == "regions":
        regions = adapool.estimators.ObjectRegions(spacing=0.5)
        expected = adapool.region_pooling(first, regions, channel_axis=None).to_map()
    else:
        network = adapool.estimators.BlobSizes(spacing=0.5)
        expected = adapool.dynamic_pooling(
            first, network, stride=2, anchor="center", channel_axis=None
        )
    np.testing.assert_array_equal(result.data[0], expected)
    size = 0.5 if method == "regions" else 1
    np.testing.assert_array_equal(result.scale, (1, size, size))
    # A window of three begins with its middle one pixel farther.
    shift = 0.5 if method in ("max", "attention") else 0
    np.testing.assert_array_equal(result.translate, (0, shift, shift))


def test_napari_opens_the_widgets() -> None:
    from napari import Viewer

    viewer = Viewer(show=False)
    for name, kind in (("Peaks", _peaks.PeaksWidget), ("Pooling", _pooling.PoolingWidget)):
        _, made = viewer.window.add_plugin_dock_widget("adapool", name)
        assert isinstance(made, kind)
        assert made.layer.value is None
        made.task.start.changed.emit(True)  # nothing to do: napari says so
        assert not made.task.busy
    viewer.close()
