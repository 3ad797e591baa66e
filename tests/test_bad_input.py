"""Every wrong call is answered before any kernel runs, naming argument, constraint and value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import adapool

LABELS = np.arange(30).reshape(5, 6) // 8
IMAGE = np.arange(30, dtype=np.float32).reshape(5, 6)
COLOUR = np.ones((5, 6, 4), np.float32)
VOLUME = np.ones((3, 5, 6), np.float32)
STILL = np.zeros((5, 6, 2))
FILTER = np.ones((3, 3, 4, 2), np.float32)
STILL_3X3 = np.zeros((3, 4, 18))


class Wrong(NamedTuple):
    """A call, the exception it must raise, and what its message must say."""

    call: Callable[[], Any]
    error: type[Exception]
    words: tuple[str, ...]


def pool(image: Any = IMAGE, kernel_size: Any = 2, **options: Any) -> Callable[[], Any]:
    return lambda: adapool.max_pooling(image, kernel_size, **{"channel_axis": None, **options})


def attend(network: Any, kernel_size: Any = 2, image: Any = IMAGE, **options: Any) -> Any:
    options = {"channel_axis": None, **options}
    return lambda: adapool.attention_pooling(image, kernel_size, network, **options)


def dynamic(network: Any, image: Any = IMAGE, **options: Any) -> Callable[[], Any]:
    return lambda: adapool.dynamic_pooling(image, network, **{"channel_axis": None, **options})


def sites(network: Any, image: Any = IMAGE, **options: Any) -> Callable[[], Any]:
    options = {"channel_axis": None, **options}
    return lambda: adapool.dynamic_stride_pooling(image, network, **options)


def regions(labels: Any, image: Any = IMAGE, **options: Any) -> Callable[[], Any]:
    return lambda: adapool.region_pooling(image, labels, **{"channel_axis": None, **options})


def convolve(
    weights: Any = FILTER, offsets: Any = STILL_3X3, image: Any = COLOUR, **options: Any
) -> Callable[[], Any]:
    return lambda: adapool.deformable_conv(image, weights, offsets, **options)


def fuse(kernel_size: Any = 2, **options: Any) -> Callable[[], Any]:
    return lambda: adapool.deformable_conv_and_pool(
        COLOUR, FILTER, STILL_3X3, kernel_size, **options
    )


def filled(shape: tuple[int, ...], value: float, at: tuple[int, ...]) -> np.ndarray[Any, Any]:
    array = np.ones(shape)
    array[at] = value
    return array


class Predictor:
    """An object with `.predict`, whose call must not be used."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def predict(self, given: Any) -> Any:
        return self.result

    def __call__(self, given: Any) -> Any:
        raise AssertionError("predict wins")


V, T = ValueError, TypeError
MASKED = np.ma.masked_array(IMAGE, IMAGE > 3)

