"""Versions move between stores as archives: what comes through, and that nothing of a bad archive is published."""

import hashlib
import io
import struct
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from app.bootstrap import build, names
from app.errors import Conflict, Invalid, TrinityError
from app.model.isolation.isolated_calls import CallLimits
from app.schemas.ids import new_id
from app.schemas.requests import Request, Source
from app.schemas.tables import Table
from app.service import Components
from app.service.transfer.transfers import ArchiveLimits, Imported, VersionImporter, export_version
from app.service.transfer.version_archive import SIGNATURE
from app.settings import Settings
from app.storage.array_files import pack_arrays, unpack_arrays
from app.storage.manifest import SAMPLE, Manifest, read_manifest
from app.storage.model_store import MANIFEST_FILE, SAMPLE_FILE
from tests.unit.service.transfer import objects

KEY, OTHER = "0123456789abcdef", "fedcba9876543210"
MODELS = f"app.model.models,app.model.logistic,{objects.__name__}"
MIB = 1024**2
ROWS = np.random.default_rng(0).normal(size=(40, 2))


def store(folder: Path) -> Components:
    return build(Settings(store=str(folder), models=MODELS))


def fitted(components: Components, model: str, **source: Any) -> int:
    request = Request(model=model)
    if source:
        request.source = Source("dummy", source)
    work = components.service.check("fit", request)
    return components.service.run(work, new_id(), time.time())[0]


def take(components: Components, path: Path, name: str | None = None, key: str | None = None) -> Imported:
    limits = ArchiveLimits(16 * MIB, 512 * MIB, CallLimits(1024 * MIB, 20.0))
    modules = names(MODELS)
    approved = components.service.models.approved
    importer = VersionImporter(
        components.store, components.service.models, limits, modules=modules, approved=approved, key=key
    )
    return importer.run(path, name)


def predicted(components: Components, model: str, width: int = 1) -> Any:
    from app.data.records import TableRecords

    work = components.service.check("predict", Request(model=model, data=TableRecords(Table(ROWS[:, :width]))))
    return components.service.run(work, new_id(), time.time())[1]["y"]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Components:
    """A store with a version."""
    components = store(tmp_path_factory.mktemp("first"))
    fitted(components, "polynomial")
    return components


@pytest.fixture
def second(tmp_path: Path) -> Components:
    """An empty store."""
    return store(tmp_path / "second")


