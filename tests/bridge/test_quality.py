"""The benchmark of training: where networks begin, and that they learn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[bench]'")
pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install -e '.[docs]'")

import torch

from quality import (
    learned,
    training_blocks,
    training_classes,
    training_counts,
    training_page,
)
from quality_scenes import scene

pytestmark = pytest.mark.peers


def test_networks_begin_as_what_they_are_compared_with() -> None:
    image = torch.rand(1, 1, 32, 40)
    seen = learned.scales(image[0, 0].numpy())
    most = torch.nn.functional.max_pool2d(image, learned.SIDE)
    torch.testing.assert_close(learned.Attention().pool(image, seen, seen), most)
    sizes = 1 + 12 * torch.rand(1, 1, 32, 40)
    features = torch.rand(1, 3, 32, 40)
    plain, trained = (learned.SizedPool(3, 8, each) for each in (False, True))
    torch.testing.assert_close(plain(features, sizes, sizes), trained(features, sizes, sizes))
    labels = sizes > 6
    plain, trained = (learned.ObjectPool(3, each) for each in (False, True))
    torch.testing.assert_close(plain(features, labels, sizes), trained(features, labels, sizes))
    plain, trained = (learned.PeakCounter(None, 8, each) for each in (False, True))
    trained.load_state_dict(plain.state_dict(), strict=False)
    torch.testing.assert_close(plain(seen, sizes), trained(seen, sizes))


def test_windows_of_a_block_are_max_pooling() -> None:
    features, sizes = torch.rand(2, 3, 32, 40), torch.full((2, 1, 32, 40), 8.0)
    pooled = learned.SizedPool(3, 8, False)(features, sizes, sizes)
    torch.testing.assert_close(pooled, torch.nn.functional.max_pool2d(features, 8))


def test_region_sums_are_those_of_masks() -> None:
    features, labels = torch.rand(3, 2, 8, 8), torch.rand(3, 1, 8, 8) < 0.3
    labels[1] = False
    pooled = learned.ObjectPool(2, False)(features, labels, features)
    torch.testing.assert_close(pooled, (features * labels).sum((2, 3)) / 32)


def test_parts_are_of_the_same_blocks() -> None:
    image = torch.arange(64.0 * 48).reshape(1, 1, 64, 48)
    wanted = torch.nn.functional.max_pool2d(image, learned.SIDE)
    several = itertools.islice(learned.parts([((image, image), wanted)], 0, 32), 5)
    for (given, _), most in several:
        assert given.shape == (1, 1, 32, 32)
        torch.testing.assert_close(torch.nn.functional.max_pool2d(given, learned.SIDE), most)


def test_training_lowers_the_loss() -> None:
    torch.manual_seed(0)
    examples = [training_blocks.Blocks.of(scene(seed), 2.0).example(False) for seed in range(2)]
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    for make in (learned.Attention, learned.Deformable):
        network = make()
        first = [loss(network(*given), wanted).item() for given, wanted in examples]
        learned.fit(network, learned.turns(examples, 0), 40, 0.05, loss)
        last = [loss(network(*given), wanted).item() for given, wanted in examples]
        assert sum(last) < 0.9 * sum(first), make


def test_every_task_gives_scores_and_a_page() -> None:
    pairs = [scene(seed) for seed in range(4)]
    found = list(training_blocks.block_scores(pairs, 2.0, quick=True))
    found += training_counts.count_scores(pairs, seeds=2, rounds=1)
    found += training_classes.class_scores(pairs, seeds=2, rounds=1)
    assert len({score.task for score in found}) == 3
    for score in found:
        assert np.isfinite(score.values).all(), score
        assert score.parameters < 20_000, score
    page = "\n".join(training_page.tables(found))
    assert "nan" not in page
    for score in found:
        assert score.method in page, score
