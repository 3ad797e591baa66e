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


def assert_same_regions(actual: Any, expected: Any, reduction: str) -> None:
    """The same sites, and the same indices where there are some.

    A sum may be off by a rounding: its 106 bits do not hold what is 1e-137 of it, which tells where
    a tie is rounded to. A mean divides such a sum, and both quotients are rounded: half a rounding
    more for each.
    """
    pairs = [a if isinstance(a, tuple) else (a,) for a in (actual, expected)]
    (got, wanted), *indices = zip(*pairs, strict=True)
    if reduction in ("max", "min"):
        assert_same_sites(got, wanted)
    else:
        for field in SITES_FIELDS[1:]:
            assert_same(getattr(got, field), getattr(wanted, field))
        eps = np.finfo(wanted.values.dtype).eps * (2 if reduction == "mean" else 1)
        for sums, exact in ((got.values, wanted.values), (got.to_map(), wanted.to_map())):
            assert sums.dtype == exact.dtype
            np.testing.assert_allclose(sums, exact, rtol=eps, atol=0)
    for places in indices:
        assert_same(*places)


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
