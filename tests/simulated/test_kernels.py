"""Every kernel against the naive loops, in the simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import cuda

import adapool
import adapool.cuda.convolution.launch
import adapool.cuda.dynamic.making
from adapool.cuda import comparing, grids
from compare import SITES_FIELDS, assert_same
from cuda_cases import Case, cases

# Threads of the simulator are Python: infinities times zero warn there.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def fetch(array: Any) -> Any:
    return np.asarray(array.copy_to_host())


def check(case: Case) -> None:
    actual, expected = case.actual(cuda.to_device, fetch), case.expected()
    assert isinstance(actual, tuple) == isinstance(expected, tuple)
    sites, wanted_sites = ((a[0] if isinstance(a, tuple) else a) for a in (actual, expected))
    if isinstance(sites, adapool.Sites):
        for name in SITES_FIELDS:
            assert_same(fetch(getattr(sites, name)), getattr(wanted_sites, name))
        assert_same(fetch(sites.to_map()), wanted_sites.to_map())
        if not isinstance(actual, tuple):
            return
        actual, expected = actual[1:], expected[1:]
    for got, wanted in zip(
        actual if isinstance(actual, tuple) else [actual],
        expected if isinstance(expected, tuple) else [expected],
        strict=True,
    ):
        assert_same(fetch(got), wanted)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.label)
def test_case(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("label", ["dynamic rectangles, indices", "dynamic squares"])
def test_slabs(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of little memory: bands of rows, and groups of channels."""
    monkeypatch.setattr(adapool.cuda.dynamic.making, "_TABLE_BYTES", 1000)
    check(next(case for case in cases() if case.label == label))


@pytest.mark.parametrize("label", ["dynamic rectangles, indices", "dynamic squares", "max wide"])
def test_blocks_that_share_little(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of few positions: tables beyond their reach are made in another way."""
    monkeypatch.setattr(grids, "SHARED_BYTES", 400)
    check(next(case for case in cases() if case.label == label))


@pytest.mark.parametrize("label", ["deform groups", "fused indices"])
def test_blocks(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns of little memory: blocks of rows."""
    monkeypatch.setattr(adapool.cuda.convolution.launch, "_BLOCK_BYTES", 600)
    check(next(case for case in cases() if case.label == label))


@pytest.mark.parametrize(
    "label",
    [
        "max overlap", "max wide", "max indices", "max channels and batch moved",
        "attention per pixel, overlap", "dynamic squares", "dynamic rectangles, indices",
        "deform linear",
    ],
)  # fmt: skip
def test_elements_counted_in_64_bits(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels for arrays of more elements than 32 bits count."""
    monkeypatch.setattr(comparing, "_SHORT", 0)
    check(next(case for case in cases() if case.label == label))


@pytest.mark.parametrize("block", [grids.BLOCK], indirect=True)
@pytest.mark.parametrize(
    "label", ["max overlap", "max wide", "dynamic rectangles, indices", "deform linear"]
)
def test_blocks_as_large_as_on_a_gpu(label: str, block: int) -> None:
    assert block == 256
    check(next(case for case in cases() if case.label == label))


def test_grids_of_few_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels step on where a grid is at its limits."""
    monkeypatch.setattr(grids, "_MOST_ALONG", 2)
    monkeypatch.setattr(grids, "_MOST_BLOCKS", 1)
    for label in ("max overlap", "max blocks", "dynamic volume of cubes", "deform linear"):
        check(next(case for case in cases() if case.label == label))
