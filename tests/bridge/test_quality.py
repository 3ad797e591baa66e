"""The benchmark of training: where networks begin, and that they learn."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[bench]'")
pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install -e '.[docs]'")

import torch

from quality import learned, training
from quality_scenes import scene

pytestmark = pytest.mark.peers


def test_networks_begin_as_fixed_pooling() -> None:
    image = torch.rand(1, 1, 32, 40)
    seen = learned.scales(image[0, 0].numpy())
    pooled = learned.Attention().pool(image, seen)
    torch.testing.assert_close(pooled, torch.nn.functional.max_pool2d(image, learned.SIDE))
    features = torch.rand(2, 3, 32, 40)
    most = torch.nn.functional.max_pool2d(features, 8)
    for name in ("attention", "dynamic"):
        layer = learned.pooling_layer(name, 3, 8)
        torch.testing.assert_close(layer(features), most, msg=name)


def test_training_lowers_the_loss() -> None:
    torch.manual_seed(0)
    examples = [training._block_example(scene(seed), 2.0)[1] for seed in range(2)]
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    for make in (learned.Attention, learned.Deformable):
        network = make()
        first = [loss(network(*given), wanted).item() for given, wanted in examples]
        learned.fit(network, learned.turns(examples, 0), 40, 0.05, loss)
        last = [loss(network(*given), wanted).item() for given, wanted in examples]
        assert sum(last) < 0.9 * sum(first), make


def test_every_task_gives_scores() -> None:
    pairs = [scene(seed) for seed in range(4)]
    found = [
        *training.block_scores(pairs, 2.0, rounds=1),
        *training.count_scores(pairs, seeds=1, rounds=1),
        *training.class_scores(pairs, seeds=1, rounds=1),
    ]
    assert len({score.task for score in found}) == 3
    for score in found:
        assert np.isfinite(score.values).all(), score
        assert score.parameters < 20_000, score
