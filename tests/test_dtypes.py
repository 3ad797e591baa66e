"""Every pair of dtypes, once, against the reference: in memory, and in chunks of Dask.

All of them take half an hour to compile, ``pytest -m exhaustive tests/test_dtypes.py``; by default
those that the day draws are run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest

import adapool
import naive
from compare import assert_same, assert_same_sites
from dtype_cases import ALL, SEED, TODAY, Case


def check(case: Case) -> None:
    arguments, options = case.arguments()
    expected = getattr(naive, case.function)(*_each(_native, arguments), **_each(_native, options))
    function = getattr(adapool, case.function)
    _assert_same(function(*arguments, **options), expected)
    chunked, together = _each(_chunked, arguments), _each(_chunked, options)
    with dask.config.set(scheduler="synchronous"):
        _assert_same(function(*chunked, **together), expected)


def _each(change: Callable[[Any], Any], values: Any) -> Any:
    """Change each array of a tuple or a dict."""
    if isinstance(values, dict):
        return dict(zip(values, _each(change, tuple(values.values())), strict=True))
    return tuple(change(value) if isinstance(value, np.ndarray) else value for value in values)


def _native(array: Any) -> Any:
    return array.astype(array.dtype.newbyteorder("="))


def _chunked(array: Any) -> Any:
    return da.from_array(array, 2)


def _assert_same(result: Any, expected: Any) -> None:
    if isinstance(expected, naive.Sites):
        if not isinstance(result.owner, np.ndarray):
            fields = ("values", "positions", "sizes", "strides", "owner")
            lazies = dask.compute(*(getattr(result, field) for field in fields), result.to_map())
            for field, got in zip(fields, lazies[:-1], strict=True):
                assert_same(got, getattr(expected, field))
            assert_same(lazies[-1], expected.to_map())
            return
        assert_same_sites(result, expected)
        return
    results, wanted = (a if isinstance(a, tuple) else (a,) for a in (result, expected))
    for got, want in zip(dask.compute(*results), wanted, strict=True):
        assert_same(got, want)


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", ALL, ids=str)
def test_every_pair(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("number", range(len(TODAY)))
def test_pairs_of_the_day(number: int) -> None:
    """Others each day: the message names them, and ``-m exhaustive -k`` runs them again."""
    case = TODAY[number]
    print(f"drawn on {SEED}: {case}")
    check(case)
