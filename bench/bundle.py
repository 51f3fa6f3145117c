"""Size and time of a campaign's pictures: MiB for 1,000 maps of six steps, and maps a second.

Some minutes. Photos of the test data, explained by the default network; two maps of each of nine layers.

Goals (specification of the game): at most 235 MiB for 1,000 maps, and 45 kB a picture on average.

    python bench/bundle.py [--photos 16]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from common import RESULTS, photo_paths, write_csv
from layerlore.game.bundle.build import build_bundle
from layerlore.game.bundle.choosing import Choice
from layerlore.game.bundle.manifest import MapKind, load_manifest
from layerlore.study.study import Study

SIDES = (256, 384)
MIB = 2**20


def make_study(folder: Path, count: int) -> Study:
    photos = [(str(path), ("one", "other")[number % 2]) for number, path in enumerate(photo_paths(count))]
    study = Study.create(folder / "study", photos)
    study.run(workers=1)
    return study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=16)
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as place:
        study = make_study(Path(place), arguments.photos)
        for side in SIDES:
            choice = Choice(per_layer=2, controls=0, honeypots=0, blanks=0)
            wall, processor = time.perf_counter(), time.process_time()
            result = build_bundle(study, choice, seed=0, side=side, workers=1, replace=True)
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            began = time.perf_counter()
            manifest = load_manifest(result.folder)
            verified = time.perf_counter() - began
            maps = [one for one in manifest.maps if one.kind is MapKind.NORMAL]
            steps = [step.bytes for one in maps for step in one.steps]
            whole = [sum(step.bytes for step in one.steps) for one in maps]
            row = {
                "side": side,
                "photos": result.images,
                "maps": len(maps),
                "pictures": len(steps),
                "mib_per_1000_maps": round(1000 * statistics.mean(whole) / MIB, 1),
                "goal_mib": 235 if side == 384 else "",
                "kb_per_picture": round(statistics.mean(steps) / 1000, 1),
                "goal_kb": 45 if side == 384 else "",
                "kb_first_step": round(statistics.mean(one.steps[0].bytes for one in maps) / 1000, 1),
                "kb_last_step": round(statistics.mean(one.steps[-1].bytes for one in maps) / 1000, 1),
                "maps_per_second": round(len(maps) / wall, 2),
                "maps_per_cpu_second": round(len(maps) / processor, 2),
                "verify_mib_per_second": round(result.bytes / MIB / verified, 1),
            }
            rows.append(row)
            print(
                f"{side} px: {row['mib_per_1000_maps']} MiB for 1,000 maps, {row['kb_per_picture']} kB a picture, "
                f"{row['maps_per_second']} maps a second of one process ({row['maps_per_cpu_second']} a CPU second)"
            )
    write_csv(RESULTS / "bundle.csv", rows)


if __name__ == "__main__":
    main()
