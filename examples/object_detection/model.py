"""The detector as a model of the service: predict finds objects, fit calibrates thresholds, score is mAP@0.5."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from msgspec import Meta

from app.data.coco_labels import LabelledPicture, read_coco_labels
from app.data.pictures import SquarePicture, read_square
from app.model.box_evaluation import best_threshold, evaluate, match_class
from app.model.boxes import Array, Boxes
from app.model.files import FileModel, InputFile
from app.model.progress import report
from app.schemas.tasks import Better
from examples.object_detection.classes import NAMES
from examples.object_detection.detection import LOWEST, SIDE, described, detect

Confidence = Annotated[float, Meta(ge=LOWEST, le=1)]
BATCH = 8  # pictures; 17 MB as the network takes them


class Detector(FileModel):
    """Objects of COCO's 80 classes in pictures, by NanoDet."""

    name: ClassVar[str] = "detector"
    takes: ClassVar[Literal["image"]] = "image"
    media_types: ClassVar[Sequence[str]] = ("image/jpeg", "image/png")
    max_batch_files: ClassVar[int] = BATCH
    metrics: ClassVar[Mapping[str, Better]] = {"f1": "higher", "map50": "higher"}  # a fit changes the first alone
    _metrics: dict[str, float | None] | None = None

    def __init__(
        self,
        threshold: Annotated[
            Confidence, Meta(description="The least confidence for classes that a fit has no labels of.")
        ] = 0.35,
    ) -> None:
        self.threshold = threshold

    def fit(self, folder: Path | None) -> Self:
        """Find the threshold of each class that gives the best F1 on labelled pictures; without any, take `threshold`.

        The folder has pictures and `annotations.json` in COCO's format. The network stays as it is.
        """
        self.thresholds_ = np.full(len(NAMES), self.threshold)
        self.calibrated_: list[str] = []
        if folder is not None:
            labelled = read_coco_labels(folder, NAMES)
            labels = [each.labels for each in labelled]
            found = list(_found_in(labelled))
            for kind in np.unique(np.concatenate([each.classes for each in labels])):
                threshold = best_threshold(match_class(int(kind), found, labels))
                if threshold is not None:
                    self.thresholds_[kind] = threshold
                    self.calibrated_.append(NAMES[kind])
            self._metrics = evaluate(found, labels, self.thresholds_)
        return self

    def predict(
        self,
        files: Sequence[InputFile],
        *,
        threshold: Annotated[Confidence | None, Meta(description="The least confidence, for all classes.")] = None,
    ) -> list[dict[str, Any]]:
        """Find the objects in each picture, best first; boxes are in pixels of the upright picture."""
        pictures = [read_square(file.path, SIDE, self.media_types) for file in files]
        thresholds = self.thresholds_ if threshold is None else np.full(len(NAMES), threshold)
        found = detect(pictures, thresholds)
        return [_result(*each) for each in zip(files, pictures, found, strict=True)]

    def score(self, folder: Path) -> dict[str, float | None]:
        """Return mAP@0.5 as COCO defines it, and precision, recall and F1 at the thresholds, on labelled pictures."""
        labelled = read_coco_labels(folder, NAMES)
        return evaluate(list(_found_in(labelled)), [each.labels for each in labelled], self.thresholds_)

    def fit_metrics(self) -> dict[str, float | None]:
        """Return what `score` gives on the pictures of the fit."""
        return self._metrics or {}


def _found_in(labelled: Sequence[LabelledPicture]) -> Iterator[Boxes]:
    """All boxes of the pictures, however doubtful, some pictures at a time."""
    everything: Array = np.full(len(NAMES), LOWEST)
    for start in range(0, len(labelled), BATCH):
        report(start / len(labelled), f"picture {start + 1} of {len(labelled)}")
        yield from detect([_picture(each.path) for each in labelled[start : start + BATCH]], everything)


def _picture(path: Path) -> SquarePicture:
    try:
        return read_square(path, SIDE, Detector.media_types)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def _result(file: InputFile, picture: SquarePicture, boxes: Boxes) -> dict[str, Any]:
    width, height = picture.size
    return {"image_name": file.name, "width": width, "height": height, "objects": described(boxes)}
