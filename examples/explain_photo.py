"""Explain one photo and say in words what carries each layer.

python examples/explain_photo.py [PHOTO]
"""

from __future__ import annotations

import sys

import layerlore as ll
from layerlore.samples import sample_path


def main() -> None:
    """Explain the photo named on the command line, else a cat."""
    photo = sys.argv[1] if len(sys.argv) > 1 else sample_path("chelsea")
    network = ll.load_network()
    explanation = ll.explain(network, photo)
    print(f"{network.name} says {explanation.target.name} ({explanation.target.probability:.0%})")
    for layer in explanation.layers:
        parts = [f"{cluster.weight:.0f} % in {len(cluster.channels)} maps" for cluster in layer.clusters]
        print(f"  {layer.name:16} {', '.join(parts)}; other {layer.other_weight:.0f} %")
    print(explanation.save("photo.html"))


if __name__ == "__main__":
    main()
