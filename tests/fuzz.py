"""Throw hostile arguments at every public function: ``python -m tests.fuzz --minutes 10``.

The only outcomes allowed are the right answer, held against the reference loops, a ValueError or a
TypeError, an ImportError for an array on a GPU, and what the network itself raised. Prints how many
calls ended in which; anything else ends the run with the arguments that led there.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dask.array as da
import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

import adapool
import adapool._networks
import naive
import strategies as some
from compare import assert_same, assert_same_sites

Array = NDArray[Any]

NETWORKS = ("attention_network", "param_network", "offset_network", "mask_network")
ARRAYS = ("feature_map", "image", "labels", "conv_weights", "bias", *NETWORKS)


class NetworkError(Exception):
    """What a network of its own raises."""


class OnDevice:
    """An answer on another device."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": (1,), "typestr": "<f4", "data": (0, False), "version": 3}


# Networks ----------------------------------------------------------------------------------------


def raise_own(given: Array, answer: Array) -> Any:
    raise NetworkError("not loaded")


def write(given: Array, answer: Array) -> Any:
    given[...] = 0
    return answer


# What a network does in place of giving its answer.
LIES: dict[str, Callable[[Array, Array], Any]] = {
    "raises": raise_own,
    "writes into its input": write,
    "gives a view of its input": lambda given, answer: given[..., :1],
    "gives its input": lambda given, answer: given,
    "gives complex numbers": lambda given, answer: answer.astype(complex),
    "gives objects": lambda given, answer: answer.astype(object),
    "gives text": lambda given, answer: "answer",
    "gives nothing": lambda given, answer: None,
    "gives no elements": lambda given, answer: answer[:0],
    "gives one axis more": lambda given, answer: answer[..., np.newaxis],
    "gives a row too many": lambda given, answer: np.concatenate([answer, answer[:1]]),
    "gives another shape": lambda given, answer: answer[..., :-1],
    "gives NaN": lambda given, answer: np.full(answer.shape, np.nan, np.float32),
    "gives masked elements": lambda given, answer: np.ma.masked_less(answer, 1),
    "gives a lazy array": lambda given, answer: da.from_array(answer),
    "gives another device's array": lambda given, answer: OnDevice(),
}


@dataclass
class Liar:
    """A network that tells the truth `honest` times, and then lies."""

    truth: Callable[[Array], Array]
    lie: str
    honest: int
    calls: int = field(default=0, init=False)

    def predict(self, given: Array) -> Any:
        self.calls += 1
        answer = self.truth(given)
        return answer if self.calls <= self.honest else LIES[self.lie](given, answer)


# Arguments ---------------------------------------------------------------------------------------

NUMBERS: list[Any] = [
    -1, 0, 1, 2, 100, 2**31 - 1, 2**31, 2**63, -(2**63), 2**70, 1.5, float("nan"), float("inf"),
    True, None, "2", (), (1, 2), (2, 1, 1), (1, -1), [2, 2], [[1, 1]], (1, 1.5), np.int8(2),
    np.float32(2), np.array([1, 2]), np.array(2), b"2", {}, object(), np.uint64(2**63),
]  # fmt: skip

# A window of 2**31 positions is a valid wish, and takes as long as it takes.
SMALL_NUMBERS = [n for n in NUMBERS if not (isinstance(n, int) and n == 2**31 - 1)]

VALUES: list[Any] = [
    None, 0, "image.png", [], [[1, 2], [3]], np.zeros(()), np.zeros((0, 4)), np.zeros((3, 0, 2)),
    np.zeros((2,) * 6), np.zeros((3, 3), complex), np.zeros((3, 3), object),
    np.zeros((3, 3), "M8[s]"), np.zeros((3, 3), np.longdouble), OnDevice(),
    np.ma.masked_array(np.zeros((3, 3)), True),
    np.zeros((3, 3), [("a", "f4")]), np.array([["a", "b"]]), da.ones((3, 3)), float("nan"),
]  # fmt: skip


def zero_strides(array: Array) -> Array:
    return np.broadcast_to(array[tuple(slice(0, 1) for _ in array.shape)], array.shape)


