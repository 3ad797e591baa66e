"""Dask arrays give what arrays in memory give, at any chunking, and compute nothing before."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage as ndi

import adapool
import strategies as some
from adapool import _eager
from compare import SITES_FIELDS, assert_same, rounding_bound

Array = NDArray[Any]

few = settings(max_examples=25)


@st.composite
def chunkings(draw: st.DrawFn, shape: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Uneven chunks along each axis, down to single elements, some of them empty."""
    chunks = []
    for length in shape:
        cuts = draw(st.lists(st.integers(0, length), max_size=min(length, 4)))
        bounds = [0, *sorted(cuts), length]
        chunks.append(tuple(int(n) for n in np.diff(bounds)))
    return tuple(chunks)


@st.composite
def chunked(draw: st.DrawFn, array: Array) -> Any:
    return da.from_array(array, chunks=draw(chunkings(array.shape)))


@st.composite
def perhaps_chunked(draw: st.DrawFn, operand: Any) -> Any:
    """An array as Dask's, or as it is; networks as they are."""
    if isinstance(operand, np.ndarray) and draw(st.booleans()):
        return draw(chunked(operand))
    return operand


@dataclass(frozen=True)
class Local:
    """A network of numbers per pixel that looks `reach` pixels far."""

    outputs: int
    reach: int
    least: int = 0

    def __call__(self, images: Array) -> Array:
        values = np.nan_to_num(images.astype(np.float64).max(axis=-1), posinf=9, neginf=-9)
        size = (1, *(2 * self.reach + 1 for _ in values.shape[1:]))
        near = ndi.maximum_filter(np.round(values) % 13, size, mode="nearest")
        answer: Array = np.stack([(near + k) % 5 + self.least for k in range(self.outputs)], -1)
        return answer


def assert_lazily_same(lazy: Any, expected: Any) -> None:
    """Metadata that is right before anything is computed, and then the same result."""
    lazies, wanted = ((a,) if not isinstance(a, tuple) else a for a in (lazy, expected))
    assert len(lazies) == len(wanted)
    for array in lazies:
        assert isinstance(array, da.Array)
    for array, want, got in zip(
        lazies, wanted, dask.compute(*lazies, scheduler="synchronous"), strict=True
    ):
        assert array.dtype == want.dtype
        assert array.shape == want.shape
        assert_same(got, want)
    for array in lazies:
        blocks = dask.compute(*array.to_delayed().ravel(), scheduler="synchronous")
        assert [block.shape for block in blocks] == list(itertools.product(*array.chunks))


@few
@given(st.data())
def test_max_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images())
    fixed = data.draw(some.windows(image.spatial))
    options = fixed.options | image.axes | {"return_indices": data.draw(st.booleans())}
    expected = adapool.max_pooling(image.array, fixed.kernel, **options)
    lazy = adapool.max_pooling(data.draw(chunked(image.array)), fixed.kernel, **options)
    assert_lazily_same(lazy, expected)


@few
@given(st.data())
def test_attention_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images())
    fixed = data.draw(some.windows(image.spatial))
    network = data.draw(some.attention_networks(image, fixed))
    options = fixed.options | image.axes | {"return_indices": data.draw(st.booleans())}
    expected = adapool.attention_pooling(image.array, fixed.kernel, network, **options)
    lazy = adapool.attention_pooling(
        data.draw(chunked(image.array)),
        fixed.kernel,
        data.draw(perhaps_chunked(network)),
        **options,
    )
    assert_lazily_same(lazy, expected)


@st.composite
def pixel_networks(draw: st.DrawFn, image: some.Image, arrays: Any, outputs: int) -> Any:
    """What gives numbers per pixel in memory; the same for Dask; and the halo it needs."""
    if draw(st.booleans()):
        reach = draw(st.integers(0, 2))
        network = Local(outputs, reach, least=1)
        halo = draw(st.integers(reach, 3))
        return network, network, draw(some.per_axis([halo] * len(image.spatial)))
    array = draw(arrays((image.batch, *image.spatial, outputs)))
    if image.batch_axis is None and draw(st.booleans()):
        array = array[0]
    elif draw(st.booleans()):
        array = array[:1]
    return array, draw(perhaps_chunked(array)), 0


