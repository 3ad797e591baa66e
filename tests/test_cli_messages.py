"""``adapool peaks`` where something is in the way: links, places to write to, pixels, terminals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import file_scenes
from adapool import io
from file_scenes import files

pytest.importorskip("tifffile", reason="files need the extra 'files'")
pandas = pytest.importorskip("pandas", reason="comes with the extra 'docs'")

run = partial(file_scenes.run, "peaks")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "adapool", *arguments]


def test_a_folder_that_cannot_be_written_to(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file_scenes.write(folder / "in", "a.tif")
    # Asked for and not set: root may write wherever it likes.
    monkeypatch.setattr("os.access", lambda *_: False)
    run("in", "-o", "out/deep", status=1)
    assert "the folder . cannot be written to" in capsys.readouterr().err


def test_links_that_lead_nowhere(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file_scenes.write(folder / "in", "a.tif")
    (folder / "in" / "lost.tif").symlink_to("nowhere.tif")
    (folder / "in" / "round.tif").symlink_to("round.tif")
    run("in", "-o", "out", status=1)
    message = capsys.readouterr().err
    assert "in/lost.tif is a link to nowhere.tif, which is not there" in message
    assert "in/round.tif is a link to round.tif, which is not there" in message
    assert files("out") == ["a.csv", "summary.csv"]


def test_a_table_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file_scenes.write(folder / "in", "a.tif", "b.tif")
    run("in", "-o", "out.csv")
    capsys.readouterr()
    run("in", "-o", "-")
    captured = capsys.readouterr()
    assert captured.out == Path("out.csv").read_text(encoding="utf-8")
    assert "median_diameter" in captured.err
    run("in", "-o", "-", "--format", "geojson")
    assert len(json.loads(capsys.readouterr().out)["features"]) == 8
    assert files(".") == ["in", "out.csv"]


def test_what_was_not_seen_is_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Images that were stitched have NaN where no tile was."""
    image = file_scenes.plane().astype(np.float32)
    io.write("in/whole.tif", image)
    image[:, 30:40] = np.nan
    image[0, 0] = np.inf
    io.write("in/holes.tif", image)
    run("in", "-o", "out", "--labels", "labels")
    assert "641 of 5120 pixels are NaN or infinity: they are left out" in capsys.readouterr().err
    holes, whole = (pandas.read_csv(f"out/{name}.csv") for name in ("holes", "whole"))
    columns = ["index-0", "index-1"]
    assert set(map(tuple, holes[columns].values)) == set(map(tuple, whole[columns].values))
    labels = io.read("labels/holes-labels.ome.tif").array
    assert labels.max() == 4
    assert not labels[:, 30:40].any()
    image[:] = np.nan
    io.write("in/nothing.tif", image)
    run("in/nothing.tif", status=1)
    assert "must have finite values" in capsys.readouterr().err


def test_errors_are_printed_in_short(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    io.write("in/a.tif", np.full((8, 8), np.nan, np.float32))
    run("in", "-o", "out", status=1)
    captured = capsys.readouterr()
    full = pandas.read_csv("out/summary.csv").error[0]
    assert full in captured.err
    assert captured.out.rstrip().endswith(f"  {full[:40]}...")


def test_names_that_a_terminal_cannot_show(folder: Path) -> None:
    file_scenes.write(folder / "in", "\u7d30\u80de.tif")
    done = subprocess.run(
        command("peaks", "in"), capture_output=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert rb"in/\u7d30\u80de.tif" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_what_cannot_be_printed(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command("info"), stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"adapool: [Errno 28] No space left on device\n")
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = subprocess.run(command("info"), stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
