"""The notebooks run from top to bottom."""

from __future__ import annotations

from pathlib import Path

import pytest

NOTEBOOKS = sorted(Path(__file__).parents[1].joinpath("notebooks").glob("*.ipynb"))


def test_there_is_a_notebook_for_each_method() -> None:
    assert {path.stem for path in NOTEBOOKS} >= {"attention", "dynamic", "deformable", "peaks"}


# nbclient and the kernel's client talk through asyncio and zmq, which warn of their own accord.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="notebooks run where nbclient is installed")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": path.parent}}
    ).execute()