@few
@given(st.data())
def test_dynamic_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images())
    axes = len(image.spatial)
    outputs = data.draw(st.sampled_from([1, axes, 2 * axes]))
    answers = some.sizes_and_strides if outputs == 2 * axes else some.sizes
    network, lazy_network, halo = data.draw(pixel_networks(image, answers, outputs))
    strides = [data.draw(st.integers(1, 4)) for _ in image.spatial]
    sizes = st.integers(1, 6)
    options = image.axes | {
        "stride": data.draw(some.per_axis(strides)),
        "max_kernel_size": data.draw(sizes | st.tuples(*[sizes] * axes)),
        "anchor": data.draw(some.anchors()),
        "return_indices": data.draw(st.booleans()),
    }
    expected = adapool.dynamic_pooling(image.array, network, **options)
    lazy = adapool.dynamic_pooling(
        data.draw(chunked(image.array)), lazy_network, network_halo=halo, **options
    )
    assert_lazily_same(lazy, expected)


@st.composite
def lazy_convolutions(draw: st.DrawFn, exact: bool) -> tuple[some.Convolution, dict[str, Any]]:
    """A convolution with a limit to its offsets, and what Dask is given in place of each operand.

    Where the output grid is the image, networks are callables half of the time.
    """
    case = draw(
        some.convolutions(
            elements=some.small_whole_or_not_finite if exact else some.finite_value,
            weight_answers=some.exact_weights if exact else some.weights,
            offset_answers=some.exact_offsets if exact else some.any_offsets,
            mask_answers=some.exact_weights if exact else some.masks,
        ).filter(lambda case: isinstance(case.offsets, np.ndarray))
    )
    axes = len(case.sites)
    limits = st.sampled_from([0, 0.5, 1.5, 3])
    case.options["max_offset"] = draw(limits | st.tuples(*[limits] * axes))
    mask = case.options.pop("mask_network", None)
    if isinstance(mask, np.ndarray):
        case.options["mask_network"] = mask
    networks = {"offset_network": case.offsets, **case.options}
    if case.sites == case.image.spatial and draw(st.booleans()):
        network = Local(case.offsets.shape[-1], draw(st.integers(0, 2)))
        return replace(case, offsets=network), {
            **case.options,
            "offset_network": network,
            "network_halo": network.reach,
        }
    lazy = {name: draw(perhaps_chunked(value)) for name, value in networks.items()}
    return case, lazy


@few
@given(st.data())
def test_deformable_conv(data: st.DataObject) -> None:
    exact = data.draw(st.booleans())
    case, options = data.draw(lazy_convolutions(exact))
    expected = adapool.deformable_conv(*case.arguments, **case.options)
    lazy: Any = adapool.deformable_conv(
        data.draw(chunked(case.image.array)), data.draw(perhaps_chunked(case.weights)), **options
    )
    if exact:
        assert_lazily_same(lazy, expected)
        return
    assert (lazy.dtype, lazy.shape) == (expected.dtype, expected.shape)
    bound = rounding_bound(case, expected.dtype)
    result = lazy.compute(scheduler="synchronous")
    np.testing.assert_allclose(result, expected, rtol=0, atol=bound)


