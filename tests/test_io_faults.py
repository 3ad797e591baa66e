"""Files that hold no image, and images that are told something of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adapool
from adapool import io

tifffile = pytest.importorskip("tifffile", reason="files need the extra 'files'")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"photometric": "miniswhite"}, "is white where it is 0"),
        ({"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)}, "table of colours"),
    ],
)
def test_numbers_that_are_not_what_is_seen(
    options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    tifffile.imwrite(tmp_path / "a.tif", image, **options)
    with pytest.warns(UserWarning, match=told):
        read = io.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(read.array, image)


def test_a_table_of_colours_of_imagej_shows_what_was_measured(tmp_path: Path) -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    colours = np.zeros((3, 256), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, metadata={"LUTs": [colours]})
    np.testing.assert_array_equal(io.read(tmp_path / "a.tif").array, image)


def test_of_several_images_the_first_is_read(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.ones((8, 8), np.uint8))
        file.write(np.zeros((4, 4), np.uint8))
    with pytest.warns(UserWarning, match="has 2 images: the first is read"):
        assert io.read(tmp_path / "a.tif").array.shape == (8, 8)


@pytest.mark.parametrize(
    ("name", "held", "message"),
    [
        ("a.tif", b"", "it is empty: 0 bytes"),
        ("a.png", b"", "it is empty: 0 bytes"),
        ("a.tif", b"II*\0\x08", "it ends too early, after 5 bytes"),
        ("a.png", b"no picture at all", "it is no PNG or JPEG, or is damaged"),
    ],
)
def test_files_that_hold_no_image(name: str, held: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(held)
    with pytest.raises(ValueError, match=f"cannot read .*{name}: {message}"):
        io.read(tmp_path / name)


def test_folders_of_something_else_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="is a folder that holds no image"):
        io.write(tmp_path / "a.zarr", np.zeros((8, 8), np.uint8), overwrite=True)
    assert (tmp_path / "a.zarr" / "notes.txt").exists()


# --- images whose axes are known ----------------------------------------------------------------

CHANNELS = io.Image(np.arange(2 * 12 * 10, dtype=np.float32).reshape(2, 12, 10), "cyx")
SERIES = io.Image(CHANNELS.array, "tyx")
VOLUME = io.Image(CHANNELS.array, "zyx")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adapool.peak_local_max(CHANNELS), "channel_axis must be 0 .*'cyx', got None"),
        (lambda: adapool.peak_table(CHANNELS, channel_axis=-1), "must be 0 .*, got 2"),
        (lambda: adapool.max_pooling(CHANNELS, 2), r"pass channel_axis=feature_map\.channel_axis"),
        (lambda: adapool.max_pooling(VOLUME, 2), "channel_axis must be None .*'zyx', got 2"),
        (lambda: adapool.peak_local_max(SERIES), "batch_axis must be 0 .*'tyx', got None"),
        (
            lambda: adapool.region_pooling(CHANNELS, CHANNELS.array[0].astype(int)),
            "channel_axis must be 0",
        ),
    ],
)
def test_axes_that_are_not_what_the_file_says(call: Callable[[], Any], message: str) -> None:
    """Channels that were taken for planes would be a volume, and nothing would tell."""
    with pytest.raises(ValueError, match=message):
        call()


def test_axes_that_are_what_the_file_says() -> None:
    anything: Any = (0, -3, np.int64(-3))
    for axis in anything:
        assert adapool.max_pooling(CHANNELS, 2, channel_axis=axis).shape == (2, 6, 5)
    assert adapool.max_pooling(SERIES, 2, channel_axis=None, batch_axis=0).shape == (2, 6, 5)
    assert adapool.max_pooling(VOLUME, 2, channel_axis=None).shape == (1, 6, 5)
    assert adapool.max_pooling(CHANNELS.array, 2, channel_axis=None).shape == (1, 6, 5)


def test_what_images_are_made_of(tmp_path: Path) -> None:
    make: Any = io.Image
    image = make([[1.0, 2.0], [3.0, 4.0]], "yx", 0.5)
    assert image.array.shape == (2, 2)
    assert image.spacing == (0.5, 0.5)
    assert make(VOLUME.array, "zyx", np.array([2, 1, 1])).spacing == (2.0, 1.0, 1.0)
    io.write(tmp_path / "a.tif", np.zeros((4, 4), np.uint8), spacing=0.25)
    assert io.read(tmp_path / "a.tif").spacing == (0.25, 0.25)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CHANNELS.at("q", 0), "axis must be one of c, got 'q'"),
        (lambda: CHANNELS.at("y", 0), "axis must be one of c, got 'y'"),
        (lambda: io.Image(np.zeros((4, 4)), "yx").at("c", 0), "axis must be one of none"),
        (
            lambda: io.Image(np.zeros((4, 4)), "yx", (1, 1, 1)),
            "spacing must have a number for each",
        ),
        (lambda: io.write("a.tif", np.zeros((1, 2, 8, 8))), "axes must be given for an array of 4"),
        (lambda: io.read(Path(__file__).parent), "is a folder: adapool.io.find_files"),
    ],
)
def test_advice_on_images(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
