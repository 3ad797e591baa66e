"""Throw hostile arguments at every public function: ``python -m tests.fuzz --minutes 10``.

The only outcomes allowed are the right answer, held against the reference loops, a ValueError or a
TypeError, an ImportError for an array on a GPU, and what the network itself raised. Prints how many
calls ended in which; anything else ends the run with the arguments that led there.

Images are small, a half of them no longer than a pixel along some axes. Their dtypes, and those of
what goes with them, are a few pairs, as each has to be compiled, and another one for each hundred
calls: all of them in the long run.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import random
import sys
import time
import warnings
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

import adapool._plans.weights
import strategies

from .calls import hostile_calls
from .outcomes import outcome

OPERANDS = sorted({*(image for image, _ in strategies.DTYPES), "float16"})
PAIRS = list(itertools.product(OPERANDS, OPERANDS))
FEW = list(strategies.DTYPES)


def run(minutes: float, start: int) -> collections.Counter[str]:
    """Fuzz for so many minutes; return how often calls ended in which outcome."""
    counts: collections.Counter[str] = collections.Counter()
    end = time.monotonic() + 60 * minutes
    # Batches of windows so small that an attention network is called again and again.
    adapool._plans.weights._BATCH_BYTES = 256
    warnings.simplefilter("error")
    # A three-dimensional image may look as if it held colours.
    warnings.filterwarnings("ignore", "the last axis")
    number = start
    while time.monotonic() < end:
        strategies.DTYPES[:] = FEW + random.Random(number).sample(PAIRS, 1)

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