@few
@given(st.data())
def test_deformable_conv_and_pool(data: st.DataObject) -> None:
    case, options = data.draw(lazy_convolutions(exact=True))
    pool = data.draw(some.windows(case.sites, largest_dilation=1))
    pooling: dict[str, Any] = {
        "kernel_size": pool.kernel,
        "pool_stride": pool.options.get("stride"),
        "pool_padding": pool.options["padding"],
        "ceil_mode": pool.options["ceil_mode"],
        "return_indices": data.draw(st.booleans()),
    }
    expected = adapool.deformable_conv_and_pool(*case.arguments, **case.options | pooling)
    options |= pooling | {"conv_weights": data.draw(perhaps_chunked(case.weights))}
    lazy = adapool.deformable_conv_and_pool(data.draw(chunked(case.image.array)), **options)
    assert_lazily_same(lazy, expected)


def test_truncation_is_of_a_sum_in_the_whole_image() -> None:
    """In float32 column 4096 and a hair to its left are column 4096; in a chunk they are not."""
    image = np.arange(5000, dtype=np.float32)[np.newaxis]
    for dtype in (np.float16, np.float32):
        offsets = np.full((*image.shape, 2), -1e-5, dtype)
        options: dict[str, Any] = {"max_offset": 1, "channel_axis": None}
        expected = adapool.deformable_conv(image, [1.0], offsets, **options)
        lazy = adapool.deformable_conv(da.from_array(image, chunks=700), [1.0], offsets, **options)
        assert_lazily_same(lazy, expected)


@few
@given(st.data())
def test_dynamic_stride_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images(batches=False))
    axes = len(image.spatial)
    network, lazy_network, halo = data.draw(pixel_networks(image, some.sizes_and_strides, 2 * axes))
    sizes = st.integers(1, 6)
    options = {
        "max_kernel_size": data.draw(sizes | st.tuples(*[sizes] * axes)),
        "anchor": data.draw(some.anchors()),
        "channel_axis": image.channel_axis,
    }
    lazy = adapool.dynamic_stride_pooling(
        data.draw(chunked(image.array)), lazy_network, network_halo=halo, **options
    )
    assert lazy.owner.shape == image.spatial
    names = SITES_FIELDS
    fields = [getattr(lazy, name) for name in names] + [lazy.to_map()]
    try:
        expected = adapool.dynamic_stride_pooling(image.array, network, **options)
    except ValueError:
        with pytest.raises(ValueError, match="some site a window"):
            dask.compute(*fields, scheduler="synchronous")
        return
    wanted = [getattr(expected, name) for name in names] + [expected.to_map()]
    for field, got, want in zip(
        fields, dask.compute(*fields, scheduler="synchronous"), wanted, strict=True
    ):
        assert field.dtype == want.dtype
        assert_same(got, want)


# What is promised beyond equality --------------------------------------------------------------

SMALL = np.arange(36 * 40, dtype=np.float32).reshape(36, 40)
STILL = np.zeros((36, 40, 2), np.float32)

CALLS: dict[str, Callable[[Any], Any]] = {
    "max": lambda x: adapool.max_pooling(x, 3, stride=1, padding=1, channel_axis=None),
    "attention": lambda x: adapool.attention_pooling(
        x, 3, lambda w: w, stride=1, padding=1, channel_axis=None
    ),
    "dynamic": lambda x: adapool.dynamic_pooling(
        x, Local(1, 1), max_kernel_size=4, network_halo=1, channel_axis=None
    ),
    "sites": lambda x: (
        adapool.dynamic_stride_pooling(
            x, Local(4, 1, least=1), max_kernel_size=4, network_halo=1, channel_axis=None
        ).values
    ),
    "deformable": lambda x: adapool.deformable_conv(
        x, [2.0], Local(2, 0), max_offset=2, channel_axis=None
    ),
    "deformable and pool": lambda x: adapool.deformable_conv_and_pool(
        x, [2.0], Local(2, 0), 2, max_offset=2, channel_axis=None
    ),
}


# The same in memory, where there is no halo.
IN_MEMORY: dict[str, Callable[[Any], Any]] = CALLS | {
    "dynamic": lambda x: adapool.dynamic_pooling(
        x, Local(1, 1), max_kernel_size=4, channel_axis=None
    ),
    "sites": lambda x: (
        adapool.dynamic_stride_pooling(
            x, Local(4, 1, least=1), max_kernel_size=4, channel_axis=None
        ).values
    ),
}


