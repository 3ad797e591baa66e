"""Files of every kind, written by the libraries of their formats, and what is read of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adapool
from adapool import io

tifffile = pytest.importorskip("tifffile", reason="files need the extra 'files'")
iio = pytest.importorskip("imageio.v3", reason="files need the extra 'files'")
zarr = pytest.importorskip("zarr", reason="files need the extra 'files'")
models = pytest.importorskip("ome_zarr_models", reason="files need the extra 'files'")

MICRONS = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5, "PhysicalSizeXUnit": "µm"}


def pixels(*shape: int, dtype: Any = np.uint16) -> Any:
    return np.random.default_rng(0).integers(0, 250, shape).astype(dtype)


def ome(path: Path, array: Any, axes: str, **about: Any) -> None:
    tifffile.imwrite(path, array, ome=True, metadata={"axes": axes, **about})


def checked(path: Path, array: Any, named: str, spacing: Any = None, **options: Any) -> io.Image:
    """Read a file at once and lazily: both are the array, in native byte order."""
    image = io.read(path, **options)
    assert isinstance(image.array, np.ndarray)
    lazy = io.read(path, lazy=True, **options)
    assert (image.axes, image.spacing) == (lazy.axes, lazy.spacing) == (named, spacing)
    for each in (image.array, lazy.array.compute(), np.asarray(lazy)):
        assert each.dtype == array.dtype.newbyteorder("=")
        assert each.dtype.isnative
        np.testing.assert_array_equal(each, array)
    part = (slice(1, 7), slice(2, 9))
    np.testing.assert_array_equal(
        lazy.array[(..., *part)].compute(), array[(..., *part)], err_msg="a part of it"
    )
    return image


# --- TIFF ---------------------------------------------------------------------------------------


def test_ome_tiff(tmp_path: Path) -> None:
    path, array = tmp_path / "a.ome.tif", pixels(2, 3, 4, 20, 30)
    names = {"Channel": {"Name": ["DAPI", "GFP", "RFP"]}}
    ome(path, array, "TCZYX", PhysicalSizeZ=1500, PhysicalSizeZUnit="nm", **MICRONS, **names)
    image = checked(path, array, "tczyx", (1.5, 0.5, 0.25))
    assert image.channels == ("DAPI", "GFP", "RFP")
    assert (image.batch_axis, image.channel_axis) == (0, 1)
    for channel in (1, "1", "GFP"):
        checked(path, array[:, 1], "tzyx", (1.5, 0.5, 0.25), channel=channel)
    frames = list(image.frames())
    assert [frame.axes for frame in frames] == ["czyx", "czyx"]
    np.testing.assert_array_equal(frames[1], array[1])
    assert image.at("z", 2).spacing == (0.5, 0.25)


def test_axes_of_length_one_are_left_out(tmp_path: Path) -> None:
    path, array = tmp_path / "a.ome.tif", pixels(1, 1, 4, 20, 1)
    ome(path, array, "TCZYX", **MICRONS)
    with pytest.warns(UserWarning, match="how far planes are apart"):
        image = io.read(path)
    assert (image.axes, image.array.shape, image.spacing) == ("zyx", (4, 20, 1), (0.5, 0.5, 0.25))


def test_lengths_that_are_none_give_no_spacing(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    ome(path, pixels(20, 30), "YX", PhysicalSizeX=2, PhysicalSizeXUnit="pixel")
    assert io.read(path).spacing is None
    assert io.read(path, spacing=0.5).spacing == (0.5, 0.5)
    assert io.read(path, spacing=(1, 0.5)).spacing == (1.0, 0.5)


@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"bigtiff": True, "compression": "zlib", "tile": (16, 16)},
        {"compression": "lzw", "predictor": True, "rowsperstrip": 3},
        {"byteorder": ">", "bigtiff": True, "rowsperstrip": 4},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_plain_tiff(options: dict[str, Any], dtype: Any, tmp_path: Path) -> None:
    path, array = tmp_path / "a.tif", pixels(40, 50, dtype=dtype)
    tifffile.imwrite(path, array, resolution=(300, 300), **options)
    checked(path, array, "yx")  # 300 dots an inch say how large it is printed


def test_pyramids_and_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, array = tmp_path / "a.ome.tif", pixels(3, 200, 300)
    with tifffile.TiffWriter(path, ome=True) as file:
        about = {"axes": "CYX", **MICRONS}
        file.write(array, subifds=1, metadata=about, tile=(16, 32), compression="zlib")
        file.write(array[:, ::2, ::2], subfiletype=1, tile=(16, 32), compression="zlib")
    checked(path, array, "cyx", (0.5, 0.25))
    # Of a page that is too large to be fetched whole, some rows of tiles are.
    from adapool.io import _tiff

    monkeypatch.setattr(_tiff, "_PAGE", 1000)
    monkeypatch.setattr(_tiff, "_SIDE", 64)
    lazy = io.read(path, lazy=True)
    assert lazy.array.chunksize == (1, 32, 64)
    checked(path, array, "cyx", (0.5, 0.25))


def test_ome_tiff_in_several_files(tmp_path: Path) -> None:
    array = pixels(2, 20, 30)
    names = ["a.ome.tif", "b.ome.tif"]
    parts = "".join(
        f'<TiffData IFD="0" FirstC="{c}"><UUID FileName="{name}">urn:uuid:{c}</UUID></TiffData>'
        for c, name in enumerate(names)
    )
    for number, name in enumerate(names):
        text = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:{number}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            'DimensionOrder="XYCZT" Type="uint16" SizeX="30" SizeY="20" SizeC="2" SizeZ="1" '
            f'SizeT="1" PhysicalSizeX="0.25" PhysicalSizeY="0.5">{parts}</Pixels></Image></OME>'
        )
        tifffile.imwrite(tmp_path / name, array[number], description=text, metadata=None)
    checked(tmp_path / "a.ome.tif", array, "cyx", (0.5, 0.25))


def test_imagej(tmp_path: Path) -> None:
    path, array = tmp_path / "a.tif", pixels(2, 3, 2, 20, 30)
    about = {"axes": "TZCYX", "spacing": 2.0, "unit": "\\u00B5m"}
    tifffile.imwrite(path, array, imagej=True, resolution=(4, 2), metadata=about)
    checked(path, array, "tzcyx", (2.0, 0.5, 0.25))
    about = {"axes": "TYX", "unit": "pixel"}
    tifffile.imwrite(path, array[0, :, 0], imagej=True, resolution=(1, 1), metadata=about)
    checked(path, array[0, :, 0], "tyx")


def test_pages_that_say_nothing(tmp_path: Path) -> None:
    path, array = tmp_path / "a.tif", pixels(5, 20, 30)
    with tifffile.TiffWriter(path) as file:
        for page in array:
            file.write(page, metadata=None, contiguous=False)
    with pytest.warns(UserWarning, match="does not say what its 5 pages are: .*axes='tyx'"):
        assert io.read(path).axes == "zyx"
    checked(path, array, "tyx", axes="tyx")
    with pytest.raises(ValueError, match="axes must have a letter for each of the 3 axes"):
        io.read(path, axes="yx")
    with pytest.raises(ValueError, match="axes must be letters of 'tczyx'"):
        io.read(path, axes="qyx")
    with pytest.raises(ValueError, match="in the order zyx"):
        io.read(path, axes="xyz")


def test_two_unknown_axes_are_named_by_the_caller(tmp_path: Path) -> None:
    path, array = tmp_path / "a.tif", pixels(2, 5, 20, 30)
    tifffile.imwrite(path, array, metadata={"axes": "QRYX"})
    with pytest.raises(ValueError, match="name them, as in axes='tyx'"):
        io.read(path)
    checked(path, array, "tzyx", axes="tzyx")


def test_colours(tmp_path: Path) -> None:
    path, array = tmp_path / "a.tif", pixels(20, 30, 4, dtype=np.uint8)
    tifffile.imwrite(path, array[..., :3], photometric="rgb")
    assert io.read(path).axes == "yxc"
    np.testing.assert_array_equal(io.read(path, channel=2), array[..., 2])
    tifffile.imwrite(path, array, photometric="rgb", extrasamples=["unassalpha"])
    for image in (io.read(path), io.read(path, lazy=True)):
        np.testing.assert_array_equal(image, array[..., :3])  # without opacity


def test_four_planes_are_not_three_and_opacity(tmp_path: Path) -> None:
    path, array = tmp_path / "a.tif", pixels(4, 20, 30)
    tifffile.imwrite(path, array, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(io.read(path), array)


@pytest.mark.parametrize("tiled", [{}, {"compression": "zlib"}, {"tile": (16, 16)}], ids=str)
def test_what_is_truncated_is_never_read_as_if_it_were_not(
    tiled: dict[str, Any], tmp_path: Path
) -> None:
    whole, path, array = tmp_path / "whole.tif", tmp_path / "cut.tif", pixels(3, 48, 48)
    tifffile.imwrite(whole, array, photometric="minisblack", **tiled)
    content = whole.read_bytes()
    refused = 0
    for length in range(0, len(content), len(content) // 23):
        path.write_bytes(content[:length])
        for lazy in (False, True):
            try:
                found = np.asarray(io.read(path, axes="zyx", lazy=lazy).array)
            except ValueError:
                refused += 1
            else:
                np.testing.assert_array_equal(found, array)
    assert refused > 40


def test_missing_pages_of_ome(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    ome(path, pixels(4, 20, 30), "ZYX")
    text = path.read_bytes()
    path.write_bytes(text.replace(b'SizeZ="4"', b'SizeZ="9"').replace(b"SizeZ=4", b"SizeZ=9"))
    with pytest.raises(ValueError, match="cannot read"):
        io.read(path)


# --- pictures -----------------------------------------------------------------------------------


def test_pictures(tmp_path: Path) -> None:
    array = pixels(20, 30, 4, dtype=np.uint8)
    for name, given, wanted, axes in (
        ("grey.png", array[..., 0], array[..., 0], "yx"),
        ("16.png", array[..., 0].astype(np.uint16) * 200, None, "yx"),
        ("colour.png", array[..., :3], None, "yxc"),
        ("opacity.png", array, array[..., :3], "yxc"),
        ("grey and opacity.png", array[..., :2], array[..., 0], "yx"),
    ):
        iio.imwrite(tmp_path / name, given)
        checked(tmp_path / name, given if wanted is None else wanted, axes)
    flat = np.full((20, 30, 3), 90, np.uint8)
    iio.imwrite(tmp_path / "a.JPEG", flat)
    checked(tmp_path / "a.JPEG", flat, "yxc")


# --- OME-Zarr -----------------------------------------------------------------------------------


def ome_zarr(path: Path, version: str, levels: int = 2, unit: str | None = "nanometer") -> Any:
    """Write an OME-Zarr, by the library of its metadata alone; return its finest level."""
    array = pixels(2, 3, 20, 30)
    if version == "0.5":
        from ome_zarr_models.v05 import Image
        from ome_zarr_models.v05.axes import Axis
        from pydantic_zarr.v3 import ArraySpec

        named: dict[str, Any] = {"dimension_names": tuple("czyx")}
    else:
        from ome_zarr_models.v04 import Image
        from ome_zarr_models.v04.axes import Axis
        from pydantic_zarr.v2 import ArraySpec

        named = {}
    parts = [array[..., :: 2**level, :: 2**level] for level in range(levels)]
    image = Image.new(
        array_specs=[ArraySpec.from_array(part, **named) for part in parts],
        paths=[f"s{level}" for level in range(levels)],
        axes=[Axis(name="c", type="channel")]
        + [Axis(name=name, type="space", unit=unit) for name in "zyx"],
        scales=[[1, 1500, 250 * 2.0**level, 250 * 2.0**level] for level in range(levels)],
        translations=[None] * levels,
        global_scale=[1, 2, 1, 1],
        global_translation=[0, 0, 0, 0],
    )
    group = image.to_zarr(zarr.storage.LocalStore(path), path="")
    for level, part in enumerate(parts):
        group[f"s{level}"][:] = part
    return array


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr(version: str, tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    array = ome_zarr(path, version)
    checked(path, array, "czyx", (3.0, 0.25, 0.25))
    checked(path, array[1], "zyx", (3.0, 0.25, 0.25), channel=1)
    ome_zarr(tmp_path / "pixels.zarr", version, unit=None)
    checked(tmp_path / "pixels.zarr", array, "czyx")


def test_zarr_without_an_image(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "a.zarr")
    with pytest.raises(ValueError, match="no metadata of an image"):
        io.read(tmp_path / "a.zarr")
    about = {"plate": {"wells": [{"path": "B/2"}]}}
    zarr.create_group(tmp_path / "p.zarr", attributes={"ome": about})
    with pytest.raises(ValueError, match=r"a plate: name an image in it, as .*p\.zarr.B.2.0"):
        io.read(tmp_path / "p.zarr")
    plain = zarr.create_array(tmp_path / "b.zarr", data=pixels(3, 20, 30))
    with pytest.raises(ValueError, match="name them"):
        io.read(tmp_path / "b.zarr")
    checked(tmp_path / "b.zarr", plain[:], "tyx", axes="tyx")


# --- what cannot be read ------------------------------------------------------------------------


def test_advice(tmp_path: Path) -> None:
    ome(tmp_path / "cells.tif", pixels(20, 30), "YX")
    with pytest.raises(FileNotFoundError, match=r"did you mean .*cells\.tif\?"):
        io.read(tmp_path / "cels.tif")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        io.read(tmp_path / "none" / "a.tif")
    (tmp_path / "a.czi").touch()
    with pytest.raises(ValueError, match=r"has \.czi.*save it as OME-TIFF"):
        io.read(tmp_path / "a.czi")
    with pytest.raises(ValueError, match="there is no channel 'DAPI': the file names none"):
        io.read(tmp_path / "cells.tif", channel="DAPI")
    with pytest.raises(ValueError, match="channel must be from 0 to 0, got 1"):
        io.read(tmp_path / "cells.tif", channel=1)
    for name in ("a.tif", "a.png"):
        (tmp_path / name).write_bytes(b"no image")
        with pytest.raises(ValueError, match=f"cannot read .*{name}: "):
            io.read(tmp_path / name)


def test_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ome(tmp_path / "a.tif", pixels(20, 30), "YX")
    monkeypatch.delitem(sys.modules, "adapool.io._tiff", raising=False)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(ImportError, match=r"files need tifffile: .*files\]"):
        io.read(tmp_path / "a.tif")


# --- writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.ome.tif", "a.tiff", "a.ome.zarr"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float64"])
def test_what_is_written_is_read(name: str, dtype: str, tmp_path: Path) -> None:
    array = pixels(3, 2, 20, 30, dtype=dtype)
    image = io.Image(array, "ctyx", (0.5, 0.25), ("A", "B", "C"))
    path = tmp_path / "made" / name
    io.write(path, image)
    found = io.read(path)
    assert (found.spacing, found.channels) == (image.spacing, image.channels)
    if name.endswith("zarr"):  # in the order that the format wants
        assert found.axes == "tcyx"
        assert type(models.open_ome_zarr(zarr.open_group(path, mode="r"))).__name__ == "Image"
    back = found.array.transpose([found.axes.index(axis) for axis in image.axes])
    np.testing.assert_array_equal(back, array)
    assert sorted(each.name for each in path.parent.iterdir()) == [name]


def test_lazy_images_are_written(tmp_path: Path) -> None:
    da = pytest.importorskip("dask.array")
    array = pixels(3, 20, 30)
    for name in ("a.tif", "a.zarr"):
        io.write(tmp_path / name, da.from_array(array, chunks=(2, 7, 30)), axes="tyx")
        image = io.read(tmp_path / name)
        assert image.axes == "tyx"
        np.testing.assert_array_equal(image, array)


def test_writing_refuses(tmp_path: Path) -> None:
    array = pixels(20, 30)
    for name in ("a.tif", "a.zarr"):
        io.write(tmp_path / name, array)
        with pytest.raises(FileExistsError, match="--force, replaces it"):
            io.write(tmp_path / name, array)
        io.write(tmp_path / name, array[:10], overwrite=True)
        assert io.read(tmp_path / name).array.shape == (10, 30)
    with pytest.raises(TypeError, match=r"OME-TIFF has no int64: convert .*or write a \.zarr"):
        io.write(tmp_path / "b.tif", array.astype(np.int64))
    with pytest.raises(ValueError, match="must end in"):
        io.write(tmp_path / "b.png", array)
    with pytest.raises(ValueError, match="spacing must have a number for each of the axes 'yx'"):
        io.write(tmp_path / "b.tif", array, spacing=(1, 2, 3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "a.zarr"]


def test_nothing_is_left_of_what_failed(tmp_path: Path) -> None:
    da = pytest.importorskip("dask.array")

    def stop(block: Any) -> Any:
        raise RuntimeError("in the middle")

    broken = da.from_array(pixels(20, 30), chunks=-1).map_blocks(stop, dtype=np.uint16)
    for name in ("a.tif", "a.zarr"):
        io.write(tmp_path / name, pixels(20, 30))
        with pytest.raises(RuntimeError, match="in the middle"):
            io.write(tmp_path / name, broken, overwrite=True)
        np.testing.assert_array_equal(io.read(tmp_path / name), pixels(20, 30))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "a.zarr"]


# --- which files --------------------------------------------------------------------------------


def test_find_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b/2.tif", "b/10.TIF", "b/.hidden.tif", "b/notes.csv", "b/c/3.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.touch()
    ome_zarr(tmp_path / "b" / "4.ome.zarr", "0.5", levels=1)

    def names(*paths: str) -> list[str]:
        return [path.name for path in io.find_files(*paths)]

    assert names("b") == ["2.tif", "4.ome.zarr", "10.TIF"]
    assert names("b/*.tif", "b/c/3.png", "b/2.tif") == ["2.tif", "3.png"]
    assert names("b/**/*") == ["2.tif", "4.ome.zarr", "10.TIF", "3.png"]
    assert names("b/4.ome.zarr") == ["4.ome.zarr"]
    for given, message in (
        ("x*.tif", r"the pattern 'x\*.tif' finds no image; what can be read is TIFF"),
        ("b/3.tif", "did you mean b/2.tif"),
        ("b/notes.csv", r"has \.csv"),
    ):
        with pytest.raises((FileNotFoundError, ValueError), match=message):
            io.find_files(given)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="the folder empty holds no image"):
        io.find_files("empty")


# --- Image --------------------------------------------------------------------------------------


def test_image_is_taken_by_functions() -> None:
    array = pixels(2, 20, 30)
    image = io.Image(array, "cyx")
    pooled = adapool.max_pooling(image, 5, channel_axis=image.channel_axis)
    np.testing.assert_array_equal(pooled, adapool.max_pooling(array, 5, channel_axis=0))
    assert repr(image) == "<Image (c: 2, y: 20, x: 30) uint16, spacing=None>"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: io.Image(pixels(2, 3), "y"), "a letter for each of the 2 axes"),
        (lambda: io.Image(pixels(2, 3), "yy"), "each once at most"),
        (lambda: io.Image(pixels(2, 3), "cy"), "axes must have y and x"),
        (lambda: io.Image(pixels(2, 3), "yx", (1.0,)), "a number for each of the axes 'yx'"),
        (lambda: io.Image(pixels(2, 3), "yx", (1.0, 0.0)), "spacing must be positive"),
    ],
)
def test_images_that_do_not_fit(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