def overlapping(array: Array) -> Array:
    """Each row, but for an element, is the next one."""
    if array.ndim < 2:
        return array
    flat = np.resize(array, sum(array.shape) + 1)
    return as_strided(flat, array.shape, (flat.itemsize,) * array.ndim, writeable=False)


def unaligned(array: Array) -> Array:
    if array.dtype.hasobject:  # references lie where they must
        return array
    held = np.zeros(array.nbytes + 1, np.uint8)
    moved = held[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


def as_subclass(array: Array) -> Any:
    return array.view(np.matrix) if array.ndim == 2 else array.view(np.recarray)


SHAPERS = [
    zero_strides,
    overlapping,
    unaligned,
    as_subclass,
    lambda array: array[..., ::-1],
    lambda array: array.T,
    lambda array: array[..., :0],
    lambda array: array[1:],
    lambda array: array.tolist(),
    lambda array: array.astype(array.dtype.newbyteorder()),
]


@st.composite
def honest_calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A public function, and arguments that it takes."""
    name = draw(st.sampled_from([n for n in adapool.__all__ if hasattr(naive, n) and n != "Sites"]))
    if name.startswith("deformable"):
        case = draw(
            some.convolutions(
                elements=some.small_whole_or_not_finite,
                weight_answers=some.exact_weights,
                offset_answers=some.exact_offsets,
                mask_answers=some.exact_weights,
            )
        )
        names = ("feature_map", "conv_weights", "offset_network")
        arguments = dict(zip(names, case.arguments, strict=True)) | case.options
        if name == "deformable_conv_and_pool":
            pool = draw(some.windows(case.sites, largest_dilation=1))
            arguments |= {
                "kernel_size": pool.kernel,
                "pool_stride": pool.options.get("stride"),
                "pool_padding": pool.options["padding"],
                "ceil_mode": pool.options["ceil_mode"],
                "return_indices": draw(st.booleans()),
            }
        return name, arguments
    image = draw(some.images(batches=name not in ("dynamic_stride_pooling", "peak_local_max")))
    if name == "peak_local_max":
        return name, {
            "image": image.array,
            "param_network": draw(
                some.arrays((*image.spatial, 1), ["float32", "int16"], some.size_value)
            ),
            "threshold": draw(st.sampled_from([-np.inf, 0, 1.5])),
            "labels": draw(
                st.none() | some.arrays(image.spatial, ["int64", "uint8"], some.unit_value)
            ),
            "exclude_border": draw(st.booleans() | st.integers(0, 2)),
            "channel_axis": image.channel_axis,
        }
    arguments = {"feature_map": image.array, "channel_axis": image.channel_axis}
    if name == "dynamic_stride_pooling":
        arguments["param_network"] = draw(some.stride_networks(image))
        arguments["anchor"] = draw(some.anchors())
        arguments["max_kernel_size"] = draw(some.max_kernel_sizes(image.spatial))
        return name, arguments
    arguments |= {"batch_axis": image.batch_axis, "return_indices": draw(st.booleans())}
    if name == "dynamic_pooling":
        arguments["param_network"] = draw(some.param_networks(image))
        arguments["anchor"] = draw(some.anchors())
        arguments["max_kernel_size"] = draw(some.max_kernel_sizes(image.spatial))
        arguments["stride"] = draw(st.integers(1, 4))
        return name, arguments
    fixed = draw(some.windows(image.spatial))
    arguments |= {"kernel_size": fixed.kernel, **fixed.options}
    if name == "attention_pooling":
        arguments["attention_network"] = draw(some.attention_networks(image, fixed))
    return name, arguments


def truth_of(network: Any) -> Callable[[Array], Array] | None:
    """How a network answers; None for an array."""
    if isinstance(network, some.Predictor):
        return network.rule
    return network if callable(network) else None


@st.composite
def hostile_calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A call of which up to three arguments have been replaced."""
    name, arguments = draw(honest_calls())
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3]))):
        victim = draw(st.sampled_from(sorted(arguments)))
        value = arguments[victim]
        truth = truth_of(value) if victim in NETWORKS else None
        if truth is not None and draw(st.booleans()):
            lie = draw(st.sampled_from(sorted(LIES)))
            arguments[victim] = Liar(truth, lie, draw(st.sampled_from([0, 0, 1, 2])))
        elif (
            victim in ARRAYS
            and isinstance(value, np.ndarray)
            and value.ndim
            and draw(st.booleans())
        ):
            arguments[victim] = draw(st.sampled_from(SHAPERS))(value)
        elif victim in ARRAYS:
            arguments[victim] = draw(st.sampled_from(VALUES))
        else:
            numbers = SMALL_NUMBERS if victim == "kernel_size" else NUMBERS
            arguments[victim] = draw(st.sampled_from(numbers))
    return name, arguments


