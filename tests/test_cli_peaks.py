"""``adapool peaks``: what it prints and writes, of files that are as they should be and others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adapool
import file_scenes
from adapool import cli, io
from file_scenes import files

pytest.importorskip("tifffile", reason="files need the extra 'files'")
pytest.importorskip("ome_zarr_models", reason="files need the extra 'files'")
pytest.importorskip("matplotlib", reason="overlays need the extra 'plot'")
pandas = pytest.importorskip("pandas", reason="comes with the extra 'docs'")

run = partial(file_scenes.run, "peaks")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command says on stderr where it does nothing."""
    run(*arguments, status=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("adapool: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_files_of_all_kinds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file_scenes.write(
        folder / "in", "a.tif", "b.png", "broken.tif", "c.ome.zarr", "channels.ome.tif", "time.tif"
    )
    options = ("-o", "out", "--labels", "labels", "--overlay", "seen")
    run("in", *options, status=1)
    captured = capsys.readouterr()
    assert "adapool: skipped in/broken.tif: " in captured.err
    assert "has 2 channels (DAPI, empty): their maximum is searched" in captured.err
    names = ["a", "b", "c", "channels", "time"]
    assert files("out") == sorted([*(f"{name}.csv" for name in names), "summary.csv"])
    assert files("labels") == [f"{name}-labels.ome.tif" for name in names]
    frames = [f"time-t000{number}.png" for number in range(3)]
    assert files("seen") == ["a.png", "b.png", "c.png", "channels.png", *frames]

    summary = pandas.read_csv("out/summary.csv", index_col="file")
    assert summary.peaks.dropna().to_list() == [4, 4, 4, 4, 12]
    assert summary.error.notna().to_list() == [f"in/{n}" == "in/broken.tif" for n in files("in")]
    assert summary.unit["in/a.tif"] == "um"
    assert summary.unit["in/b.png"] == "px"
    assert summary.frames["in/time.tif"] == 3
    printed = captured.out.splitlines()[2:]
    assert [line.split()[0] for line in printed] == [f"in/{name}" for name in files("in")]
    for name in names:
        source = next((folder / "in").glob(f"{name}.*"))
        check_one(pandas.read_csv(f"out/{name}.csv"), Path(f"labels/{name}-labels.ome.tif"), source)


def check_one(table: Any, labels_path: Path, source: Path) -> None:
    """The table is `peak_table`'s, and the labels are what it measures, with the same axes."""
    image, labels = io.read(source), io.read(labels_path)
    assert labels.axes == image.axes.replace("c", "")
    assert labels.spacing == image.spacing
    assert labels.array.dtype == np.uint16
    expected = adapool.peak_table(
        image, spacing=image.spacing, channel_axis=image.channel_axis, batch_axis=image.batch_axis
    )
    assert set(table.columns) == {"file", *expected}
    assert set(table.file) == {str(Path("in", source.name))}
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values, rtol=1e-7)
    pixel = np.prod(image.spacing or 1)
    for number, frame in enumerate(labels.frames()):
        rows = table[table["frame"] == number] if "frame" in table else table
        areas = np.bincount(np.asarray(frame).ravel())[1:] * pixel
        np.testing.assert_allclose(areas, np.pi / 4 * rows["equivalent_diameter"] ** 2)


