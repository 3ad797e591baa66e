"""Networks that tell the truth a few times, and then lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dask.array as da
import numpy as np
import xarray
from numpy.typing import NDArray

Array = NDArray[Any]


class OnDevice:
    """An answer on another device."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": (1,), "typestr": "<f4", "data": (0, False), "version": 3}


class NetworkError(Exception):
    """What a network of its own raises."""


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
    "gives an array with names": lambda given, answer: xarray.DataArray(answer),
    "gives a number": lambda given, answer: 3,
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
