"""Work in a background thread, with a bar and a button that ends it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from magicgui.widgets import Container, ProgressBar, PushButton
from napari.qt.threading import create_worker

Steps = Generator[None, None, Any]


class Task(Container):  # type: ignore[misc]
    """A button that starts, one that cancels, and a progress bar.

    Parameters
    ----------
    start : str
        What the first button says.
    steps : callable
        Called, in the thread of the window, when it is pressed; returns how many steps there are
        and a generator, whose steps run in a thread of their own: it yields after each, and
        returns the result. None where there is nothing to do.
    done : callable
        Called with the result, in the thread of the window.
    """

    def __init__(
        self,
        start: str,
        steps: Callable[[], tuple[int, Steps] | None],
        done: Callable[[Any], None],
    ) -> None:
        self.start, self.cancel = PushButton(text=start), PushButton(text="Cancel", enabled=False)
        self.bar = ProgressBar(min=0, max=1, value=0, visible=False)
        self._steps, self._done = steps, done
        self._worker: Any = None
        super().__init__(widgets=[self.start, self.cancel, self.bar], labels=False)
        self.start.clicked.connect(self._begin)
        self.cancel.clicked.connect(self._stop)

    @property
    def busy(self) -> bool:
        """Whether there is work in progress whose result is wanted."""
        return self._worker is not None

    def _begin(self) -> None:
        made = self._steps()
        if made is None:
            return
        total, steps = made
        # napari's own rule: at most the end of a step is waited for. Without steps it moves.
        self.bar.max = total if total > 1 else 0
        self.bar.value = 0

        def work() -> Steps:
            return (yield from steps)

        worker = create_worker(work)
        worker.yielded.connect(lambda _: self._advance(worker))
        worker.returned.connect(lambda result: self._finish(worker, result))
        worker.errored.connect(lambda _: self._finish(worker))  # napari shows the error
        self._worker = worker
        self._show(True)
        worker.start()

    def _stop(self) -> None:
        """End after the step that runs; its result is not waited for."""
        if self._worker is not None:
            self._worker.quit()
            self._worker = None
        self._show(False)

    def _advance(self, worker: Any) -> None:
        if worker is self._worker and self.bar.value < self.bar.max:
            self.bar.value += 1

    def _finish(self, worker: Any, result: Any = None) -> None:
        if worker is not self._worker:  # cancelled
            return
        self._worker = None
        self._show(False)
        if result is not None:
            self._done(result)

    def _show(self, busy: bool) -> None:
        self.start.enabled, self.cancel.enabled, self.bar.visible = not busy, busy, busy
