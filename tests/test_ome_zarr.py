"""The OME-Zarr script of the documentation, on a small image."""

from __future__ import annotations

import itertools
import runpy
from pathlib import Path

import numpy as np
import pytest
import zarr

import adapool

SCRIPT = Path(__file__).parents[1] / "docs" / "ome_zarr.py"


def test_levels_are_pooled_from_one_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "spots.zarr"
    main = runpy.run_path(str(SCRIPT))["main"]
    main([str(target), "--side", "150", "--chunk", "32", "--levels", "3"])
    group = zarr.open_group(target, mode="r")
    levels = [np.asarray(group[str(number)]) for number in range(3)]
    assert [level.shape for level in levels] == [(150, 150), (75, 75), (38, 38)]
    assert levels[0].max() > 2000
    for finer, coarser in itertools.pairwise(levels):
        expected = adapool.max_pooling(finer, 2, ceil_mode=True, channel_axis=None)
        np.testing.assert_array_equal(coarser, expected)
    ome = group.attrs["ome"]
    assert ome["version"] == "0.5"
    assert [part["path"] for part in ome["multiscales"][0]["datasets"]] == ["0", "1", "2"]
    assert capsys.readouterr().out.count("100%") >= 3
