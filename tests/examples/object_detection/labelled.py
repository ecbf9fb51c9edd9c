"""Labelled pictures, as a fit and a score of the detector take them."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SAMPLES = Path("examples/object_detection/samples")
PERSON, CAT = [20, 20, 345, 485], [0, 0, 445, 300]  # x, y, width and height


def annotations(**changes: Any) -> dict[str, Any]:
    """Of the two samples; their categories have COCO's own numbers."""
    return {
        "images": [{"id": 1, "file_name": "astronaut.jpg"}, {"id": 2, "file_name": "cat.jpg"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": PERSON, "iscrowd": 0, "area": 1.0},
            {"image_id": 2, "category_id": 17, "bbox": CAT},
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 17, "name": "cat"}],
        **changes,
    }


def write_folder(folder: Path, document: Mapping[str, Any] | None = None) -> Path:
    """The folder of a fit: the samples and their annotations."""
    for sample in SAMPLES.iterdir():
        (folder / sample.name).write_bytes(sample.read_bytes())
    (folder / "annotations.json").write_text(json.dumps(document or annotations()))
    return folder


def zipped() -> bytes:
    """The same as a zip file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for sample in SAMPLES.iterdir():
            archive.write(sample, sample.name)
        archive.writestr("annotations.json", json.dumps(annotations()))
    return content.getvalue()
