"""Explain several photos together, and print what the last layer's heaviest cluster is worth in each.

python examples/batch.py [PHOTO...]
"""

from __future__ import annotations

import sys

import layerlore as ll
from layerlore.samples import SAMPLES, sample_path


def main() -> None:
    """Explain the photos named on the command line, else all samples."""
    photos = sys.argv[1:] or [sample_path(name) for name in SAMPLES]
    network = ll.load_network()
    # Without flow, and two layers only: a batch costs little more than its forward passes.
    explanations = ll.explain_batch(network, photos, layers=[-2, -1], flow=False)
    for explanation in explanations:
        cluster = explanation.layers[-1].clusters[0]
        drop = cluster.ablation.zero.logit_drop if cluster.ablation else 0.0
        print(
            f"{explanation.photo.name}: {explanation.target.name} ({explanation.target.probability:.0%}); "
            f"{cluster.weight:.0f} % of the weight, logit {drop:+.1f} lower without it"
        )


if __name__ == "__main__":
    main()
