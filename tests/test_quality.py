"""The benchmark of quality on synthetic images: scores, peers, files, pages, trained networks."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage.morphology import h_maxima

from adapool.estimators import ContrastAttention
from quality import cache, detect, fixed, images, page, peers, survival
from quality.__main__ import main
from quality.scores import average_precision, f1_of_labels, f1_of_spots
from quality_scenes import scene, write, write_spots


def test_f1_counts_one_hit_for_each_label() -> None:
    labels = np.zeros((9, 9), int)
    labels[:3], labels[6:] = 1, 2
    points = np.array([[0, 0], [1, 1], [4, 4]])  # a hit, a second one, and background
    assert f1_of_labels(labels, points) == pytest.approx(2 * 1 / (3 + 2))


def test_spots_are_paired_one_to_one() -> None:
    spots = np.array([[0.0, 0.0], [10.0, 10.0]])
    points = np.array([[0, 1], [1, 0], [10, 14]])
    assert f1_of_spots(spots, points) == pytest.approx(2 * 1 / 5)


def test_average_precision_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth = rng.random(500) < 0.3
    values = (truth + rng.normal(size=500)).round(1)  # with ties
    expected = metrics.average_precision_score(truth, values)
    # scikit-learn weighs a tie by its precision too, so that the two agree to rounding.
    assert average_precision(truth, values) == pytest.approx(expected)


def test_fixed_pooling_lies_between_the_least_and_the_largest() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 16))
    for name, pool in fixed.FIXED.items():
        pooled = pool(values)
        assert (pooled >= values.min(axis=-1) - 1e-12).all(), name
        assert (pooled <= values.max(axis=-1) + 1e-12).all(), name
        np.testing.assert_allclose(pool(np.full((1, 1, 16), 3.0)), 3)


def test_all_methods_pool_every_block() -> None:
    image, labels = scene(0)
    pooled = survival.Prepared(survival.noisy(image, labels, None)).pool(8)
    assert set(pooled) == {*survival.ADAPTIVE, survival.CONTROL}
    for name, values in pooled.items():
        assert values.shape == (16, 16), name
        assert np.isfinite(values).all(), name


@pytest.mark.slow
def test_trained_attention_beats_the_untrained() -> None:
    """An MLP that learns which pixels lie in objects, on other images with noise."""
    pytest.importorskip("sklearn")
    from quality import trained

    network = trained.train_attention([scene(seed) for seed in range(20, 44)], snr=2.0)
    learned, untrained = (
        np.mean([trained.score_attention(each, scene(seed), 2.0) for seed in (10, 11, 12)])
        for each in (network, ContrastAttention())
    )
    assert learned > untrained


def test_a_forest_learns_window_sizes() -> None:
    pytest.importorskip("sklearn")
    from quality import trained

    forest = trained.ForestSizes().fit([scene(seed) for seed in range(3)])
    image, labels = scene(10)
    predicted = forest.predict(image[np.newaxis, ..., np.newaxis])[0]
    wanted = trained.label_thickness(labels)
    assert np.corrcoef(predicted.ravel(), wanted.ravel())[0, 1] > 0.8


# --- files and sets ------------------------------------------------------------------------------


def test_sets_are_told_by_names_folders_and_files(tmp_path: Path) -> None:
    image, labels = scene(0, side=48)
    write(tmp_path, "cells_a", image, labels)
    write(tmp_path / "dish", "cells_b", image, labels)
    write_spots(tmp_path, "spots_a", image, np.array([[3.0, 4.0]]))
    found = {each.name: each for each in images.load([tmp_path])}
    groups = {name: each.group for name, each in found.items()}
    assert groups == {"cells_a": "cells", "cells_b": "dish", "spots_a": "spots, spots"}
    np.testing.assert_array_equal(found["spots_a"].spots, [[3, 4]])

    (tmp_path / "sets.txt").write_text(f"{tmp_path.name}/*_b  other  dark  # a comment\n")
    found = {each.name: each for each in images.load([tmp_path])}
    assert found["cells_b"].group == "other"
    assert found["cells_b"].dark
    np.testing.assert_array_equal(
        found["cells_b"].image, found["cells_a"].image.max() - found["cells_a"].image
    )


def test_dark_objects_are_told_by_their_labels(tmp_path: Path) -> None:
    image, labels = scene(0, side=48)
    write(tmp_path, "a", image, labels)
    write(tmp_path, "b", 200 - image, labels)
    bright, dark = images.load([tmp_path])
    assert (bright.group, dark.group) == ("a", "b, dark")
    assert dark.image[labels > 0].mean() > dark.image[labels == 0].mean()


@pytest.mark.parametrize("line", ["one", "one two three", "one two dark four"])
def test_a_wrong_line_of_sets_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "sets.txt"
    path.write_text(f"# sets\n{line}\n")
    with pytest.raises(SystemExit, match=r"sets\.txt:2: wanted 'pattern set"):
        images.read_sets(path)


def test_missing_annotation_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a", *scene(0, side=48))
    (tmp_path / "a_labels.png").unlink()
    with pytest.raises(SystemExit, match=r"neither a_labels.* nor a_points\.csv"):
        images.load([tmp_path])
    with pytest.raises(SystemExit, match="no annotated image"):
        images.load([tmp_path / "nothing"])


# --- detection -----------------------------------------------------------------------------------


def test_one_setting_is_chosen_for_a_whole_set() -> None:
    scores = np.array([[1.0, 0.0, 0.2], [0.6, 0.6, 0.5]])  # the first is best for the first image
    best = detect.best_setting("peer", [(1,), (2.5, 3)], scores)
    assert best.setting == "2.5, 3"
    assert best.mean == pytest.approx(1.7 / 3)
    assert best.halves == pytest.approx((0.55, 0.6))


@pytest.mark.parametrize("name", peers.PEERS)
def test_each_peer_finds_plain_disks(name: str) -> None:
    if name.startswith("sep"):
        pytest.importorskip("sep")
    find, settings = peers.PEERS[name]
    row, column = np.indices((96, 96))
    labels = np.zeros((96, 96), int)
    for number, (r, c) in enumerate([(24, 24), (24, 70), (70, 24), (70, 70)], start=1):
        labels[(row - r) ** 2 + (column - c) ** 2 < 49] = number
    noise = np.random.default_rng(0).normal(0, 2, labels.shape)
    image = peers.unit(100.0 * (labels > 0) + noise)
    found = find(image, settings)
    assert len(found) == len(settings)
    assert max(f1_of_labels(labels, points) for points in found) == 1


def test_filters_that_settings_share_change_nothing() -> None:
    """`blob_log` with a memory gives what it gives without."""
    from skimage.feature import blob_log

    image = peers.unit(scene(0)[0])
    settings = [(1.5, 3, 0.02), (1.5, 3, 0.1)]
    for points, (low, high, least) in zip(peers.log_blobs(image, settings), settings, strict=True):
        plain = blob_log(image, min_sigma=low, max_sigma=high, num_sigma=5, threshold=least)
        np.testing.assert_array_equal(points, plain[:, :2])


@pytest.mark.parametrize("shape", [(40, 50), (9, 14, 12), (1, 30)])
def test_prominences_are_those_of_h_maxima(shape: tuple[int, ...]) -> None:
    smooth = ndi.gaussian_filter(np.random.default_rng(0).random(shape), 1)
    points, rises = peers.prominences(smooth)
    assert np.isinf(rises).sum() == 1
    for height in 0.999 * np.quantile(rises[np.isfinite(rises)], [0, 0.3, 0.6, 0.9]):
        plateaus = ndi.label(h_maxima(smooth, height), np.ones((3,) * len(shape)))[0]
        found = plateaus[tuple(points[rises >= height].T)]
        assert sorted(found) == list(range(1, plateaus.max() + 1))


def test_peers_run_once(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path, f"a_{number}", *scene(number, side=64))
    found = images.load([tmp_path])
    kept = cache.Kept(tmp_path / "kept")
    one = {"fixed window": peers.PEERS["fixed window"]}
    with mock.patch.object(detect, "PEERS", one):
        first = detect.measure(found, kept, jobs=1)
        with mock.patch.object(cache.Kept, "put", side_effect=AssertionError("computed again")):
            assert detect.measure(found, kept, jobs=1) == first


# --- the page ------------------------------------------------------------------------------------


def test_a_command_replaces_its_own_section(tmp_path: Path) -> None:
    path = tmp_path / "quality.md"
    page.write(path, "detect", "points")
    page.write(path, "regions", "shapes")
    page.write(path, "detect", "more points")
    found = page.sections_of(path.read_text())
    assert found["detect"] == "more points"
    assert found["regions"] == "shapes"
    assert list(found) == ["head", "regions", "detect", "limits"]


def test_numbers_in_tables() -> None:
    assert page.table(("a", "b"), [("x", float("nan")), ("y", 0.25)]).splitlines()[2:] == [
        "| x | - |",
        "| y | 0.250 |",
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user has one: four images of disks, one of them dark, and one of spots."""
    where = tmp_path_factory.mktemp("annotated")
    for number in range(4):
        image, labels = scene(number, side=96)
        write(where, f"disks_{number}", 140 - image if number == 3 else image, labels)
    image = np.random.default_rng(0).normal(50, 3, (64, 64))
    spots = np.array([(16, 16), (16, 44), (44, 30)])
    row, column = np.indices(image.shape)
    for r, c in spots:
        image += 100 * np.exp(-((row - r) ** 2 + (column - c) ** 2) / (2 * 1.5**2))
    write_spots(where, "planted_0", image, spots)
    return where


@pytest.mark.parametrize("what", ["detect", "regions"])
def test_commands_run_on_a_folder(
    what: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("sklearn")
    from quality import counting, regions

    # Forests are most of the time: one budget, and one halving at random, show that it runs.
    monkeypatch.setattr(regions, "SIDES", (16,))
    monkeypatch.setattr(counting, "HALVINGS", 1)
    sets = tmp_path / "sets.txt"
    sets.write_text("*/disks_* disks\n")
    options = ["--jobs", "1", "--cache", str(tmp_path), "--pictures", str(tmp_path / "pictures")]
    main([what, str(folder), "--sets", str(sets), *options])
    text = capsys.readouterr().out
    assert list((tmp_path / "pictures").glob("*.png"))
    if what == "detect":
        assert "| disks | 4 |" in text
        assert "| planted, spots | 1 |" in text
        assert "| disks_3 | disks |" in text
    else:
        assert "### disks, s = 16" in text
        assert "maximum over equal blocks" in text
        assert "oriented ellipse" in text
