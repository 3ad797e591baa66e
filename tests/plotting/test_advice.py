"""Whoever does what a message of `adapool.plot` says gets a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import adapool
from plotting.scenes import plot

pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")

IMAGE = np.random.default_rng(0).random((12, 16)).astype(np.float32)
PLANES = np.stack([IMAGE] * 5)
COLOURS = np.stack([IMAGE] * 3, axis=-1)


def sites(image: Any) -> Any:
    params = np.full((*image.shape, 2 * image.ndim), 4)
    return adapool.dynamic_stride_pooling(image, params, channel_axis=None)


class Advice(NamedTuple):
    """A call that is refused, what its message recommends, and a call that follows."""

    refused: Callable[[], Any]
    words: str
    followed: Callable[[], Any]


CASES: dict[str, Advice] = {
    "a volume": Advice(
        lambda: plot.show_windows(PLANES, 3),
        "pass one plane, as image[k]",
        lambda: plot.show_windows(PLANES[2], 3),
    ),
    "colours": Advice(
        lambda: plot.show_windows(COLOURS, 3),
        "or channel_axis for an image with channels",
        lambda: plot.show_windows(COLOURS, 3, channel_axis=-1),
    ),
    "a stack of volumes": Advice(
        lambda: plot.show_windows(np.stack([PLANES] * 2), 3),
        "call it for each image of a stack",
        lambda: [plot.show_windows(image, 3) for image in np.stack([COLOURS] * 2)[..., 0]],
    ),
    "sites of a volume": Advice(
        lambda: plot.show_sites(sites(PLANES)),
        "pool one plane, as image[k]",
        lambda: plot.show_sites(sites(PLANES[2])),
    ),
    "channels of no image": Advice(
        lambda: plot.show_sites(sites(IMAGE), channel_axis=-1),
        "channel_axis must be None without image",
        lambda: plot.show_sites(sites(IMAGE)),
    ),
    "spacing without a unit": Advice(
        lambda: plot.compare(IMAGE, [IMAGE], spacing=0.5),
        "pass units='µm' or another",
        lambda: plot.compare(IMAGE, [IMAGE], spacing=0.5, units="µm"),
    ),
    "weights per channel": Advice(
        lambda: plot.show_attention(COLOURS, np.ones((12, 16, 3)), channel_axis=-1),
        "of weights per channel, pass those of one channel",
        lambda: plot.show_attention(COLOURS, np.ones((12, 16, 3))[..., 0], channel_axis=-1),
    ),
    "sizes that are not finite": Advice(
        lambda: plot.show_windows(IMAGE, np.full((1, 2), np.nan), positions=[[3, 3]]),
        "numpy.where(numpy.isfinite(sizes), sizes, 0)",
        lambda: plot.show_windows(IMAGE, np.where(False, 1, np.zeros((1, 2))), positions=[[3, 3]]),
    ),
    "a class": Advice(
        lambda: plot.show_windows(IMAGE, adapool.estimators.ThicknessSizes),
        "pass an instance, as ThicknessSizes()",
        lambda: plot.show_windows(IMAGE, adapool.estimators.ThicknessSizes()),
    ),
}


@pytest.mark.parametrize("advice", CASES.values(), ids=CASES.keys())
def test_advice_works(advice: Advice) -> None:
    import matplotlib.pyplot as plt

    with pytest.raises((ValueError, TypeError)) as caught:
        advice.refused()
    assert advice.words in str(caught.value)
    advice.followed()
    plt.close("all")
