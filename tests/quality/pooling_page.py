"""The sections on pooling to fixed blocks, and on trained networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from . import survival, words
from .fixed import FIXED
from .images import Annotated, labelled_planes
from .page import table

_SHOWN = 8  # the reduction that the page has
_PART = slice(None, 512), slice(None, 512)  # of large images, for time


def section(images: Sequence[Annotated]) -> str:
    """Measure, and return the sections."""
    labelled = labelled_planes(images)
    return "\n".join([*_survivors(labelled), *_networks(labelled)])


def _survivors(labelled: list[Annotated]) -> Iterator[str]:
    scores = survival.measure(labelled)
    means = {key: float(np.nanmean(values, axis=0)[0]) for key, values in scores.items()}
    names = (*FIXED, survival.CONTROL, *survival.ADAPTIVE)
    yield words.text("pooling")
    header = ["no noise added" if s is None else f"SNR {s:g}" for s in survival.NOISES]
    rows = [(name, *(means[snr, _SHOWN, name] for snr in survival.NOISES)) for name in names]
    yield table(("", *header), rows)
    yield "Beside the best fixed formula, at reductions of 4, 8 and 16:\n"
    for snr, noise in zip(survival.NOISES, header, strict=True):
        parts = []
        for side in survival.REDUCTIONS:
            fixed = max(FIXED, key=lambda name: means[snr, side, name])
            best = max(survival.ADAPTIVE, key=lambda name: means[snr, side, name])
            lead = means[snr, side, best] - means[snr, side, fixed]
            parts.append(f"{best} {lead:+.3f} ({fixed})")
        yield f"- {noise}: " + ", ".join(parts)
    yield ""


def _networks(labelled: list[Annotated]) -> Iterator[str]:
    from . import trained

    pairs = [(e.image[_PART], e.labels[_PART]) for e in labelled if e.labels is not None]
    yield words.text("trained")
    rows = [(what, float(a), float(b), float(c)) for what, a, b, c in trained.rows(pairs)]
    yield table(("", "trained", "untrained", "best fixed pooling"), rows)
    for what, learned, untrained, _ in rows:
        if learned <= untrained:
            yield f"Trained does not win: {what}, by {untrained - learned:.3f}.\n"
