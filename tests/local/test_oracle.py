"""The method's arithmetic against a slow, independent re-implementation in float64 (method.md, section 1)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny import TinyVGG, network, photos

from layerlore.local.capture import capture
from layerlore.local.clustering import cluster_maps
from layerlore.local.explain import Settings, explain_layers

PAPER_TABLE = ((512, 0.175), (256, 0.35), (128, 0.7), (64, 1.4))


def slow_layer(maps, slopes, method):
    """Weights, kept maps, shown clusters and merged maps of one layer, by loops over plain floats."""
    channels, height, width = maps.shape
    weights = []
    for k in range(channels):
        total = 0.0
        for y in range(height):
            for x in range(width):
                if maps[k, y, x] > 0 and slopes[k, y, x] > 0:
                    total += slopes[k, y, x]
        weights.append(total / (height * width))
    percents = [100 * w / sum(weights) for w in weights]
    threshold = 89.6 / channels
    if method == "paper":
        threshold = next((d for size, d in PAPER_TABLE if channels >= size), 76.8 / channels)
    kept = [k for k in range(channels) if percents[k] > threshold]
    labels = cluster_maps(maps[kept].astype(np.float32), method=method, seed=0).labels
    clusters = [[k for k, c in zip(kept, labels, strict=True) if c == number] for number in sorted(set(labels))]
    heavy = [sum(percents[k] for k in members) for members in clusters]
    limit = max(max(heavy) / 3, sum(heavy) / len(heavy) / 2)
    shown = []
    for members, weight in zip(clusters, heavy, strict=True):
        if weight < limit:
            continue
        merged = np.zeros((height, width))
        for k in members:
            for y in range(height):
                for x in range(width):
                    slope = max(slopes[k, y, x], 0.0)
                    merged[y, x] += maps[k, y, x] * (percents[k] / weight if method == "paper" else slope)
        shown.append((weight, sorted(members), merged))
    return percents, kept, sorted(shown, key=lambda item: -item[0])


def slow_gradient(module, photo, cut, target):
    """Activations after ``features[:cut]`` and the logit's gradient there by central differences, float64."""
    with torch.no_grad():
        maps = module.features[:cut](photo[None])
        gradient = torch.zeros_like(maps)
        step = 1e-6
        for position in range(maps.numel()):
            sides = []
            for sign in (1, -1):
                moved = maps.clone()
                moved.view(-1)[position] += sign * step
                sides.append(module.head(module.features[cut:](moved).mean(dim=(2, 3)))[0, target])
            gradient.view(-1)[position] = (sides[0] - sides[1]) / (2 * step)
    return maps[0].numpy(), gradient[0].numpy()


@pytest.mark.parametrize("method", ["paper", "stable"])
@pytest.mark.parametrize("width", [12, 33])
def test_layers_agree_with_the_slow_way(method, width):
    net = network(TinyVGG(width), size=10)
    batch = photos(2, size=10)
    layers = net.layers.default
    captured = capture(net, batch, None, layers)
    explained = explain_layers(captured, len(layers), Settings(method=method))
    assert [layer.name for layer in layers] == ["features.1", "features.4", "features.6"]
    for number, target in enumerate(captured.targets):
        for position, layer in enumerate(explained[number]):
            cut = int(layers[position].name.split(".")[1]) + 1
            maps = net.module.features[:cut](batch[number : number + 1])[0].detach().numpy()
            if width == 12 and number == 0:
                slow_maps, slopes = slow_gradient(net.module, batch[number], cut, target)
                np.testing.assert_allclose(captured.gradients[position][number].numpy(), slopes, atol=1e-7)
                np.testing.assert_allclose(maps, slow_maps)
            slopes = captured.gradients[position][number].numpy()
            percents, kept, shown = slow_layer(maps, slopes, method)
            assert layer.kept == len(kept)
            assert layer.weak_weight == pytest.approx(100 - sum(percents[k] for k in kept), abs=1e-5)
            assert [sorted(c.channels) for c in layer.clusters] == [members for _, members, _ in shown]
            for cluster, (weight, _, merged) in zip(layer.clusters, shown, strict=True):
                assert cluster.weight == pytest.approx(weight, abs=1e-5)
                scaled = (merged - merged.min()) / (merged.max() - merged.min())
                np.testing.assert_allclose(cluster.map, scaled, rtol=0, atol=0.51 / 2048)
                assert cluster.channel_weights == pytest.approx([percents[k] for k in cluster.channels], abs=1e-5)
            assert layer.shown_weight + layer.other_weight == pytest.approx(100, abs=1e-4)
