"""Take the pictures of the napari plugin that the documentation shows.

    xvfb-run -a python docs/napari_pictures.py docs/images

opens napari's sample images of adapool, uses the widgets as a user would, and writes
``napari-peaks.png`` and ``napari-volume.png``. It needs the extra `adapool[napari]`, a Qt, such as
PyQt6, and a screen, which xvfb-run gives where there is none.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import napari
from qtpy.QtWidgets import QApplication


def wait(busy: Any) -> None:
    """Let the window work while something is busy, and until it has been drawn."""
    while busy():
        QApplication.processEvents()
        time.sleep(0.01)
    for _ in range(50):
        QApplication.processEvents()
        time.sleep(0.01)


def main(folder: Path) -> None:
    """Write the pictures."""
    for sample, name in (("discs", "napari-peaks.png"), ("volume", "napari-volume.png")):
        viewer = napari.Viewer()
        viewer.window.resize(1160, 720)
        viewer.open_sample("adapool", sample)
        _, widget = viewer.window.add_plugin_dock_widget("adapool", "Peaks")
        widget.task.start.changed.emit(True)
        wait(lambda widget=widget: widget.task.busy)
        if sample == "discs":
            widget.diameters.value = (2.5, widget.diameters.max)
        else:
            viewer.dims.set_point(0, 15)
        viewer.scale_bar.visible = True
        viewer.reset_view()
        wait(lambda: False)
        viewer.screenshot(str(folder / name), canvas_only=False)
        viewer.close()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
