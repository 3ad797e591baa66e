"""The ``adapool`` command: its exit codes, its table, its picture, its errors."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adapool
from adapool import _install, cli
from adapool.cli import _demo

pytest.importorskip("matplotlib", reason="the demo needs the extra 'plot'")
pytest.importorskip("tqdm", reason="the demo needs the extra 'plot'")

METHODS = (
    "peak_local_max",
    "region_pooling",
    "dynamic_stride_pooling",
    "max_pooling",
    "dynamic_pooling",
    "attention_pooling",
    "deformable_conv_and_pool",
)
COLUMNS = [
    "method", "input", "output", "dtype", "first ms", "second ms", "of it network"
]  # fmt: skip


def run_command(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    # -P keeps the directory that it runs in off the path, as for an installed command.
    command = [sys.executable, "-P", "-m", "adapool.cli", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def cells(line: str) -> list[str]:
    """The columns of a line of the table, which at least two spaces keep apart."""
    return re.split(r"\s{2,}", line.strip())


def check_picture(path: Path) -> None:
    from matplotlib.image import imread

    picture = imread(path)[..., :3]
    height, width, _ = picture.shape
    assert 1500 <= width <= 1700
    assert 1200 <= height <= 1400
    # Five rows, each of a caption and three panels: none of them is blank.
    rows = np.array_split(picture[int(0.05 * height) :], 5)
    for row in rows:
        caption, *panels = np.split(row, [int(x * width) for x in (0.2, 0.47, 0.73)], axis=1)
        assert caption.std() > 0.05
        assert all(panel.std() > 0.1 for panel in panels)


def check_table(text: str, shape: str) -> dict[str, list[str]]:
    heading, rule, *lines = text.splitlines()[: 2 + len(METHODS)]
    assert cells(heading) == COLUMNS
    assert set(rule) == {"-", " "}
    rows = {row[0]: row[1:] for row in map(cells, lines)}
    assert tuple(rows) == METHODS
    for method, (given, _, dtype, first, second, network) in rows.items():
        assert given == shape
        assert dtype == ("int64" if method == "peak_local_max" else "float32")
        assert float(first) > 0
        assert float(second) > 0
        # Those without a network of the demo's say so.
        assert (network == "-") == (method in ("peak_local_max", "max_pooling"))
    return rows


# --- the demo -----------------------------------------------------------------------------------


def test_demo_on_coins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "coins.png"
    assert cli.main(["demo", "--image", "coins", "--output", str(path)]) == 0
    out = capsys.readouterr().out
    rows = check_table(out, "303 x 384")
    # One point for each of the coins.
    assert rows["peak_local_max"][1] == "24 x 2"
    assert rows["dynamic_pooling"][1] == rows["max_pooling"][1] == "76 x 96"
    assert out.splitlines()[-1] == f"written: {path}"
    check_picture(path)


def test_a_quick_demo_calls_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "coins.png"
    assert cli.main(["demo", "--quick", "--image", "coins", "--output", str(path)]) == 0
    heading, _, *lines = capsys.readouterr().out.splitlines()
    assert cells(heading) == [column for column in COLUMNS if column != "second ms"]
    assert tuple(cells(line)[0] for line in lines[: len(METHODS)]) == METHODS
    check_picture(path)


@pytest.mark.slow
def test_demo_without_options(tmp_path: Path) -> None:
    result = run_command("demo", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    check_table(result.stdout, "512 x 512")
    assert result.stdout.splitlines()[-1] == "written: adapool-demo.png"
    assert "Warning" not in result.stderr
    check_picture(tmp_path / "adapool-demo.png")


@pytest.mark.slow
def test_no_backend_of_matplotlib_is_chosen(tmp_path: Path) -> None:
    # pyplot is what has a current figure and a backend.
    code = (
        "import sys; from adapool import cli\n"
        f"cli.main(['demo', '--image', 'coins', '--output', {str(tmp_path / 'a.png')!r}])\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_images_are_those_of_the_demo() -> None:
    from adapool.demo import NAMES

    # The command names them itself, so that --help need not import them.
    assert _demo._IMAGES == NAMES


@pytest.mark.parametrize("name", _demo._IMAGES)
def test_regions_fit_the_objects(name: str) -> None:
    from adapool import demo
    from adapool.estimators import ObjectRegions

    image = demo.load(name).image
    labels = demo.label_objects(image)
    boxes = adapool.dynamic_stride_pooling(image, demo.object_boxes, channel_axis=None)
    budget = len(boxes.values)
    regions = adapool.region_pooling(image, ObjectRegions(budget), channel_axis=None)
    assert len(regions.values) <= budget
    # What the picture says: at as many values, objects own regions, and neither boxes nor blocks.
    owned = demo.share_owned(labels, regions.labels)
    blocks = demo.label_blocks(labels.shape, round((image.size / budget) ** 0.5))
    assert owned > 0.4
    assert demo.share_owned(labels, boxes.labels) < owned / 3
    assert demo.share_owned(labels, blocks) < owned / 3


def test_shares() -> None:
    from adapool.demo.scores import count_beside, share_marked, share_owned

    labels = np.array([[1, 1, 2, 2, 0, 3, 3, 4, 4]])
    # 1 and 2 share a window, each half of it; 3 has its own; 4 is cut.
    windows = np.array([[1, 1, 1, 1, 1, 2, 2, 3, 4]])
    assert share_owned(labels, windows) == 2 / 4  # 3 whole, and half of 4
    # 1 and 2 are exact, 3 is two of three pixels, and 4 is in none.
    assert share_owned(labels, np.array([[1, 1, 2, 2, 3, 3, 3, 0, 0]])) == 3 / 4
    assert share_owned(labels, np.zeros_like(labels)) == 0
    points = np.array([[0, 0], [0, 2], [0, 3], [0, 4]])  # one in 1, two in 2, one beside all
    assert share_marked(labels, points) == 1 / 4
    assert count_beside(labels, points) == 1


# --- everything else ----------------------------------------------------------------------------


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"adapool {adapool.__version__}\n"


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "demo" in text
    # Without a subcommand there is nothing to do but to say what could be done.
    assert cli.main([]) == 0
    assert capsys.readouterr().out == text


def test_version_is_light() -> None:
    code = (
        "import sys; from adapool import cli\n"
        "try: cli.main(['--version'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numba', 'numpy', 'scipy', 'skimage', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines() == [f"adapool {adapool.__version__}", "[]"]


@pytest.mark.parametrize(
    "arguments", [["paint"], ["demo", "--image", "cat"], ["demo", "--output"], ["demo", "more"]]
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert "usage: adapool" in capsys.readouterr().err


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says on stderr, in one line, where it fails."""
    assert cli.main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("adapool: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_no_such_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "missing" / "a.png"
    message = fails(["demo", "--output", str(path)], capsys)
    assert message == f"adapool: cannot write {path}: there is no directory {path.parent}\n"


def test_output_is_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "it is a directory" in fails(["demo", "--output", str(tmp_path)], capsys)


def test_no_permission(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Asked for and not set: root may write wherever it likes.
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "permission denied" in fails(["demo", "--output", str(tmp_path / "a.png")], capsys)


def test_disk_is_full(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: Any, **__: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adapool.demo.run", run)
    assert "No space left" in fails(["demo", "--output", str(tmp_path / "a.png")], capsys)


@pytest.mark.parametrize("module", ["matplotlib", "tqdm"])
def test_plot_extra_is_missing(
    module: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in list(sys.modules):
        if name.startswith(("adapool.demo", f"{module}.")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    message = fails(["demo", "--output", str(tmp_path / "a.png")], capsys)
    assert message == f"adapool: the demo needs {module}: {_install.command('plot')}\n"
