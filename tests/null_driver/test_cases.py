"""Every call on device arrays reaches the driver as it should, with the arrays of each library."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from adapool.cuda import launching
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.dynamic import launch as dynamic_launch
from adapool.cuda.regions import launch as regions_launch
from cuda_cases import Case, Gradient, cases
from null_driver import journal
from null_driver.libraries import Library, library

Array = NDArray[Any]

# What was compiled in this process.
SEEN: Counter[Any] = Counter()

# Flags, and the largest sizes.
FEW_BYTES = 64


@pytest.fixture(params=["numba", "cupy", "torch"])
def lib(request: pytest.FixtureRequest) -> Library:
    return library(request.param)


def outputs(result: Any) -> list[Any]:
    if isinstance(result, tuple) and hasattr(result[0], "to_map"):
        return [*outputs(result[0]), *result[1:]]
    if hasattr(result, "to_map"):
        return [result.values, result.owner, result.labels, result.to_map()]
    return list(result) if isinstance(result, tuple) else [result]


def told_sizes(monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """Kernels find no sizes where none of them runs: tell the largest, so that tables are made."""
    params = case.arguments[1]
    if case.name.startswith("dynamic") and isinstance(params, np.ndarray):
        most = int(min(np.nanmax(params), 9))
        monkeypatch.setattr(dynamic_launch, "_largest", lambda *_: (most, most, most))


def told_regions(monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """Nor do they find any regions: tell the labels that there are, all of them small or large."""
    if case.name != "region_pooling":
        return
    labels = case.arguments[1]
    if isinstance(case, Gradient):
        count = len(case.cotangent())
    else:
        result = case.expected()
        count = len((result[0] if isinstance(result, tuple) else result).values)
    most = int(labels.max()) if isinstance(labels, np.ndarray) else count
    most = most if most > labels_of(case) else count
    monkeypatch.setattr(regions_launch, "_extremes", lambda _: (0, most))
    monkeypatch.setattr(regions_launch, "_seen", lambda seen: np.ones(seen.shape, np.bool_))
    monkeypatch.setattr(regions_launch, "_numbers_of", lambda areas: np.ones(areas.shape, np.int64))


def labels_of(case: Case) -> int:
    """Pixels that have labels."""
    channels = case.options.get("channel_axis", -1)
    image = case.arguments[0]
    return int(image.size // (1 if channels is None else image.shape[channels]))


def allowed(case: Case) -> int:
    """Bytes that a call may copy to the host.

    Parameters of sites, measurements of regions and labels that are sorted there, and a few flags.
    """
    if case.name == "region_pooling":
        return 8 * labels_of(case) + 1000
    if case.name == "dynamic_stride_pooling":
        return int(case.arguments[1].nbytes) + FEW_BYTES
    return FEW_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.label)
def test_case(case: Case, lib: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def place(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return lib.send(value)
        return answering(value, lib) if callable(value) else value

    told_sizes(monkeypatch, case)
    told_regions(monkeypatch, case)
    arguments = [place(value) for value in case.arguments]
    options = {name: place(value) for name, value in case.options.items()}

    def send(array: Any) -> Any:
        with journal.aside():
            return lib.send(array)

    def call() -> Any:
        return outputs(case.call(arguments, options, send))

    results, noted = journal.during(call)
    assert noted.launches
    assert not journal.faults(noted, {lib.stream}, allowed(case), SEEN)
    for got, wanted in zip(results, outputs(case.expected()), strict=True):
        about = got.__cuda_array_interface__
        assert isinstance(got, lib.kind)
        assert about["shape"] == wanted.shape
        assert np.dtype(about["typestr"]) == wanted.dtype
    # Again: nothing is compiled, and the same is launched.
    _, again = journal.during(call)
    assert not again.loads
    assert [launch.function for launch in again.launches] == [
        launch.function for launch in noted.launches
    ]


def answering(network: Any, lib: Library) -> Any:
    """Return a network that answers with what another makes of ones in the same shape."""

    def call(given: Any) -> Any:
        about = given.__cuda_array_interface__
        with journal.aside():
            return lib.send(np.asarray(network(np.ones(about["shape"], about["typestr"]))))

    return call


def test_strides_of_eight_elements_are_no_c_order() -> None:
    """They are in bytes; numba-cuda 0.30 compares them with bits where an array is described."""
    whole = DeviceArray.of(library("numba").send(np.zeros((4, 40), np.float32)))
    view = DeviceArray(whole.library, whole, whole.pointer, (4, 5), np.float32, (160, 32))
    assert launching._type_of(view, []).layout == "A"
    assert launching._type_of(whole, []).layout == "C"
