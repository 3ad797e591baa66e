"""Trained networks in place of the estimators: scikit-learn's, as they come."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy import ndimage as ndi
from skimage.feature import multiscale_basic_features
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

import adapool
from adapool.estimators import ContrastAttention, ThicknessSizes

from .fixed import FIXED, blocks
from .scores import Array, average_precision, f1_of_labels
from .survival import noisy

SIDE = 8
_SAMPLES = 2000  # windows, or pixels, of each image that a network is trained on
_PASSES = 60  # over the windows, when an attention network is trained
_PART = 0.6  # share of the thickness that a window has: peaks of neighbours stay apart

Pair = tuple[Array, Array]  # an image and its labels


def lifted(image: Array, labels: Array, snr: float | None) -> Array:
    """Normalise an image so that it is not negative."""
    values = noisy(image, labels, snr)
    return np.asarray(values - values.min())


def train_attention(pairs: list[Pair], snr: float | None = None) -> MLPRegressor:
    """Learn, from whole windows, which of their pixels lie in objects."""
    rng = np.random.default_rng(0)
    windows, targets = [], []
    for image, labels in pairs:
        cut = blocks(lifted(image, labels, snr), SIDE).reshape(-1, SIDE**2)
        inside = blocks(labels > 0, SIDE).reshape(-1, SIDE**2)
        chosen = rng.permutation(len(cut))[:_SAMPLES]
        windows.append(cut[chosen])
        targets.append(inside[chosen])
    network = MLPRegressor(
        hidden_layer_sizes=(64,), max_iter=_PASSES, early_stopping=True, random_state=0
    )
    with warnings.catch_warnings():
        # A fixed number of passes is what is wanted here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return network.fit(np.concatenate(windows), np.concatenate(targets).astype(float))


def score_attention(network: Any, pair: Pair, snr: float | None = None) -> float:
    """Average precision of attention pooling on one image."""
    image, labels = pair
    pooled = adapool.attention_pooling(lifted(image, labels, snr), SIDE, network, channel_axis=None)
    return average_precision(blocks(labels, SIDE).max(axis=-1) > 0, pooled)


class ForestSizes:
    """Window sizes from a forest that looks at each pixel's features."""

    def __init__(self) -> None:
        self.forest = RandomForestRegressor(30, min_samples_leaf=5, random_state=0)

    @staticmethod
    def features(image: Array) -> Array:
        scaled = (image - image.mean()) / image.std()
        return np.asarray(multiscale_basic_features(scaled, sigma_max=8))

    def fit(self, pairs: list[Pair]) -> ForestSizes:
        """Learn the local thickness of the labelled objects."""
        rng = np.random.default_rng(0)
        features, sizes = [], []
        for image, labels in pairs:
            chosen = rng.permutation(image.size)[:_SAMPLES]
            features.append(self.features(image).reshape(image.size, -1)[chosen])
            sizes.append(label_thickness(labels).ravel()[chosen])
        self.forest.fit(np.concatenate(features), np.concatenate(sizes))
        return self

    def predict(self, images: Array) -> Array:
        image = images[0, ..., 0]
        rows = self.features(image).reshape(image.size, -1)
        return np.asarray(self.forest.predict(rows)).reshape(1, *image.shape)


def label_thickness(labels: Array) -> Array:
    """The diameter of the largest ball of the same label: 3 on background."""
    sizes = np.full(labels.shape, 3.0)
    for number, box in enumerate(ndi.find_objects(labels), start=1):
        if box is not None:
            own = labels[box] == number
            stack = np.pad(own, 1)[np.newaxis, ..., np.newaxis]
            thickness = ThicknessSizes(threshold=0.5, max_size=256).predict(stack)
            sizes[box][own] = thickness[0, 1:-1, 1:-1, 0][own]
    return sizes


def score_sizes(network: Any, pair: Pair) -> float:
    """F1 of the maxima of the smoothed image in windows of a part of the predicted sizes."""
    image, labels = pair
    smooth = ndi.gaussian_filter(image.astype(np.float64), 2)
    sizes = network.predict(image.astype(np.float64)[np.newaxis, ..., np.newaxis])
    windows = np.maximum(_PART * sizes.reshape(*image.shape, -1), 3)
    return f1_of_labels(labels, adapool.peak_local_max(smooth, windows))


def rows(pairs: list[Pair]) -> list[tuple[str, float, float, float]]:
    """Two folds: (what, trained, untrained, best fixed pooling), means over the left-out images."""
    folds = [(pairs[1::2], pairs[::2]), (pairs[::2], pairs[1::2])]
    found = []
    for snr in (None, 5.0, 2.0):
        scores = []
        for train, test in folds:
            network = train_attention(train, snr)
            for pair in test:
                cut = blocks(noisy(*pair, snr), SIDE)
                truth = blocks(pair[1], SIDE).max(axis=-1) > 0
                fixed = [average_precision(truth, pool(cut)) for pool in FIXED.values()]
                ours = (score_attention(n, pair, snr) for n in (network, ContrastAttention()))
                scores.append([*ours, *fixed])
        means = np.mean(scores, axis=0)
        name = "no noise added" if snr is None else f"SNR {snr:g}"
        found.append((f"attention, AP, {name}", means[0], means[1], means[2:].max()))
    sizes = []
    for train, test in folds:
        forest = ForestSizes().fit(train)
        sizes += [(score_sizes(forest, p), score_sizes(ThicknessSizes(), p)) for p in test]
    learned, thickness = np.mean(sizes, axis=0)
    found.append(("sizes, F1", learned, thickness, float("nan")))
    return found
