"""How a result of adapool is held against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np

import adapool
import naive
import strategies as some

SITES_FIELDS = ("values", "positions", "sizes", "strides", "owner", "labels")


def assert_same(actual: Any, expected: Any) -> None:
    """Equal to the bit but for the sign of zero, in dtype and shape too; NaN equals NaN."""
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    np.testing.assert_array_equal(actual, expected)


def assert_same_sites(actual: Any, expected: Any) -> None:
    for field in SITES_FIELDS:
        assert_same(getattr(actual, field), getattr(expected, field))
    assert_same(actual.to_map(), expected.to_map())


def assert_same_regions(actual: Any, expected: Any) -> None:
    """The same sites, and the same indices where there are some."""
    pairs = [a if isinstance(a, tuple) else (a,) for a in (actual, expected)]
    assert_same_sites(pairs[0][0], pairs[1][0])
    for got, wanted in zip(pairs[0][1:], pairs[1][1:], strict=True):
        assert_same(got, wanted)


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Call a function of adapool, and check that it left every array as it was."""
    arrays = [a for a in (*args, *kwargs.values()) if isinstance(a, np.ndarray)]
    copies = [a.copy() for a in arrays]
    result = getattr(adapool, name)(*args, **kwargs)
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    return result


def both(name: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """The result of adapool and that of the reference."""
    return call(name, *args, **kwargs), getattr(naive, name)(*args, **kwargs)


def rounding_bound(case: some.Convolution, dtype: np.dtype[Any]) -> float:
    """How far the result may be off: a few roundings of each term, and of each partial sum.

    Masks are at most 1 here, and interpolation never exceeds the largest pixel.
    """
    pixel, weight = (
        float(np.abs(a.astype(np.float64)).max()) for a in (case.image.array, case.weights)
    )
    bias = 4 if "bias" in case.options else 0
    terms = case.weights.size + 1
    return 4 * terms * float(np.finfo(dtype).eps) * (terms * pixel * weight + bias)
