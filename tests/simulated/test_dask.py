"""Dask arrays of chunks on a device: every call against the naive loops, block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from numpy.typing import NDArray

import adapool
from adapool import cuda
from compare import SITES_FIELDS, assert_same
from cuda_cases import Case, Gradient, cases
from simulated.standins import Cupy, Standin, as_cupy

Array = NDArray[Any]

# Threads of the simulator are Python: infinities times zero warn there, and one runs at a time.
pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.usefixtures("libraries"),
]


def halves(length: int) -> tuple[int, ...]:
    """Two uneven chunks, or one where there is little to cut."""
    return (length // 3, length - length // 3) if length > 2 else (length,)


def lazy(array: Array, chunks: Any = None) -> Any:
    """Return a Dask array of CuPy chunks, as ``da.from_array`` makes it."""
    chunks = tuple(map(halves, array.shape)) if chunks is None else chunks
    return da.from_array(Cupy(array), chunks=chunks, name=False, asarray=False)


def mapped(array: Array, chunks: Any) -> Any:
    """Return one whose chunks are copied to the device by tasks."""
    blocks = da.from_array(array, chunks=chunks, name=False)
    return blocks.map_blocks(as_cupy, dtype=array.dtype, meta=Cupy(np.empty_like(array[:0])))


def on_device(network: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a network that is given, and gives, arrays of the device alone."""

    def call(given: Any) -> Any:
        assert type(given) is Cupy
        return Cupy(network(given.get()))

    return call


def compute(*arrays: Any) -> tuple[Any, ...]:
    results: tuple[Any, ...] = dask.compute(*arrays, scheduler="synchronous")
    return results


def fetched(blocks: Any) -> Any:
    """Copy blocks, or lists of them, to the host."""
    if isinstance(blocks, list):
        return [fetched(block) for block in blocks]
    assert type(blocks) is Cupy
    return blocks.get()


def check(lazies: Sequence[Any], expected: Sequence[Any]) -> None:
    """Metadata, kind of every block, and values."""
    assert len(lazies) == len(expected)
    blocks = compute(*(array.to_delayed().tolist() for array in lazies))
    for array, parts, want in zip(lazies, blocks, expected, strict=True):
        assert type(array._meta) is Cupy
        assert array.dtype == array._meta.dtype == want.dtype
        assert array.ndim == array._meta.ndim == want.ndim
        assert_same(np.block(fetched(parts)), want)


def with_limits(case: Case) -> Case:
    """Return a call with the limits that Dask asks for."""
    dynamic = case.name.startswith("dynamic")
    name = "max_kernel_size" if dynamic else None
    name = "max_offset" if case.name.startswith("deformable") else name
    limit = 5 if name == "max_kernel_size" else 1.5
    return case if name is None else replace(case, options={name: limit} | case.options)