def test_overlays_show_the_image_and_its_marks(folder: Path) -> None:
    import imageio.v3 as iio

    file_scenes.write(folder / "in", "a.tif")
    run("in/a.tif", "--overlay", "seen")
    picture = iio.imread("seen/a.png")[..., :3].astype(int)
    assert picture.shape == (640, 800, 3)  # ten times as large, so that dots hide nothing
    orange = (np.abs(picture - [255, 176, 0]).max(axis=-1) < 30).nonzero()
    for y, x, radius in file_scenes.DISCS:
        distance = np.hypot(orange[0] / 10 - y - 0.5, orange[1] / 10 - x - 0.5)
        assert distance.min() < 1  # a dot
        assert (np.abs(distance - radius) < 1).sum() > 20 * radius  # an outline
    # Beside the marks it is the image: grey, bright in the discs.
    y, x, radius = file_scenes.DISCS[1]
    inside = picture[10 * (y + radius // 2) + 5, 10 * x + 5]
    assert inside.min() == inside.max() > 200
    assert picture[5, 5].max() < 60


def test_one_table_for_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file_scenes.write(folder / "in", "a.tif", "time.tif")
    run("in", "-o", "all.csv")
    table = pandas.read_csv("all.csv")
    assert table.groupby("file").size().to_dict() == {"in/a.tif": 4, "in/time.tif": 12}
    assert table.frame[table.file == "in/a.tif"].isna().all()
    assert files(".") == ["all.csv", "in"]
    run("in", "-o", "all.geojson")
    capsys.readouterr()
    points = json.loads(Path("all.geojson").read_text())["features"]
    assert len(points) == 16
    for point, (_, row) in zip(points, table.iterrows(), strict=True):
        x, y = point["geometry"]["coordinates"]
        assert point["properties"]["file"] == row.file
        # Coordinates are pixels, column first, whatever the unit of the table is.
        assert abs(y - row["index-0"]) < 1.5
        assert abs(x - row["index-1"]) < 1.5


def test_options_reach_the_search(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file_scenes.write(folder / "in", "channels.tif", "time.tif")
    run("in/channels.tif", "--channel", "DAPI", "--spacing", "2", "-o", "a.csv")
    assert "channels" not in capsys.readouterr().err.replace("in/channels.tif", "")
    table = pandas.read_csv("a.csv")
    expected = adapool.peak_table(file_scenes.plane(), spacing=2)
    np.testing.assert_allclose(table.equivalent_diameter, expected["equivalent_diameter"])
    run("in/channels.tif", "--channel", "empty", "-o", "none.csv")
    empty = pandas.read_csv("none.csv")
    assert len(empty) == 0
    assert list(empty.columns) == list(table.columns)
    run("in/time.tif", "--axes", "zyx", "-o", "z.csv")
    assert "index-2" in pandas.read_csv("z.csv")
    capsys.readouterr()
    run("in/channels.tif", "--channel", "GFP", status=1)
    assert "there is no channel 'GFP': the names are DAPI, empty" in capsys.readouterr().err


def test_knobs_are_those_of_the_estimator() -> None:
    from adapool.cli import _peaks

    arguments = ["--sensitivity", "2", "--min-size", "3", "--max-size", "9.5"]
    options = cli._parser().parse_args(["peaks", "a.tif", *arguments])
    task = _peaks._task(options, [Path("a.tif")])
    assert task.knobs == {"sensitivity": 2.0, "min_size": 3.0, "max_size": 9.5}
    estimator: Any = adapool.estimators.BlobSizes
    if "sensitivity" in estimator.__dataclass_fields__:
        assert estimator(spacing=(1.0, 1.0), **task.knobs).max_size == 9.5


def test_dark_objects(folder: Path) -> None:
    # A byte's whole range, with and without a sign, and two channels.
    bright = np.clip(file_scenes.plane(bright=150) - 90.0, 0, 255).astype(np.uint8)
    signed = (bright.astype(np.int16) - 128).astype(np.int8)
    for array, axes in (
        (255 - bright, "yx"),
        (~signed, "yx"),
        (np.stack([255 - bright] * 2), "cyx"),
    ):
        io.write("in/dark.tif", array, axes=axes, overwrite=True)
        run("in/dark.tif", "--dark", "-o", "dark.csv", "--force", "--labels", "labels")
        table = pandas.read_csv("dark.csv")
        expected = adapool.peak_table(bright)
        for name in ("index-0", "centroid-1", "equivalent_diameter", "snr", "prominence"):
            np.testing.assert_allclose(table[name], expected[name], rtol=1e-6)
        np.testing.assert_allclose(table.contrast, -expected["contrast"], rtol=1e-6)
        inverse = expected["intensity"] - bright.min()
        np.testing.assert_allclose(int(array.max()) - table.intensity, inverse, rtol=1e-6)


def test_nothing_is_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file_scenes.write(folder / "in", "a.tif", "b.tif")
    run("in", "-o", "out")
    capsys.readouterr()
    before = Path("out/a.csv").stat().st_mtime_ns
    message = refused(capsys, "in", "-o", "out")
    assert "out/a.csv and 2 more files exist: --force replaces" in message
    assert Path("out/a.csv").stat().st_mtime_ns == before
    run("in", "-o", "out", "--force")
    assert Path("out/a.csv").stat().st_mtime_ns > before
    capsys.readouterr()
    (folder / "in" / "c.csv").touch()
    for arguments, message in (
        (["in", "--labels", "in"], "in holds the images: name another folder"),
        (["in", "-o", "out.txt"], "out.txt must end in .csv or .geojson, or be a folder"),
        (["in/a.tif", "in/a.tiff"], "there is no file in/a.tiff: did you mean in/a.tif?"),
        (["in/c.csv"], "in/c.csv has .csv, and what can be read is TIFF"),
        (["in/*.png"], "the pattern 'in/*.png' finds no image"),
        (["in", "--min-size", "9", "--max-size", "5"], "--min-size must be at most --max-size"),
        (["in", "-o", "in/c.csv/x"], "in/c.csv is no folder: name another place"),
        (["in", "--overlay", "in/a.tif"], "in/a.tif is no folder: name another place"),
        (["in", "-o", "folder.csv", "--force"], "folder.csv is a folder: name another place"),
    ):
        (folder / "folder.csv").mkdir(exist_ok=True)
        assert message in refused(capsys, *arguments)


def test_names_that_would_meet(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "more").mkdir()
    file_scenes.write(folder / "in", "a.tif", "a.png", "b.tif")
    file_scenes.write(folder / "more", "b.tif")
    run("in", "more", "-o", "out")
    assert files("out") == [
        "a.png.csv",
        "a.tif.csv",
        "in-b.tif.csv",
        "more-b.tif.csv",
        "summary.csv",
    ]


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["peaks", "a.tif", "--sensitvity", "2"], "did you mean --sensitivity?"),
        (["peak", "a.tif"], "did you mean peaks?"),
        (["peaks", "a.tif", "--min-size", "-1"], "must be a number above 0"),
        (["peak", "a.tif"], "argument COMMAND: invalid choice: 'peak'"),
        (["peaks", "a.tif", "--min-size", "x"], "must be a number above 0, got x"),
        (["peaks", "a.tif", "--spacing", "1,x"], "above 0, or several with commas between them"),
        (["peaks", "a.tif", "--jobs", "0"], "must be a whole number from 1 on, got 0"),
        (["peaks", "a.tif", "--jobs", "x"], "must be a whole number from 1 on, got x"),
        (["peaks"], "required: FILES"),
    ],
)
def test_wrong_usage(arguments: list[str], advice: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert advice in capsys.readouterr().err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["peaks"], ["pool"]):
        with pytest.raises(SystemExit):
            cli.main([*command, "--help"])
        assert "examples:\n  adapool " in capsys.readouterr().out