def refuse(*_: Any) -> Any:
    raise AssertionError("computed while the graph was built")


@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_computed_while_the_graph_is_built(name: str) -> None:
    image = da.map_blocks(refuse, da.zeros((36, 40), chunks=10), dtype=np.float32, meta=SMALL[:0])
    lazy = CALLS[name](image)
    with pytest.raises(AssertionError, match="while the graph"):
        lazy.compute(scheduler="synchronous")


@pytest.mark.parametrize("name", CALLS)
def test_the_graph_is_linear_in_the_chunks(name: str) -> None:
    sizes = []
    for rows in (64, 128):
        image = da.zeros((10 * rows, 40), chunks=10, dtype=np.float32)
        sizes.append(len(CALLS[name](image).__dask_graph__()))
    assert sizes[1] <= 2.05 * sizes[0]


def test_bands_of_rows_are_let_go() -> None:
    """Of an image in bands of whole rows, a few are held at a time, however many there are."""
    held, most = 0, 0

    def let_go() -> None:
        nonlocal held
        held -= 1

    def fill(block_info: Any = None) -> Array:
        nonlocal held, most
        band = np.ones(block_info[None]["chunk-shape"], np.float32)
        weakref.finalize(band, let_go)
        held += 1
        most = max(most, held)
        return band

    chunks = ((16,) * 64, (64,))
    image = da.map_blocks(fill, chunks=chunks, dtype=np.float32, meta=SMALL[:0])
    pooled = adapool.max_pooling(image, 5, stride=1, padding=2, channel_axis=None)
    assert pooled.max().compute(scheduler="synchronous") == 1
    assert held == 0
    assert most <= 8


@st.composite
def views(draw: st.DrawFn, array: Array) -> Any:
    """Chunks that lie side by side in one array, in memory as in the image or not."""
    image = draw(chunked(array))
    if draw(st.booleans()):
        image = image[tuple(slice(draw(st.integers(0, n - 1)), None) for n in array.shape)]
    return da.roll(image, 2, axis=1) if draw(st.booleans()) else image


@few
@given(st.data())
def test_chunks_of_an_array_in_memory_are_read_in_place(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from([(9, 11), (3, 7, 8), (9, 11, 2)]))
    array = np.random.default_rng(data.draw(st.integers(0, 9))).random(shape, np.float32)
    image = data.draw(views(array))
    whole = image.compute(scheduler="synchronous")
    channel_axis = -1 if shape[-1] == 2 else None
    fixed = data.draw(some.windows(whole.shape[:-1] if channel_axis == -1 else whole.shape))
    options = fixed.options | {
        "channel_axis": channel_axis,
        "return_indices": data.draw(st.booleans()),
    }
    assert_lazily_same(
        adapool.max_pooling(image, fixed.kernel, **options),
        adapool.max_pooling(whole, fixed.kernel, **options),
    )
    assert_lazily_same(
        adapool.attention_pooling(image, fixed.kernel, image, **options),
        adapool.attention_pooling(whole, fixed.kernel, whole, **options),
    )


