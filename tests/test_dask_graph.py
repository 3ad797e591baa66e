"""What Dask arrays promise beyond equality: laziness, small graphs, little memory, clear errors."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import adapool
import strategies as some
from adapool import cpu
from compare import assert_same
from dask_cases import Local, assert_lazily_same, chunked, few

Array = NDArray[Any]

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
    # Compiled before: numba leaves what the compiling call was given to the garbage collector.
    adapool.max_pooling(SMALL, 5, stride=1, padding=2, channel_axis=None)
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
    pool, given = cpu.max_pooling, []

    def noted(image: Array, *arguments: Any) -> Any:
        assert image.flags.c_contiguous
        assert np.shares_memory(image, source)
        given.append(image.shape)
        return pool(image, *arguments)

    monkeypatch.setattr(cpu, "max_pooling", noted)
    pooled = adapool.max_pooling(lazy, 5, stride=1, padding=2, channel_axis=None)
    result = pooled.compute(scheduler="synchronous")
    assert {columns for *_, columns, _ in given} == {40}
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


@pytest.mark.parametrize(
    "call",
    [
        lambda x, net: adapool.attention_pooling(x, 2, net, channel_axis=None),
        lambda x, net: adapool.dynamic_pooling(x, net, max_kernel_size=4, channel_axis=None),
        lambda x, net: (
            adapool.dynamic_stride_pooling(x, net, max_kernel_size=4, channel_axis=None).values
        ),
        lambda x, net: adapool.deformable_conv(x, [2], net, max_offset=1, channel_axis=None),
        lambda x, net: adapool.deformable_conv(
            x, [2], STILL, mask_network=net, max_offset=1, channel_axis=None
        ),
    ],
    ids=["attention", "dynamic", "sites", "offsets", "masks"],
)
@pytest.mark.parametrize("chunks", [None, 10])
def test_networks_must_not_answer_lazily(call: Any, chunks: int | None) -> None:
    image = SMALL if chunks is None else da.from_array(SMALL, chunks=chunks)
    with pytest.raises(TypeError, match=r"_network must give an array in memory .*compute\(\)"):
        np.asarray(call(image, lambda rows: da.ones((*rows.shape[:-1], 4))))
