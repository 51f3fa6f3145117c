"""Explain photos as a study, see how much of each layer its maps show, and write its pages.

A study can be stopped and run again at any moment; run this script twice to see that nothing is done twice.
"""

from pathlib import Path

import layerlore as ll
from layerlore.samples import SAMPLES, sample_path

if __name__ == "__main__":
    folder = Path("study-of-samples")
    if folder.exists():
        study = ll.Study.open(folder)
    else:
        study = ll.Study.create(folder, [sample_path(name) for name in SAMPLES])
    result = study.run()
    print(f"{result.explained} explained now, {result.already} before, {len(result.failed)} failed")

    maps = study.to_pandas(["layer", "layer_position", "image_id", "weight", "shown"])
    shown = maps[maps["shown"]].groupby(["layer_position", "layer", "image_id"])["weight"].sum()
    print("percent of each layer's weight in the shown clusters, mean over the photos:")
    print(shown.groupby(["layer_position", "layer"]).mean().round(1).droplevel(0).to_string())

    for explanation in study.explanations(layer="bn2"):
        heaviest = explanation.layers[0].clusters[0]
        print(f"{explanation.photo.name}: {explanation.target.name}, heaviest cluster {heaviest.weight:.0f} %")
    print(study.report())
