"""Reads labelled pictures: a folder with pictures and `annotations.json` in COCO's format."""

from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta, Struct

from examples.object_detection.classes import INDEX
from examples.object_detection.evaluation import Labels

FILE = "annotations.json"

Length = Annotated[float, Meta(ge=0)]


class Picture(Struct):
    """An entry of `images`."""

    id: int
    file_name: str


class Category(Struct):
    """An entry of `categories`; its name says which class it is."""

    id: int
    name: str


class Annotation(Struct):
    """An entry of `annotations`; `bbox` is x, y, width and height in pixels of the upright picture."""

    image_id: int
    category_id: int
    bbox: tuple[float, float, Length, Length]
    iscrowd: int = 0


class Document(Struct):
    """What COCO's file says of use here."""

    images: Annotated[list[Picture], Meta(min_length=1)]
    annotations: list[Annotation]
    categories: list[Category]


class Labelled(NamedTuple):
    """A picture and what is in it."""

    path: Path
    labels: Labels


def read_labels(folder: Path) -> list[Labelled]:
    """Return every picture of the folder's annotations; ValueError says what is wrong with them."""
    try:
        document = msgspec.json.decode((folder / FILE).read_bytes(), type=Document)
    except FileNotFoundError:
        raise ValueError(f"the zip has no {FILE} at its top") from None
    except msgspec.DecodeError as error:
        raise ValueError(f"{FILE}: {error}") from error
    classes = {category.id: _class(category.name) for category in document.categories}
    by_picture: dict[int, list[Annotation]] = {picture.id: [] for picture in document.images}
    for annotation in document.annotations:
        if annotation.image_id not in by_picture or annotation.category_id not in classes:
            raise ValueError(f"{FILE}: an annotation names an image or category that is not listed: {annotation}")
        by_picture[annotation.image_id].append(annotation)
    return [Labelled(_path(folder, each.file_name), _labels(by_picture[each.id], classes)) for each in document.images]


def _class(name: str) -> int:
    if name not in INDEX:
        raise ValueError(f"{FILE}: {name!r} is none of COCO's 80 categories")
    return INDEX[name]


def _path(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise ValueError(f"{FILE}: the zip has no picture {name!r}")
    return path


def _labels(annotations: list[Annotation], classes: dict[int, int]) -> Labels:
    boxes = np.array([each.bbox for each in annotations], float).reshape(-1, 4)
    corners = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    kinds = np.array([classes[each.category_id] for each in annotations], int)
    return Labels(corners, kinds, np.array([bool(each.iscrowd) for each in annotations], bool))