# Those that differ in what is cut into blocks, or in how: grids, operands, axes, indices. Which
# kernel a block comes to, and in which dtype, is for `test_kernels.py`, where all cases run.
CUT = {
    "max overlap, padding, ceil", "max empty windows", "max indices", "max volume indices",
    "max channels and batch moved",
    "attention per pixel, overlap", "attention per channel, indices", "attention per window",
    "attention network", "attention batch",
    "dynamic rectangles, indices", "dynamic strides ignored, limit", "dynamic network",
    "dynamic batch", "dynamic volume of boxes, indices",
    "sites image", "sites dropped", "sites volume",
    "deform padding, mask, bias", "deform shared, strides", "deform offset groups",
    "deform one product", "deform float16 offsets", "deform batch",
    "fused indices", "fused one product",
}  # fmt: skip
CASES = [with_limits(case) for case in cases() if case.label in CUT]
assert len(CASES) == len(CUT)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.label for case in CASES])
def test_case(number: int) -> None:
    """With every other case all operands are in chunks; with the others, in device memory."""
    case, send = CASES[number], (lazy, Cupy)[number % 2]

    def place(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return send(value)
        return on_device(value) if callable(value) else value

    image, *operands = case.arguments
    expected = case.expected()
    pooled = getattr(adapool, case.name)(
        lazy(image),
        *map(place, operands),
        **{name: place(value) for name, value in case.options.items()},
    )
    if isinstance(pooled, adapool.Sites):
        fields = [getattr(pooled, name) for name in SITES_FIELDS]
        wanted = [getattr(expected, name) for name in SITES_FIELDS]
        fields += [pooled.labels, pooled.to_map()]
        check(fields, [*wanted, expected.owner + np.int32(1), expected.to_map()])
    elif isinstance(pooled, tuple):
        check(pooled, expected)
    else:
        check([pooled], [expected])


IMAGE = np.random.default_rng(0).integers(0, 50, (5, 6)).astype(np.float32)
CHUNKS = ((1, 0, 3, 1), (2, 4))


@pytest.mark.parametrize("make", [lazy, mapped])
def test_chunks_smaller_than_windows_and_empty_ones(make: Callable[..., Any]) -> None:
    options: dict[str, Any] = {"channel_axis": None, "return_indices": True}
    sizes = np.random.default_rng(1).integers(1, 6, IMAGE.shape)
    check(
        adapool.max_pooling(make(IMAGE, CHUNKS), 5, stride=2, padding=2, **options),
        adapool.max_pooling(IMAGE, 5, stride=2, padding=2, **options),
    )
    options |= {"anchor": "center", "stride": 2, "max_kernel_size": 5}
    check(
        adapool.dynamic_pooling(make(IMAGE, CHUNKS), make(sizes, 4), **options),
        adapool.dynamic_pooling(IMAGE, sizes, **options),
    )


def test_networks_see_their_halo() -> None:
    """A network that looks one pixel far, given one pixel more than it needs."""

    def network(images: Array) -> Array:
        padded = np.pad(images[..., 0], ((0, 0), (1, 1), (1, 1)))
        near = sum(
            padded[:, y : y + images.shape[1], x : x + images.shape[2]]
            for y in range(3)
            for x in range(3)
        )
        return np.stack([near % 3 + 1, near % 4 + 1, near % 2 + 1, near % 3 + 1], -1)

    def still(images: Array) -> Array:
        return network(images)[..., :2] - 2

    options: dict[str, Any] = {"channel_axis": None}
    image = lazy(IMAGE, CHUNKS)
    far: dict[str, Any] = options | {"network_halo": 2}
    check(
        [adapool.dynamic_pooling(image, on_device(network), max_kernel_size=3, **far)],
        [adapool.dynamic_pooling(IMAGE, network, max_kernel_size=3, **options)],
    )
    check(
        [adapool.deformable_conv(image, Cupy(np.ones(1)), on_device(still), max_offset=2, **far)],
        [adapool.deformable_conv(IMAGE, np.ones(1), still, max_offset=2, **options)],
    )
    found = adapool.dynamic_stride_pooling(image, on_device(network), max_kernel_size=3, **far)
    sites = adapool.dynamic_stride_pooling(IMAGE, network, max_kernel_size=3, **options)
    check([found.values, found.to_map()], [sites.values, sites.to_map()])


@pytest.mark.parametrize("reduction", ["max", "min", "sum"])
def test_regions(reduction: str) -> None:
    labels = np.arange(IMAGE.size).reshape(IMAGE.shape) // 3 % 5
    options: dict[str, Any] = {"channel_axis": None, "reduction": reduction}
    expected = adapool.region_pooling(IMAGE, labels, **options)
    sites = adapool.region_pooling(lazy(IMAGE, CHUNKS), lazy(labels, CHUNKS), **options)
    names = ("values", "positions", "sizes", "owner")
    check(
        [*(getattr(sites, name) for name in names), sites.to_map()],
        [*(getattr(expected, name) for name in names), expected.to_map()],
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_truncation_is_of_a_sum_in_the_whole_image(dtype: Any) -> None:
    """In float32 column 270 and a hair to its left are column 270; in a chunk they are not."""
    image = np.arange(300, dtype=np.float32)[np.newaxis]
    offsets = np.full((*image.shape, 2), -1e-5, dtype)
    options: dict[str, Any] = {"max_offset": 1, "channel_axis": None}
    expected = adapool.deformable_conv(image, [1.0], offsets, **options)
    factors = Cupy(np.ones(1))
    pooled = adapool.deformable_conv(lazy(image, (1, 130)), factors, Cupy(offsets), **options)
    check([pooled], [expected])


OPERANDS: dict[str, tuple[str, ...]] = {
    "attention_pooling": ("attention_network",),
    "dynamic_pooling": ("param_network",),
    "dynamic_stride_pooling": ("param_network",),
    "region_pooling": ("region_network", "attention_network"),
    "deformable_conv": ("conv_weights", "offset_network", "mask_network", "bias"),
    "deformable_conv_and_pool": ("conv_weights", "offset_network", "mask_network", "bias"),
}


@pytest.mark.parametrize("name", OPERANDS)
@pytest.mark.parametrize("chunked", [True, False])
def test_sides_do_not_mix(name: str, chunked: bool) -> None:
    sized = ("attention_pooling", "deformable_conv_and_pool")
    options: dict[str, Any] = {"kernel_size": 2} if name in sized else {}
    on_host = da.from_array(IMAGE, chunks=4) if chunked else IMAGE
    there = lazy(IMAGE) if chunked else Cupy(IMAGE)
    needed = [other for other in OPERANDS[name] if other not in ("mask_network", "bias")]
    for wrong in OPERANDS[name]:
        for image, right, other, places in (
            (lazy(IMAGE), there, on_host, f"feature_map.* on the device and {wrong} in host"),
            (da.from_array(IMAGE, chunks=4), on_host, there, f"{wrong} on the device and feature"),
        ):
            operands = dict.fromkeys(needed, right) | {wrong: other}
            with pytest.raises(TypeError, match=f"got {places}"):
                getattr(adapool, name)(image, **operands, **options)


def test_peaks_are_for_the_host() -> None:
    with pytest.raises(TypeError, match=r"copy it to the host, as \.map_blocks\(cupy\.asnumpy\)"):
        adapool.peak_local_max(lazy(IMAGE))
    with pytest.raises(TypeError, match="param_network must be a NumPy array, got a Dask array"):
        adapool.peak_local_max(IMAGE, lazy(IMAGE))


class Described(Standin):
    """A device array that Dask could hold and neither cut nor join."""

    dtype, shape, ndim = np.dtype(np.float32), (0, 0), 2


def test_chunks_of_other_libraries() -> None:
    image = da.from_array(IMAGE, chunks=4)
    image._meta = Described(np.empty((0, 0), np.float32))
    with pytest.raises(TypeError, match="feature_map must have chunks of NumPy or CuPy"):
        adapool.max_pooling(image, 2, channel_axis=None)


def test_nothing_is_computed_and_no_array_leaves_while_the_graph_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("computed while the graph was built")

    for name in ("max_pooling", "dynamic_pooling"):
        monkeypatch.setattr(cuda, name, refuse)
    pooled = [
        adapool.max_pooling(lazy(IMAGE), 2, channel_axis=None),
        adapool.dynamic_pooling(lazy(IMAGE), lazy(IMAGE), max_kernel_size=2, channel_axis=None),
    ]
    for array in pooled:
        with pytest.raises(AssertionError, match="while the graph"):
            compute(array)


def test_results_are_joined_on_the_device() -> None:
    pooled = adapool.max_pooling(lazy(IMAGE), 2, channel_axis=None)
    (joined,) = compute(pooled)
    assert type(joined) is Cupy
    assert_same(joined.get(), adapool.max_pooling(IMAGE, 2, channel_axis=None))


def test_the_stand_in_refuses_what_cupy_refuses() -> None:
    there, here = Cupy(IMAGE.copy()), IMAGE.copy()
    for mixed in (
        lambda: np.asarray(there),
        lambda: there + here,
        lambda: np.where(there, there, here),
        lambda: np.concatenate([there, here]),
        lambda: there.__setitem__(slice(None), here),
        lambda: np.median(there),
    ):
        with pytest.raises(TypeError):
            mixed()


PULLED = {
    "gradient max", "gradient attention per window", "gradient fractional",
    "gradient deformable, mask, bias", "gradient fused",
}  # fmt: skip


@pytest.mark.parametrize("case", [c for c in cases() if c.label in PULLED], ids=lambda c: c.label)
def test_gradients(case: Case) -> None:
    """Parts of gradients are added on the device."""
    assert isinstance(case, Gradient)
    case = with_limits(case)
    assert isinstance(case, Gradient)

    def placed(value: Any) -> Any:
        return lazy(value) if isinstance(value, np.ndarray) else value

    options = {name: placed(value) for name, value in case.options.items()}
    arguments = map(placed, case.arguments)
    _, pullback = adapool.vjp(getattr(adapool, case.name), *arguments, **options)
    found = pullback(lazy(case.cotangent()))
    expected = dict(zip(case.names(), case.expected(), strict=True))
    check([found[name] for name in expected], list(expected.values()))
