"""Attention: which values of a window count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from adapool._backends import Array
from adapool._checks import estimators as checks
from adapool._checks.arguments import count

# The share of a normal distribution that lies more than a standard deviation below its median.
_ONE_SIGMA_BELOW = 0.1587


@dataclass(frozen=True)
class SoftmaxAttention:
    r"""Weights that grow exponentially with the value, and sum to one over a window.

    The softmax of the values of a window, as in soft pooling [1]_, per channel:

    .. math:: w_k = \frac{e^{x_k / (T s)}}{\sum_j e^{x_j / (T s)}}

    where s is the standard deviation of the window, so that adding to the intensities, or scaling
    them, changes no weight. A window that is constant gets 1 / K everywhere.

    Parameters
    ----------
    temperature : float
        T: below 1, the weight gathers at the largest value; far above, it is even.
    channels : int
        Channels of the image, to tell the K positions of a window from its K * C values.

    References
    ----------
    .. [1] A. Stergiou, R. Poppe and G. Kalliatakis, "Refining Activation Downsampling with
       SoftPool", International Conference on Computer Vision, 2021.

    Examples
    --------
    >>> from adapool.estimators import SoftmaxAttention
    >>> SoftmaxAttention().predict([[0.0, 0.0, 0.0, 1.0]]).round(3)
    array([[0.077, 0.077, 0.077, 0.77 ]])
    """

    meant_for: ClassVar = "attention_network"

    temperature: float = 1.0
    channels: int = 1

    def __post_init__(self) -> None:
        """Check the parameters."""
        checks.positive("temperature", self.temperature)
        count("channels", self.channels)

    def predict(self, windows: Any) -> Array:
        """Return a weight for each value.

        Parameters
        ----------
        windows : (n, K*C) array_like
            Windows, flattened in the order (plane, row, column, channel).

        Returns
        -------
        weights : (n, K*C) array of float32 or float64
            Between 0 and 1. NaN and infinity count as 0 here, and stay what they are when they
            are weighed.

        Raises
        ------
        TypeError
            If the array does not hold real numbers.
        ValueError
            If its shape is not (n, K * channels).
        """
        values = _finite_windows(windows, self.channels)
        above = values - values.max(axis=1, keepdims=True)
        scale = self.temperature * values.std(axis=1, keepdims=True)
        weights = np.exp(np.divide(above, scale, out=np.zeros_like(above), where=scale != 0))
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray(weights.reshape(len(values), -1))


@dataclass(frozen=True)
class ContrastAttention:
    r"""Weights that lower what does not stand out from the noise of its window.

    Each value x above the median m of its window, per channel, is weighed down to

    .. math:: w x = m + (x - m) \max\left(0, 1 - \frac{t^2 s^2}{(x - m)^2}\right),
              \quad t = strength \sqrt{2 \ln K}.

    That is the non-negative garrote [1]_ with the universal threshold [2]_, below which the largest
    of K values of noise stays. The noise s is what lies between the median and the quantile a
    standard deviation below it: from below, so that bright objects do not count as noise. Values
    up to the median keep the weight 1. So does a window that is constant: one within an object
    keeps its level. Scaling the intensities changes no weight. They should not be negative: a
    value above the median that would have to change its sign gets the weight 0.

    Parameters
    ----------
    strength : float
        Multiplies the threshold.
    channels : int
        Channels of the image, to tell the K positions of a window from its K * C values.

    References
    ----------
    .. [1] H.-Y. Gao, "Wavelet Shrinkage Denoising Using the Non-Negative Garrote", Journal of
       Computational and Graphical Statistics 7(4), 1998.
    .. [2] D. L. Donoho and I. M. Johnstone, "Ideal Spatial Adaptation by Wavelet Shrinkage",
       Biometrika 81(3), 1994.

    Examples
    --------
    Noise is weighed down to the median, a spot is not:

    >>> from adapool.estimators import ContrastAttention
    >>> windows = [[8.0, 12.0, 10.0, 9.0, 11.0], [8.0, 12.0, 10.0, 9.0, 90.0]]
    >>> ContrastAttention().predict(windows).round(2)
    array([[1.  , 0.83, 1.  , 1.  , 0.91],
           [1.  , 0.83, 1.  , 1.  , 1.  ]])
    """

    meant_for: ClassVar = "attention_network"

    strength: float = 1.0
    channels: int = 1

    def __post_init__(self) -> None:
        """Check the parameters."""
        checks.positive("strength", self.strength)
        count("channels", self.channels)

    def predict(self, windows: Any) -> Array:
        """Return a weight for each value.

        Parameters
        ----------
        windows : (n, K*C) array_like
            Windows, flattened in the order (plane, row, column, channel).

        Returns
        -------
        weights : (n, K*C) array of float32 or float64
            Between 0 and 1. NaN and infinity count as 0 here, and stay what they are when they
            are weighed.

        Raises
        ------
        TypeError
            If the array does not hold real numbers.
        ValueError
            If its shape is not (n, K * channels).
        """
        values = _finite_windows(windows, self.channels)
        below, median = np.quantile(values, [_ONE_SIGMA_BELOW, 0.5], axis=1, keepdims=True)
        above = values - median
        threshold = self.strength * np.sqrt(2 * np.log(values.shape[1])) * (median - below)
        stands_out = above > threshold
        kept = np.zeros_like(values)
        np.divide(threshold**2, above, out=kept, where=stands_out)
        shrunk = np.where(stands_out, values - kept, median)
        weights = np.ones_like(values)
        np.divide(shrunk, values, out=weights, where=(above > 0) & (values != 0))
        return np.asarray(weights.clip(0, 1).reshape(len(values), -1))


def _finite_windows(windows: Any, channels: int) -> Array:
    """Return windows (n, K, C) as floats, NaN and infinity as 0."""
    return np.nan_to_num(checks.windows(windows, channels), posinf=0, neginf=0)
