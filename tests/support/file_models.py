"""Models whose input is a file, for TRINITY_MODELS: one of pictures and one of documents."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from msgspec import Meta

from app.model.files import FileModel, InputFile, OutputFile

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x20\0\0\0\x10\x08\0\0\0\0"
"""The head of a picture of 32 by 16."""


class Measurer(FileModel):
    """Says how large a picture is."""

    name = "measurer"
    takes = "image"
    media_types = ("image/png", "image/jpeg")
    max_batch_files = 8

    def __init__(self, unit: Annotated[int, Meta(ge=1)] = 1) -> None:
        self.unit = unit

    def fit(self, folder: Path | None) -> Self:
        if folder is not None and not any(folder.rglob("*.png")):
            raise ValueError("there is no picture")
        self.names_ = [] if folder is None else sorted(path.name for path in folder.rglob("*") if path.is_file())
        return self

    def predict(
        self,
        files: Sequence[InputFile],
        *,
        scale: Annotated[float, Meta(gt=0)] = 1.0,
        wait_s: float = 0.0,
        tags: list[str] | None = None,
    ) -> list[dict[str, Any]]:
        time.sleep(wait_s)
        return [self._measured(file, scale, tags or [], len(files)) for file in files]

    def score(self, folder: Path) -> dict[str, float | None]:
        return {"files": float(sum(path.is_file() for path in folder.rglob("*"))), "nothing": None}

    def fit_metrics(self) -> dict[str, float | None]:
        return {"files": float(len(self.names_))}

    def _measured(self, file: InputFile, scale: float, tags: list[str], together: int) -> dict[str, Any]:
        content = file.path.read_bytes()
        if b"broken" in content:
            raise ValueError("the picture is broken")
        if b"raises" in content:
            raise RuntimeError("a secret in a message")
        if b"dies" in content:
            os._exit(9)
        found = {
            "width": int.from_bytes(content[16:20]) * scale * self.unit,
            "name": file.name,
            "media_type": file.media_type,
            "bytes": len(content),
            "together": together,
        }
        return {**found, "tags": tags} if tags else found


class Upper(FileModel):
    """Gives a text back in capital letters, as a file."""

    name = "upper"
    takes = "document"
    media_types = ("text/plain", "text/markdown", "application/pdf")

    def fit(self, folder: Path | None) -> Self:
        return self

    def predict(self, files: Sequence[InputFile], *, copies: int = 1, named: str = "copy") -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = []
        for file in files:
            content = file.path.read_bytes().upper()
            outputs = {f"copy{i + 1}": OutputFile(f"{named}{i + 1}.txt", "text/plain", content) for i in range(copies)}
            results.append({"characters": len(content), **outputs})
        return results

    def score(self, folder: Path) -> dict[str, float | None]:
        return {"files": float(len(list(folder.iterdir())))}


class Counted(Measurer):
    """Is not fitted before a test does so."""

    name = "counted"