CASES: dict[str, Wrong] = {
    # --- the feature map
    "complex": Wrong(pool(IMAGE * 1j), T, ("feature_map", "floats", "complex64")),
    "object": Wrong(pool(IMAGE.astype(object)), T, ("feature_map", "floats", "object")),
    "text": Wrong(pool("image.png"), T, ("feature_map", "floats", "image.png")),
    "none": Wrong(pool(None), T, ("feature_map", "floats", "None")),
    "dates": Wrong(pool(IMAGE.astype("M8[s]")), T, ("feature_map", "floats", "datetime64")),
    "ragged": Wrong(pool([[1, 2], [3]]), T, ("feature_map", "rectangular")),
    "masked": Wrong(pool(MASKED), T, ("feature_map", "masked", "filled")),
    "empty": Wrong(pool(np.empty((0, 4))), V, ("feature_map", "not be empty", "(0, 4)")),
    "one axis": Wrong(pool(np.ones(5)), V, ("feature_map", "2 or 3 spatial axes", "(5,)")),
    "scalar": Wrong(pool(3.0), V, ("feature_map", "2 or 3 spatial axes", "()")),
    "four axes": Wrong(pool(np.ones((2, 2, 2, 2))), V, ("2 or 3", "(2, 2, 2, 2)", "batch_axis")),
    "no channels": Wrong(
        pool(channel_axis=-1), V, ("feature_map", "(5, 6)", "pass channel_axis=None")
    ),
    # --- axes
    "axis outside": Wrong(pool(COLOUR, channel_axis=3), V, ("channel_axis", "-3 and 2", "3")),
    "axis text": Wrong(pool(COLOUR, channel_axis="last"), T, ("channel_axis", "integer", "last")),
    "axis bool": Wrong(pool(COLOUR, channel_axis=True), T, ("channel_axis", "integer", "True")),
    "batch outside": Wrong(pool(COLOUR, batch_axis=-4), V, ("batch_axis", "-3 and 2", "-4")),
    "same axis": Wrong(
        pool(COLOUR, channel_axis=0, batch_axis=-3), V, ("channel_axis", "batch_axis", "differ")
    ),
    # --- windows
    "size zero": Wrong(pool(kernel_size=(0, 3)), V, ("kernel_size", "positive", "(0, 3)")),
    "size negative": Wrong(pool(kernel_size=-2), V, ("kernel_size", "positive", "-2")),
    "size float": Wrong(pool(kernel_size=2.0), T, ("kernel_size", "integer", "2.0")),
    "size bool": Wrong(pool(kernel_size=True), T, ("kernel_size", "integer", "True")),
    "size text": Wrong(pool(kernel_size="2"), T, ("kernel_size", "integer", "'2'")),
    "size none": Wrong(pool(kernel_size=None), T, ("kernel_size", "integer", "None")),
    "size nan": Wrong(pool(kernel_size=float("nan")), T, ("kernel_size", "integer", "nan")),
    "sizes three": Wrong(pool(kernel_size=(1, 2, 3)), V, ("kernel_size", "2 integers", "1, 2, 3")),
    "sizes nested": Wrong(pool(kernel_size=[[2, 2]]), V, ("kernel_size", "2 integers")),
    "sizes floats": Wrong(pool(kernel_size=(2, 1.5)), T, ("kernel_size", "integers", "1.5")),
    "size huge": Wrong(pool(kernel_size=2**40), V, ("kernel_size", "2**31", str(2**40))),
    "window larger": Wrong(pool(kernel_size=7), V, ("kernel_size", "fit", "(7, 7)", "(5, 6)")),
    "dilated larger": Wrong(pool(dilation=6), V, ("kernel_size", "fit", "(7, 7)")),
    "stride zero": Wrong(pool(stride=0), V, ("stride", "positive", "0")),
    "stride text": Wrong(pool(stride="a"), T, ("stride", "integer", "'a'")),
    "padding negative": Wrong(pool(padding=-1), V, ("padding", "non-negative", "-1")),
    "padding large": Wrong(pool(padding=(1, 2)), V, ("padding", "half", "(2, 2)", "(1, 2)")),
    "dilation zero": Wrong(pool(dilation=0), V, ("dilation", "positive", "0")),
    "ceil text": Wrong(pool(ceil_mode="yes"), T, ("ceil_mode", "True or False", "'yes'")),
    "indices number": Wrong(pool(return_indices=1), T, ("return_indices", "True or False", "1")),
    "size of volume": Wrong(pool(VOLUME, (2, 2)), V, ("kernel_size", "3 integers", "(2, 2)")),
    # --- attention
    "attention shape": Wrong(
        attend(np.ones((5, 5))), V, ("attention_network", "(5, 6)", "got (5, 5)")
    ),
    "attention axes": Wrong(attend(np.ones(6)), V, ("attention_network", "got (6,)")),
    "attention nan": Wrong(
        attend(filled((5, 6), np.nan, (4, 5))), V, ("attention_network", "finite", "NaN")
    ),
    "attention inf": Wrong(
        attend(filled((2, 3, 2, 2), np.inf, (1, 1, 0, 1))), V, ("attention_network", "finite")
    ),
    "attention rows": Wrong(
        attend(lambda w: np.ones((2, 4))), V, ("attention_network", "(6, 4)", "got (2, 4)")
    ),
    "attention width": Wrong(
        attend(lambda w: np.ones((len(w), 3))), V, ("attention_network", "(6, 4)", "got (6, 3)")
    ),
    "attention flat": Wrong(
        attend(lambda w: np.ones(len(w))), V, ("attention_network", "(6, 4)", "got (6,)")
    ),
    "attention network nan": Wrong(
        attend(lambda w: w * np.nan), V, ("attention_network", "finite")
    ),
    "attention network none": Wrong(
        attend(lambda w: None), T, ("attention_network", "floats", "None", ".predict")
    ),
    "attention not a network": Wrong(
        attend({"weights": 1}), T, ("attention_network", ".predict", "weights")
    ),
    "attention complex": Wrong(
        attend(np.ones((5, 6), complex)), T, ("attention_network", "complex128")
    ),
    "attention predict": Wrong(
        attend(Predictor(np.ones((1, 9)))), V, ("attention_network", "(6, 4)", "got (1, 9)")
    ),
    # --- dynamic windows
    "sizes shape": Wrong(dynamic(np.ones((6, 5))), V, ("param_network", "(1, 5, 6, P)", "(6, 5)")),
    "sizes width": Wrong(
        dynamic(np.ones((5, 6, 3))), V, ("param_network", "P = 1 or 2 or 4", "(5, 6, 3)")
    ),
    "sizes nan": Wrong(
        dynamic(filled((5, 6), np.nan, (0, 0))), V, ("param_network", "finite", "NaN")
    ),
    "strides inf, sizes alike": Wrong(
        dynamic(np.concatenate([np.ones((5, 6, 2)), np.full((5, 6, 2), np.inf)], axis=-1)),
        V,
        ("param_network", "finite"),
    ),
    "sizes inf": Wrong(
        dynamic(lambda x: np.full((1, 5, 6, 2), np.inf)), V, ("param_network", "finite")
    ),
    "strides nan unused": Wrong(
        dynamic(filled((5, 6, 4), np.nan, (2, 2, 3))), V, ("param_network", "finite")
    ),
    "sizes text": Wrong(dynamic(np.full((5, 6), "3")), T, ("param_network", "floats", "<U1")),
    "sizes batch": Wrong(
        dynamic(np.ones((2, 5, 6, 1)), VOLUME, batch_axis=0), V, ("param_network", "(3, 5, 6")
    ),
    "most zero": Wrong(
        dynamic(np.ones((5, 6)), max_kernel_size=0), V, ("max_kernel_size", "positive", "0")
    ),
    "most float": Wrong(
        dynamic(np.ones((5, 6)), max_kernel_size=2.5), T, ("max_kernel_size", "integer", "2.5")
    ),
    "anchor": Wrong(
        dynamic(np.ones((5, 6)), anchor="middle"), V, ("anchor", "corner, center", "'middle'")
    ),
    "footprint": Wrong(
        dynamic(np.ones((5, 6)), footprint="disc"), V, ("footprint", "box, ellipse", "'disc'")
    ),
    "footprint of SciPy": Wrong(
        dynamic(np.ones((5, 6)), footprint=np.ones((3, 3))), V, ("footprint", "box, ellipse")
    ),
    "ellipse in a corner": Wrong(
        dynamic(np.ones((5, 6)), footprint="ellipse", anchor="corner"),
        V,
        ("anchor", "'center'", "'corner'", "leave anchor out"),
    ),
    "ellipse width": Wrong(
        dynamic(np.ones((5, 6, 5)), footprint="ellipse"),
        V,
        ("param_network", "P = 1 or 2 or 3 or 4", "(5, 6, 5)"),
    ),
    "ellipse width of a volume": Wrong(
        dynamic(np.ones((3, 5, 6, 2)), VOLUME, footprint="ellipse"),
        V,
        ("param_network", "P = 1 or 3 or 6", "(3, 5, 6, 2)"),
    ),
    "ellipse nan": Wrong(
        dynamic(filled((5, 6, 3), np.nan, (0, 0, 2)), footprint="ellipse"),
        V,
        ("param_network", "finite"),
    ),
    "dynamic stride": Wrong(
        dynamic(np.ones((5, 6)), stride=(1, 0)), V, ("stride", "positive", "(1, 0)")
    ),
    "site strides zero": Wrong(
        sites(filled((5, 6, 4), 0.5, (3, 3, 2))), V, ("param_network", "strides of at least 1")
    ),
    "site strides missing": Wrong(
        sites(np.ones((5, 6, 2))), V, ("param_network", "P = 4", "(5, 6, 2)")
    ),
    "no site": Wrong(
        sites(np.broadcast_to([0, 2, 1, 1], (5, 6, 4))), V, ("param_network", "below 1", "site")
    ),
    "site sizes inf": Wrong(
        sites(filled((5, 6, 4), -np.inf, (1, 1, 0))), V, ("param_network", "finite")
    ),
    # --- regions
    "labels of floats": Wrong(
        regions(LABELS / 1), T, ("region_network", "integer labels", "float64", "astype")
    ),
    "labels of booleans": Wrong(
        regions(LABELS > 0), T, ("region_network", "integer labels", "bool", "measure.label")
    ),
    "labels of text": Wrong(regions(LABELS.astype(str)), T, ("region_network", "<U")),
    "labels of floats by a network": Wrong(
        regions(lambda x: LABELS[np.newaxis] / 1), T, ("region_network", "float64")
    ),
    "labels of booleans by a network": Wrong(
        regions(lambda x: LABELS[np.newaxis] > 1), T, ("region_network", "bool")
    ),
    "labels negative": Wrong(
        regions(LABELS - 3), V, ("region_network", "at least 0", "-3", "numpy.maximum")
    ),
    "one label negative": Wrong(
        regions(filled((5, 6), -(2.0**40), (4, 5)).astype(int)), V, ("at least 0", str(-(2**40)))
    ),
    "labels shape": Wrong(regions(LABELS.T), V, ("region_network", "(1, 5, 6, P)", "(6, 5)")),
    "labels network shape": Wrong(
        regions(lambda x: LABELS[np.newaxis, :4]), V, ("region_network", "got (1, 4, 6)")
    ),
    "labels none": Wrong(regions(None), T, ("region_network", "None", ".predict")),
    "reduction": Wrong(
        regions(LABELS, reduction="median"), V, ("reduction", "max, min, mean, sum", "'median'")
    ),
    "reduction a function": Wrong(
        regions(LABELS, reduction=np.max), V, ("reduction", "max, min, mean, sum")
    ),
    "where is a mean": Wrong(
        regions(LABELS, reduction="mean", return_indices=True),
        V,
        ("return_indices", "False", "'mean'", "reduction='max'"),
    ),
    "region indices number": Wrong(
        regions(LABELS, return_indices=1), T, ("return_indices", "True or False", "1")
    ),
    "region weights shape": Wrong(
        regions(LABELS, attention_network=np.ones((5, 5))), V, ("attention_network", "(5, 5)")
    ),
    "region weights channels": Wrong(
        regions(LABELS, COLOUR, channel_axis=-1, attention_network=np.ones((5, 6, 3))),
        V,
        ("attention_network", "P = 1 or 4", "(5, 6, 3)"),
    ),
    "region weights nan": Wrong(
        regions(LABELS, attention_network=filled((5, 6), np.nan, (4, 5))),
        V,
        ("attention_network", "finite", "NaN"),
    ),
    "region weights network inf": Wrong(
        regions(LABELS, attention_network=lambda x: np.full((1, 5, 6), np.inf)),
        V,
        ("attention_network", "finite"),
    ),
    "regions of a stack": Wrong(
        regions(LABELS, np.ones((2, 2, 5, 6))), V, ("2 or 3 spatial axes", "call it for each")
    ),
    "region halo in memory": Wrong(
        regions(LABELS, network_halo=2), V, ("network_halo", "Dask", "2")
    ),
    # --- deformable convolution
    "weights shape": Wrong(
        convolve(np.ones((3, 3, 3, 2))), V, ("conv_weights", "(*kernel, C // groups, F)")
    ),
    "weights factors": Wrong(convolve(np.ones(3)), V, ("conv_weights", "4 channels", "(3,)")),
    "weights empty": Wrong(
        convolve(np.ones((3, 3, 4, 0))), V, ("conv_weights", "not be empty", "(3, 3, 4, 0)")
    ),
    "weights large": Wrong(convolve(np.ones((7, 7, 4, 1))), V, ("conv_weights", "fit", "(7, 7)")),
    "weights complex": Wrong(convolve(FILTER * 1j), T, ("conv_weights", "complex64")),
    "filters without channels": Wrong(
        convolve(np.ones((3, 3, 1, 2)), STILL_3X3, IMAGE, channel_axis=None),
        V,
        ("conv_weights", "F = 1", "F = 2", "channel axis"),
    ),
    "groups": Wrong(convolve(groups=3), V, ("groups", "divide", "4 channels", "3")),
    "groups zero": Wrong(convolve(groups=0), V, ("groups", "positive", "0")),
    "groups of filters": Wrong(
        convolve(np.ones((3, 3, 1, 2)), groups=4), V, ("groups", "2 filters", "4")
    ),
    "groups of factors": Wrong(
        convolve(np.ones(4), STILL, groups=2), V, ("groups", "1 with conv_weights", "2")
    ),
    "offset groups": Wrong(convolve(offset_groups=3), V, ("offset_groups", "divide", "3")),
    "bias": Wrong(convolve(bias=[1.0, 2.0, 3.0]), V, ("bias", "(2,)", "(3,)")),
    "offsets shape": Wrong(
        convolve(offsets=np.zeros((5, 6, 18))), V, ("offset_network", "(1, 3, 4, P)", "(5, 6, 18)")
    ),
    "offsets width": Wrong(
        convolve(offsets=np.zeros((3, 4, 9))), V, ("offset_network", "P = 2 or 18", "(3, 4, 9)")
    ),
    "offsets inf": Wrong(
        convolve(offsets=filled((3, 4, 18), np.inf, (2, 3, 17))), V, ("offset_network", "finite")
    ),
    "offsets network nan": Wrong(
        convolve(offsets=lambda x: np.full((1, 3, 4, 2), np.nan)), V, ("offset_network", "finite")
    ),
    "mask shape": Wrong(
        convolve(mask_network=np.ones((3, 4, 18))), V, ("mask_network", "P = 9", "(3, 4, 18)")
    ),
    "mask nan": Wrong(
        convolve(mask_network=filled((3, 4, 9), np.nan, (0, 0, 0))), V, ("mask_network", "finite")
    ),
    "interpolation that is false": Wrong(convolve(interpolation=0), V, ("interpolation", "got 0")),
    "interpolation that is empty": Wrong(
        convolve(interpolation=""), V, ("interpolation", "linear, nearest", "got ''")
    ),
    "interpolation": Wrong(
        convolve(interpolation="cubic"), V, ("interpolation", "linear, nearest", "'cubic'")
    ),
    "limit negative": Wrong(convolve(max_offset=-1), V, ("max_offset", "non-negative", "-1")),
    "limit nan": Wrong(convolve(max_offset=np.nan), V, ("max_offset", "non-negative", "nan")),
    "limits three": Wrong(convolve(max_offset=(1, 2, 3)), V, ("max_offset", "2 numbers")),
    "conv stride": Wrong(convolve(stride=0), V, ("stride", "positive", "0")),
    "conv padding": Wrong(convolve(padding=-1), V, ("padding", "non-negative", "-1")),
    "pool size": Wrong(fuse(0), V, ("kernel_size", "positive", "0")),
    "pool larger": Wrong(fuse(4), V, ("kernel_size", "fit", "(4, 4)", "(3, 4)")),
    "pool stride": Wrong(fuse(pool_stride=0), V, ("pool_stride", "positive", "0")),
    "pool padding": Wrong(fuse(pool_padding=2), V, ("pool_padding", "half", "(2, 2)")),
}


