"""What is handed to the wrong argument, or turned the wrong way, is named and not computed with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adapool
from adapool import estimators

IMAGE = np.arange(30 * 40, dtype=np.float32).reshape(30, 40) % 17
PLAIN: dict[str, Any] = {"channel_axis": None}
TAP = np.ones((1, 1, 1, 1))

# By the argument that takes a network, a call.
CALLS: dict[str, Callable[[Any], Any]] = {
    "param_network": lambda network: adapool.dynamic_pooling(IMAGE, network, **PLAIN),
    "attention_network": lambda network: adapool.attention_pooling(IMAGE, 2, network, **PLAIN),
    "offset_network": lambda network: adapool.deformable_conv(IMAGE, TAP, network, **PLAIN),
    "mask_network": lambda network: adapool.deformable_conv(
        IMAGE, TAP, (0, 0), mask_network=network, **PLAIN
    ),
    "region_network": lambda network: adapool.region_pooling(IMAGE, network, **PLAIN),
}


@pytest.mark.parametrize("name", estimators.__all__)
@pytest.mark.parametrize("argument", CALLS)
def test_an_estimator_goes_where_it_is_for(argument: str, name: str) -> None:
    network = getattr(estimators, name)()
    if network.meant_for == argument:
        CALLS[argument](network)
        return
    message = f"{argument} must be what gives .*, got {name}, .* it is for {network.meant_for}"
    with pytest.raises(TypeError, match=message):
        CALLS[argument](network)


@pytest.mark.parametrize("name", ["CentroidOffsets", "ObjectRegions", "SoftmaxAttention"])
@pytest.mark.parametrize("function", [adapool.peak_local_max, adapool.peak_table])
def test_peaks_take_sizes_alone(function: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"param_network must be what gives .*{name}"):
        function(IMAGE, getattr(estimators, name)())


def test_attention_of_windows_is_for_no_image() -> None:
    with pytest.raises(ValueError, match="not for an image"):
        adapool.region_pooling(
            IMAGE,
            (IMAGE > 3).astype(int),
            attention_network=estimators.SoftmaxAttention(),
            **PLAIN,
        )


@pytest.mark.parametrize("kind", [estimators.SoftmaxAttention, estimators.ContrastAttention])
def test_attention_is_told_of_channels(kind: Any) -> None:
    """Of windows of 2 x 2 with three channels, 12 values are windows of two channels as well."""
    colours = np.stack([IMAGE, IMAGE[::-1], IMAGE[:, ::-1]], axis=-1)
    for channels in (1, 2):
        with pytest.raises(ValueError, match=rf"{kind.__name__}\(.*: pass channels=3"):
            adapool.attention_pooling(colours, 2, kind(channels=channels))
    with pytest.raises(ValueError, match="pass channels=1"):
        adapool.attention_pooling(IMAGE, 3, kind(channels=3), **PLAIN)
    assert adapool.attention_pooling(colours, 2, kind(channels=3)).shape == (15, 20, 3)


def test_weights_of_torch_are_told_apart() -> None:
    weights = np.random.default_rng(0).normal(size=(4, 1, 3, 3)).astype(np.float32)
    image = IMAGE[..., np.newaxis]
    with pytest.raises(ValueError, match=r"numpy.moveaxis\(conv_weights, \(1, 0\), \(-2, -1\)\)"):
        adapool.deformable_conv(image, weights, (0, 0))
    turned = np.moveaxis(weights, (1, 0), (-2, -1))
    result = adapool.deformable_conv(image, turned, (0, 0))
    np.testing.assert_allclose(
        result[0, 0], np.einsum("ij,fij->f", IMAGE[:3, :3], weights[:, 0]), rtol=1e-4
    )
    with pytest.raises(ValueError, match=r"got \(4, 3, 3\)$"):
        adapool.deformable_conv(image, weights[:, 0], (0, 0))


def test_sizes_in_sizes() -> None:
    with pytest.raises(ValueError, match=r"kernel_size must be .* got \(2, \(3,\)\)"):
        adapool.max_pooling(IMAGE, (2, (3,)), **PLAIN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", sorted(set(estimators.__all__) - {"ContrastAttention", "SoftmaxAttention"})
)
def test_estimators_are_compared_by_their_numbers(name: str) -> None:
    kind = getattr(estimators, name)
    alike = [kind(spacing=given) for given in ([2, 0.5], (2.0, 0.5), np.array([2, 0.5]))]
    assert len(set(alike)) == 1
    assert kind(spacing=[2, 1]) not in alike
    assert "spacing=(2.0, 0.5)" in repr(alike[2])
