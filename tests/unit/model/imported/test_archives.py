"""Bounds on archives, from their directory alone: bombs, names that lead out, entries that overlap or repeat."""

import io
import struct
import warnings
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from app.errors import Invalid
from app.model.imported import archives
from app.model.imported.archives import check_archive

ENTRY = struct.Struct("<4s4B4HL2L5H2L")


def archive(entries: dict[str, bytes], compression: int = ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return buffer.getvalue()


def checked(tmp_path: Path, content: bytes) -> frozenset[str]:
    path = tmp_path / "model.skops"
    path.write_bytes(content)
    return check_archive(path)


def refusal(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        checked(tmp_path, content)
    assert caught.value.pointers == ["/file"]
    return caught.value.detail


def patched(content: bytes, **fields: int) -> bytes:
    """The first entry of the directory with other values."""
    places = {
        "flags": (8, "<H"),
        "method": (10, "<H"),
        "packed": (20, "<L"),
        "unpacked": (24, "<L"),
        "offset": (42, "<L"),
    }
    raw, at = bytearray(content), content.index(b"PK\x01\x02")
    for name, value in fields.items():
        place, form = places[name]
        struct.pack_into(form, raw, at + place, value)
    return bytes(raw)


def test_names_come_from_the_directory(tmp_path: Path) -> None:
    assert checked(tmp_path, archive({"schema.json": b"{}", "1.npy": b"x"})) == {"schema.json", "1.npy"}
    assert checked(tmp_path, archive({})) == set()


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../b", "a//b", "c:\\x", "./x", "x" * 300, "é.npy"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    assert "name of an entry" in refusal(tmp_path, archive({name: b""}))


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as file, warnings.catch_warnings(action="ignore"):
        file.writestr("schema.json", b"{}")
        file.writestr("schema.json", b"[]")
    assert "same name" in refusal(tmp_path, buffer.getvalue())


def test_what_unpacks_to_over_a_gibibyte_is_refused_unread(tmp_path: Path) -> None:
    bomb = patched(archive({"schema.json": b"", "1.npy": b"0" * 1000}), unpacked=2**30 + 1)
    assert "unpacked" in refusal(tmp_path, bomb)


def test_a_schema_over_its_bound_is_refused(tmp_path: Path) -> None:
    assert "schema.json has" in refusal(tmp_path, patched(archive({"schema.json": b"{}"}), unpacked=64_000_001))


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 3)
    assert checked(tmp_path, archive({f"{i}": b"" for i in range(3)}))
    assert "more than 3 entries" in refusal(tmp_path, archive({f"{i}": b"" for i in range(4)}))


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    content = archive({"a": b"1" * 1000, "b": b"2" * 1000})
    second = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    raw = bytearray(content)
    struct.pack_into("<L", raw, second + 42, 0)
    assert "overlap" in refusal(tmp_path, bytes(raw))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"flags": 1}, "encrypted"),
        ({"packed": 0xFFFFFFFF}, "64 bits"),
        ({"offset": 0x7FFFFFFF}, "cut off"),
        ({"method": 12}, "deflate"),
    ],
)
def test_odd_entries_are_refused(tmp_path: Path, change: dict[str, int], words: str) -> None:
    assert words in refusal(tmp_path, patched(archive({"schema.json": b"{}"}), **change))


def test_other_compressions_are_refused(tmp_path: Path) -> None:
    assert "deflate" in refusal(tmp_path, archive({"a": b"1" * 100}, ZIP_BZIP2))


def test_what_is_cut_off_or_has_more_around_it_is_refused(tmp_path: Path) -> None:
    whole = archive({"schema.json": b"{}", "a": b"1" * 1000})
    for cut in (5, 40, len(whole) // 2, len(whole) - 1):
        assert "archive" in refusal(tmp_path, whole[:cut])
    assert "damaged" in refusal(tmp_path, b"#!/bin/sh\n" + whole)
    assert "damaged" in refusal(tmp_path, whole + b"more")


def test_a_count_that_is_not_that_of_the_list_is_refused(tmp_path: Path) -> None:
    raw = bytearray(archive({"a": b"", "b": b""}))
    end = raw.index(b"PK\x05\x06")
    struct.pack_into("<2H", raw, end + 8, 1, 1)
    assert "otherwise than it lists" in refusal(tmp_path, bytes(raw))


def test_64_bit_directories_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as file:
        info = ZipInfo("schema.json")
        with file.open(info, "w", force_zip64=True) as entry:
            entry.write(b"{}")
    content = bytearray(buffer.getvalue())
    end = content.index(b"PK\x05\x06")
    struct.pack_into("<2H2L", content, end + 8, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    assert "more than 50000 entries" in refusal(tmp_path, bytes(content))