@pytest.fixture(scope="module")
def content(first: Components) -> bytes:
    return export_version(first.store, "polynomial", 1, None)


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def zipped(contents: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, each in contents.items():
            archive.writestr(name, each)
    return buffer.getvalue()


def remade(contents: dict[str, bytes], **changes: Any) -> bytes:
    """An archive whose manifest was changed and fits its files again."""
    manifest = read_manifest(contents[MANIFEST_FILE])
    assert isinstance(manifest, Manifest)
    changed = msgspec.structs.replace(manifest, **changes)
    changed.files = {name: hashlib.sha256(contents[name]).hexdigest() for name in manifest.files}
    if SAMPLE_FILE in contents:
        changed.data = {**changed.data, SAMPLE: hashlib.sha256(contents[SAMPLE_FILE]).hexdigest()}
    changed.sha256 = changed.digest()
    return zipped({**contents, MANIFEST_FILE: changed.to_json()})


def refused(components: Components, path: Path, content: bytes, **options: Any) -> TrinityError:
    """The error of an import, after which nothing is in the store."""
    path.write_bytes(content)
    with pytest.raises(TrinityError) as caught:
        take(components, path, **options)
    assert components.store.registry.names() == []
    return caught.value


@pytest.mark.parametrize(
    ("model", "source"),
    [
        ("polynomial", {}),
        ("logistic", {"kind": "classes", "inputs": 2}),
        ("forest", {"kind": "classes", "inputs": 2}),
    ],
)
def test_a_version_predicts_in_another_store_as_before(
    model: str, source: dict[str, Any], tmp_path: Path, second: Components
) -> None:
    source_store = store(tmp_path / "source")
    number = fitted(source_store, model, **source)
    path = tmp_path / "version.zip"
    path.write_bytes(export_version(source_store.store, model, number, KEY))
    done = take(second, path, key=KEY)
    assert (done.manifest.version, done.signed, done.warnings) == (1, True, [])
    assert done.rows > 1
    width = source.get("inputs", 1)
    assert predicted(second, model, width) == predicted(source_store, model, width)
    was = source_store.store.manifest(model, number)
    origin = second.store.manifest(model, 1).moved_from
    assert origin is not None
    assert (origin["model"], origin["version"], origin["sha256"]) == (model, number, was.sha256)
    kept, sample = (each.store.sample(each.store.manifest(model, 1)) for each in (second, source_store))
    assert {name: array.tolist() for name, array in kept.items()} == {k: v.tolist() for k, v in sample.items()}


def test_it_is_the_next_version_also_under_another_name(content: bytes, tmp_path: Path, second: Components) -> None:
    path = tmp_path / "version.zip"
    path.write_bytes(content)
    assert take(second, path, "houses").manifest.version == 1
    assert take(second, path, "houses").manifest.version == 2
    assert second.store.resolve("houses", "latest") == 2
    assert second.service.models["houses"].name == "polynomial"
    again = export_version(second.store, "houses", 2, None)
    path.write_bytes(again)
    assert (take(second, path, "flats").manifest.moved_from or {})["version"] == 2


def test_the_same_version_makes_the_same_archive(first: Components, content: bytes) -> None:
    assert export_version(first.store, "polynomial", 1, None) == content
    assert export_version(first.store, "polynomial", 1, KEY) != content


def test_with_a_key_only_what_it_signed_is_imported(
    first: Components, content: bytes, tmp_path: Path, second: Components
) -> None:
    path = tmp_path / "version.zip"
    assert "is not signed" in refused(second, path, content, key=KEY).detail
    signed = export_version(first.store, "polynomial", 1, KEY)
    assert "not signed with the key" in refused(second, path, signed, key=OTHER).detail
    changed = remade(parts(signed), metrics={"r2": 1.0})
    assert "was changed since" in refused(second, path, changed, key=KEY).detail
    moved = parts(signed) | {SIGNATURE: b"\xff" * 64}
    assert "not signed with the key" in refused(second, path, zipped(moved), key=KEY).detail
    path.write_bytes(signed)
    assert take(second, path).signed is False  # without a key there is nothing to check it with


def test_a_model_of_another_estimator_takes_none(content: bytes, tmp_path: Path, second: Components) -> None:
    error = refused(second, tmp_path / "version.zip", content, name="multivariate")
    assert isinstance(error, Conflict)
    assert isinstance(refused(second, tmp_path / "version.zip", content, name="../up"), Invalid)


def test_an_estimator_that_is_not_there_is_named(content: bytes, tmp_path: Path, second: Components) -> None:
    error = refused(second, tmp_path / "version.zip", remade(parts(content), estimator_name="gone"), name="houses")
    assert "gone" in error.detail


def test_a_version_that_predicts_otherwise_is_refused(content: bytes, tmp_path: Path, second: Components) -> None:
    contents = parts(content)
    arrays = unpack_arrays(contents["arrays.npz"])
    changed = {name: array * 1.5 if array.dtype == np.float64 else array for name, array in arrays.items()}
    contents["arrays.npz"] = bytes(pack_arrays(changed))
    assert "sample" in refused(second, tmp_path / "version.zip", remade(contents)).detail


def test_a_forest_with_a_forged_tree_is_refused(tmp_path: Path, second: Components) -> None:
    """The child of a node is the node itself: to predict with it would never end."""
    source_store = store(tmp_path / "source")
    fitted(source_store, "forest", kind="classes", inputs=2)
    contents = parts(export_version(source_store.store, "forest", 1, None))
    contents["model.skops"] = forged(contents["model.skops"])
    assert isinstance(refused(second, tmp_path / "version.zip", remade(contents)), Invalid)


def forged(skops: bytes) -> bytes:
    """A skops file whose trees point to themselves."""
    contents = parts(skops)
    for name, each in contents.items():
        if name.endswith(".npy"):
            array = np.load(io.BytesIO(each))
            if array.dtype.names and "left_child" in array.dtype.names:
                array["left_child"][0] = 0
                buffer = io.BytesIO()
                np.save(buffer, array, allow_pickle=False)
                contents[name] = buffer.getvalue()
    return zipped(contents)


def bomb(contents: dict[str, bytes]) -> bytes:
    return zipped({**contents, "arrays.npz": bytes(8 * MIB)}, zipfile.ZIP_DEFLATED)


def overlapping(contents: dict[str, bytes]) -> bytes:
    """Two entries of the directory lead to the same bytes."""
    raw = bytearray(zipped(contents))
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 42 : at + 46] = struct.pack("<L", 0)
    return bytes(raw)


