"""``adapool pool``: what it writes is what the functions return, with larger pixels."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adapool
import file_scenes
from adapool import estimators, io

pytest.importorskip("tifffile", reason="files need the extra 'files'")
pytest.importorskip("ome_zarr_models", reason="files need the extra 'files'")

pytestmark = pytest.mark.usefixtures("folder")

run = partial(file_scenes.run, "pool")


def pooled(image: io.Image, method: str) -> Any:
    """What a method gives for an image in memory, frame by frame."""
    axis: Any = {"channel_axis": image.channel_axis}
    array = image.array
    if method == "max":
        return adapool.max_pooling(array, 2, **axis)
    if method == "attention":
        channels = 1 if image.channel_axis is None else array.shape[image.channel_axis]
        weights = estimators.SoftmaxAttention(channels=channels)
        return adapool.attention_pooling(array, 3, weights, stride=2, **axis)
    network = estimators.VarianceSizes(spacing=image.spacing)
    return adapool.dynamic_pooling(
        array, network, stride=2, max_kernel_size=9, anchor="center", **axis
    )


OPTIONS = {
    "max": ["--size", "2"],
    "attention": ["--size", "3", "--stride", "2", "--estimator", "softmax"],
    "dynamic": ["--size", "9", "--stride", "2", "--estimator", "variance"],
}


@pytest.mark.parametrize("method", OPTIONS)
@pytest.mark.parametrize("form", ["tiff", "zarr"])
def test_methods(method: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    file_scenes.write(Path("in"), "a.tif", "channels.tif", "time.tif")
    run("in", "--method", method, *OPTIONS[method], "-o", "out", "--format", form)
    assert "3 of 3" in capsys.readouterr().err
    for name in ("a", "channels", "time"):
        source = io.read(f"in/{name}.tif")
        found = io.read(f"out/{name}.ome.{form.replace('tiff', 'tif')}")
        assert (found.axes, found.channels) == (source.axes, source.channels)
        assert found.spacing == (None if source.spacing is None else (1.0, 1.0))
        expected = [pooled(frame, method) for frame in source.frames()]
        wanted = np.stack(expected) if "t" in source.axes else expected[0]
        assert found.array.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


def test_regions() -> None:
    file_scenes.write(Path("in"), "a.tif")
    source = io.read("in/a.tif")
    for options, budget in (([], None), (["--budget", "30", "--reduction", "mean"], 30)):
        run("in/a.tif", "--method", "regions", "-o", "a.tif", "--force", *options)
        found = io.read("a.tif")
        assert found.spacing == source.spacing
        network = estimators.ObjectRegions(budget, spacing=source.spacing)
        sites = adapool.region_pooling(
            source.array, network, reduction="mean" if budget else "max", channel_axis=None
        )
        np.testing.assert_array_equal(found, sites.to_map())
        assert len(np.unique(found.array)) > (10 if budget else 2)


def test_large_images_are_pooled_by_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapool.cli import _pool

    volume = np.random.default_rng(0).integers(0, 99, (5, 64, 80), np.uint8)
    io.write("in/v.zarr", volume, spacing=(2, 0.5, 0.5))
    run("in/v.zarr", "--method", "max", "--size", "2,3,3", "-o", "small.zarr")
    expected = io.read("small.zarr")
    assert expected.spacing == (4.0, 1.5, 1.5)
    monkeypatch.setattr(_pool, "_LARGE", 0)
    for target in ("chunks.zarr", "chunks.tif"):
        run("in/v.zarr", "--method", "max", "--size", "2,3,3", "-o", target)
        np.testing.assert_array_equal(io.read(target), expected)


def test_files_that_cannot_be_pooled(capsys: pytest.CaptureFixture[str]) -> None:
    file_scenes.write(Path("in"), "a.tif", "broken.tif")
    run("in", "--method", "max", "--size", "2", "-o", "out", status=1)
    captured = capsys.readouterr()
    assert "skipped in/broken.tif" in captured.err
    assert [path.name for path in Path("out").iterdir()] == ["a.ome.tif"]
    run("in/a.tif", "--method", "max", "--size", "1,2,2", "-o", "b.tif", status=1)
    assert "--size must be a number, or one for each of the axes yx" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--method max -o o", "--method max needs --size"),
        ("--method regions --size 2 -o o", "no --size, which is for max and attention and dynamic"),
        ("--method max --size 2 --estimator blobs -o o", "has no --estimator"),
        ("--method dynamic --estimator softmax -o o", "it takes blobs, scale-space, structure"),
        ("--method max --size 2 -o o.png", "must end in .tif, .tiff or .zarr, or be a folder"),
        ("--method max --size 2 -o in", "in holds the images"),
        ("--method max --size 2 -o in/a.tif", "in/a.tif is one of the images"),
        ("--method max --size 2 -o there.tif", "there.tif exists: --force replaces"),
        ("--method max --size 2 -o data.zarr --force", "data.zarr is a folder: name another"),
    ],
)
def test_refused(arguments: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    file_scenes.write(Path("in"), "a.tif")
    Path("there.tif").touch()
    Path("data.zarr").mkdir()
    run("in/a.tif", *arguments.split(), status=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
