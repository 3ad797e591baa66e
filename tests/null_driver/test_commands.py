"""What is run on a GPU, and the table of the documentation, launch by launch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from numba import cuda

from device import libraries, one_each, small, smoke, speed
from null_driver import build, journal, table

# Few blocks are right for little work; arrays of the host are only to be looked at.
pytestmark = pytest.mark.filterwarnings("ignore:Grid size")


def test_the_page_quotes_the_table() -> None:
    """Launches and bytes; time is of the machine that it was measured on."""
    page = (build.PROJECT / "docs" / "cuda.md").read_text()
    rows = list(table.rows(measure=False))
    assert table.HEADER in page
    assert len(rows) > 10
    for row in rows:
        assert row.removesuffix("  |") in page
        name, launches = (word.strip() for word in row.split("|")[1:3])
        assert int(launches) <= (4 if name.startswith("max_pooling") else 8)


def test_smoke(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Stand-ins for the others are enough for launches, and too little to fill arrays with.
    numba = libraries.Library("numba", cuda.to_device, lambda array: array.copy_to_host())
    monkeypatch.setattr(smoke, "libraries", lambda: [numba])
    assert smoke.main() == 0
    assert "launched, values not compared" in capsys.readouterr().out


@pytest.mark.parametrize("main", [small.main, lambda: one_each.main(side=64)])
def test_inputs_of_the_tools(main: object) -> None:
    assert callable(main)
    _, noted = journal.during(main)
    assert {launch.fault for launch in noted.launches} == {"none"}
    assert "slide_along" in {launch.function for launch in noted.launches}


def test_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row, without times and peers."""
    assert speed.main([str(tmp_path), "--dry-run"]) == 0
    report = json.loads((tmp_path / "speed.json").read_text())
    assert len(report["cases"]) > 40
    assert all(row["launches"] > 0 and row["bytes"] > 0 for row in report["cases"])
    assert "WRONG" not in capsys.readouterr().out