# --- processes ----------------------------------------------------------------------------------


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "adapool", *arguments]


@pytest.mark.slow
def test_jobs(folder: Path) -> None:
    file_scenes.write(folder / "in", "a.tif", "b.tif", "broken.tif")
    run("in", "-o", "one", status=1)
    done = subprocess.run(
        command("peaks", "in", "-o", "two", "--jobs", "2"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "skipped in/broken.tif" in done.stderr
    assert "3 of 3" in done.stderr
    for name in ("a.csv", "b.csv"):
        assert Path("one", name).read_text() == Path("two", name).read_text()
    assert files("two") == ["a.csv", "b.csv", "summary.csv"]


def test_a_process_that_dies_takes_no_other_file_with_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from adapool.cli import _batch

    paths = [Path(name) for name in ("a", "deadly", "b", "c")]
    outcomes = _batch.over(paths, file_scenes.die_of_some, 2, "test")
    assert [each.path for each in outcomes] == paths
    assert [each.result for each in outcomes] == ["a", None, "b", "c"]
    assert outcomes[1].error == "its process died, for want of memory it may be"
    assert "skipped deadly: its process died" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing on Windows")
def test_ctrl_c_leaves_whole_files_only(folder: Path) -> None:
    file_scenes.write(folder / "in", *(f"{number}.tif" for number in range(200)))
    process = subprocess.Popen(
        command("peaks", "in", "-o", "out", "--labels", "out/labels", "--jobs", "2"),
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(Path("out").glob("*.csv")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "adapool: interrupted; what has been written is whole" in error
    assert "Traceback" not in error
    assert out == ""
    tables = files("out")
    assert "summary.csv" not in tables
    assert 1 < len(tables) < 200
    for name in tables:
        if name.endswith(".csv"):
            assert len(pandas.read_csv(Path("out", name))) == 4
            io.read(Path("out/labels", name.replace(".csv", "-labels.ome.tif")))
    assert not list(Path("out").rglob(".*"))


def test_without_the_extra_it_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file_scenes.write(folder / "in", "a.tif")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert "files need tqdm" in refused(capsys, "in")
