__all__ = [
    "compare",
    "show_attention",
    "show_offsets",
    "show_peaks",
    "show_sites",
    "show_windows",
    "tune_peaks",
]

from ._attention import show_attention
from ._compare import compare
from ._offsets import show_offsets
from ._peaks import show_peaks
from ._sites import show_sites
from ._tune import tune_peaks
from ._windows import show_windows
