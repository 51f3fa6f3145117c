"""Ablation and flow against what one gets by doing it step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import TinyVGG, TwiceUsed, network, photos

from layerlore.local.ablation import ablate
from layerlore.local.capture import capture
from layerlore.local.explain import Settings, explain_layers
from layerlore.local.flow import trace_flow


@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_ablation_is_what_the_rest_of_the_network_says_without_the_channels(mode):
    net = network(TinyVGG())
    batch = photos(2)
    layers = net.layers.default
    captured = capture(net, batch, [1, 3], layers)
    explained = ablate(net, batch, captured, explain_layers(captured, 3, Settings()))
    seen = 0
    for number, target in enumerate((1, 3)):
        for position, cut in enumerate((2, 5, 7)):
            for cluster in explained[number][position].clusters:
                with torch.no_grad():
                    maps = net.module.features[:cut](batch[number : number + 1])
                    before = net.module.head(net.module.features[cut:](maps.clone()).mean(dim=(2, 3)))[0]
                    for k in cluster.channels:
                        maps[0, k] = 0 if mode == "zero" else maps[0, k].mean()
                    after = net.module.head(net.module.features[cut:](maps).mean(dim=(2, 3)))[0]
                effect = getattr(cluster.ablation, mode)
                assert effect.logit_drop == pytest.approx(float(before[target] - after[target]), abs=1e-5)
                drop = float(before.softmax(0)[target] - after.softmax(0)[target])
                assert effect.probability_drop == pytest.approx(drop, abs=1e-5)
                seen += 1
    assert seen >= 6


def test_removing_all_channels_at_random_is_removing_all_channels():
    net = network(TinyVGG())
    batch = photos(1)
    captured = capture(net, batch, None, net.layers.default)
    explained = explain_layers(captured, 3, Settings())[0]
    whole = [replace(x, clusters=(replace(x.clusters[0], channels=tuple(range(x.channels))),)) for x in explained]
    for layer in ablate(net, batch, captured, [whole], seed=3)[0]:
        effects = layer.clusters[0].ablation
        assert effects.random.logit_drop == pytest.approx(effects.zero.logit_drop, abs=1e-5)
    first = [ablate(net, batch, captured, [explained], seed=seed)[0][0].clusters[0].ablation for seed in (0, 0, 1)]
    assert first[0] == first[1]
    assert first[0].random != first[2].random


def test_ablating_the_last_layer_by_its_mean_changes_nothing_before_an_average():
    net = network(TinyVGG())
    batch = photos(1)
    captured = capture(net, batch, None, net.layers.default)
    last = ablate(net, batch, captured, explain_layers(captured, 3, Settings()))[0][-1]
    assert all(abs(cluster.ablation.mean.logit_drop) < 1e-6 for cluster in last.clusters)
    assert any(abs(cluster.ablation.zero.logit_drop) > 1e-3 for cluster in last.clusters)


@pytest.mark.parametrize("method", ["stable", "paper"])
@pytest.mark.parametrize("module", [TinyVGG, TwiceUsed])
def test_flow_shares_add_up_and_equal_a_cluster_by_cluster_computation(module, method):
    net = network(module())
    batch = photos(2)
    layers = net.layers.default
    captured = capture(net, batch, None, layers)
    explained = explain_layers(captured, len(layers), Settings(method=method))
    flows = trace_flow(net, batch, captured, explained, method=method)
    for number, flow in enumerate(flows):
        assert [link.lower for link in flow] == [0, 1]
        for link in flow:
            lower, upper = explained[number][link.lower], explained[number][link.lower + 1]
            assert link.shares.shape == (len(lower.clusters) + 1, len(upper.clusters))
            for column, cluster in zip(link.shares.T, upper.clusters, strict=True):
                wanted = slow_shares(
                    net, batch[number : number + 1], captured, number, link.lower, lower, cluster, method
                )
                np.testing.assert_allclose(column, wanted, atol=0.02)


def slow_shares(net, photo, captured, number, position, lower, cluster, method):
    """Gradient x activation of one upper cluster at the lower layer, by a graph of its own."""
    maps = {}

    def keep(name):
        def hook(_module, _inputs, output):
            maps.setdefault(name, []).append(output.clone())
            return maps[name][-1]

        return hook

    paths = sorted({(layer.path, layer.call) for layer in captured.layers}, key=lambda item: item[1])
    handles = [net.module.get_submodule(path).register_forward_hook(keep(path)) for path in {p for p, _ in paths}]
    net.module.eval()
    net.module(photo)
    for handle in handles:
        handle.remove()
    low, high = captured.layers[position], captured.layers[position + 1]
    below, above = maps[low.path][low.call], maps[high.path][high.call]
    score = 0
    for k, weight in zip(cluster.channels, cluster.channel_weights, strict=True):
        slope = captured.gradients[position + 1][number, k]
        coefficient = weight if method == "paper" else slope.clamp(min=0) * (above[0, k] > 0)
        score = score + (coefficient * above[0, k]).sum()
    if not score.requires_grad:
        return np.zeros(len(lower.clusters) + 1)
    (slope,) = torch.autograd.grad(score, below)
    parts = (slope * below)[0].sum(dim=(1, 2)).detach().numpy()
    groups = [parts[list(c.channels)].sum() for c in lower.clusters]
    groups.append(parts.sum() - sum(groups))
    gross = np.abs(groups).sum()
    return 100 * np.array(groups) / gross if gross > 0 else np.zeros(len(groups))
