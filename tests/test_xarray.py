"""Arrays of xarray: names of dimensions, coordinates and attributes are kept."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import dask.array as da
import numpy as np
import pytest
from numpy.typing import NDArray

import adapool
from adapool.estimators import BlobSizes, ThicknessSizes

xarray = pytest.importorskip("xarray", reason="xarray is not installed: it is in the extra 'test'")

Array = NDArray[Any]
RNG = np.random.default_rng(0)
IMAGE = RNG.random((8, 9)).astype(np.float32)
COLOUR = RNG.random((3, 8, 9)).astype(np.float32)
PLAIN: dict[str, Any] = {"channel_axis": None}


def named(array: Array = IMAGE, dims: tuple[str, ...] = ("y", "x"), chunk: bool = False) -> Any:
    """An array of xarray with coordinates of several kinds."""
    y, x = (array.shape[dims.index(dim)] for dim in "yx")
    coords = {
        "y": 0.5 * np.arange(y),
        "x": list("abcdefghijklmnop"[:x]),
        "time": ("y", np.arange(y).astype("M8[s]")),
        "height": (("y", "x"), np.add.outer(np.arange(y), 10.0 * np.arange(x))),
        "field": 7,
    }
    if "c" in dims:
        coords["c"] = ["red", "green", "blue"]
    result = xarray.DataArray(array, coords, dims, name="counts", attrs={"units": "photons"})
    return result.chunk({"x": 4}) if chunk else result


@pytest.mark.parametrize("chunk", [False, True], ids=["in memory", "Dask"])
def test_windows_of_one_size_keep_names_and_the_middles_of_coordinates(chunk: bool) -> None:
    values, indices = adapool.max_pooling(named(chunk=chunk), 2, return_indices=True, **PLAIN)
    expected = adapool.max_pooling(IMAGE, 2, return_indices=True, **PLAIN)
    for got, want in zip((values, indices), expected, strict=True):
        assert isinstance(got, xarray.DataArray)
        assert isinstance(got.data, da.Array if chunk else np.ndarray)
        np.testing.assert_array_equal(got.values, want)
        assert got.dims == ("y", "x")
        np.testing.assert_array_equal(got.y, [0.25, 1.25, 2.25, 3.25])
        assert got.field == 7
        assert "x" not in got.coords  # between two letters there is none
        assert got.time.values[1] == np.datetime64(2500, "ms")
        assert got.height[1, 2] == 2.5 + 45
    assert values.name == "counts"
    assert values.attrs == {"units": "photons"}
    assert indices.name is None
    # As xarray itself has it, of coordinates that it takes the mean of.
    coarse = named().drop_vars(["time", "x"]).coarsen(y=2, x=2, boundary="trim").max()
    xarray.testing.assert_allclose(values.drop_vars("time").compute(), coarse)


def test_windows_about_pixels_keep_coordinates_of_every_kind() -> None:
    got = adapool.max_pooling(named(), 3, stride=2, padding=1, **PLAIN)
    assert list(got.x.values) == list("acegi")
    np.testing.assert_array_equal(got.y, [0, 1, 2, 3])


def test_windows_in_the_padding_have_coordinates_beyond_the_image() -> None:
    got = adapool.max_pooling(named(), (2, 1), stride=1, padding=(1, 0), **PLAIN)
    np.testing.assert_array_equal(got.y, np.arange(-0.25, 4, 0.5))


@pytest.mark.parametrize("chunk", [False, True], ids=["in memory", "Dask"])
def test_windows_of_a_size_of_their_own_have_the_coordinates_of_their_pixels(chunk: bool) -> None:
    sizes = named(np.full((8, 9), 3.0))
    options = {"stride": 2, "max_kernel_size": 3, **PLAIN}
    got = adapool.dynamic_pooling(named(chunk=chunk), sizes, **options)
    np.testing.assert_array_equal(
        got.values, adapool.dynamic_pooling(IMAGE, sizes.values, **options)
    )
    xarray.testing.assert_equal(
        got.drop_attrs().compute().coords.to_dataset(), named()[::2, ::2].coords.to_dataset()
    )


@pytest.mark.parametrize("chunk", [False, True], ids=["in memory", "Dask"])
def test_sites_keep_names_in_what_has_pixels(chunk: bool) -> None:
    params = np.full((8, 9, 4), 3)
    image = named(COLOUR, ("c", "y", "x"), chunk)
    sites = adapool.dynamic_stride_pooling(image, params, max_kernel_size=3, channel_axis=0)
    parts: list[Any] = [sites.owner, sites.labels]
    for part in parts:
        assert part.dims == ("y", "x")
        assert "c" not in part.coords
        assert list(part.x.values) == list("abcdefghi")
    painted = sites.to_map()
    assert painted.dims == ("c", "y", "x")
    assert list(painted.c.values) == ["red", "green", "blue"]
    plain = adapool.dynamic_stride_pooling(COLOUR, params, max_kernel_size=3, channel_axis=0)
    np.testing.assert_array_equal(painted.values, plain.to_map())
    np.testing.assert_array_equal(sites.labels.values, plain.labels)


@pytest.mark.parametrize("chunk", [False, True], ids=["in memory", "Dask"])
def test_regions_keep_names_in_what_has_pixels(chunk: bool) -> None:
    labels = xarray.DataArray(np.arange(72).reshape(8, 9) // 20, dims=("y", "x"))
    image = named(COLOUR, ("c", "y", "x"), chunk)
    sites, indices = adapool.region_pooling(image, labels, channel_axis=0, return_indices=True)
    for part in (sites.owner, sites.labels):
        assert part.dims == ("y", "x")
        assert list(part.x.values) == list("abcdefghi")
    assert sites.to_map().dims == ("c", "y", "x")
    plain, wanted = adapool.region_pooling(
        COLOUR, labels.values, channel_axis=0, return_indices=True
    )
    np.testing.assert_array_equal(sites.to_map().values, plain.to_map())
    np.testing.assert_array_equal(np.asarray(indices), wanted)
    with pytest.raises(ValueError, match=r"region_network .* order .*transpose"):
        adapool.region_pooling(image, labels.transpose("x", "y"), channel_axis=0)


@pytest.mark.parametrize("chunk", [False, True], ids=["in memory", "Dask"])
def test_convolutions_have_channels_of_their_own(chunk: bool) -> None:
    image = named(COLOUR, ("c", "y", "x"), chunk)
    weights, still = np.ones((3, 3, 3, 3), np.float32), np.zeros((8, 9, 2))
    options: dict[str, Any] = {"padding": 1, "max_offset": 1, "channel_axis": 0}
    got = adapool.deformable_conv(image, weights, still, **options)
    assert got.dims == ("c", "y", "x")
    assert "c" not in got.coords  # filters are no colours
    np.testing.assert_array_equal(got.y, named().y)
    scaled = adapool.deformable_conv(image, [1, 2, 3], still, max_offset=1, channel_axis=0)
    assert list(scaled.c.values) == ["red", "green", "blue"]
    pooled = adapool.deformable_conv_and_pool(image, weights, still, 2, **options)
    np.testing.assert_array_equal(pooled.y, [0.25, 1.25, 2.25, 3.25])
    assert pooled.shape == (3, 4, 4)


def test_attention_and_batches_keep_names() -> None:
    stack = xarray.DataArray(COLOUR, {"t": [1, 2, 4]}, ("t", "y", "x"))
    got = adapool.attention_pooling(stack, 4, np.ones((3, 8, 9)), batch_axis=0, **PLAIN)
    assert got.dims == ("t", "y", "x")
    assert list(got.t.values) == [1, 2, 4]
    assert "y" not in got.coords


def test_markers_keep_names_and_points_are_indices() -> None:
    image = named(COLOUR, ("c", "y", "x"))
    sizes = np.full((8, 9), 3)
    markers = adapool.peak_local_max(image, sizes, channel_axis=0, return_markers=True)
    assert markers.dims == ("y", "x")
    assert list(markers.x.values) == list("abcdefghi")
    points = adapool.peak_local_max(image, sizes, channel_axis=0)
    assert type(points) is np.ndarray
    np.testing.assert_array_equal(np.argwhere(markers.values), points[np.lexsort(points.T[::-1])])


def test_labels_weights_and_answers_may_be_of_xarray() -> None:
    labels = named((IMAGE > 0.2).astype(int))
    np.testing.assert_array_equal(
        adapool.peak_local_max(IMAGE, 3, labels=labels),
        adapool.peak_local_max(IMAGE, 3, labels=labels.values),
    )
    answer = xarray.DataArray(np.full((1, 8, 9, 1), 3))
    np.testing.assert_array_equal(
        adapool.dynamic_pooling(IMAGE, lambda given: answer, **PLAIN),
        adapool.dynamic_pooling(IMAGE, 3, **PLAIN),
    )


def test_estimators_take_arrays_of_xarray() -> None:
    image = xarray.DataArray(IMAGE)
    for estimator in (BlobSizes(), ThicknessSizes()):
        got = estimator.predict(image.expand_dims("n").expand_dims("c", -1))
        assert type(got) is np.ndarray


def test_a_variable_and_an_index_of_several_levels() -> None:
    got = adapool.max_pooling(named().variable, 2, **PLAIN)
    assert isinstance(got, xarray.Variable)
    assert got.dims == ("y", "x")
    stacked = named().drop_vars(["x", "height"]).assign_coords(x=range(9))
    flat = xarray.DataArray(
        COLOUR, dims=("c", "y", "x"), coords={"x": stacked.x, "y": stacked.y}
    ).stack(row=("c", "y"))
    got = adapool.max_pooling(flat.transpose("row", "x"), (1, 3), stride=(2, 3), **PLAIN)
    assert got.indexes["row"].nlevels == 2
    got = adapool.max_pooling(flat.transpose("row", "x"), 2, **PLAIN)
    assert "row" not in got.coords


def test_an_operand_in_another_order_is_refused_and_the_advice_is_right() -> None:
    square = named(IMAGE[:, :8])
    sizes = named(np.arange(64.0).reshape(8, 8)).transpose("x", "y")
    with pytest.raises(ValueError, match=r"pass param_network.transpose\('y', 'x'\)"):
        adapool.dynamic_pooling(square, sizes, **PLAIN)
    got = adapool.dynamic_pooling(square, sizes.transpose("y", "x"), **PLAIN)
    assert got.dims == ("y", "x")


def test_a_dataset_is_no_array_and_the_advice_is_right() -> None:
    dataset = named().to_dataset()
    with pytest.raises(TypeError, match=r"as dataset\['counts'\]"):
        adapool.max_pooling(dataset, 2, **PLAIN)
    assert adapool.max_pooling(dataset["counts"], 2, **PLAIN).name == "counts"


def test_xarray_is_not_imported() -> None:
    code = (
        "import sys, numpy, adapool; adapool.max_pooling(numpy.eye(8), 4, channel_axis=None);"
        "print('xarray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_pictures_of_named_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    plot = pytest.importorskip("adapool.plot", reason="matplotlib is not installed")
    sites = adapool.dynamic_stride_pooling(named(), np.full((8, 9, 4), 3), **PLAIN)
    assert plot.show_sites(sites).images