@pytest.mark.parametrize("chunks", [(4, -1), (4, 5)])
def test_no_chunk_of_an_array_in_memory_is_copied(
    chunks: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the kernels are given is the memory that the array has, along whole rows."""
    lazy = da.from_array(SMALL, chunks=chunks)
    source = lazy.to_delayed()[0, 0].compute().base
    pool, given = _eager.max_pooling, []

    def noted(image: Array, *arguments: Any) -> Any:
        assert image.flags.c_contiguous
        assert np.shares_memory(image, source)
        given.append(image.shape)
        return pool(image, *arguments)

    monkeypatch.setattr(_eager, "max_pooling", noted)
    pooled = adapool.max_pooling(lazy, 5, stride=1, padding=2, channel_axis=None)
    result = pooled.compute(scheduler="synchronous")
    assert {columns for _, columns in given} == {40}
    monkeypatch.undo()
    expected = adapool.max_pooling(SMALL, 5, stride=1, padding=2, channel_axis=None)
    assert_same(result, expected)


@pytest.mark.parametrize("name", CALLS)
def test_threads_of_dask_give_the_same(name: str) -> None:
    lazy = CALLS[name](da.from_array(SMALL, chunks=(9, 15)))
    expected = IN_MEMORY[name](SMALL)
    assert_same(lazy.compute(), expected)


WRONG: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "sizes without a limit": (
        lambda x: adapool.dynamic_pooling(x, SMALL, channel_axis=None),
        ValueError,
        "max_kernel_size must be given",
    ),
    "sites without a limit": (
        lambda x: adapool.dynamic_stride_pooling(x, SMALL, channel_axis=None),
        ValueError,
        "max_kernel_size must be given",
    ),
    "offsets without a limit": (
        lambda x: adapool.deformable_conv(x, [1], STILL, channel_axis=None),
        ValueError,
        "max_offset must be given",
    ),
    "negative halo": (
        lambda x: adapool.dynamic_pooling(
            x, SMALL, max_kernel_size=2, network_halo=-1, channel_axis=None
        ),
        ValueError,
        "network_halo must be non-negative",
    ),
    "network for another grid": (
        lambda x: adapool.deformable_conv(
            x, [1], Local(2, 0), stride=2, max_offset=1, channel_axis=None
        ),
        ValueError,
        "offset_network must be an array where",
    ),
    "wrong shape": (
        lambda x: adapool.dynamic_pooling(x, SMALL[1:], max_kernel_size=2, channel_axis=None),
        ValueError,
        "param_network must give an array of shape",
    ),
    "complex": (
        lambda x: adapool.max_pooling(x.astype(complex), 2, channel_axis=None),
        TypeError,
        "feature_map must hold",
    ),
    "unknown chunks": (
        lambda x: adapool.max_pooling(x[x[:, 0] > 3], 2, channel_axis=None),
        ValueError,
        "feature_map must have chunks of known size",
    ),
    "masked": (
        lambda x: adapool.max_pooling(da.ma.masked_greater(x, 3), 2, channel_axis=None),
        TypeError,
        "feature_map must be a plain array",
    ),
    "Dask weights for an image in memory": (
        lambda x: adapool.attention_pooling(SMALL, 2, x, channel_axis=None),
        TypeError,
        "attention_network must be in memory",
    ),
    "Dask filters for an image in memory": (
        lambda x: adapool.deformable_conv(SMALL, da.ones(1), STILL, channel_axis=None),
        TypeError,
        "conv_weights must be in memory",
    ),
    "halo for an image in memory": (
        lambda x: adapool.dynamic_pooling(SMALL, SMALL, network_halo=1, channel_axis=None),
        ValueError,
        "network_halo must be 0",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls_are_answered_while_the_graph_is_built(name: str) -> None:
    wrong, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        wrong(da.from_array(SMALL, chunks=10))


def test_errors_of_networks_reach_the_caller() -> None:
    def network(images: Array) -> Array:
        if images.max() == SMALL.max():
            raise RuntimeError("no weights for this chunk")
        return images

    lazy = adapool.dynamic_pooling(
        da.from_array(SMALL, chunks=10), network, max_kernel_size=2, channel_axis=None
    )
    with pytest.raises(RuntimeError, match="no weights for this chunk"):
        lazy.compute()
    nan = np.full(SMALL.shape, np.nan)
    lazy = adapool.dynamic_pooling(
        da.from_array(SMALL, chunks=10), nan, max_kernel_size=2, channel_axis=None
    )
    with pytest.raises(ValueError, match="param_network must give finite values"):
        lazy.compute()
