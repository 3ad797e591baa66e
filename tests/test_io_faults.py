"""Files that hold no image, and images that are told something of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