def flipped(contents: dict[str, bytes]) -> bytes:
    raw = bytearray(zipped(contents))
    raw[raw.find(contents["arrays.npz"]) + 100] ^= 1
    return bytes(raw)


HOSTILE = {
    "empty": lambda contents: b"",
    "no archive": lambda contents: b"not a zip at all" * 100,
    "cut off": lambda contents: zipped(contents)[:-30],
    "a bomb": bomb,
    "entries that overlap": overlapping,
    "a flipped bit": flipped,
    "no manifest": lambda contents: zipped({k: v for k, v in contents.items() if k != MANIFEST_FILE}),
    "a manifest that is not JSON": lambda contents: zipped({**contents, MANIFEST_FILE: b"{" * 10_000}),
    "a changed manifest": lambda contents: zipped(
        {**contents, MANIFEST_FILE: contents[MANIFEST_FILE].replace(b"polynomial", b"multinomia")}
    ),
    "a file too many": lambda contents: zipped({**contents, "more.npz": b"x"}),
    "a file too few": lambda contents: zipped({k: v for k, v in contents.items() if k != "arrays.npz"}),
    "a path that leads out": lambda contents: zipped({**contents, "../../evil": b"x"}),
    "an absolute path": lambda contents: zipped({**contents, "/etc/evil": b"x"}),
    "arrays that are a pickle": lambda contents: remade({**contents, "arrays.npz": b"\x80\x04K\x01."}),
    "arrays of objects": lambda contents: remade({**contents, "arrays.npz": objects_file()}),
    "a sample of other columns": lambda contents: remade({**contents, SAMPLE_FILE: sample_file(ROWS)}),
    "a sample that is large": lambda contents: remade({**contents, SAMPLE_FILE: sample_file(np.zeros((99_999, 1)))}),
    "another format": lambda contents: remade(contents, format="skops"),
    "learned values of other types": lambda contents: remade(contents, learned={"predict": 1, "degree": "x"}),
}


def objects_file() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, weights=np.array([{}], dtype=object))
    return buffer.getvalue()


def sample_file(X: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, X=X, y=X[:, 0], predicted=X[:, 0])
    return buffer.getvalue()


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_in_words(kind: str, content: bytes, tmp_path: Path, second: Components) -> None:
    error = refused(second, tmp_path / "version.zip", HOSTILE[kind](parts(content)))
    assert isinstance(error, Invalid | Conflict), error
    assert error.detail


def test_an_archive_over_the_limit_is_not_read(tmp_path: Path, second: Components) -> None:
    path = tmp_path / "version.zip"
    with path.open("wb") as file:
        file.truncate(17 * MIB)
    with pytest.raises(Invalid, match="the limit is"):
        take(second, path)
