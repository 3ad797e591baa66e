"""Pictures of what adapool does: peaks, windows, sites, offsets, attention and pooled maps.

Six functions that draw into Matplotlib `Axes` and return them: `show_peaks`, `show_windows`,
`show_sites`, `show_offsets`, `show_attention` and `compare`. They take 2-D images; of a volume,
pass one plane. They need the extra ``plot``: ``pip install 'adapool[plot]'``. `tune_peaks` is a
widget of Jupyter, and needs the extra ``notebook``.

Pixel (row, column) is drawn at x = column, y = row, rows downward, as `matplotlib` and scikit-image
do. Without `ax`, `matplotlib.pyplot` makes a new figure.
"""

from typing import Any

import lazy_loader

from adapool._checks import plot

_look_up, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    try:
        return _look_up(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        plot.no_matplotlib(error)