# Outcomes ----------------------------------------------------------------------------------------

ALLOWED = (ValueError, TypeError, NetworkError)


def outcome(name: str, arguments: dict[str, Any]) -> str:
    """Call, and return how it ended; anything that is not allowed is raised."""
    held = {key: a.copy() for key, a in arguments.items() if isinstance(a, np.ndarray)}
    try:
        result = getattr(adapool, name)(**arguments)
    except ALLOWED as error:
        return type(error).__name__
    except ImportError:
        # What an array on a GPU needs, and this machine may lack.
        if not any(isinstance(value, OnDevice) for value in arguments.values()):
            raise
        return "ImportError"
    finally:
        for key, copy in held.items():
            np.testing.assert_array_equal(np.asarray(arguments[key]), np.asarray(copy))
    given = arguments.get("feature_map", arguments.get("image"))
    if isinstance(given, da.Array) and name != "peak_local_max":
        return "a lazy result"
    honest = {key: _for_reference(key, value) for key, value in arguments.items()}
    if name == "peak_local_max":
        if honest["param_network"] is None or honest["threshold"] is None:
            return "peaks by rules that have no reference"
        expected = _peaks_of(**honest)
        np.testing.assert_array_equal(result, expected)
        return "the right answer"
    expected = getattr(naive, name)(**honest)
    if name == "dynamic_stride_pooling":
        assert_same_sites(result, expected)
        return "the right answer"
    for got, want in zip(_as_tuple(result), _as_tuple(expected), strict=True):
        assert_same(got, want)
    return "the right answer"


def _peaks_of(
    image: Array, param_network: Array, threshold: Any, channel_axis: Any, **options: Any
) -> Array:
    """Return the peaks of the reference, which takes a map, and sizes along each axis."""
    native = image.astype(image.dtype.newbyteorder("="))
    response = native if channel_axis is None else native.max(axis=channel_axis)
    ndim = response.ndim
    # What is accepted is (1, *spatial, P) or less: the leading 1, or the axis of P, left out.
    deep = param_network.reshape(*response.shape, -1)[..., :ndim]
    sizes = np.broadcast_to(deep, (*response.shape, ndim))
    peaks: Array = naive.peak_local_max(response, sizes, threshold, **options)
    return peaks


def _as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _for_reference(key: str, value: Any) -> Any:
    """Return what the reference takes, which checks nothing."""
    if isinstance(value, Liar):
        return Liar(value.truth, value.lie, value.honest).predict
    if key in ARRAYS and truth_of(value) is None and value is not None:
        return np.asarray(value)
    # Numbers as Python's own, which do not overflow.
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def run(minutes: float, start: int) -> collections.Counter[str]:
    """Fuzz for so many minutes; return how often calls ended in which outcome."""
    counts: collections.Counter[str] = collections.Counter()
    end = time.monotonic() + 60 * minutes
    # Batches of windows so small that an attention network is called again and again.
    adapool._networks._BATCH_BYTES = 256
    warnings.simplefilter("error")
    number = start
    while time.monotonic() < end:

        @seed(number)
        @settings(
            max_examples=100,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(hostile_calls())
        def batch(call: tuple[str, dict[str, Any]]) -> None:
            if time.monotonic() < end:
                counts[f"{call[0]}: {outcome(*call)}"] += 1

        batch()
        number += 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if sys.platform != "win32":
        import resource

        # A call on images as small as these that wants gigabytes is a find, and not to end the
        # machine: it ends in a MemoryError.
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, most))
    counts = run(options.minutes, options.seed)
    for outcome_, count in sorted(counts.items()):
        print(f"{count:8} {outcome_}")
    print(f"{counts.total():8} calls in {options.minutes:g} minutes, none with another outcome")


if __name__ == "__main__":
    main()