@pytest.mark.parametrize("wrong", CASES.values(), ids=CASES.keys())
def test_wrong_call(wrong: Wrong) -> None:
    with pytest.raises(wrong.error) as caught:
        wrong.call()
    message = str(caught.value)
    for word in wrong.words:
        assert word in message, message


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long double is float64 here")
def test_long_double_is_not_rounded_in_silence() -> None:
    with pytest.raises(TypeError, match="at most 64 bits"):
        pool(IMAGE.astype(np.longdouble))()


def test_exceptions_of_a_network_pass_unchanged() -> None:
    class NetworkError(Exception):
        pass

    def network(given: Any) -> Any:
        raise NetworkError("weights not loaded")

    calls = [attend(network), dynamic(network), sites(network), convolve(offsets=network)]
    for call in [*calls, regions(network), regions(LABELS, attention_network=network)]:
        with pytest.raises(NetworkError, match="weights not loaded"):
            call()


def test_networks_cannot_write_to_the_image() -> None:
    def network(given: Any) -> Any:
        given[...] = 0

    calls = [dynamic(network), sites(network), convolve(offsets=network), attend(network)]
    for call in [*calls, regions(network), regions(LABELS, attention_network=network)]:
        with pytest.raises(ValueError, match="read-only"):
            call()


def test_arrays_of_other_backends_are_not_converted_in_silence() -> None:
    """Dask's; those on a GPU have tests of their own."""

    class Lazy:
        def __dask_graph__(self) -> dict[str, Any]:
            return {}

    with pytest.raises(TypeError, match=r"feature_map .* Dask.*compute"):
        pool(Lazy())()


def test_offsets_however_far_are_no_error() -> None:
    far = np.full((5, 6, 2), 1e30)
    for rule in ("linear", "nearest", "truncate"):
        result = adapool.deformable_conv(IMAGE, [2.0], far, interpolation=rule, channel_axis=None)
        np.testing.assert_array_equal(result, np.zeros((5, 6)))


def test_a_limit_beyond_the_dtype_of_the_offsets_is_none() -> None:
    image, offsets = IMAGE.astype(np.float16), np.full((5, 6, 2), 1, np.float16)
    for limit in (1e5, 2**31):
        got = adapool.deformable_conv(image, [1.0], offsets, max_offset=limit, channel_axis=None)
        np.testing.assert_array_equal(got[:4, :5], image[1:, 1:])
