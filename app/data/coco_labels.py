"""Reads labelled pictures: a folder with pictures, and `annotations.json` in COCO's format.

https://cocodataset.org/#format-data
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta, Struct

from app.model.box_evaluation import BoxLabels
from app.schemas.decoding import decode_json

FILE = "annotations.json"
MAX_SIDE_PIXELS = 1e8  # sums and products of more could overflow

Coordinate = Annotated[float, Meta(ge=-MAX_SIDE_PIXELS, le=MAX_SIDE_PIXELS)]
Length = Annotated[float, Meta(ge=0, le=MAX_SIDE_PIXELS)]


class CocoImage(Struct):
    """An entry of `images`."""

    id: int
    file_name: str


class CocoCategory(Struct):
    """An entry of `categories`; its name is that of a class."""

    id: int
    name: str


class CocoAnnotation(Struct):
    """An entry of `annotations`; `bbox` is x, y, width and height in pixels of the upright picture."""

    image_id: int
    category_id: int
    bbox: tuple[Coordinate, Coordinate, Length, Length]
    iscrowd: int = 0


class CocoFile(Struct):
    """The members of the file that are used."""

    images: Annotated[list[CocoImage], Meta(min_length=1)]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]


class LabelledPicture(NamedTuple):
    """A picture and its labelled objects."""

    path: Path
    labels: BoxLabels


def read_coco_labels(folder: Path, names: Sequence[str]) -> list[LabelledPicture]:
    """Return every picture of the folder's annotations; `names` are those of the classes, in their order.

    Raises ValueError for wrong annotations.
    """
    try:
        document = decode_json((folder / FILE).read_bytes(), CocoFile)
    except FileNotFoundError:
        raise ValueError(f"the zip has no {FILE} at its top") from None
    except msgspec.DecodeError as error:
        raise ValueError(f"{FILE}: {error}") from error
    classes = {category.id: _class(category.name, names) for category in document.categories}
    by_image: dict[int, list[CocoAnnotation]] = {image.id: [] for image in document.images}
    if len(classes) < len(document.categories) or len(by_image) < len(document.images):
        raise ValueError(f"{FILE}: two images or two categories have the same id")
    for annotation in document.annotations:
        if annotation.image_id not in by_image or annotation.category_id not in classes:
            raise ValueError(f"{FILE}: an annotation names an image or category that is not listed: {annotation}")
        by_image[annotation.image_id].append(annotation)
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return [
        LabelledPicture(_path(paths, image.file_name), _labels(by_image[image.id], classes))
        for image in document.images
    ]


def _class(name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise ValueError(f"{FILE}: {name!r} is not one of the model's {len(names)} classes")
    return names.index(name)


def _path(paths: dict[str, Path], name: str) -> Path:
    path = paths.get(PurePosixPath(name).as_posix())
    if path is None:
        raise ValueError(f"{FILE}: the zip has no picture {name!r}")
    return path


def _labels(annotations: list[CocoAnnotation], classes: dict[int, int]) -> BoxLabels:
    boxes = np.array([each.bbox for each in annotations], float).reshape(-1, 4)
    corners = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    kinds = np.array([classes[each.category_id] for each in annotations], int)
    return BoxLabels(corners, kinds, np.array([bool(each.iscrowd) for each in annotations], bool))
