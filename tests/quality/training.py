"""What training through a pooling gains: three tasks, two folds, networks under 20,000 parameters.

Each network is trained on one half of the images and scored on the other, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

import adapool

from .training_blocks import NOISES, block_scores
from .training_classes import class_scores
from .training_counts import count_scores
from .training_score import Pair, Score


def scores(pairs: Sequence[Pair]) -> Iterator[Score]:
    """Yield all, task by task."""
    # Images are small: more threads take more of the processors, and hardly less time.
    torch.set_num_threads(1)
    adapool.set_num_threads(1)
    for snr in NOISES:
        yield from block_scores(pairs, snr)
    yield from count_scores(pairs)
    yield from class_scores(pairs)
