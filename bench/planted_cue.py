"""How often a planted shortcut is found: the example with several seeds, each with the cue and without it.

A row for each network: what its class page, the ablation, the suspects and the network itself say of the watermark
(the columns are described in examples/planted_cue.py), and whether it counts as found.

    python bench/planted_cue.py [--seeds 5]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import torch

from common import RESULTS, write_csv

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    import planted_cue

    rows = []
    for seed in range(arguments.seeds):
        for cue in (True, False):
            with tempfile.TemporaryDirectory() as folder:
                _, one = planted_cue.run(Path(folder) / "study", cue=cue, seed=seed)
            numbers = {
                name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(one).items()
            }
            rows.append({"seed": seed, "cue": cue, "found": one.found, **numbers, "suspects": " ".join(one.suspects)})
            print(*rows[-1].values(), sep=" | ", flush=True)
    for cue in (True, False):
        some = [row["found"] for row in rows if row["cue"] is cue]
        print(f"{'with' if cue else 'without'} the cue: found in {sum(some)} of {len(some)}")
    write_csv(RESULTS / "planted_cue.csv", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
