"""What the tasks of training share: scores, and folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeVar

from .scores import Array

Pair = tuple[Array, Array]  # an image and its labels
Kind = Literal["fixed", "untrained", "trained", "hindsight"]
Item = TypeVar("Item")


class Score(NamedTuple):
    """A number for each seed of one method; one where nothing is drawn."""

    task: str
    method: str
    kind: Kind  # of the pooling: what is around it is trained in any case
    values: Array
    parameters: int = 0
    fitted: float = float("nan")  # the mean on the images that it was trained on


def folds(items: Sequence[Item]) -> list[tuple[Sequence[Item], Sequence[Item]]]:
    """Return (to train, to score) twice: the even and the odd ones."""
    return [(items[1::2], items[::2]), (items[::2], items[1::2])]
