"""Arrays of other libraries but xarray: what goes in, and what comes back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import adapool

Array = NDArray[Any]
RNG = np.random.default_rng(0)
IMAGE = RNG.random((8, 9)).astype(np.float32)
COLOUR = RNG.random((3, 8, 9)).astype(np.float32)
PLAIN: dict[str, Any] = {"channel_axis": None}


def as_numpy_sees_it(image: Any) -> None:
    calls: list[Callable[[Any], Any]] = [
        lambda x: adapool.max_pooling(x, 2, **PLAIN),
        lambda x: adapool.dynamic_pooling(x, x, **PLAIN),
        lambda x: adapool.attention_pooling(x, 2, x, **PLAIN),
        lambda x: adapool.deformable_conv(x, [1], np.zeros((8, 9, 2)), mask_network=x, **PLAIN),
        lambda x: adapool.peak_local_max(x, 3),
        lambda x: (
            adapool.region_pooling(x, np.ones((8, 9), int), attention_network=x, **PLAIN).values
        ),
    ]
    for call in calls:
        got, expected = call(image), call(IMAGE)
        assert type(got) is np.ndarray
        np.testing.assert_array_equal(got, expected)


def test_pandas() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: xarray brings it")
    as_numpy_sees_it(pandas.DataFrame(IMAGE))


def test_zarr(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", reason="zarr is not installed: it is in the extra 'docs'")
    stored = zarr.create_array(str(tmp_path / "image"), shape=(8, 9), chunks=(4, 4), dtype="f4")
    stored[:] = IMAGE
    as_numpy_sees_it(stored)


def test_memory_maps(tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", IMAGE)
    as_numpy_sees_it(np.load(tmp_path / "image.npy", mmap_mode="r"))


def test_jax() -> None:
    numpy = pytest.importorskip("jax.numpy", reason="jax is not installed")
    as_numpy_sees_it(numpy.asarray(IMAGE))


def test_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: it is in 'bench'")
    as_numpy_sees_it(torch.tensor(IMAGE))


class Tensor:
    """What NumPy and torch do with a tensor on the host that requires grad."""

    requires_grad = True

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self) -> Array:
        return IMAGE


def test_tensors_that_require_grad_are_refused_and_the_advice_is_right() -> None:
    tensors: list[Any] = [Tensor()]
    if (torch := sys.modules.get("torch")) is not None:
        tensors.append(torch.tensor(IMAGE, requires_grad=True))
    for tensor in tensors:
        with pytest.raises(TypeError, match=r"pass feature_map.detach\(\)"):
            adapool.max_pooling(tensor, 2, **PLAIN)
        with pytest.raises(TypeError, match=r"pass attention_network.detach\(\)"):
            adapool.attention_pooling(IMAGE, 2, tensor, **PLAIN)
        with pytest.raises(TypeError, match=r"pass param_network.detach\(\)"):
            adapool.dynamic_pooling(IMAGE, lambda given, t=tensor: t, **PLAIN)
        as_numpy_sees_it(tensor.detach())


def test_masked_arrays_are_refused_and_the_advice_is_right() -> None:
    masked = np.ma.masked_less(IMAGE, 0.3)
    calls: list[Callable[[Any], Any]] = [
        lambda x: adapool.max_pooling(x, 2, **PLAIN),
        lambda x: adapool.peak_local_max(x, 3),
        lambda x: (
            adapool.region_pooling(x, np.ones((8, 9), int), attention_network=x, **PLAIN).values
        ),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"pass (feature_map|image).filled\(value\)"):
            call(masked)
        call(masked.filled(0))


def test_sparse_arrays_are_refused_and_the_advice_is_right() -> None:
    from scipy import sparse

    sparsely = sparse.csr_array(IMAGE)
    with pytest.raises(TypeError, match=r"pass feature_map.toarray\(\)"):
        adapool.max_pooling(sparsely, 2, **PLAIN)
    adapool.max_pooling(sparsely.toarray(), 2, **PLAIN)


def test_what_numpy_cannot_read_says_so() -> None:
    class Locked:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            raise TypeError("kept elsewhere")

    with pytest.raises(
        TypeError, match=r"feature_map must be an array that NumPy can read, .*kept"
    ):
        adapool.max_pooling(Locked(), 2, **PLAIN)


def test_collections_of_dask_that_are_no_arrays() -> None:
    dask = pytest.importorskip("dask")
    lazy = dask.delayed(lambda: IMAGE)()
    with pytest.raises(TypeError, match=r"pass feature_map.compute\(\)"):
        adapool.max_pooling(lazy, 2, **PLAIN)
    adapool.max_pooling(lazy.compute(), 2, **PLAIN)
